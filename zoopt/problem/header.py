"""What the header of a checkpoint file holds of a run: seeds, points, and marks of functions."""

import base64
import contextlib
import functools
import hashlib
import re
from types import CodeType
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.defaults import gl
from zoopt.core.seeds import Seed, root_seed
from zoopt.core.space import Row, Space
from zoopt.run.journal import read_header

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
    """Return a seed as a header holds it."""
    entropy: Any = seed.entropy
    words = int(entropy) if np.ndim(entropy) == 0 else [int(word) for word in entropy]
    return [words, list(seed.spawn_key), seed.pool_size]


def packed(row: Row) -> str:
    return base64.b64encode(np.asarray(row, "<f8").tobytes()).decode()


def unpacked(text: str, space: Space) -> Candidate:
    """Return an initial point of a header."""
    row = np.frombuffer(base64.b64decode(text), "<f8").astype(np.float64)
    row.flags.writeable = False
    return Candidate(-1, row, space)


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
    """Return what stands in a header for something that JSON cannot hold."""
    if thing is None:
        return None
    if isinstance(thing, functools.partial):
        arguments = [mark_of(v) if callable(v) else _lasting(v) for v in thing.args]
        named = {k: mark_of(v) if callable(v) else _lasting(v) for k, v in thing.keywords.items()}
        return f"{mark_of(thing.func)} with {arguments} {named}"
    name = f"{thing.__module__}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"
    code = getattr(thing, "__code__", None)
    if code is not None:
        return f"{name} {_fingerprint(code)}"
    return name if isinstance(thing, type) else f"{name} {_lasting(thing)}"


def _lasting(thing: Any) -> str:
    """Return what an object prints as, less what changes from process to process."""
    if isinstance(thing, (set, frozenset)):
        return repr(sorted(map(_lasting, thing)))
    return re.sub(" at 0x[0-9a-f]+", "", repr(thing))


def _fingerprint(code: CodeType) -> str:
    constants = [
        _fingerprint(c) if isinstance(c, CodeType) else _lasting(c) for c in code.co_consts
    ]
    text = f"{code.co_code!r} {code.co_names} {constants}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
