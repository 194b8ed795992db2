"""Dimensions in terms of JSON, for files: written, and made again."""

import hashlib
import math
from typing import Any

from zoopt.core.choices import Choice
from zoopt.core.dimensions import Dimension, Integer, Real
from zoopt.core.texts import brief

__all__ = ["described", "restored"]


def described(dimension: Dimension) -> dict[str, Any]:
    """Return a dimension in terms of JSON; choices of objects stand as a fingerprint.

    Raises
    ------
    ValueError
        If a choice has no fingerprint. The message names it.
    """
    names = ("low", "high", "log", "step", "origin", "ordered")
    facts = {name: getattr(dimension, name) for name in names if hasattr(dimension, name)}
    if isinstance(dimension, Choice):
        if all(v is None or type(v) in (str, int, float, bool) for v in dimension.values):
            facts["values"] = [_written(v) for v in dimension.values]
        else:
            facts["fingerprint"] = _mark(dimension)
    return {"type": type(dimension).__name__, **facts}


def restored(described: dict[str, Any]) -> Dimension:
    """Return the dimension that was described.

    Raises
    ------
    ValueError
        If it has choices that a file cannot hold.
    """
    facts = dict(described)
    kind = facts.pop("type")
    if "fingerprint" in facts:
        raise ValueError("it has choices of objects")
    if kind == "Choice":
        return Choice([_read(v) for v in facts.pop("values")], **facts)
    return Real(**facts) if kind == "Real" else Integer(**facts)


def _mark(choice: Choice) -> str:
    try:
        return hashlib.sha256("".join(choice.marks).encode()).hexdigest()
    except TypeError as error:
        raise ValueError(
            f"a checkpoint cannot tell the choices {brief(choice.values)} from others later on, "
            f"since {error}; choose among names of the objects instead"
        ) from None


def _written(value: Any) -> Any:
    """Return a value as JSON keeps it; NaN does not equal itself, but its name does."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _read(value: Any) -> Any:
    return float(value["float"]) if isinstance(value, dict) else value
