"""The process executor: a supervisor over long-lived worker processes.

This module starts the workers, exchanges messages with them, watches them and kills them. A worker
is a fresh interpreter that runs `zoopt.run.worker`. It leads its own process group, so that
processes started by an objective end with their worker.
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

from zoopt.core.candidate import Candidate
from zoopt.core.errors import ExecutorError
from zoopt.run.executor import Evaluate
from zoopt.run.supervisor import Supervisor, Worker
from zoopt.run.worker import (
    LENGTH,
    Introduction,
    Report,
    decode,
    dump,
    encode,
    main_module,
    task_of,
)

__all__ = ["ProcessExecutor"]

#: Seconds after which a worker that is still loading the objective counts as dead.
LOADING_SECONDS = 300.0
#: Seconds that an idle worker has to exit by itself.
GRACE_SECONDS = 0.5

#: Numerical libraries read these at import. One thread per worker keeps the workers from competing.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

#: Program of the guardian: waits until the driver is gone, for any reason, and then kills the
#: process groups that are still registered.
GUARDIAN = """
import os, select, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
driver, groups, text = os.getppid(), set(), b""
while os.getppid() == driver:  # a process forked by the driver may keep the pipe open
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
    """Evaluate in worker processes, which may raise, hang or crash without ending the run.

    The objective is sent to each worker once. Functions from the main script or from an
    interactive session travel by value (cloudpickle), so scripts need no ``__main__`` guard.
    Numerical libraries use one thread per worker unless the environment sets another number.

    Workers ignore Ctrl-C; the driver receives it, stops them and returns the best point so far.

    Parameters
    ----------
    workers : int, optional
        Number of processes. The default is the number of processors available to this process.
    eval_timeout : float, optional
        Seconds after which a running evaluation is stopped. Its status is "timeout".
    retries : int
        How often an evaluation is repeated after its worker died, before its status is "lost".
    max_in_flight : int, optional
        Upper limit on candidates submitted and not finished. The default is the ``window`` of the
        run, if it has one. Otherwise it is the number of workers. For objectives that take less
        than 20 ms it may rise to a tenth of the budget, but at most to twice the number of workers.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.
    ExecutorError
        On Windows. During a run, if workers cannot load the objective, or die one after another
        without finishing an evaluation.

    See Also
    --------
    ThreadExecutor : For objectives that wait, or that release the interpreter's lock.
    zoopt.distributed.RayExecutor : For more than one machine.

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
            raise ExecutorError("worker processes need Linux or macOS: use backend='thread'")
        super().__init__(
            n_processors() if workers is None else workers, eval_timeout, retries, max_in_flight
        )
        self._guardian: _Guardian | None = None

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Get ready for a run; see `zoopt.run.executor.Executor.start`.

        Raises
        ------
        ExecutorInUse
            If another run has not closed this executor.
        RuntimeError
            If the objective started this process, which imports the script again.
        TypeError
            If the objective cannot be pickled.
        """
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise RuntimeError(
                "the objective started a process that imports this script and would start the "
                'run again: put the call that starts the run under if __name__ == "__main__":'
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
        """Send as much as the worker's socket takes; wait for room if something is left."""
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
            self._bury_the_dead()

    def _serve(self, worker: "_Worker", events: int) -> None:
        if worker not in self._team:
            return
        if events & selectors.EVENT_READ:
            messages, alive = worker.receive()
            for message in messages:
                self._take(worker, message)
            if not alive:
                self._bury(worker, patience=GRACE_SECONDS)
                return
        if events & selectors.EVENT_WRITE:
            self._watch(worker)

    def _take(self, worker: "_Worker", message: bytearray) -> None:
        if worker.ready:
            self._hear(worker, decode(Report, message))
        else:
            self._welcome(worker, pickle.loads(message))

    def _bury_the_dead(self) -> None:
        """Find dead workers whose socket is still held open by a process they forked."""
        for worker in list(self._team):
            loading_for = 0.0 if worker.ready else perf_counter() - worker.since
            if worker.process.poll() is not None or loading_for > LOADING_SECONDS:
                for message in worker.receive()[0]:
                    self._take(worker, message)
                self._bury(worker, patience=GRACE_SECONDS)

    def _release(self, worker: "_Worker", patience: float = 0.0) -> str:
        assert self._guardian is not None
        self._selector.unregister(worker.channel)
        worker.hang_up()
        reason = worker.kill(patience)
        self._guardian.forget(worker)
        return reason

    def _shut(self) -> None:
        """Stop all workers: idle ones may exit by themselves, busy ones are killed."""
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
    """The driver's view of a worker process."""

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
        self._queue(pickle.dumps(Introduction(name, main_module(), objective)))

    def _queue(self, data: bytes) -> None:
        self.outgoing.append(memoryview(LENGTH.pack(len(data)) + data))

    def send(self, candidates: list[Candidate]) -> None:
        self._queue(encode(map(task_of, candidates)))

    def flush(self) -> None:
        """Send without blocking; `receive` notices a worker that is gone."""
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

    def receive(self) -> tuple[list[bytearray], bool]:
        """Return the complete messages received, and whether the connection is still open."""
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
            messages.append(self._incoming[LENGTH.size : end])
            del self._incoming[:end]
        return messages, alive

    def hang_up(self) -> None:
        self.channel.close()

    def kill(self, patience: float = 0.0) -> str:
        """Kill the process and its children; return how it ended.

        Parameters
        ----------
        patience : float
            Seconds to wait for a process that is ending by itself.
        """
        try:
            code: int | None = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            code = None
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if code is None:
            return "because the driver killed it"
        if code < 0:
            return f"by signal {signal.Signals(-code).name}"
        return f"with exit code {code}"


class _Guardian:
    """A small process that kills the workers when the driver is gone, however the driver ended."""

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
        with contextlib.suppress(OSError):  # without a guardian, workers exit by themselves
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()


def n_processors() -> int:
    """Return the number of processors available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
