"""Lloyd's algorithm over the counts of all binary codes of up to 16 bits, by their high and low bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from features.stclqp_loops import byte_masses, fill_distances, nearest_centres

UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]


def bits(codes: npt.NDArray[Any], points: int) -> Float64:
    """(m, P) bits of codes, most significant first."""
    shifts = np.arange(points - 1, -1, -1)
    return np.asarray((codes[:, np.newaxis].astype(np.int64) >> shifts) & 1, np.float64)


def lloyd(table: Float64, centers: Float64, max_iterations: int) -> tuple[Float64, float]:
    """Centres after convergence and the weighted sum of squared distances to them.

    Parameters
    ----------
    table
        (2^P / 256, 256) counts of all codes by high and low byte.
    centers
        (n_centers, P) to start from.
    max_iterations
        At most so many.
    """
    counted = table > 0
    nearest, _ = nearest_centres(*distance_tables(centers))
    for _ in range(max_iterations):
        sums, masses = _sums(table, nearest, centers.shape)
        used = masses > 0
        centers = centers.copy()
        centers[used] = sums[used] / masses[used, np.newaxis]
        moved, _ = nearest_centres(*distance_tables(centers))
        if np.array_equal(moved[counted], nearest[counted]):
            break
        nearest = moved
    _, distances = nearest_centres(*distance_tables(centers))
    return centers, float((table * distances).sum())


def distance_tables(centers: Float64) -> tuple[Float64, Float64]:
    """(n_centers, values) squared distances of every high and of every low byte of a code."""
    low_bits = min(8, centers.shape[1])
    high_bits = centers.shape[1] - low_bits
    high, low = np.zeros((len(centers), 2**high_bits)), np.zeros((len(centers), 2**low_bits))
    fill_distances(np.ascontiguousarray(centers[:, :high_bits]), high)
    fill_distances(np.ascontiguousarray(centers[:, high_bits:]), low)
    return high, low


def _sums(table: Float64, nearest: UInt8, shape: tuple[int, ...]) -> tuple[Float64, Float64]:
    """Weighted sums of bits (n_centers, P) and of counts (n_centers,) per centre, exact whole numbers."""
    high, low = np.zeros((shape[0], table.shape[0])), np.zeros((shape[0], table.shape[1]))
    byte_masses(table, nearest, high, low)
    low_bits = min(8, shape[1])
    high_sums = high @ bits(np.arange(table.shape[0]), shape[1] - low_bits)
    low_sums = low @ bits(np.arange(table.shape[1]), low_bits)
    return np.concatenate([high_sums, low_sums], axis=1), high.sum(axis=1)
