"""Evaluations: the outcomes of candidates, the judgement of values, and the order of outcomes."""

import math
import numbers
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate

__all__ = ["Best", "Evaluation", "Reports", "as_number", "rank", "unmasked"]

OK, FAILED, INVALID, TIMEOUT, LOST = "ok", "failed", "invalid", "timeout", "lost"
PRUNED = "pruned"

#: In the order of their codes in journals.
STATUSES = (OK, FAILED, INVALID, TIMEOUT, LOST, PRUNED)

#: Intermediate values: pairs of step and value, in increasing order of steps.
Reports: TypeAlias = tuple[tuple[int, float], ...]

#: In ranks, violations of successful evaluations end at the first number. Those of pruned ones
#: begin at the second, and those of failures are infinite.
MOST_VIOLATION, PRUNED_VIOLATION = 2.0**1022, 2.0**1023


class Evaluation:
    """The outcome of one candidate.

    Parameters
    ----------
    value : float
        The value to minimize; NaN unless the status is "ok".
    status : {"ok", "failed", "invalid", "timeout", "lost", "pruned"}
        "ok": the value is a number, possibly infinite. "invalid": the objective returned NaN, a
        masked value or no real number. "failed": it raised. "timeout": it was stopped at its
        deadline. "lost": its worker died, and so did the workers of the retries. "pruned": it
        raised `Pruned`, which is not a failure.
    violation : float
        How far the worst constraint falls below 0; at most 0 if the point is feasible.
    error : str
        Why the status is not "ok", with the traceback if there is one.
    started, finished : float
        Seconds since the start of the run.
    worker : str
        The worker that evaluated the candidate; "" in the calling thread.
    exception : BaseException or None
        The exception that was raised, if it is still available.
    extra : object
        Third item that the ``evaluate`` of the run returned, after value and violation.
    reports : tuple of pairs (int, float)
        The steps and intermediate values that the objective reported, in increasing order.

    Attributes
    ----------
    ok : bool
        Whether the status is "ok".
    last_report : float
        The last intermediate value; NaN if there is none. If the evaluation was pruned, its value
        would have been about this or better: surrogate models may use it as a censored value.

    Examples
    --------
    >>> Evaluation(1.5, violation=0.25)
    Evaluation(1.5, 'ok')
    >>> Evaluation(float("nan"), "failed", error="out of memory").ok
    False
    """

    __slots__ = (
        "error",
        "exception",
        "extra",
        "finished",
        "reports",
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
        reports: Reports = (),
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
        self.reports = reports

    @classmethod
    def of(cls, value: Any) -> "Evaluation":
        """Judge the value that an objective returned.

        Parameters
        ----------
        value : object

        Returns
        -------
        Evaluation
            With the status "ok", or "invalid" and the reason.

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

    @property
    def last_report(self) -> float:
        return self.reports[-1][1] if self.reports else math.nan

    def __repr__(self) -> str:
        detail = f", error={self.error.splitlines()[-1]!r}" if self.error else ""
        return f"Evaluation({self.value!r}, {self.status!r}{detail})"


def as_number(value: Any) -> float:
    """Return the value of a user's function as a float.

    Parameters
    ----------
    value : object
        A real number, an array of one element, or an object that ``float`` converts, such as a
        tensor.

    Returns
    -------
    float
        NaN for a masked value.

    Raises
    ------
    TypeError, ValueError
        If it is anything else. Strings and complex numbers are not converted.

    Examples
    --------
    >>> import numpy as np
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
    """Return the values of a user's function as an array, with NaN for masked elements.

    Parameters
    ----------
    values : array-like

    Returns
    -------
    ndarray
        Of dtype object if an element is masked.
    """
    if isinstance(values, (list, tuple)) and any(isinstance(v, np.ma.MaskedArray) for v in values):
        values = np.ma.stack([np.ma.asarray(value) for value in values])
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        values = np.ma.filled(values.astype(object), math.nan)
    return np.asarray(values)


def _is_complex(value: Any) -> bool:
    """Tell whether a number or tensor is complex: ``float`` may drop the imaginary part."""
    return isinstance(value, numbers.Complex) or "complex" in str(getattr(value, "dtype", ""))


class Best(NamedTuple):
    """The best point so far, or the recommended one.

    Attributes
    ----------
    candidate : Candidate
    evaluation : Evaluation
    standard_error : float
        Standard error of the value if it is a mean of several evaluations, or a prediction; NaN
        otherwise.
    n_calls : int
        Number of evaluations averaged in the value.
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

    @property
    def is_known(self) -> bool:
        """Whether the point and its value were reported from elsewhere by ``tell_point``."""
        return self.candidate.origin == "foreign" and self.n_calls == 1


def rank(evaluation: Evaluation, n_told: int) -> tuple[float, float]:
    """Return the key by which rank-based solvers sort evaluations: by violation, then value.

    Pruned evaluations rank after all successful ones, by violation, then last report. Failed
    evaluations rank after those, in the order they were told.

    Parameters
    ----------
    evaluation : Evaluation
    n_told : int
        Number of evaluations told before this one.

    Returns
    -------
    tuple of two floats
        Smaller is better.
    """
    if evaluation.status == OK:
        violation = evaluation.violation
        if violation <= 0.0:
            return 0.0, evaluation.value
        return min(violation, MOST_VIOLATION), evaluation.value
    if evaluation.status == PRUNED:
        last = evaluation.last_report
        share = 1.0 - 1.0 / (1.0 + max(0.0, evaluation.violation))
        return PRUNED_VIOLATION * (1.0 + 0.5 * share), math.inf if last != last else last
    return math.inf, float(n_told)
