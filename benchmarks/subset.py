"""Subset selection: POSS, greedy selection, matching pursuit, a genetic algorithm and 0.4.2.

    python benchmarks/subset.py [--old PYTHON] [--quick]

At most k = 8 items are selected. POSS and the genetic algorithm make 2 e k^2 n evaluations, the
number from the theory; greedy forward selection needs about k n. Sparse regression uses the data
sets bundled with scikit-learn, with standardized columns: R^2 of least squares on the chosen
columns. Maximum coverage and influence maximization use generated instances. 0.4.2 is slow and runs
on one data set only.

Solver time is the time of a run minus the time inside objective and constraint, which do next to
nothing. The same script runs with 0.4.2 and, through `Opt.min`, with this zoopt; `minimize` runs
with masks. The kernel's proposals, and ask and tell, are also timed alone.

Under noise an evaluation is R^2 on a random twentieth of the rows, or the mean of ten cascades.
Greedy selection spreads the same budget over its k n candidates by averaging. The values shown are
the noiseless ones of the subset returned.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _common import answer, arguments, heading, old_python, table, verdict, work
from _subsets import REGRESSIONS, K, genetic, greedy, matching_pursuit, problem

SEEDS = range(3)
NOISE_SEEDS = range(20)


def poss(gain: Callable[[Any], float], n: int, budget: int, seed: int) -> Any:
    import zoopt

    def loss(mask: Any) -> float:
        size = np.count_nonzero(mask)
        return -gain(mask) if 0 < size < 2 * K else np.inf

    return zoopt.minimize(
        loss,
        zoopt.Space.subsets(n),
        budget=budget,
        algorithm="poss",
        constraint=lambda mask: K - np.count_nonzero(mask),
        seed=seed,
    ).x


def budget_of(n: int, quick: bool) -> int:
    from zoopt import Poss

    return Poss.budget_for(n, K) // (20 if quick else 1)


def shown(values: list[float]) -> str:
    mean = statistics.fmean(values)
    if max(values) - min(values) < 5e-5:
        return f"{mean:.4f} [=]"
    return f"{mean:.4f} [{min(values):.4f}, {max(values):.4f}]"


def quality(quick: bool) -> None:
    rows = []
    for name in (*REGRESSIONS, "coverage", "influence"):
        given = problem(name)
        gain, n = given.gain, given.n
        budget = budget_of(n, quick)
        forward = gain(greedy(gain, n))
        found = [gain(poss(gain, n, budget, seed)) for seed in SEEDS]
        evolved = [gain(genetic(gain, n, budget, seed)) for seed in SEEDS]
        pursuit = gain(matching_pursuit(given)) if name in REGRESSIONS else None
        goal = forward + (0.005 if name == "digits, label is 5" else 0.0)
        rows.append(
            [
                name,
                str(n),
                f"{budget:,}",
                f"{forward:.4f}",
                "-" if pursuit is None else f"{pursuit:.4f}",
                shown(evolved),
                f"**{shown(found)}**",
                f"{goal:.4f}",
                verdict(min(found) >= goal - 1e-9),
            ]
        )
        print(rows[-1], file=sys.stderr)
    table(
        f"At most {K} items: R^2, share covered, share reached; mean [least, most] of "
        f"{len(SEEDS)} runs; the goal is to be met by all",
        [
            "problem",
            "n",
            "evaluations",
            "greedy",
            "matching pursuit",
            "genetic",
            "POSS",
            "goal",
            "",
        ],
        rows,
    )


# ------------------------------------------------------------- time


class Timed:
    """Measure the time inside a function."""

    def __init__(self, function: Callable[[Any], float]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, point: Any) -> float:
        started = time.perf_counter()
        value = self.function(point)
        self.seconds += time.perf_counter() - started
        return value


def by_opt_min(task: dict[str, Any]) -> dict[str, float]:
    """Run Opt.min of this Python's zoopt; return microseconds an evaluation, without calls."""
    from zoopt import Dimension, Objective, Opt, Parameter

    n, budget = task["n"], task["budget"]
    weights = np.random.default_rng(0).random(n)

    def loss(solution: Any) -> float:
        x = solution.get_x()
        size = x.sum()
        return float(-(weights @ x)) if 0 < size < 2 * K else float("inf")

    func = Timed(loss)
    constraint = Timed(lambda solution: K - solution.get_x().sum())
    objective = Objective(
        lambda s: func(s),  # 0.4.2 requires a function
        Dimension(n, [[0, 1]] * n, [False] * n),
        constraint=lambda s: constraint(s),
    )
    started = time.perf_counter()
    Opt.min(objective, Parameter(algorithm="poss", budget=budget, seed=1))
    seconds = time.perf_counter() - started - func.seconds - constraint.seconds
    return {"us": 1e6 * seconds / budget}


