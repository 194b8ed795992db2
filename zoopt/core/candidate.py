"""Candidates: points that a solver asks to have evaluated.

A candidate holds a whole point, a point in packed bits, or a step. A step holds a parent and the
values in which it differs from this parent.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.lineage import Record
from zoopt.core.space import Bits, Row, Space

__all__ = ["Candidate", "PackedCandidate", "StepCandidate", "is_repeat"]

NO_ROW: Row = np.empty(0)


class Candidate:
    """A point that a solver asks to have evaluated.

    Parameters
    ----------
    id : int
    u : float64 array, shape (n_columns,), read-only
    space : Space
    move : tuple of int, optional
    origin : object, optional

    Attributes
    ----------
    id : int
        Number in the order of ask, from 0; the outermost solver assigns it. Points that were not
        asked have negative ids.
    u : float64 array, shape (n_columns,), read-only
        The encoded point.
    bits : uint8 array, shape (ceil(n_columns / 8),), read-only, or None
        The packed point, with the first column in the lowest bit, if the solver works on bits.
    move : tuple of int or None
        Id of the parent, then the columns in which the candidate differs from it; None if there
        is no parent.
    record : Record or None
        For a step, the record of its parent.
    origin : object
        "foreign" for a point that was evaluated elsewhere and reported by `Solver.tell_point`; None
        for a point that a solver proposed.
    cutoffs : object
        The values that a pruner compares the candidate's reports with; set only in runs with a
        pruner.
    x : list or dict
        The point in user units, decoded at each access.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> candidate = RandomSearch({"n": (0, 1)}, seed=0).ask()
    >>> candidate.id, list(candidate.x)
    (0, ['n'])
    """

    __slots__ = ("cutoffs", "id", "move", "origin", "space", "u")
    cutoffs: Any
    bits: Bits | None = None
    record: Record | None = None

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
        self.space = space
        self.move = move
        self.origin = origin

    @property
    def x(self) -> Any:
        return self.space.decode(self.u)

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Which columns of a binary space hold the second of their two values; a new array."""
        return self.space.mask(self.space.pack(self.u))

    def values_in(self, columns: Iterable[int]) -> list[float]:
        """Return the encoded values of some columns.

        Parameters
        ----------
        columns : iterable of int

        Returns
        -------
        list of float
        """
        return [self.u.item(k) for k in columns]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.id, self.u, self.space, self.move, self.origin)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id}, x={self.x!r})"


class PackedCandidate(Candidate):
    """A candidate in packed bits. Its `u` is made at the first access.

    Parameters
    ----------
    id : int
    bits : uint8 array, shape (ceil(n_columns / 8),), read-only
    space : Space
        Binary.
    move, origin
        See `Candidate`.

    Examples
    --------
    >>> from zoopt import Space
    >>> space = Space.subsets(3)
    >>> PackedCandidate(0, space.pack(space.encode([True, False, True])), space)
    PackedCandidate(id=0, x=[True, False, True])
    """

    __slots__ = ("_row", "bits")

    def __init__(
        self,
        id: int,
        bits: Bits,
        space: Space,
        move: tuple[int, ...] | None = None,
        origin: Any = None,
    ) -> None:
        self.id = id
        self.bits: Bits = bits
        self.space = space
        self.move = move
        self.origin = origin
        self._row: Row | None = None

    @property
    def u(self) -> Row:
        if self._row is None:
            self._row = self.space.unpack(self.bits)
        return self._row

    @u.setter
    def u(self, row: Row) -> None:
        self._row = row

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        return self.space.mask(self.bits)

    def values_in(self, columns: Iterable[int]) -> list[float]:
        low, bits = self.space.low, self.bits
        return [low.item(k) + (bits.item(k >> 3) >> (k & 7) & 1) for k in columns]

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.id, self.bits, self.space, self.move, self.origin)


class StepCandidate(Candidate):
    """A candidate given by its changes to a parent. Its `u` is made at the first access.

    Parameters
    ----------
    id : int
    base : float64 array, shape (n_columns,), read-only
        The encoded parent.
    record : Record
        The record of the parent.
    values : tuple of float
        The new values of the columns that the move names.
    space : Space
    move : tuple of int
    origin : object, optional

    Examples
    --------
    >>> from zoopt import Space
    >>> space = Space([(0, 1)] * 3)
    >>> StepCandidate(4, space.encode([0.0, 0.0, 0.0]), Record(1.5, None), (0.5,), space, (2, 1))
    StepCandidate(id=4, x=[0.0, 0.5, 0.0])
    """

    __slots__ = ("_row", "base", "record", "values")
    move: tuple[int, ...]

    def __init__(
        self,
        id: int,
        base: Row,
        record: Record | None,
        values: tuple[float, ...],
        space: Space,
        move: tuple[int, ...],
        origin: Any = None,
    ) -> None:
        self.id = id
        self.base = base
        self.record: Record | None = record
        self.values = values
        self.space = space
        self.move = move
        self.origin = origin
        self._row: Row | None = None

    @property
    def u(self) -> Row:
        if self._row is None:
            row = self.base.copy()
            row[list(self.move[1:])] = self.values
            row.flags.writeable = False
            self._row = row
        return self._row

    @u.setter
    def u(self, row: Row) -> None:
        self._row = row

    def detach(self) -> None:
        """Drop the reference to the parent's row, which may then be overwritten.

        Afterwards set `base` or call `settle`.
        """
        self.base = NO_ROW

    def settle(self, row: Row) -> None:
        """Give the candidate its own row; it then needs neither parent nor record."""
        self._row = row
        self.base = NO_ROW
        self.record = None

    def values_in(self, columns: Iterable[int]) -> list[float]:
        return list(self.values) if columns == self.move[1:] else super().values_in(columns)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.record is None:
            return _restore, (Candidate, self.id, self.u, self.space, self.move, self.origin)
        step = self.base, self.record, self.values, self.space, self.move, self.origin
        return _restore, (type(self), self.id, *step)


def _restore(form: type[Candidate], ident: int, array: Any, *rest: Any) -> Candidate:
    """Make a candidate from its pickled state; a pickle does not keep arrays read-only."""
    array.flags.writeable = False
    return form(ident, array, *rest)


def is_repeat(candidate: Candidate) -> bool:
    """Return whether the candidate asks for another evaluation of a point that was asked before."""
    move = candidate.move
    return move is not None and len(move) == 1 and move[0] >= 0
