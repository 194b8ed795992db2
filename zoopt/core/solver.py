"""The base class of solvers: ask and tell.

Knows nothing of objectives, executors, clocks or files. A solver changes only in ``ask``, ``tell``
and ``tell_point``, and can be pickled between any two of these calls.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from zoopt.core.candidate import Candidate, is_repeat
from zoopt.core.checks import whole
from zoopt.core.errors import Exhausted, NothingFeasible
from zoopt.core.evaluation import LOST, OK, Best, Evaluation
from zoopt.core.seeds import Seed, spawn_generator
from zoopt.core.space import Row, Space

__all__ = ["Solver", "encode_start"]

#: A row, or packed bits, or the new values of a step, and the move that made it.
Proposal: TypeAlias = tuple[Any, tuple[int, ...] | None]

#: When a filter rejected so many proposals in a row, nothing is expected of further ones.
MAX_REJECTED = 1000


class Solver(ABC):
    """Base class of the solvers: keeps ids, what is in flight, and the best.

    A subclass implements `_propose` and `_observe`. Every asked candidate is told exactly once, in
    any order, whatever became of it.

    Parameters
    ----------
    space : Space, or what `Space` takes
    budget : int, optional
        The planned number of evaluations, from which sizes and stages follow; None is open end.
        Going on past it is allowed.
    seed : int, SeedSequence or None
        0 is a seed; None draws one from the system.
    x0 : iterable of points or Candidates
        Evaluated first, in this order; a repeated one once.

    Attributes
    ----------
    filter : callable or None
        ``filter(candidate)``: candidates for which it returns something false are not asked. It
        may be set at any time.

    Examples
    --------
    >>> from zoopt import SRacos
    >>> solver = SRacos([(0, 1)], budget=50, seed=0, x0=[[0.5]])
    >>> solver.ask().x
    [0.5]
    """

    #: Name in the registry.
    name = "solver"
    #: Whether it steers by the signed number of exactly one constraint.
    needs_constraint = False
    #: Whether it has points evaluated again, as for noise, so that the best may be luck.
    repeats = False
    #: Makes a candidate of a proposal.
    _make: Callable[..., Candidate] = Candidate

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
    ) -> None:
        self.space = space if isinstance(space, Space) else Space(space)
        self.planned_budget = (
            None if budget is None else whole(budget, "budget", least=1, fractions=True)
        )
        self.rng = spawn_generator(seed, "solver")
        self.filter: Callable[[Candidate], Any] | None = None
        self.n_asked = 0
        self.n_told = 0
        self.n_foreign = 0
        self._in_flight: dict[int, Candidate] = {}
        self._best: Best | None = None
        self._bar = math.nan  # no value from here on is better; NaN while nothing feasible is known
        self._queue: list[Row] = [encode_start(self.space, point, i) for i, point in enumerate(x0)]
        self._queue.reverse()

    @classmethod
    def accepts(cls, space: Space) -> bool:
        """Tell whether it works on a space."""
        return True

    # ------------------------------------------------------------- for callers

    def ask(self) -> Candidate | None:
        """Propose a candidate to evaluate.

        Returns
        -------
        Candidate or None
            None only if a tell that is in flight must come first; the solver is unchanged then.

        Raises
        ------
        Exhausted
            If nothing is left to ask and nothing is in flight.
        NothingFeasible
            If the filter rejected 1,000 proposals in a row, or all that there are.
        """
        proposal = self._propose() if self.filter is None else self._propose_what_passes()
        if proposal is None:
            if self._in_flight:
                return None
            raise Exhausted(f"{self.name}: every point of the space was asked")
        ident = self.n_asked
        point, move = proposal
        candidate = self._make(ident, point, self.space, move)
        self.n_asked = ident + 1
        self._in_flight[ident] = candidate
        return candidate

    def take_steps(self) -> None:
        """Propose steps where it can: candidates that say only what they change in their parent.

        Called before the first ask.

        Raises
        ------
        ValueError
            If it makes none.
        """
        raise ValueError(f"{self.name} makes no steps from one point to the next")

    def _propose_what_passes(self) -> Proposal | None:
        assert self.filter is not None
        for n_rejected in range(MAX_REJECTED):
            proposal = self._propose()
            if proposal is None:
                if n_rejected and not self.n_asked:
                    text = f"{self.name}: the filter rejected all {n_rejected} points"
                    raise NothingFeasible(text)
                return None
            candidate = self._make(self.n_asked, proposal[0], self.space, proposal[1])
            if is_repeat(candidate) or self.filter(candidate):
                return proposal
            self._discard(candidate)
        raise NothingFeasible(f"{self.name}: the filter rejected {MAX_REJECTED:,} points in a row")

    def tell(self, candidate: Candidate, outcome: Evaluation | float) -> None:
        """Report what became of a candidate, exactly once, in any order.

        Parameters
        ----------
        candidate : Candidate
            As it was asked.
        outcome : float or Evaluation
            A number is judged by `Evaluation.of`: NaN and what is no number are invalid.

        Raises
        ------
        ValueError
            If the candidate was told before or never asked here.
        """
        if self._in_flight.pop(candidate.id, None) is None:
            raise ValueError(f"candidate {candidate.id} is not in flight: told twice, or not asked")
        if type(outcome) is Evaluation:
            evaluation = outcome
        else:
            evaluation = Evaluation.of(outcome)
        self.n_told += 1
        self._observe(candidate, evaluation)
        if evaluation.status == OK and not evaluation.value >= self._bar:
            self._compare(candidate, evaluation)

    def _compare(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Keep the point if it is the best: by violation, then value."""
        best = self._best
        if best is not None:
            ours, theirs = evaluation.violation, best.evaluation.violation
            if ours <= 0.0 and theirs <= 0.0:
                if evaluation.value >= best.evaluation.value:
                    return
            elif (max(ours, 0.0), evaluation.value) >= (max(theirs, 0.0), best.evaluation.value):
                return
        self._best = Best(candidate, evaluation)
        if evaluation.violation <= 0.0:
            self._bar = evaluation.value

    def tell_point(self, x: Any, value: Evaluation | float) -> None:
        """Report a point that was evaluated elsewhere: a warm start, or another's incumbent.

        Parameters
        ----------
        x : point in user units, or a Candidate
        value : float or Evaluation
        """
        row = x.u if isinstance(x, Candidate) else self.space.encode(x)
        self.n_foreign += 1
        candidate = self._make(-self.n_foreign, self._compact(row), self.space, None, "foreign")
        evaluation = value if isinstance(value, Evaluation) else Evaluation.of(value)
        self._observe_foreign(candidate, evaluation)
        if evaluation.status == OK:
            self._compare(candidate, evaluation)

    @property
    def in_flight(self) -> list[Candidate]:
        """The candidates asked and not told, in order of ask."""
        return list(self._in_flight.values())

    @property
    def best(self) -> Best | None:
        """The ok, feasible point of least told value; None before there is one."""
        best = self._best
        return best if best is not None and best.evaluation.violation <= 0 else None

    @property
    def closest(self) -> Best | None:
        """The best while there is one, and before that the ok point of least violation."""
        return self._best

    @property
    def proven(self) -> Best | None:
        """The best whose value is no matter of luck: what a terminal value is compared with."""
        return self.best

    def recommend(self) -> Best | None:
        """Return the point to use: the best, for solvers that trust single values."""
        return self.best

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for row in self._queue:
            row.flags.writeable = False  # pickling forgets that

    # ------------------------------------------------------------- for subclasses

    @abstractmethod
    def _propose(self) -> Proposal | None:
        """Return a row and its move; None, with nothing changed, to wait or at the end.

        A solver whose `_make` is `Candidate.packed` returns packed bits instead of a row.
        """

    @abstractmethod
    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Take in an outcome; the candidate is no longer in flight."""

    def _compact(self, row: Row) -> Any:
        """Return of a row what `_make` takes."""
        return row

    def _discard(self, candidate: Candidate) -> None:
        """Forget what was just proposed: it is not asked, and its id goes to another."""
        self._observe(candidate, Evaluation(math.nan, LOST))

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._observe(candidate, evaluation)


def encode_start(space: Space, point: Any, i: int) -> Row:
    """Encode an initial point, unless it is a Candidate already; an error names its index."""
    if isinstance(point, Candidate):
        return point.u
    try:
        return space.encode(point)
    except (TypeError, ValueError) as error:
        raise type(error)(f"initial point {i}: {error}") from None
