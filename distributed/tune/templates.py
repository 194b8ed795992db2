"""Templates of configurations: their containers and constants, with places for the parameters.

This module fills templates with values. It does not depend on how a space or a point is read.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from zoopt.core.choices import Choice
from zoopt.core.dimensions import Dimension, Real
from zoopt.distributed.tune.domains import PLACEHOLDERS, Codec, Multiples, equal

__all__ = [
    "Category",
    "Container",
    "Fork",
    "Leaf",
    "Splice",
    "filled",
    "flattened",
    "forks_in",
    "has_leaves",
    "is_placeholder",
    "with_leaves",
]


class Leaf(NamedTuple):
    """A parameter.

    Attributes
    ----------
    position : int
        Its position among the dimensions of the space.
    path : tuple
        Its keys in the configuration.
    name : str
        Its name in the space. It differs from the path for a domain that is itself a category.
    dimension : Real, Integer or Choice
    codec : Below, Multiples or None
    """

    position: int
    path: tuple[Any, ...]
    name: str
    dimension: Dimension
    codec: Codec

    @property
    def label(self) -> str:
        """The path as text: "optimizer/lr"."""
        return "/".join(str(key) for key in self.path)

    @property
    def may_be_rounded(self) -> bool:
        """Whether encoding and decoding may change a value in its last digits."""
        return type(self.dimension) is Real and not isinstance(self.codec, Multiples)

    def to_point(self, value: Any) -> Any:
        """Convert a value of the configuration to a value of the space."""
        return value if self.codec is None else self.codec.to_point(value)

    def to_config(self, value: Any) -> Any:
        """Convert a value of the space to a value of the configuration."""
        return value if self.codec is None else self.codec.to_config(value)

    def keeps(self, value: Any) -> bool:
        """Return whether configurations would hold exactly this value, including its type.

        Raises
        ------
        TypeError, ValueError
            If the value is outside the domain.
        """
        code = self.dimension.encode(self.to_point(value))
        if self.may_be_rounded:
            return type(value) is float
        return _same(self.to_config(self.dimension.decode(code)), value)


class Container(NamedTuple):
    """A dictionary or list of a subclass, and the templates of its parts."""

    container: Any
    parts: Any

    def filled(self, values: Sequence[Any]) -> Any:
        """Return a copy of the container with its parts filled in."""
        made = copy.copy(self.container)  # keeps attributes, such as a default factory
        parts = filled(self.parts, values)
        if isinstance(made, list):
            made[:] = parts
        else:
            for key, part in parts.items():
                made[key] = part
        return made


class Category:
    """A category without parameters; configurations get this very object."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._choice = Choice([value])

    def keeps(self, value: Any) -> bool:
        """Return whether the value is exactly that of the category, including its type.

        Raises
        ------
        ValueError
            If it is not equal at all.
        """
        self._choice.encode(value)
        return _same(self.value, value)


class Fork(NamedTuple):
    """A choice between templates: at most one of them is in a configuration.

    Attributes
    ----------
    position : int
        Position of the choice among the dimensions; its value is the index of an option.
    path : tuple
    options : list
        The template of each category.
    """

    position: int
    path: tuple[Any, ...]
    options: list[Any]


class Splice(NamedTuple):
    """A choice with parameters that are placed beside it, in the same dictionary.

    Attributes
    ----------
    fork : Fork
        Each option is a template of a dictionary: the entry of the choice, and the parameters.
    keys : list
        All keys that may be in these dictionaries.
    """

    fork: Fork
    keys: list[Any]


def filled(node: Any, values: Sequence[Any]) -> Any:
    """Return a copy of a template with values in place of its leaves.

    Parameters
    ----------
    node : object
        A template.
    values : sequence
        The values of all parameters by position, active or not. The value of a choice between
        templates is the index of the option.
    """
    if type(node) is Leaf:
        return values[node.position]
    if type(node) is Fork:
        return filled(node.options[values[node.position]], values)
    if type(node) is Container:
        return node.filled(values)
    if type(node) is Category:
        return node.value
    if type(node) is dict:
        made = {}
        for key, part in node.items():
            if type(part) is Splice:
                made.update(filled(part.fork, values))
            else:
                made[key] = filled(part, values)
        return made
    if type(node) in (list, tuple):
        return type(node)([filled(part, values) for part in node])
    return node


def with_leaves(node: Any, of_leaf: Callable[[Leaf], Any]) -> Any:
    """Return a template as plain containers, with an object made from each leaf in its place.

    A choice becomes the list of all its options.
    """
    if type(node) is Leaf:
        return of_leaf(node)
    if type(node) is Category:
        return node.value
    if type(node) is Fork:
        return [with_leaves(option, of_leaf) for option in node.options]
    if type(node) in (Container, Splice):
        return with_leaves(parts_of(node)[0], of_leaf)
    if type(node) is dict:
        return {key: with_leaves(part, of_leaf) for key, part in node.items()}
    if type(node) in (list, tuple):
        return type(node)([with_leaves(part, of_leaf) for part in node])
    return node


def parts_of(node: Any) -> list[Any]:
    """Return the templates directly inside a template."""
    if type(node) is Splice:
        return [node.fork]
    if type(node) is Container:
        return [node.parts]
    if type(node) is Fork:
        return node.options
    if type(node) is dict:
        return list(node.values())
    return list(node) if type(node) in (list, tuple) else []


def has_leaves(node: Any) -> bool:
    """Return whether a template contains parameters."""
    return type(node) in (Leaf, Fork) or any(map(has_leaves, parts_of(node)))


def forks_in(node: Any) -> Iterator[Fork]:
    """Yield the choices between templates, outer ones first."""
    if type(node) is Fork:
        yield node
    for part in parts_of(node):
        yield from forks_in(part)


def flattened(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the paths and values of nested dictionaries, as Tune flattens them."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from flattened(part, f"{prefix}/{key}" if prefix else str(key))
    else:
        yield prefix, value


def is_placeholder(value: Any) -> bool:
    """Return whether Tune has put this value in place of an object."""
    return type(value) is tuple and len(value) == 2 and value[0] in PLACEHOLDERS


def _same(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and equal(a, b))
