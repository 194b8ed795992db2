"""Parameters that depend on a choice: nested ``tune.choice``, and `Choice` with branches."""

import collections
import copy
import math
import pickle

import numpy as np
import pytest

tune = pytest.importorskip("ray.tune")
ray = pytest.importorskip("ray")

from ray.tune.search.sample import Categorical, Domain, Float, Integer  # noqa: E402
from ray.tune.search.variant_generator import generate_variants  # noqa: E402

import zoopt  # noqa: E402
from zoopt.core.registry import registered  # noqa: E402
from zoopt.distributed import ZOOptSearch  # noqa: E402
from zoopt.distributed.tune.space import ConfigSpace  # noqa: E402
from zoopt.testing import SPACES  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are not ours to turn into errors


def models():
    return {
        "model": tune.choice(
            [
                {"kind": "svc", "C": tune.loguniform(1e-3, 1e3)},
                {"kind": "knn", "k": tune.randint(1, 60), "weights": tune.choice(["near", "all"])},
                "none",
            ]
        ),
        "x": tune.choice([tune.uniform(0, 1), tune.uniform(5, 6), None]),
        "epochs": 10,
    }


def branches():
    return {
        "fit": {
            "model": zoopt.Choice(
                {
                    "svc": {"C": zoopt.Real(1e-3, 1e3, log=True)},
                    "knn": {"k": zoopt.Integer(1, 60), "weights": zoopt.Choice(["near", "all"])},
                    "none": None,
                }
            ),
            "share": zoopt.Choice({"all": None, "some": zoopt.Real(0.1, 0.9)}),
            "epochs": 10,
        },
        "rate": tune.uniform(0, 1),
    }


def searcher(space, **options):
    return ZOOptSearch(space, "loss", "min", **{"seed": 0, **options})


def suggestions(space, n=60, **options):
    """Return the first configurations, all of them if there are fewer."""
    search = searcher(space, **options)
    configs = []
    for i in range(n):
        config = search.suggest(str(i))
        if config == "FINISHED":
            break
        search.on_trial_complete(str(i), {"loss": float(i)})
        configs.append(config)
    return configs


# ----------------------------------------------------------------- random spaces


def random_domain(rng):
    q = float(rng.choice([0.1, 0.25]))
    low = int(rng.integers(-3, 3))
    return [
        lambda: tune.uniform(low, low + 2),
        lambda: tune.loguniform(1e-3, 10),
        lambda: tune.quniform(0.0, 1.0, q),
        lambda: tune.qloguniform(0.5, 4.0, 0.5),
        lambda: tune.randint(low, low + 4),
        lambda: tune.lograndint(1, 20),
        lambda: tune.qrandint(0, 12, 3),
        lambda: tune.choice(["a", None, 1, (1, 2)]),
        lambda: tune.choice([{"name": "sgd"}, {"name": "adam", "betas": [0.9, 0.99]}]),
    ][int(rng.integers(9))]()


def random_node(rng, depth):
    """Return a random part of a space: a domain, a container, a constant, or a nested choice."""
    kinds = ["domain", "domain", "constant", "dict", "list", "choice", "choice"]
    kind = kinds[int(rng.integers(len(kinds) if depth < 3 else 3))]
    n = int(rng.integers(1, 4))
    if kind == "dict":
        return {"abc"[i]: random_node(rng, depth + 1) for i in range(n)}
    if kind == "list":
        if rng.random() < 0.3:  # Tune resolves no tuples in tuples
            return tuple(random_domain(rng) for _ in range(n))
        return [random_node(rng, depth + 1) for _ in range(n)]
    if kind == "choice":
        return tune.choice([random_node(rng, depth + 1) for _ in range(n)] + [random_domain(rng)])
    if kind == "constant":
        return [None, "none", 7, 2.5, [1, 2], {"fixed": True}][int(rng.integers(6))]
    return random_domain(rng)


def random_space(case):
    """Return a random configuration in which some category contains a domain."""
    rng = np.random.default_rng(case)
    while True:
        space = {"u": random_node(rng, 0), "v": random_node(rng, 0), "w": tune.uniform(0, 1)}
        if any(map(has_nested_choice, space.values())):
            return space


