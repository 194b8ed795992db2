"""Constraints on the problems of COCO's suite bbob-constrained: ranking and feasibility."""

import numpy as np
import pytest

from zoopt import minimize

cocoex = pytest.importorskip("cocoex")

SUITE = cocoex.Suite("bbob-constrained", "instances:1", "dimensions:2,5")
BUDGET = 200


class Watch:
    def __init__(self):
        self.points = []

    def on_tell(self, search, candidate, evaluation):
        self.points.append(np.array(candidate.x))


@pytest.fixture(params=range(len(SUITE)), ids=lambda i: f"f{i % 54 + 1:03}_d{(2, 5)[i // 54]:02}")
def problem(request):
    problem = SUITE[request.param]
    yield problem
    problem.free()


@pytest.mark.parametrize("algorithm", ["sracos", "racos"])
def test_what_is_returned_is_the_best_that_was_tried_by_the_suite_s_own_words(problem, algorithm):
    box = list(zip(problem.lower_bounds, problem.upper_bounds, strict=True))
    for start in (None, problem.initial_solution):  # which is feasible
        watch = Watch()
        result = minimize(
            lambda x: problem(x),
            box,
            budget=BUDGET,
            algorithm=algorithm,
            seed=0,
            x0=start,
            constraint=lambda x: -problem.constraint(x),
            callbacks=[watch],
        )
        values = np.array([problem(x) for x in watch.points])
        violations = np.array([problem.constraint(x).max() for x in watch.points])
        assert (result.history == values).all()
        assert (result.violations == violations).all()
        order = np.lexsort((np.arange(BUDGET), values, np.maximum(violations, 0.0)))
        assert (result.x == watch.points[order[0]]).all()
        assert result.fun == problem(result.x)
        assert result.success == (problem.constraint(result.x) <= 0.0).all()
        assert result.maxcv == max(0.0, problem.constraint(result.x).max())
        if start is not None:
            assert result.success
            assert result.fun <= problem(start)
