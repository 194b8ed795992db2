"""The RacosClassification class of ZOOpt 0.4.2: a learned region of the space."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoopt._native.reference import UNORDERED, Population
from zoopt.core.defaults import gl
from zoopt.dimension import Dimension, Dimension2
from zoopt.solution import Solution
from zoopt.utils.tool_function import ToolFunction

__all__ = ["RacosClassification"]


class RacosClassification:
    """Learn a region around one positive solution that contains no negative solution.

    Parameters
    ----------
    dim : Dimension or Dimension2
    positive, negative : list of Solution
    ub : int
        Largest number of coordinates that a sample redraws.

    Examples
    --------
    >>> dim = Dimension(1, [[0, 1]], [True])
    >>> classifier = RacosClassification(dim, [Solution([0.5])], [Solution([0.75])])
    >>> classifier.mixed_classification()
    >>> low, high = classifier.get_sample_region()[0]
    >>> low == 0.0 and 0.5 <= high < 0.75
    True
    """

    def __init__(
        self,
        dim: Dimension | Dimension2,
        positive: Sequence[Solution],
        negative: Sequence[Solution],
        ub: int = 1,
    ) -> None:
        self._dim = dim
        self._positive = positive
        self._negative = negative
        self._uncertain_bits = ub
        self._rng = np.random.default_rng(gl.next_seed())
        dimensions = list(dim.space)
        #: The coordinates with a column in the encoding: all except constant ones.
        self._free = [i for i, d in enumerate(dimensions) if d.column[0] < d.column[1]]
        self.reset_classifier()

    def reset_classifier(self) -> None:
        """Reset the region to the whole space."""
        self._x_positive: Solution | None = None
        self._label_index: list[int] = []
        space = self._dim.space
        self._low = dict(zip(self._free, space.low.tolist(), strict=True))
        self._high = dict(zip(self._free, space.high.tolist(), strict=True))

    def mixed_classification(self) -> None:
        """Learn the region and choose the coordinates that samples redraw.

        Raises
        ------
        ValueError
            If there is no positive solution.
        """
        if not self._positive:
            raise ValueError("positive must contain at least one solution")
        self.reset_classifier()
        population = self._population()
        positive, low, high, fixed = population._shrink()
        self._x_positive = self._positive[population.positives()[positive][0]]
        for changed, bounds in ((low, self._low), (high, self._high)):
            for column, bound in changed.items():
                bounds[self._free[column]] = bound
        if len(fixed) == len(self._free):
            fixed = fixed[:-1]  # at least one coordinate must remain free
        taken = {self._free[column] for column in fixed}
        self.set_uncertain_bit([i for i in self._free if i not in taken])

    def _population(self) -> Population:
        """Return the sets for the kernels; each member's index is its id and its value."""
        space = self._dim.space
        n_positive, n_negative = len(self._positive), len(self._negative)
        columns = space.kinds, space.low, space.high
        population = Population(
            *columns, n_positive, n_negative, 1, 0.0, "WR", self._rng, space.size
        )
        for i, solution in enumerate([*self._positive, *self._negative]):
            population.insert(space.encode(solution.get_x()), i, 0.0, float(i), stable=True)
        return population

    def set_uncertain_bit(self, index_set: Sequence[int]) -> None:
        """Choose at random which coordinates samples redraw.

        Parameters
        ----------
        index_set : sequence of int
            The coordinates to choose from.
        """
        n_labels = min(self._uncertain_bits, len(index_set))
        chosen = self._rng.choice(len(index_set), n_labels, replace=False) if n_labels else ()
        self._label_index = [index_set[i] for i in chosen]

    def rand_sample(self) -> list[Any]:
        """Draw a point: the positive solution with the chosen coordinates redrawn in the region.

        Returns
        -------
        list

        Raises
        ------
        ValueError
            If no region was learned.
        """
        if self._x_positive is None:
            raise ValueError("call mixed_classification first")
        x = list(self._x_positive.get_x())
        space = self._dim.space
        whole = space.kinds != 0
        for i in self._label_index:
            low, high = self._low[i], self._high[i]
            if whole[self._free.index(i)]:
                code = float(self._rng.integers(int(low), int(high), endpoint=True))
            else:
                code = float(self._rng.uniform(low, high))
            x[i] = space.dimensions[i].decode(code)
        return x

    def get_sample_region(self) -> list[list[Any]]:
        """Return the region.

        Returns
        -------
        list of list
            [low, high] for each coordinate; all values for a grid.
        """
        return [self._region(i) for i in range(self._dim.get_size())]

    def _region(self, i: int) -> list[Any]:
        space = self._dim.space
        if i not in self._low or space.kinds[self._free.index(i)] == UNORDERED:
            return self._dim.get_region(i)
        decode = space.dimensions[i].decode
        return [decode(self._low[i]), decode(self._high[i])]

    def get_sample_space(self) -> Dimension | Dimension2:
        """Return the region as a search space."""
        regions, types = self.get_sample_region(), self._dim.get_types()
        if isinstance(self._dim, Dimension):
            return Dimension(len(regions), regions, types, self._dim.get_order())
        options = self._dim.get_order_or_precision()
        return Dimension2(list(zip(types, regions, options, strict=True)))

    def get_positive_solution(self) -> Sequence[Solution]:
        """Return the positive solutions."""
        return self._positive

    def get_negative_solution(self) -> Sequence[Solution]:
        """Return the negative solutions."""
        return self._negative

    def get_x_positive(self) -> Solution | None:
        """Return the positive solution inside the region, if one was learned."""
        return self._x_positive

    def get_label_index(self) -> list[int]:
        """Return the coordinates that samples redraw."""
        return self._label_index

    def print_neg(self) -> None:
        """Print the negative solutions."""
        _print("neg", self._negative)

    def print_pos(self) -> None:
        """Print the positive solutions."""
        _print("pos", self._positive)

    def print_sample_region(self) -> None:
        """Print the region."""
        ToolFunction.log("------print sample region------")
        ToolFunction.log(self.get_sample_region())


def _print(name: str, solutions: Sequence[Solution]) -> None:
    ToolFunction.log(f"------print {name}------")
    for solution in solutions:
        solution.print_solution()
