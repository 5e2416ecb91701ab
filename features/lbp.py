"""Local binary patterns: sampling circles, exact comparison, uniform labels, block histograms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled, compiled_fused

Codes = npt.NDArray[np.uint16]
Int64 = npt.NDArray[np.int64]
MAX_POINTS = 16
_TIE = 1e-6
_CENTRES = 2048


@dataclass(frozen=True)
class Circle:
    """P neighbours on an ellipse in a plane, each the weighted mean of at most four pixels.

    Attributes
    ----------
    steps
        (P, 4, 2) int64, steps to the pixels along the plane's first and second axis.
    weights
        (P, 4) float64, 0 for a pixel that is not needed (its steps then repeat those of a needed one).
    """

    steps: Int64
    weights: npt.NDArray[np.float64]

    def flat_offsets(self, strides: tuple[int, int]) -> Int64:
        """(P, 4) int64 steps through memory, where the plane's axes have these strides (in elements)."""
        offsets: Int64 = self.steps @ np.array(strides, dtype=np.int64)
        return offsets


@cache
def circle(first_radii: tuple[float, float], second_radii: tuple[float, float], points: int) -> Circle:
    """Neighbour p at (a cos t + b sin t, c cos t + d sin t), t = 2 pi p / P, bilinearly interpolated.

    Offsets within 1e-12 of a whole number are whole.

    Parameters
    ----------
    first_radii, second_radii
        (a, b) along the plane's first axis and (c, d) along its second.
    points
        P, the number of neighbours.
    """
    check_points(points)
    angles = 2 * np.pi * np.arange(points) / points
    steps, weights = np.zeros((points, 4, 2), np.int64), np.zeros((points, 4))
    for p, (cosine, sine) in enumerate(zip(np.cos(angles), np.sin(angles), strict=True)):
        axes = [_pixels(a * cosine + b * sine) for a, b in (first_radii, second_radii)]
        needed = [(i, j, u * v) for i, u in axes[0] for j, v in axes[1]]
        for k in range(4):
            i, j, weight = needed[k] if k < len(needed) else (*needed[0][:2], 0.0)
            steps[p, k], weights[p, k] = (i, j), weight
    steps.setflags(write=False)
    weights.setflags(write=False)
    return Circle(steps, weights)


def _pixels(offset: float) -> list[tuple[int, float]]:
    """The one or two whole steps around an offset, with the weights of linear interpolation."""
    if abs(offset - round(offset)) < 1e-12:
        return [(round(offset), 1.0)]
    below = int(np.floor(offset))
    return [(below, 1 - (offset - below)), (below + 1, offset - below)]


def check_points(points: int) -> None:
    """Raise ValueError for a number of neighbours that 16-bit codes cannot hold."""
    if not (isinstance(points, int | np.integer) and 1 <= points <= MAX_POINTS):
        raise ValueError(f"points must be a whole number from 1 to {MAX_POINTS}, got {points!r}")


@compiled_fused
def _add_bit(v: Any, bits: Any, least: Any, centre: Any, o: Any, w: Any, bit: Any) -> None:
    """bits[x] += bit where the weighted sum of pixels reaches least[x]; unsigned indices for SIMD."""
    a, b, c, d = centre + o[0], centre + o[1], centre + o[2], centre + o[3]
    wa, wb, wc, wd = w[0], w[1], w[2], w[3]
    if wb == 0.0 and wc == 0.0 and wd == 0.0:
        for x in range(np.uintp(bits.size)):
            bits[x] += bit if wa * v[a + x] >= least[x] else 0.0
    else:
        for x in range(np.uintp(bits.size)):
            value = (wa * v[a + x] + wb * v[b + x]) + (wc * v[c + x] + wd * v[d + x])
            bits[x] += bit if value >= least[x] else 0.0


