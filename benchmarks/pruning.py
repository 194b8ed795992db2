"""Pruning: the error reached with a number of training steps, with Optuna for comparison.

    python benchmarks/pruning.py [--peers PYTHON] [--seeds 100] [--quick]

Without `--peers`, Optuna is installed into a temporary environment. Trials look up learning curves
that were computed once, all settings of two models on grids of 1,200 points; see `_curves.py`.
So both libraries meet the same trainings. The budget is a number of steps, as many as some full
trainings have, and pruned trials leave more steps for others. The regret is the final error of the
best trial that was not pruned, minus the least final error on the grid.

In the first part only the rules differ: the trials of a seed are the same random sequence of
settings for all rules of both libraries. The second part compares whole searches: SRACOS and random
points with our rules, TPE and random points with Optuna's. SRACOS plans with ten times as many
trials as there are full trainings, without a rule with as many. Runs end when the steps are used.

The goal is a regret of at most Optuna's with the same rule: the mean over the seeds of the
difference must not be above zero by more than two standard errors.
"""

import functools
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _common import answer, arguments, call, heading, python_with, table, verdict, work
from _curves import GRIDS, load_curves

#: Full trainings that the budget is worth.
BUDGETS = (5, 10, 20, 40)
RULES = ("none", "median", "percentile", "halving", "hyperband")
FIRST_SEED = 2000

#: The number of steps used so far, and the final error of a trial that was not pruned.
Trace = list[tuple[int, float | None]]
#: ``train(index, report, should_prune)`` returns the final error; None if the trial was pruned.
Train = Callable[[Any, Callable[[int, float], Any], Callable[[], bool]], float | None]


class Trainings:
    """Look the trials of a run up and count the steps that they take."""

    def __init__(self, model: str) -> None:
        self.curves = load_curves()[model]
        self.trace: Trace = []
        self.n_steps = 0

    @property
    def is_over(self) -> bool:
        return self.n_steps >= BUDGETS[-1] * self.curves.shape[-1]

    def train(self, index: Any, report: Any, should_prune: Any) -> float | None:
        curve = self.curves[tuple(index)].tolist()
        for step, error in enumerate(curve):
            self.n_steps += 1
            report(step, error)
            if should_prune():
                self.trace.append((self.n_steps, None))
                return None
        self.trace.append((self.n_steps, curve[-1]))
        return float(curve[-1])


def random_points(model: str, seed: int) -> Iterator[tuple[int, ...]]:
    """Yield all points of a grid in a random order."""
    shape = [len(levels) for levels in GRIDS[model].values()]
    order = np.random.default_rng(seed).permutation(int(np.prod(shape)))
    for index in order.tolist():
        yield tuple(int(i) for i in np.unravel_index(index, shape))


# ------------------------------------------------------------- ours


def ours(model: str, rule: str, search: str, seed: int) -> Trace:
    import zoopt

    trainings = Trainings(model)
    if search == "points":
        pruner = zoopt.pruning.pruner_of(None if rule == "none" else rule)
        for number, index in enumerate(random_points(model, seed)):
            if trainings.is_over:
                break
            cutoffs = None if pruner is None else pruner.cutoffs(number)
            trial = zoopt.RunningTrial(number, pruner, cutoffs)
            error = trainings.train(index, trial.report, trial.should_prune)
            status, value = ("pruned", float("nan")) if error is None else ("ok", error)
            if pruner is not None:
                pruner.tell(number, zoopt.Evaluation(value, status, reports=trial.pairs))
        return trainings.trace

    names = list(GRIDS[model])

    def objective(trial: Any, **levels: int) -> float:
        index = [levels[name] for name in names]
        error = trainings.train(index, trial.report, trial.should_prune)
        if error is None:
            raise zoopt.Pruned
        return error

    space = {name: zoopt.Integer(0, len(grid) - 1) for name, grid in GRIDS[model].items()}
    zoopt.minimize(
        objective,
        space,
        budget=BUDGETS[-1] * (1 if rule == "none" else 10),
        seed=seed,
        algorithm=search,
        pruner=None if rule == "none" else rule,
        stop=lambda _: trainings.is_over,
    )
    return trainings.trace


# ------------------------------------------------------------- Optuna


