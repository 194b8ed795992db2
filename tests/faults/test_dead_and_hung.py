"""Workers that die, hang and lie: nothing is lost, nothing hangs, the budget is exact."""

import os
import sys
import time
from collections import Counter

import numpy as np
import objectives
import pytest
from objectives import BOX, MarkedOnce, die, jittery, pseudo_random, sphere

from zoopt import ExecutorError, ProcessExecutor, minimize

quiet = pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")


@pytest.mark.parametrize("how", ["SIGKILL", "os._exit", "segmentation fault", "abort"])
def test_a_worker_that_dies_is_replaced_and_its_evaluation_tried_again(tmp_path, how):
    fun = MarkedOnce(tmp_path, 0.08, lambda: die(how))
    result = minimize(fun, BOX, budget=60, seed=0, workers=2, window=4)
    assert any(tmp_path.iterdir()), "nothing died: the test shows nothing"
    assert result.n_failed == 0
    plain = minimize(sphere, BOX, budget=60, seed=0, window=4)
    assert (result.history == plain.history).all()


@pytest.mark.parametrize("workers", [1, 2, 5, 8])
def test_a_window_of_8_is_the_same_run_for_any_workers_though_some_are_killed(tmp_path, workers):
    """The objective takes up to 3 ms, as the point decides."""
    plain = minimize(jittery, BOX, budget=100, seed=7, window=8)
    fun = MarkedOnce(tmp_path, 0.05, lambda: die("SIGKILL"), jittery)
    options = {"budget": 100, "seed": 7, "window": 8, "workers": workers}
    killed = minimize(fun, BOX, backend="process", **options)
    assert any(tmp_path.iterdir()), "nothing died: the test shows nothing"
    threads = minimize(jittery, BOX, backend="thread", **options)
    for result in (killed, threads):
        assert result.history.tobytes() == plain.history.tobytes()
        assert result.timeline["id"].tolist() == list(range(100))
    assert len(set(threads.timeline["worker"])) == workers


@quiet
@pytest.mark.parametrize("retries", [0, 2])
def test_what_always_kills_its_worker_is_lost_and_counted(retries):
    def fun(x):
        if pseudo_random(x) < 0.1:
            die("SIGKILL")
        return sphere(x)

    result = minimize(fun, BOX, budget=50, seed=1, workers=2, retries=retries)
    assert result.nfev == 50
    lost = [failure for failure in result.failures if failure.status == "lost"]
    assert lost
    assert len(lost) == result.n_failed
    times = {0: "once,", 2: "3 times, the last time"}[retries]
    assert all(f"died {times} by signal SIGKILL" in failure.error for failure in lost)
    assert all(pseudo_random(failure.x) < 0.1 for failure in lost)


@quiet
def test_a_hung_evaluation_is_stopped_and_not_tried_again(tmp_path):
    def fun(x):
        if pseudo_random(x) < 0.1:
            (tmp_path / x.tobytes().hex()[:64]).open("a").write("x")
            time.sleep(600)
        return sphere(x)

    started = time.monotonic()
    result = minimize(fun, BOX, budget=40, seed=0, workers=2, eval_timeout=0.3)
    n_late = (result.statuses == "timeout").sum()
    assert result.nfev == 40
    assert 0 < n_late == result.n_failed
    assert {len(mark.read_text()) for mark in tmp_path.iterdir()} == {1}
    assert time.monotonic() - started < 0.3 * n_late + 0.3 * n_late + 10
    late = result.timeline["finished"] - result.timeline["started"]
    assert (late[result.statuses == "timeout"] >= 0.3).all()


@quiet
def test_one_worker_with_a_timeout_is_a_process():
    def fun(x):
        if pseudo_random(x) < 0.1:
            time.sleep(600)
        return float(os.getpid())

    result = minimize(fun, BOX, budget=20, seed=0, eval_timeout=0.3)
    assert os.getpid() not in set(result.history[~np.isnan(result.history)].astype(int))


def test_a_time_budget_is_obeyed_while_everything_hangs():
    def fun(x):
        time.sleep(600)

    started = time.monotonic()
    result = minimize(fun, BOX, budget=100, seed=0, workers=2, time_budget=1.0)
    assert result.status == "time_budget"
    assert time.monotonic() - started < 1.5
    assert not result.success
    assert len(result.cancelled) == 2


