"""The evaluations in a checkpoint file, whether its run has ended or not."""

import functools
import itertools
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from zoopt.core.errors import JournalError
from zoopt.core.evaluation import OK, STATUSES, Reports
from zoopt.core.space import Space
from zoopt.run.events import TELLS, Group
from zoopt.run.rows import RecordedRows
from zoopt.run.store import as_stored, read
from zoopt.run.trials import NO_REPORTS, Trial, frame_of, parameters_of

__all__ = ["History", "load_history"]


class History:
    """The evaluations in a checkpoint file, in the order in which they were reported.

    `load_history` returns it. The arrays have one entry per evaluation. `trials` lists the same
    evaluations as `Trial` objects, as does iterating over the History. Points are decoded on
    access, so that large files load fast.

    Attributes
    ----------
    header : dict
        How the solver was made, and the versions of the packages that wrote the file.
    space : Space or None
        None if the space holds objects and was not passed to `load_history`.
    ids : int64 array, shape (n,)
        Numbers of the candidates: their order of proposal, from 0.
    values : float64 array, shape (n,)
        NaN for failures and pruned trials.
    violations : float64 array, shape (n,)
        Amount by which the worst constraint falls below 0; at most 0 where the point is feasible.
    started, finished : float64 arrays, shape (n,)
        Seconds since the start of the run.
    statuses : object array, shape (n,)
        "ok", "failed", "invalid", "timeout", "lost" or "pruned".
    workers : object array, shape (n,)
        Names of the workers; "" for the calling thread.
    errors : dict of int to str
        Texts of failures, by position.
    in_flight : list of int
        Numbers of the candidates that were proposed and not reported.

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
        self._groups = groups
        tells = np.concatenate([np.zeros(0, TELLS), *(group.tells for group in groups)])
        self.ids = tells["id"].astype(np.int64)
        self.values = tells["value"].astype(np.float64)
        self.violations = tells["violation"].astype(np.float64)
        self.started = tells["started"].astype(np.float64)
        self.finished = tells["finished"].astype(np.float64)
        self.statuses = np.array(STATUSES, object)[tells["status"]]
        workers: dict[str, None] = {}
        self.errors: dict[int, str] = {}
        n_tells = 0
        for group in groups:
            workers.update(dict.fromkeys(group.workers))
            self.errors.update({n_tells + i: text for i, text in group.errors.items()})
            n_tells += len(group.tells)
        self.workers = np.array(list(workers) or [""], object)[tells["worker"]]
        n_asks = sum(group.n_asks for group in groups)
        self.in_flight: list[int] = np.setdiff1d(np.arange(n_asks), self.ids).tolist()

    def __len__(self) -> int:
        return len(self.ids)

    @functools.cached_property
    def _reports(self) -> dict[int, Reports]:
        starts = itertools.accumulate((len(group.tells) for group in self._groups), initial=0)
        pairs = zip(starts, self._groups, strict=False)
        return {n + i: reports for n, group in pairs for i, reports in group.reports.items()}

    @functools.cached_property
    def _rows(self) -> RecordedRows:
        if self.space is None:
            raise LookupError("the space holds objects: pass it, as load_history(path, space=...)")
        return RecordedRows(self._groups, self.space, self.header["run"])

    def point(self, number: int) -> Any:
        """Return the point of a candidate in user units.

        Parameters
        ----------
        number : int
            The number of the candidate.

        Returns
        -------
        dict or array
            A dictionary if the dimensions have names.

        Raises
        ------
        LookupError
            If the file does not hold the point. For a row above 4 kB the file holds only a digest,
            unless the row is a point of ``x0`` or was made from a point of ``x0`` or a known point.
            The file also lacks points from elsewhere that were reported to the solver during the
            run, and points made from them. Also raised if the space holds objects and was not
            passed to `load_history`.
        """
        row = self._rows[number]
        assert self.space is not None
        if self.space.names is not None:
            return self.space.decode(row)
        x = self.space.decode_array(row)
        return x.copy() if x is row else x

    def _point_or_none(self, number: int) -> Any:
        try:
            return self.point(number)
        except LookupError:
            return None

    def _trials(self, start: int, end: int) -> Iterator[Trial]:
        columns = (
            self.ids,
            self.values,
            self.statuses,
            self.violations,
            self.started,
            self.finished,
            self.workers,
        )
        rows = zip(*(column[start:end].tolist() for column in columns), strict=True)
        for i, (number, value, status, violation, started, finished, worker) in enumerate(
            rows, start
        ):
            yield Trial(
                number,
                functools.partial(self._point_or_none, number),
                value,
                status,
                violation,
                error=self.errors.get(i, ""),
                started=started,
                finished=finished,
                worker=worker,
                reports=dict(self._reports[i]) if i in self._reports else NO_REPORTS,
            )

    @property
    def trials(self) -> list[Trial]:
        """One `Trial` for each evaluation; its ``point`` is None if the file does not hold it."""
        return list(self)

    def __iter__(self) -> Iterator[Trial]:
        return self._trials(0, len(self))

    @property
    def best(self) -> Trial | None:
        """The feasible evaluation with the least value; None if no evaluation is feasible."""
        fine = (self.statuses == OK) & (self.violations <= 0.0)
        if not fine.any():
            return None
        i = int(np.argmin(np.where(fine, self.values, math.inf)))
        return next(self._trials(i, i + 1))

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row per evaluation, in order of report.

        The columns are ``number``, ``value``, ``status`` and ``violation``, then one for each
        parameter (``x0``, ``x1``, ... if they have no names), then ``error``, ``started``,
        ``finished`` and ``worker``. If a trial reported intermediate values, there is a last column
        ``reports`` of dictionaries from steps to values. A parameter with one of these names keeps
        it, and the other column becomes, for example, ``value_``.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return frame_of(self.trials, self._parameters)

    @property
    def _parameters(self) -> list[str]:
        if self.space is not None:
            return parameters_of(self.space)
        described = self.header["run"]["space"]
        n = sum(length for _, length in described.get("runs", ()))
        return described["names"] or [f"x{i}" for i in range(n)]

    def __repr__(self) -> str:
        best = self.best
        found = "no feasible one" if best is None else f"best {best.value:.6g}"
        return f"History({len(self)} evaluations, {found}, {len(self.in_flight)} in flight)"


def load_history(path: str | os.PathLike[str], space: Any = None) -> History:
    """Read a checkpoint file, even while its run is under way.

    Parameters
    ----------
    path : path
        The file that was passed as ``checkpoint``.
    space : Space, sequence or mapping, optional
        The space of the run. It is needed for points if there are choices among objects, which the
        file does not hold.

    Returns
    -------
    History

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If it is not a checkpoint file, has another format, is damaged, or if the space passed is
        not that of the run.

    Examples
    --------
    >>> import os, tempfile, zoopt
    >>> path = os.path.join(tempfile.mkdtemp(), "run.db")
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=30, seed=0, checkpoint=path)
    >>> zoopt.load_history(path).best.value == result.fun
    True
    """
    header, groups = read(path)
    described = header["run"]["space"]
    if space is None:
        try:
            return History(header, groups, Space.restore(described))
        except ValueError:
            return History(header, groups, None)
    if not isinstance(space, Space):
        space = Space(space)
    if as_stored(space.describe()) != described:
        raise JournalError(f"space is not the one of the run in {os.fspath(path)}")
    return History(header, groups, space)
