"""The one loop that runs a solver: ask while there is room, submit, collect, tell, record, stop."""

import contextlib
import logging
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.errors import ExecutorInUse, Exhausted, JournalError
from zoopt.core.evaluation import OK, PRUNED, Best, Evaluation
from zoopt.core.solver import Solver
from zoopt.pruning import Pruner
from zoopt.run.callbacks import as_callbacks
from zoopt.run.executor import Evaluate, Executor, Outcome
from zoopt.run.failures import FailurePolicy, ObjectiveRaised
from zoopt.run.points import KeptPoints
from zoopt.run.record import Failure, RunRecord, Tried
from zoopt.run.result import Result
from zoopt.run.stopping import StopRules

__all__ = ["Search"]

logger = logging.getLogger("zoopt")


class Search:
    """A run of a solver on an executor.

    Parameters
    ----------
    solver : Solver
    executor : Executor
    evaluate : callable
        ``evaluate(candidate) -> (value, violation)``, for the executor; see `zoopt.run.executor`.
    budget : int
        Largest number of evaluations.
    rules : StopRules, optional
        Rules that may end the run earlier.
    callbacks : iterable of `Callback` or callables
    on_error : {"auto", "raise", "record"}
        See `zoopt.run.failures.FailurePolicy`.
    decode : callable, optional
        Returns the point of a candidate as the user sees it; by default its ``x``.
    seed : SeedSequence, optional
        The run's seed, for the Result.
    values : list, optional
        List to which reported values are appended, NaN for failures.
    keep_points : int
        How many of the last points the Result holds.
    pruner : Pruner, optional
        Receives every outcome, and gives each candidate its cutoffs. The run changes it, so pass a
        copy.

    Attributes
    ----------
    nfev : int
        Number of evaluations so far.
    best : Best or None
    last_value : float
        The value reported last; NaN if that evaluation failed, or before the first one.
    elapsed : float
        Seconds since the start; a resumed run counts its earlier parts.
    time_left : float or None
        Seconds until the time budget is used; None if there is no time budget, and while a resumed
        run still replays recorded outcomes.
    replaying : bool
        Whether the last outcome belongs to an earlier part of a resumed run.
    n_failed, n_pruned : int
    """

    def __init__(
        self,
        solver: Solver,
        executor: Executor,
        evaluate: Evaluate,
        *,
        budget: int,
        rules: StopRules | None = None,
        callbacks: Iterable[Any] = (),
        on_error: str = "auto",
        decode: Callable[[Candidate], Any] = operator.attrgetter("x"),
        seed: np.random.SeedSequence | None = None,
        values: list[float] | None = None,
        keep_points: int = 0,
        pruner: Pruner | None = None,
    ) -> None:
        self.solver = solver
        self.budget = budget
        self._executor = executor
        self._evaluate = evaluate
        self._rules = StopRules() if rules is None else rules
        self._callbacks = as_callbacks(callbacks)
        self._failures = FailurePolicy(on_error)
        self._record = RunRecord([] if values is None else values)
        self._points = KeptPoints(solver.space, keep_points) if keep_points else None
        self._decode = decode
        self._pruner = pruner
        self._seed = seed if seed is None or seed.spawn_key else seed.entropy
        self._start = 0.0

    @property
    def nfev(self) -> int:
        return len(self._record)

    @property
    def n_failed(self) -> int:
        return self._record.n_failed

    @property
    def n_pruned(self) -> int:
        return self._record.n_pruned

    @property
    def last_value(self) -> float:
        return self._record.values[-1] if len(self._record) else math.nan

    @property
    def elapsed(self) -> float:
        return self._executor.clock() - self._start

    @property
    def time_left(self) -> float | None:
        return None if self._executor.behind else self._rules.time_left(self.elapsed)

    @property
    def best(self) -> Best | None:
        return self.solver.best

    @property
    def replaying(self) -> bool:
        return self._executor.replaying

    def run(self) -> Result:
        """Run to the end and return the Result.

        The executor is closed even if the run fails, unless another run is using it.

        Raises
        ------
        Exception
            The exception that the objective raised, if ``on_error`` lets it end the run; its
            attribute ``zoopt_result`` holds the Result so far.
        """
        executor = self._executor
        self._start = executor.clock()
        error: BaseException | None = None
        try:
            executor.start(self._evaluate, self.budget, self._start)
            self._start -= executor.elapsed
            logger.info("%s starts on %d columns", self.solver.title, self.solver.space.n_columns)
            status = self._loop_until_stopped()
            executor.close()
            self._failures.end()
        except ExecutorInUse:  # another run is using the executor and will close it
            raise
        except ObjectiveRaised as raised:
            status, error = "error", raised.error
        except BaseException as raised:
            status, error = "error", raised
        try:
            executor.close()
        finally:
            result = self._result(status)
            try:
                self._end_callbacks(result)
            finally:
                if error is not None:
                    _attach(error, result)
                    raise error
        logger.info("%s", result.message)
        return result

    def _loop_until_stopped(self) -> str:
        try:
            for callback in self._callbacks:
                callback.on_start(self)
            status = self._loop()
        except StopIteration:
            return "callback"
        except KeyboardInterrupt:
            return "interrupted"
        if status not in ("budget", "exhausted"):
            for candidate in self.solver.in_flight:
                self._executor.cancel(candidate.id)
        return status

    def _end_callbacks(self, result: Result) -> None:
        with contextlib.suppress(StopIteration):
            for callback in self._callbacks:
                callback.on_end(self, result)

    def _loop(self) -> str:
        solver, executor, record, points = self.solver, self._executor, self._record, self._points
        ask, tell = solver.ask, solver.tell
        submit = executor.submit if self._pruner is None else self._submit_with_cutoffs
        add_value, add_id = record.values.append, record.ids.append
        add_start, add_finish = record.started.append, record.finished.append
        keep = None if points is None else points.add
        is_watched = bool(self._callbacks) or bool(self._rules) or self._pruner is not None
        known = self.best
        if known is not None and self._rules:
            reason = self._rules.reason(self, known.evaluation)
            if reason is not None:
                return reason
        budget = self.budget
        n_submitted = n_in_flight = 0
        is_exhausted = False
        collected: list[Outcome] = []
        while True:
            evaluation = None
            while not collected and n_submitted < budget and n_in_flight < executor.capacity:
                try:
                    candidate = ask()
                except Exhausted:
                    is_exhausted = True
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
                        return "exhausted" if is_exhausted else "budget"
                    time_left = self.time_left
                    if time_left == 0.0:
                        return "time_budget"
                    collected = executor.collect(time_left)[::-1]
                    continue
                candidate, evaluation = collected.pop()
                n_in_flight -= 1
            assert candidate is not None
            if keep is not None:
                keep(candidate)
            tell(candidate, evaluation)
            add_value(evaluation.value)
            add_id(candidate.id)
            add_start(evaluation.started)
            add_finish(evaluation.finished)
            if (
                is_watched
                or evaluation.worker
                or evaluation.violation
                or evaluation.reports
                or evaluation.status != OK
            ):
                reason = self._take_note(candidate, evaluation)
                if reason is not None:
                    return reason

    def _submit_with_cutoffs(self, candidate: Candidate) -> Evaluation | None:
        """Submit a candidate with all that the pruner's decisions about it depend on."""
        assert self._pruner is not None
        candidate.cutoffs = self._pruner.cutoffs(candidate.id)
        return self._executor.submit(candidate)

    def _take_note(self, candidate: Candidate, evaluation: Evaluation) -> str | None:
        """Record failures and details, call the callbacks, return the reason to stop, if any."""
        self._record.note(evaluation)
        if self._pruner is not None:
            self._pruner.tell(candidate.id, evaluation)
        if evaluation.status not in (OK, PRUNED):
            ident, worker = candidate.id, evaluation.worker
            point = self._decode(candidate)
            self._record.list_failure(
                Failure(ident, evaluation.status, evaluation.error, point, worker)
            )
            self._failures.judge(ident, evaluation, self.nfev, self.replaying)
        for callback in self._callbacks:
            callback.on_tell(self, candidate, evaluation)
        return self._rules.reason(self, evaluation) if self._rules else None

    def _result(self, status: str) -> Result:
        elapsed = self.elapsed
        solver, record = self.solver, self._record
        recommended, closest = solver.recommend(), solver.closest
        shown = closest if recommended is None else recommended
        reason = self._rules.message(status, self.budget, elapsed)
        found = ""
        if recommended is None and closest is None:
            found = "; no evaluation succeeded"
        elif recommended is None and closest is not None:
            least = closest.evaluation.violation
            found = f"; no feasible point was found, the least violation is {least:.6g}"
        return Result(
            x=None if shown is None else self._decode(shown.candidate),
            fun=math.nan if shown is None else shown.value,
            fun_std=math.nan if shown is None else shown.standard_error,
            nfev_x=0 if shown is None else shown.n_calls,
            maxcv=math.nan if shown is None else max(0.0, shown.evaluation.violation),
            from_known=shown is not None and shown.is_known,
            success=recommended is not None,
            status=status,
            message=f"{solver.title} stopped after {self.nfev} evaluations: {reason}{found}",
            nfev=self.nfev,
            nit=solver.n_told,
            history=record.history,
            violations=record.violations,
            statuses=record.statuses,
            failures=record.failures,
            n_failed=record.n_failed,
            n_pruned=record.n_pruned,
            cancelled=[self._decode(candidate) for candidate in solver.in_flight],
            timeline=record.timeline,
            walltime=elapsed,
            seed=self._seed,
            tried=Tried(record, self._points, self._decode, solver.space),
        )


def _attach(error: BaseException, result: Result) -> None:
    if isinstance(error, JournalError):
        error.result = result
    try:
        error.zoopt_result = result  # type: ignore[attr-defined]
    except Exception:  # some exceptions refuse attributes
        logger.warning("the run ended with %r after %d evaluations", error, result.nfev)
