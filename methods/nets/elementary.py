"""exp, log, tanh and the logistic function from additions, multiplications and divisions alone.

The libraries' own have other last bits on other processors. These are float64 and off by less than two
units in the last place (tanh and the logistic function: less than 1e-15), far below what float32 keeps.
"""

from __future__ import annotations

from math import factorial, log
from typing import Any

import numpy as np

from basis.compiled import compiled

_LN2_HIGH = float.fromhex("0x1.62e42feep-1")
"""ln 2 to 33 bits: its product with any exponent is exact."""
_LN2_LOW = 1.9082149292705877e-10
_INVERSE_LN2 = 1.0 / log(2.0)
_EXP = tuple(1.0 / factorial(k) for k in range(13, 1, -1))
_LOG = tuple(2.0 / k for k in range(23, 2, -2))
_TANH = (62.0 / 2835.0, -17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0)
_LEAST, _LARGEST = -708.0, 709.0
_FRACTION = (1 << 52) - 1
_ONE = 1023 << 52
_WHOLE = 1.5 * 2.0**52


@compiled
def exp(x: Any) -> Any:
    """The power of e to a float64; 0 below -708, infinite above 709.

    x = k ln 2 + r with |r| <= ln 2 / 2, and the power series of r.
    """
    if x < _LEAST:
        return 0.0
    if x > _LARGEST:
        return np.inf
    if np.isnan(x):
        return x
    k = np.floor(x * _INVERSE_LN2 + 0.5)
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    tail = 0.0
    for coefficient in _EXP:
        tail = tail * r + coefficient
    scale = np.int64(_ONE + (np.int64(k) << 52)).view(np.float64)
    return (1.0 + (r + r * r * tail)) * scale


@compiled
def exps(x: Any) -> Any:
    """`exp` of each of float64 (n,), to the same bits: without a branch, so that the loop runs in lanes."""
    out = np.empty_like(x)
    for i in range(len(x)):
        inside = x[i] if x[i] > _LEAST else _LEAST
        inside = inside if inside < _LARGEST else _LARGEST
        k = np.floor(inside * _INVERSE_LN2 + 0.5)
        r = (inside - k * _LN2_HIGH) - k * _LN2_LOW
        tail = 0.0
        for coefficient in _EXP:
            tail = tail * r + coefficient
        # the lowest bits of k + 1.5 2^52 are those of the whole number k
        scale = np.int64((np.float64(k + _WHOLE).view(np.int64) << 52) + _ONE).view(np.float64)
        power = (1.0 + (r + r * r * tail)) * scale
        power = 0.0 if x[i] < _LEAST else power
        power = np.inf if x[i] > _LARGEST else power
        out[i] = x[i] if x[i] != x[i] else power
    return out


@compiled
def ln(x: Any) -> Any:
    """Natural logarithm of a float64 of at least 2.3e-308; what is not finite stays as it is.

    x = 2^e (1 + f) with 1 + f near 1, and the series of the area tangent of s = f / (2 + f).
    """
    if not x < np.inf:
        return x
    bits = np.float64(x).view(np.int64)
    e = (bits >> 52) - 1023
    m = np.int64((bits & _FRACTION) | _ONE).view(np.float64)
    if m > 1.4142135623730951:
        m *= 0.5
        e += 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    tail = 0.0
    for coefficient in _LOG:
        tail = tail * z + coefficient
    return e * _LN2_HIGH + ((f - s * (f - z * tail)) + e * _LN2_LOW)


@compiled
def tanh(x: Any) -> Any:
    """Hyperbolic tangent of a float64."""
    z = x * x
    if z < 1e-4:
        tail = 0.0
        for coefficient in _TANH:
            tail = tail * z + coefficient
        return x + x * z * tail
    e = exp(-2.0 * abs(x))
    size = (1.0 - e) / (1.0 + e)
    return size if x > 0 else -size


@compiled
def logistic(x: Any) -> Any:
    """1 / (1 + exp(-x)) of a float64."""
    e = exp(-abs(x))
    return 1.0 / (1.0 + e) if x > 0 else e / (1.0 + e)
