"""Evaluate pipelines at random points, which gives the tables of the tabulated tasks.

    OMP_NUM_THREADS=1 python benchmarks/hpo/make_tables.py [--points N] [PAIR ...]

A table holds the vectors of the points (see `spaces.Space.vector`), their losses on held-out rows
(NaN if the pipeline failed) and the milliseconds an evaluation took. Existing tables are kept.
"""

import argparse
import sys
import time
import zlib
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from hpo.datasets import holdout_loss, load
from hpo.pipelines import SPACES

TABLES = Path(__file__).parent / "tables"
#: points for each data set and algorithm
SIZES = {
    "cancer": {"lin": 1500, "mlp": 1500, "svc": 1500},
    "diabetes": {"enet": 2000, "rf": 1200, "svr": 1500},
    "digits": {"knn": 1000, "longmlp": 2000, "mlp": 1500, "rf": 1200, "svc": 1500},
    "friedman": {"enet": 2000, "hgb": 1300, "longgbr": 1800, "mlp": 1500, "rf": 1300, "svr": 1500},
    "imbal": {"hgb": 1200, "longsvc": 2000, "rf": 1000, "svc": 1300},
    "rings": {"hgb": 1200, "knn": 1000, "lin": 1500, "svc": 1500},
    "synth": {"blend": 1500, "hgb": 1000, "mlp": 1500, "rf": 1000, "svc": 1500},
}


def evaluated(pair: str, points: int | None) -> dict[str, np.ndarray]:
    name, algorithm = pair.split("_")
    data, space = load(name), SPACES[algorithm]
    rng = np.random.default_rng(zlib.crc32(pair.encode()))
    sample = [space.sample(rng) for _ in range(points or SIZES[name][algorithm])]
    start = time.process_time()
    losses = [holdout_loss(data, algorithm, point) for point in sample]
    spent = 1000 * (time.process_time() - start) / len(sample)
    vectors = np.array([space.vector(point) for point in sample])
    return {
        "vectors": vectors.astype(np.float32),
        "losses": np.minimum(losses, 1e30).astype(np.float32),
        "ms": np.float32(spent),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, help="only try, with this many points")
    parser.add_argument("pairs", nargs="*", metavar="PAIR")
    options = parser.parse_args()
    TABLES.mkdir(exist_ok=True)
    for pair in options.pairs or [f"{d}_{a}" for d, sizes in SIZES.items() for a in sizes]:
        file = TABLES / f"{pair}.npz"
        if file.exists() and options.points is None:
            continue
        table = evaluated(pair, options.points)
        least, middle = np.nanquantile(table["losses"], [0, 0.5])
        failed = np.isnan(table["losses"]).mean()
        print(
            f"{pair}: {len(table['losses'])} points, {table['ms']:.0f} ms, least {least:.4g}, "
            f"median {middle:.4g}, failed {failed:.1%}",
            flush=True,
        )
        if options.points is None:
            np.savez_compressed(file, **table)


if __name__ == "__main__":
    main()
