"""The kernels, compiled: `Population`, the twin of the class of that name in reference.py.

Read reference.py first. What differs here, and why:

A. State lives in C arrays of an extension type instead of arrays handed to functions: acquiring
   one memoryview takes about 0.1 us, a whole proposal at d = 10 about 0.7 us, and it would need a
   dozen. The type pickles.
B. The known points are tables of 64-bit hashes with open addressing, the present one and, in an
   infinite space, the one before it; 0 marks an empty place.
C. Differing columns of a pair of slots stand in one triangular array of lists, so that deriving a
   child's list from its parent's moves a few indices and allocates nothing.
D. A row that nobody can write is taken as it is, since copying is what many columns cost. A child
   given by its new values is written over a dropped member: the columns in which the two differ
   are copied where that list is known, and the whole row only where it is not.
E. A proposal is written straight into a new array through numpy's C interface, which takes 0.15 us
   less than `frombuffer` on a bytes object.
F. Random numbers come from `next_double` of the generator's own bit generator, under its lock,
   with the GIL released.
G. A row is a read-only array, written through its pointer while nobody else holds the array; a
   slot whose row was handed out gets another one. The twin makes a new row each time.
H. Of a million columns each is a miss of the cache: those that matter are fetched together, ahead
   of their use, or gathered in a loop of its own.
"""

cimport cython
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport fabs, floor, rint, INFINITY
from libc.stdint cimport int32_t, uint64_t
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
from zoopt._native.codes cimport Codes, add_code, add_to_present, hash_of, is_seen, mix
from zoopt._native.columns cimport (
    LOG_INTEGER,
    ORDERED,
    UNORDERED,
    bitgen_t,
    code_of,
    draw_value,
    number_at,
    random,
)
from zoopt._native.seen cimport SeenPoints

from zoopt._native.reference.codes import MEMORY
from zoopt._native.reference import population as reference
from zoopt._native.reference.population import REPLACEMENTS, list_capacity

__all__ = ["Population"]

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
    REDRAWS = 10
    FEW_OUTCOMES = 64
    REGIONS = 10
    DENSE_TRIES = 64
    LATEST = 64
    UNKNOWN = -2
    DENSE = -1
    TOO_FAR = -2
    SOME = -3  # minus n: the n latest of the columns that differ are listed

cdef Py_ssize_t MOST_LISTED = reference.MOST_LISTED

cdef enum:
    WR = 0
    RR = 1
    LM = 2

cdef Py_ssize_t NOBODY = -(<Py_ssize_t>1 << 62)


