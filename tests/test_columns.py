"""Columns of huge whole numbers: exact codes, twins that agree, and draws that leave none out."""

import math
import os

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import zoopt._native
from zoopt import Integer, Space
from zoopt._native import HUGE_LOG_INTEGER, ORDERED, reference
from zoopt._native.reference import code_of, number_at
from zoopt.core.unit_box import UnitBox

compiled_only = pytest.mark.skipif(
    os.environ.get("ZOOPT_NO_NATIVE") == "1", reason="the compiled kernels are switched off"
)
WHOLE = st.one_of(
    st.integers(1, 2**53), st.integers(0, 53).map(lambda e: 2**e), st.integers(2**53 - 99, 2**53)
)


@given(WHOLE)
def test_huge_codes_are_exact(number):
    code = code_of(HUGE_LOG_INTEGER, number)
    assert number_at(HUGE_LOG_INTEGER, code) == number
    assert number_at(HUGE_LOG_INTEGER, math.nextafter(code, -math.inf)) <= number


@given(WHOLE, WHOLE)
def test_huge_codes_keep_the_order(a, b):
    assert (a < b) == (code_of(HUGE_LOG_INTEGER, a) < code_of(HUGE_LOG_INTEGER, b))


@given(WHOLE, WHOLE, st.floats(0.0, 1.0))
def test_unit_boxes_round_huge_codes_to_those_of_whole_numbers(a, b, place):
    low, high = min(a, b), max(a, b, 2**47)
    assume(low < high)
    space = Space([Integer(low, high, log=True)])
    row = UnitBox(space).row(np.array([place]))
    assert space.kinds.tolist() == [HUGE_LOG_INTEGER]
    assert row.tobytes() == space.encode(space.decode(row)).tobytes()


def huge_columns(rng):
    d = int(rng.integers(1, 9))
    kinds = np.where(rng.random(d) < 0.7, HUGE_LOG_INTEGER, ORDERED).astype(np.intp)
    low, high = np.full(d, -(2.0**53)), np.full(d, 2.0**53)
    for k in np.flatnonzero(kinds == HUGE_LOG_INTEGER):
        first = int(rng.choice([1, 2**48, 2**53 - 3]))
        low[k], high[k] = (code_of(HUGE_LOG_INTEGER, n) for n in (first, 2**53))
    return kinds, low, high


@compiled_only
@pytest.mark.parametrize("case", range(30))
def test_twins_agree_on_huge_columns(case):
    rng = np.random.default_rng(case)
    setting = (*huge_columns(rng), 2, 5, int(rng.integers(1, 4)), 0.05, "WR")
    twins = [
        make(*setting, np.random.default_rng(case), 1e300, 60, 0.0)
        for make in (zoopt._native.Population, reference.Population)
    ]
    for step in range(80):
        width = float(rng.choice([1.0, 0.1, 1e-9, 1e-16]))
        proposals = [twin.propose(0, width) for twin in twins]
        if None in proposals:
            assert proposals == [None, None]
            break
        (row, move), (same, too) = proposals
        assert row.tobytes() == same.tobytes()
        assert move == too
        for twin in twins:
            twin.insert(row, step, 0.0, float(np.abs(row).sum()), move, False)
    states = [twin.rng.bit_generator.state for twin in twins]
    assert states[0] == states[1]


@pytest.mark.parametrize("make", [zoopt._native.Population, reference.Population])
@pytest.mark.parametrize("n_points", [4, 1000])
def test_all_huge_numbers_of_a_small_range_are_proposed(make, n_points):
    space = Space([Integer(2**53 - n_points + 1, 2**53, log=True)])
    rng = np.random.default_rng(0)
    population = make(
        space.kinds, space.low, space.high, 1, 5, 1, 0.0, "WR", rng, float(n_points), 60, 0.0
    )
    found = set()
    while (proposal := population.propose()) is not None:
        found.add(space.decode(proposal[0])[0])
        population.insert(proposal[0], len(found), 0.0, 0.0, proposal[1], False)
    assert found == set(range(2**53 - n_points + 1, 2**53 + 1))


@pytest.mark.parametrize("make", [zoopt._native.Population, reference.Population])
def test_the_widest_integers_are_odd_half_of_the_time(make):
    space = Space([Integer(-(2**53), 2**53)] * 40)
    rng = np.random.default_rng(3)
    population = make(
        space.kinds, space.low, space.high, 1, 5, 1, 0.0, "WR", rng, math.inf, 60, 0.0
    )
    drawn = np.array([population.propose()[0] for _ in range(50)])
    assert abs((drawn % 2 != 0).mean() - 0.5) < 0.06  # five standard deviations
