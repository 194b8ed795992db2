"""Parameter: arguments, accessors, tables."""

import inspect
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from old_api import box, labels, sphere

from zoopt import (
    Objective,
    Opt,
    Parameter,
    resume,
)
from zoopt.parameter import DefaultStoppingCriterion

#: Section 4.1 of the contract: name, default, another value.
ARGUMENTS = [
    ("algorithm", None, "racos"),
    ("budget", 0, 50),
    ("exploration_rate", 0.01, 0.25),
    ("init_samples", None, [[0.0]]),
    ("time_budget", None, 5.0),
    ("terminal_value", None, -1.0),
    ("sequential", True, False),
    ("precision", None, 1e-6),
    ("uncertain_bits", None, 3),
    ("intermediate_result", False, True),
    ("intermediate_freq", 100, 7),
    ("autoset", True, False),
    ("noise_handling", False, True),
    ("resampling", False, True),
    ("suppression", False, True),
    ("ponss", False, True),
    ("ponss_theta", None, 0.5),
    ("ponss_b", None, 4),
    ("non_update_allowed", 500, 20),
    ("resample_times", 100, 9),
    ("balance_rate", 0.5, 0.75),
    ("high_dim_handling", False, True),
    ("reducedim", False, True),
    ("num_sre", 5, 2),
    ("low_dimension", None, box(4)),
    ("withdraw_alpha", None, box(1)),
    ("variance_A", None, 0.125),
    ("stopping_criterion", None, DefaultStoppingCriterion()),
    ("seed", None, 11),
    ("parallel", False, True),
    ("server_num", 1, 3),
]
NO_GETTER = {"exploration_rate", "autoset"}
SETTABLE = (  # noqa: SIM905
    "algorithm sequential budget precision uncertain_bits train_size positive_size negative_size "
    "probability isolationFunc init_samples time_budget terminal_value intermediate_result "
    "resample_times non_update_allowed parallel server_num suppression"
).split()


def test_the_31_arguments_stand_in_the_old_order_with_the_old_defaults():
    parameters = list(inspect.signature(Parameter).parameters.values())
    assert [p.name for p in parameters[:31]] == [name for name, _, _ in ARGUMENTS]
    assert [p.default for p in parameters[:31]] == [default for _, default, _ in ARGUMENTS]
    assert {p.kind for p in parameters[:31]} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert {p.kind for p in parameters[31:]} == {inspect.Parameter.KEYWORD_ONLY}


def test_every_argument_reaches_its_getter_by_position():
    parameter = Parameter(*(other for _, _, other in ARGUMENTS))
    for name, _, other in ARGUMENTS:
        if name not in NO_GETTER:
            assert getattr(parameter, f"get_{name}")() == other, name
    assert parameter.get_probability() == 0.75
    assert (parameter.parallel, parameter.server_num) == (True, 3)  # also public attributes
    assert parameter.get_train_size() == 0  # autoset is off


def test_getters_without_arguments():
    parameter = Parameter()
    for name, default, _ in ARGUMENTS:
        if name not in NO_GETTER | {
            "low_dimension",
            "withdraw_alpha",
            "variance_A",
            "stopping_criterion",
        }:
            assert getattr(parameter, f"get_{name}")() == default, name
    assert parameter.get_low_dimension().equal(box(10))
    assert parameter.get_withdraw_alpha().equal(box(1))
    assert parameter.get_variance_A() == 0.1
    assert isinstance(parameter.get_stopping_criterion(), DefaultStoppingCriterion)
    assert parameter.get_stopping_criterion().check(None) is False
    assert parameter.get_probability() == 0.99
    assert parameter.get_isolationFunc()("anything") == 0
    assert Parameter(low_dimension=box(4)).get_variance_A() == 0.25


@pytest.mark.parametrize("name", SETTABLE)
def test_every_setter_has_its_getter(name):
    others = {argument: other for argument, _, other in ARGUMENTS}
    value = {
        "train_size": 9,
        "positive_size": 3,
        "negative_size": 5,
        "probability": 0.5,
        "isolationFunc": len,
    }.get(name, others.get(name))
    parameter = Parameter()
    getattr(parameter, f"set_{name}")(value)
    assert getattr(parameter, f"get_{name}")() == value


def test_set_exploration_rate():
    parameter = Parameter()
    parameter.set_exploration_rate(0.25)
    assert parameter.get_probability() == 0.75
    assert not hasattr(parameter, "get_exploration_rate")


@pytest.mark.parametrize(
    ("budget", "train", "positive"),
    [
        *((4, 4, 1), (50, 4, 1), (51, 6, 1), (100, 6, 1)),
        *((101, 12, 2), (1000, 12, 2), (1001, 22, 2), (10**6, 22, 2)),
    ],
)
def test_sizes_follow_the_table(budget, train, positive):
    by_method = Parameter()
    by_method.auto_set(budget)
    for parameter in (Parameter(budget=budget), by_method):
        sizes = (
            parameter.get_train_size(),
            parameter.get_positive_size(),
            parameter.get_negative_size(),
        )
        assert sizes == (train, positive, train - positive)


@pytest.mark.parametrize(
    ("dim", "n", "ub"),
    [
        *((box, 100, 1), (box, 101, 2), (box, 1000, 2), (box, 1001, 3)),
        *((labels, 10, 1), (labels, 11, 2), (labels, 51, 3), (labels, 101, 4), (labels, 1001, 5)),
    ],
)
def test_uncertain_bits_follow_the_table(dim, n, ub):
    """A step redraws at most so many coordinates, and often just so many.

    Mixtures of good points may differ in more; they come while the best stands still, which it
    does not here.
    """
    moves = []
    ever_better = itertools.count()

    class Watch:
        def on_tell(self, search, candidate, evaluation):
            if candidate.move is not None:
                moves.append(len(candidate.move) - 1)

    objective = Objective(lambda solution: -next(ever_better), dim(n))
    Opt.min(objective, Parameter(budget=60, seed=0, callbacks=[Watch()]))
    assert max(moves) == ub


