"""Why a run stops, and how its Result says so."""

import math
from collections.abc import Callable
from typing import Any

from zoopt.core.evaluation import Evaluation
from zoopt.run.view import SearchView

__all__ = ["StopRules"]


class StopRules:
    """The rules that may end a run before its budget is used.

    Parameters
    ----------
    time_budget : float, optional
        Seconds; checked after each evaluation and while the run waits for one.
    terminal_value : float, optional
        Stop when the best feasible value is at most this.
    stop : callable, optional
        ``stop(search)``; a true value stops the run.
    max_failures : int, optional
        Stop when more than this number of evaluations have failed.
    """

    def __init__(
        self,
        time_budget: float | None = None,
        terminal_value: float | None = None,
        stop: Callable[[SearchView], Any] | None = None,
        max_failures: int | None = None,
    ) -> None:
        self._time_budget = time_budget
        self._terminal_value = terminal_value
        self._stop = stop
        self._max_failures = max_failures

    def __bool__(self) -> bool:
        rules = self._time_budget, self._terminal_value, self._stop, self._max_failures
        return any(rule is not None for rule in rules)

    def time_left(self, elapsed: float) -> float | None:
        """Return the seconds left; None without a time budget."""
        return None if self._time_budget is None else max(0.0, self._time_budget - elapsed)

    def reason(self, search: SearchView, evaluation: Evaluation) -> str | None:
        """Return the status to stop with after this evaluation; None to go on."""
        if self._terminal_value is not None and self._is_reached(search, evaluation):
            return "terminal_value"
        if self._stop is not None and self._stop(search):
            return "stop"
        if self._max_failures is not None and search.n_failed > self._max_failures:
            return "max_failures"
        if search.time_left == 0.0:
            return "time_budget"
        return None

    def _is_reached(self, search: SearchView, evaluation: Evaluation) -> bool:
        goal = -math.inf if self._terminal_value is None else self._terminal_value
        if search.solver.repeats:
            proven = search.solver.proven
            return proven is not None and proven.value <= goal
        return evaluation.value <= goal and evaluation.violation <= 0.0

    def message(self, status: str, budget: int, elapsed: float) -> str:
        """Return the sentence that explains a status."""
        if status == "time_budget":
            over = elapsed - (self._time_budget or 0.0)
            return f"the time budget of {self._time_budget} s was exceeded by {over:.3g} s"
        return {
            "budget": f"the budget of {budget} evaluations was used",
            "terminal_value": f"the terminal value {self._terminal_value} was reached",
            "stop": "the stopping criterion was met",
            "callback": "a callback stopped it",
            "exhausted": "every point of the space was evaluated",
            "max_failures": f"more than {self._max_failures} evaluations failed",
            "interrupted": "it was interrupted",
            "error": "an error ended it",
        }[status]
