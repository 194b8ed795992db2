"""The population of a RACOS solver, compiled: the twin of reference/population.py.

Read that file first. What differs here, and why:

A. A proposal is written straight into a new array through numpy's C interface, which takes 0.15 us
   less than `frombuffer` on a bytes object.
B. Random numbers come from `next_double` of the generator's own bit generator, under its lock,
   with the GIL released.
C. The region of a proposal stands in two arrays of all columns. Between proposals they are the
   whole space; a proposal restores the columns that it touched.
D. With a million columns, each access misses the cache. The values and bounds of the columns to
   redraw are gathered in a separate loop, in which the misses overlap.
"""

cimport cython
from libc.math cimport fabs, floor, INFINITY
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

import numpy as np

from zoopt._native.arrays cimport (
    NPY_DOUBLE,
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
    code_of,
    draw_value,
    first_of,
    number_at,
    random,
)
from zoopt._native.members cimport Members
from zoopt._native.pairs cimport UNKNOWN, index_of
from zoopt._native.seen cimport SeenPoints

from zoopt._native.reference.codes import MEMORY
from zoopt._native.reference.pairs import list_capacity

__all__ = ["Population"]

_import_array()

cdef enum:
    TRIES_PER_REGION = 10
    FEW_OUTCOMES = 64
    REGIONS = 10
    TOO_FAR = -2


