"""simulate: what a search would take on a cluster, and find there, without the cluster."""

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.registry import solver_factory
from zoopt.core.seeds import Seed, root_seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.distributed.simulation.executor import STREAM, SimulatedExecutor
from zoopt.distributed.simulation.fleet import Cluster
from zoopt.distributed.simulation.islands import Exchange, run_islands
from zoopt.function import minimize
from zoopt.run.executor import SerialExecutor
from zoopt.run.result import Result
from zoopt.run.search import Search
from zoopt.solvers.racos.racos import Racos

__all__ = ["Simulation", "calibrate", "simulate"]

MODES = ("async", "sync", "islands")

#: A round of batch RACOS by ZOOpt's table; its positive set.
ROUND, POSITIVES = 20, 2

#: Workers of an island, and its tells from exchange to exchange, unless given: fewer workers or
#: exchanges gave worse values (benchmarks/simulate.py).
ISLAND_WORKERS = 1000
EXCHANGE = 10


@dataclass(frozen=True)
class Simulation:
    """What a simulated run took and found. All times are virtual seconds.

    Attributes
    ----------
    mode : str
    cluster : Cluster
    walltime : float
        From the start until the last outcome was told.
    speedup : float
        The durations of all evaluations told, added up, by walltime: how many times longer one
        worker would take that waits for nobody.
    efficiency : float
        The share of the workers' time spent in evaluations that were told.
    driver_utilization : float
        The share of its time that the driver (of islands, the busiest) was at work: near 1 it is
        what limits.
    throughput : float
        Evaluations told, per second.
    fun : float
        The final value.
    nfev : int
        Evaluations told.
    n_deaths, n_retried, n_lost : int
        Workers that died; evaluations tried again since their worker died; those given up.
    n_exchanged : int
        Points that islands took over from others.
    worked, wasted : float
        Time of workers in evaluations that were told, and in those that died with their worker.
    n_messages, n_events : int
    result : Result
        Of the run; of islands, that of the best one.
    results : list of Result
        Of each island.

    Examples
    --------
    >>> from zoopt.distributed import simulate
    >>> report = simulate(lambda x: x[0] ** 2, [(-1, 1)], budget=64, workers=64, seed=0)
    >>> 1.0 < report.walltime < 1.1, 0.9 < report.efficiency < 1.0
    (True, True)
    """

    mode: str
    cluster: Cluster
    walltime: float
    speedup: float
    efficiency: float
    driver_utilization: float
    throughput: float
    fun: float
    nfev: int
    n_deaths: int
    n_retried: int
    n_lost: int
    n_exchanged: int
    worked: float
    wasted: float
    n_messages: int
    n_events: int
    result: Result = field(repr=False)
    results: list[Result] = field(repr=False)

    def __str__(self) -> str:
        workers = f"up to {self.cluster.n_slots}"
        if len(self.cluster.steps) == 1:
            workers = str(self.cluster.n_slots)
        islands = f", {len(self.results)} islands" if self.mode == "islands" else ""
        lines = {
            "simulated": f"{self.mode}{islands}, {workers} workers, {self.nfev} evaluations",
            "wall time": f"{self.walltime:.6g} s",
            "speed-up": f"{self.speedup:.4g}",
            "efficiency": f"{self.efficiency:.1%}",
            "driver": f"{self.driver_utilization:.1%} at work, {self.throughput:.4g} evaluations/s",
            "value": f"{self.fun:.6g}",
            "deaths": f"{self.n_deaths} workers; {self.n_retried} evaluations tried again, "
            f"{self.n_lost} lost",
        }
        return "\n".join(f"{name:>10}: {text}" for name, text in lines.items())


