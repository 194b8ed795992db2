"""The RacosOptimization class of ZOOpt 0.4.2, which runs an algorithm of the RACOS family."""

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
    """Run an algorithm of the RACOS family, as the parameter says."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the last result."""
        self._best_solution: Solution | None = None

    def opt(self, objective: Objective, parameter: Parameter, strategy: str = "WR") -> Solution:
        """Minimize an objective.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
            ``sequential``, ``parallel``, ``noise_handling`` and ``suppression`` select the
            algorithm.
        strategy : {"WR", "RR", "LM"}
            The negative solution that a new one replaces, as in `SRacos.opt`. Batch RACOS supports
            only "WR".

        Returns
        -------
        Solution

        Raises
        ------
        ValueError
            If the strategy is unknown, or not supported.
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
        """Return the default number of coordinates that a proposal redraws.

        Parameters
        ----------
        objective : Objective

        Returns
        -------
        int
        """
        dim = objective.get_dim()
        return default_uncertain_bits(dim.get_size(), not dim.is_discrete())

    def get_best_sol(self) -> Solution | None:
        """Return the last result, if any."""
        return self._best_solution
