"""Successive halving and Hyperband: at each rung, a fixed share of the trials continues."""

import math
from bisect import bisect_left, insort
from typing import NamedTuple

from zoopt.core.checks import whole
from zoopt.core.evaluation import OK, PRUNED, Evaluation
from zoopt.pruning.pruner import Pruner
from zoopt.pruning.trial import RunningTrial

__all__ = ["HyperbandPruner", "Rungs", "SuccessiveHalvingPruner"]

GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Rungs(NamedTuple):
    """The steps at which a trial is checked, and the largest value that passes at each.

    Attributes
    ----------
    first, factor : int
        The rungs are at the steps ``first``, ``first * factor``, ``first * factor**2``, ...
    cutoffs : tuple of float
        The cutoffs of the rungs that trials have reached so far.
    beyond : float
        Cutoff of all later rungs.
    """

    first: int
    factor: int
    cutoffs: tuple[float, ...]
    beyond: float

    def stop(self, trial: RunningTrial) -> bool:
        """Return whether a trial fails at one of the rungs that it has reached.

        Its value at a rung is its first report at or beyond that step. NaN fails.
        """
        rung, k = self.first, 0
        while rung <= trial.step:
            value = trial.values[bisect_left(trial.steps, rung)]
            if not value <= (self.cutoffs[k] if k < len(self.cutoffs) else self.beyond):
                return True
            rung *= self.factor
            k += 1
        return False


