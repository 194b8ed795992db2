"""Columns of encoded rows: their kinds and bounds, and random values."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["CONTINUOUS", "LOG_INTEGER", "ORDERED", "UNORDERED", "Columns"]

Row = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Values = tuple[float, ...]
#: A parent's ident, then the columns in which its child differs from it.
Move = tuple[int, ...]

#: Kinds of column. ORDERED and UNORDERED hold whole numbers from low to high; LOG_INTEGER holds
#: the logarithm of a whole number, between bounds that are half a unit wider.
CONTINUOUS: Final = 0
ORDERED: Final = 1
UNORDERED: Final = 2
LOG_INTEGER: Final = 3


class Columns:
    """The columns of a space.

    Parameters
    ----------
    kinds : intp array, shape (d,)
    low, high : float64 arrays, shape (d,)
        Bounds, both included, ``low < high``.
    """

    def __init__(self, kinds: Indices, low: Row, high: Row) -> None:
        if not len(low) == len(high) == len(kinds):
            raise ValueError("kinds, low and high must have the same length")
        self.kinds = np.ascontiguousarray(kinds, np.intp)
        self.low = np.ascontiguousarray(low, np.float64)
        self.high = np.ascontiguousarray(high, np.float64)

    def __len__(self) -> int:
        return len(self.kinds)

    def check(self, row: Row) -> None:
        """Raise ValueError if a row has another length."""
        if len(row) != len(self.kinds):
            raise ValueError(f"row must have {len(self.kinds)} columns, got {len(row)}")

    def draw(self, k: int, low: float, high: float, rng: np.random.Generator) -> float:
        """Draw a value of column k between low and high."""
        u = rng.random()
        kind = self.kinds[k]
        if kind in (ORDERED, UNORDERED):
            value = low + math.floor(u * (high - low + 1.0))
            return float(min(value, high))
        value = min(low + u * (high - low), high)
        return self._snapped(k, value) if kind == LOG_INTEGER else float(value)

    def _snapped(self, k: int, value: float) -> float:
        """Move a logarithm to that of the nearest whole number in range."""
        return min(max(math.log(max(round(math.exp(value)), 1)), self.first(k)), self.last(k))

    def first(self, k: int) -> float:
        """Return the least value of column k."""
        if self.kinds[k] == LOG_INTEGER:
            return math.log(round(math.exp(self.low[k]) + 0.5))
        return float(self.low[k])

    def last(self, k: int) -> float:
        """Return the greatest value of column k."""
        if self.kinds[k] == LOG_INTEGER:
            return math.log(round(math.exp(self.high[k]) - 0.5))
        return float(self.high[k])

    def after(self, k: int, value: float) -> float:
        """Return the next greater value of column k, or its greatest one.

        Beyond 2^47, whole numbers are closer than the floats of their logarithms: the next value
        is the next float there, so that an enumeration ends whatever the encoding.
        """
        following = value + 1.0
        if self.kinds[k] == LOG_INTEGER:
            following = math.log(round(math.exp(value)) + 1.0)
        return min(max(following, math.nextafter(value, math.inf)), self.last(k))
