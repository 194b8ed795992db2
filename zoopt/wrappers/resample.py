"""Resample: evaluates each point of another solver several times, for noisy objectives.

Owns the repeated evaluations in flight. The inner solver sees one value per point, the mean.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.checks import whole
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import Best, Evaluation
from zoopt.core.registry import register, solver_factory
from zoopt.core.repeats import RepeatedPoint
from zoopt.core.seeds import Seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.wrappers.base import Wrapper

__all__ = ["Resample"]


class Resample(Wrapper):
    """Evaluates each point of another solver several times, and tells the solver the mean.

    The evaluations of a point may be in flight together. The best point is the one with the least
    mean, among the points with complete evaluations. It has a standard error and a number of calls.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`. The budget counts every evaluation. The last point is evaluated fewer
        times if the budget is not a multiple of ``times``.
    times : int, default 10
        Number of evaluations per point.
    inner : str or callable, default "sracos"
        Name of the inner solver, or a function that makes it.
    inner_options : dict, optional
        Options of the inner solver that have the same name as an option of `Resample`.
    **options
        Other options of the inner solver.

    Attributes
    ----------
    inner : Solver
    positives, negatives : list
        The sets of the inner solver, if it has any. Their values are means.

    Raises
    ------
    ValueError
        If ``times`` is less than 1, or the inner solver is unknown.
    TypeError
        If an option is unknown to the inner solver.

    Notes
    -----
    Failed evaluations are left out of the mean. If all of them fail, the inner solver is told the
    first failure.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import Resample
    >>> noise = np.random.default_rng(0)
    >>> solver = Resample([(-1, 1)], budget=200, seed=0, times=10)
    >>> for _ in range(200):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, candidate.x[0] ** 2 + noise.normal(0.0, 0.01))
    >>> solver.best.n_calls, solver.best.standard_error < 0.01
    (10, True)
    """

    name = "resample"
    repeats = True

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        times: int = 10,
        inner: str | Callable[..., Solver] = "sracos",
        inner_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.times = whole(times, "times", least=1)
        super().__init__(space, budget=budget, seed=seed)
        factory = inner if callable(inner) else solver_factory(inner)
        options |= inner_options or {}
        n_points = None if self.planned_budget is None else -(-self.planned_budget // self.times)
        self._inner = factory(self.space, budget=n_points, seed=seed, x0=x0, **options)
        self._adopt(self._inner)
        self.needs_constraint = self._inner.needs_constraint
        self._trusts_best = False
        self._asking: _Wanted | None = None
        self._asked: dict[int, _Wanted] = {}  # by the id of a candidate in flight
        self._first_of: dict[int, int] = {}  # ids of first evaluations, by inner id

    @property
    def inner(self) -> Solver:
        """The inner solver, which is told the means."""
        return self._inner

    @property
    def positives(self) -> Any:
        """The positive set of the inner solver; its values are means."""
        return getattr(self._inner, "positives", [])

    @property
    def negatives(self) -> Any:
        """The negative set of the inner solver; its values are means."""
        return getattr(self._inner, "negatives", [])

    # ------------------------------------------------------------- asking

    def _next(self) -> Candidate | None:
        asking = self._asking
        if asking is None:
            try:
                wanted = self._inner.ask()
            except Exhausted:
                wanted = None
            if wanted is None:
                return None
            first = self._first(wanted)
            asking = self._asking = _Wanted(wanted, RepeatedPoint(first, self._n_repeats()))
        point = asking.point
        candidate = point.repeat(self.n_asked)
        if point.n_left == 0:
            self._asking = None
        self._asked[candidate.id] = asking
        return candidate

    def _n_repeats(self) -> int:
        n_left = (self.planned_budget or 0) - self.n_asked
        return min(self.times, n_left) if n_left > 0 else self.times

    def _first(self, wanted: Candidate) -> Candidate:
        """Return the first candidate of a point, with the move of the inner candidate."""
        ident, move = self.n_asked, wanted.move
        self._first_of[wanted.id] = ident
        if move is not None:
            parent = self._first_of.get(move[0])
            move = None if parent is None else (parent, *move[1:])
        if wanted.bits is not None:
            return PackedCandidate(ident, wanted.bits, self.space, move, wanted.origin)
        return Candidate(ident, wanted.u, self.space, move, wanted.origin)

    # ------------------------------------------------------------- telling

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        wanted, point = self._asked.pop(candidate.id)
        point.add(evaluation)
        if not point.is_complete:
            return
        self._inner.tell(wanted, point.outcome)
        if point.best is not None:
            self._compete(point.best)

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._inner.tell_point(candidate, evaluation)
        if evaluation.ok:
            self._compete(Best(candidate, evaluation), trusted=True)

    def _compare(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Do nothing: only means compete."""

    def _compete(self, found: Best, trusted: bool = False) -> None:
        """Keep the point if it is the best; a point with too few calls ranks behind all others."""
        trusted |= 2 * found.n_calls >= self.times
        before = self._best
        if before is not None and trusted != self._trusts_best:
            if not trusted:
                return
            self._best = None
        super()._compare(found.candidate, found.evaluation)
        if self._best is not before:
            self._best = found
            self._trusts_best = trusted


class _Wanted(NamedTuple):
    """A candidate of the inner solver, and its evaluations."""

    candidate: Candidate
    point: RepeatedPoint


register(Resample.name, Resample)
