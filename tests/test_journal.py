"""The journal: exact resume from every prefix, clear errors, nothing damaged."""

import contextlib
import functools
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives import BOX, jittery, sphere

import zoopt
from zoopt import (
    Choice,
    Dimension,
    Integer,
    JournalError,
    Objective,
    Opt,
    Parameter,
    Real,
    SRacos,
    load_history,
    minimize,
    resume,
)
from zoopt.core.registry import make_solver, registered
from zoopt.run import journal as journal_module
from zoopt.run import store
from zoopt.run.replay import JournalExecutor
from zoopt.run.search import Search
from zoopt.run.window import WindowExecutor
from zoopt.testing import SPACES, FaultyExecutor, objective, spaces_for

pytestmark = pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")

MIXED = {
    "rate": Real(1e-4, 1.0, log=True),
    "step": Real(0.0, 1.0, step=0.1),
    "layers": Integer(1, 9),
    "kind": Choice(["a", None, 2.5, True]),
    "fixed": Integer(3, 3),
}


def mixed(rate, step, layers, kind, fixed):
    if layers == 7:
        raise ValueError("seven")
    return abs(math.log(rate) + 3) + step + layers + (kind is not None) + fixed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


@pytest.fixture
def every_event_is_committed(monkeypatch):
    monkeypatch.setattr(journal_module, "GROUP_SECONDS", 0.0)


def cut(path, n_groups):
    """Take all but the first groups out of a file, as if the run had been killed there."""
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM groups WHERE number >= ?", (n_groups,))
        connection.execute("DELETE FROM sessions")
    connection.close()


def n_groups(path):
    with sqlite3.connect(path) as connection:
        n = connection.execute("SELECT COUNT(*) FROM groups").fetchone()[0]
    connection.close()
    return n


def same_run(a, b):
    assert a.timeline["id"].tolist() == b.timeline["id"].tolist()
    assert a.history.tobytes() == b.history.tobytes()
    assert a.statuses.tolist() == b.statuses.tolist()
    assert [failure[:2] for failure in a.failures] == [failure[:2] for failure in b.failures]
    assert a.fun == b.fun
    assert np.array_equal(a.x, b.x) if not isinstance(a.x, dict) else a.x == b.x


