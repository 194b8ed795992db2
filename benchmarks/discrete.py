"""Bits and categories: zoopt, 0.4.2, a genetic algorithm, a (1+1)-EA and CatCMAwM.

    python benchmarks/discrete.py [--old PYTHON] [--quick]

Problems on bits, all minimized: OneMax (number of wrong bits), LeadingOnes (bits from the first
wrong one on), knapsack (value left out; overweight sets cost their weight and all values), and set
cover (weights of the sets taken, plus ten for each element uncovered). The order of the columns
gives no hint of the optimum. Problems on categories, with 5 values a variable: mismatches with a
hidden target, the same with weights from 1 to 100, and sums of random tables over random pairs of
variables.

"paper's" is SRACOS with recombination_rate=0. The genetic algorithm has 50 members, tournaments of
3, uniform crossover and flips at 1 / n; the best member survives, and repeated points are free. The
(1+1)-EA flips at 1 / n. CatCMAwM has its defaults. Values are medians. 0.4.2 is slow: it runs with
fewer seeds, and at n = 1,000 with the first budget only.
"""

import functools
import importlib.metadata
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import answer, arguments, heading, old_python, table, work

Objective = Callable[[Any], float]
SEEDS, OLD_SEEDS = 11, 3
BUDGETS = {100: (1000, 2000, 10_000), 300: (1000, 3000, 10_000), 1000: (2000, 10_000, 30_000)}


def target(n: int, values: int = 2) -> Any:
    return np.random.default_rng([n, values]).integers(0, values, n)


def onemax(n: int) -> Objective:
    goal = target(n)
    return lambda x: float((np.asarray(x) != goal).sum())


def leading_ones(n: int) -> Objective:
    goal = target(n)

    def left(x: Any) -> float:
        wrong = np.flatnonzero(np.asarray(x) != goal)
        return float(n - wrong[0]) if len(wrong) else 0.0

    return left


def knapsack(n: int) -> Objective:
    rng = np.random.default_rng(n)
    weights = rng.integers(1, 100, n).astype(float)
    values = weights + rng.integers(0, 50, n)
    room = weights.sum() / 2

    def left_out(x: Any) -> float:
        x = np.asarray(x)
        over = weights @ x - room
        return float(values.sum() - values @ x if over <= 0 else values.sum() + over)

    return left_out


def set_cover(n: int) -> Objective:
    rng = np.random.default_rng(n)
    weights = rng.uniform(1, 10, n)
    covers = rng.random((n, 2 * n)) < 6.0 / n
    for element in np.flatnonzero(~covers.any(axis=0)):
        covers[rng.integers(n), element] = True

    def cost(x: Any) -> float:
        taken = np.asarray(x) > 0
        covered = covers[taken].any(axis=0).sum()
        return float(weights[taken].sum() + 10 * (2 * n - covered))

    return cost


BITS = {
    "OneMax": onemax,
    "LeadingOnes": leading_ones,
    "knapsack": knapsack,
    "set cover": set_cover,
}


def mismatches(n: int) -> Objective:
    goal = target(n, 5)
    return lambda c: float((np.asarray(c) != goal).sum())


def weighted(n: int) -> Objective:
    goal, weights = target(n, 5), np.random.default_rng(n).uniform(1, 100, n)
    return lambda c: float(weights @ (np.asarray(c) != goal))


def pairs(n: int) -> Objective:
    rng = np.random.default_rng(n)
    ends = np.array([rng.choice(n, 2, replace=False) for _ in range(2 * n)]).T
    tables = rng.random((2 * n, 5, 5))

    def total(c: Any) -> float:
        c = np.asarray(c)
        return float(tables[np.arange(2 * n), c[ends[0]], c[ends[1]]].sum())

    return total


CATEGORIES = {"mismatches": mismatches, "weighted": weighted, "pairs": pairs}


# ------------------------------------------------------------- the algorithms


Values = list[float]


def ours(f: Objective, n: int, values: int, budgets: tuple[int, ...], seed: int) -> Values:
    return by_zoopt(f, n, values, budgets, seed, None)


def paper_s(f: Objective, n: int, values: int, budgets: tuple[int, ...], seed: int) -> Values:
    import zoopt

    algorithm = functools.partial(zoopt.SRacos, recombination_rate=0.0)
    return by_zoopt(f, n, values, budgets, seed, algorithm)


def by_zoopt(
    f: Objective, n: int, values: int, budgets: tuple[int, ...], seed: int, algorithm: Any
) -> Values:
    """Run once for each budget, because sizes depend on it."""
    import zoopt

    space = [zoopt.Integer(0, values - 1, ordered=False)] * n
    return [
        zoopt.minimize(lambda x: f(x), space, budget=budget, seed=seed, algorithm=algorithm).fun
        for budget in budgets
    ]


def so_far(history: list[float], budgets: tuple[int, ...]) -> Values:
    least = np.minimum.accumulate(history)
    return [float(least[min(budget, len(least)) - 1]) for budget in budgets]


