"""One baseline a solver: the path of a fixed run. A changed path is a deliberate change.

Write the baselines anew with ``python tests/golden/test_golden.py``.
"""

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from zoopt.contract import make_solver, registered
from zoopt.testing import SPACES, drive

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
    assert sorted(baselines()[solver]) == sorted(SPACES)


def test_no_baseline_is_left_of_a_solver_that_is_gone():
    assert sorted(baselines()) == sorted(registered())


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("solver", sorted(registered()))
def test_the_path_is_the_baseline(solver, space, kernels):
    assert path_digest(solver, space) == baselines()[solver][space]


if __name__ == "__main__":
    digest = functools.partial(path_digest)
    FILE.write_text(
        json.dumps({s: {n: digest(s, n) for n in SPACES} for s in sorted(registered())}, indent=1)
        + "\n"
    )
