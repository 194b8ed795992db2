"""The one loop that runs a solver: ask while there is room, submit, collect, tell, look, stop."""

import contextlib
import logging
import math
import operator
import warnings
from array import array
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.errors import (
    EvaluationWarning,
    ExecutorInUse,
    Exhausted,
    FirstStepsFailed,
    JournalError,
)
from zoopt.core.evaluation import FAILED, OK, Best, Evaluation
from zoopt.core.solver import Solver
from zoopt.run.callbacks import as_callbacks
from zoopt.run.executor import Evaluate, Executor, Outcome, clock_of
from zoopt.run.replay import JournalExecutor
from zoopt.run.result import Failure, Result

__all__ = ["FIRST_CALLS", "Search"]

logger = logging.getLogger("zoopt")

ON_ERROR = ("auto", "raise", "record")

#: When the first calls of a run all raise, it is the objective's bug and not bad luck.
FIRST_CALLS = 3

MAX_FAILURES_LISTED = 1000


class Search:
    """A run of a solver on an executor.

    Parameters
    ----------
    solver : Solver
    executor : Executor
    evaluate : callable
        ``evaluate(candidate) -> (value, violation)``, for the executor; see `zoopt.run.executor`.
    budget : int
        Most objective calls.
    time_budget : float, optional
        Seconds; tested between calls.
    terminal_value : float, optional
        Stop when the best feasible value is at most this.
    stop : callable, optional
        ``stop(search)``, called after every tell; a truthy answer stops.
    callbacks : iterable of `Callback` or callables
    on_error : {"auto", "raise", "record"}
        What to do when the objective raises or returns no number: "auto" raises if the first
        three calls all did, and records afterwards.
    max_failures : int, optional
        Stop when more evaluations than this were not ok.
    decode : callable, optional
        Makes the user's view of a candidate; by default its ``x``.
    seed : SeedSequence, optional
        That of the run, for the Result.
    values : list, optional
        Where the told values are appended; NaN for what was not ok.

    Attributes
    ----------
    nfev : int
        Objective calls told so far.
    best : Best or None
    last_value : float
        What was told last; NaN if it was not ok.
    elapsed : float
        Seconds since the start; a resumed run counts its earlier parts.
    replaying : bool
        Whether what is told now was evaluated in an earlier part of a resumed run.
    n_failed : int
    """

    def __init__(
        self,
        solver: Solver,
        executor: Executor,
        evaluate: Evaluate,
        *,
        budget: int,
        time_budget: float | None = None,
        terminal_value: float | None = None,
        stop: Callable[["Search"], Any] | None = None,
        callbacks: Iterable[Any] = (),
        on_error: str = "auto",
        max_failures: int | None = None,
        decode: Callable[[Candidate], Any] | None = None,
        seed: np.random.SeedSequence | None = None,
        values: list[float] | None = None,
    ) -> None:
        self.solver = solver
        self.budget = budget
        self.n_failed = 0
        self._executor = executor
        self._evaluate = evaluate
        self._clock = clock_of(executor)
        self._time_budget = time_budget
        self._terminal_value = terminal_value
        self._stop = stop
        self._callbacks = as_callbacks(callbacks)
        self._on_error = on_error
        self._max_failures = max_failures
        self._decode = operator.attrgetter("x") if decode is None else decode
        self._seed = seed if seed is None or seed.spawn_key else seed.entropy
        self._may_stop = any(
            rule is not None for rule in (time_budget, terminal_value, stop, max_failures)
        )
        self._values: list[float] = [] if values is None else values
        self._first_value = len(self._values)
        self._ids = array("q")
        self._started = array("d")
        self._finished = array("d")
        self._workers: dict[int, str] = {}
        self._statuses: dict[int, str] = {}  # those that are not ok
        self._violations: dict[int, float] = {}  # those that are not 0
        self._failures: list[Failure] = []
        self._first_error: BaseException | None = None
        self._n_raised_first = 0
        self._warned = False
        self._start = 0.0

    @property
    def nfev(self) -> int:
        return len(self._ids)

    @property
    def last_value(self) -> float:
        """The value told last; NaN if it was not ok, or there is none."""
        return self._values[-1] if self._ids else math.nan

    @property
    def elapsed(self) -> float:
        return self._clock() - self._start

    @property
    def best(self) -> Best | None:
        return self.solver.best

    def run(self) -> Result:
        """Run to the end and return the Result; the executor is closed whatever happens.

        Raises
        ------
        Exception
            The objective's own, as ``on_error`` says; its attribute ``zoopt_result`` holds the
            Result up to then.
        """
        self._start = self._clock()
        objectives_own: BaseException | None = None
        mine = True
        try:
            try:
                self._executor.start(self._evaluate, self.budget, self._start)
            except ExecutorInUse:
                mine = False
                raise
            if isinstance(self._executor, JournalExecutor):
                self._start -= self._executor.elapsed
            logger.info("%s starts on %d columns", self.solver.name, self.solver.space.n_columns)
            try:
                status = self._run()
                self._executor.close()
            except _Raised as raised:
                objectives_own = raised.error
                _attach(objectives_own, self._result("error"))
            except BaseException as error:
                _attach(error, self._result("error"))
                raise
            if objectives_own is not None:
                raise objectives_own
            if self._on_error == "auto":
                self._warn_once()
            result = self._result(status)
            with contextlib.suppress(StopIteration):
                for callback in self._callbacks:
                    callback.on_end(self, result)
        finally:
            if mine:
                self._executor.close()
        logger.info("%s", result.message)
        return result

    @property
    def replaying(self) -> bool:
        """Whether what is told now was evaluated in an earlier part of a resumed run."""
        return isinstance(self._executor, JournalExecutor) and self._executor.replaying

    def _run(self) -> str:
        try:
            for callback in self._callbacks:
                callback.on_start(self)
            return self._loop()
        except StopIteration:
            return "callback"
        except KeyboardInterrupt:
            return "interrupted"

    def _loop(self) -> str:
        solver, executor = self.solver, self._executor
        ask, tell, submit = solver.ask, solver.tell, executor.submit
        add_value, add_id = self._values.append, self._ids.append
        add_start, add_finish = self._started.append, self._finished.append
        watched = bool(self._callbacks) or self._may_stop
        best = self.best
        if best is not None:
            reason = self._reason_to_stop(best.evaluation)  # of a point known beforehand
            if reason is not None:
                return reason
        budget = self.budget
        n_submitted = n_in_flight = 0
        exhausted = False
        collected: list[Outcome] = []
        while True:
            evaluation = None
            while not collected and n_submitted < budget and n_in_flight < executor.capacity:
                try:
                    candidate = ask()
                except Exhausted:
                    exhausted = True
                    break
                if candidate is None:
                    break
                n_submitted += 1
                evaluation = submit(candidate)
                if evaluation is not None:
                    break
                n_in_flight += 1
            if evaluation is None:
                if not collected:
                    if not n_in_flight:
                        return "exhausted" if exhausted else "budget"
                    if self._time_left == 0.0:
                        return self._stopped("time_budget")
                    collected = executor.collect(self._time_left)[::-1]
                    continue
                candidate, evaluation = collected.pop()
                n_in_flight -= 1
            assert candidate is not None
            tell(candidate, evaluation)
            add_value(evaluation.value)
            add_id(candidate.id)
            add_start(evaluation.started)
            add_finish(evaluation.finished)
            if watched or evaluation.worker or evaluation.violation or evaluation.status != OK:
                reason = self._look(candidate, evaluation)
                if reason is not None:
                    return self._stopped(reason)

    @property
    def _time_left(self) -> float | None:
        """Seconds; None for ever."""
        if self._time_budget is None or self._is_behind:
            return None
        return max(0.0, self._time_budget - self.elapsed)

    @property
    def _is_behind(self) -> bool:
        """Whether more is to be replayed, in no time of this run."""
        return isinstance(self._executor, JournalExecutor) and self._executor.behind

    def _stopped(self, reason: str) -> str:
        for candidate in self.solver.in_flight:
            self._executor.cancel(candidate.id)
        return reason

    def _look(self, candidate: Candidate, evaluation: Evaluation) -> str | None:
        """Record what is seldom, call the callbacks, and return why to stop."""
        if evaluation.worker:
            self._workers[self.nfev - 1] = evaluation.worker
        if evaluation.violation:
            self._violations[self.nfev - 1] = evaluation.violation
        if evaluation.status != OK:
            self._record_failure(candidate, evaluation)
        for callback in self._callbacks:
            callback.on_tell(self, candidate, evaluation)
        return self._reason_to_stop(evaluation) if self._may_stop else None

    def _reason_to_stop(self, evaluation: Evaluation) -> str | None:
        if self._terminal_value is not None and self._is_at_the_goal(evaluation):
            return "terminal_value"
        if self._stop is not None and self._stop(self):
            return "stop"
        if self._max_failures is not None and self.n_failed > self._max_failures:
            return "max_failures"
        if self._time_left == 0.0:
            return "time_budget"
        return None

    def _is_at_the_goal(self, evaluation: Evaluation) -> bool:
        assert self._terminal_value is not None
        if self.solver.repeats:
            proven = self.solver.proven
            return proven is not None and proven.value <= self._terminal_value
        return evaluation.value <= self._terminal_value and evaluation.violation <= 0.0

    def _record_failure(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self.n_failed += 1
        self._statuses[self.nfev - 1] = evaluation.status
        error, evaluation.exception = evaluation.exception, None  # frees its frames
        if len(self._failures) < MAX_FAILURES_LISTED:
            self._failures.append(
                Failure(
                    candidate.id,
                    evaluation.status,
                    evaluation.error,
                    self._decode(candidate),
                    evaluation.worker,
                )
            )
        if isinstance(error, FirstStepsFailed):
            error = error.__cause__
            if self._on_error == "auto" and error is not None:
                raise _Raised(_noted(error, "calls of delta"))
        if self._on_error == "raise" and not self.replaying:
            raise _Raised(
                error
                if error is not None
                else ValueError(
                    f"evaluation {candidate.id} was {evaluation.status}: {evaluation.error}"
                )
            )
        if self._on_error == "auto" and error is not None and self.nfev <= FIRST_CALLS:
            self._n_raised_first += 1
            self._first_error = self._first_error or error
            if self._n_raised_first == FIRST_CALLS:
                raise _Raised(_noted(self._first_error, "evaluations"))
        if self.nfev > FIRST_CALLS:
            self._first_error = None  # frees its frames
        # While only raising calls were seen, it is not yet known whether the run goes on.
        if self._on_error == "auto" and self._n_raised_first < self.nfev:
            self._warn_once()

    def _warn_once(self) -> None:
        if self._warned or not self._failures:
            return
        self._warned = True
        first = self._failures[0]
        how = "failed" if first.status == FAILED else f"was {first.status}"
        how += f" in {first.worker}" if first.worker else ""
        warnings.warn(
            f"evaluation {first.id} {how}: {first.error.splitlines()[-1] if first.error else ''}; "
            "it is recorded, and so are later ones, without a warning",
            EvaluationWarning,
            stacklevel=7,
        )

    def _result(self, status: str) -> Result:
        elapsed = self.elapsed
        recommended = self.solver.recommend()
        shown = self.solver.closest if recommended is None else recommended
        n = self.nfev
        statuses, workers = np.full(n, OK, object), np.full(n, "", object)
        violations = np.zeros(n)
        for i, violation in self._violations.items():
            violations[i] = violation
        for i, text in self._statuses.items():
            statuses[i] = text
        for i, text in self._workers.items():
            workers[i] = text
        values = np.array(self._values[self._first_value :][:n], np.float64)
        return Result(
            x=None if shown is None else self._decode(shown.candidate),
            fun=math.nan if shown is None else shown.value,
            fun_std=math.nan if shown is None else shown.standard_error,
            nfev_x=0 if shown is None else shown.n_calls,
            maxcv=math.nan if shown is None else max(0.0, shown.evaluation.violation),
            success=recommended is not None,
            status=status,
            message=self._message(status, elapsed, recommended),
            nfev=n,
            nit=self.solver.n_told,
            history=values,
            violations=violations,
            statuses=statuses,
            failures=self._failures,
            n_failed=self.n_failed,
            cancelled=[self._decode(candidate) for candidate in self.solver.in_flight],
            timeline={
                "id": np.array(self._ids, np.int64),
                "started": np.array(self._started, np.float64),
                "finished": np.array(self._finished, np.float64),
                "worker": workers,
            },
            walltime=elapsed,
            seed=self._seed,
        )

    def _message(self, status: str, elapsed: float, recommended: Best | None) -> str:
        reasons = {
            "budget": f"the budget of {self.budget} evaluations was used",
            "time_budget": f"the time budget of {self._time_budget} s was used, and passed by "
            f"{elapsed - (self._time_budget or 0.0):.3g} s",
            "terminal_value": f"the terminal value {self._terminal_value} was reached",
            "stop": "the stopping criterion was met",
            "callback": "a callback stopped it",
            "exhausted": "every point of the space was evaluated",
            "max_failures": f"more than {self._max_failures} evaluations failed",
            "interrupted": "it was interrupted",
            "error": "the objective raised",
        }
        found = "" if recommended is not None else "; no evaluation was ok"
        closest = self.solver.closest
        if recommended is None and closest is not None:
            found = (
                "; no feasible point was found, the least violation is "
                f"{closest.evaluation.violation:.6g}"
            )
        return (
            f"{self.solver.title} stopped after {self.nfev} evaluations: {reasons[status]}{found}"
        )


class _Raised(Exception):
    """Carries the objective's own exception through the loop, whatever its type."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _noted(error: BaseException, what: str) -> BaseException:
    with contextlib.suppress(Exception):  # an exception may refuse attributes
        error.add_note(
            f"zoopt: the first {FIRST_CALLS} {what} all failed; on_error='record' records failures "
            "instead"
        )
    return error


def _attach(error: BaseException, result: Result) -> None:
    if isinstance(error, JournalError):
        error.result = result
    try:
        error.zoopt_result = result  # type: ignore[attr-defined]
    except Exception:  # an exception may refuse attributes: the Result cannot travel on it
        logger.warning("the run ended by %r after %d evaluations", error, result.nfev)
