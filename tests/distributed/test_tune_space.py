"""Every bounded domain of Ray Tune is searched with Tune's own values; the others are refused."""

import collections
import functools
import itertools
import math
import types

import numpy as np
import pytest

tune = pytest.importorskip("ray.tune")

import zoopt  # noqa: E402
from zoopt.distributed import ZOOptSearch  # noqa: E402
from zoopt.distributed.tune.space import ConfigSpace  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are not ours to turn into errors


def suggestions(space, n=300, algorithm="random", **options):
    """Return the first configurations, all of them if there are fewer."""
    search = ZOOptSearch(space, "loss", "min", algorithm=algorithm, seed=0, **options)
    configs = []
    for i in range(n):
        config = search.suggest(str(i))
        if config == "FINISHED":
            break
        search.on_trial_complete(str(i), {"loss": float(i)})
        configs.append(config)
    return configs


def values(domain, n=300):
    return [config["v"] for config in suggestions({"v": domain}, n)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: tune.quniform(0.0, 0.9, 0.1),
        lambda: tune.quniform(-1.0, 1.0, 0.25),
        lambda: tune.quniform(-30, 30, 10),
        lambda: tune.qloguniform(0.1, 1.6, 0.1),
        lambda: tune.randint(-3, 9),
        lambda: tune.lograndint(1, 17),
        lambda: tune.qrandint(0, 20, 5),
        lambda: tune.qrandint(3, 21, 4),
        lambda: tune.qrandint(2, 8, 1),
        lambda: tune.qrandint(2, 8),
        lambda: tune.qlograndint(4, 64, 4),
        lambda: tune.qlograndint(1, 12, 1),
        lambda: tune.choice([0, 1.0, "1", None]),
    ],
)
def test_a_finite_domain_has_the_values_that_tune_draws(make):
    drawn = make().sample(size=4000, random_state=1)
    searched = values(make())

    def key(value):
        return repr(abs(value) if value == 0 else value)  # 1 is not 1.0, but 0.0 is -0.0

    assert sorted(map(key, searched)) == sorted({key(make().cast(v)) for v in drawn})
    assert {type(v) for v in searched} == {type(make().cast(v)) for v in drawn}


@pytest.mark.parametrize(
    ("make", "low", "upper"),
    [
        (lambda: tune.uniform(-2.0, 3.0), -2.0, 3.0),
        (lambda: tune.loguniform(1e-4, 0.1), 1e-4, 0.1),
        (lambda: tune.uniform(1, 1.0000000000000002), 1.0, 1.0000000000000002),
    ],
)
@pytest.mark.parametrize("algorithm", ["random", "sracos"])
def test_a_float_stays_below_its_upper_bound(make, low, upper, algorithm):
    searched = [c["v"] for c in suggestions({"v": make()}, algorithm=algorithm)]
    assert all(type(v) is float and low <= v < upper for v in searched)


def test_the_upper_bound_is_excluded_even_where_the_encoding_reaches_it():
    config_space = ConfigSpace({"a": tune.uniform(0, 1), "b": tune.loguniform(1e-3, 10)})
    config = config_space.config(config_space.space.high.copy())
    assert config == {"a": math.nextafter(1, 0), "b": math.nextafter(10, 0)}


def test_a_log_domain_is_searched_in_its_logarithm():
    for domain in (tune.loguniform(1e-4, 1.0), tune.qloguniform(1e-4, 1.0, 1e-7)):
        median = np.median(values(domain, 400))
        assert 10**-2.4 < median < 10**-1.6
    assert np.median(values(tune.lograndint(10_000, 10**8), 400)) < 3e6


def test_equal_bounds_make_a_constant():
    configs = suggestions(
        {"a": tune.uniform(2, 2), "b": tune.randint(4, 5), "c": tune.choice(["x"])}
    )
    assert configs == [{"a": 2.0, "b": 4, "c": "x"}]


def test_a_quantum_too_fine_to_count_is_kept():
    for domain in (tune.quniform(0, 1e6, 1e-12), tune.qloguniform(1.0, 1e6, 1e-12)):
        for value in values(domain, 50):
            assert type(value) is float
            assert round(value / 1e-12) * 1e-12 == value