def has_nested_choice(node):
    if isinstance(node, Categorical):
        return any(map(has_domain, node.categories))
    parts = node.values() if isinstance(node, dict) else node
    return isinstance(node, (dict, list, tuple)) and any(map(has_nested_choice, parts))


def has_domain(node):
    parts = node.values() if isinstance(node, dict) else node
    nested = isinstance(node, (dict, list, tuple)) and any(map(has_domain, parts))
    return isinstance(node, Domain) or nested


def belongs(node, value):
    """Return whether Tune could have drawn a value: written without zoopt."""
    if isinstance(node, Categorical):
        return any(belongs(category, value) for category in node.categories)
    if isinstance(node, Integer):
        return type(value) is int and node.lower <= value <= node.upper
    if isinstance(node, Float):
        return type(value) is float and node.lower <= value <= node.upper
    if isinstance(node, dict):
        same = type(value) is dict and list(value) == list(node)
        return same and all(belongs(part, value[key]) for key, part in node.items())
    if isinstance(node, (list, tuple)):
        same = type(value) is type(node) and len(value) == len(node)
        return same and all(map(belongs, node, value))
    return type(value) is type(node) and value == node


def flat(config, prefix="config"):
    """Return a configuration as Tune's results have it: dictionaries become paths."""
    if isinstance(config, dict) and config:
        parts = (flat(part, f"{prefix}/{key}") for key, part in config.items())
        return dict(collections.ChainMap(*parts))
    return {prefix: config}


@pytest.mark.parametrize("case", range(40))
def test_configurations_hold_the_chosen_categories_and_are_read_back(case):
    space = random_space(case)
    ours = ConfigSpace(space)
    configs = suggestions(space, 40)
    assert len(set(map(repr, configs))) > 1
    for config in configs:
        assert belongs(space, config), config
        row, exact = ours.encode(ours.read(config, "point"), "point")
        again = ours.config(row, exact)
        assert repr(again) == repr(config)
        by_path = {key.removeprefix("config/"): value for key, value in flat(config).items()}
        row, exact = ours.encode(ours.read_flat(by_path), "point")
        assert repr(ours.config(row, exact)) == repr(config)


@pytest.mark.parametrize("case", range(40))
def test_every_configuration_that_tune_draws_is_a_point(case):
    space = random_space(case)
    ours = ConfigSpace(space)
    drawn = [next(generate_variants(space))[1] for _ in range(20)]
    for config in drawn:
        row, exact = ours.encode(ours.read(config, "point"), "point")
        again = ours.config(row, exact)
        assert belongs(space, again)
        assert almost_equal(again, config)
    search = searcher(space, points_to_evaluate=drawn, algorithm="random")
    assert almost_equal(search.suggest("0"), drawn[0])


def almost_equal(a, b):
    """Return whether configurations are equal, up to 0.30000000000000004 in place of 0.3."""
    if isinstance(a, dict):
        return list(a) == list(b) and all(almost_equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(almost_equal, a, b))
    if type(a) is float:
        return math.isclose(a, b, abs_tol=1e-12)
    return type(a) is type(b) and a == b


def parts_of(config, rng):
    """Return a configuration without some entries, except those of a choice of plain values."""
    if not isinstance(config, dict) or "name" in config:
        return config
    return {key: parts_of(part, rng) for key, part in config.items() if rng.random() < 0.6}


@pytest.mark.parametrize("case", range(40))
def test_a_partial_point_is_completed_with_parameters_of_its_category(case):
    space, rng = random_space(case), np.random.default_rng(case)
    points = [parts_of(next(generate_variants(space))[1], rng) for _ in range(20)]
    for point in points:
        first = searcher(space, points_to_evaluate=[point]).suggest("0")
        assert belongs(space, first)
        assert contains(first, point)


def contains(config, part):
    if isinstance(config, dict) and isinstance(part, dict):
        return all(key in config and contains(config[key], part[key]) for key in part)
    return almost_equal(config, part)


