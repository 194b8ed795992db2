"""Searches on a simulated cluster, in virtual time."""

from zoopt.distributed.simulation.durations import LogNormal, Pareto
from zoopt.distributed.simulation.executor import SimulatedExecutor
from zoopt.distributed.simulation.fleet import Cluster
from zoopt.distributed.simulation.simulation import Simulation, calibrate, simulate

__all__ = [
    "Cluster",
    "LogNormal",
    "Pareto",
    "SimulatedExecutor",
    "Simulation",
    "calibrate",
    "simulate",
]
