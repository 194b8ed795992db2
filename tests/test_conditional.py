"""Conditional spaces: encoding, kernels, and runs in which inactive parameters do not exist."""

import itertools
import json
import math
import pickle

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Integer, Real, Space, minimize
from zoopt._native import Population, reference
from zoopt.core.registry import registered
from zoopt.core.seen import seen_points
from zoopt.testing import SPACES

CONDITIONAL, FINITE = SPACES["conditional"], SPACES["finite conditional"]


def random_entries(rng, only_finite, prefix="", depth=0):
    """Return a random mapping of names to dimensions, nested up to three levels."""
    kinds = ["integer", "choice", "log", "constant"] + ([] if only_finite else ["real"])
    entries = {}
    for i in range(int(rng.integers(1, 4))):
        kind = kinds[int(rng.integers(len(kinds)))]
        name = f"{prefix}{'abc'[depth]}{i}"
        if depth < 2 and rng.random() < 0.5:
            branches = {}
            for key in range(int(rng.integers(1, 4))):
                chance = rng.random()
                if chance < 0.25:
                    branches[key] = None
                elif chance < 0.4:
                    branches[f"v{key}"] = Integer(10 * key + 10, 10 * key + 12)
                else:
                    branches[key] = random_entries(rng, only_finite, name, depth + 1)
            entries[name] = Choice(branches)
        else:
            entries[name] = {
                "real": Real(-1.0, 1.0),
                "integer": Integer(-1, 1),
                "choice": Choice(["u", None, 2]),
                "log": Integer(3, 6, log=True),
                "constant": Integer(7, 7),
            }[kind]
    return entries


def random_space(case, only_finite=False):
    rng = np.random.default_rng(case)
    while True:
        space = Space(random_entries(rng, only_finite))
        is_small = space.size < 3000 or not only_finite
        if space.conditions is not None and space.n_columns and is_small:
            return space


# ------------------------------------------------------------------- spaces


@pytest.mark.parametrize("case", range(40))
def test_points_and_rows_are_each_others_inverse(case):
    space, rng = random_space(case), np.random.default_rng(case)
    again = Space.restore(json.loads(json.dumps(space.describe())))
    assert again == space == pickle.loads(pickle.dumps(space))
    for _ in range(30):
        point = space.sample(rng)
        row = space.encode(point)
        assert space.decode(row) == point
        assert np.array_equal(space.settle(row.copy()), row)
        assert again.encode(point).tobytes() == row.tobytes()
        assert set(point) <= set(space.names)
        assert eval(repr(space), vars(zoopt) | {"Space": Space}) == space


def test_a_point_holds_the_active_parameters_in_their_order():
    row = CONDITIONAL.encode(
        {"scale": True, "model": "svc", "kernel": "rbf", "gamma": 0.5, "C": 2.0, "features": 0.25}
    )
    point = CONDITIONAL.decode(row)
    assert list(point) == ["model", "C", "kernel", "gamma", "features", "scale"]
    assert point["features"] == 0.25
    assert CONDITIONAL.decode(CONDITIONAL.encode({**point, "features": "all"}))["features"] == "all"


def test_every_branch_of_a_choice_is_drawn_equally_often():
    """A chi-square test of 3 models over 3,000 points, with an error of 1e-6: 2 degrees, 27.6."""
    rng = np.random.default_rng(0)

    def first_unseen():
        return CONDITIONAL.decode(seen_points(CONDITIONAL, rng).uniform())

    for draw in (lambda: CONDITIONAL.sample(rng), first_unseen):
        models = [draw()["model"] for _ in range(3000)]
        counts = np.array([models.count(model) for model in ("svc", "knn", "mean")])
        assert ((counts - 1000) ** 2 / 1000).sum() < 27.6


