"""RandomEmbedding: stages, centers, budgets, boxes, and what comes from the inner solver."""

import functools
import pickle

import numpy as np
import pytest

import zoopt
from zoopt import (
    PCES,
    Choice,
    Dimension,
    Integer,
    Objective,
    Opt,
    Parameter,
    RandomEmbedding,
    Real,
    SRacos,
    minimize,
)
from zoopt.core.seeds import spawn_generator

BOX = [(-1.0, 1.0)] * 500


def few(x):
    """Of few variables: the first five."""
    return float(((np.asarray(x)[:5] - 0.2) ** 2).sum())


def run(solver, n, value=few):
    told = []
    for _ in range(n):
        candidate = solver.ask()
        told.append((candidate, value(candidate.u)))
        solver.tell(candidate, told[-1][1])
    return told


def test_few_directions_are_found_among_many():
    """Medians of 7 runs; SRACOS by ZOOpt's table reaches a quarter with this budget."""
    box = [(-1.0, 1.0)] * 2000
    found = [minimize(few, box, budget=600, seed=s, algorithm="sre").fun for s in range(7)]
    by_table = functools.partial(SRacos, uncertain_bits="table")
    plain = [minimize(few, box, budget=600, seed=s, algorithm=by_table).fun for s in range(7)]
    assert np.median(found) < 0.05
    assert np.median(found) < np.median(plain) / 3


@pytest.mark.parametrize("low", [-1.0, 3.0, -200.0])
def test_points_stay_in_boxes_wherever_they_lie_and_their_values_are_true(low):
    box = [(low, low + 7.0), (low - 1.0, low + 0.5)] * 100
    edge = np.array(box)

    def fun(x):
        z = (x - edge[:, 0]) / (edge[:, 1] - edge[:, 0])
        return few(z)

    seen = []
    result = minimize(lambda x: seen.append(x) or fun(x), box, budget=400, seed=0, algorithm="sre")
    assert (np.array(seen) >= edge[:, 0]).all()
    assert (np.array(seen) <= edge[:, 1]).all()
    assert result.fun == fun(result.x)
    assert result.fun < 0.2


def test_rows_are_the_clipped_product_of_the_matrix():
    solver = RandomEmbedding(BOX, budget=100, seed=3, low_dimension=4, n_stages=1, variance=0.5)
    candidate = solver.ask()
    y = solver._stage.inner.in_flight[0].u
    rng = spawn_generator(solver._seed, "inner", 0)
    matrix = np.sqrt(0.5) * rng.standard_normal((4, 500))
    assert np.allclose(candidate.u, np.clip(y @ matrix, -1.0, 1.0), atol=1e-12)


def test_a_stage_begins_at_the_best_so_far():
    solver = RandomEmbedding(BOX, budget=250, seed=0, n_stages=5)
    run(solver, 49)
    solver.tell_point([0.2] * 500, -1.0)
    run(solver, 1)
    assert solver._stage.inner.space.n_columns == 10
    run(solver, 1)
    assert solver._stage.inner.space.n_columns == 11
    center = solver._stage.row(np.array([1.0] + [0.0] * 10))
    assert np.allclose(center, 0.2)


@pytest.mark.parametrize(
    ("options", "budgets", "lengths"),
    [
        ({"n_stages": 4}, [55, 55, 55, 58], [55, 55, 55, 58]),
        ({"n_stages": 3, "stage_budget": 40}, [40, 40, 143], [40, 40, 143]),
        ({"n_stages": 9, "stage_budget": 100}, [100, 100, 100], [100, 100, 23]),
    ],
)
def test_the_budget_is_split_and_its_remainder_spent(options, budgets, lengths):
    made = []

    def inner(space, **given):
        made.append((given["budget"], space))
        return SRacos(space, **given)

    solver = RandomEmbedding(BOX, budget=223, seed=0, inner=inner, **options)
    stages = []
    for _ in range(223):
        run(solver, 1)
        stages.append(len(made) - 1)
    assert [budget for budget, _ in made[1:]] == budgets  # the first is a trial
    assert [stages.count(k + 1) for k in range(len(made) - 1)] == lengths


