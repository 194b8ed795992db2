"""Solvers that take too long for the fast tier wherever many runs are made."""

import pytest

SLOW = {"model"}


def slow_marked(names):
    """Return names of solvers as parameters; those of slow ones run in the slow tier only."""
    return [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in names]
