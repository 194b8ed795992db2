"""Choices: dimensions of any Python objects, encoded as an index.

An object is found by identity first, then by value. Nothing here relies on ``==`` giving a truth
value (for arrays and tables it gives none), or on objects staying unchanged.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from zoopt._native import ORDERED, UNORDERED
from zoopt.core.fingerprints import fingerprint
from zoopt.core.texts import brief

__all__ = ["Choice", "is_flags"]

#: The `repr` of a choice with branches shows at most this many characters of values and branches.
MOST_SHOWN = 2000


class Choice:
    """A dimension of any Python objects.

    Parameters
    ----------
    values : sequence or mapping
        The objects, at least one, each once. Points hold these very objects. A single object makes
        a constant. The keys of a mapping are the objects, and each of its values is a branch: the
        parameters that exist only where that object is chosen, as a mapping of names to dimensions.
        None or an empty mapping means that there are none. A branch that is a single dimension
        takes the place of its key: the point then holds a value of that dimension instead of the
        key. No other key may be a possible value of that dimension, unless a dimension takes the
        place of that key too. Branches may be nested.
    ordered : bool
        Whether neighbors in the list have similar meanings.

    Attributes
    ----------
    values : list
    branches : list of dict
        For each object, the dimensions that depend on it, by name; a dimension that takes the
        object's place has the name None. The list is empty if there are no branches.
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
        If ``values`` is a string or a set, cannot be iterated, is empty, or contains an object
        twice; if a list contains dimensions, or a branch is not a space.

    Examples
    --------
    >>> Choice(["relu", "tanh", None]).size
    3
    >>> from zoopt import Integer, Real
    >>> model = Choice({"svc": {"C": Real(0.1, 10, log=True)}, "knn": {"k": Integer(1, 20)}})
    >>> model.values
    ['svc', 'knn']
    >>> features = Choice({"sqrt": None, "all": None, "share": Real(0.1, 0.9)})
    """

    def __init__(self, values: Iterable[Any], *, ordered: bool = False) -> None:
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise TypeError(f"values must be a list of objects, got {brief(values)}")
        if isinstance(values, (set, frozenset)):
            raise ValueError(
                "values must have a lasting order, and the order of a set changes from process to "
                f"process: pass a sorted list instead of {brief(values)}"
            )
        if not isinstance(values, Mapping):
            values = list(values)
        self.ordered = bool(ordered)
        self.branches: list[dict[str | None, Any]] = _read_branches(values)
        self.values: list[Any] = []
        self._start()
        for value in values:
            if self._index_of(value) is not None:
                raise ValueError(f"values must not repeat, got {brief(value)} twice")
            self._add(value)
        if not self.values:
            raise ValueError("values must not be empty")

    def _start(self) -> None:
        self._by_id: dict[int, int] = {}
        self._by_value: dict[Any, int] = {}
        self._without_hash: list[int] = []
        self._marks: list[str] | None = None

    def _add(self, value: Any) -> None:
        i = len(self.values)
        self.values.append(value)
        self._by_id.setdefault(id(value), i)
        try:
            self._by_value[_key(value)] = i
        except Exception:
            self._without_hash.append(i)

    def _index_of(self, value: Any) -> int | None:
        """Return the index of the same object, or of an equal one of the same type."""
        i = self._by_id.get(id(value))
        if i is not None and self.values[i] is value:
            return i
        try:
            return self._by_value.get(_key(value))
        except Exception:  # it has no hash, or == gives no truth value
            same = (j for j in self._without_hash if type(self.values[j]) is type(value))
            return next((j for j in same if _equal(self.values[j], value)), None)

    @property
    def kind(self) -> int:
        return ORDERED if self.ordered else UNORDERED

    @property
    def column(self) -> tuple[float, float]:
        return 0.0, float(len(self.values) - 1)

    @property
    def least(self) -> float:
        return 0.0

    @property
    def size(self) -> float:
        return len(self.values)

    @property
    def marks(self) -> list[str]:
        """A fingerprint of each value, computed on first access.

        Raises
        ------
        TypeError
            If the state of a value cannot be read, because it cannot be pickled.
        """
        if self._marks is None:
            self._marks = [fingerprint(value) for value in self.values]
        return self._marks

    def encode(self, value: Any) -> float:
        """Return the index of an object.

        Looks for the object itself, then for an equal object of the same type, then for an equal
        object of another type. If 1 and True are both choices, each is thus found as itself, and
        ``numpy.int64(1)`` finds 1. NaN equals NaN, and a copy of an array or a table equals the
        original.

        Raises
        ------
        ValueError
            If the object is none of the values.
        """
        for search in (self._index_of, self._alike, self._copied):
            index = search(value)
            if index is not None:
                return float(index)
        raise ValueError(f"{brief(value)} is none of {brief(self.values)}")

    def _alike(self, value: Any) -> int | None:
        """Return the index of an equal object of another type.

        A boolean is taken for a number, or a number for a boolean, only as the last resort.
        """
        native = value.item() if isinstance(value, np.generic) else value
        equal = [i for i, known in enumerate(self.values) if _equal(known, native)]
        return min(equal, key=lambda i: _unlikeness(self.values[i], native), default=None)

    def _copied(self, value: Any) -> int | None:
        """Return the index of an object of the same class and state if ``==`` gives no answer."""
        places = [i for i, known in enumerate(self.values) if type(known) is type(value)]
        if not any(_says_nothing(self.values[i], value) for i in places):
            return None
        try:
            mark = fingerprint(value)
            return next((i for i in places if self.marks[i] == mark), None)
        except TypeError:
            return None

    def decode(self, code: float) -> Any:
        """Return the very object at an index."""
        return self.values[int(code)]

    def __getstate__(self) -> tuple[Any, ...]:
        return self.values, self.ordered, self._marks, self.branches

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        values, self.ordered, marks, self.branches = state
        self.values = []
        self._start()
        for value in values:
            self._add(value)
        self._marks = marks

    def __repr__(self) -> str:
        shown = brief(self.values)
        if self.branches:
            pairs = zip(self.values, self.branches, strict=True)
            shown = ", ".join(f"{brief(value)}: {_shown(branch)}" for value, branch in pairs)
            shown = f"{{{shown:.{MOST_SHOWN}}}}"
        return f"Choice({shown}{', ordered=True' if self.ordered else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        if self.ordered != other.ordered or len(self.values) != len(other.values):
            return False
        if self.branches != other.branches:
            return False
        pairs = zip(self.values, other.values, strict=True)
        if all(a is b or (type(a) is type(b) and _equal(a, b)) for a, b in pairs):
            return True
        try:
            return self.marks == other.marks
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash((self.ordered, *(type(value) for value in self.values)))


def _read_branches(values: Iterable[Any]) -> list[dict[str | None, Any]]:
    from zoopt.core import entries  # imported here, because it imports this module

    if isinstance(values, Mapping):
        branches = [entries.read_branch(key, branch) for key, branch in values.items()]
        return branches if any(branches) else []
    if any(map(entries.has_dimension, values)):
        raise TypeError(
            "values of a list must be plain objects, without dimensions: pass a mapping, "
            "Choice({key: {name: dimension}}), for parameters that depend on the choice, got "
            f"{brief(values)}"
        )
    return []


def _shown(branch: dict[str | None, Any]) -> str:
    if None in branch:
        return repr(branch[None])
    inner = ", ".join(f"{name!r}: {dimension!r}" for name, dimension in branch.items())
    return f"{{{inner}}}" if branch else "None"


def is_flags(dimension: object) -> bool:
    """Return whether a dimension is ``Choice([False, True])``."""
    return (
        type(dimension) is Choice
        and len(dimension.values) == 2
        and dimension.values[0] is False
        and dimension.values[1] is True
    )


def _key(value: Any) -> Any:
    """Return a key that equal objects of equal types share; hashable if their parts are.

    Keys are computed when the choice is made. A list is found by its contents at that time, even if
    it changes later.
    """
    kind = type(value)
    if kind in (list, tuple):
        return kind, tuple(map(_key, value))
    if kind in (set, frozenset):
        return kind, frozenset(map(_key, value))
    if kind is dict:
        return kind, frozenset((_key(k), _key(v)) for k, v in value.items())
    return kind, "nan" if _is_nan(value) else value


def _equal(a: Any, b: Any) -> bool:
    try:
        answer = a == b
    except Exception:
        return False
    if isinstance(answer, (bool, np.bool_)):
        return bool(answer) or (_is_nan(a) and _is_nan(b))
    return False


def _says_nothing(a: Any, b: Any) -> bool:
    try:
        return not isinstance(a == b, (bool, np.bool_))
    except Exception:
        return True


def _is_nan(value: Any) -> bool:
    if not isinstance(value, (float, complex, Decimal, np.generic)):
        return False
    try:
        return bool(value != value)
    except Exception:  # a signaling NaN
        return True


def _unlikeness(a: Any, b: Any) -> int:
    """Return how different the types of two equal scalars are; NumPy's types count as Python's."""
    first, second = (type(v.item() if isinstance(v, np.generic) else v) for v in (a, b))
    return 0 if first is second else 2 if bool in (first, second) else 1
