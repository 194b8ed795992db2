"""The kernels: twins equal bit for bit, read-only inputs, wrong shapes, laws of the region."""

import itertools
import math
import os
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import zoopt._native
from zoopt._native import CONTINUOUS, LOG_INTEGER, ORDERED, UNORDERED, reference
from zoopt._native.reference import codes
from zoopt._native.reference.pairs import LATEST, MOST_LISTED, Latest

compiled_only = pytest.mark.skipif(
    os.environ.get("ZOOPT_NO_NATIVE") == "1", reason="the compiled kernels are switched off"
)


def random_columns(rng):
    d = int(rng.integers(1, 90))
    kinds = rng.integers(0, 4, d) if rng.random() < 0.4 else np.full(d, rng.integers(0, 4))
    low, high = np.zeros(d), np.zeros(d)
    for k, kind in enumerate(kinds):
        if kind == CONTINUOUS:
            low[k], high[k] = -1.0, 1.0
        elif kind == ORDERED:
            low[k], high[k] = -2.0, rng.integers(-1, 5)
        elif kind == UNORDERED:
            low[k], high[k] = 0.0, rng.integers(1, 4)
        else:
            low[k], high[k] = math.log(0.5), math.log(int(rng.integers(2, 50)) + 0.5)
    return kinds.astype(np.intp), low, high


def random_setting(rng):
    return (
        *random_columns(rng),
        int(rng.integers(1, 4)),
        int(rng.integers(0, 12)),
        int(rng.integers(1, 6)),
        0.05,
        ("WR", "RR", "LM")[int(rng.integers(3))],
    )


def random_key(rng, row, step):
    """Return a violation and a value: feasible, infeasible or failed, with ties."""
    chance = rng.random()
    if chance < 0.1:
        return math.inf, float(step)
    value = float(np.round(((row - 0.3) ** 2).sum(), int(rng.integers(0, 6))))
    return (0.0 if chance < 0.9 else 1.0), value


def same_members(a, b):
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        assert left[0] == right[0]
        assert left[1].tobytes() == right[1].tobytes()
        assert left[2:] == right[2:]


def test_the_compiled_kernels_are_loaded():
    expected = "python" if os.environ.get("ZOOPT_NO_NATIVE") == "1" else "cython"
    assert expected == zoopt._native.BACKEND


@compiled_only
@pytest.mark.parametrize("case", range(60))
def test_twins_agree_bit_for_bit_generator_included(case):
    rng = np.random.default_rng(case)
    setting = random_setting(rng)
    sizes = setting[2] - setting[1] + 1
    sizes = np.where(setting[0] == LOG_INTEGER, np.exp(setting[2]) - 0.5, sizes)
    n_points = math.inf if CONTINUOUS in setting[0] else float(np.rint(sizes).prod())
    # The kernel takes any kind of column; where values have an order it is of little use.
    mixing = 0.3 if case % 2 else 0.0
    twins = [
        cls(*setting, np.random.default_rng(case + 7), n_points, 60, mixing)
        for cls in (zoopt._native.Population, reference.Population)
    ]
    flight = []
    for step in range(150):
        if len(flight) < rng.integers(1, 6):
            width = float(rng.choice([1.0, 1.0, 0.5, 0.1, 1e-6]))
            a, b = (twin.propose(0, width) for twin in twins)
            if a is None or b is None:
                assert a is None
                assert b is None
                break
            assert a[0].tobytes() == b[0].tobytes()
            assert a[1] == b[1]
            flight.append((a[0], step, a[1]))
        else:
            row, ident, move = flight.pop(int(rng.integers(len(flight))))
            violation, value = random_key(rng, row, step)
            stable = bool(rng.random() < 0.3)
            entered = {t.insert(row, ident, violation, value, move, stable) for t in twins}
            assert len(entered) == 1
            same_members(twins[0].positives(), twins[1].positives())
            same_members(twins[0].negatives(), twins[1].negatives())
        if step == 77:
            twins = [pickle.loads(pickle.dumps(twin)) for twin in twins]
        assert twins[0].n_seen == twins[1].n_seen
    states = [twin.rng.bit_generator.state for twin in twins]
    assert states[0] == states[1]


@compiled_only
def test_rows_have_the_hash_of_their_twin():
    rng = np.random.default_rng(0)
    for d in (0, 1, 7, 300):
        for _ in range(20):
            row = rng.normal(size=d) * rng.choice([0.0, 1.0, 1e300], d)
            code = zoopt._native.row_hash(row)
            assert code == reference.row_hash(row) == reference.row_hash(row + 0.0)
            assert code == (sum(codes.mix(k, v) for k, v in enumerate(row)) & codes.MASK or 1)


