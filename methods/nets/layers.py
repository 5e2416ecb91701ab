"""What the nets share: their base, dropout with given masks, Caffe's fillers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """A net that classifies windows of frames and draws its own dropout masks.

    `forward(windows, *masks)`: (n, length, 3, crop, crop) normalised frames to class scores
    (n, steps, n_classes); without masks nothing is dropped.
    """

    def draw_masks(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Dropout masks for n windows of `length` frames, n along their first axis.

        Raises
        ------
        NotImplementedError
            Where a net does not say.
        """
        raise NotImplementedError


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
    outputs are class scores, Gaussian with standard deviation 0.01, as in Caffe's reference nets.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv3d):
            gain = 2.0 if isinstance(layer, nn.Linear) else convolution_gain
            deviation = 0.01 if layer is last else math.sqrt(gain / layer.weight[0].numel())
            nn.init.normal_(layer.weight, 0.0, deviation, generator=generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def fill_lstm(lstm: nn.LSTM, generator: torch.Generator, *, bound: float, forget_bias: float) -> None:
    """Weights uniform within +-bound, biases zero but for the forget gates'."""
    forget = slice(lstm.hidden_size, 2 * lstm.hidden_size)
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight"):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        else:
            nn.init.zeros_(parameter)
        if name == "bias_ih_l0":
            nn.init.constant_(parameter[forget], forget_bias)


def n_parameters(module: nn.Module) -> int:
    """How many numbers the module learns."""
    return sum(parameter.numel() for parameter in module.parameters())
