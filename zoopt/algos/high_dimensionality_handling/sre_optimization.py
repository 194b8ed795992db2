"""The SequentialRandomEmbedding class of ZOOpt 0.4.2.

The solver itself is `zoopt.RandomEmbedding`.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from zoopt.algos.opt_algorithms.racos.racos_optimization import RacosOptimization
from zoopt.core.defaults import gl
from zoopt.core.seeds import spawn_seed
from zoopt.core.unit_box import UnitBox
from zoopt.dimension import Dimension
from zoopt.objective import Objective
from zoopt.opt import Opt
from zoopt.parameter import Parameter
from zoopt.problem.algorithm import space_of
from zoopt.solution import Solution
from zoopt.wrappers.embedding import RandomMatrix, check_ordered

__all__ = ["SequentialRandomEmbedding"]


class SequentialRandomEmbedding:
    """Search in random low-dimensional embeddings of a very large space.

    Parameters
    ----------
    objective : Objective
    parameter : Parameter
        With ``num_sre``, ``low_dimension``, ``withdraw_alpha`` and ``variance_A``. Each stage gets
        an equal share of the budget; the last stage also gets the remainder.
    optimizer : object
        A `RacosOptimization`, or an object with a method ``opt(objective, parameter) -> Solution``
        that searches the low-dimensional space of a stage.
    """

    def __init__(self, objective: Objective, parameter: Parameter, optimizer: Any) -> None:
        self.objective = objective
        self.parameter = parameter
        self.optimizer = optimizer

    def opt(self) -> Solution:
        """Run all stages.

        Returns
        -------
        Solution
            The best point of all stages, in the whole space.

        Raises
        ------
        ValueError
            If the parameter has a checkpoint, initial samples or a stop rule, which only
            `RacosOptimization` supports.
        """
        if type(self.optimizer) is RacosOptimization:
            settings = copy.copy(self.parameter)
            settings.high_dim_handling = settings.reducedim = True
            return Opt.min(self.objective, settings)
        return self._run_stages()

    def _run_stages(self) -> Solution:
        parameter = self.parameter
        for name in ("checkpoint", "init_samples", "terminal_value", "time_budget", "filter"):
            if getattr(parameter, name) is not None:
                raise ValueError(f"{name} needs RacosOptimization as the optimizer")
        space = space_of(self.objective.get_dim())
        check_ordered(space, "SequentialRandomEmbedding")
        box, low = UnitBox(space), parameter.get_low_dimension()
        seed = parameter.get_seed()
        root = spawn_seed(gl.next_seed() if seed is None else seed, "inner")
        budget = int(parameter.get_budget())
        n_stages = max(1, min(parameter.get_num_sre(), budget // LEAST_BUDGET))
        share = budget // n_stages
        scale = float(np.sqrt(parameter.get_variance_A()))
        best: Solution | None = None
        for k in range(n_stages):
            matrix = RandomMatrix(root, k, len(box.columns), low.get_size(), scale)
            center = np.zeros(len(box.columns))
            if best is not None:
                center = 2.0 * box.point(space.encode(best.get_x())) - 1.0
            whole_of = _embedding(space, box, matrix, center)
            settings = copy.copy(parameter)
            settings.high_dim_handling = settings.reducedim = False
            settings.set_budget(budget - k * share if k + 1 == n_stages else share)
            settings.seed = int(spawn_seed(root, "solver", k).generate_state(1)[0])
            found = self.optimizer.opt(self._stage(whole_of, low), settings)
            if best is None or found.get_value() < best.get_value():
                best = whole_of(found)
                best.set_value(found.get_value())
        assert best is not None
        return best

    def _stage(self, whole_of: Callable[[Solution], Solution], low: Dimension) -> Objective:
        """Return the objective of a stage, on low-dimensional points."""
        constraint = self.objective.get_constraint()
        return Objective(
            lambda solution: self.objective.eval(whole_of(solution)),
            Dimension.merge_dim(self.parameter.get_withdraw_alpha(), low),
            None if constraint is None else lambda solution: constraint(whole_of(solution)),
        )


def _embedding(
    space: Any, box: UnitBox, matrix: RandomMatrix, center: Any
) -> Callable[[Solution], Solution]:
    def whole_of(solution: Solution) -> Solution:
        x = np.asarray(solution.get_x(), float)
        return Solution.of_row(space, box.row_of_centered(matrix.times(x[1:], x[0] * center)))

    return whole_of


#: Smallest budget of a stage.
LEAST_BUDGET = 3
