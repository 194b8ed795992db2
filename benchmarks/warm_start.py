"""Warm start of the solver "model": from values of the same problem, and from related problems.

    python benchmarks/warm_start.py [--seeds 20] [--trials N ...] [--quick]

The tasks are those of `hpo.py` that tune the same algorithm on several data sets. Each run has 30
trials. "known" tells the solver the first 30 trials of an earlier run on the same task. "x0" starts
from `zoopt.best_points` of earlier runs with 60 trials on the other data sets, one from each.
Regret is 1 for random search's mean best after 15 trials, and 0 for the best loss known.
"""

from typing import Any

import numpy as np
from _common import arguments, heading, table
from hpo import tasks
from hpo.figures import regret
from hpo.solvers import zoopt_space

import zoopt

GROUPS = {
    "support vector machines": ["digits_svc", "rings_svc", "synth_svc", "imbal_svc", "cancer_svc"],
    "networks": ["digits_mlp", "synth_mlp", "cancer_mlp"],
    "boosting": ["rings_hgb", "synth_hgb", "imbal_hgb"],
}
WAYS = ("cold", "x0", "known")
EARLIER, EARLIER_SEED = 60, 1000
Pairs = list[tuple[dict[str, Any], float]]


def run(
    task: tasks.Task, space: zoopt.Space, seed: int, n: int, **start: Any
) -> tuple[dict[str, list[float]], Pairs]:
    """Return the losses of a run, and its points with the losses that the solver saw."""
    true: list[float] = []

    def loss(**point: Any) -> float:
        true.append(task.true(point))
        return task.told(point, true[-1])

    result = zoopt.minimize(loss, space, budget=n, seed=seed, algorithm="model", **start)
    pairs = [(dict(trial.point), trial.value) for trial in result.trials]
    return {"told": [value for _, value in pairs], "true": true}, pairs


def regrets(names: list[str], seeds: range, trials: list[int]) -> dict[str, np.ndarray]:
    """Return, by way of starting, the regrets of all runs after some numbers of trials."""
    made = {name: tasks.task(name) for name in names}
    spaces = {name: zoopt_space(made[name].space) for name in names}
    earlier = {name: run(made[name], spaces[name], EARLIER_SEED, EARLIER)[1] for name in names}
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for name in names:
        others = [earlier[other] for other in names if other != name]
        starts = {
            "cold": {},
            "x0": {"x0": zoopt.best_points(spaces[name], others, n=len(others))},
            "known": {"known": earlier[name][:30]},
        }
        for seed in seeds:
            for way, start in starts.items():
                losses, _ = run(made[name], spaces[name], seed, max(trials), **start)
                found[way].append([regret(losses, n, made[name].scale) for n in trials])
    return {way: np.array(values) for way, values in found.items()}


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, nargs="+", default=[5, 10, 15, 30])
    options = parser.parse_args()
    groups, seeds, trials = GROUPS, range(options.seeds), sorted(options.trials)
    if options.quick:
        groups, seeds, trials = {"boosting": ["rings_hgb", "synth_hgb"]}, range(1), [3, 8]
    print(heading())
    results = {group: regrets(names, seeds, trials) for group, names in groups.items()}
    results["all"] = {
        way: np.concatenate([found[way] for found in results.values()]) for way in WAYS
    }
    for group, found in results.items():
        rows = [[way, *map(shown, found[way].T)] for way in WAYS]
        title = f"Mean regret ± standard error after trials: {group}"
        table(title, ["", *map(str, trials)], rows)


def shown(values: np.ndarray) -> str:
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{values.mean():.3f} ± {error:.3f}"


if __name__ == "__main__":
    main()
