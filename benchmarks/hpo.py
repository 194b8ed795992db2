"""Hyper-parameters in 15 to 120 trials: zoopt, Optuna, hyperopt, SMAC3 and other libraries.

    python benchmarks/hpo.py [--solvers NAME ...] [--tasks NAME ...] [--trials N ...] [--seeds N]
        [--in-flight N] [--environments FOLDER] [--runs FOLDER] [--picture FILE] [--no-runs]
        [--quick]

Tasks are tabulated searches of scikit-learn pipelines with conditional parameters, synthetic
problems, and live searches with fixed folds; `hpo/tasks.py` lists them. They are named by name or
by group: one half ("choose") serves to choose the constants of a solver, the other ("report") to
report. Solvers are the registered ones of zoopt, with options as in "model:name=value,...", and
random, optuna-tpe, optuna-tpe-mv, optuna-gp, hyperopt, catcmawm, skopt, smac, hebo and nevergrad.

Regret is 1 for random search's mean best after 15 trials and 0 for the best loss known, measured
without noise at the best point reported to the solver. Solvers that take more than 100 ms a
proposal run on six tasks of the reported half and five seeds, and are compared there with the
others. Every run is a file in the folder of runs, so that a series can be continued; without
`--environments`, environments of other libraries are created in a temporary folder. With
`--in-flight 8`, eight proposals are pending, and their results arrive in the order of the asks.
"""

import contextlib
import copy
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Threads of the linear algebra of live tasks would wait for one another. Numpy reads this once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _common import arguments, call, heading, python_in, table
from hpo import tasks as hpo_tasks
from hpo.figures import Comparison, Runs, compared, picture, regret
from hpo.runs import PACKAGES, Process, Solver, file_of, longest_of, one, stored

SOLVERS = (
    *("model", "sracos", "random"),
    *("optuna-tpe", "optuna-tpe-mv", "hyperopt", "catcmawm", "nevergrad"),
)
SLOW_SEEDS = 5
VERSION = (
    "import json, sys; from importlib.metadata import version; "
    "print(json.dumps(' '.join([sys.argv[1], version(sys.argv[1])])))"
)


class Series:
    """All runs that the options ask for."""

    def __init__(self, options: Any) -> None:
        self.solvers = [Solver(label) for label in options.solvers]
        self.tasks = hpo_tasks.named(options.tasks)
        self.trials = sorted(options.trials)
        self.seeds = list(range(options.first_seed, options.first_seed + options.seeds))
        self.in_flight = options.in_flight
        self.folder = options.runs
        self.slow_tasks = [name for name in self.tasks if name in hpo_tasks.SIX] or self.tasks

    @property
    def fast(self) -> list[Solver]:
        return [solver for solver in self.solvers if not solver.slow]

    def wanted(self) -> Iterator[tuple[int, str, Solver, int]]:
        """Yield seed, task, solver and budget of each run, seeds first."""
        for seed in self.seeds:
            for name in self.tasks:
                for solver in self.solvers:
                    if solver.slow and not self.slow(name, seed):
                        continue
                    longest = self.trials[-1]
                    for budget in sorted({solver.budget(n, longest) for n in self.trials}):
                        yield seed, name, solver, budget

    def slow(self, name: str, seed: int) -> bool:
        """Tell whether slow solvers run here."""
        return name in self.slow_tasks and seed in self.seeds[:SLOW_SEEDS]

    def file(self, seed: int, name: str, solver: Solver, budget: int) -> Path:
        file = file_of(self.folder, solver, name, budget, seed, self.in_flight)
        return longest_of(file, solver)

    def sequential(self) -> "Series":
        """Return the same series with one proposal at a time."""
        series = copy.copy(self)
        series.in_flight = 1
        return series

    def missing(self) -> list[tuple[int, str, Solver, int]]:
        return [run for run in self.wanted() if not self.file(*run).exists()]

    def read(self, trials: int) -> Runs:
        """Return the runs that show the results after some trials."""
        runs: Runs = {}
        for seed, name, solver, budget in self.wanted():
            file = self.file(seed, name, solver, budget)
            if budget == solver.budget(trials, self.trials[-1]) and file.exists():
                runs[solver.label, name, seed] = json.loads(file.read_text())
        return runs


