"""The ParetoOptimization class of ZOOpt 0.4.2, which runs POSS or PONSS."""

from zoopt.algos.noise_handling.ponss import PONSS
from zoopt.algos.opt_algorithms.paretoopt.paretoopt import ParetoOpt
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["ParetoOptimization"]


class ParetoOptimization:
    """Run POSS or PONSS, as the parameter says."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the last result."""
        self._best_solution: Solution | None = None

    def opt(self, objective: Objective, parameter: Parameter) -> Solution:
        """Minimize an objective on bits, under one constraint.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
            PONSS runs if ``noise_handling`` and ``ponss`` are set, otherwise POSS.

        Returns
        -------
        Solution
        """
        self.clear()
        noisy = parameter.get_noise_handling() and parameter.get_ponss()
        self._best_solution = (PONSS() if noisy else ParetoOpt()).opt(objective, parameter)
        return self._best_solution

    def get_best_sol(self) -> Solution | None:
        """Return the last result, if any."""
        return self._best_solution
