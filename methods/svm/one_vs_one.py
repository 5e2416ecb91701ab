"""Support vector machines from kernel matrices: fits as plain arrays, scores."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from data_prep.clips import Float32, Int64
from methods.svm.decomposition import solve_pairs
from methods.svm.kernels import Float64, cut

TOLERANCE = 1e-3
"""Of the optimality conditions, as scikit-learn's default."""


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
        return pair_scores(self._decisions(kernel), self.classes, n_classes)

    def decided(self, kernel: Float64) -> Int64:
        """(clips,) classes with the highest score."""
        winners = pair_votes(self._decisions(kernel), len(self.classes)).argmax(axis=1)
        return np.asarray(self.classes[winners])

    def _decisions(self, kernel: Float64) -> Float64:
        decisions: Float64 = kernel @ self.coefficients + self.intercepts
        return decisions


@dataclass(frozen=True)
class Groups:
    """Clips class by class, as the solver wants them.

    Attributes
    ----------
    classes
        (k,) int64, ascending.
    starts
        (k + 1,) int64, where each class begins and the last one ends.
    order
        (n,) int64, clips class by class.
    """

    classes: Int64
    starts: Int64
    order: Int64

    @classmethod
    def of(cls, labels: Int64) -> Groups:
        """Of clips with these labels, (n,)."""
        classes, counts = np.unique(labels, return_counts=True)
        return cls(classes, np.concatenate([[0], np.cumsum(counts)]), np.argsort(labels, kind="stable"))


@dataclass(frozen=True)
class GroupedKernel:
    """A training kernel as the solver wants it, shared by all values of C.

    Attributes
    ----------
    groups
        The classes of the n training clips.
    kernel
        (n, n) float32 in their order.
    diagonal
        (n,) float64 in their order.
    """

    groups: Groups
    kernel: Float32
    diagonal: Float64

    @classmethod
    def of(cls, gram: Float64, groups: Groups, clips: Int64 | None = None) -> GroupedKernel:
        """From a kernel matrix whose rows and columns `clips` (default: all) are the grouped clips.

        Raises
        ------
        ValueError
            Where a value is not finite in float32.
        """
        places = groups.order if clips is None else clips[groups.order]
        kernel = np.empty((len(places), len(places)), np.float32)
        cut(gram, places, places, kernel)
        if kernel.size and not np.isfinite(kernel.min() + kernel.max()):
            raise ValueError("a support vector machine needs finite kernel values")
        return cls(groups, kernel, np.diagonal(gram)[places])

    def fit(self, C: float, max_iterations: int = -1) -> OneVsOne:
        """A support vector classifier, to the last bit the one that `sklearn.svm.SVC` fits.

        One class alone gives a constant.

        Parameters
        ----------
        C
            Above 0.
        max_iterations
            Of each pair of classes, -1 for no limit.

        Raises
        ------
        ValueError
            For another C.
        """
        if not C > 0:
            raise ValueError(f"C must be above 0, got {C}")
        found, biases, stopped = solve_pairs(
            self.kernel, self.diagonal, self.groups.starts, float(C), TOLERANCE, max_iterations
        )
        coefficients = np.empty_like(found)
        coefficients[self.groups.order] = found
        return OneVsOne(self.groups.classes, coefficients, biases, stopped)


def fit_one_vs_one(gram: Float64, labels: Int64, C: float, max_iterations: int = -1) -> OneVsOne:
    """Fit a support vector classifier on a (n, n) kernel matrix; one class alone gives a constant."""
    return GroupedKernel.of(gram, Groups.of(labels)).fit(C, max_iterations)


def pair_votes(decisions: Float64, k: int) -> Int64:
    """(clips, k) votes of all pairs of k classes; decisions (clips, pairs) above 0 are for the first."""
    votes = np.zeros((len(decisions), k), np.int64)
    for won, (i, j) in zip((decisions > 0).T, combinations(range(k), 2), strict=True):
        votes[:, i] += won
        votes[:, j] += ~won
    return votes


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
    votes, confidence = pair_votes(decisions, k), np.zeros((n, k))
    for p, (i, j) in enumerate(combinations(range(k), 2)):
        decision = decisions[:, p]
        confidence[:, i] += decision
        confidence[:, j] -= decision
    values = votes + confidence / (3 * (np.abs(confidence) + 1))
    rows, winner = np.arange(n), votes.argmax(axis=1)
    best = values.max(axis=1)
    values[rows, winner] = np.where(values[rows, winner] < best, best + 1e-3, values[rows, winner])
    scores = np.full((n, n_classes), -1.0)
    scores[:, classes] = values
    return scores