def by_minimize(task: dict[str, Any]) -> dict[str, float]:
    import zoopt

    n, budget = task["n"], task["budget"]
    weights = np.random.default_rng(0).random(n)
    func = Timed(lambda mask: -float(weights @ mask) if 0 < mask.sum() < 2 * K else np.inf)
    constraint = Timed(lambda mask: float(K - np.count_nonzero(mask)))
    started = time.perf_counter()
    zoopt.minimize(
        lambda mask: func(mask),
        zoopt.Space.subsets(n),
        budget=budget,
        algorithm="poss",
        constraint=lambda mask: constraint(mask),
        seed=1,
    )
    seconds = time.perf_counter() - started - func.seconds - constraint.seconds
    return {"us": 1e6 * seconds / budget}


def kernel(task: dict[str, Any]) -> dict[str, float]:
    """Return proposals a second of an archive of 2 k members, and asks and tells a second."""
    from zoopt import Evaluation, Poss, Space
    from zoopt._native import Archive

    n, m = task["n"], task["m"]
    archive = Archive(n, np.random.default_rng(0))
    for i in range(2 * K):
        bits = np.packbits(np.arange(n) < i, bitorder="little")
        archive.insert(bits, i, -float(i), -float(i))
    started = time.perf_counter()
    for _ in range(m):
        archive.propose()
    proposals = m / (time.perf_counter() - started)
    solver = Poss(Space.subsets(n), seed=0)
    rng = np.random.default_rng(1)
    slacks = rng.integers(0, 2 * K, m)
    values = slacks + rng.random(m)  # so that there is a member for each slack
    started = time.perf_counter()
    for value, slack in zip(values.tolist(), slacks.tolist(), strict=True):
        candidate = solver.ask()
        assert candidate is not None
        solver.tell(candidate, Evaluation(value, violation=-float(slack)))
    return {
        "proposals": proposals,
        "ask/tell": m / (time.perf_counter() - started),
        "archive": len(solver.front),
    }


WORKERS = {"opt": by_opt_min, "minimize": by_minimize, "kernel": kernel}


def measure(task: dict[str, Any]) -> dict[str, float]:
    return WORKERS[task["kind"]](task)