@pytest.mark.parametrize(
    ("point", "error"),
    [
        ({"model": "svc"}, "dimension 'C' of model='svc'"),
        (
            {"model": "mean", "features": "all", "scale": True, "C": 1.0},
            r"\['C'\] must not be given",
        ),
        ({"model": "mean", "features": "all", "scale": True, "q": 1}, r"\['q'\] too"),
        ({"model": "mean", "features": "share", "scale": True}, "'share' is none of"),
        ({"model": "mean", "features": 2.0, "scale": True}, "2.0 is none of"),
        ({"model": "tree", "features": "all", "scale": True}, "'tree' is none of"),
        ({"model": "knn", "k": 99, "weights": "near"}, "'k' of model='knn': 99 is outside"),
    ],
)
def test_points_that_do_not_fit_are_refused_by_name(point, error):
    with pytest.raises(ValueError, match=error):
        CONDITIONAL.encode(point)
    with pytest.raises(ValueError, match=f"x0: .*{error}"):
        minimize(lambda **point: 0.0, CONDITIONAL, budget=5, x0=point)
    assert not CONDITIONAL.contains(point)


@pytest.mark.parametrize(
    ("make", "kind", "error"),
    [
        (lambda: Choice([Real(0, 1), 2]), TypeError, "without dimensions"),
        (lambda: Choice([{"C": Real(0, 1)}]), TypeError, "without dimensions"),
        (lambda: Choice({"a": 3}), TypeError, "branch 'a': must be None, a mapping"),
        (lambda: Choice({"a": {"b": [1, 2]}}), TypeError, "branch 'a': dimension 'b' must be Real"),
        (lambda: Choice({"a": {3: (0, 1)}}), TypeError, "branch 'a': names of dimensions"),
        (lambda: Choice({}), ValueError, "must not be empty"),
        (lambda: Space([Choice({"a": {"b": (0, 1)}})]), TypeError, "needs names"),
        (lambda: Space({"a": Choice({"x": {"a": (0, 1)}})}), ValueError, "depends on 'a'"),
        (
            lambda: Space({"a": Choice({"x": {"c": Choice({"y": {"a": (0, 1)}})}})}),
            ValueError,
            "depends on 'a'",
        ),
        (
            lambda: Space({"a": Choice({"x": {"b": (0, 1)}}), "b": (0, 1)}),
            ValueError,
            "may be active together have the name 'b'",
        ),
        (
            lambda: Space({"a": Choice({1: None, "n": Integer(0, 5)})}),
            ValueError,
            "the value 1 is also one of",
        ),
    ],
)
def test_spaces_that_make_no_sense_are_refused_by_name(make, kind, error):
    with pytest.raises(kind, match=error):
        make()


def test_dictionaries_without_dimensions_are_plain_values():
    values = [{"C": 1}, {"C": 2}, {}]
    choice = Choice(values)
    assert choice.decode(1) is values[1]
    assert not choice.branches
    assert Choice({"a": None, "b": {}}) == Choice(["a", "b"])


# ------------------------------------------------------------------- kernels


def all_points(entries):
    """Return all points of a finite space, made from its entries by hand."""
    points = [{}]
    for name, dimension in entries.items():
        points = [{**p, **q} for p, q in itertools.product(points, values_of(name, dimension))]
    return points


def values_of(name, dimension):
    if isinstance(dimension, Integer):
        return [{name: v} for v in range(dimension.low, dimension.high + 1)]
    made = []
    for value, branch in zip(
        dimension.values, dimension.branches or [{}] * len(dimension.values), strict=True
    ):
        if None in branch:
            made += values_of(name, branch[None])
        else:
            made += [{name: value, **point} for point in all_points(branch)]
    return made


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("algorithm", ["random", "sracos"])
def test_a_finite_space_is_visited_whole_and_once(case, algorithm, kernels):
    space = random_space(case, only_finite=True)
    points = all_points(space.mapping)
    assert len(points) == space.size
    value_of = {repr(point): float(i % 17) for i, point in enumerate(points)}
    result = minimize(
        lambda **point: value_of[repr(point)],
        space,
        budget=len(points) + 5,
        seed=case,
        algorithm=algorithm,
    )
    assert sorted(repr(trial.point) for trial in result.trials) == sorted(map(repr, points))


