"""Accuracy, UF1, UAR and their relatives, each computed from one confusion matrix.

Classes that are not there: a class in neither truth nor predictions is left out of UF1 and macro
precision; a class without a true clip is left out of UAR (its recall is nan). A class that has true clips
and is never predicted counts with precision 0 and F1 0. These are the conventions of scikit-learn's
`f1_score(average="macro")`, `balanced_accuracy_score` and `precision_score(zero_division=0)`, and what the
micro-expression challenges compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


def confusion(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> Int64:
    """Confusion matrix, (n_classes, n_classes) int64: rows are the truth, columns the prediction.

    Parameters
    ----------
    y_true, y_pred
        (n,) class indices in 0..n_classes-1.
    n_classes
        How many classes there are.

    Raises
    ------
    ValueError
        For no clips at all, unequal lengths, numbers that are not whole, or classes out of range.
    """
    truth, predicted = _classes(y_true, "y_true", n_classes), _classes(y_pred, "y_pred", n_classes)
    if truth.shape != predicted.shape:
        raise ValueError(f"y_true has {len(truth)} clips and y_pred {len(predicted)}: they must be the same")
    if not len(truth):
        raise ValueError("no clips: a metric needs at least one")
    return np.bincount(truth * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def _classes(values: npt.ArrayLike, name: str, n_classes: int) -> Int64:
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
    """Share of clips whose class is right.

    Parameters
    ----------
    y_true, y_pred
        (n,) class indices in 0..n_classes-1, n >= 1.
    n_classes
        Number of classes.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        As `confusion`.

    References
    ----------
    Sokolova & Lapalme, "A systematic analysis of performance measures for classification tasks", Information
    Processing & Management 45 (2009).

    Examples
    --------
    >>> accuracy([0, 0, 0, 1], [0, 0, 1, 1], 2)
    0.75
    """
    return float(accuracy_of(confusion(y_true, y_pred, n_classes)))


def uf1(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Unweighted F1: mean over classes of 2 TP / (2 TP + FP + FN).

    Parameters
    ----------
    y_true, y_pred
        (n,) class indices in 0..n_classes-1, n >= 1.
    n_classes
        Number of classes.

    Returns
    -------
    float
        0 to 1; a class in neither truth nor predictions is left out.

    Raises
    ------
    ValueError
        As `confusion`.

    References
    ----------
    See, Yap, Li, Hong & Wang, "MEGC 2019: the second facial micro-expressions grand challenge", FG 2019.

    Examples
    --------
    Class 0 has an F1 of 4/5, class 1 of 2/3:

    >>> round(uf1([0, 0, 0, 1], [0, 0, 1, 1], 2), 4)
    0.7333
    """
    return float(uf1_of(confusion(y_true, y_pred, n_classes)))


def uar(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Unweighted average recall: mean recall of the classes that have true clips.

    Parameters
    ----------
    y_true, y_pred
        (n,) class indices in 0..n_classes-1, n >= 1.
    n_classes
        Number of classes.

    Returns
    -------
    float
        0 to 1.

    Raises
    ------
    ValueError
        As `confusion`.

    References
    ----------
    See, Yap, Li, Hong & Wang (2019), as in `uf1`.

    Examples
    --------
    Class 0 has a recall of 2/3, class 1 of 1:

    >>> round(uar([0, 0, 0, 1], [0, 0, 1, 1], 2), 4)
    0.8333
    """
    return float(uar_of(confusion(y_true, y_pred, n_classes)))


def macro_precision(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> float:
    """Mean precision over classes, 0 to 1; published more than once under the name of UAR."""
    return float(macro_precision_of(confusion(y_true, y_pred, n_classes)))


def recalls(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, n_classes: int) -> Float64:
    """Recall of every class, (n_classes,) float64; nan for a class without true clips."""
    return recalls_of(confusion(y_true, y_pred, n_classes))


Parts = tuple[Float64, Float64, npt.NDArray[np.bool_]]
"""Of a metric that is a mean of ratios: numerators, denominators, and which of them count, all (..., r)."""


def _accuracy_parts(matrix: npt.NDArray[np.number]) -> Parts:
    whole = np.asarray(matrix.sum(axis=(-2, -1)), np.float64)[..., None]
    return _hits(matrix).sum(axis=-1)[..., None], whole, np.ones(whole.shape, bool)


def _uf1_parts(matrix: npt.NDArray[np.number]) -> Parts:
    clips = (matrix.sum(axis=-1) + matrix.sum(axis=-2)) / 2
    return _hits(matrix), clips, clips > 0


def _uar_parts(matrix: npt.NDArray[np.number]) -> Parts:
    true = np.asarray(matrix.sum(axis=-1), np.float64)
    return _hits(matrix), true, true > 0


def _macro_precision_parts(matrix: npt.NDArray[np.number]) -> Parts:
    predicted, true = np.asarray(matrix.sum(axis=-2), np.float64), matrix.sum(axis=-1)
    return _hits(matrix), predicted, (predicted > 0) | (true > 0)


@dataclass(frozen=True)
class Metric:
    """A single number of a confusion matrix: the mean of some ratios of its counts."""

    parts: Callable[[npt.NDArray[np.number]], Parts]

    def __call__(self, matrix: npt.NDArray[np.number]) -> Float64:
        """The metric of confusion matrices (..., k, k), giving (...); nan where there is no clip."""
        part, whole, counts = self.parts(matrix)
        total = np.where(counts, np.nan_to_num(_ratio(part, whole)), 0.0).sum(axis=-1)
        ratios = np.where(matrix.sum(axis=(-2, -1)) > 0, counts.sum(axis=-1), 0)
        return np.asarray(_ratio(total, ratios))


accuracy_of = Metric(_accuracy_parts)
uf1_of = Metric(_uf1_parts)
uar_of = Metric(_uar_parts)
macro_precision_of = Metric(_macro_precision_parts)

METRICS: dict[str, Metric] = {
    "accuracy": accuracy_of,
    "uf1": uf1_of,
    "uar": uar_of,
    "macro_precision": macro_precision_of,
}
"""The single numbers of every table, in its order: name to function of confusion matrices."""


def recalls_of(matrix: npt.NDArray[np.number]) -> Float64:
    """Recall per class of confusion matrices (..., k, k), giving (..., k) with nan where there is no clip."""
    return _ratio(_hits(matrix), matrix.sum(axis=-1))


def _hits(matrix: npt.NDArray[np.number]) -> Float64:
    return np.diagonal(matrix, axis1=-2, axis2=-1).astype(np.float64)


def _ratio(part: npt.NDArray[np.number], whole: npt.NDArray[np.number]) -> Float64:
    empty = np.full(np.shape(whole), np.nan)
    ratio: Float64 = np.divide(part, whole, out=empty, where=np.asarray(whole) > 0)
    return ratio
