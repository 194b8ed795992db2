"""The executor that keeps a journal: it replays the file, then records new evaluations in it.

The loop does not know whether there is a journal. A resumed run is run again from the beginning:
each ask is checked against the file, and outcomes are read from the file in their recorded order.
"""

import os
from collections import deque
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.errors import JournalError
from zoopt.core.evaluation import OK, Evaluation
from zoopt.run.executor import Evaluate, Executor, Outcome
from zoopt.run.journal import Asked, Journal, Told

__all__ = ["JournalExecutor"]


class JournalExecutor(Executor):
    """Replays a journal, then records the evaluations of another executor in it.

    Parameters
    ----------
    inner : Executor
    path, header
        Arguments of `Journal`; `start` opens the file and `close` closes it.
    """

    def __init__(
        self, inner: Executor, path: str | os.PathLike[str], header: dict[str, Any]
    ) -> None:
        self.immediate = inner.immediate
        self.replaying = False
        self.replayed_step = False
        self._inner = inner
        self._path = path
        self._header = header
        self._is_open = False

    def clock(self) -> float:
        return self._inner.clock()

    @property
    def behind(self) -> bool:
        return self._n_to_replay > 0

    @property
    def capacity(self) -> int:
        if self._next is not None:  # the loop asks or waits exactly as the recorded run did
            return len(self._flight) + (1 if isinstance(self._next, Asked) else 0)
        return self._inner.capacity

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        self._journal = journal = Journal(self._path, self._header, budget)
        self._is_open = True
        self.elapsed = journal.elapsed
        self._origin = origin - journal.elapsed
        self._n_to_replay = journal.n_told
        self._events = journal.events()
        self._next: Asked | Told | None = next(self._events, None)
        self._flight: dict[int, Candidate] = {}
        self._again: deque[Candidate] = deque()
        self._n_inside = 0
        try:
            if budget < journal.n_asked:
                raise ValueError(
                    f"budget must be at least the {journal.n_asked} evaluations that "
                    f"{journal.path} holds, got {budget}"
                )
            self._inner.start(evaluate, budget, self._origin, in_flight)
        except BaseException:
            self._is_open = False
            journal.close(journal.elapsed)
            raise

    def submit(self, candidate: Candidate) -> Evaluation | None:
        if self._next is not None:
            self._replay_ask(candidate)
            return None
        self._journal.asked(candidate)
        if self._again:  # candidates that were in flight when the run ended come first
            self._flight[candidate.id] = candidate
            self._again.append(candidate)
            return None
        if not self.immediate:
            return self._pass_on(candidate)
        self.replaying = False
        evaluation = self._inner.submit(candidate)
        assert evaluation is not None
        self._journal.told(candidate, evaluation)
        self._journal.commit_if_due()
        return evaluation

    def _replay_ask(self, candidate: Candidate) -> None:
        if not isinstance(self._next, Asked) or not self._next.is_that_of(candidate):
            raise self._mismatch(f"ask {candidate.id}")
        self._flight[candidate.id] = candidate
        self._next = next(self._events, None)
        if self._next is None:
            self._again.extend(self._flight.values())

    def _mismatch(self, where: str) -> JournalError:
        return JournalError(
            f"{self._journal.path} does not fit this run: {where} differs from the file, so the "
            "solver, its options or the version of zoopt has changed; the file was left unchanged"
        )

    def _pass_on(self, candidate: Candidate) -> Evaluation | None:
        self._flight[candidate.id] = candidate
        evaluation = self._inner.submit(candidate)
        if evaluation is None:
            self._n_inside += 1
        else:
            self._note([(candidate, evaluation)])
        return evaluation

    def _note(self, outcomes: list[Outcome]) -> None:
        self.replaying = False
        for candidate, evaluation in outcomes:
            del self._flight[candidate.id]
            self._journal.told(candidate, evaluation)
        self._journal.commit_if_due()

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        if self._next is not None:
            return [self._replay_tell()]
        while self._again and self._n_inside < self._inner.capacity:
            candidate = self._again.popleft()
            evaluation = self._pass_on(candidate)
            if evaluation is not None:
                return [(candidate, evaluation)]
        until = None if timeout is None else self.clock() + timeout
        room = self._inner.capacity
        while True:
            left = None if until is None else max(0.0, until - self.clock())
            due = self._journal.seconds_to_commit
            patience = left if due is None else due if left is None else min(due, left)
            outcomes = self._inner.collect(patience)
            if outcomes:
                self._n_inside -= len(outcomes)
                self._note(outcomes)
                return outcomes
            self._journal.commit_if_due()
            if self._inner.capacity > room or (until is not None and self.clock() >= until):
                return []

    def _replay_tell(self) -> Outcome:
        told = self._next
        if not isinstance(told, Told) or told.id not in self._flight:
            n_replayed = self._journal.n_told - self._n_to_replay
            raise self._mismatch(f"the event after {n_replayed} tells")
        self.replaying = True
        self._n_to_replay -= 1
        candidate = self._flight.pop(told.id)
        if candidate.record is not None and told.evaluation.status == OK:
            self.replayed_step = True
        self._next = next(self._events, None)
        if self._next is None:
            self._again.extend(self._flight.values())
        return candidate, told.evaluation

    def cancel(self, ident: int) -> None:
        if ident in self._flight and all(c.id != ident for c in self._again):
            self._inner.cancel(ident)

    def close(self) -> None:
        if not self._is_open:
            return
        try:
            self._inner.close()
        finally:
            self._journal.close(self.clock() - self._origin)
            self._is_open = False