def random_branches(rng, prefix="", depth=0):
    """Return random dimensions by name; some are choices with branches."""
    entries = {}
    for i in range(int(rng.integers(1, 4))):
        name = f"{prefix}{'abc'[depth]}{i}"
        if depth < 2 and (depth == i == 0 or rng.random() < 0.4):
            entries[name] = zoopt.Choice(
                {
                    "none": None,
                    "some": random_branches(rng, name, depth + 1),
                    "bare": zoopt.Integer(10, 12),
                    (1, "deep"): zoopt.Choice({"auto": None, 0.5: {f"{name}n": (0, 1)}}),
                }
            )
        else:
            entries[name] = [
                zoopt.Real(-1, 1),
                zoopt.Real(1e-3, 1, log=True),
                zoopt.Integer(1, 99, log=True),
                zoopt.Choice(["u", None, 2]),
            ][int(rng.integers(4))]
    return entries


@pytest.mark.parametrize("case", range(20))
def test_branches_are_flat_at_their_place_and_are_read_back(case):
    rng = np.random.default_rng(case)
    entries = random_branches(rng)
    inner = zoopt.Space(entries)
    space = {"rate": tune.uniform(0, 1), "deep": [{"fit": {**entries, "epochs": 10}}]}
    ours = ConfigSpace(space)
    for config in suggestions(space, 40, algorithm="random"):
        point = dict(config["deep"][0]["fit"])
        assert point.pop("epochs") == 10
        assert list(inner.decode(inner.encode(point))) == list(point)
        by_path = {key.removeprefix("config/"): value for key, value in flat(config).items()}
        for found in (ours.read(config, "point"), ours.read_flat(by_path)):
            row, exact = ours.encode(found, "point")
            assert repr(ours.config(row, exact)) == repr(config)
    for _ in range(20):
        kept = {k: v for k, v in inner.sample(rng).items() if rng.random() < 0.5}
        first = searcher({"fit": entries}, points_to_evaluate=[{"fit": kept}]).suggest("0")
        assert inner.contains(first["fit"])
        assert contains(first["fit"], kept)


@pytest.mark.parametrize("name", ["conditional", "finite conditional"])
def test_a_conditional_space_gives_its_own_points(name):
    space = SPACES[name]
    ours = ConfigSpace(space)
    for config in suggestions(space, 100):
        assert space.contains(config)
        row, exact = ours.encode(ours.read(config, "point"), "point")
        assert list(ours.config(row, exact).items()) == list(config.items())
        row, exact = ours.encode(ours.read_flat(config), "point")
        assert ours.config(row, exact) == config
        assert list(config) == list(space.decode(space.encode(config)))


# ----------------------------------------------------------------- nested choices


def test_only_the_parameters_of_the_chosen_category_are_there():
    configs = suggestions(models(), 150, algorithm="random")
    models_of = [config["model"] for config in configs]
    assert {m if m == "none" else m["kind"] for m in models_of} == {"svc", "knn", "none"}
    for config in configs:
        model, x = config["model"], config["x"]
        if model != "none":
            keys = {"svc": ["kind", "C"], "knn": ["kind", "k", "weights"]}[model["kind"]]
            assert list(model) == keys
        assert x is None or 0 <= x < 1 or 5 <= x < 6
        assert config["epochs"] == 10


def test_the_search_space_has_parameters_named_by_their_paths():
    space = ConfigSpace(models()).space
    assert space.names == ["model", "model/C", "model/k", "model/weights", "x", "x/0", "x/1"]
    assert [node.choice for node in space.tree.nodes] == [-1, 0, 0, 0, -1, 4, 4]
    outer = ConfigSpace(branches()).space
    assert outer.names == [f"fit/{n}" for n in ("model", "C", "k", "weights", "share")] + [
        "fit/share/1",
        "rate",
    ]


def test_choices_may_be_nested_in_choices():
    space = {
        "opt": tune.choice(
            [
                {
                    "name": "sgd",
                    "momentum": tune.choice([None, {"beta": tune.uniform(0, 1), "nesterov": True}]),
                },
                tune.choice([tune.randint(0, 3), [tune.uniform(0, 1), "end"]]),
            ]
        )
    }
    configs = suggestions(space, 200, algorithm="random")
    assert all(belongs(space, config) for config in configs)
    opts = [config["opt"] for config in configs]
    assert {type(opt) for opt in opts} == {dict, int, list}
    assert {type(opt["momentum"]) for opt in opts if type(opt) is dict} == {dict, type(None)}