def test_configurations_keep_their_nesting_and_constants():
    data = np.arange(3)
    marker = object()
    space = {
        "optimizer": {"lr": tune.loguniform(1e-4, 1.0), "betas": (0.9, 0.999), "empty": {}},
        "layers": [tune.randint(1, 4), {"width": tune.choice([8, 16])}, "end"],
        "pair": (tune.uniform(0, 1), 2),
        "data": data,
        "marker": marker,
        "bounds": (0, 1),
    }
    for config in suggestions(space, 30):
        assert list(config) == list(space)
        assert config["optimizer"]["betas"] == (0.9, 0.999)
        assert config["optimizer"]["empty"] == {}
        assert 1e-4 <= config["optimizer"]["lr"] < 1.0
        n, block, end = config["layers"]
        assert n in (1, 2, 3)
        assert block["width"] in (8, 16)
        assert end == "end"
        assert type(config["pair"]) is tuple
        assert config["pair"][1] == 2
        assert config["data"] is data
        assert config["marker"] is marker
        assert config["bounds"] == (0, 1)
    first, second = suggestions(space, 2)
    assert first["optimizer"] is not second["optimizer"]
    assert isinstance(space["optimizer"]["lr"], tune.search.sample.Float)


def test_a_space_in_terms_of_zoopt():
    space = {
        "rate": zoopt.Real(1e-3, 1, log=True),
        "inner": {"n": zoopt.Integer(1, 3), "act": zoopt.Choice(["relu", None])},
        "step": zoopt.Real(0, 0.3, step=0.1),
        "tune": tune.randint(0, 2),
    }
    configs = suggestions(space, 100)
    assert {c["inner"]["n"] for c in configs} == {1, 2, 3}
    assert {c["inner"]["act"] for c in configs} == {"relu", None}
    assert {c["step"] for c in configs} == {0.0, 0.1, 0.2, 0.3}
    assert {c["tune"] for c in configs} == {0, 1}
    flat = zoopt.Space({"a": (0.0, 1.0), "b": zoopt.Integer(1, 2)})
    assert all(0 <= c["a"] <= 1 and c["b"] in (1, 2) for c in suggestions(flat, 20))


def test_categories_are_the_very_objects():
    categories = [[64, 64], [128], {"name": "sgd", "m": [1, 2]}, None, "x", 3, lambda: 1, np.eye(2)]
    found = values(tune.choice(categories))
    assert len(found) == len(categories)
    assert {id(v) for v in found} == {id(c) for c in categories}


def test_a_repeated_category_counts_once():
    assert sorted(values(tune.choice([1, 2, 2, 1]))) == [1, 2]
    assert sorted(map(repr, values(tune.choice([1, True, 1.0])))) == ["1", "1.0", "True"]


def test_an_uncommon_number_of_categories_is_no_matter():
    assert sorted(values(tune.choice(range(500)), 600)) == list(range(500))


REFUSED = {
    "randn": (lambda: tune.randn(0, 1), "bounds"),
    "qrandn": (lambda: tune.qrandn(0, 1, 0.1), "bounds"),
    "grid": (lambda: tune.grid_search([1, 2]), "grid_search"),
    "grid domain": (lambda: tune.search.sample.Categorical([1, 2]).grid(), "grid_search"),
    "sample_from": (lambda: tune.sample_from(lambda config: 1), "sample_from"),
    "placeholder": (lambda: ("__fn_ph", "0123abcd"), "sample_from"),
    "expression": (lambda: {"eval": "spec.config.x"}, "expression"),
    "unbounded": (lambda: tune.search.sample.Float(None, 1.0), "finite"),
    "empty randint": (lambda: tune.randint(3, 3), "no integer"),
    "empty qrandint": (lambda: tune.qrandint(1, 3, 4), "no multiple"),
    "reversed": (lambda: tune.uniform(1, 0), "low"),
    "no category": (lambda: tune.choice([]), "empty"),
    "huge": (lambda: tune.randint(0, 2**60), "2\\*\\*53"),
}


@pytest.mark.parametrize("kind", sorted(REFUSED))
@pytest.mark.parametrize("given_to", ["constructor", "tuner"])
def test_what_cannot_be_searched_is_refused_by_name(kind, given_to):
    make, reason = REFUSED[kind]
    space = {"fine": tune.uniform(0, 1), "outer": {"culprit": make()}}
    if given_to == "constructor":
        give = ZOOptSearch
    else:
        give = functools.partial(ZOOptSearch().set_search_properties, "loss", "min")
    with pytest.raises(ValueError, match=f"outer/culprit.*{reason}"):
        give(space)


@pytest.mark.parametrize(
    ("space", "error", "words"),
    [
        ([1, 2], TypeError, "space"),
        ({}, ValueError, "no parameter"),
        ({"a": 1, "b": (0, 1)}, ValueError, "no parameter"),
        (zoopt.Space([(0, 1)]), TypeError, "names"),
        ({"a/b": zoopt.Integer(1, 2), "a": {"b": zoopt.Integer(1, 2)}}, ValueError, "same path"),
    ],
)
def test_a_space_that_is_none_is_refused(space, error, words):
    with pytest.raises(error, match=words):
        ZOOptSearch(space)


