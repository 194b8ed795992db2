"""Local proposals of SRACOS, which stay close to their parents. Their width is learned."""

import numpy as np

from zoopt.solvers.racos.mutation_counts import MutationCounts

__all__ = ["LocalProposals"]

LARGEST_WIDTH, LEAST_WIDTH = 0.5, 1e-14
#: The width is multiplied by `GROWTH` after an improvement and by `SHRINKAGE` after any other
#: outcome. On average it stays the same if one candidate in five improves on its parent.
GROWTH = 2.0
SHRINKAGE = GROWTH**-0.25
#: The estimated share of improvements begins at `FIRST_SHARE`, and each outcome enters it with the
#: weight `SHARE_RATE`. Local proposals pause when it falls below `LEAST_SHARE`.
FIRST_SHARE, SHARE_RATE, LEAST_SHARE = 0.2, 0.02, 0.05

Rank = tuple[float, float]


class LocalProposals:
    """Learns within which width local proposals redraw coordinates, and how many they redraw.

    The width follows the one-fifth success rule: it grows after a candidate that improves on its
    parent, and shrinks after any other. Under noise that hides the slope, hardly any candidate
    improves, however close it is. Local proposals then pause until twice as many candidates have
    been asked, and start again with the largest width.

    Parameters
    ----------
    n_columns : int

    Attributes
    ----------
    width : float
        Fraction of the range of each coordinate, centered at the parent's value.

    References
    ----------
    I. Rechenberg, "Evolutionsstrategie", 1973 (the one-fifth rule); S. Kern et al., "Learning
    probability distributions in continuous evolutionary algorithms", Natural Computing 2004 (with
    a shrinkage that is a power of the growth).
    """

    def __init__(self, n_columns: int) -> None:
        self.width = LARGEST_WIDTH
        self._counts = MutationCounts(n_columns)
        self._parents: dict[int, Rank] = {}  # ranks of the parents of candidates in flight, by id
        self._share = FIRST_SHARE
        self._pauses_until = 0  # the id from which local proposals are made again

    def is_active(self, ident: int) -> bool:
        """Return whether the candidate of that id may be a local proposal."""
        return ident >= self._pauses_until

    def draw(self, ident: int, rng: np.random.Generator) -> int:
        """Return the number of coordinates that the candidate of that id redraws."""
        return self._counts.draw(ident, rng)

    def follow(self, ident: int, parent: Rank) -> None:
        """Note the rank of the parent of a candidate."""
        self._parents[ident] = parent

    def tell(self, ident: int, rank: Rank, is_success: bool) -> None:
        """Learn from the outcome of a candidate; a candidate that was not drawn here is ignored.

        A candidate that ranks exactly like its parent leaves the width unchanged, because its
        changes had no effect.
        """
        self._counts.tell(ident, is_success)
        parent = self._parents.pop(ident, None)
        if parent is None or rank == parent:
            return
        improves = rank < parent
        self.width *= GROWTH if improves else SHRINKAGE
        self.width = min(LARGEST_WIDTH, max(LEAST_WIDTH, self.width))
        self._share += SHARE_RATE * (improves - self._share)
        if self._share < LEAST_SHARE:
            self.width, self._share = LARGEST_WIDTH, FIRST_SHARE
            self._pauses_until = 2 * ident

    def reject(self, ident: int) -> None:
        """Count a failure for a candidate that was not evaluated, and draw the next count anew."""
        self._counts.reject(ident)
        self._parents.pop(ident, None)
