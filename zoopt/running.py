"""From settings to a run: what `Opt.min` and `minimize` share."""

import base64
import contextlib
import functools
import hashlib
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Executor as Pool
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from zoopt.checks import number, whole
from zoopt.constraints import Constraints
from zoopt.contract import Candidate, Evaluation, Seed, Solver, root_seed
from zoopt.defaults import gl
from zoopt.run.callbacks import ProgressBar, as_callbacks
from zoopt.run.executor import (
    Evaluate,
    EvaluateMany,
    Executor,
    SerialExecutor,
    VectorizedExecutor,
    is_in_process,
)
from zoopt.run.journal import read_header
from zoopt.run.processes import ProcessExecutor
from zoopt.run.replay import JournalExecutor
from zoopt.run.result import Result
from zoopt.run.search import ON_ERROR, Search
from zoopt.run.threads import FuturesExecutor, ThreadExecutor
from zoopt.run.window import WindowExecutor
from zoopt.space import Row, Space
from zoopt.steps import BySteps

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
        import zoopt

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
                "x0": [_packed(candidate.u) for candidate in self.x0],
                "known": [
                    [_packed(candidate.u), e.value, *([e.violation] if e.violation else [])]
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
            "versions": {"zoopt": zoopt.__version__, "numpy": np.__version__},
        }


def described_seed(seed: np.random.SeedSequence) -> list[Any]:
    """Return a seed as a header holds it."""
    entropy: Any = seed.entropy
    words = int(entropy) if np.ndim(entropy) == 0 else [int(word) for word in entropy]
    return [words, list(seed.spawn_key), seed.pool_size]


def _packed(row: Row) -> str:
    return base64.b64encode(np.asarray(row, "<f8").tobytes()).decode()


def unpacked(text: str, space: Space) -> Candidate:
    """Return an initial point of a header."""
    row = np.frombuffer(base64.b64decode(text), "<f8").astype(np.float64)
    row.flags.writeable = False
    return Candidate(-1, row, space)


def restored_seed(words: Any) -> np.random.SeedSequence:
    """Return the seed of a header."""
    entropy, spawn_key, pool_size = words
    return np.random.SeedSequence(entropy, spawn_key=tuple(spawn_key), pool_size=pool_size)


def seed_of_run(seed: Seed, checkpoint: Any = None) -> np.random.SeedSequence:
    """Return the seed given, or that of the run in the file, or a new one."""
    if seed is not None:
        return root_seed(seed)
    if checkpoint is not None:
        with contextlib.suppress(FileNotFoundError):
            return restored_seed(read_header(checkpoint)["run"]["seed"])
    return gl.next_seed()


def mark_of(thing: Any) -> str | None:
    """Return what stands in a header for something that JSON cannot hold."""
    if thing is None:
        return None
    if isinstance(thing, functools.partial):
        arguments = [mark_of(v) if callable(v) else _lasting(v) for v in thing.args]
        named = {k: mark_of(v) if callable(v) else _lasting(v) for k, v in thing.keywords.items()}
        return f"{mark_of(thing.func)} with {arguments} {named}"
    name = f"{thing.__module__}.{getattr(thing, '__qualname__', type(thing).__qualname__)}"
    code = getattr(thing, "__code__", None)
    if code is not None:
        return f"{name} {_fingerprint(code)}"
    return name if isinstance(thing, type) else f"{name} {_lasting(thing)}"


def _lasting(thing: Any) -> str:
    """Return what an object prints as, less what changes from process to process."""
    if isinstance(thing, (set, frozenset)):
        return repr(sorted(map(_lasting, thing)))
    return re.sub(" at 0x[0-9a-f]+", "", repr(thing))


def _fingerprint(code: CodeType) -> str:
    constants = [
        _fingerprint(c) if isinstance(c, CodeType) else _lasting(c) for c in code.co_consts
    ]
    text = f"{code.co_code!r} {code.co_names} {constants}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def planned_budget(checkpoint: Any, budget: int) -> int:
    """Return the budget for which a run was first planned."""
    try:
        planned: int = read_header(checkpoint)["run"]["budget"]
    except FileNotFoundError:
        return budget
    return planned


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
