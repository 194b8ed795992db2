"""What Tune says of trials, in terms of the contract.

Owns what a trial reported, what that means to a solver, and when a trial that a restored search
had out will not come any more. Knows nothing of configurations.
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

#: The metric of trainables that report a bare number, by Tune's convention.
ANONYMOUS_METRIC = "_metric"

#: Seconds between asks in vain from which Tune has nothing to do but ask: it sleeps for one second
#: then, and steps about ten times a second as long as any trial runs or waits to run.
IDLE_SECONDS = 0.9

#: So many asks in vain of that kind, or so many rounds of newer trials that ended, are enough.
PATIENCE = 3


class Best(NamedTuple):
    """The best trial so far: its configuration, and its value as it was reported."""

    config: dict[str, Any]
    value: float


class Trial:
    """A trial that is out."""

    __slots__ = ("candidate", "heard_at", "reported", "told")

    def __init__(self, candidate: Candidate, told: bool = False) -> None:
        self.candidate = candidate
        #: It had an outcome already, failed or was given up, and runs again.
        self.told = told
        #: The last value of the metric, and its time.
        self.reported: tuple[Any, Any] | None = None
        #: The time of its last report, with or without the metric.
        self.heard_at: Any = None


class Outcomes:
    """The meaning of results.

    Parameters
    ----------
    metric : str or None
        None is not known yet, and in the end the anonymous one.
    mode : {"min", "max"} or None
        None is not known yet.
    time_attr : str
    max_t : number, optional
        The time at which a trial is whole; without it every value counts as it is.
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
        """Take over what TuneConfig says, if that is nothing else than what is known."""
        for name, theirs in (("metric", metric), ("mode", mode)):
            mine = getattr(self, name)
            if None not in (mine, theirs) and mine != theirs:
                raise ValueError(
                    f"{name} must be one, got {mine!r} in ZOOptSearch and {theirs!r} in TuneConfig"
                )
            setattr(self, name, mine if theirs is None else theirs)

    def settle(self) -> None:
        """Require the mode, and fall back on the anonymous metric."""
        if self.mode is None:
            raise ValueError(
                "mode is not set: give it to ZOOptSearch; TuneConfig's is passed on only with a "
                "param_space"
            )
        if self.metric is None:
            self.metric = ANONYMOUS_METRIC

    def signed(self, value: float) -> float:
        """Turn the user's value into the minimized one, or back."""
        return -value if self.mode == "max" else value

    def note(self, trial: Trial, result: Mapping[str, Any]) -> None:
        """Remember what a running trial reports."""
        trial.heard_at = result.get(self._time_attr)
        if self.metric is not None and self.metric in result:
            trial.reported = result[self.metric], trial.heard_at

    def of(self, trial: Trial, result: Mapping[str, Any] | None, error: bool) -> Evaluation:
        """Judge how a trial ended."""
        if error:
            return Evaluation(math.nan, FAILED, error="the trial failed")
        if result and self.metric is not None and self.metric in result:
            value, at = result[self.metric], result.get(self._time_attr)
            if at is not None and at == trial.heard_at:
                at = None  # Tune tells of every result but that at which it stops a trial
        elif trial.reported is not None:
            value, at = trial.reported
        elif result:
            return Evaluation(math.nan, INVALID, error=f"the result lacks {self.metric!r}")
        else:
            return Evaluation(math.nan, LOST, error="the trial ended before it reported")
        return self.of_value(value, at)

    def of_value(self, value: Any, at: Any = None) -> Evaluation:
        """Judge a value; ``at`` is when a trial was stopped, None if it ran to its end.

        A value of a trial that was stopped short of ``max_t`` has a violation, by which solvers
        rank before they look at values.
        """
        evaluation = Evaluation.of(value)
        if evaluation.ok:
            evaluation.value = self.signed(evaluation.value)
            if self._max_t is not None and isinstance(at, numbers.Real):
                evaluation.violation = max(0.0, 1.0 - float(at) / float(self._max_t))
        return evaluation


class Silence:
    """The trials that were out when a search was saved and gave no sign since it was restored.

    Tune runs such trials again, unless it was told not to, and then it never mentions them.

    Parameters
    ----------
    ids : iterable of str
        All that were out.

    Notes
    -----
    A wrong judgement costs little: a trial that is given up and comes after all is taken in, and
    counts among those that are out from its first report on.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self.ids = set(ids)
        self._n_newer = 0
        self._n_idle = 0
        self._asked: float | None = None

    def heard(self, trial_id: str, ended: bool = False) -> None:
        """Note a sign of a trial."""
        if not self.ids:
            return
        self._n_idle = 0
        self._asked = None
        if trial_id in self.ids:
            self.ids.remove(trial_id)
        elif ended:
            self._n_newer += 1

    def is_final(self, n_live: int, limit: int | None) -> bool:
        """Tell, after an ask in vain, whether the silent ones will never come.

        Parameters
        ----------
        n_live : int
            Trials that are out, silent or not.
        limit : int or None
            Trials that may be out.
        """
        if not self.ids:
            return False
        now = time.monotonic()
        idle = self._asked is not None and now - self._asked >= IDLE_SECONDS
        self._n_idle = self._n_idle + 1 if idle and len(self.ids) == n_live else 0
        self._asked = now
        overtaken = limit is not None and self._n_newer >= PATIENCE * limit
        return overtaken or self._n_idle >= PATIENCE
