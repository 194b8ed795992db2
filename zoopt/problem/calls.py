"""How user functions are called: which arguments they get, and what they must return."""

import inspect
from collections.abc import Callable, Container
from types import FunctionType
from typing import Any

import numpy as np

from zoopt.core.seeds import spawn_seed
from zoopt.run.executor import WrongShape

__all__ = ["check_values", "random_argument", "stochastic_argument"]


def stochastic_argument(function: Callable[..., Any], taken: tuple[str, ...] = ()) -> str | None:
    """Return "rng" or "seed" if a function's signature names one that is no dimension's name."""
    if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
        code = function.__code__
        parameters: Container[str] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    else:
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):  # built-in functions may have no signature
            return None
    names = [name for name in ("rng", "seed") if name in parameters and name not in taken]
    return names[0] if names else None


def random_argument(kind: str, seed: Any, ident: int) -> Any:
    """Return the rng or seed that a stochastic objective gets for one evaluation."""
    sequence = spawn_seed(seed, "objective", ident)
    return np.random.default_rng(sequence) if kind == "rng" else int(sequence.generate_state(1)[0])


def check_values(values: Any, n: int) -> list[Any]:
    """Check that a vectorized function returned one value a row."""
    array = np.asarray(values)
    if array.shape not in ((n,), (n, 1)):
        raise WrongShape(
            f"a vectorized objective must return {n} values for {n} points, got an array of shape "
            f"{array.shape}"
        )
    result: list[Any] = array.reshape(n).tolist()
    return result
