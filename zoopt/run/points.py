"""The points that a run keeps for its Result."""

from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.checks import whole
from zoopt.core.space import Space

__all__ = ["KeptPoints", "n_kept"]


#: All points are kept while they need fewer bytes than this.
MOST_BYTES = 64e6
#: Otherwise at most this many of the last points are kept.
N_LAST = 1000
#: Size of the arrays that points are copied into. Large arrays get memory pages that cost less
#: time.
BLOCK_BYTES = 8e6


def n_kept(keep_points: bool | int | None, budget: int, n_columns: int) -> int:
    """Return how many of the last points a run keeps.

    Parameters
    ----------
    keep_points : bool, int or None
        True keeps all, False none, and a number keeps that many of the last points. None keeps all
        while ``budget * n_columns * 8`` stays below 64 million bytes. Otherwise it keeps the last
        1,000, or as many as fit into that memory.
    budget : int
    n_columns : int

    Raises
    ------
    TypeError, ValueError
        If keep_points is negative or not a number.
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
    """Copies of the last points of a run, in order of report.

    Parameters
    ----------
    space : Space
    most : int
        How many to keep, at least 1.
    """

    def __init__(self, space: Space, most: int) -> None:
        self._space = space
        self._most = most
        self._n_rows = max(1, min(most, int(BLOCK_BYTES // (8 * max(1, space.n_columns)))))
        self._is_packed = False
        self._full: deque[npt.NDArray[Any]] = deque()
        self._block: npt.NDArray[Any] = np.empty((0, 0))
        self._n_in_block = 0
        self._n_dropped = 0

    def add(self, candidate: Candidate) -> None:
        """Keep a point. Call this before the solver is told, because steps may overwrite rows."""
        i = self._n_in_block
        if i == len(self._block):
            self._begin_block(candidate)
            i = 0
        if self._is_packed:
            bits = candidate.bits
            self._block[i] = self._space.pack(candidate.u) if bits is None else bits
        else:
            self._block[i] = candidate.u
        self._n_in_block = i + 1

    def _begin_block(self, candidate: Candidate) -> None:
        if self._n_in_block:
            self._full.append(self._block)
        else:
            self._is_packed = candidate.bits is not None
        while (len(self._full) - 1) * self._n_rows >= self._most:
            self._full.popleft()
            self._n_dropped += self._n_rows
        first = candidate.bits if self._is_packed else candidate.u
        assert first is not None
        self._block = np.empty((self._n_rows, len(first)), first.dtype)
        self._n_in_block = 0

    def __iter__(self) -> Iterator[Candidate | None]:
        """Iterate over all evaluations: their points, or None where a point was dropped."""
        n_kept = len(self._full) * self._n_rows + self._n_in_block
        n_surplus = max(0, n_kept - self._most)
        yield from repeat(None, self._n_dropped + n_surplus)
        rows = chain.from_iterable((*self._full, self._block[: self._n_in_block]))
        for row in islice(rows, n_surplus, None):
            if self._is_packed:
                yield PackedCandidate(-1, row, self._space)
            else:
                yield Candidate(-1, row, self._space)
