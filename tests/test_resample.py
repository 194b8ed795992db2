"""Resample: repeats, means, budgets, and what comes through from the inner solver."""

import functools
import math
import pickle

import numpy as np
import pytest

import zoopt
from zoopt import Evaluation, Resample, Space, SRacos, minimize
from zoopt.core.errors import Exhausted

BOX = [(-1.0, 1.0)] * 3


def sphere(candidate):
    return float(((candidate.u - 0.2) ** 2).sum())


def test_each_point_is_asked_so_often_and_told_once():
    solver = Resample(BOX, budget=60, seed=0, times=5)
    told = []
    tell = solver.inner.tell
    solver.inner.tell = lambda c, e: told.append((c.id, e.value)) or tell(c, e)
    points = []
    for i in range(60):
        candidate = solver.ask()
        points.append(candidate.u.tobytes())
        solver.tell(candidate, sphere(candidate) + i % 5)
    assert [points[i] == points[i - 1] for i in range(1, 60)] == [i % 5 > 0 for i in range(1, 60)]
    assert [ident for ident, _ in told] == list(range(12))
    assert solver.inner.planned_budget == 12
    assert solver.best.value == min(value for _, value in told)
    assert solver.best.n_calls == 5
    assert solver.best.standard_error == pytest.approx(math.sqrt(2.5 / 5))


def test_without_noise_it_goes_the_way_of_the_inner_solver():
    solver, alone = Resample(BOX, budget=90, seed=3, times=3), SRacos(BOX, budget=30, seed=3)
    for _ in range(30):
        wanted = alone.ask()
        for _ in range(3):
            candidate = solver.ask()
            assert (candidate.u == wanted.u).all()
            solver.tell(candidate, sphere(candidate))
        alone.tell(wanted, sphere(wanted))


def test_repeats_of_a_point_are_in_flight_together():
    solver = Resample(BOX, seed=0, times=4)
    flight = [solver.ask() for _ in range(8)]
    assert len({c.u.tobytes() for c in flight[:4]}) == len({c.u.tobytes() for c in flight[4:]}) == 1
    for candidate in (flight[7], flight[0], flight[1], flight[6], flight[2]):
        solver.tell(candidate, 1.0)
    assert solver.inner.n_told == 0
    solver.tell(flight[3], 1.0)
    assert solver.inner.n_told == 1


def test_the_last_point_has_what_is_left_of_the_budget():
    result = minimize(
        lambda x: float(((x - 0.2) ** 2).sum()),
        BOX,
        budget=47,
        seed=0,
        algorithm=functools.partial(Resample, times=10),
    )
    assert result.nfev == 47
    assert np.unique(result.history, return_counts=True)[1].tolist().count(7) == 1
    assert result.nfev_x in (10, 7)


def test_what_failed_is_left_out_of_the_mean():
    solver = Resample(BOX, seed=0, times=3)
    told = []
    solver.inner.tell = lambda c, e: told.append(e)
    outcomes = [
        [1.0, math.nan, 3.0],
        [Evaluation(math.nan, "lost"), Evaluation(math.nan, "failed"), math.nan],
        [Evaluation(math.nan, "lost")] * 3,
        [math.inf, 1.0, 2.0],
        [-math.inf, 1.0, 2.0],
        [1e308, 1e308, 1e308],
    ]
    for three in outcomes:
        for outcome in three:
            solver.tell(solver.ask(), outcome)
    assert [e.status for e in told] == ["ok", "failed", "lost", "ok", "ok", "ok"]
    assert [e.value for e in told if e.ok] == [2.0, math.inf, -math.inf, pytest.approx(1e308)]


def test_violations_are_averaged_too():
    solver = Resample(BOX, seed=0, times=2)
    solver.tell(solver.ask(), Evaluation(1.0, violation=0.5))
    solver.tell(solver.ask(), Evaluation(1.0, violation=-1.0))
    assert solver.best.evaluation.violation == -0.25


def test_single_values_are_never_the_best():
    solver = Resample(BOX, seed=0, times=2)
    solver.tell(solver.ask(), -100.0)
    assert solver.best is None
    solver.tell(solver.ask(), 100.0)
    assert solver.best.value == 0.0


def test_a_point_told_from_elsewhere_reaches_the_inner_solver():
    solver = Resample(BOX, seed=0, times=2)
    solver.tell_point([0.2] * 3, -5.0)
    assert solver.best.value == -5.0
    assert solver.best.n_calls == 1
    assert solver.inner.n_foreign == 1


def test_subsets_and_their_constraint_pass_through():
    result = minimize(
        lambda mask, rng: -float(mask @ [1.0, 2.0, 3.0, 4.0]) + rng.normal(0, 0.1),
        Space.subsets(4),
        budget=64,
        seed=0,
        algorithm=functools.partial(Resample, times=4, inner="poss"),
        constraint=lambda mask: 2 - mask.sum(),
    )
    assert result.x.tolist() == [False, False, True, True]
    assert result.nfev_x == 4
    make = functools.partial(Resample, inner="poss")
    with pytest.raises(ValueError, match="needs exactly one constraint"):
        minimize(lambda mask: 0.0, Space.subsets(4), budget=9, algorithm=make)


def test_a_finite_space_ends():
    solver = Resample(Space.subsets(2), seed=0, times=3)
    for _ in range(12):
        solver.tell(solver.ask(), 1.0)
    with pytest.raises(Exhausted):
        solver.ask()