def simulate(
    fun: Callable[..., Any],
    space: Any,
    *,
    budget: int,
    workers: Any = 1000,
    duration: Any = 1.0,
    mode: str = "async",
    seed: Seed = None,
    x0: Any = None,
    algorithm: str | Callable[..., Solver] | None = None,
    window: int | None = None,
    time_budget: float | None = None,
    round_size: int | None = None,
    islands: int | None = None,
    exchange: int | None = None,
    **cluster: Any,
) -> Simulation:
    """Run a search on a simulated cluster: true values, virtual time.

    The solver and the loop are the ones of `zoopt.minimize`; only the workers do not exist.

    Parameters
    ----------
    fun, space, x0
        As `zoopt.minimize` takes them. ``fun`` is evaluated in this process.
    budget : int
        Evaluations, of all islands together.
    workers : int or list of (time, number)
        How many there are, or from when on how many.
    duration : number, LogNormal, Pareto or callable
        How long an evaluation takes, in seconds; a callable gets ``(rng)`` or ``(rng, x)``.
    mode : {"async", "sync", "islands"}
        async: SRACOS with all workers busy; a new point is chosen whenever one is done. sync: batch
        RACOS, all of whose workers wait for the last of a round. islands: independent SRACOS
        searches, each with a share of budget and workers and with a driver of its own, that show
        their best points to each other.
    seed : int, SeedSequence or None
        Same seed, same simulation.
    algorithm : str or callable, optional
        Instead of "sracos", in the modes async and islands; see `zoopt.minimize`.
    window : int, optional
        Most evaluations chosen without each other's results, told in their order; then workers and
        durations change only the time, not the trajectory.
    time_budget : float, optional
        Virtual seconds.
    round_size : int, optional
        Evaluations of a round of sync; by default one for each worker, at least 20.
    islands : int, optional
        How many; by default one for every 1,000 workers, and at least 2.
    exchange : int, optional
        Tells of an island between two exchanges, each of which costs its driver a
        message; by default 10.
    **cluster
        More of the cluster, by the names of `Cluster`: ``batch``, ``depth``, ``driver_time``,
        ``message_time``, ``latency``, ``worker_lifetime``, ``node_lifetime``, ...

    Returns
    -------
    Simulation

    Raises
    ------
    TypeError, ValueError
        Bad input, named, before anything is evaluated.
    ExecutorError
        If evaluations wait and no worker will ever come.

    Examples
    --------
    >>> from zoopt.distributed import LogNormal, simulate
    >>> report = simulate(
    ...     lambda x: ((x - 0.2) ** 2).sum(),
    ...     [(-1, 1)] * 5,
    ...     budget=2000,
    ...     workers=100,
    ...     duration=LogNormal(60, cv=1),
    ...     seed=1,
    ... )
    >>> report.nfev, report.speedup > 75, report.fun < 0.01
    (2000, True, True)
    """
    settings: dict[str, Any] = {"workers": workers, "duration": duration, **cluster}
    plan = Cluster(**settings)
    budget = whole(budget, "budget", least=1, fractions=True)
    _check_mode(
        mode, algorithm=algorithm, round_size=round_size, islands=islands, exchange=exchange
    )
    root = root_seed(seed)
    if time_budget is not None:
        time_budget = number(time_budget, "time_budget", least=0.0)
    common: dict[str, Any] = {"x0": x0, "window": window, "time_budget": time_budget}
    n_taken = 0
    if mode == "islands":
        n = _n_islands(islands, plan, budget)
        every = EXCHANGE if exchange is None else whole(exchange, "exchange", least=1)
        executors, searches = [], []
        for i in range(n):
            own = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, STREAM, 2, i))
            part = Cluster(**{**settings, "workers": plan.share(i, n)})
            executors.append(SimulatedExecutor(part, own))
            searches.append(
                functools.partial(
                    _island,
                    fun,
                    space,
                    budget=budget // n + (i < budget % n),
                    algorithm=algorithm,
                    seed=own,
                    backend=executors[i],
                    **common,
                )
            )
        results, n_taken = run_islands(searches, executors, every)
    else:
        if mode == "sync":
            size = max(ROUND, plan.n_slots * plan.batch) if round_size is None else round_size
            train_size = whole(size, "round_size", least=1) + POSITIVES
            algorithm = functools.partial(Racos, train_size=train_size, positive_size=POSITIVES)
        executors = [SimulatedExecutor(plan, root)]
        results = [
            minimize(
                fun,
                space,
                budget=budget,
                algorithm=algorithm,
                seed=root,
                backend=executors[0],
                **common,
            )
        ]
    return _report(mode, plan, executors, results, n_taken)


