"""The Ray executor on a real Ray of two CPUs: faults, deadlines, what is shared and refused."""

import logging
import os
import threading
import time

import numpy as np
import objectives
import pytest
from objectives import BOX, MarkedOnce, jittery, sphere

import zoopt
from zoopt import ExecutorError, Opt, minimize
from zoopt.testing import EXECUTOR_LAWS

ray = pytest.importorskip("ray")

from zoopt.distributed import RayExecutor  # noqa: E402
from zoopt.distributed.ray import executor  # noqa: E402
from zoopt.distributed.ray.executor import _Actor  # noqa: E402
from zoopt.distributed.ray.nodes import NodeWatch  # noqa: E402

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("local_ray"),
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to turn into errors
]


@pytest.mark.parametrize("law", EXECUTOR_LAWS.values(), ids=EXECUTOR_LAWS)
def test_ray_keeps_the_law(law, few_solvers):
    law(lambda: RayExecutor(2))


@pytest.mark.slow
def test_ray_keeps_the_law_of_the_window_with_every_solver():
    EXECUTOR_LAWS["with_a_window_every_solver_goes_the_way_of_one_worker"](lambda: RayExecutor(2))


def test_it_is_chosen_by_name_and_by_parameter():
    result = minimize(sphere, BOX, budget=20, seed=0, backend="ray", workers=2)
    assert result.nfev == 20
    host = os.uname().nodename
    assert set(result.timeline["worker"]) <= {f"ray 0 on {host}", f"ray 1 on {host}"}
    dimension = zoopt.Dimension(4, [[-1, 1]] * 4, [True] * 4)
    parameter = zoopt.Parameter(budget=20, parallel=True, server_num=2, backend="ray", seed=0)
    solution = Opt.min(zoopt.Objective(lambda s: sphere(np.array(s.get_x())), dimension), parameter)
    assert solution.result.nfev == 20
    assert all("ray" in worker for worker in solution.result.timeline["worker"])


@pytest.mark.slow
def test_without_a_number_it_takes_what_the_cluster_has():
    def slow(x):
        time.sleep(0.1)
        return sphere(x)

    result = minimize(slow, BOX, budget=16, seed=0, backend=RayExecutor())
    assert set(result.timeline["worker"]) == {f"ray {i} on {os.uname().nodename}" for i in (0, 1)}
    workers = set()

    class Workers(zoopt.Callback):
        def on_tell(self, search, candidate, evaluation):
            workers.add(evaluation.worker)
            if len(workers) == 4:
                raise StopIteration

    half = RayExecutor(num_cpus=0.5)
    minimize(slow, BOX, budget=400, seed=0, backend=half, callbacks=Workers())
    assert workers == {f"ray {i} on {os.uname().nodename}" for i in range(4)}


@pytest.mark.parametrize(
    "how",
    [
        "SIGKILL",
        pytest.param("os._exit", marks=pytest.mark.slow),
        pytest.param("segmentation fault", marks=pytest.mark.slow),
        pytest.param("abort", marks=pytest.mark.slow),
    ],
)
def test_an_evaluation_whose_worker_dies_is_tried_again(tmp_path, how, caplog):
    objective = MarkedOnce(tmp_path, 0.15, lambda: objectives.die(how))
    result = minimize(objective, BOX, budget=30, seed=1, window=4, backend="ray", workers=2)
    assert result.n_failed == 0
    alone = minimize(sphere, BOX, budget=30, seed=1, window=4)
    assert (result.history == alone.history).all()
    deaths = [r for r in caplog.records if "it is replaced" in r.message]
    assert len(deaths) == len(list(tmp_path.iterdir())) > 0
    assert os.uname().nodename in deaths[0].message


@pytest.mark.slow
def test_one_that_always_kills_its_worker_is_lost_after_its_retries():
    def deadly(x):
        if objectives.pseudo_random(x) < 0.1:
            objectives.die("SIGKILL")
        return sphere(x)

    way = {"budget": 25, "seed": 2, "window": 4}  # so that the points do not depend on timing
    result = minimize(deadly, BOX, backend="ray", workers=2, retries=1, **way)
    assert result.failure_counts.keys() == {"lost"}
    expected = [objectives.pseudo_random(np.array(f.x)) < 0.1 for f in result.failures]
    assert expected
    assert all(expected)
    assert "died 2 times" in result.failures[0].error


