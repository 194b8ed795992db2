"""Search spaces in the terms of Ray Tune: nested configurations with domains in them.

Owns what each of Tune's domains means here, and the way between a configuration and a point of a
`zoopt.Space`. Knows nothing of trials, metrics or solvers.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from ray.tune.search import sample

from zoopt.core.checks import number
from zoopt.core.dimensions import MAX_EXACT, Choice, Dimension, Integer, Real
from zoopt.core.space import Row, Space

__all__ = ["ConfigSpace", "NoParameters"]

#: First words of the tuples that Tune puts in place of objects it cannot write down.
PLACEHOLDERS = ("__ref_ph", "__fn_ph")

FUNCTION = "sample_from calls a function, which cannot be searched; compute it in the trainable"


class NoParameters(ValueError):
    """A configuration of constants only."""


class Below:
    """Keeps a float below an upper bound that its domain excludes."""

    def __init__(self, low: float, upper: float) -> None:
        self.last = max(low, math.nextafter(upper, -math.inf))

    def to_config(self, value: float) -> float:
        return min(value, self.last)

    def to_point(self, value: Any) -> Any:
        return value


class Multiples:
    """Multiples of a quantum, which the space knows by their index."""

    def __init__(self, quantum: float, first: int, last: int, cast: type) -> None:
        self.quantum, self.first, self.last, self.cast = quantum, first, last, cast

    def to_config(self, index: float) -> Any:
        return self.cast(round(index) * self.quantum)  # the very product that Tune forms

    def to_point(self, value: Any) -> int:
        exact = number(value, "value", finite=True) / self.quantum
        index = round(exact)
        inside = self.first <= exact <= self.last or math.isclose(exact, index)
        if not (inside and self.first <= index <= self.last):
            low, high = self.to_config(self.first), self.to_config(self.last)
            raise ValueError(f"{value!r} is outside [{low!r}, {high!r}]")
        return index


Codec: TypeAlias = "Below | Multiples | None"


class Leaf(NamedTuple):
    """A parameter: where it stands in the configuration, and its dimension."""

    position: int
    path: tuple[Any, ...]
    dimension: Dimension
    codec: Codec

    @property
    def name(self) -> str:
        return "/".join(str(key) for key in self.path)

    @property
    def is_exact(self) -> bool:
        """Whether the encoding may round a value of the user's."""
        return type(self.dimension) is Real and not isinstance(self.codec, Multiples)


