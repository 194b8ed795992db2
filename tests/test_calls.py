"""How user functions are called: names of dimensions, random arguments, what counts as a value."""

import functools
import math

import numpy as np
import pytest

from zoopt import (
    Dimension,
    Evaluation,
    EvaluationWarning,
    Objective,
    Opt,
    Parameter,
    SRacos,
    minimize,
    resume,
)
from zoopt.core.evaluation import as_number
from zoopt.problem.calls import stochastic_argument

BOX = [(-1.0, 1.0)] * 3
HALF = [(-1.0, 1.0)]

# ----------------------------------------------------------------- names of dimensions

NAMES = ["n", "self", "i", "args", "kwargs", "point", "points", "function", "candidate", "x"]


@pytest.mark.parametrize("options", [{}, {"vectorized": True}, {"workers": 2}], ids=str)
@pytest.mark.parametrize("n_constraints", [0, 1, 2])
def test_a_dimension_may_have_any_name(options, n_constraints):
    result = minimize(
        lambda **point: sum(point.values()),
        dict.fromkeys(NAMES, (0, 1)),
        budget=30,
        seed=0,
        constraint=[lambda **point: 2.0 - point["self"]] * n_constraints or None,
        filter=lambda **point: point["n"] < 0.9,
        on_error="raise",
        **options,
    )
    assert result.nfev == 30
    assert set(result.x) == set(NAMES)


@pytest.mark.parametrize("name", ["seed", "rng", "trial"])
@pytest.mark.parametrize("vectorized", [False, True])
def test_a_dimension_keeps_its_name_from_random_arguments(name, vectorized):
    got = []

    def fun(**point):
        got.append(point)
        return point[name]

    given = {
        "seed": lambda seed: fun(seed=seed),
        "rng": lambda rng: fun(rng=rng),
        "trial": lambda trial: fun(trial=trial),
    }
    minimize(given[name], {name: (0, 1)}, budget=20, seed=0, vectorized=vectorized)
    values = np.concatenate([np.atleast_1d(point[name]) for point in got])
    assert len(values) == 20
    assert ((values >= 0.0) & (values <= 1.0)).all()


# ----------------------------------------------------------------- random arguments


SEEDS = []


def train(x, seed):
    SEEDS.append(seed)
    return float(np.sum(x))


def with_default(x, seed=None):
    return train(x, seed)


class Model:
    def __call__(self, x, seed):
        return train(x, seed)

    def fit(self, x, rng):
        return float(np.sum(x)) + rng.random()

    def _bound(self, x, seed):
        return train(x, seed)

    seeded = functools.partialmethod(_bound, seed=7)


class SeededModel:
    def _run(self, x, seed):
        return train(x, seed)

    __call__ = functools.partialmethod(_run, seed=7)


