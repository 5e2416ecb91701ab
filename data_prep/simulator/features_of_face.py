"""Eyes, brows, nostrils and mouth, drawn from the landmarks."""

from __future__ import annotations

import numpy as np

from data_prep.simulator.canvas import Canvas, Image, spline
from data_prep.simulator.looks import Looks
from data_prep.simulator.shape import Float64, shifted

EYES = ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46))
"""Outer corner, upper lid, inner corner, lower lid of the two eyes."""


def draw_eyes(canvas: Canvas, looks: Looks, p: Float64, gaze: float) -> None:
    """Sclera, iris, pupil, highlight, lids and lashes."""
    for eye in EYES:
        points = p[list(eye)]
        _draw_eye(canvas, looks, points, gaze)


def _draw_eye(canvas: Canvas, looks: Looks, eye: Float64, gaze: float) -> None:
    upper, lower = spline(eye[:4]), spline(eye[[3, 4, 5, 0]])
    opening = np.vstack([upper, lower])
    white = canvas.polygon(opening, 0.003)
    width = float(abs(eye[3, 0] - eye[0, 0]))
    tall = float(eye[4:, 1].mean() - eye[1:3, 1].mean())
    centre = (eye[0] + eye[3]) / 2

    def sclera(x: Image, y: Image) -> Image:
        round_off = 1.0 - 0.35 * np.clip(np.abs(x - centre[0]) / (0.55 * width), 0, 1) ** 2
        shade: Image = np.array((0.90, 0.88, 0.86)) * (0.94 * round_off[..., None])
        return shade

    canvas.blend(white, sclera)
    iris = np.array([centre[0] + gaze * 0.16 * width, centre[1] + 0.002])
    radius = 0.047
    rim = canvas.ellipse(iris, (radius, radius), 0.010) * white
    canvas.blend(rim, np.asarray(looks.iris) * 0.45)

    def fibres(x: Image, y: Image) -> Image:
        angle = np.arctan2(y - iris[1], x - iris[0])
        bright = 1.0 + 0.18 * np.sin(17 * angle + 3) + 0.12 * np.sin(29 * angle)
        shade: Image = np.asarray(looks.iris, np.float32) * (1.25 * bright)[..., None]
        return shade

    inner = canvas.ellipse(iris, (radius * 0.82, radius * 0.82), 0.012) * white
    canvas.blend(inner, fibres)
    canvas.blend(canvas.ellipse(iris, (0.019, 0.019), 0.006) * white, (0.02, 0.02, 0.02))
    side = 1.0 if looks.light[0] > 0 else -1.0
    canvas.blend(
        canvas.ellipse(shifted(iris, side * 0.014, -0.017), (0.008, 0.008), 0.005) * white,
        (1.0, 1.0, 1.0),
        0.85,
    )
    canvas.darken(canvas.stroke(shifted(upper, 0.0, 0.006), 0.02, 0.008) * white, 0.55)
    _draw_lids(canvas, looks, eye, upper, lower, tall)


def _draw_lids(
    canvas: Canvas, looks: Looks, eye: Float64, upper: Float64, lower: Float64, tall: float
) -> None:
    lash = (0.10, 0.07, 0.06)
    outward = float(np.sign(eye[0, 0] - eye[3, 0]))
    wing = np.vstack([eye[0] + (outward * 0.016, -0.004), upper])
    canvas.blend(canvas.stroke(wing, 0.013 if looks.female else 0.009, 0.003), lash, 0.9)
    canvas.blend(canvas.stroke(lower, 0.006, 0.003), np.asarray(looks.skin) * 0.5, 0.5)
    canvas.blend(
        canvas.stroke(shifted(lower, 0.0, 0.008), 0.006, 0.004),
        np.clip(np.asarray(looks.skin) * 1.08, 0, 1),
        0.35,
    )
    crease = upper + np.column_stack(
        [np.zeros(len(upper)), -0.012 - 0.6 * tall * np.hanning(len(upper)) * 0.5]
    )
    canvas.darken(canvas.stroke(crease, 0.007, 0.006), 0.38)
    canvas.blend(
        canvas.ellipse(eye[3] + (-outward * -0.004, 0.0), (0.011, 0.008), 0.006), (0.75, 0.48, 0.44), 0.6
    )


