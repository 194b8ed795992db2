"""Variants of the solver "model" that were tried, with the default.

    python benchmarks/tried_few.py [--seeds 5] [--variants NAME ...] [--quick]

The tasks are the tabulated and synthetic ones of `hpo.py` by which constants are chosen. Regret is
1 for random search's mean best after 15 trials, and 0 for the best loss known. Runs of two variants
with the same seed have the same first points, so that differences are paired. The seeds are those
from 100 on, by which nothing was chosen.

- ranks: outcomes always count half by rank. values: never by rank.
- predicted best: improvements are expected on the least prediction, not on the least outcome;
  in turn: in every second proposal.
- middle first: the first point has all numbers in the middle of their ranges.
- Thompson: the next point minimizes a sample of the posterior at the 100 best candidates (Thompson
  1933).
- trust region: candidates lie in a box around the best point, which grows with success and shrinks
  with failure (TuRBO: Eriksson et al., NeurIPS 2019).
- acquisitions: expected improvement, probability of improvement and lower confidence bound take
  turns (HEBO, Cowen-Rivers et al., JAIR 2022, takes points from their Pareto front).
- decoupled: a bandit chooses the value of the first choice, expected improvement the rest
  (as in CoCaBO: Ru et al., ICML 2020).
- perturbed: each proposal perturbs the logarithms of the hyper-parameters by 0.4.
"""

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from _common import arguments, heading, table
from hpo import tasks
from hpo.figures import regret
from hpo.solvers import Zoopt
from scipy import stats

import zoopt
from zoopt import ModelBased
from zoopt.solvers.model import outcomes, solver
from zoopt.solvers.model.candidates import latin_hypercube, mutants
from zoopt.solvers.model.outcomes import log_expected_improvement

TRIALS = [15, 30, 60, 120]
FIRST_SEED = 100
Array = Any


class Ranks(ModelBased):
    few = 1e9

    def _learned(self) -> tuple[Array, Array]:
        kept = outcomes.FEW, outcomes.MANY
        outcomes.FEW, outcomes.MANY = self.few, self.few + 1
        try:
            return super()._learned()
        finally:
            outcomes.FEW, outcomes.MANY = kept


class Values(Ranks):
    few = 0.0


class PredictedBest(ModelBased):
    def _learn(self, rows: Array, values: Array) -> float:
        super()._learn(rows, values)
        return float(self._process.predict(self._coordinates.features(rows))[0].min())


class InTurn(PredictedBest):
    def _learn(self, rows: Array, values: Array) -> float:
        learn = super()._learn if self.n_told % 2 else super(PredictedBest, self)._learn
        return learn(rows, values)


class MiddleFirst(ModelBased):
    def _next_of_design(self) -> Any:
        if self._design is None:
            coordinates, n = self._coordinates, self.n_initial
            design = latin_hypercube(coordinates, self.rng, n)
            middle = coordinates.places(design[:1])
            middle[:, coordinates.numbers] = 0.5
            design[:1] = coordinates.rows(middle)
            self._design = list(design[::-1])
        return super()._next_of_design()


class Thompson(ModelBased):
    n_sampled = 100

    def _gains(self, rows: Array, best: float) -> Array:
        gains = super()._gains(rows, best)
        which = np.argsort(-gains, kind="stable")[: self.n_sampled]
        process, points = self._process, self._coordinates.features(rows[which])
        cross, _ = process._kernel(points, process._points, process._scales)
        explained = cross @ process._inverse_factor.T
        inner, _ = process._kernel(points, points, process._scales)
        variances, directions = np.linalg.eigh(inner - explained @ explained.T)
        deviations = np.sqrt(np.maximum(variances, 0.0))
        sample = directions @ (deviations * self.rng.normal(size=len(which)))
        gains[:] = -math.inf
        gains[which] = -(process.predict(points)[0] + sample)
        return gains


class TrustRegion(ModelBased):
    first, least, most = 0.4, 0.02, 0.8

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._length, self._n_seen = self.first, 0
        self._n_better = self._n_worse = 0
        self._least = math.inf

    def _adapt(self) -> None:
        for _, value in self._keys[self._n_seen :]:
            is_better = value < self._least
            self._least = min(self._least, value)
            self._n_better = self._n_better + 1 if is_better else 0
            self._n_worse = 0 if is_better else self._n_worse + 1
            if self._n_better == 3:
                self._length, self._n_better = min(self.most, 2.0 * self._length), 0
            if self._n_worse == max(4, self._coordinates.n):
                self._length, self._n_worse = self._length / 2.0, 0
            if self._length < self.least:
                self._length = self.first
        self._n_seen = len(self._keys)

    def _around_and_anywhere(self, rows: Array, values: Array) -> Array:
        self._adapt()
        best = np.repeat(rows[[values.argmin()]], solver.UNIFORM + solver.NEAR, axis=0)
        near = mutants(self._coordinates, self.rng, best, 0.02, max(0.03, self._length))
        anywhere = self._coordinates.uniform(self.rng, 64)
        return np.concatenate([near, self._coordinates.rows(anywhere)])


