"""Value suppression: when positives are evaluated again, what becomes of values, and the end."""

import functools
import math
import pickle
import statistics

import numpy as np
import pytest

import zoopt
from zoopt import Evaluation, Objective, Opt, Parameter, SSRacos, minimize
from zoopt.algos.noise_handling.ssracos import SSRacos as OldSSRacos

BOX = [(-1.0, 1.0)] * 3
SMALL = {"train_size": 4, "positive_size": 2, "resample_times": 3, "non_update_allowed": 5}


def started(**options):
    """Return a solver whose four first points were told 1 to 4, and stagnate after that."""
    solver = SSRacos(BOX, seed=0, **{**SMALL, **options})
    for i in range(4):
        solver.tell(solver.ask(), float(i + 1))
    return solver


def tell_worse(solver, n):
    for _ in range(n):
        candidate = solver.ask()
        assert candidate.move is None or len(candidate.move) > 1
        solver.tell(candidate, 9.0)


def test_after_so_many_that_do_not_beat_the_worst_positive_all_are_evaluated_again():
    solver = started()
    tell_worse(solver, 5)
    again = [solver.ask() for _ in range(6)]
    assert [candidate.move for candidate in again] == [(0,)] * 3 + [(1,)] * 3
    rows = {ident: row for ident, row, *_ in solver.positives}
    assert all((candidate.u == rows[candidate.move[0]]).all() for candidate in again)
    assert len(solver.ask().move or (0, 0)) > 1  # and then the search goes on


def test_one_that_beats_the_worst_positive_starts_the_count_anew():
    solver = started()
    tell_worse(solver, 4)
    solver.tell(solver.ask(), 1.5)
    tell_worse(solver, 4)
    solver.tell(solver.ask(), 1.4)  # worse than the best, but not than the worst positive, 1.5
    assert not solver._due


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_values_move_towards_the_means_and_are_sorted_anew(rate):
    solver = started(balance_rate=rate)
    tell_worse(solver, 5)
    again = [solver.ask() for _ in range(6)]
    for candidate, value in zip(again, [7.0, 8.0, 9.0, 1.0, 2.0, 3.0], strict=True):
        solver.tell(candidate, value)
    values = {ident: value for ident, _, _, value in solver.positives}
    assert values == {
        0: pytest.approx((1 - rate) * 1.0 + rate * 8.0),
        1: pytest.approx((1 - rate) * 2.0 + rate * 2.0),
    }
    assert [v for *_, v in solver.positives] == sorted(values.values())
    assert solver.proven.value == 2.0
    assert solver.proven.n_calls == 3
    assert solver.proven.standard_error == pytest.approx(1 / math.sqrt(3))
    assert solver.recommend().candidate.id == 1


def test_a_positive_is_evaluated_again_once_in_its_life():
    solver = started()
    tell_worse(solver, 5)
    for _ in range(6):
        solver.tell(solver.ask(), 1.0)
    tell_worse(solver, 30)
    assert solver._round == []


def test_what_is_told_meanwhile_waits_in_order():
    solver = started()
    flight = [solver.ask() for _ in range(8)]
    for candidate in flight[:5]:
        solver.tell(candidate, 9.0)
    again = [solver.ask() for _ in range(6)]
    solver.tell(flight[5], 0.5)  # would be the best positive
    solver.tell(flight[6], 0.4)
    assert 0.5 not in [value for *_, value in solver.positives]
    for candidate in again:
        solver.tell(candidate, 1.0)
    assert [value for *_, value in solver.positives] == [0.4, 0.5]
    assert [ident for ident, *_ in solver.positives] == [flight[6].id, flight[5].id]


def test_failed_re_evaluations_are_left_out_and_all_failed_change_nothing():
    solver = started(balance_rate=1.0)
    tell_worse(solver, 5)
    again = [solver.ask() for _ in range(6)]
    outcomes = [math.nan, 5.0, Evaluation(math.nan, "lost")] + [math.nan] * 3
    for candidate, outcome in zip(again, outcomes, strict=True):
        solver.tell(candidate, outcome)
    assert {ident: value for ident, _, _, value in solver.positives} == {0: 5.0, 1: 2.0}
    assert solver.proven is None  # one value proves nothing


@pytest.mark.parametrize("budget", [3, 20, 57, 300])
def test_the_budget_is_exact_and_its_end_is_for_the_positives(budget):
    calls = []

    def fun(x, rng):
        calls.append(x.tobytes())
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 0.1))

    algorithm = functools.partial(SSRacos, resample_times=10, non_update_allowed=30)
    result = minimize(fun, BOX, budget=budget, seed=0, algorithm=algorithm)
    assert result.nfev == len(calls) == budget
    if budget >= 20:
        assert result.nfev_x > 1
        assert calls.count(np.asarray(result.x).tobytes()) == result.nfev_x + 1
        assert calls[-1] in calls[:-1]