def test_a_late_result_of_an_old_stage_counts_for_the_best():
    solver = RandomEmbedding(BOX, budget=100, seed=0, n_stages=2)
    late = solver.ask()
    run(solver, 60)
    assert solver._n_begun == 2
    solver.tell(late, -5.0)
    assert solver.best.candidate is late
    assert solver.best.value == -5.0


def test_whole_numbers_are_rounded_and_no_row_is_asked_twice():
    space = [Integer(-10, 10), Real(0.0, 1.0, step=0.5), Integer(1, 100, log=True)] * 20
    solver = RandomEmbedding(space, budget=300, seed=0)
    told = run(solver, 300, lambda u: float(np.abs(u[:6]).sum()))
    for candidate, _ in told:
        assert solver.space.contains(candidate.x)
    assert len({candidate.u.tobytes() for candidate, _ in told}) == 300


def test_unordered_dimensions_are_refused_by_name():
    with pytest.raises(ValueError, match="'kind' has no order"):
        RandomEmbedding({"rate": Real(0.0, 1.0), "kind": Choice(["a", "b"])})
    with pytest.raises(ValueError, match="at least 1,000,000 points"):
        RandomEmbedding([Integer(0, 9)] * 5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"low_dimension": 0}, "low_dimension must be at least 1"),
        ({"low_dimension": [Choice(["a", "b"])]}, "must have continuous dimensions only"),
        ({"low_dimension": [(-1.0, 1.0), (0.5, 0.5)]}, "must have continuous dimensions only"),
        ({"train_size": -1}, "train_size must be at least 1"),
        ({"inner": "poss"}, "poss"),
        ({"n_stages": 0}, "n_stages must be at least 1"),
        ({"stage_budget": 0}, "stage_budget must be at least 1"),
        ({"variance": 0.0}, "variance must be above 0"),
        ({"withdraw": (1.0, -1.0)}, "1.0"),
        ({"inner": "no such"}, "algorithm must be one of"),
    ],
)
def test_bad_settings_are_named(options, words):
    with pytest.raises(ValueError, match=words):
        RandomEmbedding(BOX, budget=100, **options)


@pytest.mark.parametrize(
    "inner", ["racos", "random", "pces", functools.partial(PCES, sigma=0.3), "ssracos", "noisy"]
)
def test_any_solver_may_be_inside(inner):
    result = minimize(
        lambda x, rng: few(x) + rng.normal(0.0, 0.01),
        BOX,
        budget=400,
        seed=0,
        algorithm=functools.partial(RandomEmbedding, inner=inner, n_stages=2),
    )
    assert result.nfev == 400
    assert few(result.x) < 0.19  # the middle has 0.2
    assert np.abs(result.x).max() <= 1.0
    if inner not in ("racos", "random"):
        assert result.nfev_x > 1
        assert abs(result.fun - few(result.x)) < 0.05


def test_options_go_to_the_inner_solver():
    solver = RandomEmbedding(BOX, budget=100, seed=0, uncertain_bits=3, train_size=8)
    solver.ask()
    assert solver._stage.inner.uncertain_bits == 3
    assert solver._stage.inner.train_size == 8


def test_initial_points_are_evaluated_first_and_the_search_begins_at_the_best():
    starts = [[0.5] * 500, [0.2] * 500, [0.5] * 500]
    solver = RandomEmbedding(BOX, budget=100, seed=0, x0=starts)
    told = run(solver, 3)
    assert [candidate.x for candidate, _ in told[:2]] == starts[:2]
    assert told[2][0].x not in starts
    assert np.allclose(solver._stage.row(np.array([1.0] + [0.0] * 10)), 0.2)


def test_initial_points_leave_every_stage_its_part():
    solver = RandomEmbedding(BOX, budget=100, seed=0, x0=[[v] * 500 for v in np.linspace(0, 1, 40)])
    run(solver, 100)
    assert solver._n_begun == 5


