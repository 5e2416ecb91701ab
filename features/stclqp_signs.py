"""Sign and magnitude codes of one plane direction in one compiled pass.

Notes
-----
A neighbour's difference to its centre is computed in single precision, where a difference of bytes is exact
and the weighted sum of four is wrong by less than 1e-4. So it decides a bit wherever it is further than
`_DOUBT` from what it is compared with; centres with any other neighbour are computed again in double
precision, one or two in a hundred of footage with noise. Neighbours that are single pixels, or means of
pixels that all equal the centre, are exact in single precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from basis.compiled import compiled

_DOUBT = np.float32(2e-4)
_TIE = 1e-6
_TOGETHER = 2048


@compiled
def sign_and_magnitude(
    v: Any, shape: Any, margins: Any, offsets: Any, weights: Any, least: float, signs: Any, magnitudes: Any
) -> None:
    """Fill (T', H', W') uint16 codes: neighbour >= centre - 1e-6, and |neighbour - centre| >= least.

    Parameters
    ----------
    v, shape
        Flat float32 volume, of bytes, and its (T, H, W); rows are taken together as long runs of memory.
    margins, offsets, weights
        (3,), (P, 4) and (P, 4), as `volume_codes` of `features.lbp` has them.
    least
        Of the magnitudes.
    signs, magnitudes
        What is filled.
    """
    height, width = signs.shape[1], signs.shape[2]
    together = max(1, min(height, _TOGETHER // shape[2]))
    longest = (together - 1) * shape[2] + width
    sign, magnitude, doubt = (
        np.empty(longest, np.float32),
        np.empty(longest, np.float32),
        np.empty(longest, np.float32),
    )
    for t in range(signs.shape[0]):
        for y0 in range(0, height, together):
            rows = min(together, height - y0)
            n = (rows - 1) * shape[2] + width
            centre = np.uintp(((t + margins[0]) * shape[1] + y0 + margins[1]) * shape[2] + margins[2])
            _run(v, centre, offsets, weights, least, sign[:n], magnitude[:n], doubt[:n])
            for y in range(rows):
                first, s, m = np.uintp(y * shape[2]), signs[t, y0 + y], magnitudes[t, y0 + y]
                for x in range(np.uintp(width)):
                    s[x] = np.uint16(np.int32(sign[first + x]))
                    m[x] = np.uint16(np.int32(magnitude[first + x]))
                for x in range(np.uintp(width)):
                    if doubt[first + x] > np.float32(0):
                        s[x], m[x] = _exactly(v, centre + first + x, offsets, weights, least)


@compiled
def _run(
    v: Any, centre: Any, offsets: Any, weights: Any, least: float, sign: Any, magnitude: Any, doubt: Any
) -> None:
    """Codes of the centres from v[centre] on, whole numbers in float32, and where they are in doubt."""
    sign[:], magnitude[:], doubt[:] = 0, 0, 0
    bit = np.float32(1)
    whole, near = np.float32(np.ceil(least)), np.float32(least)
    for p in range(weights.shape[0]):
        a, b, c, d = (
            centre + offsets[p, 0],
            centre + offsets[p, 1],
            centre + offsets[p, 2],
            centre + offsets[p, 3],
        )
        if weights[p, 0] == 1.0:
            _pixel(v, centre, a, whole, bit, sign, magnitude)
        else:
            w = (
                np.float32(weights[p, 0]),
                np.float32(weights[p, 1]),
                np.float32(weights[p, 2]),
                np.float32(weights[p, 3]),
            )
            _mean(v, centre, (a, b, c, d), w, near, bit, sign, magnitude, doubt)
        bit = bit + bit


@compiled
def _pixel(v: Any, centre: Any, a: Any, least: Any, bit: Any, sign: Any, magnitude: Any) -> None:
    """Add the bit of a neighbour that is a pixel."""
    none = np.float32(0)
    for x in range(np.uintp(sign.size)):
        difference = v[a + x] - v[centre + x]
        sign[x] += bit if difference >= none else none
        magnitude[x] += bit if abs(difference) >= least else none


@compiled
def _mean(
    v: Any, centre: Any, at: Any, w: Any, least: Any, bit: Any, sign: Any, magnitude: Any, doubt: Any
) -> None:
    """Add the bit of a neighbour between four pixels, and say where single precision does not do."""
    none, band = np.float32(0), _DOUBT
    a, b, c, d = at
    wa, wb, wc, wd = w
    for x in range(np.uintp(sign.size)):
        m = v[centre + x]
        da, db, dc, dd = v[a + x] - m, v[b + x] - m, v[c + x] - m, v[d + x] - m
        difference = (wa * da + wb * db) + (wc * dc + wd * dd)
        size = abs(difference)
        sign[x] += bit if difference >= none else none
        magnitude[x] += bit if size >= least else none
        unequal = bit if (abs(da) + abs(db)) + (abs(dc) + abs(dd)) > none else none
        doubt[x] += unequal if size < band or abs(size - least) < band else none


@compiled
def _exactly(v: Any, centre: Any, offsets: Any, weights: Any, least: float) -> tuple[Any, Any]:
    """Both codes of one centre in double precision."""
    sign, magnitude = 0, 0
    own = np.float64(v[centre])
    for p in range(weights.shape[0]):
        value = (weights[p, 0] * v[centre + offsets[p, 0]] + weights[p, 1] * v[centre + offsets[p, 1]]) + (
            weights[p, 2] * v[centre + offsets[p, 2]] + weights[p, 3] * v[centre + offsets[p, 3]]
        )
        sign |= (1 << p) if value >= own - _TIE else 0
        magnitude |= (1 << p) if abs(value - own) >= least else 0
    return np.uint16(sign), np.uint16(magnitude)
