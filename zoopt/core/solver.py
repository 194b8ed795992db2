"""The base classes of solvers: ask and tell.

Knows nothing about objectives, executors, clocks or files. A solver changes only in ``ask``,
``tell`` and ``tell_point``, and can be pickled between any two of these calls.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from zoopt.core.candidate import Candidate, is_repeat
from zoopt.core.checks import whole
from zoopt.core.errors import Exhausted, NothingFeasible
from zoopt.core.evaluation import LOST, OK, Best, Evaluation
from zoopt.core.seeds import Seed, spawn_generator
from zoopt.core.space import Row, Space

__all__ = ["Proposal", "Proposer", "Solver", "encode_point", "encode_start"]

#: A pair of a point (a row, packed bits, or the new values of a step) and the move that made it.
Proposal: TypeAlias = tuple[Any, tuple[int, ...] | None]

#: Number of rejections in a row after which the filter is assumed to reject every point.
MAX_REJECTED = 1000


class Solver(ABC):
    """Base class of all solvers: keeps the candidates in flight and the best point.

    The outcome of every asked candidate is told exactly once, in any order, whether its evaluation
    succeeded or not. Until then the candidate is in flight. A solver that proposes points itself is
    a `Proposer`; one that asks other solvers is a wrapper, such as `zoopt.Resample`.

    Parameters
    ----------
    space : Space, or anything that `Space` accepts
    budget : int, optional
        The planned number of evaluations, which determines sizes and stages. With None, no end is
        planned. A solver can be asked beyond its planned budget.
    seed : int, SeedSequence or None
        With None, a seed is drawn from the system.
    x0 : iterable of points or Candidates
        Points to evaluate first, in this order; duplicates are evaluated once.

    Attributes
    ----------
    space : Space
    planned_budget : int or None
    n_asked : int
        The id of the next candidate, which is the number of candidates asked so far. The solvers
        inside a wrapper may share one count.
    n_told, n_foreign : int
        Number of candidates reported, and of points reported by `tell_point`.
    filter : callable or None
        ``filter(candidate)``; candidates for which it returns a false value are not returned by
        `ask`. It may be set at any time.

    Examples
    --------
    >>> from zoopt import SRacos
    >>> solver = SRacos([(0, 1)], budget=50, seed=0, x0=[[0.5]])
    >>> candidate = solver.ask()
    >>> candidate.x
    [0.5]
    >>> solver.tell(candidate, 3.0)
    >>> solver.best.value
    3.0
    """

    #: Name in the registry.
    name = "solver"
    #: Whether the solver uses the signed value of exactly one constraint.
    needs_constraint = False
    #: Whether the solver evaluates the same point repeatedly, because a single value may be luck.
    repeats = False
    #: Whether the solver learns from the values themselves, and not from their order alone.
    uses_values = False
    #: Makes a candidate from a proposal.
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
        # A value at or above this is not better than the best; NaN until a feasible point is told.
        self._bar = math.nan
        self._queue: list[Row] = [encode_start(self.space, point, i) for i, point in enumerate(x0)]
        self._queue.reverse()

    @classmethod
    def accepts(cls, space: Space) -> bool:
        """Return whether the solver works on a space.

        Parameters
        ----------
        space : Space

        Returns
        -------
        bool
        """
        return True

    # ------------------------------------------------------------- for callers

    @abstractmethod
    def ask(self, ident: int | None = None) -> Candidate | None:
        """Propose a candidate to evaluate.

        Parameters
        ----------
        ident : int, optional
            The id of the candidate, at least `n_asked`; for wrappers. The outermost solver numbers
            the candidates in order of ask: a wrapper that hands on candidates of an inner solver
            passes its own `n_asked` to the inner solver's `ask`. By default, a solver counts its
            own candidates.

        Returns
        -------
        Candidate or None
            None only if the outcome of a candidate in flight must be told first; the solver is then
            unchanged.

        Raises
        ------
        Exhausted
            If no point is left to propose and no candidate is in flight.
        NothingFeasible
            If the filter rejected 1,000 proposals in a row, or every point of a finite space.

        Examples
        --------
        >>> from zoopt import Racos
        >>> solver = Racos([(0, 1)], budget=50, seed=0)
        >>> first, second = solver.ask(), solver.ask()
        >>> first.id, second.id
        (0, 1)
        """

    def take_steps(self) -> None:
        """Propose steps from now on, where possible.

        A step is a candidate that holds only its changes to a parent. Call this method before the
        first `ask`.

        Raises
        ------
        ValueError
            If the solver cannot propose steps.
        """
        raise ValueError(f"{self.name} makes no steps from one point to the next")

    def tell(self, candidate: Candidate | Any, outcome: Evaluation | float) -> None:
        """Report the outcome of a candidate, exactly once, in any order.

        Parameters
        ----------
        candidate : Candidate
            A candidate as `ask` returned it, or a copy of it. The ``x`` of a candidate in flight is
            accepted too; if several candidates in flight are at that point, the outcome counts for
            the one asked first.
        outcome : float or Evaluation
            A number is judged by `Evaluation.of`: NaN and values that are not numbers are invalid.

        Raises
        ------
        ValueError
            If the candidate was told before or belongs to another solver, or if no candidate in
            flight has that ``x``. The solver is then unchanged.
        TypeError
            If ``candidate`` is neither a candidate nor a point of the space.

        Examples
        --------
        >>> from zoopt import SRacos
        >>> solver = SRacos([(0, 1)], budget=50, seed=0)
        >>> first, second = solver.ask(), solver.ask()
        >>> solver.tell(second, 2.0)
        >>> solver.tell(first.x, Evaluation(1.0, violation=0.5))
        >>> solver.best.value, solver.in_flight
        (2.0, [])
        """
        try:
            asked = self._in_flight.pop(candidate.id, None)
        except (AttributeError, TypeError):  # not a candidate
            asked = None
        if asked is None or asked is not candidate:
            asked = self._identify(candidate, asked)
        if type(outcome) is Evaluation:
            evaluation = outcome
        else:
            evaluation = Evaluation.of(outcome)
        self.n_told += 1
        self._observe(asked, evaluation)
        if evaluation.status == OK and not evaluation.value >= self._bar:
            self._compare(asked, evaluation)

    def _identify(self, given: Any, asked: Candidate | None) -> Candidate:
        """Remove from flight, and return, the candidate given by a copy or by its ``x``.

        Parameters
        ----------
        given : Candidate or point in user units
        asked : Candidate or None
            The candidate in flight with the same id as ``given``, already removed from
            `_in_flight`; None if there was none.
        """
        if asked is not None:
            if isinstance(given, Candidate) and _are_equal(given, asked):
                return asked
            self._in_flight[asked.id] = asked
            self._in_flight = dict(sorted(self._in_flight.items()))
        if not isinstance(given, Candidate):
            return self._in_flight.pop(self._find(given).id)
        why = "it was told before, or it belongs to another solver"
        if asked is not None:
            why = (
                "the candidate in flight with that id is at another point, so this one "
                "belongs to another solver"
            )
        raise ValueError(
            f"candidate {given.id} is not in flight: {why}; report points from elsewhere "
            "with tell_point"
        )

    def _find(self, x: Any) -> Candidate:
        """Return the first candidate in flight at a point in user units."""
        usage = "tell takes a candidate as ask returned it, or the x of one in flight"
        try:
            row = self.space.encode(x)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{usage}: {error}") from None
        for candidate in self._in_flight.values():
            # A value that was decoded and encoded again may differ in its last bit.
            if np.array_equal(self.space.encode(candidate.x), row):
                return candidate
        raise ValueError(
            f"{x!r:.100} is not in flight: {usage}; report points from elsewhere with tell_point"
        )

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
        """Report a point that was evaluated elsewhere, such as in an earlier run.

        Parameters
        ----------
        x : point in user units, or a Candidate of this space
        value : float or Evaluation

        Raises
        ------
        ValueError, TypeError
            If ``x`` is not a point of the space.

        Examples
        --------
        >>> from zoopt import SRacos
        >>> solver = SRacos({"rate": (0, 1)}, budget=50, seed=0)
        >>> solver.tell_point({"rate": 0.1}, 3.0)
        >>> solver.best.x
        {'rate': 0.1}
        """
        row = encode_point(self.space, x)
        self.n_foreign += 1
        candidate = self._make(-self.n_foreign, self._compact(row), self.space, None, "foreign")
        evaluation = value if isinstance(value, Evaluation) else Evaluation.of(value)
        self._observe_foreign(candidate, evaluation)
        if evaluation.status == OK:
            self._compare(candidate, evaluation)

    @property
    def title(self) -> str:
        """Name in messages; a wrapper of several solvers adds the active one."""
        return self.name

    @property
    def in_flight(self) -> list[Candidate]:
        """The candidates asked but not yet told, in order of ask."""
        return list(self._in_flight.values())

    @property
    def best(self) -> Best | None:
        """The feasible point with the least reported value; None before there is one."""
        best = self._best
        return best if best is not None and best.evaluation.violation <= 0 else None

    @property
    def closest(self) -> Best | None:
        """The best if there is one, otherwise the evaluated point of least violation."""
        return self._best

    @property
    def proven(self) -> Best | None:
        """The best point with a confirmed value; ``terminal_value`` is compared with that value."""
        return self.best

    def recommend(self) -> Best | None:
        """Return the point to use.

        Returns
        -------
        Best or None
            The best point. A solver for noisy objectives may recommend another one, such as a
            point evaluated repeatedly or the mean of its distribution.
        """
        return self.best

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for row in self._queue:
            row.flags.writeable = False  # pickles do not keep this

    # ------------------------------------------------------------- for subclasses

    def _ask_as(self, ident: int) -> Candidate | None:
        """Ask for a candidate with a given id; if none is returned, `n_asked` is left unchanged."""
        before = self.n_asked
        if ident < before:
            raise ValueError(f"ident must be at least n_asked={before}, got {ident!r}")
        candidate, self.n_asked = None, ident
        try:
            candidate = self.ask()
        finally:
            if candidate is None:
                self.n_asked = before
        return candidate

    def _wait(self) -> None:
        """Let the caller wait for candidates in flight; raise Exhausted if there are none."""
        if not self._in_flight:
            raise Exhausted(f"{self.name}: every point of the space has been proposed")

    @abstractmethod
    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Learn from an outcome; the candidate is no longer in flight."""

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._observe(candidate, evaluation)

    def _compact(self, row: Row) -> Any:
        """Return the form of a row that `_make` takes."""
        return row


