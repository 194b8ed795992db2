"""Replacement: the rules of SRACOS for lists of solutions, which old classes have as methods."""

import math
import numbers
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zoopt.core.defaults import gl
from zoopt.core.evaluation import Evaluation

if TYPE_CHECKING:
    from zoopt.solution import Solution

__all__ = ["Replacement", "check_strategy"]


class Replacement:
    """The replacement rules of SRACOS for lists of `Solution`; a base class of the old classes.

    Values that are NaN or not numbers rank after all others.

    Examples
    --------
    >>> from zoopt import Solution
    >>> rules, members = Replacement(), [Solution([v], value=v) for v in (1.0, 2.0, 4.0)]
    >>> rules.binary_search(members, Solution([3.0], value=3.0), 0, 2)
    2
    >>> rules.replace(members, Solution([3.0], value=3.0), "pos").get_value()
    4.0
    >>> [member.get_value() for member in members]
    [1.0, 2.0, 3.0]
    """

    _replacement_rng: np.random.Generator | None = None

    def replace(
        self, iset: "list[Solution]", x: "Solution", iset_type: str, strategy: str = "WR"
    ) -> "Solution":
        """Replace a member of a set by a solution.

        Parameters
        ----------
        iset : list of Solution
            The set, which is changed in place. The positive set is sorted ascending.
        x : Solution
        iset_type : {"pos", "neg"}
        strategy : {"WR", "RR", "LM"}
            Replaces the worst member, a random one, or the one farthest from the best.

        Returns
        -------
        Solution
            The replaced member; x itself if it does not enter the set.

        Raises
        ------
        ValueError
            If ``strategy`` or ``iset_type`` is unknown.
        """
        if strategy == "WR":
            return self.strategy_wr(iset, x, iset_type)
        if strategy == "RR":
            return self.strategy_rr(iset, x)
        check_strategy(strategy)
        return self.strategy_lm(iset, min(iset, key=_rank), x)

    def binary_search(self, iset: "Sequence[Solution]", x: "Solution", begin: int, end: int) -> int:
        """Return the index at which x is inserted into ``iset[begin..end]``, sorted ascending.

        Parameters
        ----------
        iset : sequence of Solution
        x : Solution
        begin, end : int
            The first and the last index of the range, both included.

        Returns
        -------
        int
            ``begin`` if x is not worse than the first member, ``end + 1`` if it is not better than
            the last. Between equal members the place is that of ZOOpt 0.4.2.
        """
        key = _rank(x)
        while True:
            if key <= _rank(iset[begin]):
                return begin
            if key >= _rank(iset[end]):
                return end + 1
            if end == begin + 1:
                return end
            middle = (begin + end) // 2
            if key <= _rank(iset[middle]):
                end = middle
            else:
                begin = middle

    def strategy_wr(self, iset: "list[Solution]", x: "Solution", iset_type: str) -> "Solution":
        """Replace the worst member.

        Parameters
        ----------
        iset : list of Solution
        x : Solution
        iset_type : {"pos", "neg"}
            "pos" inserts x in order and removes the last member. "neg" replaces the worst member
            only if x is better.

        Returns
        -------
        Solution
            The replaced member; x itself if it does not enter the set.
        """
        if iset_type == "pos":
            iset.insert(self.binary_search(iset, x, 0, len(iset) - 1), x)
            return iset.pop()
        if iset_type != "neg":
            raise ValueError(f"iset_type must be 'pos' or 'neg', got {iset_type!r}")
        worst = max(range(len(iset)), key=lambda i: _rank(iset[i]))
        if _rank(iset[worst]) <= _rank(x):
            return x
        return _swap(iset, worst, x)

    def strategy_rr(self, iset: "list[Solution]", x: "Solution") -> "Solution":
        """Replace a random member, and return it."""
        if self._replacement_rng is None:
            self._replacement_rng = np.random.default_rng(gl.next_seed())
        return _swap(iset, int(self._replacement_rng.integers(len(iset))), x)

    def strategy_lm(
        self, iset: "list[Solution]", best_sol: "Solution", x: "Solution"
    ) -> "Solution":
        """Replace the member farthest from ``best_sol``, and return it."""
        center = best_sol.get_x()
        farthest = max(range(len(iset)), key=lambda i: self.distance(iset[i].get_x(), center))
        return _swap(iset, farthest, x)

    @staticmethod
    def distance(x: Iterable[Any], y: Iterable[Any]) -> float:
        """Return the Euclidean distance of two vectors.

        Coordinates that are not numbers differ by 0 if they are equal and by 1 otherwise.

        Parameters
        ----------
        x, y : iterable
            Vectors of the same length.

        Returns
        -------
        float
        """
        return math.sqrt(sum(_gap(a, b) ** 2 for a, b in zip(x, y, strict=True)))


def check_strategy(strategy: Any) -> None:
    """Refuse unknown strategies."""
    if strategy not in ("WR", "RR", "LM"):
        raise ValueError(f"strategy must be 'WR', 'RR' or 'LM', got {strategy!r}")


def _rank(solution: "Solution") -> tuple[bool, float]:
    """Return the sort key of a solution: NaN and values that are not numbers come last."""
    evaluation = Evaluation.of(solution.get_value())
    return (False, evaluation.value) if evaluation.ok else (True, 0.0)


def _swap(iset: "list[Solution]", index: int, x: "Solution") -> "Solution":
    displaced, iset[index] = iset[index], x
    return displaced


def _gap(a: Any, b: Any) -> float:
    if isinstance(a, (numbers.Real, np.bool_)) and isinstance(b, (numbers.Real, np.bool_)):
        return float(a) - float(b)
    return 0.0 if a is b or a == b else 1.0