class SuccessiveHalvingPruner(Pruner):
    """Prune by asynchronous successive halving (ASHA).

    A trial is checked when it reaches the rungs: the steps ``min_resource * reduction_factor**k``
    for k from ``min_early_stopping_rate``. It continues if its value there is among the best
    ``1 / reduction_factor`` of the trials that reached the rung. While fewer than
    ``reduction_factor`` trials have reached it, a trial continues if it is the best of them.

    Parameters
    ----------
    min_resource : int or "auto"
        First rung. By default one hundredth of the last step of the first successful trial, and at
        least 1. Nothing is pruned until that trial has ended, and comparisons begin with the trials
        after it.
    reduction_factor : int, default 4
        With the value n, the best 1/n of the trials pass a rung. At least 2.
    min_early_stopping_rate : int, default 0
        Number of rungs to leave out at the beginning.
    bootstrap_count : int, default 0
        Number of trials that are stopped at each rung before any trial may continue. Needs a
        number as ``min_resource``.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Notes
    -----
    From Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, without
    pausing: as in Optuna's pruner of the same name, a trial that is not promoted ends.

    Examples
    --------
    >>> import zoopt
    >>> def train(rate, trial):
    ...     for step in range(64):
    ...         loss = (1 - rate) ** step
    ...         trial.report(step, loss)
    ...         if trial.should_prune():
    ...             raise zoopt.Pruned
    ...     return loss
    >>> rule = zoopt.SuccessiveHalvingPruner(min_resource=2)
    >>> result = zoopt.minimize(train, {"rate": (0, 1)}, budget=50, seed=0, pruner=rule)
    >>> sorted({max(trial.reports) for trial in result.trials if trial.status == "pruned"})
    [2, 8]
    """

    def __init__(
        self,
        min_resource: int | str = "auto",
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None:
        self.min_resource = _resource(min_resource, "min_resource")
        self.reduction_factor = whole(reduction_factor, "reduction_factor", least=2)
        self.min_early_stopping_rate = whole(
            min_early_stopping_rate, "min_early_stopping_rate", least=0
        )
        self.bootstrap_count = whole(bootstrap_count, "bootstrap_count", least=0)
        if self.bootstrap_count and self.min_resource == "auto":
            raise ValueError("bootstrap_count needs a number as min_resource, got 'auto'")
        self._first = 0  # the first rung; 0 while it is unknown
        if isinstance(self.min_resource, int):
            self._set_first(self.min_resource)
        self._values: list[list[float]] = []  # sorted values of each rung

    def _set_first(self, resource: int) -> None:
        self._first = resource * self.reduction_factor**self.min_early_stopping_rate

    def tell(self, number: int, evaluation: Evaluation) -> None:
        """Take in a trial; successful and pruned ones count. See `Pruner.tell`."""
        reports = evaluation.reports
        if not reports or evaluation.status not in (OK, PRUNED):
            return
        if not self._first:
            if evaluation.ok:
                self._set_first(max(1, reports[-1][0] // 100))
            return
        rung, k = self._first, 0
        while rung <= reports[-1][0]:
            _, value = reports[bisect_left(reports, (rung, -math.inf))]
            if k == len(self._values):
                self._values.append([])
            if value == value:
                insort(self._values[k], value)
            rung *= self.reduction_factor
            k += 1

    def cutoffs(self, number: int) -> Rungs | None:
        """Return the rungs and their cutoffs; None while the first rung is unknown."""
        if not self._first:
            return None
        cutoffs = tuple(map(self._cutoff, self._values))
        return Rungs(self._first, self.reduction_factor, cutoffs, self._cutoff([]))

    def _cutoff(self, values: list[float]) -> float:
        """Return the largest value with which another trial is promoted; NaN if none is."""
        n = len(values) + 1  # including the trial itself
        if n <= self.bootstrap_count:
            return math.nan
        n_promoted = max(1, n // self.reduction_factor)
        return values[n_promoted - 1] if n_promoted < n else math.inf

    def should_prune(self, cutoffs: Rungs | None, trial: RunningTrial) -> bool:
        """Check the trial at all rungs that it has reached. See `Pruner.should_prune`."""
        return cutoffs is not None and cutoffs.stop(trial)


class HyperbandPruner(Pruner):
    """Prune by Hyperband: several successive halvings that begin at different steps.

    The trials are divided into brackets. In bracket k, `SuccessiveHalvingPruner` works with
    ``min_early_stopping_rate=k`` on the trials of the bracket alone. Some trials thus run longer
    before they are first compared.

    Parameters
    ----------
    min_resource : int, default 1
        First step at which trials are checked.
    max_resource : int or "auto"
        Number of steps of a complete trial. By default that of the first successful trial. Nothing
        is pruned until that trial has ended, and comparisons begin with the trials after it.
    reduction_factor : int, default 3
        See `SuccessiveHalvingPruner`. At least 2.
    bootstrap_count : int, default 0
        See `SuccessiveHalvingPruner`. Needs a number as ``max_resource``.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

    Notes
    -----
    From Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR
    2018. As in Optuna's pruner of the same name, brackets run side by side, each with its share of
    the trials. The number of a trial decides its bracket.

    Examples
    --------
    >>> import zoopt
    >>> def train(rate, trial):
    ...     for step in range(81):
    ...         loss = (1 - rate) ** step
    ...         trial.report(step, loss)
    ...         if trial.should_prune():
    ...             raise zoopt.Pruned
    ...     return loss
    >>> rule = zoopt.HyperbandPruner()
    >>> result = zoopt.minimize(train, {"rate": (0, 1)}, budget=50, seed=0, pruner=rule)
    >>> result.n_pruned > 0
    True
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int | str = "auto",
        reduction_factor: int = 3,
        bootstrap_count: int = 0,
    ) -> None:
        self.min_resource = whole(min_resource, "min_resource", least=1)
        self.max_resource = _resource(max_resource, "max_resource")
        self.reduction_factor = whole(reduction_factor, "reduction_factor", least=2)
        self.bootstrap_count = whole(bootstrap_count, "bootstrap_count", least=0)
        if self.bootstrap_count and self.max_resource == "auto":
            raise ValueError("bootstrap_count needs a number as max_resource, got 'auto'")
        self._brackets: list[SuccessiveHalvingPruner] = []
        self._shares: list[float] = []  # cumulated shares of the trials
        if isinstance(self.max_resource, int):
            if self.max_resource < self.min_resource:
                raise ValueError(
                    f"max_resource must be at least min_resource={self.min_resource}, got "
                    f"{self.max_resource}"
                )
            self._make_brackets(self.max_resource)

    def _make_brackets(self, resource: int) -> None:
        """Make the brackets, and share the trials out as Algorithm 1 of the paper does."""
        eta, n = self.reduction_factor, 1
        while self.min_resource * eta**n <= resource:
            n += 1
        sizes = [-(-n * eta**s // (s + 1)) for s in reversed(range(n))]
        self._shares = [sum(sizes[: k + 1]) / sum(sizes) for k in range(n)]
        self._brackets = [
            SuccessiveHalvingPruner(self.min_resource, eta, k, self.bootstrap_count)
            for k in range(n)
        ]

    def _bracket(self, number: int) -> SuccessiveHalvingPruner | None:
        """Return the bracket of a trial. Multiples of the golden ratio spread trials evenly."""
        place = number * GOLDEN % 1.0
        pairs = zip(self._shares, self._brackets, strict=True)
        return next((bracket for share, bracket in pairs if place < share), None)

    def tell(self, number: int, evaluation: Evaluation) -> None:
        """Take in a trial for its bracket. See `Pruner.tell`."""
        if not self._brackets and evaluation.ok and evaluation.reports:
            self._make_brackets(max(self.min_resource, evaluation.reports[-1][0] + 1))
            return
        bracket = self._bracket(number)
        if bracket is not None:
            bracket.tell(number, evaluation)

    def cutoffs(self, number: int) -> Rungs | None:
        """Return the rungs of the trial's bracket; None while there are no brackets."""
        bracket = self._bracket(number)
        return None if bracket is None else bracket.cutoffs(number)

    def should_prune(self, cutoffs: Rungs | None, trial: RunningTrial) -> bool:
        """Check the trial at all rungs that it has reached. See `Pruner.should_prune`."""
        return cutoffs is not None and cutoffs.stop(trial)


def _resource(value: int | str, name: str) -> int | str:
    if isinstance(value, str):
        if value == "auto":
            return value
        raise ValueError(f"{name} must be a number or 'auto', got {value!r}")
    return whole(value, name, least=1)
