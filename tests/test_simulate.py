"""Simulated clusters keep the laws of real ones: exact where nothing is random."""

import doctest
import importlib
import itertools
import math
import threading
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoopt
from zoopt import distributed
from zoopt.contract import registered
from zoopt.distributed import (
    Cluster,
    LogNormal,
    Pareto,
    SimulatedExecutor,
    calibrate,
    simulate,
    simulated_islands,
)
from zoopt.errors import ExecutorError, ExecutorInUse

SPACE = [(-1.0, 1.0)] * 4
FREE = {"driver_time": 0.0, "message_time": 0.0, "latency": 0.0}
MORTAL = {"worker_lifetime": 20.0, "node_lifetime": 50.0, "workers_per_node": 4}
PATIENT = {"retries": 10_000, "detection": 1.0, "replacement": 2.0}


def sphere(x):
    return float(((x - 0.2) ** 2).sum())


def run(**options):
    options = {"budget": 200, "seed": 0, "fun": sphere, "space": SPACE, **options}
    return simulate(**options)


def path(result):
    return result.history.tobytes(), result.timeline["id"].tolist(), result.statuses.tolist()


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


@pytest.mark.parametrize("solver", sorted(registered()))
def test_one_worker_is_the_serial_run(solver):
    expected = zoopt.minimize(sphere, SPACE, budget=200, seed=3, algorithm=solver)
    got = run(workers=1, algorithm=solver, seed=3, duration=LogNormal(10, 2), **MORTAL, **PATIENT)
    assert path(got.result) == path(expected)
    assert got.fun == expected.fun


@pytest.mark.parametrize("solver", sorted(registered()))
@pytest.mark.parametrize("window", [1, 5, 40])
def test_a_window_gives_one_trajectory_for_any_cluster(solver, window):
    options = {"window": window, "algorithm": solver, "seed": 3}
    expected = path(zoopt.minimize(sphere, SPACE, budget=200, backend="serial", **options))
    for workers in (1, 7, 1000):
        for more in ({}, {"batch": 3, "depth": 2}, {**MORTAL, **PATIENT}):
            report = run(workers=workers, duration=Pareto(5.0, 1.2), **options, **more)
            assert path(report.result) == expected


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
        "duration": LogNormal(10, 1),
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


# ---------------------------------------------------------------- churn


def test_what_runs_on_a_worker_taken_away_is_tried_again_or_lost():
    options = {"budget": 8, "workers": [(0, 4), (5, 2)], "duration": 10.0, **FREE}
    with pytest.warns(zoopt.EvaluationWarning, match="its worker died 1 times"):
        report = run(retries=0, **options)
    assert (report.n_deaths, report.n_lost, report.n_retried) == (2, 2, 0)
    assert report.result.failure_counts == {"lost": 2}
    assert report.wasted == 10.0
    report = run(retries=1, **options)
    assert (report.n_lost, report.n_retried) == (0, 2)
    assert report.worked == 80.0


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_an_evaluation_that_outlives_every_worker_is_lost_after_all_tries(retries):
    report = run(
        budget=20,
        workers=6,
        duration=1e9,
        worker_lifetime=1.0,
        retries=retries,
        detection=1.0,
        replacement=1.0,
        **FREE,
    )
    assert report.n_lost == 20
    assert report.n_retried == 20 * retries
    assert report.worked == 0.0
    assert not report.result.success


def test_enough_retries_lose_nothing():
    report = run(budget=2000, workers=50, duration=LogNormal(5, 1), **MORTAL, **PATIENT)
    assert report.n_retried > 100
    assert report.n_lost == report.result.n_failed == 0
    assert report.nfev == 2000


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_as_many_die_as_the_lifetimes_say(seed):
    """Lifetimes have no memory, so each try dies with the same chance; alpha = 1e-6."""
    n, chance = 4000, 1 - math.exp(-1 / 8)
    report = run(
        budget=n, workers=40, duration=1.0, worker_lifetime=8.0, retries=0, seed=seed, **FREE
    )
    assert abs(report.n_lost - n * chance) < 4.9 * math.sqrt(n * chance * (1 - chance))


