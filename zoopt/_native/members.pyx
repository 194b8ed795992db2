"""The members of a population, compiled: the twin of reference/members.py.

Read that file first. What differs here, and why:

A. State stands in C arrays of an extension type. Acquiring one memoryview takes about 0.1 us, a
   whole proposal at d = 10 about 0.7 us, and functions over arrays would need a dozen.
B. A row is a read-only numpy array. An array that nobody can write to is not copied, since copying
   is the main cost with many columns.
C. A child that is given by its new values can be written over the row of the member that it
   replaces. If the columns in which the two differ are listed, only these are copied; otherwise
   the whole row is.
D. With a million columns, each access misses the cache. The values that an insertion needs are
   fetched together, ahead of their use.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport INFINITY
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

import numpy as np

from zoopt._native.arrays cimport (
    NPY_ARRAY_OWNDATA,
    NPY_ARRAY_WRITEABLE,
    NPY_DOUBLE,
    PyArray_CHKFLAGS,
    PyArray_Check,
    PyArray_SimpleNew,
    _import_array,
    data_of,
    frozen,
)
from zoopt._native.codes cimport hash_of, mix
from zoopt._native.columns cimport UNORDERED, bitgen_t, random
from zoopt._native.pairs cimport LATEST, UNKNOWN, Pairs, index_of

from zoopt._native.reference.members import REPLACEMENTS, Member

__all__ = ["Members"]

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define ZOOPT_PREFETCH(place) __builtin_prefetch(place)
    #else
    #define ZOOPT_PREFETCH(place)
    #endif
    """
    void prefetch "ZOOPT_PREFETCH"(double *place) noexcept nogil

cdef extern from "Python.h":
    PyObject *PyList_GET_ITEM(PyObject *items, Py_ssize_t index) noexcept nogil
    Py_ssize_t Py_REFCNT(PyObject *thing) noexcept nogil

_import_array()

cdef enum:
    WR = 0
    RR = 1
    LM = 2

cdef Py_ssize_t NOBODY = -(<Py_ssize_t>1 << 62)


cdef inline bint less(double va, double fa, double vb, double fb) noexcept nogil:
    """Compare two points by violation, then value."""
    return va < vb or (va == vb and fa < fb)


