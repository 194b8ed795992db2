"""Pruning on a real Ray: the same decisions as in one process, also after a kill."""

import os

import pytest
from trainings import BOX, killed, same, train

import zoopt

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("local_ray"),
    pytest.mark.filterwarnings("default"),  # Ray's own are not ours to turn into errors
]

SETTINGS = {"budget": 200, "seed": 0, "algorithm": "sracos", "pruner": "median", "window": 4}


@pytest.mark.slow  # the fast tier has the law of executors
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_prunes_the_same_trials(workers):
    alone = zoopt.minimize(train, BOX, **SETTINGS)
    same(zoopt.minimize(train, BOX, **SETTINGS, backend="ray", workers=workers), alone)


@pytest.mark.slow
def test_kill_9_on_ray_changes_no_decision(tmp_path):
    path = tmp_path / "run.db"
    address = ray.get_runtime_context().gcs_address
    environment = {**os.environ, "RAY_ADDRESS": address}
    kept = killed(path, tmp_path, "ray", "2", "4", env=environment)
    rest = zoopt.resume(path, train, backend="serial", workers=1)
    same(rest, zoopt.minimize(train, BOX, **SETTINGS))
    assert 0 < kept < 200
