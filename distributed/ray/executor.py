"""The Ray executor: a supervisor over actors, on this machine or on a cluster.

It owns the actors and interprets their errors. Ray's own retries are switched off: they repeat
calls silently, and are used up before a lost actor has been replaced.
"""

import contextlib
import logging
import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import zoopt
from zoopt.core.candidate import Candidate
from zoopt.core.checks import number
from zoopt.core.errors import ExecutorError
from zoopt.core.evaluation import Evaluation
from zoopt.distributed.ray.calls import Calls
from zoopt.distributed.ray.connection import address_of, claims_of, connected, ray_of
from zoopt.distributed.ray.deaths import raise_if_it_cannot_start, reason_of, tells_of_a_node
from zoopt.distributed.ray.evaluator import Evaluator, packed
from zoopt.distributed.ray.nodes import NodeWatch
from zoopt.run.executor import Evaluate
from zoopt.run.supervisor import LOOK_SECONDS, Supervisor, Worker
from zoopt.run.worker import (
    Readiness,
    Report,
    decode,
    encode,
    evaluation_of,
    main_module,
    task_of,
)

__all__ = ["RayExecutor"]

logger = logging.getLogger("zoopt")

#: Seconds without a ready worker after which the reason is logged.
PATIENCE_SECONDS = 10.0
#: Number of node losses of one evaluation that do not count against its retries.
MAX_LOST_NODES = 10
#: Largest drift between two clocks, in seconds per second.
DRIFT = 1e-4


