"""The laws that every solver keeps.

Each law is a function ``law(make, space, seed)`` that raises AssertionError where a solver breaks
it; ``make(space, budget=..., seed=..., x0=...)`` builds the solver. `check_solver` runs them all.
"""

import math
import pickle
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.dimensions import Choice, Integer, Real
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import Evaluation
from zoopt.core.registry import registered
from zoopt.core.solver import Solver
from zoopt.core.space import Space

__all__ = [
    "LAWS",
    "SPACES",
    "MakeSolver",
    "check_solver",
    "drive",
    "objective",
    "outcome",
    "spaces_for",
]


class MakeSolver(Protocol):
    """How the laws build a solver."""

    def __call__(
        self, space: Space, *, budget: int | None, seed: int, x0: Iterable[Any] = ()
    ) -> Solver: ...


Law = Callable[[MakeSolver, Space, int], None]

#: Every kind of space, by name.
SPACES: dict[str, Space] = {
    "continuous": Space([(-1.0, 1.0)] * 5),
    "one continuous": Space([(0.0, 1e-3)]),
    "log": Space([Real(1e-6, 10.0, log=True)] * 3),
    "step": Space([Real(0.0, 1.0, step=0.1), Real(-1.0, 1.0, step=0.25)]),
    "ordered integers": Space([Integer(-10, 10)] * 6),
    "log integers": Space([Integer(1, 1000, log=True), Integer(3, 9, log=True)]),
    "unordered integers": Space([Integer(5, 9, ordered=False)] * 4),
    "bits": Space([Integer(0, 1, ordered=False)] * 30),
    "flags": Space.subsets(12),
    "few flags": Space.subsets(5),
    "choices": Space([Choice(["a", None, (1, 2), 3.5]), Choice([1, 2, 4, 8], ordered=True)] * 3),
    "mixed": Space(
        {
            "rate": Real(1e-5, 1.0, log=True),
            "momentum": Real(0.0, 0.99),
            "layers": Integer(1, 5),
            "width": Integer(8, 512, log=True),
            "activation": Choice(["relu", "tanh", None]),
            "kind": Integer(0, 3, ordered=False),
            "fixed": Real(0.5, 0.5),
            "only": Choice(["this"]),
        }
    ),
    "wide": Space([(-1.0, 1.0)] * 150),
    "tiny": Space([Integer(0, 3), Choice("abcd"[i] for i in range(4))]),
    "one point": Space([Integer(2, 2), Choice([None])]),
}


def spaces_for(solver: str, names: Iterable[str] = tuple(SPACES)) -> list[str]:
    """Return the names of those spaces that a registered solver works on.

    Examples
    --------
    >>> spaces_for("poss", ["mixed", "flags"])
    ['flags']
    """
    accepts = getattr(registered()[solver], "accepts", Solver.accepts)
    return [name for name in names if accepts(SPACES[name])]


IN_FLIGHT = 8
N_TELLS = 60


def check_solver(make: MakeSolver, space: Space, seed: int = 0) -> None:
    """Check all laws on one space with one seed.

    Examples
    --------
    >>> from zoopt import RandomSearch
    >>> check_solver(RandomSearch, SPACES["tiny"])
    """
    for law in LAWS.values():
        law(make, space, seed)


def objective(candidate: Candidate) -> float:
    """Return a value that depends on every coordinate, with ties, from the encoded point alone."""
    u = candidate.u
    return float(np.round(np.abs(u - 0.3) @ np.arange(1, len(u) + 1), 2))


