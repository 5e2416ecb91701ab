"""Speed and accuracy of optical flow, and what MDMO and FDM add to it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from skimage import data

from benchmark.speed.rows import Row, best_of
from data_prep.landmarks import mean_shape
from features.face_regions import region_masks
from features.fdm import AlignedFlow, align, fdm, principal_vectors
from features.mdmo import mdmo, without_head_motion
from features.optical_flow import ALGORITHMS, flow_between_neighbours, flow_from_first

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

PEAK = 0.5
FRAMES = 32
SIZE = (163, 134)
GRIDS, DEPTHS = (4, 6, 8, 12, 16), (3, 6, 10)
BASELINE = "tvl1-skimage"


def measure(quick: bool) -> list[Row]:
    """Flow of one pair by algorithm, then MDMO and FDM of one clip with the flow's share of their time."""
    rows = _pairs(128, quick)
    if not quick:
        rows += _pairs(227, quick)
    clip, landmarks = _moving_face(*SIZE), mean_shape(*SIZE)
    repeats = 2 if quick else 5
    return rows + _mdmo_rows(clip, landmarks, repeats) + _fdm_rows(clip, repeats)


def _pairs(size: int, quick: bool) -> list[Row]:
    """One row per algorithm, each against scikit-image's TV-L1."""
    frames, field = warped_pair(size)
    found: dict[str, tuple[float, float]] = {}
    for name in ALGORITHMS:
        slow = name not in ("farneback", "dis")
        seconds = best_of(lambda name=name: flow_from_first(frames, name), 1 if slow or quick else 10)  # type: ignore[misc]
        found[name] = seconds, end_point_error(flow_from_first(frames, name)[0], field)
    still = end_point_error(np.zeros_like(field), field)
    return [
        Row.against(
            "flow",
            f"{name}, one pair of {size}x{size}",
            seconds,
            BASELINE,
            found[BASELINE][0],
            note=f"end-point error {error:.3f} px at {PEAK} px peak (no flow: {still:.3f})",
        )
        for name, (seconds, error) in found.items()
    ]


def warped_pair(size: int) -> tuple[UInt8, Float32]:
    """A photographed face before and after a known movement.

    Returns
    -------
    frames (2, size, size, 3) uint8 with sensor noise and the field (size, size, 2) float32 in pixels, with
    frames[1](x + field(x)) = frames[0](x); its peak is 0.5 px
    """
    y, x = np.mgrid[:size, :size] / size
    up = np.exp(-((y - 0.35) ** 2 + (x - 0.35) ** 2) / (2 * 0.09**2))
    aside = np.exp(-((y - 0.65) ** 2 + (x - 0.6) ** 2) / (2 * 0.09**2))
    field = PEAK * (up[..., None] * [0.0, -1.0] + aside[..., None] * [0.8, 0.6]).astype(np.float32)
    fine = cv2.resize(field, (4 * size, 4 * size), interpolation=cv2.INTER_CUBIC) * 4
    rows, columns = np.mgrid[: 4 * size, : 4 * size].astype(np.float32)
    back = fine
    for _ in range(10):
        back = cv2.remap(fine, columns - back[..., 0], rows - back[..., 1], cv2.INTER_LINEAR)
    face = cv2.resize(_face(), (4 * size, 4 * size), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    moved = cv2.remap(face, columns - back[..., 0], rows - back[..., 1], cv2.INTER_CUBIC)
    small = np.stack([cv2.resize(f, (size, size), interpolation=cv2.INTER_AREA) for f in (face, moved)])
    noisy = small + np.random.default_rng(0).normal(0, 1, (2, size, size, 1))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8), field


def end_point_error(flow: Float32, field: Float32) -> float:
    """Mean length of flow - field, in pixels, where the field is longer than 0.1 px."""
    moving = np.hypot(field[..., 0], field[..., 1]) > 0.1
    difference = (flow - field)[moving]
    return float(np.hypot(difference[:, 0], difference[:, 1]).mean())


def _face() -> UInt8:
    face: UInt8 = data.astronaut()[20:200, 140:300]
    return face


def _moving_face(height: int, width: int) -> UInt8:
    """(32, height, width, 3) uint8: a photographed face that drifts, with sensor noise."""
    face = cv2.resize(_face(), (width + 8, height + 8), interpolation=cv2.INTER_CUBIC)
    rng = np.random.default_rng(0)
    frames = []
    for t in range(FRAMES):
        shift = np.array([[1, 0, 0.4 * np.sin(t / 8) - 4], [0, 1, 0.6 * np.sin(t / 10) - 4]], np.float32)
        frame = cv2.warpAffine(face, shift, (width, height))
        frames.append(np.clip(frame + rng.normal(0, 1.5, frame.shape), 0, 255).astype(np.uint8))
    return np.stack(frames)