def test_categories_without_parameters_are_the_very_objects_and_count_once():
    array, layers = np.eye(2), [64, 64]
    domain = tune.uniform(0, 1)
    space = {"v": tune.choice([array, layers, layers, domain, domain, "x", "x", None])}
    assert ConfigSpace(space).space.dimensions[0].size == 5
    found = [c["v"] for c in suggestions(space, 100, algorithm="random")]
    assert {id(v) for v in found if type(v) is not float} == set(
        map(id, (array, layers, "x", None))
    )
    search = searcher(
        space, points_to_evaluate=[{"v": np.eye(2)}, {"v": [64, 64]}, {"v": 0.25}, {"v": None}]
    )
    tried = [search.suggest(str(i))["v"] for i in range(4)]
    assert tried[0] is array
    assert tried[1] is layers
    assert tried[2:] == [0.25, None]


def test_a_value_belongs_to_the_category_that_would_give_it():
    space = {
        "v": tune.choice(
            [
                True,
                tune.randint(0, 4),
                tune.quniform(0, 4, 1),
                tune.uniform(0, 4),
                [tune.randint(0, 4)],
                (tune.randint(0, 4),),
            ]
        )
    }
    ours = ConfigSpace(space)
    for value, option in ((True, 0), (1, 1), (1.0, 2), (1.1, 3), ([2], 4), ((2,), 5)):
        found = ours.read({"v": value}, "point")
        assert found[0] == option
        row, exact = ours.encode(found, "point")
        assert repr(ours.config(row, exact)["v"]) == repr(value)


def test_a_point_belongs_to_the_category_that_needs_the_fewest_further_values():
    c, d = tune.uniform(0, 1), tune.uniform(0, 1)
    space = ConfigSpace({"v": tune.choice([{"C": c, "D": d}, {"C": c}, {"C": c, "B": 1}])})
    for point in ({"v": {"C": 0.5}}, {"v/C": 0.5}):
        assert space.read(point, "point") == {0: 1, 3: 0.5}
    assert space.read({"v": {}}, "point") == {0: 1}


def test_a_choice_with_branches_is_flat_where_it_stands():
    for config in suggestions(branches(), 100, algorithm="random"):
        fit = config["fit"]
        keys = {"svc": ["C"], "knn": ["k", "weights"], "none": []}[fit["model"]]
        assert list(fit) == ["model", *keys, "share", "epochs"]
        assert fit["share"] == "all" or 0.1 <= fit["share"] <= 0.9


def test_a_choice_of_bare_dimensions_may_be_in_a_list():
    space = {"v": [zoopt.Choice({"auto": None, "n": zoopt.Integer(1, 9)}), 3]}
    found = {config["v"][0] for config in suggestions(space, 20)}
    assert found == {"auto", *range(1, 10)}
    nested = {"v": tune.choice([zoopt.Choice({"auto": None, "n": zoopt.Integer(1, 9)}), 77])}
    assert {config["v"] for config in suggestions(nested, 20)} == {"auto", *range(1, 10), 77}


