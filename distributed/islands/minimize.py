"""The function `minimize_islands`: several searches on Ray that exchange their best points."""

import contextlib
import functools
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from zoopt.core.checks import number, whole
from zoopt.core.registry import solver_factory
from zoopt.core.seeds import Seed, spawn_seed
from zoopt.core.solver import Solver
from zoopt.distributed.islands.archipelago import Archipelago
from zoopt.distributed.islands.island import IslandSearch
from zoopt.distributed.islands.mailbox import Mailbox, header_in
from zoopt.distributed.ray.connection import address_of, claims_of, connected, ray_of
from zoopt.function import minimize, settings_of
from zoopt.problem.calls import point_of
from zoopt.problem.constraints import Constraints
from zoopt.problem.header import described_seed, restored_seed, seed_of_run
from zoopt.run.result import Result

__all__ = ["IslandsResult", "minimize_islands"]


@dataclass(frozen=True)
class IslandsResult:
    """The result of `minimize_islands`.

    Attributes
    ----------
    x : array, dict or list
        The best point. If no point is feasible, the point of least violation; if no evaluation
        succeeded, None.
    fun : float
        Its value.
    success : bool
        Whether a feasible point was found.
    status : str
        "terminal_value" if an island reached it, "interrupted" after Ctrl-C, "lost" if an island
        did not finish; otherwise the most frequent status of the islands, see `zoopt.Result`.
    message : str
        The status in words.
    nfev, n_failed : int
        Number of evaluations, and of failed ones, over all islands.
    n_restarts : int
        How often an island was restarted because its worker or node was lost.
    walltime : float
        Seconds, without the start of Ray.
    seed : int or SeedSequence
        The seed of the run.
    islands : list of Result or None
        The result of each island; None for an island that did not finish.
    """

    x: Any
    fun: float
    success: bool
    status: str
    message: str
    nfev: int
    n_failed: int
    n_restarts: int
    walltime: float
    seed: Any
    islands: list[Result | None] = field(repr=False)


