"""Linear algebra with the same digits on every machine: twins bit for bit, and numpy's results."""

import math
import os

import numpy as np
import pytest

from zoopt._native import matrices
from zoopt._native.reference import matrices as reference

twins = pytest.mark.parametrize("kernels", [matrices, reference], ids=["compiled", "plain"])
compiled_only = pytest.mark.skipif(
    os.environ.get("ZOOPT_NO_NATIVE") == "1", reason="the compiled kernels are switched off"
)
SPECIAL = [0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 5e-324, -708.0, -708.1, 709.0, 709.1]


def positive_definite(rng, n):
    a = rng.normal(size=(n, n))
    return a @ a.T + 1e-3 * np.eye(n)


def same(a, b):
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes()


@compiled_only
@pytest.mark.parametrize("case", range(12))
def test_twins_agree_bit_for_bit(case):
    rng = np.random.default_rng(case)
    n, m, d = rng.integers(0, 40, 3).tolist()
    a, b = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    same(matrices.product(a, b.T), reference.product(a, b.T))
    squared = matrices.squared_distances(a, b) * rng.choice([1e-6, 1.0, 1e6])
    same(matrices.squared_distances(a, b), reference.squared_distances(a, b))
    for left, right in zip(matrices.matern(squared), reference.matern(squared), strict=True):
        same(left, right)
    codes = rng.integers(-1, 3, (n, d)), rng.integers(-1, 3, (m, d)), rng.random(d)
    same(matrices.mismatches(*codes), reference.mismatches(*codes))
    lower = reference.cholesky(positive_definite(rng, n))
    same(matrices.cholesky(positive_definite(np.random.default_rng(case), n)),
         reference.cholesky(positive_definite(np.random.default_rng(case), n)))  # fmt: skip
    same(matrices.inverse_lower(lower), reference.inverse_lower(lower))
    same(matrices.gram(lower), reference.gram(lower))
    rows = rng.normal(size=(m, n))
    same(matrices.squared_norms(rows, lower), reference.squared_norms(rows, lower))
    x = np.concatenate([rng.normal(0.0, 300.0, 2000), SPECIAL])
    same(matrices.exponential(x), reference.exponential(x))
    same(matrices.logarithm(np.abs(x)), reference.logarithm(np.abs(x)))
    y = np.exp(np.clip(x, -700.0, 700.0))
    same(matrices.logarithm(y), reference.logarithm(y))


@twins
def test_exponential_and_logarithm_are_right_to_some_units_in_the_last_place(kernels):
    x = np.random.default_rng(0).uniform(-700.0, 700.0, 20_000)
    assert np.abs(kernels.exponential(x) / np.exp(x) - 1.0).max() < 1e-15
    near_one = np.random.default_rng(1).uniform(0.5, 2.0, 20_000)
    for y in (np.exp(x), near_one):
        assert (np.abs(kernels.logarithm(y) - np.log(y)) < 2e-15 * np.abs(np.log(y))).all()
    assert kernels.exponential([-math.inf, math.inf, 0.0]).tolist() == [0.0, math.inf, 1.0]
    assert kernels.logarithm([0.0, math.inf, 1.0]).tolist() == [-math.inf, math.inf, 0.0]
    assert np.isnan(kernels.exponential([math.nan])).all()
    assert np.isnan(kernels.logarithm([math.nan, -1.0, -math.inf])).all()


@twins
@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_factors_and_products_are_those_of_numpy(kernels, n):
    rng = np.random.default_rng(n)
    matrix, rows = positive_definite(rng, n), rng.normal(size=(7, n))
    lower = kernels.cholesky(matrix)
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-12)
    inverse = kernels.inverse_lower(lower)
    np.testing.assert_allclose(inverse @ lower, np.eye(n), atol=1e-9)
    np.testing.assert_allclose(kernels.gram(inverse) @ matrix, np.eye(n), atol=1e-6)
    np.testing.assert_allclose(kernels.product(rows, lower), rows @ lower, atol=1e-12)
    expected = ((rows @ lower.T) ** 2).sum(1)
    np.testing.assert_allclose(kernels.squared_norms(rows, lower), expected, rtol=1e-9)


@twins
def test_a_matrix_without_a_factor_has_none(kernels):
    for matrix in (-np.eye(2), np.zeros((1, 1)), np.array([[1.0, 2.0], [2.0, 1.0]])):
        assert kernels.cholesky(matrix) is None
    assert kernels.cholesky(np.full((2, 2), math.nan)) is None


@twins
def test_matern_is_its_formula_and_slope_its_derivative(kernels):
    squared = np.geomspace(1e-3, 50.0, 40)[None]
    root = np.sqrt(5.0 * squared)
    kernel, slope = kernels.matern(squared)
    np.testing.assert_allclose(kernel, (1 + root + root**2 / 3) * np.exp(-root), rtol=1e-12)
    step = 1e-6 * squared
    change = kernels.matern(squared + step)[0] - kernels.matern(squared - step)[0]
    np.testing.assert_allclose(slope, change / (2.0 * step), rtol=1e-4)
    assert kernels.matern(np.zeros((1, 1)))[0].item() == 1.0
    assert kernels.matern(np.full((1, 1), 1e9))[0].item() == 0.0


@twins
def test_an_absent_code_differs_by_half_from_all_but_itself(kernels):
    codes = np.array([[0], [1], [-1]])
    expected = [[0.0, 2.0, 1.0], [2.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    assert kernels.mismatches(codes, codes, np.array([2.0])).tolist() == expected


@compiled_only
def test_shapes_that_do_not_fit_raise():
    a, b = np.zeros((2, 3)), np.zeros((4, 2))
    for call in (
        lambda: matrices.product(a, b),
        lambda: matrices.squared_distances(a, b),
        lambda: matrices.mismatches(a.astype(int), b.astype(int), np.ones(3)),
        lambda: matrices.cholesky(a),
        lambda: matrices.inverse_lower(a),
        lambda: matrices.gram(a),
        lambda: matrices.squared_norms(a, np.eye(2)),
    ):
        with pytest.raises(ValueError, match=r"\d (columns|rows|weights)"):
            call()
