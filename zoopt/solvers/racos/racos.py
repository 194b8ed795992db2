"""Batch classification-based optimization."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import LOST, Evaluation
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposal
from zoopt.core.space import Space
from zoopt.solvers.racos.base import ClassificationSolver

__all__ = ["Racos"]


class _Told(NamedTuple):
    """An outcome of the round."""

    candidate: Candidate
    evaluation: Evaluation
    n_told: int


class Racos(ClassificationSolver):
    """Batch classification-based optimization: the sets change only after each round of samples.

    Parameters
    ----------
    space, budget, seed, x0, train_size, positive_size, uncertain_bits, exploration_rate
        See `SRacos`. A round has ``train_size - positive_size`` samples.

    Notes
    -----
    All points of a round are proposed from the same sets, as in steps 2 and 3 of `SRacos`. When the
    last outcome of the round is told, the best points of both sets and the round become the
    positive set, and the next best the negative set. When all points of a round have been asked,
    `ask` returns None until that outcome is told.

    References
    ----------
    Y. Yu, H. Qian, Y.-Q. Hu, "Derivative-free optimization via classification", AAAI 2016 (RACOS).

    Examples
    --------
    >>> from zoopt import Racos
    >>> solver = Racos([(-1, 1)] * 3, budget=200, seed=1)
    >>> for _ in range(200):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, sum((v - 0.2) ** 2 for v in candidate.x))
    >>> solver.best.value < 0.1
    True
    """

    name = "racos"

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        train_size: int | None = None,
        positive_size: int | None = None,
        uncertain_bits: int | str | None = None,
        exploration_rate: float = 0.01,
    ) -> None:
        super().__init__(
            space,
            budget=budget,
            seed=seed,
            x0=x0,
            train_size=train_size,
            positive_size=positive_size,
            uncertain_bits=uncertain_bits,
            exploration_rate=exploration_rate,
            recombination_rate=0.0,
        )
        self._round_size = max(1, self.train_size - self.positive_size)
        self._n_in_round = 0
        self._told: dict[int, _Told] = {}  # outcomes of the round, by id

    def _propose(self) -> Proposal | None:
        filling = self._filling
        if not filling and self._in_flight and self._n_in_round in (0, self._round_size):
            return None  # the initial design or the round is complete: its outcomes come first
        proposal = super()._propose()
        if proposal is not None and not filling:
            self._n_in_round += 1
        return proposal

    def _discard(self, candidate: Candidate) -> None:
        if candidate.id not in self._initial:
            self._n_in_round -= 1
        self._take(candidate, Evaluation(math.nan, LOST), self.n_told, False)

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._told[candidate.id] = _Told(candidate, evaluation, self.n_told)
        if self._in_flight or self._n_in_round not in (0, self._round_size):
            return
        # A new point ranks behind older points of equal rank. Adding the round in order of id
        # therefore keeps the same points as a stable sort of all of them.
        for ident in sorted(self._told):
            self._take(*self._told[ident], True)
        self._told.clear()
        self._n_in_round = 0


register(Racos.name, Racos)
