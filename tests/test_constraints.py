"""Constraints and filters with every solver: the order they make, what is feasible, bad ones."""

import math
import pickle

import numpy as np
import pytest
from objectives import BOX, sphere

import zoopt
from zoopt import (
    AllEvaluationsFailed,
    Dimension,
    Evaluation,
    EvaluationWarning,
    NothingFeasible,
    Objective,
    Opt,
    Parameter,
    minimize,
)
from zoopt.core.registry import make_solver, registered
from zoopt.testing import spaces_for

#: Those for which a single value counts, on any space.
SOLVERS = [
    name
    for name, solver in sorted(registered().items())
    if spaces_for(name, ["continuous"]) and not solver.repeats
]


#: Those that go to the end of small spaces, too.
ON_SMALL_SPACES = [name for name in SOLVERS if spaces_for(name, ["tiny"])]


def below_half(x):
    """At least 0 where the sum is at most 0.5; the sphere's optimum is at a sum of 0.8."""
    return 0.5 - x.sum()


class Watch:
    """Keeps every point with what became of it."""

    def __init__(self):
        self.points, self.told = [], []

    def on_tell(self, search, candidate, evaluation):
        self.points.append(np.array(candidate.x, float))
        self.told.append(evaluation)


# ----------------------------------------------------------------- the order


@pytest.mark.parametrize("name", SOLVERS)
def test_feasible_by_value_before_infeasible_by_violation(name):
    """Against the order written down, for values and violations that the points do not decide."""
    rng = np.random.default_rng(1)
    for start in range(20):
        solver = make_solver(name, BOX, budget=60, seed=start)
        told = []
        for i in range(60):
            candidate = solver.ask()
            value = float(rng.integers(5))
            violation = float(rng.integers(-2, 4)) if i > start else float(rng.integers(1, 4))
            solver.tell(candidate, Evaluation(value, violation=violation))
            told.append((max(violation, 0.0), value, i, candidate))
            least = min(told)
            assert solver.closest.candidate is least[3]
            assert solver.best == (solver.closest if least[0] == 0.0 else None)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_found_is_feasible_and_the_best_of_what_was_tried(name, seed):
    watch = Watch()
    result = minimize(
        sphere,
        BOX,
        budget=200,
        algorithm=name,
        seed=seed,
        constraint=below_half,
        callbacks=[watch],
    )
    violations = np.array([-below_half(x) for x in watch.points])
    assert (result.violations == violations).all()
    feasible = violations <= 0.0
    assert feasible.any()
    assert not feasible.all()
    assert result.success
    assert result.maxcv == 0.0
    assert below_half(result.x) >= 0.0
    assert result.fun == sphere(result.x) == result.history[feasible].min()
    assert (result.best_history[1:] <= result.best_history[:-1]).all()
    assert result.best_history[-1] == result.fun
    assert math.isinf(result.best_history[0]) == (not feasible[0])


@pytest.mark.parametrize("name", [n for n in SOLVERS if n != "random"])
def test_a_search_with_a_constraint_beats_one_that_does_not_learn(name):
    def ours(seed, algorithm):
        return minimize(
            sphere, BOX, budget=300, algorithm=algorithm, seed=seed, constraint=below_half
        ).fun

    wins = sum(ours(seed, name) < ours(seed, "random") for seed in range(20))
    assert wins >= 16  # of 20; a fair coin has that with probability 0.006


@pytest.mark.parametrize(
    ("constraint", "violation"),
    [
        (lambda x: -0.25, 0.25),
        (lambda x: [1.0, -0.5, 2.0], 0.5),
        (lambda x: np.array([[1.0, -0.5]]), 0.5),
        ([lambda x: 1.0, lambda x: [3.0, -2.0]], 2.0),
        ((lambda x: 1.0, lambda x: 2), -1.0),
        (lambda x: [], -math.inf),
        (lambda x: math.inf, -math.inf),
        (lambda x: -math.inf, math.inf),
    ],
)
def test_of_several_the_worst_counts(constraint, violation):
    result = minimize(sphere, BOX, budget=10, seed=0, constraint=constraint)
    assert (result.violations == violation).all()
    assert result.success == (violation <= 0.0)


@pytest.mark.parametrize("answer", [True, False, np.True_, np.array([True, False])], ids=repr)
@pytest.mark.parametrize("n", [1, 2])
def test_a_truth_value_is_no_constraint(answer, n):
    """``x.sum() <= 1`` instead of ``1 - x.sum()``: False would be 0, and so feasible."""
    constraint = (lambda x: answer) if n == 1 else [lambda x: 1.0, lambda x: answer]
    with pytest.raises(TypeError, match="must return numbers, at least 0 where it holds"):
        minimize(sphere, BOX, budget=40, seed=0, constraint=constraint)


