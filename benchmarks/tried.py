"""Alternatives for very many variables that were tried and rejected, with the defaults.

    pip install cmaes
    python benchmarks/tried.py [--seeds 5] [--quick]

The problems are those of `highdim.py`: 10,000 variables of which ten matter, with 2,000
evaluations, and the sphere of 1,000 variables that all matter, with 10,000 evaluations. All
algorithms have the same start. Region shrinking follows RACE-CARS (Han, Li, Guo, Jin, arXiv
2309.11036) as described in its abstract: with probability rho, the sampling box around the best
point shrinks by the factor gamma. "Stages that shrink" have 0.6 times the standard deviation of the
previous stage; stages "2 to 32 variables" double the number of variables. The seeds differ from
those of `highdim.py`.
"""

import functools
import math
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import arguments, heading, table
from highdim import FUNCTIONS, Shifted, start_of

import zoopt
from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.core.solver import Proposal, Proposer, Solver
from zoopt.solvers.racos.tables import default_sizes

CASES = (*((name, 10_000, 10, 2000) for name in FUNCTIONS), ("sphere", 1000, 0, 10_000))
FIRST_SEED = 100


class CMAES(Proposer):
    """CMA-ES of the package cmaes, as the inner solver of an embedding."""

    name = "cmaes"

    def __init__(self, space: Any, *, sigma: float = 0.3, **options: Any) -> None:
        from cmaes import CMA

        super().__init__(space, **options)
        mean = np.zeros(space.n_columns)
        if space.n_columns % 2:  # the first variable scales the center
            mean[0] = 1.0
        bounds = np.stack([space.low, space.high], axis=1)
        seed = int(self.rng.integers(2**31))
        self._strategy = CMA(mean, sigma, bounds, seed=seed)
        self._out: dict[int, Any] = {}
        self._told: list[tuple[Any, float]] = []

    def _propose(self) -> Proposal:
        x = self._strategy.ask()
        self._out[self.n_asked] = x
        return np.clip(x, self.space.low, self.space.high), None

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._told.append((self._out.pop(candidate.id), evaluation.value))
        if len(self._told) == self._strategy.population_size:
            self._strategy.tell(self._told)
            self._told = []


class AnyWidth(zoopt.SRacos):
    """SRACOS without local proposals."""

    def __init__(self, space: Any, **options: Any) -> None:
        super().__init__(space, **options)
        self._local = None


def space_of(problem: Any) -> Any:
    which = np.zeros(problem.d, np.intp)
    return zoopt.Space.of_distinct([zoopt.Real(-problem.width, problem.width)], which)


def with_solver(make: Callable[..., Solver], problem: Any, budget: int, seed: int) -> float:
    solver = make(space_of(problem), budget=budget, seed=seed, x0=[start_of(problem, seed)])
    for _ in range(budget):
        candidate = solver.ask()
        solver.tell(candidate, problem(candidate.u))
    return float(solver.best.value)


def with_stages(
    stages: list[dict[str, Any]], inner: Any, problem: Any, budget: int, seed: int
) -> float:
    """Run embeddings one after another, each around the best point of the previous one."""
    best, value = start_of(problem, seed), math.inf
    for i, options in enumerate(stages):
        n = budget // len(stages)
        solver = zoopt.RandomEmbedding(
            space_of(problem),
            budget=n,
            seed=1000 * seed + i,
            x0=[best],
            inner=inner,
            n_stages=1,
            **options,
        )
        for _ in range(n):
            candidate = solver.ask()
            solver.tell(candidate, problem(candidate.u))
        if solver.best.value < value:
            best, value = np.array(solver.best.candidate.u), solver.best.value
    return float(value)


def with_shrinking(
    bits: int, gamma: float, rho: float, problem: Any, budget: int, seed: int
) -> float:
    """SRACOS with region shrinking, for boxes."""
    rng = np.random.default_rng([seed, 5])
    d, width = problem.d, problem.width
    size, n_positive = default_sizes(budget)
    points = [start_of(problem, seed), *rng.uniform(-width, width, (size - 1, d))]
    ranked = sorted(((problem(x), i, x) for i, x in enumerate(points)), key=lambda each: each[:2])
    positive, negative = ranked[:n_positive], ranked[n_positive:]
    half = width
    for i in range(size, budget):
        if rng.random() < rho:
            half *= gamma
        if rng.random() < 0.01:
            y = rng.uniform(-width, width, d)
        else:
            y = positive[int(rng.integers(n_positive))][2].copy()
            center = positive[0][2]
            low, high = np.maximum(-width, center - half), np.minimum(width, center + half)
            _separate(y, np.array([x for _, _, x in negative]), low, high, rng)
            columns = rng.choice(d, min(bits, d), replace=False)
            columns = columns[low[columns] <= high[columns]]
            y[columns] = rng.uniform(low[columns], high[columns])
        newcomer = (problem(y), i, y)
        if newcomer[0] < positive[-1][0]:
            positive.append(newcomer)
            positive.sort(key=lambda each: each[:2])
            newcomer = positive.pop()
        worst = max(range(len(negative)), key=lambda k: negative[k][0])
        if newcomer[0] < negative[worst][0]:
            negative[worst] = newcomer
    return float(positive[0][0])


