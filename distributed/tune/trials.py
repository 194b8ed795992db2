"""Translate Tune's results of trials to evaluations.

This module stores the reports of running trials, and decides when a trial that was running at a
save will not return after a restore. It does not depend on configurations.
"""

import math
import numbers
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number
from zoopt.core.evaluation import FAILED, INVALID, LOST, Evaluation

__all__ = ["Best", "Outcomes", "Silence", "Trial"]

#: Tune's name for the metric of trainables that report only a number.
ANONYMOUS_METRIC = "_metric"

#: If this many seconds pass between two fruitless calls of ``suggest``, Tune is idle. It then
#: sleeps for one second between calls. While a trial runs or waits, it calls about ten times a
#: second.
IDLE_SECONDS = 0.9

#: A trial is lost after this many such calls, or once so many rounds of newer trials have ended.
PATIENCE = 3


class Best(NamedTuple):
    """The best trial so far.

    Attributes
    ----------
    config : dict
        Its configuration.
    value : float
        Its metric, as reported.
    """

    config: dict[str, Any]
    value: float


class Reported(NamedTuple):
    """A value of the metric, and the ``time_attr`` at which it was reported."""

    value: Any
    at: Any


class Trial:
    """A running trial.

    Parameters
    ----------
    candidate : Candidate
    told : bool
        Whether the solver already has an outcome of it, because it failed or was given up.

    Attributes
    ----------
    reported : Reported or None
        The last report of the metric.
    heard_at : object
        The time of the last report, with or without the metric.
    """

    __slots__ = ("candidate", "heard_at", "reported", "told")

    def __init__(self, candidate: Candidate, told: bool = False) -> None:
        self.candidate = candidate
        self.told = told
        self.reported: Reported | None = None
        self.heard_at: Any = None


class Outcomes:
    """Judge results by metric, mode and progress.

    Parameters
    ----------
    metric : str or None
        None until it is known; `settle` then sets the anonymous metric.
    mode : {"min", "max"} or None
        None until it is known.
    time_attr : str
        The result that measures progress.
    max_t : number or None
        The progress at which a trial is complete. None compares values of any progress.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.
    """

    def __init__(
        self, metric: str | None, mode: str | None, time_attr: str, max_t: float | None
    ) -> None:
        for name, text in (("metric", metric), ("mode", mode), ("time_attr", time_attr)):
            if not isinstance(text, str) and (text is not None or name == "time_attr"):
                raise TypeError(f"{name} must be a string, got {text!r}")
        if mode not in (None, "min", "max"):
            raise ValueError(f"mode must be 'min' or 'max', got {mode!r}")
        if max_t is not None and number(max_t, "max_t", finite=True) <= 0:
            raise ValueError(f"max_t must be > 0, got {max_t!r}")
        self.metric = metric
        self.mode = mode
        self._time_attr = time_attr
        self._max_t = max_t

    def agree(self, metric: str | None, mode: str | None) -> None:
        """Adopt metric and mode of TuneConfig.

        Raises
        ------
        ValueError
            If they differ from those given to the searcher.
        """
        for name, theirs in (("metric", metric), ("mode", mode)):
            mine = getattr(self, name)
            if None not in (mine, theirs) and mine != theirs:
                raise ValueError(
                    f"{name} must be the same everywhere, got {mine!r} in ZOOptSearch and "
                    f"{theirs!r} in TuneConfig"
                )
            setattr(self, name, mine if theirs is None else theirs)

    def settle(self) -> None:
        """Use the anonymous metric if there is no other.

        Raises
        ------
        ValueError
            If the mode is unknown.
        """
        if self.mode is None:
            raise ValueError(
                "mode is not set: pass it to ZOOptSearch, since Tune passes on the mode of "
                "TuneConfig only together with a param_space"
            )
        if self.metric is None:
            self.metric = ANONYMOUS_METRIC

    def signed(self, value: float) -> float:
        """Convert the user's value to the minimized one, or back."""
        return -value if self.mode == "max" else value

    def note(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """Store a report of a running trial."""
        trial.heard_at = result.get(self._time_attr)
        if self.metric is not None and self.metric in result:
            trial.reported = Reported(result[self.metric], trial.heard_at)

    def of(self, trial: Trial, result: Mapping[str, Any] | None, error: bool) -> Evaluation:
        """Return the evaluation of a trial that ended.

        Parameters
        ----------
        trial : Trial
        result : mapping or None
            Its last result. If the metric is missing, the last reported value counts.
        error : bool
            Whether the trial failed.
        """
        if error:
            return Evaluation(math.nan, FAILED, error="the trial failed")
        if result and self.metric is not None and self.metric in result:
            value, at = result[self.metric], result.get(self._time_attr)
            if at is not None and at == trial.heard_at:
                at = None  # this result is not new, so the trial was not stopped at it
        elif trial.reported is not None:
            value, at = trial.reported
        elif result:
            return Evaluation(math.nan, INVALID, error=f"the result lacks {self.metric!r}")
        else:
            return Evaluation(math.nan, LOST, error="the trial ended before it reported")
        return self.of_value(value, at)

    def of_value(self, value: Any, at: Any = None) -> Evaluation:
        """Return the evaluation of a value of the metric.

        With ``max_t``, a trial that was stopped early gets a violation, so that solvers rank it
        behind all complete trials.

        Parameters
        ----------
        value : object
            The value as reported; NaN, masked and complex values and other types are invalid.
        at : object
            The time at which the trial was stopped, or None if it ran to its end.
        """
        evaluation = Evaluation.of(value)
        if evaluation.ok:
            evaluation.value = self.signed(evaluation.value)
            if self._max_t is not None and isinstance(at, numbers.Real):
                evaluation.violation = max(0.0, 1.0 - float(at) / float(self._max_t))
        return evaluation


class Silence:
    """Trials that were running at a save and have not been heard of since the restore.

    Tune normally runs them again. If it is configured not to, it never mentions them again.

    Parameters
    ----------
    ids : iterable of str
        The trials that were running.

    Notes
    -----
    A wrong decision does little harm: if a trial that was given up returns, its result is used,
    and it counts as running from its first report on.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids = set(ids)
        self._n_newer = 0
        self._n_idle = 0
        self._asked: float | None = None

    def heard(self, trial_id: str, ended: bool = False) -> None:
        """Record that Tune mentioned a trial."""
        if not self.ids:
            return
        self._n_idle = 0
        self._asked = None
        if trial_id in self.ids:
            self.ids.remove(trial_id)
        elif ended:
            self._n_newer += 1

    def is_final(self, n_live: int, limit: int | None) -> bool:
        """Return whether the silent trials are lost; called when no trial can be suggested.

        Parameters
        ----------
        n_live : int
            Number of running trials, including silent ones.
        limit : int or None
            Largest number of running trials.
        """
        if not self.ids:
            return False
        now = time.monotonic()
        idle = self._asked is not None and now - self._asked >= IDLE_SECONDS
        self._n_idle = self._n_idle + 1 if idle and len(self.ids) == n_live else 0
        self._asked = now
        overtaken = limit is not None and self._n_newer >= PATIENCE * limit
        return overtaken or self._n_idle >= PATIENCE
