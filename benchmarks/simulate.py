"""Simulated searches on thousands of workers; see docs/simulate.md.

    python benchmarks/simulate.py [--message-ms 0.5] [--latency-ms 0.5] [--quick]

No cluster was used. Values are real: the real solvers and the real loop evaluate the real function.
Times are virtual: durations are drawn at random, and the driver does one thing at a time. Its time
for an evaluation (ask, tell and the loop) is measured at the start of this run. Its time for a
message (a call to a Ray actor and back) is the parameter --message-ms.

"sync" is batch RACOS with rounds of one evaluation for each worker, but at least the 20 of ZOOpt's
table; it waits for the last evaluation of each round. "async" is SRACOS with one evaluation for
each worker in flight. "islands" are at least two SRACOS searches of 1,000 workers each, with their
own drivers, that exchange their best points every 10 tells. Speed-up is relative to one worker that
never waits. The difference to the number of workers is time spent waiting: for the last evaluation
of a round, for the driver, and at the end of the budget.
"""

import functools
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import arguments, heading, table

import zoopt
from zoopt.distributed import LogNormal, Pareto, Simulation, calibrate, simulate

D = 20
SPACE = [(-1.0, 1.0)] * D
MEAN = 10.0
DURATIONS = {"lognormal, cv 1": LogNormal(MEAN, 1.0), "Pareto, shape 1.5": Pareto(MEAN, 1.5)}
MODES = ("sync", "async", "islands")
WORKERS = (1, 10, 100, 1000, 10_000)
BUDGET = 20_000
HORIZON = 30 * MEAN
UNBOUNDED = 10**9
SEEDS = 3
#: A round of 10,000 takes the solver half a minute on this machine.
ONE_SEED = ("sync", 10_000)

#: For the driver's ceiling: mean seconds, workers.
LOADS = (
    (0.01, 10),
    (0.01, 100),
    (0.01, 1000),
    (0.1, 100),
    (0.1, 1000),
    (0.1, 10_000),
    (1.0, 1000),
    (1.0, 10_000),
    (10.0, 1000),
    (10.0, 10_000),
)
BATCHES = (1, 10, 100)
LIFETIME = 200.0
DELAYS = (0.0, 1.0, 5.0, 20.0, 70.0)


def sphere(x: Any) -> float:
    z = x - 0.2
    return float(z @ z)


def ackley(x: Any) -> float:
    z = x - 0.2
    spread = np.exp(-0.2 * np.sqrt(z @ z / len(z)))
    return float(20 + np.e - 20 * spread - np.exp(np.cos(2 * np.pi * z).mean()))


FUNCTIONS = (sphere, ackley)


class Setting:
    """Assumptions about driver and network, and the size of the runs."""

    def __init__(self, message: float, latency: float, quick: bool) -> None:
        self.network = {"message_time": message, "latency": latency}
        self.quick = quick
        self.seeds = 1 if quick else SEEDS
        self.workers = WORKERS[:3] if quick else WORKERS
        self.budget = BUDGET // 20 if quick else BUDGET
        self._costs: dict[int | None, float] = {}

    def driver_time(self, round_size: int | None = None) -> float:
        """Measure ask, tell and loop of SRACOS, or of RACOS with rounds of a given size."""
        if round_size not in self._costs:
            if round_size is None:
                cost = calibrate(SPACE, budget=5000)
            else:
                racos = functools.partial(zoopt.Racos, train_size=round_size + 2, positive_size=2)
                n, repeats = max(5000, 2 * round_size + 2), 3 if round_size < 1000 else 1
                cost = calibrate(SPACE, budget=n, algorithm=racos, repeats=repeats)
            self._costs[round_size] = cost
        return self._costs[round_size]

    def run(self, fun: Any = sphere, **options: Any) -> Simulation:
        rounds = max(20, options["workers"]) if options.get("mode") == "sync" else None
        given = {"driver_time": self.driver_time(rounds), "retries": 20, **self.network}
        return simulate(fun, SPACE, **{**given, **options})

    def runs(self, fun: Any, **options: Any) -> list[Simulation]:
        large = options["workers"] == ONE_SEED[1]
        one = large and (options["mode"] == ONE_SEED[0] or "time_budget" in options)
        return [self.run(fun, seed=seed, **options) for seed in range(1 if one else self.seeds)]


