"""The laws that every solver must obey.

A law is a function ``law(make, space, seed)`` that raises AssertionError if a solver breaks it.
``make(space, budget=..., seed=..., x0=...)`` returns a new solver. `check_solver` tests all laws.
"""

import math
import pickle
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import Evaluation
from zoopt.core.solver import Solver
from zoopt.core.space import Space
from zoopt.testing.driving import IN_FLIGHT, N_TELLS, drive, objective, outcome

__all__ = ["LAWS", "Law", "MakeSolver", "check_solver"]


class MakeSolver(Protocol):
    """A callable that returns a new solver: a solver class, or a ``functools.partial`` of one.

    Parameters
    ----------
    space : Space
    budget : int or None
        The planned budget.
    seed : int
    x0 : iterable of points
        Points to ask first.
    """

    def __call__(
        self, space: Space, *, budget: int | None, seed: int, x0: Iterable[Any] = ()
    ) -> Solver: ...


#: ``law(make, space, seed)``; raises AssertionError if the solver breaks the law.
Law = Callable[[MakeSolver, Space, int], None]


def check_solver(make: MakeSolver, space: Space, seed: int = 0) -> None:
    """Check that a solver obeys all laws of `LAWS` on one space with one seed.

    Parameters
    ----------
    make : callable
        Returns a new solver; see `MakeSolver`.
    space : Space
        A space that the solver accepts, such as one of `SPACES`.
    seed : int
        Seed of the solvers and of the order of tells.

    Raises
    ------
    AssertionError
        If a law is broken. The message says how; a note names the law.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> from zoopt.testing import SPACES
    >>> check_solver(RandomSearch, SPACES["tiny"])
    """
    for name, law in LAWS.items():
        try:
            law(make, space, seed)
        except AssertionError as error:
            error.add_note(f"the solver breaks the law {name} with seed {seed} on {space}")
            raise


def asks_lie_in_the_space_and_are_native(make: MakeSolver, space: Space, seed: int) -> None:
    """Points lie in the space, are read-only when encoded, and hold native Python values.

    Encoded columns that are not active hold their least value.
    """
    solver = make(space, budget=N_TELLS, seed=seed)
    for candidate, _ in drive(solver, np.random.default_rng(seed)):
        assert space.contains(candidate.x), f"{candidate.x} is outside {space}"
        assert not candidate.u.flags.writeable, "the encoded point must be read-only"
        inside = (candidate.u >= space.low).all() and (candidate.u <= space.high).all()
        assert inside, f"the encoded point {candidate.u} is outside the bounds"
        settled = space.settle(candidate.u.copy())
        assert (settled == candidate.u).all(), f"{candidate.u} has values where it is not active"
        values = candidate.x.values() if isinstance(candidate.x, dict) else candidate.x
        for value in values:
            assert not isinstance(value, np.generic), f"{value!r} is of a NumPy type"


def ids_are_the_order_of_ask(make: MakeSolver, space: Space, seed: int) -> None:
    """Candidates are numbered from 0 in the order of ask."""
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    ids = sorted([candidate.id for candidate, _ in told] + [c.id for c in solver.in_flight])
    assert ids == list(range(len(ids))), f"the ids are {ids}"


def tells_come_in_any_order_but_once(make: MakeSolver, space: Space, seed: int) -> None:
    """Tells are accepted in any order; a second tell of a candidate raises ValueError."""
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    for candidate, evaluation in (told[0], told[-1]):
        try:
            solver.tell(candidate, evaluation)
        except ValueError:
            continue
        raise AssertionError("a candidate could be told twice")


def failures_free_their_places(make: MakeSolver, space: Space, seed: int) -> None:
    """A solver goes on if every evaluation fails, and recovers when evaluations succeed."""

    def all_lost(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
        return Evaluation(math.nan, ("lost", "failed")[int(rng.integers(2))])

    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed), judge=all_lost)
    assert _is_all(told, solver), f"the solver stopped after {len(told)} failures"
    assert solver.best is None, "a failure became the best point"
    drive(solver, np.random.default_rng(seed), 20, judge=lambda c, _: Evaluation(objective(c)))
    found = solver.best is not None or space.size <= N_TELLS or solver.repeats
    assert found, "no best point after evaluations that succeeded"


def nan_is_never_the_best(make: MakeSolver, space: Space, seed: int) -> None:
    """NaN never becomes the best value; infinity does if there is nothing better."""
    solver = make(space, budget=N_TELLS, seed=seed)
    values = []
    for i in range(20):
        try:
            candidate = solver.ask()
        except Exhausted:
            break
        assert candidate is not None, "ask returned None with nothing in flight"
        values.append(math.inf if i % 3 == 1 else math.nan)
        solver.tell(candidate, values[-1])
        best = None if solver.best is None else solver.best.value
        if math.inf in values and not solver.repeats:
            assert best == math.inf, f"the best value is {best} after infinity was told"
        elif math.inf not in values:
            assert best is None, f"the best value is {best} after only NaN was told"


