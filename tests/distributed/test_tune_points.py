"""Points that a user of ZOOptSearch gives, and trials that a scheduler stops early."""

import math
import random
from types import SimpleNamespace

import pytest

tune = pytest.importorskip("ray.tune")


from zoopt.distributed import ZOOptSearch  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are not ours to turn into errors

SPACE = {
    "rate": tune.loguniform(1e-3, 1.0),
    "inner": {"n": tune.randint(1, 9), "act": tune.choice(["relu", {"name": "elu"}, None])},
    "q": tune.quniform(0.0, 0.9, 0.1),
    "epochs": 10,
}
POINT = {"rate": 0.1, "inner": {"n": 3, "act": {"name": "elu"}}, "q": 0.3}
FULL = {**POINT, "q": 3 * 0.1, "epochs": 10}  # 0.3 as Tune forms it


def searcher(**options):
    return ZOOptSearch(SPACE, "loss", options.pop("mode", "min"), **{"seed": 0, **options})


def loss_of(config):
    return abs(math.log10(config["rate"]) + 2) + config["inner"]["n"] + config["q"]


# ----------------------------------------------------------------- points


def test_points_are_tried_first_exactly_as_they_were_given():
    points = [
        FULL,
        {"rate": 0.7, "inner/n": 8, "inner/act": None, "q": 0.0},
        {"rate": 1.0, "inner": {"n": 1, "act": "relu"}, "q": 0.9},  # the excluded bound: as asked
        FULL,  # once is enough
    ]
    search = searcher(points_to_evaluate=points)
    configs = [search.suggest(str(i)) for i in range(4)]
    assert configs[0] == FULL
    assert configs[1] == {"rate": 0.7, "inner": {"n": 8, "act": None}, "q": 0.0, "epochs": 10}
    assert configs[2]["rate"] == 1.0
    assert configs[3] != FULL
    assert search.suggest("0") == FULL


def test_a_partial_point_is_completed_at_random_from_the_seed():
    def first(seed):
        points = [{"inner": {"n": 5}}, {"rate": 0.5}]
        search = searcher(seed=seed, points_to_evaluate=points)
        return search.suggest("0"), search.suggest("1")

    drawn = [first(seed) for seed in range(8)]
    assert all(a["inner"]["n"] == 5 and b["rate"] == 0.5 for a, b in drawn)
    assert len({a["rate"] for a, _ in drawn}) == 8
    assert all(1e-3 <= a["rate"] < 1.0 for a, _ in drawn)
    assert first(3) == drawn[3]
    assert searcher(seed=3).suggest("0")["rate"] != drawn[3][0]["rate"]  # another stream


def test_a_point_off_the_grid_is_its_neighbor_and_one_outside_is_refused():
    search = searcher(points_to_evaluate=[{**POINT, "q": 0.33}])
    assert search.suggest("0")["q"] == 3 * 0.1
    with pytest.raises(ValueError, match=r"'q': 0\.94 is outside \[0\.0, 0\.9\]"):
        searcher(points_to_evaluate=[{**POINT, "q": 0.94}])


@pytest.mark.parametrize("mode", ["min", "max"])
def test_evaluated_points_are_known_and_not_tried_again(mode):
    others = [{**POINT, "rate": 0.2}, {**POINT, "rate": 0.3}]
    search = searcher(
        mode=mode,
        points_to_evaluate=[POINT, *others],
        evaluated_rewards=[5.0, 7.0, math.nan],
        budget=20,
    )
    configs = [search.suggest(str(i)) for i in range(20)]
    assert not any({**FULL, "rate": rate} in configs for rate in (0.1, 0.2, 0.3))
    assert search.best == ((FULL, 5.0) if mode == "min" else ({**FULL, "rate": 0.2}, 7.0))
    assert search.suggest("20") == "FINISHED"  # they are no part of the budget


def test_points_are_evaluated_elsewhere():
    search = searcher(mode="max")
    search.add_evaluated_point({**FULL, "epochs": 99, "another": 1}, 4.0)
    assert search.best == (FULL, 4.0)
    search.add_evaluated_point({**FULL, "rate": 0.2}, 9.0, error=True)
    search.add_evaluated_point({**FULL, "rate": 0.3}, None)
    assert search.best.value == 4.0
    search.add_evaluated_point({**FULL, "rate": 0.4}, None, intermediate_values=[1.0, 6.0])
    assert search.best.value == 6.0
    with pytest.raises(ValueError, match="parameters lacks parameter 'q'"):
        search.add_evaluated_point({"rate": 0.1, "inner": POINT["inner"]}, 1.0)


