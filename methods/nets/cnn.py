"""The paper's frame CNN: five convolutions and three fully connected layers on a 227 x 227 crop."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from methods.nets.layers import Net, draw_masks, dropped, fill
from methods.nets.norms import local_response_norm
from methods.nets.products import Conv2d, Linear

CONVOLUTIONS = (96, 384, 512, 512, 384)
UNITS = 4096
DROPOUT = 0.5
LEAST_CROP = 49


class Grouped(nn.Module):
    """A convolution in groups: each part of the outputs sees its part of the inputs alone."""

    def __init__(self, parts: Iterable[Conv2d]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in, h, w) to (n, out, h', w')."""
        inputs = x.chunk(len(self.parts), dim=1)
        return torch.cat([part(one) for part, one in zip(self.parts, inputs, strict=True)], dim=1)


def grouped(
    inner: int, outer: int, side: int, groups: int, *, stride: int = 1, padding: int = 0
) -> nn.Module:
    """A convolution of side x side kernels, in groups if there is more than one.

    Raises
    ------
    ValueError
        Where the groups cannot be equal.
    """
    if inner % groups or outer % groups:
        raise ValueError(f"{inner} inputs and {outer} kernels cannot be cut into {groups} equal groups")
    sizes = inner // groups, outer // groups
    parts = [Conv2d(*sizes, side, stride=stride, padding=padding) for _ in range(groups)]
    return parts[0] if groups == 1 else Grouped(parts)


class FrameCNN(Net):
    """C1 to FC8 of the paper's table.

    crop: height and width of the square input in pixels (the paper's is 227); width: factor on the
    numbers of kernels and units (1.0 is the paper's net, 80.3 million parameters); n_classes: units of
    FC8; groups: of C2, C4 and C5, two in AlexNet, where two GPUs shared the net, and in LRCN. The
    generator, on the CPU, draws the initial weights; None leaves them to be loaded.

    Notes
    -----
    Max-pooling comes before ReLU: both orders give the same values and gradients, this one rectifies a
    quarter of them. Frames may have their channels innermost, which makes the pools vectorise; from C3 on
    the maps have the layout of the weights. Pooling windows round up at the border, as in Caffe. The paper
    does not give the initialisation; see `methods.nets.layers.fill`.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        crop: int = 227,
        width: float = 1.0,
        groups: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = (scaled(kernels, width) for kernels in CONVOLUTIONS)
        self.units = scaled(UNITS, width)
        self.c5_shape = (c5, *(map_side(crop),) * 2)
        with torch.device("meta"):
            self.c1 = Conv2d(3, c1, 7, stride=2)
            self.c2 = grouped(c1, c2, 5, groups, stride=2)
            self.c3 = Conv2d(c2, c3, 3, padding=1)
            self.c4 = grouped(c3, c4, 3, groups, padding=1)
            self.c5 = grouped(c4, c5, 3, groups, padding=1)
            self.fc6 = Linear(c5 * pooled(map_side(crop)) ** 2, self.units)
            self.fc7 = Linear(self.units, self.units)
            self.fc8 = Linear(self.units, n_classes)
        self.to_empty(device="cpu")
        if generator is not None:
            fill(self, generator, last=self.fc8)

    def c5_maps(self, frames: Tensor) -> Tensor:
        """(n, 3, crop, crop) normalised frames to (n, 384, 13, 13) rectified maps of C5."""
        x = local_response_norm(F.relu(pool(self.c1(frames))))
        x = local_response_norm(F.relu(pool(self.c2(x))))
        if self.c3.weight.is_contiguous():
            x = x.contiguous()
        x = F.relu(self.c3(x))
        x = F.relu(self.c4(x))
        return F.relu(self.c5(x))

    def fc6_features(self, frames: Tensor) -> Tensor:
        """(n, 3, crop, crop) to (n, 4096): FC6, rectified."""
        return F.relu(self.fc6(pool(self.c5_maps(frames)).flatten(1)))

    def forward(self, windows: Tensor, *masks: Tensor) -> Tensor:
        """(n, length, 3, crop, crop) to class scores (n, length, n_classes), every frame on its own.

        Parameters
        ----------
        windows
            Pixels, normalised.
        masks
            Those of `draw_masks` while training, none otherwise.
        """
        n, length = windows.shape[:2]
        first, second = masks or (None, None)
        x = self.fc6_features(windows.flatten(0, 1)).view(n, length, -1)
        x = dropped(F.relu(self.fc7(dropped(x, first))), second)
        scores: Tensor = self.fc8(x)
        return scores

    def draw_masks(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Dropout masks of FC6 and FC7, each (n, length, 4096), for n windows of `length` frames."""
        return draw_masks(((n, length, self.units),) * 2, DROPOUT, generator)


def scaled(units: int, width: float) -> int:
    """`units` times `width`, at least one."""
    return max(1, round(units * width))


def pool(x: Tensor) -> Tensor:
    """Caffe's 3 x 3 maximum, stride 2, the last window cut at the border."""
    return F.max_pool2d(x, 3, stride=2, ceil_mode=True)


def pooled(side: int) -> int:
    """Side of a map after `pool`, rounded up; a map of 2 x 2 still makes one value."""
    return (side - 2) // 2 + 1


def map_side(crop: int) -> int:
    """Side of the maps of C3, C4 and C5 for a square input; ValueError if the input is too small."""
    c1 = (crop - 7) // 2 + 1
    c2 = (pooled(c1) - 5) // 2 + 1
    if c2 < 4:
        raise ValueError(f"a crop of {crop} pixels is too small for this net; the least is {LEAST_CROP}")
    return pooled(c2)
