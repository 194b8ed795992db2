"""NoisyRace: its stages, which of the two goes on, and what the default for noise promises."""

import math
import pickle

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Dimension, Integer, NoisyRace, Objective, Opt, Parameter, Real, minimize
from zoopt.core.evaluation import Evaluation
from zoopt.wrappers import noisy

BOX = [(-1.0, 1.0)] * 8


def sphere(x):
    return float(((np.asarray(x) - 0.2) ** 2).sum())


def noisy_sphere(x, rng):
    return sphere(x) + rng.normal(0.0, 0.1)


def rastrigin(x):
    """Many valleys, in a box ten units wide."""
    z = 5.0 * (np.asarray(x) - 0.37)
    return float((z**2 - 10.0 * np.cos(2.0 * np.pi * z) + 10.0).sum())


def test_with_one_valley_the_population_goes_on_and_its_mean_is_the_answer():
    result = minimize(noisy_sphere, BOX, budget=2000, seed=0, noisy=True)
    assert result.message.startswith("noisy: pces stopped after 2000 evaluations")
    assert result.nfev == 2000
    assert result.nfev_x == 50
    assert result.fun == pytest.approx(result.history[-50:].mean())
    assert sphere(result.x) < 0.05


def test_with_many_valleys_suppression_goes_on_and_its_point_is_polished():
    found, polished = [], []
    for seed in range(7):
        solver = NoisyRace(BOX, budget=4000, seed=seed)
        rng, names = np.random.default_rng(seed), []
        for _ in range(4000):
            candidate = solver.ask()
            names.append(solver.title)
            if names[-1] == "noisy: ssracos":
                found.append(solver._suppression.recommend())
            solver.tell(candidate, rastrigin(candidate.x) + rng.normal(0.0, 2.0))
        if "noisy: ssracos" in names:
            found[len(polished) :] = [rastrigin(found[-1].x)]
            polished.append(rastrigin(solver.recommend().x))
            assert names.index("noisy: ssracos") < 0.2 * 4000
            start = names.index("noisy: pces")
            assert start >= 0.55 * 4000
            assert names[start:] == ["noisy: pces"] * (4000 - start)
    assert len(polished) >= 5
    assert np.median(np.array(polished) / np.array(found)) < 0.7


@pytest.mark.parametrize("population_wins", [True, False])
def test_the_better_of_two_checked_points_decides(population_wins):
    solver, n_checks, firsts = NoisyRace(BOX, budget=4000, seed=1), 0, {}
    while solver.title == "noisy":
        candidate = solver.ask()
        value, first = sphere(candidate.x), firsts.setdefault(tuple(candidate.x), candidate.id)
        if isinstance(solver._stage, noisy._Check):
            n_checks += 1
            assert candidate.move == (None if first == candidate.id else (first,))
            is_population = bool((candidate.u == solver._stage.checked[0].candidate.u).all())
            value = 0.0 if is_population == population_wins else 1.0
        solver.tell(candidate, value)
    assert solver.title == ("noisy: pces" if population_wins else "noisy: ssracos")
    assert n_checks == 2 * 20
    assert solver.n_asked == pytest.approx(2 * 200 + n_checks, abs=2)
    assert solver.proven.value == 0.0
    assert solver.proven.n_calls == 20


def test_the_feasible_one_of_two_checked_points_wins():
    solver = NoisyRace(BOX, budget=2000, seed=1)
    while solver.title == "noisy":
        candidate = solver.ask()
        evaluation = Evaluation(sphere(candidate.x))
        if (
            isinstance(solver._stage, noisy._Check)
            and (candidate.u == solver._stage.checked[0].candidate.u).all()
        ):
            evaluation = Evaluation(-9.0, violation=1.0)
        solver.tell(candidate, evaluation)
    assert solver.title == "noisy: ssracos"
    assert solver.proven.value > 0.0


def test_the_name_is_constant_and_the_title_says_who_is_at_work():
    solver = NoisyRace(BOX, budget=600, seed=0)
    titles = set()
    for _ in range(600):
        candidate = solver.ask()
        assert solver.name == NoisyRace.name == "noisy"
        titles.add(solver.title)
        solver.tell(candidate, sphere(candidate.x))
    assert titles == {"noisy", "noisy: pces"}


def test_an_ask_in_vain_changes_nothing():
    for seed in range(3):
        solver = NoisyRace(BOX, budget=1000, seed=seed)
        flight, n_vain = [], 0
        rng = np.random.default_rng(seed)
        while solver.n_asked < 700:
            before = pickle.dumps(solver)
            candidate = solver.ask()
            if candidate is not None:
                flight.append(candidate)
                continue
            assert pickle.dumps(solver) == before
            n_vain += 1
            for _ in range(rng.integers(1, len(flight) + 1)):
                told = flight.pop(rng.integers(len(flight)))
                solver.tell(told, sphere(told.x))
        assert n_vain > 5


