"""Affine maps of feature vectors, fitted on training clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data_prep.clips import Float32


@dataclass(frozen=True)
class Affine:
    """x -> (x - mean) @ matrix for a (d, k) matrix, (x - mean) * matrix for a (d,) vector of scales."""

    mean: npt.NDArray[Any]
    matrix: npt.NDArray[Any]

    def __call__(self, features: Float32) -> Float32:
        """(n, d) features to (n, k) float32."""
        centred = features.astype(np.float64) - self.mean
        mapped = centred * self.matrix if self.matrix.ndim == 1 else centred @ self.matrix
        return np.asarray(mapped, np.float32)


def standardise(features: Float32) -> Affine:
    """Zero mean and unit variance per feature over these clips; constant features become zero."""
    mean, deviation = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    return Affine(mean, np.where(deviation > 1e-12, 1 / np.maximum(deviation, 1e-12), 0.0))
