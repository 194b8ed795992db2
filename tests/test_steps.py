"""Steps: a delta gives what the whole function does, from the right parent, without a copy."""

import functools
import math
import pickle
import threading
import time
import tracemalloc
import weakref
import zlib

import numpy as np
import pytest

import zoopt
from zoopt import Choice, Integer, Real, Space
from zoopt.core.candidate import Candidate
from zoopt.core.registry import make_solver
from zoopt.problem.steps import BySteps
from zoopt.testing import FaultyExecutor, check_delta, drive

SPACES = {
    "continuous": Space([(-1.0, 2.0)] * 30),
    "integers": Space([Integer(-5, 5)] * 30),
    "bits": Space([Integer(0, 1)] * 60),
    "flags": Space.subsets(60),
    "choices": Space([Choice(["a", None, (1, 2), 3.5])] * 30),
    "grids": Space([Real(0.0, 1.0, step=0.1)] * 30),
    "mixed": Space(
        [Real(1e-5, 1.0, log=True), Integer(1, 5), Real(0.5, 0.5), Choice(["relu", "tanh"])] * 9
        + [Integer(8, 512, log=True), Integer(0, 3, ordered=False), Real(0, 1, step=0.1)] * 3
    ),
}


def cost(i, value):
    """Return a whole number that depends on a dimension and its native value."""
    return float(zlib.crc32(repr((i, value)).encode()) % 1000)


def total(x):
    return sum(cost(i, getattr(value, "tolist", lambda v=value: v)()) for i, value in enumerate(x))


def change(step):
    pairs = zip(step.indices, step.old, step.values, strict=True)
    return step.value + sum(cost(i, new) - cost(i, old) for i, old, new in pairs)


def start_of(space):
    return space.sample(np.random.default_rng(5))


@pytest.mark.parametrize("algorithm", ["sracos", "racos"])
@pytest.mark.parametrize("name", SPACES)
def test_a_run_by_steps_is_the_run_by_whole_points(name, algorithm):
    settings = {"budget": 500, "seed": 3, "algorithm": algorithm, "x0": [start_of(SPACES[name])]}
    whole = zoopt.minimize(total, SPACES[name], **settings)
    by_steps = zoopt.minimize(total, SPACES[name], delta=change, **settings)
    assert by_steps.history.tolist() == whole.history.tolist()
    assert by_steps.fun == whole.fun == total(by_steps.x)
    assert list(by_steps.x) == list(whole.x)


@pytest.mark.parametrize("case", range(6))
def test_any_order_of_outcomes_keeps_to_the_right_parents(case):
    """The parent may have left the sets, and its row may have been taken, before the child runs."""
    rng = np.random.default_rng(case)
    space = Space([(-1.0, 1.0)] * 40)
    seen = []

    def fun(x):
        return float(np.floor(1000 * x).sum()), x.copy()

    def delta(step):
        assert step.state.tobytes() == step.x.tobytes()
        child = step.state.copy()
        child[step.indices] = step.values
        assert step.old == step.x[step.indices].tolist()
        seen.append(step.value == np.floor(1000 * step.x).sum())
        return float(np.floor(1000 * child).sum()), child

    algorithm = functools.partial(zoopt.SRacos, positive_size=1, train_size=3, replacement="RR")
    results = [
        zoopt.minimize(
            fun, space, delta=delta, budget=400, seed=case, algorithm=algorithm, backend=backend
        )
        for backend in (
            FaultyExecutor(20, schedule=rng.integers(0, 20, 2000).tolist()),
            zoopt.ThreadExecutor(4),
        )
    ]
    assert len(seen) > 600
    assert all(seen)
    assert all(fun(result.x)[0] == result.fun for result in results)


@pytest.mark.parametrize("backend", ["serial", "thread", "futures"])
def test_with_a_window_the_run_is_the_same_whoever_evaluates(backend):
    from concurrent.futures import ThreadPoolExecutor

    settings = {"budget": 300, "seed": 1, "window": 4, "delta": change}
    space = SPACES["mixed"]
    expected = zoopt.minimize(total, space, **settings).history.tolist()
    with ThreadPoolExecutor(3) as pool:
        got = {"serial": {}, "thread": {"workers": 3}, "futures": {}}[backend]
        given = pool if backend == "futures" else backend
        assert zoopt.minimize(total, space, backend=given, **got, **settings).history.tolist() == (
            expected
        )