@pytest.mark.slow  # a dozen workers; the fast tier has the same with processes
def test_workers_that_only_die_end_the_run_with_the_best_so_far():
    def deadly(x):
        objectives.die("SIGKILL")

    with pytest.raises(ExecutorError, match="workers in a row died") as caught:
        minimize(deadly, BOX, budget=100, seed=0, backend="ray", workers=2, retries=1)
    assert caught.value.zoopt_result.failure_counts.keys() == {"lost"}


@pytest.mark.slow
def test_a_hung_one_is_stopped_at_its_deadline_and_the_rest_goes_on():
    def hangs(x):
        if objectives.pseudo_random(x) < 0.15:
            time.sleep(300)
        return sphere(x)

    before = time.monotonic()
    way = {"budget": 20, "seed": 3, "window": 4}  # so that the points do not depend on timing
    result = minimize(hangs, BOX, backend="ray", workers=2, eval_timeout=0.5, **way)
    assert result.failure_counts.keys() == {"timeout"}
    assert "eval_timeout=0.5" in result.failures[0].error
    assert time.monotonic() - before < 60
    durations = result.timeline["finished"] - result.timeline["started"]
    assert (durations[result.statuses == "timeout"] >= 0.5).all()


@pytest.mark.slow
def test_a_straggler_is_given_to_another_worker(tmp_path):
    objective = MarkedOnce(tmp_path, 0.15, lambda: time.sleep(300))
    backend = RayExecutor(2, reassign_after=0.5)
    result = minimize(objective, BOX, budget=20, seed=3, window=4, backend=backend)
    assert any(tmp_path.iterdir())
    assert result.n_failed == 0
    assert (result.history == minimize(sphere, BOX, budget=20, seed=3, window=4).history).all()


@pytest.mark.slow  # the fast tier has the same with processes
def test_time_budget_is_obeyed_while_evaluations_hang():
    backend = RayExecutor(2)
    started = time.monotonic()
    result = minimize(
        lambda x: time.sleep(300), BOX, budget=10, seed=0, backend=backend, time_budget=20.0
    )
    assert result.status == "time_budget"
    assert 20.0 <= time.monotonic() - started < 21.0
    assert len(result.cancelled) == 2


@pytest.mark.parametrize("raises", [objectives.raise_unloadable, objectives.raise_unpicklable])
def test_exceptions_that_cannot_travel_are_failures_with_their_text(raises):
    result = minimize(raises, BOX, budget=5, seed=0, backend="ray", workers=2, on_error="record")
    assert result.n_failed == 5
    assert raises.__name__ in result.failures[0].error


def test_the_objectives_own_error_reaches_the_caller_with_the_name_of_its_node():
    with pytest.raises(objectives.CustomError) as caught:
        minimize(objectives.raise_custom, BOX, budget=30, seed=0, backend="ray", workers=2)
    assert caught.value.code == 42
    assert f"on {os.uname().nodename}" in caught.value.__notes__[0]
    failure = caught.value.zoopt_result.failures[0]
    assert failure.worker.endswith(f"on {os.uname().nodename}")


def test_large_arrays_are_shared_and_small_ones_are_the_workers_own():
    large, small = np.zeros(2**18), np.zeros(16)

    def objective(x):
        small[0] += 1.0
        assert not large.flags.writeable
        assert not large.flags.owndata
        return float(large.sum() + small[0])

    result = minimize(objective, BOX, budget=10, seed=0, backend="ray", workers=1)
    assert sorted(result.history) == list(range(1, 11))


def test_an_objective_that_does_not_load_or_pickle_is_the_callers_error():
    class Bomb:
        def __reduce__(self):
            return exec, ("raise OSError('no such data')",)

    bomb = Bomb()
    with pytest.raises(ExecutorError, match="no such data"):
        minimize(lambda x: bomb, BOX, budget=5, seed=0, backend="ray", workers=2)
    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be sent"):
        minimize(lambda x: lock, BOX, budget=5, seed=0, backend="ray", workers=2)


def test_an_objective_may_use_processes_itself():
    result = minimize(objectives.squares_in_a_pool, BOX, budget=5, seed=0, backend="ray", workers=1)
    assert result.n_failed == 0


def test_claims_that_no_node_can_meet_are_explained(caplog, monkeypatch):
    monkeypatch.setattr(executor, "PATIENCE_SECONDS", 1.0)
    backend = RayExecutor(1, resources={"unobtainium": 1}, start_timeout=2.0)
    with pytest.raises(ExecutorError, match=r"unobtainium.*the cluster has.*CPU"):
        minimize(sphere, BOX, budget=5, seed=0, backend=backend)
    assert any("waiting" in record.message for record in caplog.records)


