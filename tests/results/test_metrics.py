"""Metrics against scikit-learn, and what happens to classes that are not there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from results.numbers.metrics import accuracy, confusion, macro_precision, recalls, uar, uf1

N = 4


@st.composite
def labelled(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    n = draw(st.integers(1, 40))
    one = st.lists(st.integers(0, N - 1), min_size=n, max_size=n)
    return draw(one), draw(one)


@settings(max_examples=50, deadline=None)
@given(labelled())
def test_metrics_equal_those_of_scikit_learn(pair: tuple[list[int], list[int]]) -> None:
    truth, predicted = pair
    present = sorted(set(truth))
    both = sorted({*truth, *predicted})
    assert accuracy(truth, predicted, N) == pytest.approx(oracle.accuracy_score(truth, predicted))
    assert uf1(truth, predicted, N) == pytest.approx(oracle.f1_score(truth, predicted, average="macro"))
    recall = oracle.recall_score(truth, predicted, labels=present, average="macro", zero_division=0)
    assert uar(truth, predicted, N) == pytest.approx(recall)
    precision = oracle.precision_score(truth, predicted, labels=both, average="macro", zero_division=0)
    assert macro_precision(truth, predicted, N) == pytest.approx(precision)
    matrix = oracle.confusion_matrix(truth, predicted, labels=range(N))
    np.testing.assert_array_equal(confusion(truth, predicted, N), matrix)


def test_absent_classes() -> None:
    truth, predicted = [0, 0, 1, 1], [0, 2, 1, 1]
    assert uar(truth, predicted, 4) == pytest.approx((0.5 + 1) / 2)
    assert uf1(truth, predicted, 4) == pytest.approx((2 / 3 + 1 + 0) / 3)
    np.testing.assert_array_equal(np.isnan(recalls(truth, predicted, 4)), [False, False, True, True])


def test_the_constant_classifier_of_the_2019_challenge() -> None:
    """250 negative, 109 positive, 83 surprise: naming always the first gives accuracy .566 and UF1 .241."""
    truth = np.repeat([0, 1, 2], [250, 109, 83])
    constant = np.zeros_like(truth)
    assert accuracy(truth, constant, 3) == pytest.approx(0.5656, abs=1e-4)
    assert uf1(truth, constant, 3) == pytest.approx(0.2408, abs=1e-4)
    assert uar(truth, constant, 3) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("truth", "predicted", "words"),
    [
        ([], [], "at least one"),
        ([0, 1], [0], "2 clips and y_pred 1"),
        ([0, 4], [0, 0], "must lie in 0..3, got 0 to 4"),
        ([0, -1], [0, 0], "must lie in 0..3"),
        ([0.5], [0], "not whole"),
        ([[0]], [[0]], "one-dimensional"),
    ],
)
def test_what_is_no_labelling_is_refused(truth: list[int], predicted: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        accuracy(truth, predicted, 4)
