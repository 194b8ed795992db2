"""Probabilities of the values of unordered columns, as population-based solvers move them."""

import math

import numpy as np
import numpy.typing as npt

from zoopt.core.space import Row, Space

__all__ = ["Choices", "Codes"]

Codes = npt.NDArray[np.int16]
Table = npt.NDArray[np.float64]


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

    def __init__(self, space: Space, columns: npt.NDArray[np.intp]) -> None:
        self.columns = columns
        self.low: Row = space.low[columns]
        self.sizes: Codes = np.rint(space.high[columns] - self.low).astype(np.int16) + 1
        n = max(2, int((self.sizes.astype(int) - 1).sum()))
        self._drift = math.sqrt(n) * math.log(n)
        self._set(self._uniform())

    def _uniform(self) -> Table:
        most = int(self.sizes.max(initial=1))
        table: Table = (np.arange(most) < self.sizes[:, None]) / self.sizes[:, None]
        return table

    def _set(self, table: Table) -> None:
        self.table = table
        self._bounds = table.cumsum(axis=1)[:, :-1]

    @staticmethod
    def fits(space: Space, columns: npt.NDArray[np.intp]) -> bool:
        """Return whether its tables are small enough."""
        sizes = space.high[columns] - space.low[columns] + 1
        most = float(sizes.max(initial=1.0))
        return most <= MOST_VALUES and most * len(columns) <= MOST_ENTRIES

    def lean(self, row: Row, weight: float) -> None:
        """Start anew, with so much of the weight on the values of a row."""
        table = (1.0 - weight) * self._uniform()
        codes = np.rint(row[self.columns] - self.low).astype(np.int16)
        table[np.arange(len(self.columns)), codes] += weight
        self._set(table)

    def draw(self, rng: np.random.Generator) -> Codes:
        """Draw a code a column."""
        below = self._bounds < rng.random(len(self.columns))[:, None]
        codes: Codes = np.minimum(below.sum(axis=1, dtype=np.int16), self.sizes - 1)
        return codes

    def move(self, codes: Codes, weights: Row, mu_eff: float) -> None:
        """Move towards weighted draws, one a row of codes."""
        rate = mu_eff / (mu_eff + self._drift)
        table = (1.0 - rate) * self.table
        rows = np.arange(len(self.columns))
        for code, weight in zip(codes, weights, strict=True):
            table[rows, code] += rate * weight
        uniform = self._uniform()
        is_value = uniform > 0.0
        least = 1.0 / ((len(rows) + 2.0 * mu_eff) * np.maximum(self.sizes - 1, 1))
        least = np.minimum(least, 1.0 / self.sizes)[:, None]
        # What lies above the least is stretched, so that the rest of the mass fits.
        free = np.maximum(table - least, 0.0) * is_value
        total = free.sum(axis=1, keepdims=True)
        left = 1.0 - least * self.sizes[:, None]
        scaled = np.divide(free, total, out=uniform, where=total > 0.0)
        self._set(np.where(is_value, least + left * scaled, 0.0))

    @property
    def mode(self) -> Codes:
        """The likeliest code of each column."""
        codes: Codes = self.table.argmax(axis=1).astype(np.int16)
        return codes


#: Most values of a column, and most probabilities in all.
MOST_VALUES, MOST_ENTRIES = 1000, 2_000_000
