"""Executors: who evaluates the candidates. Here those that work in the calling thread.

An executor is handed one ``evaluate(candidate) -> (value, violation)`` and knows nothing of what is
behind it. A third item that ``evaluate`` may return travels in the Evaluation as ``extra``.
"""

import traceback
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol, TypeAlias

from zoopt.core.candidate import Candidate
from zoopt.core.errors import FirstStepsFailed, InvalidConstraint, Pruned
from zoopt.core.evaluation import FAILED, INVALID, OK, Evaluation

__all__ = [
    "Evaluate",
    "EvaluateMany",
    "Executor",
    "Outcome",
    "SerialExecutor",
    "VectorizedExecutor",
    "clock_of",
    "failure",
    "is_in_process",
]

Evaluate: TypeAlias = Callable[[Candidate], tuple[Any, ...]]
#: Returns values and, if there are constraints, violations; NaN where one was invalid.
EvaluateMany: TypeAlias = Callable[
    [Sequence[Candidate]], tuple[Sequence[Any], Sequence[float] | None]
]
Outcome: TypeAlias = tuple[Candidate, Evaluation]


#: Longer texts of failures lose their middle.
MAX_TEXT = 20_000


class Executor(Protocol):
    """What the loop needs of an executor: `start` once, then any number of calls, then `close`.

    One whose time is not that of ``time.perf_counter`` has a method ``clock() -> float``, and the
    run goes by it; see `clock_of`. One that evaluates the very candidates that it is given, in
    this process, says so by an attribute ``in_process = True``; see `is_in_process`.
    """

    #: Whether `submit` evaluates and answers at once.
    immediate: bool

    @property
    def capacity(self) -> int:
        """How many candidates it takes at once; may change while running."""

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Get ready; raises `ExecutorInUse` where another run has not closed it.

        Parameters
        ----------
        evaluate : callable
        budget : int
            How many evaluations the run has.
        origin : float
            The reading of the executor's clock that counts as 0 in what is reported.
        in_flight : int, optional
            How many candidates are wanted in flight; by default the executor decides.
        """

    def submit(self, candidate: Candidate) -> Evaluation | None:
        """Take a candidate; at most ``capacity`` are in flight.

        One that evaluates at once returns the outcome; otherwise it is collected later.
        """

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        """Wait for at least one outcome, for more capacity, or the timeout in seconds."""

    def cancel(self, ident: int) -> None:
        """Give a candidate up; its outcome is not collected."""

    def close(self) -> None:
        """Release everything; nothing stays behind."""


def clock_of(executor: Executor) -> Callable[[], float]:
    """Return the clock that a run goes by: the executor's own, or ``time.perf_counter``."""
    clock: Callable[[], float] = getattr(executor, "clock", perf_counter)
    return clock


def is_in_process(executor: Executor) -> bool:
    """Tell whether it evaluates the very candidates that it is given, so that they may share."""
    return bool(getattr(executor, "in_process", False))


class SerialExecutor:
    """Evaluates one candidate at a time, in the calling thread; so do threads and workers."""

    immediate = True
    in_process = True
    capacity = 1
    _evaluate: Evaluate
    _origin = 0.0

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        self._evaluate = evaluate
        self._origin = origin
        #: Of what it evaluates, where that tells.
        self.space: Any = getattr(evaluate, "space", None)

    def submit(self, candidate: Candidate) -> Evaluation:
        """Evaluate; whatever becomes of it is an Evaluation."""
        extra = None
        started = perf_counter() - self._origin
        try:
            answer = self._evaluate(candidate)
        except (Exception, SystemExit) as error:
            evaluation = failure(error)
        else:
            value = answer[0]
            if len(answer) > 2:
                extra = answer[2]
            if isinstance(value, float) and value == value:
                finished = perf_counter() - self._origin
                return Evaluation(
                    float(value), OK, answer[1], "", started, finished, "", None, extra
                )
            evaluation = Evaluation.of(value)
            evaluation.violation = answer[1]
            evaluation.extra = extra
        evaluation.started = started
        evaluation.finished = perf_counter() - self._origin
        return evaluation

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        return []

    def cancel(self, ident: int) -> None:
        """Do nothing: no candidate outlives its submission."""

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class VectorizedExecutor:
    """Evaluates all that is in flight by one call, in the calling thread.

    Parameters
    ----------
    evaluate_many : callable
        Takes a sequence of candidates, returns as many values, and violations or None.
    capacity : int
        Most candidates of one call.
    """

    immediate = False

    def __init__(self, evaluate_many: EvaluateMany, capacity: int) -> None:
        self._evaluate_many = evaluate_many
        self.capacity = capacity
        self._pending: list[Candidate] = []
        self._origin = 0.0

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        self._origin = origin

    def submit(self, candidate: Candidate) -> None:
        self._pending.append(candidate)

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        batch, self._pending = self._pending, []
        started = perf_counter() - self._origin
        try:
            values, violations = self._evaluate_many(batch)
            evaluations = [Evaluation.of(value) for value in values]
            if violations is not None:
                evaluations = list(map(_with_violation, evaluations, violations))
        except (TypeError, ValueError) as error:
            status = INVALID if isinstance(error, WrongShape) else FAILED
            evaluations = [failure(error, status) for _ in batch]
        except (Exception, SystemExit) as error:
            evaluations = [failure(error) for _ in batch]
        finished = perf_counter() - self._origin
        for evaluation in evaluations:
            evaluation.started, evaluation.finished = started, finished
        return list(zip(batch, evaluations, strict=True))

    def cancel(self, ident: int) -> None:
        self._pending = [c for c in self._pending if c.id != ident]

    def close(self) -> None:
        self._pending.clear()


def _with_violation(evaluation: Evaluation, violation: float) -> Evaluation:
    if violation != violation:
        return Evaluation(float("nan"), INVALID, error="the constraint returned NaN")
    evaluation.violation = violation
    return evaluation


class WrongShape(ValueError):
    """A vectorized objective returned something else than one value a row."""


def failure(error: BaseException, status: str = FAILED) -> Evaluation:
    """Record what an objective raised."""
    if isinstance(error, Pruned):
        text = "pruned" if error.value is None else f"pruned at {error.value!r}"
        return Evaluation(float("nan"), FAILED, error=text)
    cause: BaseException | None = error
    if isinstance(error, InvalidConstraint):
        status, cause = INVALID, error.__cause__
    told = error.__cause__ if isinstance(error, FirstStepsFailed) else error
    text = "".join(traceback.format_exception(told)).strip()
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]}\n[...]\n{text[-MAX_TEXT // 2 :]}"
    return Evaluation(float("nan"), status, error=text, exception=cause)