@pytest.mark.parametrize("algorithm", [s for s in sorted(registered()) if spaces_for(s, ["mixed"])])
@pytest.mark.parametrize("window", [None, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("every_event_is_committed")
def test_resume_from_every_prefix_is_the_uninterrupted_run(path, algorithm, window):
    options = {"budget": 40, "seed": 5, "algorithm": algorithm, "window": window}
    plain = minimize(mixed, MIXED, **options)
    same_run(minimize(mixed, MIXED, checkpoint=path, **options), plain)
    whole = path.with_suffix(".whole")
    shutil.copy(path, whole)
    n = n_groups(path)
    assert n >= 40
    for k in range(n + 1):
        shutil.copy(whole, path)
        cut(path, k)
        calls = []
        result = resume(path, lambda calls=calls, **point: calls.append(point) or mixed(**point))
        same_run(result, plain)
        assert len(calls) <= 40
        if k == n:
            assert calls == []


FATES = ["ok"] * 6 + ["failed", "lost"]


def faulty(workers, schedule):
    return FaultyExecutor(workers, schedule, lambda i: FATES[i * 7 % len(FATES)])


def evaluate(candidate):
    return objective(candidate), 0.0


def search_with(path, solver, space, executor, budget=40):
    made = make_solver(solver, SPACES[space], budget=40, seed=1)
    kept = JournalExecutor(executor, path, {"run": {"solver": solver, "space": space}})
    return Search(made, kept, evaluate, budget=budget, on_error="record").run()


@pytest.mark.parametrize("solver", sorted(registered()))
@given(
    schedule=st.lists(st.integers(0, 7), max_size=60),
    at=st.integers(0, 39),
    workers=st.integers(1, 6),
    window=st.one_of(st.none(), st.integers(1, 6)),
    which=st.integers(0, 3),
)
@settings(max_examples=20, deadline=None)
def test_a_run_that_ends_anywhere_goes_on(
    tmp_path_factory, solver, schedule, at, workers, window, which
):
    """Stopped at a random tell, then resumed with other workers and another schedule."""
    spaces = spaces_for(solver, ["mixed", "bits", "wide", "continuous"])
    space = spaces[which % len(spaces)]
    path = tmp_path_factory.mktemp("run") / "run.db"

    def executor(n, plan):
        inner = faulty(n, plan)
        return inner if window is None else WindowExecutor(inner, window)

    class Stopped(Exception):
        pass

    class StopAt(zoopt.Callback):
        def on_tell(self, search, candidate, evaluation):
            if search.nfev > at:
                raise Stopped

    made = make_solver(solver, SPACES[space], budget=40, seed=1)
    header = {"run": {"solver": solver, "space": space}}
    kept = JournalExecutor(executor(workers, schedule), path, header)
    with pytest.raises(Stopped):
        Search(made, kept, evaluate, budget=40, on_error="record", callbacks=[StopAt()]).run()
    before = load_history_ids(path)
    result = search_with(path, solver, space, executor(7 - workers, schedule[::-1]))
    assert result.timeline["id"].tolist()[: len(before)] == before
    assert sorted(result.timeline["id"]) == list(range(40))
    if window is not None:
        uninterrupted = search_with(
            path.with_name("other.db"), solver, space, executor(workers, schedule)
        )
        same_run(result, uninterrupted)
    again = search_with(path, solver, space, executor(2, ()))
    same_run(again, result)


def load_history_ids(path):
    _, groups = store.read(path)
    return [ident for group in groups for ident in group.tells["id"].tolist()]


KILLED = """
import sys, time
import numpy as np
import zoopt

def fun(x):
    time.sleep(0.001)
    return float(((x - 0.2) ** 2).sum())

if __name__ == "__main__":
    window = int(sys.argv[2]) or None
    zoopt.minimize(
        fun, [(-1, 1)] * 4, budget=1500, seed=2, checkpoint=sys.argv[1],
        workers=2 if window else 1, window=window,
    )
"""


@pytest.mark.parametrize("window", [None, 6])
def test_kill_9_loses_nothing_but_the_last_moment(path, tmp_path, window):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(KILLED))
    kept = 0
    for _ in range(2):
        command = [sys.executable, "-P", str(script), str(path), str(window or 0)]
        driver = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.05)
            if path.exists() and len(load_history(path)) >= kept + 100:
                break
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        now = len(load_history(path))
        assert kept + 100 <= now < 1500
        kept = now
    calls = []
    result = resume(path, lambda x: calls.append(x) or sphere(x), workers=1)
    same_run(result, minimize(sphere, BOX, budget=1500, seed=2, window=window))
    assert len(calls) == 1500 - kept


def test_a_larger_budget_goes_on_with_the_planned_sizes(path):
    first = minimize(sphere, BOX, budget=60, seed=0, checkpoint=path)
    longer = resume(path, sphere, budget=200)
    assert (longer.history[:60] == first.history).all()
    assert longer.nfev == 200
    same_run(resume(path, sphere, budget=200), longer)
    same_run(minimize(sphere, BOX, budget=200, seed=0, checkpoint=path), longer)
    with pytest.raises(ValueError, match="budget must be at least the 200 evaluations"):
        resume(path, sphere, budget=100)


def test_other_workers_and_another_executor_are_fine(path):
    plain = minimize(jittery, BOX, budget=90, seed=0, window=5)

    def stop_at(n):
        def stop(search):
            if search.nfev == n:
                raise KeyboardInterrupt

        return stop

    options = {"seed": 0, "window": 5, "checkpoint": path}
    minimize(jittery, BOX, budget=90, callbacks=[stop_at(20)], **options)
    minimize(jittery, BOX, budget=90, callbacks=[stop_at(50)], workers=3, **options)
    result = resume(path, jittery, workers=2, backend="thread")
    same_run(result, plain)


