"""Functions that report while they train, and a program with a pruner that is killed."""

import signal
import subprocess
import sys
import textwrap
import time

import numpy as np

from zoopt import Pruned, load_history

BOX = [(-1.0, 1.0)] * 2
N_STEPS = 12


def curve(x):
    """Return the values of a training: the greater the distance, the slower they fall."""
    goal = float(np.abs(x - 0.3).sum())
    return [goal + (4.0 - goal) * (0.4 + 0.1 * goal) ** step for step in range(N_STEPS)]


def train(x, trial):
    for step, value in enumerate(curve(x)):
        trial.report(step, value)
        if trial.should_prune():
            raise Pruned
    return value


def same(a, b):
    assert a.statuses.tolist() == b.statuses.tolist()
    assert a.history.tobytes() == b.history.tobytes()
    assert a.timeline["id"].tolist() == b.timeline["id"].tolist()
    assert [t.reports for t in a.trials] == [t.reports for t in b.trials]


KILLED = """
import sys, time
import numpy as np
import zoopt

SECONDS = 0.0005 * int(sys.argv[3]) ** 2

def train(x, trial):
    goal = float(np.abs(x - 0.3).sum())
    for step in range(12):
        time.sleep(SECONDS)
        value = goal + (4.0 - goal) * (0.4 + 0.1 * goal) ** step
        trial.report(step, value)
        if trial.should_prune():
            raise zoopt.Pruned
    return value

if __name__ == "__main__":
    path, backend, workers, window = sys.argv[1:]
    if backend == "ray":
        from zoopt.distributed import RayExecutor
        backend, workers = RayExecutor(int(workers), address="auto"), 1
    zoopt.minimize(
        train, [(-1.0, 1.0)] * 2, budget=200, seed=0, algorithm="sracos", pruner="median",
        checkpoint=path, backend=backend, workers=int(workers), window=int(window) or None,
    )
"""


def killed(path, folder, *arguments, **options):
    """Kill a run twice, in the middle of it; return how many trials its file has."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(KILLED))
    kept = 0
    for _ in range(2):
        command = [sys.executable, "-P", str(script), str(path), *arguments]
        driver = subprocess.Popen(command, **options)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            time.sleep(0.02)
            assert driver.poll() is None, "the program has ended"
            if path.exists() and len(load_history(path)) > kept:
                break
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        now = len(load_history(path))
        assert kept < now < 200
        kept = now
    return kept
