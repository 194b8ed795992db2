"""A plan: everything that makes a run, shared by `Opt.min`, `minimize` and `resume`."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.problem.constraints import Constraints
from zoopt.problem.header import described_seed, mark_of, packed, planned_budget
from zoopt.problem.options import Options
from zoopt.problem.steps import BySteps
from zoopt.pruning import described
from zoopt.run.callbacks import ProgressBar, as_callbacks
from zoopt.run.executor import (
    Evaluate,
    EvaluateMany,
)
from zoopt.run.points import n_kept
from zoopt.run.replay import JournalExecutor
from zoopt.run.result import Result
from zoopt.run.search import Search

__all__ = ["Plan"]

#: Largest batch of a vectorized objective. A batch is also at most a tenth of the budget, because
#: its points are proposed without each other's values.
MAX_BATCH = 32


@dataclass(slots=True)
class Plan:
    """The settings of a run: those of the solver, of the loop, and of the evaluation of points."""

    surface: str
    #: Name in the registry, or a mark of the factory.
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
        """Make the solver, and report the known points to it."""
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
        if self.options.pruner is not None and (solver.repeats or solver.needs_constraint):
            why = "evaluates points repeatedly" if solver.repeats else "selects subsets"
            raise ValueError(f"pruner cannot run with algorithm={solver.name!r}, which {why}")
        n = len(Constraints(self.options.constraint).functions)
        if solver.needs_constraint and n != 1:
            raise ValueError(f"{solver.name} needs exactly one constraint, got {n}")
        if self.passes is not None:
            solver.filter = self.passes
        for candidate, evaluation in self.known:
            solver.tell_point(candidate, evaluation)
        return solver

    def header(self, planned: int) -> dict[str, Any]:
        """Return the header of the run's journal.

        A resumed run must agree with "run"; "limits" and "versions" are kept for information.
        """
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
                "x0": [packed(candidate) for candidate in self.x0],
                "known": [
                    [packed(candidate), e.value, *([e.violation] if e.violation else [])]
                    for candidate, e in self.known
                ],
                "window": options.window,
                "vectorized": options.vectorized,
                "stop": mark_of(options.stop),
                "constraint": list(map(mark_of, Constraints(options.constraint).functions)) or None,
                "filter": mark_of(options.filter),
                "delta": mark_of(options.delta),
                "pruner": self._described_pruner(),
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

    def _described_pruner(self) -> dict[str, Any] | str | None:
        pruner = self.options.pruner
        return None if pruner is None else described(pruner) or mark_of(pruner)

    def execute(self) -> tuple[Result, Solver]:
        """Run, or go on with the run in the checkpoint file; return its result and the solver."""
        options = self.options
        planned = options.budget
        if options.checkpoint is not None:
            planned = planned_budget(options.checkpoint, planned)
        solver = self.solver(planned)
        executor = options.executor(self.evaluate_many, self.batch(planned))
        callbacks = as_callbacks(options.callbacks)
        if options.progress:
            callbacks.append(ProgressBar())
        if options.checkpoint is not None:
            executor = JournalExecutor(executor, options.checkpoint, self.header(planned))
        evaluate = self.evaluate
        if options.delta is not None:
            evaluate = BySteps(evaluate, options.delta, self.space, lambda: executor.replayed_step)
        search = Search(
            solver,
            executor,
            evaluate,
            budget=options.budget,
            rules=options.rules(),
            callbacks=callbacks,
            on_error=options.on_error,
            decode=self.decode,
            seed=self.seed,
            values=self.values,
            keep_points=self._n_kept(),
            pruner=copy.deepcopy(options.pruner),
        )
        return search.run(), solver

    def _n_kept(self) -> int:
        """Return how many points to keep; by default all or none with a delta, to save copies."""
        options, n_columns = self.options, self.space.n_columns
        n = n_kept(options.keep_points, options.budget, n_columns)
        by_default = options.keep_points is None and options.delta is not None
        return 0 if by_default and n < options.budget else n
