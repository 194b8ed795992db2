"""An evolution strategy for very many variables: one direction learned, no matrix kept.

Owns the sampling distribution, the points of the generation that is being told, and when lines
are searched instead.
"""

import bisect
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt._native import UNORDERED, row_hash
from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import LOST, OK, Evaluation, rank
from zoopt.core.registry import register
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposal, Proposer, encode_start
from zoopt.core.space import Row, Space
from zoopt.core.unit_box import UnitBox
from zoopt.solvers.evolution.lines import Line, Lines

__all__ = ["R1ES"]

Step = npt.NDArray[np.float32]


class R1ES(Proposer):
    """Evolution strategy with one principal direction, for thousands of variables and more.

    Samples around a mean, moves the mean to the weighted mean of the better half of each
    generation, and stretches the distribution along the path of the means. The step size follows
    the ranks of a generation among those of the one before, so that it adapts in some ten
    generations whatever the number of variables, and variables that do not matter cost nothing.

    Parameters
    ----------
    space : Space, or what `Space` takes
        Without unordered dimensions, and of a million points at least; whole numbers are rounded.
    budget, seed, x0
        See `zoopt.Solver`.
    mean : point or Candidate, optional
        Where the distribution begins: by default at the first of x0, or else in the middle. It is
        not evaluated for that.
    sigma : float
        First step size, as a part of the width of each dimension, from 1e-12 to 0.5.
    population_size : int, optional
        Evaluations a generation, 4 at least. More find better valleys of rugged functions, slower.
        By default it follows the step size, from ``4 + 3 log(n)`` for n variables (a sixtieth of
        the budget at most), while that is above a quarter of the first, to 6 below a fortieth.
    line_search_below : float
        Part of the first step size below which random lines through the best point are searched,
        while most of them improve on it and steps get smaller. 0 for never.

    Notes
    -----
    Source: Li, Zhang, "A simple yet efficient evolution strategy for large-scale black-box
    optimization", IEEE Transactions on Evolutionary Computation 2018, R1-ES, with the success rule
    on ranks of Loshchilov, "A computationally efficient limited memory CMA-ES for large scale
    optimization", GECCO 2014. A generation is what was told in a row, whenever it was asked, so
    that nothing waits. A step costs some ten numbers a variable; steps are kept in single
    precision, half a generation of them. The search of lines is no part of those papers: it is an
    evolution strategy of one parent with the one-fifth rule, whose failed steps are mirrored, and
    then followed to the bottom of a parabola.

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
                f"{self.name} needs a space without unordered dimensions, of at least "
                f"{LEAST_POINTS:,} points"
            )
        number(sigma, "sigma", least=LEAST_SIGMA, most=MOST_SIGMA)
        number(line_search_below, "line_search_below", least=0.0, finite=True)
        self._is_fixed = population_size is not None
        self._box = UnitBox(self.space)
        n = len(self._box.columns)
        if population_size is None:
            population_size = max(LEAST_SIZE, 4 + int(3.0 * math.log(max(1, n))))
            if self.planned_budget is not None:
                most = max(LEAST_SIZE, self.planned_budget // LEAST_GENERATIONS)
                population_size = min(population_size, most)
        self._most_size = whole(population_size, "population_size", least=4)
        self._resize(self._most_size)
        self._rate = 1.0 / (3.0 * math.sqrt(n) + 5.0)
        self._path_rate = 2.0 / (n + 7.0)
        self._mean: Row = np.full(n, 0.5)
        if mean is not None or self._queue:
            row = self._queue[-1] if mean is None else encode_start(self.space, mean, 0)
            self._mean = self._box.point(row)
        self._sigma = self._first_sigma = float(sigma)
        self._path: Step = np.zeros(n, np.float32)
        self._success = 0.0
        self._drawn: dict[int, _Point] = {}  # those in flight, by id
        self._keys: list[tuple[float, float]] = []  # of the generation, in order of tell
        self._better: list[tuple[tuple[float, float], int, _Point]] = []  # its best, sorted
        self._before: list[tuple[float, float]] = []  # keys of the generation before
        self._lines: Lines | None = None  # that are searched now
        self._on_lines: dict[int, tuple[Lines, Line, float]] = {}  # in flight, by id
        self._lines_below = line_search_below * self._first_sigma
        self._seen: set[int] = set()
        self._looks_back = self.space.n_columns <= MOST_TO_COMPARE

    @classmethod
    def accepts(cls, space: Space) -> bool:
        return space.size >= LEAST_POINTS and not bool((space.kinds == UNORDERED).any())

    def _resize(self, size: int) -> None:
        self.population_size = size
        mu = size // 2
        weights = math.log(mu + 0.5) - np.log(np.arange(1, mu + 1))
        self._weights: Row = weights / weights.sum()
        self._mu_eff = 1.0 / float(self._weights @ self._weights)

    def _size_for_step(self) -> int:
        """Return a large size for large steps, which choose the valley, and a small one later."""
        share = 1.0 + math.log10(KNEE * self._sigma / self._first_sigma)
        span = self._most_size - LEAST_SIZE
        return LEAST_SIZE + round(span * min(1.0, max(0.0, share)))

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
        for _ in range(MAX_REPEATS):  # all around the mean was asked
            row = self._box.row(self.rng.random(len(self._mean)))
            if self._is_new(row):
                return row, None
        return None

    def _next_on_lines(self) -> Row | None:
        """Return a point of a line, or None where lines are of no more use."""
        if self.best is None:
            return None
        if self._lines is None:
            self._lines = Lines(self._box, self._sigma)
        if self._lines.is_worth:
            line, t = self._lines.ask(self.best, self.rng)
            row = self._box.row(line.at(t))
            if self._is_new(row):
                self._on_lines[self.n_asked] = self._lines, line, t
                return row
        # Where lines did not improve, the distribution is as it was when they were begun.
        if self._lines.improves:
            self._mean = self._box.point(self.best.candidate.u)
            self._sigma = min(self._sigma, self._lines.sigma)
        self._lines, self._lines_below = None, AGAIN * self._sigma
        return None

    def _draw(self) -> "_Point":
        n = len(self._mean)
        step = self.rng.standard_normal(n, dtype=np.float32)
        step *= math.sqrt(1.0 - self._rate)
        step += self._path * np.float32(math.sqrt(self._rate) * self.rng.standard_normal())
        spread = self._box.spread(self._mean, self._sigma)
        # What leaves the box is drawn to its border.
        np.maximum(step, (-self._mean / spread).astype(np.float32), out=step)
        np.minimum(step, ((1.0 - self._mean) / spread).astype(np.float32), out=step)
        return _Point(self._mean, spread, step)

    def _is_new(self, row: Row) -> bool:
        if not self._looks_back:
            return True
        n = len(self._seen)
        self._seen.add(row_hash(row))
        return len(self._seen) > n

    # ------------------------------------------------------------- outcomes

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        on_line = self._on_lines.pop(candidate.id, None)
        if on_line is not None:
            lines, line, t = on_line
            is_valid = evaluation.status == OK and not evaluation.violation > 0.0
            lines.tell(line, t, evaluation.value if is_valid else math.inf)
        point = self._drawn.pop(candidate.id, None)
        if point is None or evaluation.status == LOST:
            return
        key = rank(evaluation, 0)  # what failed is equal to what failed before
        self._keys.append(key)
        if len(self._better) < len(self._weights) or key < self._better[-1][0]:
            bisect.insort(self._better, (key, candidate.id, point), key=lambda each: each[:2])
            del self._better[len(self._weights) :]
        if len(self._keys) == self.population_size:
            self._move()
            self._before, self._keys, self._better = self._keys, [], []
            if not self._is_fixed:
                self._resize(self._size_for_step())

    def _move(self) -> None:
        """Move the mean, the path of the means and the step size by a generation."""
        shift, step = np.zeros_like(self._mean), np.zeros_like(self._path)
        for weight, (_, _, point) in zip(self._weights, self._better, strict=True):
            if point.mean is not self._mean:
                shift += weight * (point.mean - self._mean)
            shift += (weight * point.spread) * point.step
            step += np.float32(weight) * point.step
        c = self._path_rate
        self._path *= np.float32(1.0 - c)
        self._path += np.float32(math.sqrt(c * (2.0 - c) * self._mu_eff)) * step
        self._mean = np.clip(self._mean + shift, 0.0, 1.0)
        if self._before:
            self._success += SUCCESS_RATE * (self._gain() - TARGET - self._success)
            sigma = self._sigma * math.exp(self._success)
            self._sigma = min(MOST_SIGMA, max(LEAST_SIGMA, sigma))

    def _gain(self) -> float:
        """Return by how much these rank before those of the generation before, from -1 to 1."""
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
            self._drawn.clear()  # what was drawn elsewhere says nothing of it
            self._keys, self._better, self._before = [], [], []


class _Point:
    """How a point was drawn: it is ``mean + spread * step`` in the unit box."""

    __slots__ = ("mean", "spread", "step")

    def __init__(self, mean: Row, spread: Any, step: Step) -> None:
        self.mean = mean
        self.spread = spread
        self.step = step


#: By how much a generation should rank before the last; how fast the step size learns of it.
TARGET, SUCCESS_RATE = 0.25, 0.3
LEAST_SIGMA, MOST_SIGMA = 1e-12, 0.5
#: Least size of a population that follows the step size, which begins where that is a quarter.
LEAST_SIZE, KNEE = 6, 4.0
#: By how much the step size must have shrunk before lines are searched again.
AGAIN = 0.25
#: How many of the largest size the planned budget should hold.
LEAST_GENERATIONS = 60
#: Least points of the space; most columns of spaces whose rows are compared.
LEAST_POINTS, MOST_TO_COMPARE = 1_000_000, 10_000
#: How many proposals in a row may have been asked before.
MAX_REPEATS = 100

register(R1ES.name, R1ES)
