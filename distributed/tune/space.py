"""Search spaces of Ray Tune: nested configurations that contain domains.

This module converts configurations to points of a `zoopt.Space` and back. It does not depend on
trials, metrics or solvers.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from zoopt.core.dimensions import Choice
from zoopt.core.space import Row, Space
from zoopt.distributed.tune.reading import NOTHING, Given, Reader, outside
from zoopt.distributed.tune.scanning import Scan
from zoopt.distributed.tune.templates import Leaf, filled, forks_in, with_leaves

__all__ = ["ConfigSpace", "NoParameters"]


class NoParameters(ValueError):
    """The configuration contains constants only."""


class ConfigSpace:
    """A configuration that contains parameters, and its `Space`.

    Parameters
    ----------
    config : mapping or Space
        Nested mappings, lists and tuples. Parameters are Tune's domains, and `Real`, `Integer` and
        `Choice`; everything else is constant. The categories of ``tune.choice`` may contain
        parameters, and so may the branches of a `Choice` that is an entry of a mapping.

    Attributes
    ----------
    space : Space
        One dimension for each parameter, named by its path: "optimizer/lr". A choice between
        categories with parameters is a `Choice` of their indices.
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
    As in Tune, subclasses of dict and list, such as ``OrderedDict``, keep their classes, and named
    tuples become plain tuples. Mappings that are not dictionaries, which Tune would not search,
    become plain dictionaries.
    """

    def __init__(self, config: Mapping[str, Any] | Space) -> None:
        if isinstance(config, Space):
            mapping = config.mapping
            if mapping is None:
                raise TypeError("space must have names: Space({'lr': Real(0.1, 1)})")
            config = mapping
        if not isinstance(config, Mapping):
            raise TypeError(f"space must be a dictionary of parameters, got {config!r}")
        scan = Scan(config)
        if not scan.leaves:
            raise NoParameters(f"space has no parameter to search, only constants: {config!r}")
        self.leaves: list[Leaf] = scan.leaves
        self.space = Space(scan.entries)
        self._template = scan.template
        self._coded = [leaf for leaf in self.leaves if leaf.codec is not None]
        self._reader = Reader(self._template, self.leaves)

    def is_like(self, other: "ConfigSpace") -> bool:
        """Return whether both have the same parameters.

        Constants may differ, but not those of categories that contain parameters.
        """
        codecs = [
            [(vars(leaf.codec) if leaf.codec else None) for leaf in each.leaves]
            for each in (self, other)
        ]
        categories = [_categories(each._template) for each in (self, other)]
        same = codecs[0] == codecs[1] and categories[0] == categories[1]
        return same and self.space == other.space

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
        for leaf in self._coded:
            values[leaf.position] = leaf.to_config(values[leaf.position])
        for index, value in (exact or {}).items():
            values[index] = value
        config: dict[str, Any] = filled(self._template, values)
        return config

    # ------------------------------------------------------------- configuration to point

    def read(self, config: Any, name: str, strict: bool = True) -> dict[int, Any]:
        """Return the values of the parameters that a configuration contains, by position.

        The value of a choice between categories with parameters is the index of the category that
        fits best. Of several that fit, this is the one with the fewest missing values, or the first
        of these.

        Parameters
        ----------
        config : mapping
            Nested like the space, or with paths as keys: ``{"optimizer/lr": 0.1}``.
        name : str
            The configuration's name in error messages.
        strict : bool
            Whether unknown keys and different constants raise. In categories they always raise.

        Raises
        ------
        TypeError, ValueError
            If the configuration does not fit the space.
        """
        if not isinstance(config, Mapping):
            raise TypeError(f"{name} must be a dictionary, got {config!r}")
        known = self._template
        by_path = {k: v for k, v in config.items() if isinstance(k, str) and k not in known}
        nested = {k: v for k, v in config.items() if k not in by_path}
        return self._reader.read(Given(nested, by_path), name, strict)

    def read_flat(self, flat: Mapping[str, Any]) -> dict[int, Any]:
        """Return the values in a result of Tune, in which dictionaries are flattened to paths.

        Raises
        ------
        TypeError, ValueError
            If they do not fit the space.
        """
        return self._reader.read(Given(NOTHING, flat), "the trial", strict=False)

    def encode(self, found: Mapping[int, Any], name: str) -> tuple[Row, dict[int, float]]:
        """Return the encoded point of some values, and the values that encoding rounds.

        Parameters
        ----------
        found : mapping of int to object
            The values of all active parameters, by position.
        name : str
            The configuration's name in error messages.

        Raises
        ------
        TypeError, ValueError
            If a value is missing or outside its domain. The message names it.
        """
        point, exact = {}, {}
        for leaf in self._active(found):
            if leaf.position not in found:
                raise ValueError(f"{name} lacks parameter {leaf.label!r}")
            value = found[leaf.position]
            try:
                point[leaf.name] = leaf.to_point(value)
                leaf.dimension.encode(point[leaf.name])
            except (TypeError, ValueError) as error:
                raise outside(leaf, error, name) from None
            if leaf.may_be_rounded:
                exact[leaf.position] = float(value)
        return self.space.encode(point), exact

    def _active(self, found: Mapping[int, Any]) -> Iterator[Leaf]:
        """Yield the parameters that are active, given the values of the choices before them."""
        if self.space.tree is None:
            yield from self.leaves
            return
        active: list[bool] = []
        for leaf, node in zip(self.leaves, self.space.tree.nodes, strict=True):
            here = node.choice < 0
            if not here and active[node.choice]:
                here = found.get(node.choice) == node.branch
            active.append(here)
            if here:
                yield leaf

    def completed(self, found: Mapping[int, Any], rng: np.random.Generator) -> dict[int, Any]:
        """Return values for all active parameters; missing ones are drawn at random.

        Every parameter uses up its part of the random stream, even if it is given or not active.
        """
        values = {leaf.position: _drawn(leaf, rng) for leaf in self.leaves} | dict(found)
        return {leaf.position: values[leaf.position] for leaf in self._active(values)}


def _drawn(leaf: Leaf, rng: np.random.Generator) -> Any:
    dimension = leaf.dimension
    if type(dimension) is Choice and dimension.branches:
        dimension = Choice(dimension.values)
    return leaf.to_config(Space([dimension]).sample(rng)[0])


def _categories(template: Any) -> list[Choice]:
    """Return the categories that contain parameters, with positions in place of parameters."""
    return [
        Choice(list(enumerate(with_leaves(fork, lambda leaf: leaf.position))))
        for fork in forks_in(template)
    ]
