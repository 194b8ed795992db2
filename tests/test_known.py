"""Known points: reported to the solver before the run, in every form, at no cost."""

import pickle
import warnings

import numpy as np
import pytest

import zoopt
from zoopt import (
    Choice,
    Dimension,
    Evaluation,
    EvaluationWarning,
    Integer,
    JournalError,
    Objective,
    Opt,
    Parameter,
    Solution,
    Space,
    load_history,
    minimize,
    resume,
)
from zoopt.core.registry import registered
from zoopt.sracos_tune import SRacosTune
from zoopt.testing import spaces_for

BOX = [(-1.0, 1.0)] * 3
NAMED = {"rate": (0.0, 1.0), "depth": Integer(1, 5), "kind": Choice(["a", "b"])}
POINT = {"rate": 0.5, "depth": 2, "kind": "b"}


def sphere(x):
    return float((x**2).sum())


def rated(rate, depth, kind):
    return rate + depth + (kind == "a")


@pytest.fixture
def earlier(tmp_path):
    """Return the path of an earlier run over the same box."""
    path = tmp_path / "earlier.db"
    minimize(sphere, BOX, budget=40, seed=1, checkpoint=path)
    return path


# ----------------------------------------------------------------- forms


@pytest.mark.parametrize(
    "known",
    [
        [([0.0, 0.5, 0.0], -1.0)],
        [((0.0, 0.5, 0.0), -1)],
        ((np.array([0.0, 0.5, 0.0]), np.float64(-1.0)),),
        zip(np.array([[0.0, 0.5, 0.0]]), np.array([-1.0]), strict=True),
        [([0.0, 0.5, 0.0], Evaluation(-1.0))],
        [Solution(x=[0.0, 0.5, 0.0], value=-1.0)],
        [zoopt.Trial(7, [0.0, 0.5, 0.0], -1.0)],
    ],
    ids=lambda known: type(known).__name__,
)
def test_a_known_best_is_the_result_and_marked(known):
    points = []
    result = minimize(
        lambda x: points.append(x.tolist()) or sphere(x), BOX, budget=30, seed=0, known=known
    )
    assert (result.fun, result.x.tolist()) == (-1.0, [0.0, 0.5, 0.0])
    assert result.from_known
    assert result.success
    assert "from_known" in repr(result)
    assert result["from_known"]
    assert pickle.loads(pickle.dumps(result)).from_known
    assert len(points) == result.nfev == len(result.history) == 30
    assert [0.0, 0.5, 0.0] not in points


def test_named_points_go_by_their_names():
    known = [(dict(reversed(POINT.items())), -1.0)]
    result = minimize(rated, NAMED, budget=20, seed=0, known=known)
    assert result.x == POINT
    assert result.from_known


def test_a_point_that_the_run_beats_is_not_marked():
    result = minimize(sphere, BOX, budget=50, seed=0, known=[([1.0, 1.0, 1.0], 3.0)])
    assert result.fun < 3.0
    assert not result.from_known
    assert "from_known" not in repr(result)
    assert not minimize(sphere, BOX, budget=10, seed=0).from_known


