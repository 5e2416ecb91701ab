"""Batch and layer normalisation and GELU: on a CPU from sums in order and our own exp, elsewhere torch's."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

from basis.compiled import compiled
from methods.nets.elementary import exps
from methods.nets.products import ours
from methods.nets.roots import root
from methods.nets.tiles import column_sums

_SATURATED = 4.0
"""From here on float32 cannot tell erf from 1."""
_TOGETHER = 64
"""Elements whose error functions are summed side by side: they stay in registers and the first cache."""


class BatchNorm2d(nn.BatchNorm2d):
    """torch's layer (affine, with running statistics), its sums in order on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same shape; while training it also moves the running statistics."""
        if not ours(x):
            return super().forward(x)
        assert self.running_mean is not None and self.running_var is not None
        rows = x.movedim(1, -1).reshape(-1, x.shape[1])
        if self.training:
            out, mean, variance = _normalise(rows, self.weight, self.bias, self.eps)
            assert self.num_batches_tracked is not None and self.momentum is not None
            self.num_batches_tracked.add_(1)
            unbiased = variance * (len(rows) / max(1, len(rows) - 1))
            self.running_mean.mul_(1 - self.momentum).add_(mean * self.momentum)
            self.running_var.mul_(1 - self.momentum).add_(unbiased * self.momentum)
        else:
            scale = self.weight / root(self.running_var + self.eps)
            out = (rows - self.running_mean) * scale + self.bias
        return out.view(x.shape[0], *x.shape[2:], -1).movedim(-1, 1)


class LayerNorm(nn.LayerNorm):
    """torch's layer over the last axis (affine), its sums in order on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., dim) to the same shape."""
        if not ours(x):
            return super().forward(x)
        plain = _LayerNorm.apply(x.reshape(-1, x.shape[-1]), self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        out: Tensor = plain.view(x.shape)
        return out


class GELU(nn.GELU):
    """x times the normal distribution function, through our own exp on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if not ours(x):
            return F.gelu(x)
        out: Tensor = _GELU.apply(x)  # type: ignore[no-untyped-call]
        return out


def _normalise(rows: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """(m, c) normalised over the rows, and their mean and variance, (c,) each."""
    out, mean, variance = _BatchNorm.apply(rows, weight, bias, eps)  # type: ignore[no-untyped-call]
    return out, mean, variance


def _sums(rows: Tensor) -> Tensor:
    return torch.from_numpy(column_sums(rows.detach().contiguous().numpy()))


class _BatchNorm(torch.autograd.Function):
    """Every column of (m, c) to mean 0 and variance 1, times weight plus bias."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The normalised rows, and mean and variance of the batch, which take no gradient."""
        mean = _sums(rows) / len(rows)
        centred = rows - mean
        variance = _sums(centred * centred) / len(rows)
        reciprocal = 1 / root(variance + eps)
        plain = centred * reciprocal
        ctx.save_for_backward(plain, reciprocal, weight)
        ctx.mark_non_differentiable(mean, variance)
        return plain * weight + bias, mean, variance

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, _mean: Tensor, _variance: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of rows, weight and bias; mean and variance are functions of the rows."""
        plain, reciprocal, weight = ctx.saved_tensors
        for_bias, for_weight = _sums(gradient), _sums(gradient * plain)
        inner = gradient - (for_bias + plain * for_weight) / len(plain)
        return inner * (weight * reciprocal), for_weight, for_bias, None


class _LayerNorm(torch.autograd.Function):
    """Every row of (m, d) to mean 0 and variance 1, times weight plus bias."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        """The normalised rows; what they are without weight and bias is kept."""
        d = rows.shape[1]
        centred = rows - (_sums(rows.T) / d)[:, None]
        variance = _sums((centred * centred).T) / d
        reciprocal = (1 / root(variance + eps))[:, None]
        plain = centred * reciprocal
        ctx.save_for_backward(plain, reciprocal, weight)
        return plain * weight + bias

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of rows, weight and bias."""
        plain, reciprocal, weight = ctx.saved_tensors
        through, d = gradient * weight, plain.shape[1]
        inner = (_sums(through.T)[:, None] + plain * _sums((through * plain).T)[:, None]) / d
        return (through - inner) * reciprocal, _sums(gradient * plain), _sums(gradient), None


class _GELU(torch.autograd.Function):
    """x Phi(x), and its derivative Phi(x) + x phi(x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The values; the slopes are computed beside them and kept."""
        value, slope = _gelu(x.detach().contiguous().view(-1).numpy())
        ctx.save_for_backward(torch.from_numpy(slope).view(x.shape))
        out: Tensor = torch.from_numpy(value).view(x.shape)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The kept slopes times the incoming gradient."""
        slope: Tensor = ctx.saved_tensors[0]
        return gradient * slope


@compiled
def erf(x: Any) -> Any:
    """The error function of float64 (n,), off by less than 1e-14 up to 4 and by 2e-8 beyond, where it is 1.

    2 / sqrt(pi) exp(-x^2) times the sum of 2^n x^(2n + 1) / (1 3 5 ... (2n + 1)): all terms positive. All
    elements take as many terms as the largest needs, since one below 1e-17 of a sum leaves its bits.
    """
    term, square, most = np.empty_like(x), np.empty_like(x), 0
    for i in range(len(x)):
        size = abs(x[i])
        size = 0.0 if size >= _SATURATED else size
        term[i], square[i] = size, 2.0 * size * size
        if size > term[most]:
            most = i
    total, odd = term.copy(), 1.0
    while term[most] > 1e-17 * total[most]:
        odd += 2.0
        for i in range(len(x)):
            term[i] *= square[i] / odd
            total[i] += term[i]
    gauss = exps(-x * x)
    for i in range(len(x)):
        value = 1.0 if abs(x[i]) >= _SATURATED else 2.0 / sqrt(pi) * gauss[i] * total[i]
        total[i] = value if x[i] > 0 else -value
    return total


@compiled
def _gelu(x: Any) -> Any:
    value, slope = np.empty_like(x), np.empty_like(x)
    for start in range(0, len(x), _TOGETHER):
        z = x[start : start + _TOGETHER].astype(np.float64)
        share = 0.5 * (1.0 + erf(z / sqrt(2.0)))
        gauss = exps(-0.5 * z * z)
        for i in range(len(z)):
            value[start + i] = z[i] * share[i]
            slope[start + i] = share[i] + z[i] * gauss[i] / sqrt(2.0 * pi)
    return value, slope
