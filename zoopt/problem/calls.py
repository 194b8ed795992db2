"""From the user's functions to ``evaluate(candidate)``: one adapter for all interfaces.

Owns how points look to the functions, which arguments the functions get beside the point, and the
check of vectorized answers. Knows nothing of solvers and executors.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, ClassVar, Protocol

import numpy as np

from zoopt.core.candidate import Candidate, is_repeat
from zoopt.core.errors import Pruned, Unfinished
from zoopt.core.evaluation import unmasked
from zoopt.core.seeds import spawn_seed
from zoopt.core.space import Row, Space
from zoopt.problem.constraints import Constraints
from zoopt.pruning import Pruner, RunningTrial
from zoopt.run.executor import WrongShape
from zoopt.run.trials import ABSENT, column_of

__all__ = [
    "ArrayView",
    "Calls",
    "Filter",
    "NamedView",
    "View",
    "check_values",
    "has_free",
    "point_of",
    "stochastic_argument",
    "view_for",
]

_EITHER, _KEYWORD, _OTHERS = (
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
    inspect.Parameter.VAR_KEYWORD,
)


class View(Protocol):
    """How points look to the user's functions."""

    space: Space

    @property
    def names(self) -> tuple[str, ...]:
        """Names of dimensions among the arguments of a function."""

    def one(self, candidate: Candidate) -> Any:
        """Return the point of a candidate."""

    def many(self, candidates: Sequence[Candidate]) -> Any:
        """Return the points of several candidates for one vectorized call."""

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a callable with a point, or the result of `many`, as its first argument."""

    @property
    def extra(self) -> Callable[[Any, Any], Any] | None:
        """Computes `Evaluation.extra` from a point and its value; None without an extra."""


class ArrayView:
    """Points as 1-D arrays, which the functions may change, or as masks of subsets."""

    names: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[None] = None

    def __init__(self, space: Space) -> None:
        self.space = space
        self._is_plain = space.is_plain

    def one(self, candidate: Candidate) -> Any:
        if self._is_plain:
            return candidate.u.copy()
        if candidate.bits is not None and self.space.is_of_subsets:
            return candidate.mask
        return self.space.decode_array(candidate.u)

    def many(self, candidates: Sequence[Candidate]) -> Any:
        packed = [candidate.bits for candidate in candidates if candidate.bits is not None]
        if packed and self.space.is_of_subsets:
            return self.space.mask(np.stack(packed))
        rows = [self.space.decode_list(candidate.u) for candidate in candidates]
        of_numbers = self.space.dtype is not object
        if of_numbers or all(isinstance(value, (int, float)) for row in rows for value in row):
            return np.array(rows)
        matrix = np.empty((len(rows), len(rows[0])), object)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                matrix[i, j] = value
        return matrix

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function


class NamedView:
    """Points as dictionaries, which the functions get as keyword arguments."""

    extra: ClassVar[None] = None

    def __init__(self, space: Space) -> None:
        self.space = space
        self.names = tuple(space.names or ())

    def one(self, candidate: Candidate) -> Any:
        return self.space.decode(candidate.u)

    def many(self, candidates: Sequence[Candidate]) -> Any:
        if self.space.tree is not None:
            points = [self.space.decode(candidate.u) for candidate in candidates]
            return {n: column_of([point.get(n, ABSENT) for point in points]) for n in self.names}
        rows = [self.space.decode_list(candidate.u) for candidate in candidates]
        columns = map(_column, zip(*rows, strict=True))
        return dict(zip(self.names, columns, strict=True))

    def adapt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return _ByName(function)


class _ByName:
    """Call a function with the entries of a dictionary, whatever their names are."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, point: dict[str, Any], /, **more: Any) -> Any:
        return self._function(**point, **more)


def _column(values: Sequence[Any]) -> Any:
    types = set(map(type, values))
    if types <= {int, float} or types == {bool}:  # True and 1 are two choices
        return np.array(values)
    column = np.empty(len(values), object)
    for i, value in enumerate(values):
        column[i] = value
    return column


def view_for(space: Space) -> View:
    """Return the view that `zoopt.minimize` documents: arrays, or keyword arguments."""
    return ArrayView(space) if space.names is None else NamedView(space)


def point_of(space: Space, row: Row) -> Any:
    """Return the point of a row in the form that `zoopt.minimize` passes to a function."""
    return view_for(space).one(Candidate(-1, row, space))