def _island(fun: Any, space: Any, exchange: Exchange, **options: Any) -> Result:
    return minimize(fun, space, callbacks=[exchange], **options)


def _check_mode(mode: str, **given: Any) -> None:
    """Refuse what a mode would not look at."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, got {mode!r}")
    heard = {
        "async": ("algorithm",),
        "sync": ("round_size",),
        "islands": ("algorithm", "islands", "exchange"),
    }
    for name, value in given.items():
        if value is not None and name not in heard[mode]:
            modes = " or ".join(repr(m) for m in MODES if name in heard[m])
            raise ValueError(f"{name} needs mode {modes}, got mode={mode!r}")


def _n_islands(islands: int | None, cluster: Cluster, budget: int) -> int:
    most = min(cluster.n_slots, budget)
    if islands is None:
        return min(most, max(2, round(cluster.n_slots / ISLAND_WORKERS)))
    n = whole(islands, "islands", least=1)
    if n > most:
        raise ValueError(f"islands must be at most the {most} that have a worker, got {islands!r}")
    return n


def _report(
    mode: str,
    cluster: Cluster,
    executors: list[SimulatedExecutor],
    results: list[Result],
    n_taken: int,
) -> Simulation:
    walltime = max(result.walltime for result in results)
    worked = math.fsum(executor.worked for executor in executors)
    nfev = sum(result.nfev for result in results)
    best = min(results, key=lambda result: math.inf if math.isnan(result.fun) else result.fun)
    return Simulation(
        mode=mode,
        cluster=cluster,
        walltime=walltime,
        speedup=_ratio(worked, walltime),
        efficiency=_ratio(worked, cluster.worker_seconds(walltime)),
        driver_utilization=max(
            _ratio(executor.driver_worked, result.walltime)
            for executor, result in zip(executors, results, strict=True)
        ),
        throughput=_ratio(nfev, walltime),
        fun=best.fun,
        nfev=nfev,
        n_deaths=sum(executor.n_deaths for executor in executors),
        n_retried=sum(executor.n_retried for executor in executors),
        n_lost=sum(executor.n_lost for executor in executors),
        n_exchanged=n_taken,
        worked=worked,
        wasted=math.fsum(executor.wasted for executor in executors),
        n_messages=sum(executor.n_messages for executor in executors),
        n_events=sum(executor.n_events for executor in executors),
        result=best,
        results=results,
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else math.nan


def calibrate(
    space: Any,
    *,
    budget: int = 2000,
    algorithm: str | Callable[..., Solver] = "sracos",
    repeats: int = 3,
) -> float:
    """Measure what an evaluation costs the driver on this machine: ask, tell and the loop.

    Parameters
    ----------
    space : Space, or what `zoopt.minimize` takes
    budget : int
        Evaluations of the run that is timed.
    algorithm : str or callable
    repeats : int
        The least of so many runs counts: the others were disturbed.

    Returns
    -------
    float
        CPU seconds an evaluation, for ``driver_time``.

    Examples
    --------
    >>> from zoopt.distributed import calibrate
    >>> 1e-7 < calibrate([(-1, 1)] * 10) < 1e-3
    True
    """
    given = space if isinstance(space, Space) else Space(space)
    budget = whole(budget, "budget", least=1)
    factory = algorithm if callable(algorithm) else solver_factory(algorithm)
    seconds = []
    for seed in range(whole(repeats, "repeats", least=1)):
        solver = factory(given, budget=budget, seed=seed, x0=())
        search = Search(solver, SerialExecutor(), _nearly_free, budget=budget)
        started = time.process_time()
        search.run()
        seconds.append(time.process_time() - started)
    return min(seconds) / budget


def _nearly_free(candidate: Candidate) -> tuple[float, float]:
    u = candidate.u
    return float(u.dot(u)), 0.0