def minimize_islands(
    fun: Callable[..., Any],
    space: Any,
    *,
    budget: int,
    islands: int,
    exchange: int = 10,
    lag: int = 1,
    algorithm: str | Callable[..., Solver] | None = None,
    seed: Seed = None,
    x0: Any = None,
    constraint: Any = None,
    filter: Callable[..., Any] | None = None,
    workers: int = 1,
    backend: str | None = None,
    window: int | None = None,
    checkpoint: Any = None,
    time_budget: float | None = None,
    eval_timeout: float | None = None,
    retries: int = 2,
    on_error: str = "auto",
    max_failures: int | None = None,
    terminal_value: float | None = None,
    vectorized: bool = False,
    address: str | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    memory: float | None = None,
    resources: Mapping[str, float] | None = None,
    runtime_env: dict[str, Any] | None = None,
    node_timeout: float = 30.0,
    start_timeout: float = 600.0,
) -> IslandsResult:
    """Minimize by several simultaneous searches that exchange their best points.

    Use it when one driver cannot keep up: above about 2,000 evaluations per second on Ray.
    Each island is a Ray actor that runs its own solver and driver; it evaluates by itself or with
    its own workers. For slower objectives, and with few islands, `zoopt.minimize` with workers
    finds better values from the same budget, because one search uses all results.

    After every `exchange` evaluations an island shows its best point. It adopts the best point
    that the other islands showed `lag` exchanges earlier, if that is better than its own. Points
    are matched by the number of the exchange, not by time. The same seed therefore gives the same
    result on every cluster; if islands have workers, this also needs ``window``.

    Parameters
    ----------
    fun, space, algorithm, constraint, filter, on_error, vectorized
        As in `zoopt.minimize`.
    budget : int
        Number of evaluations of all islands together.
    islands : int
        Number of islands, at most ``budget``.
    exchange : int
        Number of evaluations of an island between two exchanges. An exchange takes about 2 ms.
        Rare exchanges give worse values.
    lag : int
        Age of the points that islands adopt, in exchanges. An island can be this far ahead of the
        slowest one before it waits; with 0 every exchange waits for all islands.
    seed : int, SeedSequence or None
        The same seed gives the same run; islands with workers also need ``window``.
    x0 : point or list of points, optional
        Points that the first island evaluates first.
    workers, backend, window, eval_timeout
        As in `zoopt.minimize`, for each island. ``backend`` must be None or a name.
    checkpoint : path, optional
        A folder, visible to all nodes, that stores the run. If it already holds a run, that run
        continues.
        Without a checkpoint, an island that loses its worker starts again and receives the same
        points again.
    time_budget, max_failures, terminal_value
        As in `zoopt.minimize`, for each island. When an island reaches the terminal value, the
        others stop at one of their next exchanges.
    retries : int
        How often an island that was lost without making progress is restarted.
    address, num_cpus, num_gpus, memory, resources, runtime_env, node_timeout, start_timeout
        As in `RayExecutor`, for the actors of the islands. All of them must fit on the cluster at
        once.

    Returns
    -------
    IslandsResult

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid; raised before the first evaluation.
    ImportError
        If Ray is not installed.
    JournalError
        If the checkpoint belongs to another run or cannot be used.
    ExecutorError
        If islands cannot be started, cannot load the objective, or are all lost.

    Examples
    --------
    >>> from zoopt.distributed import minimize_islands
    >>> result = minimize_islands(simulate, space, budget=10**6, islands=16)  # doctest: +SKIP
    """
    if backend is not None and not isinstance(backend, str):
        raise TypeError(f"backend must be None or the name of a backend, got {backend!r}")
    common: dict[str, Any] = {
        "constraint": constraint,
        "filter": filter,
        "workers": workers,
        "backend": backend,
        "window": window,
        "time_budget": time_budget,
        "eval_timeout": eval_timeout,
        "on_error": on_error,
        "max_failures": max_failures,
        "terminal_value": terminal_value,
        "vectorized": vectorized,
    }
    given, options, _ = settings_of(fun, space, x0, budget=budget, **common)
    if not callable(algorithm):
        solver_factory("sracos" if algorithm is None else algorithm)
    budget, n = options.budget, whole(islands, "islands", least=1)
    if n > budget:
        raise ValueError(f"islands must be at most the budget, {budget}, got {n}")
    every, lag = whole(exchange, "exchange", least=1), whole(lag, "lag", least=0)
    address, ray = address_of(address), ray_of()
    if runtime_env is not None and not isinstance(runtime_env, Mapping):
        raise TypeError(f"runtime_env must be a dict, got {runtime_env!r}")
    of_actors: dict[str, Any] = {
        "lag": lag,
        "retries": whole(retries, "retries", least=0),
        "claims": claims_of(num_cpus, num_gpus, memory, resources),
        "runtime_env": runtime_env if ray.is_initialized() else None,
        "node_timeout": number(node_timeout, "node_timeout", least=0.0),
        "start_timeout": number(start_timeout, "start_timeout", least=0.0),
    }
    folder = None if checkpoint is None else Path(checkpoint).absolute()
    mails = None if folder is None else folder / "mailbox.db"
    root = _root(seed, mails)
    functions = (fun, *Constraints(constraint).functions, *([filter] if filter else []))
    search = IslandSearch(
        functools.partial(minimize, fun, given, algorithm=algorithm, **common), functions, every
    )
    settings = [
        {
            "budget": budget // n + (i < budget % n),
            "seed": spawn_seed(root, "island", i),
            "x0": x0 if i == 0 else None,
            "checkpoint": None if folder is None else str(folder / f"island-{i}.db"),
        }
        for i in range(n)
    ]
    header = {
        "islands": n,
        "exchange": every,
        "lag": lag,
        "budget": budget,
        "seed": described_seed(root),
    }
    status, results = "", []
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        mailbox = stack.enter_context(contextlib.closing(Mailbox(n, mails, header)))
        claimed = of_actors["claims"].get("CPU", 0.0)
        stack.enter_context(connected(ray, address, n * claimed, runtime_env))
        started = perf_counter()
        archipelago = Archipelago(ray, search, settings, mailbox, **of_actors)
        stack.enter_context(contextlib.closing(archipelago))
        try:
            archipelago.run()
        except KeyboardInterrupt:
            status = "interrupted"
        results = archipelago.results
        posts = [mailbox.last(i) for i in range(n)]
        walltime = perf_counter() - started
        n_restarts = archipelago.n_restarts
    shown = [
        (post.value, point_of(given, np.frombuffer(post.u)))
        for post in posts
        if post is not None and post.u is not None
    ]
    nfev = sum(
        result.nfev if result is not None else 0 if post is None else post.nfev
        for result, post in zip(results, posts, strict=True)
    )
    return _combined(
        results,
        shown,
        status=status or _status(results),
        nfev=nfev,
        n_restarts=n_restarts,
        walltime=walltime,
        seed=root if root.spawn_key else root.entropy,
    )


def _combined(
    results: list[Result | None], shown: list[tuple[float, Any]], **known: Any
) -> IslandsResult:
    """Return the result of all islands, from their results and the points they have shown."""
    finished = [result for result in results if result is not None]
    found = [(result.fun, result.x) for result in finished if result.success] + shown
    closest = min(
        (result for result in finished if result.x is not None),
        key=lambda result: (result.maxcv, result.fun),
        default=None,
    )
    nothing = (math.nan, None) if closest is None else (closest.fun, closest.x)
    fun, x = min(found, key=lambda pair: pair[0], default=nothing)
    message = f"{len(results)} islands stopped after {known['nfev']} evaluations: {known['status']}"
    if not found:
        missing = "no evaluation succeeded" if closest is None else "no feasible point was found"
        message = f"{message}; {missing}"
    return IslandsResult(
        x=x,
        fun=fun,
        success=bool(found),
        message=message,
        n_failed=sum(result.n_failed for result in finished),
        islands=results,
        **known,
    )


def _root(seed: Seed, mails: Path | None) -> np.random.SeedSequence:
    """Return the given seed, the one stored in the mailbox, or a new one."""
    header = header_in(mails) if mails is not None and seed is None else None
    return seed_of_run(seed) if header is None else restored_seed(header["seed"])


def _status(results: list[Result | None]) -> str:
    statuses = ["lost" if result is None else result.status for result in results]
    for first in ("terminal_value", "lost"):
        if first in statuses:
            return first
    return statistics.mode(statuses)
