"""Record baselines: ``python tests/golden/record.py [NAME ...] [--overwrite]``.

Without names, of all registered solvers. What is recorded already is kept unless ``--overwrite``
is given: a changed path is a deliberate change, and belongs in the commit that changes it.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from zoopt.core.registry import make_solver, registered
from zoopt.testing import SPACES, drive, spaces_for

FILE = Path(__file__).with_name("paths.json")


def solvers():
    return sorted(registered())


def path_digest(solver, space):
    """Return a digest of the encoded points that a run with 8 candidates in flight asks for."""
    made = make_solver(solver, SPACES[space], budget=120, seed=0)
    told = drive(made, np.random.default_rng(0), 120)
    # Rounded, since exp and log may differ in the last place between platforms.
    rows = [(c.id, np.round(c.u, 6).tolist()) for c, _ in told]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def read(file=FILE):
    return json.loads(file.read_text(encoding="utf-8"))


def record(solvers, overwrite=False, file=FILE):
    """Add the missing baselines of solvers to the file, and drop those of solvers that are gone.

    Returns
    -------
    dict
        By solver, the spaces recorded now.
    """
    paths = {solver: kept for solver, kept in read(file).items() if solver in registered()}
    added = {}
    for solver in solvers:
        kept = {} if overwrite else paths.get(solver, {})
        added[solver] = [space for space in spaces_for(solver) if space not in kept]
        paths[solver] = {
            space: kept[space] if space in kept else path_digest(solver, space)
            for space in spaces_for(solver)
        }
    text = json.dumps(dict(sorted(paths.items())), indent=1) + "\n"
    file.write_text(text, encoding="utf-8")
    return added


def main(arguments=None, file=FILE):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a registered solver")
    parser.add_argument("--overwrite", action="store_true", help="replace what is recorded")
    given = parser.parse_args(arguments)
    unknown = sorted(set(given.names) - set(solvers()))
    if unknown:
        parser.error(f"no registered solver: {', '.join(unknown)}")
    for solver, spaces in record(given.names or solvers(), given.overwrite, file).items():
        print(f"{solver}: {len(spaces)} recorded" if spaces else f"{solver}: kept as it was")


if __name__ == "__main__":
    main()
