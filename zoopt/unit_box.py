"""The ordered columns of a space as a unit box: what continuous solvers move in."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt._native import LOG_INTEGER, ORDERED, UNORDERED
from zoopt.space import Row, Space

__all__ = ["UnitBox"]


class UnitBox:
    """Maps rows of a space to points of [0, 1]^n and back; whole numbers have equal parts of it.

    Parameters
    ----------
    space : Space

    Attributes
    ----------
    columns : int array, shape (n,)
        The columns that have an order.
    width : float64 array, shape (n,)
        Of the box, in encoded units.
    whole, log_whole : int arrays
        Places among those columns: of whole numbers, and of whole numbers on a log scale.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.columns: npt.NDArray[np.intp] = np.flatnonzero(space.kinds != UNORDERED)
        self._is_all = len(self.columns) == space.n_columns
        kinds = space.kinds[self.columns]
        self._low, self._high = space.low, space.high
        if not self._is_all:
            self._low, self._high = space.low[self.columns], space.high[self.columns]
        is_whole = kinds == ORDERED
        self.low: Row = self._low - 0.5 * is_whole if is_whole.any() else self._low
        self.width: Row = self._high - self._low + is_whole
        self.whole = np.flatnonzero(is_whole)
        self.log_whole = np.flatnonzero(kinds == LOG_INTEGER)
        #: Logarithms of the least and greatest whole numbers of the latter.
        self._first = np.log(np.rint(np.exp(self._low[self.log_whole]) + 0.5))
        self._last = np.log(np.rint(np.exp(self._high[self.log_whole]) - 0.5))

    def point(self, row: Row) -> Row:
        """Return the place of a row."""
        place: Row = (row[self.columns] - self.low) / self.width
        return place

    def values(self, point: Row) -> Row:
        """Return the encoded values of the ordered columns at a place, rounded and in range."""
        values: Row = point * self.width
        values += self.low
        np.clip(values, self._low, self._high, out=values)
        if len(self.whole):
            values[self.whole] = np.rint(values[self.whole]) + 0.0  # no negative zero
        logs = self.log_whole
        if len(logs):
            values[logs] = np.log(np.maximum(np.rint(np.exp(values[logs])), 1.0))
            values[logs] = np.clip(values[logs], self._first, self._last)
        return values

    def spread(self, point: Row, sigma: float) -> Any:
        """Return the step size of each column: so large that whole numbers change now and then.

        A float where it is the same for all.
        """
        if not (len(self.whole) or len(self.log_whole)):
            return sigma
        spread = np.full(len(self.columns), sigma)
        spread[self.whole] = np.maximum(sigma, MARGIN / self.width[self.whole])
        logs = self.log_whole
        if len(logs):
            number = np.exp(self.low[logs] + point[logs] * self.width[logs])
            gap = MARGIN / np.maximum(number, 1.0) / self.width[logs]
            spread[logs] = np.maximum(sigma, gap)
        return spread

    def row_of_centered(self, z: Row) -> Row:
        """Return the row at a place of [-1, 1]^n, drawn to the border from outside; changes z."""
        z += 1.0
        z *= 0.5
        return self.row(z)

    def row(self, point: Row) -> Row:
        """Return the row at a place; unordered columns have their first value. It is read-only."""
        row = self.values(point)
        if not self._is_all:
            values, row = row, self._space.low.copy()
            row[self.columns] = values
        row.flags.writeable = False
        return row


#: Least step size where values are whole, in units of their distance.
MARGIN = 0.35
