"""The window: outcomes in order of submission, so that a run does not depend on timing."""

from collections import deque

from zoopt.core.candidate import Candidate
from zoopt.core.evaluation import Evaluation
from zoopt.run.executor import Evaluate, Executor, Outcome

__all__ = ["WindowExecutor"]


class WindowExecutor(Executor):
    """Releases the outcomes of another executor one by one, in order of submission.

    The loop sees ``window`` candidates in flight, however many the other executor takes and in
    whatever order it finishes them.

    Parameters
    ----------
    inner : Executor
    window : int
        Largest number of candidates submitted and not yet released.
    """

    capacity = 1

    def __init__(self, inner: Executor, window: int) -> None:
        self.capacity = window
        self._inner = inner
        self._order: deque[Candidate] = deque()
        self._waiting: deque[Candidate] = deque()
        self._done: dict[int, Evaluation] = {}
        self._n_inside = 0

    def clock(self) -> float:
        return self._inner.clock()

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        self._inner.start(evaluate, budget, origin, self.capacity)

    def submit(self, candidate: Candidate) -> None:
        self._order.append(candidate)
        self._waiting.append(candidate)
        if not self._inner.immediate:
            self._feed()

    def _feed(self) -> None:
        """Submit waiting candidates to the inner executor; to an immediate one, only the first."""
        while self._waiting and self._n_inside < self._inner.capacity:
            candidate = self._waiting.popleft()
            evaluation = self._inner.submit(candidate)
            if evaluation is not None:
                self._done[candidate.id] = evaluation
                return
            self._n_inside += 1

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        deadline = None if timeout is None else self.clock() + timeout
        head = self._order[0]
        while head.id not in self._done:
            self._feed()
            if head.id in self._done:
                break
            left = None if deadline is None else max(0.0, deadline - self.clock())
            for candidate, evaluation in self._inner.collect(left):
                self._done[candidate.id] = evaluation
                self._n_inside -= 1
            if left == 0.0 and head.id not in self._done:
                return []
        if not self._inner.immediate:
            self._feed()
        return [(self._order.popleft(), self._done.pop(head.id))]

    def cancel(self, ident: int) -> None:
        self._order = deque(c for c in self._order if c.id != ident)
        self._waiting = deque(c for c in self._waiting if c.id != ident)
        if self._done.pop(ident, None) is None:
            self._inner.cancel(ident)

    def close(self) -> None:
        self._inner.close()
