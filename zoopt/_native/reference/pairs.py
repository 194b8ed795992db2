"""The columns in which members differ."""

from typing import Final

import numpy as np

from zoopt._native.reference.columns import Row

__all__ = ["DENSE", "UNKNOWN", "Latest", "Pairs"]

#: Largest number of columns that a pair lists. A pair that differs in more columns lists none,
#: unless this limit is less than a sixteenth of all columns. Then it lists the latest ones, because
#: blind draws would seldom hit a differing column.
MOST_LISTED: Final = 1024
LATEST: Final = 64

#: Number of blind draws of a column from a pair that mostly differs, before the pair is scanned.
DENSE_TRIES: Final = 64

#: A pair that differs in too many columns to list them, and a pair that was not compared yet.
DENSE: Final = -1
UNKNOWN: Final = -2


def list_capacity(n_columns: int) -> int:
    """Return the number of differing columns that a pair lists before it counts as dense."""
    if n_columns <= 64:
        return n_columns
    return min(max(64, n_columns // 16), MOST_LISTED)


class Latest(list[int]):
    """Some of the columns in which two members differ, oldest first."""


#: The differing columns of two slots: a list of all, the Latest of them, DENSE or UNKNOWN.
Columns = list[int] | int


class Pairs:
    """The columns in which any two members of a population differ.

    Drawing one of these columns takes no scan of all columns: the list of a child follows from that
    of its parent and the columns that the child changes.

    Parameters
    ----------
    d : int
        Number of columns.
    rows : list of float64 arrays, shape (d,)
        By slot; shared with `Members`, which changes it.
    """

    def __init__(self, d: int, rows: list[Row]) -> None:
        self.capacity = list_capacity(d)
        self._keeps_latest = d // 16 > MOST_LISTED
        self._rows = rows
        self._columns: list[list[Columns]] = [[UNKNOWN] * len(rows) for _ in rows]

    def known(self, a: int, b: int) -> Columns:
        """Return the known differing columns of two slots."""
        return self._columns[a][b]

    def note(self, a: int, b: int, columns: Columns) -> None:
        self._columns[a][b] = self._columns[b][a] = columns

    def compared(self, a: int, b: int) -> list[int] | int:
        """Return all columns in which two slots differ, or DENSE."""
        if a == b:
            return []
        columns = self._columns[a][b]
        if isinstance(columns, Latest):
            return DENSE
        return self._scan(a, b) if columns == UNKNOWN else columns

    def _scan(self, a: int, b: int) -> list[int] | int:
        columns = [int(k) for k in np.flatnonzero(self._rows[a] != self._rows[b])]
        result = DENSE if len(columns) > self.capacity else columns
        self.note(a, b, result)
        return result

    def differing_column(self, a: int, b: int, rng: np.random.Generator) -> int:
        """Draw a column in which two slots differ, uniformly; -1 if they are equal.

        If a pair lists only its latest columns, one of these is drawn.
        """
        columns = self._columns[a][b]
        if columns == UNKNOWN:
            columns = self._scan(a, b)
        if isinstance(columns, Latest) and not columns:
            columns = DENSE
        if columns == DENSE:
            here, there = self._rows[a], self._rows[b]
            for _ in range(DENSE_TRIES):
                k = int(rng.random() * len(here))
                if here[k] != there[k]:
                    return k
            columns = self._scan(a, b)
            if columns == DENSE:
                columns = [int(k) for k in np.flatnonzero(here != there)]
        assert isinstance(columns, list)
        return columns[int(rng.random() * len(columns))] if columns else -1

    def derive(self, parent: int, slot: int, other: int, row: Row, changed: list[int]) -> Columns:
        """Return the columns in which a child differs from a member.

        Parameters
        ----------
        parent, slot, other : int
            Slots of the parent, still with its row, of the child, and of the member.
        row : float64 array, shape (d,)
            The child.
        changed : list of int
            Columns in which the child differs from its parent.
        """
        known = [] if other == parent else self._columns[parent][other]
        if isinstance(known, int):
            return known
        here, there = self._rows[parent], self._rows[other]
        if len(changed) > LATEST and self._keeps_latest and other != parent:
            return Latest([k for k in changed if row[k] != there[k]][-LATEST:])
        # Only the changed columns can have become equal, or different.
        columns = [k for k in known if k not in changed or row[k] != there[k]]
        columns += [k for k in changed if here[k] == there[k] != row[k]]
        if not isinstance(known, Latest) and len(columns) <= self.capacity:
            return columns
        return Latest(columns[-LATEST:]) if self._keeps_latest else DENSE
