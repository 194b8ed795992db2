from typing import Any, final

import numpy as np
import numpy.typing as npt

from zoopt._native.reference.columns import Conditions, Indices, Row

__all__ = ["SeenPoints", "row_hash"]

def row_hash(row: Row) -> int: ...

@final
class SeenPoints:
    kinds: Indices
    low: Row
    high: Row
    rng: np.random.Generator
    n_points: float
    memory: int
    conditions: Conditions | None
    def __init__(
        self,
        kinds: npt.ArrayLike,
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        rng: np.random.Generator,
        n_points: float = ...,
        memory: int = ...,
        conditions: Conditions | None = ...,
    ) -> None: ...
    @property
    def n_seen(self) -> int: ...
    @property
    def exhausted(self) -> bool: ...
    def mark(self, row: Row) -> bool: ...
    def contains(self, row: Row) -> bool: ...
    def uniform(self) -> Row | None: ...
    def __setstate__(self, state: Any) -> None: ...
