"""Search spaces of Ray Tune: nested configurations that contain domains.

This module converts configurations to points of a `zoopt.Space` and back. It does not depend on
trials, metrics or solvers.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from ray.tune.search import sample

from zoopt.core.dimensions import Choice, Dimension, Integer, Real
from zoopt.core.space import Row, Space
from zoopt.distributed.tune.domains import (
    FUNCTION,
    PLACEHOLDERS,
    Codec,
    Multiples,
    equal,
    translated,
)

__all__ = ["ConfigSpace", "NoParameters"]


class NoParameters(ValueError):
    """The configuration contains constants only."""


class Leaf(NamedTuple):
    """A parameter: its path in the configuration and its dimension."""

    position: int
    path: tuple[Any, ...]
    dimension: Dimension
    codec: Codec

    @property
    def name(self) -> str:
        """The path as text: "optimizer/lr"."""
        return "/".join(str(key) for key in self.path)

    @property
    def may_be_rounded(self) -> bool:
        """Whether encoding and decoding may change a value in its last digits."""
        return type(self.dimension) is Real and not isinstance(self.codec, Multiples)


class Branch(NamedTuple):
    """A dictionary or list of a subclass, and the templates of its parts."""

    container: Any
    parts: Any

    def filled(self, values: Sequence[Any]) -> Any:
        """Return a copy of the container with its parts filled in."""
        made = copy.copy(self.container)  # keeps attributes, such as a default factory
        parts = _filled(self.parts, values)
        if isinstance(made, list):
            made[:] = parts
        else:
            for key, part in parts.items():
                made[key] = part
        return made


class ConfigSpace:
    """A configuration that contains parameters, and its `Space`.

    Parameters
    ----------
    config : mapping or Space
        Nested mappings, lists and tuples. Parameters are Tune's domains, and `Real`, `Integer` and
        `Choice`; everything else is constant.

    Attributes
    ----------
    space : Space
        One dimension for each parameter, named by its path: "optimizer/lr".
    leaves : list of Leaf
        The parameters, in the order of the dimensions.

    Raises
    ------
    TypeError, ValueError
        If a domain cannot be searched. The message names the parameter.
    NoParameters
        If there is no parameter.

    Notes
    -----
    Containers keep their classes as in Tune: dictionaries such as ``OrderedDict`` and subclasses
    of list do, while tuples such as named ones become plain tuples. Mappings that are not
    dictionaries, which Tune would not search, become plain dictionaries.
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
        """Return whether both have the same parameters; constants may differ."""
        codecs = [
            [(vars(leaf.codec) if leaf.codec else None) for leaf in each.leaves]
            for each in (self, other)
        ]
        return self.space == other.space and codecs[0] == codecs[1]

    def _scan(self, node: Any, path: tuple[Any, ...]) -> Any:
        """Return the node with leaves in place of parameters."""
        if isinstance(node, Mapping):
            if len(node) == 1 and ("grid_search" in node or "eval" in node):
                kind = "grid_search" if "grid_search" in node else "an expression"
                raise ValueError(
                    f"parameter {'/'.join(map(str, path))!r} is {kind}, which cannot be searched; "
                    "use tune.choice or another domain"
                )
            n_before = len(self.leaves)
            parts = {key: self._scan(part, (*path, key)) for key, part in node.items()}
            has_leaves = len(self.leaves) > n_before
            return parts if type(node) is dict else _branch(node, parts) if has_leaves else node
        if _is_placeholder(node) and node[0] == PLACEHOLDERS[1]:
            raise ValueError(f"parameter {'/'.join(map(str, path))!r}: {FUNCTION}")
        if isinstance(node, (list, tuple)):
            n_before = len(self.leaves)
            items = [self._scan(part, (*path, i)) for i, part in enumerate(node)]
            return _branch(node, items) if len(self.leaves) > n_before else node
        if not isinstance(node, (sample.Domain, Real, Integer, Choice)):
            return node
        name = "/".join(map(str, path))
        try:
            dimension, codec = translated(node)
        except (TypeError, ValueError) as error:
            raise type(error)(f"parameter {name!r}: {error}") from None
        leaf = Leaf(len(self.leaves), path, dimension, codec)
        self.leaves.append(leaf)
        return leaf

    # ------------------------------------------------------------- point to configuration

    def config(self, row: Row, exact: Mapping[int, Any] | None = None) -> dict[str, Any]:
        """Return the configuration of an encoded point.

        Parameters
        ----------
        row : array
            The encoded point.
        exact : mapping of int to float, optional
            Values that the encoding rounded, by position; they replace the decoded ones.
        """
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
        """Return the values of the parameters that a configuration contains, by position.

        Parameters
        ----------
        config : mapping
            Nested like the space, or with paths as keys: ``{"optimizer/lr": 0.1}``.
        name : str
            The configuration's name in error messages.
        strict : bool
            Whether unknown keys and different constants raise.

        Raises
        ------
        TypeError, ValueError
            If the configuration does not fit the space.
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
        """Return the values in a result of Tune, in which dictionaries are flattened to paths."""
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
        """Return the encoded point of some values, and the values that encoding rounds.

        Parameters
        ----------
        found : mapping of int to object
            The values of all parameters, by position.
        name : str
            The configuration's name in error messages.

        Raises
        ------
        TypeError, ValueError
            If a value is missing or outside its domain. The message names it.
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
            if leaf.may_be_rounded:
                exact[leaf.position] = float(value)
        return self.space.encode(point), exact

    def completed(self, found: Mapping[int, Any], rng: np.random.Generator) -> dict[int, Any]:
        """Return values for all parameters; missing ones are drawn at random."""
        drawn = self.space.sample(rng)
        return {
            leaf.position: found[leaf.position]
            if leaf.position in found
            else drawn[leaf.name]
            if leaf.codec is None
            else leaf.codec.to_config(drawn[leaf.name])
            for leaf in self.leaves
        }