def test_one_mortal_worker_works_wastes_or_is_dead():
    options = {"worker_lifetime": 5.0, "detection": 3.0, "replacement": 7.0, "retries": 10**6}
    report = run(budget=300, workers=1, duration=2.0, **options, **FREE)
    assert report.n_deaths > 50
    dead = report.n_deaths * (3.0 + 7.0)
    assert report.walltime == pytest.approx(report.worked + report.wasted + dead)


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_a_node_dies_with_all_its_workers():
    report = run(
        budget=600,
        workers=40,
        duration=1.0,
        node_lifetime=20.0,
        workers_per_node=8,
        detection=0.25,
        replacement=1.0,
        retries=0,
        **FREE,
    )
    assert report.n_deaths % 8 == 0
    assert report.n_deaths >= 16
    timeline, lost = report.result.timeline, report.result.statuses == "lost"
    together = defaultdict(set)
    for name, noticed in zip(timeline["worker"][lost], timeline["finished"][lost], strict=True):
        together[noticed].add(int(name.split()[1]))
    for workers in together.values():
        assert {worker // 8 for worker in workers} == {min(workers) // 8}
        assert len(workers) == 8


def test_slow_detection_costs_efficiency():
    """A life is whole evaluations, one that is wasted, and the delay until another begins."""
    for delay in (0.0, 20.0, 80.0):
        report = run(
            fun=lambda x: 0.0,
            budget=10**6,
            time_budget=6000.0,
            workers=100,
            duration=10.0,
            worker_lifetime=200.0,
            detection=delay,
            replacement=0.0,
            retries=100,
            **FREE,
        )
        useful = 10.0 / math.expm1(10.0 / 200.0)
        assert report.efficiency == pytest.approx(useful / (200.0 + delay), abs=0.03)


def test_waiting_for_workers_that_never_come_is_an_error():
    with pytest.raises(ExecutorError, match="no worker is left"):
        run(budget=20, workers=[(0, 3), (5, 0)], duration=1.0, **FREE)
    with pytest.raises(ExecutorError, match="no worker is left"):
        run(workers=3, duration=1.0, worker_lifetime=5.0, replacement=math.inf, **FREE)


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


# ---------------------------------------------------------------- islands


def test_islands_that_never_exchange_are_runs_of_their_own():
    alone = run(mode="islands", islands=3, workers=30, exchange=10**6, duration=LogNormal(1, 1))
    assert alone.n_exchanged == 0
    again = run(mode="islands", islands=3, workers=30, exchange=10**5, duration=LogNormal(1, 1))
    assert [path(r) for r in alone.results] == [path(r) for r in again.results]
    assert len({path(r)[0] for r in alone.results}) == 3
    assert [r.nfev for r in alone.results] == [67, 67, 66]
    assert alone.fun == min(r.fun for r in alone.results)


def test_islands_share_what_they_find():
    report = run(mode="islands", islands=4, workers=8, budget=800, exchange=10, duration=1.0)
    assert report.n_exchanged > 0
    assert report.nfev == 800
    finals = [r.fun for r in report.results]
    assert max(finals) < 10 * min(finals) + 1e-3


def test_an_exchange_reads_nothing_from_the_future():
    """Whoever goes on from an exchange is the earliest of all that have not finished."""
    baton, order = simulated_islands.Baton(4), []
    rng = np.random.default_rng(0)
    times = [np.cumsum(rng.exponential(size=30)).tolist() for _ in range(4)]

    def island(i):
        baton.wait(i)
        for now in times[i]:
            baton.yield_at(i, now)
            order.append(now)
        baton.leave()

    threads = [threading.Thread(target=island, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    baton.begin()
    for thread in threads:
        thread.join(10)
    assert order == sorted(itertools.chain(*times))


def test_an_island_that_fails_stops_all():
    def touchy(x):
        raise ZeroDivisionError("no")

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        run(fun=touchy, mode="islands", islands=3, workers=6)
    assert threading.active_count() == before


def test_a_search_may_stop_an_island_and_the_others_go_on():
    report = run(
        mode="islands", islands=3, workers=[(0, 3), (40, 30)], budget=10_000, time_budget=50.0
    )
    assert {r.status for r in report.results} == {"time_budget"}
    assert report.walltime == pytest.approx(50.0, abs=0.1)


# ---------------------------------------------------------------- the executor by itself


def test_an_executor_serves_one_run_at_a_time_and_then_another():
    executor = SimulatedExecutor(Cluster(workers=2, duration=LogNormal(1, 1)), seed=0)
    first = zoopt.minimize(sphere, SPACE, budget=50, seed=0, backend=executor)
    with pytest.raises(ExecutorInUse):
        zoopt.minimize(
            lambda x: zoopt.minimize(sphere, SPACE, budget=5, backend=executor).fun,
            SPACE,
            budget=5,
            backend=executor,
            on_error="raise",
        )
    again = zoopt.minimize(sphere, SPACE, budget=50, seed=0, backend=executor)
    assert path(again) == path(first)
    assert np.allclose(again.timeline["finished"], first.timeline["finished"])
    assert again.walltime == pytest.approx(first.walltime)


def test_what_is_cancelled_is_never_evaluated():
    calls = []
    executor = SimulatedExecutor(Cluster(workers=20, duration=1.0, **FREE), seed=0)
    result = zoopt.minimize(
        lambda x: calls.append(1) or sphere(x),
        SPACE,
        budget=500,
        seed=0,
        backend=executor,
        stop=lambda search: search.nfev == 7,
    )
    assert result.nfev == 7
    assert len(calls) == 20  # all of the first second
    assert len(result.cancelled) == 13


def test_failures_of_the_objective_are_those_of_a_real_run():
    def touchy(x):
        if x[0] > 0.5:
            raise ValueError("no")
        return float("nan") if x[1] > 0.5 else sphere(x)

    with pytest.warns(zoopt.EvaluationWarning):
        report = run(fun=touchy, workers=10, window=10)
    with pytest.warns(zoopt.EvaluationWarning):
        serial = zoopt.minimize(touchy, SPACE, budget=200, seed=0, window=10)
    assert path(report.result) == path(serial)
    assert set(report.result.failure_counts) <= {"failed", "invalid"}


def test_a_bound_on_what_is_in_flight_holds():
    report = run(workers=50, duration=1.0, max_in_flight=10, **FREE)
    assert report.walltime == 200 / 10
    assert report.efficiency == 10 / 50


def test_a_batch_is_no_larger_than_what_keeps_all_at_work():
    report = run(budget=30, workers=10, duration=1.0, batch=100, **FREE)
    assert report.walltime == 3.0
    assert report.n_messages == 10


def test_durations_may_depend_on_the_point():
    report = run(workers=1, budget=50, duration=lambda rng, x: abs(x[0]), **FREE)
    points = []
    zoopt.minimize(lambda x: points.append(abs(x[0])) or sphere(x), SPACE, budget=50, seed=0)
    assert report.worked == pytest.approx(math.fsum(points))
    named = simulate(
        lambda rate: rate,
        {"rate": zoopt.Real(1, 2)},
        budget=10,
        workers=2,
        duration=lambda rng, x: x["rate"],
        seed=0,
    )
    assert 10 <= named.worked <= 20


@pytest.mark.parametrize(
    ("model", "cv"),
    [(LogNormal(3.0, 0.5), 0.5), (LogNormal(3.0, 2.0), 2.0), (Pareto(3.0, 3.0), None)],
)
def test_models_have_the_mean_they_say(model, cv, seed):
    """Means of 200,000 draws, within 6 of their standard errors."""
    drawn = model.sample(np.random.default_rng(seed), 200_000)
    assert (drawn > 0).all()
    error = drawn.std() / math.sqrt(len(drawn))
    assert abs(drawn.mean() - 3.0) < 6 * error
    if cv is not None:
        assert drawn.std() / 3.0 == pytest.approx(cv, rel=0.1)


def test_ten_thousand_workers_are_fine():
    report = run(budget=30_000, workers=10_000, duration=LogNormal(10, 1), worker_lifetime=1000.0)
    assert report.nfev == 30_000
    assert report.n_events >= 30_000


def test_a_report_prints_what_matters():
    text = str(run(workers=[(0, 3), (9, 20)], mode="islands", islands=2))
    for word in ("islands", "up to 20 workers", "speed-up", "efficiency", "driver", "lost"):
        assert word in text


def test_calibrate_measures_something():
    assert 1e-7 < calibrate(SPACE, budget=300, repeats=1) < 1e-2
    assert calibrate(zoopt.Space(SPACE), budget=100, algorithm=zoopt.RandomSearch, repeats=2) > 0.0


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
        assert callable(getattr(distributed, name))
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = distributed.nothing_such


@pytest.mark.parametrize(
    "name", ["durations", "fleet", "simulated_executor", "simulated_islands", "simulation"]
)
def test_the_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"zoopt.distributed.{name}")).failed == 0
