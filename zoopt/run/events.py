"""The events of a journal as bytes: records of asks and tells, and the groups they are stored in.

Knows nothing of files. All numbers are little-endian.

A group begins with four 8-byte counts: its number of asks, then the lengths in bytes of the asks,
the tells and the words. These three parts follow in this order. The rest of the group, if there is
any, consists of reports.

- Asks are records of different lengths. Each begins with a head, its `Kind` and the length of its
  content; the content follows.
- Tells are an array of dtype `TELLS`.
- Words are a JSON object: the texts of errors, and the names of workers.
- Reports are an array of dtype `REPORTS`, ordered by tell, then step.
"""

import enum
import functools
import hashlib
import itertools
import json
import operator
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import STATUSES, Evaluation, Reports
from zoopt.core.space import Row

__all__ = [
    "MAX_ROW_BYTES",
    "TELLS",
    "Asked",
    "Group",
    "Kind",
    "Told",
    "packed_ask",
    "packed_reports",
    "packed_tell",
]

#: Rows of more bytes are recorded as digests; a replay computes these rows again.
MAX_ROW_BYTES = 4096


class Kind(enum.IntEnum):
    """How a candidate is recorded, and the content of its record."""

    #: The record holds the difference from an earlier candidate: the id of that parent as int64,
    #: the n columns that differ as int32, and their n new values as float64.
    MOVE = 0
    #: The record holds the row as float64.
    ROW = 1
    #: The record holds the packed bits, compressed by zlib.
    BITS = 2
    #: The record holds a digest of the row, 16 bytes.
    DIGEST = 3


KINDS = tuple(Kind)
MOVE, ROW, BITS, DIGEST = KINDS

#: The head of an ask: its kind, and the length of its content in bytes.
ASK_HEAD = struct.Struct("<BI")
#: The part of a move before its columns.
PARENT = struct.Struct("<q")
BYTES_PER_COLUMN = 4 + 8

#: A tell. ``asks_before`` counts the asks of the same group that came before it, ``status`` is an
#: index into `STATUSES`, ``worker`` is an index into the names of workers in all groups so far.
TELLS = np.dtype(
    [
        ("asks_before", "<i4"),
        ("id", "<i8"),
        ("status", "u1"),
        ("worker", "<i4"),
        ("value", "<f8"),
        ("violation", "<f8"),
        ("started", "<f8"),
        ("finished", "<f8"),
    ]
)
#: Packs one tell in the layout of `TELLS`, faster than a NumPy record.
TELL = struct.Struct("<iqBidddd")
#: An intermediate value. ``tell`` is the position of its tell in the group.
REPORTS = np.dtype([("tell", "<i4"), ("step", "<i8"), ("value", "<f8")])
REPORT = struct.Struct("<iqd")
STATUS_CODES = {status: code for code, status in enumerate(STATUSES)}


@functools.cache
def move_packer(n: int) -> Callable[..., bytes]:
    """Return a function that packs a move: its parent, its n columns, and their values."""
    layout = struct.Struct(f"<BIq{n}i{n}d")
    return functools.partial(layout.pack, MOVE, layout.size - ASK_HEAD.size)


def digest_of(row: Row) -> bytes:
    """Return a digest of 128 bits, different for different rows."""
    return hashlib.blake2b(row.data, digest_size=16).digest()


def packed_ask(candidate: Candidate) -> bytes:
    """Return the record of an ask."""
    move = candidate.move
    if move is not None:
        columns = move[1:]
        return move_packer(len(columns))(*move, *candidate.values_in(columns))
    if candidate.bits is not None:
        compressed = zlib.compress(candidate.bits.tobytes())
        if len(compressed) <= MAX_ROW_BYTES:
            return ASK_HEAD.pack(BITS, len(compressed)) + compressed
    row = candidate.u
    if row.nbytes > MAX_ROW_BYTES:
        digest = digest_of(row)
        return ASK_HEAD.pack(DIGEST, len(digest)) + digest
    return ASK_HEAD.pack(ROW, row.nbytes) + row.tobytes()


def packed_tell(asks_before: int, ident: int, evaluation: Evaluation, worker: int) -> bytes:
    """Return the record of a tell."""
    return TELL.pack(
        asks_before,
        ident,
        STATUS_CODES[evaluation.status],
        worker,
        evaluation.value,
        evaluation.violation,
        evaluation.started,
        evaluation.finished,
    )


def packed_reports(tell: int, reports: Reports) -> bytes:
    """Return the records of the reports of a tell, given its position in the group."""
    return b"".join(REPORT.pack(tell, step, value) for step, value in reports)