def test_a_point_from_elsewhere_reaches_both():
    solver = NoisyRace(BOX, budget=1000, seed=0)
    for _ in range(60):
        candidate = solver.ask()
        solver.tell(candidate, sphere(candidate.x))
    solver.tell_point([0.2] * 8, -1.0)
    assert solver._suppression.positives[0][1].tolist() == [0.2] * 8
    assert np.allclose(solver._stage.population.mean, [0.2] * 8)
    assert solver.best.value == -1.0


@pytest.mark.parametrize("space", ["continuous", "mixed", "bits"])
def test_a_run_is_its_budget_and_its_answer_an_honest_mean(space):
    dimensions, true = {
        "continuous": (BOX, sphere),
        "mixed": (
            [Real(-1.0, 1.0), Integer(0, 9), Choice(list("abcd"))],
            lambda x: x[0] ** 2 + (x[1] - 7) ** 2 / 20 + (x[2] != "b"),
        ),
        "bits": (zoopt.Space.subsets(12), lambda x: float((~np.asarray(x)).sum()) / 6),
    }[space]
    result = minimize(
        lambda x, rng: true(x) + rng.normal(0.0, 0.2), dimensions, budget=800, seed=0, noisy=True
    )
    assert result.nfev == 800
    assert result.nfev_x >= 5
    assert 0.0 < result.fun_std < 0.2
    assert abs(result.fun - true(result.x)) < 5 * result.fun_std
    assert true(result.x) < 0.25


def test_initial_points_are_evaluated_first_and_the_population_begins_at_the_first():
    starts = [[0.9] * 8, [-0.9] * 8, [0.9] * 8]
    solver = NoisyRace(BOX, budget=600, seed=0, x0=starts)
    asked = [solver.ask() for _ in range(12)]
    assert [candidate.x for candidate in asked[:2]] == starts[:2]
    assert sum(candidate.x in starts for candidate in asked) == 2
    assert np.allclose(solver._stage.population.mean, starts[0])


def test_an_early_end_recommends_the_mean_under_way():
    result = minimize(
        noisy_sphere, BOX, budget=4000, seed=0, noisy=True, stop=lambda search: search.nfev >= 1500
    )
    assert result.nfev == 1500
    assert result.nfev_x >= 10
    assert sphere(result.x) < 0.1


def test_a_terminal_value_waits_for_what_is_proven():
    for seed in range(8):
        result = minimize(
            noisy_sphere, BOX, budget=1500, seed=seed, noisy=True, terminal_value=-0.08
        )
        assert result.history.min() < -0.08  # one lucky value is not enough
        assert result.status == "budget"


@pytest.mark.parametrize("algorithm", ["pces", "noisy"])
def test_past_the_planned_end_what_was_found_since_counts(algorithm, tmp_path):
    options = {"seed": 0, "algorithm": algorithm, "checkpoint": tmp_path / "run.db"}
    first = minimize(noisy_sphere, BOX, budget=100, **options)
    result = zoopt.resume(tmp_path / "run.db", noisy_sphere, budget=3000)
    assert sphere(result.x) < 0.5 * sphere(first.x)
    assert sphere(result.x) < 0.1


@pytest.mark.parametrize("n", [25, 70, 250])
def test_more_initial_points_than_the_race_has_are_all_evaluated(n):
    starts = [[v] * 3 for v in np.linspace(-1.0, 1.0, n)]
    seen = []

    def fun(x):
        seen.append(x.tolist())
        return sphere(x)

    result = minimize(fun, [(-1.0, 1.0)] * 3, budget=300, seed=0, noisy=True, x0=starts)
    assert result.nfev == 300
    assert seen[:n] == starts


@pytest.mark.parametrize(
    ("space", "passes"),
    [
        ([(-1.0, 1.0)] * 3, lambda x: bool((x > 0.5).all())),  # the population cannot begin
        (zoopt.Space.subsets(12), lambda x: x.sum() == 2),  # suppression comes to an end
    ],
)
def test_where_the_filter_stops_one_the_other_goes_on(space, passes):
    for seed in range(4):
        result = minimize(
            lambda x, rng: float(np.arange(len(x)) @ x + rng.normal(0.0, 0.1)),
            space, budget=400, seed=seed, noisy=True, filter=passes,
        )  # fmt: skip
        assert result.nfev == 400
        assert passes(result.x)
    hopeless = NoisyRace(space, budget=400, seed=0)
    hopeless.filter = lambda candidate: False
    for _ in range(2):
        with pytest.raises(zoopt.NothingFeasible):
            hopeless.ask()
    hopeless.filter = None
    assert hopeless.ask().id == 0


