"""A running search as callbacks and stop rules see it."""

from typing import Protocol

from zoopt.core.evaluation import Best
from zoopt.core.solver import Solver

__all__ = ["SearchView"]


class SearchView(Protocol):
    """A search under way, or one that has ended.

    Attributes
    ----------
    solver : Solver
    budget : int
        Largest number of evaluations.
    nfev : int
        Number of evaluations so far.
    n_failed : int
        Failed evaluations so far.
    n_pruned : int
        Pruned evaluations so far.
    best : Best or None
        The best feasible point so far.
    last_value : float
        The value reported last; NaN if that evaluation failed or was pruned.
    elapsed : float
        Seconds since the start; a resumed run counts its earlier parts.
    time_left : float or None
        Seconds until the time budget is used; None if there is no time budget, and while a resumed
        run still replays recorded outcomes.
    replaying : bool
        Whether the last outcome belongs to an earlier part of a resumed run.
    """

    solver: Solver
    budget: int

    @property
    def nfev(self) -> int: ...

    @property
    def n_failed(self) -> int: ...

    @property
    def n_pruned(self) -> int: ...

    @property
    def best(self) -> Best | None: ...

    @property
    def last_value(self) -> float: ...

    @property
    def elapsed(self) -> float: ...

    @property
    def time_left(self) -> float | None: ...

    @property
    def replaying(self) -> bool: ...
