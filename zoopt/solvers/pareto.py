"""Pareto optimization over subsets: POSS, and PONSS for noisy objectives.

Owns the archive of nondominated subsets, the repeated evaluations, and the recommendation. POSS
with several candidates in flight is called PPOSS.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from zoopt._native import NOBODY, Archive
from zoopt.core.candidate import Candidate, PackedCandidate
from zoopt.core.checks import number, whole
from zoopt.core.evaluation import OK, Best, Evaluation
from zoopt.core.registry import register
from zoopt.core.repeats import RepeatedPoint
from zoopt.core.seeds import Seed
from zoopt.core.solver import Proposal, Proposer
from zoopt.core.space import Bits, Row, Space

__all__ = ["Ponss", "Poss"]

#: Largest number of subsets in the final comparison.
MAX_FINALISTS = 8


class Poss(Proposer):
    """Subset selection by Pareto optimization, for any number of candidates in flight.

    Minimizes the objective and maximizes the slack of the constraint at once. It keeps an archive
    of subsets, none of which is better than another in both, and mutates random members. The
    constraint may return any number, such as ``k - mask.sum()`` for at most k items, or a limit
    minus a sum of costs. A subset is feasible if this number is at least 0.

    Parameters
    ----------
    space : Space, or anything that `Space` takes
        Every dimension has two values, as in `Space.subsets`.
    budget, seed, x0
        See `zoopt.Solver`. The empty subset is evaluated after x0.
    isolation : callable, optional
        ``isolation(mask)`` returns the class of a subset, any hashable object. Only subsets of the
        same class are compared.

    Raises
    ------
    ValueError
        If a dimension has more than two values.
    TypeError
        If isolation is not callable.

    Notes
    -----
    With objective f and slack c, an iteration has these steps:

    1. Draw a member of the archive uniformly, and flip each of its n bits with probability 1/n, at
       least one of them.
    2. Evaluate the result s, unless it was evaluated before.
    3. Discard s if a member z of its class dominates it: ``f(z) <= f(s)`` and ``c(z) >= c(s)``, one
       of them strictly.
    4. Otherwise add s, and remove all members z of its class with ``f(s) <= f(z)`` and
       ``c(s) >= c(z)``.

    The paper's version sometimes flips no bit at all, may evaluate a subset more than once, and
    has no classes.

    References
    ----------
    C. Qian, Y. Yu, Z.-H. Zhou, "Subset selection by Pareto optimization", NIPS 2015. In parallel:
    C. Qian et al., "Parallel Pareto optimization for subset selection", IJCAI 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import Poss, Space
    >>> cost, gain = np.array([3, 5, 4, 7]), np.array([2, 4, 3, 6])
    >>> solver = Poss(Space.subsets(4), budget=16, seed=0)
    >>> for _ in range(16):
    ...     candidate = solver.ask()
    ...     mask = candidate.mask
    ...     slack = 10.0 - cost[mask].sum()
    ...     solver.tell(candidate, Evaluation(-float(gain[mask].sum()), violation=-slack))
    >>> solver.best.value
    -8.0
    """

    name = "poss"
    needs_constraint = True
    _make = PackedCandidate

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        isolation: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0)
        if not self.accepts(self.space):
            raise ValueError(f"{self.name} needs a space of bits, got {_shown(self.space)}")
        if isolation is not None and not callable(isolation):
            raise TypeError(f"isolation must be callable, got {isolation!r}")
        self.isolation = isolation
        self._classes: dict[Any, int] = {}
        self._archive = Archive(self.space.n_columns, self.rng, not self.repeats)
        self._began = False

    @classmethod
    def accepts(cls, space: Space) -> bool:
        return space.is_binary and space.tree is None

    @staticmethod
    def budget_for(n: int, k: int) -> int:
        """Return ``2 e k^2 n``, the expected budget of the guarantee in the paper.

        Parameters
        ----------
        n : int
            Number of items.
        k : int
            Largest number of items in a subset.

        Returns
        -------
        int

        Examples
        --------
        >>> Poss.budget_for(61, 8)
        21224
        """
        k = whole(k, "k", least=1)
        return math.floor(2 * math.e * k**2 * whole(n, "n", least=1))

    @property
    def front(self) -> list[Best]:
        """The subsets that no other of their class dominates, by increasing slack."""
        members = self._archive.members()
        ranked = sorted((slack, value, ident) for ident, value, slack, _ in members)
        return [self._member(ident, value, slack) for slack, value, ident in ranked]

    @property
    def positives(self) -> list[tuple[int, Row, float, float]]:
        """The archive: (id, row, violation, value)."""
        return [
            (best.candidate.id, best.candidate.u, best.evaluation.violation, best.value)
            for best in self.front
        ]

    def _member(self, ident: int, value: float, slack: float) -> Best:
        candidate = PackedCandidate(ident, self._archive.bits_of(ident), self.space)
        return Best(candidate, Evaluation(value, violation=-slack))

    # ------------------------------------------------------------- proposals

    def _propose(self) -> Proposal | None:
        while self._queue:
            bits = self._compact(self._queue.pop())
            if self._archive.mark(bits):
                return bits, None
        if not self._began:
            self._began = True
            bits = self._compact(self.space.low)
            if self._archive.mark(bits):
                self._archive.base = self.n_asked
                return bits, None
        return self._archive.propose()  # steps 1 and 2

    def _discard(self, candidate: Candidate) -> None:
        if candidate.id == self._archive.base:
            self._archive.base = NOBODY
        super()._discard(candidate)

    # ------------------------------------------------------------- outcomes

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        if evaluation.status == OK:
            group = 0 if self.isolation is None else self._class_of(candidate)
            self._enter(candidate, evaluation, group)

    def _observe_foreign(self, candidate: Candidate, evaluation: Evaluation) -> None:
        assert candidate.bits is not None
        self._archive.mark(candidate.bits)
        self._observe(candidate, evaluation)

    def _enter(self, candidate: Candidate, evaluation: Evaluation, group: int) -> None:
        """Offer a subset to the archive."""
        assert candidate.bits is not None
        self._archive.insert(  # steps 3 and 4
            candidate.bits, candidate.id, evaluation.value, -evaluation.violation, group
        )

    def _compact(self, row: Row) -> Bits:
        return self.space.pack(row)

    def _class_of(self, candidate: Candidate) -> int:
        assert self.isolation is not None
        label = self.isolation(candidate.mask)
        try:
            return self._classes.setdefault(label, len(self._classes))
        except TypeError:
            raise TypeError(f"isolation must return something hashable, got {label!r}") from None


def _shown(space: Space) -> str:
    text = repr(space)
    return text if len(text) <= 100 else text[:97] + "..."


class Ponss(Poss):
    """POSS for noisy objectives: compares with a margin, and evaluates rivals again.

    Up to ``b`` subsets of the same slack are kept side by side if their values differ by less than
    the margin. One more starts a knockout: these rivals are evaluated again in pairs, the better of
    each pair stays in the archive, and the last one left is removed. Outcomes of the same class
    wait for the end of the knockout. The last part of the planned budget evaluates the best
    feasible subsets again, and the subset with the least mean is recommended.

    Parameters
    ----------
    space, budget, seed, x0, isolation
        See `Poss`.
    theta : float, default 0
        Margin by which a value must be better to count, in units of the objective.
    b : int, default 8
        Largest number of subsets of the same slack.
    final_share : float in [0, 1), default 0.05
        Share of the planned budget for the final comparison.

    Raises
    ------
    ValueError
        If a dimension has more than two values, or an option is out of range.

    Notes
    -----
    Steps 1 and 2 are those of `Poss`. Then:

    3. Discard s if a member z of its class dominates it by theta: ``f(z) + theta < f(s)`` and
       ``c(z) >= c(s)``, or ``f(z) + theta <= f(s)`` and ``c(z) > c(s)``.
    4. Otherwise add s, and remove all members z of its class with ``f(s) + theta <= f(z)`` and
       ``c(s) >= c(z)``.
    5. If the class has more than b members of the slack of s, they are the rivals: pair them at
       random and evaluate both of each pair. The better of a pair stays in the archive; the others
       are paired again. Remove the last one.

    The paper plays the pairs of step 5 one after the other, and has no final comparison. Without
    it, the least of many noisy values would often belong to a lucky subset, not to a good one.

    References
    ----------
    C. Qian et al., "Subset selection under noise", NIPS 2017, with additive noise.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import Ponss, Space
    >>> noise = np.random.default_rng(0)
    >>> solver = Ponss(Space.subsets(10), budget=400, seed=0, theta=0.5, b=4)
    >>> for _ in range(400):
    ...     candidate = solver.ask()
    ...     chosen = np.flatnonzero(candidate.mask)
    ...     value = -float(chosen.sum()) + noise.normal(0, 0.3)
    ...     solver.tell(candidate, Evaluation(value, violation=len(chosen) - 3.0))
    >>> int(solver.recommend().candidate.mask.sum())
    3
    """

    name = "ponss"
    repeats = True

    def __init__(
        self,
        space: Space | Any,
        *,
        budget: int | None = None,
        seed: Seed = None,
        x0: Iterable[Any] = (),
        isolation: Callable[..., Any] | None = None,
        theta: float = 0.0,
        b: int = 8,
        final_share: float = 0.05,
    ) -> None:
        super().__init__(space, budget=budget, seed=seed, x0=x0, isolation=isolation)
        self.theta = number(theta, "theta", least=0.0, finite=True)
        self.b = whole(b, "b", least=1)
        self.final_share = number(final_share, "final_share", least=0.0)
        if self.final_share >= 1.0:
            raise ValueError(f"final_share must be below 1, got {final_share!r}")
        planned = self.planned_budget or 0
        self._n_final = math.floor(self.final_share * planned)
        self._knockouts: dict[int, _Knockout] = {}  # by class
        self._due: deque[_Rival] = deque()  # rivals to evaluate again
        self._rematches: dict[int, _Rival] = {}  # rivals in flight, by id
        self._held: dict[int, deque[tuple[Candidate, Evaluation]]] = {}  # by class
        self._finalists: list[RepeatedPoint] = []
        self._finals: dict[int, RepeatedPoint] = {}  # evaluations of finalists in flight, by id

    # ------------------------------------------------------------- proposals

    def _propose(self) -> Proposal | None:
        if self._due:
            rival = self._rematches[self.n_asked] = self._due.popleft()
            return self._archive.bits_of(rival.ident), (rival.ident,)
        is_end = self._is_at_the_end()
        if self._knockouts and (is_end or self._n_waiting() >= self.b):
            return None  # wait: the next proposals depend on how the knockouts end
        if is_end:
            finalist = self._next_finalist()
            if finalist is not None:
                self._finals[self.n_asked] = finalist
                finalist.n_asked += 1
                return finalist.candidate.bits, (finalist.candidate.id,)
        return super()._propose()

    def _is_at_the_end(self) -> bool:
        planned = self.planned_budget
        return planned is not None and planned - self._n_final <= self.n_asked < planned

    def _n_waiting(self) -> int:
        """Return the number of mutations that are in flight, or told and held back."""
        n_held = sum(map(len, self._held.values()))
        return n_held + len(self._in_flight) - len(self._rematches) - len(self._finals)

    def _next_finalist(self) -> RepeatedPoint | None:
        """Return the finalist asked least often; None if nothing feasible is known."""
        if not self._finalists:
            feasible = [best for best in self.front if best.evaluation.violation <= 0.0]
            for best in sorted(feasible, key=lambda best: best.value)[:MAX_FINALISTS]:
                finalist = RepeatedPoint(best.candidate, violation=best.evaluation.violation)
                self._finalists.append(finalist)
        return min(self._finalists, key=lambda finalist: finalist.n_asked, default=None)

    # ------------------------------------------------------------- outcomes

    def _observe(self, candidate: Candidate, evaluation: Evaluation) -> None:
        final = self._finals.pop(candidate.id, None)
        if final is not None:
            final.add(evaluation)
            return
        rematch = self._rematches.pop(candidate.id, None)
        if rematch is not None:
            self._settle(rematch, evaluation)
            return
        if not evaluation.ok:
            return
        group = 0 if self.isolation is None else self._class_of(candidate)
        if group in self._knockouts:
            self._held.setdefault(group, deque()).append((candidate, evaluation))
        else:
            self._enter(candidate, evaluation, group)

    def _enter(self, candidate: Candidate, evaluation: Evaluation, group: int) -> None:
        assert candidate.bits is not None
        slack = -evaluation.violation
        twin = self._archive.find(candidate.bits)
        if twin is not None:  # the archive is a set: the later value counts
            self._archive.remove(twin)
        is_member = self._archive.insert(  # steps 3 and 4
            candidate.bits, candidate.id, evaluation.value, slack, group, self.theta
        )
        if is_member:
            rivals = self._archive.level(slack, group)
            if len(rivals) > self.b:  # step 5
                self._knockouts[group] = _Knockout(rivals)
                self._draw_pairs(group)

    def _draw_pairs(self, group: int) -> None:
        """Pair the remaining rivals at random; if their number is odd, one of them sits out."""
        knockout = self._knockouts[group]
        order = knockout.rivals
        for i in range(len(order) - 1, 0, -1):  # Fisher and Yates
            j = int(self.rng.random() * (i + 1))
            order[i], order[j] = order[j], order[i]
        knockout.values = {}
        self._due.extend(_Rival(group, ident) for ident in order[: len(order) // 2 * 2])

    def _settle(self, rival: "_Rival", evaluation: Evaluation) -> None:
        """Take in the value of a rival; start the next round once this one is complete."""
        group, ident = rival
        knockout = self._knockouts[group]
        if evaluation.ok:
            self._archive.revalue(ident, evaluation.value)
        knockout.values[ident] = evaluation.value if evaluation.ok else math.inf
        order, values = knockout.rivals, knockout.values
        if len(values) < len(order) // 2 * 2:
            return
        pairs = zip(order[0::2], order[1::2], strict=False)
        winners = {a if values[a] <= values[b] else b for a, b in pairs}
        knockout.rivals = [ident for ident in order if ident not in winners]
        if len(knockout.rivals) > 1:
            self._draw_pairs(group)
            return
        self._archive.remove(knockout.rivals[0])
        del self._knockouts[group]
        held = self._held.pop(group, None)
        while held and group not in self._knockouts:
            self._enter(*held.popleft(), group)
        if held:
            self._held[group] = held

    @property
    def proven(self) -> Best | None:
        """The finalist with the lowest mean, once half of its final evaluations are reported.

        With ``final_share=0``, the feasible member of the archive with the least value.
        """
        if self._n_final == 0:
            return self._least_member()
        least = self._n_final // (2 * max(1, len(self._finalists)))
        finalists = [f for f in self._finalists if len(f.values) > least]
        if not finalists or self.n_asked > (self.planned_budget or 0):
            return None
        return min(finalists, key=lambda finalist: finalist.mean).best

    def _least_member(self) -> Best | None:
        feasible = [best for best in self.front if best.evaluation.violation <= 0.0]
        return min(feasible, key=lambda best: best.value, default=None)

    def recommend(self) -> Best | None:
        """Return the finalist with the least mean, or else the best feasible member.

        Returns
        -------
        Best or None
            A finalist has its standard error and number of calls. None if no feasible subset is
            known. Beyond the planned budget, the best feasible member of the archive.
        """
        return self.proven or self._least_member()


class _Rival(NamedTuple):
    """A member to evaluate again in the knockout of its class."""

    group: int
    ident: int


class _Knockout:
    """The comparison of members of one slack, one of which is removed.

    Attributes
    ----------
    rivals : list of int
        Ids of the members that have not won yet; neighbors form a pair.
    values : dict
        Values of this round, by id.
    """

    __slots__ = ("rivals", "values")

    def __init__(self, rivals: list[int]) -> None:
        self.rivals = rivals
        self.values: dict[int, float] = {}


register(Poss.name, Poss)
register(Ponss.name, Ponss)
