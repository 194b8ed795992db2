"""A saved ZOOptSearch goes on as it was, and no place leaks to trials that do not come back."""

import copy
import math
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

tune = pytest.importorskip("ray.tune")

from ray.tune.search import ConcurrencyLimiter, Searcher  # noqa: E402

from zoopt.distributed import ZOOptSearch  # noqa: E402
from zoopt.distributed.tune import trials  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are not ours to turn into errors

SPACE = {
    "rate": tune.loguniform(1e-3, 1.0),
    "inner": {"n": tune.randint(1, 9), "act": tune.choice(["relu", {"name": "elu"}, None])},
    "q": tune.quniform(0.0, 0.9, 0.1),
    "epochs": 10,
}
POINT = {"rate": 0.1, "inner": {"n": 3, "act": {"name": "elu"}}, "q": 0.3}
FULL = {**POINT, "q": 3 * 0.1, "epochs": 10}  # 0.3 as Tune forms it


def searcher(**options):
    return ZOOptSearch(SPACE, "loss", options.pop("mode", "min"), **{"seed": 0, **options})


def loss_of(config):
    return abs(math.log10(config["rate"]) + 2) + config["inner"]["n"] + config["q"]


def complete(search, trial_id, config):
    search.on_trial_complete(trial_id, {"loss": loss_of(config), "training_iteration": 1})


# ----------------------------------------------------------------- saving


def played(search, n, seed):
    """Play n random moves; the trials that are out."""
    rng = random.Random(seed)
    live = {}
    for i in range(n):
        if live and rng.random() < 0.45:
            trial_id = rng.choice(sorted(live))
            config = live.pop(trial_id)
            if rng.random() < 0.2:
                search.on_trial_complete(trial_id, None, error=True)
            else:
                complete(search, trial_id, config)
        else:
            config = search.suggest(f"{seed}-{i}")
            if isinstance(config, dict):
                live[f"{seed}-{i}"] = config
                search.on_trial_result(f"{seed}-{i}", {"loss": 7.0, "training_iteration": 1})
    return live


def go_on(search, live, n=40):
    """End what is out, then go on one by one; all that was suggested."""
    out = sorted(live)
    for trial_id in out[::2]:
        complete(search, trial_id, live[trial_id])
    for trial_id in out[1::2]:
        search.on_trial_complete(trial_id)  # what it reported counts
    configs = []
    for i in range(n):
        configs.append(search.suggest(f"more {i}"))
        if isinstance(configs[-1], dict):
            complete(search, f"more {i}", configs[-1])
    return configs, search.best


def by_file(search, folder):
    search.save(str(folder / "state"))
    assert [path.name for path in folder.iterdir()] == ["state"]
    other = ZOOptSearch()
    other.restore(str(folder / "state"))
    return other


def by_folder(search, folder):
    search.save_to_dir(str(folder), "2026-01-01")
    other = ZOOptSearch(metric="other", mode="max", seed=99)
    other.restore_from_dir(str(folder))
    return other


def by_state(search, folder):
    other = searcher(seed=5)
    other.set_state(search.get_state())
    return other


def by_pickle(search, folder):
    return pickle.loads(pickle.dumps(search))


def by_copy(search, folder):
    return copy.deepcopy(search)


@pytest.mark.parametrize("way", [by_file, by_folder, by_state, by_pickle, by_copy])
@pytest.mark.parametrize("n", [0, 1, 7, 60])
@pytest.mark.parametrize("algorithm", ["sracos", "racos"])
def test_a_restored_searcher_goes_on_as_the_saved_one(tmp_path, way, n, algorithm):
    search = searcher(points_to_evaluate=[POINT, {"q": 0.9}], algorithm=algorithm, budget=90)
    live = played(search, n, seed=n)
    restored = way(search, tmp_path)
    assert go_on(restored, live) == go_on(search, live)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 120), more=st.integers(0, 40))
def test_it_may_be_restored_again_and_again(seed, n, more):
    search = searcher(seed=seed)
    restored = searcher()
    live = played(search, n, seed)
    restored.set_state(search.get_state())
    assert played(restored, more, seed + 1) == played(search, more, seed + 1)
    again = searcher()
    again.set_state(restored.get_state())
    assert go_on(again, live) == go_on(search, live)


def test_a_restored_limit_gives_way_to_a_new_one():
    search = searcher()
    ConcurrencyLimiter(search, 2)
    restored = searcher()
    limiter = ConcurrencyLimiter(restored, 1)
    restored.set_state(search.get_state())
    assert limiter.suggest("a")
    assert limiter.suggest("b") is None


@pytest.mark.parametrize("state", [{}, {"version": 99, "search": b""}, None, [1]])
def test_what_is_no_state_is_refused_and_changes_nothing(state):
    search = searcher()
    before = search.suggest("a")
    with pytest.raises(ValueError, match="version"):
        search.set_state(state)
    assert search.suggest("a") == before


def test_a_failed_save_leaves_the_old_file(tmp_path):
    search = searcher()
    search.save(str(tmp_path / "state"))
    before = (tmp_path / "state").read_bytes()
    search.unpicklable = (i for i in ())
    with pytest.raises(TypeError):
        search.save(str(tmp_path / "state"))
    assert (tmp_path / "state").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


# ----------------------------------------------------------------- trials that do not come back


class Clock:
    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(trials.time, "monotonic", lambda: self.now)

    def ask(self, search, seconds, n):
        """Ask in vain every so many seconds; how often it was, at most n."""
        for i in range(n):
            if search.suggest(f"asked at {self.now}") is not None:
                return i
            self.now += seconds
        return n


