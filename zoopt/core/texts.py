"""Short texts of the user's objects, however large, for messages."""

import reprlib
from typing import Any

import numpy as np

__all__ = ["brief"]

#: Largest number of items shown of a container, and of characters of anything else.
MOST_ITEMS, MOST_CHARACTERS = 20, 120


class _Brief(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = MOST_ITEMS
        self.maxdeque = self.maxarray = MOST_ITEMS
        self.maxstring = self.maxother = self.maxlong = MOST_CHARACTERS

    def repr_ndarray(self, x: Any, level: int) -> str:
        if isinstance(x, np.ndarray) and x.size > MOST_ITEMS:
            return f"array(shape={x.shape}, dtype={x.dtype})"
        return self.repr_instance(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        shape = getattr(x, "shape", None)
        if isinstance(shape, tuple) and not isinstance(x, (np.generic, np.ndarray)):
            return f"<{type(x).__name__} of shape {shape}>"
        return " ".join(super().repr_instance(x, level).split())


def brief(thing: Any) -> str:
    """Return the ``repr`` of an object, shortened if it is long, at little cost.

    Examples
    --------
    >>> brief([np.zeros(10**6), "relu"])
    "[array(shape=(1000000,), dtype=float64), 'relu']"
    """
    try:
        return _Brief().repr(thing)
    except Exception:  # a user's class may raise anything
        return f"<{type(thing).__name__} object>"
