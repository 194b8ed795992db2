"""Grids of `Real` dimensions with a step, decoded for whole rows."""

import numpy as np
import numpy.typing as npt

from zoopt._native import ORDERED
from zoopt.core.dimensions import Dimension, Real

__all__ = ["Grids"]

Row = npt.NDArray[np.float64]


class Grids:
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
