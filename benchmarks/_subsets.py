"""Problems of subset selection, with and without noise, and the methods that POSS is compared with.

A problem has ``n`` items and ``gain(mask)``, to be maximized over at most k of them.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Mask = Any
Gain = Callable[[Mask], float]
K = 8


class Regression:
    """R^2 of least squares on the chosen standardized columns."""

    def __init__(self, name: str, X: Any, y: Any) -> None:
        X, y = np.asarray(X, float), np.asarray(y, float)
        X = X[:, X.std(axis=0) > 1e-12]
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        y = (y - y.mean()) / y.std()
        self.name, self.X, self.y = name, X, y
        self.n = X.shape[1]
        self._gram, self._moments = X.T @ X / len(y), X.T @ y / len(y)

    def gain(self, mask: Mask) -> float:
        chosen = np.flatnonzero(mask)
        if not len(chosen):
            return 0.0
        moments = self._moments[chosen]
        try:
            weights = np.linalg.solve(self._gram[np.ix_(chosen, chosen)], moments)
        except np.linalg.LinAlgError:
            weights = np.linalg.lstsq(self._gram[np.ix_(chosen, chosen)], moments)[0]
        return float(moments @ weights)

    def noisy_gain(self, mask: Mask, rng: np.random.Generator) -> float:
        """Return R^2 on a random twentieth of the rows."""
        chosen = np.flatnonzero(mask)
        if not len(chosen):
            return 0.0
        rows = rng.choice(len(self.y), max(30, len(self.y) // 20), replace=False)
        X, y = self.X[np.ix_(rows, chosen)], self.y[rows]
        rest = y - X @ np.linalg.lstsq(X, y)[0]
        return float(1.0 - rest @ rest / (y @ y))


class Coverage:
    """Share of a universe covered by the chosen sets, which are random and of different sizes."""

    name = "coverage"

    def __init__(self, n: int = 100, universe: int = 500) -> None:
        rng = np.random.default_rng(0)
        self.n = n
        popularity = rng.dirichlet(np.full(universe, 0.3))
        sizes = rng.integers(5, 60, n)
        self._covers = np.zeros((n, universe), bool)
        for covers, size in zip(self._covers, sizes, strict=True):
            covers[rng.choice(universe, size, replace=False, p=popularity + 1e-12)] = True

    def gain(self, mask: Mask) -> float:
        return float(self._covers[np.asarray(mask) > 0].any(axis=0).mean())


class Influence:
    """Share of a network reached from the chosen nodes in independent cascades.

    The network grows by preferential attachment, and each edge is active with a given
    probability. The gain is the mean over 100 fixed cascades; the noisy gain is the mean over 10
    new ones.
    """

    name = "influence"

    def __init__(self, n: int = 200, edges: int = 3, chance: float = 0.1) -> None:
        rng = np.random.default_rng(0)
        self.n, self._chance = n, chance
        degree = np.ones(n)
        sources, targets = [], []
        for node in range(edges, n):
            share = degree[:node] / degree[:node].sum()
            for other in rng.choice(node, edges, replace=False, p=share):
                sources += [node, other]
                targets += [other, node]
                degree[[node, other]] += 1
        self._sources, self._targets = np.array(sources), np.array(targets)
        self._reach = np.stack([self._reached(rng) for _ in range(100)])

    def _reached(self, rng: np.random.Generator) -> Any:
        """Return the nodes reached from each node in one cascade."""
        held = rng.random(len(self._sources)) < self._chance
        links = np.eye(self.n, dtype=bool)
        links[self._sources[held], self._targets[held]] = True
        while True:
            further = links @ links
            if (further == links).all():
                return links
            links = further

    def gain(self, mask: Mask) -> float:
        chosen = np.flatnonzero(mask)
        if not len(chosen):
            return 0.0
        return float(self._reach[:, chosen].any(axis=1).mean())

    def noisy_gain(self, mask: Mask, rng: np.random.Generator) -> float:
        reached = 0
        for _ in range(10):
            held = rng.random(len(self._sources)) < self._chance
            sources, targets = self._sources[held], self._targets[held]
            active = np.asarray(mask) > 0
            while True:
                grown = active.copy()
                grown[targets[active[sources]]] = True
                if (grown == active).all():
                    break
                active = grown
            reached += int(active.sum())
        return reached / (10 * self.n)


def degree_two(X: Any) -> Any:
    from sklearn.preprocessing import PolynomialFeatures

    return PolynomialFeatures(2, include_bias=False).fit_transform(X)


def _digits() -> Any:
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


@functools.cache
def problem(name: str) -> Any:
    from sklearn import datasets

    if name == "coverage":
        return Coverage()
    if name == "influence":
        return Influence()
    if name == "diabetes, degree 2":
        X, y = datasets.load_diabetes(return_X_y=True)
        return Regression(name, degree_two(X), y)
    if name == "wine, degree 2":
        X, y = datasets.load_wine(return_X_y=True)
        return Regression(name, degree_two(X), y)
    if name == "breast cancer":
        return Regression(name, *datasets.load_breast_cancer(return_X_y=True))
    X, y = _digits()
    return Regression(name, X, y == 5 if "5" in name else y)


REGRESSIONS = (
    "diabetes, degree 2",
    "breast cancer",
    "digits, label",
    "digits, label is 5",
    "wine, degree 2",
)


# ------------------------------------------------------------- other methods


def greedy(gain: Gain, n: int, k: int = K) -> Mask:
    """Add the item with the largest gain, k times."""
    mask = np.zeros(n, bool)
    for _ in range(k):
        gains = np.full(n, -np.inf)
        for i in np.flatnonzero(~mask):
            mask[i] = True
            gains[i] = gain(mask)
            mask[i] = False
        mask[int(gains.argmax())] = True
    return mask


def matching_pursuit(regression: Regression, k: int = K) -> Mask:
    """Return the subset that scikit-learn chooses."""
    from sklearn.linear_model import orthogonal_mp

    return orthogonal_mp(regression.X, regression.y, n_nonzero_coefs=k) != 0


def genetic(gain: Gain, n: int, budget: int, seed: int, k: int = K) -> Mask:
    """Evolve 50 subsets of at most k items: tournaments of 3, uniform crossover, flips at 1 / n.

    Subsets that become too large lose random items. The best one survives. Repeated subsets are
    free.
    """
    rng = np.random.default_rng(seed)
    known: dict[bytes, float] = {}

    def repaired(mask: Mask) -> Mask:
        chosen = np.flatnonzero(mask)
        if len(chosen) > k:
            mask[rng.choice(chosen, len(chosen) - k, replace=False)] = False
        return mask

    def judged(mask: Mask) -> float:
        key = np.packbits(mask).tobytes()
        if key not in known:
            known[key] = gain(mask)
        return known[key]

    people = [repaired(rng.random(n) < k / n) for _ in range(50)]
    gains = np.array([judged(mask) for mask in people])
    generations = 0
    while len(known) < budget and generations < budget:
        generations += 1
        children = [people[int(gains.argmax())]]
        while len(children) < 50:
            a, b = (people[max(rng.integers(50, size=3), key=lambda i: gains[i])] for _ in "ab")
            child = np.where(rng.random(n) < 0.5, a, b)
            children.append(repaired(child ^ (rng.random(n) < 1.0 / n)))
        people = children
        gains = np.array([judged(mask) for mask in people])
    return people[int(gains.argmax())]
