"""Simulated clusters keep the laws of real ones: exact where nothing is random."""

import doctest
import importlib
import itertools
import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_runs import FREE, MORTAL, PATIENT, SPACE, path, run, sphere

import zoopt
from zoopt import distributed
from zoopt.core.registry import registered
from zoopt.distributed import (
    Cluster,
    LogNormal,
    Pareto,
    SimulatedExecutor,
)
from zoopt.testing import spaces_for

GENERAL = [name for name in sorted(registered()) if spaces_for(name, ["continuous"])]

# ---------------------------------------------------------------- time


@given(
    budget=st.integers(1, 150),
    workers=st.integers(1, 40),
    eighths=st.integers(0, 80),
    depth=st.integers(1, 3),
)
@settings(max_examples=50, deadline=None)
def test_equal_durations_and_a_free_driver_take_whole_waves(budget, workers, eighths, depth):
    seconds = eighths / 8
    report = run(budget=budget, workers=workers, duration=seconds, depth=depth, **FREE)
    assert report.walltime == math.ceil(budget / workers) * seconds
    assert report.result.walltime == report.walltime
    assert report.worked == budget * seconds


@given(rounds=st.integers(1, 4), round_size=st.integers(1, 30), workers=st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_a_round_waits_for_its_last(rounds, round_size, workers):
    budget = round_size + 2 + rounds * round_size  # the first one fills the positive set too
    report = run(
        budget=budget, workers=workers, duration=1.0, mode="sync", round_size=round_size, **FREE
    )
    waves = math.ceil((round_size + 2) / workers) + rounds * math.ceil(round_size / workers)
    assert report.walltime == waves


@pytest.mark.parametrize(("depth", "expected"), [(1, 40 * (1.0 + 0.5)), (2, 40 * 1.0 + 0.5)])
def test_a_second_message_at_the_worker_hides_the_network(depth, expected):
    free = {**FREE, "latency": 0.25}
    assert run(budget=40, workers=1, duration=1.0, depth=depth, **free).walltime == expected


def test_workers_that_join_are_used_at_once_and_those_taken_away_are_not():
    report = run(budget=60, workers=[(0, 1), (10, 5)], duration=1.0, **FREE)
    assert report.walltime == 20.0
    assert report.efficiency == 1.0
    report = run(budget=60, workers=[(0, 5), (10, 1)], duration=1.0, **FREE)
    assert report.walltime == 20.0
    late = run(budget=10, workers=[(3, 10)], duration=1.0, **FREE)
    assert late.walltime == 4.0
    assert late.efficiency == 1.0


def test_workers_leave_and_come_back_by_plan():
    report = run(budget=40, workers=[(0, 4), (5, 0), (8, 4)], duration=1.0, **FREE)
    assert report.walltime == 13.0
    assert (report.n_deaths, report.n_retried) == (4, 0)


@pytest.mark.parametrize("batch", [1, 4, 25])
@pytest.mark.parametrize("mode", ["async", "sync"])
def test_a_driver_that_is_busy_limits_the_rate(batch, mode):
    """One evaluation costs its step and its share of a message, whatever the workers do."""
    report = run(
        budget=5000,
        workers=200,
        duration=1e-4,
        batch=batch,
        driver_time=1e-4,
        message_time=1e-3,
        latency=0.0,
        mode=mode,
    )
    ceiling = 1 / (1e-4 + 1e-3 / batch)
    assert report.throughput == pytest.approx(ceiling, rel=0.03)
    assert report.throughput <= ceiling * (1 + 1e-9)
    assert report.driver_utilization > 0.97
    n_remainders = 2 + 5000 // (200 * batch) if mode == "sync" else 0  # of rounds
    assert 0 <= report.n_messages - 5000 / batch <= n_remainders


def test_below_its_ceiling_the_driver_limits_nothing():
    report = run(budget=4000, workers=10, duration=1.0, driver_time=1e-4, message_time=1e-3)
    assert report.efficiency > 0.99
    assert report.driver_utilization < 0.02


def test_virtual_time_ends_a_run():
    report = run(budget=10_000, workers=10, duration=1.0, time_budget=7.5, **FREE)
    assert report.result.status == "time_budget"
    assert report.nfev == 70
    assert report.walltime == 7.5
    assert len(report.result.cancelled) == 10


def test_callbacks_and_stop_rules_see_virtual_time():
    seen = []
    executor = SimulatedExecutor(Cluster(workers=3, duration=5.0, **FREE), seed=0)
    options = {"budget": 30, "seed": 0, "backend": executor}
    zoopt.minimize(sphere, SPACE, callbacks=[lambda search: seen.append(search.elapsed)], **options)
    assert seen == sorted(seen)
    assert sorted(set(seen)) == [5.0 * wave for wave in range(1, 11)]
    result = zoopt.minimize(sphere, SPACE, stop=lambda search: search.elapsed > 12, **options)
    assert result.walltime == 15.0


# ---------------------------------------------------------------- trajectories


@pytest.mark.parametrize("solver", GENERAL)
def test_one_worker_is_the_serial_run(solver):
    expected = zoopt.minimize(sphere, SPACE, budget=200, seed=3, algorithm=solver)
    got = run(workers=1, algorithm=solver, seed=3, duration=LogNormal(2, 1), **MORTAL, **PATIENT)
    assert path(got.result) == path(expected)
    assert got.fun == expected.fun


@pytest.mark.parametrize("solver", GENERAL)
@pytest.mark.parametrize("window", [1, 5, 40])
def test_a_window_gives_one_trajectory_for_any_cluster(solver, window):
    options = {"window": window, "algorithm": solver, "seed": 3}
    expected = path(zoopt.minimize(sphere, SPACE, budget=200, backend="serial", **options))
    for workers in (1, 7, 1000):
        for more in ({}, {"batch": 3, "depth": 2}, {**MORTAL, **PATIENT}):
            report = run(workers=workers, duration=LogNormal(2.0, 1.0), **options, **more)
            assert path(report.result) == expected


def test_an_evaluation_takes_as_long_on_any_cluster():
    taken = []
    for more in ({"workers": 1}, {"workers": 7, "batch": 3}, {"workers": 50, **MORTAL, **PATIENT}):
        timeline = run(duration=LogNormal(2, 1), seed=2, **more).result.timeline
        order = np.argsort(timeline["id"])
        taken.append((timeline["finished"] - timeline["started"])[order])
    assert np.allclose(taken[0], taken[1])
    assert np.allclose(taken[0], taken[2])


clusters = st.fixed_dictionaries(
    {
        "workers": st.one_of(
            st.integers(1, 40),
            st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9)).map(
                lambda n: [(2.0 * i, count) for i, count in enumerate(n)]
            ),
        ),
        "duration": st.sampled_from(
            [0.0, 0.5, LogNormal(1, 1), Pareto(1, 1.1), lambda rng: rng.random()]
        ),
        "batch": st.integers(1, 4),
        "depth": st.integers(1, 3),
        "max_in_flight": st.none() | st.integers(1, 20),
        "latency": st.sampled_from([0.0, 0.01, 1.0]),
        "message_time": st.sampled_from([0.0, 0.01, 1.0]),
        "driver_time": st.sampled_from([0.0, 0.01]),
        "worker_lifetime": st.sampled_from([0.5, 3.0, math.inf]),
        "node_lifetime": st.sampled_from([5.0, math.inf]),
        "workers_per_node": st.integers(1, 5),
        "detection": st.sampled_from([0.0, 2.0]),
        "replacement": st.sampled_from([0.0, 2.0]),
        "retries": st.integers(0, 3),
    }
)


