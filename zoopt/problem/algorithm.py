"""From a `zoopt.Parameter` to a solver: which one, in which wrappers, of which sizes.

Owns the meaning of the algorithm's name, the flags and the sizes of ZOOpt's API, and refuses
settings that would have no effect. Knows solvers and wrappers by their registered names only.
"""

import copy
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from zoopt.core.checks import number, whole
from zoopt.core.dimensions import Integer
from zoopt.core.registry import registered
from zoopt.core.space import Mask, Space

if TYPE_CHECKING:
    from zoopt.parameter import Parameter

__all__ = [
    "PARETO_FAMILY",
    "algorithm_of",
    "is_parallel",
    "isolation_of",
    "sizes_of",
    "space_of",
    "wrapped",
]

#: Names that mean SRACOS, or batch RACOS where the parameter says so. ASRACOS is SRACOS with
#: several candidates in flight.
RACOS_FAMILY = (None, "asracos", "racos", "sracos")
#: Solvers that select subsets, by the values of the objective and of the constraint.
PARETO_FAMILY = ("poss", "ponss")
#: Solvers that handle noise themselves.
NOISE_FAMILY = ("noisy", "pces")
#: Wrappers that the flags choose.
RESAMPLE, EMBEDDING, RACE = "resample", "sre", "noisy"


def space_of(dimension: Any, name: str = "dimension") -> Space:
    """Return the space behind a Dimension or Dimension2; a Space is returned as it is."""
    space = dimension if isinstance(dimension, Space) else getattr(dimension, "space", None)
    if not isinstance(space, Space):
        raise TypeError(f"{name} must be a Dimension, Dimension2 or Space, got {dimension!r}")
    return space


def is_parallel(parameter: "Parameter") -> bool:
    """Tell whether a parameter asks for workers."""
    name = parameter.get_algorithm()
    return bool(parameter.get_parallel() or (name is not None and name.lower() == "asracos"))


def algorithm_of(
    parameter: "Parameter", space: Space, *, has_constraint: bool, has_resample_func: bool
) -> str:
    """Return the registered name of the solver that a parameter asks for.

    Parameters
    ----------
    parameter : Parameter
    space : Space
    has_constraint, has_resample_func : bool
        Whether the objective has one.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown, or a setting has no effect on the solver. The message names it.
    """
    key = _name(parameter)
    is_of_bits = all(isinstance(d, Integer) and (d.low, d.high) == (0, 1) for d in space.dimensions)
    if key in PARETO_FAMILY and not has_constraint:
        raise ValueError(f"algorithm={key!r} needs an Objective with a constraint")
    if key in PARETO_FAMILY and not is_of_bits:
        raise ValueError(f"algorithm={key!r} needs a dimension of bits: discrete, from 0 to 1")
    if key is None and has_constraint and is_of_bits:
        key = "poss"
    noise = parameter.get_noise_handling()
    if noise and parameter.get_ponss():
        if key not in PARETO_FAMILY:
            raise ValueError("ponss=True needs an Objective with a constraint on bits")
        key = "ponss"
    if noise and parameter.get_suppression():
        if key not in (*RACOS_FAMILY, "ssracos"):
            raise ValueError("suppression=True needs an algorithm like sracos")
        key = "ssracos"
    if noise and key is None and not parameter.get_resampling():
        key = RACE
    if key in ("ssracos", RACE) and not parameter.get_sequential():
        raise ValueError(f"{key!r} needs sequential=True")
    _check_flags(parameter, key, has_resample_func)
    if key not in RACOS_FAMILY:
        return str(key)
    return "sracos" if parameter.get_sequential() else "racos"


def _name(parameter: "Parameter") -> str | None:
    name = parameter.get_algorithm()
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"algorithm must be a string or None, got {name!r}")
    known = sorted({"asracos", *registered()} - {RESAMPLE})
    if name.lower() not in known:
        raise ValueError(f"algorithm must be one of {known}, got {name!r}")
    return name.lower()


def _check_flags(parameter: "Parameter", key: str | None, has_resample_func: bool) -> None:
    """Refuse settings that have no effect on a solver, or contradict each other."""
    noise, high = parameter.get_noise_handling(), parameter.get_high_dim_handling()
    for option, given, needed, has in (
        ("resampling=True", parameter.get_resampling(), "noise_handling=True", noise),
        ("suppression=True", parameter.get_suppression(), "noise_handling=True", noise),
        ("ponss=True", parameter.get_ponss(), "noise_handling=True", noise),
        ("reducedim=True", parameter.get_reducedim(), "high_dim_handling=True", high),
        ("high_dim_handling=True", high, "reducedim=True", parameter.get_reducedim()),
        ("ponss_theta", parameter.get_ponss_theta() is not None, "PONSS", key == "ponss"),
        ("ponss_b", parameter.get_ponss_b() is not None, "PONSS", key == "ponss"),
        (
            "isolationFunc",
            not parameter.is_default("isolationFunc"),
            "algorithm='poss' or 'ponss'",
            key in PARETO_FAMILY,
        ),
    ):
        if given and not has:
            raise ValueError(f"{option} has no effect without {needed}")
    handled = key in ("ponss", "ssracos")
    if noise and parameter.get_resampling() and handled:
        raise ValueError("resampling=True cannot be combined with suppression or ponss")
    repeats = noise or getattr(registered().get(str(key)), "repeats", False)
    if repeats and has_resample_func and parameter.vectorized:
        raise ValueError("a resample_func cannot be combined with vectorized=True")
    if key in NOISE_FAMILY and not parameter.get_resampling():
        for name in ("resample_times", "non_update_allowed", "balance_rate"):
            if not parameter.is_default(name):
                raise ValueError(
                    f"{name} has no effect on {key!r}: set resampling=True or suppression=True"
                )
    if noise and not (handled or parameter.get_resampling() or key in NOISE_FAMILY):
        method = "ponss=True" if key in PARETO_FAMILY else "suppression=True, or no algorithm"
        raise ValueError(
            f"noise_handling=True with {key!r} needs a method: resampling=True or {method}"
        )
    if high and (key in PARETO_FAMILY or key == EMBEDDING):
        raise ValueError(f"high_dim_handling=True has no effect on {key!r}")


