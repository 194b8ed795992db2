"""Racos: batch RACOS under its old name."""

from zoopt.algos.opt_algorithms.racos.racos_common import RacosCommon
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["Racos"]


class Racos(RacosCommon):
    """Batch classification-based optimization; see `zoopt.Racos` for the solver itself.

    Examples
    --------
    >>> from zoopt import Dimension
    >>> objective = Objective(lambda s: abs(s.get_x()[0]), Dimension(1, [[-1, 1]], [True]))
    >>> Racos().opt(objective, Parameter(budget=100, seed=0)).get_value() < 0.2
    True
    """

    def opt(self, objective: Objective, parameter: Parameter, ub: int = 1) -> Solution:
        """Minimize an objective, whatever the parameter says of ``sequential``.

        Parameters
        ----------
        ub : int
            Coordinates that one proposal redraws, in place of the parameter's uncertain bits.
        """
        return self.run(objective, parameter, False, "WR", ub)
