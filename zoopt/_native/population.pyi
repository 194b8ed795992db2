from typing import Any, final

import numpy as np
import numpy.typing as npt

from zoopt._native.reference.columns import Indices, Move, Row, Values

__all__ = ["Population"]

@final
class Population:
    kinds: Indices
    low: Row
    high: Row
    replacement: str
    rng: np.random.Generator
    positive_size: int
    size: int
    uncertain_bits: int
    exploration_rate: float
    n_points: float
    memory: int
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
    ) -> None: ...
    @property
    def n_seen(self) -> int: ...
    def propose(self, n_redrawn: int = 0, width: float = 1.0) -> tuple[Row, Move | None] | None: ...
    def step(
        self, n_redrawn: int = 0, width: float = 1.0
    ) -> tuple[Row | Values, Move | None] | None: ...
    def uniform(self) -> Row | None: ...
    def mark(self, row: Row) -> bool: ...
    def insert(
        self,
        row: Row | Values,
        ident: int,
        violation: float,
        value: float,
        move: Move | None = None,
        stable: bool = False,
    ) -> int: ...
    def __contains__(self, ident: int, /) -> bool: ...
    def row(self, ident: int) -> Row: ...
    def rank(self, ident: int) -> tuple[float, float]: ...
    def positive_idents(self) -> list[int]: ...
    def worst_positive(self) -> tuple[float, float] | None: ...
    def revalue(self, ident: int, value: float) -> None: ...
    def positives(self) -> list[tuple[int, Row, float, float]]: ...
    def negatives(self) -> list[tuple[int, Row, float, float]]: ...
    def __setstate__(self, state: Any) -> None: ...
