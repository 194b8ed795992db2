"""Opt.min: the entry point of the ZOOpt API, a thin layer over the solvers and the loop."""

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.defaults import gl
from zoopt.core.errors import AllEvaluationsFailed, EvaluationWarning
from zoopt.core.evaluation import Best, Evaluation
from zoopt.core.registry import make_solver, solver_factory
from zoopt.core.solver import Solver
from zoopt.core.space import Row, Space
from zoopt.objective import Objective
from zoopt.parameter import DefaultStoppingCriterion, Parameter
from zoopt.problem.algorithm import algorithm_of, is_parallel, sizes_of, space_of, wrapped
from zoopt.problem.calls import Calls, Filter
from zoopt.problem.constraints import Constraints
from zoopt.problem.header import seed_of_run
from zoopt.problem.known import known_points
from zoopt.problem.options import Options
from zoopt.problem.plan import Plan
from zoopt.problem.starts import initial_samples, judged
from zoopt.problem.steps import check_steps
from zoopt.run.callbacks import Callback, one_or_several
from zoopt.run.view import SearchView
from zoopt.solution import AttachingView, Solution, SolutionView

__all__ = ["Opt", "OptContent", "minimize_objective"]


class Opt:
    """Entry points of the ZOOpt API; all methods are static.

    Examples
    --------
    >>> from zoopt import Dimension, Objective, Opt, Parameter
    >>> objective = Objective(
    ...     lambda solution: sum((v - 0.2) ** 2 for v in solution.get_x()),
    ...     Dimension(3, [[-1, 1]] * 3, [True] * 3),
    ... )
    >>> Opt.min(objective, Parameter(budget=300, seed=1)).get_value() < 0.05
    True
    """

    @staticmethod
    def min(objective: Objective, parameter: Parameter) -> Solution:
        """Minimize an objective.

        Parameters
        ----------
        objective : Objective
            Function, space and constraint. Its history gets the value of each evaluation.
        parameter : Parameter
            All settings of the run.

        Returns
        -------
        Solution
            The best point. Its attribute ``result`` is the `Result` of the run. If no point was
            feasible, the one of least violation, with an `EvaluationWarning`.

        Raises
        ------
        TypeError, ValueError
            If a setting is wrong or has no effect. The message names it. Raised before any
            evaluation.
        Exception
            The objective's own error, if its first three calls all raise or return no number; with
            ``on_error="raise"``, at the first failure.
        AllEvaluationsFailed
            If no evaluation succeeded. Its ``result`` lists the failures.

        Examples
        --------
        >>> from zoopt import Dimension, Objective, Parameter
        >>> objective = Objective(lambda s: abs(s.get_x()[0]), Dimension(1, [[-1, 1]], [True]))
        >>> solution = Opt.min(objective, Parameter(budget=50, seed=0))
        >>> solution.result.nfev
        50
        """
        return minimize_objective(objective, parameter)

    @staticmethod
    def set_global(parameter: Parameter) -> None:
        """Make the precision and the seed of a parameter the defaults of later runs.

        Parameters
        ----------
        parameter : Parameter
            A precision or a seed that the parameter does not set stays as it is.
        """
        if parameter.get_precision():
            gl.set_precision(parameter.get_precision())
        if parameter.get_seed() is not None:
            gl.set_seed(parameter.get_seed())


