"""Points to evaluate first: ``x0`` of minimize and ``init_samples`` of a Parameter."""

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Dimension, Objective, Opt, Parameter, Solution, Space, minimize

SQUARE = [(0.0, 1.0)] * 2
NAMED = {"rate": (0.0, 1.0), "momentum": (0.0, 1.0)}
ROWS = [{"rate": 0.1, "momentum": 0.9}, {"rate": 0.2, "momentum": 0.8}]
PAIRS = [(1, 2), (3, 4)]


def firsts(space, x0, n):
    """Return the first n points of a run."""
    points = []

    def positional(x):
        points.append(list(x))
        return 1.0

    def named(**point):
        points.append(point)
        return 1.0

    fun = named if isinstance(space, dict) else positional
    minimize(fun, space, budget=5, seed=0, x0=x0, on_error="raise")
    return points[:n]


@pytest.mark.parametrize(
    "x0",
    [
        [[0.1, 0.9], [0.2, 0.8]],
        [(0.1, 0.9), (0.2, 0.8)],
        np.array([[0.1, 0.9], [0.2, 0.8]]),
        [np.array([0.1, 0.9]), [0.2, 0.8]],
        iter([[0.1, 0.9], [0.2, 0.8]]),
    ],
    ids=lambda x0: type(x0).__name__,
)
def test_several_points(x0):
    assert firsts(SQUARE, x0, 2) == [[0.1, 0.9], [0.2, 0.8]]


@pytest.mark.parametrize(
    "x0",
    [
        [0.1, 0.9],
        (0.1, 0.9),
        np.array([0.1, 0.9]),
        iter([0.1, 0.9]),
        [[0.1, 0.9]],
        [np.float64(0.1), np.array(0.9)],
    ],
    ids=lambda x0: type(x0).__name__,
)
def test_one_point(x0):
    assert firsts(SQUARE, x0, 1) == [[0.1, 0.9]]


@pytest.mark.parametrize(
    "x0",
    [ROWS, tuple(ROWS), iter(ROWS)],
    ids=lambda x0: type(x0).__name__,
)
def test_several_named_points(x0):
    assert firsts(NAMED, x0, 2) == ROWS


@pytest.mark.parametrize(
    "x0",
    [ROWS[0], [0.1, 0.9]],
    ids=lambda x0: type(x0).__name__,
)
def test_one_named_point(x0):
    assert firsts(NAMED, x0, 1) == ROWS[:1]


def test_one_point_of_tuples_is_one_point():
    space = [Choice(PAIRS), Choice(PAIRS)]
    assert firsts(space, [(1, 2), (3, 4)], 1) == [[(1, 2), (3, 4)]]
    assert firsts(space, [[(1, 2), (3, 4)], [(3, 4), (3, 4)]], 2)[1] == [(3, 4), (3, 4)]
    assert firsts([Choice(PAIRS)], (3, 4), 1) == [[(3, 4)]]
    assert firsts([Choice(PAIRS)], [(3, 4)], 1) == [[(3, 4)]]


@pytest.mark.parametrize("x0", [0.5, np.float64(0.5), np.array(0.5), [0.5], [[0.5]]], ids=repr)
def test_in_one_dimension_a_number_is_a_point(x0):
    assert firsts([(0, 1)], x0, 1) == [[0.5]]
    assert firsts({"a": (0, 1)}, x0, 1) == [{"a": 0.5}]


def test_in_one_dimension_numbers_are_points():
    assert firsts([(0, 1)], [0.5, 0.25], 2) == [[0.5], [0.25]]
    assert firsts([Choice(["relu", "tanh"])], "tanh", 1) == [["tanh"]]


@pytest.mark.parametrize("x0", [None, [], ()])
def test_no_point(x0):
    assert len(firsts(SQUARE, x0, 5)) == 5


@pytest.mark.parametrize(
    ("space", "x0", "error", "words"),
    [
        (SQUARE, 0.5, TypeError, "x0: a point must be"),
        (SQUARE, [0.5, 7], ValueError, "x0: dimension 1: 7 is outside"),
        (SQUARE, [0.5], ValueError, "x0: a point must have 2 values, got 1"),
        (SQUARE, [[0.5, 0.5], [0.5, 7]], ValueError, r"x0\[1\]: dimension 1: 7 is outside"),
        (SQUARE, [[0.5, 0.5], [0.5]], ValueError, r"x0\[1\]: a point must have 2 values"),
        (SQUARE, "ab", TypeError, "x0: a point must be"),
        (SQUARE, object(), TypeError, "x0: a point must be"),
        (SQUARE, {"a": 1}, TypeError, "x0: this space has no names"),
        (NAMED, {"rate": 0.5}, ValueError, "x0: .*momentum"),
        (NAMED, [ROWS[0], {"rate": 0.5}], ValueError, r"x0\[1\]: .*momentum"),
        ([(0, 1)], 7, ValueError, "x0: dimension 0: 7 is outside"),
        ([(0, 1)], [0.5, 7], ValueError, r"x0\[1\]: dimension 0: 7 is outside"),
        ([Choice(["a"])], "b", ValueError, "x0: dimension 0: 'b' is none of"),
    ],
)
def test_errors_name_x0(space, x0, error, words):
    with pytest.raises(error, match=words):
        minimize(lambda *args, **kwargs: pytest.fail("called"), space, budget=5, x0=x0)


# ----------------------------------------------------------------- init_samples


def run_with(init_samples):
    points = []

    def func(solution):
        points.append(solution.get_x())
        return 1.0

    objective = Objective(func, Dimension(2, [[0, 1]] * 2, [True] * 2))
    solution = Opt.min(objective, Parameter(budget=5, seed=0, init_samples=init_samples))
    return points, solution


@pytest.mark.parametrize(
    "init_samples",
    [
        Solution(x=[0.1, 0.9]),
        [Solution(x=[0.1, 0.9])],
        [(0.1, 0.9)],
        np.array([[0.1, 0.9]]),
    ],
    ids=lambda samples: type(samples).__name__,
)
def test_initial_samples_come_first(init_samples):
    assert run_with(init_samples)[0][0] == [0.1, 0.9]


def test_one_solution_of_known_value_is_not_evaluated():
    points, solution = run_with(Solution(x=[0.1, 0.9], value=-1.0))
    assert len(points) == 5
    assert [0.1, 0.9] not in points
    assert (solution.get_x(), solution.get_value()) == ([0.1, 0.9], -1.0)
    parameter = Parameter(budget=5)
    parameter.set_init_samples(Solution(x=[0.1, 0.9]))
    assert len(parameter.get_init_samples()) == 1


@pytest.mark.parametrize(
    ("init_samples", "words"),
    [
        (5, "init_samples must be a list"),
        ("ab", "init_samples must be a list"),
        ([0.1, 0.9], r"init_samples\[0\]: a point must be"),
        ([[0.1, 7]], r"init_samples\[0\]: dimension 1"),
    ],
    ids=str,
)
def test_errors_name_init_samples(init_samples, words):
    with pytest.raises((TypeError, ValueError), match=words):
        run_with(init_samples)


def test_what_the_space_contains_is_one_point():
    """The rule by which one point and several are told apart."""
    space = Space([Choice([0, (0.5, 0.5)]), Choice([0, (0.5, 0.5)])])
    x0 = [(0.5, 0.5), (0.5, 0.5)]
    assert space.contains(x0)
    assert zoopt.minimize(lambda x: -float(x[0] == (0.5, 0.5)), space, budget=1, x0=x0).fun == -1.0
