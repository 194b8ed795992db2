"""The supervisor: distributes candidates over workers that may raise, hang or die.

It owns the queue, the assignment of candidates to workers, message sizes, deadlines and retries.
Subclasses know how to start, reach and stop a worker.
"""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from time import perf_counter
from typing import Generic, TypeVar

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.errors import ExecutorError, ExecutorInUse
from zoopt.core.evaluation import LOST, TIMEOUT, Evaluation
from zoopt.run.executor import Evaluate, Executor, Outcome
from zoopt.run.worker import Readiness, Report, evaluation_of

__all__ = ["Supervisor", "Worker"]

logger = logging.getLogger("zoopt")

#: How often the driver checks on its workers while they are silent.
LOOK_SECONDS = 0.25


class Worker(ABC):
    """The driver's view of a worker.

    Parameters
    ----------
    name : str

    Attributes
    ----------
    name : str
    ready : bool
        Whether it has loaded the objective.
    messages : deque of lists of Candidate
        Messages sent and not answered yet; the first one is being evaluated.
    since : float
        When the first message, or loading, began.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = False
        self.messages: deque[list[Candidate]] = deque()
        self.since = perf_counter()

    def give(self, candidates: list[Candidate]) -> None:
        """Send a message and remember it."""
        if not self.messages:
            self.since = perf_counter()
        self.messages.append(candidates)
        self.send(candidates)

    @abstractmethod
    def send(self, candidates: list[Candidate]) -> None:
        """Send a message without blocking."""

    def evaluation_of(self, report: Report, origin: float) -> Evaluation:
        """Return the evaluation that a report describes, in seconds since ``origin``."""
        return evaluation_of(report, origin)


W = TypeVar("W", bound=Worker)


class Supervisor(Executor, Generic[W]):
    """An executor over workers of one kind.

    Subclasses start, hear and stop the workers in `_open`, `_hire`, `_listen`, `_release` and
    `_shut`.

    Parameters
    ----------
    workers : int
    eval_timeout : float or None
        Seconds after which an evaluation is stopped.
    retries : int
        How often an evaluation is repeated after its worker died, before it counts as lost.
    max_in_flight : int or None
        Upper limit on candidates submitted and not finished.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.
    """

    #: Whether an answer is safe once it is sent, even if the worker dies at its next message.
    answers_first = True
    #: If evaluations take less than this many seconds, up to twice as many candidates as workers
    #: are in flight.
    short: float
    #: If evaluations take less than this many seconds, workers get their next message while they
    #: are still busy.
    sent_ahead: float
    #: Target duration of a message, in seconds of evaluation.
    message_seconds: float
    #: Target duration of all messages sent ahead to a worker; at least one is sent.
    queue_seconds: float

    def __init__(
        self,
        workers: int,
        eval_timeout: float | None,
        retries: int,
        max_in_flight: int | None,
    ) -> None:
        self.workers = whole(workers, "workers", least=1)
        self.eval_timeout = None
        if eval_timeout is not None:
            self.eval_timeout = number(eval_timeout, "eval_timeout", least=0.0)
        self.retries = whole(retries, "retries", least=0)
        self.max_in_flight = None
        if max_in_flight is not None:
            self.max_in_flight = whole(max_in_flight, "max_in_flight", least=1)
        self._team: list[W] = []
        self._is_open = False

    # ------------------------------------------------------------- for subclasses

    @abstractmethod
    def _open(self, evaluate: Evaluate) -> None:
        """Prepare for hiring; `_shut` is called afterwards even if this fails."""

    @abstractmethod
    def _hire(self, name: str) -> W:
        """Start a worker without waiting until it is ready."""

    @abstractmethod
    def _listen(self, seconds: float) -> None:
        """Wait for messages from workers.

        Pass answers to `_welcome` or `_hear`, and workers that died to `_bury`.
        """

    @abstractmethod
    def _release(self, worker: W, patience: float = 0.0) -> str:
        """Stop a worker; return how it ended.

        Parameters
        ----------
        worker : Worker
        patience : float
            Seconds to wait for a worker that is ending by itself.
        """

    @abstractmethod
    def _shut(self) -> None:
        """Stop all workers and release all resources."""

    def _n_wanted(self) -> int:
        """Return the number of workers that should exist now."""
        return min(self.workers, self._n_inside)

    def _n_at_work(self) -> int:
        """Return the number of workers from which the capacity is computed."""
        return self.workers

    # ------------------------------------------------------------- the executor

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Get ready for a run; workers are started when candidates are submitted.

        Parameters
        ----------
        evaluate, budget, origin, in_flight
            As in `zoopt.run.executor.Executor.start`.

        Raises
        ------
        ExecutorInUse
            If another run has not closed this executor.
        TypeError
            If the objective cannot be pickled.
        """
        if self._is_open:
            raise ExecutorInUse(
                "this executor is in use; runs at the same time need separate executors"
            )
        self._budget = budget
        self._origin = origin
        self._given = self.max_in_flight if self.max_in_flight is not None else in_flight
        self._waiting: deque[Candidate] = deque()
        self._outcomes: list[Outcome] = []
        self._cancelled: set[int] = set()
        self._n_deaths_of: dict[int, int] = {}
        #: Candidates sent one per message, because one of them killed a worker.
        self._alone: set[int] = set()
        self._mean: float | None = None
        self._n_inside = 0
        self._n_hired = 0
        self._n_deaths_in_a_row = 0
        self._is_open = True
        try:
            self._open(evaluate)
        except BaseException:
            self.close()
            raise

    @property
    def capacity(self) -> int:
        """How many candidates may be in flight; depends on how long evaluations take."""
        if self._given is not None:
            return self._given
        n = self._n_at_work()
        return max(n, min(2 * n, self._budget // 10)) if self._take_less_than(self.short) else n

    def _take_less_than(self, seconds: float) -> bool:
        return self._mean is not None and self._mean < seconds

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate, and send it if a worker is idle."""
        self._waiting.append(candidate)
        self._n_inside += 1
        self._dispatch(depth=1)  # messages sent ahead are filled in `collect`

    def cancel(self, ident: int) -> None:
        """Discard the outcome of a candidate, given by its id."""
        self._cancelled.add(ident)

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        """Wait for outcomes, for more capacity, or for the timeout in seconds.

        Raises
        ------
        ExecutorError
            If workers cannot load the objective, or die one after another without a result.
        """
        until = None if timeout is None else perf_counter() + timeout
        room = self.capacity
        while True:
            self._dispatch(self._depth())
            self._listen(0.0 if self._outcomes else self._seconds_until(until))
            self._stop_what_is_late()
            outcomes = [
                (candidate, evaluation)
                for candidate, evaluation in self._outcomes
                if candidate.id not in self._cancelled
            ]
            self._outcomes.clear()
            if outcomes or self.capacity > room:
                return outcomes
            if until is not None and perf_counter() >= until:
                return []

    def close(self) -> None:
        """Stop all workers; the executor can then serve another run."""
        if not self._is_open:
            return
        try:
            self._shut()
        finally:
            self._team.clear()
            self._is_open = False

    # ------------------------------------------------------------- sending and hearing

    def _dispatch(self, depth: int) -> None:
        """Hire missing workers and send waiting candidates, up to ``depth`` messages per worker."""
        while len(self._team) < self._n_wanted():
            self._team.append(self._hire(str(self._n_hired)))
            self._n_hired += 1
        for level in range(depth):
            for worker in self._team:
                if not self._waiting:
                    return
                if level and not self.answers_first and self._must_be_alone(worker):
                    continue
                if len(worker.messages) == level and self._takes(worker):
                    self._give(worker, self._next_message())

    def _depth(self) -> int:
        """Return how many unanswered messages a worker may have."""
        if self._mean is None or self._mean >= self.sent_ahead:
            return 1
        each = max(self._mean, 1e-9) * max(1.0, self._message_size())
        n_ahead = min(self.queue_seconds / each, self._n_inside / self._n_at_work())
        return 1 + max(1, int(n_ahead))

    def _must_be_alone(self, worker: W) -> bool:
        """Return whether a second message would hide which evaluation kills the worker."""
        if not self._alone:
            return False
        ids = [candidate.id for message in worker.messages for candidate in message]
        return not self._alone.isdisjoint([*ids, self._waiting[0].id])

    def _takes(self, worker: W) -> bool:
        """Return whether a worker may be sent a message now; it may still be loading."""
        return True

    def _give(self, worker: W, message: list[Candidate]) -> None:
        worker.give(message)

    def _next_message(self) -> list[Candidate]:
        first = self._waiting.popleft()
        message = [first]
        if self._mean is None or first.id in self._alone:
            return message
        size = self._message_size()
        while self._waiting and len(message) < size and self._waiting[0].id not in self._alone:
            message.append(self._waiting.popleft())
        return message

    def _message_size(self) -> float:
        """Return the number of candidates a message should hold."""
        n = self._n_at_work()
        return min(
            self.message_seconds / max(self._mean or 0.0, 1e-9),
            self.capacity / (2 * n),
            self._n_inside / n,
        )

    def _welcome(self, worker: W, readiness: Readiness) -> None:
        """Take note of a worker that has loaded the objective, or could not load it."""
        if readiness.error:
            raise ExecutorError(f"a worker could not load the objective:\n{readiness.error}")
        worker.ready = True
        worker.since = perf_counter()

    def _hear(self, worker: W, reports: Sequence[Report]) -> None:
        """Take the reports on a worker's first message."""
        now = perf_counter()
        for candidate, report in zip(worker.messages.popleft(), reports, strict=True):
            evaluation = worker.evaluation_of(report, self._origin)
            self._finish(candidate, evaluation)
            seconds = evaluation.finished - evaluation.started
            if seconds != seconds:  # NaN: the evaluation failed before it began
                continue
            mean = seconds if self._mean is None else self._mean
            self._mean = mean + 0.1 * (seconds - mean)
        self._n_deaths_in_a_row = 0
        worker.since = now

    def _finish(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._outcomes.append((candidate, evaluation))
        self._n_inside -= 1
        self._n_deaths_of.pop(candidate.id, None)
        self._alone.discard(candidate.id)

    # ------------------------------------------------------------- deaths and deadlines

    def _seconds_until(self, until: float | None) -> float:
        """Return the time until something needs attention, at most until a given moment."""
        moments = [perf_counter() + LOOK_SECONDS]
        if until is not None:
            moments.append(until)
        if self.eval_timeout is not None:
            moments += [w.since + self.eval_timeout for w in self._team if w.ready and w.messages]
        return max(0.0, min(moments) - perf_counter())

    def _late(self) -> list[W]:
        if self.eval_timeout is None:
            return []
        due = perf_counter() - self.eval_timeout
        return [w for w in self._team if w.ready and w.messages and w.since <= due]

    def _stop_what_is_late(self) -> None:
        if not self._late():
            return
        self._listen(0.0)  # an evaluation may have just finished
        for worker in self._late():
            late = worker.messages.popleft() if len(worker.messages[0]) == 1 else None
            self._dismiss(worker)
            if late is not None:
                logger.warning(
                    "evaluation %d was stopped at its deadline in %s", late[0].id, worker.name
                )
                self._give_up(
                    late[0],
                    worker,
                    TIMEOUT,
                    f"stopped after eval_timeout={self.eval_timeout:g} s",
                )

    def _give_up(self, candidate: Candidate, worker: W, status: str, error: str) -> None:
        evaluation = Evaluation(
            float("nan"),
            status,
            error=error,
            started=worker.since - self._origin,
            finished=perf_counter() - self._origin,
            worker=worker.name,
        )
        self._finish(candidate, evaluation)

    def _bury(self, worker: W, reason: str = "", patience: float = 0.0, blame: bool = True) -> None:
        """Remove a worker that died; repeat its evaluation or give it up.

        Parameters
        ----------
        worker : Worker
        reason : str
            How it died, if the caller knows.
        patience : float
            Passed to `_release`.
        blame : bool
            Whether the death counts against the retries of the evaluation.
        """
        self._n_deaths_in_a_row += 1
        guilty = None
        is_sure = self.answers_first or len(worker.messages) == 1
        if worker.ready and worker.messages and len(worker.messages[0]) == 1 and is_sure:
            guilty = worker.messages.popleft()[0]
        reason = self._dismiss(worker, patience, reason)
        task = "idle or loading" if guilty is None else f"evaluating candidate {guilty.id}"
        logger.warning("%s died %s while %s; it is replaced", worker.name, reason, task)
        if guilty is not None:
            n_deaths = self._n_deaths_of.get(guilty.id, 0) + blame
            self._n_deaths_of[guilty.id] = n_deaths
            if n_deaths <= self.retries:
                self._waiting.appendleft(guilty)
            else:
                times = "once," if n_deaths == 1 else f"{n_deaths} times, the last time"
                self._give_up(guilty, worker, LOST, f"its worker died {times} {reason}")
        if self._n_deaths_in_a_row > 12 + (self.retries + 1) * self.workers:
            raise ExecutorError(
                f"{self._n_deaths_in_a_row} workers in a row died before finishing an evaluation, "
                f"the last one {reason}"
            )

    def _dismiss(self, worker: W, patience: float = 0.0, reason: str = "") -> str:
        """Stop a worker and requeue its unanswered messages; return how it ended."""
        self._team.remove(worker)
        ended = self._release(worker, patience)
        for message in reversed(worker.messages):
            self._waiting.extendleft(reversed(message))
            if len(message) > 1 or not self.answers_first:
                self._alone.update(candidate.id for candidate in message)
        return reason or ended
