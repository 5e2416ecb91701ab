"""FDM: the principal optical flow directions of a clip cut into cuboids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.compiled import compiled

Float32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]
Encoding = Literal["unit", "vector", "onehot"]

ENCODINGS: tuple[Encoding, ...] = ("unit", "vector", "onehot")
MODE_BIN = 0.05
"""Width in pixels of the histogram bins in which a field's most frequent displacement is looked for."""
THRESHOLD = 0.05
"""A cuboid whose mean projection is below this many pixels counts as motionless."""

_SECTORS = 252
_QUARTER = _SECTORS // 4
_STILL = 255
_MODE_LIMIT = 20_000
_COS = np.cos(np.arange(_SECTORS) * (2 * np.pi / _SECTORS) - np.pi)
_SIN = np.sin(np.arange(_SECTORS) * (2 * np.pi / _SECTORS) - np.pi)


@dataclass(frozen=True)
class AlignedFlow:
    """Flow without its most frequent translation, ready for any number of grids and depths.

    field: (T-1, H, W, 2) float32, pixels; sectors: (T-1, H, W) uint8, the direction of each vector in
    252 equal sectors from -pi on, 255 where the vector is 0.
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

    flow: (T-1, H, W, 2), u and v in pixels between consecutive frames; grid: rows and columns of cuboids;
    depth: fields per cuboid. encoding: "unit", the unit vector of the nearest of eight directions, (0, 0)
    where motionless; "onehot", eight values of which at most one is 1; "vector", the principal vector
    itself in pixels, not quantised. threshold: least mean projection, in pixels, that counts as motion.
    Returns (floor((T-1) / depth) * rows * columns * k,) float32 in the order time, row, column, with k = 2
    for "unit" and "vector", 8 for "onehot".
    Raises ValueError for other shapes, flow not finite, a grid finer than the pixels or a depth over T-1.

    Notes
    -----
    Xu, Zhang & Wang, "Microexpression identification and categorization using a facial dynamics map",
    IEEE Trans. Affective Computing 8 (2017). From there: flow between neighbours, an alignment that leaves
    most of the face motionless, non-overlapping cuboids (fields after the last whole one are dropped), an
    optimal direction per cuboid, quantised and linked. Settled here: the alignment (`align`), the
    optimal direction (`principal_vectors`), eight directions, the threshold and the encodings; rows and
    columns are cut at floor(i H / rows), so no pixel is dropped.
    """
    return encode(principal_vectors(align(flow), grid=grid, depth=depth), encoding, threshold=threshold)


