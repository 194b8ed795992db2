"""The number of coordinates that a proposal of SRACOS redraws, learned from their success."""

import numpy as np

__all__ = ["MutationCounts"]

#: Largest count. With 100,000 variables, drawing this many coordinates costs about as much as the
#: rest of a proposal.
LARGEST = 1024
#: A count is used for a sixteenth as many candidates as were drawn before, within these limits,
#: because drawing a count takes longer than a proposal.
LEAST_IN_A_ROW, MOST_IN_A_ROW = 4, 64
#: Beta prior of the success rate of each count, with mean one fifth.
PRIOR_SUCCESSES, PRIOR_FAILURES = 0.5, 2.0


class MutationCounts:
    """Chooses the number of coordinates to redraw, a power of two, by Thompson sampling.

    A proposal succeeds if it beats a positive point. The success rate of each count has a Beta
    posterior. A rate is drawn from each of them, and the count with the largest rate is used.

    Parameters
    ----------
    n_columns : int

    Attributes
    ----------
    most : int
        The largest count: at most an eighth of the columns, and at most `LARGEST`.

    References
    ----------
    W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view of the
    evidence of two samples", Biometrika 1933.
    """

    def __init__(self, n_columns: int) -> None:
        n = min(LARGEST, max(1, n_columns // 8)).bit_length()
        self.most = 1 << (n - 1)
        self._successes, self._failures = [PRIOR_SUCCESSES] * n, [PRIOR_FAILURES] * n
        self._choice = self._n_left = self._n_drawn = 0
        self._in_flight: dict[int, int] = {}

    def draw(self, ident: int, rng: np.random.Generator) -> int:
        """Return the number of coordinates that the candidate of that id redraws."""
        if self._n_left == 0:
            self._choice = int(rng.beta(self._successes, self._failures).argmax())
            self._n_left = min(MOST_IN_A_ROW, max(LEAST_IN_A_ROW, self._n_drawn // 16))
        self._n_left -= 1
        self._n_drawn += 1
        self._in_flight[ident] = self._choice
        return 1 << self._choice

    def tell(self, ident: int, is_success: bool) -> None:
        """Learn from the outcome of a candidate; a candidate that was not drawn here is ignored."""
        choice = self._in_flight.pop(ident, None)
        if choice is not None:
            counts = self._successes if is_success else self._failures
            counts[choice] += 1.0

    def reject(self, ident: int) -> None:
        """Count a failure for a candidate that was not evaluated, and draw the next count anew."""
        self.tell(ident, False)
        self._n_left = 0
