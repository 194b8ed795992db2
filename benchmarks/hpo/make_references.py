"""Compute the losses of regret 1 and 0 of each task, for `references.json`.

    OMP_NUM_THREADS=1 python benchmarks/hpo/make_references.py [--runs FOLDER] [TASK ...]

Regret 1 is random search's mean after 15 trials. Regret 0 is the best loss known, from random
points and a local search from the best of them, and from all runs in a folder.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from hpo import tasks

FILE = Path(__file__).parent / "references.json"


def changed(task: tasks.Task, point: Any, rng: np.random.Generator) -> Any:
    """Change some parameters of a point, those that become active at random."""
    parameters = task.space.parameters
    whole = {p.name: point.get(p.name, p.value(rng.random())) for p in parameters}
    step = 10 ** rng.uniform(-2.5, -0.3)
    active = [p for p in parameters if p.name in point]
    for i in rng.permutation(len(active))[: rng.integers(1, 4)]:
        p = active[i]
        if p.kind == "choice":
            whole[p.name] = p.value(rng.random())
        else:
            unit = p.unit(whole[p.name]) + step * rng.normal()
            whole[p.name] = p.value(min(max(unit, 0), 1))
    return task.space.prune(whole)


def reference(name: str, runs: Path | None) -> dict[str, float]:
    task = tasks.task(name)
    rng = np.random.default_rng(99)
    live = name in tasks.LIVE
    points = [task.space.sample(rng) for _ in range(600 if live else 6000)]
    true = np.array([task.true(p) for p in points])
    told = np.array([task.told(p, t) for p, t in zip(points, true, strict=True)])
    groups = rng.integers(len(points), size=(4000, 15)) if live else np.arange(6000).reshape(-1, 15)
    best_told = groups[np.arange(len(groups)), told[groups].argmin(axis=1)]
    front = sorted(zip(true, range(len(points)), strict=True))[:8]
    elite = [(float(loss), points[i]) for loss, i in front]
    for _ in range(30 if live else 600):
        for k, (loss, point) in enumerate(elite):
            new = changed(task, point, rng)
            elite[k] = min((loss, point), (task.true(new), new), key=lambda pair: pair[0])
    found = [loss for loss, _ in elite]
    if runs is not None:
        files = runs.glob(f"*/{name}/*.json")
        found += [min(json.loads(file.read_text())["true"]) for file in files]
    return {"best": min(found), "random": float(true[best_told].mean())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, metavar="FOLDER")
    parser.add_argument("tasks", nargs="*", default=["all"], metavar="TASK")
    options = parser.parse_args()
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name in tasks.named(options.tasks):
        new = reference(name, options.runs)
        if name in known:
            new["best"] = min(new["best"], known[name]["best"])
        known[name] = new
        print(name, known[name], flush=True)
        FILE.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
