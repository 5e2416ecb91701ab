"""The compiled loops of STCLQP's codes and codebooks; `features.stclqp` says what they are for."""

from __future__ import annotations

from typing import Any

import numpy as np

from basis.compiled import compiled
from basis.sixteen import add, bit_if_at_least, both, either, subtract

LEVELS = 16
_NEAR = 3


@compiled
def absolute_sum(v: Any, shape: Any, margins: Any, offsets: Any, weights: Any, centres: Any) -> Any:
    """Sum of |neighbour - centre| over all centres of a flat volume and all neighbours, column by column."""
    totals = np.zeros(centres[2], np.float64)
    for t in range(centres[0]):
        for y in range(centres[1]):
            start = np.uintp(((t + margins[0]) * shape[1] + y + margins[1]) * shape[2] + margins[2])
            for p in range(weights.shape[0]):
                o, w = offsets[p], weights[p]
                a, b, c, d = start + o[0], start + o[1], start + o[2], start + o[3]
                wa, wb, wc, wd = w[0], w[1], w[2], w[3]
                for x in range(np.uintp(centres[2])):
                    value = (wa * v[a + x] + wb * v[b + x]) + (wc * v[c + x] + wd * v[d + x])
                    totals[x] += abs(value - v[start + x])
    total = 0.0
    for x in range(centres[2]):
        total += totals[x]
    return total


@compiled
def gradient_levels(v: Any, shape: Any, first: Any, second: Any, levels: Any) -> None:
    """Level of the gradient's angle from the second axis towards the first, for the inner voxels of v."""
    first, second, width = np.uintp(first), np.uintp(second), shape[2] - 2
    corner, none = np.float32(np.exp(-0.5)), np.float32(0)
    for t in range(1, shape[0] - 1):
        for y in range(1, shape[1] - 1):
            row = np.uintp((t * shape[1] + y) * shape[2] + 1)
            start = np.uintp(((t - 1) * (shape[1] - 2) + y - 1) * width)
            for x in range(np.uintp(width)):
                i = row + x
                ahead, behind, up, down = i + second, i - second, i + first, i - first
                along = (v[ahead] - v[behind]) + corner * (
                    (v[ahead - first] - v[behind - first]) + (v[ahead + first] - v[behind + first])
                )
                across = (v[up] - v[down]) + corner * (
                    (v[up - second] - v[down - second]) + (v[up + second] - v[down + second])
                )
                levels[start + x] = np.uint8(np.int32(_level(along, across, none)))


@compiled
def _level(along: Any, across: Any, none: Any) -> Any:
    """Which of 16 levels an angle is in, as float32; selected without a branch. none: 0 in float32."""
    tan1, tan3 = np.float32(np.sqrt(2.0) - 1), np.float32(np.sqrt(2.0) + 1)
    one, two, four = np.float32(1), np.float32(2), np.float32(4)
    second = (along <= none) & (across > none)
    third = (along < none) & (across <= none)
    fourth = (along >= none) & (across < none)
    quarter = one if second else two if third else one + two if fourth else none
    major = across if second else -along if third else -across if fourth else along
    minor = -along if second else -across if third else along if fourth else across
    sector = (one if minor >= tan1 * major else none) + (one if minor >= major else none)
    sector += one if minor >= tan3 * major else none
    return four * quarter + (sector if major > none else none)


@compiled
def orientation_bits(levels: Any, shape: Any, margins: Any, offsets: Any, codes: Any) -> None:
    """Bits of circular distances of levels below 4."""
    rows, width = codes.shape[1], codes.shape[2]
    run = np.empty((rows - 1) * shape[2] + width, np.int16)
    for t in range(codes.shape[0]):
        start = np.uintp(((t + margins[0]) * shape[1] + margins[1]) * shape[2] + margins[2])
        run[:] = 0
        for p in range(offsets.size):
            _add_near(levels, start, start + offsets[p], np.int16(np.uint16(1 << p)), run)
        for y in range(rows):
            row, first = codes[t, y], np.uintp(y * shape[2])
            for x in range(np.uintp(width)):
                row[x] = np.uint16(run[first + x])


@compiled
def _add_near(levels: Any, start: Any, near: Any, bit: Any, run: Any) -> None:
    """Set the bit where the levels from near on lie less than 4 from those from start on, modulo 16."""
    for x in range(np.uintp(run.size)):
        turn = add(subtract(np.int16(levels[near + x]), np.int16(levels[start + x])), np.int16(_NEAR))
        turn = both(turn, np.int16(LEVELS - 1))
        run[x] = either(run[x], bit_if_at_least(np.int16(2 * _NEAR), turn, bit))


@compiled
def fill_distances(part: Any, table: Any) -> None:
    """Add to table[c, value] the squared distances of the value's bits to a part of centre c."""
    bits = part.shape[1]
    for c in range(table.shape[0]):
        for value in range(table.shape[1]):
            for k in range(bits):
                bit = float((value >> (bits - 1 - k)) & 1)
                table[c, value] += (bit - part[c, k]) ** 2


@compiled
def nearest_centres(high: Any, low: Any) -> tuple[Any, Any]:
    """Nearest centre of every code (high byte, low byte), the first on ties, and its squared distance."""
    rows, columns = high.shape[1], low.shape[1]
    nearest = np.empty((rows, columns), np.uint8)
    distances = np.empty((rows, columns))
    index = np.empty(columns)
    for h in range(rows):
        least = distances[h]
        for x in range(np.uintp(columns)):
            least[x] = high[0, h] + low[0, x]
            index[x] = 0.0
        for c in range(1, high.shape[0]):
            base, centre, row = high[c, h], float(c), low[c]
            for x in range(np.uintp(columns)):
                distance = base + row[x]
                index[x] = centre if distance < least[x] else index[x]
                least[x] = distance if distance < least[x] else least[x]
        for x in range(np.uintp(columns)):
            nearest[h, x] = np.uint8(np.int32(index[x]))
    return nearest, distances


@compiled
def byte_masses(table: Any, nearest: Any, high: Any, low: Any) -> None:
    """Add counts per centre and byte value."""
    for h in range(table.shape[0]):
        for x in range(table.shape[1]):
            high[nearest[h, x], h] += table[h, x]
            low[nearest[h, x], x] += table[h, x]