def test_a_positive_size_set_by_hand_is_enough():
    sizes = []
    parameter = Parameter(
        budget=100, seed=0, callbacks=[lambda s: sizes.append(len(s.solver.positives))]
    )
    parameter.set_positive_size(5)
    Opt.min(Objective(sphere, box(2)), parameter)
    assert max(sizes) == 5


def test_sizes_by_hand_without_autoset():
    parameter = Parameter(budget=100, autoset=False, seed=0)
    with pytest.raises(ValueError, match="set_train_size"):
        Opt.min(Objective(sphere, box(2)), parameter)
    parameter.set_train_size(6)
    parameter.set_positive_size(1)
    parameter.set_negative_size(5)
    assert len(Opt.min(Objective(sphere, box(2)), parameter).result.history) == 100
    parameter.set_positive_size(7)
    with pytest.raises(ValueError, match="positive_size"):
        Opt.min(Objective(sphere, box(2)), parameter)


def test_the_budget_of_resampling_stays_the_number_of_calls():
    parameter = Parameter(budget=1000, noise_handling=True, resampling=True, resample_times=10)
    assert parameter.get_budget() == 1000
    assert parameter.get_train_size() == 12


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"budget": 1}, ValueError, "budget"),
        ({"budget": 2}, ValueError, "budget"),
        ({"budget": -5}, ValueError, "budget"),
        ({"budget": math.nan}, ValueError, "budget"),
        ({"budget": math.inf}, ValueError, "budget"),
        ({"budget": "100"}, TypeError, "budget"),
        ({"budget": None}, TypeError, "budget"),
        ({"exploration_rate": 1.5}, ValueError, "exploration_rate"),
        ({"exploration_rate": -0.1}, ValueError, "exploration_rate"),
        ({"exploration_rate": math.nan}, ValueError, "exploration_rate"),
        ({"time_budget": -1}, ValueError, "time_budget"),
        ({"time_budget": "5"}, TypeError, "time_budget"),
        ({"terminal_value": math.nan}, ValueError, "terminal_value"),
        ({"precision": -1}, ValueError, "precision"),
        ({"uncertain_bits": 0}, ValueError, "uncertain_bits"),
        ({"uncertain_bits": 1.5}, ValueError, "uncertain_bits"),
        ({"server_num": 0}, ValueError, "server_num"),
        ({"resample_times": 0}, ValueError, "resample_times"),
        ({"uncertain_bit": 2}, TypeError, "uncertain_bit"),
    ],
)
def test_a_parameter_refuses_what_makes_no_sense(settings, error, words):
    with pytest.raises(error, match=words):
        Parameter(**settings)


@pytest.mark.parametrize("name", ["budget", "train_size", "positive_size", "probability"])
def test_setters_check_like_the_constructor(name):
    parameter = Parameter(budget=50)
    before = getattr(parameter, f"get_{name}")()
    for value in (-1, "3", None):
        with pytest.raises((TypeError, ValueError), match=name):
            getattr(parameter, f"set_{name}")(value)
    assert getattr(parameter, f"get_{name}")() == before


NUMBERS = {
    "exploration_rate": np.float32(0.25),
    "time_budget": Fraction(60),
    "terminal_value": np.float32(-1.5),
    "precision": np.float64(0.5),
    "uncertain_bits": np.int64(2),
    "non_update_allowed": np.int32(30),
    "resample_times": np.float64(3),
    "balance_rate": np.float32(0.25),
    "server_num": np.int64(2),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_kept_as_plain_ones(name):
    parameter = Parameter(**{name: NUMBERS[name]})
    attribute = "probability" if name == "exploration_rate" else name
    assert type(getattr(parameter, attribute)) in (int, float)
    if hasattr(parameter, f"set_{attribute}"):
        getattr(parameter, f"set_{attribute}")(NUMBERS[name])
        assert type(getattr(parameter, attribute)) in (int, float)


@pytest.mark.parametrize(
    "settings",
    [
        {"exploration_rate": np.float32(0.1), "window": np.int64(2)},
        {"max_failures": np.int64(5), "time_budget": Fraction(121, 2), "vectorized": np.False_},
        {"server_num": np.int64(2), "retries": np.int64(1), "parallel": True},
        {
            "noise_handling": True,
            "suppression": True,
            "balance_rate": np.float32(0.5),
            "non_update_allowed": np.int64(9),
            "resample_times": np.int64(2),
        },
        {
            "high_dim_handling": True,
            "reducedim": True,
            "num_sre": np.int64(2),
            "variance_A": np.float32(0.5),
        },
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_checkpoint_takes_numbers_of_other_libraries(settings, tmp_path):
    objective = Objective(sphere, box(12))
    path = tmp_path / "run.db"
    Opt.min(objective, Parameter(budget=30, seed=np.int64(1), checkpoint=path, **settings))
    assert resume(path, Objective(sphere, box(12)), budget=40).result.nfev == 40


def test_one_callback_needs_no_list():
    counted = []
    parameter = Parameter(budget=10, seed=0, callbacks=lambda search: counted.append(search.nfev))
    Opt.min(Objective(sphere, box(2)), parameter)
    assert counted == list(range(1, 11))
    with pytest.raises(TypeError, match="callback must be callable"):
        Parameter(callbacks=5)
