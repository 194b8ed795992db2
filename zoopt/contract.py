"""The contract between solvers and the loop that runs them: ask and tell.

Owns `Candidate`, `Evaluation`, the base class `Solver` and the registry. Knows nothing of
objectives, executors, clocks or files: a solver changes only in ``ask``, ``tell`` and
``tell_point``, and pickles between any two of them.
"""

import math
import numbers
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zoopt.checks import whole
from zoopt.errors import Exhausted, NothingFeasible
from zoopt.lineage import Record
from zoopt.space import Bits, Row, Space

__all__ = [
    "Candidate",
    "Evaluation",
    "Exhausted",
    "Seed",
    "Solver",
    "is_repeat",
    "make_solver",
    "register",
    "registered",
    "solver_factory",
    "spawn_generator",
]

Seed: TypeAlias = "int | np.random.SeedSequence | None"
#: A row, or packed bits, or the new values of a step, and the move that made it.
Proposal: TypeAlias = tuple[Any, tuple[int, ...] | None]

OK, FAILED, INVALID, TIMEOUT, LOST = "ok", "failed", "invalid", "timeout", "lost"
STATUSES = (OK, FAILED, INVALID, TIMEOUT, LOST)


#: When a filter rejected so many proposals in a row, nothing is expected of further ones.
MAX_REJECTED = 1000