class Worn:
    """A value and state that depend on the way to a point, in every digit."""

    def __init__(self):
        self.n_whole = self.n_steps = 0

    def __call__(self, x):
        self.n_whole += 1
        return float((x**2).sum()), (0, float(x.sum()))

    def delta(self, step):
        self.n_steps += 1
        depth, wear = step.state
        for old, new in zip(step.old, step.values, strict=True):
            wear = wear * 1.0000001 + (new - old) * 0.1
        changed = sum(n * n - o * o for n, o in zip(step.values, step.old, strict=True))
        return step.value + changed + 1e-9 * wear + 1e-7 * depth, (depth + 1, wear)


def stop_at(n):
    def stop(search):
        if search.nfev == n and not search.replaying:
            raise StopIteration

    return stop


@pytest.mark.parametrize("window", [None, 5])
def test_a_resumed_run_goes_on_as_if_nothing_had_ended_it(tmp_path, window):
    settings = {"budget": 600, "seed": 2, "window": window}
    space = [(-1, 1)] * 20
    model = Worn()
    expected = zoopt.minimize(model, space, delta=model.delta, **settings)
    for n in (5, 60, 400):
        path = tmp_path / f"{n}.db"
        again = Worn()
        first = zoopt.minimize(
            again, space, delta=again.delta, checkpoint=path, callbacks=[stop_at(n)], **settings
        )
        assert first.nfev == n
        n_before = again.n_steps
        result = zoopt.resume(path, again, delta=again.delta)
        assert result.history.tolist() == expected.history.tolist()
        if n == 400:  # what led to the positives, and not all that was evaluated
            assert again.n_steps - n_before < model.n_steps - n_before + 100
    with pytest.raises(ValueError, match="delta must be passed again"):
        zoopt.resume(path, again)


def test_whole_points_are_the_first_ones_and_uniform_samples_only():
    model = Worn()
    zoopt.minimize(model, [(-1, 1)] * 20, delta=model.delta, budget=2000, seed=0)
    assert model.n_whole + model.n_steps == 2000
    assert 22 < model.n_whole < 22 + 60  # one in a hundred


def test_a_step_makes_no_row():
    n = 100_000
    algorithm = functools.partial(zoopt.SRacos, exploration_rate=0.0)
    peaks = []

    def watch(search):
        if search.nfev == 500:
            tracemalloc.start()
        elif search.nfev == 2000:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()

    result = zoopt.minimize(
        lambda x: float(x.sum()),
        Space.of_distinct([Real(-1, 1)], np.zeros(n, np.intp)),
        delta=lambda step: step.value + sum(step.values) - sum(step.old) + 0 * step.x[5],
        budget=2100,
        seed=0,
        algorithm=algorithm,
        callbacks=[watch],
    )
    assert peaks[0] < 8 * n  # one row
    assert result.fun == pytest.approx(result.x.sum())


def test_states_are_kept_for_the_positive_set_alone():
    class State:
        pass

    alive = weakref.WeakSet()

    def made():
        state = State()
        alive.add(state)
        return state

    most = []

    def fun(x):
        return float((x**2).sum()), made()

    def delta(step):
        most.append(len(alive))
        assert isinstance(step.state, State)
        return float(sum(n * n for n in step.values)), made()

    zoopt.minimize(fun, [(-1, 1)] * 10, delta=delta, budget=1500, seed=0)
    assert max(most[50:]) <= 3  # and the newest


@pytest.mark.parametrize("known", [True, False])
def test_opt_min_takes_a_delta(known):
    objective = zoopt.Objective(
        lambda solution: (float(sum(solution.get_x())), "whole"),
        zoopt.Dimension(30, [[0, 3]] * 30, [False] * 30, [True] * 30),
        delta=lambda step: (
            step.value + sum(step.values) - sum(step.old) + {"whole": 0, "step": 0}[step.state],
            "step",
        ),
    )
    start = zoopt.Solution(x=[2] * 30, value=60.0) if known else [2] * 30
    solution = zoopt.Opt.min(objective, zoopt.Parameter(budget=800, seed=1, init_samples=[start]))
    assert solution.get_value() == sum(solution.get_x()) < 20
    assert objective.eval(solution) == solution.get_value()
    assert solution.result.n_failed == 0
    assert check_delta(objective, seed=0) > 200


