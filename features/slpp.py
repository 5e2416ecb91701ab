"""Supervised locality preserving projections."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.linalg
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Float64 = npt.NDArray[np.float64]


class SupervisedLPP(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Linear projection that keeps samples of one class together, as a scikit-learn transformer.

    Parameters
    ----------
    n_components
        Most components to keep; None keeps all with an eigenvalue of at least 1e-3.
    pca_ratio
        Keep the smallest number of leading singular values whose sum reaches this share of the sum of all;
        with 1 and fewer samples than features every class collapses to a point.
    weights
        "heat", exp(-|xi - xj|^2 / (2 t^2)), or "binary", 1, for pairs of one class.
    heat_width
        t; None takes the mean of the full matrix of distances, its zero diagonal included.
    ridge
        None, or r for a right-hand side X'DX + r mean(D) I over all singular values, instead of cutting
        them at `pca_ratio`.

    Attributes
    ----------
    mean_
        (d,) float64.
    components_
        (k, d) float64, unit length.
    eigenvalues_
        (k,) float64, descending.
    n_features_in_
        d.
    singletons_
        (s,) int64, positions of training samples that are alone in their class.

    Notes
    -----
    A sample is not its own neighbour, so the only sample of a class has degree zero: it takes no part in
    the fit (its weight in every sum is zero) but in the mean, and is projected like any other. Where no
    class has two samples there is no graph: ValueError. The sign of a component is fixed by making its
    largest entry positive.

    References
    ----------
    He & Niyogi, "Locality preserving projections", NIPS 2003, with the class graph of Deng Cai's public
    code (LPP after LGE).

    Examples
    --------
    Two classes that differ along the first axis and vary along the second:

    >>> samples, classes = [[0, 0], [0, 1], [4, 0], [4, 1]], [0, 0, 1, 1]
    >>> SupervisedLPP(n_components=1).fit_transform(samples, classes).round(6)
    array([[-2.],
           [-2.],
           [ 2.],
           [ 2.]])
    """

    components_: Float64
    eigenvalues_: Float64
    mean_: Float64

    def __init__(
        self,
        n_components: int | None = None,
        *,
        pca_ratio: float = 0.98,
        weights: Literal["heat", "binary"] = "heat",
        heat_width: float | None = None,
        ridge: float | None = None,
    ) -> None:
        self.n_components = n_components
        self.pca_ratio = pca_ratio
        self.weights = weights
        self.heat_width = heat_width
        self.ridge = ridge

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> SupervisedLPP:
        """Fit on X (n, d) with classes y (n,).

        Raises
        ------
        ValueError
            Where the class graph has no edge.
        """
        samples, labels = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        self._check_parameters()
        self.mean_ = samples.mean(axis=0)
        centred = samples - self.mean_
        graph = self._class_graph(centred, labels)
        degree = graph.sum(axis=1)
        self.singletons_ = np.flatnonzero(degree == 0)
        if len(self.singletons_) == len(labels):
            raise ValueError("every class has a single sample: supervised LPP needs two of at least one")
        self.eigenvalues_, self.components_ = self._solve(centred, graph, degree)
        return self

    def transform(self, X: npt.ArrayLike) -> Float64:
        """(n, k) projections of X (n, d)."""
        check_is_fitted(self)
        samples = validate_data(self, X, dtype=np.float64, reset=False)
        return np.asarray((samples - self.mean_) @ self.components_.T)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def _check_parameters(self) -> None:
        if not 0 < self.pca_ratio <= 1:
            raise ValueError(f"pca_ratio must be in (0, 1], got {self.pca_ratio}")
        if self.weights not in {"heat", "binary"}:
            raise ValueError(f"weights must be 'heat' or 'binary', got {self.weights!r}")
        if self.n_components is not None and self.n_components < 1:
            raise ValueError(f"n_components must be None or at least 1, got {self.n_components}")

    def _class_graph(self, samples: Float64, labels: npt.NDArray[Any]) -> Float64:
        """(n, n) weights of pairs of one class, zero on the diagonal."""
        same = labels[:, np.newaxis] == labels
        np.fill_diagonal(same, False)
        if self.weights == "binary":
            return np.asarray(same, np.float64)
        lengths = (samples**2).sum(axis=1)
        squared = np.maximum(lengths[:, np.newaxis] + lengths - 2 * samples @ samples.T, 0)
        np.fill_diagonal(squared, 0)
        width = float(np.sqrt(squared).mean()) if self.heat_width is None else self.heat_width
        if width <= 0:  # all samples are equal
            return np.asarray(same, np.float64)
        return np.asarray(np.where(same, np.exp(-squared / (2 * width**2)), 0.0))

    def _solve(self, centred: Float64, graph: Float64, degree: Float64) -> tuple[Float64, Float64]:
        """Eigenvalues, descending, and unit components of X'WX a = lambda X'DX a within the kept subspace."""
        root = np.sqrt(degree)
        inverse = np.divide(1, root, out=np.zeros_like(root), where=root > 0)
        normalised = inverse[:, np.newaxis] * graph * inverse
        left, singular, right = scipy.linalg.svd(root[:, np.newaxis] * centred, full_matrices=False)
        kept = self._kept(singular)
        if kept == 0:
            return np.zeros(0), np.zeros((0, centred.shape[1]))
        left, singular, right = left[:, :kept], singular[:kept], right[:kept]
        target = left.T @ normalised @ left
        target = (target + target.T) / 2
        if self.ridge is None:
            values, vectors = scipy.linalg.eigh(target)
        else:
            # in the whitened subspace X'DX is 1, and a ridge on it is S^-1 (r mean(D)) S^-1
            penalty = np.eye(kept) + np.diag(self.ridge * degree.mean() / singular**2)
            values, vectors = scipy.linalg.eigh(target, penalty)
        return self._selected(values[::-1], (vectors[:, ::-1].T / singular) @ right)

    def _kept(self, singular: Float64) -> int:
        """How many singular values: those not negligible, and as few as reach `pca_ratio` of their sum."""
        if singular.max(initial=0) == 0:
            return 0
        valid = singular[singular >= 1e-10 * singular[0]]
        if self.ridge is not None or self.pca_ratio >= 1:
            return len(valid)
        shares = np.cumsum(valid) / valid.sum()
        return min(int(np.searchsorted(shares, self.pca_ratio)) + 1, len(valid))

    def _selected(self, values: Float64, components: Float64) -> tuple[Float64, Float64]:
        chosen = np.flatnonzero(values >= 1e-3)[: self.n_components]
        components = components[chosen]
        components = components / np.linalg.norm(components, axis=1, keepdims=True)
        largest = np.abs(components).argmax(axis=1, keepdims=True)
        return values[chosen], components * np.sign(np.take_along_axis(components, largest, axis=1))
