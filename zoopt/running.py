"""From settings to a run: what `Opt.min` and `minimize` share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from zoopt.checks import number, whole
from zoopt.contract import Solver
from zoopt.run.callbacks import ProgressBar
from zoopt.run.executor import (
    Evaluate,
    EvaluateMany,
    Executor,
    SerialExecutor,
    VectorizedExecutor,
)
from zoopt.run.result import Result
from zoopt.run.search import ON_ERROR, Search

__all__ = ["Options", "run"]

#: Most candidates in one call of a vectorized objective; what is in flight is chosen without each
#: other's results, so it is also at most a tenth of the budget.
MAX_BATCH = 32


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
    vectorized: bool = False
    progress: bool = False
    seed: Any = field(default=None)

    def check(self) -> None:
        """Refuse bad values, and what this version does not offer, before a call is spent."""
        if self.on_error not in ON_ERROR:
            raise ValueError(f"on_error must be one of {ON_ERROR}, got {self.on_error!r}")
        for name in ("time_budget", "max_failures", "eval_timeout", "retries"):
            if getattr(self, name) is not None:
                number(getattr(self, name), name, least=0.0)
        whole(self.workers, "workers", least=1)
        if self.terminal_value is not None:
            number(self.terminal_value, "terminal_value")
        if self.stop is not None and not callable(self.stop):
            raise TypeError(f"stop must be callable, got {self.stop!r}")
        if self.backend not in (None, "serial", "thread", "process", "ray"):
            raise ValueError(
                "backend must be None, 'serial', 'thread', 'process' or 'ray', got "
                f"{self.backend!r}"
            )
        if self.backend == "serial" and self.eval_timeout is not None:
            raise ValueError(
                "eval_timeout needs backend='process' or 'ray': nothing else can stop "
                "a call from outside"
            )
        for name, given in (
            ("workers > 1", self.workers > 1),
            (f"backend={self.backend!r}", self.backend not in (None, "serial")),
            ("window", self.window is not None),
            ("checkpoint", self.checkpoint is not None),
            ("eval_timeout", self.eval_timeout is not None),
            ("retries", self.retries != 2),
            ("constraint", self.constraint is not None),
            ("filter", self.filter is not None),
        ):
            if given:
                raise not_available(name)


def not_available(what: str) -> ValueError:
    return ValueError(f"{what} is not available in this version of zoopt")


def run(
    solver: Solver,
    options: Options,
    evaluate: Evaluate,
    evaluate_many: EvaluateMany,
    decode: Callable[[Any], Any] | None = None,
    values: list[float] | None = None,
) -> Result:
    """Run a solver as the options say."""
    executor: Executor
    if options.vectorized:
        batch = max(1, min(MAX_BATCH, options.budget // 10))
        executor = VectorizedExecutor(evaluate_many, batch)
    else:
        executor = SerialExecutor(evaluate)
    callbacks = list(options.callbacks)
    if options.progress:
        callbacks.append(ProgressBar())
    search = Search(
        solver,
        executor,
        budget=options.budget,
        time_budget=options.time_budget,
        terminal_value=options.terminal_value,
        stop=options.stop,
        callbacks=callbacks,
        on_error=options.on_error,
        max_failures=options.max_failures,
        decode=decode,
        seed=options.seed,
        values=values,
    )
    return search.run()
