"""The PONSS class of ZOOpt 0.4.2; the solver itself is `zoopt.Ponss`."""

from zoopt.algos.opt_algorithms.paretoopt.paretoopt import ParetoOpt, changed
from zoopt.objective import Objective
from zoopt.opt import minimize_objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["PONSS"]


class PONSS(ParetoOpt):
    """Select subsets under noise by Pareto optimization.

    Examples
    --------
    >>> good, bad = Solution(value=[1, 2]), Solution(value=[4, 2])
    >>> PONSS.theta_dominate(2.9, good, bad), PONSS.theta_dominate(3, good, bad)
    (True, False)
    """

    def opt(self, objective: Objective, parameter: Parameter) -> Solution:
        """Minimize a noisy objective on bits, under one constraint.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
            With ``ponss_theta`` and ``ponss_b``.

        Returns
        -------
        Solution
        """
        return minimize_objective(objective, changed(parameter, algorithm="ponss", ponss=True))

    @staticmethod
    def theta_dominate(theta: float, solution1: Solution, solution2: Solution) -> bool:
        """Return whether the first solution is better than the second by more than a margin.

        Values are pairs [f, c]; f is minimized and c maximized. The first solution must be better
        by more than theta in f and not worse in c, or by at least theta in f and better in c.

        Parameters
        ----------
        theta : float
        solution1, solution2 : Solution

        Returns
        -------
        bool
        """
        (f1, c1), (f2, c2) = solution1.get_value(), solution2.get_value()
        return bool((f1 + theta < f2 and c1 >= c2) or (f1 + theta <= f2 and c1 > c2))

    @staticmethod
    def theta_weak_dominate(theta: float, solution1: Solution, solution2: Solution) -> bool:
        """Return whether the first solution is better by at least a margin, and not worse in c.

        Parameters
        ----------
        theta : float
        solution1, solution2 : Solution
            With values [f, c].

        Returns
        -------
        bool
        """
        (f1, c1), (f2, c2) = solution1.get_value(), solution2.get_value()
        return bool(f1 + theta <= f2 and c1 >= c2)
