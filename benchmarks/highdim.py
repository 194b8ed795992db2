"""Very many variables: sphere, Ackley, Rastrigin, Griewank and a ramp loss, with other libraries.

    python benchmarks/highdim.py [--peers PYTHON] [--seeds 5] [--quick]

Without `--peers`, pypop7, nevergrad and scikit-learn are installed into a temporary environment.
The box is [-1, 1]^D; the argument is scaled by five for Rastrigin and by ten for Griewank. Either
all D variables matter, or ten that are drawn for each seed. The minimum 0 lies at a uniform point
of the inner half of the box. The ramp loss is that of a linear classifier of digits, 5 against the
rest, on D random Fourier features of 600 images, with weights in [-10, 10]; its minimum is unknown.
All algorithms have the same number of calls. Those that accept a start get the same uniform point,
and those that accept sigma get 0.15 of the width.

zoopt runs "sracos", "sre" (embeddings with SRACOS, five stages of ten variables), "sre r1es" (the
same with R1ES) and "r1es". The others are MMES and LMCMA of pypop7, and OnePlusOne of nevergrad.
The goals concern r1es: at most twice the best of the others, and how often it is ahead of them.
Seconds are process time of a run, including the objective.
"""

import functools
import statistics
import sys
import time
from typing import Any

import numpy as np
from _common import answer, arguments, call, heading, python_with, table, verdict, work

VERSIONS = (
    "import json; from importlib.metadata import version; "
    "print(json.dumps({p: version(p) for p in ('pypop7', 'nevergrad')}))"
)
FUNCTIONS = ("sphere", "ackley", "rastrigin", "griewank")
#: function, variables, how many matter (0: all), calls
CASES = (
    *((name, 10_000, 10, 2000) for name in FUNCTIONS),
    *((name, 100_000, 10, 2000) for name in FUNCTIONS),
    *((name, 1000, 0, 10_000) for name in FUNCTIONS),
    ("ramp loss", 1000, 0, 5000),
    ("ramp loss", 10_000, 0, 5000),
    ("ackley", 1_000_000, 10, 500),
)
OURS = ("sracos", "sre", "sre r1es", "r1es")
PEERS = ("MMES", "LMCMA", "OnePlusOne")


def value_of(name: str, z: Any) -> float:
    """Return the value at a displacement from the minimum, in units of the box."""
    d = len(z)
    if name == "sphere":
        return float(z @ z)
    if name == "ackley":
        waves = np.cos(2 * np.pi * z).mean()
        return float(-20 * np.exp(-0.2 * np.sqrt(z @ z / d)) - np.exp(waves) + 20 + np.e)
    if name == "rastrigin":
        z = 5 * z
        return float((z * z - 10 * np.cos(2 * np.pi * z) + 10).sum())
    z = 10 * z
    return float(z @ z / 4000 - np.cos(z / np.sqrt(np.arange(1, d + 1))).prod() + 1)


class Shifted:
    width = 1.0

    def __init__(self, name: str, d: int, effective: int, seed: int) -> None:
        rng = np.random.default_rng([seed, 7])
        self.name, self.d = name, d
        self._which = rng.permutation(d)[:effective] if effective else slice(None)
        self._center = rng.uniform(-0.5, 0.5, effective or d)

    def __call__(self, x: Any) -> float:
        return value_of(self.name, np.asarray(x)[self._which] - self._center)


class RampLoss:
    """|w|^2 / 2d plus the mean hinge loss, clipped at 2, of a linear classifier."""

    width = 10.0

    def __init__(self, name: str, d: int, effective: int, seed: int) -> None:
        from sklearn.datasets import load_digits

        rng = np.random.default_rng([seed, 8])
        images, labels = load_digits(return_X_y=True)
        chosen = rng.permutation(len(labels))[:600]
        images = images[chosen] / 16.0
        waves = rng.normal(0.0, 0.5, (images.shape[1], d))
        phases = rng.uniform(0.0, 2 * np.pi, d)
        self.d = d
        self._features = (np.cos(images @ waves + phases) * np.sqrt(2.0 / d)).astype(np.float32)
        self._signs = np.where(labels[chosen] == 5, 1.0, -1.0)

    def __call__(self, x: Any) -> float:
        w = np.asarray(x)
        margins = self._signs * (self._features @ w.astype(np.float32))
        return float(np.clip(1.0 - margins, 0.0, 2.0).mean() + (w @ w) / (2e4 * self.d))


def problem_of(task: dict[str, Any], seed: int) -> Any:
    make = RampLoss if task["problem"][0] == "ramp loss" else Shifted
    return make(*task["problem"][:3], seed)


