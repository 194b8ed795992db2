"""Noise: the true value of the point returned, with nevergrad and cmaes for comparison.

    python benchmarks/noise.py [--peers PYTHON] [--seeds 20] [--quick]

Without `--peers`, nevergrad and cmaes are installed into a temporary environment. The functions are
sphere and Ackley on [-1, 1], Rastrigin on [-5, 5] and Griewank on [-10, 10]. Their minimum 0 lies
at a shift drawn for each seed from the inner half of the box, the same for all algorithms. The
minimum 0 of Schwefel, on [-500, 500], lies at 420.9687 in every coordinate. Wrong bits, a quadratic
form of bits, a chain of choices and a mixed problem are defined in `_noisy.py`. Noise is normal,
either added or as a factor 1 + noise. All algorithms have the same number of calls, including their
own repetitions. The seeds differ from those with which the constants were chosen.

"plain" is SRACOS. "resampled" makes ten calls a point. "suppressed" is SSRacos with the settings of
the paper's authors: five positives, and re-evaluation after 100 idle calls, 20 calls each. "pces"
has its defaults, and "noisy" is `minimize(noisy=True)`. TBPSA recommends its default point. cmaes
is CMA within bounds, without restarts, with sigma 0.3 of half the width, and returns its mean. For
bits, choices and mixtures, nevergrad's RecombiningOptimisticNoisyDiscreteOnePlusOne replaces them.
The goals are at most 1.5 times the value of TBPSA, and at most 1.2 times the best of plain,
resampled and suppressed.
"""

import functools
import statistics
import sys
from typing import Any

import numpy as np
from _common import answer, arguments, call, heading, python_with, table, verdict, work
from _noisy import Noisy, OfReals, problem_of

#: problem, variables, calls, noise added, noise as a factor
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
DISCRETE = (
    ("wrong bits", 100, 5000, 5.0, 0.0),
    ("quadratic bits", 60, 10_000, 10.0, 0.0),
    ("chain of choices", 30, 10_000, 3.0, 0.0),
    ("mixed", 16, 5000, 0.3, 0.0),
)
#: From no noise to noise that hides everything.
STRENGTHS = tuple(
    (name, 10, 2000, scale * added, 0.0)
    for name, scale in (("sphere", 1.0), ("rastrigin", 10.0))
    for added in (0.0, 0.001, 0.01, 0.1, 1.0)
)
FIRST_SEED = 1000
OWN = ("plain", "resampled", "suppressed", "pces", "noisy")
VERSIONS = (
    "import json; from importlib.metadata import version; "
    "print(json.dumps({p: version(p) for p in ('nevergrad', 'cmaes')}))"
)


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
        "noisy": None,
    }[method]
    return zoopt.minimize(
        lambda x: problem(x),
        space_of(problem),
        budget=problem.budget,
        seed=problem.seed,
        algorithm=algorithm,
        noisy=method == "noisy",
    ).x


def space_of(problem: Noisy) -> Any:
    from zoopt import Choice, Integer, Real, Space

    if isinstance(problem, OfReals):
        return [(-problem.width, problem.width)] * problem.d
    if problem.name == "mixed":
        return [Real(-1, 1)] * 8 + [Integer(0, 20)] * 4 + [Choice(range(4))] * 4
    sizes = problem.sizes  # type: ignore[attr-defined]
    return Space.subsets(problem.d) if sizes == 2 else [Choice(range(sizes))] * problem.d


def of_nevergrad(problem: Noisy) -> Any:
    import nevergrad as ng

    np.random.seed(problem.seed)  # noqa: NPY002
    name = "RecombiningOptimisticNoisyDiscreteOnePlusOne"
    space: Any
    if isinstance(problem, OfReals):
        name = "TBPSA"
        space = ng.p.Array(shape=(problem.d,), lower=-problem.width, upper=problem.width)
    elif problem.name == "mixed":
        space = ng.p.Tuple(
            ng.p.Array(shape=(8,), lower=-1, upper=1),
            ng.p.Array(shape=(4,), lower=0, upper=20).set_integer_casting(),
            ng.p.Choice(list(range(4)), repetitions=4),
        )
    else:
        sizes = problem.sizes  # type: ignore[attr-defined]
        space = ng.p.Choice(list(range(sizes)), repetitions=problem.d)
    optimizer = ng.optimizers.registry[name](parametrization=space, budget=problem.budget)
    optimizer.parametrization.random_state.seed(problem.seed)
    if problem.name == "mixed":
        found = optimizer.minimize(lambda x: problem(np.concatenate(x))).value
        return np.concatenate(found)
    return optimizer.minimize(problem).value


def cma(problem: Noisy) -> Any:
    from cmaes import CMA

    assert isinstance(problem, OfReals)
    bounds = np.tile([-problem.width, problem.width], (problem.d, 1))
    optimizer = CMA(np.zeros(problem.d), 0.3 * problem.width, bounds=bounds, seed=problem.seed)
    for _ in range(problem.budget // optimizer.population_size):
        told = []
        for _ in range(optimizer.population_size):
            x = optimizer.ask()
            told.append((x, problem(x)))
        optimizer.tell(told)
    return np.clip(optimizer.mean, -problem.width, problem.width)


PEERS = {"TBPSA": of_nevergrad, "nevergrad": of_nevergrad, "cmaes": cma}


def measure(task: dict[str, Any]) -> list[float]:
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + task["seeds"]):
        problem = problem_of(task, seed)
        method = task["method"]
        x = PEERS[method](problem) if method in PEERS else ours(problem, method)
        found.append(problem.true(x))
    return found


def compare(
    python: str, problems: Any, methods: Any, seeds: int, quick: bool, title: str, tbpsa: bool
) -> None:
    rows = []
    for problem in problems:
        name, d, budget, added, factor = problem
        if quick:
            problem = (name, d, budget // 20, added, factor)
        found = {}
        for method in methods:
            task = {"problem": problem, "method": method, "seeds": 2 if quick else seeds}
            values = work(python if method in PEERS else sys.executable, __file__, task)
            found[method] = statistics.median(values)
        least = min(found[method] for method in ("plain", "resampled", "suppressed"))
        ok = found["noisy"] <= 1.2 * least and (not tbpsa or found["noisy"] <= 1.5 * found["TBPSA"])
        noise = f"{added:g} added" if added else f"{factor:g} as a factor"
        cells = [f"{value:.3g}" for value in found.values()]
        rows.append([name, str(d), f"{budget:,}", noise, *cells, verdict(ok)])
        print(rows[-1], file=sys.stderr)
    table(title, ["problem", "d", "calls", "noise", *methods, "goals"], rows)


def when_it_pays(seeds: int, quick: bool) -> None:
    title = f"When it pays: from no noise to much, medians of {seeds} seeds"
    compare(sys.executable, STRENGTHS, OWN, seeds, quick, title, False)


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with nevergrad and cmaes")
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
        seeds, quick = options.seeds, options.quick
        title = f"True value of the point returned, medians of {seeds} seeds"
        compare(python, GOALS, [*OWN, "TBPSA", "cmaes"], seeds, quick, title, True)
        title = f"Five functions, noise added and as a factor, medians of {seeds} seeds"
        compare(python, FIVE, [*OWN, "TBPSA"], seeds, quick, title, False)
        title = f"Bits, choices and mixtures, medians of {seeds} seeds"
        compare(python, DISCRETE, [*OWN, "nevergrad"], seeds, quick, title, False)
        when_it_pays(seeds, quick)


if __name__ == "__main__":
    main()
