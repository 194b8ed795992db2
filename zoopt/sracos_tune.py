"""SRacosTune: the optimizer that Ray's ZOOptSearch drives, a thin adapter over `SRacos`.

Owns the old calls ``suggest`` and ``complete``, the number of open suggestions, and the decision to
give one up, since the client never reports failed trials. Proposals and sets belong to the solver.
Nothing here knows Ray.
"""

import math
import warnings
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
from zoopt.problem.replacement import Replacement, check_strategy
from zoopt.solution import Solution
from zoopt.solvers.racos.sracos import SRacos
from zoopt.solvers.racos.tables import default_uncertain_bits

__all__ = ["Replacement", "SRacosTune"]

FINISHED: Literal["FINISHED"] = "FINISHED"

#: How often in a row a client with several open trials gets None before it gets one suggestion
#: above the limit. This number grows by the same amount with each suggestion above the limit.
PATIENCE = 3


class SRacosTune(Replacement):
    """Sequential or asynchronous SRACOS for Ray's ``ZOOptSearch``.

    Parameters
    ----------
    dimension : Dimension or Dimension2
    parameter : Parameter
        Its budget (which must be set), sizes of sets, ``init_samples``, ``known``,
        ``exploration_rate``, ``uncertain_bits`` and ``seed`` are used. Other settings have no
        effect here.
    parallel_num : int
        Number of suggestions that may be open after the initial design.
    **kwargs
        Ignored, with a UserWarning.

    Attributes
    ----------
    init_num : int
        Number of suggestions made before the initial design was complete.
    complete_num : int
        Number of results.
    live_num : int
        Number of open suggestions: neither completed nor given up.
    semaphore : int
        0 while the whole initial design has been suggested and results are missing, otherwise 1.
    ub : int
        Number of coordinates that a suggestion redraws.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, the budget is not set, or an initial point is outside the space.
        The message names it.

    Notes
    -----
    The client completes successful trials and never mentions failed ones, so an open suggestion may
    belong to a running or to a failed trial. A suggestion is given up when ``parallel_num`` newer
    ones have been completed. Its place is then free, and a late result is still used. Because this
    takes newer suggestions, the limit is not strict. A client that seems to run one trial at a time
    has finished that trial when it asks again. Any other client gets one more suggestion after it
    has asked a few times without success; the more suggestions are open, the longer this takes.

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
        #: Number of results that complete the initial design.
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
        self._asks_ahead = False  # whether a trial that was open at an ask was completed later

    @property
    def live_num(self) -> int:
        """Number of open suggestions."""
        return len(self._live)

    @property
    def semaphore(self) -> int:
        """0 while results of the initial design are awaited, otherwise 1."""
        return int(not (self._is_initial and self._n_excess >= 0))

    # ------------------------------------------------------------- the client's calls

    def suggest(self) -> Solution | Literal["FINISHED"] | None:
        """Suggest a point to evaluate.

        Returns
        -------
        Solution, None or "FINISHED"
            None if results must come first: the whole initial design, or later ``parallel_num``
            suggestions, are open. "FINISHED" after ``budget`` suggestions, or when every point of
            the space has been suggested.
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
        """Report the result of a suggestion, even if it was given up.

        Parameters
        ----------
        solution : Solution
            A suggested solution, or another point of the space. Its value is set.
        result : float
            Lower is better. NaN, None and anything that is not a number rank after all others. A
            second result of the same suggestion is ignored.

        Returns
        -------
        Solution or None
            The best solution so far. None until the initial design is complete, or if no result
            was a number.

        Raises
        ------
        TypeError
            If ``solution`` is not a Solution.
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
        """Tell the solver an outcome; return False if the suggestion already had one."""
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

    # ------------------------------------------------------------- open suggestions

    @property
    def _is_initial(self) -> bool:
        """Whether results of the initial design are missing."""
        return self.complete_num < self._n_initial

    @property
    def _is_sequential(self) -> bool:
        """Whether the client runs one trial at a time, so that all other open ones have failed."""
        return self.complete_num > 0 and not self._asks_ahead

    @property
    def _n_excess(self) -> int:
        """Number of open suggestions minus the limit; negative if there is room for another."""
        if self._is_initial:
            return self.complete_num + self.live_num - self._n_initial
        return self.live_num - self._parallel_num

    def _give_up(self) -> None:
        """Give up suggestions that enough newer ones have overtaken.

        The whole initial design may be open, whatever ``parallel_num`` is. During it, only the
        newest suggestion can be given up.
        """
        over = [i for i, live in self._live.items() if live.n_newer >= self._parallel_num]
        if self._is_initial:
            over = [i for i in over if i == max(self._live)]
        for ident in over:
            candidate = self._live.pop(ident).candidate
            self._solver.tell(candidate, Evaluation(math.nan, LOST, error="was never completed"))
            self._given_up[ident] = candidate

    def _ask(self) -> Candidate | None:
        """Ask the solver; return None if it has proposed every point."""
        try:
            return self._solver.ask()
        except Exhausted:
            return None

    def _best_solution(self) -> Solution | None:
        return None if self.complete_num < self._n_initial else self._best

    # ------------------------------------------------------------- the rest of the old class

    @staticmethod
    def choose_ub(objective: Any) -> int:
        """Return the number of coordinates that a suggestion redraws by default.

        Parameters
        ----------
        objective : Objective
            Its space decides.

        Returns
        -------
        int
        """
        space = space_of(objective.get_dim())
        return default_uncertain_bits(len(space), space.n_continuous > 0)

    def sample_solution(self, ub: int = 1) -> Solution | Literal["FINISHED"]:
        """Draw a point like `suggest`, without counting it as a suggestion.

        Parameters
        ----------
        ub : int
            Number of coordinates to redraw. If it differs from the attribute ``ub``, the point may
            be one that was suggested before, but not a member of the sets.

        Returns
        -------
        Solution or "FINISHED"
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

        Parameters
        ----------
        solution : Solution
        strategy : {"WR"}
            The solver replaces the worst member.

        Raises
        ------
        ValueError
            If the strategy is not "WR".
        """
        check_strategy(strategy)
        if strategy != "WR":
            raise ValueError(f"strategy must be 'WR' in SRacosTune, got {strategy!r}")
        best_before = self._solver.best
        self._solver.tell_point(solution.get_x(), Evaluation.of(solution.get_value()))
        if self._solver.best is not best_before:
            self._best = solution


class _Live:
    """An open suggestion, and the number of newer ones that were completed meanwhile."""

    __slots__ = ("candidate", "n_newer")

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.n_newer = 0
