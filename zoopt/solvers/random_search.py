"""Random search: uniform points, none twice. The baseline that every solver must beat."""

from collections.abc import Iterable
from typing import Any

from zoopt._native import Population
from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposer
from zoopt.core.space import Row, Space
from zoopt.solvers.racos.racos import n_points, next_start

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
        columns = self.space.kinds, self.space.low, self.space.high
        self._population = Population(*columns, 1, 0, 1, 1.0, "WR", self.rng, n_points(self.space))

    def _propose(self) -> tuple[Row, None] | None:
        row = next_start(self._queue, self._population)
        if row is None:
            row = self._population.uniform()
        return None if row is None else (row, None)

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if candidate.id < 0:
            self._population.mark(candidate.u)


register(RandomSearch.name, RandomSearch)
