"""resume: continue a run from its checkpoint file."""

import os
from collections.abc import Callable
from typing import Any

from zoopt.core.evaluation import Evaluation
from zoopt.core.space import Space
from zoopt.function import run_function
from zoopt.objective import Objective
from zoopt.opt import options_of, run_objective
from zoopt.parameter import Parameter
from zoopt.problem.algorithm import isolation_of, space_of
from zoopt.problem.header import restored_seed, unpacked
from zoopt.problem.options import Options
from zoopt.pruning import restored
from zoopt.run.callbacks import one_or_several
from zoopt.run.journal import read_header

__all__ = ["resume"]


def resume(
    path: str | os.PathLike[str],
    objective: Any,
    *,
    space: Any = None,
    solver: Callable[..., Any] | None = None,
    constraint: Any = None,
    filter: Callable[..., Any] | None = None,
    delta: Callable[..., Any] | None = None,
    parameter: Parameter | None = None,
    budget: int | None = None,
    workers: int | None = None,
    backend: Any = None,
    pruner: Any = None,
    stop: Callable[..., Any] | None = None,
    callbacks: Any = (),
    progress: bool = False,
) -> Any:
    """Continue a run where its checkpoint file ends, exactly as if it had not been interrupted.

    The evaluations in the file are reported again, in their order, to the solver, the stop rules
    and the callbacks. Evaluations that were in flight are repeated with the same numbers and seeds.
    For a finished run, the result is returned at once unless ``budget`` is larger than before.

    Parameters
    ----------
    path : path
        The file that was passed as ``checkpoint``.
    objective : callable or Objective
        The function that was passed to `minimize`, or the Objective that was passed to `Opt.min`.
    space : Space, sequence or mapping, optional
        Needed if choices are objects that the file cannot hold.
    solver : callable, optional
        Needed if ``algorithm`` was a class or another callable.
    constraint, filter, delta : callable, optional
        Needed if they were passed to `minimize`. An Objective has its own constraint and delta, and
        a Parameter its own filter. States that ``delta`` needs are computed again; these calls do
        not count toward the budget.
    parameter : Parameter, optional
        Only for an Objective. Needed if it has a stopping criterion or an isolation function;
        otherwise the settings in the file are used.
    budget : int, optional
        A larger budget than before, to continue after the planned end.
    workers, backend : optional
        As in `minimize`. They may differ from those of the interrupted run.
    pruner : Pruner, optional
        Needed if the run has a pruner of your own class.
    stop, callbacks, progress : optional
        As in `minimize`.

    Returns
    -------
    Result or Solution
        A Solution for an Objective, otherwise a Result.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    JournalError
        If the file cannot be used. It is left unchanged.
    TypeError, ValueError
        If an argument is wrong, or if something that the file cannot hold was not passed again. The
        message names it.

    See Also
    --------
    load_history : Read the evaluations without continuing the run.

    Examples
    --------
    >>> import os, tempfile, zoopt
    >>> path = os.path.join(tempfile.mkdtemp(), "run.db")
    >>> sphere = lambda x: float((x**2).sum())
    >>> _ = zoopt.minimize(sphere, [(-1, 1)] * 3, budget=100, seed=0, checkpoint=path)
    >>> zoopt.resume(path, sphere, budget=150).nfev
    150
    """
    header = read_header(path)
    run, limits = header["run"], header["limits"]
    functions = {"constraint": constraint, "delta": delta, "pruner": pruner}
    _check_kind(path, run["surface"], objective, parameter, **functions)
    if isinstance(objective, Objective):
        given = space_of(objective.get_dim())
    else:
        given = _space(path, run, space)
    if parameter is None:
        options = Options(budget=header["budget"], window=run["window"], **limits)
        options.vectorized, options.stop = run["vectorized"], stop
        options.constraint, options.filter, options.delta = constraint, filter, delta
        described = run.get("pruner")
        is_ours = pruner is None and isinstance(described, dict)
        options.pruner = restored(described) if is_ours else pruner
        if isinstance(objective, Objective):
            options.constraint = objective.get_constraint()
            options.delta = objective.get_delta()
    else:
        options = options_of(objective, parameter)
    options.checkpoint = path
    options.callbacks = [*options.callbacks, *one_or_several(callbacks)]
    options.progress = options.progress or progress
    for name, value in (("budget", budget), ("workers", workers), ("backend", backend)):
        if value is not None:
            setattr(options, name, value)
    if run["stop"] is not None and options.stop is None:
        wanted = "parameter" if isinstance(objective, Objective) else "stop"
        raise ValueError(f"{wanted} must be passed again: the run has the stop rule {run['stop']}")
    for name in ("constraint", "filter", "delta", "pruner"):
        value = getattr(options, name)
        if run.get(name) is not None and value is None:
            raise ValueError(f"{name} must be passed again: the run has one")
    seed = restored_seed(run["seed"])
    x0 = [unpacked(text, given) for text in run["x0"]]
    known = [
        (unpacked(text, given), Evaluation(value, violation=violation[0] if violation else 0.0))
        for text, value, *violation in run["known"]
    ]
    options.check()
    if isinstance(objective, Objective):
        settings = parameter if parameter is not None else Parameter(budget=max(3, options.budget))
        solver_options = dict(run["options"])
        if solver_options.get("isolation") is not None:
            if parameter is None:
                raise ValueError(
                    "parameter must be passed again: the run has an isolation function"
                )
            solver_options["isolation"] = isolation_of(parameter)
        elif not settings.is_default("isolationFunc"):
            raise ValueError("parameter has an isolationFunc, but the run has none")
        return run_objective(
            objective,
            settings,
            algorithm=run["algorithm"],
            space=given,
            seed=seed,
            options=options,
            solver_options=lambda planned: solver_options,
            x0=x0,
            known=known,
        )
    if solver is None and run["algorithm"].startswith("<"):
        raise ValueError(
            f"solver must be passed again: the run was started with algorithm={run['algorithm']}"
        )
    return run_function(
        objective,
        given,
        run["algorithm"] if solver is None else solver,
        seed,
        options,
        x0=x0,
        known=known,
    )


def _check_kind(
    path: Any, surface: str, objective: Any, parameter: Parameter | None, **functions: Any
) -> None:
    if isinstance(objective, Objective) != (surface == "Opt.min"):
        wanted = "an Objective" if surface == "Opt.min" else "the function that was minimized"
        raise TypeError(
            f"{os.fspath(path)} is a run of {surface}: objective must be {wanted}, got "
            f"{objective!r}"
        )
    if not isinstance(objective, Objective) and not callable(objective):
        raise TypeError(f"objective must be callable, got {objective!r}")
    if parameter is not None and not isinstance(objective, Objective):
        raise TypeError("parameter needs an Objective: runs of minimize have no Parameter")
    for name, function in functions.items():
        if function is not None and isinstance(objective, Objective):
            raise TypeError(f"{name} must not be passed with an Objective, which has its own")


def _space(path: Any, run: dict[str, Any], space: Any) -> Space:
    if space is not None:
        return space if isinstance(space, Space) else Space(space)
    try:
        return Space.restore(run["space"])
    except ValueError as error:
        raise ValueError(
            f"space must be passed again: {os.fspath(path)} cannot hold it, since {error}"
        ) from None
