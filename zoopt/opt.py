"""Opt.min: the ZOOpt API's entry point, a thin layer over the solvers and the loop."""

import copy
import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate, is_repeat
from zoopt.core.checks import number, whole
from zoopt.core.defaults import gl
from zoopt.core.dimensions import Integer
from zoopt.core.errors import AllEvaluationsFailed, EvaluationWarning
from zoopt.core.evaluation import Best, Evaluation
from zoopt.core.registry import make_solver, registered, solver_factory
from zoopt.core.solver import Solver
from zoopt.core.space import Mask, Row, Space
from zoopt.dimension import Dimension, Dimension2
from zoopt.objective import Objective
from zoopt.parameter import DefaultStoppingCriterion, Parameter, default_isolation
from zoopt.problem.calls import check_values, random_argument, stochastic_argument
from zoopt.problem.constraints import Constraints
from zoopt.problem.header import seed_of_run
from zoopt.problem.options import Options
from zoopt.problem.plan import Plan
from zoopt.problem.steps import check_steps
from zoopt.run.callbacks import Callback
from zoopt.run.view import SearchView
from zoopt.solution import Solution
from zoopt.wrappers import NoisyRace, RandomEmbedding, Resample

__all__ = ["Opt"]

#: Names that mean SRACOS, or batch RACOS where the parameter says so. ASRACOS is SRACOS with
#: several candidates in flight.
RACOS_FAMILY = (None, "asracos", "racos", "sracos")
#: Those that select subsets, by the value of the objective and that of the constraint.
PARETO_FAMILY = ("poss", "ponss")
#: Those made for noise that no flag chooses.
NOISE_FAMILY = ("noisy", "pces")


class Opt:
    """Static entry points of the ZOOpt API.

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

        Returns
        -------
        Solution
            The best point; its attribute ``result`` is the `Result` of the run.

        Raises
        ------
        TypeError, ValueError
            Bad settings, named, before any evaluation; or the objective's own error if its first
            three calls all raise.
        AllEvaluationsFailed
            If no evaluation succeeded; its ``result`` lists the failures.
        """
        return minimize_objective(objective, parameter)

    @staticmethod
    def set_global(parameter: Parameter) -> None:
        """Make a parameter's precision and seed the defaults of later runs."""
        if parameter.get_precision():
            gl.set_precision(parameter.get_precision())
        if parameter.get_seed() is not None:
            gl.set_seed(parameter.get_seed())


