"""FDM: the principal optical flow directions of a clip cut into cuboids.

Source: Xu, Zhang & Wang, "Microexpression identification and categorization using a facial dynamics map",
IEEE Trans. Affective Computing 8 (2017).

Notes
-----
From the paper: flow between neighbours, an alignment that leaves most of the face motionless,
non-overlapping cuboids (fields after the last whole one are dropped), an optimal direction per cuboid,
quantised and linked. Settled here: the alignment (`align`), the optimal direction (`principal_vectors`),
eight directions, the threshold and the encodings; rows and columns are cut at floor(i H / rows), so no pixel
is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]
Encoding = Literal["unit", "vector", "onehot"]

ENCODINGS: tuple[Encoding, ...] = ("unit", "vector", "onehot")
MODE_BIN = 0.05
"""Width in pixels of the histogram bins in which a field's most frequent displacement is looked for."""
THRESHOLD = 0.05
"""A cuboid whose mean projection is below this many pixels counts as motionless."""

_SECTORS = 124
_QUARTER = _SECTORS // 4
_STILL = 255
_MODE_LIMIT = 20_000
_COS = np.cos(np.arange(_SECTORS) * (2 * np.pi / _SECTORS) - np.pi)
_SIN = np.sin(np.arange(_SECTORS) * (2 * np.pi / _SECTORS) - np.pi)


@dataclass(frozen=True)
class AlignedFlow:
    """Flow without its most frequent translation, ready for any number of grids and depths.

    Attributes
    ----------
    field
        (T-1, H, W, 2) float32, pixels.
    sectors
        (T-1, H, W) uint8, the direction of each vector in 124 equal sectors from -pi on, 255 where the vector
        is 0.
    """

    field: Float32
    sectors: UInt8


def fdm(
    flow: Float32,
    *,
    grid: tuple[int, int] = (8, 8),
    depth: int = 6,
    encoding: Encoding = "unit",
    threshold: float = THRESHOLD,
) -> Float32:
    """Facial dynamics map of one clip.

    Parameters
    ----------
    flow
        (T-1, H, W, 2) float32, u and v in pixels between consecutive frames.
    grid
        Rows and columns of cuboids.
    depth
        Fields per cuboid.
    encoding
        "unit", the unit vector of the nearest of eight directions, (0, 0) where motionless; "onehot", eight
        values of which at most one is 1; "vector", the principal vector itself in pixels, not quantised.
    threshold
        Least mean projection, in pixels, that counts as motion.

    Returns
    -------
    (floor((T-1) / depth) * rows * columns * k,) float32
        In the order time, row, column, with k = 2 for "unit" and "vector", 8 for "onehot".

    Raises
    ------
    ValueError
        For other shapes, flow not finite, a grid finer than the pixels or a depth over T-1.

    References
    ----------
    Xu, Zhang & Wang (2017), as at the top of this module.

    Examples
    --------
    The upper left quarter moves to the right, the rest rests:

    >>> flow = np.zeros((6, 16, 16, 2), np.float32)
    >>> flow[:, :8, :8, 0] = 1
    >>> fdm(flow, grid=(2, 2), depth=6).reshape(4, 2).tolist()
    [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    """
    return encode(principal_vectors(align(flow), grid=grid, depth=depth), encoding, threshold=threshold)


def align(flow: Float32) -> AlignedFlow:
    """Subtract from every field its most frequent displacement.

    The mode is found for u and for v on its own: the fullest bin of width 0.05 px centred on multiples of
    0.05 (the nearest to 0 wins ties), refined to the mean of its values.

    Parameters
    ----------
    flow
        (T-1, H, W, 2) in pixels.

    Raises
    ------
    ValueError
        For another shape, or flow that is not finite.
    """
    flow = np.ascontiguousarray(flow, np.float32)
    if flow.ndim != 4 or flow.shape[-1] != 2 or not flow.size:
        raise ValueError(f"flow must have shape (T-1, H, W, 2), got {flow.shape}")
    if not np.isfinite(flow).all():
        raise ValueError("flow must be finite")
    field = flow - _modes(flow)[:, None, None, :]
    return AlignedFlow(field, _sectors(field))


