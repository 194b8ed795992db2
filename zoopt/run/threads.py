"""Executors on threads, and on a pool that the user provides."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import Executor as Pool
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.errors import ExecutorError, ExecutorInUse
from zoopt.core.evaluation import LOST, Evaluation
from zoopt.run.executor import Evaluate, Executor, Outcome, SerialExecutor, failure
from zoopt.run.worker import Shipment, evaluation_of, run_shipment, task_of

__all__ = ["FuturesExecutor", "ThreadExecutor"]


class _Queued(Executor):
    """Outcomes arrive from other threads through a queue; each run has a new queue."""

    capacity = 1

    def __init__(self, workers: int) -> None:
        self.workers = self.capacity = whole(workers, "workers", least=1)
        self._in_use = False

    def _begin(self) -> None:
        if self._in_use:
            raise ExecutorInUse(
                "this executor is in use; runs at the same time need separate executors"
            )
        self._in_use = True
        self._cancelled: set[int] = set()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        """Wait for at least one outcome, or for the timeout in seconds."""
        results = []
        try:
            results.append(self._results.get(timeout=_bounded(timeout)))
            while True:
                results.append(self._results.get_nowait())
        except queue.Empty:
            pass
        return [
            (candidate, evaluation)
            for candidate, evaluation in map(self._outcome, results)
            if candidate.id not in self._cancelled
        ]

    def _outcome(self, result: Any) -> Outcome:
        outcome: Outcome = result
        return outcome

    def cancel(self, ident: int) -> None:
        """Discard the outcome of a candidate, given by its id."""
        self._cancelled.add(ident)


def _bounded(timeout: float | None) -> float | None:
    """Return a timeout that the system's clocks accept; the caller waits again if needed."""
    return None if timeout is None else min(timeout, 3600.0)


class ThreadExecutor(_Queued):
    """Evaluate in threads: for objectives that wait, or that release the interpreter's lock.

    Threads cannot be stopped from outside, so the end of a run waits for running evaluations.

    Parameters
    ----------
    workers : int
        Number of threads, at least 1.

    Raises
    ------
    TypeError, ValueError
        If ``workers`` is not a positive integer.

    See Also
    --------
    ProcessExecutor : For objectives that compute in Python, hang or crash.

    Examples
    --------
    >>> import zoopt
    >>> pool = zoopt.ThreadExecutor(2)
    >>> zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=40, seed=0, backend=pool).nfev
    40
    """

    in_process = True

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Start the threads; see `zoopt.run.executor.Executor.start`."""
        self._begin()
        self._tasks: queue.SimpleQueue[Candidate | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        one = SerialExecutor()
        one.start(evaluate, budget, origin)
        tasks, results, cancelled = self._tasks, self._results, self._cancelled

        def work() -> None:
            while (candidate := tasks.get()) is not None:
                if candidate.id not in cancelled:
                    results.put((candidate, _evaluate_here(one, candidate)))

        for i in range(self.workers):
            thread = threading.Thread(target=work, name=f"thread {i}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate for the next free thread."""
        self._tasks.put(candidate)

    def close(self) -> None:
        """Wait for running evaluations and end the threads."""
        if not self._in_use:
            return
        self._in_use = False
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:  # a second Ctrl-C abandons them; they are daemons
            thread.join()


class FuturesExecutor(_Queued):
    """Evaluate in an executor that the user provides and closes.

    Parameters
    ----------
    pool : concurrent.futures.Executor
        Any object with the same ``submit`` works. The objective is pickled by cloudpickle, except
        for a ``ThreadPoolExecutor``.
    workers : int, optional
        Number of candidates in flight. The default is the pool's number of workers.

    Raises
    ------
    TypeError, ValueError
        If ``workers`` is not a positive integer, or is missing and unknown for this pool.
    ExecutorError
        During a run, if the pool breaks. The standard library's process pool breaks when a worker
        dies; `ProcessExecutor` does not.

    Examples
    --------
    >>> import zoopt
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with ThreadPoolExecutor(2) as pool:  # backend=pool is the short form
    ...     backend = zoopt.FuturesExecutor(pool)
    ...     zoopt.minimize(lambda x: x[0], [(-1, 1)], budget=40, seed=0, backend=backend).nfev
    40
    """

    def __init__(self, pool: Pool, workers: int | None = None) -> None:
        if workers is None:
            workers = getattr(pool, "_max_workers", None)
        if workers is None:
            raise ValueError(f"workers must be given: the number of workers of {pool!r} is unknown")
        super().__init__(workers)
        self._pool = pool
        self.in_process = isinstance(pool, ThreadPoolExecutor)

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Pickle the objective if the pool needs it; see `zoopt.run.executor.Executor.start`."""
        self._begin()
        self._futures: dict[int, Future[Any]] = {}
        self._origin = origin
        self.capacity = max(self.workers, in_flight or 0)
        self._call: Callable[[Candidate], tuple[Any, ...]]
        if self.in_process:
            one = SerialExecutor()
            one.start(evaluate, budget, origin)
            self._call = lambda candidate: (_evaluate_here, one, candidate)
            return
        try:
            shipment = Shipment.of(evaluate)
        except BaseException:
            self._in_use = False
            raise
        self._call = lambda candidate: (run_shipment, shipment, task_of(candidate))

    def submit(self, candidate: Candidate) -> None:
        """Submit a candidate to the pool."""
        try:
            future = self._pool.submit(*self._call(candidate))
        except (BrokenExecutor, RuntimeError) as error:
            raise _broken(error) from error
        self._futures[candidate.id] = future
        results = self._results
        future.add_done_callback(lambda done: results.put((candidate, done)))

    def _outcome(self, result: tuple[Candidate, Future[Any]]) -> Outcome:
        candidate, future = result
        self._futures.pop(candidate.id, None)
        try:
            report = future.result()
        except CancelledError:
            return candidate, Evaluation(float("nan"), LOST, error="the pool cancelled it")
        except BrokenExecutor as error:
            if candidate.id in self._cancelled:
                return candidate, Evaluation(float("nan"), LOST, error=str(error))
            raise _broken(error) from error
        if isinstance(report, Evaluation):
            return candidate, report
        return candidate, evaluation_of(report, self._origin)

    def cancel(self, ident: int) -> None:
        """Discard the outcome of a candidate; one that has not begun is not evaluated."""
        super().cancel(ident)
        if ident in self._futures:
            self._futures[ident].cancel()

    def close(self) -> None:
        """Cancel queued candidates and wait for running ones; the pool stays open."""
        if not self._in_use:
            return
        self._in_use = False
        futures = list(self._futures.values())
        for future in futures:
            future.cancel()
        for future in futures:
            if not future.cancelled():
                future.exception()  # waits for a running call


def _evaluate_here(one: SerialExecutor, candidate: Candidate) -> Evaluation:
    try:
        evaluation = one.submit(candidate)
    except BaseException as error:  # outside the main thread, it would end this thread only
        evaluation = failure(error)
    evaluation.worker = threading.current_thread().name
    return evaluation


def _broken(error: BaseException) -> ExecutorError:
    return ExecutorError(
        f"the pool broke ({error}); ProcessExecutor (or workers=n) survives the death of workers"
    )