def test_opt_min_resumes_with_its_sizes_points_and_attachments(path):
    def objective():
        made = Objective(lambda s: sphere(s.x), Dimension(4, [[-1, 1]] * 4, [True] * 4))
        made.set_post_inherit_func(lambda: "after")
        return made

    samples = [[0.0] * 4, zoopt.Solution(x=[0.5] * 4, value=0.36)]
    parameter = Parameter(budget=80, seed=3, init_samples=samples, uncertain_bits=2)
    plain = Opt.min(objective(), parameter)

    def interrupt(search):
        if search.nfev == 30:
            raise KeyboardInterrupt

    kept = Parameter(
        budget=80, seed=3, init_samples=samples, uncertain_bits=2, checkpoint=path,
        callbacks=[interrupt],
    )  # fmt: skip
    Opt.min(objective(), kept)
    target = objective()
    solution = resume(path, target)
    same_run(solution.result, plain.result)
    assert solution.get_post_attach() == "after"
    assert target.get_history() == plain.result.history.tolist()
    larger = Parameter(budget=2000, seed=3, init_samples=samples, uncertain_bits=2, checkpoint=path)
    longer = Opt.min(objective(), larger)
    assert longer.result.nfev == 2000
    assert (longer.result.history[:80] == plain.result.history).all()


def test_stop_rules_are_told_the_past(path):
    class Patience:
        """Stops 20 evaluations after the last improvement."""

        def __init__(self):
            self.best, self.since = math.inf, 0

        def __call__(self, search):
            value = search.best.value
            self.since = 0 if value < self.best else self.since + 1
            self.best = min(self.best, value)
            return self.since >= 20

    plain = minimize(sphere, BOX, budget=5000, seed=0, stop=Patience())
    assert plain.status == "stop"

    def interrupt(search):
        if search.nfev == plain.nfev - 5:
            raise KeyboardInterrupt

    options = {"budget": 5000, "seed": 0, "checkpoint": path}
    minimize(sphere, BOX, stop=Patience(), callbacks=[interrupt], **options)
    with pytest.raises(ValueError, match="stop must be passed again"):
        resume(path, sphere)
    with pytest.raises(JournalError, match="stop is"):
        resume(path, sphere, stop=lambda search: False)
    result = resume(path, sphere, stop=Patience())
    assert result.status == "stop"
    same_run(result, plain)
    fun = lambda x: pytest.fail("evaluated again")  # noqa: E731
    same_run(resume(path, fun, stop=Patience()), plain)


def test_callbacks_see_what_is_replayed_and_can_tell(path):
    minimize(sphere, BOX, budget=30, seed=0, checkpoint=path)
    seen = []
    resume(path, sphere, budget=40, callbacks=[lambda search: seen.append(search.replaying)])
    assert seen == [True] * 30 + [False] * 10


def test_a_time_budget_counts_over_all_parts(path):
    def slow(x):
        time.sleep(0.01)
        return sphere(x)

    result = minimize(slow, BOX, budget=10_000, seed=0, checkpoint=path, time_budget=0.3)
    assert result.status == "time_budget"
    again = resume(path, lambda x: pytest.fail("evaluated again"))
    assert again.status == "time_budget"
    same_run(again, result)
    longer = minimize(slow, BOX, budget=10_000, seed=0, checkpoint=path, time_budget=0.6)
    assert result.nfev + 10 < longer.nfev < 60


def test_a_run_that_raised_goes_on_with_a_mended_objective(path):
    def broken(x):
        raise RuntimeError("boom")

    for on_error in ("auto", "raise"):
        with pytest.raises(RuntimeError):
            minimize(broken, BOX, budget=30, seed=0, checkpoint=path, on_error=on_error)
        result = resume(path, sphere)
        assert result.nfev == 30
        assert result.n_failed == {"auto": 3, "raise": 1}[on_error]
        assert "RuntimeError: boom" in result.failures[0].error
        path.unlink()


