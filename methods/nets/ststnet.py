"""STSTNet: three shallow streams on the onset-apex picture (Liong et al., 2019)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from methods.nets.flow_net import FlowNet
from methods.nets.normalised import BatchNorm2d
from methods.nets.products import Conv2d, Linear

FILTERS = (3, 5, 8)


class STSTNet(FlowNet):
    """(n, 3, 28, 28) to class scores (n, k); 1,683 parameters for three classes.

    Each stream: convolution 3 x 3 with padding 2 and 3, 5 or 8 filters, ReLU, batch normalisation, maximum
    over 3 x 3 every 3 pixels with padding 1, dropout one half. Together they are 16 maps of 10 x 10, whose
    means over 2 x 2 are the 400 inputs of the only linear layer.

    Notes
    -----
    Layers and their order are those of the authors' public code, whose weights fit in: ReLU comes before
    the normalisation. The three streams are one convolution with 16 filters.
    """

    dropouts = (0.5,)

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        for i, filters in enumerate(FILTERS, start=1):
            self.add_module(f"conv{i}", Conv2d(3, filters, 3, padding=2))
            self.add_module(f"bn{i}", BatchNorm2d(filters))
        self.fc = Linear(5 * 5 * sum(FILTERS), n_classes)

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Class scores; masks: one of `draw_masks`, while training."""
        streams = [self._stream(i, images) for i in range(1, len(FILTERS) + 1)]
        maps = self.drop(torch.cat(streams, dim=1), masks, 0)
        scores: Tensor = self.fc(F.avg_pool2d(maps, 2).flatten(1))
        return scores

    def _stream(self, i: int, images: Tensor) -> Tensor:
        convolution, normalisation = self.get_submodule(f"conv{i}"), self.get_submodule(f"bn{i}")
        return F.max_pool2d(normalisation(F.relu(convolution(images))), 3, stride=3, padding=1)

    def mask_shapes(self, n: int) -> tuple[tuple[int, ...], ...]:
        """One mask over the 16 maps of 10 x 10."""
        return ((n, sum(FILTERS), 10, 10),)
