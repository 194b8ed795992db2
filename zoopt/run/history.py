"""What a journal holds, to look at: also that of a run that is under way."""

import base64
import contextlib
import math
import os
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from zoopt.core.evaluation import STATUSES
from zoopt.core.space import Row, Space
from zoopt.run.journal import (
    DIGEST,
    MAX_ROW_BYTES,
    PACKED,
    SHAPE,
    TELLS,
    Group,
    move_of,
    n_bytes_of,
    read_groups,
    read_header,
)

__all__ = ["History", "Trial", "load_history"]


class Trial(NamedTuple):
    """One evaluation of a journal."""

    id: int
    x: Any
    value: float
    status: str
    error: str
    started: float
    finished: float
    worker: str


class History:
    """The evaluations of a journal, in order of tell.

    Attributes
    ----------
    header : dict
        What made the solver, and the versions that wrote the file.
    ids : int64 array, shape (n,)
    values, violations, started, finished : float64 arrays, shape (n,)
        Seconds since the start of the run; values are NaN where an evaluation was not ok.
    statuses, workers : object arrays, shape (n,)
    errors : dict
        Text of what was not ok, by position.
    in_flight : list of int
        Ids that were asked and not told.

    Examples
    --------
    >>> import os, tempfile, zoopt
    >>> path = os.path.join(tempfile.mkdtemp(), "run.db")
    >>> _ = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=30, seed=0, checkpoint=path)
    >>> history = zoopt.load_history(path)
    >>> len(history), history.trials[0].status, history.in_flight
    (30, 'ok', [])
    """

    def __init__(self, header: dict[str, Any], groups: list[Group], space: Space | None) -> None:
        self.header = header
        self.space = space
        tells = np.concatenate([np.zeros(0, TELLS), *(group.tells for group in groups)])
        self.ids = tells["id"].astype(np.int64)
        self.values = tells["value"].astype(np.float64)
        self.violations = tells["violation"].astype(np.float64)
        self.started = tells["started"].astype(np.float64)
        self.finished = tells["finished"].astype(np.float64)
        self.statuses = np.array(STATUSES, object)[tells["status"]]
        names: list[str] = []
        self.errors: dict[int, str] = {}
        n = n_asks = 0
        for group in groups:
            names += [name for name in group.names if name not in names]
            self.errors.update({n + i: text for i, text in group.texts.items()})
            n += len(group.tells)
            n_asks += group.n_asks
        self.workers = np.array(names or [""], object)[tells["worker"]]
        self.in_flight: list[int] = np.setdiff1d(np.arange(n_asks), self.ids).tolist()
        self._groups = groups
        self._places: list[tuple[int, int, int]] = []  # of each ask: group, shape, offset
        #: Points told from elsewhere have ids from -1 down; those known beforehand come first.
        self._rows: dict[int, Row] = {
            -1 - i: np.frombuffer(base64.b64decode(known[0]), "<f8")
            for i, known in enumerate(header["run"].get("known", ()))
        }

    def __len__(self) -> int:
        return len(self.ids)

    def x(self, ident: int) -> Any:
        """Return the point with this id, in user units.

        Raises
        ------
        LookupError
            If it, or what it was made from, is kept as a digest only (rows above 4 kB), or came
            from another search; or the space holds objects and must be given to `load_history`.
        """
        if self.space is None:
            raise LookupError("the space holds objects: load_history(path, space=...)")
        return self.space.decode(self._row(ident))

    @property
    def _asked(self) -> list[tuple[int, int, int]]:
        if not self._places:
            self._places = [
                (i, shape, place)
                for i, group in enumerate(self._groups)
                for shape, place in group.offsets()
            ]
        return self._places

    def _row(self, ident: int) -> Row:
        """Go back to a row that is kept whole, then forth through the moves."""
        moves = []
        while ident not in self._rows and (ident < 0 or self._asked[ident][1] >= 0):
            if ident < 0:
                raise LookupError("it was made from a point of another search")
            i, n, place = self._asked[ident]
            _, parent, *rest = move_of(n).unpack_from(self._groups[i].asks, place)
            moves.append((ident, rest[:n], rest[n:]))
            ident = parent
        if ident not in self._rows:
            i, shape, place = self._asked[ident]
            if shape == DIGEST:
                raise LookupError("rows above 4 kB are kept as digests: resume makes them again")
            first = place + SHAPE.size
            data = self._groups[i].asks[first : first + n_bytes_of(shape)]
            if shape <= PACKED:
                assert self.space is not None
                bits = np.frombuffer(zlib.decompress(data), np.uint8)
                self._rows[ident] = self.space.unpack(bits)
            else:
                self._rows[ident] = np.frombuffer(data, "<f8")
        row = self._rows[ident]
        for child, columns, values in reversed(moves):
            row = row.copy()
            row[columns] = values
            if row.nbytes <= MAX_ROW_BYTES:  # of larger ones the way is gone anew each time
                self._rows[child] = row
        return row

    @property
    def _has_points(self) -> bool:
        return self.space is not None and all(shape != DIGEST for _, shape, _ in self._asked)

    def _trial(self, i: int, known: bool) -> Trial:
        ident = int(self.ids[i])
        x = None
        if known:
            with contextlib.suppress(LookupError):
                x = self.x(ident)
        return Trial(
            ident,
            x,
            float(self.values[i]),
            self.statuses[i],
            self.errors.get(i, ""),
            float(self.started[i]),
            float(self.finished[i]),
            self.workers[i],
        )

    @property
    def trials(self) -> list[Trial]:
        """The evaluations as a list; x is None where the file does not tell it."""
        known = self._has_points
        return [self._trial(i, known) for i in range(len(self))]

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    @property
    def best(self) -> Trial | None:
        """The ok, feasible evaluation of least value."""
        fine = (self.statuses == STATUSES[0]) & (self.violations <= 0.0)
        if not fine.any():
            return None
        i = int(np.argmin(np.where(fine, self.values, math.inf)))
        known = self._has_points
        return self._trial(i, known)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, a row an evaluation; needs pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("History.to_frame needs pandas: pip install pandas") from error
        names = ("value", "status", "violation", "started", "finished", "worker")
        columns = (
            self.values,
            self.statuses,
            self.violations,
            self.started,
            self.finished,
            self.workers,
        )
        frame = pd.DataFrame(dict(zip(names, columns, strict=True)))
        frame.insert(0, "id", self.ids)
        return frame

    def __repr__(self) -> str:
        best = self.best
        found = "none ok" if best is None else f"best {best.value:.6g}"
        return f"History({len(self)} evaluations, {found}, {len(self.in_flight)} in flight)"


def load_history(path: str | os.PathLike[str], space: Any = None) -> History:
    """Read a checkpoint file, also while its run goes on.

    Parameters
    ----------
    path : path
    space : Space, optional
        Needed for points in user units if its choices are objects that JSON does not hold.

    Raises
    ------
    FileNotFoundError, JournalError
        If there is no such file, or it is none of ours, of a newer format, or damaged.

    Examples
    --------
    >>> import os, tempfile, zoopt
    >>> path = os.path.join(tempfile.mkdtemp(), "run.db")
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=30, seed=0, checkpoint=path)
    >>> zoopt.load_history(path).best.value == result.fun
    True
    """
    header = read_header(path)
    if space is None:
        try:
            space = Space.restore(header["run"]["space"])
        except ValueError:
            space = None
    elif not isinstance(space, Space):
        space = Space(space)
    return History(header, read_groups(path), space)
