"""Run searches on a simulated cluster, in virtual time.

``simulation``
    `simulate`, its report, and `calibrate`.
``fleet``
    `Cluster` describes the workers; the fleet draws their lifetimes.
``durations``
    `LogNormal`, `Pareto` and other models of how long evaluations take.
``executor``
    `SimulatedExecutor`, the backend; usable with `zoopt.minimize` directly.
``islands``
    Several simulated searches that exchange their best points.
"""

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
