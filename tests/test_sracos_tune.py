"""SRacosTune, driven by exactly the calls that Ray's ZOOptSearch makes."""

import math
import pickle
import warnings

import numpy as np
import pytest

import zoopt
from zoopt import Dimension, Dimension2, Objective, Parameter, Solution, ValueType
from zoopt.sracos_tune import PATIENCE, Replacement, SRacosTune

C, D, G = ValueType.CONTINUOUS, ValueType.DISCRETE, ValueType.GRID
BOX = {"x": (C, [-1.0, 1.0], 1e-12), "y": (C, [-1.0, 1.0], 1e-12)}
MIXED = {
    "rate": (C, [0.0, 1.0], 1e-12),
    "momentum": (C, [0.0, 0.99], 0.01),
    "layers": (D, [1, 8], True),
    "kind": (D, [0, 3], False),
    "only": (D, [5, 5], True),
    "activation": (G, ["relu", "tanh", None, (1, 2)]),
}
STARVED = 3000  # answers None in a row


class FakeSearch:
    """What Ray's searcher does with the optimizer, call by call."""

    def __init__(self, dim_dict, budget, points_to_evaluate=None, parallel_num=1, **kwargs):
        self._dim_keys = list(dim_dict)
        init_samples = None
        if points_to_evaluate:
            init_samples = [
                Solution(x=tuple(point[key] for key in dim_dict)) for point in points_to_evaluate
            ]
        dim = zoopt.Dimension2([dim_dict[key] for key in dim_dict])
        par = zoopt.Parameter(budget=budget, init_samples=init_samples)
        self.solution_dict = {}
        self.best_solution_list = []
        self._live_trial_mapping = {}
        self.optimizer = SRacosTune(
            dimension=dim, parameter=par, parallel_num=parallel_num, **kwargs
        )

    def suggest(self, trial_id):
        solution = self.optimizer.suggest()
        if solution == "FINISHED":
            return "FINISHED"
        if solution:
            self.solution_dict[trial_id] = solution
            trial = dict(zip(self._dim_keys, solution.get_x(), strict=False))
            self._live_trial_mapping[trial_id] = trial
            return dict(trial)
        return None

    def on_trial_complete(self, trial_id, result=None):
        if result:
            best = self.optimizer.complete(self.solution_dict[trial_id], 1.0 * result["loss"])
            if best:
                self.best_solution_list.append(best)
        del self._live_trial_mapping[trial_id]

    def save(self):
        return pickle.dumps(self.__dict__)

    def restore(self, state):
        self.__dict__.update(pickle.loads(state))


def loss(config):
    values = config.values()
    return sum(abs(v - 0.3) if isinstance(v, (int, float)) else len(str(v)) for v in values)


def run(search, concurrency, fails, n_trials=None, rng=None, value=loss):
    """Run a job as a tuner does: a new trial as soon as one of its places is free.

    Returns the configurations of all trials, and how often None was answered with a place free.
    """
    running, configs, n_none, in_a_row = [], [], 0, 0
    ended = False
    while running or not ended:
        while not ended and len(running) < concurrency:
            trial_id = str(len(configs))
            config = search.suggest(trial_id)
            if config == "FINISHED":
                ended = True
            elif config is None:
                n_none += 1
                in_a_row += 1
                assert in_a_row < STARVED, f"starved after {len(configs)} suggestions"
                break
            else:
                in_a_row = 0
                running.append(trial_id)
                configs.append(config)
                ended = len(configs) == n_trials
        if running:
            trial_id = running.pop(0 if rng is None else int(rng.integers(len(running))))
            failed = fails(int(trial_id))
            result = None if failed else {"loss": value(configs[int(trial_id)])}
            search.on_trial_complete(trial_id, result)
    return configs, n_none


#: Which trials fail; the initial design of a budget of 30 has 4.
FAILURES = {
    "none": lambda i: False,
    "the first": lambda i: i == 0,
    "one in the initial design": lambda i: i == 1,
    "the last of the initial design": lambda i: i == 3,
    "one after the initial design": lambda i: i == 12,
    "one in each phase": lambda i: i in (2, 12),
    "the initial design": lambda i: i < 4,
    "several in a row": lambda i: 8 <= i < 14,
    "every other": lambda i: i % 2 == 1,
    "all": lambda i: True,
}


