"""A mixed space: reals in [0, 1] alternate with whole numbers in 0 ... 100.

``Dimension2`` describes the twenty variables one by one. The value is the sum of the squared
distances of the reals from 0.2, and of the whole numbers, divided by 100, from 0.2. The optimum is
0. Results with 2,000 evaluations and seed 1:

    mixed: 0.002117
"""

from zoopt import Dimension2, Objective, Opt, Parameter, Solution, ValueType


def distance(solution: Solution) -> float:
    x = solution.get_x()
    reals, integers = x[0::2], x[1::2]
    return sum((v - 0.2) ** 2 for v in reals) + sum((v / 100 - 0.2) ** 2 for v in integers)


def main() -> None:
    pair = [
        (ValueType.CONTINUOUS, [0, 1], 1e-6),  # a multiple of 1e-6
        (ValueType.DISCRETE, [0, 100], True),  # ordered
    ]
    dim = Dimension2(pair * 10)
    solution = Opt.min(Objective(distance, dim), Parameter(budget=2000, seed=1))
    print(f"x: {solution.get_x()}")
    print(f"mixed: {solution.get_value():.4g}")


if __name__ == "__main__":
    main()
