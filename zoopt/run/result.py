"""The result of a run."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.evaluation import OK, PRUNED
from zoopt.run.record import Failure, Tried
from zoopt.run.trials import Trial, frame_of, parameters_of

__all__ = ["Result"]


class Result(Mapping[str, Any]):
    """The outcome of a run, in SciPy's terms.

    Its attributes can be read as items too: ``result["fun"]``, ``"fun" in result``,
    ``result.get("jac")``, ``dict(result)``. The items leave out ``trials``, ``best_history``,
    ``failure_counts`` and ``failures_by_kind``, which are computed on access.

    Attributes
    ----------
    x : array, dict or list
        The recommended point in user units. If no point is feasible, the point of least violation;
        if no evaluation succeeded, None.
    fun : float
        Its value; NaN if there is none.
    fun_std : float
        Standard error of ``fun`` if it is a mean of several evaluations; NaN otherwise.
    nfev_x : int
        Number of evaluations averaged in ``fun``.
    from_known : bool
        Whether ``x`` is a known point, which this run did not evaluate.
    maxcv : float
        Violation of the worst constraint at ``x``; 0 if ``x`` is feasible.
    success : bool
        Whether a feasible point was evaluated successfully.
    status : str
        Why the run stopped: "budget", "time_budget", "terminal_value", "stop", "callback",
        "exhausted", "max_failures", "interrupted" or "error".
    message : str
        A sentence that names the solver and the reason why it stopped.
    nfev, nit : int
        Number of evaluations, and number of points reported to the solver.
    history : float64 array, shape (nit,)
        Values in the order they were reported; NaN for failures and pruned trials.
    violations : float64 array, shape (nit,)
        Violation of the worst constraint; at most 0 where the point is feasible.
    statuses : object array, shape (nit,)
        Status of each evaluation, in the same order.
    failures : list of Failure
        The first 1,000 failed evaluations.
    n_failed : int
        Number of failed evaluations.
    n_pruned : int
        Number of evaluations that raised `Pruned`; they are not failures.
    cancelled : list
        Points that were in flight when the run stopped.
    timeline : dict of arrays
        ``id``, ``started``, ``finished`` (seconds since the start) and ``worker``, one entry per
        evaluation.
    walltime : float
        Seconds.
    seed : int or SeedSequence
        Pass it as ``seed`` to repeat the run.

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
        from_known: bool = False,
        n_pruned: int = 0,
        tried: Tried | None = None,
    ) -> None:
        self.x = x
        self.fun = fun
        self.fun_std = fun_std
        self.nfev_x = nfev_x
        self.from_known = from_known
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
        self.n_pruned = n_pruned
        self.cancelled = cancelled
        self.timeline = timeline
        self.walltime = walltime
        self.seed = seed
        self._tried = tried
        self._trials: list[Trial] | None = None

    @property
    def trials(self) -> list[Trial]:
        """One `Trial` for each evaluation, in order of report.

        The point of a trial is None where it was not kept; see ``keep_points`` of `minimize`.
        """
        if self._trials is None:
            self._trials = [] if self._tried is None else self._tried.trials()
        return self._trials

    @property
    def failure_counts(self) -> dict[str, int]:
        """Number of failed evaluations by status."""
        kinds, counts = np.unique(self.statuses.astype(str), return_counts=True)
        fine = OK, PRUNED
        return {str(k): int(n) for k, n in zip(kinds, counts, strict=True) if k not in fine}

    @property
    def failures_by_kind(self) -> dict[str, list[Failure]]:
        """The first 1,000 failures by status."""
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
        """Return a pandas DataFrame with one row per trial, including one column per parameter.

        Returns
        -------
        pandas.DataFrame
            Columns as in `History.to_frame`.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return frame_of(
            self.trials, [] if self._tried is None else parameters_of(self._tried.space)
        )

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def _names(self) -> list[str]:
        return [name for name in self.__dict__ if not name.startswith("_")]

    # Mapping compares items with ==, which for arrays gives no single truth value.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        shown = {
            "message": self.message,
            "success": self.success,
            "status": self.status,
            "fun": self.fun,
            **({"fun_std": self.fun_std, "nfev_x": self.nfev_x} if self.nfev_x > 1 else {}),
            "x": self.x,
            **({"from_known": True} if self.from_known else {}),
            **({"maxcv": self.maxcv} if self.maxcv > 0.0 else {}),
            "nfev": self.nfev,
            "nit": self.nit,
            "n_failed": self._failed,
            **({"n_pruned": self.n_pruned} if self.n_pruned else {}),
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
