"""The drawing of a face.

A face is shaded from a height map (skull, brow ridge, eye sockets, nose, cheeks, lips, chin) under the
subject's own light, which gives it depth; eyes, brows, lips, hair and clothes are drawn over it from the
landmarks. Nothing is taken from photographs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_prep.simulator.canvas import Canvas, Image, spline
from data_prep.simulator.features_of_face import draw_brows, draw_eyes, draw_mouth, draw_nostrils
from data_prep.simulator.hair import draw_hair_behind, draw_hair_over
from data_prep.simulator.looks import Looks
from data_prep.simulator.shape import Float64, shifted


@dataclass(frozen=True)
class Expression:
    """What an expression adds to the moved landmarks of a photograph.

    Attributes
    ----------
    gaze
        Where the eyes look, -1 image left to 1 image right.
    furrow, nasolabial, crow
        Strength of the creases between the brows, beside the nose and at the outer eye corners, 0 to 1.
    """

    gaze: float = 0.0
    furrow: float = 0.0
    nasolabial: float = 0.0
    crow: float = 0.0


def draw_face(
    canvas: Canvas, looks: Looks, landmarks: Float64, expression: Expression | None = None
) -> Image:
    """Draw the person with these 68 landmarks (in units) over the canvas; (H, W, 3) float32 RGB in 0..1."""
    expression = expression or Expression()
    _draw_background(canvas, looks)
    outline = head_outline(landmarks)
    draw_hair_behind(canvas, looks, outline)
    _draw_body(canvas, looks, landmarks)
    _draw_ears(canvas, looks, landmarks)
    head = canvas.polygon(outline, 0.006)
    canvas.blend(head, _lit_skin(canvas, looks, landmarks, expression))
    draw_nostrils(canvas, looks, landmarks)
    draw_mouth(canvas, looks, landmarks)
    draw_eyes(canvas, looks, landmarks, expression.gaze)
    draw_brows(canvas, looks, landmarks)
    draw_hair_over(canvas, looks, landmarks, outline)
    return np.clip(canvas.colour, 0.0, 1.0)


def head_outline(landmarks: Float64) -> Float64:
    """The head's contour: the jaw, closed by an arc over the forehead, (m, 2) in units."""
    left, right = landmarks[0], landmarks[16]
    centre = (left + right) / 2
    half = (right[0] - left[0]) / 2
    angles = np.linspace(0.0, np.pi, 15)[1:-1]
    squash = np.abs(np.cos(angles)) ** 0.95 * np.sign(np.cos(angles))
    arc = np.column_stack([centre[0] + half * squash, centre[1] - 0.60 * np.sin(angles) ** 0.9])
    return spline(np.vstack([landmarks[:17], arc]), closed=True)


def _draw_background(canvas: Canvas, looks: Looks) -> None:
    rng = looks.rng("background")
    slope = rng.uniform(-0.12, 0.12, 2)
    shade = 1.0 + slope[0] * canvas.x + slope[1] * canvas.y + 0.025 * canvas.noise(rng, 0.7)
    canvas.colour[:] = np.asarray(looks.background, np.float32) * shade[..., None]


def _draw_body(canvas: Canvas, looks: Looks, landmarks: Float64) -> None:
    chin = float(landmarks[8, 1])
    rng = looks.rng("body")
    width = 0.29 if looks.female else 0.35
    neck = np.array(
        [(-width, chin - 0.3), (width, chin - 0.3), (width + 0.02, chin + 0.3), (-width - 0.02, chin + 0.3)]
    )
    round_off = 1.0 - 0.45 * (np.abs(canvas.x) / (width + 0.02)).clip(0, 1) ** 2.5
    shadow = 0.62 + 0.25 * np.clip((canvas.y - chin) / 0.35, 0.0, 1.0)
    skin = np.asarray(looks.skin, np.float32) * (round_off * shadow)[..., None]
    canvas.blend(canvas.polygon(neck, 0.008), skin)
    depth = 0.16 if looks.female else 0.11
    collar = spline(
        [
            (-1.35, chin + 0.55),
            (-0.95, chin + 0.27),
            (-0.42, chin + 0.15),
            (-0.2, chin + 0.17 + depth / 2),
            (0.0, chin + 0.2 + depth),
            (0.2, chin + 0.17 + depth / 2),
            (0.42, chin + 0.15),
            (0.95, chin + 0.27),
            (1.35, chin + 0.55),
        ]
    )
    shirt = np.vstack([collar, (1.5, chin + 3.0), (-1.5, chin + 3.0)])
    folds = 1.0 + 0.05 * canvas.noise(rng, 0.12, 3.0) + 0.02 * canvas.noise(rng, 0.015)
    canvas.blend(canvas.polygon(shirt, 0.006), np.asarray(looks.clothes, np.float32) * folds[..., None])
    canvas.darken(canvas.stroke(collar, 0.025, 0.01), 0.25)


