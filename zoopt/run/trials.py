"""The record of one evaluation, and the table that pandas makes of many.

This module knows points only as users see them, and nothing of solvers, files or executors.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.evaluation import OK
from zoopt.core.space import Space

__all__ = ["ABSENT", "Trial", "column_of", "frame_of", "parameters_of"]

NO_METRICS: Mapping[str, Any] = MappingProxyType({})
NO_REPORTS: Mapping[int, float] = MappingProxyType({})

#: Stands for the value of a parameter that a point does not have.
ABSENT = object()

#: Columns of a frame before and after those of the parameters.
BEFORE = ("number", "value", "status", "violation")
AFTER = ("error", "started", "finished", "worker", "reports")

RECORD_DTYPES = {
    "number": np.int64,
    **dict.fromkeys(("status", "error", "worker", "reports"), object),
}


class Trial:
    """One evaluation of a run.

    Parameters
    ----------
    number : int
        The id of the evaluated candidate: proposals are numbered from 0 in the order in which the
        solver made them.
    point : list, dict, array or functools.partial
        The point in user units; None if it is not known. A `functools.partial` is called on first
        access and returns the point.
    value : float
        The value that the objective returned; NaN unless the status is "ok".
    status : {"ok", "failed", "invalid", "timeout", "lost", "pruned"}
        How the evaluation ended.
    violation : float
        How far the worst constraint falls below 0; at most 0 if the point is feasible.
    metrics : mapping of str to object, optional
        Other values that the objective reported, by name.
    error : str
        Why the evaluation did not succeed, with the traceback if there is one.
    started, finished : float
        Seconds since the start of the run.
    worker : str
        Name of the worker that ran the evaluation.
    reports : mapping of int to float, optional
        Intermediate values that the objective reported, by step.

    Examples
    --------
    >>> import zoopt
    >>> trial = zoopt.Trial(0, {"rate": 0.1}, 2.5)
    >>> trial.point["rate"], trial.status
    (0.1, 'ok')
    """

    __slots__ = (
        "_point",
        "error",
        "finished",
        "metrics",
        "number",
        "reports",
        "started",
        "status",
        "value",
        "violation",
        "worker",
    )

    def __init__(
        self,
        number: int,
        point: Any,
        value: float,
        status: str = OK,
        violation: float = 0.0,
        metrics: Mapping[str, Any] = NO_METRICS,
        error: str = "",
        started: float = math.nan,
        finished: float = math.nan,
        worker: str = "",
        reports: Mapping[int, float] = NO_REPORTS,
    ) -> None:
        self.number = number
        self._point = point
        self.value = value
        self.status = status
        self.violation = violation
        self.metrics = metrics
        self.error = error
        self.started = started
        self.finished = finished
        self.worker = worker
        self.reports = reports

    @property
    def point(self) -> Any:
        """The point in user units, or None if it is not known."""
        if type(self._point) is functools.partial:
            self._point = self._point()
        return self._point

    def __reduce__(self) -> tuple[Any, ...]:
        return Trial, (
            self.number,
            self.point,
            self.value,
            self.status,
            self.violation,
            dict(self.metrics),
            self.error,
            self.started,
            self.finished,
            self.worker,
            dict(self.reports),
        )

    def __repr__(self) -> str:
        return (
            f"Trial(number={self.number}, point={self.point!r}, value={self.value!r}, "
            f"status={self.status!r})"
        )


def parameters_of(space: Space) -> list[str]:
    """Return the names of the parameters of a space; unnamed ones are x0, x1, ..."""
    return [f"x{i}" for i in range(len(space))] if space.names is None else list(space.names)


def frame_of(trials: Sequence[Trial], parameters: Sequence[str]) -> Any:
    """Return a pandas DataFrame of trials, one row each.

    The columns are ``number``, ``value``, ``status``, ``violation``, then one for each parameter,
    then ``error``, ``started``, ``finished`` and ``worker``, and ``reports`` if a trial has some: a
    dictionary from steps to values. If a parameter has one of these names, it keeps it, and
    underscores are appended to the other column's name: ``value_``.

    Columns in which every value is a float, an int or a bool have that dtype. All others have dtype
    object and hold the very objects of the points. An unknown point, and a parameter that a point
    does not have, leave NaN.

    Parameters
    ----------
    trials : sequence of Trial
    parameters : sequence of str
        Names of the parameters, as `parameters_of` returns them. Points that are not mappings hold
        one value for each, in this order.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> trials = [Trial(0, [0.5, "a"], 1.0), Trial(1, None, float("nan"), "failed")]
    >>> frame = frame_of(trials, ["x0", "x1"])
    >>> list(frame["x0"]), list(frame["x1"])
    ([0.5, nan], ['a', nan])
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas") from error
    taken = set(parameters)
    points = [_values(trial.point, parameters) for trial in trials]
    by_parameter = zip(*points, strict=True) if points else [()] * len(parameters)
    values = {
        name: column_of(values) for name, values in zip(parameters, by_parameter, strict=True)
    }
    before = {_free_name(name, taken): _record(trials, name) for name in BEFORE}
    names = AFTER if any(trial.reports for trial in trials) else AFTER[:-1]
    after = {_free_name(name, taken): _record(trials, name) for name in names}
    return pd.concat([_frame(columns) for columns in (before, values, after)], axis=1)


