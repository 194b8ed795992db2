"""Dimensions of numbers, `Real` and `Integer`, and the encoding of their values.

A value of a `Real` is encoded as itself; with ``log``, as its logarithm, unless the range is very
narrow; with ``step``, as its index on the grid. A value of an `Integer` is encoded as itself or,
with ``log``, as its logarithm.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

from zoopt._native import CONTINUOUS, HUGE_LOG_INTEGER, LOG_INTEGER, ORDERED, UNORDERED
from zoopt._native.reference import code_of, number_at
from zoopt.core.checks import exact, number
from zoopt.core.choices import Choice

__all__ = ["Choice", "Dimension", "Integer", "Real", "decoder"]

#: Whole numbers beyond this are not exact as floats.
MAX_EXACT = 2**53
#: Up to this number, the logarithms of neighboring whole numbers differ as floats.
MAX_LOG = 2**46
#: If a range is narrower than this fraction of its lower bound, the logarithm is linear to four
#: digits. Such values are encoded as themselves, because different values would have equal
#: logarithms.
STRAIGHT = 1e-3
#: Largest number of user values that a logarithmic dimension remembers.
MOST_GIVEN = 2**20


def _bounds(low: Any, high: Any) -> tuple[float, float]:
    low, high = number(low, "low", finite=True), number(high, "high", finite=True)
    _check_order(low, high)
    if not math.isfinite(high - low):
        raise ValueError(f"the range [{low!r}, {high!r}] is too wide for a float")
    return low, high


def _check_exact(bound: Any, name: str) -> None:
    given = exact(bound, name)
    if isinstance(given, int) and float(given) != given:
        raise ValueError(
            f"{name} must be a number that floats hold exactly, such as whole numbers up to 2**53, "
            f"got {bound!r}"
        )


def _check_order(low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"low must be at most high, got low={low!r}, high={high!r}")


class Real:
    """A continuous dimension.

    Parameters
    ----------
    low, high : float
        Bounds, both included; equal bounds make a constant.
    log : bool
        Search in the logarithm; needs ``low > 0``.
    step : float, optional
        Allow only the grid ``low, low + step, ...`` up to high, of at most 2^53 points.
    origin : float, optional
        With ``step``: the grid points are ``origin + k * step`` for whole k instead; the first and
        the last one are clipped to the bounds.

    Attributes
    ----------
    kind : int
        Kind of the encoded column.
    column : (float, float)
        Bounds of the encoded column; equal for a constant.
    least : float
        The smallest code of any value.
    size : int or float
        Number of values, ``inf`` without a step.

    Raises
    ------
    TypeError, ValueError
        If a bound is not a finite number, the bounds are reversed, the options contradict each
        other, or the grid has more than 2^53 points.

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
        if self.step is not None:
            _check_exact(low, "low")
            _check_exact(high, "high")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step must be > 0, got {step!r}")
        if self.log and self.step is not None:
            raise ValueError("log and step cannot be combined")
        if self.step is None and self.origin is not None:
            raise ValueError("origin has no meaning without step")
        #: Whether the code is the logarithm.
        self.has_log_code = self.log and self.high - self.low > STRAIGHT * self.low
        #: Exact values given by users, keyed by code, if decoding the code alone would round them.
        self._given: dict[float, float] = {}
        self._first, self._last = self._grid()
        self._scale = self._decimal_scale()

    def _grid(self) -> tuple[float, float]:
        """Return the first and last grid index; (0, -1) without a grid."""
        if self.step is None:
            return 0.0, -1.0
        if self.origin is None:
            first, last = 0.0, _n_steps(self.low, self.high, self.step)
        else:
            first = float(round((self.low - self.origin) / self.step))
            last = float(round((self.high - self.origin) / self.step))
        finest = math.ulp(max(abs(self.low), abs(self.high)))
        if max(last - first, abs(first), abs(last)) >= MAX_EXACT or (
            last > first and self.step < finest
        ):
            raise ValueError(
                f"step must divide the range into at most 2**53 points that differ as floats, got "
                f"step={self.step!r} for [{self.low!r}, {self.high!r}]"
            )
        return first, last

    def _decimal_scale(self) -> float:
        """Return the power of ten that makes all grid points whole; 0.0 if there is none."""
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
        if self._last >= self._first:
            return self._first, self._last
        if self.has_log_code:
            return math.log(self.low), math.log(self.high)
        return self.low, self.high

    @property
    def least(self) -> float:
        return self.column[0]

    @property
    def size(self) -> float:
        if self.low == self.high:
            return 1
        return int(self._last - self._first) + 1 if self._last >= self._first else math.inf

    def encode(self, value: Any) -> float:
        """Return the code of a value; a value between grid points has the code of the nearest one.

        With ``log``, `decode` returns the value exactly. Several floats may share a code; if
        neither the logarithm nor a neighboring float decodes to the value, the value is remembered.

        Raises
        ------
        TypeError, ValueError
            If the value is not a number, or is out of bounds.
        """
        code = float(value) if isinstance(value, float) else number(value, "value", finite=True)
        if not self.low <= code <= self.high:
            number(value, "value", finite=True)
            raise ValueError(f"{value!r} is outside [{self.low!r}, {self.high!r}]")
        if self._last >= self._first:
            origin = self.low if self.origin is None else self.origin
            index = float(round((code - origin) / self._step))
            return min(max(index, self._first), self._last)
        return self._logarithm(code) if self.has_log_code else code

    def _logarithm(self, value: float) -> float:
        code = math.log(value)
        if self.decode(code) == value:
            return code
        low, high = self.column
        for neighbor in (math.nextafter(code, low), math.nextafter(code, high)):
            if self.decode(neighbor) == value:
                return neighbor
        self.remember(code, value)
        return code

    def remember(self, code: float, value: float) -> None:
        """Make a code of a logarithmic dimension decode to exactly this value."""
        if self.decode(code) != value:
            if len(self._given) >= MOST_GIVEN:
                del self._given[next(iter(self._given))]
            self._given[code] = value

    def decode(self, code: float) -> float:
        """Return the value of a code."""
        if self._last >= self._first:
            return min(max(self._grid_value(code), self.low), self.high)
        if self.has_log_code:
            if self._given and code in self._given:
                return self._given[code]
            return min(max(math.exp(code), self.low), self.high)
        return float(code)

    def _grid_value(self, index: float) -> float:
        """Return a grid point, rounded in decimal: 3 * 0.1 is 0.3, not 0.30000000000000004."""
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


