"""The archive of subsets: twins equal bit for bit, dominance on hand-made members, mutations."""

import math
import os
import pickle
from collections import Counter

import numpy as np
import pytest

import zoopt._native
from zoopt._native import NOBODY, reference

compiled_only = pytest.mark.skipif(
    os.environ.get("ZOOPT_NO_NATIVE") == "1", reason="the compiled kernels are switched off"
)


def packed(*members, n=10):
    mask = np.zeros(n, bool)
    mask[list(members)] = True
    return np.packbits(mask, bitorder="little")


def unpacked(bits, n):
    return np.unpackbits(bits, count=n, bitorder="little")


def state_of(archive):
    members = archive.members()
    return members, [archive.bits_of(ident).tobytes() for ident, *_ in members], archive.n_seen


@compiled_only
@pytest.mark.parametrize("case", range(60))
def test_twins_agree_bit_for_bit_generator_included(case):
    rng = np.random.default_rng(case)
    n = int(rng.integers(0, 12)) if case % 2 else int(rng.integers(1, 300))
    distinct = case % 3 > 0
    margin = 0.0 if case % 4 else 0.5
    twins = [
        cls(n, np.random.default_rng(case + 7), distinct, 64)
        for cls in (zoopt._native.Archive, reference.Archive)
    ]
    flight = []
    for step in range(200):
        if len(flight) < rng.integers(1, 6):
            a, b = (twin.propose() for twin in twins)
            if a is None or b is None:
                assert a is None
                assert b is None
                break
            assert a[0].tobytes() == b[0].tobytes()
            assert a[1] == b[1]
            if step == 3:
                for twin in twins:
                    twin.base = 1
            flight.append((a[0], step))
        else:
            bits, ident = flight.pop(int(rng.integers(len(flight))))
            value, slack = float(rng.integers(-5, 5)), float(rng.integers(-3, 4))
            group = int(rng.integers(2))
            entered = {t.insert(bits, ident, value, slack, group, margin) for t in twins}
            assert len(entered) == 1
            assert state_of(twins[0]) == state_of(twins[1])
            assert twins[0].level(slack, group) == twins[1].level(slack, group)
            found = {twin.find(bits) for twin in twins}
            assert len(found) == 1
            assert entered == {False} or twins[0].bits_of(found.pop()).tobytes() == bits.tobytes()
            if step % 17 == 0 and len(twins[0]):
                gone = twins[0].members()[0][0]
                for twin in twins:
                    twin.revalue(gone, 3.5)
                    twin.remove(gone)
        if step == 77:
            twins = [pickle.loads(pickle.dumps(twin)) for twin in twins]
    states = [twin.rng.bit_generator.state for twin in twins]
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("newcomer", "enters", "left"),
    [
        ((5.0, 1.0), False, {0, 1}),  # worse than member 0 in value, equal in slack
        ((4.0, 0.0), False, {0, 1}),  # equal in value, worse in slack
        ((4.0, 1.0), True, {1, 2}),  # equal in both: takes its place
        ((3.0, 1.0), True, {1, 2}),
        ((4.0, 2.0), True, {1, 2}),
        ((1.0, 9.0), True, {2}),  # better than both
        ((3.0, 0.0), True, {0, 1, 2}),  # neither
        ((math.inf, 9.0), True, {0, 1, 2}),
        ((math.inf, 0.0), False, {0, 1}),
    ],
)
def test_dominance_by_hand(archive_class, newcomer, enters, left):
    archive = archive_class(10, np.random.default_rng(0))
    assert archive.insert(packed(1), 0, 4.0, 1.0)
    assert archive.insert(packed(2), 1, 6.0, 3.0)
    assert archive.insert(packed(3), 2, *newcomer) is enters
    assert {ident for ident, *_ in archive.members()} == left
    if enters:
        assert archive.bits_of(2).tobytes() == packed(3).tobytes()


def test_only_the_same_group_is_compared(archive_class):
    archive = archive_class(10, np.random.default_rng(0))
    archive.insert(packed(1), 0, 4.0, 1.0, 0)
    assert archive.insert(packed(2), 1, 9.0, 0.0, 1)
    assert archive.insert(packed(3), 2, 1.0, 9.0, 1)
    assert {ident for ident, *_ in archive.members()} == {0, 2}


@pytest.mark.parametrize(
    ("margin", "strong", "weak"), [(2.9, True, True), (3.0, False, True), (3.1, False, False)]
)
def test_a_margin_by_the_values_of_zoopt(archive_class, margin, strong, weak):
    """[1, 2] beside [4, 2]."""
    archive = archive_class(10, np.random.default_rng(0))
    archive.insert(packed(1), 0, 1.0, 2.0)
    assert archive.insert(packed(2), 1, 4.0, 2.0, 0, margin) is not strong
    archive = archive_class(10, np.random.default_rng(0))
    archive.insert(packed(1), 0, 4.0, 2.0)
    archive.insert(packed(2), 1, 1.0, 2.0, 0, margin)
    assert len(archive) == (1 if weak else 2)


