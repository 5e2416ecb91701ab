"""Multinomial logistic regression as one matrix of weights, for the linear baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from data_prep.clips import Int64

Float64 = npt.NDArray[np.float64]
ABSENT = -1e6
"""The intercept of a class without a training clip: its probability is 0."""


def logistic(
    x: Float64, labels: Int64, C: float, n_classes: int, *, balanced: bool = False, max_iter: int = 2000
) -> Float64:
    """(n_classes, d + 1) weights and intercepts of an L2 logistic regression (lbfgs).

    With a single class among the labels nothing is fitted.

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
    """
    classes = np.unique(labels)
    weights = np.zeros((n_classes, x.shape[1] + 1))
    weights[:, -1] = ABSENT
    weights[classes, -1] = 0.0
    if len(classes) > 1:
        weight = "balanced" if balanced else None
        model: Any = LogisticRegression(C=C, max_iter=max_iter, class_weight=weight).fit(x, labels)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(classes) == 2:
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
            intercepts = np.concatenate([-intercepts, intercepts]) / 2
        weights[classes, :-1], weights[classes, -1] = coefficients, intercepts
    return weights
