"""A Gaussian process over numbers and categories, with a length for each column.

Owns the kernel, its hyper-parameters and their prior. Knows nothing of spaces and proposals.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from zoopt._native import matrices

__all__ = ["Features", "GaussianProcess"]

Array = npt.NDArray[np.float64]

#: Prior of the length scales: log-normal around this length times sqrt(d), on the scale of squared
#: inverse lengths; of the variance of the function; and of the variance of the noise.
LENGTH, LENGTH_SPREAD = 0.3, 1.5
VARIANCE_SPREAD = 0.5
NOISE, NOISE_SPREAD = 0.02, 1.0
LEAST_NOISE = 1e-6
#: Added to the diagonal of the kernel matrix: the first with which it has a Cholesky factor.
JITTERS = [10.0**exponent for exponent in range(-8, 3)]
#: Weight of the value 0 for the constant mean, in units of one observation.
MEAN_WEIGHT = 1e-3
_ONE = np.ones(1)
#: First, least and greatest step of the search for hyper-parameters, and its factors (Rprop).
FIRST_STEP, LEAST_STEP, MOST_STEP = 0.3, 0.01, 1.0
GROWTH, SHRINKAGE = 1.3, 0.5


class Features(NamedTuple):
    """Points as a Gaussian process sees them.

    Attributes
    ----------
    numbers : float64 array, shape (n, n_numbers)
        Coordinates from 0 to 1; 0.5 where a column is not active.
    categories : int array, shape (n, n_categories)
        Codes; -1 where a column is not active.
    """

    numbers: Array
    categories: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.numbers)

    def joined(self, other: "Features") -> "Features":
        """Return the points of both."""
        return Features(
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.categories, other.categories]),
        )

    def taken(self, which: Any) -> "Features":
        """Return some of the points."""
        return Features(self.numbers[which], self.categories[which])


class GaussianProcess:
    """Regression with a Matern 5/2 kernel and a constant mean by generalized least squares.

    The squared distance of two points is the sum over the columns of ``w[k] * (a[k] - b[k])^2``
    for numbers. Two different categories have the squared distance ``w[k]``, and a category and a
    column that is not active half of it.

    Parameters
    ----------
    n_numbers, n_categories : int
        Numbers of columns.

    Attributes
    ----------
    theta : float64 array, shape (n_numbers + n_categories + 2,)
        Logarithms of the weights w, of the variance of the function and of that of the noise.

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams, "Gaussian Processes for Machine Learning", MIT Press 2006:
    algorithm 2.1 (prediction), equation 5.9 (gradient of the marginal likelihood), section 2.7 (the
    mean).
    """

    def __init__(self, n_numbers: int, n_categories: int) -> None:
        self._n_numbers = n_numbers
        d = n_numbers + n_categories
        length = -2.0 * math.log(LENGTH * math.sqrt(max(1, d)))
        self._prior = np.concatenate([np.full(d, length), [0.0, math.log(NOISE)]])
        self._spread = np.concatenate([np.full(d, LENGTH_SPREAD), [VARIANCE_SPREAD, NOISE_SPREAD]])
        self.theta: Array = self._prior.copy()

    @property
    def noise(self) -> float:
        """Variance of the noise."""
        return math.exp(self.theta[-1])

    # ------------------------------------------------------------- distances

    def _squared(self, a: Features, b: Features, scales: Array) -> Array:
        """Return the squared distances of all pairs."""
        roots = np.sqrt(scales[: self._n_numbers])
        squared = matrices.squared_distances(a.numbers * roots, b.numbers * roots)
        if a.categories.shape[1]:
            weights = scales[self._n_numbers : -2]
            squared += matrices.mismatches(a.categories, b.categories, weights)
        return squared

    def _kernel(self, a: Features, b: Features, scales: Array) -> tuple[Array, Array]:
        """Return the kernel of all pairs, and its derivative by the squared distance."""
        kernel, slope = matrices.matern(self._squared(a, b, scales))
        return scales[-2] * kernel, scales[-2] * slope

    # ------------------------------------------------------------- hyper-parameters

    def fit(self, points: Features, values: Array, n_steps: int) -> float:
        """Take some steps from the present hyper-parameters, keep the best, and learn the points.

        Returns
        -------
        float
            The negative logarithm of the posterior density of the hyper-parameters, up to a
            constant.
        """
        theta = self.theta.copy()
        least, found = math.inf, theta.copy()
        step, before = np.full_like(theta, FIRST_STEP), np.zeros_like(theta)
        for _ in range(n_steps):
            loss, gradient = self._loss(theta, points, values)
            if gradient is None:  # not positive definite: back towards the prior, with more noise
                theta = 0.5 * (theta + self._prior)
                theta[-1] += 0.5
                continue
            if loss < least:
                least, found = loss, theta.copy()
            sign = np.sign(gradient)
            agrees = sign * before
            step *= np.where(agrees > 0, GROWTH, np.where(agrees < 0, SHRINKAGE, 1.0))
            np.clip(step, LEAST_STEP, MOST_STEP, out=step)
            before = np.where(agrees < 0, 0.0, sign)
            theta = theta - before * step
            theta[-1] = max(theta[-1], math.log(LEAST_NOISE))
        self.theta = found
        self.learn(points, values)
        return least

    def refit(self, points: Features, values: Array, loss: float, n_steps: int) -> None:
        """Search from the prior again, and keep what is found if it is better than ``loss``."""
        kept = self.theta
        self.theta = self._prior.copy()
        if self.fit(points, values, n_steps) >= loss:
            self.theta = kept
            self.learn(points, values)

    def _loss(self, theta: Array, points: Features, values: Array) -> tuple[float, Array | None]:
        scales = matrices.exponential(theta)
        kernel, slope = self._kernel(points, points, scales)
        variance, noise = scales[-2:].tolist()
        diagonal = np.diag_indices(len(points))
        kernel[diagonal] = variance + noise + JITTERS[0]
        factor = matrices.cholesky(kernel)
        if factor is None:
            return math.inf, None
        inverse = matrices.gram(matrices.inverse_lower(factor))
        rest = values - _mean(inverse, values)
        weights = (inverse * rest).sum(1)
        off = (theta - self._prior) / self._spread
        loss = 0.5 * (rest * weights).sum() + 0.5 * (off * off).sum()
        loss += matrices.logarithm(factor.diagonal()).sum()
        outer = inverse - weights[:, None] * weights  # twice the derivative by the kernel (5.9)
        gradient = off / self._spread
        by_distance = outer * slope
        by_distance[diagonal] = 0.0
        gradient[:-2] += 0.5 * self._by_weights(scales, points, by_distance)
        kernel[diagonal] -= noise
        gradient[-2] += 0.5 * float((outer * kernel).sum())
        gradient[-1] += 0.5 * noise * float(np.trace(outer))
        return float(loss), gradient

    def _by_weights(self, scales: Array, points: Features, by_distance: Array) -> Array:
        """Return the sum over all pairs, for each column, of its part of the squared distance."""
        x = points.numbers
        sums = (by_distance.sum(1)[:, None] * (x * x)).sum(0)
        sums -= (x * matrices.product(by_distance, x)).sum(0)
        pairs = [
            float((by_distance * matrices.mismatches(column, column, _ONE)).sum())
            for column in np.ascontiguousarray(points.categories.T)[:, :, None]
        ]
        gradient: Array = scales[:-2] * np.concatenate([2.0 * sums, pairs])
        return gradient

    # ------------------------------------------------------------- predictions

    def learn(self, points: Features, values: Array) -> None:
        """Condition on values at points, with the present hyper-parameters."""
        scales = matrices.exponential(self.theta)
        kernel, _ = self._kernel(points, points, scales)
        diagonal = np.diag_indices(len(points))
        for jitter in JITTERS:
            kernel[diagonal] = scales[-2] + scales[-1] + jitter
            factor = matrices.cholesky(kernel)
            if factor is not None:
                break
        else:
            raise FloatingPointError("the kernel matrix is not positive definite")
        self._scales, self._points = scales, points
        self._inverse_factor = matrices.inverse_lower(factor)
        inverse = matrices.gram(self._inverse_factor)
        self.mean = _mean(inverse, values)
        self._weights_of_points: Array = (inverse * (values - self.mean)).sum(1)

    def predict(self, points: Features) -> tuple[Array, Array]:
        """Return means and standard deviations of the function, without the noise.

        Returns
        -------
        two float64 arrays, shape (n,)
        """
        kernel, _ = self._kernel(points, self._points, self._scales)
        explained = matrices.squared_norms(kernel, self._inverse_factor)
        variance = self._scales[-2] - explained
        means: Array = self.mean + (kernel * self._weights_of_points).sum(1)
        return means, np.sqrt(np.maximum(variance, 1e-10))


def _mean(inverse: Array, values: Array) -> float:
    """Return the constant mean by generalized least squares, with a slight pull to zero."""
    sums = inverse.sum(1)
    return float((sums * values).sum() / (sums.sum() + MEAN_WEIGHT))
