"""Parents of steps: what a proposal that changes a few columns has in common with others.

Owns `Parent` and `Record`. A record without its extra, as after a run was resumed from a file,
keeps the way back to one that has it, so that it can be made again as it was made before.
"""

from typing import Any

from zoopt.space import Row

__all__ = ["Parent", "Record"]


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

    def follow(self, parent: "Parent", columns: tuple[int, ...], new: tuple[float, ...]) -> None:
        """Keep the way back to a parent."""
        self.before = parent.record
        self.columns, self.new = columns, new
        self.old = tuple(parent.row.item(k) for k in columns)

    def settle(self, extra: Any) -> None:
        """Take the extra, which makes the way back needless."""
        self.extra = extra
        self.before = None


class Parent:
    """A point from which steps are proposed.

    Attributes
    ----------
    row : float64 array, shape (n_columns,), read-only
    record : Record
    """

    __slots__ = ("record", "row")

    def __init__(self, row: Row, record: Record) -> None:
        row.flags.writeable = False  # pickling forgets that
        self.row = row
        self.record = record

    def __reduce__(self) -> tuple[Any, ...]:
        return Parent, (self.row, self.record)
