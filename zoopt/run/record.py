"""What happened in a run: one entry per evaluation, in order of report."""

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.evaluation import OK, Evaluation
from zoopt.run.result import Failure

__all__ = ["RunRecord"]

MAX_FAILURES_LISTED = 1000


class RunRecord:
    """Numbers, values and times of all evaluations; other facts only where they are unusual.

    Parameters
    ----------
    values : list of float
        Where values are appended, NaN for failures. It may hold values of earlier runs.

    Attributes
    ----------
    ids, started, finished : arrays
        Append to these and to ``values`` for each evaluation.
    failures : list of Failure
        The first 1,000.
    n_failed : int
    errors : dict of int to str
        Texts of all failures, by position.
    """

    def __init__(self, values: list[float]) -> None:
        self.values = values
        self._n_of_earlier_runs = len(values)
        self.ids = array("q")
        self.started = array("d")
        self.finished = array("d")
        self.failures: list[Failure] = []
        self.n_failed = 0
        self._workers: dict[int, str] = {}
        self._statuses: dict[int, str] = {}
        self.errors: dict[int, str] = {}
        self._violations: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def note(self, evaluation: Evaluation) -> None:
        """Keep the facts of the last evaluation that most evaluations lack."""
        i = len(self.ids) - 1
        if evaluation.worker:
            self._workers[i] = evaluation.worker
        if evaluation.violation:
            self._violations[i] = evaluation.violation
        if evaluation.status != OK:
            self._statuses[i] = evaluation.status
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
