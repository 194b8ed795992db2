"""The points that a solver has seen, and random unseen points."""

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from zoopt._native.reference.codes import MEMORY, Codes, row_hash
from zoopt._native.reference.columns import Columns, Conditions, Indices, Row

__all__ = ["SeenPoints"]

#: How many points are drawn from the whole space before a finite one is enumerated.
UNIFORM_TRIES: Final = 100


class SeenPoints:
    """The points that a solver has seen, and random unseen points.

    Points are kept as 64-bit hashes. After n points, a new point is mistaken for a seen one with
    probability n / 2^64.

    Parameters
    ----------
    kinds : intp array, shape (d,)
        Kind of each column.
    low, high : float64 arrays, shape (d,)
        Bounds of each column, both included, ``low < high``.
    rng : numpy.random.Generator
        The only source of random numbers.
    n_points : float
        Size of the space; inf if a column is continuous.
    memory : int
        In an infinite space, at least this many of the latest points are remembered. A finite space
        is remembered whole.
    conditions : (intp array, float64 array), each of shape (d,), optional
        For each column, the column of the choice on which it depends, or -1 if there is none; and
        the code that this choice must have for the column to be active. A choice stands before
        the columns that depend on it. Columns that are not active hold their least value.

    Attributes
    ----------
    n_seen : int
        Number of points in memory; in a finite space, of all points seen.
    exhausted : bool
        Whether every point of a finite space was seen.

    Notes
    -----
    `mark` and `contains` take time proportional to the number of columns and no random numbers;
    `uniform` draws one random number per column, and as many again if the point was seen. A point
    takes 16 to 32 bytes, and those of an infinite space at most 32 MB by default.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import Integer, Space
    >>> space = Space([Integer(0, 1)] * 2)
    >>> rng = np.random.default_rng(0)
    >>> seen = SeenPoints(space.kinds, space.low, space.high, rng, space.size)
    >>> seen.mark(np.array([0.0, 1.0])), seen.mark(np.array([0.0, 1.0]))
    (True, False)
    >>> sorted(seen.uniform().tolist() for _ in range(3))
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    >>> seen.exhausted, seen.uniform()
    (True, None)
    """

    def __init__(
        self,
        kinds: Indices,
        low: Row,
        high: Row,
        rng: np.random.Generator,
        n_points: float = math.inf,
        memory: int = MEMORY,
        conditions: Conditions | None = None,
    ) -> None:
        self.columns = Columns(kinds, low, high, conditions)
        self.conditions = self.columns.conditions
        self.kinds, self.low, self.high = self.columns.kinds, self.columns.low, self.columns.high
        self.rng = rng
        self.n_points = n_points
        self.memory = memory
        self.codes = Codes()
        self._cursor: list[float] | None = None

    @property
    def n_seen(self) -> int:
        """How many points are in memory."""
        return len(self.codes)

    @property
    def exhausted(self) -> bool:
        """Whether every point of a finite space was seen."""
        return len(self.codes) >= self.n_points

    def mark(self, row: Row) -> bool:
        """Remember a point.

        Parameters
        ----------
        row : float64 array, shape (d,)

        Returns
        -------
        bool
            True if the point is new, False if it was seen before.

        Raises
        ------
        ValueError
            If the row has another length.
        """
        self.columns.check(row)
        if not self.codes.add(row_hash(row)):
            return False
        self.forget(())
        return True

    def contains(self, row: Row) -> bool:
        """Tell whether a point was seen.

        Parameters
        ----------
        row : float64 array, shape (d,)

        Raises
        ------
        ValueError
            If the row has another length.
        """
        self.columns.check(row)
        return row_hash(row) in self.codes

    def uniform(self) -> Row | None:
        """Draw an unseen point uniformly from the whole space, and remember it.

        If 100 draws in a row were seen before, the points of a finite space are enumerated.

        Returns
        -------
        float64 array, shape (d,), read-only, or None
            None if every point was seen, or if the continuous columns hold too few floats to find a
            new point. If it is known that every point was seen, no random number is drawn.
        """
        row = self.draw()
        self.forget(())
        return row

    def draw(self) -> Row | None:
        """Draw as `uniform` does; the caller calls `forget` next."""
        if self.exhausted:
            return None
        columns, rng = self.columns, self.rng
        for _ in range(UNIFORM_TRIES):
            values = [columns.draw(k, self.low[k], self.high[k], rng) for k in range(len(columns))]
            columns.settled(values)
            row = np.array(values, np.float64)
            if self.codes.add(row_hash(row)):
                row.flags.writeable = False
                return row
        return self._enumerate() if self.n_points < math.inf else None

    def _enumerate(self) -> Row | None:
        """Return the next unseen point of a finite space; None at the end."""
        columns, d = self.columns, len(self.columns)
        if self._cursor is None:
            self._cursor = [columns.first(k) for k in range(d)]
            columns.settled(self._cursor)
        cursor = self._cursor
        while len(cursor) == d:
            row = np.array(cursor, np.float64)
            active = columns.settled(cursor)
            k = d - 1
            while k >= 0 and not (active[k] and cursor[k] < columns.last(k)):
                cursor[k] = columns.first(k)
                k -= 1
            if k < 0:
                cursor.append(0.0)  # one element too many: everything was enumerated
            else:
                cursor[k] = columns.after(k, cursor[k])
            if self.codes.add(row_hash(row)):
                row.flags.writeable = False
                return row
        return None

    def forget(self, kept: Iterable[int]) -> None:
        """Bound the memory of an infinite space; the hashes ``kept`` are always kept."""
        if len(self.codes) > self.memory and self.n_points == math.inf:
            self.codes.begin_generation(kept)
