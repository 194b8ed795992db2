"""The loop: exact counts, stop rules, outcomes, callbacks."""

import asyncio
import logging
import math
import pickle
import signal
import sys
import time

import numpy as np
import pytest

import zoopt
from zoopt import EvaluationWarning, Real, minimize
from zoopt.run.callbacks import ProgressBar

BOX = [(-1.0, 1.0)] * 3


def sphere(x):
    return float(((x - 0.2) ** 2).sum())


class Counted:
    def __init__(self, fun=sphere):
        self.fun = fun
        self.n = 0

    def __call__(self, x):
        self.n += 1
        return self.fun(x)


@pytest.mark.parametrize("algorithm", ["sracos", "racos", "random"])
@pytest.mark.parametrize("budget", [1, 2, 3, 4, 5, 50, 51, 101, 150.9])
def test_the_budget_is_exact(algorithm, budget):
    fun = Counted()
    result = minimize(fun, BOX, budget=budget, algorithm=algorithm, seed=0)
    assert fun.n == result.nfev == len(result.history) == int(budget)
    assert result.status == "budget"


def test_the_result_is_the_best_of_the_history():
    points = []

    def fun(x):
        points.append(x.copy())
        return sphere(x)

    result = minimize(fun, BOX, budget=120, seed=0)
    assert result.fun == min(result.history) == sphere(result.x)
    assert (points[int(np.argmin(result.history))] == result.x).all()
    assert (result.best_history == np.minimum.accumulate(result.history)).all()
    assert (np.diff(result.timeline["started"]) > 0).all()
    assert (result.timeline["finished"] >= result.timeline["started"]).all()


def test_same_seed_same_run_and_zero_is_a_seed():
    histories = [minimize(sphere, BOX, budget=60, seed=s).history for s in (0, 0, 1)]
    assert (histories[0] == histories[1]).all()
    assert (histories[0] != histories[2]).any()


def test_the_seed_in_the_result_repeats_an_unseeded_run():
    first = minimize(sphere, BOX, budget=60)
    again = minimize(sphere, BOX, budget=60, seed=first.seed)
    assert (first.history == again.history).all()


def test_the_global_random_state_is_neither_read_nor_written():
    np.random.seed(7)  # noqa: NPY002 - the global state is what is tested
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    first = minimize(sphere, BOX, budget=60, seed=0)
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    np.random.seed(8)  # noqa: NPY002
    assert (minimize(sphere, BOX, budget=60, seed=0).history == first.history).all()


def test_terminal_value_stops_at_the_first_value_that_reaches_it():
    result = minimize(sphere, BOX, budget=5000, terminal_value=0.01, seed=0)
    assert result.status == "terminal_value"
    assert result.history[-1] <= 0.01
    assert (result.history[:-1] > 0.01).all()


def test_time_budget_ends_the_run_between_calls():
    def slow(x):
        time.sleep(0.02)
        return sphere(x)

    result = minimize(slow, BOX, budget=10_000, time_budget=0.2, seed=0)
    assert result.status == "time_budget"
    assert result.nfev <= 11
    assert "exceeded by" in result.message


def test_a_truthy_stop_rule_stops():
    for answer in (True, 1, np.True_, "yes"):
        rule = lambda search, a=answer: a if search.nfev == 17 else None  # noqa: E731
        result = minimize(sphere, BOX, budget=100, stop=rule, seed=0)
        assert (result.nfev, result.status) == (17, "stop")


def test_callbacks_see_every_tell_and_stop_iteration_stops():
    seen = []

    class Watch:
        def on_start(self, search):
            seen.append("start")

        def on_tell(self, search, candidate, evaluation):
            seen.append(evaluation.value)
            assert search.best.value == min(seen[1:])
            if len(seen) == 31:
                raise StopIteration

        def on_end(self, search, result):
            seen.append(result.status)

    counted = []
    result = minimize(sphere, BOX, budget=100, callbacks=[counted.append, Watch()], seed=0)
    assert (result.nfev, result.status) == (30, "callback")
    assert len(counted) == 30
    assert seen == ["start", *result.history, "callback"]


def test_what_is_no_callback_is_refused_before_any_call():
    fun = Counted()
    with pytest.raises(TypeError, match="callback"):
        minimize(fun, BOX, budget=10, callbacks=[3])
    assert fun.n == 0


