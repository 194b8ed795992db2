"""Linear algebra with the same digits on every machine, compiled: the twin of
reference/matrices.py.

Read that file first. What differs here, and why:

A. Inner loops add a multiple of one contiguous row to another, so that the compiler can use vector
   instructions without a change of order.
B. Triangles are not computed where they are zero or the mirror of another.
"""

from libc.math cimport INFINITY, NAN, frexp, sqrt
from libc.stdint cimport int64_t
from libc.string cimport memcpy

import numpy as np

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

cdef extern from *:
    """
    static const double LN2_HIGH = 0.6931471803691238, LN2_LOW = 1.9082149292705877e-10;
    static const double BY_LN2 = 1.4426950408889634, HALF_ROOT = 0.7071067811865476;
    static const double ROUNDING = 6755399441055744.0; /* added and subtracted, it rounds */
    """
    const double LN2_HIGH, LN2_LOW, BY_LN2, HALF_ROOT, ROUNDING

cdef enum:
    BLOCK = 4

cdef inline double exponential_of(double x) noexcept nogil:
    cdef double clipped = x if x > -708.0 else -708.0
    cdef double rounded, power, rest, scale, series = 1.6059043836821613e-10
    cdef int64_t bits
    clipped = clipped if clipped < 709.0 else 709.0
    rounded = clipped * BY_LN2 + ROUNDING
    power = rounded - ROUNDING
    rest = (clipped - power * LN2_HIGH) - power * LN2_LOW
    series = series * rest + 2.08767569878681e-09
    series = series * rest + 2.505210838544172e-08
    series = series * rest + 2.755731922398589e-07
    series = series * rest + 2.7557319223985893e-06
    series = series * rest + 2.48015873015873e-05
    series = series * rest + 0.0001984126984126984
    series = series * rest + 0.001388888888888889
    series = series * rest + 0.008333333333333333
    series = series * rest + 0.041666666666666664
    series = series * rest + 0.16666666666666666
    series = series * rest + 0.5
    series = series * rest + 1.0
    series = series * rest + 1.0
    memcpy(&bits, &rounded, sizeof(double))
    bits = (bits + 1023) << 52
    memcpy(&scale, &bits, sizeof(double))
    return series * scale


cdef inline double logarithm_of(double x) noexcept nogil:
    cdef double mantissa, exponent, ratio, square, series = 0.047619047619047616
    cdef int power
    if x == 0.0:
        return -INFINITY
    if x == INFINITY:
        return INFINITY
    if not x > 0.0:
        return NAN
    mantissa = frexp(x, &power)
    exponent = power
    if mantissa < HALF_ROOT:
        mantissa = 2.0 * mantissa
        exponent -= 1.0
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = series * square + 0.05263157894736842
    series = series * square + 0.058823529411764705
    series = series * square + 0.06666666666666667
    series = series * square + 0.07692307692307693
    series = series * square + 0.09090909090909091
    series = series * square + 0.1111111111111111
    series = series * square + 0.14285714285714285
    series = series * square + 0.2
    series = series * square + 0.3333333333333333
    series = series * square + 1.0
    return exponent * LN2_HIGH + (2.0 * ratio * series + exponent * LN2_LOW)


def exponential(x):
    """Return the exponential function; 0 below -708, and inf above 709."""
    source = np.ascontiguousarray(x, np.float64)
    result = np.empty(np.shape(x))
    cdef const double[::1] left = source.ravel()
    cdef double[::1] right = result.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(left.shape[0]):
            right[i] = exponential_of(left[i])
            if left[i] < -708.0:
                right[i] = 0.0
            elif left[i] > 709.0:
                right[i] = INFINITY
            elif left[i] != left[i]:
                right[i] = left[i]
    return result


def logarithm(x):
    """Return the natural logarithm; -inf of 0, and NaN of negative numbers."""
    source = np.ascontiguousarray(x, np.float64)
    result = np.empty(np.shape(x))
    cdef const double[::1] left = source.ravel()
    cdef double[::1] right = result.reshape(-1)
    cdef Py_ssize_t i
    with nogil:
        for i in range(left.shape[0]):
            right[i] = logarithm_of(left[i])
    return result


def contiguous(matrix):
    return np.ascontiguousarray(matrix, np.float64)


def square(matrix):
    matrix = contiguous(matrix)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"the matrix has {matrix.shape[0]} rows and {matrix.shape[1]} columns")
    return matrix


