"""The function form: what the objective gets, what is refused, vectorized calls."""

import math
from fractions import Fraction

import numpy as np
import pytest
from objectives import sphere

import zoopt
from zoopt import Choice, Integer, Real, Space, minimize

BOX = [(-1.0, 1.0)] * 3


def test_bounds_give_a_writable_array_of_its_own():
    def fun(x):
        assert isinstance(x, np.ndarray)
        x -= 0.2
        return float((x**2).sum())

    result = minimize(fun, BOX, budget=50, seed=0, on_error="raise")
    assert result.fun == float(((result.x - 0.2) ** 2).sum())


def test_names_give_keyword_arguments_of_native_types():
    def fun(rate, layers, kind):
        assert type(rate) is float
        assert type(layers) is int
        assert kind in ("a", None)
        return rate * layers + (kind is None)

    space = {"rate": Real(1e-3, 1, log=True), "layers": Integer(1, 4), "kind": Choice(["a", None])}
    result = minimize(fun, space, budget=80, seed=0, on_error="raise")
    assert set(result.x) == set(space)
    assert fun(**result.x) == result.fun


@pytest.mark.parametrize("algorithm", ["sracos", "racos"])
def test_every_kind_of_dimension_is_optimized(algorithm):
    """The optimum of a separable function over a mixed space is found in 9 runs of 10."""

    def fun(rate, width, depth, kind):
        return abs(math.log10(rate) + 3) + abs(width - 77) / 100 + abs(depth - 4) + (kind != "c")

    space = {
        "rate": Real(1e-6, 1, log=True),
        "width": Integer(8, 512, log=True),
        "depth": Integer(1, 9),
        "kind": Choice(list("abcd")),
    }
    good = sum(
        minimize(fun, space, budget=400, algorithm=algorithm, seed=seed).fun < 0.3
        for seed in range(10)
    )
    assert good >= 9


def test_stochastic_objectives_get_numbers_of_the_run_s_seed():
    def run(seed, order=None):
        drawn = []

        def fun(x, rng):
            drawn.append(rng.random())
            return drawn[-1]

        minimize(fun, BOX, budget=20, seed=seed)
        return drawn

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert len(set(run(1))) == 20
    seeds = []
    minimize(lambda x, seed: seeds.append(seed) or 0.0, BOX, budget=10, seed=0, on_error="raise")
    assert all(type(seed) is int for seed in seeds)


def test_the_seed_in_the_result_repeats_a_run_under_gl():
    zoopt.core.defaults.gl.set_seed(5)
    minimize(lambda x: x[0], BOX, budget=20)
    second = minimize(lambda x: x[0], BOX, budget=20)
    again = minimize(lambda x: x[0], BOX, budget=20, seed=second.seed)
    assert (second.history == again.history).all()


def test_a_dimension_named_seed_is_a_dimension():
    result = minimize(lambda seed: (seed - 3) ** 2, {"seed": Integer(0, 9)}, budget=20, seed=0)
    assert result.x == {"seed": 3}


def test_starting_points_come_first():
    points = []

    def fun(x):
        points.append(x.tolist())
        return float((x**2).sum())

    minimize(fun, BOX, budget=10, x0=[[0.1, 0.2, 0.3], (0, 0, 0), [0.1, 0.2, 0.3]], seed=0)
    assert points[:2] == [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]]
    assert points[2] != [0.1, 0.2, 0.3]
    assert len(points) == 10
    points.clear()
    minimize(fun, BOX, budget=10, x0=np.array([0.5, 0.5, 0.5]), seed=0)
    assert points[0] == [0.5, 0.5, 0.5]
    result = minimize(lambda a: a, {"a": (0, 1)}, budget=5, x0={"a": 0.0}, seed=0)
    assert result.fun == 0.0


def test_vectorized_objectives_get_matrices_and_the_budget_is_exact():
    sizes = []

    def fun(matrix):
        assert matrix.ndim == 2
        assert matrix.shape[1] == 3
        sizes.append(len(matrix))
        return ((matrix - 0.2) ** 2).sum(axis=1)

    result = minimize(fun, BOX, budget=205, vectorized=True, seed=0, on_error="raise")
    assert sum(sizes) == result.nfev == 205
    assert max(sizes) == 20  # a tenth of the budget
    assert result.fun == ((result.x - 0.2) ** 2).sum()


def test_vectorized_named_dimensions_get_columns():
    def fun(a, kind):
        assert a.shape == kind.shape
        assert kind.dtype == object
        return a + (kind == "x")

    space = {"a": Real(0, 1), "kind": Choice(["x", None])}
    result = minimize(fun, space, budget=200, vectorized=True, seed=0, on_error="raise")
    assert result.x["kind"] is None


def test_vectorized_objectives_that_return_something_else_are_recorded_or_raise():
    with pytest.raises(ValueError, match="20 values"):
        minimize(lambda m: m.sum(), BOX, budget=200, vectorized=True, seed=0)
    with pytest.raises(ZeroDivisionError):
        minimize(lambda m: 1 / 0, BOX, budget=200, vectorized=True, seed=0)


