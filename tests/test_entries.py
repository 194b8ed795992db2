"""Spaces and points as users write them, and the hints where one may mean two things."""

from collections import ChainMap, UserDict
from types import MappingProxyType

import numpy as np
import pytest

from zoopt import Choice, Integer, Real, Space, minimize

pd = pytest.importorskip("pandas")
Bounds = pytest.importorskip("scipy.optimize").Bounds


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        (Bounds([0, 0], [1, 2]), [Real(0, 1), Real(0, 2)]),
        (Bounds(0, [1, 2]), [Real(0, 1), Real(0, 2)]),
        (Bounds(np.zeros(3), 1), [Real(0, 1)] * 3),
        (Bounds(-1, 1), [Real(-1, 1)]),
    ],
)
def test_bounds_of_scipy_are_a_space(bounds, expected):
    assert Space(bounds).dimensions == expected
    assert minimize(lambda x: float(x.sum()), bounds, budget=5, seed=0).nfev == 5


def test_bounds_of_a_million_variables_share_their_dimension():
    space = Space(Bounds(np.zeros(10**6), np.ones(10**6)))
    assert len(space) == 10**6
    assert len(set(map(id, space))) == 1


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds([0, 0], [1, np.inf]), "dimension 1: high must be finite"),
        (Bounds(), "dimension 0: low must be finite"),
        (Bounds([0, 2], [1, 1]), "dimension 1: low must be at most high"),
    ],
)
def test_bounds_that_are_no_box_are_refused_by_name(bounds, words):
    with pytest.raises(ValueError, match=words):
        Space(bounds)


@pytest.mark.parametrize(
    "space",
    [(np.zeros(2), np.ones(2)), [np.zeros(2), np.ones(2)], ([0, 0], [1, 1]), [[0, 0], [1, 1]]],
)
def test_two_arrays_of_two_numbers_are_refused_with_both_readings(space):
    with pytest.raises(ValueError, match="two readings") as caught:
        Space(space)
    assert "(0" in str(caught.value)
    assert "(1" in str(caught.value)


def test_pairs_stay_pairs():
    box = [Real(0, 1), Real(0, 1)]
    for space in ([[0, 1], [0, 1]], ((0, 1), (0, 1)), np.array([[0, 1], [0, 1]]), [(0, 1), [0, 1]]):
        assert Space(space).dimensions == box
    assert Space([(0, 0), (1, 1)]).size == 1
    with pytest.raises(TypeError):
        Space((np.zeros(3), np.ones(3)))


@pytest.mark.parametrize("entry", [[100, 200], np.array([100, 200])])
def test_a_named_list_of_two_numbers_is_refused_with_a_hint(entry):
    with pytest.raises(TypeError, match=r"'n'.*Choice\(\[.*100.*\(.*100.*200.*\)"):
        Space({"n": entry})
    assert Space({"n": (100, 200)}).dimensions == [Real(100, 200)]


@pytest.mark.parametrize("name", ["n", "self", "point", "rng", "x0", "fun", "budget", "a b", ""])
def test_a_dimension_may_be_called_anything(name):
    result = minimize(lambda **kw: kw[name], {name: (0, 1), "y": (0, 1)}, budget=5, seed=0)
    assert set(result.x) == {name, "y"}


SPACE = Space({"a": (0, 1), "b": Integer(0, 3)})


@pytest.mark.parametrize("kind", [dict, UserDict, ChainMap, MappingProxyType, pd.Series])
def test_points_are_mappings_of_any_kind_by_label(kind):
    row = SPACE.encode(kind({"b": 2, "a": 0.5}))
    assert row.tolist() == [0.5, 2.0]
    assert not SPACE.contains(kind({"b": 2, "c": 0.5}))
    assert not SPACE.contains(kind({"b": 2}))
    assert not SPACE.contains(kind({"a": 0.5, "b": 2, "c": 1}))


def test_a_series_without_its_labels_is_no_point_of_names():
    assert not SPACE.contains(pd.Series([0.5, 2]))
    assert not SPACE.contains(pd.Series([0.5, 0.5], index=["a", "a"]))
    assert Space([(0, 1), (0, 3)]).contains(pd.Series([0.5, 2], index=["p", "q"]))


def test_points_without_an_order_are_refused():
    assert not Space([(0, 1), (0, 3)]).contains({0.5, 2})


def test_a_choice_entry_of_arrays_is_a_dimension():
    assert len(Space([Choice([np.zeros(2), np.ones(2)]), (0, 1)])) == 2


def test_a_constraint_of_scipy_is_no_space():
    optimize = pytest.importorskip("scipy.optimize")
    for constraint in (
        optimize.LinearConstraint(np.eye(2), 0, 1),
        optimize.NonlinearConstraint(abs, 0, 1),
    ):
        with pytest.raises(TypeError, match="sequence or a mapping"):
            Space(constraint)


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        (np.array([1, 2]), r"pass Choice\(\[1, 2\]\) .* the pair \(1, 2\)"),
        (["relu", "tanh", "elu"], r"pass Choice\(\['relu', 'tanh', 'elu'\]\)"),
    ],
)
def test_a_named_list_is_refused_with_a_hint_in_native_values(entry, hint):
    with pytest.raises(TypeError, match=hint):
        Space({"n": entry})
