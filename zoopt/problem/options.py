"""The options of a run, and the executor that they ask for."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor as Pool
from dataclasses import dataclass
from typing import Any

from zoopt.core.checks import number, whole
from zoopt.problem.constraints import Constraints
from zoopt.pruning import pruner_of
from zoopt.run.executor import EvaluateMany, Executor, SerialExecutor, VectorizedExecutor
from zoopt.run.failures import ON_ERROR
from zoopt.run.points import n_kept
from zoopt.run.processes import ProcessExecutor
from zoopt.run.stopping import StopRules
from zoopt.run.threads import FuturesExecutor, ThreadExecutor
from zoopt.run.view import SearchView
from zoopt.run.window import WindowExecutor

__all__ = ["Options"]

BACKENDS = ("serial", "thread", "process", "ray")


@dataclass(slots=True)
class Options:
    """The settings of a run that concern the loop, as `zoopt.minimize` documents them."""

    budget: int
    time_budget: float | None = None
    terminal_value: float | None = None
    stop: Callable[[SearchView], Any] | None = None
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
    keep_points: bool | int | None = None
    pruner: Any = None

    def check(self) -> None:
        """Refuse bad values before any evaluation is spent."""
        if self.on_error not in ON_ERROR:
            raise ValueError(f"on_error must be one of {ON_ERROR}, got {self.on_error!r}")
        for name in ("time_budget", "max_failures", "eval_timeout"):
            if getattr(self, name) is not None:
                setattr(self, name, _plain(getattr(self, name), name))
        n_kept(self.keep_points, 1, 1)
        self.retries = whole(self.retries, "retries", least=0)
        self.workers = whole(self.workers, "workers", least=1)
        if self.window is not None:
            self.window = whole(self.window, "window", least=1)
        if self.terminal_value is not None:
            self.terminal_value = number(self.terminal_value, "terminal_value")
        self.vectorized, self.progress = bool(self.vectorized), bool(self.progress)
        _check_path(self.checkpoint)
        if self.stop is not None and not callable(self.stop):
            raise TypeError(f"stop must be callable, got {self.stop!r}")
        Constraints(self.constraint)
        if self.filter is not None and not callable(self.filter):
            raise TypeError(f"filter must be callable, got {self.filter!r}")
        if self.delta is not None and not callable(self.delta):
            raise TypeError(f"delta must be callable, got {self.delta!r}")
        self.pruner = pruner_of(self.pruner)
        self._check_backend()

    def check_trial(self, takes_trial: bool) -> None:
        """Refuse contradictions with the objective's argument ``trial``, or the lack of it."""
        if self.pruner is not None and not takes_trial:
            raise ValueError(
                "pruner needs an objective with an argument trial that is not the name of a "
                "dimension: the objective reports to it"
            )
        for option, given in (("vectorized=True", self.vectorized), ("delta", self.delta)):
            if given and takes_trial:
                raise ValueError(
                    f"{option} cannot be combined with an objective that has an argument trial"
                )

    def _check_backend(self) -> None:
        """Refuse contradictions: no option is accepted and ignored."""
        backend = self.backend
        if backend is not None and not isinstance(backend, str):
            if not isinstance(backend, (Executor, Pool)):
                raise TypeError(
                    f"backend must be None, one of {BACKENDS}, an executor or a "
                    f"concurrent.futures.Executor, got {backend!r}"
                )
            if isinstance(backend, Executor) and self.workers != 1:
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
                "eval_timeout needs backend='process' or 'ray': other backends cannot "
                "stop a running call"
            )
        if backend in ("serial", "thread") and self.retries != 2:
            raise ValueError("retries needs backend='process' or 'ray': no other worker can die")
        parallel = self.workers > 1 or backend not in (None, "serial") or self.eval_timeout
        if self.retries != 2 and not parallel:
            raise ValueError("retries needs workers: workers=2 or more, or backend='process'")
        if self.delta is not None and self.vectorized:
            raise ValueError(
                "delta cannot be combined with vectorized=True: a step changes one point"
            )
        if self.vectorized and parallel:
            raise ValueError(
                "vectorized=True calls the objective in this process: it cannot be combined "
                "with workers, backend or eval_timeout"
            )

    def rules(self) -> StopRules:
        """Return the rules that may end the run before its budget is used."""
        return StopRules(self.time_budget, self.terminal_value, self.stop, self.max_failures)

    def executor(self, evaluate_many: EvaluateMany, batch: int) -> Executor:
        """Make the executor, before a journal is wrapped around it."""
        executor: Executor
        backend = self.backend
        if self.vectorized:
            executor = VectorizedExecutor(evaluate_many, batch)
        elif backend is not None and not isinstance(backend, str):
            if isinstance(backend, Executor):
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
        if self.delta is not None and not executor.in_process:
            raise ValueError(
                "delta needs backend='serial' or 'thread', since states stay in this process, got "
                f"backend={backend!r}, workers={self.workers}"
            )
        return executor if self.window is None else WindowExecutor(executor, self.window)


def _plain(value: Any, name: str) -> float:
    """Return a number that is at least 0 as an int if it is whole, otherwise as a float."""
    result = number(value, name, least=0.0)
    return int(result) if result.is_integer() else result


def _check_path(checkpoint: Any) -> None:
    """Refuse a path that cannot be a file, before anything is evaluated."""
    if checkpoint is None:
        return
    if not isinstance(checkpoint, (str, os.PathLike)):
        raise TypeError(f"checkpoint must be the path of a file, got {checkpoint!r}")
    path = os.fspath(checkpoint)
    if not path or os.path.isdir(path) or not os.path.basename(path):
        raise ValueError(f"checkpoint must be the path of a file, got the folder {path!r}")