@pytest.mark.parametrize("fails", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("parallel_num", [1, 2, 8])
@pytest.mark.parametrize("concurrency", [1, 2, 5, 30])
@pytest.mark.parametrize("space", [BOX, MIXED], ids=["box", "mixed"])
def test_every_job_reaches_its_budget(space, concurrency, parallel_num, fails):
    search = FakeSearch(space, 30, parallel_num=parallel_num)
    configs, _ = run(search, concurrency, fails)
    assert len(configs) == 30
    assert search.optimizer.complete_num == sum(not fails(i) for i in range(30))


@pytest.mark.parametrize("fails", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("parallel_num", [1, 2, 8])
def test_defect_05_asking_ahead_until_none_reaches_the_budget(parallel_num, fails, seed):
    rng = np.random.default_rng(seed)
    search, running, n_asked = FakeSearch(MIXED, 30, parallel_num=parallel_num), [], 0
    n_empty = 0
    while True:
        while (config := search.suggest(str(n_asked))) not in (None, "FINISHED"):
            running.append((n_asked, config))
            n_asked += 1
        if config == "FINISHED":
            break
        n_empty = 0 if running else n_empty + 1
        assert n_empty < STARVED
        if running:
            trial, config = running.pop(int(rng.integers(len(running))))
            search.on_trial_complete(str(trial), None if fails(trial) else {"loss": loss(config)})
    assert n_asked == 30


def test_a_job_of_single_trials_is_never_kept_waiting():
    for fails in (lambda i: i % 2 == 1, lambda i: i in (2, 12), lambda i: 8 <= i < 14):
        search = FakeSearch(MIXED, 30)
        assert run(search, 1, fails)[1] == 0


@pytest.mark.parametrize("order", ["oldest first", "newest first", "in turn"])
def test_asking_ahead_is_limited(order):
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=100), parallel_num=3)
    running, solution = [], None
    for step in range(200):
        initial = tuner.complete_num < 6
        limit = 6 - tuner.complete_num if initial else 3
        while True:
            assert tuner.semaphore == (not initial or tuner.live_num < limit)
            solution = tuner.suggest()
            if not isinstance(solution, Solution):
                break
            running.append(solution)
        if solution == "FINISHED":
            break
        assert tuner.live_num == limit
        if order != "newest first":  # there the oldest are given up in time
            assert tuner.live_num == len(running)
        place = {"oldest first": 0, "newest first": -1, "in turn": step % min(2, len(running))}
        tuner.complete(running.pop(place[order]), float(step))
    assert solution == "FINISHED"
    assert tuner.complete_num >= 50
    if order == "oldest first":
        assert (tuner.init_num, tuner.complete_num) == (6, 97)


def test_two_trials_at_a_time_are_known_for_that():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=30))
    running = [tuner.suggest()]
    for _ in range(3):
        running.append(tuner.suggest())
        tuner.complete(running.pop(0), 1.0)
    tuner.complete(running.pop(0), 1.0)
    assert isinstance(tuner.suggest(), Solution)
    assert tuner.suggest() is None


def test_without_an_initial_design_the_limit_holds_from_the_start():
    known = [Solution(x=[v, v], value=v) for v in (0.1, 0.2, 0.3, 0.4)]
    parameter = Parameter(budget=30, init_samples=known)
    tuner = SRacosTune(Dimension2(list(BOX.values())), parameter)
    for _ in range(10):
        solution = tuner.suggest()
        assert tuner.suggest() is None
        assert tuner.complete(solution, 1.0).get_value() == 0.1


def test_with_one_at_a_time_it_is_the_solver():
    dim = Dimension2(list(MIXED.values()))
    tuner = SRacosTune(dim, Parameter(budget=60, seed=7))
    solver = zoopt.SRacos(dim.space, budget=60, seed=7)
    for _ in range(60):
        candidate, solution = solver.ask(), tuner.suggest()
        assert solution.get_x() == candidate.x
        value = loss(dict(zip(MIXED, candidate.x, strict=True)))
        solver.tell(candidate, value)
        best = tuner.complete(solution, value)
    assert best.get_value() == solver.best.value
    assert best.get_x() == solver.best.x
    assert tuner.suggest() == "FINISHED"


