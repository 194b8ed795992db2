"""Value suppression: SRACOS that evaluates its best points again when it stagnates.

Owns the count of evaluations without improvement, and the points that are evaluated again.
"""

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

from zoopt.core.candidate import Candidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import OK, Best, Evaluation, rank
from zoopt.core.registry import register
from zoopt.core.repeats import RepeatedPoint
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposal, Solver
from zoopt.core.space import Space
from zoopt.solvers.racos.sracos import SRacos

__all__ = ["SSRacos"]


class SSRacos(SRacos):
    """Sequential classification-based optimization with value suppression, for noisy objectives.

    If many evaluations in a row do not beat the worst positive point, each positive point that has
    not been re-evaluated yet is evaluated several more times. Its value moves toward the mean of
    these evaluations, which removes lucky values. The last part of the planned budget re-evaluates
    the remaining positive points. The point with the least mean is recommended.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`.
    train_size, positive_size, uncertain_bits, exploration_rate, replacement, recombination_rate
        See `SRacos`.
    non_update_allowed : int, default 500
        Number of evaluations in a row, none of which beats the worst positive point, after which
        positive points are re-evaluated.
    resample_times : int, default 100
        Number of re-evaluations of a positive point, which all belong to one round; fewer if the
        budget is small.
    balance_rate : float in [0, 1], default 0.5
        Weight of the mean in the new value of a positive point.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    After each evaluation of a point x:

    1. Increase the count if x does not beat the worst positive point; otherwise reset it to 0.
    2. If the count reaches non_update_allowed, reset it. For each positive point z that has not
       been re-evaluated yet, make resample_times evaluations with the mean m, and set
       ``value(z) = (1 - balance_rate) * value(z) + balance_rate * m``.
    3. Update the sets with x, as `SRacos` does.

    Outcomes reported during step 2 wait, in order, until its evaluations are complete. The authors'
    code puts the last of the new values in place of ``value(z)`` on the right-hand side.

    References
    ----------
    H. Wang, H. Qian, Y. Yu, "Noisy derivative-free optimization with value suppression", AAAI 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import SSRacos
    >>> noise = np.random.default_rng(0)
    >>> solver = SSRacos([(-1, 1)], budget=300, seed=0, non_update_allowed=20, resample_times=10)
    >>> for _ in range(300):
    ...     candidate = solver.ask()
    ...     solver.tell(candidate, (candidate.x[0] - 0.2) ** 2 + noise.normal(0.0, 0.01))
    >>> solver.recommend().n_calls >= 10
    True
    """

    name = "ssracos"
    repeats = True

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        non_update_allowed: int = 500,
        resample_times: int = 100,
        balance_rate: float = 0.5,
        **options: Any,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0, **options)
        self.non_update_allowed = whole(non_update_allowed, "non_update_allowed", least=1)
        self.resample_times = whole(resample_times, "resample_times", least=1)
        self.balance_rate = number(balance_rate, "balance_rate", least=0.0)
        if self.balance_rate > 1.0:
            raise ValueError(f"balance_rate must be in [0, 1], got {balance_rate!r}")
        if self.planned_budget is not None:
            most = max(1, self.planned_budget // (5 * self.positive_size))
            self.resample_times = min(self.resample_times, most)
        self._n_idle = 0
        self._due: deque[RepeatedPoint] = deque()  # re-evaluations to ask
        self._again: dict[int, RepeatedPoint] = {}  # re-evaluations in flight, by id
        self._round: list[RepeatedPoint] = []  # points of the current step 2
        self._held: deque[tuple[Candidate, Evaluation]] = deque()
        self._resampled: dict[int, RepeatedPoint] = {}  # all of them, by id
        self._is_final = False

    def take_steps(self) -> None:
        Solver.take_steps(self)

    # ------------------------------------------------------------- proposals

    def _propose(self) -> Proposal | None:
        before = self._is_final
        if not self._due and not self._queue and self._at_the_end():
            self._finish()
        if not self._due:
            proposal = super()._propose()
            if proposal is not None:
                return proposal
            if not self._in_flight and self._goes_on():
                self._finish()  # every point was asked: the rest of the budget is for the best
            if not self._due:
                self._is_final = before
                return None
        again = self._due.popleft()
        self._again[self.n_asked] = again
        return again.candidate.u, (again.candidate.id,)

    def _goes_on(self) -> bool:
        return self.planned_budget is not None and self.n_asked < self.planned_budget

    def _at_the_end(self) -> bool:
        planned = self.planned_budget
        reserve = self.positive_size * self.resample_times
        return planned is not None and planned - reserve <= self.n_asked < planned

    def _finish(self) -> None:
        """Schedule the positive points not re-evaluated so far, or else the best of the others."""
        if not self._is_final:
            self._is_final = self._population.worst_positive() is not None
            self._resample_new()
        if not self._due:
            ranked = sorted(self._resampled.values(), key=lambda p: (p.mean, p.candidate.id))
            self._due.extend(ranked[: self.positive_size])

    def _resample_new(self) -> None:
        """Schedule the positive points that have not been re-evaluated."""
        for ident, row, violation, _ in self.positives:
            if ident in self._resampled:
                continue
            row.flags.writeable = False
            candidate = Candidate(ident, row, self.space)
            if violation < math.inf and self._may_be_asked(candidate):
                again = RepeatedPoint(candidate, self.resample_times, violation)
                self._resampled[ident] = again
                self._round.append(again)
                self._due.extend([again] * self.resample_times)

    def _may_be_asked(self, candidate: Candidate) -> bool:
        """Return whether the filter accepts a positive point; it accepted those that were asked."""
        return candidate.id >= 0 or self.filter is None or bool(self.filter(candidate))

    # ------------------------------------------------------------- outcomes

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        again = self._again.pop(candidate.id, None)
        if again is None:
            if self._round:
                self._held.append((candidate, evaluation))
            else:
                self._take_or_resample(candidate, evaluation)
            return
        again.add(evaluation)
        if self._round and all(each.is_complete for each in self._round):
            self._suppress()
            while self._held and not self._round:
                self._take_or_resample(*self._held.popleft())

    def _take_or_resample(self, candidate: Candidate, evaluation: Evaluation) -> None:
        """Take in a point, after a round of re-evaluations if the solver stagnates."""
        worst = self._population.worst_positive()
        is_design = self._filling or bool(self._initial)
        if worst is not None and not is_design and evaluation.status == OK:
            idle = rank(evaluation, self.n_told) >= worst
            self._n_idle = self._n_idle + 1 if idle else 0  # step 1
            if self._n_idle >= self.non_update_allowed:  # step 2
                self._n_idle = 0
                self._resample_new()
                if self._round:
                    self._held.appendleft((candidate, evaluation))
                    return
        super()._observe(candidate, evaluation)  # step 3

    def _suppress(self) -> None:
        """Move the values of the re-evaluated points toward their means: step 2."""
        values = {ident: value for ident, _, _, value in self.positives}
        for again in self._round:
            ident, mean = again.candidate.id, again.mean
            if again.values and ident in values:
                b = self.balance_rate
                mixed = (1.0 - b) * values[ident] + b * mean
                self._population.revalue(ident, mean if mixed != mixed else mixed)
        self._round = []

    # ------------------------------------------------------------- results

    @property
    def proven(self) -> Best | None:
        """The feasible point with the least mean, among those with complete re-evaluations."""
        least = min(2, self.resample_times)
        known = [p for p in self._resampled.values() if len(p.values) >= least and p.is_complete]
        feasible = [point for point in known if point.violation <= 0.0]
        return min(feasible, key=lambda point: point.mean).best if feasible else None

    def recommend(self) -> Best | None:
        """Return the proven point if there is one, or else the best.

        Returns
        -------
        Best or None
            After the planned end, always the best.
        """
        if self.planned_budget is not None and self.n_asked > self.planned_budget:
            return self.best
        return self.proven or self.best


register(SSRacos.name, SSRacos)
