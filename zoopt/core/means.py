"""Means of values that may be infinite, or large enough for their sum to overflow."""

import math
from collections.abc import Sequence

__all__ = ["mean", "standard_error"]

#: Values below this are summed as they are; larger ones are divided first.
MAX_SUMMAND = 1e300


def mean(values: Sequence[float]) -> float:
    """Return the mean.

    Parameters
    ----------
    values : sequence of float
        At least one; none is NaN.

    Returns
    -------
    float
        Infinite if a value is; positive if both infinities occur.

    Examples
    --------
    >>> mean([1.0, 3.0]), mean([1e308] * 3) == 1e308, mean([1.0, math.inf, -math.inf])
    (2.0, True, inf)
    """
    if not all(map(math.isfinite, values)):
        return math.inf if math.inf in values else -math.inf
    n = len(values)
    if max(map(abs, values)) < MAX_SUMMAND:
        return math.fsum(values) / n
    center = math.fsum(value / n for value in values)
    return min(max(center, min(values)), max(values))


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean.

    Parameters
    ----------
    values : sequence of float
        At least one; none is NaN.

    Returns
    -------
    float
        NaN if there is a single value, or an infinite one.

    Examples
    --------
    >>> standard_error([1.0, 3.0])
    1.0
    """
    n, center = len(values), mean(values)
    if n < 2 or not math.isfinite(center):
        return math.nan
    gaps = [value - center for value in values]
    scale = max(map(abs, gaps))
    if scale == 0.0:
        return 0.0
    return scale * math.sqrt(math.fsum((gap / scale) ** 2 for gap in gaps) / (n - 1) / n)
