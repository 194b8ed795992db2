"""Noisy problems: five functions of reals, and four problems of bits, choices and mixtures.

A problem has a ``width`` or ``dimensions`` and a noiseless value ``true(x)``. A call adds noise.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

WIDTHS = {"sphere": 1.0, "ackley": 1.0, "rastrigin": 5.0, "griewank": 10.0, "schwefel": 500.0}


class Noisy(ABC):
    """A problem with noise drawn from a seed; ``x`` has one number for each variable.

    Parameters
    ----------
    name : str
    d : int
    budget : int
    added, factor : float
        Standard deviations of the additive noise, and of the noise relative to the value.
    seed : int
    """

    def __init__(
        self, name: str, d: int, budget: int, added: float, factor: float, seed: int
    ) -> None:
        self.name, self.d, self.budget, self.added, self.factor = name, d, budget, added, factor
        self.seed = seed
        self._rng = np.random.default_rng([seed, 11])
        self._set_up(np.random.default_rng([seed, 7]))

    def __call__(self, x: Any) -> float:
        value = self.true(x)
        return value * (1 + self._rng.normal(0, self.factor)) + self._rng.normal(0, self.added)

    @abstractmethod
    def _set_up(self, rng: np.random.Generator) -> None: ...

    @abstractmethod
    def true(self, x: Any) -> float: ...


class OfReals(Noisy):
    """One of five functions on a box around 0, with its minimum 0 at a random shift."""

    def _set_up(self, rng: np.random.Generator) -> None:
        self.width = WIDTHS[self.name]
        self.center = rng.uniform(-self.width / 2, self.width / 2, self.d)
        if self.name == "schwefel":
            self.center = np.full(self.d, 420.9687)

    def true(self, x: Any) -> float:
        z = np.asarray(x, float) - self.center
        d = len(z)
        if self.name == "sphere":
            return float((z**2).sum())
        if self.name == "ackley":
            root = np.sqrt((z**2).sum() / d)
            waves = np.cos(2 * np.pi * z).mean()
            return float(-20 * np.exp(-0.2 * root) - np.exp(waves) + 20 + np.e)
        if self.name == "rastrigin":
            return float((z**2 - 10 * np.cos(2 * np.pi * z) + 10).sum())
        if self.name == "griewank":
            waves = np.cos(z / np.sqrt(np.arange(1, d + 1))).prod()
            return float((z**2).sum() / 4000 - waves + 1)
        x = z + 420.9687
        return float(418.9829 * d - (x * np.sin(np.sqrt(np.abs(x)))).sum())


class WrongBits(Noisy):
    """The number of d bits that differ from hidden ones."""

    sizes = 2

    def _set_up(self, rng: np.random.Generator) -> None:
        self._hidden = rng.integers(0, 2, self.d)

    def true(self, x: Any) -> float:
        return float((np.asarray(x, int) != self._hidden).sum())


class QuadraticBits(Noisy):
    """A dense quadratic form of d bits with normal weights, minus the best local optimum."""

    sizes = 2

    def _set_up(self, rng: np.random.Generator) -> None:
        weights = rng.normal(size=(self.d, self.d))
        self._weights = (weights + weights.T) / 2
        self._least = min(self._local_search(rng) for _ in range(200))

    def _form(self, x: Any) -> float:
        return float(x @ self._weights @ x)

    def _local_search(self, rng: np.random.Generator) -> float:
        x, own = rng.integers(0, 2, self.d) * 1.0, np.diag(self._weights)
        while True:
            gaps = (1 - 2 * x) * (2 * (self._weights @ x) - 2 * own * x + own)
            k = int(gaps.argmin())
            if gaps[k] >= -1e-12:
                return self._form(x)
            x[k] = 1 - x[k]

    def true(self, x: Any) -> float:
        return self._form(np.asarray(x, float)) - self._least


class Chain(Noisy):
    """d choices of five, with prices of values and of pairs of neighbors, minus the optimum."""

    sizes = 5

    def _set_up(self, rng: np.random.Generator) -> None:
        self._own = rng.normal(size=(self.d, 5))
        self._pair = 0.5 * rng.normal(size=(self.d, 5, 5))
        least = self._own[0]
        for own, pair in zip(self._own[1:], self._pair[1:], strict=True):
            least = (least[:, None] + pair).min(axis=0) + own
        self._least = float(least.min())

    def true(self, x: Any) -> float:
        x, at = np.asarray(x, int), np.arange(self.d)
        pairs = self._pair[at[1:], x[:-1], x[1:]].sum()
        return float(self._own[at, x].sum() + pairs) - self._least


class Mixed(Noisy):
    """Eight reals in [-1, 1], four integers up to 20 and four choices of four; the optimum is 0.

    A choice has a price, and shifts the optimum of the reals by the same amount.
    """

    def _set_up(self, rng: np.random.Generator) -> None:
        self._center = rng.uniform(-0.5, 0.5, 8)
        self._whole = rng.integers(2, 19, 4)
        self._price = rng.uniform(0.1, 1.0, (4, 4))
        self._price[np.arange(4), rng.integers(0, 4, 4)] = 0.0
        self._moves = rng.uniform(-0.3, 0.3, (4, 8))

    def true(self, x: Any) -> float:
        price = self._price[np.arange(4), [int(v) for v in x[12:]]]
        center = self._center + (price[:, None] * self._moves).sum(axis=0)
        reals, whole = np.asarray(x[:8], float), np.asarray(x[8:12], float)
        return float(
            ((reals - center) ** 2).sum() + (((whole - self._whole) / 10) ** 2).sum() + price.sum()
        )


CLASSES = {
    **dict.fromkeys(WIDTHS, OfReals),
    "wrong bits": WrongBits,
    "quadratic bits": QuadraticBits,
    "chain of choices": Chain,
    "mixed": Mixed,
}


def problem_of(task: dict[str, Any], seed: int) -> Noisy:
    name = task["problem"][0]
    return CLASSES[name](*task["problem"], seed)
