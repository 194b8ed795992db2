from libc.stdint cimport uint64_t

from zoopt._native.columns cimport bitgen_t
from zoopt._native.pairs cimport Pairs


cdef class Members:
    cdef readonly object kinds, low, high, replacement, rng
    cdef readonly Py_ssize_t positive_size, size
    cdef object _acquire, _release
    cdef bitgen_t *_bitgen
    cdef Py_ssize_t _d, _n_pos, _n_neg, _strategy
    cdef Py_ssize_t _n_idle  # insertions since the best improved
    cdef const signed char[::1] _kinds  # narrow, to stay in the cache
    cdef const double[::1] _low
    cdef const double[::1] _high
    # By slot.
    cdef double **_rows  # the data of _arrays
    cdef list _arrays
    cdef Py_ssize_t[::1] _idents
    cdef double[::1] _violations
    cdef double[::1] _values
    cdef uint64_t[::1] _hashes
    cdef Pairs _pairs
    # Slots; of the positive set, best first.
    cdef Py_ssize_t[::1] _positive
    cdef Py_ssize_t[::1] _negative
    # What a child changes in its parent: columns, their old and their new values.
    cdef Py_ssize_t[::1] _chosen
    cdef double[::1] _old
    cdef double[::1] _new

    cdef int _connect(self, Pairs pairs) except -1
    cdef int _hold(self, rows) except -1
    cdef int _check(self, move) except -1
    cdef Py_ssize_t _slot_of(self, Py_ssize_t ident) noexcept nogil
    cdef object _member(self, Py_ssize_t slot)
    cdef Py_ssize_t _place(
        self, double violation, double value, bint after_equals
    ) noexcept nogil
    cdef void _insert_positive(self, Py_ssize_t place, Py_ssize_t slot) noexcept nogil
    cdef Py_ssize_t _worst_negative(self) noexcept nogil
    cdef Py_ssize_t _drop_negative(self, Py_ssize_t index) noexcept nogil
    cdef Py_ssize_t _loser(self, double violation, double value) except -2
    cdef Py_ssize_t _farthest_negative(self) noexcept nogil
    cdef int _write(
        self,
        Py_ssize_t slot,
        row,
        Py_ssize_t ident,
        double violation,
        double value,
        move,
        bint positive,
        bint overwrite,
    ) except -1
    cdef bint _adopt(self, Py_ssize_t slot, row) except -1
    cdef int _copy_to(self, Py_ssize_t slot, const double *values) except -1
    cdef int _write_child(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t n_changed, bint overwrite
    ) except -1
    cdef bint _is_held(self, Py_ssize_t slot) noexcept
    cdef void _derive_pairs(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t n_changed, bint positive
    ) noexcept nogil
    cdef tuple _members_state(self)
    cdef int _restore_members(self, tuple state) except -1
