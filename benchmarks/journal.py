"""The cost of a checkpoint: microseconds an evaluation, time to load, and size of the file.

    python benchmarks/journal.py [--repeats 5] [--quick]

Each figure is a median over runs in fresh processes with one thread, alternately with and without
the file. The cost is process CPU time, including the set-up, minus that of the same run without a
file. For the objective that sleeps 1 ms it is wall time.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import answer, arguments, heading, table, verdict, work

#: Variables, evaluations, and the goal in microseconds an evaluation.
FREE = ((10, 100_000, 3.0), (1000, 30_000, 10.0))
SLEEP_SHARE = 0.05
LARGE = 1_000_000


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Run once, in a fresh process."""
    import zoopt

    d, budget, sleep = task["d"], task["budget"], task["sleep"]

    def function(x: Any) -> float:
        if sleep:
            time.sleep(sleep)
        return float(x.dot(x))

    space = [zoopt.Real(-1.0, 1.0)] * d
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db" if task["keep"] else None
        cpu, wall = time.process_time(), time.perf_counter()
        result = zoopt.minimize(function, space, budget=budget, seed=task["seed"], checkpoint=path)
        seconds = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        if path is None:
            return seconds
        seconds["bytes"] = os.path.getsize(path)
        started = time.perf_counter()
        history = zoopt.load_history(path)
        seconds["load"] = time.perf_counter() - started
        assert len(history) == budget
        started = time.perf_counter()
        again = zoopt.resume(path, function)
        seconds["replay"] = time.perf_counter() - started
        assert again.history.tobytes() == result.history.tobytes()
        return seconds


def pair(d: int, budget: int, sleep: float, repeats: int) -> tuple[Any, Any]:
    """Return the medians without and with the file."""
    runs: dict[bool, list[Any]] = {False: [], True: []}
    for seed in range(repeats):
        for keep in (False, True):
            task = {"d": d, "budget": budget, "sleep": sleep, "keep": keep, "seed": seed}
            runs[keep].append(work(sys.executable, __file__, task))
    plain, kept = (
        {name: statistics.median(run[name] for run in runs[keep]) for name in runs[keep][0]}
        for keep in (False, True)
    )
    return plain, kept


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--repeats", type=int, default=5, help="runs behind each median")
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    repeats = 1 if options.quick else options.repeats
    print(heading())
    rows = []
    for d, budget, most in FREE:
        n = budget // 10 if options.quick else budget
        plain, kept = pair(d, n, 0.0, repeats)
        cost = (kept["cpu"] - plain["cpu"]) / n * 1e6
        rows.append(
            [
                str(d),
                f"{n:,}",
                f"{plain['cpu'] / n * 1e6:.2f}",
                f"**{cost:.2f}**",
                f"{most:g}",
                verdict(cost <= most),
                f"{kept['bytes'] / n:.0f}",
                f"{kept['replay'] / n * 1e6:.1f}",
            ]
        )
    table(
        "Free objectives: CPU microseconds an evaluation",
        [
            "d",
            "evaluations",
            "without",
            "file adds",
            "at most",
            "",
            "bytes each",
            "replay, us each",
        ],
        rows,
    )
    n = 200 if options.quick else 2000
    plain, kept = pair(10, n, 0.001, repeats)
    share = kept["wall"] / plain["wall"] - 1.0
    table(
        "An objective that sleeps 1 ms, d = 10: wall time",
        ["evaluations", "without, s", "with, s", "more", "at most", ""],
        [
            [
                f"{n:,}",
                f"{plain['wall']:.3f}",
                f"{kept['wall']:.3f}",
                f"**{share:.1%}**",
                f"{SLEEP_SHARE:.0%}",
                verdict(share <= SLEEP_SHARE),
            ]
        ],
    )
    sizes = []
    for d, budget in ((10, 10_000 if options.quick else LARGE), (LARGE, 30)):
        task = {"d": d, "budget": budget, "sleep": 0.0, "keep": True, "seed": 0}
        run = work(sys.executable, __file__, task)
        sizes.append(
            [
                f"{d:,}",
                f"{budget:,}",
                f"{run['bytes'] / 1e6:.2f}",
                f"{run['load']:.2f}",
                f"{run['replay']:.1f}",
            ]
        )
    table(
        "Large runs, once each",
        ["d", "evaluations", "MB", "load_history, s", "resume of the finished run, s"],
        sizes,
    )


if __name__ == "__main__":
    main()
