"""Ask and tell: which candidates are accepted, and the ids given from outside."""

import copy
import functools
import pickle

import numpy as np
import pytest

import zoopt
from zoopt import (
    Choice,
    Evaluation,
    NothingFeasible,
    RandomEmbedding,
    Real,
    Resample,
    Space,
    SRacos,
)
from zoopt.core.errors import Exhausted
from zoopt.core.registry import make_solver, registered
from zoopt.testing import SPACES, objective, spaces_for

BOX = [(0.0, 1.0)] * 2
SOLVERS = sorted(registered())


def made(name, seed=0, budget=60, space=None):
    return make_solver(name, space or SPACES[spaces_for(name)[0]], budget=budget, seed=seed)


def begun(name, seed=0, n=3, **options):
    """Return a solver with some candidates in flight."""
    solver = made(name, seed, **options)
    flight = [solver.ask() for _ in range(n)]
    return solver, [candidate for candidate in flight if candidate is not None]


# ------------------------------------------------------------- candidates of others


@pytest.mark.parametrize(
    "other", [[(100.0, 200.0)] * 2, [(0.0, 1.0)] * 3, BOX, [Choice(["a", "b"])]]
)
@pytest.mark.parametrize("name", ["sracos", "random", "pces", "noisy", "resample"])
def test_a_candidate_of_another_solver_is_refused_and_changes_nothing(name, other):
    solver, flight = begun(name, space=Space(BOX))
    theirs, stranger = begun("random", seed=1, space=Space(other), n=1)
    before = pickle.dumps(solver)
    with pytest.raises(
        ValueError, match=r"candidate 0 is not in flight: .* belongs to another solver"
    ):
        solver.tell(stranger[0], -5.0)
    assert pickle.dumps(solver) == before
    assert solver.in_flight == flight
    solver.tell(flight[0], 1.0)
    theirs.tell(stranger[0], 1.0)


def test_equal_codes_in_another_space_are_no_equal_points():
    ours, theirs = (
        SRacos([Choice(list(values))], seed=0, x0=[[values[0]]]) for values in ("ab", "cd")
    )
    mine, other = ours.ask(), theirs.ask()
    assert (mine.u == other.u).all()
    with pytest.raises(ValueError, match="belongs to another solver"):
        ours.tell(other, 1.0)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_candidate_that_was_told_is_refused(name):
    solver, flight = begun(name)
    solver.tell(flight[0], 1.0)
    for again in (flight[0], pickle.loads(pickle.dumps(flight[0]))):
        with pytest.raises(ValueError, match="it was told before, or it belongs to another solver"):
            solver.tell(again, 1.0)


def test_a_point_from_elsewhere_is_no_candidate_in_flight():
    solver = SRacos(BOX, seed=0)
    solver.tell_point([0.5, 0.5], 1.0)
    with pytest.raises(ValueError, match="candidate -1 is not in flight"):
        solver.tell(solver.best.candidate, 1.0)


def test_a_candidate_of_the_solver_inside_a_wrapper_is_refused():
    solver = RandomEmbedding([(-1.0, 1.0)] * 30, budget=60, seed=0)
    solver.ask()
    (inner,) = solver._stage.inner.in_flight
    with pytest.raises(ValueError, match="belongs to another solver"):
        solver.tell(inner, 1.0)


