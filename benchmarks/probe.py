"""Do runs of zoopt and of other libraries survive faults? Small probes in separate processes.

    python benchmarks/probe.py [--environments FOLDER] [--quick]

The objective is a sphere of dimension 4 that misbehaves: every third call raises, or returns NaN or
inf; or the fifth call hangs; or every twentieth call kills its process. Two more probes follow: the
same seed three times with four workers and random delays, and a run that is killed by SIGKILL,
resumed, and compared with an uninterrupted run.

Settings are the defaults; text after a semicolon shows the effect of a documented option. A cell
describes the behavior seen. Only "no ..." means that the library lacks the feature. A probe hangs
if no call is made for 25 s.

Workers are process pools (joblib for scikit-optimize, threads for Optuna). The libraries that are
identical with four workers wait for all of them before the next choice. Runs are resumed from
Optuna's SQLite storage, Hyperopt's file of trials, or with ask and tell from the optimizer pickled
after each step (with dill for pymoo), all of them serial. zoopt resumes a run of four workers with
window=8. Nevergrad runs TwoPointsDE, because its NGOpt cannot be pickled. FLAML's searcher is
pickled as well, SMAC3 continues from its folder, and OpenBox's advisor loads its saved history.
scikit-optimize, SMAC3 and OpenBox are slow and make 24 calls.

The libraries are installed under FOLDER, or temporarily. SMAC3 and OpenBox would change the version
of numpy and get an environment each. --quick runs only zoopt.
"""

import contextlib
import importlib
import itertools
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

from _common import arguments, call, heading, python_in, table

BUDGET, SLOW = 80, 24
BOUNDS = [(-5.0, 5.0)] * 4
LOW, HIGH = zip(*BOUNDS, strict=True)
LIMIT, HANG = 2.0, 8.0  # seconds
SILENCE = 25.0  # seconds without a call
POINT = "4d"
SIZE = struct.calcsize(POINT)


SERIAL = ("hang", "die", "seed", "resume")


class Misbehaved(Exception): ...


class NotInstalled(Exception): ...


class Objective:
    """The sphere that misbehaves and logs its calls."""

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
    """The answer of a library: the lowest value, and for a resumed run all values in order."""

    f: Objective
    option: dict[str, Any]
    workers: int = 1
    seconds: float | None = None
    state: str = ""  # the file from which it resumes
    budget: int = BUDGET

    def pool(self, kind: Callable[..., Any], *given: Any) -> Any:
        return kind(*given, self.workers) if self.workers > 1 else contextlib.nullcontext()

    def steps(self, new: Any, step: Callable[[Any], Any], pickler: Any = pickle) -> Any:
        """Drive an optimizer by ask and tell, and pickle it after each step."""
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


def of_scipy(name: str, **settings: Any) -> Callable[[Run], Any]:
    def drive(run: Run) -> Any:
        import scipy.optimize

        return getattr(scipy.optimize, name)(run.f, BOUNDS, **settings).fun, []

    return drive


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

    run = run._replace(budget=SLOW)
    if run.state or (run.workers > 1 and not run.seconds):
        return run.steps(Optimizer(BOUNDS, random_state=1), step)
    stop = [DeadlineStopper(run.seconds)] if run.seconds else []
    return gp_minimize(run.f, BOUNDS, n_calls=run.budget, random_state=1, callback=stop).fun, []


def flaml(run: Run) -> Any:
    from flaml import BlendSearch, tune

    def step(searcher: Any) -> list[float]:
        asked = searcher.suggest(name := str(next(names)))
        if asked is None:  # not yet
            return []
        searcher.on_trial_complete(name, {"loss": (told := run.f(asked.values())), "config": asked})
        return [told]

    space, names = (
        {f"x{i}": tune.uniform(*pair) for i, pair in enumerate(BOUNDS)},
        itertools.count(),
    )
    goal: dict[str, Any] = {"metric": "loss", "mode": "min"}
    if run.state:
        return run.steps(BlendSearch(space=space, num_samples=run.budget, **goal), step)
    done = tune.run(
        lambda config: {"loss": run.f(config.values())},
        space,
        num_samples=run.budget,
        time_budget_s=run.seconds,
        verbose=0,
        **goal,
    )
    return done.best_result["loss"], []


