"""The exceptions and warnings of zoopt's own."""

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
    "ZooptError",
]


class ZooptError(Exception):
    """Base class of the errors that are not plain bad input."""


class Exhausted(ZooptError):
    """Nothing is left to ask, and nothing is in flight."""


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
    """The workers cannot go on: they die faster than they work, or cannot load the objective.

    Its attribute ``zoopt_result`` holds the Result up to then.
    """


class ExecutorInUse(ZooptError, RuntimeError):
    """An executor object serves one run at a time."""


class JournalError(ZooptError):
    """A checkpoint file cannot be used, or not be written any more; nothing in it was changed.

    Attributes
    ----------
    result : Result or None
        What the run had reached, where one was under way.
    """

    result: Any = None


class InvalidConstraint(ZooptError):
    """A constraint raised, or returned NaN or no number: the evaluation is invalid.

    Its cause is what the caller gets where all evaluations fail so; NaN has none.
    """


class FirstStepsFailed(ZooptError):
    """The first calls of a ``delta`` all failed; its cause is how the last of them did."""


class NothingFeasible(ZooptError):
    """A filter rejected every point that was proposed to it."""


class Pruned(Exception):
    """Raise this in an objective to give up early.

    Parameters
    ----------
    value : float, optional
        What is known of the value; recorded with the failure, never compared.
    """

    def __init__(self, value: float | None = None) -> None:
        super().__init__(value)
        self.value = value


class EvaluationWarning(UserWarning):
    """An evaluation failed and was recorded; the run goes on."""
