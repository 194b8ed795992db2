"""Runs of a solver on a task, kept as one small file each, so that a series can be resumed."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from hpo import tasks

CHILD = Path(__file__).parent / "child.py"
#: what to install for solvers that are not zoopt's
PACKAGES = {
    "optuna-tpe": ("optuna", ("optuna",)),
    "optuna-tpe-mv": ("optuna", ("optuna",)),
    "optuna-gp": ("optunagp", ("optuna", "scipy", "torch")),
    "hyperopt": ("hyperopt", ("hyperopt", "setuptools")),
    "catcmawm": ("cmaes", ("cmaes",)),
    "skopt": ("skopt", ("scikit-optimize",)),
    "smac": ("smac", ("smac",)),
    "hebo": ("hebo", ("HEBO",)),
    "nevergrad": ("nevergrad", ("nevergrad",)),
}
#: more than 100 ms a proposal
SLOW = ("skopt", "smac", "hebo")
#: solvers whose proposals do not depend on the budget run once, up to the longest
ANYTIME = (
    "random",
    "optuna-tpe",
    "optuna-tpe-mv",
    "optuna-gp",
    "hyperopt",
    "catcmawm",
    "skopt",
    "hebo",
    "model",
)


@dataclasses.dataclass(frozen=True)
class Solver:
    """A solver by its name with options, such as "model:length=0.2,out=half"."""

    label: str

    @property
    def name(self) -> str:
        return self.label.partition(":")[0]

    @property
    def options(self) -> dict[str, Any]:
        text = self.label.partition(":")[2]
        pairs = (pair.split("=", 1) for pair in text.split(",") if pair)
        return {name: _parsed(value) for name, value in pairs}

    @property
    def slow(self) -> bool:
        return self.name in SLOW

    @property
    def anytime(self) -> bool:
        return self.name in ANYTIME

    def budget(self, trials: int, longest: int) -> int:
        """Return the budget of the run that shows the result after some trials."""
        return longest if self.anytime else trials


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


class Process:
    """A child that proposes for one solver, run after run."""

    def __init__(self, python: str, solver: Solver) -> None:
        single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._solver = solver
        self._child = subprocess.Popen(
            [python, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**inherited, **dict.fromkeys(single, "1")},
            text=True,
        )

    def start(self, task: tasks.Task, budget: int, seed: int, in_flight: int) -> None:
        self._request(
            start={
                "solver": self._solver.name,
                "options": self._solver.options,
                "space": task.space.described(),
                "budget": budget,
                "seed": seed,
                "in_flight": in_flight,
            }
        )

    def answer(self, tells: list[tuple[int, float]], asks: int) -> tuple[list[Any], float]:
        answer = self._request(tell=tells, ask=asks)
        return answer["points"], answer["ms"]

    def _request(self, **request: Any) -> Any:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(json.dumps(request), file=self._child.stdin, flush=True)
        line = self._child.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self._solver.label} ended with {self._child.wait()}")
        return json.loads(line)

    def close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()


def one(
    process: Process, task: tasks.Task, budget: int, seed: int, in_flight: int
) -> dict[str, list[float]]:
    """Run once; results come back in the order in which the points were asked for."""
    process.start(task, budget, seed, in_flight)
    told: list[float] = []
    true: list[float] = []
    points, ms = process.answer([], min(in_flight, budget))
    spent = [ms / len(points)] * len(points)
    while len(told) < budget:
        point = points.pop(0)
        true.append(task.true(point))
        told.append(task.told(point, true[-1]))
        asks = int(len(told) + len(points) < budget)
        more, ms = process.answer([(len(told) - 1, told[-1])], asks)
        points += more
        spent += [ms] * asks
    return {"told": told, "true": true, "ms": [round(ms, 3) for ms in spent]}


def file_of(
    folder: Path, solver: Solver, task: str, budget: int, seed: int, in_flight: int
) -> Path:
    flight = f"-f{in_flight}" if in_flight > 1 else ""
    return folder / solver.label / task / f"b{budget}{flight}-s{seed}.json"


def longest_of(file: Path, solver: Solver) -> Path:
    """Return the file, or that of a longer run if the solver does not depend on the budget."""
    if file.exists() or not solver.anytime:
        return file
    budget, _, rest = file.name.partition("-")
    longer = {
        int(other.name.partition("-")[0][1:]): other
        for other in file.parent.glob("b*.json")
        if other.name.partition("-")[2] == rest
    }
    enough = [n for n in longer if n > int(budget[1:])]
    return longer[min(enough)] if enough else file


def stored(file: Path, result: dict[str, list[float]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(result))
    partial.replace(file)
