"""The old import paths and classes: adapters over today's solvers, and pure helpers."""

import importlib
import math
import pickle
import queue
import subprocess
import sys

import numpy as np
import pytest

import zoopt
from zoopt import Dimension, Dimension2, Objective, Parameter, Solution, ValueType
from zoopt._native import UNORDERED
from zoopt.algos.high_dimensionality_handling.sre_optimization import SequentialRandomEmbedding
from zoopt.algos.noise_handling.ponss import PONSS
from zoopt.algos.noise_handling.ssracos import SSRacos
from zoopt.algos.opt_algorithms.paretoopt.pareto_optimization import ParetoOptimization
from zoopt.algos.opt_algorithms.paretoopt.paretoopt import ParetoOpt
from zoopt.algos.opt_algorithms.racos.asracos import ASRacos, ASRacosCont, Evaluator, Updater
from zoopt.algos.opt_algorithms.racos.racos import Racos
from zoopt.algos.opt_algorithms.racos.racos_classification import RacosClassification
from zoopt.algos.opt_algorithms.racos.racos_common import RacosCommon
from zoopt.algos.opt_algorithms.racos.racos_optimization import RacosOptimization
from zoopt.algos.opt_algorithms.racos.sracos import SRacos, SRacosTune
from zoopt.utils.tool_function import ToolFunction
from zoopt.utils.zoo_global import gl, nan, neg_inf, pos_inf

C, D, G = ValueType.CONTINUOUS, ValueType.DISCRETE, ValueType.GRID
RACOS = "zoopt.algos.opt_algorithms.racos."
PARETO = "zoopt.algos.opt_algorithms.paretoopt."

#: Section 1 of the contract with ZOOpt 0.4.2.
PATHS = {
    "zoopt.dimension": "Dimension Dimension2 ValueType",
    "zoopt.solution": "Solution",
    "zoopt.objective": "Objective",
    "zoopt.opt": "Opt",
    "zoopt.exp_opt": "ExpOpt",
    "zoopt.parameter": "Parameter DefaultStoppingCriterion",
    "zoopt.utils.zoo_global": "gl Global pos_inf neg_inf nan",
    "zoopt.utils.tool_function": "ToolFunction",
    RACOS + "sracos": "SRacos SRacosTune",
    RACOS + "racos": "Racos",
    RACOS + "asracos": "ASRacos ASRacosCont Evaluator Updater",
    RACOS + "racos_common": "RacosCommon",
    RACOS + "racos_classification": "RacosClassification",
    RACOS + "racos_optimization": "RacosOptimization",
    "zoopt.algos.noise_handling.ssracos": "SSRacos",
    "zoopt.algos.noise_handling.ponss": "PONSS",
    PARETO + "paretoopt": "ParetoOpt",
    PARETO + "pareto_optimization": "ParetoOptimization",
    "zoopt.algos.high_dimensionality_handling.sre_optimization": "SequentialRandomEmbedding",
}
NAMES = [(path, name) for path, names in PATHS.items() for name in names.split()]


def box(n):
    return Dimension(n, [[-1, 1]] * n, [True] * n)


def sphere(solution):
    return sum((v - 0.2) ** 2 for v in solution.get_x())


def solutions(*values):
    return [Solution(x=[float(value)], value=value) for value in values]


def values(members):
    return [member.get_value() for member in members]


def common_of(objective, **settings):
    common = RacosCommon()
    common.set_objective(objective)
    common.set_parameters(Parameter(budget=50, **settings))
    return common


# ------------------------------------------------------------------ paths


@pytest.mark.parametrize(("path", "name"), NAMES)
def test_every_old_path_resolves(path, name):
    assert hasattr(importlib.import_module(path), name)


@pytest.mark.parametrize("path", sorted({p.rpartition(".")[0] for p in PATHS}))
def test_every_folder_is_a_package(path):
    assert importlib.import_module(path).__path__


