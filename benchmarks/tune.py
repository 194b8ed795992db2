"""ZOOptSearch of zoopt for Ray Tune, with Ray's ZOOptSearch, OptunaSearch and HyperOptSearch.

    python benchmarks/tune.py [--peers PYTHON] [--quick]

Without `--peers`, this zoopt, ray[tune], optuna, hyperopt and scikit-learn are installed into a
temporary environment. All searchers have their defaults and the same seeds. Ray's ZOOptSearch does
not support log scales; it searches the exponents, and drives the current SRacosTune. "random" draws
from Tune's domains.

Best loss: the searchers are driven as by Tune, with 4 trials at a time that end in random order,
the same order for all. "mixed 6" and "mixed 20" are cheap functions of 6 and 20 parameters. A third
of the parameters is on log scales, a fifth is categorical; the optimum is 0. "digits" is the error
of a support vector machine, including preprocessing, on 600 of scikit-learn's digits after training
on 400 others.

Overhead is the CPU time of suggest, on_trial_result and on_trial_complete over 1,000 trials of
"mixed 6", one at a time, without Tune. The job is Tune's own loop with two trials at a time on two
CPUs. Its trainable returns at once, so nearly all of its time is spent in Tune.

The last table compares trials of a Tune job with the same evaluations through
`minimize(backend="ray", workers=2)`, both on a running Ray of two CPUs. Overhead is the wall time
minus that of two busy workers, per trial: from the first start of a trial to the last end, and of
the whole call including the start of actors. Tune's random search, BasicVariantGenerator, shows the
overhead of Tune itself.
"""

import contextlib
import logging
import math
import os
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from _common import answer, arguments, call, heading, python_with, table, work

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ray[tune]", "optuna", "hyperopt", "scikit-learn")
VERSIONS = (
    "import json; from importlib.metadata import version; "
    "print(json.dumps({p: version(p) for p in ('ray', 'optuna', 'hyperopt', 'scikit-learn')}))"
)
AT_ONCE = 4

Config = dict[str, Any]
Parameters = dict[str, tuple[Any, ...]]


class Problem(NamedTuple):
    """A loss of a configuration, and its search space."""

    parameters: Parameters
    loss: Callable[[Config], float]
    n_trials: int
    n_seeds: int


def mixed(n: int) -> Parameters:
    """Return parameters of all kinds, alternating."""
    kinds: list[tuple[Any, ...]] = [
        ("log", 1e-5, 1.0),
        ("float", 0.0, 1.0),
        ("choice", "abcd"),
        ("int", 1, 17),
        ("log int", 8, 513),
    ]
    return {f"p{i}": kinds[i % len(kinds)] for i in range(n)}


def distance(config: Config) -> float:
    """Return the sum of the distances of all parameters from their optima, relative to ranges."""
    parts = (
        lambda v: (math.log10(v) + 2.7) / 5,
        lambda v: v - 0.3,
        lambda v: 0.25 * "cabd".index(v),
        lambda v: (v - 5) / 16,
        lambda v: math.log2(v / 64) / 6,
    )
    return sum(parts[int(name[1:]) % 5](value) ** 2 for name, value in config.items())


@cache
def digits() -> Any:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x[:400], y[:400], x[400:1000], y[400:1000]


def error(config: Config) -> float:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    x, y, x_valid, y_valid = digits()
    model = make_pipeline(
        *([StandardScaler()] if config["scale"] == "yes" else []),
        PCA(config["components"], random_state=0),
        SVC(C=config["C"], gamma=config["gamma"], kernel=config["kernel"], degree=config["degree"]),
    )
    return 1.0 - float(model.fit(x, y).score(x_valid, y_valid))


PROBLEMS = {
    "mixed 6": Problem(mixed(6), distance, 100, 20),
    "mixed 20": Problem(mixed(20), distance, 200, 10),
    "digits": Problem(
        {
            "C": ("log", 1e-2, 1e3),
            "gamma": ("log", 1e-6, 1.0),
            "kernel": ("choice", ["rbf", "poly", "sigmoid"]),
            "degree": ("int", 2, 6),
            "components": ("log int", 2, 65),
            "scale": ("choice", ["yes", "no"]),
        },
        error,
        60,
        10,
    ),
}