class Acquisitions(ModelBased):
    def _gains(self, rows: Array, best: float) -> Array:
        means, deviations = self._process.predict(self._coordinates.features(rows))
        which = self.n_asked % 3
        if which == 0:
            return log_expected_improvement(means, deviations, best)
        return (best - means) / deviations if which == 1 else deviations - means


class Decoupled(ModelBased):
    def _around_and_anywhere(self, rows: Array, values: Array) -> Array:
        candidates = super()._around_and_anywhere(rows, values)
        if not len(self._coordinates.categories):
            return candidates
        column = self._coordinates.categories[0]
        scores = {}
        for code in np.unique(candidates[:, column]):
            told = values[rows[:, column] == code]
            bonus = math.sqrt(math.log(len(rows)) / max(len(told), 0.5))
            scores[code] = (told.min() if len(told) else -math.inf) - bonus
        chosen = candidates[candidates[:, column] == min(scores, key=scores.__getitem__)]
        return chosen if len(chosen) > 50 else candidates


class Perturbed(ModelBased):
    def _learn(self, rows: Array, values: Array) -> float:
        best = super()._learn(rows, values)
        process, kept = self._process, self._process.theta
        process.theta = kept + 0.4 * self.rng.normal(size=len(kept))
        process.theta[-1] = kept[-1]
        n_fitted, self._n_fitted = self._n_fitted, len(self._rows)
        super()._learn(rows, values)
        process.theta, self._n_fitted = kept, n_fitted
        return best


VARIANTS: dict[str, type[ModelBased]] = {
    "model": ModelBased,
    "ranks": Ranks,
    "values": Values,
    "predicted best": PredictedBest,
    "in turn": InTurn,
    "middle first": MiddleFirst,
    "Thompson": Thompson,
    "trust region": TrustRegion,
    "acquisitions": Acquisitions,
    "decoupled": Decoupled,
    "perturbed": Perturbed,
}


def run(task: tasks.Task, name: str, seed: int, budget: int) -> tuple[list[float], float]:
    """Return the regrets of a run, and the mean CPU time of a proposal in milliseconds."""
    adapter = Zoopt(task.space, budget, seed, 1, name)
    told: list[float] = []
    true: list[float] = []
    spent = 0.0
    for _ in range(budget):
        began = time.process_time()
        handle, point = adapter.ask()
        spent += time.process_time() - began
        true.append(task.true(point))
        told.append(task.told(point, true[-1]))
        adapter.tell(handle, told[-1])
    losses = {"told": told, "true": true}
    return [regret(losses, n, task.scale) for n in TRIALS], 1000.0 * spent / budget


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--runs", type=Path, help="a folder in which finished variants are kept")
    options = parser.parse_args()
    names = [name for name in tasks.CHOOSE if name not in tasks.LIVE]
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    if options.quick:
        names, seeds = ["syn_branch"], range(1)
        TRIALS[:] = [15]
    print(heading())
    results: dict[str, np.ndarray] = {}
    ms = {}
    for variant in options.variants:
        zoopt.register(variant, VARIANTS[variant])
        kept = options.runs / f"{variant}-{len(seeds)}.json" if options.runs else None
        if kept is not None and kept.exists():
            found = json.loads(kept.read_text())
        else:
            found = [run(tasks.task(n), variant, s, TRIALS[-1]) for n in names for s in seeds]
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found))
        results[variant] = np.array([regrets for regrets, _ in found])
        ms[variant] = np.mean([spent for _, spent in found])
    base = results[options.variants[0]]
    rows = []
    for variant, regrets in results.items():
        cells = [f"{mean:.3f}" for mean in regrets.mean(axis=0)]
        difference = (regrets - base).T
        cells += [wilcoxon(d) for d in difference]
        rows.append([variant, *cells, f"{ms[variant]:.1f}"])
    columns = ["", *map(str, TRIALS), *(f"p at {n}" for n in TRIALS), "ms a proposal"]
    title = f"Mean regret after trials, and Wilcoxon's p against {options.variants[0]}"
    table(f"{title}: {len(names)} tasks, {len(seeds)} seeds", columns, rows)


def wilcoxon(difference: np.ndarray) -> str:
    return f"{stats.wilcoxon(difference).pvalue:.2g}" if difference.any() else "-"


if __name__ == "__main__":
    main()
