"""The record of a run: one entry per evaluation, in order of report."""

from array import array
from collections.abc import Callable
from functools import partial
from itertools import repeat, starmap
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import OK, PRUNED, Evaluation, Reports
from zoopt.core.space import Space
from zoopt.run.points import KeptPoints
from zoopt.run.trials import NO_METRICS, NO_REPORTS, Trial

__all__ = ["Failure", "RunRecord", "Tried"]

MAX_FAILURES_LISTED = 1000


class Failure(NamedTuple):
    """A failed evaluation.

    Attributes
    ----------
    id : int
        Number of the candidate.
    status : str
        "failed", "invalid", "timeout" or "lost".
    error : str
        The reason, with the traceback where there is one.
    x : object
        The point.
    worker : str
        The worker that evaluated it; "" in the calling thread.
    """

    id: int
    status: str
    error: str
    x: Any
    worker: str = ""


class RunRecord:
    """Numbers, values and times of all evaluations; other facts only where they are unusual.

    Parameters
    ----------
    values : list of float
        List to which values are appended, NaN for failures and pruned trials. It may hold values
        of earlier runs.

    Attributes
    ----------
    ids, started, finished : arrays
        Append to these and to ``values`` for each evaluation.
    failures : list of Failure
        The first 1,000.
    n_failed, n_pruned : int
    errors : dict of int to str
        Texts of all failures, by position.
    reports : dict of int to tuple
        Intermediate values, by position.
    """

    def __init__(self, values: list[float]) -> None:
        self.values = values
        self._n_of_earlier_runs = len(values)
        self.ids = array("q")
        self.started = array("d")
        self.finished = array("d")
        self.failures: list[Failure] = []
        self.n_failed = 0
        self.n_pruned = 0
        self._workers: dict[int, str] = {}
        self._statuses: dict[int, str] = {}
        self.errors: dict[int, str] = {}
        self.reports: dict[int, Reports] = {}
        self._violations: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def note(self, evaluation: Evaluation) -> None:
        """Keep the facts of the last evaluation that are unusual."""
        i = len(self.ids) - 1
        if evaluation.worker:
            self._workers[i] = evaluation.worker
        if evaluation.violation:
            self._violations[i] = evaluation.violation
        if evaluation.reports:
            self.reports[i] = evaluation.reports
        if evaluation.status != OK:
            self._statuses[i] = evaluation.status
            if evaluation.status == PRUNED:
                self.n_pruned += 1
            else:
                self.errors[i] = evaluation.error
                self.n_failed += 1

    def list_failure(self, failure: Failure) -> None:
        if len(self.failures) < MAX_FAILURES_LISTED:
            self.failures.append(failure)

    @property
    def history(self) -> npt.NDArray[np.float64]:
        start = self._n_of_earlier_runs
        return np.array(self.values[start : start + len(self)], np.float64)

    @property
    def violations(self) -> npt.NDArray[np.float64]:
        return self._filled(np.zeros(len(self)), self._violations)

    @property
    def statuses(self) -> npt.NDArray[Any]:
        return self._filled(np.full(len(self), OK, object), self._statuses)

    @property
    def timeline(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "id": np.array(self.ids, np.int64),
            "started": np.array(self.started, np.float64),
            "finished": np.array(self.finished, np.float64),
            "worker": self._filled(np.full(len(self), "", object), self._workers),
        }

    @staticmethod
    def _filled(column: npt.NDArray[Any], facts: dict[int, Any]) -> npt.NDArray[Any]:
        for i, fact in facts.items():
            column[i] = fact
        return column


class Tried:
    """The trials of a run, made from its record on first access.

    Parameters
    ----------
    record : RunRecord
    points : KeptPoints or None
    decode : callable
        Makes the user's view of a candidate.
    space : Space
    """

    def __init__(
        self,
        record: RunRecord,
        points: KeptPoints | None,
        decode: Callable[[Candidate], Any],
        space: Space,
    ) -> None:
        self.space = space
        self._record = record
        self._points = points
        self._decode = decode

    def trials(self) -> list[Trial]:
        """Return one record for each evaluation, in order of report."""
        record, timeline = self._record, self._record.timeline
        n = len(record)
        kept = repeat(None, n) if self._points is None else iter(self._points)
        columns = zip(
            timeline["id"].tolist(),
            (None if candidate is None else partial(self._decode, candidate) for candidate in kept),
            record.history.tolist(),
            record.statuses,
            record.violations.tolist(),
            repeat(NO_METRICS, n),
            (record.errors.get(i, "") for i in range(n)),
            timeline["started"].tolist(),
            timeline["finished"].tolist(),
            timeline["worker"],
            (dict(record.reports[i]) if i in record.reports else NO_REPORTS for i in range(n)),
            strict=True,
        )
        return list(starmap(Trial, columns))
