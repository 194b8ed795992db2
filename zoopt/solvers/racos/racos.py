"""Classification-based optimization: sequential SRACOS, also asynchronous, and batch RACOS.

Owns the sizes of the sets, the initial design and the order of updates; shrinking, sampling and
replacement are the kernels'. Sources: Yu, Qian, Hu, AAAI 2016 (RACOS); Hu, Qian, Yu, AAAI 2017
(SRACOS); Liu, Hu, Qian, Qian, Yu, DAI 2019 (ASRACOS, which is SRACOS with several candidates in
flight).
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

from zoopt._native import ORDERED, UNORDERED, Population
from zoopt.core.candidate import Candidate, StepCandidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import LOST, OK, Evaluation, rank
from zoopt.core.lineage import Record
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.seen import n_points, next_unseen
from zoopt.core.solver import Proposal, Proposer
from zoopt.core.space import Row, Space
from zoopt.solvers.racos.near import Near
from zoopt.solvers.racos.redraws import Redraws

__all__ = ["Racos", "SRacos", "default_sizes", "default_uncertain_bits"]

#: With more dimensions than so many the uncertain bits are learned.
LARGE = 100
#: How often a sample stays near its parent, where that is learned.
NEAR = 0.5
#: How often a sample mixes two good points, where no values have an order.
RECOMBINATION_RATE = 0.8


def default_sizes(budget: int | None) -> tuple[int, int]:
    """Return (train size, positive size) for a budget, by ZOOpt's table.

    Examples
    --------
    >>> default_sizes(50), default_sizes(100), default_sizes(1000), default_sizes(None)
    ((4, 1), (6, 1), (12, 2), (22, 2))
    """
    if budget is None or budget > 1000:
        return 22, 2
    if budget > 100:
        return 12, 2
    return (6, 1) if budget > 50 else (4, 1)


def default_uncertain_bits(n_dimensions: int, any_continuous: bool) -> int:
    """Return how many coordinates one proposal redraws, by ZOOpt's table.

    Examples
    --------
    >>> default_uncertain_bits(100, True), default_uncertain_bits(100, False)
    (1, 3)
    """
    limits = (100, 1000) if any_continuous else (10, 50, 100, 1000)
    return 1 + sum(n_dimensions > limit for limit in limits)


def _is_large(space: Space) -> bool:
    return space.n_columns > LARGE and space.n_continuous > 0


def _recombination_rate(space: Space, given: float | None) -> float:
    """Check a rate, or choose one."""
    two_values = (space.kinds == ORDERED) & (space.high - space.low == 1.0)
    nominal = bool(((space.kinds == UNORDERED) | two_values).all())
    if given is None:
        return RECOMBINATION_RATE if nominal else 0.0
    rate = number(given, "recombination_rate", least=0.0)
    if rate > 1.0:
        raise ValueError(f"recombination_rate must be in [0, 1], got {given!r}")
    if rate > 0.0 and not nominal:
        raise ValueError("recombination_rate must be 0 in a space with ordered values")
    return rate


class SRacos(Proposer):
    """Sequential classification-based optimization, for any number of candidates in flight.

    Learns a region around one of the best points that holds none of the others, and samples
    there. With one candidate in flight it is SRACOS, with several it is ASRACOS.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.
    train_size, positive_size : int, optional
        Size of both sets together, and of the positive one. By default they follow the budget.
    uncertain_bits : int or {"table", "adaptive"}, optional
        Coordinates that one proposal redraws, all where there are fewer. "table" follows the number
        of dimensions, as ZOOpt does; "adaptive" learns which power of two beats a positive point
        most often, and near the parent or far from it, and is the default with more than 100
        dimensions, some of them continuous, but for functions that are updated (`minimize`, delta).
    exploration_rate : float in [0, 1]
        Probability of a uniform sample.
    recombination_rate : float in [0, 1], optional
        Probability that a sample mixes two good points instead, while the best does not improve; 0
        is the paper's algorithm. By default 0.8 where no column's values have an order, bits
        included; elsewhere it must be 0.
    replacement : {"WR", "RR", "LM"}
        Which negative a newcomer replaces: the worst, a random one, or the one farthest from the
        best negative.

    Examples
    --------
    >>> from zoopt import SRacos
    >>> solver = SRacos([(-1, 1)] * 3, budget=200, seed=1)
    >>> for _ in range(200):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, sum((v - 0.2) ** 2 for v in candidate.x))
    >>> solver.best.value < 0.05
    True
    """

    name = "sracos"

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
        replacement: str = "WR",
        recombination_rate: float | None = None,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        self.train_size, self.positive_size = _sizes(self.planned_budget, train_size, positive_size)
        self._learns_bits = uncertain_bits is None and _is_large(self.space)
        self._redraws: Redraws | None = None
        self._near: Near | None = None
        if not (uncertain_bits is None or isinstance(uncertain_bits, str)):
            most = max(1, self.space.n_columns)
            self.uncertain_bits = min(most, whole(uncertain_bits, "uncertain_bits", least=1))
        elif uncertain_bits == "adaptive" or self._learns_bits:
            self._redraws = Redraws(self.space.n_columns)
            self.uncertain_bits = self._redraws.most
            if self.space.n_continuous > 0:
                self._near = Near(self.space.n_columns)
        elif uncertain_bits is None or uncertain_bits == "table":
            self.uncertain_bits = self._bits_by_table()
        else:
            raise ValueError(
                "uncertain_bits must be a whole number, 'table' or 'adaptive', "
                f"got {uncertain_bits!r}"
            )
        if number(exploration_rate, "exploration_rate", least=0.0) > 1.0:
            raise ValueError(f"exploration_rate must be in [0, 1], got {exploration_rate!r}")
        if replacement not in ("WR", "RR", "LM"):
            raise ValueError(f"replacement must be 'WR', 'RR' or 'LM', got {replacement!r}")
        self.recombination_rate = _recombination_rate(self.space, recombination_rate)
        self._population = Population(
            self.space.kinds,
            self.space.low,
            self.space.high,
            self.positive_size,
            self.train_size - self.positive_size,
            self.uncertain_bits,
            float(exploration_rate),
            replacement,
            self.rng,
            n_points(self.space),
            recombination_rate=self.recombination_rate,
        )
        self._n_members = 0
        self._initial: set[int] = set()  # ids of the initial design that are in flight
        self._filling = True
        self._n_redrawn = self.uncertain_bits
        self._records: dict[int, Record] | None = None  # of the positive set, if it takes steps

    def _bits_by_table(self) -> int:
        return default_uncertain_bits(len(self.space), self.space.n_continuous > 0)

    def take_steps(self) -> None:
        """Propose steps from the positive set, which cost the same whatever the dimension.

        The first points and uniform samples are whole all the same.
        """
        self._records = {}
        self._make = self._make_step
        if self._learns_bits:  # by default, and many redraws are what steps are to spare
            self._redraws = self._near = None
            self._n_redrawn = self._bits_by_table()

    def _make_step(
        self,
        ident: int,
        point: Any,
        space: Space,
        move: tuple[int, ...] | None = None,
        origin: Any = None,
    ) -> Candidate:
        if type(point) is not tuple:
            return Candidate(ident, point, space, move, origin)
        assert self._records is not None
        assert move is not None
        base = self._population.row(move[0])
        return StepCandidate(ident, base, self._records[move[0]], point, space, move, origin)

    @property
    def positives(self) -> list[tuple[int, Row, float, float]]:
        """The positive set, best first: (id, row, violation, value); failed ones are inf."""
        return self._population.positives()

    @property
    def negatives(self) -> list[tuple[int, Row, float, float]]:
        """The negative set, in no order: (id, row, violation, value)."""
        return self._population.negatives()

    def _propose(self) -> Proposal | None:
        if not self._filling:
            draw = self._population.propose if self._records is None else self._population.step
            if self._redraws is None:
                return draw(self._n_redrawn)
            near = self._near
            if near is not None and near.is_worth(self.n_asked) and self.rng.random() < NEAR:
                return self._propose_near(near, draw)
            return draw(self._redraws.draw(self.n_asked, self.rng))
        row = next_unseen(self._queue, self._population)
        if row is None:
            row = self._population.uniform()
        if row is None:
            return None
        self._initial.add(self.n_asked)
        self._update_filling()
        return row, None

    def _propose_near(self, near: Near, draw: Callable[[int, float], Any]) -> Proposal | None:
        proposal: Proposal | None = draw(near.draw(self.n_asked, self.rng), near.width)
        if proposal is not None and proposal[1] is not None:
            near.follow(self.n_asked, self._population.rank(proposal[1][0]))
        return proposal

    def _update_filling(self) -> None:
        """Note whether the initial design lacks points; a lost one leaves its place to another."""
        self._filling = bool(self._queue) or self._n_members + len(self._initial) < self.train_size

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if evaluation.status != OK or self._initial:
            self._take(candidate, evaluation, self.n_told, False)
            return
        violation = evaluation.violation if evaluation.violation > 0.0 else 0.0
        self._insert(candidate, evaluation, violation, evaluation.value, False)

    def _insert(
        self,
        candidate: Candidate,
        evaluation: Evaluation,
        violation: float,
        value: float,
        stable: bool,
    ) -> None:
        """Offer a point to the sets."""
        if self._redraws is not None:
            worst = self._population.worst_positive()
            is_success = worst is not None and (violation, value) < worst
            self._redraws.tell(candidate.id, is_success)
            if self._near is not None:
                self._near.tell(candidate.id, (violation, value), is_success)
        if self._records is None:
            self._population.insert(
                candidate.u, candidate.id, violation, value, candidate.move, stable
            )
        else:
            self._insert_step(candidate, evaluation, violation, value, stable)

    def _insert_step(
        self,
        candidate: Candidate,
        evaluation: Evaluation,
        violation: float,
        value: float,
        stable: bool,
    ) -> None:
        """Offer a point to the sets by what it changes; keep what is needed of a positive."""
        population, ident = self._population, candidate.id
        record = Record(evaluation.value, evaluation.extra)
        if isinstance(candidate, StepCandidate):
            if record.extra is None and candidate.record is not None:
                record.follow(
                    candidate.record, candidate.base, candidate.move[1:], candidate.values
                )
            place = self._insert_change(candidate, violation, value, stable)
        else:
            move = candidate.move
            place = population.insert(candidate.u, ident, violation, value, move, stable)
        if place == 1:
            assert self._records is not None
            if isinstance(candidate, StepCandidate):
                candidate.settle(population.row(ident))
            self._records[candidate.id] = record
            self._records = {i: self._records[i] for i in population.positive_idents()}

    def _insert_change(
        self, candidate: StepCandidate, violation: float, value: float, stable: bool
    ) -> int:
        """Offer a step to the sets, and write it over the member that gives way if possible."""
        population, ident, move = self._population, candidate.id, candidate.move
        parent = move[0]
        if parent not in population:
            return population.insert(candidate.u, ident, violation, value, move, stable)
        candidate.detach()
        place = population.insert(
            candidate.values, ident, violation, value, move, stable, overwrite=True
        )
        if parent in population:
            candidate.base = population.row(parent)
        else:  # the step took the place of its parent
            candidate.settle(population.row(ident))
        return place

    def _take(
        self, candidate: Candidate, evaluation: Evaluation, n_told: int, stable: bool
    ) -> None:
        ident = candidate.id
        if evaluation.status == LOST:
            if self._redraws is not None:
                self._redraws.reject(ident)
            if self._near is not None:
                self._near.reject(ident)
            if ident in self._initial:
                self._initial.remove(ident)
                self._update_filling()
            return
        violation, value = rank(evaluation, n_told)
        self._insert(candidate, evaluation, violation, value, stable)
        self._n_members += 1
        if self._initial:
            self._initial.discard(ident)
            self._update_filling()

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._population.mark(candidate.u)
        self._take(candidate, evaluation, self.n_told, False)
        self._update_filling()


class Racos(SRacos):
    """Batch classification-based optimization: rounds of samples from unchanging sets.

    Parameters
    ----------
    space, budget, seed, x0, train_size, positive_size, uncertain_bits, exploration_rate
        See `SRacos`. A round has ``train_size - positive_size`` samples.

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
        self._told: dict[int, tuple[Candidate, Evaluation, int]] = {}

    def _propose(self) -> Proposal | None:
        filling = self._filling
        if not filling and self._in_flight and self._n_in_round in (0, self._round_size):
            return None  # the initial design or the round is asked: its tells come first
        proposal = super()._propose()
        if proposal is not None and not filling:
            self._n_in_round += 1
        return proposal

    def _discard(self, candidate: Candidate) -> None:
        if candidate.id not in self._initial:
            self._n_in_round -= 1
        self._take(candidate, Evaluation(math.nan, LOST), self.n_told, False)

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._told[candidate.id] = candidate, evaluation, self.n_told
        if self._in_flight or self._n_in_round not in (0, self._round_size):
            return
        # Select anew. An equal newcomer ranks behind, so this is a stable sort of all.
        for ident in sorted(self._told):
            self._take(*self._told[ident], True)
        self._told.clear()
        self._n_in_round = 0


def _sizes(
    budget: int | None, train_size: int | None, positive_size: int | None
) -> tuple[int, int]:
    default_train, default_positive = default_sizes(budget)
    if positive_size is not None:
        positive = whole(positive_size, "positive_size", least=1)
    else:
        positive = default_positive
    if train_size is not None:
        train = whole(train_size, "train_size", least=1)
        if positive_size is None:
            positive = min(positive, train)
    else:
        train = max(default_train, positive + 1) if positive_size is not None else default_train
    if budget is not None and train_size is None:
        train = min(train, budget)
        positive = min(positive, train)
    if positive > train:
        raise ValueError(f"positive_size must be at most train_size={train}, got {positive}")
    return train, positive


register(SRacos.name, SRacos)
register(Racos.name, Racos)
