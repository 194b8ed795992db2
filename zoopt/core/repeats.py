"""A point that is evaluated several times, and the mean of its values.

This module does not depend on how or why the point is evaluated.
"""

import math

from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.evaluation import LOST, OK, Best, Evaluation, rank
from zoopt.core.means import mean, standard_error

__all__ = ["RepeatedPoint"]


class RepeatedPoint:
    """A point that is evaluated several times.

    Failed evaluations are left out of the mean. If all of them fail, the outcome is the first one
    that was not lost, or else the first.

    Parameters
    ----------
    candidate : Candidate
        The point. With a negative id it has not been asked yet, and `repeat` makes its first
        candidate.
    n_planned : int
        Number of planned evaluations; 0 if it is open.
    violation : float, optional
        Violation of the constraints, where it is known; by default the mean of those reported.

    Attributes
    ----------
    candidate : Candidate
        The candidate that was asked first, or the point as given.
    n_asked, n_told, n_lost : int
        Number of evaluations that were asked, reported, and reported as lost.
    values : list of float
        Values of the successful evaluations, in the order they were reported.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> point = RepeatedPoint(RandomSearch([(0, 1)], seed=0).ask(), 3)
    >>> for value in (1.0, math.nan, 3.0):
    ...     point.add(Evaluation.of(value))
    >>> point.is_complete, point.best.value, point.best.standard_error, point.best.n_calls
    (True, 2.0, 1.0, 2)
    """

    __slots__ = (
        "_failure",
        "_violation",
        "_violations",
        "candidate",
        "n_asked",
        "n_lost",
        "n_planned",
        "n_told",
        "values",
    )

    def __init__(
        self, candidate: Candidate, n_planned: int = 0, violation: float | None = None
    ) -> None:
        self.candidate = candidate
        self.n_planned = n_planned
        self.n_asked = self.n_told = self.n_lost = 0
        self.values: list[float] = []
        self._violation = violation
        self._violations: list[float] = []
        self._failure: Evaluation | None = None

    def repeat(self, ident: int) -> Candidate:
        """Return the candidate of the next evaluation, and count it as asked.

        Parameters
        ----------
        ident : int
            Id of that candidate.

        Returns
        -------
        Candidate
            The point itself if it has this id; otherwise a candidate with a move that names the
            first candidate of the point.
        """
        first = self.candidate
        self.n_asked += 1
        if first.id == ident:
            return first
        move = (first.id,) if first.id >= 0 else None
        if first.bits is None:
            candidate = Candidate(ident, first.u, first.space, move, first.origin)
        else:
            candidate = PackedCandidate(ident, first.bits, first.space, move, first.origin)
        if move is None:
            self.candidate = candidate
        return candidate

    def add(self, evaluation: Evaluation) -> None:
        """Take in the outcome of one evaluation.

        Parameters
        ----------
        evaluation : Evaluation
        """
        self.n_told += 1
        self.n_lost += evaluation.status == LOST
        if evaluation.status == OK:
            self.values.append(evaluation.value)
            self._violations.append(evaluation.violation)
        elif self._failure is None or self._failure.status == LOST != evaluation.status:
            self._failure = evaluation

    @property
    def n_left(self) -> int:
        """Number of planned evaluations that have not been asked."""
        return max(0, self.n_planned - self.n_asked)

    @property
    def is_complete(self) -> bool:
        """Whether all planned evaluations were reported."""
        return self.n_told >= self.n_planned

    @property
    def mean(self) -> float:
        """Mean of the values; infinite if there are none."""
        return mean(self.values) if self.values else math.inf

    @property
    def violation(self) -> float:
        """Violation as given, or else the mean of those reported; 0 if there are none."""
        if self._violation is not None:
            return self._violation
        return mean(self._violations) if self._violations else 0.0

    @property
    def outcome(self) -> Evaluation:
        """The means as one evaluation; a failed one if no evaluation succeeded."""
        if self.values:
            return Evaluation(self.mean, violation=self.violation)
        return self._failure or Evaluation(math.nan, LOST, error="it was not evaluated")

    @property
    def key(self) -> tuple[float, float]:
        """Key by which points are ranked: violation, then value; failed ones come last."""
        return rank(self.outcome, 0)

    @property
    def best(self) -> Best | None:
        """The point with mean, standard error and number of values; None if there are none."""
        if not self.values:
            return None
        error = standard_error(self.values)
        return Best(self.candidate, self.outcome, error, len(self.values))

    @property
    def proven(self) -> Best | None:
        """`best`, if it is feasible and the mean of at least two values; otherwise None."""
        best = self.best
        is_proven = best is not None and best.n_calls > 1 and best.evaluation.violation <= 0.0
        return best if is_proven else None
