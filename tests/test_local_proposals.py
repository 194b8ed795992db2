"""Local proposals of SRACOS: their width, and when they pause."""

import pickle
import statistics

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Integer, SRacos
from zoopt.solvers.racos.local_proposals import LARGEST_WIDTH, LEAST_WIDTH, LocalProposals


def median_of(function, d, budget, seeds=5, **options):
    found = []
    for seed in range(seeds):
        solver = SRacos([(-1.0, 1.0)] * d, budget=budget, seed=seed, **options)
        for _ in range(budget):
            candidate = solver.ask()
            solver.tell(candidate, function(candidate.u))
        found.append(solver.best.value)
    return statistics.median(found)


def told(local, outcomes, first=0):
    """Tell of candidates, of each whether it is better than its parent."""
    rng = np.random.default_rng(0)
    for ident, is_better in enumerate(outcomes, first):
        local.draw(ident, rng)
        local.follow(ident, (0.0, 0.0))
        local.tell(ident, (0.0, -1.0 if is_better else 1.0), bool(is_better))


def by_chance(n, chance, seed):
    return np.random.default_rng(seed).random(n) < chance


def test_the_width_falls_where_few_are_better_and_grows_where_many_are():
    local = LocalProposals(1000)
    told(local, np.arange(60) % 10 == 9)
    assert local.width == pytest.approx(LARGEST_WIDTH * 2.0 ** (6 - 54 / 4))
    told(local, np.arange(60) % 2 == 1, first=60)
    assert local.width == LARGEST_WIDTH


def test_at_one_in_five_the_width_stays():
    drifts = []
    for seed in range(200):
        local = LocalProposals(1000)
        local.width = 1e-7
        told(local, by_chance(100, 0.2, seed))
        drifts.append(np.log2(local.width / 1e-7))
    # A step of 1 up or 1/4 down has a standard deviation of 1/2: 5 in a hundred steps.
    assert abs(np.mean(drifts)) < 6 * 5 / np.sqrt(200)


def test_better_than_another_positive_but_not_than_its_parent_is_too_far():
    local = LocalProposals(1000)
    local.draw(0, np.random.default_rng(0))
    local.follow(0, (0.0, 1.0))
    local.tell(0, (0.0, 2.0), True)
    assert local.width < LARGEST_WIDTH
    assert max(local._counts._successes) > 1.0


def test_what_is_as_good_as_its_parent_says_nothing_of_the_width():
    local, rng = LocalProposals(1000), np.random.default_rng(0)
    for ident in range(500):
        local.draw(ident, rng)
        local.follow(ident, (0.0, 1.0))
        local.tell(ident, (0.0, 1.0), False)
    assert local.width == LARGEST_WIDTH
    assert local.is_active(501)


def test_where_hardly_one_is_better_none_is_near_for_as_long_again():
    local = LocalProposals(1000)
    told(local, [False] * 1000)
    assert not local.is_active(1000)
    given_up = min(ident for ident in range(5000) if local.is_active(ident))
    again = LocalProposals(1000)
    told(again, [False] * (given_up // 2 + 1))
    assert again.width == LARGEST_WIDTH  # it begins anew
    assert again.is_active(given_up)
    assert local.width > LEAST_WIDTH


def test_where_one_in_five_is_better_it_is_not_given_up():
    given_up = 0
    for seed in range(20):
        local = LocalProposals(1000)
        told(local, by_chance(2000, 0.2, seed))
        given_up += not local.is_active(2000)
    assert given_up <= 3


def test_the_width_has_bounds():
    local, rng = LocalProposals(1000), np.random.default_rng(0)
    for ident in range(2000):
        local.draw(ident, rng)
        local.follow(ident, (0.0, 0.0))
        local.tell(ident, (0.0, -1.0 if ident % 8 == 0 else 1.0), False)
        assert LEAST_WIDTH <= local.width <= LARGEST_WIDTH


def test_rejected_candidates_and_those_of_others_say_nothing_of_the_width():
    local, rng = LocalProposals(1000), np.random.default_rng(0)
    for ident in range(50):
        local.draw(ident, rng)
        local.follow(ident, (0.0, 0.0))
        local.reject(ident)
        local.tell(ident, (0.0, -1.0), True)
        local.tell(ident + 1000, (0.0, 1.0), True)
    assert local.width == LARGEST_WIDTH
    assert local._parents == {}
    fresh = LocalProposals(1000)._counts
    assert sum(local._counts._failures) == sum(fresh._failures) + 50
    assert local._counts._successes == fresh._successes


def test_it_serves_where_bits_are_learned_and_values_are_continuous():
    box = [(-1.0, 1.0)] * 200
    assert SRacos(box)._local is not None
    assert SRacos(box, uncertain_bits="table")._local is None
    assert SRacos(box, uncertain_bits=3)._local is None
    assert SRacos([Integer(0, 9)] * 200, uncertain_bits="adaptive")._local is None
    assert SRacos([(-1.0, 1.0)] * 100)._local is None
    stepping = SRacos(box)
    stepping.take_steps()
    assert stepping._local is None


def test_smooth_functions_of_few_variables_are_solved_much_closer():
    def of_ten(u):
        return float(((u[:10] - 0.2) ** 2).sum())

    far = median_of(of_ten, 1000, 1500, uncertain_bits=16)
    assert median_of(of_ten, 1000, 1500) < 0.01 * far


def test_noise_does_not_hold_it_at_its_parents():
    def run(seed, **options):
        rng = np.random.default_rng(seed)
        solver = SRacos([(-1.0, 1.0)] * 150, budget=3000, seed=seed, **options)
        n_local = 0
        for _ in range(3000):
            candidate = solver.ask()
            if solver._local is not None:
                n_local += candidate.id in solver._local._parents
            solver.tell(candidate, float(((candidate.u - 0.2) ** 2).sum()) + rng.normal())
        return n_local

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
        assert solver._local is not None
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
        assert len(solver._local._parents) <= 6
        return log

    assert run(()) == run((50, 51, 200))
