"""Runs with a pruner: what becomes of pruned trials, in results, journals and on every executor."""

import functools
import math
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import BOX, N_STEPS, curve, killed, same, train

import zoopt
from zoopt import JournalError, Pruned, load_history, minimize, resume
from zoopt.core.evaluation import rank
from zoopt.core.registry import registered
from zoopt.testing import FaultyExecutor

SINGLE = sorted(set(registered()) - {"poss", "ponss", "noisy", "pces", "resample", "ssracos"})


def run(budget=60, fun=train, seed=0, algorithm="random", pruner="median", **options):
    return minimize(
        fun, BOX, budget=budget, seed=seed, algorithm=algorithm, pruner=pruner, **options
    )


# ------------------------------------------------------------- what becomes of a pruned trial


@pytest.mark.parametrize("pruner", ["median", "percentile", "halving", "hyperband"])
def test_the_reports_of_a_trial_end_where_it_was_pruned(pruner):
    result = run(pruner=pruner)
    assert result.nfev == 60
    assert 5 < result.n_pruned == (result.statuses == "pruned").sum() < 60
    for trial in result.trials:
        whole = dict(enumerate(curve(trial.point)))
        n = len(trial.reports)
        assert trial.reports == dict(list(whole.items())[:n])
        assert (n == N_STEPS) or trial.status == "pruned"
        assert math.isnan(trial.value) == (trial.status == "pruned")


@pytest.mark.parametrize("algorithm", SINGLE)
def test_it_is_never_the_best_and_never_a_failure(algorithm):
    """Reports of pruned trials are far below all values here. No warning is an error."""

    def fun(x, trial):
        if x[0] < 0.0:
            trial.report(0, -1e9)
            raise Pruned
        return float(np.abs(x - 0.3).sum())

    result = run(100, fun, algorithm=algorithm, pruner=None, on_error="raise", max_failures=0)
    assert result.status == "budget"
    assert result.x[0] >= 0.0
    assert 0 < result.n_pruned < 100
    assert result.n_failed == 0
    assert result.failures == []
    assert result.failure_counts == result.failures_by_kind == {}
    assert np.isnan(result.history[result.statuses == "pruned"]).all()
    assert result.best_history[-1] == result.fun == np.nanmin(result.history)
    assert f"n_pruned: {result.n_pruned}" in str(result)
    assert "n_pruned" not in str(minimize(lambda x: 1.0, BOX, budget=5, seed=0))


def test_a_run_in_which_all_is_pruned_has_no_best_point():
    def fun(x, trial):
        trial.report(0, 1.0)
        raise Pruned(0.5)

    result = run(20, fun)
    assert (result.success, result.x, result.n_pruned, result.n_failed) == (False, None, 20, 0)
    assert all(trial.reports == {0: 1.0, 1: 0.5} for trial in result.trials)


def test_early_stopping_does_not_count_pruned_trials():
    def fun(x, trial):
        if trial.number % 3:
            raise Pruned
        return 1.0

    result = run(1000, fun, pruner=None, stop=zoopt.EarlyStopping(10))
    assert (result.status, result.nfev) == ("stop", 31)
    result = run(1000, fun, pruner=None, stop=zoopt.Plateau(top=5, std=0.0))
    assert (result.status, result.nfev) == ("stop", 13)


def test_callbacks_and_stop_rules_see_how_many_were_pruned():
    result = run(stop=lambda search: search.n_pruned == 4)
    assert (result.status, result.n_pruned) == ("stop", 4)
    assert result.statuses[-1] == "pruned"


def test_failures_keep_their_reports():
    def fun(x, trial):
        trial.report(0, 1.0)
        if x[0] < -0.5:
            raise OverflowError("too large")
        if x[0] < 0.0:
            return math.nan
        return 1.0

    result = run(40, fun, pruner=None, on_error="record")
    assert set(result.statuses) == {"ok", "failed", "invalid"}
    assert all(trial.reports == {0: 1.0} for trial in result.trials)
    failure = result.failures_by_kind["failed"][0]
    assert "OverflowError: too large" in failure.error
    assert "Unfinished" not in failure.error
    assert "in fun" in failure.error


