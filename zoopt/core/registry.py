"""The registry of solvers by name."""

from collections.abc import Callable, Mapping
from typing import Any

from zoopt.core.solver import Solver
from zoopt.core.space import Space

__all__ = ["make_solver", "register", "registered", "solver_factory"]

_REGISTRY: dict[str, Callable[..., Solver]] = {}


def register(name: str, factory: Callable[..., Solver]) -> None:
    """Register a solver by name, for `minimize`, `Opt.min` and the conformance suite.

    Parameters
    ----------
    name : str
        Case-insensitive. An earlier solver of this name is replaced.
    factory : callable
        ``factory(space, *, budget, seed, x0, **options) -> Solver``, such as the class.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> register("random", RandomSearch)
    """
    _REGISTRY[name.lower()] = factory


def registered() -> Mapping[str, Callable[..., Solver]]:
    """Return the registered solvers.

    Returns
    -------
    dict
        The factories, by name.

    Examples
    --------
    >>> import zoopt
    >>> registered()["sracos"] is zoopt.SRacos
    True
    """
    return dict(_REGISTRY)


def make_solver(name: str, space: Space | Any, **options: Any) -> Solver:
    """Build a registered solver.

    Parameters
    ----------
    name : str
        Case-insensitive.
    space : Space, or anything that `Space` takes
    **options
        Arguments of the solver: budget, seed, x0 and its own.

    Returns
    -------
    Solver

    Raises
    ------
    ValueError
        If the name is unknown (the message lists the known names), or if an option is out of range.
    TypeError
        If the name is not a string, or an option is unknown.

    Examples
    --------
    >>> make_solver("sracos", [(0, 1)], budget=50, seed=0).name
    'sracos'
    """
    return solver_factory(name)(space, **options)


def solver_factory(name: str) -> Callable[..., Solver]:
    """Return the factory of a registered solver; see `register`.

    Parameters
    ----------
    name : str
        Case-insensitive.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the name is unknown; lists the known ones.
    TypeError
        If the name is not a string.

    Examples
    --------
    >>> solver_factory("SRACOS").__name__
    'SRacos'
    """
    if not isinstance(name, str):
        raise TypeError(f"algorithm must be a name, got {name!r}")
    factory = _REGISTRY.get(name.lower())
    if factory is None:
        raise ValueError(f"algorithm must be one of {sorted(_REGISTRY)}, got {name!r}")
    return factory
