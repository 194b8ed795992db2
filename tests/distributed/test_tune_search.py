"""ZOOptSearch, driven by hand as Ray Tune drives it: no place is lost, no call hangs."""

import doctest
import functools
import math
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

tune = pytest.importorskip("ray.tune")

from ray.tune.search import ConcurrencyLimiter, Repeater  # noqa: E402

import zoopt  # noqa: E402
import zoopt.distributed.tune.search  # noqa: E402
from zoopt.core.solver import Solver  # noqa: E402
from zoopt.distributed import ZOOptSearch  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are not ours to turn into errors

MIXED = {
    "rate": tune.loguniform(1e-4, 1.0),
    "inner": {"n": tune.randint(1, 9), "act": tune.choice(["relu", "tanh", None])},
}
FINITE = {"n": tune.randint(0, 4), "act": tune.choice(["a", "b", "c"])}


def loss_of(config):
    if "n" in config:
        return config["n"] + ord(config["act"]) / 1000
    return abs(math.log10(config["rate"]) + 2) + config["inner"]["n"]


def searcher(space=MIXED, mode="min", **options):
    return ZOOptSearch(space, "loss", mode, **{"seed": 0, **options})


def key(config):
    return repr(config)


class Told:
    """Keeps what a solver is told."""

    def __init__(self, search, monkeypatch):
        self.evaluations, self.points = [], []

        def tell(solver, candidate, evaluation, original=Solver.tell):
            self.evaluations.append(evaluation)
            original(solver, candidate, evaluation)

        def tell_point(solver, x, evaluation, original=Solver.tell_point):
            self.points.append((x.x, evaluation))
            original(solver, x, evaluation)

        monkeypatch.setattr(Solver, "tell", tell)
        monkeypatch.setattr(Solver, "tell_point", tell_point)

    @property
    def statuses(self):
        return [evaluation.status for evaluation in self.evaluations]


# ----------------------------------------------------------------- the package


def run_python(program):
    return subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)


def test_the_package_imports_ray_only_for_what_needs_it():
    ran = run_python(
        "import sys, zoopt.distributed as d\n"
        "assert 'ray' not in sys.modules\n"
        "assert 'ZOOptSearch' in d.__all__ and 'ZOOptSearch' in dir(d)\n"
        "try: d.nothing\n"
        "except AttributeError as error: assert 'nothing' in str(error)\n"
        "own = ('simulate', 'calibrate', 'Cluster', 'Simulation', 'SimulatedExecutor', 'Pareto')\n"
        "assert all(getattr(d, name) for name in (*own, 'LogNormal'))\n"
        "assert d.RayExecutor and d.minimize_islands and d.IslandsResult\n"
        "assert 'ray' not in sys.modules\n"
        "from zoopt.distributed import ZOOptSearch\n"
        "assert 'ray' in sys.modules\n"
    )
    assert ran.returncode == 0, ran.stderr


def test_without_ray_the_error_names_the_extra():
    ran = run_python(
        "import sys; sys.modules['ray'] = None\nfrom zoopt.distributed import ZOOptSearch"
    )
    assert 'ImportError: ZOOptSearch needs Ray Tune: pip install "zoopt[tune]"' in ran.stderr


def test_the_examples_of_its_docstrings_run():
    result = doctest.testmod(zoopt.distributed.tune.search)
    assert result.failed == 0
    assert result.attempted > 5


