"""Columns of encoded rows: their kinds and bounds, and random values."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "CONTINUOUS",
    "HUGE_LOG_INTEGER",
    "LOG_INTEGER",
    "ORDERED",
    "UNORDERED",
    "Columns",
    "Conditions",
    "code_of",
    "number_at",
]

Row = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Values = tuple[float, ...]
#: A parent's ident, then the columns in which its child differs from it.
Move = tuple[int, ...]
#: For each column, the column of the choice that it depends on (-1 for none), and the code of that
#: choice for which the column is active.
Conditions = tuple[Indices, Row]

#: Kinds of column. ORDERED and UNORDERED hold whole numbers from low to high; LOG_INTEGER holds
#: the logarithm of a whole number, between bounds that are half a unit wider.
#: HUGE_LOG_INTEGER holds a code of a whole number up to 2^53 for which the logarithm is too coarse.
CONTINUOUS: Final = 0
ORDERED: Final = 1
UNORDERED: Final = 2
LOG_INTEGER: Final = 3
HUGE_LOG_INTEGER: Final = 4

#: A random number has this many values; drawing among more takes a second one.
N_DRAWS: Final = 2.0**53


def number_at(kind: int, code: float) -> float:
    """Return the whole number nearest to a code on one of the logarithmic scales."""
    if kind == LOG_INTEGER:
        return float(round(math.exp(code)))
    octave = math.floor(code)
    return float(round(math.ldexp(1.0 + (code - octave), octave + 53)))


def code_of(kind: int, number: float) -> float:
    """Return the code of a whole number on one of the logarithmic scales.

    The code of a HUGE_LOG_INTEGER is the binary logarithm of ``number / 2^53``, interpolated
    linearly between powers of two. It is exact for every whole number from 1 to 2^53, whereas
    natural logarithms of neighboring numbers beyond 2^47 round to the same float.
    """
    if kind == LOG_INTEGER:
        return math.log(number)
    mantissa, exponent = math.frexp(number)
    return exponent - 55 + 2.0 * mantissa


class Columns:
    """The columns of a space.

    Parameters
    ----------
    kinds : intp array, shape (d,)
    low, high : float64 arrays, shape (d,)
        Bounds, both included, ``low < high``.
    conditions : (intp array, float64 array), each of shape (d,), optional
        For each column, the column of the choice on which it depends, or -1 if there is none; and
        the code that this choice must have for the column to be active. A choice stands before
        the columns that depend on it. Columns that are not active hold their least value.
    """

    def __init__(
        self, kinds: Indices, low: Row, high: Row, conditions: Conditions | None = None
    ) -> None:
        if not len(low) == len(high) == len(kinds):
            raise ValueError("kinds, low and high must have the same length")
        self.kinds = np.ascontiguousarray(kinds, np.intp)
        self.low = np.ascontiguousarray(low, np.float64)
        self.high = np.ascontiguousarray(high, np.float64)
        self.conditions = conditions
        if conditions is None:
            return
        parents = np.ascontiguousarray(conditions[0], np.intp)
        branches = np.ascontiguousarray(conditions[1], np.float64)
        if not len(parents) == len(branches) == len(kinds):
            raise ValueError("conditions must have the length of kinds")
        if (parents < -1).any() or (parents >= np.arange(len(parents))).any():
            raise ValueError("a column must depend on an earlier one")
        self.conditions = parents, branches
        #: For each column, the choices that it depends on, outermost first.
        self.ancestors: list[list[int]] = []
        for k in parents.tolist():
            self.ancestors.append([] if k < 0 else [*self.ancestors[k], k])

    def __len__(self) -> int:
        return len(self.kinds)

    def settled(self, row: list[float]) -> list[bool]:
        """Return which columns of a row are active, and give the others their least value."""
        active = [True] * len(row)
        if self.conditions is not None:
            parents, branches = self.conditions
            for k, parent in enumerate(parents.tolist()):
                if parent >= 0 and not (active[parent] and row[parent] == branches[k]):
                    active[k] = False
                    row[k] = self.first(k)
        return active

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
            if high - low >= N_DRAWS:
                value += math.floor(2.0 * rng.random())
            return float(min(value, high))
        value = min(low + u * (high - low), high)
        return self._snapped(k, value) if kind >= LOG_INTEGER else float(value)

    def _snapped(self, k: int, value: float) -> float:
        """Move a code on a logarithmic scale to the code of the nearest whole number in range."""
        kind = int(self.kinds[k])
        code = code_of(kind, max(number_at(kind, value), 1.0))
        return min(max(code, self.first(k)), self.last(k))

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

        Where neighboring whole numbers have the same code, the next value is the next float, so
        that an enumeration ends whatever the encoding.
        """
        kind = int(self.kinds[k])
        following = value + 1.0
        if kind >= LOG_INTEGER:
            following = code_of(kind, number_at(kind, value) + 1.0)
        return min(max(following, math.nextafter(value, math.inf)), self.last(k))
