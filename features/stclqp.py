"""STCLQP: sign, magnitude and orientation codes on three planes, quantised by learnt codebooks.

Source: Huang, Zhao, Hong, Zheng & Pietikainen, "Spontaneous facial micro-expression analysis using
spatiotemporal completed local quantized patterns", Neurocomputing 2016; codebooks after Hussain & Triggs,
"Visual recognition using local quantized patterns", ECCV 2012.

Notes
-----
No public code of STCLQP exists. Its abstract confirms the three components and a codebook for each in
appearance and temporal planes; the magnitude threshold follows CLBP (Guo et al. 2010); the orientation
component is our reading and described at `orientation_codes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.compiled import compiled
from features.lbp import Circle, Codes, block_counts, check_points, normalised
from features.lbp_top import lbp_top_codes, margins_of, plane_circles

COMPONENTS = ("sign", "magnitude", "orientation")
LEVELS = 16
_NEAR = 3
_ROUNDING = 1e-9
UInt8 = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]


def sign_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """(3, T', H', W') uint16 codes of XY, XT, YT: bit 2^p is set where neighbour p >= the centre.

    volume: (T, H, W) uint8; each size shrinks by 2 radius. Sampling, exactness and errors are those of
    `features.lbp_top.lbp_top_codes`.
    """
    return lbp_top_codes(volume, radii=(radius,) * 3, points=(points,) * 3)


def magnitude_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """(3, T', H', W') uint16 codes: bit 2^p is set where |neighbour p - centre| >= c.

    c is the mean of |neighbour - centre| over all centres and neighbours of the plane in this clip.
    Sampling and errors as in `sign_codes`; values within 1e-9 of c count as equal.
    """
    margins = margins_of(volume, (radius,) * 3)
    flat = np.ascontiguousarray(volume, np.float64).reshape(-1)
    shape = np.array(volume.shape)
    codes = np.empty((3, *(s - 2 * radius for s in volume.shape)), np.uint16)
    for plane, (around, axes) in enumerate(plane_circles((radius,) * 3, (points,) * 3)):
        offsets = _flat_offsets(around, axes, volume.shape)
        total = _absolute_sum(flat, shape, np.array(margins), offsets, around.weights, codes[plane])
        least = total / (codes[plane].size * points) - _ROUNDING
        _magnitude_bits(flat, shape, np.array(margins), offsets, around.weights, least, codes[plane])
    return codes


def orientation_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """(3, T', H', W') uint16 codes: bits of neighbours whose gradient points as the centre's.

    Inside each plane the gradient is taken by 3 x 3 derivative-of-Gaussian kernels (sigma 1, borders
    repeated) and its angle cut into 16 levels, [0, 22.5), [22.5, 45), ... degrees; no gradient is level 0.
    Neighbours are nearest pixels. The bit is set where the circular distance of the two levels is
    below 4. Shapes and errors as in `sign_codes`.
    """
    margins = margins_of(volume, (radius,) * 3)
    padded = np.pad(volume, 1, mode="edge").astype(np.float32)
    shape = np.array(volume.shape)
    codes = np.empty((3, *(s - 2 * radius for s in volume.shape)), np.uint16)
    for plane, (first, second) in enumerate(((1, 2), (0, 2), (0, 1))):
        levels = np.empty(volume.size, np.uint8)
        strides = _strides(padded.shape)
        _gradient_levels(padded.reshape(-1), np.array(padded.shape), strides[first], strides[second], levels)
        offsets = _nearest_offsets(plane, radius, points, volume.shape)
        _orientation_bits(levels, shape, np.array(margins), offsets, codes[plane])
    return codes


def component_codes(volume: UInt8, *, radius: int = 2, points: int = 16) -> Codes:
    """(3 components, 3 planes, T', H', W') uint16: sign, magnitude and orientation codes together."""
    return np.stack(
        [
            make(volume, radius=radius, points=points)
            for make in (sign_codes, magnitude_codes, orientation_codes)
        ]
    )


def _strides(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[1] * shape[2], shape[2], 1


def _flat_offsets(around: Circle, axes: tuple[int, int], shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    strides = _strides(shape)
    return around.flat_offsets((strides[axes[0]], strides[axes[1]])).astype(np.uint64)


def _nearest_offsets(plane: int, radius: int, points: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    """(P,) steps through a flat volume to the pixels nearest to a plane's neighbours."""
    around, axes = plane_circles((radius,) * 3, (points,) * 3)[plane]
    exact = (around.steps * around.weights[:, :, np.newaxis]).sum(axis=1)
    nearest = np.floor(exact + 0.5 + 1e-12).astype(np.int64)
    strides = _strides(shape)
    steps: npt.NDArray[np.int64] = nearest @ np.array([strides[axes[0]], strides[axes[1]]])
    return steps.astype(np.uint64)


@compiled
def _absolute_sum(v: Any, shape: Any, margins: Any, offsets: Any, weights: Any, codes: Any) -> Any:
    """Sum of |neighbour - centre| over all centres of a flat volume and all neighbours, column by column."""
    totals = np.zeros(codes.shape[2], np.float64)
    for t in range(codes.shape[0]):
        for y in range(codes.shape[1]):
            start = np.uintp(((t + margins[0]) * shape[1] + y + margins[1]) * shape[2] + margins[2])
            for p in range(weights.shape[0]):
                o, w = offsets[p], weights[p]
                a, b, c, d = start + o[0], start + o[1], start + o[2], start + o[3]
                wa, wb, wc, wd = w[0], w[1], w[2], w[3]
                for x in range(np.uintp(codes.shape[2])):
                    value = (wa * v[a + x] + wb * v[b + x]) + (wc * v[c + x] + wd * v[d + x])
                    totals[x] += abs(value - v[start + x])
    total = 0.0
    for x in range(codes.shape[2]):
        total += totals[x]
    return total


@compiled
def _magnitude_bits(
    v: Any, shape: Any, margins: Any, offsets: Any, weights: Any, least: Any, codes: Any
) -> None:
    """Bits of |neighbour - centre| >= least, accumulated as whole numbers in float64 for SIMD."""
    bits = np.empty(codes.shape[2])
    for t in range(codes.shape[0]):
        for y in range(codes.shape[1]):
            start = np.uintp(((t + margins[0]) * shape[1] + y + margins[1]) * shape[2] + margins[2])
            bits[:] = 0
            bit = 1.0
            for p in range(weights.shape[0]):
                a, b, c, d = (
                    start + offsets[p, 0],
                    start + offsets[p, 1],
                    start + offsets[p, 2],
                    start + offsets[p, 3],
                )
                wa, wb, wc, wd = weights[p, 0], weights[p, 1], weights[p, 2], weights[p, 3]
                for x in range(np.uintp(bits.size)):
                    value = (wa * v[a + x] + wb * v[b + x]) + (wc * v[c + x] + wd * v[d + x])
                    bits[x] += bit if abs(value - v[start + x]) >= least else 0.0
                bit = 2 * bit
            for x in range(np.uintp(bits.size)):
                codes[t, y, x] = np.uint16(np.int32(bits[x]))


@compiled
def _gradient_levels(v: Any, shape: Any, first: Any, second: Any, levels: Any) -> None:
    """Level of the gradient's angle from the second axis towards the first, for the inner voxels of v."""
    corner = np.float32(np.exp(-0.5))
    tan1, tan3 = np.float32(np.sqrt(2.0) - 1), np.float32(np.sqrt(2.0) + 1)
    k = 0
    for t in range(1, shape[0] - 1):
        for y in range(1, shape[1] - 1):
            row = (t * shape[1] + y) * shape[2]
            for x in range(1, shape[2] - 1):
                i = row + x
                ahead, behind = i + second, i - second
                along = (v[ahead] - v[behind]) + corner * (
                    (v[ahead - first] - v[behind - first]) + (v[ahead + first] - v[behind + first])
                )
                up, down = i + first, i - first
                across = (v[up] - v[down]) + corner * (
                    (v[up - second] - v[down - second]) + (v[up + second] - v[down + second])
                )
                quarter, major, minor = 0, along, across
                if along <= 0 and across > 0:
                    quarter, major, minor = 1, across, -along
                elif along < 0 and across <= 0:
                    quarter, major, minor = 2, -along, -across
                elif along >= 0 and across < 0:
                    quarter, major, minor = 3, -across, along
                sector = 0
                if major > 0:
                    sector = int(minor >= tan1 * major) + int(minor >= major) + int(minor >= tan3 * major)
                levels[k] = 4 * quarter + sector
                k += 1


@compiled
def _orientation_bits(levels: Any, shape: Any, margins: Any, offsets: Any, codes: Any) -> None:
    """Bits of circular distances of levels below 4."""
    for t in range(codes.shape[0]):
        for y in range(codes.shape[1]):
            start = np.uintp(((t + margins[0]) * shape[1] + y + margins[1]) * shape[2] + margins[2])
            row = codes[t, y]
            row[:] = 0
            for p in range(offsets.size):
                near = start + offsets[p]
                bit = np.uint16(1 << p)
                for x in range(np.uintp(row.size)):
                    turn = (levels[near + x] - levels[start + x] + np.uint8(_NEAR)) & np.uint8(LEVELS - 1)
                    row[x] |= bit if turn <= np.uint8(2 * _NEAR) else np.uint16(0)


@dataclass(frozen=True)
class Codebook:
    """A vocabulary of binary codes.

    centers: (n_centers, P) float64, most significant bit first; lookup: (2^P,) uint8, nearest centre of
    every code, the first one on ties; inertia: weighted sum of squared distances of the codes learnt from.
    """

    centers: Doubles
    lookup: UInt8
    inertia: float


def learn_codebook(
    codes: npt.NDArray[np.integer[Any]],
    counts: npt.NDArray[Any],
    *,
    n_centers: int = 20,
    init: Doubles | None = None,
    seed: int = 0,
    points: int | None = None,
    restarts: int = 5,
    max_iterations: int = 300,
) -> Codebook:
    """Weighted k-means of distinct binary codes; the same as k-means of all pixels, in far less time.

    codes: (m,) codes below 2^points; counts: (m,) how often each occurs; n_centers: up to 256; init:
    (n_centers, points) starting centres, bits most significant first, or None for `restarts` draws of
    distinct codes (by their counts) plus N(0, 0.05) jitter, of which the best result is kept; points:
    bits of a code, those of `init` by default, otherwise 16.

    Lloyd's iterations until no code changes its centre: a code goes to the nearest centre (Euclidean, the
    first on ties), a centre without codes stays where it is. Sums of counts are whole numbers, so results
    depend on no order. Raises ValueError for empty or ill-shaped input.
    """
    if points is None:
        points = 16 if init is None else np.shape(init)[-1]
    check_points(points)
    weights = np.asarray(counts, np.float64)
    _check_codes(np.asarray(codes), weights, n_centers, points)
    values, weights = np.asarray(codes, np.uint16)[weights > 0], weights[weights > 0]
    if init is not None:
        starts = [np.array(init, np.float64)]
        if starts[0].shape != (n_centers, points):
            raise ValueError(f"init must have shape {(n_centers, points)}, got {starts[0].shape}")
    else:
        rng = np.random.default_rng(seed)
        starts = [_draw_centres(values, weights, n_centers, points, rng) for _ in range(restarts)]
    table = np.zeros(2**points)
    np.add.at(table, values, weights)
    table = table.reshape(-1, min(256, 2**points))
    results = [_lloyd(table, start, max_iterations) for start in starts]
    centers, inertia = min(results, key=lambda result: result[1])
    nearest, _ = _nearest(*_distance_tables(centers))
    return Codebook(centers, nearest.reshape(-1), inertia)


def _check_codes(codes: npt.NDArray[Any], counts: Doubles, n_centers: int, points: int) -> None:
    if codes.ndim != 1 or codes.shape != counts.shape or not counts.any():
        raise ValueError(
            f"codes and counts must be equally long, with a count that is not 0: "
            f"{codes.shape}, {counts.shape}"
        )
    if codes.min() < 0 or codes.max() >= 2**points or counts.min() < 0:
        raise ValueError(f"codes must be from 0 to 2^{points} - 1 and counts must not be negative")
    if not 1 <= n_centers <= 256:
        raise ValueError(f"n_centers must be from 1 to 256, got {n_centers}")


def _bits(codes: npt.NDArray[Any], points: int) -> Doubles:
    """(m, P) bits of codes, most significant first."""
    shifts = np.arange(points - 1, -1, -1)
    return np.asarray((codes[:, np.newaxis].astype(np.int64) >> shifts) & 1, np.float64)


def _draw_centres(
    codes: Codes, counts: Doubles, n_centers: int, points: int, rng: np.random.Generator
) -> Doubles:
    drawn = rng.choice(len(codes), min(n_centers, len(codes)), replace=False, p=counts / counts.sum())
    again = rng.choice(len(codes), n_centers - len(drawn))
    chosen = _bits(codes[np.concatenate([drawn, again])], points)
    return np.asarray(chosen + rng.normal(0, 0.05, chosen.shape))


def _lloyd(table: Doubles, centers: Doubles, max_iterations: int) -> tuple[Doubles, float]:
    """Centres after convergence and the weighted sum of squared distances to them.

    table: (2^P / 256, 256) counts of all codes by high and low byte.
    """
    counted = table > 0
    nearest, _ = _nearest(*_distance_tables(centers))
    for _ in range(max_iterations):
        sums, masses = _sums(table, nearest, centers.shape)
        used = masses > 0
        centers = centers.copy()
        centers[used] = sums[used] / masses[used, np.newaxis]
        moved, _ = _nearest(*_distance_tables(centers))
        if np.array_equal(moved[counted], nearest[counted]):
            break
        nearest = moved
    _, distances = _nearest(*_distance_tables(centers))
    return centers, float((table * distances).sum())


def _distance_tables(centers: Doubles) -> tuple[Doubles, Doubles]:
    """(n_centers, values) squared distances of every high and of every low byte of a code."""
    low_bits = min(8, centers.shape[1])
    high_bits = centers.shape[1] - low_bits
    high, low = np.zeros((len(centers), 2**high_bits)), np.zeros((len(centers), 2**low_bits))
    _fill_distances(np.ascontiguousarray(centers[:, :high_bits]), high)
    _fill_distances(np.ascontiguousarray(centers[:, high_bits:]), low)
    return high, low


@compiled
def _fill_distances(part: Any, table: Any) -> None:
    """Add to table[c, value] the squared distances of the value's bits to a part of centre c."""
    bits = part.shape[1]
    for c in range(table.shape[0]):
        for value in range(table.shape[1]):
            for k in range(bits):
                bit = float((value >> (bits - 1 - k)) & 1)
                table[c, value] += (bit - part[c, k]) ** 2


@compiled
def _nearest(high: Any, low: Any) -> tuple[Any, Any]:
    """Nearest centre of every code (high byte, low byte), the first on ties, and its squared distance."""
    rows, columns = high.shape[1], low.shape[1]
    nearest = np.empty((rows, columns), np.uint8)
    distances = np.empty((rows, columns))
    index = np.empty(columns)
    for h in range(rows):
        least = distances[h]
        for x in range(np.uintp(columns)):
            least[x] = high[0, h] + low[0, x]
            index[x] = 0.0
        for c in range(1, high.shape[0]):
            base, centre, row = high[c, h], float(c), low[c]
            for x in range(np.uintp(columns)):
                distance = base + row[x]
                index[x] = centre if distance < least[x] else index[x]
                least[x] = distance if distance < least[x] else least[x]
        for x in range(np.uintp(columns)):
            nearest[h, x] = np.uint8(np.int32(index[x]))
    return nearest, distances


@compiled
def _byte_masses(table: Any, nearest: Any, high: Any, low: Any) -> None:
    """Add counts per centre and byte value."""
    for h in range(table.shape[0]):
        for x in range(table.shape[1]):
            high[nearest[h, x], h] += table[h, x]
            low[nearest[h, x], x] += table[h, x]


def _sums(table: Doubles, nearest: UInt8, shape: tuple[int, ...]) -> tuple[Doubles, Doubles]:
    """Weighted sums of bits (n_centers, P) and of counts (n_centers,) per centre, exact whole numbers."""
    high, low = np.zeros((shape[0], table.shape[0])), np.zeros((shape[0], table.shape[1]))
    _byte_masses(table, nearest, high, low)
    low_bits = min(8, shape[1])
    high_sums = high @ _bits(np.arange(table.shape[0]), shape[1] - low_bits)
    low_sums = low @ _bits(np.arange(table.shape[1]), low_bits)
    return np.concatenate([high_sums, low_sums], axis=1), high.sum(axis=1)


def code_counts(codes: Codes, points: int = 16) -> npt.NDArray[np.uint32]:
    """(..., 2^P) uint32 counts of codes (..., T', H', W') in each leading entry."""
    leading = codes.shape[:-3]
    flat = codes.reshape(-1, int(np.prod(codes.shape[-3:])))
    counts = np.stack([np.bincount(row, minlength=2**points) for row in flat])
    return counts.astype(np.uint32).reshape(*leading, 2**points)


def quantised_histograms(
    codes: Codes, lookups: UInt8, *, n_centers: int = 20, blocks: tuple[int, int] = (8, 8)
) -> npt.NDArray[np.float32]:
    """Histograms of codebook entries in spatial blocks.

    codes: (..., T', H', W') uint16; lookups: (..., 2^P) uint8, a codebook's table for each leading
    entry; blocks: (rows, columns), cut as in LBP-TOP. Returns (..., rows, columns, n_centers) float32;
    each histogram sums to 1. Raises ValueError where a block would be empty.
    """
    leading = codes.shape[:-3]
    identity = np.arange(n_centers, dtype=np.uint16)
    histograms = [
        normalised(block_counts(table[volume], identity, n_centers, blocks))
        for volume, table in zip(
            codes.reshape(-1, *codes.shape[-3:]), lookups.reshape(-1, lookups.shape[-1]), strict=True
        )
    ]
    return np.stack(histograms).astype(np.float32).reshape(*leading, *blocks, n_centers)