def run_all(series: Series, pythons: dict[str, str]) -> None:
    """Do the runs that are missing, one after another."""
    missing = series.missing()
    processes: dict[str, Process] = {}
    for done, (seed, name, solver, budget) in enumerate(missing):
        print(f"\r{done}/{len(missing)} {solver.label} {name} {seed}  ", end="", file=sys.stderr)
        process = processes.get(solver.label)
        if process is None:
            process = Process(pythons.get(solver.name, sys.executable), solver)
            processes[solver.label] = process
        try:
            result = one(process, hpo_tasks.task(name), budget, seed, series.in_flight)
        except ChildProcessError as error:
            print(f"\n{error}: {name}, seed {seed}", file=sys.stderr)
            del processes[solver.label]
            continue
        stored(series.file(seed, name, solver, budget), result)
    for process in processes.values():
        process.close()
    print(file=sys.stderr)


@contextlib.contextmanager
def environments(solvers: list[Solver], folder: Path | None) -> Iterator[dict[str, str]]:
    """Yield the Python of each solver that is not zoopt's."""
    with contextlib.ExitStack() as stack:
        root = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = [solver.name for solver in solvers if solver.name in PACKAGES]
        yield {
            name: python_in(root.resolve() / PACKAGES[name][0], *PACKAGES[name][1])
            for name in names
        }


# ------------------------------------------------------------- tables


def summary(series: Series, options: Any) -> None:
    labels = [solver.label for solver in series.fast]
    if len(labels) > 1:
        shown(series, labels, series.tasks, series.seeds, options, "", options.picture)
    if series.in_flight > 1:
        in_flight(series)
    slow = [solver.label for solver in series.solvers if solver.slow]
    if slow:
        seeds = series.seeds[:SLOW_SEEDS]
        title = " (tasks and seeds of the slow solvers)"
        shown(series, labels + slow, series.slow_tasks, seeds, options, title, None)


def shown(
    series: Series,
    labels: list[str],
    tasks: list[str],
    seeds: list[int],
    options: Any,
    suffix: str,
    file: Path | None,
) -> None:
    scales = {name: hpo_tasks.task(name).scale for name in tasks}
    comparisons = {}
    for trials in series.trials:
        runs = series.read(trials)
        labels = [s for s in labels if any((s, t, seeds[0]) in runs for t in tasks)]
        comparisons[trials] = compared(runs, labels, tasks, seeds, trials, scales)
    regrets(comparisons, suffix)
    ours = options.against or labels[0]
    if ours in labels:
        paired(comparisons, ours, suffix)
    kinds(comparisons, suffix)
    each_task(comparisons, suffix)
    costs(series, labels, tasks, seeds, suffix)
    if file is not None:
        picture({f"after {n} trials": c for n, c in comparisons.items()}, file)


def regrets(comparisons: dict[int, Comparison], suffix: str) -> None:
    first = next(iter(comparisons.values()))
    rows = []
    for i, solver in enumerate(first.solvers):
        cells = [
            f"{c.means()[i]:.3f} ± {c.errors()[i]:.3f}, {c.ranks()[i]:.2f}"
            for c in comparisons.values()
        ]
        rows.append([solver, *cells])
    _, tasks, seeds = first.regrets.shape
    table(
        f"Mean regret ± standard error, mean rank after trials: {tasks} tasks, "
        f"{seeds} seeds{suffix}",
        ["", *(str(n) for n in comparisons)],
        rows,
    )


def paired(comparisons: dict[int, Comparison], ours: str, suffix: str) -> None:
    rows = []
    for trials, comparison in comparisons.items():
        for other in comparison.solvers:
            if other == ours:
                continue
            p = comparison.paired(ours, other)
            rows.append(
                [
                    str(trials),
                    other,
                    f"{p['difference']:+.3f}",
                    f"{p['wins']}-{p['losses']}",
                    f"{p['sign']:.2g}",
                    f"{p['wilcoxon']:.2g}",
                    f"{p['task_wins']}-{p['task_losses']}",
                    f"{p['tasks']:.2g}",
                ]
            )
    columns = ["trials", "against", "regret", "runs", "sign p", "Wilcoxon p", "tasks", "tasks p"]
    table(
        f"{ours} against the others, paired: difference in regret (negative is better), "
        f"wins and losses{suffix}",
        columns,
        rows,
    )


