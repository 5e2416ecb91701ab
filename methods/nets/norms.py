"""Normalisation across channels and the limit of a gradient's norm, with sums in order on a CPU."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from basis.compiled import compiled
from methods.nets.products import ours

BETWEEN = 64
"""Pixels that are normalised together: long runs of memory keep the processor's vectors busy."""
LANES = 16
"""Interleaved partial sums of a norm: part of its bits' definition."""


def local_response_norm(x: Tensor, size: int = 5, alpha: float = 1e-4) -> Tensor:
    """Caffe's local response normalisation across channels with beta = 0.75 and k = 1.

    `size` is odd; channels beyond the ends count as zeros.

    Parameters
    ----------
    x
        (n, channels, height, width), any float type; the result has the same shape and type.
    size
        Channels that a sum is over, odd; those beyond the ends count as zeros.
    alpha
        Factor on the mean of their squares.

    Raises
    ------
    ValueError
        For an even size.

    Notes
    -----
    The same numbers as `torch.nn.functional.local_response_norm(x, size, alpha, 0.75, 1.0)` to 1e-5,
    gradients too: d ** -0.75 is computed as r * sqrt(r) with r = 1 / sqrt(d), and the sum over channels by
    shifted additions instead of a three-dimensional average pool over a padded copy.
    """
    if size % 2 == 0:
        raise ValueError(f"size must be odd, got {size}")
    kind = _InOrder if ours(x) else _LocalResponseNorm
    normalised: Tensor = kind.apply(x, size, alpha)  # type: ignore[no-untyped-call]
    return normalised


class _LocalResponseNorm(torch.autograd.Function):
    """x * (1 + alpha / size * sum of squares over `size` neighbouring channels) ** -0.75."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float) -> Tensor:
        """Two square roots instead of a power; both factors are kept."""
        denominator = _window_sum(x * x, size).mul_(alpha / size).add_(1.0)
        reciprocal = denominator.rsqrt_()
        scale = reciprocal.sqrt().mul_(reciprocal)
        ctx.save_for_backward(x, reciprocal, scale)
        ctx.size, ctx.alpha = size, alpha
        return x * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """The channel's own part, and its part in the sums of its neighbours."""
        x, reciprocal, scale = ctx.saved_tensors
        through = gradient * scale
        inner = (through * x).mul_(reciprocal).mul_(reciprocal)
        factor = -1.5 * ctx.alpha / ctx.size
        return through.addcmul_(x, _window_sum(inner, ctx.size), value=factor), None, None