def test_rows_have_the_same_hash_only_where_they_are_equal():
    rng = np.random.default_rng(0)
    rows = np.unique(rng.integers(0, 2, (5000, 30)).astype(np.float64), axis=0)
    for row_hash in (zoopt._native.row_hash, reference.row_hash):
        assert len({row_hash(row) for row in rows}) == len(rows)
        assert row_hash(np.array([0.0, 1.0])) == row_hash(np.array([-0.0, 1.0]))


@compiled_only
@pytest.mark.parametrize("case", range(3))
def test_twins_agree_where_only_the_latest_differing_columns_are_listed(case):
    d = 16 * (MOST_LISTED + 1)
    kinds = np.where(np.arange(d) % 2, ORDERED, CONTINUOUS).astype(np.intp)
    twins = [
        cls(kinds, np.zeros(d), np.ones(d), 2, 3, 400, 0.0, "WR", np.random.default_rng(case))
        for cls in (zoopt._native.Population, reference.Population)
    ]
    rng = np.random.default_rng(case)
    n_latest = 0
    for ident in range(60):
        n_redrawn = int(rng.choice([3, LATEST, LATEST + 1, 400]))
        width = float(rng.choice([1.0, 0.01]))
        (point, move), (other, same) = (twin.step(n_redrawn, width) for twin in twins)
        assert move == same
        assert point == other if move else point.tobytes() == other.tobytes()
        value = -float(ident) if rng.random() < 0.2 else 0.0 - ident // 10
        entered = {twin.insert(point, ident, 0.0, value, move) for twin in twins}
        assert len(entered) == 1
        same_members(twins[0].positives(), twins[1].positives())
        same_members(twins[0].negatives(), twins[1].negatives())
        twin = twins[1]
        for x, y in itertools.permutations(twin._positive + twin._negative, 2):
            pair = twin._pairs.known(x, y)
            if isinstance(pair, Latest):
                n_latest += 1
                assert len(pair) <= LATEST
            if not isinstance(pair, int):
                assert (twin._rows[x][pair] != twin._rows[y][pair]).all()
                assert len(set(pair)) == len(pair)
        if ident == 40:
            twins = [pickle.loads(pickle.dumps(twin)) for twin in twins]
    assert n_latest > 20
    states = [twin.rng.bit_generator.state for twin in twins]
    assert states[0] == states[1]


def filled(population_class, setting, n=40, seed=0):
    rng = np.random.default_rng(seed)
    population = population_class(*setting, np.random.default_rng(seed))
    for ident in range(n):
        row = population.uniform()
        if row is None:
            break
        population.insert(row, ident, *random_key(rng, row, ident))
    return population


@pytest.mark.parametrize("case", range(40))
def test_the_region_holds_the_positive_and_no_negative(case):
    setting = random_setting(np.random.default_rng(case))
    population = filled(reference.Population, setting, seed=case)
    kinds, low, high = setting[:3]
    for _ in range(20):
        slot, lowered, raised, fixed = population._shrink()
        ident, positive = population._member(slot)[:2]
        assert ident in [member[0] for member in population.positives()]
        left, right = low.copy(), high.copy()
        for k, bound in lowered.items():
            left[k] = bound
        for k, bound in raised.items():
            right[k] = bound
        assert (left <= positive).all()
        assert (positive <= right).all()
        assert all(kinds[k] == UNORDERED for k in fixed)
        for _, negative, _, _ in population.negatives():
            outside = ((negative < left) | (negative > right)).any()
            assert outside or any(negative[k] != positive[k] for k in fixed)


@pytest.mark.parametrize("kind", [CONTINUOUS, ORDERED, UNORDERED])
def test_tied_coordinates_are_never_cut(kind):
    d = 12
    setting = (np.full(d, kind, np.intp), np.zeros(d), np.full(d, 9.0), 1, 3, 1, 0.0, "WR")
    population = reference.Population(*setting, np.random.default_rng(0))
    for ident in range(4):
        row = np.full(d, 5.0)
        row[3] = ident
        population.insert(row, ident, 0.0, float(ident))
    for _ in range(50):
        _, lowered, raised, fixed = population._shrink()
        assert set(lowered) | set(raised) | set(fixed) == {3}


