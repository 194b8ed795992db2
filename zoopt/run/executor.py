"""Executors: who evaluates the candidates. Here those that work in the calling thread.

An executor is handed one ``evaluate(candidate) -> (value, violation)`` and knows nothing of what is
behind it.
"""

import traceback
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

from zoopt.contract import FAILED, INVALID, OK, Candidate, Evaluation
from zoopt.errors import Pruned

__all__ = ["Evaluate", "EvaluateMany", "Executor", "SerialExecutor", "VectorizedExecutor"]

Evaluate = Callable[[Candidate], tuple[Any, float]]
EvaluateMany = Callable[[Sequence[Candidate]], Sequence[Any]]


class Executor(Protocol):
    """What the loop needs of an executor."""

    @property
    def capacity(self) -> int:
        """How many candidates it takes at once; may change while running."""

    def submit(self, candidate: Candidate) -> Evaluation | None:
        """Take a candidate; at most ``capacity`` are in flight.

        One that evaluates at once returns the outcome; otherwise it is collected later.
        """

    def collect(self, timeout: float | None = None) -> list[tuple[Candidate, Evaluation]]:
        """Wait for at least one outcome, or the timeout in seconds."""

    def cancel(self, ident: int) -> None:
        """Give a candidate up; its outcome is not collected."""

    def close(self) -> None:
        """Release everything; nothing stays behind."""


class SerialExecutor:
    """Evaluates one candidate at a time, in the calling thread."""

    capacity = 1

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._origin = perf_counter()

    def submit(self, candidate: Candidate) -> Evaluation:
        origin = self._origin
        started = perf_counter() - origin
        try:
            value, violation = self._evaluate(candidate)
        except (Exception, SystemExit) as error:
            evaluation = failure(error)
        else:
            if isinstance(value, float) and value == value:
                finished = perf_counter() - origin
                return Evaluation(float(value), OK, violation, "", started, finished)
            evaluation = Evaluation.of(value)
            evaluation.violation = violation
        evaluation.started = started
        evaluation.finished = perf_counter() - origin
        return evaluation

    def collect(self, timeout: float | None = None) -> list[tuple[Candidate, Evaluation]]:
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
        Takes a sequence of candidates, returns as many values.
    capacity : int
        Most candidates of one call.
    """

    def __init__(self, evaluate_many: EvaluateMany, capacity: int) -> None:
        self._evaluate_many = evaluate_many
        self.capacity = capacity
        self._pending: list[Candidate] = []
        self._origin = perf_counter()

    def submit(self, candidate: Candidate) -> None:
        self._pending.append(candidate)

    def collect(self, timeout: float | None = None) -> list[tuple[Candidate, Evaluation]]:
        batch, self._pending = self._pending, []
        started = perf_counter() - self._origin
        try:
            values = self._evaluate_many(batch)
            evaluations = [Evaluation.of(value) for value in values]
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


class WrongShape(ValueError):
    """A vectorized objective returned something else than one value a row."""


def failure(error: BaseException, status: str = FAILED) -> Evaluation:
    """Record what an objective raised."""
    if isinstance(error, Pruned):
        text = "pruned" if error.value is None else f"pruned at {error.value!r}"
        return Evaluation(float("nan"), FAILED, error=text)
    text = "".join(traceback.format_exception(error)).strip()
    return Evaluation(float("nan"), status, error=text, exception=error)
