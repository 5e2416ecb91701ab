"""Multinomial logistic regression in a fixed order of additions, for the linear baselines.

The libraries' solvers add in an order that depends on the processor. Here every sum is one compiled loop, so
that the weights are the same bits everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from basis.sums import dot
from data_prep.clips import Int64
from methods.nets.elementary import exp, ln

Float64 = npt.NDArray[np.float64]
ABSENT = -1e6
"""The intercept of a class without a training clip: its probability is 0."""

_MEMORY = 10
_ENOUGH = 1e-4


def logistic(
    x: Float64,
    labels: Int64,
    C: float,
    n_classes: int,
    *,
    balanced: bool = False,
    max_iter: int = 2000,
    tolerance: float = 1e-4,
) -> Float64:
    """(n_classes, d + 1) weights and intercepts of an L2 logistic regression (L-BFGS).

    Penalty and stopping rule are those of scikit-learn's `LogisticRegression`, which has one vector of
    weights where there are two classes. With a single class among the labels nothing is fitted.

    Parameters
    ----------
    x
        (n, d).
    labels
        (n,) class of each row.
    C
        Inverse strength of the penalty.
    n_classes
        How many classes there are.
    balanced
        Classes weigh equally, not clips.
    max_iter
        Limit of the iterations.
    tolerance
        The end is where no entry of the gradient of the mean loss is larger.

    Notes
    -----
    A clip can hang on where a solver stops: at MEGC2019's true minimum one more of 442 is right (UF1 .7302,
    UAR .7537) than at scikit-learn's own tolerance and this one (.7270, .7506, as published).
    """
    classes, of_row, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = np.zeros((n_classes, x.shape[1] + 1))
    weights[:, -1] = ABSENT
    weights[classes, -1] = 0.0
    if len(classes) > 1:
        shares = 1.0 / (len(classes) * counts) if balanced else np.full(len(classes), 1.0 / len(labels))
        penalty = (2.0 if len(classes) == 2 else 1.0) / (C * len(labels))
        rows = np.ascontiguousarray(x, np.float64)
        found = _minimum(
            rows, of_row.astype(np.int64), shares[of_row], penalty, len(classes), max_iter, tolerance
        )
        weights[classes] = found.T
    return weights


def probabilities(x: Float64, weights: Float64) -> Float64:
    """(n, n_classes) softmax of the scores of rows (n, d) under weights (n_classes, d + 1)."""
    by_column = np.ascontiguousarray(weights.T, np.float64)
    odds: Float64 = _odds(np.ascontiguousarray(x, np.float64), by_column)
    return odds


def on_raw(weights: Float64, mean: Float64, scale: Float64) -> Float64:
    """The weights (n_classes, d + 1) of standardised features, (x - mean) * scale, for raw ones."""
    raw = np.ascontiguousarray(weights, np.float64).copy()
    _unfold(raw, mean, scale)
    return raw


@compiled
def _unfold(weights: Any, mean: Any, scale: Any) -> None:
    for c in range(len(weights)):
        for j in range(len(mean)):
            weights[c, j] *= scale[j]
            weights[c, -1] -= weights[c, j] * mean[j]


# Loops throughout: an expression of whole arrays gives the same bits and takes seconds to compile.
@compiled
def _odds(x: Any, weights: Any) -> Any:
    """Softmax of x (n, d) times weights (d + 1, k), the last of which are intercepts."""
    n, d = x.shape
    k = weights.shape[1]
    odds = np.empty((n, k))
    for i in range(n):
        for c in range(k):
            odds[i, c] = weights[d, c]
        for j in range(d):
            for c in range(k):
                odds[i, c] += x[i, j] * weights[j, c]
        largest, total = odds[i, 0], 0.0
        for c in range(1, k):
            largest = max(largest, odds[i, c])
        for c in range(k):
            odds[i, c] = exp(odds[i, c] - largest)
            total += odds[i, c]
        for c in range(k):
            odds[i, c] /= total
    return odds


@compiled
def _loss(weights: Any, x: Any, labels: Any, shares: Any, penalty: Any, gradient: Any) -> Any:
    """Mean loss and penalty of weights (d + 1, k); their gradient is written into `gradient`."""
    n, d = x.shape
    k = weights.shape[1]
    odds, total = _odds(x, weights), 0.0
    for j in range(d):
        for c in range(k):
            total += 0.5 * penalty * weights[j, c] * weights[j, c]
            gradient[j, c] = penalty * weights[j, c]
    for c in range(k):
        gradient[d, c] = 0.0
    for i in range(n):
        total -= shares[i] * ln(max(odds[i, labels[i]], 1e-300))
        odds[i, labels[i]] -= 1.0
        for c in range(k):
            odds[i, c] *= shares[i]
            gradient[d, c] += odds[i, c]
        for j in range(d):
            for c in range(k):
                gradient[j, c] += odds[i, c] * x[i, j]
    return total


@compiled
def _sum(a: Any, factor: Any, b: Any, out: Any) -> None:
    """The sum of a and factor times b, all (n,); `out` may be one of them."""
    for i in range(len(out)):
        out[i] = a[i] + factor * b[i]


@compiled
def _within(values: Any, bound: Any) -> Any:
    within = True
    for i in range(len(values)):
        within &= abs(values[i]) <= bound
    return within


@compiled
def _direction(gradient: Any, steps: Any, changes: Any, count: Any, way: Any) -> None:
    """Minus the gradient times the inverse curvature that the last steps and changes show (two loops)."""
    for i in range(len(way)):
        way[i] = -gradient[i]
    kept = min(count, len(steps))
    factors = np.empty(kept)
    for back in range(kept):
        row = (count - 1 - back) % len(steps)
        factors[back] = dot(steps[row], way) / dot(steps[row], changes[row])
        _sum(way, -factors[back], changes[row], way)
    if kept:
        row = (count - 1) % len(steps)
        curvature = dot(steps[row], changes[row]) / dot(changes[row], changes[row])
        for i in range(len(way)):
            way[i] *= curvature
    for back in range(kept - 1, -1, -1):
        row = (count - 1 - back) % len(steps)
        factor = factors[back] - dot(changes[row], way) / dot(steps[row], changes[row])
        _sum(way, factor, steps[row], way)


@compiled
def _minimum(x: Any, labels: Any, shares: Any, penalty: Any, k: Any, max_iter: Any, tolerance: Any) -> Any:
    """Weights (d + 1, k) where no entry of the gradient is larger than that: L-BFGS, halving its steps."""
    shape = (x.shape[1] + 1, k)
    # weights, gradient, the two again ahead, and the way there
    w, g, moved = np.zeros(shape[0] * k), np.zeros(shape[0] * k), np.zeros(shape[0] * k)
    ahead, way = np.zeros(shape[0] * k), np.zeros(shape[0] * k)
    steps, changes = np.zeros((_MEMORY, len(w))), np.zeros((_MEMORY, len(w)))
    count, loss = 0, _loss(w.reshape(shape), x, labels, shares, penalty, g.reshape(shape))
    for _ in range(max_iter):
        if _within(g, tolerance):
            break
        _direction(g, steps, changes, count, way)
        slope, length = dot(way, g), 1.0
        if count == 0:
            length = min(1.0, 1.0 / np.sqrt(dot(g, g)))
        for _ in range(60):
            _sum(w, length, way, moved)
            there = _loss(moved.reshape(shape), x, labels, shares, penalty, ahead.reshape(shape))
            if there <= loss + _ENOUGH * length * slope:
                break
            length *= 0.5
        else:
            break
        _sum(moved, -1.0, w, w)
        _sum(ahead, -1.0, g, g)
        if dot(w, g) > 1e-12 * dot(g, g):
            for i in range(len(w)):
                steps[count % _MEMORY, i], changes[count % _MEMORY, i] = w[i], g[i]
            count += 1
        loss = there
        for i in range(len(w)):
            w[i], g[i] = moved[i], ahead[i]
    return w.reshape(shape)
