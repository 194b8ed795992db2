"""The Racos class of ZOOpt 0.4.2; the solver itself is `zoopt.Racos`."""

from zoopt.algos.opt_algorithms.racos.racos_common import RacosCommon
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["Racos"]


class Racos(RacosCommon):
    """Minimize by batch RACOS.

    Examples
    --------
    >>> from zoopt import Dimension
    >>> objective = Objective(lambda s: abs(s.get_x()[0]), Dimension(1, [[-1, 1]], [True]))
    >>> Racos().opt(objective, Parameter(budget=100, seed=0)).get_value() < 0.2
    True
    """

    def opt(self, objective: Objective, parameter: Parameter, ub: int = 1) -> Solution:
        """Minimize an objective by batch RACOS, regardless of ``sequential``.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
        ub : int
            Number of coordinates that a proposal redraws; replaces ``uncertain_bits``.

        Returns
        -------
        Solution
        """
        return self.run(objective, parameter, False, "WR", ub)
