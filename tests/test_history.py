"""The history of a file: the same trials as those of the run's result, and of files not ended."""

import math
import shutil
import sqlite3

import numpy as np
import pytest
from objectives import BOX, sphere

import zoopt
from zoopt import Choice, History, Integer, Real, Space, load_history, minimize, resume
from zoopt.run import history as history_module
from zoopt.run import journal as journal_module
from zoopt.run import result as result_module
from zoopt.run import rows, trials

pd = pytest.importorskip("pandas")

pytestmark = pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")

MIXED = {
    "rate": Real(1e-4, 1.0, log=True),
    "step": Real(0.0, 1.0, step=0.1),
    "layers": Integer(1, 9),
    "kind": Choice(["a", None, 2.5, True]),
    "fixed": Integer(3, 3),
}
FACTS = ("number", "value", "status", "violation", "error", "started", "finished", "worker")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


def same(a, b):
    """Whether two values are equal and of one type; NaN equals NaN."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist()
    return type(a) is type(b) and (a == b or (a != a and b != b))


def assert_same_trials(history, result, but=()):
    """Assert that all trials are equal; a point may be missing if the file does not hold it."""
    assert len(history) == len(history.trials) == len(result.trials) > 0
    for ours, theirs in zip(history, result.trials, strict=True):
        assert type(ours) is type(theirs) is zoopt.Trial
        for fact in set(FACTS) - set(but):
            assert same(getattr(ours, fact), getattr(theirs, fact)), (fact, ours, theirs)
        assert dict(ours.metrics) == dict(theirs.metrics)
    if "point" not in but:
        for ours, theirs in zip(history, result.trials, strict=True):
            assert same(ours.point, theirs.point), (ours, theirs)
        pd.testing.assert_frame_equal(history.to_frame(), result.to_frame())


def faulty(rate, step, layers, kind, fixed):
    if layers == 7:
        raise ValueError("seven\nlayers")
    if layers == 5:
        return math.nan
    return abs(math.log(rate) + 3) + step + layers + (kind is not None) + fixed


# ---------------------------------------------------------------- as in the result


@pytest.mark.parametrize(
    "way",
    [
        {},
        {"window": 4},
        {"workers": 2},
        {"workers": 2, "window": 2},
        {"workers": 3, "backend": "thread"},
    ],
    ids=str,
)
@pytest.mark.parametrize("constraint", [None, lambda **point: point["step"] - 0.45])
def test_trials_are_those_of_the_result(path, way, constraint):
    x0 = [{"rate": 0.1, "step": 0.5, "layers": n, "kind": "a", "fixed": 3} for n in (1, 5, 7)]
    result = minimize(
        faulty, MIXED, budget=80, seed=1, x0=x0, constraint=constraint, checkpoint=path, **way
    )
    assert {"ok", "failed", "invalid"} == set(result.statuses)
    assert_same_trials(load_history(path), result)


@pytest.mark.parametrize("way", [{}, {"window": 4}, {"workers": 2}], ids=str)
@pytest.mark.parametrize(
    "space",
    [
        BOX,
        [Integer(0, 9)] * 4,
        [Choice([False, True])] * 4,
        [Real(0, 1, step=0.25)] * 3,
        [Integer(0, 3), Choice(["a", "b"]), Real(0, 1)],
        Space.subsets(30),
        [(-1.0, 1.0)] * 500,
    ],
    ids=lambda space: f"{len(space)}-{type(space).__name__}",
)
def test_points_of_every_kind_of_space(path, way, space):
    def fun(x):
        return sum(value != "a" and float(value) for value in x[:30])

    if any(isinstance(d, Choice) and "b" in d.values for d in space):
        fun = lambda x: x[0] + (x[1] == "a") + x[2]  # noqa: E731
    result = minimize(fun, space, budget=40, seed=0, checkpoint=path, **way)
    assert_same_trials(load_history(path), result)


@pytest.mark.parametrize("n", [30, 20_000])
def test_packed_bits(path, n):
    result = minimize(
        lambda mask: float(mask[:30].sum()),
        Space.subsets(n),
        constraint=lambda mask: 5 - mask.sum(),
        algorithm="poss",
        budget=100,
        seed=0,
        checkpoint=path,
    )
    assert_same_trials(load_history(path), result)


def test_timeouts(path):
    result = minimize(
        slow, [(-1, 1)] * 2, budget=8, seed=0, workers=2, eval_timeout=0.3, checkpoint=path
    )
    assert "timeout" in result.statuses
    assert_same_trials(load_history(path), result)


def slow(x):
    if x[0] > 0:
        import time

        time.sleep(60)
    return float(x[0])


@pytest.mark.parametrize("n", [40, 20_000])
def test_known_and_initial_points_are_no_trials_and_begin_those_of_large_rows(path, n):
    rng = np.random.default_rng(0)
    known = [(x, float(x @ x)) for x in rng.uniform(-1, 1, (3, n))]
    result = minimize(
        lambda x: float(x @ x),
        [(-1.0, 1.0)] * n,
        budget=60,
        seed=0,
        known=known,
        x0=rng.uniform(-0.1, 0.1, n).tolist(),
        checkpoint=path,
    )
    history = load_history(path)
    assert result.nit == 60
    if n == 40:
        assert_same_trials(history, result)
        return
    assert_same_trials(history, result, but=["point"])
    pairs = [(a.point, b.point) for a, b in zip(history, result.trials, strict=True)]
    held = [(a, b) for a, b in pairs if a is not None]
    assert len(held) > 0
    assert all(same(a, b) for a, b in held)


def test_large_rows_that_are_kept_as_digests_only(path):
    result = minimize(
        lambda x: float(x @ x), [(-1.0, 1.0)] * 5000, budget=40, seed=0, checkpoint=path
    )
    history = load_history(path)
    assert_same_trials(history, result, but=["point"])
    number = next(trial.number for trial in history if trial.point is None)
    with pytest.raises(LookupError, match="digest"):
        history.point(number)
    assert history.to_frame()["x4999"].isna().any()


@pytest.mark.parametrize("n", [20, 2000])
def test_steps(path, n):
    weights = np.arange(1.0, n + 1.0)

    def delta(step):
        changes = zip(step.indices, step.old, step.values, strict=True)
        return step.value + sum(weights[i] * (new - old) for i, old, new in changes)

    result = minimize(
        lambda x: float(weights @ x),
        [Integer(0, 1)] * n,
        delta=delta,
        budget=300,
        seed=0,
        x0=[0] * n,
        keep_points=True,
        checkpoint=path,
    )
    history = load_history(path)
    assert_same_trials(history, result, but=() if n == 20 else ["point"])
    pairs = [(a.point, b.point) for a, b in zip(history, result.trials, strict=True)]
    held = [(a, b) for a, b in pairs if a is not None]
    assert all(same(a, b) for a, b in held)
    assert len(held) > (299 if n == 20 else 0)


@pytest.mark.parametrize("kept_bytes", [0, 200, 1000])
def test_points_do_not_depend_on_the_rows_that_are_kept_for_reuse(path, monkeypatch, kept_bytes):
    result = minimize(sphere, BOX, budget=150, seed=0, checkpoint=path)
    monkeypatch.setattr(rows, "MOST_BYTES", kept_bytes)
    history = load_history(path)
    order = np.random.default_rng(kept_bytes).permutation(150).tolist()
    points = {i: history.trials[i].point for i in order}
    assert all(same(points[i], trial.point) for i, trial in enumerate(result.trials))


def test_a_point_that_is_changed_leaves_others_alone(path):
    minimize(sphere, BOX, budget=100, seed=0, checkpoint=path)
    history = load_history(path)
    before = [trial.point.tolist() for trial in load_history(path)]
    for trial in history:
        trial.point[:] = 9.0
    assert [trial.point.tolist() for trial in history] == before


def test_a_resumed_run_has_the_trials_of_its_result(path, monkeypatch):
    monkeypatch.setattr(journal_module, "GROUP_SECONDS", 0.0)
    minimize(faulty, MIXED, budget=60, seed=2, window=3, checkpoint=path)
    whole = path.with_suffix(".whole")
    shutil.copy(path, whole)
    for n_groups in (0, 1, 17, 30):
        shutil.copy(whole, path)
        with sqlite3.connect(path) as connection:
            connection.execute("DELETE FROM groups WHERE number >= ?", (n_groups,))
        connection.close()
        assert len(load_history(path)) <= 60
        result = resume(path, faulty)
        assert_same_trials(load_history(path), result)


def test_the_last_lines_of_errors_are_kept_when_there_are_many(path, monkeypatch):
    monkeypatch.setattr(journal_module, "MAX_TEXTS", 3)
    result = minimize(
        faulty, MIXED, budget=80, seed=1, on_error="record", max_failures=None, checkpoint=path
    )
    history = load_history(path)
    assert_same_trials(history, result, but=["error"])
    errors = [(a.error, b.error) for a, b in zip(history, result.trials, strict=True) if b.error]
    assert len(errors) > 3
    assert all(a == b for a, b in errors[:3])
    assert all(a == b.splitlines()[-1] for a, b in errors[3:])


def test_opt_min_writes_the_same_trials(path):
    dimension = zoopt.Dimension(3, [[-1, 1], [0, 5], [0, 1]], [True, False, False])
    objective = zoopt.Objective(lambda solution: float(sum(solution.get_x())), dimension)
    parameter = zoopt.Parameter(budget=40, seed=0, keep_points=True, checkpoint=path)
    result = zoopt.Opt.min(objective, parameter).result
    assert_same_trials(load_history(path), result)


def test_there_is_one_class_of_trials():
    assert zoopt.Trial is trials.Trial
    assert history_module.Trial is result_module.Trial is trials.Trial


# ---------------------------------------------------------------- best and frames


def test_the_best_is_the_first_feasible_trial_of_least_value(path):
    minimize(lambda x: 1.0, BOX, budget=10, seed=0, constraint=lambda x: -1.0, checkpoint=path)
    history = load_history(path)
    assert history.best is None
    assert "no feasible one" in repr(history)
    path.unlink()
    minimize(lambda x: 1.0, BOX, budget=20, seed=0, constraint=lambda x: x[0], checkpoint=path)
    history = load_history(path)
    fine = [trial.number for trial in history if trial.violation <= 0]
    assert 0 < len(fine) < 20
    assert history.best.number == fine[0]


def test_a_file_without_evaluations_has_empty_trials_and_all_columns(path):
    def interrupt(**point):
        raise KeyboardInterrupt

    minimize(interrupt, MIXED, budget=10, seed=0, checkpoint=path)
    history = load_history(path)
    assert (len(history), history.trials, history.best) == (0, [], None)
    frame = history.to_frame()
    assert frame.shape == (0, 4 + len(MIXED) + 4)
    assert list(frame)[4:9] == list(MIXED)


def test_parameters_keep_their_names_in_a_frame(path):
    space = {"value": (0, 1), "value_": (0, 1), "worker": Choice(["a", "b"])}

    def fun(**point):
        return point["value"] + point["value_"] + (point["worker"] == "a")

    result = minimize(fun, space, budget=30, seed=0, checkpoint=path)
    history = load_history(path)
    assert_same_trials(history, result)
    frame = history.to_frame()
    names = ["number", "value__", "status", "violation", *space]
    assert list(frame) == [*names, "error", "started", "finished", "worker_"]
    assert frame["value__"].tolist() == result.history.tolist()
    assert frame["value"].tolist() == [trial.point["value"] for trial in result.trials]


class Thing:
    """A choice that JSON does not hold."""


@pytest.mark.parametrize("is_named", [True, False])
def test_choices_among_objects(path, is_named):
    things = [Thing(), Thing(), [1, 2]]
    dimensions = {"thing": Choice(things), "rate": Real(0, 1)}
    space = Space(dimensions if is_named else list(dimensions.values()))

    def fun(*args, **point):
        thing, rate = point.values() if is_named else args[0]
        return rate + (thing is things[0])

    result = minimize(fun, space, budget=30, seed=0, checkpoint=path)
    history = load_history(path, space)
    assert_same_trials(history, result)
    column = history.to_frame()["thing" if is_named else "x0"]
    assert {id(thing) for thing in column} <= {id(thing) for thing in things}
    without = load_history(path)
    assert_same_trials(without, result, but=["point"])
    assert {trial.point for trial in without} == {None}
    assert list(without.to_frame()) == list(history.to_frame())
    assert without.to_frame().iloc[:, 4:6].isna().all(axis=None)


def test_pandas_is_needed_for_frames_only(path, monkeypatch):
    minimize(sphere, BOX, budget=5, seed=0, checkpoint=path)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    history = load_history(path)
    assert history.best is not None
    with pytest.raises(ImportError, match="pandas"):
        history.to_frame()


# ---------------------------------------------------------------- lazy points


def test_points_are_made_when_they_are_looked_at(path, monkeypatch):
    minimize(sphere, BOX, budget=60, seed=0, checkpoint=path)
    asked = []
    point = History.point
    monkeypatch.setattr(
        History, "point", lambda self, number: asked.append(number) or point(self, number)
    )
    history = load_history(path)
    all_trials = history.trials
    assert sum(trial.value for trial in all_trials) == pytest.approx(history.values.sum())
    assert asked == []
    assert all_trials[7].point is all_trials[7].point
    assert asked == [all_trials[7].number]


def test_points_of_a_long_line_of_moves(path):
    result = minimize(
        lambda x: -float(x.sum()),
        [Integer(0, 1)] * 400,
        budget=3000,
        seed=0,
        keep_points=True,
        checkpoint=path,
    )
    history = load_history(path)
    last = history.trials[-1]
    assert same(last.point, result.trials[-1].point)
    assert_same_trials(history, result)


@pytest.mark.parametrize("is_known", [False, True])
def test_points_of_users_keep_their_exact_values(path, is_known):
    """The logarithm of a value, and back, may be its neighbor: a history once gave that."""
    space = {"rate": Real(1e-5, 1.0, log=True), "n": Integer(1, 9)}
    values = [0.1, 0.3, 1e-3, 0.007]
    points = [{"rate": value, "n": i + 1} for i, value in enumerate(values)]
    given = {"known": [(point, 0.0) for point in points]} if is_known else {"x0": points}
    fun = lambda rate, n: rate + n  # noqa: E731
    result = minimize(fun, space, budget=60, seed=0, checkpoint=path, **given)
    history = load_history(path)
    assert_same_trials(history, result)
    assert sum(trial.point["rate"] in values for trial in history) >= 4
