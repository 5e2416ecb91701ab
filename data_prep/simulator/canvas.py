"""Drawing in face units: soft polygons, curves, noise and shading on a float RGB canvas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Shader = Callable[[Image, Image], npt.NDArray[np.floating]]
"""From the x and y of places, in units, (h, w) each, to their colours (h, w, 3)."""


class Canvas:
    """A float32 RGB picture in 0..1 whose coordinates are units of the face's width.

    shape: (height, width) in pixels; scale: pixels per unit; origin: pixel (x, y) of unit (0, 0). The
    centre of pixel (i, j) has the pixel coordinates (i, j).
    """

    def __init__(self, shape: tuple[int, int], scale: float, origin: tuple[float, float]) -> None:
        self.shape = shape
        self.scale = scale
        self.origin = origin
        columns = (np.arange(shape[1], dtype=np.float32) - origin[0]) / scale
        rows = (np.arange(shape[0], dtype=np.float32) - origin[1]) / scale
        self.x, self.y = np.meshgrid(columns, rows)
        self.colour: Image = np.zeros((*shape, 3), np.float32)

    def pixels(self, points: npt.ArrayLike) -> Float64:
        """Pixel coordinates of points in units."""
        placed: Float64 = np.asarray(points, np.float64) * self.scale + np.asarray(self.origin)
        return placed

    def polygon(self, points: npt.ArrayLike, softness: float = 0.0) -> Image:
        """Mask 0..1 of a closed polygon; softness is the blur's sigma in units."""
        return self._drawn([np.asarray(points, np.float64)], 0.0, softness, filled=True)

    def stroke(self, points: npt.ArrayLike, width: float, softness: float = 0.0) -> Image:
        """Mask 0..1 of a polyline of this width in units."""
        return self._drawn([np.asarray(points, np.float64)], width, softness)

    def strokes(self, lines: Sequence[Float64], width: float) -> Image:
        """Mask 0..1 of many thin lines, (points, 2) each."""
        return self._drawn(lines, width, 0.0)

    def _drawn(
        self, lines: Sequence[Float64], width: float, softness: float, *, filled: bool = False
    ) -> Image:
        """Lines or a filled polygon, blurred; only the window that holds them is worked on."""
        thickness, sigma = max(1, round(width * self.scale)), softness * self.scale
        reach = (thickness / 2 + 5.0 * sigma + 4.0) / self.scale
        ends = np.vstack(lines)
        low, high = ends.min(axis=0), ends.max(axis=0)
        rows, columns = self._window((low + high) / 2, tuple((high - low) / 2 + reach))
        mask = np.zeros((len(self.y[rows]), len(self.x[0, columns])), np.uint8)
        picture = np.zeros(self.shape, np.float32)
        if mask.size == 0:
            return picture
        corner = np.array((columns.start, rows.start)) * 256
        corners = [
            np.round(self.pixels(line) * 256.0).astype(np.int32) - corner.astype(np.int32) for line in lines
        ]
        if filled:
            cv2.fillPoly(mask, corners, 255, cv2.LINE_AA, 8)
        else:
            cv2.polylines(mask, corners, False, 255, thickness, cv2.LINE_AA, 8)
        soft = mask.astype(np.float32) / 255.0
        picture[rows, columns] = cv2.GaussianBlur(soft, (0, 0), sigma) if sigma > 0.3 else soft
        return picture

    def ellipse(self, centre: npt.ArrayLike, radii: tuple[float, float], edge: float = 0.03) -> Image:
        """Mask 0..1 of an upright ellipse; `edge` is the width of its soft border, in units."""
        mask = np.zeros(self.shape, np.float32)
        cx, cy = np.asarray(centre, np.float64)
        rows, columns = self._window((cx, cy), (radii[0] + edge, radii[1] + edge))
        across = (self.x[0, columns] - cx) / radii[0]
        down = (self.y[rows, 0] - cy) / radii[1]
        distance = np.sqrt(across[None] ** 2 + down[:, None] ** 2)
        mask[rows, columns] = np.clip((1.0 - distance) * min(radii) / edge + 0.5, 0.0, 1.0)
        return mask

    def bump(self, centre: npt.ArrayLike, sigma: tuple[float, float]) -> Image:
        """A Gaussian of height 1, cut off at 4 sigma."""
        picture = np.zeros(self.shape, np.float32)
        self._add(picture, centre, sigma, 1.0)
        return picture

    def add_bump(self, picture: Image, centre: npt.ArrayLike, sigma: float, height: float) -> None:
        """Add a round Gaussian to a picture of the canvas's shape."""
        self._add(picture, centre, (sigma, sigma), height)

    def _add(self, picture: Image, centre: npt.ArrayLike, sigma: tuple[float, float], height: float) -> None:
        cx, cy = np.asarray(centre, np.float64)
        rows, columns = self._window((cx, cy), (4.0 * sigma[0], 4.0 * sigma[1]))
        across = np.exp(-0.5 * ((self.x[0, columns] - cx) / sigma[0]) ** 2)
        down = np.exp(-0.5 * ((self.y[rows, 0] - cy) / sigma[1]) ** 2)
        picture[rows, columns] += height * np.outer(down, across)

    def blend(self, mask: Image, colour: npt.ArrayLike | Shader, strength: float = 1.0) -> None:
        """Lay a colour (3,), a picture (H, W, 3) or what a function of x and y gives over the canvas."""
        rows, columns = _covered(mask)
        if callable(colour):
            over = np.asarray(colour(self.x[rows, columns], self.y[rows, columns]), np.float32)
        else:
            over = np.asarray(colour, np.float32)
            over = over[rows, columns] if over.ndim == 3 else over
        share = (mask[rows, columns] * np.float32(strength))[..., None]
        self.colour[rows, columns] += share * (over - self.colour[rows, columns])

    def darken(self, mask: Image, strength: float) -> None:
        """Multiply by 1 - strength where the mask is."""
        rows, columns = _covered(mask)
        self.colour[rows, columns] *= (1.0 - np.float32(strength) * mask[rows, columns])[..., None]

    def _window(self, centre: tuple[float, float], reach: tuple[float, float]) -> tuple[slice, slice]:
        """Rows and columns within `reach` of a point, both in units."""
        x, y = self.pixels(centre)
        across, down = reach[0] * self.scale + 1.0, reach[1] * self.scale + 1.0
        rows = slice(max(0, int(y - down)), max(0, int(y + down) + 1))
        columns = slice(max(0, int(x - across)), max(0, int(x + across) + 1))
        return rows, columns

    def noise(self, rng: np.random.Generator, cell: float, stretch: float = 1.0) -> Image:
        """Smooth noise, mean 0, deviation 1; blobs are `cell` units wide and `stretch` times as high."""
        return smooth_noise(rng, self.shape, cell * self.scale, stretch)


