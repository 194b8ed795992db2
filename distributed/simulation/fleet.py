"""Which simulated workers are there, from when to when: plans, deaths, nodes and replacements.

Knows nothing of evaluations. A worker is a slot, numbered from 0, that lives several lives one
after the other; the workers of a node share the node's death.
"""

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoopt.core.checks import number, whole
from zoopt.distributed.simulation.durations import as_durations

__all__ = ["Cluster", "Fleet"]

#: Assumed unless given: seconds of the driver for an ask, a tell and the loop (see `calibrate`),
#: for a message to a Ray actor and back, and for the way of a message through the network.
DRIVER_TIME = 5e-6
MESSAGE_TIME = 0.5e-3
LATENCY = 0.5e-3

Steps = tuple[tuple[float, int], ...]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What is simulated: workers, how long they take and live, and what the driver costs.

    All times are seconds of the simulation.

    Parameters
    ----------
    workers : int or list of (time, number)
        How many there are, or from when on how many: ``[(0, 10), (60, 500), (600, 20)]``. What
        runs on a worker that is taken away is lost, and tried again elsewhere.
    duration : number, LogNormal, Pareto or callable
        How long an evaluation takes; a callable gets ``(rng)`` or ``(rng, x)``. Drawn in order of
        ask, for any cluster alike; tried again, an evaluation takes as long again.
    batch : int
        Most evaluations of one message; a worker does them one after the other and answers when
        all are done. No more are sent together than it takes to keep all workers busy.
    depth : int
        Messages that a worker holds: with 2 the next one waits at the worker.
    max_in_flight : int, optional
        Most evaluations chosen and not told; by default workers x batch x depth.
    driver_time : float
        What one evaluation costs the driver, asking and telling; `calibrate` measures it.
    message_time : float
        What one message costs the driver, sending it and taking the answer.
    latency : float
        How long a message is on its way; it costs nobody anything.
    worker_lifetime, node_lifetime : float
        Mean time until a worker, or a node with all its workers, dies (exponential); inf for
        never.
    workers_per_node : int
    detection : float
        How long it takes until a death is noticed.
    replacement : float
        How long it takes, from then on, until another one is there; inf for never.
    retries : int
        How often an evaluation whose worker died is tried again, before it is "lost".

    Examples
    --------
    >>> cluster = Cluster(workers=[(0, 10), (60, 500)], duration=20.0, node_lifetime=86400.0)
    >>> cluster.n_slots, cluster.worker_seconds(61)
    (500, 1100.0)
    """

    workers: Any = 100
    duration: Any = 1.0
    batch: int = 1
    depth: int = 1
    max_in_flight: int | None = None
    driver_time: float = DRIVER_TIME
    message_time: float = MESSAGE_TIME
    latency: float = LATENCY
    worker_lifetime: float = math.inf
    node_lifetime: float = math.inf
    workers_per_node: int = 1
    detection: float = 10.0
    replacement: float = 60.0
    retries: int = 2
    #: The number of workers from each time on, from time 0.
    steps: Steps = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", _steps(self.workers))
        as_durations(self.duration)
        for name in ("batch", "depth", "workers_per_node"):
            whole(getattr(self, name), name, least=1)
        if self.max_in_flight is not None:
            whole(self.max_in_flight, "max_in_flight", least=1)
        whole(self.retries, "retries", least=0)
        for name in ("driver_time", "message_time", "latency", "detection"):
            number(getattr(self, name), name, least=0.0, finite=True)
        number(self.replacement, "replacement", least=0.0)
        for name in ("worker_lifetime", "node_lifetime"):
            if not number(getattr(self, name), name) > 0.0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")

    @property
    def n_slots(self) -> int:
        """The most workers at any time."""
        return max(n for _, n in self.steps)

    def share(self, i: int, n: int) -> list[tuple[float, int]]:
        """Return the workers of the i-th of n parts, as even as can be."""
        return [(time, count // n + (i < count % n)) for time, count in self.steps]

    def worker_seconds(self, until: float) -> float:
        """Return how long the planned workers could have worked up to a time, added up."""
        ends = [*(time for time, _ in self.steps[1:]), math.inf]
        return math.fsum(
            n * max(0.0, min(end, until) - begin)
            for (begin, n), end in zip(self.steps, ends, strict=True)
        )


def _steps(workers: Any) -> Steps:
    """Return the plan of workers, from time 0 on."""
    try:
        pairs = [(time, count) for time, count in workers]
    except TypeError:
        return ((0.0, whole(workers, "workers", least=1)),)
    except ValueError:
        raise ValueError(
            f"workers must be a number or a list of (time, number), got {workers!r}"
        ) from None
    steps = [
        (number(time, "a time of workers", least=0.0, finite=True), whole(n, "workers", least=0))
        for time, n in pairs
    ]
    if any(later[0] <= earlier[0] for earlier, later in itertools.pairwise(steps)):
        raise ValueError(f"the times of workers must increase, got {workers!r}")
    if not any(n for _, n in steps):
        raise ValueError(f"workers must be at least 1 at some time, got {workers!r}")
    return tuple(steps if steps[0][0] == 0.0 else [(0.0, 0), *steps])


class Fleet:
    """The lives of the workers of a cluster.

    Parameters
    ----------
    cluster : Cluster
    rng : numpy Generator
        Draws the lifetimes.
    """

    def __init__(self, cluster: Cluster, rng: np.random.Generator) -> None:
        self._cluster = cluster
        self._rng = rng
        n_nodes = -(-cluster.n_slots // cluster.workers_per_node)
        self._node_death = [-math.inf] * n_nodes  # of the node that stands, or stood last

    def ready(self, slot: int, now: float) -> float:
        """Return when a worker can be there, from now on; inf for never."""
        cluster = self._cluster
        death = self._node_death[slot // cluster.workers_per_node]
        if -math.inf < death <= now:  # it is down, or has been replaced
            now = max(now, death + cluster.detection + cluster.replacement)
        return next((max(now, t) for t, end in self._presences(slot) if now < end), math.inf)

    def join(self, slot: int, now: float) -> tuple[float, float]:
        """Begin a life: return when the worker dies, and when that is noticed."""
        cluster = self._cluster
        node = slot // cluster.workers_per_node
        if self._node_death[node] <= now:
            self._node_death[node] = now + self._lifetime(cluster.node_lifetime)
        death = min(self._node_death[node], now + self._lifetime(cluster.worker_lifetime))
        leaves = next(end for begin, end in self._presences(slot) if begin <= now < end)
        if leaves <= death:
            return leaves, leaves  # whoever takes it away knows
        return death, death + cluster.detection

    def again(self, slot: int, death: float, noticed: float) -> float:
        """Return when the next life of a worker can begin; inf for never."""
        was_taken_away = any(end == death for _, end in self._presences(slot))
        return self.ready(slot, noticed + (0.0 if was_taken_away else self._cluster.replacement))

    def _lifetime(self, mean: float) -> float:
        return math.inf if mean == math.inf else self._rng.exponential(mean)

    def _presences(self, slot: int) -> list[tuple[float, float]]:
        """Return from when to when a worker is planned."""
        spans: list[tuple[float, float]] = []
        begin = None
        for time, n in self._cluster.steps:
            if begin is None and n > slot:
                begin = time
            elif begin is not None and n <= slot:
                spans.append((begin, time))
                begin = None
        if begin is not None:
            spans.append((begin, math.inf))
        return spans
