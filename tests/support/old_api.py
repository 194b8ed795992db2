"""What the tests of the ZOOpt API share: spaces, objectives, and runs."""

from zoopt import (
    Dimension,
    Opt,
    Parameter,
    ValueType,
)

C, D, G = ValueType.CONTINUOUS, ValueType.DISCRETE, ValueType.GRID
#: Sequential and batch.
MODES = [True, False]


def box(n):
    return Dimension(n, [[-1, 1]] * n, [True] * n)


def bits(n):
    return Dimension(n, [[0, 1]] * n, [False] * n)


def labels(n):
    return Dimension(n, [[0, 999]] * n, [False] * n)


def sphere(solution):
    return sum((v - 0.2) ** 2 for v in solution.get_x())


def total(solution):
    return sum(solution.get_x())


def nothing(solution):
    return 1.0


class Counted:
    """An objective function that keeps the points it was called with."""

    def __init__(self, func=sphere):
        self.func = func
        self.points = []

    def __call__(self, solution):
        self.points.append(list(solution.get_x()))
        return self.func(solution)


def histories(n, objective_of, **settings):
    """Run n times and return the histories."""
    found = []
    for _ in range(n):
        objective = objective_of()
        Opt.min(objective, Parameter(**settings))
        found.append(objective.get_history())
    return found
