"""Encoded points as places that a model searches: numbers from 0 to 1, and codes of categories."""

import numpy as np
import numpy.typing as npt

from zoopt._native import HUGE_LOG_INTEGER, LOG_INTEGER, ORDERED, UNORDERED
from zoopt.core.space import Space
from zoopt.core.unit_box import huge_codes, huge_numbers, log_codes
from zoopt.solvers.model.gaussian_process import Features

__all__ = ["Coordinates"]

Rows = npt.NDArray[np.float64]
Places = npt.NDArray[np.float64]

#: Where a number stands that is not active.
MIDDLE = 0.5


class Coordinates:
    """Maps rows of a space to places and back.

    A place has a coordinate for each column, active or not: from 0 to 1 for columns with an order,
    in which whole numbers get equal shares, and a code from 0 for categories.

    Parameters
    ----------
    space : Space

    Attributes
    ----------
    n : int
        Number of columns.
    numbers, categories : int arrays
        The columns with and without an order.
    sizes : int array, shape (n_categories,)
        Numbers of values of the categories.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.n = space.n_columns
        self.categories = np.flatnonzero(space.kinds == UNORDERED)
        self.numbers = np.flatnonzero(space.kinds != UNORDERED)
        self.sizes = (space.high - space.low + 1)[self.categories].astype(np.intp)
        is_whole = space.kinds == ORDERED
        self._whole = np.flatnonzero(is_whole)
        self._logs = np.flatnonzero(space.kinds == LOG_INTEGER)
        self._huge = np.flatnonzero(space.kinds == HUGE_LOG_INTEGER)
        #: Columns of whole numbers, logarithmic or not.
        self.integers = np.concatenate([self._whole, self._logs])
        is_code = space.kinds == UNORDERED
        self._low = space.low - 0.5 * is_whole
        self._width = np.where(is_code, 1.0, space.high - space.low + is_whole)
        low, high = space.low[self._logs], space.high[self._logs]
        self._first, self._last = np.rint(np.exp(low) + 0.5), np.rint(np.exp(high) - 0.5)

    def uniform(self, rng: np.random.Generator, n: int) -> Places:
        """Draw n places uniformly, whether their coordinates are active or not."""
        return self.spread(rng.random((n, self.n)))

    def spread(self, shares: Places) -> Places:
        """Return the places that lie at shares from 0 to 1 of each coordinate."""
        places: Places = shares.copy()
        codes = np.floor(shares[:, self.categories] * self.sizes)
        places[:, self.categories] = np.minimum(codes, self.sizes - 1)
        return places

    def places(self, rows: Rows) -> Places:
        """Return the places of rows."""
        places: Places = (rows - self._low) / self._width
        return places

    def rows(self, places: Places) -> Rows:
        """Return the rows at places: whole numbers are rounded, and what is not active is reset."""
        low, high = self._space.low, self._space.high
        rows: Rows = self._low + places * self._width
        rows[:, self._whole] = np.rint(rows[:, self._whole]) + 0.0  # no negative zero
        np.clip(rows, low, high, out=rows)
        if len(self._logs):
            numbers = np.rint(np.exp(rows[:, self._logs]))
            rows[:, self._logs] = log_codes(np.clip(numbers, self._first, self._last))
        if len(self._huge):
            rows[:, self._huge] = huge_codes(np.rint(huge_numbers(rows[:, self._huge])))
        return self._space.settle(rows)

    def neighbors(self, rows: Rows, steps: npt.NDArray[np.float64]) -> Rows:
        """Return rows with their whole numbers, logarithmic or not, moved by steps within bounds.

        Parameters
        ----------
        rows : float64 array, shape (n, n_columns)
        steps : float64 array, shape (n, n_integers)
            Of the columns in `integers`; 0 leaves a number as it is.
        """
        moved: Rows = rows.copy()
        n_whole = len(self._whole)
        low, high = self._space.low[self._whole], self._space.high[self._whole]
        moved[:, self._whole] = np.clip(rows[:, self._whole] + steps[:, :n_whole], low, high)
        if len(self._logs):
            numbers = np.rint(np.exp(rows[:, self._logs])) + steps[:, n_whole:]
            moved[:, self._logs] = log_codes(np.clip(numbers, self._first, self._last))
        return self._space.settle(moved)

    def active(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which columns are active in each row."""
        return self._space.active(rows)

    def features(self, rows: Rows) -> Features:
        """Return rows as a Gaussian process sees them."""
        places = self.places(rows)
        numbers = places[:, self.numbers]
        codes = np.rint(places[:, self.categories]).astype(np.intp)
        if self._space.conditions is not None:
            active = self.active(rows)
            numbers[~active[:, self.numbers]] = MIDDLE
            codes[~active[:, self.categories]] = -1
        return Features(numbers, codes)
