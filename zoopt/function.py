"""minimize: the function form, for users of SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import solver_factory
from zoopt.core.seeds import Seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.problem.calls import Calls, Filter, view_for
from zoopt.problem.constraints import Constraints
from zoopt.problem.header import mark_of, seed_of_run
from zoopt.problem.known import known_points
from zoopt.problem.options import Options
from zoopt.problem.plan import Plan
from zoopt.problem.starts import start_points
from zoopt.problem.steps import Step, check_steps
from zoopt.run.callbacks import Callback, as_callbacks
from zoopt.run.result import Result
from zoopt.run.view import SearchView
from zoopt.wrappers import NoisyRace

__all__ = ["minimize", "settings_of"]


def minimize(
    fun: Callable[..., Any],
    space: Any,
    *,
    budget: int,
    algorithm: str | Callable[..., Solver] | None = None,
    noisy: bool = False,
    seed: Seed = None,
    x0: Any = None,
    known: Any = None,
    constraint: Any = None,
    filter: Callable[..., Any] | None = None,
    delta: Callable[[Step], Any] | None = None,
    workers: int = 1,
    backend: Any = None,
    window: int | None = None,
    checkpoint: Any = None,
    time_budget: float | None = None,
    eval_timeout: float | None = None,
    retries: int = 2,
    on_error: str = "auto",
    max_failures: int | None = None,
    terminal_value: float | None = None,
    keep_points: bool | int | None = None,
    stop: Callable[[SearchView], Any] | None = None,
    callbacks: Any = (),
    vectorized: bool = False,
    progress: bool = False,
    verbosity: int = 0,
) -> Result:
    """Minimize a function that can only be tried.

    Parameters
    ----------
    fun : callable
        With bounds ``fun(x) -> number``, x a 1-D array (of objects if the space is mixed); with
        named dimensions ``fun(**point) -> number``. If its signature names ``rng`` or ``seed``,
        and no dimension has that name, it gets one derived from the run's seed and the number of
        the evaluation.
    space : sequence, mapping or Space
        ``(low, high)`` pairs, or names with `Real`, `Integer` and `Choice`.
    budget : int
        Objective calls: never more, and fewer only if something stops the run.
    algorithm : str or callable, optional
        "sracos" (default), "racos", "random" or another registered name; or what makes a solver
        when called with the space and ``budget``, ``seed`` and ``x0``, such as a solver class or
        ``functools.partial(zoopt.SRacos, uncertain_bits=3)``.
    noisy : bool
        Whether the same point may give another value each time: the algorithm is `NoisyRace` then,
        and `Result.fun` a mean of ``nfev_x`` values with the standard error ``fun_std``.
    seed : int, SeedSequence or None
        Same seed, same run.
    x0 : point or list of points, optional
        Evaluated first.
    workers : int
        Evaluations at once. More than one are worker processes, unless backend says otherwise.
    backend : {"serial", "thread", "process", "ray"}, executor or concurrent.futures.Executor
        Who evaluates; an executor such as `zoopt.distributed.RayExecutor` for settings of its own.
        The objective, and what it refers to, must pickle (cloudpickle) for processes and Ray. A
        pool of the user's own is left open at the end.
    window : int, optional
        Most evaluations chosen without each other's results. With it the run depends on the seed
        and the window alone, not on the number of workers or their timing.
    checkpoint : path, optional
        A file that keeps the run: one that is there goes on where it ended, whatever ended it,
        exactly as if nothing had. See `resume`.
    eval_timeout : float, optional
        Seconds after which one evaluation is stopped; needs processes and chooses them.
    retries : int
        How often an evaluation whose worker process died is tried again.
    constraint : callable or sequence of callables, optional
        Called as ``fun`` is, beside it; a point is feasible if what it returns, a number or an
        array, is at least 0. Feasible points rank by value, before infeasible ones by violation.
        One that raises or returns NaN makes the evaluation invalid.
    filter : callable, optional
        Called as ``fun`` is, in this process, before anything is spent: points for which it returns
        something false are not evaluated. When it rejected 1,000 in a row, `NothingFeasible` is
        raised.
    delta : callable, optional
        ``delta(step)`` returns the value that ``fun`` would return after a change of few
        dimensions, or that value and a state; see `Step`. ``fun`` is called for the first points
        and uniform samples, and may return a state beside its value too. Needs sracos or racos,
        bounds without names, and evaluations in this process, or in its threads. A constraint and
        a filter still get whole points. If its first three calls all fail, its error is raised,
        unless on_error is "record".
    time_budget : float, optional
        Seconds from the start. Worker processes are stopped then; otherwise it is tested between
        calls.
    on_error : {"auto", "raise", "record"}
        "auto": if the first three calls all raise or return no number, their error is raised;
        later ones are recorded, with one warning.
    max_failures : int, optional
        Stop when more evaluations than this were not ok.
    terminal_value : float, optional
        Stop when the best value is at most this.
    keep_points : bool or int, optional
        How many of the last points `Result.trials` holds: True for all, False for none. By default
        all of them while ``budget * n_columns * 8`` stays below 64 million bytes, and otherwise the
        last 1,000, or as many as fit into that memory. With ``delta``, all or none.
    stop : callable, optional
        ``stop(search)`` after each evaluation; a truthy answer stops.
    callbacks : iterable
        Functions ``f(search)``, or objects with ``on_start``, ``on_tell``, ``on_end``;
        StopIteration stops.
    vectorized : bool
        ``fun`` gets a matrix, one point a row (with named dimensions: one array a name), and
        returns as many values.
    progress : bool
        Show a live line, on a terminal.
    verbosity : int
        1 prints the result, 2 also the best so far every 100 evaluations.

    Returns
    -------
    Result
        With ``success=False`` if no evaluation was ok, or none feasible: ``x`` is then the point
        of least violation.

    Raises
    ------
    TypeError, ValueError
        Bad input, named, before any evaluation is spent.

    Examples
    --------
    >>> import zoopt
    >>> result = zoopt.minimize(lambda x: ((x - 0.2) ** 2).sum(), [(-1, 1)] * 3, budget=300, seed=1)
    >>> bool(result.fun < 0.05), result.nfev
    (True, 300)
    >>> result = zoopt.minimize(
    ...     lambda lr, layers: abs(lr - 0.01) + layers,
    ...     {"lr": zoopt.Real(1e-4, 1, log=True), "layers": zoopt.Integer(1, 4)},
    ...     budget=100,
    ...     seed=1,
    ... )
    >>> result.x["layers"]
    1
    """
    given, options, starts = settings_of(
        fun,
        space,
        x0,
        budget=budget,
        time_budget=time_budget,
        terminal_value=terminal_value,
        keep_points=keep_points,
        stop=stop,
        callbacks=callbacks,
        on_error=on_error,
        max_failures=max_failures,
        workers=workers,
        backend=backend,
        window=window,
        checkpoint=checkpoint,
        eval_timeout=eval_timeout,
        retries=retries,
        constraint=constraint,
        filter=filter,
        delta=delta,
        vectorized=vectorized,
        progress=progress,
    )
    if noisy and algorithm is not None:
        raise ValueError(f"noisy=True chooses the algorithm itself, got algorithm={algorithm!r}")
    return run_function(
        fun,
        given,
        NoisyRace.name if noisy else algorithm,
        seed_of_run(seed, checkpoint),
        options,
        x0=starts,
        known=known_points(given, known),
        verbosity=verbosity,
    )


def settings_of(
    fun: Callable[..., Any], space: Any, x0: Any, *, budget: Any, callbacks: Any = (), **more: Any
) -> tuple[Space, Options, list[Candidate]]:
    """Check the arguments of `minimize`; return the space, the options and the initial points."""
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {fun!r}")
    given = Space(space) if not isinstance(space, Space) else space
    budget = whole(budget, "budget", least=1, fractions=True)
    options = Options(budget, callbacks=as_callbacks(callbacks), **more)
    options.check()
    if options.delta is not None:
        check_steps(fun, options.delta)
        if given.names is not None:
            raise ValueError("delta needs a space without names: bounds, or a list of dimensions")
    return given, options, start_points(given, x0)


def run_function(
    fun: Callable[..., Any],
    space: Space,
    algorithm: str | Callable[..., Solver] | None,
    seed: np.random.SeedSequence,
    options: Options,
    *,
    x0: list[Candidate],
    known: list[tuple[Candidate, Evaluation]],
    verbosity: int = 0,
) -> Result:
    """Run the search that `minimize` or `resume` has put together."""
    if verbosity > 1:
        options.callbacks = (*options.callbacks, _PrintBest())
    view = view_for(space)
    call = Calls(fun, view, seed=seed, constraints=Constraints(options.constraint))
    named: Any = "sracos" if algorithm is None or callable(algorithm) else algorithm
    factory = algorithm if callable(algorithm) else solver_factory(named)
    plan = Plan(
        surface="minimize",
        algorithm=f"<{mark_of(algorithm)}>" if callable(algorithm) else named.lower(),
        factory=factory,
        space=space,
        seed=seed,
        options=options,
        evaluate=call,
        evaluate_many=call.many,
        decode=view.one,
        passes=None if options.filter is None else Filter(options.filter, view),
        solver_options=lambda planned: {},
        x0=x0,
        known=known,
    )
    result, _ = plan.execute()
    if verbosity > 0:
        print(result)
    return result


class _PrintBest(Callback):
    def on_tell(self, search: SearchView, candidate: Any, evaluation: Any) -> None:
        best = search.best
        if search.nfev % 100 == 0 and best is not None:
            print(f"[zoopt] {search.nfev} evaluations, best {best.value:.6g}: {best.x}")
