"""What a run survives, ours and other libraries': small probes in processes of their own.

    python benchmarks/probe.py [--peers PYTHON] [--quick]

The objective, a sphere of dimension 4, misbehaves: every third call raises, or is NaN, or inf; or
the fifth hangs; or every twentieth kills its process. Then the same seed three times with four
workers and random delays; and kill -9 in mid-run, resume, and compare with an uninterrupted run.
Settings are the defaults; after a semicolon, what a documented option changes. A cell says what was
seen; only "no" this or that says that the library has none. A probe without a call for 25 s hangs.

Workers are pools of processes (joblib for scikit-optimize, threads for Optuna); the peers that are
identical with four wait for all before they choose again. What resumes is Optuna's SQLite storage,
Hyperopt's file of trials, and with ask and tell the optimizer pickled (pymoo: dill) after each
step, all of a serial run; ours is one of four workers with window=8. Nevergrad runs TwoPointsDE:
its NGOpt does not pickle. scikit-optimize, slow, is asked 24 times.

Without --peers the libraries are installed in a temporary environment; FLAML, SMAC3, OpenBox and Ax
are left out, as heavy. --quick is our row alone.
"""

import contextlib
import importlib
import json
import os
import pickle
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import Pool
from pathlib import Path
from typing import Any, NamedTuple

from _common import arguments, call, heading, python_with, table

BUDGET = 80
BOUNDS = [(-5.0, 5.0)] * 4
LOW, HIGH = zip(*BOUNDS, strict=True)
LIMIT, HANG = 2.0, 8.0  # seconds
SILENCE = 25.0  # seconds without a call
POINT = "4d"
SIZE = struct.calcsize(POINT)


class Misbehaved(Exception): ...


class Objective:
    """The sphere that misbehaves, and writes down where it is called."""

    def __init__(self, log: str, kind: str) -> None:
        self.log, self.kind, self.driver = log, kind, os.getpid()

    def __call__(self, point: Any) -> float:
        x = [float(v) for v in point]
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, struct.pack(POINT, *x))
        n = os.lseek(descriptor, 0, os.SEEK_CUR) // SIZE  # the number of this call
        os.close(descriptor)
        time.sleep(
            random.SystemRandom().uniform(0.0, 0.2 if self.kind in ("hang", "resume") else 0.04)
        )
        if self.kind == "hang" and n == 5:
            time.sleep(HANG)
        if self.kind == "die" and n % 20 == 10 and os.getpid() != self.driver:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "raise" and n % 3 == 0:
            raise Misbehaved(f"call {n}")
        if self.kind in ("nan", "inf") and n % 3 == 0:
            return float(self.kind)
        return sum((v - 0.3) ** 2 for v in x)


class Run(NamedTuple):
    """What a library is asked for: the least value, and all values in order if it resumes."""

    f: Objective
    option: dict[str, Any]
    workers: int = 1
    seconds: float | None = None
    state: str = ""  # the file from which it resumes
    budget: int = BUDGET

    def pool(self, kind: Callable[..., Any], *given: Any) -> Any:
        return kind(*given, self.workers) if self.workers > 1 else contextlib.nullcontext()

    def steps(self, new: Any, step: Callable[[Any], Any], pickler: Any = pickle) -> Any:
        """Drive an optimizer by ask and tell, and keep it after each step."""
        path, part = Path(self.state), Path(f"{self.state}.part")
        optimizer, values = pickler.loads(path.read_bytes()) if path.is_file() else (new, [])
        while len(values) < self.budget:
            values += step(optimizer)
            if self.state:
                part.write_bytes(pickler.dumps((optimizer, values)))
                part.replace(path)
        return min(values), values


def zoopt(run: Run) -> Any:
    from zoopt import minimize

    settings = {"workers": run.workers, "time_budget": run.seconds, **run.option}
    if run.state:
        settings.update(checkpoint=run.state, workers=4, window=8)
    result = minimize(run.f, BOUNDS, budget=run.budget, seed=1, **settings)
    return result.fun, result.history


