"""Sequential random embedding under its old name; the solver itself is not in this version."""

from typing import Any

from zoopt.objective import Objective
from zoopt.parameter import Parameter
from zoopt.running import not_available
from zoopt.solution import Solution

__all__ = ["SequentialRandomEmbedding"]


class SequentialRandomEmbedding:
    """Search in random low-dimensional embeddings of a very large space.

    Parameters
    ----------
    objective : Objective
    parameter : Parameter
    optimizer : object
        With a method ``opt(objective, parameter)``.
    """

    def __init__(self, objective: Objective, parameter: Parameter, optimizer: Any) -> None:
        self.objective = objective
        self.parameter = parameter
        self.optimizer = optimizer

    def opt(self) -> Solution:
        """Raise ValueError: embeddings are not available in this version."""
        raise not_available("SequentialRandomEmbedding")
