"""Lines through the best point in random directions: how a strategy ends in its valley.

Owns the lines in flight, their step size, and how often they improved of late.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt.core.evaluation import Best
from zoopt.core.space import Row
from zoopt.core.unit_box import UnitBox

__all__ = ["Line", "Lines"]


class Line(NamedTuple):
    """A base, a direction, and the values at multiples of it; 0 is the base."""

    base: Row
    step: npt.NDArray[np.float32]
    values: dict[float, float]

    def at(self, t: float) -> Row:
        return np.clip(self.base + np.float32(t) * self.step, 0.0, 1.0)

    def bottom(self) -> float | None:
        """Return where the parabola through three values has its least one, if elsewhere."""
        here, ahead, behind = (self.values[t] for t in (0.0, 1.0, -1.0))
        bend = ahead + behind - 2.0 * here
        return (behind - ahead) / (2.0 * bend) or None if 0.0 < bend < math.inf else None


class Lines:
    """Searches one random line after another, by three evaluations at most.

    A line has a step ahead, if that is not better one back, and if neither is, the bottom of the
    parabola through the three. The step size grows when a step is better, and shrinks when it is
    not, so that one in five is.

    Parameters
    ----------
    box : UnitBox
    sigma : float
        First step size.
    """

    def __init__(self, box: UnitBox, sigma: float) -> None:
        self.sigma = sigma
        self._box = box
        self._begun: list[tuple[Line, float]] = []  # where lines go on
        self._gain = 1.0
        self._halved, self._n_since = sigma, 0  # step size, when it was halved last; lines since

    @property
    def is_worth(self) -> bool:
        """Whether most lines improve and steps get smaller: whether this converges.

        Where noise or rugged ground hides the slope lines do not improve. In a long bent valley,
        or where very many variables matter, they do, by ever the same small steps.
        """
        return self.improves and self._n_since < PATIENCE

    @property
    def improves(self) -> bool:
        """Whether most lines do."""
        return self._gain > LEAST_GAIN

    def ask(self, best: Best, rng: np.random.Generator) -> tuple[Line, float]:
        """Return a line through the best point, and which multiple of its step to evaluate."""
        while self._begun:
            line, t = self._begun.pop()
            if line.values[0.0] <= best.value:
                return line, t
        base = self._box.point(best.candidate.u)
        step = rng.standard_normal(len(base), dtype=np.float32)
        step *= self._box.spread(base, self.sigma)
        return Line(base, step, {0.0: best.value}), 1.0

    def tell(self, line: Line, t: float, value: float) -> None:
        """Learn a value; what failed is inf."""
        line.values[t] = value
        if value < line.values[0.0]:
            is_step = abs(t) == 1.0
            self._end(True, GROWTH if is_step else SHRINKAGE)
        elif t == 1.0:
            self._begun.append((line, -1.0))
        else:
            bottom = line.bottom() if t == -1.0 else None
            if bottom is None:
                self._end(False, SHRINKAGE)
            else:
                self._begun.append((line, bottom))

    def _end(self, is_better: bool, factor: float) -> None:
        self._gain += GAIN_RATE * (is_better - self._gain)
        self.sigma = max(LEAST_SIGMA, self.sigma * factor)
        self._n_since += 1
        if self.sigma <= 0.5 * self._halved:
            self._halved, self._n_since = self.sigma, 0


#: Of the step size, by the one-fifth rule.
GROWTH = 1.5
SHRINKAGE = GROWTH**-0.25
LEAST_SIGMA = 1e-16
#: How fast the share of lines that improve is learned, and where they are given up.
GAIN_RATE, LEAST_GAIN = 0.3, 0.4
#: Most lines in which the step size must be halved.
PATIENCE = 40