def _frame(columns: dict[str, npt.NDArray[Any]]) -> Any:
    import pandas as pd

    dtypes = {column.dtype for column in columns.values()}
    if len(dtypes) == 1 and object not in dtypes:  # much faster for many columns
        return pd.DataFrame(np.column_stack(list(columns.values())), columns=list(columns))
    # As Series with a dtype, strings and containers stay unchanged.
    return pd.DataFrame({name: pd.Series(v, dtype=v.dtype) for name, v in columns.items()})


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _record(trials: Sequence[Trial], name: str) -> npt.NDArray[Any]:
    dtype = RECORD_DTYPES.get(name, np.float64)
    return np.fromiter((getattr(trial, name) for trial in trials), dtype, len(trials))


def _values(point: Any, parameters: Sequence[str]) -> Sequence[Any]:
    """Return the values of a point in the order of the parameters; ABSENT where it has none."""
    if point is None:
        return [ABSENT] * len(parameters)
    if isinstance(point, Mapping):
        return [point.get(name, ABSENT) for name in parameters]
    if isinstance(point, np.ndarray):
        native: list[Any] = point.tolist() if point.dtype != object else list(point)
        return native
    return list(point)


def column_of(values: Sequence[Any]) -> npt.NDArray[Any]:
    """Return the column of a parameter: its values, and NaN where one is ABSENT.

    Examples
    --------
    >>> column_of([1, 2]), column_of([1, ABSENT]), column_of(["a", ABSENT])
    (array([1, 2]), array([ 1., nan]), array(['a', nan], dtype=object))
    """
    known = np.array([value is not ABSENT for value in values], np.bool_)
    present = [value for value in values if value is not ABSENT]
    dtype = _dtype_of(present, len(present) == len(values))
    column: npt.NDArray[Any] = np.empty(len(known), dtype)
    if not known.all():  # the dtype has a NaN
        column.fill(math.nan)
    column[known] = np.fromiter(present, dtype, len(present))
    return column


def _dtype_of(values: Sequence[Any], are_all: bool) -> type:
    """Return a dtype that holds the values without loss, and NaN too if some are absent."""
    types = set(map(type, values))
    if types <= {float}:
        return np.float64
    if types == {bool} and are_all:
        return np.bool_
    if types == {int}:
        largest = max(map(abs, values))
        if largest <= (1 << 62 if are_all else 1 << 53):
            return np.int64 if are_all else np.float64
    return object