@cython.final
cdef class Population(Members):
    """The positive and negative sets of a RACOS solver, and the proposals drawn from them.

    See ``zoopt._native.reference.Population``, which is the same in plain Python.
    """

    cdef readonly Py_ssize_t uncertain_bits, memory
    cdef readonly double exploration_rate, n_points, recombination_rate
    cdef readonly object conditions
    cdef SeenPoints _seen
    cdef Codes *_codes  # of _seen
    # The region of the present proposal; between proposals, the whole space.
    cdef double[::1] _left
    cdef double[::1] _right
    cdef Py_ssize_t[::1] _touched
    cdef signed char[::1] _taken
    cdef Py_ssize_t[::1] _fixed
    cdef Py_ssize_t[::1] _active
    # Of the columns to redraw: bounds, first value and number of values.
    cdef double[::1] _chosen_left
    cdef double[::1] _chosen_right
    cdef double[::1] _outcome_first
    cdef Py_ssize_t[::1] _outcome_count
    cdef Py_ssize_t _n_touched, _n_fixed, _n_chosen, _n_redrawn
    cdef double _width
    # Conditions; the arrays are empty without them.
    cdef bint _is_conditional
    cdef const Py_ssize_t[::1] _parents
    cdef const double[::1] _branches
    cdef signed char[::1] _is_choice  # on which others depend
    cdef signed char[::1] _was_active  # in the parent
    cdef double[::1] _scratch
    cdef Py_ssize_t[::1] _picked  # columns to redraw; _chosen then holds all that change
    cdef Py_ssize_t[::1] _free
    cdef Py_ssize_t _n_picked

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
        conditions=None,
    ):
        cdef Py_ssize_t d = len(kinds)
        cdef Py_ssize_t most_changes = uncertain_bits
        if conditions is not None and recombination_rate > 0.0:
            raise ValueError("members of a conditional space are not mixed")
        if uncertain_bits < 1:
            raise ValueError(f"uncertain_bits must be at least 1, got {uncertain_bits}")
        if recombination_rate > 0.0:
            most_changes = max(most_changes, <Py_ssize_t>list_capacity(d) + 1)
        most_changes = min(most_changes, d)
        if conditions is not None:
            most_changes = d  # a change of a choice changes its dependents, too
        self._seen = SeenPoints(kinds, low, high, rng, n_points, memory, conditions)
        self.conditions = self._seen.conditions
        self._codes = &self._seen.codes
        super().__init__(
            self._seen.kinds,
            self._seen.low,
            self._seen.high,
            positive_size,
            negative_size,
            most_changes,
            replacement,
            rng,
        )
        self.uncertain_bits = uncertain_bits
        self.exploration_rate = exploration_rate
        self.n_points = n_points
        self.memory = memory
        self.recombination_rate = recombination_rate
        self._left = self.low.copy()
        self._right = self.high.copy()
        self._touched = np.zeros(self.size, np.intp)
        self._taken = np.zeros(d, np.int8)
        self._fixed = np.zeros(self.size + 1, np.intp)
        self._active = np.zeros(self.size, np.intp)
        self._chosen_left = np.zeros(most_changes)
        self._chosen_right = np.zeros(most_changes)
        self._outcome_first = np.zeros(most_changes)
        self._outcome_count = np.zeros(most_changes, np.intp)
        self._n_touched = self._n_fixed = self._n_chosen = self._n_redrawn = 0
        self._width = 1.0
        self._is_conditional = self._seen._is_conditional
        if self._is_conditional:
            self._parents, self._branches = self.conditions
            self._is_choice = np.zeros(d, np.int8)
            np.asarray(self._is_choice)[self.conditions[0][self.conditions[0] >= 0]] = 1
            self._was_active = np.zeros(d, np.int8)
            self._scratch = np.zeros(d)
            self._picked = np.zeros(d, np.intp)
            self._free = np.zeros(d, np.intp)

    def propose(self, Py_ssize_t n_redrawn=0, double width=1.0):
        """Draw a new point from a learned region or, with the exploration rate, from anywhere."""
        cdef Py_ssize_t i, k, parent = self._draw_child(n_redrawn, width)
        cdef double *fresh
        if parent < 0:
            return self._uniform_proposal()
        row = PyArray_SimpleNew(1, &self._d, NPY_DOUBLE)
        fresh = data_of(row)
        memcpy(fresh, self._rows[parent], self._d * sizeof(double))
        if self._n_chosen == 1:  # by far the most frequent case, and it always differs
            fresh[self._chosen[0]] = self._new[0]
            return frozen(row), (self._idents[parent], self._chosen[0])
        move = [self._idents[parent]]
        for i in range(self._n_chosen):
            k = self._chosen[i]
            if self._new[i] != fresh[k]:
                fresh[k] = self._new[i]
                move.append(k)
        return frozen(row), tuple(move)

    def step(self, Py_ssize_t n_redrawn=0, double width=1.0):
        """Draw as `propose` does, but return only the new values instead of the row."""
        cdef Py_ssize_t parent = self._draw_child(n_redrawn, width)
        if parent < 0:
            return self._uniform_proposal()
        move, values = self._changes(parent)
        return values, move

    cdef Py_ssize_t _draw_child(self, Py_ssize_t n_redrawn, double width) except -2:
        """Leave a new point in _chosen and _new; return its parent, or -1 for a uniform point."""
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
        """Return the move in _chosen, and the new values in _new."""
        cdef Py_ssize_t i
        if self._n_chosen == 1:
            return (self._idents[parent], self._chosen[0]), (self._new[0],)
        columns = [self._idents[parent]]
        values = []
        for i in range(self._n_chosen):
            if self._new[i] != self._rows[parent][self._chosen[i]]:
                columns.append(self._chosen[i])
                values.append(self._new[i])
        return tuple(columns), tuple(values)

    @property
    def n_seen(self):
        """Number of points in memory; see `SeenPoints`."""
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
        """Leave a new point in _chosen and _new; return its parent, or -1 for a uniform point."""
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
            if self._is_conditional:
                self._choose_active(parent)
            else:
                self._choose_columns()
            self._gather(parent)
            few = self._few_outcomes()
            for _ in range(1 if few else TRIES_PER_REGION):
                found = self._redraw(parent)
                if found:
                    break
            if few and not found:
                found = self._draw_unseen(parent)
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
        """Shrink the space around a random positive until no negative is left inside: step 2."""
        cdef Py_ssize_t positive = self._positive[<Py_ssize_t>(self._random() * self._n_pos)]
        cdef Py_ssize_t n_active = self._n_neg
        cdef Py_ssize_t _, i, j, k, kind, n_kept
        cdef double here, there, span, bound, value
        self._n_touched = 0
        self._n_fixed = 0
        for i in range(n_active):
            self._active[i] = self._negative[i]
        for _ in range(self._n_neg):  # each turn excludes at least one
            if n_active == 0:
                break
            j = <Py_ssize_t>(self._random() * n_active)
            k = self._pairs.differing_column(positive, self._active[j], self._bitgen)
            if k < 0:
                n_active -= 1
                self._active[j] = self._active[n_active]
                continue
            if self._is_conditional:
                k = self._parting(positive, self._active[j], k)
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

    cdef void _choose_columns(self) noexcept nogil:
        """Draw the columns to redraw, without replacement, among those that are not fixed."""
        cdef Py_ssize_t d = self._d
        cdef Py_ssize_t i, k, n_left, n_wanted
        if self._n_fixed == d:
            self._n_fixed -= 1
        for i in range(self._n_fixed):
            self._taken[self._fixed[i]] = 1
        n_wanted = min(self._n_redrawn, d - self._n_fixed)
        self._n_chosen = 0
        if 2 * (self._n_fixed + n_wanted) <= d:
            while self._n_chosen < n_wanted:
                k = <Py_ssize_t>(self._random() * d)
                if self._taken[k] == 0:
                    self._taken[k] = 1
                    self._chosen[self._n_chosen] = k
                    self._n_chosen += 1
        else:
            n_left = d - self._n_fixed
            for k in range(d):
                if self._taken[k] != 0:
                    continue
                if self._random() * n_left < n_wanted - self._n_chosen:
                    self._chosen[self._n_chosen] = k
                    self._n_chosen += 1
                    if self._n_chosen == n_wanted:
                        break
                n_left -= 1
        for i in range(self._n_fixed):
            self._taken[self._fixed[i]] = 0
        for i in range(self._n_chosen):
            self._taken[self._chosen[i]] = 0

    cdef Py_ssize_t _parting(self, Py_ssize_t a, Py_ssize_t b, Py_ssize_t k) noexcept nogil:
        """Return the choice because of which two slots differ in column k; k if there is none."""
        cdef Py_ssize_t found = k
        cdef Py_ssize_t choice = self._parents[k]
        while choice >= 0:
            if self._rows[a][choice] != self._rows[b][choice]:
                found = choice
            choice = self._parents[choice]
        return found

    cdef void _choose_active(self, Py_ssize_t parent) noexcept nogil:
        """Draw the columns to redraw among those that are active in the parent and not fixed."""
        cdef Py_ssize_t i, k, n_wanted
        cdef Py_ssize_t n_free = 0
        memcpy(&self._scratch[0], self._rows[parent], self._d * sizeof(double))
        self._seen.settle(&self._scratch[0])
        for k in range(self._d):
            self._was_active[k] = self._seen._is_active[k]
        for i in range(self._n_fixed):
            self._taken[self._fixed[i]] = 1
        for k in range(self._d):
            if self._was_active[k] and not self._taken[k]:
                self._free[n_free] = k
                n_free += 1
        for i in range(self._n_fixed):
            self._taken[self._fixed[i]] = 0
        if n_free == 0:
            self._free[0] = self._fixed[self._n_fixed - 1]
            n_free = 1
        n_wanted = min(self._n_redrawn, n_free)
        self._n_chosen = 0
        for i in range(n_free):
            if self._random() * (n_free - i) < n_wanted - self._n_chosen:
                self._chosen[self._n_chosen] = self._free[i]
                self._picked[self._n_chosen] = self._free[i]
                self._n_chosen += 1
                if self._n_chosen == n_wanted:
                    break
        self._n_picked = self._n_chosen

    cdef bint _take_along(self, Py_ssize_t parent) noexcept nogil:
        """Draw values for newly active columns, and reset newly inactive ones.

        True if the point is new; it is then remembered. Otherwise the picked columns remain.
        """
        cdef uint64_t code = self._hashes[parent]
        cdef Py_ssize_t i, k, choice
        cdef double *row = &self._scratch[0]
        cdef double here
        cdef signed char *active = &self._seen._is_active[0]
        memcpy(row, self._rows[parent], self._d * sizeof(double))
        for i in range(self._n_picked):
            row[self._picked[i]] = self._new[i]
        self._n_chosen = 0
        for k in range(self._d):
            choice = self._parents[k]
            if choice >= 0:
                active[k] = active[choice] and row[choice] == self._branches[k]
                if not active[k]:
                    row[k] = first_of(self._kinds[k], self._low[k])
                elif not self._was_active[k]:
                    row[k] = self._draw(k, self._low[k], self._high[k])
            here = self._rows[parent][k]
            if row[k] != here:
                self._chosen[self._n_chosen] = k
                self._n_chosen += 1
                code += mix(k, row[k]) - mix(k, here)
        if self._n_chosen > 0 and add_code(self._codes, code if code != 0 else 1):
            for i in range(self._n_chosen):
                self._old[i] = self._rows[parent][self._chosen[i]]
                self._new[i] = row[self._chosen[i]]
            return True
        self._n_chosen = self._n_picked
        for i in range(self._n_picked):
            self._chosen[i] = self._picked[i]
        return False

    cdef void _gather(self, Py_ssize_t parent) noexcept nogil:
        """Gather values and bounds of the chosen columns, so that the cache misses overlap."""
        cdef Py_ssize_t i, k
        for i in range(self._n_chosen):
            k = self._chosen[i]
            self._old[i] = self._rows[parent][k]
            self._chosen_left[i] = self._left[k]
            self._chosen_right[i] = self._right[k]
        if self._width < 1.0:
            self._narrow()

    cdef void _narrow(self) noexcept nogil:
        """Narrow the bounds of the chosen columns to the width, but include neighbors."""
        cdef Py_ssize_t i, k, kind
        cdef double here, reach, first, last, number
        for i in range(self._n_chosen):
            k = self._chosen[i]
            kind = self._kinds[k]
            if kind == UNORDERED:
                continue
            here = self._old[i]
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
            if first > self._chosen_left[i]:
                self._chosen_left[i] = first
            if last < self._chosen_right[i]:
                self._chosen_right[i] = last

    cdef bint _redraw(self, Py_ssize_t parent) noexcept nogil:
        """Redraw the chosen columns: step 3. True if the point is new; it is then remembered."""
        cdef uint64_t code = self._hashes[parent]
        cdef bint changed = False
        cdef Py_ssize_t i, k
        cdef double here, value
        for i in range(self._n_chosen):
            k = self._chosen[i]
            here = self._old[i]
            if self._kinds[k] == UNORDERED:
                if self._n_chosen == 1:
                    value = floor(self._random() * (self._high[k] - self._low[k]))
                    value = self._low[k] + value
                    if value > self._high[k] - 1.0:
                        value = self._high[k] - 1.0
                    if value >= here:
                        value += 1.0
                else:
                    value = self._draw(k, self._low[k], self._high[k])
            else:
                value = self._draw(k, self._chosen_left[i], self._chosen_right[i])
            self._new[i] = value
            if value != here:
                changed = True
                code += mix(k, value) - mix(k, here)
        if self._is_conditional:
            return self._take_along(parent)
        return changed and add_code(self._codes, code if code != 0 else 1)

    cdef Py_ssize_t _recombine(self) noexcept nogil:
        """Leave a mixture of a positive and a member in _chosen and _new; return the positive.

        -1 if the mixture is known or there is nothing to mix; TOO_FAR if they differ too much.
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
        count = self._pairs.counts[parent, other]
        if count == UNKNOWN:
            count = self._pairs.scan(parent, other)
        if count < 0:
            return TOO_FAR
        if count < 2 or self._violations[other] == INFINITY:
            return -1
        pair = index_of(parent, other)
        self._n_chosen = 0
        for i in range(count):
            k = self._pairs.lists[pair, i]
            if self._random() < 0.5:
                self._chosen[self._n_chosen] = k
                self._new[self._n_chosen] = self._rows[other][k]
                self._n_chosen += 1
        k = <Py_ssize_t>(self._random() * self._d)
        place = 0
        while place < self._n_chosen and self._chosen[place] != k:
            place += 1
        here = self._rows[parent][k] if place == self._n_chosen else self._new[place]
        value = self._low[k] + floor(self._random() * (self._high[k] - self._low[k]))
        if value > self._high[k] - 1.0:
            value = self._high[k] - 1.0
        if value >= here:
            value += 1.0
        if place == self._n_chosen:
            self._chosen[place] = k
            self._n_chosen += 1
        self._new[place] = value
        for i in range(self._n_chosen):
            k = self._chosen[i]
            if self._new[i] != self._rows[parent][k]:
                changed = True
                code += mix(k, self._new[i]) - mix(k, self._rows[parent][k])
        if not changed or not add_code(self._codes, code if code != 0 else 1):
            return -1
        return parent

    cdef bint _few_outcomes(self) noexcept nogil:
        """Leave first value and number of values of each column; False if there are many."""
        cdef Py_ssize_t i, k, kind, product = 1
        cdef double first, last
        for i in range(self._n_chosen):
            k = self._chosen[i]
            if self._is_conditional and self._is_choice[k]:
                return False  # its dependents change with it
            kind = self._kinds[k]
            if kind == ORDERED:
                first = self._chosen_left[i]
                last = self._chosen_right[i]
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

    cdef bint _draw_unseen(self, Py_ssize_t parent) noexcept nogil:
        """Draw uniformly among the unseen points that differ in the chosen columns only."""
        cdef uint64_t codes[FEW_OUTCOMES]
        cdef Py_ssize_t unseen[FEW_OUTCOMES]
        cdef uint64_t step, old
        cdef Py_ssize_t i, j, k, v, count
        cdef Py_ssize_t n = 1
        cdef Py_ssize_t n_unseen = 0
        codes[0] = self._hashes[parent]
        for i in range(self._n_chosen):
            k = self._chosen[i]
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
                unseen[n_unseen] = i
                n_unseen += 1
        if n_unseen == 0:
            return False
        j = unseen[<Py_ssize_t>(self._random() * n_unseen)]
        add_code(self._codes, codes[j])
        for i in range(self._n_chosen):
            self._new[i] = self._outcome_first[i] + j % self._outcome_count[i]
            j //= self._outcome_count[i]
        return True

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
            self.conditions,
        )
        return Population, arguments, (self._seen, self._members_state())

    def __setstate__(self, state):
        self._seen, members = state
        self._codes = &self._seen.codes
        self._restore_members(members)
