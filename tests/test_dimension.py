"""Dimension and Dimension2: what they tell, sample, merge and refuse."""

import math

import pytest
from old_api import C, D, G, bits

from zoopt import (
    Dimension,
    Dimension2,
    ValueType,
)


def test_dimension_tells_what_it_was_given():
    dim = Dimension(3, [[-1, 1], [0, 5], [2, 2]], [True, False, False], [False, True, False])
    assert dim.get_size() == len(dim) == 3
    assert dim.get_regions() == dim.copy_region() == [[-1, 1], [0, 5], [2, 2]]
    assert [dim.get_region(i) for i in range(3)] == dim.get_regions()
    assert dim.get_types() == [dim.get_type(i) for i in range(3)] == [True, False, False]
    assert dim.get_order() == [False, True, False]
    assert [type(v) for v in dim.get_region(0) + dim.get_region(1)] == [float, float, int, int]
    assert Dimension(2, [[0, 1]] * 2, [True] * 2).get_order() == [False, False]


def test_dimension_counts_its_points():
    assert Dimension(2, [[0, 1], [-2, 2]], [False] * 2).limited_space() == (True, 10)
    assert Dimension(2, [[0, 1], [-2, 2]], [False, True]).limited_space() == (False, 0)
    assert bits(200).limited_space() == (True, 2**200)
    assert bits(2).is_discrete() is True
    assert Dimension(2, [[0, 1]] * 2, [False, True]).is_discrete() is False


@pytest.mark.parametrize(
    "dim",
    [
        Dimension(3, [[-1, 1], [0, 5], [2, 2]], [True, False, False]),
        Dimension2([(C, [-1, 1], 1e-3), (D, [0, 5], True), (G, ["a", None]), (C, [0, 1])]),
    ],
    ids=["Dimension", "Dimension2"],
)
def test_samples_are_native_uniform_and_in_range(dim):
    """Each of 6 whole numbers is missed by 300 draws with probability 6 (5/6)^300 < 1e-22."""
    samples = [dim.rand_sample() for _ in range(300)]
    assert {s[1] for s in samples} == set(range(6))
    for sample in samples:
        assert type(sample) is list
        assert type(sample[0]) is float
        assert type(sample[1]) is int
        assert -1 <= sample[0] <= 1
        assert dim.space.contains(sample)
    low = sum(sample[0] < 0 for sample in samples)
    assert 150 - 5 * math.sqrt(75) < low < 150 + 5 * math.sqrt(75)


def test_dimension_merges_copies_and_compares():
    a = Dimension(1, [[0, 3]], [False], [True])
    b = Dimension(2, [[-1, 1]] * 2, [True] * 2)
    merged = Dimension.merge_dim(a, b)
    assert merged.get_regions() == [[0, 3], [-1, 1], [-1, 1]]
    assert merged.get_order() == [True, False, False]
    assert a.equal(a.deep_copy())
    assert not a.equal(b)
    assert not a.equal(Dimension(1, [[0, 3]], [False], [False]))  # another order
    assert not a.equal(Dimension(1, [[0, 4]], [False], [True]))
    assert not a.equal(Dimension(1, [[0, 3]], [True], [True]))
    copied = merged.deep_copy()
    copied.set_region(0, [5, 6], False)
    assert merged.get_region(0) == [0, 3]


def test_dimension_setters_change_what_solvers_see():
    dim = Dimension()
    assert dim.get_size() == 0
    dim.set_all(2, [[0, 1], [0, 9]], [True, False])
    assert dim.space.dimensions[1].ordered is False
    dim.set_order([False, True])
    assert dim.space.dimensions[1].ordered is True
    dim.set_region(1, [3, 4], False)
    assert dim.get_regions() == [[0, 1], [3, 4]]
    assert dim.get_order() == [False, True]  # untouched
    assert {dim.rand_sample()[1] for _ in range(60)} == {3, 4}
    dim.set_regions([[0, 2], [5, 5]], [False, True])
    assert dim.get_types() == [False, True]
    dim.set_dimension_size(3)
    assert dim.get_size() == 3
    dim.set_size(1)
    assert dim.get_regions() == [[0, 2]]


