"""Evaluations on Ray: the executor, its workers, and what becomes of nodes."""

from zoopt.distributed.ray.executor import RayExecutor

__all__ = ["RayExecutor"]
