"""Time of an evaluation outside the objective, for zoopt and zoopt 0.4.2.

    python benchmarks/overhead.py [--old PYTHON] [--repeats 5] [--quick]

Solver time is the process CPU time of a whole `Opt.min`, including the set-up, minus the time of
the objective. The objective is timed separately on the same point as a plain attribute; creating
`solution.x` therefore counts as solver time, arithmetic on it does not. The objective is the sum of
squares. It reads the array `solution.x`, or with 0.4.2 the list `get_x()`. Figures are medians over
runs in fresh processes with one thread, old and new alternately. Memory is the peak above that
after the imports.
"""

import itertools
import resource
import statistics
import sys
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

from _common import answer, arguments, heading, old_python, table, verdict, work


class Case(NamedTuple):
    """A space and the goals for it."""

    kind: str
    d: int
    target: float | None  # goal: time of 0.4.2 divided by ours
    old_budget: int = 10_000  # beyond it, 0.4.2 takes too long
    old_repeats: int = 5


CASES = (
    Case("continuous", 10, 10),
    Case("continuous", 100, 20),
    Case("continuous", 1000, 75),
    Case("continuous", 10_000, 150, old_budget=1000, old_repeats=3),
    Case("binary", 100, None),
    Case("binary", 1000, 250, old_budget=1000, old_repeats=3),
    Case("integer", 1000, None, old_repeats=3),
)
BUDGETS = (1000, 10_000)

LONG = 100_000
MAX_GROWTH = 1.2
MAX_MEGABYTES = 60.0

LONG_CASES = (("continuous", 10), ("continuous", 1000), ("binary", 100), ("binary", 1000))

KINDS = {  # range, continuous, ordered
    "continuous": ([-1.0, 1.0], True, True),
    "binary": ([0, 1], False, False),
    "integer": ([-10, 10], False, True),
}


def by_array(solution: Any) -> float:
    x = solution.x
    return float(x.dot(x))


def by_both(solution: Any) -> float:
    x = solution.x
    solution.get_x()
    return float(x.dot(x))


def by_list(solution: Any) -> float:
    return float(sum([v * v for v in solution.get_x()]))


def megabytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Run once in this process, with the zoopt that it has."""
    from zoopt import Dimension, Objective, Opt, Parameter, Solution

    d, budget, view = task["d"], task["budget"], task["view"]
    bounds, continuous, ordered = KINDS[task["kind"]]
    function = {"array": by_array, "both": by_both, "list": by_list}[view]
    called = function
    marks: list[float] = []
    if task["tenths"]:
        n_calls, tenth = 0, budget // 10

        def called(solution: Any) -> float:
            nonlocal n_calls
            n_calls += 1
            if n_calls % tenth == 0:
                marks.append(time.process_time())
            return function(solution)

    before = megabytes()
    dimension = Dimension(d, [bounds] * d, [continuous] * d, [ordered] * d)
    objective = Objective(called, dimension)
    parameter = Parameter(budget=budget, seed=task["seed"])
    started = time.process_time()
    best = Opt.min(objective, parameter)
    spent = time.process_time() - started
    peak = megabytes() - before

    point = Solution(x=best.get_x()) if view == "list" else SimpleNamespace(x=best.x, get_x=int)
    own = objective_seconds(function, point)
    ends = [started, *marks]
    return {
        "solver": (spent / budget - own) * 1e6,
        "objective": own * 1e6,
        "peak": peak,
        "tenths": [(b - a) / (budget // 10) * 1e6 - own * 1e6 for a, b in itertools.pairwise(ends)],
    }


def objective_seconds(function: Any, point: Any) -> float:
    """Time the objective alone: the median of ten rounds of 10 ms."""
    n, rounds = 10, []
    while len(rounds) < 10:
        started = time.process_time()
        for _ in range(n):
            function(point)
        seconds = time.process_time() - started
        if seconds < 0.01:
            n *= 2
        else:
            rounds.append(seconds / n)
    return statistics.median(rounds)


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    middle: dict[str, Any] = {
        name: statistics.median(run[name] for run in runs)
        for name in ("solver", "objective", "peak")
    }
    middle["tenths"] = [
        statistics.median(parts) for parts in zip(*(run["tenths"] for run in runs), strict=True)
    ]
    return middle


def compare(case: Case, budget: int, repeats: int, old: str) -> list[str]:
    """Measure both versions alternately; return a row of the table."""
    ours: list[dict[str, Any]] = []
    with_list: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    task = {"kind": case.kind, "d": case.d, "budget": budget, "tenths": False}
    for seed in range(repeats):
        ours.append(work(sys.executable, __file__, {**task, "view": "array", "seed": seed}))
        if budget <= case.old_budget and seed < case.old_repeats:
            theirs.append(work(old, __file__, {**task, "view": "list", "seed": seed}))
        with_list.append(work(sys.executable, __file__, {**task, "view": "both", "seed": seed}))
    mine = medians(ours)
    row = [
        case.kind,
        str(case.d),
        str(budget),
        f"{mine['solver']:.2f}",
        f"{medians(with_list)['solver'] - mine['solver']:+.2f}",
        f"{mine['objective']:.2f}",
        f"{mine['peak']:.1f}",
    ]
    if not theirs:
        return [*row, "-", "-", "-", "-", "-", "-"]
    other = medians(theirs)
    ratio = other["solver"] / mine["solver"]
    return [
        *row,
        f"{other['solver']:.0f}",
        f"{other['objective']:.1f}",
        f"{other['peak']:.1f}",
        f"**{ratio:.1f}x**",
        "-" if case.target is None else f"{case.target:g}x",
        "-" if case.target is None else verdict(ratio >= case.target),
    ]


def grow(kind: str, d: int, n: int, repeats: int) -> list[str]:
    """Measure this zoopt over a long run; return a row of the table."""
    task = {"kind": kind, "d": d, "budget": n, "tenths": True, "view": "array"}
    runs = medians(
        [work(sys.executable, __file__, {**task, "seed": seed}) for seed in range(repeats)]
    )
    tenths, peak = runs["tenths"], runs["peak"]
    growth = tenths[-1] / tenths[1]
    bounded = (kind, d) == ("continuous", 1000)
    return [
        kind,
        str(d),
        f"{tenths[0]:.2f}",
        f"{tenths[1]:.2f}",
        f"{tenths[-1]:.2f}",
        f"**{growth:.2f}**",
        f"{MAX_GROWTH:g}",
        verdict(growth <= MAX_GROWTH),
        f"{peak:.1f}",
        f"{MAX_MEGABYTES:g}" if bounded else "-",
        verdict(peak < MAX_MEGABYTES) if bounded else "-",
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs behind each median")
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    quick = options.quick
    repeats = 1 if quick else options.repeats
    with old_python(options.old) as old:
        print(heading(old))
        cases = [case for case in CASES if case.d <= 100] if quick else CASES
        columns = "space, d, budget, ours, + get_x(), objective, MB, 0.4.2, objective, MB, ratio"
        table(
            "Solver time per evaluation (CPU microseconds) and peak memory above import",
            [*columns.split(", "), "target", ""],
            [
                compare(case, budget, repeats, old)
                for case in cases
                for budget in (BUDGETS[:1] if quick else BUDGETS)
            ],
        )
    n = LONG // 10 if quick else LONG
    columns = "space, d, 1st tenth, 2nd, last, last / 2nd, at most, , MB, below, "
    table(
        f"A run of {n:,} evaluations: CPU microseconds per evaluation, peak memory above import",
        columns.split(", "),
        [grow(kind, d, n, repeats) for kind, d in LONG_CASES],
    )


if __name__ == "__main__":
    main()
