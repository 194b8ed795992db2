"""Dimensions of numbers at the edge of floats: nothing hangs, is rounded, or is left out."""

import math
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoopt
from zoopt import Choice, Integer, Real, Space, minimize

LOGS = [Real(1e-5, 1e-1, log=True), Real(1e-300, 1e300, log=True), Real(0.5, 1e9, log=True)]


@pytest.mark.parametrize("dimension", LOGS, ids=repr)
@given(data=st.data())
def test_values_of_log_dimensions_come_back_exactly(dimension, data):
    value = data.draw(st.floats(dimension.low, dimension.high))
    assert dimension.decode(dimension.encode(value)) == value
    again = pickle.loads(pickle.dumps(dimension))
    assert again.decode(again.encode(value)) == value


def test_only_values_of_users_are_remembered():
    dimension, rng = Real(1e-5, 1e9, log=True), np.random.default_rng(0)
    low, high = dimension.column
    for code in rng.uniform(low, high, 5000).tolist():
        value = dimension.decode(code)
        assert dimension.decode(dimension.encode(value)) == value
    assert len(pickle.dumps(dimension)) < 1000


@given(st.integers(1, 2**53), st.integers(1, 2**53))
def test_values_of_log_integers_come_back_exactly(a, b):
    dimension = Integer(min(a, b), max(a, b), log=True)
    for value in (a, b, (a + b) // 2):
        assert dimension.decode(dimension.encode(value)) == value


@pytest.mark.parametrize("value", [0.001, 0.07, 3.3e-4, 0.0123456789012345])
def test_initial_points_are_evaluated_exactly(value, tmp_path):
    seen = []

    def fun(x, n):
        seen.append((x, n))
        return x

    space = {"x": LOGS[0], "n": Integer(1, 2**53, log=True)}
    path = tmp_path / "run.db"
    result = minimize(fun, space, budget=3, seed=0, x0={"x": value, "n": 2**53}, checkpoint=path)
    assert seen[0] == (value, 2**53)
    fresh = Space({"x": Real(1e-5, 1e-1, log=True), "n": Integer(1, 2**53, log=True)})
    resumed = zoopt.resume(path, fun, space=fresh, budget=6)
    assert resumed.history[0] == result.history[0] == value
    from zoopt.problem.header import unpacked
    from zoopt.run.journal import read_header

    fresh = Space({"x": Real(1e-5, 1e-1, log=True), "n": Integer(1, 2**53, log=True)})
    start = unpacked(read_header(path)["run"]["x0"][0], fresh)
    assert start.x == {"x": value, "n": 2**53}


@pytest.mark.parametrize("n", [4, 30])
@pytest.mark.parametrize("algorithm", [None, "random", "racos"])
def test_log_integers_near_the_end_of_floats_are_all_found(n, algorithm):
    space = [Integer(2**53 - n + 1, 2**53, log=True)]
    found = set()

    def fun(x):
        found.add(int(x[0]))
        return float(x[0])

    minimize(fun, space, budget=200, seed=0, algorithm=algorithm)
    assert found == set(range(2**53 - n + 1, 2**53 + 1))


@pytest.mark.parametrize("low", [2**46, 2**47, 2**48, 10**15])
def test_log_integers_of_any_size_end(low):
    result = minimize(
        lambda x: float(x[0]), [Integer(low, low + 40, log=True)], budget=500, seed=0, time_budget=9
    )
    assert (result.nfev, result.status) == (41, "exhausted")


def test_log_reals_of_a_few_floats_are_not_one_point():
    values = set()
    space = [Real(1e16, 1e16 + 4, log=True)]
    minimize(lambda x: values.add(float(x[0])) or 0.0, space, budget=50, seed=0)
    assert values == {1e16, 1e16 + 2, 1e16 + 4}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Integer(0, 2**53 + 1), r"2\*\*53.*high=9007199254740993"),
        (lambda: Integer(-(2**53) - 1, 0), r"2\*\*53.*low=-9007199254740993"),
        (lambda: Integer(0, np.int64(2**63 - 1)), r"2\*\*53"),
        (lambda: Integer(0, Fraction(2**53 + 1)), r"2\*\*53"),
        (lambda: Integer(0, Decimal(2**53 + 1)), r"2\*\*53"),
        (lambda: Real(0, 1, step=1e-17), r"step.*2\*\*53"),
        (lambda: Real(0, 2**53, step=1), r"step.*2\*\*53"),
        (lambda: Real(0, 1, step=1e-17, origin=0), r"step.*2\*\*53"),
        (lambda: Real(2**53, 2**53 + 10, step=0.5), r"step"),
        (lambda: Real(2**53 + 1, 2**53 + 11, step=2), r"low.*2\*\*53"),
        (lambda: Real(0, 2**53 + 1, step=2), r"high.*2\*\*53"),
    ],
)
def test_numbers_that_floats_cannot_hold_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_sizes_are_exact():
    assert Real(0, 3e12, step=1).size == 3 * 10**12 + 1
    assert Real(0, 1, step=0.1).size == 11
    assert Real(0, 1, step=1 / 3).size == 4
    assert Real(-1, 1, step=1e-9).size == 2 * 10**9 + 1
    assert Integer(-(2**53), 2**53).size == 2**54 + 1
    assert Integer(2**53 - 3, 2**53, log=True).size == 4
    assert Space([Integer(0, 2**53)] * 3).size == (2**53 + 1) ** 3


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.longdouble, Fraction, Decimal])
def test_bounds_become_plain_numbers(kind):
    for dimension in (
        Real(kind(1), kind(2), step=kind(1)),
        Integer(kind(1), kind(2)),
        Real(kind(1), kind(2), log=True),
    ):
        plain = int if isinstance(dimension, Integer) else float
        assert type(dimension.low) is plain
        assert type(dimension.high) is plain
        assert type(dimension.decode(dimension.encode(kind(2)))) is plain


def test_samples_of_the_widest_integers_are_odd_half_of_the_time():
    space, rng = Space([Integer(-(2**53), 2**53)] * 100), np.random.default_rng(0)
    odd = np.array([space.sample(rng) for _ in range(40)]) % 2 != 0
    assert abs(odd.mean() - 0.5) < 0.04  # five standard deviations


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("window", np.int64(4)),
        ("workers", np.int64(1)),
        ("max_failures", Fraction(5)),
        ("terminal_value", Decimal(-1)),
        ("time_budget", np.float32(60)),
        ("seed", np.uint8(3)),
        ("budget", np.int64(5)),
    ],
)
def test_options_are_any_kind_of_number_with_a_checkpoint_or_without(option, value, tmp_path):
    options = {"budget": 5, "seed": 0, option: value}
    alone = minimize(lambda x: float(x[0]), [(0, 1)], **options)
    kept = minimize(lambda x: float(x[0]), [(0, 1)], **options, checkpoint=tmp_path / "run.db")
    assert alone.fun == kept.fun


def test_a_choice_of_huge_integers_is_exact():
    assert Choice([2**60, 2**60 + 1]).encode(np.int64(2**60 + 1)) == 1
    assert math.isinf(Real(1, 2).size)