def draw_brows(canvas: Canvas, looks: Looks, p: Float64) -> None:
    """Brows of single hairs over a soft shadow; hairs stand up near the nose and lie down outwards."""
    rng = looks.rng("brows")
    for points, side in ((p[17:22], -1.0), (p[26:21:-1], 1.0)):
        curve = spline(points, steps=14)
        t = np.linspace(0.0, 1.0, len(curve))
        half = 0.021 * looks.brow_thickness * np.sqrt(np.clip(1.15 * t, 0.06, 1.0)) * (1.08 - 0.35 * t**6)
        below = np.column_stack([np.zeros_like(t), half])
        body = np.vstack([curve - below, (curve + below)[::-1]])
        canvas.blend(canvas.polygon(body, 0.009), looks.hair, 0.62)
        hairs = []
        for _ in range(200):
            k = int(rng.integers(0, len(curve)))
            root = curve[k] + (rng.normal(0, 0.004), rng.uniform(-0.7, 0.9) * half[k])
            along = (side * (1.0 - 0.6 * t[k] ** 2), 0.30 - 0.95 * t[k] + 0.25 * rng.normal())
            hairs.append(np.array([root, root + 0.027 * np.asarray(along)]))
        canvas.blend(canvas.strokes(hairs, 0.0045), np.asarray(looks.hair) * 0.85, 0.55)


def draw_nostrils(canvas: Canvas, looks: Looks, p: Float64) -> None:
    """Dark openings under the tip and the wings' outline."""
    dark = np.asarray(looks.skin) * (0.26, 0.20, 0.19)
    for wing, mid, side in ((31, 32, -1.0), (35, 34, 1.0)):
        centre = 0.45 * p[wing] + 0.55 * p[mid] + (0.0, -0.004)
        canvas.blend(canvas.ellipse(centre, (0.024, 0.011), 0.013), dark, 0.8)
        wall = spline(
            [
                p[wing] + (side * 0.008, -0.06),
                p[wing] + (side * 0.018, -0.022),
                p[wing] + (-side * 0.004, 0.006),
            ]
        )
        canvas.darken(canvas.stroke(wall, 0.009, 0.007), 0.30)
    under = spline(p[[31, 32, 33, 34, 35]] + (0, 0.006))
    canvas.darken(canvas.stroke(under, 0.014, 0.012), 0.15)


def draw_mouth(canvas: Canvas, looks: Looks, p: Float64) -> None:
    """Lips, the line between them and, where the mouth is open, teeth and darkness."""
    upper_edge = spline(p[48:55])
    inner_top = spline(p[60:65])
    inner_low = spline(p[[64, 65, 66, 67, 60]])
    lower_edge = spline(p[[54, 55, 56, 57, 58, 59, 48]])
    grain = 1.0 + 0.05 * canvas.noise(looks.rng("lips"), 0.01, 3.0)
    lip = np.asarray(looks.lip, np.float32)
    upper = canvas.polygon(np.vstack([upper_edge, inner_top[::-1]]), 0.006)
    lower = canvas.polygon(np.vstack([inner_low[::-1], lower_edge[::-1]]), 0.006)
    canvas.blend(upper, lip * (0.82 * grain)[..., None], 0.85)
    canvas.blend(lower, lip * (0.98 * grain)[..., None], 0.8)
    shine = canvas.bump((p[57, 0], 0.45 * p[66, 1] + 0.55 * p[57, 1]), (0.07, 0.012)) * lower
    canvas.blend(shine, (1.0, 0.95, 0.93), 0.16)
    gap = float(p[66, 1] - p[62, 1])
    if gap > 0.02:
        hole = canvas.polygon(np.vstack([inner_top, inner_low]), 0.004)
        canvas.blend(hole, (0.16, 0.05, 0.05))
        teeth = np.vstack([inner_top, shifted(inner_top[::-1], 0.0, min(0.6 * gap, 0.055))])
        canvas.blend(canvas.polygon(teeth, 0.004) * hole, (0.90, 0.87, 0.80), 0.85)
    line = spline((p[[48, 61, 62, 63, 54]] + p[[48, 67, 66, 65, 54]]) / 2) if gap <= 0.02 else inner_top
    canvas.blend(canvas.stroke(line, 0.010, 0.004), lip * (0.38, 0.28, 0.28), 0.8)
    for corner in (48, 54):
        canvas.darken(canvas.bump(p[corner], (0.022, 0.016)), 0.35)
    canvas.darken(canvas.bump(p[57] + (0, 0.028), (0.09, 0.016)), 0.16)
