"""Support vector machines from kernel matrices: fits as plain arrays, scores."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from sklearn.svm import SVC

from data_prep.clips import Int64
from methods.svm.kernels import Float64


@dataclass(frozen=True)
class OneVsOne:
    """A fitted multi-class SVM as arrays: decisions = K(clips, training clips) @ coefficients + intercepts.

    Pairs run (0, 1), (0, 2), ..., (1, 2), ...; a decision above zero is for the first class of its pair.

    Attributes
    ----------
    classes
        (k,) int64, ascending.
    coefficients
        (n_train, k (k - 1) / 2) float64.
    intercepts
        (k (k - 1) / 2,).
    """

    classes: Int64
    coefficients: Float64
    intercepts: Float64
    stopped_early: bool = False

    def scores(self, kernel: Float64, n_classes: int) -> Float64:
        """(clips, n_classes) scores; the highest (lowest index on ties) is what libsvm would decide."""
        return pair_scores(kernel @ self.coefficients + self.intercepts, self.classes, n_classes)


def fit_one_vs_one(gram: Float64, labels: Int64, C: float, max_iterations: int = -1) -> OneVsOne:
    """Fit a support vector classifier on a (n, n) kernel matrix; one class alone gives a constant."""
    classes = np.unique(labels)
    pairs = list(combinations(range(len(classes)), 2))
    coefficients = np.zeros((len(labels), len(pairs)))
    if not pairs:
        return OneVsOne(classes, coefficients, np.zeros(0))
    machine = SVC(C=C, kernel="precomputed", max_iter=max_iterations, random_state=0).fit(gram, labels)
    support, dual = machine.support_, machine.dual_coef_
    sign = -1.0 if len(classes) == 2 else 1.0  # scikit-learn turns the two-class decision round
    ends = np.cumsum(machine.n_support_)
    starts = ends - machine.n_support_
    for p, (i, j) in enumerate(pairs):
        first, second = slice(starts[i], ends[i]), slice(starts[j], ends[j])
        coefficients[support[first], p] = sign * dual[j - 1, first]
        coefficients[support[second], p] = sign * dual[i, second]
    return OneVsOne(classes, coefficients, sign * machine.intercept_, bool(machine.fit_status_))


def pair_scores(decisions: Float64, classes: Int64, n_classes: int) -> Float64:
    """Votes of all pairs plus bounded confidences; classes never trained on get -1.

    Confidences alone never outweigh a vote. Where votes are tied, libsvm takes the first class, so that one
    is lifted above the others of the tie.

    Parameters
    ----------
    decisions
        (clips, pairs) float64.
    classes
        (k,) classes that were trained on, ascending.
    n_classes
        How many there are in all.
    """
    n, k = len(decisions), len(classes)
    votes, confidence = np.zeros((n, k)), np.zeros((n, k))
    for p, (i, j) in enumerate(combinations(range(k), 2)):
        decision = decisions[:, p]
        votes[:, i] += decision > 0
        votes[:, j] += decision <= 0
        confidence[:, i] += decision
        confidence[:, j] -= decision
    values = votes + confidence / (3 * (np.abs(confidence) + 1))
    rows, winner = np.arange(n), votes.argmax(axis=1)
    best = values.max(axis=1)
    values[rows, winner] = np.where(values[rows, winner] < best, best + 1e-3, values[rows, winner])
    scores = np.full((n, n_classes), -1.0)
    scores[:, classes] = values
    return scores
