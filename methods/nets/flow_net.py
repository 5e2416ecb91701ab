"""What nets on onset-apex pictures share: dropout with given masks, so that nothing is drawn globally."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from methods.nets.layers import dropped


class FlowNet(nn.Module):
    """A net from pictures (n, 3, h, w) to class scores (n, k) that is told what to drop.

    Attributes
    ----------
    dropouts
        The ratio of each of its dropouts, in order.
    """

    dropouts: ClassVar[tuple[float, ...]] = ()

    def mask_shapes(self, n: int) -> tuple[tuple[int, ...], ...]:
        """The shape of each mask for n pictures."""
        return ()

    def draw_masks(self, n: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Masks for n pictures, 0 where a value is dropped and 1 / (1 - ratio) where it is kept."""
        masks = []
        for shape, ratio in zip(self.mask_shapes(n), self.dropouts, strict=True):
            mask = torch.empty(shape, device=generator.device).bernoulli_(1 - ratio, generator=generator)
            masks.append(mask.mul_(1 / (1 - ratio)))
        return tuple(masks)

    @staticmethod
    def drop(x: Tensor, masks: tuple[Tensor, ...], number: int) -> Tensor:
        """What mask `number` leaves of x; all of it where there are no masks."""
        return dropped(x, masks[number]) if masks else x
