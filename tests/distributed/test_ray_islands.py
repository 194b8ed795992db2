"""Islands on a real Ray of two CPUs: one answer whatever happens, and what is refused."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from objectives import BOX, jittery, sphere

import zoopt

ray = pytest.importorskip("ray")

from zoopt.distributed import minimize_islands  # noqa: E402
from zoopt.distributed.islands import archipelago  # noqa: E402

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("local_ray"),
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to turn into errors
]

WAY = {"budget": 203, "islands": 2, "seed": 7}


def of(result):
    """What makes a run of islands."""
    return [island.history.tolist() for island in result.islands]


@pytest.fixture(scope="module")
def undisturbed(local_ray):
    result = minimize_islands(sphere, BOX, **WAY)
    assert result.n_restarts == 0
    return of(result)


@pytest.mark.slow
def test_the_budget_is_shared_and_the_best_of_all_returned(undisturbed):
    assert [len(values) for values in undisturbed] == [102, 101]
    result = minimize_islands(sphere, BOX, **WAY)
    assert of(result) == undisturbed  # same seed, same answer
    assert (result.nfev, result.status, result.success, result.seed) == (203, "budget", True, 7)
    assert result.fun == min(map(min, undisturbed)) == sphere(result.x)
    other = minimize_islands(sphere, BOX, **{**WAY, "seed": 8})
    assert of(other) != undisturbed


@pytest.mark.slow
def test_who_is_fast_makes_no_difference(undisturbed, tmp_path):
    def uneven(x):
        """Be slow in the process that comes first."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(tmp_path / "slow", os.O_CREAT | os.O_EXCL))
            (tmp_path / f"slow-{os.getpid()}").touch()
        if (tmp_path / f"slow-{os.getpid()}").exists():
            time.sleep(0.01)
        return sphere(x)

    result = minimize_islands(uneven, BOX, **WAY)
    assert of(result) == undisturbed
    spent = sorted(
        float((i.timeline["finished"] - i.timeline["started"]).sum()) for i in result.islands
    )
    assert spent[1] > 2 * spent[0]  # one of them was slow indeed
    assert of(minimize_islands(jittery, BOX, num_cpus=0, **WAY)) == undisturbed


def test_islands_show_each_other_their_best():
    """One that begins at the optimum has told all others after some exchanges."""
    result = minimize_islands(
        sphere, BOX, budget=100, islands=3, exchange=5, x0=[0.2] * 4, seed=0, num_cpus=0.5
    )
    alone = minimize_islands(
        sphere, BOX, budget=100, islands=3, exchange=1000, x0=[0.2] * 4, seed=0, num_cpus=0.5
    )
    assert [island.fun for island in result.islands] == [0.0] * 3
    assert sum(island.fun == 0.0 for island in alone.islands) == 1
    assert result.islands[0].history[0] == 0.0
    assert 0.0 not in result.islands[1].history[:5]


