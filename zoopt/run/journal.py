"""The journal: one SQLite file from which a run resumes exactly.

Owns the file's format. A run is its header - what made the solver - and its events: asks and tells
in their order, in groups of at most 0.2 s or 1 MB. Resuming makes the solver from the header and
lets the loop run while `zoopt.run.replay` answers from the file, checking every ask; what was in
flight is then evaluated again under the same ids. No pickle is ever read from it.

While it is written the file is in WAL mode: readable meanwhile, and whole after kill -9. It gets
its name when its header is committed. A lock file beside it, freed by the operating system however
its owner ends, keeps a second process away.
"""

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.errors import JournalError
from zoopt.core.evaluation import STATUSES, Evaluation
from zoopt.core.space import Row
from zoopt.run.lock import FileLock

__all__ = ["FORMAT", "Group", "Journal", "read_groups", "read_header"]

FORMAT = 1
#: Marks the file as ours: "zoop".
APPLICATION_ID = 0x7A6F6F70

#: Commits take at most this share of the time, as far as groups stay below 0.2 s.
MAX_SHARE = 0.01
#: A group is at most 0.2 s, or so many tells, or whole rows of 1 MB.
GROUP_SECONDS = 0.2
GROUP_TELLS = 1 << 13
GROUP_BYTES = 1 << 20
#: A row of more bytes is kept as a digest: replay makes it again.
MAX_ROW_BYTES = 4096
#: Texts of this many failures are kept whole, of later ones the last line.
MAX_TEXTS = 1000

SCHEMA = """
CREATE TABLE header (json TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE groups (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE sessions (budget INTEGER NOT NULL, elapsed REAL NOT NULL);
"""

CODES = {status: code for code, status in enumerate(STATUSES)}
#: First number of an ask that is kept as a digest, of 16 bytes. Of a whole row of d numbers it is
#: ``-2 - d``, then they follow; of a move the number n of columns, then the id of the parent,
#: n columns and n new values.
DIGEST = -1
#: Shapes from here down are of packed bits, compressed to so many bytes more.
PACKED = -(1 << 30)
SHAPE = struct.Struct("<i")
#: Of a tell: asks of its group before it, id, code of the status, worker, value, violation,
#: started, finished.
TELL = struct.Struct("<iqBidddd")
TELLS = np.dtype(
    [
        ("asks", "<i4"),
        ("id", "<i8"),
        ("status", "u1"),
        ("worker", "<i4"),
        ("value", "<f8"),
        ("violation", "<f8"),
        ("started", "<f8"),
        ("finished", "<f8"),
    ]
)
#: Number of asks, then the lengths in bytes of asks, tells and words (JSON).
HEAD = struct.Struct("<4Q")


@functools.cache
def move_of(n: int) -> struct.Struct:
    return struct.Struct(f"<iq{n}i{n}d")


class Group:
    """Events as they stand in the file.

    Attributes
    ----------
    n_asks : int
    asks : bytes
    tells : structured array
        Of dtype `TELLS`.
    texts : dict
        Of what was not ok, by the position of its tell in the group.
    names : list of str
        Of the workers first seen in this group.
    """

    def __init__(self, data: bytes) -> None:
        self.n_asks, n_bytes, n_tells, n_words = HEAD.unpack_from(data)
        first = HEAD.size + n_bytes
        self.asks = data[HEAD.size : first]
        self.tells = np.frombuffer(data[first : first + n_tells], TELLS)
        words = json.loads(data[first + n_tells : first + n_tells + n_words])
        self.texts: dict[int, str] = {int(i): text for i, text in words["texts"].items()}
        self.names: list[str] = words["names"]

    def offsets(self) -> Iterator[tuple[int, int]]:
        """Yield the shape of each ask, and where in ``asks`` it begins."""
        place = 0
        for _ in range(self.n_asks):
            shape = SHAPE.unpack_from(self.asks, place)[0]
            yield shape, place
            place += move_of(shape).size if shape >= 0 else SHAPE.size + n_bytes_of(shape)


def n_bytes_of(shape: int) -> int:
    """Return how many bytes follow the shape of a row, of a digest or of packed bits."""
    if shape == DIGEST:
        return 16
    return PACKED - shape if shape <= PACKED else 8 * (-2 - shape)


