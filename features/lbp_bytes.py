"""Histograms of LBP codes of bytes with radius 3 and 8 points, in 16-bit whole numbers and a single pass.

Notes
-----
With f = 3 / sqrt(2) - 2 a diagonal neighbour is n N + e (E + E') + r R of four pixels, n = (1 - f)^2,
e = f (1 - f), r = f^2, where n = 6 e + 9 r and e / r = 3 + 3 sqrt(2). So it is >= the centre C where
e A + r B >= 0 with the whole numbers A = 6 N + E + E' - 8 C and B = 9 N + R - 10 C, that is where
B + floor(A e / r) >= 0. Here floor(A e / r) = 7 A + floor(A (3 sqrt(2) - 4)), and the last term is
floor(A `SLOPE` / 2^16) for |A| <= 352; beyond that the sign of A decides, since |B| <= 10 * 255. No number
leaves 16 bits, and all is exact: ties count as >=.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from basis.compiled import compiled
from basis.sixteen import add, bit_if_at_least, either, high_product, multiply, subtract

RADIUS = 3
SLOPE = 15902
"""3 sqrt(2) - 4 in units of 2^-16, near enough for every A and B."""

Int64 = npt.NDArray[np.int64]


def octagon_counts(
    volume: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.uint64],
    edges: tuple[Int64, Int64],
    labels: npt.NDArray[np.uint16],
    n_labels: int,
) -> Int64:
    """Counts of labels of the codes of several plane directions in spatial blocks.

    Parameters
    ----------
    volume
        (T, H, W) uint8, C-contiguous; centres are what is at least three pixels and frames from every border.
    offsets
        (planes, 8, 4) uint64 steps through memory to the pixels N, E, E', R of each neighbour, modulo 2^64;
        even neighbours are single pixels, the first of the four.
    edges
        Where blocks of rows and of columns begin and the last one ends, among the centres.
    labels, n_labels
        The label of each of the 256 codes; how many labels there are.

    Returns
    -------
    (planes, rows, columns, n_labels) int64
    """
    rows, columns = edges
    counts = np.zeros((len(offsets), len(rows) - 1, len(columns) - 1, n_labels), np.int64)
    _count_planes(volume.reshape(-1), volume.shape, offsets, rows, columns, labels, counts)
    return counts


@compiled
def _count_planes(
    v: Any, shape: Any, offsets: Any, rows: Any, columns: Any, labels: Any, counts: Any
) -> None:
    """Add to the counts of each plane."""
    for plane in range(offsets.shape[0]):
        _count(v, shape, offsets[plane], rows, columns, labels, counts[plane])


@compiled
def _count(v: Any, shape: Any, offsets: Any, rows: Any, columns: Any, labels: Any, counts: Any) -> None:
    """Add to counts; the rows of a block are taken as one run of memory, borders between them included."""
    _, height, width = shape
    longest = 0
    for i in range(rows.size - 1):
        longest = max(longest, rows[i + 1] - rows[i])
    codes = np.empty(longest * width, np.uint8)
    four = np.zeros((columns.size - 1, 4, 256), np.uint32)
    for i in range(rows.size - 1):
        n = (rows[i + 1] - rows[i] - 1) * width + columns[columns.size - 1]
        for t in range(RADIUS, shape[0] - RADIUS):
            centre = (t * height + rows[i] + RADIUS) * width + RADIUS
            codes_of_run(v, np.uintp(centre), offsets, codes[:n])
            for y in range(rows[i + 1] - rows[i]):
                for j in range(columns.size - 1):
                    count_run(codes, y * width + columns[j], y * width + columns[j + 1], four, np.uintp(j))
        for j in range(columns.size - 1):
            for code in range(256):
                for k in range(4):
                    counts[i, j, labels[code]] += four[j, k, code]
                    four[j, k, code] = 0


@compiled
def count_run(codes: Any, start: int, end: int, four: Any, j: Any) -> None:
    """Count codes[start:end] in four histograms in turn, so that no count waits for the one before."""
    one = np.uint32(1)
    whole = np.uintp(start + (end - start) // 4 * 4)
    for x in range(np.uintp(start), whole, np.uintp(4)):
        four[j, np.uintp(0), codes[x]] += one
        four[j, np.uintp(1), codes[x + np.uintp(1)]] += one
        four[j, np.uintp(2), codes[x + np.uintp(2)]] += one
        four[j, np.uintp(3), codes[x + np.uintp(3)]] += one
    for x in range(whole, np.uintp(end)):
        four[j, np.uintp(0), codes[x]] += one


@compiled
def codes_of_run(v: Any, centre: Any, o: Any, codes: Any) -> None:
    """Codes of the centres from v[centre] on."""
    right, up, left, down = centre + o[0, 0], centre + o[2, 0], centre + o[4, 0], centre + o[6, 0]
    n1, n3, n5, n7 = centre + o[1, 0], centre + o[3, 0], centre + o[5, 0], centre + o[7, 0]
    e1, e3, e5, e7 = centre + o[1, 1], centre + o[3, 1], centre + o[5, 1], centre + o[7, 1]
    f1, f3, f5, f7 = centre + o[1, 2], centre + o[3, 2], centre + o[5, 2], centre + o[7, 2]
    r1, r3, r5, r7 = centre + o[1, 3], centre + o[3, 3], centre + o[5, 3], centre + o[7, 3]
    for x in range(np.uintp(codes.size)):
        c = np.int16(v[centre + x])
        c8, c66 = multiply(c, np.int16(8)), multiply(c, np.int16(66))
        bits = bit_if_at_least(np.int16(v[right + x]), c, np.int16(1))
        bits = either(bits, bit_if_at_least(np.int16(v[up + x]), c, np.int16(4)))
        bits = either(bits, bit_if_at_least(np.int16(v[left + x]), c, np.int16(16)))
        bits = either(bits, bit_if_at_least(np.int16(v[down + x]), c, np.int16(64)))
        bits = either(bits, _bit(v[n1 + x], v[e1 + x], v[f1 + x], v[r1 + x], c8, c66, np.int16(2)))
        bits = either(bits, _bit(v[n3 + x], v[e3 + x], v[f3 + x], v[r3 + x], c8, c66, np.int16(8)))
        bits = either(bits, _bit(v[n5 + x], v[e5 + x], v[f5 + x], v[r5 + x], c8, c66, np.int16(32)))
        bits = either(bits, _bit(v[n7 + x], v[e7 + x], v[f7 + x], v[r7 + x], c8, c66, np.int16(128)))
        codes[x] = np.uint8(bits)


@compiled
def _bit(n: Any, e: Any, f: Any, r: Any, c8: Any, c66: Any, bit: Any) -> Any:
    """The bit of a diagonal neighbour: B + 7 A + floor(A SLOPE / 2^16) >= 0, its centre on the right."""
    near, edges = np.int16(n), add(np.int16(e), np.int16(f))
    a = subtract(add(multiply(near, np.int16(6)), edges), c8)
    weighted = add(multiply(near, np.int16(51)), multiply(edges, np.int16(7)))
    return bit_if_at_least(add(weighted, add(np.int16(r), high_product(a, np.int16(SLOPE)))), c66, bit)
