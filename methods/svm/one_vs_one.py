"""Support vector machines from kernel matrices: kernels, inner folds, fits as plain arrays, scores."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.svm import SVC

from data_prep.clips import Float32, Int64
from features.kernels import chi_square_distances

Float64 = npt.NDArray[np.float64]
Measure = Literal["dot", "squared", "chi2", "additive"]
KernelName = Literal["linear", "poly", "rbf", "chi2", "additive-chi2"]

_MEASURES: dict[KernelName, Measure] = {
    "linear": "dot",
    "poly": "dot",
    "rbf": "squared",
    "chi2": "chi2",
    "additive-chi2": "additive",
}


@dataclass(frozen=True)
class Kernel:
    """One kernel of a grid.

    name: "linear" <x, y>; "poly" (gamma <x, y> + coef) ** degree; "rbf" exp(-g |x - y|^2) and "chi2"
    exp(-g chi2(x, y)) with g = gamma / mean distance of the training clips, so that gamma = 1 suits
    any descriptor; "additive-chi2" sum 2 x y / (x + y).
    """

    name: KernelName = "linear"
    gamma: float = 1.0
    coef: float = 0.0
    degree: int = 3

    def __post_init__(self) -> None:
        if self.name not in _MEASURES:
            raise ValueError(f"no kernel {self.name!r}; kernels: {', '.join(_MEASURES)}")

    @property
    def measure(self) -> Measure:
        """What is computed from pairs of feature vectors before the kernel's own formula."""
        return _MEASURES[self.name]

    def describe(self) -> dict[str, Any]:
        """The kernel as JSON values, without parameters that it does not use."""
        values: dict[str, Any] = {"kernel": self.name}
        if self.name in {"poly", "rbf", "chi2"}:
            values["gamma"] = self.gamma
        if self.name == "poly":
            values |= {"coef": self.coef, "degree": self.degree}
        return values

    def matrix(self, values: Float64, scale: float) -> Float64:
        """Kernel values from the measure's; scale: mean distance of the training clips."""
        if self.name == "poly":
            powers: Float64 = (self.gamma * values + self.coef) ** self.degree
            return powers
        if self.name in {"rbf", "chi2"}:
            return np.asarray(np.exp(values * (-self.gamma / scale)))
        return values


def measure_between(measure: Measure, a: Float32, b: Float32, threads: int = 1) -> Float64:
    """(n, m) float64 values of a measure between rows of a (n, d) and b (m, d)."""
    if measure in {"chi2", "additive"}:
        distances: Float64 = chi_square_distances(a, None if a is b else b, threads=threads)
        if measure == "chi2":
            return distances
        masses = a.sum(axis=1, dtype=np.float64)[:, None] + b.sum(axis=1, dtype=np.float64)
        return np.asarray((masses - distances) / 2)
    left, right = a.astype(np.float64), b.astype(np.float64)
    products: Float64 = left @ right.T
    if measure == "dot":
        return products
    lengths = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)
    return np.asarray(np.maximum(lengths - 2 * products, 0))


def mean_distance(values: Float64) -> float:
    """Mean over distinct pairs of a square matrix of distances; 1 where that is zero or undefined."""
    n = len(values)
    if n < 2:
        return 1.0
    mean = float((values.sum() - np.trace(values)) / (n * (n - 1)))
    return mean if mean > 0 else 1.0


@dataclass(frozen=True)
class OneVsOne:
    """A fitted multi-class SVM as arrays: decisions = K(clips, training clips) @ coefficients + intercepts.

    classes: (k,) int64, ascending; coefficients: (n_train, k (k - 1) / 2) float64; intercepts:
    (k (k - 1) / 2,). Pairs run (0, 1), (0, 2), ..., (1, 2), ...; a decision above zero is for the first
    class of its pair.
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

    decisions: (clips, pairs) float64. Confidences alone never outweigh a vote. Where votes are tied,
    libsvm takes the first class, so that one is lifted above the others of the tie.
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
