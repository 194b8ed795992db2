"""Objective: evaluation, history, resampling."""

import math

import numpy as np
import pytest
from old_api import bits, box, nothing, sphere, total

from zoopt import (
    Objective,
    Parameter,
    Solution,
)


def test_objective_stores_what_it_is_given():
    dim = box(2)
    objective = Objective(total, dim, nothing)
    assert objective.get_func() is total
    assert objective.get_dim() is dim
    assert objective.get_constraint() is nothing
    new = {
        "func": sphere,
        "dim": bits(1),
        "constraint": total,
        "history": [3.0, 1.0],
        "A": [[1.0]],
        "last_x": [0.0],
        "inherit_func": nothing,
        "post_inherit_func": nothing,
    }
    for name, value in new.items():
        getattr(objective, f"set_{name}")(value)
        assert getattr(objective, f"get_{name}")() is value
    assert Objective.default_inherit() is Objective.default_post_inherit() is None


@pytest.mark.parametrize("name", ["func", "constraint", "resample_func"])
def test_objective_refuses_what_is_not_callable(name):
    with pytest.raises(TypeError, match=f"{name} must be callable, got 3"):
        Objective(**{name: 3})


def test_eval_sets_value_attachment_and_history():
    objective = Objective(total, box(2))
    objective.set_post_inherit_func(lambda: "after")
    solution = Solution([0.25, 0.5])
    assert objective.eval(solution) == solution.get_value() == 0.75
    assert solution.get_post_attach() == "after"
    objective.eval(Solution([1, 1]))
    assert objective.get_history() == [0.75, 2.0]
    objective.clean_history()
    assert objective.get_history() == []


def test_history_best_so_far_is_the_running_minimum():
    objective = Objective(total, box(1))
    objective.set_history([3.0, math.nan, 1.0, 2.0, math.inf, -math.inf])
    assert objective.get_history_bestsofar() == [3.0, 3.0, 1.0, 1.0, 1.0, -math.inf]
    objective.set_history([math.nan])
    assert objective.get_history_bestsofar() == [math.inf]


def test_construct_solution_attaches_what_the_inherit_function_gives():
    objective = Objective(total, box(1))
    objective.set_inherit_func(lambda parent: ("child of", parent))
    assert objective.construct_solution([1], parent="p").get_attach() == ("child of", "p")
    assert objective.construct_solution([1]).get_attach() == ("child of", None)


def test_eval_averages_as_resampling_asks():
    values = iter([1.0, 2.0, 6.0])
    objective = Objective(lambda solution: next(values), box(1))
    objective.parameter_set(Parameter(noise_handling=True, resampling=True, resample_times=3))
    solution = Solution([0.0])
    assert objective.eval(solution) == solution.get_value() == 3.0
    assert objective.get_history() == [1.0, 2.0, 6.0]  # raw values


def test_resample_blends_once():
    objective = Objective(total, box(1), resample_func=lambda solution, times: 10.0 * times)
    objective.parameter_set(Parameter(noise_handling=True, suppression=True, balance_rate=0.25))
    objective.set_post_inherit_func(lambda: "after")
    solution = Solution([0.5], value=4.0)
    assert objective.resample(solution, 2) == 2
    assert solution.get_resample_value() == 20.0
    assert solution.get_value() == 0.75 * 4.0 + 0.25 * 20.0
    assert solution.get_post_attach() == "after"
    assert objective.resample(solution, 2) == 0
    assert solution.get_value() == 8.0
    objective.parameter_set(Parameter())  # without suppression the resampled value counts alone
    solution = Solution([0.5], value=4.0)
    assert objective.resample(solution, 2) == 2
    assert solution.get_value() == 20.0


def test_the_default_resample_function_is_the_mean_of_evaluations():
    values = iter([1.0, 2.0, 6.0])
    objective = Objective(lambda solution: next(values), box(1))
    assert objective.resample_func(Solution([0.0]), 3) == 3.0
    assert len(objective.get_history()) == 3


def test_eval_constraint_stores_the_pair():
    objective = Objective(total, box(2), constraint=lambda solution: 1 - total(solution))
    solution = Solution([0.25, 0.5])
    objective.eval_constraint(solution)
    assert solution.get_value() == [0.75, 0.25]
    assert objective.get_history() == [0.75]
    with pytest.raises(ValueError, match="constraint"):
        Objective(total, box(2)).eval_constraint(solution)


@pytest.mark.parametrize("last_x", [[1.0, 2.0, 3.0], Solution([1.0, 2.0, 3.0])])
def test_reduced_dimensions_are_mapped_to_the_whole_space(last_x):
    seen = []
    objective = Objective(lambda solution: seen.append(solution.get_x()) or 0.0, box(3))
    objective.parameter_set(Parameter(high_dim_handling=True, reducedim=True))
    assert objective.get_reducedim() is True
    matrix = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    objective.set_A(matrix)
    objective.set_last_x(last_x)
    objective.eval(Solution([0.5, 10.0, 20.0]))
    assert isinstance(seen[0], np.ndarray)
    assert seen[0].tolist() == [10.5, 21.0, 31.5]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, TypeError),
        ("0.5", TypeError),
        (1j, TypeError),
        ([1.0, 2.0], TypeError),
        (np.array([1.0, 2.0]), ValueError),
        (np.array([]), ValueError),
    ],
)
def test_eval_refuses_what_is_no_number(value, error):
    with pytest.raises(error, match="objective must return"):
        Objective(lambda solution: value, box(1)).eval(Solution([0.0]))