def test_containers_of_other_classes_may_be_categories():
    class Config(dict):
        pass

    space = {
        "v": tune.choice(
            [
                Config(C=tune.uniform(0, 1)),
                collections.OrderedDict(k=tune.randint(1, 9)),
                (tune.uniform(2, 3), "end"),
            ]
        )
    }
    theirs = {type(next(generate_variants(copy.copy(space)))[1]["v"]) for _ in range(60)}
    ours = {type(config["v"]) for config in suggestions(space, 60)}
    assert ours == theirs == {Config, collections.OrderedDict, tuple}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tune.choice([{"grid_search": [1, 2]}, None]), "outer/culprit.*grid_search"),
        (lambda: tune.choice([{"C": {"eval": "1"}}, None]), "outer/culprit/C.*expression"),
        (lambda: tune.choice([{"C": tune.randn(0, 1)}, None]), "outer/culprit/C.*bounds"),
        (lambda: tune.choice([[tune.randint(3, 3)]]), "outer/culprit/0.*no integer"),
        (lambda: tune.choice([tune.sample_from(lambda c: 1)]), "outer/culprit.*sample_from"),
        (lambda: tune.choice([("__fn_ph", "0123"), tune.uniform(0, 1)]), "culprit.*sample_from"),
        (lambda: Categorical([tune.uniform(0, 1), 2]).grid(), "outer/culprit.*grid_search"),
        (
            lambda: [zoopt.Choice({"a": {"b": zoopt.Real(0, 1)}})],
            "outer/culprit/0.*entry of a dictionary",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_by_its_path(make, words):
    with pytest.raises(ValueError, match=words):
        ZOOptSearch({"outer": {"culprit": make()}})


def test_two_parameters_that_may_be_active_together_need_different_paths():
    dependent = zoopt.Choice({"a": {"b": zoopt.Real(0, 1)}, "c": None})
    for other in (1, tune.uniform(0, 1)):
        with pytest.raises(ValueError, match="'outer/b'"):
            ZOOptSearch({"outer": {"x": dependent, "b": other}})
    with pytest.raises(ValueError, match="'x/b'"):
        ZOOptSearch({"x": tune.choice([{"b": tune.uniform(0, 1)}, 1]), "x/b": tune.uniform(0, 1)})


# ----------------------------------------------------------------- points


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ({"model": {"kind": "svc", "C": 0.3}}, {"kind": "svc", "C": 0.3}),
        ({"model/C": 0.3}, {"kind": "svc", "C": 0.3}),
        ({"model/kind": "svc", "model/C": 0.3}, {"kind": "svc", "C": 0.3}),
        ({"model": {"k": 3, "weights": "all"}}, {"kind": "knn", "k": 3, "weights": "all"}),
        ({"model": {"k": 3}, "model/weights": "all"}, {"kind": "knn", "k": 3, "weights": "all"}),
        ({"model": "none", "x": 5.5}, "none"),
    ],
)
def test_points_choose_their_category(point, expected):
    search = searcher(models(), points_to_evaluate=[point])
    config = search.suggest("0")
    assert config["model"] == expected
    if "x" in point:
        assert config["x"] == point["x"]
    assert repr(search.suggest("0")) == repr(config)


def test_a_partial_point_is_completed_at_random_from_the_seed():
    def first(seed):
        points = [{"model": {"kind": "svc"}}, {"x": None}]
        search = searcher(models(), seed=seed, points_to_evaluate=points)
        return search.suggest("0"), search.suggest("1")

    drawn = [first(seed) for seed in range(40)]
    assert {a["model"]["kind"] for a, _ in drawn} == {"svc"}
    assert len({a["model"]["C"] for a, _ in drawn}) == 40
    assert 0.01 < np.median([a["model"]["C"] for a, _ in drawn]) < 100
    assert len({type(b["model"]) for _, b in drawn}) == 2
    assert all(b["x"] is None for _, b in drawn)
    assert first(3) == drawn[3]


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"model": {"kind": "svc", "C": 1e9}}, r"\[0\], parameter 'model/C': .*outside"),
        ({"model/k": 99}, r"\[0\], parameter 'model/k': 99 is outside"),
        ({"model": {"kind": "svc", "k": 3}}, r"\[0\]\['model'\] has the key 'k', .*none of.*'C'"),
        ({"model": "tree"}, r"\[0\], parameter 'model': 'tree' is none of .*'none'"),
        ({"model": {"kind": "tree"}}, r"\[0\], parameter 'model': .*'tree'.* is none of "),
        ({"x": 3.0}, r"\[0\], parameter 'x': 3.0 is none of \[Real\(0.0, 1.0\), Real"),
        ({"x": "3"}, r"\[0\], parameter 'x': '3' is none of"),
        ({"model/q": 3}, r"\[0\].*model"),
    ],
)
def test_a_point_that_fits_no_category_is_refused_by_name(point, words):
    with pytest.raises((TypeError, ValueError), match=r"points_to_evaluate" + words):
        searcher(models(), points_to_evaluate=[point])


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"fit": {"model": "svc", "C": 1e9}}, r"\[0\], parameter 'fit/C': .*outside"),
        ({"fit": {"model": "svc", "k": 3}}, r"\[0\]\['fit'\] has the key 'k', .*none of .*'C'"),
        ({"fit/model": "tree"}, r"\[0\], parameter 'fit/model': .*'tree'.* is none of"),
        ({"fit/share": 0.95}, r"\[0\], parameter 'fit/share': "),
        ({"fit": {"q": 1}}, r"\[0\]\['fit'\] has the key 'q'"),
    ],
)
def test_a_point_that_fits_no_branch_is_refused_by_name(point, words):
    with pytest.raises(ValueError, match=r"points_to_evaluate" + words):
        searcher(branches(), points_to_evaluate=[point])