@given(
    cluster=clusters,
    mode=st.sampled_from(["async", "sync", "islands"]),
    budget=st.integers(1, 60),
    window=st.none() | st.integers(1, 10),
)
@settings(max_examples=150, deadline=None)
@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_any_cluster_spends_the_budget_exactly_and_keeps_the_accounts(
    cluster, mode, budget, window
):
    calls = []
    report = run(
        fun=lambda x: calls.append(1) or sphere(x),
        budget=budget,
        mode=mode,
        window=window,
        **({"round_size": 6} if mode == "sync" else {}),
        **({"exchange": 3, "islands": 1} if mode == "islands" else {}),
        **cluster,
    )
    result = report.result
    assert report.nfev == budget
    assert sorted(result.timeline["id"]) == list(range(budget))
    assert len(calls) + report.n_lost == budget
    assert Counter(result.statuses.tolist())["lost"] == report.n_lost
    if report.walltime > 0.0:
        assert 0.0 <= report.driver_utilization <= 1.0 + 1e-9
    if report.cluster.worker_seconds(report.walltime) > 0.0:
        assert 0.0 <= report.efficiency <= 1.0 + 1e-9
    ok = result.statuses == "ok"
    started, finished = result.timeline["started"], result.timeline["finished"]
    assert report.worked == pytest.approx((finished - started)[ok].sum())
    assert (started >= 0).all()
    assert (finished >= started).all()
    assert (finished <= report.walltime).all()
    spans = defaultdict(list)
    workers = result.timeline["worker"][ok]
    for name, begin, end in zip(workers, started[ok], finished[ok], strict=True):
        spans[name].append((begin, end))
    for mine in spans.values():
        mine.sort()
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(mine))


