cimport cython
from libc.stdint cimport int32_t

from zoopt._native.columns cimport bitgen_t

cdef enum:
    LATEST = 64

cdef enum:
    DENSE = -1
    UNKNOWN = -2
    LATEST_ONLY = -3  # minus n: the latest n of the differing columns are listed


@cython.final
cdef class Pairs:
    cdef double **rows  # by slot; owned by Members
    cdef Py_ssize_t d, capacity
    cdef bint keeps_latest  # whether pairs that outgrow their list keep the latest columns
    cdef Py_ssize_t[:, ::1] counts
    cdef int32_t[:, ::1] lists  # narrow, since they are copied at every insertion
    # What a child changes in its parent: columns, their old and their new values.
    cdef Py_ssize_t[::1] chosen
    cdef double[::1] old
    cdef double[::1] new

    cdef Py_ssize_t differing_column(
        self, Py_ssize_t a, Py_ssize_t b, bitgen_t *bitgen
    ) noexcept nogil
    cdef Py_ssize_t scan(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil
    cdef void derive(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t other, Py_ssize_t n_changed
    ) noexcept nogil
    cdef Py_ssize_t _list_latest(
        self, Py_ssize_t pair, Py_ssize_t other, Py_ssize_t n_changed
    ) noexcept nogil
    cdef Py_ssize_t _keep_latest(self, Py_ssize_t pair, Py_ssize_t count) noexcept nogil


cdef inline Py_ssize_t index_of(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """Return the place of the list of two slots in the triangular array of lists."""
    return b * (b - 1) // 2 + a if a < b else a * (a - 1) // 2 + b