def test_an_unseeded_run_keeps_its_seed(path):
    plain = minimize(sphere, BOX, budget=30, checkpoint=path)
    same_run(minimize(sphere, BOX, budget=30, checkpoint=path), plain)
    same_run(minimize(sphere, BOX, budget=30, seed=plain.seed), plain)


def test_one_file_is_left(path):
    minimize(sphere, BOX, budget=30, seed=0, checkpoint=path)
    load_history(path)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["with space.db", "a?b#c%20.db", "ünïcode.db", "no_suffix"])
def test_any_file_name_serves(tmp_path, name):
    path = tmp_path / name
    minimize(sphere, BOX, budget=20, seed=0, checkpoint=str(path))
    assert len(load_history(path)) == 20
    assert os.listdir(tmp_path) == [name]


def test_batches_of_a_vectorized_run_resume(path):
    def matrix(x):
        return ((x - 0.2) ** 2).sum(axis=1)

    def interrupt(search):
        if search.nfev == 100:
            raise KeyboardInterrupt

    options = {"budget": 300, "seed": 0, "vectorized": True}
    plain = minimize(matrix, BOX, **options)
    minimize(matrix, BOX, checkpoint=path, callbacks=[interrupt], **options)
    same_run(resume(path, matrix), plain)


def test_large_rows_are_kept_as_digests_and_small_steps_as_steps(path):
    space = [(-1.0, 1.0)] * 20_000
    algorithm = functools.partial(SRacos, uncertain_bits="table")
    options = {"budget": 300, "seed": 0, "algorithm": algorithm}
    plain = minimize(lambda x: float(x @ x), space, **options)
    result = minimize(lambda x: float(x @ x), space, checkpoint=path, **options)
    same_run(result, plain)
    assert path.stat().st_size < 100_000
    same_run(resume(path, lambda x: pytest.fail("evaluated again"), solver=algorithm), plain)
    history = load_history(path)
    assert history.trials[0].point is None
    with pytest.raises(LookupError, match="digest"):
        history.point(0)


def test_groups_stay_small_and_lose_nothing(path, monkeypatch):
    monkeypatch.setattr(journal_module, "GROUP_SECONDS", 60.0)
    monkeypatch.setattr(journal_module, "MAX_SHARE", 1e-9)
    box = [(-1.0, 1.0)] * 500
    options = {"budget": 3000, "seed": 0, "algorithm": "random"}
    result = minimize(sphere, box, checkpoint=path, **options)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        sizes = [size for (size,) in connection.execute("SELECT length(data) FROM groups")]
    assert len(sizes) >= 3000 * 4000 // journal_module.GROUP_BYTES
    assert max(sizes) < 1.1 * journal_module.GROUP_BYTES
    same_run(resume(path, lambda x: pytest.fail("evaluated again")), result)


# ---------------------------------------------------------------- load_history


@pytest.mark.parametrize(
    "other", [[(-1.0, 1.0)] * 5, [(-1.0, 2.0)] * 4, {f"x{i}": (-1.0, 1.0) for i in range(4)}]
)
def test_a_history_is_not_read_by_another_space(path, other):
    result = minimize(sphere, BOX, budget=20, seed=0, checkpoint=path)
    with pytest.raises(JournalError, match="space is not the one of the run"):
        load_history(path, other)
    assert load_history(path, BOX).best.point.tolist() == result.x.tolist()


