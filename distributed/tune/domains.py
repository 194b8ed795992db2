"""Translate Ray Tune's domains to dimensions, and their values back to Tune's."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ray.tune.search import sample

from zoopt.core.checks import number
from zoopt.core.dimensions import MAX_EXACT, Choice, Dimension, Integer, Real

__all__ = [
    "FUNCTION",
    "PLACEHOLDERS",
    "Below",
    "Codec",
    "Multiples",
    "check_sampler",
    "distinct",
    "equal",
    "has_domain",
    "translated",
]

#: First items of the tuples that Tune puts in place of objects it cannot serialize.
PLACEHOLDERS = ("__ref_ph", "__fn_ph")

FUNCTION = "sample_from cannot be searched; compute the value in the trainable instead"


class Below:
    """Keep a float below an upper bound that its domain excludes."""

    def __init__(self, low: float, upper: float) -> None:
        self.last = max(low, math.nextafter(upper, -math.inf))

    def to_config(self, value: float) -> float:
        """Convert a value of the space to a value of the configuration."""
        return min(value, self.last)

    def to_point(self, value: Any) -> Any:
        """Convert a value of the configuration to a value of the space."""
        return value


class Multiples:
    """Multiples of a quantum; the space contains their indices."""

    def __init__(self, quantum: float, first: int, last: int, cast: type) -> None:
        self.quantum, self.first, self.last, self.cast = quantum, first, last, cast

    def to_config(self, index: float) -> Any:
        """Convert an index to its multiple, computed exactly as in Tune."""
        return self.cast(round(index) * self.quantum)

    def to_point(self, value: Any) -> int:
        """Return the index of the multiple closest to a value.

        Raises
        ------
        ValueError
            If the value is outside the domain.
        """
        exact = number(value, "value", finite=True) / self.quantum
        index = round(exact)
        inside = self.first <= exact <= self.last or math.isclose(exact, index)
        if not (inside and self.first <= index <= self.last):
            low, high = self.to_config(self.first), self.to_config(self.last)
            raise ValueError(f"{value!r} is outside [{low!r}, {high!r}]")
        return index

    def __repr__(self) -> str:
        low, high = self.to_config(self.first), self.to_config(self.last)
        return f"Multiples({self.quantum!r}, from {low!r} to {high!r})"


Codec: TypeAlias = "Below | Multiples | None"


def translated(domain: Any) -> tuple[Dimension, Codec]:
    """Return the dimension of a domain, and the codec of its values if it needs one.

    Parameters
    ----------
    domain : ray.tune.search.sample.Domain, Real, Integer or Choice

    Raises
    ------
    TypeError, ValueError
        If the domain cannot be searched. The message gives the reason.
    """
    if isinstance(domain, (Real, Integer, Choice)):
        return domain, None
    quantum, log = check_sampler(domain)
    if isinstance(domain, sample.Categorical):
        return Choice(distinct(domain.categories)), None
    if isinstance(domain, (sample.Float, sample.Integer)) and quantum is not None:
        return _grid(domain, quantum, log)
    if isinstance(domain, sample.Float):
        real = Real(domain.lower, domain.upper, log=log)
        return real, Below(real.low, real.high)
    if isinstance(domain, sample.Integer):
        if domain.lower >= domain.upper:
            raise ValueError(f"no integer lies in [{domain.lower!r}, {domain.upper!r})")
        return Integer(domain.lower, domain.upper - 1, log=log), None
    raise ValueError(f"the domain {type(domain).__name__} is not supported")


def check_sampler(domain: Any) -> tuple[Any, bool]:
    """Return the quantum of a domain of Tune, or None, and whether the domain is logarithmic.

    Raises
    ------
    ValueError
        If the domain has a sampler that cannot be searched. The message gives the reason.
    """
    if isinstance(domain, sample.Function):
        raise ValueError(FUNCTION)
    sampler: Any = domain.get_sampler()
    quantum = getattr(sampler, "q", None)
    if quantum is not None:
        sampler = sampler.sampler
    if isinstance(sampler, sample.Grid):
        raise ValueError("grid_search cannot be searched; use tune.choice")
    if isinstance(sampler, sample.Normal):
        raise ValueError(
            "randn and qrandn have no bounds, but the search needs them; use tune.uniform or "
            "tune.quniform over a few standard deviations"
        )
    log = isinstance(sampler, sample.LogUniform)
    if not log and not isinstance(sampler, sample.Uniform):
        raise ValueError(f"the sampler {type(sampler).__name__} is not supported")
    return quantum, log


def distinct(categories: Sequence[Any]) -> list[Any]:
    """Return each category once, even if it is repeated to make it more likely."""
    found: list[Any] = []
    for category in categories:
        if not any(type(known) is type(category) and equal(known, category) for known in found):
            found.append(category)
    return found


def has_domain(category: Any) -> bool:
    """Return whether a category contains a domain, or anything else that Tune would resolve."""
    return any(True for _ in _domains(category))


def _domains(value: Any) -> Iterator[Any]:
    if isinstance(value, (sample.Domain, Real, Integer, Choice)):
        yield value
    elif isinstance(value, Mapping):
        if len(value) == 1 and ("grid_search" in value or "eval" in value):
            yield value
        for part in value.values():
            yield from _domains(part)
    elif isinstance(value, (list, tuple)):
        if len(value) == 2 and value[0] == PLACEHOLDERS[1]:
            yield value
        for part in value:
            yield from _domains(part)


def _grid(domain: Any, quantum: float, log: bool) -> tuple[Dimension, Multiples]:
    """Return the multiples of a quantum between the bounds of a domain.

    As in Tune, both bounds are included, except the upper one of integers with a quantum of 1.
    """
    is_integer = isinstance(domain, sample.Integer)
    step = number(quantum, "q", finite=True)
    if step <= 0:
        raise ValueError(f"q must be > 0, got {quantum!r}")
    low, high = (number(v, "a bound", finite=True) / step for v in (domain.lower, domain.upper))
    first = round(low) if math.isclose(low, round(low)) else math.ceil(low)
    last = round(high) if math.isclose(high, round(high)) else math.floor(high)
    last -= is_integer and quantum == 1
    if first > last:
        raise ValueError(
            f"no multiple of q={quantum!r} lies between {domain.lower!r} and {domain.upper!r}"
        )
    dimension: Dimension
    if max(abs(first), abs(last)) > MAX_EXACT:  # too many for exact indices
        dimension = Real(first, last, log=log)
    elif is_integer or log:
        dimension = Integer(first, last, log=log)
    else:
        dimension = Real(first, last, step=1.0)  # solvers treat it as continuous
    return dimension, Multiples(quantum, first, last, int if is_integer else float)


def equal(a: Any, b: Any) -> bool:
    """Return whether two objects are the same or equal; False if they cannot be compared."""
    if a is b:
        return True
    try:
        return bool(a == b)
    except Exception:  # for example, an array has no truth value
        return False
