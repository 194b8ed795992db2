"""Learning curves of all settings of two models on small grids, which `pruning.py` looks up.

    python benchmarks/_curves.py

computes them anew, in about three minutes, and writes `curves.npz`. It needs scikit-learn. The
values are errors on held-out data after each step:

- digits: the error rate of a multilayer perceptron, written in NumPy and trained by stochastic
  gradient descent for 30 epochs.
- boosting: 1 - R^2 on the diabetes data of gradient boosting, for 100 rounds.
"""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).with_name("curves.npz")

#: The file holds whole multiples of this.
UNIT = 1e-4

Curve = npt.NDArray[np.float64]

#: The levels of each setting.
GRIDS: dict[str, dict[str, list[float]]] = {
    "digits": {
        "rate": [float(v) for v in np.geomspace(0.003, 1.0, 10).round(4)],
        "decay": [0.0, 1e-4, 1e-3, 1e-2],
        "batch": [8, 16, 32, 64, 128],
        "hidden": [6, 8, 12, 16, 32, 64],
    },
    "boosting": {
        "rate": [float(v) for v in np.geomspace(0.01, 1.0, 10).round(4)],
        "depth": [1, 2, 3, 4, 5],
        "subsample": [0.25, 0.5, 0.75, 1.0],
        "leaf": [1, 2, 4, 8, 16, 64],
    },
}


def digits_curve(rate: float, decay: float, batch: float, hidden: float) -> list[float]:
    """Return the validation error of a perceptron after each of 30 epochs."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images, labels = images[order] / 16.0, labels[order]
    x, y, x_valid, y_valid = images[:1000], labels[:1000], images[1000:], labels[1000:]
    rng = np.random.default_rng(1)
    n, m = int(hidden), int(batch)
    a = rng.normal(0, np.sqrt(2 / 64), (64, n))
    b = rng.normal(0, np.sqrt(1 / n), (n, 10))
    velocity_a, velocity_b = np.zeros_like(a), np.zeros_like(b)
    errors = []
    with np.errstate(all="ignore"):
        for _ in range(30):
            order = rng.permutation(len(y))
            for i in range(0, len(y), m):
                part = order[i : i + m]
                z = np.maximum(x[part] @ a, 0.0)
                p = z @ b
                p = np.exp(p - p.max(1, keepdims=True))
                p /= p.sum(1, keepdims=True)
                p[np.arange(len(part)), y[part]] -= 1.0
                p /= len(part)
                back = (p @ b.T) * (z > 0)
                velocity_b = 0.9 * velocity_b - rate * (z.T @ p + decay * b)
                velocity_a = 0.9 * velocity_a - rate * (x[part].T @ back + decay * a)
                a, b = a + velocity_a, b + velocity_b
            guess = (np.maximum(x_valid @ a, 0.0) @ b).argmax(1)
            errors.append(float((guess != y_valid).mean()))
    return errors


def boosting_curve(rate: float, depth: float, subsample: float, leaf: float) -> list[float]:
    """Return 1 - R^2 of gradient boosting after each of 100 rounds."""
    from sklearn.datasets import load_diabetes
    from sklearn.ensemble import GradientBoostingRegressor

    x, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order], y[order]
    model = GradientBoostingRegressor(
        learning_rate=rate,
        n_estimators=100,
        max_depth=int(depth),
        subsample=subsample,
        min_samples_leaf=int(leaf),
        random_state=0,
    ).fit(x[:250], y[:250])
    return [
        float(((p - y[250:]) ** 2).mean() / y[250:].var()) for p in model.staged_predict(x[250:])
    ]


def load_curves() -> dict[str, Curve]:
    """Return an array for each model: one axis for each setting, then one for the steps."""
    with np.load(FILE) as stored:
        return {name: stored[name] * UNIT for name in GRIDS}


def compute() -> None:
    functions = {"digits": digits_curve, "boosting": boosting_curve}
    made = {}
    for name, grid in GRIDS.items():
        curves = [functions[name](*point) for point in itertools.product(*grid.values())]
        shape = [len(levels) for levels in grid.values()]
        errors = np.array(curves).reshape(*shape, -1)
        made[name] = (errors / UNIT).round().clip(0, 65535).astype(np.uint16)
        last = made[name][..., -1]
        print(name, made[name].shape, "best", last.min() * UNIT, "median", np.median(last) * UNIT)
    np.savez_compressed(FILE, **made)


if __name__ == "__main__":
    compute()