def wrapped(algorithm: str, parameter: "Parameter", times: int) -> tuple[str, dict[str, Any]]:
    """Return the outermost solver, and the options that make the algorithm its inner one.

    Parameters
    ----------
    algorithm : str
    parameter : Parameter
    times : int
        How often each point is evaluated.
    """
    name, options = algorithm, dict[str, Any]()
    if parameter.get_high_dim_handling():
        name = EMBEDDING
        withdraw = _continuous_box(parameter.get_withdraw_alpha(), "withdraw_alpha")
        if len(withdraw) != 1:
            raise ValueError(f"withdraw_alpha must have one range, got {len(withdraw)}")
        options = {
            "inner": algorithm,
            "low_dimension": _continuous_box(parameter.get_low_dimension(), "low_dimension"),
            "n_stages": whole(parameter.get_num_sre(), "num_sre", least=1),
            "variance": number(parameter.get_variance_A(), "variance_A", least=0.0, finite=True),
            "withdraw": withdraw[0],
        }
    if times == 1:
        return name, options
    return RESAMPLE, {"inner": name, "times": times, "inner_options": options}


def _continuous_box(dimension: Any, name: str) -> list[list[float]]:
    """Return the ranges of a dimension with continuous coordinates only."""
    if not space_of(dimension, name).is_plain:
        raise ValueError(f"{name} must be continuous, and each range wider than a single point")
    return [[float(v) for v in dimension.get_region(i)] for i in range(dimension.get_size())]


def sizes_of(algorithm: str, parameter: "Parameter", budget: int) -> dict[str, Any]:
    """Return the options of a solver that a parameter sets, with the sizes for a budget.

    Raises
    ------
    TypeError, ValueError
        If a size has a bad value, or no effect on the algorithm. The message names it.
    """
    if algorithm in PARETO_FAMILY:
        return _pareto_options(algorithm, parameter)
    if algorithm == "ssracos":
        return {
            **sizes_of("sracos", parameter, budget),
            "non_update_allowed": parameter.get_non_update_allowed(),
            "resample_times": parameter.get_resample_times(),
            "balance_rate": number(parameter.get_balance_rate(), "balance_rate"),
        }
    if algorithm not in RACOS_FAMILY:
        for name, attribute in (
            ("uncertain_bits", "uncertain_bits"),
            ("exploration_rate", "probability"),
            ("positive_size", "positive_size"),
            ("train_size", "train_size"),
        ):
            if not parameter.is_default(attribute):
                raise ValueError(f"{name} has no effect on {algorithm!r}")
        return {}
    if budget != parameter.get_budget():
        parameter = copy.copy(parameter)
        parameter.set_budget(budget)
    if not parameter.get_train_size():
        raise ValueError(
            "autoset=False needs set_train_size, set_positive_size and set_negative_size"
        )
    if parameter.get_positive_size() > parameter.get_train_size():
        raise ValueError(
            f"positive_size must be at most train_size={parameter.get_train_size()}, got "
            f"{parameter.get_positive_size()}"
        )
    train = min(parameter.get_train_size(), budget)
    return {
        "train_size": train,
        "positive_size": min(parameter.get_positive_size(), train),
        "uncertain_bits": parameter.get_uncertain_bits() or "table",
        "exploration_rate": 1.0 - parameter.get_probability(),
    }


def _pareto_options(algorithm: str, parameter: "Parameter") -> dict[str, Any]:
    """Return the isolation of a parameter, and the margin and size of PONSS."""
    if parameter.get_uncertain_bits() is not None:
        raise ValueError(f"uncertain_bits has no effect on {algorithm!r}")
    options: dict[str, Any] = {}
    if not parameter.is_default("isolationFunc"):
        options["isolation"] = isolation_of(parameter)
    if algorithm == "ponss":
        theta, b = parameter.get_ponss_theta(), parameter.get_ponss_b()
        for name, value in (("ponss_theta", theta), ("ponss_b", b)):
            if value is None:
                raise ValueError(f"PONSS needs {name}")
        options["theta"] = number(theta, "ponss_theta", least=0.0, finite=True)
        options["b"] = whole(b, "ponss_b", least=1)
    return options


def isolation_of(parameter: "Parameter") -> Callable[[Any], Any]:
    """Return a parameter's isolation function as a function of masks."""
    isolation = parameter.get_isolationFunc()
    if not callable(isolation):
        raise TypeError(f"isolationFunc must be callable, got {isolation!r}")
    return functools.partial(_isolated, isolation)


def _isolated(isolation: Callable[[Any], Any], mask: Mask) -> Any:
    return isolation(mask.astype(np.float64))
