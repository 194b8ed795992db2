"""POSS and PONSS: what they find, what they keep, and the ZOOpt API over them."""

import functools
import itertools
import math
import pickle
import sqlite3
import time

import numpy as np
import pytest

import zoopt
from zoopt import (
    AllEvaluationsFailed,
    Choice,
    Dimension,
    Evaluation,
    EvaluationWarning,
    Integer,
    Objective,
    Opt,
    Parameter,
    Ponss,
    Poss,
    Solution,
    Space,
    minimize,
    resume,
)
from zoopt.testing import drive

N, K = 10, 4
WEIGHTS = np.random.default_rng(1).integers(1, 30, N).astype(float)
PAIRS = np.random.default_rng(2).integers(-9, 9, (N, N)).astype(float)


def quadratic(mask):
    """Neither monotone nor submodular."""
    mask = np.asarray(mask) > 0
    return float(PAIRS[mask][:, mask].sum() - WEIGHTS[mask].sum())


def at_most_k(mask):
    return K - np.count_nonzero(mask)


def cost_left(mask):
    return 40.0 - WEIGHTS[np.asarray(mask) > 0].sum()


def optimum(objective, constraint):
    masks = [np.array(bits, bool) for bits in itertools.product([0, 1], repeat=N)]
    return min(objective(mask) for mask in masks if constraint(mask) >= 0)


def bits(n=N):
    return Dimension(n, [[0, 1]] * n, [False] * n)


# ------------------------------------------------------------- POSS


@pytest.mark.parametrize("constraint", [at_most_k, cost_left])
@pytest.mark.parametrize("start", range(5))
def test_with_room_for_all_subsets_the_optimum_is_found(constraint, start):
    options = {"budget": 2**N, "seed": start, "algorithm": "poss", "constraint": constraint}
    result = minimize(quadratic, Space.subsets(N), **options)
    assert result.nfev == 2**N
    assert result.fun == optimum(quadratic, constraint) == quadratic(result.x)
    assert constraint(result.x) >= 0


@pytest.mark.parametrize("start", range(10))
def test_a_tenth_of_the_subsets_is_enough_where_gains_shrink(start):
    """Maximum coverage of 10 items out of 30, against the exact optimum by enumeration."""
    rng = np.random.default_rng(start)
    covers = rng.random((20, 60)) < 0.12
    best = max(
        covers[list(chosen)].any(axis=0).sum() for chosen in itertools.combinations(range(20), 3)
    )
    result = minimize(
        lambda mask: -float(covers[mask].any(axis=0).sum()),
        Space.subsets(20),
        budget=Poss.budget_for(20, 3),
        algorithm="poss",
        constraint=lambda mask: 3 - mask.sum(),
        seed=start,
    )
    assert -result.fun >= (1 - 1 / math.e) * best  # what the theory promises in the mean
    assert -result.fun >= best - 1


def test_the_empty_subset_comes_first_and_then_its_children():
    solver = Poss(Space.subsets(30), seed=0)
    first = [solver.ask() for _ in range(5)]
    assert not first[0].mask.any()
    assert first[0].move is None
    for candidate in first[1:]:
        assert candidate.move[0] == 0
        assert np.flatnonzero(candidate.mask).tolist() == list(candidate.move[1:])


def test_a_filter_may_refuse_even_the_empty_subset():
    seen = []
    result = minimize(
        lambda mask: seen.append(mask) or quadratic(mask),
        Space.subsets(N),
        budget=200,
        algorithm="poss",
        constraint=at_most_k,
        filter=lambda mask: mask.sum() % 2 == 1,
        seed=0,
    )
    assert result.nfev == 200
    assert all(mask.sum() % 2 == 1 for mask in seen)
    assert len({mask.tobytes() for mask in seen}) == 200


def test_the_front_is_what_no_other_dominates():
    solver = Poss(Space.subsets(N), budget=300, seed=3)
    told = []
    for _ in range(300):
        candidate = solver.ask()
        value, slack = quadratic(candidate.mask), float(at_most_k(candidate.mask))
        solver.tell(candidate, Evaluation(value, violation=-slack))
        told.append((value, slack))
    front = {(best.value, -best.evaluation.violation) for best in solver.front}
    expected = {
        (v, s)
        for v, s in told
        if not any((a <= v and b >= s) and (a, b) != (v, s) for a, b in told)
    }
    assert front == expected
    slacks = [-best.evaluation.violation for best in solver.front]
    assert slacks == sorted(slacks)
    for best in solver.front:
        assert quadratic(best.candidate.mask) == best.value
    assert solver.best.value == min(v for v, s in told if s >= 0)


