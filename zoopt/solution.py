"""Solution: a point as functions of the ZOOpt API see it, decoded on first access."""

import copy
import math
import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.defaults import gl
from zoopt.core.evaluation import Best
from zoopt.core.space import Row, Space

__all__ = ["AttachingView", "Solution", "SolutionView"]

new = object.__new__


class Solution:
    """A point with its value.

    Parameters
    ----------
    x : sequence
        The vector. An array is kept as it is; other sequences are copied into a list.
    value : float
        NaN if the point was not evaluated.
    resample_value : float, optional
        Mean of the re-evaluations.
    attach, post_attach : object, optional
        Attachments made before and after the evaluation by the inherit functions of an objective.
    is_in_possible_solution : bool
        A mark for algorithms.
    no : object, optional
        A number for algorithms.

    Attributes
    ----------
    x : array
        The vector as an array, of dtype object if the coordinates are of different types.
        Read-only for points of a run.
    result : Result or None
        The result of the run that returned this solution.

    Examples
    --------
    >>> solution = Solution(x=[1, 2], value=0.5)
    >>> solution.get_x(), solution.get_value()
    ([1, 2], 0.5)
    """

    # Defaults are class attributes, so that making a solution in a run costs little.
    _space: Space | None = None
    _row: Row | None = None
    _x: Any = None
    _value: Any = math.nan
    _resample_value: Any = None
    _attach: Any = None
    _post_attach: Any = None
    _possible = False
    _no: Any = None
    result: Any = None

    def __init__(
        self,
        x: Iterable[Any] = (),
        value: Any = math.nan,
        resample_value: Any = None,
        attach: Any = None,
        post_attach: Any = None,
        is_in_possible_solution: bool = False,
        no: Any = None,
    ) -> None:
        self._x = x if isinstance(x, np.ndarray) else list(x)
        self._value = value
        self._resample_value = resample_value
        self._attach = attach
        self._post_attach = post_attach
        self._possible = is_in_possible_solution
        self._no = no

    @staticmethod
    def of_row(space: Space, row: Row) -> "Solution":
        """Return the solution of an encoded point, which is decoded on first access.

        Parameters
        ----------
        space : Space
        row : float64 array

        Returns
        -------
        Solution
        """
        self = new(Solution)
        self._space = space
        self._row = row
        return self

    @property
    def x(self) -> Any:
        if self._x is None and self._space is not None and self._row is not None:
            if self._space.names is not None:
                return self._space.decode(self._row)
            return self._row if self._space.is_plain else self._space.decode_array(self._row)
        if isinstance(self._x, (np.ndarray, dict)):
            return self._x
        if all(isinstance(v, (numbers.Real, np.bool_)) for v in self._x):
            return np.array(self._x)
        return np.fromiter(self._x, object, len(self._x))

    @x.setter
    def x(self, x: Iterable[Any]) -> None:
        self.set_x(x)

    def get_x(self) -> Any:
        """Return the vector itself, not a copy: a list of native values, or an array.

        If the space has names, it is a dictionary of the active parameters.
        """
        if self._x is None and self._space is not None and self._row is not None:
            self._x = self._space.decode(self._row)
        return self._x

    def set_x(self, x: Iterable[Any]) -> None:
        """Set the vector. A list or an array is kept as it is."""
        self._x = x if isinstance(x, (list, np.ndarray)) else list(x)

    def get_x_index(self, index: int) -> Any:
        """Return one coordinate."""
        return self.get_x()[index]

    def set_x_index(self, index: int, value: Any) -> None:
        """Set one coordinate."""
        self.get_x()[index] = value

    def get_value(self) -> Any:
        """Return the value; for POSS and PONSS, ``[value, constraint]``."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Set the value."""
        self._value = value

    def get_resample_value(self) -> Any:
        """Return the mean of the re-evaluations, or None."""
        return self._resample_value

    def set_resample_value(self, value: Any) -> None:
        """Set the mean of the re-evaluations."""
        self._resample_value = value

    def get_attach(self) -> Any:
        """Return the attachment made before the evaluation."""
        return self._attach

    def set_attach(self, attach: Any) -> None:
        """Set the attachment made before the evaluation."""
        self._attach = attach

    def get_post_attach(self) -> Any:
        """Return the attachment made after the evaluation."""
        return self._post_attach

    def set_post_attach(self, attach: Any) -> None:
        """Set the attachment made after the evaluation."""
        self._post_attach = attach

    def get_no(self) -> Any:
        """Return the number."""
        return self._no

    def set_no(self, no: Any) -> None:
        """Set the number."""
        self._no = no

    @property
    def is_in_possible_solution(self) -> bool:
        """A mark for algorithms."""
        return self._possible

    @is_in_possible_solution.setter
    def is_in_possible_solution(self, flag: bool) -> None:
        self._possible = flag

    def deep_copy(self) -> "Solution":
        """Return a copy with its own vector and attachments, without the number.

        Returns
        -------
        Solution
        """
        return Solution(
            x=list(self.get_x()),
            value=self._value,
            resample_value=copy.deepcopy(self._resample_value),
            attach=copy.deepcopy(self._attach),
            post_attach=copy.deepcopy(self._post_attach),
            is_in_possible_solution=self._possible,
        )

    def is_equal(self, sol: "Solution") -> bool:
        """Tell whether two solutions have the same coordinates and values.

        Numbers are equal if they differ by less than ``gl.precision``; other objects are compared
        by ``==``. Values are compared only if both are numbers.

        Parameters
        ----------
        sol : Solution

        Returns
        -------
        bool
        """
        mine, other = self._value, sol._value
        both = _is_number(mine) and _is_number(other)
        if both and not (mine != mine or other != other) and not _close(mine, other):
            return False
        a, b = self.get_x(), sol.get_x()
        if len(a) != len(b):
            return False
        for left, right in zip(a, b, strict=True):
            if _is_number(left) and _is_number(right):
                if not _close(left, right):
                    return False
            elif type(left) is not type(right) or left != right:
                return False
        return True

    def exist_equal(self, sol_list: Iterable["Solution"]) -> bool:
        """Tell whether any solution of a list is equal to this one.

        Parameters
        ----------
        sol_list : iterable of Solution

        Returns
        -------
        bool
        """
        return any(self.is_equal(sol) for sol in sol_list)

    def print_solution(self) -> None:
        """Print the vector and the value, one per line."""
        print("x: " + repr(self.get_x()))
        print("value: " + repr(self._value))

    @staticmethod
    def deep_copy_set(sol_set: Iterable["Solution"]) -> list["Solution"]:
        """Return a list of copies, as `deep_copy` makes them."""
        return [sol.deep_copy() for sol in sol_set]

    @staticmethod
    def print_solution_set(sol_set: Iterable["Solution"]) -> None:
        """Print the values, one per line."""
        for sol in sol_set:
            print(f"{sol.get_value():f}")

    @staticmethod
    def find_maximum(sol_set: Sequence["Solution"]) -> tuple["Solution", int]:
        """Return the solution with the largest value and its index; the first one on ties.

        Parameters
        ----------
        sol_set : sequence of Solution

        Returns
        -------
        (Solution, int)

        Raises
        ------
        IndexError
            If the sequence is empty.
        """
        return _extreme(sol_set, 1)

    @staticmethod
    def find_minimum(sol_set: Sequence["Solution"]) -> tuple["Solution", int]:
        """Return the solution with the smallest value and its index; the first one on ties.

        Parameters
        ----------
        sol_set : sequence of Solution

        Returns
        -------
        (Solution, int)

        Raises
        ------
        IndexError
            If the sequence is empty.
        """
        return _extreme(sol_set, -1)

    def __repr__(self) -> str:
        text = repr(self.get_x())
        return f"Solution(x={text if len(text) < 200 else text[:197] + '...'}, value={self._value})"


