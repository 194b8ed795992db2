"""Dimension and Dimension2: the search spaces of the ZOOpt API, thin layers over `Space`."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from zoopt.core.dimensions import Choice, Integer, Real
from zoopt.core.dimensions import Dimension as Column
from zoopt.core.space import Space
from zoopt.problem.regions import ValueType, box_of, column_of, entry_of, flag_of, size_of

__all__ = ["Dimension", "Dimension2", "ValueType"]


class _Coordinates:
    """The methods of both classes that follow from the space alone."""

    _space: Space | None

    def get_size(self) -> int:
        raise NotImplementedError  # pragma: no cover - both classes define it

    def _make_space(self) -> Space:
        raise NotImplementedError  # pragma: no cover - both classes define it

    def get_type(self, index: int) -> Any:
        raise NotImplementedError  # pragma: no cover - both classes define it

    def get_region(self, index: int) -> list[Any]:
        raise NotImplementedError  # pragma: no cover - both classes define it

    @property
    def space(self) -> Space:
        """The `Space` of the solvers, made on first access and again after a change."""
        if self._space is None:
            if not self.get_size():
                raise ValueError("a dimension of size 0 holds no points")
            self._space = self._make_space()
        return self._space

    def rand_sample(self, rng: np.random.Generator | None = None) -> list[Any]:
        """Draw a point uniformly.

        Parameters
        ----------
        rng : numpy.random.Generator, optional

        Returns
        -------
        list
            Native values.
        """
        from zoopt.core.defaults import gl

        point: list[Any] = self.space.sample(
            np.random.default_rng(gl.next_seed()) if rng is None else rng
        )
        return point

    def get_regions(self) -> list[list[Any]]:
        """Return the regions of all coordinates."""
        return [self.get_region(i) for i in range(self.get_size())]

    def get_types(self) -> list[Any]:
        """Return the types of all coordinates."""
        return [self.get_type(i) for i in range(self.get_size())]

    def copy_region(self) -> list[list[Any]]:
        """Return the regions of all coordinates."""
        return self.get_regions()

    def __len__(self) -> int:
        return self.get_size()


class Dimension(_Coordinates):
    """A box of continuous coordinates and whole numbers.

    Parameters
    ----------
    size : int
        Number of coordinates.
    regs : sequence of [low, high]
        Bounds, both included. Equal bounds make a constant.
    tys : sequence of bool
        True for a continuous coordinate, False for whole numbers.
    order : sequence of bool, optional
        True for whole numbers if neighbors are similar; False by default.

    Raises
    ------
    TypeError
        If an argument is of a wrong type.
    ValueError
        If lengths do not match the size, a range is reversed or not finite, or a bound of whole
        numbers is a fraction.

    Examples
    --------
    >>> dim = Dimension(2, [[-1, 1], [0, 5]], [True, False], [False, True])
    >>> dim.limited_space(), dim.get_region(1)
    ((False, 0), [0, 5])
    """

    def __init__(
        self,
        size: int = 0,
        regs: Sequence[Any] = (),
        tys: Sequence[Any] = (),
        order: Sequence[Any] = (),
    ) -> None:
        self._space = None
        size = size_of(size)
        bounds, continuous = box_of(size, regs, tys)
        self._low, self._high, self._continuous = bounds[:, 0], bounds[:, 1], continuous
        self._order = np.zeros(size, bool)
        if len(order):
            self.set_order(order)

    def get_size(self) -> int:
        """Return the number of coordinates."""
        return len(self._low)

    def _make_space(self) -> Space:
        columns = (self._low, self._high, self._continuous, self._order)
        if all((column == column[0]).all() for column in columns):
            distinct = np.array([[column[0] for column in columns]], np.float64)
            which = np.zeros(self.get_size(), np.intp)
        else:
            facts = np.column_stack(columns)
            distinct, which = np.unique(facts, axis=0, return_inverse=True)
        made = [
            column_of(low, high, bool(continuous), bool(ordered))
            for low, high, continuous, ordered in distinct.tolist()
        ]
        return Space.of_distinct(made, which.reshape(-1).astype(np.intp))

    @staticmethod
    def judge_match(size: int, regs: Sequence[Any], tys: Sequence[Any]) -> bool:
        """Tell whether ``regs`` and ``tys`` have ``size`` entries."""
        return bool(size == len(regs) == len(tys))

    @staticmethod
    def merge_dim(dim1: "Dimension", dim2: "Dimension") -> "Dimension":
        """Return a new object with the coordinates of both.

        Parameters
        ----------
        dim1, dim2 : Dimension

        Returns
        -------
        Dimension
            The coordinates of ``dim1``, then those of ``dim2``.
        """
        merged = Dimension()
        merged._low = np.concatenate([dim1._low, dim2._low])
        merged._high = np.concatenate([dim1._high, dim2._high])
        merged._continuous = np.concatenate([dim1._continuous, dim2._continuous])
        merged._order = np.concatenate([dim1._order, dim2._order])
        return merged

    def set_all(self, size: int, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set size, regions and types; coordinates that remain keep their order.

        Parameters
        ----------
        size, regs, tys
            As in the constructor.

        Raises
        ------
        TypeError, ValueError
            As in the constructor. The object is then unchanged.
        """
        size = size_of(size)
        bounds, continuous = box_of(size, regs, tys)
        self._low, self._high, self._continuous = bounds[:, 0], bounds[:, 1], continuous
        self._resize_order()

    def set_dimension_size(self, size: int) -> None:
        """Set the number of coordinates. New coordinates are the constant 0."""
        size = size_of(size)
        kept = min(size, self.get_size())
        low, high, continuous = np.zeros(size), np.zeros(size), np.ones(size, bool)
        low[:kept], high[:kept] = self._low[:kept], self._high[:kept]
        continuous[:kept] = self._continuous[:kept]
        self._low, self._high, self._continuous = low, high, continuous
        self._resize_order()

    set_size = set_dimension_size

    def _resize_order(self) -> None:
        order = np.zeros(len(self._low), bool)
        kept = min(len(order), len(self._order))
        order[:kept] = self._order[:kept]
        self._order = order
        self._space = None

    def set_region(self, index: int, reg: Sequence[Any], ty: Any) -> None:
        """Set one coordinate.

        Parameters
        ----------
        index : int
        reg : [low, high]
        ty : bool

        Raises
        ------
        IndexError, TypeError, ValueError
            If an argument is wrong. The object is then unchanged.
        """
        if not 0 <= index < self.get_size():
            raise IndexError(f"index must be in 0..{self.get_size() - 1}, got {index!r}")
        bounds, continuous = box_of(1, [reg], [ty])
        self._low, self._high = self._low.copy(), self._high.copy()
        self._low[index], self._high[index] = bounds[0]
        self._continuous = self._continuous.copy()
        self._continuous[index] = continuous[0]
        self._space = None

    def set_regions(self, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set all regions and types, one for each coordinate."""
        self.set_all(self.get_size(), regs, tys)

    def get_region(self, index: int) -> list[Any]:
        """Return the bounds of a coordinate."""
        low, high = float(self._low[index]), float(self._high[index])
        return [low, high] if self._continuous[index] else [int(low), int(high)]

    def get_type(self, index: int) -> bool:
        """Return whether a coordinate is continuous."""
        return bool(self._continuous[index])

    def get_order(self) -> list[bool]:
        """Return for each coordinate whether its whole numbers are ordered."""
        order: list[bool] = self._order.tolist()
        return order

    def set_order(self, order: Sequence[Any]) -> None:
        """Set for each coordinate whether its whole numbers are ordered."""
        if len(order) != self.get_size():
            raise ValueError(f"order must have {self.get_size()} entries, got {len(order)}")
        self._order = np.array([flag_of(flag, "order") for flag in order], bool)
        self._space = None

    def limited_space(self) -> tuple[bool, int]:
        """Return whether the space is finite, and its number of points, 0 if it is not."""
        if self._continuous.any():
            return False, 0
        return True, math.prod(int(n) for n in (self._high - self._low + 1).tolist())

    def is_discrete(self) -> bool:
        """Return whether no coordinate is continuous."""
        return not self._continuous.any()

    def equal(self, dim2: "Dimension") -> bool:
        """Return whether another object has the same coordinates."""
        return (
            isinstance(dim2, Dimension)
            and self.get_size() == dim2.get_size()
            and np.array_equal(self._low, dim2._low)
            and np.array_equal(self._high, dim2._high)
            and np.array_equal(self._continuous, dim2._continuous)
            and np.array_equal(self._order, dim2._order)
        )

    def deep_copy(self) -> "Dimension":
        """Return a copy."""
        return Dimension.merge_dim(self, Dimension())

    def print_dim(self) -> None:
        """Print size, regions, types and order."""
        print(f"dim size: {self.get_size()}")
        print(f"dim regions: {self.get_regions()}")
        print(f"dim types: {self.get_types()}")
        print(f"dim order: {self.get_order()}")


class Dimension2(_Coordinates):
    """A space given as a list of coordinates.

    Parameters
    ----------
    dim_list : sequence of tuples
        Each is one of

        - ``(ValueType.CONTINUOUS, [low, high], precision)``. Values are rounded to the nearest
          multiple of the precision within the range; without a precision they are not rounded.
        - ``(ValueType.DISCRETE, [low, high], has_partial_order)``: whole numbers. The last item
          says whether neighbors are similar.
        - ``(ValueType.GRID, values)``: a list of different objects.

    Raises
    ------
    TypeError, ValueError
        If an entry is wrong. The message names it.

    Examples
    --------
    >>> dim = Dimension2([
    ...     (ValueType.CONTINUOUS, [-1, 1], 1e-6),
    ...     (ValueType.DISCRETE, [1, 8], True),
    ...     (ValueType.GRID, ["relu", "tanh"]),
    ... ])
    >>> dim.get_size()
    3
    """

    def __init__(self, dim_list: Iterable[Any] = ()) -> None:
        self._space = None
        entries = [entry_of(entry, f"dim_list[{i}]") for i, entry in enumerate(dim_list)]
        self._types = [entry[0] for entry in entries]
        self._regions = [entry[1] for entry in entries]
        self._options = [entry[2] for entry in entries]
        self._check()

    def _check(self) -> None:
        if self._types:
            for i in range(len(self._types)):
                try:
                    self._column(i)
                except (TypeError, ValueError) as error:
                    raise type(error)(f"dim_list[{i}]: {error}") from None

    def get_size(self) -> int:
        """Return the number of coordinates."""
        return len(self._types)

    def _make_space(self) -> Space:
        return Space(self._columns())

    def _columns(self) -> list[Column]:
        return [self._column(i) for i in range(self.get_size())]

    def _column(self, i: int) -> Column:
        kind, region, option = self._types[i], self._regions[i], self._options[i]
        if kind == ValueType.GRID:
            return Choice(region)
        if kind == ValueType.DISCRETE:
            return Integer(region[0], region[1], ordered=option is not None and bool(option))
        if option is None:
            return Real(region[0], region[1])
        return Real(region[0], region[1], step=option, origin=0.0)

    @staticmethod
    def judge_match(size: int, regs: Sequence[Any], tys: Sequence[Any]) -> bool:
        """Tell whether ``regs`` and ``tys`` have ``size`` entries."""
        return bool(size == len(regs) == len(tys))

    @staticmethod
    def merge_dim(dim1: "Dimension2", dim2: "Dimension2") -> "Dimension2":
        """Return a new object with the coordinates of both.

        Parameters
        ----------
        dim1, dim2 : Dimension2

        Returns
        -------
        Dimension2
            The coordinates of ``dim1``, then those of ``dim2``.
        """
        return Dimension2(dim1._entries() + dim2._entries())

    def _entries(self) -> list[tuple[int, list[Any], Any]]:
        return [
            (kind, list(region), option)
            for kind, region, option in zip(self._types, self._regions, self._options, strict=True)
        ]

    def _replace(self, entries: list[Any]) -> None:
        fresh = Dimension2(entries)
        self.__dict__.update(fresh.__dict__)

    def set_all(self, size: int, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set size, regions and types.

        A coordinate of unchanged type keeps its order or precision.

        Parameters
        ----------
        size : int
        regs : sequence of lists
        tys : sequence of int
            Of `ValueType`.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong. The object is then unchanged.
        """
        size = size_of(size)
        if not self.judge_match(size, regs, tys):
            raise ValueError(f"regs and tys must have {size} entries, got {len(regs)}, {len(tys)}")
        options = [
            self._options[i] if i < self.get_size() and self._types[i] == ty else None
            for i, ty in enumerate(tys)
        ]
        self._replace(list(zip(tys, regs, options, strict=True)))

    def set_dimension_size(self, size: int) -> None:
        """Set the number of coordinates. New coordinates are the constant 0."""
        size = size_of(size)
        padding: list[Any] = [(ValueType.CONTINUOUS, [0.0, 0.0], None)] * size
        self._replace([*self._entries(), *padding][:size])

    set_size = set_dimension_size

    def set_region(self, index: int, reg: Sequence[Any], ty: Any) -> None:
        """Set one coordinate.

        Parameters
        ----------
        index : int
        reg : list
        ty : int
            Of `ValueType`.

        Raises
        ------
        IndexError, TypeError, ValueError
            If an argument is wrong. The object is then unchanged.
        """
        if not 0 <= index < self.get_size():
            raise IndexError(f"index must be in 0..{self.get_size() - 1}, got {index!r}")
        entries: list[Any] = self._entries()
        entries[index] = (ty, reg, self._options[index] if ty == self._types[index] else None)
        self._replace(entries)

    def set_regions(self, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set all regions and types, one for each coordinate."""
        self.set_all(self.get_size(), regs, tys)

    def get_region(self, index: int) -> list[Any]:
        """Return the bounds or the values of a coordinate."""
        return list(self._regions[index])

    def get_type(self, index: int) -> int:
        """Return the type of a coordinate, of `ValueType`."""
        return self._types[index]

    def get_order_or_precision(self) -> list[Any]:
        """Return the last item of each entry: precision, order or None."""
        return list(self._options)

    def set_order_or_precision(self, options: Sequence[Any]) -> None:
        """Set the precision or order of each coordinate."""
        if len(options) != self.get_size():
            raise ValueError(f"options must have {self.get_size()} entries, got {len(options)}")
        self._replace(list(zip(self._types, self._regions, options, strict=True)))

    def limited_space(self) -> tuple[bool, int]:
        """Return whether the space is finite, and its number of points, 0 if it is not."""
        if not self.is_discrete():
            return False, 0
        return True, math.prod(int(column.size) for column in self._columns())

    def is_discrete(self) -> bool:
        """Return whether no coordinate is continuous."""
        return ValueType.CONTINUOUS not in self._types

    def equal(self, dim2: "Dimension2") -> bool:
        """Return whether another object has the same coordinates."""
        return isinstance(dim2, Dimension2) and self._entries() == dim2._entries()

    def deep_copy(self) -> "Dimension2":
        """Return a copy."""
        return Dimension2(self._entries())

    def print_dim(self) -> None:
        """Print size, regions, types and order or precision."""
        print(f"dim size: {self.get_size()}")
        print(f"dim regions: {self.get_regions()}")
        print(f"dim types: {self.get_types()}")
        print(f"dim order or precision: {self.get_order_or_precision()}")
