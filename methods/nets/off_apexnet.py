"""OFF-ApexNet: one small convolutional stream for u and one for v (Gan et al., 2019)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from methods.nets.flow_net import FlowNet
from methods.nets.products import Conv2d, Linear

UNITS = 1024
_STREAM = 16 * 7 * 7


class OFFApexNet(FlowNet):
    """(n, 3, 28, 28) to class scores (n, k); strain is not looked at; 2,664,475 parameters for k = 3.

    Each stream: convolution 5 x 5 with 6 filters and padding 2, ReLU, maximum over 2 x 2, the same with 16
    filters. Both together, 2 x 784 values, go through two layers of 1024 units with ReLU and dropout one
    half, then the class scores.

    Notes
    -----
    The variant with ReLU after the convolutions. A public re-implementation leaves it out; another has one
    stream of two channels, 3 x 3 kernels and one hidden layer.
    """

    dropouts = (0.5, 0.5)

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        for name in ("u", "v"):
            self.add_module(f"{name}1", Conv2d(1, 6, 5, padding=2))
            self.add_module(f"{name}2", Conv2d(6, 16, 5, padding=2))
        self.fc1 = Linear(2 * _STREAM, UNITS)
        self.fc2 = Linear(UNITS, UNITS)
        self.fc3 = Linear(UNITS, n_classes)

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Class scores; masks: two of `draw_masks`, while training."""
        x = torch.cat([self._stream("u", images[:, :1]), self._stream("v", images[:, 1:2])], dim=1)
        x = self.drop(F.relu(self.fc1(x)), masks, 0)
        x = self.drop(F.relu(self.fc2(x)), masks, 1)
        scores: Tensor = self.fc3(x)
        return scores

    def _stream(self, name: str, x: Tensor) -> Tensor:
        for i in (1, 2):
            x = F.max_pool2d(F.relu(self.get_submodule(f"{name}{i}")(x)), 2)
        return x.flatten(1)

    def mask_shapes(self, n: int) -> tuple[tuple[int, ...], ...]:
        """One mask for each hidden layer."""
        return ((n, UNITS), (n, UNITS))
