"""The base class of solvers that ask other solvers."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Best
from zoopt.core.seeds import Seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space

__all__ = ["Wrapper", "preferred"]


def preferred(found: Best | None, earlier: Best | None) -> Best | None:
    """Return the later of two means, unless the earlier one is clearly lower.

    Parameters
    ----------
    found, earlier : Best or None

    Returns
    -------
    Best or None
        The earlier one if it is lower by more than the sum of both standard errors.
    """
    if found is None or earlier is None:
        return found or earlier
    is_less = earlier.value + _error(earlier) + _error(found) < found.value
    return earlier if is_less else found


def _error(best: Best) -> float:
    error = best.standard_error
    return error if math.isfinite(error) else 0.0


class Wrapper(Solver):
    """A solver that asks other solvers. A subclass implements `_next` and `_observe`.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> class Renamed(Wrapper):
    ...     def __init__(self, space, **options):
    ...         super().__init__(space, **options)
    ...         self._adopt(RandomSearch(space, **options))
    ...     def _next(self):
    ...         return self._inners[0].ask(self.n_asked)
    ...     def _observe(self, candidate, evaluation):
    ...         self._inners[0].tell(candidate, evaluation)
    >>> solver = Renamed([(0, 1)], seed=0)
    >>> solver.tell(solver.ask(), 1.0)
    >>> solver.best.value
    1.0
    """

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
    ) -> None:
        self._inners: list[Solver] = []
        super().__init__(space, budget=budget, seed=seed, x0=x0)

    def ask(self, ident: int | None = None) -> Candidate | None:
        if ident is not None:
            return self._ask_as(ident)
        candidate = self._next()
        if candidate is None:
            self._wait()
            return None
        self._in_flight[candidate.id] = candidate
        self.n_asked = candidate.id + 1
        return candidate

    def _adopt(self, inner: Solver) -> None:
        """Add a solver to those that are asked, and give it the filter."""
        inner.filter = self._filter_for(inner)
        self._inners.append(inner)

    def _filter_for(self, inner: Solver) -> Callable[[Candidate], Any] | None:
        """Return the filter for the candidates of an inner solver."""
        return self._filter

    @property
    def filter(self) -> Callable[[Candidate], Any] | None:
        """See `zoopt.Solver`; the inner solvers apply it."""
        return self._filter

    @filter.setter
    def filter(self, passes: Callable[[Candidate], Any] | None) -> None:
        self._filter = passes
        self._on_new_filter()
        for inner in self._inners:
            inner.filter = self._filter_for(inner)

    def _on_new_filter(self) -> None:
        """Forget conclusions drawn from the previous filter."""

    @abstractmethod
    def _next(self) -> Candidate | None:
        """Return the next candidate, or None if the caller must wait or no candidate is left.

        A call that returns None must change nothing. The id of the candidate is `n_asked`. A
        subclass that hands on candidates of an inner solver passes this id to the inner solver's
        `ask`. A subclass that makes new candidates keeps a table of the inner solver's ids.
        """
