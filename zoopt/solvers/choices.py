"""Probabilities of the values of unordered columns, as population-based solvers move them."""

import math

import numpy as np
import numpy.typing as npt

from zoopt.space import Row, Space

__all__ = ["Choices", "Codes"]

Codes = npt.NDArray[np.intp]


class Choices:
    """Independent distributions over the values of some columns, one a column.

    Parameters
    ----------
    space : Space
    columns : int array, shape (n,)
        Of whole numbers, each of at most `MOST_VALUES` values.

    Notes
    -----
    The update is that of population-based incremental learning (Baluja, 1994). The rate follows
    from what keeps genetic drift small in theory, a population of about ``sqrt(n) log(n)`` binary
    columns (Sudholt, Witt, "On the choice of the update strength in estimation-of-distribution
    algorithms and ant colony optimization", Algorithmica 2019).
    """

    def __init__(self, space: Space, columns: Codes) -> None:
        self.columns = columns
        self.low: Row = space.low[columns]
        self.sizes: Codes = np.rint(space.high[columns] - self.low).astype(np.intp) + 1
        most = int(self.sizes.max(initial=1))
        self._is_value = np.arange(most) < self.sizes[:, None]
        self._uniform = self._is_value / self.sizes[:, None]
        self.table: npt.NDArray[np.float64] = self._uniform.copy()
        n = max(2, int((self.sizes - 1).sum()))
        self._drift = math.sqrt(n) * math.log(n)

    @staticmethod
    def fits(space: Space, columns: Codes) -> bool:
        """Return whether its tables are small enough."""
        sizes = space.high[columns] - space.low[columns] + 1
        most = float(sizes.max(initial=1.0))
        return most <= MOST_VALUES and most * len(columns) <= MOST_ENTRIES

    def lean(self, row: Row, weight: float) -> None:
        """Start anew, with so much of the weight on the values of a row."""
        self.table = (1.0 - weight) * self._uniform
        self.table[np.arange(len(self.columns)), self.codes_of(row)] += weight

    def codes_of(self, row: Row) -> Codes:
        codes: Codes = np.rint(row[self.columns] - self.low).astype(np.intp)
        return codes

    def draw(self, rng: np.random.Generator) -> Codes:
        """Draw a code a column."""
        below = self.table.cumsum(axis=1) < rng.random(len(self.columns))[:, None]
        codes: Codes = np.minimum(below.sum(axis=1), self.sizes - 1)
        return codes

    def move(self, codes: Codes, weights: Row, mu_eff: float) -> None:
        """Move towards weighted draws, one a row of codes."""
        rate = mu_eff / (mu_eff + self._drift)
        seen = np.zeros_like(self.table)
        rows = np.arange(len(self.columns))
        for code, weight in zip(codes, weights, strict=True):
            seen[rows, code] += weight
        self.table += rate * (seen - self.table)
        least = 1.0 / ((len(rows) + 2.0 * mu_eff) * np.maximum(self.sizes - 1, 1))
        least = np.minimum(least, 1.0 / self.sizes)[:, None]
        # What lies between the least and all is stretched, so that the rest of the mass fits.
        free = np.maximum(self.table - least, 0.0) * self._is_value
        total = free.sum(axis=1, keepdims=True)
        left = 1.0 - least * self.sizes[:, None]
        scaled = np.divide(free, total, out=self._uniform.copy(), where=total > 0.0)
        self.table = np.where(self._is_value, least + left * scaled, 0.0)

    @property
    def mode(self) -> Codes:
        """The likeliest code of each column."""
        codes: Codes = self.table.argmax(axis=1)
        return codes


#: Most values of a column, and most probabilities in all.
MOST_VALUES, MOST_ENTRIES = 1000, 10_000_000
