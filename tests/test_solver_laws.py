"""The conformance suite over all registered solvers and kinds of space."""

import functools
import os
import subprocess
import sys

import pytest

import zoopt
from zoopt import RandomSearch
from zoopt.core import registry
from zoopt.core.registry import make_solver, registered
from zoopt.testing import LAWS, SPACES, check_solver, spaces_for

#: Solvers and the spaces that they work on.
PAIRS = [(solver, space) for solver in sorted(registered()) for space in spaces_for(solver)]


#: For each solver one space, as mixed as it can be.
SAMPLE = [
    (solver, spaces_for(solver, ("mixed", "flags", "continuous"))[0])
    for solver in sorted(registered())
]


def keeps_the_laws(solver, space, seed):
    for name, law in LAWS.items():
        try:
            law(functools.partial(make_solver, solver), SPACES[space], seed)
        except AssertionError as error:
            raise AssertionError(f"{solver} on {space} breaks: {name}") from error


@pytest.mark.parametrize(("solver", "space"), PAIRS)
def test_solver_keeps_the_laws(solver, space, seed):
    keeps_the_laws(solver, space, seed)


@pytest.mark.parametrize(("solver", "space"), SAMPLE)
def test_solver_keeps_the_laws_on_each_of_the_twins(solver, space, kernels, seed):
    keeps_the_laws(solver, space, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("solver", "space"), sorted({*PAIRS} - {*SAMPLE}))
def test_solver_keeps_the_laws_on_each_of_the_twins_and_every_space(solver, space, kernels, seed):
    keeps_the_laws(solver, space, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("solver", "space"), PAIRS)
def test_solver_keeps_the_laws_for_every_seed(solver, space):
    for seed in range(3 if solver == "model" else 100):
        check_solver(functools.partial(make_solver, solver), SPACES[space], seed)


REPLACEMENTS = pytest.mark.parametrize("replacement", ["WR", "RR", "LM"])


@REPLACEMENTS
@pytest.mark.parametrize("space", SPACES)
def test_every_replacement_keeps_the_laws(replacement, space, seed):
    replacement_keeps_the_laws(replacement, space, seed)


@REPLACEMENTS
@pytest.mark.parametrize(
    "space",
    [pytest.param(space, marks=[] if space == "mixed" else pytest.mark.slow) for space in SPACES],
)
def test_every_replacement_keeps_the_laws_on_each_of_the_twins(replacement, space, kernels, seed):
    replacement_keeps_the_laws(replacement, space, seed)


def replacement_keeps_the_laws(replacement, space, seed):
    make = functools.partial(make_solver, "sracos", replacement=replacement, positive_size=3)
    for name, law in LAWS.items():
        if replacement == "LM" and name == "only_the_order_of_values_counts":
            continue
        law(make, SPACES[space], seed)


def test_runs_repeat_across_processes_and_hash_seeds():
    program = (
        "import zoopt; from zoopt.testing import SPACES, drive; import numpy as np\n"
        "solver = zoopt.SRacos(SPACES['mixed'], budget=60, seed=3)\n"
        "print([c.x for c, _ in drive(solver, np.random.default_rng(0))])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-P", "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert len(outputs) == 1


def repeating(space, **options):
    solver = make_solver("random", space, **options)
    solver._propose = lambda: (space.low, None)
    return solver


def seedless(space, **options):
    return make_solver("random", space, **{**options, "seed": None})


def starving(space, **options):
    solver = make_solver("sracos", space, **options)
    ask = solver.ask
    solver.ask = lambda: ask() if solver.n_asked < 5 else None
    return solver


def gullible(space, **options):
    """Takes a failure for the best."""
    solver = make_solver("sracos", space, **options)
    tell = solver.tell
    solver.tell = lambda c, e: tell(c, e if isinstance(e, float) and e == e else -1e9)
    return solver


@pytest.mark.parametrize(
    ("make", "law"),
    [
        (repeating, "no_point_is_asked_twice"),
        (seedless, "same_seed_and_tells_give_the_same_asks"),
        (starving, "one_at_a_time_never_waits"),
        (gullible, "nan_is_never_the_best"),
        (gullible, "the_best_is_the_least_of_what_was_told_ok"),
    ],
)
def test_the_suite_notices_a_broken_solver(make, law):
    with pytest.raises(AssertionError):
        LAWS[law](make, SPACES["continuous"], 0)


class Center(RandomSearch):
    """Begins in the middle of the space."""

    name = "center"

    def __init__(self, space, *, x0=(), **options):
        middle = space.decode((space.low + space.high) / 2)
        super().__init__(space, x0=[middle, *x0], **options)


def test_a_solver_of_others_serves_by_name_everywhere(monkeypatch):
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    zoopt.register("Center", Center)
    for name, law in LAWS.items():
        if "starting_points" not in name:
            law(functools.partial(make_solver, "center"), SPACES["continuous"], 0)
    result = zoopt.minimize(lambda x: abs(x[0]), [(-1, 1)], budget=5, algorithm="center", seed=0)
    assert result.history[0] == 0.0
    objective = zoopt.Objective(lambda s: abs(s.x[0]), zoopt.Dimension(1, [[-1, 1]], [True]))
    parameter = zoopt.Parameter(algorithm="center", budget=5, seed=0)
    assert zoopt.Opt.min(objective, parameter).get_value() == 0.0
