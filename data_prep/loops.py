"""Compiled loops of the preparation: area averages of a rectangle, bytes from interpolated values.

Notes
-----
The area average is OpenCV's (`INTER_AREA` of a ratio that is no whole number), with the same weights and the
same pixels as `cv2.resize` gives, in a quarter of the time: the sources of a pixel are added at once, rows
before columns, and the rectangle is not cut out first. Only sums that lie so near to a half that their
rounding depends on the order of the additions are made again in OpenCV's, with its roundings.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from basis.quads import weighted_quads

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]
UInt32 = npt.NDArray[np.uint32]

_SLIVER = 1e-3
"""A source that is covered by less is left out."""

_UNIT = float(np.finfo(np.float32).eps) / 2

_PIECE = 128
"""So many values are rounded before those that are nearly halves are looked for among them."""


def area_average(frame: UInt8, top: int, left: int, source: tuple[int, int], out: UInt8) -> UInt8:
    """A rectangle of a frame, shrunk to fill `out`, which is returned.

    Parameters
    ----------
    frame
        (H, W, 3) uint8, in one piece of memory.
    top, left, source
        The rectangle's corner and its (height, width).
    out
        (height, width, 3) uint8 in one piece of memory; neither side larger than the rectangle's.
    """
    rows, to = frame.reshape(len(frame), -1), out.reshape(len(out), -1)
    _average(rows, top, 3 * left, *_shares(source, out.shape[:2]), to)
    return out


@lru_cache(maxsize=64)
def _shares(
    source: tuple[int, int], wanted: tuple[int, int]
) -> tuple[int, Int64, Float32, UInt32, Float32, float]:
    """What `_average` is told of two sizes: bytes of a row, sources and shares, the error of a sum."""
    (first, share), (left, weights) = map(_coverage, source, wanted)
    # a rounding for each source, in either order of the sums
    error = 2 * 256 * (len(share) + len(weights) + 1) * _UNIT
    return 3 * source[1], first, share, (3 * left).astype(np.uint32), weights, error


def _coverage(source: int, wanted: int) -> tuple[Int64, Float32]:
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
def _average(
    rows: Any,
    top: Any,
    left: Any,
    n: Any,
    first: Any,
    share: Any,
    base: Any,
    weights: Any,
    error: float,
    out: Any,
) -> None:
    """Fill (height, 3 width) bytes from n bytes of rows (H, w); of a pixel's weights those of 0 come last.

    Rows are added first, which are fewer then; a sum within `error` of a half is made again as OpenCV does.
    """
    far = np.float32(0.5 - error)
    down = np.zeros(n + 3 * weights.shape[0] + 1, np.float32)
    total = np.empty(np.uintp(out.shape[1]) + np.uintp(1), np.float32)
    for y in range(out.shape[0]):
        at, parts, target = top + first[y], share[:, y], out[y]
        _down(rows[:, left : left + n], at, parts, down)
        _along(down, base, weights, total)
        for start in range(0, target.size, _PIECE):
            to, values, near = target[start : start + _PIECE], total[start:], np.int32(0)
            for x in range(np.uintp(to.size)):
                whole = np.rint(values[x])
                near += np.int32(abs(values[x] - whole) > far)
                to[x] = np.uint8(np.int32(whole))
            for x in range(start, start + to.size if near else 0):
                if abs(total[x] - np.rint(total[x])) > far:
                    exact = _in_order(rows, at, parts, left + base[x // 3] + x % 3, weights[:, x // 3])
                    target[x] = np.uint8(np.int32(np.rint(exact)))


@compiled
def _down(rows: Any, at: Any, parts: Any, down: Any) -> None:
    """Weighted sums of rows of bytes from row `at` on; a row of no weight is not looked at."""
    second, third = at + np.int64(parts[1] > 0), at + 2 * np.int64(parts[2] > 0)
    a, b, c = rows[at], rows[second], rows[third]
    f, s, t = parts[0], parts[1], parts[2]
    for x in range(np.uintp(a.size)):
        down[x] = (np.float32(a[x]) * f + np.float32(b[x]) * s) + np.float32(c[x]) * t
    for j in range(3, parts.size):
        if parts[j] > 0:
            more, f = rows[at + j], parts[j]
            for x in range(np.uintp(more.size)):
                down[x] += np.float32(more[x]) * f


@compiled
def _along(row: Any, base: Any, weights: Any, total: Any) -> None:
    """Weighted sums along one row.

    A fourth number is made with the three of a pixel; the next pixel overwrites it.
    """
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    for p in range(np.uintp(base.size)):
        weighted_quads(total, three * p, row, np.uintp(base[p]), weights[0, p], weights[1, p], weights[2, p])
    for k in range(3, weights.shape[0]):
        for p in range(np.uintp(base.size)):
            i, o, f = np.uintp(base[p]) + three * np.uintp(k), three * p, weights[k, p]
            total[o] += row[i] * f
            total[o + one] += row[i + one] * f
            total[o + two] += row[i + two] * f


@compiled
def _in_order(rows: Any, at: Any, parts: Any, corner: Any, weights: Any) -> Any:
    """One sum as OpenCV takes it: along each row, then the rows."""
    total = np.float32(0)
    for j in range(parts.size):
        if parts[j] > 0:
            along = np.float32(0)
            for k in range(weights.size):
                if weights[k] > 0:
                    along += np.float32(rows[at + j, corner + 3 * k]) * weights[k]
            total += parts[j] * along
    return total


@compiled
def fold(frames: Any, sums: Any, differences: Any) -> int:
    """Of frames along time, as far as each is from the first: first plus last, first minus last, inwards.

    Parameters
    ----------
    frames
        (n, w) uint8.
    sums
        (n / 2 rounded up, w) float32, filled; the middle one of an odd number is there once.
    differences
        (n / 2 rounded down, w) float32, filled.

    Returns
    -------
    The largest distance from the first frame.
    """
    n, first, largest = frames.shape[0], frames[0], np.int32(0)
    for j in range(differences.shape[0]):
        a, b, total, apart = frames[j], frames[n - 1 - j], sums[j], differences[j]
        for x in range(np.uintp(first.size)):
            p = np.int32(a[x]) - np.int32(first[x])
            q = np.int32(b[x]) - np.int32(first[x])
            total[x], apart[x] = np.float32(p + q), np.float32(p - q)
            farther = max(abs(p), abs(q))
            largest = max(largest, farther)
    if n % 2:
        a, total = frames[n // 2], sums[n // 2]
        for x in range(np.uintp(first.size)):
            p = np.int32(a[x]) - np.int32(first[x])
            total[x] = np.float32(p)
            largest = max(largest, abs(p))
    return int(largest)


@compiled
def unfold(
    even: Any, odd: Any, sign: Any, error: float, matrix: Any, frames: Any, above: float, out: Any
) -> None:
    """Bytes nearest to interpolated values, halves upwards.

    Parameters
    ----------
    even, odd
        (m, w) float32: `even` + `sign` `odd` are values as far as they are from the first frame.
    sign
        float32, 1 or -1.
    error
        Bound of the error of these sums; values that lie nearer than it to a half are made again.
    matrix, frames
        (m, n) float64 and (n, w) uint8, whose product the values are.
    above
        What is added to a product before it is rounded down.
    out
        (m, w) uint8, filled.
    """
    half, far, none, most = np.float32(0.5), np.float32(0.5 - error), np.int32(0), np.int32(255)
    first = frames[0]
    for r in range(out.shape[0]):
        for start in range(0, out.shape[1], _PIECE):
            end = start + _PIECE
            a, b, base, to = even[r, start:end], odd[r, start:end], first[start:end], out[r, start:end]
            near = np.int32(0)  # counting whole numbers is SIMD, the largest of floats would not be
            for x in range(np.uintp(a.size)):
                raised = (a[x] + sign * b[x]) + half
                whole = np.floor(raised)
                near += np.int32(abs((raised - whole) - half) > far)
                to[x] = np.uint8(min(max(np.int32(whole) + np.int32(base[x]), none), most))
            for x in range(a.size if near else 0):
                raised = (a[x] + sign * b[x]) + half
                if abs((raised - np.floor(raised)) - half) > far:
                    exact = above
                    for j in range(frames.shape[0]):
                        exact += matrix[r, j] * frames[j, start + x]
                    to[x] = np.uint8(min(max(np.floor(exact), 0.0), 255.0))
