"""The laws that every executor must obey, and an executor that fails on schedule.

A law is a function ``law(make)`` that raises AssertionError if an executor breaks it. ``make()``
returns a new executor. The objectives are importable, so that remote workers find them.
"""

import asyncio
import copy
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.errors import ExecutorInUse, Pruned, Unfinished
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import make_solver, registered
from zoopt.core.seeds import root_seed
from zoopt.problem.calls import Calls, view_for
from zoopt.pruning import MedianPruner, RunningTrial
from zoopt.run.executor import Executor, SerialExecutor, failure
from zoopt.run.result import Result
from zoopt.run.search import Search
from zoopt.run.window import WindowExecutor
from zoopt.testing.driving import objective
from zoopt.testing.spaces import SPACES, spaces_for

__all__ = ["EXECUTOR_LAWS", "FaultyExecutor", "MakeExecutor", "check_executor"]

#: Returns a new executor.
MakeExecutor = Callable[[], Executor]

#: Budget of the runs, and size of their window.
N = 40
WINDOW = 8


def check_executor(make: MakeExecutor) -> None:
    """Check that an executor obeys all laws of `EXECUTOR_LAWS`.

    Parameters
    ----------
    make : callable
        Returns a new executor each time it is called.

    Raises
    ------
    AssertionError
        If a law is broken. The message says how; a note names the law.

    Examples
    --------
    >>> import zoopt
    >>> check_executor(lambda: zoopt.ThreadExecutor(2))
    """
    for name, law in EXECUTOR_LAWS.items():
        try:
            law(make)
        except AssertionError as error:
            error.add_note(f"the executor breaks the law {name}")
            raise


