"""Each defect of ZOOpt 0.4.2 stays repaired; the numbers are those of its list."""

import math
import multiprocessing
import os
import pickle
import random
import threading
import time

import numpy as np
import pytest
from old_api import MODES, C, Counted, D, G, bits, box, histories, nothing, sphere, total

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
)
from zoopt.algos.opt_algorithms.racos.racos_optimization import RacosOptimization
from zoopt.core.defaults import gl


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


def children():
    """Return the processes that this one has started, such as multiprocessing's own for good."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return file.read()


class Never:
    def check(self, optcontent):
        return optcontent.get_best_solution().get_value() < 0.05


@pytest.mark.parametrize(
    "settings",
    [
        {"terminal_value": 0.05},
        {"time_budget": 3.0},  # starting two processes takes its part of that
        {"stopping_criterion": Never()},
        {"sequential": False},
        {},
    ],
    ids=lambda settings: next(iter(settings), "budget"),
)
def test_defect_09_parallel_runs_end_and_leave_no_process(settings):
    """The lambda shows that objectives need not be importable."""
    before = multiprocessing.active_children(), children()
    budget = 10**6 if "time_budget" in settings else 400
    parameter = Parameter(budget=budget, seed=0, parallel=True, server_num=2, **settings)
    pause = 0.001 if "time_budget" in settings else 0.0  # rather than keep all processors busy
    objective = Objective(
        lambda solution: time.sleep(pause) or sum((v - 0.2) ** 2 for v in solution.get_x()), box(2)
    )
    solution = Opt.min(objective, parameter)
    assert len(objective.get_history()) == solution.result.nfev <= budget
    expected = {"stopping_criterion": "stop", "sequential": "budget"}
    name = next(iter(settings), "budget")
    assert solution.result.status == expected.get(name, name)
    assert (multiprocessing.active_children(), children()) == before


def test_defect_09_errors_of_the_objective_reach_the_caller_with_their_type():
    def func(solution):
        raise ZeroDivisionError("boom")

    with pytest.raises(ZeroDivisionError, match="boom"):
        Opt.min(Objective(func, box(2)), Parameter(budget=50, parallel=True, server_num=2))


def test_defect_10_parallel_histories_hold_raw_values_of_every_call():
    objective = Objective(lambda solution: sum((v - 0.2) ** 2 for v in solution.get_x()), box(2))
    solution = Opt.min(objective, Parameter(budget=200, seed=0, parallel=True, server_num=2))
    history = objective.get_history()
    assert len(history) == 200
    assert history == solution.result.history.tolist()
    assert history != objective.get_history_bestsofar()


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
