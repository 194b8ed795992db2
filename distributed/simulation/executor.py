"""The executor with workers that exist in virtual time only; loop and solvers are real.

Objectives are evaluated in this process, so values are real; durations are drawn at random. The
death of a worker is drawn when it joins, so the outcome of a message is known when it is sent. The
events are therefore those that the driver notices: an answer, a death, a worker that joins.
"""

import heapq
import math
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.errors import ExecutorError, ExecutorInUse
from zoopt.core.evaluation import LOST, Evaluation
from zoopt.core.seeds import Seed, root_seed
from zoopt.distributed.simulation.durations import Durations
from zoopt.distributed.simulation.fleet import Cluster, Fleet
from zoopt.run.executor import Evaluate, Executor, Outcome, SerialExecutor

__all__ = ["SimulatedExecutor", "spawned"]

ANSWER, DEATH, JOIN = range(3)

#: Separates the random streams of simulations from those of solvers and objectives.
STREAM = 0x51D

#: Load of a slot without a worker: not there yet, or known to be dead.
ABSENT = -1


class _Task(NamedTuple):
    """A pending evaluation; a repetition takes the same time."""

    candidate: Candidate
    seconds: float
    n_deaths: int


class _Message(NamedTuple):
    """Evaluations that a worker makes one after another, with their times."""

    slot: int
    life: int
    tasks: list[_Task]
    begin: float
    ends: list[float]