def times(python: str, quick: bool) -> None:
    rows = []
    for n, budget, old_budget, goal in ((61, 21_224, 4_000, 10), (1000, 20_000, 2_000, 50)):
        if quick:
            budget, old_budget = 1000, 200
        ours, plain, old = (
            statistics.median(
                work(p, __file__, {"kind": kind, "n": n, "budget": b})["us"] for _ in range(3)
            )
            for p, kind, b in (
                (sys.executable, "opt", budget),
                (sys.executable, "minimize", budget),
                (python, "opt", old_budget),
            )
        )
        rows.append(
            [
                str(n),
                f"{ours:.1f}",
                f"{plain:.1f}",
                f"{old:.0f}",
                f"**{old / ours:.0f}x**",
                f"{goal}x",
                verdict(old >= goal * ours),
            ]
        )
    table(
        "Solver and loop, microseconds an evaluation; medians of 3 processes",
        ["n", "ours, Opt.min", "ours, minimize", "0.4.2, Opt.min", "ratio", "goal", ""],
        rows,
    )
    rows = []
    for n, m, goals in ((1000, 200_000, (200_000, 80_000)), (100_000, 50_000, (10_000, 8_000))):
        task = {"kind": "kernel", "n": n, "m": m // (20 if quick else 1)}
        runs = [work(sys.executable, __file__, task) for _ in range(3)]
        for what, goal in zip(("proposals", "ask/tell"), goals, strict=True):
            rate = statistics.median(run[what] for run in runs)
            size = f"{statistics.median(run['archive'] for run in runs):.0f}"
            rows.append(
                [
                    f"{n:,}",
                    what,
                    str(2 * K) if what == "proposals" else size,
                    f"{rate:,.0f}",
                    f"{goal:,}",
                    verdict(rate >= goal),
                ]
            )
    table(
        "A second; medians of 3 processes",
        ["n", "", "members", "a second", "goal", ""],
        rows,
    )


# ------------------------------------------------------------- noise


def ponss(
    noisy: Callable[[Any], float], n: int, budget: int, seed: int, theta: float, **options: Any
) -> Any:
    import functools

    import zoopt

    def loss(mask: Any) -> float:
        return -noisy(mask) if 0 < np.count_nonzero(mask) < 2 * K else np.inf

    return zoopt.minimize(
        loss,
        zoopt.Space.subsets(n),
        budget=budget,
        algorithm=functools.partial(zoopt.Ponss, theta=theta, b=K, **options),
        constraint=lambda mask: K - np.count_nonzero(mask),
        seed=seed,
    ).x


def greedy_by_means(noisy: Callable[[Any], float], n: int, budget: int) -> Any:
    times = max(1, budget // (K * n))
    return greedy(lambda mask: statistics.fmean(noisy(mask) for _ in range(times)), n)


def under_noise(quick: bool) -> None:
    rows = []
    for name in ("digits, label is 5", "influence"):
        given = problem(name)
        budget = budget_of(given.n, quick) // 4
        found: dict[str, list[float]] = {}
        best = greedy(given.gain, given.n)
        rng = np.random.default_rng(0)
        spread = statistics.stdev(given.noisy_gain(best, rng) for _ in range(200))
        for seed in list(NOISE_SEEDS)[: 2 if quick else None]:
            chosen = {}
            for method in ("greedy", "POSS", "PONSS", "PONSS, no final"):
                rng = np.random.default_rng([seed, 1])

                def noisy(mask: Any, rng: Any = rng, given: Any = given) -> float:
                    return given.noisy_gain(mask, rng)

                if method == "greedy":
                    chosen[method] = greedy_by_means(noisy, given.n, budget)
                elif method == "POSS":
                    chosen[method] = poss(noisy, given.n, budget, seed)
                else:
                    more = {"final_share": 0.0} if "no" in method else {}
                    chosen[method] = ponss(noisy, given.n, budget, seed, spread, **more)
            for method, mask in chosen.items():
                found.setdefault(method, []).append(given.gain(mask))
            print(name, seed, {m: f"{v[-1]:.4f}" for m, v in found.items()}, file=sys.stderr)
        ours = found["PONSS"]
        for method, values in found.items():
            wins = sum(a > b for a, b in zip(ours, values, strict=True))
            losses = sum(a < b for a, b in zip(ours, values, strict=True))
            rows.append(
                [
                    name,
                    f"{budget:,}",
                    f"{given.gain(best):.4f}",
                    f"{spread:.3f}",
                    method,
                    f"{statistics.median(values):.4f}",
                    f"{min(values):.4f}",
                    f"{max(values):.4f}",
                    "-" if method == "PONSS" else f"{wins} : {losses}",
                ]
            )
    table(
        f"Under noise, a quarter of the evaluations, {len(NOISE_SEEDS)} seeds: noiseless value of "
        "the subset returned; theta is the noise's standard deviation, b = k",
        [
            "problem",
            "evaluations",
            "noiseless greedy",
            "noise, std",
            "method",
            "median",
            "least",
            "most",
            "PONSS better : worse",
        ],
        rows,
    )


def main() -> None:
    parser = arguments(__doc__)
    options = parser.parse_args()
    if options.worker:
        answer(measure, options.worker)
        return
    with old_python(options.old) as python:
        print(heading(python))
        quality(options.quick)
        under_noise(options.quick)
        times(python, options.quick)


if __name__ == "__main__":
    main()
