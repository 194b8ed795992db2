"""Parallel efficiency of two workers on two processors, for zoopt and other libraries.

    python benchmarks/parallel.py [--old PYTHON] [--peers PYTHON] [--repeats 3] [--quick]

Without `--peers`, joblib, scipy, nevergrad and optuna are installed into a temporary environment.
The objective sleeps, or runs a busy loop that takes the nominal CPU time when it runs alone. Its
value is that of a sphere in 4 dimensions. It logs the begin and the end of each call, so that the
calls of all libraries are counted and timed in the same way:

    efficiency = calls * duration / (2 * seconds)

The duration is the nominal one for sleeping, and the median of the measured ones for the busy loop,
because the speed of the same loop differs by a third between processes. Seconds run from the begin
of the first call to the end of the last one, according to `Result.timeline` for zoopt and to the
log for others. "both at work" starts at the first call of the second worker, so that the delay
between two starts does not count. "with start-up" is the time of the whole call of the library.

No library reaches 100 %: sleeps last too long, and two busy processes slow each other down. The row
"two halves" shows the limit of the machine: two processes get half of the points each, in one
message. Figures are medians over runs in fresh processes, the libraries alternately. Measure on an
idle machine.
"""

import contextlib
import json
import math
import os
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

from _common import answer, arguments, call, heading, old_python, python_with, table, verdict

PEERS = ("joblib", "scipy", "nevergrad", "optuna")
VERSIONS = (
    "import json; from importlib.metadata import distributions; "
    "print(json.dumps({d.name: d.version for d in distributions()}))"
)
D = 4
LIMIT = 120.0  # seconds for a run; 0.4.2 may wait forever

Task: TypeAlias = dict[str, Any]
Run: TypeAlias = dict[str, Any]


class Case(NamedTuple):
    """The kind, the duration and the number of evaluations."""

    kind: str
    milliseconds: int
    n: int
    goal: float | None = None

    @property
    def name(self) -> str:
        return f"{self.kind} {self.milliseconds} ms"


CASES = (
    Case("sleep", 1, 400, goal=85),
    Case("sleep", 10, 100, goal=95),
    Case("sleep", 100, 40, goal=98),
    Case("CPU", 1, 400),
    Case("CPU", 10, 100),
    Case("CPU", 100, 40),
)


class Work:
    """The objective; each process opens its log once, even if this is unpickled repeatedly."""

    _logs: ClassVar[dict[str, int]] = {}

    def __init__(self, kind: str, amount: float, log: str) -> None:
        self.kind = kind
        self.amount = amount
        self.log = log

    def __call__(self, x: Any) -> float:
        started = time.perf_counter()
        if self.kind == "sleep":
            time.sleep(self.amount)
        else:
            spin(int(self.amount))
        value = float(sum((v - 0.2) ** 2 for v in x))
        if self.log not in self._logs:
            self._logs[self.log] = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        record = struct.pack("ddq", started, time.perf_counter(), threading.get_native_id())
        os.write(self._logs[self.log], record)
        return value


def spin(n: int) -> None:
    for _ in range(n):
        pass


def iterations_per_ms() -> float:
    """Calibrate the busy loop: the median of eleven rounds of 40 calls of about 0.3 ms."""
    n, calls = 25_000, 40
    rounds = timeit.repeat(lambda: spin(n), timer=time.process_time, number=calls, repeat=11)
    return n * calls / statistics.median(rounds) / 1e3


def points(task: Task) -> list[list[float]]:
    rng = random.Random(task["seed"])
    return [[rng.uniform(-1, 1) for _ in range(D)] for _ in range(task["n"])]


# Each of these imports a library and returns the function to time.


def zoopt(work: Work, task: Task) -> Callable[[], Any]:
    from zoopt import minimize

    in_flight: list[int] = []

    def watch(search: Any) -> None:  # after a tell, before the next ask
        in_flight.append(len(search.solver.in_flight) + 1)

    def run() -> Run:
        options = {"budget": task["n"], "seed": task["seed"], "workers": task["workers"]}
        result = minimize(work, [(-1, 1)] * D, callbacks=[watch], **options)
        started, finished = result.timeline["started"], result.timeline["finished"]
        span = float(finished.max() - started.min())
        return {"span": span, "value": float(result.fun), "in_flight": max(in_flight)}

    return run


def futures(work: Work, task: Task, chunk: int = 1) -> Callable[[], Any]:
    def run() -> None:
        with ProcessPoolExecutor(2) as pool:
            list(pool.map(work, points(task), chunksize=chunk))

    return run


