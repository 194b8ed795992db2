"""Stop rules and what a person sees of failures."""

import logging

import numpy as np
import pytest
from objectives import BOX, die, pseudo_random, sphere

import zoopt
from zoopt import EarlyStopping, Plateau, minimize


def ramp(values):
    """Return an objective that gives these values in turn."""
    turn = iter(values)
    return lambda x: next(turn)


def test_early_stopping_counts_from_the_last_improvement():
    values = [5.0, 4.0, 4.0, 3.0, 3.0, 3.0, 3.0, 3.0, 0.0]
    result = minimize(ramp(values), BOX, budget=9, seed=0, stop=EarlyStopping(4))
    assert (result.status, result.nfev) == ("stop", 8)
    result = minimize(ramp(values), BOX, budget=9, seed=0, stop=EarlyStopping(3, min_delta=1.5))
    assert (result.status, result.nfev) == ("stop", 7)


def test_rules_begin_anew_with_each_run():
    rule = EarlyStopping(5)
    runs = [minimize(lambda x: 1.0, BOX, budget=100, seed=0, stop=rule).nfev for _ in range(2)]
    assert runs == [6, 6]
    rule = Plateau(4, std=0.0)
    runs = [minimize(lambda x: 1.0, BOX, budget=100, seed=0, stop=rule).nfev for _ in range(2)]
    assert runs == [4, 4]


def test_a_plateau_is_that_of_the_best_values():
    values = [9.0, 1.0, 7.0, 1.1, 6.0, 1.05, 0.0]
    result = minimize(ramp(values), BOX, budget=7, seed=0, stop=Plateau(3, std=0.05))
    assert (result.status, result.nfev) == ("stop", 6)


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
@pytest.mark.parametrize("rule", [EarlyStopping(10), Plateau(4)])
def test_failures_are_no_improvement_and_no_value(rule):
    result = minimize(lambda x: float("nan"), BOX, budget=15, seed=0, stop=rule)
    assert result.nfev == (10 if isinstance(rule, EarlyStopping) else 15)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: EarlyStopping(0), "patience must be"),
        (lambda: EarlyStopping(3, min_delta=-1), "min_delta must be"),
        (lambda: Plateau(1), "top must be"),
        (lambda: Plateau(3, std=-1), "std must be"),
    ],
)
def test_bad_settings_of_rules_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.filterwarnings("ignore::zoopt.EvaluationWarning")
def test_failures_are_listed_and_counted_by_kind(caplog):
    def fun(x):
        chance = pseudo_random(x)
        if chance < 0.1:
            raise ValueError("boom")
        if chance < 0.2:
            return None
        if chance < 0.4:
            die("SIGKILL")
        return sphere(x)

    with caplog.at_level(logging.INFO, "zoopt"):
        result = minimize(fun, BOX, budget=80, seed=0, workers=2, retries=0)
    kinds = result.failures_by_kind
    assert set(kinds) == {"failed", "invalid", "lost"}
    assert {kind: len(found) for kind, found in kinds.items()} == result.failure_counts
    assert sum(result.failure_counts.values()) == result.n_failed
    for failure in kinds["failed"]:
        assert failure.x.shape == (4,)
        assert "boom" in failure.error
        assert "Traceback" in failure.error
    assert f"{len(kinds['lost'])} lost" in str(result)
    assert "died by signal SIGKILL" in caplog.text
    assert "sracos starts" in caplog.text
    assert np.isnan(result.history[result.statuses != "ok"]).all()
    assert isinstance(result, zoopt.Result)
