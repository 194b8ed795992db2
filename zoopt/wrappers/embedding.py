"""Sequential random embedding: another solver searches a few random directions at a time.

Owns the stages, their random matrices, and the table of the inner solver's candidates.
"""

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zoopt._native import UNORDERED, row_hash
from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import LOST, OK, Best, Evaluation
from zoopt.core.registry import register, solver_factory
from zoopt.core.seeds import Seed, spawn_generator, spawn_seed
from zoopt.core.seen import seen_points
from zoopt.core.solver import Solver
from zoopt.core.space import Row, Space
from zoopt.core.unit_box import UnitBox, blocks
from zoopt.wrappers.base import Wrapper, preferred

__all__ = ["RandomEmbedding", "RandomMatrix", "check_ordered"]

Entries: TypeAlias = npt.NDArray[Any]

#: Matrices with at least this many entries are stored in single precision.
SINGLE_FROM = 1_000_000
#: Least number of points of the space.
MIN_POINTS = 1_000_000
#: With more columns than this, proposals are not compared with earlier ones.
MOST_TO_COMPARE = 10_000
#: Largest number of repeated proposals in a row, and of stages in a row with nothing new.
MAX_REPEATS, MAX_STAGES = 1000, 10
#: Number of evaluations of a stage without a planned budget.
STAGE_WITHOUT_BUDGET = 1000


