"""The archive of Pareto optimization over subsets, in plain Python, written to be read.

Owns the subsets that no other dominates, as packed bits, and the mutations drawn from them, which
it keeps distinct. It knows objectives and constraints as two numbers per subset: a value that is
minimized and a slack that is maximized. ``archive.pyx`` holds the same class compiled; both draw
the same random numbers in the same order and agree bit for bit.

Source: Qian, Yu, Zhou, "Subset selection by Pareto optimization", NIPS 2015 (POSS, algorithm 1);
with a margin, Qian et al., "Subset selection under noise", NIPS 2017 (PONSS, definition 3).
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zoopt._native.reference.codes import GOLDEN, MEMORY, Codes, mix_bit
from zoopt._native.reference.columns import Move
from zoopt._native.reference.members import NOBODY

__all__ = ["Archive"]

Bits = npt.NDArray[np.uint8]

#: Largest number of draws of a mutation, each from a newly drawn member, until one is new. After
#: every RETRIES draws, the probability of a flip doubles, up to one half.
TRIES: Final = 200
RETRIES: Final = 10

#: Hash of the empty subset.
EMPTY: Final = GOLDEN


class Archive:
    """Subsets, none of which dominates another of its group, and mutations of them.

    A subset dominates another of its group if it is better in value or slack and not worse in the
    other; with a margin, only if its value is better by the margin.

    Parameters
    ----------
    n : int
        Number of bits.
    rng : numpy.random.Generator
        The only source of random numbers.
    distinct : bool
        Whether no subset is proposed twice.
    memory : int
        At least this many of the latest subsets are remembered. Members are always remembered, and
        a small space is remembered whole.

    Attributes
    ----------
    base : int
        Ident of the empty subset, which is mutated while the archive is empty.
    n_seen : int
        Number of subsets in memory.
    """

    def __init__(
        self, n: int, rng: np.random.Generator, distinct: bool = True, memory: int = MEMORY
    ) -> None:
        if n < 0:
            raise ValueError(f"n must be at least 0, got {n}")
        self.n = n
        self.rng = rng
        self.distinct = distinct
        self.memory = memory
        self.base = NOBODY
        self._rows: list[Bits] = []
        self._hashes: list[int] = []
        self._idents: list[int] = []
        self._values: list[float] = []
        self._slacks: list[float] = []
        self._groups: list[int] = []
        self._codes = Codes()
        self._cursor = 0
        self._n_points = 2.0**n if n < 1000 else 1e300

    def __len__(self) -> int:
        return len(self._idents)

    @property
    def n_seen(self) -> int:
        return len(self._codes)

    # ------------------------------------------------------------- proposals

    def propose(self) -> tuple[Bits, Move | None] | None:
        """Draw a mutation of a random member; None if every subset was seen."""
        if not self.distinct:
            return self._child(*self._mutate(1.0 / self.n if self.n > 2 else 0.5))
        if self.n_seen >= self._n_points:
            return None
        for trial in range(TRIES):
            rate = min(0.5, 2.0 ** (trial // RETRIES) / self.n) if self.n else 0.5
            parent, code, flips = self._mutate(rate)
            if self._codes.add(code):
                self._forget_old()
                return self._child(parent, code, flips)
        return self._enumerate()

    def _mutate(self, rate: float) -> tuple[int, int, list[int]]:
        """Draw a member and the bits to flip, at least one; return also the child's hash."""
        parent = int(self.rng.random() * len(self)) if len(self) else -1
        flips = []
        log_keep = math.log1p(-rate)
        k = int(math.log1p(-self.rng.random()) / log_keep)
        while k < self.n:
            flips.append(k)
            k += 1 + int(math.log1p(-self.rng.random()) / log_keep)
        if not flips and self.n:
            flips.append(int(self.rng.random() * self.n))
        code = self._hashes[parent] if parent >= 0 else EMPTY
        for k in flips:
            code ^= mix_bit(k)
        return parent, code, flips

    def _child(self, parent: int, code: int, flips: list[int]) -> tuple[Bits, Move | None]:
        if parent >= 0:
            bits, ident = self._rows[parent].copy(), self._idents[parent]
        else:
            bits, ident = np.zeros((self.n + 7) // 8, np.uint8), self.base
        for k in flips:
            bits[k >> 3] ^= 1 << (k & 7)
        bits.flags.writeable = False
        return bits, None if ident == NOBODY else (ident, *flips)

    def _enumerate(self) -> tuple[Bits, None] | None:
        """Return the next unseen subset; None at the end."""
        while self._cursor < 2**self.n:
            data = self._cursor.to_bytes((self.n + 7) // 8, "little")
            self._cursor += 1
            bits = np.frombuffer(data, np.uint8)
            if self.mark(bits):
                return bits, None
        return None

    def mark(self, bits: Bits) -> bool:
        """Remember a subset, so that it is not proposed; False if it was seen before."""
        self._check(bits)
        if not self._codes.add(self._hash(bits)):
            return False
        self._forget_old()
        return True

    def _check(self, bits: Bits) -> None:
        if len(bits) != (self.n + 7) // 8:
            raise ValueError(f"bits must have {(self.n + 7) // 8} bytes, got {len(bits)}")

    def _hash(self, bits: Bits) -> int:
        code = EMPTY
        for k in np.flatnonzero(np.unpackbits(bits, count=self.n, bitorder="little")).tolist():
            code ^= mix_bit(k)
        return code

    def _forget_old(self) -> None:
        """Keep the memory bounded; a small space is remembered whole."""
        bound = max(self.memory, 4 * len(self))
        if len(self._codes) >= bound and self._n_points > bound:
            self._codes.begin_generation(self._hashes)

    # ------------------------------------------------------------- members

    def insert(
        self,
        bits: Bits,
        ident: int,
        value: float,
        slack: float,
        group: int = 0,
        margin: float = 0.0,
    ) -> bool:
        """Offer an evaluated subset; return whether it is a member now."""
        self._check(bits)
        for i in range(len(self)):
            if self._groups[i] != group:
                continue
            bound = self._values[i] + margin
            if (bound < value and self._slacks[i] >= slack) or (
                bound <= value and self._slacks[i] > slack
            ):
                return False
        i = 0
        while i < len(self):
            worse = value + margin <= self._values[i] and slack >= self._slacks[i]
            if worse and self._groups[i] == group:
                self._remove(i)
            else:
                i += 1
        self._rows.append(bits.copy())
        self._hashes.append(self._hash(bits))
        self._idents.append(ident)
        self._values.append(value)
        self._slacks.append(slack)
        self._groups.append(group)
        return True

    def _remove(self, i: int) -> None:
        """Take a member out; the last one takes its place."""
        columns: tuple[list[Any], ...] = (
            self._rows,
            self._hashes,
            self._idents,
            self._values,
            self._slacks,
            self._groups,
        )
        for column in columns:
            last = column.pop()
            if i < len(column):
                column[i] = last

    def find(self, bits: Bits) -> int | None:
        """Return the ident of the member that equals this subset; None if no member does."""
        self._check(bits)
        code = self._hash(bits)
        for i in range(len(self)):
            if self._hashes[i] == code and self._rows[i].tobytes() == bits.tobytes():
                return self._idents[i]
        return None

    def level(self, slack: float, group: int) -> list[int]:
        """Return the idents of the members of a group with this slack."""
        return [
            ident
            for ident, s, g in zip(self._idents, self._slacks, self._groups, strict=True)
            if s == slack and g == group
        ]

    def remove(self, ident: int) -> None:
        """Take a member out."""
        self._remove(self._idents.index(ident))

    def revalue(self, ident: int, value: float) -> None:
        """Give a member another value, without a comparison."""
        self._values[self._idents.index(ident)] = value

    def bits_of(self, ident: int) -> Bits:
        """Return the subset of a member, read-only."""
        bits = self._rows[self._idents.index(ident)].copy()
        bits.flags.writeable = False
        return bits

    def members(self) -> list[tuple[int, float, float, int]]:
        """Return ident, value, slack and group of all members, in no particular order."""
        columns = self._idents, self._values, self._slacks, self._groups
        return list(zip(*columns, strict=True))