def one_at_a_time_never_waits(make: MakeSolver, space: Space, seed: int) -> None:
    """With nothing in flight, ask returns a candidate."""
    rng = np.random.default_rng(seed)
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, rng, in_flight=1)
    assert _is_all(told, solver), f"the solver stopped after {len(told)} evaluations"


def same_seed_and_tells_give_the_same_asks(make: MakeSolver, space: Space, seed: int) -> None:
    """Two solvers with the same seed and the same tells propose the same points."""
    runs = [
        drive(make(space, budget=N_TELLS, seed=seed), np.random.default_rng(seed)) for _ in range(2)
    ]
    assert _path(runs[0]) == _path(runs[1]), "the same seed gave different points"


def other_seeds_give_other_asks(make: MakeSolver, space: Space, seed: int) -> None:
    """Solvers with different seeds propose different points."""
    if space.is_finite and space.size < 1000:
        return
    first, second = (make(space, budget=N_TELLS, seed=s) for s in (seed, seed + 1))
    rng = np.random.default_rng(seed)
    assert _path(drive(first, rng)) != _path(drive(second, rng)), "two seeds gave the same points"


def a_pickle_taken_in_mid_run_continues_the_stream(
    make: MakeSolver, space: Space, seed: int
) -> None:
    """A pickled and restored solver proposes the same points as the original."""
    for n in (3, 17, 40):
        solver = make(space, budget=N_TELLS, seed=seed)
        drive(solver, np.random.default_rng(seed), n)
        twin: Solver = pickle.loads(pickle.dumps(solver))
        rest = [drive(s, np.random.default_rng(seed + 1), 30) for s in (solver, twin)]
        same = _path(rest[0]) == _path(rest[1])
        assert same, f"a copy pickled after {n} tells proposes other points"
        assert (solver.best is None) == (twin.best is None), "only one of the two has a best point"


def none_leaves_the_solver_unchanged(make: MakeSolver, space: Space, seed: int) -> None:
    """An ask that returns None does not change the solver or its random state."""
    rng = np.random.default_rng(seed)
    solver = make(space, budget=N_TELLS, seed=seed)
    drive(solver, rng, 7)
    for _ in range(200):
        before = pickle.dumps(solver)
        try:
            candidate = solver.ask()
        except Exhausted:
            break
        if candidate is None:
            assert pickle.dumps(solver) == before, "ask returned None and changed the solver"
            break


def a_finite_space_ends_after_all_points_without_a_repeat(
    make: MakeSolver, space: Space, seed: int
) -> None:
    """On a small finite space every point is asked once, then Exhausted is raised."""
    if space.size > 300:
        return
    for in_flight in (1, IN_FLIGHT):
        solver = make(space, budget=None, seed=seed)
        if solver.repeats:
            return
        rng = np.random.default_rng(seed)
        told = drive(solver, rng, n_tells=10 * int(space.size), in_flight=in_flight)
        points = {repr(candidate.x) for candidate, _ in told}
        assert len(points) == len(told), "a point was asked twice"
        assert len(points) == space.size, f"{len(points)} of {space.size} points were asked"
        for _ in range(2):
            try:
                solver.ask()
            except Exhausted:
                continue
            raise AssertionError("ask did not raise Exhausted after the last point")


def no_point_is_asked_twice(make: MakeSolver, space: Space, seed: int) -> None:
    """All points differ, unless the solver declares that it ``repeats``."""
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    points = [repr(candidate.x) for candidate, _ in told]
    assert len(points) == len(set(points)) or solver.repeats, "a point was asked twice"


def the_best_is_the_least_of_what_was_told_ok(make: MakeSolver, space: Space, seed: int) -> None:
    """``best`` is the point with the lowest value among the successful evaluations."""
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed), judge=failed_or_pruned)
    ok = [evaluation.value for _, evaluation in told if evaluation.ok]
    if solver.repeats:
        return
    assert (solver.best is None) == (not ok), "best and the successful evaluations disagree"
    if solver.best is not None:
        best = solver.best
        assert best.value == min(ok), f"the best value is {best.value}, the lowest is {min(ok)}"
        assert objective(best.candidate) == best.value, "the best value belongs to another point"
        assert solver.recommend() == best, "recommend returns another point than best"