def start_of(problem: Any, seed: int) -> Any:
    return np.random.default_rng([seed, 9]).uniform(-problem.width, problem.width, problem.d)


def ours(problem: Any, method: str, budget: int, seed: int) -> float:
    import zoopt

    start = start_of(problem, seed)
    which = np.zeros(problem.d, np.intp)
    space = zoopt.Space.of_distinct([zoopt.Real(-problem.width, problem.width)], which)
    algorithm: Any = {
        "sracos": functools.partial(zoopt.SRacos, x0=[start]),
        "sre": functools.partial(zoopt.RandomEmbedding, x0=[start]),
        "sre r1es": functools.partial(zoopt.RandomEmbedding, x0=[start], inner="r1es"),
        "r1es": functools.partial(zoopt.R1ES, mean=start),
    }[method]
    solver = algorithm(space, budget=budget, seed=seed)
    for _ in range(budget):
        candidate = solver.ask()
        solver.tell(candidate, problem(candidate.u))
    return float(solver.best.value)


def of_pypop7(problem: Any, method: str, budget: int, seed: int) -> float:
    from pypop7.optimizers.es.lmcma import LMCMA
    from pypop7.optimizers.es.mmes import MMES

    bound = np.full(problem.d, problem.width)
    facts = {
        "fitness_function": problem,
        "ndim_problem": problem.d,
        "lower_boundary": -bound,
        "upper_boundary": bound,
    }
    options = {
        "max_function_evaluations": budget,
        "mean": start_of(problem, seed),
        "sigma": 0.3 * problem.width,
        "seed_rng": seed,
        "verbose": 0,
        "is_restart": False,
    }
    return float({"MMES": MMES, "LMCMA": LMCMA}[method](facts, options).optimize()["best_so_far_y"])


def of_nevergrad(problem: Any, budget: int, seed: int) -> float:
    import nevergrad as ng

    start = start_of(problem, seed)
    space = ng.p.Array(init=start, lower=-problem.width, upper=problem.width)
    space.set_mutation(sigma=0.3 * problem.width)
    optimizer = ng.optimizers.OnePlusOne(parametrization=space, budget=budget)
    optimizer.parametrization.random_state.seed(seed)
    return min(problem(optimizer.minimize(problem).value), np.inf)


def measure(task: dict[str, Any]) -> list[list[float]]:
    found = []
    for seed in range(task["seeds"]):
        problem, method, budget = problem_of(task, seed), task["method"], task["problem"][3]
        started = time.process_time()
        if method in OURS:
            value = ours(problem, method, budget, seed)
        elif method == "OnePlusOne":
            value = of_nevergrad(problem, budget, seed)
        else:
            value = of_pypop7(problem, method, budget, seed)
        found.append([value, time.process_time() - started])
    return found


def compare(python: str, seeds: int, quick: bool) -> None:
    values, seconds, n_first = [], [], 0
    for name, d, effective, budget in CASES:
        if quick:
            d, budget = d // 10, budget // 10
        found, times = {}, {}
        for method in (*OURS, *PEERS):
            n = 1 if quick else min(seeds, 3) if d == 1_000_000 else seeds
            task = {"problem": (name, d, effective, budget), "method": method, "seeds": n}
            runs = work(python if method in PEERS else sys.executable, __file__, task)
            found[method] = statistics.median(value for value, _ in runs)
            times[method] = statistics.median(spent for _, spent in runs)
        best = min(found[method] for method in PEERS)
        n_first += found["r1es"] < best
        facts = [name, f"{d:,}", str(effective or "all"), f"{budget:,}"]
        cells = [f"{value:.3g}" for value in found.values()]
        values.append([*facts, *cells, verdict(found["r1es"] <= 2 * best)])
        seconds.append([*facts, *(f"{value:.1f}" for value in times.values())])
        print(values[-1], seconds[-1][4:], file=sys.stderr)
    columns = ["problem", "D", "matter", "calls", *OURS, *PEERS]
    title = f"Best value, medians of {seeds} seeds; r1es is first in {n_first} of {len(CASES)}"
    table(title, [*columns, "r1es"], values)
    table("Seconds a run, objective included, medians", columns, seconds)


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with pypop7 and nevergrad")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    if options.peers is not None:  # the heading shows no paths
        sys.argv = [word.replace(options.peers, "PYTHON") for word in sys.argv]
    with python_with(options.peers, "pypop7", "nevergrad", "scikit-learn") as python:
        print(heading())
        known = call(python, "-c", VERSIONS)
        print("- peers:", ", ".join(f"{name} {number}" for name, number in known.items()))
        compare(python, options.seeds, options.quick)


if __name__ == "__main__":
    main()
