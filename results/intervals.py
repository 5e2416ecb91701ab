"""Bootstrap over subjects: the same resamples for everything that was tested on the same people."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]


def generator(*names: str) -> np.random.Generator:
    """A generator seeded by names alone, the same on every machine."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def subject_weights(subjects: Sequence[str], resamples: int = RESAMPLES) -> Floats:
    """How often each subject is drawn, (resamples, subjects) float64; depends on the names alone.

    Methods tested on the same subjects therefore share their resamples, and differences are paired.
    """
    n = len(subjects)
    drawn = generator("bootstrap over subjects", *subjects).multinomial(n, np.full(n, 1 / n), size=resamples)
    return drawn.astype(np.float64)


def interval(
    matrices: npt.NDArray[np.int64], weights: Floats, statistic: Statistic, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of a statistic of the pooled confusion matrix, averaged over seeds.

    matrices: (seeds, subjects, k, k); weights: (resamples, subjects); statistic: (..., k, k) to (...).
    (nan, nan) with fewer than two subjects, where nothing can be resampled.
    """
    seeds, subjects, k, _ = matrices.shape
    if subjects < 2:
        return (float("nan"), float("nan"))
    flat = matrices.transpose(1, 0, 2, 3).reshape(subjects, -1).astype(np.float64)
    resampled = (weights @ flat).reshape(-1, seeds, k, k)
    low, high = np.nanquantile(statistic(resampled).mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))
