"""What a run returns."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Failure", "Result"]


class Failure(NamedTuple):
    """An evaluation that was not ok."""

    id: int
    status: str
    error: str
    x: Any
    worker: str = ""


class Result:
    """The outcome of a run, in SciPy's terms.

    Attributes
    ----------
    x : array, dict or list
        The recommended point in user units; the one of least violation if none is feasible; None if
        no evaluation was ok.
    fun : float
        Its value; NaN if there is none.
    fun_std : float
        Standard error of fun, where that is a mean of several evaluations; NaN otherwise.
    nfev_x : int
        How many evaluations fun is the mean of.
    maxcv : float
        Its violation: by how much it misses the worst constraint; 0 if it is feasible.
    success : bool
        Whether an ok, feasible point was found.
    status : str
        Why the run stopped: "budget", "time_budget", "terminal_value", "stop", "callback",
        "exhausted", "max_failures", "interrupted" or "error".
    message : str
        Which solver ran and why it stopped, as a sentence.
    nfev, nit : int
        Objective calls, and points told.
    history : float64 array, shape (nit,)
        Values in order of tell; NaN where an evaluation was not ok.
    violations : float64 array, shape (nit,)
        By how much each missed the worst constraint; at most 0 if it was feasible.
    statuses : object array, shape (nit,)
        Status of each evaluation, in the same order.
    failures : list of Failure
        The first 1,000 evaluations that were not ok.
    n_failed : int
        How many there were.
    cancelled : list
        Points that were in flight when the run stopped.
    timeline : dict of arrays
        ``id``, ``started``, ``finished`` (seconds since the start) and ``worker``.
    walltime : float
        Seconds.
    seed : int or SeedSequence
        Giving it as the seed repeats the run.

    Examples
    --------
    >>> import zoopt
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=20, seed=0)
    >>> result.status, result.nfev, bool(result.best_history[-1] == result.fun)
    ('budget', 20, True)
    """

    def __init__(
        self,
        *,
        x: Any,
        fun: float,
        maxcv: float,
        success: bool,
        status: str,
        message: str,
        nfev: int,
        nit: int,
        history: npt.NDArray[np.float64],
        violations: npt.NDArray[np.float64],
        statuses: npt.NDArray[Any],
        failures: list[Failure],
        n_failed: int,
        cancelled: list[Any],
        timeline: dict[str, npt.NDArray[Any]],
        walltime: float,
        seed: Any,
        fun_std: float = float("nan"),
        nfev_x: int = 1,
    ) -> None:
        self.x = x
        self.fun = fun
        self.fun_std = fun_std
        self.nfev_x = nfev_x
        self.maxcv = maxcv
        self.success = success
        self.status = status
        self.message = message
        self.nfev = nfev
        self.nit = nit
        self.history = history
        self.violations = violations
        self.statuses = statuses
        self.failures = failures
        self.n_failed = n_failed
        self.cancelled = cancelled
        self.timeline = timeline
        self.walltime = walltime
        self.seed = seed

    @property
    def failure_counts(self) -> dict[str, int]:
        """How many evaluations ended in each status but "ok"."""
        kinds, counts = np.unique(self.statuses.astype(str), return_counts=True)
        return {str(k): int(n) for k, n in zip(kinds, counts, strict=True) if k != "ok"}

    @property
    def failures_by_kind(self) -> dict[str, list[Failure]]:
        """The listed failures by status, each with its point and text."""
        kinds: dict[str, list[Failure]] = {}
        for failure in self.failures:
            kinds.setdefault(failure.status, []).append(failure)
        return kinds

    @property
    def best_history(self) -> npt.NDArray[np.float64]:
        """The least feasible value so far after each evaluation; inf before there is one."""
        fine = ~np.isnan(self.history) & (self.violations <= 0.0)
        return np.minimum.accumulate(np.where(fine, self.history, np.inf))

    def to_frame(self) -> Any:
        """Return the evaluations as a pandas DataFrame, one row each, in order of tell.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("Result.to_frame needs pandas: pip install pandas") from error
        return pd.DataFrame(
            {
                "value": self.history,
                "status": self.statuses,
                "violation": self.violations,
                **self.timeline,
            }
        )

    def __getitem__(self, name: str) -> Any:
        try:
            return self.__dict__[name]
        except KeyError:
            raise KeyError(name) from None

    def keys(self) -> list[str]:
        return list(self.__dict__)

    def __repr__(self) -> str:
        shown = {
            "message": self.message,
            "success": self.success,
            "status": self.status,
            "fun": self.fun,
            **({"fun_std": self.fun_std, "nfev_x": self.nfev_x} if self.nfev_x > 1 else {}),
            "x": self.x,
            **({"maxcv": self.maxcv} if self.maxcv > 0.0 else {}),
            "nfev": self.nfev,
            "nit": self.nit,
            "n_failed": self._failed,
            "walltime": f"{self.walltime:.3g} s",
            "seed": self.seed,
        }
        with np.printoptions(threshold=20, precision=6):
            return "\n".join(f"{name:>9}: {_short(value)}" for name, value in shown.items())

    @property
    def _failed(self) -> str:
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.failure_counts.items())
        return f"{self.n_failed} ({kinds})" if kinds else "0"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 600 else text[:597] + "..."
