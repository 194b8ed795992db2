"""The ordered columns of a space as a unit box, in which continuous solvers move."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt._native import HUGE_LOG_INTEGER, LOG_INTEGER, ORDERED, UNORDERED
from zoopt.core.space import Row, Space

__all__ = ["UnitBox", "blocks", "huge_codes", "huge_numbers", "log_codes"]


class UnitBox:
    """Maps rows of a space to points of [0, 1]^n and back.

    Whole numbers get equal shares of their side of the box.

    Parameters
    ----------
    space : Space

    Attributes
    ----------
    columns : int array, shape (n,)
        The columns that have an order.
    width : float64 array, shape (n,)
        Sides of the box, in encoded units.
    whole : int array
        Positions of the columns of whole numbers in ``columns``.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self.columns: npt.NDArray[np.intp] = np.flatnonzero(space.kinds != UNORDERED)
        self._is_all = len(self.columns) == space.n_columns
        kinds = space.kinds[self.columns]
        low, high = space.low, space.high
        if not self._is_all:
            low, high = low[self.columns], high[self.columns]
        is_whole = kinds == ORDERED
        self._low, self._high = _narrowed(low), _narrowed(high)
        self.low: Row = _narrowed(low - 0.5 * is_whole) if is_whole.any() else self._low
        self.width: Row = _narrowed(high - low + is_whole)
        self.whole = np.flatnonzero(is_whole)
        self._logs = np.flatnonzero(kinds == LOG_INTEGER)
        #: Logarithms of the least and greatest whole numbers of these columns.
        self._first = log_codes(np.rint(np.exp(self._low[self._logs]) + 0.5))
        self._last = log_codes(np.rint(np.exp(self._high[self._logs]) - 0.5))
        self._huge_logs = np.flatnonzero(kinds == HUGE_LOG_INTEGER)

    def point(self, row: Row) -> Row:
        """Return the place of a row."""
        place: Row = (row if self._is_all else row[self.columns]) - self.low
        place /= self.width
        return place

    def values(self, point: Row) -> Row:
        """Return the encoded values of the ordered columns at a place, rounded and in range."""
        values: Row = np.empty(len(point))
        for block in blocks(len(point)):
            self._scale(point[block], block, values[block])
        return self._rounded(values)

    def _scale(self, point: Row, block: slice, out: Row) -> None:
        """Turn places of a block of columns into values that are not rounded yet."""
        np.multiply(point, self.width[block], out=out)
        out += self.low[block]
        np.clip(out, self._low[block], self._high[block], out=out)

    def _rounded(self, values: Row) -> Row:
        if len(self.whole):
            values[self.whole] = np.rint(values[self.whole]) + 0.0  # no negative zero
        logs, huge = self._logs, self._huge_logs
        if len(logs):
            values[logs] = log_codes(np.maximum(np.rint(np.exp(values[logs])), 1.0))
            values[logs] = np.clip(values[logs], self._first, self._last)
        if len(huge):
            values[huge] = huge_codes(np.rint(huge_numbers(values[huge])))
        return values

    def spread(self, point: Row, sigma: float) -> Any:
        """Return the step size of each column, large enough for whole numbers to change sometimes.

        Returns
        -------
        float64 array, shape (n,), or float
            A float if it is the same for all columns.
        """
        logs, huge = self._logs, self._huge_logs
        if not (len(self.whole) or len(logs) or len(huge)):
            return sigma
        spread = np.full(len(self.columns), sigma)
        spread[self.whole] = np.maximum(sigma, MARGIN / self.width[self.whole])
        if len(logs):
            number = np.exp(self.low[logs] + point[logs] * self.width[logs])
            gap = MARGIN / np.maximum(number, 1.0) / self.width[logs]
            spread[logs] = np.maximum(sigma, gap)
        if len(huge):
            code = self.low[huge] + point[huge] * self.width[huge]
            gap = MARGIN * np.exp2(-53.0 - np.floor(code)) / self.width[huge]
            spread[huge] = np.maximum(sigma, gap)
        return spread

    def row_of_centered(self, z: Row) -> Row:
        """Return the row at a place of [-1, 1]^n, clipped to the box. Overwrites z."""
        for block in blocks(len(z)):
            part = z[block]
            part += 1.0
            part *= 0.5
            self._scale(part, block, part)
        return self._row(self._rounded(z))

    def row(self, point: Row) -> Row:
        """Return the row at a place; unordered columns have their first value. It is read-only."""
        return self._row(self.values(point))

    def _row(self, values: Row) -> Row:
        row = values
        if not self._is_all:
            row = self._space.low.copy()
            row[self.columns] = values
        row.flags.writeable = False
        return row


def log_codes(numbers: Row) -> Row:
    """Return the LOG_INTEGER codes of whole numbers, as the kernels compute them.

    Numpy's own logarithm differs from theirs in the last digit on some processors, and a number
    with two codes would count as two points.
    """
    codes = np.fromiter(map(math.log, numbers.ravel().tolist()), np.float64, numbers.size)
    return codes.reshape(numbers.shape)


def huge_numbers(codes: Row) -> Row:
    """Return the numbers of HUGE_LOG_INTEGER codes, before rounding."""
    octaves = np.floor(codes)
    numbers: Row = np.ldexp(1.0 + (codes - octaves), octaves.astype(np.intp) + 53)
    return numbers


def huge_codes(numbers: Row) -> Row:
    mantissas, exponents = np.frexp(numbers)
    codes: Row = exponents - 55.0 + 2.0 * mantissas
    return codes


def blocks(n: int) -> Iterator[slice]:
    """Cut n columns into blocks so small that a few arrays of a block fit into the cache."""
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _narrowed(numbers: Row) -> Row:
    """Return numbers that are all equal as a view of the first, which is faster to read."""
    if len(numbers) and (numbers == numbers[0]).all():
        return np.broadcast_to(numbers[:1], numbers.shape)
    return numbers


#: Least step size where values are whole, in units of their distance.
MARGIN = 0.35
BLOCK = 16_384
