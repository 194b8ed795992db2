"""NoisyRace: races value suppression against an evolution strategy; the winner continues.

Owns the stages of the race, the evaluations that decide it, and the table from candidates to the
solvers that proposed them.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
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

SUPPRESSION, POPULATION = "ssracos", "pces"
#: Share of the budget that each solver gets in the race, and the largest share, which small budgets
#: may need.
RACE, MAX_RACE = 0.05, 0.15
#: The evaluations of each checked point take this share of the budget, but at least `MIN_CHECK` are
#: planned.
CHECK, MIN_CHECK = 0.005, 5
#: Share of the budget after which the point found by suppression is polished.
POLISHING_FROM = 0.55
#: First step size of the polishing.
POLISHING_SIGMA = 0.04
#: Without a budget, the stages are planned for this many evaluations per column, and for at least
#: this many in total.
UNPLANNED_PER_DIMENSION, MIN_UNPLANNED = 100, 1000
#: Options of suppression, as in the benchmarks of its authors.
TRAIN_SIZE, POSITIVE_SIZE, NON_UPDATE_ALLOWED, RESAMPLE_TIMES = 25, 5, 100, 20


class NoisyRace(Wrapper):
    """Race `SSRacos` against `PCES` and continue with the winner; the default for noisy objectives.

    In the race, each solver gets a twentieth of the budget, or up to 15 % of a small budget. With
    several candidates in flight, `SSRacos` may get up to twice this share. Then the best point of
    `SSRacos` and the mean of `PCES` are evaluated several times each. If the mean is better, the
    objective appears to have a single valley, and `PCES` continues to the end. Otherwise `SSRacos`
    continues until 55 % of the budget is used. Then a new `PCES` starts at the point that `SSRacos`
    recommends, with small steps; this is called polishing.

    Parameters
    ----------
    space, budget, seed, x0
        See `zoopt.Solver`. Without a budget, the stages are planned for 100 evaluations per
        non-constant dimension, but at least 1,000, and the last stage has no end.

    Attributes
    ----------
    title : str
        "noisy", followed by the active solver once the race is decided.

    Notes
    -----
    In the race, both solvers are asked in turn, and `SSRacos` is also asked while `PCES` waits for
    outcomes, which keeps many workers busy. Later, a generation of `PCES` must be complete before
    the next one is proposed. `PCES` does not accept spaces with unordered dimensions of more than
    1,000 values; `SSRacos` works alone there.

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
    >>> solver.title
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
        root = spawn_seed(seed, "inner")
        seeds = [spawn_seed(root, "solver", k) for k in range(3)]
        starts = list(x0)
        n_columns, planned = self.space.n_columns, self.planned_budget
        n = planned or max(MIN_UNPLANNED, UNPLANNED_PER_DIMENSION * n_columns)
        population: Solver | None = None
        if cast("type[Solver]", solver_factory(POPULATION)).accepts(self.space):
            mean = starts[0] if starts else None
            population = self._make_population(seeds[1], mean=mean)
        self._polishing_seed = seeds[2]
        self._polishing_from = n if population is None else int(POLISHING_FROM * n)
        self._suppression = solver_factory(SUPPRESSION)(
            self.space,
            budget=planned if population is None else max(1, self._polishing_from),
            seed=seeds[0],
            x0=starts,
            train_size=max(1, min(TRAIN_SIZE, self._polishing_from)),
            positive_size=max(1, min(POSITIVE_SIZE, self._polishing_from // 10)),
            non_update_allowed=NON_UPDATE_ALLOWED,
            resample_times=RESAMPLE_TIMES,
        )
        least = 2 * TRAIN_SIZE + 4 * int(math.log(max(1, n_columns)))
        self._n_race = max(1, min(max(int(RACE * n), least), int(MAX_RACE * n)))
        self._n_check = max(MIN_CHECK, int(CHECK * n))
        self._n_starts = len(starts)
        self._asked: dict[int, Solver | RepeatedPoint] = {}  # by the id of a candidate in flight
        if population is None:
            self._enter(_Suppress(self, None))
        else:
            self._enter(_Race(self, population))

    def _make_population(self, seed: Any, **options: Any) -> Solver:
        make = solver_factory(POPULATION)
        return make(self.space, budget=self.planned_budget, seed=seed, **options)

    def _enter(self, stage: "_Stage") -> None:
        self._stage = stage
        self._inners = stage.solvers

    @property
    def title(self) -> str:
        """Name in messages, with the active solver once the race is decided."""
        at_work = self._stage.at_work
        return f"{self.name}: {at_work}" if at_work else self.name

    # ------------------------------------------------------------- asking

    def _next(self) -> Candidate | None:
        stage = self._stage
        while (candidate := stage.ask()) is None:
            following = stage.following()
            if following is None:
                break
            stage = following
        if candidate is None and not self._in_flight:
            candidate = self._ask_anyone(stage.solvers)
        if candidate is not None:
            self._enter(stage)
        return candidate

    def _ask_anyone(self, solvers: list[Solver]) -> Candidate | None:
        """Ask every solver once more, including those given up.

        Suppression may then exceed its own budget.
        """
        self._given_up.clear()
        self._suppression.planned_budget = self.planned_budget
        for inner in solvers:
            candidate = self._ask(inner)
            if candidate is not None:
                return candidate
        if self._given_up:
            raise NothingFeasible(f"{self.name}: the filter rejects all proposals")
        return None

    def _on_new_filter(self) -> None:
        self._given_up: list[Solver] = []  # solvers whose proposals the filter rejects

    def _ask(self, inner: Solver) -> Candidate | None:
        """Ask a solver for the next candidate.

        A solver is not asked again once the filter rejects its proposals, unless it is the only one
        left.
        """
        if inner in self._given_up:
            return None
        candidate = None
        try:
            candidate = inner.ask(self.n_asked)
        except Exhausted:
            pass
        except NothingFeasible:
            self._given_up.append(inner)
        if candidate is not None:
            self._asked[candidate.id] = inner
        return candidate

    def _ask_again(self, point: RepeatedPoint) -> Candidate:
        candidate = point.repeat(self.n_asked)
        self._asked[candidate.id] = point
        return candidate

    def _found_by(self, inner: Solver) -> Best | None:
        """Return the point that a solver recommends.

        Returns None if this point was never evaluated and the filter rejects it.
        """
        best = inner.recommend()
        if best is None or best.candidate.id >= 0 or self.filter is None:
            return best
        return best if self.filter(best.candidate) else None

    # ------------------------------------------------------------- telling

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        asked = self._asked.pop(candidate.id)
        if isinstance(asked, Solver):
            asked.tell(candidate, evaluation)
            return
        asked.add(evaluation)
        self._enter(self._stage.following() or self._stage)

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        for inner in self._inners:
            inner.tell_point(candidate, evaluation)

    # ------------------------------------------------------------- results

    @property
    def proven(self) -> Best | None:
        """The recommended point if it was evaluated several times; None before there is one."""
        population = self._stage.population
        return self._preferred(None if population is None else population.proven)

    def recommend(self) -> Best | None:
        """Return the point to use.

        Returns
        -------
        Best or None
            The mean of `PCES` once it is active, unless an earlier point is better by more than the
            sum of both standard errors. Until then, the best of the points evaluated several times;
            if there are none, the point with the best single value.
        """
        population = self._stage.population
        found = None if population is None else population.recommend()
        return self._preferred(found) or self.best

    def _preferred(self, found: Best | None) -> Best | None:
        if not isinstance(self._stage, _Evolve) or found is None or found.n_calls < 2:
            found = None
        checked = (point.proven for point in self._stage.checked if point.is_complete)
        earlier = [best for best in (self._suppression.proven, *checked) if best is not None]
        return preferred(found, min(earlier, key=lambda best: best.value, default=None))


class _Stage(ABC):
    """A stage of the race: which solvers are asked, and which stage follows.

    A stage changes its state only when it returns a candidate. `NoisyRace.ask` moves to the next
    stage only if that stage has a candidate to return. An `ask` that returns None therefore changes
    nothing.

    Parameters
    ----------
    race : NoisyRace
    population : Solver or None
        The evolution strategy; None where it does not accept the space.
    checked : sequence of RepeatedPoint
        The points evaluated several times to decide the race; empty before that.
    """

    #: Name of the active solver; empty while the race is undecided.
    at_work = ""

    def __init__(
        self, race: NoisyRace, population: Solver | None, checked: Sequence[RepeatedPoint] = ()
    ) -> None:
        self.race = race
        self.population = population
        self.checked = checked

    @property
    def solvers(self) -> list[Solver]:
        """The solvers that take part."""
        both = self.race._suppression, self.population
        return [solver for solver in both if solver is not None]

    @abstractmethod
    def ask(self) -> Candidate | None:
        """Return the next candidate, or None if the caller must wait or the stage has ended.

        A call that returns None changes nothing.
        """

    def following(self) -> "_Stage | None":
        """Return the next stage, or None while this one is not over."""
        return None


class _Race(_Stage):
    """Both solvers are asked in turn."""

    population: Solver

    def __init__(self, race: NoisyRace, population: Solver) -> None:
        super().__init__(race, population)
        self.n_of_suppression = self.n_of_population = 0  # candidates asked

    @property
    def is_over(self) -> bool:
        n_asked = min(self.n_of_suppression, self.n_of_population)
        return bool(self.race._given_up) or n_asked >= self.race._n_race

    def ask(self) -> Candidate | None:
        """Ask the solver that was asked less often; if it returns None, ask the other one."""
        if self.is_over:
            return None
        n_race, n_starts = self.race._n_race, self.race._n_starts
        n_here, n_there = self.n_of_suppression, self.n_of_population
        asks_population = n_here >= n_starts and n_there < n_race
        candidate = None
        if asks_population and n_there < n_here:
            candidate = self._ask_population()
        if candidate is None and n_here < max(2 * n_race, n_starts):
            candidate = self._ask_suppression()
        if candidate is None and asks_population:
            candidate = self._ask_population()
        return candidate

    def _ask_suppression(self) -> Candidate | None:
        candidate = self.race._ask(self.race._suppression)
        self.n_of_suppression += candidate is not None
        return candidate

    def _ask_population(self) -> Candidate | None:
        candidate = self.race._ask(self.population)
        self.n_of_population += candidate is not None
        return candidate

    def following(self) -> _Stage | None:
        """Return the check of both recommendations, or a winner if they cannot be compared."""
        race, population = self.race, self.population
        if not self.is_over and race._in_flight:
            return None
        found = [race._found_by(population), race._found_by(race._suppression)]
        if None in found and race._in_flight:
            return None
        n = race._n_check
        if race.planned_budget is not None:
            n = min(n, (race.planned_budget - race.n_asked) // 2)
        if n < 2 or None in found or race._given_up:
            has_lost = population in race._given_up or (found[0] is None and found[1] is not None)
            return _Suppress(race, population) if has_lost else _Evolve(race, population)
        points = [RepeatedPoint(best.candidate, n) for best in found if best is not None]
        return _Check(race, population, points)


class _Check(_Stage):
    """The recommendations of population and suppression are evaluated several times."""

    def ask(self) -> Candidate | None:
        for point in self.checked:
            if point.n_left:
                return self.race._ask_again(point)
        return None

    def following(self) -> _Stage | None:
        """Return the stage of the winner once all evaluations are reported."""
        if not all(point.is_complete for point in self.checked):
            return None
        of_population, of_suppression = self.checked
        winner = _Evolve if of_population.key <= of_suppression.key else _Suppress
        return winner(self.race, self.population, self.checked)


class _Suppress(_Stage):
    """Suppression has won, and continues until the polishing of its point begins."""

    at_work = SUPPRESSION

    def ask(self) -> Candidate | None:
        race, population = self.race, self.population
        suppression = race._suppression
        if population is None:
            return race._ask(suppression)
        candidate = None
        if race.n_asked < race._polishing_from:
            candidate = race._ask(suppression)
        if candidate is not None or suppression.in_flight or race._found_by(suppression):
            return candidate
        return _ask_either(race, population)  # there is nothing to polish yet

    def following(self) -> _Stage | None:
        """Return the polishing: a new population around the point that suppression found."""
        race = self.race
        if self.population is None or race._suppression.in_flight:
            return None
        found = race._found_by(race._suppression)
        if found is None:
            return None
        options = {"mean": found.candidate, "sigma": POLISHING_SIGMA}
        population = race._make_population(race._polishing_seed, **options)
        population.filter = race._filter_for(population)
        return _Evolve(race, population, self.checked)


class _Evolve(_Stage):
    """The population continues to the end: it has won, or it polishes."""

    at_work = POPULATION
    population: Solver

    def ask(self) -> Candidate | None:
        return _ask_either(self.race, self.population)


def _ask_either(race: NoisyRace, population: Solver) -> Candidate | None:
    """Ask the population, or suppression if the filter rejects the population's proposals."""
    candidate = race._ask(population)
    if candidate is None and population in race._given_up:
        candidate = race._ask(race._suppression)
    return candidate


register(NoisyRace.name, NoisyRace)
