"""Compare a ``delta`` with the whole objective."""

import math
from collections.abc import Callable
from typing import Any

from zoopt.core.checks import whole
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import OK, Evaluation
from zoopt.core.registry import make_solver
from zoopt.core.seeds import Seed, root_seed
from zoopt.core.space import Space
from zoopt.objective import Objective
from zoopt.problem.algorithm import space_of
from zoopt.problem.calls import Calls, view_for
from zoopt.problem.steps import BySteps, parted
from zoopt.solution import SolutionView

__all__ = ["check_delta"]


def _is_close(value: Any, wanted: Any, rtol: float, atol: float) -> bool:
    a, b = Evaluation.of(value), Evaluation.of(wanted)
    if a.status != OK or b.status != OK:
        return a.status == b.status
    return math.isclose(a.value, b.value, rel_tol=rtol, abs_tol=atol)


def check_delta(
    fun: Any,
    delta: Callable[..., Any] | None = None,
    space: Any = None,
    *,
    n: int = 300,
    seed: Seed = None,
    rtol: float = 1e-7,
    atol: float = 1e-9,
) -> int:
    """Check that a delta returns the same values as the whole objective.

    SRACOS runs on the space. Each of its points is evaluated both ways.

    Parameters
    ----------
    fun : callable or Objective
        The objective, as in `zoopt.minimize`. An Objective brings its own delta and space.
    delta : callable, optional
        As in `zoopt.minimize`.
    space : Space, or anything that `zoopt.minimize` accepts as a space, optional
    n : int
        Number of evaluations.
    seed : int, SeedSequence or None
        Seed of the run.
    rtol, atol : float
        Values may differ by ``atol + rtol * abs(value)``.

    Returns
    -------
    int
        Number of steps compared. Points without a known predecessor are not steps.

    Raises
    ------
    TypeError
        If there is no delta.
    AssertionError
        If a value differs; the message describes the step.

    Examples
    --------
    >>> from zoopt.testing import check_delta
    >>> def delta(step):
    ...     return step.value + sum(step.values) - sum(step.old)
    >>> check_delta(lambda x: float(x.sum()), delta, [(-1, 1)] * 50, seed=0) > 100
    True
    """
    if isinstance(fun, Objective):
        delta, given = fun.get_delta(), space_of(fun.get_dim())
        evaluate = Calls(fun.get_func(), SolutionView(given), seed=root_seed(seed))
    else:
        given = space if isinstance(space, Space) else Space(space)
        evaluate = Calls(fun, view_for(given), seed=root_seed(seed))
    if not callable(delta):
        raise TypeError(f"delta must be callable, got {delta!r}")
    solver = make_solver("sracos", given, budget=whole(n, "n", least=1), seed=seed)
    solver.take_steps()
    both = BySteps(evaluate, delta, given)
    n_steps = 0
    for _ in range(n):
        try:
            candidate = solver.ask()
        except Exhausted:
            break
        assert candidate is not None  # nothing is in flight
        value, _, state = both(candidate)
        if candidate.record is not None:
            n_steps += 1
            wanted = parted(evaluate(candidate)[0])[0]
            if not _is_close(value, wanted, rtol, atol):
                changed = given.dimensions_of((candidate.move or (0,))[1:])
                raise AssertionError(
                    f"delta returned {value!r} and the whole function {wanted!r} after a step from "
                    f"{candidate.record.value!r} in the dimensions {changed}"
                )
        evaluation = Evaluation.of(value)
        evaluation.extra = state
        solver.tell(candidate, evaluation)
    return n_steps
