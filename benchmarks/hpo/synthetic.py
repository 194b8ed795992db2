"""Synthetic losses on conditional and mixed spaces."""

import math
from collections.abc import Callable

import numpy as np

from hpo.spaces import Point, Space, choice, integer, real, under

Loss = Callable[[Point], float]


def branch() -> tuple[Space, Loss]:
    """Three branches, each with an optimum elsewhere; the best one needs two right choices."""
    space = Space(
        [
            choice("kind", "a", "b", "c"),
            real("x", -1, 1),
            real("y", -1, 1),
            *under("kind", "a", real("ra", 1e-4, 1, log=True), integer("na", 1, 20)),
            *under("kind", ("b", "c"), real("rb", 0, 1)),
            *under("kind", "b", choice("sub", "p", "q", "r")),
            *under("sub", "p", real("pp", -2, 2)),
        ]
    )

    def loss(c: Point) -> float:
        shared = (c["x"] - 0.3) ** 2 + (c["y"] + 0.4) ** 2 + 0.3 * abs(c["x"] * c["y"] + 0.12)
        if c["kind"] == "a":
            rest = 0.15 * abs(math.log10(c["ra"]) + 2.5) + 0.02 * abs(c["na"] - 13)
            return 1 + shared + rest
        rest = 2 * (c["rb"] - 0.7) ** 2
        if c["kind"] == "c":
            return 1.25 + 0.6 * shared + rest
        sub = {"p": 0.4 * (c.get("pp", 0) - 1.1) ** 2, "q": 0.3, "r": 0.5}[c["sub"]]
        return 0.6 + 1.5 * shared + rest + float(sub)

    return space, loss


def mixed_ackley() -> tuple[Space, Loss]:
    """Ackley's function of four reals, three categories and two integers."""
    space = Space(
        [
            *(real(f"x{i}", -2, 2) for i in range(4)),
            *(choice(f"c{i}", 0, 1, 2, 3, 4) for i in range(3)),
            *(integer(f"i{i}", 0, 15) for i in range(2)),
        ]
    )

    def loss(c: Point) -> float:
        d = np.array(
            [c[f"x{i}"] - x for i, x in enumerate((0.7, -1.1, 0.2, 1.4))]
            + [0.8 * (c[f"c{i}"] != k) for i, k in enumerate((3, 0, 2))]
            + [(c[f"i{i}"] - k) / 6 for i, k in enumerate((11, 3))]
        )
        root = math.exp(-0.2 * math.sqrt(np.mean(d * d)))
        return float(20 - 20 * root + math.e - math.exp(np.mean(np.cos(2 * np.pi * d))))

    return space, loss


def rate_valley() -> tuple[Space, Loss]:
    """Ten settings of a training run, with a skew, narrow valley that ends at a cliff."""
    space = Space(
        [
            real("rate", 1e-6, 1, log=True),
            real("decay", 1e-7, 0.1, log=True),
            real("momentum", 0, 0.999),
            integer("width", 8, 512, log=True),
            integer("depth", 1, 12),
            choice("activation", "relu", "tanh", "gelu", "sigmoid"),
            choice("norm", "none", "batch", "layer"),
            real("dropout", 0, 0.8),
            choice("warm", False, True),
            *under("warm", True, integer("steps", 1, 100, log=True)),
        ]
    )

    def loss(c: Point) -> float:
        step = math.log10(c["rate"]) + 0.5 * math.log10(c["width"] / 64)
        step -= math.log10(1 - c["momentum"]) + 0.5 * (c["norm"] != "none")
        if step > -0.6 and c.get("steps", 0) <= 20:
            return 4 + 0.1 * step
        value = 0.5 + (0.25 if step < -1.6 else 0.9) * (step + 1.6) ** 2
        value += 0.06 * abs(math.log10(c["decay"]) + 4) + 0.02 * abs(c["depth"] - 6)
        value += 0.25 * (math.log2(c["width"]) / 9 - 0.8) ** 2 + 0.3 * (c["dropout"] - 0.15) ** 2
        value += {"relu": 0.05, "tanh": 0.1, "gelu": 0, "sigmoid": 0.3}[c["activation"]]
        return value + {"none": 0.1, "batch": 0.02, "layer": 0}[c["norm"]]

    return space, loss


def rotated_valley() -> tuple[Space, Loss]:
    """A rotated narrow valley in six reals; two categories move it."""
    space = Space(
        [*(real(f"x{i}", 0, 1) for i in range(6)), choice("a", 0, 1, 2), choice("b", 0, 1)]
    )
    rng = np.random.default_rng(11)
    Q = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    centers = rng.uniform(0.25, 0.75, (3, 2, 6))
    scale = np.array([3, 2, 1.5, 1, 0.5, 0.3])

    def loss(c: Point) -> float:
        x = np.array([c[f"x{i}"] for i in range(6)])
        d = (Q @ (x - centers[c["a"], c["b"]])) * scale
        return float(np.sqrt(d @ d)) + (0.3, 0.0, 0.6)[c["a"]] + 0.25 * c["b"]

    return space, loss


