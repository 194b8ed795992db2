"""Costs and benefits of Ray: efficiency, driver limit, speed-up, islands, and many workers.

    python benchmarks/on_ray.py [--old PYTHON] [--quick]

Ray is started once on this machine, on the loopback. Efficiency is the time of the same evaluations
made one after another in this process, divided by the total time of the workers from the first
start to the last end. Two other efficiencies use the nominal time of the sleeps, which is less than
they take: one over the whole run, the other over the time in which both workers were busy (from
the last first start until the first last end).

Speed-up runs sleep 50 ms an evaluation, on Ray in actors that claim no CPU. Each actor waits in its
first evaluation until all are there; the time runs from there to the last end. The parallel mode of
zoopt 0.4.2 uses the same number of processes; its time is that of the whole call, including the
start.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import answer, arguments, heading, old_python, table, verdict, work

D, BUDGET = 20, 400
SEEDS = range(5)
SPEED_BUDGET = 200
SLEEP = 0.05


def ackley(x: Any) -> float:
    import numpy as np

    z = np.asarray(x) - 0.2
    a = -20 * np.exp(-0.2 * np.sqrt((z**2).mean()))
    return float(a - np.exp(np.cos(2 * np.pi * z).mean()) + 20 + np.e)


class Sleepy:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, x: Any) -> float:
        time.sleep(self.seconds)
        return ackley(x)


class Asleep(Sleepy):
    """Only sleep."""

    def __call__(self, x: Any) -> float:
        time.sleep(self.seconds)
        return float(x[0])


class Gated(Sleepy):
    """Wait in the first evaluation until all processes have reached theirs."""

    def __init__(self, seconds: float, workers: int, folder: str) -> None:
        super().__init__(seconds)
        self.workers, self.folder = workers, folder
        self.is_open = False

    def __call__(self, x: Any) -> float:
        if not self.is_open:
            Path(self.folder, str(os.getpid())).touch()
            while len(os.listdir(self.folder)) < self.workers:
                time.sleep(0.005)
            self.is_open = True
        return super().__call__(x)


def span(result: Any) -> float:
    """Return seconds from the first start to the last end."""
    return float(result.timeline["finished"].max() - result.timeline["started"].min())


def steady(result: Any) -> tuple[float, float, int]:
    """Return the seconds in which all workers were busy, the evaluations made then, and workers.

    Of an evaluation at either end of that time, the part inside counts.
    """
    import numpy as np

    started, finished, worker = (result.timeline[k] for k in ("started", "finished", "worker"))
    names = sorted(set(worker))
    begin = max(started[worker == name].min() for name in names)
    end = min(finished[worker == name].max() for name in names)
    inside = np.minimum(finished, end) - np.maximum(started, begin)
    parts = np.clip(inside / (finished - started), 0.0, 1.0)
    return float(end - begin), float(parts.sum()), len(names)


def minimize(fun: Any, budget: int, seed: int, backend: Any = None) -> Any:
    import zoopt

    return zoopt.minimize(fun, [(-1.0, 1.0)] * D, budget=budget, seed=seed, backend=backend)


def efficiency(milliseconds: float, in_flight: int, budget: int, seed: int) -> tuple[float, ...]:
    """Return three efficiencies: while both were busy, of the run, and against a serial run."""
    from zoopt.distributed import RayExecutor

    backend, fun = RayExecutor(2, max_in_flight=in_flight), Asleep(milliseconds / 1000)
    serial = span(minimize(fun, budget, seed))
    result = minimize(fun, budget, seed, backend)
    seconds, n, workers = steady(result)
    assert workers == 2
    asked, available = budget * milliseconds / 1000, 2 * span(result)
    return n * milliseconds / 1000 / workers / seconds, asked / available, serial / available


def efficiencies(quick: bool) -> None:
    rows = []
    for milliseconds, in_flight, goal in ((1, 32, 80), (10, 8, 95), (100, 4, 98)):
        budget = 100 if quick else {1: 4000, 10: 1000, 100: 200}[milliseconds]
        runs = [efficiency(milliseconds, in_flight, budget, seed) for seed in SEEDS]
        share, whole, of_serial = (
            100 * statistics.median(each) for each in zip(*runs, strict=True)
        )
        values = [minimize(ackley, BUDGET, seed).fun for seed in SEEDS]
        finals = "-" if quick else f"{statistics.median(final_values(in_flight)):.2f}"
        rows.append(
            [
                f"{milliseconds} ms",
                str(in_flight),
                str(budget),
                f"{of_serial:.1f} %",
                f"{goal} %",
                verdict(of_serial >= goal),
                f"{whole:.1f} %",
                f"{share:.1f} %",
                finals,
                f"{statistics.median(values):.2f}",
            ]
        )
    table(
        f"Two workers, sleeping; median of {len(SEEDS)} runs; final value of Ackley, d = {D}, "
        f"after {BUDGET} evaluations, median of {len(SEEDS)}",
        [
            "evaluation",
            "in flight",
            "evaluations",
            "efficiency",
            "goal",
            "",
            "of the time asked for",
            "both at work",
            "final value",
            "serial",
        ],
        rows,
    )


def final_values(in_flight: int) -> list[float]:
    from zoopt.distributed import RayExecutor

    return [
        minimize(Sleepy(0.001), BUDGET, seed, RayExecutor(2, max_in_flight=in_flight)).fun
        for seed in SEEDS
    ]


def ceiling(workers: int, in_flight: int, seconds: float | None, budget: int) -> float:
    """Return evaluations a second of a free objective, in the second half of a run."""
    from zoopt.distributed import RayExecutor

    backend = RayExecutor(workers, num_cpus=0, max_in_flight=in_flight)
    if seconds is not None:  # size of a message; the depth of the queue is the default
        backend.message_seconds = seconds
    result = minimize(free, budget, 0, backend)
    finished = sorted(result.timeline["finished"])
    half = budget // 2
    return float((budget - half) / (finished[-1] - finished[half - 1]))


def free(x: Any) -> float:
    return float(x[0])


def ceilings(quick: bool) -> None:
    budget = 1000 if quick else 10_000
    rows = []
    for name, workers, in_flight, seconds, goal in (
        ("one by one", 2, 64, 0.0, 2000),
        ("one by one", 8, 64, 0.0, 2000),
        ("one by one", 16, 64, 0.0, 2000),
        ("in batches of 100", 2, 400, None, 20_000),
        ("in batches of 100", 8, 1600, None, 20_000),
    ):
        rates = [ceiling(workers, in_flight, seconds, budget) for _ in range(3)]
        rate = statistics.median(rates)
        rows.append(
            [name, str(workers), str(in_flight), f"{rate:,.0f}", f"{goal:,}", verdict(rate >= goal)]
        )
    table(
        "The driver's ceiling: evaluations a second of a free objective, solver included, second "
        "half of the run, median of 3; one by one: a message each",
        ["", "workers", "in flight", "a second", "goal", ""],
        rows,
    )


def many_at_once(quick: bool) -> None:
    from zoopt.distributed import RayExecutor

    n = 8 if quick else 64
    backend = RayExecutor(n, num_cpus=0, max_in_flight=n)
    budget = (4 if quick else 20) * n
    started = time.perf_counter()
    result = minimize(Sleepy(1.0), budget, 0, backend)
    whole = time.perf_counter() - started
    seconds, done, workers = steady(result)
    table(
        f"{n} actors that claim no processor, {budget} evaluations of 1 s, {n} at once",
        ["workers", "all at work for", "efficiency then", "first start to last end", "whole call"],
        [
            [
                str(workers),
                f"{seconds:.1f} s",
                f"{100 * done / workers / seconds:.1f} %",
                f"{span(result):.1f} s",
                f"{whole:.1f} s",
            ]
        ],
    )


def one_driver_or_two(quick: bool) -> None:
    """Compare islands with one search of the same budget: speed and value."""
    from zoopt.distributed import minimize_islands

    box, rows = [(-1.0, 1.0)] * D, []
    for name, fun, budget in (
        ("free", ackley, 100_000),
        ("1 ms, busy", Busy(0.001), 8_000),
    ):
        budget = budget // 20 if quick else budget
        one = [minimize(fun, budget, seed) for seed in SEEDS[:3]]
        rows.append(
            [
                name,
                f"{budget:,}",
                "one search",
                "",
                f"{statistics.median(budget / span(result) for result in one):,.0f}",
                f"{statistics.median(result.fun for result in one):.2g}",
            ]
        )
        for exchange in (10, 100, 1000):
            runs = [
                minimize_islands(fun, box, budget=budget, islands=2, exchange=exchange, seed=seed)
                for seed in SEEDS[:3]
            ]
            rates = [budget / max(span(island) for island in run.islands) for run in runs]
            rows.append(
                [
                    name,
                    f"{budget:,}",
                    "two islands",
                    str(exchange),
                    f"{statistics.median(rates):,.0f}",
                    f"{statistics.median(run.fun for run in runs):.2g}",
                ]
            )
    table(
        f"Two islands beside one search of the same budget, all evaluations in the searches "
        f"themselves, Ackley d = {D}; medians of 3",
        ["evaluation", "evaluations", "", "exchange every", "a second", "final value"],
        rows,
    )


class Busy:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, x: Any) -> float:
        until = time.perf_counter() + self.seconds
        while time.perf_counter() < until:
            pass
        return ackley(x)


def speed_ups(python: str, quick: bool) -> None:
    from zoopt.distributed import RayExecutor

    seeds, rows, one = SEEDS[: 1 if quick else 5], [], {}
    for workers in (1, 2) if quick else (1, 2, 4, 8, 16):
        ours, values = [], []
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                backend = RayExecutor(workers, num_cpus=0)
                fun = Gated(SLEEP, workers, folder)
                result = minimize(fun, SPEED_BUDGET, seed, backend)
            started, finished = result.timeline["started"], result.timeline["finished"]
            names = sorted(set(result.timeline["worker"]))
            assert len(names) == workers
            firsts = [started[result.timeline["worker"] == name].min() for name in names]
            ours.append(float(finished.max() - max(firsts)))
            values.append(result.fun)
        olds = [work(python, __file__, {"workers": workers, "seed": seed}) for seed in seeds]
        times = {
            "ours": statistics.median(ours),
            "old": statistics.median(old["seconds"] for old in olds),
        }
        one = one or times
        rows.append(
            [
                str(workers),
                f"{times['ours']:.2f} s",
                f"{one['ours'] / times['ours']:.2f}",
                f"{statistics.median(values):.2f}",
                f"{times['old']:.2f} s",
                f"{one['old'] / times['old']:.2f}",
                f"{statistics.median(old['value'] for old in olds):.2f}",
            ]
        )
    table(
        f"ASRACOS on evaluations of {SLEEP * 1000:g} ms, {SPEED_BUDGET} of them, Ackley d = {D}; "
        f"medians of {len(seeds)} runs",
        ["workers", "time", "speed-up", "final value", "0.4.2 time", "speed-up", "final value"],
        rows,
    )


def of_old(task: dict[str, Any]) -> dict[str, float]:
    """Run the parallel mode of 0.4.2; its time is that of the whole call."""
    import random

    import numpy as np

    from zoopt import Dimension, Objective, Opt, Parameter

    random.seed(task["seed"])
    np.random.seed(task["seed"])  # noqa: NPY002
    dimension = Dimension(D, [[-1, 1]] * D, [True] * D)
    parameter = Parameter(
        budget=SPEED_BUDGET, parallel=task["workers"] > 1, server_num=task["workers"],
        seed=task["seed"],
    )  # fmt: skip
    started = time.perf_counter()
    solution = Opt.min(Objective(old_objective, dimension), parameter)
    return {"seconds": time.perf_counter() - started, "value": solution.get_value()}


def old_objective(solution: Any) -> float:
    time.sleep(SLEEP)
    return ackley(solution.get_x())


def main() -> None:
    parser = arguments(__doc__)
    options = parser.parse_args()
    if options.worker:
        answer(of_old, options.worker)
        return
    import ray

    from zoopt.distributed.ray.connection import connected

    with old_python(options.old) as python:
        print(heading(python))
        print(f"- Ray {ray.__version__}")
        with connected(ray, "local", 2):
            efficiencies(options.quick)
            ceilings(options.quick)
            many_at_once(options.quick)
            one_driver_or_two(options.quick)
            speed_ups(python, options.quick)


if __name__ == "__main__":
    main()
