"""Seeds: one generator per role, each derived from the seed of the run."""

import numbers
from typing import Any, TypeAlias

import numpy as np

__all__ = ["Seed", "root_seed", "spawn_generator", "spawn_seed"]

Seed: TypeAlias = "int | np.random.SeedSequence | np.random.Generator | None"

#: Roles that draw random numbers, each from its own stream.
_ROLES = {"solver": 0, "objective": 1, "repeat": 2, "island": 3, "inner": 4}


def root_seed(seed: Seed) -> np.random.SeedSequence:
    """Return the seed of a run as the SeedSequence from which the seeds of its roles derive.

    Parameters
    ----------
    seed : int, SeedSequence, Generator or None
        One integer is drawn from a Generator. None takes entropy from the system.

    Returns
    -------
    SeedSequence

    Raises
    ------
    TypeError, ValueError
        If the seed is none of these, or a negative number.

    Examples
    --------
    >>> root_seed(7).entropy
    7
    """
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if isinstance(seed, np.random.Generator):
        return np.random.SeedSequence(int(seed.integers(2**63)))
    if seed is None:
        return np.random.SeedSequence()
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(
            f"seed must be an int, a SeedSequence, a Generator or None, got {seed!r}{_hint(seed)}"
        )
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed!r}")
    return np.random.SeedSequence(int(seed))


def _hint(seed: Any) -> str:
    if isinstance(seed, (np.random.RandomState, np.random.BitGenerator)):
        return "; pass numpy.random.default_rng(...) or an int instead"
    return ""


def spawn_seed(seed: Seed, role: str, *keys: int) -> np.random.SeedSequence:
    """Derive the seed of a role from that of the run."""
    seed = root_seed(seed)
    return np.random.SeedSequence(
        seed.entropy, spawn_key=(*seed.spawn_key, _ROLES[role], *keys), pool_size=seed.pool_size
    )


def spawn_generator(seed: Seed, role: str, *keys: int) -> np.random.Generator:
    """Return the generator of a role; numpy's global one is never touched."""
    return np.random.Generator(np.random.PCG64(spawn_seed(seed, role, *keys)))