def test_tune_itself_reads_lists_in_the_same_way():
    """A suggestion replaces what Tune would fill in, at the same places."""
    from ray.tune.search.variant_generator import parse_spec_vars

    space = {"a": [tune.randint(0, 3), {"b": tune.uniform(0, 1)}], "c": {"d": tune.choice([1, 2])}}
    _, domains, _ = parse_spec_vars(space)
    ours = ConfigSpace(space)
    assert sorted(map(str, (path for path, _ in domains))) == sorted(
        str(leaf.path) for leaf in ours.leaves
    )


class Config(dict):
    """A dictionary with attributes."""

    source = None


class Layers(list):
    pass


Pair = collections.namedtuple("Pair", "rate kind")


def configured():
    config = Config(rate=tune.uniform(0, 1), kind="adam")
    config.source = "a file"
    return config


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"rate": tune.uniform(0, 1)},
        lambda: collections.OrderedDict(rate=tune.uniform(0, 1), kind="adam"),
        lambda: collections.defaultdict(list, rate=tune.uniform(0, 1), deep={"x": [1]}),
        configured,
        lambda: Layers([tune.uniform(0, 1), {"rate": tune.uniform(0, 1)}]),
        lambda: Pair(tune.uniform(0, 1), "adam"),
        lambda: [Config(rate=collections.OrderedDict(x=tune.uniform(0, 1)))],
    ],
)
def test_containers_of_all_classes_are_resolved_as_tune_resolves_them(make):
    from ray.tune.search.variant_generator import generate_variants

    def shape(node):
        if isinstance(node, dict):
            kind = type(node), getattr(node, "default_factory", None), getattr(node, "source", None)
            return *kind, [(key, shape(part)) for key, part in node.items()]
        if isinstance(node, (list, tuple)):
            return type(node), [shape(part) for part in node]
        return "a float" if type(node) is float else node

    space = {"plain": tune.uniform(0, 1), "nested": make()}
    [(_, theirs)] = generate_variants({"plain": tune.uniform(0, 1), "nested": make()})
    first, second = suggestions(space, 2)
    assert shape(first) == shape(second) == shape(theirs)
    assert first["nested"] is not second["nested"]


@pytest.mark.parametrize("kind", [types.MappingProxyType, collections.UserDict])
def test_mappings_that_tune_would_not_search_become_dictionaries(kind):
    for config in suggestions({"nested": kind({"rate": tune.uniform(0, 1), "kind": "adam"})}, 3):
        assert type(config["nested"]) is dict
        assert 0 <= config["nested"]["rate"] < 1
        assert config["nested"]["kind"] == "adam"


def test_constants_of_other_classes_are_passed_on_as_they_are():
    constants = {
        "pair": Pair(0.1, "adam"),
        "proxy": types.MappingProxyType({"x": 1}),
        "config": Config(x=1),
        "layers": Layers([1]),
    }
    config = suggestions({"rate": tune.uniform(0, 1), **constants}, 1)[0]
    assert all(config[name] is value for name, value in constants.items())


def test_points_and_results_find_parameters_in_mappings_of_other_classes():
    space = {"opt": collections.OrderedDict(rate=tune.uniform(0, 1), kind="adam")}
    search = ZOOptSearch(
        space, "loss", "min", points_to_evaluate=[{"opt": {"rate": 0.25}}, {"opt/rate": 0.5}]
    )
    assert [search.suggest(str(i))["opt"]["rate"] for i in range(2)] == [0.25, 0.5]
    search.on_trial_complete("elsewhere", {"loss": 1.0, "config/opt/rate": 0.75})
    assert search.best.config == {"opt": {"rate": 0.75, "kind": "adam"}}


def test_values_survive_the_way_to_a_point_and_back():
    space = ConfigSpace(
        {
            "q": tune.quniform(0.0, 0.9, 0.1),
            "ql": tune.qloguniform(0.1, 1.6, 0.1),
            "i": tune.qrandint(3, 21, 4),
            "l": tune.lograndint(1, 100),
            "c": tune.choice([{"x": 1}, [2]]),
        }
    )
    grid = itertools.product([0.0, 0.3, 0.9], [0.1, 1.6], [4, 20], [1, 7, 99], [{"x": 1}, [2]])
    for q, ql, i, n, c in grid:
        config = {"q": q, "ql": ql, "i": i, "l": n, "c": c}
        row, exact = space.encode(space.read(config, "point"), "point")
        back = space.config(row, exact)
        assert back["c"] == c
        assert [back["i"], back["l"]] == [i, n]
        assert [back["q"], back["ql"]] == pytest.approx([q, ql], rel=1e-12)
