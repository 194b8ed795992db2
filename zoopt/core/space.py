"""Search spaces: they translate points in user units to encoded rows, and back.

Encodes points as rows of floats, one column for each dimension that is not constant. Knows nothing
about solvers, objectives or budgets.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from zoopt._native import CONTINUOUS, HUGE_LOG_INTEGER, LOG_INTEGER, ORDERED, UNORDERED
from zoopt._native.reference.columns import Conditions
from zoopt.core.checks import whole
from zoopt.core.choices import Choice, is_flags
from zoopt.core.conditions import Tree, are_conditional
from zoopt.core.descriptions import described_space, restored
from zoopt.core.dimensions import Dimension, Integer, Real, decoder
from zoopt.core.entries import LowerUpper, label_of, read_space
from zoopt.core.grids import Grids
from zoopt.core.points import named_values, values_of

__all__ = [
    "CONTINUOUS",
    "HUGE_LOG_INTEGER",
    "LOG_INTEGER",
    "ORDERED",
    "UNORDERED",
    "Bits",
    "Mask",
    "Row",
    "Space",
]

Row: TypeAlias = npt.NDArray[np.float64]

Bits: TypeAlias = npt.NDArray[np.uint8]

Mask: TypeAlias = npt.NDArray[np.bool_]

#: A random float has this many values; an integer range with more values needs a second draw.
N_DRAWS = 2.0**53
#: Largest number of dimensions that the ``repr`` of a space shows.
MOST_SHOWN = 20


class Space:
    """A product of dimensions, and the encoding of its points.

    Parameters
    ----------
    dimensions : sequence, mapping, array of shape (n, 2), or scipy.optimize.Bounds
        `Real`, `Integer`, `Choice` or ``(low, high)`` pairs of numbers, which mean `Real`. With a
        mapping from names to these, points are dictionaries; otherwise they are lists. A `Choice`
        with branches needs names; points then hold the active parameters only.

    Raises
    ------
    TypeError, ValueError
        If there is no dimension, or an entry is not a dimension or is ambiguous. The message names
        the entry.

    Attributes
    ----------
    dimensions : list
        One entry for each dimension, those in branches included; a choice stands before the
        dimensions that depend on it.
    names : list of str or None
        The names of the parameters, each once.
    tree : Tree or None
        Tells on which choice each dimension depends; None if no dimension depends on one.
    conditions : (int array, float array), each of shape (n_columns,), or None
        For each encoded column, the column of the choice on which it depends, or -1 if there is
        none; and the code that this choice must have for the column to be active. Columns that
        are not active hold their least value.
    kinds, low, high : arrays, shape (n_columns,)
        Kind and bounds of each encoded column.
    size : int or float
        Number of points, ``inf`` if any dimension is continuous.

    Examples
    --------
    >>> space = Space({"lr": Real(1e-4, 1, log=True), "layers": Integer(1, 4)})
    >>> space.decode(space.encode({"lr": 1.0, "layers": 2}))
    {'lr': 1.0, 'layers': 2}
    >>> Space([(0, 1), (0, 1)]).size
    inf
    """

    def __init__(
        self, dimensions: Mapping[str, Any] | Sequence[Any] | npt.NDArray[Any] | LowerUpper
    ) -> None:
        self.names, entries = read_space(dimensions)
        self.tree: Tree | None = None
        if are_conditional(entries):
            if self.names is None:
                raise TypeError("a space with branches needs names: Space({'model': Choice(...)})")
            self.tree = Tree(self.names, entries)
            self.names = self.tree.names
            entries = [node.dimension for node in self.tree.nodes]
        distinct = list({id(entry): entry for entry in entries}.values())
        index = {id(entry): i for i, entry in enumerate(distinct)}
        which = np.fromiter((index[id(entry)] for entry in entries), np.intp, len(entries))
        self._set_up(distinct, which)

    @classmethod
    def of_distinct(cls, distinct: list[Dimension], which: npt.NDArray[np.intp]) -> "Space":
        """Make a large space of few distinct dimensions: dimension i is ``distinct[which[i]]``."""
        self = cls.__new__(cls)
        self.names = self.tree = None
        self._set_up(distinct, which)
        return self

    @classmethod
    def subsets(cls, n: int) -> "Space":
        """Make the space of the subsets of n items; objectives receive points as boolean masks.

        Examples
        --------
        >>> from zoopt import minimize
        >>> weights = np.array([3.0, 1.0, 2.0])
        >>> result = minimize(lambda mask: -weights[mask].sum(), Space.subsets(3), budget=8)
        >>> result.x
        array([ True,  True,  True])
        """
        which = np.zeros(whole(n, "n", least=1), np.intp)
        return cls.of_distinct([Choice([False, True])], which)

    def _set_up(self, distinct: list[Dimension], which: npt.NDArray[np.intp]) -> None:
        """Set all other attributes; read the properties of each distinct dimension only once."""
        self._distinct = distinct
        self._which = which
        columns = np.array([d.column for d in distinct], np.float64)[which]
        self._free = np.flatnonzero(columns[:, 0] < columns[:, 1])
        self.kinds = np.array([d.kind for d in distinct], np.intp)[which][self._free]
        self.low = np.ascontiguousarray(columns[self._free, 0])
        self.high = np.ascontiguousarray(columns[self._free, 1])
        counts = np.bincount(which, minlength=len(distinct)).tolist()
        self.size: float = _product(
            d.size if d.size == math.inf else int(d.size) ** n
            for d, n in zip(distinct, counts, strict=True)
        )
        self.conditions: Conditions | None = None
        if self.tree is not None:
            self.size = self.tree.size
            self.conditions = self.tree.conditions(self._free)
            self._least = np.array([d.least for d in distinct], np.float64)[which][self._free]
        #: Number of `Real` dimensions that are not constant, with or without a step.
        self.n_continuous: int = sum(
            n for d, n in zip(distinct, counts, strict=True) if type(d) is Real and d.low < d.high
        )
        decoders = [decoder(d) for d in distinct]
        self._all_free = len(self._free) == len(which)
        #: Whether points are float arrays equal to their rows.
        self.is_plain = self._all_free and all(decode is None for decode in decoders)
        self._grids = Grids(distinct, which[self._free])
        #: Whether points are arrays of whole numbers equal to their rows.
        self.is_integer = self._all_free and all(decode is int for decode in decoders)
        #: Whether points are boolean arrays.
        self.is_boolean = self._all_free and all(is_flags(d) for d in distinct)
        #: Type of the items when points are arrays.
        if all(type(d) is Real for d in distinct):
            self.dtype: type = np.float64
        else:
            self.dtype = np.int64 if all(type(d) is Integer for d in distinct) else object
        self._columns: list[int] = []
        self._decoders: list[tuple[int, Callable[[float], Any]]] = []
        self._template: list[Any] = []
        if not (self.is_plain or self.is_integer):
            self._columns = self._free.tolist()
            on_grid = set(self._free[self._grids.columns].tolist())
            coded = [(i, decoders[which[i]]) for i in self._columns if i not in on_grid]
            self._decoders = [(i, decode) for i, decode in coded if decode is not None]
            constants = [d.decode(d.column[0]) for d in distinct]
            self._template = [constants[i] for i in which.tolist()]

    def describe(self) -> dict[str, Any]:
        """Return a JSON-compatible description of the space, for `restore`.

        Choices of objects that JSON cannot represent are replaced by a fingerprint.

        Raises
        ------
        ValueError
            If a choice has no fingerprint. The message names the dimension.
        """
        if self.tree is not None:
            mapping = self.mapping or {}
            return described_space(list(mapping), list(mapping.values()), np.arange(len(mapping)))
        return described_space(self.names, self._distinct, self._which)

    @classmethod
    def restore(cls, described: dict[str, Any]) -> "Space":
        """Make a space from its description by `describe`.

        Raises
        ------
        ValueError
            If the space has choices of objects, or if the order of its dimensions was too irregular
            to be kept.
        """
        made = [restored(dimension) for dimension in described["dimensions"]]
        if "runs" not in described:
            raise ValueError("the order of its dimensions is too irregular to be kept in a file")
        codes = [code for code, n in described["runs"] for _ in range(n)]
        if described["names"] is not None:
            named = zip(described["names"], (made[code] for code in codes), strict=True)
            return cls(dict(named))
        return cls.of_distinct(made, np.array(codes, np.intp))

    @property
    def dimensions(self) -> list[Dimension]:
        return [self._distinct[i] for i in self._which.tolist()]

    def label_of_column(self, k: int) -> str:
        """Return the name of an encoded column's dimension, as used in messages."""
        return self._label(int(self._free[k]))

    def _label(self, i: int) -> str:
        return label_of(i, self.names) if self.tree is None else self.tree.label(i)

    def __len__(self) -> int:
        return len(self._which)

    @property
    def n_columns(self) -> int:
        return len(self._free)

    @property
    def is_finite(self) -> bool:
        return self.size < math.inf

    @property
    def is_binary(self) -> bool:
        """Whether every column has two values, so that points pack into bits."""
        whole_numbers = (self.kinds == ORDERED) | (self.kinds == UNORDERED)
        return bool((whole_numbers & (self.high - self.low == 1.0)).all())

    @property
    def is_of_subsets(self) -> bool:
        """Whether points are unnamed flags, so that a boolean mask describes them completely."""
        flags = all(
            [d.low, d.high] == [0, 1] if type(d) is Integer else self.is_boolean
            for d in self._distinct
        )
        return self._all_free and self.names is None and flags

    def pack(self, row: Row) -> Bits:
        """Return a row of a binary space as bits, read-only."""
        bits = np.packbits(row > self.low, bitorder="little")
        bits.flags.writeable = False
        return bits

    def mask(self, bits: Bits) -> Mask:
        """Return a mask of the columns that hold the second of their two values.

        For several points, return a matrix with one row per point.
        """
        return np.unpackbits(bits, -1, len(self._free), "little").view(np.bool_)

    def unpack(self, bits: Bits) -> Row:
        """Return the row of packed bits, read-only."""
        row: Row = self.low + self.mask(bits)
        row.flags.writeable = False
        return row

    def encode(self, point: Mapping[str, Any] | Iterable[Any]) -> Row:
        """Return the row of a point.

        Parameters
        ----------
        point : sequence, mapping of all names, or pandas Series
            A Series is read by its labels if the space has names.

        Returns
        -------
        float64 array, shape (n_columns,), read-only

        Raises
        ------
        ValueError, TypeError
            If the point has the wrong length or names, or a value outside its dimension. For a
            value, the message names the dimension.
        """
        if self.tree is not None:
            return self._encode_active(self.tree, point)
        values = values_of(point, self.names, len(self))
        row = np.empty(len(values), np.float64)
        for i, (dimension, value) in enumerate(zip(self.dimensions, values, strict=True)):
            try:
                row[i] = dimension.encode(value)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{self._label(i)}: {error}") from None
        encoded: Row = row[self._free]
        encoded.flags.writeable = False
        return encoded

    def _encode_active(self, tree: Tree, point: Any) -> Row:
        codes = tree.codes(named_values(point))
        row = self._least.copy()
        for k, i in enumerate(self._free.tolist()):
            if (code := codes[i]) is not None:
                row[k] = code
        row.flags.writeable = False
        return row

    def active(self, rows: npt.NDArray[np.float64]) -> Mask:
        """Return which columns are active in each of some rows.

        Parameters
        ----------
        rows : float64 array, shape (n, n_columns)

        Returns
        -------
        bool array, shape (n, n_columns)
        """
        active: Mask = np.ones(rows.shape, np.bool_)
        if self.conditions is not None:
            for k, (choice, branch) in enumerate(zip(*self.conditions, strict=True)):
                if choice >= 0:
                    active[:, k] = active[:, choice] & (rows[:, choice] == branch)
        return active

    def settle(self, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Give the columns that are not active their least value, in place; return the rows."""
        if self.conditions is not None:
            active = self.active(np.atleast_2d(rows)).reshape(rows.shape)
            np.copyto(rows, self._least, where=~active)
        return rows

    def decode(self, row: Row) -> Any:
        """Return the point of a row.

        Parameters
        ----------
        row : float64 array, shape (n_columns,)

        Returns
        -------
        list or dict
            A dictionary if the space has names. Its values are native Python objects.
        """
        values = self.decode_list(row)
        if self.names is None:
            return values
        if self.tree is not None:
            codes = np.zeros(len(self))  # a constant choice has the code 0
            codes[self._free] = row
            return self.tree.point(codes.tolist(), values)
        return dict(zip(self.names, values, strict=True))

    def decode_list(self, row: Row) -> list[Any]:
        """Return the values of all dimensions at a row, as a list of native values."""
        if self.is_integer:
            integers: list[Any] = row.astype(np.int64).tolist()
            return integers
        if self.is_boolean:
            flags: list[Any] = (row > 0.0).tolist()
            return flags
        values: list[Any] = self._grids.decode(row).tolist()
        if not self._all_free:
            codes, values = values, self._template.copy()
            for i, code in zip(self._columns, codes, strict=True):
                values[i] = code
        for i, decode in self._decoders:
            values[i] = decode(values[i])
        return values

    def decode_columns(self, columns: Sequence[int], codes: Sequence[float]) -> list[Any]:
        """Return the native values of the codes in some encoded columns."""
        if self.is_plain:
            return list(codes)
        if self.is_integer:
            return [int(code) for code in codes]
        if self.is_boolean:
            return [code > 0.0 for code in codes]
        which = [self._which.item(self._free.item(k)) for k in columns]
        return [self._distinct[i].decode(code) for i, code in zip(which, codes, strict=True)]

    def dimensions_of(self, columns: Sequence[int]) -> list[int]:
        """Return the positions of the dimensions of some columns; constants have no column."""
        return list(columns) if self._all_free else [self._free.item(k) for k in columns]

    def decode_at(self, i: int, row: Row) -> Any:
        """Return the native value of one dimension of a row."""
        k = i if self._all_free else int(np.searchsorted(self._free, i))
        if not self._all_free and (k == len(self._free) or self._free[k] != i):
            return self._template[i]
        return self.decode_columns([k], [row.item(k)])[0]

    def decode_array(self, row: Row) -> npt.NDArray[Any]:
        """Return the point of a row as an array of floats, integers, booleans or objects."""
        if self.is_plain:
            return row
        if self.is_integer:
            return row.astype(np.int64)
        if self.is_boolean:
            return row > 0.0
        if self._all_free and not self._decoders:
            return self._grids.decode(row)
        # Item by item: an assignment to the whole array would unpack lists and arrays.
        values = self.decode_list(row)
        return np.fromiter(values, self.dtype, len(values))

    def exact_values(self, row: Row) -> list[float]:
        """Return the values of logarithmic `Real` dimensions, for `remember`."""
        return [d.decode(row.item(k)) for k, d in self._logarithms()]

    def remember(self, row: Row, values: list[float]) -> None:
        """Make the logarithmic `Real` dimensions of a row decode to exactly these values."""
        for (k, d), value in zip(self._logarithms(), values, strict=True):
            d.remember(row.item(k), value)

    def _logarithms(self) -> Iterator[tuple[int, Real]]:
        logs = [d if type(d) is Real and d.has_log_code else None for d in self._distinct]
        if any(logs):
            for k, i in enumerate(self._which[self._free].tolist()):
                d = logs[i]
                if d is not None:
                    yield k, d

    def sample(self, rng: np.random.Generator) -> Any:
        """Draw a point uniformly, or uniformly in the logarithm for dimensions with ``log=True``.

        Parameters
        ----------
        rng : numpy.random.Generator

        Returns
        -------
        list or dict
        """
        u = rng.random(self.n_columns)
        width = self.high - self.low
        row = self.low + u * width
        whole = (self.kinds == ORDERED) | (self.kinds == UNORDERED)
        row[whole] = self.low[whole] + np.floor(u[whole] * (width[whole] + 1.0))
        huge = whole & (width >= N_DRAWS)
        if huge.any():
            row[huge] += rng.integers(0, 2, np.count_nonzero(huge))
        return self.decode(self.settle(np.minimum(row, self.high)))

    def contains(self, point: Any) -> bool:
        """Return whether a point can be encoded; a value off a grid counts as the nearest one."""
        try:
            self.encode(point)
        except (TypeError, ValueError):
            return False
        return True

    def __iter__(self) -> Iterator[Dimension]:
        return iter(self.dimensions)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Space)
            and self.names == other.names
            and self.dimensions == other.dimensions
            and self.mapping == other.mapping
        )

    def __hash__(self) -> int:
        return hash((tuple(self.names or ()), tuple(self.dimensions)))

    @property
    def mapping(self) -> dict[str, Dimension] | None:
        """The names and dimensions that are not in a branch; None without names."""
        if self.tree is not None:
            return {n.name: n.dimension for n in self.tree.nodes if n.choice < 0}
        return None if self.names is None else dict(zip(self.names, self.dimensions, strict=True))

    def __repr__(self) -> str:
        if self.tree is not None:
            entries = ", ".join(f"{name!r}: {d!r}" for name, d in (self.mapping or {}).items())
            return f"Space({{{entries}}})"
        shown = [self._distinct[i] for i in self._which[:MOST_SHOWN].tolist()]
        more = f" and {len(self) - MOST_SHOWN} more dimensions" if len(self) > MOST_SHOWN else ""
        if self.names is None:
            return f"Space({shown!r}{more})"
        return f"Space({dict(zip(self.names, shown, strict=False))!r}{more})"


def _product(sizes: Iterable[float]) -> float:
    product: float = 1
    for size in sizes:
        if size == math.inf:
            return math.inf
        product *= size
    return product