def _covered(mask: Image) -> tuple[slice, slice]:
    """The smallest window outside of which the mask is zero."""
    rows = np.flatnonzero(mask.max(axis=1))
    columns = np.flatnonzero(mask.max(axis=0))
    if len(rows) == 0:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, int], cell: float, stretch: float = 1.0
) -> Image:
    """Noise of mean 0, deviation about 1, made of blobs of `cell` pixels; (height, width) float32."""
    rows = max(3, int(shape[0] / max(cell * stretch, 1.0)) + 3)
    columns = max(3, int(shape[1] / max(cell, 1.0)) + 3)
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    fine: Image = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    fine -= fine.mean()
    fine /= fine.std() + np.float32(1e-6)
    return fine


def spline(points: npt.ArrayLike, *, closed: bool = False, steps: int = 8) -> Float64:
    """A Catmull-Rom curve through the points, `steps` pieces between neighbours, (m, 2)."""
    knots = np.asarray(points, np.float64)
    if closed:
        padded = np.vstack([knots[-1:], knots, knots[:2]])
    else:
        padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        cubic = -a + 3 * b - 3 * c + d
        square = 2 * a - 5 * b + 4 * c - d
        pieces.append(0.5 * (2 * b + (c - a) * t + square * t**2 + cubic * t**3))
    curve = np.vstack(pieces)
    return curve if closed else np.vstack([curve, knots[-1:]])
