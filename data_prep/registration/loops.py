"""Compiled loops of the registration: what patches moved, and a frame read at moved points.

Sums are taken in float64 in a fixed order, and nothing but IEEE operations is used: equal on every processor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from basis.sums import dot

Float64 = npt.NDArray[np.float64]
UInt8 = npt.NDArray[np.uint8]

FLAT = 1e-6
"""Grey levels squared a pixel: a patch of less contrast has no brightness to be told from its texture."""

ROUNDS = 9
"""Least-squares fits, each with less weight for the patches that disagree with the one before."""

LEAST_SPREAD = 0.02
"""Pixels: patches that disagree by less are all believed."""


@compiled
def smoothed(picture: Any) -> Any:
    """A picture (H, W) float64 blurred by 1 4 6 4 1 along both axes; borders are repeated."""
    rows, columns = picture.shape
    half, out = np.empty_like(picture), np.empty_like(picture)
    for y in range(rows):
        for x in range(columns):
            a, b = picture[y, max(x - 2, 0)], picture[y, max(x - 1, 0)]
            c, d = picture[y, min(x + 1, columns - 1)], picture[y, min(x + 2, columns - 1)]
            half[y, x] = (a + d + 4.0 * (b + c) + 6.0 * picture[y, x]) / 16.0
    for y in range(rows):
        for x in range(columns):
            a, b = half[max(y - 2, 0), x], half[max(y - 1, 0), x]
            c, d = half[min(y + 1, rows - 1), x], half[min(y + 2, rows - 1), x]
            out[y, x] = (a + d + 4.0 * (b + c) + 6.0 * half[y, x]) / 16.0
    return out


@compiled
def _cubic(f: float) -> Any:
    """Weights of the four neighbours of a point that lies f after the second (Keys, a = -0.5)."""
    return (
        ((-0.5 * f + 1.0) * f - 0.5) * f,
        (1.5 * f - 2.5) * f * f + 1.0,
        ((-1.5 * f + 2.0) * f + 0.5) * f,
        (0.5 * f - 0.5) * f * f,
    )


@compiled
def _read(picture: Any, x: float, y: float) -> float:
    """A picture (H, W) at a point, by cubic convolution; its border is repeated outside."""
    rows, columns = picture.shape
    left, top = int(np.floor(x)), int(np.floor(y))
    across, down = _cubic(x - left), _cubic(y - top)
    total = 0.0
    for j in range(4):
        row = min(max(top - 1 + j, 0), rows - 1)
        line = 0.0
        for i in range(4):
            line += across[i] * picture[row, min(max(left - 1 + i, 0), columns - 1)]
        total += down[j] * line
    return total


@compiled
def patch_motion(first: Any, later: Any, corners: Any, side: int, where: Any, centre: Any) -> Any:
    """How far each patch of the first picture is from where a similarity expects it in a later one.

    Parameters
    ----------
    first, later
        (H, W) float64.
    corners
        (k, 2) int64, column and row of each patch; all its neighbours lie inside the picture.
    side
        Pixels of a patch.
    where
        (4,) a, b, c, d: point (x, y) from the centre is expected at (a x - b y + c, b x + a y + d).
    centre
        (2,) x, y.

    Returns
    -------
    (k, 8) float64
        One Gauss-Newton step of its displacement on the first picture's grid (x, y), and xx, xy, yy of the
        information it rests on; a patch may be brighter and richer in contrast than it was. All 0 where the
        patch has no texture in two directions. Then the sums of squares of the first patch and of the later
        one, and of their product, each without its mean.
    """
    out = np.zeros((len(corners), 8))
    seen = np.empty((5, side * side))
    a, b, c, d = where[0], where[1], where[2] + centre[0], where[3] + centre[1]
    for k in range(len(corners)):
        n = 0
        for row in range(corners[k, 1], corners[k, 1] + side):
            for column in range(corners[k, 0], corners[k, 0] + side):
                x, y = column - centre[0], row - centre[1]
                seen[0, n] = first[row, column]
                seen[1, n] = 0.5 * (first[row, column + 1] - first[row, column - 1])
                seen[2, n] = 0.5 * (first[row + 1, column] - first[row - 1, column])
                seen[4, n] = _read(later, a * x - b * y + c, b * x + a * y + d)
                seen[3, n] = seen[0, n] - seen[4, n]
                n += 1
        _step(seen, out[k])
    return out


@compiled
def _step(seen: Any, out: Any) -> None:
    """Fill what is known of a patch from its (5, n) level, slopes, error, later level; `seen` is used up."""
    n = seen.shape[1]
    for i in range(5):
        _centre(seen[i])
    contrast = dot(seen[0], seen[0])
    out[5], out[6], out[7] = contrast, dot(seen[4], seen[4]), dot(seen[0], seen[4])
    if contrast > FLAT * n:
        for i in range(1, 4):
            _take_away(seen[i], seen[0], dot(seen[i], seen[0]) / contrast)
    xx, xy, yy = dot(seen[1], seen[1]), dot(seen[1], seen[2]), dot(seen[2], seen[2])
    x, y = dot(seen[1], seen[3]), dot(seen[2], seen[3])
    determinant = xx * yy - xy * xy
    if determinant > FLAT * (xx + yy) * (xx + yy):
        out[0], out[1] = (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant
        out[2], out[3], out[4] = xx, xy, yy


@compiled
def _centre(values: Any) -> None:
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    for i in range(len(values)):
        values[i] -= total / len(values)


@compiled
def _take_away(values: Any, others: Any, factor: float) -> None:
    for i in range(len(values)):
        values[i] -= factor * others[i]


@compiled
def common_motion(points: Any, motion: Any, trust: Any) -> Any:
    """The similarity that most patches agree on.

    Parameters
    ----------
    points
        (k, 2) float64, the patches' middles from the centre.
    motion
        (k, 8), see `patch_motion`, of patches that have texture.
    trust
        (k,) float64, factors of their information.

    Returns
    -------
    (6,) float64
        s, t, x, y: the point (px, py) moves by (s px - t py + x, t px + s py + y); then the pixels by which a
        patch disagrees with that, in the middle, and how alike both pictures' patches are (1: but for
        brightness and contrast equal). All 0, and the pixels infinite, where the patches do not tell.
    """
    k = len(points)
    out, weight, off = np.zeros(6), trust.copy(), np.zeros(k)
    for _ in range(ROUNDS):
        if not _least_squares(points, motion, weight, out):
            return np.array((0.0, 0.0, 0.0, 0.0, np.inf, 0.0))
        for i in range(k):
            off[i] = _disagreement(points[i], motion[i], out)
        out[4] = _middle(off)
        far = 2.0 * max(out[4], LEAST_SPREAD)
        for i in range(k):
            kept = 1.0 + (off[i] / far) * (off[i] / far)
            weight[i] = trust[i] / (kept * kept)
    first, later, both = 0.0, 0.0, 0.0
    for i in range(k):
        first, later, both = first + motion[i, 5], later + motion[i, 6], both + motion[i, 7]
    if first > 0.0 and later > 0.0:
        out[5] = both / np.sqrt(first * later)
    return out


@compiled
def _middle(values: Any) -> float:
    """The median of a few values, of an even number the upper one."""
    n = len(values)
    for i in range(n):
        below, equal = 0, 0
        for j in range(n):
            below += values[j] < values[i]
            equal += values[j] == values[i]
        if below <= n // 2 < below + equal:
            return float(values[i])
    return np.inf


@compiled
def _disagreement(point: Any, motion: Any, found: Any) -> float:
    """Pixels between a patch's motion and the common one, in the directions that the patch can see."""
    dx = motion[0] - (found[0] * point[0] - found[1] * point[1] + found[2])
    dy = motion[1] - (found[1] * point[0] + found[0] * point[1] + found[3])
    size = motion[2] + motion[4]
    seen = motion[2] * dx * dx + 2.0 * motion[3] * dx * dy + motion[4] * dy * dy
    return float(np.sqrt(2.0 * seen / size))


