"""Run a solver by ask and tell, with a cheap objective and injected failures."""

import math
from collections.abc import Callable

import numpy as np

from zoopt.core.candidate import Candidate
from zoopt.core.errors import Exhausted
from zoopt.core.evaluation import Evaluation
from zoopt.core.solver import Solver

__all__ = ["IN_FLIGHT", "N_TELLS", "drive", "objective", "outcome"]

#: Candidates in flight, and number of tells, of a law's run.
IN_FLIGHT = 8
N_TELLS = 60


def objective(candidate: Candidate) -> float:
    """Return the value of a test objective, which depends on every coordinate and has ties.

    Parameters
    ----------
    candidate : Candidate

    Returns
    -------
    float

    Examples
    --------
    >>> from zoopt import RandomSearch, Space
    >>> objective(RandomSearch(Space([(0, 1)]), budget=10, seed=0).ask()) >= 0.0
    True
    """
    u = candidate.u
    return float(np.round(np.abs(u - 0.3) @ np.arange(1, len(u) + 1), 2))


def outcome(candidate: Candidate, rng: np.random.Generator) -> Evaluation:
    """Return the evaluation of a candidate, which fails with a probability of one fifth.

    Parameters
    ----------
    candidate : Candidate
    rng : numpy.random.Generator
        Decides about failures and their status.

    Returns
    -------
    Evaluation

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import RandomSearch, Space
    >>> candidate = RandomSearch(Space([(0, 1)]), budget=10, seed=0).ask()
    >>> outcome(candidate, np.random.default_rng(0)).status
    'ok'
    """
    if rng.random() < 0.8:
        return Evaluation(objective(candidate))
    status = ("failed", "invalid", "timeout", "lost")[int(rng.integers(4))]
    return Evaluation(math.nan, status, error="injected")


def drive(
    solver: Solver,
    rng: np.random.Generator,
    n_tells: int = N_TELLS,
    in_flight: int = IN_FLIGHT,
    judge: Callable[[Candidate, np.random.Generator], Evaluation] = outcome,
) -> list[tuple[Candidate, Evaluation]]:
    """Run a solver with several candidates in flight that are told in random order.

    Parameters
    ----------
    solver : Solver
        Continued from its current state; its candidates in flight are told as well.
    rng : numpy.random.Generator
        Chooses the next candidate to tell; passed to ``judge``.
    n_tells : int
        Number of tells after which the run ends.
    in_flight : int
        Largest number of candidates in flight.
    judge : callable
        ``judge(candidate, rng)`` returns an Evaluation. The default is `outcome`, which fails for
        one candidate in five.

    Returns
    -------
    list of (Candidate, Evaluation)
        In the order of the tells. Shorter than ``n_tells`` if the solver is exhausted.

    Raises
    ------
    AssertionError
        If the solver waits or is exhausted although the contract forbids it.

    Examples
    --------
    >>> import numpy as np
    >>> from zoopt import RandomSearch, Space
    >>> solver = RandomSearch(Space([(0, 1)] * 3), budget=60, seed=0)
    >>> len(drive(solver, np.random.default_rng(0)))
    60
    """
    flight = solver.in_flight
    told: list[tuple[Candidate, Evaluation]] = []
    ended = False
    while len(told) < n_tells:
        while len(flight) < in_flight and not ended:
            try:
                candidate = solver.ask()
            except Exhausted:
                assert not flight, "Exhausted was raised while candidates were in flight"
                ended = True
                break
            if candidate is None:
                assert flight, "ask returned None with nothing in flight"
                break
            flight.append(candidate)
        if not flight:
            break
        candidate = flight.pop(int(rng.integers(len(flight))))
        evaluation = judge(candidate, rng)
        solver.tell(candidate, evaluation)
        told.append((candidate, evaluation))
    return told
