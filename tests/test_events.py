"""The events of a journal as bytes: what is packed is read back, and told from anything else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.evaluation import STATUSES, Evaluation
from zoopt.core.space import Space
from zoopt.run import events
from zoopt.run.events import TELL, TELLS, Asked, Group, Kind, Told, packed_ask, packed_tell

SMALL = Space([(-1.0, 1.0)] * 4)
LARGE = Space([(-1.0, 1.0)] * 513)
ITEMS = Space.subsets(50)


def whole(space, seed):
    return Candidate(0, np.random.default_rng(seed).uniform(-1, 1, space.n_columns), space)


def moved(seed):
    rng = np.random.default_rng(seed)
    columns = rng.choice(4, rng.integers(0, 4), replace=False).tolist()
    return Candidate(0, rng.uniform(-1, 1, 4), SMALL, (int(rng.integers(-3, 9)), *columns))


def packed_bits(seed):
    mask = np.random.default_rng(seed).random(50) < 0.5
    return PackedCandidate(0, ITEMS.pack(mask.astype(float)), ITEMS)


MAKERS = {
    Kind.MOVE: moved,
    Kind.ROW: lambda seed: whole(SMALL, seed),
    Kind.BITS: packed_bits,
    Kind.DIGEST: lambda seed: whole(LARGE, seed),
}
numbers = st.floats(allow_nan=False)
evaluations = st.builds(
    Evaluation,
    numbers,
    st.sampled_from(STATUSES),
    numbers,
    st.text(max_size=5),
    numbers,
    numbers,
    st.sampled_from(["", "a", "process 1"]),
)
asks = st.tuples(st.sampled_from(sorted(MAKERS)), st.integers(0, 5))
told = st.tuples(st.integers(-(1 << 40), 1 << 40), evaluations)


def facts(evaluation):
    names = ("value", "status", "violation", "error", "started", "finished", "worker")
    return [getattr(evaluation, name) for name in names]


def test_the_two_layouts_of_a_tell_are_one():
    assert TELL.size == TELLS.itemsize


@given(st.lists(st.one_of(asks, told), max_size=30))
def test_a_group_gives_back_its_events_in_order(history):
    packed_asks, tells, errors, workers = [], [], {}, ["", "a", "process 1"]
    for one, other in history:
        if isinstance(one, Kind):
            packed_asks.append(packed_ask(MAKERS[one](other)))
            continue
        if other.error:
            errors[len(tells)] = other.error
        tells.append(packed_tell(len(packed_asks), one, other, workers.index(other.worker)))
    group = Group(Group.packed(packed_asks, tells, errors, workers))
    assert (group.n_asks, len(group.tells)) == (len(packed_asks), len(tells))
    assert group.workers == workers
    found = list(group.events(workers))
    for event, (one, other) in zip(found, history, strict=True):
        if isinstance(one, Kind):
            assert isinstance(event, Asked)
            assert event.kind is one
            assert event.is_that_of(MAKERS[one](other))
        else:
            assert isinstance(event, Told)
            assert (event.id, facts(event.evaluation)) == (one, facts(other))
    recorded = [event for event in found if isinstance(event, Asked)]
    assert [group.ask(i) for i in range(group.n_asks)] == recorded


@pytest.mark.parametrize("recorded", sorted(MAKERS))
@pytest.mark.parametrize("proposed", sorted(MAKERS))
def test_a_record_is_that_of_its_candidate_only(recorded, proposed):
    (event,) = Group(Group.packed([packed_ask(MAKERS[recorded](1))], [], {}, [])).events([])
    assert event.is_that_of(MAKERS[proposed](1)) == (recorded is proposed)
    assert not event.is_that_of(MAKERS[proposed](2))


@given(st.integers(0, 100))
def test_a_move_makes_the_row_of_its_candidate(seed):
    candidate = moved(seed)
    parent = np.random.default_rng(seed + 1).uniform(-1, 1, 4)
    columns = list(candidate.move[1:])
    parent_row = candidate.u.copy()
    parent_row[columns] = parent[columns]
    before = parent_row.copy()
    (event,) = Group(Group.packed([packed_ask(candidate)], [], {}, [])).events([])
    assert event.parent == candidate.move[0]
    assert event.applied_to(parent_row).tolist() == candidate.u.tolist()
    assert parent_row.tolist() == before.tolist()


@pytest.mark.parametrize("n", [511, 512, 513])
def test_rows_above_4_kb_are_digests(n):
    (event,) = Group(Group.packed([packed_ask(whole(Space([(0, 1)] * n), 0))], [], {}, [])).events(
        []
    )
    assert event.kind is (Kind.DIGEST if 8 * n > events.MAX_ROW_BYTES else Kind.ROW)
    assert len(event.content) == (16 if n == 513 else 8 * n)


@pytest.mark.parametrize(("n", "kind"), [(30_000, Kind.BITS), (40_000, Kind.DIGEST)])
def test_bits_that_compress_to_more_than_4_kb_are_digests(n, kind):
    space = Space.subsets(n)
    mask = np.random.default_rng(0).random(n) < 0.5
    candidate = PackedCandidate(0, space.pack(mask.astype(float)), space)
    (event,) = Group(Group.packed([packed_ask(candidate)], [], {}, [])).events([])
    assert event.kind is kind
    assert event.is_that_of(candidate)
