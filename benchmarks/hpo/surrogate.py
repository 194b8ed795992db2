"""Surrogates of the tables: a loss at every point of the space, not only at those evaluated.

A surrogate predicts normal scores of the ranks of the losses and maps them back to losses so that
the tails of the table survive. "forest" surrogates are extra-trees alone; "mixed" ones are the mean
of extra-trees and a kernel smoother. A kernel smoother favors solvers that are themselves Gaussian
processes, and trees favor solvers with trees, so that half of the data sets have either kind, and
the results are shown for each kind.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri
from sklearn.ensemble import ExtraTreesRegressor

from hpo.spaces import Point, Space

TREES = 60
LENGTHS = (0.15, 0.25, 0.4, 0.6, 1.0)
RIDGES = (0.03, 0.1, 0.3, 1.0)
TAIL = (0.002, 0.01, 0.05, 0.5, 0.95)


class Surrogate:
    """A table's surrogate, from arrays that `fitted` returns."""

    def __init__(self, space: Space, arrays: dict[str, Any]) -> None:
        self.space = space
        self._a = arrays
        self._levels = ndtri((np.arange(len(arrays["losses"])) + 0.5) / len(arrays["losses"]))

    @property
    def noise(self) -> float:
        return float(self._a["noise"])

    def loss(self, point: Point) -> float:
        return float(self.losses(self.space.vector(point)[None])[0])

    def losses(self, vectors: np.ndarray) -> np.ndarray:
        return self._back(_scores(self._a, features(self.space, vectors)))

    def _back(self, scores: np.ndarray) -> np.ndarray:
        """Stretch the scores to the table's, then take the table's quantiles."""
        a, b = self._a["predicted"], self._a["wanted"]
        slope = min((b[1] - b[0]) / max(a[1] - a[0], 1e-9), 2.0)
        stretched = np.interp(scores, a, b)
        stretched = np.where(scores < a[0], b[0] + slope * (scores - a[0]), stretched)
        stretched = np.where(scores > a[-1], b[-1] + scores - a[-1], stretched)
        losses, levels = self._a["losses"], self._levels
        values = np.interp(stretched, levels, losses)
        low = max(1, len(losses) // 100)
        slope = (losses[low] - losses[0]) / (levels[low] - levels[0])
        below = stretched < levels[0]
        return np.where(below, losses[0] + slope * (stretched - levels[0]), values)


def load(file: Path, space: Space, mixed: bool, cache: Path) -> Surrogate:
    """Return the surrogate of a table, which is fitted once and kept in a folder."""
    kept = cache / f"{file.stem}-{'mixed' if mixed else 'forest'}.npz"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with np.load(file) as table:
            arrays = fitted(space, table["vectors"].astype(float), table["losses"], mixed)
        partial = kept.with_suffix(".partial.npz")
        np.savez(partial, **arrays)
        partial.replace(kept)
    with np.load(kept) as arrays:
        return Surrogate(space, dict(arrays))


def features(space: Space, vectors: np.ndarray) -> np.ndarray:
    """Return one column a number and one a category; inactive ones are -1."""
    columns = []
    for p, column in zip(space.parameters, vectors.T, strict=True):
        if p.kind == "choice":
            for k in range(len(p.values)):
                columns.append(np.where(np.isnan(column), -1.0, column == k))
        else:
            columns.append(np.where(np.isnan(column), -1.0, column))
    return np.array(columns).T


def fitted(
    space: Space, vectors: np.ndarray, losses: np.ndarray, mixed: bool
) -> dict[str, np.ndarray]:
    losses = losses.astype(float)
    failed = ~np.isfinite(losses)
    losses[failed] = losses[~failed].max()
    if losses.max() > 10 * np.median(losses):
        losses = np.minimum(losses, np.quantile(losses, 0.98))
    n, ordered = len(losses), np.sort(losses)
    rank = (np.searchsorted(ordered, losses) + np.searchsorted(ordered, losses, "right")) / 2
    scores = ndtri(np.clip(rank / n, 0.5 / n, 1 - 0.5 / n))
    X = features(space, vectors)
    forest = ExtraTreesRegressor(
        TREES,
        min_samples_leaf=2,
        max_features=0.7,
        bootstrap=True,
        oob_score=True,
        random_state=1,
    ).fit(X, scores)
    arrays: dict[str, Any] = {"losses": ordered, **_trees(forest)}
    if mixed:
        arrays |= _smoother(X, scores, forest.feature_importances_)
    arrays["predicted"] = np.quantile(_scores(arrays, X), TAIL)
    arrays["wanted"] = np.quantile(scores, TAIL)
    # a third of the forest's error among the best fifth, as large as what folds leave
    good = losses <= np.quantile(losses, 0.2)
    levels = ndtri((np.arange(n) + 0.5) / n)
    error = np.abs(np.interp(forest.oob_prediction_, levels, ordered) - losses)[good]
    arrays["noise"] = min(
        0.45 * np.median(error), 0.15 * (np.quantile(losses, 0.05) - losses.min())
    )
    explained = 1 - np.mean((forest.oob_prediction_ - scores) ** 2) / scores.var()
    arrays["explained"] = explained
    return arrays


def _trees(forest: ExtraTreesRegressor) -> dict[str, np.ndarray]:
    """Return the nodes of all trees, padded to the length of the longest."""
    trees = [member.tree_ for member in forest.estimators_]
    size = max(tree.node_count for tree in trees)

    def padded(columns: list[np.ndarray], kind: type) -> np.ndarray:
        whole = np.zeros((len(columns), size), kind)
        for row, column in zip(whole, columns, strict=True):
            row[: len(column)] = column
        return whole

    return {
        "feature": padded([tree.feature for tree in trees], np.int16),
        "threshold": padded([tree.threshold for tree in trees], np.float64),
        "left": padded([tree.children_left for tree in trees], np.int16),
        "right": padded([tree.children_right for tree in trees], np.int16),
        "value": padded([tree.value[:, 0, 0] for tree in trees], np.float64),
        "depth": np.array(max(tree.max_depth for tree in trees)),
    }


def _smoother(X: np.ndarray, scores: np.ndarray, importance: np.ndarray) -> dict[str, np.ndarray]:
    """Fit kernel ridge regression; the lengths follow the importance of the columns."""
    scale = np.sqrt(importance / importance.max() + 0.02)
    Xs, n = X * scale, len(X)
    order = np.random.default_rng(0).permutation(n)
    fit, held = order[: int(0.8 * n)], order[int(0.8 * n) :]
    away = _distances(Xs, Xs)
    best = (np.inf, 0.0, 0.0)
    for length in LENGTHS:
        K = np.exp(-away / length)
        values, Q = np.linalg.eigh(K[np.ix_(fit, fit)])
        projected = Q.T @ scores[fit]
        across = K[np.ix_(held, fit)] @ Q
        for ridge in RIDGES:
            error = np.mean((across @ (projected / (values + ridge)) - scores[held]) ** 2)
            best = min(best, (float(error), length, ridge))
    _, length, ridge = best
    weights = np.linalg.solve(np.exp(-away / length) + ridge * np.eye(n), scores)
    return {"points": Xs, "scale": scale, "length": np.array(length), "weights": weights}


def _distances(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    squares = (A * A).sum(1)[:, None] + (B * B).sum(1) - 2 * A @ B.T
    return np.sqrt(np.maximum(squares, 0))


def _scores(a: dict[str, Any], X: np.ndarray) -> np.ndarray:
    return np.concatenate([_chunk(a, X[start : start + 500]) for start in range(0, len(X), 500)])


def _chunk(a: dict[str, Any], X: np.ndarray) -> np.ndarray:
    trees, rows = np.arange(len(a["feature"])), np.arange(len(X))[:, None]
    node = np.zeros((len(X), len(trees)), np.intp)
    X32 = X.astype(np.float32)  # scikit-learn compares single precision with the thresholds
    for _ in range(int(a["depth"])):
        feature = a["feature"][trees, node]
        left = X32[rows, np.maximum(feature, 0)] <= a["threshold"][trees, node]
        child = np.where(left, a["left"][trees, node], a["right"][trees, node])
        node = np.where(feature < 0, node, child)
    scores = a["value"][trees, node].mean(axis=1)
    if "weights" not in a:
        return scores
    smooth = np.exp(-_distances(X * a["scale"], a["points"]) / a["length"]) @ a["weights"]
    return (scores + smooth) / 2
