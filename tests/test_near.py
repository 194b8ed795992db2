"""Near: how near to their parents SRACOS redraws coordinates, and when it does not."""

import pickle
import statistics

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Integer, SRacos
from zoopt.solvers.racos.near import LEAST_WIDTH, MOST_WIDTH, Near


def median_of(function, d, budget, seeds=5, **options):
    found = []
    for seed in range(seeds):
        solver = SRacos([(-1.0, 1.0)] * d, budget=budget, seed=seed, **options)
        for _ in range(budget):
            candidate = solver.ask()
            solver.tell(candidate, function(candidate.u))
        found.append(solver.best.value)
    return statistics.median(found)


def told(near, outcomes, first=0):
    """Tell of candidates, of each whether it is better than its parent."""
    rng = np.random.default_rng(0)
    for ident, is_better in enumerate(outcomes, first):
        near.draw(ident, rng)
        near.follow(ident, (0.0, 0.0))
        near.tell(ident, (0.0, -1.0 if is_better else 1.0), bool(is_better))


def by_chance(n, chance, seed):
    return np.random.default_rng(seed).random(n) < chance


def test_the_width_falls_where_few_are_better_and_grows_where_many_are():
    near = Near(1000)
    told(near, np.arange(60) % 10 == 9)
    assert near.width == pytest.approx(MOST_WIDTH * 2.0 ** (6 - 54 / 4))
    told(near, np.arange(60) % 2 == 1, first=60)
    assert near.width == MOST_WIDTH


def test_at_one_in_five_the_width_stays():
    drifts = []
    for seed in range(200):
        near = Near(1000)
        near.width = 1e-7
        told(near, by_chance(100, 0.2, seed))
        drifts.append(np.log2(near.width / 1e-7))
    # A step of 1 up or 1/4 down has a standard deviation of 1/2: 5 in a hundred steps.
    assert abs(np.mean(drifts)) < 6 * 5 / np.sqrt(200)


def test_better_than_another_positive_but_not_than_its_parent_is_too_far():
    near = Near(1000)
    near.draw(0, np.random.default_rng(0))
    near.follow(0, (0.0, 1.0))
    near.tell(0, (0.0, 2.0), True)
    assert near.width < MOST_WIDTH
    assert max(near._redraws._successes) > 1.0


def test_what_is_as_good_as_its_parent_says_nothing_of_the_width():
    near, rng = Near(1000), np.random.default_rng(0)
    for ident in range(500):
        near.draw(ident, rng)
        near.follow(ident, (0.0, 1.0))
        near.tell(ident, (0.0, 1.0), False)
    assert near.width == MOST_WIDTH
    assert near.is_worth(501)


def test_where_hardly_one_is_better_none_is_near_for_as_long_again():
    near = Near(1000)
    told(near, [False] * 1000)
    assert not near.is_worth(1000)
    given_up = min(ident for ident in range(5000) if near.is_worth(ident))
    again = Near(1000)
    told(again, [False] * (given_up // 2 + 1))
    assert again.width == MOST_WIDTH  # it begins anew
    assert again.is_worth(given_up)
    assert near.width > LEAST_WIDTH


def test_where_one_in_five_is_better_it_is_not_given_up():
    given_up = 0
    for seed in range(20):
        near = Near(1000)
        told(near, by_chance(2000, 0.2, seed))
        given_up += not near.is_worth(2000)
    assert given_up <= 3


def test_the_width_has_bounds():
    near, rng = Near(1000), np.random.default_rng(0)
    for ident in range(2000):
        near.draw(ident, rng)
        near.follow(ident, (0.0, 0.0))
        near.tell(ident, (0.0, -1.0 if ident % 8 == 0 else 1.0), False)
        assert LEAST_WIDTH <= near.width <= MOST_WIDTH


def test_rejected_candidates_and_those_of_others_say_nothing_of_the_width():
    near, rng = Near(1000), np.random.default_rng(0)
    for ident in range(50):
        near.draw(ident, rng)
        near.follow(ident, (0.0, 0.0))
        near.reject(ident)
        near.tell(ident, (0.0, -1.0), True)
        near.tell(ident + 1000, (0.0, 1.0), True)
    assert near.width == MOST_WIDTH
    assert near._parents == {}
    fresh = Near(1000)._redraws
    assert sum(near._redraws._failures) == sum(fresh._failures) + 50
    assert near._redraws._successes == fresh._successes


def test_it_serves_where_bits_are_learned_and_values_are_continuous():
    box = [(-1.0, 1.0)] * 200
    assert SRacos(box)._near is not None
    assert SRacos(box, uncertain_bits="table")._near is None
    assert SRacos(box, uncertain_bits=3)._near is None
    assert SRacos([Integer(0, 9)] * 200, uncertain_bits="adaptive")._near is None
    assert SRacos([(-1.0, 1.0)] * 100)._near is None
    stepping = SRacos(box)
    stepping.take_steps()
    assert stepping._near is None


def test_smooth_functions_of_few_variables_are_solved_much_closer():
    def of_ten(u):
        return float(((u[:10] - 0.2) ** 2).sum())

    far = median_of(of_ten, 1000, 1500, uncertain_bits=16)
    assert median_of(of_ten, 1000, 1500) < 0.01 * far


def test_noise_does_not_hold_it_at_its_parents():
    def run(seed, **options):
        rng = np.random.default_rng(seed)
        solver = SRacos([(-1.0, 1.0)] * 150, budget=3000, seed=seed, **options)
        n_near = 0
        for _ in range(3000):
            candidate = solver.ask()
            if solver._near is not None:
                n_near += candidate.id in solver._near._parents
            solver.tell(candidate, float(((candidate.u - 0.2) ** 2).sum()) + rng.normal())
        return n_near

    assert statistics.median(run(seed) for seed in range(5)) < 900


@pytest.mark.parametrize("space", ["mixed", "continuous"])
def test_it_goes_on_from_a_pickle_and_with_several_in_flight(space):
    dimensions = [(-1.0, 1.0)] * 130
    if space == "mixed":
        dimensions = [
            (-1.0, 1.0),
            Integer(1, 500, log=True),
            Integer(0, 9),
            Choice(list("abc")),
        ] * 40

    def run(at):
        solver = SRacos(dimensions, budget=400, seed=3)
        assert solver._near is not None
        rng = np.random.default_rng(0)
        flight, log = [], []
        for i in range(400):
            if i in at:
                solver, flight = pickle.loads(pickle.dumps((solver, flight)))
            flight.append(solver.ask())
            if len(flight) > 5:
                candidate = flight.pop(int(rng.integers(6)))
                log.append((candidate.id, candidate.u.tobytes()))
                if i % 17 == 0:
                    solver.tell(candidate, zoopt.Evaluation(np.nan, "lost"))
                else:
                    solver.tell(candidate, float((candidate.u**2).sum()))
        assert len(solver._near._parents) <= 6
        return log

    assert run(()) == run((50, 51, 200))
