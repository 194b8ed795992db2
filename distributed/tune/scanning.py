"""Read a user's space: nested containers with domains become a template and dimensions.

This module knows domains and dimensions. It does not depend on points or values.
"""

import copy
from collections.abc import Mapping
from typing import Any, TypeAlias

from ray.tune.search import sample

from zoopt.core.dimensions import Choice, Dimension, Integer, Real
from zoopt.distributed.tune.domains import (
    FUNCTION,
    PLACEHOLDERS,
    check_sampler,
    distinct,
    has_domain,
    translated,
)
from zoopt.distributed.tune.templates import (
    Category,
    Container,
    Fork,
    Leaf,
    Splice,
    is_placeholder,
)

__all__ = ["Scan"]

Entries: TypeAlias = dict[str, Dimension]


class Scan:
    """The template and the parameters of a configuration.

    Parameters
    ----------
    config : mapping
        As in `ConfigSpace`.

    Attributes
    ----------
    template : dict
    leaves : list of Leaf
        All parameters; a choice stands before those that depend on it.
    entries : dict of str to dimension
        The parameters that are always active, by their names in the space.

    Raises
    ------
    TypeError, ValueError
        If a domain cannot be searched, or if two parameters have the same path. The message names
        the parameter.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.leaves: list[Leaf] = []
        self.entries: Entries = {}
        self.template: Any = self._scan(dict(config), (), "", self.entries)

    def _scan(self, node: Any, path: tuple[Any, ...], name: str, entries: Entries) -> Any:
        """Return the template of a node; add its parameters to the entries of its branch."""
        if isinstance(node, Mapping):
            n_before = len(self.leaves)
            parts = self._scan_mapping(node, path, name, entries)
            has_leaves = len(self.leaves) > n_before
            return parts if type(node) is dict else _container(node, parts) if has_leaves else node
        if is_placeholder(node) and node[0] == PLACEHOLDERS[1]:
            raise ValueError(f"parameter {_text(path)!r}: {FUNCTION}")
        if isinstance(node, (list, tuple)):
            n_before = len(self.leaves)
            items = [
                self._scan(part, (*path, i), _joined(name, i), entries)
                for i, part in enumerate(node)
            ]
            return _container(node, items) if len(self.leaves) > n_before else node
        if type(node) is Choice and node.branches:
            return self._scan_alone(node, path, name, entries)
        if isinstance(node, sample.Categorical) and any(map(has_domain, node.categories)):
            return self._scan_categories(node, path, name, entries)
        if isinstance(node, (sample.Domain, Real, Integer, Choice)):
            return self._leaf(node, path, name, entries)
        return node

    def _scan_mapping(
        self, node: Mapping[Any, Any], path: tuple[Any, ...], name: str, entries: Entries
    ) -> dict[Any, Any]:
        if len(node) == 1 and ("grid_search" in node or "eval" in node):
            kind = "grid_search" if "grid_search" in node else "an expression"
            raise ValueError(
                f"parameter {_text(path)!r} is {kind}, which cannot be searched; "
                "use tune.choice or another domain"
            )
        parts: dict[Any, Any] = {}
        for key, part in node.items():
            if type(part) is Choice and part.branches:
                own = _joined(name, key)
                parts[key] = self._scan_branches(part, key, (*path, key), own, name, entries)
            else:
                parts[key] = self._scan(part, (*path, key), _joined(name, key), entries)
        _check_keys(parts, path)
        return parts

    def _scan_categories(
        self, domain: Any, path: tuple[Any, ...], name: str, entries: Entries
    ) -> Fork:
        """Return the fork of a Tune choice with parameters in its categories."""
        try:
            check_sampler(domain)
        except ValueError as error:
            raise ValueError(f"parameter {_text(path)!r}: {error}") from None
        fork = self._fork(path)
        branches: dict[Any, Any] = {}
        for i, category in enumerate(distinct(domain.categories)):
            branches[i] = {}
            if has_domain(category):
                is_parameter = isinstance(category, (sample.Domain, Real, Integer, Choice))
                inner = _joined(name, i) if is_parameter else name
                fork.options.append(self._scan(category, path, inner, branches[i]))
            else:
                fork.options.append(Category(category))
        self._complete(fork, name, Choice(branches), entries)
        return fork

    def _scan_branches(
        self,
        choice: Choice,
        key: Any,
        path: tuple[Any, ...],
        own: str,
        name: str,
        entries: Entries,
    ) -> Splice:
        """Return the splice of a zoopt choice with branches.

        Parameters
        ----------
        choice : Choice
        key : object
            Its key in the dictionary.
        path : tuple
            Its path, which ends with the key.
        own, name : str
            The names of the choice and of the dictionary.
        entries : dict
        """
        fork = self._fork(path)
        branches: dict[Any, Any] = {}
        for i, (value, branch) in enumerate(zip(choice.values, choice.branches, strict=True)):
            branches[i] = {}
            option: dict[Any, Any] = {key: Category(value)}
            for inner, dimension in branch.items():
                k = key if inner is None else inner
                its_name = _joined(own, i) if inner is None else _joined(name, inner)
                its_path = (*path[:-1], k)
                if type(dimension) is Choice and dimension.branches:
                    option[k] = self._scan_branches(
                        dimension, k, its_path, its_name, name, branches[i]
                    )
                else:
                    option[k] = self._scan(dimension, its_path, its_name, branches[i])
            fork.options.append(option)
        self._complete(fork, own, Choice(branches, ordered=choice.ordered), entries)
        keys = {k: None for option in fork.options for k in _keys(option)}
        return Splice(fork, list(keys))

    def _scan_alone(
        self, choice: Choice, path: tuple[Any, ...], name: str, entries: Entries
    ) -> Fork:
        """Return the fork of a zoopt choice that is not in a dictionary."""
        if any(branch and None not in branch for branch in choice.branches):
            raise ValueError(
                f"parameter {_text(path)!r}: a Choice with named parameters must be an entry of a "
                "dictionary, in which the parameters are placed too"
            )
        fork = self._fork(path)
        branches: dict[Any, Any] = {}
        for i, (value, branch) in enumerate(zip(choice.values, choice.branches, strict=True)):
            branches[i] = {}
            fork.options.append(
                self._scan(branch[None], path, _joined(name, i), branches[i])
                if branch
                else Category(value)
            )
        self._complete(fork, name, Choice(branches, ordered=choice.ordered), entries)
        return fork

    def _fork(self, path: tuple[Any, ...]) -> Fork:
        """Return a fork; its leaf and its options are set later."""
        fork = Fork(len(self.leaves), path, [])
        self.leaves.append(Leaf(fork.position, path, "", Choice([None]), None))
        return fork

    def _complete(self, fork: Fork, name: str, dimension: Choice, entries: Entries) -> None:
        leaf = Leaf(fork.position, fork.path, name, dimension, None)
        self.leaves[fork.position] = leaf
        _add(entries, leaf)

    def _leaf(self, domain: Any, path: tuple[Any, ...], name: str, entries: Entries) -> Leaf:
        try:
            dimension, codec = translated(domain)
        except (TypeError, ValueError) as error:
            raise type(error)(f"parameter {_text(path)!r}: {error}") from None
        leaf = Leaf(len(self.leaves), path, name, dimension, codec)
        self.leaves.append(leaf)
        _add(entries, leaf)
        return leaf


def _add(entries: Entries, leaf: Leaf) -> None:
    if leaf.name in entries:
        raise ValueError(f"two parameters of space have the same path: {leaf.name!r}")
    entries[leaf.name] = leaf.dimension


def _keys(parts: dict[Any, Any]) -> list[Any]:
    """Return the keys that a dictionary may have once its template is filled."""
    return [
        k for key, part in parts.items() for k in (part.keys if type(part) is Splice else [key])
    ]


def _check_keys(parts: dict[Any, Any], path: tuple[Any, ...]) -> None:
    """Raise if a parameter of a choice would overwrite another entry of its dictionary."""
    seen: set[Any] = set()
    for key in _keys(parts):
        if key in seen:
            raise ValueError(f"two entries of space have the same path: {_text((*path, key))!r}")
        seen.add(key)


def _container(node: Any, parts: Any) -> Any:
    """Return the template of a container with parameters in it."""
    if isinstance(node, tuple):
        return tuple(parts)
    is_plain = type(node) is list or not isinstance(node, (dict, list))
    return parts if is_plain else Container(copy.copy(node), parts)


def _joined(name: str, key: Any) -> str:
    return f"{name}/{key}" if name else str(key)


def _text(path: tuple[Any, ...]) -> str:
    return "/".join(str(key) for key in path)
