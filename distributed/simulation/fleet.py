"""The workers of a simulated cluster over time: plans, deaths, nodes and replacements.

This module does not depend on evaluations. A worker is a slot, numbered from 0, that goes through
several lives. When a node dies, all its workers die.
"""

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoopt.core.checks import number, whole
from zoopt.distributed.simulation.durations import as_durations

__all__ = ["Cluster", "Fleet"]

#: Default costs in seconds: the driver's time for an ask, a tell and the loop (see `calibrate`),
#: the driver's time for a message to a Ray actor and its answer, and the network's time for one
#: message.
DRIVER_TIME = 5e-6
MESSAGE_TIME = 0.5e-3
LATENCY = 0.5e-3

Steps = tuple[tuple[float, int], ...]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A simulated cluster: its workers, the durations of evaluations, and the driver's costs.

    All times are virtual seconds.

    Parameters
    ----------
    workers : int or list of (time, number)
        Number of workers, or a plan: times, each with the number of workers from then on:
        ``[(0, 10), (60, 500), (600, 20)]``. Evaluations on workers that are removed are repeated
        elsewhere.
    duration : number, LogNormal, Pareto or callable
        Duration of an evaluation. A callable is called as ``duration(rng)`` or
        ``duration(rng, x)``. Durations are drawn in the order of ask, so they are the same for
        every cluster; a repeated evaluation takes the same time again.
    batch : int
        Largest number of evaluations in one message. The worker evaluates them one after another
        and answers at the end. Messages are smaller if workers would be idle otherwise.
    depth : int
        Number of messages that a worker holds; with 2, the next one waits at the worker.
    max_in_flight : int, optional
        Upper limit on candidates submitted and not finished. The default is
        ``workers * batch * depth``.
    driver_time : float
        The driver's time for asking and telling one evaluation; `calibrate` measures it.
    message_time : float
        The driver's time for sending a message and receiving its answer.
    latency : float
        Time that a message spends in the network. It occupies neither driver nor worker.
    worker_lifetime, node_lifetime : float
        Mean time until a worker, or a node with all its workers, dies. Lifetimes are exponential;
        ``inf`` means never.
    workers_per_node : int
        Number of workers on a node.
    detection : float
        Time until the driver notices a death.
    replacement : float
        Time from the detection until the replacement is ready; ``inf`` means never.
    retries : int
        How often an evaluation is repeated after its worker died, before its status is "lost".

    Attributes
    ----------
    steps : tuple of (time, number)
        The plan of the number of workers, from time 0.
    n_slots : int
        Largest number of workers at any time.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid.

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
        """Largest number of workers at any time."""
        return max(n for _, n in self.steps)

    def share(self, i: int, n: int) -> list[tuple[float, int]]:
        """Return the plan of one of several equal parts of the workers.

        Parameters
        ----------
        i : int
            Index of the part.
        n : int
            Number of parts.

        Returns
        -------
        list of (time, number)
        """
        return [(time, count // n + (i < count % n)) for time, count in self.steps]

    def worker_seconds(self, until: float) -> float:
        """Return the total time that all planned workers are available.

        Parameters
        ----------
        until : float
            End of the interval, which begins at 0.

        Returns
        -------
        float
        """
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
    """The lives of a cluster's workers.

    Parameters
    ----------
    cluster : Cluster
    rng : numpy.random.Generator
        Draws the lifetimes.
    """

    def __init__(self, cluster: Cluster, rng: np.random.Generator) -> None:
        self._cluster = cluster
        self._rng = rng
        n_nodes = -(-cluster.n_slots // cluster.workers_per_node)
        self._node_death = [-math.inf] * n_nodes  # of the current or the previous node

    def ready(self, slot: int, now: float) -> float:
        """Return the earliest time from now at which a worker can be present; inf for never."""
        cluster = self._cluster
        death = self._node_death[slot // cluster.workers_per_node]
        if -math.inf < death <= now:  # dead, or dead and replaced
            now = max(now, death + cluster.detection + cluster.replacement)
        return next((max(now, t) for t, end in self._presences(slot) if now < end), math.inf)

    def join(self, slot: int, now: float) -> tuple[float, float]:
        """Begin a worker's life; return the times at which it dies and at which this is noticed."""
        cluster = self._cluster
        node = slot // cluster.workers_per_node
        if self._node_death[node] <= now:
            self._node_death[node] = now + self._lifetime(cluster.node_lifetime)
        death = min(self._node_death[node], now + self._lifetime(cluster.worker_lifetime))
        leaves = next(end for begin, end in self._presences(slot) if begin <= now < end)
        if leaves <= death:
            return leaves, leaves  # a planned removal is known at once
        return death, death + cluster.detection

    def again(self, slot: int, death: float, noticed: float) -> float:
        """Return the time at which a worker's next life can begin; inf for never."""
        was_taken_away = any(end == death for _, end in self._presences(slot))
        return self.ready(slot, noticed + (0.0 if was_taken_away else self._cluster.replacement))

    def _lifetime(self, mean: float) -> float:
        return math.inf if mean == math.inf else self._rng.exponential(mean)

    def _presences(self, slot: int) -> list[tuple[float, float]]:
        """Return the intervals in which a worker is planned to be present."""
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
