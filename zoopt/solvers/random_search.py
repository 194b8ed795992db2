"""Random search: uniform points without repetition, the baseline for every other solver."""

from collections.abc import Iterable
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.seen import next_unseen, seen_points
from zoopt.core.solver import Proposer
from zoopt.core.space import Row, Space

__all__ = ["RandomSearch"]


class RandomSearch(Proposer):
    """Uniform sampling without repetition.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> solver = RandomSearch([(-1, 1)] * 2, seed=0)
    >>> candidate = solver.ask()
    >>> solver.tell(candidate, sum(v * v for v in candidate.x))
    >>> solver.best.candidate is candidate
    True
    """

    name = "random"

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        self._seen = seen_points(self.space, self.rng)

    def _propose(self) -> tuple[Row, None] | None:
        row = next_unseen(self._queue, self._seen)
        if row is None:
            row = self._seen.uniform()
        return None if row is None else (row, None)

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if candidate.id < 0:
            self._seen.mark(candidate.u)


register(RandomSearch.name, RandomSearch)
