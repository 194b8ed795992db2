"""A Tune job in a process of its own, to be killed: ``start`` it, or ``restore`` what is left.

``skip`` restores it without the trials that were unfinished. Both print what came of the job as
JSON, in the last line.
"""

import json
import os
import sys
import time
from pathlib import Path

import ray
from ray import tune

from zoopt.distributed import ZOOptSearch

FOLDER = Path(sys.argv[2])
RESULTS = FOLDER / "results"
N_TRIALS = 12
ACTS = tune.choice(["relu", {"name": "leaky", "slope": tune.uniform(0, 1)}, None])
SPACE = {
    "rate": tune.loguniform(1e-4, 1.0),
    "model": {"layers": tune.randint(1, 50), "act": ACTS},
    "log": str(FOLDER / "log"),
}


def loss_of(config):
    return config["rate"] + config["model"]["layers"]


def trainable(config):
    time.sleep(0.15)
    with open(config["log"], "a") as file:
        file.write(f"{loss_of(config)}\n")
    tune.report({"loss": loss_of(config)})


def start():
    tuner = tune.Tuner(
        trainable,
        param_space=SPACE,
        tune_config=tune.TuneConfig(
            search_alg=ZOOptSearch(seed=3),
            metric="loss",
            mode="min",
            num_samples=N_TRIALS,
            max_concurrent_trials=1,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="job", storage_path=str(RESULTS), verbose=0),
    )
    tuner.fit()


def restore(**options):
    n_before = len((FOLDER / "log").read_text().splitlines())
    tuner = tune.Tuner.restore(str(RESULTS / "job"), trainable, **options)
    grid = tuner.fit()
    search = tuner._local_tuner._tune_config.search_alg
    return {
        "trials": len(grid),
        "errors": grid.num_errors,
        "configs": [result.config for result in grid],
        "evaluations": len((FOLDER / "log").read_text().splitlines()),
        "before": n_before,
        "asked": search.solver.n_asked,
        "told": search.solver.n_told,
        "foreign": search.solver.n_foreign,
        "out": len(search.solver.in_flight),
    }


def undisturbed():
    search = ZOOptSearch(seed=3)
    search.set_search_properties("loss", "min", SPACE, num_samples=N_TRIALS)
    configs = []
    for i in range(N_TRIALS):
        configs.append(search.suggest(str(i)))
        search.on_trial_complete(str(i), {"loss": loss_of(configs[-1])})
    return configs


if __name__ == "__main__":
    ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level="ERROR")
    try:
        if sys.argv[1] == "start":
            start()
        elif sys.argv[1] == "skip":
            print(json.dumps(restore(resume_unfinished=False)))
        else:
            print(json.dumps({"undisturbed": undisturbed(), "resumed": restore()}))
    finally:
        ray.shutdown()
