"""Proposals of SRACOS near their parents: how near is learned from what succeeds."""

import numpy as np

from zoopt.solvers.racos.redraws import Redraws

__all__ = ["Near"]

Rank = tuple[float, float]


class Near:
    """The width in which coordinates are redrawn, by the one-fifth rule, and how many of them.

    Parameters
    ----------
    n_columns : int

    Attributes
    ----------
    width : float
        Part of the range of each coordinate, around the parent's value.
    """

    def __init__(self, n_columns: int) -> None:
        self.width = MOST_WIDTH
        self._redraws = Redraws(n_columns)
        self._parents: dict[int, Rank] = {}  # of those in flight, by id
        self._gain = FIRST_GAIN
        self._rests_until = 0  # id

    def is_worth(self, ident: int) -> bool:
        """Whether the candidate of that id may be near.

        Where noise hides the slope hardly one is better, however near it is. Then none is, until
        twice as many were asked.
        """
        return ident >= self._rests_until

    def draw(self, ident: int, rng: np.random.Generator) -> int:
        """Return how many coordinates the candidate of that id redraws."""
        return self._redraws.draw(ident, rng)

    def follow(self, ident: int, parent: Rank) -> None:
        """Note the rank of the parent of a candidate."""
        self._parents[ident] = parent

    def tell(self, ident: int, rank: Rank, is_success: bool) -> None:
        """Learn what became of a candidate; of others than those drawn here, nothing.

        One that is as good as its parent changed nothing that matters, which says nothing of the
        width.
        """
        self._redraws.tell(ident, is_success)
        parent = self._parents.pop(ident, None)
        if parent is None or rank == parent:
            return
        is_better = rank < parent
        self.width *= GROWTH if is_better else SHRINKAGE
        self.width = min(MOST_WIDTH, max(LEAST_WIDTH, self.width))
        self._gain += GAIN_RATE * (is_better - self._gain)
        if self._gain < LEAST_GAIN:
            self.width, self._gain, self._rests_until = MOST_WIDTH, FIRST_GAIN, 2 * ident

    def reject(self, ident: int) -> None:
        """Learn that a candidate was not evaluated, and draw the next one's number anew."""
        self._redraws.reject(ident)
        self._parents.pop(ident, None)


MOST_WIDTH, LEAST_WIDTH = 0.5, 1e-14
#: Of the width, by the one-fifth rule.
GROWTH = 2.0
SHRINKAGE = GROWTH**-0.25
#: How fast the share of those better than their parents is learned, and where they are given up.
GAIN_RATE, FIRST_GAIN, LEAST_GAIN = 0.02, 0.2, 0.05
