"""The journal: one SQLite file from which a run resumes exactly.

A file holds a header, which describes how the solver was made, and the events: asks and tells in
their order, stored in groups. A group is normally written within 0.2 s after its first tell. A
serial run has no timer: once a group is due, it is written at the next tell.

To resume, the solver is made from the header and the loop runs as usual, while `zoopt.run.replay`
takes the outcomes from the file and checks every ask. Candidates that were in flight are then
evaluated again under the same ids. Nothing in the file is pickled.

The file is in WAL mode while it is written: it can be read meanwhile, and is intact after kill -9.
A lock file beside it keeps a second process away; the operating system releases the lock however
its owner ends.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.run.events import Asked, Group, Told, packed_ask, packed_reports, packed_tell
from zoopt.run.lock import FileLock
from zoopt.run.store import compare, connect, create, explained, groups_in, read_header

__all__ = ["Asked", "Journal", "Told", "read_header"]

#: After a commit of s seconds, a group waits ``s / MAX_SHARE`` seconds, at most `GROUP_SECONDS`.
#: Commits shorter than 2 ms thus take at most this share of the time.
MAX_SHARE = 0.01
#: A group is written when it is due, at 2,048 tells, or at 1 MB of events, whichever comes first.
#: Larger groups are slower, because their events no longer fit the processor's cache.
GROUP_SECONDS = 0.2
GROUP_TELLS = 1 << 11
GROUP_BYTES = 1 << 20
#: The texts of this many errors are stored in full; of later errors, only the last line.
MAX_TEXTS = 1000


class Journal:
    """The file of one run, opened for writing.

    Parameters
    ----------
    path : path
        A file that does not exist is created with this header. If the file exists, the run in it
        continues.
    header : dict
        How the solver was made, as JSON values.
    budget : int
        Budget of this session, which may exceed the planned one.

    Attributes
    ----------
    path : Path
    n_asked, n_told : int
        Number of events in the file when it was opened.
    elapsed : float
        Seconds that earlier sessions of the run took.

    Raises
    ------
    JournalError
        If the file is not a journal, has another format, belongs to another run, is damaged or in
        use, or if its folder is not writable. Nothing was changed.
    """

    def __init__(
        self, path: str | os.PathLike[str], header: dict[str, Any], budget: int = 0
    ) -> None:
        self.path = Path(path).resolve()
        self.budget = budget
        self._lock = FileLock(self.path)
        try:
            if not self.path.exists():
                create(self.path, header)
            else:
                compare(self.path, read_header(self.path), header)
            self._connection = connect(self.path, "rw")
            try:
                self._check_all()
                self._connection.execute("PRAGMA synchronous=NORMAL")
            except BaseException:
                self._connection.close()
                raise
        except BaseException as error:
            self._lock.release()
            if isinstance(error, (sqlite3.Error, OSError)):
                raise explained(self.path, error) from error
            raise
        self._workers: dict[str, int] = {}
        self._n_texts = 0
        self._new_group()
        self._closed = False
        self._failed = False
        self._has_written = False
        self._due = perf_counter() + GROUP_SECONDS

    def _check_all(self) -> None:
        """Read every group once, so that damage is found before anything is replayed."""
        self._number = -1
        self.n_asked = 0
        self.n_told = 0
        self.elapsed = 0.0
        for group in groups_in(self._connection, self.path):
            self._number += 1
            self.n_asked += group.n_asks
            self.n_told += len(group.tells)
            self.elapsed = float(np.fmax.reduce(group.tells["finished"], initial=self.elapsed))
        for (elapsed,) in self._connection.execute("SELECT elapsed FROM sessions"):
            self.elapsed = max(self.elapsed, elapsed)

    def events(self) -> Iterator[Asked | Told]:
        """Yield the events in the file in order, and adopt the worker names that it holds."""
        for group in groups_in(self._connection, self.path):
            for name in group.workers:
                self._workers.setdefault(name, len(self._workers))
            self._n_workers_written = len(self._workers)
            self._n_texts += len(group.errors)
            yield from group.events(list(self._workers))

    # Each event is recorded by a single append: an interrupt leaves it complete or absent.

    def asked(self, candidate: Candidate) -> None:
        """Record an ask."""
        record = packed_ask(candidate)
        self._asks.append(record)
        self._n_bytes += len(record)

    def told(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Record a tell."""
        worker = self._workers.get(evaluation.worker)
        if worker is None:
            worker = self._workers[evaluation.worker] = len(self._workers)
        if evaluation.error:
            in_full = self._n_texts < MAX_TEXTS
            text = evaluation.error if in_full else evaluation.error.splitlines()[-1]
            self._errors[len(self._tells)] = text
            self._n_texts += 1
        if evaluation.reports:
            reports = packed_reports(len(self._tells), evaluation.reports)
            self._reports[len(self._tells)] = reports
            self._n_bytes += len(reports)
        self._tells.append(packed_tell(len(self._asks), candidate.id, evaluation, worker))

    def _new_group(self) -> None:
        self._asks: list[bytes] = []
        self._tells: list[bytes] = []
        self._errors: dict[int, str] = {}
        self._reports: dict[int, bytes] = {}
        self._n_bytes = 0
        self._n_workers_written = len(self._workers)

    @property
    def seconds_to_commit(self) -> float | None:
        """How long the recorded events may wait; None if there are none."""
        return max(0.0, self._due - perf_counter()) if self._tells else None

    def commit_if_due(self) -> None:
        """Write the group if it is old or large enough."""
        if (
            perf_counter() >= self._due
            or len(self._tells) >= GROUP_TELLS
            or self._n_bytes >= GROUP_BYTES
        ):
            self.commit()

    def commit(self) -> None:
        """Write the recorded events.

        Raises
        ------
        JournalError
            If the disk is full or the file cannot be written. It stays readable up to the last
            commit.
        """
        began = perf_counter()
        self._due = began + GROUP_SECONDS
        if self._failed or not (self._asks or self._tells):
            return
        try:
            new_workers = list(self._workers)[self._n_workers_written :]
            reports = list(self._reports.values())
            data = Group.packed(self._asks, self._tells, self._errors, new_workers, reports)
            self._new_group()
            with self._connection:
                if not self._has_written:  # replaying alone leaves the file unchanged
                    self._connection.execute(
                        "INSERT INTO sessions VALUES (?, ?)", (self.budget, self.elapsed)
                    )
                self._connection.execute(
                    "INSERT INTO groups VALUES (?, ?, ?)",
                    (self._number + 1, zlib.crc32(data), data),
                )
        except BaseException as error:
            self._failed = True  # later groups would leave a gap
            if isinstance(error, sqlite3.Error):
                raise explained(self.path, error) from error
            raise
        self._has_written = True
        self._number += 1
        now = perf_counter()
        self._due = now + min(GROUP_SECONDS, (now - began) / MAX_SHARE)

    def close(self, elapsed: float) -> None:
        """Write the remaining events and the duration of the run, and release the file.

        Parameters
        ----------
        elapsed : float
            Seconds that the run took, including earlier sessions.

        Raises
        ------
        JournalError
            If the file cannot be written.
        """
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
                # Copy the write-ahead log into the file. SQLite does so when the last connection
                # closes, but that may belong to a reader that cannot write.
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            raise explained(self.path, error) from error
        finally:
            self._connection.close()
            self._lock.release()
