"""Watch a Ray cluster: its nodes, whether they answer, and whether Ray itself is alive.

Ray takes minutes to notice a silent network. Therefore every node in use, except the driver's, has
a sentinel: an actor that only answers, and is called every second.

Ray terminates the driver's process when the head has been gone for a minute, or the driver's raylet
for some seconds. The process can neither prevent nor explain this, so the head and the raylet are
watched as well.
"""

import contextlib
import logging
import os
import socket
import threading
from time import perf_counter, sleep
from typing import Any

from zoopt.core.errors import ExecutorError

__all__ = ["NodeWatch"]

logger = logging.getLogger("zoopt")

#: Seconds between two checks of the cluster.
LOOK_SECONDS = 1.0
#: Environment variable of Ray: how many seconds it waits for a head that is gone.
RECONNECT = "RAY_gcs_rpc_server_reconnect_timeout_s"
#: Seconds of silence after which the head counts as gone; Ray ends this program after twice that.
HEAD_SECONDS = float(os.environ.get(RECONNECT, 60.0)) / 2.0


class Sentinel:
    """The actor that shows that its node is alive."""

    def pulse(self) -> None:
        """Return, which shows that the node answers."""


class NodeWatch:
    """Watch the nodes of a cluster from a separate thread, because Ray may answer late.

    Parameters
    ----------
    ray : module
    timeout : float
        Seconds after which a node that does not answer counts as silent.

    Attributes
    ----------
    resources : dict
        Total resources of the living nodes.
    nodes_in_use : set of str
        Ids of the nodes to watch; set by the owner.
    """

    def __init__(self, ray: Any, timeout: float) -> None:
        self._ray = ray
        self._timeout = timeout
        self._here = ray.get_runtime_context().get_node_id()
        self.nodes_in_use: set[str] = set()
        self.resources: dict[str, float] = {}
        self._alive: dict[str, dict[str, Any]] = {}
        self._names: dict[str, str] = {}
        self._silent: frozenset[str] = frozenset()
        self._sentinels: dict[str, _Pulse] = {}
        nodes: dict[str, Any] = {node["NodeID"]: node for node in ray.nodes()}
        here = nodes.get(self._here, {})
        raylet = f"{here.get('NodeManagerAddress')}:{here.get('NodeManagerPort')}"
        head = ray.get_runtime_context().gcs_address
        self._head, self._raylet = (at if _knock(at) else "" for at in (head, raylet))
        self._is_cut_off = False
        self._see()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="zoopt nodes", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread and the sentinels."""
        self._end.set()
        self._thread.join(timeout=5.0)
        for pulse in self._sentinels.values():
            pulse.stop(self._ray)

    def check(self) -> None:
        """Raise if Ray as a whole has failed.

        Raises
        ------
        ExecutorError
            If Ray has failed. The message names the part that is gone and gives advice.
        """
        trouble = self._trouble()
        if trouble:
            raise ExecutorError(
                f"{trouble}; a run with a checkpoint can be resumed on a new Ray cluster. A "
                "program that initialized Ray must call ray.shutdown() now, or Ray will end it"
            )

    def _trouble(self) -> str:
        if self._is_cut_off:
            return "Ray's raylet on this node is gone"
        if perf_counter() - self._seen > HEAD_SECONDS:
            sleep(2 * LOOK_SECONDS)  # perhaps this program was suspended, not the head
            seconds = perf_counter() - self._seen
            if seconds > HEAD_SECONDS:
                return f"Ray's head has been silent for {seconds:.0f} s"
        return ""

    def placed(self, actor_class: Any) -> Any:
        """Return an actor class that avoids the silent nodes, which Ray would still use."""
        if not self._silent:
            return actor_class
        from ray.util.scheduling_strategies import NodeLabelSchedulingStrategy, NotIn

        others: Any = NotIn
        strategy = NodeLabelSchedulingStrategy(hard={"ray.io/node-id": others(*self._silent)})
        return actor_class.options(scheduling_strategy=strategy)

    @property
    def silent(self) -> frozenset[str]:
        """Ids of the nodes that no longer answer, although Ray lists them as alive."""
        return self._silent

    def is_gone(self, node: str) -> bool:
        """Return whether a node is dead or silent."""
        return bool(node) and (node not in self._alive or node in self._silent)

    def name_of(self, node: str) -> str:
        """Return a readable name of a node id."""
        return self._names.get(node, node[:8])

    def n_places(self, claims: dict[str, float]) -> int:
        """Return how many workers with these claims would fit on the living nodes."""
        nodes = [resources for node, resources in self._alive.items() if node not in self._silent]
        return sum(
            min(int(resources.get(name, 0.0) / amount + 1e-9) for name, amount in claims.items())
            for resources in nodes
        )

    def _work(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            try:
                self._is_cut_off = bool(self._raylet) and _knock(self._raylet) is False
                if not self._head or _knock(self._head):  # otherwise Ray's call would block
                    self._see()
                    self._ask()
            except Exception as error:  # Ray is in trouble; it may recover
                logger.debug("looking at the nodes failed: %s", error)

    def _see(self) -> None:
        alive = {}
        nodes = self._ray.nodes()
        self._seen = perf_counter()
        for node in nodes:
            ident, address = node["NodeID"], node["NodeManagerAddress"]
            if node["Alive"]:
                alive[ident] = dict(node["Resources"])
            given = node.get("NodeName") or address
            self._names[ident] = node["NodeManagerHostname"] if given == address else given
        if alive:  # without a living node, Ray is shutting down
            self._alive = alive
        total: dict[str, float] = {}
        for resources in self._alive.values():
            for name, amount in resources.items():
                if not name.startswith("node:"):
                    total[name] = total.get(name, 0.0) + amount
        self.resources = total

    def _ask(self) -> None:
        watched = (self.nodes_in_use | self._silent) - {self._here}  # silent nodes may recover
        for node in [n for n in self._sentinels if n not in watched or n not in self._alive]:
            self._sentinels.pop(node).stop(self._ray)
            self._silent -= {node}
        for node in watched:
            if node not in self._alive:
                continue
            if node not in self._sentinels:
                self._sentinels[node] = _Pulse(self._ray, node)
            seconds = self._sentinels[node].seconds_of_silence()
            if seconds > self._timeout and node not in self._silent:
                logger.warning(
                    "node %s has been silent for %.0f s; its evaluations move to other nodes",
                    self.name_of(node),
                    seconds,
                )
                self._silent = self._silent | {node}
            elif seconds <= self._timeout and node in self._silent:
                logger.warning("node %s answers again", self.name_of(node))
                self._silent = self._silent - {node}


def _knock(address: str) -> bool | None:
    """Return whether a server listens at an address; None if that is uncertain."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=LOOK_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except (OSError, ValueError):
        return None
    return True


class _Pulse:
    """A node's sentinel, and the time of its last answer."""

    def __init__(self, ray: Any, node: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._class = ray.remote(
            num_cpus=0,
            max_restarts=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )(Sentinel)
        self._actor = self._class.remote()
        self._heard = perf_counter()
        self._answer: Any = None

    def seconds_of_silence(self) -> float:
        """Return the seconds since the last answer; call the sentinel again if it answered."""
        if self._answer is not None and self._answer.done():
            if self._answer.exception() is None:
                self._heard = perf_counter()
            else:  # the actor died; its node may be fine
                self._actor = self._class.remote()
            self._answer = None
        if self._answer is None:
            self._answer = self._actor.pulse.remote().future()
        return perf_counter() - self._heard

    def stop(self, ray: Any) -> None:
        with contextlib.suppress(Exception):
            ray.kill(self._actor)
