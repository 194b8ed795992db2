"""RacosOptimization: chooses among the RACOS family by a parameter."""

from zoopt.algos.noise_handling.ssracos import SSRacos
from zoopt.algos.opt_algorithms.racos.asracos import ASRacos
from zoopt.algos.opt_algorithms.racos.racos import Racos
from zoopt.algos.opt_algorithms.racos.racos_common import check_strategy
from zoopt.algos.opt_algorithms.racos.sracos import SRacos
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution
from zoopt.solvers.racos.tables import default_uncertain_bits

__all__ = ["RacosOptimization"]


class RacosOptimization:
    """Runs the algorithm of the RACOS family that a parameter asks for."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the last result."""
        self._best_solution: Solution | None = None

    def opt(self, objective: Objective, parameter: Parameter, strategy: str = "WR") -> Solution:
        """Minimize an objective.

        Parameters
        ----------
        strategy : {"WR", "RR", "LM"}
            Which negative a newcomer replaces; batch RACOS knows only "WR".
        """
        check_strategy(strategy)
        self.clear()
        ub = parameter.get_uncertain_bits()
        if ub is None:
            ub = self.choose_ub(objective)
        suppression = parameter.get_noise_handling() and parameter.get_suppression()
        if parameter.get_parallel() and parameter.get_sequential():
            best = ASRacos().opt(objective, parameter, strategy, ub)
        elif parameter.get_sequential():
            best = (SSRacos() if suppression else SRacos()).opt(objective, parameter, strategy, ub)
        elif strategy == "WR":
            best = Racos().opt(objective, parameter, ub)
        else:
            raise ValueError(f"strategy={strategy!r} has no effect with sequential=False")
        self._best_solution = best
        return best

    @staticmethod
    def choose_ub(objective: Objective) -> int:
        """Return how many coordinates one proposal redraws, by the size of the space."""
        dim = objective.get_dim()
        return default_uncertain_bits(dim.get_size(), not dim.is_discrete())

    def get_best_sol(self) -> Solution | None:
        return self._best_solution