def test_a_search_begins_where_the_known_points_are():
    """Against the same search without them, on points around the optimum."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.1, 0.1, (20, 3))
    known = [(point, sphere(point)) for point in points]
    wins = sum(
        minimize(sphere, BOX, budget=12, seed=seed, known=known).history.min()
        < minimize(sphere, BOX, budget=12, seed=seed).history.min()
        for seed in range(20)
    )
    assert wins >= 16  # of 20; a fair coin has that with probability 0.006


@pytest.mark.parametrize("name", sorted(registered()))
@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_every_solver_takes_known_points_and_keeps_the_budget(name):
    kinds = spaces_for(name, ["continuous", "bits"])
    space = BOX if "continuous" in kinds else [Integer(0, 1)] * 8
    point = [0.5] * 3 if "continuous" in kinds else [1] * 8
    options = {} if "continuous" in kinds else {"constraint": lambda x: 4.0 - x.sum()}
    if name == "ponss":
        options["algorithm"] = lambda *args, **more: zoopt.Ponss(*args, theta=1.0, b=3, **more)
    result = minimize(
        lambda x: float(x.sum()), space, budget=40, seed=0, known=[(point, -100.0)],
        **{"algorithm": name} | options,
    )  # fmt: skip
    assert result.nfev == 40
    assert not result.from_known or result.fun == -100.0


def test_a_value_with_a_violation_is_infeasible():
    known = [([0.0, 0.0, 0.0], Evaluation(-1.0, violation=0.5))]
    result = minimize(sphere, BOX, budget=20, seed=0, known=known, constraint=lambda x: 1.0)
    assert result.fun > -1.0


@pytest.mark.parametrize("options", [{}, {"workers": 2, "window": 2}, {"vectorized": True}])
def test_runs_with_known_points_go_on_exactly(options, tmp_path):
    def fun(x):
        return (x**2).sum(axis=-1) if options.get("vectorized") else sphere(x)

    def interrupt(search):
        if search.nfev == 31 and not search.replaying:
            raise KeyboardInterrupt

    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    settings = {"budget": 60, "seed": 0, "known": [(x, sphere(x)) for x in points]} | options
    path = tmp_path / "run.db"
    whole = minimize(fun, BOX, **settings)
    minimize(fun, BOX, checkpoint=path, callbacks=interrupt, **settings)
    for again in (minimize(fun, BOX, checkpoint=path, **settings), resume(path, fun)):
        assert (again.history == whole.history).all()
        assert again.x.tolist() == whole.x.tolist()
    with pytest.raises(JournalError, match="known"):
        minimize(fun, BOX, checkpoint=path, **settings | {"known": None})


# ----------------------------------------------------------------- earlier runs


def test_an_earlier_run_is_known_from_its_file_its_history_and_its_result(earlier):
    result = minimize(sphere, BOX, budget=40, seed=1)
    history = load_history(earlier)
    forms = [earlier, str(earlier), history, history.trials, result, result.trials]
    runs = [minimize(sphere, BOX, budget=30, seed=0, known=known) for known in forms]
    for run in runs:
        assert (run.history == runs[0].history).all()
        assert run.fun == runs[0].fun <= result.fun
    assert minimize(sphere, BOX, budget=1, seed=0, known=earlier).fun == result.fun


def test_violations_and_failures_of_an_earlier_run_stay_what_they_are():
    def fun(x):
        return sphere(x) if x[1] > 0 else float("nan")

    options = {"constraint": lambda x: x[0], "on_error": "record"}
    earlier = minimize(fun, BOX, budget=60, seed=1, **options)
    with pytest.warns(EvaluationWarning, match=f"left out: {earlier.n_failed} without a value$"):
        result = minimize(fun, BOX, budget=1, seed=0, known=earlier, **options)
    assert result.fun == earlier.fun
    assert result.x[0] >= 0


def test_a_history_of_objects_needs_its_space(tmp_path):
    class Thing:
        def __init__(self, name):
            self.name = name

        def __repr__(self):
            return f"Thing({self.name})"

    path = tmp_path / "objects.db"
    space = {"thing": Choice([Thing("a"), Thing("b")]), "rate": (0, 1)}
    options = {"budget": 10, "seed": 0}
    first = minimize(lambda thing, rate: rate, space, checkpoint=path, **options)
    again = minimize(lambda thing, rate: rate + 1, space, known=path, **options)
    assert (again.fun, again.from_known) == (first.fun, True)
    with pytest.raises(ValueError, match="known: its space holds objects"):
        minimize(lambda thing, rate: rate, space, known=load_history(path), **options)
    with pytest.raises(JournalError, match="space"):
        minimize(lambda thing: 1.0, {"thing": Choice([Thing("c")])}, known=path, **options)


def test_points_that_were_not_kept_are_counted():
    earlier = minimize(sphere, BOX, budget=30, seed=1, keep_points=10)
    with pytest.warns(EvaluationWarning, match="left out: 20 without a point"):
        minimize(sphere, BOX, budget=5, seed=0, known=earlier)


# ----------------------------------------------------------------- what does not fit


def test_points_outside_the_space_are_left_out_with_one_warning():
    known = [([0.5, 0.5, 0.5], -1.0), ([2, 0, 0], 0.0), ([0, 0, np.inf], 0.0)]
    known += [([0, 0, 0], np.nan), ([0, 0, 0], None)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = minimize(sphere, BOX, budget=5, seed=0, known=known)
    assert [str(warning.message) for warning in caught] == [
        "known points were left out: 2 outside the space, 2 without a value"
    ]
    assert caught[0].filename == __file__
    assert result.fun == -1.0
    with pytest.warns(EvaluationWarning, match="1 outside the space") as caught:
        minimize(rated, NAMED, budget=5, seed=0, known=[(POINT | {"kind": "c"}, -1.0)])
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("space", "known", "error", "words"),
    [
        (BOX, 5, TypeError, "known must be pairs"),
        (BOX, {"a": 1}, TypeError, "known must be pairs"),
        (BOX, [(0, 1, 2)], TypeError, r"known\[0\] must be a pair \(point, value\)"),
        (BOX, [([0, 0, 0], 1.0), 5], TypeError, r"known\[1\] must be a pair"),
        (BOX, [([0, 0], 1.0)], ValueError, r"known\[0\]: a point must have 3 values, got 2"),
        (BOX, [([0, 0, 0], "1")], TypeError, r"known\[0\]: a value must be a number"),
        (BOX, [([0, 0, 0], 1j)], TypeError, r"known\[0\]: a value must be a number"),
        (BOX, [([0, 0, "a"], 1.0)], TypeError, r"known\[0\]: dimension 2"),
        (BOX, [({"a": 1}, 1.0)], (TypeError, ValueError), r"known\[0\]"),
        (BOX, "no such file.db", FileNotFoundError, "known: .*no such file.db"),
        (NAMED, [({"rate": 0.5}, 1.0)], ValueError, r"known\[0\].*missing.*'depth', 'kind'"),
        (NAMED, [(POINT | {"b": 1}, 1.0)], ValueError, r"known\[0\].*unknown.*'b'"),
    ],
)
def test_errors_name_known_before_any_call(space, known, error, words):
    with pytest.raises(error, match=words):
        minimize(lambda *args, **more: pytest.fail("called"), space, budget=5, known=known)


def test_in_one_dimension_a_number_is_a_point():
    result = minimize(lambda x: 1.0, [(0, 1)], budget=3, seed=0, known=[(0.5, -1.0)])
    assert result.x.tolist() == [0.5]


# ----------------------------------------------------------------- the ZOOpt API


def objective_of(func=lambda solution: sphere(np.array(solution.x))):
    return Objective(func, Dimension(3, [[-1, 1]] * 3, [True] * 3))


@pytest.mark.parametrize("once", [False, True])
def test_a_parameter_has_known_points_too(once):
    known = [([0.0, 0.5, 0.0], -1.0)]
    objective = objective_of()
    parameter = Parameter(budget=20, seed=0, known=iter(known) if once else known)
    for _ in range(2):
        solution = Opt.min(objective, parameter)
        assert (solution.get_x(), solution.get_value()) == ([0.0, 0.5, 0.0], -1.0)
        assert solution.result.from_known
        assert solution.result.nfev == 20
    assert len(objective.get_history()) == 40


def test_opt_min_knows_an_earlier_run(earlier):
    solution = Opt.min(objective_of(lambda s: 9.0), Parameter(budget=3, seed=0, known=earlier))
    assert solution.get_value() == load_history(earlier).best.value


def test_opt_min_warns_where_it_was_called():
    with pytest.warns(EvaluationWarning, match="1 outside the space") as caught:
        Opt.min(objective_of(), Parameter(budget=5, seed=0, known=[([9, 9, 9], 0.0)]))
    assert caught[0].filename == __file__


def test_subsets_are_known_by_value_and_constraint():
    dim = Dimension(6, [[0, 1]] * 6, [False] * 6)
    objective = Objective(lambda s: -sum(s.get_x()), dim, lambda s: 3.0 - sum(s.get_x()))
    known = [([1, 1, 1, 0, 0, 0], [-100.0, 0.0]), ([1] * 6, [-200.0, -3.0])]
    solution = Opt.min(objective, Parameter(budget=30, seed=0, algorithm="poss", known=known))
    assert solution.get_value() == [-100.0, 0.0]
    assert solution.result.from_known


def test_a_tuner_knows_them_too():
    dim = Dimension(2, [[0, 1]] * 2, [True] * 2)
    parameter = Parameter(budget=20, seed=0, known=[([0.5, 0.5], -1.0)])
    tuner = SRacosTune(dim, parameter)
    while (solution := tuner.suggest()) != "FINISHED":
        best = tuner.complete(solution, 1.0)
    assert best.get_value() == -1.0


def test_resuming_opt_min_needs_no_known_points_again(tmp_path):
    path = tmp_path / "run.db"
    parameter = Parameter(budget=20, seed=0, known=[([0.0, 0.5, 0.0], -1.0)], checkpoint=path)
    first = Opt.min(objective_of(), parameter).result
    again = resume(path, objective_of(), budget=30).result
    assert (again.history[:20] == first.history).all()
    assert (again.nfev, again.from_known) == (30, True)


def test_space_of_subsets():
    result = minimize(
        lambda mask: float(mask.sum()),
        Space.subsets(5),
        budget=10,
        seed=0,
        known=[([True] * 5, -1)],
    )
    assert result.x.all()
    assert result.from_known


def test_best_points_come_from_each_run_in_turn():
    space = [(0.0, 1.0)] * 2
    a = [([0.1, 0.1], 3.0), ([0.2, 0.2], 1.0), ([0.3, 0.3], 2.0)]
    b = zoopt.minimize(lambda x: float(x.sum()), space, budget=30, seed=0)
    points = zoopt.best_points(space, [a, b], n=5)
    assert points[0] == [0.2, 0.2]
    assert points[1] == pytest.approx(b.x)
    assert points[2] == [0.3, 0.3]
    assert points[4] == [0.1, 0.1]
    assert zoopt.best_points(space, [a, a], n=10) == [x for x, _ in sorted(a, key=lambda p: p[1])]
    assert zoopt.best_points(space, []) == []


def test_best_points_are_evaluated_first():
    space = {"rate": zoopt.Real(1e-4, 1.0, log=True), "kind": zoopt.Choice(["a", "b"])}
    earlier = [({"rate": 0.01, "kind": "a"}, 1.0), ({"rate": 0.1, "kind": "b"}, 0.5)]
    result = zoopt.minimize(
        lambda rate, kind: rate, space, budget=10, seed=0,
        x0=zoopt.best_points(space, [earlier]), algorithm="model",
    )  # fmt: skip
    assert [trial.point for trial in result.trials[:2]] == [
        {"rate": 0.1, "kind": "b"},
        {"rate": 0.01, "kind": "a"},
    ]


def test_infeasible_points_are_the_last_of_the_best_points():
    run = [([0.1], zoopt.Evaluation(0.0, violation=1.0)), ([0.2], 5.0)]
    assert zoopt.best_points([(0.0, 1.0)], [run]) == [[0.2], [0.1]]


@pytest.mark.parametrize(
    ("runs", "n", "error", "words"),
    [
        ("run.db", 5, TypeError, "runs must be a list of runs"),
        ([3], 5, TypeError, r"runs\[0\]: known must be pairs"),
        ([[([0.1], "a")]], 5, TypeError, r"runs\[0\]: known\[0\]: a value must be a number"),
        ([], 0, ValueError, "n must be"),
    ],
)
def test_errors_of_best_points_name_the_run(runs, n, error, words):
    with pytest.raises(error, match=words):
        zoopt.best_points([(0.0, 1.0)], runs, n=n)


def test_best_points_outside_the_space_are_left_out_with_a_warning():
    with pytest.warns(zoopt.EvaluationWarning, match="1 outside the space"):
        assert zoopt.best_points([(0.0, 1.0)], [[([2.0], 0.0), ([0.5], 1.0)]]) == [[0.5]]