def failed_or_pruned(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
    """Return the `outcome` of a candidate, with some of the failures pruned instead."""
    evaluation = outcome(candidate, rng)
    if evaluation.status != "invalid":
        return evaluation
    return Evaluation(math.nan, "pruned", reports=((0, 9.0), (1, objective(candidate) - 5.0)))


def only_the_order_of_values_counts(make: MakeSolver, space: Space, seed: int) -> None:
    """A strictly increasing transformation of values and reports does not change the points.

    Solvers with ``uses_values`` or ``repeats`` are exempt.
    """

    def squeezed(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
        evaluation = failed_or_pruned(candidate, rng)
        if evaluation.ok:
            evaluation.value = squeeze(evaluation.value)
        evaluation.reports = tuple((step, squeeze(value)) for step, value in evaluation.reports)
        return evaluation

    def squeeze(value: float) -> float:
        return math.atan(value / 100.0) - 7.0

    solvers = [make(space, budget=N_TELLS, seed=seed) for _ in range(2)]
    paths = [
        _path(drive(solver, np.random.default_rng(seed), judge=f))
        for solver, f in zip(solvers, (failed_or_pruned, squeezed), strict=True)
    ]
    is_exempt = solvers[0].uses_values or solvers[0].repeats  # as a mean depends on the values
    assert is_exempt or paths[0] == paths[1], "the points depend on more than the order of values"


def starting_points_are_asked_first_and_once(make: MakeSolver, space: Space, seed: int) -> None:
    """The points of ``x0`` come first, in their order, each once."""
    rng = np.random.default_rng(seed)
    wanted = [space.sample(rng) for _ in range(3)]
    solver = make(space, budget=N_TELLS, seed=seed, x0=[*wanted, wanted[0]])
    distinct = list(dict.fromkeys(repr(space.decode(space.encode(x))) for x in wanted))
    asked: list[str] = []
    while len(asked) < len(distinct):
        candidate = solver.ask()
        assert candidate is not None, "ask returned None with nothing in flight"
        if not (solver.repeats and asked and asked[-1] == repr(candidate.x)):
            asked.append(repr(candidate.x))
        solver.tell(candidate, objective(candidate))
    assert asked == distinct, f"x0 was {distinct}, the first points were {asked}"
    told = drive(solver, rng)
    again = set(asked) & {repr(candidate.x) for candidate, _ in told}
    assert solver.repeats or not again, f"starting points were asked again: {again}"


def foreign_points_count(make: MakeSolver, space: Space, seed: int) -> None:
    """A point reported by ``tell_point`` can become the best, and remains the best."""
    solver = make(space, budget=N_TELLS, seed=seed)
    rng = np.random.default_rng(seed)
    drive(solver, rng, 5)
    solver.tell_point(space.sample(rng), -math.inf)
    for moment in ("at once", "later"):
        best = None if solver.best is None else solver.best.value
        assert best == -math.inf, f"tell_point reported -inf; {moment} the best value was {best}"
        drive(solver, rng)


def asks_go_on_after_the_planned_end(make: MakeSolver, space: Space, seed: int) -> None:
    """A solver continues beyond its planned budget."""
    if space.size < 100:
        return
    solver = make(space, budget=10, seed=seed)
    n = len(drive(solver, np.random.default_rng(seed)))
    assert n == N_TELLS, f"a budget of 10 was planned, and the solver ended after {n} evaluations"


def _is_all(told: list[Any], solver: Solver) -> bool:
    """Return whether N_TELLS evaluations were made, or all points of the space were evaluated."""
    n = int(min(N_TELLS, solver.space.size))
    return len(told) == n or (solver.repeats and len(told) > n)


def _path(told: list[tuple[Candidate, Evaluation]]) -> list[tuple[int, bytes]]:
    """Return ids and encoded points, by which two runs can be compared."""
    return [(candidate.id, candidate.u.tobytes()) for candidate, _ in told]


#: The laws by name.
LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        asks_lie_in_the_space_and_are_native,
        ids_are_the_order_of_ask,
        tells_come_in_any_order_but_once,
        failures_free_their_places,
        nan_is_never_the_best,
        one_at_a_time_never_waits,
        same_seed_and_tells_give_the_same_asks,
        other_seeds_give_other_asks,
        a_pickle_taken_in_mid_run_continues_the_stream,
        none_leaves_the_solver_unchanged,
        a_finite_space_ends_after_all_points_without_a_repeat,
        no_point_is_asked_twice,
        the_best_is_the_least_of_what_was_told_ok,
        only_the_order_of_values_counts,
        starting_points_are_asked_first_and_once,
        foreign_points_count,
        asks_go_on_after_the_planned_end,
    )
}