def test_constraints_and_filters_get_whole_points():
    settings = {
        "budget": 400,
        "seed": 1,
        "constraint": lambda x: x[:5].sum() - 3,
        "filter": lambda x: x[7] < 4,
    }
    space = SPACES["integers"]
    whole = zoopt.minimize(total, space, **settings)
    by_steps = zoopt.minimize(total, space, delta=change, **settings)
    assert by_steps.history.tolist() == whole.history.tolist()
    assert by_steps.violations.tolist() == whole.violations.tolist()
    assert by_steps.maxcv == 0.0


# ----------------------------------------------------------------- failures


def broken(step):
    raise KeyError("my own")


def test_a_delta_that_never_works_is_a_bug():
    ours = pytest.warns(zoopt.EvaluationWarning, match="evaluation 12 failed: KeyError")
    with ours, pytest.raises(KeyError, match="my own") as caught:
        zoopt.minimize(total, SPACES["bits"], delta=broken, budget=200, seed=0)
    assert caught.value.zoopt_result.nfev < 22 + 10
    assert "calls of delta" in caught.value.__notes__[0]
    ours = pytest.warns(zoopt.EvaluationWarning, match="must return a number, got None")
    with ours, pytest.raises(TypeError, match="must return a number, got None"):
        zoopt.minimize(total, SPACES["bits"], delta=lambda step: None, budget=200, seed=0)


def test_failures_can_be_recorded_and_later_ones_are():
    settings = {"budget": 200, "seed": 0}
    space = SPACES["bits"]
    result = zoopt.minimize(total, space, delta=broken, on_error="record", **settings)
    assert result.nfev == 200
    assert result.n_failed > 150
    assert all("KeyError: 'my own'" in f.error for f in result.failures)
    assert all("FirstStepsFailed" not in f.error for f in result.failures)
    calls = []

    def at_times(step):
        calls.append(1)
        if len(calls) % 3 == 0:
            raise ArithmeticError
        return (change(step), None) if len(calls) % 3 == 1 else float("nan")

    with pytest.warns(zoopt.EvaluationWarning):
        result = zoopt.minimize(total, space, delta=at_times, **settings)
    assert {"ok", "failed", "invalid"} == set(result.statuses)
    assert result.fun == total(result.x)


def attached():
    objective = zoopt.Objective(total, zoopt.Dimension(3, [[0, 1]] * 3, [True] * 3), delta=change)
    objective.set_inherit_func(lambda parent=None: 1)
    return objective


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"backend": "process"}, "delta needs backend='serial' or 'thread'"),
        ({"workers": 2}, "delta needs backend='serial' or 'thread'"),
        ({"eval_timeout": 5.0}, "delta needs backend='serial' or 'thread'"),
        ({"backend": zoopt.ProcessExecutor(2)}, "delta needs backend='serial' or 'thread'"),
        ({"vectorized": True}, "delta cannot be combined with vectorized=True"),
        ({"algorithm": "random"}, "delta needs an algorithm like 'sracos': random makes no steps"),
        ({"algorithm": "ssracos"}, "delta needs an algorithm like 'sracos': ssracos makes"),
        ({"noisy": True}, "delta needs an algorithm like 'sracos': noisy makes no steps"),
        ({"space": {"a": Real(0, 1)}}, "delta needs a space without names"),
        (
            {"fun": lambda x, rng: 0.0},
            "delta needs functions without noise, but the objective takes 'rng'",
        ),
        (
            {"delta": lambda step, seed: 0.0},
            "delta needs functions without noise, but delta takes 'seed'",
        ),
        ({"delta": 3}, "delta must be callable, got 3"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_evaluated(given, match):
    calls = []

    def fun(x):
        calls.append(1)
        return 0.0

    settings = {"fun": fun, "space": [(0, 1)] * 3, "delta": change, "budget": 50, **given}
    with pytest.raises((TypeError, ValueError), match=match):
        zoopt.minimize(**settings)
    assert not calls


def test_opt_min_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="delta cannot be combined with inherit functions"):
        zoopt.Opt.min(attached(), zoopt.Parameter(budget=50))
    with pytest.raises(TypeError, match="delta must be callable"):
        zoopt.Objective(total, delta=3)
    objective = attached()
    objective.set_inherit_func(zoopt.Objective.default_inherit)
    with pytest.raises(ValueError, match="ssracos makes no steps"):
        zoopt.Opt.min(objective, zoopt.Parameter(budget=50, noise_handling=True, suppression=True))


