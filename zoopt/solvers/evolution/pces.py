"""An evolution strategy whose population grows while noise hides the progress.

Owns the sampling distribution, the generation under way, and the final evaluations of its mean.
Equations are numbered as in Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from zoopt._native import UNORDERED
from zoopt.core.candidate import Candidate
from zoopt.core.checks import number
from zoopt.core.evaluation import LOST, OK, Best, Evaluation, rank
from zoopt.core.means import mean as mean_of
from zoopt.core.means import standard_error
from zoopt.core.registry import register
from zoopt.core.repeats import RepeatedPoint
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposal, Proposer, encode_start
from zoopt.core.space import Row, Space
from zoopt.core.unit_box import UnitBox
from zoopt.solvers.evolution.choices import MAX_ENTRIES, MAX_VALUES, Choices, Codes

__all__ = ["PCES"]

#: Number of generations to which the trend is fitted.
TREND = 5
#: A downward trend is significant if the slope is below 0 by at least this many standard errors.
SIGNIFICANCE = 0.8
#: Factors of the population size without and with a significant downward trend.
GROWTH, DECAY = 1.1, 0.93
#: The population size is limited so that at least this many generations fit into the budget.
MIN_GENERATIONS = 10
#: The last evaluations of the budget, one in `FINAL_ONE_IN`, are spent on the mean: at least
#: `MIN_FINAL` and at most `MAX_FINAL` of them.
FINAL_ONE_IN, MIN_FINAL, MAX_FINAL = 20, 2, 50
#: Limits of the step size.
MIN_SIGMA, MAX_SIGMA = 1e-12, 0.5


class _Draw(NamedTuple):
    """How a point was drawn: its step in units of the spread, and codes of unordered columns."""

    step: Row
    codes: Codes


class _Told(NamedTuple):
    """A point of the generation with its outcome; sorted by key, then id."""

    key: tuple[float, float]
    ident: int
    draw: _Draw
    value: float


class PCES(Proposer):
    """Evolution strategy with population control, for noisy objectives.

    Samples a generation around a mean, moves the mean to the weighted mean of the better half, and
    adapts one step size to the path of the means. The population grows while noise hides the
    progress, that is, while the values of the better halves show no downward trend. Otherwise it
    shrinks.
    The last evaluations of the budget are spent on the mean, which is recommended: it averages out
    the noise of many values. For unordered dimensions, the solver learns the probability of each
    value and recommends the most probable one.

    Parameters
    ----------
    space : Space, or anything that `Space` takes
        Integers and grids are rounded. An unordered dimension may have at most 1,000 values. The
        number of unordered dimensions, times the largest number of values, may be at most two
        million.
    budget, seed, x0
        See `zoopt.Solver`.
    mean : point or Candidate, optional
        Initial mean; by default the first point of x0, or else the middle. It is not evaluated.
    sigma : float, default 0.15
        Initial step size as a fraction of the width of each dimension, from 1e-12 to 0.5. Unless
        the mean is the middle, the values of the mean in unordered dimensions start with
        ``1 - 2 * sigma`` of the probability.

    Raises
    ------
    ValueError
        If the space has too many unordered values, or an option is out of range.

    Notes
    -----
    All points of a generation must be reported before the next generation is proposed. At first, a
    generation has about ``4 + 3 log(d)`` points for d dimensions, and any further workers are idle.

    References
    ----------
    Strategy and step size: N. Hansen, A. Ostermeier, "Completely derandomized self-adaptation in
    evolution strategies", Evolutionary Computation 9, 2001; constants as in Hansen's tutorial,
    arXiv 1604.00772. Population control by a test of the trend: M. Hellwig, H.-G. Beyer, "Evolution
    under strong noise: a self-adaptive evolution strategy can reach the lower performance bound -
    the pcCMSA-ES", PPSN 2016. Unordered dimensions: S. Baluja, "Population-based incremental
    learning", CMU-CS-94-163, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import PCES
    >>> noise = np.random.default_rng(0)
    >>> solver = PCES([(-1, 1)] * 5, budget=1000, seed=0)
    >>> for _ in range(1000):
    ...     candidate = solver.ask()
    ...     value = float(((candidate.u - 0.2) ** 2).sum()) + noise.normal(0.0, 0.1)
    ...     solver.tell(candidate, value)
    >>> bool(((solver.recommend().candidate.u - 0.2) ** 2).sum() < 0.02)
    True
    """

    name = "pces"
    repeats = True

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        mean: Any = None,
        sigma: float = 0.15,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        if not self.accepts(self.space):
            raise ValueError(
                f"{self.name} needs unordered dimensions of at most {MAX_VALUES:,} values; their "
                f"number times the largest number of values must be at most {MAX_ENTRIES:,}"
            )
        number(sigma, "sigma", least=MIN_SIGMA, most=MAX_SIGMA)
        self._box = UnitBox(self.space)
        self._choices = Choices(self.space, np.flatnonzero(self.space.kinds == UNORDERED))
        n = len(self._box.columns)
        self._mean: Row = np.full(n, 0.5)
        if mean is not None or self._queue:
            row = self._queue[-1] if mean is None else encode_start(self.space, mean, 0)
            self._start(row, max(0.0, 1.0 - 2.0 * sigma))
        self._sigma = float(sigma)
        self._spread: Any = self._sigma
        self._path: Row = np.zeros(n)
        self._min_size = 4 + int(3 * math.log(max(1, self.space.n_columns)))  # (48)
        self._size = float(self._min_size)
        self._trend: list[float] = []
        self._generation: dict[int, _Draw] = {}  # draws in flight, by id
        self._told: list[_Told] = []
        self._last_values: list[float] = []  # of the last generation; empty if not all feasible
        self._n_left = 0  # points of the generation to ask
        planned = self.planned_budget or 0
        n_final = planned // FINAL_ONE_IN
        self._n_final = max(MIN_FINAL, min(MAX_FINAL, n_final)) if n_final else 0
        self._final: RepeatedPoint | None = None  # the last mean
        self._finals: dict[int, RepeatedPoint] = {}  # evaluations of means in flight, by id
        self._is_constrained = False  # whether a violation was reported

    @classmethod
    def accepts(cls, space: Space) -> bool:
        return Choices.fits(space, np.flatnonzero(space.kinds == UNORDERED))

    @property
    def mean(self) -> Any:
        """The mean of the distribution, in user units, with the most probable unordered values."""
        return self.space.decode(self._mean_row())

    def _mean_row(self) -> Row:
        """Return the mean of the distribution as an encoded point."""
        return self._row(self._mean, self._choices.mode)

    def _start(self, row: Row, weight: float) -> None:
        """Center the distribution on a row, whose unordered values get the given weight."""
        active = self.space.active(row[None])[0, self._box.columns]
        self._mean = np.where(active, self._box.point(row), 0.5)
        self._choices.lean(row, weight)

    @property
    def population_size(self) -> int:
        """Number of evaluations of the next generation."""
        return int(self._size)

    # ------------------------------------------------------------- proposals

    def _propose(self) -> Proposal | None:
        if self._queue:
            row = self._queue.pop()
            self._queue = [other for other in self._queue if not np.array_equal(other, row)]
            return row, None
        planned = self.planned_budget
        n_to_end = math.inf if planned is None else planned - self._n_final - self.n_asked
        if planned is not None and n_to_end <= 0 < planned - self.n_asked:
            return self._propose_final()
        if self._n_left == 0:
            if self._generation:
                return None
            self._final = None  # asked beyond the planned end
            self._spread = self._box.spread(self._mean, self._sigma)
            size = int(self._size)
            self._n_left = size if n_to_end <= 0 else int(min(size, n_to_end))
        self._n_left -= 1
        point = self._mean + self._spread * self.rng.standard_normal(len(self._mean))
        point = np.clip(point, 0.0, 1.0)
        codes = self._choices.draw(self.rng)
        self._generation[self.n_asked] = _Draw((point - self._mean) / self._spread, codes)
        return self._row(point, codes), None

    def _propose_final(self) -> Proposal | None:
        """Propose the mean; None until the last generation was told."""
        if self._final is None:
            if self._generation:
                return None
            mean = Candidate(-1 - self.n_foreign, self._mean_row(), self.space)
            self._final = RepeatedPoint(mean, self._n_final)
        candidate = self._final.repeat(self.n_asked)
        self._finals[candidate.id] = self._final
        return candidate.u, candidate.move

    def _row(self, point: Row, codes: Codes) -> Row:
        """Return the row of a point of the unit box, with codes in the unordered columns."""
        row = self._box.row(point)
        if len(codes):
            row.flags.writeable = True
            row[self._choices.columns] += codes
            self.space.settle(row)
            row.flags.writeable = False
        return row

    # ------------------------------------------------------------- outcomes

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._is_constrained |= evaluation.status == OK and evaluation.violation != 0.0
        final = self._finals.pop(candidate.id, None)
        if final is not None:
            final.add(evaluation)
            return
        draw = self._generation.pop(candidate.id, None)
        if draw is None:
            return
        if evaluation.status != LOST:
            key = rank(evaluation, self.n_told)
            self._told.append(_Told(key, candidate.id, draw, evaluation.value))
        if not self._generation and self._n_left == 0:
            self._move()
            all_feasible = all(told.key[0] == 0.0 for told in self._told)
            if not all_feasible:
                self._last_values = []
            elif 2 * len(self._told) >= self._min_size:
                self._last_values = [told.value for told in self._told]
            self._told = []

    def _discard(self, candidate: Candidate) -> None:
        if self._finals.pop(candidate.id, None) is not None:
            self._final, self._n_final = None, 0  # the filter rejects the mean
        elif self._generation.pop(candidate.id, None) is not None:
            self._n_left += 1

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if evaluation.status != OK or evaluation.violation > 0.0:
            return
        if self.best is None or evaluation.value < self.best.value:
            self._start(candidate.u, max(0.0, 1.0 - 2.0 * self._sigma))
            self._generation.clear()  # points in flight belong to the previous mean
            self._told, self._last_values, self._n_left, self._final = [], [], 0, None

    def _move(self) -> None:
        """Move the distribution by the generation that was told, and control the population."""
        ranked = sorted(self._told, key=lambda told: (told.key, told.ident))
        mu = len(ranked) // 2
        if mu == 0:
            return
        weights = math.log(len(ranked) / 2 + 0.5) - np.log(np.arange(1, mu + 1))  # (49)
        weights /= weights.sum()  # (53)
        mu_eff = 1.0 / float(weights @ weights)  # (8)
        better = ranked[:mu]
        if len(self._box.columns):
            y_w = weights @ np.array([told.draw.step for told in better])  # (41)
            self._step(y_w, mu_eff)
        if len(self._choices.columns):
            self._choices.move(np.array([told.draw.codes for told in better]), weights, mu_eff)
        self._control([told.value for told in better])

    def _step(self, y_w: Row, mu_eff: float) -> None:
        """Move the mean by the weighted step, and adapt the step size to the path of the means."""
        d = len(y_w)
        c_sigma = (mu_eff + 2) / (d + mu_eff + 5)  # (55)
        d_sigma = 1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (d + 1)) - 1) + c_sigma  # (55)
        self._mean = np.clip(self._mean + self._spread * y_w, 0.0, 1.0)  # (42)
        self._path = (1 - c_sigma) * self._path  # (43), the covariance is the identity
        self._path += math.sqrt(c_sigma * (2 - c_sigma) * mu_eff) * y_w
        chi_d = math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d))  # E||N(0, I)||, p. 28
        length = float(np.linalg.norm(self._path))
        sigma = self._sigma * math.exp(c_sigma / d_sigma * (length / chi_d - 1))  # (44)
        self._sigma = max(min(MAX_SIGMA, sigma), MIN_SIGMA)

    def _control(self, values: list[float]) -> None:
        """Grow the population where no downward trend is significant; shrink it otherwise.

        The test is that of Hellwig and Beyer: least squares ``value = a + slope * time`` over the
        last generations, with the standard error of the slope from the residuals.
        """
        value = mean_of(values)
        if not math.isfinite(value):
            return
        self._trend = [*self._trend[1 - TREND :], value]
        if len(self._trend) < TREND:
            return
        time = np.arange(TREND) - (TREND - 1) / 2
        scaled = np.array(self._trend) / max(max(map(abs, self._trend)), 1e-300)
        gaps = scaled - scaled.mean()
        variation = float(time @ time)
        slope = float(time @ gaps) / variation
        residuals = gaps - slope * time
        error = math.sqrt(float(residuals @ residuals) / (TREND - 2) / variation)
        self._size *= GROWTH if slope + SIGNIFICANCE * error > 0.0 else DECAY
        most = max(self.planned_budget or 0, self.n_asked) / MIN_GENERATIONS
        self._size = max(self._min_size, min(self._size, most))

    # ------------------------------------------------------------- results

    @property
    def proven(self) -> Best | None:
        """The mean point, with the mean of its final evaluations; None until all are reported."""
        final, planned = self._final, self.planned_budget or 0
        if final is None or final.n_asked > final.n_told:
            return None
        n_told = final.n_told - final.n_lost
        is_over = n_told >= self._n_final or self.n_asked >= planned
        return final.proven if is_over else None

    def recommend(self) -> Best | None:
        """Return the mean of the distribution.

        Returns
        -------
        Best or None
            The mean point, with the mean value of its evaluations or, before there are two, of the
            last generation. The best point is returned instead if some of these evaluations failed
            or were infeasible, if the filter rejects the mean, or if the problem has constraints.
        """
        final = self._final
        n_told = 0 if final is None else final.n_told - final.n_lost
        if final is None or n_told == 0:
            return self._mean_of_generation() or self.best
        if n_told == len(final.values) == 1 and final.violation == 0.0:
            return self._mean_of_generation() or self.best
        return final.proven or self.best

    def _mean_of_generation(self) -> Best | None:
        values = self._last_values
        if not values or self._is_constrained:
            return None
        center = Candidate(-1 - self.n_foreign, self._mean_row(), self.space)
        if self.filter is not None and not self.filter(center):
            return None
        return Best(center, Evaluation(mean_of(values)), standard_error(values), len(values))


register(PCES.name, PCES)
