"""The process executor: a supervisor over long-lived worker processes.

Owns starting, feeding, watching, killing and replacing workers. A worker is a fresh interpreter
that runs `zoopt.run.worker`, in a process group of its own, so that whatever an objective starts
ends with it. Points travel without their space; results are small.
"""

import contextlib
import logging
import multiprocessing
import os
import pickle
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from time import perf_counter
from typing import Any

from zoopt.checks import number, whole
from zoopt.contract import LOST, TIMEOUT, Candidate, Evaluation
from zoopt.errors import ExecutorError, ExecutorInUse
from zoopt.run.executor import Evaluate, Outcome
from zoopt.run.worker import LENGTH, UNFIT, dump, evaluation_of, main_module, task_of

__all__ = ["ProcessExecutor"]

logger = logging.getLogger("zoopt")

#: Below this mean duration, in seconds, a worker is sent its next candidate while it works.
SHORT = 0.02
#: Candidates of one message should keep a worker busy for this long.
MESSAGE_SECONDS = 0.002
#: So often the driver looks after its workers when it hears nothing of them.
LOOK_SECONDS = 0.25
#: A worker that takes longer to load the objective counts as dead.
LOADING_SECONDS = 300.0
#: An idle worker has this long to leave by itself.
GRACE_SECONDS = 0.5

#: Libraries read these when they are imported; one thread a worker, or workers fight for cores.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