def _separate(y: Any, others: Any, low: Any, high: Any, rng: np.random.Generator) -> None:
    """Narrow a box around y, coordinate by coordinate, until it contains no other point."""
    left = np.flatnonzero(((others >= low) & (others <= high)).all(axis=1))
    while len(left):
        other = others[rng.choice(left)]
        k = rng.choice(np.flatnonzero(other != y))  # no two points are equal
        if other[k] < y[k]:
            low[k] = max(low[k], rng.uniform(other[k], y[k]))
        else:
            high[k] = min(high[k], rng.uniform(y[k], other[k]))
        left = left[(others[left, k] >= low[k]) & (others[left, k] <= high[k])]


def solver(make: Callable[..., Solver], **options: Any) -> Callable[..., float]:
    return functools.partial(with_solver, functools.partial(make, **options))


def methods() -> dict[str, Callable[..., float]]:
    embedding, cma = zoopt.RandomEmbedding, functools.partial(CMAES, sigma=0.1)
    shrinking = {"n_stages": 10, "shrinkage": 0.6}
    growing = [{"low_dimension": 2 * 2**i} for i in range(5)]
    return {
        "SRACOS, learned bits and width (default)": solver(zoopt.SRacos),
        "SRACOS, learned bits, any width": solver(AnyWidth),
        "SRACOS, 1 bit": solver(zoopt.SRacos, uncertain_bits=1),
        "SRACOS, ZOOpt's 2 or 3 bits": solver(zoopt.SRacos, uncertain_bits="table"),
        "SRACOS, 100 bits": solver(zoopt.SRacos, uncertain_bits=100),
        "SRACOS, 1,000 bits": solver(zoopt.SRacos, uncertain_bits=1000),
        "region shrinking, 3 bits, gamma .95, rho .01": functools.partial(
            with_shrinking, 3, 0.95, 0.01
        ),
        "region shrinking, 3 bits, gamma .95, rho .05": functools.partial(
            with_shrinking, 3, 0.95, 0.05
        ),
        "region shrinking, 1,000 bits, gamma .95, rho .05": functools.partial(
            with_shrinking, 1000, 0.95, 0.05
        ),
        "embedding of SRACOS, 5 stages, 10 variables (default)": solver(embedding),
        "embedding of SRACOS, 20 stages": solver(embedding, n_stages=20),
        "embedding of SRACOS, 10 stages that shrink": solver(embedding, **shrinking),
        "embedding of SRACOS, 2 to 32 variables": functools.partial(with_stages, growing, "sracos"),
        "embedding of SRACOS, 20 variables": solver(embedding, low_dimension=20),
        "embedding of R1ES": solver(embedding, inner="r1es"),
        "embedding of CMA-ES": solver(embedding, inner=cma),
        "embedding of R1ES, 10 stages that shrink": solver(embedding, inner="r1es", **shrinking),
        "embedding of CMA-ES, 10 stages that shrink": solver(embedding, inner=cma, **shrinking),
        "embedding of CMA-ES, 2 to 32 variables": functools.partial(with_stages, growing, cma),
        "embedding of CMA-ES, 1 stage, 20 variables": solver(
            embedding, inner=cma, n_stages=1, low_dimension=20
        ),
        "R1ES without lines": solver(zoopt.R1ES, line_search_below=0.0),
        "R1ES (default)": solver(zoopt.R1ES),
    }


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print(heading())
    rows = []
    for name, run in methods().items():
        cells = []
        for function, d, effective, budget in CASES:
            if options.quick:
                d, budget = d // 10, budget // 10
            seeds = range(FIRST_SEED, FIRST_SEED + (1 if options.quick else options.seeds))
            values = [run(Shifted(function, d, effective, s), budget, s) for s in seeds]
            cells.append(f"{statistics.median(values):.3g}")
        rows.append([name, *cells])
        print(rows[-1], file=sys.stderr)
    columns = [f"{name}, {effective or 'all'} of {d:,}" for name, d, effective, _ in CASES]
    table(f"Best value, medians of {options.seeds} seeds", ["what", *columns], rows)


if __name__ == "__main__":
    main()
