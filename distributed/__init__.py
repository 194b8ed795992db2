"""Run zoopt on many machines. This package is installed as ``zoopt.distributed``.

Its names are imported when they are first used: importing the package does not import Ray.
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
