"""Read the values of parameters from a configuration, complete or not, nested or by path.

This module chooses the category that a value belongs to. It does not encode values as points.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from zoopt.core.choices import Choice
from zoopt.core.texts import brief
from zoopt.distributed.tune.domains import Multiples, equal
from zoopt.distributed.tune.templates import (
    Category,
    Container,
    Fork,
    Leaf,
    Splice,
    flattened,
    has_leaves,
    is_placeholder,
    with_leaves,
)

__all__ = ["NOTHING", "Given", "Reader", "outside"]

#: Stands for a value that a configuration does not contain.
NOTHING: Any = object()

#: Why a category does not fit a value, from the worst fit to the closest. OTHER: the value has
#: another shape or other constants. UNKNOWN_KEY: it has a key that the category lacks. OUTSIDE: it
#: has all the right keys, but a part is outside its domain.
OTHER, UNKNOWN_KEY, OUTSIDE = range(3)


class Unfit(Exception):
    """A configuration does not fit a template.

    Parameters
    ----------
    error : Exception
        The error for the user.
    stage : int
        OTHER, UNKNOWN_KEY or OUTSIDE.
    """

    def __init__(self, error: Exception, stage: int = OTHER) -> None:
        super().__init__(error)
        self.error = error
        self.stage = stage


class Given(NamedTuple):
    """The part of a configuration at one place of the template.

    Attributes
    ----------
    value : object
        The nested value, `NOTHING` if there is none.
    parts : mapping
        Values below this place, by the rest of their paths: "lr", "betas/0".
    """

    value: Any
    parts: Mapping[str, Any]

    @property
    def is_empty(self) -> bool:
        return self.value is NOTHING and not self.parts

    def at(self, key: Any) -> "Given":
        """Return the part that is given at a key or index."""
        text = str(key)
        value = self.parts.get(text, NOTHING)
        if value is NOTHING and isinstance(self.value, Mapping):
            value = self.value.get(key, NOTHING)
        elif value is NOTHING and isinstance(self.value, (list, tuple)):
            value = self.value[key]
        if not self.parts:
            return Given(value, self.parts)
        start = f"{text}/"
        inner = {k[len(start) :]: v for k, v in self.parts.items() if k.startswith(start)}
        return Given(value, inner)

    def only(self, keys: Sequence[Any]) -> "Given":
        """Return the part that is given at some keys of a dictionary."""
        value = self.value
        if isinstance(value, Mapping):
            value = {key: part for key, part in value.items() if key in keys} or NOTHING
        parts = {text: part for text, part in self.parts.items() if _begins_with(text, keys)}
        return Given(value, parts)


class Found:
    """Values by position, and how well they fit.

    Attributes
    ----------
    values : dict of int to object
    n_missing : int
        Number of parameters and constants that are not given.
    n_unlike : int
        Number of given values whose form differs from that in configurations.
    """

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}
        self.n_missing = 0
        self.n_unlike = 0

    @property
    def rank(self) -> tuple[int, int]:
        return self.n_missing, self.n_unlike

    def add(self, other: "Found") -> None:
        self.values.update(other.values)
        self.n_missing += other.n_missing
        self.n_unlike += other.n_unlike


class Reader:
    """Reads configurations of a template.

    Parameters
    ----------
    template : dict
    leaves : list of Leaf
        Its parameters by position.
    """

    def __init__(self, template: Any, leaves: list[Leaf]) -> None:
        self._template = template
        self._leaves = leaves

    def read(self, given: Given, name: str, strict: bool) -> dict[int, Any]:
        """Return the values of the parameters that are given, by position.

        Parameters
        ----------
        given : Given
        name : str
            The configuration's name in error messages.
        strict : bool
            Whether unknown keys and different constants raise. In categories they always raise,
            because they distinguish one category from another.

        Raises
        ------
        TypeError, ValueError
            If the configuration does not fit the template.
        """
        try:
            return Reading(self._leaves, name).read(self._template, given, name, strict).values
        except Unfit as unfit:
            raise unfit.error from None


class Reading:
    """One configuration being read."""

    def __init__(self, leaves: list[Leaf], name: str) -> None:
        self._leaves = leaves
        self._name = name

    def read(self, node: Any, given: Given, name: str, strict: bool) -> Found:
        """Return the values at and below a place of the template; raise `Unfit` if none fit."""
        if type(node) is Container:
            node = node.parts
        if type(node) is dict:
            return self._read_dict(node, given, name, strict)
        found = Found()
        if given.is_empty:
            found.n_missing = 1
        elif type(node) is Leaf:
            found.values[node.position] = self._value(node, given, name)
        elif type(node) is Fork:
            found.add(self._read_fork(node, given, name))
        elif type(node) in (list, tuple) and has_leaves(node):
            found.add(self._read_items(node, given, name, strict))
        elif type(node) is Category:
            found.add(self._read_category(node, given, name))
        elif strict and not is_placeholder(node) and not _is_constant(node, given):
            value = dict(given.parts) if given.value is NOTHING else given.value
            raise Unfit(
                ValueError(f"{name} must be the constant {node!r} of the space, got {value!r}")
            )
        return found

    def _read_dict(self, node: dict[Any, Any], given: Given, name: str, strict: bool) -> Found:
        if given.value is not NOTHING and not isinstance(given.value, Mapping):
            raise Unfit(TypeError(f"{name} must be a dictionary, got {given.value!r}"))
        found = Found()
        known: list[Any] = []
        for key, part in node.items():
            if type(part) is Splice:
                inner = given.only(part.keys)
                found.add(self.read(part.fork, inner, name, strict))
                known += part.keys
            else:
                found.add(self.read(part, given.at(key), f"{name}[{key!r}]", strict))
                known.append(key)
        if strict:
            keys = given.value if isinstance(given.value, Mapping) else ()
            unknown = [key for key in keys if key not in known]
            unknown += [text for text in given.parts if not _begins_with(text, known)]
            if unknown:
                raise Unfit(
                    ValueError(f"{name} has the key {unknown[0]!r}, which is none of {known}"),
                    UNKNOWN_KEY,
                )
        return found

    def _read_items(self, node: Sequence[Any], given: Given, name: str, strict: bool) -> Found:
        value = given.value
        if value is not NOTHING and not (
            isinstance(value, (list, tuple)) and len(value) == len(node)
        ):
            raise Unfit(ValueError(f"{name} must have {len(node)} entries, got {value!r}"))
        found = Found()
        if value is not NOTHING:
            found.n_unlike = isinstance(value, tuple) is not isinstance(node, tuple)
        for i, part in enumerate(node):
            found.add(self.read(part, given.at(i), f"{name}[{i}]", strict))
        unknown = [text for text in given.parts if not _begins_with(text, range(len(node)))]
        if strict and unknown:
            raise Unfit(ValueError(f"{name} must have {len(node)} entries, got {unknown[0]!r}"))
        return found

    def _value(self, leaf: Leaf, given: Given, name: str) -> Any:
        if given.value is not NOTHING:
            return given.value
        for category in getattr(leaf.dimension, "values", ()):
            if _is_constant(category, given):
                return category
        raise Unfit(
            ValueError(f"{name} must be a value of one parameter, got {dict(given.parts)!r}")
        )

    def _read_fork(self, fork: Fork, given: Given, name: str) -> Found:
        """Return the values of the category that fits best; if several do, of the first."""
        fitting: list[Found] = []
        unfit: list[Unfit] = []
        for i, option in enumerate(fork.options):
            try:
                found = self.read(option, given, name, True)
                found.n_unlike += sum(
                    not self._is_kept(self._leaves[position], value)
                    for position, value in found.values.items()
                )
            except Unfit as error:
                # The form of a value does not show whether a bare domain was meant.
                unfit.append(Unfit(error.error) if type(option) is Leaf else error)
            else:
                found.values[fork.position] = i
                fitting.append(found)
        if fitting:
            return min(fitting, key=lambda found: found.rank)
        self._refuse(fork, given, unfit)

    def _read_category(self, category: Category, given: Given, name: str) -> Found:
        """Return how well a category without parameters fits; a dictionary may be incomplete."""
        found = Found()
        try:
            found.n_unlike = not category.keeps(given.value)
        except (TypeError, ValueError) as error:
            if type(category.value) is not dict:
                raise Unfit(error) from None
            return self._read_dict(category.value, given, name, strict=True)
        return found

    def _is_kept(self, leaf: Leaf, value: Any) -> bool:
        try:
            return leaf.keeps(value)
        except (TypeError, ValueError) as error:
            raise Unfit(outside(leaf, error, self._name), OUTSIDE) from None

    def _refuse(self, fork: Fork, given: Given, unfit: list[Unfit]) -> NoReturn:
        """Raise the error of the category that was meant; a general one if that is not clear."""
        stage = max(error.stage for error in unfit)
        nearest = [error for error in unfit if error.stage == stage]
        if stage > OTHER and len(nearest) == 1:
            raise nearest[0]
        label = self._leaves[fork.position].label
        value = dict(given.parts) if given.value is NOTHING else given.value
        categories = with_leaves(fork, _domain)
        raise Unfit(
            ValueError(
                f"{self._name}, parameter {label!r}: {brief(value)} is none of "
                f"{brief(categories)}{_hint(categories)}"
            ),
            stage,
        )


def outside(leaf: Leaf, error: Exception, name: str) -> Exception:
    """Return the error for the user if a value is outside its domain.

    Parameters
    ----------
    leaf : Leaf
        The parameter.
    error : TypeError or ValueError
        The reason.
    name : str
        The configuration's name.
    """
    hint = _hint(leaf.dimension.values) if isinstance(leaf.dimension, Choice) else ""
    return type(error)(f"{name}, parameter {leaf.label!r}: {error}{hint}")


def _hint(categories: Iterable[Any]) -> str:
    """Explain why an object is missing among the categories that Tune passes on."""
    if any(map(is_placeholder, categories)):
        return (
            "; Tune hides categories that are objects from searchers: pass the space as "
            "ZOOptSearch(space=...) instead of param_space"
        )
    return ""


def _domain(leaf: Leaf) -> Any:
    return leaf.codec if isinstance(leaf.codec, Multiples) else leaf.dimension


def _is_constant(constant: Any, given: Given) -> bool:
    """Return whether a constant is given, as it is or flattened."""
    if given.value is NOTHING:
        return equal(dict(flattened(constant)), dict(given.parts))
    return equal(constant, given.value)


def _begins_with(text: str, keys: Iterable[Any]) -> bool:
    """Return whether a path begins with one of some keys."""
    return any(text == str(key) or text.startswith(f"{key}/") for key in keys)
