"""Points as users write them, turned into the values of the dimensions."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from zoopt.core.texts import brief

__all__ = ["is_missing", "named_values", "values_of"]


def values_of(
    point: Mapping[str, Any] | Iterable[Any], names: list[str] | None, n: int
) -> list[Any]:
    """Return the values of a point in the order of the dimensions.

    Parameters
    ----------
    point : sequence, mapping of all names, or pandas Series
    names : list of str or None
    n : int
        Number of dimensions.

    Raises
    ------
    TypeError, ValueError
        If the point has another length or other names.

    Examples
    --------
    >>> values_of({"b": 2, "a": 1}, ["a", "b"], 2)
    [1, 2]
    """
    if names is not None and not isinstance(point, Mapping) and _has_labels(point):
        point = _by_label(point)
    if isinstance(point, Mapping):
        if names is None:
            raise TypeError("this space has no names: a point must be a sequence")
        if len(point) != len(names) or not all(name in point for name in names):
            raise ValueError(f"a point must name {brief(names)}, got {brief(list(point))}")
        return [point[name] for name in names]
    if isinstance(point, (str, bytes, set, frozenset)) or not isinstance(point, Iterable):
        raise TypeError(f"a point must be a sequence of {n} values, got {brief(point)}")
    values = list(point)
    if len(values) != n:
        raise ValueError(f"a point must have {n} values, got {len(values)}")
    return values


def named_values(point: Any) -> Mapping[str, Any]:
    """Return a point that is a mapping or a labeled Series as a mapping.

    Raises
    ------
    TypeError
        If the point is neither.

    Examples
    --------
    >>> named_values({"a": 1})
    {'a': 1}
    """
    if isinstance(point, Mapping):
        return point
    if _has_labels(point):
        return _by_label(point)
    raise TypeError(f"a point must map names to values, got {brief(point)}")


def is_missing(value: Any) -> bool:
    """Return whether a value stands for no value: None, NaN, or pandas' NA and NaT.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(None), is_missing(0.0), is_missing([])
    (True, True, False, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


def _has_labels(point: Any) -> bool:
    """Return whether a point is a pandas Series, or behaves like one."""
    return hasattr(point, "index") and hasattr(point, "to_dict")


def _by_label(point: Any) -> dict[Any, Any]:
    values: dict[Any, Any] = point.to_dict()
    if len(values) != len(point):
        raise ValueError(f"a point must not repeat labels, got {brief(list(point.index))}")
    return values
