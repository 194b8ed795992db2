"""Executors on threads, and on a pool of the user's own."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import Executor as Pool
from typing import Any

from zoopt.checks import whole
from zoopt.contract import LOST, Candidate, Evaluation
from zoopt.errors import ExecutorError
from zoopt.run.executor import Evaluate, Outcome, SerialExecutor
from zoopt.run.worker import Shipment, evaluation_of, run_shipment

__all__ = ["FuturesExecutor", "ThreadExecutor"]


class _Queued:
    """Outcomes that other threads put into a queue."""

    immediate = False

    def __init__(self, workers: int) -> None:
        self.capacity = whole(workers, "workers", least=1)
        self._cancelled: set[int] = set()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        try:
            results = [self._results.get(timeout=timeout)]
            while True:
                results.append(self._results.get_nowait())
        except queue.Empty:
            pass
        outcomes = map(self._outcome, results)
        return [outcome for outcome in outcomes if outcome[0].id not in self._cancelled]

    def _outcome(self, result: Any) -> Outcome:
        outcome: Outcome = result
        return outcome

    def cancel(self, ident: int) -> None:
        self._cancelled.add(ident)


class ThreadExecutor(_Queued):
    """Evaluates in threads: for objectives that wait, or that release the interpreter's lock.

    A thread cannot be stopped from outside: the end of a run waits for the calls under way.

    Parameters
    ----------
    workers : int
        Number of threads, at least 1.

    Examples
    --------
    >>> import zoopt
    >>> pool = zoopt.ThreadExecutor(2)
    >>> zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=40, seed=0, backend=pool).nfev
    40
    """

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._tasks: queue.SimpleQueue[Candidate | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        one = SerialExecutor()
        one.start(evaluate, budget, origin)

        def work() -> None:
            name = threading.current_thread().name
            while (candidate := self._tasks.get()) is not None:
                if candidate.id not in self._cancelled:
                    evaluation = one.submit(candidate)
                    evaluation.worker = name
                    self._results.put((candidate, evaluation))

        for i in range(self.capacity):
            thread = threading.Thread(target=work, name=f"thread {i}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def submit(self, candidate: Candidate) -> None:
        self._tasks.put(candidate)

    def close(self) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()


class FuturesExecutor(_Queued):
    """Evaluates in an executor of the user's, which is left open at the end.

    Parameters
    ----------
    pool : concurrent.futures.Executor
        Or whatever has its ``submit``. Everything but a thread pool is sent cloudpickled objects.
    workers : int, optional
        How many candidates are in flight; by default as many as the pool has workers.

    Raises
    ------
    ValueError
        If the pool does not tell its number of workers, and none is given.
    ExecutorError
        In the run, if the pool breaks: that of the standard library does when a worker dies;
        `ProcessExecutor` does not.

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
            raise ValueError(f"workers must be given: {pool!r} does not tell how many it has")
        super().__init__(workers)
        self._pool = pool
        self._futures: dict[int, Future[Any]] = {}
        self._call: Callable[[Candidate], tuple[Any, ...]]
        self._origin = 0.0

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        self._origin = origin
        if in_flight is not None:
            self.capacity = max(self.capacity, in_flight)
        if isinstance(self._pool, ThreadPoolExecutor):
            one = SerialExecutor()
            one.start(evaluate, budget, origin)
            self._call = lambda candidate: (_evaluate_here, one, candidate)
            return
        shipment = Shipment.of(evaluate)
        self._call = lambda candidate: (
            run_shipment,
            shipment,
            (candidate.id, candidate.u, candidate.origin),
        )

    def submit(self, candidate: Candidate) -> None:
        try:
            future = self._pool.submit(*self._call(candidate))
        except (BrokenExecutor, RuntimeError) as error:
            raise _broken(error) from error
        self._futures[candidate.id] = future
        future.add_done_callback(lambda done: self._results.put((candidate, done)))

    def _outcome(self, result: tuple[Candidate, Future[Any]]) -> Outcome:
        candidate, future = result
        self._futures.pop(candidate.id, None)
        try:
            report = future.result()
        except CancelledError:
            return candidate, Evaluation(float("nan"), LOST, error="it was cancelled")
        except BrokenExecutor as error:
            if candidate.id in self._cancelled:
                return candidate, Evaluation(float("nan"), LOST, error=str(error))
            raise _broken(error) from error
        if isinstance(report, Evaluation):
            return candidate, report
        return candidate, evaluation_of(report, self._origin)

    def cancel(self, ident: int) -> None:
        super().cancel(ident)
        if ident in self._futures:
            self._futures[ident].cancel()

    def close(self) -> None:
        for future in list(self._futures.values()):
            future.cancel()
        for future in list(self._futures.values()):
            if not future.cancelled():
                future.exception()  # waits for a call under way
        self._futures.clear()


def _evaluate_here(one: SerialExecutor, candidate: Candidate) -> Evaluation:
    evaluation = one.submit(candidate)
    evaluation.worker = threading.current_thread().name
    return evaluation


def _broken(error: BaseException) -> ExecutorError:
    return ExecutorError(
        f"the pool broke ({error}); ProcessExecutor, or workers=n, survives workers that die"
    )