@pytest.mark.parametrize("mode", ["async", "sync", "islands"])
def test_the_same_seed_is_the_same_simulation(mode):
    options = {
        "mode": mode,
        "workers": 300,
        "budget": 1500,
        "duration": LogNormal(2, 1),
        **MORTAL,
        **PATIENT,
    }
    first, again, other = (run(seed=seed, **options) for seed in (5, 5, 6))
    assert str(first) == str(again)
    for a, b in zip(first.results, again.results, strict=True):
        assert path(a) == path(b)
        assert a.timeline["finished"].tobytes() == b.timeline["finished"].tobytes()
    assert first.walltime != other.walltime
    assert path(first.result) != path(other.result)


def test_durations_change_nothing_that_rounds_choose():
    histories = [
        np.sort(run(mode="sync", round_size=10, workers=5, duration=d).result.history).tobytes()
        for d in (1.0, LogNormal(1, 1), Pareto(1, 1.1))
    ]
    assert len(set(histories)) == 1


def test_a_journal_of_a_simulated_run_is_in_virtual_time(tmp_path):
    def go(name, time_budget=None):
        return zoopt.minimize(
            sphere,
            SPACE,
            budget=90,
            seed=0,
            window=6,
            backend=SimulatedExecutor(Cluster(workers=9, duration=100.0, **FREE), seed=0),
            checkpoint=tmp_path / f"{name}.db",
            time_budget=time_budget,
        )

    whole = go("whole")
    assert whole.walltime == 1500.0
    first = go("parts", time_budget=750.0)
    assert (first.status, first.walltime, first.nfev) == ("time_budget", 750.0, 42)
    resumed = go("parts")
    assert path(resumed) == path(whole)
    assert resumed.walltime == 750.0 + 100.0 * (90 - 42) / 6


# ---------------------------------------------------------------- asynchronous and rounds


@pytest.mark.parametrize("duration", [LogNormal(1, 1), Pareto(1, 1.5)], ids=["lognormal", "Pareto"])
def test_rounds_are_not_faster_than_asynchronous_runs(duration):
    """One-sided paired t-test over 20 seeds, alpha about 1e-6: t(19) > 6.5."""
    logs = []
    for seed in range(20):
        options = {"budget": 600, "workers": 30, "duration": duration, "seed": seed, **FREE}
        slow, fast = run(mode="sync", **options), run(**options)
        logs.append(math.log(slow.walltime / fast.walltime))
    assert np.mean(logs) / (np.std(logs, ddof=1) / math.sqrt(20)) > 6.5