class FaultyExecutor(Executor):
    """Evaluate in this process; deliver late, out of order and with failures.

    The outcome of a candidate depends only on its id, so runs can be compared. The order of
    delivery follows a schedule.

    Parameters
    ----------
    workers : int
        Number of candidates in flight.
    schedule : iterable of int
        The index of each outcome to deliver among those in flight, modulo their number. A negative
        number delivers nothing this time. After the end of the schedule the oldest comes first.
    fates : callable, optional
        ``fates(id)`` returns the status of a candidate; the default is "ok" for all.

    Attributes
    ----------
    evaluated : list of int
        Ids of the candidates, in the order of delivery.
    most_in_flight : int
        Largest number of candidates in flight at once.
    closed : bool
        Whether `close` was called.

    Examples
    --------
    >>> import zoopt
    >>> executor = FaultyExecutor(2, fates=lambda id: "failed" if id == 3 else "ok")
    >>> result = zoopt.minimize(
    ...     lambda x: x[0], [(-1, 1)], budget=8, seed=0, backend=executor, on_error="record"
    ... )
    >>> result.nfev, result.n_failed
    (8, 1)
    """

    capacity = 1
    in_process = True

    def __init__(
        self,
        workers: int,
        schedule: Iterable[int] = (),
        fates: Callable[[int], str] = lambda ident: "ok",
    ) -> None:
        self.capacity = workers
        self.evaluated: list[int] = []
        self.most_in_flight = 0
        self.closed = False
        self._schedule = iter(schedule)
        self._fates = fates
        self._flight: list[Candidate] = []

    def start(
        self, evaluate: Any, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Remember what to evaluate."""
        self._evaluate = evaluate

    def submit(self, candidate: Candidate) -> None:
        """Take a candidate.

        Raises
        ------
        AssertionError
            If there is no room, or the candidate was submitted before.
        """
        assert len(self._flight) < self.capacity, "more candidates in flight than the capacity"
        assert candidate.id not in self.evaluated, "a candidate was submitted twice"
        self._flight.append(candidate)
        self.most_in_flight = max(self.most_in_flight, len(self._flight))

    def collect(self, timeout: float | None = None) -> list[tuple[Candidate, Evaluation]]:
        """Evaluate and return the next candidate of the schedule, or nothing.

        Raises
        ------
        AssertionError
            If no candidate is in flight.
        """
        assert self._flight, "collect was called with nothing in flight"
        pick = next(self._schedule, 0)
        if pick < 0:
            return []
        candidate = self._flight.pop(pick % len(self._flight))
        self.evaluated.append(candidate.id)
        status = self._fates(candidate.id)
        if status != "ok":
            return [(candidate, Evaluation(math.nan, status, error=f"injected {status}"))]
        try:
            value, violation, extra, reports = (*self._evaluate(candidate), None, ())[:4]
        except Unfinished as error:
            return [(candidate, failure(error))]
        evaluation = Evaluation(float(value), violation=violation, extra=extra, reports=reports)
        return [(candidate, evaluation)]

    def cancel(self, ident: int) -> None:
        """Drop a candidate."""
        self._flight = [c for c in self._flight if c.id != ident]

    def close(self) -> None:
        """Note that the run has ended."""
        self.closed = True


def evaluate(candidate: Candidate) -> tuple[float, float]:
    """Return the value of the test objective, and no violation."""
    return objective(candidate), 0.0


def evaluate_late(candidate: Candidate) -> tuple[float, float]:
    """Evaluate in up to 5 ms, so that outcomes arrive out of order."""
    time.sleep(0.001 * (candidate.id * 7 % 6))
    return evaluate(candidate)


class Late:
    """`evaluate_late`, with a space for workers to decode candidates in."""

    def __init__(self, space: str) -> None:
        self.space = SPACES[space]

    def __call__(self, candidate: Candidate) -> tuple[float, float]:
        return evaluate_late(candidate)


def misbehave(candidate: Candidate) -> tuple[Any, ...]:
    """Raise, return NaN, return text, or return a value with a violation and an extra, by id."""
    kind = candidate.id % 5
    if kind == 1:
        raise ValueError(f"number {candidate.id}")
    if kind == 2:
        return math.nan, 0.0
    if kind == 3:
        return "text", 0.0
    return objective(candidate), 0.5, {"id": candidate.id}


class Panic(BaseException):
    """Stands for exceptions outside ``Exception``, such as those of extensions in Rust."""


RAISED = (ValueError, Panic, SystemExit, GeneratorExit, asyncio.CancelledError)


def panic(candidate: Candidate) -> tuple[float, float]:
    """Raise one of `RAISED`, by id."""
    raise RAISED[candidate.id % len(RAISED)](f"candidate {candidate.id}")


def run(
    executor: Executor,
    evaluate: Any = evaluate,
    solver: str = "sracos",
    space: str = "mixed",
    **options: Any,
) -> Result:
    """Run a registered solver on an executor."""
    made = make_solver(solver, SPACES[space], budget=N, seed=0)
    return Search(made, executor, evaluate, budget=N, on_error="record", **options).run()


def every_candidate_is_told_once(make: MakeExecutor) -> None:
    """All N candidates are evaluated, each once, and none fails."""
    result = run(make(), evaluate_late)
    assert result.nfev == N, f"{result.nfev} evaluations were told, not {N}"
    assert sorted(result.timeline["id"]) == list(range(N)), "not every candidate was told once"
    assert result.n_failed == 0, f"evaluations failed: {result.failures[:1]}"


def times_are_those_of_the_run(make: MakeExecutor) -> None:
    """Evaluations begin after the start of the run and end before its end."""
    result = run(make(), evaluate_late)
    started, finished = result.timeline["started"], result.timeline["finished"]
    assert (started <= finished).all(), "an evaluation ended before it began"
    assert (started > -0.01).all(), "an evaluation began before the run"
    assert (finished < result.walltime + 0.01).all(), "an evaluation ended after the run"


def with_a_window_every_solver_goes_the_way_of_one_worker(make: MakeExecutor) -> None:
    """With a window, the points of a run do not depend on the executor."""
    for solver in sorted(registered()):
        for space in spaces_for(solver, ("mixed", "tiny", "flags")):
            alone = run(WindowExecutor(SerialExecutor(), WINDOW), evaluate, solver, space)
            many = run(WindowExecutor(make(), WINDOW), Late(space), solver, space)
            same = many.history.tobytes() == alone.history.tobytes()
            assert same, f"the run of {solver} on {space} depends on the executor"


def train(x: Any, trial: RunningTrial) -> float:
    """Report values that fall from a height to the distance of a point from the origin."""
    goal = float(abs(x).sum())
    for step in range(20):
        trial.report(step, goal + (10.0 - goal) * 0.7**step)
        if trial.should_prune():
            raise Pruned
    return goal


def with_a_window_the_same_trials_are_pruned(make: MakeExecutor) -> None:
    """With a window, reports and decisions to prune do not depend on the executor."""
    space = SPACES["continuous"]

    def trained(executor: Executor) -> tuple[list[str], list[Any]]:
        rule = MedianPruner(n_startup_trials=2)
        call = Calls(train, view_for(space), seed=root_seed(0), pruner=rule)
        solver = make_solver("random", space, budget=N, seed=0)
        window = WindowExecutor(executor, WINDOW)
        result = Search(solver, window, call, budget=N, pruner=copy.deepcopy(rule)).run()
        return list(result.statuses), [trial.reports for trial in result.trials]

    alone, many = trained(SerialExecutor()), trained(make())
    assert many[0].count("pruned") > 0, "no trial was pruned"
    assert many[0] == alone[0], "the decisions depend on the executor"
    assert many[1] == alone[1], "the reports depend on the executor"


def failures_are_told_as_such(make: MakeExecutor) -> None:
    """Failures get the right status and text; violations and extras arrive unchanged."""
    extras = {}

    def note(search: Search, candidate: Candidate, evaluation: Evaluation) -> None:
        if evaluation.status == "ok":
            extras[candidate.id] = evaluation.extra
            assert evaluation.violation == 0.5, "the violation was lost"

    class Note:
        on_tell = staticmethod(note)

    result = run(make(), misbehave, callbacks=[Note()])
    expected = ["ok", "failed", "invalid", "invalid", "ok"]
    statuses = dict(zip(result.timeline["id"].tolist(), result.statuses, strict=True))
    for ident, status in statuses.items():
        assert status == expected[ident % 5], f"candidate {ident} was told as {status}"
    assert all(extra == {"id": ident} for ident, extra in extras.items()), "extras got mixed up"
    texts = [failure.error for failure in result.failures if failure.status == "failed"]
    assert all("ValueError: number" in text for text in texts), "the traceback was lost"


def whatever_is_raised_is_a_failure(make: MakeExecutor) -> None:
    """Exceptions outside ``Exception`` fail an evaluation, not the run or its worker."""
    result = run(make(), panic)
    assert result.nfev == N, f"{result.nfev} evaluations were told, not {N}"
    statuses = set(result.statuses)
    assert statuses == {"failed"}, f"exceptions were told as {sorted(statuses)}"
    texts = [failure.error for failure in result.failures]
    for kind in RAISED:
        found = any(kind.__name__ in text for text in texts)
        assert found, f"the traceback of {kind.__name__} was lost"


def what_is_cancelled_is_not_collected(make: MakeExecutor) -> None:
    """Outcomes of cancelled candidates are dropped; the others arrive."""
    executor = make()
    if executor.immediate:
        return
    solver = make_solver("random", SPACES["continuous"], budget=N, seed=0)
    executor.start(evaluate_late, N, executor.clock(), 4)
    try:
        asked = [candidate for _ in range(4) if (candidate := solver.ask()) is not None]
        for candidate in asked:
            executor.submit(candidate)
        for candidate in asked[:2]:
            executor.cancel(candidate.id)
        collected: list[int] = []
        while len(collected) < 2:
            collected += [candidate.id for candidate, _ in executor.collect(60.0)]
        assert sorted(collected) == [2, 3], f"{collected} were collected"
        assert executor.collect(0.0) == [], "a cancelled candidate was collected"
    finally:
        executor.close()


def it_serves_one_run_at_a_time_and_many_in_a_row(make: MakeExecutor) -> None:
    """A second run at the same time raises ExecutorInUse; runs one after another work."""
    executor = make()
    executor.close()  # does nothing before the first start
    for _ in range(2):
        assert run(executor).nfev == N
    executor.close()
    if executor.immediate:
        return
    executor.start(evaluate, N, executor.clock())
    try:
        executor.start(evaluate, N, executor.clock())
    except ExecutorInUse:
        pass
    else:
        raise AssertionError("a second run started while another was using the executor")
    finally:
        executor.close()


def nothing_to_collect_comes_back_at_the_timeout(make: MakeExecutor) -> None:
    """``collect`` returns an empty list at its timeout."""
    executor = make()
    if executor.immediate:
        return
    solver = make_solver("random", SPACES["continuous"], budget=N, seed=0)
    clock = executor.clock
    executor.start(sleep, N, clock())
    try:
        candidate = solver.ask()
        assert candidate is not None
        executor.submit(candidate)
        before = clock()
        assert executor.collect(0.02) == [], "an outcome arrived before its evaluation could end"
        assert 0.01 < clock() - before < 0.5, "collect did not return at its timeout"
    finally:
        executor.close()


def sleep(candidate: Candidate) -> tuple[float, float]:
    """Evaluate in 0.6 s."""
    time.sleep(0.6)
    return 0.0, 0.0


#: The laws by name.
EXECUTOR_LAWS: dict[str, Callable[[MakeExecutor], None]] = {
    law.__name__: law
    for law in (
        every_candidate_is_told_once,
        times_are_those_of_the_run,
        with_a_window_every_solver_goes_the_way_of_one_worker,
        with_a_window_the_same_trials_are_pruned,
        failures_are_told_as_such,
        whatever_is_raised_is_a_failure,
        what_is_cancelled_is_not_collected,
        it_serves_one_run_at_a_time_and_many_in_a_row,
        nothing_to_collect_comes_back_at_the_timeout,
    )
}