def test_isolation_keeps_one_front_a_class():
    def parity(mask):
        return int(mask.sum()) % 2

    solver = Poss(Space.subsets(N), budget=200, seed=0, isolation=parity)
    for _ in range(200):
        candidate = solver.ask()
        solver.tell(candidate, Evaluation(quadratic(candidate.mask), violation=0.0))
    assert len(solver.front) == 2  # the best of each, as all have the same slack
    assert sorted(parity(best.candidate.mask) for best in solver.front) == [0, 1]


def test_what_failed_enters_nothing():
    solver = Poss(Space.subsets(8), seed=0)
    for status in ("failed", "invalid", "timeout", "lost"):
        solver.tell(solver.ask(), Evaluation(math.nan, status))
    assert solver.front == []
    solver.tell(solver.ask(), Evaluation(1.0, violation=-1.0))
    assert len(solver.front) == 1


def test_infinite_values_and_slacks_are_compared():
    result = minimize(
        lambda mask: math.inf if not mask.any() or mask.sum() >= 2 * K else quadratic(mask),
        Space.subsets(N),
        budget=700,
        algorithm="poss",
        constraint=at_most_k,
        seed=0,
    )
    assert result.success
    assert 0 < result.x.sum() <= K


def test_any_space_of_two_valued_columns_serves():
    space = {
        "a": Choice(["x", "y"]),
        "b": Integer(5, 6),
        "fixed": Integer(3, 3),
        "c": Choice([False, True], ordered=True),
    }
    seen = []

    def fun(a, b, fixed, c):
        seen.append((a, b, fixed, c))
        return (a == "x") + b + fixed + (c is False)

    result = minimize(fun, space, budget=20, algorithm="poss", constraint=lambda **p: 1, seed=0)
    assert result.nfev == len(set(seen)) == 8
    assert result.x == {"a": "y", "b": 5, "fixed": 3, "c": True}
    assert result.status == "exhausted"


@pytest.mark.parametrize(
    ("space", "options", "words"),
    [
        ([(0, 1)], {"constraint": at_most_k}, "poss needs a space of bits"),
        ([Integer(0, 2)] * 3, {"constraint": at_most_k}, "poss needs a space of bits"),
        (Space.subsets(3), {}, "poss needs exactly one constraint, got 0"),
        (Space.subsets(3), {"constraint": [at_most_k] * 2}, "exactly one constraint, got 2"),
    ],
)
def test_what_it_cannot_do_is_refused_before_anything_is_spent(space, options, words):
    with pytest.raises(ValueError, match=words):
        minimize(lambda mask: pytest.fail("called"), space, budget=9, algorithm="poss", **options)


def test_bad_settings_are_named():
    with pytest.raises(TypeError, match="isolation must be callable, got 3"):
        Poss(Space.subsets(3), isolation=3)
    with pytest.raises(ValueError, match="theta must be at least 0"):
        Ponss(Space.subsets(3), theta=-1)
    with pytest.raises(ValueError, match="b must be at least 1"):
        Ponss(Space.subsets(3), b=0)
    with pytest.raises(ValueError, match="final_share must be below 1"):
        Ponss(Space.subsets(3), final_share=1.0)
    with pytest.raises(ValueError, match="n must be at least 1"):
        Space.subsets(0)
    solver = Poss(Space.subsets(3), isolation=lambda mask: [1])
    with pytest.raises(TypeError, match="isolation must return something hashable"):
        solver.tell(solver.ask(), 1.0)


# ------------------------------------------------------------- feasibility


def test_feasibility_is_guaranteed_or_its_lack_is_said():
    impossible = minimize(
        quadratic, Space.subsets(N), budget=50, algorithm="poss", seed=0, constraint=lambda m: -3.5
    )
    assert not impossible.success
    assert impossible.maxcv == 3.5
    assert "feasible" in impossible.message
    rare = minimize(
        quadratic,
        Space.subsets(N),
        budget=900,
        algorithm="poss",
        seed=0,
        constraint=lambda m: m.sum() - 8,  # away from the empty subset
    )
    assert rare.success
    assert rare.x.sum() >= 8
    assert rare.maxcv == 0.0


