"""Evaluations: the outcomes of candidates, and the order among them."""

import math
import numbers
import sys
from typing import Any, NamedTuple

import numpy as np

from zoopt.core.candidate import Candidate

__all__ = ["Best", "Evaluation", "as_number", "rank"]

OK, FAILED, INVALID, TIMEOUT, LOST = "ok", "failed", "invalid", "timeout", "lost"

STATUSES = (OK, FAILED, INVALID, TIMEOUT, LOST)


class Evaluation:
    """The outcome of one candidate.

    Attributes
    ----------
    value : float
        Minimized; NaN unless the status is ok.
    status : {"ok", "failed", "invalid", "timeout", "lost"}
        ok: any float but NaN. invalid: NaN or no number. failed: raised. timeout: stopped at its
        deadline. lost: its worker died, more often than it is tried again.
    violation : float
        At most 0 if feasible.
    error : str
        Why it is not ok, with the traceback where there is one.
    exception : BaseException or None
        What was raised, where it can be had.
    started, finished : float
        Seconds since the start of the run.
    worker : str
        Who evaluated it.
    extra : object
        What the surface's ``evaluate`` handed back beside the value.
    """

    __slots__ = (
        "error",
        "exception",
        "extra",
        "finished",
        "started",
        "status",
        "value",
        "violation",
        "worker",
    )

    def __init__(
        self,
        value: float,
        status: str = OK,
        violation: float = 0.0,
        error: str = "",
        started: float = math.nan,
        finished: float = math.nan,
        worker: str = "",
        exception: BaseException | None = None,
        extra: Any = None,
    ) -> None:
        self.value = value
        self.status = status
        self.violation = violation
        self.error = error
        self.started = started
        self.finished = finished
        self.worker = worker
        self.exception = exception
        self.extra = extra

    @classmethod
    def of(cls, value: Any) -> "Evaluation":
        """Judge what an objective returned: ok, or invalid with the reason.

        Examples
        --------
        >>> Evaluation.of(1.5).status, Evaluation.of(None).status
        ('ok', 'invalid')
        """
        if isinstance(value, float) and value == value:
            return cls(float(value))
        if not isinstance(value, float):
            try:
                value = as_number(value)
            except Exception as error:  # its conversion may raise anything
                return cls(math.nan, INVALID, error=str(error), exception=error)
        if value != value:
            return cls(math.nan, INVALID, error="the objective returned NaN")
        return cls(value)

    @property
    def ok(self) -> bool:
        return self.status == OK

    def __repr__(self) -> str:
        detail = f", error={self.error.splitlines()[-1]!r}" if self.error else ""
        return f"Evaluation({self.value!r}, {self.status!r}{detail})"


def as_number(value: Any) -> float:
    """Turn what an objective returned into a float; an array of one element counts as it."""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise ValueError(
                f"the objective must return one number, got an array of shape {value.shape}"
            )
        value = value.item()
    if isinstance(value, (str, bytes)) or not isinstance(value, (numbers.Real, np.bool_)):
        try:
            if isinstance(value, (str, bytes)) or value is None:
                raise TypeError
            return float(value)  # tensors and decimals know how
        except (TypeError, ValueError):
            raise TypeError(
                f"the objective must return a number, got {value!r:.100} of type "
                f"{type(value).__name__}"
            ) from None
    return float(value)


class Best(NamedTuple):
    """The best point so far, or the one to use.

    Attributes
    ----------
    candidate : Candidate
    evaluation : Evaluation
    standard_error : float
        Of the value, where it is a mean of several; NaN otherwise.
    n_calls : int
        How many evaluations the value is the mean of.
    """

    candidate: Candidate
    evaluation: Evaluation
    standard_error: float = math.nan
    n_calls: int = 1

    @property
    def x(self) -> Any:
        return self.candidate.x

    @property
    def value(self) -> float:
        return self.evaluation.value


def rank(evaluation: Evaluation, n_told: int) -> tuple[float, float]:
    """Return the key by which rank-based solvers sort: by violation, then value.

    What is not ok ranks after all that is, in order of tell.
    """
    if evaluation.status == OK:
        violation = evaluation.violation
        if violation <= 0.0:
            return 0.0, evaluation.value
        return min(violation, sys.float_info.max), evaluation.value
    return math.inf, float(n_told)
