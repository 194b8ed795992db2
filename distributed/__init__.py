"""Run zoopt on many machines. This package is installed as ``zoopt.distributed``."""

if __name__ != "zoopt.distributed":
    raise ImportError(
        "this folder is the package zoopt.distributed: install zoopt and import it by that name"
    )

import importlib
from typing import Any

#: Public names and their modules, which are loaded on use: some need Ray.
_MODULES = {
    "Cluster": "fleet",
    "LogNormal": "durations",
    "Pareto": "durations",
    "RayExecutor": "ray_executor",
    "SimulatedExecutor": "simulated_executor",
    "Simulation": "simulation",
    "calibrate": "simulation",
    "simulate": "simulation",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
