"""Tests for solvers, executors and deltas that you write yourself.

`check_solver`
    Checks that a solver fulfills the ask-and-tell contract, on one search space with one seed.
`check_executor`
    Checks that an executor evaluates every candidate once, and handles failures and cancellation.
`check_delta`
    Compares a ``delta`` with the whole objective.

The first two call the functions of a list, `LAWS` or `EXECUTOR_LAWS`. Each function is a law and
raises AssertionError if the law is broken. With pytest, make each law a separate test to see at
once which ones are broken:

.. code-block:: python

    import pytest
    from zoopt.testing import LAWS, SPACES

    from my_package import MySolver


    @pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
    @pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
    def test_my_solver_obeys_the_law(law, space):
        law(MySolver, space, seed=0)

`drive`, `objective` and `outcome` help you write more tests. `FaultyExecutor` delivers results
late, out of order and with failures, reproducibly.
"""

from zoopt.testing.deltas import check_delta
from zoopt.testing.driving import drive, objective, outcome
from zoopt.testing.executors import (
    EXECUTOR_LAWS,
    FaultyExecutor,
    MakeExecutor,
    check_executor,
)
from zoopt.testing.solvers import LAWS, Law, MakeSolver, check_solver
from zoopt.testing.spaces import SPACES, spaces_for

__all__ = [
    "EXECUTOR_LAWS",
    "LAWS",
    "SPACES",
    "FaultyExecutor",
    "Law",
    "MakeExecutor",
    "MakeSolver",
    "check_delta",
    "check_executor",
    "check_solver",
    "drive",
    "objective",
    "outcome",
    "spaces_for",
]
