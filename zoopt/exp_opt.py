"""ExpOpt: repeated runs of Opt.min, their statistics and their plot."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoopt.core.defaults import gl
from zoopt.core.seeds import spawn_seed
from zoopt.objective import Objective
from zoopt.opt import minimize_objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["ExpOpt"]


class ExpOpt:
    """Entry points for repeated experiments; all methods are static.

    Examples
    --------
    >>> from zoopt import Dimension, Objective, Parameter
    >>> objective = Objective(lambda s: abs(s.x[0]), Dimension(1, [[-1, 1]], [True]))
    >>> len(ExpOpt.min(objective, Parameter(budget=20, seed=0), repeat=3))
    3
    """

    @staticmethod
    def min(
        objective: Objective,
        parameter: Parameter,
        repeat: int = 1,
        best_n: int | None = None,
        plot: bool = False,
        plot_file: Any = None,
    ) -> list[Solution]:
        """Run `Opt.min` several times, with seeds derived from the seed of the parameter.

        Parameters
        ----------
        objective : Objective
            Its history is cleared before and after each run.
        parameter : Parameter
        repeat : int
            Number of runs, at least 1.
        best_n : int, optional
            Number of the best results that the printed statistics cover; by default all.
        plot : bool
            Whether to plot the best value so far of each run; needs ``zoopt[plot]``.
        plot_file : path, optional
            File for the figure, in the format of its extension. With None, the figure is shown.

        Returns
        -------
        list of Solution
            The solution of each run, in order.

        Raises
        ------
        TypeError, ValueError
            As `Opt.min` raises them, or if ``repeat`` is not a positive whole number.
        AllEvaluationsFailed
            If no evaluation of a run succeeded.
        ImportError
            If ``plot`` is True and matplotlib is not installed.

        Examples
        --------
        >>> from zoopt import Dimension, ExpOpt, Objective, Parameter
        >>> objective = Objective(lambda s: abs(s.x[0]), Dimension(1, [[-1, 1]], [True]))
        >>> solutions = ExpOpt.min(objective, Parameter(budget=20, seed=0), repeat=3)
        >>> len(solutions)
        3
        """
        if isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
            raise ValueError(f"repeat must be a whole number >= 1, got {repeat!r}")
        if not isinstance(parameter, Parameter):
            raise TypeError(f"parameter must be a Parameter, got {parameter!r}")
        seed = parameter.get_seed()
        if seed is None:
            seed = gl.next_seed()
        quiet = not (parameter.verbosity or parameter.get_intermediate_result())
        solutions = []
        curves = []
        for i in range(repeat):
            objective.clean_history()
            solution = minimize_objective(objective, parameter, spawn_seed(seed, "repeat", i))
            solutions.append(solution)
            curves.append(objective.get_history_bestsofar())
            objective.clean_history()
        if plot:
            _plot(curves, plot_file)
        if not quiet:
            values = [solution.get_value() for solution in solutions]
            ExpOpt.result_analysis(values, repeat if best_n is None else best_n)
        return solutions

    @staticmethod
    def result_analysis(results: list[Any], top: int) -> tuple[Any, Any]:
        """Print and return the mean and the standard deviation of the smallest results.

        Parameters
        ----------
        results : list of numbers or of pairs [value, constraint]
            It is sorted in place.
        top : int
            Number of results to use.

        Returns
        -------
        mean, std : floats, or arrays of length 2 for pairs

        Examples
        --------
        >>> mean, std = ExpOpt.result_analysis([3.0, 1.0, 2.0], top=2)
        [zoopt] Best 2 result: 1.5 +- 0.5
        """
        results.sort()
        kept: Sequence[Any] = results[: min(top, len(results))]
        values = np.asarray(kept, np.float64)
        mean, std = values.mean(axis=0), values.std(axis=0)
        print(f"[zoopt] Best {len(kept)} result: {mean} +- {std}")
        return mean, std


def _plot(curves: list[list[float]], plot_file: Any) -> None:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "zoopt[plot]"') from error
    figure, axes = plt.subplots()
    try:
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve)
        axes.set_xlabel("evaluations")
        axes.set_ylabel("best value so far")
        if plot_file is None:
            plt.show()
        else:
            figure.savefig(plot_file)
    finally:
        plt.close(figure)