def optuna(run: Run) -> Any:
    import optuna

    def objective(trial: Any) -> float:
        return run.f([trial.suggest_float(f"x{i}", *pair) for i, pair in enumerate(BOUNDS)])

    stored: dict[str, Any] = {"study_name": "probe", "load_if_exists": True}
    stored["storage"] = f"sqlite:///{run.state}" if run.state else None
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1), **stored)
    left = run.budget - len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE]))
    catch = (Misbehaved,) if "catch" in run.option else ()
    study.optimize(objective, left, run.seconds, run.workers, catch)
    return study.best_value, [trial.value for trial in study.trials if trial.value is not None]


def nevergrad(run: Run) -> Any:
    import nevergrad as ng

    def step(optimizer: Any) -> list[float]:
        asked = optimizer.ask()
        optimizer.tell(asked, told := run.f(asked.value))
        return [told]

    space = ng.p.Array(shape=(len(BOUNDS),)).set_bounds(LOW[0], HIGH[0])
    space.random_state.seed(1)
    new = ng.optimizers.TwoPointsDE(space, run.budget, run.workers)
    if run.state:
        return run.steps(new, step)
    with run.pool(ProcessPoolExecutor) as pool:
        return new.minimize(run.f, pool, max_time=run.seconds).loss, []


def pycma(run: Run) -> Any:
    import cma
    from cma.optimization_tools import EvalParallel2

    def step(es: Any) -> list[float]:
        asked = es.ask()
        es.tell(asked, told := [run.f(x) for x in asked])
        return told

    options = {"bounds": [LOW[0], HIGH[0]], "maxfevals": run.budget, "seed": 1, "verbose": -9}
    options.update({"timeout": run.seconds} if run.seconds else {})
    start: Any = [0.0] * len(BOUNDS), 1.5, options
    if run.state:
        return run.steps(cma.CMAEvolutionStrategy(*start), step)
    with run.pool(EvalParallel2, run.f) as pool:
        return cma.fmin2(run.f, *start, parallel_objective=pool)[1].result.fbest, []


def cmaes(run: Run) -> Any:
    import cmaes
    import numpy as np

    def step(optimizer: Any) -> list[float]:
        asked = [optimizer.ask() for _ in range(optimizer.population_size)]
        optimizer.tell(told := [(x, run.f(x)) for x in asked])
        return [value for _, value in told]

    return run.steps(cmaes.CMA(np.zeros(len(BOUNDS)), 1.5, bounds=np.array(BOUNDS), seed=1), step)


def scipy(run: Run) -> Any:
    from scipy.optimize import differential_evolution

    parallel = {"workers": run.workers, "updating": "deferred"} if run.workers > 1 else {}
    return differential_evolution(run.f, BOUNDS, maxiter=1, rng=1, **parallel).fun, []


def hyperopt(run: Run) -> Any:
    import numpy as np
    from hyperopt import Trials, fmin, hp, tpe

    space = [hp.uniform(f"x{i}", *pair) for i, pair in enumerate(BOUNDS)]
    settings = {"rstate": np.random.default_rng(1), "trials_save_file": run.state, **run.option}
    trials = None if run.state else Trials()
    fmin(run.f, space, tpe.suggest, run.budget, run.seconds, trials=trials, **settings)
    trials = trials or pickle.loads(Path(run.state).read_bytes())
    return trials.best_trial["result"]["loss"], trials.losses()


def pymoo(run: Run) -> Any:
    import dill
    from pymoo.algorithms.soo.nonconvex.ga import GA
    from pymoo.optimize import minimize
    from pymoo.parallelization.starmap import StarmapParallelization
    from pymoo.problems.functional import FunctionalProblem

    def step(algorithm: Any) -> list[float]:
        asked = algorithm.ask()
        algorithm.evaluator.eval(problem, asked)
        algorithm.tell(infills=asked)
        return list(asked.get("F")[:, 0])

    new, end = GA(pop_size=20), ("time", run.seconds) if run.seconds else ("n_eval", run.budget)
    with run.pool(Pool) as pool:
        runner = {"elementwise_runner": StarmapParallelization(pool.starmap)} if pool else {}
        problem = FunctionalProblem(len(BOUNDS), run.f, xl=LOW, xu=HIGH, **runner)
        if not run.state:
            return minimize(problem, new, end, seed=1).F[0], []
    new.setup(problem, termination=end, seed=1)
    return run.steps(new, step, dill)


