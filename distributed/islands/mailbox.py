"""The posts that islands show each other, kept in a file.

A restarted island receives the same posts again.
"""

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

from zoopt.core.errors import JournalError
from zoopt.run.lock import FileLock

__all__ = ["Mailbox", "Post", "header_in"]

APPLICATION_ID = 0x7A6F6D62  # "zomb"
SCHEMA = """
CREATE TABLE header (json TEXT NOT NULL);
CREATE TABLE posts (
    island INTEGER, number INTEGER, u BLOB, value REAL, nfev INTEGER, status TEXT,
    violation REAL, PRIMARY KEY (island, number)
) WITHOUT ROWID;
"""


class Post(NamedTuple):
    """The best point that an island shows at an exchange.

    Attributes
    ----------
    u : bytes or None
        The point, encoded as float64; None if no evaluation has succeeded yet.
    value : float
        Its value; infinite if there is no point.
    nfev : int
        Number of evaluations so far.
    status : str
        Why the island ended; empty while it runs.
    violation : float
        At most 0: the negative slack of the constraint, which some solvers use.
    """

    u: bytes | None
    value: float
    nfev: int
    status: str = ""
    violation: float = 0.0


class Mailbox:
    """All posts of a run. The first post under a number is final.

    Parameters
    ----------
    n : int
        Number of islands.
    path : Path or None
        The file. An existing file is continued; None keeps the posts in memory.
    header : dict
        The settings that identify the run, as JSON values.

    Raises
    ------
    JournalError
        If the file cannot be used, or its header differs.
    """

    def __init__(self, n: int, path: Path | None, header: dict[str, Any]) -> None:
        self._posts: list[list[Post]] = [[] for _ in range(n)]
        self._connection: sqlite3.Connection | None = None
        if path is None:
            return
        self._path = path
        self._lock = FileLock(path)
        try:
            self._connection = sqlite3.connect(path, timeout=10)
            self._read(header)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"the mailbox {path} cannot be used: {error}") from error
            raise

    def _read(self, header: dict[str, Any]) -> None:
        assert self._connection is not None
        connection, ours = self._connection, json.dumps(header, sort_keys=True)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            with connection:
                connection.executescript(SCHEMA)
                connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
                connection.execute("INSERT INTO header VALUES (?)", (ours,))
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise JournalError(f"{self._path} is not a mailbox of zoopt")
        theirs = json.loads(connection.execute("SELECT json FROM header").fetchone()[0])
        for name, value in json.loads(ours).items():
            if theirs.get(name) != value:
                raise JournalError(
                    f"{self._path} belongs to another run: {name} is {theirs.get(name)!r} there "
                    f"and {value!r} here; nothing was changed"
                )
        for island, number, *post in connection.execute(
            "SELECT * FROM posts ORDER BY island, number"
        ):
            if island >= len(self._posts) or number != len(self._posts[island]):
                raise JournalError(
                    f"{self._path} is damaged: island {island} has post {number} but not the one "
                    "before it"
                )
            self._posts[island].append(Post(*post))

    def add(self, island: int, number: int, post: Post) -> None:
        """Store a post, on disk first; ignore it if the number already has a post.

        Parameters
        ----------
        island : int
        number : int
            The number of the exchange, from 0.
        post : Post

        Raises
        ------
        JournalError
            If the post cannot be written.
        """
        posts = self._posts[island]
        if number < len(posts) or (posts and posts[-1].status):
            return
        assert number == len(posts), "islands post in order"
        if self._connection is not None:
            try:
                with self._connection:
                    self._connection.execute(
                        "INSERT INTO posts VALUES (?, ?, ?, ?, ?, ?, ?)", (island, number, *post)
                    )
            except sqlite3.Error as error:
                raise JournalError(f"the mailbox {self._path} cannot be used: {error}") from error
        posts.append(post)

    def read(self, island: int, number: int) -> Post | None:
        """Return a post; None if it has not arrived yet.

        An island that has ended shows its last post at all later exchanges.
        """
        posts = self._posts[island]
        if number < len(posts):
            return posts[number]
        return posts[-1] if posts and posts[-1].status else None

    def last(self, island: int) -> Post | None:
        """Return the newest post of an island, if any."""
        posts = self._posts[island]
        return posts[-1] if posts else None

    def n_posts(self, island: int) -> int:
        """Return the number of posts of an island."""
        return len(self._posts[island])

    def best(self) -> Post | None:
        """Return the newest post with the lowest value, if any."""
        shown = [post for posts in self._posts for post in posts[-1:] if post.u is not None]
        return min(shown, key=lambda post: post.value, default=None)

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        with contextlib.suppress(AttributeError):
            self._lock.release()


def header_in(path: Path) -> dict[str, Any] | None:
    """Return the header of a mailbox, or None if the file does not exist.

    Raises
    ------
    JournalError
        If the file cannot be read.
    """
    if not path.exists():
        return None
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as db:
            header: dict[str, Any] = json.loads(db.execute("SELECT json FROM header").fetchone()[0])
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise JournalError(f"the mailbox {path} cannot be used: {error}") from error
    return header
