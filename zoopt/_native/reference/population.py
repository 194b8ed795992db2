"""The population of a RACOS solver: its members, and the proposals drawn from them.

Owns the randomized coordinate shrinking that learns a region around one positive, and sampling in
that region: steps 2 and 3 in the notes of `zoopt.SRacos`.

Source: Yu, Qian, Hu, "Derivative-free optimization via classification", AAAI 2016 (RACOS): its
randomized coordinate shrinking classification algorithm.
"""

import math
from typing import Final

import numpy as np

from zoopt._native.reference.codes import MASK, MEMORY, mix, row_hash
from zoopt._native.reference.columns import (
    LOG_INTEGER,
    ORDERED,
    UNORDERED,
    Conditions,
    Indices,
    Move,
    Row,
    Values,
    code_of,
    number_at,
)
from zoopt._native.reference.members import Members
from zoopt._native.reference.pairs import DENSE, list_capacity
from zoopt._native.reference.seen import SeenPoints

__all__ = ["Population"]

#: If all points drawn were seen before: number of draws in one region before another region is
#: learned, and number of regions before a point is drawn from the whole space.
TRIES_PER_REGION: Final = 10
REGIONS: Final = 10

#: If the columns to redraw have at most this many outcomes, the second draw in a region is uniform
#: among the unseen outcomes.
FEW_OUTCOMES: Final = 64