class Calls:
    """Evaluate candidates with the user's functions; pickles if they do.

    Parameters
    ----------
    fun : callable
        The objective.
    view : View
        How points look to all the functions.
    seed : SeedSequence
        The seed of the run. The objective's argument ``rng`` or ``seed``, if it has one, derives
        from it.
    constraints : Constraints, optional
    repeat : callable, optional
        ``repeat(point, 1)`` is called in place of the objective for a point that was evaluated
        before.
    pruner : Pruner, optional
        The rule for the objective's argument ``trial``, if it has one.

    Attributes
    ----------
    functions : tuple of callable
        The user's functions, as they were given.
    space : Space
    takes_trial : bool
        Whether the objective has a free argument ``trial``.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        view: View,
        *,
        seed: Any,
        constraints: Constraints | None = None,
        repeat: Callable[[Any, int], Any] | None = None,
        pruner: Pruner | None = None,
    ) -> None:
        given = Constraints(None) if constraints is None else constraints
        others = (function for function in (repeat, pruner) if function is not None)
        self.functions = (fun, *given.functions, *others)
        self.space = view.space
        self._look = view.one
        self._look_at_many = view.many
        self._extra = view.extra
        self._fun = view.adapt(fun)
        self._constraints = given.adapted(view.adapt)
        self._repeat = repeat
        self._seed = seed
        self._random = stochastic_argument(fun, view.names)
        self._pruner = pruner
        self.takes_trial = has_free(fun, "trial", view.names)
        self._is_simple = not (self._random or repeat or given or self._extra or self.takes_trial)

    def __call__(self, candidate: Candidate) -> tuple[Any, ...]:
        """Return the value and the violation of a candidate, then the extra and the reports."""
        point = self._look(candidate)
        if self._is_simple:
            return self._fun(point), 0.0
        violation = self._constraints.violation(point)
        if self._repeat is not None and is_repeat(candidate):
            value = self._repeat(point, 1)
        elif self.takes_trial:
            return self._reporting(candidate, point, violation)
        else:
            try:
                value = self._fun(point, **self._random_argument(candidate.id))
            except Pruned as error:
                raise Unfinished((), violation) from error
        if self._extra is None:
            return value, violation
        return value, violation, self._extra(point, value)

    def _reporting(self, candidate: Candidate, point: Any, violation: float) -> tuple[Any, ...]:
        """Call the objective with a trial; its reports are returned, or travel in the error."""
        cutoffs = None if self._pruner is None else candidate.cutoffs
        trial = RunningTrial(candidate.id, self._pruner, cutoffs)
        try:
            value = self._fun(point, trial=trial, **self._random_argument(candidate.id))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise Unfinished(trial.pairs, violation) from error
        extra = None if self._extra is None else self._extra(point, value)
        return value, violation, extra, trial.pairs

    def violation(self, candidate: Candidate) -> float:
        """Return the violation of a candidate without evaluating it."""
        return self._constraints.violation(self._look(candidate)) if self._constraints else 0.0

    def many(self, candidates: Sequence[Candidate]) -> tuple[list[Any], list[float] | None]:
        """Return values and violations of several candidates, by one call of each function.

        A random argument is derived from the id of the first candidate, so that a resumed run,
        which forms the same batches, repeats it.
        """
        points, n = self._look_at_many(candidates), len(candidates)
        violations = self._constraints.violations(points, n) if self._constraints else None
        values = self._fun(points, **self._random_argument(candidates[0].id))
        return check_values(values, n), violations

    def _random_argument(self, ident: int) -> dict[str, Any]:
        if self._random is None:
            return {}
        sequence = spawn_seed(self._seed, "objective", ident)
        if self._random == "rng":
            return {"rng": np.random.default_rng(sequence)}
        return {"seed": int(sequence.generate_state(1)[0])}


class Filter:
    """Ask the user's filter about candidates; pickles if the filter does."""

    def __init__(self, passes: Callable[..., Any], view: View) -> None:
        self._passes = view.adapt(passes)
        self._look = view.one

    def __call__(self, candidate: Candidate) -> Any:
        return self._passes(self._look(candidate))


def stochastic_argument(function: Callable[..., Any], taken: Sequence[str] = ()) -> str | None:
    """Return "rng" or "seed" if a function has a free argument of that name.

    Parameters
    ----------
    function : callable
    taken : sequence of str
        Names of dimensions, which are never free.
    """
    return next((name for name in ("rng", "seed") if has_free(function, name, taken)), None)


def has_free(function: Callable[..., Any], name: str, taken: Sequence[str] = ()) -> bool:
    """Return whether a function has a free argument of a name.

    Parameters
    ----------
    function : callable
    name : str
    taken : sequence of str
        Names of dimensions, which are never free.
    """
    return name not in taken and _has_free(function, name)


def _has_free(function: Any, name: str) -> bool:
    """Tell whether a callable takes a keyword argument of this name that is not bound yet."""
    if isinstance(function, functools.partial):
        left = _parameters(function) or {}
        return name in left and name not in function.keywords and _has_free(function.func, name)
    if isinstance(function, MethodType):
        return _has_free(function.__func__, name)
    attributes = getattr(function, "__dict__", {})
    call = getattr(function, "__call__", None)  # noqa: B004 - of an object that is no function
    if isinstance(call, (functools.partial, MethodType)) and "__wrapped__" not in attributes:
        return _has_free(call, name)
    parameters = _parameters(function, follow_wrapped=False)
    if parameters is not None and name in parameters:
        return parameters[name].kind in (_EITHER, _KEYWORD)
    if parameters is not None and all(p.kind != _OTHERS for p in parameters.values()):
        return False
    return "__wrapped__" in attributes and _has_free(attributes["__wrapped__"], name)


def _parameters(
    function: Any, follow_wrapped: bool = True
) -> Mapping[str, inspect.Parameter] | None:
    """Return the parameters of a callable; None if it has no signature, like some built-in ones."""
    try:
        return inspect.signature(function, follow_wrapped=follow_wrapped).parameters
    except (TypeError, ValueError):
        return None


def check_values(values: Any, n: int) -> list[Any]:
    """Return the values of a vectorized function as a list of one value for each point.

    Raises
    ------
    WrongShape
        If there are more or fewer than n.
    """
    array = unmasked(values)
    if array.shape not in ((n,), (n, 1)):
        raise WrongShape(
            f"a vectorized objective must return {n} values for {n} points, got an array of shape "
            f"{array.shape}"
        )
    result: list[Any] = array.reshape(n).tolist()
    return result
