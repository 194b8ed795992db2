"""Noise: the true value of the point returned, ours beside nevergrad's TBPSA and cmaes.

    python benchmarks/noise.py [--peers PYTHON] [--seeds 20] [--quick]

Without `--peers`, nevergrad and cmaes are installed into a temporary environment. Sphere and Ackley
on [-1, 1], Rastrigin on [-5, 5], Griewank on [-10, 10], each with its minimum 0 at a shift drawn
uniformly from the inner half of the box anew for every seed, the same for all; Schwefel on
[-500, 500], whose minimum 0 lies at 420.9687 in every coordinate. Noise is normal, added or as a
factor 1 + noise. All have the same number of calls, their own repeats included.

"plain" is SRACOS, "resampled" has ten calls a point, "suppressed" is SSRacos with re-evaluation
after 100 idle calls, 20 each, and five positives, as the authors of the paper set it; "pces" has
its defaults. TBPSA recommends what it does by default; cmaes is CMA within bounds, restarted
nowhere, with sigma 0.3 of half the width, and returns its mean.
"""

import functools
import statistics
import sys
from typing import Any

import numpy as np
from _common import answer, arguments, call, heading, python_with, table, work

WIDTHS = {"sphere": 1.0, "ackley": 1.0, "rastrigin": 5.0, "griewank": 10.0, "schwefel": 500.0}
#: function, variables, calls, noise added, noise as a factor
GOALS = (
    ("sphere", 20, 5000, 0.1, 0.0),
    ("ackley", 100, 20_000, 0.1, 0.0),
    ("sphere", 20, 2000, 0.0, 0.3),
)
FIVE = tuple(
    (name, 20, 10_000, added, factor)
    for name, sigma in (
        ("sphere", 0.5),
        ("ackley", 0.5),
        ("rastrigin", 20.0),
        ("griewank", 0.5),
        ("schwefel", 300.0),
    )
    for added, factor in ((sigma, 0.0), (0.0, 0.3))
)
VERSIONS = (
    "import json; from importlib.metadata import version; "
    "print(json.dumps({p: version(p) for p in ('nevergrad', 'cmaes')}))"
)


def true_value(name: str, z: Any) -> float:
    """Return the value at a distance from the optimum."""
    d = len(z)
    if name == "sphere":
        return float((z**2).sum())
    if name == "ackley":
        root = np.sqrt((z**2).sum() / d)
        waves = np.cos(2 * np.pi * z).mean()
        return float(-20 * np.exp(-0.2 * root) - np.exp(waves) + 20 + np.e)
    if name == "rastrigin":
        return float((z**2 - 10 * np.cos(2 * np.pi * z) + 10).sum())
    if name == "griewank":
        return float((z**2).sum() / 4000 - np.cos(z / np.sqrt(np.arange(1, d + 1))).prod() + 1)
    x = z + 420.9687
    return float(418.9829 * d - (x * np.sin(np.sqrt(np.abs(x)))).sum())


def center_of(name: str, d: int, seed: int) -> Any:
    if name == "schwefel":
        return np.full(d, 420.9687)
    width = WIDTHS[name]
    return np.random.default_rng([seed, 7]).uniform(-width / 2, width / 2, d)


class Noisy:
    """A problem, its noise drawn from the seed."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.name, self.d, self.budget, self.added, self.factor = task["problem"]
        self.seed = task["seed"]
        self.width = WIDTHS[self.name]
        self.center = center_of(self.name, self.d, self.seed)
        self._rng = np.random.default_rng([self.seed, 11])

    def true(self, x: Any) -> float:
        return true_value(self.name, np.asarray(x, float) - self.center)

    def __call__(self, x: Any) -> float:
        value = self.true(x)
        return value * (1 + self._rng.normal(0, self.factor)) + self._rng.normal(0, self.added)


def ours(problem: Noisy, method: str) -> Any:
    import zoopt

    algorithm = {
        "plain": None,
        "resampled": functools.partial(zoopt.Resample, times=10),
        "suppressed": functools.partial(
            zoopt.SSRacos,
            non_update_allowed=100,
            resample_times=20,
            train_size=25,
            positive_size=5,
        ),
        "pces": "pces",
    }[method]
    box = [(-problem.width, problem.width)] * problem.d
    return zoopt.minimize(
        lambda x: problem(x), box, budget=problem.budget, seed=problem.seed, algorithm=algorithm
    ).x


def tbpsa(problem: Noisy) -> Any:
    import nevergrad as ng

    np.random.seed(problem.seed)  # noqa: NPY002
    space = ng.p.Array(shape=(problem.d,), lower=-problem.width, upper=problem.width)
    optimizer = ng.optimizers.TBPSA(parametrization=space, budget=problem.budget)
    optimizer.parametrization.random_state.seed(problem.seed)
    return optimizer.minimize(problem).value


def cma(problem: Noisy) -> Any:
    from cmaes import CMA

    bounds = np.tile([-problem.width, problem.width], (problem.d, 1))
    optimizer = CMA(np.zeros(problem.d), 0.3 * problem.width, bounds=bounds, seed=problem.seed + 1)
    for _ in range(problem.budget // optimizer.population_size):
        told = []
        for _ in range(optimizer.population_size):
            x = optimizer.ask()
            told.append((x, problem(x)))
        optimizer.tell(told)
    return np.clip(optimizer.mean, -problem.width, problem.width)


PEERS = {"TBPSA": tbpsa, "cmaes": cma}


def measure(task: dict[str, Any]) -> list[float]:
    found = []
    for seed in range(task["seeds"]):
        problem = Noisy({**task, "seed": seed})
        method = task["method"]
        x = PEERS[method](problem) if method in PEERS else ours(problem, method)
        found.append(problem.true(x))
    return found


def compare(python: str, problems: Any, methods: Any, seeds: int, quick: bool, title: str) -> None:
    rows = []
    for problem in problems:
        name, d, budget, added, factor = problem
        if quick:
            problem = (name, d, budget // 20, added, factor)
        cells = []
        for method in methods:
            task = {"problem": problem, "method": method, "seeds": 2 if quick else seeds}
            values = work(python if method in PEERS else sys.executable, __file__, task)
            cells.append(f"{statistics.median(values):.3g}")
        noise = f"{added:g} added" if added else f"{factor:g} as a factor"
        rows.append([name, str(d), f"{budget:,}", noise, *cells])
        print(rows[-1], file=sys.stderr)
    table(title, ["function", "d", "calls", "noise", *methods], rows)


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has nevergrad and cmaes")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    if options.peers is not None:  # the heading shows no paths
        sys.argv = [word.replace(options.peers, "PYTHON") for word in sys.argv]
    with python_with(options.peers, "nevergrad", "cmaes") as python:
        print(heading())
        known = call(python, "-c", VERSIONS)
        print("- peers:", ", ".join(f"{name} {number}" for name, number in known.items()))
        methods = ["plain", "resampled", "suppressed", "pces", "TBPSA", "cmaes"]
        title = f"True value of the point returned, medians of {options.seeds} seeds"
        compare(python, GOALS, methods, options.seeds, options.quick, title)
        few = max(2, options.seeds // 2)
        title = f"Five functions, noise of the authors' and as a factor, medians of {few} seeds"
        compare(python, FIVE, methods[:5], few, options.quick, title)


if __name__ == "__main__":
    main()
