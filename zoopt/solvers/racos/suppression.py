"""Value suppression: SRACOS that has its best points evaluated again when it stands still.

Owns the stagnation count, the re-evaluations under way, and what they say of which point.
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
from zoopt.solvers.racos.racos import SRacos

__all__ = ["SSRacos"]


class SSRacos(SRacos):
    """Sequential classification-based optimization with value suppression, for noisy objectives.

    When so many evaluations have not beaten the worst positive, the positives are evaluated again,
    which takes the luck out of their values. The last part of the planned budget evaluates those
    positives again that never were, and `recommend` is the point of least mean of re-evaluations.

    Parameters
    ----------
    space, budget, seed, x0, train_size, positive_size, uncertain_bits, exploration_rate
        See `SRacos`; so are replacement and recombination_rate.
    non_update_allowed : int
        Evaluations in a row that may fail to beat the worst positive.
    resample_times : int
        Re-evaluations a positive, once in its life; fewer where the budget is small.
    balance_rate : float in [0, 1]
        Weight of the mean of the re-evaluations in the positive's new value.

    Notes
    -----
    Source: Wang, Qian, Yu, "Noisy derivative-free optimization with value suppression", AAAI 2018.
    Here a value becomes ``(1 - balance_rate) * value + balance_rate * mean``. What is told while
    positives are evaluated again waits, in order, until all of that was told.

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
        self._again: dict[int, RepeatedPoint] = {}  # those in flight, by id
        self._round: list[RepeatedPoint] = []  # points that are evaluated again now
        self._held: deque[tuple[Candidate, Evaluation]] = deque()
        self._resampled: dict[int, RepeatedPoint] = {}  # by the id of the positive
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
        """Have positives evaluated again that never were, and otherwise the best that were."""
        if not self._is_final:
            self._is_final = self._population.worst_positive() is not None
            self._resample_new()
        if not self._due:
            ranked = sorted(self._resampled.values(), key=lambda p: (p.mean, p.candidate.id))
            self._due.extend(ranked[: self.positive_size])

    def _resample_new(self) -> None:
        new = [member for member in self.positives if member[0] not in self._resampled]
        for ident, row, violation, _ in new:
            row.flags.writeable = False
            candidate = Candidate(ident, row, self.space)
            if violation < math.inf and self._may_be_asked(candidate):
                again = RepeatedPoint(candidate, self.resample_times, violation)
                self._resampled[ident] = again
                self._round.append(again)
                self._due.extend([again] * self.resample_times)

    def _may_be_asked(self, candidate: Candidate) -> bool:
        """Return whether the filter accepts a positive that was evaluated elsewhere."""
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
        """Insert a point, after a round of re-evaluations if too many did not improve."""
        worst = self._population.worst_positive()
        is_design = self._filling or bool(self._initial)
        if worst is not None and not is_design and evaluation.status == OK:
            idle = rank(evaluation, self.n_told) >= worst
            self._n_idle = self._n_idle + 1 if idle else 0
            if self._n_idle >= self.non_update_allowed:
                self._n_idle = 0
                self._resample_new()
                if self._round:
                    self._held.appendleft((candidate, evaluation))
                    return
        super()._observe(candidate, evaluation)

    def _suppress(self) -> None:
        """Move the values of what was evaluated again towards the means."""
        values = {member[0]: member[3] for member in self.positives}
        for again in self._round:
            ident, mean = again.candidate.id, again.mean
            if again.values and ident in values:
                b = self.balance_rate
                mixed = (1.0 - b) * values[ident] + b * mean
                self._population.revalue(ident, mean if mixed != mixed else mixed)
        self._round = []

    # ------------------------------------------------------------- what to use

    @property
    def proven(self) -> Best | None:
        """The feasible point of least mean of all its re-evaluations; None before there is one."""
        least = min(2, self.resample_times)
        known = [p for p in self._resampled.values() if len(p.values) >= least and p.is_complete]
        feasible = [point for point in known if point.violation <= 0.0]
        return min(feasible, key=lambda point: point.mean).best if feasible else None

    def recommend(self) -> Best | None:
        """Return the proven point; before there is one, or after the planned end, the best."""
        if self.planned_budget is not None and self.n_asked > self.planned_budget:
            return self.best
        return self.proven or self.best


register(SSRacos.name, SSRacos)