def test_a_duplicate_negative_cannot_stop_the_shrinking(population_class):
    setting = (np.zeros(3, np.intp), np.zeros(3), np.ones(3), 1, 3, 1, 0.0, "WR")
    population = population_class(*setting, np.random.default_rng(0))
    row = np.full(3, 0.5)
    for ident in range(4):
        population.insert(row, ident, 0.0, float(ident))
    assert population.propose() is not None


@pytest.mark.parametrize("case", range(20))
def test_proposals_differ_from_their_parent_only_where_their_move_says(population_class, case):
    setting = random_setting(np.random.default_rng(case))
    population = filled(population_class, setting, seed=case)
    for _ in range(30):
        proposal = population.propose()
        if proposal is None:
            break
        row, move = proposal
        assert not row.flags.writeable
        if move is not None:
            parent = {m[0]: m[1] for m in population.positives()}[move[0]]
            assert sorted(move[1:]) == np.flatnonzero(row != parent).tolist()
            assert 1 <= len(move[1:]) <= setting[5]


@pytest.mark.parametrize("case", range(40))
def test_proposals_stay_within_the_width_or_among_neighbours(population_class, case):
    setting = random_setting(np.random.default_rng(case))
    kinds, low, high = setting[:3]
    population = filled(population_class, setting, seed=case)
    rng = np.random.default_rng(case)
    for _ in range(60):
        width = float(rng.choice([0.5, 0.1, 1e-9]))
        proposal = population.propose(0, width)
        if proposal is None:
            break
        row, move = proposal
        assert (low <= row).all()
        assert (row <= high).all()
        if move is None:
            continue
        parent = population.row(move[0])
        reach = 0.5 * width * (high - low) * (1 + 1e-9) + 1e-15
        logs, wholes = kinds == LOG_INTEGER, kinds == ORDERED
        number = np.rint(np.exp(np.where(logs, parent, 0.0)))
        reach = np.where(wholes, np.maximum(reach, 1.0), reach)
        gap = np.log(number / np.maximum(number - 1.0, 0.5)) * (1 + 1e-9)
        reach = np.where(logs, np.maximum(reach + gap, gap), reach)
        near = np.abs(row - parent) <= reach
        assert near[kinds != UNORDERED].all()


@pytest.mark.parametrize("kind", [ORDERED, LOG_INTEGER])
def test_neighbours_of_whole_numbers_are_reached_in_any_width(population_class, kind):
    high = 100.0 if kind == ORDERED else math.log(100.5)
    low = 0.0 if kind == ORDERED else math.log(0.5)
    here = 50.0 if kind == ORDERED else math.log(50)
    sides = set()
    for seed in range(40):
        population = population_class(
            np.full(3, kind), np.full(3, low), np.full(3, high),
            1, 0, 1, 0.0, "WR", np.random.default_rng(seed),
        )  # fmt: skip
        population.insert(np.full(3, here), 0, 0.0, 0.0)
        row, move = population.propose(1, 1e-12)
        (k,) = move[1:]
        value = row[k] if kind == ORDERED else np.rint(np.exp(row[k]))
        sides.add(float(value))
    assert sides == {49.0, 51.0}


@pytest.mark.parametrize("width", [0.0, -1.0, 1.5, math.nan])
def test_widths_out_of_range_raise(population_class, width):
    population = population_class(
        np.zeros(2, np.intp), np.zeros(2), np.ones(2), 1, 1, 1, 0.0, "WR", np.random.default_rng(0)
    )
    for draw in (population.propose, population.step):
        with pytest.raises(ValueError, match="width must be above 0 and at most 1"):
            draw(0, width)


def test_the_rank_of_a_member_is_what_it_was_told_with(population_class):
    population = population_class(
        np.zeros(2, np.intp), np.zeros(2), np.ones(2), 1, 3, 1, 0.0, "WR", np.random.default_rng(0)
    )
    for ident, rank in enumerate([(0.0, 3.0), (1.0, 2.0), (0.0, -1.0), (math.inf, 0.0)]):
        population.insert(population.uniform(), ident, *rank)
        assert population.rank(ident) == rank
    with pytest.raises(ValueError, match="no member has the ident 9"):
        population.rank(9)