SEARCHERS = {
    "ours": "ours",
    "Ray's ZOOptSearch": "old",
    "OptunaSearch": "optuna",
    "HyperOptSearch": "hyperopt",
    "random": "random",
}


# ----------------------------------------------------------------- in the measured process


def space_of(parameters: Parameters, exponents: bool) -> Config:
    """Return the search space in Tune's domains, optionally with exponents for log scales."""
    from ray import tune

    space = {}
    for name, (kind, *bounds) in parameters.items():
        if kind == "choice":
            space[name] = tune.choice(list(bounds[0]))
        elif kind.startswith("log") and exponents:
            space[name] = tune.uniform(*map(math.log10, bounds))
        else:
            domains = {
                "log": tune.loguniform,
                "float": tune.uniform,
                "int": tune.randint,
                "log int": tune.lograndint,
            }
            space[name] = domains[kind](*bounds)
    return space


def without_exponents(config: Config, parameters: Parameters) -> Config:
    values = dict(config)
    for name, (kind, *bounds) in parameters.items():
        if kind == "log":
            values[name] = 10 ** config[name]
        elif kind == "log int":
            values[name] = min(max(int(10 ** config[name]), bounds[0]), bounds[1] - 1)
    return values


class RandomSearch:
    """A searcher that draws from Tune's domains."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        self.rng = np.random.RandomState(seed)

    def set_search_properties(self, metric: str, mode: str, space: Config, **spec: Any) -> bool:
        self.space = space
        return True

    def suggest(self, trial_id: str) -> Config:
        return {name: domain.sample(random_state=self.rng) for name, domain in self.space.items()}

    def on_trial_result(self, trial_id: str, result: Config) -> None: ...

    def on_trial_complete(self, trial_id: str, result: Config) -> None: ...


def make(searcher: str, seed: int, budget: int) -> Any:
    if searcher == "ours":
        from zoopt.distributed import ZOOptSearch

        return ZOOptSearch(seed=seed)
    if searcher == "old":
        from ray.tune.search.zoopt import ZOOptSearch as OldSearch

        from zoopt.core.defaults import gl

        gl.set_seed(seed)
        return OldSearch(budget=budget, parallel_num=AT_ONCE)
    if searcher == "optuna":
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return OptunaSearch(seed=seed)
    if searcher == "hyperopt":
        from ray.tune.search.hyperopt import HyperOptSearch

        return HyperOptSearch(random_state_seed=seed)
    return RandomSearch(seed)


def drive(task: dict[str, Any], seed: int, at_once: int) -> dict[str, Any]:
    """Run the trials of a search; return its best loss and the overhead of each trial."""
    problem = PROBLEMS[task["problem"]]
    n_trials = task["n_trials"]
    exponents = task["searcher"] == "old"
    search = make(task["searcher"], seed, n_trials)
    space = space_of(problem.parameters, exponents)
    search.set_search_properties("loss", "min", space, num_samples=n_trials)
    rng = random.Random(seed)
    live: dict[str, Config] = {}
    best, n, costs, spent = math.inf, 0, [], 0.0
    while n < n_trials or live:
        started = time.process_time()
        config = search.suggest(str(n)) if n < n_trials and len(live) < at_once else None
        spent += time.process_time() - started
        if isinstance(config, dict):
            live[str(n)] = config
            n += 1
            continue
        trial_id = rng.choice(sorted(live))
        config = live.pop(trial_id)
        values = without_exponents(config, problem.parameters) if exponents else config
        loss = problem.loss(values)
        best = min(best, loss)
        result = {"loss": loss, "training_iteration": 1}
        started = time.process_time()
        search.on_trial_result(trial_id, result)
        search.on_trial_complete(trial_id, result)
        costs.append(spent + time.process_time() - started)
        spent = 0.0
    return {"best": best, "costs": costs}


@contextlib.contextmanager
def ray_of_two() -> Iterator[str]:
    """Start Ray with two CPUs on the loopback; yield the folder of all its files."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        os.environ.update(
            HOME=folder,
            RAY_TMPDIR=folder,
            RAY_USAGE_STATS_ENABLED="0",
            RAY_AIR_NEW_OUTPUT="0",
            TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        )
        import ray

        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=80 * 2**20,
            _temp_dir=folder,
            log_to_driver=False,
            logging_level="ERROR",
        )
        try:
            yield folder
        finally:
            ray.shutdown()


