"""UnitBox: rows to places and back, whole numbers with equal parts, nothing out of range."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoopt import Choice, Integer, Real, Space
from zoopt.core.unit_box import BLOCK, UnitBox

SPACE = Space(
    [
        Real(-3.0, 5.0),
        Real(1e-4, 1.0, log=True),
        Real(0.0, 1.0, step=0.25),
        Integer(-4, 7),
        Integer(1, 300, log=True),
        Choice(list("abc"), ordered=True),
        Choice(list("xyz")),
        Integer(2, 2),
    ]
)


@given(st.lists(st.floats(0.0, 1.0), min_size=6, max_size=6))
def test_every_place_has_a_row_within_the_space(place):
    box = UnitBox(SPACE)
    row = box.row(np.array(place))
    assert not row.flags.writeable
    assert not np.signbit(row[row == 0.0]).any()
    assert SPACE.contains(SPACE.decode(row))
    assert np.allclose(SPACE.encode(SPACE.decode(row)), row, rtol=1e-12, atol=1e-12)


@given(st.integers(0, 10**6))
def test_the_place_of_a_row_leads_back_to_it(seed):
    box, rng = UnitBox(SPACE), np.random.default_rng(seed)
    row = SPACE.encode(SPACE.sample(rng))
    back = box.row(box.point(row))
    assert np.allclose(back[box.columns], row[box.columns], rtol=1e-12, atol=1e-12)
    assert SPACE.decode(back)[3:6] == SPACE.decode(row)[3:6]


@pytest.mark.parametrize("outside", [-0.5, 1.5, -1e9, 1e9])
def test_places_outside_are_drawn_to_the_border(outside):
    box = UnitBox(SPACE)
    row = box.row(np.full(6, outside))
    ends = SPACE.low if outside < 0 else SPACE.high
    decoded = SPACE.decode(row)
    assert row[0] == ends[0]
    assert decoded[3] == (-4 if outside < 0 else 7)
    assert decoded[4] == (1 if outside < 0 else 300)


def test_whole_numbers_have_equal_parts_of_the_box():
    box = UnitBox(Space([Integer(3, 7), Choice(list("abcd"), ordered=True)]))
    places = (np.arange(2000) + 0.5) / 2000
    rows = np.array([box.row(np.full(2, place)) for place in places])
    assert np.bincount(rows[:, 0].astype(int)).tolist() == [0, 0, 0] + [400] * 5
    assert np.bincount(rows[:, 1].astype(int)).tolist() == [500] * 4


@pytest.mark.parametrize(
    "dimensions", [[Real(-1.0, 3.0)], [Real(-1.0, 3.0), Integer(-4, 7), Real(0, 1)]]
)
def test_columns_beyond_one_block_are_mapped_as_the_first(dimensions):
    few, many = UnitBox(Space(dimensions * 5)), UnitBox(Space(dimensions * 35_000))
    n = len(many.columns)
    assert n > 2 * BLOCK
    places = np.random.default_rng(0).uniform(-0.2, 1.2, n)
    row = many.row(places)
    centered = many.row_of_centered(2.0 * places - 1.0)
    assert np.allclose(row, centered, rtol=0, atol=1e-12)
    step = len(few.columns)
    for start in range(0, n, step):
        part = slice(start, start + step)
        assert row[part].tobytes() == few.row(places[part]).tobytes()


def test_a_box_stays_as_it_is_when_pickled():
    box = UnitBox(Space([Real(-1.0, 3.0)] * 50))
    places = np.random.default_rng(0).uniform(-0.2, 1.2, 50)
    again = pickle.loads(pickle.dumps(box))
    assert again.row(places).tobytes() == box.row(places).tobytes()


def test_every_whole_number_has_one_code():
    # For some of these, numpy's logarithm differs from that of the math module with AVX-512.
    numbers = [1, 2, 3, 9_170, 19_143, 94_869, 102_327, 136_085, 141_614, 200_000]
    space = Space([Integer(1, 200_000, log=True)])
    box, dimension = UnitBox(space), space.dimensions[0]
    for number in numbers:
        (code,) = box.row(box.point(np.array([dimension.encode(number)])))
        assert code == dimension.encode(number)
