"""Spaces as users write them, turned into names and dimensions."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from zoopt.core.dimensions import Choice, Dimension, Integer, Real
from zoopt.core.texts import brief

__all__ = ["LowerUpper", "has_dimension", "label_of", "read_branch", "read_space"]


class LowerUpper(Protocol):
    """Lower and upper bounds of all variables, such as a ``scipy.optimize.Bounds``."""

    lb: Any
    ub: Any


def read_space(space: Any) -> tuple[list[str] | None, list[Dimension]]:
    """Return the names, if there are any, and the dimensions of a space.

    Parameters
    ----------
    space : mapping, sequence, array of shape (n, 2), or an object with ``lb`` and ``ub``

    Raises
    ------
    TypeError, ValueError
        If the space is none of these, or is empty or ambiguous, or if an entry is not a dimension.
        The message names the entry.

    Examples
    --------
    >>> read_space({"x": (0, 1)})
    (['x'], [Real(0.0, 1.0)])
    """
    if _are_bounds(space):
        return None, _from_bounds(space.lb, space.ub)
    names = None
    entries = space
    if isinstance(space, Mapping):
        names, entries = list(space), space.values()
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"names of dimensions must be strings, got {brief(name)}")
    if isinstance(entries, (str, bytes, set, frozenset)) or not isinstance(entries, Iterable):
        raise TypeError(f"a space must be a sequence or a mapping, got {brief(space)}")
    entries = entries if isinstance(entries, np.ndarray) else list(entries)
    if names is None and _has_two_readings(entries):
        lower, upper = (np.asarray(entry).tolist() for entry in entries)
        pairs, bounds = [tuple(lower), tuple(upper)], list(zip(lower, upper, strict=True))
        raise ValueError(
            f"a space of two arrays of two numbers has two readings: pass {pairs} for dimensions "
            f"from the first to the second number of each array, or {bounds} for the first array "
            "as lower and the second as upper bounds"
        )
    if isinstance(entries, np.ndarray) and entries.ndim == 2 and entries.shape[1] == 2:
        return None, _from_bounds(entries[:, 0], entries[:, 1])
    known: dict[int, Dimension] = {}  # by id of the entry: [(0, 1)] * n holds one pair n times
    dimensions = []
    for i, entry in enumerate(entries):
        if id(entry) not in known:
            known[id(entry)] = _dimension(entry, i, names)
        dimensions.append(known[id(entry)])
    if not dimensions:
        raise ValueError("a space needs at least one dimension")
    return names, dimensions


def read_branch(key: Any, branch: Any) -> dict[str | None, Dimension]:
    """Return the dimensions of a branch of a `Choice`, by name; a bare dimension has the name None.

    Raises
    ------
    TypeError, ValueError
        If it is neither None, nor a mapping of names, nor a dimension.

    Examples
    --------
    >>> read_branch("svc", {"C": (0, 1)}), read_branch("none", None), read_branch("share", (0, 1))
    ({'C': Real(0.0, 1.0)}, {}, {None: Real(0.0, 1.0)})
    """
    if branch is None:
        return {}
    try:
        if not isinstance(branch, Mapping):
            is_pair = isinstance(branch, tuple) and len(branch) == 2
            if not (is_pair or isinstance(branch, (Real, Integer, Choice))):
                raise TypeError(
                    "must be None, a mapping of names to dimensions, or a dimension, got "
                    f"{brief(branch)}"
                )
            return {None: _dimension(branch, 0, None)}
        names, dimensions = read_space(branch) if branch else ([], [])
        return dict(zip(names or (), dimensions, strict=True))
    except (TypeError, ValueError) as error:
        raise type(error)(f"branch {brief(key)}: {error}") from None


def has_dimension(value: Any, depth: int = 4) -> bool:
    """Return whether a value is a dimension, or a list, tuple or dictionary that holds one."""
    if type(value) is dict:
        value = list(value.values())
    if type(value) in (list, tuple) and depth > 0:
        return any(has_dimension(part, depth - 1) for part in value)
    return isinstance(value, (Real, Integer, Choice))


def _are_bounds(space: Any) -> bool:
    """Return whether it is an object with bounds; constraints also have a matrix or a function."""
    has_bounds = hasattr(space, "lb") and hasattr(space, "ub")
    return has_bounds and not (hasattr(space, "A") or hasattr(space, "fun"))


def label_of(i: int, names: list[str] | None) -> str:
    """Return the name of a dimension in messages."""
    return f"dimension {i}" if names is None else f"dimension {names[i]!r}"


def _dimension(entry: Any, i: int, names: list[str] | None) -> Dimension:
    """Return an entry that is a dimension, or the `Real` that a pair of numbers means."""
    if isinstance(entry, (Real, Integer, Choice)):
        return entry
    is_pair = isinstance(entry, (tuple, list, np.ndarray)) and len(entry) == 2
    if not is_pair or (names is not None and not isinstance(entry, tuple)):
        hint = "" if names is None else _hint(entry)
        raise TypeError(
            f"{label_of(i, names)} must be Real, Integer, Choice or a (low, high) pair, got "
            f"{brief(entry)}{hint}"
        )
    try:
        return Real(entry[0], entry[1])
    except (TypeError, ValueError) as error:
        raise type(error)(f"{label_of(i, names)}: {error}") from None


def _hint(entry: Any) -> str:
    """Return what to pass in place of a list: two numbers may be choices or bounds."""
    if not isinstance(entry, (list, tuple, np.ndarray)):
        return ""
    values = entry.tolist() if isinstance(entry, np.ndarray) else list(entry)
    if len(values) == 2:
        pair = brief(tuple(values))
        return f": pass Choice({brief(values)}) for two choices, or the pair {pair} for bounds"
    return f": pass Choice({brief(values)}) for choices"


def _has_two_readings(entries: Any) -> bool:
    """Return whether lower and upper bounds of two dimensions may have been meant."""
    if isinstance(entries, np.ndarray) or len(entries) != 2:
        return False
    if all(isinstance(entry, np.ndarray) and entry.shape == (2,) for entry in entries):
        return True
    are_lists = all(isinstance(entry, list) and len(entry) == 2 for entry in entries)
    return are_lists and all(entry[0] == entry[1] for entry in entries)


def _from_bounds(lower: Any, upper: Any) -> list[Dimension]:
    """Return one `Real` for each pair of bounds; equal pairs share it."""
    try:
        low, high = np.broadcast_arrays(np.atleast_1d(lower), np.atleast_1d(upper))
    except ValueError:
        raise ValueError(
            f"lb and ub must have the same length, got {brief(lower)} and {brief(upper)}"
        ) from None
    if low.ndim != 1:
        raise ValueError(f"lb and ub must be one-dimensional, got shape {low.shape}")
    known: dict[tuple[Any, Any], Dimension] = {}
    pairs: list[tuple[Any, Any]] = list(zip(low.tolist(), high.tolist(), strict=True))
    for i, pair in enumerate(pairs):
        if pair not in known:
            known[pair] = _dimension(pair, i, None)
    if not pairs:
        raise ValueError("a space needs at least one dimension")
    return [known[pair] for pair in pairs]