def kinds(comparisons: dict[int, Comparison], suffix: str) -> None:
    first = next(iter(comparisons.values()))
    groups: dict[str, list[str]] = {}
    for name in first.tasks:
        groups.setdefault(hpo_tasks.kind(name), []).append(name)
        if "cash" in name:
            groups.setdefault("joint choice", []).append(name)
    rows = []
    for trials, comparison in comparisons.items():
        means = {kind: comparison.of(names).means() for kind, names in groups.items()}
        for i, solver in enumerate(comparison.solvers):
            rows.append([str(trials), solver, *(f"{mean[i]:.3f}" for mean in means.values())])
    columns = ["trials", "", *(f"{kind} ({len(names)})" for kind, names in groups.items())]
    table(f"Mean regret by kind of task{suffix}", columns, rows)


def each_task(comparisons: dict[int, Comparison], suffix: str) -> None:
    trials = 60 if 60 in comparisons else max(comparisons)
    comparison = comparisons[trials]
    means = comparison.regrets.mean(axis=2)
    rows = []
    for i, name in enumerate(comparison.tasks):
        best = means[:, i].min()
        cells = [f"**{m:.2f}**" if m == best else f"{m:.2f}" for m in means[:, i]]
        n = len(hpo_tasks.task(name).space.parameters)
        rows.append([name, str(n), *cells])
    table(
        f"Mean regret after {trials} trials{suffix}",
        ["task", "parameters", *comparison.solvers],
        rows,
    )


def in_flight(series: Series) -> None:
    """Compare each solver with itself, one proposal at a time, where such runs exist."""
    scales = {name: hpo_tasks.task(name).scale for name in series.tasks}
    rows = []
    for trials in series.trials:
        many, single = series.read(trials), series.sequential().read(trials)
        for solver in series.fast:
            common = [run for run in many if run in single and run[0] == solver.label]
            if not common:
                continue
            means = [
                float(np.mean([regret(runs[run], trials, scales[run[1]]) for run in common]))
                for runs in (single, many)
            ]
            cells = [f"{mean:.3f}" for mean in means]
            rows.append(
                [str(trials), solver.label, *cells, f"{means[1] / means[0]:.2f}", str(len(common))]
            )
    if rows:
        table(
            f"Mean regret with {series.in_flight} proposals in flight",
            ["trials", "", "one at a time", "in flight", "ratio", "runs"],
            rows,
        )


def costs(
    series: Series, labels: list[str], tasks: list[str], seeds: list[int], suffix: str
) -> None:
    runs = series.read(series.trials[-1])
    rows = []
    for solver in labels:
        spent = [runs[solver, t, s]["ms"] for t in tasks for s in seeds if (solver, t, s) in runs]
        means = statistics.median(float(np.mean(ms)) for ms in spent)
        last = statistics.median(float(np.mean(ms[-10:])) for ms in spent)
        rows.append([solver, f"{means:.3g}", f"{last:.3g}"])
    table(
        f"CPU time a proposal in ms, one thread, medians of runs of {series.trials[-1]} "
        f"trials{suffix}",
        ["", "mean of a run", "last ten"],
        rows,
    )


def main() -> None:
    parser = arguments(__doc__, old=False)
    parser.add_argument("--solvers", nargs="+", default=SOLVERS, metavar="NAME")
    parser.add_argument("--tasks", nargs="+", default=["report"], metavar="NAME")
    parser.add_argument("--trials", nargs="+", type=int, default=[15, 30, 60, 120], metavar="N")
    parser.add_argument("--seeds", type=int, default=30, metavar="N")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N")
    parser.add_argument("--in-flight", type=int, default=1, metavar="N")
    parser.add_argument("--environments", type=Path, metavar="FOLDER")
    parser.add_argument("--runs", type=Path, default=hpo_tasks.CACHE / "runs", metavar="FOLDER")
    parser.add_argument("--picture", type=Path, metavar="FILE")
    parser.add_argument("--against", metavar="NAME", help="the solver of the paired tests")
    parser.add_argument("--no-runs", action="store_true", help="only summarize")
    options = parser.parse_args()
    if options.quick:
        options.solvers, options.tasks = ["sracos", "random"], ["syn_deep", "diabetes_svr"]
        options.trials, options.seeds = [15, 30], 2
    series = Series(options)
    print(heading())
    with environments([] if options.no_runs else series.solvers, options.environments) as pythons:
        if pythons:
            packages = {PACKAGES[name][1][0]: python for name, python in pythons.items()}
            found = [call(python, "-c", VERSION, name) for name, python in packages.items()]
            print(f"- peers: {', '.join(found)}")
        run_all(series, pythons)
    summary(series, options)


if __name__ == "__main__":
    main()