def test_importing_zoopt_binds_the_old_submodules_and_loads_no_deep_path():
    program = (
        "import sys, zoopt; "
        "[getattr(zoopt, n) for n in 'dimension objective opt parameter solution exp_opt utils "
        "algos'.split()]; "
        "print([m for m in sys.modules if m.startswith(('zoopt.algos.', 'zoopt.utils.'))])"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("path", [RACOS + "sracos", RACOS + "asracos", "zoopt.utils.zoo_global"])
def test_a_deep_path_can_be_the_first_import(path):
    subprocess.run([sys.executable, "-P", "-W", "error", "-c", f"import {path}"], check=True)


def test_the_tuner_of_the_deep_path_is_the_one_of_today():
    assert SRacosTune is importlib.import_module("zoopt.sracos_tune").SRacosTune


# ------------------------------------------------------------------ globals and log


def test_constants_are_python_floats():
    assert (pos_inf, neg_inf) == (math.inf, -math.inf)
    assert math.isnan(nan)
    assert {type(v) for v in (pos_inf, neg_inf, nan)} == {float}


def test_gl_is_the_one_that_the_rest_of_zoopt_reads(monkeypatch):
    monkeypatch.setattr(gl, "precision", gl.precision)
    assert gl.precision == 1e-17
    assert gl.float_precisions == []
    a, b = Solution([0.5], value=1.0), Solution([0.51], value=1.0)
    assert not a.is_equal(b)
    gl.set_precision(0.1)
    assert a.is_equal(b)


@pytest.mark.parametrize("text", ["ready", 3, [1, 2], None])
def test_the_log_prints_anything_with_its_prefix(text, capsys):
    ToolFunction.log(text)
    assert capsys.readouterr().out == f"[zoopt] {text}\n"


# ------------------------------------------------------------------ runs


def runners():
    return {
        "Racos": lambda o, p: Racos().opt(o, p, 1),
        "SRacos-WR": lambda o, p: SRacos().opt(o, p, "WR", 1),
        "SRacos-RR": lambda o, p: SRacos().opt(o, p, "RR", 1),
        "SRacos-LM": lambda o, p: SRacos().opt(o, p, strategy="LM", ub=1),
        "RacosOptimization": lambda o, p: RacosOptimization().opt(o, p, "LM"),
    }


@pytest.mark.parametrize("name", runners())
def test_old_classes_optimize_with_an_exact_budget(name):
    """Below 0.01 in 9 runs of 10; the best of 300 uniform points is there in one run of 7."""
    finals = []
    for seed in range(10):
        objective = Objective(sphere, box(3))
        solution = runners()[name](objective, Parameter(budget=300, seed=seed))
        assert len(objective.get_history()) == 300
        assert solution.get_value() == min(objective.get_history()) == sphere(solution)
        finals.append(solution.get_value())
    assert sum(value < 0.01 for value in finals) >= 9


def test_the_class_decides_between_batch_and_sequential_not_the_parameter():
    for cls, name in ((Racos, "racos"), (SRacos, "sracos")):
        for settings in ({"sequential": True}, {"sequential": False}, {"algorithm": "random"}):
            parameter = Parameter(budget=20, seed=0, **settings)
            result = cls().opt(Objective(sphere, box(2)), parameter).result
            assert result.message.startswith(f"{name} stopped")


@pytest.mark.parametrize(("sequential", "name"), [(True, "sracos"), (False, "racos")])
def test_racos_optimization_follows_the_parameter_and_keeps_the_best(sequential, name):
    chooser = RacosOptimization()
    assert chooser.get_best_sol() is None
    parameter = Parameter(budget=20, seed=0, sequential=sequential)
    best = chooser.opt(Objective(sphere, box(2)), parameter)
    assert best.result.message.startswith(f"{name} stopped")
    assert chooser.get_best_sol() is best
    chooser.clear()
    assert chooser.get_best_sol() is None


@pytest.mark.parametrize("strategy", ["WR", "RR", "LM"])
def test_the_strategy_reaches_the_kernels_and_presets_stay_members(strategy):
    seen, bests = set(), set()

    def watch(search):
        seen.add(search.solver._population.replacement)
        bests.add(search.solver.positives[0][3])

    known = Solution([1, 1], value=-9.0)
    parameter = Parameter(budget=14, seed=0, init_samples=[known, [3, 3]], callbacks=[watch])
    called = []
    objective = Objective(
        lambda s: called.append(tuple(s.get_x())) or sphere(s),
        Dimension(2, [[0, 3]] * 2, [False] * 2, [True] * 2),
    )
    best = SRacos().opt(objective, parameter, strategy)
    assert seen == {strategy}
    assert bests == {-9.0}
    assert best.get_value() == -9.0
    assert len(called) == len(set(called)) == 14  # the preset value is no call,
    assert (1, 1) not in called  # nor is its point proposed
    assert parameter.callbacks == (watch,)  # the user's parameter stays as it was


def test_random_replacement_lets_a_worse_solution_in_where_worst_replacement_does_not():
    """After a run, the negatives of WR are among the best values seen; those of RR are not."""

    def negatives(strategy):
        algorithm, objective = SRacos(), Objective(sphere, box(3))
        algorithm.opt(objective, Parameter(budget=200, seed=0), strategy)
        kept = sorted(values(algorithm.get_data()))
        return kept, sorted(objective.get_history())[: len(kept)]

    kept, best = negatives("WR")
    assert kept == best
    kept, best = negatives("RR")
    assert kept != best


@pytest.mark.parametrize("strategy", ["XX", "wr", "", None, 1])
def test_an_unknown_strategy_is_refused_before_any_call(strategy):
    objective = Objective(sphere, box(2))
    parameter = Parameter(budget=20)
    for opt in (SRacos().opt, RacosOptimization().opt, ASRacos().opt, SSRacos().opt):
        with pytest.raises(ValueError, match=r"WR.*RR.*LM"):
            opt(objective, parameter, strategy)
    with pytest.raises(ValueError, match=r"WR.*RR.*LM"):
        SRacos().replace(solutions(1, 2), solutions(0)[0], "neg", strategy)
    assert objective.get_history() == []


def test_batch_racos_refuses_a_strategy_it_cannot_follow():
    parameter = Parameter(budget=20, sequential=False)
    with pytest.raises(ValueError, match="sequential"):
        RacosOptimization().opt(Objective(sphere, box(2)), parameter, "RR")


def test_ub_is_the_most_coordinates_a_proposal_redraws():
    for ub in (1, 3):
        moves = set()

        class Watch:
            def on_tell(self, search, candidate, evaluation, moves=moves):
                if candidate.move is not None:
                    moves.add(len(candidate.move) - 1)

        parameter = Parameter(budget=200, seed=0, uncertain_bits=2, callbacks=[Watch()])
        SRacos().opt(Objective(sphere, box(6)), parameter, "WR", ub)
        assert max(moves) == ub
        assert parameter.get_uncertain_bits() == 2


def test_after_a_run_the_getters_show_its_sets():
    for algorithm in (SRacos(), Racos()):
        # 6 points and 10 whole rounds of 5: the sets of batch RACOS change after a whole round.
        objective, parameter = Objective(sphere, box(2)), Parameter(budget=56, seed=0)
        best = algorithm.opt(objective, parameter)
        assert algorithm.get_best_solution() is best
        assert algorithm.get_objective() is objective
        assert algorithm.get_parameters() is parameter
        positive, negative = algorithm.get_positive_data(), algorithm.get_negative_data()
        assert (len(positive), len(negative)) == (1, 5)
        assert algorithm.get_data() == positive + negative
        assert positive[0].get_value() == best.get_value()
        assert positive[0].get_x() == best.get_x()
        for solution in algorithm.get_data():
            assert solution.get_value() == sphere(solution)
        algorithm.clear()
        assert algorithm.get_best_solution() is None
        assert algorithm.get_data() == algorithm.get_positive_data() == []


def test_old_classes_pickle():
    algorithm = SRacos()
    best = algorithm.opt(Objective(sphere, box(2)), Parameter(budget=20, seed=0))
    again = pickle.loads(pickle.dumps(algorithm))
    assert again.get_best_solution().get_x() == best.get_x()
    assert values(again.get_data()) == values(algorithm.get_data())


# ------------------------------------------------------------------ not there yet


def test_the_old_embedding_hands_stages_to_its_optimizer():
    objective = Objective(lambda s: float(((s.x[:4] - 0.2) ** 2).sum()), box(300))
    parameter = Parameter(budget=503, seed=1, num_sre=4, low_dimension=box(6), autoset=True)
    budgets, sizes = [], []

    class Optimizer:
        def opt(self, stage, settings):
            budgets.append(settings.get_budget())
            sizes.append(stage.get_dim().get_size())
            return RacosOptimization().opt(stage, settings)

    best = SequentialRandomEmbedding(objective, parameter, Optimizer()).opt()
    assert budgets == [125, 125, 125, 128]
    assert sizes == [7] * 4
    assert len(objective.get_history()) == 503
    assert best.get_value() == min(objective.get_history()) < 0.1
    assert objective.get_func()(best) == best.get_value()
    assert np.abs(best.x).max() <= 1.0
    bound = Objective(lambda s: s.x[0], box(300), lambda s: s.x[0] - 0.6)
    assert SequentialRandomEmbedding(bound, parameter, Optimizer()).opt().x[0] >= 0.6
    for settings in ({"checkpoint": "run.db"}, {"init_samples": [[0.0] * 300]}):
        refused = Parameter(budget=100, low_dimension=box(6), **settings)
        with pytest.raises(ValueError, match="needs RacosOptimization"):
            SequentialRandomEmbedding(objective, refused, Optimizer()).opt()
    whole = SequentialRandomEmbedding(objective, parameter, RacosOptimization()).opt()
    assert whole.result.message.startswith("sre stopped after 503")
    discrete = Objective(lambda s: 0.0, Dimension(2, [[0, 5]] * 2, [False] * 2))
    with pytest.raises(ValueError, match="dimension 0 has no order"):
        SequentialRandomEmbedding(discrete, parameter, RacosOptimization()).opt()


@pytest.mark.parametrize("make", [ASRacos, RacosOptimization])
def test_asynchronous_racos_runs_in_processes_and_keeps_its_sets(make):
    objective = Objective(lambda s: sum((v - 0.2) ** 2 for v in s.get_x()), box(2))
    algorithm = make()
    best = algorithm.opt(objective, Parameter(budget=60, seed=0, parallel=True, server_num=2))
    assert len(objective.get_history()) == 60
    assert best.get_value() == min(objective.get_history())
    assert len(set(best.result.timeline["worker"])) == 2
    if make is ASRacos:
        assert algorithm.asracoscont.get_positive_data()[0].get_value() == best.get_value()


def test_shells_hold_their_arguments():
    objective, parameter = Objective(sphere, box(2)), Parameter(budget=20)
    evaluator = Evaluator(objective, 3, "in", "out")
    assert (evaluator.objective, evaluator.number) == (objective, 3)
    cont = ASRacosCont()
    updater = Updater(objective, parameter, "in", "out", "result", "history", cont, "RR", 2)
    assert (updater.strategy, updater.ub, updater.asracoscont) == ("RR", 2, cont)
    assert isinstance(ASRacos().asracoscont, ASRacosCont)
    assert isinstance(cont, SRacos)


# ------------------------------------------------------------------ replacement


@pytest.mark.parametrize(
    ("value", "index"),
    [(0, 0), (1, 0), (1.5, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7.9, 3), (8, 4), (9, 4)],
)
def test_binary_search_gives_the_insertion_index(value, index):
    assert SRacos().binary_search(solutions(1, 2, 4, 8), solutions(value)[0], 0, 3) == index


@pytest.mark.parametrize(
    ("members", "indices"),
    [
        ((0, 1, 2, 3, 4), [0, 2, 3, 4, 5]),
        ((0, 1, 1, 1, 2), [0, 3, 5]),
        ((1, 1, 2, 2, 2), [0, 5]),
        ((0, 0, 1, 2, 2, 3), [0, 3, 4, 6]),
    ],
)
def test_binary_search_puts_equals_where_zoopt_0_4_2_did(members, indices):
    """Each value of a set, in ascending order; computed with ZOOpt 0.4.2."""
    places = [
        SRacos().binary_search(solutions(*members), solutions(value)[0], 0, len(members) - 1)
        for value in sorted(set(members))
    ]
    assert places == indices


def test_binary_search_stays_between_begin_and_end():
    members = solutions(1, 2, 4, 8)
    assert SRacos().binary_search(members, solutions(0)[0], 1, 2) == 1
    assert SRacos().binary_search(members, solutions(9)[0], 1, 2) == 3
    assert SRacos().binary_search(solutions(1), solutions(0)[0], 0, 0) == 0
    assert SRacos().binary_search(solutions(1), solutions(2)[0], 0, 0) == 1


def test_worst_replacement_among_positives_keeps_order_and_drops_the_last():
    members, newcomer = solutions(1, 2, 4), solutions(3)[0]
    last = members[-1]
    assert SRacos().replace(members, newcomer, "pos") is last
    assert values(members) == [1, 2, 3]
    worst = solutions(9)[0]
    assert SRacos().replace(members, worst, "pos", "WR") is worst
    assert values(members) == [1, 2, 3]


def test_worst_replacement_among_negatives_needs_a_smaller_value():
    members = solutions(4, 9, 2)
    worst = members[1]
    assert SRacos().replace(members, solutions(5)[0], "neg") is worst
    assert values(members) == [4, 5, 2]
    equal = solutions(5)[0]
    assert SRacos().strategy_wr(members, equal, "neg") is equal
    assert values(members) == [4, 5, 2]


def test_nan_is_the_worst_of_a_set():
    members = solutions(4, math.nan, math.inf)
    failed = members[1]
    assert SRacos().replace(members, solutions(5)[0], "neg") is failed
    assert values(members) == [4, 5, math.inf]


def test_random_replacement_reaches_every_member():
    """One of 3 members is missed by 60 draws with probability 3 (2/3)^60 < 1e-10."""
    replaced = set()
    algorithm = SRacos()
    for _ in range(60):
        members, newcomer = solutions(1, 2, 3), solutions(9)[0]
        before = list(members)
        index = before.index(algorithm.replace(members, newcomer, "neg", "RR"))
        before[index] = newcomer
        assert members == before
        replaced.add(index)
    assert replaced == {0, 1, 2}


def test_largest_margin_replacement_drops_the_farthest_from_the_best():
    members = [Solution([x, y], value=v) for x, y, v in ((0, 0, 5), (3, 4, 1), (3, 5, 9))]
    newcomer = Solution([1, 1], value=7)
    farthest = members[0]
    assert SRacos().replace(members, newcomer, "neg", "LM") is farthest
    assert members[0] is newcomer
    assert SRacos().strategy_lm(members, Solution([1, 1]), Solution([2, 2])).get_x() == [3, 5]


def test_distance_is_euclid_s():
    assert SRacos.distance([2, 4], [-1, 0]) == 5.0
    assert SRacos.distance([0.5], [0.5]) == 0.0
    assert type(SRacos.distance(np.zeros(2), np.ones(2))) is float


# ------------------------------------------------------------------ RacosCommon


def test_extend_concatenates_deep_copies():
    a, b = solutions(1), solutions(2, 3)
    joined = RacosCommon.extend(a, b)
    assert values(joined) == [1, 2, 3]
    joined[0].get_x()[0] = 7.0
    joined[1].get_x()[0] = 7.0
    assert (a[0].get_x(), b[0].get_x()) == ([1.0], [2.0])
    assert len(a) == 1


def test_is_distinct_compares_vectors_and_values():
    members = [Solution([1, 2]), Solution([3, 4], value=1.0)]
    assert RacosCommon.is_distinct(members, Solution([2, 1]))
    assert not RacosCommon.is_distinct(members, Solution([1, 2]))
    assert RacosCommon.is_distinct(members, Solution([3, 4], value=2.0))
    assert RacosCommon.is_distinct([], Solution([1]))


def test_distinct_samples_are_new_until_the_space_is_enumerated():
    dim = Dimension(2, [[0, 1]] * 2, [False] * 2)
    common = common_of(Objective(sphere, dim), seed=0)
    known = []
    for _ in range(4):
        sample, distinct = common.distinct_sample(dim, known)
        assert distinct is True
        known.append(sample)
    assert {tuple(s.get_x()) for s in known} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert common.distinct_sample(dim, known) == (None, None)
    sample, distinct = common.distinct_sample(dim, known, check_distinct=False)
    assert distinct is True
    assert sample.get_x() in [s.get_x() for s in known]


def test_distinct_samples_are_made_by_the_objective():
    objective = Objective(sphere, box(1))
    objective.set_inherit_func(lambda parent: "attached")
    sample, _ = common_of(objective).distinct_sample(objective.get_dim(), [])
    assert sample.get_attach() == "attached"


def test_distinct_samples_of_a_classifier_lie_in_its_region():
    dim = Dimension(2, [[0, 9]] * 2, [False] * 2, [True] * 2)
    classifier = RacosClassification(dim, [Solution([2, 2])], [Solution([4, 2])], 1)
    classifier.mixed_classification()
    (low, high), _ = classifier.get_sample_region()
    known = []
    common = common_of(Objective(sphere, dim), seed=0)
    while True:
        sample, distinct = common.distinct_sample_classifier(classifier, known)
        if not distinct:
            break
        assert RacosCommon.is_distinct(known, sample)
        known.append(sample)
        assert low <= sample.get_x_index(0) <= high
    assert 1 <= len(known) <= 10
    # The region has more points than one redrawn coordinate can reach, so it is not exhausted.
    assert (distinct, sample is None) == (False, False)


def test_init_attribute_evaluates_a_distinct_design_and_selects():
    objective = Objective(sphere, box(2))
    mine = Solution([0.9, 0.9], value=-5.0)
    unevaluated = Solution([0.2, 0.2])
    common = common_of(objective, init_samples=[(0.5, 0.5), mine, unevaluated], seed=0)
    common.init_attribute()
    data = common.get_data()
    assert len(data) == 4
    assert len(objective.get_history()) == 3  # the preset value is no call
    assert values(data) == sorted(values(data))
    assert [s.get_x() for s in common.get_positive_data()] == [[0.9, 0.9]]
    assert common.get_negative_data() == data[1:]
    assert common.get_best_solution() is data[0]
    assert [0.5, 0.5] in [s.get_x() for s in data]
    assert math.isnan(unevaluated.get_value())  # the user's own object stays as it was
    assert mine not in data


def test_selection_keeps_the_best_train_size_in_stable_order():
    common = common_of(Objective(sphere, box(1)))
    members = solutions(3, 1, math.nan, 2, 1, 9)
    common.get_data().extend(members)
    common.selection()
    assert common.get_data() == [members[1], members[4], members[3], members[0]]
    assert common.get_positive_data() == [members[1]]
    assert common.get_best_solution() is members[1]


def test_parallel_init_attribute_trades_through_queues():
    objective = Objective(sphere, box(2))
    known = Solution([0.9, 0.9], value=-5.0)
    common = common_of(objective, init_samples=[known, [0.5, 0.5]], seed=0)

    class Worker(queue.Queue):
        """Hands out what was put into the other queue, evaluated."""

        def get(self, *args, **kwargs):
            solution = waiting.get()
            objective.eval(solution)
            return solution

    waiting = queue.Queue()
    common.parallel_init_attribute(waiting, Worker())
    assert len(common.get_data()) == 4
    assert common.get_best_solution().get_value() == -5.0
    assert len(objective.get_history()) == 3
    assert waiting.empty()


def test_tune_init_attribute_gives_the_users_points_then_distinct_ones():
    dim = Dimension(1, [[0, 3]], [False])
    samples = [Solution([3], value=1.0), [2]]
    common = common_of(Objective(sphere, dim), init_samples=samples, seed=0)
    points = []
    while True:
        solution, distinct = common.tune_init_attribute()
        if solution is None:
            break
        assert distinct is True
        points.append(solution.get_x_index(0))
    assert points[0] == 2
    assert sorted(points) == [0, 1, 2]


def test_what_needs_an_objective_and_a_parameter_says_so():
    for method in ("init_attribute", "tune_init_attribute", "selection"):
        with pytest.raises(ValueError, match="set_objective and set_parameters"):
            getattr(RacosCommon(), method)()


def test_prints(capsys):
    common = RacosCommon()
    common.set_best_solution(Solution([1, 2], value=3.0))
    common.show_best_solution(True, 200)
    assert capsys.readouterr().out == "[zoopt] budget 200, fx result: 3.0\n[zoopt] x: [1, 2]\n"
    common.show_best_solution(True, 150)
    common.show_best_solution(False, 200)
    assert capsys.readouterr().out == ""
    common.show_best_solution(True, 150, 50)
    assert "budget 150" in capsys.readouterr().out
    common.get_data().extend(solutions(4))
    common.get_positive_data().extend(solutions(5))
    common.get_negative_data().extend(solutions(6))
    for name, value in (("data", 4), ("positive_data", 5), ("negative_data", 6)):
        getattr(common, f"print_{name}")()
        lines = capsys.readouterr().out.splitlines()
        assert all(line.startswith("[zoopt] ") for line in lines[:2])
        assert lines[1].endswith(": 1")
        assert lines[2:] == [f"x: [{float(value)}]", f"value: {value}"]


# ------------------------------------------------------------------ SSRacos


def test_sort_solution_list_returns_a_sorted_copy():
    members = solutions(3, 1, 2)
    assert values(SSRacos().sort_solution_list(members)) == [1, 2, 3]
    by_x = SSRacos().sort_solution_list(members, key=lambda s: -s.get_x_index(0))
    assert values(by_x) == [3, 2, 1]
    assert values(members) == [3, 1, 2]


def test_the_possible_solution_of_least_resampled_value_is_the_best():
    calls = []
    objective = Objective(lambda s: calls.append(1) or s.get_x_index(0), box(1))
    parameter = Parameter(
        budget=100, noise_handling=True, suppression=True, resample_times=4, balance_rate=0.5
    )
    objective.parameter_set(parameter)
    algorithm = SSRacos()
    algorithm.set_objective(objective)
    algorithm.set_parameters(parameter)
    assert algorithm.get_best_solution(for_test=True) is None
    # The first value is lucky noise: resampling finds the second solution better.
    algorithm.get_positive_data().extend([Solution([0.8], value=-9.0), Solution([0.3], value=1.0)])
    assert algorithm.get_best_solution(for_test=True) is None
    best = algorithm.get_best_solution()
    assert (best.get_x(), best.get_value(), best.get_resample_value()) == ([0.3], 0.3, 0.3)
    assert len(calls) == 8
    assert [s.is_in_possible_solution for s in algorithm.get_positive_data()] == [True, True]
    algorithm.update_possible_solution()
    assert len(algorithm._possible_solution_list) == 2  # each entered once
    assert algorithm.get_best_solution().get_x() == [0.3]
    assert len(calls) == 8


# ------------------------------------------------------------------ Pareto


@pytest.mark.parametrize("make", [list, np.array])
def test_mutation_changes_a_copy(make):
    for n in (1, 2, 20):
        for _ in range(50):
            x = make([0, 1] * (n // 2) + [0] * (n % 2))
            before = list(x)
            mutant = ParetoOpt.mutation(x, n)
            assert type(mutant) is type(x)
            assert list(x) == before
            assert list(mutant) != before
            assert set(mutant) <= {0, 1}


def test_mutation_flips_each_bit_with_probability_one_over_n():
    """Flips a mutant: 1 + (1 - 1/n)^n on average; alpha = 1e-6 by a bound of 5 sigma."""
    n, times = 10, 4000
    flips = np.array([ParetoOpt.mutation(np.zeros(n), n) for _ in range(times)])
    mean = 1 + (1 - 1 / n) ** n
    assert abs(flips.sum(axis=1).mean() - mean) < 5 * math.sqrt(0.9 / times)
    a_bit = mean / n
    bound = 5 * math.sqrt(a_bit * (1 - a_bit) / times)
    assert (abs(flips.mean(axis=0) - a_bit) < bound).all()
    assert {1, 2, 3} <= set(flips.sum(axis=1).astype(int))


def test_mutation_follows_a_generator():
    x = [0] * 30
    twins = [ParetoOpt.mutation(x, 30, np.random.default_rng(5)) for _ in range(2)]
    assert twins[0] == twins[1]
    with pytest.raises(ValueError, match="n must be at least 1"):
        ParetoOpt.mutation([], 0)


def subsets(n=8, k=3):
    weights = np.arange(n)
    return Objective(
        lambda solution: -float(weights @ solution.get_x()),
        Dimension(n, [[0, 1]] * n, [False] * n),
        constraint=lambda solution: k - sum(solution.get_x()),
    )


PONSS_SET = {"noise_handling": True, "ponss": True, "ponss_theta": 0.1, "ponss_b": 2}


@pytest.mark.parametrize(
    ("make", "options", "solver"),
    [
        (ParetoOpt, {}, "poss"),
        (ParetoOpt, PONSS_SET, "poss"),
        (PONSS, {"ponss_theta": 0.1, "ponss_b": 2}, "ponss"),
        (ParetoOptimization, {}, "poss"),
        (ParetoOptimization, PONSS_SET, "ponss"),
    ],
)
def test_old_names_of_pareto_optimization_run(make, options, solver):
    parameter = Parameter(budget=200, seed=0, **options)
    best = make().opt(subsets(), parameter)
    assert best.get_value() == [-18.0, 0.0]
    assert best.get_x().tolist() == [0.0] * 5 + [1.0] * 3
    assert best.result.message.startswith(f"{solver} stopped")
    assert parameter.get_algorithm() is None  # left as it was


@pytest.mark.parametrize("make", [SRacos, Racos, RacosOptimization])
def test_the_old_names_of_the_racos_family_stay_with_it_on_bits_with_a_constraint(make):
    best = make().opt(subsets(), Parameter(budget=200, seed=0))
    assert best.result.message.split()[0] in ("sracos", "racos")
    assert isinstance(best.get_x(), list)
    assert best.get_value() <= -13.0


def test_pareto_optimization_keeps_its_best_until_it_is_cleared():
    algorithm = ParetoOptimization()
    assert algorithm.get_best_sol() is None
    best = algorithm.opt(subsets(), Parameter(budget=100, seed=0))
    assert algorithm.get_best_sol() is best
    algorithm.clear()
    assert algorithm.get_best_sol() is None


def test_ponss_without_its_settings_is_refused():
    with pytest.raises(ValueError, match="PONSS needs ponss_theta"):
        PONSS().opt(subsets(), Parameter(budget=20))
    with pytest.raises(ValueError, match="suppression=True needs"):
        ParetoOpt().opt(subsets(), Parameter(budget=20, noise_handling=True, suppression=True))


def test_theta_dominance():
    good, bad = Solution(value=[1, 2]), Solution(value=[4, 2])
    assert PONSS.theta_dominate(2.9, good, bad) is True
    assert PONSS.theta_dominate(3, good, bad) is False
    assert PONSS.theta_weak_dominate(3, good, bad) is True
    assert PONSS.theta_weak_dominate(3.1, good, bad) is False
    assert PONSS.theta_dominate(3, Solution(value=[1, 3]), bad) is True  # more of c
    for theta in (0, 1):
        less_c = Solution(value=[1, 1])
        assert not PONSS.theta_dominate(theta, less_c, bad)
        assert not PONSS.theta_weak_dominate(theta, less_c, bad)


def test_ponss_mutates_like_poss():
    assert PONSS.mutation([1], 1) == [0]
    assert isinstance(PONSS(), ParetoOpt)


# ------------------------------------------------------------------ RacosClassification

MIXED = Dimension2(
    [
        (C, [0, 1], 0.1),
        (C, [-2, 2]),
        (D, [0, 9], True),
        (D, [0, 3]),
        (G, ["a", None, (1, 2)]),
        (C, [2, 2], 1.0),
    ]
)
BOXED = Dimension(
    4, [[0, 1], [0, 9], [0, 3], [5, 5]], [True, False, False, False], [False, True, False, False]
)


def inside(classifier, dim, x):
    """Tell whether x could be sampled if every coordinate that is free were redrawn."""
    region, labels = classifier.get_sample_region(), classifier.get_label_index()
    parent = classifier.get_x_positive().get_x()
    return all(
        i in labels or x[i] == parent[i]
        if dimension.kind == UNORDERED
        else region[i][0] <= x[i] <= region[i][1]
        for i, dimension in enumerate(dim.space)
    )


@pytest.mark.parametrize("dim", [MIXED, BOXED], ids=["Dimension2", "Dimension"])
def test_the_region_holds_its_positive_and_no_negative(dim):
    rng = np.random.default_rng(0)
    size = dim.get_size()
    for _ in range(100):
        members = []
        while len(members) < 8:
            solution = Solution(dim.rand_sample(rng))
            if not solution.exist_equal(members):
                members.append(solution)
        positive, negative = members[:2], members[2:]
        classifier = RacosClassification(dim, positive, negative, size)
        classifier.mixed_classification()
        parent = classifier.get_x_positive()
        assert parent in positive
        assert inside(classifier, dim, parent.get_x())
        assert not any(inside(classifier, dim, member.get_x()) for member in negative)


@pytest.mark.parametrize("dim", [MIXED, BOXED], ids=["Dimension2", "Dimension"])
@pytest.mark.parametrize("ub", [1, 2])
def test_samples_change_at_most_ub_coordinates_and_stay_in_the_region(dim, ub):
    rng = np.random.default_rng(1)
    for _ in range(30):
        positive = [Solution(dim.rand_sample(rng))]
        negative = [Solution(dim.rand_sample(rng)) for _ in range(5)]
        classifier = RacosClassification(dim, positive, negative, ub)
        classifier.mixed_classification()
        labels, region = classifier.get_label_index(), classifier.get_sample_region()
        assert len(labels) == len(set(labels)) <= ub
        x = positive[0].get_x()
        for _ in range(10):
            sample = classifier.rand_sample()
            assert dim.space.contains(sample)
            assert {i for i in range(len(x)) if sample[i] != x[i]} <= set(labels)
            for i in labels:
                if dim.get_type(i) == G:
                    assert sample[i] in region[i]
                else:
                    assert region[i][0] <= sample[i] <= region[i][1]
                    assert type(sample[i]) is type(x[i])


def test_shrunk_bounds_are_uniform_between_the_two_points():
    """r ~ U(0.5, 0.75): mean 0.625; alpha 1e-6 at 5 sigma."""
    dim = Dimension(1, [[0, 1]], [True])
    classifier = RacosClassification(dim, [Solution([0.5])], [Solution([0.75])])
    highs = []
    for _ in range(400):
        classifier.mixed_classification()
        (low, high), *_ = classifier.get_sample_region()
        assert low == 0.0
        highs.append(high)
    assert 0.5 <= min(highs) <= max(highs) < 0.75
    assert abs(np.mean(highs) - 0.625) < 5 * 0.25 / math.sqrt(12 * 400)


def test_ordered_integers_shrink_to_whole_bounds():
    dim = Dimension(1, [[0, 9]], [False], [True])
    for there, expected in ((6, {(0, 3), (0, 4), (0, 5)}), (1, {(2, 9), (3, 9)})):
        classifier = RacosClassification(dim, [Solution([3])], [Solution([there])])
        seen = set()
        for _ in range(100):
            classifier.mixed_classification()
            seen.add(tuple(classifier.get_sample_region()[0]))
        assert seen == expected


def test_unordered_coordinates_are_fixed_where_they_cut_off_negatives():
    dim = Dimension(2, [[0, 3]] * 2, [False] * 2)
    classifier = RacosClassification(dim, [Solution([1, 1])], [Solution([2, 1])], 2)
    classifier.mixed_classification()
    assert classifier.get_label_index() == [1]
    assert classifier.get_sample_region() == [[0, 3], [0, 3]]
    second = {classifier.rand_sample()[1] for _ in range(100)}
    assert second == {0, 1, 2, 3}  # the full range


def test_one_coordinate_is_left_to_change_when_all_would_be_fixed():
    dim = Dimension(1, [[0, 3]], [False])
    classifier = RacosClassification(dim, [Solution([1])], [Solution([2])])
    classifier.mixed_classification()
    assert classifier.get_label_index() == [0]


def test_the_sample_space_is_the_region_with_its_types_and_order():
    classifier = RacosClassification(
        BOXED, [Solution([0.5, 3, 1, 5])], [Solution([0.9, 7, 1, 5]), Solution([0.1, 0, 1, 5])]
    )
    classifier.mixed_classification()
    space = classifier.get_sample_space()
    assert isinstance(space, Dimension)
    assert space.get_regions() == classifier.get_sample_region()
    assert space.get_types() == BOXED.get_types()
    assert space.get_order() == BOXED.get_order()
    second = RacosClassification(MIXED, [Solution(MIXED.rand_sample())], [])
    space = second.get_sample_space()
    assert isinstance(space, Dimension2)
    assert space.equal(MIXED)


def test_reset_goes_back_to_the_whole_space():
    dim = box(2)
    positive, negative = [Solution([0.0, 0.0])], [Solution([0.5, 0.5]), Solution([-0.5, -0.5])]
    classifier = RacosClassification(dim, positive, negative)
    assert classifier.get_sample_region() == dim.get_regions()
    classifier.mixed_classification()
    assert classifier.get_sample_region() != dim.get_regions()
    classifier.reset_classifier()
    assert classifier.get_sample_region() == dim.get_regions()
    assert classifier.get_label_index() == []
    assert classifier.get_x_positive() is None
    assert classifier.get_positive_solution() is positive
    assert classifier.get_negative_solution() is negative


def test_set_uncertain_bit_draws_from_its_set_without_repeats():
    classifier = RacosClassification(box(6), [Solution([0.0] * 6)], [], 2)
    seen = set()
    for _ in range(100):
        classifier.set_uncertain_bit([1, 3, 5])
        labels = classifier.get_label_index()
        assert len(labels) == len(set(labels)) == 2
        seen.update(labels)
    assert seen == {1, 3, 5}
    classifier.set_uncertain_bit([4])
    assert classifier.get_label_index() == [4]


def test_a_negative_equal_to_the_positive_does_not_hang():
    same = Solution([0.5, 0.5])
    classifier = RacosClassification(box(2), [same], [Solution([0.5, 0.5]), Solution([0.9, 0.9])])
    classifier.mixed_classification()
    assert len(classifier.rand_sample()) == 2


def test_a_classifier_without_positives_or_training_says_so():
    with pytest.raises(ValueError, match="positive"):
        RacosClassification(box(1), [], []).mixed_classification()
    with pytest.raises(ValueError, match="call mixed_classification first"):
        RacosClassification(box(1), [Solution([0.0])], []).rand_sample()


def test_classifier_prints(capsys):
    classifier = RacosClassification(box(1), [Solution([0.5], value=1)], [Solution([0.7], value=2)])
    classifier.print_pos()
    classifier.print_neg()
    classifier.print_sample_region()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["x: [0.5]", "value: 1"]
    assert lines[4:6] == ["x: [0.7]", "value: 2"]
    assert lines[-1] == "[zoopt] [[-1.0, 1.0]]"


@pytest.mark.parametrize(
    ("n", "continuous", "ub"),
    [
        *((100, True, 1), (101, True, 2), (1001, True, 3), (10, False, 1)),
        *((50, False, 2), (100, False, 3), (1000, False, 4), (1001, False, 5)),
    ],
)
def test_choose_ub_follows_the_table(n, continuous, ub):
    objective = Objective(sphere, Dimension(n, [[0, 1]] * n, [continuous] * n))
    assert RacosOptimization.choose_ub(objective) == ub


def test_zoopt_s_own_solvers_are_other_classes():
    assert zoopt.SRacos is not SRacos
    assert zoopt.Racos is not Racos