class Candidate:
    """A point that a solver asks to have evaluated.

    Attributes
    ----------
    id : int
        Order of ask, from 0, given by the outermost solver.
    u : float64 array, shape (n_columns,), read-only
        The encoded point; of bits and steps made when it is first asked for.
    bits : uint8 array, shape (ceil(n_columns / 8),), read-only, or None
        The point packed, the first column lowest, if the solver works on bits.
    move : tuple of int or None
        How it was made: the id of its parent, then the columns in which it differs.
    record : Record or None
        Of a step, what became of its parent.
    base : float64 array, shape (n_columns,), read-only
        Of a step, the encoded parent.
    values : tuple of float
        Of a step, the new values of the columns that its move names.
    origin : object
        Routing of the solver that proposed it; None for a solver of its own.
    x : list or dict
        The point in user units, decoded anew at each access.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> candidate = RandomSearch({"n": (0, 1)}, seed=0).ask()
    >>> candidate.id, list(candidate.x)
    (0, ['n'])
    """

    __slots__ = ("base", "bits", "id", "move", "origin", "record", "space", "u", "values")
    base: Row
    values: tuple[float, ...]

    def __init__(
        self,
        id: int,
        u: Row,
        space: Space,
        move: tuple[int, ...] | None = None,
        origin: Any = None,
    ) -> None:
        self.id = id
        self.u = u
        self.bits: Bits | None = None
        self.record: Record | None = None
        self.space = space
        self.move = move
        self.origin = origin

    @classmethod
    def step(
        cls,
        id: int,
        base: Row,
        record: Record,
        values: tuple[float, ...],
        space: Space,
        move: tuple[int, ...],
        origin: Any = None,
    ) -> "Candidate":
        """Make a candidate of what it changes in its parent."""
        self = cls.__new__(cls)
        self.id = id
        self.base = base
        self.record = record
        self.values = values
        self.bits = None
        self.space = space
        self.move = move
        self.origin = origin
        return self

    def settle(self, row: Row) -> None:
        """Let a step go on as a whole point."""
        self.u = row
        self.record = None

    @classmethod
    def packed(
        cls,
        id: int,
        bits: Bits,
        space: Space,
        move: tuple[int, ...] | None = None,
        origin: Any = None,
    ) -> "Candidate":
        """Make a candidate of bits."""
        self = cls.__new__(cls)
        self.id = id
        self.bits = bits
        self.record = None
        self.space = space
        self.move = move
        self.origin = origin
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:  # only of bits and steps, and only once
            if name != "u":
                raise AttributeError(f"a Candidate has no attribute {name!r}")
            if self.record is None:
                self.u = self.space.unpack(self.bits)
            else:
                self.u = self.base.copy()
                self.u[list(self.move[1:])] = self.values
                self.u.flags.writeable = False
            return self.u

    @property
    def x(self) -> Any:
        return self.space.decode(self.u)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Which columns of a binary space hold the second of their two values; a new array."""
        return self.space.mask(self.space.pack(self.u) if self.bits is None else self.bits)

    def values_in(self, columns: Iterable[int]) -> list[float]:
        """Return the encoded values of some columns."""
        if self.record is not None and self.move is not None and columns == self.move[1:]:
            return list(self.values)
        if self.bits is None:
            return [self.u.item(k) for k in columns]
        low = self.space.low
        return [low.item(k) + (self.bits.item(k >> 3) >> (k & 7) & 1) for k in columns]

    def __reduce__(self) -> tuple[Any, ...]:
        if self.bits is not None:
            return _restore_packed, (self.id, self.bits, self.space, self.move, self.origin)
        if self.record is not None:
            step = self.id, self.base, self.record, self.values, self.space, self.move, self.origin
            return _restore_step, step
        return _restore, (self.id, self.u, self.space, self.move, self.origin)

    def __repr__(self) -> str:
        return f"Candidate(id={self.id}, x={self.x!r})"


def _restore(ident: int, u: Row, *rest: Any) -> Candidate:
    u.flags.writeable = False  # pickling forgets that
    return Candidate(ident, u, *rest)


def _restore_packed(ident: int, bits: Bits, *rest: Any) -> Candidate:
    bits.flags.writeable = False
    return Candidate.packed(ident, bits, *rest)


def _restore_step(ident: int, base: Row, *rest: Any) -> Candidate:
    base.flags.writeable = False
    return Candidate.step(ident, base, *rest)


def is_repeat(candidate: Candidate) -> bool:
    """Tell whether it is a point that was asked before; one told by others was not."""
    move = candidate.move
    return move is not None and len(move) == 1 and move[0] >= 0


class Evaluation:
    """The outcome of one candidate.

    Attributes
    ----------
    value : float
        Minimized; NaN unless the status is ok.
    status : {"ok", "failed", "invalid", "timeout", "lost"}
        ok: any float but NaN. invalid: NaN or no number. failed: raised. timeout: stopped at its
        deadline. lost: its worker died, more often than it is tried again.
    violation : float
        At most 0 if feasible.
    error : str
        Why it is not ok, with the traceback where there is one.
    exception : BaseException or None
        What was raised, where it can be had.
    started, finished : float
        Seconds since the start of the run.
    worker : str
        Who evaluated it.
    extra : object
        What the surface's ``evaluate`` handed back beside the value.
    """

    __slots__ = (
        "error",
        "exception",
        "extra",
        "finished",
        "started",
        "status",
        "value",
        "violation",
        "worker",
    )

    def __init__(
        self,
        value: float,
        status: str = OK,
        violation: float = 0.0,
        error: str = "",
        started: float = math.nan,
        finished: float = math.nan,
        worker: str = "",
        exception: BaseException | None = None,
        extra: Any = None,
    ) -> None:
        self.value = value
        self.status = status
        self.violation = violation
        self.error = error
        self.started = started
        self.finished = finished
        self.worker = worker
        self.exception = exception
        self.extra = extra

    @classmethod
    def of(cls, value: Any) -> "Evaluation":
        """Judge what an objective returned: ok, or invalid with the reason.

        Examples
        --------
        >>> Evaluation.of(1.5).status, Evaluation.of(None).status
        ('ok', 'invalid')
        """
        if isinstance(value, float) and value == value:
            return cls(float(value))
        if not isinstance(value, float):
            try:
                value = as_number(value)
            except Exception as error:  # its conversion may raise anything
                return cls(math.nan, INVALID, error=str(error), exception=error)
        if value != value:
            return cls(math.nan, INVALID, error="the objective returned NaN")
        return cls(value)

    @property
    def ok(self) -> bool:
        return self.status == OK

    def __repr__(self) -> str:
        detail = f", error={self.error.splitlines()[-1]!r}" if self.error else ""
        return f"Evaluation({self.value!r}, {self.status!r}{detail})"


def as_number(value: Any) -> float:
    """Turn what an objective returned into a float; an array of one element counts as it."""
    if isinstance(value, np.ndarray):
        if value.size != 1:
            raise ValueError(
                f"the objective must return one number, got an array of shape {value.shape}"
            )
        value = value.item()
    if isinstance(value, (str, bytes)) or not isinstance(value, (numbers.Real, np.bool_)):
        try:
            if isinstance(value, (str, bytes)) or value is None:
                raise TypeError
            return float(value)  # tensors and decimals know how
        except (TypeError, ValueError):
            raise TypeError(
                f"the objective must return a number, got {value!r:.100} of type "
                f"{type(value).__name__}"
            ) from None
    return float(value)


class Best(NamedTuple):
    """The best point so far, or the one to use.

    Attributes
    ----------
    candidate : Candidate
    evaluation : Evaluation
    standard_error : float
        Of the value, where it is a mean of several; NaN otherwise.
    n_calls : int
        How many evaluations the value is the mean of.
    """

    candidate: Candidate
    evaluation: Evaluation
    standard_error: float = math.nan
    n_calls: int = 1

    @property
    def x(self) -> Any:
        return self.candidate.x

    @property
    def value(self) -> float:
        return self.evaluation.value


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


def rank(evaluation: Evaluation, n_told: int) -> tuple[float, float]:
    """Return the key by which rank-based solvers sort: by violation, then value.

    What is not ok ranks after all that is, in order of tell.
    """
    if evaluation.status == OK:
        violation = evaluation.violation
        if violation <= 0.0:
            return 0.0, evaluation.value
        return min(violation, sys.float_info.max), evaluation.value
    return math.inf, float(n_told)


def encode_start(space: Space, point: Any, i: int) -> Row:
    """Encode an initial point, unless it is a Candidate already; an error names its index."""
    if isinstance(point, Candidate):
        return point.u
    try:
        return space.encode(point)
    except (TypeError, ValueError) as error:
        raise type(error)(f"initial point {i}: {error}") from None


#: Roles that draw random numbers, each from a stream of its own.
_ROLES = {"solver": 0, "objective": 1, "repeat": 2, "island": 3, "inner": 4}


def root_seed(seed: Seed) -> np.random.SeedSequence:
    """Return the seed of a run as the sequence from which its roles derive theirs."""
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, numbers.Integral)):
        raise TypeError(f"seed must be an int, a SeedSequence or None, got {seed!r}")
    if seed is not None and seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed!r}")
    return np.random.SeedSequence(seed)


def spawn_seed(seed: Seed, role: str, *keys: int) -> np.random.SeedSequence:
    """Derive the seed of a role from that of the run."""
    seed = root_seed(seed)
    return np.random.SeedSequence(
        seed.entropy, spawn_key=(*seed.spawn_key, _ROLES[role], *keys), pool_size=seed.pool_size
    )


def spawn_generator(seed: Seed, role: str, *keys: int) -> np.random.Generator:
    """Return the generator of a role; the global one is never touched."""
    return np.random.Generator(np.random.PCG64(spawn_seed(seed, role, *keys)))


_REGISTRY: dict[str, Callable[..., Solver]] = {}


def register(name: str, factory: Callable[..., Solver]) -> None:
    """Make a solver known by name, to `minimize`, `Opt.min` and the conformance suite.

    Parameters
    ----------
    name : str
        Case-insensitive.
    factory : callable
        ``factory(space, *, budget, seed, x0, **options) -> Solver``.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> register("random", RandomSearch)
    """
    _REGISTRY[name.lower()] = factory


def registered() -> Mapping[str, Callable[..., Solver]]:
    """Return the factories of the known solvers by name."""
    return dict(_REGISTRY)


def make_solver(name: str, space: Space | Any, **options: Any) -> Solver:
    """Build a registered solver.

    Raises
    ------
    ValueError
        If the name or an option is unknown; names the known ones.

    Examples
    --------
    >>> make_solver("sracos", [(0, 1)], budget=50, seed=0).name
    'sracos'
    """
    return solver_factory(name)(space, **options)


def solver_factory(name: str) -> Callable[..., Solver]:
    """Return what makes a registered solver; see `register`."""
    if not isinstance(name, str):
        raise TypeError(f"algorithm must be a name, got {name!r}")
    factory = _REGISTRY.get(name.lower())
    if factory is None:
        raise ValueError(f"algorithm must be one of {sorted(_REGISTRY)}, got {name!r}")
    return factory
