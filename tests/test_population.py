"""PCES: generations, the moves of its distribution, population control, and the final mean."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoopt
from zoopt import PCES, Choice, Evaluation, Integer, Real, minimize
from zoopt.core.registry import make_solver
from zoopt.solvers.evolution.choices import Choices

BOX = [(-1.0, 1.0)] * 4


def tell_generation(solver, value, n=None):
    """Have a whole generation evaluated."""
    for _ in range(solver.population_size if n is None else n):
        candidate = solver.ask()
        solver.tell(candidate, value(candidate))


def distance(candidate):
    return float(((candidate.u - 0.2) ** 2).sum())


def test_the_mean_moves_to_the_weighted_better_half():
    solver = PCES(BOX, seed=0)
    flight = [solver.ask() for _ in range(solver.population_size)]
    assert solver.ask() is None  # the next generation waits for this one
    for candidate in flight[::-1]:
        assert solver.mean == [0.0] * 4
        solver.tell(candidate, distance(candidate))
    ranked = sorted(flight, key=distance)[: len(flight) // 2]
    weights = math.log(len(flight) / 2 + 0.5) - np.log(np.arange(1, len(ranked) + 1))
    expected = weights / weights.sum() @ np.array([candidate.u for candidate in ranked])
    assert np.allclose(solver.mean, expected)


def test_without_noise_it_converges_and_the_population_stays_small():
    solver = PCES(BOX, seed=1)
    for _ in range(150):
        tell_generation(solver, distance)
    assert distance_of(solver.mean) < 1e-12
    assert solver.population_size < 4 * 8


def distance_of(x):
    return float(((np.array(x) - 0.2) ** 2).sum())


def test_pure_noise_makes_the_population_grow():
    rng = np.random.default_rng(0)
    solver = PCES(BOX, seed=1)
    for _ in range(60):
        tell_generation(solver, lambda candidate: rng.normal())
    assert solver.population_size > 5 * 8


def test_the_population_is_at_most_a_tenth_of_the_planned_budget():
    rng = np.random.default_rng(0)
    solver = PCES(BOX, seed=1, budget=400)
    for _ in range(380):
        solver.tell(solver.ask(), rng.normal())
    assert solver.population_size <= 40


def test_the_end_of_the_budget_goes_to_the_mean():
    def fun(x, rng):
        return distance_of(x) + rng.normal(0.0, 0.1)

    result = minimize(fun, BOX, budget=1000, seed=0, algorithm="pces")
    assert result.nfev == 1000
    assert result.nfev_x == 50
    assert result.fun == pytest.approx(result.history[-50:].mean())
    assert result.fun_std == pytest.approx(0.1 / math.sqrt(50), rel=0.5)
    assert distance_of(result.x) < 0.1
    assert abs(result.fun - distance_of(result.x)) < 6 * result.fun_std


@pytest.mark.parametrize(
    ("noise", "d", "budget", "bound"), [("added", 20, 5000, 0.06), ("multiplied", 20, 2000, 0.1)]
)
def test_it_comes_near_under_noise(noise, d, budget, bound):
    """Medians of 9; plain SRACOS reaches 0.34 and more."""
    found = []
    for seed in range(9):
        center = np.random.default_rng(seed).uniform(-0.5, 0.5, d)

        def fun(x, rng, center=center):
            value = float(((x - center) ** 2).sum())
            if noise == "added":
                return value + rng.normal(0.0, 0.1)
            return value * (1.0 + rng.normal(0.0, 0.3))

        x = minimize(fun, [(-1.0, 1.0)] * d, budget=budget, seed=seed, algorithm="pces").x
        found.append(((x - center) ** 2).sum())
    assert np.median(found) < bound


def test_whole_numbers_grids_and_logarithms_are_rounded():
    space = {
        "n": Integer(-3, 9),
        "grid": Real(0.0, 1.0, step=0.25),
        "width": Integer(1, 1024, log=True),
        "rate": Real(1e-5, 1.0, log=True),
        "fixed": Integer(2, 2),
    }
    seen = []

    def fun(n, grid, width, rate, fixed):
        seen.append((n, grid, width))
        return (n - 7) ** 2 + (grid - 0.75) ** 2 + math.log(width / 100) ** 2 + math.log(rate) ** 2

    result = minimize(fun, space, budget=1500, seed=0, algorithm="pces")
    assert all(type(n) is int and type(width) is int for n, _, width in seen)
    assert {grid for _, grid, _ in seen} <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert (result.x["n"], result.x["grid"], result.x["fixed"]) == (7, 0.75, 2)
    assert 70 < result.x["width"] < 140
    assert result.x["rate"] > 0.5


def test_what_fails_ranks_last_and_what_is_lost_counts_for_nothing():
    solver = PCES(BOX, seed=0)
    flight = [solver.ask() for _ in range(solver.population_size)]
    good = flight[2:6]
    for candidate in flight:
        if candidate in good:
            solver.tell(candidate, 1.0)
        elif candidate is flight[0]:
            solver.tell(candidate, Evaluation(math.nan, "lost"))
        else:
            solver.tell(candidate, Evaluation(math.nan, "failed"))
    low = np.min([candidate.u for candidate in good], axis=0)
    high = np.max([candidate.u for candidate in good], axis=0)
    assert (low - 1e-9 <= solver.mean).all()
    assert (solver.mean <= high + 1e-9).all()


def test_infeasible_ones_rank_behind_and_the_final_mean_must_be_feasible():
    result = minimize(
        lambda x, rng: float(x.sum() + rng.normal(0.0, 0.05)),
        BOX,
        budget=2000,
        seed=0,
        algorithm="pces",
        constraint=lambda x: x.sum() - 0.5,
    )
    assert result.success
    assert result.x.sum() >= 0.5
    assert result.x.sum() < 0.8


def test_a_mean_whose_final_evaluations_fail_or_are_infeasible_is_not_the_answer():
    for last in (Evaluation(math.nan, "failed"), Evaluation(-1.0, violation=0.5)):
        solver = PCES(BOX, seed=0, budget=400)
        for i in range(400):
            candidate = solver.ask()
            solver.tell(candidate, distance(candidate) if i < 380 else last)
        assert solver.proven is None
        assert solver.recommend() is solver.best


def test_the_final_mean_is_proven_when_all_of_it_was_told():
    solver = PCES(BOX, seed=0, budget=400)
    for i in range(400):
        assert solver.proven is None, i
        candidate = solver.ask()
        solver.tell(candidate, distance(candidate))
        if i == 380:  # one value of the mean says less than the generation before it
            assert solver.recommend().n_calls > 2
    assert solver.proven.n_calls == 20
    assert solver.recommend().value == solver.proven.value


def test_a_mean_that_a_constraint_may_forbid_is_not_the_answer_unevaluated():
    for seed in range(30):
        result = minimize(
            lambda x: float(((x - 4.0) ** 2).sum()),
            [Integer(0, 9)] * 2,
            budget=16,
            seed=seed,
            algorithm="pces",
            constraint=lambda x: abs(x[0] - x[1]) - 0.5,
        )
        assert not result.success or result.x[0] != result.x[1]


def test_without_a_budget_the_population_is_at_most_a_tenth_of_what_was_asked():
    rng = np.random.default_rng(0)
    solver = PCES(BOX, seed=1)
    for _ in range(3000):
        solver.tell(solver.ask(), rng.normal())
    assert 100 < solver.population_size <= 300


def test_the_population_shrinks_when_noise_ends():
    rng = np.random.default_rng(0)
    solver = PCES(BOX, seed=1)
    for _ in range(60):
        tell_generation(solver, lambda candidate: rng.normal())
    grown = solver.population_size
    for _ in range(60):
        tell_generation(solver, distance)
    assert solver.population_size < grown / 3


def test_what_the_filter_rejects_leaves_its_place_to_another():
    solver = PCES(BOX, seed=0)
    solver.filter = lambda candidate: candidate.u[0] > 0.0
    flight = [solver.ask() for _ in range(solver.population_size)]
    assert solver.ask() is None
    assert all(candidate.u[0] > 0.0 for candidate in flight)
    solver.filter = None
    for candidate in flight:
        solver.tell(candidate, distance(candidate))
    assert solver.ask() is not None


def test_the_step_size_stays_within_bounds():
    solver = PCES(BOX, seed=0)
    for _ in range(60):
        tell_generation(solver, lambda candidate: -float((candidate.u**2).sum()))
        assert solver._sigma <= 0.5
    solver = PCES(BOX, seed=0)
    for _ in range(6000):
        candidate = solver.ask()
        solver.tell(candidate, distance(candidate))
    assert 1e-12 <= solver._sigma < 1e-7


def test_a_repeated_initial_point_is_asked_once_and_read_only_after_pickling():
    solver = PCES(BOX, seed=0, x0=[[0.5] * 4, [0.5] * 4, [0.1] * 4, [0.5] * 4])
    solver = pickle.loads(pickle.dumps(solver))
    flight = [solver.ask() for _ in range(3)]
    assert [candidate.x for candidate in flight[:2]] == [[0.5] * 4, [0.1] * 4]
    assert flight[2].x not in ([0.5] * 4, [0.1] * 4)
    assert not any(candidate.u.flags.writeable for candidate in flight)


def test_it_starts_at_the_first_initial_point():
    solver = PCES(BOX, seed=0, x0=[[0.9, -0.9, 0.9, -0.9], [0.0] * 4], sigma=0.001)
    assert [solver.ask().x for _ in range(2)] == [[0.9, -0.9, 0.9, -0.9], [0.0] * 4]
    assert np.allclose(solver.ask().x, [0.9, -0.9, 0.9, -0.9], atol=0.02)


def test_a_better_point_from_elsewhere_becomes_the_mean():
    solver = PCES(BOX, seed=0)
    tell_generation(solver, distance)
    solver.tell_point([0.9] * 4, Evaluation(-5.0, violation=1.0))
    assert not np.allclose(solver.mean, [0.9] * 4)
    flight = [solver.ask() for _ in range(3)]
    solver.tell_point([0.2] * 4, -1.0)
    assert np.allclose(solver.mean, [0.2] * 4)
    for candidate in flight:  # they say nothing of the new mean
        solver.tell(candidate, 0.0)
    assert np.allclose(solver.mean, [0.2] * 4)
    tell_generation(solver, distance)
    assert 0.0 < distance_of(solver.mean) < 0.2


def test_a_window_gives_the_run_of_one_worker_and_a_checkpoint_goes_on(tmp_path):
    def fun(x, rng):
        return distance_of(x) + rng.normal(0.0, 0.3)

    options = {"budget": 300, "seed": 4, "window": 5, "algorithm": "pces"}
    alone = minimize(fun, BOX, **options)
    many = minimize(fun, BOX, workers=3, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()

    def stop(search):
        if search.nfev == 111:
            raise StopIteration

    path = tmp_path / "run.db"
    minimize(fun, BOX, checkpoint=path, callbacks=[stop], **options)
    again = zoopt.resume(path, fun)
    assert again.history.tolist() == alone.history.tolist()
    assert again.fun == alone.fun


def test_it_pickles_within_a_generation():
    solver = PCES(BOX, seed=0, budget=200)
    for _ in range(13):
        solver.tell(solver.ask(), 1.0)
    twin = pickle.loads(pickle.dumps(solver))
    for _ in range(187):
        a, b = solver.ask(), twin.ask()
        assert (a.u == b.u).all()
        solver.tell(a, distance(a))
        twin.tell(b, distance(b))
    assert solver.recommend().value == twin.recommend().value


MIXED = {
    "rate": Real(-1.0, 1.0),
    "n": Integer(0, 20),
    "kind": Choice(list("abcd")),
    "flag": Choice([False, True]),
}


def mixed(rate, n, kind, flag):
    return (rate - 0.3) ** 2 + ((n - 13) / 10) ** 2 + 0.5 * (kind != "c") + 0.5 * (not flag)


def test_unordered_dimensions_are_found_under_noise():
    """Of 9 runs, 8 at least: guessing has one chance in eight each."""
    n_found = 0
    for seed in range(9):
        x = minimize(
            lambda rng, **point: mixed(**point) + rng.normal(0.0, 0.3),
            MIXED,
            budget=1500,
            seed=seed,
            algorithm="pces",
        ).x
        n_found += x["kind"] == "c" and x["flag"]
        assert abs(x["rate"] - 0.3) < 0.3
    assert n_found >= 8


def test_the_probabilities_move_to_the_weighted_better_half():
    space = zoopt.Space([Choice(range(k)) for k in (2, 3, 5)])
    choices = Choices(space, np.arange(3))
    codes, weights = np.array([[0, 2, 4], [1, 2, 0]]), np.array([0.75, 0.25])
    before = choices.table.copy()
    choices.move(codes, weights, 1.6)
    seen = np.zeros_like(before)
    seen[0, :2], seen[1, 2], seen[2, [4, 0]] = (0.75, 0.25), 1.0, (0.75, 0.25)
    n = 1 + 2 + 4
    rate = 1.6 / (1.6 + math.sqrt(n) * math.log(n))
    assert np.allclose(choices.table, before + rate * (seen - before))


@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=6),
    n_moves=st.integers(1, 60),
    mu_eff=st.floats(1.0, 100.0),
)
def test_every_value_keeps_a_chance(sizes, n_moves, mu_eff):
    space = zoopt.Space([Choice(range(k + 1)) for k in sizes])
    choices = Choices(space, np.arange(len(sizes)))
    weights = np.array([0.5, 0.3, 0.2])
    for _ in range(n_moves):
        choices.move(np.zeros((3, len(sizes)), int), weights, mu_eff)
    assert np.allclose(choices.table.sum(axis=1), 1.0)
    for row, k in zip(choices.table, choices.sizes, strict=True):
        least = min(1.0 / k, 1.0 / ((len(sizes) + 2.0 * mu_eff) * (k - 1)))
        assert row[:k].min() >= least - 1e-12
        assert (row[k:] == 0.0).all()
        assert row[0] == row.max()


def test_values_are_drawn_with_their_probabilities():
    space = zoopt.Space([Choice(range(3)), Choice(range(2))])
    choices = Choices(space, np.arange(2))
    choices._set(np.array([[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]]))
    rng = np.random.default_rng(0)
    drawn = np.array([choices.draw(rng) for _ in range(4000)])
    for column, chances in enumerate(choices.table):
        for value, chance in enumerate(chances):
            n = int((drawn[:, column] == value).sum())
            assert abs(n - 4000 * chance) <= 5 * math.sqrt(4000 * chance * (1 - chance))


def test_choices_begin_near_an_initial_point():
    start = {"rate": 0.5, "n": 3, "kind": "d", "flag": True}
    solver = PCES(MIXED, seed=0, x0=[start], sigma=0.05)
    assert solver.mean == start
    kinds = [solver.ask().x["kind"] for _ in range(solver.population_size)]
    assert kinds.count("d") > len(kinds) / 2


@pytest.mark.parametrize(
    ("space", "options", "words"),
    [
        ([Choice(range(1001))], {}, "unordered dimensions of at most 1,000 values"),
        ([Choice(range(1000))] * 2001, {}, "largest number of values must be at most 2,000,000"),
        (BOX, {"sigma": 0.0}, "sigma must be at least 1e-12"),
        (BOX, {"sigma": -1.0}, "sigma must be at least 1e-12"),
        (BOX, {"sigma": math.inf}, "sigma must be at most 0.5"),
    ],
)
def test_bad_settings_are_named(space, options, words):
    with pytest.raises(ValueError, match=words):
        PCES(space, **options)


def test_values_without_end_do_not_break_it():
    for values in ([math.inf, -math.inf, 1e308, -1e308], [1e308], [-1e308, 1e308]):
        solver = make_solver("pces", BOX, seed=0, budget=300)
        for i in range(300):
            solver.tell(solver.ask(), values[i % len(values)])
        assert np.isfinite(solver.mean).all()
        assert solver.population_size <= 30


def test_a_draw_stays_within_its_values_whatever_rounding_does():
    class Most:
        def random(self, n):
            return np.full(n, 1.0 - 2**-53)

    choices = Choices(zoopt.Space([Choice(range(3)), Choice(range(10))]), np.arange(2))
    table = np.zeros((2, 10))
    table[0, :3], table[1] = (0.1, 0.2, 0.7 - 1e-9), 0.1
    choices._set(table)
    assert choices.draw(Most()).tolist() == [2, 9]
