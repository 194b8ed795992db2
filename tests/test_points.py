"""The points that a run keeps: how many, and that they are those that were evaluated."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoopt
from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.space import Space
from zoopt.run import points
from zoopt.run.points import KeptPoints, n_kept


def kept_of(candidates, space, most):
    kept = KeptPoints(space, most)
    for candidate in candidates:
        kept.add(candidate)
    return kept


@given(n=st.integers(0, 60), most=st.integers(1, 70), n_rows=st.integers(1, 9))
def test_exactly_the_last_points_are_kept_in_their_order(n, most, n_rows):
    space = Space([(0, 1)] * 3)
    candidates = [Candidate(i, np.full(3, i / 100), space) for i in range(n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "BLOCK_BYTES", n_rows * 3 * 8)
        kept = list(kept_of(candidates, space, most))
    assert [point is None for point in kept] == [i < n - most for i in range(n)]
    for candidate, point in zip(candidates, kept, strict=True):
        assert point is None or point.u.tolist() == candidate.u.tolist()


def test_kept_points_are_copies():
    row = np.zeros(3)
    space = Space([(0, 1)] * 3)
    kept = kept_of([Candidate(0, row, space)], space, 5)
    row[:] = 1.0
    (point,) = kept
    assert point.u.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("first", ["row", "bits"])
def test_rows_and_bits_may_be_mixed(first):
    space = Space.subsets(3)
    row = Candidate(0, np.array([1.0, 0.0, 1.0]), space)
    packed = PackedCandidate(1, space.pack(row.u), space)
    candidates = [row, packed] if first == "row" else [packed, row]
    assert [point.x for point in kept_of(candidates, space, 5)] == [[True, False, True]] * 2


@pytest.mark.parametrize(
    ("keep_points", "budget", "n_columns", "expected"),
    [
        (None, 1000, 10, 1000),
        (None, 1000, 7999, 1000),
        (None, 8_000_000, 1, 1000),
        (None, 100_000, 100, 1000),
        (None, 1000, 10**6, 8),  # 1,000 rows of 8 MB would not fit
        (True, 10, 10**6, 10),
        (False, 1000, 10, 0),
        (7, 1000, 10, 7),
        (np.int64(7), 1000, 10, 7),
        (0, 1000, 10, 0),
    ],
)
def test_how_many_points_are_kept(keep_points, budget, n_columns, expected):
    assert n_kept(keep_points, budget, n_columns) == expected


@pytest.mark.parametrize("bad", [-1, 1.5, "all", float("nan")])
def test_another_number_of_points_is_refused_by_name(bad):
    with pytest.raises((TypeError, ValueError), match="keep_points"):
        zoopt.minimize(lambda x: x[0], [(0, 1)], budget=5, keep_points=bad)


@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"window": 3}, {"vectorized": True}])
def test_the_trials_of_a_result_are_what_was_evaluated(options):
    def fun(x):
        return x.sum(axis=-1)

    result = zoopt.minimize(fun, [(-1, 1)] * 4, budget=60, seed=0, **options)
    assert [trial.number for trial in result.trials] == result.timeline["id"].tolist()
    assert [fun(trial.point) for trial in result.trials] == result.history.tolist()
    best = min(result.trials, key=lambda trial: trial.value)
    assert best.point.tolist() == result.x.tolist()


def test_trials_of_named_points_failures_and_constraints():
    def fun(a, b):
        if b == "fails":
            raise OSError("no space")
        return a

    space = {"a": (0, 1), "b": zoopt.Choice(["works", "fails"])}
    with pytest.warns(zoopt.EvaluationWarning):
        result = zoopt.minimize(
            fun, space, budget=40, seed=0, constraint=lambda a, b: a - 0.5, on_error="auto"
        )
    for trial in result.trials:
        if trial.status == "ok":
            assert trial.value == trial.point["a"]
            assert trial.violation == pytest.approx(0.5 - trial.point["a"])
        else:
            assert trial.point["b"] == "fails"
            assert "no space" in trial.error
    assert {trial.status for trial in result.trials} == {"ok", "failed"}
    pytest.importorskip("pandas")
    frame = result.to_frame()
    assert frame["a"].tolist() == [trial.point["a"] for trial in result.trials]
    again = pickle.loads(pickle.dumps(result))
    assert [t.point for t in again.trials] == [t.point for t in result.trials]


def test_points_of_subsets_are_masks():
    result = zoopt.minimize(lambda mask: mask.sum(), zoopt.Space.subsets(6), budget=20, seed=0)
    assert [int(trial.point.sum()) for trial in result.trials] == result.history.tolist()


def test_points_of_steps_stay_those_that_were_evaluated():
    weights = np.arange(1.0, 51.0)

    def delta(step):
        changes = zip(step.indices, step.old, step.values, strict=True)
        return step.value + sum(weights[i] * (new - old) for i, old, new in changes)

    result = zoopt.minimize(
        lambda x: float(weights @ x), [zoopt.Integer(0, 1)] * 50, delta=delta, budget=400, seed=0
    )
    assert [float(weights @ trial.point) for trial in result.trials] == result.history.tolist()


def test_trials_are_kept_by_opt_min_where_asked():
    dimension = zoopt.Dimension(2, [[0, 1]] * 2, [True] * 2)
    objective = zoopt.Objective(lambda solution: solution.x[0], dimension)
    kept = zoopt.Opt.min(objective, zoopt.Parameter(budget=30, seed=1, keep_points=True)).result
    assert [trial.point[0] for trial in kept.trials] == kept.history.tolist()
    plain = zoopt.Opt.min(objective, zoopt.Parameter(budget=30, seed=1)).result
    assert {trial.point for trial in plain.trials} == {None}
    assert [trial.value for trial in plain.trials] == plain.history.tolist()
