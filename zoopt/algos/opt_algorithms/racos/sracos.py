"""The SRacos class of ZOOpt 0.4.2; the solver itself is `zoopt.SRacos`.

Ray imports SRacosTune from this module.
"""

from zoopt.algos.opt_algorithms.racos.racos_common import RacosCommon
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution
from zoopt.sracos_tune import Replacement, SRacosTune

__all__ = ["SRacos", "SRacosTune"]


class SRacos(Replacement, RacosCommon):
    """Minimize by sequential RACOS.

    Examples
    --------
    >>> from zoopt import Dimension
    >>> objective = Objective(lambda s: abs(s.get_x()[0]), Dimension(1, [[-1, 1]], [True]))
    >>> SRacos().opt(objective, Parameter(budget=100, seed=0), "RR").get_value() < 0.2
    True
    """

    def opt(
        self, objective: Objective, parameter: Parameter, strategy: str = "WR", ub: int = 1
    ) -> Solution:
        """Minimize an objective by sequential RACOS, regardless of ``sequential``.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
        strategy : {"WR", "RR", "LM"}
            The negative solution that a new one replaces: the worst, a random one, or the one
            farthest from the best negative.
        ub : int
            Number of coordinates that a proposal redraws; replaces ``uncertain_bits``.

        Returns
        -------
        Solution
        """
        return self.run(objective, parameter, True, strategy, ub)
