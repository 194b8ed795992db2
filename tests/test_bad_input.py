"""What Opt.min refuses, and how it takes bad evaluations."""

import math

import numpy as np
import pytest
from old_api import Counted, box, sphere

import zoopt
from zoopt import (
    Dimension,
    EvaluationWarning,
    ExpOpt,
    Objective,
    Opt,
    Parameter,
)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resampling": True}, "noise_handling"),
        ({"suppression": True}, "noise_handling"),
        ({"ponss": True}, "noise_handling"),
        ({"reducedim": True}, "high_dim_handling"),
        ({"high_dim_handling": True}, "reducedim=True"),
        ({"algorithm": "poss"}, "constraint"),
        ({"on_error": "ignore"}, "on_error"),
        ({"backend": "cluster"}, "backend"),
        ({"seed": -1}, "seed"),
    ],
)
def test_settings_that_could_only_be_ignored_raise(settings, words):
    objective = Objective(sphere, box(3))
    with pytest.raises(ValueError, match=words):
        Opt.min(objective, Parameter(budget=20, **settings))
    assert objective.get_history() == []


def test_min_refuses_what_it_cannot_run():
    fine = Objective(sphere, box(1)), Parameter(budget=10)
    with pytest.raises(TypeError, match="objective must be an Objective"):
        Opt.min(sphere, fine[1])
    with pytest.raises(ValueError, match="func"):
        Opt.min(Objective(None, box(1)), fine[1])
    with pytest.raises(TypeError, match="Dimension"):
        Opt.min(Objective(sphere), fine[1])
    with pytest.raises(TypeError, match="Dimension"):
        Opt.min(Objective(sphere, [[0, 1]]), fine[1])
    with pytest.raises(ValueError, match="no points"):
        Opt.min(Objective(sphere, Dimension()), fine[1])
    with pytest.raises(ValueError, match="budget is not set"):
        Opt.min(fine[0], Parameter())
    with pytest.raises(TypeError, match="algorithm"):
        Opt.min(fine[0], Parameter(3, budget=10))
    with pytest.raises(TypeError, match="seed"):
        Opt.min(fine[0], Parameter(budget=10, seed="0"))


@pytest.mark.parametrize("run", [Opt.min, ExpOpt.min])
def test_min_refuses_what_is_no_parameter(run):
    with pytest.raises(TypeError, match="parameter must be a Parameter"):
        run(Objective(sphere, box(1)), {"budget": 10})


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (None, "invalid"),
        ("0.5", "invalid"),
        (1j, "invalid"),
        (np.array([1.0, 2.0]), "invalid"),
        ([1.0, 2.0], "invalid"),
        (math.nan, "invalid"),
    ],
)
@pytest.mark.parametrize("when", [1, 50])
def test_one_bad_value_is_recorded_and_costs_one_call(value, status, when):
    n = 0

    def func(solution):
        nonlocal n
        n += 1
        return value if n == when else sphere(solution)

    objective = Objective(func, box(2))
    with pytest.warns(EvaluationWarning, match=status):
        solution = Opt.min(objective, Parameter(budget=60, seed=0))
    result = solution.result
    assert (n, result.nfev, result.n_failed) == (60, 60, 1)
    assert [f.status for f in result.failures] == [status]
    assert [math.isnan(v) for v in objective.get_history()] == [i == when - 1 for i in range(60)]
    assert solution.get_value() == np.nanmin(objective.get_history())


@pytest.mark.parametrize("when", [1, 100])
def test_one_error_is_recorded_and_costs_one_call(when):
    n = 0

    def func(solution):
        nonlocal n
        n += 1
        if n == when:
            raise OSError("the disk is gone")
        return sphere(solution)

    with pytest.warns(EvaluationWarning, match="the disk is gone"):
        solution = Opt.min(Objective(func, box(2)), Parameter(budget=120, seed=0))
    assert (n, solution.result.nfev) == (120, 120)
    (failed,) = solution.result.failures
    assert (failed.id, failed.status) == (when - 1, "failed")
    assert "OSError: the disk is gone" in failed.error


@pytest.mark.parametrize("value", ["0.5", None, np.zeros(2), 1j])
def test_an_objective_that_never_returns_a_number_raises_after_three_calls(value):
    func = Counted(lambda solution: value)
    with pytest.raises((TypeError, ValueError), match="objective must return"):
        Opt.min(Objective(func, box(2)), Parameter(budget=60))
    assert len(func.points) == 3


def test_an_objective_that_always_raises_gives_its_own_error_after_three_calls():
    def func(solution):
        raise KeyError("width")

    counted = Counted(func)
    with pytest.raises(KeyError, match="width") as caught:
        Opt.min(Objective(counted, box(2)), Parameter(budget=60))
    assert len(counted.points) == 3
    assert any("on_error" in note for note in caught.value.__notes__)


def test_on_error_says_what_to_do():
    def func(solution):
        raise KeyError("width")

    counted = Counted(func)
    with pytest.raises(KeyError, match="width"):
        Opt.min(Objective(counted, box(2)), Parameter(budget=60, on_error="raise"))
    assert len(counted.points) == 1
    objective = Objective(func, box(2))
    with pytest.raises(zoopt.AllEvaluationsFailed) as caught:
        Opt.min(objective, Parameter(budget=60, on_error="record"))
    assert caught.value.result.n_failed == caught.value.result.nfev == 60


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_values_are_values(value):
    returned = iter([1.0, value] + [1.0] * 38)
    objective = Objective(lambda s: next(returned), box(1))
    solution = Opt.min(objective, Parameter(budget=40, seed=0))
    assert solution.get_value() == min(1.0, value)
    assert solution.result.n_failed == 0
    always = Opt.min(Objective(lambda s: value, box(1)), Parameter(budget=10, seed=0))
    assert always.get_value() == value


def test_ctrl_c_returns_the_best_so_far():
    n = 0

    def func(solution):
        nonlocal n
        n += 1
        if n == 30:
            raise KeyboardInterrupt
        return sphere(solution)

    objective = Objective(func, box(2))
    solution = Opt.min(objective, Parameter(budget=60, seed=0))
    assert solution.result.status == "interrupted"
    assert solution.get_value() == min(objective.get_history())
    assert len(objective.get_history()) == 29
