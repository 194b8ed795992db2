# Columns of encoded rows: their kinds and random values, inlined into every kernel. The twin is
# reference/columns.py.

from libc.math cimport exp, floor, frexp, ldexp, log, nextafter, rint, INFINITY

cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        double (*next_double)(void *st) noexcept nogil

cdef enum:
    CONTINUOUS = 0
    ORDERED = 1
    UNORDERED = 2
    LOG_INTEGER = 3
    HUGE_LOG_INTEGER = 4  # last, so that both logarithmic kinds are >= LOG_INTEGER

cdef inline double random(bitgen_t *bitgen) noexcept nogil:
    return bitgen.next_double(bitgen.state)


cdef inline double number_at(Py_ssize_t kind, double code) noexcept nogil:
    """Return the whole number nearest to a code on one of the logarithmic scales."""
    cdef double octave
    if kind == LOG_INTEGER:
        return rint(exp(code))
    octave = floor(code)
    return rint(ldexp(1.0 + (code - octave), <int>octave + 53))


cdef inline double code_of(Py_ssize_t kind, double number) noexcept nogil:
    """Return the code of a whole number on one of the logarithmic scales."""
    cdef int exponent = 0
    cdef double mantissa
    if kind == LOG_INTEGER:
        return log(number)
    mantissa = frexp(number, &exponent)
    return exponent - 55 + 2.0 * mantissa


cdef inline double first_of(Py_ssize_t kind, double low) noexcept nogil:
    """Return the least value of a column whose lower bound is low."""
    return log(rint(exp(low) + 0.5)) if kind == LOG_INTEGER else low


cdef inline double last_of(Py_ssize_t kind, double high) noexcept nogil:
    """Return the greatest value of a column whose upper bound is high."""
    return log(rint(exp(high) - 0.5)) if kind == LOG_INTEGER else high


cdef inline double value_after(Py_ssize_t kind, double value, double high) noexcept nogil:
    """Return the next greater value of a column, or its greatest one."""
    cdef double following = value + 1.0
    if kind >= LOG_INTEGER:
        following = code_of(kind, number_at(kind, value) + 1.0)
    return min(max(following, nextafter(value, INFINITY)), last_of(kind, high))


cdef inline double snapped(
    Py_ssize_t kind, double value, double column_low, double column_high
) noexcept nogil:
    """Move a code on a logarithmic scale to that of the nearest whole number of its column."""
    cdef double first = first_of(kind, column_low)
    cdef double last = last_of(kind, column_high)
    value = number_at(kind, value)
    value = code_of(kind, value if value > 1.0 else 1.0)
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
    if kind >= LOG_INTEGER:
        value = low + u * (high - low)
        return snapped(kind, value if value < high else high, column_low, column_high)
    value = low + floor(u * (high - low + 1.0))
    if high - low >= 9007199254740992.0:  # N_DRAWS of the twin
        value += floor(2.0 * random(bitgen))
    return value if value < high else high