cdef class Members:
    """The positive and negative sets of a RACOS solver.

    See ``zoopt._native.reference.members.Members``, which is the same in plain Python.
    """

    def __init__(
        self,
        kinds,
        low,
        high,
        Py_ssize_t positive_size,
        Py_ssize_t negative_size,
        Py_ssize_t most_changes,
        replacement,
        rng,
    ):
        if positive_size < 1:
            raise ValueError(f"positive_size must be at least 1, got {positive_size}")
        if negative_size < 0:
            raise ValueError(f"negative_size must be at least 0, got {negative_size}")
        if replacement not in REPLACEMENTS:
            raise ValueError(f"replacement must be one of {REPLACEMENTS}, got {replacement!r}")
        cdef Py_ssize_t size = positive_size + negative_size
        self.kinds = kinds
        self.low = low
        self.high = high
        self.positive_size = positive_size
        self.size = size
        self.replacement = replacement
        self.rng = rng
        self._strategy = REPLACEMENTS.index(replacement)
        self._acquire = rng.bit_generator.lock.acquire
        self._release = rng.bit_generator.lock.release
        self._bitgen = <bitgen_t *>PyCapsule_GetPointer(
            rng.bit_generator.capsule, "BitGenerator"
        )
        self._d = len(kinds)
        self._kinds = kinds.astype(np.int8)
        self._low = low
        self._high = high
        self._n_pos = self._n_neg = self._n_idle = 0
        self._idents = np.full(size, NOBODY, np.intp)
        self._violations = np.zeros(size)
        self._values = np.zeros(size)
        self._hashes = np.zeros(size, np.uint64)
        self._positive = np.zeros(size, np.intp)
        self._negative = np.zeros(size, np.intp)
        self._connect(Pairs(self._d, size, most_changes))
        self._hold([np.zeros(self._d) for _ in range(size)])

    def __dealloc__(self):
        PyMem_Free(self._rows)

    cdef int _connect(self, Pairs pairs) except -1:
        self._pairs = pairs
        self._chosen = pairs.chosen
        self._old = pairs.old
        self._new = pairs.new
        pairs.rows = self._rows
        return 0

    cdef int _hold(self, rows) except -1:
        """Take arrays as the rows of the slots."""
        cdef Py_ssize_t slot
        if self._rows == NULL:
            self._rows = <double **>PyMem_Calloc(len(rows), sizeof(double *))
            if self._rows == NULL:
                raise MemoryError
            self._pairs.rows = self._rows
        self._arrays = [frozen(row) for row in rows]
        for slot in range(len(rows)):
            self._rows[slot] = data_of(self._arrays[slot])
        return 0

    def insert(
        self,
        row,
        Py_ssize_t ident,
        double violation,
        double value,
        move=None,
        bint stable=False,
        bint overwrite=False,
    ):
        """Offer an evaluated point to the sets: 1 positive, 0 negative, -1 neither."""
        cdef Py_ssize_t slot, place, i, loser, displaced
        cdef bint full = self._n_pos + self._n_neg == self.size
        cdef bint failed = violation == INFINITY
        cdef bint barred = False
        cdef bint positives_failed
        if type(row) is tuple:
            if move is None or len(row) != len(move) - 1 or move[0] not in self:
                raise ValueError("values need a move of as many columns from a member")
        elif len(row) != self._d:
            raise ValueError(f"row must have {self._d} columns, got {len(row)}")
        if move is not None:
            self._check(move)
        self._n_idle += 1
        if self._n_pos == 0 or less(
            violation,
            value,
            self._violations[self._positive[0]],
            self._values[self._positive[0]],
        ):
            self._n_idle = 0
        place = 0
        if self._n_pos > 0:
            positives_failed = self._violations[self._positive[0]] == INFINITY
            if positives_failed and not failed:
                for i in range(self._n_pos):
                    self._negative[self._n_neg + i] = self._positive[i]
                self._n_neg += self._n_pos
                self._n_pos = 0
            place = self._n_pos
            if positives_failed or not failed:
                place = self._place(violation, value, stable or not full)
            barred = failed and not positives_failed

        if not barred and self._n_pos < self.positive_size:
            if full:
                slot = self._drop_negative(self._worst_negative())
            else:
                slot = self._n_pos + self._n_neg
            self._insert_positive(place, slot)
            self._write(slot, row, ident, violation, value, move, True, overwrite)
            return 1
        if not barred and place < self._n_pos:
            self._n_pos -= 1
            displaced = self._positive[self._n_pos]
            slot = displaced
            if not full:
                slot = self._n_pos + 1 + self._n_neg
                self._negative[self._n_neg] = displaced
                self._n_neg += 1
            else:
                loser = self._loser(self._violations[displaced], self._values[displaced])
                if loser >= 0:
                    slot = self._negative[loser]
                    self._negative[loser] = displaced
            self._insert_positive(place, slot)
            self._write(slot, row, ident, violation, value, move, True, overwrite)
            return 1
        if not full:
            slot = self._n_pos + self._n_neg
            self._negative[self._n_neg] = slot
            self._n_neg += 1
            self._write(slot, row, ident, violation, value, move, False, overwrite)
            return 0
        loser = self._loser(violation, value)
        if loser < 0:
            return -1
        self._write(self._negative[loser], row, ident, violation, value, move, False, overwrite)
        return 0

    cdef int _check(self, move) except -1:
        cdef Py_ssize_t i, k, n = len(move)
        if not 1 <= n <= self._chosen.shape[0] + 1:
            raise ValueError(
                f"move must name a parent and at most {self._chosen.shape[0]} columns: {move}"
            )
        for i in range(1, n):
            k = move[i]
            if not 0 <= k < self._d:
                raise ValueError(f"move must name columns below {self._d}, got {k}")
        return 0

    def __contains__(self, Py_ssize_t ident):
        return self._slot_of(ident) >= 0

    cdef Py_ssize_t _slot_of(self, Py_ssize_t ident) noexcept nogil:
        cdef Py_ssize_t slot
        for slot in range(self._n_pos + self._n_neg):
            if self._idents[slot] == ident:
                return slot
        return -1

    def row(self, Py_ssize_t ident):
        """Return the row of a member, read-only. It does not change as long as it is held."""
        cdef Py_ssize_t slot = self._slot_of(ident)
        if slot < 0:
            raise ValueError(f"no member has the ident {ident}")
        return self._arrays[slot]

    def rank(self, Py_ssize_t ident):
        """Return violation and value of a member."""
        cdef Py_ssize_t slot = self._slot_of(ident)
        if slot < 0:
            raise ValueError(f"no member has the ident {ident}")
        return self._violations[slot], self._values[slot]

    def positive_idents(self):
        """Return the idents of the positive set, best first."""
        cdef Py_ssize_t i
        return [self._idents[self._positive[i]] for i in range(self._n_pos)]

    def worst_positive(self):
        """Return violation and value of the worst positive; None if there is none."""
        cdef Py_ssize_t slot
        if self._n_pos == 0:
            return None
        slot = self._positive[self._n_pos - 1]
        return self._violations[slot], self._values[slot]

    def revalue(self, Py_ssize_t ident, double value):
        """Give a positive another value, and rank it anew, behind its equals."""
        cdef Py_ssize_t i, slot = -1
        for i in range(self._n_pos):
            if self._idents[self._positive[i]] == ident:
                slot = self._positive[i]
                break
        if slot < 0:
            raise ValueError(f"no positive has the ident {ident}")
        self._n_pos -= 1
        for i in range(i, self._n_pos):
            self._positive[i] = self._positive[i + 1]
        self._values[slot] = value
        self._insert_positive(self._place(self._violations[slot], value, True), slot)

    def positives(self):
        """Return the positive set, best first."""
        cdef Py_ssize_t i
        return [self._member(self._positive[i]) for i in range(self._n_pos)]

    def negatives(self):
        """Return the negative set, in no particular order."""
        cdef Py_ssize_t i
        return [self._member(self._negative[i]) for i in range(self._n_neg)]

    cdef object _member(self, Py_ssize_t slot):
        row = self._arrays[slot].copy()
        return Member(self._idents[slot], row, self._violations[slot], self._values[slot])

    cdef Py_ssize_t _place(
        self, double violation, double value, bint after_equals
    ) noexcept nogil:
        cdef Py_ssize_t i, slot
        cdef double v, f
        for i in range(self._n_pos):
            slot = self._positive[i]
            v = self._violations[slot]
            f = self._values[slot]
            if less(violation, value, v, f):
                return i
            if not after_equals and v == violation and f == value:
                return i
        return self._n_pos

    cdef void _insert_positive(self, Py_ssize_t place, Py_ssize_t slot) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self._n_pos, place, -1):
            self._positive[i] = self._positive[i - 1]
        self._positive[place] = slot
        self._n_pos += 1

    cdef Py_ssize_t _worst_negative(self) noexcept nogil:
        cdef Py_ssize_t i, a, worst = 0
        cdef Py_ssize_t b = self._negative[0]
        for i in range(1, self._n_neg):
            a = self._negative[i]
            if less(
                self._violations[b], self._values[b], self._violations[a], self._values[a]
            ):
                worst = i
                b = a
        return worst

    cdef Py_ssize_t _drop_negative(self, Py_ssize_t index) noexcept nogil:
        cdef Py_ssize_t i, slot = self._negative[index]
        self._n_neg -= 1
        for i in range(index, self._n_neg):
            self._negative[i] = self._negative[i + 1]
        return slot

    cdef Py_ssize_t _loser(self, double violation, double value) except -2:
        """Return the index of the negative that a newcomer replaces; -1 for none."""
        cdef Py_ssize_t worst, slot
        if self._n_neg == 0:
            return -1
        if self._strategy == RR:
            self._acquire()
            try:
                return <Py_ssize_t>(random(self._bitgen) * self._n_neg)
            finally:
                self._release()
        if self._strategy == LM:
            return self._farthest_negative()
        worst = self._worst_negative()
        slot = self._negative[worst]
        if less(violation, value, self._violations[slot], self._values[slot]):
            return worst
        return -1

    cdef Py_ssize_t _farthest_negative(self) noexcept nogil:
        cdef Py_ssize_t i, k, slot, farthest = 0
        cdef Py_ssize_t best = self._negative[0]
        cdef double distance, gap, reach = -1.0
        for i in range(1, self._n_neg):
            slot = self._negative[i]
            if less(
                self._violations[slot],
                self._values[slot],
                self._violations[best],
                self._values[best],
            ):
                best = slot
        for i in range(self._n_neg):
            slot = self._negative[i]
            distance = 0.0
            for k in range(self._d):
                gap = self._rows[slot][k] - self._rows[best][k]
                if gap != 0.0:
                    if self._kinds[k] == UNORDERED:
                        distance += 1.0
                    else:
                        gap = gap / (self._high[k] - self._low[k])
                        distance += gap * gap
            if distance > reach:
                farthest = i
                reach = distance
        return farthest

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
    ) except -1:
        """Put a point into a slot, and derive its pairs from those of its parent if possible."""
        cdef Py_ssize_t n_slots = self._n_pos + self._n_neg
        cdef Py_ssize_t parent = -1 if move is None else self._slot_of(move[0])
        cdef Py_ssize_t n_changed = 0
        cdef Py_ssize_t i, k, other
        cdef uint64_t code
        cdef const double[::1] whole
        if type(row) is not tuple:
            whole = row  # acquired here, so that a point that is not inserted costs less
        if parent < 0:
            with nogil:
                self._hashes[slot] = hash_of(whole)
            if not self._adopt(slot, row):
                self._copy_to(slot, &whole[0] if self._d > 0 else self._rows[slot])
            for other in range(n_slots):
                self._pairs.counts[slot, other] = self._pairs.counts[other, slot] = UNKNOWN
        else:
            n_changed = len(move) - 1
            code = self._hashes[parent]
            for i in range(n_changed):
                k = move[i + 1]
                self._chosen[i] = k
                self._old[i] = self._rows[parent][k]
                self._new[i] = row[i] if type(row) is tuple else whole[k]
                code += mix(k, self._new[i]) - mix(k, self._old[i])
            self._hashes[slot] = code if code != 0 else 1
            if not self._adopt(slot, row):
                self._write_child(parent, slot, n_changed, overwrite)
            with nogil:
                self._derive_pairs(parent, slot, n_changed, positive)
        self._idents[slot] = ident
        self._violations[slot] = violation
        self._values[slot] = value
        return 0

    cdef bint _adopt(self, Py_ssize_t slot, row) except -1:
        """Take an array as the row of a slot; False if other code can write to it."""
        cdef PyObject *array = <PyObject *>row
        if (
            not PyArray_Check(row)
            or PyArray_CHKFLAGS(array, NPY_ARRAY_WRITEABLE)
            or not PyArray_CHKFLAGS(array, NPY_ARRAY_OWNDATA)
        ):
            return False
        self._arrays[slot] = row
        self._rows[slot] = data_of(row)
        return True

    cdef int _copy_to(self, Py_ssize_t slot, const double *values) except -1:
        """Give a slot a new row with some values."""
        row = frozen(PyArray_SimpleNew(1, &self._d, NPY_DOUBLE))
        memcpy(data_of(row), values, self._d * sizeof(double))
        self._rows[slot] = data_of(row)
        self._arrays[slot] = row
        return 0

    cdef int _write_child(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t n_changed, bint overwrite
    ) except -1:
        """Write the child of a member; _chosen and _new hold its changes."""
        cdef Py_ssize_t i, k, count
        if not overwrite or self._is_held(slot):
            self._copy_to(slot, self._rows[parent])
        elif parent != slot:
            count = self._pairs.counts[parent, slot]
            if count >= 0 and self._idents[slot] != NOBODY:
                for i in range(count):
                    k = self._pairs.lists[index_of(parent, slot), i]
                    self._rows[slot][k] = self._rows[parent][k]
            else:
                memcpy(self._rows[slot], self._rows[parent], self._d * sizeof(double))
        for i in range(n_changed):
            self._rows[slot][self._chosen[i]] = self._new[i]
        return 0

    cdef bint _is_held(self, Py_ssize_t slot) noexcept:
        """Return whether other code holds the row of a slot; if so, it must not change."""
        return Py_REFCNT(PyList_GET_ITEM(<PyObject *>self._arrays, slot)) > 1

    cdef void _derive_pairs(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t n_changed, bint positive
    ) noexcept nogil:
        """Derive the pairs of a child; _chosen, _old and _new hold its changes."""
        cdef Py_ssize_t i, j, other
        for j in range(self._n_pos + self._n_neg):
            for i in range(max(0, n_changed - LATEST), n_changed):
                prefetch(&self._rows[j][self._chosen[i]])
        for i in range(self._n_pos):
            if self._positive[i] != slot:
                self._pairs.derive(parent, slot, self._positive[i], n_changed)
        for i in range(self._n_neg):
            other = self._negative[i]
            if positive:
                self._pairs.derive(parent, slot, other, n_changed)
            elif other != slot:  # two negatives are never compared
                self._pairs.counts[slot, other] = self._pairs.counts[other, slot] = UNKNOWN

    def __reduce__(self):
        raise TypeError("Members are pickled by a subclass")

    cdef tuple _members_state(self):
        """Return the state of the members for a pickle."""
        return (
            self._n_pos,
            self._n_neg,
            self._n_idle,
            self._pairs,
            np.stack(self._arrays),
            np.array(self._idents),
            np.array(self._violations),
            np.array(self._values),
            np.array(self._hashes),
            np.array(self._positive),
            np.array(self._negative),
        )

    cdef int _restore_members(self, tuple state) except -1:
        cdef Pairs pairs
        self._n_pos, self._n_neg, self._n_idle, pairs, rows, *columns = state
        self._connect(pairs)
        self._hold([row.copy() for row in rows])
        (
            self._idents,
            self._violations,
            self._values,
            self._hashes,
            self._positive,
            self._negative,
        ) = columns
        return 0
