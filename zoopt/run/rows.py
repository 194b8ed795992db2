"""The rows of recorded candidates, made from the events of a journal when they are needed."""

import base64
import bisect
import zlib
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from zoopt.core.space import Row, Space
from zoopt.run.events import Asked, Group, Kind, digest_of

__all__ = ["RecordedRows", "packed_row", "unpacked_row"]

#: Rows kept for reuse occupy at most this much memory.
MOST_BYTES = 64e6


class RecordedRows:
    """The rows of the candidates of a journal, by their ids.

    Most candidates are recorded as moves. Their rows are made by going back from parent to parent
    until a row is found, and applying the moves from there. Rows of parents are kept for reuse.

    Parameters
    ----------
    groups : sequence of Group
    space : Space
    run : dict
        The entry "run" of the header, which holds the points that were given to the run.
    """

    def __init__(self, groups: Sequence[Group], space: Space, run: dict[str, Any]) -> None:
        self._groups = groups
        self._first_ids = list(accumulate((group.n_asks for group in groups), initial=0))
        self._space = space
        # Points that were reported without an ask have the ids -1, -2, ...: first those that were
        # known before the run, then those reported during the run, which the file does not hold.
        self._known = [unpacked_row(text, space) for text, *_ in run.get("known", ())]
        x0 = [unpacked_row(text, space) for text in run.get("x0", ())]
        self._by_digest = {digest_of(row): row for row in x0}
        self._kept: dict[int, Row] = {}
        self._kept_bytes = 0
        self._missing: dict[int, str] = {}

    def __getitem__(self, ident: int) -> Row:
        """Return the row of a candidate, read-only.

        Raises
        ------
        LookupError
            If the file holds neither the row nor one from which it was made.
        """
        moves: list[tuple[int, Asked]] = []
        at = ident
        while (row := self._kept.get(at)) is None and at >= 0 and at not in self._missing:
            ask = self._ask(at)
            if ask.kind is not Kind.MOVE:
                break
            moves.append((at, ask))
            at = ask.parent
        if row is None:
            try:
                row = self._start(at)
            except LookupError as error:
                parents = [child for child, _ in moves[1:]]
                self._missing.update(dict.fromkeys([at, *parents], str(error)))
                raise
        for child, move in reversed(moves):
            self._keep(at, row)
            row = move.applied_to(row)
            at = child
        return row

    def _ask(self, ident: int) -> Asked:
        i = bisect.bisect_right(self._first_ids, ident) - 1
        return self._groups[i].ask(ident - self._first_ids[i])

    def _start(self, ident: int) -> Row:
        """Return a row that is not recorded as a move."""
        if ident in self._missing:
            raise LookupError(self._missing[ident])
        if ident >= 0:
            return self._whole(self._ask(ident))
        if -ident > len(self._known):
            raise LookupError("it was made from a point that was reported from elsewhere")
        return self._known[-1 - ident]

    def _whole(self, ask: Asked) -> Row:
        if ask.kind is Kind.DIGEST:
            row = self._by_digest.get(ask.content)
            if row is None:
                raise LookupError(
                    "rows above 4 kB are stored as digests; resuming the run makes them again"
                )
            return row
        if ask.kind is Kind.BITS:
            return self._space.unpack(np.frombuffer(zlib.decompress(ask.content), np.uint8))
        return np.frombuffer(ask.content, "<f8")

    def _keep(self, ident: int, row: Row) -> None:
        if ident in self._kept:
            return
        if self._kept_bytes + row.nbytes > MOST_BYTES:
            self._kept.clear()
            self._kept_bytes = 0
        self._kept[ident] = row
        self._kept_bytes += row.nbytes


def packed_row(row: Row, space: Space) -> str:
    """Return a row as a header holds it: the codes in base64.

    The exact values of logarithmic dimensions follow after a comma.
    """
    values = space.exact_values(row)
    return f"{_text(row)},{_text(values)}" if values else _text(row)


def unpacked_row(text: str, space: Space) -> Row:
    """Return a row of a header, read-only, and let the space decode it to its exact values."""
    codes, _, values = text.partition(",")
    row = _numbers(codes)
    if values:
        space.remember(row, _numbers(values).tolist())
    return row


def _text(numbers: Row | list[float]) -> str:
    return base64.b64encode(np.asarray(numbers, "<f8").tobytes()).decode()


def _numbers(text: str) -> Row:
    return np.frombuffer(base64.b64decode(text), "<f8")