def test_the_best_so_far_comes_with_the_last_result_of_the_initial_design():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=30))
    values = [3.0, 1.0, 2.0, 4.0, 5.0, 0.5, 0.7]
    solutions, answers = [], []
    for value in values:
        solutions.append(tuner.suggest())
        answers.append(tuner.complete(solutions[-1], value))
    assert answers == [None, None, None, *[solutions[1]] * 2, *[solutions[5]] * 2]
    assert [s.get_value() for s in solutions] == values


@pytest.mark.parametrize("bad", [math.nan, None, "diverged", [1.0, 2.0]])
def test_what_is_no_number_counts_as_worst(bad):
    tuner = SRacosTune(Dimension2(list(MIXED.values())), Parameter(budget=60), parallel_num=2)
    for i in range(60):
        solution = tuner.suggest()
        best = tuner.complete(solution, bad if i % 3 != 1 else math.inf if i == 1 else float(i))
    assert best.get_value() == 4.0
    assert tuner.complete_num == 60
    assert math.isnan(solution.get_value())


def test_no_best_without_a_number():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=30))
    assert [tuner.complete(tuner.suggest(), math.nan) for _ in range(30)] == [None] * 30
    assert tuner.suggest() == "FINISHED"


@pytest.mark.parametrize("space", [BOX, MIXED], ids=["box", "mixed"])
@pytest.mark.parametrize("stop", [1, 3, 6, 15, 29])
def test_a_saved_searcher_goes_on_as_the_saving_one(space, stop):
    def fails(i):
        return i % 4 == 2

    def drive(search, running, i, end):
        while i < end:
            if (config := search.suggest(str(i))) == "FINISHED":
                break
            if config is not None:
                running.append((str(i), config))
                i += 1
            if len(running) == 3 or (config is None and running):
                trial, config = running.pop(0)
                result = None if fails(int(trial)) else {"loss": config["z"]}
                search.on_trial_complete(trial, result)
        return i

    space = {**space, "z": (C, [0.0, 1.0], 1e-12)}
    search, running = FakeSearch(space, 30, parallel_num=2), []
    i = drive(search, running, 0, stop)
    state = search.save()
    restored = FakeSearch(space, 30)
    restored.restore(state)
    assert drive(search, list(running), i, 30) == drive(restored, list(running), i, 30) == 30
    suggested = [s.get_x() for s in search.solution_dict.values()]
    assert suggested == [s.get_x() for s in restored.solution_dict.values()]
    assert len(suggested) == 30
    assert [s.get_x() for s in search.best_solution_list] == [
        s.get_x() for s in restored.best_solution_list
    ]


@pytest.mark.parametrize("parallel_num", [2, 3])
def test_a_suggestion_is_given_up_when_enough_newer_ones_were_completed(parallel_num):
    dim = Dimension2(list(BOX.values()))
    tuner = SRacosTune(dim, Parameter(budget=60), parallel_num=parallel_num)
    for _ in range(6):
        tuner.complete(tuner.suggest(), 1.0)
    lost = tuner.suggest()
    for n in range(parallel_num):
        assert tuner.live_num == 1, f"after {n} newer ones"
        tuner.complete(tuner.suggest(), 1.0)
    assert tuner.live_num == 0
    assert tuner.complete(lost, 0.5) is lost
    assert tuner.complete_num == 7 + parallel_num


def test_a_lost_one_in_the_initial_design_is_replaced_at_once():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=30), parallel_num=2)
    solutions = [tuner.suggest() for _ in range(4)]
    assert tuner.suggest() is None
    for i in (0, 3, 2):
        assert tuner.complete(solutions[i], float(i)) is None
    tuner.complete(extra := tuner.suggest(), 1.0)
    assert (tuner.complete_num, tuner.init_num) == (4, 5)
    assert tuner.complete(solutions[1], -1.0) is solutions[1]
    assert isinstance(tuner.suggest(), Solution)
    assert extra.get_x() != solutions[1].get_x()


