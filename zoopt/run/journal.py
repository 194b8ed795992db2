"""The journal: one SQLite file from which a run resumes exactly, and what writes and replays it.

Owns the file's format. A run is its header - what made the solver - and its events: asks and tells
in their order, in groups of at most 0.2 s or 1 MB. Resuming makes the solver from the header and
lets the loop run while `JournalExecutor` answers from the file, checking every ask; what was in
flight is then evaluated again under the same ids. No pickle is ever read from it.

While it is written the file is in WAL mode: readable meanwhile, and whole after kill -9. It gets
its name when its header is committed. A lock file beside it, freed by the operating system however
its owner ends, keeps a second process away.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import struct
import zlib
from array import array
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from zoopt.contract import STATUSES, Candidate, Evaluation
from zoopt.errors import JournalError
from zoopt.run.executor import Evaluate, Executor, Outcome
from zoopt.space import Row

__all__ = ["FORMAT", "Group", "Journal", "JournalExecutor", "read_groups", "read_header"]

FORMAT = 1
#: Marks the file as ours: "zoop".
APPLICATION_ID = 0x7A6F6F70

GROUP_SECONDS = 0.2
GROUP_BYTES = 1 << 20
#: A row of more bytes is kept as a digest: replay makes it again.
MAX_ROW_BYTES = 4096
#: Texts of this many failures are kept whole, of later ones the last line.
MAX_TEXTS = 1000

SCHEMA = """
CREATE TABLE header (json TEXT NOT NULL);
CREATE TABLE groups (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE sessions (elapsed REAL NOT NULL);
"""

ASK, TELL = 0, 1
#: Shape of an ask that is kept as a digest; that of a whole row of d numbers is ``-2 - d``.
DIGEST = -1

#: Names and types of the arrays of a group, in the order of the file.
ARRAYS = {
    "kinds": "B",  # of the events, ASK or TELL
    "shapes": "i",  # of each ask: number of changed columns, or DIGEST, or -2 - width of a row
    "parents": "q",  # of each ask that changes its parent
    "columns": "i",
    "numbers": "d",  # new values, and rows
    "digests": "B",
    "ids": "q",  # of each tell, as are all below
    "statuses": "B",
    "workers": "i",
    "values": "d",
    "violations": "d",
    "started": "d",
    "finished": "d",
}
HEAD = struct.Struct(f"<{len(ARRAYS) + 1}Q")


class Group:
    """Events on their way to or from the file, as arrays."""

    def __init__(self) -> None:
        for name, code in ARRAYS.items():
            setattr(self, name, array(code))
        #: Texts by the position of the tell in the group, and names of workers seen first here.
        self.texts: dict[int, str] = {}
        self.names: list[str] = []

    kinds: Any
    shapes: Any
    parents: Any
    columns: Any
    numbers: Any
    digests: Any
    ids: Any
    statuses: Any
    workers: Any
    values: Any
    violations: Any
    started: Any
    finished: Any

    def pack(self) -> bytes:
        parts = [getattr(self, name).tobytes() for name in ARRAYS]
        parts.append(json.dumps({"texts": self.texts, "names": self.names}).encode())
        return HEAD.pack(*map(len, parts)) + b"".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> "Group":
        group = cls()
        place = HEAD.size
        *lengths, length = HEAD.unpack_from(data)
        for (name, code), n in zip(ARRAYS.items(), lengths, strict=True):
            setattr(group, name, np.frombuffer(data[place : place + n], code))
            place += n
        words = json.loads(data[place : place + length])
        group.texts = {int(i): text for i, text in words["texts"].items()}
        group.names = words["names"]
        return group


class Told(NamedTuple):
    """A recorded tell."""

    id: int
    evaluation: Evaluation


class Asked(NamedTuple):
    """A recorded ask: a move with its new values, or a row, or a digest of one."""

    move: tuple[int, ...] | None
    numbers: bytes
    digest: bytes

    def is_that_of(self, candidate: Candidate) -> bool:
        move, u = candidate.move, candidate.u
        if self.move is not None:
            if move is None or tuple(move) != self.move:
                return False
            return u[list(move[1:])].tobytes() == self.numbers
        if self.digest:
            return move is None and digest_of(u) == self.digest
        return u.tobytes() == self.numbers


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

    Raises
    ------
    JournalError
        If the file is no journal, of a newer format, of another run, damaged, in use, or the
        folder cannot be written to. Nothing was changed.
    """

    def __init__(self, path: str | os.PathLike[str], header: dict[str, Any]) -> None:
        self.path = Path(path)
        self._lock = _Lock(self.path)
        try:
            if not self.path.exists():
                _create(self.path, header)
            else:
                _compare(self.path, read_header(self.path), header)
            self._connection = _connect(self.path, "rw")
            try:
                self._check_all()
            except BaseException:
                self._connection.close()
                raise
        except BaseException as error:
            self._lock.release()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise _explained(self.path, error) from error
            raise
        self._group = Group()
        self._names: dict[str, int] = {}
        self._n_texts = 0
        self._closed = False
        self._has_written = False
        self._last_commit = perf_counter()

    def _check_all(self) -> None:
        """Read every group once, so that damage shows before anything is replayed."""
        self._number = -1
        self.n_asked = 0
        self.n_told = 0
        self.elapsed = 0.0
        for number, group in _groups(self._connection, self.path):
            self._number = number
            self.n_asked += len(group.shapes)
            self.n_told += len(group.ids)
            self.elapsed = float(np.fmax.reduce(group.finished, initial=self.elapsed))
        for (elapsed,) in self._connection.execute("SELECT elapsed FROM sessions"):
            self.elapsed = max(self.elapsed, elapsed)

    def events(self) -> Iterator[Asked | Told]:
        """Yield what the file holds, in order; names of workers are learnt on the way."""
        for _, group in _groups(self._connection, self.path):
            for name in group.names:
                self._names.setdefault(name, len(self._names))
            names = list(self._names)
            self._n_texts += len(group.texts)
            asks, tells = _asks(group), _tells(group, names)
            for kind in group.kinds.tolist():
                yield next(asks) if kind == ASK else next(tells)

    def asked(self, candidate: Candidate) -> None:
        """Note an ask."""
        group, move, u = self._group, candidate.move, candidate.u
        group.kinds.append(ASK)
        if move is not None:
            columns = move[1:]
            group.shapes.append(len(columns))
            group.parents.append(move[0])
            group.columns.extend(columns)
            for k in columns:
                group.numbers.append(u[k])
        elif u.nbytes <= MAX_ROW_BYTES:
            group.shapes.append(-2 - len(u))
            group.numbers.frombytes(u.tobytes())
        else:
            group.shapes.append(DIGEST)
            group.digests.frombytes(digest_of(u))

    def told(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Note a tell."""
        group = self._group
        group.kinds.append(TELL)
        worker = self._names.get(evaluation.worker)
        if worker is None:
            worker = self._names[evaluation.worker] = len(self._names)
            group.names.append(evaluation.worker)
        if evaluation.error:
            whole = self._n_texts < MAX_TEXTS
            text = evaluation.error if whole else evaluation.error.splitlines()[-1]
            group.texts[len(group.ids)] = text
            self._n_texts += 1
        group.ids.append(candidate.id)
        group.statuses.append(STATUSES.index(evaluation.status))
        group.workers.append(worker)
        group.values.append(evaluation.value)
        group.violations.append(evaluation.violation)
        group.started.append(evaluation.started)
        group.finished.append(evaluation.finished)

    @property
    def seconds_to_commit(self) -> float | None:
        """How long what was noted may wait; None if there is nothing."""
        if not self._group.ids:
            return None
        return max(0.0, self._last_commit + GROUP_SECONDS - perf_counter())

    def commit_if_due(self) -> None:
        """Write the group if it is old or large enough."""
        if (
            perf_counter() - self._last_commit >= GROUP_SECONDS
            or len(self._group.kinds) >= GROUP_BYTES // 64
            or len(self._group.numbers) >= GROUP_BYTES // 8
        ):
            self.commit()

    def commit(self) -> None:
        """Write what was noted.

        Raises
        ------
        JournalError
            If the disk is full or the file cannot be written; it is readable to the last commit.
        """
        group, self._group = self._group, Group()
        self._last_commit = perf_counter()
        if not group.kinds:
            return
        data = group.pack()
        try:
            if not self._has_written:  # a file that is only replayed stays as it is
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")
                self._has_written = True
            with self._connection:
                self._connection.execute(
                    "INSERT INTO groups VALUES (?, ?, ?)",
                    (self._number + 1, zlib.crc32(data), data),
                )
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error
        self._number += 1

    def close(self, elapsed: float) -> None:
        """Write what is left and how long the run took, and let go of the file."""
        if self._closed:
            return
        self._closed = True
        try:
            self.commit()
            if not self._has_written:
                return
            with self._connection:
                self._connection.execute("DELETE FROM sessions")
                self._connection.execute("INSERT INTO sessions VALUES (?)", (elapsed,))
            with contextlib.suppress(sqlite3.OperationalError):  # somebody reads it now
                self._connection.execute("PRAGMA journal_mode=DELETE")  # leaves one file
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error
        finally:
            self._connection.close()
            self._lock.release()


class JournalExecutor:
    """Writes down what goes through another executor, after answering from the file.

    Parameters
    ----------
    inner : Executor
    journal : Journal

    Attributes
    ----------
    replaying : bool
        Whether the last outcome came from the file.
    behind : bool
        Whether more outcomes will.
    """

    def __init__(self, inner: Executor, journal: Journal) -> None:
        self.immediate = inner.immediate
        self.replaying = False
        self._inner = inner
        self._journal = journal
        self._n_to_replay = journal.n_told
        self._events = journal.events()
        self._next: Asked | Told | None = next(self._events, None)
        self._flight: dict[int, Candidate] = {}
        self._again: deque[Candidate] = deque()
        self._n_inside = 0
        self._origin = perf_counter()

    @property
    def behind(self) -> bool:
        return self._n_to_replay > 0

    @property
    def capacity(self) -> int:
        if self._next is not None:  # as many as the file asks next: more, or none
            return len(self._flight) + (1 if isinstance(self._next, Asked) else 0)
        return self._inner.capacity

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        self._origin = origin
        try:
            if budget < self._journal.n_asked:
                raise ValueError(
                    f"budget must be at least the {self._journal.n_asked} evaluations that "
                    f"{self._journal.path} holds, got {budget}"
                )
            self._inner.start(evaluate, budget, origin, in_flight)
        except BaseException:
            self._journal.close(self._journal.elapsed)
            raise

    def submit(self, candidate: Candidate) -> Evaluation | None:
        if self._next is not None:
            self._replay_ask(candidate)
            return None
        self._journal.asked(candidate)
        if self._again:  # those that were in flight come first
            self._flight[candidate.id] = candidate
            self._again.append(candidate)
            return None
        return self._pass_on(candidate)

    def _replay_ask(self, candidate: Candidate) -> None:
        if not isinstance(self._next, Asked) or not self._next.is_that_of(candidate):
            raise self._mismatch(f"ask {candidate.id}")
        self._flight[candidate.id] = candidate
        self._next = next(self._events, None)
        if self._next is None:
            self._again.extend(self._flight.values())

    def _mismatch(self, where: str) -> JournalError:
        return JournalError(
            f"{self._journal.path} does not fit this run: {where} differs from the file, so "
            "the solver, its options or the version of zoopt changed; the file was left as it is"
        )

    def _pass_on(self, candidate: Candidate) -> Evaluation | None:
        self._flight[candidate.id] = candidate
        evaluation = self._inner.submit(candidate)
        if evaluation is None:
            self._n_inside += 1
        else:
            self._note([(candidate, evaluation)])
        return evaluation

    def _note(self, outcomes: list[Outcome]) -> None:
        self.replaying = False
        for candidate, evaluation in outcomes:
            del self._flight[candidate.id]
            self._journal.told(candidate, evaluation)
        self._journal.commit_if_due()

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        if self._next is not None:
            return [self._replay_tell()]
        while self._again and self._n_inside < self._inner.capacity:
            candidate = self._again.popleft()
            evaluation = self._pass_on(candidate)
            if evaluation is not None:
                return [(candidate, evaluation)]
        until = None if timeout is None else perf_counter() + timeout
        while True:
            left = None if until is None else max(0.0, until - perf_counter())
            due = self._journal.seconds_to_commit
            patience = left if due is None else due if left is None else min(due, left)
            outcomes = self._inner.collect(patience)
            if outcomes:
                self._n_inside -= len(outcomes)
                self._note(outcomes)
                return outcomes
            self._journal.commit_if_due()
            if until is not None and perf_counter() >= until:
                return []

    def _replay_tell(self) -> Outcome:
        told = self._next
        if not isinstance(told, Told) or told.id not in self._flight:
            raise self._mismatch(f"what follows {self._journal.n_told - self._n_to_replay} tells")
        self.replaying = True
        self._n_to_replay -= 1
        candidate = self._flight.pop(told.id)
        self._next = next(self._events, None)
        if self._next is None:
            self._again.extend(self._flight.values())
        return candidate, told.evaluation

    def cancel(self, ident: int) -> None:
        if ident in self._flight and all(c.id != ident for c in self._again):
            self._inner.cancel(ident)

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._journal.close(perf_counter() - self._origin)


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header of a journal.

    Raises
    ------
    FileNotFoundError, JournalError
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {os.fspath(path)}")
    try:
        with contextlib.closing(_open_to_read(Path(path))) as connection:
            ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            if not ours:
                raise JournalError(f"{os.fspath(path)} is no checkpoint file of zoopt")
            number = connection.execute("PRAGMA user_version").fetchone()[0]
            if number > FORMAT:
                raise JournalError(
                    f"{os.fspath(path)} has format {number}, and this version of zoopt reads "
                    f"formats up to {FORMAT}: it was written by a newer version"
                )
            header: dict[str, Any] = json.loads(
                connection.execute("SELECT json FROM header").fetchone()[0]
            )
            return header
    except (sqlite3.Error, OSError, TypeError, ValueError) as error:
        raise _explained(Path(path), error) from error


def read_groups(path: str | os.PathLike[str]) -> list[Group]:
    """Return the groups of a journal, also of one that is being written.

    Raises
    ------
    FileNotFoundError, JournalError
    """
    read_header(path)
    try:
        with contextlib.closing(_open_to_read(Path(path))) as connection:
            return [group for _, group in _groups(connection, Path(path))]
    except sqlite3.Error as error:
        raise _explained(Path(path), error) from error


def _groups(connection: sqlite3.Connection, path: Path) -> Iterator[tuple[int, Group]]:
    rows = connection.execute("SELECT * FROM groups ORDER BY number")
    for expected, (number, crc, data) in enumerate(rows):
        if number != expected or zlib.crc32(data) != crc:
            raise JournalError(f"{path} is damaged: group {expected} of its events does not read")
        yield number, Group.unpack(data)


def _asks(group: Group) -> Iterator[Asked]:
    parents = iter(group.parents.tolist())
    columns, numbers = group.columns.tolist(), group.numbers
    i = j = k = 0
    for shape in group.shapes.tolist():
        if shape >= 0:
            move = next(parents), *columns[i : i + shape]
            i += shape
            yield Asked(move, numbers[j : j + shape].tobytes(), b"")
            j += shape
        elif shape == DIGEST:
            yield Asked(None, b"", group.digests[k : k + 16].tobytes())
            k += 16
        else:
            width = -2 - shape
            yield Asked(None, numbers[j : j + width].tobytes(), b"")
            j += width


def _tells(group: Group, names: list[str]) -> Iterator[Told]:
    columns = ("ids", "statuses", "workers", "values", "violations", "started", "finished")
    rows = zip(*(getattr(group, name).tolist() for name in columns), strict=True)
    for i, (ident, status, worker, value, violation, started, finished) in enumerate(rows):
        yield Told(
            ident,
            Evaluation(
                value,
                STATUSES[status],
                violation,
                group.texts.get(i, ""),
                started,
                finished,
                names[worker],
            ),
        )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, check_same_thread=False
    )


def _open_to_read(path: Path) -> sqlite3.Connection:
    """Open a journal that may be written meanwhile, or may lie where nothing can be written."""
    connection = _connect(path, "ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        connection = _connect(path, "ro&immutable=1")
    return connection


def _create(path: Path, header: dict[str, Any]) -> None:
    """Write the header under another name, and give the file its name when it is committed."""
    draft = path.with_name(f"{path.name}.new")  # we hold the lock: a left one is nobody's
    for suffix in ("", "-wal", "-shm"):
        Path(f"{draft}{suffix}").unlink(missing_ok=True)
    try:
        with contextlib.closing(_connect(draft, "rwc")) as connection:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.executescript(SCHEMA)
            with connection:
                connection.execute("INSERT INTO header VALUES (?)", (json.dumps(header),))
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


class _Lock:
    """An advisory lock on a file beside the journal; the system frees it however we end."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + "-lock")
        try:
            self._descriptor = self._acquire(path)
        except OSError as error:
            raise _explained(path, error) from error

    def _acquire(self, path: Path) -> int:
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _lock(descriptor)
            except (BlockingIOError, PermissionError):
                os.close(descriptor)
                raise JournalError(f"{path} is in use by another run") from None
            try:  # its last owner may have removed it meanwhile
                if os.stat(self._path).st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)

    def release(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _lock(descriptor: int) -> None:
    if os.name == "posix":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
