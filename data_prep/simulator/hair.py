"""Hair: a mass behind the head and the part that falls over forehead and temples."""

from __future__ import annotations

import numpy as np

from data_prep.simulator.canvas import Canvas, Image, spline
from data_prep.simulator.looks import Looks
from data_prep.simulator.shape import Float64

VOLUME = {
    "long": (0.10, 0.11, 0.66),
    "fringe": (0.055, 0.09, 0.14),
    "short": (0.045, 0.08, 0.06),
    "receding": (0.02, 0.03, 0.04),
}
"""Style to how far hair stands out beside and above the head and how far down it reaches."""

HAIRLINE = {
    "long": ((0.40, -0.20), (0.26, -0.38), (0.0, -0.50)),
    "fringe": ((0.36, -0.26), (0.18, -0.225), (0.0, -0.245)),
    "short": ((0.41, -0.28), (0.28, -0.40), (0.0, -0.42)),
    "receding": ((0.40, -0.36), (0.27, -0.52), (0.0, -0.50)),
}
"""Style to points of the hairline from the right temple to the middle."""


def draw_hair_behind(canvas: Canvas, looks: Looks, outline: Float64) -> None:
    """Long hair hangs behind the head down to the shoulders; other styles have nothing there."""
    if looks.hair_style != "long":
        return
    top, chin = float(outline[:, 1].min()), float(outline[:, 1].max())
    half = [(0.0, top - 0.10), (0.38, top - 0.04), (0.58, top + 0.25), (0.61, 0.1), (0.62, 0.5)]
    half += [(0.68, chin + 0.1), (0.62, chin + 0.4), (0.40, chin + 0.45)]
    right = np.array(half)
    mass = spline(np.vstack([right, right[:0:-1] * (-1.0, 1.0)]), closed=True)
    canvas.blend(canvas.polygon(mass, 0.012), _strands(canvas, looks) * np.float32(0.7))


def draw_hair_over(canvas: Canvas, looks: Looks, landmarks: Float64, outline: Float64) -> None:
    """The cap of hair between its outer contour and the hairline."""
    top = float(outline[:, 1].min())
    left, right = float(landmarks[0, 0]), float(landmarks[16, 0])
    out, lift, burn = VOLUME[looks.hair_style]
    lift += float(looks.rng("volume").uniform(-0.02, 0.06))
    side = [(left - out, burn), (left - out - 0.01, -0.15), (left - 0.2 * out, top + 0.28)]
    side += [(left + 0.09, top + 0.10 - 0.4 * lift), (left * 0.47, top + 0.01 - 0.8 * lift)]
    mirrored = [(left + right - x, y) for x, y in side[::-1]]
    outer = [*side, (0.0, top - lift), *mirrored]
    cap = np.vstack([spline(outer), spline(_hairline(looks, left, right))])
    mask = canvas.polygon(cap, 0.012)
    edge = mask * (1.0 - mask) * 4.0
    ragged = np.clip(mask + 0.25 * canvas.noise(looks.rng("fringe"), 0.010, 5.0) * edge, 0.0, 1.0)
    shadow = canvas.polygon(cap + np.array((0.0, 0.03)), 0.03) * (1.0 - mask)
    canvas.darken(shadow.astype(np.float32), 0.22)
    canvas.blend(ragged.astype(np.float32), _strands(canvas, looks))


def _hairline(looks: Looks, left: float, right: float) -> list[tuple[float, float]]:
    """From the right temple over the forehead to the left one."""
    out, _, burn = VOLUME[looks.hair_style]
    part = float(looks.rng("parting").uniform(-0.16, 0.16))
    half = [(x, y + looks.hairline) for x, y in HAIRLINE[looks.hair_style]]
    middle = [*half[:2], (part, half[2][1]), *[(-x, y) for x, y in half[1::-1]]]
    tip = out if looks.hair_style == "long" else -0.02
    inset = 0.045
    temples = [(right + tip, burn), (right - inset, -0.12)]
    return [*temples, *middle, (left + inset, -0.12), (left - tip, burn)]


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
    hair: Image = base * np.clip(tone, 0.3, 2.0)[..., None] + (0.05 * gloss)[..., None]
    return hair.astype(np.float32)