def walk(case, n_steps, step_of):
    """Run a population by whole rows or by steps; return what it proposed and holds."""
    rng = np.random.default_rng(case)
    setting = random_setting(rng)
    population = reference.Population if case % 3 == 0 else zoopt._native.Population
    population = population(*setting, np.random.default_rng(case), recombination_rate=0.3)
    log, flight = [], []
    for ident in range(n_steps):
        if len(flight) < 3:
            proposal = step_of(population)
            if proposal is None:
                break
            point, move = proposal
            flight.append((ident, point, move))
            whole = point
            if isinstance(point, tuple):
                whole = population.row(move[0]).copy()
                whole[list(move[1:])] = point
            flight[-1] += (whole,)
            log.append((whole.tobytes(), move))
        else:
            ident, point, move, whole = flight.pop(int(rng.integers(3)))
            if isinstance(point, tuple) and move[0] not in population:
                point = whole
            violation, value = random_key(rng, whole, ident)
            log.append(population.insert(point, ident, violation, value, move))
    members = population.positives() + population.negatives()
    return log, [(m[0], m[1].tobytes(), m[2:]) for m in members], population


@pytest.mark.parametrize("case", range(30))
def test_steps_are_what_whole_rows_are(case):
    for width in (1.0, 0.05):
        by_rows = walk(case, 300, lambda population, w=width: population.propose(0, w))
        by_steps = walk(case, 300, lambda population, w=width: population.step(0, w))
        assert by_rows[:2] == by_steps[:2]
    by_rows = walk(case, 300, lambda population: population.propose())
    by_steps = walk(case, 300, lambda population: population.step())
    assert by_rows[:2] == by_steps[:2]


def test_a_row_that_is_held_stays_as_it_is(population_class):
    d = 30
    population = population_class(
        np.zeros(d, np.intp), np.zeros(d), np.ones(d), 2, 4, 2, 0.0, "RR", np.random.default_rng(1)
    )
    for ident in range(6):
        row = population.uniform()
        population.insert(row, ident, 0.0, float(row.sum()))
    held = {}
    for ident in range(6, 400):
        values, move = population.step()
        if ident % 3 == 0:
            row = population.row(move[0])
            held.setdefault(move[0], (row, row.copy()))
        child = population.row(move[0]).copy()
        child[list(move[1:])] = values
        population.insert(values, ident, 0.0, float(child.sum()), move, overwrite=True)
        if ident in population:
            assert population.row(ident).tobytes() == child.tobytes()
    assert len(held) > 5
    for row, before in held.values():
        assert row.tobytes() == before.tobytes()
        with pytest.raises(ValueError, match="read-only"):
            row[0] = 1.0


def place_of(population, ident):
    return population.row(ident).__array_interface__["data"][0]


@compiled_only
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_row_is_written_in_place_where_the_caller_says_so(overwrite):
    d = 50_000
    population = zoopt._native.Population(
        np.zeros(d, np.intp), np.zeros(d), np.ones(d), 1, 3, 1, 0.0, "WR", np.random.default_rng(1)
    )
    for ident in range(4):
        population.insert(population.uniform(), ident, 0.0, 1.0)
    places, n_kept = set(), 0
    for ident in range(4, 400):
        members = population.positives() + population.negatives()
        before = {place_of(population, member[0]) for member in members}
        values, move = population.step()
        assert population.insert(values, ident, 0.0, -float(ident), move, overwrite=overwrite) == 1
        place = place_of(population, ident)
        n_kept += place in before
        places.add(place)
    if overwrite:
        assert len(places) <= 4
        assert n_kept == 396
    else:
        assert n_kept == 0


def test_a_row_that_nobody_can_write_is_taken_and_others_are_copied(population_class):
    d = 40
    population = population_class(
        np.zeros(d, np.intp), np.zeros(d), np.ones(d), 2, 4, 2, 0.0, "WR", np.random.default_rng(1)
    )
    for ident in range(40):
        row, move = population.propose()
        population.insert(row, ident, 0.0, -float(ident), move)
        assert population.row(ident) is row
        before = row.copy()
        written = row.copy()
        seen = written.view()
        seen.flags.writeable = False
        for other, ident_of_other in ((written, 1000 + ident), (seen, 2000 + ident)):
            population.insert(other, ident_of_other, 0.0, -float(ident), move)
            taken = population.row(ident_of_other)
            written[0] = 7.0
            assert taken.tobytes() == before.tobytes()
            written[0] = before[0]
        population.insert(row, 3000 + ident, 0.0, -float(ident), move)
        child, move = population.step()
        population.insert(child, 4000 + ident, 0.0, -float(ident), move)
        assert row.tobytes() == before.tobytes()


