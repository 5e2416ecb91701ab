"""Action units as smooth displacement fields tied to the landmarks.

Convention: the *forward* field F_t, in pixels, says where a point of the first frame lies in frame t,
`frame_t(x + F_t(x)) = frame_0(x)`. It is what optical flow from the first frame to frame t measures. A
frame is rendered from the neutral face by the inverse map, found by fixed-point iteration (`inverse`).

F_t is linear in a few numbers: F_t = sum_k a_k(t) B_k + H_t, where B_k is the unit field of one side of
one action unit (its largest displacement is the unit's gain, see `ACTIONS`), a_k(t) its intensity in
pixels, and H_t the head's motion (shift, turn, nod towards the camera), which fades out around the head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.simulator.shape import MIRROR, shifted

Float64 = npt.NDArray[np.float64]
Field = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pull:
    """A Gaussian pull on the image-left side of the face; the other side is its mirror image.

    Lengths are units of the face's width; the direction's length is the pull's weight.

    Attributes
    ----------
    at
        Landmarks whose mean, plus `offset`, is the centre.
    direction
        (x, y), y down.
    sigma
        (x, y).
    """

    at: tuple[int, ...]
    direction: tuple[float, float]
    sigma: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Action:
    """One action unit: its name in the Facial Action Coding System, its gain and its pulls."""

    name: str
    gain: float
    pulls: tuple[Pull, ...]


ACTIONS: dict[int, Action] = {
    1: Action(
        "inner brow raiser",
        1.0,
        (Pull((20, 21), (0.0, -1.0), (0.07, 0.08)), Pull((21,), (0, -0.4), (0.08, 0.08), (0, -0.1))),
    ),
    2: Action(
        "outer brow raiser",
        1.0,
        (Pull((17, 18, 19), (0.0, -1.0), (0.09, 0.08)), Pull((18,), (0, -0.4), (0.09, 0.08), (0, -0.1))),
    ),
    4: Action(
        "brow lowerer",
        1.0,
        (Pull((20, 21), (0.55, 0.85), (0.07, 0.07)), Pull((19,), (0.2, 0.5), (0.08, 0.07))),
    ),
    5: Action("upper lid raiser", 0.6, (Pull((37, 38), (0.0, -1.0), (0.06, 0.028)),)),
    6: Action(
        "cheek raiser",
        0.8,
        (
            Pull((40, 41), (0.0, -1.0), (0.10, 0.06), (-0.03, 0.09)),
            Pull((36,), (0.7, 0.1), (0.05, 0.05), (-0.06, 0.02)),
        ),
    ),
    7: Action(
        "lid tightener",
        0.6,
        (Pull((40, 41), (0.0, -1.0), (0.06, 0.026)), Pull((37, 38), (0.0, 0.7), (0.06, 0.024))),
    ),
    9: Action(
        "nose wrinkler",
        0.9,
        (
            Pull((31,), (0.1, -1.0), (0.055, 0.08), (0.0, -0.04)),
            Pull((21,), (0.3, 0.6), (0.05, 0.05)),
            Pull((50,), (0, -0.5), (0.07, 0.05)),
        ),
    ),
    10: Action(
        "upper lip raiser",
        0.9,
        (Pull((49, 50, 51), (0.0, -1.0), (0.075, 0.05)), Pull((31,), (-0.1, -0.5), (0.06, 0.06))),
    ),
    12: Action(
        "lip corner puller",
        1.1,
        (Pull((48,), (-0.75, -0.8), (0.075, 0.07)), Pull((48,), (-0.3, -0.45), (0.09, 0.08), (-0.08, -0.12))),
    ),
    14: Action(
        "dimpler",
        0.9,
        (Pull((48,), (-1.0, 0.0), (0.06, 0.055)), Pull((48,), (0.5, 0.0), (0.05, 0.05), (-0.12, 0.0))),
    ),
    15: Action("lip corner depressor", 1.0, (Pull((48,), (-0.15, 1.0), (0.065, 0.07), (0.0, 0.01)),)),
    17: Action(
        "chin raiser",
        0.9,
        (Pull((57,), (0.0, -1.0), (0.11, 0.07), (0.0, 0.09)), Pull((57, 58), (0.0, -0.6), (0.09, 0.04))),
    ),
    20: Action(
        "lip stretcher",
        1.0,
        (Pull((48,), (-1.0, 0.25), (0.085, 0.075), (0.01, 0.01)), Pull((58,), (-0.4, 0.1), (0.07, 0.05))),
    ),
    23: Action(
        "lip tightener",
        0.8,
        (
            Pull((49, 50), (0.3, 0.8), (0.07, 0.03)),
            Pull((57, 58), (0.15, -0.8), (0.08, 0.03)),
            Pull((48,), (0.6, 0.0), (0.05, 0.05)),
        ),
    ),
    24: Action(
        "lip pressor",
        0.8,
        (Pull((50, 51), (0.0, 0.9), (0.10, 0.03)), Pull((57, 58), (0.0, -0.9), (0.10, 0.03))),
    ),
    25: Action(
        "lips part",
        0.8,
        (Pull((56, 57, 58), (0.0, 1.0), (0.09, 0.04)), Pull((50, 51), (0.0, -0.35), (0.09, 0.03))),
    ),
    26: Action(
        "jaw drop",
        1.2,
        (Pull((57,), (0.0, 1.0), (0.13, 0.07), (0.0, 0.02)), Pull((7, 8), (0.0, 1.0), (0.20, 0.12))),
    ),
}
"""The action units of the simulator. Places and directions follow the manual's descriptions; widths and
gains are choices."""

BLINK = (Pull((37, 38), (0.0, 1.0), (0.075, 0.030)),)
"""The upper lid's way down in a blink, a nuisance."""


