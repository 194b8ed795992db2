"""The supervisor: gives candidates to workers that may raise, hang or die, and loses none.

Owns what waits, who is at what, how long evaluations take, and with it messages, deadlines, deaths
and second tries. How a worker is reached is its subclasses' matter.
"""

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Generic, TypeVar

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.errors import ExecutorError, ExecutorInUse
from zoopt.core.evaluation import LOST, TIMEOUT, Evaluation
from zoopt.run.executor import Evaluate, Executor, Outcome
from zoopt.run.worker import UNFIT, Report, evaluation_of

__all__ = ["Supervisor", "Worker"]

logger = logging.getLogger("zoopt")

#: So often the driver looks after its workers when it hears nothing of them.
LOOK_SECONDS = 0.25


class Worker(ABC):
    """A worker as the supervisor sees it.

    Attributes
    ----------
    name : str
    ready : bool
        Whether it has loaded the objective.
    messages : deque of lists of Candidate
        What was sent and is not finished, the one under way first.
    since : float
        When the message under way began, or loading did.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = False
        self.messages: deque[list[Candidate]] = deque()
        self.since = perf_counter()

    def give(self, candidates: list[Candidate]) -> None:
        if not self.messages:
            self.since = perf_counter()
        self.messages.append(candidates)
        self.send(candidates)

    @abstractmethod
    def send(self, candidates: list[Candidate]) -> None:
        """Send a message, without waiting."""

    def evaluation_of(self, report: Report, origin: float) -> Evaluation:
        """Make the Evaluation of what it reported."""
        return evaluation_of(report, origin)


W = TypeVar("W", bound=Worker)


class Supervisor(Executor, Generic[W]):
    """An executor over workers of one kind; see `zoopt.run.executor` for its methods.

    Subclasses hire, hear and dismiss the workers: `_open`, `_hire`, `_listen`, `_release`, `_shut`.
    """

    #: Whether an answer is out before the worker goes on, and not lost with it then.
    answers_first = True
    #: Below this mean duration, in seconds, twice as many candidates as workers are wanted.
    short: float
    #: Below this mean duration, a worker is sent its next message while it works, if there is one.
    sent_ahead: float
    #: Candidates of one message should keep a worker busy for this long.
    message_seconds: float
    #: Messages are sent ahead, at least one, until they keep a worker busy for this long.
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

    # ------------------------------------------------------------- what subclasses do

    @abstractmethod
    def _open(self, evaluate: Evaluate) -> None:
        """Get ready to hire; `_shut` follows whatever happens."""

    @abstractmethod
    def _hire(self, name: str) -> W:
        """Start a worker, without waiting until it is ready."""

    @abstractmethod
    def _listen(self, seconds: float) -> None:
        """Wait for words of the workers; hand them to `_hear`, and those that died to `_bury`."""

    @abstractmethod
    def _release(self, worker: W, patience: float = 0.0) -> str:
        """End a worker; say how it ended if it did so by itself within patience seconds."""

    @abstractmethod
    def _shut(self) -> None:
        """End all workers and release everything."""

    def _n_wanted(self) -> int:
        """Return how many workers there should be now."""
        return min(self.workers, self._n_inside)

    def _n_at_work(self) -> int:
        """Return for how many workers candidates may be chosen."""
        return self.workers

    # ------------------------------------------------------------- the executor

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        if self._is_open:
            raise ExecutorInUse("this executor is in use; each run at a time needs its own")
        self._budget = budget
        self._origin = origin
        self._given = self.max_in_flight if self.max_in_flight is not None else in_flight
        self._waiting: deque[Candidate] = deque()
        self._outcomes: list[Outcome] = []
        self._cancelled: set[int] = set()
        self._n_deaths_of: dict[int, int] = {}
        self._alone: set[int] = set()  # ids that share no message: one of theirs killed a worker
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
        if self._given is not None:
            return self._given
        n = self._n_at_work()
        return max(n, min(2 * n, self._budget // 10)) if self._take_less_than(self.short) else n

    def _take_less_than(self, seconds: float) -> bool:
        return self._mean is not None and self._mean < seconds

    def submit(self, candidate: Candidate) -> None:
        self._waiting.append(candidate)
        self._n_inside += 1
        self._dispatch(depth=1)  # more may come, for a message of several

    def cancel(self, ident: int) -> None:
        self._cancelled.add(ident)

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        until = None if timeout is None else perf_counter() + timeout
        room = self.capacity
        while True:
            self._dispatch(self._depth())
            self._listen(0.0 if self._outcomes else self._seconds_until(until))
            self._stop_what_is_late()
            outcomes = [o for o in self._outcomes if o[0].id not in self._cancelled]
            self._outcomes.clear()
            if outcomes or self.capacity > room:
                return outcomes
            if until is not None and perf_counter() >= until:
                return []

    def close(self) -> None:
        """End all workers; nothing stays behind."""
        if not self._is_open:
            return
        try:
            self._shut()
        finally:
            self._team.clear()
            self._is_open = False

    # ------------------------------------------------------------- giving and hearing

    def _dispatch(self, depth: int) -> None:
        """Hire workers as they are needed; give out what waits, up to so many messages each."""
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
        """Return how many messages a worker may have, the one under way among them."""
        if self._mean is None or self._mean >= self.sent_ahead:
            return 1
        each = max(self._mean, 1e-9) * max(1.0, self._message_size())
        n_ahead = min(self.queue_seconds / each, self._n_inside / self._n_at_work())
        return 1 + max(1, int(n_ahead))

    def _must_be_alone(self, worker: W) -> bool:
        """Return whether what a worker is at, or what waits, shall show who kills it."""
        if not self._alone:
            return False
        at = [candidate.id for message in worker.messages for candidate in message]
        return not self._alone.isdisjoint([*at, self._waiting[0].id])

    def _takes(self, worker: W) -> bool:
        """Return whether a worker may be given something before it is ready."""
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
        """Return how many candidates a message should hold."""
        n = self._n_at_work()
        return min(
            self.message_seconds / max(self._mean or 0.0, 1e-9),
            self.capacity / (2 * n),
            self._n_inside / n,
        )

    def _hear(self, worker: W, message: Any) -> None:
        """Take a worker's word: that it is ready, or the reports of its first message."""
        now = perf_counter()
        if not worker.ready:
            word, detail = message
            if word == UNFIT:
                raise ExecutorError(f"a worker could not load the objective:\n{detail}")
            worker.ready = True
        else:
            self._take(worker, worker.messages.popleft(), message)
            self._n_deaths_in_a_row = 0
        worker.since = now

    def _take(self, worker: W, candidates: list[Candidate], reports: Sequence[Report]) -> None:
        for candidate, report in zip(candidates, reports, strict=True):
            evaluation = worker.evaluation_of(report, self._origin)
            self._finish(candidate, evaluation)
            seconds = evaluation.finished - evaluation.started
            if seconds != seconds:  # it never came to be timed
                continue
            mean = seconds if self._mean is None else self._mean
            self._mean = mean + 0.1 * (seconds - mean)

    def _finish(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._outcomes.append((candidate, evaluation))
        self._n_inside -= 1
        self._n_deaths_of.pop(candidate.id, None)
        self._alone.discard(candidate.id)

    # ------------------------------------------------------------- deaths and deadlines

    def _seconds_until(self, until: float | None) -> float:
        """Return how long nothing needs attention."""
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
        self._listen(0.0)  # they may have finished just now
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
                    f"it was stopped after eval_timeout={self.eval_timeout:g} s",
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
        """Replace a worker that died, and have what it was at tried again or given up.

        Without blame, it is not held against the evaluation.
        """
        self._n_deaths_in_a_row += 1
        guilty = None
        is_sure = self.answers_first or len(worker.messages) == 1
        if worker.ready and worker.messages and len(worker.messages[0]) == 1 and is_sure:
            guilty = worker.messages.popleft()[0]
        reason = self._dismiss(worker, patience, reason)
        at = "nothing" if guilty is None else f"evaluation {guilty.id}"
        logger.warning(
            "%s died %s, at work on %s; another takes its place", worker.name, reason, at
        )
        if guilty is not None:
            n_deaths = self._n_deaths_of.get(guilty.id, 0) + blame
            self._n_deaths_of[guilty.id] = n_deaths
            if n_deaths <= self.retries:
                self._waiting.appendleft(guilty)
            else:
                times = "once" if n_deaths == 1 else f"{n_deaths} times"
                self._give_up(guilty, worker, LOST, f"its worker died {times}, at last {reason}")
        if self._n_deaths_in_a_row > 12 + (self.retries + 1) * self.workers:
            raise ExecutorError(
                f"{self._n_deaths_in_a_row} workers in a row died before they finished anything, "
                f"at last {reason}"
            )

    def _dismiss(self, worker: W, patience: float = 0.0, reason: str = "") -> str:
        """Take a worker out, its unfinished messages back; return how it ended."""
        self._team.remove(worker)
        ended = self._release(worker, patience)
        for message in reversed(worker.messages):
            self._waiting.extendleft(reversed(message))
            if len(message) > 1 or not self.answers_first:
                self._alone.update(candidate.id for candidate in message)
        return reason or ended