def test_the_users_own_error_is_raised_and_not_a_wrapper():
    def fun(x, trial):
        trial.report(0, 1.0)
        raise OverflowError("too large")

    with pytest.raises(OverflowError, match="too large") as caught:
        run(fun=fun)
    assert caught.value.zoopt_result.trials[0].reports == {0: 1.0}


def test_ctrl_c_in_a_training_ends_the_run():
    def fun(x, trial):
        if trial.number == 5:
            raise KeyboardInterrupt
        return 1.0

    assert run(fun=fun, pruner=None).status == "interrupted"


# ------------------------------------------------------------- Pruned


@pytest.mark.parametrize("names_trial", [True, False])
def test_pruned_with_a_value_equals_a_report_and_pruned(names_trial):
    def with_value(x, trial=None):
        if names_trial:
            trial.report(4, 9.0)
        raise Pruned(0.5)

    def without(x, trial):
        if names_trial:
            trial.report(4, 9.0)
        trial.report(5 if names_trial else 0, 0.5)
        raise Pruned

    fun = with_value if names_trial else lambda x: with_value(x)
    same(run(20, fun, pruner=None), run(20, without, pruner=None))


def test_a_value_of_pruned_that_is_no_number_is_a_failure():
    def fun(x):
        if x[0] < 0.0:
            raise Pruned("much")
        return 1.0

    result = run(20, fun, pruner=None, on_error="record")
    assert set(result.statuses) == {"ok", "failed"}
    assert "the value of Pruned must be a number, got 'much'" in result.failures[0].error


@pytest.mark.parametrize("names_trial", [True, False])
@pytest.mark.parametrize("workers", [1, 2])
def test_constraints_of_pruned_trials_count(names_trial, workers):
    def with_trial(x, trial):
        raise Pruned(float(x[1]))

    fun = with_trial if names_trial else lambda x: with_trial(x, None)
    result = run(
        20, fun, pruner=None, constraint=lambda x: x[0], workers=workers, window=2, backend="thread"
    )
    assert result.n_pruned == 20
    for trial in result.trials:
        assert trial.violation == -trial.point[0]


def test_a_vectorized_function_prunes_all_its_points():
    def fun(x):
        if x[0, 0] < 0.0:
            raise Pruned
        return np.abs(x).sum(1)

    result = run(60, fun, pruner=None, vectorized=True)
    assert 0 < result.n_pruned < 60
    assert result.n_failed == 0


# ------------------------------------------------------------- which functions get a trial


def test_a_dimension_called_trial_wins():
    def fun(trial, rate):
        assert type(trial) is float
        return trial + rate

    space = {"trial": (0.0, 1.0), "rate": (0.0, 1.0)}
    assert minimize(fun, space, budget=20, seed=0).n_failed == 0
    with pytest.raises(ValueError, match="pruner needs an objective with an argument trial"):
        minimize(fun, space, budget=20, seed=0, pruner="median")


def test_what_is_bound_or_unnamed_gets_none():
    def fun(x, trial, **more):
        assert trial == 3
        assert not more
        return 1.0

    def others(x, **more):
        assert not more
        return 1.0

    assert run(10, functools.partial(fun, trial=3), pruner=None).n_failed == 0
    assert run(10, others, pruner=None).n_failed == 0


def test_a_trial_comes_beside_other_arguments_and_knows_its_number():
    def fun(rate, *, rng, trial):
        trial.report(0, rng.random())
        return float(trial.number)

    result = minimize(fun, {"rate": (0.0, 1.0)}, budget=20, seed=0)
    assert result.history.tolist() == [trial.number for trial in result.trials]
    assert len({trial.reports[0] for trial in result.trials}) == 20
    again = minimize(fun, {"rate": (0.0, 1.0)}, budget=20, seed=0, workers=2, window=4)
    assert [t.reports for t in again.trials] == [t.reports for t in result.trials]


