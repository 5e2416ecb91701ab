"""What the nets share: local response normalisation, dropout with given masks, Caffe's fillers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Net(nn.Module):
    """A net that classifies windows of frames and draws its own dropout masks.

    `forward(windows, *masks)`: (n, length, 3, crop, crop) normalised frames to class scores
    (n, steps, n_classes); without masks nothing is dropped.
    """

    def draw_masks(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Dropout masks for n windows of `length` frames, n along their first axis."""
        raise NotImplementedError


class _LocalResponseNorm(torch.autograd.Function):
    """x * (1 + alpha / size * sum of squares over `size` neighbouring channels) ** -0.75."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float) -> Tensor:
        denominator = _window_sum(x * x, size).mul_(alpha / size).add_(1.0)
        reciprocal = denominator.rsqrt_()
        scale = reciprocal.sqrt().mul_(reciprocal)
        ctx.save_for_backward(x, reciprocal, scale)
        ctx.size, ctx.alpha = size, alpha
        return x * scale

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        x, reciprocal, scale = ctx.saved_tensors
        through = gradient * scale
        inner = (through * x).mul_(reciprocal).mul_(reciprocal)
        factor = -1.5 * ctx.alpha / ctx.size
        return through.addcmul_(x, _window_sum(inner, ctx.size), value=factor), None, None


def local_response_norm(x: Tensor, size: int = 5, alpha: float = 1e-4) -> Tensor:
    """Caffe's local response normalisation across channels with beta = 0.75 and k = 1.

    x: (n, channels, height, width), any float type; the result has the same shape and type. `size` is
    odd; channels beyond the ends count as zeros.

    Notes
    -----
    The same numbers as `torch.nn.functional.local_response_norm(x, size, alpha, 0.75, 1.0)` to 1e-5,
    gradients too: d ** -0.75 is computed as rsqrt(d) * sqrt(rsqrt(d)), and the sum over channels by
    shifted additions instead of a three-dimensional average pool over a padded copy.
    """
    if size % 2 == 0:
        raise ValueError(f"size must be odd, got {size}")
    normalised: Tensor = _LocalResponseNorm.apply(x, size, alpha)  # type: ignore[no-untyped-call]
    return normalised


def _window_sum(values: Tensor, size: int) -> Tensor:
    """Sum over `size` channels centred on each channel of (n, channels, ...)."""
    total = values.clone()
    for shift in range(1, min(size // 2 + 1, values.shape[1])):
        total[:, shift:].add_(values[:, :-shift])
        total[:, :-shift].add_(values[:, shift:])
    return total


def dropped(x: Tensor, mask: Tensor | None) -> Tensor:
    """Dropout with a given mask: 0 where a unit is dropped, 1 / (1 - ratio) where it is kept."""
    return x if mask is None else x * mask.to(x.dtype)


def draw_masks(
    shapes: tuple[tuple[int, ...], ...], ratio: float, generator: torch.Generator
) -> tuple[Tensor, ...]:
    """One float32 dropout mask per shape, on the generator's device and drawn from it alone."""
    masks = []
    for shape in shapes:
        mask = torch.empty(shape, device=generator.device)
        mask.bernoulli_(1.0 - ratio, generator=generator)
        masks.append(mask.mul_(1.0 / (1.0 - ratio)))
    return tuple(masks)


def fill(
    module: nn.Module, generator: torch.Generator, *, last: nn.Linear, convolution_gain: float = 2.0
) -> None:
    """Initialise all convolutions and linear layers as Caffe's `msra` filler does, biases zero.

    Gaussian with variance 2 / fan-in (convolutions: convolution_gain / fan-in); the layer `last`, whose
    outputs are class scores, Gaussian with standard deviation 0.01, as in Caffe's reference nets. An LSTM
    gets the uniform filler with bound 1 / sqrt(units) and a forget-gate bias of 1.
    """
    for layer in module.modules():
        if isinstance(layer, nn.LSTM):
            _fill_lstm(layer, generator)
        elif isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv3d):
            gain = 2.0 if isinstance(layer, nn.Linear) else convolution_gain
            deviation = 0.01 if layer is last else math.sqrt(gain / layer.weight[0].numel())
            nn.init.normal_(layer.weight, 0.0, deviation, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _fill_lstm(lstm: nn.LSTM, generator: torch.Generator) -> None:
    bound = 1.0 / math.sqrt(lstm.hidden_size)
    forget = slice(lstm.hidden_size, 2 * lstm.hidden_size)
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight"):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        else:
            nn.init.zeros_(parameter)
        if name == "bias_ih_l0":
            nn.init.ones_(parameter[forget])


def n_parameters(module: nn.Module) -> int:
    """How many numbers the module learns."""
    return sum(parameter.numel() for parameter in module.parameters())
