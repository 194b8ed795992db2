"""Candidates: points that a solver asks to have evaluated."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoopt.core.lineage import Record
from zoopt.core.space import Bits, Row, Space

__all__ = ["Candidate", "is_repeat"]


class Candidate:
    """A point that a solver asks to have evaluated.

    Attributes
    ----------
    id : int
        Order of ask, from 0, given by the outermost solver.
    u : float64 array, shape (n_columns,), read-only
        The encoded point; of bits and steps made when it is first asked for.
    bits : uint8 array, shape (ceil(n_columns / 8),), read-only, or None
        The point packed, the first column lowest, if the solver works on bits.
    move : tuple of int or None
        How it was made: the id of its parent, then the columns in which it differs.
    record : Record or None
        Of a step, what became of its parent.
    base : float64 array, shape (n_columns,), read-only
        Of a step, the encoded parent.
    values : tuple of float
        Of a step, the new values of the columns that its move names.
    origin : object
        Routing of the solver that proposed it; None for a solver of its own.
    x : list or dict
        The point in user units, decoded anew at each access.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> candidate = RandomSearch({"n": (0, 1)}, seed=0).ask()
    >>> candidate.id, list(candidate.x)
    (0, ['n'])
    """

    __slots__ = ("base", "bits", "id", "move", "origin", "record", "space", "u", "values")
    base: Row
    values: tuple[float, ...]

    def __init__(
        self,
        id: int,
        u: Row,
        space: Space,
        move: tuple[int, ...] | None = None,
        origin: Any = None,
    ) -> None:
        self.id = id
        self.u = u
        self.bits: Bits | None = None
        self.record: Record | None = None
        self.space = space
        self.move = move
        self.origin = origin

    @classmethod
    def step(
        cls,
        id: int,
        base: Row,
        record: Record,
        values: tuple[float, ...],
        space: Space,
        move: tuple[int, ...],
        origin: Any = None,
    ) -> "Candidate":
        """Make a candidate of what it changes in its parent."""
        self = cls.__new__(cls)
        self.id = id
        self.base = base
        self.record = record
        self.values = values
        self.bits = None
        self.space = space
        self.move = move
        self.origin = origin
        return self

    def settle(self, row: Row) -> None:
        """Let a step go on as a whole point."""
        self.u = row
        self.record = None

    @classmethod
    def packed(
        cls,
        id: int,
        bits: Bits,
        space: Space,
        move: tuple[int, ...] | None = None,
        origin: Any = None,
    ) -> "Candidate":
        """Make a candidate of bits."""
        self = cls.__new__(cls)
        self.id = id
        self.bits = bits
        self.record = None
        self.space = space
        self.move = move
        self.origin = origin
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:  # only of bits and steps, and only once
            if name != "u":
                raise AttributeError(f"a Candidate has no attribute {name!r}")
            if self.record is None:
                self.u = self.space.unpack(self.bits)
            else:
                self.u = self.base.copy()
                self.u[list(self.move[1:])] = self.values
                self.u.flags.writeable = False
            return self.u

    @property
    def x(self) -> Any:
        return self.space.decode(self.u)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Which columns of a binary space hold the second of their two values; a new array."""
        return self.space.mask(self.space.pack(self.u) if self.bits is None else self.bits)

    def values_in(self, columns: Iterable[int]) -> list[float]:
        """Return the encoded values of some columns."""
        if self.record is not None and self.move is not None and columns == self.move[1:]:
            return list(self.values)
        if self.bits is None:
            return [self.u.item(k) for k in columns]
        low = self.space.low
        return [low.item(k) + (self.bits.item(k >> 3) >> (k & 7) & 1) for k in columns]

    def __reduce__(self) -> tuple[Any, ...]:
        if self.bits is not None:
            return _restore_packed, (self.id, self.bits, self.space, self.move, self.origin)
        if self.record is not None:
            step = self.id, self.base, self.record, self.values, self.space, self.move, self.origin
            return _restore_step, step
        return _restore, (self.id, self.u, self.space, self.move, self.origin)

    def __repr__(self) -> str:
        return f"Candidate(id={self.id}, x={self.x!r})"


def _restore(ident: int, u: Row, *rest: Any) -> Candidate:
    u.flags.writeable = False  # pickling forgets that
    return Candidate(ident, u, *rest)


def _restore_packed(ident: int, bits: Bits, *rest: Any) -> Candidate:
    bits.flags.writeable = False
    return Candidate.packed(ident, bits, *rest)


def _restore_step(ident: int, base: Row, *rest: Any) -> Candidate:
    base.flags.writeable = False
    return Candidate.step(ident, base, *rest)


def is_repeat(candidate: Candidate) -> bool:
    """Tell whether it is a point that was asked before; one told by others was not."""
    move = candidate.move
    return move is not None and len(move) == 1 and move[0] >= 0
