"""Evaluate on Ray, on one machine or on a cluster.

``executor``
    `RayExecutor`, the backend for users.
``evaluator``
    The actor that evaluates on the nodes.
``connection``
    Starting, joining and leaving Ray.
``calls``, ``deaths``, ``nodes``
    Pending calls of actors, the meaning of their errors, and the health of the cluster.
"""

from zoopt.distributed.ray.executor import RayExecutor

__all__ = ["RayExecutor"]
