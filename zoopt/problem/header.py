"""The parts of a checkpoint file's header: seeds, initial points, and marks of functions."""

import contextlib
import functools
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.defaults import gl
from zoopt.core.fingerprints import fingerprint, name_of
from zoopt.core.seeds import Seed, root_seed
from zoopt.core.space import Space
from zoopt.run.journal import read_header
from zoopt.run.rows import packed_row, unpacked_row

__all__ = [
    "described_seed",
    "mark_of",
    "packed",
    "planned_budget",
    "restored_seed",
    "seed_of_run",
    "unpacked",
]


def described_seed(seed: np.random.SeedSequence) -> list[Any]:
    """Return a seed as a header holds it: its entropy, spawn key and pool size."""
    entropy: Any = seed.entropy
    words = int(entropy) if np.ndim(entropy) == 0 else [int(word) for word in entropy]
    return [words, list(seed.spawn_key), seed.pool_size]


def packed(candidate: Candidate) -> str:
    """Return an initial point as a header holds it."""
    return packed_row(candidate.u, candidate.space)


def unpacked(text: str, space: Space) -> Candidate:
    """Return an initial point of a header."""
    return Candidate(-1, unpacked_row(text, space), space)


def restored_seed(words: Any) -> np.random.SeedSequence:
    """Return the seed of a header."""
    entropy, spawn_key, pool_size = words
    return np.random.SeedSequence(entropy, spawn_key=tuple(spawn_key), pool_size=pool_size)


def seed_of_run(seed: Seed, checkpoint: Any = None) -> np.random.SeedSequence:
    """Return the seed given, or that of the run in the file, or a new one."""
    if seed is not None:
        return root_seed(seed)
    if checkpoint is not None:
        with contextlib.suppress(FileNotFoundError):
            return restored_seed(read_header(checkpoint)["run"]["seed"])
    return gl.next_seed()


def planned_budget(checkpoint: Any, budget: int) -> int:
    """Return the budget for which a run was first planned."""
    try:
        planned: int = read_header(checkpoint)["run"]["budget"]
    except FileNotFoundError:
        return budget
    return planned


def mark_of(thing: Any) -> str | None:
    """Return the mark of a function or a class in a header; None for None.

    The mark is a readable name and, unless it is a class, a fingerprint: of the code of a function,
    its constants, its defaults and the values in its closure, or of the class and the state of
    another object. State that calls change does not count; see
    `zoopt.core.fingerprints.fingerprint`.
    """
    if thing is None:
        return None
    if isinstance(thing, type) and "<locals>" not in thing.__qualname__:
        return name_of(thing)
    call = getattr(type(thing), "__call__", None)  # noqa: B004 - its code counts
    return f"{_readable(thing)} {fingerprint((thing, call), lenient=True)}"


def _readable(thing: Any) -> str:
    if isinstance(thing, functools.partial):
        return f"partial of {_readable(thing.func)}"
    return str(getattr(thing, "__qualname__", type(thing).__qualname__))
