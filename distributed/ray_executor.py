"""The Ray executor: the supervisor's workers are actors, on this machine or on a cluster.

Owns starting or joining Ray, the actors, and what their errors mean. Ray's own retries are off:
they repeat calls silently, and burn out before an actor is back.
"""

import contextlib
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

import zoopt
from zoopt.checks import number
from zoopt.contract import Candidate, Evaluation
from zoopt.distributed.evaluator import Evaluator
from zoopt.distributed.nodes import NodeWatch, elsewhere, ray_of
from zoopt.errors import ExecutorError
from zoopt.run.executor import Evaluate
from zoopt.run.processes import n_processors
from zoopt.run.supervisor import Supervisor, Worker
from zoopt.run.worker import UNFIT, Report, dump, evaluation_of, main_module, task_of

__all__ = ["RayExecutor"]

logger = logging.getLogger("zoopt")

#: Arrays of at least this size are shared by all workers of a node, read-only.
SHARED_BYTES = 2**20
#: When no worker is ready for so long, the reason is logged.
PATIENCE_SECONDS = 10.0
#: When an evaluation has seen so many nodes go, it may be the reason.
MAX_LOST_NODES = 10
#: Clocks may drift apart this much, seconds a second.
DRIFT = 1e-4


class RayExecutor(Supervisor["_Actor"]):
    """Evaluates in Ray actors, on one machine or many.

    Without an address, Ray is used as this program initialized it, or else a Ray of this machine
    alone is started, on the loopback, and stopped with the run. A cluster is joined only if address
    says so.

    The objective is stored once and fetched once a node. Arrays of 1 MiB and more that it refers to
    are shared by the workers of a node, and read-only there.

    Parameters
    ----------
    workers : int, optional
        Number of actors; by default as many as the alive nodes have room for, now and later.
    address : str, optional
        "auto" or "host:port" joins a running cluster, "local" starts a Ray of this machine.
    num_cpus, num_gpus : float
        What each worker claims of the processors and GPUs that Ray counts; 0 claims none.
    memory : float, optional
        Bytes that each worker claims.
    resources : mapping of str to float, optional
        Custom resources that each worker claims.
    runtime_env : dict, optional
        Ray's, for the workers: how files and packages reach them.
    eval_timeout : float, optional
        Seconds after which an evaluation is stopped, whatever it does; its status is "timeout".
    reassign_after : float, optional
        Seconds after which an evaluation is stopped and given to another worker; it counts among
        the retries. For nodes that may be slow or sick.
    retries : int
        How often an evaluation whose worker died is tried again, before it is "lost". The loss of a
        whole node is not held against what was evaluated there, ten times.
    max_in_flight : int, optional
        Most candidates chosen and not finished. By default, workers; for objectives below 0.5 s
        twice that, as far as it is at most a tenth of the budget.
    node_timeout : float
        Seconds of silence after which a node counts as lost, whatever Ray thinks of it.
    start_timeout : float
        Seconds to wait for the first worker, and for a new one when all are gone.

    Raises
    ------
    ImportError
        If Ray is not installed.
    ExecutorError
        In the run, if no worker could be had, workers die faster than they work, or cannot load the
        objective; or if Ray itself is gone.

    Examples
    --------
    >>> from zoopt.distributed import RayExecutor
    >>> pool = RayExecutor(8, address="auto", num_cpus=2, eval_timeout=3600)  # doctest: +SKIP
    >>> zoopt.minimize(simulate, space, budget=1000, backend=pool)  # doctest: +SKIP
    """

    answers_first = False
    short = 0.5
    message_seconds = 0.02

    def __init__(
        self,
        workers: int | None = None,
        *,
        address: str | None = None,
        num_cpus: float = 1,
        num_gpus: float = 0,
        memory: float | None = None,
        resources: Mapping[str, float] | None = None,
        runtime_env: dict[str, Any] | None = None,
        eval_timeout: float | None = None,
        reassign_after: float | None = None,
        retries: int = 2,
        max_in_flight: int | None = None,
        node_timeout: float = 30.0,
        start_timeout: float = 600.0,
    ) -> None:
        super().__init__(1 if workers is None else workers, eval_timeout, retries, max_in_flight)
        if address is not None and not (isinstance(address, str) and address):
            raise TypeError(f"address must be None or text such as 'auto', got {address!r}")
        self._claims = _claims(num_cpus, num_gpus, memory, resources)
        self._is_elastic = workers is None
        if self._is_elastic and not self._claims:
            raise ValueError("workers must be given where a worker claims nothing")
        if runtime_env is not None and not isinstance(runtime_env, Mapping):
            raise TypeError(f"runtime_env must be a dict, got {runtime_env!r}")
        self.reassign_after = None
        if reassign_after is not None:
            self.reassign_after = number(reassign_after, "reassign_after", least=0.0)
        self.node_timeout = number(node_timeout, "node_timeout", least=0.0)
        self.start_timeout = number(start_timeout, "start_timeout", least=0.0)
        self.address = address
        self._options = {
            "num_cpus": num_cpus,
            "num_gpus": num_gpus,
            "memory": memory,
            "resources": dict(resources or {}),
            "runtime_env": None if runtime_env is None else dict(runtime_env),
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 1,
            "scheduling_strategy": "SPREAD",
        }
        self._disconnect: contextlib.ExitStack | None = None

    # ------------------------------------------------------------- Ray

    def _open(self, evaluate: Evaluate) -> None:
        self._disconnect = contextlib.ExitStack()
        self._ray = ray = ray_of()
        self._disconnect.enter_context(self._connected())
        shared: list[Any] = []

        def stays_in_the_pickle(buffer: Any) -> bool:
            if buffer.raw().nbytes < SHARED_BYTES:
                return True
            shared.append(np.frombuffer(buffer.raw(), np.uint8))
            return False

        data = dump(evaluate, stays_in_the_pickle)
        self._objective = ray.put((data, shared))
        self._class = ray.remote(**self._options)(Evaluator)
        self._words: queue.SimpleQueue[_Word] = queue.SimpleQueue()
        self._n_lost_nodes_of: dict[int, int] = {}
        self._alone_since = perf_counter()
        self._said_so = False
        self._watch = NodeWatch(ray, self.node_timeout)
        self._silent: frozenset[str] = frozenset()
        self._disconnect.callback(self._watch.close)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[None]:
        """Use Ray as it is, or start or join it."""
        ray = self._ray
        if ray.is_initialized():
            if self.address is not None:
                raise ValueError(
                    f"address must be left out: this program initialized Ray before, "
                    f"got address={self.address!r}"
                )
            yield
            return
        address = self.address
        if address is None:
            if "RAY_ADDRESS" in os.environ:
                raise ValueError(
                    "address must say which Ray is meant, as RAY_ADDRESS is set: 'auto' for that "
                    "cluster, 'local' for one of this machine alone"
                )
            address = "local"
        settings: dict[str, Any] = {"address": address, "logging_level": logging.ERROR}
        loopback: Any = contextlib.nullcontext()
        if address == "local":
            n = n_processors()
            if not self._is_elastic:
                n = max(n, int(-(-self.workers * self._claims.get("CPU", 0.0) // 1)))
            settings.update(num_cpus=n, include_dashboard=False)
            loopback = _on_loopback()
        handler = signal.getsignal(signal.SIGTERM)
        with loopback:
            ray.init(**settings)
        try:
            if handler is not signal.SIG_DFL and _is_main_thread():
                signal.signal(signal.SIGTERM, handler)  # Ray puts its own there
            yield
        finally:
            ray.shutdown()

    def _shut(self) -> None:
        if self._disconnect is None:
            return
        try:
            for worker in self._team:
                self._release(worker)
        finally:
            self._objective = None
            self._disconnect.close()
            self._disconnect = None

    # ------------------------------------------------------------- how many

    def _n_wanted(self) -> int:
        n = max(1, self._watch.n_places(self._claims)) if self._is_elastic else self.workers
        return min(n, self._budget)

    def _n_at_work(self) -> int:
        return max(1, sum(worker.ready for worker in self._team))

    def _takes(self, worker: "_Actor") -> bool:
        return worker.ready

    # ------------------------------------------------------------- workers

    def _hire(self, name: str) -> "_Actor":
        path = [folder for folder in sys.path if type(folder) is str]
        silent, placed = self._watch.silent, self._class
        if silent:  # Ray would place workers there
            placed = placed.options(scheduling_strategy=elsewhere(silent))
        actor = placed.remote(name, self._objective, main_module(), path)
        worker = _Actor(f"ray {name}", actor, self._words)
        worker.expect(actor.load.remote())
        return worker

    def _listen(self, seconds: float) -> None:
        self._look_after_workers()
        try:
            self._take_in_order(self._words.get(timeout=min(seconds, 3600.0)))
            while True:
                self._take_in_order(self._words.get_nowait())
        except queue.Empty:
            pass

    def _take_in_order(self, word: "_Word") -> None:
        for each in word.worker.in_order(word):
            if each.worker in self._team:
                self._take_word(each)

    def _take_word(self, word: "_Word") -> None:
        worker = word.worker
        if word.error is not None:
            self._take_error(worker, word.error)
        elif worker.ready:
            worker.synchronize(word.at, word.answer[-1][5])
            self._hear(worker, word.answer)
        else:
            status, detail, node, version = word.answer
            if status != UNFIT and version != zoopt.__version__:
                status = UNFIT
                detail = f"it has zoopt {version}, this program has {zoopt.__version__}"
            worker.node = node
            worker.name = f"{worker.name} on {self._watch.name_of(node)}"
            self._hear(worker, (status, detail))

    def _take_error(self, worker: "_Actor", error: BaseException) -> None:
        """Tell a death from what is wrong with the installation or the objective."""
        exceptions = self._ray.exceptions
        text = str(error)
        if not worker.ready and (
            getattr(error, "actor_init_failed", False)
            or isinstance(error, (exceptions.RayTaskError, exceptions.RuntimeEnvSetupError))
            or "ModuleNotFoundError" in text
        ):
            raise ExecutorError(
                f"a worker could not be started:\n{text}\n"
                "zoopt and what the objective imports must be installed where the workers are, in "
                "the image or by runtime_env"
            ) from error
        node_lost = isinstance(
            error, (exceptions.ActorUnavailableError, exceptions.NodeDiedError)
        ) or self._watch.is_gone(worker.node)
        if node_lost or "node" in _cause(text):
            self._lose_with_node(worker, _reason(error))
        else:
            self._bury(worker, _reason(error))

    def _lose_with_node(self, worker: "_Actor", reason: str) -> None:
        """Bury a worker without blame, unless one evaluation has seen many nodes go."""
        n_lost = 0
        if worker.messages:
            first = worker.messages[0][0].id
            n_lost = self._n_lost_nodes_of[first] = self._n_lost_nodes_of.get(first, 0) + 1
        self._bury(worker, reason, blame=n_lost > MAX_LOST_NODES)

    def _finish(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._n_lost_nodes_of.pop(candidate.id, None)
        super()._finish(candidate, evaluation)

    def _release(self, worker: "_Actor", patience: float = 0.0) -> str:
        worker.forget()
        with contextlib.suppress(Exception):  # Ray may be gone, too
            self._ray.kill(worker.actor)
        return "it was stopped"

    # ------------------------------------------------------------- looking after them

    def _look_after_workers(self) -> None:
        trouble = self._watch.trouble()
        if trouble:
            raise ExecutorError(
                f"{trouble}; zoopt.resume can go on from a checkpoint in a new Ray. A program that "
                "initialized Ray itself must call ray.shutdown() now, or Ray will end it"
            )
        for worker in [w for w in self._team if w.ready and self._watch.is_gone(w.node)]:
            if worker in self._team:
                self._lose_with_node(worker, "with its node, which is gone or silent")
        self._watch.nodes_in_use = {w.node for w in self._team if w.ready}
        self._place_again()
        n_too_many = max(0, len(self._team) - self._n_wanted())
        for worker in [w for w in self._team if not w.ready][:n_too_many]:
            self._dismiss(worker)  # its place left before it came
        self._see_whether_anybody_comes()

    def _place_again(self) -> None:
        """Where a node fell silent or answers again, replace those that still wait for a place."""
        before, self._silent = self._silent, self._watch.silent
        if self._silent != before:
            for worker in [w for w in self._team if not w.ready]:
                self._dismiss(worker)

    def _see_whether_anybody_comes(self) -> None:
        now = perf_counter()
        if not self._n_inside or any(worker.ready for worker in self._team):
            self._alone_since, self._said_so = now, False
            return
        waited = now - self._alone_since
        if waited < PATIENCE_SECONDS or (self._said_so and waited < self.start_timeout):
            return
        state = (
            f"no worker is ready after {waited:.0f} s: each claims {self._claims or 'nothing'}, "
            f"the cluster has {self._watch.resources}"
        )
        if waited >= self.start_timeout:
            raise ExecutorError(state)
        logger.warning("%s; waiting", state)
        self._said_so = True

    def _seconds_until(self, until: float | None) -> float:
        seconds = super()._seconds_until(until)
        if self.reassign_after is None:
            return seconds
        due = [w.since + self.reassign_after for w in self._team if w.ready and w.messages]
        return max(0.0, min([seconds, *(moment - perf_counter() for moment in due)]))

    def _stop_what_is_late(self) -> None:
        super()._stop_what_is_late()
        if self.reassign_after is None:
            return
        due = perf_counter() - self.reassign_after
        slow = [w for w in self._team if w.ready and w.messages and w.since <= due]
        if slow:
            self._listen(0.0)  # they may have finished just now
        for worker in slow:
            if worker in self._team and worker.messages and worker.since <= due:
                self._bury(worker, f"stopped after reassign_after={self.reassign_after:g} s")


class _Word(NamedTuple):
    """What came of a call."""

    worker: "_Actor"
    number: int
    answer: Any
    error: BaseException | None
    at: float


class _Actor(Worker):
    """An actor as the driver sees it."""

    def __init__(self, name: str, actor: Any, words: "queue.SimpleQueue[_Word]") -> None:
        super().__init__(name)
        self.actor = actor
        self.node = ""
        self._words = words
        self._refs: dict[int, Any] = {}
        self._n_calls = 0
        #: Words that came before an earlier one: Ray's threads overtake each other.
        self._early: dict[int, _Word] = {}
        self._n_heard = 0
        #: What to add to its clock.
        self._skew: float | None = None
        self._synchronized = 0.0

    def send(self, candidates: list[Candidate]) -> None:
        self.expect(self.actor.evaluate.remote([task_of(candidate) for candidate in candidates]))

    def expect(self, ref: Any) -> None:
        """Have the answer of a call put among the words, by one of Ray's threads."""
        number_of_call = self._n_calls
        self._n_calls += 1
        self._refs[number_of_call] = ref  # Ray forgets calls to which nobody refers

        def done(future: Any) -> None:
            self._refs.pop(number_of_call, None)
            error = future.exception()
            answer = None if error is not None else future.result()
            self._words.put(_Word(self, number_of_call, answer, error, perf_counter()))

        ref.future().add_done_callback(done)

    def in_order(self, word: "_Word") -> "Iterator[_Word]":
        """Yield the words that are due, in the order of the calls."""
        self._early[word.number] = word
        while self._n_heard in self._early:
            self._n_heard += 1
            yield self._early.pop(self._n_heard - 1)

    def forget(self) -> None:
        self._refs.clear()

    def synchronize(self, heard: float, finished: float) -> None:
        """Reckon its clock from an answer: it was sent no later than it was heard."""
        skew = heard - finished
        if self._skew is None:
            self._skew = skew
        self._skew = min(skew, self._skew + DRIFT * (heard - self._synchronized))
        self._synchronized = heard

    def evaluation_of(self, report: Report, origin: float) -> Evaluation:
        evaluation = evaluation_of(report, origin - (self._skew or 0.0))
        evaluation.worker = self.name
        return evaluation


def _claims(
    num_cpus: float, num_gpus: float, memory: float | None, resources: Mapping[str, float] | None
) -> dict[str, float]:
    """Return what a worker claims, under Ray's names."""
    claims = {
        "CPU": number(num_cpus, "num_cpus", least=0.0),
        "GPU": number(num_gpus, "num_gpus", least=0.0),
        "memory": 0.0 if memory is None else number(memory, "memory", least=0.0),
    }
    if resources is not None and not isinstance(resources, Mapping):
        raise TypeError(f"resources must be a mapping of names to numbers, got {resources!r}")
    for name, amount in (resources or {}).items():
        claims[name] = number(amount, f"resources[{name!r}]", least=0.0)
    return {name: amount for name, amount in claims.items() if amount > 0.0}


def _cause(text: str) -> str:
    """Return what Ray says of a dead actor, without the names of its fields."""
    return text.partition("The actor is dead because")[2].partition("Worker exit")[0]


def _reason(error: BaseException) -> str:
    text = _cause(str(error)).strip() or str(error).strip()
    line = text.splitlines()[0] if text else type(error).__name__
    return f"({type(error).__name__}: {line[:300]})"


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Keep a Ray that starts here off the network: its servers listen everywhere otherwise."""
    from ray._private import ray_constants

    name = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
    before, constant = os.environ.get(name), getattr(ray_constants, "ENABLE_RAY_CLUSTER", None)
    os.environ[name] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = constant
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
