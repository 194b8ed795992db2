"""Objective: the user's function with its space, constraint and history."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zoopt.core.evaluation import as_number
from zoopt.core.space import Space
from zoopt.dimension import Dimension, Dimension2
from zoopt.problem.calls import stochastic_argument
from zoopt.solution import Solution

__all__ = ["Objective"]


class Objective:
    """A function to minimize over a space.

    Parameters
    ----------
    func : callable
        ``func(solution) -> number``. If its signature has a free argument ``rng`` or ``seed``, it
        gets a generator or an int derived from the seed of the run and the number of the
        evaluation.
    dim : Dimension, Dimension2 or Space
        The search space. With a `Space` that has names, ``solution.get_x()`` is a dictionary.
    constraint : callable, optional
        ``constraint(solution) -> number``. A solution is feasible if the number is at least 0.
    resample_func : callable, optional
        ``resample_func(solution, times) -> number``; by default the mean of ``times`` values. A run
        calls it with ``times=1`` for each repetition, so that repetitions can run in parallel and
        the budget counts all of them.
    delta : callable, optional
        ``delta(step)`` returns the value of ``func`` after a change of a few dimensions, or a tuple
        of that value and a state; ``func`` may then return such a tuple too. See `zoopt.Step` and
        `zoopt.minimize`.

    Raises
    ------
    TypeError
        If a function is not callable.

    Examples
    --------
    >>> from zoopt import Dimension, Objective, Solution
    >>> objective = Objective(lambda s: sum(s.get_x()), Dimension(2, [[0, 1]] * 2, [True] * 2))
    >>> objective.eval(Solution(x=[0.25, 0.5]))
    0.75
    """

    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        dim: Dimension | Dimension2 | Space | None = None,
        constraint: Callable[[Solution], Any] | None = None,
        resample_func: Callable[[Solution, int], Any] | None = None,
        delta: Callable[..., Any] | None = None,
    ) -> None:
        for name, function in (
            ("func", func),
            ("constraint", constraint),
            ("resample_func", resample_func),
            ("delta", delta),
        ):
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be callable, got {function!r}")
        self._func = func
        self._dim = dim
        self._constraint = constraint
        self._delta = delta
        self._resample_func = self.resample_func if resample_func is None else resample_func
        self._inherit: Callable[..., Any] = self.default_inherit
        self._post_inherit: Callable[..., Any] = self.default_post_inherit
        self._history: list[float] = []
        self._balance_rate = 1.0
        self._resample_times = 1
        self._reducedim = False
        self._a: Any = None
        self._last_x: Any = None

    def parameter_set(self, parameter: Any) -> None:
        """Take over the settings of a parameter for noise and embeddings.

        Settings of earlier parameters are forgotten.

        Parameters
        ----------
        parameter : Parameter
        """
        noisy = parameter.get_noise_handling()
        suppression = noisy and parameter.get_suppression()
        resampling = noisy and parameter.get_resampling()
        self._balance_rate = parameter.get_balance_rate() if suppression else 1.0
        self._resample_times = parameter.get_resample_times() if resampling else 1
        self._reducedim = bool(parameter.get_high_dim_handling() and parameter.get_reducedim())

    @property
    def own_resample_func(self) -> Callable[[Solution, int], Any] | None:
        """The ``resample_func`` that was passed or inherited; None for the default."""
        function = getattr(self._resample_func, "__func__", self._resample_func)
        return None if function is Objective.resample_func else self._resample_func

    @property
    def attaches(self) -> bool:
        """Whether inherit functions attach something to solutions."""
        return (
            self._inherit is not Objective.default_inherit
            or self._post_inherit is not Objective.default_post_inherit
        )

    def construct_solution(self, x: Any, parent: Solution | None = None) -> Solution:
        """Return a solution with the attachment that the inherit function makes.

        Parameters
        ----------
        x : sequence
            The vector of the solution.
        parent : Solution, optional
            Passed to the inherit function.

        Returns
        -------
        Solution
        """
        solution = Solution(x=x)
        solution.set_attach(self._inherit(parent))
        return solution

    def eval(self, solution: Solution) -> float:
        """Evaluate a solution and store the value in it.

        Parameters
        ----------
        solution : Solution

        Returns
        -------
        float
            The value; under resampling, the mean of ``resample_times`` values. Every single value
            is appended to the history.

        Raises
        ------
        TypeError, ValueError
            If the function does not return a number.
        """
        values = []
        for _ in range(self._resample_times):
            value = as_number(self._call(self._point(solution)))
            self._history.append(value)
            values.append(value)
        mean = values[0] if len(values) == 1 else math.fsum(values) / len(values)
        solution.set_value(mean)
        solution.set_post_attach(self._post_inherit())
        return mean

    def _point(self, solution: Solution) -> Solution:
        """Map a low-dimensional solution to the whole space if an embedding is in use."""
        if not self._reducedim or self._a is None:
            return solution
        x = np.asarray(solution.get_x(), np.float64)
        last = self._last_x.get_x() if isinstance(self._last_x, Solution) else self._last_x
        return Solution(x=x[0] * np.asarray(last) + np.asarray(self._a) @ x[1:])

    def _call(self, solution: Solution) -> Any:
        if self._func is None:
            raise ValueError("this objective has no func")
        value = self._func(solution)
        if self._delta is not None and isinstance(value, tuple):  # and a state
            return value[0]
        return value

    def resample(self, solution: Solution, repeat_times: int) -> int:
        """Mix the value of a solution with the mean of new evaluations, at most once.

        Parameters
        ----------
        solution : Solution
        repeat_times : int
            Number of new evaluations.

        Returns
        -------
        int
            Number of evaluations made: ``repeat_times``, or 0 if it was resampled before.
        """
        if solution.get_resample_value() is not None:
            return 0
        old = solution.get_value()
        fresh = self._resample_func(solution, repeat_times)
        solution.set_resample_value(fresh)
        solution.set_value((1 - self._balance_rate) * old + self._balance_rate * fresh)
        solution.set_post_attach(self._post_inherit())
        return repeat_times

    def resample_func(self, solution: Solution, iteration_num: int) -> float:
        """Return the mean of repeated evaluations.

        Parameters
        ----------
        solution : Solution
        iteration_num : int
            Number of evaluations.

        Returns
        -------
        float
        """
        return math.fsum(self.eval(solution) for _ in range(iteration_num)) / iteration_num

    def eval_constraint(self, solution: Solution) -> None:
        """Evaluate a solution and store ``[value, constraint]`` in it.

        Parameters
        ----------
        solution : Solution

        Raises
        ------
        ValueError
            If the objective has no constraint.
        """
        if self._constraint is None:
            raise ValueError("this objective has no constraint")
        value = self.eval(solution)
        solution.set_value([value, self._constraint(solution)])
        solution.set_post_attach(self._post_inherit())

    def stochastic_argument(self) -> str | None:
        """Return "seed" or "rng" if the function has a free argument of that name, or None."""
        return None if self._func is None else stochastic_argument(self._func)

    @staticmethod
    def default_inherit(parent: Solution | None = None) -> None:
        """Attach nothing."""
        return None

    @staticmethod
    def default_post_inherit(parent: Solution | None = None) -> None:
        """Attach nothing."""
        return None

    def get_func(self) -> Any:
        """Return the function, or None."""
        return self._func

    def set_func(self, func: Callable[..., Any]) -> None:
        """Set the function."""
        self._func = func

    def get_dim(self) -> Any:
        """Return the search space, or None."""
        return self._dim

    def set_dim(self, dim: Dimension | Dimension2 | Space) -> None:
        """Set the search space."""
        self._dim = dim

    def get_constraint(self) -> Any:
        """Return the constraint, or None."""
        return self._constraint

    def set_constraint(self, constraint: Callable[[Solution], Any] | None) -> None:
        """Set the constraint."""
        self._constraint = constraint

    def get_delta(self) -> Any:
        """Return the delta, or None."""
        return self._delta

    def set_delta(self, delta: Callable[..., Any] | None) -> None:
        """Set the delta."""
        self._delta = delta

    def get_inherit_func(self) -> Callable[..., Any]:
        """Return the function that makes the attachment of a solution before its evaluation."""
        return self._inherit

    def set_inherit_func(self, inherit_func: Callable[..., Any]) -> None:
        """Set ``inherit_func(parent)``, called before each evaluation; parent may be None."""
        self._inherit = inherit_func

    def get_post_inherit_func(self) -> Callable[..., Any]:
        """Return the function that makes the attachment of a solution after its evaluation."""
        return self._post_inherit

    def set_post_inherit_func(self, inherit_func: Callable[..., Any]) -> None:
        """Set ``inherit_func()``, called after each evaluation."""
        self._post_inherit = inherit_func

    def get_reducedim(self) -> bool:
        """Return whether `eval` maps solutions by the embedding."""
        return self._reducedim

    def get_A(self) -> Any:
        """Return the matrix of the embedding, or None."""
        return self._a

    def set_A(self, A: Any) -> None:
        """Set the matrix of the embedding."""
        self._a = A

    def get_last_x(self) -> Any:
        """Return the point that the embedding withdraws from, or None."""
        return self._last_x

    def set_last_x(self, x: Any) -> None:
        """Set the point that the embedding withdraws from: a vector or a Solution."""
        self._last_x = x

    def get_history(self) -> list[float]:
        """Return the values of all evaluations of all runs, in order."""
        return self._history

    def set_history(self, history: list[float]) -> None:
        """Replace the history; later values are appended to this list."""
        self._history = history

    def clean_history(self) -> None:
        """Forget all values."""
        self._history = []

    def get_history_bestsofar(self) -> list[float]:
        """Return the smallest value so far after each evaluation."""
        best = math.inf
        bests = []
        for value in self._history:
            if value < best:
                best = value
            bests.append(best)
        return bests
