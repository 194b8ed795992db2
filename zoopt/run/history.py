"""What a journal holds, to look at: also that of a run that is under way."""

import math
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt.contract import STATUSES
from zoopt.run.journal import ASK, DIGEST, Group, read_groups, read_header
from zoopt.space import Row, Space

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
        self.ids = _joined(groups, "ids", np.int64)
        self.values = _joined(groups, "values", np.float64)
        self.violations = _joined(groups, "violations", np.float64)
        self.started = _joined(groups, "started", np.float64)
        self.finished = _joined(groups, "finished", np.float64)
        self.statuses = np.array(STATUSES, object)[_joined(groups, "statuses", np.intp)]
        names: list[str] = []
        self.errors: dict[int, str] = {}
        n = 0
        for group in groups:
            names += [name for name in group.names if name not in names]
            self.errors.update({n + i: text for i, text in group.texts.items()})
            n += len(group.ids)
        self.workers = np.array(names or [""], object)[_joined(groups, "workers", np.intp)]
        self._shapes = _joined(groups, "shapes", np.int64)
        self._moved = self._shapes >= 0
        widths = np.where(self._shapes < DIGEST, -2 - self._shapes, np.maximum(self._shapes, 0))
        self._numbers = _joined(groups, "numbers", np.float64)
        self._columns = _joined(groups, "columns", np.int64)
        self._parents = _joined(groups, "parents", np.int64)
        self._number_ends = np.cumsum(widths)
        self._column_ends = np.cumsum(np.maximum(self._shapes, 0))
        self._move_numbers = np.cumsum(self._moved)
        n_asked = sum(int((group.kinds == ASK).sum()) for group in groups)
        self.in_flight: list[int] = np.setdiff1d(np.arange(n_asked), self.ids).tolist()
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def x(self, ident: int) -> Any:
        """Return the point with this id, in user units.

        Raises
        ------
        LookupError
            If it, or what it was made from, is kept as a digest only (rows above 4 kB), or the
            space holds objects and must be given to `load_history`.
        """
        if self.space is None:
            raise LookupError("the space holds objects: load_history(path, space=...)")
        return self.space.decode(self._row(ident))

    def _row(self, ident: int) -> Row:
        chain = []
        while ident not in self._rows and self._moved[ident]:
            chain.append(ident)
            ident = int(self._parents[self._move_numbers[ident] - 1])
        row = self._rows.get(ident)
        if row is None:
            if self._shapes[ident] == DIGEST:
                raise LookupError("rows above 4 kB are kept as digests: resume makes them again")
            end = self._number_ends[ident]
            row = self._rows[ident] = self._numbers[end + 2 + self._shapes[ident] : end]
        for child in reversed(chain):
            n = self._shapes[child]
            row = row.copy()
            columns = self._columns[self._column_ends[child] - n : self._column_ends[child]]
            row[columns] = self._numbers[self._number_ends[child] - n : self._number_ends[child]]
            self._rows[child] = row
        return row

    def _trial(self, i: int, known: bool) -> Trial:
        ident = int(self.ids[i])
        return Trial(
            ident,
            self.x(ident) if known else None,
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
        known = self.space is not None and not (self._shapes == DIGEST).any()
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
        known = self.space is not None and not (self._shapes == DIGEST).any()
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


def _joined(groups: list[Group], name: str, kind: Any) -> npt.NDArray[Any]:
    parts = [np.asarray(getattr(group, name)) for group in groups]
    return np.concatenate([np.zeros(0, kind), *parts]).astype(kind)


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
