"""Constraints and filters: what the user's functions return, as one violation or a yes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.errors import InvalidConstraint

__all__ = ["Constraints"]


class Constraints:
    """One constraint or several; a point is feasible if all that they return is at least 0.

    Parameters
    ----------
    given : callable, sequence of callables or None
        Each takes what the objective takes, and returns a number or an array of numbers.

    Raises
    ------
    TypeError
        If it is nothing of the kind.
    """

    def __init__(self, given: Any) -> None:
        if given is None:
            functions: tuple[Callable[..., Any], ...] = ()
        elif callable(given):
            functions = (given,)
        elif isinstance(given, Sequence) and given and all(map(callable, given)):
            functions = tuple(given)
        else:
            raise TypeError(
                f"constraint must be callable or a sequence of callables, got {given!r}"
            )
        self.functions = functions

    def __bool__(self) -> bool:
        return bool(self.functions)

    def violation(self, *args: Any, **kwargs: Any) -> float:
        """Return by how much the worst constraint is missed; at most 0 if the point is feasible.

        Raises
        ------
        InvalidConstraint
            If one raises, or returns NaN or no numbers; it says which.
        """
        if len(self.functions) == 1:  # by far the commonest
            try:
                returned = self.functions[0](*args, **kwargs)
            except Exception as error:
                raise self._raised(0, error) from error
            if isinstance(returned, (float, int, np.floating, np.integer)) and (
                type(returned) is not bool
            ):
                worst = -float(returned)
            else:
                worst = -float(_numbers(returned, 1, self._name(0)).min(initial=np.inf))
        else:
            (worst,) = self.violations(1, *args, **kwargs)
        if worst != worst:
            raise InvalidConstraint("the constraint returned NaN")
        return worst

    def violations(self, n: int, *args: Any, **kwargs: Any) -> list[float]:
        """Return that of n points, which the constraints get at once; NaN where one is invalid.

        Raises
        ------
        InvalidConstraint
            If one raises, or does not return numbers for n points.
        """
        least = np.full(n, np.inf)
        for i in range(len(self.functions)):
            values = _numbers(self._call(i, args, kwargs), n, self._name(i))
            least = np.minimum(least, values.min(axis=1, initial=np.inf))
        return [-value for value in least.tolist()]

    def _call(self, i: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.functions[i](*args, **kwargs)
        except Exception as error:
            raise self._raised(i, error) from error

    def _raised(self, i: int, error: Exception) -> InvalidConstraint:
        return InvalidConstraint(f"{self._name(i)} raised {type(error).__name__}: {error}")

    def _name(self, i: int) -> str:
        return "the constraint" if len(self.functions) == 1 else f"constraint {i}"


def _numbers(returned: Any, n: int, name: str) -> npt.NDArray[np.float64]:
    """Return what a constraint returned as one row a point."""
    try:
        if returned is None or isinstance(returned, (str, bytes)):
            raise TypeError
        given = np.asarray(returned)
        if given.dtype == np.bool_:
            text = f"{name} must return numbers, at least 0 where it holds, got {returned!r:.100}"
            raise InvalidConstraint(text) from TypeError(text)  # False would be 0: feasible
        values = given.astype(np.float64)
        if values.ndim > 2 or (n > 1 and values.shape[:1] != (n,)):
            raise ValueError
        return values.reshape(n, -1)
    except (TypeError, ValueError):
        wanted = "a number or an array" if n == 1 else f"{n} numbers or an array of {n} rows"
        text = f"{name} must return {wanted}, got {returned!r:.100}"
        raise InvalidConstraint(text) from TypeError(text)
