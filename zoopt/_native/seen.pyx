"""The points that a solver has seen, compiled: the twin of reference/seen.py.

Read that file first. What differs here, and why:

A. The points are 64-bit hashes in two hash tables (codes.pxd), the present generation and, in an
   infinite space, the one before it.
B. `Population` holds a `SeenPoints`, writes to its tables directly, and inlines the draws of
   columns.pxd, so that a proposal calls nothing of this module.
C. Random numbers come from `next_double` of the generator's own bit generator, under its lock,
   with the GIL released.
"""

cimport cython
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport INFINITY
from libc.stdint cimport uint64_t

import numpy as np

from zoopt._native.arrays cimport (
    NPY_DOUBLE,
    PyArray_SimpleNew,
    _import_array,
    data_of,
    frozen,
)
from zoopt._native.codes cimport (
    add_code,
    begin_generation,
    codes_state,
    free_codes,
    hash_of,
    is_seen,
    make_codes,
    make_room,
    mix,
    restore_codes,
)
from zoopt._native.columns cimport bitgen_t, draw_value, first_of, last_of, value_after

from zoopt._native.reference.codes import MEMORY
from zoopt._native.reference.columns import Columns

__all__ = ["SeenPoints", "row_hash"]

_import_array()

cdef enum:
    UNIFORM_TRIES = 100


def row_hash(const double[::1] row):
    """Hash a row to 64 bits that are never 0; 0.0 and -0.0 have the same hash."""
    return hash_of(row)


@cython.final
cdef class SeenPoints:
    """The points that a solver has seen, and random unseen points.

    See ``zoopt._native.reference.SeenPoints``, which is the same in plain Python.
    """

    def __cinit__(self):
        make_codes(&self.codes)

    def __dealloc__(self):
        free_codes(&self.codes)

    def __init__(
        self,
        kinds,
        low,
        high,
        rng,
        double n_points=INFINITY,
        Py_ssize_t memory=MEMORY,
        conditions=None,
    ):
        self._d = len(kinds)
        if not len(low) == len(high) == self._d:
            raise ValueError("kinds, low and high must have the same length")
        self.kinds = np.ascontiguousarray(kinds, np.intp)
        self.low = np.ascontiguousarray(low, np.float64)
        self.high = np.ascontiguousarray(high, np.float64)
        self.rng = rng
        self.n_points = n_points
        self.memory = memory
        self._acquire = rng.bit_generator.lock.acquire
        self._release = rng.bit_generator.lock.release
        self._bitgen = <bitgen_t *>PyCapsule_GetPointer(
            rng.bit_generator.capsule, "BitGenerator"
        )
        self._kinds = self.kinds.astype(np.int8)
        self._low = self.low
        self._high = self.high
        self._cursor = None
        self.conditions = Columns(self.kinds, self.low, self.high, conditions).conditions
        self._is_conditional = self.conditions is not None
        if self._is_conditional:
            self._parents, self._branches = self.conditions
            self._is_active = np.ones(self._d, np.int8)

    @property
    def n_seen(self):
        """How many distinct points are remembered in the present generation."""
        return self.codes.n

    @property
    def exhausted(self):
        """Whether every point of a finite space was seen."""
        return self.codes.n >= self.n_points

    def mark(self, const double[::1] row):
        """Remember a point; True if it is new, False if it was seen before."""
        self._check(row)
        if not add_code(&self.codes, hash_of(row)):
            return False
        self.forget(0)
        return True

    def contains(self, const double[::1] row):
        """Tell whether a point was seen."""
        self._check(row)
        return is_seen(&self.codes, hash_of(row))

    def uniform(self):
        """Draw an unseen point uniformly from the whole space, and remember it; None at the end."""
        row = self.draw()
        self.forget(0)
        return row

    cdef int _check(self, const double[::1] row) except -1:
        if row.shape[0] != self._d:
            raise ValueError(f"row must have {self._d} columns, got {row.shape[0]}")
        return 0

    cdef object draw(self):
        """Draw as `uniform` does; the caller calls `forget` next."""
        cdef bint found = False
        if self.codes.n >= self.n_points:
            return None
        row = PyArray_SimpleNew(1, &self._d, NPY_DOUBLE)
        cdef double *fresh = data_of(row)
        self._acquire()
        try:
            with nogil:
                found = self._draw(fresh)
        finally:
            self._release()
        if found:
            return frozen(row)
        return self._enumerate() if self.n_points < INFINITY else None

    cdef bint _draw(self, double *fresh) noexcept nogil:
        cdef Py_ssize_t _, k
        cdef uint64_t code
        for _ in range(UNIFORM_TRIES):
            code = 0
            for k in range(self._d):
                fresh[k] = draw_value(
                    self._bitgen,
                    self._kinds[k],
                    self._low[k],
                    self._high[k],
                    self._low[k],
                    self._high[k],
                )
                code += mix(k, fresh[k])
            if self._is_conditional:
                code = self.settle(fresh)
            if add_code(&self.codes, code if code != 0 else 1):
                return True
        return False

    cdef uint64_t settle(self, double *row) noexcept nogil:
        """Find the active columns, and give the others their least value; return the hash."""
        cdef Py_ssize_t k, choice
        cdef uint64_t code = 0
        for k in range(self._d):
            choice = self._parents[k]
            if choice >= 0:
                self._is_active[k] = self._is_active[choice] and row[choice] == self._branches[k]
                if not self._is_active[k]:
                    row[k] = first_of(self._kinds[k], self._low[k])
            code += mix(k, row[k])
        return code

    cdef object _enumerate(self):
        """Return the next unseen point of a finite space; None at the end."""
        cdef Py_ssize_t k, d = self._d
        if self._cursor is None:
            self._cursor = [first_of(self._kinds[k], self._low[k]) for k in range(d)]
        cursor = self._cursor
        while len(cursor) == d:
            row = np.array(cursor, np.float64)
            if self._is_conditional:
                self.settle(data_of(row))
            k = d - 1
            while k >= 0 and (
                (self._is_conditional and not self._is_active[k])
                or cursor[k] >= last_of(self._kinds[k], self._high[k])
            ):
                cursor[k] = first_of(self._kinds[k], self._low[k])
                k -= 1
            if k < 0:
                cursor.append(0.0)
            else:
                cursor[k] = value_after(self._kinds[k], cursor[k], self._high[k])
            if add_code(&self.codes, hash_of(row)):
                return frozen(row)
        return None

    cdef bint forget(self, Py_ssize_t n_kept) except -1:
        """Make room for the next point, in an infinite space of bounded memory.

        True if a generation began, to which the caller adds the n_kept points that it keeps.
        """
        if self.codes.n > self.memory and self.n_points == INFINITY:
            begin_generation(&self.codes, n_kept)
            return True
        make_room(&self.codes)
        return False

    def __reduce__(self):
        columns = self.kinds, self.low, self.high, self.rng
        arguments = *columns, self.n_points, self.memory, self.conditions
        return SeenPoints, arguments, (self._cursor, codes_state(&self.codes))

    def __setstate__(self, state):
        self._cursor, codes = state
        restore_codes(&self.codes, codes)