# ----------------------------------------------------------------- the view of the parent


@pytest.mark.parametrize("name", SPACES)
def test_columns_are_decoded_as_whole_rows_are(name):
    space = SPACES[name]
    rng = np.random.default_rng(0)
    for _ in range(20):
        row = space.encode(space.sample(rng))
        point = space.decode_list(row)
        columns = rng.permutation(space.n_columns)[:7].tolist()
        decoded = space.decode_columns(columns, [row.item(k) for k in columns])
        assert decoded == [point[i] for i in space.dimensions_of(columns)]
        assert list(map(type, decoded)) == [type(point[i]) for i in space.dimensions_of(columns)]


@pytest.mark.parametrize("name", SPACES)
def test_the_parent_is_looked_at_as_an_array_is(name):
    space = SPACES[name]
    row = space.encode(space.sample(np.random.default_rng(0)))
    step = zoopt.Step(space, row, None, [0], [row.item(0)], None)
    array, view = space.decode_array(row), step.x
    assert len(view) == len(array)
    assert list(np.asarray(view)) == list(array)
    assert [view[i] for i in range(len(space))] == list(array)
    assert view[-2] == array[-2]
    assert view[np.int64(3)] == array[3]
    for index in (slice(2, 9), slice(None, None, -3), [1, 4, -1], np.array([5, 5, 2]), []):
        wanted = array[np.asarray(index, np.intp) if isinstance(index, list) else index]
        assert list(view[index]) == list(wanted)
        assert view[index].dtype == wanted.dtype
    mask = np.arange(len(space)) % 2 == 0
    assert list(view[mask]) == list(array[mask])
    with pytest.raises(IndexError):
        view[len(space)]
    with pytest.raises((TypeError, ValueError)):
        view[0] = array[0]


def test_a_solver_that_takes_steps_pickles_between_any_two_of_them():
    def run(at):
        solver = zoopt.SRacos(SPACES["continuous"], budget=300, seed=4)
        solver.take_steps()
        rng = np.random.default_rng(0)
        log, flight = [], []
        for i in range(300):
            if i in at:
                solver, flight = pickle.loads(pickle.dumps((solver, flight)))
            flight.append(solver.ask())
            if len(flight) > 3:
                candidate = flight.pop(int(rng.integers(4)))
                value = float(np.floor(100 * candidate.u).sum())
                log.append((candidate.id, candidate.move, value))
                solver.tell(candidate, zoopt.Evaluation(value, extra=(i,)))
        return log

    assert run(()) == run((3, 30, 150, 151))


def test_a_long_way_back_pickles():
    solver = zoopt.SRacos([(0.0, 1.0)] * 200, budget=5000, seed=0, exploration_rate=0.0)
    solver.take_steps()
    for _ in range(5000):
        candidate = solver.ask()
        solver.tell(candidate, -float(candidate.id))
    flight = solver.ask()
    again, copied = pickle.loads(pickle.dumps((solver, flight)))
    length = 0
    record, same = flight.record, copied.record
    while record.before is not None:
        assert (same.value, same.columns, same.old, same.new) == (
            (record.value, record.columns, record.old, record.new)
        )
        record, same, length = record.before, same.before, length + 1
    assert same.before is None
    assert length > 2000
    for one, other in ((solver, flight), (again, copied)):
        one.tell(other, 1.0)
    assert again.ask().values == solver.ask().values