def outcome(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
    """Return the objective's value four times in five, and some failure otherwise."""
    if rng.random() < 0.8:
        return Evaluation(objective(candidate))
    status = ("failed", "invalid", "timeout", "lost")[int(rng.integers(4))]
    return Evaluation(math.nan, status, error="injected")


def drive(
    solver: Solver,
    rng: np.random.Generator,
    n_tells: int = N_TELLS,
    in_flight: int = IN_FLIGHT,
    judge: Callable[[Candidate, np.random.Generator], Evaluation] = outcome,
) -> list[tuple[Candidate, Evaluation]]:
    """Run a solver with several candidates in flight, told in random order, some failed."""
    flight = solver.in_flight
    told: list[tuple[Candidate, Evaluation]] = []
    ended = False
    while len(told) < n_tells:
        while len(flight) < in_flight and not ended:
            try:
                candidate = solver.ask()
            except Exhausted:
                assert not flight, "Exhausted was raised while candidates were in flight"
                ended = True
                break
            if candidate is None:
                assert flight, "ask returned None with nothing in flight: nothing can end the wait"
                break
            flight.append(candidate)
        if not flight:
            break
        candidate = flight.pop(int(rng.integers(len(flight))))
        evaluation = judge(candidate, rng)
        solver.tell(candidate, evaluation)
        told.append((candidate, evaluation))
    return told


def asks_lie_in_the_space_and_are_native(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    for candidate, _ in drive(solver, np.random.default_rng(seed)):
        assert space.contains(candidate.x), f"{candidate.x} is outside {space}"
        assert not candidate.u.flags.writeable, "the encoded point must be read-only"
        assert (candidate.u >= space.low).all()
        assert (candidate.u <= space.high).all()
        values = candidate.x.values() if isinstance(candidate.x, dict) else candidate.x
        for value in values:
            assert not isinstance(value, np.generic), f"{value!r} is no native type"


def ids_are_the_order_of_ask(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    ids = sorted(candidate.id for candidate, _ in told) + [c.id for c in solver.in_flight]
    assert sorted(ids) == list(range(len(ids)))


def tells_come_in_any_order_but_once(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    for candidate, evaluation in (told[0], told[-1]):
        try:
            solver.tell(candidate, evaluation)
        except ValueError:
            continue
        raise AssertionError("a candidate could be told twice")


def failures_free_their_places(make: MakeSolver, space: Space, seed: int) -> None:
    def all_lost(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
        return Evaluation(math.nan, ("lost", "failed")[int(rng.integers(2))])

    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed), judge=all_lost)
    assert _is_all(told, solver)
    assert solver.best is None
    drive(solver, np.random.default_rng(seed), 20, judge=lambda c, _: Evaluation(objective(c)))
    assert solver.best is not None or space.size <= N_TELLS or solver.repeats


def nan_is_never_the_best(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    values = []
    for i in range(20):
        try:
            candidate = solver.ask()
        except Exhausted:
            break
        assert candidate is not None
        values.append(math.inf if i % 3 == 1 else math.nan)
        solver.tell(candidate, values[-1])
        if math.inf in values and not solver.repeats:
            assert solver.best is not None
            assert solver.best.value == math.inf
        elif math.inf not in values:
            assert solver.best is None


def one_at_a_time_never_waits(make: MakeSolver, space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, rng, in_flight=1)
    assert _is_all(told, solver)


def same_seed_and_tells_give_the_same_asks(make: MakeSolver, space: Space, seed: int) -> None:
    runs = [
        drive(make(space, budget=N_TELLS, seed=seed), np.random.default_rng(seed)) for _ in range(2)
    ]
    assert _path(runs[0]) == _path(runs[1])


def other_seeds_give_other_asks(make: MakeSolver, space: Space, seed: int) -> None:
    if space.is_finite and space.size < 1000:
        return
    first, second = (make(space, budget=N_TELLS, seed=s) for s in (seed, seed + 1))
    rng = np.random.default_rng(seed)
    assert _path(drive(first, rng)) != _path(drive(second, rng))


def a_pickle_taken_in_mid_run_continues_the_stream(
    make: MakeSolver, space: Space, seed: int
) -> None:
    for n in (3, 17, 40):
        solver = make(space, budget=N_TELLS, seed=seed)
        drive(solver, np.random.default_rng(seed), n)
        twin: Solver = pickle.loads(pickle.dumps(solver))
        rest = [drive(s, np.random.default_rng(seed + 1), 30) for s in (solver, twin)]
        assert _path(rest[0]) == _path(rest[1])
        assert (solver.best is None) == (twin.best is None)


def none_leaves_the_solver_unchanged(make: MakeSolver, space: Space, seed: int) -> None:
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
            assert pickle.dumps(solver) == before, "ask returned None and changed something"
            break


def a_finite_space_ends_after_all_points_without_a_repeat(
    make: MakeSolver, space: Space, seed: int
) -> None:
    if space.size > 300:
        return
    for in_flight in (1, IN_FLIGHT):
        solver = make(space, budget=None, seed=seed)
        if solver.repeats:
            return
        rng = np.random.default_rng(seed)
        told = drive(solver, rng, n_tells=10 * int(space.size), in_flight=in_flight)
        points = [repr(candidate.x) for candidate, _ in told]
        assert len(points) == len(set(points)) == space.size
        for _ in range(2):
            try:
                solver.ask()
            except Exhausted:
                continue
            raise AssertionError("a solver asked more points than there are")


def no_point_is_asked_twice(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    points = [repr(candidate.x) for candidate, _ in told]
    assert len(points) == len(set(points)) or solver.repeats


def the_best_is_the_least_of_what_was_told_ok(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    told = drive(solver, np.random.default_rng(seed))
    ok = [evaluation.value for _, evaluation in told if evaluation.ok]
    if solver.repeats:
        return
    assert (solver.best is None) == (not ok)
    if solver.best is not None:
        assert solver.best.value == min(ok)
        assert objective(solver.best.candidate) == solver.best.value
        assert solver.recommend() == solver.best


def only_the_order_of_values_counts(make: MakeSolver, space: Space, seed: int) -> None:
    def squeezed(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
        evaluation = outcome(candidate, rng)
        if evaluation.ok:
            evaluation.value = math.atan(evaluation.value / 100.0) - 7.0
        return evaluation

    solvers = [make(space, budget=N_TELLS, seed=seed) for _ in range(2)]
    paths = [
        _path(drive(solver, np.random.default_rng(seed), judge=f))
        for solver, f in zip(solvers, (outcome, squeezed), strict=True)
    ]
    assert paths[0] == paths[1] or solvers[0].repeats  # a mean is more than an order


def starting_points_are_asked_first_and_once(make: MakeSolver, space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = [space.sample(rng) for _ in range(3)]
    solver = make(space, budget=N_TELLS, seed=seed, x0=[*wanted, wanted[0]])
    distinct = list(dict.fromkeys(repr(space.decode(space.encode(x))) for x in wanted))
    asked: list[str] = []
    while len(asked) < len(distinct):
        candidate = solver.ask()
        assert candidate is not None
        if not (solver.repeats and asked and asked[-1] == repr(candidate.x)):
            asked.append(repr(candidate.x))
        solver.tell(candidate, objective(candidate))
    assert asked == distinct
    told = drive(solver, rng)
    assert solver.repeats or not set(asked) & {repr(candidate.x) for candidate, _ in told}


def foreign_points_count(make: MakeSolver, space: Space, seed: int) -> None:
    solver = make(space, budget=N_TELLS, seed=seed)
    rng = np.random.default_rng(seed)
    drive(solver, rng, 5)
    solver.tell_point(space.sample(rng), -math.inf)
    assert solver.best is not None
    assert solver.best.value == -math.inf
    drive(solver, rng)
    assert solver.best.value == -math.inf


def asks_go_on_after_the_planned_end(make: MakeSolver, space: Space, seed: int) -> None:
    if space.size < 100:
        return
    solver = make(space, budget=10, seed=seed)
    assert len(drive(solver, np.random.default_rng(seed))) == N_TELLS


def _is_all(told: list[Any], solver: Solver) -> bool:
    """Tell whether all N_TELLS came, or all points that there are."""
    n = int(min(N_TELLS, solver.space.size))
    return len(told) == n or (solver.repeats and len(told) > n)


def _path(told: list[tuple[Candidate, Evaluation]]) -> list[tuple[int, bytes]]:
    return [(candidate.id, candidate.u.tobytes()) for candidate, _ in told]


#: The laws by name, each a sentence.
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