def test_an_initial_point_that_was_lucky_once_proves_nothing():
    values = iter([-5.0] + [3.0] * 1000)
    result = minimize(
        lambda x: next(values), BOX, budget=300, seed=0, x0=[[0.1] * 500], terminal_value=-1.0,
        algorithm=functools.partial(RandomEmbedding, inner="noisy"),
    )  # fmt: skip
    assert result.nfev == 300
    assert result.fun == 3.0
    assert result.nfev_x > 1


def test_a_stage_that_has_nothing_new_is_followed_by_another():
    space = [Integer(1, 2000, log=True)] * 2
    solver = RandomEmbedding(space, budget=400, seed=0, variance=1e-6)
    told = run(solver, 400, lambda u: float(u.sum()))
    assert len({candidate.u.tobytes() for candidate, _ in told}) == 400


def test_a_foreign_point_is_the_next_center_also_of_a_repeating_solver():
    solver = RandomEmbedding(BOX, budget=300, seed=0, inner="noisy", n_stages=3)
    run(solver, 50)
    solver.tell_point([0.2] * 500, -100.0)
    run(solver, 51)
    assert np.allclose(solver._stage.row(np.array([1.0] + [0.0] * 10)), 0.2)


def test_the_filter_sees_points_of_the_whole_space():
    seen = []

    def passes(x):
        return len(x) == 500 and x[0] > 0.0

    result = minimize(
        lambda x: seen.append(x) or few(x), BOX, budget=200, seed=0, algorithm="sre",
        filter=passes, x0=[[-0.5] * 500, [0.5] * 500],
    )  # fmt: skip
    assert result.nfev == 200
    assert all(x[0] > 0.0 for x in seen)


