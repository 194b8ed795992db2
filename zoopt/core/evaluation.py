"""Evaluations: the outcomes of candidates, and the order among them."""

import math
import numbers
import sys
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate

__all__ = ["Best", "Evaluation", "as_number", "rank", "unmasked"]

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
        try:
            number = as_number(value)
        except Exception as error:  # its conversion may raise anything
            return cls(math.nan, INVALID, error=str(error), exception=error)
        if number == number:
            return cls(number)
        what = "a masked value" if isinstance(value, np.ma.MaskedArray) else "NaN"
        return cls(math.nan, INVALID, error=f"the objective returned {what}")

    @property
    def ok(self) -> bool:
        return self.status == OK

    def __repr__(self) -> str:
        detail = f", error={self.error.splitlines()[-1]!r}" if self.error else ""
        return f"Evaluation({self.value!r}, {self.status!r}{detail})"


def as_number(value: Any) -> float:
    """Turn what a user's function returned into a float.

        Parameters
        ----------
        value : object
            A real number, an array of one element, or what ``float`` converts, such as a tensor.

        Returns
        -------
        float
            NaN for a masked value.

        Raises
        ------
        TypeError, ValueError
            If ``value`` is not one real number; texts and complex numbers are not.

        Examples
        --------
        >>> import numpy as np
    import numpy.typing as npt
        >>> as_number(np.array([1])), as_number(np.ma.masked)
        (1.0, nan)
    """
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise ValueError(
                f"the objective must return one number, got an array of shape {value.shape}"
            )
        value = unmasked(value).item()
    if isinstance(value, (numbers.Real, np.bool_)):
        return float(value)
    try:
        if value is None or isinstance(value, (str, bytes)) or _is_complex(value):
            raise TypeError
        return float(value)  # tensors and decimals know how
    except (TypeError, ValueError):
        raise TypeError(
            f"the objective must return a number, got {value!r:.100} of type {type(value).__name__}"
        ) from None


def unmasked(values: Any) -> npt.NDArray[Any]:
    """Return what a user's function returned as an array, with NaN for each masked element."""
    if isinstance(values, (list, tuple)) and any(isinstance(v, np.ma.MaskedArray) for v in values):
        values = np.ma.stack([np.ma.asarray(value) for value in values])
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        values = np.ma.filled(values.astype(object), math.nan)
    return np.asarray(values)


def _is_complex(value: Any) -> bool:
    """Tell whether a number or tensor is complex: ``float`` may drop the imaginary part."""
    return isinstance(value, numbers.Complex) or "complex" in str(getattr(value, "dtype", ""))


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
