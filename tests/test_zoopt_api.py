"""The ZOOpt API: old scripts run unchanged, and each defect of ZOOpt 0.4.2 stays repaired."""

import inspect
import math
import pickle
import random
import threading

import numpy as np
import pytest

import zoopt
from zoopt import (
    Dimension,
    Dimension2,
    EvaluationWarning,
    ExpOpt,
    Objective,
    Opt,
    Parameter,
    Solution,
    ValueType,
)
from zoopt.algos.opt_algorithms.racos.racos_optimization import RacosOptimization
from zoopt.defaults import gl
from zoopt.parameter import DefaultStoppingCriterion

C, D, G = ValueType.CONTINUOUS, ValueType.DISCRETE, ValueType.GRID
#: Sequential and batch.
MODES = [True, False]


@pytest.fixture(autouse=True)
def _restored_defaults():
    """Leave the process-wide defaults as they were."""
    before = dict(gl.__dict__)
    yield
    gl.__dict__.update(before)


def box(n):
    return Dimension(n, [[-1, 1]] * n, [True] * n)


def bits(n):
    return Dimension(n, [[0, 1]] * n, [False] * n)


def labels(n):
    return Dimension(n, [[0, 999]] * n, [False] * n)


def sphere(solution):
    return sum((v - 0.2) ** 2 for v in solution.get_x())


def total(solution):
    return sum(solution.get_x())


def nothing(solution):
    return 1.0


class Counted:
    """An objective function that keeps the points it was called with."""

    def __init__(self, func=sphere):
        self.func = func
        self.points = []

    def __call__(self, solution):
        self.points.append(list(solution.get_x()))
        return self.func(solution)


def histories(n, objective_of, **settings):
    """Run n times and return the histories."""
    found = []
    for _ in range(n):
        objective = objective_of()
        Opt.min(objective, Parameter(**settings))
        found.append(objective.get_history())
    return found


# ------------------------------------------------------------------ Dimension


def test_dimension_tells_what_it_was_given():
    dim = Dimension(3, [[-1, 1], [0, 5], [2, 2]], [True, False, False], [False, True, False])
    assert dim.get_size() == len(dim) == 3
    assert dim.get_regions() == dim.copy_region() == [[-1, 1], [0, 5], [2, 2]]
    assert [dim.get_region(i) for i in range(3)] == dim.get_regions()
    assert dim.get_types() == [dim.get_type(i) for i in range(3)] == [True, False, False]
    assert dim.get_order() == [False, True, False]
    assert [type(v) for v in dim.get_region(0) + dim.get_region(1)] == [float, float, int, int]
    assert Dimension(2, [[0, 1]] * 2, [True] * 2).get_order() == [False, False]


def test_dimension_counts_its_points():
    assert Dimension(2, [[0, 1], [-2, 2]], [False] * 2).limited_space() == (True, 10)
    assert Dimension(2, [[0, 1], [-2, 2]], [False, True]).limited_space() == (False, 0)
    assert bits(200).limited_space() == (True, 2**200)
    assert bits(2).is_discrete() is True
    assert Dimension(2, [[0, 1]] * 2, [False, True]).is_discrete() is False


@pytest.mark.parametrize(
    "dim",
    [
        Dimension(3, [[-1, 1], [0, 5], [2, 2]], [True, False, False]),
        Dimension2([(C, [-1, 1], 1e-3), (D, [0, 5], True), (G, ["a", None]), (C, [0, 1])]),
    ],
    ids=["Dimension", "Dimension2"],
)
def test_samples_are_native_uniform_and_in_range(dim):
    """Each of 6 whole numbers is missed by 300 draws with probability 6 (5/6)^300 < 1e-22."""
    samples = [dim.rand_sample() for _ in range(300)]
    assert {s[1] for s in samples} == set(range(6))
    for sample in samples:
        assert type(sample) is list
        assert type(sample[0]) is float
        assert type(sample[1]) is int
        assert -1 <= sample[0] <= 1
        assert dim.space.contains(sample)
    low = sum(sample[0] < 0 for sample in samples)
    assert 150 - 5 * math.sqrt(75) < low < 150 + 5 * math.sqrt(75)


def test_dimension_merges_copies_and_compares():
    a = Dimension(1, [[0, 3]], [False], [True])
    b = Dimension(2, [[-1, 1]] * 2, [True] * 2)
    merged = Dimension.merge_dim(a, b)
    assert merged.get_regions() == [[0, 3], [-1, 1], [-1, 1]]
    assert merged.get_order() == [True, False, False]
    assert a.equal(a.deep_copy())
    assert not a.equal(b)
    assert not a.equal(Dimension(1, [[0, 3]], [False], [False]))  # another order
    assert not a.equal(Dimension(1, [[0, 4]], [False], [True]))
    assert not a.equal(Dimension(1, [[0, 3]], [True], [True]))
    copied = merged.deep_copy()
    copied.set_region(0, [5, 6], False)
    assert merged.get_region(0) == [0, 3]


def test_dimension_setters_change_what_solvers_see():
    dim = Dimension()
    assert dim.get_size() == 0
    dim.set_all(2, [[0, 1], [0, 9]], [True, False])
    assert dim.space.dimensions[1].ordered is False
    dim.set_order([False, True])
    assert dim.space.dimensions[1].ordered is True
    dim.set_region(1, [3, 4], False)
    assert dim.get_regions() == [[0, 1], [3, 4]]
    assert dim.get_order() == [False, True]  # untouched
    assert {dim.rand_sample()[1] for _ in range(60)} == {3, 4}
    dim.set_regions([[0, 2], [5, 5]], [False, True])
    assert dim.get_types() == [False, True]
    dim.set_dimension_size(3)
    assert dim.get_size() == 3
    dim.set_size(1)
    assert dim.get_regions() == [[0, 2]]


