"""The kernels in plain Python, written to be read.

Owns the population of the RACOS family: the positive and negative sets, the randomized coordinate
shrinking that learns a region around one positive, sampling in that region, and distinctness. It
knows encoded rows of floats and nothing of user units, values of objectives beyond their order, or
budgets. ``kernels.pyx`` holds the same class compiled; both draw the same random numbers in the
same order and agree bit for bit.

Source: Yu, Qian, Hu, "Derivative-free optimization via classification", AAAI 2016 (RACOS); Hu,
Qian, Yu, "Sequential classification-based optimization for direct policy search", AAAI 2017
(SRACOS).
"""

import math
from typing import Any, Final

import numpy as np

from zoopt._native.reference.codes import MASK, MEMORY, mix, row_hash
from zoopt._native.reference.columns import (
    LOG_INTEGER,
    ORDERED,
    UNORDERED,
    Indices,
    Move,
    Row,
    Values,
    code_of,
    number_at,
)
from zoopt._native.reference.seen import SeenPoints

__all__ = ["NOBODY", "Population"]

REPLACEMENTS: Final = ("WR", "RR", "LM")

#: A proposal that repeats a known point is redrawn this often in one region, from this many
#: regions, and then in the whole space. Where the labelled columns have no more
#: outcomes than FEW_OUTCOMES, the second try in a region draws among its unknown ones.
REDRAWS: Final = 10
FEW_OUTCOMES: Final = 64
REGIONS: Final = 10

#: How often a coordinate is drawn blindly from a pair of points that mostly differ, before the
#: pair is scanned.
DENSE_TRIES: Final = 64

UNKNOWN: Final = -2
DENSE: Final = -1

#: Most columns that a pair lists. Where they are less than a sixteenth of all, blind draws would
#: seldom hit what differs: of pairs that outgrow the list these many are kept, the latest, and of
#: children by more changes no more are listed.
MOST_LISTED: Final = 1024
LATEST: Final = 64

NOBODY: Final = -(2**62)


