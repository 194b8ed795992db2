"""Points as 64-bit hashes, and the set of those that were seen."""

import struct
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from zoopt._native.reference.columns import Row

__all__ = ["MASK", "MEMORY", "Codes", "mix", "mix_bit", "row_hash"]

MASK: Final = 0xFFFFFFFFFFFFFFFF

#: Default number of points that a set remembers before it begins another generation.
MEMORY: Final = 2**20

#: 2^64 over the golden ratio, and the multipliers of SplitMix64 (Steele, Lea, Flood, "Fast
#: splittable pseudorandom number generators", OOPSLA 2014).
GOLDEN: Final = 0x9E3779B97F4A7C15
FIRST_FACTOR: Final = 0xBF58476D1CE4E5B9
SECOND_FACTOR: Final = 0x94D049BB133111EB


def scrambled(z: int) -> int:
    """Spread the bits of a number, as SplitMix64 does."""
    z &= MASK
    z = ((z ^ (z >> 30)) * FIRST_FACTOR) & MASK
    z = ((z ^ (z >> 27)) * SECOND_FACTOR) & MASK
    return z ^ (z >> 31)


def mix(column: int, value: float) -> int:
    """Hash one coordinate to 64 bits; the hash of a row is the sum over its coordinates."""
    z: int = struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]  # + 0.0 turns -0.0 into 0.0
    return scrambled(z + (column + 1) * GOLDEN)


def mix_bit(k: int) -> int:
    """Hash one bit to 64 bits; the hash of a subset is the XOR of the hashes of its bits."""
    return scrambled((k + 1) * GOLDEN)


def row_hash(row: Row) -> int:
    """Hash a row to 64 bits that are never 0; 0.0 and -0.0 have the same hash.

    Parameters
    ----------
    row : float64 array, shape (d,)

    Notes
    -----
    The sum of `mix` over the coordinates.
    """
    z: Any = (row + 0.0).view(np.uint64)
    z += np.arange(1, len(row) + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST_FACTOR)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND_FACTOR)
    return int((z ^ (z >> np.uint64(31))).sum()) or 1


class Codes:
    """A set of hashes in two generations, the present one and the one before it."""

    def __init__(self) -> None:
        self._now: set[int] = set()
        self._before: set[int] = set()

    def __len__(self) -> int:
        """Return the size of the present generation."""
        return len(self._now)

    def __contains__(self, code: int) -> bool:
        return code in self._now or code in self._before

    def add(self, code: int) -> bool:
        """Add a hash; False if it was there already."""
        if code in self:
            return False
        self._now.add(code)
        return True

    def begin_generation(self, kept: Iterable[int]) -> None:
        """Forget the generation before the present one, and begin another with some hashes."""
        self._before, self._now = self._now, set(kept)
