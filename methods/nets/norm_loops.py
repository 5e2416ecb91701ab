"""The loops of batch and layer normalisation: sums in order in float64, all else as the input's type."""

from __future__ import annotations

from typing import Any

import numpy as np

from basis.compiled import compiled
from methods.nets.tiles import column_sums

_TOGETHER = 16
"""Rows that are summed side by side: each in its own order, so that none waits for its last addition."""


@compiled
def columns_normalised(x: Any, weight: Any, bias: Any, eps: Any) -> Any:
    """Columns of (m, c) to mean 0 and variance 1, times weight plus bias.

    Returns
    -------
    tuple of ndarray
        The result and what it is without weight and bias, (m, c); reciprocal deviation, mean and variance,
        (c,).
    """
    rows, kind = len(x), x.dtype.type
    n, one = kind(len(x)), kind(1)
    out, plain = np.empty_like(x), np.empty_like(x)
    mean = column_sums(x) / n
    totals = np.zeros(x.shape[1], np.float64)
    for i in range(rows):
        for j in range(np.uintp(x.shape[1])):
            centred = x[i, j] - mean[j]
            plain[i, j] = centred
            totals[j] += centred * centred
    variance = totals.astype(x.dtype) / n
    reciprocal = np.empty_like(mean)
    for j in range(len(mean)):
        reciprocal[j] = one / np.sqrt(variance[j] + kind(eps))
    for i in range(rows):
        for j in range(np.uintp(x.shape[1])):
            plain[i, j] *= reciprocal[j]
            out[i, j] = plain[i, j] * weight[j] + bias[j]
    return out, plain, reciprocal, mean, variance


@compiled
def columns_gradients(gradient: Any, plain: Any, reciprocal: Any, weight: Any) -> Any:
    """Gradients of `columns_normalised`: of x (m, c), weight and bias (c,)."""
    n = plain.dtype.type(len(plain))
    for_bias, for_weight = column_sums(gradient), column_sums(gradient * plain)
    scale = weight * reciprocal
    for_x = np.empty_like(plain)
    for i in range(len(plain)):
        for j in range(np.uintp(plain.shape[1])):
            shared = (for_bias[j] + plain[i, j] * for_weight[j]) / n
            for_x[i, j] = (gradient[i, j] - shared) * scale[j]
    return for_x, for_weight, for_bias


@compiled
def rows_normalised(x: Any, weight: Any, bias: Any, eps: Any) -> Any:
    """Rows of (m, d) to mean 0 and variance 1, times weight plus bias.

    Returns
    -------
    tuple of ndarray
        The result and what it is without weight and bias, (m, d); reciprocal deviation, (m,).
    """
    m, d = x.shape
    kind = x.dtype.type
    n, one = kind(d), kind(1)
    out, plain, reciprocal = np.empty_like(x), np.empty_like(x), np.empty(m, x.dtype)
    totals = np.empty(_TOGETHER, np.float64)
    for start in range(0, m, _TOGETHER):
        together = min(_TOGETHER, m - start)
        totals[:] = 0
        for j in range(d):
            for i in range(together):
                totals[i] += x[start + i, j]
        for i in range(together):
            mean = kind(totals[i]) / n
            for j in range(d):
                plain[start + i, j] = x[start + i, j] - mean
        totals[:] = 0
        for j in range(d):
            for i in range(together):
                totals[i] += plain[start + i, j] * plain[start + i, j]
        for i in range(together):
            variance = kind(totals[i]) / n
            scale = one / np.sqrt(variance + kind(eps))
            reciprocal[start + i] = scale
            for j in range(d):
                plain[start + i, j] *= scale
                out[start + i, j] = plain[start + i, j] * weight[j] + bias[j]
    return out, plain, reciprocal


@compiled
def rows_gradients(gradient: Any, plain: Any, reciprocal: Any, weight: Any) -> Any:
    """Gradients of `rows_normalised`: of x (m, d), weight and bias (d,)."""
    m, d = plain.shape
    kind, for_x = plain.dtype.type, np.empty_like(plain)
    n = kind(d)
    sums, products = np.empty(_TOGETHER, np.float64), np.empty(_TOGETHER, np.float64)
    for start in range(0, m, _TOGETHER):
        together = min(_TOGETHER, m - start)
        sums[:] = 0
        products[:] = 0
        for j in range(d):
            for i in range(together):
                through = gradient[start + i, j] * weight[j]
                sums[i] += through
                products[i] += through * plain[start + i, j]
        for i in range(together):
            first, second = kind(sums[i]), kind(products[i])
            for j in range(d):
                through = gradient[start + i, j] * weight[j]
                shared = (first + plain[start + i, j] * second) / n
                for_x[start + i, j] = (through - shared) * reciprocal[start + i]
    return for_x, column_sums(gradient * plain), column_sums(gradient)