def _mdmo_rows(clip: UInt8, landmarks: Float32, repeats: int) -> list[Row]:
    flow = flow_from_first(clip)
    seconds = best_of(lambda: flow_from_first(clip), repeats)
    descriptor = best_of(lambda: mdmo(flow, landmarks), repeats)
    plain = best_of(lambda: plain_mdmo(flow, landmarks), 1)
    what = f"MDMO of {FRAMES}x{SIZE[0]}x{SIZE[1]}"
    return [
        _share(what, seconds, descriptor, plain),
        Row.against("flow", f"{what}, flow given", descriptor, "NumPy, region by region", plain),
    ]


def _fdm_rows(clip: UInt8, repeats: int) -> list[Row]:
    flow = flow_between_neighbours(clip)
    seconds = best_of(lambda: flow_between_neighbours(clip), repeats)
    what = f"FDM of {FRAMES}x{SIZE[0]}x{SIZE[1]}"
    one = best_of(lambda: fdm(flow), repeats)
    plain = best_of(lambda: _plain_grids(flow, (8,), (6,)), 1)
    every = best_of(lambda: _grids(align(flow), principal_vectors), repeats)
    plain_every = best_of(lambda: _plain_grids(flow, GRIDS, DEPTHS), 1)
    return [
        _share(f"{what}, 8x8, depth 6", seconds, one, plain),
        _share(f"{what}, all {len(GRIDS) * len(DEPTHS)} grids and depths", seconds, every, plain_every),
        Row.against("flow", f"{what}, 8x8, depth 6, flow given", one, "NumPy, sorted angles", plain),
    ]


def _share(what: str, flow: float, descriptor: float, plain: float) -> Row:
    """Flow and descriptor together, beside the same flow and the straightforward descriptor."""
    return Row.against(
        "flow",
        f"{what}, with flow",
        flow + descriptor,
        "same flow, NumPy",
        flow + plain,
        note=f"flow takes {100 * flow / (flow + descriptor):.0f} % of it",
    )


def _grids(aligned: AlignedFlow, vectors: Callable[..., Float32]) -> None:
    for grid in GRIDS:
        for depth in DEPTHS:
            vectors(aligned, grid=(grid, grid), depth=depth)


def _plain_grids(flow: Float32, grids: tuple[int, ...], depths: tuple[int, ...]) -> None:
    for grid in grids:
        for depth in depths:
            plain_principal_vectors(align(flow).field, grid, depth)


def plain_mdmo(flow: Float32, landmarks: Float32) -> Float64:
    """MDMO before normalisation the straightforward way: masks, arctan2 and bincount, field by field."""
    masks = region_masks(landmarks, (flow.shape[1], flow.shape[2]))
    vectors = np.zeros((len(masks), 2))
    for field in without_head_motion(flow, landmarks):
        angles, lengths = np.arctan2(field[..., 1], field[..., 0]), np.hypot(field[..., 0], field[..., 1])
        bins = np.rint(angles / (np.pi / 4)).astype(int) % 8
        for k, mask in enumerate(masks):
            fullest = np.bincount(bins[mask], minlength=8).argmax()
            chosen = mask & (bins == fullest)
            centre = fullest * np.pi / 4
            theta = centre + ((angles[chosen] - centre + np.pi) % (2 * np.pi) - np.pi).mean()
            vectors[k] += lengths[chosen].mean() * np.array([np.cos(theta), np.sin(theta)]) / len(flow)
    return vectors


def plain_principal_vectors(field: Float32, grid: int, depth: int) -> Float64:
    """Principal vectors the straightforward way: sort the events of each cuboid, add up, take the longest."""
    t, h, w, _ = field.shape
    out = np.zeros((t // depth, grid, grid, 2))
    for i, r, c in np.ndindex(out.shape[:3]):
        rows, columns = slice(r * h // grid, (r + 1) * h // grid), slice(c * w // grid, (c + 1) * w // grid)
        box = field[i * depth : (i + 1) * depth, rows, columns].reshape(-1, 2).astype(np.float64)
        angles = np.arctan2(box[:, 1], box[:, 0])
        events = np.concatenate([angles - np.pi / 2, angles + np.pi / 2]) % (2 * np.pi)
        order = np.argsort(events)
        steps = np.concatenate([np.c_[box, np.ones(len(box))], -np.c_[box, np.ones(len(box))]])[order]
        ahead = box[:, 0] > 0
        start = np.append(box[ahead].sum(axis=0), ahead.sum())
        sums = start + np.cumsum(steps, axis=0)
        best = np.hypot(sums[:, 0], sums[:, 1]).argmax()
        out[i, r, c] = sums[best, :2] / max(sums[best, 2], 1)
    return out
