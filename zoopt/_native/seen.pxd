cimport cython
from libc.stdint cimport uint64_t

from zoopt._native.codes cimport Codes
from zoopt._native.columns cimport bitgen_t


@cython.final
cdef class SeenPoints:
    cdef readonly object kinds, low, high, rng, conditions
    cdef readonly double n_points
    cdef readonly Py_ssize_t memory
    cdef Codes codes
    cdef object _acquire, _release, _cursor
    cdef bitgen_t *_bitgen
    cdef Py_ssize_t _d
    cdef const signed char[::1] _kinds
    cdef const double[::1] _low
    cdef const double[::1] _high
    cdef bint _is_conditional  # the arrays below are empty otherwise
    cdef const Py_ssize_t[::1] _parents
    cdef const double[::1] _branches
    cdef signed char[::1] _is_active  # of the row that was settled last

    cdef int _check(self, const double[::1] row) except -1
    cdef object draw(self)
    cdef bint forget(self, Py_ssize_t n_kept) except -1
    cdef bint _draw(self, double *fresh) noexcept nogil
    cdef uint64_t settle(self, double *row) noexcept nogil
    cdef object _enumerate(self)
