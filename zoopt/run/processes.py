"""The process executor: a supervisor over long-lived worker processes.

Owns starting, reaching, watching and killing them. A worker is a fresh interpreter that runs
`zoopt.run.worker`, in a process group of its own, so that whatever an objective starts ends with
it. Points travel without their space; results are small.
"""

import contextlib
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

from zoopt.core.candidate import Candidate
from zoopt.core.errors import ExecutorError
from zoopt.run.executor import Evaluate
from zoopt.run.supervisor import Supervisor, Worker
from zoopt.run.worker import LENGTH, dump, main_module, task_of

__all__ = ["ProcessExecutor"]

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


class ProcessExecutor(Supervisor["_Worker"]):
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

    short = 0.02
    sent_ahead = 0.02
    message_seconds = 0.002
    queue_seconds = 0.002

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
        super().__init__(
            n_processors() if workers is None else workers, eval_timeout, retries, max_in_flight
        )
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
        super().start(evaluate, budget, origin, in_flight)

    def _open(self, evaluate: Evaluate) -> None:
        self._objective = dump(evaluate)
        self._selector = selectors.DefaultSelector()
        self._guardian = _Guardian()

    def _hire(self, name: str) -> "_Worker":
        assert self._guardian is not None
        worker = _Worker(f"process {name}", self._objective)
        self._guardian.register(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        self._watch(worker)
        return worker

    def _give(self, worker: "_Worker", message: list[Candidate]) -> None:
        worker.give(message)
        self._watch(worker)

    def _watch(self, worker: "_Worker") -> None:
        """Send what the worker takes now; the rest when it takes more."""
        worker.flush()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.outgoing else 0)
        if events != worker.events:
            self._selector.modify(worker.channel, events, worker)
            worker.events = events

    def _listen(self, seconds: float) -> None:
        ready = self._selector.select(seconds)
        for key, events in ready:
            self._serve(key.data, events)
        if not ready:
            self._bury_what_is_dead()

    def _serve(self, worker: "_Worker", events: int) -> None:
        if worker not in self._team:
            return
        if events & selectors.EVENT_READ:
            messages, alive = worker.receive()
            for message in messages:
                self._hear(worker, message)
            if not alive:
                self._bury(worker, patience=GRACE_SECONDS)
                return
        if events & selectors.EVENT_WRITE:
            self._watch(worker)

    def _bury_what_is_dead(self) -> None:
        """Notice the dead whose channel is held open by a process that they forked."""
        for worker in list(self._team):
            loading_for = 0.0 if worker.ready else perf_counter() - worker.since
            if worker.process.poll() is not None or loading_for > LOADING_SECONDS:
                for message in worker.receive()[0]:
                    self._hear(worker, message)
                self._bury(worker, patience=GRACE_SECONDS)

    def _release(self, worker: "_Worker", patience: float = 0.0) -> str:
        assert self._guardian is not None
        self._selector.unregister(worker.channel)
        worker.hang_up()
        reason = worker.kill(patience)
        self._guardian.forget(worker)
        return reason

    def _shut(self) -> None:
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
            self._selector.close()
            self._guardian.close()
            self._guardian = None


class _Worker(Worker):
    """A worker process as the driver sees it."""

    def __init__(self, name: str, objective: bytes) -> None:
        super().__init__(name)
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

    def send(self, candidates: list[Candidate]) -> None:
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
