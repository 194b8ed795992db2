"""Dimensions of a search space: `Real`, `Integer` and `Choice`, and the encoding of their values.

`Real` is encoded as itself, with ``log`` as its logarithm, with ``step`` as the index on its grid.
`Integer` is encoded as itself, with ``log`` as its logarithm. `Choice` is encoded as an index.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np

from zoopt._native import CONTINUOUS, LOG_INTEGER, ORDERED, UNORDERED
from zoopt.core.checks import number

__all__ = ["Choice", "Dimension", "Integer", "Real"]

#: Whole numbers beyond this are not exact as floats.
MAX_EXACT = 2**53


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


def decoder(dimension: Dimension) -> Callable[[float], Any] | None:
    """Return what turns a code into a value; None if the code is the value."""
    if type(dimension) is Real and not dimension.log and dimension.kind == CONTINUOUS:
        return None
    if type(dimension) is Integer and not dimension.log:
        return int
    return dimension.decode


def described(dimension: Dimension) -> dict[str, Any]:
    names = ("low", "high", "log", "step", "origin", "ordered")
    facts = {name: getattr(dimension, name) for name in names if hasattr(dimension, name)}
    if isinstance(dimension, Choice):
        if all(v is None or type(v) in (str, int, float, bool) for v in dimension.values):
            facts["values"] = dimension.values
        else:
            texts = re.sub(" at 0x[0-9a-f]+", "", repr(dimension.values))
            facts["fingerprint"] = hashlib.sha256(texts.encode()).hexdigest()
    return {"type": type(dimension).__name__, **facts}


def restored(described: dict[str, Any]) -> Dimension:
    facts = dict(described)
    kind = facts.pop("type")
    if "fingerprint" in facts:
        raise ValueError("it has choices of objects")
    if kind == "Choice":
        return Choice(**facts)
    return Real(**facts) if kind == "Real" else Integer(**facts)


def as_dimension(entry: Any, label: str) -> Dimension:
    if isinstance(entry, (Real, Integer, Choice)):
        return entry
    if isinstance(entry, (tuple, list, np.ndarray)) and len(entry) == 2:
        try:
            return Real(entry[0], entry[1])
        except (TypeError, ValueError) as error:
            raise type(error)(f"{label}: {error}") from None
    raise TypeError(f"{label} must be Real, Integer, Choice or a (low, high) pair, got {entry!r}")
