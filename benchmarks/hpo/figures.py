"""Regrets, ranks, paired tests and the critical-difference picture."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

Runs = dict[tuple[str, str, int], Any]  # by solver, task and seed: the losses told and true


def regret(run: dict[str, list[float]], trials: int, scale: tuple[float, float]) -> float:
    """Return the noise-free regret of the best loss told: 0 = best known, 1 = random search."""
    best, random = scale
    chosen = int(np.argmin(run["told"][:trials]))
    return (run["true"][chosen] - best) / (random - best)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Regrets of solvers on tasks, the seeds of each task being paired."""

    solvers: list[str]
    tasks: list[str]
    regrets: np.ndarray  # solvers x tasks x seeds

    def of(self, tasks: list[str]) -> "Comparison":
        """Return the comparison on some of the tasks."""
        kept = [name for name in self.tasks if name in tasks]
        rows = [self.tasks.index(name) for name in kept]
        return Comparison(self.solvers, kept, self.regrets[:, rows])

    def means(self) -> np.ndarray:
        return self.regrets.mean(axis=(1, 2))

    def errors(self) -> np.ndarray:
        """Return the standard errors of the means, for these tasks and random seeds."""
        variances = self.regrets.var(axis=2, ddof=1) / self.regrets.shape[2]
        return np.sqrt(variances.sum(axis=1)) / self.regrets.shape[1]

    def ranks(self) -> np.ndarray:
        """Return the mean ranks over all runs; 1 is best."""
        return stats.rankdata(self.regrets, axis=0).mean(axis=(1, 2))

    def task_ranks(self) -> np.ndarray:
        """Return the mean ranks over the tasks by their mean regrets."""
        return stats.rankdata(self.regrets.mean(axis=2), axis=0).mean(axis=1)

    def paired(self, ours: str, other: str) -> dict[str, float]:
        """Compare two solvers run by run, and task by task."""
        a, b = (self.regrets[self.solvers.index(name)] for name in (ours, other))
        difference = (a - b).ravel()
        wins, losses = int((difference < 0).sum()), int((difference > 0).sum())
        tasks = a.mean(axis=1) - b.mean(axis=1)
        return {
            "wins": wins,
            "losses": losses,
            "difference": float(difference.mean()),
            "sign": float(stats.binomtest(wins, max(wins + losses, 1)).pvalue),
            "wilcoxon": float(stats.wilcoxon(difference).pvalue) if difference.any() else 1.0,
            "tasks": float(stats.wilcoxon(tasks).pvalue) if tasks.any() else 1.0,
            "task_wins": int((tasks < 0).sum()),
            "task_losses": int((tasks > 0).sum()),
        }


def compared(
    runs: Runs,
    solvers: list[str],
    tasks: list[str],
    seeds: list[int],
    trials: int,
    scales: dict[str, tuple[float, float]],
) -> Comparison:
    """Compare the solvers on the tasks and seeds for which all of them have a run."""
    common = [seed for seed in seeds if all((s, t, seed) in runs for s in solvers for t in tasks)]
    if not common:
        raise SystemExit("no seed has runs of all solvers on all tasks")
    regrets = [
        [[regret(runs[s, t, seed], trials, scales[t]) for seed in common] for t in tasks]
        for s in solvers
    ]
    return Comparison(solvers, tasks, np.array(regrets))


def critical_difference(solvers: int, tasks: int, alpha: float = 0.05) -> float:
    """Return Nemenyi's critical difference of mean ranks (Demsar 2006, section 3.2.2)."""
    quantile = stats.studentized_range.ppf(1 - alpha, solvers, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(solvers * (solvers + 1) / (6 * tasks)))


def picture(panels: dict[str, Comparison], file: Path) -> None:
    """Draw the mean ranks over the tasks; bars join solvers that do not differ."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    height = max(len(c.solvers) for c in panels.values()) / 6 + 1.6
    figure, axes = plt.subplots(
        len(panels), figsize=(8, height * len(panels)), squeeze=False, layout="constrained"
    )
    for axis, (title, comparison) in zip(axes[:, 0], panels.items(), strict=True):
        _panel(axis, title, comparison)
    figure.savefig(file, dpi=150)
    plt.close(figure)


def _panel(axis: Any, title: str, comparison: Comparison) -> None:
    ranks = comparison.task_ranks()
    k = len(ranks)
    width = critical_difference(k, len(comparison.tasks))
    order = np.argsort(ranks, kind="stable")
    rows = (k + 1) // 2
    for place, i in enumerate(order):
        left = place < rows
        y = -1 - (place if left else k - 1 - place)
        end = 0.5 if left else k + 0.5
        axis.plot([ranks[i], ranks[i], end], [0, y, y], color="black", lw=0.8)
        text = f"{comparison.solvers[i]} ({ranks[i]:.2f})"
        axis.text(end, y, text, ha="right" if left else "left", va="center", fontsize=8)
    bars: list[tuple[float, float]] = []
    for i in order:
        last = ranks[ranks <= ranks[i] + width].max()
        if last > ranks[i] and (not bars or last > bars[-1][1]):
            bars.append((ranks[i], last))
    for n, (start, stop) in enumerate(bars):
        y = -0.2 - 0.6 * (n + 1) / (len(bars) + 1)
        axis.plot([start - 0.03, stop + 0.03], [y, y], color="tab:red", lw=3)
    axis.plot([1, 1 + width], [0.75, 0.75], color="tab:red", lw=3)
    axis.text(1 + width / 2, 0.95, f"critical difference {width:.2f}", ha="center", fontsize=8)
    axis.hlines(0, 1, k, color="black", lw=1)
    for tick in range(1, k + 1):
        axis.text(tick, 0.12, str(tick), ha="center", fontsize=8)
    axis.set(title=title, xlim=(-1, k + 2), ylim=(-rows - 1, 1.5))
    axis.axis("off")
