"""How many coordinates a proposal of SRACOS redraws: learned from what succeeds."""

import numpy as np

__all__ = ["Redraws"]


class Redraws:
    """Chooses among powers of two by Thompson sampling; a success beats a positive point.

    Parameters
    ----------
    n_columns : int

    Attributes
    ----------
    most : int
        The largest choice: an eighth of the columns, `MOST` at most.
    """

    def __init__(self, n_columns: int) -> None:
        n = min(MOST, max(1, n_columns // 8)).bit_length()
        self.most = 1 << (n - 1)
        self._successes, self._failures = [SUCCESSES] * n, [FAILURES] * n
        self._choice = self._n_left = self._n_drawn = 0
        self._in_flight: dict[int, int] = {}

    def draw(self, ident: int, rng: np.random.Generator) -> int:
        """Return how many coordinates the candidate of that id redraws."""
        if self._n_left == 0:
            self._choice = int(rng.beta(self._successes, self._failures).argmax())
            self._n_left = min(MOST_IN_A_ROW, max(LEAST_IN_A_ROW, self._n_drawn // 16))
        self._n_left -= 1
        self._n_drawn += 1
        self._in_flight[ident] = self._choice
        return 1 << self._choice

    def tell(self, ident: int, is_success: bool) -> None:
        """Learn what became of a candidate; of others than those drawn here, nothing."""
        choice = self._in_flight.pop(ident, None)
        if choice is not None:
            counts = self._successes if is_success else self._failures
            counts[choice] += 1.0

    def reject(self, ident: int) -> None:
        """Learn that a candidate was not evaluated, and draw the next one's number anew."""
        self.tell(ident, False)
        self._n_left = 0


#: Most coordinates: with 100,000 variables so many cost about what all else does.
MOST = 1024
#: How many candidates in a row have the same choice, a sixteenth of those before: to draw one
#: takes longer than a proposal.
LEAST_IN_A_ROW, MOST_IN_A_ROW = 4, 64
#: Of the prior, Beta: what is unknown succeeds one time in five.
SUCCESSES, FAILURES = 0.5, 2.0