def test_judge_match():
    for cls in (Dimension, Dimension2):
        assert cls.judge_match(2, [[0, 1]] * 2, [True] * 2) is True
        assert cls.judge_match(3, [[0, 1]] * 2, [True] * 2) is False
        assert cls.judge_match(2, [[0, 1]] * 2, [True]) is False


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((2, [[0, 1]], [True] * 2), ValueError, "regs and tys"),
        ((2, [[0, 1]] * 2, [True]), ValueError, "regs and tys"),
        ((1, [[0, 1]], [True], [True, False]), ValueError, "order"),
        ((2, [[0, 1], [1, 0]], [True] * 2), ValueError, r"regs\[1\].*low.*high"),
        ((1, [[0, math.inf]], [True]), ValueError, r"regs\[0\].*finite"),
        ((1, [[math.nan, 1]], [True]), ValueError, r"regs\[0\]"),
        ((1, [[0.5, 3]], [False]), ValueError, r"regs\[0\].*whole"),
        ((1, [[0, 1, 2]], [True]), ValueError, "pairs"),
        ((1, ["ab"], [True]), ValueError, "pairs"),
        ((1, [[0, 1]], ["continuous"]), TypeError, "tys"),
        ((1, [[0, 1]], [2]), TypeError, "tys"),
        ((1, [[0, 1]], [None]), TypeError, "tys"),
        ((-1, [], []), ValueError, "size"),
        ((1.5, [[0, 1]], [True]), TypeError, "size"),
        ((True, [[0, 1]], [True]), TypeError, "size"),
    ],
)
def test_a_dimension_refuses_what_makes_no_sense(arguments, error, words):
    with pytest.raises(error, match=words):
        Dimension(*arguments)


def test_value_types_are_the_old_numbers():
    assert (ValueType.DISCRETE, ValueType.CONTINUOUS, ValueType.GRID) == (0, 1, 2)
    assert {type(v) for v in (C, D, G)} == {int}
    assert Dimension2([(1, [0, 1], 0.5), (0, [0, 1], True), (2, [7, 8])]).get_types() == [1, 0, 2]


def test_dimension2_tells_what_it_was_given():
    dim = Dimension2([(C, [-1, 1], 1e-6), (D, [1, 8], True), (D, [1, 8]), (G, ["x", 3, None])])
    assert dim.get_size() == len(dim) == 4
    assert dim.get_regions() == [[-1, 1], [1, 8], [1, 8], ["x", 3, None]]
    assert dim.get_order_or_precision() == [1e-6, True, None, None]
    assert dim.limited_space() == (False, 0)  # in spite of the precision
    assert dim.is_discrete() is False
    kinds = [getattr(d, "ordered", None) for d in dim.space]
    assert kinds == [None, True, False, False]
    assert Dimension2([(G, ["x"], "ignored")]).get_order_or_precision() == [None]


def test_a_grid_is_discrete_and_counted():
    dim = Dimension2([(D, [1, 8], True), (G, ["x", 3, None])])
    assert dim.is_discrete() is True
    assert dim.limited_space() == (True, 24)


def test_dimension2_setters_merge_and_compare():
    dim = Dimension2()
    dim.set_all(2, [[0, 1], ["a", "b"]], [C, G])
    dim.set_order_or_precision([0.5, None])
    assert {dim.rand_sample()[0] for _ in range(60)} == {0.0, 0.5, 1.0}
    dim.set_region(0, [0, 3], D)
    assert dim.get_type(0) == D
    dim.set_regions([[4, 5], [1.0, 2.0]], [D, C])
    assert dim.get_regions() == [[4, 5], [1, 2]]
    dim.set_dimension_size(1)
    assert dim.get_regions() == [[4, 5]]
    merged = Dimension2.merge_dim(dim, Dimension2([(G, ["a", "b"])]))
    assert merged.get_regions() == [[4, 5], ["a", "b"]]
    assert merged.deep_copy().equal(merged)
    assert not merged.equal(dim)
    assert not Dimension2([(C, [0, 1], 0.1)]).equal(Dimension2([(C, [0, 1], 0.2)]))


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        ((C, [1, 0], 0.1), ValueError, "low"),
        ((C, [0, math.inf], 0.1), ValueError, "finite"),
        ((C, [0, 1], 0), ValueError, "step"),
        ((C, [0, 1], -0.1), ValueError, "step"),
        ((C, [0, 1], math.inf), ValueError, "finite"),
        ((C, [0, 1], math.nan), ValueError, "step"),
        ((C, [0, 1], "0.1"), TypeError, "step"),
        ((D, [0.5, 2], True), ValueError, "whole"),
        ((D, [0, 5], "yes"), TypeError, "True or False"),
        ((D, [0, 1, 2], True), ValueError, "low, high"),
        ((G, []), ValueError, "empty"),
        ((G, ["a", "b", "a"]), ValueError, "'a' twice"),
        ((G, "abc"), TypeError, "list"),
        ((G, 5), TypeError, "list"),
        ((3, [0, 1], True), ValueError, "type"),
        ((True, [0, 1], True), ValueError, "type"),
        (("CONTINUOUS", [0, 1], 0.1), ValueError, "type"),
        ((C,), ValueError, "region"),
        ((C, [0, 1], 0.1, 0.1), ValueError, "region"),
        (C, ValueError, "region"),
    ],
)
def test_a_dimension2_refuses_what_makes_no_sense_and_names_the_entry(entry, error, words):
    with pytest.raises(error, match=rf"dim_list\[1\].*{words}"):
        Dimension2([(C, [0, 1], 0.1), entry])