def test_points_of_branches_are_nested_or_by_path():
    points = [
        {"fit": {"model": "svc", "C": 0.3, "share": 0.5}, "rate": 0.1},
        {"fit/model": "knn", "fit/k": 3},
        {"fit/weights": "all", "fit/share": "all"},
    ]
    search = searcher(branches(), points_to_evaluate=points)
    first, second, third = (search.suggest(str(i)) for i in range(3))
    fit = {"model": "svc", "C": 0.3, "share": 0.5, "epochs": 10}
    assert first == {"fit": fit, "rate": 0.1}
    assert (second["fit"]["model"], second["fit"]["k"]) == ("knn", 3)
    assert (third["fit"]["model"], third["fit"]["weights"]) == ("knn", "all")


def test_evaluated_points_need_the_parameters_of_their_category_only():
    point = {"model": {"kind": "knn", "k": 3, "weights": "all"}, "x": None}
    search = searcher(models(), points_to_evaluate=[point], evaluated_rewards=[1.0], budget=20)
    search.suggest("first")
    assert search.best == ({**point, "epochs": 10}, 1.0)
    assert all(search.suggest(str(i)) != search.best.config for i in range(19))
    with pytest.raises(ValueError, match="lacks parameter 'model/weights'"):
        searcher(
            models(),
            points_to_evaluate=[{"model": {"k": 3}, "x": 0.5}],
            evaluated_rewards=[1.0],
        )


def test_results_from_elsewhere_are_understood():
    search = searcher(models())
    config = {"model": {"kind": "svc", "C": 0.3}, "x": 5.25, "epochs": 10}
    search.add_evaluated_point({**config, "epochs": 3, "another": 1}, 4.0)
    assert search.best == (config, 4.0)
    better = {"model": "none", "x": None, "epochs": 10}
    search.on_trial_complete("stranger", {"loss": 2.0, **flat(better)})
    assert search.best == (better, 2.0)
    best = {"model": {"kind": "knn", "k": 7, "weights": "near"}, "x": 0.125, "epochs": 10}
    search.on_trial_complete("another", {"loss": 1.0, **flat(best)})
    assert search.best == (best, 1.0)
    search.on_trial_complete("of another space", {"loss": 0.0, "config/model/kind": "tree"})
    assert search.best == (best, 1.0)
    flat_search = searcher(branches())
    config = {"fit": {"model": "svc", "C": 0.3, "share": 0.5, "epochs": 10}, "rate": 0.5}
    flat_search.on_trial_complete("stranger", {"loss": 2.0, **flat(config)})
    assert flat_search.best == (config, 2.0)


def test_categories_that_tune_hides_are_explained():
    space = {"act": tune.choice([("__ref_ph", "01234567"), tune.uniform(0, 1)])}
    search = ZOOptSearch(points_to_evaluate=[{"act": math.sin}])
    with pytest.raises(ValueError, match=r"act.*ZOOptSearch\(space=\.\.\.\)"):
        search.set_search_properties("loss", "min", space)


def test_objects_in_categories_with_domains_reach_the_trials():
    """Tune hides objects from a searcher, and puts them back into its suggestions."""
    from ray.tune.impl.placeholder import (
        create_resolvers_map,
        inject_placeholders,
        resolve_placeholders,
    )

    thing, other = np.eye(2), lambda: 1
    options = [{"data": thing, "C": tune.uniform(0, 1)}, {"data": other}, "x"]
    resolvers = create_resolvers_map()
    hidden = inject_placeholders({"v": tune.choice(options)}, resolvers)
    search = ZOOptSearch(seed=0, algorithm="random")
    assert search.set_search_properties("loss", "min", hidden)
    seen = []
    for i in range(40):
        config = copy.deepcopy(search.suggest(str(i)))  # as Tune does
        if config == "FINISHED":
            break
        resolve_placeholders(config, resolvers)
        seen.append(config["v"])
        search.on_trial_complete(str(i), {"loss": 1.0})
    assert sum(isinstance(v, dict) and v["data"] is thing and 0 <= v["C"] < 1 for v in seen) > 2
    assert {"data": other} in seen


# ----------------------------------------------------------------- searches