def _branch(node: Any, parts: Any) -> Any:
    """Return the template of a container with parameters in it."""
    if isinstance(node, tuple):
        return tuple(parts)
    is_plain = type(node) is list or not isinstance(node, (dict, list))
    return parts if is_plain else Branch(copy.copy(node), parts)


def _filled(node: Any, values: Sequence[Any]) -> Any:
    """Return a copy of a template with values in place of its leaves."""
    if type(node) is Leaf:
        return values[node.position]
    if type(node) is Branch:
        return node.filled(values)
    if type(node) is dict:
        return {key: _filled(part, values) for key, part in node.items()}
    if type(node) in (list, tuple):
        return type(node)([_filled(part, values) for part in node])
    return node


def _matched(node: Any, value: Any, name: str, strict: bool) -> Iterator[tuple[Leaf, Any]]:
    """Yield the leaves of a template with the values of a configuration at their places."""
    if type(node) is Branch:
        node = node.parts
    if type(node) is Leaf:
        yield node, value
    elif type(node) is dict:
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a dictionary, got {value!r}")
        for key, part in value.items():
            if key in node:
                yield from _matched(node[key], part, f"{name}[{key!r}]", strict)
            elif strict:
                raise ValueError(f"{name} has the key {key!r}, which is none of {list(node)}")
    elif type(node) in (list, tuple) and _has_leaves(node):
        if not isinstance(value, (list, tuple)) or len(value) != len(node):
            raise ValueError(f"{name} must have {len(node)} entries, got {value!r}")
        for i, (mine, theirs) in enumerate(zip(node, value, strict=True)):
            yield from _matched(mine, theirs, f"{name}[{i}]", strict)
    elif strict and not _is_placeholder(node) and not equal(node, value):
        raise ValueError(f"{name} must be the constant {node!r} of the space, got {value!r}")


def _has_leaves(node: Any) -> bool:
    if type(node) is dict:
        node = node.values()
    elif type(node) not in (list, tuple):
        return type(node) in (Leaf, Branch)
    return any(map(_has_leaves, node))


def _flattened(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flattened(part, f"{name}/{key}")
    else:
        yield name, value


def _is_placeholder(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2 and value[0] in PLACEHOLDERS


def _hint(dimension: Dimension) -> str:
    """Explain why an object is missing among the categories that Tune passes on."""
    if isinstance(dimension, Choice) and any(map(_is_placeholder, dimension.values)):
        return (
            "; Tune hides categories that are objects from searchers: pass the space as "
            "ZOOptSearch(space=...) instead of param_space"
        )
    return ""