def test_the_initial_design_asked_ahead_is_not_given_up_for_a_slow_trial():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=1000), parallel_num=1)
    solutions = [tuner.suggest() for _ in range(12)]
    for solution in solutions[1:]:
        assert tuner.suggest() is None
        assert tuner.live_num == 12 - tuner.complete_num
        tuner.complete(solution, 1.0)
    assert tuner.live_num == 0  # eleven newer ones were completed: enough
    assert tuner.complete(solutions[0], 0.5) is solutions[0]
    assert tuner.complete_num == 12


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("space", [BOX, MIXED], ids=["box", "mixed"])
def test_a_late_result_counts(space, saved):
    tuner = SRacosTune(Dimension2(list(space.values())), Parameter(budget=60), parallel_num=2)
    late = [tuner.suggest()]
    for i in range(20):
        if i == 10:
            late.append(tuner.suggest())
        tuner.complete(tuner.suggest(), float(i))
    assert tuner.live_num == 0
    if saved:
        tuner, late = pickle.loads(pickle.dumps((tuner, late)))
    points = [list(solution.get_x()) for solution in late]
    assert tuner.complete(late[1], -1.0) is late[1]
    assert tuner.complete(late[0], math.nan) is late[1]
    assert tuner.complete_num == 22
    best = tuner._solver.best
    assert (best.x, best.value) == (points[1], -1.0)
    assert isinstance(tuner.suggest(), Solution)


def test_a_second_result_is_ignored():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=30))
    for _ in range(8):
        solution = tuner.suggest()
        best = tuner.complete(solution, 1.0)
        assert tuner.complete(solution, -5.0) is best
    assert (best.get_value(), solution.get_value(), tuner.complete_num) == (1.0, 1.0, 8)


def test_a_point_of_the_clients_own_is_taken_in():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=30))
    for _ in range(6):
        tuner.complete(tuner.suggest(), 1.0)
    mine = Solution(x=(0.25, -0.5))
    assert tuner.complete(mine, 0.0) is mine
    with pytest.raises(ValueError, match="dimension 0"):
        tuner.complete(Solution(x=(2.0, 0.0)), 0.0)
    with pytest.raises(TypeError, match="solution must be a Solution"):
        tuner.complete([0.0, 0.0], 0.0)
    assert tuner.complete_num == 7


@pytest.mark.parametrize("fails", [FAILURES[name] for name in ("none", "every other", "all")])
@pytest.mark.parametrize("concurrency", [1, 4, 100])
def test_defect_06_a_tiny_space_ends_after_all_its_points(concurrency, fails):
    tiny = {"a": (D, [0, 3], True), "b": (G, ["x", "y", "z"]), "c": (D, [2, 2], False)}
    search = FakeSearch(tiny, 1000, parallel_num=concurrency)
    configs, _ = run(search, concurrency, fails)
    assert len(configs) == 12
    assert len({tuple(config.items()) for config in configs}) == 12
    counts = search.optimizer.live_num, search.optimizer.init_num
    assert search.suggest("more") == "FINISHED"
    assert counts == (search.optimizer.live_num, search.optimizer.init_num)


@pytest.mark.parametrize("space", [BOX, MIXED], ids=["box", "mixed"])
def test_a_larger_space_does_not_end_early(space):
    for budget in (3, 30, 60, 200):
        configs, _ = run(FakeSearch(space, budget, parallel_num=4), 4, lambda i: False)
        assert len(configs) == budget
        assert len({tuple(config.items()) for config in configs}) == budget


def test_a_client_that_asks_in_vain_waits_longer_the_more_are_out():
    tuner = SRacosTune(Dimension2(list(BOX.values())), Parameter(budget=60), parallel_num=2)
    a, b = tuner.suggest(), tuner.suggest()
    tuner.complete(a, 1.0)  # out of turn: this client has several trials out
    tuner.complete(b, 1.0)
    for _ in range(4):
        tuner.complete(tuner.suggest(), 1.0)
    waits = []
    for _ in range(5):
        n_none = 0
        while tuner.suggest() is None:
            n_none += 1
        waits.append(n_none)
    assert waits == [0, 0, PATIENCE, 2 * PATIENCE, 3 * PATIENCE]


