"""Steps: objectives that can be updated, so that the cost of a change depends on its size alone.

Owns the argument of the user's ``delta`` and the states that it returns. A state is kept with its
point, in this process, as long as steps start from that point.
"""

import operator
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from zoopt.core.candidate import Candidate, StepCandidate
from zoopt.core.errors import FirstStepsFailed, Pruned
from zoopt.core.evaluation import Evaluation
from zoopt.core.lineage import Record
from zoopt.core.space import Row, Space
from zoopt.problem.calls import stochastic_argument
from zoopt.run.failures import FIRST_CALLS

__all__ = ["BySteps", "PointView", "Step", "check_steps", "parted"]


def check_steps(fun: Callable[..., Any], delta: Any) -> None:
    """Refuse functions that cannot be updated, because they are stochastic."""
    for name, function in (("the objective", fun), ("delta", delta)):
        kind = stochastic_argument(function)
        if kind is not None:
            raise ValueError(f"delta needs functions without noise, but {name} takes {kind!r}")


class PointView(Sequence[Any]):
    """A point in user units, of which only the values that are accessed are decoded.

    It is indexed like an array, by ints, slices and arrays of indices. ``numpy.asarray`` decodes
    all of it.

    Parameters
    ----------
    space : Space
    row : float64 array
        The encoded point.
    """

    __slots__ = ("_decode", "_item", "_row", "_space")

    def __init__(self, space: Space, row: Row) -> None:
        self._space = space
        self._row = row
        #: Decodes a value of any column, if all columns have the same type.
        self._decode = int if space.is_integer else bool if space.is_boolean else None
        self._item = row.item

    def __len__(self) -> int:
        return len(self._space)

    def __getitem__(self, index: Any) -> Any:
        try:
            if self._decode is not None:
                return self._decode(self._item(index))
            index = operator.index(index)
        except TypeError:
            return self._some(index)
        n = len(self._space)
        if not -n <= index < n:
            raise IndexError(f"dimension {index} is out of bounds for {n}")
        return self._space.decode_at(index % n, self._row)

    def _some(self, index: Any) -> npt.NDArray[Any]:
        if self._space.is_integer:
            whole_numbers: npt.NDArray[Any] = self._row[index].astype(np.int64)
            return whole_numbers
        if self._space.is_boolean:
            flags: npt.NDArray[Any] = self._row[index] > 0.0
            return flags
        which = np.arange(len(self._space))[index]
        values = [self._space.decode_at(i, self._row) for i in which.tolist()]
        some: npt.NDArray[Any] = np.fromiter(values, self._space.dtype, len(values))
        return some

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        whole_array = self._space.decode_array(self._row)
        return whole_array if dtype is None else whole_array.astype(dtype)

    def __repr__(self) -> str:
        return f"PointView({np.asarray(self)!r})"


class Step:
    """A change of a few values of a point, the parent; the argument of a ``delta``.

    Attributes
    ----------
    indices : list of int
        The dimensions that change, in any order.
    values : list
        Their new values, in the same order.
    old : list
        Their values in the parent, in the same order.
    x : 1-D array, or a view that is indexed like one
        The parent, before the change; read-only. Reading a few of its values takes the same time
        however many dimensions there are. Copy it if you keep it beyond the call.
    value : float
        The value of the parent.
    state : object
        The state that was returned with the value of the parent; None if there was none. Other
        steps start from it too, so return a new state instead of changing it.

    Examples
    --------
    >>> import numpy as np
    >>> import zoopt
    >>> weights = np.arange(1.0, 1001.0)
    >>> def load(x):
    ...     return float(weights @ x)
    >>> def delta(step):
    ...     change = zip(step.indices, step.old, step.values)
    ...     return step.value + sum(weights[i] * (new - old) for i, old, new in change)
    >>> space = [zoopt.Integer(0, 1)] * 1000
    >>> result = zoopt.minimize(load, space, delta=delta, budget=5000, seed=0)
    >>> result.fun == load(result.x)
    True
    """

    __slots__ = ("_codes", "_columns", "_record", "_row", "_space", "_state", "indices", "values")

    def __init__(
        self,
        space: Space,
        row: Row,
        record: Record,
        columns: Sequence[int],
        codes: Sequence[float],
        state: Callable[[], Any],
    ) -> None:
        self.indices = space.dimensions_of(columns)
        self.values = space.decode_columns(columns, codes)
        self._space = space
        self._row = row
        self._record = record
        self._columns = columns
        self._state = state

    @property
    def old(self) -> list[Any]:
        """The values of the changing dimensions in the parent."""
        row = self._row
        return self._space.decode_columns(self._columns, [row.item(k) for k in self._columns])

    @property
    def x(self) -> Any:
        """The parent, before the change."""
        return self._row if self._space.is_plain else PointView(self._space, self._row)

    @property
    def value(self) -> float:
        """The value of the parent."""
        return self._record.value

    @property
    def state(self) -> Any:
        """The state of the parent."""
        return self._state()

    def __repr__(self) -> str:
        return f"Step(indices={self.indices}, values={self.values}, value={self.value})"