def test_a_filter_is_asked_once_a_point():
    seen = []
    solver = Resample(BOX, seed=0, times=4)
    solver.filter = lambda candidate: seen.append(candidate.id) or True
    for _ in range(8):
        solver.tell(solver.ask(), 1.0)
    assert seen == [0, 1]


def test_a_journal_keeps_repeats_as_moves_of_nothing(tmp_path):
    path = tmp_path / "run.db"

    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0, 0.1))

    make = functools.partial(Resample, times=4)
    options = {"budget": 80, "seed": 1, "algorithm": make}
    plain = minimize(fun, BOX, **options)
    minimize(fun, BOX, checkpoint=path, callbacks=[stop_at(33)], **options)
    again = zoopt.resume(path, fun, solver=make)
    assert again.history.tobytes() == plain.history.tobytes()
    assert again.fun_std == plain.fun_std
    points = [tuple(trial.point) for trial in zoopt.load_history(path)]
    assert all(len(set(points[i : i + 4])) == 1 for i in range(0, 80, 4))


def stop_at(n):
    def look(search):
        if search.nfev == n:
            raise StopIteration

    return look


def test_it_pickles_in_the_middle_of_a_point():
    solver = Resample(BOX, seed=0, times=4, train_size=6, positive_size=1)
    for _ in range(30):
        solver.tell(solver.ask(), 1.0)
    twin = pickle.loads(pickle.dumps(solver))
    for _ in range(30):
        a, b = solver.ask(), twin.ask()
        assert (a.u == b.u).all()
        assert a.move == b.move
        solver.tell(a, sphere(a))
        twin.tell(b, sphere(b))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"times": 0}, ValueError, "times must be at least 1"),
        ({"inner": "nothing"}, ValueError, "nothing"),
        ({"unknown": 1}, TypeError, "unknown"),
    ],
)
def test_bad_settings_are_named(options, error, words):
    with pytest.raises(error, match=words):
        Resample(BOX, **options)


# ------------------------------------------------------------- the ZOOpt API


def noisy_sphere(solution, rng):
    return float(((solution.x - 0.2) ** 2).sum() + rng.normal(0.0, 0.1))


def test_opt_min_resamples_and_counts_every_call():
    objective = zoopt.Objective(noisy_sphere, zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3))
    parameter = zoopt.Parameter(
        budget=205, seed=0, noise_handling=True, resampling=True, resample_times=10
    )
    solution = zoopt.Opt.min(objective, parameter)
    result = solution.result
    assert result.nfev == 205
    assert (result.nfev_x, result.fun) == (10, solution.get_value())
    assert 0.1 / 10**0.5 / 4 < result.fun_std < 4 * 0.1 / 10**0.5
    assert len(objective.get_history()) == 205
    assert parameter.get_budget() == 205


def test_repeats_run_in_parallel_and_a_window_repeats_them():
    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 0.1))

    options = {"budget": 90, "seed": 2, "window": 6, "algorithm": functools.partial(Resample)}
    alone = minimize(fun, BOX, **options)
    many = minimize(fun, BOX, workers=3, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()
    assert many.fun == alone.fun


def test_a_lucky_value_is_no_terminal_value():
    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 1.0))

    options = {"budget": 400, "seed": 0, "terminal_value": -0.9}
    assert minimize(fun, BOX, **options).status == "terminal_value"
    patient = minimize(fun, BOX, algorithm=functools.partial(Resample, times=40), **options)
    assert patient.status == "budget"
    assert patient.history.min() < -0.9


def test_one_of_too_few_calls_is_the_best_only_where_there_is_no_other():
    """The last point may have a single call, and failures may leave one: luck is no merit."""
    solver = Resample(BOX, budget=21, seed=0, times=10)
    for i in range(21):
        solver.tell(solver.ask(), -50.0 if i == 20 else 1.0)
    assert (solver.best.value, solver.best.n_calls) == (1.0, 10)
    few = Resample(BOX, budget=3, seed=0, times=10)
    for _ in range(3):
        few.tell(few.ask(), 2.0)
    assert few.best.n_calls == 3


def test_attachments_are_of_the_point_returned():
    last = []

    def func(solution, rng):
        last[:] = solution.get_x()
        return float(((solution.x - 0.2) ** 2).sum() + rng.normal(0.0, 0.1))

    objective = zoopt.Objective(func, zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3))
    objective.set_post_inherit_func(lambda parent=None: list(last))
    parameter = zoopt.Parameter(
        budget=100, seed=0, noise_handling=True, resampling=True, resample_times=5
    )
    solution = zoopt.Opt.min(objective, parameter)
    assert solution.get_post_attach() == solution.get_x()


def test_the_sets_of_the_inner_solver_can_be_seen():
    sizes = []

    class Criterion:
        def check(self, content):
            sizes.append((len(content.get_positive_data()), len(content.get_data())))

    objective = zoopt.Objective(noisy_sphere, zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3))
    parameter = zoopt.Parameter(
        budget=100, seed=0, noise_handling=True, resampling=True, resample_times=5,
        stopping_criterion=Criterion(),
    )  # fmt: skip
    zoopt.Opt.min(objective, parameter)
    assert max(sizes) == (1, 4)  # of 20 points


def test_the_name_is_not_one_of_opt_min_s():
    objective = zoopt.Objective(noisy_sphere, zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3))
    with pytest.raises(ValueError, match="algorithm must be one of"):
        zoopt.Opt.min(objective, zoopt.Parameter(budget=50, algorithm="resample"))