def test_objectives_of_the_old_api_get_a_trial():
    def fun(solution, trial):
        trial.report(0, 1.0)
        if solution.x[0] < 0.0:
            raise Pruned
        return 1.0

    objective = zoopt.Objective(fun, zoopt.Dimension(2, [[-1, 1]] * 2, [True] * 2))
    result = zoopt.Opt.min(objective, zoopt.Parameter(budget=30, seed=0)).result
    assert 0 < result.n_pruned < 30
    assert all(trial.reports == {0: 1.0} for trial in result.trials)


# ------------------------------------------------------------- contradictions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fun": lambda x: 1.0}, "pruner needs an objective with an argument trial"),
        ({"pruner": "mean"}, "pruner must be one of"),
        ({"vectorized": True}, "vectorized=True cannot be combined with an objective"),
        ({"delta": lambda step: 1.0}, "delta cannot be combined with an objective"),
        (
            {"algorithm": None, "noisy": True},
            "pruner cannot run with algorithm='noisy', which evaluates",
        ),
        (
            {"algorithm": "pces"},
            "pruner cannot run with algorithm='pces', which evaluates points repeat",
        ),
        ({"algorithm": "ssracos"}, "pruner cannot run with algorithm='ssracos'"),
        ({"algorithm": "resample"}, "pruner cannot run with algorithm='resample'"),
        (
            {"algorithm": functools.partial(zoopt.RandomEmbedding, inner="pces")},
            "pruner cannot run with algorithm='sre', which evaluates points repeatedly",
        ),
    ],
)
def test_contradictions_are_refused_before_any_evaluation(options, message):
    calls = []

    def fun(x, trial):
        calls.append(x)
        return 1.0

    with pytest.raises(ValueError, match=message):
        run(**{"fun": fun, **options})
    assert calls == []


def test_subset_selection_has_no_pruner():
    with pytest.raises(
        ValueError, match="pruner cannot run with algorithm='poss', which selects subsets"
    ):
        minimize(
            train,
            zoopt.Space.subsets(5),
            budget=20,
            algorithm="poss",
            constraint=lambda mask: 2 - mask.sum(),
            pruner="median",
        )


# ------------------------------------------------------------- windows and executors


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
@given(
    schedule=st.lists(st.integers(-1, 9), max_size=100),
    workers=st.integers(1, 9),
    window=st.integers(1, 7),
)
@settings(max_examples=10, deadline=None)
def test_decisions_depend_on_the_window_and_not_on_the_schedule(pruner, schedule, workers, window):
    options = {"pruner": pruner, "algorithm": "sracos", "budget": 40}
    alone = run(window=window, **options)
    shuffled = run(backend=FaultyExecutor(workers, schedule), window=window, **options)
    same(shuffled, alone)
    assert window > 1 or alone.n_pruned == run(**options).n_pruned


def test_a_trial_is_compared_with_trials_released_before_it_was_proposed():
    """With a window of 10, the first ten trials have nothing to compare with."""
    result = run(40, pruner=zoopt.MedianPruner(n_startup_trials=1), window=10)
    assert (result.statuses[:10] == "ok").all()
    assert result.n_pruned > 5


class TwiceTheBest(zoopt.Pruner):
    """A rule of the user's, from a module that workers cannot import."""

    def __init__(self):
        self._best = math.inf

    def tell(self, number, evaluation):
        if evaluation.ok:
            self._best = min(self._best, evaluation.value)

    def cutoffs(self, number):
        return {4: 2.0 * self._best}

    def should_prune(self, cutoffs, trial):
        return trial.value > cutoffs.get(trial.step, math.inf)


@pytest.mark.parametrize("pruner", ["halving", TwiceTheBest()], ids=["ours", "own"])
def test_processes_and_threads_prune_alike(pruner):
    alone = run(40, pruner=pruner, window=4)
    assert 0 < alone.n_pruned < 40
    for workers, backend in ((2, "process"), (4, "thread")):
        same(run(40, pruner=pruner, window=4, workers=workers, backend=backend), alone)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "percentile", "hyperband"])