def test_a_window_gives_the_run_of_one_worker():
    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 0.3))

    algorithm = functools.partial(SSRacos, resample_times=5, non_update_allowed=12)
    options = {"budget": 250, "seed": 4, "window": 7, "algorithm": algorithm}
    alone = minimize(fun, BOX, **options)
    many = minimize(fun, BOX, workers=4, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()
    assert (many.fun, many.fun_std) == (alone.fun, alone.fun_std)


def test_it_pickles_while_positives_are_evaluated_again():
    solver = started()
    tell_worse(solver, 5)
    solver.tell(solver.ask(), 1.0)
    twin = pickle.loads(pickle.dumps(solver))
    for _ in range(40):
        a, b = solver.ask(), twin.ask()
        assert a.move == b.move
        for s, c in ((solver, a), (twin, b)):
            s.tell(c, float(c.u.sum()))
    assert solver.recommend().value == twin.recommend().value


def test_a_checkpoint_goes_on_in_the_middle_of_it(tmp_path):
    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 0.3))

    def stop_at(search):
        if search.nfev == 77:
            raise StopIteration

    path = tmp_path / "run.db"
    make = functools.partial(SSRacos, resample_times=20, non_update_allowed=15)
    options = {"budget": 200, "seed": 1, "algorithm": make}
    plain = minimize(fun, BOX, **options)
    minimize(fun, BOX, checkpoint=path, callbacks=[stop_at], **options)
    again = zoopt.resume(path, fun, solver=make)
    assert again.history.tolist() == plain.history.tolist()
    assert again.fun == plain.fun


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"non_update_allowed": 0}, "non_update_allowed must be at least 1"),
        ({"resample_times": 0}, "resample_times must be at least 1"),
        ({"balance_rate": 1.5}, "balance_rate must be in .0, 1."),
    ],
)
def test_bad_settings_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        SSRacos(BOX, **options)


# ------------------------------------------------------------- what it is for


def test_under_noise_the_point_returned_is_better_than_plain_sracos_s():
    """True value of the point returned, 30 seeds; a sign test at 1e-3."""

    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 0.5))

    box, wins = [(-1.0, 1.0)] * 10, 0
    algorithm = functools.partial(
        SSRacos, positive_size=5, train_size=25, resample_times=20, non_update_allowed=100
    )
    for seed in range(30):
        plain, ours = (
            minimize(fun, box, budget=2000, seed=seed, algorithm=a) for a in (None, algorithm)
        )
        wins += ((ours.x - 0.2) ** 2).sum() < ((plain.x - 0.2) ** 2).sum()
    assert wins >= 24  # 1 in 1,400 by chance


def test_its_value_is_honest_where_that_of_sracos_is_luck():
    def fun(x, rng):
        return float(((x - 0.2) ** 2).sum() + rng.normal(0.0, 0.5))

    gaps = []
    algorithm = functools.partial(SSRacos, resample_times=20, non_update_allowed=100)
    for seed in range(10):
        result = minimize(fun, BOX, budget=1000, seed=seed, algorithm=algorithm)
        gaps.append((result.fun - ((result.x - 0.2) ** 2).sum()) / result.fun_std)
    assert abs(statistics.median(gaps)) < 2.5


# ------------------------------------------------------------- the ZOOpt API


def objective():
    return Objective(
        lambda solution, rng: float(((solution.x - 0.2) ** 2).sum() + rng.normal(0.0, 0.1)),
        zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3),
    )


NOISY = {"noise_handling": True, "suppression": True, "resample_times": 10}


@pytest.mark.parametrize("options", [NOISY, {"algorithm": "SSRACOS", "resample_times": 10}])
def test_opt_min_runs_it(options):
    parameter = Parameter(budget=300, seed=0, non_update_allowed=40, **options)
    solution = Opt.min(objective(), parameter)
    assert solution.result.nfev == 300
    assert solution.result.message.startswith("ssracos stopped")
    assert solution.result.nfev_x >= 10
    assert solution.get_value() == solution.result.fun


def test_the_old_class_runs_it():
    calls = []
    counted = objective()
    func = counted.get_func()
    counted.set_func(lambda solution, rng: calls.append(1) or func(solution, rng))
    algorithm = OldSSRacos()
    best = algorithm.opt(counted, Parameter(budget=120, seed=0, resample_times=5))
    assert best.result.message.startswith("ssracos stopped")
    assert best.result.nfev == 120
    again = algorithm.get_best_solution()
    assert (again.get_x(), again.get_value()) == (best.get_x(), best.get_value())
    assert len(calls) == 120


def test_stop_rules_are_asked_and_a_lucky_value_is_no_terminal_value():
    class Criterion:
        n = 0

        def check(self, content):
            Criterion.n += 1
            return Criterion.n == 50

    stopped = Opt.min(objective(), Parameter(budget=300, stopping_criterion=Criterion(), **NOISY))
    assert stopped.result.nfev == 50
    lucky = Opt.min(objective(), Parameter(budget=300, seed=0, terminal_value=-0.1, **NOISY))
    assert lucky.result.status == "budget"
    easy = Opt.min(objective(), Parameter(budget=300, seed=0, terminal_value=3.0, **NOISY))
    assert easy.result.status == "terminal_value"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise_handling": True, "suppression": True, "sequential": False}, "sequential=True"),
        ({"noise_handling": True, "suppression": True, "algorithm": "random"}, "like sracos"),
        ({"noise_handling": True, "suppression": True, "resampling": True}, "combined"),
    ],
)
def test_what_excludes_each_other_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Opt.min(objective(), Parameter(budget=50, **options))