@compiled_only
@pytest.mark.parametrize("n_redrawn", [1, 1024])
def test_a_whole_point_is_copied_once(n_redrawn):
    d = 100_000
    population = zoopt._native.Population(
        np.zeros(d, np.intp), np.zeros(d), np.ones(d), 2, 4, 1024, 0.0, "WR",
        np.random.default_rng(1),
    )  # fmt: skip
    for ident in range(6):
        population.insert(population.uniform(), ident, 0.0, 1.0)
    tracemalloc.start()
    rows = []
    for ident in range(6, 40):
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        row, move = population.propose(n_redrawn)
        assert population.insert(row, ident, 0.0, -float(ident), move) == 1
        assert population.row(ident) is row
        rows.append(row)
        assert tracemalloc.get_traced_memory()[1] - before < 1.5 * row.nbytes
    tracemalloc.stop()


def test_new_values_need_their_parent(population_class):
    population = population_class(
        np.zeros(3, np.intp), np.zeros(3), np.ones(3), 1, 2, 2, 0.0, "WR", np.random.default_rng(1)
    )
    population.insert(population.uniform(), 5, 0.0, 1.0)
    for move in (None, (6, 0), (5, 0, 1)):
        with pytest.raises(ValueError, match="values need a move"):
            population.insert((0.5,), 7, 0.0, 1.0, move)
    with pytest.raises(ValueError, match="no member"):
        population.row(7)
    assert (5 in population, 7 in population, population.positive_idents()) == (True, False, [5])
    assert population.insert((0.5,), 7, 0.0, 0.0, (5, 0)) == 1
    assert population.row(7)[0] == 0.5


def test_columns_are_drawn_evenly_among_those_that_differ():
    """Chi-square at level 1e-6 over 9 differing columns of 200, listed or dense."""
    for n_differing, d in ((9, 200), (150, 200)):
        setting = (np.zeros(d, np.intp), np.zeros(d), np.ones(d), 1, 1, 1, 0.0, "WR")
        population = reference.Population(*setting, np.random.default_rng(n_differing))
        row = np.full(d, 0.25)
        population.insert(row, 0, 0.0, 0.0)
        row = row.copy()
        row[:n_differing] = 0.75
        population.insert(row, 1, 0.0, 1.0)
        n_draws = 200 * n_differing
        counts = np.bincount(
            [population._pairs.differing_column(0, 1, population.rng) for _ in range(n_draws)],
            minlength=d,
        )
        assert counts[n_differing:].sum() == 0
        expected = n_draws / n_differing
        chi2 = ((counts[:n_differing] - expected) ** 2 / expected).sum()
        k = n_differing - 1  # Wilson-Hilferty: chi2 is nearly normal in its cube root
        z = ((chi2 / k) ** (1 / 3) - (1 - 2 / (9 * k))) / math.sqrt(2 / (9 * k))
        assert z < 4.75


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [(ORDERED, -2.0, 3.0), (UNORDERED, 0.0, 5.0), (LOG_INTEGER, math.log(0.5), math.log(6.5))],
)
def test_uniform_points_reach_every_value(population_class, kind, low, high):
    setting = (np.array([kind, CONTINUOUS]), np.array([low, 0.0]), np.array([high, 1.0]))
    population = population_class(*setting, 1, 0, 1, 1.0, "WR", np.random.default_rng(0))
    values = {float(population.uniform()[0]) for _ in range(400)}
    expected = range(1, 7) if kind == LOG_INTEGER else range(int(low), int(high) + 1)
    assert values == {math.log(v) if kind == LOG_INTEGER else float(v) for v in expected}


def test_best_positives_come_first_and_failed_ones_never_beside_an_ok_one(population_class):
    for case in range(20):
        setting = random_setting(np.random.default_rng(case))
        rng = np.random.default_rng(case)
        population = population_class(*setting, np.random.default_rng(case))
        keys = []
        for ident in range(40):
            row = population.uniform()
            if row is None:
                break
            keys.append(random_key(rng, row, ident))
            population.insert(row, ident, *keys[-1])
            positives = [member[2:] for member in population.positives()]
            ok = sorted(key for key in keys if key[0] < math.inf)
            if ok:
                assert positives == ok[: setting[3]]
            else:
                assert positives == keys[: setting[3]]
            assert len(positives) + len(population.negatives()) == min(len(keys), population.size)