def test_cheap_evaluations_share_messages_within_what_may_be_in_flight(monkeypatch):
    backend = RayExecutor(2, max_in_flight=32)
    most, sizes = [], []
    send = _Actor.send

    def noted(worker, candidates):
        sizes.append(len(candidates))
        n_ready = sum(each.ready for each in backend._team)
        assert len(candidates) <= 32 / (2 * n_ready)  # room for two messages a worker
        send(worker, candidates)

    monkeypatch.setattr(_Actor, "send", noted)
    result = minimize(
        sphere,
        BOX,
        budget=600,
        seed=0,
        backend=backend,
        callbacks=[lambda search: most.append(len(search.solver.in_flight))],
    )
    assert result.nfev == sum(sizes) == 600
    assert max(most) <= 32
    assert max(sizes) > 1


@pytest.mark.parametrize(("n_places", "n_left"), [(4, 3), (3, 3), (2, 2)])
def test_workers_that_still_load_go_only_if_their_places_went(monkeypatch, n_places, n_left):
    monkeypatch.setattr(NodeWatch, "n_places", lambda watch, claims: 3)
    pool = RayExecutor()
    pool.start(sphere, 100, time.perf_counter())
    try:
        pool._n_inside = 1
        pool._dispatch(depth=1)
        assert [worker.ready for worker in pool._team] == [False] * 3
        monkeypatch.setattr(NodeWatch, "n_places", lambda watch, claims: n_places)
        pool._look_after_workers()
        assert len(pool._team) == n_left
    finally:
        pool.close()


@pytest.mark.slow
def test_no_two_answers_of_many_change_places():
    """As they did where Ray's threads handed them over."""
    alone = minimize(sphere, BOX, budget=3000, seed=0, window=8)
    result = minimize(sphere, BOX, budget=3000, seed=0, window=8, backend="ray", workers=2)
    assert (result.history == alone.history).all()


def stop_at(n):
    def look(search):
        if search.nfev == n:
            raise StopIteration

    return [look]


def test_a_checkpoint_goes_on_on_ray_and_off_it(tmp_path):
    path, way = tmp_path / "run.db", {"budget": 60, "seed": 4, "window": 4}
    alone = minimize(jittery, BOX, **way)
    ours = {"checkpoint": path, "backend": "ray", "workers": 2}
    first = minimize(jittery, BOX, callbacks=stop_at(20), **way, **ours)
    assert first.nfev == 20
    half = zoopt.resume(path, jittery, callbacks=stop_at(40), backend="thread", workers=3)
    assert half.nfev == 40
    whole = zoopt.resume(path, jittery, backend="ray", workers=2)
    assert (whole.history == alone.history).all()
    assert sum("ray" in worker for worker in whole.timeline["worker"]) == 40


def test_nothing_is_left_of_a_run():
    minimize(sphere, BOX, budget=10, seed=0, backend="ray", workers=2)
    assert ray.is_initialized()  # it was here before
    deadline = time.monotonic() + 10
    free = 0.0
    while free < 2.0 and time.monotonic() < deadline:
        free = ray.available_resources().get("CPU", 0.0)
        time.sleep(0.1)
    assert free == 2.0


def test_settings_are_checked_before_anything_runs():
    for name, bad in {
        "workers": 0,
        "num_cpus": -1,
        "num_gpus": "one",
        "memory": -5,
        "resources": [1],
        "runtime_env": "env",
        "eval_timeout": -1,
        "reassign_after": "soon",
        "retries": -1,
        "max_in_flight": 0,
        "node_timeout": -1,
        "start_timeout": None,
        "address": 7,
    }.items():
        with pytest.raises((TypeError, ValueError), match=name):
            RayExecutor(**({"workers": 2} | {name: bad}))
    with pytest.raises(ValueError, match="workers must be given"):
        RayExecutor(num_cpus=0)
    with pytest.raises(ValueError, match="address must be left out"):
        minimize(sphere, BOX, budget=5, backend=RayExecutor(1, address="local"))


def test_the_log_of_the_driver_tells_of_deadlines(caplog):
    with caplog.at_level(logging.WARNING, logger="zoopt"):
        minimize(
            lambda x: time.sleep(60), BOX, budget=2, seed=0, backend="ray", workers=2,
            eval_timeout=0.2,
        )  # fmt: skip
    assert any(os.uname().nodename in record.message for record in caplog.records)