def _draw_ears(canvas: Canvas, looks: Looks, landmarks: Float64) -> None:
    for side, anchor in ((-1.0, landmarks[1]), (1.0, landmarks[15])):
        centre = shifted(anchor, side * 0.035, -0.02)
        canvas.blend(canvas.ellipse(centre, (0.075, 0.15), 0.02), np.asarray(looks.skin) * 0.78)
        canvas.darken(canvas.bump(shifted(centre, side * 0.01, -0.01), (0.025, 0.07)), 0.3)


def height_map(canvas: Canvas, landmarks: Float64) -> Image:
    """The face's relief in units of its width, from the landmarks; (H, W) float32."""
    p = landmarks
    middle = 0.5 * (p[0, 1] + p[8, 1]) - 0.1
    reach = np.where(canvas.y < middle, 1.15, 0.80)
    radius = (canvas.x / 0.60) ** 2 + ((canvas.y - middle) / reach) ** 2
    z = 0.42 * np.sqrt(np.clip(1.0 - radius, 0.0, None) + 0.02)
    z += _nose_relief(canvas, p)
    for eye, brow in ((slice(36, 42), slice(17, 22)), (slice(42, 48), slice(22, 27))):
        centre = p[eye].mean(axis=0)
        z -= 0.052 * canvas.bump(shifted(centre, 0.0, -0.01), (0.105, 0.055))
        z += 0.026 * canvas.bump(centre, (0.055, 0.035))
        z += 0.022 * canvas.bump(shifted(p[brow].mean(axis=0), 0.0, 0.01), (0.12, 0.035))
    for side, jaw in ((-1.0, 2), (1.0, 14)):
        z += 0.030 * canvas.bump((side * 0.27, 0.20), (0.11, 0.08))
        z -= 0.014 * canvas.bump((p[jaw, 0] * 0.66, 0.42), (0.06, 0.10))
    z += 0.024 * canvas.bump(p[51] + (0, 0.012), (0.13, 0.022))
    z += 0.034 * canvas.bump((p[57, 0], p[57, 1] - 0.03), (0.11, 0.024))
    z -= 0.020 * canvas.bump((p[57, 0], p[57, 1] + 0.045), (0.10, 0.022))
    z += 0.040 * canvas.bump((p[8, 0], p[8, 1] - 0.10), (0.10, 0.07))
    z -= 0.008 * canvas.bump(((p[33] + p[51]) / 2), (0.014, 0.04))
    relief: Image = z.astype(np.float32)
    return relief


def _nose_relief(canvas: Canvas, p: Float64) -> Image:
    top, tip = p[27], p[30]
    along = np.clip((canvas.y - top[1]) / (tip[1] - top[1]), 0.0, 1.0)
    axis = top[0] + (tip[0] - top[0]) * along
    width = 0.040 + 0.030 * along * float(p[35, 0] - p[31, 0]) / 0.2
    ends = _step((canvas.y - top[1] + 0.03) / 0.05) * _step((p[33, 1] + 0.012 - canvas.y) / 0.075)
    ridge = (0.032 + 0.085 * along**1.4) * np.exp(-0.5 * ((canvas.x - axis) / width) ** 2) * ends
    z = ridge + 0.035 * canvas.bump(tip, (0.05, 0.045))
    for wing in (31, 35):
        z += 0.036 * canvas.bump(p[wing] + ((tip[0] - p[wing, 0]) * 0.12, -0.022), (0.028, 0.032))
    relief: Image = z.astype(np.float32)
    return relief


def _step(t: npt.NDArray[np.floating]) -> Image:
    """A smooth step from 0 to 1 as t goes from 0 to 1."""
    s = np.clip(t, 0.0, 1.0)
    smooth: Image = (s * s * (3.0 - 2.0 * s)).astype(np.float32)
    return smooth


def _lit_skin(canvas: Canvas, looks: Looks, landmarks: Float64, expression: Expression) -> Image:
    z = height_map(canvas, landmarks) - _creases(canvas, looks, landmarks, expression)
    z += 0.00025 * looks.roughness * canvas.noise(looks.rng("pores"), 0.009)
    slope_y, slope_x = np.gradient(z * canvas.scale)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1.0)
    lx, ly, lz = looks.light
    lambert = np.clip((-slope_x * lx - slope_y * ly + lz) / length, 0.0, None)
    half = np.array([lx, ly, lz + 1.0]) / np.linalg.norm([lx, ly, lz + 1.0])
    mirror = np.clip((-slope_x * half[0] - slope_y * half[1] + half[2]) / length, 0.0, None)
    shade = looks.ambient + (1.08 - looks.ambient) * lambert
    skin = _skin_albedo(canvas, looks, landmarks) * shade[..., None]
    lit: Image = skin + (0.11 * mirror**22)[..., None]
    return lit.astype(np.float32)