def test_any_number_of_workers_prunes_alike(pruner):
    def slow(x, trial):
        time.sleep(0.002 * abs(x[0]))
        return train(x, trial)

    alone = run(80, slow, algorithm="sracos", pruner=pruner, window=4)
    for workers in (1, 2, 4):
        for backend in ("process", "thread"):
            options = {"workers": workers, "backend": backend, "window": 4}
            same(run(80, slow, algorithm="sracos", pruner=pruner, **options), alone)


def test_cutoffs_that_do_not_pickle_are_named():
    class Open(zoopt.Pruner):
        def cutoffs(self, number):
            return threading.Lock()

        def should_prune(self, cutoffs, trial):
            return False

    with pytest.raises(TypeError, match="the cutoffs of the pruner cannot be sent to workers"):
        run(10, pruner=Open(), backend="process")


@pytest.mark.parametrize("method", ["tell", "cutoffs", "should_prune"])
def test_errors_of_a_rule_do_not_pass_unnoticed(method):
    class Broken(TwiceTheBest):
        pass

    def broken(self, *_):
        raise ZeroDivisionError("in the rule")

    setattr(Broken, method, broken)
    with pytest.raises(ZeroDivisionError, match="in the rule"):
        run(10, pruner=Broken())


def test_an_object_serves_many_runs():
    pruner = zoopt.MedianPruner()
    first = run(pruner=pruner)
    same(run(pruner=pruner), first)
    assert pruner.cutoffs(0) is None


# ------------------------------------------------------------- how solvers take it


@pytest.mark.parametrize("algorithm", SINGLE)
@pytest.mark.parametrize("other", [0.3, 1e6])
def test_solvers_follow_the_order_of_last_reports(algorithm, other):
    """Where all is pruned, last reports steer as values would; earlier ones do not matter."""

    def path(fun):
        solver = zoopt.make_solver(algorithm, BOX, budget=200, seed=3)
        points = []
        for _ in range(200):
            candidate = solver.ask()
            points.append(candidate.x)
            solver.tell(candidate, fun(candidate))
        return points

    def value(candidate):
        return float(np.abs(np.array(candidate.x) - 0.3).sum())

    def pruned(candidate):
        reports = ((0, other * candidate.id), (1, value(candidate)))
        return zoopt.Evaluation(math.nan, "pruned", reports=reports)

    ok = path(lambda candidate: zoopt.Evaluation(value(candidate)))
    n = {"r1es": 100, "sre": 40}.get(algorithm, 200)  # then they go on from their best point
    assert path(pruned)[:n] == ok[:n]


@pytest.mark.parametrize("algorithm", SINGLE)
def test_pruning_half_of_the_trials_does_little_harm(algorithm):
    """Medians of eleven runs with the same number of evaluations."""
    found = {
        pruner: [run(150, algorithm=algorithm, pruner=pruner, seed=s).fun for s in range(11)]
        for pruner in (None, "median")
    }
    bound = {"random": 1.05}.get(algorithm, 3.0)
    assert np.median(found["median"]) <= bound * np.median(found[None]) + 0.02


def test_the_order_of_ranks_is_that_of_populations():
    """A pruned trial enters the positive set of SRACOS only while successes are lacking."""
    solver = zoopt.SRacos(BOX, budget=100, seed=0)
    rng = np.random.default_rng(0)
    best = {}
    for i in range(100):
        candidate = solver.ask()
        value = float(rng.random())
        evaluation = zoopt.Evaluation(value)
        if i % 3:
            evaluation = zoopt.Evaluation(math.nan, "pruned", reports=((0, value - 5.0),))
        best[candidate.id] = rank(evaluation, i)
        solver.tell(candidate, evaluation)
    positives = [ident for ident, _, _, _ in solver.positives]
    assert sorted(best, key=best.get)[: len(positives)] == positives
    assert all(best[ident][0] == 0.0 for ident in positives)


# ------------------------------------------------------------- journals


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


def stop_at(n):
    def stop(search):
        if search.nfev == n:
            raise KeyboardInterrupt

    return stop