def test_the_parent_of_a_candidate_holds_its_state():
    solver = make_solver("sracos", Space([(0, 1)] * 5), budget=100, seed=0)
    solver.take_steps()
    extras = {}
    for candidate, _ in zip(iter(solver.ask, None), range(100), strict=False):
        assert isinstance(candidate, Candidate)
        if candidate.record is not None:
            assert candidate.record.extra == extras[candidate.move[0]]
        extras[candidate.id] = (candidate.id,)
        value = float(candidate.u.sum())
        solver.tell(candidate, zoopt.Evaluation(value, extra=extras[candidate.id]))
        if candidate is solver.best.candidate:
            assert candidate.record is None


# ----------------------------------------------------------------- the check for users


@pytest.mark.parametrize(
    "wrong",
    [
        lambda step: step.value,
        lambda step: change(step) + 0.5,
        lambda step: change(step) if len(step.indices) > 1 else step.value,
    ],
)
def test_a_wrong_delta_is_found(wrong):
    with pytest.raises(AssertionError, match="delta returned"):
        check_delta(total, wrong, SPACES["integers"], seed=1)


def test_a_right_delta_passes_and_small_spaces_end():
    assert check_delta(total, change, SPACES["mixed"], seed=1) > 200
    assert check_delta(total, change, [Integer(0, 1)] * 3, seed=1) < 8
    with pytest.raises(TypeError, match="delta must be callable"):
        check_delta(total, None, [(0, 1)])


def test_two_threads_make_a_state_once():
    model = Worn()
    space = Space([(-1, 1)] * 5)

    class Evaluate:
        def violation(self, candidate):
            return 0.0

        def __call__(self, candidate):
            time.sleep(0.05)
            return model(candidate.u), 0.0

    by_steps = BySteps(Evaluate(), model.delta, space)
    solver = zoopt.SRacos(space, budget=100, seed=0)
    solver.take_steps()
    for candidate, value in drive(solver, np.random.default_rng(0), n_tells=60):
        assert candidate is not None
        assert value is not None
    candidate = solver.ask()
    while candidate.record is None:
        solver.tell(candidate, 1e9)
        candidate = solver.ask()
    model.n_whole = 0
    threads = [threading.Thread(target=by_steps, args=(candidate,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.n_whole == 1
    assert candidate.record.before is None
    assert candidate.record.extra is not None


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_a_resumed_run_knows_that_steps_worked_before(tmp_path):
    def fun(x):
        return float(x.sum())

    def delta(step):
        if step.indices[0] % 4:
            raise RuntimeError("no route")
        return step.value + sum(step.values) - sum(step.old)

    def stop(search):
        if search.nfev == 100:
            raise StopIteration

    n_whole = 0
    for seed in range(12):
        options = {"delta": delta, "budget": 200, "seed": seed}
        try:
            whole = zoopt.minimize(fun, [(0, 1)] * 20, **options)
        except RuntimeError:
            continue  # the first three steps failed
        n_whole += 1
        path = tmp_path / f"{seed}.db"
        zoopt.minimize(fun, [(0, 1)] * 20, checkpoint=path, callbacks=[stop], **options)
        again = zoopt.resume(path, fun, delta=delta)
        assert again.nfev == 200
        assert np.array_equal(again.history, whole.history, equal_nan=True)
    assert n_whole > 2


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_steps_that_are_pruned_are_no_bug():
    def delta(step):
        raise zoopt.Pruned(value=1e6)

    result = zoopt.minimize(lambda x: float(x.sum()), [(0, 1)] * 5, delta=delta, budget=100, seed=0)
    assert result.nfev == 100


def test_many_constants_leave_few_columns_to_step_in():
    def delta(step):
        return step.value + sum(step.values) - sum(step.old)

    for n_free in (1, 11, 90):
        space = [*[(0.0, 0.0)] * 100, *[(0.0, 1.0)] * n_free]
        result = zoopt.minimize(lambda x: float(sum(x)), space, delta=delta, budget=100, seed=0)
        assert result.nfev == 100


def test_check_delta_takes_equal_failures_for_equal():
    def fun(x):
        return math.nan if x[0] > 0.0 else float(x.sum())

    def delta(step):
        x = np.array(step.x, float)
        x[step.indices] = step.values
        return fun(x)

    assert check_delta(fun, delta, [(-1, 1)] * 10, n=200, seed=0) > 50
    with pytest.raises(AssertionError, match="in the dimensions"):
        check_delta(fun, lambda step: None, [(-1, 1)] * 10, n=200, seed=0)