def test_workers_that_only_die_end_the_run_with_the_reason():
    with pytest.raises(ExecutorError, match=r"in a row died .* exit code 3") as caught:
        minimize(lambda x: os._exit(3), BOX, budget=10_000, seed=0, workers=2, on_error="record")
    assert caught.value.zoopt_result.n_failed < 20


@quiet
def test_an_evaluation_that_kills_among_others_of_its_message_is_found_out():
    """Many candidates share a message; only those that kill are lost."""

    def fun(x):
        if pseudo_random(x) < 0.02:
            die("SIGKILL")
        return sphere(x)

    pool = ProcessExecutor(2, retries=0, max_in_flight=40)
    result = minimize(fun, BOX, budget=400, seed=0, backend=pool)
    lost = result.statuses == "lost"
    assert lost.any()
    assert result.nfev == 400
    assert sorted(result.timeline["id"]) == list(range(400))
    assert all(pseudo_random(failure.x) < 0.02 for failure in result.failures)


@quiet
def test_everything_at_once_counts_up(tmp_path):
    def fun(x):
        chance = pseudo_random(x)
        if chance < 0.05:
            raise ValueError("boom")
        if chance < 0.08:
            return float("nan")
        if chance < 0.10:
            time.sleep(600)
        if chance < 0.12:
            die("SIGKILL")
        return sphere(x)

    result = minimize(fun, BOX, budget=150, seed=0, workers=3, eval_timeout=0.4, retries=1)
    expected = Counter()
    counted = Counter(result.statuses)
    assert sum(counted.values()) == result.nfev == 150
    for failure in result.failures:
        chance = pseudo_random(failure.x)
        kinds = ((0.05, "failed"), (0.08, "invalid"), (0.10, "timeout"), (0.12, "lost"))
        expected[next(kind for limit, kind in kinds if chance < limit)] += 1
    expected["ok"] = 150 - sum(expected.values())
    assert counted == expected


def test_a_worker_that_speaks_nonsense_to_its_output_does_no_harm(capfd):
    def fun(x):
        os.write(1, b"\x00\xff" * 100)
        return sphere(x)

    assert minimize(fun, BOX, budget=20, seed=0, workers=2).n_failed == 0
    capfd.readouterr()


def test_objectives_module_is_importable_by_workers():
    assert minimize(objectives.sphere, BOX, budget=5, seed=0, workers=2).nfev == 5


def test_a_death_is_noticed_though_a_forked_child_lives_on(tmp_path):
    def fork_and_die():
        if os.fork() == 0:
            time.sleep(600)
        die("SIGKILL")

    started = time.monotonic()
    fun = MarkedOnce(tmp_path, 0.05, fork_and_die)
    assert minimize(fun, BOX, budget=40, seed=0, workers=2).n_failed == 0
    assert any(tmp_path.iterdir())
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("limits", [{"time_budget": 1e9}, {"eval_timeout": 1e9}], ids=str)
def test_limits_beyond_what_clocks_take_are_fine(limits):
    assert minimize(sphere, BOX, budget=10, seed=0, workers=2, **limits).nfev == 10
    if "time_budget" in limits:
        result = minimize(sphere, BOX, budget=10, seed=0, workers=2, backend="thread", **limits)
        assert result.nfev == 10


class Frozen(Exception):
    def __setattr__(self, name, value):
        raise TypeError("no attributes, please")

    def add_note(self, note):
        raise TypeError("no notes, please")


@pytest.mark.parametrize("options", [{}, {"workers": 2}], ids=str)
def test_an_exception_that_refuses_attributes_arrives_all_the_same(options):
    def fun(x):
        raise Frozen("boom")

    with pytest.raises(Exception, match="boom") as caught:
        minimize(fun, BOX, budget=10, seed=0, **options)
    assert type(caught.value).__name__ == "Frozen"


@quiet
def test_an_exception_that_exits_when_it_is_loaded_harms_nobody():
    class Bomb(Exception):
        def __reduce__(self):
            return sys.exit, (7,)

    def fun(x):
        if pseudo_random(x) < 0.3:
            raise Bomb
        return sphere(x)

    result = minimize(fun, BOX, budget=30, seed=0, workers=2)
    assert 0 < result.n_failed == result.failure_counts["failed"]


def test_a_path_that_is_no_text_does_not_kill_the_workers(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])
    assert minimize(sphere, BOX, budget=10, seed=0, workers=2).nfev == 10
