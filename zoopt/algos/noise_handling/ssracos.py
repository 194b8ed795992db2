"""SSRacos: value suppression under its old name; see `zoopt.SSRacos` for the solver itself."""

from collections.abc import Callable, Iterable
from typing import Any

from zoopt.algos.opt_algorithms.racos.racos_common import order
from zoopt.algos.opt_algorithms.racos.sracos import SRacos
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["SSRacos"]


class SSRacos(SRacos):
    """Sequential RACOS with value suppression."""

    def opt(
        self, objective: Objective, parameter: Parameter, strategy: str = "WR", ub: int = 1
    ) -> Solution:
        """Minimize an objective with value suppression, whatever the parameter says of noise."""
        best = self.run(objective, parameter, True, strategy, ub, suppression=True)
        for solution in self._positive_data:  # the run has evaluated them again
            solution.set_resample_value(solution.get_value())
            solution.is_in_possible_solution = True
        possible = best.deep_copy()
        possible.set_resample_value(best.get_value())
        self._possible_solution_list = [possible]
        return best

    def update_possible_solution(self) -> None:
        """Copy the positive solutions to the possible ones, each once."""
        for solution in self._positive_data:
            if not solution.is_in_possible_solution:
                solution.is_in_possible_solution = True
                self._possible_solution_list.append(solution.deep_copy())

    def get_best_solution(self, for_test: bool = False) -> Solution | None:
        """Return the possible solution of least resampled value; None if there is none.

        Parameters
        ----------
        for_test : bool
            Only look. Otherwise the positive solutions are resampled and join the possible ones
            first, and the best takes its resampled value.
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
        """Return a sorted copy of a list."""
        return sorted(solution_list, key=key)
