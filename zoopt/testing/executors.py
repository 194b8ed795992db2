"""The laws that every executor keeps, and an executor that misbehaves on schedule.

Each law is a function ``law(make)`` that raises AssertionError where an executor breaks it;
``make()`` builds a new one. What is evaluated can be imported, so that workers elsewhere find it.
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.errors import ExecutorInUse
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import make_solver, registered
from zoopt.run.executor import Executor, SerialExecutor
from zoopt.run.result import Result
from zoopt.run.search import Search
from zoopt.run.window import WindowExecutor
from zoopt.testing.solvers import SPACES, objective, spaces_for

__all__ = ["EXECUTOR_LAWS", "FaultyExecutor", "MakeExecutor", "check_executor"]

MakeExecutor = Callable[[], Executor]
N = 40
WINDOW = 8


def check_executor(make: MakeExecutor) -> None:
    """Check all laws.

    Parameters
    ----------
    make : callable
        Returns a new executor, each time it is called.

    Examples
    --------
    >>> import zoopt
    >>> check_executor(lambda: zoopt.ThreadExecutor(2))
    """
    for law in EXECUTOR_LAWS.values():
        law(make)


class FaultyExecutor(Executor):
    """Evaluates in this process, and delivers late, out of order and with failures.

    What becomes of a candidate follows from its id, so that runs can be compared; when it is
    delivered follows from a schedule.

    Parameters
    ----------
    workers : int
        Candidates in flight.
    schedule : iterable of int
        Each picks which outcome comes next, modulo what is in flight; a negative one delivers
        nothing this time. When it ends, the oldest comes.
    fates : callable, optional
        ``fates(id)`` returns a status; by default all are "ok".

    Attributes
    ----------
    evaluated : list of int
        Ids in the order of evaluation.
    most_in_flight : int
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
        self._evaluate = evaluate

    def submit(self, candidate: Candidate) -> None:
        assert len(self._flight) < self.capacity, "more in flight than there is room"
        assert candidate.id not in self.evaluated, "a candidate was submitted twice"
        self._flight.append(candidate)
        self.most_in_flight = max(self.most_in_flight, len(self._flight))

    def collect(self, timeout: float | None = None) -> list[tuple[Candidate, Evaluation]]:
        assert self._flight, "collect was called with nothing in flight"
        pick = next(self._schedule, 0)
        if pick < 0:
            return []
        candidate = self._flight.pop(pick % len(self._flight))
        self.evaluated.append(candidate.id)
        status = self._fates(candidate.id)
        if status != "ok":
            return [(candidate, Evaluation(math.nan, status, error=f"injected {status}"))]
        value, violation, *extra = self._evaluate(candidate)
        evaluation = Evaluation(float(value), "ok", violation, extra=extra[0] if extra else None)
        return [(candidate, evaluation)]

    def cancel(self, ident: int) -> None:
        self._flight = [c for c in self._flight if c.id != ident]

    def close(self) -> None:
        self.closed = True


def evaluate(candidate: Candidate) -> tuple[float, float]:
    return objective(candidate), 0.0


def evaluate_late(candidate: Candidate) -> tuple[float, float]:
    """Take up to 5 ms, so that outcomes come out of order."""
    time.sleep(0.001 * (candidate.id * 7 % 6))
    return evaluate(candidate)


class Late:
    """Evaluates late on one space."""

    def __init__(self, space: str) -> None:
        self.space = SPACES[space]

    def __call__(self, candidate: Candidate) -> tuple[float, float]:
        return evaluate_late(candidate)


def misbehave(candidate: Candidate) -> tuple[Any, ...]:
    """Raise, return what is no number, hand something back beside the value, by turns."""
    kind = candidate.id % 5
    if kind == 1:
        raise ValueError(f"number {candidate.id}")
    if kind == 2:
        return math.nan, 0.0
    if kind == 3:
        return "text", 0.0
    return objective(candidate), 0.5, {"id": candidate.id}


def run(
    executor: Executor,
    evaluate: Any = evaluate,
    solver: str = "sracos",
    space: str = "mixed",
    **options: Any,
) -> Result:
    made = make_solver(solver, SPACES[space], budget=N, seed=0)
    return Search(made, executor, evaluate, budget=N, on_error="record", **options).run()


def every_candidate_is_told_once(make: MakeExecutor) -> None:
    result = run(make(), evaluate_late)
    assert result.nfev == N, f"{result.nfev} evaluations were told, not {N}"
    assert sorted(result.timeline["id"]) == list(range(N)), "not every candidate was told once"
    assert result.n_failed == 0, f"evaluations failed: {result.failures[:1]}"


def times_are_those_of_the_run(make: MakeExecutor) -> None:
    result = run(make(), evaluate_late)
    started, finished = result.timeline["started"], result.timeline["finished"]
    assert (started <= finished).all(), "an evaluation ended before it began"
    assert (started > -0.01).all(), "an evaluation began before the run"
    assert (finished < result.walltime + 0.01).all(), "an evaluation ended after the run"


def with_a_window_every_solver_goes_the_way_of_one_worker(make: MakeExecutor) -> None:
    for solver in sorted(registered()):
        for space in spaces_for(solver, ("mixed", "tiny", "flags")):
            alone = run(WindowExecutor(SerialExecutor(), WINDOW), evaluate, solver, space)
            many = run(WindowExecutor(make(), WINDOW), Late(space), solver, space)
            same = many.history.tobytes() == alone.history.tobytes()
            assert same, f"{solver} on {space} depends on who evaluates"


def failures_are_told_as_such(make: MakeExecutor) -> None:
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


def what_is_cancelled_is_not_collected(make: MakeExecutor) -> None:
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
        assert executor.collect(0.0) == [], "something came that was cancelled"
    finally:
        executor.close()


def it_serves_one_run_at_a_time_and_many_in_a_row(make: MakeExecutor) -> None:
    executor = make()
    executor.close()  # before it was started: nothing happens
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
        raise AssertionError("a second run could start while another was under way")
    finally:
        executor.close()


def nothing_to_collect_comes_back_at_the_timeout(make: MakeExecutor) -> None:
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
        assert executor.collect(0.02) == [], "an outcome came too early"
        assert 0.01 < clock() - before < 0.5, "collect did not keep to its timeout"
    finally:
        executor.close()


def sleep(candidate: Candidate) -> tuple[float, float]:
    time.sleep(0.6)
    return 0.0, 0.0


EXECUTOR_LAWS: dict[str, Callable[[MakeExecutor], None]] = {
    law.__name__: law
    for law in (
        every_candidate_is_told_once,
        times_are_those_of_the_run,
        with_a_window_every_solver_goes_the_way_of_one_worker,
        failures_are_told_as_such,
        what_is_cancelled_is_not_collected,
        it_serves_one_run_at_a_time_and_many_in_a_row,
        nothing_to_collect_comes_back_at_the_timeout,
    )
}
