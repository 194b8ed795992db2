"""The process-wide defaults that old scripts set through ``gl``."""

from collections.abc import Sequence

import numpy as np

__all__ = ["Global", "gl"]


class Global:
    """Seed of later unseeded runs, and the tolerance of `Solution.is_equal`.

    Examples
    --------
    >>> from zoopt.utils.zoo_global import gl
    >>> gl.precision
    1e-17
    """

    def __init__(self) -> None:
        self.precision = 1e-17
        self.float_precisions: Sequence[float] = []
        self._seed: int | None = None
        self._n_runs = 0

    def set_seed(self, seed: int) -> None:
        """Seed later runs that are given no seed; each of them gets a different stream."""
        self._seed = int(seed)
        self._n_runs = 0

    def set_precision(self, precision: float) -> None:
        """Set the difference below which two coordinates count as equal."""
        self.precision = float(precision)

    def next_seed(self) -> np.random.SeedSequence:
        """Return the seed for a run without one."""
        if self._seed is None:
            return np.random.SeedSequence()
        self._n_runs += 1
        return np.random.SeedSequence(self._seed, spawn_key=(self._n_runs,))


gl = Global()
