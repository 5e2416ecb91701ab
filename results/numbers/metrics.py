"""Accuracy, UF1, UAR and their relatives, each computed from one confusion matrix.

Classes that are not there: a class in neither truth nor predictions is left out of UF1 and macro
precision; a class without a true clip is left out of UAR (its recall is nan). A class that has true clips
and is never predicted counts with precision 0 and F1 0. These are the conventions of scikit-learn's
`f1_score(average="macro")`, `balanced_accuracy_score` and `precision_score(zero_division=0)`, and what the
micro-expression challenges compute.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def confusion(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> Counts:
    """Confusion matrix, (n_classes, n_classes) int64: rows are the truth, columns the prediction.

    y_true, y_pred: (n,) class indices in 0..n_classes-1. Raises ValueError for no clips at all, unequal
    lengths, numbers that are not whole, or classes out of range.
    """
    truth, predicted = _classes(y_true, "y_true", n_classes), _classes(y_pred, "y_pred", n_classes)
    if truth.shape != predicted.shape:
        raise ValueError(f"y_true has {len(truth)} clips and y_pred {len(predicted)}: they must be the same")
    if not len(truth):
        raise ValueError("no clips: a metric needs at least one")
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def _classes(values: npt.ArrayLike, name: str, n_classes: int) -> Counts:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    whole = array.astype(np.int64)
    if not np.array_equal(whole, array):
        raise ValueError(f"{name} must hold class indices, got {array.dtype} with values that are not whole")
    if len(whole) and not 0 <= whole.min() <= whole.max() < n_classes:
        raise ValueError(f"{name} must lie in 0..{n_classes - 1}, got {whole.min()} to {whole.max()}")
    return whole


def accuracy(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Share of clips whose class is right, 0 to 1."""
    return float(accuracy_of(confusion(y_true, y_pred, n_classes)))


def uf1(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Unweighted F1: mean over classes of 2 TP / (2 TP + FP + FN), 0 to 1 (MEGC 2019)."""
    return float(uf1_of(confusion(y_true, y_pred, n_classes)))


def uar(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Unweighted average recall: mean recall of the classes that have true clips, 0 to 1."""
    return float(uar_of(confusion(y_true, y_pred, n_classes)))


def macro_precision(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Mean precision over classes, 0 to 1; published more than once under the name of UAR."""
    return float(macro_precision_of(confusion(y_true, y_pred, n_classes)))


def recalls(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> Floats:
    """Recall of every class, (n_classes,) float64; nan for a class without true clips."""
    return recalls_of(confusion(y_true, y_pred, n_classes))


def accuracy_of(matrix: npt.NDArray[np.number]) -> Floats:
    """Accuracy of confusion matrices (..., k, k), giving (...)."""
    return np.asarray(_ratio(_hits(matrix).sum(axis=-1), matrix.sum(axis=(-2, -1))))


def uf1_of(matrix: npt.NDArray[np.number]) -> Floats:
    """UF1 of confusion matrices (..., k, k), giving (...)."""
    both = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    return _mean_where(_ratio(2 * _hits(matrix), both), both > 0)


def uar_of(matrix: npt.NDArray[np.number]) -> Floats:
    """UAR of confusion matrices (..., k, k), giving (...)."""
    true = matrix.sum(axis=-1)
    return _mean_where(_ratio(_hits(matrix), true), true > 0)


def macro_precision_of(matrix: npt.NDArray[np.number]) -> Floats:
    """Macro precision of confusion matrices (..., k, k), giving (...)."""
    predicted, true = matrix.sum(axis=-2), matrix.sum(axis=-1)
    return _mean_where(np.nan_to_num(_ratio(_hits(matrix), predicted)), (predicted > 0) | (true > 0))


def recalls_of(matrix: npt.NDArray[np.number]) -> Floats:
    """Recall per class of confusion matrices (..., k, k), giving (..., k) with nan where there is no clip."""
    return _ratio(_hits(matrix), matrix.sum(axis=-1))


METRICS: dict[str, Callable[[npt.NDArray[np.number]], Floats]] = {
    "accuracy": accuracy_of,
    "uf1": uf1_of,
    "uar": uar_of,
    "macro_precision": macro_precision_of,
}
"""The single numbers of every table, in its order: name to function of confusion matrices."""


def _hits(matrix: npt.NDArray[np.number]) -> Floats:
    return np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)


def _ratio(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Floats:
    empty = np.full(np.shape(whole), np.nan)
    ratio: Floats = np.divide(part, whole, out=empty, where=np.asarray(whole) > 0)
    return ratio


def _mean_where(values: Floats, present: npt.NDArray[np.bool_]) -> Floats:
    total = np.where(present, values, 0.0).sum(axis=-1)
    return np.asarray(_ratio(total, present.sum(axis=-1)))