def test_where_nothing_is_feasible_the_least_violation_is_returned_and_said():
    watch = Watch()
    result = minimize(
        sphere, BOX, budget=50, seed=0, constraint=lambda x: x.sum() - 5, callbacks=[watch]
    )
    assert not result.success
    assert result.maxcv == result.violations.min() > 0.0
    assert (result.x == watch.points[int(result.violations.argmin())]).all()
    assert result.fun == sphere(result.x)
    assert "no feasible point was found, the least violation is" in result.message
    assert "maxcv" in repr(result)
    assert np.isinf(result.best_history).all()


def test_the_goal_counts_only_where_it_is_feasible():
    watch = Watch()
    result = minimize(
        lambda x: -1.0 if x.sum() > 0.5 else 1.0,
        BOX,
        budget=50,
        seed=0,
        constraint=below_half,
        terminal_value=0.0,
        callbacks=[watch],
    )
    assert -1.0 in result.history
    assert (result.status, result.fun) == ("budget", 1.0)


# ----------------------------------------------------------------- where it runs


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("backend", ["thread", "process"])
def test_it_runs_with_the_objective_wherever_that_is(name, backend):
    way = {
        "budget": 60,
        "seed": 3,
        "window": 4,
        "algorithm": name,
        "constraint": [below_half, lambda x: x[0] - x[1]],
        "filter": lambda x: x[2] < 0.5,
    }
    alone = minimize(sphere, BOX, **way)
    result = minimize(sphere, BOX, backend=backend, workers=2, **way)
    assert (result.history == alone.history).all()
    assert (result.violations == alone.violations).all()


def test_a_checkpoint_keeps_violations_and_asks_for_the_constraint(tmp_path):
    def stop(search):
        if search.nfev == 40:
            raise StopIteration

    path, way = tmp_path / "run.db", {"budget": 90, "seed": 2}
    ours = {"constraint": below_half, "filter": lambda x: x[0] > -0.5}
    whole = minimize(sphere, BOX, **way, **ours)
    minimize(sphere, BOX, **way, **ours, checkpoint=path, callbacks=[stop])
    for missing in ours:
        given = {name: value for name, value in ours.items() if name != missing}
        with pytest.raises(ValueError, match=f"{missing} must be passed again"):
            zoopt.resume(path, sphere, **given)
    other = {**ours, "constraint": lambda x: 0.4 - x.sum()}
    with pytest.raises(zoopt.JournalError, match="constraint"):
        zoopt.resume(path, sphere, **other)
    result = zoopt.resume(path, sphere, **ours)
    assert (result.history == whole.history).all()
    assert (result.violations == whole.violations).all()
    history = zoopt.load_history(path)
    assert (history.violations == whole.violations).all()
    assert history.best.value == whole.fun


@pytest.mark.parametrize("several", [False, True])
def test_with_vectorized_the_constraint_gets_the_matrix_too(several):
    shapes = []

    def matrix(points):
        shapes.append(points.shape)
        return 0.5 - points.sum(axis=1)

    constraint = [matrix, lambda points: points[:, :2] + 0.9] if several else matrix
    watch = Watch()
    result = minimize(
        lambda points: ((points - 0.2) ** 2).sum(axis=1),
        BOX,
        budget=200,
        seed=0,
        vectorized=True,
        constraint=constraint,
        callbacks=[watch],
    )
    expected = [
        max(x.sum() - 0.5, *(-x[:2] - 0.9)) if several else x.sum() - 0.5 for x in watch.points
    ]
    assert result.violations == pytest.approx(expected, abs=1e-12)
    assert result.success
    assert max(shapes)[0] > 1


def test_a_row_whose_constraint_is_nan_is_invalid_alone():
    result = minimize(
        lambda points: points[:, 0],
        BOX,
        budget=40,
        seed=0,
        vectorized=True,
        on_error="record",
        constraint=lambda points: np.where(points[:, 1] > 0, np.nan, 1.0),
    )
    assert 0 < result.failure_counts["invalid"] < 40
    assert "the constraint returned NaN" in result.failures[0].error


# ----------------------------------------------------------------- bad ones


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (math.nan, "the constraint returned NaN"),
        ([1.0, math.nan], "the constraint returned NaN"),
        (None, "the constraint must return a number or an array, got None"),
        ("one", "the constraint must return a number or an array, got 'one'"),
        (object(), "the constraint must return a number"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"backend": "process", "workers": 2}])
def test_a_constraint_that_returns_no_number_makes_the_evaluation_invalid(returned, words, options):
    def constraint(x):
        return returned if x[0] > 0.0 else 1.0

    result = minimize(
        sphere, BOX, budget=40, seed=0, constraint=constraint, on_error="record", **options
    )
    assert 0 < result.failure_counts["invalid"] == result.n_failed < 40
    assert words in result.failures[0].error
    assert result.failures[0].x[0] > 0.0
    assert result.success
    assert result.x[0] <= 0.0