@compiled_fused
def _all_bits(v: Any, bits: Any, least: Any, centre: Any, offsets: Any, weights: Any) -> None:
    """Codes of a run of centres that starts at v[centre], as whole numbers in float64."""
    for x in range(np.uintp(bits.size)):
        least[x] = v[centre + x] - _TIE
    bits[:] = 0
    bit = 1.0
    for p in range(weights.shape[0]):
        _add_bit(v, bits, least, centre, offsets[p], weights[p], bit)
        bit = bit + bit


@compiled
def _plane_codes(v: Any, shape: Any, margins: Any, offsets: Any, weights: Any, out: Any) -> None:
    """Codes of one plane direction at all centres of a volume.

    v: flat float64 volume of `shape` (T, H, W); margins: (t, y, x) pixels left out at both ends; offsets:
    (P, 4) uint64 through v, modulo 2^64; weights: (P, 4); out: (T - 2t, H - 2y, W - 2x) uint16. Several
    rows are taken as one run of memory, borders between them included, because long runs keep SIMD busy.
    """
    height, width = out.shape[1], out.shape[2]
    together = max(1, min(height, _CENTRES // shape[2]))
    bits = np.empty((together - 1) * shape[2] + width)
    least = np.empty_like(bits)
    for t in range(out.shape[0]):
        for y0 in range(0, height, together):
            rows = min(together, height - y0)
            n = (rows - 1) * shape[2] + width
            centre = ((t + margins[0]) * shape[1] + y0 + margins[1]) * shape[2] + margins[2]
            _all_bits(v, bits[:n], least[:n], np.uintp(centre), offsets, weights)
            for y in range(rows):
                row, run = out[t, y0 + y], bits[y * shape[2] : y * shape[2] + width]
                for x in range(np.uintp(width)):
                    row[x] = np.uint16(np.int32(run[x]))


def volume_codes(
    volume: npt.NDArray[np.float64],
    around: Circle,
    axes: tuple[int, int],
    margins: tuple[int, int, int],
) -> Codes:
    """(T - 2t, H - 2y, W - 2x) uint16 codes: neighbours in the plane of two axes against every centre.

    Parameters
    ----------
    volume
        (T, H, W) float64, C-contiguous; a neighbour that is at most 1e-6 below its centre ties with it.
    around
        The neighbours.
    axes
        The volume's axes that are the plane's first and second.
    margins
        (t, y, x) pixels at both ends that are no centres.
    """
    t, h, w = volume.shape
    strides = (h * w, w, 1)
    offsets = around.flat_offsets((strides[axes[0]], strides[axes[1]])).astype(np.uint64)
    out = np.empty((t - 2 * margins[0], h - 2 * margins[1], w - 2 * margins[2]), np.uint16)
    size, apart = np.array(volume.shape), np.array(margins)
    _plane_codes(volume.reshape(-1), size, apart, offsets, around.weights, out)
    return out


def lbp_codes(image: npt.NDArray[Any], *, radius: int = 3, points: int = 8) -> Codes:
    """LBP codes of one image.

    Parameters
    ----------
    image
        (H, W), any real dtype; neighbour p lies at (x + R cos a, y - R sin a), a = 2 pi p / P, bilinearly
        interpolated, and gives bit 2^p where it is >= the centre - 1e-6.
    radius, points
        R in pixels, and P.

    Returns
    -------
    (H - 2R, W - 2R) uint16

    Raises
    ------
    ValueError
        When the image is smaller than 2R + 1 in either direction.
    """
    if image.ndim != 2 or min(image.shape) < 2 * radius + 1:
        raise ValueError(
            f"LBP with radius {radius} needs an image of at least {2 * radius + 1} x {2 * radius + 1} "
            f"pixels, got shape {image.shape}"
        )
    around = circle((0.0, -float(radius)), (float(radius), 0.0), points)
    values = np.ascontiguousarray(image[np.newaxis], np.float64)
    codes: Codes = volume_codes(values, around, (1, 2), (0, radius, radius))[0]
    return codes


@cache
def uniform_labels(points: int) -> tuple[npt.NDArray[np.uint16], int]:
    """Label of every code and the number of labels for uniform patterns of P bits.

    Codes with at most two circular changes between 0 and 1 get 0, 1, ... in increasing order, all
    others share the last label: P (P - 1) + 3 labels, 59 for 8 points and 243 for 16.
    """
    check_points(points)
    codes = np.arange(2**points, dtype=np.uint32)
    turned = (codes >> 1) | ((codes & 1) << (points - 1))
    changes = np.array([(codes ^ turned) >> p & 1 for p in range(points)]).sum(axis=0)
    uniform = changes <= 2
    n_labels = int(uniform.sum()) + 1
    labels = np.where(uniform, np.cumsum(uniform) - 1, n_labels - 1).astype(np.uint16)
    labels.setflags(write=False)
    return labels, n_labels


def labels_for(points: int, uniform: bool) -> tuple[npt.NDArray[np.uint16], int]:
    """`uniform_labels`, or every code as its own label."""
    if uniform:
        return uniform_labels(points)
    check_points(points)
    return np.arange(2**points).astype(np.uint16), 2**points


def block_edges(length: int, blocks: int, what: str) -> Int64:
    """(blocks + 1,) int64 edges: block i covers floor(i length / n) .. floor((i + 1) length / n) - 1.

    Raises
    ------
    ValueError
        When a block would be empty.
    """
    if blocks < 1 or length < blocks:
        raise ValueError(
            f"{length} {what} cannot be cut into {blocks} blocks: pass 1 to {max(length, 1)} blocks or "
            f"larger frames"
        )
    return np.arange(blocks + 1, dtype=np.int64) * length // blocks


@compiled
def _count_blocks(codes: Any, labels: Any, rows: Any, columns: Any, counts: Any) -> None:
    """counts[i, j, label] of (T, H, W) codes; four histograms in turn, so that no count waits."""
    n = counts.shape[2]
    first, second = np.zeros(n, np.uint32), np.zeros(n, np.uint32)
    third, fourth = np.zeros(n, np.uint32), np.zeros(n, np.uint32)
    one = np.uint32(1)
    for i in range(rows.size - 1):
        for j in range(columns.size - 1):
            first[:], second[:], third[:], fourth[:] = 0, 0, 0, 0
            for t in range(codes.shape[0]):
                for y in range(rows[i], rows[i + 1]):
                    row = codes[t, y, columns[j] : columns[j + 1]]
                    whole = np.uintp(row.size // 4 * 4)
                    for x in range(np.uintp(0), whole, np.uintp(4)):
                        first[labels[row[x]]] += one
                        second[labels[row[x + np.uintp(1)]]] += one
                        third[labels[row[x + np.uintp(2)]]] += one
                        fourth[labels[row[x + np.uintp(3)]]] += one
                    for x in range(whole, np.uintp(row.size)):
                        first[labels[row[x]]] += one
            for b in range(n):
                counts[i, j, b] = first[b] + second[b] + third[b] + fourth[b]


def block_counts(
    codes: npt.NDArray[Any],
    labels: npt.NDArray[np.unsignedinteger[Any]],
    n_labels: int,
    blocks: tuple[int, int],
) -> npt.NDArray[np.int64]:
    """(rows, columns, n_labels) int64 counts of labels in spatial blocks of (T, H, W) codes.

    Parameters
    ----------
    codes
        (T', H', W') whole numbers.
    labels
        The label of every possible code.
    n_labels
        How many labels there are.
    blocks
        (rows, columns), cut as in LBP-TOP.

    Raises
    ------
    ValueError
        When a block would be empty.
    """
    rows = block_edges(codes.shape[1], blocks[0], "rows of codes")
    columns = block_edges(codes.shape[2], blocks[1], "columns of codes")
    counts: Int64 = np.zeros((*blocks, n_labels), np.int64)
    _count_blocks(codes, labels, rows, columns, counts)
    return counts


def normalised(counts: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Counts divided by their sum along the last axis; all zero where there is none."""
    totals = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(totals, 1), np.float64)