def test_the_history_holds_every_trial(path):
    result = minimize(mixed, MIXED, budget=60, seed=0, checkpoint=path, workers=2)
    history = load_history(path)
    assert (history.ids == result.timeline["id"]).all()
    assert history.values.tobytes() == result.history.tobytes()
    assert history.statuses.tolist() == result.statuses.tolist()
    assert set(history.workers) == set(result.timeline["worker"])
    assert (history.finished >= history.started).all()
    assert history.best.value == result.fun
    assert history.best.point == result.x
    failed = [trial for trial in history if trial.status != "ok"]
    assert len(failed) == result.n_failed > 0
    assert all(trial.point["layers"] == 7 and "seven" in trial.error for trial in failed)
    for trial in history:
        if trial.status == "ok":
            assert mixed(**trial.point) == trial.value
    pytest.importorskip("pandas")
    frame = history.to_frame()
    assert list(frame["value"].dropna()) == [v for v in result.history if v == v]
    assert "60 evaluations" in repr(history)


def test_the_history_follows_points_that_were_known_beforehand(path):
    seen = []

    def func(solution):
        seen.append(solution.get_x())
        return float(((solution.x - 0.2) ** 2).sum())

    known = [zoopt.Solution(x=[0.2, 0.2, v], value=v) for v in (0.1, 0.01)]
    zoopt.Opt.min(
        zoopt.Objective(func, zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3)),
        zoopt.Parameter(budget=60, seed=0, init_samples=known, checkpoint=path),
    )
    assert [trial.point.tolist() for trial in zoopt.load_history(path)] == seen


def test_the_history_leaves_out_what_came_from_another_search(path):
    """It ends, and says so: it once went round for ever."""

    class Told(zoopt.Callback):
        def on_tell(self, search, candidate, evaluation):
            if search.nfev == 30:
                search.solver.tell_point([0.2] * 4, 0.0)

    minimize(sphere, BOX, budget=80, seed=0, checkpoint=path, callbacks=[Told()])
    history = zoopt.load_history(path)
    assert sum(trial.point is None for trial in history) > 5
    lost = next(trial.number for trial in history if trial.point is None)
    with pytest.raises(LookupError, match="from elsewhere"):
        history.point(lost)


def test_the_history_of_a_live_run_can_be_read(path):
    lengths = []

    def look(search):
        if search.nfev % 50 == 0:
            time.sleep(0.21)
        if search.nfev % 50 == 1 and search.nfev > 1:
            lengths.append((search.nfev, len(load_history(path))))

    result = minimize(sphere, BOX, budget=260, seed=0, checkpoint=path, callbacks=[look])
    assert result.nfev == 260
    assert len(lengths) == 5
    assert all(0 <= now - seen <= 2 for now, seen in lengths)


def test_a_space_of_objects_must_be_passed_again(path):
    class Layer:
        def __init__(self, n):
            self.n = n

    layers = [Layer(1), Layer(2), Layer(3)]
    space = {"layer": Choice(layers), "x": Real(0, 1)}

    def fun(layer, x):
        return layer.n + x

    result = minimize(fun, space, budget=30, seed=0, checkpoint=path)
    history = load_history(path)
    assert history.trials[0].point is None
    with pytest.raises(LookupError, match="space"):
        history.point(0)
    assert load_history(path, space=space).best.point == result.x
    with pytest.raises(ValueError, match="space must be passed again"):
        resume(path, fun)
    same_run(resume(path, fun, space=space), result)


