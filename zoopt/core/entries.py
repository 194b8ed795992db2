"""Spaces as users write them, turned into dimensions."""

from typing import Any

import numpy as np

from zoopt.core.dimensions import Choice, Dimension, Integer, Real

__all__ = ["as_dimension"]


def as_dimension(entry: Any, label: str) -> Dimension:
    """Return a dimension, or the `Real` that a ``(low, high)`` pair of numbers means.

    Raises
    ------
    TypeError, ValueError
        If it is neither; begins with the label.
    """
    if isinstance(entry, (Real, Integer, Choice)):
        return entry
    if isinstance(entry, (tuple, list, np.ndarray)) and len(entry) == 2:
        try:
            return Real(entry[0], entry[1])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{label}: {error}") from None
    raise TypeError(f"{label} must be Real, Integer, Choice or a (low, high) pair, got {entry!r}")
