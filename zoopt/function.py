"""minimize: the function form of optimization, in the style of SciPy."""

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
    pruner: Any = None,
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
    """Minimize a function that can only be evaluated.

    The function may be noisy, discontinuous or slow, and may sometimes fail. No derivatives are
    used.

    Parameters
    ----------
    fun : callable
        The objective. With bounds or a list of dimensions it is called as ``fun(x) -> number``,
        where x is a 1-D array. It holds floats if all dimensions are `Real`, integers if all are
        `Integer`, booleans if all are ``Choice([False, True])``, and otherwise objects. With "poss"
        and "ponss", dimensions ``Integer(0, 1)`` also give booleans. With named dimensions the
        objective is called as ``fun(**point) -> number``. If its signature has an argument ``rng``
        or ``seed``, it gets a `numpy.random.Generator` or an int, derived from the seed of the run
        and the number of the evaluation. An argument ``trial`` gets a `RunningTrial`, to which the
        function reports intermediate values. An argument that is bound by `functools.partial` or is
        the name of a dimension is not passed in this way.
    space : sequence, mapping or Space
        The search space: a list of ``(low, high)`` pairs and of `Real`, `Integer` and `Choice`, or
        a dictionary from names to these.
    budget : int
        Number of evaluations. The run never uses more. It uses fewer only if something stops it.
    algorithm : str or callable, optional
        Name of a solver, such as "sracos" (default), "racos" or "random", or a callable that makes
        one from the space and ``budget``, ``seed`` and ``x0``: a solver class, or
        ``functools.partial(zoopt.SRacos, uncertain_bits=3)``.
    noisy : bool, optional
        Whether values at the same point differ from call to call. If True, the algorithm is
        `NoisyRace`, and `Result.fun` is the mean of ``nfev_x`` values with the standard error
        ``fun_std``.
    seed : int, SeedSequence or None, optional
        The same seed gives the same serial run, and the same parallel run if ``window`` is set.
        With None, the seed is drawn; see `Result.seed`.
    x0 : point, list of points or DataFrame, optional
        Points to evaluate first. A value for which ``Space.contains`` is true is taken as one
        point; in one dimension a bare value is a point too. A Series and the columns of a DataFrame
        are read by label if the dimensions have names.
    known : iterable, DataFrame, History, Result or path, optional
        Points with values from elsewhere, such as an earlier run. They are reported to the solver
        before its first proposal and cost no evaluations. See the notes.
    constraint : callable or sequence of callables, optional
        Called with the same point as ``fun``, at every evaluation. A point is feasible if all
        numbers that the constraints return are at least 0. Feasible points rank by value;
        infeasible points rank after them, by violation. If a constraint raises, or returns NaN or a
        boolean, the evaluation is invalid.
    filter : callable, optional
        Called with the same point as ``fun``, in this process. Points for which it returns a false
        value are not evaluated and do not count toward the budget. `NothingFeasible` is raised when
        it has rejected 1,000 points in a row, or every point of a smaller space.
    delta : callable, optional
        ``delta(step)`` returns the value of ``fun`` after a change of a few dimensions, or a tuple
        of that value and a state; see `Step`. ``fun`` is still called for the first points and for
        uniform samples, and may also return such a tuple. Works with "sracos" and "racos", without
        names, and with evaluations in this process or its threads. Constraints and the filter get
        whole points. If the first three calls of ``delta`` all fail, its error is raised, unless
        ``on_error="record"``.
    workers : int, optional
        Number of parallel evaluations. Two or more run in worker processes, unless ``backend`` says
        otherwise.
    backend : {"serial", "thread", "process", "ray"}, executor or None, optional
        Where evaluations run. Pass a configured executor, such as
        `zoopt.distributed.RayExecutor`, for finer control, or a `concurrent.futures.Executor`,
        which is left open at the end. For processes and Ray, the objective and everything it
        refers to must pickle (with cloudpickle).
    window : int, optional
        Largest number of proposed points for which the solver has no result yet. Results are
        reported to the solver in the order of the proposals. A parallel run with a window depends
        on the seed and the window alone, not on the number of workers or their timing.
    pruner : {"median", "percentile", "halving", "hyperband"} or Pruner, optional
        The rule by which ``trial.should_prune()`` stops evaluations early, for a ``fun`` with an
        argument ``trial``. The names stand for `MedianPruner`, `PercentilePruner`,
        `SuccessiveHalvingPruner` and `HyperbandPruner` with their default settings. By default
        nothing is pruned.
    checkpoint : path, optional
        File that stores the run. If it exists, the run in it continues exactly where it stopped.
        See `resume`.
    time_budget : float, optional
        Seconds from the start of the run. Worker processes and Ray workers are stopped at that
        time; other backends finish the running calls first.
    eval_timeout : float, optional
        Seconds after which a single evaluation is stopped. Needs worker processes, which are then
        the default, or ``backend="ray"``. A configured executor has its own.
    retries : int, optional
        How often an evaluation is tried again if its worker dies.
    on_error : {"auto", "raise", "record"}, optional
        What to do when ``fun`` raises or returns no number. "raise" raises the error. "record"
        records a failed evaluation. "auto" raises the first error if the first three calls all
        raise or return no number (NaN counts as a number here). Otherwise it records failures, with
        one warning.
    max_failures : int, optional
        Stop when more than this number of evaluations have failed.
    terminal_value : float, optional
        Stop when the best value is at most this.
    keep_points : bool or int, optional
        How many of the last points `Result.trials` holds: True for all, False for none. By default,
        all of them if ``budget * n_columns * 8`` is below 64 million bytes; otherwise the last
        1,000, or as many as fit into that memory. With ``delta``, no points are held by default
        unless all of them fit.
    stop : callable, optional
        ``stop(search)`` is called after each evaluation; a true value stops the run.
    callbacks : callable, object, or iterable of these, optional
        Functions ``f(search)`` called after each evaluation, or objects with methods ``on_start``,
        ``on_tell`` and ``on_end``; see `Callback`. StopIteration stops the run.
    vectorized : bool, optional
        Whether ``fun`` evaluates many points at once: it gets a matrix with one point per row, or
        with named dimensions one array per name, and returns one value per point. Constraints are
        called in the same way.
    progress : bool, optional
        Whether to show a progress bar on a terminal.
    verbosity : int, optional
        1 prints the result; 2 also prints the best value every 100 evaluations.

    Returns
    -------
    Result
        The best point with its value, and the record of the run. ``success`` is False if no
        evaluation succeeded, in which case ``x`` is None, or if no point was feasible, in which
        case ``x`` is the point of least violation.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong. The message names the argument. Raised before any evaluation.
    Exception
        The exception that the objective raised, if ``on_error`` lets it end the run. Its attribute
        ``zoopt_result`` is the Result of the evaluations so far.
    JournalError
        If ``checkpoint`` holds a different run, or the file cannot be used.
    NothingFeasible
        If ``filter`` rejects 1,000 points in a row, or every point of a smaller space.

    See Also
    --------
    resume : Continue a run from its checkpoint.
    Opt.min : The same with the classes of ZOOpt.

    Notes
    -----
    ``known`` takes these forms:

    - pairs ``(point, value)``; instead of a number the value may be an `Evaluation`, which also has
      a violation of the constraints;
    - a pandas DataFrame with one column per dimension and a column ``value``, and possibly the
      other columns that `Result.to_frame` makes. Without names, the dimensions are read from the
      columns ``x0``, ``x1``, ...; if these are missing, from all remaining columns in their order;
      there must be as many of these as dimensions. With names, unknown columns are an error;
    - a `History`, a `Result`, or the path of a checkpoint file.

    Some known points are left out, with one warning that counts them: points outside the space,
    points with the value NaN or None, and trials of a `History` or `Result` whose point was not
    kept. If the best point is a known one, `Result.from_known` is True.

    Examples
    --------
    >>> import zoopt
    >>> result = zoopt.minimize(lambda x: ((x - 0.2) ** 2).sum(), [(-1, 1)] * 3, budget=300, seed=1)
    >>> bool(result.fun < 0.05), result.nfev
    (True, 300)

    Named dimensions of different types:

    >>> result = zoopt.minimize(
    ...     lambda lr, layers: abs(lr - 0.01) + layers,
    ...     {"lr": zoopt.Real(1e-4, 1, log=True), "layers": zoopt.Integer(1, 4)},
    ...     budget=100,
    ...     seed=1,
    ... )
    >>> result.x["layers"]
    1

    A second run that starts from the values of the first:

    >>> again = zoopt.minimize(
    ...     lambda lr, layers: abs(lr - 0.01) + layers,
    ...     {"lr": zoopt.Real(1e-4, 1, log=True), "layers": zoopt.Integer(1, 4)},
    ...     budget=50,
    ...     seed=2,
    ...     known=result,
    ... )
    >>> again.fun <= result.fun
    True
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
        pruner=pruner,
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
    """Run the search that `minimize` or `resume` has set up."""
    if verbosity > 1:
        options.callbacks = (*options.callbacks, _PrintBest())
    view = view_for(space)
    call = Calls(
        fun,
        view,
        seed=seed,
        constraints=Constraints(options.constraint),
        pruner=options.pruner,
    )
    options.check_trial(call.takes_trial)
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