@pytest.mark.parametrize("case", range(40))
def test_twins_agree_bit_for_bit_generator_included(case):
    rng = np.random.default_rng(case)
    space = random_space(case, only_finite=case % 3 == 0)
    columns = space.kinds, space.low, space.high
    setting = *columns, 2, 4, int(rng.integers(1, 4)), 0.05, ("WR", "RR", "LM")[case % 3]
    n_points = min(space.size, 1e300)
    twins = [
        cls(*setting, np.random.default_rng(case), n_points, conditions=space.conditions)
        for cls in (Population, reference.Population)
    ]
    flight = []
    for step in range(150):
        if len(flight) < rng.integers(1, 6):
            width = float(rng.choice([1.0, 1.0, 0.1]))
            a, b = (twin.propose(0, width) for twin in twins)
            if a is None or b is None:
                assert a is b is None
                break
            assert a[0].tobytes() == b[0].tobytes()
            assert a[1] == b[1]
            assert np.array_equal(space.settle(a[0].copy()), a[0])
            flight.append((a[0], step, a[1]))
        else:
            row, ident, move = flight.pop(int(rng.integers(len(flight))))
            value = float(np.round(((row - 0.3) ** 2).sum(), 2))
            assert len({twin.insert(row, ident, 0.0, value, move) for twin in twins}) == 1
        if step == 77:
            twins = [pickle.loads(pickle.dumps(twin)) for twin in twins]
    assert twins[0].rng.bit_generator.state == twins[1].rng.bit_generator.state


def test_the_region_keeps_the_choice_at_which_points_part(population_class):
    """A negative of another branch is excluded by the choice, not by what depends on it."""
    space = Space({"a": Choice({"x": {"b": (0, 1)}, "y": {"c": (0, 1)}, "z": {"d": (0, 1)}})})
    for seed in range(20):
        population = population_class(
            space.kinds,
            space.low,
            space.high,
            1,
            2,
            4,
            0.0,
            "WR",
            np.random.default_rng(seed),
            conditions=space.conditions,
        )
        for ident, point in enumerate([{"a": "x", "b": 0.5}, {"a": "y", "c": 0.5}]):
            population.insert(space.encode(point), ident, 0.0, float(ident))
        row, move = population.propose()
        assert space.decode(row)["a"] == "x"
        assert move == (0, 1)


def test_conditions_that_make_no_sense_are_refused(seen_class):
    kinds, low, high = np.zeros(2, np.intp), np.zeros(2), np.ones(2)
    rng = np.random.default_rng(0)
    for parents in ([0, -1], [-1, 1], [-2, -1], [-1]):
        conditions = np.array(parents), np.zeros(len(parents))
        with pytest.raises(ValueError, match=r"depend on an earlier one|length of kinds"):
            seen_class(kinds, low, high, rng, conditions=conditions)


# ------------------------------------------------------------------- runs


def cost(model, features, scale, **active):
    """Return a cost, after a check that exactly the active parameters are there."""
    expected = {"svc": {"C", "kernel"}, "knn": {"k", "weights"}, "mean": set()}[model]
    if model == "svc":
        expected |= {"linear": set(), "rbf": {"gamma"}, "poly": {"gamma", "degree"}}[
            active["kernel"]
        ]
    assert set(active) == expected
    share = features if isinstance(features, float) else 0.7
    return (
        {"svc": 0.0, "knn": 0.5, "mean": 1.0}[model]
        + abs(share - 0.4)
        + abs(math.log10(active.get("C", 10.0)) - 1) / 10
    )


@pytest.mark.parametrize(
    "algorithm", [name for name, factory in registered().items() if factory.accepts(CONDITIONAL)]
)
def test_every_solver_searches_active_parameters_only(algorithm):
    result = minimize(cost, CONDITIONAL, budget=150, seed=1, algorithm=algorithm)
    assert result.n_failed == 0
    assert result.fun < 0.6
    repeats = registered()[algorithm].repeats
    points = [repr(trial.point) for trial in result.trials]
    assert repeats or len(set(points)) == len(points)


