"""A search along random lines through the best point: the last phase of an evolution strategy.

Owns the unfinished lines, their step size, and the recent share of lines that improved.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt.core.evaluation import Best
from zoopt.core.space import Row
from zoopt.core.unit_box import UnitBox

__all__ = ["Line", "Lines"]

#: Factors of the step size by the one-fifth rule: one success makes up for four failures.
GROWTH = 1.5
SHRINKAGE = GROWTH**-0.25
MIN_SIGMA = 1e-16
#: Rate at which the share of improving lines is learned, and the share below which the line search
#: ends.
GAIN_RATE, MIN_GAIN = 0.3, 0.4
#: The line search ends if the step size is not halved within this many lines.
PATIENCE = 40


class Line(NamedTuple):
    """A base point, a step, and the values at multiples t of the step; t = 0 is the base.

    Attributes
    ----------
    base : float64 array
        In the unit box.
    step : float32 array
    values : dict
        The known values, by t.
    """

    base: Row
    step: npt.NDArray[np.float32]
    values: dict[float, float]

    def at(self, t: float) -> Row:
        """Return the point at a multiple of the step, clipped to the unit box."""
        return np.clip(self.base + np.float32(t) * self.step, 0.0, 1.0)

    def bottom(self) -> float | None:
        """Return where the parabola through the values at -1, 0 and 1 has its minimum.

        Returns
        -------
        float or None
            ``t = (f(-1) - f(1)) / (2 * (f(1) + f(-1) - 2 * f(0)))``; None if the parabola has no
            minimum, or if the minimum is the base.
        """
        here, ahead, behind = (self.values[t] for t in (0.0, 1.0, -1.0))
        bend = ahead + behind - 2.0 * here
        return (behind - ahead) / (2.0 * bend) or None if 0.0 < bend < math.inf else None


class Lines:
    """Searches random lines one after another, with at most three evaluations each.

    Evaluates a step ahead. If this is not better than the base, it evaluates the step back. If that
    is not better either, it evaluates the minimum of the parabola through the three values. By the
    one-fifth rule, the step size grows when a step succeeds and shrinks when it fails, so that
    about one in five succeeds.

    Parameters
    ----------
    box : UnitBox
    sigma : float
        First step size.

    References
    ----------
    One-fifth rule: I. Rechenberg, "Evolutionsstrategie", Frommann-Holzboog, 1973; its form here, a
    factor after each step: S. Kern et al., "Learning probability distributions in continuous
    evolutionary algorithms - a comparative review", Natural Computing 3, 2004.
    """

    def __init__(self, box: UnitBox, sigma: float) -> None:
        self.sigma = sigma
        self._box = box
        self._begun: list[tuple[Line, float]] = []  # unfinished lines, and where they continue
        self._gain = 1.0
        self._halved, self._n_since = sigma, 0  # step size last halved, and lines since then

    @property
    def is_worth(self) -> bool:
        """Whether the search converges: most lines improve, and steps get smaller.

        Lines fail to improve where noise or ruggedness hides the slope. In a long bent valley, or
        where very many variables matter, they improve forever, by steps of the same small size.
        """
        return self.improves and self._n_since < PATIENCE

    @property
    def improves(self) -> bool:
        """Whether enough of the recent lines improved on their base."""
        return self._gain > MIN_GAIN

    def ask(self, best: Best, rng: np.random.Generator) -> tuple[Line, float]:
        """Return a line and the multiple of its step to evaluate.

        Parameters
        ----------
        best : Best
            The best point so far; unfinished lines through a worse point are dropped.
        rng : Generator

        Returns
        -------
        line : Line
        t : float
        """
        while self._begun:
            line, t = self._begun.pop()
            if line.values[0.0] <= best.value:
                return line, t
        base = self._box.point(best.candidate.u)
        step = rng.standard_normal(len(base), dtype=np.float32)
        step *= self._box.spread(base, self.sigma)
        return Line(base, step, {0.0: best.value}), 1.0

    def tell(self, line: Line, t: float, value: float) -> None:
        """Take in the value at a multiple of the step; inf if the evaluation failed."""
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
        self.sigma = max(MIN_SIGMA, self.sigma * factor)
        self._n_since += 1
        if self.sigma <= 0.5 * self._halved:
            self._halved, self._n_since = self.sigma, 0
