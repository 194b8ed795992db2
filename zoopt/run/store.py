"""The SQLite file of a journal: how it is made, opened, checked and read.

Owns the tables and the header. The content of groups is defined in `zoopt.run.events`.
"""

import contextlib
import json
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoopt.core.errors import JournalError
from zoopt.run.events import Group

__all__ = [
    "FORMAT",
    "as_stored",
    "compare",
    "connect",
    "create",
    "explained",
    "groups_in",
    "read",
    "read_header",
]

FORMAT = 2
#: Marks the file as a journal of zoopt: "zoop".
APPLICATION_ID = 0x7A6F6F70

SCHEMA = """
CREATE TABLE header (json TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE groups (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE sessions (budget INTEGER NOT NULL, elapsed REAL NOT NULL);
"""


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file; ``mode`` is that of SQLite's URIs: "ro", "rw" or "rwc"."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=10, check_same_thread=False
    )


def create(path: Path, header: dict[str, Any]) -> None:
    """Write a new file with this header.

    The file is written under another name and renamed when the header is committed. The caller
    holds the lock, so that any draft found is left over from a run that was killed.
    """
    draft = path.with_name(f"{path.name}.new")
    files = [Path(f"{draft}{suffix}") for suffix in ("", "-wal", "-shm")]
    for file in files:
        file.unlink(missing_ok=True)
    try:
        with contextlib.closing(connect(draft, "rwc")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={FORMAT}")
            connection.executescript(SCHEMA)
            with connection:
                text = _json(header)
                connection.execute(
                    "INSERT INTO header VALUES (?, ?)", (text, zlib.crc32(text.encode()))
                )
        os.replace(draft, path)
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def compare(path: Path, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    """Check that the header of a file describes our run.

    Raises
    ------
    JournalError
        If it describes another run. The message names the difference.
    """
    for name, value in ours["run"].items():
        before, now = theirs["run"].get(name), as_stored(value)
        if before != now:
            raise JournalError(
                f"{path} belongs to another run: {name} is {_short(before)} there and "
                f"{_short(now)} here; nothing was changed"
            )


def as_stored(value: Any) -> Any:
    """Return an entry of a header as it is after being written and read."""
    return json.loads(_json(value))


def _short(value: Any) -> str:
    text = _json(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _json(value: Any) -> str:
    return json.dumps(value, default=_native)


def _native(value: Any) -> Any:
    """Return the Python number of a NumPy scalar."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be stored in a checkpoint")


def explained(path: Path, error: Exception) -> JournalError:
    """Return a JournalError that explains an error of SQLite or of the operating system."""
    if isinstance(error, JournalError):
        return error
    return JournalError(f"the checkpoint file {path} cannot be used: {error}")


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header of a journal; its "budget" is that of the latest session.

    Parameters
    ----------
    path : path
        The file, which may be in use by a run.

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If it is not a journal, has another format, is damaged, or cannot be read.
    """
    return _read(Path(path).resolve(), with_groups=False)[0]


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], list[Group]]:
    """Return the header and the groups of a journal, as one commit left them.

    Parameters and errors are those of `read_header`.
    """
    return _read(Path(path).resolve(), with_groups=True)


def _read(path: Path, with_groups: bool) -> tuple[dict[str, Any], list[Group]]:
    try:
        path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except OSError as error:  # the folder cannot be searched
        raise explained(path, error) from error
    # Without a write-ahead log, the file is read as immutable, which leaves no files beside it. If
    # a log appears meanwhile, a writer has come, and the data read may mix two states of the file.
    for mode in ("ro&immutable=1", "ro"):
        if mode != "ro" and _log_of(path).exists():
            continue
        try:
            with contextlib.closing(connect(path, mode)) as connection:
                header = _header(connection, path)
                groups = list(groups_in(connection, path)) if with_groups else []
        except (JournalError, sqlite3.Error, OSError) as error:
            if mode == "ro" or not _log_of(path).exists():
                raise explained(path, error) from error
            continue
        if mode == "ro" or not _log_of(path).exists():
            return header, groups
    raise JournalError(
        f"the checkpoint file {path} cannot be used: its write-ahead log appears and disappears"
    )


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _header(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise JournalError(f"{path} is not a checkpoint file of zoopt")
    number = connection.execute("PRAGMA user_version").fetchone()[0]
    if number != FORMAT:
        writer = "a newer" if number > FORMAT else "an older"
        raise JournalError(
            f"{path} was written by {writer} version of zoopt: it has format {number}, and this "
            f"version reads format {FORMAT} only"
        )
    row = connection.execute("SELECT json, crc FROM header").fetchone()
    if row is None or type(row[0]) is not str or zlib.crc32(row[0].encode()) != row[1]:
        raise JournalError(f"{path} is damaged: its header cannot be read")
    header: dict[str, Any] = json.loads(row[0])
    budgets = connection.execute("SELECT MAX(budget) FROM sessions").fetchone()
    header["budget"] = max(header["run"].get("budget", 0), budgets[0] or 0)
    return header


def groups_in(connection: sqlite3.Connection, path: Path) -> Iterator[Group]:
    """Yield the groups of an open file in order.

    Raises
    ------
    JournalError
        If a group is missing or damaged.
    """
    rows = connection.execute("SELECT number, crc, data FROM groups ORDER BY number")
    for expected, row in enumerate(rows):
        yield _checked(path, expected, *row)


def _checked(path: Path, expected: int, number: Any, crc: Any, data: Any) -> Group:
    try:
        if number == expected and zlib.crc32(data) == crc:
            return Group(data)
    except (TypeError, ValueError, KeyError, struct.error):
        pass
    raise JournalError(f"{path} is damaged: group {expected} of its events cannot be read")