def align(flow: Float32) -> AlignedFlow:
    """Subtract from every field its most frequent displacement.

    flow: (T-1, H, W, 2) in pixels. The mode is found for u and for v on its own: the fullest bin of width
    0.05 px centred on multiples of 0.05 (the nearest to 0 wins ties), refined to the mean of its values.
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

    Notes
    -----
    The maximum is exact. On an arc of directions that no vector enters or leaves, the sum is V . d with V
    the sum of the vectors it can see, so the answer is the longest such V over all arcs. Sums at the
    borders of 252 sectors bound every arc between two borders (the sum of d is a support function, hence
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
    """Principal vectors (..., 2) in pixels to a flat float32 feature; see `fdm` for the encodings."""
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
    """Sector of every vector, 0 to 251 from -pi on; 255 for vectors of length 0."""
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
    largest = depth * (h // rows + 1) * (w // columns + 1)
    vectors = np.empty((largest, 2))
    for i in range(t // depth):
        for r in range(rows):
            top, bottom = r * h // rows, (r + 1) * h // rows
            for c in range(columns):
                left, right = c * w // columns, (c + 1) * w // columns
                box = (i * depth, (i + 1) * depth, top, bottom, left, right)
                starts = _by_sector(field, sectors, box, vectors)
                out[i, r, c, 0], out[i, r, c, 1] = _principal(vectors, starts)
    return out


@compiled
def _by_sector(field: Float32, sectors: UInt8, box: Any, vectors: Floats) -> npt.NDArray[np.int64]:
    """Copy the moving vectors of a cuboid into `vectors`, sorted by sector; where each sector starts."""
    t0, t1, y0, y1, x0, x1 = box
    starts = np.zeros(_SECTORS + 1, np.int64)
    for i in range(t0, t1):
        for y in range(y0, y1):
            for x in range(x0, x1):
                k = sectors[i, y, x]
                if k != _STILL:
                    starts[k + 1] += 1
    for k in range(_SECTORS):
        starts[k + 1] += starts[k]
    at = starts.copy()
    for i in range(t0, t1):
        for y in range(y0, y1):
            for x in range(x0, x1):
                k = sectors[i, y, x]
                if k != _STILL:
                    vectors[at[k], 0], vectors[at[k], 1] = field[i, y, x, 0], field[i, y, x, 1]
                    at[k] += 1
    return starts


@compiled
def _principal(vectors: Floats, starts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The principal vector of the vectors of one cuboid."""
    prefix = np.zeros((2 * _SECTORS + 1, 2))
    for j in range(2 * _SECTORS):
        k = j % _SECTORS
        u, v = 0.0, 0.0
        for n in range(starts[k], starts[k + 1]):
            u += vectors[n, 0]
            v += vectors[n, 1]
        prefix[j + 1, 0], prefix[j + 1, 1] = prefix[j, 0] + u, prefix[j, 1] + v
    borders = np.empty(_SECTORS + 1)
    for j in range(_SECTORS):
        first = (j + 3 * _QUARTER) % _SECTORS
        last = first + 2 * _QUARTER
        u, v = prefix[last, 0] - prefix[first, 0], prefix[last, 1] - prefix[first, 1]
        borders[j] = u * _COS[j] + v * _SIN[j]
    borders[_SECTORS] = borders[0]
    bound = borders.max() * np.cos(np.pi / _SECTORS) * (1 - 1e-12)
    best = np.zeros(4)
    for j in range(_SECTORS):
        if max(borders[j], borders[j + 1]) >= bound:
            first = (j + 3 * _QUARTER) % _SECTORS
            seen = prefix[first + 2 * _QUARTER] - prefix[first]
            _sweep(vectors, starts, j, seen, best)
    if best[0] == 0.0:
        return 0.0, 0.0
    return best[1] / best[3], best[2] / best[3]


@compiled
def _sweep(vectors: Floats, starts: npt.NDArray[np.int64], j: int, seen: Floats, best: Floats) -> None:
    """Turn d through sector j; keep in `best` the longest sum seen: squared length, u, v, how many vectors.

    `seen` is the sum at the start of the sector. On the way the vectors of the sector 90 degrees behind
    leave and those of the sector 90 degrees ahead enter.
    """
    behind, ahead = (j - _QUARTER) % _SECTORS, (j + _QUARTER) % _SECTORS
    n_leave, n_enter = starts[behind + 1] - starts[behind], starts[ahead + 1] - starts[ahead]
    changes = np.empty((n_leave + n_enter, 3))
    for n in range(n_leave):
        u, v = vectors[starts[behind] + n]
        changes[n, 0], changes[n, 1], changes[n, 2] = -u, -v, -1.0
    for n in range(n_enter):
        u, v = vectors[starts[ahead] + n]
        changes[n_leave + n, 0], changes[n_leave + n, 1], changes[n_leave + n, 2] = u, v, 1.0
    c, s = _COS[j], _SIN[j]
    when = np.empty(len(changes))
    for n in range(len(changes)):
        u, v = changes[n, 0], changes[n, 1]
        when[n] = np.arctan2(-u * c - v * s, v * c - u * s)
    u, v, count = seen[0], seen[1], 0.0
    for k in range(2 * _QUARTER):
        sector = (j + 3 * _QUARTER + k) % _SECTORS
        count += starts[sector + 1] - starts[sector]
    order = np.argsort(when, kind="mergesort")
    for step in range(len(order) + 1):
        if step > 0:
            n = order[step - 1]
            u, v, count = u + changes[n, 0], v + changes[n, 1], count + changes[n, 2]
        length = u * u + v * v
        if length > best[0] * (1 + 1e-12):
            best[0], best[1], best[2], best[3] = length, u, v, count