class Proposer(Solver):
    """A solver that proposes points itself. A subclass implements `_propose` and `_observe`.

    Parameters
    ----------
    space, budget, seed, x0
        See `Solver`.

    Examples
    --------
    >>> class Corner(Proposer):
    ...     def _propose(self):
    ...         return None if self.n_asked else (self.space.low, None)
    ...     def _observe(self, candidate, evaluation):
    ...         pass
    >>> Corner([(0, 1)] * 2, seed=0).ask().x
    [0.0, 0.0]
    """

    def ask(self, ident: int | None = None) -> Candidate | None:
        if ident is not None:
            return self._ask_as(ident)
        proposal = self._propose() if self.filter is None else self._propose_accepted()
        if proposal is None:
            self._wait()
            return None
        ident = self.n_asked
        point, move = proposal
        candidate = self._make(ident, point, self.space, move)
        self.n_asked = ident + 1
        self._in_flight[ident] = candidate
        return candidate

    def _propose_accepted(self) -> Proposal | None:
        """Propose until the filter accepts."""
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

    @abstractmethod
    def _propose(self) -> Proposal | None:
        """Return a row and its move, or None to make the caller wait or when no point is left.

        A call that returns None must change nothing. The id of the candidate will be `n_asked`. A
        solver whose `_make` is `PackedCandidate` returns packed bits in place of a row.
        """

    def _discard(self, candidate: Candidate) -> None:
        """Forget the last proposal: it is not returned, and the next proposal gets its id."""
        self._observe(candidate, Evaluation(math.nan, LOST))


def _are_equal(a: Candidate, b: Candidate) -> bool:
    return a.space == b.space and np.array_equal(a.u, b.u)


def encode_point(space: Space, point: Any) -> Row:
    """Return the row of a point.

    Parameters
    ----------
    space : Space
    point : point in user units, or a Candidate
        A candidate of another space counts as its point in user units.

    Returns
    -------
    float64 array, shape (n_columns,), read-only

    Raises
    ------
    ValueError, TypeError
        If ``point`` is not a point of the space.
    """
    if not isinstance(point, Candidate):
        return space.encode(point)
    if point.space is space or point.space == space:
        return point.u
    return space.encode(point.x)


def encode_start(space: Space, point: Any, i: int) -> Row:
    """Return the row of an initial point; see `encode_point`. Errors name its index."""
    try:
        return encode_point(space, point)
    except (TypeError, ValueError) as error:
        raise type(error)(f"initial point {i}: {error}") from None
