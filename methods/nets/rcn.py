"""RCN-A: a recurrent convolution with shared weights and attention by the classifier (Xia et al., 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from methods.nets.flow_net import FlowNet
from methods.nets.normalised import BatchNorm2d
from methods.nets.products import Conv2d, Linear, linear

STEPS = 2
DEVIATION = 0.01


class RCNA(FlowNet):
    """(n, 3, side, side) to class scores (n, k); 15,331 parameters with 32 channels, pool 5 and k = 3.

    channels: of every map; pooled: side of the grid that the classifier sees; side: of the picture.

    Notes
    -----
    Convolution 5 x 5, batch normalisation, ReLU, maximum over 2 x 2, dropout one half; then y = f1(x) and
    twice y = f3(x + y), with f1 a convolution 1 x 1 and f3 one of 3 x 3 that is the same both times, each
    followed by normalisation and ReLU. The attention weighs the places of the pooled result: for every
    class the channel mean of its classifier weights times the pooled first stage, scaled to 0..1, and the
    mean of that over classes. The paper's pictures have 60 pixels a side, 28 work as well.
    """

    dropouts = (0.5, 0.5)

    def __init__(self, n_classes: int, *, channels: int = 32, pooled: int = 5, side: int = 28) -> None:
        super().__init__()
        self.channels, self.pooled, self.side = channels, pooled, side
        self.first = _stage(3, channels, 5, padding=0)
        self.inner = _stage(channels, channels, 1, padding=0)
        self.recurrent = _stage(channels, channels, 3, padding=1)
        self.fc = Linear(channels * pooled * pooled, n_classes)

    def initialise(self, generator: torch.Generator) -> None:
        """Convolutions by Kaiming's normal rule (fan-out), the linear layer N(0, 0.01), biases 0."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(
                    layer.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        nn.init.normal_(self.fc.weight, 0.0, DEVIATION, generator=generator)
        nn.init.zeros_(self.fc.bias)

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Class scores; masks: two of `draw_masks`, while training."""
        x = self.drop(F.max_pool2d(F.relu(self.first(images)), 2), masks, 0)
        y = F.relu(self.inner(x))
        for _ in range(STEPS):
            y = F.relu(self.recurrent(x + y))
        y = self.drop(F.max_pool2d(y, 2), masks, 1)
        y = F.adaptive_avg_pool2d(y, self.pooled) * self.attention(x)
        scores: Tensor = self.fc(y.flatten(1))
        return scores

    def attention(self, x: Tensor) -> Tensor:
        """(n, 1, pooled, pooled) weights in 0..1 of the places, from the maps of the first stage."""
        a = F.adaptive_avg_pool2d(x, self.pooled).flatten(2)
        weights = self.fc.weight.view(-1, self.channels, self.pooled**2) / self.channels
        nothing = weights.new_zeros(len(weights))
        places = [linear(a[..., i], weights[..., i], nothing) for i in range(self.pooled**2)]
        by_class = torch.stack(places, dim=2)
        by_class = by_class - by_class.amin(dim=2, keepdim=True)
        by_class = by_class / (by_class.amax(dim=2, keepdim=True) + 1e-12)
        return by_class.mean(dim=1).view(-1, 1, self.pooled, self.pooled)

    def mask_shapes(self, n: int) -> tuple[tuple[int, ...], ...]:
        """One mask after each maximum."""
        first = (self.side - 4) // 2
        return ((n, self.channels, first, first), (n, self.channels, first // 2, first // 2))


def _stage(before: int, after: int, kernel: int, *, padding: int) -> nn.Sequential:
    return nn.Sequential(Conv2d(before, after, kernel, padding=padding), BatchNorm2d(after))