def test_a_window_gives_the_run_of_one_worker_and_a_checkpoint_goes_on(tmp_path):
    options = {"budget": 150, "seed": 4, "window": 5, "algorithm": "sre"}
    alone = minimize(few, BOX, **options)
    many = minimize(few, BOX, workers=3, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()

    def stop(search):
        if search.nfev == 77:
            raise StopIteration

    minimize(few, BOX, checkpoint=tmp_path / "run.db", callbacks=[stop], **options)
    again = zoopt.resume(tmp_path / "run.db", few)
    assert again.history.tolist() == alone.history.tolist()
    assert (again.x == alone.x).all()


@pytest.mark.parametrize("n", [3000, 150_000])
def test_pickles_hold_no_matrix_and_go_on(n):
    solver = RandomEmbedding([(-1.0, 1.0)] * n, budget=60, seed=0, n_stages=2, low_dimension=8)
    run(solver, 20)
    assert len(pickle.dumps(solver._stage._matrix)) < 1000
    data = pickle.dumps(solver)
    twin = pickle.loads(data)
    for _ in range(40):
        a, b = solver.ask(), twin.ask()
        assert (a.u == b.u).all()
        solver.tell(a, few(a.u))
        twin.tell(b, few(b.u))


def test_without_a_budget_the_last_stage_goes_on():
    solver = RandomEmbedding(BOX, seed=0, stage_budget=30, n_stages=2)
    run(solver, 200)
    assert solver._n_begun == 2


class TestInOptMin:
    @staticmethod
    def objective(n=500):
        return Objective(lambda solution: few(solution.x), Dimension(n, [[-1, 1]] * n, [True] * n))

    HIGH = {"high_dim_handling": True, "reducedim": True}  # noqa: RUF012

    def test_it_reaches_what_zoopts_own_test_asks(self):
        parameter = Parameter(budget=2000, seed=0, **self.HIGH)
        solution = Opt.min(self.objective(10_000), parameter)
        assert solution.result.message.startswith("sre stopped")
        assert solution.result.nfev == 2000
        assert solution.get_value() < 0.1  # zoopt 0.4.2's own bound is 0.3
        assert few(solution.x) == solution.get_value()

    @pytest.mark.parametrize("times", [1, 2])
    def test_its_settings_arrive(self, times):
        made = []
        noise = {"noise_handling": True, "resampling": True, "resample_times": times}

        class Spy(RandomEmbedding):
            def __init__(self, space, **options):
                made.append(options)
                super().__init__(space, **options)

        zoopt.register("sre", Spy)
        try:
            Opt.min(
                self.objective(),
                Parameter(
                    budget=300,
                    seed=0,
                    num_sre=3,
                    low_dimension=Dimension(4, [[-2, 2]] * 4, [True] * 4),
                    withdraw_alpha=Dimension(1, [[0.5, 1.5]], [True]),
                    variance_A=0.5,
                    sequential=False,
                    **(noise if times > 1 else {}),
                    **self.HIGH,
                ),
            )
        finally:
            zoopt.register("sre", RandomEmbedding)
        (options,) = made
        assert options["inner"] == "racos"
        assert options["n_stages"] == 3
        assert options["variance"] == 0.5
        assert options["withdraw"] == [0.5, 1.5]
        assert options["low_dimension"] == [[-2.0, 2.0]] * 4
        assert options["train_size"] == Parameter(budget=100 // times).get_train_size()

    @pytest.mark.parametrize(
        "noise",
        [{}, {"suppression": True, "resample_times": 5}, {"resampling": True, "resample_times": 5}],
    )
    def test_noise_handling_works_inside(self, noise):
        rng = np.random.default_rng(0)
        objective = self.objective()
        objective.set_func(lambda solution: few(solution.x) + rng.normal(0.0, 0.05))
        parameter = Parameter(budget=1500, seed=0, noise_handling=True, **noise, **self.HIGH)
        result = Opt.min(objective, parameter).result
        assert result.nfev == 1500
        assert result.nfev_x > 1
        assert few(result.x) < 0.19  # the middle has 0.2

    @pytest.mark.parametrize(
        "noise", [{}, {"noise_handling": True, "resampling": True, "resample_times": 4}]
    )
    def test_a_checkpoint_goes_on(self, noise, tmp_path):
        options = {"budget": 150, "seed": 3, "num_sre": 3, **noise, **self.HIGH}
        alone = Opt.min(self.objective(), Parameter(**options)).result
        path = tmp_path / "run.db"

        def stop(search):
            if search.nfev == 77:
                raise StopIteration

        Opt.min(self.objective(), Parameter(checkpoint=path, callbacks=[stop], **options))
        again = zoopt.resume(path, self.objective()).result
        assert again.history.tolist() == alone.history.tolist()
        assert (again.x == alone.x).all()

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"low_dimension": Dimension(2, [[0, 0], [-1, 1]], [True] * 2)}, "must be continuous"),
            ({"withdraw_alpha": Dimension(1, [[-1, 1]], [False])}, "must be continuous"),
            ({"withdraw_alpha": Dimension(2, [[-1, 1]] * 2, [True] * 2)}, "one range"),
        ],
    )
    def test_bad_spaces_of_embeddings_are_named(self, settings, words):
        with pytest.raises(ValueError, match=words):
            Opt.min(self.objective(), Parameter(budget=50, **settings, **self.HIGH))

    def test_bits_are_refused_by_name(self):
        objective = Objective(lambda s: 0.0, Dimension(30, [[0, 1]] * 30, [False] * 30))
        with pytest.raises(ValueError, match="dimension 0 has no order"):
            Opt.min(objective, Parameter(budget=50, **self.HIGH))


def test_later_stages_that_shrink_end_nearer_to_a_smooth_optimum():
    def median(**options):
        found = []
        for seed in range(7):
            solver = RandomEmbedding([(-1.0, 1.0)] * 500, budget=1000, seed=seed, **options)
            for _ in range(1000):
                candidate = solver.ask()
                solver.tell(candidate, float(((candidate.u[:5] - 0.3) ** 2).sum()))
            found.append(solver.best.value)
        return float(np.median(found))

    assert median(n_stages=10, shrinkage=0.6) < 0.2 * min(median(), median(n_stages=10))


@pytest.mark.parametrize("bad", [0.0, -0.5, 1.5, "half"])
def test_a_shrinkage_is_a_part(bad):
    with pytest.raises((ValueError, TypeError), match="shrinkage"):
        RandomEmbedding([(-1.0, 1.0)] * 500, shrinkage=bad)
