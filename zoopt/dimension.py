"""Dimension and Dimension2: the search spaces of the ZOOpt API, thin views over `Space`."""

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.dimensions import Choice, Integer, Real
from zoopt.core.dimensions import Dimension as Column
from zoopt.core.space import Space

__all__ = ["Dimension", "Dimension2", "ValueType"]


class ValueType:
    """Kinds of coordinate in `Dimension2`; plain ints.

    Examples
    --------
    >>> ValueType.DISCRETE, ValueType.CONTINUOUS, ValueType.GRID
    (0, 1, 2)
    """

    DISCRETE = 0
    CONTINUOUS = 1
    GRID = 2


class _Coordinates:
    """What both classes share: everything that follows from the space alone."""

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
        """The space that solvers see; made on first use and kept until something changes."""
        if self._space is None:
            if not self.get_size():
                raise ValueError("a dimension of size 0 holds no points")
            self._space = self._make_space()
        return self._space

    def rand_sample(self, rng: np.random.Generator | None = None) -> list[Any]:
        """Draw a uniform point, as a list of native values."""
        from zoopt.core.defaults import gl

        point: list[Any] = self.space.sample(
            np.random.default_rng(gl.next_seed()) if rng is None else rng
        )
        return point

    def get_regions(self) -> list[list[Any]]:
        return [self.get_region(i) for i in range(self.get_size())]

    def get_types(self) -> list[Any]:
        return [self.get_type(i) for i in range(self.get_size())]

    def copy_region(self) -> list[list[Any]]:
        return self.get_regions()

    def __len__(self) -> int:
        return self.get_size()


class Dimension(_Coordinates):
    """A box of continuous and whole-number coordinates.

    Parameters
    ----------
    size : int
        Number of coordinates.
    regs : sequence of [low, high]
        Both included; equal bounds make a constant.
    tys : sequence of bool
        True continuous, False whole numbers.
    order : sequence of bool, optional
        True where near whole numbers mean like things; by default nowhere.

    Raises
    ------
    ValueError
        If lengths do not match the size, a range is reversed or not finite, or bounds of whole
        numbers are fractions.

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
        size = _size(size)
        bounds, continuous = _box(size, regs, tys)
        self._low, self._high, self._continuous = bounds[:, 0], bounds[:, 1], continuous
        self._order = np.zeros(size, bool)
        if len(order):
            self.set_order(order)

    def get_size(self) -> int:
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
            _box_column(low, high, bool(continuous), bool(ordered))
            for low, high, continuous, ordered in distinct.tolist()
        ]
        return Space.of_distinct(made, which.reshape(-1).astype(np.intp))

    @staticmethod
    def judge_match(size: int, regs: Sequence[Any], tys: Sequence[Any]) -> bool:
        """Tell whether the lengths agree."""
        return bool(size == len(regs) == len(tys))

    @staticmethod
    def merge_dim(dim1: "Dimension", dim2: "Dimension") -> "Dimension":
        """Return a new object with the coordinates of both, in this order."""
        merged = Dimension()
        merged._low = np.concatenate([dim1._low, dim2._low])
        merged._high = np.concatenate([dim1._high, dim2._high])
        merged._continuous = np.concatenate([dim1._continuous, dim2._continuous])
        merged._order = np.concatenate([dim1._order, dim2._order])
        return merged

    def set_all(self, size: int, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set size, regions and types; the order stays where the size does."""
        size = _size(size)
        bounds, continuous = _box(size, regs, tys)
        self._low, self._high, self._continuous = bounds[:, 0], bounds[:, 1], continuous
        self._resize_order()

    def set_dimension_size(self, size: int) -> None:
        """Change the size; new coordinates are the constant 0."""
        size = _size(size)
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

        Raises
        ------
        IndexError, ValueError
            The object is unchanged then.
        """
        if not 0 <= index < self.get_size():
            raise IndexError(f"index must be in 0..{self.get_size() - 1}, got {index!r}")
        bounds, continuous = _box(1, [reg], [ty])
        self._low, self._high = self._low.copy(), self._high.copy()
        self._low[index], self._high[index] = bounds[0]
        self._continuous = self._continuous.copy()
        self._continuous[index] = continuous[0]
        self._space = None

    def set_regions(self, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set all regions and types; the lengths must be the present size."""
        self.set_all(self.get_size(), regs, tys)

    def get_region(self, index: int) -> list[Any]:
        low, high = float(self._low[index]), float(self._high[index])
        return [low, high] if self._continuous[index] else [int(low), int(high)]

    def get_type(self, index: int) -> bool:
        return bool(self._continuous[index])

    def get_order(self) -> list[bool]:
        order: list[bool] = self._order.tolist()
        return order

    def set_order(self, order: Sequence[Any]) -> None:
        if len(order) != self.get_size():
            raise ValueError(f"order must have {self.get_size()} entries, got {len(order)}")
        self._order = np.array([_flag(flag, "order") for flag in order], bool)
        self._space = None

    def limited_space(self) -> tuple[bool, int]:
        """Return whether the space is finite, and its number of points (0 if it is not)."""
        if self._continuous.any():
            return False, 0
        return True, math.prod(int(n) for n in (self._high - self._low + 1).tolist())

    def is_discrete(self) -> bool:
        return not self._continuous.any()

    def equal(self, dim2: "Dimension") -> bool:
        return (
            isinstance(dim2, Dimension)
            and self.get_size() == dim2.get_size()
            and np.array_equal(self._low, dim2._low)
            and np.array_equal(self._high, dim2._high)
            and np.array_equal(self._continuous, dim2._continuous)
            and np.array_equal(self._order, dim2._order)
        )

    def deep_copy(self) -> "Dimension":
        return Dimension.merge_dim(self, Dimension())

    def print_dim(self) -> None:
        print(f"dim size: {self.get_size()}")
        print(f"dim regions: {self.get_regions()}")
        print(f"dim types: {self.get_types()}")
        print(f"dim order: {self.get_order()}")


