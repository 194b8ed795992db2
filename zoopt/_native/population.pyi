from typing import Any, final

import numpy as np
import numpy.typing as npt

from zoopt._native.members import Members
from zoopt._native.reference.columns import Conditions, Move, Row, Values

__all__ = ["Population"]

@final
class Population(Members):
    uncertain_bits: int
    exploration_rate: float
    n_points: float
    memory: int
    conditions: Conditions | None
    recombination_rate: float
    def __init__(
        self,
        kinds: npt.ArrayLike,
        low: npt.ArrayLike,
        high: npt.ArrayLike,
        positive_size: int,
        negative_size: int,
        uncertain_bits: int,
        exploration_rate: float,
        replacement: str,
        rng: np.random.Generator,
        n_points: float = ...,
        memory: int = ...,
        recombination_rate: float = ...,
        conditions: Conditions | None = ...,
    ) -> None: ...
    @property
    def n_seen(self) -> int: ...
    def propose(self, n_redrawn: int = 0, width: float = 1.0) -> tuple[Row, Move | None] | None: ...
    def step(
        self, n_redrawn: int = 0, width: float = 1.0
    ) -> tuple[Row | Values, Move | None] | None: ...
    def uniform(self) -> Row | None: ...
    def mark(self, row: Row) -> bool: ...
    def __setstate__(self, state: Any) -> None: ...