def smac(run: Run) -> Any:
    from ConfigSpace import ConfigurationSpace
    from smac import HyperparameterOptimizationFacade, Scenario

    def target(config: Any, seed: int = 0) -> float:
        return run.f(config.values())

    space = ConfigurationSpace({f"x{i}": pair for i, pair in enumerate(BOUNDS)})
    with tempfile.TemporaryDirectory() as folder:
        limits = {"n_trials": SLOW, "walltime_limit": run.seconds or float("inf")}
        kept = Path(run.state or folder)
        scenario = Scenario(
            space,
            output_directory=kept,
            name="probe",
            deterministic=True,
            n_workers=1 if run.seconds else run.workers,
            seed=1,
            **{**limits, **run.option},
        )
        facade = HyperparameterOptimizationFacade(scenario, target)
        facade.optimize()
        costs = [value.cost for value in facade.runhistory.values()]
    return min(costs), costs


class OfDictionary(NamedTuple):
    """A picklable objective for OpenBox."""

    f: Objective

    def __call__(self, config: Any) -> dict[str, list[float]]:
        return {"objectives": [self.f(config.get_dictionary().values())]}


def openbox(run: Run) -> Any:
    from openbox import Advisor, Observation, Optimizer, ParallelOptimizer, space

    objective = OfDictionary(run.f)
    domain = space.Space()
    domain.add_variables([space.Real(f"x{i}", *pair) for i, pair in enumerate(BOUNDS)])
    with tempfile.TemporaryDirectory() as folder:
        if run.state:
            advisor = Advisor(domain, random_state=1, task_id="probe", output_dir=folder)
            if Path(run.state).is_file():
                advisor.load_json(run.state)
            while len(advisor.history) < SLOW:
                asked = advisor.get_suggestion()
                advisor.update_observation(
                    Observation(config=asked, objectives=objective(asked)["objectives"])
                )
                advisor.save_json(f"{run.state}.part")
                Path(f"{run.state}.part").replace(run.state)
            history = advisor.history
        else:
            settings = {"max_runs": SLOW, "random_state": 1, "logging_dir": folder, **run.option}
            if run.workers > 1 and not run.seconds:
                settings["batch_size"] = run.workers
                history = ParallelOptimizer(objective, domain, **settings).run()
            else:
                history = Optimizer(objective, domain, max_runtime=run.seconds, **settings).run()
        values = [float(each.objectives[0]) for each in history.observations]
    return min(values), values


def of_pdfo(run: Run) -> Any:
    from pdfo import pdfo

    return pdfo(run.f, [0.0] * len(BOUNDS), bounds=BOUNDS, options={"maxfev": run.budget}).fun, []


class Peer(NamedTuple):
    """A library, how to drive it, and the probes that do not apply to it."""

    name: str
    modules: str
    drive: Callable[[Run], Any]
    lacks: tuple[str, ...] = ()
    package: str = ""  # if it differs from the name of the row
    alone: bool = False  # in a separate environment


