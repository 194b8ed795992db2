"""What a model learns of outcomes, and how promising a prediction is."""

import math

import numpy as np
import numpy.typing as npt

from zoopt._native import matrices
from zoopt.core.evaluation import OK, PRUNED, Evaluation, rank

__all__ = ["key", "log_expected_improvement", "normal_scores", "standardized", "warped"]

Array = npt.NDArray[np.float64]

#: Values above the median plus this many distances of the median from the best tenth are clipped.
CLIP = 2.0
#: Share of the ranks in the scale of few outcomes. It falls to 0 between these numbers of outcomes:
#: ranks are robust, and values show how smooth the function is near the best point.
RANK_SHARE, FEW, MANY = 0.5, 30, 60


def key(evaluation: Evaluation) -> tuple[float, float]:
    """Return violation and value; failures are equal, and a pruned value is its last report.

    Examples
    --------
    >>> key(Evaluation(2.0)), key(Evaluation(math.nan, "failed"))
    ((0.0, 2.0), (inf, 0.0))
    """
    if evaluation.status == PRUNED and math.isfinite(evaluation.last_report):
        return max(0.0, evaluation.violation), evaluation.last_report
    return rank(evaluation, 0) if evaluation.status == OK else (math.inf, 0.0)


def warped(keys: list[tuple[float, float]]) -> Array:
    """Return outcomes on a scale that a Gaussian process can learn: mean 0, standard deviation 1.

    Up to 30 outcomes, this is the mean of the normal scores of their ranks and of their
    standardized values, after large values are clipped. From 60 on, it is the values alone, unless
    some points are infeasible: their violations are known by the ranks only. Infeasible points and
    failures are ranked last and have the largest value.

    Parameters
    ----------
    keys : list of (violation, value)
        As `key` returns them. Sorted, they are best first.

    Returns
    -------
    float64 array, shape (n,)

    Examples
    --------
    >>> warped([(0.0, 3.0), (0.0, 1.0), (math.inf, 0.0)]).round(2)
    array([ 0.21, -1.32,  1.1 ])
    """
    violations, values = np.array(keys, np.float64).reshape(-1, 2).T
    n = len(keys)
    share = RANK_SHARE
    if not ((violations > 0.0) & (violations < math.inf)).any():
        share *= min(1.0, max(0.0, (MANY - n) / (MANY - FEW)))
    scores = normal_scores((_mean_ranks(violations, values) + 0.5) / n)
    return _standardized(
        share * _standardized(scores) + (1.0 - share) * _standardized(_clipped(violations, values))
    )


def standardized(keys: list[tuple[float, float]]) -> tuple[Array, float, float]:
    """Return the clipped values with mean 0 and standard deviation 1, their mean and deviation."""
    violations, values = np.array(keys, np.float64).reshape(-1, 2).T
    clipped = _clipped(violations, values)
    spread = float(clipped.std())
    return _standardized(clipped), float(clipped.mean()), spread if spread > 1e-12 else 1.0


def _mean_ranks(violations: Array, values: Array) -> Array:
    """Return the ranks from 0, best first; equal outcomes share the mean of theirs."""
    order = np.lexsort((values, violations))
    sorted_keys = violations[order], values[order]
    differ = np.zeros(len(order), np.bool_)
    for column in sorted_keys:
        differ[1:] |= column[1:] != column[:-1]
    groups = np.cumsum(differ)
    means = np.bincount(groups, np.arange(len(order))) / np.bincount(groups)
    ranks = np.empty(len(order))
    ranks[order] = means[groups]
    return ranks


def _clipped(violations: Array, values: Array) -> Array:
    """Return the values, with one value for all that are large, not feasible or failed."""
    usable = (violations == 0.0) & np.isfinite(values)
    if not usable.any():
        return np.zeros(len(values))
    good = values[usable]
    median = float(np.median(good))
    reach = max(median - float(np.quantile(good, 0.1)), 1e-12 * max(1.0, abs(median)))
    top = min(median + CLIP * reach, float(good.max())) if len(good) > 1 else median + 1.0
    if not usable.all():
        top = median + CLIP * reach
    finite = np.where(usable, values, math.inf)
    finite[values == -math.inf] = good.min()
    return np.minimum(finite, top)


def _standardized(values: Array) -> Array:
    spread = float(values.std())
    centered: Array = (values - values.mean()) / (spread if spread > 1e-12 else 1.0)
    return centered


def normal_scores(shares: Array) -> Array:
    """Return the quantiles of the standard normal distribution.

    Parameters
    ----------
    shares : float64 array, between 0 and 1

    Notes
    -----
    A rational approximation, of absolute error below 4.5e-4, which is far below what ranks tell.

    References
    ----------
    M. Abramowitz, I. A. Stegun, "Handbook of Mathematical Functions", 1964, formula 26.2.23.

    Examples
    --------
    >>> normal_scores(np.array([0.025, 0.5, 0.975])).round(2)
    array([-1.96,  0.  ,  1.96])
    """
    tail = np.minimum(shares, 1.0 - shares)
    t = np.sqrt(-2.0 * matrices.logarithm(tail))
    upper = 2.515517 + t * (0.802853 + t * 0.010328)
    lower = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    distance = t - upper / lower
    scores: Array = np.where(shares < 0.5, -distance, distance)
    return np.where(np.abs(shares - 0.5) < 1e-12, 0.0, scores)


def log_expected_improvement(means: Array, deviations: Array, best: float) -> Array:
    """Return the logarithm of the expected improvement below ``best``, exact far from it too.

    Parameters
    ----------
    means, deviations : float64 arrays, shape (n,)
    best : float

    References
    ----------
    D. R. Jones, M. Schonlau, W. J. Welch, "Efficient global optimization of expensive black-box
    functions", Journal of Global Optimization 13, 1998, equation 15. S. Ament et al., "Unexpected
    improvements to expected improvement for Bayesian optimization", NeurIPS 2023 (the logarithm).

    Examples
    --------
    >>> log_expected_improvement(np.array([0.0, 50.0]), np.ones(2), 0.0).round(1).tolist()
    [-0.9, -1258.7]
    """
    z = (best - means) / deviations
    log_density = -0.5 * z * z - 0.5 * math.log(2.0 * math.pi)
    near = matrices.exponential(log_density) + z * _normal_below(z)
    far = np.minimum(z, -3.0)
    square = far * far
    series = 1.0 - 3.0 / square + 15.0 / (square * square)
    tail = log_density - matrices.logarithm(square) + matrices.logarithm(series)
    improvement: Array = np.where(z > -4.0, matrices.logarithm(np.maximum(near, 1e-300)), tail)
    return matrices.logarithm(deviations) + improvement


def _normal_below(z: Array) -> Array:
    """Return the distribution function of the standard normal distribution.

    Of relative error below 1.2e-7: W. H. Press et al., "Numerical Recipes", section 6.2, erfcc.
    """
    x = np.abs(z) / math.sqrt(2.0)
    t = 1.0 / (1.0 + 0.5 * x)
    coefficients = (
        *(-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806),
        *(0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277),
    )
    power = np.zeros_like(t)
    for coefficient in reversed(coefficients):
        power = power * t + coefficient
    tail = 0.5 * t * matrices.exponential(-x * x + power)
    return np.where(z >= 0.0, 1.0 - tail, tail)
