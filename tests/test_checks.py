"""Checks of arguments: what counts as a number, and what it becomes."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from zoopt.core.checks import exact, number, whole
from zoopt.core.seeds import root_seed, spawn_generator
from zoopt.problem.header import described_seed, restored_seed, seed_of_run

NUMBERS = [
    3,
    3.0,
    np.int8(3),
    np.uint64(3),
    np.float16(3),
    np.float32(3),
    np.longdouble(3),
    np.array(3),
    Fraction(3),
    Decimal(3),
]


@pytest.mark.parametrize("value", NUMBERS, ids=lambda v: type(v).__name__)
def test_every_kind_of_number_becomes_a_native_one(value):
    assert number(value, "n") == 3.0
    assert type(number(value, "n")) is float
    assert whole(value, "n", least=1) == 3
    assert type(whole(value, "n", least=1)) is int
    assert type(exact(value, "n")) in (int, float, Fraction, Decimal)


@pytest.mark.parametrize("value", [True, np.True_, "3", None, 3j, np.array([3])])
def test_what_is_not_a_number_is_refused_by_name(value):
    for check in (lambda: number(value, "size"), lambda: whole(value, "size", least=0)):
        with pytest.raises(TypeError, match="size must be a number"):
            check()


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, Decimal("nan"), Decimal("sNaN"), Decimal("-inf"), np.float32("inf")],
)
def test_numbers_that_are_not_finite_are_refused_where_they_must_be(value):
    with pytest.raises(ValueError):
        number(value, "size", finite=True)
    with pytest.raises(ValueError):
        whole(value, "size", least=0)


def test_numbers_beyond_all_floats_are_infinite():
    assert number(10**400, "x") == math.inf
    assert number(-(10**400), "x") == -math.inf
    assert number(Fraction(10**400), "x") == math.inf
    assert number(Decimal("1e400"), "x") == math.inf
    with pytest.raises(ValueError, match="x must be finite"):
        number(10**400, "x", finite=True)


def test_whole_numbers_are_exact_beyond_floats():
    for value in (2**53 + 1, np.int64(2**53 + 1), Fraction(2**53 + 1), Decimal(2**53 + 1)):
        assert whole(value, "n", least=0) == 2**53 + 1
    assert whole(Fraction(201, 2), "budget", least=1, fractions=True) == 100
    with pytest.raises(ValueError, match="whole number"):
        whole(Fraction(1, 3), "n", least=0)


@pytest.mark.parametrize("seed", [0, np.int64(0), np.uint8(0), np.random.SeedSequence(0)])
def test_numpy_seeds_are_seeds(seed):
    expected = spawn_generator(0, "solver").random()
    assert spawn_generator(seed, "solver").random() == expected
    words = described_seed(root_seed(seed))
    assert all(type(word) in (int, list) for word in words)
    assert restored_seed(words).entropy == 0


def test_a_generator_gives_one_integer_that_the_header_keeps():
    seed = seed_of_run(np.random.default_rng(5))
    again = seed_of_run(np.random.default_rng(5))
    assert isinstance(seed.entropy, int)
    assert seed.entropy == again.entropy
    generator = np.random.default_rng(5)
    assert seed_of_run(generator).entropy != seed_of_run(generator).entropy
    kept = restored_seed(described_seed(seed))
    drawn = [spawn_generator(s, "solver").random() for s in (seed, kept)]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("seed", [np.random.RandomState(0), np.random.PCG64(0)])
def test_old_generators_are_refused_with_a_hint(seed):
    with pytest.raises(TypeError, match=r"default_rng"):
        root_seed(seed)


@pytest.mark.parametrize("seed", ["0", 1.0, True, np.True_, Fraction(1)])
def test_what_is_not_a_seed_is_refused(seed):
    with pytest.raises(TypeError, match="seed must be"):
        root_seed(seed)
