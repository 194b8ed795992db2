"""The points of a space that a solver has seen.

Makes the kernels' `SeenPoints` for a space. Solvers use it to propose no point twice.
"""

import math

import numpy as np

from zoopt._native import Population, SeenPoints
from zoopt.core.space import Row, Space

__all__ = ["n_points", "next_unseen", "seen_points"]


def n_points(space: Space) -> float:
    """Return the size of a space as a float: a finite size stays finite, however large."""
    return math.inf if space.size == math.inf else float(min(space.size, 1e300))


def seen_points(space: Space, rng: np.random.Generator) -> SeenPoints:
    """Make an empty set of the points of a space that a solver has seen.

    Parameters
    ----------
    space : Space
    rng : numpy.random.Generator
        Source of its random points.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import Integer, Space
    >>> space = Space([Integer(1, 3)])
    >>> seen = seen_points(space, np.random.default_rng(0))
    >>> seen.mark(space.encode([2])), seen.contains(space.encode([2]))
    (True, True)
    >>> sorted(space.decode(seen.uniform()) for _ in range(2))
    [[1], [3]]
    >>> seen.exhausted
    True
    """
    columns = space.kinds, space.low, space.high
    return SeenPoints(*columns, rng, n_points(space), conditions=space.conditions)


def next_unseen(queue: list[Row], seen: SeenPoints | Population) -> Row | None:
    """Take rows from the end of a queue until one is new, and mark it; None if none is new."""
    while queue:
        row = queue.pop()
        if seen.mark(row):
            return row
    return None