def test_judge_match():
    for cls in (Dimension, Dimension2):
        assert cls.judge_match(2, [[0, 1]] * 2, [True] * 2) is True
        assert cls.judge_match(3, [[0, 1]] * 2, [True] * 2) is False
        assert cls.judge_match(2, [[0, 1]] * 2, [True]) is False


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((2, [[0, 1]], [True] * 2), ValueError, "regs and tys"),
        ((2, [[0, 1]] * 2, [True]), ValueError, "regs and tys"),
        ((1, [[0, 1]], [True], [True, False]), ValueError, "order"),
        ((2, [[0, 1], [1, 0]], [True] * 2), ValueError, r"regs\[1\].*low.*high"),
        ((1, [[0, math.inf]], [True]), ValueError, r"regs\[0\].*finite"),
        ((1, [[math.nan, 1]], [True]), ValueError, r"regs\[0\]"),
        ((1, [[0.5, 3]], [False]), ValueError, r"regs\[0\].*whole"),
        ((1, [[0, 1, 2]], [True]), ValueError, "pairs"),
        ((1, ["ab"], [True]), ValueError, "pairs"),
        ((1, [[0, 1]], ["continuous"]), TypeError, "tys"),
        ((1, [[0, 1]], [2]), TypeError, "tys"),
        ((1, [[0, 1]], [None]), TypeError, "tys"),
        ((-1, [], []), ValueError, "size"),
        ((1.5, [[0, 1]], [True]), TypeError, "size"),
        ((True, [[0, 1]], [True]), TypeError, "size"),
    ],
)
def test_a_dimension_refuses_what_makes_no_sense(arguments, error, words):
    with pytest.raises(error, match=words):
        Dimension(*arguments)


# ------------------------------------------------------------------ Dimension2


def test_value_types_are_the_old_numbers():
    assert (ValueType.DISCRETE, ValueType.CONTINUOUS, ValueType.GRID) == (0, 1, 2)
    assert {type(v) for v in (C, D, G)} == {int}
    assert Dimension2([(1, [0, 1], 0.5), (0, [0, 1], True), (2, [7, 8])]).get_types() == [1, 0, 2]


def test_dimension2_tells_what_it_was_given():
    dim = Dimension2([(C, [-1, 1], 1e-6), (D, [1, 8], True), (D, [1, 8]), (G, ["x", 3, None])])
    assert dim.get_size() == len(dim) == 4
    assert dim.get_regions() == [[-1, 1], [1, 8], [1, 8], ["x", 3, None]]
    assert dim.get_order_or_precision() == [1e-6, True, None, None]
    assert dim.limited_space() == (False, 0)  # in spite of the precision
    assert dim.is_discrete() is False
    kinds = [getattr(d, "ordered", None) for d in dim.space]
    assert kinds == [None, True, False, False]
    assert Dimension2([(G, ["x"], "ignored")]).get_order_or_precision() == [None]


def test_a_grid_is_discrete_and_counted():
    dim = Dimension2([(D, [1, 8], True), (G, ["x", 3, None])])
    assert dim.is_discrete() is True
    assert dim.limited_space() == (True, 24)


def test_dimension2_setters_merge_and_compare():
    dim = Dimension2()
    dim.set_all(2, [[0, 1], ["a", "b"]], [C, G])
    dim.set_order_or_precision([0.5, None])
    assert {dim.rand_sample()[0] for _ in range(60)} == {0.0, 0.5, 1.0}
    dim.set_region(0, [0, 3], D)
    assert dim.get_type(0) == D
    dim.set_regions([[4, 5], [1.0, 2.0]], [D, C])
    assert dim.get_regions() == [[4, 5], [1, 2]]
    dim.set_dimension_size(1)
    assert dim.get_regions() == [[4, 5]]
    merged = Dimension2.merge_dim(dim, Dimension2([(G, ["a", "b"])]))
    assert merged.get_regions() == [[4, 5], ["a", "b"]]
    assert merged.deep_copy().equal(merged)
    assert not merged.equal(dim)
    assert not Dimension2([(C, [0, 1], 0.1)]).equal(Dimension2([(C, [0, 1], 0.2)]))


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        ((C, [1, 0], 0.1), ValueError, "low"),
        ((C, [0, math.inf], 0.1), ValueError, "finite"),
        ((C, [0, 1], 0), ValueError, "step"),
        ((C, [0, 1], -0.1), ValueError, "step"),
        ((C, [0, 1], math.inf), ValueError, "finite"),
        ((C, [0, 1], math.nan), ValueError, "step"),
        ((C, [0, 1], "0.1"), TypeError, "step"),
        ((D, [0.5, 2], True), ValueError, "whole"),
        ((D, [0, 5], "yes"), TypeError, "True or False"),
        ((D, [0, 1, 2], True), ValueError, "low, high"),
        ((G, []), ValueError, "empty"),
        ((G, ["a", "b", "a"]), ValueError, "'a' twice"),
        ((G, "abc"), TypeError, "list"),
        ((G, 5), TypeError, "list"),
        ((3, [0, 1], True), ValueError, "type"),
        ((True, [0, 1], True), ValueError, "type"),
        (("CONTINUOUS", [0, 1], 0.1), ValueError, "type"),
        ((C,), ValueError, "region"),
        ((C, [0, 1], 0.1, 0.1), ValueError, "region"),
        (C, ValueError, "region"),
    ],
)
def test_a_dimension2_refuses_what_makes_no_sense_and_names_the_entry(entry, error, words):
    with pytest.raises(error, match=rf"dim_list\[1\].*{words}"):
        Dimension2([(C, [0, 1], 0.1), entry])


# ------------------------------------------------------------------ Solution


def test_solution_stores_what_it_is_given():
    x = [1, 2]
    solution = Solution(x, 3.0, 4.0, "a", "b", True, 7)
    assert solution.get_x() == x
    assert solution.get_value() == 3.0
    assert solution.get_resample_value() == 4.0
    assert (solution.get_attach(), solution.get_post_attach()) == ("a", "b")
    assert solution.is_in_possible_solution is True
    assert solution.get_no() == 7
    for name in ("x", "value", "resample_value", "attach", "post_attach", "no"):
        getattr(solution, f"set_{name}")([name])
        assert getattr(solution, f"get_{name}")() == [name]
    solution.is_in_possible_solution = False
    assert solution.is_in_possible_solution is False


def test_solution_gives_the_stored_vector_itself():
    solution = Solution((1, 2))
    assert solution.get_x() is solution.get_x()
    assert type(solution.get_x()) is list
    solution.set_x_index(0, 9)
    assert (solution.get_x_index(0), solution.get_x()) == (9, [9, 2])
    array = np.zeros(3)
    solution.set_x(array)
    assert solution.get_x() is array


def test_solution_defaults():
    solution = Solution()
    assert solution.get_x() == []
    assert math.isnan(solution.get_value())
    assert solution.get_resample_value() is solution.get_attach() is solution.get_no() is None


def test_solution_is_truthy_hashable_and_no_text():
    a, b = Solution([1], value=0.0), Solution([1], value=0.0)
    assert a
    assert bool(Solution())
    assert len({a, b}) == 2
    assert (a == "FINISHED") is False
    assert not hasattr(a, "__len__")


