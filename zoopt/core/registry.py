"""The registry of solvers by name."""

from collections.abc import Callable, Mapping
from typing import Any

from zoopt.core.solver import Solver
from zoopt.core.space import Space

__all__ = ["make_solver", "register", "registered", "solver_factory"]

_REGISTRY: dict[str, Callable[..., Solver]] = {}


def register(name: str, factory: Callable[..., Solver]) -> None:
    """Make a solver known by name, to `minimize`, `Opt.min` and the conformance suite.

    Parameters
    ----------
    name : str
        Case-insensitive.
    factory : callable
        ``factory(space, *, budget, seed, x0, **options) -> Solver``.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> register("random", RandomSearch)
    """
    _REGISTRY[name.lower()] = factory


def registered() -> Mapping[str, Callable[..., Solver]]:
    """Return the factories of the known solvers by name."""
    return dict(_REGISTRY)


def make_solver(name: str, space: Space | Any, **options: Any) -> Solver:
    """Build a registered solver.

    Raises
    ------
    ValueError
        If the name or an option is unknown; names the known ones.

    Examples
    --------
    >>> make_solver("sracos", [(0, 1)], budget=50, seed=0).name
    'sracos'
    """
    return solver_factory(name)(space, **options)


def solver_factory(name: str) -> Callable[..., Solver]:
    """Return what makes a registered solver; see `register`."""
    if not isinstance(name, str):
        raise TypeError(f"algorithm must be a name, got {name!r}")
    factory = _REGISTRY.get(name.lower())
    if factory is None:
        raise ValueError(f"algorithm must be one of {sorted(_REGISTRY)}, got {name!r}")
    return factory