def test_one_that_raises_does_too_and_names_which():
    def constraint(x):
        if x[0] > 0.0:
            raise KeyError("no such part")
        return 1.0

    result = minimize(
        sphere, BOX, budget=40, seed=0, constraint=[below_half, constraint], on_error="record"
    )
    assert 0 < result.failure_counts["invalid"] == result.n_failed < 40
    assert "constraint 1 raised KeyError: 'no such part'" in result.failures[0].error
    assert "in constraint" in result.failures[0].error  # where it was


class Panic(BaseException):
    """What bindings to other languages raise."""


@pytest.mark.parametrize("error", [Panic, GeneratorExit, SystemExit, StopIteration], ids=str)
@pytest.mark.parametrize("options", [{}, {"backend": "thread"}, {"workers": 2}], ids=str)
def test_whatever_a_constraint_raises_is_recorded(error, options):
    def constraint(x):
        if x[0] > 0.0:
            raise error("stop")
        return 1.0

    result = minimize(
        sphere, BOX, budget=40, seed=0, constraint=constraint, on_error="record", **options
    )
    assert result.nfev == 40
    assert 0 < result.failure_counts["invalid"] < 40
    assert f"raised {error.__name__}" in result.failures[0].error


def test_an_interrupt_in_a_constraint_ends_the_run():
    def constraint(x):
        if x[0] > 0.0:
            raise KeyboardInterrupt
        return 1.0

    assert minimize(sphere, BOX, budget=40, seed=0, constraint=constraint).status == "interrupted"


@pytest.mark.parametrize(
    "bad",
    [
        np.ma.masked,
        np.ma.masked_array([1.0, 2.0], [False, True]),
        [1.0, np.ma.masked],
        1 + 0j,
        np.complex128(1),
        np.array([1.0, 1j]),
        [np.complex64(1)],
        ["1.0"],
    ],
    ids=repr,
)
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.filterwarnings("error::numpy.exceptions.ComplexWarning")
def test_a_masked_or_complex_constraint_makes_the_evaluation_invalid(bad, n):
    def constraint(x):
        return bad if x[0] < 0.2 else 1.0

    result = minimize(
        sphere, BOX, budget=60, seed=0, constraint=[constraint] * n, on_error="record"
    )
    assert 0 < result.failure_counts["invalid"] == result.n_failed < 60
    assert result.x[0] >= 0.2


@pytest.mark.parametrize(
    "bad", [lambda x: np.ma.masked_where(x < 0, x + 2), lambda x: np.ma.masked_where(x < 0, x > -9)]
)
def test_masked_rows_of_a_vectorized_constraint_are_invalid_alone(bad):
    result = minimize(
        lambda points: points[:, 1],
        BOX,
        budget=60,
        seed=0,
        vectorized=True,
        on_error="record",
        constraint=lambda points: bad(points[:, 0]),
    )
    if bad(np.ones(1)).dtype == bool:  # a truth value is no constraint, masked or not
        assert result.n_failed == 60
    else:
        assert 0 < result.failure_counts["invalid"] < 60
        assert result.x[0] >= 0


def test_the_caller_gets_the_constraint_s_own_error_if_it_always_raises():
    def constraint(x):
        raise KeyError("no such part")

    with pytest.raises(KeyError, match="no such part"):
        minimize(sphere, BOX, budget=40, seed=0, constraint=constraint)
    with pytest.raises(TypeError, match="the constraint must return a number or an array, got"):
        minimize(sphere, BOX, budget=40, seed=0, constraint=lambda x: None)


@pytest.mark.parametrize(
    "bad", [{"constraint": "x + y"}, {"constraint": []}, {"constraint": [1]}, {"filter": 3}]
)
def test_what_cannot_be_called_is_refused_before_any_call(bad):
    def fun(x):
        raise AssertionError("it was called")

    (name,) = bad
    with pytest.raises(TypeError, match=f"{name} must be"):
        minimize(fun, BOX, budget=20, **bad)


# ----------------------------------------------------------------- the filter


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("seed", range(3))
def test_what_a_filter_rejects_is_never_evaluated_and_costs_nothing(name, seed):
    points = []

    def fun(x):
        points.append(x)
        return sphere(x)

    rejected = []

    def passes(x):
        if x.sum() <= 0.5:
            return 1
        rejected.append(x)
        return 0

    result = minimize(fun, BOX, budget=150, algorithm=name, seed=seed, filter=passes)
    assert result.nfev == len(points) == 150
    assert all(x.sum() <= 0.5 for x in points)
    assert rejected
    assert (result.timeline["id"] == np.arange(150)).all()