def _n_steps(low: float, high: float, step: float) -> float:
    """Return how many steps fit between two bounds, computed with the decimals that users write."""
    exact_ratio = (_decimal(high) - _decimal(low)) / _decimal(step)
    n = math.floor(exact_ratio)
    # In binary, a step such as 1/11 does not divide 1 exactly, although users mean that it does.
    slack = min(1e-12 * (n + 1), 1e-3)
    return float(n + 1 if n + 1 - exact_ratio <= slack else n)


def _decimal(value: float) -> Fraction:
    return Fraction(repr(value))


class Integer:
    """A dimension of whole numbers.

    Parameters
    ----------
    low, high : int
        Bounds, both included, from -2^53 to 2^53; equal bounds make a constant.
    log : bool
        Search in the logarithm; needs ``low >= 1`` and ``ordered=True``.
    ordered : bool
        Whether neighboring numbers have similar meanings. Pass False if the numbers are only
        labels.

    Attributes
    ----------
    kind : int
        Kind of the encoded column.
    column : (float, float)
        Bounds of the encoded column; equal for a constant.
    least : float
        The smallest code of any value.
    size : int
        Number of values.

    Raises
    ------
    TypeError, ValueError
        If a bound is not a whole number or lies outside -2^53 to 2^53, the bounds are reversed, or
        the options contradict each other.

    Examples
    --------
    >>> Integer(1, 1024, log=True).size
    1024
    """

    def __init__(self, low: int, high: int, *, log: bool = False, ordered: bool = True) -> None:
        left: Any = exact(low, "low")
        right: Any = exact(high, "high")
        if left != math.floor(left) or right != math.floor(right):
            raise ValueError(f"bounds of an Integer must be whole, got low={low!r}, high={high!r}")
        if max(abs(left), abs(right)) > MAX_EXACT:
            raise ValueError(
                "bounds of an Integer must lie from -2**53 to 2**53, because floats skip "
                f"larger whole numbers, got low={low!r}, high={high!r}"
            )
        self.low, self.high = int(left), int(right)
        _check_order(self.low, self.high)
        self.log = bool(log)
        self.ordered = bool(ordered)
        if self.log and self.low < 1:
            raise ValueError(f"log=True needs low >= 1, got low={low!r}")
        if self.log and not self.ordered:
            raise ValueError("log=True needs ordered=True")
        self.kind: int = ORDERED if self.ordered else UNORDERED
        if self.log:
            self.kind = LOG_INTEGER if self.high <= MAX_LOG else HUGE_LOG_INTEGER

    @property
    def column(self) -> tuple[float, float]:
        if self.kind == LOG_INTEGER and self.low < self.high:
            return math.log(self.low - 0.5), math.log(self.high + 0.5)
        return self._code(self.low), self._code(self.high)

    @property
    def least(self) -> float:
        return self._code(self.low)

    @property
    def size(self) -> float:
        return self.high - self.low + 1

    def encode(self, value: Any) -> float:
        """Return the code of a value.

        Raises
        ------
        TypeError, ValueError
            If the value is not a whole number, or is out of bounds.
        """
        given = value if type(value) is int else exact(value, "value")
        if given != math.floor(given):
            raise ValueError(f"{value!r} is not a whole number")
        if not self.low <= given <= self.high:
            raise ValueError(f"{value!r} is outside [{self.low!r}, {self.high!r}]")
        return self._code(int(given))

    def _code(self, value: int) -> float:
        if not self.log:
            return float(value)
        return code_of(self.kind, value)

    def decode(self, code: float) -> int:
        """Return the value of a code."""
        if self.kind == LOG_INTEGER:
            value = round(math.exp(code))
        else:
            value = int(number_at(self.kind, code) if self.log else code)
        return min(max(value, self.low), self.high)

    def __repr__(self) -> str:
        options = ", log=True" if self.log else "" if self.ordered else ", ordered=False"
        return f"Integer({self.low!r}, {self.high!r}{options})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Integer) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


Dimension: TypeAlias = Real | Integer | Choice


def decoder(dimension: Dimension) -> Callable[[float], Any] | None:
    """Return the function that turns a code into a value; None if the code is the value."""
    if type(dimension) is Real and not dimension.has_log_code and dimension.kind == CONTINUOUS:
        return None
    if type(dimension) is Integer and not dimension.log:
        return int
    return dimension.decode
