"""The columns in which members differ, compiled: the twin of reference/pairs.py.

Read that file first. What differs here, and why:

A. The lists of all pairs of slots stand in one triangular array. Deriving the list of a child from
   that of its parent moves a few indices and allocates nothing.
B. A count says what a list holds: all differing columns if it is at least 0, else `DENSE`,
   `UNKNOWN`, or ``LATEST_ONLY - n`` where the list holds the latest n columns.
"""

cimport cython
from libc.stdint cimport int32_t
from libc.string cimport memcpy

import numpy as np

from zoopt._native.columns cimport bitgen_t, random

from zoopt._native.reference import pairs as reference

__all__ = ["Pairs"]

cdef enum:
    DENSE_TRIES = 64


@cython.final
cdef class Pairs:
    """The columns in which any two members of a population differ.

    See ``zoopt._native.reference.pairs.Pairs``, which is the same in plain Python.
    """

    def __init__(self, Py_ssize_t d, Py_ssize_t size, Py_ssize_t most_chosen):
        self.d = d
        self.capacity = reference.list_capacity(d)
        self.keeps_latest = d // 16 > reference.MOST_LISTED
        self.counts = np.full((size, size), UNKNOWN, np.intp)
        self.lists = np.zeros((max(1, size * (size - 1) // 2), self.capacity), np.int32)
        self.chosen = np.zeros(most_chosen, np.intp)
        self.old = np.zeros(most_chosen)
        self.new = np.zeros(most_chosen)

    cdef Py_ssize_t differing_column(
        self, Py_ssize_t a, Py_ssize_t b, bitgen_t *bitgen
    ) noexcept nogil:
        """Draw a column in which two members differ, uniformly; -1 if they are equal."""
        cdef Py_ssize_t count = self.counts[a, b]
        cdef Py_ssize_t _, k, n_differing, wanted
        if count == UNKNOWN:
            count = self.scan(a, b)
        if count < LATEST_ONLY:
            count = LATEST_ONLY - count
        if count < 0:
            for _ in range(DENSE_TRIES):
                k = <Py_ssize_t>(random(bitgen) * self.d)
                if self.rows[a][k] != self.rows[b][k]:
                    return k
            count = self.scan(a, b)
        if count == 0:
            return -1
        if count > 0:
            return self.lists[index_of(a, b), <Py_ssize_t>(random(bitgen) * count)]
        n_differing = 0
        for k in range(self.d):
            if self.rows[a][k] != self.rows[b][k]:
                n_differing += 1
        wanted = <Py_ssize_t>(random(bitgen) * n_differing)
        for k in range(self.d):
            if self.rows[a][k] != self.rows[b][k]:
                if wanted == 0:
                    return k
                wanted -= 1
        return -1

    cdef Py_ssize_t scan(self, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
        cdef Py_ssize_t pair = index_of(a, b)
        cdef Py_ssize_t k, count = 0
        for k in range(self.d):
            if self.rows[a][k] != self.rows[b][k]:
                if count == self.capacity:
                    count = DENSE
                    break
                self.lists[pair, count] = k
                count += 1
        self.counts[a, b] = self.counts[b, a] = count
        return count

    cdef void derive(
        self, Py_ssize_t parent, Py_ssize_t slot, Py_ssize_t other, Py_ssize_t n_changed
    ) noexcept nogil:
        cdef Py_ssize_t pair = index_of(slot, other)
        cdef Py_ssize_t source = index_of(parent, other)
        cdef Py_ssize_t known = 0 if other == parent else self.counts[parent, other]
        cdef bint some = known <= LATEST_ONLY
        cdef Py_ssize_t i, j, k, kept, count
        cdef double here
        if known < 0 and not some:
            self.counts[slot, other] = self.counts[other, slot] = known
            return
        if n_changed > LATEST and self.keeps_latest and other != parent:
            count = self._list_latest(pair, other, n_changed)
            self.counts[slot, other] = self.counts[other, slot] = LATEST_ONLY - count
            return
        count = LATEST_ONLY - known if some else known
        if source != pair and count > 0:
            memcpy(&self.lists[pair, 0], &self.lists[source, 0], count * sizeof(int32_t))
        for i in range(n_changed):  # now equal
            k = self.chosen[i]
            here = self.rows[other][k]
            if self.old[i] != here and self.new[i] == here:
                for j in range(count):
                    if self.lists[pair, j] == k:
                        count -= 1
                        for kept in range(j, count):
                            self.lists[pair, kept] = self.lists[pair, kept + 1]
                        break
        for i in range(n_changed):  # now different
            k = self.chosen[i]
            here = self.rows[other][k]
            if self.old[i] == here and self.new[i] != here:
                if count == (LATEST if some else self.capacity):
                    if not some and not self.keeps_latest:
                        self.counts[slot, other] = self.counts[other, slot] = DENSE
                        return
                    count = self._keep_latest(pair, count)
                    some = True
                self.lists[pair, count] = k
                count += 1
        if some:
            count = LATEST_ONLY - count
        self.counts[slot, other] = self.counts[other, slot] = count

    cdef Py_ssize_t _list_latest(
        self, Py_ssize_t pair, Py_ssize_t other, Py_ssize_t n_changed
    ) noexcept nogil:
        """List the latest changes in which a child differs from a member; return their number."""
        cdef Py_ssize_t i, place = LATEST
        for i in range(n_changed - 1, -1, -1):
            if place == 0:
                break
            if self.new[i] != self.rows[other][self.chosen[i]]:
                place -= 1
                self.lists[pair, place] = self.chosen[i]
        for i in range(LATEST - place):
            self.lists[pair, i] = self.lists[pair, place + i]
        return LATEST - place

    cdef Py_ssize_t _keep_latest(self, Py_ssize_t pair, Py_ssize_t count) noexcept nogil:
        """Make room for one more column among the latest of a list; return the number left."""
        cdef Py_ssize_t i
        for i in range(LATEST - 1):
            self.lists[pair, i] = self.lists[pair, count - LATEST + 1 + i]
        return LATEST - 1

    def __reduce__(self):
        arguments = self.d, self.counts.shape[0], self.chosen.shape[0]
        return Pairs, arguments, (np.array(self.counts), np.array(self.lists))

    def __setstate__(self, state):
        self.counts, self.lists = state
