"""Exceptions and warnings."""

from typing import Any

__all__ = [
    "AllEvaluationsFailed",
    "EvaluationWarning",
    "ExecutorError",
    "ExecutorInUse",
    "Exhausted",
    "InvalidConstraint",
    "JournalError",
    "NothingFeasible",
    "Pruned",
    "WrongNames",
    "ZooptError",
]


class ZooptError(Exception):
    """Base class of all errors other than bad input."""


class Exhausted(ZooptError):
    """A solver has no point left to propose, and none is in flight."""


class AllEvaluationsFailed(ZooptError):
    """No evaluation of a run succeeded.

    Attributes
    ----------
    result : Result
        The run, with its failures.
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.result)


class ExecutorError(ZooptError):
    """The workers cannot continue: they keep dying, or cannot load the objective.

    Its attribute ``zoopt_result`` holds the Result up to then.
    """


class ExecutorInUse(ZooptError, RuntimeError):
    """An executor object serves one run at a time."""


class JournalError(ZooptError):
    """A checkpoint file cannot be used or written. Its contents are left as they were.

    Attributes
    ----------
    result : Result or None
        The result so far, if a run was under way.
    """

    result: Any = None


class InvalidConstraint(ZooptError):
    """A constraint raised, or returned NaN or no number: the evaluation is invalid.

    If every evaluation fails this way, the cause of this error is raised to the caller. After NaN,
    there is no cause.
    """


class WrongNames(ZooptError, ValueError):
    """A point lacks a parameter, or has one that is unknown or not active."""


class FirstStepsFailed(ZooptError):
    """The first calls of a ``delta`` all failed. The cause is the error of the last call."""


class Unfinished(ZooptError):
    """An objective raised after it had reported, or after its constraints were computed.

    Its cause is the error that the objective raised.

    Attributes
    ----------
    reports : tuple of pairs (int, float)
        Steps and intermediate values.
    violation : float
        Violation of the constraints.
    """

    def __init__(self, reports: Any, violation: float) -> None:
        super().__init__(reports, violation)
        self.reports = reports
        self.violation = violation


class NothingFeasible(ZooptError):
    """A filter rejected every point that was proposed to it."""


class Pruned(Exception):
    """Raise this in an objective to give up early.

    The evaluation has the status "pruned". It counts, is never the best one, and is not a failure.

    Parameters
    ----------
    value : float, optional
        An intermediate value to report at the next step; see `RunningTrial.report`.
    """

    def __init__(self, value: float | None = None) -> None:
        super().__init__(value)
        self.value = value


class EvaluationWarning(UserWarning):
    """An evaluation failed and was recorded; the run continues."""