#: Waits for the driver to hang up, however it ended, and ends the groups still registered.
GUARDIAN = """
import os, select, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
driver, groups, text = os.getppid(), set(), b""
while os.getppid() == driver:  # processes that the driver forked may hold the pipe open
    if not select.select([0], [], [], 0.5)[0]:
        continue
    more = os.read(0, 4096)
    if not more:
        break
    *lines, text = (text + more).split(b"\\n")
    for line in lines:
        groups.add(int(line[1:])) if line[:1] == b"+" else groups.discard(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class ProcessExecutor:
    """Evaluates in worker processes that may raise, hang or die without harm to the run.

    The objective is sent once to each worker, by value where it was defined in the main script or
    interactively (cloudpickle), so scripts need no main guard. Linear algebra gets one thread a
    worker unless the environment says otherwise.

    Parameters
    ----------
    workers : int, optional
        Number of processes; by default the number of processors this process may use.
    eval_timeout : float, optional
        Seconds after which an evaluation is stopped, whatever it does; its status is "timeout".
    retries : int
        How often an evaluation whose worker died is tried again, before it is "lost".
    max_in_flight : int, optional
        Most candidates chosen and not finished. By default, workers; for objectives below 20 ms
        twice that, as far as it is at most a tenth of the budget.

    Raises
    ------
    ExecutorError
        In the run, if workers die faster than they work, or cannot load the objective.

    Examples
    --------
    >>> import zoopt
    >>> pool = zoopt.ProcessExecutor(2, eval_timeout=60)
    >>> result = zoopt.minimize(lambda x: x[0] ** 2, [(-1, 1)], budget=40, seed=0, backend=pool)
    >>> result.nfev
    40
    """

    immediate = False

    def __init__(
        self,
        workers: int | None = None,
        *,
        eval_timeout: float | None = None,
        retries: int = 2,
        max_in_flight: int | None = None,
    ) -> None:
        if os.name != "posix":
            raise ExecutorError("worker processes need Linux or macOS; use backend='thread'")
        self.workers = n_processors() if workers is None else whole(workers, "workers", least=1)
        self.eval_timeout = None
        if eval_timeout is not None:
            self.eval_timeout = number(eval_timeout, "eval_timeout", least=0.0)
        self.retries = whole(retries, "retries", least=0)
        self.max_in_flight = None
        if max_in_flight is not None:
            self.max_in_flight = whole(max_in_flight, "max_in_flight", least=1)
        self._team: list[_Worker] = []
        self._guardian: _Guardian | None = None

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RuntimeError(
                "a process that this script's objective starts is importing the script again and "
                "would start the run once more; put what starts the run under "
                'if __name__ == "__main__":'
            )
        if self._team or self._guardian is not None:
            raise ExecutorInUse("this executor is in use; each run at a time needs its own")
        self._objective = dump(evaluate)
        try:
            self._begin(budget, origin, in_flight)
        except BaseException:
            self.close()
            raise

    def _begin(self, budget: int, origin: float, in_flight: int | None) -> None:
        self._origin = origin
        self._given = self.max_in_flight if self.max_in_flight is not None else in_flight
        self._most = max(self.workers, min(2 * self.workers, budget // 10))
        self._selector = selectors.DefaultSelector()
        self._guardian = _Guardian()
        self._waiting: deque[Candidate] = deque()
        self._outcomes: list[Outcome] = []
        self._cancelled: set[int] = set()
        self._n_deaths_of: dict[int, int] = {}
        self._alone: set[int] = set()  # ids that share no message: one of theirs killed a worker
        self._mean: float | None = None
        self._n_inside = 0
        self._n_started = 0
        self._n_deaths_in_a_row = 0

    @property
    def capacity(self) -> int:
        if self._given is not None:
            return self._given
        return self._most if self._is_short else self.workers

    @property
    def _is_short(self) -> bool:
        return self._mean is not None and self._mean < SHORT

    def submit(self, candidate: Candidate) -> None:
        self._waiting.append(candidate)
        self._n_inside += 1
        self._dispatch()

    def cancel(self, ident: int) -> None:
        self._cancelled.add(ident)

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        until = None if timeout is None else perf_counter() + timeout
        while True:
            self._dispatch()
            wait = 0.0 if self._outcomes else self._seconds_until(until)
            ready = self._selector.select(wait)
            for key, events in ready:
                self._serve(key.data, events)
            if not ready:
                self._bury_what_is_dead()
            self._stop_what_is_late()
            outcomes = [o for o in self._outcomes if o[0].id not in self._cancelled]
            self._outcomes.clear()
            if outcomes or (until is not None and perf_counter() >= until):
                return outcomes

    def close(self) -> None:
        """End all workers: idle ones may leave by themselves, busy ones are killed."""
        if self._guardian is None:
            return
        try:
            idle = [worker for worker in self._team if worker.ready and not worker.messages]
            for worker in self._team:
                worker.hang_up()
                if worker not in idle:
                    worker.kill()
            until = perf_counter() + GRACE_SECONDS
            while perf_counter() < until and any(w.process.poll() is None for w in idle):
                time.sleep(0.002)
        finally:
            for worker in self._team:
                worker.kill()
                self._guardian.forget(worker)
            self._team.clear()
            self._selector.close()
            self._guardian.close()
            self._guardian = None

    # ------------------------------------------------------------- workers

    def _dispatch(self) -> None:
        """Start workers as they are needed, and give out what waits, to the idle ones first."""
        while len(self._team) < min(self.workers, self._n_inside):
            self._start_worker()
        depth = 2 if self._is_short else 1
        for level in range(depth):
            for worker in self._team:
                if not self._waiting:
                    return
                if len(worker.messages) == level:
                    worker.give(self._next_message())
                    self._watch(worker)

    def _next_message(self) -> list[Candidate]:
        first = self._waiting.popleft()
        message = [first]
        if self._mean is None or first.id in self._alone:
            return message
        size = min(
            MESSAGE_SECONDS / max(self._mean, 1e-9),
            self.capacity / (2 * self.workers),
            self._n_inside / self.workers,
        )
        while self._waiting and len(message) < size and self._waiting[0].id not in self._alone:
            message.append(self._waiting.popleft())
        return message

    def _start_worker(self) -> None:
        assert self._guardian is not None
        worker = _Worker(f"process {self._n_started}", self._objective)
        self._n_started += 1
        self._guardian.register(worker)
        self._team.append(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        self._watch(worker)

    def _watch(self, worker: "_Worker") -> None:
        """Send what the worker takes now; the rest when it takes more."""
        worker.flush()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.outgoing else 0)
        if events != worker.events:
            self._selector.modify(worker.channel, events, worker)
            worker.events = events

    def _serve(self, worker: "_Worker", events: int) -> None:
        if worker not in self._team:
            return
        if events & selectors.EVENT_READ:
            messages, alive = worker.receive()
            for message in messages:
                self._hear(worker, message)
            if not alive:
                self._bury(worker)
                return
        if events & selectors.EVENT_WRITE:
            self._watch(worker)

    def _hear(self, worker: "_Worker", message: Any) -> None:
        now = perf_counter()
        if not worker.ready:
            word, detail = message
            if word == UNFIT:
                raise ExecutorError(f"a worker process could not load the objective:\n{detail}")
            worker.ready = True
        else:
            candidates = worker.messages.popleft()
            for candidate, report in zip(candidates, message, strict=True):
                self._finish(candidate, evaluation_of(report, self._origin))
                seconds = report[5] - report[4]
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
        """Return how long nothing needs attention."""
        moments = [perf_counter() + LOOK_SECONDS]
        if until is not None:
            moments.append(until)
        if self.eval_timeout is not None:
            moments += [w.since + self.eval_timeout for w in self._team if w.ready and w.messages]
        return max(0.0, min(moments) - perf_counter())

    def _bury_what_is_dead(self) -> None:
        """Notice the dead whose channel is held open by a process that they forked."""
        for worker in list(self._team):
            loading_for = 0.0 if worker.ready else perf_counter() - worker.since
            if worker.process.poll() is not None or loading_for > LOADING_SECONDS:
                for message in worker.receive()[0]:
                    self._hear(worker, message)
                self._bury(worker)

    def _stop_what_is_late(self) -> None:
        if self.eval_timeout is None:
            return
        now = perf_counter()
        for worker in [w for w in self._team if w.ready and w.messages]:
            if now - worker.since < self.eval_timeout:
                continue
            messages, alive = worker.receive()  # it may have finished just now
            for message in messages:
                self._hear(worker, message)
            if messages or not alive:
                continue
            late = worker.messages.popleft() if len(worker.messages[0]) == 1 else None
            self._dismiss(worker)
            if late is not None:
                evaluation = Evaluation(
                    float("nan"),
                    TIMEOUT,
                    error=f"it was stopped after eval_timeout={self.eval_timeout:g} s",
                    started=worker.since - self._origin,
                    finished=perf_counter() - self._origin,
                    worker=worker.name,
                )
                logger.warning("evaluation %d was stopped at its deadline", late[0].id)
                self._finish(late[0], evaluation)

    def _bury(self, worker: "_Worker") -> None:
        """Replace a worker that died, and have what it was at tried again or given up."""
        self._n_deaths_in_a_row += 1
        guilty = None
        if worker.ready and worker.messages and len(worker.messages[0]) == 1:
            guilty = worker.messages.popleft()[0]
        reason = self._dismiss(worker, GRACE_SECONDS)
        at = "nothing" if guilty is None else f"evaluation {guilty.id}"
        logger.warning(
            "%s died %s, at work on %s; another takes its place", worker.name, reason, at
        )
        if guilty is not None:
            n_deaths = self._n_deaths_of.get(guilty.id, 0) + 1
            self._n_deaths_of[guilty.id] = n_deaths
            if n_deaths <= self.retries:
                self._waiting.appendleft(guilty)
            else:
                times = "once" if n_deaths == 1 else f"{n_deaths} times"
                evaluation = Evaluation(
                    float("nan"),
                    LOST,
                    error=f"its worker died {times}, at last {reason}",
                    started=worker.since - self._origin,
                    finished=perf_counter() - self._origin,
                    worker=worker.name,
                )
                self._finish(guilty, evaluation)
        if self._n_deaths_in_a_row > 12 + (self.retries + 1) * self.workers:
            raise ExecutorError(
                f"{self._n_deaths_in_a_row} workers in a row died before they finished anything, "
                f"at last {reason}"
            )

    def _dismiss(self, worker: "_Worker", patience: float = 0.0) -> str:
        """Take a worker out, its unfinished messages back; return how it ended."""
        assert self._guardian is not None
        self._team.remove(worker)
        self._selector.unregister(worker.channel)
        worker.hang_up()
        reason = worker.kill(patience)
        self._guardian.forget(worker)
        for message in reversed(worker.messages):
            self._waiting.extendleft(reversed(message))
            if len(message) > 1:
                self._alone.update(candidate.id for candidate in message)
        return reason


class _Worker:
    """A worker process as the driver sees it."""

    def __init__(self, name: str, objective: bytes) -> None:
        self.name = name
        self.ready = False
        #: What was sent and is not finished, the one under way first.
        self.messages: deque[list[Candidate]] = deque()
        #: When the message under way began.
        self.since = perf_counter()
        self.events = selectors.EVENT_READ
        self.outgoing: deque[memoryview] = deque()
        self._incoming = bytearray()
        self.channel, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
                    "-c",
                    f"import sys; sys.path[:] = {[p for p in sys.path if type(p) is str]!r}; "
                    f"from zoopt.run.worker import serve; serve({theirs.fileno()})",
                ],
                stdin=subprocess.DEVNULL,
                env={**dict.fromkeys(THREAD_VARIABLES, "1"), **os.environ},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        finally:
            theirs.close()
        self.channel.setblocking(False)
        self._queue((name, *main_module(), objective))

    def _queue(self, message: Any) -> None:
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        self.outgoing.append(memoryview(LENGTH.pack(len(data)) + data))

    def give(self, candidates: list[Candidate]) -> None:
        if not self.messages:
            self.since = perf_counter()
        self.messages.append(candidates)
        self._queue([task_of(candidate) for candidate in candidates])

    def flush(self) -> None:
        """Send without waiting; a worker that is gone is noticed when it is read from."""
        try:
            while self.outgoing:
                sent = self.channel.send(self.outgoing[0])
                if sent == len(self.outgoing[0]):
                    self.outgoing.popleft()
                else:
                    self.outgoing[0] = self.outgoing[0][sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.outgoing.clear()

    def receive(self) -> tuple[list[Any], bool]:
        """Return the messages that came, and whether the worker is still there."""
        alive = True
        try:
            while alive:
                data = self.channel.recv(1 << 16)
                alive = bool(data)
                self._incoming += data
                if len(data) < 1 << 16:
                    break
        except BlockingIOError:
            pass
        except OSError:
            alive = False
        messages = []
        while len(self._incoming) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._incoming)[0]
            if len(self._incoming) < end:
                break
            messages.append(pickle.loads(self._incoming[LENGTH.size : end]))
            del self._incoming[:end]
        return messages, alive

    def hang_up(self) -> None:
        self.channel.close()

    def kill(self, patience: float = 0.0) -> str:
        """End the process and all that it started; say how it ended if it did so by itself."""
        try:
            code: int | None = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            code = None
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if code is None:
            return "it was killed"
        if code < 0:
            return f"by signal {signal.Signals(-code).name}"
        return f"with exit code {code}"


class _Guardian:
    """A small process that ends the workers if the driver is gone, even if it was killed."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARDIAN],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def register(self, worker: _Worker) -> None:
        self._tell(f"+{worker.process.pid}\n")

    def forget(self, worker: _Worker) -> None:
        self._tell(f"-{worker.process.pid}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # if it was killed, workers leave by themselves
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()


def n_processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