def _window_sum(values: Tensor, size: int) -> Tensor:
    """Sum over `size` channels centred on each channel of (n, channels, ...)."""
    total = values.clone()
    for shift in range(1, min(size // 2 + 1, values.shape[1])):
        total[:, shift:].add_(values[:, :-shift])
        total[:, :-shift].add_(values[:, shift:])
    return total


class _InOrder(torch.autograd.Function):
    """The same, compiled, on pixels with their channels innermost."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float) -> Tensor:
        """As `_LocalResponseNorm`, pixel by pixel."""
        pixels = x.detach().movedim(1, -1).contiguous()
        out, reciprocal = torch.empty_like(pixels), torch.empty_like(pixels)
        factor = pixels.numpy().dtype.type(alpha / size)
        _normalise(_flat(pixels), size, factor, _flat(out), _flat(reciprocal))
        ctx.save_for_backward(pixels, reciprocal)
        ctx.size, ctx.alpha = size, alpha
        return out.movedim(-1, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """As `_LocalResponseNorm`, pixel by pixel."""
        pixels, reciprocal = ctx.saved_tensors
        gradient = gradient.movedim(1, -1).contiguous()
        out = torch.empty_like(gradient)
        factor = pixels.numpy().dtype.type(-1.5 * ctx.alpha / ctx.size)
        given: list[Any] = [_flat(one) for one in (pixels, reciprocal, gradient)]
        _normalise_back(*given, ctx.size, factor, _flat(out))  # type: ignore[call-arg]
        return out.movedim(-1, 1), None, None


def _flat(pixels: Tensor) -> Any:
    return pixels.view(-1, pixels.shape[-1]).numpy()


@compiled
def _windows(values: Any, size: Any, count: Any) -> Any:
    """Sums of `size` consecutive values, at the middle one, of the first `count` values.

    Positions are unsigned, here and below: those that may count from the end keep a loop from vectors.
    """
    reach = np.uintp(size // 2)
    sums = np.zeros_like(values)
    for shift in range(np.uintp(size)):
        for i in range(np.uintp(count - size + 1)):
            sums[i + reach] += values[i + shift]
    return sums


@compiled
def _normalise(x: Any, size: Any, factor: Any, out: Any, reciprocal: Any) -> None:
    """Rows of (pixels, channels): BETWEEN of them side by side, with zeros between them, as one run."""
    channels, reach = x.shape[1], size // 2
    pitch = channels + reach
    squares = np.zeros(BETWEEN * pitch + reach, x.dtype)
    one = x.dtype.type(1.0)
    for first in range(0, x.shape[0], BETWEEN):
        n = min(BETWEEN, x.shape[0] - first)
        for p in range(n):
            at = np.uintp(reach + p * pitch)
            for c in range(np.uintp(channels)):
                squares[at + c] = x[first + p, c] * x[first + p, c]
        sums = _windows(squares, size, n * pitch + reach)
        for i in range(np.uintp(n * pitch + reach)):
            sums[i] = one / np.sqrt(one + factor * sums[i])
        for p in range(n):
            at = np.uintp(reach + p * pitch)
            for c in range(np.uintp(channels)):
                r = sums[at + c]
                reciprocal[first + p, c] = r
                out[first + p, c] = x[first + p, c] * (r * np.sqrt(r))


@compiled
def _normalise_back(x: Any, reciprocal: Any, gradient: Any, size: Any, factor: Any, out: Any) -> None:
    """The gradient of x for the gradient of the result, in the same runs."""
    channels, reach = x.shape[1], size // 2
    pitch = channels + reach
    inner = np.zeros(BETWEEN * pitch + reach, x.dtype)
    for first in range(0, x.shape[0], BETWEEN):
        n = min(BETWEEN, x.shape[0] - first)
        for p in range(n):
            at = np.uintp(reach + p * pitch)
            for c in range(np.uintp(channels)):
                r = reciprocal[first + p, c]
                through = gradient[first + p, c] * (r * np.sqrt(r))
                out[first + p, c] = through
                inner[at + c] = through * x[first + p, c] * (r * r)
        sums = _windows(inner, size, n * pitch + reach)
        for p in range(n):
            at = np.uintp(reach + p * pitch)
            for c in range(np.uintp(channels)):
                out[first + p, c] += factor * x[first + p, c] * sums[at + c]


def limit_norm(parameters: Iterable[nn.Parameter], largest: float) -> None:
    """Scale the gradients so that the norm of them all is at most `largest`, as torch's `clip_grad_norm_`."""
    learning = [parameter for parameter in parameters if parameter.grad is not None]
    if not learning or learning[0].device.type != "cpu":
        nn.utils.clip_grad_norm_(learning, largest)
        return
    gradients = [parameter.grad for parameter in learning if parameter.grad is not None]
    norm = math.sqrt(sum(float(_squares(_in_memory_order(one))) for one in gradients))
    if norm > largest:
        for gradient in gradients:
            gradient.mul_(largest / norm)


def _in_memory_order(x: Tensor) -> Any:
    """All numbers of a tensor without gaps, as they lie if they can be seen so."""
    return x.detach().reshape(-1).numpy()


@compiled
def _squares(values: Any) -> Any:
    """Sum of squares in float64: LANES interleaved sums, then those in order."""
    totals = np.zeros(LANES, np.float64)
    whole = len(values) // LANES * LANES
    for first in range(0, whole, LANES):
        for lane in range(np.uintp(LANES)):
            value = np.float64(values[first + lane])
            totals[lane] += value * value
    for i in range(whole, len(values)):
        value = np.float64(values[i])
        totals[i - whole] += value * value
    total = 0.0
    for lane in range(LANES):
        total += totals[lane]
    return total
