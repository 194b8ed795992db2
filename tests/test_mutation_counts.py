"""The number of coordinates that SRACOS redraws: how it is learned, and the benefit."""

import functools
import pickle

import numpy as np
import pytest

import zoopt
from zoopt import Integer, Racos, SRacos, minimize
from zoopt._native import CONTINUOUS, Population, reference
from zoopt.solvers.racos.mutation_counts import LARGEST, MutationCounts


def of_all(u):
    return float(((u - 0.2) ** 2).sum())


def of_ten(u):
    return float(((u[:10] - 0.2) ** 2).sum())


def median_of(value, n, budget, **options):
    found = []
    for seed in range(7):
        solver = SRacos([(-1.0, 1.0)] * n, budget=budget, seed=seed, **options)
        for _ in range(budget):
            candidate = solver.ask()
            solver.tell(candidate, value(candidate.u))
        found.append(solver.best.value)
    return float(np.median(found))


def test_what_succeeds_is_drawn_more():
    counts, rng = MutationCounts(400), np.random.default_rng(0)
    drawn = []
    for ident in range(600):
        drawn.append(counts.draw(ident, rng))
        counts.tell(ident, drawn[-1] == 16)
    assert counts.most == 32
    assert len(set(drawn[:200])) > 3
    assert drawn[300:].count(16) > 200


def test_what_was_rejected_failed_and_ends_the_row():
    counts, rng = MutationCounts(400), np.random.default_rng(0)
    drawn = []
    for _ in range(60):  # the id goes to another
        drawn.append(counts.draw(0, rng))
        counts.reject(0)
    assert len(set(drawn)) == 6
    assert sum(counts._failures) == 60 + 6 * 2.0


@pytest.mark.parametrize(
    ("n_columns", "most"), [(1, 1), (15, 1), (16, 2), (4095, 256), (10**7, LARGEST)]
)
def test_at_most_an_eighth_is_redrawn(n_columns, most):
    assert MutationCounts(n_columns).most == most


def test_points_from_elsewhere_teach_nothing():
    solver = SRacos([(-1.0, 1.0)] * 200, budget=300, seed=0)
    before = pickle.dumps(solver._counts)
    for _ in range(30):
        solver.tell_point(np.random.default_rng(0).uniform(-1, 1, 200).tolist(), 1.0)
    assert pickle.dumps(solver._counts) == before


def test_points_as_good_as_their_parents_are_no_success():
    solver = SRacos([(-1.0, 1.0)] * 200, budget=300, seed=0)
    for _ in range(300):
        solver.tell(solver.ask(), 1.0)
    both = solver._counts, solver._local._counts
    assert max(max(each._successes) for each in both) == 0.5
    assert sum(sum(each._failures) for each in both) > 250


def test_few_variables_that_matter_are_found_by_many_redraws():
    learned = median_of(of_ten, 2000, 1000)
    assert learned < 0.2 * median_of(of_ten, 2000, 1000, uncertain_bits=3)


def test_where_all_matter_few_are_redrawn():
    learned = median_of(of_all, 200, 3000)
    assert learned < 1.5 * median_of(of_all, 200, 3000, uncertain_bits=1)
    assert learned < median_of(of_all, 200, 3000, uncertain_bits=2)


@pytest.mark.parametrize("solver", [SRacos, Racos])
def test_it_is_the_default_with_many_dimensions_and_a_choice_with_few(solver):
    assert solver([(-1.0, 1.0)] * 100).uncertain_bits == 1
    assert solver([Integer(0, 9)] * 400).uncertain_bits == 4
    assert solver([(-1.0, 1.0)] * 400).uncertain_bits == 32
    assert solver([(-1.0, 1.0)] * 400, uncertain_bits=3).uncertain_bits == 3
    assert solver([(-1.0, 1.0)] * 400, uncertain_bits="table").uncertain_bits == 2
    assert solver([(-1.0, 1.0)] * 40, uncertain_bits="adaptive").uncertain_bits == 4
    assert solver([(-1.0, 1.0)] * 40, uncertain_bits=10**30).uncertain_bits == 40


def test_steps_change_few_columns_unless_asked_otherwise():
    for options, most in (({}, 2), ({"uncertain_bits": "adaptive"}, 32)):
        solver = SRacos([(-1.0, 1.0)] * 400, seed=0, budget=500, **options)
        solver.take_steps()
        sizes = set()
        for _ in range(500):
            candidate = solver.ask()
            if candidate.move is not None:
                sizes.add(len(candidate.move) - 1)
            solver.tell(candidate, of_all(candidate.u))
        assert max(sizes) == most


@pytest.mark.parametrize("solver", [SRacos, Racos, zoopt.SSRacos])
def test_words_other_than_adaptive_are_refused(solver):
    with pytest.raises(
        ValueError, match="uncertain_bits must be a whole number, 'table' or 'adaptive'"
    ):
        solver([(-1.0, 1.0)] * 5, uncertain_bits="some")