def test_solution_array_view_keeps_objects_apart():
    assert Solution([1, 2.5]).x.dtype == np.float64
    mixed = Solution([1, (2, 3), None]).x
    assert mixed.dtype == object
    assert mixed[1] == (2, 3)


def test_deep_copy_shares_nothing_and_drops_the_number():
    solution = Solution([1, 2], 3.0, [4], [5], [6], True, 7)
    copied = solution.deep_copy()
    for name in ("x", "resample_value", "attach", "post_attach"):
        ours, theirs = getattr(solution, f"get_{name}")(), getattr(copied, f"get_{name}")()
        assert ours == theirs
        assert ours is not theirs
    assert (copied.get_value(), copied.is_in_possible_solution) == (3.0, True)
    assert copied.get_no() is None
    assert [s.get_x() for s in Solution.deep_copy_set([solution, copied])] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (([1, 2],), ([1, 2],), True),
        (([1, 2],), ([1, 2, 3],), False),
        (([1, 2],), ([1, 3],), False),
        (([1],), ([1.0],), True),
        (([1],), ([np.int64(1)],), True),
        ((["a", None],), (["a", None],), True),
        (([1],), (["1"],), False),
        (([1], 2.0), ([1], 2.0), True),
        (([1], 2.0), ([1], 3.0), False),
        (([1], 2.0), ([1],), True),  # one is not evaluated
        (([1], float("nan")), ([1], np.float64("nan")), True),
        (([1], math.inf), ([1], math.inf), True),
        (([1], [1.0, 2.0]), ([1], [3.0, 4.0]), True),  # pairs are no numbers
    ],
)
def test_is_equal(a, b, equal):
    a, b = Solution(*a), Solution(*b)
    assert a.is_equal(b) is b.is_equal(a) is equal
    assert a.exist_equal([Solution([99]), b]) is equal
    assert a.exist_equal([]) is False


def test_extremes_are_the_first_of_their_kind():
    members = [Solution([i], value=v) for i, v in enumerate((2.0, 1.0, 3.0, 1.0, 3.0))]
    assert Solution.find_minimum(members) == (members[1], 1)
    assert Solution.find_maximum(members) == (members[2], 2)
    for find in (Solution.find_minimum, Solution.find_maximum):
        with pytest.raises(IndexError):
            find([])


def test_solution_prints(capsys):
    solution = Solution([1, "a"], value=0.5)
    solution.print_solution()
    Solution.print_solution_set([solution, Solution([2], value=1)])
    assert capsys.readouterr().out == "x: [1, 'a']\nvalue: 0.5\n0.500000\n1.000000\n"


# ------------------------------------------------------------------ Objective


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


# ------------------------------------------------------------------ Parameter

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
    """A step redraws at most so many coordinates, and often just so many."""
    moves = []

    class Watch:
        def on_tell(self, search, candidate, evaluation):
            if candidate.move is not None:
                moves.append(len(candidate.move) - 1)

    Opt.min(Objective(total, dim(n)), Parameter(budget=60, seed=0, callbacks=[Watch()]))
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


# ------------------------------------------------------------------ Opt.min


def test_old_names_are_bound_by_importing_zoopt():
    names = "Dimension Dimension2 ValueType Objective Opt Parameter Solution ExpOpt"  # classes
    modules = "dimension objective opt parameter solution exp_opt utils algos"
    for name in (names + " " + modules).split():
        assert hasattr(zoopt, name)
    assert zoopt.__version__
    assert not hasattr(Opt(), "max")
    assert isinstance(ExpOpt(), ExpOpt)


@pytest.mark.parametrize("sequential", MODES)
def test_min_returns_the_best_of_its_history(sequential):
    objective = Objective(sphere, box(3))
    solution = Opt.min(objective, Parameter(budget=150, sequential=sequential, seed=0))
    assert solution.get_value() == min(objective.get_history()) == sphere(solution)
    assert type(solution.get_x()) is list
    assert solution.result.nfev == len(objective.get_history()) == 150
    assert (solution.result.history == objective.get_history()).all()
    assert (solution.x == solution.get_x()).all()


@pytest.mark.parametrize("sequential", MODES)
def test_min_solves_ackley(sequential):
    """0.4.2 with 100 variables and 10,000 calls: below 0.2."""

    def ackley(solution):
        x = solution.x - 0.2
        return float(
            -20 * np.exp(-0.2 * np.sqrt((x * x).mean()))
            - np.exp(np.cos(2 * np.pi * x).mean())
            + 20
            + np.e
        )

    parameter = Parameter(budget=10_000, sequential=sequential, seed=0)
    assert Opt.min(Objective(ackley, box(100)), parameter).get_value() < 0.2


@pytest.mark.parametrize("sequential", MODES)
def test_min_searches_mixed_spaces(sequential):
    """Both halves of a mixed space reach their optimum in 9 runs of 10."""
    dim = Dimension2([(C, [0, 1], 1e-3), (D, [0, 100], True), (D, [0, 3]), (G, list("abcd"))])

    def func(solution):
        real, ordered, label, choice = solution.get_x()
        return abs(real - 0.25) + abs(ordered - 40) / 100 + (label != 2) + (choice != "c")

    good = 0
    for seed in range(10):
        solution = Opt.min(
            Objective(func, dim), Parameter(budget=400, seed=seed, sequential=sequential)
        )
        good += solution.get_value() < 0.2
        assert [type(v) for v in solution.get_x()] == [float, int, int, str]
    assert good >= 9


def test_algorithm_names_are_case_insensitive():
    for name, solver in ((None, "sracos"), ("RACOS", "sracos"), ("SRacos", "sracos")):
        solution = Opt.min(Objective(sphere, box(1)), Parameter(name, budget=10, seed=0))
        assert solution.result.message.startswith(solver)
    solution = Opt.min(Objective(sphere, box(1)), Parameter("Random", budget=10, seed=0))
    assert solution.result.message.startswith("random")


def test_the_objective_history_goes_on_until_it_is_cleaned():
    objective = Objective(sphere, box(2))
    parameter = Parameter(budget=20, seed=0)
    Opt.min(objective, parameter)
    solution = Opt.min(objective, parameter)
    assert len(objective.get_history()) == 40
    assert len(solution.result.history) == 20
    objective.clean_history()
    assert objective.get_history() == []