def list_capacity(n_columns: int) -> int:
    """Return how many differing columns a pair of points lists before it counts as dense."""
    if n_columns <= 64:
        return n_columns
    return min(max(64, n_columns // 16), MOST_LISTED)


def _frozen(row: Row) -> Row:
    """Return a row that nobody can write: itself, or a copy."""
    if row.flags.owndata and not row.flags.writeable:
        return row
    row = row.copy()
    row.flags.writeable = False
    return row


class Latest(list[int]):
    """Some of the columns in which two members differ, oldest first."""


class Population:
    """The positive and negative sets of a RACOS solver, and the proposals drawn from them.

    Parameters
    ----------
    kinds : intp array, shape (d,)
        Kind of each column.
    low, high : float64 arrays, shape (d,)
        Bounds of each column, both included, ``low < high``.
    positive_size, negative_size : int
        Most members of each set; at least 1 and at least 0.
    uncertain_bits : int
        How many coordinates a proposal redraws, at least 1.
    exploration_rate : float in [0, 1]
        Probability that a proposal is uniform in the whole space.
    replacement : {"WR", "RR", "LM"}
        Which negative gives way to a newcomer: the worst if it is worse than the newcomer, a
        random one, or the one farthest from the best negative.
    rng : numpy.random.Generator
        The only source of random numbers.
    n_points : float
        Size of the space; inf if a column is continuous.
    memory : int
        How many points an infinite space remembers at least, beside the members; a finite one
        remembers all.
    recombination_rate : float in [0, 1]
        Probability that a proposal mixes a positive with another member instead, after as many
        insertions as there are members have not improved the best; for columns whose values have
        no order, or are two. Members that differ in very many columns are not mixed.

    Notes
    -----
    Members are ordered by violation, then value. A violation of 0 is feasible; an infinite one
    marks a failed evaluation, which is never positive while the sets know an ok point.
    """

    def __init__(
        self,
        kinds: Indices,
        low: Row,
        high: Row,
        positive_size: int,
        negative_size: int,
        uncertain_bits: int,
        exploration_rate: float,
        replacement: str,
        rng: np.random.Generator,
        n_points: float = math.inf,
        memory: int = MEMORY,
        recombination_rate: float = 0.0,
    ) -> None:
        d = len(kinds)
        if positive_size < 1 or negative_size < 0 or uncertain_bits < 1:
            raise ValueError("positive_size and uncertain_bits must be >= 1, negative_size >= 0")
        if replacement not in REPLACEMENTS:
            raise ValueError(f"replacement must be one of {REPLACEMENTS}, got {replacement!r}")
        self._seen = SeenPoints(kinds, low, high, rng, n_points, memory)
        self.kinds, self.low, self.high = self._seen.kinds, self._seen.low, self._seen.high
        self.positive_size = positive_size
        self.size = positive_size + negative_size
        self.uncertain_bits = uncertain_bits
        self.exploration_rate = exploration_rate
        self.replacement = replacement
        self.rng = rng
        self.n_points = n_points
        self.memory = memory
        self.recombination_rate = recombination_rate
        self._capacity = list_capacity(d)
        self._outgrows = d // 16 > MOST_LISTED  # whether pairs that do keep the latest
        self._n_idle = 0  # insertions since the best improved
        self._rows = [np.zeros(d) for _ in range(self.size)]
        self._idents = [NOBODY] * self.size
        self._violations = [0.0] * self.size
        self._values = [0.0] * self.size
        self._hashes = [0] * self.size
        self._positive: list[int] = []
        self._negative: list[int] = []
        # Differing columns of a pair of slots: a list, the Latest of them, DENSE or UNKNOWN.
        self._pairs: list[list[list[int] | int]] = [[UNKNOWN] * self.size for _ in range(self.size)]

    # ---------------------------------------------------------------- proposals

    @property
    def n_seen(self) -> int:
        """How many distinct points are known: proposed or marked."""
        return self._seen.n_seen

    def propose(self, n_redrawn: int = 0, width: float = 1.0) -> tuple[Row, Move | None] | None:
        """Draw a new point: from a learned region, or uniform with the exploration rate.

        Parameters
        ----------
        n_redrawn : int
            How many coordinates to redraw, ``uncertain_bits`` at most; that many if 0.
        width : float in (0, 1]
            Part of its range, around the parent, in which a coordinate with an order is redrawn.
            Whole numbers have their neighbours at least.

        Returns
        -------
        (row, move) or None
            A read-only row that was never proposed or marked before; ``move`` is the parent's
            ident followed by the columns that differ from it, None for a uniform point. None if
            every point of a finite space is known; no random number was drawn then.
        """
        proposal = self.step(n_redrawn, width)
        if proposal is None:
            return None
        values, move = proposal
        if move is None:
            return values, None  # type: ignore[return-value]
        row = self.row(move[0]).copy()
        row[list(move[1:])] = values
        row.flags.writeable = False
        return row, move

    def step(
        self, n_redrawn: int = 0, width: float = 1.0
    ) -> tuple[Row | Values, Move | None] | None:
        """Draw what `propose` draws, with only the new values in place of the row.

        Parameters
        ----------
        n_redrawn, width
            See `propose`.

        Returns
        -------
        (values, move), (row, None) or None
            The new values of the columns that differ from the parent, and the move that names
            both; or a uniform point.
        """
        if not 0 <= n_redrawn <= self.uncertain_bits:
            raise ValueError(f"n_redrawn must be from 0 to {self.uncertain_bits}, got {n_redrawn}")
        if not 0.0 < width <= 1.0:
            raise ValueError(f"width must be above 0 and at most 1, got {width}")
        if self._seen.exhausted:
            return None
        if not self._learned or self.rng.random() < self.exploration_rate:
            return self._uniform_proposal()
        for _ in range(REGIONS):
            if (
                self.recombination_rate > 0.0
                and self._n_idle > self.size
                and self.rng.random() < self.recombination_rate
            ):
                parent, other = self._draw_two()
                if self._pair(parent, other) != DENSE:
                    proposal = self._recombine(parent, other)
                    if proposal is not None:
                        return proposal
                    continue
            parent, low, high, fixed = self._shrink()
            labels = self._draw_labels(fixed, n_redrawn or self.uncertain_bits)
            if width < 1.0:
                low, high = self._narrowed(parent, labels, low, high, width)
            few = self._few_outcomes(labels, low, high)
            for _ in range(REDRAWS if few is None else 1):
                proposal = self._redraw(parent, labels, low, high)
                if proposal is not None:
                    return proposal
            if few is not None:
                proposal = self._draw_unknown(parent, labels, few)
                if proposal is not None:
                    return proposal
        return self._uniform_proposal()

    @property
    def _learned(self) -> bool:
        """Whether there is an ok point to learn from; failed ones say nothing of where to look."""
        return bool(self._positive) and self._violations[self._positive[0]] < math.inf

    def uniform(self) -> Row | None:
        """Draw an unseen point uniformly from the whole space; see `SeenPoints.uniform`."""
        row = self._seen.draw()
        self._seen.forget(self._known_hashes)
        return row

    def mark(self, row: Row) -> bool:
        """Remember a point, so that it is not proposed; False if it was seen before."""
        self._seen.columns.check(row)
        return self._remember(row_hash(row))

    def _remember(self, code: int) -> bool:
        """Add a hash to those seen; False if it was there."""
        if not self._seen.codes.add(code):
            return False
        self._seen.forget(self._known_hashes)
        return True

    @property
    def _known_hashes(self) -> list[int]:
        return self._hashes[: len(self._positive) + len(self._negative)]

    def _uniform_proposal(self) -> tuple[Row, None] | None:
        row = self.uniform()
        return None if row is None else (row, None)

    def _draw(self, k: int, low: float, high: float) -> float:
        return self._seen.columns.draw(k, low, high, self.rng)

    def _shrink(self) -> tuple[int, dict[int, float], dict[int, float], list[int]]:
        """Shrink the space around a random positive until no negative is left inside.

        This is the randomized coordinate shrinking of RACOS. Returns the positive's slot, the
        lowered and raised bounds by column, and the unordered columns that are fixed to the
        positive's value.
        """
        positive = self._positive[int(self.rng.random() * len(self._positive))]
        low: dict[int, float] = {}
        high: dict[int, float] = {}
        fixed: list[int] = []
        active = list(self._negative)
        for _ in range(len(active)):  # each turn separates one negative at least
            if not active:
                break
            j = int(self.rng.random() * len(active))
            k = self._differing_column(positive, active[j])
            if k < 0:  # the same point: nothing can separate the two
                active[j] = active[-1]
                active.pop()
                continue
            here = self._rows[positive][k]
            there = self._rows[active[j]][k]
            kind = self.kinds[k]
            if kind == UNORDERED:
                fixed.append(k)
                active = [slot for slot in active if self._rows[slot][k] == here]
                continue
            span = self.rng.random() * abs(there - here)
            if kind == ORDERED:
                span = math.floor(span)
            if here < there:
                bound = here + span
                if bound >= there:
                    bound = here
                high[k] = min(bound, high.get(k, self.high[k]))
            else:
                bound = here - span
                if bound <= there:
                    bound = here
                low[k] = max(bound, low.get(k, self.low[k]))
            left = low.get(k, self.low[k])
            right = high.get(k, self.high[k])
            active = [slot for slot in active if left <= self._rows[slot][k] <= right]
        return positive, low, high, fixed

    def _differing_column(self, a: int, b: int) -> int:
        """Draw a column in which two members differ, uniformly; -1 if they are equal."""
        pair = self._pairs[a][b]
        if pair == UNKNOWN:
            pair = self._scan(a, b)
        if isinstance(pair, Latest) and not pair:
            pair = DENSE
        if pair == DENSE:
            for _ in range(DENSE_TRIES):
                k = int(self.rng.random() * len(self.kinds))
                if self._rows[a][k] != self._rows[b][k]:
                    return k
            pair = self._scan(a, b)
        columns = np.flatnonzero(self._rows[a] != self._rows[b]) if pair == DENSE else pair
        if not len(columns):  # type: ignore[arg-type]
            return -1
        return int(columns[int(self.rng.random() * len(columns))])  # type: ignore[index,arg-type]

    def _scan(self, a: int, b: int) -> list[int] | int:
        columns = [int(k) for k in np.flatnonzero(self._rows[a] != self._rows[b])]
        return self._set_pair(a, b, DENSE if len(columns) > self._capacity else columns)

    def _set_pair(self, a: int, b: int, pair: list[int] | int) -> list[int] | int:
        self._pairs[a][b] = self._pairs[b][a] = pair
        return pair

    def _draw_labels(self, fixed: list[int], n_redrawn: int) -> list[int]:
        """Draw the columns to redraw, without replacement, among those that are not fixed."""
        d = len(self.kinds)
        if len(fixed) == d:
            fixed = fixed[:-1]  # one coordinate must be left to change
        taken = set(fixed)
        n_labels = min(n_redrawn, d - len(fixed))
        labels: list[int] = []
        if 2 * (len(fixed) + n_labels) <= d:
            while len(labels) < n_labels:
                k = int(self.rng.random() * d)
                if k not in taken:
                    taken.add(k)
                    labels.append(k)
            return labels
        n_left = d - len(fixed)
        for k in range(d):  # selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S)
            if k in taken:
                continue
            if self.rng.random() * n_left < n_labels - len(labels):
                labels.append(k)
                if len(labels) == n_labels:
                    break
            n_left -= 1
        return labels

    def _narrowed(
        self,
        parent: int,
        labels: list[int],
        low: dict[int, float],
        high: dict[int, float],
        width: float,
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Keep the labelled columns near the parent, but let neighbours of whole numbers in."""
        left: dict[int, float] = {}
        right: dict[int, float] = {}
        for k in labels:
            kind = self.kinds[k]
            if kind == UNORDERED:
                continue
            here = float(self._rows[parent][k])
            reach = 0.5 * width * float(self.high[k] - self.low[k])
            if kind == ORDERED:
                reach = max(1.0, math.floor(reach))
            first, last = here - reach, here + reach
            if kind >= LOG_INTEGER:
                number = number_at(int(kind), here)
                first = min(first, code_of(int(kind), max(number - 1.0, 1.0)))
                last = max(last, code_of(int(kind), number + 1.0))
            left[k] = max(first, low.get(k, float(self.low[k])))
            right[k] = min(last, high.get(k, float(self.high[k])))
        return left, right

    def _redraw(
        self, parent: int, labels: list[int], low: dict[int, float], high: dict[int, float]
    ) -> tuple[Values, Move] | None:
        """Redraw the labelled columns of the parent, and return the point if it is new."""
        code = self._hashes[parent]
        changes: dict[int, float] = {}
        for k in labels:
            here = float(self._rows[parent][k])
            if self.kinds[k] == UNORDERED:
                if len(labels) == 1:  # the present value is left out: it could only repeat
                    value = math.floor(self.rng.random() * (self.high[k] - self.low[k]))
                    value = min(self.low[k] + value, self.high[k] - 1.0)
                    value = float(value + 1.0 if value >= here else value)
                else:
                    value = self._draw(k, self.low[k], self.high[k])
            else:
                value = self._draw(k, low.get(k, self.low[k]), high.get(k, self.high[k]))
            if value != here:
                changes[k] = value
                code = (code + mix(k, value) - mix(k, here)) & MASK
        if not changes or not self._remember(code or 1):
            return None
        return self._child(parent, changes)

    def _draw_two(self) -> tuple[int, int]:
        """Draw a positive and a member."""
        parent = self._positive[int(self.rng.random() * len(self._positive))]
        members = self._positive + self._negative
        return parent, members[int(self.rng.random() * len(members))]

    def _pair(self, a: int, b: int) -> list[int] | int:
        """Return the columns in which two members differ, or DENSE."""
        if a == b:
            return []
        pair = self._pairs[a][b]
        if isinstance(pair, Latest):
            return DENSE
        return self._scan(a, b) if pair == UNKNOWN else pair

    def _recombine(self, parent: int, other: int) -> tuple[Values, Move] | None:
        """Mix a positive with another member, and redraw one column more.

        Where all members differ from a positive in the one column that it has wrong, and each in
        another, shrinking fixes that column nearly always: only a mixture, or nothing, changes it.
        """
        pair = self._pair(parent, other)
        if isinstance(pair, int) or len(pair) < 2 or self._violations[other] == math.inf:
            return None
        changes: dict[int, float] = {}
        for k in pair:
            if self.rng.random() < 0.5:
                changes[k] = float(self._rows[other][k])
        k = int(self.rng.random() * len(self.kinds))
        here = changes.get(k, float(self._rows[parent][k]))
        value = self.low[k] + math.floor(self.rng.random() * (self.high[k] - self.low[k]))
        value = min(value, self.high[k] - 1.0)
        changes[k] = float(value + 1.0 if value >= here else value)
        changes = {k: value for k, value in changes.items() if value != self._rows[parent][k]}
        code = self._hashes[parent]
        for k, value in changes.items():
            code = (code + mix(k, value) - mix(k, float(self._rows[parent][k]))) & MASK
        if not changes or not self._remember(code or 1):
            return None
        return self._child(parent, changes)

    def _few_outcomes(
        self, labels: list[int], low: dict[int, float], high: dict[int, float]
    ) -> list[tuple[float, int]] | None:
        """Return first value and number of values of each label; None if the outcomes are many."""
        outcomes: list[tuple[float, int]] = []
        for k in labels:
            if self.kinds[k] == ORDERED:
                first, last = low.get(k, self.low[k]), high.get(k, self.high[k])
            elif self.kinds[k] == UNORDERED:
                first, last = self.low[k], self.high[k]
            else:
                return None
            if last - first >= FEW_OUTCOMES:
                return None
            outcomes.append((float(first), int(last - first) + 1))
            if math.prod(count for _, count in outcomes) > FEW_OUTCOMES:
                return None
        return outcomes

    def _draw_unknown(
        self, parent: int, labels: list[int], outcomes: list[tuple[float, int]]
    ) -> tuple[Values, Move] | None:
        """Draw uniformly among the unknown points that redrawing the labels can give."""
        here = [float(self._rows[parent][k]) for k in labels]
        codes = [self._hashes[parent]]
        for k, old, (first, count) in zip(labels, here, outcomes, strict=True):
            steps = [mix(k, first + v) - mix(k, old) for v in range(count)]
            codes = [(code + step) & MASK for step in steps for code in codes]
        codes = [code or 1 for code in codes]
        unknown = [
            i
            for i, code in enumerate(codes)
            if code != self._hashes[parent] and code not in self._seen.codes
        ]
        if not unknown:
            return None
        rest = chosen = unknown[int(self.rng.random() * len(unknown))]
        changes: dict[int, float] = {}
        for k, old, (first, count) in zip(labels, here, outcomes, strict=True):
            rest, v = divmod(rest, count)
            if first + v != old:
                changes[k] = first + v
        self._remember(codes[chosen])
        return self._child(parent, changes)

    def _child(self, parent: int, changes: dict[int, float]) -> tuple[Values, Move]:
        return tuple(changes.values()), (self._idents[parent], *changes)

    # ---------------------------------------------------------------- the sets

    def insert(
        self,
        row: Row | Values,
        ident: int,
        violation: float,
        value: float,
        move: Move | None = None,
        stable: bool = False,
    ) -> int:
        """Offer an evaluated point to the sets.

        Parameters
        ----------
        row : float64 array, shape (d,), or tuple of float
            Whole, or the new values of the move, as `step` returned it.
        ident : int
            Names the point in the moves of its offspring.
        violation, value : float
            The order: by violation (0 feasible, inf failed), then value.
        move : tuple of int, optional
            As `propose` or `step` returned it: saves scanning the row. With new values only, its
            parent must be a member.
        stable : bool
            Put the point behind its equals instead of before them.

        Returns
        -------
        int
            1 if it entered the positive set, 0 if the negative set, -1 if neither.
        """
        if isinstance(row, tuple):
            if move is None or len(row) != len(move) - 1 or move[0] not in self:
                raise ValueError("values need a move of as many columns from a member")
        elif len(row) != len(self.kinds):
            raise ValueError(f"row must have {len(self.kinds)} columns, got {len(row)}")
        if move is not None:
            self._check(move)
        if isinstance(row, tuple):
            values, row = row, self.row(move[0]).copy()  # type: ignore[index]
            row[list(move[1:])] = values  # type: ignore[index]
        key = (violation, value)
        self._n_idle += 1
        if not self._positive or key < self._key(self._positive[0]):
            self._n_idle = 0
        full = len(self._positive) + len(self._negative) == self.size
        failed = violation == math.inf
        if self._positive:
            positives_failed = self._violations[self._positive[0]] == math.inf
            if positives_failed and not failed:
                self._negative += self._positive
                self._positive = []
            place = len(self._positive)
            if positives_failed or not failed:
                place = self._place(key, stable or not full)
            barred = failed and not positives_failed
        else:
            place, barred = 0, False

        if not barred and len(self._positive) < self.positive_size:
            slot = self._drop_negative(self._worst_negative()) if full else self._next_slot()
            self._positive.insert(place, slot)
            self._write(slot, row, ident, key, move, positive=True)
            return 1
        if not barred and place < len(self._positive):
            displaced = self._positive.pop()
            slot = self._offer(displaced, self._key(displaced), full)
            self._positive.insert(place, slot)
            self._write(slot, row, ident, key, move, positive=True)
            return 1
        if not full:
            slot = self._next_slot()
            self._negative.append(slot)
            self._write(slot, row, ident, key, move, positive=False)
            return 0
        loser = self._loser(row, key)
        if loser < 0:
            return -1
        self._write(self._negative[loser], row, ident, key, move, positive=False)
        return 0

    def _check(self, move: Move) -> None:
        n_columns = len(self.kinds)
        most = self.uncertain_bits
        if self.recombination_rate > 0.0:
            most = max(most, self._capacity + 1)
        if not 1 <= len(move) <= min(most, n_columns) + 1:
            raise ValueError(
                f"move must name a parent and at most {min(most, n_columns)} columns: {move}"
            )
        for k in move[1:]:
            if not 0 <= k < n_columns:
                raise ValueError(f"move must name columns below {n_columns}, got {k}")

    def __contains__(self, ident: int) -> bool:
        return ident in self._idents[: len(self._positive) + len(self._negative)]

    def row(self, ident: int) -> Row:
        """Return the row of a member, read-only; it stays as it is while it is held.

        Raises
        ------
        ValueError
            If there is no such member.
        """
        if ident not in self:
            raise ValueError(f"no member has the ident {ident}")
        return self._rows[self._idents.index(ident)]

    def rank(self, ident: int) -> tuple[float, float]:
        """Return violation and value of a member.

        Raises
        ------
        ValueError
            If there is no such member.
        """
        if ident not in self:
            raise ValueError(f"no member has the ident {ident}")
        return self._key(self._idents.index(ident))

    def positive_idents(self) -> list[int]:
        """Return the idents of the positive set, best first."""
        return [self._idents[slot] for slot in self._positive]

    def worst_positive(self) -> tuple[float, float] | None:
        """Return violation and value of the worst positive; None without any."""
        return self._key(self._positive[-1]) if self._positive else None

    def revalue(self, ident: int, value: float) -> None:
        """Give a positive another value, and its place by it, behind its equals.

        Raises
        ------
        ValueError
            If there is no such positive.
        """
        slot = next((slot for slot in self._positive if self._idents[slot] == ident), None)
        if slot is None:
            raise ValueError(f"no positive has the ident {ident}")
        self._positive.remove(slot)
        self._values[slot] = value
        self._positive.insert(self._place(self._key(slot), True), slot)

    def positives(self) -> list[tuple[int, Row, float, float]]:
        """Return (ident, row, violation, value) of the positive set, best first."""
        return [self._member(slot) for slot in self._positive]

    def negatives(self) -> list[tuple[int, Row, float, float]]:
        """Return (ident, row, violation, value) of the negative set, in no order."""
        return [self._member(slot) for slot in self._negative]

    def _member(self, slot: int) -> tuple[int, Row, float, float]:
        row = self._rows[slot].copy()
        return self._idents[slot], row, self._violations[slot], self._values[slot]

    def _key(self, slot: int) -> tuple[float, float]:
        return self._violations[slot], self._values[slot]

    def _place(self, key: tuple[float, float], after_equals: bool) -> int:
        for i, slot in enumerate(self._positive):
            other = self._key(slot)
            if other > key or (other == key and not after_equals):
                return i
        return len(self._positive)

    def _next_slot(self) -> int:
        return len(self._positive) + len(self._negative)

    def _worst_negative(self) -> int:
        worst = 0
        for i, slot in enumerate(self._negative):
            if self._key(slot) > self._key(self._negative[worst]):
                worst = i
        return worst

    def _drop_negative(self, index: int) -> int:
        """Remove a negative, keeping the order of the others; return its slot."""
        return self._negative.pop(index)

    def _offer(self, displaced: int, key: tuple[float, float], full: bool) -> int:
        """Move a displaced positive to the negatives; return the slot that became free."""
        if not full:
            slot = self._next_slot() + 1  # the displaced one is in neither list now
            self._negative.append(displaced)
            return slot
        loser = self._loser(self._rows[displaced], key)
        if loser < 0:
            return displaced
        slot = self._negative[loser]
        self._negative[loser] = displaced
        return slot

    def _loser(self, row: Row, key: tuple[float, float]) -> int:
        """Return the index of the negative that gives way to a newcomer, -1 for none."""
        if not self._negative:
            return -1
        if self.replacement == "RR":
            return int(self.rng.random() * len(self._negative))
        if self.replacement == "LM":
            return self._farthest_negative()
        worst = self._worst_negative()
        return worst if self._key(self._negative[worst]) > key else -1

    def _farthest_negative(self) -> int:
        best = min(self._negative, key=self._key)
        farthest, reach = 0, -1.0
        for i, slot in enumerate(self._negative):
            distance = 0.0
            for k in range(len(self.kinds)):
                gap = self._rows[slot][k] - self._rows[best][k]
                if gap != 0.0:
                    scaled = gap / (self.high[k] - self.low[k])
                    distance += 1.0 if self.kinds[k] == UNORDERED else float(scaled * scaled)
            if distance > reach:
                farthest, reach = i, distance
        return farthest

    def _write(
        self,
        slot: int,
        row: Row,
        ident: int,
        key: tuple[float, float],
        move: Move | None,
        positive: bool,
    ) -> None:
        """Put a point into a slot, deriving its pairs from its parent's where they are known."""
        n_slots = len(self._positive) + len(self._negative)
        parent = -1
        if move is not None:  # the parent may have been dropped since
            parent = next((i for i in range(n_slots) if self._idents[i] == move[0]), -1)
        changed = [] if move is None else list(move[1:])
        if parent < 0:
            self._hashes[slot] = row_hash(row)
            derived = {}
        else:
            code = self._hashes[parent]
            for k in changed:
                code += mix(k, float(row[k])) - mix(k, float(self._rows[parent][k]))
            self._hashes[slot] = (code & MASK) or 1
            derived = self._derive_pairs(parent, slot, row, changed, n_slots)
        self._rows[slot] = _frozen(row)
        self._idents[slot] = ident
        self._violations[slot], self._values[slot] = key
        positives = set(self._positive)
        for other in range(n_slots):
            if other != slot:
                needed = positive or other in positives
                self._set_pair(slot, other, derived.get(other, UNKNOWN) if needed else UNKNOWN)

    def _derive_pairs(
        self, parent: int, slot: int, row: Row, changed: list[int], n_slots: int
    ) -> dict[int, list[int] | int]:
        derived: dict[int, list[int] | int] = {}
        for other in range(n_slots):
            if other == slot:
                continue
            if other == parent:
                known: list[int] | int = []
            else:
                known = self._pairs[parent][other]
            if isinstance(known, int):
                derived[other] = known
                continue
            if len(changed) > LATEST and self._outgrows and other != parent:
                differing = [k for k in changed if row[k] != self._rows[other][k]]
                derived[other] = Latest(differing[-LATEST:])
                continue
            # Only what the move changed can have become equal, or other.
            columns = [k for k in known if k not in changed or row[k] != self._rows[other][k]]
            columns += [
                k for k in changed if self._rows[parent][k] == self._rows[other][k] != row[k]
            ]
            if not isinstance(known, Latest) and len(columns) <= self._capacity:
                derived[other] = columns
            else:
                derived[other] = Latest(columns[-LATEST:]) if self._outgrows else DENSE
        return derived

    # ---------------------------------------------------------------- pickling

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()