class ConfigSpace:
    """A configuration with parameters in it, and its `Space`.

    Parameters
    ----------
    config : mapping or Space
        Nested dictionaries, lists and tuples. Parameters are Tune's domains, and `Real`,
        `Integer` and `Choice`; all else is constant.

    Attributes
    ----------
    space : Space
        One dimension a parameter, named by its path: "optimizer/lr".

    Raises
    ------
    TypeError, ValueError
        If a domain cannot be searched, or there is none; names the parameter.
    """

    def __init__(self, config: Mapping[str, Any] | Space) -> None:
        if isinstance(config, Space):
            if config.names is None:
                raise TypeError("space must have names: Space({'lr': Real(0.1, 1)})")
            config = dict(zip(config.names, config.dimensions, strict=True))
        if not isinstance(config, Mapping):
            raise TypeError(f"space must be a dictionary of parameters, got {config!r}")
        self.leaves: list[Leaf] = []
        self._template = self._scan(dict(config), ())
        if not self.leaves:
            raise NoParameters(f"space has no parameter to search, only constants: {config!r}")
        self._by_name = {leaf.name: leaf for leaf in self.leaves}
        if len(self._by_name) < len(self.leaves):
            raise ValueError(f"two parameters of space have the same path: {list(self._by_name)}")
        self.space = Space({leaf.name: leaf.dimension for leaf in self.leaves})

    def is_like(self, other: "ConfigSpace") -> bool:
        """Tell whether both have the same parameters; constants may differ."""
        codecs = [
            [(vars(leaf.codec) if leaf.codec else None) for leaf in each.leaves]
            for each in (self, other)
        ]
        return self.space == other.space and codecs[0] == codecs[1]

    def _scan(self, node: Any, path: tuple[Any, ...]) -> Any:
        """Return the node with leaves in place of parameters."""
        if type(node) is dict:
            if len(node) == 1 and ("grid_search" in node or "eval" in node):
                kind = "grid_search" if "grid_search" in node else "an expression"
                raise ValueError(
                    f"parameter {'/'.join(map(str, path))!r} is {kind}, which cannot be searched; "
                    "use tune.choice or another domain"
                )
            return {key: self._scan(part, (*path, key)) for key, part in node.items()}
        if _is_placeholder(node) and node[0] == PLACEHOLDERS[1]:
            raise ValueError(f"parameter {'/'.join(map(str, path))!r}: {FUNCTION}")
        if type(node) in (list, tuple):
            n_before = len(self.leaves)
            parts = [self._scan(part, (*path, i)) for i, part in enumerate(node)]
            return node if len(self.leaves) == n_before else type(node)(parts)
        if not isinstance(node, (sample.Domain, Real, Integer, Choice)):
            return node
        name = "/".join(map(str, path))
        try:
            dimension, codec = _translated(node)
        except (TypeError, ValueError) as error:
            raise type(error)(f"parameter {name!r}: {error}") from None
        leaf = Leaf(len(self.leaves), path, dimension, codec)
        self.leaves.append(leaf)
        return leaf

    # ------------------------------------------------------------- point to configuration

    def config(self, row: Row, exact: Mapping[int, Any] | None = None) -> dict[str, Any]:
        """Return the configuration of a row; ``exact`` replaces values by the user's own."""
        values = self.space.decode_list(row)
        for leaf in self.leaves:
            if leaf.codec is not None:
                values[leaf.position] = leaf.codec.to_config(values[leaf.position])
        for index, value in (exact or {}).items():
            values[index] = value
        config: dict[str, Any] = _filled(self._template, values)
        return config

    # ------------------------------------------------------------- configuration to point

    def read(self, config: Any, name: str, strict: bool = True) -> dict[int, Any]:
        """Return the values of the parameters that a configuration has, by index.

        Parameters
        ----------
        config : mapping
            Nested as the space is, or with paths as keys: ``{"optimizer/lr": 0.1}``.
        name : str
            What to call it in an error.
        strict : bool
            Refuse what the space does not have, and other constants than its own.
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"{name} must be a dictionary, got {config!r}")
        found: dict[int, Any] = {}
        nested = {}
        for key, value in config.items():
            leaf = None if key in self._template else self._by_name.get(key)
            if leaf is None:
                nested[key] = value
            else:
                found[leaf.position] = value
        for leaf, value in _matched(self._template, nested, name, strict):
            found[leaf.position] = value
        return found

    def read_flat(self, flat: Mapping[str, Any]) -> dict[int, Any]:
        """Return the values in a result of Tune, where dictionaries are flattened to paths."""
        found = {}
        for leaf in self.leaves:
            for n in range(len(leaf.path), 0, -1):
                key = "/".join(str(part) for part in leaf.path[:n])
                if key in flat:
                    value = flat[key]
                    for part in leaf.path[n:]:
                        value = value[part]
                    found[leaf.position] = value
                    break
            else:
                prefix = leaf.name + "/"
                given = {key: value for key, value in flat.items() if key.startswith(prefix)}
                for category in leaf.dimension.values if isinstance(leaf.dimension, Choice) else ():
                    if given and dict(_flattened(category, leaf.name)) == given:
                        found[leaf.position] = category
        return found

    def encode(self, found: Mapping[int, Any], name: str) -> tuple[Row, dict[int, float]]:
        """Return the row of values by index, and those that it would round.

        Raises
        ------
        TypeError, ValueError
            If a value is missing or outside its domain; names it.
        """
        point, exact = {}, {}
        for leaf in self.leaves:
            if leaf.position not in found:
                raise ValueError(f"{name} lacks parameter {leaf.name!r}")
            value = found[leaf.position]
            try:
                point[leaf.name] = value if leaf.codec is None else leaf.codec.to_point(value)
                leaf.dimension.encode(point[leaf.name])
            except (TypeError, ValueError) as error:
                raise type(error)(
                    f"{name}, parameter {leaf.name!r}: {error}{_hint(leaf.dimension)}"
                ) from None
            if leaf.is_exact:
                exact[leaf.position] = float(value)
        return self.space.encode(point), exact

    def completed(self, found: Mapping[int, Any], rng: np.random.Generator) -> dict[int, Any]:
        """Return values for all parameters; those not given are drawn."""
        drawn = self.space.sample(rng)
        return {
            leaf.position: found[leaf.position]
            if leaf.position in found
            else drawn[leaf.name]
            if leaf.codec is None
            else leaf.codec.to_config(drawn[leaf.name])
            for leaf in self.leaves
        }


def _translated(domain: Any) -> tuple[Dimension, Codec]:
    """Return what one of Tune's domains, or one of ours, is to the solver."""
    if isinstance(domain, (Real, Integer, Choice)):
        return domain, None
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
            "randn and qrandn have no bounds, which the search needs; use tune.uniform or "
            "tune.quniform over a few standard deviations"
        )
    log = isinstance(sampler, sample.LogUniform)
    if not log and not isinstance(sampler, sample.Uniform):
        raise ValueError(f"the sampler {type(sampler).__name__} of a domain is not known here")
    if isinstance(domain, sample.Categorical):
        return _choice(domain.categories), None
    if isinstance(domain, (sample.Float, sample.Integer)) and quantum is not None:
        return _grid(domain, quantum, log)
    if isinstance(domain, sample.Float):
        real = Real(domain.lower, domain.upper, log=log)
        return real, Below(real.low, real.high)
    if isinstance(domain, sample.Integer):
        if domain.lower >= domain.upper:
            raise ValueError(f"no integer lies in [{domain.lower!r}, {domain.upper!r})")
        return Integer(domain.lower, domain.upper - 1, log=log), None
    raise ValueError(f"the domain {type(domain).__name__} is not known here")