def _creases(canvas: Canvas, looks: Looks, p: Float64, expression: Expression) -> Image:
    depth = np.zeros(canvas.shape, np.float32)
    fold = 0.25 * looks.wrinkles + expression.nasolabial
    for side, wing, corner in ((-1.0, 31, 48), (1.0, 35, 54)):
        end = p[corner] + (side * 0.06, 0.0)
        line = spline([p[wing] + (side * 0.03, -0.035), (p[wing] + end) / 2 + (side * 0.035, -0.01), end])
        depth += (0.0025 + 0.009 * fold) * canvas.stroke(line, 0.012, 0.012)
        eye = p[36] if side < 0 else p[45]
        crow = [
            [shifted(eye, side * 0.03, dy * 0.4), shifted(eye, side * 0.11, dy)] for dy in (-0.04, 0.0, 0.045)
        ]
        for ray in crow:
            depth += 0.006 * (0.35 * looks.wrinkles + expression.crow) * canvas.stroke(ray, 0.008, 0.008)
        bag = spline(p[[36, 41, 40, 39]] + (0, 0.05)) if side < 0 else spline(p[[42, 47, 46, 45]] + (0, 0.05))
        depth += (0.001 + 0.003 * looks.wrinkles) * canvas.stroke(bag, 0.01, 0.01)
    inner = (p[21] + p[22]) / 2
    for side in (-1.0, 1.0):
        frown = [shifted(inner, side * 0.022, -0.06), shifted(inner, side * 0.028, 0.03)]
        depth += 0.009 * (0.25 * looks.wrinkles + expression.furrow) * canvas.stroke(frown, 0.008, 0.008)
    for row in range(2):
        brow = spline([(-0.22, -0.30 - 0.08 * row), (0.0, -0.315 - 0.08 * row), (0.22, -0.30 - 0.08 * row)])
        depth += 0.004 * looks.wrinkles * canvas.stroke(brow, 0.01, 0.01)
    return depth


def _skin_albedo(canvas: Canvas, looks: Looks, p: Float64) -> Image:
    base = np.asarray(looks.skin, np.float32)
    rng = looks.rng("skin")
    tone = np.zeros(canvas.shape, np.float32)
    for cell, strength in ((0.30, 0.020), (0.10, 0.016), (0.035, 0.016), (0.014, 0.020)):
        tone += np.float32(strength) * canvas.noise(rng, cell)
    albedo = np.broadcast_to(base, (*canvas.shape, 3)) * (1.0 + looks.roughness * tone)[..., None]
    red = 0.5 * canvas.bump(p[30], (0.07, 0.05))
    for side in (-1.0, 1.0):
        red += 0.7 * canvas.bump((side * 0.28, 0.24), (0.12, 0.09))
    red *= 1.0 + 0.3 * canvas.noise(rng, 0.05)
    albedo = albedo * (1.0 - red[..., None] * np.array((0.0, 0.10, 0.10), np.float32))
    for eye in (p[36:42], p[42:48]):
        hollow = canvas.bump(shifted(eye.mean(axis=0), 0.0, 0.01), (0.10, 0.055))
        albedo = albedo * (1.0 - hollow[..., None] * np.array((0.10, 0.14, 0.12), np.float32))
    albedo = albedo * (1.0 - _spots(canvas, looks))[..., None]
    return _bearded(canvas, looks, p, albedo.astype(np.float32))


def _spots(canvas: Canvas, looks: Looks) -> Image:
    """How much freckles and moles darken the skin, 0..1."""
    rng = looks.rng("spots")
    spots = np.zeros(canvas.shape, np.float32)
    for _ in range(int(70 * looks.freckles)):
        place = (rng.normal(0, 0.24), rng.normal(0.2, 0.08))
        canvas.add_bump(spots, place, rng.uniform(0.004, 0.008), rng.uniform(0.08, 0.22))
    for _ in range(looks.moles):
        place = (rng.uniform(-0.38, 0.38), rng.uniform(-0.3, 0.7))
        canvas.add_bump(spots, place, rng.uniform(0.006, 0.011), rng.uniform(0.35, 0.6))
    return spots.clip(0.0, 0.8)


def _bearded(canvas: Canvas, looks: Looks, p: Float64, albedo: Image) -> Image:
    if looks.beard == 0.0:
        return albedo
    lower = spline(
        np.vstack(
            [
                p[3:14],
                p[12] + (-0.07, -0.05),
                p[54] + (0.06, -0.02),
                p[35] + (0.0, 0.07),
                p[33] + (0, 0.035),
                p[31] + (0.0, 0.07),
                p[48] + (-0.06, -0.02),
                p[4] + (0.07, -0.05),
            ]
        ),
        closed=True,
    )
    grain = 0.8 + 0.14 * canvas.noise(looks.rng("beard"), 0.009, 2.0)
    mask = (canvas.polygon(lower, 0.03) * np.clip(grain, 0, 1.4) * looks.beard * 0.75)[..., None]
    bearded: Image = albedo * (1.0 - mask) + mask * np.asarray(looks.hair, np.float32)
    return bearded.astype(np.float32)