def test_a_journal_keeps_reports_and_statuses(path):
    def fun(x, trial):
        if x[0] > 0.8:
            trial.report(2**40, -math.inf)
            raise ValueError("no")
        return train(x, trial)

    result = run(60, fun, checkpoint=path, on_error="record")
    history = load_history(path)
    assert {"ok", "pruned", "failed"} == set(history.statuses)
    assert history.statuses.tolist() == result.statuses.tolist()
    assert [t.reports for t in history.trials] == [t.reports for t in result.trials]
    assert history.best.value == result.fun
    assert np.isnan(history.values[history.statuses == "pruned"]).all()


def test_nan_reports_come_back_from_a_journal(path):
    def fun(x, trial):
        trial.report(0, math.nan)
        trial.report(7, math.inf)
        return 1.0

    run(10, fun, pruner=None, checkpoint=path)
    assert repr(load_history(path).trials[3].reports) == "{0: nan, 7: inf}"


@pytest.mark.parametrize("pruner", ["median", "halving", TwiceTheBest()], ids=str)
@pytest.mark.parametrize("window", [None, 3])
def test_a_resumed_run_makes_no_decision_again(path, pruner, window):
    options = {"pruner": pruner, "algorithm": "sracos", "window": window}
    whole = run(**options)
    calls = []

    def counted(x, trial):
        calls.append(trial.number)
        return train(x, trial)

    for n in (10, 35):
        part = run(checkpoint=path, callbacks=[stop_at(n)], **options)
        assert part.status == "interrupted"
    again = {} if isinstance(pruner, str) else {"pruner": pruner}
    rest = resume(path, counted, **again)
    same(rest, whole)
    assert sorted(calls) == list(range(60 - len(calls), 60))
    same(resume(path, counted, **again), whole)
    assert len(calls) == len(set(calls))


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_without_a_window_trials_in_flight_get_the_same_cutoffs_again(path, pruner):
    """The file decides the order; what was proposed meets the same comparison after a resume."""

    class Noted(type(zoopt.pruning.pruner_of(pruner))):
        seen = None

        def __deepcopy__(self, memo):
            twin = type(self)()
            twin.seen = self.seen
            return twin

        def cutoffs(self, number):
            made = super().cutoffs(number)
            self.seen.append((number, repr(made)))
            return made

    def jittery(x, trial):
        time.sleep(0.004 * abs(x[0]))
        return train(x, trial)

    parts = []
    for n in (20, 60):
        rule = Noted()
        rule.seen = []
        run(
            60,
            jittery,
            pruner=rule,
            backend="thread",
            workers=4,
            checkpoint=path,
            callbacks=[stop_at(n)],
        )
        parts.append(rule.seen)
    first, second = parts
    assert 20 < len(first) < 60
    assert second[: len(first)] == first
    assert [number for number, _ in second] == list(range(60))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (None, "pruner is .*median.* there and null here"),
        ("halving", "pruner is .*median.* there and .*halving.* here"),
        (zoopt.MedianPruner(n_startup_trials=6), "pruner is .*5.* there and .*6.* here"),
        (TwiceTheBest(), "pruner is .*median.* there and .*TwiceTheBest.* here"),
    ],
)
def test_a_run_with_another_rule_is_refused(path, other, message):
    run(20, checkpoint=path)
    with pytest.raises(JournalError, match=message):
        run(20, checkpoint=path, pruner=other)
    if other is not None:
        with pytest.raises(JournalError, match=message):
            resume(path, train, pruner=other)
    assert resume(path, train, budget=30).nfev == 30
    assert resume(path, train, pruner="median").nfev == 30


def test_a_rule_of_the_users_must_be_passed_again(path):
    run(20, checkpoint=path, pruner=TwiceTheBest())
    with pytest.raises(ValueError, match="pruner must be passed again"):
        resume(path, train)
    assert resume(path, train, pruner=TwiceTheBest()).nfev == 20


