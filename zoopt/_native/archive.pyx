"""The archive of Pareto optimization over subsets, compiled: the twin of reference/archive.py.

Read that file first. What differs here, and why:

A. Members stand in arrays of an extension type that grow by doubling; a member's bits are one row
   of packed bytes, so that a child costs one copy of n / 8 bytes and one flip per changed bit.
B. The subsets seen are 64-bit hashes in the two tables of codes.pxd.
C. Random numbers come from `next_double` of the generator's own bit generator, under its lock,
   with the GIL released.
"""

cimport cython
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport log1p
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

import numpy as np

from zoopt._native.arrays cimport (
    NPY_UINT8,
    PyArray_DATA,
    PyArray_SimpleNew,
    _import_array,
    frozen,
)
from zoopt._native.codes cimport (
    Codes,
    add_code,
    add_to_present,
    begin_generation,
    codes_state,
    free_codes,
    make_codes,
    make_room,
    mix_bit,
    restore_codes,
)
from zoopt._native.columns cimport bitgen_t, random

from zoopt._native.reference.codes import MEMORY

__all__ = ["Archive"]

_import_array()

cdef enum:
    TRIES = 200
    RETRIES = 10

cdef Py_ssize_t NOBODY = -(<Py_ssize_t>1 << 62)
cdef uint64_t EMPTY = <uint64_t>0x9E3779B97F4A7C15