def middle(runs: list[Simulation], name: str) -> float:
    return statistics.median(getattr(run, name) for run in runs)


def compare(setting: Setting, size: Callable[[list[Simulation]], str], **limits: Any) -> Any:
    """Run all modes on both functions; return a row for each duration and number of workers."""
    rows = []
    for title, duration in DURATIONS.items():
        for workers in setting.workers:
            columns: list[list[str]] = []
            for mode in MODES:
                options = {"workers": workers, "duration": duration, "mode": mode, **limits}
                if mode == "islands" and workers == 1:
                    columns.append(["-"] * 3)
                    continue
                runs = [setting.runs(fun, **options) for fun in FUNCTIONS]
                columns.append([size(runs[0]), *(f"{middle(r, 'fun'):.2g}" for r in runs)])
            sizes, *values = zip(*columns, strict=True)
            rows.append([title, f"{workers:,}", *sizes, *values[0], *values[1]])
    return rows


def headed(size: str) -> list[str]:
    names = [f"{what} {mode}" for what in (size, "sphere", "ackley") for mode in MODES]
    return ["duration", "workers", *names]


def fixed_budget(setting: Setting) -> None:
    table(
        f"Simulated: {setting.budget:,} evaluations of mean {MEAN:g} s: speed-up, final value",
        headed("speed-up"),
        compare(setting, lambda runs: f"{middle(runs, 'speedup'):,.1f}", budget=setting.budget),
    )


def fixed_time(setting: Setting) -> None:
    table(
        f"Simulated: {HORIZON:g} s, evaluations of mean {MEAN:g} s: how many, final value",
        headed("told"),
        compare(
            setting,
            lambda runs: f"{middle(runs, 'nfev'):,.0f}",
            budget=UNBOUNDED,
            time_budget=HORIZON,
        ),
    )


def rounds(setting: Setting) -> None:
    """Show the effect of rounds with fewer evaluations than workers."""
    workers, horizon = (100, 300.0) if setting.quick else (1000, 3000.0)
    rows = []
    sizes = [size for size in (20, 50, 100, 300, 1000) if size <= workers]
    for title, options in [
        *((f"rounds of {size:,}", {"mode": "sync", "round_size": size}) for size in sizes),
        ("async", {"mode": "async"}),
    ]:
        runs = [
            setting.runs(
                fun,
                budget=UNBOUNDED,
                time_budget=horizon,
                workers=workers,
                duration=LogNormal(MEAN, 1.0),
                **options,
            )
            for fun in FUNCTIONS
        ]
        row = [f"{middle(runs[0], 'nfev'):,.0f}", f"{100 * middle(runs[0], 'efficiency'):.1f}%"]
        rows.append([title, *row, *(f"{middle(r, 'fun'):.2g}" for r in runs)])
    table(
        f"Simulated: rounds of fewer evaluations than workers: {workers:,} workers, {horizon:g} s, "
        f"evaluations of mean {MEAN:g} s, lognormal",
        ["mode", "told", "efficiency", "sphere", "ackley"],
        rows,
    )


def in_flight(setting: Setting) -> None:
    """Show the cost of choosing points without each other's results, without any delays."""
    rows = []
    for workers in setting.workers:
        row = [f"{workers:,}"]
        for fun in FUNCTIONS:
            for mode in ("async", "sync"):
                if (mode, workers) == ONE_SEED:
                    row.append("see above")
                    continue
                runs = setting.runs(
                    fun,
                    budget=setting.budget,
                    workers=workers,
                    mode=mode,
                    window=workers if mode == "async" else None,
                )
                row.append(f"{middle(runs, 'fun'):.2g}")
        rows.append(row)
    table(
        f"Simulated: final value after {setting.budget:,} evaluations by what is in flight: "
        "a window for SRACOS, a round for RACOS",
        ["in flight", "sphere SRACOS", "sphere RACOS", "ackley SRACOS", "ackley RACOS"],
        rows,
    )