def _choice(categories: Sequence[Any]) -> Choice:
    """Return a choice; what Tune repeats to make it more likely is one value here."""
    for category in categories:
        if any(True for _ in _domains(category)):
            raise ValueError(
                f"the category {category!r} holds a domain of its own; make it a parameter beside "
                "the choice, which the trials that do not need it ignore"
            )
    distinct: list[Any] = []
    for category in categories:
        if not any(type(known) is type(category) and _equal(known, category) for known in distinct):
            distinct.append(category)
    return Choice(distinct)


def _domains(value: Any) -> Iterator[Any]:
    """Yield the domains inside a category, and what Tune would read as one."""
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
    """Return the multiples of a quantum between the bounds of a domain, as Tune counts them.

    Both bounds are included, but for integers with the quantum 1, as in Tune.
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
    if max(abs(first), abs(last)) > MAX_EXACT:  # too many to tell apart: their sizes are enough
        dimension = Real(first, last, log=log)
    elif is_integer or log:
        dimension = Integer(first, last, log=log)
    else:
        dimension = Real(first, last, step=1.0)  # counts as continuous
    return dimension, Multiples(quantum, first, last, int if is_integer else float)


def _filled(node: Any, values: Sequence[Any]) -> Any:
    """Return a copy of a template with values in place of its leaves."""
    if type(node) is Leaf:
        return values[node.position]
    if type(node) is dict:
        return {key: _filled(part, values) for key, part in node.items()}
    if type(node) in (list, tuple):
        return type(node)([_filled(part, values) for part in node])
    return node


def _matched(node: Any, value: Any, name: str, strict: bool) -> Iterator[tuple[Leaf, Any]]:
    """Yield the leaves of a template and what a configuration has in their places."""
    if type(node) is Leaf:
        yield node, value
    elif type(node) is dict:
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a dictionary, got {value!r}")
        for key, part in value.items():
            if key in node:
                yield from _matched(node[key], part, f"{name}[{key!r}]", strict)
            elif strict:
                raise ValueError(f"{name} names {key!r}, which is none of {list(node)}")
    elif type(node) in (list, tuple) and any(True for _ in _leaves(node)):
        if not isinstance(value, (list, tuple)) or len(value) != len(node):
            raise ValueError(f"{name} must have {len(node)} entries, got {value!r}")
        for i, (mine, theirs) in enumerate(zip(node, value, strict=True)):
            yield from _matched(mine, theirs, f"{name}[{i}]", strict)
    elif strict and not _is_placeholder(node) and not _equal(node, value):
        raise ValueError(f"{name} must be the constant {node!r} of the space, got {value!r}")


def _leaves(node: Any) -> Iterator[Leaf]:
    if type(node) is Leaf:
        yield node
    elif type(node) is dict:
        for part in node.values():
            yield from _leaves(part)
    elif type(node) in (list, tuple):
        for part in node:
            yield from _leaves(part)


def _flattened(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flattened(part, f"{name}/{key}")
    else:
        yield name, value


def _is_placeholder(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2 and value[0] in PLACEHOLDERS


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return bool(a == b)
    except Exception:  # arrays have no single truth value
        return False


def _hint(dimension: Dimension) -> str:
    """Explain why an object of the user's is not among the categories that Tune hands over."""
    if isinstance(dimension, Choice) and any(map(_is_placeholder, dimension.values)):
        return (
            "; Tune hides categories that are objects from searchers: give the space to "
            "ZOOptSearch(space=...) instead of param_space"
        )
    return ""
