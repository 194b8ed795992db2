"""Rules that compare a trial with a percentile of the successful trials at the same step."""

import math
from bisect import insort
from collections.abc import Sequence

from zoopt.core.checks import number as checked
from zoopt.core.checks import whole
from zoopt.core.evaluation import Evaluation
from zoopt.pruning.pruner import Pruner
from zoopt.pruning.trial import RunningTrial

__all__ = ["MedianPruner", "PercentilePruner"]


class PercentilePruner(Pruner):
    """Prune trials that are outside a percentile of the successful trials at the same step.

    The least value that a trial has reported so far is compared with the percentile of the values
    that successful trials reported at exactly the last step of the trial.

    Parameters
    ----------
    percentile : float, default 25
        From 0 to 100. With 25, the best quarter continues.
    n_startup_trials : int, default 5
        Number of successful trials before which nothing is pruned.
    n_warmup_steps : int, default 0
        Steps below this number are not checked.
    interval_steps : int, default 1
        Steps between two checks, counted from ``n_warmup_steps``. The first report in each interval
        is checked.
    n_min_trials : int, default 1
        Number of successful trials that must have reported at a step before trials are checked
        there.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Notes
    -----
    The decisions are those of Optuna's pruner of the same name. If a trial has reported only NaN,
    it is pruned.

    Examples
    --------
    >>> import zoopt
    >>> def train(rate, trial):
    ...     for step in range(20):
    ...         loss = (1 - rate) ** step
    ...         trial.report(step, loss)
    ...         if trial.should_prune():
    ...             raise zoopt.Pruned
    ...     return loss
    >>> rule = zoopt.PercentilePruner(50, n_warmup_steps=2)
    >>> result = zoopt.minimize(train, {"rate": (0, 1)}, budget=50, seed=0, pruner=rule)
    >>> min(len(trial.reports) for trial in result.trials)
    3
    """

    def __init__(
        self,
        percentile: float = 25.0,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        self.percentile = checked(percentile, "percentile", least=0.0, most=100.0)
        self.n_startup_trials = whole(n_startup_trials, "n_startup_trials", least=0)
        self.n_warmup_steps = whole(n_warmup_steps, "n_warmup_steps", least=0)
        self.interval_steps = whole(interval_steps, "interval_steps", least=1)
        self.n_min_trials = whole(n_min_trials, "n_min_trials", least=1)
        self._n_ok = 0
        self._values: dict[int, list[float]] = {}  # sorted values of each step
        self._cutoffs: dict[int, float] = {}

    def tell(self, number: int, evaluation: Evaluation) -> None:
        """Take in a trial; only successful ones count. See `Pruner.tell`."""
        if not evaluation.ok:
            return
        self._n_ok += 1
        cutoffs = self._cutoffs.copy()  # running trials hold the previous dictionary
        for step, value in evaluation.reports:
            if value == value and step >= self.n_warmup_steps:
                values = self._values.setdefault(step, [])
                insort(values, value)
                if len(values) >= self.n_min_trials:
                    cutoffs[step] = _percentile(values, self.percentile)
        self._cutoffs = cutoffs

    def cutoffs(self, number: int) -> dict[int, float] | None:
        """Return the percentile at each step; None while too few trials have succeeded."""
        return self._cutoffs if self._n_ok >= max(1, self.n_startup_trials) else None

    def should_prune(self, cutoffs: dict[int, float] | None, trial: RunningTrial) -> bool:
        """Compare the best value so far with the percentile. See `Pruner.should_prune`."""
        step = trial.step
        if cutoffs is None or step < self.n_warmup_steps:
            return False
        begin = step - (step - self.n_warmup_steps) % self.interval_steps
        if len(trial.steps) > 1 and trial.steps[-2] >= begin:
            return False
        best = trial.best
        return best != best or best > cutoffs.get(step, math.inf)


class MedianPruner(PercentilePruner):
    """Prune trials that are worse than the median of the successful trials at the same step.

    Parameters
    ----------
    n_startup_trials, n_warmup_steps, interval_steps, n_min_trials
        See `PercentilePruner`.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Examples
    --------
    >>> import zoopt
    >>> def train(rate, trial):
    ...     for step in range(20):
    ...         loss = (1 - rate) ** step
    ...         trial.report(step, loss)
    ...         if trial.should_prune():
    ...             raise zoopt.Pruned
    ...     return loss
    >>> rule = zoopt.MedianPruner(n_startup_trials=10)
    >>> result = zoopt.minimize(train, {"rate": (0, 1)}, budget=50, seed=0, pruner=rule)
    >>> set(result.statuses[:10]), result.n_pruned > 0
    ({'ok'}, True)
    """

    def __init__(
        self,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(
            50.0, n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials
        )


def _percentile(values: Sequence[float], percentile: float) -> float:
    """Return a percentile of sorted values, with linear interpolation as in NumPy."""
    at = percentile / 100.0 * (len(values) - 1)
    i = int(at)
    low, share = values[i], at - i
    if share == 0.0 or low == values[i + 1]:
        return low
    high = values[i + 1]
    return high - (high - low) * (1.0 - share) if share >= 0.5 else low + (high - low) * share
