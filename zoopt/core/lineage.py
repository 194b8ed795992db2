"""Records of points from which steps start.

A resumed run knows the values of its points but not their states. The record of such a point keeps
the way back to a record with a state, so that the state can be computed again, step by step.
"""

from typing import Any

from zoopt.core.space import Row

__all__ = ["Record"]


class Record:
    """The outcome of a point and, if its state is not known, the step that made it.

    Parameters
    ----------
    value : float
    extra : object
        The state that ``evaluate`` returned with the value; None if it is not known.

    Attributes
    ----------
    value : float
    extra : object
    before : Record or None
        The record of the parent, if a step made the point and its state is not known.
    columns : tuple of int
    old, new : tuple of float
        The changes of that step.
    """

    __slots__ = ("before", "columns", "extra", "new", "old", "value")

    def __init__(self, value: float, extra: Any) -> None:
        self.value = value
        self.extra = extra
        self.before: Record | None = None
        self.columns: tuple[int, ...] = ()
        self.old: tuple[float, ...] = ()
        self.new: tuple[float, ...] = ()

    def follow(
        self, before: "Record", row: Row, columns: tuple[int, ...], new: tuple[float, ...]
    ) -> None:
        """Keep the way back to the parent, with the row of the parent."""
        self.before = before
        self.columns, self.new = columns, new
        self.old = tuple(row.item(k) for k in columns)

    def settle(self, extra: Any) -> None:
        """Take the state, and drop the way back."""
        self.extra = extra
        self.before = None

    def __reduce__(self) -> Any:
        """Pickle the way back as a list, because pickles cannot nest that deep."""
        way, record = [], self
        while True:
            changed = record.columns, record.old, record.new
            way.append((record.value, record.extra, changed))
            if record.before is None:
                return _along, (way,)
            record = record.before


def _along(way: list[tuple[float, Any, Any]]) -> Record:
    record: Record | None = None
    for value, extra, changed in reversed(way):
        before, record = record, Record(value, extra)
        record.before = before
        record.columns, record.old, record.new = changed
    assert record is not None
    return record
