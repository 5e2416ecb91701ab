"""Hair: a mass behind the head and the part that falls over forehead and temples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from data_prep.simulator.canvas import Canvas, Image, spline
from data_prep.simulator.shape import Floats

if TYPE_CHECKING:
    from data_prep.simulator.faces import Looks


def draw_hair_behind(canvas: Canvas, looks: Looks, outline: Floats) -> None:
    """Long hair hangs behind the head down to the shoulders; other styles have nothing there."""
    if looks.hair_style != "long":
        return
    top, chin = float(outline[:, 1].min()), float(outline[:, 1].max())
    half = [
        (0.0, top - 0.12),
        (0.38, top - 0.06),
        (0.60, top + 0.25),
        (0.66, 0.1),
        (0.66, 0.5),
        (0.72, chin + 0.1),
    ]
    half += [(0.66, chin + 0.45), (0.40, chin + 0.5)]
    right = np.array(half)
    mass = spline(np.vstack([right, right[:0:-1] * (-1.0, 1.0)]), closed=True)
    canvas.blend(canvas.polygon(mass, 0.012), _strands(canvas, looks) * np.float32(0.7))


def draw_hair_over(canvas: Canvas, looks: Looks, landmarks: Floats, outline: Floats) -> None:
    """The cap of hair between its outer contour and the hairline."""
    top = float(outline[:, 1].min())
    left, right = float(landmarks[0, 0]), float(landmarks[16, 0])
    lift = 0.12 if looks.hair_style == "long" else 0.08 if looks.hair_style != "receding" else 0.03
    out = 0.10 if looks.hair_style == "long" else 0.045 if looks.hair_style != "receding" else 0.015
    burn = 0.75 if looks.hair_style == "long" else 0.12 if looks.hair_style == "fringe" else 0.05
    outer = [
        (left - out, burn),
        (left - out - 0.01, -0.15),
        (left + 0.05, top + 0.2),
        (left * 0.5, top - 0.6 * lift),
    ]
    outer += [(0.0, top - lift)]
    outer += [
        (right * 0.5, top - 0.6 * lift),
        (right - 0.05, top + 0.2),
        (right + out + 0.01, -0.15),
        (right + out, burn),
    ]
    inner = _hairline(looks, left, right, burn)
    cap = np.vstack([spline(outer), spline(inner)])
    mask = canvas.polygon(cap, 0.010)
    ragged = np.clip(
        mask + 0.35 * canvas.noise(looks.rng("fringe"), 0.018, 4.0) * (mask * (1 - mask) * 4), 0, 1
    )
    canvas.darken(canvas.polygon(cap + (0.0, 0.03), 0.03) * (1 - mask), 0.22)
    canvas.blend(ragged.astype(np.float32), _strands(canvas, looks))


def _hairline(looks: Looks, left: float, right: float, burn: float) -> list[tuple[float, float]]:
    """From the right temple over the forehead to the left one."""
    h = looks.hairline
    part = float(looks.rng("parting").uniform(-0.18, 0.18))
    if looks.hair_style == "fringe":
        middle = [
            (0.36, -0.26 + h),
            (0.18, -0.225 + h),
            (part, -0.245 + h),
            (-0.18, -0.225 + h),
            (-0.36, -0.26 + h),
        ]
    elif looks.hair_style == "receding":
        middle = [
            (0.40, -0.36 + h),
            (0.27, -0.52 + h),
            (0.0, -0.50 + h),
            (-0.27, -0.52 + h),
            (-0.40, -0.36 + h),
        ]
    elif looks.hair_style == "long":
        middle = [
            (0.40, -0.20 + h),
            (0.26, -0.38 + h),
            (part, -0.50 + h),
            (-0.26, -0.38 + h),
            (-0.40, -0.20 + h),
        ]
    else:
        middle = [
            (0.41, -0.28 + h),
            (0.28, -0.40 + h),
            (part, -0.42 + h),
            (-0.28, -0.40 + h),
            (-0.41, -0.28 + h),
        ]
    inset = 0.045
    return [
        (right - inset * 0.4, burn),
        (right - inset, -0.12),
        *middle,
        (left + inset, -0.12),
        (left + inset * 0.4, burn),
    ]


def _strands(canvas: Canvas, looks: Looks) -> Image:
    """Hair colour with strands running away from the crown and a gloss band."""
    rng = looks.rng("strands")
    crown_y = -0.75
    angle = np.arctan2(canvas.x, canvas.y - crown_y + 1e-6)
    distance = np.hypot(canvas.x, canvas.y - crown_y)
    pattern = canvas.noise(rng, 0.006, 40.0)[canvas.shape[0] // 2]
    columns = ((angle / (2 * np.pi) + 0.5) * (len(pattern) - 1)).astype(np.int64)
    wave = canvas.noise(rng, 0.05, 5.0)
    strands = 0.55 * pattern[columns] + 0.45 * canvas.noise(rng, 0.011, 9.0)
    gloss = np.exp(-0.5 * ((distance - 0.28 - 0.02 * wave) / 0.09) ** 2)
    tone = 1.0 + 0.20 * strands + 0.35 * gloss
    base = np.asarray(looks.hair, np.float32)
    return (base * np.clip(tone, 0.3, 2.0)[..., None] + (0.05 * gloss)[..., None]).astype(np.float32)