def test_a_factory_must_be_passed_again(path):
    result = minimize(sphere, BOX, budget=30, seed=0, checkpoint=path, algorithm=zoopt.SRacos)
    with pytest.raises(ValueError, match="solver must be passed again"):
        resume(path, sphere)
    with pytest.raises(JournalError, match="algorithm is"):
        resume(path, sphere, solver=zoopt.Racos)
    same_run(resume(path, sphere, solver=zoopt.SRacos), result)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 1}, "seed is"),
        ({"space": [(-1.0, 1.0)] * 5}, "space is"),
        ({"space": [(-1.0, 2.0)] * 4}, "space is"),
        ({"algorithm": "racos"}, "algorithm is"),
        ({"algorithm": zoopt.SRacos}, "algorithm is"),
        ({"window": 3}, "window is"),
        ({"x0": [[0.0] * 4]}, "x0 is"),
        ({"vectorized": True}, "vectorized is"),
        ({"stop": lambda search: False}, "stop is"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_another_run_is_refused_and_named(path, changes, words):
    minimize(sphere, BOX, budget=40, seed=0, checkpoint=path)
    before = path.read_bytes()
    options = {"budget": 40, "seed": 0, **changes}
    space = options.pop("space", BOX)
    with pytest.raises(JournalError, match=words):
        minimize(lambda x: pytest.fail("evaluated"), space, checkpoint=path, **options)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def broken_text(path):
    path.write_text("value,x\n1,2\n")


def broken_database(path):
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()


def of_format(number, path):
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={number}")
    connection.commit()
    connection.close()


def newer(path):
    of_format(99, path)


def older(path):
    of_format(1, path)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-5000])


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    connection = sqlite3.connect(path)
    data = bytearray(connection.execute("SELECT data FROM groups").fetchone()[0])
    connection.close()
    content = bytearray(path.read_bytes())
    place = content.find(bytes(data[400:440]))
    assert place > 0
    content[place] ^= 1
    path.write_bytes(content)