def passing_on(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def keeping(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x, 7)

    return wrapper


def positional(seed, x):
    return train(x, seed)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (train, "seed"),
        (with_default, "seed"),
        (Model(), "seed"),
        (Model().fit, "rng"),
        (passing_on(train), "seed"),
        (passing_on(Model().fit), "rng"),
        (functools.lru_cache(train), "seed"),
        (functools.partial(lambda data, x, seed: 0.0, None), "seed"),
        (functools.partial(passing_on(train)), "seed"),
        (functools.partial(train, seed=7), None),
        (functools.partial(functools.partial(train, seed=7)), None),
        (functools.partial(positional, 7), None),
        (functools.partial(Model(), seed=7), None),
        (functools.partial(Model().fit, rng=None), None),
        (functools.partial(passing_on(train), seed=7), None),
        (passing_on(functools.partial(train, seed=7)), None),
        (keeping(train), None),
        (Model().seeded, None),
        (SeededModel(), None),
        (lambda x, *seed: 0.0, None),
        (lambda x, **seed: 0.0, None),
        (lambda x: 0.0, None),
        (max, None),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_only_an_argument_that_nobody_bound_is_filled(function, name):
    assert stochastic_argument(function) == name


@pytest.mark.parametrize(
    "fun",
    [
        functools.partial(train, seed=7),
        functools.partial(positional, 7),
        functools.partial(Model(), seed=7),
        passing_on(functools.partial(train, seed=7)),
        keeping(train),
        SeededModel(),
        Model().seeded,
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_what_is_bound_stays_bound(fun):
    SEEDS.clear()
    minimize(fun, BOX, budget=5, seed=0)
    assert SEEDS == [7] * 5


def test_opt_min_leaves_a_bound_seed_alone():
    seeds = set()

    def func(solution, seed):
        seeds.add(seed)
        return solution.x[0]

    dim = Dimension(1, [[0, 1]], [True])
    Opt.min(Objective(functools.partial(func, seed=7), dim), Parameter(budget=5, seed=0))
    assert seeds == {7}
    seeds.clear()
    Opt.min(Objective(func, dim), Parameter(budget=5, seed=0))
    assert len(seeds) == 5


def vectorized_run(seed, **options):
    drawn = []

    def fun(matrix, rng):
        drawn.append(rng.random(len(matrix)))
        return (matrix**2).sum(axis=1) + drawn[-1]

    result = minimize(fun, BOX, budget=60, seed=seed, vectorized=True, on_error="raise", **options)
    return result, drawn


def test_a_vectorized_objective_gets_one_generator_for_each_batch():
    result, drawn = vectorized_run(1)
    again, drawn_again = vectorized_run(1)
    assert (result.history == again.history).all()
    assert all((a == b).all() for a, b in zip(drawn, drawn_again, strict=True))
    assert len(set(np.concatenate(drawn))) == 60  # no two batches share a stream
    assert (vectorized_run(2)[0].history != result.history).any()


@pytest.mark.parametrize("signature", ["seed", "seed=None"])
def test_a_vectorized_objective_gets_one_seed_for_each_batch(signature):
    seeds = []
    scope = {"seeds": seeds}
    exec(f"def fun(x, {signature}):\n seeds.append(seed)\n return x.sum(axis=1)", scope)
    minimize(scope["fun"], BOX, budget=60, seed=0, vectorized=True, on_error="raise")
    assert len(set(seeds)) == len(seeds) > 5
    assert all(type(seed) is int for seed in seeds)


def test_a_vectorized_objective_of_opt_min_gets_a_generator():
    draws = []

    def func(solutions, rng):
        draws.append(rng.random())
        return [solution.x[0] for solution in solutions]

    objective = Objective(func, Dimension(1, [[0, 1]], [True]))
    Opt.min(objective, Parameter(budget=30, seed=0, vectorized=True, on_error="raise"))
    assert len(set(draws)) == len(draws) > 5


@pytest.mark.parametrize("n", [1, 20, 31, 59])
def test_a_resumed_run_draws_the_same_numbers_for_its_batches(n, tmp_path):
    def interrupt(search):
        if search.nfev == n and not search.replaying:
            raise KeyboardInterrupt

    def fun(matrix, rng):
        return (matrix**2).sum(axis=1) + rng.random(len(matrix))

    options = {"budget": 60, "seed": 3, "vectorized": True}
    whole = minimize(fun, BOX, **options)
    path = tmp_path / "run.db"
    minimize(fun, BOX, checkpoint=path, callbacks=interrupt, **options)
    resumed = resume(path, fun)
    assert resumed.nfev == 60
    assert (resumed.history == whole.history).all()


# ----------------------------------------------------------------- values

MASKED = [
    np.ma.masked,
    np.ma.masked_array(-9.0, mask=True),
    np.ma.masked_array([-9], mask=[True]),
    np.ma.masked_array([[-9.0]], mask=[[True]]),
    np.ma.masked_less([-9.0, -8.0], 0.0).mean(),
    np.ma.masked + 5.0,
    np.ma.masked_array([-9 + 1j], mask=[True]),
]
COMPLEX = [np.complex128(-9), np.complex64(-9 + 1j), -9j, np.array([-9 + 0j]), np.array(-9j)]


@pytest.mark.parametrize("value", MASKED, ids=repr)
def test_a_masked_value_is_invalid_like_nan(value):
    evaluation = Evaluation.of(value)
    assert (evaluation.status, evaluation.exception) == ("invalid", None)
    assert "masked value" in evaluation.error
    assert math.isnan(as_number(value))


@pytest.mark.parametrize("value", COMPLEX, ids=repr)
@pytest.mark.filterwarnings("error")
def test_a_complex_value_is_invalid(value):
    evaluation = Evaluation.of(value)
    assert evaluation.status == "invalid"
    assert isinstance(evaluation.exception, TypeError)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.array([[2]]), np.ma.array([2])])
def test_other_numbers_stay_valid(value):
    assert Evaluation.of(value).value == 2.0


def test_a_complex_tensor_is_invalid():
    class Tensor:
        dtype = "torch.complex64"

        def __float__(self):
            return -9.0

    assert Evaluation.of(Tensor()).status == "invalid"


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
@pytest.mark.parametrize("options", [{}, {"workers": 2}, {"backend": "thread"}], ids=str)
@pytest.mark.parametrize("bad", [MASKED[0], MASKED[2], COMPLEX[0]], ids=repr)
def test_the_best_is_never_a_masked_or_complex_value(bad, options):
    result = minimize(
        lambda x: bad if x[0] < 0 else x[0] + 5.0,
        HALF,
        budget=40,
        seed=0,
        on_error="record",
        **options,
    )
    assert result.x[0] >= 0
    assert result.failure_counts["invalid"] == result.n_failed > 0


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: np.ma.masked_where(x < 0, x + 5),
        lambda x: np.ma.masked_where(x < 0, x + 5)[:, None],
        lambda x: np.ma.masked_where(x < 0, x.round()),
        lambda x: [np.ma.masked if v < 0 else v for v in x],
        lambda x: [np.ma.masked_array([v], [v < 0]) for v in x],
        lambda x: np.array([np.complex128(-9) if v < 0 else v for v in x], object),
    ],
)
def test_masked_and_complex_values_of_a_batch_are_invalid_alone(answer):
    result = minimize(
        lambda x: answer(x[:, 0]), HALF, budget=60, seed=0, vectorized=True, on_error="record"
    )
    assert 0 < result.failure_counts["invalid"] < 60
    assert result.x[0] >= 0


def test_tell_takes_a_masked_value_as_invalid():
    solver = SRacos(HALF, budget=20, seed=0)
    first, second = solver.ask(), solver.ask()
    solver.tell(first, np.ma.masked)
    solver.tell(second, np.complex128(-9))
    assert solver.best is None
    solver.tell_point([0.5], np.ma.masked)
    assert solver.best is None


def test_an_objective_s_eval_stores_nan_for_a_masked_value():
    objective = Objective(lambda solution: np.ma.masked, Dimension(1, [[0, 1]], [True]))
    assert math.isnan(objective.eval(objective.construct_solution([0.5])))


def test_one_warning_says_that_values_are_masked():
    with pytest.warns(EvaluationWarning, match="masked value"):
        minimize(lambda x: np.ma.masked if x[0] < 0 else 1.0, HALF, budget=20, seed=0)