class BySteps:
    """Evaluate steps by the user's ``delta``, and whole points by the objective.

    Parameters
    ----------
    evaluate : Calls
        Evaluates whole points, and gives the violation of steps.
    delta : callable
        ``delta(step)`` returns a value, or a value and a state.
    space : Space
    worked_before : callable, optional
        Returns whether a step succeeded in an earlier part of a resumed run.
    """

    def __init__(
        self,
        evaluate: Any,
        delta: Callable[[Step], Any],
        space: Space,
        worked_before: Callable[[], bool] = lambda: False,
    ) -> None:
        self._worked_before = worked_before
        self._evaluate = evaluate
        self._delta = delta
        self.space = space
        self._has_worked = False
        self._n_failed = 0
        self._lock = threading.RLock()

    def __call__(self, candidate: Candidate) -> tuple[Any, ...]:
        if not isinstance(candidate, StepCandidate) or candidate.record is None:
            answer, violation = self._evaluate(candidate)[:2]
            value, state = parted(answer)
            return value, violation, (state,)
        violation = self._evaluate.violation(candidate)
        columns = candidate.move[1:]
        answer = self._step(candidate.base, candidate.record, columns, candidate.values)
        value, state = parted(answer)
        if not self._has_worked:
            self._look_at(Evaluation.of(value).exception)
        return value, violation, (state,)

    def _step(
        self, row: Row, record: Record, columns: tuple[int, ...], codes: tuple[float, ...]
    ) -> Any:
        def state() -> Any:
            return self._state_of(row, record)

        step = Step(self.space, row, record, columns, codes, state)
        try:
            return self._delta(step)
        except (Pruned, KeyboardInterrupt):  # not bugs of the delta
            raise
        except BaseException as error:
            self._look_at(error)
            raise

    def _look_at(self, error: BaseException | None) -> None:
        """Count the failures of the first steps; raise if all of them fail."""
        if error is None:
            self._has_worked = True
        elif not self._has_worked and not self._worked_before():
            self._n_failed += 1
            if self._n_failed == FIRST_CALLS:
                raise FirstStepsFailed from error

    def _state_of(self, row: Row, record: Record) -> Any:
        extra = record.extra
        if extra is None:
            with self._lock:
                extra = self._made_again(row.copy(), record)
        return extra[0]

    def _made_again(self, row: Row, record: Record) -> tuple[Any]:
        """Make a state that is missing after a resume, by the same steps as before."""
        steps = []
        while record.extra is None and record.before is not None:
            steps.append(record)
            row[list(record.columns)] = record.old
            record = record.before
        if record.extra is None:
            whole_point = Candidate(-1, frozen(row.copy()), self.space)
            record.settle((parted(self._evaluate(whole_point)[0])[1],))
        for after in reversed(steps):
            row.flags.writeable = False
            answer = self._step(row, record, after.columns, after.new)
            after.settle((parted(answer)[1],))
            row.flags.writeable = True
            row[list(after.columns)] = after.new
            record = after
        made: tuple[Any] = record.extra
        return made


def frozen(row: Row) -> Row:
    """Return a row after making it read-only."""
    row.flags.writeable = False
    return row


def parted(answer: Any) -> tuple[Any, Any]:
    """Split the answer of a function or its delta into value and state; None without a state."""
    return answer if type(answer) is tuple and len(answer) == 2 else (answer, None)