def genetic(f: Objective, n: int, values: int, budgets: tuple[int, ...], seed: int) -> Values:
    rng = np.random.default_rng(seed)
    known: dict[bytes, float] = {}
    history: list[float] = []

    def judged(x: Any) -> float:
        key = x.tobytes()
        if key not in known:
            known[key] = f(x)
            history.append(known[key])
        return known[key]

    people = [rng.integers(0, values, n) for _ in range(50)]
    losses = np.array([judged(x) for x in people])
    for _ in range(2 * budgets[-1] // 50):
        if len(history) >= budgets[-1]:
            break
        children = [people[int(losses.argmin())]]
        while len(children) < 50:
            a, b = (people[min(rng.integers(50, size=3), key=lambda i: losses[i])] for _ in "ab")
            child = np.where(rng.random(n) < 0.5, a, b)
            changed = rng.random(n) < 1.0 / n
            shift = rng.integers(1, values, n)
            children.append(np.where(changed, (child + shift) % values, child))
        people = children
        losses = np.array([judged(x) for x in people])
    return so_far(history, budgets)


def one_plus_one(f: Objective, n: int, values: int, budgets: tuple[int, ...], seed: int) -> Values:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, values, n)
    loss = f(x)
    history = [loss]
    while len(history) < budgets[-1]:
        changed = rng.random(n) < 1.0 / n
        if not changed.any():
            changed[rng.integers(n)] = True
        child = np.where(changed, (x + rng.integers(1, values, n)) % values, x)
        history.append(f(child))
        if history[-1] <= loss:
            x, loss = child, history[-1]
    return so_far(history, budgets)


def cat_cma(f: Objective, n: int, values: int, budgets: tuple[int, ...], seed: int) -> Values:
    from cmaes import CatCMAwM

    optimizer = CatCMAwM(c_space=[values] * n, seed=seed + 1)
    history: list[float] = []
    while len(history) < budgets[-1]:
        told = []
        for _ in range(optimizer.population_size):
            solution = optimizer.ask()
            history.append(f(solution.c.argmax(axis=1)))
            told.append((solution, history[-1]))
        optimizer.tell(told)
    return so_far(history, budgets)


def of_old(task: dict[str, Any]) -> Values:
    """Run 0.4.2 once for each budget."""
    import random

    from zoopt import Dimension, Objective, Opt, Parameter

    n, values = task["n"], task["values"]
    f = {**BITS, **CATEGORIES}[task["problem"]](n)
    found = []
    for budget in task["budgets"]:
        random.seed(task["seed"])
        np.random.seed(task["seed"])  # noqa: NPY002
        dimension = Dimension(n, [[0, values - 1]] * n, [False] * n)
        objective = Objective(lambda solution: f(solution.get_x()), dimension)
        found.append(Opt.min(objective, Parameter(budget=budget)).get_value())
    return found


# ------------------------------------------------------------- tables


def medians(runs: list[Values], n_budgets: int) -> list[str]:
    cells = [f"{statistics.median(column):.5g}" for column in zip(*runs, strict=True)]
    return cells + ["-"] * (n_budgets - len(cells))


def compare(
    python: str,
    problems: Any,
    sizes: dict[int, tuple[int, ...]],
    values: int,
    who: Any,
    quick: bool,
) -> None:
    for n, all_budgets in sizes.items():
        budgets = tuple(b // 10 for b in all_budgets) if quick else all_budgets
        rows = []
        for name, make in problems.items():
            f = make(n)
            for label, run in who.items():
                seeds = range(2 if quick else SEEDS)
                runs = [run(f, n, values, budgets, seed) for seed in seeds]
                rows.append([name, label, *medians(runs, len(budgets))])
            task = {"problem": name, "n": n, "values": values}
            task["budgets"] = budgets[:1] if n >= 1000 else budgets
            seeds = range(1 if quick else OLD_SEEDS)
            olds = [work(python, __file__, {**task, "seed": seed}) for seed in seeds]
            rows.append([name, "0.4.2", *medians(olds, len(budgets))])
            print(rows[-len(who) - 1 :], file=sys.stderr)
        what = "bits" if values == 2 else f"variables of {values} categories"
        table(
            f"{n:,} {what}: values after the given evaluations, medians of {SEEDS} seeds, "
            f"{OLD_SEEDS} of 0.4.2",
            ["problem", "", *(f"{budget:,}" for budget in budgets)],
            rows,
        )


def main() -> None:
    parser = arguments(__doc__)
    options = parser.parse_args()
    if options.worker:
        answer(of_old, options.worker)
        return
    bits = {"ours": ours, "paper's": paper_s, "genetic": genetic, "(1+1)-EA": one_plus_one}
    categories = {**bits, "CatCMAwM": cat_cma}
    with old_python(options.old) as python:
        print(heading(python))
        print(f"- cmaes {importlib.metadata.version('cmaes')}")
        compare(python, BITS, BUDGETS, 2, bits, options.quick)
        compare(
            python, CATEGORIES, {20: (500, 2000), 50: (1000, 5000)}, 5, categories, options.quick
        )


if __name__ == "__main__":
    main()
