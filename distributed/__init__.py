"""Run zoopt on many machines, or simulate such a run. Installed as ``zoopt.distributed``.

``ray``
    `RayExecutor` evaluates on a Ray cluster.
``islands``
    `minimize_islands` runs several searches on Ray that exchange their best points.
``tune``
    `ZOOptSearch` chooses hyperparameters in Ray Tune.
``simulation``
    `simulate` predicts duration and result of a run on a cluster, without the cluster.
``cluster``
    Templates of a container image, of clusters on AWS and Kubernetes, and of a job.

Names are imported at their first use, so importing this package does not import Ray.
"""

if __name__ != "zoopt.distributed":
    raise ImportError(
        "this folder is the package zoopt.distributed: install zoopt and import it by that name"
    )

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoopt.distributed.islands import IslandsResult, minimize_islands
    from zoopt.distributed.ray import RayExecutor
    from zoopt.distributed.simulation import (
        Cluster,
        LogNormal,
        Pareto,
        SimulatedExecutor,
        Simulation,
        calibrate,
        simulate,
    )
    from zoopt.distributed.tune import ZOOptSearch

__all__ = [
    "Cluster",
    "IslandsResult",
    "LogNormal",
    "Pareto",
    "RayExecutor",
    "SimulatedExecutor",
    "Simulation",
    "ZOOptSearch",
    "calibrate",
    "minimize_islands",
    "simulate",
]

#: The package in which each public name lives.
_PACKAGES = {
    "Cluster": "simulation",
    "IslandsResult": "islands",
    "LogNormal": "simulation",
    "Pareto": "simulation",
    "RayExecutor": "ray",
    "SimulatedExecutor": "simulation",
    "Simulation": "simulation",
    "ZOOptSearch": "tune",
    "calibrate": "simulation",
    "minimize_islands": "islands",
    "simulate": "simulation",
}


def __getattr__(name: str) -> Any:
    if name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PACKAGES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
