"""Time of an evaluation outside the objective, and memory, with 1,000 to 1,000,000 variables.

    python benchmarks/million.py [--old PYTHON] [--repeats 5] [--quick]

"whole" is SRACOS through `minimize`, which learns how many coordinates to redraw, up to 1,024.
"table" redraws two or three, as ZOOpt and `Opt.min` do, and "steps" does the same with a `delta`.
"embedding" is sequential random embedding (low dimension 10, 300 evaluations) through `Opt.min`,
and "r1es" is the evolution strategy. Ten variables matter. Objective and delta read only those, so
that their own time is negligible and is counted as the solver's.

"a step" is the median time between two calls of the delta or the objective. "all in" is the process
CPU time of the whole run divided by its evaluations, including the construction of the space
(`Dimension` for the embedding), the first points and the uniform samples. Peak memory is the peak
of the process minus its memory after the imports. 0.4.2 runs SRACOS and the embedding where it can.
Figures are medians over runs in fresh processes with one thread. The growth of steps is the median
ratio of consecutive runs, because machines slow down for seconds at a time.
"""

import functools
import itertools
import resource
import statistics
import sys
import time
from typing import Any

from _common import answer, arguments, heading, old_python, table, verdict, work

SIZES = (1000, 10_000, 100_000, 1_000_000)
#: Number of calls, and number of calls of 0.4.2.
BUDGETS = {
    "whole": (2000, 200),
    "table": (2000, 0),
    "steps": (20_000, 0),
    "embedding": (300, 300),
    "r1es": (300, 0),
}
#: Largest number of variables for 0.4.2.
MOST_OLD = 100_000
#: Goals: milliseconds all in, and megabytes.
GOALS = {("embedding", 10_000): (0.4, None), ("embedding", 1_000_000): (15.0, 400.0)}
#: Goal for the time of a step with the most variables, as a multiple of that with 1,000.
MOST_GROWTH, PAIRS = 2.0, 9


def megabytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(task: dict[str, Any]) -> dict[str, float]:
    import numpy as np

    import zoopt

    method, d, budget, seed = (task[name] for name in ("method", "d", "budget", "seed"))
    times: list[float] = []

    def of_array(x: Any) -> float:
        times.append(time.perf_counter())
        return float(((x[:10] - 0.2) ** 2).sum())

    def of_solution(solution: Any) -> float:
        return of_array(solution.x if hasattr(solution, "x") else np.array(solution.get_x()[:10]))

    def delta(step: Any) -> float:
        times.append(time.perf_counter())
        changed = zip(step.indices, step.old, step.values, strict=True)
        return float(step.value + sum((n - o) * (n + o - 0.4) for i, o, n in changed if i < 10))

    before, started = megabytes(), time.process_time()
    if method == "embedding" or task["old"]:
        run_opt_min(of_solution, d, budget, seed, embedded=method == "embedding")
    else:
        space = zoopt.Space.of_distinct([zoopt.Real(-1, 1)], np.zeros(d, np.intp))
        algorithm: Any = "r1es" if method == "r1es" else "sracos"
        if method == "table":
            algorithm = functools.partial(zoopt.SRacos, uncertain_bits="table")
        given = {"delta": delta} if method == "steps" else {}
        zoopt.minimize(of_array, space, budget=budget, seed=seed, algorithm=algorithm, **given)
    spent = time.process_time() - started
    gaps = [b - a for a, b in itertools.pairwise(times)]
    return {
        "step": statistics.median(gaps) * 1e3,
        "all in": spent / budget * 1e3,
        "peak": megabytes() - before,
    }


def run_opt_min(function: Any, d: int, budget: int, seed: int, embedded: bool) -> None:
    """Run a method that both versions have."""
    from zoopt import Dimension, Objective, Opt, Parameter

    settings: dict[str, Any] = {"budget": budget, "seed": seed}
    if embedded:
        low = Dimension(10, [[-1, 1]] * 10, [True] * 10)
        settings |= {"high_dim_handling": True, "reducedim": True, "low_dimension": low}
    objective = Objective(function, Dimension(d, [[-1, 1]] * d, [True] * d))
    Opt.min(objective, Parameter(**settings))


def compare(old: str, repeats: int, quick: bool) -> None:
    tasks = {}
    for (method, (budget, old_budget)), d in itertools.product(BUDGETS.items(), SIZES):
        task = {"method": method, "d": d, "budget": budget // (10 if quick else 1)}
        tasks[method, d, "ours"] = task | {"old": False}
        if old_budget and d <= MOST_OLD:
            tasks[method, d, "old"] = task | {"old": True, "budget": old_budget}
    runs: dict[Any, list[dict[str, float]]] = {key: [] for key in tasks}
    for seed in range(repeats):  # alternately, so that a slow moment affects all
        for (method, d, which), task in tasks.items():
            python = old if which == "old" else sys.executable
            runs[method, d, which].append(work(python, __file__, task | {"seed": seed}))
            print(method, d, which, runs[method, d, which][-1], file=sys.stderr)
    found = {
        key: {k: statistics.median(run[k] for run in made) for k in made[0]}
        for key, made in runs.items()
    }
    rows = []
    for method, d in itertools.product(BUDGETS, SIZES):
        ours, theirs = found[method, d, "ours"], found.get((method, d, "old"))
        most, room = GOALS.get((method, d), (None, None))
        fits = (most is None or ours["all in"] <= most) and (room is None or ours["peak"] <= room)
        goal = "-" if most is None else f"{most:g} ms" + (f", {room:g} MB" if room else "")
        rows.append(
            [
                method,
                f"{d:,}",
                f"{tasks[method, d, 'ours']['budget']:,}",
                *(f"{ours[k]:.3g}" for k in ("step", "all in")),
                f"{ours['peak']:.0f}",
                *(["-"] * 2 if theirs is None else [f"{theirs['all in']:.3g}"]),
                *([] if theirs is None else [f"{theirs['peak']:.0f}"]),
                goal,
                "-" if most is None else verdict(fits),
            ]
        )
    columns = ["what", "variables", "calls", "a step", "all in", "MB"]
    columns += ["0.4.2 all in", "0.4.2 MB", "goal", ""]
    table("Milliseconds an evaluation, and peak memory", columns, rows)
    ratios = [growth(tasks["steps", SIZES[0], "ours"] | {"seed": seed}) for seed in range(PAIRS)]
    growth_of_all = statistics.median(ratios)
    print(
        f"\nA step with a delta: {growth_of_all:.2f} times as long with {SIZES[-1]:,} variables as "
        f"with {SIZES[0]:,}; goal {MOST_GROWTH:g}: {verdict(growth_of_all <= MOST_GROWTH)}"
    )


def growth(task: dict[str, Any]) -> float:
    """Return the time of a step with the most variables, as a multiple of that of a task."""
    few, many = (
        work(sys.executable, __file__, task | {"d": d})["step"] for d in (SIZES[0], SIZES[-1])
    )
    return many / few


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    with old_python(options.old) as old:
        print(heading(old))
        compare(old, options.repeats, options.quick)


if __name__ == "__main__":
    main()
