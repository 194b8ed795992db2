"""The conformance suites: laws of solvers and of executors, for those of others too."""

from zoopt.testing.deltas import check_delta
from zoopt.testing.executors import EXECUTOR_LAWS, FaultyExecutor, check_executor
from zoopt.testing.solvers import (
    LAWS,
    SPACES,
    MakeSolver,
    check_solver,
    drive,
    objective,
    outcome,
    spaces_for,
)

__all__ = [
    "EXECUTOR_LAWS",
    "LAWS",
    "SPACES",
    "FaultyExecutor",
    "MakeSolver",
    "check_delta",
    "check_executor",
    "check_solver",
    "drive",
    "objective",
    "outcome",
    "spaces_for",
]