def test_members_stay_whole_through_growth_and_removal(archive_class):
    """Against a plain model: many incomparable members, some of them taken out."""
    n, rng = 77, np.random.default_rng(3)
    archive, model = archive_class(n, np.random.default_rng(0)), {}
    for i in range(300):
        bits = np.packbits(rng.random(n) < 0.5, bitorder="little")
        slack = float(rng.integers(200))
        value = slack + float(rng.integers(20))
        dominated = any(
            (v < value and s >= slack) or (v <= value and s > slack) for _, v, s in model.values()
        )
        assert archive.insert(bits, i, value, slack) is not dominated
        if not dominated:
            model = {j: m for j, m in model.items() if not (value <= m[1] and slack >= m[2])}
            model[i] = bits.tobytes(), value, slack
        found = {j: (archive.bits_of(j).tobytes(), v, s) for j, v, s, _ in archive.members()}
        assert found == model
    assert len(model) > 8


@pytest.mark.parametrize("n", [1, 2, 3, 20, 500])
def test_bits_flip_with_probability_one_over_n_and_one_at_least(archive_class, n):
    """The number of flips and which they are, by chi-squared tests at 1e-6."""
    stats = pytest.importorskip("scipy.stats")

    archive = archive_class(n, np.random.default_rng(5), distinct=False)
    archive.insert(np.zeros((n + 7) // 8, np.uint8), 0, 0.0, 0.0)
    n_draws = 20_000
    moves = [archive.propose()[1][1:] for _ in range(n_draws)]
    assert all(list(move) == sorted(set(move)) for move in moves)
    rate = 1.0 / n if n > 2 else 0.5
    law = stats.binom.pmf(np.arange(n + 1), n, rate)
    law[1], law[0] = law[1] + law[0], 0.0
    counts = np.bincount([len(move) for move in moves], minlength=n + 1)
    expected = law * n_draws
    kept = expected >= 5
    observed = np.append(counts[kept], counts[~kept].sum())
    wanted = np.append(expected[kept], expected[~kept].sum())
    kept = wanted > 0
    assert counts[0] == 0
    if kept.sum() > 1:
        assert stats.chisquare(observed[kept], wanted[kept]).pvalue > 1e-6
    which = np.bincount(np.concatenate(moves), minlength=n)
    assert n == 1 or stats.chisquare(which).pvalue > 1e-6


def test_parents_are_drawn_uniformly(archive_class):
    stats = pytest.importorskip("scipy.stats")

    archive = archive_class(50, np.random.default_rng(5), distinct=False)
    for i in range(7):
        archive.insert(packed(*range(i), n=50), 10 + i, float(-i), float(-i))
    parents = Counter(archive.propose()[1][0] for _ in range(7000))
    assert sorted(parents) == list(range(10, 17))
    assert stats.chisquare(list(parents.values())).pvalue > 1e-6


def test_a_move_is_what_tells_the_child_from_its_parent(archive_class):
    archive = archive_class(100, np.random.default_rng(1))
    rows = {}
    for i in range(200):
        bits, move = archive.propose()
        parent = rows.get(move[0]) if move else np.zeros(100, np.uint8)
        child = unpacked(bits, 100)
        if move is not None:
            assert np.flatnonzero(parent != child).tolist() == list(move[1:])
        assert not bits.flags.writeable
        rows[i] = child
        archive.insert(bits, i, -float(child.sum()), float(i % 5))


@pytest.mark.parametrize("n", [0, 1, 3, 6])
def test_every_subset_comes_once(archive_class, n):
    archive = archive_class(n, np.random.default_rng(2))
    seen = []
    while (proposal := archive.propose()) is not None:
        seen.append(proposal[0].tobytes())
        archive.insert(proposal[0], len(seen), float(len(seen)), 0.0)
    assert len(seen) == len(set(seen)) == 2**n
    assert archive.propose() is None


def test_what_is_marked_does_not_come(archive_class):
    archive = archive_class(3, np.random.default_rng(2))
    assert archive.mark(packed(0, n=3))
    assert not archive.mark(packed(0, n=3))
    seen = {archive.propose()[0].tobytes() for _ in range(7)}
    assert len(seen) == 7
    assert packed(0, n=3).tobytes() not in seen
    assert archive.propose() is None


def test_the_memory_is_bounded(archive_class):
    archive = archive_class(40, np.random.default_rng(2), memory=100)
    for _ in range(1000):
        archive.propose()
    assert archive.n_seen < 100


def test_members_are_never_forgotten_nor_do_they_fill_the_memory(archive_class):
    """More members than the memory holds: no member comes again, and nothing hangs."""
    archive = archive_class(40, np.random.default_rng(2), memory=20)
    known = set()
    for i in range(3000):
        bits, _ = archive.propose()
        if i < 1500:
            archive.insert(bits, i, -float(i), -float(i))
            known.add(bits.tobytes())
        else:
            assert bits.tobytes() not in known
    assert len(archive) == 1500


def test_an_empty_archive_mutates_the_empty_subset(archive_class):
    archive = archive_class(9, np.random.default_rng(2))
    assert archive.base == NOBODY
    assert archive.propose()[1] is None
    archive.base = 4
    bits, move = archive.propose()
    assert move[0] == 4
    assert np.flatnonzero(unpacked(bits, 9)).tolist() == list(move[1:])


def test_bits_of_the_wrong_length_are_refused(archive_class):
    archive = archive_class(9, np.random.default_rng(2))
    for call in (archive.mark, lambda bits: archive.insert(bits, 0, 0.0, 0.0)):
        with pytest.raises(ValueError, match="bits must have 2 bytes, got 1"):
            call(np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match="n must be at least 0"):
        archive_class(-1, np.random.default_rng(2))
    with pytest.raises(ValueError, match="not in"):
        archive.bits_of(3)
