"""Batch and layer normalisation and GELU: on a CPU from sums in order and our own exp, elsewhere torch's."""

from __future__ import annotations

from math import pi, prod, sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

from basis.compiled import compiled
from methods.nets.elementary import exps
from methods.nets.norm_loops import columns_gradients, columns_normalised, rows_gradients, rows_normalised
from methods.nets.products import ours
from methods.nets.roots import root

_SATURATED = 4.0
"""From here on float32 cannot tell erf from 1."""
_SERIES = np.array([1 / prod(range(1, 2 * n + 2, 2)) for n in range(100)])
"""1 / (1 3 5 ... (2n + 1)): more terms than an argument of 4 needs."""
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


def _plain(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()


class _BatchNorm(torch.autograd.Function):
    """Every column of (m, c) to mean 0 and variance 1, times weight plus bias."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The normalised rows, and mean and variance of the batch, which take no gradient."""
        found = columns_normalised(_plain(rows), _plain(weight), _plain(bias), eps)
        out, plain, reciprocal, mean, variance = (torch.from_numpy(each) for each in found)
        ctx.save_for_backward(plain, reciprocal, weight)
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, _mean: Tensor, _variance: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of rows, weight and bias; mean and variance are functions of the rows."""
        found = columns_gradients(_plain(gradient), *(_plain(each) for each in ctx.saved_tensors))
        for_rows, for_weight, for_bias = (torch.from_numpy(each) for each in found)
        return for_rows, for_weight, for_bias, None


class _LayerNorm(torch.autograd.Function):
    """Every row of (m, d) to mean 0 and variance 1, times weight plus bias."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        """The normalised rows; what they are without weight and bias is kept."""
        found = rows_normalised(_plain(rows), _plain(weight), _plain(bias), eps)
        out, plain, reciprocal = (torch.from_numpy(each) for each in found)
        ctx.save_for_backward(plain, reciprocal, weight)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of rows, weight and bias."""
        found = rows_gradients(_plain(gradient), *(_plain(each) for each in ctx.saved_tensors))
        for_rows, for_weight, for_bias = (torch.from_numpy(each) for each in found)
        return for_rows, for_weight, for_bias, None


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

    2 x / sqrt(pi) exp(-x^2) times the sum of (2 x^2)^n / (1 3 5 ... (2n + 1)), all terms positive, from the
    last to the first. All elements take as many terms as the largest needs: one below 1e-17 leaves its bits.
    """
    square, largest = np.empty_like(x), 0.0
    for i in range(len(x)):
        size = 0.0 if abs(x[i]) >= _SATURATED else x[i]
        square[i] = 2.0 * size * size
        largest = max(largest, square[i])
    term, n = 1.0, 0
    while term > 1e-17 and n < len(_SERIES) - 1:
        n += 1
        term *= largest / (2.0 * n + 1.0)
    total = np.full_like(x, _SERIES[n])
    for k in range(n - 1, -1, -1):
        for i in range(len(x)):
            total[i] = total[i] * square[i] + _SERIES[k]
    gauss = exps(-x * x)
    for i in range(len(x)):
        value = 2.0 / sqrt(pi) * x[i] * gauss[i] * total[i]
        total[i] = value if abs(x[i]) < _SATURATED else (1.0 if x[i] > 0 else -1.0)
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