def failing_at(numbers, what):
    """Return an objective that misbehaves at some calls, counted from 1."""
    count = iter(range(1, 10**9))

    def fun(x):
        if next(count) in numbers:
            if isinstance(what, BaseException):
                raise what
            return what
        return sphere(x)

    return fun


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (RuntimeError("boom"), "failed"),
        (SystemExit(3), "failed"),
        (math.nan, "invalid"),
        (None, "invalid"),
        ("0.5", "invalid"),
        (1 + 2j, "invalid"),
        (np.zeros(2), "invalid"),
        ([1.0], "invalid"),
    ],
)
@pytest.mark.parametrize("algorithm", ["sracos", "racos", "random"])
def test_a_bad_evaluation_is_recorded_and_the_run_goes_on(what, status, algorithm):
    fun = failing_at({1, 5, 40, 100}, what)
    with pytest.warns(EvaluationWarning, match="evaluation 0"):
        result = minimize(fun, BOX, budget=100, algorithm=algorithm, seed=0)
    assert result.nfev == 100
    assert result.n_failed == 4
    assert [failure.id for failure in result.failures] == [0, 4, 39, 99]
    assert {failure.status for failure in result.failures} == {status}
    assert np.isnan(result.history[[0, 4, 39, 99]]).all()
    assert np.isfinite(result.fun)
    assert result.success


def test_failures_hold_the_traceback_and_the_point():
    with pytest.warns(EvaluationWarning):
        result = minimize(failing_at({7}, ValueError("boom")), BOX, budget=20, seed=0)
    failure = result.failures[0]
    assert "ValueError: boom" in failure.error
    assert "in fun" in failure.error
    assert failure.x.shape == (3,)


@pytest.mark.parametrize("value", [math.inf, -math.inf, 5, np.float32(2), np.array([[3.0]]), True])
def test_any_number_but_nan_is_ok(value):
    result = minimize(failing_at({6}, value), BOX, budget=20, seed=0)
    assert result.n_failed == 0
    assert result.history[5] == float(np.asarray(value).item())
    assert result.fun == min(result.history)


def test_the_warning_names_the_first_failure_even_if_it_had_to_wait():
    with pytest.warns(EvaluationWarning, match="evaluation 0 failed: RuntimeError: boom"):
        result = minimize(failing_at({1, 2}, RuntimeError("boom")), BOX, budget=20, seed=0)
    assert result.n_failed == 2
    with pytest.warns(EvaluationWarning, match="evaluation 4 was invalid"):
        minimize(failing_at({5}, math.nan), BOX, budget=20, seed=0)


@pytest.mark.parametrize("what", [RuntimeError("boom"), None, "text", np.zeros(2)])
def test_three_bad_calls_at_the_start_are_a_bug_and_raise(what):
    fun = Counted(failing_at(range(1, 1000), what))
    expected = {RuntimeError: RuntimeError, np.ndarray: ValueError}.get(type(what), TypeError)
    with pytest.raises(expected) as caught:
        minimize(fun, BOX, budget=100, seed=0)
    assert fun.n == 3
    assert caught.value.zoopt_result.n_failed == 3
    assert "on_error" in caught.value.__notes__[0]


def test_nan_from_the_start_is_no_bug():
    with pytest.warns(EvaluationWarning):
        result = minimize(failing_at(range(1, 11), math.nan), BOX, budget=30, seed=0)
    assert result.n_failed == 10
    assert result.success


def test_on_error_raise_raises_at_once_and_keeps_the_best_so_far():
    fun = Counted(failing_at({10}, KeyError("boom")))
    with pytest.raises(KeyError) as caught:
        minimize(fun, BOX, budget=100, on_error="raise", seed=0)
    assert fun.n == 10
    partial = caught.value.zoopt_result
    assert partial.fun == min(partial.history[:9])
    with pytest.raises(ValueError, match="NaN"):
        minimize(failing_at({1}, math.nan), BOX, budget=10, on_error="raise", seed=0)


def test_on_error_record_neither_raises_nor_warns():
    result = minimize(
        failing_at(range(1, 100), OSError("x")), BOX, budget=20, on_error="record", seed=0
    )
    assert not result.success
    assert result.x is None
    assert math.isnan(result.fun)
    assert "no evaluation succeeded" in result.message


def test_max_failures_stops():
    with pytest.warns(EvaluationWarning):
        result = minimize(
            failing_at(range(5, 100), OSError("x")), BOX, budget=50, max_failures=3, seed=0
        )
    assert (result.status, result.n_failed, result.nfev) == ("max_failures", 4, 8)


def test_a_second_failure_does_not_warn_again():
    with pytest.warns(EvaluationWarning) as caught:
        minimize(failing_at({4, 5, 6}, math.nan), BOX, budget=20, seed=0)
    assert len(caught) == 1


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_returns_the_best_so_far():
    def fun(x):
        if fun.n == 20:
            signal.raise_signal(signal.SIGINT)
        fun.n += 1
        return sphere(x)

    fun.n = 0
    result = minimize(fun, BOX, budget=100, seed=0)
    assert (result.status, result.nfev) == ("interrupted", 20)
    assert result.fun == min(result.history)
    assert len(result.cancelled) == 1


