# Columns of encoded rows: their kinds and random values, inlined into every kernel. The twin is
# reference/columns.py.

from libc.math cimport exp, floor, log, nextafter, rint, INFINITY

cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        double (*next_double)(void *st) noexcept nogil

cdef enum:
    CONTINUOUS = 0
    ORDERED = 1
    UNORDERED = 2
    LOG_INTEGER = 3


cdef inline double random(bitgen_t *bitgen) noexcept nogil:
    return bitgen.next_double(bitgen.state)


cdef inline double first_of(Py_ssize_t kind, double low) noexcept nogil:
    """Return the least value of a column whose lower bound is low."""
    return log(rint(exp(low) + 0.5)) if kind == LOG_INTEGER else low


cdef inline double last_of(Py_ssize_t kind, double high) noexcept nogil:
    """Return the greatest value of a column whose upper bound is high."""
    return log(rint(exp(high) - 0.5)) if kind == LOG_INTEGER else high


cdef inline double value_after(Py_ssize_t kind, double value, double high) noexcept nogil:
    """Return the next greater value of a column, or its greatest one."""
    cdef double following = value + 1.0
    if kind == LOG_INTEGER:
        following = log(rint(exp(value)) + 1.0)
    return min(max(following, nextafter(value, INFINITY)), last_of(kind, high))


cdef inline double snapped(double value, double column_low, double column_high) noexcept nogil:
    """Move a logarithm to that of the nearest whole number of its column."""
    cdef double first = first_of(LOG_INTEGER, column_low)
    cdef double last = last_of(LOG_INTEGER, column_high)
    value = rint(exp(value))
    value = log(value if value > 1.0 else 1.0)
    if value < first:
        value = first
    return value if value < last else last


cdef inline double draw_value(
    bitgen_t *bitgen,
    Py_ssize_t kind,
    double low,
    double high,
    double column_low,
    double column_high,
) noexcept nogil:
    """Draw a value between low and high, which lie within the bounds of the column."""
    cdef double u = random(bitgen)
    cdef double value
    if kind == CONTINUOUS:
        value = low + u * (high - low)
        return value if value < high else high
    if kind == LOG_INTEGER:
        value = low + u * (high - low)
        return snapped(value if value < high else high, column_low, column_high)
    value = low + floor(u * (high - low + 1.0))
    return value if value < high else high
