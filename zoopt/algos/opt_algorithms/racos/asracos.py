"""The ASRacos classes of ZOOpt 0.4.2; the solver itself is `zoopt.SRacos`.

`Evaluator` and `Updater` only hold their arguments: the processes that they described are no
longer needed.
"""

import copy
from typing import Any

from zoopt.algos.opt_algorithms.racos.racos_common import check_strategy
from zoopt.algos.opt_algorithms.racos.sracos import SRacos
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["ASRacos", "ASRacosCont", "Evaluator", "Updater"]


class ASRacosCont(SRacos):
    """The positive and negative sets of an asynchronous run."""


class ASRacos:
    """Minimize by asynchronous sequential RACOS, in several processes.

    Examples
    --------
    >>> from zoopt import Dimension
    >>> objective = Objective(lambda s: abs(s.get_x()[0]), Dimension(1, [[-1, 1]], [True]))
    >>> ASRacos().opt(objective, Parameter(budget=60, seed=0, server_num=2)).get_value() < 0.2
    True
    """

    def __init__(self) -> None:
        self.asracoscont = ASRacosCont()

    def opt(
        self, objective: Objective, parameter: Parameter, strategy: str = "WR", ub: int = 1
    ) -> Solution:
        """Minimize an objective in ``server_num`` processes.

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
        settings = copy.copy(parameter)
        settings.set_parallel(True)
        return self.asracoscont.run(objective, settings, True, strategy, ub)


class Evaluator:
    """The arguments of a worker process of ZOOpt 0.4.2, kept as attributes."""

    def __init__(
        self, objective: Objective, number: int, unevaluated_queue: Any, evaluated_queue: Any
    ) -> None:
        self.objective = objective
        self.number = number
        self.unevaluated_queue = unevaluated_queue
        self.evaluated_queue = evaluated_queue


class Updater:
    """The arguments of an updating process of ZOOpt 0.4.2, kept as attributes."""

    def __init__(
        self,
        objective: Objective,
        parameter: Parameter,
        unevaluated_queue: Any,
        evaluated_queue: Any,
        result_queue: Any,
        history_queue: Any,
        asracoscont: ASRacosCont,
        strategy: str = "WR",
        ub: int = 1,
    ) -> None:
        self.objective = objective
        self.parameter = parameter
        self.unevaluated_queue = unevaluated_queue
        self.evaluated_queue = evaluated_queue
        self.result_queue = result_queue
        self.history_queue = history_queue
        self.asracoscont = asracoscont
        self.strategy = check_strategy(strategy)
        self.ub = ub
