"""Starts: the points that the user wants evaluated first, in every form in which they come."""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.core.space import Space
from zoopt.problem.algorithm import PARETO_FAMILY
from zoopt.run.trials import parameters_of

__all__ = ["as_point", "initial_samples", "is_frame", "judged", "points_of_frame", "start_points"]


def start_points(space: Space, x0: Any) -> list[Candidate]:
    """Return the points that `zoopt.minimize` takes as ``x0``.

    Parameters
    ----------
    space : Space
    x0 : point, iterable of points, DataFrame or None
        A value for which `Space.contains` is true is one point; in one dimension, so is a bare
        value.

    Raises
    ------
    TypeError, ValueError
        If a point is not in the space. The message names it as ``x0`` or ``x0[i]``.

    Examples
    --------
    >>> space = Space([(0, 1), (0, 1)])
    >>> [candidate.x for candidate in start_points(space, (0.1, 0.2))]
    [[0.1, 0.2]]
    >>> [candidate.x for candidate in start_points(space, [[0.1, 0.2], [0.3, 0.4]])]
    [[0.1, 0.2], [0.3, 0.4]]
    """
    if x0 is None:
        return []
    if is_frame(x0):
        points: Sequence[Any] | None = points_of_frame(space, x0, "x0")
    else:
        x0 = list(x0) if isinstance(x0, Iterator) else x0
        for point in (x0, [x0]) if len(space) == 1 else (x0,):
            with contextlib.suppress(TypeError, ValueError):
                return [_encoded(space, point, "x0")]
        points = _several(space, x0)
    if points is None:
        return [_encoded(space, as_point(space, x0), "x0")]
    return [_encoded(space, point, f"x0[{i}]") for i, point in enumerate(points)]


def _several(space: Space, x0: Any) -> Sequence[Any] | None:
    """Return the points in ``x0``; None if it can only be a single point."""
    if not _is_container(x0) or isinstance(x0, Mapping):
        return None
    points = [as_point(space, point) for point in x0]
    return points if not points or any(map(_is_container, points)) else None


def as_point(space: Space, value: Any) -> Any:
    """Return a point; in one dimension a bare value stands for it."""
    if len(space) > 1 or _is_container(value):
        return value
    return [value[()] if isinstance(value, np.ndarray) else value]


def _is_container(value: Any) -> bool:
    if isinstance(value, (str, bytes)):
        return False
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def _encoded(space: Space, point: Any, name: str) -> Candidate:
    try:
        return Candidate(-1, space.encode(point), space)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None


def is_frame(value: Any) -> bool:
    """Tell whether something is a DataFrame, without importing pandas."""
    return all(hasattr(value, name) for name in ("columns", "itertuples", "to_dict"))


def points_of_frame(space: Space, frame: Any, name: str) -> list[Any]:
    """Return the rows of a DataFrame as points: by label, or else in order.

    Raises
    ------
    ValueError
        If the columns are not those of the space. The message names missing and unknown columns.
    """
    columns = list(frame.columns)
    if space.names is None:
        if set(columns) == set(parameters_of(space)):
            frame = frame[parameters_of(space)]
        if len(columns) != len(space):
            raise ValueError(
                f"{name} must have {len(space)} columns for the point, got {columns!r:.200}"
            )
        return list(map(list, frame.itertuples(index=False, name=None)))
    missing = [column for column in space.names if column not in columns]
    unknown = [column for column in columns if column not in space.names]
    if missing or unknown or len(columns) > len(space.names):
        raise ValueError(
            f"{name} must have one column for each dimension; missing: {missing}, unknown: "
            f"{unknown}, got {columns}"
        )
    points: list[Any] = frame.to_dict("records")
    return points if space.tree is None else list(map(space.tree.active_part, points))


def initial_samples(
    algorithm: str, space: Space, samples: Any
) -> tuple[list[Candidate], list[tuple[Candidate, Evaluation]]]:
    """Split the ``init_samples`` of a Parameter into points to evaluate and known points.

    Raises
    ------
    TypeError, ValueError
        If a sample is not in the space. The message names it as ``init_samples[i]``.
    """
    unknown: list[Candidate] = []
    known: list[tuple[Candidate, Evaluation]] = []
    if is_frame(samples):
        samples = points_of_frame(space, samples, "init_samples")
    for i, sample in enumerate(samples or ()):
        x, value = sample, math.nan
        if hasattr(sample, "get_x"):
            x, value = sample.get_x(), sample.get_value()
        candidate = _encoded(space, x, f"init_samples[{i}]")
        evaluation = judged(algorithm, value)
        if evaluation.ok:
            known.append((candidate, evaluation))
        else:
            unknown.append(candidate)
    return unknown, known


def judged(algorithm: str, value: Any) -> Evaluation:
    """Judge the value of a known point; for POSS and PONSS that is a pair [f, c]."""
    if isinstance(value, Evaluation):
        return value
    if algorithm not in PARETO_FAMILY:
        return Evaluation.of(value)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return Evaluation.of(math.nan)
    evaluation, slack = Evaluation.of(value[0]), Evaluation.of(value[1])
    evaluation.violation = -slack.value
    return evaluation if slack.ok else slack
