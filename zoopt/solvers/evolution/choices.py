"""Probabilities of the values of unordered columns, for population-based solvers."""

import math

import numpy as np
import numpy.typing as npt

from zoopt.core.space import Row, Space

__all__ = ["Choices", "Codes"]

Codes = npt.NDArray[np.int16]
Table = npt.NDArray[np.float64]

#: Largest number of values of a column, and largest number of probabilities in the table.
MAX_VALUES, MAX_ENTRIES = 1000, 2_000_000


class Choices:
    """Independent distributions over the values of unordered columns.

    Parameters
    ----------
    space : Space
    columns : int array, shape (n,)
        Columns of integers with at most `MAX_VALUES` values each.

    Attributes
    ----------
    table : float array, shape (n, most values of a column)
        Probabilities, by column and value.

    Notes
    -----
    With mu_eff the effective number of weighted draws, ``move`` computes::

        table' = (1 - rate) * table + rate * (weighted frequencies of the draws)    (1)
        rate = mu_eff / (mu_eff + sqrt(n) * log(n))                                 (2)

    where n is the number of values of all columns, without the first value of each. No probability
    falls below ``1 / ((n_columns + 2 * mu_eff) * (n_values - 1))``.

    References
    ----------
    (1): S. Baluja, "Population-based incremental learning", CMU-CS-94-163, 1994. (2) follows from
    the population of about ``sqrt(n) log(n)`` that keeps genetic drift small: D. Sudholt, C. Witt,
    "On the choice of the update strength in estimation-of-distribution algorithms and ant colony
    optimization", Algorithmica 81, 2019.
    """

    def __init__(self, space: Space, columns: npt.NDArray[np.intp]) -> None:
        self.columns = columns
        self.low: Row = space.low[columns]
        self.sizes: Codes = np.rint(space.high[columns] - self.low).astype(np.int16) + 1
        n = max(2, int((self.sizes.astype(int) - 1).sum()))
        self._drift = math.sqrt(n) * math.log(n)  # of (2)
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
        """Return whether the tables for some columns are small enough."""
        sizes = space.high[columns] - space.low[columns] + 1
        most = float(sizes.max(initial=1.0))
        return most <= MAX_VALUES and most * len(columns) <= MAX_ENTRIES

    def lean(self, row: Row, weight: float) -> None:
        """Reset to the uniform distribution, with extra weight on the values of a row.

        Parameters
        ----------
        row : float64 array
        weight : float in [0, 1]
        """
        table = (1.0 - weight) * self._uniform()
        codes = np.rint(row[self.columns] - self.low).astype(np.int16)
        table[np.arange(len(self.columns)), codes] += weight
        self._set(table)

    def draw(self, rng: np.random.Generator) -> Codes:
        """Draw one code for each column."""
        below = self._bounds < rng.random(len(self.columns))[:, None]
        codes: Codes = np.minimum(below.sum(axis=1, dtype=np.int16), self.sizes - 1)
        return codes

    def move(self, codes: Codes, weights: Row, mu_eff: float) -> None:
        """Move toward weighted draws.

        Parameters
        ----------
        codes : int array, shape (n_draws, n)
        weights : float array, shape (n_draws,)
        mu_eff : float
            Effective number of draws.
        """
        rate = mu_eff / (mu_eff + self._drift)  # (2)
        table = (1.0 - rate) * self.table  # (1)
        rows = np.arange(len(self.columns))
        for code, weight in zip(codes, weights, strict=True):
            table[rows, code] += rate * weight
        uniform = self._uniform()
        is_value = uniform > 0.0
        least = 1.0 / ((len(rows) + 2.0 * mu_eff) * np.maximum(self.sizes - 1, 1))
        least = np.minimum(least, 1.0 / self.sizes)[:, None]
        # Smaller probabilities are raised to the least. The mass above it is scaled to sum to one.
        free = np.maximum(table - least, 0.0) * is_value
        total = free.sum(axis=1, keepdims=True)
        left = 1.0 - least * self.sizes[:, None]
        scaled = np.divide(free, total, out=uniform, where=total > 0.0)
        self._set(np.where(is_value, least + left * scaled, 0.0))

    @property
    def mode(self) -> Codes:
        """The most probable code of each column."""
        codes: Codes = self.table.argmax(axis=1).astype(np.int16)
        return codes
