"""One baseline a solver: the path of a fixed run. A changed path is a deliberate change.

Write the baselines anew with ``python tests/golden/test_golden.py``.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from zoopt.core.registry import make_solver, registered
from zoopt.testing import SPACES, drive, spaces_for

FILE = Path(__file__).with_name("paths.json")


def path_digest(solver, space):
    """Return a digest of the encoded points that a run of 8 in flight asks for."""
    made = make_solver(solver, SPACES[space], budget=120, seed=0)
    told = drive(made, np.random.default_rng(0), 120)
    # Rounded, since exp and log may differ in the last place between platforms.
    rows = [(c.id, np.round(c.u, 6).tolist()) for c, _ in told]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def baselines():
    return json.loads(FILE.read_text())


@pytest.mark.parametrize("solver", sorted(registered()))
def test_every_solver_owns_a_baseline_for_every_space(solver):
    assert sorted(baselines()[solver]) == sorted(spaces_for(solver))


def test_no_baseline_is_left_of_a_solver_that_is_gone():
    assert sorted(baselines()) == sorted(registered())


@pytest.mark.parametrize(
    ("solver", "space"), [(s, n) for s in sorted(registered()) for n in spaces_for(s)]
)
def test_the_path_is_the_baseline(solver, space, kernels):
    assert path_digest(solver, space) == baselines()[solver][space]


if __name__ == "__main__":
    paths = {s: {n: path_digest(s, n) for n in spaces_for(s)} for s in sorted(registered())}
    FILE.write_text(json.dumps(paths, indent=1) + "\n")
