"""Supervised LPP against a dense generalized eigenproblem, by hand, and in degenerate cases."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.slpp import SupervisedLPP


def graph_of(x, y, weights, width=None):
    n = len(x)
    distances = np.array([[np.linalg.norm(x[i] - x[j]) for j in range(n)] for i in range(n)])
    width = distances.mean() if width is None else width
    graph = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if i != j and y[i] == y[j]:
                graph[i, j] = 1 if weights == "binary" else np.exp(-(distances[i, j] ** 2) / (2 * width**2))
    return graph


def angle(a, b):
    """Largest angle between the row spaces."""
    return float(np.max(scipy.linalg.subspace_angles(a.T, b.T)))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(["heat", "binary"]), st.sampled_from([None, 0.1, 2.0]))
def test_full_rank_problems_agree_with_the_dense_solution(seed, weights, ridge):
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1, 2], 12)
    x = rng.normal(size=(36, 6)) + 0.5 * y[:, None]
    ours = SupervisedLPP(pca_ratio=1.0, weights=weights, ridge=ridge, n_components=2).fit(x, y)
    graph = graph_of(x, y, weights)
    degree = np.diag(graph.sum(axis=1))
    z = x - x.mean(axis=0)
    right = z.T @ degree @ z
    if ridge is not None:
        right = right + ridge * np.diag(degree).mean() * np.eye(6)
    values, vectors = scipy.linalg.eigh(z.T @ graph @ z, right)
    expected = vectors[:, ::-1][:, : len(ours.eigenvalues_)].T
    np.testing.assert_allclose(ours.eigenvalues_, values[::-1][: len(expected)], atol=1e-9)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    for mine, theirs in zip(ours.components_, expected, strict=True):
        assert min(np.abs(mine - theirs).max(), np.abs(mine + theirs).max()) < 1e-7


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.sampled_from([0.5, 0.9, 0.98]))
def test_the_reduced_problem_agrees_with_one_written_out(seed, ratio):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1, 2, 3], [8, 6, 5, 4]))
    x = rng.normal(size=(23, 60)) + rng.normal(size=(4, 60))[y]
    ours = SupervisedLPP(pca_ratio=ratio).fit(x, y)
    graph = graph_of(x, y, "heat")
    degree = graph.sum(axis=1)
    z = np.sqrt(degree)[:, None] * (x - x.mean(axis=0))
    _, singular, basis = np.linalg.svd(z, full_matrices=False)
    singular_kept = singular[singular >= 1e-10 * singular[0]]
    k = next(i for i in range(1, 99) if singular_kept[:i].sum() >= ratio * singular_kept.sum() * (1 - 1e-12))
    reduced = z @ basis[:k].T
    scaled = graph / np.sqrt(np.outer(degree, degree))
    values, vectors = scipy.linalg.eigh(reduced.T @ scaled @ reduced, reduced.T @ reduced)
    keep = values >= 1e-3
    np.testing.assert_allclose(ours.eigenvalues_, values[keep][::-1], atol=1e-10)
    assert angle(ours.components_, vectors[:, keep].T @ basis[:k]) < 1e-7
    np.testing.assert_allclose(np.linalg.norm(ours.components_, axis=1), 1)


def test_separated_classes_need_about_one_component_less_than_classes():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2, 3], 15)
    x = rng.normal(size=(60, 200)) + 6 * rng.normal(size=(4, 200))[y]
    ours = SupervisedLPP().fit(x, y)
    projected = ours.transform(x)[:, :3]
    centres = np.array([projected[y == c].mean(axis=0) for c in range(4)])
    nearest = np.linalg.norm(projected[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == y).all()


def test_all_singular_values_collapse_classes_to_points():
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2], 6)
    x = rng.normal(size=(18, 300))
    ours = SupervisedLPP(pca_ratio=1.0, weights="binary", n_components=2).fit(x, y)
    projected = ours.transform(x)
    spread = max(projected[y == c].std(axis=0).max() for c in range(3))
    assert spread < 1e-8 * np.ptp(projected)


def test_a_class_with_one_sample_gives_no_infinities_and_is_named():
    rng = np.random.default_rng(2)
    y = np.array([0] * 6 + [1] * 6 + [7])
    x = rng.normal(size=(13, 20)) + y[:, None]
    ours = SupervisedLPP().fit(x, y)
    assert ours.singletons_.tolist() == [12]
    assert np.isfinite(ours.transform(x)).all()
    degree = graph_of(x, y, "heat", None).sum(axis=1)
    assert degree[12] == 0


def test_only_single_samples_is_an_error_and_equal_samples_are_not():
    with pytest.raises(ValueError, match="single sample"):
        SupervisedLPP().fit(np.eye(3), [0, 1, 2])
    same = SupervisedLPP().fit(np.ones((4, 5)), [0, 0, 1, 1])
    assert same.transform(np.ones((2, 5))).shape == (2, 0)


def test_heat_width_is_used():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 5)), np.repeat([0, 1], 10)
    wide = SupervisedLPP(heat_width=1e6).fit(x, y)
    binary = SupervisedLPP(weights="binary").fit(x, y)
    np.testing.assert_allclose(wide.eigenvalues_, binary.eigenvalues_, atol=1e-9)
    narrow = SupervisedLPP(heat_width=0.5).fit(x, y)
    assert np.abs(narrow.eigenvalues_[0] - binary.eigenvalues_[0]) > 1e-3


def test_it_behaves_as_a_scikit_learn_transformer():
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(30, 8)), np.repeat([0, 1, 2], 10)
    pipeline = make_pipeline(StandardScaler(), SupervisedLPP(n_components=2))
    assert pipeline.fit_transform(x, y).shape[1] <= 2
    copy = clone(SupervisedLPP(n_components=3, ridge=0.5))
    assert (copy.n_components, copy.ridge) == (3, 0.5)
    names = SupervisedLPP().fit(x, y).get_feature_names_out()
    assert names[0] == "supervisedlpp0"
    with pytest.raises(ValueError, match="features"):
        SupervisedLPP().fit(x, y).transform(x[:, :5])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"pca_ratio": 0.0}, "pca_ratio"), ({"weights": "cosine"}, "heat"), ({"n_components": 0}, "at least 1")],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        SupervisedLPP(**options).fit(np.eye(4), [0, 0, 1, 1])
