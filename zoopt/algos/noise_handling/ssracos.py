"""The SSRacos class of ZOOpt 0.4.2; the solver itself is `zoopt.SSRacos`."""

from collections.abc import Callable, Iterable
from typing import Any

from zoopt.algos.opt_algorithms.racos.racos_common import order
from zoopt.algos.opt_algorithms.racos.sracos import SRacos
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["SSRacos"]


class SSRacos(SRacos):
    """Minimize noisy objectives by sequential RACOS with value suppression."""

    def opt(
        self, objective: Objective, parameter: Parameter, strategy: str = "WR", ub: int = 1
    ) -> Solution:
        """Minimize an objective with value suppression, regardless of ``noise_handling``.

        Parameters
        ----------
        objective : Objective
        parameter : Parameter
        strategy, ub
            As in `SRacos.opt`.

        Returns
        -------
        Solution
        """
        best = self.run(objective, parameter, True, strategy, ub, suppression=True)
        for solution in self._positive_data:  # the run evaluated them several times
            solution.set_resample_value(solution.get_value())
            solution.is_in_possible_solution = True
        possible = best.deep_copy()
        possible.set_resample_value(best.get_value())
        self._possible_solution_list = [possible]
        return best

    def update_possible_solution(self) -> None:
        """Copy each new positive solution to the possible solutions."""
        for solution in self._positive_data:
            if not solution.is_in_possible_solution:
                solution.is_in_possible_solution = True
                self._possible_solution_list.append(solution.deep_copy())

    def get_best_solution(self, for_test: bool = False) -> Solution | None:
        """Return the possible solution with the lowest resampled value.

        Parameters
        ----------
        for_test : bool
            If False, the positive solutions are first resampled and added to the possible ones, and
            the best one takes its resampled value. If True, nothing changes.

        Returns
        -------
        Solution or None
        """
        if not for_test:
            for solution in self._positive_data:
                objective, parameter = self._needed()
                objective.resample(solution, parameter.get_resample_times())
            self.update_possible_solution()
        ranked = self.sort_solution_list(
            self._possible_solution_list, key=lambda solution: solution.get_resample_value()
        )
        if not ranked:
            return None
        if not for_test:
            ranked[0].set_value(ranked[0].get_resample_value())
        return ranked[0]

    def sort_solution_list(
        self, solution_list: Iterable[Solution], key: Callable[[Solution], Any] = order
    ) -> list[Solution]:
        """Return a sorted copy of a list.

        Parameters
        ----------
        solution_list : iterable of Solution
        key : callable
            As in `sorted`; by value, with NaN last, by default.

        Returns
        -------
        list of Solution
        """
        return sorted(solution_list, key=key)