def test_where_everything_failed_the_whole_space_is_explored(population_class):
    d = 3
    setting = (np.zeros(d, np.intp), np.zeros(d), np.ones(d), 2, 6, 1, 0.0, "WR")
    population = population_class(*setting, np.random.default_rng(0))
    for ident in range(20):
        row, move = population.propose()
        assert move is None
        population.insert(row, ident, math.inf, float(ident), move)
    population.insert(population.uniform(), 20, 0.0, 5.0)
    assert population.propose()[1][0] == 20


@pytest.mark.parametrize(
    ("replacement", "kept"),
    # Negatives 1, 2, 9; a newcomer of value 5 arrives. WR drops the 9, LM the farthest from the 1.
    [("WR", {1.0, 2.0, 5.0}), ("LM", {1.0, 9.0, 5.0})],
)
def test_replacement_on_a_hand_made_set(population_class, replacement, kept):
    setting = (np.zeros(1, np.intp), np.zeros(1), np.full(1, 10.0), 1, 3, 1, 0.0, replacement)
    population = population_class(*setting, np.random.default_rng(0))
    for ident, (x, value) in enumerate([(5.0, 0.0), (1.0, 1.0), (9.0, 2.0), (2.0, 9.0)]):
        population.insert(np.array([x]), ident, 0.0, value)
    population.insert(np.array([3.0]), 4, 0.0, 5.0)
    assert {member[3] for member in population.negatives()} == kept


def test_random_replacement_always_replaces_and_reaches_every_member(population_class):
    dropped = set()
    for case in range(60):
        setting = (np.zeros(1, np.intp), np.zeros(1), np.full(1, 10.0), 1, 3, 1, 0.0, "RR")
        population = population_class(*setting, np.random.default_rng(case))
        for ident in range(4):
            population.insert(np.array([float(ident)]), ident, 0.0, float(ident))
        population.insert(np.array([9.0]), 4, 0.0, 9.0)
        left = {member[0] for member in population.negatives()}
        assert 4 in left
        dropped |= {1, 2, 3} - left
    assert dropped == {1, 2, 3}


@pytest.mark.parametrize("stable", [False, True])
def test_equals_go_before_or_behind(population_class, stable):
    setting = (np.zeros(1, np.intp), np.zeros(1), np.ones(1), 2, 2, 1, 0.0, "WR")
    population = population_class(*setting, np.random.default_rng(0))
    for ident in range(4):
        population.insert(np.array([ident / 10]), ident, 0.0, 1.0)
    assert [member[0] for member in population.positives()] == [0, 1]
    population.insert(np.array([0.9]), 4, 0.0, 1.0, None, stable)
    assert [member[0] for member in population.positives()] == ([0, 1] if stable else [4, 0])


def test_a_finite_space_is_enumerated_without_a_repeat(population_class):
    kinds = np.array([ORDERED, UNORDERED, LOG_INTEGER])
    low = np.array([-1.0, 0.0, math.log(2.5)])
    high = np.array([1.0, 3.0, math.log(6.5)])
    rng = np.random.default_rng(0)
    population = population_class(kinds, low, high, 1, 3, 2, 0.5, "WR", rng, 3 * 4 * 4)
    points = []
    while (proposal := population.propose()) is not None:
        points.append(proposal[0].tobytes())
        population.insert(proposal[0], len(points), 0.0, float(len(points)), proposal[1])
    assert len(points) == len(set(points)) == 3 * 4 * 4
    state = rng.bit_generator.state
    assert population.propose() is None
    assert population.uniform() is None
    assert rng.bit_generator.state == state


@pytest.mark.parametrize(("kind", "n_values"), [(UNORDERED, 2), (ORDERED, 3)])
def test_where_one_outcome_is_unknown_it_is_found_at_once(population_class, kind, n_values):
    """All of a small cube but one point is known; the region alone leads to it."""
    low, high = np.zeros(3), np.full(3, n_values - 1.0)
    rng = np.random.default_rng(1)
    population = population_class(
        np.full(3, kind), low, high, 1, 0, 3, 0.0, "WR", rng, float(n_values**3)
    )
    corner = np.zeros(3)
    population.mark(corner)
    population.insert(corner, 0, 0.0, 0.0)
    missing = np.array([1.0, 0.0, 1.0])
    for point in itertools.product(range(n_values), repeat=3):
        row = np.array(point, float)
        if (row != missing).any():
            population.mark(row)
    row, move = population.propose()
    assert row.tolist() == missing.tolist()
    assert sorted(move[1:]) == [0, 2]
    assert population.propose() is None