@dataclass(frozen=True)
class Movement:
    """All movement of one clip in pixels of its frames: enough to recompute every field.

    Attributes
    ----------
    names
        The K one-sided actions ("L12": the subject's left side, "R12", "blink").
    bumps
        (B, 7) float64, rows (action index, centre x, y, sigma x, y, displacement x, y).
    intensities
        (T, K) float64, pixels.
    head_centre, head_radii
        (2,) and (2,): the ellipse that moves rigidly.
    head
        (T, 4) float64: shift x, y in pixels, turn in radians, scale minus one.
    """

    names: tuple[str, ...]
    bumps: Float64
    intensities: Float64
    head_centre: tuple[float, float]
    head_radii: tuple[float, float]
    head: Float64

    def at(self, frame: int, points: npt.ArrayLike) -> Float64:
        """F_t at points (..., 2) in pixels of the first frame, (..., 2)."""
        where = np.asarray(points, np.float64)
        moved = self._head_at(frame, where)
        for k, cx, cy, sx, sy, dx, dy in self.bumps:
            amount = self.intensities[frame, int(k)]
            if amount != 0.0:
                power = ((where[..., 0] - cx) / sx) ** 2 + ((where[..., 1] - cy) / sy) ** 2
                moved += (amount * np.exp(-0.5 * power))[..., None] * np.array((dx, dy))
        return moved

    def _head_at(self, frame: int, where: Float64) -> Float64:
        shift_x, shift_y, turn, growth = self.head[frame]
        offset = where - np.asarray(self.head_centre)
        radius = np.sqrt(((offset / np.asarray(self.head_radii)) ** 2).sum(axis=-1))
        fade = np.clip((1.4 - radius) / 0.4, 0.0, 1.0)
        weight = fade**3 * (fade * (6.0 * fade - 15.0) + 10.0)
        turned = np.stack([-offset[..., 1], offset[..., 0]], axis=-1)
        rigid = np.array((shift_x, shift_y)) + turn * turned + growth * offset
        faded: Float64 = weight[..., None] * rigid
        return faded