class Dimension2(_Coordinates):
    """A space given coordinate by coordinate.

    Parameters
    ----------
    dim_list : sequence of tuples
        ``(ValueType.CONTINUOUS, [low, high], precision)``: the nearest multiple of precision,
        within the range; without it no rounding. ``(ValueType.DISCRETE, [low, high],
        has_partial_order)``. ``(ValueType.GRID, [values...])``: any objects, none twice.

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
        entries = [_entry(entry, f"dim_list[{i}]") for i, entry in enumerate(dim_list)]
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
        """Tell whether the lengths agree."""
        return bool(size == len(regs) == len(tys))

    @staticmethod
    def merge_dim(dim1: "Dimension2", dim2: "Dimension2") -> "Dimension2":
        """Return a new object with the coordinates of both, in this order."""
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
        """Set size, regions and types; order and precision stay where the type does."""
        size = _size(size)
        if not self.judge_match(size, regs, tys):
            raise ValueError(f"regs and tys must have {size} entries, got {len(regs)}, {len(tys)}")
        options = [
            self._options[i] if i < self.get_size() and self._types[i] == ty else None
            for i, ty in enumerate(tys)
        ]
        self._replace(list(zip(tys, regs, options, strict=True)))

    def set_dimension_size(self, size: int) -> None:
        """Change the size; new coordinates are the constant 0."""
        size = _size(size)
        padding: list[Any] = [(ValueType.CONTINUOUS, [0.0, 0.0], None)] * size
        self._replace([*self._entries(), *padding][:size])

    set_size = set_dimension_size

    def set_region(self, index: int, reg: Sequence[Any], ty: Any) -> None:
        """Set one coordinate; on IndexError or ValueError the object is unchanged."""
        if not 0 <= index < self.get_size():
            raise IndexError(f"index must be in 0..{self.get_size() - 1}, got {index!r}")
        entries: list[Any] = self._entries()
        entries[index] = (ty, reg, self._options[index] if ty == self._types[index] else None)
        self._replace(entries)

    def set_regions(self, regs: Sequence[Any], tys: Sequence[Any]) -> None:
        """Set all regions and types; the lengths must be the present size."""
        self.set_all(self.get_size(), regs, tys)

    def get_region(self, index: int) -> list[Any]:
        return list(self._regions[index])

    def get_type(self, index: int) -> int:
        return self._types[index]

    def get_order_or_precision(self) -> list[Any]:
        return list(self._options)

    def set_order_or_precision(self, options: Sequence[Any]) -> None:
        if len(options) != self.get_size():
            raise ValueError(f"options must have {self.get_size()} entries, got {len(options)}")
        self._replace(list(zip(self._types, self._regions, options, strict=True)))

    def limited_space(self) -> tuple[bool, int]:
        """Return whether the space is finite, and its number of points (0 if it is not)."""
        if not self.is_discrete():
            return False, 0
        return True, math.prod(int(column.size) for column in self._columns())

    def is_discrete(self) -> bool:
        return ValueType.CONTINUOUS not in self._types

    def equal(self, dim2: "Dimension2") -> bool:
        return isinstance(dim2, Dimension2) and self._entries() == dim2._entries()

    def deep_copy(self) -> "Dimension2":
        return Dimension2(self._entries())

    def print_dim(self) -> None:
        print(f"dim size: {self.get_size()}")
        print(f"dim regions: {self.get_regions()}")
        print(f"dim types: {self.get_types()}")
        print(f"dim order or precision: {self.get_order_or_precision()}")


def _size(size: Any) -> int:
    if isinstance(size, bool) or not isinstance(size, numbers.Integral):
        raise TypeError(f"size must be an int, got {size!r}")
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size!r}")
    return int(size)


def _flag(value: Any, name: str) -> bool:
    """Read a truth value as users give it: bool, numpy bool, 0 or 1."""
    if isinstance(value, (bool, np.bool_)) or (
        isinstance(value, numbers.Integral) and value in (0, 1)
    ):
        return bool(value)
    raise TypeError(f"{name} must hold True or False, got {value!r}")


def _box(
    size: int, regs: Sequence[Any], tys: Sequence[Any]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Check regions and types as `Dimension` takes them, and return them as arrays."""
    if len(regs) != size or len(tys) != size:
        raise ValueError(
            f"regs and tys must have size={size} entries, got {len(regs)} and {len(tys)}"
        )
    if not set(map(type, tys)) <= {bool}:
        tys = [_flag(ty, "tys") for ty in tys]
    continuous = np.array(tys, bool)
    try:
        bounds = np.array(regs if size else np.empty((0, 2)), np.float64)
    except (TypeError, ValueError):
        bounds = np.empty(0)
    if bounds.shape != (size, 2):
        raise ValueError(f"regs must hold [low, high] pairs of numbers, got {_short(regs)}")
    low, high = bounds.T
    with np.errstate(over="ignore", invalid="ignore"):
        bad = ~np.isfinite(high - low) | (low > high)
    bad |= ~continuous & ((low != np.floor(low)) | (high != np.floor(high)))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        try:
            _box_column(low[i].item(), high[i].item(), bool(continuous[i]), False)
        except ValueError as error:
            raise ValueError(f"regs[{i}]: {error}") from None
    return bounds, continuous


def _box_column(low: float, high: float, continuous: bool, ordered: bool) -> Column:
    if continuous:
        return Real(low, high)
    return Integer(low, high, ordered=ordered)  # type: ignore[arg-type]


def _entry(entry: Any, name: str) -> tuple[int, list[Any], Any]:
    if not isinstance(entry, (tuple, list)) or not 2 <= len(entry) <= 3:
        raise ValueError(f"{name} must be (type, region) or (type, region, option), got {entry!r}")
    kind, region = entry[0], entry[1]
    if isinstance(kind, bool) or not isinstance(kind, numbers.Integral) or kind not in (0, 1, 2):
        raise ValueError(f"{name}: the type must be one of ValueType's 0, 1, 2, got {kind!r}")
    if isinstance(region, (str, bytes)) or not isinstance(region, Iterable):
        raise TypeError(f"{name}: the region must be a list, got {region!r}")
    values = list(region)
    if kind != ValueType.GRID and len(values) != 2:
        raise ValueError(f"{name}: the region must be [low, high], got {region!r}")
    option = entry[2] if len(entry) == 3 and kind != ValueType.GRID else None
    if kind == ValueType.DISCRETE and option is not None:
        option = _flag(option, name)
    return int(kind), values, option


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."
