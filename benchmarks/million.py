"""What an evaluation costs beside the objective with 1,000 to 1,000,000 variables, and in memory.

    python benchmarks/million.py [--old PYTHON] [--repeats 3] [--quick]

"whole" is SRACOS by `minimize`, "steps" the same with a `delta`, "embedding" sequential random
embedding (low dimension 10, 300 evaluations) by `Opt.min`, "r1es" the evolution strategy. Ten
variables matter, and both objective and delta look at those alone, so that their own time is next
to nothing and counts as the solver's. "a step" is the median time between two calls of the delta
or the objective; "all in" is the process CPU time of the whole run over its evaluations, making the
space (`Dimension` for the embedding), first points and uniform samples included. Peak memory is
what the process had at most, less what it had after the imports. 0.4.2 has SRACOS and the
embedding, where it can. Medians over runs in fresh processes of one thread.
"""

import itertools
import resource
import statistics
import sys
import time
from typing import Any

from _common import answer, arguments, heading, old_python, table, verdict, work

SIZES = (1000, 10_000, 100_000, 1_000_000)
#: Calls, and calls of 0.4.2.
BUDGETS = {
    "whole": (2000, 200),
    "steps": (20_000, 0),
    "embedding": (300, 300),
    "r1es": (300, 0),
}
#: Up to so many variables 0.4.2 is asked.
MOST_OLD = 100_000
#: Milliseconds all in, and megabytes.
GOALS = {("embedding", 10_000): (0.4, None), ("embedding", 1_000_000): (15.0, 400.0)}
#: How many times what a step costs with 1,000 variables it may cost with the most.
MOST_GROWTH = 2.0


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
        algorithm = "r1es" if method == "r1es" else "sracos"
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
    """Run what ours and 0.4.2 both have."""
    from zoopt import Dimension, Objective, Opt, Parameter

    settings: dict[str, Any] = {"budget": budget, "seed": seed}
    if embedded:
        low = Dimension(10, [[-1, 1]] * 10, [True] * 10)
        settings |= {"high_dim_handling": True, "reducedim": True, "low_dimension": low}
    objective = Objective(function, Dimension(d, [[-1, 1]] * d, [True] * d))
    Opt.min(objective, Parameter(**settings))


def compare(old: str, repeats: int, quick: bool) -> None:
    rows, steps = [], {}
    for method, (budget, old_budget) in BUDGETS.items():
        for d in SIZES:
            task = {"method": method, "d": d, "budget": budget // (10 if quick else 1)}
            runs = {"ours": task | {"old": False}}
            if old_budget and d <= MOST_OLD:
                runs["old"] = task | {"old": True, "budget": old_budget}
            found: dict[str, dict[str, float]] = {}
            for which, each in runs.items():
                python = old if which == "old" else sys.executable
                made = [work(python, __file__, each | {"seed": seed}) for seed in range(repeats)]
                found[which] = {k: statistics.median(run[k] for run in made) for k in made[0]}
            ours, theirs = found["ours"], found.get("old")
            steps[method, d] = ours["step"]
            most, room = GOALS.get((method, d), (None, None))
            fits = (most is None or ours["all in"] <= most) and (
                room is None or ours["peak"] <= room
            )
            goal = "-" if most is None else f"{most:g} ms" + (f", {room:g} MB" if room else "")
            rows.append(
                [
                    method,
                    f"{d:,}",
                    f"{task['budget']:,}",
                    *(f"{ours[k]:.3g}" for k in ("step", "all in")),
                    f"{ours['peak']:.0f}",
                    *(["-"] * 2 if theirs is None else [f"{theirs['all in']:.3g}"]),
                    *([] if theirs is None else [f"{theirs['peak']:.0f}"]),
                    goal,
                    "-" if most is None else verdict(fits),
                ]
            )
            print(rows[-1], file=sys.stderr)
    columns = ["what", "variables", "calls", "a step", "all in", "MB"]
    columns += ["0.4.2 all in", "0.4.2 MB", "goal", ""]
    table("Milliseconds an evaluation, and peak memory", columns, rows)
    growth = steps["steps", SIZES[-1]] / steps["steps", SIZES[0]]
    print(
        f"\nA step with a delta: {growth:.2f} times as long with {SIZES[-1]:,} variables as with "
        f"{SIZES[0]:,}; goal {MOST_GROWTH:g}: {verdict(growth <= MOST_GROWTH)}"
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    with old_python(options.old) as old:
        print(heading(old))
        compare(old, options.repeats, options.quick)


if __name__ == "__main__":
    main()
