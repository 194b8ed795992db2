"""Search spaces: the only file that knows user units.

Owns the dimensions a user names, and the encoding of points as rows of floats, one column for each
dimension that is not constant. Knows nothing of solvers, objectives or budgets.

Encoding: `Real` is itself; with ``log`` its logarithm; with ``step`` the index on its grid.
`Integer` is itself; with ``log`` the logarithm. `Choice` is an index. A constant has no column.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from zoopt._native import CONTINUOUS, LOG_INTEGER, ORDERED, UNORDERED
from zoopt.checks import number, whole

__all__ = ["Bits", "Choice", "Dimension", "Integer", "Mask", "Real", "Row", "Space"]

Row: TypeAlias = npt.NDArray[np.float64]
Bits: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: Whole numbers beyond this are not exact as floats.
MAX_EXACT = 2**53

#: Most runs of like dimensions that `Space.describe` lists.
MAX_RUNS = 10_000


def _bounds(low: Any, high: Any) -> tuple[float, float]:
    low, high = number(low, "low", finite=True), number(high, "high", finite=True)
    if low > high:
        raise ValueError(f"low must be at most high, got low={low!r}, high={high!r}")
    if not math.isfinite(high - low):
        raise ValueError(f"the range [{low!r}, {high!r}] is too wide for a float")
    return low, high


class Real:
    """A continuous dimension.

    Parameters
    ----------
    low, high : float
        Bounds, both included; equal bounds make a constant.
    log : bool
        Search in the logarithm; needs ``low > 0``.
    step : float, optional
        Only the grid ``low, low + step, ...`` up to high. A grid of more than 2^53 points is not
        distinguished from a continuum.
    origin : float, optional
        With ``step``: the grid is the multiples of step away from origin instead, rounded to
        nearest and clipped to the bounds.

    Raises
    ------
    TypeError, ValueError
        If a bound is no finite number, the bounds are reversed, or the options contradict.

    Examples
    --------
    >>> Real(1e-5, 1e-1, log=True)
    Real(1e-05, 0.1, log=True)
    """

    def __init__(
        self,
        low: float,
        high: float,
        *,
        log: bool = False,
        step: float | None = None,
        origin: float | None = None,
    ) -> None:
        self.low, self.high = _bounds(low, high)
        self.log = bool(log)
        self.step = None if step is None else number(step, "step", finite=True)
        self.origin = None if origin is None else number(origin, "origin", finite=True)
        if self.log and self.low <= 0:
            raise ValueError(f"log=True needs low > 0, got low={low!r}")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step must be > 0, got {step!r}")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other")
        if self.step is None and self.origin is not None:
            raise ValueError("origin has no meaning without step")
        self._first, self._last = self._grid()
        self._scale = self._decimal_scale()

    def _grid(self) -> tuple[float, float]:
        """Return the first and last grid index; (0, -1) without a grid."""
        if self.step is None:
            return 0.0, -1.0
        if self.origin is None:
            first = 0.0
            last = float(math.floor((self.high - self.low) / self.step * (1 + 1e-12)))
        else:
            first = float(round((self.low - self.origin) / self.step))
            last = float(round((self.high - self.origin) / self.step))
        if max(last - first, abs(first), abs(last)) > MAX_EXACT:
            return 0.0, -1.0
        return first, last

    def _decimal_scale(self) -> float:
        """Return the power of ten that makes all grid points whole, 0.0 if there is none."""
        if self.step is None:
            return 0.0
        origin = self.low if self.origin is None else self.origin
        exponents = [Decimal(repr(v)).as_tuple().exponent for v in (self._step, origin)]
        n_decimals = max(0, *(-e for e in exponents if isinstance(e, int)))
        if n_decimals > 15:
            return 0.0
        scale = 10.0**n_decimals
        exact = max(abs(self.low), abs(self.high), self._step) * scale < MAX_EXACT
        return scale if exact else 0.0

    @property
    def kind(self) -> int:
        return ORDERED if self._last >= self._first else CONTINUOUS

    @property
    def column(self) -> tuple[float, float]:
        """Bounds of the encoded column; equal for a constant."""
        if self._last >= self._first:
            return self._first, self._last
        return (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)

    @property
    def size(self) -> float:
        if self.low == self.high:
            return 1
        return int(self._last - self._first) + 1 if self._last >= self._first else math.inf

    def encode(self, value: Any) -> float:
        code = number(value, "value", finite=True)
        if not self.low <= code <= self.high:
            raise ValueError(f"{value!r} is outside [{self.low!r}, {self.high!r}]")
        if self._last >= self._first:
            origin = self.low if self.origin is None else self.origin
            index = float(round((code - origin) / self._step))
            return min(max(index, self._first), self._last)
        return math.log(code) if self.log else code

    def decode(self, code: float) -> float:
        if self._last >= self._first:
            return min(max(self._grid_value(code), self.low), self.high)
        if self.log:
            return min(max(math.exp(code), self.low), self.high)
        return float(code)

    def _grid_value(self, index: float) -> float:
        """Return a grid point as its decimal reads: 3 * 0.1 is 0.3, not 0.30000000000000004."""
        value = (self.low if self.origin is None else self.origin) + index * self._step
        return round(value * self._scale) / self._scale if self._scale else value

    @property
    def _step(self) -> float:
        return 1.0 if self.step is None else self.step

    def __repr__(self) -> str:
        options = "".join(
            f", {name}={value!r}"
            for name, value in (("log", self.log), ("step", self.step), ("origin", self.origin))
            if value not in (False, None)
        )
        return f"Real({self.low!r}, {self.high!r}{options})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Real) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class Integer:
    """A dimension of whole numbers.

    Parameters
    ----------
    low, high : int
        Bounds, both included, at most 2^53 in size; equal bounds make a constant.
    log : bool
        Search in the logarithm; needs ``low >= 1`` and ``ordered``.
    ordered : bool
        Whether near numbers mean like things. Labels that happen to be numbers are unordered.

    Examples
    --------
    >>> Integer(1, 1024, log=True).size
    1024
    """

    def __init__(self, low: int, high: int, *, log: bool = False, ordered: bool = True) -> None:
        left, right = _bounds(low, high)
        if left != math.floor(left) or right != math.floor(right):
            raise ValueError(f"bounds of an Integer must be whole, got low={low!r}, high={high!r}")
        if max(abs(left), abs(right)) > MAX_EXACT:
            raise ValueError(f"bounds of an Integer must be at most 2**53, got [{low!r}, {high!r}]")
        self.low, self.high = int(left), int(right)
        self.log = bool(log)
        self.ordered = bool(ordered)
        if self.log and self.low < 1:
            raise ValueError(f"log=True needs low >= 1, got low={low!r}")
        if self.log and not self.ordered:
            raise ValueError("log=True needs ordered=True")

    @property
    def kind(self) -> int:
        if self.log:
            return LOG_INTEGER
        return ORDERED if self.ordered else UNORDERED

    @property
    def column(self) -> tuple[float, float]:
        if self.log and self.low < self.high:
            return math.log(self.low - 0.5), math.log(self.high + 0.5)
        return float(self.low), float(self.high)

    @property
    def size(self) -> float:
        return self.high - self.low + 1

    def encode(self, value: Any) -> float:
        code = number(value, "value", finite=True)
        if code != math.floor(code):
            raise ValueError(f"{value!r} is not a whole number")
        if not self.low <= code <= self.high:
            raise ValueError(f"{value!r} is outside [{self.low!r}, {self.high!r}]")
        return math.log(code) if self.log else code

    def decode(self, code: float) -> int:
        value = round(math.exp(code)) if self.log else int(code)
        return min(max(value, self.low), self.high)

    def __repr__(self) -> str:
        options = ", log=True" if self.log else "" if self.ordered else ", ordered=False"
        return f"Integer({self.low!r}, {self.high!r}{options})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Integer) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class Choice:
    """A dimension of any Python objects.

    Parameters
    ----------
    values : sequence
        At least one object, none twice; points hold these very objects. One makes a constant.
    ordered : bool
        Whether neighbors in the list mean like things.

    Examples
    --------
    >>> Choice(["relu", "tanh", None]).size
    3
    """

    def __init__(self, values: Iterable[Any], *, ordered: bool = False) -> None:
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise TypeError(f"values must be a list of objects, got {values!r}")
        self.values: list[Any] = list(values)
        self.ordered = bool(ordered)
        if not self.values:
            raise ValueError("values must not be empty")
        for i, value in enumerate(self.values):
            if self._find(value, i) is not None:
                raise ValueError(f"values must not repeat, got {value!r} twice")

    def _find(self, value: Any, end: int | None = None) -> int | None:
        """Return the index of an object: the same object, or an equal one of the same type."""
        for i, known in enumerate(self.values[:end]):
            if known is value or (type(known) is type(value) and _equal(known, value)):
                return i
        return None

    @property
    def kind(self) -> int:
        return ORDERED if self.ordered else UNORDERED

    @property
    def column(self) -> tuple[float, float]:
        return 0.0, float(len(self.values) - 1)

    @property
    def size(self) -> float:
        return len(self.values)

    def encode(self, value: Any) -> float:
        index = self._find(value)
        if index is None:  # 1 and np.int64(1), or 1 and 1.0, mean the same choice
            index = next((i for i, known in enumerate(self.values) if _equal(known, value)), None)
        if index is None:
            raise ValueError(f"{value!r} is none of {self.values!r}")
        return float(index)

    def decode(self, code: float) -> Any:
        return self.values[int(code)]

    def __repr__(self) -> str:
        return f"Choice({self.values!r}{', ordered=True' if self.ordered else ''})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except Exception:  # arrays and the like have no single truth value: only identity counts
        return False


Dimension: TypeAlias = Real | Integer | Choice


class Space:
    """A product of dimensions, and the encoding of its points.

    Parameters
    ----------
    dimensions : sequence or mapping
        `Real`, `Integer`, `Choice` or ``(low, high)`` pairs of numbers, which mean `Real`. With a
        mapping of names, points are dictionaries; otherwise lists.

    Attributes
    ----------
    dimensions : list
        One entry a dimension.
    names : list of str or None
    kinds, low, high : arrays, shape (n_columns,)
        The encoded columns, for the kernels.
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

    def __init__(self, dimensions: Mapping[str, Any] | Sequence[Any] | npt.NDArray[Any]) -> None:
        self.names: list[str] | None = None
        if isinstance(dimensions, Mapping):
            self.names = list(dimensions)
            for name in self.names:
                if not isinstance(name, str):
                    raise TypeError(f"names of dimensions must be strings, got {name!r}")
            dimensions = list(dimensions.values())
        if isinstance(dimensions, (str, bytes)) or not isinstance(dimensions, Iterable):
            raise TypeError(f"a space must be a sequence or a mapping, got {dimensions!r}")
        entries = [_as_dimension(entry, self._label(i)) for i, entry in enumerate(dimensions)]
        if not entries:
            raise ValueError("a space needs at least one dimension")
        distinct = list({id(entry): entry for entry in entries}.values())
        index = {id(entry): i for i, entry in enumerate(distinct)}
        which = np.fromiter((index[id(entry)] for entry in entries), np.intp, len(entries))
        self._set_up(distinct, which)

    @classmethod
    def of_distinct(cls, distinct: list[Dimension], which: npt.NDArray[np.intp]) -> "Space":
        """Make a large space of few distinct dimensions: dimension i is ``distinct[which[i]]``."""
        self = cls.__new__(cls)
        self.names = None
        self._set_up(distinct, which)
        return self

    @classmethod
    def subsets(cls, n: int) -> "Space":
        """Make the space of the subsets of n items: points are lists of flags, or boolean masks.

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
        """Work out everything else; each distinct dimension is asked for its facts once."""
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
        #: Number of `Real` dimensions that are not constant, with or without a step.
        self.n_continuous: int = sum(
            n for d, n in zip(distinct, counts, strict=True) if type(d) is Real and d.low < d.high
        )
        decoders = [_decoder(d) for d in distinct]
        self._all_free = len(self._free) == len(which)
        #: Points are float arrays equal to their rows.
        self.is_plain = self._all_free and all(decode is None for decode in decoders)
        self._grids = _Grids(distinct, which[self._free])
        #: Points are arrays of whole numbers equal to their rows.
        self.is_integer = self._all_free and all(decode is int for decode in decoders)
        #: Points are boolean arrays.
        self.is_boolean = self._all_free and all(
            type(d) is Choice and d.values == [False, True] and type(d.values[0]) is bool
            for d in distinct
        )
        #: Of the arrays that points are.
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
        """Return the space in terms of JSON, for `restore`.

        Choices of objects that JSON does not hold stand as a fingerprint of their texts.
        """
        codes: dict[str, int] = {}
        kinds = [codes.setdefault(repr(d), len(codes)) for d in self._distinct]
        which = np.array(kinds, np.intp)[self._which]
        starts = np.flatnonzero(np.diff(which, prepend=-1))
        runs = np.column_stack([which[starts], np.diff(starts, append=len(which))])
        first = {code: self._distinct[kinds.index(code)] for code in codes.values()}
        described: dict[str, Any] = {
            "names": self.names,
            "dimensions": [_described(dimension) for dimension in first.values()],
        }
        if len(runs) <= MAX_RUNS:
            described["runs"] = runs.tolist()
        else:
            described["order"] = hashlib.sha256(which.astype("<i8").tobytes()).hexdigest()
        return described

    @classmethod
    def restore(cls, described: dict[str, Any]) -> "Space":
        """Make the space that `describe` described.

        Raises
        ------
        ValueError
            If it holds what JSON does not; names it.
        """
        made = [_restored(dimension) for dimension in described["dimensions"]]
        if "runs" not in described:
            raise ValueError("the order of its dimensions is too irregular to be kept in a file")
        codes = [code for code, n in described["runs"] for _ in range(n)]
        self = cls.of_distinct(made, np.array(codes, np.intp))
        self.names = described["names"]
        return self

    @property
    def dimensions(self) -> list[Dimension]:
        return [self._distinct[i] for i in self._which.tolist()]

    def label_of_column(self, k: int) -> str:
        """Return what messages call the dimension of an encoded column."""
        return self._label(int(self._free[k]))

    def _label(self, i: int) -> str:
        return f"dimension {i}" if self.names is None else f"dimension {self.names[i]!r}"

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
        """Whether points are flags without names, so that a mask says all."""
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
        """Return which columns hold the second of their two values; of many points, a matrix."""
        return np.unpackbits(bits, -1, len(self._free), "little").view(np.bool_)

    def unpack(self, bits: Bits) -> Row:
        """Return the row of packed bits, read-only."""
        row: Row = self.low + self.mask(bits)
        row.flags.writeable = False
        return row

    def encode(self, point: Mapping[str, Any] | Iterable[Any]) -> Row:
        """Return the row of a point.

        Raises
        ------
        ValueError, TypeError
            If the point has another length or a value outside its dimension; names it.
        """
        values = self._values(point)
        row = np.empty(len(values), np.float64)
        for i, (dimension, value) in enumerate(zip(self.dimensions, values, strict=True)):
            try:
                row[i] = dimension.encode(value)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{self._label(i)}: {error}") from None
        encoded: Row = row[self._free]
        encoded.flags.writeable = False
        return encoded

    def _values(self, point: Mapping[str, Any] | Iterable[Any]) -> list[Any]:
        if isinstance(point, Mapping):
            if self.names is None:
                raise TypeError("this space has no names: a point must be a sequence")
            if set(point) != set(self.names):
                raise ValueError(f"a point must name {self.names}, got {list(point)}")
            return [point[name] for name in self.names]
        if isinstance(point, (str, bytes)) or not isinstance(point, Iterable):
            raise TypeError(f"a point must be a sequence of {len(self)} values, got {point!r}")
        values = list(point)
        if len(values) != len(self):
            raise ValueError(f"a point must have {len(self)} values, got {len(values)}")
        return values

    def decode(self, row: Row) -> Any:
        """Return the point of a row: a dictionary if the space has names, otherwise a list."""
        values = self.decode_list(row)
        return values if self.names is None else dict(zip(self.names, values, strict=True))

    def decode_list(self, row: Row) -> list[Any]:
        """Return the point of a row as a list of native values."""
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
        """Return the native values of some encoded columns."""
        if self.is_plain:
            return list(codes)
        if self.is_integer:
            return [int(code) for code in codes]
        if self.is_boolean:
            return [code > 0.0 for code in codes]
        which = [self._which.item(self._free.item(k)) for k in columns]
        return [self._distinct[i].decode(code) for i, code in zip(which, codes, strict=True)]

    def dimensions_of(self, columns: Sequence[int]) -> list[int]:
        """Return which dimensions some encoded columns are; a constant one is none of them."""
        return list(columns) if self._all_free else [self._free.item(k) for k in columns]

    def decode_at(self, i: int, row: Row) -> Any:
        """Return the native value of one dimension of a row."""
        k = i if self._all_free else int(np.searchsorted(self._free, i))
        if not self._all_free and (k == len(self._free) or self._free[k] != i):
            return self._template[i]
        return self.decode_columns([k], [row.item(k)])[0]

    def decode_array(self, row: Row) -> npt.NDArray[Any]:
        """Return the point of a row as an array: float, integer, or object if it is mixed."""
        if self.is_plain:
            return row
        if self.is_integer:
            return row.astype(np.int64)
        if self.is_boolean:
            return row > 0.0
        if self._all_free and not self._decoders:
            return self._grids.decode(row)
        values = self.decode_list(row)
        array: npt.NDArray[Any] = np.empty(len(values), self.dtype)
        array[:] = values
        return array

    def sample(self, rng: np.random.Generator) -> Any:
        """Draw a point uniformly (in the logarithm where a dimension asks for that)."""
        u = rng.random(self.n_columns)
        width = self.high - self.low
        row = self.low + u * width
        whole = (self.kinds == ORDERED) | (self.kinds == UNORDERED)
        row[whole] = self.low[whole] + np.floor(u[whole] * (width[whole] + 1.0))
        return self.decode(np.minimum(row, self.high))

    def contains(self, point: Any) -> bool:
        """Tell whether a point can be encoded; a value off a grid counts as its neighbor."""
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
        )

    def __hash__(self) -> int:
        return hash((tuple(self.names or ()), tuple(self.dimensions)))

    def __repr__(self) -> str:
        if self.names is None:
            return f"Space({self.dimensions!r})"
        return f"Space({dict(zip(self.names, self.dimensions, strict=True))!r})"


class _Grids:
    """Decodes all columns of decimal grids at once, bit for bit as `Real.decode` does."""

    def __init__(self, distinct: list[Dimension], which: npt.NDArray[np.intp]) -> None:
        grids = [type(d) is Real and d.kind == ORDERED and d._scale > 0 for d in distinct]
        self.columns = np.flatnonzero(np.array(grids, bool)[which]) if any(grids) else which[:0]
        if not any(grids):
            return
        facts = np.array(
            [
                (d.low if d.origin is None else d.origin, d._step, d._scale, d.low, d.high)
                if type(d) is Real
                else (0.0,) * 5
                for d in distinct
            ],
            np.float64,
        )[which[self.columns]]
        self._origin, self._step, self._scale, self._low, self._high = facts.T

    def decode(self, row: Row) -> Row:
        if not len(self.columns):
            return row
        values = row.copy()
        exact = self._origin + row[self.columns] * self._step
        rounded = np.rint(exact * self._scale) / self._scale
        values[self.columns] = np.minimum(np.maximum(rounded, self._low), self._high)
        return values


def _decoder(dimension: Dimension) -> Callable[[float], Any] | None:
    """Return what turns a code into a value; None if the code is the value."""
    if type(dimension) is Real and not dimension.log and dimension.kind == CONTINUOUS:
        return None
    if type(dimension) is Integer and not dimension.log:
        return int
    return dimension.decode


def _described(dimension: Dimension) -> dict[str, Any]:
    names = ("low", "high", "log", "step", "origin", "ordered")
    facts = {name: getattr(dimension, name) for name in names if hasattr(dimension, name)}
    if isinstance(dimension, Choice):
        if all(v is None or type(v) in (str, int, float, bool) for v in dimension.values):
            facts["values"] = dimension.values
        else:
            texts = re.sub(" at 0x[0-9a-f]+", "", repr(dimension.values))
            facts["fingerprint"] = hashlib.sha256(texts.encode()).hexdigest()
    return {"type": type(dimension).__name__, **facts}


def _restored(described: dict[str, Any]) -> Dimension:
    facts = dict(described)
    kind = facts.pop("type")
    if "fingerprint" in facts:
        raise ValueError("it has choices of objects")
    if kind == "Choice":
        return Choice(**facts)
    return Real(**facts) if kind == "Real" else Integer(**facts)


def _product(sizes: Iterable[float]) -> float:
    product: float = 1
    for size in sizes:
        if size == math.inf:
            return math.inf
        product *= size
    return product


def _as_dimension(entry: Any, label: str) -> Dimension:
    if isinstance(entry, (Real, Integer, Choice)):
        return entry
    if isinstance(entry, (tuple, list, np.ndarray)) and len(entry) == 2:
        try:
            return Real(entry[0], entry[1])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{label}: {error}") from None
    raise TypeError(f"{label} must be Real, Integer, Choice or a (low, high) pair, got {entry!r}")
