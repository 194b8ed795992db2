"""Types of coordinates, and checks of those that `zoopt.Dimension` and `Dimension2` take."""

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.dimensions import Dimension as Column
from zoopt.core.dimensions import Integer, Real

__all__ = ["ValueType", "box_of", "column_of", "entry_of", "flag_of", "size_of"]


class ValueType:
    """Types of coordinates in `Dimension2`, as ints.

    Examples
    --------
    >>> ValueType.DISCRETE, ValueType.CONTINUOUS, ValueType.GRID
    (0, 1, 2)
    """

    DISCRETE = 0
    CONTINUOUS = 1
    GRID = 2


def size_of(size: Any) -> int:
    """Return a number of coordinates as an int."""
    if isinstance(size, bool) or not isinstance(size, numbers.Integral):
        raise TypeError(f"size must be an int, got {size!r}")
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size!r}")
    return int(size)


def flag_of(value: Any, name: str) -> bool:
    """Return a truth value given as a bool, a NumPy bool, 0 or 1."""
    if isinstance(value, (bool, np.bool_)) or (
        isinstance(value, numbers.Integral) and value in (0, 1)
    ):
        return bool(value)
    raise TypeError(f"{name} must hold True or False, got {value!r}")


def box_of(
    size: int, regs: Sequence[Any], tys: Sequence[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Check the regions and types of a `Dimension`, and return them as arrays."""
    if len(regs) != size or len(tys) != size:
        raise ValueError(
            f"regs and tys must have size={size} entries, got {len(regs)} and {len(tys)}"
        )
    if not set(map(type, tys)) <= {bool}:
        tys = [flag_of(ty, "tys") for ty in tys]
    continuous = np.array(tys, bool)
    try:
        bounds = np.array(regs if size else np.empty((0, 2)), np.float64)
    except (TypeError, ValueError):
        bounds = np.empty(0)
    if bounds.shape != (size, 2):
        raise ValueError(f"regs must hold [low, high] pairs of numbers, got {_short(regs)}")
    low, high = bounds.T
    with np.errstate(over="ignore", invalid="ignore"):
        bad = ~np.isfinite(high - low) | (low > high)
    bad |= ~continuous & ((low != np.floor(low)) | (high != np.floor(high)))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        try:
            column_of(low[i].item(), high[i].item(), bool(continuous[i]), False)
        except ValueError as error:
            raise ValueError(f"regs[{i}]: {error}") from None
    return bounds, continuous


def column_of(low: float, high: float, continuous: bool, ordered: bool) -> Column:
    """Return the dimension of a `Space` for one coordinate."""
    if continuous:
        return Real(low, high)
    return Integer(low, high, ordered=ordered)  # type: ignore[arg-type]


def entry_of(entry: Any, name: str) -> tuple[int, list[Any], Any]:
    """Return type, region and option of an entry of a `Dimension2`."""
    if not isinstance(entry, (tuple, list)) or not 2 <= len(entry) <= 3:
        raise ValueError(f"{name} must be (type, region) or (type, region, option), got {entry!r}")
    kind, region = entry[0], entry[1]
    if isinstance(kind, bool) or not isinstance(kind, numbers.Integral) or kind not in (0, 1, 2):
        raise ValueError(f"{name}: the type must be one of ValueType's 0, 1, 2, got {kind!r}")
    if isinstance(region, (str, bytes, set, frozenset)) or not isinstance(region, Iterable):
        raise TypeError(f"{name}: the region must be a list, got {region!r}")
    values = list(region)
    if kind != ValueType.GRID and len(values) != 2:
        raise ValueError(f"{name}: the region must be [low, high], got {region!r}")
    option = entry[2] if len(entry) == 3 and kind != ValueType.GRID else None
    if kind == ValueType.DISCRETE and option is not None:
        option = flag_of(option, name)
    return int(kind), values, option


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
