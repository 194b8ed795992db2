import numpy as np
from typing_extensions import disjoint_base

from zoopt._native.reference.columns import Indices, Move, Row, Values
from zoopt._native.reference.members import Member

__all__ = ["Members"]

@disjoint_base
class Members:
    kinds: Indices
    low: Row
    high: Row
    replacement: str
    rng: np.random.Generator
    positive_size: int
    size: int
    def __init__(
        self,
        kinds: Indices,
        low: Row,
        high: Row,
        positive_size: int,
        negative_size: int,
        most_changes: int,
        replacement: str,
        rng: np.random.Generator,
    ) -> None: ...
    def insert(
        self,
        row: Row | Values,
        ident: int,
        violation: float,
        value: float,
        move: Move | None = None,
        stable: bool = False,
        overwrite: bool = False,
    ) -> int: ...
    def __contains__(self, ident: int, /) -> bool: ...
    def row(self, ident: int) -> Row: ...
    def rank(self, ident: int) -> tuple[float, float]: ...
    def positive_idents(self) -> list[int]: ...
    def worst_positive(self) -> tuple[float, float] | None: ...
    def revalue(self, ident: int, value: float) -> None: ...
    def positives(self) -> list[Member]: ...
    def negatives(self) -> list[Member]: ...
