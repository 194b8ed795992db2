"""An evolution strategy for very many variables: learns one direction and keeps no matrix.

Owns the sampling distribution, the points of the current generation, and the decision when to
search lines instead.
"""

import bisect
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt._native import UNORDERED
from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import LOST, OK, Evaluation, rank
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.seen import seen_points
from zoopt.core.solver import Proposal, Proposer, encode_start
from zoopt.core.space import Row, Space
from zoopt.core.unit_box import UnitBox
from zoopt.solvers.evolution.lines import Line, Lines

__all__ = ["R1ES"]

Step = npt.NDArray[np.float32]

#: Target of the success rule, and the rate at which it learns, in (4).
TARGET_GAIN, LEARNING_RATE = 0.25, 0.3
#: Limits of the step size.
MIN_SIGMA, MAX_SIGMA = 1e-12, 0.5
#: By default, the population has its smallest size, `MIN_SIZE`, while the step size is at most a
#: fortieth of the first one, and its largest while the step size is at least a quarter of it.
MIN_SIZE, LARGE_STEP = 6, 4.0
#: The default population size is limited so that at least this many generations fit into the
#: budget.
MIN_GENERATIONS = 60
#: Factor by which the step size must shrink before lines are searched again.
LINES_AGAIN = 0.25
#: Least number of points of the space.
MIN_POINTS = 1_000_000
#: With more columns than this, proposals are not compared with earlier ones.
MOST_TO_COMPARE = 10_000
#: After this many repeated proposals in a row, the solver looks elsewhere.
MAX_REPEATS = 100


