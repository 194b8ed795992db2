"""DataFrames and Series as points: of ``x0``, ``init_samples`` and ``known``."""

import numpy as np
import pytest

from zoopt import (
    Choice,
    Dimension,
    Integer,
    Objective,
    Opt,
    Parameter,
    load_history,
    minimize,
)

pd = pytest.importorskip("pandas")

SQUARE = [(0.0, 1.0)] * 2
NAMED = {"rate": (0.0, 1.0), "momentum": (0.0, 1.0)}
ROWS = [{"rate": 0.1, "momentum": 0.9}, {"rate": 0.2, "momentum": 0.8}]
SWAPPED = pd.DataFrame(ROWS)[["momentum", "rate"]]
MIXED = {"rate": (0.0, 1.0), "depth": Integer(1, 5), "kind": Choice(["a", "b"])}
POINT = {"rate": 0.5, "depth": 2, "kind": "b"}


def firsts(space, x0, n):
    """Return the first n points of a run."""
    points = []

    def fun(*x, **point):
        points.append(point or list(x[0]))
        return 1.0

    minimize(fun, space, budget=5, seed=0, x0=x0, on_error="raise")
    return points[:n]


def rated(rate, depth, kind):
    return rate + depth + (kind == "a")


def table(**columns):
    return pd.DataFrame({"rate": [0.5], "depth": [2], "kind": ["b"], "value": [-1.0]} | columns)


# ----------------------------------------------------------------- points to evaluate


@pytest.mark.parametrize(
    "x0", [pd.DataFrame(ROWS), SWAPPED, [SWAPPED.iloc[0], SWAPPED.iloc[1]]], ids=lambda x0: len(x0)
)
def test_rows_are_points_by_label(x0):
    assert firsts(NAMED, x0, 2) == ROWS


@pytest.mark.parametrize("x0", [pd.Series(ROWS[0]), SWAPPED.iloc[0], SWAPPED.iloc[:1]])
def test_a_series_is_one_point_by_label(x0):
    assert firsts(NAMED, x0, 1) == ROWS[:1]


@pytest.mark.parametrize(
    "x0",
    [
        pd.DataFrame([[0.1, 0.9], [0.2, 0.8]]),
        pd.DataFrame({"x1": [0.9, 0.8], "x0": [0.1, 0.2]}),
        [pd.Series([0.1, 0.9]), pd.Series([0.2, 0.8])],
    ],
)
def test_without_names_columns_go_in_order_unless_they_are_those_of_to_frame(x0):
    assert firsts(SQUARE, x0, 2) == [[0.1, 0.9], [0.2, 0.8]]


def test_values_of_a_frame_become_native():
    (point,) = firsts(MIXED, pd.DataFrame({"kind": ["b"], "depth": [2], "rate": [0.5]}), 1)
    assert point == POINT
    assert type(point["depth"]) is int


@pytest.mark.parametrize(
    ("space", "x0", "words"),
    [
        (SQUARE, pd.DataFrame({"a": [1.0]}), "x0 must have 2 columns"),
        (NAMED, pd.DataFrame({"rate": [0.5]}), r"x0 .* missing: \['momentum'\]"),
        (NAMED, pd.DataFrame([{**ROWS[0], "b": 1}]), r"x0 .* unknown: \['b'\]"),
        (NAMED, SWAPPED.assign(rate=[0.5, 7.0]), r"x0\[1\]: dimension 'rate'"),
    ],
)
def test_errors_name_x0(space, x0, words):
    with pytest.raises(ValueError, match=words):
        minimize(lambda *args, **kwargs: pytest.fail("called"), space, budget=5, x0=x0)


def test_init_samples_may_be_a_frame():
    points = []
    objective = Objective(
        lambda solution: points.append(solution.get_x()) or 1.0,
        Dimension(2, [[0, 1]] * 2, [True] * 2),
    )
    frame = pd.DataFrame({"b": [0.1], "a": [0.9]})
    Opt.min(objective, Parameter(budget=5, seed=0, init_samples=frame))
    assert points[0] == [0.1, 0.9]
    with pytest.raises(ValueError, match="init_samples must have 2 columns"):
        Opt.min(objective, Parameter(budget=5, init_samples=frame[["b"]]))


# ----------------------------------------------------------------- known points


@pytest.mark.parametrize(
    "known",
    [
        table(),
        table()[["value", "kind", "depth", "rate"]],
        table(status=["ok"], number=[3], started=[0.0], error=[""]),
        [(pd.Series(POINT)[["kind", "rate", "depth"]], -1.0)],
    ],
    ids=lambda known: type(known).__name__,
)
def test_known_points_go_by_label(known):
    result = minimize(rated, MIXED, budget=20, seed=0, known=known)
    assert result.x == POINT
    assert type(result.x["depth"]) is int
    assert result.from_known


@pytest.mark.parametrize(
    "known",
    [
        pd.DataFrame({"a": [0.25], "value": [-1.0], "b": [0.5]}),
        pd.DataFrame({"x1": [0.5], "x0": [0.25], "value": [-1.0]}),
    ],
)
def test_known_points_without_names_go_in_order(known):
    result = minimize(lambda x: x.sum(), SQUARE, budget=20, seed=0, known=known)
    assert result.x.tolist() == [0.25, 0.5]


def test_a_frame_may_have_violations():
    known = pd.DataFrame({"x0": [0.0], "x1": [0.0], "value": [-1], "violation": [2]})
    result = minimize(
        lambda x: x.sum(), SQUARE, budget=20, seed=0, known=known, constraint=lambda x: 1.0
    )
    assert not result.from_known


def test_the_frames_of_an_earlier_run_are_known(tmp_path):
    path = tmp_path / "earlier.db"
    earlier = minimize(rated, MIXED, budget=40, seed=1, checkpoint=path)
    runs = [
        minimize(rated, MIXED, budget=30, seed=0, known=known)
        for known in (earlier, earlier.to_frame(), load_history(path).to_frame())
    ]
    assert runs[0].fun <= earlier.fun
    assert all((run.history == runs[0].history).all() for run in runs)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (table(b=[1]), r"known .*unknown: \['b'\]"),
        (table().drop(columns="kind"), r"known .*missing: \['kind'\]"),
        (table().drop(columns="value"), "known must have a column 'value'"),
    ],
)
def test_other_columns_are_errors(known, words):
    with pytest.raises(ValueError, match=words):
        minimize(lambda **point: pytest.fail("called"), MIXED, budget=5, known=known)


def test_without_names_the_number_of_columns_must_fit():
    known = pd.DataFrame({"x0": [0.0], "value": [0.0]})
    with pytest.raises(ValueError, match="known must have 2 columns"):
        minimize(lambda x: pytest.fail("called"), SQUARE, budget=5, known=known)


def test_a_dimension_named_value_has_its_column():
    space = {"value": (0.0, 1.0)}
    earlier = minimize(lambda value: value, space, budget=10, seed=1)
    result = minimize(lambda value: 9.0, space, budget=5, seed=0, known=earlier.to_frame())
    assert (result.fun, result.x) == (earlier.fun, earlier.x)
    with pytest.raises(ValueError, match="known must have a column 'value_'"):
        minimize(lambda value: 9.0, space, budget=5, known=pd.DataFrame({"value": [0.5]}))


def test_rows_without_a_value_are_left_out():
    known = pd.concat([table(), table(value=[np.nan]), table(rate=[7.0])])
    with pytest.warns(UserWarning, match="left out: 1 outside the space, 1 without a value"):
        result = minimize(rated, MIXED, budget=5, seed=0, known=known)
    assert result.x == POINT