@cython.final
cdef class Population:
    """The positive and negative sets of a RACOS solver, and the proposals drawn from them.

    See ``zoopt._native.reference.Population``, which is the same in plain Python.
    """

    cdef readonly object kinds, low, high, replacement, rng
    cdef readonly Py_ssize_t positive_size, size, uncertain_bits, memory
    cdef readonly double exploration_rate, n_points, recombination_rate
    cdef object _acquire, _release
    cdef bitgen_t *_bitgen
    cdef Py_ssize_t _d, _capacity, _n_pos, _n_neg, _strategy
    cdef bint _outgrows  # whether pairs that outgrow their list keep the latest
    cdef const signed char[::1] _kinds  # narrow, to stay in the cache
    cdef const double[::1] _low
    cdef const double[::1] _high
    cdef double **_rows  # by slot, the data of _arrays
    cdef list _arrays
    cdef Py_ssize_t[::1] _idents
    cdef double[::1] _violations
    cdef double[::1] _values
    cdef uint64_t[::1] _hashes
    cdef Py_ssize_t[::1] _positive
    cdef Py_ssize_t[::1] _negative
    cdef Py_ssize_t[:, ::1] _counts
    cdef int32_t[:, ::1] _lists  # narrow, since they are copied at every insertion
    cdef SeenPoints _seen
    cdef Codes *_codes  # of _seen
    # The region of the present proposal; whole, but for the touched columns, between proposals.
    cdef double[::1] _left
    cdef double[::1] _right
    cdef Py_ssize_t[::1] _touched
    cdef signed char[::1] _taken
    cdef Py_ssize_t[::1] _fixed
    cdef Py_ssize_t[::1] _active
    cdef Py_ssize_t[::1] _labels
    cdef double[::1] _drawn
    cdef double[::1] _replaced
    cdef double[::1] _label_left
    cdef double[::1] _label_right
    cdef double[::1] _outcome_first
    cdef Py_ssize_t[::1] _outcome_count
    cdef Py_ssize_t _n_touched, _n_fixed, _n_labels, _n_redrawn
    cdef double _width
    cdef Py_ssize_t _n_idle

    def __init__(
        self,
        kinds,
        low,
        high,
        Py_ssize_t positive_size,
        Py_ssize_t negative_size,
        Py_ssize_t uncertain_bits,
        double exploration_rate,
        replacement,
        rng,
        double n_points=INFINITY,
        Py_ssize_t memory=MEMORY,
        double recombination_rate=0.0,
    ):
        cdef Py_ssize_t d = len(kinds)
        if positive_size < 1 or negative_size < 0 or uncertain_bits < 1:
            raise ValueError("positive_size and uncertain_bits must be >= 1, negative_size >= 0")
        if replacement not in REPLACEMENTS:
            raise ValueError(f"replacement must be one of {REPLACEMENTS}, got {replacement!r}")
        self._seen = SeenPoints(kinds, low, high, rng, n_points, memory)
        self._codes = &self._seen.codes
        self.kinds = self._seen.kinds
        self.low = self._seen.low
        self.high = self._seen.high
        self.positive_size = positive_size
        self.size = positive_size + negative_size
        self.uncertain_bits = uncertain_bits
        self.exploration_rate = exploration_rate
        self.replacement = replacement
        self.rng = rng
        self.n_points = n_points
        self.memory = memory
        self.recombination_rate = recombination_rate
        self._strategy = REPLACEMENTS.index(replacement)
        self._acquire = rng.bit_generator.lock.acquire
        self._release = rng.bit_generator.lock.release
        self._bitgen = <bitgen_t *>PyCapsule_GetPointer(
            rng.bit_generator.capsule, "BitGenerator"
        )
        self._d = d
        self._capacity = list_capacity(d)
        self._outgrows = d // 16 > MOST_LISTED
        self._n_pos = self._n_neg = 0
        self._kinds = self._seen._kinds
        self._low = self.low
        self._high = self.high
        cdef Py_ssize_t size = self.size
        cdef Py_ssize_t n_labels = uncertain_bits
        if recombination_rate > 0.0:
            n_labels = max(n_labels, self._capacity + 1)
        n_labels = min(n_labels, d)
        self._hold([np.zeros(d) for _ in range(size)])
        self._idents = np.full(size, NOBODY, np.intp)
        self._violations = np.zeros(size)
        self._values = np.zeros(size)
        self._hashes = np.zeros(size, np.uint64)
        self._positive = np.zeros(size, np.intp)
        self._negative = np.zeros(size, np.intp)
        self._counts = np.full((size, size), UNKNOWN, np.intp)
        self._lists = np.zeros((max(1, size * (size - 1) // 2), self._capacity), np.int32)
        self._left = self.low.copy()
        self._right = self.high.copy()
        self._touched = np.zeros(size, np.intp)
        self._taken = np.zeros(d, np.int8)
        self._fixed = np.zeros(size + 1, np.intp)
        self._active = np.zeros(size, np.intp)
        self._labels = np.zeros(n_labels, np.intp)
        self._drawn = np.zeros(n_labels)
        self._replaced = np.zeros(n_labels)
        self._label_left = np.zeros(n_labels)
        self._label_right = np.zeros(n_labels)
        self._outcome_first = np.zeros(n_labels)
        self._outcome_count = np.zeros(n_labels, np.intp)
        self._n_touched = self._n_fixed = self._n_labels = self._n_redrawn = 0
        self._n_idle = 0
        self._width = 1.0

    def __dealloc__(self):
        PyMem_Free(self._rows)

    cdef int _hold(self, rows) except -1:
        """Take arrays as the rows of the slots."""
        cdef Py_ssize_t slot
        if self._rows == NULL:
            self._rows = <double **>PyMem_Calloc(len(rows), sizeof(double *))
            if self._rows == NULL:
                raise MemoryError
        self._arrays = [frozen(row) for row in rows]
        for slot in range(len(rows)):
            self._rows[slot] = data_of(self._arrays[slot])
        return 0

    cdef int _take_over(self, Py_ssize_t slot, Py_ssize_t parent) except -1:
        """Make a slot's row the slot's alone before it is written; a new one is its parent's."""
        if Py_REFCNT(PyList_GET_ITEM(<PyObject *>self._arrays, slot)) == 1:
            return 0
        row = frozen(PyArray_SimpleNew(1, &self._d, NPY_DOUBLE))
        memcpy(data_of(row), self._rows[parent], self._d * sizeof(double))
        self._rows[slot] = data_of(row)
        self._arrays[slot] = row
        return 0

    # ---------------------------------------------------------------- proposals

    def propose(self, Py_ssize_t n_redrawn=0, double width=1.0):
        """Draw a new point: from a learned region, or uniform with the exploration rate."""
        cdef Py_ssize_t i, k, parent = self._draw_child(n_redrawn, width)
        cdef double *fresh
        if parent < 0:
            return self._uniform_proposal()
        row = PyArray_SimpleNew(1, &self._d, NPY_DOUBLE)
        fresh = data_of(row)
        memcpy(fresh, self._rows[parent], self._d * sizeof(double))
        if self._n_labels == 1:  # by far the commonest, and it always differs
            fresh[self._labels[0]] = self._drawn[0]
            return frozen(row), (self._idents[parent], self._labels[0])
        move = [self._idents[parent]]
        for i in range(self._n_labels):
            k = self._labels[i]
            if self._drawn[i] != fresh[k]:
                fresh[k] = self._drawn[i]
                move.append(k)
        return frozen(row), tuple(move)

    def step(self, Py_ssize_t n_redrawn=0, double width=1.0):
        """Draw what `propose` draws, with only the new values in place of the row."""
        cdef Py_ssize_t parent = self._draw_child(n_redrawn, width)
        if parent < 0:
            return self._uniform_proposal()
        move, values = self._changes(parent)
        return values, move

    cdef Py_ssize_t _draw_child(self, Py_ssize_t n_redrawn, double width) except -2:
        """Leave a new point in labels and drawn; return its parent, -1 for a uniform point."""
        cdef Py_ssize_t parent = -1
        if not 0 <= n_redrawn <= self.uncertain_bits:
            raise ValueError(
                f"n_redrawn must be from 0 to {self.uncertain_bits}, got {n_redrawn}"
            )
        if not 0.0 < width <= 1.0:
            raise ValueError(f"width must be above 0 and at most 1, got {width}")
        self._width = width
        self._n_redrawn = n_redrawn if n_redrawn > 0 else self.uncertain_bits
        if self._codes.n >= self.n_points:
            return -1
        self._acquire()
        try:
            with nogil:
                parent = self._propose()
        finally:
            self._release()
        if parent >= 0:
            self._forget_old()
        return parent

    cdef object _uniform_proposal(self):
        row = self.uniform()
        return None if row is None else (row, None)

    cdef object _changes(self, Py_ssize_t parent):
        """Return the move that labels and drawn hold, and its new values."""
        cdef Py_ssize_t i
        if self._n_labels == 1:
            return (self._idents[parent], self._labels[0]), (self._drawn[0],)
        columns = [self._idents[parent]]
        values = []
        for i in range(self._n_labels):
            if self._drawn[i] != self._rows[parent][self._labels[i]]:
                columns.append(self._labels[i])
                values.append(self._drawn[i])
        return tuple(columns), tuple(values)

    @property
    def n_seen(self):
        """How many distinct points are remembered: proposed or marked."""
        return self._codes.n

    def uniform(self):
        """Draw an unseen point uniformly from the whole space; see `SeenPoints.uniform`."""
        row = self._seen.draw()
        self._forget_old()
        return row

    def mark(self, const double[::1] row):
        """Remember a point, so that it is not proposed; False if it was seen before."""
        if row.shape[0] != self._d:
            raise ValueError(f"row must have {self._d} columns, got {row.shape[0]}")
        if not add_code(self._codes, hash_of(row)):
            return False
        self._forget_old()
        return True

    cdef int _forget_old(self) except -1:
        """Make room for the next point; the members are remembered in any case."""
        cdef Py_ssize_t i
        if self._seen.forget(self.size):
            for i in range(self._n_pos + self._n_neg):
                add_to_present(self._codes, self._hashes[i])
        return 0

    cdef double _random(self) noexcept nogil:
        return random(self._bitgen)

    cdef Py_ssize_t _propose(self) noexcept nogil:
        """Leave a new point in labels and drawn; return its parent, -1 for a uniform point."""
        cdef Py_ssize_t parent, i, _
        cdef bint found = False
        cdef bint few
        if self._n_pos == 0 or self._violations[self._positive[0]] == INFINITY:
            return -1
        if self._random() < self.exploration_rate:
            return -1
        for _ in range(REGIONS):
            if (
                self.recombination_rate > 0.0
                and self._n_idle > self.size
                and self._random() < self.recombination_rate
            ):
                parent = self._recombine()
                if parent >= 0:
                    return parent
                if parent != TOO_FAR:
                    continue
            parent = self._shrink()
            self._draw_labels()
            self._gather(parent)
            few = self._few_outcomes()
            for _ in range(1 if few else REDRAWS):
                found = self._redraw(parent)
                if found:
                    break
            if few and not found:
                found = self._draw_unknown(parent)
            for i in range(self._n_touched):
                self._left[self._touched[i]] = self._low[self._touched[i]]
                self._right[self._touched[i]] = self._high[self._touched[i]]
            if found:
                return parent
        return -1

    cdef inline double _draw(self, Py_ssize_t k, double low, double high) noexcept nogil:
        return draw_value(
            self._bitgen, self._kinds[k], low, high, self._low[k], self._high[k]
        )

    cdef Py_ssize_t _shrink(self) noexcept nogil:
        """Shrink the space around a random positive until no negative is left inside."""
        cdef Py_ssize_t positive = self._positive[<Py_ssize_t>(self._random() * self._n_pos)]
        cdef Py_ssize_t n_active = self._n_neg
        cdef Py_ssize_t _, i, j, k, kind, n_kept
        cdef double here, there, span, bound, value
        self._n_touched = 0
        self._n_fixed = 0
        for i in range(n_active):
            self._active[i] = self._negative[i]
        for _ in range(self._n_neg):  # each turn separates one negative at least
            if n_active == 0:
                break
            j = <Py_ssize_t>(self._random() * n_active)
            k = self._differing_column(positive, self._active[j])
            if k < 0:
                n_active -= 1
                self._active[j] = self._active[n_active]
                continue
            here = self._rows[positive][k]
            there = self._rows[self._active[j]][k]
            kind = self._kinds[k]
            n_kept = 0
            if kind == UNORDERED:
                self._fixed[self._n_fixed] = k
                self._n_fixed += 1
                for i in range(n_active):
                    if self._rows[self._active[i]][k] == here:
                        self._active[n_kept] = self._active[i]
                        n_kept += 1
                n_active = n_kept
                continue
            span = self._random() * fabs(there - here)
            if kind == ORDERED:
                span = floor(span)
            if here < there:
                bound = here + span
                if bound >= there:
                    bound = here
                if bound < self._right[k]:
                    self._right[k] = bound
            else:
                bound = here - span
                if bound <= there:
                    bound = here
                if bound > self._left[k]:
                    self._left[k] = bound
            self._touched[self._n_touched] = k
            self._n_touched += 1
            for i in range(n_active):
                value = self._rows[self._active[i]][k]
                if self._left[k] <= value and value <= self._right[k]:
                    self._active[n_kept] = self._active[i]
                    n_kept += 1
            n_active = n_kept
        return positive

    cdef Py_ssize_t _differing_column(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        """Draw a column in which two members differ, uniformly; -1 if they are equal."""
        cdef Py_ssize_t count = self._counts[a, b]
        cdef Py_ssize_t _, k, n_differing, wanted
        if count == UNKNOWN:
            count = self._scan(a, b)
        if count < SOME:
            count = SOME - count
        if count < 0:
            for _ in range(DENSE_TRIES):
                k = <Py_ssize_t>(self._random() * self._d)
                if self._rows[a][k] != self._rows[b][k]:
                    return k
            count = self._scan(a, b)
        if count == 0:
            return -1
        if count > 0:
            return self._lists[self._pair(a, b), <Py_ssize_t>(self._random() * count)]
        n_differing = 0
        for k in range(self._d):
            if self._rows[a][k] != self._rows[b][k]:
                n_differing += 1
        wanted = <Py_ssize_t>(self._random() * n_differing)
        for k in range(self._d):
            if self._rows[a][k] != self._rows[b][k]:
                if wanted == 0:
                    return k
                wanted -= 1
        return -1

    cdef inline Py_ssize_t _pair(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        return b * (b - 1) // 2 + a if a < b else a * (a - 1) // 2 + b

    cdef Py_ssize_t _scan(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        cdef Py_ssize_t pair = self._pair(a, b)
        cdef Py_ssize_t k, count = 0
        for k in range(self._d):
            if self._rows[a][k] != self._rows[b][k]:
                if count == self._capacity:
                    count = DENSE
                    break
                self._lists[pair, count] = k
                count += 1
        self._counts[a, b] = self._counts[b, a] = count
        return count

    cdef void _draw_labels(self) noexcept nogil:
        """Draw the columns to redraw, without replacement, among those that are not fixed."""
        cdef Py_ssize_t d = self._d
        cdef Py_ssize_t i, k, n_left, n_wanted
        if self._n_fixed == d:
            self._n_fixed -= 1
        for i in range(self._n_fixed):
            self._taken[self._fixed[i]] = 1
        n_wanted = min(self._n_redrawn, d - self._n_fixed)
        self._n_labels = 0
        if 2 * (self._n_fixed + n_wanted) <= d:
            while self._n_labels < n_wanted:
                k = <Py_ssize_t>(self._random() * d)
                if self._taken[k] == 0:
                    self._taken[k] = 1
                    self._labels[self._n_labels] = k
                    self._n_labels += 1
        else:
            n_left = d - self._n_fixed
            for k in range(d):
                if self._taken[k] != 0:
                    continue
                if self._random() * n_left < n_wanted - self._n_labels:
                    self._labels[self._n_labels] = k
                    self._n_labels += 1
                    if self._n_labels == n_wanted:
                        break
                n_left -= 1
        for i in range(self._n_fixed):
            self._taken[self._fixed[i]] = 0
        for i in range(self._n_labels):
            self._taken[self._labels[i]] = 0

    cdef void _gather(self, Py_ssize_t parent) noexcept nogil:
        """Put value and region of the labelled columns together: read alone they load faster."""
        cdef Py_ssize_t i, k
        for i in range(self._n_labels):
            k = self._labels[i]
            self._replaced[i] = self._rows[parent][k]
            self._label_left[i] = self._left[k]
            self._label_right[i] = self._right[k]
        if self._width < 1.0:
            self._narrow()

    cdef void _narrow(self) noexcept nogil:
        """Keep the labelled columns near the parent, but let neighbours of whole numbers in."""
        cdef Py_ssize_t i, k, kind
        cdef double here, reach, first, last, number
        for i in range(self._n_labels):
            k = self._labels[i]
            kind = self._kinds[k]
            if kind == UNORDERED:
                continue
            here = self._replaced[i]
            reach = 0.5 * self._width * (self._high[k] - self._low[k])
            if kind == ORDERED:
                reach = floor(reach)
                if reach < 1.0:
                    reach = 1.0
            first = here - reach
            last = here + reach
            if kind >= LOG_INTEGER:
                number = number_at(kind, here)
                first = min(first, code_of(kind, max(number - 1.0, 1.0)))
                last = max(last, code_of(kind, number + 1.0))
            if first > self._label_left[i]:
                self._label_left[i] = first
            if last < self._label_right[i]:
                self._label_right[i] = last

    cdef bint _redraw(self, Py_ssize_t parent) noexcept nogil:
        """Redraw the labelled columns; True, and the point remembered, if it is new."""
        cdef uint64_t code = self._hashes[parent]
        cdef bint changed = False
        cdef Py_ssize_t i, k
        cdef double here, value
        for i in range(self._n_labels):
            k = self._labels[i]
            here = self._replaced[i]
            if self._kinds[k] == UNORDERED:
                if self._n_labels == 1:
                    value = floor(self._random() * (self._high[k] - self._low[k]))
                    value = self._low[k] + value
                    if value > self._high[k] - 1.0:
                        value = self._high[k] - 1.0
                    if value >= here:
                        value += 1.0
                else:
                    value = self._draw(k, self._low[k], self._high[k])
            else:
                value = self._draw(k, self._label_left[i], self._label_right[i])
            self._drawn[i] = value
            if value != here:
                changed = True
                code += mix(k, value) - mix(k, here)
        return changed and add_code(self._codes, code if code != 0 else 1)

    cdef Py_ssize_t _recombine(self) noexcept nogil:
        """Leave a mixture of a positive and a member in labels and drawn; return the positive.

        -1 if it is known, or nothing was to be mixed; TOO_FAR if they differ too much.
        """
        cdef Py_ssize_t parent = self._positive[<Py_ssize_t>(self._random() * self._n_pos)]
        cdef Py_ssize_t i = <Py_ssize_t>(self._random() * (self._n_pos + self._n_neg))
        cdef Py_ssize_t other, k, pair, count, place
        cdef uint64_t code = self._hashes[parent]
        cdef bint changed = False
        cdef double here, value
        other = self._positive[i] if i < self._n_pos else self._negative[i - self._n_pos]
        if other == parent:
            return -1
        count = self._counts[parent, other]
        if count == UNKNOWN:
            count = self._scan(parent, other)
        if count < 0:
            return TOO_FAR
        if count < 2 or self._violations[other] == INFINITY:
            return -1
        pair = self._pair(parent, other)
        self._n_labels = 0
        for i in range(count):
            k = self._lists[pair, i]
            if self._random() < 0.5:
                self._labels[self._n_labels] = k
                self._drawn[self._n_labels] = self._rows[other][k]
                self._n_labels += 1
        k = <Py_ssize_t>(self._random() * self._d)
        place = 0
        while place < self._n_labels and self._labels[place] != k:
            place += 1
        here = self._rows[parent][k] if place == self._n_labels else self._drawn[place]
        value = self._low[k] + floor(self._random() * (self._high[k] - self._low[k]))
        if value > self._high[k] - 1.0:
            value = self._high[k] - 1.0
        if value >= here:
            value += 1.0
        if place == self._n_labels:
            self._labels[place] = k
            self._n_labels += 1
        self._drawn[place] = value
        for i in range(self._n_labels):
            k = self._labels[i]
            if self._drawn[i] != self._rows[parent][k]:
                changed = True
                code += mix(k, self._drawn[i]) - mix(k, self._rows[parent][k])
        if not changed or not add_code(self._codes, code if code != 0 else 1):
            return -1
        return parent

    cdef bint _few_outcomes(self) noexcept nogil:
        """Leave first value and number of values of each label, if the outcomes are few."""
        cdef Py_ssize_t i, k, kind, product = 1
        cdef double first, last
        for i in range(self._n_labels):
            k = self._labels[i]
            kind = self._kinds[k]
            if kind == ORDERED:
                first = self._label_left[i]
                last = self._label_right[i]
            elif kind == UNORDERED:
                first = self._low[k]
                last = self._high[k]
            else:
                return False
            if last - first >= FEW_OUTCOMES:
                return False
            self._outcome_first[i] = first
            self._outcome_count[i] = <Py_ssize_t>(last - first) + 1
            product *= self._outcome_count[i]
            if product > FEW_OUTCOMES:
                return False
        return True

    cdef bint _draw_unknown(self, Py_ssize_t parent) noexcept nogil:
        """Draw uniformly among the unknown points that redrawing the labels can give."""
        cdef uint64_t codes[FEW_OUTCOMES]
        cdef Py_ssize_t unknown[FEW_OUTCOMES]
        cdef uint64_t step, old
        cdef Py_ssize_t i, j, k, v, count
        cdef Py_ssize_t n = 1
        cdef Py_ssize_t n_unknown = 0
        codes[0] = self._hashes[parent]
        for i in range(self._n_labels):
            k = self._labels[i]
            old = mix(k, self._rows[parent][k])
            count = self._outcome_count[i]
            for v in range(count - 1, -1, -1):  # backwards, since the first n are the sources
                step = mix(k, self._outcome_first[i] + v) - old
                for j in range(n):
                    codes[v * n + j] = codes[j] + step
            n *= count
        for i in range(n):
            if codes[i] == 0:
                codes[i] = 1
            if codes[i] != self._hashes[parent] and not is_seen(self._codes, codes[i]):
                unknown[n_unknown] = i
                n_unknown += 1
        if n_unknown == 0:
            return False
        j = unknown[<Py_ssize_t>(self._random() * n_unknown)]
        add_code(self._codes, codes[j])
        for i in range(self._n_labels):
            self._drawn[i] = self._outcome_first[i] + j % self._outcome_count[i]
            j //= self._outcome_count[i]
        return True

    # ---------------------------------------------------------------- the sets

    def insert(
        self,
        row,
        Py_ssize_t ident,
        double violation,
        double value,
        move=None,
        bint stable=False,
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
        if self._n_pos == 0 or self._less(
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
            self._write(slot, row, ident, violation, value, move, True)
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
            self._write(slot, row, ident, violation, value, move, True)
            return 1
        if not full:
            slot = self._n_pos + self._n_neg
            self._negative[self._n_neg] = slot
            self._n_neg += 1
            self._write(slot, row, ident, violation, value, move, False)
            return 0
        loser = self._loser(violation, value)
        if loser < 0:
            return -1
        self._write(self._negative[loser], row, ident, violation, value, move, False)
        return 0

    cdef int _check(self, move) except -1:
        cdef Py_ssize_t i, k, n = len(move)
        if not 1 <= n <= self._labels.shape[0] + 1:
            raise ValueError(
                f"move must name a parent and at most {self._labels.shape[0]} columns: {move}"
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
        """Return the row of a member, read-only; it stays as it is while it is held."""
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
        """Return violation and value of the worst positive; None without any."""
        cdef Py_ssize_t slot
        if self._n_pos == 0:
            return None
        slot = self._positive[self._n_pos - 1]
        return self._violations[slot], self._values[slot]

    def revalue(self, Py_ssize_t ident, double value):
        """Give a positive another value, and its place by it, behind its equals."""
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
        """Return (ident, row, violation, value) of the positive set, best first."""
        cdef Py_ssize_t i
        return [self._member(self._positive[i]) for i in range(self._n_pos)]

    def negatives(self):
        """Return (ident, row, violation, value) of the negative set, in no order."""
        cdef Py_ssize_t i
        return [self._member(self._negative[i]) for i in range(self._n_neg)]

    cdef object _member(self, Py_ssize_t slot):
        row = self._arrays[slot].copy()
        return self._idents[slot], row, self._violations[slot], self._values[slot]

    cdef inline bint _less(self, double va, double fa, double vb, double fb) noexcept nogil:
        return va < vb or (va == vb and fa < fb)

    cdef Py_ssize_t _place(
        self, double violation, double value, bint after_equals
    ) noexcept nogil:
        cdef Py_ssize_t i, slot
        cdef double v, f
        for i in range(self._n_pos):
            slot = self._positive[i]
            v = self._violations[slot]
            f = self._values[slot]
            if self._less(violation, value, v, f):
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
            if self._less(
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
        """Return the index of the negative that gives way to a newcomer, -1 for none."""
        cdef Py_ssize_t worst, slot
        if self._n_neg == 0:
            return -1
        if self._strategy == RR:
            self._acquire()
            try:
                return <Py_ssize_t>(self._random() * self._n_neg)
            finally:
                self._release()
        if self._strategy == LM:
            return self._farthest_negative()
        worst = self._worst_negative()
        slot = self._negative[worst]
        if self._less(violation, value, self._violations[slot], self._values[slot]):
            return worst
        return -1

    cdef Py_ssize_t _farthest_negative(self) noexcept nogil:
        cdef Py_ssize_t i, k, slot, farthest = 0
        cdef Py_ssize_t best = self._negative[0]
        cdef double distance, gap, reach = -1.0
        for i in range(1, self._n_neg):
            slot = self._negative[i]
            if self._less(
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
    ) except -1:
        """Put a point into a slot, deriving its pairs from its parent's where they are known."""
        cdef Py_ssize_t n_slots = self._n_pos + self._n_neg
        cdef Py_ssize_t parent = -1 if move is None else self._slot_of(move[0])
        cdef Py_ssize_t n_changed = 0
        cdef Py_ssize_t i, k, other
        cdef uint64_t code
        cdef const double[::1] whole
        if type(row) is not tuple:
            whole = row  # acquired here, so that a point that enters nothing costs less
        if parent < 0:
            with nogil:
                self._hashes[slot] = hash_of(whole)
            if not self._adopt(slot, row):
                self._take_over(slot, slot)
                if self._d > 0:
                    memcpy(self._rows[slot], &whole[0], self._d * sizeof(double))
            for other in range(n_slots):
                self._counts[slot, other] = self._counts[other, slot] = UNKNOWN
        else:
            n_changed = len(move) - 1
            code = self._hashes[parent]
            for i in range(n_changed):
                k = move[i + 1]
                self._labels[i] = k
                self._replaced[i] = self._rows[parent][k]
                self._drawn[i] = row[i] if type(row) is tuple else whole[k]
                code += mix(k, self._drawn[i]) - mix(k, self._replaced[i])
            self._hashes[slot] = code if code != 0 else 1
            if not self._adopt(slot, row):
                self._take_over(slot, parent)
                self._change(parent, slot, n_changed)
            with nogil:
                self._derive_pairs(parent, slot, n_changed, positive)
        self._idents[slot] = ident
        self._violations[slot] = violation
        self._values[slot] = value
        return 0

    cdef bint _adopt(self, Py_ssize_t slot, row) except -1:
        """Take a row as the slot's; False if somebody may write it."""
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

    cdef void _change(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t n_changed
    ) noexcept nogil:
        """Write the child of a member; labels and drawn hold its changes."""
        cdef Py_ssize_t i, k, count
        if parent != slot:
            count = self._counts[parent, slot]
            if count >= 0 and self._idents[slot] != NOBODY:
                for i in range(count):
                    k = self._lists[self._pair(parent, slot), i]
                    self._rows[slot][k] = self._rows[parent][k]
            else:
                memcpy(self._rows[slot], self._rows[parent], self._d * sizeof(double))
        for i in range(n_changed):
            self._rows[slot][self._labels[i]] = self._drawn[i]

    cdef void _derive_pairs(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t n_changed, bint positive
    ) noexcept nogil:
        """Derive a child's pairs from its parent's; labels, replaced, drawn hold its changes."""
        cdef Py_ssize_t i, j, other
        for j in range(self._n_pos + self._n_neg):
            for i in range(max(0, n_changed - LATEST), n_changed):
                prefetch(&self._rows[j][self._labels[i]])
        for i in range(self._n_pos):
            if self._positive[i] != slot:
                self._derive_pair(parent, slot, self._positive[i], n_changed)
        for i in range(self._n_neg):
            other = self._negative[i]
            if positive:
                self._derive_pair(parent, slot, other, n_changed)
            elif other != slot:  # two negatives are never compared
                self._counts[slot, other] = self._counts[other, slot] = UNKNOWN

    cdef void _derive_pair(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t other, Py_ssize_t n_changed
    ) noexcept nogil:
        cdef Py_ssize_t pair = self._pair(slot, other)
        cdef Py_ssize_t source = self._pair(parent, other)
        cdef Py_ssize_t known = 0 if other == parent else self._counts[parent, other]
        cdef bint some = known <= SOME
        cdef Py_ssize_t i, j, k, kept, count
        cdef double here
        if known < 0 and not some:
            self._counts[slot, other] = self._counts[other, slot] = known
            return
        if n_changed > LATEST and self._outgrows and other != parent:
            count = self._list_latest(pair, other, n_changed)
            self._counts[slot, other] = self._counts[other, slot] = SOME - count
            return
        count = SOME - known if some else known
        if source != pair and count > 0:
            memcpy(&self._lists[pair, 0], &self._lists[source, 0], count * sizeof(int32_t))
        for i in range(n_changed):  # became equal
            k = self._labels[i]
            here = self._rows[other][k]
            if self._replaced[i] != here and self._drawn[i] == here:
                for j in range(count):
                    if self._lists[pair, j] == k:
                        count -= 1
                        for kept in range(j, count):
                            self._lists[pair, kept] = self._lists[pair, kept + 1]
                        break
        for i in range(n_changed):  # became other
            k = self._labels[i]
            here = self._rows[other][k]
            if self._replaced[i] == here and self._drawn[i] != here:
                if count == (LATEST if some else self._capacity):
                    if not some and not self._outgrows:
                        self._counts[slot, other] = self._counts[other, slot] = DENSE
                        return
                    count = self._keep_latest(pair, count)
                    some = True
                self._lists[pair, count] = k
                count += 1
        if some:
            count = SOME - count
        self._counts[slot, other] = self._counts[other, slot] = count

    cdef Py_ssize_t _list_latest(
        self, Py_ssize_t pair, Py_ssize_t other, Py_ssize_t n_changed
    ) noexcept nogil:
        """List the latest changes by which a child differs from a member; return how many."""
        cdef Py_ssize_t i, place = LATEST
        for i in range(n_changed - 1, -1, -1):
            if place == 0:
                break
            if self._drawn[i] != self._rows[other][self._labels[i]]:
                place -= 1
                self._lists[pair, place] = self._labels[i]
        for i in range(LATEST - place):
            self._lists[pair, i] = self._lists[pair, place + i]
        return LATEST - place

    cdef Py_ssize_t _keep_latest(self, Py_ssize_t pair, Py_ssize_t count) noexcept nogil:
        """Make room for one column more among the latest of a list; return how many are left."""
        cdef Py_ssize_t i
        for i in range(LATEST - 1):
            self._lists[pair, i] = self._lists[pair, count - LATEST + 1 + i]
        return LATEST - 1

    # ---------------------------------------------------------------- pickling

    def __reduce__(self):
        arguments = (
            self.kinds,
            self.low,
            self.high,
            self.positive_size,
            self.size - self.positive_size,
            self.uncertain_bits,
            self.exploration_rate,
            self.replacement,
            self.rng,
            self.n_points,
            self.memory,
            self.recombination_rate,
        )
        state = (
            self._n_pos,
            self._n_neg,
            self._n_idle,
            self._seen,
            (
                np.stack(self._arrays),
                np.asarray(self._idents),
                np.asarray(self._violations),
                np.asarray(self._values),
                np.asarray(self._hashes),
                np.asarray(self._positive),
                np.asarray(self._negative),
                np.asarray(self._counts),
                np.asarray(self._lists),
            ),
        )
        return Population, arguments, state

    def __setstate__(self, state):
        self._n_pos, self._n_neg, self._n_idle, self._seen, arrays = state
        self._codes = &self._seen.codes
        (
            rows,
            self._idents,
            self._violations,
            self._values,
            self._hashes,
            self._positive,
            self._negative,
            self._counts,
            self._lists,
        ) = (part.copy() for part in arrays)
        self._hold([row.copy() for row in rows])
