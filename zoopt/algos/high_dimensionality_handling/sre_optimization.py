"""Sequential random embedding under its old name; `zoopt.RandomEmbedding` is the solver itself."""

import copy
from typing import Any

import numpy as np

from zoopt.contract import spawn_seed
from zoopt.defaults import gl
from zoopt.dimension import Dimension
from zoopt.objective import Objective
from zoopt.opt import space_of
from zoopt.parameter import Parameter
from zoopt.solution import Solution
from zoopt.unit_box import UnitBox
from zoopt.wrappers.embedding import RandomMatrix, check_ordered

__all__ = ["SequentialRandomEmbedding"]


class SequentialRandomEmbedding:
    """Search in random low-dimensional embeddings of a very large space.

    Parameters
    ----------
    objective : Objective
    parameter : Parameter
        With ``num_sre``, ``low_dimension``, ``withdraw_alpha`` and ``variance_A``; the budget is
        split evenly, and the remainder is for the last stage.
    optimizer : object
        With a method ``opt(objective, parameter) -> Solution``; it gets what a stage searches.
    """

    def __init__(self, objective: Objective, parameter: Parameter, optimizer: Any) -> None:
        self.objective = objective
        self.parameter = parameter
        self.optimizer = optimizer

    def opt(self) -> Solution:
        """Run the stages; return the best point of all, in the whole space."""
        parameter, n_stages = self.parameter, self.parameter.get_num_sre()
        space = space_of(self.objective.get_dim())
        check_ordered(space, "SequentialRandomEmbedding")
        box, low = UnitBox(space), parameter.get_low_dimension()
        seed = parameter.get_seed()
        root = spawn_seed(gl.next_seed() if seed is None else seed, "inner")
        share = max(1, int(parameter.get_budget()) // n_stages)
        scale = float(np.sqrt(parameter.get_variance_A()))
        best: Solution | None = None
        for k in range(n_stages):
            matrix = RandomMatrix(root, k, len(box.columns), low.get_size(), scale)
            center = np.zeros(len(box.columns))
            if best is not None:
                center = 2.0 * box.point(space.encode(best.get_x())) - 1.0

            def whole_of(x: Any, matrix: Any = matrix, center: Any = center) -> Solution:
                z = matrix.times(np.asarray(x[1:], float), float(x[0]) * center)
                return Solution.of_row(space, box.row_of_centered(z))

            settings = copy.copy(parameter)
            settings.high_dim_handling = settings.reducedim = False
            settings.init_samples = None
            rest = int(parameter.get_budget()) - share * (n_stages - 1)
            settings.set_budget(max(1, rest) if k + 1 == n_stages else share)
            settings.seed = int(spawn_seed(root, "solver", k).generate_state(1)[0])
            stage = Objective(
                lambda solution, whole_of=whole_of: self.objective.eval(whole_of(solution.get_x())),
                Dimension.merge_dim(parameter.get_withdraw_alpha(), low),
            )
            found = self.optimizer.opt(stage, settings)
            if best is None or found.get_value() < best.get_value():
                best = whole_of(found.get_x())
                best.set_value(found.get_value())
        assert best is not None
        return best
