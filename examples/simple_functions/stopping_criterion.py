"""A custom stopping criterion: stop when the best value was the same 100 times in a row.

A criterion is any object with ``check(optcontent)``. It is called after each evaluation, and a true
value ends the run. Results with seed 0, on the sphere with 100 variables and the optimum 0:

    evaluations: 3764
    value: 0.2461

Such a rule depends on luck: the seeds 0 to 7 stop between 1,810 and 5,500 evaluations, at values
between 0.82 and 0.12.
"""

from typing import Any

from zoopt import Dimension, Objective, Opt, Parameter, Solution


class Unchanged:
    """Stop when the best value was unchanged in ``patience`` checks in a row."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.n_unchanged = 0
        self.value = float("inf")

    def check(self, optcontent: Any) -> bool:
        value = optcontent.get_best_solution().get_value()
        self.n_unchanged = self.n_unchanged + 1 if value == self.value else 0
        self.value = value
        return self.n_unchanged >= self.patience


def sphere(solution: Solution) -> float:
    return sum((value - 0.2) ** 2 for value in solution.get_x())


def main() -> None:
    size = 100
    objective = Objective(sphere, Dimension(size, [[-1, 1]] * size, [True] * size))
    parameter = Parameter(budget=10_000, seed=0, stopping_criterion=Unchanged(100))
    solution = Opt.min(objective, parameter)
    print(solution.result.message)
    print(f"evaluations: {solution.result.nfev}")
    print(f"value: {solution.get_value():.4g}")


if __name__ == "__main__":
    main()