class SimulatedExecutor(Executor):
    """Evaluate in this process, in the virtual time of a simulated cluster.

    The driver does one thing at a time. Asking, telling and messages take the times that the
    cluster specifies, and workers wait for the driver.

    Parameters
    ----------
    cluster : Cluster
    seed : int, SeedSequence or None
        Seed of durations and lifetimes. With the same seed, the simulation is repeated exactly.

    Attributes
    ----------
    capacity : int
        Number of candidates that may be in flight, given the workers that the driver knows of.
    n_messages : int
        Number of messages sent.
    n_events : int
        Number of answers, detected deaths and workers that joined.
    n_deaths : int
        Number of detected deaths.
    n_retried, n_lost : int
        Number of evaluations that were repeated, or given up, after their worker died.
    worked, wasted : float
        Total time of workers in evaluations that were delivered, and in those that died with
        their worker.
    driver_worked : float
        Time in which the driver was busy.

    Raises
    ------
    TypeError
        If ``cluster`` is not a Cluster.
    ExecutorError
        During a run, if evaluations wait and no worker will ever come.

    Examples
    --------
    >>> import zoopt
    >>> from zoopt.distributed import Cluster, SimulatedExecutor
    >>> cluster = Cluster(workers=50, duration=60.0, driver_time=0, message_time=0, latency=0)
    >>> result = zoopt.minimize(
    ...     lambda x: x[0] ** 2, [(-1, 1)], budget=1000, seed=0, backend=SimulatedExecutor(cluster)
    ... )
    >>> result.walltime
    1200.0
    """

    capacity = 1
    in_process = True

    def __init__(self, cluster: Cluster, seed: Seed = None) -> None:
        if not isinstance(cluster, Cluster):
            raise TypeError(f"cluster must be a Cluster, got {cluster!r}")
        self.cluster = cluster
        self.capacity = 1
        self._seed = root_seed(seed)
        self._in_use = False
        self._base = self._now = 0.0
        self._reset()

    def clock(self) -> float:
        """Return the driver's virtual time in seconds; it continues from run to run."""
        return self._base + self._now

    # ------------------------------------------------------------- the executor

    def start(
        self, evaluate: Evaluate, budget: int, origin: float, in_flight: int | None = None
    ) -> None:
        """Let the first workers join; see `zoopt.run.executor.Executor.start`."""
        if self._in_use:
            raise ExecutorInUse(
                "this executor is in use; runs at the same time need separate executors"
            )
        self._in_use = True
        self._base, self._now = self.clock(), 0.0
        self._shift = self._base - origin
        self._reset()
        self._serial.start(evaluate, budget, 0.0)
        cluster = self.cluster
        for slot in range(cluster.n_slots):
            when = self._fleet.ready(slot, 0.0)
            if when == 0.0:
                self._join(slot)
            else:
                self._push(when, JOIN, slot)
        wanted = min(budget, budget if in_flight is None else in_flight)
        self._batch = max(1, min(cluster.batch, -(-wanted // max(1, self._n_there))))
        self._count_capacity()

    def _reset(self) -> None:
        cluster = self.cluster
        self._serial = SerialExecutor()
        self._draw = Durations(cluster.duration, spawned(self._seed, 0)).draw
        self._fleet = Fleet(cluster, spawned(self._seed, 1))
        self._heap: list[tuple[float, int, int, Any]] = []
        self._n_pushed = 0
        self._pending: deque[_Task] = deque()
        self._cancelled: set[int] = set()
        n = cluster.n_slots
        self._names = [f"worker {slot}" for slot in range(n)]
        self._life = [0] * n
        self._death = [math.inf] * n
        self._free_at = [0.0] * n
        self._doomed: dict[int, list[_Message]] = {}
        self._n_there = 0
        # Workers by the number of messages they hold. Outdated entries are skipped when read.
        self._load = [ABSENT] * n
        self._by_load: list[deque[int]] = [deque() for _ in range(cluster.depth)]
        self._is_listed = [bytearray(n) for _ in range(cluster.depth)]
        self._n_by_load = [0] * (cluster.depth + 1)
        self._half_message = cluster.message_time / 2
        self._half_step = cluster.driver_time / 2
        self.n_messages = self.n_events = self.n_deaths = self.n_retried = self.n_lost = 0
        self.worked = self.wasted = self.driver_worked = 0.0

    def submit(self, candidate: Candidate) -> None:
        """Queue a candidate, and send a message if it is full."""
        self.work(self._half_step)
        self._pending.append(_Task(candidate, self._draw(candidate), 0))
        if len(self._pending) >= self._batch:
            self._send(self._batch)

    def collect(self, timeout: float | None = None) -> list[Outcome]:
        """Advance to the next outcomes, to more capacity, or to the timeout.

        Raises
        ------
        ExecutorError
            If evaluations wait and no worker will ever come.
        """
        deadline = math.inf
        if timeout is not None:
            deadline = self._now + timeout
            if timeout > 0.0 and deadline == self._now:  # too short to change the sum
                deadline = math.nextafter(deadline, math.inf)
        heap = self._heap
        room = self.capacity
        self._send_all()
        while True:
            outcomes = self._look()
            if outcomes or self.capacity > room:
                return outcomes
            if not heap and not self._pending:  # everything in flight was cancelled
                return outcomes
            if not heap:
                raise ExecutorError(
                    f"{len(self._pending)} evaluations wait, but no worker is left or will join"
                )
            when = heap[0][0]
            if when > deadline:
                self._now = deadline
                return []
            if when > self._now:
                self._now = when

    def cancel(self, ident: int) -> None:
        """Discard the outcome of a candidate; its simulated time is still spent."""
        self._cancelled.add(ident)

    def close(self) -> None:
        """End the run; the counters keep their values."""
        self._in_use = False
        self._heap.clear()
        self._pending.clear()
        self._doomed.clear()

    # ------------------------------------------------------------- the driver

    def work(self, seconds: float) -> None:
        """Keep the driver busy for some seconds."""
        self._now += seconds
        self.driver_worked += seconds

    def _send_all(self) -> None:
        """Distribute waiting tasks evenly over workers with room."""
        while self._pending:
            room = next((n for n in self._n_by_load[:-1] if n), 0)
            if not room:
                return
            self._send(min(self._batch, -(-len(self._pending) // room)))

    def _send(self, n: int) -> None:
        """Send the oldest n tasks to the worker with the fewest messages, if one has room."""
        slot = self._roomiest()
        if slot is None:
            return
        self.work(self._half_message)
        self.n_messages += 1
        latency = self.cluster.latency
        begin = end = max(self._now + latency, self._free_at[slot])
        tasks = [self._pending.popleft() for _ in range(n)]
        ends = []
        for task in tasks:
            end += task.seconds
            ends.append(end)
        self._free_at[slot] = end
        message = _Message(slot, self._life[slot], tasks, begin, ends)
        if end <= self._death[slot]:
            self._push(end + latency, ANSWER, message)
        else:
            self._doomed.setdefault(slot, []).append(message)

    def _look(self) -> list[Outcome]:
        """Handle all events up to now."""
        outcomes: list[Outcome] = []
        heap, until = self._heap, self._now
        while heap and heap[0][0] <= until:
            when, _, kind, what = heapq.heappop(heap)
            self.n_events += 1
            if kind == ANSWER:
                self._take(what, outcomes)
            elif kind == DEATH:
                self._bury(what, when, outcomes)
            else:
                self._welcome(what, when)
        if self._pending:
            self._send_all()
        return outcomes

    def _take(self, message: _Message, outcomes: list[Outcome]) -> None:
        self.work(self._half_message)
        slot = message.slot
        if message.life == self._life[slot] and self._load[slot] != ABSENT:
            self._set_load(slot, self._load[slot] - 1)
        begin = message.begin
        for task, end in zip(message.tasks, message.ends, strict=True):
            candidate = task.candidate
            if candidate.id not in self._cancelled:
                evaluation = self._serial.submit(candidate)
                evaluation.started = begin + self._shift
                evaluation.finished = end + self._shift
                evaluation.worker = self._names[slot]
                self._deliver(candidate, evaluation, outcomes)
                self.worked += end - begin
            begin = end

    def _deliver(
        self, candidate: Candidate, evaluation: Evaluation, outcomes: list[Outcome]
    ) -> None:
        self.work(self._half_step)
        outcomes.append((candidate, evaluation))

    def _bury(self, slot: int, when: float, outcomes: list[Outcome]) -> None:
        """Handle a death: the worker's tasks go to the head of the queue, or are lost."""
        death = self._death[slot]
        self.n_deaths += 1
        self._set_load(slot, ABSENT)
        self._n_there -= 1
        self._count_capacity()
        for message in reversed(self._doomed.pop(slot, [])):
            self.wasted += max(0.0, min(message.ends[-1], death) - message.begin)
            for task in reversed(message.tasks):
                if task.candidate.id in self._cancelled:
                    continue
                if task.n_deaths < self.cluster.retries:
                    self.n_retried += 1
                    self._pending.appendleft(task._replace(n_deaths=task.n_deaths + 1))
                    continue
                self.n_lost += 1
                times = f"{task.n_deaths + 1} times" if task.n_deaths else "once"
                lost = Evaluation(math.nan, LOST, error=f"its worker died {times}")
                lost.started = min(message.begin, when) + self._shift
                lost.finished = when + self._shift
                lost.worker = self._names[slot]
                self._deliver(task.candidate, lost, outcomes)
        self._push(self._fleet.again(slot, death, when), JOIN, slot)

    def _welcome(self, slot: int, when: float) -> None:
        ready = self._fleet.ready(slot, when)
        if ready > when:  # its node has died since
            self._push(ready, JOIN, slot)
        else:
            self._join(slot, when)
            self._count_capacity()

    # ------------------------------------------------------------- bookkeeping

    def _push(self, when: float, kind: int, what: Any) -> None:
        if when < math.inf:
            heapq.heappush(self._heap, (when, self._n_pushed, kind, what))
            self._n_pushed += 1

    def _join(self, slot: int, when: float = 0.0) -> None:
        death, noticed = self._fleet.join(slot, when)
        self._life[slot] += 1
        self._death[slot] = death
        self._free_at[slot] = when
        self._n_there += 1
        self._set_load(slot, 0)
        self._push(noticed, DEATH, slot)

    def _count_capacity(self) -> None:
        """Update the capacity; it is at least 1, even without a worker."""
        cluster = self.cluster
        room = self._n_there * self._batch * cluster.depth
        if cluster.max_in_flight is not None:
            room = min(room, cluster.max_in_flight)
        self.capacity = max(1, room)

    def _set_load(self, slot: int, load: int) -> None:
        before, self._load[slot] = self._load[slot], load
        if before != ABSENT:
            self._n_by_load[before] -= 1
        if load == ABSENT:
            return
        self._n_by_load[load] += 1
        if load < len(self._by_load) and not self._is_listed[load][slot]:
            self._is_listed[load][slot] = True
            self._by_load[load].append(slot)

    def _roomiest(self) -> int | None:
        """Return the worker with the fewest messages and count one more; None if all are full."""
        for load, slots in enumerate(self._by_load):
            if not self._n_by_load[load]:
                continue
            while True:
                slot = slots.popleft()
                self._is_listed[load][slot] = False
                if self._load[slot] == load:
                    self._set_load(slot, load + 1)
                    return slot
        return None


def spawned(seed: np.random.SeedSequence, *keys: int) -> np.random.Generator:
    """Return a random generator for a simulation, independent of solvers and objectives."""
    return np.random.Generator(
        np.random.PCG64(
            np.random.SeedSequence(
                seed.entropy, spawn_key=(*seed.spawn_key, STREAM, *keys), pool_size=seed.pool_size
            )
        )
    )
