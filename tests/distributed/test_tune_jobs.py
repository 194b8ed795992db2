"""Real Ray Tune jobs with ZOOptSearch, one of them killed and restored."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

tune = pytest.importorskip("ray.tune")
ray = pytest.importorskip("ray")

from zoopt.distributed import ZOOptSearch  # noqa: E402

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to turn into errors
]

ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import it

SCRIPT = Path(__file__).with_name("tune_job.py")


#: Of the job in a process of its own.
N_TRIALS = 12


class Thing:
    """A category that Tune cannot write down."""

    def __init__(self, cost):
        self.cost = cost

    def __eq__(self, other):  # Tune copies what it hands out
        return isinstance(other, Thing) and self.cost == other.cost


SPACE = {
    "rate": tune.loguniform(1e-4, 1.0),
    "model": {"layers": tune.randint(1, 9), "dropout": tune.quniform(0.0, 0.9, 0.1)},
    "widths": [tune.choice([8, 16]), tune.qlograndint(4, 64, 4)],
    "thing": tune.choice([Thing(0.0), Thing(1.0), None]),
    "epochs": 3,
}


def job(folder, trainable, search, n_trials, concurrency=2, space=SPACE, **options):
    tuner = tune.Tuner(
        trainable,
        param_space=space,
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=n_trials,
            max_concurrent_trials=concurrency,
            reuse_actors=True,  # starting a process is most of a trial here
            metric="accuracy",
            mode="max",
            **options,
        ),
        run_config=tune.RunConfig(name="job", storage_path=str(folder / "results"), verbose=0),
    )
    return tuner.fit()


def test_a_mixed_job_with_failing_and_nan_trials(local_ray, tmp_path):
    def trainable(config):
        cost = 2.0 if config["thing"] is None else config["thing"].cost
        assert type(config["rate"]) is float
        assert type(config["model"]["layers"]) is int
        assert config["epochs"] == 3
        if config["model"]["layers"] == 8:
            raise RuntimeError("a failing trial")
        accuracy = -abs(config["model"]["layers"] - 3) - config["rate"] - cost
        tune.report({"accuracy": float("nan") if config["widths"][0] == 8 else accuracy})

    points = [
        {"model": {"layers": 8}},
        {"model/layers": 3, "thing": None, "widths": [8, 8]},
        {"model/layers": 3, "thing": None, "widths": [16, 8]},
    ]
    search = ZOOptSearch(seed=1, points_to_evaluate=points)
    grid = job(tmp_path, trainable, search, 24)
    assert len(grid) == 24
    configs = [result.config for result in grid]
    failed = [result for result in grid if result.error is not None]
    assert {result.config["model"]["layers"] for result in failed} == {8}
    assert {8, 3} <= {config["model"]["layers"] for config in configs}
    assert all(config["widths"][1] in range(4, 65, 4) for config in configs)
    best = grid.get_best_result()
    assert search.best.value == best.metrics["accuracy"]
    assert search.best.config["model"] == best.config["model"]
    assert search.best.config["rate"] == best.config["rate"]
    assert search.solver.n_told == 24
    assert search.solver.planned_budget == 24
    assert not search.solver.in_flight
    # What it told is enough to start another search from.
    second = ZOOptSearch(SPACE, "accuracy", "max")
    second.add_evaluated_trials(grid._experiment_analysis, "accuracy")
    assert second.best.value == search.best.value
    assert second.solver.n_foreign == 24 - len(failed)  # Ray passes on none that failed


def test_a_scheduler_stops_trials_early(local_ray, tmp_path):
    """Two are worse than the first and stop at the first rung; the last one returns in time."""

    def trainable(config):
        for step in range(4):
            tune.report({"accuracy": -config["rate"] * (step + 1)})
            if (config["rate"], step) == (0.1, 1):
                return

    points = [{"rate": rate} for rate in (0.2, 0.3, 0.4, 0.1)]
    scheduler = tune.schedulers.ASHAScheduler(max_t=4, grace_period=1, reduction_factor=2)
    search = ZOOptSearch(seed=0, max_t=4, points_to_evaluate=points)
    space = {"rate": SPACE["rate"]}
    grid = job(tmp_path, trainable, search, 4, 1, space, scheduler=scheduler)
    assert [result.metrics["training_iteration"] for result in grid] == [4, 1, 1, 2]
    assert search.best == ({"rate": 0.1}, -0.2)
    members = search.solver.positives + search.solver.negatives
    assert sorted(member[2:] for member in members) == [
        (0.0, 0.2),
        (0.0, 0.8),
        (0.75, 0.3),
        (0.75, 0.4),
    ]


@pytest.mark.slow
def test_a_batch_solver_ends_with_its_space_one_trial_at_a_time(local_ray, tmp_path):
    def trainable(config):
        if config["n"] == 2 and config["act"] == "a":
            raise RuntimeError("a failing trial")
        return {"accuracy": config["n"]}

    space = {"n": tune.randint(0, 4), "act": tune.choice(["a", "b", None])}
    search = ZOOptSearch(seed=0, algorithm="racos")
    grid = job(tmp_path, trainable, search, 100, 1, space)
    assert len({tuple(result.config.items()) for result in grid}) == len(grid) == 12
    assert grid.num_errors == 1
    assert search.suggest("more") == "FINISHED"


def run_script(*arguments):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)],
        env={**os.environ, "RAY_ADDRESS": ray.get_runtime_context().gcs_address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return json.loads(output.splitlines()[-1])


@pytest.fixture
def killed_job(local_ray, tmp_path, monkeypatch):
    """Kill the driver of a job in the midst of it; return the folder of what is left."""
    monkeypatch.setenv("TUNE_GLOBAL_CHECKPOINT_S", "0.2")
    driver = run_script("start", tmp_path)
    log = tmp_path / "log"
    give_up = time.monotonic() + 100
    while not log.exists() or len(log.read_text().splitlines()) < 5:
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < give_up
        time.sleep(0.05)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    return tmp_path


def test_a_killed_job_is_restored_and_is_the_one_that_was_never_killed(killed_job):
    """Sequential and from one seed, so that all suggestions of the undisturbed search are known."""
    seen = finished(run_script("restore", killed_job))
    resumed = seen["resumed"]
    assert sorted(map(repr, resumed["configs"])) == sorted(map(repr, seen["undisturbed"]))
    assert len(set(map(repr, resumed["configs"]))) == N_TRIALS
    assert resumed["told"] == resumed["asked"] == N_TRIALS
    assert resumed["out"] == resumed["foreign"] == resumed["errors"] == 0
    # Only what was out or not saved yet at the kill was evaluated a second time.
    assert N_TRIALS <= resumed["evaluations"] <= N_TRIALS + 3


@pytest.mark.slow
def test_a_killed_job_that_is_told_to_skip_what_was_out_ends(killed_job):
    """Tune never mentions what it skips: its place must not be waited for."""
    skipped = finished(run_script("skip", killed_job))
    assert skipped["trials"] == N_TRIALS
    assert skipped["asked"] == skipped["told"] == N_TRIALS
    assert skipped["out"] == 0
    assert len(set(map(repr, skipped["configs"]))) >= N_TRIALS - 1
