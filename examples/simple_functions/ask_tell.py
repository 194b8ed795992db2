"""Ask and tell: the loop is yours, the solver only proposes points and learns what became of them.

For evaluations that run elsewhere: on a cluster, in a laboratory, in a program that Python cannot
call. Here four candidates are always out, and they come back in a random order, some of them as
failures. The sphere with 10 variables, 2,000 evaluations, seed 1; the optimum is 0. Reached:

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
    weather = random.Random(1)  # decides what comes back first, and what fails
    solver = SRacos([(-1, 1)] * 10, budget=BUDGET, seed=1)
    solver.tell_point([0.5] * 10, sphere([0.5] * 10))  # known from before: costs no evaluation

    out = [solver.ask() for _ in range(IN_FLIGHT)]
    n_asked, n_failures = IN_FLIGHT, 0
    while out:
        candidate = out.pop(weather.randrange(len(out)))
        if weather.random() < 0.05:
            n_failures += 1
            solver.tell(candidate, math.nan)  # no value: never the best, and avoided later
        else:
            solver.tell(candidate, sphere(candidate.x))
        if n_asked < BUDGET:
            out.append(solver.ask())
            n_asked += 1

    print(f"failures: {n_failures}")
    print(f"value: {solver.best.value:.4g}")


if __name__ == "__main__":
    main()
