"""Constraints: the values of the user's functions as one violation for each point."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.errors import InvalidConstraint
from zoopt.core.evaluation import as_number, unmasked

__all__ = ["Constraints"]

#: Types that need no further check. Booleans, although ints, are not accepted.
_PLAIN = (float, int, np.float64)


class Constraints:
    """One constraint or several; a point is feasible if all values they return are at least 0.

    Parameters
    ----------
    given : callable, sequence of callables or None
        Each takes a point, as the objective does, and returns a number or an array of numbers.

    Raises
    ------
    TypeError
        If ``given`` is none of these.

    Examples
    --------
    >>> constraints = Constraints([lambda x: x - 1.0, lambda x: 3.0 - x])
    >>> constraints.violation(2.0), constraints.violation(0.5)
    (-1.0, 0.5)
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

    def adapted(self, adapt: Callable[[Callable[..., Any]], Callable[..., Any]]) -> "Constraints":
        """Return the same constraints with each function replaced by an adapted one."""
        return Constraints([adapt(function) for function in self.functions] or None)

    def violation(self, point: Any) -> float:
        """Return how far the worst constraint falls below 0; at most 0 if the point is feasible.

        Raises
        ------
        InvalidConstraint
            If a constraint raises, or does not return real numbers. The message names the
            constraint.
        """
        if not self.functions:
            return 0.0
        if len(self.functions) > 1:
            (worst,) = self.violations(point, 1)
        else:
            returned = self._call(0, point)
            if type(returned) in _PLAIN:
                worst = -float(returned)
            else:
                worst = -float(_numbers(returned, 1, self._name(0)).min(initial=np.inf))
        if worst != worst:
            raise InvalidConstraint("the constraint returned NaN or a masked value")
        return worst

    def violations(self, points: Any, n: int) -> list[float]:
        """Return the violations of n points from one call of each constraint.

        Returns
        -------
        list of float
            NaN for a point at which a constraint returned NaN or a masked value.

        Raises
        ------
        InvalidConstraint
            If a constraint raises, or does not return numbers for n points.
        """
        least = np.full(n, np.inf)
        for i in range(len(self.functions)):
            values = _numbers(self._call(i, points), n, self._name(i))
            least = np.minimum(least, values.min(axis=1, initial=np.inf))
        return [-value for value in least.tolist()]

    def _call(self, i: int, points: Any) -> Any:
        try:
            return self.functions[i](points)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            text = f"{self._name(i)} raised {type(error).__name__}: {error}"
            raise InvalidConstraint(text) from error

    def _name(self, i: int) -> str:
        return "the constraint" if len(self.functions) == 1 else f"constraint {i}"


def _numbers(returned: Any, n: int, name: str) -> npt.NDArray[np.float64]:
    """Return the numbers that a constraint returned, one row for each point."""
    try:
        if returned is None or isinstance(returned, (str, bytes)):
            raise TypeError
        given = unmasked(returned)
        if given.dtype.kind not in "iuf":
            objects = given.ravel().tolist()
            if any(isinstance(value, (bool, np.bool_)) for value in objects):
                text = (
                    f"{name} must return numbers, at least 0 where it holds, got {returned!r:.100}"
                )
                raise InvalidConstraint(text) from TypeError(text)  # False would be 0: feasible
            given = np.array(list(map(as_number, objects)), np.float64).reshape(given.shape)
        values = given.astype(np.float64)
        if values.ndim > 2 or (n > 1 and values.shape[:1] != (n,)):
            raise ValueError
        return values.reshape(n, -1)
    except (TypeError, ValueError):
        wanted = "a number or an array" if n == 1 else f"{n} numbers or an array of {n} rows"
        text = f"{name} must return {wanted}, got {returned!r:.100}"
        raise InvalidConstraint(text) from TypeError(text)