def bumps_of(
    names: Sequence[str],
    landmarks: Float64,
    scale: float,
    origin: tuple[float, float],
    actions: Mapping[int, Action] = ACTIONS,
) -> Float64:
    """The Gaussian pulls of these one-sided actions on a face, (B, 7) as in `Movement.bumps`.

    Parameters
    ----------
    names
        One-sided actions.
    landmarks
        (68, 2) in units.
    scale
        Pixels per unit.
    origin
        Pixel of unit (0, 0).
    actions
        Action units by number; a person's own or the common ones.
    """
    rows = []
    for k, name in enumerate(names):
        for row in _unit_bumps(name, landmarks, actions):
            centre, sigma, direction = row[:2] * scale + np.asarray(origin), row[2:4] * scale, row[4:]
            rows.append(np.concatenate([[k], centre, sigma, direction]))
    return np.array(rows).reshape(-1, 7)


def _unit_bumps(name: str, landmarks: Float64, actions: Mapping[int, Action]) -> Float64:
    """Pulls of "L12", "R12" or "blink" in units, scaled to a largest displacement of the action's gain."""
    if name == "blink":
        return np.vstack([_side(BLINK, landmarks, left_of_image=side) for side in (True, False)])
    action = actions[int(name[1:])]
    rows = _side(action.pulls, landmarks, left_of_image=name[0] == "R")
    rows[:, 4:] *= action.gain / _largest(_both(action.pulls, landmarks))
    return rows


def _both(pulls: Sequence[Pull], landmarks: Float64) -> Float64:
    return np.vstack([_side(pulls, landmarks, left_of_image=side) for side in (True, False)])


def _side(pulls: Sequence[Pull], landmarks: Float64, *, left_of_image: bool) -> Float64:
    """(n, 6) rows centre, sigma, direction, in units; the subject's right is the image's left."""
    sign = 1.0 if left_of_image else -1.0
    rows = []
    for pull in pulls:
        at = list(pull.at) if left_of_image else [int(MIRROR[i]) for i in pull.at]
        centre = shifted(landmarks[at].mean(axis=0), sign * pull.offset[0], pull.offset[1])
        rows.append([*centre, *pull.sigma, sign * pull.direction[0], pull.direction[1]])
    return np.array(rows)


def _largest(rows: Float64) -> float:
    """The largest displacement of a sum of pulls, looked for at and around their centres."""
    steps = np.linspace(-1.0, 1.0, 5)
    near = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = (rows[:, None, :2] + near[None] * rows[:, None, 2:4]).reshape(-1, 2)
    total = np.zeros_like(points)
    for cx, cy, sx, sy, dx, dy in rows:
        power = ((points[:, 0] - cx) / sx) ** 2 + ((points[:, 1] - cy) / sy) ** 2
        total += np.exp(-0.5 * power)[:, None] * np.array((dx, dy))
    return float(np.linalg.norm(total, axis=1).max())


def coarse_points(shape: tuple[int, int], step: float) -> Float64:
    """Points (h, w, 2), `step` pixels apart; cv2.resize enlarges what is sampled there to this shape."""
    rows, columns = (max(2, round(size / step)) for size in shape)
    x = (np.arange(columns) + 0.5) * shape[1] / columns - 0.5
    y = (np.arange(rows) + 0.5) * shape[0] / rows - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1)


def inverse(field: Field, shape: tuple[int, int], *, tolerance: float = 0.02, iterations: int = 30) -> Field:
    """Backward field E of a coarse forward field F with E(y) = F(y - E(y)), both (h, w, 2) float32.

    The coarse samples lie as `coarse_points` says. Stops when nothing changes by more than `tolerance`
    pixels; converges where the field's gradient stays below 1.
    """
    h, w = field.shape[:2]
    to_cells = np.array((w / shape[1], h / shape[0]), np.float32)
    columns, rows = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    cells = np.stack([columns, rows], axis=-1)
    back = field
    for _ in range(iterations):
        at = cells - back * to_cells
        better = cv2.remap(field, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        change = float(np.abs(better - back).max())
        back = better
        if change < tolerance:
            break
    return back
