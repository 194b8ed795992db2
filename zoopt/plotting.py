"""Plots of a run, drawn with matplotlib."""

from typing import Any

import numpy as np

from zoopt.core.evaluation import OK, STATUSES
from zoopt.run.history import History
from zoopt.run.result import Result

__all__ = ["plot_history", "plot_intermediate_values", "plot_timeline"]

#: Colors by status, from a palette for color-blind readers.
PALETTE = ("#0072b2", "#d55e00", "#cc79a7", "#e69f00", "#000000", "#56b4e9")
COLORS = dict(zip(STATUSES, PALETTE, strict=True))


def plot_timeline(result: Result, ax: Any = None) -> Any:
    """Draw each evaluation as a bar in the row of its worker, colored by status.

    The row of the calling thread is labeled "here".

    Parameters
    ----------
    result : Result
    ax : matplotlib Axes, optional
        Where to draw; by default, in a new figure.

    Returns
    -------
    matplotlib Axes
        The axes that were drawn in.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import zoopt
    >>> from zoopt.plotting import plot_timeline
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=40, seed=0, workers=2)
    >>> ax = plot_timeline(result)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['process 0', 'process 1']
    """
    timeline = result.timeline
    workers = [name or "here" for name in timeline["worker"]]
    names = sorted(set(workers), key=_natural)
    rows = np.array([names.index(name) for name in workers])
    ax = ax or _new_axes(height=1.5 + 0.3 * len(names))
    for status, color in COLORS.items():
        which = result.statuses == status
        if which.any():
            started = timeline["started"][which]
            width = timeline["finished"][which] - started
            ax.barh(
                rows[which], width, 0.8, started, color=color, edgecolor="white", linewidth=0.3,
                label=f"{status}: {which.sum()}",
            )  # fmt: skip
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("seconds since the start")
    ax.set_xlim(left=0.0)
    if len(workers):
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False)
    return ax


def plot_history(result: Result, ax: Any = None) -> Any:
    """Draw the values in the order in which they were reported, and the best value so far.

    Parameters
    ----------
    result : Result
    ax : matplotlib Axes, optional
        Where to draw; by default, in a new figure.

    Returns
    -------
    matplotlib Axes
        The axes that were drawn in.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import zoopt
    >>> from zoopt.plotting import plot_history
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=40, seed=0)
    >>> plot_history(result).get_xlabel()
    'evaluations'
    """
    ax = ax or _new_axes()
    n = np.arange(1, len(result.history) + 1)
    ax.plot(n, result.history, ".", color="#999999", label="value")
    ax.plot(n, result.best_history, color=COLORS["ok"], label="best so far")
    ax.set_xlabel("evaluations")
    ax.set_ylabel("value")
    ax.legend()
    return ax


def plot_intermediate_values(run: Result | History, ax: Any = None) -> Any:
    """Draw the values that trials reported, one line per trial, colored by status.

    Trials without reports are left out. The best trial is drawn on top, with a wide line.

    Parameters
    ----------
    run : Result or History
    ax : matplotlib Axes, optional
        Where to draw; by default, in a new figure.

    Returns
    -------
    matplotlib Axes
        The axes that were drawn in.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import zoopt
    >>> from zoopt.plotting import plot_intermediate_values
    >>> def train(rate, trial):
    ...     for step in range(20):
    ...         loss = (1 - rate) ** step
    ...         trial.report(step, loss)
    ...         if trial.should_prune():
    ...             raise zoopt.Pruned
    ...     return loss
    >>> result = zoopt.minimize(train, {"rate": (0, 1)}, budget=30, seed=0, pruner="median")
    >>> len(plot_intermediate_values(result).get_lines())
    30
    """
    ax = ax or _new_axes()
    trials = [trial for trial in run.trials if trial.reports]
    counts = dict.fromkeys(COLORS, 0)
    for trial in trials:
        counts[trial.status] += 1
    fine = [trial for trial in trials if trial.status == OK and trial.violation <= 0.0]
    best = min(fine, key=lambda trial: trial.value, default=None)
    for trial in sorted(trials, key=lambda trial: trial is best):
        first = counts.pop(trial.status, None)  # one entry in the legend for each status
        ax.plot(
            list(trial.reports),
            list(trial.reports.values()),
            marker="." if len(trial.reports) == 1 else "",
            color=COLORS[trial.status],
            alpha=1.0 if trial is best else 0.4,
            linewidth=2.5 if trial is best else 1.0,
            label=None if first is None else f"{trial.status}: {first}",
        )
    ax.set_xlabel("step")
    ax.set_ylabel("intermediate value")
    if trials:
        ax.legend()
    return ax


def _natural(name: str) -> tuple[Any, ...]:
    """Return a sort key that puts "ray 10" after "ray 2"."""
    return tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in name.split())


def _new_axes(height: float = 4.0) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plots need matplotlib: pip install "zoopt[plot]"') from error
    return plt.subplots(figsize=(8.0, height), layout="constrained")[1]