class R1ES(Proposer):
    """Evolution strategy with one principal direction, for thousands of variables and more.

    Samples around a mean, moves the mean to the weighted mean of the better half of each
    generation, and stretches the distribution along the path of the means. The step size depends on
    how each generation ranks against the previous one. It adapts within about ten generations,
    whatever the number of variables. Variables without influence do not slow the search down.

    Parameters
    ----------
    space : Space, or anything that `Space` takes
        Without unordered dimensions, and of at least a million points; integers are rounded.
    budget, seed, x0
        See `zoopt.Solver`.
    mean : point or Candidate, optional
        Initial mean; by default the first point of x0, or else the middle. A mean given here is not
        itself evaluated.
    sigma : float, default 0.15
        Initial step size as a fraction of the width of each dimension, from 1e-12 to 0.5.
    population_size : int, optional
        Evaluations per generation, at least 4. Larger populations find better valleys of rugged
        functions, but take longer. By default it shrinks with the step size: from ``4 + 3 log(n)``
        for n variables, and at most a sixtieth of the budget, down to 6.
    line_search_below : float, default 0.15
        Fraction of the initial step size below which the solver searches random lines through the
        best point, as long as most of them improve on it and their steps get smaller. 0 turns the
        line search off.

    Raises
    ------
    ValueError
        If the space has unordered dimensions or fewer than a million points.

    Notes
    -----
    With mean m, step size sigma, path p, weights w, a standard normal vector z and a standard
    normal number r, a generation is::

        x = m + sigma * (sqrt(1 - c_cov) * z + sqrt(c_cov) * r * p)         (1)
        m' = sum(w[i] * x[i])                                               (2)
        p' = (1 - c) * p + sqrt(c * (2 - c) * mu_eff) * (m' - m) / sigma    (3)
        s' = (1 - c_s) * s + c_s * (gain - target)                          (4)
        sigma' = sigma * exp(s')                                            (5)
        c_cov = 1 / (3 * sqrt(n) + 5),  c = 2 / (n + 7)                     (6)

    A generation consists of consecutive tells, no matter when the points were asked, so that no
    worker waits. Steps are stored in single precision, for half a generation.

    The line search is an evolution strategy with one parent and the one-fifth rule. It mirrors
    failed steps, and then tries the bottom of the parabola through the three values.

    References
    ----------
    (1) to (3) and (6): Z. Li, Q. Zhang, "A simple yet efficient evolution strategy for large-scale
    black-box optimization", IEEE Transactions on Evolutionary Computation 22, 2018 (R1-ES). (4) and
    (5), the population success rule: I. Loshchilov, "A computationally efficient limited memory
    CMA-ES for large scale optimization", GECCO 2014. The line search is not part of these papers.

    Examples
    --------
    >>> from zoopt import R1ES
    >>> solver = R1ES([(-1, 1)] * 2000, budget=1000, seed=0)
    >>> for _ in range(1000):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, float(((candidate.u[:5] - 0.2) ** 2).sum()))
    >>> solver.best.value < 0.001
    True
    """

    name = "r1es"

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        mean: Any = None,
        sigma: float = 0.15,
        population_size: int | None = None,
        line_search_below: float = 0.15,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        if not self.accepts(self.space):
            raise ValueError(
                f"{self.name} needs a space without unordered dimensions or branches, of at least "
                f"{MIN_POINTS:,} points"
            )
        number(sigma, "sigma", least=MIN_SIGMA, most=MAX_SIGMA)
        number(line_search_below, "line_search_below", least=0.0, finite=True)
        self._is_fixed = population_size is not None
        self._box = UnitBox(self.space)
        n = len(self._box.columns)
        if population_size is None:
            population_size = max(MIN_SIZE, 4 + int(3.0 * math.log(max(1, n))))
            if self.planned_budget is not None:
                most = max(MIN_SIZE, self.planned_budget // MIN_GENERATIONS)
                population_size = min(population_size, most)
        self._max_size = whole(population_size, "population_size", least=4)
        self._resize(self._max_size)
        self._c_cov = 1.0 / (3.0 * math.sqrt(n) + 5.0)  # (6)
        self._c = 2.0 / (n + 7.0)  # (6)
        self._mean: Row = np.full(n, 0.5)
        if mean is not None or self._queue:
            row = self._queue[-1] if mean is None else encode_start(self.space, mean, 0)
            self._mean = self._box.point(row)
        self._sigma = self._first_sigma = float(sigma)
        self._path: Step = np.zeros(n, np.float32)
        self._success = 0.0
        self._drawn: dict[int, _Point] = {}  # points in flight, by id
        self._keys: list[tuple[float, float]] = []  # keys of the generation, in order of tell
        self._better: list[_Ranked] = []  # the better half of the generation, sorted
        self._before: list[tuple[float, float]] = []  # keys of the previous generation
        self._lines: Lines | None = None  # the current line search
        self._on_lines: dict[int, _OnLine] = {}  # points of lines in flight, by id
        self._lines_below = line_search_below * self._first_sigma
        self.uses_values = line_search_below > 0.0
        self._seen = seen_points(self.space, self.rng)
        self._looks_back = self.space.n_columns <= MOST_TO_COMPARE

    @classmethod
    def accepts(cls, space: Space) -> bool:
        is_ordered = not (space.kinds == UNORDERED).any() and space.tree is None
        return space.size >= MIN_POINTS and bool(is_ordered)

    def _resize(self, size: int) -> None:
        self.population_size = size
        mu = size // 2
        weights = math.log(mu + 0.5) - np.log(np.arange(1, mu + 1))
        self._weights: Row = weights / weights.sum()
        self._mu_eff = 1.0 / float(self._weights @ self._weights)

    def _size_for_step(self) -> int:
        """Return the default population size: large for large steps, which choose the valley."""
        share = 1.0 + math.log10(LARGE_STEP * self._sigma / self._first_sigma)
        span = self._max_size - MIN_SIZE
        return MIN_SIZE + round(span * min(1.0, max(0.0, share)))

    # ------------------------------------------------------------- proposals

    def _propose(self) -> Proposal | None:
        while self._queue:
            row = self._queue.pop()
            if self._is_new(row):
                return row, None
        on_line = self._next_on_lines() if self._sigma < self._lines_below else None
        if on_line is not None:
            return on_line, None
        for _ in range(MAX_REPEATS):
            point = self._draw()
            row = self._box.row(self._mean + point.spread * point.step)
            if self._is_new(row):
                self._drawn[self.n_asked] = point
                return row, None
        for _ in range(MAX_REPEATS):  # everything near the mean was asked before
            row = self._box.row(self.rng.random(len(self._mean)))
            if self._is_new(row):
                return row, None
        return None

    def _next_on_lines(self) -> Row | None:
        """Return a point of a line; None once the line search is over."""
        if self.best is None:
            return None
        if self._lines is None:
            self._lines = Lines(self._box, self._sigma)
        if self._lines.is_worth:
            line, t = self._lines.ask(self.best, self.rng)
            row = self._box.row(line.at(t))
            if self._is_new(row):
                self._on_lines[self.n_asked] = _OnLine(self._lines, line, t)
                return row
        # If most lines failed to improve, the distribution stays as it was before them.
        if self._lines.improves:
            self._mean = self._box.point(self.best.candidate.u)
            self._sigma = min(self._sigma, self._lines.sigma)
        self._lines, self._lines_below = None, LINES_AGAIN * self._sigma
        return None

    def _draw(self) -> "_Point":
        """Draw a point by (1); coordinates outside the box move to its border."""
        n = len(self._mean)
        step = self.rng.standard_normal(n, dtype=np.float32)
        step *= math.sqrt(1.0 - self._c_cov)
        step += self._path * np.float32(math.sqrt(self._c_cov) * self.rng.standard_normal())
        spread = self._box.spread(self._mean, self._sigma)
        np.maximum(step, (-self._mean / spread).astype(np.float32), out=step)
        np.minimum(step, ((1.0 - self._mean) / spread).astype(np.float32), out=step)
        return _Point(self._mean, spread, step)

    def _is_new(self, row: Row) -> bool:
        return not self._looks_back or self._seen.mark(row)

    # ------------------------------------------------------------- outcomes

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        asked = self._on_lines.pop(candidate.id, None)
        if asked is not None:
            is_feasible = evaluation.status == OK and not evaluation.violation > 0.0
            value = evaluation.value if is_feasible else math.inf
            asked.lines.tell(asked.line, asked.t, value)
        point = self._drawn.pop(candidate.id, None)
        if point is None or evaluation.status == LOST:
            return
        key = rank(evaluation, 0)  # failures rank equally
        self._keys.append(key)
        if len(self._better) < len(self._weights) or key < self._better[-1].key:
            ranked = _Ranked(key, candidate.id, point)
            bisect.insort(self._better, ranked, key=lambda each: each[:2])
            del self._better[len(self._weights) :]
        if len(self._keys) == self.population_size:
            self._move()
            self._before, self._keys, self._better = self._keys, [], []
            if not self._is_fixed:
                self._resize(self._size_for_step())

    def _move(self) -> None:
        """Move the mean, the path of the means and the step size by a generation."""
        shift, step = np.zeros_like(self._mean), np.zeros_like(self._path)
        for weight, (_, _, point) in zip(self._weights, self._better, strict=True):  # (2)
            if point.mean is not self._mean:
                shift += weight * (point.mean - self._mean)
            shift += (weight * point.spread) * point.step
            step += np.float32(weight) * point.step
        c = self._c
        self._path *= np.float32(1.0 - c)  # (3)
        self._path += np.float32(math.sqrt(c * (2.0 - c) * self._mu_eff)) * step
        self._mean = np.clip(self._mean + shift, 0.0, 1.0)
        if self._before:
            self._success += LEARNING_RATE * (self._gain() - TARGET_GAIN - self._success)  # (4)
            sigma = self._sigma * math.exp(self._success)  # (5)
            self._sigma = min(MAX_SIGMA, max(MIN_SIGMA, sigma))

    def _gain(self) -> float:
        """Return how much the generation outranks the previous one, from -1 to 1."""
        both = ((self._keys, 0), (self._before, 1))
        ranked = sorted((key, which) for keys, which in both for key in keys)
        means = [
            sum(i for i, (_, which) in enumerate(ranked) if which == k) / len(keys)
            for keys, k in both
        ]
        return 2.0 * (means[1] - means[0]) / len(ranked)

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if self._looks_back:
            self._is_new(candidate.u)
        if evaluation.status != OK or evaluation.violation > 0.0:
            return
        if self.best is None or evaluation.value < self.best.value:
            self._mean = self._box.point(candidate.u)
            self._drawn.clear()  # points in flight belong to the previous mean
            self._keys, self._better, self._before = [], [], []


class _Point:
    """A point as it was drawn: ``mean + spread * step`` in the unit box."""

    __slots__ = ("mean", "spread", "step")

    def __init__(self, mean: Row, spread: Any, step: Step) -> None:
        self.mean = mean
        self.spread = spread
        self.step = step


class _Ranked(NamedTuple):
    """A point of the generation; sorted by key, then id."""

    key: tuple[float, float]
    ident: int
    point: _Point


class _OnLine(NamedTuple):
    """A point of a line: ``line.at(t)``."""

    lines: Lines
    line: Line
    t: float


register(R1ES.name, R1ES)