@pytest.mark.parametrize("fails_first", [True, False])
def test_a_narrow_filter_and_nothing_good_at_first_are_not_the_end(fails_first):
    """Two points of 51 pass; the first calls fail, or nothing is feasible ever."""
    n_stopped = 0
    for seed in range(6):
        n = 0

        def fun(x):
            nonlocal n
            n += 1
            if fails_first and n <= 30:
                raise ValueError("not yet")
            return float(x[0])

        try:
            result = minimize(
                fun, [Integer(0, 50)], budget=300, seed=seed, noisy=True, on_error="record",
                filter=lambda x: x[0] >= 49,
                constraint=None if fails_first else lambda x: -1.0 - abs(x[0] - 49),
            )  # fmt: skip
        except zoopt.NothingFeasible:  # one proposal in a thousand passes
            n_stopped += 1
            continue
        assert result.nfev == 300
        assert result.success is fails_first
    assert n_stopped <= 2


def test_what_others_told_and_the_filter_rejects_is_never_asked():
    for seed in range(5):
        solver = NoisyRace([Integer(0, 9)] * 2, budget=400, seed=seed)
        solver.filter = lambda candidate: bool((candidate.u >= 8).all())
        solver.tell_point([0, 0], -100.0)
        rng = np.random.default_rng(seed)
        for _ in range(400):
            candidate = solver.ask()
            assert (candidate.u >= 8).all()
            solver.tell(candidate, float(candidate.u.sum() + rng.normal()))


def test_one_value_proves_nothing():
    for seed in range(10):
        solver, rng = NoisyRace(BOX, budget=60, seed=seed), np.random.default_rng(seed)
        for _ in range(60):
            candidate = solver.ask()
            solver.tell(candidate, sphere(candidate.x) + rng.normal())
            assert solver.proven is None or solver.proven.n_calls >= 2
        assert solver.recommend().n_calls >= 2


@pytest.mark.parametrize("space", [[Integer(2, 2)], [Integer(0, 1)]])
def test_a_tiny_space_whose_first_calls_fail_is_not_the_end(space):
    calls = []

    def fun(x):
        calls.append(x)
        if len(calls) < 3:
            raise ValueError("not yet")
        return 1.0

    result = minimize(fun, space, budget=200, seed=0, noisy=True, on_error="record")
    assert result.nfev == 200
    assert result.fun == 1.0


def test_a_window_gives_the_run_of_one_worker_and_a_checkpoint_goes_on(tmp_path):
    options = {"budget": 500, "seed": 4, "window": 5, "noisy": True}
    alone = minimize(noisy_sphere, BOX, **options)
    many = minimize(noisy_sphere, BOX, workers=3, backend="thread", **options)
    assert many.history.tolist() == alone.history.tolist()
    for n in (60, 130, 311):

        def stop(search, n=n):
            if search.nfev == n:
                raise StopIteration

        path = tmp_path / f"{n}.db"
        minimize(noisy_sphere, BOX, checkpoint=path, callbacks=[stop], **options)
        again = zoopt.resume(path, noisy_sphere)
        assert again.history.tolist() == alone.history.tolist()
        assert again.fun == alone.fun
        assert again.message == alone.message


def test_it_pickles_in_every_stage():
    for n in (30, 110, 125, 300, 520, 599):
        solver = NoisyRace(BOX, budget=600, seed=0)
        rng = np.random.default_rng(3)
        values = rng.normal(size=600)
        for i in range(n):
            candidate = solver.ask()
            solver.tell(candidate, rastrigin(candidate.x) + values[i])
        twin = pickle.loads(pickle.dumps(solver))
        for i in range(n, 600):
            a, b = solver.ask(), twin.ask()
            assert (a.u == b.u).all()
            assert (a.id, a.move) == (b.id, b.move)
            solver.tell(a, rastrigin(a.x) + values[i])
            twin.tell(b, rastrigin(b.x) + values[i])
        assert solver.recommend().value == twin.recommend().value


def test_nothing_that_the_filter_rejects_is_asked():
    def passes(x):
        return abs(sphere(x) - 0.5) < 0.4  # the best, and the mean there, are rejected

    seen = []

    def fun(x, rng):
        seen.append(x.copy())
        return noisy_sphere(x, rng)

    for n in (600, 400):
        result = minimize(
            fun, [(-1.0, 1.0)] * 3, budget=600, seed=0, noisy=True, filter=passes,
            stop=lambda search, n=n: search.nfev >= n,
        )  # fmt: skip
        assert result.nfev == n
        assert all(passes(x) for x in seen)
        assert passes(result.x)


