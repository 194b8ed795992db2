"""Linear algebra of small matrices with the same digits on every machine, in plain Python.

Numpy's own products, factors and exponentials depend on the processor and on the number of threads
in their last digits. Here each number is the result of the same operations in the same order.
"""

import math

import numpy as np
import numpy.typing as npt

__all__ = [
    "cholesky",
    "exponential",
    "gram",
    "inverse_lower",
    "logarithm",
    "matern",
    "mismatches",
    "product",
    "squared_distances",
    "squared_norms",
]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

#: Two parts of log(2), of which the first times a small integer is exact.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
LEAST_EXPONENT, GREATEST_EXPONENT = -708.0, 709.0
#: Series, highest power first: of exp(r), and of log((1 + s) / (1 - s)) / (2 s) in powers of s^2.
EXPONENTIAL_SERIES = [1.0 / math.factorial(i) for i in range(13, -1, -1)]
LOGARITHM_SERIES = [1.0 / (2 * i + 1) for i in range(10, -1, -1)]


def exponential(x: npt.ArrayLike) -> Array:
    """Return the exponential function; 0 below -708, and inf above 709.

    Parameters
    ----------
    x : array_like of float64

    Returns
    -------
    float64 array of the same shape

    Examples
    --------
    >>> exponential([0.0, -1000.0]).tolist()
    [1.0, 0.0]
    """
    x = np.asarray(x, np.float64)
    inside = np.clip(x, LEAST_EXPONENT, GREATEST_EXPONENT)
    inside = np.where(np.isnan(inside), 0.0, inside)
    power = np.rint(inside * (1.0 / math.log(2.0)))
    rest = (inside - power * LN2_HIGH) - power * LN2_LOW
    series = np.zeros_like(rest)
    for coefficient in EXPONENTIAL_SERIES:
        series = series * rest + coefficient
    scale = ((power.astype(np.int64) + 1023) << 52).view(np.float64)
    result = series * scale
    result = np.where(x < LEAST_EXPONENT, 0.0, np.where(x > GREATEST_EXPONENT, math.inf, result))
    return np.where(np.isnan(x), x, result)


def logarithm(x: npt.ArrayLike) -> Array:
    """Return the natural logarithm; -inf of 0, and NaN of negative numbers.

    Parameters
    ----------
    x : array_like of float64

    Returns
    -------
    float64 array of the same shape

    Examples
    --------
    >>> logarithm([1.0, 0.0]).tolist()
    [0.0, -inf]
    """
    x = np.asarray(x, np.float64)
    ordinary = (x > 0.0) & (x < math.inf)
    mantissa, power = np.frexp(np.where(ordinary, x, 1.0))
    low = mantissa < math.sqrt(0.5)
    mantissa = np.where(low, 2.0 * mantissa, mantissa)
    exponent = power.astype(np.float64) - low
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = np.zeros_like(square)
    for coefficient in LOGARITHM_SERIES:
        series = series * square + coefficient
    result = exponent * LN2_HIGH + (2.0 * ratio * series + exponent * LN2_LOW)
    special = np.where(x == 0.0, -math.inf, np.where(x == math.inf, math.inf, math.nan))
    return np.where(ordinary, result, special)


def product(a: Array, b: Array) -> Array:
    """Return the matrix product of a, shape (n, k), and b, shape (k, m)."""
    result = np.zeros((len(a), b.shape[1]))
    for k in range(len(b)):
        result += a[:, k, None] * b[k]
    return result


def squared_distances(a: Array, b: Array) -> Array:
    """Return the squared distances of the rows of a, shape (n, d), and of b, shape (m, d)."""
    result = np.zeros((len(a), len(b)))
    for k in range(a.shape[1]):
        difference = a[:, k, None] - b[:, k]
        result += difference * difference
    return result


def mismatches(a: Codes, b: Codes, weights: Array) -> Array:
    """Return, for all rows of a and b, the sum of the weights of the columns that differ.

    Parameters
    ----------
    a, b : intp arrays, shapes (n, c) and (m, c)
        Codes; below 0 in a column that is not active, which counts half where it differs.
    weights : float64 array, shape (c,)

    Returns
    -------
    float64 array, shape (n, m)
    """
    result = np.zeros((len(a), len(b)))
    for k, weight in enumerate(weights.tolist()):
        x, y = a[:, k, None], b[:, k]
        share = np.where((x < 0) | (y < 0), 0.5, 1.0)
        result += np.where(x == y, 0.0, weight * share)
    return result


def matern(squared: Array) -> tuple[Array, Array]:
    """Return the Matern 5/2 kernel of squared distances, and its derivative by them."""
    root = np.sqrt(5.0 * squared)
    decay = exponential(-root)
    return (1.0 + root + root * root * (1.0 / 3.0)) * decay, (-5.0 / 6.0) * (1.0 + root) * decay


def cholesky(matrix: Array) -> Array | None:
    """Return the lower triangular factor; None if the matrix is not positive definite.

    Of the matrix, shape (n, n), the lower triangle is read alone.
    """
    lower = np.tril(matrix)
    for k in range(len(lower)):
        if not 0.0 < lower[k, k] < math.inf:
            return None
        lower[k, k] = math.sqrt(lower[k, k])
        column = lower[k + 1 :, k]
        column /= lower[k, k]
        lower[k + 1 :, k + 1 :] -= np.tril(column[:, None] * column)
    return lower


def inverse_lower(lower: Array) -> Array:
    """Return the inverse of a lower triangular matrix, shape (n, n)."""
    inverse = np.eye(len(lower))
    for k in range(len(lower)):
        inverse[k] /= lower[k, k]
        inverse[k + 1 :] -= lower[k + 1 :, k, None] * inverse[k]
    return np.tril(inverse)


def gram(lower: Array) -> Array:
    """Return the product of the transpose of a lower triangular matrix and the matrix itself."""
    return product(np.ascontiguousarray(lower.T), lower)


def squared_norms(a: Array, lower: Array) -> Array:
    """Return the squared norms of the rows of a, shape (n, k), times the transpose of lower.

    Parameters
    ----------
    a : float64 array, shape (n, k)
    lower : float64 array, shape (k, k)
        Lower triangular.

    Returns
    -------
    float64 array, shape (n,)
    """
    columns = product(a, np.ascontiguousarray(lower.T))
    norms = np.zeros(len(a))
    for j in range(len(lower)):
        norms += columns[:, j] * columns[:, j]
    return norms
