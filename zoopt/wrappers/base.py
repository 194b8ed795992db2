"""What solvers over solvers have in common: they hand on candidates that others proposed."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import Best
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposal, Solver
from zoopt.core.space import Space

__all__ = ["Wrapper", "preferred"]


def preferred(found: Best | None, earlier: Best | None) -> Best | None:
    """Return what was found, unless an earlier mean is less by more than both standard errors."""
    if found is None or earlier is None:
        return found or earlier
    is_less = earlier.value + _error(earlier) + _error(found) < found.value
    return earlier if is_less else found


def _error(best: Best) -> float:
    error = best.standard_error
    return error if math.isfinite(error) else 0.0


class Wrapper(Solver):
    """A solver that asks others. A subclass implements `_next` and `_observe`.

    Parameters
    ----------
    space, budget, seed
        See `zoopt.Solver`.
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

    def _adopt(self, inner: Solver) -> None:
        """Have one more solver go by the filter."""
        inner.filter = self._filter_for(inner)
        self._inners.append(inner)

    def _filter_for(self, inner: Solver) -> Callable[[Candidate], Any] | None:
        """Return what a solver's own candidates must pass."""
        return self._filter

    @property
    def filter(self) -> Callable[[Candidate], Any] | None:
        """See `Solver`; the solvers that are asked go by it."""
        return self._filter

    @filter.setter
    def filter(self, passes: Callable[[Candidate], Any] | None) -> None:
        self._filter = passes
        self._on_new_filter()
        for inner in self._inners:
            inner.filter = self._filter_for(inner)

    def _on_new_filter(self) -> None:
        """Forget what was concluded from the filter before."""

    @abstractmethod
    def _next(self) -> Candidate | None:
        """Return a candidate whose id is `n_asked`; None, with nothing changed, to wait or at the
        end."""

    def ask(self) -> Candidate | None:
        candidate = self._next()
        if candidate is None:
            if self._in_flight:
                return None
            raise Exhausted(f"{self.name}: every point of the space was asked")
        self._in_flight[candidate.id] = candidate
        self.n_asked = candidate.id + 1
        return candidate

    def _propose(self) -> Proposal | None:
        raise NotImplementedError("a wrapper asks others")
