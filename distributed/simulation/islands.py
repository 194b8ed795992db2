"""Several simulated searches, each with its own driver, that exchange their best points.

Each search runs in a thread. Only one thread runs at a time: the one with the smallest virtual
time. Threads take turns at exchanges, so a thread never reads a point from its future.
"""

import heapq
import threading
from collections.abc import Callable, Sequence
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Best, Evaluation
from zoopt.distributed.simulation.executor import SimulatedExecutor
from zoopt.run.callbacks import Callback
from zoopt.run.result import Result
from zoopt.run.view import SearchView

__all__ = ["Exchange", "run_islands"]


class Baton:
    """Let one of n threads run at a time: the one with the smallest virtual time.

    Parameters
    ----------
    n : int

    Attributes
    ----------
    broken : bool
        Whether all threads must stop.
    """

    def __init__(self, n: int) -> None:
        self._turns = [threading.Semaphore(0) for _ in range(n)]
        self._waiting = [(0.0, i) for i in range(n)]
        self.broken = False

    def begin(self) -> None:
        """Let the next thread run."""
        self._turns[heapq.heappop(self._waiting)[1]].release()

    def wait(self, i: int) -> None:
        """Wait for the first turn of thread i."""
        self._turns[i].acquire()

    def yield_at(self, i: int, now: float) -> None:
        """Let earlier threads run; return when thread i is the earliest."""
        _, first = heapq.heappushpop(self._waiting, (now, i))
        if first != i:
            self._turns[first].release()
            self._turns[i].acquire()

    def leave(self) -> None:
        """End a thread's last turn."""
        if self._waiting:
            self.begin()


class Exchange(Callback):
    """Show an island's best point at regular intervals, and adopt a better point of another.

    An exchange costs the island's driver one message.

    Parameters
    ----------
    island : int
    executor : SimulatedExecutor
    every : int
        Number of tells between two exchanges.
    baton : Baton
    board : list of Best or None
        The best point that each island has shown so far.

    Attributes
    ----------
    n_taken : int
        Number of points adopted.
    """

    def __init__(
        self,
        island: int,
        executor: SimulatedExecutor,
        every: int,
        baton: Baton,
        board: list[Best | None],
    ) -> None:
        self._island = island
        self._executor = executor
        self._every = every
        self._baton = baton
        self._board = board
        self.n_taken = 0

    def on_tell(self, search: SearchView, candidate: Candidate, evaluation: Evaluation) -> None:
        """Exchange points if it is time to.

        Raises
        ------
        StopIteration
            If another island has failed.
        """
        if search.nfev % self._every:
            return
        self._executor.work(self._executor.cluster.message_time)
        self._baton.yield_at(self._island, search.elapsed)
        if self._baton.broken:
            raise StopIteration
        mine = self._board[self._island] = search.best
        others = [best for best in self._board if best is not None]
        if not others:
            return
        theirs = min(others, key=lambda best: best.value)
        if mine is None or theirs.value < mine.value:
            search.solver.tell_point(theirs.candidate, theirs.evaluation)
            self.n_taken += 1


def run_islands(
    searches: Sequence[Callable[[Exchange], Result]],
    executors: Sequence[SimulatedExecutor],
    every: int,
) -> tuple[list[Result], int]:
    """Run searches that exchange points.

    Parameters
    ----------
    searches : sequence of callables
        Each takes a callback, runs a search with it and returns its Result.
    executors : sequence of SimulatedExecutor
        The executor of each search.
    every : int
        Number of tells between two exchanges.

    Returns
    -------
    results : list of Result
    n_taken : int
        Number of points adopted.

    Raises
    ------
    BaseException
        The first exception of a search; the other searches are stopped.
    """
    n = len(searches)
    baton = Baton(n)
    board: list[Best | None] = [None] * n
    exchanges = [Exchange(i, executors[i], every, baton, board) for i in range(n)]
    results: list[Any] = [None] * n
    errors: list[BaseException] = []

    def island(i: int) -> None:
        baton.wait(i)
        try:
            if not baton.broken:
                results[i] = searches[i](exchanges[i])
        except BaseException as error:
            errors.append(error)
            baton.broken = True
        finally:
            baton.leave()

    threads = [threading.Thread(target=island, args=(i,), name=f"island {i}") for i in range(n)]
    for thread in threads:
        thread.start()
    try:
        baton.begin()
        for thread in threads:
            thread.join()
    except BaseException:
        baton.broken = True  # each search stops at its next exchange
        for thread in threads:
            thread.join()
        raise
    if errors:
        raise errors[0]
    return results, sum(exchange.n_taken for exchange in exchanges)