def few_matter() -> tuple[Space, Loss]:
    """Twenty parameters of which four reals, a choice and an integer matter."""
    space = Space(
        [
            *(real(f"x{i}", 0, 1) for i in range(10)),
            *(real(f"r{i}", 1e-6, 1, log=True) for i in range(4)),
            *(integer(f"i{i}", 1, 32, log=True) for i in range(3)),
            *(choice(f"c{i}", "a", "b", "c") for i in range(3)),
        ]
    )

    def loss(c: Point) -> float:
        u, v = c["x2"] - 0.63, math.log10(c["r1"]) / 6 + 0.55
        value = 3 * (u - v) ** 2 + abs(u + v) + 0.8 * abs(c["x7"] - 0.22) + 0.5 * (c["x5"] > 0.7)
        value += 0.2 * abs(math.log2(c["i0"] / 6)) + {"a": 0.4, "b": 0, "c": 0.7}[c["c1"]]
        rest = sum((c[f"x{i}"] - 0.5) ** 2 for i in (0, 1, 3, 4))
        return float(value + 0.02 * rest)

    return space, loss


def stages() -> tuple[Space, Loss]:
    """Five stages, each a choice of a method with parameters; up to 20 parameters in all."""
    rng = np.random.default_rng(23)
    parameters = []
    for s in range(5):
        parameters += [
            choice(f"m{s}", "none", "first", "second"),
            *under(f"m{s}", "first", real(f"a{s}", 0, 1)),
            *under(f"m{s}", "second", real(f"b{s}", 1e-3, 1e3, log=True)),
        ]
        if s < 4:
            parameters += under(f"m{s}", ("first", "second"), integer(f"n{s}", 1, 9))
    parameters.append(real("mix", 0, 1))
    offsets = np.round(rng.uniform(0, 0.6, (5, 3)), 2)
    goals = rng.uniform(0.2, 0.8, (5, 2))

    def loss(c: Point) -> float:
        total, previous = 0.5 * abs(c["mix"] - 0.35), "none"
        for s in range(5):
            method = c[f"m{s}"]
            total += offsets[s, ("none", "first", "second").index(method)]
            if method == "first":
                total += 1.2 * abs(c[f"a{s}"] - goals[s, 0])
            if method == "second":
                total += 2 * (math.log10(c[f"b{s}"]) / 6 + 0.5 - goals[s, 1]) ** 2
            total += 0.03 * abs(c.get(f"n{s}", 5) - 3 - s)
            total += 0.15 * (method != "none" and method == previous)
            previous = method
        return float(total)

    return Space(parameters), loss


def deep() -> tuple[Space, Loss]:
    """A tree of choices three levels deep, in which siblings resemble each other."""
    parameters = [choice("top", "l", "m", "r"), real("u", 0, 1), real("v", 1e-4, 1, log=True)]
    for t in "lmr":
        parameters += under("top", t, choice(f"{t}1", "p", "q"), real(f"{t}x", 0, 1))
        for k in "pq":
            parameters += under(f"{t}1", k, real(f"{t}{k}y", 0, 1))
        parameters += under(f"{t}1", "q", integer(f"{t}n", 1, 50, log=True))
    level = {"lp": 0.5, "lq": 0.25, "mp": 0.35, "mq": 0.0, "rp": 0.1, "rq": 0.6}
    goal = {"l": 0.3, "m": 0.65, "r": 0.8}

    def loss(c: Point) -> float:
        t = c["top"]
        k = c[f"{t}1"]
        x, y = c[f"{t}x"] - goal[t], c[f"{t}{k}y"] - goal[t]
        value = level[t + k] + x * x + 1.5 * (y - x) ** 2
        if k == "q":
            value += 0.08 * abs(math.log(c[f"{t}n"] / 12))
        return float(value + abs(c["u"] - 0.45) * 0.6 + 0.1 * abs(math.log10(c["v"]) + 2.2))

    return Space(parameters), loss


#: the maker and the noise of a value told
SYNTHETIC = {
    "syn_branch": (branch, 0.01),
    "syn_lrvalley": (rate_valley, 0.01),
    "syn_stages": (stages, 0.02),
    "syn_mixackley": (mixed_ackley, 0.02),
    "syn_rotvalley": (rotated_valley, 0.005),
    "syn_fewmatter": (few_matter, 0.02),
    "syn_deep": (deep, 0.01),
}