# ----------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"mode": "least"}, ValueError, "mode"),
        ({"mode": ["min"]}, TypeError, "mode"),
        ({"metric": ["a", "b"]}, TypeError, "metric"),
        ({"algorithm": "annealing"}, ValueError, "algorithm.*sracos"),
        ({"algorithm": 3}, TypeError, "algorithm"),
        ({"algorithm": lambda *a, **k: "no solver"}, TypeError, "algorithm.*Solver"),
        ({"budget": 0}, ValueError, "budget"),
        ({"budget": "many"}, TypeError, "budget"),
        ({"budget": 2.5}, ValueError, "budget"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": "x"}, TypeError, "seed"),
        ({"max_t": 0}, ValueError, "max_t"),
        ({"max_t": "9"}, TypeError, "max_t"),
        ({"time_attr": None}, TypeError, "time_attr"),
        ({"points_to_evaluate": {"rate": 0.1}}, TypeError, "points_to_evaluate"),
        ({"points_to_evaluate": [[0.1]]}, TypeError, "points_to_evaluate"),
        ({"points_to_evaluate": [{"rat": 0.1}]}, ValueError, r"points_to_evaluate\[0\].*'rat'"),
        (
            {"points_to_evaluate": [{}, {"inner": {"n": 9}}]},
            ValueError,
            r"\[1\].*'inner/n'.*9",
        ),
        ({"points_to_evaluate": [{"inner": {"n": "1"}}]}, TypeError, "inner/n"),
        ({"points_to_evaluate": [{"inner": 1}]}, TypeError, "inner.*dictionary"),
        ({"points_to_evaluate": [{"inner": {"act": "elu"}}]}, ValueError, "inner/act.*elu"),
        ({"evaluated_rewards": [1.0]}, ValueError, "evaluated_rewards"),
        (
            {"points_to_evaluate": [{"rate": 0.1}], "evaluated_rewards": [1.0]},
            ValueError,
            r"points_to_evaluate\[0\] lacks parameter 'inner/n'",
        ),
        (
            {"points_to_evaluate": [{}], "evaluated_rewards": [None]},
            TypeError,
            "evaluated_rewards",
        ),
        ({"points_to_evaluate": [{}], "evaluated_rewards": 1.0}, TypeError, "evaluated_rewards"),
    ],
)
def test_a_bad_argument_is_refused_by_name(options, error, words):
    with pytest.raises(error, match=words):
        ZOOptSearch(MIXED, **options)


def test_a_constant_in_a_point_must_be_that_of_the_space():
    space = {**FINITE, "epochs": 10, "data": np.arange(3)}
    point = {"n": 1, "epochs": 10, "data": space["data"]}
    assert searcher(space, points_to_evaluate=[point]).suggest("0")["n"] == 1
    with pytest.raises(ValueError, match=r"epochs.*constant 10.*got 20"):
        searcher(space, points_to_evaluate=[{"epochs": 20}])


def test_tune_config_fills_what_the_constructor_left_open():
    search = ZOOptSearch(seed=0)
    assert search.set_search_properties("loss", "max", MIXED, num_samples=60)
    assert (search.metric, search.mode) == ("loss", "max")
    search.suggest("0")
    assert search.solver.planned_budget == 60
    assert search.solver.train_size == zoopt.SRacos([(0, 1)], budget=60).train_size


def test_tune_config_may_not_contradict_the_constructor():
    with pytest.raises(ValueError, match=r"metric.*'loss'.*'accuracy'"):
        searcher().set_search_properties("accuracy", None, {})
    with pytest.raises(ValueError, match=r"mode.*'min'.*'max'"):
        searcher().set_search_properties("loss", "max", {})


def test_a_second_space_is_left_to_tune_to_refuse():
    search = searcher(MIXED)
    assert search.set_search_properties("loss", "min", {"epochs": 3})
    assert search.set_search_properties("loss", "min", {**MIXED, "epochs": 3})
    assert search.suggest("0")["epochs"] == 3
    assert not search.set_search_properties("loss", "min", FINITE)
    with pytest.raises(ValueError, match="Real, Integer and Choice"):
        ZOOptSearch().set_search_properties("loss", "min", {"rate": ("__ref_ph", "12345678")})


def test_what_is_missing_is_said_at_the_first_suggestion():
    with pytest.raises(ValueError, match="space"):
        ZOOptSearch(metric="loss", mode="min").suggest("0")
    with pytest.raises(ValueError, match="mode"):
        ZOOptSearch(MIXED, metric="loss").suggest("0")


def test_a_bare_number_is_the_anonymous_metric():
    search = ZOOptSearch(FINITE, mode="min", seed=0)
    search.suggest("0")
    assert search.metric == "_metric"
    search.on_trial_complete("0", {"_metric": 4.0})
    assert search.best.value == 4.0