PEERS = {
    "zoopt": Peer("**zoopt**", "zoopt", zoopt),
    "optuna": Peer("Optuna TPE", "optuna", optuna, ("die",)),
    "nevergrad": Peer("Nevergrad TwoPointsDE", "nevergrad", nevergrad),
    "cma": Peer("pycma", "cma", pycma),
    "cmaes": Peer("cmaes", "cmaes", cmaes, ("hang", "die", "seed")),
    "scipy": Peer("SciPy DE", "scipy.optimize", scipy, ("hang", "resume")),
    "shgo": Peer("SciPy shgo", "scipy.optimize", of_scipy("shgo"), SERIAL, "scipy"),
    "annealing": Peer(
        "SciPy dual_annealing",
        "scipy.optimize",
        of_scipy("dual_annealing", maxfun=BUDGET, rng=1),
        SERIAL,
        "scipy",
    ),
    "direct": Peer(
        "SciPy direct", "scipy.optimize", of_scipy("direct", maxfun=BUDGET), SERIAL, "scipy"
    ),
    "hyperopt": Peer("Hyperopt TPE", "hyperopt", hyperopt, ("die", "seed")),
    "pymoo": Peer("pymoo GA", "dill pymoo.optimize", pymoo, package="pymoo dill"),
    "scikit-optimize": Peer("scikit-optimize GP", "joblib skopt", skopt),
    "flaml": Peer("FLAML BlendSearch", "flaml", flaml, ("die", "seed")),
    "smac": Peer("SMAC3 HPO facade", "smac", smac, alone=True),
    "openbox": Peer("OpenBox", "openbox", openbox, alone=True),
    "pdfo": Peer("pdfo", "pdfo", of_pdfo, SERIAL),
}
LACKS = {"hang": "no time limit", "die": "no processes", "seed": "no workers", "resume": "none"}
OPTIONS: dict[tuple[str, str], dict[str, Any]] = {  # probed after the defaults
    ("zoopt", "raise"): {"on_error": "raise"},
    ("zoopt", "hang"): {"eval_timeout": 1},
    ("zoopt", "seed"): {"window": 8},
    ("optuna", "raise"): {"catch": "Misbehaved"},
    ("hyperopt", "raise"): {"catch_eval_exceptions": True},
    ("smac", "raise"): {"crash_cost": 1e6},
    ("smac", "nan"): {"crash_cost": 1e6},
    ("smac", "hang"): {"trial_walltime_limit": 1},
    ("openbox", "hang"): {"max_runtime_per_trial": 1},
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
        try:
            for module in PEERS[package].modules.split():
                importlib.import_module(module)
        except ImportError as error:
            raise NotInstalled from error
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
    if error == "NotInstalled":
        return "not installed"
    if error == "ImportError" and not answer["n"]:
        return "does not run: ImportError"
    if error:
        known = {"hangs": f"**hangs** after {n}", "Misbehaved": f"propagates after {n}"}
        return known.get(error, f"**run lost** after {n}: {error}")
    if answer["value"] != answer["value"]:
        return f"**returns NaN**, {n}"
    return f"returns after {answer['seconds']:.1f} s, {n}" if kind == "hang" else f"goes on, {n}"


def observe(python: str, package: str, kind: str, folder: Path, option: dict[str, Any]) -> str:
    """Run a probe on a library as often as needed; describe the behavior."""

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


def cell(python: str, package: str, kind: str) -> str:
    """Probe a library with its defaults, then with an option."""
    if kind in PEERS[package].lacks:
        return LACKS[kind]
    seen: list[str] = []
    for option in ({}, OPTIONS.get((package, kind))):
        if option is not None and seen != ["not installed"]:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                text = observe(python, package, kind, Path(folder), option)
            seen.append("".join(f"{name}={value}: " for name, value in option.items()) + text)
    return "; ".join(seen)


def environments(folder: Path, rows: list[str]) -> dict[str, str]:
    """Return the Python of each row; missing environments are created under a folder."""
    shared = [row for row in rows if row != "zoopt" and not PEERS[row].alone]
    groups = {"shared": shared, **{row: [row] for row in rows if PEERS[row].alone}}
    pythons = {"zoopt": sys.executable}
    for name, members in groups.items():
        packages = {word for row in members for word in (PEERS[row].package or row).split()}
        pythons.update(dict.fromkeys(members, python_in(folder / name, *sorted(packages))))
    return pythons


def report(pythons: dict[str, str]) -> None:
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.environ.pop("PYTHONPATH", None)
    wanted = {word for row in pythons for word in (PEERS[row].package or row).split()} - {"zoopt"}
    there = [call(python, "-m", "pip", "list", "--format=json") for python in pythons.values()]
    versions = {
        each["name"].lower(): each["version"]
        for row, packages in zip(pythons, there, strict=True)
        for each in packages
        if each["name"].lower() in (PEERS[row].package or row).split()
    }
    machine, ours, *rest = heading().splitlines()
    peers = ", ".join(f"{name} {versions.get(name)}" for name in sorted(wanted)) or "none"
    print(machine, ours, f"- peers: {peers}", *rest, sep="\n")
    for title, columns in TABLES.items():
        with ThreadPoolExecutor(2) as two:
            cells = {
                row: [two.submit(cell, python, row, kind) for kind in columns]
                for row, python in pythons.items()
            }
        lines = [[PEERS[row].name, *(one.result() for one in cells[row])] for row in pythons]
        table(title, ["", *columns.values()], lines)


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--environments", metavar="FOLDER", help="folder of the environments")
    parser.add_argument("--rows", nargs="+", choices=PEERS, help="only these")
    options = parser.parse_args()
    if options.worker:
        serve(**json.loads(options.worker))
        return
    rows = ["zoopt"] if options.quick else options.rows or list(PEERS)
    with tempfile.TemporaryDirectory() as folder:
        report(environments(Path(options.environments or folder), rows))


if __name__ == "__main__":
    main()