@compiled
def _least_squares(points: Any, motion: Any, weight: Any, out: Any) -> bool:
    """Fill s, t, x, y of `common_motion` by weighted least squares; False where they are not determined."""
    normal = np.zeros((4, 5))
    row = np.empty((2, 4))
    for k in range(len(points)):
        px, py = points[k]
        row[0, 0], row[0, 1], row[0, 2], row[0, 3] = px, -py, 1.0, 0.0
        row[1, 0], row[1, 1], row[1, 2], row[1, 3] = py, px, 0.0, 1.0
        xx, xy, yy = motion[k, 2] * weight[k], motion[k, 3] * weight[k], motion[k, 4] * weight[k]
        for i in range(4):
            left = xx * row[0, i] + xy * row[1, i]
            right = xy * row[0, i] + yy * row[1, i]
            for j in range(4):
                normal[i, j] += left * row[0, j] + right * row[1, j]
            normal[i, 4] += left * motion[k, 0] + right * motion[k, 1]
    for i in range(4):
        pivot = normal[i, i]
        if not pivot > 0.0:
            return False
        for j in range(5):
            normal[i, j] /= pivot
        for j in range(4):
            if j != i:
                _take_away(normal[j], normal[i], normal[j, i])
    for i in range(4):
        out[i] = normal[i, 4]
    return True


@compiled
def read_at(frame: Any, where: Any, centre: Any, corner: Any, out: Any) -> None:
    """Fill a picture from a frame, read at the points where a similarity says that its own lie.

    Parameters
    ----------
    frame
        (H, W, 3) uint8.
    where, centre
        As of `patch_motion`, in pixels of the frame.
    corner
        (2,) of the picture's first pixel, x and y from the centre.
    out
        (h, w, 3) uint8, filled; halves are rounded upwards, the frame's border is repeated outside.
    """
    rows, columns = frame.shape[:2]
    a, b, c, d = where[0], where[1], where[2] + centre[0], where[3] + centre[1]
    for r in range(out.shape[0]):
        for s in range(out.shape[1]):
            x, y = corner[0] + s, corner[1] + r
            px, py = a * x - b * y + c, b * x + a * y + d
            left, top = int(np.floor(px)), int(np.floor(py))
            across, down = _cubic(px - left), _cubic(py - top)
            red, green, blue = 0.0, 0.0, 0.0
            for j in range(4):
                row = frame[min(max(top - 1 + j, 0), rows - 1)]
                for i in range(4):
                    pixel, share = row[min(max(left - 1 + i, 0), columns - 1)], down[j] * across[i]
                    red += share * pixel[0]
                    green += share * pixel[1]
                    blue += share * pixel[2]
            out[r, s, 0], out[r, s, 1], out[r, s, 2] = _byte(red), _byte(green), _byte(blue)


@compiled
def _byte(value: float) -> np.uint8:
    return np.uint8(min(max(np.floor(value + 0.5), 0.0), 255.0))
