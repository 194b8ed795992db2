"""NoisyRace: value suppression and an evolution strategy, of which the better goes on.

Owns the stages of the race, the calls that compare the two, and whose candidate is whose.
"""

import math
from collections.abc import Iterable
from typing import Any, cast

from zoopt.core.candidate import Candidate
from zoopt.core.errors import Exhausted, NothingFeasible
from zoopt.core.evaluation import Best, Evaluation
from zoopt.core.registry import register, solver_factory
from zoopt.core.repeats import RepeatedPoint
from zoopt.core.seeds import Seed, spawn_seed
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.wrappers.base import Wrapper, preferred

__all__ = ["NoisyRace"]


class NoisyRace(Wrapper):
    """The default for noisy objectives: `SSRacos` and `PCES` race, and the better one goes on.

    Both get a twentieth of the budget. Then the best point of the one and the mean of the other are
    evaluated several times. If the mean is better, PCES goes on to the end: there is one valley, as
    far as can be seen. If not, SSRacos goes on to somewhat more than half of the budget, and the
    rest is for another PCES, which begins at the point that it found, with small steps.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`. Without a budget the stages are as long as for 100 evaluations
        a dimension, 1,000 at least, and the last one goes on.

    Attributes
    ----------
    name : str
        "noisy", and after a colon which of the two is at work.

    Notes
    -----
    Candidates of both are asked in turn, so that many workers keep busy during the race; later a
    generation of PCES must be told before the next one is asked. In spaces that PCES does not take,
    unordered dimensions of more than 1,000 values, SSRacos is alone.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import NoisyRace
    >>> noise = np.random.default_rng(0)
    >>> solver = NoisyRace([(-1, 1)] * 5, budget=1000, seed=0)
    >>> for _ in range(1000):
    ...     candidate = solver.ask()
    ...     value = float(((candidate.u - 0.2) ** 2).sum()) + noise.normal(0.0, 0.1)
    ...     solver.tell(candidate, value)
    >>> bool(((solver.recommend().candidate.u - 0.2) ** 2).sum() < 0.02)
    True
    >>> solver.name
    'noisy: pces'
    """

    name = "noisy"
    repeats = True

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
    ) -> None:
        super().__init__(space, budget=budget, seed=seed)
        self.name = NoisyRace.name
        root = spawn_seed(seed, "inner")
        seeds = [spawn_seed(root, "solver", k) for k in range(3)]
        starts = list(x0)
        n = self.planned_budget or max(1000, 100 * self.space.n_columns)
        self._population: Solver | None = None
        self._polisher: dict[str, Any] = {"budget": self.planned_budget, "seed": seeds[2]}
        if cast("type[Solver]", solver_factory(POPULATION)).accepts(self.space):
            self._population = solver_factory(POPULATION)(
                self.space,
                budget=self.planned_budget,
                seed=seeds[1],
                mean=starts[0] if starts else None,
            )
        self._until = n if self._population is None else int(PART * n)
        self._suppression = solver_factory(SUPPRESSION)(
            self.space,
            budget=self.planned_budget if self._population is None else max(1, self._until),
            seed=seeds[0],
            x0=starts,
            train_size=max(1, min(TRAIN_SIZE, self._until)),
            positive_size=max(1, min(POSITIVE_SIZE, self._until // 10)),
            non_update_allowed=NON_UPDATE_ALLOWED,
            resample_times=RESAMPLE_TIMES,
        )
        for inner in (self._suppression, self._population):
            if inner is not None:
                self._adopt(inner)
        least = 2 * TRAIN_SIZE + 4 * int(math.log(max(1, self.space.n_columns)))
        self._n_race = max(1, min(max(int(RACE * n), least), int(MOST_RACE * n)))
        self._n_check = max(LEAST_CHECK, int(CHECK * n))
        self._n_starts = len(starts)
        self._n_of_suppression = self._n_of_population = 0  # asked in the race
        self._asked: dict[int, Solver | RepeatedPoint] = {}  # who is told, by the ids in flight
        self._checked: list[RepeatedPoint] = []
        self._stage = RACING
        if self._population is None:
            self._go_on_with(self._suppression)

    # ------------------------------------------------------------- asking

    def _next(self) -> Candidate | None:
        before = self._stage, self.name, self._population, self._checked, self._inners[:]
        candidate = None
        try:
            candidate = self._ask_by_stage()
            if candidate is None and not self._in_flight:
                candidate = self._ask_whom_it_may()
        finally:
            if candidate is None:
                self._stage, self.name, self._population, self._checked, self._inners[:] = before
        return candidate

    def _ask_by_stage(self) -> Candidate | None:
        if self._stage == RACING:
            if not self._is_over:
                candidate = self._ask_both()
                if candidate is not None or self._in_flight:
                    return candidate
            if not self._begin_checks():
                return None
        if self._stage == CHECKING:
            return self._ask_check()
        if self._stage == SUPPRESSION:
            candidate = None
            if self._population is None or self.n_asked < self._until:
                candidate = self._ask(self._suppression)
            if candidate is not None or self._population is None or self._suppression.in_flight:
                return candidate
            self._begin_to_polish()
        candidate = None if self._population is None else self._ask(self._population)
        if candidate is None and (self._population is None or self._population in self._stuck):
            candidate = self._ask(self._suppression)
        return candidate

    def _ask_whom_it_may(self) -> Candidate | None:
        """Ask all once more, also who was stuck, and suppression past its end."""
        self._stuck.clear()
        self._suppression.planned_budget = self.planned_budget
        for inner in self._inners:
            candidate = self._ask(inner)
            if candidate is not None:
                return candidate
        if self._stuck:
            raise NothingFeasible(f"{self.name}: the filter rejects all that is proposed")
        return None

    def _on_new_filter(self) -> None:
        self._stuck: list[Solver] = []  # those whose proposals the filter rejects

    def _ask(self, inner: Solver) -> Candidate | None:
        """Have a solver propose a candidate whose id is one of ours.

        Whose proposals the filter rejects is asked no more, unless nobody else is there.
        """
        if inner in self._stuck:
            return None
        candidate = None
        try:
            candidate = inner.ask(self.n_asked)
        except Exhausted:
            pass
        except NothingFeasible:
            self._stuck.append(inner)
        if candidate is not None:
            self._asked[candidate.id] = inner
        return candidate

    def _ask_both(self) -> Candidate | None:
        """Ask the one that was asked less, or the other if that one waits or has had its part."""
        n_here, n_there = self._n_of_suppression, self._n_of_population
        wants_population = n_here >= self._n_starts and n_there < self._n_race
        candidate = None
        if wants_population and n_there < n_here:
            candidate = self._ask_population()
        if candidate is None and n_here < max(2 * self._n_race, self._n_starts):
            candidate = self._ask_suppression()
        if candidate is None and wants_population:
            candidate = self._ask_population()
        return candidate

    def _ask_suppression(self) -> Candidate | None:
        candidate = self._ask(self._suppression)
        self._n_of_suppression += candidate is not None
        return candidate

    def _ask_population(self) -> Candidate | None:
        assert self._population is not None
        candidate = self._ask(self._population)
        self._n_of_population += candidate is not None
        return candidate

    @property
    def _is_over(self) -> bool:
        n_asked = min(self._n_of_suppression, self._n_of_population)
        return bool(self._stuck) or n_asked >= self._n_race

    def _begin_checks(self) -> bool:
        """Have what both recommend evaluated; go on at once where there is nothing to compare.

        Returns
        -------
        bool
            Whether that could be done; if not, tells must come first.
        """
        assert self._population is not None
        found = [self._found_by(inner) for inner in (self._population, self._suppression)]
        if None in found and self._in_flight:
            return False
        n = self._n_check
        if self.planned_budget is not None:
            n = min(n, (self.planned_budget - self.n_asked) // 2)
        if n < 2 or None in found or self._stuck:
            has_lost = self._population in self._stuck or (found[0] is None and found[1])
            self._go_on_with(self._suppression if has_lost else self._population)
        else:
            self._checked = [RepeatedPoint(best.candidate, n) for best in found if best is not None]
            self._stage = CHECKING
        return True

    def _ask_check(self) -> Candidate | None:
        for checked in self._checked:
            if checked.n_left:
                candidate = checked.repeat(self.n_asked)
                self._asked[candidate.id] = checked
                return candidate
        return None

    def _found_by(self, inner: Solver) -> Best | None:
        """Return what a solver recommends, unless others told that and the filter rejects it."""
        best = inner.recommend()
        if best is None or best.candidate.id >= 0 or self.filter is None:
            return best
        return best if self.filter(best.candidate) else None

    def _begin_to_polish(self) -> None:
        """Replace the population by one around what suppression found, unless that is nothing."""
        found = self._found_by(self._suppression)
        if found is None:
            return
        assert self._population is not None
        self._inners.remove(self._population)
        make = solver_factory(POPULATION)
        options = {"mean": found.candidate, "sigma": POLISHING_SIGMA, **self._polisher}
        self._population = make(self.space, **options)
        self._adopt(self._population)
        self._go_on_with(self._population)

    def _go_on_with(self, inner: Solver) -> None:
        self._stage = inner.name
        self.name = f"{NoisyRace.name}: {inner.name}"

    # ------------------------------------------------------------- telling

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        asked = self._asked.pop(candidate.id)
        if isinstance(asked, Solver):
            asked.tell(candidate, evaluation)
            return
        asked.add(evaluation)
        if all(checked.is_complete for checked in self._checked):
            of_population, of_suppression = self._checked
            assert self._population is not None
            is_better = of_population.key <= of_suppression.key
            self._go_on_with(self._population if is_better else self._suppression)

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        for inner in self._inners:
            inner.tell_point(candidate, evaluation)

    # ------------------------------------------------------------- what to use

    @property
    def proven(self) -> Best | None:
        """What is recommended, if it was evaluated several times; None before there is such."""
        return self._preferred(None if self._population is None else self._population.proven)

    def recommend(self) -> Best | None:
        """Return the mean of the population that goes on, unless what was there before is better.

        That is, by more than both standard errors. Before, the point that was found by means of
        several evaluations; if there is none, the best.
        """
        found = None if self._population is None else self._population.recommend()
        return self._preferred(found) or self.best

    def _preferred(self, found: Best | None) -> Best | None:
        if self._stage != POPULATION or found is None or found.n_calls < 2:
            found = None
        checked = (point.proven for point in self._checked if point.is_complete)
        earlier = [self._suppression.proven, *checked]
        known = [best for best in earlier if best is not None]
        return preferred(found, min(known, key=lambda best: best.value, default=None))


SUPPRESSION, POPULATION = "ssracos", "pces"
RACING, CHECKING = "race", "check"
#: Part of the budget that each of the two gets in the race, as a rule and at most.
RACE, MOST_RACE = 0.05, 0.15
#: Part of the budget that each of the two points gets that are compared.
CHECK, LEAST_CHECK = 0.005, 5
#: Part of the budget after which what suppression found is polished, and the first step for that.
PART, POLISHING_SIGMA = 0.55, 0.04
#: Sizes of suppression, those of the authors' benchmarks.
TRAIN_SIZE, POSITIVE_SIZE, NON_UPDATE_ALLOWED, RESAMPLE_TIMES = 25, 5, 100, 20

register(NoisyRace.name, NoisyRace)
