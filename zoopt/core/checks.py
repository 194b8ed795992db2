"""Checks of arguments: each names the argument, the expected form and the value it got."""

import math
import numbers
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Exact", "exact", "number", "whole"]

#: A finite number as it was given, without rounding.
Exact: TypeAlias = "int | float | Fraction | Decimal"


def number(
    value: Any,
    name: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    finite: bool = False,
) -> float:
    """Return a real number as a float.

    Parameters
    ----------
    value : int, float, Fraction, Decimal or a NumPy scalar
    name : str
        Name of the argument in messages.
    least, most : float
        Bounds, both included.
    finite : bool
        Whether to refuse infinities.

    Returns
    -------
    float

    Raises
    ------
    TypeError
        If it is not a number. Booleans and strings do not count as numbers.
    ValueError
        If it is NaN, out of bounds, or infinite where it must not be.

    Examples
    --------
    >>> number(3, "time_budget", least=0)
    3.0
    """
    value = value if isinstance(value, float) else _native(value, name)
    try:
        result = float(value)
    except OverflowError:  # beyond all floats
        result = math.inf if value > 0 else -math.inf
    except ValueError:  # a signaling NaN
        result = math.nan
    if finite and not math.isfinite(result):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if not result >= least:
        raise ValueError(f"{name} must be at least {least:g}, got {value!r}")
    if result > most:
        raise ValueError(f"{name} must be at most {most:g}, got {value!r}")
    return result


def whole(value: Any, name: str, *, least: int, fractions: bool = False) -> int:
    """Return a whole number as an int, exactly.

    Parameters
    ----------
    value : int, float, Fraction, Decimal or a NumPy scalar
    name : str
        Name of the argument in messages.
    least : int
        Lower bound, included.
    fractions : bool
        Whether to cut off a fractional part instead of refusing it.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is not finite, not whole, or too small.

    Examples
    --------
    >>> whole(100.5, "budget", least=1, fractions=True)
    100
    """
    given = exact(value, name)
    if given < least:
        raise ValueError(f"{name} must be at least {least:g}, got {value!r}")
    if given != math.floor(given) and not fractions:
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return int(given)


def exact(value: Any, name: str) -> Exact:
    """Return a finite number without rounding it: a native int, float, Fraction or Decimal.

    Raises
    ------
    TypeError, ValueError
        If it is not a number, NaN or infinite.

    Examples
    --------
    >>> exact(2**53 + 1, "high")
    9007199254740993
    """
    given = _native(value, name)
    if isinstance(given, (float, Decimal)) and not math.isfinite(given):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return given


def _native(value: Any, name: str) -> Exact:
    """Return a number as one of Python's own."""
    if type(value) is int or type(value) is float:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
        if isinstance(value, numbers.Integral):
            return int(value)
        return value if isinstance(value, Fraction) else float(value)
    if isinstance(value, Decimal):
        return value
    raise TypeError(f"{name} must be a number, got {value!r}")