@pytest.mark.parametrize(
    ("kind", "low", "high", "n_points"),
    [
        (LOG_INTEGER, math.log(2**48 - 0.5), math.log(2**48 + 100.5), 101),
        (LOG_INTEGER, math.log(2**52), math.log(2**52 + 2000), 2001),
        (LOG_INTEGER, math.log(10**15 - 0.5), math.log(10**15 + 3.5), 4),
        (LOG_INTEGER, 36.0, 36.0 + 3e-14, 1e300),  # a few floats that claim to be many points
        (ORDERED, 2.0**60, 2.0**60 + 4096, 4097),  # whole numbers that no float tells apart
        (ORDERED, 0.0, 7.5, 9),
        (CONTINUOUS, 0.1, 5.3, 20),
    ],
)
def test_points_that_floats_cannot_tell_apart_end_the_enumeration(
    population_class, kind, low, high, n_points
):
    columns = np.array([kind]), np.array([low]), np.array([high])
    population = population_class(
        *columns, 1, 3, 1, 0.01, "WR", np.random.default_rng(0), float(n_points)
    )
    drawn = []
    while (row := population.uniform()) is not None:
        drawn.append(row[0])
        population.insert(row, len(drawn), 0.0, float(len(drawn)))
        assert len(drawn) < 5000
    assert len(set(drawn)) == len(drawn)
    assert low <= min(drawn)
    assert max(drawn) <= high
    assert len(drawn) >= (1 if kind == LOG_INTEGER else min(n_points, 5))
    assert population.propose() is None


def test_rows_of_nan_cannot_stop_the_shrinking(population_class):
    setting = (np.zeros(3, np.intp), np.zeros(3), np.ones(3), 1, 3, 1, 0.0, "WR")
    population = population_class(*setting, np.random.default_rng(0))
    population.insert(np.full(3, math.nan), 0, 0.0, 0.0)
    for ident in range(1, 4):
        population.insert(np.full(3, 0.25 * ident), ident, 0.0, float(ident))
    assert population.propose() is not None


def test_unknown_outcomes_are_equally_likely(population_class):
    """With all but four points known, each is drawn first in a quarter of the runs (6 sigma)."""
    left = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 0, 1)]
    n, counts = 2000, dict.fromkeys(left, 0)
    for run in range(n):
        rng = np.random.default_rng(run)
        setting = np.full(3, UNORDERED), np.zeros(3), np.ones(3), 1, 0, 3, 0.0, "WR", rng
        population = population_class(*setting)
        for point in itertools.product((0, 1), repeat=3):
            if point not in left:
                population.mark(np.array(point, float))
        population.insert(np.zeros(3), 0, 0.0, 0.0)
        counts[tuple(population.propose()[0].astype(int).tolist())] += 1
    assert all(abs(count - n / 4) < 6 * math.sqrt(n * 3 / 16) for count in counts.values()), counts


def test_an_infinite_space_remembers_the_members_and_the_latest(population_class):
    kinds = np.array([CONTINUOUS, UNORDERED])
    rng = np.random.default_rng(0)
    population = population_class(
        kinds, np.zeros(2), np.array([1.0, 4.0]), 1, 3, 1, 0.0, "WR", rng, math.inf, 50
    )
    for ident in range(4):
        population.insert(population.uniform(), ident, 0.0, float(ident))
    recent = []
    for _ in range(500):
        recent.append(population.propose()[0])
        assert population.n_seen <= 51
    for row in [*recent[-49:], *(m[1] for m in population.positives() + population.negatives())]:
        assert not population.mark(row)


def test_a_space_without_columns_has_one_point(population_class):
    none = np.zeros(0, np.intp), np.zeros(0), np.zeros(0)
    population = population_class(*none, 1, 2, 1, 0.5, "WR", np.random.default_rng(0), 1)
    row = population.uniform()
    assert row.shape == (0,)
    population.insert(row, 0, 0.0, 1.0)
    assert len(population.positives()) == 1
    assert population.uniform() is None
    assert population.propose() is None


def test_rows_are_only_read(population_class):
    setting = (np.zeros(4, np.intp), np.zeros(4), np.ones(4), 1, 2, 1, 0.0, "WR")
    population = population_class(*setting, np.random.default_rng(0))
    row = np.full(4, 0.5)
    row.flags.writeable = False
    population.insert(row, 0, 0.0, 1.0)
    assert population.mark(row)
    assert not population.mark(row)
    assert (row == 0.5).all()


