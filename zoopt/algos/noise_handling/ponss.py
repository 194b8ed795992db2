"""PONSS under its old name; see `zoopt.Ponss` for the solver itself."""

from zoopt.algos.opt_algorithms.paretoopt.paretoopt import ParetoOpt, changed
from zoopt.objective import Objective
from zoopt.opt import minimize_objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["PONSS"]


class PONSS(ParetoOpt):
    """Pareto optimization for noisy subset selection.

    Examples
    --------
    >>> good, bad = Solution(value=[1, 2]), Solution(value=[4, 2])
    >>> PONSS.theta_dominate(2.9, good, bad), PONSS.theta_dominate(3, good, bad)
    (True, False)
    """

    def opt(self, objective: Objective, parameter: Parameter) -> Solution:
        """Minimize a noisy objective with a constraint on bits; needs ponss_theta and ponss_b."""
        return minimize_objective(objective, changed(parameter, algorithm="ponss", ponss=True))

    @staticmethod
    def theta_dominate(theta: float, solution1: Solution, solution2: Solution) -> bool:
        """Tell whether the first is better than the second by more than a margin.

        Values are pairs [f, c], f minimized and c maximized: better by more than theta in f and
        not worse in c, or by at least theta in f and better in c.
        """
        (f1, c1), (f2, c2) = solution1.get_value(), solution2.get_value()
        return bool((f1 + theta < f2 and c1 >= c2) or (f1 + theta <= f2 and c1 > c2))

    @staticmethod
    def theta_weak_dominate(theta: float, solution1: Solution, solution2: Solution) -> bool:
        """Tell whether the first is better by at least a margin in f and not worse in c."""
        (f1, c1), (f2, c2) = solution1.get_value(), solution2.get_value()
        return bool(f1 + theta <= f2 and c1 >= c2)
