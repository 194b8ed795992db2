"""Points passed to ZOOptSearch: to be tried first, or evaluated already."""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zoopt.core.space import Row
from zoopt.distributed.tune.space import ConfigSpace

__all__ = ["GivenPoints"]

#: Key of the random stream that completes partial points. Solvers use smaller keys.
STREAM = 2**20


class GivenPoints:
    """Configurations, with their values if these are known.

    Parameters
    ----------
    points : list of dict or None
        ``points_to_evaluate`` of `ZOOptSearch`.
    rewards : list of float or None
        ``evaluated_rewards`` of `ZOOptSearch`.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type, or if the two lists have different lengths.
    """

    def __init__(self, points: Any, rewards: Any) -> None:
        self._points: list[Mapping[str, Any]] = _listed(
            points, "points_to_evaluate", Mapping, "dictionaries"
        )
        self.rewards: list[float] | None = None
        if rewards is None:
            return
        if isinstance(rewards, np.ndarray):
            rewards = rewards.tolist()
        self.rewards = _listed(rewards, "evaluated_rewards", numbers.Real, "numbers")
        if len(self.rewards) != len(self._points):
            raise ValueError(
                f"evaluated_rewards must have a value for each of the {len(self._points)} "
                f"points_to_evaluate, got {len(self.rewards)}"
            )

    def rows(
        self, space: ConfigSpace, seed: np.random.SeedSequence
    ) -> list[tuple[Row, dict[int, float]]]:
        """Return each point encoded, with the values that encoding rounds.

        Missing values are drawn at random, identically for the same seed. Points with a reward
        must be complete.

        Raises
        ------
        TypeError, ValueError
            If a point does not fit the space.
        """
        stream = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, STREAM))
        rng = np.random.default_rng(stream)
        rows = []
        for i, point in enumerate(self._points):
            name = f"points_to_evaluate[{i}]"
            found = space.read(point, name)
            if self.rewards is None:
                found = space.completed(found, rng)
            rows.append(space.encode(found, name))
        return rows


def _listed(values: Any, name: str, kind: type, kinds: str) -> list[Any]:
    if values is None:
        return []
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be a list of {kinds}, got {values!r}")
    for i, value in enumerate(values):
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{name} must be a list of {kinds}, got {value!r} at {i}")
    return list(values)
