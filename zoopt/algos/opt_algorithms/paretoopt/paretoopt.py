"""The ParetoOpt class of ZOOpt 0.4.2, which runs POSS; the solver itself is `zoopt.Poss`."""

import copy
from typing import Any

import numpy as np

from zoopt.core.checks import whole
from zoopt.core.defaults import gl
from zoopt.objective import Objective
from zoopt.opt import minimize_objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["ParetoOpt"]


class ParetoOpt:
    """Select subsets by Pareto optimization.

    Examples
    --------
    >>> from zoopt import Dimension
    >>> objective = Objective(
    ...     lambda s: -s.get_x().sum(),
    ...     Dimension(5, [[0, 1]] * 5, [False] * 5),
    ...     constraint=lambda s: 2 - s.get_x().sum(),
    ... )
    >>> ParetoOpt().opt(objective, Parameter(budget=32, seed=0)).get_value()
    [-2.0, 0.0]
    """

    @staticmethod
    def mutation(s: Any, n: int, rng: np.random.Generator | None = None) -> Any:
        """Return a copy with each of n bits flipped with probability 1/n, but at least one.

        Parameters
        ----------
        s : list or array of 0 and 1
        n : int
            Length of ``s``.
        rng : numpy.random.Generator, optional
            The default is a new one, seeded by ``gl.set_seed`` if that was called.

        Returns
        -------
        list or array of 0 and 1

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
        """Minimize an objective on bits by POSS, under one constraint.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
            Its settings of PONSS are ignored.

        Returns
        -------
        Solution
        """
        return minimize_objective(objective, changed(parameter, algorithm="poss", ponss=False))


def changed(parameter: Parameter, algorithm: str, ponss: bool) -> Parameter:
    """Return a copy of a parameter that selects POSS or PONSS."""
    copied = copy.copy(parameter)
    copied.algorithm, copied.ponss = algorithm, ponss
    if not ponss:
        copied.ponss_theta = copied.ponss_b = None
    more = parameter.noise_handling and (parameter.resampling or parameter.suppression)
    copied.noise_handling = ponss or bool(more)
    return copied
