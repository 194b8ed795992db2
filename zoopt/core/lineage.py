"""Where steps start: what became of a point, and the way back to it.

Owns `Record`. One without its extra, as after a run was resumed from a file, keeps the way back to
one that has it, so that it can be made again as it was made before.
"""

from typing import Any

from zoopt.core.space import Row

__all__ = ["Record"]


class Record:
    """What became of a point, and how it was made as far as that may be needed.

    Attributes
    ----------
    value : float
    extra : object
        What the surface's ``evaluate`` handed back beside the value; None if that is not known.
    before : Record or None
        That of its parent, if it was made by a step and its extra is not known.
    columns : tuple of int
    old, new : tuple of float
        What the step changed, if there is a record before.
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
        """Keep the way back to a parent, of which the row is given."""
        self.before = before
        self.columns, self.new = columns, new
        self.old = tuple(row.item(k) for k in columns)

    def settle(self, extra: Any) -> None:
        """Take the extra, which makes the way back needless."""
        self.extra = extra
        self.before = None

    def __reduce__(self) -> Any:
        """Pickle the way back as a list: it may be longer than pickles may be deep."""
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
