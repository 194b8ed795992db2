"""SRacosTune: the optimizer that Ray's ZOOptSearch drives, a thin adapter over `SRacos`.

Owns the old calls ``suggest`` and ``complete``, how many suggestions may be out at once, and which
of them are given up: its client never reports a failed trial. Also holds the replacement rules that
the old classes have as methods. Proposals and sets are the solver's; nothing here knows Ray.
"""

import math
import numbers
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.checks import whole
from zoopt.core.defaults import gl
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import FAILED, LOST, Evaluation
from zoopt.opt import solver_of
from zoopt.parameter import Parameter
from zoopt.problem.algorithm import space_of
from zoopt.solution import Solution
from zoopt.solvers.racos.racos import SRacos, default_uncertain_bits

__all__ = ["Replacement", "SRacosTune"]

FINISHED: Literal["FINISHED"] = "FINISHED"

#: How often a client that has several trials out is answered None in a row before it gets one more
#: suggestion than it should have; as often again for each it has too many.
PATIENCE = 3


class Replacement:
    """The replacement rules of SRACOS on lists of `Solution`, as methods of the old classes.

    A value that is NaN or no number ranks behind all others.

    Examples
    --------
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
        self, iset: list[Solution], x: Solution, iset_type: str, strategy: str = "WR"
    ) -> Solution:
        """Put a solution into a set in place of another.

        Parameters
        ----------
        iset : list of Solution
            Changed in place; sorted ascending if it is the positive set.
        x : Solution
        iset_type : {"pos", "neg"}
        strategy : {"WR", "RR", "LM"}
            The worst gives way, a random one, or the one farthest from the best.

        Returns
        -------
        Solution
            What was displaced; x itself if it did not enter.

        Raises
        ------
        ValueError
            If the strategy or the type is none of these.
        """
        if strategy == "WR":
            return self.strategy_wr(iset, x, iset_type)
        if strategy == "RR":
            return self.strategy_rr(iset, x)
        _check_strategy(strategy)
        return self.strategy_lm(iset, min(iset, key=_rank), x)

    def binary_search(self, iset: Sequence[Solution], x: Solution, begin: int, end: int) -> int:
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

    def strategy_wr(self, iset: list[Solution], x: Solution, iset_type: str) -> Solution:
        """Replace the worst: in order among the positives, if x is better among the negatives."""
        if iset_type == "pos":
            iset.insert(self.binary_search(iset, x, 0, len(iset) - 1), x)
            return iset.pop()
        if iset_type != "neg":
            raise ValueError(f"iset_type must be 'pos' or 'neg', got {iset_type!r}")
        worst = max(range(len(iset)), key=lambda i: _rank(iset[i]))
        if _rank(iset[worst]) <= _rank(x):
            return x
        return _swap(iset, worst, x)

    def strategy_rr(self, iset: list[Solution], x: Solution) -> Solution:
        """Replace a random member."""
        if self._replacement_rng is None:
            self._replacement_rng = np.random.default_rng(gl.next_seed())
        return _swap(iset, int(self._replacement_rng.integers(len(iset))), x)

    def strategy_lm(self, iset: list[Solution], best_sol: Solution, x: Solution) -> Solution:
        """Replace the member farthest from the best."""
        center = best_sol.get_x()
        farthest = max(range(len(iset)), key=lambda i: self.distance(iset[i].get_x(), center))
        return _swap(iset, farthest, x)

    @staticmethod
    def distance(x: Iterable[Any], y: Iterable[Any]) -> float:
        """Return the Euclidean distance; coordinates that are no numbers are 0 or 1 apart."""
        return math.sqrt(sum(_gap(a, b) ** 2 for a, b in zip(x, y, strict=True)))


class SRacosTune(Replacement):
    """Sequential or asynchronous SRACOS for Ray's ``ZOOptSearch``.

    Parameters
    ----------
    dimension : Dimension or Dimension2
    parameter : Parameter
        Gives the budget, which must be set, the sizes of the sets, ``init_samples``,
        ``exploration_rate``, ``uncertain_bits`` and ``seed``; the other settings are those of a run
        of `Opt.min` and have no meaning here.
    parallel_num : int
        How many suggestions may be out after the initial design.
    **kwargs
        Ignored with a UserWarning.

    Attributes
    ----------
    init_num : int
        Suggestions made before the initial design was complete.
    complete_num : int
        Results taken in.
    live_num : int
        Suggestions that are out: neither completed nor given up.
    semaphore : int
        0 while the initial design is out and its results are awaited, otherwise 1.
    ub : int
        Coordinates that one suggestion redraws.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type, the budget is not set, or an initial point lies outside
        the space; named.

    Notes
    -----
    The client completes the trials that succeed and never mentions those that fail, so what is out
    may be running or over. A suggestion is given up when ``parallel_num`` newer ones were completed
    since; its place is free then, and a late result is taken in all the same. That needs newer
    ones, therefore no limit is final: a client that seems to have one trial out at a time is over
    with it when it asks again, and any other gets one more suggestion when it has asked in vain a
    few times, ever later the more are out.

    Examples
    --------
    >>> from zoopt import Dimension2, Parameter, ValueType
    >>> dim = Dimension2([
    ...     (ValueType.CONTINUOUS, [-1, 1], 1e-6),
    ...     (ValueType.GRID, ["relu", "tanh"]),
    ... ])
    >>> tuner = SRacosTune(dim, Parameter(budget=40, seed=1), parallel_num=2)
    >>> while (solution := tuner.suggest()) != "FINISHED":
    ...     x, activation = solution.get_x()
    ...     best = tuner.complete(solution, (x - 0.2) ** 2 + (activation == "tanh"))
    >>> tuner.complete_num, best.get_x()[1], best.get_value() < 0.1
    (40, 'relu', True)
    """

    def __init__(
        self, dimension: Any, parameter: Parameter, *, parallel_num: int = 1, **kwargs: Any
    ) -> None:
        if kwargs:
            warnings.warn(f"SRacosTune ignores {', '.join(sorted(kwargs))}", stacklevel=2)
        self._space = space_of(dimension)
        if not isinstance(parameter, Parameter):
            raise TypeError(f"parameter must be a Parameter, got {parameter!r}")
        for name in ("noise_handling", "high_dim_handling"):
            if getattr(parameter, name):
                warnings.warn(f"SRacosTune ignores {name}", stacklevel=2)
        self._parallel_num = whole(parallel_num, "parallel_num", least=1)
        self._budget: int = parameter.get_budget()
        seed = parameter.get_seed()
        solver: Any = solver_of(
            SRacos.name, self._space, parameter, gl.next_seed() if seed is None else seed
        )
        self._solver: SRacos = solver
        self.ub = self._solver.uncertain_bits
        self.init_num = 0
        self.complete_num = 0
        #: Results that the initial design takes.
        self._n_initial: int = max(0, solver.train_size - solver.n_foreign)
        self._n_suggested = 0
        self._newest = -1
        self._live: dict[int, _Live] = {}
        self._given_up: dict[int, Candidate] = {}
        best = self._solver.best
        self._best: Solution | None = None
        if best is not None:
            self._best = Solution.of_row(self._space, best.candidate.u)
            self._best.set_value(best.value)
        self._refused = 0  # answers None in a row
        self._asks_ahead = False  # whether it ever asked while a trial was out that it completed

    @property
    def live_num(self) -> int:
        return len(self._live)

    @property
    def semaphore(self) -> int:
        return int(not (self._is_initial and self._n_excess >= 0))

    # ------------------------------------------------------------- the client's calls

    def suggest(self) -> Solution | Literal["FINISHED"] | None:
        """Suggest a point to evaluate.

        Returns
        -------
        Solution, None or "FINISHED"
            None if results must come first: the initial design is out, or after it
            ``parallel_num`` suggestions are. "FINISHED" after ``budget`` suggestions, or when every
            point of the space was suggested.
        """
        if self._n_suggested >= self._budget:
            return FINISHED
        excess = self._n_excess
        if excess >= 0 and not self._is_sequential and self._refused < PATIENCE * (excess + 1):
            self._refused += 1
            return None
        candidate = self._ask()
        if candidate is None:
            return FINISHED
        self._refused = 0
        self._n_suggested += 1
        self.init_num += self._is_initial
        self._newest = candidate.id
        self._live[candidate.id] = _Live(candidate)
        solution = Solution.of_row(self._space, candidate.u)
        solution.set_no(candidate.id)
        return solution

    def complete(self, solution: Solution, result: Any) -> Solution | None:
        """Take in the result of a suggestion, also of one that was given up.

        Parameters
        ----------
        solution : Solution
            As it was suggested, or another point of the space. Its value is set.
        result : float
            Lower is better; NaN, None and what is no number rank behind all others. A second
            result of a suggestion is ignored.

        Returns
        -------
        Solution or None
            The best so far; None while the initial design lacks results, or if none was a number.
        """
        if not isinstance(solution, Solution):
            raise TypeError(f"solution must be a Solution, got {solution!r}")
        evaluation = Evaluation.of(result)
        best_before = self._solver.best
        if not self._take(solution, evaluation):
            return self._best_solution()
        self.complete_num += 1
        self._refused = 0
        self._give_up()
        solution.set_value(evaluation.value)
        if self._solver.best is not best_before:
            self._best = solution
        return self._best_solution()

    def _take(self, solution: Solution, evaluation: Evaluation) -> bool:
        """Tell the solver an outcome; False if it had one of this suggestion already."""
        number = solution.get_no()
        if not isinstance(number, int) or not 0 <= number < self._solver.n_asked:
            self._solver.tell_point(solution.get_x(), evaluation)
            return True
        live = self._live.pop(number, None)
        if live is not None:
            self._solver.tell(live.candidate, evaluation)
        elif number in self._given_up:
            self._solver.tell_point(self._given_up.pop(number), evaluation)
        else:
            return False
        self._asks_ahead |= number < self._newest or self._refused > 0
        for ident, other in self._live.items():
            other.n_newer += ident < number
        return True

    # ------------------------------------------------------------- what is out

    @property
    def _is_initial(self) -> bool:
        """Whether the initial design lacks results."""
        return self.complete_num < self._n_initial

    @property
    def _is_sequential(self) -> bool:
        """Whether the client is known to have one trial out at a time: what else is out failed."""
        return self.complete_num > 0 and not self._asks_ahead

    @property
    def _n_excess(self) -> int:
        """How many more suggestions are out than may be for one more to be made, less one."""
        if self._is_initial:
            return self.complete_num + self.live_num - self._n_initial
        return self.live_num - self._parallel_num

    def _give_up(self) -> None:
        """Free the places of suggestions that enough newer ones have overtaken.

        The initial design may be out as a whole, whatever ``parallel_num`` is: there all that are
        newer must have been completed or given up before.
        """
        over = [i for i, live in self._live.items() if live.n_newer >= self._parallel_num]
        if self._is_initial:
            over = [i for i in over if i == max(self._live)]
        for ident in over:
            candidate = self._live.pop(ident).candidate
            self._solver.tell(candidate, Evaluation(math.nan, LOST, error="was never completed"))
            self._given_up[ident] = candidate

    def _ask(self) -> Candidate | None:
        """Ask the solver; None if every point was asked."""
        try:
            return self._solver.ask()
        except Exhausted:
            return None

    def _best_solution(self) -> Solution | None:
        return None if self.complete_num < self._n_initial else self._best

    # ------------------------------------------------------------- the rest of the old class

    @staticmethod
    def choose_ub(objective: Any) -> int:
        """Return how many coordinates a suggestion redraws in the space of an objective."""
        space = space_of(objective.get_dim())
        return default_uncertain_bits(len(space), space.n_continuous > 0)

    def sample_solution(self, ub: int = 1) -> Solution | Literal["FINISHED"]:
        """Draw a point as `suggest` does, without counting it as a suggestion.

        Parameters
        ----------
        ub : int
            Coordinates to redraw. If it is not the attribute ``ub``, the point is new among the
            members of the sets only.
        """
        if whole(ub, "ub", least=1) != self.ub:
            candidate = self._copy_of_solver(ub).ask()
        else:
            candidate = self._ask()
            if candidate is not None:
                self._solver.tell(candidate, Evaluation(math.nan, LOST, error="only sampled"))
        return FINISHED if candidate is None else Solution.of_row(self._space, candidate.u)

    def _copy_of_solver(self, ub: int) -> SRacos:
        """Return a solver with the same sets and other uncertain bits."""
        solver = self._solver
        seed = np.random.SeedSequence(int(solver.rng.integers(2**63)))
        copy = SRacos(
            self._space,
            seed=seed,
            train_size=solver.train_size,
            positive_size=solver.positive_size,
            uncertain_bits=ub,
        )
        for ident, row, violation, value in solver.positives + solver.negatives:
            ok = Evaluation(value) if violation < math.inf else Evaluation(math.nan, FAILED)
            copy.tell_point(Candidate(ident, row, self._space), ok)
        return copy

    def update_classifier(self, solution: Solution, strategy: str = "WR") -> None:
        """Offer an evaluated solution to the sets, without counting it as a result.

        Raises
        ------
        ValueError
            If the strategy is not "WR": the solver replaces the worst.
        """
        _check_strategy(strategy)
        if strategy != "WR":
            raise ValueError(f"strategy must be 'WR' in SRacosTune, got {strategy!r}")
        best_before = self._solver.best
        self._solver.tell_point(solution.get_x(), Evaluation.of(solution.get_value()))
        if self._solver.best is not best_before:
            self._best = solution


class _Live:
    """A suggestion that is out, and how many newer ones were completed since."""

    __slots__ = ("candidate", "n_newer")

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.n_newer = 0


def _check_strategy(strategy: Any) -> None:
    if strategy not in ("WR", "RR", "LM"):
        raise ValueError(f"strategy must be 'WR', 'RR' or 'LM', got {strategy!r}")


def _rank(solution: Solution) -> tuple[bool, float]:
    """Return the key of a solution: what is no number, or NaN, ranks behind all others."""
    evaluation = Evaluation.of(solution.get_value())
    return (False, evaluation.value) if evaluation.ok else (True, 0.0)


def _swap(iset: list[Solution], index: int, x: Solution) -> Solution:
    displaced, iset[index] = iset[index], x
    return displaced


def _gap(a: Any, b: Any) -> float:
    if isinstance(a, (numbers.Real, np.bool_)) and isinstance(b, (numbers.Real, np.bool_)):
        return float(a) - float(b)
    return 0.0 if a is b or a == b else 1.0
