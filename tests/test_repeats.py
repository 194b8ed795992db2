"""RepeatedPoint: counts, means, failures and infinities."""

import math
import pickle

import numpy as np
import pytest

from zoopt import Evaluation, Space
from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.repeats import RepeatedPoint

SPACE = Space([(0.0, 1.0)] * 2)


def point_at(ident=3, n_planned=0, violation=None):
    return RepeatedPoint(Candidate(ident, SPACE.encode([0.25, 0.75]), SPACE), n_planned, violation)


def told(*outcomes, **options):
    point = point_at(**options)
    for outcome in outcomes:
        is_evaluation = isinstance(outcome, Evaluation)
        point.add(outcome if is_evaluation else Evaluation.of(outcome))
    return point


LOST = Evaluation(math.nan, "lost")
FAILED = Evaluation(math.nan, "failed", error="boom")
TIMEOUT = Evaluation(math.nan, "timeout")


def test_it_counts_what_is_left_to_ask_and_to_report():
    point = point_at(n_planned=2)
    assert (point.n_left, point.is_complete) == (2, False)
    point.repeat(7)
    point.repeat(8)
    assert (point.n_left, point.n_asked, point.is_complete) == (0, 2, False)
    point.repeat(9)  # more than planned
    point.add(Evaluation(1.0))
    assert (point.n_left, point.is_complete) == (0, False)
    point.add(LOST)
    assert point.is_complete
    assert (point.n_told, point.n_lost) == (2, 1)


def test_without_a_plan_it_is_always_complete():
    assert point_at().is_complete
    assert point_at().n_left == 0


def test_repeats_name_the_first_candidate():
    point = point_at(ident=3)
    assert point.repeat(3) is point.candidate
    again = point.repeat(9)
    assert (again.id, again.move) == (9, (3,))
    assert (again.u == point.candidate.u).all()
    assert point.candidate.id == 3


def test_a_point_that_was_never_asked_becomes_its_first_candidate():
    point = point_at(ident=-1)
    first, second = point.repeat(5), point.repeat(6)
    assert (first.id, first.move) == (5, None)
    assert point.candidate is first
    assert second.move == (5,)


def test_bits_stay_packed():
    space = Space.subsets(20)
    bits = space.pack(np.ones(20))
    point = RepeatedPoint(PackedCandidate(-1, bits, space))
    again = [point.repeat(0), point.repeat(1)]
    assert all((candidate.bits == bits).all() for candidate in again)


def test_the_best_is_the_mean_with_its_standard_error():
    best = told(1.0, 2.0, 6.0).best
    assert (best.value, best.n_calls) == (3.0, 3)
    assert best.standard_error == pytest.approx(math.sqrt(7.0 / 3.0))
    assert best.candidate.id == 3


def test_failures_are_left_out():
    best = told(FAILED, 1.0, LOST, math.nan, 3.0).best
    assert (best.value, best.n_calls) == (2.0, 2)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([FAILED, TIMEOUT], "failed"),
        ([TIMEOUT, LOST, FAILED], "timeout"),
        ([LOST, LOST, FAILED, TIMEOUT], "failed"),
        ([LOST, LOST], "lost"),
        ([], "lost"),
    ],
)
def test_where_all_fail_the_outcome_is_the_first_that_was_not_lost(outcomes, status):
    point = told(*outcomes)
    assert point.outcome.status == status
    assert point.best is None
    assert point.proven is None
    assert point.mean == math.inf
    assert point.violation == 0.0


def test_violations_are_averaged_unless_the_violation_is_known():
    outcomes = [Evaluation(1.0, violation=0.5), Evaluation(1.0, violation=-1.0)]
    assert told(*outcomes).violation == told(*outcomes).best.evaluation.violation == -0.25
    assert told(*outcomes, violation=2.0).best.evaluation.violation == 2.0


def test_proven_is_feasible_and_a_mean_of_two_at_least():
    assert told(1.0).best.value == 1.0
    assert told(1.0).proven is None
    assert told(1.0, LOST).proven is None
    assert told(1.0, 2.0).proven.value == 1.5
    assert told(1.0, 2.0, violation=0.1).proven is None


def test_the_key_ranks_by_violation_then_value_and_failures_last():
    points = [
        told(FAILED),
        told(-9.0, violation=2.0),
        told(math.inf),
        told(-9.0, violation=0.5),
        told(1.0, 2.0),
        told(-math.inf, 5.0),
    ]
    ranked = sorted(range(6), key=lambda i: points[i].key)
    assert ranked == [5, 4, 2, 3, 1, 0]


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([math.inf, 1.0], math.inf),
        ([-math.inf, 1.0], -math.inf),
        ([math.inf, -math.inf], math.inf),
        ([1e308] * 3, 1e308),
    ],
)
def test_infinite_and_huge_values_have_a_mean(values, mean):
    point = told(*values)
    assert point.best.value == pytest.approx(mean)
    assert math.isfinite(mean) != math.isnan(point.best.standard_error)


def test_it_pickles():
    point = told(1.0, FAILED, 2.0, n_planned=5)
    point.repeat(3)
    twin = pickle.loads(pickle.dumps(point))
    assert (twin.best.value, twin.n_left, twin.n_told) == (1.5, 4, 3)
    assert not twin.candidate.u.flags.writeable