def halves(work: Work, task: Task) -> Callable[[], Any]:
    return futures(work, task, task["n"] // 2)


def joblib(work: Work, task: Task) -> Callable[[], Any]:
    from joblib import Parallel, delayed

    return lambda: Parallel(n_jobs=2)(delayed(work)(x) for x in points(task))


def scipy(work: Work, task: Task) -> Callable[[], Any]:
    from scipy.optimize import differential_evolution

    def run() -> None:
        n_generations = math.ceil(task["n"] / (15 * D))  # 15 a dimension, by default
        options = {"tol": 0, "polish": False, "rng": task["seed"], "maxiter": n_generations - 1}
        differential_evolution(work, [(-1, 1)] * D, updating="deferred", workers=2, **options)

    return run


def nevergrad(work: Work, task: Task) -> Callable[[], Any]:
    from nevergrad import optimizers, p

    space = p.Array(shape=(D,), lower=-1.0, upper=1.0)
    space.random_state.seed(task["seed"])
    optimizer = optimizers.TwoPointsDE(space, budget=task["n"], num_workers=2)

    def run() -> None:
        with ProcessPoolExecutor(2) as pool:
            optimizer.minimize(work, executor=pool, batch_mode=False)

    return run


def optuna(work: Work, task: Task) -> Callable[[], Any]:
    from optuna import create_study, logging, samplers

    logging.set_verbosity(logging.WARNING)
    study = create_study(sampler=samplers.TPESampler(seed=task["seed"]))

    def objective(trial: Any) -> float:
        return work([trial.suggest_float(f"x{i}", -1, 1) for i in range(D)])

    return lambda: study.optimize(objective, n_trials=task["n"], n_jobs=2)


def zoopt_old(work: Work, task: Task) -> Callable[[], Any]:
    from zoopt import Dimension, Objective, Opt, Parameter

    dimension = Dimension(D, [[-1, 1]] * D, [True] * D)
    objective = Objective(lambda solution: work(solution.get_x()), dimension)
    parameter = Parameter(budget=task["n"], seed=task["seed"] + 1, parallel=True, server_num=2)
    return lambda: Opt.min(objective, parameter)


LIBRARIES = {  # name: its Python, and a description
    "**zoopt**": ("ours", zoopt, "`minimize(workers=2)`"),
    "two halves": ("ours", halves, "the machine's own: `ProcessPoolExecutor(2)`, 2 messages"),
    "concurrent.futures": ("ours", futures, "`ProcessPoolExecutor(2)`, random points"),
    "joblib": ("peers", joblib, "`Parallel(n_jobs=2)` (loky), random points"),
    "SciPy": ("peers", scipy, "`differential_evolution(workers=2)`, deferred"),
    "nevergrad": ("peers", nevergrad, "TwoPointsDE, `ProcessPoolExecutor(2)`"),
    "Optuna": ("peers", optuna, "TPE, `n_jobs=2`, which is threads"),
    "zoopt 0.4.2": ("old", zoopt_old, "`Parameter(parallel=True, server_num=2)`"),
}
OURS = next(iter(LIBRARIES))
CALIBRATION = "none: the busy loop alone"


def measure(task: Task) -> Run:
    """Run one library once in this process; efficiencies are in percent."""
    import parallel  # not as __main__, so that every library can pickle the objective by reference

    if task["library"] == CALIBRATION:
        return {"iterations": parallel.iterations_per_ms()}
    work = parallel.Work(task["kind"], task["amount"], task["log"])
    try:
        run = LIBRARIES[task["library"]][1](work, task)
    except ImportError as error:
        return {"problem": f"not importable: {error.name}"}
    begun = time.perf_counter()
    told = run()
    whole = time.perf_counter() - begun
    calls = list(struct.iter_unpack("ddq", Path(task["log"]).read_bytes()))
    first, last = min(s for s, _, _ in calls), max(e for _, e, _ in calls)
    both = max({worker: s for s, _, worker in reversed(calls)}.values())  # the last first call
    n_since = sum((e - max(s, both)) / (e - s) for s, e, _ in calls if e > both)
    took = statistics.median(e - s for s, e, _ in calls)
    ideal = (task["milliseconds"] / 1e3 if task["kind"] == "sleep" else took) / 2 * 100
    told = told if task["library"] == OURS else {"span": last - first}
    return {
        "calls": len(calls),
        "ms": took * 1e3,
        "start-up": first - begun,
        **told,
        "first": len(calls) * ideal / told["span"],
        "both": n_since * ideal / (last - both),
        "whole": len(calls) * ideal / whole,
    }


def once(python: str, task: Task) -> Run:
    """Measure in a fresh process; kill it if it hangs, and all processes it leaves behind."""
    with tempfile.TemporaryDirectory() as folder:
        task = {"workers": 2, **task, "log": str(Path(folder) / "calls")}
        process = subprocess.Popen(
            [python, __file__, "--worker", json.dumps(task)],
            env={**os.environ, "PYTHONPATH": "", "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        late = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        try:
            line = process.stdout.readline()  # to its end would wait for children
        finally:
            late.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return json.loads(line) if line else {"problem": "it failed or hung"}


def median(runs: list[Run], what: str) -> float:
    return statistics.median(run[what] for run in runs)


def ours(case: Case, runs: list[Run]) -> list[str]:
    """Return the row of a case."""
    percent = median(runs, "first")
    return [
        case.name,
        f"{median(runs, 'calls'):g}",
        f"{median(runs, 'ms'):.2f}",
        f"**{percent:.1f}**",
        "-" if case.goal is None else f"{case.goal:g}",
        "-" if case.goal is None else verdict(percent >= case.goal),
        f"{median(runs, 'both'):.1f}",
        f"{median(runs, 'whole'):.1f}",
        f"{median(runs, 'start-up'):.2f}",
        str(max(run["in_flight"] for run in runs)),
    ]


def beside(name: str, runs: dict[Case, list[Run]]) -> list[str]:
    """Return the row of a library."""
    cells = []
    problems: dict[str, None] = {}  # in order
    for some in runs.values():
        problems.update(dict.fromkeys(run["problem"] for run in some if "problem" in run))
        good = [run for run in some if "problem" not in run]
        percents = [f"{median(good, what):.0f}" for what in ("first", "both", "whole") if good]
        cells.append(" / ".join(percents) or "-")
    return [name, "; ".join([LIBRARIES[name][2], *problems]), *cells]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--peers",
        metavar="PYTHON",
        help="a Python with the others; by default, one is set up",
    )
    parser.add_argument("--repeats", type=int, default=3, help="runs behind each median")
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    cases, repeats, n_seeds = list(CASES), options.repeats, 5
    if options.quick:
        cases = [case._replace(n=100) for case in CASES if case.milliseconds == 1]
        repeats, n_seeds = 1, 2
    if options.peers is not None:  # the heading shows no paths
        sys.argv = [word.replace(options.peers, "PYTHON") for word in sys.argv]
    alone = [once(sys.executable, {"library": CALIBRATION}) for _ in range(5)]
    per_ms = {"sleep": 1e-3, "CPU": median(alone, "iterations")}
    runs: dict[str, dict[Case, list[Run]]] = {
        name: {case: [] for case in cases} for name in LIBRARIES
    }

    def task(name: str, case: Case, seed: int) -> Task:
        amount = case.milliseconds * per_ms[case.kind]
        return {"library": name, **case._asdict(), "amount": amount, "seed": seed}

    with old_python(options.old) as old, python_with(options.peers, *PEERS) as peers:
        print(heading(old))
        known = call(peers, "-c", VERSIONS)
        print("- peers:", ", ".join(f"{name} {known.get(name, 'missing')}" for name in PEERS))
        pythons = {"ours": sys.executable, "old": old, "peers": peers}
        for seed in range(repeats):
            for case in cases:
                for name, (python, *_) in LIBRARIES.items():
                    run = once(pythons[python], task(name, case, seed))
                    runs[name][case].append(run)
                    print(case.name, name, run, file=sys.stderr)
    columns = "objective, calls, one took ms, %, goal, , % both at work, % with start-up"
    table(
        "Efficiency of 2 process workers",
        [*columns.split(", "), "start-up s", "most in flight"],
        [ours(case, runs[OURS][case]) for case in cases],
    )
    table(
        "2 workers each: % from the first call / both at work / with start-up",
        ["library", "how", *(case.name for case in cases)],
        [beside(name, runs[name]) for name in LIBRARIES],
    )
    rows = []
    for name, workers in (("serial", 1), ("2 workers", 2)):
        tasks = [task(OURS, cases[0], seed) | {"workers": workers} for seed in range(n_seeds)]
        done = [once(sys.executable, some) for some in tasks]
        values = sorted(run["value"] for run in done)
        shown = [f"**{statistics.median(values):.2g}**", f"{values[0]:.2g}", f"{values[-1]:.2g}"]
        rows.append([name, *shown, str(max(run["in_flight"] for run in done))])
    table(
        f"Value after {cases[0].n} evaluations, {cases[0].name}: {n_seeds} seeds",
        ["run", "median", "least", "most", "most in flight"],
        rows,
    )


if __name__ == "__main__":
    main()