def skopt(run: Run) -> Any:
    from joblib import Parallel, delayed
    from skopt import Optimizer, gp_minimize
    from skopt.callbacks import DeadlineStopper

    def step(optimizer: Any) -> list[float]:
        asked = optimizer.ask(run.workers)
        optimizer.tell(asked, told := Parallel(run.workers)(delayed(run.f)(x) for x in asked))
        return told

    run = run._replace(budget=24)  # it is slow
    if run.state or (run.workers > 1 and not run.seconds):
        return run.steps(Optimizer(BOUNDS, random_state=1), step)
    stop = [DeadlineStopper(run.seconds)] if run.seconds else []
    return gp_minimize(run.f, BOUNDS, n_calls=run.budget, random_state=1, callback=stop).fun, []


class Peer(NamedTuple):
    """A library, how to drive it, and which probes it cannot have."""

    name: str
    modules: str
    drive: Callable[[Run], Any]
    lacks: tuple[str, ...] = ()


PEERS = {  # by package
    "zoopt": Peer("**zoopt**", "zoopt", zoopt),
    "optuna": Peer("Optuna TPE", "optuna", optuna, ("die",)),
    "nevergrad": Peer("Nevergrad TwoPointsDE", "nevergrad", nevergrad),
    "cma": Peer("pycma", "cma", pycma),
    "cmaes": Peer("cmaes", "cmaes", cmaes, ("hang", "die", "seed")),
    "scipy": Peer("SciPy DE", "scipy.optimize", scipy, ("hang", "resume")),
    "hyperopt": Peer("Hyperopt TPE", "hyperopt", hyperopt, ("die", "seed")),
    "pymoo": Peer("pymoo GA", "dill pymoo.optimize", pymoo),
    "scikit-optimize": Peer("scikit-optimize GP", "joblib skopt", skopt),
}
LACKS = {"hang": "no time limit", "die": "no processes", "seed": "no workers", "resume": "none"}
OPTIONS: dict[tuple[str, str], dict[str, Any]] = {  # probed after the defaults
    ("zoopt", "raise"): {"on_error": "raise"},
    ("zoopt", "hang"): {"eval_timeout": 1},
    ("zoopt", "seed"): {"window": 8},
    ("optuna", "raise"): {"catch": "Misbehaved"},
    ("hyperopt", "raise"): {"catch_eval_exceptions": True},
}
TABLES = {
    f"An objective that misbehaves, asked {BUDGET} times": {
        "raise": "every third call raises",
        "nan": "is NaN",
        "inf": "is inf",
        "hang": f"a call of {HANG:g} s, time limit {LIMIT:g} s",
        "die": "worker processes die",
    },
    "Repeating and resuming": {
        "seed": "same seed, 4 workers, three times",
        "resume": "resumed after kill -9, against uninterrupted",
    },
}


def serve(package: str, kind: str, log: str, run: dict[str, Any]) -> None:
    """Be the probed process: drive the library, and leave word of what it did."""
    started = time.monotonic()
    try:
        for module in PEERS[package].modules.split():
            importlib.import_module(module)
        started = time.monotonic()
        value, values = PEERS[package].drive(Run(Objective(log, kind), **run))
        answer: dict[str, Any] = {"value": float(value), "values": [float(v) for v in values]}
    except BaseException as error:
        answer = {"error": type(error).__name__}
    answer["seconds"] = time.monotonic() - started
    Path(f"{log}.new").write_text(json.dumps(answer))
    os.replace(f"{log}.new", f"{log}.json")


