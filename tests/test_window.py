"""The window: whatever the schedule, the trajectory follows from seed, window and outcomes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoopt import Candidate, Space
from zoopt.core.registry import make_solver, registered
from zoopt.run.executor import SerialExecutor
from zoopt.run.search import Search
from zoopt.run.stopping import StopRules
from zoopt.run.window import WindowExecutor
from zoopt.testing import SPACES, FaultyExecutor, objective, spaces_for

STATUSES = ["ok", "ok", "ok", "failed", "invalid", "timeout", "lost"]


def evaluate(candidate):
    return objective(candidate), 0.0


def fate(ident):
    """Return what becomes of a candidate, by its id alone."""
    return STATUSES[hash((ident, 17)) % len(STATUSES)] if ident % 3 == 0 else "ok"


def run(solver, space, executor, budget=60, **options):
    made = make_solver(solver, SPACES[space], budget=budget, seed=0)
    search = Search(made, executor, evaluate, budget=budget, on_error="record", **options)
    result = search.run()
    told = result.timeline["id"].tolist(), result.history.tobytes(), result.statuses.tolist()
    return told, result


schedules = st.lists(st.integers(-1, 11), max_size=120)


@pytest.mark.parametrize("solver", sorted(registered()))
@given(schedule=schedules, workers=st.integers(1, 12), window=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_any_schedule_and_any_number_of_workers_give_the_same_run(
    solver, schedule, workers, window
):
    for space in spaces_for(solver, ("mixed", "tiny", "flags")):
        orderly = WindowExecutor(FaultyExecutor(1, (), fate), window)
        expected, _ = run(solver, space, orderly)
        inner = FaultyExecutor(workers, schedule, fate)
        told, result = run(solver, space, WindowExecutor(inner, window))
        assert told == expected
        assert told[0] == sorted(told[0])
        least = min(60, SPACES[space].size)
        assert result.nfev == least or (registered()[solver].repeats and result.nfev > least)
        assert inner.closed


@given(schedule=schedules, workers=st.integers(1, 12))
@settings(max_examples=25, deadline=None)
def test_without_a_window_nothing_is_lost_and_the_budget_is_exact(schedule, workers):
    for solver in sorted(registered()):
        executor = FaultyExecutor(workers, schedule, fate)
        told, result = run(solver, spaces_for(solver, ["mixed", "bits", "continuous"])[0], executor)
        assert sorted(told[0]) == list(range(60))
        assert told[0] == executor.evaluated
        assert executor.most_in_flight <= workers
        assert result.n_failed == sum(fate(i) != "ok" for i in range(60))


@pytest.mark.parametrize("window", [1, 4, 9])
def test_in_this_process_a_window_evaluates_one_by_one(window):
    """Evaluations go on only as far as the next release needs."""
    calls = []

    class Watched(SerialExecutor):
        def submit(self, candidate):
            calls.append(candidate.id)
            return super().submit(candidate)

    executor = WindowExecutor(Watched(), window)
    seen = []
    told, _ = run(
        "sracos",
        "mixed",
        executor,
        budget=20,
        rules=StopRules(stop=lambda s: seen.append(list(calls)) or s.nfev == 9),
    )
    assert told[0] == list(range(9))
    assert [len(now) for now in seen] == list(range(1, 10))


def test_a_window_of_one_is_the_serial_run():
    expected, _ = run("sracos", "mixed", SerialExecutor())
    told, _ = run("sracos", "mixed", WindowExecutor(FaultyExecutor(5), 1))
    assert told[:2] == expected[:2]


def test_the_next_ask_follows_each_release():
    """With W unreleased none is asked; after one release exactly one is."""
    asked_at = []
    solver = make_solver("sracos", SPACES["continuous"], budget=30, seed=0)
    ask = solver.ask

    def noted():
        asked_at.append(solver.n_told)
        return ask()

    solver.ask = noted
    executor = WindowExecutor(FaultyExecutor(6, [5, 4, 3, 2, 1] * 6), 6)
    Search(solver, executor, evaluate, budget=30).run()
    assert asked_at == [0] * 6 + list(range(1, 25))


def test_cancelled_candidates_leave_the_window():
    inner = FaultyExecutor(3)
    window = WindowExecutor(inner, 3)
    window.start(evaluate, 10, 0.0)
    space = Space([(0.0, 1.0)])
    row = np.array([0.5])
    for ident in range(3):
        window.submit(Candidate(ident, row, space))
    window.cancel(0)
    outcomes = window.collect()
    assert [candidate.id for candidate, _ in outcomes] == [1]


def test_a_patient_window_returns_nothing_at_its_deadline():
    inner = FaultyExecutor(2, [1, -1])
    window = WindowExecutor(inner, 2)
    window.start(evaluate, 10, 0.0)
    space = Space([(0.0, 1.0)])
    for ident in range(2):
        window.submit(Candidate(ident, np.array([0.5]), space))
    assert window.collect(0.0) == []
    assert [candidate.id for candidate, _ in window.collect()] == [0]


def test_the_window_passes_on_what_it_is_told_of_outcomes():
    told, result = run("sracos", "continuous", WindowExecutor(FaultyExecutor(4, (), fate), 4))
    assert told[2] == [fate(i) for i in range(60)]
    assert all(math.isnan(v) == (s != "ok") for v, s in zip(result.history, told[2], strict=True))
