"""The shape of a subject: 68 landmarks in units of the face's width.

The origin lies between the eyes, x to the right of the image, y down; landmark 0 is near (-0.5, 0) and
landmark 16 near (0.5, 0). Numbers follow the 300-W order. The mean shape and its variation are choices
made by eye from common proportions of frontal faces (eye line to chin about 0.8 of the width).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

KEPT_66 = np.array([i for i in range(68) if i not in (60, 64)])
"""The 66 points of the suite: the 68 of 300-W without the two inner mouth corners."""

MIRROR = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65),
    ]
)
"""MIRROR[i] is the landmark on the other side of the face."""

_JAW = [(-0.50, -0.02), (-0.495, 0.12), (-0.475, 0.26), (-0.44, 0.40), (-0.385, 0.53), (-0.30, 0.64)]
_JAW += [(-0.20, 0.725), (-0.10, 0.775), (0.0, 0.79)]
_BROW = [(-0.385, -0.130), (-0.325, -0.172), (-0.25, -0.186), (-0.17, -0.172), (-0.09, -0.150)]
_BRIDGE = [(0.0, -0.03), (0.0, 0.07), (0.0, 0.165), (0.0, 0.255)]
_NOSE = [(-0.10, 0.30), (-0.052, 0.318), (0.0, 0.332)]
_EYE = [(-0.328, 0.004), (-0.277, -0.036), (-0.202, -0.037), (-0.138, 0.010)]
_EYE += [(-0.200, 0.031), (-0.274, 0.031)]
_UPPER = [(-0.18, 0.505), (-0.115, 0.474), (-0.042, 0.452), (0.0, 0.463)]
_LOWER = [(0.0, 0.580), (-0.055, 0.576), (-0.118, 0.551)]
_INNER = [(-0.150, 0.507), (-0.06, 0.502), (0.0, 0.510), (0.0, 0.514), (-0.06, 0.508)]


def _mean_shape() -> Float64:
    points = np.zeros((68, 2))
    points[0:9] = _JAW
    points[17:22] = _BROW
    points[27:31] = _BRIDGE
    points[31:34] = _NOSE
    points[36:42] = _EYE
    points[48:52] = _UPPER
    points[57:60] = _LOWER
    points[[60, 61, 62, 66, 67]] = _INNER
    given = [*range(9), *range(17, 22), 31, 32, *range(36, 42), 48, 49, 50, 58, 59, 60, 61, 67]
    for i in given:
        if MIRROR[i] != i:
            points[MIRROR[i]] = points[i] * (-1.0, 1.0)
    return points


MEAN_SHAPE = _mean_shape()
"""(68, 2) float64, the mean shape."""


@dataclass(frozen=True)
class Proportions:
    """What makes one face shape differ from another; every field is a factor or an offset around 1 or 0."""

    jaw_width: float
    chin: float
    height: float
    eye_spacing: float
    eye_size: float
    eye_height: float
    eye_tilt: float
    brow_height: float
    brow_arch: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    mouth_height: float
    lips: float


def draw_proportions(rng: np.random.Generator, *, female: bool) -> Proportions:
    """Proportions of a person; women get slightly narrower jaws, higher brows and fuller lips."""

    def around(centre: float, spread: float) -> float:
        return centre + spread * float(np.clip(rng.standard_normal(), -2.0, 2.0))

    return Proportions(
        jaw_width=around(0.94 if female else 1.02, 0.06),
        chin=around(0.98 if female else 1.02, 0.035),
        height=around(1.0, 0.04),
        eye_spacing=around(1.0, 0.045),
        eye_size=around(1.06 if female else 0.98, 0.07),
        eye_height=around(1.0, 0.16),
        eye_tilt=around(0.0, 0.05),
        brow_height=around(0.008 if female else -0.004, 0.014),
        brow_arch=around(1.0, 0.35),
        brow_tilt=around(0.0, 0.07),
        nose_length=around(1.0, 0.07),
        nose_width=around(0.95 if female else 1.05, 0.11),
        mouth_width=around(1.0, 0.09),
        mouth_height=around(0.0, 0.016),
        lips=around(1.1 if female else 0.92, 0.17),
    )


def landmarks_of(proportions: Proportions, rng: np.random.Generator) -> Float64:
    """The 68 landmarks of a neutral face with these proportions and a slight asymmetry, (68, 2)."""
    p = proportions
    points = MEAN_SHAPE.copy()
    _shape_jaw(points, p)
    _shape_eyes_and_brows(points, p)
    _scale_about(points, range(27, 36), (0.0, -0.03), (p.nose_width, p.nose_length))
    mouth = range(48, 68)
    _scale_about(points, mouth, (0.0, 0.508), (p.mouth_width, p.lips))
    points[48:, 1] += p.mouth_height + 0.18 * (p.nose_length - 1.0)
    points[:, 1] *= p.height
    asymmetry = rng.normal(0.0, 0.004, size=(68, 2))
    asymmetry[60:] = 0.0
    return points + asymmetry


def _shape_jaw(points: Float64, p: Proportions) -> None:
    depth = np.clip(points[:17, 1] / 0.79, 0.0, 1.0)
    points[:17, 0] *= 1.0 + (p.jaw_width - 1.0) * np.sin(np.pi * np.clip(depth, 0.0, 0.95))
    points[:17, 1] *= 1.0 + (p.chin - 1.0) * depth


def _shape_eyes_and_brows(points: Float64, p: Proportions) -> None:
    for eye, brow, side in ((range(36, 42), range(17, 22), -1.0), (range(42, 48), range(22, 27), 1.0)):
        centre = points[list(eye)].mean(axis=0)
        _scale_about(points, eye, centre, (p.eye_size, p.eye_size * p.eye_height))
        _tilt_about(points, eye, centre, side * p.eye_tilt)
        brow_centre = points[list(brow)].mean(axis=0)
        _scale_about(points, brow, brow_centre, (1.0, p.brow_arch))
        _tilt_about(points, brow, brow_centre, side * p.brow_tilt)
        points[list(eye), 0] += side * 0.23 * (p.eye_spacing - 1.0)
        points[list(brow), 0] += side * 0.20 * (p.eye_spacing - 1.0)
        points[list(brow), 1] -= p.brow_height


def shifted(points: Float64, x: float, y: float) -> Float64:
    """Points (..., 2) moved by (x, y)."""
    return np.add(points, (x, y))


def _scale_about(points: Float64, which: range, centre: npt.ArrayLike, factors: tuple[float, float]) -> None:
    rows = list(which)
    points[rows] = np.asarray(centre) + (points[rows] - np.asarray(centre)) * factors


def _tilt_about(points: Float64, which: range, centre: npt.ArrayLike, angle: float) -> None:
    rows = list(which)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points[rows] = np.asarray(centre) + (points[rows] - np.asarray(centre)) @ turn