class Told(NamedTuple):
    """A recorded tell."""

    id: int
    evaluation: Evaluation


class Asked(NamedTuple):
    """A recorded ask: a move with its new values, or a row, or a digest of one, or packed bits."""

    move: tuple[int, ...] | None
    numbers: bytes
    digest: bytes
    packed: bytes = b""

    def is_that_of(self, candidate: Candidate) -> bool:
        move = candidate.move
        if self.move is not None:
            if move is None or tuple(move) != self.move:
                return False
            return np.array(candidate.values_in(move[1:]), "<f8").tobytes() == self.numbers
        if self.packed:
            bits = b"" if candidate.bits is None else candidate.bits.tobytes()
            return move is None and zlib.decompress(self.packed) == bits
        if self.digest:
            return move is None and digest_of(candidate.u) == self.digest
        return candidate.u.tobytes() == self.numbers


def digest_of(row: Row) -> bytes:
    """Return 128 bits that tell rows apart."""
    return hashlib.blake2b(row.data, digest_size=16).digest()


class Journal:
    """The file of one run, opened for writing.

    Parameters
    ----------
    path : path
        Made with this header if it is not there; otherwise the run in it goes on.
    header : dict
        What made the solver, in terms of JSON. One that differs from the file's raises.
    budget : int
        That of this session, which may be larger than the planned one.

    Raises
    ------
    JournalError
        If the file is no journal, of a newer format, of another run, damaged, in use, or the
        folder cannot be written to. Nothing was changed.
    """

    def __init__(
        self, path: str | os.PathLike[str], header: dict[str, Any], budget: int = 0
    ) -> None:
        self.path = Path(path).resolve()
        self.budget = budget
        self._lock = FileLock(self.path)
        try:
            if not self.path.exists():
                _create(self.path, header)
            else:
                _compare(self.path, read_header(self.path), header)
            self._connection = _connect(self.path, "rw")
            try:
                self._check_all()
                self._connection.execute("PRAGMA synchronous=NORMAL")
            except BaseException:
                self._connection.close()
                raise
        except BaseException as error:
            self._lock.release()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise _explained(self.path, error) from error
            raise
        self._new_group()
        self._names: dict[str, int] = {}
        self._n_texts = 0
        self._closed = False
        self._failed = False
        self._has_written = False
        self._due = perf_counter() + GROUP_SECONDS

    def _check_all(self) -> None:
        """Read every group once, so that damage shows before anything is replayed."""
        self._number = -1
        self.n_asked = 0
        self.n_told = 0
        self.elapsed = 0.0
        for group in _groups(self._connection, self.path):
            self._number += 1
            self.n_asked += group.n_asks
            self.n_told += len(group.tells)
            self.elapsed = float(np.fmax.reduce(group.tells["finished"], initial=self.elapsed))
        for (elapsed,) in self._connection.execute("SELECT elapsed FROM sessions"):
            self.elapsed = max(self.elapsed, elapsed)

    def events(self) -> Iterator[Asked | Told]:
        """Yield what the file holds, in order; names of workers are learnt on the way."""
        for group in _groups(self._connection, self.path):
            for name in group.names:
                self._names.setdefault(name, len(self._names))
            names = list(self._names)
            self._n_texts += len(group.texts)
            asks = _asks(group)
            n_asks = 0
            for n_before, told in _tells(group, names):
                while n_asks < n_before:
                    yield next(asks)
                    n_asks += 1
                yield told
            yield from asks

    # An event is noted by one append, so that an interrupt leaves it whole or out.

    def asked(self, candidate: Candidate) -> None:
        """Note an ask."""
        move = candidate.move
        if move is not None:
            columns = move[1:]
            n = len(columns)
            self._asks.append(move_of(n).pack(n, *move, *candidate.values_in(columns)))
            return
        if candidate.bits is not None:
            packed = zlib.compress(candidate.bits.tobytes())
            if len(packed) <= MAX_ROW_BYTES:
                self._asks.append(SHAPE.pack(PACKED - len(packed)) + packed)
                return
        u = candidate.u
        if u.nbytes > MAX_ROW_BYTES:
            self._asks.append(SHAPE.pack(DIGEST) + digest_of(u))
        else:
            self._asks.append(SHAPE.pack(-2 - len(u)) + u.tobytes())
            if len(self._asks) * u.nbytes > GROUP_BYTES:
                self._due = 0.0

    def told(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Note a tell."""
        worker = self._names.get(evaluation.worker)
        if worker is None:
            worker = self._names[evaluation.worker] = len(self._names)
            self._new_names.append(evaluation.worker)
        if evaluation.error:
            whole = self._n_texts < MAX_TEXTS
            text = evaluation.error if whole else evaluation.error.splitlines()[-1]
            self._texts[len(self._tells)] = text
            self._n_texts += 1
        self._tells.append(
            TELL.pack(
                len(self._asks),
                candidate.id,
                CODES[evaluation.status],
                worker,
                evaluation.value,
                evaluation.violation,
                evaluation.started,
                evaluation.finished,
            )
        )

    def _new_group(self) -> None:
        self._asks: list[bytes] = []
        self._tells: list[bytes] = []
        self._texts: dict[int, str] = {}
        self._new_names: list[str] = []

    def _pack(self) -> bytes:
        """Return the bytes of the group."""
        asks, tells = b"".join(self._asks), b"".join(self._tells)
        words = json.dumps({"texts": self._texts, "names": self._new_names}).encode()
        head = HEAD.pack(len(self._asks), len(asks), len(tells), len(words))
        return head + asks + tells + words

    @property
    def seconds_to_commit(self) -> float | None:
        """How long what was noted may wait; None if there is nothing."""
        return max(0.0, self._due - perf_counter()) if self._tells else None

    def commit_if_due(self) -> None:
        """Write the group if it is old or large enough."""
        if perf_counter() >= self._due or len(self._tells) >= GROUP_TELLS:
            self.commit()

    def commit(self) -> None:
        """Write what was noted.

        Raises
        ------
        JournalError
            If the disk is full or the file cannot be written; it is readable to the last commit.
        """
        began = perf_counter()
        self._due = began + GROUP_SECONDS
        if self._failed or not (self._asks or self._tells):
            return
        try:
            data = self._pack()
            self._new_group()
            with self._connection:
                if not self._has_written:  # a file that is only replayed stays as it is
                    self._connection.execute(
                        "INSERT INTO sessions VALUES (?, ?)", (self.budget, self.elapsed)
                    )
                self._connection.execute(
                    "INSERT INTO groups VALUES (?, ?, ?)",
                    (self._number + 1, zlib.crc32(data), data),
                )
        except BaseException as error:
            self._failed = True  # what comes later would leave a gap
            if isinstance(error, sqlite3.Error):
                raise _explained(self.path, error) from error
            raise
        self._has_written = True
        self._number += 1
        now = perf_counter()
        self._due = now + min(GROUP_SECONDS, (now - began) / MAX_SHARE)

    def close(self, elapsed: float) -> None:
        """Write what is left and how long the run took, and let go of the file."""
        if self._closed:
            return
        self._closed = True
        try:
            self.commit()
            if self._has_written and not self._failed:
                with self._connection:
                    self._connection.execute(
                        "UPDATE sessions SET elapsed = ? WHERE rowid = "
                        "(SELECT MAX(rowid) FROM sessions)",
                        (elapsed,),
                    )
                # The last connection to close would do it, but that may be a reader's, who cannot.
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error
        finally:
            self._connection.close()
            self._lock.release()


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header of a journal; its "budget" is that of the latest session.

    Raises
    ------
    FileNotFoundError, JournalError
    """
    return _read(Path(path).resolve())[0]


def read_groups(path: str | os.PathLike[str]) -> list[Group]:
    """Return the groups of a journal, also of one that is being written.

    Raises
    ------
    FileNotFoundError, JournalError
    """
    path = Path(path).resolve()
    return [_checked_group(path, i, row) for i, row in enumerate(_read(path, True)[1])]


def _read(path: Path, whole: bool = False) -> tuple[dict[str, Any], list[Any]]:
    """Return the header, and the rows of the groups if they are wanted."""
    try:
        path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except OSError as error:  # the folder cannot be looked into
        raise _explained(path, error) from error
    # A file without a log is read as it is, which leaves nothing beside it. If a writer came
    # meanwhile there is a log now, and what was read may be half of this and half of that.
    for mode in ("ro&immutable=1", "ro"):
        if mode != "ro" and _log_of(path).exists():
            continue
        try:
            with contextlib.closing(_connect(path, mode)) as connection:
                found = _header(connection, path), _rows(connection) if whole else []
        except (JournalError, sqlite3.Error, OSError) as error:
            if mode == "ro" or not _log_of(path).exists():
                raise _explained(path, error) from error
            continue
        if mode == "ro" or not _log_of(path).exists():
            return found
    raise JournalError(f"the checkpoint file {path} cannot be used: its log comes and goes")


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _header(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise JournalError(f"{path} is no checkpoint file of zoopt")
    number = connection.execute("PRAGMA user_version").fetchone()[0]
    if number > FORMAT:
        raise JournalError(
            f"{path} has format {number}, and this version of zoopt reads formats up to {FORMAT}: "
            "it was written by a newer version"
        )
    row = connection.execute("SELECT json, crc FROM header").fetchone()
    if row is None or type(row[0]) is not str or zlib.crc32(row[0].encode()) != row[1]:
        raise JournalError(f"{path} is damaged: its header does not read")
    header: dict[str, Any] = json.loads(row[0])
    budgets = connection.execute("SELECT MAX(budget) FROM sessions").fetchone()
    header["budget"] = max(header["run"].get("budget", 0), budgets[0] or 0)
    return header


def _rows(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("SELECT number, crc, data FROM groups ORDER BY number").fetchall()


def _checked_group(path: Path, expected: int, row: Any) -> Group:
    number, crc, data = row
    try:
        if number == expected and zlib.crc32(data) == crc:
            return Group(data)
    except (TypeError, ValueError, KeyError, struct.error):
        pass
    raise JournalError(f"{path} is damaged: group {expected} of its events does not read")


def _groups(connection: sqlite3.Connection, path: Path) -> Iterator[Group]:
    rows = connection.execute("SELECT number, crc, data FROM groups ORDER BY number")
    for i, row in enumerate(rows):
        yield _checked_group(path, i, row)


def _asks(group: Group) -> Iterator[Asked]:
    data = group.asks
    for shape, place in group.offsets():
        if shape >= 0:
            _, *move = move_of(shape).unpack_from(data, place)
            end = place + move_of(shape).size
            yield Asked(tuple(move[: shape + 1]), data[end - 8 * shape : end], b"")
            continue
        place += SHAPE.size
        kept = data[place : place + n_bytes_of(shape)]
        if shape == DIGEST:
            yield Asked(None, b"", kept)
        elif shape <= PACKED:
            yield Asked(None, b"", b"", kept)
        else:
            yield Asked(None, kept, b"")


def _tells(group: Group, names: list[str]) -> Iterator[tuple[int, Told]]:
    for i, (n_before, ident, status, worker, *numbers) in enumerate(group.tells.tolist()):
        value, violation, started, finished = numbers
        evaluation = Evaluation(
            value,
            STATUSES[status],
            violation,
            group.texts.get(i, ""),
            started,
            finished,
            names[worker],
        )
        yield n_before, Told(ident, evaluation)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, check_same_thread=False
    )


def _create(path: Path, header: dict[str, Any]) -> None:
    """Write the header under another name, and give the file its name when it is committed."""
    draft = path.with_name(f"{path.name}.new")  # we hold the lock: a left one is nobody's
    for suffix in ("", "-wal", "-shm"):
        Path(f"{draft}{suffix}").unlink(missing_ok=True)
    try:
        with contextlib.closing(_connect(draft, "rwc")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.executescript(SCHEMA)
            with connection:
                text = json.dumps(header)
                connection.execute(
                    "INSERT INTO header VALUES (?, ?)", (text, zlib.crc32(text.encode()))
                )
        os.replace(draft, path)
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{draft}{suffix}").unlink(missing_ok=True)


def _compare(path: Path, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Raise if a file belongs to another run, naming what differs."""
    for name, value in ours["run"].items():
        before = theirs["run"].get(name)
        if before != json.loads(json.dumps(value)):
            raise JournalError(
                f"{path} belongs to another run: {name} is {_short(before)} there and "
                f"{_short(value)} here; nothing was changed"
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _explained(path: Path, error: Exception) -> JournalError:
    if isinstance(error, JournalError):
        return error
    return JournalError(f"the checkpoint file {path} cannot be used: {error}")
