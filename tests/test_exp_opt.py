"""ExpOpt: repeats, statistics, plots."""

import pytest
from old_api import box, sphere

from zoopt import (
    ExpOpt,
    Objective,
    Parameter,
    Solution,
)


def test_exp_opt_returns_solutions_in_run_order_and_clears_the_history():
    objective = Objective(sphere, box(2))
    solutions = ExpOpt.min(objective, Parameter(budget=20, seed=0), repeat=3, best_n=2)
    assert len(solutions) == 3
    assert all(isinstance(solution, Solution) for solution in solutions)
    assert [s.result.nfev for s in solutions] == [20, 20, 20]
    assert objective.get_history() == []
    assert len(ExpOpt.min(objective, Parameter(budget=10))) == 1


def test_exp_opt_repeats_differ_and_the_whole_is_reproducible():
    def run(seed):
        objective = Objective(sphere, box(2))
        return [s.get_x() for s in ExpOpt.min(objective, Parameter(budget=20, seed=seed), repeat=4)]

    first = run(0)
    assert first == run(0)
    assert len({tuple(x) for x in first}) == 4
    assert not {tuple(x) for x in first} & {tuple(x) for x in run(1)}


@pytest.mark.parametrize("repeat", [0, -1, 1.5, "3", True])
def test_exp_opt_refuses_a_senseless_repeat(repeat):
    with pytest.raises(ValueError, match="repeat"):
        ExpOpt.min(Objective(sphere, box(1)), Parameter(budget=10), repeat=repeat)


def test_result_analysis_of_numbers_and_pairs(capsys):
    results = [3.0, 1.0, 2.0]
    mean, std = ExpOpt.result_analysis(results, 2)
    assert results == [1.0, 2.0, 3.0]  # sorted in place
    assert (mean, std) == (1.5, 0.5)
    assert ExpOpt.result_analysis([2.0], 10) == (2.0, 0.0)
    mean, std = ExpOpt.result_analysis([[2.0, 9.0], [1.0, 4.0], [1.0, 2.0]], 2)
    assert (mean.tolist(), std.tolist()) == ([1.0, 3.0], [0.0, 1.0])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("[zoopt] ")


def test_exp_opt_plots_the_best_so_far_to_a_file(tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    drawn = []
    close = pyplot.close

    def look_and_close(figure):
        drawn.append([line.get_ydata().tolist() for line in figure.axes[0].lines])
        close(figure)

    monkeypatch.setattr(pyplot, "close", look_and_close)
    path = tmp_path / "curve.png"
    objective = Objective(sphere, box(2))
    parameter = Parameter(budget=30, seed=0)
    solutions = ExpOpt.min(objective, parameter, repeat=2, plot=True, plot_file=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (curves,) = drawn
    assert [len(curve) for curve in curves] == [30, 30]
    assert [curve[-1] for curve in curves] == [s.get_value() for s in solutions]
    assert all(curve == sorted(curve, reverse=True) for curve in curves)
