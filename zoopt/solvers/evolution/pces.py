"""An evolution strategy whose population grows while noise hides the progress.

Owns the sampling distribution, the generation under way, and the final evaluations of its mean.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

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
from zoopt.solvers.evolution.choices import Choices, Codes

__all__ = ["PCES"]

#: The step of the ordered columns, in units of their spread, and the codes of the unordered ones.
_Draw: TypeAlias = tuple[Row, Codes]


class PCES(Proposer):
    """Evolution strategy with population control, for noisy objectives.

    Samples a generation around a mean, moves the mean to the weighted mean of its better half, and
    adapts one step size to the path of the means. When the values of the better halves no longer
    fall, noise has the upper hand: the population grows then, and shrinks while they do. The mean,
    into which many noisy values went, is what is recommended; the last evaluations are spent on it.
    Of unordered dimensions it moves the probability of each value, and recommends the likeliest.

    Parameters
    ----------
    space : Space, or what `Space` takes
        Whole numbers and grids are rounded. An unordered dimension has at most 1,000 values.
    budget, seed, x0
        See `zoopt.Solver`.
    mean : point or Candidate, optional
        Where the distribution begins: by default at the first of x0, or else in the middle. It is
        not evaluated for that.
    sigma : float
        First step size, as a part of the width of each dimension, from 1e-12 to 0.5. Unless it
        begins in the middle, unordered dimensions have ``1 - 2 * sigma`` of the probability on the
        mean's values.

    Notes
    -----
    Strategy and step size: Hansen, Ostermeier, "Completely derandomized self-adaptation in
    evolution strategies", Evolutionary Computation 2001, with constants as in Hansen's tutorial
    (2016). Population control by a test of the trend: Hellwig, Beyer, "Evolution under strong
    noise", PPSN 2016. Unordered dimensions by population-based incremental learning (Baluja, 1994).
    A generation must be told before the next one is asked, so that more workers than
    ``4 + 3 log(d)`` wait for each other at first.

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
            raise ValueError(f"{self.name} needs unordered dimensions of at most 1,000 values")
        number(sigma, "sigma", least=LEAST_SIGMA, most=MOST_SIGMA)
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
        self._least_size = 4 + int(3 * math.log(max(1, self.space.n_columns)))
        self._size = float(self._least_size)
        self._trend: list[float] = []
        self._generation: dict[int, _Draw] = {}  # those in flight, by id
        self._told: list[tuple[tuple[float, float], int, _Draw, float]] = []
        self._last_values: list[float] = []  # of the last generation; none if one was not fine
        self._n_left = 0  # of the generation, to ask
        planned = self.planned_budget or 0
        self._n_final = 0 if planned < 20 else max(2, min(MOST_FINAL, planned // 20))
        self._final: RepeatedPoint | None = None  # the last mean
        self._finals: dict[int, RepeatedPoint] = {}  # its evaluations in flight, by id
        self._is_constrained = False  # as far as violations tell

    @classmethod
    def accepts(cls, space: Space) -> bool:
        return Choices.fits(space, np.flatnonzero(space.kinds == UNORDERED))

    @property
    def mean(self) -> Any:
        """The mean of the distribution, in user units; of unordered dimensions the likeliest."""
        return self.space.decode(self._mean_row())

    def _mean_row(self) -> Row:
        """Return the mean of the distribution as an encoded point."""
        return self._row(self._mean, self._choices.mode)

    def _start(self, row: Row, weight: float) -> None:
        """Have the distribution begin at a point."""
        self._mean = self._box.point(row)
        self._choices.lean(row, weight)

    @property
    def population_size(self) -> int:
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
            self._final = None  # it goes on past its end
            self._spread = self._box.spread(self._mean, self._sigma)
            size = int(self._size)
            self._n_left = size if n_to_end <= 0 else int(min(size, n_to_end))
        self._n_left -= 1
        point = self._mean + self._spread * self.rng.standard_normal(len(self._mean))
        point = np.clip(point, 0.0, 1.0)
        codes = self._choices.draw(self.rng)
        self._generation[self.n_asked] = (point - self._mean) / self._spread, codes
        return self._row(point, codes), None

    def _propose_final(self) -> Proposal | None:
        """Have the mean evaluated, once the last generation was told."""
        if self._final is None:
            if self._generation:
                return None
            mean = Candidate(-1 - self.n_foreign, self._mean_row(), self.space)
            self._final = RepeatedPoint(mean, self._n_final)
        candidate = self._final.repeat(self.n_asked)
        self._finals[candidate.id] = self._final
        return candidate.u, candidate.move

    def _row(self, point: Row, codes: Codes) -> Row:
        """Return the encoded point at a place of the unit box, with these values of choices."""
        row = self._box.row(point)
        if len(codes):
            row.flags.writeable = True
            row[self._choices.columns] += codes
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
            self._told.append((key, candidate.id, draw, evaluation.value))
        if not self._generation and self._n_left == 0:
            self._move()
            is_fine = all(key[0] == 0.0 for key, *_ in self._told)
            if not is_fine:
                self._last_values = []
            elif 2 * len(self._told) >= self._least_size:
                self._last_values = [told[3] for told in self._told]
            self._told = []

    def _discard(self, candidate: Candidate) -> None:
        if self._finals.pop(candidate.id, None) is not None:
            self._final, self._n_final = None, 0  # generations to the end, then
        elif self._generation.pop(candidate.id, None) is not None:
            self._n_left += 1

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if evaluation.status != OK or evaluation.violation > 0.0:
            return
        if self.best is None or evaluation.value < self.best.value:
            self._start(candidate.u, max(0.0, 1.0 - 2.0 * self._sigma))
            self._generation.clear()  # the rest of it says nothing of the new mean
            self._told, self._last_values, self._n_left, self._final = [], [], 0, None

    def _move(self) -> None:
        """Move mean and step size by the generation that was told, and judge the progress."""
        ranked = sorted(self._told, key=lambda told: told[:2])
        mu = len(ranked) // 2
        if mu == 0:
            return
        weights = math.log(len(ranked) / 2 + 0.5) - np.log(np.arange(1, mu + 1))
        weights /= weights.sum()
        mu_eff = 1.0 / float(weights @ weights)
        draws = [told[2] for told in ranked[:mu]]
        if len(self._box.columns):
            self._step(weights @ np.array([step for step, _ in draws]), mu_eff)
        if len(self._choices.columns):
            self._choices.move(np.array([codes for _, codes in draws]), weights, mu_eff)
        self._control([told[3] for told in ranked[:mu]])

    def _step(self, step: Row, mu_eff: float) -> None:
        """Move the mean by a step, and the step size by the path of those."""
        d = len(step)
        c = (mu_eff + 2) / (d + mu_eff + 5)
        damping = 1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (d + 1)) - 1) + c
        self._mean = np.clip(self._mean + self._spread * step, 0.0, 1.0)
        self._path = (1 - c) * self._path + math.sqrt(c * (2 - c) * mu_eff) * step
        expected = math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d))
        length = float(np.linalg.norm(self._path))
        self._sigma = min(MOST_SIGMA, self._sigma * math.exp(c / damping * (length / expected - 1)))
        self._sigma = max(self._sigma, LEAST_SIGMA)

    def _control(self, values: list[float]) -> None:
        """Let the population grow where no downward trend is significant, and shrink otherwise."""
        value = mean_of(values)
        if not math.isfinite(value):
            return
        self._trend = [*self._trend[1 - TREND :], value]
        if len(self._trend) < TREND:
            return
        time = np.arange(TREND) - (TREND - 1) / 2
        scale = max(max(map(abs, self._trend)), 1e-300)
        values_then = np.array(self._trend) / scale
        gaps = values_then - values_then.mean()
        slope = float(time @ gaps) / float(time @ time)
        rest = gaps - slope * time
        error = math.sqrt(float(rest @ rest) / (TREND - 2) / float(time @ time))
        if slope + DOUBT * error > 0.0:
            self._size *= GROWTH
        else:
            self._size = max(float(self._least_size), self._size * DECAY)
        most = max(self.planned_budget or 0, self.n_asked) / 10
        self._size = max(self._least_size, min(self._size, most))

    # ------------------------------------------------------------- what to use

    @property
    def proven(self) -> Best | None:
        """The mean, with that of all its final evaluations; None before they were told."""
        final, planned = self._final, self.planned_budget or 0
        if final is None or final.n_asked > final.n_told:
            return None
        n_told = final.n_told - final.n_lost
        is_over = n_told >= self._n_final or self.n_asked >= planned
        return final.proven if is_over else None

    def recommend(self) -> Best | None:
        """Return the mean, with the mean of its evaluations, or before those of the generation.

        The best instead, where evaluations of the mean, or of the generation, failed or were
        infeasible, where the filter rejects the mean, or where a constraint might.
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


#: Generations whose values show a trend.
TREND = 5
#: Factors of the population size, where none is significant and where one is.
GROWTH, DECAY = 1.1, 0.93
#: Standard errors by which a slope must be negative to be significant.
DOUBT = 0.8
#: Most evaluations of the final mean; a twentieth of the planned budget at most.
MOST_FINAL = 50
LEAST_SIGMA, MOST_SIGMA = 1e-12, 0.5

register(PCES.name, PCES)