def test_the_answer_is_feasible_even_where_the_mean_is_not():
    result = minimize(
        noisy_sphere, BOX, budget=2000, seed=0, noisy=True, constraint=lambda x: x.sum() - 2.0
    )
    assert result.success
    assert result.x.sum() >= 2.0
    assert sphere(result.x) < 0.4  # 0.02 is the least


def test_failures_and_infinities_lose_no_run():
    outcomes = [
        lambda x: Evaluation(math.nan, "failed", error="boom"),
        lambda x: math.inf,
        lambda x: -math.inf,
        lambda x: math.nan,
        sphere,
    ]
    solver = NoisyRace(BOX, budget=400, seed=0)
    for i in range(400):
        candidate = solver.ask()
        solver.tell(candidate, outcomes[i % 5](candidate.x))
    assert solver.recommend() is not None
    hopeless = NoisyRace(BOX, budget=400, seed=0)
    for _ in range(400):
        hopeless.tell(hopeless.ask(), math.nan)
    assert hopeless.recommend() is None


@pytest.mark.parametrize("budget", [1, 2, 3, 7, 20, 61])
def test_small_budgets_are_spent_exactly(budget):
    result = minimize(noisy_sphere, BOX, budget=budget, seed=0, noisy=True)
    assert result.nfev == budget
    assert result.success


def test_without_a_budget_it_goes_on():
    solver = NoisyRace(BOX, seed=0)
    for _ in range(3000):
        candidate = solver.ask()
        solver.tell(candidate, sphere(candidate.x))
    assert solver.title == "noisy: pces"
    assert sphere(solver.recommend().x) < 1e-6


def test_where_the_population_cannot_go_suppression_is_alone():
    solver = NoisyRace([Choice(range(2000)), Real(0.0, 1.0)], budget=200, seed=0)
    for _ in range(200):
        assert solver.title == "noisy: ssracos"
        candidate = solver.ask()
        solver.tell(candidate, candidate.x[1])
    assert solver.recommend().n_calls > 1


class TestInOptMin:
    @staticmethod
    def objective():
        rng = np.random.default_rng(5)
        return Objective(
            lambda solution: sphere(solution.get_x()) + rng.normal(0.0, 0.1),
            Dimension(8, [[-1, 1]] * 8, [True] * 8),
        )

    def test_noise_handling_alone_chooses_and_says_which(self):
        solution = Opt.min(self.objective(), Parameter(budget=1000, seed=0, noise_handling=True))
        assert solution.result.message.startswith("noisy: pces")
        assert solution.result.nfev == 1000
        assert solution.get_value() == solution.result.fun
        assert sphere(solution.get_x()) < 0.1

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"algorithm": "sracos"}, "needs a method"),
            ({"algorithm": "random"}, "needs a method"),
            ({"sequential": False}, "sequential=True"),
            ({"uncertain_bits": 1}, "uncertain_bits has no effect"),
            ({"exploration_rate": 0.5}, "exploration_rate has no effect"),
            ({"resample_times": 7}, "resample_times has no effect"),
            ({"non_update_allowed": 7}, "non_update_allowed has no effect"),
            ({"balance_rate": 0.9}, "balance_rate has no effect"),
            ({"algorithm": "pces", "balance_rate": 0.9}, "balance_rate has no effect"),
            ({"autoset": False}, "positive_size has no effect"),
        ],
    )
    def test_what_does_not_go_together_is_named(self, settings, words):
        parameter = Parameter(budget=100, noise_handling=True, **settings)
        with pytest.raises(ValueError, match=words):
            Opt.min(self.objective(), parameter)

    def test_resampling_of_the_default_is_no_contradiction(self):
        parameter = Parameter(
            budget=300, seed=0, algorithm="noisy", noise_handling=True, resampling=True,
            resample_times=5,
        )  # fmt: skip
        assert Opt.min(self.objective(), parameter).result.nfev == 300

    def test_what_is_made_for_noise_may_be_named(self):
        parameter = Parameter(budget=500, seed=0, algorithm="pces", noise_handling=True)
        assert Opt.min(self.objective(), parameter).result.message.startswith("pces stopped")


def test_noisy_chooses_the_algorithm_itself():
    with pytest.raises(ValueError, match="noisy=True chooses the algorithm itself"):
        minimize(noisy_sphere, BOX, budget=10, noisy=True, algorithm="racos")
