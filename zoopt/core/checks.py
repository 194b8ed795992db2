"""Checks of arguments: each names the argument, what is expected and what came."""

import math
import numbers
from typing import Any

import numpy as np

__all__ = ["number", "whole"]


def number(
    value: Any,
    name: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    finite: bool = False,
) -> float:
    """Return a real number as a float.

    Raises
    ------
    TypeError, ValueError
        If it is no number, NaN, too small or large, or infinite where it must not be.

    Examples
    --------
    >>> number(3, "time_budget", least=0)
    3.0
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    result = float(value)
    if finite and not math.isfinite(result):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if not result >= least:
        raise ValueError(f"{name} must be at least {least:g}, got {value!r}")
    if result > most:
        raise ValueError(f"{name} must be at most {most:g}, got {value!r}")
    return result


def whole(value: Any, name: str, *, least: int, fractions: bool = False) -> int:
    """Return a whole number; with ``fractions`` a fractional part is cut off instead of refused.

    Examples
    --------
    >>> whole(100.5, "budget", least=1, fractions=True)
    100
    """
    result = number(value, name, least=least, finite=True)
    if result != math.floor(result) and not fractions:
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return int(result)
