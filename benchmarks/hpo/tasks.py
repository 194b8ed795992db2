"""The tasks and their two halves: one to choose a solver's constants by, one to report.

Tabulated tasks of the two halves share no data set. Live tasks run scikit-learn, with three fixed
folds. A task has two losses at a point: `told`, which the solver sees, and `true`, which is scored.
They differ by an irregular error, fixed for each point, of about the size that cross-validation
leaves; live losses are scored as they are. A failed pipeline counts as the worst in a table, and
as a given loss in a live task.
"""

import functools
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hpo import surrogate
from hpo.spaces import Point, Space, joint, separated
from hpo.synthetic import SYNTHETIC

HERE = Path(__file__).parent
CACHE = HERE / "cache"
#: data sets with trees alone as their surrogates; the others are mixed with a kernel smoother
FOREST = ("cancer", "friedman", "rings")

TABULATED = {
    **{
        f"{data}_{algorithm}": (data, (algorithm,))
        for data, algorithms in {
            "digits": ("svc", "rf", "mlp", "longmlp"),
            "friedman": ("svr", "enet", "hgb", "mlp", "longgbr"),
            "diabetes": ("enet", "svr"),
            "rings": ("svc", "hgb"),
            "synth": ("svc", "hgb", "mlp", "blend"),
            "imbal": ("hgb", "svc", "longsvc"),
            "cancer": ("svc", "mlp", "lin"),
        }.items()
        for algorithm in algorithms
    },
    "cash_digits": ("digits", ("svc", "knn", "rf", "mlp")),
    "cash_friedman": ("friedman", ("svr", "hgb", "enet", "rf", "mlp")),
    "cash_diabetes": ("diabetes", ("svr", "enet", "rf")),
    "cash_rings": ("rings", ("svc", "hgb", "lin", "knn")),
    "cash_synth": ("synth", ("svc", "mlp", "hgb", "rf")),
    "cash_imbal": ("imbal", ("hgb", "svc", "rf")),
    "cash_cancer": ("cancer", ("svc", "mlp", "lin")),
}
#: data set, rows, algorithms, loss of a failed pipeline
LIVE = {
    "live_cash_wine": ("wine", 178, ("svc", "knn", "rf", "lin"), 2.0),
    "live_cash_diabetes": ("diabetes", 250, ("svr", "enet", "rf"), 2.0),
    "live_mlp_wine": ("wine", 178, ("mlp",), 2.0),
    "live_svr_diabetes": ("diabetes", 250, ("svr",), 2.0),
    "live_cash_digits": ("digits", 400, ("svc", "knn", "rf", "mlp"), 1.0),
    "live_cash_cancer": ("cancer", 250, ("svc", "lin", "mlp", "hgb"), 2.0),
    "live_svc_cancer": ("cancer", 250, ("svc",), 2.0),
    "live_mlp_digits": ("digits", 400, ("mlp",), 1.0),
}
CHOOSE = [
    *(name for name, (data, _) in TABULATED.items() if data in ("digits", "friedman", "diabetes")),
    *list(SYNTHETIC)[:3],
    *list(LIVE)[:4],
]
REPORT = [name for name in (*TABULATED, *SYNTHETIC, *LIVE) if name not in CHOOSE]
#: for solvers that take more than 100 ms a proposal
SIX = ["synth_hgb", "cancer_mlp", "cash_rings", "imbal_longsvc", "syn_deep", "live_cash_cancer"]
GROUPS = {
    "choose": CHOOSE,
    "report": REPORT,
    "six": SIX,
    "all": [*CHOOSE, *REPORT],
    "live": list(LIVE),
    "offline": [name for name in (*CHOOSE, *REPORT) if name not in LIVE],
    "report-offline": [name for name in REPORT if name not in LIVE],
    "joint": ["live_cash_digits", "live_cash_cancer"],
}


class Task:
    """A space and the losses at its points."""

    def __init__(
        self, name: str, space: Space, loss: Callable[[Point], float], noise: float = 0.0
    ) -> None:
        self.name = name
        self.space = space
        self.true = loss
        self.noise = noise

    def told(self, point: Point, true: float) -> float:
        return true + self.noise * irregularity(self.space.vector(point)) if self.noise else true

    @functools.cached_property
    def scale(self) -> tuple[float, float]:
        """Return the loss with regret 0 and the loss with regret 1."""
        known = json.loads((HERE / "references.json").read_text())[self.name]
        return known["best"], known["random"]


def irregularity(vector: np.ndarray) -> float:
    """Return a normal number that depends on the point alone."""
    rounded = np.round(np.nan_to_num(vector, nan=-7.0), 6) + 0.0  # no negative zero
    digest = hashlib.blake2b(rounded.tobytes(), digest_size=16).digest()
    u, v = (int.from_bytes(half, "little") / 2.0**64 for half in (digest[:8], digest[8:]))
    return math.sqrt(-2 * math.log(u + 1e-18)) * math.cos(2 * math.pi * v)


def kind(name: str) -> str:
    """Return what the losses come from."""
    if name in TABULATED:
        return "trees alone" if TABULATED[name][0] in FOREST else "trees and kernel"
    return "live" if name in LIVE else "synthetic"


@functools.cache
def task(name: str) -> Task:
    if name in SYNTHETIC:
        make, noise = SYNTHETIC[name]
        return Task(name, *make(), noise)
    return _live(name) if name in LIVE else _tabulated(name)


def _tabulated(name: str) -> Task:
    data, algorithms = TABULATED[name]
    parts = {algorithm: _surrogate(data, algorithm) for algorithm in algorithms}
    if len(parts) == 1:
        (only,) = parts.values()
        return Task(name, only.space, only.loss, only.noise)

    def loss(point: Point) -> float:
        algorithm, own = separated(point)
        return parts[algorithm].loss(own)

    spaces = {algorithm: part.space for algorithm, part in parts.items()}
    return Task(name, joint(spaces), loss, min(part.noise for part in parts.values()))


def _surrogate(data: str, algorithm: str) -> surrogate.Surrogate:
    from hpo.pipelines import SPACES

    file = HERE / "tables" / f"{data}_{algorithm}.npz"
    return surrogate.load(file, SPACES[algorithm], data not in FOREST, CACHE / "surrogates")


def _live(name: str) -> Task:
    from hpo import datasets
    from hpo.pipelines import SPACES

    source, rows, algorithms, failed = LIVE[name]
    data = datasets.load(source)
    folds = datasets.folds(data, rows)

    def measured(algorithm: str, point: Point) -> float:
        loss = datasets.cross_validated(data, folds, algorithm, point)
        return failed if math.isnan(loss) else min(loss, failed)

    if len(algorithms) == 1:
        return Task(name, SPACES[algorithms[0]], lambda point: measured(algorithms[0], point))
    space = joint({algorithm: SPACES[algorithm] for algorithm in algorithms})
    return Task(name, space, lambda point: measured(*separated(point)))


def named(words: list[str]) -> list[str]:
    """Return the tasks of names and groups, each once."""
    found: dict[str, Any] = {}
    for word in words:
        found |= dict.fromkeys(GROUPS.get(word, [word]))
    unknown = [name for name in found if name not in GROUPS["all"]]
    if unknown:
        raise SystemExit(f"unknown tasks: {', '.join(unknown)}; known: {', '.join(GROUPS['all'])}")
    return list(found)