def test_batches_stay_whole_where_points_are_rejected():
    """Rounds of RACOS: as many are told between two changes of its sets as without a filter."""
    solver = make_solver("racos", BOX, budget=200, seed=0)
    solver.filter = lambda candidate: candidate.x[0] < 0.3
    sizes, n = [], 0
    while solver.n_asked < 200:
        candidate = solver.ask()
        if candidate is None:
            sizes.append(n)
            n = 0
            for waiting in solver.in_flight:
                solver.tell(waiting, sphere(np.array(waiting.x)))
        else:
            n += 1
    design = solver.train_size
    assert sizes[0] == design
    assert set(sizes[1:]) == {solver.train_size - solver.positive_size}


@pytest.mark.parametrize("name", SOLVERS)
def test_a_filter_that_nothing_passes_says_so_with_the_count(name):
    calls = []
    with pytest.raises(NothingFeasible, match="rejected 1,000 points in a row"):
        minimize(calls.append, BOX, budget=20, algorithm=name, filter=lambda x: False)
    assert not calls
    if name not in ON_SMALL_SPACES:
        return
    with pytest.raises(NothingFeasible, match="rejected all 8 points"):
        minimize(
            lambda **point: calls.append(point),
            dict.fromkeys("abc", zoopt.Integer(0, 1)),
            budget=20,
            algorithm=name,
            filter=lambda a, b, c: False,
        )
    assert not calls


@pytest.mark.parametrize("name", ON_SMALL_SPACES)
def test_a_small_space_is_exhausted_when_all_that_passes_was_evaluated(name):
    seen = []

    def fun(a, b):
        seen.append((a, b))
        return a + b

    space = {"a": zoopt.Integer(0, 4), "b": zoopt.Integer(0, 4)}
    result = minimize(
        fun, space, budget=100, algorithm=name, seed=0, filter=lambda a, b: (a + b) % 2
    )
    assert sorted(seen) == [(a, b) for a in range(5) for b in range(5) if (a + b) % 2]
    assert result.status == "exhausted"


def test_what_a_filter_raises_ends_the_run_with_it():
    def passes(x):
        raise OSError("no table")

    with pytest.raises(OSError, match="no table") as raised:
        minimize(sphere, BOX, budget=20, filter=passes)
    assert raised.value.zoopt_result.nfev == 0


def test_a_solver_with_a_filter_pickles_and_goes_on_the_same_way():
    solver = make_solver("sracos", BOX, budget=100, seed=4)
    solver.filter = first_is_small
    for _ in range(30):
        candidate = solver.ask()
        solver.tell(candidate, sphere(np.array(candidate.x)))
    copy = pickle.loads(pickle.dumps(solver))
    for _ in range(30):
        pair = solver.ask(), copy.ask()
        assert pair[0].x == pair[1].x
        assert pair[0].x[0] < 0.1
        for each, candidate in zip((solver, copy), pair, strict=True):
            each.tell(candidate, sphere(np.array(candidate.x)))


def first_is_small(candidate):
    return candidate.x[0] < 0.1


# ----------------------------------------------------------------- the ZOOpt API


def objective(constraint):
    return Objective(
        lambda solution: sphere(np.array(solution.get_x())),
        Dimension(4, [[-1, 1]] * 4, [True] * 4),
        constraint,
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"algorithm": "racos"},
        {"algorithm": "sracos"},
        {"sequential": False},
        {"algorithm": "asracos", "server_num": 2, "backend": "thread"},
        {"parallel": True, "server_num": 2, "window": 3},
    ],
)
def test_opt_min_honours_a_constraint_with_every_algorithm(settings):
    def constraint(solution):
        return 0.5 - sum(solution.get_x())

    solution = Opt.min(objective(constraint), Parameter(budget=200, seed=1, **settings))
    assert sum(solution.get_x()) <= 0.5
    violations = solution.result.violations
    assert (violations > 0).any()
    assert solution.get_value() == solution.result.history[violations <= 0].min()


def test_opt_min_warns_where_nothing_is_feasible_and_returns_the_closest():
    with pytest.warns(EvaluationWarning, match="no feasible point was found"):
        solution = Opt.min(objective(lambda solution: -1.0), Parameter(budget=20, seed=1))
    assert not solution.result.success
    assert solution.get_value() == solution.result.history.min()  # all violate alike
    broken = objective(lambda solution: math.nan)
    with pytest.raises(AllEvaluationsFailed), pytest.warns(EvaluationWarning):
        Opt.min(broken, Parameter(budget=20, seed=1))


def test_a_filter_of_opt_min_gets_the_solution():
    parameter = Parameter(budget=60, seed=1, filter=lambda solution: solution.get_x()[0] < 0)
    values = []

    def func(solution):
        values.append(solution.get_x()[0])
        return sum(solution.get_x())

    Opt.min(Objective(func, Dimension(2, [[-1, 1]] * 2, [True] * 2)), parameter)
    assert len(values) == 60
    assert max(values) < 0
