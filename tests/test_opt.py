"""Opt.min: runs through the ZOOpt API."""

import math

import numpy as np
import pytest
from old_api import MODES, C, Counted, D, G, box, sphere

import zoopt
from zoopt import (
    Dimension2,
    ExpOpt,
    Objective,
    Opt,
    Parameter,
    Solution,
)
from zoopt.parameter import DefaultStoppingCriterion


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
