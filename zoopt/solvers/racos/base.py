"""The base class of the classification-based solvers.

Owns the sizes of the sets, the initial design, and the number of coordinates that proposals redraw.
The kernels shrink the space, sample and replace members.
"""

from collections.abc import Callable, Iterable
from typing import Any

from zoopt._native import ORDERED, UNORDERED, Member, Population
from zoopt.core.candidate import Candidate, StepCandidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import LOST, Evaluation, rank
from zoopt.core.lineage import Record
from zoopt.core.seeds import Seed
from zoopt.core.seen import n_points, next_unseen
from zoopt.core.solver import Proposal, Proposer
from zoopt.core.space import Space
from zoopt.solvers.racos.local_proposals import LocalProposals
from zoopt.solvers.racos.mutation_counts import MutationCounts
from zoopt.solvers.racos.tables import default_sizes, default_uncertain_bits

__all__ = ["ClassificationSolver"]

#: With more columns than this, some of them `Real`, the number of coordinates that a proposal
#: redraws is learned by default.
LARGE = 100
#: Probability of a local proposal, where the number of redrawn coordinates is learned.
LOCAL_RATE = 0.5
#: Default probability of mixing two members, in spaces without branches in which every column is
#: unordered or has two values.
RECOMBINATION_RATE = 0.8

REPLACEMENTS = ("WR", "RR", "LM")


def _is_large(space: Space) -> bool:
    return space.n_columns > LARGE and space.n_continuous > 0


def _recombination_rate(space: Space, given: float | None) -> float:
    """Check a rate, or choose one."""
    two_values = (space.kinds == ORDERED) & (space.high - space.low == 1.0)
    nominal = bool(((space.kinds == UNORDERED) | two_values).all()) and space.tree is None
    if given is None:
        return RECOMBINATION_RATE if nominal else 0.0
    rate = number(given, "recombination_rate", least=0.0, most=1.0)
    if rate > 0.0 and not nominal:
        raise ValueError(
            "recombination_rate must be 0 in a space with branches, or with ordered dimensions of "
            "more than two values"
        )
    return rate


class ClassificationSolver(Proposer):
    """A solver that learns a region around one of its best points, and samples there.

    The positive set holds the best points, and the negative set holds other points. The region
    contains one chosen positive point and no negative point. A subclass decides in `_observe` when
    points enter the sets.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.
    train_size, positive_size, uncertain_bits, exploration_rate, replacement, recombination_rate
        See `SRacos`.

    Notes
    -----
    Failed evaluations rank after all successful ones, in the order they were reported.
    """

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
        self._learns_bits = uncertain_bits is None and _is_large(self.space)  # by default
        self._counts: MutationCounts | None = None
        self._local: LocalProposals | None = None
        if not (uncertain_bits is None or isinstance(uncertain_bits, str)):
            most = max(1, self.space.n_columns)
            self.uncertain_bits = min(most, whole(uncertain_bits, "uncertain_bits", least=1))
        elif uncertain_bits == "adaptive" or self._learns_bits:
            self._counts = MutationCounts(self.space.n_columns)
            self.uncertain_bits = self._counts.most
            if self.space.n_continuous > 0:
                self._local = LocalProposals(self.space.n_columns)
        elif uncertain_bits is None or uncertain_bits == "table":
            self.uncertain_bits = self._bits_by_table()
        else:
            raise ValueError(
                "uncertain_bits must be a whole number, 'table' or 'adaptive', "
                f"got {uncertain_bits!r}"
            )
        number(exploration_rate, "exploration_rate", least=0.0, most=1.0)
        if replacement not in REPLACEMENTS:
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
            conditions=self.space.conditions,
        )
        self._n_members = 0
        self._initial: set[int] = set()  # ids of the initial design that are in flight
        self._filling = True
        self._n_redrawn = self.uncertain_bits
        self._records: dict[int, Record] | None = None  # of the positives, if there are steps

    def _bits_by_table(self) -> int:
        return default_uncertain_bits(len(self.space), self.space.n_continuous > 0)

    def take_steps(self) -> None:
        """Propose steps from the positive set, at a cost that does not grow with the dimension.

        The initial design and uniform samples are still whole points. By default, the number of
        coordinates that a step redraws comes from ZOOpt's table, because learned numbers may be
        large.
        """
        self._records = {}
        self._make = self._make_step
        if self._learns_bits:
            self._counts = self._local = None
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
    def positives(self) -> list[Member]:
        """The positive set, best first: id, row, violation and value of each member.

        The violation of a failed evaluation is inf.
        """
        return self._population.positives()

    @property
    def negatives(self) -> list[Member]:
        """The negative set, in no particular order: id, row, violation and value of each member."""
        return self._population.negatives()

    def _propose(self) -> Proposal | None:
        if not self._filling:  # steps 2 and 3 of `SRacos`
            draw = self._population.propose if self._records is None else self._population.step
            if self._counts is None:
                return draw(self._n_redrawn)
            local = self._local
            is_active = local is not None and local.is_active(self.n_asked)
            if local is not None and is_active and self.rng.random() < LOCAL_RATE:
                return self._propose_locally(local, draw)
            return draw(self._counts.draw(self.n_asked, self.rng))
        row = next_unseen(self._queue, self._population)  # step 1
        if row is None:
            row = self._population.uniform()
        if row is None:
            return None
        self._initial.add(self.n_asked)
        self._update_filling()
        return row, None

    def _propose_locally(
        self, local: LocalProposals, draw: Callable[[int, float], Any]
    ) -> Proposal | None:
        ident = self.n_asked
        proposal: Proposal | None = draw(local.draw(ident, self.rng), local.width)
        if proposal is not None:
            _, move = proposal
            if move is not None:
                local.follow(ident, self._population.rank(move[0]))
        return proposal

    def _update_filling(self) -> None:
        """Note whether the initial design needs more points; each lost point is replaced."""
        self._filling = bool(self._queue) or self._n_members + len(self._initial) < self.train_size

    def _insert(
        self,
        candidate: Candidate,
        evaluation: Evaluation,
        violation: float,
        value: float,
        stable: bool,
    ) -> None:
        """Offer a point to the sets: step 4 of `SRacos`."""
        if self._counts is not None:
            worst = self._population.worst_positive()
            is_success = worst is not None and (violation, value) < worst
            self._counts.tell(candidate.id, is_success)
            if self._local is not None:
                self._local.tell(candidate.id, (violation, value), is_success)
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
        """Offer a point to the sets, and keep its record if it becomes a positive.

        A step is offered as its changed values only.
        """
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
            self._records[ident] = record
            self._records = {i: self._records[i] for i in population.positive_idents()}

    def _insert_change(
        self, candidate: StepCandidate, violation: float, value: float, stable: bool
    ) -> int:
        """Offer a step to the sets; if possible, write it over the member that it replaces."""
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
            if self._counts is not None:
                self._counts.reject(ident)
            if self._local is not None:
                self._local.reject(ident)
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


def _sizes(
    budget: int | None, train_size: int | None, positive_size: int | None
) -> tuple[int, int]:
    """Check the train size and the positive size, or choose them."""
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
