"""Ask and tell: keep your own loop; the solver proposes points and learns from their values.

Use it if evaluations run elsewhere: on a cluster, in a laboratory, or in a program that Python
cannot call. Here four candidates are always in flight. They return in random order, and some of
them fail. The objective is the sphere with 10 variables and the optimum 0. Results with 2,000
evaluations and seed 1:

    failures: 97
    value: 0.0006164
"""

import math
import random

from zoopt import SRacos

BUDGET, IN_FLIGHT = 2000, 4


def sphere(x: list[float]) -> float:
    return sum((value - 0.2) ** 2 for value in x)


def main() -> None:
    weather = random.Random(1)  # decides which candidate returns first, and which fails
    solver = SRacos([(-1, 1)] * 10, budget=BUDGET, seed=1)
    solver.tell_point([0.5] * 10, sphere([0.5] * 10))  # known from before: costs no evaluation

    out = [solver.ask() for _ in range(IN_FLIGHT)]
    n_asked, n_failures = IN_FLIGHT, 0
    while out:
        candidate = out.pop(weather.randrange(len(out)))
        if weather.random() < 0.05:
            n_failures += 1
            solver.tell(candidate, math.nan)  # failed: never the best
        else:
            solver.tell(candidate, sphere(candidate.x))
        if n_asked < BUDGET:
            out.append(solver.ask())
            n_asked += 1

    print(f"failures: {n_failures}")
    print(f"value: {solver.best.value:.4g}")


if __name__ == "__main__":
    main()
