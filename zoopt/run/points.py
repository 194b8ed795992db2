"""The points that a run keeps for its Result."""

from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any, TypeAlias

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.space import Bits, Row, Space

__all__ = ["KeptPoints", "n_kept"]

Packed: TypeAlias = Row | Bits

#: All points are kept while they need fewer bytes than this.
MOST_BYTES = 64e6
#: Otherwise at most this many of the last points are.
N_LAST = 1000
#: Points are packed into one array this many at a time.
BLOCK = 1024
#: Rows of more bytes stay arrays of their own, since copying them would cost time.
NARROW = 512


def n_kept(keep_points: bool | int | None, budget: int, n_columns: int) -> int:
    """Return how many of the last points a run keeps.

    Parameters
    ----------
    keep_points : bool, int or None
        True keeps all, False none, a number that many of the last ones. None keeps all while
        ``budget * n_columns * 8`` stays below 64 million bytes. Otherwise it keeps the last 1,000,
        or as many as fit into that memory.
    budget : int
    n_columns : int

    Raises
    ------
    TypeError, ValueError
        If keep_points is a number below 0, or no number.
    """
    if keep_points is None:
        row_bytes = 8 * max(1, n_columns)
        if budget * row_bytes < MOST_BYTES:
            return budget
        return min(N_LAST, int(MOST_BYTES // row_bytes))
    if isinstance(keep_points, (bool, np.bool_)):
        return budget if keep_points else 0
    return whole(keep_points, "keep_points", least=0)


class KeptPoints:
    """The last points of a run, in order of report.

    Parameters
    ----------
    space : Space
    most : int
        How many to keep.
    copies : bool
        Whether rows may be written over after they were reported, so that they must be copied.

    Attributes
    ----------
    recent : list of arrays
        Append the row or the bits of each candidate, before the solver is told; call `pack` when it
        holds ``block`` of them.
    block : int
    """

    def __init__(self, space: Space, most: int, copies: bool = False) -> None:
        self._space = space
        self._most = most
        self._copies = copies
        self._blocks: deque[Any] = deque()
        self._n = 0  # in the blocks
        self._n_dropped = 0
        self.recent: list[Packed] = []
        row_bytes = 8 * max(1, space.n_columns)
        fitting = int(MOST_BYTES / 16 // row_bytes)
        self.block = 1 if copies else max(1, min(BLOCK, most, fitting))
        self._is_narrow = row_bytes <= NARROW

    def pack(self) -> None:
        """Store the recent points compactly, and drop those that are too old."""
        n = len(self.recent)
        if n == 0:
            return
        rows: Any = self.recent.copy()
        self.recent.clear()
        if self._copies:
            rows = [row.copy() for row in rows]
        elif self._is_narrow and len({row.dtype for row in rows}) == 1:
            rows = np.concatenate(rows).reshape(n, -1)
        self._blocks.append(rows)
        self._n += n
        while self._n - len(self._blocks[0]) >= self._most:
            n = len(self._blocks.popleft())
            self._n -= n
            self._n_dropped += n

    def __iter__(self) -> Iterator[Candidate | None]:
        """Iterate over all evaluations: their points, or None where a point was dropped."""
        self.pack()
        n_surplus = max(0, self._n - self._most)
        yield from repeat(None, self._n_dropped + n_surplus)
        for row in islice(chain.from_iterable(self._blocks), n_surplus, None):
            if row.dtype == np.uint8:
                yield Candidate.packed(-1, row, self._space)
            else:
                yield Candidate(-1, row, self._space)
