"""ParetoOpt: the mutation of POSS; the solver itself is not in this version."""

import copy
from typing import Any

import numpy as np

from zoopt.checks import whole
from zoopt.defaults import gl
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.running import not_available
from zoopt.solution import Solution

__all__ = ["ParetoOpt"]


class ParetoOpt:
    """Pareto optimization for subset selection."""

    @staticmethod
    def mutation(s: Any, n: int, rng: np.random.Generator | None = None) -> Any:
        """Flip each of n bits with probability 1/n, at least one.

        Parameters
        ----------
        s : list or array of 0 and 1
            Left as it is.
        n : int
            Its length.
        rng : numpy.random.Generator, optional
            By default a fresh one, seeded by ``gl.set_seed`` if that was called.

        Examples
        --------
        >>> ParetoOpt.mutation([1], 1)
        [0]
        """
        n = whole(n, "n", least=1)
        if rng is None:
            rng = np.random.default_rng(gl.next_seed())
        flips = np.flatnonzero(rng.random(n) < 1.0 / n).tolist() or [int(rng.integers(n))]
        mutant = copy.deepcopy(s)
        for i in flips:
            mutant[i] = (s[i] + 1) % 2
        return mutant

    def opt(self, objective: Objective, parameter: Parameter) -> Solution:
        """Raise ValueError: POSS is not available in this version."""
        raise not_available("ParetoOpt")
