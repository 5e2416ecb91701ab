"""The three-dimensional CNN of the paper's comparison: C3D's architecture-search net."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from methods.nets.cnn import DROPOUT, scaled
from methods.nets.layers import Net, draw_masks, dropped, fill
from methods.nets.products import Conv3d, Linear

CONVOLUTIONS = (64, 128, 256, 256, 256)
UNITS = 2048


class C3D(Net):
    """Five 3 x 3 x 3 convolutions with 64, 128, 256, 256, 256 kernels, then 2048, 2048 and 4 units.

    length: frames of a clip; crop: height and width of the square input (C3D's is 112); width: factor
    on the numbers of kernels and units; the generator draws the initial weights, None leaves them.

    Notes
    -----
    Kernel sizes, padding and pooling are those of C3D (Tran et al., 2015), from which the paper takes
    its numbers: the first pool spans one frame, the others two. Windows that do not fill are kept, as in
    Caffe, on which C3D runs: 112 pixels end as 4, 32 frames as 2, so FC6 sees 8,192 values. (As many as in
    the net that C3D trained on Sports-1M; its net for 16 frames of UCF101 has 4,096.) Pool before ReLU as
    in `FrameCNN`. The paper does not give the dropout; FC6 and FC7 have C3D's, 0.5.
    Initial weights as in `FrameCNN`, but the convolutions' variance is 1 / fan-in: each is followed by a
    maximum over up to eight values, which makes up for what ReLU takes away; with 2 / fan-in the features
    grow from layer to layer.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        length: int,
        crop: int = 112,
        width: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        kernels = (3, *(scaled(n, width) for n in CONVOLUTIONS))
        self.units = scaled(UNITS, width)
        joined = kernels[-1] * math.ceil(length / 16) * math.ceil(crop / 32) ** 2
        with torch.device("meta"):
            self.convolutions = nn.ModuleList(
                Conv3d(before, after, 3, padding=1) for before, after in pairwise(kernels)
            )
            self.fc6 = Linear(joined, self.units)
            self.fc7 = Linear(self.units, self.units)
            self.fc8 = Linear(self.units, n_classes)
        self.to_empty(device="cpu")
        if generator is not None:
            fill(self, generator, last=self.fc8, convolution_gain=1.0)

    def maps(self, clips: Tensor) -> list[Tensor]:
        """(n, length, 3, crop, crop) to the rectified maps after each pool, (n, kernels, t, h, w)."""
        x = clips.transpose(1, 2)
        out = []
        for i, convolution in enumerate(self.convolutions):
            x = F.relu(F.max_pool3d(convolution(x), (1 if i == 0 else 2, 2, 2), ceil_mode=True))
            out.append(x)
        return out

    def forward(self, clips: Tensor, *masks: Tensor) -> Tensor:
        """(n, length, 3, crop, crop) normalised frames to class scores (n, 1, n_classes)."""
        first, second = masks or (None, None)
        x = dropped(F.relu(self.fc6(self.maps(clips)[-1].flatten(1))), first)
        x = dropped(F.relu(self.fc7(x)), second)
        scores: Tensor = self.fc8(x)
        return scores.unsqueeze(1)

    def draw_masks(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Dropout masks of FC6 and FC7, each (n, 2048); the length does not matter."""
        return draw_masks(((n, self.units),) * 2, DROPOUT, generator)
