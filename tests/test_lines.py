"""Lines through the best point: their steps, their step size, and when they are given up."""

import functools
import math

import numpy as np
import pytest

import zoopt
from zoopt import R1ES, Space, minimize
from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Best, Evaluation
from zoopt.core.unit_box import UnitBox
from zoopt.solvers.evolution.lines import GROWTH, SHRINKAGE, Lines
from zoopt.testing import SPACES, spaces_for
from zoopt.testing.solvers import only_the_order_of_values_counts

SPACE = Space([(-1.0, 1.0)] * 5)


def best_at(value):
    return Best(Candidate(0, SPACE.encode([0.1] * 5), SPACE), Evaluation(value))


def begun(sigma=0.1):
    return Lines(UnitBox(SPACE), sigma), np.random.default_rng(0)


def test_a_failed_step_is_mirrored_and_then_followed_to_the_bottom_of_the_parabola():
    lines, rng = begun()
    line, t = lines.ask(best_at(1.0), rng)
    assert t == 1.0
    assert np.allclose(line.at(0.0), 0.55)
    lines.tell(line, t, 4.25)  # 1 + 2.25 t^2 + t, whose bottom is at -2 / 9
    same, t = lines.ask(best_at(1.0), rng)
    assert same is line
    assert t == -1.0
    lines.tell(line, t, 2.25)
    same, t = lines.ask(best_at(1.0), rng)
    assert same is line
    assert t == pytest.approx(-2.0 / 9.0)
    lines.tell(line, t, 8 / 9)
    assert lines.sigma == pytest.approx(0.1 * SHRINKAGE)
    assert lines.ask(best_at(8 / 9), rng)[1] == 1.0


def test_a_better_step_ends_the_line_and_lengthens_the_next():
    lines, rng = begun()
    line, t = lines.ask(best_at(1.0), rng)
    lines.tell(line, t, 0.5)
    assert lines.sigma == pytest.approx(0.1 * GROWTH)
    assert lines.ask(best_at(0.5), rng)[0] is not line


@pytest.mark.parametrize(("ahead", "behind"), [(2.0, 2.0), (math.inf, 2.0), (1.0, 1.0)])
def test_without_another_bottom_a_line_ends(ahead, behind):
    lines, rng = begun()
    line, t = lines.ask(best_at(1.0), rng)
    lines.tell(line, t, ahead)
    lines.tell(*lines.ask(best_at(1.0), rng), behind)
    assert lines.ask(best_at(1.0), rng)[0] is not line
    assert lines.sigma == pytest.approx(0.1 * SHRINKAGE)


def test_lines_through_what_is_no_longer_best_are_dropped():
    lines, rng = begun()
    old, t = lines.ask(best_at(1.0), rng)
    lines.tell(old, t, 2.0)
    line, t = lines.ask(best_at(0.5), rng)
    assert line is not old
    assert t == 1.0


def test_lines_are_worth_it_while_they_improve():
    lines, rng = begun()
    for i in range(100):
        line, t = lines.ask(best_at(1.0 - 0.001 * i), rng)
        lines.sigma *= 0.5
        lines.tell(line, t, -1.0)
        assert lines.is_worth
    n_told = 0
    while lines.is_worth:
        line, t = lines.ask(best_at(0.0), rng)
        lines.tell(line, t, math.inf)
        n_told += 1
    assert 4 <= n_told <= 12


def test_lines_are_given_up_where_steps_get_no_smaller():
    lines, rng = begun()
    for i in range(60):
        line, t = lines.ask(best_at(-float(i)), rng)
        lines.sigma = 0.1
        lines.tell(line, t, -math.inf)
        assert lines.is_worth == (i < 39)


def test_steps_stay_in_the_box():
    lines, rng = begun(sigma=5.0)
    line, t = lines.ask(best_at(1.0), rng)
    place = line.at(t)
    assert ((place >= 0.0) & (place <= 1.0)).all()
    assert ((place == 0.0) | (place == 1.0)).any()


def medians(value, budget, noise=0.0, **options):
    """Medians over seeds of the true value of the best, in a valley that is found at once."""
    found = []
    for seed in range(9):
        rng = np.random.default_rng([seed, 1])
        solver = R1ES([(-1.0, 1.0)] * 200, budget=budget, seed=seed, sigma=0.05, **options)
        for _ in range(budget):
            candidate = solver.ask()
            solver.tell(candidate, value(candidate.u) + noise * rng.standard_normal())
        found.append(value(solver.best.candidate.u))
    return float(np.median(found))


def of_ten(u):
    return float(((u[:10] - 0.2) ** 2).sum())


def test_lines_end_far_deeper_in_a_smooth_valley():
    with_lines = medians(of_ten, 1200)
    assert with_lines < 1e-3 * medians(of_ten, 1200, line_search_below=0.0)


def test_lines_that_no_longer_get_shorter_hand_over_where_they_are():
    def of_all(u):
        return float(((u[:30] - 0.2) ** 2).sum())

    assert medians(of_all, 3000) < 10.0 * medians(of_all, 3000, line_search_below=0.0)


def test_noise_is_not_taken_for_a_slope():
    with_lines = medians(of_ten, 1200, noise=0.05)
    assert with_lines < 2.0 * medians(of_ten, 1200, noise=0.05, line_search_below=0.0)


def test_a_window_of_lines_is_the_same_for_any_number_of_workers_and_goes_on(tmp_path):
    options = {"budget": 800, "seed": 4, "window": 7, "algorithm": "r1es"}
    box = [(-1.0, 1.0)] * 40

    def fun(x):
        return float(((x[:3] - 0.2) ** 2).sum())

    alone = minimize(fun, box, **options)
    assert alone.fun < 1e-15  # on lines, then
    many = minimize(fun, box, workers=3, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()

    def stop(search):
        if search.nfev == 701:
            raise StopIteration

    minimize(fun, box, checkpoint=tmp_path / "run.db", callbacks=[stop], **options)
    again = zoopt.resume(tmp_path / "run.db", fun)
    assert again.history.tolist() == alone.history.tolist()


@pytest.mark.parametrize("bad", [-0.1, math.inf, "small"])
def test_the_threshold_is_checked(bad):
    with pytest.raises((ValueError, TypeError), match="line_search_below"):
        R1ES([(-1.0, 1.0)] * 40, line_search_below=bad)


@pytest.mark.parametrize("name", spaces_for("r1es"))
def test_without_lines_only_the_order_of_values_counts(name):
    without_lines = functools.partial(R1ES, line_search_below=0.0)
    assert R1ES(SPACES[name]).uses_values
    assert not without_lines(SPACES[name]).uses_values
    only_the_order_of_values_counts(without_lines, SPACES[name], 0)