def stop_at_25(search):
    if search.nfev == 25:
        raise KeyboardInterrupt


def test_runs_are_the_same_with_any_number_of_workers_and_after_a_stop(tmp_path):
    settings = {"budget": 60, "seed": 4, "window": 3}
    alone = minimize(cost, CONDITIONAL, **settings)
    for backend in ("thread", "process"):
        result = minimize(cost, CONDITIONAL, **settings, backend=backend, workers=2)
        assert np.array_equal(result.history, alone.history)
    path = tmp_path / "run.db"
    minimize(cost, CONDITIONAL, **settings, checkpoint=path, callbacks=[stop_at_25])
    resumed = zoopt.resume(path, cost)
    assert [t.point for t in resumed.trials] == [t.point for t in alone.trials]
    history = zoopt.load_history(path)
    assert [t.point for t in history.trials] == [t.point for t in resumed.trials]


def test_frames_hold_nan_where_a_parameter_is_not_active_and_are_read_back():
    result = minimize(cost, CONDITIONAL, budget=40, seed=0)
    frame = result.to_frame()
    for trial, (_, record) in zip(result.trials, frame.iterrows(), strict=True):
        for name in CONDITIONAL.names:
            if name in trial.point:
                assert record[name] == trial.point[name]
            else:
                assert math.isnan(record[name])
    seen = []

    def spy(**point):
        seen.append(point)
        return cost(**point)

    again = minimize(spy, CONDITIONAL, budget=3, seed=1, known=frame, x0=frame[CONDITIONAL.names])
    assert again.fun == result.fun
    # Points that are known are not evaluated again.
    assert not [point for point in seen if point in [trial.point for trial in result.trials]]
    first = minimize(spy, CONDITIONAL, budget=3, seed=1, x0=frame[CONDITIONAL.names])
    assert [trial.point for trial in first.trials] == [t.point for t in result.trials[:3]]


def test_known_points_with_wrong_names_raise_and_those_outside_are_counted():
    point = {"model": "mean", "features": "all", "scale": True}
    with pytest.raises(ValueError, match=r"known\[0\]: .*must not be given"):
        minimize(cost, CONDITIONAL, budget=3, known=[({**point, "C": 1.0}, 1.0)])
    with pytest.warns(zoopt.EvaluationWarning, match="1 outside the space"):
        minimize(cost, CONDITIONAL, budget=3, seed=0, known=[({**point, "model": "tree"}, 1.0)])


def test_a_vectorized_objective_gets_nan_where_a_parameter_is_not_active():
    def costs(model, C, features, **others):
        assert set(others) | {"model", "C", "features"} == set(CONDITIONAL.names)
        assert np.array_equal(np.isnan(C), model != "svc")
        return np.arange(len(model), dtype=float)

    assert minimize(costs, CONDITIONAL, budget=40, seed=0, vectorized=True).n_failed == 0


def test_the_old_api_takes_a_conditional_space_too():
    objective = zoopt.Objective(lambda solution: cost(**solution.get_x()), CONDITIONAL)
    solution = zoopt.Opt.min(objective, zoopt.Parameter(budget=60, seed=0))
    assert solution.get_value() == cost(**solution.get_x()) == solution.result.fun


def test_forbidden_combinations_are_filtered_before_they_cost_an_evaluation():
    def allowed(model, scale, **others):
        return model != "svc" or scale

    result = minimize(cost, CONDITIONAL, budget=80, seed=0, filter=allowed)
    assert result.nfev == 80
    assert all(t.point["model"] != "svc" or t.point["scale"] for t in result.trials)


def test_solvers_that_need_an_order_say_so():
    ordered = Space({"n": Choice({1: {"a": (0, 1)}, 2: {"b": (0, 1)}}, ordered=True)})
    for algorithm in ("r1es", "sre"):
        with pytest.raises(ValueError, match="branches"):
            minimize(lambda **point: 0.0, ordered, budget=5, algorithm=algorithm)
    with pytest.raises(ValueError, match="recombination_rate must be 0"):
        zoopt.SRacos(FINITE, recombination_rate=0.5)