class RayExecutor(Supervisor["_Actor"]):
    """Evaluate in Ray actors, on one machine or on a cluster.

    Without ``address``, the executor uses the Ray that this program initialized. If there is none,
    it starts Ray on this machine, listening on the loopback interface only, and stops it at the end
    of the run; if ``RAY_ADDRESS`` is set, it raises a ValueError instead. It joins a cluster only
    if ``address`` names one.

    The objective is stored once and fetched once by each node. Arrays of 1 MiB and more that the
    objective refers to are shared by the workers of a node and are read-only.

    Parameters
    ----------
    workers : int, optional
        Number of actors. By default as many as the living nodes have room for; the number follows
        the cluster as it grows and shrinks.
    address : str, optional
        ``"auto"`` or ``"host:port"`` joins a running cluster, ``"local"`` starts Ray on this
        machine.
    num_cpus, num_gpus : float
        CPUs and GPUs that each worker claims from Ray; 0 claims none.
    memory : float, optional
        Bytes of memory that each worker claims.
    resources : mapping of str to float, optional
        Custom resources that each worker claims.
    runtime_env : dict, optional
        Ray's runtime environment: files and packages that workers need. If this program
        initialized Ray, local files must be passed to ``ray.init`` instead.
    eval_timeout : float, optional
        Seconds after which a running evaluation is stopped. Its status is "timeout".
    reassign_after : float, optional
        Seconds after which a running evaluation is moved to another worker, for clusters with slow
        or faulty nodes. Each move counts as a retry.
    retries : int
        How often an evaluation is repeated after its worker died, before its status is "lost". The
        loss of a whole node does not count, unless it happens more than ten times.
    max_in_flight : int, optional
        Upper limit on candidates submitted and not finished. The default is the ``window`` of the
        run, if it has one. Otherwise it is the number of workers. For objectives that take less
        than 20 ms it may rise to a tenth of the budget, but at most to twice the number of workers.
    node_timeout : float
        Seconds of silence after which a node counts as lost, even if Ray still lists it as alive.
    start_timeout : float
        Seconds to wait for the first worker, and for a new one when all are gone.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid.
    ImportError
        At the start of a run, if Ray is not installed.
    ExecutorError
        During a run, if no worker can be started, if workers cannot load the objective or die one
        after another without finishing an evaluation, or if Ray itself is gone.

    Examples
    --------
    >>> from zoopt.distributed import RayExecutor
    >>> pool = RayExecutor(8, address="auto", num_cpus=2, eval_timeout=3600)  # doctest: +SKIP
    >>> zoopt.minimize(simulate, space, budget=1000, backend=pool)  # doctest: +SKIP
    """

    answers_first = False
    short = 0.02
    sent_ahead = 0.5
    message_seconds = 0.02
    queue_seconds = 0.02

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
        self._claims = claims_of(num_cpus, num_gpus, memory, resources)
        self._is_elastic = workers is None
        if self._is_elastic and not self._claims:
            raise ValueError("workers must be given if a worker claims no resources")
        if runtime_env is not None and not isinstance(runtime_env, Mapping):
            raise TypeError(f"runtime_env must be a dict, got {runtime_env!r}")
        self.reassign_after = None
        if reassign_after is not None:
            self.reassign_after = number(reassign_after, "reassign_after", least=0.0)
        self.node_timeout = number(node_timeout, "node_timeout", least=0.0)
        self.start_timeout = number(start_timeout, "start_timeout", least=0.0)
        self.address = address_of(address)
        self._options: dict[str, Any] = {
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
        n_cpus = 0.0 if self._is_elastic else self.workers * self._claims.get("CPU", 0.0)
        options = self._options
        if not ray.is_initialized():
            options = options | {"runtime_env": None}  # ray.init gets it below
        self._disconnect.enter_context(
            connected(ray, self.address, n_cpus, self._options["runtime_env"])
        )
        self._objective = ray.put(packed(evaluate))
        self._class = ray.remote(**options)(Evaluator)
        self._calls: Calls[_Actor] = Calls(ray)
        self._next_look = 0.0
        self._n_lost_nodes_of: dict[int, int] = {}
        self._alone_since = perf_counter()
        self._said_so = False
        self._watch = NodeWatch(ray, self.node_timeout)
        self._silent: frozenset[str] = frozenset()
        self._disconnect.callback(self._watch.close)

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
        placed = self._watch.placed(self._class)
        actor = placed.remote(name, self._objective, main_module(), path)
        worker = _Actor(f"ray {name}", actor, self._calls)
        self._calls.add(worker, actor.load.remote())
        return worker

    def _listen(self, seconds: float) -> None:
        self._look_after_workers()
        for worker, answer, error in self._calls.answers(seconds):
            if error is not None:
                self._take_error(worker, error)
            else:
                self._take_answer(worker, answer)

    def _take_answer(self, worker: "_Actor", answer: Any) -> None:
        if worker.ready:
            reports = decode(Report, answer)
            worker.synchronize(perf_counter(), reports[-1].finished)
            self._hear(worker, reports)
            return
        readiness: Readiness = answer
        if not readiness.error and readiness.version != zoopt.__version__:
            readiness = readiness._replace(
                error=f"it has zoopt {readiness.version}, this program has {zoopt.__version__}"
            )
        worker.node = readiness.node
        worker.name = f"{worker.name} on {self._watch.name_of(worker.node)}"
        self._welcome(worker, readiness)

    def _take_error(self, worker: "_Actor", error: BaseException) -> None:
        """Distinguish the death of a worker from a broken installation or objective."""
        if not worker.ready:
            raise_if_it_cannot_start(self._ray, error)
        if tells_of_a_node(self._ray, error) or self._watch.is_gone(worker.node):
            self._lose_with_node(worker, reason_of(error))
        else:
            self._bury(worker, reason_of(error))

    def _lose_with_node(self, worker: "_Actor", reason: str) -> None:
        """Bury a worker; blame its evaluation only after many lost nodes."""
        n_lost = 0
        if worker.messages:
            first = worker.messages[0][0].id
            n_lost = self._n_lost_nodes_of[first] = self._n_lost_nodes_of.get(first, 0) + 1
        self._bury(worker, reason, blame=n_lost > MAX_LOST_NODES)

    def _finish(self, candidate: Candidate, evaluation: Evaluation) -> None:
        self._n_lost_nodes_of.pop(candidate.id, None)
        super()._finish(candidate, evaluation)

    def _release(self, worker: "_Actor", patience: float = 0.0) -> str:
        self._calls.forget(worker)
        with contextlib.suppress(Exception):  # Ray may be gone, too
            self._ray.kill(worker.actor)
        return "because the driver stopped it"

    # ------------------------------------------------------------- watching them

    def _look_after_workers(self) -> None:
        if perf_counter() < self._next_look:
            return
        self._next_look = perf_counter() + LOOK_SECONDS
        self._watch.check()
        for worker in [w for w in self._team if w.ready and self._watch.is_gone(w.node)]:
            if worker in self._team:
                self._lose_with_node(worker, "with its node, which is dead or silent")
        self._watch.nodes_in_use = {w.node for w in self._team if w.ready}
        self._place_again()
        n_too_many = max(0, len(self._team) - self._n_wanted())
        for worker in [w for w in self._team if not w.ready][:n_too_many]:
            self._dismiss(worker)  # its node left before it could start
        self._check_for_workers()

    def _place_again(self) -> None:
        """Whenever a node falls silent or answers again, dismiss the workers that are not ready.

        They are replaced by new workers, which avoid silent nodes.
        """
        before, self._silent = self._silent, self._watch.silent
        if self._silent != before:
            for worker in [w for w in self._team if not w.ready]:
                self._dismiss(worker)

    def _check_for_workers(self) -> None:
        """Warn if no worker has been ready for a while; after ``start_timeout``, raise."""
        now = perf_counter()
        if not self._n_inside or any(worker.ready for worker in self._team):
            self._alone_since, self._said_so = now, False
            return
        waited = now - self._alone_since
        if waited < PATIENCE_SECONDS or (self._said_so and waited < self.start_timeout):
            return
        state = (
            f"no worker is ready after {waited:.0f} s: each claims {self._claims or 'nothing'}, "
            f"and the cluster has {self._watch.resources}"
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
            self._listen(0.0)  # an evaluation may have just finished
        for worker in slow:
            if worker in self._team and worker.messages and worker.since <= due:
                self._bury(worker, f"(stopped after reassign_after={self.reassign_after:g} s)")


class _Actor(Worker):
    """The driver's view of an actor."""

    def __init__(self, name: str, actor: Any, calls: "Calls[_Actor]") -> None:
        super().__init__(name)
        self.actor = actor
        self.node = ""
        self._calls = calls
        #: This process's clock minus the actor's, as far as known.
        self._skew: float | None = None
        self._synchronized = 0.0

    def send(self, candidates: list[Candidate]) -> None:
        message = encode(map(task_of, candidates))
        self._calls.add(self, self.actor.evaluate.remote(message))

    def synchronize(self, heard: float, finished: float) -> None:
        """Update the estimated difference of the clocks: travel time can only make it too large."""
        skew = heard - finished
        if self._skew is None:
            self._skew = skew
        self._skew = min(skew, self._skew + DRIFT * (heard - self._synchronized))
        self._synchronized = heard

    def evaluation_of(self, report: Report, origin: float) -> Evaluation:
        evaluation = evaluation_of(report, origin - (self._skew or 0.0))
        evaluation.worker = self.name
        return evaluation