def test_unknown_arguments_warn():
    dim, parameter = Dimension2(list(BOX.values())), Parameter(budget=30)
    with pytest.warns(UserWarning, match="SRacosTune ignores a, z"):
        SRacosTune(dimension=dim, parameter=parameter, parallel_num=2, z=1, a=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SRacosTune(dimension=dim, parameter=parameter)
        SRacosTune(dim, parameter, parallel_num=2)


@pytest.mark.parametrize("kind", [tuple, list, np.array])
def test_initial_points_come_first_as_lists(kind):
    points = [kind((0.1, 0.2)), kind((-0.5, 0.75)), Solution(x=kind((1.0, -1.0)))]
    dim = Dimension2([(C, [-1, 1], 1e-6)] * 2)
    tuner = SRacosTune(dim, Parameter(budget=30, init_samples=points))
    for i in range(30):
        solution = tuner.suggest()
        x = solution.get_x()
        assert type(x) is list
        assert [type(v) for v in x] == [float, float]
        if i < 3:
            assert x == [[0.1, 0.2], [-0.5, 0.75], [1.0, -1.0]][i]
            x[0] = 5.0  # the client's to change
        tuner.complete(solution, float(i))
    assert list(points[0]) == [0.1, 0.2]
    assert math.isnan(points[2].get_value())
    best = tuner.complete(Solution(x=(0.0, 0.0)), 99.0)
    assert best.get_value() == 0.0


def test_points_to_evaluate_of_the_searcher():
    points = [{"x": 0.5, "y": -0.5}, {"x": 0.25, "y": 0.0}]
    configs, _ = run(FakeSearch(BOX, 30, points_to_evaluate=points), 2, lambda i: i == 1)
    assert configs[:2] == points
    assert len(configs) == 30


def test_an_initial_point_of_known_value_is_not_suggested():
    known = Solution(x=[0.5, 0.5], value=-3.0)
    tuner = SRacosTune(
        Dimension2(list(BOX.values())), Parameter(budget=30, init_samples=[known, (0.0, 0.0)])
    )
    suggested = []
    while (solution := tuner.suggest()) != "FINISHED":
        suggested.append(solution.get_x())
        best = tuner.complete(solution, 1.0)
        assert (best is None) == (len(suggested) < 3)
    assert suggested[0] == [0.0, 0.0]
    assert [0.5, 0.5] not in suggested
    assert len(suggested) == 30
    assert (best.get_x(), best.get_value()) == ([0.5, 0.5], -3.0)
    assert best is not known


class Thing:
    """An object of the user's own."""


def test_grid_values_are_the_users_own_objects():
    things = [Thing(), Thing(), None, (1, 2), 3, 4.0, "five", np.float32(6.0)]
    tuner = SRacosTune(Dimension2([(G, things), (D, [0, 9], True)]), Parameter(budget=60))
    seen = set()
    for i in range(60):
        thing, number = (solution := tuner.suggest()).get_x()
        assert any(thing is known for known in things)
        assert type(number) is int
        seen.add(id(thing))
        tuner.complete(solution, float(i))
    assert len(seen) == len(things)


def test_both_kinds_of_dimension_serve():
    dim = Dimension(3, [[-1, 1], [0, 5], [0, 5]], [True, False, False], [False, True, False])
    tuner = SRacosTune(dim, Parameter(budget=30))
    for _ in range(30):
        x = (solution := tuner.suggest()).get_x()
        assert [type(v) for v in x] == [float, int, int]
        tuner.complete(solution, x[0])
    assert tuner.suggest() == "FINISHED"


def test_settings_reach_the_solver():
    parameter = Parameter(budget=500, uncertain_bits=2, seed=0)
    parameter.set_train_size(9)
    parameter.set_positive_size(4)
    tuner = SRacosTune(Dimension(5, [[-1, 1]] * 5, [True] * 5), parameter)
    assert tuner.ub == 2
    for _ in range(9):
        assert isinstance(tuner.suggest(), Solution)
    assert tuner.suggest() is None
    again = SRacosTune(Dimension(5, [[-1, 1]] * 5, [True] * 5), parameter)
    assert again.suggest().get_x() == next(iter(tuner._live.values())).candidate.x


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dimension": [(0, 1)]}, "dimension must be a Dimension, Dimension2 or Space"),
        ({"parameter": 30}, "parameter must be a Parameter"),
        ({"parameter": Parameter()}, "budget is not set"),
        ({"parameter": Parameter(budget=30, autoset=False)}, "set_train_size"),
        ({"parallel_num": 0}, "parallel_num must be at least 1"),
        ({"parameter": Parameter(budget=30, init_samples=[(0, 0), (0, 7)])}, "init_samples.1.*1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = {"dimension": Dimension2(list(BOX.values())), "parameter": Parameter(budget=30)}
    with pytest.raises((TypeError, ValueError), match=message):
        SRacosTune(**{**good, **arguments})


def members(*values):
    return [Solution(x=[float(v)], value=v) for v in values]


def test_binary_search():
    rules, sorted_members = Replacement(), members(1, 3, 5, 7, math.nan)
    found = [rules.binary_search(sorted_members[:4], x, 0, 3) for x in members(*range(9))]
    assert found == [0, 0, 1, 2, 2, 3, 3, 4, 4]
    assert rules.binary_search(sorted_members, members(math.nan)[0], 0, 4) == 5
    assert rules.binary_search(sorted_members, members(9)[0], 0, 4) == 4
    assert rules.binary_search(sorted_members, members(2)[0], 2, 3) == 2


def test_replacing_the_worst():
    rules, positives = Replacement(), members(1, 3, 5)
    worst, new, bad = positives[2], *members(2, 9)
    assert rules.replace(positives, new, "pos") is worst
    assert rules.replace(positives, bad, "pos", "WR") is bad
    assert [s.get_value() for s in positives] == [1, 2, 3]
    negatives = members(4, 8, 6)
    worst = negatives[1]
    assert rules.replace(negatives, new, "neg") is worst
    assert rules.replace(negatives, bad, "neg") is bad
    assert [s.get_value() for s in negatives] == [4, 2, 6]
    negatives = members(4, math.nan, 6)
    assert math.isnan(rules.strategy_wr(negatives, bad, "neg").get_value())
    with pytest.raises(ValueError, match="'pos' or 'neg'"):
        rules.replace(negatives, new, "both")


def test_replacing_a_random_one_or_the_farthest():
    rules, new = Replacement(), members(5)[0]
    displaced = set()
    for _ in range(200):
        negatives = members(1, 2, 3)
        displaced.add(rules.replace(negatives, new, "neg", "RR").get_value())
        assert sum(s is new for s in negatives) == 1
    assert displaced == {1, 2, 3}
    negatives = members(3, 1, 9, 4)
    assert rules.replace(negatives, new, "neg", "LM").get_value() == 9
    assert negatives[2] is new
    for strategy in ("XX", None, "wr"):
        with pytest.raises(ValueError, match="'WR', 'RR' or 'LM'"):
            rules.replace(negatives, new, "neg", strategy)


def test_distance():
    assert SRacosTune.distance([0, 3.0], [4, 0.0]) == 5.0
    assert SRacosTune.distance(["a", None, 1], ["b", None, 1]) == 1.0


@pytest.mark.parametrize("ub", [1, 2])
def test_sampling_and_updating_by_hand(ub):
    tuner = SRacosTune(Dimension(5, [[-1, 1]] * 5, [True] * 5), Parameter(budget=60))
    for i in range(10):
        tuner.complete(tuner.suggest(), float(i))
    parent = tuner._solver.best.x
    sampled = [tuner.sample_solution(ub) for _ in range(20)]
    n_changed = [sum(map(float.__ne__, parent, s.get_x())) for s in sampled]
    assert sorted(n_changed)[9] == ub  # but for a few uniform ones, and for ties of rounding
    assert tuner.live_num == 0
    assert (tuner.init_num, tuner.complete_num) == (6, 10)
    sampled[3].set_value(-1.0)
    tuner.update_classifier(sampled[3])
    assert tuner._solver.positives[0][3] == -1.0
    assert tuner.complete(tuner.suggest(), 0.0) is sampled[3]
    assert len([tuner.complete(tuner.suggest(), 1.0) for _ in range(49)]) == 49
    assert tuner.suggest() == "FINISHED"
    with pytest.raises(ValueError, match="'WR' in SRacosTune"):
        tuner.update_classifier(sampled[3], "RR")
    with pytest.raises(ValueError, match="'WR', 'RR' or 'LM'"):
        tuner.update_classifier(sampled[3], "XX")


def test_sampling_by_hand_ends_with_the_space():
    tuner = SRacosTune(Dimension2([(G, ["a", "b", "c"])]), Parameter(budget=60))
    assert sorted(tuner.sample_solution().get_x()[0] for _ in range(3)) == ["a", "b", "c"]
    assert tuner.sample_solution() == tuner.suggest() == "FINISHED"


def test_choose_ub():
    def objective(n, continuous):
        return Objective(None, Dimension(n, [[0, 1]] * n, [continuous] * n))

    for n, bits in ((100, 1), (101, 2), (1001, 3)):
        assert SRacosTune.choose_ub(objective(n, True)) == bits
    for n, bits in ((10, 1), (11, 2), (51, 3), (101, 4), (1001, 5)):
        assert SRacosTune.choose_ub(objective(n, False)) == bits
