"""SRacos: sequential RACOS under its old name. Ray imports SRacosTune from here."""

from zoopt.algos.opt_algorithms.racos.racos_common import RacosCommon
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution
from zoopt.sracos_tune import Replacement, SRacosTune

__all__ = ["SRacos", "SRacosTune"]


class SRacos(Replacement, RacosCommon):
    """Sequential classification-based optimization; see `zoopt.SRacos` for the solver itself.

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
        """Minimize an objective, whatever the parameter says of ``sequential``.

        Parameters
        ----------
        strategy : {"WR", "RR", "LM"}
            Which negative a newcomer replaces: the worst, a random one, or the one farthest from
            the best negative.
        ub : int
            Coordinates that one proposal redraws, in place of the parameter's uncertain bits.
        """
        return self.run(objective, parameter, True, strategy, ub)