def minimize_objective(
    objective: Objective, parameter: Parameter, seed: Any = None, **solver_options: Any
) -> Solution:
    """Run `Opt.min`, with a seed and options of the solver that a Parameter does not have."""
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be an Objective, got {objective!r}")
    if not isinstance(parameter, Parameter):
        raise TypeError(f"parameter must be a Parameter, got {parameter!r}")
    algorithm = choose_algorithm(objective, parameter)
    if objective.get_func() is None:
        raise ValueError("objective has no func")
    space = space_of(objective.get_dim())
    if not parameter.get_budget():
        raise ValueError("budget is not set: Parameter(budget=...) or set_budget(...)")
    unknown, known = _initial_points(algorithm, space, parameter.get_init_samples())
    times = parameter.get_resample_times() if parameter.get_resampling() else 1
    stages = parameter.get_num_sre() if parameter.get_high_dim_handling() else 1
    outermost, wrapped = wrap(algorithm, parameter, times)
    return run_objective(
        objective,
        parameter,
        algorithm=outermost,
        space=space,
        seed=seed_of_run(parameter.get_seed() if seed is None else seed, parameter.checkpoint),
        options=options_of(objective, parameter),
        solver_options=lambda planned: {
            **wrapped,
            **sizes_of(algorithm, parameter, max(3, planned // times // stages)),
            **solver_options,
        },
        x0=unknown,
        known=known,
    )


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
    """Run what `Opt.min` and `resume` have put together."""
    options.check()
    if options.delta is not None:
        check_steps(objective.get_func(), options.delta)
        if objective.attaches:
            raise ValueError(
                "delta excludes inherit functions: a step has no Solution to attach to"
            )
    solver_options(options.budget)
    objective.parameter_set(parameter)
    evaluate = Evaluate(objective, space, seed, Constraints(options.constraint))
    recorder = _Recorder()
    callbacks: list[Any] = [recorder] if evaluate.attaches else []
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
        decode=decoded,
        passes=None if options.filter is None else _Filter(options.filter, space),
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
    solution = valued_view_of(best, space)
    attached, after = (None, None)
    if best.candidate.id >= 0:
        attached, after = recorder.of(best.candidate.id) if solver.repeats else recorder.of_best
    if best.candidate.id >= 0 and evaluate.attaches and (attached, after) == (None, None):
        attached, after = evaluate.attachments()  # a file does not hold them: they are made anew
    solution.set_attach(attached)
    solution.set_post_attach(after)
    solution.result = result
    if parameter.verbosity > 0:
        solution.print_solution()
    return solution


def choose_algorithm(objective: Objective, parameter: Parameter) -> str:
    """Return the name of the solver that a parameter asks for."""
    name = parameter.get_algorithm()
    if name is not None and not isinstance(name, str):
        raise TypeError(f"algorithm must be a string or None, got {name!r}")
    key = None if name is None else name.lower()
    known = sorted({"asracos", *registered()} - {Resample.name})
    if key is not None and key not in known:
        raise ValueError(f"algorithm must be one of {known}, got {name!r}")
    if key in PARETO_FAMILY and objective.get_constraint() is None:
        raise ValueError(f"algorithm={key!r} needs an Objective with a constraint")
    if key in PARETO_FAMILY and not _is_of_bits(objective):
        raise ValueError(f"algorithm={key!r} needs a dimension of bits: discrete, from 0 to 1")
    if key is None and objective.get_constraint() is not None and _is_of_bits(objective):
        key = "poss"
    noise = parameter.get_noise_handling()
    if noise and parameter.get_ponss():
        if key not in PARETO_FAMILY:
            raise ValueError("ponss=True needs an Objective with a constraint on bits")
        key = "ponss"
    if noise and parameter.get_suppression():
        if key not in (*RACOS_FAMILY, "ssracos"):
            raise ValueError("suppression=True needs an algorithm like sracos")
        key = "ssracos"
    if noise and key is None and not parameter.get_resampling():
        key = NoisyRace.name
    if key in ("ssracos", NoisyRace.name) and not parameter.get_sequential():
        raise ValueError(f"{key!r} needs sequential=True")
    _check_flags(objective, parameter, key)
    if key not in RACOS_FAMILY:
        return str(key)
    return "sracos" if parameter.get_sequential() else "racos"


def wrap(algorithm: str, parameter: Parameter, times: int) -> tuple[str, dict[str, Any]]:
    """Return the outermost solver, and options that put the algorithm into it."""
    name, options = algorithm, dict[str, Any]()
    if parameter.get_high_dim_handling():
        name = RandomEmbedding.name
        withdraw = _continuous_box(parameter.get_withdraw_alpha(), "withdraw_alpha")
        if len(withdraw) != 1:
            raise ValueError(f"withdraw_alpha must have one range, got {len(withdraw)}")
        options = {
            "inner": algorithm,
            "low_dimension": _continuous_box(parameter.get_low_dimension(), "low_dimension"),
            "n_stages": whole(parameter.get_num_sre(), "num_sre", least=1),
            "variance": number(parameter.get_variance_A(), "variance_A", least=0.0, finite=True),
            "withdraw": withdraw[0],
        }
    if times == 1:
        return name, options
    return Resample.name, {"inner": name, "times": times, "inner_options": options}


def _continuous_box(dimension: Any, name: str) -> list[list[float]]:
    """Return the ranges of a dimension, all of them continuous."""
    if not isinstance(dimension, (Dimension, Dimension2)):
        raise TypeError(f"{name} must be a Dimension, got {dimension!r}")
    if not dimension.space.is_plain:
        raise ValueError(f"{name} must be continuous, and no range a single point")
    return [[float(v) for v in dimension.get_region(i)] for i in range(dimension.get_size())]


def _check_flags(objective: Objective, parameter: Parameter, key: str | None) -> None:
    """Refuse settings that have no effect, and what this version does not offer."""
    noise, high = parameter.get_noise_handling(), parameter.get_high_dim_handling()
    for option, given, needed, has in (
        ("resampling=True", parameter.get_resampling(), "noise_handling=True", noise),
        ("suppression=True", parameter.get_suppression(), "noise_handling=True", noise),
        ("ponss=True", parameter.get_ponss(), "noise_handling=True", noise),
        ("reducedim=True", parameter.get_reducedim(), "high_dim_handling=True", high),
        ("high_dim_handling=True", high, "reducedim=True", parameter.get_reducedim()),
        ("ponss_theta", parameter.get_ponss_theta() is not None, "PONSS", key == "ponss"),
        ("ponss_b", parameter.get_ponss_b() is not None, "PONSS", key == "ponss"),
        (
            "isolationFunc",
            parameter.get_isolationFunc() is not default_isolation,
            "algorithm='poss' or 'ponss'",
            key in PARETO_FAMILY,
        ),
    ):
        if given and not has:
            raise ValueError(f"{option} has no effect without {needed}")
    handled = key in ("ponss", "ssracos")
    if noise and parameter.get_resampling() and handled:
        raise ValueError("resampling=True excludes suppression=True and ponss=True")
    repeats = noise or getattr(registered().get(str(key)), "repeats", False)
    if repeats and objective.own_resample_func is not None and parameter.vectorized:
        raise ValueError("a resample_func excludes vectorized=True")
    if key in NOISE_FAMILY and not parameter.get_resampling():
        _check_no_method_is_set(parameter, str(key))
    if noise and not (handled or parameter.get_resampling() or key in NOISE_FAMILY):
        method = "ponss=True" if key in PARETO_FAMILY else "suppression=True, or no algorithm"
        raise ValueError(
            f"noise_handling=True with {key!r} needs a method: resampling=True or {method}"
        )
    if high and (key in PARETO_FAMILY or key == RandomEmbedding.name):
        raise ValueError(f"high_dim_handling=True has no effect on {key!r}")


def _check_no_method_is_set(parameter: Parameter, key: str) -> None:
    """Refuse settings of the methods that flags choose where none is chosen."""
    usual = Parameter()
    for name in ("resample_times", "non_update_allowed", "balance_rate"):
        if getattr(parameter, name) != getattr(usual, name):
            raise ValueError(
                f"{name} has no effect on {key!r}: say resampling=True or suppression=True"
            )


def _is_of_bits(objective: Objective) -> bool:
    """Return whether every coordinate is 0 or 1."""
    dim = objective.get_dim()
    space = getattr(dim, "space", None)
    return isinstance(space, Space) and all(
        isinstance(d, Integer) and (d.low, d.high) == (0, 1) for d in space.dimensions
    )


def _is_parallel(parameter: Parameter) -> bool:
    name = parameter.get_algorithm()
    return bool(parameter.get_parallel() or (name is not None and name.lower() == "asracos"))


def space_of(dim: Any) -> Space:
    """Return the space behind a Dimension or Dimension2."""
    space = getattr(dim, "space", None)
    if not isinstance(space, Space):
        raise TypeError(f"dimension must be a Dimension or Dimension2, got {dim!r}")
    return space


def solver_of(
    algorithm: str, space: Space, parameter: Parameter, seed: Any, **options: Any
) -> Solver:
    """Build a solver as a parameter says, and tell it the initial points of known value."""
    budget = parameter.get_budget()
    if not budget:
        raise ValueError("budget is not set: Parameter(budget=...) or set_budget(...)")
    unknown, known = _initial_points(algorithm, space, parameter.get_init_samples())
    options |= sizes_of(algorithm, parameter, budget)
    solver = make_solver(algorithm, space, budget=budget, seed=seed, x0=unknown, **options)
    for candidate, evaluation in known:
        solver.tell_point(candidate, evaluation)
    return solver


def sizes_of(algorithm: str, parameter: Parameter, budget: int) -> dict[str, Any]:
    """Return the sizes that a parameter asks for, as it would with this budget."""
    if algorithm in PARETO_FAMILY:
        return pareto_options_of(algorithm, parameter)
    if algorithm == "ssracos":
        return {
            **sizes_of("sracos", parameter, budget),
            "non_update_allowed": parameter.get_non_update_allowed(),
            "resample_times": parameter.get_resample_times(),
            "balance_rate": parameter.get_balance_rate(),
        }
    if algorithm not in RACOS_FAMILY:
        usual = Parameter(budget=parameter.get_budget())
        for name, given, without in (
            ("uncertain_bits", parameter.get_uncertain_bits(), None),
            ("exploration_rate", parameter.get_probability(), usual.get_probability()),
            ("positive_size", parameter.get_positive_size(), usual.get_positive_size()),
            ("train_size", parameter.get_train_size(), usual.get_train_size()),
        ):
            if given != without:
                raise ValueError(f"{name} has no effect on {algorithm!r}")
        return {}
    if budget != parameter.get_budget():
        parameter = copy.copy(parameter)
        parameter.set_budget(budget)
    if not parameter.get_train_size():
        raise ValueError(
            "autoset=False needs set_train_size, set_positive_size and set_negative_size"
        )
    if parameter.get_positive_size() > parameter.get_train_size():
        raise ValueError(
            f"positive_size must be at most train_size={parameter.get_train_size()}, got "
            f"{parameter.get_positive_size()}"
        )
    train = min(parameter.get_train_size(), budget)
    return {
        "train_size": train,
        "positive_size": min(parameter.get_positive_size(), train),
        "uncertain_bits": parameter.get_uncertain_bits() or "table",
        "exploration_rate": 1.0 - parameter.get_probability(),
    }


def pareto_options_of(algorithm: str, parameter: Parameter) -> dict[str, Any]:
    """Return the isolation of a parameter, and the margin and size of PONSS."""
    if parameter.get_uncertain_bits() is not None:
        raise ValueError(f"uncertain_bits has no effect on {algorithm!r}")
    options: dict[str, Any] = {}
    if parameter.get_isolationFunc() is not default_isolation:
        options["isolation"] = isolation_of(parameter)
    if algorithm == "ponss":
        theta, b = parameter.get_ponss_theta(), parameter.get_ponss_b()
        for name, value in (("ponss_theta", theta), ("ponss_b", b)):
            if value is None:
                raise ValueError(f"PONSS needs {name}")
        options["theta"] = number(theta, "ponss_theta", least=0.0, finite=True)
        options["b"] = whole(b, "ponss_b", least=1)
    return options


def isolation_of(parameter: Parameter) -> Callable[[Any], Any]:
    """Return a parameter's isolation function, which takes an array of 0.0 and 1.0, for masks."""
    isolation = parameter.get_isolationFunc()
    if not callable(isolation):
        raise TypeError(f"isolationFunc must be callable, got {isolation!r}")
    return functools.partial(_isolated, isolation)


def _isolated(isolation: Callable[[Any], Any], mask: Mask) -> Any:
    return isolation(mask.astype(np.float64))


def options_of(objective: Objective, parameter: Parameter) -> Options:
    budget = parameter.get_budget()
    criterion = parameter.get_stopping_criterion()
    stop = None if type(criterion) is DefaultStoppingCriterion else _Criterion(criterion)
    return Options(
        budget=budget,
        time_budget=parameter.get_time_budget(),
        terminal_value=parameter.get_terminal_value(),
        stop=stop,
        callbacks=parameter.callbacks,
        keep_points=parameter.keep_points,
        on_error=parameter.on_error,
        max_failures=parameter.max_failures,
        workers=parameter.get_server_num() if _is_parallel(parameter) else 1,
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


def _initial_points(
    algorithm: str, space: Space, samples: Any
) -> tuple[list[Candidate], list[tuple[Candidate, Evaluation]]]:
    """Split the user's initial points into those to evaluate and those whose value is known."""
    unknown: list[Candidate] = []
    known: list[tuple[Candidate, Evaluation]] = []
    for i, sample in enumerate(samples or ()):
        x, value = sample, math.nan
        if isinstance(sample, Solution):
            x, value = sample.get_x(), sample.get_value()
        try:
            candidate = Candidate(-1, space.encode(x), space)
        except (TypeError, ValueError) as error:
            raise type(error)(f"init_samples[{i}]: {error}") from None
        evaluation = _known(algorithm, value)
        if evaluation.ok:
            known.append((candidate, evaluation))
        else:
            unknown.append(candidate)
    return unknown, known


def _known(algorithm: str, value: Any) -> Evaluation:
    """Judge the value of an initial point; under POSS only a pair [f, c] tells enough."""
    if algorithm not in PARETO_FAMILY:
        return Evaluation.of(value)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return Evaluation.of(math.nan)
    evaluation, slack = Evaluation.of(value[0]), Evaluation.of(value[1])
    evaluation.violation = -slack.value
    return evaluation if slack.ok else slack


def view_of(candidate: Candidate, space: Space) -> Solution:
    """Return the solution that stands for a candidate; of a packed one an array of 0.0 and 1.0."""
    if candidate.bits is None:
        return Solution.of_row(space, candidate.u)
    flags = np.unpackbits(candidate.bits, -1, space.n_columns, "little")
    return Solution(x=flags.astype(np.float64))


def valued_view_of(best: Best, space: Space) -> Solution:
    """Return the solution of a point and its value; of packed ones value and constraint."""
    solution = view_of(best.candidate, space)
    if best.candidate.bits is None:
        solution.set_value(best.value)
    else:
        solution.set_value([best.value, 0.0 - best.evaluation.violation])
    return solution


def decoded(candidate: Candidate) -> Any:
    """Return the point of a candidate as an array."""
    return candidate.space.decode_array(candidate.u)


class Evaluate:
    """Make the solution of a candidate and call the user's function; pickles as far as it does."""

    def __init__(
        self, objective: Objective, space: Space, seed: Any, constraints: Constraints
    ) -> None:
        self._func = objective.get_func()
        self._constraints = constraints
        self.space = space
        self._seed = seed
        self._view = Solution.of_row
        self._stochastic = stochastic_argument(self._func)
        self._resample = objective.own_resample_func
        inherit, after = objective.get_inherit_func(), objective.get_post_inherit_func()
        self._inherit = None if inherit is Objective.default_inherit else inherit
        self._after = None if after is Objective.default_post_inherit else after
        #: Whether solutions carry attachments.
        self.attaches = objective.attaches
        self._simple = not (
            self._stochastic or self._resample or self.attaches or self._constraints
        )

    @property
    def functions(self) -> tuple[Any, ...]:
        """What the user wrote."""
        resample = () if self._resample is None else (self._resample,)
        return self._func, *resample, *self._constraints.functions

    def violation(self, candidate: Candidate) -> float:
        if not self._constraints:
            return 0.0
        return self._constraints.violation(view_of(candidate, self.space))

    def __call__(self, candidate: Candidate) -> tuple[Any, ...]:
        if candidate.bits is None:
            solution = self._view(self.space, candidate.u)
        else:
            solution = view_of(candidate, self.space)
        if self._simple:
            return self._func(solution), 0.0
        return self._full(candidate, solution)

    def _full(self, candidate: Candidate, solution: Solution) -> tuple[Any, ...]:
        if self._inherit is not None:
            solution.set_attach(self._inherit(None))
        violation = self._constraints.violation(solution) if self._constraints else 0.0
        if self._resample is not None and is_repeat(candidate):
            value = self._resample(solution, 1)
        elif self._stochastic is None:
            value = self._func(solution)
        else:
            value = self._func(
                solution,
                **{self._stochastic: random_argument(self._stochastic, self._seed, candidate.id)},
            )
        if self._after is not None:
            solution.set_value(value)
            solution.set_post_attach(self._after())
        if not self.attaches:
            return value, violation
        return value, violation, (solution.get_attach(), solution.get_post_attach())

    def attachments(self) -> tuple[Any, Any]:
        """Return what would be attached to a solution."""
        attached = None if self._inherit is None else self._inherit(None)
        return attached, None if self._after is None else self._after()

    def many(self, candidates: Sequence[Candidate]) -> tuple[list[Any], list[float] | None]:
        """Evaluate by one call: the function gets the list of solutions, returns their values."""
        n = len(candidates)
        solutions = [view_of(candidate, self.space) for candidate in candidates]
        violations = self._constraints.violations(n, solutions) if self._constraints else None
        return check_values(self._func(solutions), n), violations


class _Filter:
    """Ask the user's filter about the solution of a candidate."""

    def __init__(self, passes: Callable[..., Any], space: Space) -> None:
        self._passes = passes
        self._space = space

    def __call__(self, candidate: Candidate) -> Any:
        return self._passes(view_of(candidate, self._space))


class _Recorder(Callback):
    """Keep the attachments of the best."""

    def __init__(self) -> None:
        self.of_best: tuple[Any, Any] = (None, None)
        self._best: Best | None = None
        self._of: dict[int, tuple[Any, Any]] = {}  # by id, where the best may be luck

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
    """Print the best so far every so many evaluations, as ZOOpt did."""

    def __init__(self, every: int) -> None:
        self._every = every

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        best = search.best
        if search.nfev % self._every == 0 and best is not None:
            x = search.solver.space.decode_list(best.candidate.u)
            print(f"[zoopt] budget {search.nfev}, fx result: {best.value}")
            print(f"[zoopt] x: {x}")


class _Criterion:
    """A user's stopping criterion as a stop rule."""

    def __init__(self, criterion: Any) -> None:
        self._criterion = criterion
        self.__module__ = type(criterion).__module__
        self.__qualname__ = type(criterion).__qualname__

    def __call__(self, search: SearchView) -> Any:
        return self._criterion.check(OptContent(search.solver))


class OptContent:
    """What a stopping criterion may look at; made from the solver's sets when asked for."""

    def __init__(self, solver: Solver) -> None:
        self._solver = solver

    def get_best_solution(self) -> Solution | None:
        best = self._solver.best
        return None if best is None else valued_view_of(best, self._solver.space)

    def get_positive_data(self) -> list[Solution]:
        return self._set("positives")

    def get_negative_data(self) -> list[Solution]:
        return self._set("negatives")

    def get_data(self) -> list[Solution]:
        return self.get_positive_data() + self.get_negative_data()

    def _set(self, name: str) -> list[Solution]:
        if hasattr(self._solver, "front"):
            front = self._solver.front if name == "positives" else []
            return [valued_view_of(best, self._solver.space) for best in front]
        members = getattr(self._solver, name, ())
        return [
            self._solution(row, math.nan if violation == math.inf else value)
            for _, row, violation, value in members
        ]

    def _solution(self, row: Row, value: float) -> Solution:
        solution = Solution.of_row(self._solver.space, row)
        solution.set_value(value)
        return solution
