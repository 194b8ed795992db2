"""Conditional spaces: parameters that exist only where a choice has a certain value.

A choice of a mapping has a branch for each of its values: the parameters that exist for that value.
Here such trees become a list of nodes, choices before the dimensions that depend on them.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zoopt.core.choices import Choice
from zoopt.core.dimensions import Dimension
from zoopt.core.errors import WrongNames
from zoopt.core.points import is_missing
from zoopt.core.texts import brief

__all__ = ["Node", "Tree", "are_conditional"]

Entries: TypeAlias = Iterable[tuple[str, Dimension]]


class Node(NamedTuple):
    """A dimension of a conditional space.

    Attributes
    ----------
    name : str
    dimension : Real, Integer or Choice
    choice : int
        The position of the choice on which it depends, -1 for none.
    branch : int
        The index of the value of that choice for which it is active.
    """

    name: str
    dimension: Dimension
    choice: int
    branch: int


def are_conditional(dimensions: Iterable[Dimension]) -> bool:
    """Return whether other dimensions depend on one of these."""
    return any(type(dimension) is Choice and dimension.branches for dimension in dimensions)


class Tree:
    """The dimensions of a conditional space, each with the choice that it depends on.

    Parameters
    ----------
    names : list of str
    dimensions : list of Real, Integer or Choice
        The dimensions that are always active.

    Attributes
    ----------
    nodes : list of Node
        All dimensions; a choice stands before those that depend on it.
    names : list of str
        Their names, each once.
    size : int or float
        Number of points, ``inf`` if any dimension is continuous.

    Raises
    ------
    ValueError
        If two dimensions that may be active together have the same name.
    """

    def __init__(self, names: list[str], dimensions: list[Dimension]) -> None:
        _check_names(zip(names, dimensions, strict=True))
        self.nodes: list[Node] = []
        self._grow(zip(names, dimensions, strict=True), -1, -1)
        self.names = list(dict.fromkeys(node.name for node in self.nodes))
        self.size = _size(dimensions)

    def _grow(self, entries: Entries, choice: int, branch: int) -> None:
        for name, dimension in entries:
            place = len(self.nodes)
            self.nodes.append(Node(name, dimension, choice, branch))
            for i, dependents in enumerate(_branches(dimension)):
                named = ((name if n is None else n, d) for n, d in dependents.items())
                self._grow(named, place, i)

    def label(self, i: int) -> str:
        """Return the name of a dimension in messages."""
        node = self.nodes[i]
        if node.choice < 0:
            return f"dimension {node.name!r}"
        choice = self.nodes[node.choice]
        key = choice.dimension.decode(float(node.branch))
        return f"dimension {node.name!r} of {choice.name}={brief(key)}"

    def conditions(
        self, columns: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Return, for each column, the column of its choice and the code that makes it active.

        Parameters
        ----------
        columns : int array, shape (n_columns,)
            The dimensions that have a column; others are constant.
        """
        column_of = {i: k for k, i in enumerate(columns.tolist())}
        parents = np.full(len(columns), -1, np.intp)
        branches = np.full(len(columns), -1.0)
        for i, k in column_of.items():
            _, _, choice, branch = self.nodes[i]
            while choice >= 0 and choice not in column_of:  # a choice of one value is constant
                _, _, choice, branch = self.nodes[choice]
            if choice >= 0:
                parents[k], branches[k] = column_of[choice], branch
        return parents, branches

    def active(self, values: list[Any]) -> list[bool]:
        """Return which dimensions are active, given the codes of all."""
        active: list[bool] = []
        for node in self.nodes:
            here = node.choice < 0
            active.append(here or (active[node.choice] and values[node.choice] == node.branch))
        return active

    def point(self, codes: list[float], values: list[Any]) -> dict[str, Any]:
        """Return the active values by name, given the codes and values of all dimensions."""
        active = self.active(codes)
        # A dimension that takes the place of a choice's value has the choice's name, and comes
        # later.
        return {
            node.name: value
            for node, value, here in zip(self.nodes, values, active, strict=True)
            if here
        }

    def active_part(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the active parameters of a row of a table, which has a value for every name.

        A missing value, such as NaN or None, is left out if its parameter is not active.
        """
        active: dict[str, Any] = {}
        codes: list[float | None] = []
        for node in self.nodes:
            here = node.choice < 0 or codes[node.choice] == node.branch
            if here and node.name in record:
                active[node.name] = record[node.name]
            try:
                codes.append(_code(node.dimension, record.get(node.name)) if here else None)
            except (TypeError, ValueError):  # it is reported when the point is encoded
                codes.append(None)
        others = {name: value for name, value in record.items() if name not in active}
        return {**active, **{n: value for n, value in others.items() if not is_missing(value)}}

    def codes(self, point: Mapping[str, Any]) -> list[float | None]:
        """Return the codes of all dimensions, None where they are not active.

        Raises
        ------
        WrongNames
            If a value is missing, unknown or inactive. The message names it.
        ValueError, TypeError
            If a value is outside its dimension. The message names it.
        """
        codes: list[float | None] = []
        expected: dict[str, None] = {}
        for i, node in enumerate(self.nodes):
            if node.choice >= 0 and codes[node.choice] != node.branch:
                codes.append(None)
                continue
            expected[node.name] = None
            if node.name not in point:
                raise WrongNames(f"a point must have {self.label(i)}, got {brief(list(point))}")
            try:
                codes.append(_code(node.dimension, point[node.name]))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{self.label(i)}: {error}") from None
        unknown = [name for name in point if name not in self.names]
        inactive = [name for name in point if name not in expected and name not in unknown]
        if unknown:
            raise WrongNames(f"a point must name {brief(list(expected))}, got {brief(unknown)} too")
        if inactive:
            raise WrongNames(
                f"{brief(inactive)} must not be given where they are not active: this point has "
                f"{brief(list(expected))}"
            )
        return codes


def _branches(dimension: Dimension) -> list[dict[str | None, Dimension]]:
    return dimension.branches if type(dimension) is Choice else []


def _size(dimensions: Iterable[Dimension]) -> float:
    """Return the number of points of a product of dimensions and their dependents."""
    size: float = 1
    for dimension in dimensions:
        n = dimension.size
        if branches := _branches(dimension):
            sizes = [_size(branch.values()) for branch in branches]
            n = math.inf if math.inf in sizes else sum(map(int, sizes))
        if n == math.inf:
            return math.inf
        size *= int(n)
    return size


def _code(dimension: Dimension, value: Any) -> float:
    """Return the code of a value; a dimension in a branch stands for any of its own values."""
    branches = _branches(dimension)
    of_values = [i for i, branch in enumerate(branches) if None in branch]
    if not of_values:
        return dimension.encode(value)
    try:
        code = dimension.encode(value)
        if int(code) not in of_values:
            return code
    except ValueError:
        pass
    for i in of_values:
        try:
            _code(branches[i][None], value)
            return float(i)
        except (TypeError, ValueError):
            continue
    raise ValueError(f"{brief(value)} is none of {brief(dimension)}")


def _check_values(name: str, choice: Choice) -> None:
    """Raise if a value of a dimension in a branch is also a value of the choice."""
    for value, branch in zip(choice.values, choice.branches, strict=True):
        for other in choice.branches:
            if None not in branch and None in other and _has(other[None], value):
                raise ValueError(
                    f"dimension {name!r}: the value {brief(value)} is also one of "
                    f"{brief(other[None])}"
                )


def _has(dimension: Dimension, value: Any) -> bool:
    try:
        _code(dimension, value)
    except (TypeError, ValueError):
        return False
    return True


def _check_names(entries: Entries) -> set[str]:
    """Return all names that may be active together with these; raise if a name occurs twice."""
    taken: set[str] = set()
    for name, dimension in entries:
        if isinstance(dimension, Choice) and dimension.branches:
            _check_values(name, dimension)
        inner: set[str] = set()
        for branch in _branches(dimension):
            dependents = [(n, d) for n, d in branch.items() if n is not None]
            inner |= _check_names(dependents)
            if None in branch:
                inner |= _check_names([(name, branch[None])]) - {name}
        if name in inner:
            raise ValueError(f"a dimension that depends on {name!r} must not have that name")
        twice = taken & {name, *inner}
        if twice:
            raise ValueError(
                f"two dimensions that may be active together have the name {min(twice)!r}"
            )
        taken |= {name, *inner}
    return taken