def test_a_window_gives_the_run_of_one_worker_and_a_checkpoint_goes_on(tmp_path):
    def fun(x):
        return of_ten(x)

    options = {"budget": 300, "seed": 4, "window": 7}
    box = [(-1.0, 1.0)] * 150
    alone = minimize(fun, box, **options)
    many = minimize(fun, box, workers=3, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()

    def stop(search):
        if search.nfev == 211:
            raise StopIteration

    minimize(fun, box, checkpoint=tmp_path / "run.db", callbacks=[stop], **options)
    assert zoopt.resume(tmp_path / "run.db", fun).history.tolist() == alone.history.tolist()


def test_a_pickled_solver_goes_on_as_itself():
    solver = SRacos([(-1.0, 1.0)] * 150, budget=400, seed=1)
    for _ in range(200):
        candidate = solver.ask()
        solver.tell(candidate, of_ten(candidate.u))
    out = [solver.ask() for _ in range(5)]
    other, out_there = pickle.loads(pickle.dumps((solver, out)))
    for one, asked in ((solver, out), (other, out_there)):
        for candidate in asked:
            one.tell(candidate, of_ten(candidate.u))
        for _ in range(100):
            candidate = one.ask()
            one.tell(candidate, of_ten(candidate.u))
    assert other.best.value == solver.best.value
    assert (other.ask().u == solver.ask().u).all()


@pytest.mark.parametrize("make", [Population, reference.Population])
def test_the_kernels_redraw_as_many_as_they_are_told(make):
    d = 40
    rng = np.random.default_rng(0)
    population = make(np.full(d, CONTINUOUS), -np.ones(d), np.ones(d), 1, 5, 8, 0.0, "WR", rng)
    for i in range(6):
        row = population.uniform()
        population.insert(row, i, 0.0, float(row @ row))
    for n in (1, 2, 5, 8):
        assert len(population.propose(n)[1]) == n + 1
        assert len(population.step(n)[0]) == n
    assert len(population.propose()[1]) == 9
    for bad in (-1, 9):
        with pytest.raises(ValueError, match="n_redrawn must be from 0 to 8"):
            population.propose(bad)
        with pytest.raises(ValueError, match="n_redrawn"):
            population.step(bad)


def test_the_zoopt_api_keeps_the_table_and_takes_the_word():
    dimension = zoopt.Dimension(2000, [[-1, 1]] * 2000, [True] * 2000)

    def median(**options):
        found = []
        for seed in range(5):
            objective = zoopt.Objective(lambda solution: of_ten(solution.x), dimension)
            parameter = zoopt.Parameter(budget=1500, seed=seed, **options)
            found.append(zoopt.Opt.min(objective, parameter).get_value())
        return float(np.median(found))

    assert median(uncertain_bits="adaptive") < 0.4 * median()
    with pytest.raises((ValueError, TypeError), match="uncertain_bits"):
        zoopt.Parameter(budget=100, uncertain_bits="some")


def test_the_number_drawn_learns_even_if_fewer_values_change():
    space = [*[Integer(0, 1)] * 1000, (0.0, 1.0)]
    solver = SRacos(space, budget=1500, seed=0, exploration_rate=0.0)
    for _ in range(1500):
        solver.tell(candidate := solver.ask(), float(candidate.u.sum()))
    both = solver._counts, solver._local._counts
    counts = sum(np.array(each._successes) + each._failures - 2.5 for each in both)
    assert counts.sum() == 1500 - solver.train_size
    assert counts[-1] >= 4.0
    assert not any(each._in_flight for each in both)


def test_a_filter_that_large_changes_never_pass_leaves_small_ones():
    n = 400
    result = minimize(
        lambda x: float(((x[:5] - 0.3) ** 2).sum() + (x[5:] ** 2).sum()),
        [(-1.0, 1.0)] * n,
        budget=1000,
        seed=0,
        x0=[np.zeros(n), *(0.1 * np.eye(n)[:22])],
        filter=lambda x: (x != 0.0).sum() <= 20,
        algorithm=functools.partial(SRacos, exploration_rate=0.0),
    )
    assert result.nfev == 1000


def test_what_a_filter_rejects_counts_against_the_number_drawn():
    solver = SRacos([(-1.0, 1.0)] * 400, budget=300, seed=0, exploration_rate=0.0)
    solver.filter = lambda candidate: candidate.move is None or len(candidate.move) <= 3
    for _ in range(300):
        solver.tell(candidate := solver.ask(), of_all(candidate.u))
    assert min(solver._counts._failures[2:]) > 2.0  # of four and more: none was evaluated
    assert max(solver._counts._successes[2:]) == 0.5
