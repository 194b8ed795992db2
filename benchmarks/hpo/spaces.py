"""Search spaces in a neutral form, which `solvers.py` translates for each library.

A point is a dictionary with the active parameters only. This module needs only numpy, because
every library runs it in its own environment.
"""

import dataclasses
import math
from typing import Any

import numpy as np

Point = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A real number, an integer or a choice, active if its parent has one of some levels."""

    name: str
    kind: str  # "real", "integer" or "choice"
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    values: tuple[Any, ...] = ()
    parent: str | None = None
    levels: tuple[Any, ...] = ()

    def ends(self) -> tuple[float, float]:
        """Return the ends of the scale; the cells of integers reach half a unit further."""
        half = 0.5 if self.kind == "integer" else 0.0
        low, high = self.low - half, self.high + half
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def value(self, unit: float) -> Any:
        """Return the value at a number from [0, 1]."""
        if self.kind == "choice":
            return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]
        low, high = self.ends()
        number = low + unit * (high - low)
        number = math.exp(number) if self.log else number
        if self.kind == "integer":
            number = round(number)
        return type(self.low)(min(max(number, self.low), self.high))

    def unit(self, value: Any) -> float:
        """Return a number's place in [0, 1], or the index of a choice."""
        if self.kind == "choice":
            return float(self.values.index(value))
        low, high = self.ends()
        return ((math.log(value) if self.log else value) - low) / (high - low)


class Space:
    """Parameters in an order in which parents precede their children."""

    def __init__(self, parameters: list[Parameter]) -> None:
        self.parameters = parameters
        self.by_name = {p.name: p for p in parameters}
        if len(self.by_name) < len(parameters):
            raise ValueError("the names are not unique")

    def roots(self) -> list[Parameter]:
        return [p for p in self.parameters if p.parent is None]

    def children(self, parent: str, level: Any) -> list[Parameter]:
        return [p for p in self.parameters if p.parent == parent and level in p.levels]

    def prune(self, point: Point) -> Point:
        """Drop the inactive parameters."""
        kept: Point = {}
        for p in self.parameters:
            if p.parent is None or (p.parent in kept and kept[p.parent] in p.levels):
                kept[p.name] = point[p.name]
        return kept

    def sample(self, rng: np.random.Generator) -> Point:
        units = rng.random(len(self.parameters))
        return self.prune({p.name: p.value(u) for p, u in zip(self.parameters, units, strict=True)})

    def vector(self, point: Point) -> np.ndarray:
        """Return places and indices, and NaN for inactive parameters."""
        return np.array(
            [p.unit(point[p.name]) if p.name in point else np.nan for p in self.parameters]
        )

    def point(self, vector: np.ndarray) -> Point:
        """Return the point of a vector."""
        return {
            p.name: p.values[int(u)] if p.kind == "choice" else p.value(float(u))
            for p, u in zip(self.parameters, vector, strict=True)
            if not np.isnan(u)
        }

    def described(self) -> list[dict[str, Any]]:
        return [dataclasses.asdict(p) for p in self.parameters]


def read(described: list[dict[str, Any]]) -> Space:
    """Return the space of a description that went through JSON."""
    return Space(
        [
            Parameter(**{**d, "values": tuple(d["values"]), "levels": tuple(d["levels"])})
            for d in described
        ]
    )


def real(name: str, low: float, high: float, log: bool = False) -> Parameter:
    return Parameter(name, "real", float(low), float(high), log)


def integer(name: str, low: int, high: int, log: bool = False) -> Parameter:
    return Parameter(name, "integer", low, high, log)


def choice(name: str, *values: Any) -> Parameter:
    return Parameter(name, "choice", values=values)


def under(parent: str, levels: Any, *parameters: Parameter) -> list[Parameter]:
    """Make parameters active only where a choice has one of these levels."""
    levels = tuple(levels) if isinstance(levels, (tuple, list)) else (levels,)
    return [dataclasses.replace(p, parent=parent, levels=levels) for p in parameters]


def joint(spaces: dict[str, Space]) -> Space:
    """Join the spaces of several algorithms under the choice "algorithm"."""
    parameters = [choice("algorithm", *spaces)]
    for name, space in spaces.items():
        for p in space.parameters:
            parent = "algorithm" if p.parent is None else f"{name}.{p.parent}"
            levels = (name,) if p.parent is None else p.levels
            named = dataclasses.replace(p, name=f"{name}.{p.name}", parent=parent, levels=levels)
            parameters.append(named)
    return Space(parameters)


def separated(point: Point) -> tuple[str, Point]:
    """Split a point of a joint space into the algorithm and the algorithm's point."""
    name = point["algorithm"]
    start = len(name) + 1
    return name, {key[start:]: value for key, value in point.items() if key != "algorithm"}
