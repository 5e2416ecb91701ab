"""Compiled loops of the preparation: area averages of a rectangle, bytes from interpolated values.

Notes
-----
The area average is OpenCV's (`INTER_AREA` of a ratio that is no whole number), with the same weights and the
same roundings in the same order: every pixel is the one `cv2.resize` gives, in a third of the time, since
the sources of a pixel are added at once and the rectangle is not cut out first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

_SLIVER = 1e-3
"""A source that is covered by less is left out."""

_PIECE = 128
"""So many values are rounded before those that are nearly halves are looked for among them."""


def area_average(frame: UInt8, top: int, left: int, source: tuple[int, int], size: tuple[int, int]) -> UInt8:
    """A rectangle of a frame, shrunk.

    Parameters
    ----------
    frame
        (H, W, 3) uint8, in one piece of memory.
    top, left, source
        The rectangle's corner and its (height, width).
    size
        (height, width) wanted, neither larger than the rectangle's.

    Returns
    -------
    (height, width, 3) uint8
    """
    out = np.empty((*size, 3), np.uint8)
    _average(
        frame.reshape(len(frame), -1)[:, 3 * left : 3 * (left + source[1])],
        top,
        *_coverage(source[0], size[0]),
        *_coverage(source[1], size[1]),
        out.reshape(size[0], -1),
    )
    return out


@lru_cache(maxsize=64)
def _coverage(source: int, wanted: int) -> tuple[npt.NDArray[np.int64], Float32]:
    """Of every wanted pixel along one axis its first source and the (most, wanted) weights from there on."""
    scale = 1.0 / (wanted / source)
    firsts, shares = np.zeros(wanted, np.int64), []
    for i in range(wanted):
        begin, end = i * scale, i * scale + scale
        whole = min(scale, source - begin)
        last = min(int(np.floor(end)), source - 1)
        first = min(int(np.ceil(begin)), last)
        before = [(first - begin) / whole] if first - begin > _SLIVER else []
        after = [min(end - last, 1.0, whole) / whole] if end - last > _SLIVER else []
        firsts[i] = first - len(before)
        shares.append([*before, *[1.0 / whole] * (last - first), *after])
    weights = np.zeros((max(3, *map(len, shares)), wanted), np.float32)
    for i, each in enumerate(shares):
        weights[: len(each), i] = each
    return firsts, weights


@compiled
def _average(rows: Any, top: Any, first: Any, share: Any, left: Any, weights: Any, out: Any) -> None:
    """Fill (height, 3 width) bytes from rows (H, 3 w) of bytes; of a pixel's weights those of 0 come last."""
    width = np.uintp(out.shape[1])
    base = np.empty(left.size, np.uint32)
    for p in range(left.size):
        base[p] = 3 * left[p]
    row = np.zeros(rows.shape[1] + 3 * weights.shape[0] + 1, np.float32)
    across, total = np.empty(width + np.uintp(1), np.float32), np.empty(width, np.float32)
    at = -1
    for y in range(out.shape[0]):
        total[:] = np.float32(0)
        for j in range(share.shape[0]):
            part = share[j, y]
            if part > np.float32(0):
                if at != first[y] + j:
                    at = first[y] + j
                    _along(rows[top + at], base, weights, row, across)
                for x in range(width):
                    total[x] += part * across[x]
        target = out[y]
        for x in range(width):
            target[x] = np.uint8(np.int32(np.rint(total[x])))


@compiled
def _along(source: Any, base: Any, weights: Any, row: Any, across: Any) -> None:
    """Weighted sums along one row of bytes.

    A fourth number is made with the three of a pixel, since four are one instruction; the next pixel
    overwrites it.
    """
    for x in range(np.uintp(source.size)):
        row[x] = np.float32(source[x])
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    for p in range(np.uintp(base.size)):
        f, s, t = weights[0, p], weights[1, p], weights[2, p]
        a = row[np.uintp(base[p]) :]
        red = (a[0] * f + a[3] * s) + a[6] * t
        green = (a[1] * f + a[4] * s) + a[7] * t
        blue = (a[2] * f + a[5] * s) + a[8] * t
        fourth = (a[3] * f + a[6] * s) + a[9] * t
        o = three * p
        across[o], across[o + one], across[o + two], across[o + three] = red, green, blue, fourth
    for k in range(3, weights.shape[0]):
        for p in range(np.uintp(base.size)):
            i, o, f = np.uintp(base[p]) + three * np.uintp(k), three * p, weights[k, p]
            across[o] += row[i] * f
            across[o + one] += row[i + one] * f
            across[o + two] += row[i + two] * f


@compiled
def round_to_bytes(values: Any, error: float, out: Any, doubtful: Any) -> int:
    """Bytes nearest to numbers, halves upwards; returns how many of these are nearly halves.

    Parameters
    ----------
    values
        (m, n) float32.
    error
        How near to a half that is.
    out
        (m, n) uint8, filled.
    doubtful
        (m n, 2) int32, filled with the rows and columns of the values that are nearly halves.
    """
    half, far, none, most = np.float32(0.5), np.float32(0.5 - error), np.int32(0), np.int32(255)
    found = 0
    for r in range(values.shape[0]):
        for start in range(0, values.shape[1], _PIECE):
            row, to = values[r, start : start + _PIECE], out[r, start : start + _PIECE]
            near = np.int32(0)  # counting whole numbers is SIMD, the largest of floats would not be
            for x in range(np.uintp(row.size)):
                raised = row[x] + half
                whole = np.floor(raised)
                near += np.int32(abs((raised - whole) - half) > far)
                to[x] = np.uint8(min(max(np.int32(whole), none), most))
            for x in range(row.size if near else 0):
                raised = row[x] + half
                if abs((raised - np.floor(raised)) - half) > far:
                    doubtful[found, 0], doubtful[found, 1] = r, start + x
                    found += 1
    return found