def test_spaces_are_alike_if_their_categories_are():
    def categories(kind="svc", high=1.0, data=None, epochs=3):
        option = {"kind": kind, "C": tune.quniform(0, high, 0.5), "data": data}
        return ConfigSpace({"model": tune.choice([option, None]), "epochs": epochs})

    assert categories().is_like(categories(epochs=4))
    assert not categories().is_like(categories("knn"))
    assert not categories().is_like(categories(high=2.0))
    assert categories(data=np.eye(2)).is_like(
        pickle.loads(pickle.dumps(categories(data=np.eye(2))))
    )
    assert not categories(data=np.eye(2)).is_like(categories(data=np.eye(3)))
    assert ConfigSpace(branches()).is_like(ConfigSpace(branches()))
    assert not ConfigSpace(branches()).is_like(ConfigSpace(models()))


def loss_of(config):
    model = config["model"]
    x = 0.5 if config["x"] is None else config["x"]
    if model == "none":
        return 3.0 + x
    return x + (abs(math.log10(model["C"]) - 1) if model["kind"] == "svc" else model["k"])


ACCEPTING = [
    name for name, factory in registered().items() if factory.accepts(ConfigSpace(models()).space)
]


@pytest.mark.parametrize("algorithm", ACCEPTING)
def test_every_solver_searches_nested_choices(algorithm):
    space, search = models(), searcher(models(), algorithm=algorithm, budget=60)
    best = math.inf
    for i in range(60):
        config = search.suggest(str(i))
        assert belongs(space, config)
        best = min(best, loss_of(config))
        search.on_trial_complete(str(i), {"loss": loss_of(config)})
    assert best < 4.0
    assert belongs(space, search.best.config)


def test_a_finite_space_of_nested_choices_ends_after_all_points():
    space = {
        "v": tune.choice([{"a": tune.randint(0, 3)}, {"b": tune.choice([1, 2])}, "x"]),
        "w": tune.randint(0, 2),
    }
    configs = suggestions(space, 100)
    assert len(configs) == len(set(map(repr, configs))) == 2 * (3 + 2 + 1)


def test_a_restored_searcher_goes_on_as_the_saved_one(tmp_path):
    def drive(search, first, n):
        for i in range(first, first + n):
            config = search.suggest(str(i))
            search.on_trial_complete(str(i), {"loss": loss_of(config)})
            yield config

    search = searcher(models(), points_to_evaluate=[{"model/C": 0.3}, {"x": None}])
    list(drive(search, 0, 15))
    running = search.suggest("running")
    search.save(str(tmp_path / "state"))
    restored = ZOOptSearch()
    restored.restore(str(tmp_path / "state"))
    assert restored.set_search_properties("loss", "min", models())
    assert restored.suggest("running") == running
    assert list(drive(restored, 15, 15)) == list(drive(search, 15, 15))


@pytest.mark.ray
def test_a_job_with_nested_choices(local_ray, tmp_path):
    def trainable(config):
        model = config["model"]
        kind = model if model == "none" else model["kind"]
        assert (
            kind == "none"
            or set(model) == {"svc": {"kind", "C"}, "knn": {"kind", "k", "weights"}}[kind]
        )
        return {"loss": {"svc": 1.0, "knn": 2.0, "none": 3.0}[kind] + (config["x"] or 0.5)}

    search = ZOOptSearch(seed=1, points_to_evaluate=[{"model": "none"}, {"model/k": 3}])
    tuner = tune.Tuner(
        trainable,
        param_space=models(),
        tune_config=tune.TuneConfig(
            search_alg=search,
            num_samples=8,
            max_concurrent_trials=1,
            reuse_actors=True,  # starting a process is most of a trial here
            metric="loss",
            mode="min",
        ),
        run_config=tune.RunConfig(name="job", storage_path=str(tmp_path / "results"), verbose=0),
    )
    grid = tuner.fit()
    assert grid.num_errors == 0
    configs = [result.config for result in grid]
    assert configs[0]["model"] == "none"
    assert configs[1]["model"]["k"] == 3
    assert all(belongs(models(), config) for config in configs)
    assert search.best.config == grid.get_best_result().config
    second = ZOOptSearch(models(), "loss", "min")
    second.add_evaluated_trials(grid._experiment_analysis, "loss")
    assert second.best == search.best
    assert second.solver.n_foreign == 8