@pytest.mark.parametrize(
    "algorithm",
    ["RACOS", zoopt.SRacos, functools.partial(zoopt.SRacos, uncertain_bits=2, train_size=7)],
)
def test_algorithms_are_named_or_made(algorithm):
    search = searcher(algorithm=algorithm)
    search.suggest("0")
    assert isinstance(search.solver, zoopt.Racos if algorithm == "RACOS" else zoopt.SRacos)
    if isinstance(algorithm, functools.partial):
        assert search.solver.train_size == 7


# ----------------------------------------------------------------- outcomes


@pytest.mark.parametrize(
    ("reports", "result", "error", "status", "value"),
    [
        ([], {"loss": 2}, False, "ok", 2.0),
        ([], {"loss": np.float32(0.5)}, False, "ok", 0.5),
        ([], {"loss": math.inf}, False, "ok", math.inf),
        ([], {"loss": -math.inf}, False, "ok", -math.inf),
        ([], {"loss": math.nan}, False, "invalid", None),
        ([], {"loss": "low"}, False, "invalid", None),
        ([], {"loss": None}, False, "invalid", None),
        ([], {"loss": np.ma.masked}, False, "invalid", None),
        ([], {"loss": np.ma.array([1.0], mask=[True])}, False, "invalid", None),
        ([], {"loss": 1 + 2j}, False, "invalid", None),
        ([], {"loss": np.complex128(1)}, False, "invalid", None),
        ([3.0, np.ma.masked], None, False, "invalid", None),
        ([], {"accuracy": 1.0}, False, "invalid", None),
        ([], None, True, "failed", None),
        ([], {"loss": 1.0}, True, "failed", None),
        ([3.0], None, True, "failed", None),
        ([], None, False, "lost", None),
        ([], {}, False, "lost", None),
        ([3.0, 2.0], None, False, "ok", 2.0),
        ([3.0, 2.0], {"time_total_s": 1}, False, "ok", 2.0),
        ([3.0, math.nan], None, False, "invalid", None),
        ([3.0, 2.0], {"loss": 1.0}, False, "ok", 1.0),
    ],
)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_every_end_of_a_trial_is_recorded(monkeypatch, reports, result, error, status, value, mode):
    search = searcher(mode=mode)
    told = Told(search, monkeypatch)
    search.suggest("0")
    for i, loss in enumerate(reports):
        search.on_trial_result("0", {"loss": loss, "training_iteration": i + 1})
    assert not told.evaluations
    search.on_trial_complete("0", result, error)
    assert told.statuses == [status]
    if value is None:
        assert search.best is None
    else:
        assert told.evaluations[0].value == (value if mode == "min" else -value)
        assert search.best.value == value
    assert not search.solver.in_flight
    search.on_trial_complete("0", {"loss": 0.0})  # once more
    assert len(told.evaluations) == 1


@pytest.mark.parametrize("mode", ["min", "max"])
def test_it_searches_in_the_direction_of_the_mode(mode):
    search = searcher(mode=mode, budget=150)
    reported = {}
    for i in range(150):
        config = search.suggest(str(i))
        reported[key(config)] = loss_of(config)
        search.on_trial_complete(str(i), {"loss": loss_of(config)})
    best = min(reported.values()) if mode == "min" else max(reported.values())
    assert search.best.value == best == reported[key(search.best.config)]
    assert best < 1.5 if mode == "min" else best > 9.5


