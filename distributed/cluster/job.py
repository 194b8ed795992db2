"""Tune a classifier on a cluster: a program to submit as a job.

It runs on a node of the cluster, where zoopt and scikit-learn must be installed or uploaded. If it
is started again with the same checkpoint, it continues where it stopped.

    python job.py /checkpoints/digits.db --workers 8
"""

import argparse

import zoopt
from zoopt.distributed import RayExecutor

SPACE = {
    "C": zoopt.Real(1e-2, 1e3, log=True),
    "gamma": zoopt.Real(1e-5, 1.0, log=True),
    "shrinking": zoopt.Choice([True, False]),
}


def error(C: float, gamma: float, shrinking: bool) -> float:
    """Return the error rate of a support vector classifier on handwritten digits."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVC

    x, y = load_digits(return_X_y=True)
    model = SVC(C=C, gamma=gamma, shrinking=shrinking)
    return 1.0 - float(cross_val_score(model, x / 16, y, cv=5).mean())


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", help="file on a persistent disk")
    parser.add_argument("--budget", type=int, default=300, help="number of evaluations")
    parser.add_argument("--workers", type=int, help="default: as many as fit on the cluster")
    return parser.parse_args(given)


def main() -> None:
    args = arguments()
    executor = RayExecutor(args.workers, address="auto", eval_timeout=300)
    zoopt.minimize(
        error,
        SPACE,
        budget=args.budget,
        seed=1,
        backend=executor,
        checkpoint=args.checkpoint,
        verbosity=2,
    )


if __name__ == "__main__":
    main()
