"""MDMO: the main directional mean optical flow of 36 face regions.

Source: Liu, Zhang, Yan, Wang, Zhao & Fu, "A main directional mean optical flow feature for spontaneous
micro-expression recognition", IEEE Trans. Affective Computing 7 (2016).

Notes
-----
As in the paper: head motion is removed by an affine map fitted to 13 landmarks, the fullest of eight
direction bins gives the main direction, its mean vectors are averaged over frames. Settled here: angles are
averaged relative to the centre of their bin (a plain mean of 0.1 and 6.2 would point backwards); the flow at
a landmark is interpolated bilinearly, points outside the frame count as the nearest point of its border;
bins are compared by count, the first wins ties; vectors of length 0 count in bin 0; a motionless clip has
theta 0 as well. The pooling "all_frames" is the wording of later papers that use MDMO.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from features.face_regions import N_REGIONS, require_regions

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Pooling = Literal["per_frame", "all_frames"]

HEAD_POINTS = np.array([0, 1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 16, 28])
"""Landmarks that follow the head and not the expression: both sides of the jaw and the nose bridge."""

NO_MOTION = 1e-3
"""Below this many pixels in every region a clip counts as motionless: numerical dust is no motion."""

_OCTANT = float(np.tan(np.pi / 8))


def mdmo(flow: Float32, landmarks: npt.ArrayLike, *, pooling: Pooling = "per_frame") -> Float32:
    """Main direction and relative strength of the motion in each of the 36 regions.

    Parameters
    ----------
    flow
        (T-1, H, W, 2) float32, u and v in pixels from the first frame to each later one.
    landmarks
        (66, 2) x, y in pixels on the first frame.
    pooling
        "per_frame" finds the main direction in every field and averages the vectors over the clip;
        "all_frames" finds one main direction among the vectors of all fields.

    Returns
    -------
    (36, 2) float32
        rho, magnitude divided by the largest of the 36 (0..1), and theta, angle in [-pi, pi), 0 to the
        right and pi/2 downwards. A clip whose largest magnitude is below 1e-3 px is all 0.

    Raises
    ------
    DegenerateRegions
        If a region holds no pixel.
    ValueError
        For other shapes or flow not finite.

    References
    ----------
    Liu et al. (2016), as at the top of this module.

    Examples
    --------
    The left brow rises by a pixel; regions 1 and 2 lie above it:

    >>> from data_prep.landmarks import mean_shape
    >>> flow = np.zeros((1, 96, 80, 2), np.float32)
    >>> flow[0, :16, :30, 1] = -1
    >>> mdmo(flow, mean_shape(96, 80))[:2].round(2)
    array([[ 1.  , -1.57],
           [ 1.  , -1.57]], dtype=float32)
    """
    flow = _checked(flow)
    if pooling not in ("per_frame", "all_frames"):
        raise ValueError(f"{pooling!r} is no pooling, must be 'per_frame' or 'all_frames'")
    shape = (flow.shape[1], flow.shape[2])
    regions = require_regions(landmarks, shape)
    affines = head_motion(flow, landmarks)
    spans = _spans(len(flow), pooling)
    vectors = _main_vectors(flow, affines, regions.rows, regions.columns, regions.starts, spans)
    return _normalised(vectors.mean(axis=0))


def head_motion(flow: Float32, landmarks: npt.ArrayLike) -> Float64:
    """Affine maps that undo the motion of the head, (T-1, 2, 3) float64.

    flow and landmarks as in `mdmo`. Map t sends, in the least-squares sense, the 13 `HEAD_POINTS` from
    where field t moves them back to where they were: A @ (x, y, 1). Points outside the frame are moved
    to its border first, where there is flow.
    """
    limits = (flow.shape[2] - 1, flow.shape[1] - 1)
    points = np.clip(np.asarray(landmarks, np.float64)[HEAD_POINTS], 0, limits)
    moved = points + _sample(np.asarray(flow), points)
    homogeneous = np.concatenate([moved, np.ones((*moved.shape[:2], 1))], axis=2)
    maps: Float64 = np.linalg.pinv(homogeneous) @ points
    return np.ascontiguousarray(maps.transpose(0, 2, 1))


def without_head_motion(flow: Float32, landmarks: npt.ArrayLike) -> Float32:
    """The flow that is left when the head's motion is undone, (T-1, H, W, 2) float32, in pixels.

    u'(x) = A(x + u(x)) - x with the maps of `head_motion`. `mdmo` computes the same inside its regions.
    """
    a = head_motion(flow, landmarks)[:, None, None]
    y, x = np.mgrid[: flow.shape[1], : flow.shape[2]]
    moved = np.stack([x, y], axis=-1) + flow.astype(np.float64)
    back = (a[..., :2] @ moved[..., None])[..., 0] + a[..., 2]
    return np.asarray(back - np.stack([x, y], axis=-1), np.float32)


def _checked(flow: Float32) -> Float32:
    flow = np.ascontiguousarray(flow, np.float32)
    if flow.ndim != 4 or flow.shape[-1] != 2 or not len(flow):
        raise ValueError(f"flow must have shape (T-1, H, W, 2), got {flow.shape}")
    if not np.isfinite(flow).all():
        raise ValueError("flow must be finite")
    return flow


def _sample(flow: Float32, points: Float64) -> Float64:
    """Flow at points (k, 2) inside the frame, bilinear: (T-1, k, 2)."""
    _, h, w, _ = flow.shape
    x, y = points.T
    left = np.minimum(x.astype(np.int64), max(w - 2, 0))
    top = np.minimum(y.astype(np.int64), max(h - 2, 0))
    right, bottom = np.minimum(left + 1, w - 1), np.minimum(top + 1, h - 1)
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    upper = flow[:, top, left] * (1 - fx) + flow[:, top, right] * fx
    lower = flow[:, bottom, left] * (1 - fx) + flow[:, bottom, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float64)


def _spans(n: int, pooling: Pooling) -> npt.NDArray[np.int64]:
    """Ranges of fields that share one main direction, (spans, 2)."""
    if pooling == "all_frames":
        return np.array([[0, n]])
    return np.stack([np.arange(n), np.arange(1, n + 1)], axis=1)


def _normalised(vectors: Float64) -> Float32:
    """(36, 2) Cartesian means to rho / max rho and theta in [-pi, pi)."""
    rho = np.hypot(vectors[:, 0], vectors[:, 1])
    if rho.max() < NO_MOTION:
        return np.zeros((N_REGIONS, 2), np.float32)
    theta = np.arctan2(vectors[:, 1], vectors[:, 0]).astype(np.float32)
    theta[theta >= np.float32(np.pi)] = -np.float32(np.pi)
    return np.stack([(rho / rho.max()).astype(np.float32), theta], axis=1)


@compiled
def _main_vectors(
    flow: Float32,
    affines: Float64,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    spans: npt.NDArray[np.int64],
) -> Float64:
    """The main vector of every span of fields and region, (spans, 36, 2), Cartesian."""
    n_regions = len(starts) - 1
    out = np.empty((len(spans), n_regions, 2))
    longest = np.max(spans[:, 1] - spans[:, 0]) * np.max(starts[1:] - starts[:-1])
    u, v, bins = np.empty(longest), np.empty(longest), np.empty(longest, np.uint8)
    for s in range(len(spans)):
        for k in range(n_regions):
            n = 0
            for t in range(spans[s, 0], spans[s, 1]):
                a, b, c = affines[t, 0, 0], affines[t, 0, 1], affines[t, 0, 2]
                d, e, f = affines[t, 1, 0], affines[t, 1, 1], affines[t, 1, 2]
                for i in range(starts[k], starts[k + 1]):
                    x, y = columns[i], rows[i]
                    mx, my = x + flow[t, y, x, 0], y + flow[t, y, x, 1]
                    u[n], v[n] = a * mx + b * my + c - x, d * mx + e * my + f - y
                    n += 1
            out[s, k, 0], out[s, k, 1] = _main_vector(u[:n], v[:n], bins[:n])
    return out


@compiled
def _main_vector(u: Float64, v: Float64, bins: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Mean magnitude and mean angle of the fullest direction bin, as a Cartesian vector."""
    counts = np.zeros(8, np.int64)
    for i in range(len(u)):
        ax, ay = abs(u[i]), abs(v[i])
        if ay <= _OCTANT * ax:
            bins[i] = 0 if u[i] >= 0 else 4
        elif ax <= _OCTANT * ay:
            bins[i] = 2 if v[i] >= 0 else 6
        elif v[i] >= 0:
            bins[i] = 1 if u[i] >= 0 else 3
        else:
            bins[i] = 7 if u[i] >= 0 else 5
        counts[bins[i]] += 1
    fullest = np.argmax(counts)
    centre = fullest * (np.pi / 4)
    c, s = np.cos(centre), np.sin(centre)
    magnitude, offset = 0.0, 0.0
    for i in range(len(u)):
        if bins[i] == fullest:
            magnitude += np.hypot(u[i], v[i])
            offset += np.arctan2(c * v[i] - s * u[i], c * u[i] + s * v[i])
    magnitude /= counts[fullest]
    angle = centre + offset / counts[fullest]
    return magnitude * np.cos(angle), magnitude * np.sin(angle)