@cython.final
cdef class Archive:
    """Subsets, none of which dominates another of its group, and mutations of them.

    See ``zoopt._native.reference.Archive``, which is the same in plain Python.
    """

    cdef readonly Py_ssize_t n, memory
    cdef readonly object rng
    cdef readonly bint distinct
    cdef public Py_ssize_t base
    cdef object _acquire, _release, _cursor
    cdef bitgen_t *_bitgen
    cdef double _n_points
    cdef Py_ssize_t _n_bytes, _n_members
    cdef uint8_t[:, ::1] _rows
    cdef uint64_t[::1] _hashes
    cdef Py_ssize_t[::1] _idents
    cdef double[::1] _values
    cdef double[::1] _slacks
    cdef Py_ssize_t[::1] _groups
    cdef Codes _codes
    # The present mutation: the bits to flip, the member, and the hash of the child.
    cdef Py_ssize_t[::1] _flips
    cdef Py_ssize_t _n_flips, _parent
    cdef uint64_t _code

    def __cinit__(self):
        make_codes(&self._codes)

    def __dealloc__(self):
        free_codes(&self._codes)

    def __init__(self, Py_ssize_t n, rng, bint distinct=True, Py_ssize_t memory=MEMORY):
        if n < 0:
            raise ValueError(f"n must be at least 0, got {n}")
        self.n = n
        self.rng = rng
        self.distinct = distinct
        self.memory = memory
        self.base = NOBODY
        self._acquire = rng.bit_generator.lock.acquire
        self._release = rng.bit_generator.lock.release
        self._bitgen = <bitgen_t *>PyCapsule_GetPointer(
            rng.bit_generator.capsule, "BitGenerator"
        )
        self._n_points = 2.0**n if n < 1000 else 1e300
        self._n_bytes = (n + 7) // 8
        self._n_members = 0
        self._cursor = 0
        self._make_room(8)
        self._flips = np.zeros(n, np.intp)
        self._n_flips = 0
        self._parent = -1

    def __len__(self):
        return self._n_members

    @property
    def n_seen(self):
        """Number of subsets in memory."""
        return self._codes.n

    # ---------------------------------------------------------------- proposals

    def propose(self):
        """Draw a mutation of a random member; None if every subset was seen."""
        cdef bint found = True
        if self.distinct and <double>self._codes.n >= self._n_points:
            return None
        self._acquire()
        try:
            with nogil:
                if self.distinct:
                    found = self._draw_unknown()
                else:
                    self._mutate(1.0 / self.n if self.n > 2 else 0.5)
        finally:
            self._release()
        if not found:
            return self._enumerate()
        if self.distinct:
            self._forget_old()
        return self._child()

    cdef bint _draw_unknown(self) noexcept nogil:
        cdef Py_ssize_t trial
        cdef double rate = 1.0 / self.n if self.n else 0.5
        for trial in range(TRIES):
            if trial and trial % RETRIES == 0:
                rate = rate * 2.0
            if rate > 0.5:
                rate = 0.5
            self._mutate(rate)
            if self._remember(self._code):
                return True
        return False

    cdef double _random(self) noexcept nogil:
        return random(self._bitgen)

    cdef void _mutate(self, double rate) noexcept nogil:
        """Draw a member and the bits to flip, at least one, and the child's hash."""
        cdef double log_keep = log1p(-rate)
        cdef Py_ssize_t i, k
        self._parent = -1
        self._n_flips = 0
        if self._n_members:
            self._parent = <Py_ssize_t>(self._random() * self._n_members)
        k = <Py_ssize_t>(log1p(-self._random()) / log_keep)
        while k < self.n:
            self._flips[self._n_flips] = k
            self._n_flips += 1
            k += 1 + <Py_ssize_t>(log1p(-self._random()) / log_keep)
        if self._n_flips == 0 and self.n > 0:
            self._flips[0] = <Py_ssize_t>(self._random() * self.n)
            self._n_flips = 1
        self._code = EMPTY if self._parent < 0 else self._hashes[self._parent]
        for i in range(self._n_flips):
            self._code ^= mix_bit(self._flips[i])

    cdef object _child(self):
        cdef Py_ssize_t i, k
        cdef Py_ssize_t ident = self.base
        bits = PyArray_SimpleNew(1, &self._n_bytes, NPY_UINT8)
        cdef uint8_t *fresh = <uint8_t *>PyArray_DATA(<PyObject *>bits)
        if self._parent < 0:
            memset(fresh, 0, self._n_bytes)
        else:
            ident = self._idents[self._parent]
            if self._n_bytes:
                memcpy(fresh, &self._rows[self._parent, 0], self._n_bytes)
        for i in range(self._n_flips):
            k = self._flips[i]
            fresh[k >> 3] ^= <uint8_t>(1 << (k & 7))
        frozen(bits)
        if ident == NOBODY:
            return bits, None
        if self._n_flips == 1:  # the most frequent case
            return bits, (ident, self._flips[0])
        move = [ident]
        for i in range(self._n_flips):
            move.append(self._flips[i])
        return bits, tuple(move)

    cdef object _enumerate(self):
        """Return the next unseen subset; None at the end."""
        while self._cursor < 2**self.n:
            data = self._cursor.to_bytes(self._n_bytes, "little")
            self._cursor += 1
            bits = np.frombuffer(data, np.uint8)
            if self.mark(bits):
                return bits, None
        return None

    def mark(self, const uint8_t[::1] bits):
        """Remember a subset, so that it is not proposed; False if it was seen before."""
        self._check(bits)
        if not self._remember(self._hash(bits)):
            return False
        self._forget_old()
        return True

    cdef int _check(self, const uint8_t[::1] bits) except -1:
        if bits.shape[0] != self._n_bytes:
            raise ValueError(f"bits must have {self._n_bytes} bytes, got {bits.shape[0]}")
        return 0

    cdef uint64_t _hash(self, const uint8_t[::1] bits) noexcept nogil:
        cdef uint64_t code = EMPTY
        cdef Py_ssize_t i, k
        for i in range(self._n_bytes):
            if bits[i]:
                for k in range(8):
                    if bits[i] >> k & 1 and 8 * i + k < self.n:
                        code ^= mix_bit(8 * i + k)
        return code

    cdef bint _remember(self, uint64_t code) noexcept nogil:
        """Add a subset to those seen; False if it was there already."""
        return add_code(&self._codes, code if code != 0 else 1)

    cdef int _forget_old(self) except -1:
        """Make room, because memory is bounded; a small space is remembered whole."""
        cdef Py_ssize_t i
        cdef Py_ssize_t bound = max(self.memory, 4 * self._n_members)
        if self._codes.n < bound or self._n_points <= <double>bound:
            make_room(&self._codes)
            return 0
        begin_generation(&self._codes, self._n_members)
        for i in range(self._n_members):
            add_to_present(&self._codes, self._hashes[i] if self._hashes[i] != 0 else 1)
        return 0

    # ---------------------------------------------------------------- members

    def insert(
        self,
        const uint8_t[::1] bits,
        Py_ssize_t ident,
        double value,
        double slack,
        Py_ssize_t group=0,
        double margin=0.0,
    ):
        """Offer an evaluated subset; return whether it is a member now."""
        cdef Py_ssize_t i
        self._check(bits)
        with nogil:
            if self._is_dominated(value, slack, group, margin):
                with gil:
                    return False
            i = 0
            while i < self._n_members:
                if (
                    self._groups[i] == group
                    and value + margin <= self._values[i]
                    and slack >= self._slacks[i]
                ):
                    self._remove(i)
                else:
                    i += 1
        i = self._n_members
        if i == self._idents.shape[0]:
            self._make_room(2 * i)
        if self._n_bytes:
            memcpy(&self._rows[i, 0], &bits[0], self._n_bytes)
        self._hashes[i] = self._hash(bits)
        self._idents[i] = ident
        self._values[i] = value
        self._slacks[i] = slack
        self._groups[i] = group
        self._n_members += 1
        return True

    cdef bint _is_dominated(
        self, double value, double slack, Py_ssize_t group, double margin
    ) noexcept nogil:
        cdef Py_ssize_t i
        cdef double bound
        for i in range(self._n_members):
            if self._groups[i] != group:
                continue
            bound = self._values[i] + margin
            if bound < value and self._slacks[i] >= slack:
                return True
            if bound <= value and self._slacks[i] > slack:
                return True
        return False

    cdef int _make_room(self, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t m = self._n_members
        old = self._columns(m) if m else None
        self._rows = np.zeros((capacity, self._n_bytes), np.uint8)
        self._hashes = np.zeros(capacity, np.uint64)
        self._idents = np.zeros(capacity, np.intp)
        self._values = np.zeros(capacity)
        self._slacks = np.zeros(capacity)
        self._groups = np.zeros(capacity, np.intp)
        if old is not None:
            for column, before in zip(self._columns(m), old, strict=True):
                column[:] = before
        return 0

    cdef tuple _columns(self, Py_ssize_t m):
        """Return views of the members' columns."""
        return (
            np.asarray(self._rows)[:m],
            np.asarray(self._hashes)[:m],
            np.asarray(self._idents)[:m],
            np.asarray(self._values)[:m],
            np.asarray(self._slacks)[:m],
            np.asarray(self._groups)[:m],
        )

    cdef void _remove(self, Py_ssize_t i) noexcept nogil:
        """Take a member out; the last one takes its place."""
        cdef Py_ssize_t last = self._n_members - 1
        self._n_members = last
        if i == last:
            return
        if self._n_bytes:
            memcpy(&self._rows[i, 0], &self._rows[last, 0], self._n_bytes)
        self._hashes[i] = self._hashes[last]
        self._idents[i] = self._idents[last]
        self._values[i] = self._values[last]
        self._slacks[i] = self._slacks[last]
        self._groups[i] = self._groups[last]

    cdef Py_ssize_t _index(self, Py_ssize_t ident) except -1:
        cdef Py_ssize_t i
        for i in range(self._n_members):
            if self._idents[i] == ident:
                return i
        raise ValueError(f"{ident} is not in list")

    def find(self, const uint8_t[::1] bits):
        """Return the ident of the member that equals this subset; None if no member does."""
        cdef uint64_t code
        cdef Py_ssize_t i
        self._check(bits)
        code = self._hash(bits)
        for i in range(self._n_members):
            if self._hashes[i] == code and (
                self._n_bytes == 0 or memcmp(&self._rows[i, 0], &bits[0], self._n_bytes) == 0
            ):
                return self._idents[i]
        return None

    def level(self, double slack, Py_ssize_t group):
        """Return the idents of the members of a group with this slack."""
        cdef Py_ssize_t i
        return [
            self._idents[i]
            for i in range(self._n_members)
            if self._slacks[i] == slack and self._groups[i] == group
        ]

    def remove(self, Py_ssize_t ident):
        """Take a member out."""
        self._remove(self._index(ident))

    def revalue(self, Py_ssize_t ident, double value):
        """Give a member another value, without a comparison."""
        self._values[self._index(ident)] = value

    def bits_of(self, Py_ssize_t ident):
        """Return the subset of a member, read-only."""
        return frozen(np.array(self._rows[self._index(ident)]))

    def members(self):
        """Return ident, value, slack and group of all members, in no particular order."""
        cdef Py_ssize_t i
        return [
            (self._idents[i], self._values[i], self._slacks[i], self._groups[i])
            for i in range(self._n_members)
        ]

    # ---------------------------------------------------------------- pickling

    def __reduce__(self):
        columns = tuple(column.copy() for column in self._columns(self._n_members))
        state = self.base, self._cursor, columns, codes_state(&self._codes)
        return Archive, (self.n, self.rng, self.distinct, self.memory), state

    def __setstate__(self, state):
        self.base, self._cursor, columns, codes = state
        cdef Py_ssize_t m = len(columns[0])
        self._make_room(max(8, m))
        for column, before in zip(self._columns(m), columns, strict=True):
            column[:] = before
        self._n_members = m
        restore_codes(&self._codes, codes)
