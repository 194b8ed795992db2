"""What the examples of this folder share: their options, and the same search by Optuna's TPE."""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

# With data as small as here, several threads spend their time waiting for each other. This must be
# set before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import zoopt

Point = dict[str, Any]
#: The best point, and figures to print by name.
Found = tuple[Point, dict[str, float]]


def parser(description: str | None, budget: int) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--budget", type=int, default=budget, help=f"trials, {budget} by default")
    made.add_argument("--quick", dest="budget", action="store_const", const=8, help="eight trials")
    made.add_argument("--workers", type=int, default=1, help="processes of zoopt, 1 by default")
    made.add_argument("--seed", type=int, default=0, help="first seed, 0 by default")
    made.add_argument("--seeds", type=int, default=1, help="number of seeds; prints medians")
    made.add_argument("--optuna", action="store_true", help="run Optuna's TPE too")
    return made


def run(
    options: argparse.Namespace,
    with_zoopt: Callable[[int], Found],
    with_optuna: Callable[[int], Found],
    test_loss: Callable[..., float],
) -> None:
    """Call both searches with each seed, and print the medians of their figures.

    ``test_loss(**point)`` is the loss on data that no search has seen.
    """
    searches = {"zoopt": with_zoopt}
    if options.optuna:
        require_optuna()
        searches["optuna"] = with_optuna
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in searches}
    for seed in range(options.seed, options.seed + options.seeds):
        for name, search in searches.items():
            started = time.perf_counter()
            point, figures = search(seed)
            minutes = (time.perf_counter() - started) / 60
            figures = {**figures, "test loss": test_loss(**point), "minutes": minutes}
            runs[name].append(figures)
            print(f"seed {seed}, {name}, loss {figures['loss']:.4f}, {shown(point)}", flush=True)
    for name, found in runs.items():
        for figure in found[0]:
            print(f"{name} {figure}: {statistics.median(f[figure] for f in found):.4g}")
    if options.optuna:
        pairs = zip(runs["zoopt"], runs["optuna"], strict=True)
        n_better = sum(ours["loss"] < theirs["loss"] for ours, theirs in pairs)
        print(f"zoopt has the smaller loss with {n_better} of {options.seeds} seeds")


def shown(point: Point) -> str:
    texts = (
        f"{v:.4g}" if isinstance(v, float) else " ".join(f"{v}".split()) for v in point.values()
    )
    return ", ".join(f"{name}={text}" for name, text in zip(point, texts, strict=True))


# ------------------------------------------------------------- Optuna


def require_optuna() -> Any:
    try:
        import optuna
    except ImportError:
        sys.exit("--optuna needs Optuna, which is not installed: pip install optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def suggest(trial: Any, space: dict[str, Any]) -> Point:
    """Ask an Optuna trial for a point of a space of zoopt."""
    point: Point = {}
    for name, dimension in space.items():
        point |= _suggest(trial, name, dimension)
    return point


def _suggest(trial: Any, name: str, dimension: Any, path: str = "") -> Point:
    label = path + name
    if isinstance(dimension, zoopt.Integer):
        return {name: trial.suggest_int(label, dimension.low, dimension.high, log=dimension.log)}
    if isinstance(dimension, zoopt.Real):
        return {name: trial.suggest_float(label, dimension.low, dimension.high, log=dimension.log)}
    # Optuna's categories are texts and numbers, and the names of its parameters are unique.
    index = trial.suggest_categorical(label, list(range(len(dimension.values))))
    branch = dimension.branches[index] if dimension.branches else {}
    path = f"{label}/{index}/"
    if None in branch:  # a value in the place of the choice
        return _suggest(trial, name, branch[None], path)
    point = {name: dimension.values[index]}
    for inner, below in branch.items():
        point |= _suggest(trial, inner, below, path)
    return point


class _Running:
    """An Optuna trial as zoopt's objectives use it; counts the reports."""

    def __init__(self, trial: Any) -> None:
        self._trial = trial
        self.n_reports = 0
        self.value = float("nan")

    def report(self, step: int, value: float) -> None:
        self._trial.report(value, step)
        self.n_reports += 1
        self.value = value

    def should_prune(self) -> bool:
        return bool(self._trial.should_prune())


def optuna_search(
    loss: Callable[..., float],
    space: dict[str, Any],
    budget: int,
    seed: int,
    pruner: str | None = None,
) -> Found:
    """Minimize a loss by TPE with its default settings."""
    optuna = require_optuna()
    rules = {
        None: optuna.pruners.NopPruner,
        "median": optuna.pruners.MedianPruner,
        "hyperband": optuna.pruners.HyperbandPruner,
    }
    points: list[Point] = []
    n_reports = 0

    def objective(trial: Any) -> float:
        nonlocal n_reports
        points.append(suggest(trial, space))
        if pruner is None:
            return loss(**points[-1])
        running = _Running(trial)
        try:
            return loss(trial=running, **points[-1])
        except zoopt.Pruned:
            raise optuna.TrialPruned from None
        finally:
            n_reports += running.n_reports

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed), pruner=rules[pruner]()
    )
    study.optimize(objective, n_trials=budget)
    figures = {"loss": study.best_value}
    if pruner is not None:
        figures["epochs"] = n_reports
    return points[study.best_trial.number], figures