class Driver:
    """Runs trials as Tune does: so many at once, which end in any order and in any way."""

    def __init__(self, search, concurrency, seed=0, p_bad=0.3, limited=False):
        self.search, self.concurrency = search, concurrency
        self.limiter = ConcurrencyLimiter(search, concurrency) if limited else search
        self.rng = random.Random(seed)
        self.p_bad = p_bad
        self.live, self.configs, self.n, self.finished = {}, [], 0, False

    def step(self):
        """Suggest if there is room, else end a trial; False at the end."""
        if not self.finished and len(self.live) < self.concurrency:
            config = self.limiter.suggest(f"t{self.n}")
            if config == "FINISHED":
                self.finished = True
            elif config is None:
                assert self.live, "a searcher that waits for nothing"
                self.end()
            else:
                self.live[f"t{self.n}"] = config
                self.configs.append(config)
                self.n += 1
            return True
        if self.live:
            self.end()
            return True
        return False

    def end(self):
        trial_id = self.rng.choice(sorted(self.live))
        config = self.live.pop(trial_id)
        if self.rng.random() < 0.3:
            self.limiter.on_trial_result(trial_id, {"loss": 9.0, "training_iteration": 1})
        result, error = {"loss": loss_of(config), "training_iteration": 2}, False
        if self.rng.random() < self.p_bad:
            result, error = self.rng.choice(
                [
                    (None, True),
                    (None, False),
                    ({}, False),
                    ({"loss": math.nan}, False),
                    ({"a": 1}, False),
                ]
            )
        self.limiter.on_trial_complete(trial_id, result, error)

    def run(self, n_steps=10_000):
        for _ in range(n_steps):
            if not self.step():
                return self
        raise AssertionError("no end")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    concurrency=st.integers(1, 6),
    algorithm=st.sampled_from(["sracos", "racos", "random"]),
    p_bad=st.sampled_from([0.0, 0.3, 1.0]),
    limited=st.booleans(),
    finite=st.booleans(),
    budget=st.sampled_from([None, 5, 30]),
)
def test_a_search_ends_with_its_budget_or_its_space_whatever_happens(
    seed, concurrency, algorithm, p_bad, limited, finite, budget
):
    space = FINITE if finite else MIXED
    budget = 30 if budget is None and not finite else budget
    search = searcher(space, algorithm=algorithm, seed=seed, budget=budget)
    driver = Driver(search, concurrency, seed, p_bad, limited).run()
    assert len(driver.configs) == min(budget or 12, 12 if finite else 30)
    assert len(set(map(key, driver.configs))) == len(driver.configs)
    assert search.solver.n_told == len(driver.configs)
    assert not search.solver.in_flight
    assert search.suggest("more") == "FINISHED"


def test_a_limit_holds_and_failures_free_places():
    search = searcher()
    limiter = ConcurrencyLimiter(search, 2)
    assert limiter.suggest("a")
    assert limiter.suggest("b")
    assert limiter.suggest("c") is None
    limiter.on_trial_complete("a", None, error=True)
    assert limiter.suggest("c")
    assert limiter.suggest("d") is None
    limiter.on_trial_complete("b", {"loss": math.nan})
    limiter.on_trial_complete("c")
    assert limiter.suggest("d")
    assert limiter.suggest("e")


def test_a_batch_waits_for_its_results():
    search = searcher(algorithm="racos", budget=60)
    n = 0
    while search.suggest(f"t{n}") is not None:
        n += 1
    assert n == search.solver.train_size
    for i in range(n):
        assert search.suggest("next") is None
        search.on_trial_complete(f"t{i}", None, error=i % 2 == 0)
    assert search.suggest("next")


def test_repeated_trials_are_one_to_the_searcher():
    search = searcher(budget=10)
    repeater = Repeater(search, repeat=3)
    configs = []
    for i in range(30):
        configs.append(repeater.suggest(str(i)))
        repeater.on_trial_complete(str(i), {"loss": float(i)} if i % 3 else None)
    assert search.solver.n_told == 10
    assert search.best.value == 1.5
    assert repeater.suggest("30") == "FINISHED"


def test_asking_for_a_trial_again_gives_its_configuration_again():
    search = searcher()
    assert search.suggest("a") == search.suggest("a")
    assert search.solver.n_asked == 1


def test_same_seed_same_suggestions():
    def configs(seed):
        return Driver(searcher(seed=seed, budget=40), 3).run().configs

    assert configs(5) == configs(5) != configs(6)
    assert configs(np.random.SeedSequence(5)) == configs(5)