class Asked(NamedTuple):
    """A recorded ask."""

    kind: Kind
    content: bytes

    def is_that_of(self, candidate: Candidate) -> bool:
        """Return whether a candidate is the recorded one."""
        if candidate.move is not None or self.kind is MOVE:
            if candidate.move is None or self.kind is not MOVE:
                return False
            return packed_ask(candidate)[ASK_HEAD.size :] == self.content
        if self.kind is BITS:
            bits = candidate.bits
            return bits is not None and zlib.decompress(self.content) == bits.tobytes()
        if self.kind is DIGEST:
            return digest_of(candidate.u) == self.content
        return candidate.u.tobytes() == self.content

    @property
    def parent(self) -> int:
        """The id of the parent, if the kind is MOVE."""
        parent: int = PARENT.unpack_from(self.content)[0]
        return parent

    def applied_to(self, row: Row) -> Row:
        """Return the row of the candidate from the row of its parent, if the kind is MOVE."""
        n = (len(self.content) - PARENT.size) // BYTES_PER_COLUMN
        columns = np.frombuffer(self.content, "<i4", n, PARENT.size)
        row = row.copy()
        row[columns] = np.frombuffer(self.content, "<f8", n, PARENT.size + columns.nbytes)
        row.flags.writeable = False
        return row


class Told(NamedTuple):
    """A recorded tell."""

    id: int
    evaluation: Evaluation


class Group:
    """Consecutive events, stored together.

    Attributes
    ----------
    n_asks : int
    tells : structured array of dtype `TELLS`
    errors : dict of int to str
        Texts of unsuccessful evaluations, by position in ``tells``.
    workers : list of str
        Names of workers that do not occur in earlier groups.
    reports : dict of int to tuple
        Intermediate values, by position in ``tells``.
    """

    HEAD = struct.Struct("<4Q")
    #: Where the content of an ask lies among the asks of its group.
    PLACES = np.dtype([("kind", "u1"), ("start", "<i8"), ("end", "<i8")])

    def __init__(self, data: bytes) -> None:
        self.n_asks, *lengths = Group.HEAD.unpack_from(data)
        parts, start = [], Group.HEAD.size
        for length in lengths:
            parts.append(data[start : start + length])
            start += length
        self._asks, tells, words = parts
        self.tells = np.frombuffer(tells, TELLS)
        read = json.loads(words)
        self.errors: dict[int, str] = {int(i): text for i, text in read["errors"].items()}
        self.workers: list[str] = read["workers"]
        self._reports = np.frombuffer(data, REPORTS, offset=start)

    @functools.cached_property
    def reports(self) -> dict[int, Reports]:
        """The steps and values that were reported, by position in ``tells``."""
        records = itertools.groupby(self._reports.tolist(), key=operator.itemgetter(0))
        return {tell: tuple((step, value) for _, step, value in each) for tell, each in records}

    @staticmethod
    def packed(
        asks: Sequence[bytes],
        tells: Sequence[bytes],
        errors: Mapping[int, str],
        workers: Sequence[str],
        reports: Sequence[bytes] = (),
    ) -> bytes:
        """Return the bytes of a group of packed asks, tells and reports."""
        words = json.dumps({"errors": errors, "workers": workers}).encode()
        parts = b"".join(asks), b"".join(tells), words
        return Group.HEAD.pack(len(asks), *map(len, parts)) + b"".join((*parts, *reports))

    @functools.cached_property
    def places(self) -> npt.NDArray[Any]:
        """Where the asks are: a structured array of dtype `PLACES`."""
        places = []
        end = 0
        for _ in range(self.n_asks):
            kind, length = ASK_HEAD.unpack_from(self._asks, end)
            start = end + ASK_HEAD.size
            end = start + length
            places.append((kind, start, end))
        return np.array(places, Group.PLACES)

    def ask(self, i: int) -> Asked:
        """Return ask number i of the group."""
        return self._ask(*self.places[i].item())

    def _ask(self, kind: int, start: int, end: int) -> Asked:
        return Asked(KINDS[kind], self._asks[start:end])

    def events(self, workers: Sequence[str]) -> Iterator[Asked | Told]:
        """Yield asks and tells in order; ``workers`` holds the names in all groups so far."""
        asks = itertools.starmap(self._ask, self.places.tolist())
        n_asks = 0
        for i, (asks_before, ident, status, worker, *numbers) in enumerate(self.tells.tolist()):
            for _ in range(n_asks, asks_before):
                yield next(asks)
            n_asks = asks_before
            value, violation, started, finished = numbers
            evaluation = Evaluation(
                value,
                STATUSES[status],
                violation,
                self.errors.get(i, ""),
                started,
                finished,
                workers[worker],
                reports=self.reports.get(i, ()),
            )
            yield Told(ident, evaluation)
        yield from asks