class Population(Members):
    """The positive and negative sets of a RACOS solver, and the proposals drawn from them.

    Parameters
    ----------
    kinds : intp array, shape (d,)
        Kind of each column.
    low, high : float64 arrays, shape (d,)
        Bounds of each column, both included, ``low < high``.
    positive_size, negative_size : int
        Largest size of each set; at least 1 and at least 0.
    uncertain_bits : int
        Largest number of coordinates that a proposal redraws, at least 1.
    exploration_rate : float in [0, 1]
        Probability that a proposal is uniform in the whole space.
    replacement : {"WR", "RR", "LM"}
        Which negative a newcomer replaces: the worst if it is worse than the newcomer, a
        random one, or the one farthest from the best negative.
    rng : numpy.random.Generator
        The only source of random numbers.
    n_points : float
        Size of the space; inf if a column is continuous.
    memory : int
        See `SeenPoints`; the members are remembered in any case.
    recombination_rate : float in [0, 1]
        Probability that a proposal mixes a positive with another member instead, once ``size``
        insertions in a row have not improved the best. Use it for columns without an order, or with
        two values. Members that differ in very many columns are not mixed.
    conditions : (intp array, float64 array), each of shape (d,), optional
        See `SeenPoints`. With conditions, members are not mixed.

    Raises
    ------
    ValueError
        If a size, the uncertain bits or the replacement is out of range, or the columns differ in
        length.
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
        conditions: Conditions | None = None,
    ) -> None:
        if conditions is not None and recombination_rate > 0.0:
            raise ValueError("members of a conditional space are not mixed")
        if uncertain_bits < 1:
            raise ValueError(f"uncertain_bits must be at least 1, got {uncertain_bits}")
        d = len(kinds)
        most_changes = uncertain_bits
        if recombination_rate > 0.0:
            most_changes = max(most_changes, list_capacity(d) + 1)
        most_changes = min(most_changes, d)
        if conditions is not None:
            most_changes = d  # a change of a choice changes its dependents, too
        self._seen = SeenPoints(kinds, low, high, rng, n_points, memory, conditions)
        self.conditions = self._seen.conditions
        columns = self._seen.columns
        super().__init__(
            columns.kinds,
            columns.low,
            columns.high,
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

    def propose(self, n_redrawn: int = 0, width: float = 1.0) -> tuple[Row, Move | None] | None:
        """Draw a new point: from a learned region, or uniform with the exploration rate.

        Parameters
        ----------
        n_redrawn : int
            Number of coordinates to redraw, at most ``uncertain_bits``; 0 stands for
            ``uncertain_bits``.
        width : float in (0, 1]
            Fraction of its range, centered at the parent, in which an ordered coordinate is
            redrawn. Whole numbers can always reach their neighbors.

        Returns
        -------
        (row, move) or None
            ``row`` is read-only and was never proposed or marked before. ``move`` is the ident of
            the parent, followed by the columns that differ from it, or None for a uniform point.
            The result is None if every point of a finite space was seen; no random number was
            drawn then.

        Raises
        ------
        ValueError
            If n_redrawn or width is out of range.
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
        """Draw as `propose` does, but return only the new values instead of the row.

        Parameters
        ----------
        n_redrawn, width
            See `propose`.

        Returns
        -------
        (values, move), (row, None) or None
            The new values of the columns that differ from the parent, and the move that names
            the parent and these columns; or a uniform point.

        Raises
        ------
        ValueError
            If n_redrawn or width is out of range.
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
                if self._pairs.compared(parent, other) != DENSE:
                    proposal = self._recombine(parent, other)
                    if proposal is not None:
                        return proposal
                    continue
            parent, low, high, fixed = self._shrink()
            n_wanted = n_redrawn or self.uncertain_bits
            if self.conditions is None:
                chosen = self._choose_columns(fixed, n_wanted)
            else:
                chosen = self._choose_active(parent, fixed, n_wanted)
            if width < 1.0:
                low, high = self._narrowed(parent, chosen, low, high, width)
            few = self._few_outcomes(chosen, low, high)
            for _ in range(TRIES_PER_REGION if few is None else 1):
                proposal = self._redraw(parent, chosen, low, high)
                if proposal is not None:
                    return proposal
            if few is not None:
                proposal = self._draw_unseen(parent, chosen, few)
                if proposal is not None:
                    return proposal
        return self._uniform_proposal()

    @property
    def _learned(self) -> bool:
        """Whether there is a successful evaluation to learn from."""
        return bool(self._positive) and self._violations[self._positive[0]] < math.inf

    def _uniform_proposal(self) -> tuple[Row, None] | None:
        row = self.uniform()
        return None if row is None else (row, None)

    @property
    def n_seen(self) -> int:
        """Number of points in memory; see `SeenPoints`."""
        return self._seen.n_seen

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
        """Add a hash to those seen; False if it was there already."""
        if not self._seen.codes.add(code):
            return False
        self._seen.forget(self._known_hashes)
        return True

    @property
    def _known_hashes(self) -> list[int]:
        return self._hashes[: len(self._positive) + len(self._negative)]

    def _draw(self, k: int, low: float, high: float) -> float:
        return self._seen.columns.draw(k, low, high, self.rng)

    def _shrink(self) -> tuple[int, dict[int, float], dict[int, float], list[int]]:
        """Shrink the space around a random positive until no negative is left inside: step 2.

        Returns
        -------
        positive : int
            Slot of the positive.
        low, high : dict of float
            The changed bounds, by column.
        fixed : list of int
            Unordered columns that must keep the value of the positive.
        """
        positive = self._positive[int(self.rng.random() * len(self._positive))]
        low: dict[int, float] = {}
        high: dict[int, float] = {}
        fixed: list[int] = []
        active = list(self._negative)
        for _ in range(len(active)):  # each turn excludes at least one
            if not active:
                break
            j = int(self.rng.random() * len(active))
            k = self._pairs.differing_column(positive, active[j], self.rng)
            if k < 0:  # the same point, which cannot be excluded
                active[j] = active[-1]
                active.pop()
                continue
            if self.conditions is not None:
                k = self._parting(positive, active[j], k)
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

    def _choose_columns(self, fixed: list[int], n_redrawn: int) -> list[int]:
        """Draw the columns to redraw, without replacement, among those that are not fixed."""
        d = len(self.kinds)
        if len(fixed) == d:
            fixed = fixed[:-1]  # at least one coordinate must change
        taken = set(fixed)
        n_wanted = min(n_redrawn, d - len(fixed))
        chosen: list[int] = []
        if 2 * (len(fixed) + n_wanted) <= d:  # at least half of the columns are free
            while len(chosen) < n_wanted:
                k = int(self.rng.random() * d)
                if k not in taken:
                    taken.add(k)
                    chosen.append(k)
            return chosen
        n_left = d - len(fixed)
        for k in range(d):  # selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S)
            if k in taken:
                continue
            if self.rng.random() * n_left < n_wanted - len(chosen):
                chosen.append(k)
                if len(chosen) == n_wanted:
                    break
            n_left -= 1
        return chosen

    def _parting(self, a: int, b: int, k: int) -> int:
        """Return the choice because of which two slots differ in column k; k if there is none."""
        here, there = self._rows[a], self._rows[b]
        ancestors = self._seen.columns.ancestors[k]
        return next((choice for choice in ancestors if here[choice] != there[choice]), k)

    def _choose_active(self, parent: int, fixed: list[int], n_redrawn: int) -> list[int]:
        """Draw the columns to redraw among those that are active in the parent and not fixed."""
        active = self._seen.columns.settled(self._rows[parent].tolist())
        free = [k for k, is_active in enumerate(active) if is_active and k not in fixed]
        if not free:
            free = fixed[-1:]  # at least one coordinate must change
        n_wanted = min(n_redrawn, len(free))
        chosen: list[int] = []
        for i, k in enumerate(free):  # selection sampling, as in _choose_columns
            if self.rng.random() * (len(free) - i) < n_wanted - len(chosen):
                chosen.append(k)
                if len(chosen) == n_wanted:
                    break
        return chosen

    def _narrowed(
        self,
        parent: int,
        chosen: list[int],
        low: dict[int, float],
        high: dict[int, float],
        width: float,
    ) -> tuple[dict[int, float], dict[int, float]]:
        """Narrow the bounds of the chosen columns to the width, but include neighbors."""
        left: dict[int, float] = {}
        right: dict[int, float] = {}
        for k in chosen:
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
        self, parent: int, chosen: list[int], low: dict[int, float], high: dict[int, float]
    ) -> tuple[Values, Move] | None:
        """Redraw the chosen columns of the parent, and return the point if it is new: step 3."""
        code = self._hashes[parent]
        changes: dict[int, float] = {}
        for k in chosen:
            here = float(self._rows[parent][k])
            if self.kinds[k] == UNORDERED:
                if len(chosen) == 1:  # the present value is excluded: it would repeat the parent
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
        if self.conditions is not None:
            code = self._take_along(parent, changes)
        if not changes or not self._remember(code or 1):
            return None
        return self._child(parent, changes)

    def _take_along(self, parent: int, changes: dict[int, float]) -> int:
        """Draw values for newly active columns, and reset newly inactive ones; return the hash."""
        columns, row = self._seen.columns, self._rows[parent].tolist()
        was_active = columns.settled(row)
        for k, value in changes.items():
            row[k] = value
        assert columns.conditions is not None
        parents, branches = columns.conditions
        active = [True] * len(row)
        code = self._hashes[parent]
        for k, choice in enumerate(parents.tolist()):
            if choice >= 0:
                active[k] = active[choice] and row[choice] == branches[k]
                if not active[k]:
                    row[k] = columns.first(k)
                elif not was_active[k]:
                    row[k] = self._draw(k, self.low[k], self.high[k])
            here = float(self._rows[parent][k])
            changes.pop(k, None)
            if row[k] != here:
                changes[k] = row[k]
                code = (code + mix(k, row[k]) - mix(k, here)) & MASK
        return code

    def _draw_two(self) -> tuple[int, int]:
        """Draw a positive and a member."""
        parent = self._positive[int(self.rng.random() * len(self._positive))]
        members = self._positive + self._negative
        return parent, members[int(self.rng.random() * len(members))]

    def _recombine(self, parent: int, other: int) -> tuple[Values, Move] | None:
        """Mix a positive with another member, and redraw one more column.

        If all negatives differ from the positive in the one column where the positive is wrong,
        shrinking nearly always fixes that column. A mixture can change it.
        """
        pair = self._pairs.compared(parent, other)
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
        self, chosen: list[int], low: dict[int, float], high: dict[int, float]
    ) -> list[tuple[float, int]] | None:
        """Return first value and number of values of each column; None if there are many."""
        outcomes: list[tuple[float, int]] = []
        for k in chosen:
            if self.conditions is not None and k in self.conditions[0]:
                return None  # its dependents change with it
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

    def _draw_unseen(
        self, parent: int, chosen: list[int], outcomes: list[tuple[float, int]]
    ) -> tuple[Values, Move] | None:
        """Draw uniformly among the unseen points that differ in the chosen columns only."""
        here = [float(self._rows[parent][k]) for k in chosen]
        codes = [self._hashes[parent]]
        for k, old, (first, count) in zip(chosen, here, outcomes, strict=True):
            steps = [mix(k, first + v) - mix(k, old) for v in range(count)]
            codes = [(code + step) & MASK for step in steps for code in codes]
        codes = [code or 1 for code in codes]
        unseen = [
            i
            for i, code in enumerate(codes)
            if code != self._hashes[parent] and code not in self._seen.codes
        ]
        if not unseen:
            return None
        rest = index = unseen[int(self.rng.random() * len(unseen))]
        changes: dict[int, float] = {}
        for k, old, (first, count) in zip(chosen, here, outcomes, strict=True):
            rest, v = divmod(rest, count)
            if first + v != old:
                changes[k] = first + v
        self._remember(codes[index])
        return self._child(parent, changes)

    def _child(self, parent: int, changes: dict[int, float]) -> tuple[Values, Move]:
        return tuple(changes.values()), (self._idents[parent], *changes)