def test_opt_min_says_when_nothing_was_feasible():
    objective = Objective(lambda s: s.get_x().sum(), bits(), constraint=lambda s: -1 - s.x.sum())
    with pytest.warns(EvaluationWarning, match="feasible"):
        solution = Opt.min(objective, Parameter(budget=40, seed=0))
    assert solution.get_value() == [0.0, -1.0]  # the least violation
    assert not solution.result.success


# ------------------------------------------------------------- how points are handed out


@pytest.mark.parametrize("space", [Space.subsets(6), Space([Integer(0, 1)] * 6)], ids=["b", "i"])
def test_points_of_subsets_are_boolean_masks(space):
    seen = []

    def fun(mask):
        seen.append(mask.dtype)
        return -float(mask[0])

    options = {"algorithm": "poss", "constraint": lambda mask: 3 - mask.sum(), "seed": 0}
    result = minimize(fun, space, budget=9, **options)
    assert set(seen) == {result.x.dtype} == {np.dtype(bool)}


def test_every_solver_gets_masks_from_the_space_of_subsets():
    seen = []

    def fun(mask):
        seen.append(mask.dtype)
        return -float(mask[0])

    result = minimize(fun, Space.subsets(6), budget=9, seed=0)
    assert set(seen) == {result.x.dtype} == {np.dtype(bool)}


@pytest.mark.parametrize("space", [Space.subsets(9), Space([Integer(0, 1)] * 9)], ids=["b", "i"])
def test_a_vectorized_objective_gets_a_boolean_matrix(space):
    shapes = []

    def many(masks):
        shapes.append(masks.shape)
        assert masks.dtype == bool
        return -(masks * np.arange(9.0)).sum(axis=1)

    def slack(masks):
        assert masks.dtype == bool
        return 3 - masks.sum(axis=1)

    result = minimize(
        many, space, budget=300, algorithm="poss", constraint=slack, vectorized=True, seed=0
    )
    assert sum(n for n, _ in shapes) == 300
    assert max(n for n, _ in shapes) > 1
    assert result.x.dtype == bool
    assert result.x.sum() <= 3
    assert result.fun == -(8.0 + 7 + 6)


def test_a_candidate_is_packed_and_unpacks_when_asked():
    candidate = Poss(Space.subsets(70), seed=0, x0=[[True] + [False] * 69]).ask()
    assert candidate.bits.nbytes == 9
    assert candidate.u.tolist() == [1.0] + [0.0] * 69
    assert not candidate.u.flags.writeable
    assert not candidate.bits.flags.writeable
    assert candidate.mask.tolist() == candidate.x
    assert type(candidate.x[0]) is bool
    assert candidate.values_in([0, 69]) == [1.0, 0.0]
    twin = pickle.loads(pickle.dumps(candidate))
    assert twin.mask.tolist() == candidate.x
    with pytest.raises(AttributeError, match="no attribute 'v'"):
        candidate.v  # noqa: B018
    plain = zoopt.RandomSearch(Space.subsets(70), seed=0).ask()
    assert plain.bits is None
    assert plain.mask.tolist() == plain.x


