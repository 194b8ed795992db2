"""Ordered whole numbers: the sum of (x_i - 2)^2 over 100 variables in -10 ... 10; the optimum is 0.

``order=[True] * size`` says that neighboring numbers are similar; without it they are labels.
``uncertain_bits`` is the number of variables that a proposal redraws. By default it follows the
number and kind of the variables, and is 3 here. The sum is separable, so redrawing one at a time is
much better. Results with 10,000 evaluations and seed 1:

    default: 148.0
    one at a time: 2.0

With the seeds 0 to 3 the default reaches 108 to 148, and one at a time 2 to 4.
"""

from zoopt import Dimension, Objective, Opt, Parameter, Solution


def sphere(solution: Solution) -> int:
    return sum((value - 2) ** 2 for value in solution.get_x())


def main() -> None:
    size = 100
    dim = Dimension(size, [[-10, 10]] * size, [False] * size, order=[True] * size)
    for name, bits in (("default", None), ("one at a time", 1)):
        parameter = Parameter(budget=10_000, seed=1, uncertain_bits=bits)
        solution = Opt.min(Objective(sphere, dim), parameter)
        print(f"{name}: {solution.get_value()}")


if __name__ == "__main__":
    main()
