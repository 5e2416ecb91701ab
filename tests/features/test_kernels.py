"""Chi-square distances against scikit-learn and the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import additive_chi2_kernel

from features.kernels import chi_square_distances


def slow(a, b):
    out = np.zeros((len(a), len(b)))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i, j] = sum((p - q) ** 2 / (p + q) for p, q in zip(x, y, strict=True) if p + q > 0)
    return out


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 40), st.integers(1, 50))
def test_distances_follow_the_definition(seed, n, m, d):
    rng = np.random.default_rng(seed)
    a, b = rng.random((n, d)), rng.random((m, d))
    a[a < 0.4], b[b < 0.4] = 0, 0
    a, b = a.astype(np.float32), b.astype(np.float32)
    np.testing.assert_allclose(chi_square_distances(a, b), slow(a.tolist(), b.tolist()), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n", [1, 16, 17, 50])
def test_a_set_with_itself_is_exactly_symmetric_on_any_number_of_threads(n):
    histograms = np.random.default_rng(n).dirichlet(np.ones(5000) / 3, n).astype(np.float32)
    distances = chi_square_distances(histograms)
    assert distances.shape == (n, n)
    np.testing.assert_array_equal(distances, distances.T)
    np.testing.assert_array_equal(np.diag(distances), 0)
    np.testing.assert_array_equal(distances, chi_square_distances(histograms, threads=3))
    expected = -additive_chi2_kernel(histograms.astype(np.float64))
    np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(distances, chi_square_distances(histograms, histograms.copy()), rtol=1e-6)


def test_by_hand():
    assert chi_square_distances([[1, 0, 3]], [[0, 0, 1]]).tolist() == [[1 + 4 / 4]]


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], None, "two dimensions"),
        ([[-1.0]], None, ">= 0"),
        ([[np.nan]], None, "finite"),
        ([[1.0, 2.0]], [[1.0]], "2 columns and b 1"),
    ],
)
def test_bad_input_is_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        chi_square_distances(a, b)
