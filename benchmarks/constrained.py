"""Constraints: zoopt and SciPy's differential_evolution on COCO's suite bbob-constrained.

    python benchmarks/constrained.py [--quick]

All problems of the suite are run from several seeds: 54 functions with between one and dozens of
constraints. No feasible point is given. An evaluation is a call of the constraints, and all
algorithms have the same number of them. SciPy calls the function at feasible points only, which is
not counted. "feasible" is the share of runs that found a feasible point. A problem is won by the
lower median of the best feasible values; runs without one count as infinite. This needs
coco-experiment.
"""

import contextlib
import importlib.metadata
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import arguments, heading, table

Problem = Any
RUNS = 5


class Spent(Exception):
    """The budget is used up."""


def ours(algorithm: str) -> Callable[[Problem, int, int], float]:
    def run(problem: Problem, budget: int, seed: int) -> float:
        import zoopt

        result = zoopt.minimize(
            lambda x: problem(x),
            list(zip(problem.lower_bounds, problem.upper_bounds, strict=True)),
            budget=budget,
            algorithm=algorithm,
            seed=seed,
            constraint=lambda x: -problem.constraint(x),
        )
        return result.fun if result.success else np.inf

    return run


def scipy_s(popsize: int) -> Callable[[Problem, int, int], float]:
    def run(problem: Problem, budget: int, seed: int) -> float:
        from scipy.optimize import NonlinearConstraint, differential_evolution

        best, n = np.inf, 0

        def constraint(x: Any) -> Any:
            nonlocal best, n
            if n == budget:
                raise Spent
            n += 1
            values = problem.constraint(x)
            if (values <= 0.0).all():
                best = min(best, problem(x))
            return values

        with contextlib.suppress(Spent):
            differential_evolution(
                lambda x: problem(x),
                list(zip(problem.lower_bounds, problem.upper_bounds, strict=True)),
                constraints=NonlinearConstraint(constraint, -np.inf, 0.0),
                popsize=popsize,
                maxiter=budget,
                tol=0.0,
                polish=False,
                rng=seed,
            )
        return float(best)

    return run


SOLVERS = {
    "SRACOS": ours("sracos"),
    "RACOS": ours("racos"),
    "random search": ours("random"),
    "SciPy, population 15 d (default)": scipy_s(15),
    "SciPy, population 5 d": scipy_s(5),
}


def compare(d: int, budget: int, quick: bool) -> None:
    import cocoex

    suite = cocoex.Suite("bbob-constrained", "instances:1", f"dimensions:{d}")
    seeds = range(1 if quick else RUNS)
    medians: dict[str, list[float]] = {name: [] for name in SOLVERS}
    feasible = dict.fromkeys(SOLVERS, 0)
    for k in range(0, len(suite), 10 if quick else 1):
        for name, run in SOLVERS.items():
            values = []
            for seed in seeds:
                problem = suite[k]
                values.append(run(problem, budget, seed))
                problem.free()
            feasible[name] += int(np.isfinite(values).sum())
            medians[name].append(statistics.median(values))
    n = len(medians["SRACOS"])
    mine = np.array(medians["SRACOS"])
    rows = []
    for name in SOLVERS:
        theirs = np.array(medians[name])
        rows.append(
            [
                name,
                f"{100 * feasible[name] / n / len(seeds):.0f} %",
                str(int((theirs == np.min(list(medians.values()), axis=0)).sum())),
                "" if name == "SRACOS" else f"{(mine < theirs).sum()} : {(theirs < mine).sum()}",
            ]
        )
    table(
        f"d = {d}, {budget:,} evaluations, {n} problems, {len(seeds)} seeds",
        ["", "feasible", "best of all on", "SRACOS won : lost against it"],
        rows,
    )


def main() -> None:
    options = arguments(__doc__, old=False).parse_args()
    print(heading())
    packages = ("scipy", "coco-experiment")
    print("- " + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages))
    for d, budget in ((2, 200), (5, 500), (5, 5000), (10, 10_000)):
        compare(d, budget, options.quick)


if __name__ == "__main__":
    main()
