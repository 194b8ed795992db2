"""Maximum coverage: choose which sets to buy, with limited money, to cover most elements.

The constraint is the money left, which shows that it need not be a number of items. The sets and
their prices are random. Greedy selection buys the set that covers most for its price while the
money lasts. The objective of POSS is vectorized: it receives a boolean matrix with one subset per
row.

Covered elements, out of 400:

    greedy: 124
    poss: 132
"""

import numpy as np

from zoopt import Space, minimize

MONEY = 8.0
data = np.random.default_rng(7)
SIZES = data.integers(5, 60, 80)
PRICES = np.round(0.5 + SIZES / 15 * data.uniform(0.6, 1.4, 80), 1)
COVERS = np.zeros((80, 400), bool)
for covered, size in zip(COVERS, SIZES, strict=True):
    covered[data.choice(400, size, replace=False)] = True


def uncovered(masks):
    return -(masks.astype(np.int32) @ COVERS.astype(np.int32) > 0).sum(axis=1)


def money_left(masks):
    return MONEY - masks @ PRICES


def greedy():
    mask = np.zeros(80, bool)
    while True:
        have = COVERS[mask].any(axis=0)
        gains = (COVERS & ~have).sum(axis=1) / PRICES
        gains[mask | (PRICES[mask].sum() + PRICES > MONEY)] = 0
        if gains.max() <= 0:
            return mask
        mask[gains.argmax()] = True


if __name__ == "__main__":
    result = minimize(
        uncovered,
        Space.subsets(80),
        budget=40_000,
        algorithm="poss",
        constraint=money_left,
        vectorized=True,
        seed=0,
    )
    print(f"greedy: {COVERS[greedy()].any(axis=0).sum()}")
    print(f"poss: {-result.fun:.0f}")
    print(f"spent {PRICES[result.x].sum():.1f} of {MONEY:.0f}")
