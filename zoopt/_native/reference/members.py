"""The members of a population: insertion and replacement, step 4 in the notes of `zoopt.SRacos`.

Source: Hu, Qian, Yu, "Sequential classification-based optimization for direct policy search", AAAI
2017 (SRACOS), with its strategies of replacement WR, RR and LM.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from zoopt._native.reference.codes import MASK, mix, row_hash
from zoopt._native.reference.columns import UNORDERED, Indices, Move, Row, Values
from zoopt._native.reference.pairs import UNKNOWN, Columns, Pairs

__all__ = ["NOBODY", "REPLACEMENTS", "Member", "Members"]

REPLACEMENTS: Final = ("WR", "RR", "LM")

#: Ident of a slot without a member.
NOBODY: Final = -(2**62)


def _frozen(row: Row) -> Row:
    """Return a read-only row: the row itself, or a copy."""
    if row.flags.owndata and not row.flags.writeable:
        return row
    row = row.copy()
    row.flags.writeable = False
    return row


class Member(NamedTuple):
    """A member of a set, with a copy of its row."""

    ident: int
    row: Row
    violation: float
    value: float


class Members:
    """The positive and negative sets of a RACOS solver.

    Parameters
    ----------
    kinds, low, high : arrays, shape (d,)
        The columns.
    positive_size, negative_size : int
        Largest size of each set; at least 1 and at least 0.
    most_changes : int
        Largest number of columns that a child changes.
    replacement : {"WR", "RR", "LM"}
        Which negative a newcomer replaces: the worst if it is worse than the newcomer, a
        random one, or the one farthest from the best negative.
    rng : numpy.random.Generator

    Notes
    -----
    Members are ordered by violation, then value. A violation of 0 is feasible; an infinite one
    marks a failed evaluation, which is never positive while the sets hold a successful one.
    """

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
    ) -> None:
        if positive_size < 1:
            raise ValueError(f"positive_size must be at least 1, got {positive_size}")
        if negative_size < 0:
            raise ValueError(f"negative_size must be at least 0, got {negative_size}")
        if replacement not in REPLACEMENTS:
            raise ValueError(f"replacement must be one of {REPLACEMENTS}, got {replacement!r}")
        self.kinds, self.low, self.high = kinds, low, high
        self.positive_size = positive_size
        self.size = positive_size + negative_size
        self.replacement = replacement
        self.rng = rng
        self._most_changes = most_changes
        self._n_idle = 0  # insertions since the best improved
        # By slot.
        self._rows = [np.zeros(len(kinds)) for _ in range(self.size)]
        self._idents = [NOBODY] * self.size
        self._violations = [0.0] * self.size
        self._values = [0.0] * self.size
        self._hashes = [0] * self.size
        self._pairs = Pairs(len(kinds), self._rows)
        # Slots; of the positive set, best first.
        self._positive: list[int] = []
        self._negative: list[int] = []

    def insert(
        self,
        row: Row | Values,
        ident: int,
        violation: float,
        value: float,
        move: Move | None = None,
        stable: bool = False,
        overwrite: bool = False,
    ) -> int:
        """Offer an evaluated point to the sets.

        Parameters
        ----------
        row : float64 array, shape (d,), or tuple of float
            The whole point, or the new values of the columns in its move, as `step` returned them.
        ident : int
            The name of the point in the moves of its children.
        violation, value : float
            The rank: by violation (0 is feasible, inf failed), then by value.
        move : tuple of int, optional
            The move as `propose` or `step` returned it; saves a scan of the row. If only new values
            are given, the parent must be a member.
        stable : bool
            Rank the point behind its equals, not before them.
        overwrite : bool
            Write a point that is given by its new values over the row of the member that it
            replaces, unless other code holds that row. Saves a copy of the whole row; the results
            are the same. Here, a new row is always made.

        Returns
        -------
        int
            1 if the point entered the positive set, 0 if the negative set, -1 if neither.

        Raises
        ------
        ValueError
            If the row has another length, or the move does not fit.
        """
        if isinstance(row, tuple):
            if move is None or len(row) != len(move) - 1 or move[0] not in self:
                raise ValueError("values need a move of as many columns from a member")
        elif len(row) != len(self.kinds):
            raise ValueError(f"row must have {len(self.kinds)} columns, got {len(row)}")
        if move is not None:
            self._check(move)
        if isinstance(row, tuple):
            values, row = row, self.row(move[0]).copy()  # type: ignore[index]
            row[list(move[1:])] = values  # type: ignore[index]
        key = (violation, value)
        self._n_idle += 1
        if not self._positive or key < self._key(self._positive[0]):
            self._n_idle = 0
        full = len(self._positive) + len(self._negative) == self.size
        failed = violation == math.inf
        if self._positive:
            positives_failed = self._violations[self._positive[0]] == math.inf
            if positives_failed and not failed:
                self._negative += self._positive
                self._positive = []
            place = len(self._positive)
            if positives_failed or not failed:
                place = self._place(key, stable or not full)
            barred = failed and not positives_failed
        else:
            place, barred = 0, False

        if not barred and len(self._positive) < self.positive_size:
            slot = self._drop_negative(self._worst_negative()) if full else self._next_slot()
            self._positive.insert(place, slot)
            self._write(slot, row, ident, key, move, positive=True)
            return 1
        if not barred and place < len(self._positive):
            displaced = self._positive.pop()
            slot = self._offer(displaced, self._key(displaced), full)
            self._positive.insert(place, slot)
            self._write(slot, row, ident, key, move, positive=True)
            return 1
        if not full:
            slot = self._next_slot()
            self._negative.append(slot)
            self._write(slot, row, ident, key, move, positive=False)
            return 0
        loser = self._loser(row, key)
        if loser < 0:
            return -1
        self._write(self._negative[loser], row, ident, key, move, positive=False)
        return 0

    def _check(self, move: Move) -> None:
        n_columns, most = len(self.kinds), self._most_changes
        if not 1 <= len(move) <= most + 1:
            raise ValueError(f"move must name a parent and at most {most} columns: {move}")
        for k in move[1:]:
            if not 0 <= k < n_columns:
                raise ValueError(f"move must name columns below {n_columns}, got {k}")

    def __contains__(self, ident: int) -> bool:
        return ident in self._idents[: len(self._positive) + len(self._negative)]

    def row(self, ident: int) -> Row:
        """Return the row of a member, read-only. It does not change as long as it is held.

        Raises
        ------
        ValueError
            If there is no such member.
        """
        if ident not in self:
            raise ValueError(f"no member has the ident {ident}")
        return self._rows[self._idents.index(ident)]

    def rank(self, ident: int) -> tuple[float, float]:
        """Return violation and value of a member.

        Raises
        ------
        ValueError
            If there is no such member.
        """
        if ident not in self:
            raise ValueError(f"no member has the ident {ident}")
        return self._key(self._idents.index(ident))

    def positive_idents(self) -> list[int]:
        """Return the idents of the positive set, best first."""
        return [self._idents[slot] for slot in self._positive]

    def worst_positive(self) -> tuple[float, float] | None:
        """Return violation and value of the worst positive; None if there is none."""
        return self._key(self._positive[-1]) if self._positive else None

    def revalue(self, ident: int, value: float) -> None:
        """Give a positive another value, and rank it anew, behind its equals.

        Raises
        ------
        ValueError
            If there is no such positive.
        """
        slot = next((slot for slot in self._positive if self._idents[slot] == ident), None)
        if slot is None:
            raise ValueError(f"no positive has the ident {ident}")
        self._positive.remove(slot)
        self._values[slot] = value
        self._positive.insert(self._place(self._key(slot), True), slot)

    def positives(self) -> list[Member]:
        """Return the positive set, best first."""
        return [self._member(slot) for slot in self._positive]

    def negatives(self) -> list[Member]:
        """Return the negative set, in no particular order."""
        return [self._member(slot) for slot in self._negative]

    def _member(self, slot: int) -> Member:
        row = self._rows[slot].copy()
        return Member(self._idents[slot], row, self._violations[slot], self._values[slot])

    def _key(self, slot: int) -> tuple[float, float]:
        return self._violations[slot], self._values[slot]

    def _place(self, key: tuple[float, float], after_equals: bool) -> int:
        for i, slot in enumerate(self._positive):
            other = self._key(slot)
            if other > key or (other == key and not after_equals):
                return i
        return len(self._positive)

    def _next_slot(self) -> int:
        return len(self._positive) + len(self._negative)

    def _worst_negative(self) -> int:
        worst = 0
        for i, slot in enumerate(self._negative):
            if self._key(slot) > self._key(self._negative[worst]):
                worst = i
        return worst

    def _drop_negative(self, index: int) -> int:
        """Remove a negative, keeping the order of the others; return its slot."""
        return self._negative.pop(index)

    def _offer(self, displaced: int, key: tuple[float, float], full: bool) -> int:
        """Move a displaced positive to the negatives; return the slot that became free."""
        if not full:
            slot = self._next_slot() + 1  # the displaced member is in neither list now
            self._negative.append(displaced)
            return slot
        loser = self._loser(self._rows[displaced], key)
        if loser < 0:
            return displaced
        slot = self._negative[loser]
        self._negative[loser] = displaced
        return slot

    def _loser(self, row: Row, key: tuple[float, float]) -> int:
        """Return the index of the negative that a newcomer replaces; -1 for none."""
        if not self._negative:
            return -1
        if self.replacement == "RR":
            return int(self.rng.random() * len(self._negative))
        if self.replacement == "LM":
            return self._farthest_negative()
        worst = self._worst_negative()
        return worst if self._key(self._negative[worst]) > key else -1

    def _farthest_negative(self) -> int:
        best = min(self._negative, key=self._key)
        farthest, reach = 0, -1.0
        for i, slot in enumerate(self._negative):
            distance = 0.0
            for k in range(len(self.kinds)):
                gap = self._rows[slot][k] - self._rows[best][k]
                if gap != 0.0:
                    scaled = gap / (self.high[k] - self.low[k])
                    distance += 1.0 if self.kinds[k] == UNORDERED else float(scaled * scaled)
            if distance > reach:
                farthest, reach = i, distance
        return farthest

    def _write(
        self,
        slot: int,
        row: Row,
        ident: int,
        key: tuple[float, float],
        move: Move | None,
        positive: bool,
    ) -> None:
        """Put a point into a slot, and derive its pairs from those of its parent if possible."""
        n_slots = len(self._positive) + len(self._negative)
        parent = -1
        if move is not None:  # the parent may have been dropped since
            parent = next((i for i in range(n_slots) if self._idents[i] == move[0]), -1)
        changed = [] if move is None else list(move[1:])
        derived: dict[int, Columns] = {}
        if parent < 0:
            self._hashes[slot] = row_hash(row)
        else:
            code = self._hashes[parent]
            for k in changed:
                code += mix(k, float(row[k])) - mix(k, float(self._rows[parent][k]))
            self._hashes[slot] = (code & MASK) or 1
            for other in range(n_slots):
                if other != slot:
                    derived[other] = self._pairs.derive(parent, slot, other, row, changed)
        self._rows[slot] = _frozen(row)
        self._idents[slot] = ident
        self._violations[slot], self._values[slot] = key
        positives = set(self._positive)
        for other in range(n_slots):
            if other != slot:
                needed = positive or other in positives
                self._pairs.note(slot, other, derived.get(other, UNKNOWN) if needed else UNKNOWN)