def test_a_hundred_thousand_items_cost_what_their_bits_do():
    import tracemalloc

    n = 100_000
    solver = Poss(Space.subsets(n), seed=0)
    tracemalloc.start()
    for _ in range(300):
        candidate = solver.ask()
        size = len(candidate.move) - 1 if candidate.move else 0
        solver.tell(candidate, Evaluation(-float(size), violation=float(candidate.id % 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * n / 8 + 1e6  # archive of at most 20, doubled, and the rest


# ------------------------------------------------------------- in parallel, and resumed


@pytest.mark.parametrize("algorithm", ["poss", functools.partial(Ponss, theta=1.0, b=2)])
@pytest.mark.parametrize("settings", [{"backend": "thread"}, {"backend": "process"}])
def test_in_parallel_a_window_gives_the_serial_run(algorithm, settings):
    options = {"budget": 120, "seed": 1, "constraint": at_most_k, "window": 5}
    options |= {"algorithm": algorithm}
    alone = minimize(quadratic, Space.subsets(N), **options)
    many = minimize(quadratic, Space.subsets(N), workers=3, **settings, **options)
    assert many.history.tobytes() == alone.history.tobytes()
    assert many.x.tolist() == alone.x.tolist()
    assert many.fun == alone.fun


def test_opt_min_in_processes_hands_out_arrays_of_floats():
    def func(solution):
        x = solution.get_x()
        assert isinstance(x, np.ndarray)
        assert x.dtype == np.float64
        return quadratic(x)

    objective = Objective(func, bits(), constraint=lambda s: at_most_k(s.get_x()))
    parameter = Parameter(budget=300, seed=0, parallel=True, server_num=2)
    solution = Opt.min(objective, parameter)
    assert solution.get_value() == [quadratic(solution.get_x()), at_most_k(solution.get_x())]
    assert {w.split()[0] for w in solution.result.timeline["worker"]} == {"process"}


def cut(path, n_groups):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM groups WHERE number >= ?", (n_groups,))
        connection.execute("DELETE FROM sessions")
    connection.close()


@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize(
    "algorithm", ["poss", functools.partial(Ponss, theta=1.0, b=2, final_share=0.2)]
)
def test_resume_from_any_prefix_is_the_uninterrupted_run(tmp_path, monkeypatch, algorithm, window):
    monkeypatch.setattr(zoopt.run.journal, "GROUP_SECONDS", 0.0)
    path = tmp_path / "run.db"
    options = {"budget": 60, "seed": 5, "constraint": at_most_k, "window": window}
    options |= {"algorithm": algorithm}
    plain = minimize(quadratic, Space.subsets(N), **options)
    for n_kept in (0, 1, 7, 20, 33, 48, 59):
        path.unlink(missing_ok=True)
        minimize(quadratic, Space.subsets(N), checkpoint=path, **options)
        cut(path, n_kept)
        given = algorithm if callable(algorithm) else None
        result = resume(path, quadratic, constraint=at_most_k, solver=given)
        assert result.history.tobytes() == plain.history.tobytes()
        assert result.x.tolist() == plain.x.tolist()
        assert result.fun == plain.fun
    points = [trial.point for trial in zoopt.load_history(path)]
    assert [quadratic(np.array(x)) for x in points] == plain.history.tolist()


def test_a_run_of_opt_min_with_an_isolation_resumes_with_its_parameter(tmp_path):
    def parameter():
        made = Parameter(budget=80, seed=0, checkpoint=tmp_path / "run.db")
        made.set_isolationFunc(lambda x: int(x[0]))
        return made

    objective = Objective(
        lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    plain = Opt.min(objective, parameter())
    with pytest.raises(ValueError, match="parameter must be passed again"):
        resume(tmp_path / "run.db", objective)
    again = resume(tmp_path / "run.db", objective, parameter=parameter(), budget=120)
    assert again.result.history[:80].tolist() == plain.result.history.tolist()
    assert again.result.nfev == 120


# ------------------------------------------------------------- the ZOOpt API


def test_opt_min_on_bits_with_a_constraint_is_poss():
    seen = []

    def func(solution):
        seen.append(solution.get_x())
        return quadratic(solution.get_x())

    objective = Objective(
        func, dim=Dimension(size=N, regs=[[0, 1]] * N, tys=[False] * N),
        constraint=lambda s: K - s.get_x().sum(),
    )  # fmt: skip
    solution = Opt.min(objective, Parameter(budget=2**N + 50, intermediate_result=False))
    x = solution.get_x()
    assert isinstance(x, np.ndarray)
    assert x.dtype == np.float64
    assert x.shape == (N,)
    assert set(x.tolist()) <= {0.0, 1.0}
    assert solution.get_value() == [optimum(quadratic, at_most_k), K - x.sum()]
    assert [type(v) for v in solution.get_value()] == [float, float]
    assert all(isinstance(point, np.ndarray) and point.dtype == np.float64 for point in seen)
    assert objective.get_history() == solution.result.history.tolist()
    assert solution.result.status == "exhausted"
    assert "poss" in solution.result.message.lower()


def test_the_budget_is_exact_and_the_seed_counts():
    objective = Objective(
        lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    one, two = (Opt.min(objective, Parameter(budget=100.7, seed=0)) for _ in range(2))
    assert one.result.nfev == 100
    assert one.result.history.tolist() == two.result.history.tolist()
    other = Opt.min(objective, Parameter(budget=100, seed=1, algorithm="POSS"))
    assert other.result.history.tolist() != one.result.history.tolist()


def test_poss_obeys_what_zoopt_ignored(capsys):
    """Defect 24: time_budget, terminal_value, init_samples, intermediate_result; and 23."""

    def make(**options):
        objective = Objective(
            lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
        )
        return Opt.min(objective, Parameter(budget=500, seed=0, **options))

    start = [1] + [0] * (N - 1)
    first = make(init_samples=[start])
    assert first.result.history[0] == quadratic(np.array(start))
    reached = make(terminal_value=first.result.history[0])
    assert reached.result.status == "terminal_value"
    assert reached.get_value()[1] >= 0
    make(intermediate_result=True, intermediate_freq=200)
    assert capsys.readouterr().out.count("fx result") == 2

    class Criterion:
        def check(self, content):
            assert content.get_best_solution() is None or len(
                content.get_best_solution().get_value()
            ) == 2  # fmt: skip
            return len(content.get_positive_data()) > 3

    assert make(stopping_criterion=Criterion()).result.status == "stop"

    def slow(solution):
        time.sleep(0.05)
        return quadratic(solution.get_x())

    objective = Objective(slow, bits(), constraint=lambda s: at_most_k(s.get_x()))
    timed = Opt.min(objective, Parameter(budget=500, seed=0, time_budget=0.3))
    assert timed.result.status == "time_budget"


def test_a_known_pair_is_not_evaluated_again_and_a_mere_value_is():
    calls = []

    def func(solution):
        calls.append(solution.get_x().tolist())
        return 0.0

    objective = Objective(func, bits(), constraint=lambda s: at_most_k(s.get_x()))
    x, y = [1.0] * 2 + [0.0] * (N - 2), [0.0] * (N - 1) + [1.0]
    samples = [Solution(x=x, value=[-1e9, 2.0]), Solution(x=y, value=-1e9)]
    solution = Opt.min(objective, Parameter(budget=30, seed=0, init_samples=samples))
    assert solution.get_value() == [-1e9, 2.0]
    assert solution.get_x().tolist() == x
    assert x not in calls
    assert y in calls


def test_an_isolation_that_nobody_would_ask_is_refused(tmp_path):
    objective = Objective(
        lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    plain = Parameter(budget=30, seed=0, checkpoint=tmp_path / "run.db")
    Opt.min(objective, plain)
    parameter = Parameter(budget=30, seed=0, algorithm="sracos")
    parameter.set_isolationFunc(lambda x: 0)
    with pytest.raises(ValueError, match="isolationFunc has no effect"):
        Opt.min(objective, parameter)
    with pytest.raises(ValueError, match="the run has none"):
        resume(tmp_path / "run.db", objective, parameter=parameter)


def test_criteria_see_arrays_and_pairs():
    seen = []

    class Criterion:
        def check(self, content):
            seen.extend(content.get_data())

    objective = Objective(
        lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    Opt.min(objective, Parameter(budget=30, seed=0, stopping_criterion=Criterion()))
    assert all(isinstance(s.get_x(), np.ndarray) and len(s.get_value()) == 2 for s in seen)


@pytest.mark.parametrize("n", [512, 513, 3000])
def test_the_history_of_many_items_holds_their_subsets(tmp_path, n):
    path = tmp_path / "run.db"
    seen = []

    def fun(mask):
        seen.append(mask)
        return -float(mask[:9].sum())

    options = {"budget": 40, "seed": 0, "algorithm": "poss"}
    options["constraint"] = lambda mask: 5 - mask.sum()
    start = np.random.default_rng(0).random(n) < 0.5
    plain = minimize(fun, Space.subsets(n), checkpoint=path, x0=[start.tolist()], **options)
    points = [np.array(trial.point) for trial in zoopt.load_history(path)]
    assert all((a == b).all() for a, b in zip(points, seen, strict=True))
    cut(path, 0)
    again = minimize(fun, Space.subsets(n), checkpoint=path, x0=[start.tolist()], **options)
    assert again.history.tolist() == plain.history.tolist()


def test_isolation_reaches_poss_as_an_array_of_floats():
    seen = []

    def isolation(x):
        seen.append(x)
        return int(x[0])

    parameter = Parameter(budget=60, seed=0)
    parameter.set_isolationFunc(isolation)
    objective = Objective(
        lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    Opt.min(objective, parameter)
    assert len(seen) == 60
    assert all(x.dtype == np.float64 for x in seen)


@pytest.mark.parametrize(
    ("dimension", "constraint", "options", "words"),
    [
        (bits(), None, {"algorithm": "poss"}, "needs an Objective with a constraint"),
        (
            Dimension(2, [[0, 1]] * 2, [True] * 2),
            at_most_k,
            {"algorithm": "poss"},
            "needs a dimension of bits",
        ),
        (bits(), at_most_k, {"noise_handling": True, "ponss": True}, "PONSS needs ponss_theta"),
        (bits(), at_most_k, {"noise_handling": True}, "needs a method: resampling=True or ponss"),
        (
            bits(),
            at_most_k,
            {"noise_handling": True, "ponss": True, "ponss_theta": 0.5},
            "PONSS needs ponss_b",
        ),
        (bits(), None, {"noise_handling": True, "ponss": True}, "needs an Objective with a const"),
        (bits(), at_most_k, {"ponss": True}, "no effect without noise_handling"),
        (bits(), at_most_k, {"ponss_theta": 0.5}, "ponss_theta has no effect without PONSS"),
        (bits(), at_most_k, {"uncertain_bits": 2}, "uncertain_bits has no effect on 'poss'"),
    ],
)
def test_bad_combinations_are_refused(dimension, constraint, options, words):
    objective = Objective(lambda s: pytest.fail("called"), dimension, constraint=constraint)
    with pytest.raises(ValueError, match=words):
        Opt.min(objective, Parameter(budget=20, **options))


def test_all_failed_is_said():
    def func(solution):
        raise KeyError("no")

    objective = Objective(func, bits(), constraint=lambda s: 1)
    with pytest.raises(AllEvaluationsFailed):
        Opt.min(objective, Parameter(budget=20, on_error="record"))


def test_exp_opt_takes_pairs(capsys):
    objective = Objective(
        lambda s: quadratic(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    found = zoopt.ExpOpt.min(objective, Parameter(budget=60, seed=0), repeat=3)
    mean, _ = zoopt.ExpOpt.result_analysis([solution.get_value() for solution in found], 3)
    assert np.shape(mean) == (2,)


# ------------------------------------------------------------- PONSS


def noisy(sigma, seed):
    rng = np.random.default_rng(seed)
    return lambda mask: quadratic(mask) + float(rng.normal(0.0, sigma))


def tell_by(solver, n, value, slack=at_most_k):
    for _ in range(n):
        candidate = solver.ask()
        mask = candidate.mask
        solver.tell(candidate, Evaluation(value(mask), violation=-float(slack(mask))))


def test_no_level_grows_beyond_b_and_every_budget_is_kept():
    solver = Ponss(Space.subsets(12), budget=500, seed=0, theta=50.0, b=3, final_share=0.0)
    rng = np.random.default_rng(0)
    for _ in range(500):
        candidate = solver.ask()
        value, slack = float(rng.normal()), float(6 - candidate.mask.sum())
        solver.tell(candidate, Evaluation(value, violation=-slack))
        if not solver._knockouts:
            levels = [best.evaluation.violation for best in solver.front]
            assert max(map(levels.count, levels)) <= 3
    assert max(map(levels.count, levels)) == 3


def test_a_knockout_by_hand():
    """With b = 2: three rivals; each pair is evaluated anew, the better of it stays, one goes."""
    solver = Ponss(Space.subsets(5), seed=0, theta=10.0, b=2, final_share=0.0)
    values = {0: 5.0, 1: 4.0, 2: 3.0}
    for ident, value in values.items():
        candidate = solver.ask()
        assert candidate.id == ident
        solver.tell(candidate, Evaluation(value, violation=0.0))
    pairs = []
    for _ in range(2):
        a, b = solver.ask(), solver.ask()
        assert len(a.move) == len(b.move) == 1  # nothing is flipped
        pairs.append((a.move[0], b.move[0]))
        solver.tell(b, Evaluation(1.0, violation=0.0))
        solver.tell(a, Evaluation(2.0, violation=0.0))
    winner = pairs[0][1]
    assert winner not in pairs[1]  # it stays; the other plays on
    assert pairs[0][0] in pairs[1]
    left = {best.candidate.id: best.value for best in solver.front}
    assert left == {winner: 1.0, pairs[1][1]: 1.0}
    assert len(solver.ask().move) > 1  # and mutation goes on


def test_while_a_knockout_runs_its_class_is_frozen():
    solver = Ponss(
        Space.subsets(6), seed=1, theta=10.0, b=1, final_share=0.0,
        isolation=lambda mask: bool(mask[0]),
    )  # fmt: skip
    first, second, *others = [solver.ask() for _ in range(14)]
    same = [c for c in others if c.mask[0] == first.mask[0]]
    apart = [c for c in others if c.mask[0] != first.mask[0]]
    for candidate in (first, second) if second.mask[0] == first.mask[0] else (first, same.pop(0)):
        solver.tell(candidate, Evaluation(1.0, violation=0.0))
    rivals = [solver.ask(), solver.ask()]
    solver.tell(same[0], Evaluation(-99.0, violation=-5.0))  # would drive both out
    assert len(solver.front) == 2
    if apart:
        solver.tell(apart[0], Evaluation(7.0, violation=0.0))
        assert len(solver.front) == 3
    for candidate in rivals:
        solver.tell(candidate, Evaluation(1.0, violation=0.0))
    left = {best.candidate.id for best in solver.front}
    assert same[0].id in left
    assert not left & {c.move[0] for c in rivals}


@pytest.mark.parametrize("statuses", [("lost", "failed"), ("ok", "failed"), ("lost", "ok")])
def test_failed_rematches_lose_and_leave_the_values_alone(statuses):
    solver = Ponss(Space.subsets(5), seed=0, theta=10.0, b=1, final_share=0.0)
    for _ in range(2):
        solver.tell(solver.ask(), Evaluation(1.0, violation=0.0))
    rematches = [solver.ask(), solver.ask()]
    for candidate, status in zip(rematches, statuses, strict=True):
        value = 50.0 if status == "ok" else math.nan
        solver.tell(candidate, Evaluation(value, status, violation=0.0))
    (left,) = solver.front
    if "ok" in statuses:
        assert left.candidate.id == rematches[statuses.index("ok")].move[0]
        assert left.value == 50.0
    else:
        assert left.value == 1.0


@pytest.mark.parametrize("in_flight", [1, 4, 16, 32])
def test_results_do_not_pile_up_behind_knockouts(in_flight):
    """With many in flight a class was frozen nearly always, and most results were never used."""
    rng = np.random.default_rng(1)
    solver = Ponss(Space.subsets(20), budget=800, seed=0, theta=0.5, b=6)
    flight, most = [], 0
    for _ in range(800):
        while len(flight) < in_flight and (candidate := solver.ask()) is not None:
            flight.append(candidate)
        candidate = flight.pop(0)
        chosen = candidate.mask.sum()
        slack = 5.0 - chosen
        solver.tell(candidate, Evaluation(-float(chosen) + rng.normal(), violation=-slack))
        most = max(most, sum(map(len, solver._held.values())))
    assert most <= 6 + in_flight
    assert not solver._held
    assert solver.recommend().candidate.mask.sum() == 5


def test_the_archive_of_ponss_holds_no_subset_twice():
    rng = np.random.default_rng(1)
    solver = Ponss(Space.subsets(8), budget=600, seed=0, theta=3.0, b=4, final_share=0.1)
    for _ in range(600):
        candidate = solver.ask()
        solver.tell(candidate, Evaluation(rng.normal(), violation=float(candidate.mask.sum() - 4)))
        members = [best.candidate.bits.tobytes() for best in solver.front]
        assert len(members) == len(set(members))
    finals = [f.candidate.bits.tobytes() for f in solver._finalists]
    assert len(finals) == len(set(finals))


@pytest.mark.parametrize("penalty", [1.7976931348623157e308, math.inf, -math.inf])
def test_penalties_of_any_size_do_not_break_the_means(penalty):
    rng = np.random.default_rng(0)

    def noisy_count(mask):
        return penalty if rng.random() < 0.2 else -float(mask.sum()) + rng.normal()

    options = {"constraint": lambda mask: 3 - mask.sum(), "seed": 0, "algorithm": "ponss"}
    result = minimize(noisy_count, Space.subsets(10), budget=400, **options)
    assert result.nfev == 400
    assert result.success


def test_attachments_are_those_of_the_solution_returned():
    last = []

    def func(solution):
        last[:] = solution.get_x().tolist()
        return -sum(last) + float(rng.normal())

    for start in range(6):
        rng = np.random.default_rng(start)
        objective = Objective(func, bits(), constraint=lambda s: at_most_k(s.get_x()))
        objective.set_inherit_func(lambda parent=None: "attached")
        objective.set_post_inherit_func(lambda parent=None: list(last))
        parameter = Parameter(
            budget=200, seed=start, noise_handling=True, ponss=True, ponss_theta=1.0, ponss_b=2
        )
        solution = Opt.min(objective, parameter)
        assert solution.get_attach() == "attached"
        assert solution.get_post_attach() == solution.get_x().tolist()


def test_without_noise_or_rivals_ponss_is_poss_that_may_repeat(kernels):
    """theta = 0, no bound on rivals, nothing kept for the end: only distinctness differs."""
    from zoopt.solvers import pareto

    class Free(Poss):
        repeats = True

    n = 12
    for start in range(5):
        paths = []
        for solver in (
            Free(Space.subsets(n), budget=200, seed=start),
            pareto.Ponss(Space.subsets(n), budget=200, seed=start, b=10**6, final_share=0.0),
        ):
            told = drive(
                solver,
                np.random.default_rng(0),
                200,
                judge=lambda c, rng: Evaluation(
                    float(c.mask @ np.arange(n) % 7), violation=float(c.mask.sum() - 4)
                ),
            )
            paths.append([(c.id, c.bits.tobytes()) for c, _ in told])
        assert paths[0] == paths[1]


def test_the_end_of_the_budget_compares_the_best_again():
    solver = Ponss(Space.subsets(N), budget=400, seed=0, theta=1.0, b=4, final_share=0.25)
    tell_by(solver, 300, noisy(20.0, 1))
    asked = [solver.ask() for _ in range(100)]
    finals = {c.bits.tobytes() for c in asked}
    assert len(finals) <= 8
    for candidate in asked:
        assert at_most_k(candidate.mask) >= 0
        solver.tell(candidate, Evaluation(quadratic(candidate.mask), violation=0.0))
    best = solver.recommend()
    assert best.value == min(quadratic(c.mask) for c in asked)
    assert best.n_calls >= 12
    assert best.standard_error == 0.0
    tell_by(solver, 50, noisy(20.0, 2))  # beyond the planned end it goes on
    assert solver.n_told == 450
    assert solver.recommend().value == min(
        best.value for best in solver.front if best.evaluation.violation <= 0
    )


def test_the_result_carries_standard_error_and_calls():
    def noisy_quadratic(mask, rng):
        return quadratic(mask) + rng.normal(0.0, 5.0)

    options = {"budget": 400, "constraint": at_most_k, "seed": 1}
    algorithm = functools.partial(Ponss, theta=5.0, b=3, final_share=0.3)
    result = minimize(noisy_quadratic, Space.subsets(N), algorithm=algorithm, **options)
    assert result.nfev_x == 120 / 8  # of at most eight finalists
    assert 5.0 / 15**0.5 / 3 < result.fun_std < 3 * 5.0 / 15**0.5
    assert abs(result.fun - quadratic(result.x)) < 6 * result.fun_std
    assert "fun_std" in repr(result)
    plain = minimize(quadratic, Space.subsets(N), algorithm="poss", **options)
    assert (plain.nfev_x, plain.fun_std == plain.fun_std) == (1, False)
    assert "fun_std" not in repr(plain)


def test_opt_min_runs_ponss():
    objective = Objective(
        lambda s: noisy(1.0, None)(s.get_x()), bits(), constraint=lambda s: at_most_k(s.get_x())
    )
    parameter = Parameter(
        budget=300, seed=0, noise_handling=True, ponss=True, ponss_theta=0.5, ponss_b=4
    )
    solution = Opt.min(objective, parameter)
    assert solution.result.nfev == 300
    assert "ponss" in solution.result.message.lower()
    assert at_most_k(solution.get_x()) == solution.get_value()[1] >= 0