def principal_vectors(aligned: AlignedFlow, *, grid: tuple[int, int], depth: int) -> Float32:
    """Principal vector of each cuboid, (floor((T-1) / depth), rows, columns, 2) float32, in pixels.

    The direction d maximises sum max(0, v . d) over all unit vectors; the length is the mean of v . d over
    the vectors of the cuboid within 90 degrees of d. A cuboid without motion has (0, 0).

    Raises
    ------
    ValueError
        For a grid finer than the pixels or a depth over T-1.

    Notes
    -----
    The maximum is exact. On an arc of directions that no vector enters or leaves, the sum is V . d with V
    the sum of the vectors it can see, so the answer is the longest such V over all arcs. Sums at the
    borders of 124 sectors bound every arc between two borders (the sum of d is a support function, hence
    convex); only sectors whose bound reaches the best border are swept vector by vector.
    """
    t, h, w, _ = aligned.field.shape
    rows, columns = grid
    if not (1 <= rows <= h and 1 <= columns <= w and 1 <= depth <= t):
        raise ValueError(
            f"a grid of {rows} x {columns} and depth {depth} does not fit {t} fields of {h} x {w} pixels"
        )
    return _all_cuboids(aligned.field, aligned.sectors, rows, columns, depth)


def encode(vectors: Float32, encoding: Encoding = "unit", *, threshold: float = THRESHOLD) -> Float32:
    """Principal vectors (..., 2) in pixels to a flat float32 feature; see `fdm` for the encodings.

    Raises
    ------
    ValueError
        For an unknown encoding.
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"{encoding!r} is no encoding, must be one of {ENCODINGS}")
    flat = np.asarray(vectors, np.float64).reshape(-1, 2)
    moving = np.hypot(flat[:, 0], flat[:, 1]) >= threshold
    if encoding == "vector":
        return np.asarray(flat * moving[:, None], np.float32).ravel()
    bins = np.rint(np.arctan2(flat[:, 1], flat[:, 0]) / (np.pi / 4)).astype(np.int64) % 8
    if encoding == "onehot":
        return np.asarray((np.arange(8) == bins[:, None]) & moving[:, None], np.float32).ravel()
    r = np.sqrt(0.5)
    units = np.array([(1, 0), (r, r), (0, 1), (-r, r), (-1, 0), (-r, -r), (0, -1), (r, -r)])
    return np.asarray(units[bins] * moving[:, None], np.float32).ravel()


@compiled
def _modes(flow: Float32) -> Float32:
    """The most frequent u and v of every field, (T-1, 2)."""
    t, h, w, _ = flow.shape
    out = np.empty((t, 2), np.float32)
    counts = np.zeros(2 * _MODE_LIMIT + 1, np.int64)
    sums = np.zeros(2 * _MODE_LIMIT + 1)
    for i in range(t):
        for c in range(2):
            low, high = 2 * _MODE_LIMIT, 0
            for y in range(h):
                for x in range(w):
                    value = np.float64(flow[i, y, x, c])
                    at = np.rint(min(max(value / MODE_BIN, -_MODE_LIMIT), _MODE_LIMIT))
                    k = int(at) + _MODE_LIMIT
                    counts[k] += 1
                    sums[k] += value
                    low, high = min(low, k), max(high, k)
            best = low
            for k in range(low, high + 1):
                nearer = abs(k - _MODE_LIMIT) < abs(best - _MODE_LIMIT)
                if counts[k] > counts[best] or (counts[k] == counts[best] and nearer):
                    best = k
            out[i, c] = sums[best] / counts[best]
            counts[low : high + 1] = 0
            sums[low : high + 1] = 0.0
    return out


@compiled
def _sectors(field: Float32) -> UInt8:
    """Sector of every vector, 0 to 123 from -pi on; 255 for vectors of length 0."""
    t, h, w, _ = field.shape
    out = np.empty((t, h, w), np.uint8)
    scale = _SECTORS / (2 * np.pi)
    for i in range(t):
        for y in range(h):
            for x in range(w):
                u, v = np.float64(field[i, y, x, 0]), np.float64(field[i, y, x, 1])
                if u == 0.0 and v == 0.0:
                    out[i, y, x] = _STILL
                else:
                    out[i, y, x] = min(int((np.arctan2(v, u) + np.pi) * scale), _SECTORS - 1)
    return out


@compiled
def _all_cuboids(field: Float32, sectors: UInt8, rows: int, columns: int, depth: int) -> Float32:
    t, h, w, _ = field.shape
    out = np.zeros((t // depth, rows, columns, 2), np.float32)
    for i in range(t // depth):
        for r in range(rows):
            top, bottom = r * h // rows, (r + 1) * h // rows
            for c in range(columns):
                left, right = c * w // columns, (c + 1) * w // columns
                box = field[i * depth : (i + 1) * depth, top:bottom, left:right]
                where = sectors[i * depth : (i + 1) * depth, top:bottom, left:right]
                out[i, r, c, 0], out[i, r, c, 1] = _principal(box, where)
    return out


@compiled
def _principal(box: Float32, where: UInt8) -> tuple[float, float]:
    """The principal vector of one cuboid from its vectors (t, h, w, 2) and their sectors (t, h, w)."""
    totals = _totals(box, where)
    prefix = np.zeros((2 * _SECTORS + 1, 3))
    for j in range(2 * _SECTORS):
        for c in range(3):
            prefix[j + 1, c] = prefix[j, c] + totals[j % _SECTORS, c]
    borders = np.empty(_SECTORS + 1)
    for j in range(_SECTORS):
        u, v, _ = _seen_from(prefix, j)
        borders[j] = u * _COS[j] + v * _SIN[j]
    borders[_SECTORS] = borders[0]
    bounds = _arc_bounds(borders)
    best = np.zeros(4)
    first = int(np.argmax(bounds))
    _sweep(box, where, first, _seen_from(prefix, first), totals, best)
    for j in range(_SECTORS):
        if j != first and bounds[j] * bounds[j] >= best[0] * (1 - 1e-12) and bounds[j] > 0:
            _sweep(box, where, j, _seen_from(prefix, j), totals, best)
    if best[0] == 0.0:
        return 0.0, 0.0
    return best[1] / best[3], best[2] / best[3]


@compiled
def _totals(box: Float32, where: UInt8) -> Float64:
    """Sum of u, sum of v and number of the vectors of every sector, (256, 3)."""
    totals = np.zeros((256, 3))
    for i in range(box.shape[0]):
        for y in range(box.shape[1]):
            row, sector = box[i, y], where[i, y]
            for x in range(len(sector)):
                k = sector[x]
                totals[k, 0] += row[x, 0]
                totals[k, 1] += row[x, 1]
                totals[k, 2] += 1
    return totals


@compiled
def _seen_from(prefix: Float64, j: int) -> tuple[float, float, float]:
    """Sum and number of the vectors within 90 degrees of the direction at which sector j begins."""
    first = (j + 3 * _QUARTER) % _SECTORS
    last = first + 2 * _QUARTER
    return (
        prefix[last, 0] - prefix[first, 0],
        prefix[last, 1] - prefix[first, 1],
        prefix[last, 2] - prefix[first, 2],
    )


@compiled
def _arc_bounds(borders: Float64) -> Float64:
    """Upper bound of the sum over each sector, from its values at both ends.

    Between two directions a support function stays below the sinusoid through its values there.
    """
    c, s = np.cos(2 * np.pi / _SECTORS), np.sin(2 * np.pi / _SECTORS)
    bounds = np.empty(_SECTORS)
    for j in range(_SECTORS):
        a, b = borders[j], borders[j + 1]
        peaks_inside = b >= a * c and a >= b * c
        bounds[j] = np.sqrt(a * a + b * b - 2 * a * b * c) / s if peaks_inside else max(a, b)
    return bounds


@compiled
def _sweep(
    box: Float32, where: UInt8, j: int, seen: tuple[float, float, float], totals: Float64, best: Float64
) -> None:
    """Turn d through sector j; keep in `best` the longest sum seen: squared length, u, v, how many vectors.

    `seen` holds for the start of the sector. On the way the vectors of the sector 90 degrees behind leave
    and those of the sector 90 degrees ahead enter.
    """
    u, v, count = seen
    changes, when = _changes(box, where, j, totals)
    order = np.argsort(when, kind="mergesort")
    for step in range(len(order) + 1):
        if step > 0:
            n = order[step - 1]
            u, v, count = u + changes[n, 0], v + changes[n, 1], count + changes[n, 2]
        length = u * u + v * v
        if length > best[0] * (1 + 1e-12):
            best[0], best[1], best[2], best[3] = length, u, v, count


@compiled
def _changes(box: Float32, where: UInt8, j: int, totals: Float64) -> tuple[Float64, Float64]:
    """What the sum gains while d turns through sector j, (n, 3) u, v, number, and when, (n,) radians."""
    behind, ahead = (j - _QUARTER) % _SECTORS, (j + _QUARTER) % _SECTORS
    size = int(totals[behind, 2] + totals[ahead, 2])
    changes, when = np.empty((size, 3)), np.empty(size)
    c, s = _COS[j], _SIN[j]
    n = 0
    for i in range(box.shape[0]):
        for y in range(box.shape[1]):
            row, sector = box[i, y], where[i, y]
            for x in range(len(sector)):
                if sector[x] == ahead or sector[x] == behind:
                    sign = 1.0 if sector[x] == ahead else -1.0
                    u, v = sign * row[x, 0], sign * row[x, 1]
                    changes[n, 0], changes[n, 1], changes[n, 2] = u, v, sign
                    when[n] = np.arctan2(-u * c - v * s, v * c - u * s)
                    n += 1
    return changes, when
