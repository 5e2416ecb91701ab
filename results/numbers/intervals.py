"""Bootstrap over subjects: the same resamples for everything that was tested on the same people."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000

Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]


def generator(*names: str) -> np.random.Generator:
    """A generator seeded by names alone, the same on every machine."""
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


@lru_cache(maxsize=16)
def subject_weights(subjects: tuple[str, ...], resamples: int = RESAMPLES) -> Floats:
    """How often each subject is drawn, (resamples, subjects) float64; depends on the names alone.

    Methods tested on the same subjects therefore share their resamples, and differences are paired.
    """
    n = len(subjects)
    drawn = generator("bootstrap over subjects", *subjects).multinomial(n, np.full(n, 1 / n), size=resamples)
    weights = drawn.astype(np.float64)
    weights.setflags(write=False)
    return weights


def resampled(matrices: npt.NDArray[np.int64], weights: Floats) -> Floats | None:
    """Pooled confusion matrices of the resamples, (resamples, seeds, k, k).

    matrices: (seeds, subjects, k, k); weights: (resamples, subjects). None with fewer than two subjects,
    where nothing can be resampled.
    """
    seeds, subjects, k, _ = matrices.shape
    if subjects < 2:
        return None
    flat = matrices.transpose(1, 0, 2, 3).reshape(subjects, -1).astype(np.float64)
    return (weights @ flat).reshape(-1, seeds, k, k)


def interval(drawn: Floats | None, statistic: Statistic, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of a statistic of pooled confusion matrices, averaged over seeds.

    drawn: what `resampled` gives; statistic: (..., k, k) to (...). (nan, nan) where nothing was drawn.
    Resamples without any clip of the database in question are left out.
    """
    if drawn is None:
        return (float("nan"), float("nan"))
    values = statistic(drawn).mean(axis=1)
    values = values[~np.isnan(values)]
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))