# ------------------------------------------------------------- copies, and points


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("copied", [copy.copy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_is_told_as_the_candidate_itself(name, copied):
    """Executors may hand back what came through a pipe."""
    solver, twin = made(name), made(name)
    for _ in range(30):
        a, b = solver.ask(), twin.ask()
        assert (a.u == b.u).all()
        solver.tell(a, objective(a))
        twin.tell(copied(b), objective(b))
    assert twin.in_flight == []
    assert (solver.best is None) == (twin.best is None)


def test_a_candidate_of_before_is_told_to_the_unpickled_solver():
    solver, flight = begun("sracos", n=6)
    twin = pickle.loads(pickle.dumps(solver))
    for candidate in reversed(flight):
        twin.tell(candidate, 1.0)
    assert twin.n_told == 6


@pytest.mark.parametrize("name", SOLVERS)
def test_the_x_of_a_candidate_in_flight_is_accepted(name):
    solver, flight = begun(name)
    asked = flight[-1]
    n_there = sum(candidate.x == asked.x for candidate in flight)
    solver.tell(asked.x, 1.0)
    assert len(solver.in_flight) == len(flight) - 1
    assert sum(candidate.x == asked.x for candidate in solver.in_flight) == n_there - 1


def test_values_on_a_log_scale_are_found_again():
    solver = SRacos([Real(1e-7, 3.0, log=True)] * 3, seed=0)
    flight = [solver.ask() for _ in range(200)]
    for candidate in flight[::-1]:
        solver.tell(np.array(candidate.x), 1.0)
    assert solver.in_flight == []


def test_of_several_at_one_point_the_first_is_told():
    solver = Resample(BOX, seed=0, times=3)
    flight = [solver.ask() for _ in range(3)]
    solver.tell(flight[2].x, 1.0)
    assert solver.in_flight == flight[1:]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (None, TypeError, "tell takes a candidate as ask returned it.*got None"),
        (3, TypeError, "tell takes a candidate.*got 3"),
        ([0.5], ValueError, "tell takes a candidate.*2 values, got 1"),
        ([0.5, 7.0], ValueError, "tell takes a candidate.*7.0 is outside"),
        ([0.5, 0.5], ValueError, "is not in flight.*tell_point"),
        ({"a": 1}, TypeError, "tell takes a candidate.*no names"),
        (zoopt.Solution(x=[0.5, 0.5]), TypeError, "tell takes a candidate"),
    ],
)
def test_anything_else_is_refused_with_what_to_pass(given, error, words):
    solver, flight = begun("sracos", space=Space(BOX))
    with pytest.raises(error, match=words):
        solver.tell(given, 1.0)
    assert solver.in_flight == flight
    assert solver.n_told == 0


# ------------------------------------------------------------- points that are Candidates


def test_candidates_of_another_space_are_points_in_user_units():
    """Columns of the same width hold other units there."""
    log = SRacos([Real(1e-3, 1.0, log=True)], seed=0)
    solver = SRacos([(0.0, 1.0)], seed=0)
    candidate = log.ask()
    solver.tell_point(candidate, 1.0)
    assert solver.best.x == pytest.approx(candidate.x)
    assert SRacos([(0.0, 1.0)], seed=0, x0=[candidate]).ask().x == pytest.approx(candidate.x)


@pytest.mark.parametrize("other", [[(100.0, 200.0)] * 2, [(0.0, 1.0)] * 3])
def test_candidates_that_do_not_fit_the_space_are_refused(other):
    candidate = SRacos(other, seed=0).ask()
    solver = SRacos(BOX, seed=0)
    with pytest.raises(ValueError, match=r"outside|2 values"):
        solver.tell_point(candidate, 1.0)
    assert solver.n_foreign == 0
    with pytest.raises(ValueError, match="initial point 0"):
        SRacos(BOX, seed=0, x0=[candidate])


# ------------------------------------------------------------- ids from outside


@pytest.mark.parametrize("name", SOLVERS)
def test_ids_may_be_given_from_outside(name):
    solver, shifted = made(name), made(name)
    for i in range(12):
        plain, candidate = solver.ask(), shifted.ask(10 + 2 * i)
        assert candidate.id == 10 + 2 * i
        assert shifted.n_asked == candidate.id + 1
        for s, c in ((solver, plain), (shifted, candidate)):
            s.tell(c, objective(c))


def test_an_ask_in_vain_leaves_the_count():
    solver, _ = begun("racos", n=4, budget=50, space=Space(BOX))
    assert solver.ask(20) is None
    assert solver.n_asked == 4
    with pytest.raises(ValueError, match="ident must be at least n_asked=4, got 3"):
        solver.ask(3)
    ended = made("random", space=Space([Choice(["a"])]))
    ended.tell(ended.ask(), 1.0)
    with pytest.raises(Exhausted):
        ended.ask(7)
    assert ended.n_asked == 1
    ended = made("random", space=Space(BOX))
    ended.filter = lambda candidate: False
    with pytest.raises(NothingFeasible):
        ended.ask(7)
    assert ended.n_asked == 0


@pytest.mark.parametrize("name", SOLVERS)
def test_all_are_solvers_with_a_title(name):
    solver = made(name)
    assert isinstance(solver, zoopt.Solver)
    assert solver.title.startswith(solver.name)
    assert type(solver).name == solver.name == name


def test_an_embedded_solver_keeps_ids_to_itself():
    solver = RandomEmbedding(
        [(-1.0, 1.0)] * 30, budget=200, seed=0, inner=functools.partial(Resample, times=2)
    )
    for i in range(50):
        candidate = solver.ask()
        assert candidate.id == i
        solver.tell(candidate, Evaluation(objective(candidate)))
    assert solver.n_told == 50
