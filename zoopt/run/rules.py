"""Stop rules for the ``stop`` argument. A rule starts afresh with each run."""

import heapq
import math
import statistics

from zoopt.core.checks import number, whole
from zoopt.run.view import SearchView

__all__ = ["EarlyStopping", "Plateau"]


class EarlyStopping:
    """Stop when the best value has not improved for some evaluations, not counting pruned ones.

    Parameters
    ----------
    patience : int
        Evaluations without improvement after which to stop, at least 1.
    min_delta : float
        Only a decrease of the best value by more than this counts as an improvement; at least 0.

    Examples
    --------
    >>> import zoopt
    >>> rule = zoopt.EarlyStopping(patience=50)
    >>> result = zoopt.minimize(lambda x: 1.0, [(0, 1)], budget=1000, seed=0, stop=rule)
    >>> result.status, result.nfev
    ('stop', 51)
    """

    def __init__(self, patience: int, min_delta: float = 0.0) -> None:
        self.patience = whole(patience, "patience", least=1)
        self.min_delta = number(min_delta, "min_delta", least=0.0)
        self._best = math.inf
        self._since = 0
        self._n_pruned = 0

    def __call__(self, search: SearchView) -> bool:
        if search.nfev == 1:
            self._best, self._since, self._n_pruned = math.inf, 0, 0
        if search.n_pruned > self._n_pruned:
            self._n_pruned = search.n_pruned
            return False
        best = search.best
        if best is not None and best.value < self._best - self.min_delta:
            self._best, self._since = best.value, 0
        else:
            self._since += 1
        return self._since >= self.patience

    def __repr__(self) -> str:
        return f"EarlyStopping(patience={self.patience}, min_delta={self.min_delta:g})"


class Plateau:
    """Stop when the best values found lie close together.

    Parameters
    ----------
    top : int
        Number of best values compared, at least 2.
    std : float
        Stop when the population standard deviation of these values is at most ``std``, which is at
        least 0.

    Examples
    --------
    >>> import zoopt
    >>> rule = zoopt.Plateau(top=10, std=1e-3)
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=5000, seed=0, stop=rule)
    >>> result.status, result.nfev < 500
    ('stop', True)
    """

    def __init__(self, top: int = 10, std: float = 1e-3) -> None:
        self.top = whole(top, "top", least=2)
        self.std = number(std, "std", least=0.0)
        self._best: list[float] = []

    def __call__(self, search: SearchView) -> bool:
        if search.nfev == 1:
            self._best = []
        value = search.last_value
        if math.isfinite(value):
            keep = heapq.heappush if len(self._best) < self.top else heapq.heappushpop
            keep(self._best, -value)
        return len(self._best) == self.top and statistics.pstdev(self._best) <= self.std

    def __repr__(self) -> str:
        return f"Plateau(top={self.top}, std={self.std:g})"
