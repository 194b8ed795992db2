"""From settings to a run: what `Opt.min` and `minimize` share."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor as Pool
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import Evaluation
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.problem.constraints import Constraints
from zoopt.problem.header import described_seed, mark_of, packed, planned_budget
from zoopt.problem.steps import BySteps
from zoopt.run.callbacks import ProgressBar, as_callbacks
from zoopt.run.executor import (
    Evaluate,
    EvaluateMany,
    Executor,
    SerialExecutor,
    VectorizedExecutor,
    is_in_process,
)
from zoopt.run.processes import ProcessExecutor
from zoopt.run.replay import JournalExecutor
from zoopt.run.result import Result
from zoopt.run.search import ON_ERROR, Search
from zoopt.run.threads import FuturesExecutor, ThreadExecutor
from zoopt.run.window import WindowExecutor

__all__ = ["Options", "Plan", "run"]

#: Most candidates in one call of a vectorized objective; what is in flight is chosen without each
#: other's results, so it is also at most a tenth of the budget.
MAX_BATCH = 32

BACKENDS = ("serial", "thread", "process", "ray")


@dataclass(slots=True)
class Options:
    """The settings of a run that concern the loop, as `zoopt.minimize` documents them."""

    budget: int
    time_budget: float | None = None
    terminal_value: float | None = None
    stop: Callable[[Search], Any] | None = None
    callbacks: Iterable[Any] = ()
    on_error: str = "auto"
    max_failures: int | None = None
    workers: int = 1
    backend: Any = None
    window: int | None = None
    checkpoint: Any = None
    eval_timeout: float | None = None
    retries: int = 2
    constraint: Any = None
    filter: Any = None
    delta: Any = None
    vectorized: bool = False
    progress: bool = False

    def check(self) -> None:
        """Refuse bad values, and what this version does not offer, before a call is spent."""
        if self.on_error not in ON_ERROR:
            raise ValueError(f"on_error must be one of {ON_ERROR}, got {self.on_error!r}")
        for name in ("time_budget", "max_failures", "eval_timeout"):
            if getattr(self, name) is not None:
                number(getattr(self, name), name, least=0.0)
        whole(self.retries, "retries", least=0)
        whole(self.workers, "workers", least=1)
        if self.window is not None:
            whole(self.window, "window", least=1)
        if self.terminal_value is not None:
            number(self.terminal_value, "terminal_value")
        if self.stop is not None and not callable(self.stop):
            raise TypeError(f"stop must be callable, got {self.stop!r}")
        Constraints(self.constraint)
        if self.filter is not None and not callable(self.filter):
            raise TypeError(f"filter must be callable, got {self.filter!r}")
        if self.delta is not None and not callable(self.delta):
            raise TypeError(f"delta must be callable, got {self.delta!r}")
        self._check_backend()

    def _check_backend(self) -> None:
        """Refuse what contradicts itself: no option is accepted and ignored."""
        backend = self.backend
        if backend is not None and not isinstance(backend, str):
            if not hasattr(backend, "submit"):
                raise TypeError(
                    f"backend must be None, one of {BACKENDS}, an executor or a "
                    f"concurrent.futures.Executor, got {backend!r}"
                )
            if _is_ours(backend) and self.workers != 1:
                raise ValueError("workers must be set on the executor given as backend")
            if self.eval_timeout is not None or self.retries != 2:
                raise ValueError(
                    "eval_timeout and retries must be set on the executor given as backend"
                )
        elif backend is not None and backend not in BACKENDS:
            raise ValueError(f"backend must be None or one of {BACKENDS}, got {backend!r}")
        if backend == "serial" and self.workers > 1:
            raise ValueError(f"backend='serial' has one worker, got workers={self.workers}")
        if backend in ("serial", "thread") and self.eval_timeout is not None:
            raise ValueError(
                "eval_timeout needs backend='process' or 'ray': nothing else can stop "
                "a call from outside"
            )
        if backend in ("serial", "thread") and self.retries != 2:
            raise ValueError("retries needs backend='process' or 'ray': no other worker can die")
        parallel = self.workers > 1 or backend not in (None, "serial") or self.eval_timeout
        if self.retries != 2 and not parallel:
            raise ValueError("retries needs workers: workers=2 or more, or backend='process'")
        if self.delta is not None and self.vectorized:
            raise ValueError("delta excludes vectorized=True: a step is of one point")
        if self.vectorized and parallel:
            raise ValueError(
                "vectorized=True calls the objective in this process: it excludes workers, "
                "backend and eval_timeout"
            )

    def executor(self, evaluate_many: EvaluateMany, batch: int) -> Executor:
        """Make who evaluates."""
        executor: Executor
        backend = self.backend
        if self.vectorized:
            executor = VectorizedExecutor(evaluate_many, batch)
        elif backend is not None and not isinstance(backend, str):
            if _is_ours(backend):
                executor = backend
            else:
                executor = FuturesExecutor(backend, self.workers if self.workers > 1 else None)
        elif backend == "thread":
            executor = ThreadExecutor(self.workers)
        elif backend == "ray":
            from zoopt.distributed import RayExecutor

            executor = RayExecutor(
                self.workers, eval_timeout=self.eval_timeout, retries=self.retries
            )
        elif backend == "process" or self.workers > 1 or self.eval_timeout is not None:
            executor = ProcessExecutor(
                self.workers, eval_timeout=self.eval_timeout, retries=self.retries
            )
        else:
            executor = SerialExecutor()
        if self.delta is not None and not is_in_process(executor):
            raise ValueError(
                "delta needs backend='serial' or 'thread', since states stay in this process, got "
                f"backend={backend!r}, workers={self.workers}"
            )
        return executor if self.window is None else WindowExecutor(executor, self.window)


def _is_ours(backend: Any) -> bool:
    return not isinstance(backend, Pool) and hasattr(backend, "collect")


@dataclass(slots=True)
class Plan:
    """All that makes a run: the solver's settings, the loop's, and how points are evaluated."""

    surface: str
    #: Name in the registry, or what made the solver.
    algorithm: str
    factory: Callable[..., Solver]
    space: Space
    seed: np.random.SeedSequence
    options: Options
    evaluate: Evaluate
    evaluate_many: EvaluateMany
    decode: Callable[[Candidate], Any]
    #: Whether a candidate passes the user's filter.
    passes: Callable[[Candidate], Any] | None
    #: Options of the solver, for a planned budget.
    solver_options: Callable[[int], dict[str, Any]]
    x0: list[Candidate] = field(default_factory=list)
    #: Initial points of known value.
    known: list[tuple[Candidate, Evaluation]] = field(default_factory=list)
    values: list[float] | None = None

    def batch(self, planned: int) -> int:
        return max(1, min(MAX_BATCH, planned // 10))

    def solver(self, planned: int) -> Solver:
        """Make the solver and tell it what is known."""
        solver = self.factory(
            self.space,
            budget=planned,
            seed=self.seed,
            x0=self.x0,
            **self.solver_options(planned),
        )
        if not isinstance(solver, Solver):
            raise TypeError(f"algorithm must make a Solver, got {solver!r}")
        if self.options.delta is not None:
            try:
                solver.take_steps()
            except ValueError as error:
                raise ValueError(f"delta needs an algorithm like 'sracos': {error}") from None
        n = len(Constraints(self.options.constraint).functions)
        if solver.needs_constraint and n != 1:
            raise ValueError(f"{solver.name} needs a constraint, and one only, got {n}")
        if self.passes is not None:
            solver.filter = self.passes
        for candidate, evaluation in self.known:
            solver.tell_point(candidate, evaluation)
        return solver

    def header(self, planned: int) -> dict[str, Any]:
        """Describe the run for its journal: what must be the same, and what is good to know."""
        from importlib import metadata

        options = self.options
        return {
            "run": {
                "surface": self.surface,
                "algorithm": self.algorithm,
                "options": {
                    name: mark_of(value) if callable(value) else value
                    for name, value in self.solver_options(planned).items()
                },
                "budget": planned,
                "seed": described_seed(self.seed),
                "space": self.space.describe(),
                "x0": [packed(candidate.u) for candidate in self.x0],
                "known": [
                    [packed(candidate.u), e.value, *([e.violation] if e.violation else [])]
                    for candidate, e in self.known
                ],
                "window": options.window,
                "vectorized": options.vectorized,
                "stop": mark_of(options.stop),
                "constraint": list(map(mark_of, Constraints(options.constraint).functions)) or None,
                "filter": mark_of(options.filter),
                "delta": mark_of(options.delta),
            },
            "limits": {
                "time_budget": options.time_budget,
                "terminal_value": options.terminal_value,
                "max_failures": options.max_failures,
                "on_error": options.on_error,
                "eval_timeout": options.eval_timeout,
                "retries": options.retries,
                "workers": options.workers,
                "backend": options.backend if isinstance(options.backend, str) else None,
            },
            "versions": {"zoopt": metadata.version("zoopt"), "numpy": np.__version__},
        }


def run(plan: Plan) -> tuple[Result, Solver]:
    """Run, or go on with, what was planned."""
    options = plan.options
    planned = options.budget
    if options.checkpoint is not None:
        planned = planned_budget(options.checkpoint, planned)
    solver = plan.solver(planned)
    executor = options.executor(plan.evaluate_many, plan.batch(planned))
    callbacks = as_callbacks(options.callbacks)
    if options.progress:
        callbacks.append(ProgressBar())
    if options.checkpoint is not None:
        executor = JournalExecutor(executor, options.checkpoint, plan.header(planned))
    evaluate = plan.evaluate
    if options.delta is not None:
        evaluate = BySteps(
            evaluate,
            options.delta,
            plan.space,
            lambda: isinstance(executor, JournalExecutor) and executor.replayed_step,
        )
    search = Search(
        solver,
        executor,
        evaluate,
        budget=options.budget,
        time_budget=options.time_budget,
        terminal_value=options.terminal_value,
        stop=options.stop,
        callbacks=callbacks,
        on_error=options.on_error,
        max_failures=options.max_failures,
        decode=plan.decode,
        seed=plan.seed,
        values=plan.values,
    )
    return search.run(), solver
