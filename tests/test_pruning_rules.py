"""The rules that prune, against their definitions; the trial that functions report to."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zoopt
from zoopt import Evaluation, HyperbandPruner, MedianPruner, PercentilePruner, RunningTrial
from zoopt import SuccessiveHalvingPruner as HalvingPruner
from zoopt.core.evaluation import rank
from zoopt.pruning import described, pruner_of, restored

RULES = [
    MedianPruner(n_startup_trials=2),
    PercentilePruner(30.0, 1, n_warmup_steps=2, interval_steps=3, n_min_trials=2),
    HalvingPruner(),
    HalvingPruner(2, 2, 1, bootstrap_count=2),
    HyperbandPruner(),
    HyperbandPruner(1, 9, 2, bootstrap_count=1),
]

some_value = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-2, 2), st.sampled_from([math.nan, 1e300])
)
curves = st.lists(some_value, max_size=20)
some_status = st.sampled_from(["ok", "ok", "pruned", "failed", "lost"])
histories = st.lists(st.tuples(some_status, curves, st.integers(1, 3)), max_size=12)


def reports_of(curve, stride=1):
    return tuple((stride * i, value) for i, value in enumerate(curve))


def evaluation_of(status, curve, stride=1):
    value = 1.0 if status == "ok" else math.nan
    return Evaluation(value, status, reports=reports_of(curve, stride))


def trial_of(rule, cutoffs, reports):
    trial = RunningTrial(0, rule, cutoffs)
    for step, value in reports:
        trial.report(step, value)
    return trial


def told(rule, history):
    rule = copy.deepcopy(rule)
    for number, (status, curve, stride) in enumerate(history):
        rule.tell(number, evaluation_of(status, curve, stride))
    return rule


# ------------------------------------------------------------- the rules by their definitions


def percentile_prunes(rule, history, reports):
    """Prune by the definition of the percentile rule, from scratch."""
    ok = [dict(reports_of(curve, stride)) for status, curve, stride in history if status == "ok"]
    step = reports[-1][0]
    if len(ok) < max(1, rule.n_startup_trials) or step < rule.n_warmup_steps:
        return False
    width = rule.interval_steps
    interval = (step - rule.n_warmup_steps) // width
    if any((s - rule.n_warmup_steps) // width == interval for s, _ in reports[:-1]):
        return False
    mine = [value for _, value in reports if value == value]
    if not mine:
        return True
    theirs = [r[step] for r in ok if step in r and r[step] == r[step]]
    if len(theirs) < rule.n_min_trials:
        return False
    with np.errstate(invalid="ignore"):
        bound = np.percentile(theirs, rule.percentile)
    return bool(min(mine) > bound)


def at_rung(reports, rung):
    return next((value for step, value in reports if step >= rung), None)


def halving_prunes(rule, history, reports, number=0, resource=None):
    """Prune by the definition of asynchronous successive halving, from scratch."""
    history = [(s, reports_of(c, d)) for s, c, d in history if s in ("ok", "pruned") and c]
    if resource is None:
        resource = rule.min_resource
    if resource == "auto":
        first = next((i for i, (s, _) in enumerate(history) if s == "ok"), None)
        if first is None:
            return False
        resource = max(1, history[first][1][-1][0] // 100)
        history = history[first + 1 :]
    k = rule.min_early_stopping_rate
    while (mine := at_rung(reports, resource * rule.reduction_factor**k)) is not None:
        rung = resource * rule.reduction_factor**k
        theirs = [v for _, r in history if (v := at_rung(r, rung)) is not None and v == v]
        n = len(theirs) + 1
        if mine != mine or n <= rule.bootstrap_count:
            return True
        if mine > sorted([*theirs, mine])[max(1, n // rule.reduction_factor) - 1]:
            return True
        k += 1
    return False


@pytest.mark.parametrize("rule", RULES[:4], ids=repr)
@given(history=histories, curve=curves.filter(bool), stride=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_rule_decides_by_its_definition(rule, history, curve, stride):
    cutoffs = told(rule, history).cutoffs(len(history))
    expected = percentile_prunes if isinstance(rule, PercentilePruner) else halving_prunes
    for n in range(1, len(curve) + 1):
        reports = reports_of(curve[:n], stride)
        prunes = trial_of(rule, cutoffs, reports).should_prune()
        assert prunes == expected(rule, history, reports)


@pytest.mark.parametrize("percentile", [0.0, 10.0, 25.0, 50.0, 75.0, 99.0, 100.0])
@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
@settings(max_examples=15, deadline=None)
def test_percentiles_are_those_of_numpy(percentile, values):
    rule = PercentilePruner(percentile, 1)
    for value in values:
        rule.tell(0, evaluation_of("ok", [value]))
    assert rule.cutoffs(9)[0] == np.percentile(values, percentile)


@pytest.mark.parametrize(
    ("resource", "eta", "n"), [(1, 3, 1), (30, 3, 4), (81, 3, 5), (243, 3, 6), (64, 2, 7)]
)
def test_brackets_have_the_shares_of_the_paper(resource, eta, n):
    rule = HyperbandPruner(1, resource, eta)
    firsts = np.array([rule.cutoffs(number).first for number in range(3000)])
    assert sorted(set(firsts.tolist())) == [eta**k for k in range(n)]
    sizes = [math.ceil(n * eta ** (n - 1 - k) / (n - k)) for k in range(n)]
    for k, size in enumerate(sizes):
        share = size / sum(sizes)
        for m in (30, 300, 3000):  # at any time, not only in the end
            assert abs((firsts[:m] == eta**k).sum() - m * share) < 4.0


def test_brackets_do_not_compare_with_each_other():
    rule = HyperbandPruner(1, 9, 3)
    numbers = [n for n in range(40) if rule.cutoffs(n).first == 1]
    for number in numbers[:6]:
        rule.tell(number, evaluation_of("ok", [0.0] * 9))
    seen = {rule.cutoffs(n).first: rule.cutoffs(n).cutoffs for n in range(40)}
    assert seen[1] == (0.0, 0.0)
    assert seen[3] == seen[9] == ()


def test_hyperband_takes_the_first_success_for_a_complete_trial():
    rule = HyperbandPruner()
    rule.tell(0, evaluation_of("pruned", [1.0] * 30))
    assert rule.cutoffs(1) is None
    rule.tell(1, evaluation_of("ok", [1.0] * 30))
    assert {rule.cutoffs(n).first for n in range(50)} == {1, 3, 9, 27}


@pytest.mark.parametrize("rule", RULES, ids=repr)
@given(history=histories, later=histories)
@settings(max_examples=15, deadline=None)
def test_cutoffs_stay_what_they_were_and_travel(rule, history, later):
    rule = told(rule, history)
    cutoffs = rule.cutoffs(7)
    before = pickle.dumps(cutoffs)
    for number, (status, curve, stride) in enumerate(later):
        rule.tell(number, evaluation_of(status, curve, stride))
    assert pickle.dumps(cutoffs) == before
    again = pickle.loads(before)
    assert again == cutoffs or "nan" in repr(cutoffs)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_rule_is_restored_from_its_description(rule):
    twin = restored(described(rule))
    assert type(twin) is type(rule)
    assert repr(twin) == repr(rule)
    assert repr(eval(repr(rule), vars(zoopt))) == repr(rule)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_what_diverges_is_pruned(rule):
    good = [1.0 / (1 + i) for i in range(20)]
    rule = told(rule, [("ok", good, 1)] * 30)
    assert any(
        trial_of(rule, rule.cutoffs(n), reports_of([math.nan] * 12)).should_prune()
        for n in range(5)
    )


def test_some_trials_survive_every_rule():
    """The best trial so far is never pruned by a rule that compares, whatever came before."""
    rng = np.random.default_rng(0)
    for rule in (RULES[0], RULES[1], RULES[2], RULES[4]):
        history = [("ok", sorted(rng.random(20), reverse=True), 1) for _ in range(30)]
        learned = told(rule, history)
        best = np.array([curve for _, curve, _ in history]).min(0) - 0.1
        for n in range(1, 21):
            trial = trial_of(rule, learned.cutoffs(31), reports_of(best[:n]))
            assert not trial.should_prune()


# ------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PercentilePruner(101), "percentile must be at most 100"),
        (lambda: PercentilePruner(-1), "percentile must be at least 0"),
        (lambda: MedianPruner(n_startup_trials=-1), "n_startup_trials"),
        (lambda: MedianPruner(n_warmup_steps=-1), "n_warmup_steps"),
        (lambda: MedianPruner(interval_steps=0), "interval_steps"),
        (lambda: MedianPruner(n_min_trials=0), "n_min_trials"),
        (lambda: HalvingPruner("never"), "min_resource must be a number or 'auto', got 'never'"),
        (lambda: HalvingPruner(0), "min_resource must be at least 1"),
        (lambda: HalvingPruner(1, 1), "reduction_factor must be at least 2"),
        (lambda: HalvingPruner(1, 2, -1), "min_early_stopping_rate"),
        (lambda: HalvingPruner(bootstrap_count=1), "bootstrap_count needs a number"),
        (lambda: HyperbandPruner(0), "min_resource must be at least 1"),
        (lambda: HyperbandPruner(9, 3), "max_resource must be at least min_resource=9, got 3"),
        (lambda: HyperbandPruner(max_resource=0), "max_resource must be at least 1"),
        (lambda: HyperbandPruner(bootstrap_count=1), "bootstrap_count needs a number"),
        (lambda: pruner_of("mean"), "pruner must be one of .*'median'.* got 'mean'"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("given", [3, MedianPruner, lambda trial: True])
def test_a_pruner_is_a_pruner_or_a_name(given):
    with pytest.raises(TypeError, match="pruner must be a Pruner or one of"):
        pruner_of(given)


def test_names_are_case_insensitive():
    assert repr(pruner_of("Median")) == repr(MedianPruner())


# ------------------------------------------------------------- the trial


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0.5, 3), ValueError, r"step must be a whole number, got 0.5; the order is report\(step"),
        ((-1, 0.5), ValueError, "step must be at least 0"),
        (("1", 0.5), TypeError, "step must be a number"),
        ((True, 0.5), TypeError, "step must be a number"),
        ((math.nan, 0.5), ValueError, "step must be finite"),
        ((4, 0.5), ValueError, "step must be at least 5, that of the last report, got 4"),
        ((6, "0.5"), TypeError, "value must be a number, got '0.5'"),
        ((6, None), TypeError, "value must be a number, got None"),
        ((6, 1j), TypeError, "value must be a number"),
        ((6, np.zeros(2)), TypeError, "value must be a number"),
    ],
)
def test_bad_reports_are_named(arguments, error, message):
    trial = RunningTrial()
    trial.report(5, 1.0)
    with pytest.raises(error, match=message):
        trial.report(*arguments)
    assert trial.reports == {5: 1.0}


def test_reports_of_all_kinds_of_numbers_are_native():
    trial = RunningTrial()
    for step, value in [(np.int64(1), np.float32(0.5)), (2.0, np.array([2])), (3, np.bool_(True))]:
        trial.report(step, value)
    trial.report(4, np.ma.masked)
    assert repr(trial.reports) == "{1: 0.5, 2: 2.0, 3: 1.0, 4: nan}"


@given(
    reports=st.lists(st.tuples(st.integers(0, 6), some_value), max_size=30).map(
        lambda r: sorted(r, key=lambda pair: pair[0])
    )
)
def test_a_report_at_the_same_step_replaces_the_last(reports):
    trial = RunningTrial(7)
    for n, (step, value) in enumerate(reports, 1):
        trial.report(step, value)
        expected = dict(reports[:n])
        assert repr(trial.reports) == repr(expected)
        numbers = [v for v in expected.values() if v == v]
        assert repr(trial.best) == repr(min(numbers, default=math.nan))
        assert trial.step == max(expected)
        assert repr(trial.value) == repr(expected[trial.step])
        assert not trial.should_prune()


def test_a_rule_is_not_asked_before_the_first_report():
    assert not RunningTrial(0, MedianPruner(), {0: -1.0}).should_prune()


# ------------------------------------------------------------- their rank


def pruned(*values, violation=0.0):
    return Evaluation(math.nan, "pruned", violation, reports=reports_of(values))


def test_pruned_trials_rank_between_successes_and_failures_by_last_report():
    ordered = [
        Evaluation(-math.inf),
        Evaluation(math.inf),
        Evaluation(-9.0, violation=1e-9),
        Evaluation(0.0, violation=math.inf),
        pruned(9.0, -math.inf),
        pruned(-5.0, 1.0),
        pruned(2.0),
        pruned(math.nan),
        pruned(0.0, violation=0.5),
        pruned(-1.0, violation=7.0),
        pruned(-2.0, violation=math.inf),
        Evaluation(math.nan, "failed"),
    ]
    keys = [rank(evaluation, n) for n, evaluation in enumerate(ordered)]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert rank(pruned(), 3) == rank(pruned(math.nan), 5)  # without a report