class RandomEmbedding(Wrapper):
    """Sequential random embedding, for very many variables and few directions that matter.

    Each stage draws a random matrix A, and an inner solver searches the low-dimensional points y
    that A maps into the space, around the best point so far. The first stage starts from the best
    of the known points, or from the middle.

    Parameters
    ----------
    space : Space, or anything that `Space` takes
        Without unordered dimensions, and of at least a million points; integers are rounded.
    budget, seed, x0
        See `zoopt.Solver`. Points of x0 are evaluated before the first stage.
    inner : str or callable, default "sracos"
        Name of the inner solver, or a function that makes it. Each stage makes a new one.
    low_dimension : int, or anything that `Space` takes, default 10
        Number of variables of y, each in [-1, 1]; or the space of y, with continuous dimensions
        only.
    n_stages : int, default 5
        Number of stages. They share the budget left after x0 evenly; the last one gets the
        remainder.
    stage_budget : int, optional
        Number of evaluations per stage, in place of an even share. The last stage goes on to the
        end of the budget.
    variance : float, optional
        Variance of the entries of A, for a box from -1 to 1; by default one over the number of
        variables of y.
    withdraw : (float, float), default (-1, 1)
        Range of the factor that scales the center.
    shrinkage : float in (0, 1], default 1
        Factor by which the standard deviation of A's entries shrinks from stage to stage. Below 1,
        later stages search closer to the best point. 1, as in the paper, means no
        shrinkage. On smooth functions, 0.6 with ten stages is much better.
    **options
        Options of the inner solver.

    Raises
    ------
    ValueError
        If a dimension is unordered, if the space has fewer than a million points, or if an option
        is out of range.

    Notes
    -----
    In a box from -1 to 1 with projection P, stage s minimizes::

        g(a, y) = f(P(a * x[s-1] + A y))    (1)
        A[i, j] ~ N(0, variance)            (2)

    over the factor a and y, where x[s-1] is the best point so far. The paper takes the solution of
    the previous stage instead. Large matrices are in single precision; pickles omit them, since
    they can be drawn again from their seeds.

    References
    ----------
    H. Qian, Y.-Q. Hu, Y. Yu, "Derivative-free optimization of high-dimensional non-convex functions
    by sequential random embeddings", IJCAI 2016.

    Examples
    --------
    >>> from zoopt import RandomEmbedding
    >>> solver = RandomEmbedding([(-1, 1)] * 2000, budget=500, seed=0)
    >>> for _ in range(500):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, float(((candidate.u[:5] - 0.2) ** 2).sum()))
    >>> solver.best.value < 0.05
    True
    """

    name = "sre"

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        inner: str | Callable[..., Solver] = "sracos",
        low_dimension: int | Any = 10,
        n_stages: int = 5,
        stage_budget: int | None = None,
        variance: float | None = None,
        withdraw: tuple[float, float] = (-1.0, 1.0),
        shrinkage: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        check_ordered(self.space, self.name)
        if not self.accepts(self.space):
            raise ValueError(f"{self.name} needs a space of at least {MIN_POINTS:,} points")
        wanted: Any = low_dimension
        if isinstance(low_dimension, numbers.Integral):
            wanted = [(-1.0, 1.0)] * whole(low_dimension, "low_dimension", least=1)
        low = wanted if isinstance(wanted, Space) else Space(wanted)
        if not low.is_plain:
            raise ValueError(f"low_dimension must have continuous dimensions only, got {low!r}")
        variance = 1.0 / low.n_columns if variance is None else variance
        if number(variance, "variance", least=0.0, finite=True) == 0.0:
            raise ValueError("variance must be above 0, got 0")
        if not 0.0 < number(shrinkage, "shrinkage", least=0.0) <= 1.0:
            raise ValueError(f"shrinkage must be above 0 and at most 1, got {shrinkage!r}")
        self.n_stages = whole(n_stages, "n_stages", least=1)
        if stage_budget is not None:
            whole(stage_budget, "stage_budget", least=1)
        self._stage_budget = stage_budget
        self._scale, self._shrinkage = math.sqrt(variance), shrinkage
        self._low = low
        self._low_with_center = Space([tuple(withdraw), *low.dimensions])
        self._box = UnitBox(self.space)
        self._factory = inner if callable(inner) else solver_factory(inner)
        self._options = options
        self._seed = spawn_seed(seed, "inner")
        first = self._make_inner(low, 0, self._share())  # raises if an option is wrong
        self.repeats = first.repeats
        self._told_best: Best | None = None
        self._stage: _Stage | None = None
        self._proven: Best | None = None  # the best of earlier stages
        self._n_begun = 0
        self._begins_at = 0  # n_asked at the start of the stage
        self._asked: dict[int, _Asked] = {}  # by the id of a candidate in flight
        #: Rows that were asked, and their outcomes by hash of the row. With many columns neither
        #: is kept, because rows are then hardly ever equal.
        self._seen = seen_points(self.space, self.rng)
        self._outcomes: dict[int, Evaluation] = {}
        self._looks_back = self.space.n_columns <= MOST_TO_COMPARE

    @classmethod
    def accepts(cls, space: Space) -> bool:
        is_ordered = not (space.kinds == UNORDERED).any() and space.tree is None
        return space.size >= MIN_POINTS and bool(is_ordered)

    def _share(self) -> int:
        if self._stage_budget is not None:
            return self._stage_budget
        n = self.planned_budget
        return STAGE_WITHOUT_BUDGET if n is None else max(1, (n - self.n_asked) // self.n_stages)

    def _make_inner(self, space: Space, stage: int, budget: int) -> Solver:
        seed = spawn_seed(self._seed, "solver", stage)
        return self._factory(space, budget=budget, seed=seed, **self._options)

    # ------------------------------------------------------------- asking

    def _next(self) -> Candidate | None:
        while self._queue:
            candidate = self._candidate(self._queue.pop())
            passes = self.filter is None or self.filter(candidate)
            if passes and self._is_new(candidate):
                return candidate
        if self._is_over:
            self._begin()
        for _ in range(MAX_STAGES):
            assert self._stage is not None
            found = self._ask(self._stage)
            if found is not None or self._stage.inner.in_flight:
                return found
            self._begin()  # this stage has nothing new
        for _ in range(MAX_REPEATS):  # the embeddings have nothing new: sample uniformly
            candidate = self._candidate(self._box.row(self.rng.random(len(self._box.columns))))
            passes = self.filter is None or self.filter(candidate)
            if passes and self._is_new(candidate):
                return candidate
        return None

    def _ask(self, stage: "_Stage") -> Candidate | None:
        """Ask the inner solver until its point is new; None if it waits or is exhausted."""
        for _ in range(MAX_REPEATS):
            try:
                wanted = stage.inner.ask()
            except Exhausted:
                return None
            if wanted is None:
                return None
            candidate = self._candidate(stage.row(wanted.u), stage.move(wanted))
            if stage.inner.repeats or self._is_new(candidate):
                stage.note(wanted, candidate.id)
                self._asked[candidate.id] = _Asked(stage, wanted)
                return candidate
            outcome = self._outcomes.get(row_hash(candidate.u))
            stage.inner.tell(wanted, outcome or Evaluation(math.nan, LOST))
        return None

    def _candidate(self, row: Row, move: tuple[int, ...] | None = None) -> Candidate:
        row.flags.writeable = False
        return Candidate(self.n_asked, row, self.space, move)

    @property
    def _is_over(self) -> bool:
        if self._stage is None:
            return True
        n = self.n_asked - self._begins_at
        return n >= self._share() and self._n_begun < self.n_stages

    def _begin(self) -> None:
        """Start a stage around the best point so far."""
        self._proven = self.proven
        k, best = self._n_begun, self.recommend() or self._best
        told = self._told_best
        if best is None or (told is not None and told.value < best.value):
            best = told
        center = None if best is None else 2.0 * self._box.point(best.candidate.u) - 1.0
        if center is not None and not (np.abs(center) > 1e-9).any():
            center = None  # the middle, where the factor has no effect
        if k == 0:
            self._stage_budget = self._share()
        planned = self._share()
        if self.planned_budget is not None and k + 1 >= self.n_stages:
            planned = max(1, self.planned_budget - self.n_asked)
        inner = self._make_inner(self._low if center is None else self._low_with_center, k, planned)
        matrix = RandomMatrix(
            self._seed,
            k,
            len(self._box.columns),
            self._low.n_columns,
            self._scale * self._shrinkage**k,
        )
        self._stage = _Stage(inner, matrix, self._box, center, self.space)
        self._begins_at = self.n_asked
        self._n_begun = k + 1
        self._inners.clear()
        self._adopt(inner)

    def _filter_for(self, inner: Solver) -> Callable[[Candidate], Any] | None:
        passes = super()._filter_for(inner)
        return None if passes is None or self._stage is None else _Through(self._stage, passes)

    def _is_new(self, candidate: Candidate) -> bool:
        """Mark a row as seen; return whether it was not seen before."""
        return not self._looks_back or self._seen.mark(candidate.u)

    # ------------------------------------------------------------- telling

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if self._looks_back:
            self._outcomes[row_hash(candidate.u)] = evaluation
        asked = self._asked.pop(candidate.id, None)
        if asked is not None:
            asked.stage.inner.tell(asked.wanted, evaluation)

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Keep the best foreign point, as a center for the next stage."""
        if evaluation.status != OK or evaluation.violation > 0.0:
            return
        if self._told_best is None or evaluation.value < self._told_best.value:
            self._told_best = Best(candidate, evaluation)

    # ------------------------------------------------------------- results

    @property
    def proven(self) -> Best | None:
        """The best point; if the inner solver evaluates points repeatedly, the best proven one."""
        if not self.repeats:
            return self.best
        if self._stage is None:
            return None
        here = self._stage.best_of(self._stage.inner.proven, self.space)
        return preferred(here, self._proven)

    def recommend(self) -> Best | None:
        """Return the point to use.

        Returns
        -------
        Best or None
            The best point; if the inner solver evaluates points repeatedly, its recommendation,
            unless that of an earlier stage is better by more than the sum of both standard errors.
        """
        if not self.repeats or self._stage is None:
            return self.best
        here = self._stage.best_of(self._stage.inner.recommend(), self.space)
        if here is not None and here.n_calls < 2:
            here = None
        return preferred(here, self._proven) or self.best


def check_ordered(space: Space, name: str) -> None:
    """Check that a space has neither unordered dimensions nor branches.

    Parameters
    ----------
    space : Space
    name : str
        Name of the solver, for the message.

    Raises
    ------
    ValueError
        If it has one of these. The message names the first dimension without an order.
    """
    unordered = np.flatnonzero(space.kinds == UNORDERED)
    if len(unordered):
        label = space.label_of_column(int(unordered[0]))
        raise ValueError(f"{name} needs ordered dimensions; {label} has no order")
    if space.tree is not None:
        raise ValueError(f"{name} needs a space without branches, got {space!r:.200}")


class _Stage:
    """An inner solver and the embedding of its points.

    Parameters
    ----------
    inner : Solver
    matrix : RandomMatrix
    box : UnitBox
    center : float64 array, shape (n,), or None
        In a box from -1 to 1. None stands for the middle; the inner solver then has no factor.
    space : Space
        The space of the embedded points.
    """

    def __init__(
        self, inner: Solver, matrix: "RandomMatrix", box: UnitBox, center: Row | None, space: Space
    ) -> None:
        self.inner = inner
        self.space = space
        self._matrix = matrix
        self._box = box
        self._center = center
        self._idents: dict[int, int] = {}  # by inner id, if the inner solver repeats points

    def row(self, u: Row) -> Row:
        """Return the embedded row of a row of the inner solver, by (1)."""
        y = np.asarray(self.inner.space.decode_array(u), np.float64)
        if self._center is None:
            return self._box.row_of_centered(self._matrix.times(y))
        return self._box.row_of_centered(self._matrix.times(y[1:], y[0] * self._center))

    def note(self, wanted: Candidate, ident: int) -> None:
        """Remember the id under which a point was asked, if the inner solver repeats points."""
        if self.inner.repeats:
            self._idents.setdefault(wanted.id, ident)

    def move(self, wanted: Candidate) -> tuple[int, ...] | None:
        """Return the move of a repeated point; None for others, which change in most columns."""
        if wanted.move is None or len(wanted.move) != 1 or wanted.move[0] not in self._idents:
            return None
        return (self._idents[wanted.move[0]],)

    def best_of(self, best: Best | None, space: Space) -> Best | None:
        """Return the embedded point of a best point of the inner solver."""
        if best is None:
            return None
        row = self.row(best.candidate.u)
        row.flags.writeable = False
        ident = self._idents.get(best.candidate.id, -1)
        return best._replace(candidate=Candidate(ident, row, space))


class _Asked(NamedTuple):
    """A candidate in flight: its stage, and the candidate of the inner solver."""

    stage: _Stage
    wanted: Candidate


class _Through:
    """Applies the filter of the whole space to candidates of an inner solver."""

    def __init__(self, stage: _Stage, passes: Callable[[Candidate], Any]) -> None:
        self._stage = stage
        self._passes = passes

    def __call__(self, candidate: Candidate) -> Any:
        row = self._stage.row(candidate.u)
        row.flags.writeable = False
        return self._passes(Candidate(candidate.id, row, self._stage.space))


class RandomMatrix:
    """A random matrix with normal entries, drawn from its seed again after unpickling.

    Parameters
    ----------
    seed : SeedSequence
    stage : int
    n, d : int
        Numbers of rows and columns.
    scale : float
        Standard deviation of the entries.
    """

    def __init__(self, seed: Any, stage: int, n: int, d: int, scale: float) -> None:
        self._seed, self._stage, self._n, self._d, self._scale = seed, stage, n, d, scale
        self._blocks: list[tuple[slice, Entries]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_blocks": None}

    def _drawn(self) -> list[tuple[slice, Entries]]:
        if self._blocks is None:
            rng = spawn_generator(self._seed, "inner", self._stage)
            kind: Any = np.float32 if self._n * self._d >= SINGLE_FROM else np.float64
            self._blocks = []
            for block in blocks(self._n):
                entries = rng.standard_normal((self._d, block.stop - block.start), dtype=kind)
                entries *= self._scale  # (2)
                self._blocks.append((block, entries))
        return self._blocks

    def times(self, y: Row, start: Row | None = None) -> Row:
        """Return the product with a vector.

        Parameters
        ----------
        y : float array, shape (d,)
        start : float64 array, shape (n,), optional
            Array to which the product is added in place.

        Returns
        -------
        float64 array, shape (n,)
        """
        total = np.empty(self._n) if start is None else start
        for block, entries in self._drawn():
            product = y.astype(entries.dtype) @ entries
            total[block] = product if start is None else total[block] + product
        return total


register(RandomEmbedding.name, RandomEmbedding)
