"""Simulated workers that die, islands, and the executor by itself."""

import itertools
import math
import threading
from collections import defaultdict

import numpy as np
import pytest
from simulated_runs import FREE, MORTAL, PATIENT, SPACE, path, run, sphere

import zoopt
from zoopt.core.errors import ExecutorError, ExecutorInUse
from zoopt.distributed import (
    Cluster,
    LogNormal,
    Pareto,
    SimulatedExecutor,
    calibrate,
    simulate,
)
from zoopt.distributed.simulation import islands as simulated_islands
from zoopt.distributed.simulation.fleet import Fleet

# ---------------------------------------------------------------- churn


def test_what_runs_on_a_worker_taken_away_is_tried_again_or_lost():
    options = {"budget": 8, "workers": [(0, 4), (5, 2)], "duration": 10.0, **FREE}
    with pytest.warns(zoopt.EvaluationWarning, match="its worker died once"):
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
    report = run(budget=2000, workers=50, duration=LogNormal(2, 1), **MORTAL, **PATIENT)
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


def started(cluster, n):
    """Return an executor that has taken n candidates, and the ids that it evaluates."""
    executor, calls = SimulatedExecutor(cluster, seed=0), []
    executor.start(lambda c: (float(calls.append(c.id) or c.id), 0.0), n, 0.0)
    space = zoopt.Space(SPACE)
    for ident in range(n):
        executor.submit(zoopt.Candidate(ident, np.zeros(4), space))
    return executor, calls


def test_what_is_cancelled_does_not_come():
    executor, calls = started(Cluster(workers=2, duration=1.0, **FREE), 4)
    for ident in (1, 2):
        executor.cancel(ident)
    outcomes = executor.collect() + executor.collect()
    assert [candidate.id for candidate, _ in outcomes] == calls == [0, 3]
    assert executor.worked == 2.0


def test_an_answer_of_a_former_life_frees_nobody():
    """The worker leaves while its answer is on its way, and is back before it comes."""
    cluster = Cluster(
        workers=[(0, 1), (6.5, 0), (6.75, 1)], duration=1.0, **{**FREE, "latency": 5.0}
    )
    executor, calls = started(cluster, 3)
    begun = []
    while len(begun) < 3:
        begun += [evaluation.started for _, evaluation in executor.collect()]
    assert begun == [5.0, 6.75 + 5.0, 6.75 + 11.0 + 5.0]
    assert calls == [0, 1, 2]


def test_a_worker_waits_for_its_node():
    cluster = Cluster(workers=4, workers_per_node=2, node_lifetime=9.0, detection=1, replacement=5)
    fleet = Fleet(cluster, np.random.default_rng(0))
    death, noticed = fleet.join(0, 0.0)
    assert fleet.join(1, 0.0) == (death, noticed) == (death, death + 1)
    assert fleet.join(2, 0.0) != (death, noticed)
    assert fleet.ready(1, death - 0.25) == death - 0.25
    assert fleet.ready(1, death + 0.25) == death + 1 + 5
    later, _ = fleet.join(1, death + 7)
    assert fleet.join(0, death + 7)[0] == later > death + 7


def test_however_short_a_wait_time_goes_on():
    executor, _ = started(Cluster(workers=1, duration=100.0, **FREE), 1)
    assert executor.collect(5.0) == []
    assert executor.clock() == 5.0
    assert executor.collect(0.0) == []
    assert executor.clock() == 5.0
    assert executor.collect(1e-30) == []
    assert executor.clock() > 5.0


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
    report = run(
        budget=30_000, workers=10_000, duration=LogNormal(10, 1), worker_lifetime=1000.0, retries=50
    )
    assert report.nfev == 30_000
    assert report.n_events >= 30_000


def test_a_report_prints_what_matters():
    text = str(run(workers=[(0, 3), (9, 20)], mode="islands", islands=2))
    for word in ("islands", "up to 20 workers", "speed-up", "efficiency", "driver", "lost"):
        assert word in text


def test_calibrate_measures_something():
    assert 1e-7 < calibrate(SPACE, budget=300, repeats=1) < 1e-2
    assert calibrate(zoopt.Space(SPACE), budget=100, algorithm=zoopt.RandomSearch, repeats=2) > 0.0