def test_wrong_shapes_and_settings_raise(population_class):
    columns = np.zeros(3, np.intp), np.zeros(3), np.ones(3)
    rng = np.random.default_rng(0)
    population = population_class(*columns, 1, 2, 1, 0.0, "WR", rng)
    for call in (
        lambda: population.insert(np.zeros(2), 0, 0.0, 0.0),
        lambda: population.mark(np.zeros(4)),
        lambda: population.insert(np.zeros(3), 0, 0.0, 0.0, (5, 3)),
        lambda: population.insert(np.zeros(3), 0, 0.0, 0.0, (5, 0, 1)),
        lambda: population_class(*columns, 0, 2, 1, 0.0, "WR", rng),
        lambda: population_class(*columns, 1, 2, 0, 0.0, "WR", rng),
        lambda: population_class(*columns, 1, 2, 1, 0.0, "XX", rng),
        lambda: population_class(columns[0], columns[1], np.ones(2), 1, 2, 1, 0.0, "WR", rng),
    ):
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize(
    ("program", "backend", "warned"),
    [
        ("", "cython", False),
        ("import os; os.environ['ZOOPT_NO_NATIVE'] = '1'", "python", False),
        ("import sys; sys.modules['zoopt._native.population'] = None", "python", True),
    ],
)
@compiled_only
def test_the_kernels_are_chosen_in_one_place(program, backend, warned):
    ran = subprocess.run(
        [sys.executable, "-P", "-c", f"{program}\nimport zoopt._native as n; print(n.BACKEND)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == backend
    assert ran.stderr.count("RuntimeWarning") == int(warned)


def surrounded(population_class, rate, d=40, n_negatives=12):
    """One bit of the positive is wrong; every negative has it right, and another one wrong."""
    columns = np.full(d, UNORDERED, np.intp), np.zeros(d), np.ones(d)
    rng = np.random.default_rng(4)
    population = population_class(
        *columns, 1, n_negatives, 3, 0.0, "WR", rng, recombination_rate=rate
    )
    best = np.ones(d)
    best[0] = 0.0
    population.insert(best, 0, 0.0, 1.0)
    for i in range(1, n_negatives + 1):
        row = np.ones(d)
        row[i] = 0.0
        population.insert(row, i, 0.0, 2.0)
    population.mark(best)
    return population, best


@pytest.mark.parametrize(("rate", "least", "most"), [(0.0, 0.0, 0.02), (0.8, 0.2, 0.6)])
def test_a_wrong_bit_that_all_others_have_right_is_changed_by_mixing(
    population_class, rate, least, most
):
    population, best = surrounded(population_class, rate)
    worse = np.zeros(len(best))
    for i in range(14):  # the best does not improve for long enough
        population.insert(worse, 100 + i, 0.0, 50.0)
    rows = [population.propose()[0] for _ in range(400)]
    share = np.mean([row[0] == 1.0 for row in rows])
    assert least <= share <= most


def test_mixing_waits_until_the_best_stands_still(population_class):
    population, best = surrounded(population_class, 1.0)
    states = population.n_seen
    moves = [population.propose()[1] for _ in range(50)]
    assert population.n_seen == states + 50
    changed = [1 in move[1:] or 0 in move[1:] for move in moves]
    assert np.mean(changed) < 0.3  # 12 insertions after the best: shrinking only
    for i in range(2):
        population.insert(np.zeros(len(best)), 200 + i, 0.0, 50.0)
    mixed = [population.propose()[1] for _ in range(50)]
    assert np.mean([0 in move[1:] for move in mixed]) > 0.3
    better = np.ones(len(best))
    population.insert(better, 300, 0.0, 0.5)
    after = [population.propose()[1] for _ in range(50)]
    assert {move[0] for move in after} == {300}
    assert np.mean([len(move) > 4 for move in after]) == 0.0


def test_moves_may_be_as_long_as_mixtures_are(population_class):
    population, best = surrounded(population_class, 0.5)
    population.insert(best, 900, 0.0, 3.0, (0, *range(40)))
    with pytest.raises(ValueError, match="at most 40 columns"):
        population.insert(best, 901, 0.0, 3.0, (0, *range(41)))
    population, _ = surrounded(population_class, 0.0)
    with pytest.raises(ValueError, match="at most 3 columns"):
        population.insert(best, 901, 0.0, 3.0, (0, 1, 2, 3, 4))