def minimize_objective(
    objective: Objective, parameter: Parameter, seed: Any = None, **solver_options: Any
) -> Solution:
    """Run `Opt.min` with a seed, and with solver options that a Parameter does not have.

    Parameters
    ----------
    objective : Objective
    parameter : Parameter
    seed : int, SeedSequence or None, optional
        Takes precedence over the seed of the parameter.
    **solver_options
        Passed to the solver.

    Returns
    -------
    Solution
    """
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be an Objective, got {objective!r}")
    if not isinstance(parameter, Parameter):
        raise TypeError(f"parameter must be a Parameter, got {parameter!r}")
    if objective.get_func() is None:
        raise ValueError("objective has no func")
    space = space_of(objective.get_dim())
    algorithm = algorithm_of(
        parameter,
        space,
        has_constraint=objective.get_constraint() is not None,
        has_resample_func=objective.own_resample_func is not None,
    )
    unknown, known = _starts(algorithm, space, parameter)
    options = options_of(objective, parameter)
    options.check()  # before the seed is read from the checkpoint
    times = parameter.get_resample_times() if parameter.get_resampling() else 1
    stages = parameter.get_num_sre() if parameter.get_high_dim_handling() else 1
    outermost, outer_options = wrapped(algorithm, parameter, times)
    return run_objective(
        objective,
        parameter,
        algorithm=outermost,
        space=space,
        seed=seed_of_run(parameter.get_seed() if seed is None else seed, parameter.checkpoint),
        options=options,
        solver_options=lambda planned: {
            **outer_options,
            **sizes_of(algorithm, parameter, max(3, planned // times // stages)),
            **solver_options,
        },
        x0=unknown,
        known=known,
    )


def _starts(
    algorithm: str, space: Space, parameter: Parameter
) -> tuple[list[Candidate], list[tuple[Candidate, Evaluation]]]:
    """Return the points that a parameter wants evaluated first, and its known points."""
    if not parameter.get_budget():
        raise ValueError("budget is not set: Parameter(budget=...) or set_budget(...)")
    unknown, known = initial_samples(algorithm, space, parameter.get_init_samples())
    judge = functools.partial(judged, algorithm)
    return unknown, [*known, *known_points(space, parameter.known, judge, stacklevel=5)]


def run_objective(
    objective: Objective,
    parameter: Parameter,
    *,
    algorithm: str,
    space: Space,
    seed: np.random.SeedSequence,
    options: Options,
    solver_options: Callable[[int], dict[str, Any]],
    x0: list[Candidate],
    known: list[tuple[Candidate, Evaluation]],
) -> Solution:
    """Run the search that `Opt.min` or `resume` has put together."""
    options.check()
    if options.delta is not None:
        check_steps(objective.get_func(), options.delta)
        if objective.attaches:
            raise ValueError(
                "delta cannot be combined with inherit functions: a step has no Solution to "
                "attach to"
            )
    solver_options(options.budget)
    objective.parameter_set(parameter)
    view = _view_of(objective, space)
    evaluate = Calls(
        objective.get_func(),
        view,
        seed=seed,
        constraints=Constraints(options.constraint),
        repeat=objective.own_resample_func,
    )
    options.check_trial(evaluate.takes_trial)
    recorder = _Recorder()
    callbacks: list[Any] = [recorder] if objective.attaches else []
    if parameter.get_intermediate_result() or parameter.verbosity > 1:
        callbacks.append(_PrintProgress(parameter.get_intermediate_freq()))
    options.callbacks = [*callbacks, *options.callbacks]
    plan = Plan(
        surface="Opt.min",
        algorithm=algorithm,
        factory=solver_factory(algorithm),
        space=space,
        seed=seed,
        options=options,
        evaluate=evaluate,
        evaluate_many=evaluate.many,
        decode=_decoded,
        passes=None if options.filter is None else Filter(options.filter, SolutionView(space)),
        solver_options=solver_options,
        x0=x0,
        known=known,
        values=objective.get_history(),
    )
    result, solver = plan.execute()
    best = solver.recommend()
    if best is None:
        best = solver.closest
        if best is None:
            raise AllEvaluationsFailed(result.message, result)
        warnings.warn(result.message, EvaluationWarning, stacklevel=4)
    solution = view.valued(best)
    attached, after = (None, None)
    if best.candidate.id >= 0:
        attached, after = recorder.of(best.candidate.id) if solver.repeats else recorder.of_best
        if isinstance(view, AttachingView) and (attached, after) == (None, None):
            attached, after = view.attachments()  # made anew: a checkpoint does not hold them
    solution.set_attach(attached)
    solution.set_post_attach(after)
    solution.result = result
    if parameter.verbosity > 0:
        solution.print_solution()
    return solution


def _view_of(objective: Objective, space: Space) -> SolutionView:
    """Return the view of points for the functions of an objective."""
    if not objective.attaches:
        return SolutionView(space)
    return AttachingView(space, objective.get_inherit_func(), objective.get_post_inherit_func())


def _decoded(candidate: Candidate) -> Any:
    """Return the point of a candidate as an array, or as a dictionary if the space has names."""
    if candidate.space.names is not None:
        return candidate.x
    return candidate.space.decode_array(candidate.u)


def solver_of(
    algorithm: str, space: Space, parameter: Parameter, seed: Any, **options: Any
) -> Solver:
    """Return the solver that a parameter describes, with its known points reported to it."""
    unknown, known = _starts(algorithm, space, parameter)
    options |= sizes_of(algorithm, parameter, parameter.get_budget())
    solver = make_solver(
        algorithm, space, budget=parameter.get_budget(), seed=seed, x0=unknown, **options
    )
    for candidate, evaluation in known:
        solver.tell_point(candidate, evaluation)
    return solver


def options_of(objective: Objective, parameter: Parameter) -> Options:
    """Return the options of the loop that an objective and a parameter set."""
    criterion = parameter.get_stopping_criterion()
    stop = None if type(criterion) is DefaultStoppingCriterion else _Criterion(criterion)
    return Options(
        budget=parameter.get_budget(),
        time_budget=parameter.get_time_budget(),
        terminal_value=parameter.get_terminal_value(),
        stop=stop,
        callbacks=one_or_several(parameter.callbacks),
        keep_points=parameter.keep_points,
        on_error=parameter.on_error,
        max_failures=parameter.max_failures,
        workers=parameter.get_server_num() if is_parallel(parameter) else 1,
        backend=parameter.backend,
        window=parameter.window,
        checkpoint=parameter.checkpoint,
        eval_timeout=parameter.eval_timeout,
        retries=parameter.retries,
        constraint=objective.get_constraint(),
        filter=parameter.filter,
        delta=objective.get_delta(),
        vectorized=parameter.vectorized,
        progress=parameter.progress,
    )


class _Recorder(Callback):
    """Keeps the attachments of the best point."""

    def __init__(self) -> None:
        self.of_best: tuple[Any, Any] = (None, None)
        self._best: Best | None = None
        self._of: dict[int, tuple[Any, Any]] = {}  # by id, if points are evaluated repeatedly

    def of(self, ident: int) -> tuple[Any, Any]:
        return self._of.get(ident, (None, None))

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        best = search.best
        if search.solver.repeats and evaluation.extra is not None:
            self._of[candidate.id] = evaluation.extra
        if best is not None and best is not self._best:
            self._best = best
            self.of_best = evaluation.extra or (None, None)


class _PrintProgress(Callback):
    """Prints the best point so far at regular intervals, in the format of ZOOpt 0.4.2."""

    def __init__(self, every: int) -> None:
        self._every = every

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        best = search.best
        if search.nfev % self._every == 0 and best is not None:
            x = search.solver.space.decode_list(best.candidate.u)
            print(f"[zoopt] budget {search.nfev}, fx result: {best.value}")
            print(f"[zoopt] x: {x}")


class _Criterion:
    """Makes a stop rule of a stopping criterion."""

    def __init__(self, criterion: Any) -> None:
        self._criterion = criterion
        self.__module__ = type(criterion).__module__
        self.__qualname__ = type(criterion).__qualname__

    def __call__(self, search: SearchView) -> Any:
        return self._criterion.check(OptContent(search.solver))


class OptContent:
    """The state of a run as a stopping criterion sees it: the solver's sets, as solutions.

    Parameters
    ----------
    solver : Solver
    """

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self._view = SolutionView(solver.space)

    def get_best_solution(self) -> Solution | None:
        best = self._solver.best
        return None if best is None else self._view.valued(best)

    def get_positive_data(self) -> list[Solution]:
        return self._set("positives")

    def get_negative_data(self) -> list[Solution]:
        return self._set("negatives")

    def get_data(self) -> list[Solution]:
        return self.get_positive_data() + self.get_negative_data()

    def _set(self, name: str) -> list[Solution]:
        if hasattr(self._solver, "front"):
            front = self._solver.front if name == "positives" else []
            return [self._view.valued(best) for best in front]
        members = getattr(self._solver, name, ())
        return [
            self._solution(row, math.nan if violation == math.inf else value)
            for _, row, violation, value in members
        ]

    def _solution(self, row: Row, value: float) -> Solution:
        solution = Solution.of_row(self._solver.space, row)
        solution.set_value(value)
        return solution