def job(task: dict[str, Any]) -> dict[str, Any]:
    """Run a Tune job of sleeping trials; return seconds a trial and overheads."""
    with ray_of_two() as folder:
        from ray import tune

        exponents = task["searcher"] == "old"
        parameters = PROBLEMS["mixed 6"].parameters
        marks: list[float] = []
        sleep = task.get("sleep", 0.0)

        def trainable(config: Config) -> dict[str, float]:
            started = time.time()
            values = without_exponents(config, parameters) if exponents else config
            time.sleep(sleep)
            return {"loss": distance(values), "started": started, "finished": time.time()}

        class Marks(tune.Callback):  # type: ignore[misc]
            def on_trial_complete(self, *args: Any, **kwargs: Any) -> None:
                marks.append(time.perf_counter())

        n_trials = task["n_trials"]
        search = None if task["searcher"] == "random" else make(task["searcher"], 0, n_trials)
        tuner = tune.Tuner(
            trainable,
            param_space=space_of(parameters, exponents),
            tune_config=tune.TuneConfig(
                search_alg=search,
                metric="loss",
                mode="min",
                num_samples=n_trials,
                max_concurrent_trials=2,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="job", storage_path=f"{folder}/results", verbose=0, callbacks=[Marks()]
            ),
        )
        called = time.time()
        grid = tuner.fit()
        whole = time.time() - called
        steady = marks[len(marks) // 5 :]  # the first trials start the actors
        spans = [(trial.metrics["started"], trial.metrics["finished"]) for trial in grid]
        return {
            "trials": len(grid),
            "seconds": (steady[-1] - steady[0]) / (len(steady) - 1),
            **overheads(spans, whole, sleep),
        }


def overheads(spans: list[tuple[float, float]], whole: float, sleep: float) -> dict[str, float]:
    """Return seconds a trial beyond those of two busy workers."""
    busy = sleep / 2
    span = max(end for _, end in spans) - min(start for start, _ in spans)
    return {"overhead": span / len(spans) - busy, "of the call": whole / len(spans) - busy}


def minimization(task: dict[str, Any]) -> dict[str, float]:
    """Run the trials of a job through `minimize` on Ray."""
    import zoopt

    kinds: dict[str, Callable[..., Any]] = {
        "log": lambda low, high: zoopt.Real(low, high, log=True),
        "float": zoopt.Real,
        "choice": lambda values: zoopt.Choice(list(values)),
        "int": lambda low, high: zoopt.Integer(low, high - 1),
        "log int": lambda low, high: zoopt.Integer(low, high - 1, log=True),
    }
    space = {
        name: kinds[kind](*bounds)
        for name, (kind, *bounds) in PROBLEMS["mixed 6"].parameters.items()
    }
    sleep = task["sleep"]

    def loss(**config: Any) -> float:
        time.sleep(sleep)
        return distance(config)

    with ray_of_two():
        called = time.time()
        result = zoopt.minimize(
            loss, space, budget=task["n_trials"], seed=0, backend="ray", workers=2
        )
        whole = time.time() - called
        times = result.timeline
        spans = list(zip(times["started"], times["finished"], strict=True))
        return {name: float(value) for name, value in overheads(spans, whole, sleep).items()}


def measure(task: dict[str, Any]) -> dict[str, Any]:
    """Run a task in this process."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if task["kind"] == "job":
        return job(task)
    if task["kind"] == "minimize":
        return minimization(task)
    if task["kind"] == "overhead":
        return drive(task, 0, 1)
    runs = [drive(task, seed, AT_ONCE) for seed in range(task["n_seeds"])]
    return {"bests": [run["best"] for run in runs]}


# ----------------------------------------------------------------- in the parent


def quality(python: str, quick: bool) -> None:
    for name, problem in PROBLEMS.items():
        n_seeds = 2 if quick else problem.n_seeds
        n_trials = 30 if quick else problem.n_trials
        bests: dict[str, list[float]] = {}
        for searcher in SEARCHERS.values():
            task = {"kind": "quality", "problem": name, "searcher": searcher}
            done = work(python, __file__, task | {"n_seeds": n_seeds, "n_trials": n_trials})
            bests[searcher] = done["bests"]
            print(name, searcher, done["bests"], file=sys.stderr)
        rows = []
        for title, searcher in SEARCHERS.items():
            values = sorted(bests[searcher])
            pairs = list(zip(bests["ours"], bests[searcher], strict=True))
            wins = sum(a < b for a, b in pairs)
            losses = sum(a > b for a, b in pairs)
            compared = "-" if searcher == "ours" else f"{wins} : {losses}"
            median = f"{statistics.median(values):.3g}"
            rows.append(
                [
                    title,
                    f"**{median}**" if searcher == "ours" else median,
                    f"{values[0]:.3g}",
                    f"{values[-1]:.3g}",
                    compared,
                ]
            )
        table(
            f"Best loss after {n_trials} trials, {name}: {n_seeds} seeds",
            ["searcher", "median", "least", "most", "seeds better : worse for ours"],
            rows,
        )


def overhead(python: str, quick: bool) -> None:
    n_trials = 100 if quick else 1000
    rows = []
    for title, searcher in SEARCHERS.items():
        task = {"kind": "overhead", "problem": "mixed 6", "searcher": searcher}
        costs = work(python, __file__, task | {"n_trials": n_trials})["costs"]
        tenth = n_trials // 10
        parts = (costs, costs[:tenth], costs[-tenth:])
        rows.append([title, *(f"{statistics.fmean(part) * 1e6:,.0f}" for part in parts)])
        print("overhead", rows[-1], file=sys.stderr)
    table(
        f"CPU microseconds per trial in the searcher, {n_trials} trials by hand",
        ["searcher", "all", "first tenth", "last tenth"],
        rows,
    )


def jobs(python: str, quick: bool) -> None:
    n_trials = 10 if quick else 60
    rows = []
    for title, searcher in SEARCHERS.items():
        task = {"kind": "job", "searcher": searcher, "n_trials": n_trials}
        done = work(python, __file__, task)
        rows.append([title, f"{done['trials']}", f"{done['seconds'] * 1000:.0f}"])
        print("job", rows[-1], file=sys.stderr)
    table(
        f"Wall milliseconds per trial of a Tune job of {n_trials} trials that return at once",
        ["searcher", "trials", "ms per trial"],
        rows,
    )


def beside_minimize(python: str, quick: bool) -> None:
    n_trials, n_times = (10, 1) if quick else (100, 3)
    rows = []
    for sleep in (0.0, 0.05):
        for title, task in {
            "Tune, random search": {"kind": "job", "searcher": "random"},
            "Tune, our ZOOptSearch": {"kind": "job", "searcher": "ours"},
            '`minimize(backend="ray")`': {"kind": "minimize"},
        }.items():
            task = {**task, "n_trials": n_trials, "sleep": sleep}
            done = [work(python, __file__, task) for _ in range(n_times)]
            cells = [
                f"{1000 * statistics.median(each[name] for each in done):,.1f}"
                for name in ("overhead", "of the call")
            ]
            rows.append([f"{1000 * sleep:g} ms" if sleep else "at once", title, *cells])
            print("beside", rows[-1], file=sys.stderr)
    table(
        f"Overhead of {n_trials} trials, two at a time: wall milliseconds per trial above two busy "
        f"workers, medians of {n_times}",
        ["a trial returns", "run by", "from the first start to the last end", "of the whole call"],
        rows,
    )


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument(
        "--peers",
        metavar="PYTHON",
        help="a Python with zoopt and the others; by default, an environment is created",
    )
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    if options.peers is not None:  # the heading shows no paths
        sys.argv = [word.replace(options.peers, "PYTHON") for word in sys.argv]
    with python_with(options.peers, str(ROOT), *PACKAGES) as python:
        print(heading())
        known = call(python, "-c", VERSIONS)
        print("- peers:", ", ".join(f"{name} {number}" for name, number in known.items()))
        quality(python, options.quick)
        overhead(python, options.quick)
        jobs(python, options.quick)
        beside_minimize(python, options.quick)


if __name__ == "__main__":
    main()