def theirs(model: str, rule: str, search: str, seed: int) -> Trace:
    import optuna
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = {
        "none": optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "percentile": functools.partial(optuna.pruners.PercentilePruner, 25.0),
        "halving": optuna.pruners.SuccessiveHalvingPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }[rule]()
    sampler = (
        optuna.samplers.TPESampler(seed=seed)
        if search == "tpe"
        else optuna.samplers.RandomSampler(seed=seed)
    )
    study = optuna.create_study(pruner=pruner, sampler=sampler, study_name=f"{model} {seed}")
    trainings = Trainings(model)
    points = random_points(model, seed)
    while not trainings.is_over:
        trial = study.ask()
        if search == "points":
            index = next(points, None)
            if index is None:
                break
        else:
            index = tuple(trial.suggest_int(n, 0, len(g) - 1) for n, g in GRIDS[model].items())

        def report(step: int, value: float, trial: Any = trial) -> None:
            trial.report(value, step)

        error = trainings.train(index, report, trial.should_prune)
        if error is None:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, error)
    return trainings.trace


def worker(task: dict[str, Any]) -> Any:
    run = ours if task.pop("library") == "zoopt" else theirs
    seeds = task.pop("seeds")
    return [run(seed=seed, **task) for seed in seeds]


# ------------------------------------------------------------- figures


def regrets(model: str, traces: list[Trace]) -> list[list[float]]:
    """Return the regret of each run at each budget; that of the worst point before the first."""
    curves = load_curves()[model]
    last = curves[..., -1].astype(float)
    found = []
    for trace in traces:
        row = []
        for budget in BUDGETS:
            values = [v for n, v in trace if v is not None and n <= budget * curves.shape[-1]]
            row.append(min(values, default=float(last.max())) - float(last.min()))
        found.append(row)
    return found


def cells(rows: list[list[float]]) -> list[str]:
    return [f"{statistics.median(column):.4f}" for column in zip(*rows, strict=True)]


def trials(traces: list[Trace]) -> str:
    return f"{statistics.mean(map(len, traces)):.0f}"


def compare(model: str, traces: dict[str, list[Trace]]) -> list[list[str]]:
    """Return a row for each budget: mean difference, its error, and how often each is better."""
    mine, other = (np.array(regrets(model, t)) for t in traces.values())
    lines = []
    for k, budget in enumerate(BUDGETS):
        d = mine[:, k] - other[:, k]
        error = d.std(ddof=1) / len(d) ** 0.5 if len(d) > 1 else 0.0
        ok = bool(d.mean() <= 2.0 * error)
        counts = [str((d < 0).sum()), str((d == 0).sum()), str((d > 0).sum())]
        lines.append([str(budget), f"{d.mean():+.5f}", f"{error:.5f}", *counts, verdict(ok)])
    return lines


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with Optuna")
    parser.add_argument("--seeds", type=int, default=100)
    args = parser.parse_args()
    if args.worker:
        answer(worker, args.worker)
        return
    seeds = list(range(FIRST_SEED, FIRST_SEED + (3 if args.quick else args.seeds)))
    with python_with(args.peers, "optuna") as peers:
        print(heading())
        code = "import optuna, json; print(json.dumps(optuna.__version__))"
        print(f"- optuna: {call(peers, '-c', code)}")

        def run(library: str, **task: Any) -> list[Trace]:
            python = sys.executable if library == "zoopt" else peers
            found: list[Trace] = work(
                python, __file__, {"library": library, "seeds": seeds, **task}
            )
            return found

        columns = ["rule", "library", "trials", *(f"{budget}" for budget in BUDGETS)]
        paired = ["rule", "budget", "ours - theirs", "+-", "better", "equal", "worse", ""]
        for model in GRIDS:
            rows, differences = [], []
            for rule in RULES:
                traces = {
                    library: run(library, model=model, rule=rule, search="points")
                    for library in ("zoopt", "optuna")
                }
                for library, found in traces.items():
                    rows.append([rule, library, trials(found), *cells(regrets(model, found))])
                if rule != "none":
                    differences += [[rule, *line] for line in compare(model, traces)]
            table(f"{model}: the same random points; median regret after so many full trainings",
                  columns, rows)  # fmt: skip
            table(f"{model}: the same random points, paired by seed", paired, differences)
            rows, differences = [], []
            for rule in RULES:
                searches = {
                    ("zoopt", "random"): run("zoopt", model=model, rule=rule, search="random"),
                    ("optuna", "random"): run("optuna", model=model, rule=rule, search="random"),
                    ("zoopt", "sracos"): run("zoopt", model=model, rule=rule, search="sracos"),
                    ("optuna", "tpe"): run("optuna", model=model, rule=rule, search="tpe"),
                }
                for (library, search), found in searches.items():
                    figures = cells(regrets(model, found))
                    rows.append([rule, f"{library} {search}", trials(found), *figures])
                best = {"ours": searches["zoopt", "sracos"], "theirs": searches["optuna", "tpe"]}
                differences += [[rule, *line] for line in compare(model, best)]
            table(f"{model}: searches; median regret after so many full trainings", columns, rows)
            table(f"{model}: SRACOS and TPE, paired by seed", paired, differences)


if __name__ == "__main__":
    main()