def test_the_function_sees_attachments_and_the_best_keeps_its_own():
    counter = iter(range(1000))
    after = []
    objective = Objective(lambda s: sphere(s) + 0 * s.get_attach(), box(2))
    objective.set_inherit_func(lambda parent: next(counter))
    objective.set_post_inherit_func(lambda: after.append(len(after)) or after[-1])
    solution = Opt.min(objective, Parameter(budget=30, seed=0))
    index = objective.get_history().index(solution.get_value())
    assert solution.get_attach() == solution.get_post_attach() == index
    assert len(after) == 30


def test_a_terminal_value_stops_at_the_first_value_that_reaches_it():
    for sequential in MODES:
        objective = Objective(sphere, box(2))
        Opt.min(
            objective, Parameter(budget=5000, terminal_value=0.01, seed=0, sequential=sequential)
        )
        *before, last = objective.get_history()
        assert last <= 0.01
        assert min(before, default=math.inf) > 0.01


def test_a_criterion_sees_the_run_after_every_evaluation():
    for sequential in MODES:
        seen = []
        objective = Objective(sphere, box(2))

        class Criterion(DefaultStoppingCriterion):
            def check(self, optcontent, seen=seen, objective=objective):
                best = optcontent.get_best_solution()
                assert best.get_value() == min(objective.get_history())
                assert sphere(best) == best.get_value()
                sizes = len(optcontent.get_positive_data()), len(optcontent.get_negative_data())
                assert len(optcontent.get_data()) == sum(sizes)
                seen.append(sizes)
                return False

        parameter = Parameter(
            budget=60, stopping_criterion=Criterion(), seed=0, sequential=sequential
        )
        Opt.min(objective, parameter)
        assert len(seen) == 60
        assert seen[-1] == (1, 5)


def test_a_criterion_may_keep_state():
    class Unchanged:
        """Stop after 20 evaluations without a better value."""

        best, times = math.inf, 0

        def check(self, optcontent):
            value = optcontent.get_best_solution().get_value()
            self.times = 0 if value < self.best else self.times + 1
            self.best = value
            return self.times >= 20

    objective = Objective(sphere, box(2))
    solution = Opt.min(objective, Parameter(budget=100_000, stopping_criterion=Unchanged(), seed=0))
    assert solution.result.status == "stop"
    curve = objective.get_history_bestsofar()
    assert len(set(curve[-21:])) == 1
    assert len(curve) == 21 or curve[-22] > curve[-21]


def test_init_samples_of_all_forms_come_first_and_preset_values_are_free():
    known = Solution([0.9, 0.9], value=-7.0)
    samples = [[0.1, 0.2], (0.3, 0.4), np.array([0.5, 0.6]), Solution([0.7, 0.8]), known]
    func = Counted()
    objective = Objective(func, box(2))
    solution = Opt.min(objective, Parameter(budget=20, init_samples=samples, seed=0))
    assert func.points[:4] == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]]
    assert len(func.points) == len(objective.get_history()) == 20
    assert known.get_x() not in func.points
    assert (solution.get_x(), solution.get_value()) == ([0.9, 0.9], -7.0)


def test_a_stochastic_objective_gets_numbers_of_the_run_s_seed():
    def run(seed):
        drawn = []

        def func(solution, rng):
            drawn.append(rng.random())
            return drawn[-1]

        Opt.min(Objective(func, box(1)), Parameter(budget=20, seed=seed))
        return drawn

    assert run(0) == run(0) != run(1)
    assert len(set(run(0))) == 20


# ------------------------------------------------------------------ not there yet, and bad input


@pytest.mark.parametrize(
    ("settings", "constraint", "words"),
    [
        ({"noise_handling": True}, None, "noise_handling"),
        ({"noise_handling": True, "resampling": True}, None, "noise_handling"),
        ({"noise_handling": True, "suppression": True}, None, "noise_handling"),
        ({"high_dim_handling": True}, None, "high_dim_handling"),
        ({"high_dim_handling": True, "reducedim": True}, None, "high_dim_handling"),
        ({"parallel": True, "server_num": 2}, None, "parallel"),
        ({"parallel": True}, None, "parallel"),
        ({}, nothing, "constraint"),
        ({"algorithm": "racos"}, nothing, "constraint"),
        ({"algorithm": "POSS"}, nothing, "POSS"),
        ({"algorithm": "ssracos"}, None, "ssracos"),
        ({"algorithm": "asracos"}, None, "asracos"),
        ({"filter": nothing}, None, "filter"),
        ({"checkpoint": "run.db"}, None, "checkpoint"),
        ({"backend": "process"}, None, "process"),
        ({"window": 2}, None, "window"),
        ({"eval_timeout": 1.0}, None, "eval_timeout"),
    ],
)
def test_what_is_not_there_yet_says_so_before_any_call(settings, constraint, words):
    objective = Objective(sphere, bits(3), constraint)
    with pytest.raises(ValueError, match=f"{words}.*not available in this version of zoopt"):
        Opt.min(objective, Parameter(budget=20, **settings))
    assert objective.get_history() == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"resampling": True}, "noise_handling"),
        ({"suppression": True}, "noise_handling"),
        ({"ponss": True}, "noise_handling"),
        ({"reducedim": True}, "high_dim_handling"),
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
    with (
        pytest.warns(EvaluationWarning),
        pytest.raises((TypeError, ValueError), match="objective must return"),
    ):
        Opt.min(Objective(func, box(2)), Parameter(budget=60))
    assert len(func.points) == 3


def test_an_objective_that_always_raises_gives_its_own_error_after_three_calls():
    def func(solution):
        raise KeyError("width")

    counted = Counted(func)
    with pytest.warns(EvaluationWarning), pytest.raises(KeyError, match="width") as caught:
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
    with (
        pytest.warns(EvaluationWarning),
        pytest.raises(zoopt.AllEvaluationsFailed) as caught,
    ):
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


# ------------------------------------------------------------------ ExpOpt


def test_exp_opt_returns_solutions_in_run_order_and_clears_the_history():
    objective = Objective(sphere, box(2))
    solutions = ExpOpt.min(objective, Parameter(budget=20, seed=0), repeat=3, best_n=2)
    assert len(solutions) == 3
    assert all(isinstance(solution, Solution) for solution in solutions)
    assert [s.result.nfev for s in solutions] == [20, 20, 20]
    assert objective.get_history() == []
    assert len(ExpOpt.min(objective, Parameter(budget=10))) == 1


def test_exp_opt_repeats_differ_and_the_whole_is_reproducible():
    def run(seed):
        objective = Objective(sphere, box(2))
        return [s.get_x() for s in ExpOpt.min(objective, Parameter(budget=20, seed=seed), repeat=4)]

    first = run(0)
    assert first == run(0)
    assert len({tuple(x) for x in first}) == 4
    assert not {tuple(x) for x in first} & {tuple(x) for x in run(1)}


