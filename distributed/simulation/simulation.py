"""The function `simulate`: predict the time and the result of a search on a cluster."""

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

#: Smallest round of batch RACOS, from ZOOpt's table, and the size of its positive set.
ROUND, POSITIVES = 20, 2

#: Default number of workers of an island, and of tells between two exchanges. Smaller islands and
#: rarer exchanges gave worse values (benchmarks/simulate.py).
ISLAND_WORKERS = 1000
EXCHANGE = 10


@dataclass(frozen=True)
class Simulation:
    """The report of a simulated run. All times are virtual seconds.

    Attributes
    ----------
    mode : str
    cluster : Cluster
    walltime : float
        Time from the start until the last evaluation was told.
    speedup : float
        Total duration of all evaluations told, divided by ``walltime``: how many times longer one
        worker without any waiting would take.
    efficiency : float
        Share of the workers' time spent in evaluations that were told.
    driver_utilization : float
        Share of the time in which the driver was busy; with islands, that of the busiest one. A
        value near 1 means that the driver is the bottleneck.
    throughput : float
        Evaluations told per second.
    fun : float
        The best value found.
    nfev : int
        Number of evaluations told.
    n_deaths, n_retried, n_lost : int
        Number of workers that died, and of evaluations repeated or given up because of that.
    n_exchanged : int
        Number of points that islands adopted from each other.
    worked, wasted : float
        Total time of workers in evaluations that were told, and in those that died with their
        worker.
    n_messages, n_events : int
        Number of messages, and of simulated events.
    result : Result
        The result of the run; with islands, that of the best island.
    results : list of Result
        The result of each island.

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
    """Run a search on a simulated cluster: real values, virtual time.

    Solver and loop are those of `zoopt.minimize`; only the workers are simulated. Use it to choose
    the number of workers, the mode, or the size of batches before renting a cluster.

    Parameters
    ----------
    fun, space, x0
        As in `zoopt.minimize`. ``fun`` is evaluated in this process.
    budget : int
        Number of evaluations, of all islands together.
    workers : int or list of (time, number)
        Number of workers, or a plan: times, each with the number of workers from then on.
    duration : number, LogNormal, Pareto or callable
        Duration of an evaluation in seconds. A callable is called as ``duration(rng)`` or
        ``duration(rng, x)``.
    mode : {"async", "sync", "islands"}
        "async" runs SRACOS and keeps all workers busy: a new point is chosen whenever an
        evaluation ends. "sync" runs batch RACOS: all workers wait for the last evaluation of a
        round. "islands" runs independent SRACOS searches that exchange their best points; each
        has its own driver and a share of the budget and the workers.
    seed : int, SeedSequence or None
        With the same seed, the simulation is repeated exactly.
    algorithm : str or callable, optional
        A solver other than SRACOS for the modes "async" and "islands"; as in `zoopt.minimize`.
    window : int, optional
        As in `zoopt.minimize`. With a window, workers and durations change only the time, not the
        points.
    time_budget : float, optional
        Virtual seconds after which the run ends.
    round_size : int, optional
        Number of evaluations in a round of mode "sync". The default is one for each worker, but
        at least 20.
    islands : int, optional
        Number of islands. The default is one for every 1,000 workers, but at least 2.
    exchange : int, optional
        Number of evaluations of an island between two exchanges; 10 by default. An exchange costs
        the island's driver one message.
    **cluster
        Other parameters of `Cluster`: ``batch``, ``depth``, ``driver_time``, ``message_time``,
        ``latency``, ``worker_lifetime``, ``node_lifetime``, ...

    Returns
    -------
    Simulation

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; raised before the first evaluation.
    ExecutorError
        If evaluations wait and no worker will ever come.

    See Also
    --------
    SimulatedExecutor : The backend, for use with `zoopt.minimize`.

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
    """Raise if an option was given that the mode does not use."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, got {mode!r}")
    used = {
        "async": ("algorithm",),
        "sync": ("round_size",),
        "islands": ("algorithm", "islands", "exchange"),
    }
    for name, value in given.items():
        if value is not None and name not in used[mode]:
            modes = " or ".join(repr(m) for m in MODES if name in used[m])
            raise ValueError(f"{name} needs mode {modes}, got mode={mode!r}")


def _n_islands(islands: int | None, cluster: Cluster, budget: int) -> int:
    most = min(cluster.n_slots, budget)
    if islands is None:
        return min(most, max(2, round(cluster.n_slots / ISLAND_WORKERS)))
    n = whole(islands, "islands", least=1)
    if n > most:
        raise ValueError(f"islands must be at most {most}, so that each has a worker, got {n}")
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
    """Measure the driver's time for one evaluation on this machine: ask, tell and the loop.

    Parameters
    ----------
    space : Space, or anything that `zoopt.minimize` accepts as a space
    budget : int
        Number of evaluations in each timed run.
    algorithm : str or callable
        As in `zoopt.minimize`.
    repeats : int
        Number of runs. The fastest one counts, since the others were disturbed.

    Returns
    -------
    float
        CPU seconds for one evaluation, to be passed as ``driver_time``.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.

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
