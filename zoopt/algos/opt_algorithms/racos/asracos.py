"""ASRacos under its old name, and shells of the processes it once ran."""

import copy
from typing import Any

from zoopt.algos.opt_algorithms.racos.racos_common import check_strategy
from zoopt.algos.opt_algorithms.racos.sracos import SRacos
from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.solution import Solution

__all__ = ["ASRacos", "ASRacosCont", "Evaluator", "Updater"]


class ASRacosCont(SRacos):
    """The sets of an asynchronous run."""


class ASRacos:
    """Asynchronous sequential RACOS; `zoopt.SRacos` takes any number of candidates in flight.

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
        """Minimize an objective in as many processes as the parameter has servers.

        Parameters
        ----------
        strategy, ub
            As in `SRacos.opt`.
        """
        settings = copy.copy(parameter)
        settings.set_parallel(True)
        return self.asracoscont.run(objective, settings, True, strategy, ub)


class Evaluator:
    """Shell of a former worker process; it holds its arguments."""

    def __init__(
        self, objective: Objective, number: int, unevaluated_queue: Any, evaluated_queue: Any
    ) -> None:
        self.objective = objective
        self.number = number
        self.unevaluated_queue = unevaluated_queue
        self.evaluated_queue = evaluated_queue


class Updater:
    """Shell of a former updating process; it holds its arguments."""

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