def test_no_duration_is_faster_than_the_mean():
    """More spread at the same mean costs rounds more; one-sided, as above."""
    logs = []
    for seed in range(20):
        options = {"budget": 620, "workers": 20, "mode": "sync", "seed": seed, **FREE}
        spread, even = (run(duration=d, **options) for d in (LogNormal(1, 1), 1.0))
        logs.append(math.log(spread.walltime / even.walltime))
    assert np.mean(logs) / (np.std(logs, ddof=1) / math.sqrt(20)) > 6.5


# ---------------------------------------------------------------- bad input and names


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"workers": 0}, ValueError, "workers"),
        ({"workers": 1.5}, ValueError, "workers"),
        ({"workers": "many"}, ValueError, "workers"),
        ({"workers": [(5, 1), (5, 2)]}, ValueError, "times of workers"),
        ({"workers": [(0, 0)]}, ValueError, "workers"),
        ({"workers": []}, ValueError, "workers"),
        ({"workers": [(-1, 2)]}, ValueError, "time of workers"),
        ({"duration": -1}, ValueError, "duration"),
        ({"duration": math.inf}, ValueError, "duration"),
        ({"duration": "long"}, TypeError, "duration"),
        ({"duration": lambda a, b, c: 1.0}, TypeError, "duration"),
        ({"duration": lambda rng: -1.0}, ValueError, "duration"),
        ({"duration": lambda rng: "x"}, TypeError, "duration"),
        ({"mode": "fast"}, ValueError, "mode"),
        ({"budget": 0}, ValueError, "budget"),
        ({"batch": 0}, ValueError, "batch"),
        ({"depth": 0}, ValueError, "depth"),
        ({"max_in_flight": 0}, ValueError, "max_in_flight"),
        ({"driver_time": -1}, ValueError, "driver_time"),
        ({"message_time": math.nan}, ValueError, "message_time"),
        ({"latency": None}, TypeError, "latency"),
        ({"worker_lifetime": 0}, ValueError, "worker_lifetime"),
        ({"node_lifetime": -3}, ValueError, "node_lifetime"),
        ({"workers_per_node": 0}, ValueError, "workers_per_node"),
        ({"detection": math.inf}, ValueError, "detection"),
        ({"replacement": -1}, ValueError, "replacement"),
        ({"retries": -1}, ValueError, "retries"),
        ({"nodes": 3}, TypeError, "nodes"),
        ({"round_size": 20}, ValueError, "round_size"),
        ({"mode": "sync", "algorithm": "sracos"}, ValueError, "algorithm"),
        ({"islands": 2}, ValueError, "islands"),
        ({"mode": "islands", "islands": 0}, ValueError, "islands"),
        ({"mode": "islands", "islands": 11, "workers": 10}, ValueError, "islands"),
        ({"mode": "islands", "exchange": 0}, ValueError, "exchange"),
        ({"time_budget": -1}, ValueError, "time_budget"),
        ({"window": 0}, ValueError, "window"),
        ({"seed": "x"}, TypeError, "seed"),
        ({"fun": 3}, TypeError, "fun"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_bad_input_is_named(options, error, words):
    calls = []
    with pytest.raises(error, match=words):
        run(**{"fun": lambda x: calls.append(1) or 0.0, **options})
    assert not calls


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LogNormal(0), "mean"),
        (lambda: LogNormal(1, -1), "cv"),
        (lambda: Pareto(-1), "mean"),
        (lambda: Pareto(1, 1), "shape"),
    ],
)
def test_models_refuse_what_has_no_mean(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_an_executor_wants_a_cluster():
    with pytest.raises(TypeError, match="cluster"):
        SimulatedExecutor(5)


def test_the_names_of_the_package_lead_somewhere():
    for name in distributed.__all__:
        if name not in ("RayExecutor", "ZOOptSearch"):  # these need Ray
            assert callable(getattr(distributed, name))
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = distributed.nothing_such


@pytest.mark.parametrize("name", ["durations", "executor", "fleet", "islands", "simulation"])
def test_the_examples_run(name):
    assert (
        doctest.testmod(importlib.import_module(f"zoopt.distributed.simulation.{name}")).failed == 0
    )
