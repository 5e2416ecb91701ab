"""The logistic regression of the linear baselines against scikit-learn's, and at its own minimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from methods.logistic import ABSENT, logistic, on_raw, probabilities


def toy(seed, n, d, k):
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), random.integers(k, size=n - k)])
    return random.normal(size=(n, d)) + labels[:, None] * random.normal(size=d) / 2, labels


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.integers(6, 60),
    st.integers(1, 30),
    st.integers(2, 5),
    st.sampled_from([1e-4, 1e-2, 1.0, 10.0]),
    st.booleans(),
)
def test_probabilities_are_those_of_scikit_learn_run_to_its_end(seed, n, d, k, C, balanced):
    x, labels = toy(seed, n, d, k)
    oracle = LogisticRegression(
        C=C, max_iter=20_000, tol=1e-9, class_weight="balanced" if balanced else None
    ).fit(x, labels)
    found = probabilities(x, logistic(x, labels, C, k, balanced=balanced, tolerance=1e-8))
    np.testing.assert_allclose(found, oracle.predict_proba(x), atol=3e-5)


def test_no_small_step_lowers_the_loss():
    x, labels = toy(3, 40, 12, 4)
    weights = logistic(x, labels, 0.5, 4, tolerance=1e-8)

    def loss(each):
        given = probabilities(x, each)[np.arange(40), labels]
        return -np.log(given).mean() + 0.5 * (each[:, :-1] ** 2).sum() / (0.5 * 40)

    random, least = np.random.default_rng(0), loss(weights)
    assert all(loss(weights + 1e-3 * random.normal(size=weights.shape)) > least for _ in range(200))


def test_a_class_without_clips_gets_nothing_and_a_single_one_all():
    x, labels = toy(1, 20, 5, 3)
    weights = logistic(x, np.where(labels == 1, 3, labels), 1.0, 5)
    assert (weights[[1, 4], -1] == ABSENT).all()
    assert (probabilities(x, weights)[:, [1, 4]] == 0).all()
    assert (probabilities(x, logistic(x, np.full(20, 2), 1.0, 4)).argmax(1) == 2).all()


@pytest.mark.parametrize("scale", [np.ones(5), np.array([2.0, 0.0, 0.5, 1.0, 3.0])])
def test_weights_for_raw_features_score_the_same(scale):
    x, labels = toy(2, 30, 5, 3)
    mean = x.mean(axis=0)
    weights = logistic((x - mean) * scale, labels, 1.0, 3)
    raw = probabilities(x, on_raw(weights, mean, scale))
    np.testing.assert_allclose(raw, probabilities((x - mean) * scale, weights), rtol=1e-9)