@pytest.mark.parametrize(
    "noise",
    [
        {"suppression": True, "resample_times": 10, "non_update_allowed": 30},
        {"resampling": True, "resample_times": 10},
        {},
    ],
)
@pytest.mark.parametrize("backend", ["serial", "process"])
def test_repeats_call_the_resample_func_of_ones_own(noise, backend):
    """It knows the true value here, so the mean of repeats is that of the point returned."""

    def true(solution):
        return float(((solution.x - 0.2) ** 2).sum())

    def resample(solution, times):
        assert times == 1
        return true(solution)

    own = Objective(
        lambda solution, rng: true(solution) + rng.normal(5.0, 0.1),
        zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3),
        resample_func=resample,
    )
    parameter = Parameter(budget=300, seed=0, noise_handling=True, backend=backend, **noise)
    result = Opt.min(own, parameter).result
    assert result.nfev == 300
    n_first = int((result.history > 4.0).sum())
    assert 25 <= n_first < 300
    assert result.nfev_x > 1
    if noise:
        first = 0.0 if noise.get("suppression") else 5.0 / result.nfev_x
        assert result.fun == pytest.approx(true(zoopt.Solution(x=list(result.x))) + first, abs=0.2)
    else:  # the first call for the mean is the objective's, or none is
        assert result.fun < 5.0 / result.nfev_x + 0.5


def test_a_resample_func_excludes_matrices():
    own = Objective(lambda s: 0.0, zoopt.Dimension(1, [[0, 1]], [True]), None, lambda s, n: 0.0)
    for settings in (NOISY, {"algorithm": "ssracos"}, {"noise_handling": True}):
        with pytest.raises(ValueError, match="resample_func cannot be combined with vectorized"):
            Opt.min(own, Parameter(budget=50, vectorized=True, **settings))
    matrix = Objective(lambda many: [s.x[0] for s in many], own.get_dim(), None, lambda s, n: 0.0)
    assert Opt.min(matrix, Parameter(budget=50, vectorized=True)).result.nfev == 50


def test_after_the_planned_end_what_was_found_since_counts(tmp_path):
    path = tmp_path / "run.db"

    def fun(x):
        return float((x**2).sum())

    options = {"budget": 200, "seed": 0, "algorithm": "ssracos", "checkpoint": path}
    minimize(fun, [(-1, 1)] * 20, **options)
    result = zoopt.resume(path, fun, budget=3000)
    assert result.fun == result.history.min()


def test_a_known_point_that_the_filter_refuses_does_not_stop_the_end():
    parameter = Parameter(
        algorithm="ssracos", budget=100, seed=0, resample_times=3,
        init_samples=[zoopt.Solution(x=[0.0, 0.0, 0.0], value=-1.0)],
        filter=lambda solution: abs(solution.get_x()[0]) > 0.1,
    )  # fmt: skip
    assert Opt.min(objective(), parameter).result.nfev == 100


def test_a_small_space_spends_the_rest_on_the_best():
    def fun(x, rng):
        return float(x.sum() + rng.normal(0.0, 1.0))

    space = [zoopt.Integer(0, 1)] * 4
    result = minimize(fun, space, budget=300, seed=0, algorithm="ssracos")
    assert result.nfev == 300
    assert result.nfev_x > 20


def test_more_in_flight_than_the_budget_end_without_harm():
    solver = SSRacos(BOX, budget=20, seed=0)
    flight = [solver.ask() for _ in range(24)]
    for candidate in flight:
        solver.tell(candidate, 1.0)
    assert solver.recommend() is not None


def test_all_initial_points_are_evaluated():
    points = np.random.default_rng(0).uniform(-1, 1, (100, 3)).tolist()
    parameter = Parameter(algorithm="ssracos", budget=100, seed=0, init_samples=points)
    seen = []
    Opt.min(
        Objective(
            lambda s: seen.append(s.get_x()) or 1.0,
            zoopt.Dimension(3, [[-1, 1]] * 3, [True] * 3),
        ),
        parameter,
    )
    assert seen == points


def test_one_lucky_re_evaluation_is_no_terminal_value():
    def fun(x, rng):
        return float(1.0 + (x**2).sum() + rng.normal(0.0, 1.0))

    algorithm = functools.partial(SSRacos, resample_times=20, non_update_allowed=30)
    options = {"budget": 600, "algorithm": algorithm, "terminal_value": 0.0}
    statuses = [minimize(fun, BOX, seed=seed, **options).status for seed in range(10)]
    assert statuses == ["budget"] * 10