def missing_group(path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE groups SET number = number + 1")
    connection.commit()
    connection.close()


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (broken_text, "cannot be used: file is not a database"),
        (broken_database, "not a checkpoint file of zoopt"),
        (newer, f"newer version of zoopt: it has format 99, .* format {store.FORMAT} only"),
        (older, f"older version of zoopt: it has format 1, .* format {store.FORMAT} only"),
        (truncated, "malformed|damaged"),
        (halved, "malformed|damaged"),
        (flipped, "damaged"),
        (missing_group, "damaged"),
        (empty, "not a checkpoint file of zoopt"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(path, harm, words):
    minimize(sphere, [(-1.0, 1.0)] * 40, budget=400, seed=0, checkpoint=path)
    if harm in (broken_text, broken_database):
        path.unlink()
    harm(path)
    before = path.read_bytes()
    fun = lambda x: pytest.fail("evaluated")  # noqa: E731
    with pytest.raises(JournalError, match=words):
        minimize(fun, [(-1.0, 1.0)] * 40, budget=400, seed=0, checkpoint=path)
    with pytest.raises(JournalError, match=words):
        resume(path, fun)
    with pytest.raises(JournalError, match=words):
        load_history(path)
    assert path.read_bytes() == before


def test_no_file_and_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        resume(tmp_path / "none.db", sphere)
    with pytest.raises(FileNotFoundError):
        load_history(tmp_path / "none.db")
    with pytest.raises(JournalError, match="none"):
        minimize(sphere, BOX, budget=10, checkpoint=tmp_path / "none" / "run.db")
    with pytest.raises(ValueError, match="checkpoint must be the path of a file"):
        minimize(sphere, BOX, budget=10, checkpoint=tmp_path)


@pytest.fixture
def nobody():
    """Be an ordinary user for a while: for root no folder is read-only."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=oct)
def test_a_folder_that_cannot_be_written_to_or_looked_into(nobody, mode):
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(mode)
        with pytest.raises(JournalError, match="cannot be used"):
            minimize(lambda x: pytest.fail("evaluated"), BOX, budget=10, checkpoint=folder / "r.db")
        assert mode == 0 or os.listdir(folder) == []
    finally:
        folder.rmdir()


def test_a_finished_run_in_a_read_only_folder_can_be_read(nobody):
    folder = Path(tempfile.mkdtemp())
    path = folder / "run.db"
    try:
        minimize(sphere, BOX, budget=20, seed=0, checkpoint=path)
        path.chmod(0o444)
        folder.chmod(0o555)
        assert len(load_history(path)) == 20
        assert os.listdir(folder) == ["run.db"]
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_read_only_place(path):
    """The kernel's own files are read-only for root too."""
    with pytest.raises(JournalError, match="cannot be used"):
        minimize(sphere, BOX, budget=10, checkpoint="/proc/run.db")


def test_a_second_run_on_the_same_file_is_refused(path):
    def nested(search):
        if search.nfev == 10:
            with pytest.raises(JournalError, match="in use by another run"):
                minimize(sphere, BOX, budget=30, seed=0, checkpoint=path)
            other = subprocess.run(
                [sys.executable, "-P", "-c", SECOND, str(path)], capture_output=True, text=True
            )
            assert "in use by another run" in other.stderr

    result = minimize(sphere, BOX, budget=30, seed=0, checkpoint=path, callbacks=[nested])
    assert result.nfev == 30
    same_run(resume(path, sphere), result)


SECOND = """
import sys, zoopt
zoopt.minimize(lambda x: 0.0, [(-1.0, 1.0)] * 4, budget=30, seed=0, checkpoint=sys.argv[1])
"""


@pytest.mark.usefixtures("every_event_is_committed")
def test_a_full_disk_stops_the_run_and_keeps_what_was_committed(path, monkeypatch):
    connect = journal_module.connect

    def small(where, mode):
        connection = connect(where, mode)
        if mode == "rw":
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count={pages + 3}")
        return connection

    monkeypatch.setattr(journal_module, "connect", small)
    with pytest.raises(JournalError, match="full") as caught:
        minimize(sphere, BOX, budget=5000, seed=0, checkpoint=path)
    reached = caught.value.result
    assert 0 < reached.nfev < 5000
    assert reached.fun == min(reached.history)
    monkeypatch.setattr(journal_module, "connect", connect)
    kept = load_history(path)
    assert 0 < len(kept) <= reached.nfev + 1
    same_run(resume(path, sphere, budget=5000), minimize(sphere, BOX, budget=5000, seed=0))


def test_a_solver_that_changed_is_noticed(path):
    minimize(sphere, BOX, budget=40, seed=0, checkpoint=path)

    class Other(zoopt.SRacos):
        def _propose(self):
            proposal = super()._propose()
            return proposal if self.n_asked < 20 else (self.space.low, None)

    before = path.read_bytes()
    registry = zoopt.core.registry._REGISTRY
    kept = registry["sracos"]
    registry["sracos"] = Other
    try:
        with pytest.raises(JournalError, match="ask 20 differs"):
            resume(path, sphere)
    finally:
        registry["sracos"] = kept
    assert path.read_bytes() == before
    same_run(resume(path, sphere), minimize(sphere, BOX, budget=40, seed=0))


def test_the_wrong_kind_of_objective_is_refused(path):
    minimize(sphere, BOX, budget=20, seed=0, checkpoint=path)
    with pytest.raises(TypeError, match="must be the function"):
        resume(path, Objective(lambda s: 0.0, Dimension(4, [[-1, 1]] * 4, [True] * 4)))
    with pytest.raises(TypeError, match="parameter needs an Objective"):
        resume(path, sphere, parameter=Parameter(budget=10))
    with pytest.raises(TypeError, match="objective must be callable"):
        resume(path, 3)


INTERRUPTS = """
import os, signal, sys, zoopt

def sphere(x):
    return float(((x - 0.2) ** 2).sum())

run = dict(space=[(-1.0, 1.0)] * 4, budget=3000, seed=0)
plain = zoopt.minimize(sphere, **run)
signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))
n_interrupted = 0
for i in range(25):
    path = os.path.join(sys.argv[1], f"{i}.db")
    signal.setitimer(signal.ITIMER_REAL, 0.003 + 0.0007 * i)
    try:
        n_interrupted += zoopt.minimize(sphere, checkpoint=path, **run).status == "interrupted"
    except KeyboardInterrupt:  # before the run began, or after it ended
        n_interrupted += 1
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    again = zoopt.minimize(sphere, checkpoint=path, **run)
    assert again.history.tobytes() == plain.history.tobytes(), i
print(n_interrupted > 5)
"""


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_at_any_moment_leaves_a_whole_file(tmp_path):
    """One Ctrl-C after some time, within the journal or without; then the run is resumed."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", INTERRUPTS, str(tmp_path)], capture_output=True, text=True
    )
    assert ran.stdout == "True\n", ran.stderr


def test_a_reader_in_the_midst_does_not_stop_the_writer(path):
    minimize(sphere, BOX, budget=50, seed=0, checkpoint=path)
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM groups").fetchone()
    started = time.monotonic()
    result = resume(path, sphere, budget=300)
    assert time.monotonic() - started < 5
    reader.close()
    same_run(result, resume(path, sphere))


def test_an_extended_run_resumes_to_its_extended_end(path):
    minimize(sphere, BOX, budget=50, seed=0, checkpoint=path)
    longer = resume(path, sphere, budget=120)
    fun = lambda x: pytest.fail("evaluated again")  # noqa: E731
    same_run(resume(path, fun), longer)


def test_a_relative_path_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()

    def fun(x):
        os.chdir(tmp_path / "elsewhere")
        return sphere(x)

    minimize(fun, BOX, budget=20, seed=0, checkpoint="run.db")
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "run.db"]
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_link_is_the_file_it_leads_to(path):
    link = path.with_name("link.db")
    link.symlink_to(path)

    def nested(search):
        if search.nfev == 5:
            with pytest.raises(JournalError, match="in use"):
                minimize(sphere, BOX, budget=20, seed=0, checkpoint=path)

    result = minimize(sphere, BOX, budget=20, seed=0, checkpoint=link, callbacks=[nested])
    same_run(resume(path, sphere), result)
    assert sorted(os.listdir(path.parent)) == ["link.db", "run.db"]


def test_the_lock_does_not_outlive_the_run_in_forked_children(path):
    script = textwrap.dedent(
        """
        import os, signal, sys, time, zoopt
        def fork(search):
            if search.nfev == 5:
                pid = os.fork()
                if pid == 0:
                    time.sleep(600)
                    os._exit(0)
                print(pid, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
        zoopt.minimize(
            lambda x: float(((x - 0.2) ** 2).sum()), [(-1.0, 1.0)] * 4, budget=30, seed=0,
            checkpoint=sys.argv[1], callbacks=[fork],
        )
        """
    )
    driver = subprocess.Popen(
        [sys.executable, "-P", "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )
    stranger = int(driver.stdout.readline())
    driver.wait()
    driver.stdout.close()
    try:
        same_run(resume(path, sphere), minimize(sphere, BOX, budget=30, seed=0))
    finally:
        os.kill(stranger, signal.SIGKILL)


@pytest.mark.parametrize(
    "seed", [np.random.SeedSequence([1, 2]), np.random.SeedSequence(3, pool_size=8)], ids=str
)
def test_every_kind_of_seed_is_kept(path, seed):
    result = minimize(sphere, BOX, budget=20, seed=seed, checkpoint=path)
    longer = resume(path, sphere, budget=40)
    assert (longer.history[:20] == result.history).all()
    same_run(resume(path, sphere), longer)


def test_a_rule_with_other_constants_is_another_rule(path):
    minimize(sphere, BOX, budget=50, seed=0, checkpoint=path, stop=lambda s: s.nfev >= 20)
    with pytest.raises(JournalError, match="stop is"):
        resume(path, sphere, stop=lambda s: s.nfev >= 30)
    assert resume(path, sphere, stop=lambda s: s.nfev >= 20).nfev == 20


def test_a_copy_of_the_file_alone_is_whole_though_somebody_reads_it(path):
    """A reader that leaves last must not keep what was written in the log beside the file."""
    readers = []

    def read(search):
        if search.nfev == 150:
            readers.append(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))
            readers[0].execute("SELECT COUNT(*) FROM groups").fetchone()

    minimize(jittery, BOX, budget=300, seed=0, checkpoint=path, callbacks=[read])
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    readers[0].close()
    assert len(load_history(copy)) == 300
