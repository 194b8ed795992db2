"""Executors evaluate candidates: the base class, and executors in the calling thread.

An executor calls one function, ``evaluate(candidate) -> (value, violation)``, and knows nothing of
the user's function behind it. If ``evaluate`` returns a third item, the Evaluation holds it as
``extra``; it holds a fourth item as ``reports``.
"""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, TypeAlias

from zoopt.core.candidate import Candidate
from zoopt.core.errors import FirstStepsFailed, InvalidConstraint, Pruned, Unfinished
from zoopt.core.evaluation import FAILED, INVALID, OK, PRUNED, Evaluation, Reports, as_number

__all__ = [
    "Evaluate",
    "EvaluateMany",
    "Executor",
    "Outcome",
    "SerialExecutor",
    "VectorizedExecutor",
    "failure",
]

Evaluate: TypeAlias = Callable[[Candidate], tuple[Any, ...]]
#: Returns values and, if there are constraints, violations; NaN where a constraint was invalid.
EvaluateMany: TypeAlias = Callable[
    [Sequence[Candidate]], tuple[Sequence[Any], Sequence[float] | None]
]
Outcome: TypeAlias = tuple[Candidate, Evaluation]


#: Largest number of characters of an error text; the middle of longer texts is left out.
MAX_TEXT = 20_000


class Executor(ABC):
    """Evaluates candidates: `start` once, then any number of calls, then `close`.

    A subclass implements `start`, `submit`, `collect`, `cancel` and `close`, and sets the
    attributes below where the defaults do not fit.

    Attributes
    ----------
    immediate : bool
        Whether `submit` evaluates and returns the outcome.
    in_process : bool
        Whether the executor evaluates the very candidates that it is given, in this process, so
        that they may share state.
    elapsed : float
        Seconds that earlier parts of a resumed run took.
    replaying : bool
        Whether the last outcome belongs to an earlier part of a resumed run.
    behind : bool
        Whether more outcomes of earlier parts follow.
    replayed_step : bool
        Whether a call of the user's ``delta`` succeeded in an earlier part.
    """

    immediate: bool = False
    in_process: bool = False
    elapsed: float = 0.0
    replaying: bool = False
    replayed_step: bool = False

    @property
    def behind(self) -> bool:
        return False

    @property
    def capacity(self) -> int:
        """Number of candidates that may be in flight; may change during a run."""
        return 1

    def clock(self) -> float:
        """Return the current time in seconds on the clock of the run."""
        return perf_counter()

    @abstractmethod
    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Get ready.

        Parameters
        ----------
        evaluate : callable
        budget : int
            Number of evaluations of the run.
        origin : float
            The reading of `clock` that counts as 0 in reported times.
        in_flight : int, optional
            Wanted number of candidates in flight; by default the executor decides.

        Raises
        ------
        ExecutorInUse
            If another run has not closed it.
        """

    @abstractmethod
    def submit(self, candidate: Candidate) -> Evaluation | None:
        """Take a candidate; at most ``capacity`` are in flight.

        An immediate executor returns the outcome; others return None, and `collect` returns it.
        """

    @abstractmethod
    def collect(self, timeout: float | None = None) -> list[Outcome]:
        """Wait for at least one outcome, for more capacity, or the timeout in seconds."""

    @abstractmethod
    def cancel(self, ident: int) -> None:
        """Drop a candidate: its outcome will not be collected."""

    @abstractmethod
    def close(self) -> None:
        """Release all resources. Closing twice does no harm."""


class SerialExecutor(Executor):
    """Evaluates one candidate at a time, in the calling thread."""

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
        #: The space of the candidates, if ``evaluate`` has it.
        self.space: Any = getattr(evaluate, "space", None)

    def submit(self, candidate: Candidate) -> Evaluation:
        """Evaluate a candidate; errors of the objective become Evaluations."""
        started = perf_counter() - self._origin
        try:
            answer = self._evaluate(candidate)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also panics of Rust, cancellations and exits
            evaluation = failure(error)
        else:
            value = answer[0]
            if isinstance(value, float) and value == value:
                evaluation = Evaluation(float(value), OK, answer[1])
            else:
                evaluation = Evaluation.of(value)
                evaluation.violation = answer[1]
            if len(answer) > 2:
                evaluation.extra = answer[2]
                evaluation.reports = answer[3] if len(answer) > 3 else ()
        evaluation.started = started
        evaluation.finished = perf_counter() - self._origin
        return evaluation

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        return []

    def cancel(self, ident: int) -> None:
        """Do nothing: no candidate outlives its submission."""

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class VectorizedExecutor(Executor):
    """Evaluates all candidates in flight by one call, in the calling thread.

    Parameters
    ----------
    evaluate_many : callable
        Takes a sequence of candidates; returns one value for each, and one violation for each or
        None.
    capacity : int
        Largest number of candidates per call.
    """

    capacity = 1

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
        except KeyboardInterrupt:
            raise
        except BaseException as error:
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
    """A vectorized objective did not return one value per row."""


def failure(error: BaseException, status: str = FAILED) -> Evaluation:
    """Return the evaluation that records an exception of the objective."""
    if isinstance(error, Unfinished) and error.__cause__ is not None:
        return _unfinished(error.__cause__, error.reports, error.violation)
    if isinstance(error, Pruned):
        return _unfinished(error, (), 0.0)
    cause: BaseException | None = error
    if isinstance(error, InvalidConstraint):
        status, cause = INVALID, error.__cause__
    shown = error.__cause__ if isinstance(error, FirstStepsFailed) else error
    text = "".join(traceback.format_exception(shown)).strip()
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT // 2]}\n[...]\n{text[-MAX_TEXT // 2 :]}"
    return Evaluation(float("nan"), status, error=text, exception=cause)


def _unfinished(error: BaseException, reports: Reports, violation: float) -> Evaluation:
    """Return the evaluation of an objective that raised after some reports."""
    if isinstance(error, Pruned):
        try:
            last = None if error.value is None else as_number(error.value)
        except (TypeError, ValueError):
            error = TypeError(f"the value of Pruned must be a number, got {error.value!r:.100}")
        else:
            if last is not None:
                reports = (*reports, (reports[-1][0] + 1 if reports else 0, last))
            return Evaluation(float("nan"), PRUNED, violation, reports=reports)
    evaluation = failure(error)
    evaluation.reports = reports
    return evaluation