cdef inline void add_multiple(
    double *target, double factor, const double *row, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(n):
        target[j] += factor * row[j]


def product(a, b):
    """Return the matrix product of a, shape (n, k), and b, shape (k, m)."""
    cdef const double[:, ::1] left = contiguous(a), right = contiguous(b)
    cdef Py_ssize_t n = left.shape[0], n_inner = right.shape[0], m = right.shape[1], i, k
    if left.shape[1] != n_inner:
        raise ValueError(f"a has {left.shape[1]} columns, but b has {n_inner} rows")
    result = np.zeros((n, m))
    cdef double[:, ::1] out = result
    if m == 0:
        return result
    with nogil:
        for i in range(n):
            for k in range(n_inner):
                add_multiple(&out[i, 0], left[i, k], &right[k, 0], m)
    return result


def squared_distances(a, b):
    """Return the squared distances of the rows of a, shape (n, d), and of b, shape (m, d)."""
    cdef const double[:, ::1] left = contiguous(a), columns = contiguous(b.T)
    cdef Py_ssize_t n = left.shape[0], m = columns.shape[1], d = left.shape[1], i, j, k
    cdef double value, difference
    cdef double *target
    cdef const double *column
    if columns.shape[0] != d:
        raise ValueError(f"a has {d} columns, but b has {columns.shape[0]}")
    result = np.zeros((n, m))
    cdef double[:, ::1] out = result
    if m == 0:
        return result
    with nogil:
        for i in range(n):
            target = &out[i, 0]
            for k in range(d):
                value, column = left[i, k], &columns[k, 0]
                for j in range(m):
                    difference = value - column[j]
                    target[j] += difference * difference
    return result


def mismatches(a, b, const double[:] weights):
    """Return, for all rows of a and b, the sum of the weights of the columns that differ."""
    cdef const Py_ssize_t[:, ::1] left = np.ascontiguousarray(a, np.intp)
    cdef const Py_ssize_t[:, ::1] right = np.ascontiguousarray(b, np.intp)
    cdef Py_ssize_t n = left.shape[0], m = right.shape[0], c = weights.shape[0], i, j, k, x, y
    if left.shape[1] != c or right.shape[1] != c:
        raise ValueError(f"{c} weights for {left.shape[1]} and {right.shape[1]} columns")
    result = np.zeros((n, m))
    cdef double[:, ::1] out = result
    with nogil:
        for i in range(n):
            for j in range(m):
                for k in range(c):
                    x, y = left[i, k], right[j, k]
                    if x != y:
                        out[i, j] += weights[k] * (0.5 if x < 0 or y < 0 else 1.0)
    return result


def matern(squared):
    """Return the Matern 5/2 kernel of squared distances, and its derivative by them."""
    cdef const double[:, ::1] distances = contiguous(squared)
    cdef Py_ssize_t n = distances.shape[0], m = distances.shape[1], i, j
    cdef double root, decay
    cdef double[::1] decays = np.empty(m)
    kernel, slope = np.empty((n, m)), np.empty((n, m))
    cdef double[:, ::1] kernels = kernel
    cdef double[:, ::1] slopes = slope
    with nogil:
        for i in range(n):
            for j in range(m):
                decays[j] = exponential_of(-sqrt(5.0 * distances[i, j]))
            for j in range(m):
                root = sqrt(5.0 * distances[i, j])
                decay = decays[j] if root <= 708.0 else 0.0
                kernels[i, j] = (1.0 + root + root * root * (1.0 / 3.0)) * decay
                slopes[i, j] = (-5.0 / 6.0) * (1.0 + root) * decay
    return kernel, slope


def cholesky(matrix):
    """Return the lower triangular factor; None if the matrix is not positive definite."""
    result = np.tril(square(matrix))
    cdef double[:, ::1] lower = result
    cdef Py_ssize_t n = lower.shape[0], i, k
    cdef double[::1] column = np.empty(n)
    cdef double root
    cdef bint is_definite = True
    with nogil:
        for k in range(n):
            if not 0.0 < lower[k, k] < INFINITY:
                is_definite = False
                break
            root = sqrt(lower[k, k])
            lower[k, k] = root
            for i in range(k + 1, n):
                lower[i, k] /= root
                column[i] = lower[i, k]
            for i in range(k + 1, n):
                add_multiple(&lower[i, k + 1], -column[i], &column[k + 1], i - k)
    return result if is_definite else None


def inverse_lower(lower):
    """Return the inverse of a lower triangular matrix, shape (n, n)."""
    cdef const double[:, ::1] rows = square(lower)
    cdef Py_ssize_t n = rows.shape[0], i, j, k
    result = np.eye(n)
    cdef double[:, ::1] inverse = result
    with nogil:
        for i in range(n):
            for k in range(i):
                add_multiple(&inverse[i, 0], -rows[i, k], &inverse[k, 0], k + 1)
            for j in range(i + 1):
                inverse[i, j] /= rows[i, i]
    return result


def gram(lower):
    """Return the product of the transpose of a lower triangular matrix and the matrix itself."""
    cdef const double[:, ::1] rows = square(lower)
    cdef Py_ssize_t n = rows.shape[0], i, j, k
    result = np.zeros((n, n))
    cdef double[:, ::1] out = result
    with nogil:
        for i in range(n):
            for k in range(i, n):
                add_multiple(&out[i, 0], rows[k, i], &rows[k, 0], i + 1)
        for i in range(n):
            for j in range(i):
                out[j, i] = out[i, j]
    return result


def squared_norms(a, lower):
    """Return the squared norms of the rows of a, shape (n, k), times the transpose of lower."""
    cdef const double[:, ::1] rows = contiguous(a), upper = contiguous(square(lower).T)
    cdef Py_ssize_t n = rows.shape[0], m = upper.shape[0], i, j, k, block, first, width
    cdef double norm
    cdef const double *row
    if rows.shape[1] != m:
        raise ValueError(f"a has {rows.shape[1]} columns, but the matrix has {m} rows")
    norms = np.zeros(n)
    if m == 0:
        return norms
    cdef double[::1] out = norms
    cdef double[:, ::1] space = np.empty((BLOCK, m))
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            first = BLOCK * block
            width = BLOCK if n - first > BLOCK else n - first
            for i in range(width):
                for j in range(m):
                    space[i, j] = 0.0
            for k in range(m):
                row = &upper[k, 0]
                for i in range(width):
                    add_multiple(&space[i, k], rows[first + i, k], row + k, m - k)
            for i in range(width):
                norm = 0.0
                for j in range(m):
                    norm += space[i, j] * space[i, j]
                out[first + i] = norm
    return norms