def interrupted(algorithm="sracos", limit=2):
    """A searcher restored with as many trials out as may be."""
    search = searcher(algorithm=algorithm, budget=60)
    search.set_max_concurrency(limit)
    configs = {f"old {i}": search.suggest(f"old {i}") for i in range(limit)}
    restored = searcher()
    restored.set_state(search.get_state())
    return restored, configs


@pytest.mark.parametrize("algorithm", ["sracos", "racos"])
def test_places_are_freed_when_tune_has_nothing_but_to_ask(monkeypatch, algorithm):
    clock = Clock(monkeypatch)
    search, _ = interrupted(algorithm)
    assert 2 <= clock.ask(search, 1.0, 20) <= 6
    assert search.suggest("one more")
    assert search.suggest("too many") is None
    assert len(search.solver.in_flight) == 2


def test_a_barrier_opens_without_a_limit_too(monkeypatch):
    clock = Clock(monkeypatch)
    search = searcher(algorithm="racos", budget=60)
    n = 0
    while search.suggest(f"old {n}"):
        n += 1
    restored = searcher()
    restored.set_state(search.get_state())
    assert clock.ask(restored, 1.0, 20) < 6


def test_a_finite_space_ends_without_them(monkeypatch):
    clock = Clock(monkeypatch)
    search = ZOOptSearch({"n": tune.randint(0, 3)}, "loss", "min", seed=0)
    for i in range(3):
        search.suggest(str(i))
    restored = ZOOptSearch()
    restored.set_state(search.get_state())
    assert clock.ask(restored, 1.0, 20) < 6
    assert restored.suggest("end") == "FINISHED"


def test_trials_that_run_again_keep_their_places(monkeypatch):
    clock = Clock(monkeypatch)
    search, configs = interrupted()
    assert clock.ask(search, 0.1, 5000) == 5000  # Tune steps on, for they run
    search.on_trial_result("old 0", {"loss": 1.0})
    assert clock.ask(search, 1.0, 50) == 50  # one is heard of: it is no question of time
    complete(search, "old 1", configs["old 1"])
    assert search.suggest("new")
    assert search.suggest("too many") is None


def test_a_silent_one_gives_way_when_enough_newer_ones_have_ended(monkeypatch):
    Clock(monkeypatch)
    search, configs = interrupted()
    complete(search, "old 0", configs["old 0"])
    n = 0
    while not (search.suggest(f"a{n}") and search.suggest(f"b{n}")):
        complete(search, f"a{n}", search.suggest(f"a{n}"))
        n += 1
        assert n < 20
    assert n == trials.PATIENCE * 2


def test_one_that_was_given_up_is_taken_in_and_counts_again(monkeypatch):
    clock = Clock(monkeypatch)
    search, configs = interrupted()
    clock.ask(search, 1.0, 20)  # both are given up, one new trial is out
    search.on_trial_result("old 0", {"loss": 1.0})
    assert search.suggest("too many") is None
    search.on_trial_complete("old 0", {"loss": -5.0})
    assert search.best == (configs["old 0"], -5.0)
    search.on_trial_complete("old 1", {"loss": -6.0})
    assert search.best == (configs["old 1"], -6.0)
    assert search.suggest("new")


def test_trials_of_a_job_that_was_broken_off_do_not_block_the_next(monkeypatch):
    clock = Clock(monkeypatch)
    search = searcher()
    search.set_max_concurrency(1)
    search.suggest("old")
    assert clock.ask(search, 1.0, 20) == 20
    assert search.set_search_properties("loss", "min", SPACE)
    assert clock.ask(search, 1.0, 20) < 6


# ----------------------------------------------------------------- trials that run again


def test_a_failed_trial_that_runs_again_is_taken_in():
    search = searcher()
    config = search.suggest("a")
    search.on_trial_complete("a", None, error=True)
    assert search.best is None
    search.on_trial_complete("a", None, error=True)
    assert (search.solver.n_told, search.solver.n_foreign) == (1, 0)
    search.on_trial_complete("a", {"loss": 2.0})
    assert search.best == (config, 2.0)
    search.on_trial_complete("a", {"loss": 1.0})  # it ended: nothing more is expected
    assert search.best.value == 2.0
    assert [search.suggest(str(i)) for i in range(30)]


@pytest.mark.parametrize("act", ["relu", {"name": "elu"}, None])
def test_a_trial_under_a_new_name_is_known_by_its_configuration(act):
    search = searcher()
    search.suggest("a")
    search.on_trial_complete("a", None, error=True)
    config = {**FULL, "inner": {"n": 3, "act": act}}
    flat = tune.utils.flatten_dict({"config": config, "loss": 2.0})
    search.on_trial_complete("b", flat)
    assert search.best == (config, 2.0)
    search.on_trial_complete("b", {**flat, "loss": 1.0})
    assert search.best.value == 2.0


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"loss": 1.0},
        {"loss": 1.0, "config/rate": 0.1},
        {"config/rate": 0.1, "config/inner/n": 1, "config/inner/act": "relu", "config/q": 0.0},
        {"loss": 1.0, "config/inner": 3, "config/rate": 0.1, "config/q": 0.0},
    ],
)
def test_an_unknown_trial_is_ignored(result):
    search = searcher()
    search.on_trial_result("b", {"loss": 1.0})
    search.on_trial_complete("b", result)
    search.on_trial_complete("c", result, error=True)
    assert search.best is None
    assert search.suggest("a")


def test_it_overrides_what_ray_asks_of_a_searcher():
    for name in ("suggest", "on_trial_complete", "save", "restore", "get_state", "set_state"):
        assert getattr(ZOOptSearch, name) is not getattr(Searcher, name)
