"""Ray's own ZOOptSearch, unchanged, drives SRacosTune through real jobs."""

import pytest

tune = pytest.importorskip("ray.tune")
ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to turn into errors
]

N_TRIALS = 30
FAILING, NAN = 9, 13


SPACE = {
    "rate": tune.uniform(0.0, 1.0),
    "momentum": tune.quniform(0.0, 0.9, 0.1),
    "layers": tune.randint(1, 9),
    "activation": tune.choice(["relu", "tanh", None]),
}


@ray.remote(num_cpus=0)
class Counter:
    """Numbers the trials in order of start, over all processes."""

    def __init__(self):
        self.n = -1

    def next(self):
        self.n += 1
        return self.n


def job(folder, search, counter, concurrency, n_trials=N_TRIALS, space=SPACE, name="job"):
    def trainable(config):
        number = ray.get(counter.next.remote())
        if number == FAILING:
            raise RuntimeError("a failing trial")
        loss = (config["rate"] - 0.3) ** 2 + abs(config["layers"] - 3) + config["momentum"]
        loss += {"relu": 0.0, "tanh": 1.0, None: 2.0}[config["activation"]]
        tune.report({"loss": float("nan") if number == NAN else loss})

    tuner = tune.Tuner(
        trainable,
        param_space=space,
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=n_trials,
            max_concurrent_trials=concurrency,
            reuse_actors=True,  # starting a process is most of a trial here
            **({"metric": "loss", "mode": "min"} if space else {}),
        ),
        run_config=tune.RunConfig(name=name, storage_path=str(folder / "results"), verbose=0),
    )
    return tuner.fit()


def check_config(config):
    assert 0.0 <= config["rate"] <= 1.0
    assert type(config["rate"]) is float
    assert round(config["momentum"], 1) == config["momentum"]
    assert config["layers"] in range(1, 9)
    assert type(config["layers"]) is int
    assert config["activation"] in ("relu", "tanh", None)


@pytest.mark.slow
@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_mixed_job_with_a_failing_and_a_nan_trial_runs_to_its_end(
    local_ray, tmp_path, concurrency
):
    from ray.tune.search.zoopt import ZOOptSearch

    search = ZOOptSearch(algo="asracos", budget=N_TRIALS)
    grid = job(tmp_path, search, Counter.remote(), concurrency)
    assert len(grid) == N_TRIALS
    assert grid.num_errors == 1
    configs = [result.config for result in grid]
    for config in configs:
        check_config(config)
    assert len({tuple(config.items()) for config in configs}) == N_TRIALS
    losses = [result.metrics["loss"] for result in grid if result.error is None]
    assert sum(loss != loss for loss in losses) == 1
    tuner = search.optimizer
    assert tuner.complete_num == N_TRIALS - 1
    best = search.best_solution_list[-1]
    assert best.get_value() == min(loss for loss in losses if loss == loss)
    assert len(search.solution_dict) == N_TRIALS


def test_points_to_evaluate_and_a_space_of_its_own(local_ray, tmp_path):
    from ray.tune.search.zoopt import ZOOptSearch

    from zoopt import ValueType

    points = [
        {"rate": 0.25, "momentum": 0.5, "layers": 3, "activation": "tanh"},
        {"rate": 0.5, "momentum": 0.0, "layers": 8, "activation": None},
    ]
    search = ZOOptSearch(
        algo="SRacos",
        budget=12,
        dim_dict={
            "rate": (ValueType.CONTINUOUS, [0, 1], 1e-2),
            "momentum": (ValueType.CONTINUOUS, [0, 0.9], 0.1),
            "layers": (ValueType.DISCRETE, [1, 8], False),
            "activation": (ValueType.GRID, ["relu", "tanh", None]),
        },
        metric="loss",
        mode="min",
        points_to_evaluate=points,
    )
    grid = job(tmp_path, search, Counter.remote(), 1, n_trials=12, space={})
    configs = [result.config for result in grid]
    assert len(configs) == 12
    assert all(point in configs for point in points)
    suggested = [solution.get_x() for solution in search.solution_dict.values()]
    assert suggested[:2] == [list(point.values()) for point in points]


@pytest.mark.slow
def test_a_job_ends_with_its_space(local_ray, tmp_path):
    from ray.tune.search.zoopt import ZOOptSearch

    space = {
        "rate": 0.5,
        "momentum": 0.0,
        "layers": tune.randint(1, 5),
        "activation": tune.choice(["relu", "tanh", None]),
    }
    search = ZOOptSearch(budget=100, parallel_num=2)
    grid = job(tmp_path, search, Counter.remote(), None, n_trials=100, space=space)
    assert len(grid) == 12
    assert len({tuple(result.config.items()) for result in grid}) == 12


def test_a_restored_searcher_goes_on_as_the_saved_one(local_ray, tmp_path):
    from ray.tune.search.zoopt import ZOOptSearch

    def make():
        search = ZOOptSearch(budget=N_TRIALS, parallel_num=4)
        assert search.set_search_properties("loss", "min", SPACE)
        return search

    def drive(search, first, end):
        for i in range(first, end):
            config = search.suggest(str(i))
            search.on_trial_complete(str(i), None if i % 7 == 3 else {"loss": config["rate"]})

    search = make()
    drive(search, 0, 11)
    search.suggest("running")
    search.save(str(tmp_path / "searcher.pkl"))
    restored = make()
    restored.restore(str(tmp_path / "searcher.pkl"))
    for each in (search, restored):
        drive(each, 11, 20)
        each.on_trial_complete("running", {"loss": -1.0})
        drive(each, 20, N_TRIALS - 1)
        assert each.suggest("one too many") == "FINISHED"
        assert each.best_solution_list[-1].get_value() == -1.0
    assert [s.get_x() for s in search.solution_dict.values()] == [
        s.get_x() for s in restored.solution_dict.values()
    ]


@pytest.mark.slow
def test_the_searcher_of_a_job_is_restored_from_its_folder(local_ray, tmp_path):
    from ray.tune.search.zoopt import ZOOptSearch

    search = ZOOptSearch(budget=20, parallel_num=2)
    job(tmp_path, search, Counter.remote(), 2, n_trials=12, name="first")
    restored = ZOOptSearch(budget=20)
    restored.restore_from_dir(str(tmp_path / "results" / "first"))
    assert restored.optimizer.complete_num == 11
    n_before = len(restored.solution_dict)
    assert n_before == 12
    grid = job(tmp_path, restored, Counter.remote(), 1, n_trials=8, name="second", space={})
    assert len(grid) == 8
    suggested = [tuple(s.get_x()) for s in restored.solution_dict.values()]
    assert len(set(suggested)) == 20
