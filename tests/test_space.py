"""Spaces: encoding and decoding, native types, and what they refuse."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoopt import Choice, Integer, Real, Space
from zoopt.testing import SPACES


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_samples_lie_in_the_space_and_survive_the_round_trip(space):
    rng = np.random.default_rng(0)
    for _ in range(100):
        point = space.sample(rng)
        assert space.contains(point)
        row = space.encode(point)
        assert (space.low <= row).all()
        assert (row <= space.high).all()
        again = space.decode(row)
        values = zip(
            point.values() if isinstance(point, dict) else point,
            again.values() if isinstance(again, dict) else again,
            strict=True,
        )
        for value, decoded in values:
            assert type(value) is type(decoded)
            assert value == decoded or math.isclose(value, decoded, rel_tol=1e-12)


@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    step=st.floats(1e-4, 1e4),
    fraction=st.floats(0, 1),
    anchored=st.booleans(),
)
def test_grid_values_are_in_range_and_near(low, width, step, fraction, anchored):
    high = low + width
    dimension = Real(low, high, step=step, origin=0.0 if anchored else None)
    value = min(max(low + fraction * width, low), high)
    decoded = dimension.decode(dimension.encode(value))
    assert low <= decoded <= high
    if anchored:  # the nearest multiple of step, clipped to the range
        nearest = min(max(round(value / step) * step, low), high)
        assert math.isclose(decoded, nearest, rel_tol=1e-9, abs_tol=1e-9 * max(1, abs(low)))
    else:
        assert abs(decoded - value) <= step * (1 + 1e-6)


@pytest.mark.parametrize(
    ("dimension", "values"),
    [
        (Real(0, 1, step=0.25), [0.0, 0.25, 0.5, 0.75, 1.0]),
        (Real(0, 1, step=0.3), [0.0, 0.3, 0.6, 0.9]),
        (Real(0, 0.5, step=0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (Real(0.4, 6, step=10, origin=0), [0.4, 6.0]),
        (Integer(-1, 2), [-1, 0, 1, 2]),
        (Choice(["a", None, (1,)]), ["a", None, (1,)]),
    ],
)
def test_a_finite_dimension_decodes_to_its_values(dimension, values):
    first, last = dimension.column
    decoded = [dimension.decode(first + i) for i in range(int(last - first) + 1)]
    assert decoded == values
    assert dimension.size == len(values)


def test_grids_decode_at_once_as_they_do_one_by_one():
    rng = np.random.default_rng(0)
    dimensions = [
        Real(low, low + width, step=step, origin=origin)
        for low in (0.0, -1.0, 0.37, 1e3)
        for width in (1.0, 7.3)
        for step in (1e-6, 0.25, 0.3, 1e-3, 1 / 3)
        for origin in (None, 0.0)
    ]
    space = Space([*dimensions, Real(0, 1), Integer(0, 3), Real(2, 2)])
    for _ in range(50):
        row = space.encode(space.sample(rng))
        one_by_one = [d.decode(u) for d, u in zip(dimensions, row.tolist(), strict=False)]
        assert space.decode(row)[: len(dimensions)] == one_by_one
    only_grids = Space(dimensions)
    row = only_grids.encode(only_grids.sample(rng))
    assert only_grids.decode_array(row).tolist() == only_grids.decode(row)


def test_log_dimensions_sample_evenly_in_the_logarithm():
    """Half of the samples lie below the geometric mean: 5 standard deviations of a coin."""
    space = Space([Real(1e-4, 1, log=True)])
    rng = np.random.default_rng(0)
    below = sum(space.sample(rng)[0] < 1e-2 for _ in range(4000))
    assert abs(below - 2000) < 5 * math.sqrt(1000)


def test_a_choice_returns_the_very_objects():
    marker = object()
    space = Space([Choice([marker, [1, 2], {"a": 1}, int])])
    points = [space.decode(np.array([float(i)]))[0] for i in range(4)]
    assert points[0] is marker
    assert points[3] is int
    assert space.encode([[1, 2]])[0] == 1.0


def test_choices_tell_true_from_one_but_accept_numpy_scalars():
    space = Space([Choice([1, True, 2.0])])
    assert [space.encode([v])[0] for v in (1, True, 2.0)] == [0.0, 1.0, 2.0]
    assert space.encode([np.int64(1)])[0] == 0.0


def test_constants_have_no_column():
    space = Space({"a": Real(2, 2), "b": Integer(1, 3), "c": Choice(["x"])})
    assert space.n_columns == 1
    assert space.size == 3
    assert space.decode(np.array([2.0])) == {"a": 2.0, "b": 2, "c": "x"}


@pytest.mark.parametrize(
    ("space", "dtype"),
    [
        (Space([(0, 1)] * 2), np.float64),
        (Space([Real(1, 2, log=True), (0, 1)]), np.float64),
        (Space([Integer(0, 3)] * 2), np.int64),
        (Space([Integer(1, 9, log=True), Integer(2, 2)]), np.int64),
        (Space([Integer(0, 3), (0, 1)]), object),
        (Space([Choice(["a", "b"])]), object),
    ],
)
def test_arrays_are_of_numbers_unless_the_space_is_mixed(space, dtype):
    row = space.encode(space.sample(np.random.default_rng(0)))
    assert space.decode_array(row).dtype == dtype


def test_pickled_spaces_are_equal():
    for space in SPACES.values():
        assert pickle.loads(pickle.dumps(space)) == space
    assert SPACES["bits"] != SPACES["tiny"]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Real(1, 0), ValueError, "low must be at most high"),
        (lambda: Real(0, math.inf), ValueError, "high must be finite"),
        (lambda: Real(math.nan, 1), ValueError, "low must be finite"),
        (lambda: Real(-1.7e308, 1.7e308), ValueError, "too wide"),
        (lambda: Real("0", 1), TypeError, "low must be a number"),
        (lambda: Real(True, 2), TypeError, "low must be a number"),
        (lambda: Real(0, 1, log=True), ValueError, "low > 0"),
        (lambda: Real(0, 1, step=0), ValueError, "step must be > 0"),
        (lambda: Real(0, 1, step=-1), ValueError, "step must be > 0"),
        (lambda: Real(1, 2, step=1, log=True), ValueError, "combined"),
        (lambda: Real(1, 2, origin=1), ValueError, "origin"),
        (lambda: Integer(0.5, 2), ValueError, "whole"),
        (lambda: Integer(3, 2), ValueError, "low must be at most high"),
        (lambda: Integer(0, 2**60), ValueError, "2**53"),
        (lambda: Integer(0, 5, log=True), ValueError, "low >= 1"),
        (lambda: Integer(1, 5, log=True, ordered=False), ValueError, "ordered"),
        (lambda: Choice([]), ValueError, "empty"),
        (lambda: Choice("abc"), TypeError, "list"),
        (lambda: Choice([1, 2, 1]), ValueError, "repeat"),
        (lambda: Space([]), ValueError, "at least one"),
        (lambda: Space("ab"), TypeError, "sequence or a mapping"),
        (lambda: Space(3), TypeError, "sequence or a mapping"),
        (lambda: Space([(0, 1), (1, 0)]), ValueError, "dimension 1"),
        (lambda: Space({"a": 3}), TypeError, "dimension 'a'"),
        (lambda: Space({3: (0, 1)}), TypeError, "names"),
        (lambda: Space([(0, 1, 2)]), TypeError, "dimension 0"),
    ],
)
def test_bad_spaces_are_refused_by_name(make, error, words):
    with pytest.raises(error, match=words.replace("*", r"\*")):
        make()


@pytest.mark.parametrize(
    ("point", "error", "words"),
    [
        ([0.5], ValueError, "3 values, got 1"),
        ([0.5, 1, "z"], ValueError, "dimension 2"),
        ([2.0, 1, "a"], ValueError, "dimension 0.*outside"),
        ([0.5, 1.5, "a"], ValueError, "dimension 1.*whole"),
        ([None, 1, "a"], TypeError, "dimension 0"),
        ([math.nan, 1, "a"], ValueError, "dimension 0"),
        ({"x": 1}, TypeError, "no names"),
        ("0.5", TypeError, "sequence"),
        (7, TypeError, "sequence"),
    ],
)
def test_bad_points_are_refused_by_name(point, error, words):
    space = Space([(0, 1), Integer(0, 3), Choice(["a", "b"])])
    assert not space.contains(point)
    with pytest.raises(error, match=words):
        space.encode(point)
