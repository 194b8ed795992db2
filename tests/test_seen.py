"""The points that a solver has seen: twins equal bit for bit, nothing forgotten, nothing twice."""

import itertools
import math
import pickle

import numpy as np
import pytest

from zoopt import Integer, Real, Space
from zoopt._native import CONTINUOUS, ORDERED, UNORDERED, SeenPoints, reference
from zoopt.core.seen import next_unseen, seen_points


def random_columns(rng):
    d = int(rng.integers(0, 6))
    kinds = rng.integers(0, 4, d)
    low, high = np.zeros(d), np.zeros(d)
    for k, kind in enumerate(kinds):
        if kind == CONTINUOUS:
            low[k], high[k] = -1.0, 1.0
        elif kind == ORDERED:
            low[k], high[k] = -2.0, rng.integers(-1, 5)
        elif kind == UNORDERED:
            low[k], high[k] = 0.0, rng.integers(1, 4)
        else:
            first = 10 ** int(rng.integers(0, 16))
            low[k], high[k] = math.log(first - 0.5), math.log(first + int(rng.integers(1, 9)) + 0.5)
    return kinds, low, high


@pytest.mark.parametrize("case", range(60))
def test_twins_agree_bit_for_bit_generator_included(case):
    rng = np.random.default_rng(case)
    columns = random_columns(rng)
    n_points = math.inf if CONTINUOUS in columns[0] or case % 7 == 0 else 1e300
    twins = [
        cls(*columns, np.random.default_rng(case), n_points, 20)
        for cls in (SeenPoints, reference.SeenPoints)
    ]
    rows = []
    for step in range(80):
        drawn = [twin.uniform() for twin in twins]
        if drawn[0] is None:
            assert drawn[1] is None
        else:
            assert drawn[0].tobytes() == drawn[1].tobytes()
            rows.append(drawn[0])
        if rows:
            row = rows[int(rng.integers(len(rows)))] + (step % 3 == 0) * 0.25
            assert len({twin.contains(row) for twin in twins}) == 1
            assert len({twin.mark(row) for twin in twins}) == 1
        if step == 40:
            twins = [pickle.loads(pickle.dumps(twin)) for twin in twins]
        assert len({(twin.n_seen, twin.exhausted) for twin in twins}) == 1
    states = [twin.rng.bit_generator.state for twin in twins]
    assert states[0] == states[1]


def test_a_point_is_new_once(seen_class):
    seen = seen_class(np.zeros(2, int), np.zeros(2), np.ones(2), np.random.default_rng(0))
    row = np.array([0.25, 0.0])
    assert not seen.contains(row)
    assert seen.n_seen == 0
    assert seen.mark(row)
    assert not seen.mark(row)
    assert not seen.mark(np.array([0.25, -0.0]))
    assert seen.contains(row)
    assert not seen.contains(row + 1e-9)
    assert seen.n_seen == 1
    assert not seen.exhausted


def test_every_point_of_a_finite_space_is_drawn_once(seen_class):
    columns = np.array([ORDERED, UNORDERED]), np.array([-1.0, 0.0]), np.array([3.0, 2.0])
    seen = seen_class(*columns, np.random.default_rng(0), 15.0)
    drawn = []
    while not seen.exhausted:
        row = seen.uniform()
        assert not row.flags.writeable
        drawn.append(tuple(row))
    assert sorted(drawn) == sorted(itertools.product((-1.0, 0.0, 1.0, 2.0, 3.0), (0.0, 1.0, 2.0)))
    before = seen.rng.bit_generator.state
    assert seen.uniform() is None
    assert seen.rng.bit_generator.state == before


def test_marked_points_are_not_drawn(seen_class):
    columns = np.full(3, UNORDERED), np.zeros(3), np.ones(3)
    seen = seen_class(*columns, np.random.default_rng(0), 8.0)
    for point in itertools.product((0.0, 1.0), repeat=3):
        if point != (1.0, 0.0, 1.0):
            seen.mark(np.array(point))
    assert seen.uniform().tolist() == [1.0, 0.0, 1.0]
    assert seen.uniform() is None


def test_unseen_points_are_equally_likely(seen_class):
    """Four of eight points were seen; the others are drawn first equally often (6 sigma)."""
    n, counts = 2000, dict.fromkeys(range(4, 8), 0)
    for run in range(n):
        rng = np.random.default_rng(run)
        seen = seen_class(np.array([ORDERED]), np.zeros(1), np.array([7.0]), rng, 8.0)
        for value in range(4):
            seen.mark(np.array([float(value)]))
        counts[int(seen.uniform()[0])] += 1
    assert all(abs(count - n / 4) < 6 * math.sqrt(n * 3 / 16) for count in counts.values()), counts


def test_an_infinite_space_remembers_the_latest(seen_class):
    rng = np.random.default_rng(0)
    seen = seen_class(np.zeros(1, int), np.zeros(1), np.ones(1), rng, math.inf, 50)
    rows = [seen.uniform() for _ in range(500)]
    assert seen.n_seen <= 51
    assert all(seen.contains(row) for row in rows[-50:])
    assert not all(seen.contains(row) for row in rows[:350])


def test_a_finite_space_is_remembered_whole(seen_class):
    columns = np.full(2, ORDERED), np.zeros(2), np.full(2, 99.0)
    seen = seen_class(*columns, np.random.default_rng(0), 10_000.0, 50)
    rows = [seen.uniform() for _ in range(2500)]
    assert seen.n_seen == len({row.tobytes() for row in rows}) == 2500


def test_columns_with_too_few_floats_end(seen_class):
    low, high = np.array([1.0]), np.array([1.0 + 5e-16])
    seen = seen_class(np.zeros(1, int), low, high, np.random.default_rng(0))
    drawn = {row[0] for row in iter(seen.uniform, None)}
    assert 1 <= len(drawn) <= 3
    assert not seen.exhausted


def test_wrong_shapes_raise(seen_class):
    columns = np.zeros(3, int), np.zeros(3), np.ones(3)
    seen = seen_class(*columns, np.random.default_rng(0))
    for call in (seen.mark, seen.contains):
        with pytest.raises(ValueError, match="row must have 3 columns, got 2"):
            call(np.zeros(2))
    with pytest.raises(ValueError, match="must have the same length"):
        seen_class(columns[0], np.zeros(2), columns[2], np.random.default_rng(0))


def test_a_space_is_seen_by_its_rows(kernels):
    space = Space([Integer(1, 3), Real(0.5, 0.5), Integer(0, 1)])
    seen = seen_points(space, np.random.default_rng(0))
    assert seen.mark(space.encode([2, 0.5, 1]))
    drawn = [tuple(space.decode(seen.uniform())) for _ in range(5)]
    assert seen.exhausted
    assert sorted([*drawn, (2, 0.5, 1)]) == sorted((a, 0.5, b) for a in (1, 2, 3) for b in (0, 1))


def test_a_queue_gives_its_new_rows_from_the_end(kernels):
    seen = seen_points(Space([(0, 9)]), np.random.default_rng(0))
    queue = [np.array([v]) for v in (1.0, 2.0, 3.0, 3.0)]
    seen.mark(queue[1])
    assert [next_unseen(queue, seen) for _ in range(3)] == [3.0, 1.0, None]
    assert not queue