class DiesOnce:
    """Ends its process at some points, the first time."""

    def __init__(self, folder, n):
        self.folder, self.n = str(folder), n

    def __call__(self, x):
        for i in range(self.n):
            if 0.02 * i < sphere(x) - 0.2 < 0.02 * (i + 1):
                try:
                    os.close(os.open(f"{self.folder}/{i}", os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return sphere(x)


@pytest.mark.parametrize("keeps", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_an_island_that_is_lost_begins_again_on_the_same_way(tmp_path, undisturbed, keeps):
    (tmp_path / "marks").mkdir()
    result = minimize_islands(
        DiesOnce(tmp_path / "marks", 3),
        BOX,
        **WAY,
        checkpoint=tmp_path / "run" if keeps else None,
        retries=3,
    )
    assert result.n_restarts == len(list((tmp_path / "marks").iterdir())) >= 1
    assert of(result) == undisturbed


def test_one_that_is_lost_again_and_again_is_given_up_and_the_others_end(tmp_path):
    def fatal(x):
        if x[0] == 0.25:
            os.kill(os.getpid(), signal.SIGKILL)
        return sphere(x)

    result = minimize_islands(
        fatal, BOX, budget=80, islands=2, seed=0, x0=[0.25] * 4, retries=1, checkpoint=tmp_path
    )
    assert (result.status, result.success, result.n_restarts) == ("lost", True, 1)
    assert result.islands[0] is None
    assert result.islands[1].nfev == result.nfev == 40
    with pytest.raises(zoopt.ExecutorError, match="every island was lost"):
        minimize_islands(
            lambda x: os.kill(os.getpid(), signal.SIGKILL), BOX, budget=4, islands=2, retries=0
        )


def test_all_stop_soon_when_one_is_at_the_goal():
    result = minimize_islands(
        sphere, BOX, budget=10**6, islands=2, seed=0, terminal_value=1e-3, exchange=20
    )
    assert result.status == "terminal_value"
    assert result.fun <= 1e-3
    assert {island.status for island in result.islands} <= {"terminal_value", "callback"}
    assert result.nfev < 20_000


def test_what_an_objective_raises_reaches_the_caller():
    def broken(x):
        raise OSError("no licence")

    with pytest.raises(OSError, match="no licence"):
        minimize_islands(broken, BOX, **WAY)
    result = minimize_islands(broken, BOX, budget=20, islands=2, on_error="record")
    assert (result.success, result.x, result.n_failed, result.nfev) == (False, None, 20, 20)
    assert np.isnan(result.fun)


@pytest.mark.slow
def test_named_spaces_and_workers_of_their_own():
    space = {"a": zoopt.Real(-1, 1), "b": zoopt.Choice(["u", "v"])}
    way = {"budget": 60, "islands": 2, "seed": 1, "window": 4, "num_cpus": 0.5}

    def fun(a, b):
        return a * a + (b == "u")

    with_workers = minimize_islands(fun, space, workers=2, backend="thread", **way)
    alone = minimize_islands(fun, space, **way)
    assert of(with_workers) == of(alone)
    assert set(alone.x) == {"a", "b"}
    on_ray = minimize_islands(
        fun, space, budget=20, islands=2, seed=1, window=4, backend="ray", num_cpus=0
    )
    assert all("ray" in island.timeline["worker"][0] for island in on_ray.islands)


def test_constraints_hold_on_islands():
    way = {"budget": 100, "islands": 2, "seed": 3, "num_cpus": 0.5}
    result = minimize_islands(sphere, BOX, constraint=lambda x: 0.5 - x.sum(), **way)
    assert result.success
    assert result.x.sum() <= 0.5
    result = minimize_islands(sphere, BOX, constraint=lambda x: x.sum() - 5, **way)
    assert (result.success, "no feasible point" in result.message) == (False, True)
    least = min(island.maxcv for island in result.islands)
    assert 5 - result.x.sum() == least > 0
    result = minimize_islands(sphere, BOX, filter=lambda x: x[0] < 0, **way)
    assert result.x[0] < 0


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ({"islands": 0}, ValueError, "islands must be"),
        ({"islands": 21}, ValueError, "islands must be at most the budget"),
        ({"exchange": 0}, ValueError, "exchange must be"),
        ({"lag": -1}, ValueError, "lag must be"),
        ({"retries": -1}, ValueError, "retries must be"),
        ({"algorithm": "magic"}, ValueError, "algorithm"),
        ({"backend": object()}, TypeError, "backend must be"),
        ({"budget": 0}, ValueError, "budget must be"),
        ({"num_cpus": -1}, ValueError, "num_cpus must be"),
        ({"address": 3}, TypeError, "address must be"),
        ({"on_error": "hide"}, ValueError, "on_error must be"),
        ({"eval_timeout": 3, "backend": "thread"}, ValueError, "eval_timeout needs"),
        ({"x0": [3, 3, 3, 3]}, ValueError, "x0"),
    ],
)
def test_bad_input_is_refused_before_any_call(bad, error, words, tmp_path):
    def fun(x):
        (tmp_path / "called").touch()
        return 0.0

    with pytest.raises(error, match=words):
        minimize_islands(fun, BOX, **{"budget": 20, "islands": 2, **bad})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_islands_that_find_no_room_say_so(monkeypatch):
    monkeypatch.setattr(archipelago, "PATIENCE_SECONDS", 4.0)
    with pytest.raises(zoopt.ExecutorError, match=r"1 of 2 islands .* claims .'CPU': 2"):
        minimize_islands(sphere, BOX, budget=100, islands=2, num_cpus=2, start_timeout=3)


def test_a_driver_that_is_killed_goes_on_where_it_was(tmp_path, undisturbed):
    program = textwrap.dedent(f"""
        import sys, time
        sys.path.insert(0, {os.path.dirname(sys.modules["objectives"].__file__)!r})
        from objectives import BOX, sphere
        from zoopt.distributed import minimize_islands
        def fun(x):
            time.sleep(0.05)
            return sphere(x)
        minimize_islands(fun, BOX, **{WAY!r}, checkpoint={str(tmp_path)!r}, address="auto")
    """)
    address = ray.get_runtime_context().gcs_address
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", program], env={**os.environ, "RAY_ADDRESS": address}
    )
    journal, deadline = tmp_path / "island-1.db", time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if journal.exists() and zoopt.load_history(journal).values.size >= 30:
            break
        time.sleep(0.1)
    process.kill()
    process.wait()
    n_done = zoopt.load_history(journal).values.size
    assert 30 <= n_done < 101
    with pytest.raises(zoopt.JournalError, match="exchange is 10 there and 11 here"):
        minimize_islands(sphere, BOX, **WAY, exchange=11, checkpoint=tmp_path)
    result = minimize_islands(
        sphere, BOX, budget=WAY["budget"], islands=2, checkpoint=tmp_path, num_cpus=0.5
    )
    assert of(result) == undisturbed
    assert result.islands[1].timeline["worker"].size == 101