def archipelagos(setting: Setting) -> None:
    workers, budget = (100, 2000) if setting.quick else (10_000, 100_000)
    rows = []
    for islands in (1, 2, 10, 100, 1000):
        for exchange in (10, 100):
            if islands > workers or (islands == 1 and exchange > 10):
                continue
            options = {"budget": budget, "workers": workers, "duration": LogNormal(MEAN, 1.0)}
            if islands > 1:
                options |= {"mode": "islands", "islands": islands, "exchange": exchange}
            runs = [setting.run(fun, seed=0, **options) for fun in FUNCTIONS]
            rows.append(
                [
                    str(islands),
                    str(exchange) if islands > 1 else "-",
                    f"{runs[0].speedup:,.0f}",
                    f"{100 * runs[0].driver_utilization:.0f}%",
                    *(f"{run.fun:.2g}" for run in runs),
                ]
            )
    table(
        f"Simulated: {workers:,} workers, {budget:,} evaluations of mean {MEAN:g} s, lognormal, "
        "in islands; one seed",
        ["islands", "tells to exchange", "speed-up", "busiest driver", "sphere", "ackley"],
        rows,
    )


def ceiling(setting: Setting) -> None:
    loads = LOADS[:2] if setting.quick else LOADS
    rows = []
    for mean, workers in loads:
        row = [f"{mean:g}", f"{workers:,}", f"{workers / mean:,.0f}"]
        for batch in BATCHES:
            flight = workers * batch
            budget = max(20_000, 3 * flight, min(10 * flight, 300_000))
            if flight > 100_000:
                row.append("-")
                continue
            run = setting.run(
                budget=3 * flight if setting.quick else budget,
                workers=workers,
                duration=mean,
                batch=batch,
                seed=0,
            )
            row.append(
                f"{run.throughput:,.0f} ({100 * run.efficiency:.0f}%, "
                f"{100 * run.driver_utilization:.0f}%)"
            )
        rows.append(row)
    step, message = setting.driver_time(), setting.network["message_time"]
    limits = [f"{1 / (step + message / batch):,.0f}" for batch in BATCHES]
    table(
        "Simulated: where one driver saturates. Evaluations/s (workers busy, driver busy), by "
        "evaluations a message; equal durations",
        ["seconds", "workers", "wanted/s", *(f"messages of {batch}" for batch in BATCHES)],
        [["any", "any", "most a driver can", *limits], *rows],
    )


def churn(setting: Setting) -> None:
    workers, horizon = (100, 300.0) if setting.quick else (1000, 1000.0)
    rows = []
    for size, delays in ((1, DELAYS), (32, (5.0, 70.0))):
        for delay in delays:
            lives = {"worker_lifetime": LIFETIME} if size == 1 else {"node_lifetime": LIFETIME}
            run = setting.run(
                ackley,
                budget=UNBOUNDED,
                time_budget=horizon,
                workers=workers,
                workers_per_node=size,
                duration=LogNormal(MEAN, 1.0),
                detection=delay,
                replacement=0.0,
                seed=0,
                **{**lives, "retries": 2},
            )
            rows.append(
                [
                    "each by itself" if size == 1 else f"nodes of {size}",
                    f"{delay:g}",
                    f"{100 * run.efficiency:.1f}%",
                    f"{run.nfev:,}",
                    f"{run.n_deaths:,}",
                    f"{run.n_retried:,}",
                    str(run.n_lost),
                    f"{run.fun:.2g}",
                ]
            )
    never = setting.run(
        ackley,
        budget=UNBOUNDED,
        time_budget=horizon,
        workers=workers,
        duration=LogNormal(MEAN, 1.0),
        seed=0,
    )
    counts = [f"{100 * never.efficiency:.1f}%", f"{never.nfev:,}", "0", "0", "0"]
    rows.insert(0, ["nobody", "-", *counts, f"{never.fun:.2g}"])
    columns = "who dies, noticed after s, efficiency, told, deaths, tried again, lost, ackley"
    table(
        f"Simulated: {workers:,} workers that live {LIFETIME:g} s in the mean, evaluations of mean "
        f"{MEAN:g} s (lognormal), {horizon:g} s, replaced when noticed, retries=2",
        columns.split(", "),
        rows,
    )


