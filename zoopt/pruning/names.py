"""The rules by name, and how the header of a checkpoint describes them."""

from typing import Any

from zoopt.pruning.halving import HyperbandPruner, SuccessiveHalvingPruner
from zoopt.pruning.percentile import MedianPruner, PercentilePruner
from zoopt.pruning.pruner import Pruner, settings_of

__all__ = ["described", "pruner_of", "restored"]

RULES: dict[str, type[Pruner]] = {
    "median": MedianPruner,
    "percentile": PercentilePruner,
    "halving": SuccessiveHalvingPruner,
    "hyperband": HyperbandPruner,
}


def pruner_of(given: Any) -> Pruner | None:
    """Return the rule that an argument ``pruner`` stands for.

    Parameters
    ----------
    given : Pruner, str or None

    Raises
    ------
    TypeError, ValueError
        If ``given`` is none of these, or the name is unknown.

    Examples
    --------
    >>> pruner_of("hyperband")
    HyperbandPruner(min_resource=1, max_resource='auto', reduction_factor=3, bootstrap_count=0)
    """
    if given is None or isinstance(given, Pruner):
        return given
    if not isinstance(given, str):
        raise TypeError(f"pruner must be a Pruner or one of {tuple(RULES)}, got {given!r}")
    if given.lower() not in RULES:
        raise ValueError(f"pruner must be one of {tuple(RULES)}, got {given!r}")
    return RULES[given.lower()]()


def described(pruner: Pruner) -> dict[str, Any] | None:
    """Return a rule as a header holds it: its name and settings; None for a user's rule.

    Examples
    --------
    >>> described(PercentilePruner(10))["percentile"]
    10.0
    """
    name = next((name for name, rule in RULES.items() if type(pruner) is rule), None)
    return None if name is None else {"rule": name, **settings_of(pruner)}


def restored(description: dict[str, Any]) -> Pruner:
    """Return the rule that `described` has described.

    Examples
    --------
    >>> restored(described(MedianPruner(n_startup_trials=3))).n_startup_trials
    3
    """
    settings = dict(description)
    return RULES[settings.pop("rule")](**settings)