class SolutionView:
    """Points as solutions; a packed subset becomes an array of 0.0 and 1.0.

    This is a `zoopt.problem.calls.View`.

    Parameters
    ----------
    space : Space
    """

    names: ClassVar[tuple[str, ...]] = ()
    extra: Callable[[Any, Any], Any] | None = None

    def __init__(self, space: Space) -> None:
        self.space = space

    def one(self, candidate: Candidate) -> Solution:
        if candidate.bits is not None:
            flags = np.unpackbits(candidate.bits, -1, self.space.n_columns, "little")
            return Solution(x=flags.astype(np.float64))
        solution = new(Solution)
        solution._space = self.space
        solution._row = candidate.u
        return solution

    def many(self, candidates: Sequence[Candidate]) -> list[Solution]:
        return [SolutionView.one(self, candidate) for candidate in candidates]

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def valued(self, best: Best) -> Solution:
        """Return the solution of a point and its value, ``[f, c]`` for packed subsets."""
        solution = SolutionView.one(self, best.candidate)
        solution._value = best.value
        if best.candidate.bits is not None:
            solution._value = [best.value, 0.0 - best.evaluation.violation]
        return solution


class AttachingView(SolutionView):
    """Points as solutions with the attachments that an objective's inherit functions make.

    Parameters
    ----------
    space : Space
    inherit, post_inherit : callable
        Called before and after each evaluation; see `Objective.set_inherit_func`.
    """

    def __init__(
        self, space: Space, inherit: Callable[..., Any], post_inherit: Callable[..., Any]
    ) -> None:
        super().__init__(space)
        self._inherit = inherit
        self._post_inherit = post_inherit

    def one(self, candidate: Candidate) -> Solution:
        solution = super().one(candidate)
        solution.set_attach(self._inherit(None))
        return solution

    def extra(self, point: Solution, value: Any) -> tuple[Any, Any]:
        point.set_value(value)
        point.set_post_attach(self._post_inherit())
        return point.get_attach(), point.get_post_attach()

    def attachments(self) -> tuple[Any, Any]:
        """Return new attachments, as those of a solution."""
        return self._inherit(None), self._post_inherit()


def _extreme(sol_set: Sequence[Solution], sign: int) -> tuple[Solution, int]:
    if not len(sol_set):
        raise IndexError("the set of solutions is empty")
    best = 0
    for i, sol in enumerate(sol_set):
        if sign * sol.get_value() > sign * sol_set[best].get_value():
            best = i
    return sol_set[best], best


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Real, np.bool_))


def _close(a: Any, b: Any) -> bool:
    return bool(a == b) or abs(float(a) - float(b)) < gl.precision
