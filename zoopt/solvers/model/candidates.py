"""Points among which a model looks for the most promising one."""

import math

import numpy as np
import numpy.typing as npt

from zoopt._native import matrices
from zoopt.solvers.model.coordinates import Coordinates, Places, Rows

__all__ = ["latin_hypercube", "mutants"]

#: How many designs are drawn, of which the most spread is taken.
DESIGNS = 20
#: A mutant redraws this many of its active columns on average; one of them at random.
MEAN_CHANGES = (1.0, 1.0, 2.0, 4.0)


def latin_hypercube(coordinates: Coordinates, rng: np.random.Generator, n: int) -> Rows:
    """Return n rows that divide the range of each column evenly: the most spread of 20 designs.

    References
    ----------
    M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting values
    of input variables in the analysis of output from a computer code", Technometrics 21, 1979.
    """
    best: tuple[float, Rows] | None = None
    for _ in range(DESIGNS if n > 1 else 1):
        order = np.argsort(rng.random((n, coordinates.n)), axis=0)
        shares = (order + rng.random((n, coordinates.n))) / n
        rows = coordinates.rows(coordinates.spread(shares))
        distance = _least_distance(coordinates, rows)
        if best is None or distance > best[0]:
            best = distance, rows
    assert best is not None
    return best[1]


def _least_distance(coordinates: Coordinates, rows: Rows) -> float:
    numbers, codes = coordinates.features(rows)
    squared = ((numbers[:, None] - numbers) ** 2).sum(2)
    squared += (codes[:, None] != codes).sum(2)
    squared[np.diag_indices(len(rows))] = math.inf
    return float(squared.min())


def mutants(
    coordinates: Coordinates,
    rng: np.random.Generator,
    bases: Rows,
    least: float,
    most: float,
) -> Rows:
    """Return mutants of rows: some active columns redrawn, numbers close to where they were.

    Columns that become active, since a choice changed, are drawn uniformly.

    Parameters
    ----------
    coordinates : Coordinates
    rng : numpy.random.Generator
    bases : float64 array, shape (n, n_columns)
    least, most : float
        Limits of the standard deviation of a step, which is drawn log-uniformly for each mutant.
    """
    n, d = bases.shape
    active = coordinates.active(bases)
    places: Places = np.where(active, coordinates.places(bases), coordinates.uniform(rng, n))
    changes = _changes(rng, active)
    sigma = least * matrices.exponential(rng.random((n, 1)) * math.log(most / least))
    steps = rng.normal(size=(n, d)) * sigma
    numbers, categories = coordinates.numbers, coordinates.categories
    moved = places[:, numbers] + np.where(changes, steps, 0.0)[:, numbers]
    places[:, numbers] = np.clip(1.0 - np.abs(1.0 - np.abs(moved)), 0.0, 1.0)  # reflected
    sizes = coordinates.sizes
    shift = 1.0 + np.floor(rng.random((n, len(sizes))) * np.maximum(sizes - 1, 1))
    shift *= changes[:, categories] & (sizes > 1)
    places[:, categories] = (places[:, categories] + shift) % np.maximum(sizes, 1)
    rows = coordinates.rows(places)
    return _with_integers_that_move(coordinates, rng, rows, bases, changes & active)


def _changes(rng: np.random.Generator, active: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Draw which active columns change, at least one in each row."""
    n, d = active.shape
    rates = rng.choice(MEAN_CHANGES, n) / np.maximum(active.sum(1), 1)
    changes: npt.NDArray[np.bool_] = (rng.random((n, d)) < rates[:, None]) & active
    first = np.where(active, rng.random((n, d)), -1.0).argmax(1)
    none = np.flatnonzero(~changes.any(1))
    changes[none, first[none]] = True
    return changes


def _with_integers_that_move(
    coordinates: Coordinates,
    rng: np.random.Generator,
    rows: Rows,
    bases: Rows,
    changes: npt.NDArray[np.bool_],
) -> Rows:
    """Move whole numbers that were to change and did not to a neighbor."""
    integers = coordinates.integers
    stuck = changes[:, integers] & (rows[:, integers] == bases[:, integers])
    steps = np.where(rng.random(stuck.shape) < 0.5, -1.0, 1.0)
    return coordinates.neighbors(rows, steps * stuck) if stuck.any() else rows
