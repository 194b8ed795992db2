"""Pictures: what is drawn is what happened."""

import sys

import numpy as np
import pytest

import zoopt
from zoopt.plotting import plot_history, plot_timeline

matplotlib = pytest.importorskip("matplotlib")
pyplot = pytest.importorskip("matplotlib.pyplot")

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    pyplot.close("all")


def sometimes(x):
    if x[0] > 0.5:
        raise ValueError("no")
    return float(x[0])


def test_a_bar_for_each_evaluation_in_the_row_of_its_worker():
    result = zoopt.minimize(
        sometimes, [(-1, 1)], budget=30, seed=0, backend="thread", workers=3, on_error="record"
    )
    ax = plot_timeline(result)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == sorted(set(result.timeline["worker"]))
    bars = [bar for container in ax.containers for bar in container]
    drawn = sorted((bar.get_x(), names[round(bar.get_y() + 0.4)], bar.get_width()) for bar in bars)
    timeline = result.timeline
    expected = sorted(
        zip(
            timeline["started"],
            timeline["worker"],
            timeline["finished"] - timeline["started"],
            strict=True,
        )
    )
    assert [d[:2] for d in drawn] == [e[:2] for e in expected]
    assert np.allclose([d[2] for d in drawn], [e[2] for e in expected])
    shown = {text.get_text() for text in ax.get_legend().get_texts()}
    n_failed = result.n_failed
    assert shown == {f"ok: {30 - n_failed}", f"failed: {n_failed}"}


def test_the_best_so_far_falls():
    result = zoopt.minimize(lambda x: float(x[0]), [(-1, 1)], budget=30, seed=0)
    ax = plot_history(result)
    values, best = (line.get_ydata() for line in ax.lines)
    assert (values == result.history).all()
    assert (best == np.minimum.accumulate(values)).all()


def test_a_run_without_workers_or_evaluations_can_be_drawn():
    result = zoopt.minimize(lambda x: float(x[0]), [(-1, 1)], budget=5, seed=0)
    assert [label.get_text() for label in plot_timeline(result).get_yticklabels()] == ["here"]
    nothing = zoopt.minimize(lambda x: 0.0, [(-1, 1)], budget=5, seed=0, time_budget=0.0)
    plot_timeline(nothing)


def test_workers_are_in_the_order_of_their_numbers():
    result = zoopt.minimize(lambda x: float(x[0]), [(-1, 1)], budget=12, seed=0)
    result.timeline["worker"] = np.array([f"ray {i} on a" for i in range(12)], object)
    labels = [label.get_text() for label in plot_timeline(result).get_yticklabels()]
    assert labels == [f"ray {i} on a" for i in range(12)]


def test_axes_of_the_users_own_are_drawn_on():
    _, ax = pyplot.subplots()
    result = zoopt.minimize(lambda x: float(x[0]), [(-1, 1)], budget=5, seed=0)
    assert plot_timeline(result, ax) is ax
    assert plot_history(result, ax=ax) is ax


def test_missing_matplotlib_names_the_extra(monkeypatch):
    result = zoopt.minimize(lambda x: float(x[0]), [(-1, 1)], budget=5, seed=0)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"zoopt\[plot\]"):
        plot_timeline(result)