def test_categories_that_tune_hides_are_explained():
    space = {"act": tune.choice([("__ref_ph", "01234567"), "relu"])}
    search = ZOOptSearch(points_to_evaluate=[{"act": math.sin}])
    with pytest.raises(ValueError, match=r"act.*ZOOptSearch\(space=\.\.\.\)"):
        search.set_search_properties("loss", "min", space)


# ----------------------------------------------------------------- trials stopped early


def run_trial(search, trial_id, losses, returns=False):
    """Report losses as Tune does; a scheduler stops the trial at the last one, or it returns."""
    results = [{"loss": v, "training_iteration": i + 1} for i, v in enumerate(losses)]
    for result in results[:-1]:
        search.on_trial_result(trial_id, result)
    if returns:
        search.on_trial_result(trial_id, results[-1])
    search.on_trial_complete(trial_id, {**results[-1], "done": True})


def test_a_stopped_trial_counts_with_its_last_value():
    search = searcher()
    search.suggest("a")
    run_trial(search, "a", [5.0, 3.0, 2.0])
    assert search.best.value == 2.0


def test_with_max_t_stopped_trials_rank_by_how_far_they_got():
    search = searcher(max_t=9, algorithm=None, budget=200)  # 12 members, 2 of them positive
    order = []
    for name, losses in {
        "stopped at 3, good": [1.0] * 3,
        "whole, bad": [9.0] * 9,
        "stopped at 1, best": [0.0],
        "whole, better": [8.0] * 9,
        "stopped at 3, bad": [4.0] * 3,
    }.items():
        search.suggest(name)
        run_trial(search, name, losses)
        order.append(name)
    ranked = sorted(
        search.solver.positives + search.solver.negatives, key=lambda member: member[2:]
    )
    assert [order[ident] for ident, *_ in ranked] == [
        "whole, better",
        "whole, bad",
        "stopped at 3, good",
        "stopped at 3, bad",
        "stopped at 1, best",
    ]
    assert search.best.value == 8.0


def test_with_max_t_a_trial_that_returns_is_whole():
    search = searcher(max_t=9)
    for name, returns in (("stopped", False), ("returned", True)):
        search.suggest(name)
        run_trial(search, name, [3.0 if returns else 1.0], returns)
    assert search.best.value == 3.0
    search.add_evaluated_point(FULL, 0.5, pruned=True, intermediate_values=[1.0, 0.5])
    assert search.best.value == 3.0


def rising(config, t):
    """A metric that grows with time, as costs add up: the earlier, the better it looks."""
    return t * (1 + abs(math.log10(config["rate"]) + 2) + config["inner"]["n"] + config["q"])


def halving(search, seed, n_epochs=500, max_t=9):
    """Run Tune's own ASHA by hand; the best configuration that ran to the end, at the end."""
    from ray.tune.schedulers import ASHAScheduler

    scheduler = ASHAScheduler(metric="loss", mode="min", max_t=max_t, reduction_factor=3)
    rng = random.Random(seed)
    live, best, n = {}, math.inf, 0
    for _ in range(n_epochs):
        while len(live) < 4:
            config = search.suggest(str(n))
            live[str(n)] = [SimpleNamespace(trial_id=str(n)), config, 0]
            scheduler.on_trial_add(None, live[str(n)][0])
            n += 1
        trial_id = rng.choice(sorted(live))
        trial, config, t = live[trial_id]
        live[trial_id][2] = t = t + 1
        result = {"loss": rising(config, t), "training_iteration": t}
        if scheduler.on_trial_result(None, trial, result) == "STOP":
            scheduler.on_trial_complete(None, trial, result)
            search.on_trial_complete(trial_id, result)
            best = min(best, rising(config, max_t) if t == max_t else math.inf)
            del live[trial_id]
        else:
            search.on_trial_result(trial_id, result)
    return best


def test_max_t_helps_where_values_rise_with_time():
    plain = [halving(searcher(seed=seed), seed) for seed in range(12)]
    ranked = [halving(searcher(seed=seed, max_t=9), seed) for seed in range(12)]
    assert sum(ranked) < sum(plain)