@pytest.mark.parametrize("n_values", [1, 2, 3])
def test_a_finite_space_is_evaluated_once_and_ends(n_values):
    seen = []
    space = {"a": zoopt.Integer(0, n_values), "b": zoopt.Choice(["x", "y"][: min(2, n_values)])}
    result = minimize(
        lambda a, b: seen.append((a, b)) or a, space, budget=500, seed=0, on_error="raise"
    )
    assert len(seen) == len(set(seen)) == result.nfev == (n_values + 1) * min(2, n_values)
    assert result.status == "exhausted"
    assert result.fun == 0


def test_nothing_is_printed_unless_asked_for(capsys):
    minimize(sphere, BOX, budget=120, seed=0)
    assert capsys.readouterr() == ("", "")
    minimize(sphere, BOX, budget=120, seed=0, verbosity=2)
    out = capsys.readouterr().out
    assert "100 evaluations, best" in out
    assert "success: True" in out


def test_the_end_of_a_run_is_logged(caplog):
    with caplog.at_level(logging.INFO, "zoopt"):
        minimize(sphere, BOX, budget=10, seed=0)
    assert "sracos stopped after 10 evaluations" in caplog.text


def test_results_pickle_print_and_convert():
    with pytest.warns(EvaluationWarning):
        result = minimize(failing_at({5}, math.nan), BOX, budget=20, seed=3)
    again = pickle.loads(pickle.dumps(result))
    assert again.fun == result["fun"] == result.fun
    assert "success: True" in str(result)
    assert "seed: 3" in str(result)
    pytest.importorskip("pandas")
    frame = result.to_frame()
    assert list(frame["status"][3:6]) == ["ok", "invalid", "ok"]
    assert len(frame) == 20


def test_progress_shows_a_live_line_on_a_terminal_only(capsys):
    pytest.importorskip("tqdm")

    class Terminal:
        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

        def isatty(self):
            return True

    terminal = Terminal()
    minimize(sphere, BOX, budget=50, seed=0, callbacks=[ProgressBar(terminal)])
    assert "50/50" in terminal.text
    assert "best=" in terminal.text
    minimize(sphere, BOX, budget=50, seed=0, progress=True)
    assert capsys.readouterr().err == ""


def test_a_point_known_to_be_good_enough_ends_the_run_before_it_begins():
    solver = zoopt.SRacos([Real(0, 1)], budget=10, seed=0)
    solver.tell_point([0.5], 0.0)
    fun = Counted()
    from zoopt.run.executor import SerialExecutor
    from zoopt.run.search import Search
    from zoopt.run.stopping import StopRules

    search = Search(solver, SerialExecutor(), fun, budget=10, rules=StopRules(terminal_value=0.1))
    assert search.run().status == "terminal_value"
    assert fun.n == 0


class Panic(BaseException):
    """As extensions in Rust raise."""


@pytest.mark.parametrize("error", [Panic, GeneratorExit, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("vectorized", [False, True])
def test_every_exception_but_a_keyboard_interrupt_is_recorded(error, vectorized):
    def fun(x):
        if np.any(x > 0.0):
            raise error("no use")
        return x.sum(axis=-1)

    result = minimize(fun, [(-1, 1)], budget=40, seed=0, on_error="record", vectorized=vectorized)
    assert result.nfev == 40
    assert result.failure_counts["failed"] == result.n_failed > 0
    assert result.x is None or result.x[0] <= 0.0


def test_on_end_is_called_after_an_exception_too():
    ends = []

    class Watch(zoopt.Callback):
        def on_end(self, search, result):
            ends.append((result.status, result.nfev))

    def fun(x):
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        minimize(fun, [(0, 1)], budget=10, seed=0, callbacks=Watch())
    assert ends == [("error", 3)]


def test_a_single_callback_needs_no_list():
    seen = []
    minimize(lambda x: x[0], [(0, 1)], budget=7, seed=0, callbacks=lambda s: seen.append(s.nfev))
    assert seen == [1, 2, 3, 4, 5, 6, 7]


def test_progress_needs_no_console(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    result = minimize(lambda x: x[0], [(0, 1)], budget=5, seed=0, progress=True, verbosity=2)
    assert result.nfev == 5


def test_a_result_is_a_mapping_of_its_attributes():
    result = minimize(lambda x: x[0], [(0, 1)], budget=5, seed=0)
    assert "fun" in result
    assert "jac" not in result
    assert result.get("jac") is None
    assert list(result) == list(result.keys())
    assert len(result) == len(list(result.items()))
    assert dict(result)["fun"] == result["fun"] == result.fun
    with pytest.raises(KeyError, match="jac"):
        result["jac"]
    assert result == result
    assert result != minimize(lambda x: x[0], [(0, 1)], budget=5, seed=0)


def test_warnings_point_at_the_line_of_the_user():
    with pytest.warns(EvaluationWarning) as caught:
        minimize(lambda x: x[0] if x[0] < 0.5 else None, [(0, 1)], budget=30, seed=0)
    assert [warning.filename for warning in caught] == [__file__]