def probe(python: str, package: str, kind: str, log: Path, end_at: float, **run: Any) -> Any:
    """Drive a library in a process group of its own; return its word, or what became of it."""
    log.touch()
    task = {"package": package, "kind": kind, "log": str(log), "run": run}
    command = [python, __file__, "--worker", json.dumps(task)]
    quiet: Any = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    process = subprocess.Popen(command, start_new_session=True, **quiet)
    n, until = log.stat().st_size // SIZE, time.monotonic() + SILENCE
    try:
        while process.poll() is None and n < end_at and time.monotonic() < until:
            time.sleep(0.02)
            if (seen := log.stat().st_size // SIZE) > n:
                n, until = seen, time.monotonic() + SILENCE
        silent = time.monotonic() >= until
    finally:
        process.kill()
        with contextlib.suppress(ProcessLookupError):  # its workers
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    answer = {"error": "hangs" if silent else f"exit code {code}"}
    if (reply := Path(f"{log}.json")).exists():
        answer = json.loads(reply.read_text())
    points = sorted(struct.iter_unpack(POINT, log.read_bytes()))
    return {**answer, "n": len(points), "points": points}


def phrase(answer: dict[str, Any], kind: str) -> str:
    """Say what a probe did."""
    n, error = f"{answer['n']} calls", answer.get("error")
    if error in ("ImportError", "ModuleNotFoundError") and not answer["n"]:
        return "not installed"
    if error:
        known = {"hangs": f"**hangs** after {n}", "Misbehaved": f"propagates after {n}"}
        return known.get(error, f"**run lost** after {n}: {error}")
    if answer["value"] != answer["value"]:
        return f"**returns NaN**, {n}"
    return f"returns after {answer['seconds']:.1f} s, {n}" if kind == "hang" else f"goes on, {n}"


def observe(python: str, package: str, kind: str, folder: Path, option: dict[str, Any]) -> str:
    """Probe a library, as often as this kind of probe needs; say what was seen."""

    def once(log: str, end_at: float = 1e9, **run: Any) -> Any:
        return probe(python, package, kind, folder / log, end_at, option=option, **run)

    if kind not in ("seed", "resume"):
        limit = {"seconds": LIMIT} if kind == "hang" else {}
        many = kind == "die" or (kind == "hang" and "seed" not in PEERS[package].lacks)
        return phrase(once("log", workers=2 if many else 1, **limit), kind)
    if kind == "seed":
        answers = [once(str(i), workers=4) for i in range(3)]
    else:
        answers = [once("whole", state=f"{folder}/a")]
        killed = once("parts", answers[0]["n"] // 2, state=f"{folder}/b")
        answers.append(once("parts", state=f"{folder}/b"))
    for answer in answers:
        if "error" in answer:
            return phrase(answer, kind)
    key = "points" if kind == "seed" else "values"
    same = all((a["value"], a[key]) == (answers[0]["value"], answers[0][key]) for a in answers)
    text = "identical" if same else "**differs**"
    if kind == "seed":
        return text
    repeated = answers[1]["n"] - answers[0]["n"]
    return f"{text}, {repeated} of {killed['n']} calls repeated"


def cell(theirs: str, package: str, kind: str) -> str:
    """Probe a library with its defaults, then with an option."""
    if kind in PEERS[package].lacks:
        return LACKS[kind]
    python, seen = sys.executable if package == "zoopt" else theirs, []
    for option in ({}, OPTIONS.get((package, kind))):
        if option is not None and seen != ["not installed"]:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                text = observe(python, package, kind, Path(folder), option)
            seen.append("".join(f"{name}={value}: " for name, value in option.items()) + text)
    return "; ".join(seen)


def report(theirs: str, flags: str, rows: list[str]) -> None:
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.environ.pop("PYTHONPATH", None)
    packages = call(theirs, "-m", "pip", "list", "--format=json") if rows[1:] else []
    peers = [f"{each['name']} {each['version']}" for each in packages if each["name"] in rows]
    machine, ours, date, _ = heading().splitlines()
    print(machine, ours, f"- peers: {', '.join(peers) or 'none'}", date, sep="\n")
    print(f"- command: `python benchmarks/probe.py{flags}`")
    for title, columns in TABLES.items():
        with ThreadPoolExecutor(2) as two:
            cells = {row: [two.submit(cell, theirs, row, kind) for kind in columns] for row in rows}
        lines = [[PEERS[row].name, *(one.result() for one in cells[row])] for row in rows]
        table(title, ["", *columns.values()], lines)


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has the other libraries")
    options = parser.parse_args()
    if options.worker:
        serve(**json.loads(options.worker))
        return
    if options.quick:
        report(sys.executable, " --quick", ["zoopt"])
        return
    wanted = ["dill", *(package for package in PEERS if package != "zoopt")]
    with python_with(options.peers, *wanted) as python:
        report(python, " --peers PYTHON" * bool(options.peers), list(PEERS))


if __name__ == "__main__":
    main()
