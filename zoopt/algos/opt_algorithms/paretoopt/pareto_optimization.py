"""ParetoOptimization: chooses between POSS and PONSS by a parameter."""

from zoopt.algos.noise_handling.ponss import PONSS
from zoopt.algos.opt_algorithms.paretoopt.paretoopt import ParetoOpt
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["ParetoOptimization"]


class ParetoOptimization:
    """Runs the Pareto optimization that a parameter asks for."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the last result."""
        self._best_solution: Solution | None = None

    def opt(self, objective: Objective, parameter: Parameter) -> Solution:
        """Minimize an objective with a constraint on bits."""
        self.clear()
        noisy = parameter.get_noise_handling() and parameter.get_ponss()
        self._best_solution = (PONSS() if noisy else ParetoOpt()).opt(objective, parameter)
        return self._best_solution

    def get_best_sol(self) -> Solution | None:
        return self._best_solution