def at_once(setting: Setting) -> None:
    rows = []
    for title, budget, duration in (
        ("64 at once, each 1 s", 64, 1.0),
        ("640, each 1 s", 640, 1.0),
        ("6,400, lognormal, mean 1 s, cv 1", 6400, LogNormal(1.0, 1.0)),
    ):
        for mode in ("async",) if duration == 1.0 else ("async", "sync"):
            run = setting.run(budget=budget, workers=64, duration=duration, mode=mode, seed=0)
            rows.append(
                [title, mode, f"{run.walltime:.3f}", f"{100 * run.efficiency:.1f}%"],
            )
    table("Simulated: 64 workers", ["evaluations", "mode", "wall time, s", "efficiency"], rows)


def growth(setting: Setting) -> None:
    plans: dict[str, Any] = {
        "100 all the time": 100,
        "100, from 100 s on 1,000": [(0, 100), (100, 1000)],
        "1,000, from 100 s on 100": [(0, 1000), (100, 100)],
        "1,000 all the time": 1000,
    }
    rows = []
    for title, workers in plans.items():
        run = setting.run(
            ackley,
            budget=UNBOUNDED,
            time_budget=HORIZON,
            workers=workers,
            duration=LogNormal(MEAN, 1.0),
            seed=0,
        )
        rows.append(
            [
                title,
                f"{run.nfev:,}",
                f"{100 * run.efficiency:.1f}%",
                f"{run.n_retried:,}",
                f"{run.fun:.2g}",
            ]
        )
    table(
        f"Simulated: workers that come and go by plan, {HORIZON:g} s",
        ["workers", "told", "efficiency", "tried again", "ackley"],
        rows,
    )


def assumptions(setting: Setting) -> None:
    rounds = [max(20, workers) for workers in setting.workers if workers != 1]
    rows = [["SRACOS: ask, tell, loop", f"{1e6 * setting.driver_time():.1f}", "measured now"]]
    for size in dict.fromkeys(rounds):
        cost = f"{1e6 * setting.driver_time(size):.1f}"
        rows.append([f"RACOS, rounds of {size:,}: ask, tell, loop", cost, "measured now"])
    rows += [
        ["a message and its answer", f"{1e6 * setting.network['message_time']:.0f}", "parameter"],
        ["way of a message", f"{1e6 * setting.network['latency']:.0f}", "parameter"],
    ]
    table(
        f"Assumed: microseconds of the driver, d = {D} (the way costs it nothing)",
        ["what", "us", ""],
        rows,
    )


def speed(setting: Setting) -> None:
    budget, workers = (20_000, 1000) if setting.quick else (200_000, 10_000)
    rows = []
    for title, algorithm in (("random search", "random"), ("SRACOS", "sracos")):
        began = time.process_time()
        run = simulate(
            lambda x: 0.0,
            SPACE,
            budget=budget,
            workers=workers,
            duration=LogNormal(MEAN, 1.0),
            algorithm=algorithm,
            seed=0,
        )
        seconds = time.process_time() - began
        rows.append([title, f"{run.n_events:,}", f"{seconds:.2f}"])
        rows[-1].append(f"{1e6 * seconds / run.n_events:.1f}")
    table(
        f"The simulator itself, {workers:,} workers: CPU time, solver and loop included",
        ["algorithm", "events", "s", "us an event"],
        rows,
    )


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument(
        "--message-ms", type=float, default=0.5, help="driver's cost of a message and its answer"
    )
    parser.add_argument("--latency-ms", type=float, default=0.5, help="way of a message")
    options = parser.parse_args()
    warnings.simplefilter("ignore", zoopt.EvaluationWarning)  # lost evaluations are in the tables
    setting = Setting(options.message_ms / 1000, options.latency_ms / 1000, options.quick)
    print(heading())
    print("- **simulated**: values are true, times are virtual, no cluster was used")
    print(
        f"- medians of {setting.seeds} seeds; one for 10,000 workers with sync "
        "or for a fixed time, and in the tables from islands on"
    )
    parts = (
        assumptions,
        fixed_budget,
        fixed_time,
        rounds,
        in_flight,
        archipelagos,
        ceiling,
        churn,
        growth,
        at_once,
        speed,
    )
    for part in parts:
        began = time.perf_counter()
        part(setting)
        print(f"{part.__name__}: {time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
