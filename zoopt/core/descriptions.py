"""Dimensions in terms of JSON, for files: written and restored."""

import hashlib
import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.choices import Choice
from zoopt.core.dimensions import Dimension, Integer, Real
from zoopt.core.entries import label_of
from zoopt.core.texts import brief

__all__ = ["described", "described_space", "restored"]

#: Largest number of runs of equal dimensions that `described_space` lists.
MAX_RUNS = 10_000


def described_space(
    names: list[str] | None, distinct: list[Dimension], which: npt.NDArray[np.intp]
) -> dict[str, Any]:
    """Return a space in terms of JSON: dimension i is ``distinct[which[i]]``.

    Raises
    ------
    ValueError
        If a choice has no fingerprint. The message names its dimension.
    """
    codes: dict[str, int] = {}
    facts: list[dict[str, Any]] = []
    kinds = []
    for i, dimension in enumerate(distinct):
        fact = {}
        if type(dimension) is Choice:
            try:
                fact = described(dimension)
            except ValueError as error:
                first = int(np.flatnonzero(which == i)[0])
                raise ValueError(f"{label_of(first, names)}: {error}") from None
        code = codes.setdefault(json.dumps(fact) if fact else repr(dimension), len(facts))
        if code == len(facts):
            facts.append(fact or described(dimension))
        kinds.append(code)
    which = np.array(kinds, np.intp)[which]
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    runs = np.column_stack([which[starts], np.diff(starts, append=len(which))])
    description: dict[str, Any] = {"names": names, "dimensions": facts}
    if len(runs) <= MAX_RUNS:
        description["runs"] = runs.tolist()
    else:
        description["order"] = hashlib.sha256(which.astype("<i8").tobytes()).hexdigest()
    return description


def described(dimension: Dimension) -> dict[str, Any]:
    """Return a dimension in terms of JSON; choices of objects are replaced by a fingerprint.

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
        if dimension.branches:
            facts["branches"] = [
                [[name, described(inner)] for name, inner in branch.items()]
                for branch in dimension.branches
            ]
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
        values = [_read(v) for v in facts.pop("values")]
        if "branches" in facts:
            branches = [
                {name: restored(inner) for name, inner in branch}
                for branch in facts.pop("branches")
            ]
            spaces = (branch.get(None, branch) for branch in branches)
            return Choice(dict(zip(values, spaces, strict=True)), **facts)
        return Choice(values, **facts)
    return Real(**facts) if kind == "Real" else Integer(**facts)


def _mark(choice: Choice) -> str:
    try:
        return hashlib.sha256("".join(choice.marks).encode()).hexdigest()
    except TypeError as error:
        raise ValueError(
            f"a checkpoint cannot recognize the choices {brief(choice.values)} later, "
            f"because {error}; choose among names of the objects instead"
        ) from None


def _written(value: Any) -> Any:
    """Return a value as JSON keeps it; NaN does not equal itself, but its name does."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _read(value: Any) -> Any:
    return float(value["float"]) if isinstance(value, dict) else value