@pytest.mark.parametrize("algorithm", ["sracos", "racos"])
def test_vectorized_runs_search_as_well(algorithm):
    """Better than random search of the same budget in 9 runs of 10."""

    def fun(matrix):
        return ((matrix - 0.2) ** 2).sum(axis=1)

    wins = 0
    for seed in range(10):
        options = {"budget": 300, "vectorized": True, "seed": seed}
        guided = minimize(fun, [(-1, 1)] * 10, algorithm=algorithm, **options)
        blind = minimize(fun, [(-1, 1)] * 10, algorithm="random", **options)
        wins += guided.fun < blind.fun
    assert wins >= 9


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"budget": 0}, ValueError, "budget must be at least 1"),
        ({"budget": math.inf}, ValueError, "budget must be finite"),
        ({"budget": "9"}, TypeError, "budget must be a number"),
        ({"budget": None}, TypeError, "budget must be a number"),
        ({"algorithm": "foo"}, ValueError, "algorithm must be one of"),
        ({"algorithm": 3}, TypeError, "algorithm"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": "a"}, TypeError, "seed must be"),
        ({"seed": 1.5}, TypeError, "seed must be"),
        ({"x0": [[5, 0, 0]]}, ValueError, "x0.*dimension 0"),
        ({"x0": [[0, 0]]}, ValueError, "x0.*must have 3 values"),
        ({"on_error": "skip"}, ValueError, "on_error must be one of"),
        ({"time_budget": -1}, ValueError, "time_budget must be at least 0"),
        ({"terminal_value": math.nan}, ValueError, "terminal_value"),
        ({"stop": 3}, TypeError, "stop must be callable"),
        ({"workers": 0}, ValueError, "workers"),
        ({"backend": "dask"}, ValueError, "backend must be"),
        ({"eval_timeout": 1, "backend": "serial"}, ValueError, "eval_timeout needs"),
    ],
)
def test_bad_options_are_refused_by_name_before_any_call(options, error, words):
    calls = []
    with pytest.raises(error, match=words):
        minimize(calls.append, BOX, **{"budget": 10, **options})
    assert calls == []


@pytest.mark.parametrize("path", ["", ".", "..", "runs/", None], ids=str)
def test_a_checkpoint_that_is_a_folder_is_refused_before_any_call(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for checkpoint in [tmp_path, str(tmp_path)] if path is None else [path]:
        with pytest.raises(ValueError, match="checkpoint must be the path of a file"):
            minimize(lambda x: pytest.fail("called"), BOX, budget=5, checkpoint=checkpoint)
    assert not list(tmp_path.iterdir())
    with pytest.raises(TypeError, match="checkpoint must be the path of a file"):
        minimize(lambda x: pytest.fail("called"), BOX, budget=5, checkpoint=5)


@pytest.mark.parametrize(
    "options",
    [
        {"window": np.int64(4)},
        {"workers": np.int64(2), "retries": np.int64(1), "eval_timeout": np.float32(9)},
        {"max_failures": np.int64(5), "terminal_value": np.float32(-9)},
        {"time_budget": Fraction(60), "max_failures": Fraction(7, 2)},
        {"vectorized": np.False_, "progress": np.False_},
    ],
    ids=lambda options: next(iter(options)),
)
def test_numbers_of_other_libraries_stand_in_a_checkpoint(options, tmp_path):
    path = tmp_path / "run.db"
    minimize(sphere, BOX, budget=np.int64(10), seed=np.int64(0), checkpoint=path, **options)
    assert zoopt.resume(path, sphere, budget=np.int64(20)).nfev == 20


def test_one_callback_needs_no_list():
    class Counter:
        n = 0

        def on_tell(self, search, candidate, evaluation):
            self.n += 1

    counter, counts = Counter(), []
    minimize(sphere, BOX, budget=7, seed=0, callbacks=counter)
    minimize(sphere, BOX, budget=7, seed=0, callbacks=lambda search: counts.append(search.nfev))
    assert (counter.n, counts) == (7, [1, 2, 3, 4, 5, 6, 7])
    with pytest.raises(TypeError, match="callback must be callable"):
        minimize(sphere, BOX, budget=7, callbacks=5)


def test_what_is_not_callable_is_refused():
    with pytest.raises(TypeError, match="fun must be callable"):
        minimize(3, BOX, budget=10)


def test_a_solver_class_or_factory_serves_as_algorithm():
    options = {"budget": 60, "seed": 0}
    by_name = minimize(lambda x: float(x.sum()), BOX, algorithm="racos", **options)
    by_class = minimize(lambda x: float(x.sum()), BOX, algorithm=zoopt.Racos, **options)
    assert (by_name.history == by_class.history).all()
    solvers = []

    def factory(space, **given):
        solvers.append(zoopt.SRacos(space, uncertain_bits=3, **given))
        return solvers[0]

    minimize(lambda x: float(x.sum()), BOX, algorithm=factory, **options)
    assert solvers[0].n_told == 60
    with pytest.raises(TypeError, match="must make a Solver"):
        minimize(lambda x: 0.0, BOX, algorithm=lambda space, **given: None, **options)


def test_a_space_object_serves_too():
    space = Space([Integer(0, 5)] * 2)
    assert minimize(lambda x: int(x.sum()), space, budget=100, seed=0).fun == 0


def test_unknown_options_of_a_solver_are_refused():
    with pytest.raises(TypeError, match="no_such"):
        zoopt.make_solver("sracos", Space(BOX), no_such=1)
    with pytest.raises(ValueError, match="replacement must be"):
        zoopt.SRacos(BOX, replacement="XX")
    with pytest.raises(ValueError, match="positive_size must be at most"):
        zoopt.SRacos(BOX, train_size=3, positive_size=5)
    with pytest.raises(ValueError, match="exploration_rate"):
        zoopt.SRacos(BOX, exploration_rate=1.5)