@pytest.mark.parametrize("repeat", [0, -1, 1.5, "3", True])
def test_exp_opt_refuses_a_senseless_repeat(repeat):
    with pytest.raises(ValueError, match="repeat"):
        ExpOpt.min(Objective(sphere, box(1)), Parameter(budget=10), repeat=repeat)


def test_result_analysis_of_numbers_and_pairs(capsys):
    results = [3.0, 1.0, 2.0]
    mean, std = ExpOpt.result_analysis(results, 2)
    assert results == [1.0, 2.0, 3.0]  # sorted in place
    assert (mean, std) == (1.5, 0.5)
    assert ExpOpt.result_analysis([2.0], 10) == (2.0, 0.0)
    mean, std = ExpOpt.result_analysis([[2.0, 9.0], [1.0, 4.0], [1.0, 2.0]], 2)
    assert (mean.tolist(), std.tolist()) == ([1.0, 3.0], [0.0, 1.0])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("[zoopt] ")


def test_exp_opt_plots_the_best_so_far_to_a_file(tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    drawn = []
    close = pyplot.close

    def look_and_close(figure):
        drawn.append([line.get_ydata().tolist() for line in figure.axes[0].lines])
        close(figure)

    monkeypatch.setattr(pyplot, "close", look_and_close)
    path = tmp_path / "curve.png"
    objective = Objective(sphere, box(2))
    parameter = Parameter(budget=30, seed=0)
    solutions = ExpOpt.min(objective, parameter, repeat=2, plot=True, plot_file=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (curves,) = drawn
    assert [len(curve) for curve in curves] == [30, 30]
    assert [curve[-1] for curve in curves] == [s.get_value() for s in solutions]
    assert all(curve == sorted(curve, reverse=True) for curve in curves)


# ------------------------------------------------------------------ the defects of 0.4.2


def test_defect_01_precision_belongs_to_the_instance():
    Dimension2([(C, [0, 1], 1e-3)])
    Opt.min(Objective(sphere, box(3)), Parameter(budget=30, seed=0))

    fine, coarse = Dimension2([(C, [0, 1], 1e-6)]), Dimension2([(C, [0, 100], 10)])
    seen = {}

    def run(name, dim):
        func = Counted(total)
        Opt.min(Objective(func, dim), Parameter(budget=200, seed=0))
        seen[name] = [x[0] for x in func.points]

    threads = [
        threading.Thread(target=run, args=case) for case in (("fine", fine), ("coarse", coarse))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen["coarse"]) <= set(range(0, 101, 10))
    assert len(set(seen["fine"])) == 200
    assert all(x == round(x, 6) for x in seen["fine"])
    assert any(x != round(x, 3) for x in seen["fine"])


def test_defect_02_grids_exploit_all_values_and_give_the_users_objects():
    """Of some 190 exploiting steps, all miss a value with probability 5 (3/4)^190 < 1e-22."""
    drawn = []

    class Watch:
        def on_tell(self, search, candidate, evaluation):
            if candidate.move is not None:
                drawn.extend(candidate.x[k] for k in candidate.move[1:])

    parameter = Parameter(budget=200, exploration_rate=0.0, seed=0, callbacks=[Watch()])
    dim = Dimension2([(G, list("abcde"))] * 5)
    Opt.min(Objective(lambda s: s.get_x().count("c"), dim), parameter)
    assert set(drawn) == set("abcde")
    values = [1, None, "x", (2, 3), 1.5]
    func = Counted(nothing)
    Opt.min(Objective(func, Dimension2([(G, values), (G, ["only"])])), Parameter(budget=30))
    assert {id(x[0]) for x in func.points} == {id(value) for value in values}
    assert {x[1] for x in func.points} == {"only"}


@pytest.mark.parametrize("sequential", MODES)
def test_defect_03_nan_is_a_failed_evaluation(sequential):
    def func(solution):
        x = solution.get_x()[0]
        return math.nan if x > 0 else math.inf if x < -0.5 else x

    objective = Objective(func, box(1))
    parameter = Parameter(
        budget=60, init_samples=[[0.5], [-0.75], [-0.25]], seed=0, sequential=sequential
    )
    with pytest.warns(EvaluationWarning, match="NaN"):
        solution = Opt.min(objective, parameter)
    history = objective.get_history()
    assert len(history) == 60
    assert solution.result.n_failed == sum(math.isnan(v) for v in history) > 0
    assert solution.get_value() == np.nanmin(history)
    # A number that is +inf still ranks before NaN.
    returned = iter([math.nan, math.inf] + [math.nan] * 58)
    objective = Objective(lambda s: next(returned), box(1))
    with pytest.warns(EvaluationWarning, match="NaN"):
        solution = Opt.min(objective, Parameter(budget=60, seed=0, sequential=sequential))
    assert (solution.get_value(), solution.result.n_failed) == (math.inf, 59)


def test_defect_03_nothing_but_nan_ends_in_an_error_that_holds_the_result():
    objective = Objective(lambda s: math.nan, box(1))
    with (
        pytest.warns(EvaluationWarning, match="NaN"),
        pytest.raises(zoopt.AllEvaluationsFailed) as caught,
    ):
        Opt.min(objective, Parameter(budget=30, seed=0))
    assert caught.value.result.nfev == len(objective.get_history()) == 30


@pytest.mark.parametrize("sequential", MODES)
def test_defect_04_constants_and_duplicates_end(sequential):
    with pytest.raises(ValueError, match="low"):
        Dimension(2, [[1, -1]] * 2, [True] * 2)
    func = Counted()
    solution = Opt.min(
        Objective(func, Dimension(2, [[1, 1]] * 2, [True] * 2)),
        Parameter(budget=30, sequential=sequential),
    )
    assert func.points == [[1.0, 1.0]]
    assert solution.result.status == "exhausted"
    func = Counted()
    parameter = Parameter(
        budget=30, init_samples=[[-1, -1]] * 6, seed=0, sequential=sequential, uncertain_bits=1
    )
    Opt.min(Objective(func, box(2)), parameter)
    assert len(func.points) == len({tuple(x) for x in func.points}) == 30
    assert func.points[0] == [-1, -1]


def test_defect_07_tuples_are_accepted_and_copied():
    start = (0.2, 0.2)
    parents = 0

    class Watch:
        def on_tell(self, search, candidate, evaluation):
            nonlocal parents
            parents += candidate.move is not None and candidate.move[0] == 0

    parameter = Parameter(budget=60, init_samples=[start], seed=0, callbacks=[Watch()])
    solution = Opt.min(Objective(sphere, box(2)), parameter)
    assert parents > 0
    assert solution.get_value() == 0
    assert type(solution.get_x()) is list
    solution.get_x()[0] = 9.0
    assert start == (0.2, 0.2)


@pytest.mark.parametrize(
    ("low", "high", "q"),
    [(0, 1, 0.25), (0, 100, 25), (0, 9, 2), (0.4, 6, 10), (-1, 1, 1e-6), (0, 1, 0.1), (0, 1, 5)],
)
def test_defect_08_values_are_the_nearest_multiples_of_the_precision_within_the_range(low, high, q):
    func = Counted(total)
    Opt.min(Objective(func, Dimension2([(C, [low, high], q)] * 2)), Parameter(budget=60, seed=0))
    for x in [v for point in func.points for v in point]:
        assert low <= x <= high
        assert x in (low, high) or math.isclose(x / q, round(x / q), rel_tol=1e-9)
        assert type(x) is float
    if q == 0.1:
        assert all(v == round(v, 1) for point in func.points for v in point)


@pytest.mark.parametrize("sequential", MODES)
def test_defect_10_the_history_holds_raw_values_one_per_call(sequential):
    returned = []

    def func(solution):
        returned.append(sphere(solution))
        return returned[-1]

    objective = Objective(func, box(2))
    Opt.min(objective, Parameter(budget=200, seed=0, sequential=sequential))
    assert objective.get_history() == returned
    assert len(returned) == 200
    assert returned != objective.get_history_bestsofar()


def test_defect_11_bad_budgets_and_algorithms_raise():
    for budget in (1, 2, 2.9):
        with pytest.raises(ValueError, match="budget must be at least 3"):
            Parameter(budget=budget)
        with pytest.raises(ValueError, match="budget must be at least 3"):
            Parameter().set_budget(budget)
    assert Parameter(budget=0).get_budget() == 0
    with pytest.raises(ValueError, match="budget is not set"):
        Opt.min(Objective(sphere, box(1)), Parameter(budget=0))
    for run in (Opt.min, ExpOpt.min):
        with pytest.raises(ValueError, match=r"racos.*sracos.*'foo'"):
            run(Objective(sphere, box(1)), Parameter(algorithm="foo", budget=10))


@pytest.mark.parametrize("sequential", MODES)
def test_defect_12_the_time_budget_counts_from_the_start_in_every_mode(sequential):
    """No seconds at all are over after the first call, in the midst of the initial design."""
    func = Counted()
    parameter = Parameter(budget=100, time_budget=0, seed=0, sequential=sequential)
    solution = Opt.min(Objective(func, box(1)), parameter)
    assert len(func.points) == 1
    assert solution.result.status == "time_budget"
    parameter.set_time_budget(1e6)
    assert Opt.min(Objective(func, box(1)), parameter).result.status == "budget"


@pytest.mark.parametrize("sequential", MODES)
def test_defect_13_zero_is_a_seed_and_global_generators_are_left_alone(sequential):
    settings = {"budget": 40, "sequential": sequential}
    np.random.seed(3)  # noqa: NPY002 - the global state is what is tested
    random.seed(3)
    before = np.random.get_state()[1].tobytes(), random.getstate()  # noqa: NPY002
    (first,) = histories(1, lambda: Objective(sphere, box(2)), seed=0, **settings)
    assert (np.random.get_state()[1].tobytes(), random.getstate()) == before  # noqa: NPY002
    np.random.seed(4)  # noqa: NPY002
    random.seed(4)
    (second,) = histories(1, lambda: Objective(sphere, box(2)), seed=0, **settings)
    assert first == second
    a, b = histories(2, lambda: Objective(sphere, box(2)), **settings)
    assert a != b  # unseeded


def test_defect_13_gl_seeds_later_unseeded_runs_and_precision_is_per_run():
    def two_runs():
        gl.set_seed(5)
        return histories(2, lambda: Objective(sphere, box(2)), budget=30)

    first = two_runs()
    assert first == two_runs()
    assert first[0] != first[1]
    Opt.min(Objective(sphere, box(2)), Parameter(budget=30, precision=0.5, seed=1))
    assert gl.precision == 1e-17
    after_seeded = histories(1, lambda: Objective(sphere, box(2)), budget=30)
    assert after_seeded[0] not in first  # a seeded run does not set the seed back
    Opt.set_global(Parameter(precision=1e-3, seed=5))
    assert gl.precision == 1e-3
    assert histories(2, lambda: Objective(sphere, box(2)), budget=30) == first
    Opt.set_global(Parameter())
    assert gl.precision == 1e-3


@pytest.mark.parametrize("sequential", MODES)
@pytest.mark.parametrize("budget", [3, 4, 7, 50, 100, 100.5, 1000, 10_000])
def test_defect_14_the_budget_is_exact(budget, sequential):
    func = Counted(total)
    known = Solution([0.5], value=1.0)
    parameter = Parameter(
        budget=budget, seed=0, sequential=sequential, init_samples=[known, [0.25], [0.3]]
    )
    Opt.min(Objective(func, box(1)), parameter)
    assert len(func.points) == math.floor(budget)


@pytest.mark.parametrize("yes", [True, 1, np.True_, np.int64(1)])
def test_defect_17_every_kind_of_truth_is_understood(yes):
    no = type(yes)(0)
    dim = Dimension(2, [[0, 1], [0, 9]], [yes, no], [no, yes])
    assert dim.get_types() == [True, False]
    assert dim.get_order() == [False, True]
    assert [type(v) for v in dim.rand_sample()] == [float, int]
    assert {type(v) for v in dim.get_types() + dim.get_order()} == {bool}
    with pytest.raises(ValueError, match="size=3"):
        Dimension(3, [[0, 1]] * 2, [True] * 2)
    with pytest.raises(ValueError, match="whole"):
        Dimension(1, [[0, 1.5]], [no])
    ordered = Dimension2([(D, [0, 9], yes), (D, [0, 9], no)]).space
    assert [d.ordered for d in ordered] == [True, False]


@pytest.mark.parametrize(
    ("dim", "sample", "words"),
    [
        (box(3), [0, 50, 0], "dimension 1: 50 is outside"),
        (box(3), [0.1], "3 values, got 1"),
        (box(3), [0.1] * 4, "3 values, got 4"),
        (box(3), [0, 0, math.nan], "dimension 2"),
        (box(3), [0, "a", 0], "dimension 1"),
        (box(3), 5, "sequence"),
        (box(3), Solution([0, 50, 0]), "dimension 1"),
        (box(3), Solution([0, 50, 0], value=1.0), "dimension 1"),
        (bits(3), [0, 0.5, 0], "dimension 1: 0.5 is not a whole number"),
        (Dimension2([(D, [0, 1]), (G, ["a", "b"])]), [0, "c"], "dimension 1: 'c' is none of"),
    ],
)
def test_defect_18_init_samples_are_checked(dim, sample, words):
    fine = dim.rand_sample()
    func = Counted(nothing)
    with pytest.raises((TypeError, ValueError), match=rf"init_samples\[1\]: .*{words}"):
        Opt.min(Objective(func, dim), Parameter(budget=20, init_samples=[fine, sample]))
    assert func.points == []


def test_defect_18_all_samples_are_used_and_the_users_objects_stay_as_they_are():
    rng = np.random.default_rng(0)
    mine = [Solution(list(rng.uniform(-1, 1, 2))) for _ in range(15)]  # more than the train size
    x = [list(solution.get_x()) for solution in mine]
    func = Counted()
    objective = Objective(func, box(2))
    parameter = Parameter(budget=20, init_samples=mine, seed=0)
    for _ in range(2):
        Opt.min(objective, parameter)
        assert func.points[:15] == x
        assert len(func.points) == 20
        func.points.clear()
    assert all(math.isnan(solution.get_value()) for solution in mine)
    assert [solution.get_x() for solution in mine] == x
    assert parameter.get_init_samples() == mine


@pytest.mark.parametrize("sequential", MODES)
@pytest.mark.parametrize(
    "dim",
    [
        bits(4),
        Dimension(2, [[0, 3]] * 2, [False] * 2, [True] * 2),
        Dimension2([(G, list("abcd")), (C, [0, 1], 0.25), (D, [1, 1])]),
    ],
    ids=["bits", "ordered", "grid"],
)
def test_defect_19_every_point_of_a_small_space_is_tried_once(dim, sequential):
    size = dim.space.size
    rng = np.random.default_rng(0)
    table = {}
    func = Counted(lambda s: table.setdefault(tuple(s.get_x()), rng.random()))
    solution = Opt.min(Objective(func, dim), Parameter(budget=500, sequential=sequential))
    assert len(func.points) == len(table) == size
    assert solution.result.status == "exhausted"
    assert solution.get_value() == min(table.values())


def test_defect_20_dimensions_print_copy_and_merge(capsys):
    assert Dimension(2, [[0, 3]] * 2, [False] * 2, [True] * 2).deep_copy().get_order() == [True] * 2
    grid = Dimension2([(G, ["a", "b"]), (C, [0, 1], 0.5)])
    merged = Dimension2.merge_dim(grid, Dimension2([(D, [0, 3], True)]))
    assert merged.space.contains(merged.rand_sample())
    assert len(merged.rand_sample()) == 3
    Opt.min(Objective(lambda s: s.get_x()[1], merged), Parameter(budget=10, seed=0))
    box(2).print_dim()
    merged.print_dim()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["dim size: 2", "dim regions: [[-1.0, 1.0], [-1.0, 1.0]]"]
    assert lines[4] == "dim size: 3"
    assert "0.5" in lines[7]


def test_defect_21_nothing_is_shared():
    assert Solution().get_x() is not Solution().get_x()
    regions, types, order = [[0, 3], [0, 3]], [False, False], [True, True]
    dim = Dimension(2, regions, types, order)
    dim.set_region(0, [1, 2], False)
    dim.get_region(1)[0] = 99
    dim.get_order()[0] = False
    assert regions == [[0, 3], [0, 3]]
    regions[1][1] = 77
    types[1] = True
    order[1] = False
    assert (dim.get_regions(), dim.get_order()) == ([[1, 2], [0, 3]], [True, True])
    values = ["a", "b"]
    grid = Dimension2([(G, values)])
    values.append("c")
    grid.get_region(0).append("d")
    assert grid.get_region(0) == ["a", "b"]
    assert Parameter().get_low_dimension() is not Parameter().get_low_dimension()
    x = [1, 2]
    solution = Solution(x)
    x[0] = 9
    assert solution.get_x() == [1, 2]
    assert Objective(sphere).get_history() is not Objective(sphere).get_history()


def test_defect_22_flags_follow_the_present_parameter_and_the_setter_works():
    func = Counted()
    objective = Objective(func, box(2))
    noisy = Parameter(budget=20, noise_handling=True, resampling=True, resample_times=5)
    objective.parameter_set(noisy)
    objective.eval(Solution([0.0, 0.0]))
    assert len(func.points) == 5
    func.points.clear()
    Opt.min(objective, Parameter(budget=20, seed=0))
    objective.eval(Solution([0.0, 0.0]))
    assert len(func.points) == 21
    objective.parameter_set(Parameter(high_dim_handling=True, reducedim=True))
    assert objective.get_reducedim() is True
    objective.parameter_set(Parameter())
    assert objective.get_reducedim() is False
    parameter = Parameter()
    parameter.set_suppression(True)
    assert parameter.get_suppression() is True


@pytest.mark.parametrize("sequential", MODES)
@pytest.mark.parametrize("answer", [True, 1, np.True_, "stop"])
def test_defect_23_any_truthy_answer_stops(answer, sequential):
    class Criterion:
        n = 0

        def check(self, optcontent):
            self.n += 1
            return answer if self.n == 17 else None

    func = Counted()
    criterion = Criterion()
    parameter = Parameter(budget=100, stopping_criterion=criterion, seed=0, sequential=sequential)
    solution = Opt.min(Objective(func, box(2)), parameter)
    assert len(func.points) == criterion.n == 17
    assert solution.result.status == "stop"


@pytest.mark.parametrize("criterion", [object(), lambda content: True, 5])
def test_defect_23_a_criterion_without_check_is_refused(criterion):
    with pytest.raises(TypeError, match="check"):
        Parameter(stopping_criterion=criterion)


def test_defect_27_public_objects_pickle():
    parameter = Parameter(
        budget=40, seed=0, init_samples=[Solution([0.1, 0.1])], low_dimension=box(2)
    )
    objective = Objective(sphere, box(2), constraint=nothing)
    for dim in (box(2), Dimension2([(C, [0, 1], 0.1), (D, [0, 3], True), (G, ["a", (1, 2)])])):
        assert pickle.loads(pickle.dumps(dim)).equal(dim)
        assert dim.space  # made by now
        assert pickle.loads(pickle.dumps(dim)).equal(dim)
    again, objective = pickle.loads(pickle.dumps((parameter, objective)))
    for name in ("budget", "seed", "train_size", "probability", "isolationFunc"):
        assert getattr(again, f"get_{name}")() == getattr(parameter, f"get_{name}")()
    assert objective.get_constraint() is nothing
    objective.set_constraint(None)
    solution = Opt.min(objective, again)
    assert solution.get_x() == Opt.min(objective, parameter).get_x()
    copied = pickle.loads(pickle.dumps(solution))
    assert copied.get_x() == solution.get_x()
    assert copied.get_value() == solution.get_value()
    assert (copied.result.history == solution.result.history).all()
    assert len(pickle.loads(pickle.dumps(objective)).get_history()) == 80


def test_defect_28_sizes_follow_the_budget_unless_set_by_hand():
    def sizes(parameter):
        return (
            parameter.get_train_size(),
            parameter.get_positive_size(),
            parameter.get_negative_size(),
        )

    parameter = Parameter(budget=100)
    parameter.set_budget(2000)
    assert sizes(parameter) == (22, 2, 20)
    parameter.set_positive_size(5)
    parameter.set_budget(100)
    assert sizes(parameter)[:2] == (6, 5)
    parameter = Parameter(budget=100, autoset=False)
    parameter.set_train_size(8)
    parameter.set_budget(2000)
    assert parameter.get_train_size() == 8
    late = Parameter()
    late.set_budget(100)
    assert sizes(late) == (6, 1, 5)


def test_defect_29_nothing_is_printed_unless_asked_for(capfd):
    objective = Objective(sphere, box(2))
    Opt.min(objective, Parameter(budget=250, seed=0, init_samples=[[0.1, 0.1]]))
    ExpOpt.min(objective, Parameter(budget=20, seed=0), repeat=2)
    assert capfd.readouterr() == ("", "")

    parameter = Parameter(budget=25, seed=0, intermediate_result=True, intermediate_freq=10)
    Opt.min(objective, parameter)
    lines = capfd.readouterr().out.splitlines()
    bests = objective.get_history_bestsofar()
    assert [line for line in lines if "budget" in line] == [
        f"[zoopt] budget {n}, fx result: {bests[n - 1]}" for n in (10, 20)
    ]
    assert sum(line.startswith("[zoopt] x: [") for line in lines) == 2

    solution = Opt.min(objective, Parameter(budget=20, seed=0, verbosity=1))
    assert capfd.readouterr().out == f"x: {solution.get_x()!r}\nvalue: {solution.get_value()!r}\n"
    ExpOpt.min(objective, Parameter(budget=20, seed=0, verbosity=1), repeat=2)
    assert "[zoopt] Best 2 result" in capfd.readouterr().out


def test_defect_30_an_unknown_strategy_names_the_known_ones():
    objective = Objective(sphere, box(2))
    with pytest.raises(ValueError, match=r"WR.*RR.*LM.*'XX'"):
        RacosOptimization().opt(objective, Parameter(budget=20), "XX")
    with pytest.raises(ValueError, match=r"WR.*RR.*LM.*'XX'"):
        zoopt.SRacos([(0, 1)], replacement="XX")
    assert objective.get_history() == []


def test_defect_31_setters_raise_on_bad_input_and_change_nothing():
    dims = [
        (Dimension(2, [[0, 3], [-1, 1]], [False, True], [True, False]), True),
        (Dimension2([(D, [0, 3], True), (C, [-1, 1], 0.5)]), C),
    ]
    for dim, ty in dims:
        before = dim.deep_copy()
        for error, call in (
            (IndexError, lambda d, ty: d.set_region(2, [0, 1], ty)),
            (IndexError, lambda d, ty: d.set_region(-1, [0, 1], ty)),
            (ValueError, lambda d, ty: d.set_region(0, [1, 0], ty)),
            (ValueError, lambda d, ty: d.set_region(0, [0, 1, 2], ty)),
            (ValueError, lambda d, ty: d.set_regions([[0, 1]], [ty])),
            (ValueError, lambda d, ty: d.set_all(3, [[0, 1]] * 2, [ty] * 2)),
            (ValueError, lambda d, ty: d.set_all(2, [[0, 1], [1, 0]], [ty] * 2)),
            (ValueError, lambda d, ty: d.set_size(-1)),
        ):
            with pytest.raises(error):
                call(dim, ty)
            assert dim.equal(before)
            assert dim.space.contains(dim.rand_sample())
    with pytest.raises(ValueError, match="order"):
        dims[0][0].set_order([True])
    with pytest.raises(ValueError, match="options"):
        dims[1][0].set_order_or_precision([True])
    assert dims[0][0].get_order() == [True, False]
    assert dims[1][0].get_order_or_precision() == [True, 0.5]


def test_defect_32_results_are_plain_python_numbers():
    for returned in (np.float64(0.5), np.float32(0.5), np.int64(1), np.array([0.5]), True, 1):
        objective = Objective(lambda s, value=returned: value, box(1))
        solution = Opt.min(objective, Parameter(budget=5, seed=0))
        assert type(solution.get_value()) is float
        assert {type(v) for v in objective.get_history()} == {float}
        assert type(objective.eval(Solution([0.0]))) is float
    dim = Dimension2([(C, [0, 1], 0.1), (C, [0, 1]), (D, [0, 3], True), (D, [0, 3])])
    solution = Opt.min(Objective(total, dim), Parameter(budget=60, seed=0))
    assert [type(v) for v in solution.get_x()] == [float, float, int, int]
    assert [type(v) for v in Opt.min(Objective(total, bits(2)), Parameter(budget=10)).get_x()] == [
        int,
        int,
    ]


def test_defect_33_figures_are_closed_and_repeats_differ(tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    shown = []
    monkeypatch.setattr(
        pyplot, "show", lambda: shown.append(len(pyplot.gcf().axes[0].lines)) or None
    )
    mine = pyplot.figure()
    objective = Objective(sphere, box(2))
    for _ in range(2):
        solutions = ExpOpt.min(objective, Parameter(budget=20, seed=0), repeat=3, plot=True)
        assert pyplot.get_fignums() == [mine.number]
        assert mine.axes == []
    assert shown == [3, 3]  # never the curves of the call before
    assert len({s.get_value() for s in solutions}) == 3
    pyplot.close(mine)