def test_an_objective_has_no_pruner(path):
    objective = zoopt.Objective(lambda s: 1.0, zoopt.Dimension(2, [[-1, 1]] * 2, [True] * 2))
    zoopt.Opt.min(objective, zoopt.Parameter(budget=10, seed=0, checkpoint=str(path)))
    with pytest.raises(TypeError, match="pruner must not be passed with an Objective"):
        resume(path, objective, pruner="median")


@pytest.mark.parametrize(
    ("backend", "workers", "window"),
    [
        ("serial", "1", 0),
        pytest.param("process", "2", 4, marks=pytest.mark.slow),
        pytest.param("thread", "3", 5, marks=pytest.mark.slow),
    ],
)
def test_kill_9_changes_no_decision(path, tmp_path, backend, workers, window):
    kept = killed(path, tmp_path, backend, workers, str(window))
    calls = []
    fun = lambda x, trial: calls.append(x) or train(x, trial)  # noqa: E731
    rest = resume(path, fun, workers=1, backend="serial")
    same(rest, run(200, algorithm="sracos", window=window or None))
    assert len(calls) == 200 - kept
    assert 20 < rest.n_pruned < 180


@pytest.mark.slow
def test_kill_9_without_a_window_keeps_what_was_decided(path, tmp_path):
    kept = killed(path, tmp_path, "process", "3", "0")
    before = load_history(path)
    rest = resume(path, train, workers=2)
    assert rest.statuses.tolist()[:kept] == before.statuses.tolist()
    for trial, recorded in zip(rest.trials, before.trials, strict=False):
        assert trial.reports == recorded.reports
    assert rest.nfev == 200
    same(resume(path, train), rest)


# ------------------------------------------------------------- tables, known points and pictures


def test_frames_have_a_column_of_reports():
    pytest.importorskip("pandas")
    result = run()
    frame = result.to_frame()
    assert frame.reports.tolist() == [trial.reports for trial in result.trials]
    assert list(frame)[-2:] == ["worker", "reports"]
    assert (frame.status == result.statuses).all()
    plain = minimize(lambda x: 1.0, BOX, budget=5, seed=0).to_frame()
    assert "reports" not in plain
    again = run(20, known=frame[frame.status == "ok"])
    assert again.nfev == 20


def test_a_parameter_called_reports_keeps_its_name():
    pytest.importorskip("pandas")

    def fun(reports, trial):
        trial.report(0, reports)
        return reports

    result = minimize(fun, {"reports": (0.0, 1.0)}, budget=10, seed=0)
    frame = result.to_frame()
    assert frame.reports.tolist() == result.history.tolist()
    assert frame.reports_.tolist() == [trial.reports for trial in result.trials]
    assert minimize(fun, {"reports": (0.0, 1.0)}, budget=10, known=frame).from_known in (0, 1)


def test_known_points_leave_pruned_trials_out():
    first = run()
    n = first.n_pruned
    with pytest.warns(zoopt.EvaluationWarning, match=f"{n} without a value"):
        again = run(known=first)
    assert again.nfev == 60


def test_trials_pickle_with_their_reports():
    import pickle

    result = run()
    twin = pickle.loads(pickle.dumps(result.trials[3]))
    assert twin.reports == result.trials[3].reports
    assert pickle.loads(pickle.dumps(result)).n_pruned == result.n_pruned


def test_a_line_for_each_trial_that_reported(path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    from zoopt.plotting import plot_intermediate_values

    result = run(30, checkpoint=path)
    for source in (result, load_history(path)):
        ax = plot_intermediate_values(source)
        drawn = sorted(list(map(float, line.get_ydata())) for line in ax.get_lines())
        assert drawn == sorted(list(trial.reports.values()) for trial in result.trials)
        shown = {text.get_text() for text in ax.get_legend().get_texts()}
        n = result.n_pruned
        assert shown == {f"ok: {30 - n}", f"pruned: {n}"}
        (best,) = (line for line in ax.get_lines() if line.get_linewidth() > 2)
        assert best.get_ydata()[-1] == result.fun
    ax = plot_intermediate_values(minimize(lambda x: 1.0, BOX, budget=5, seed=0))
    assert not ax.get_lines()
    pyplot.close("all")
