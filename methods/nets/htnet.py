"""HTNet: a transformer in three levels on four crops of the onset-apex picture (Wang et al., 2024)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from methods.nets.flow_net import FlowNet
from methods.nets.normalised import GELU, LayerNorm
from methods.nets.products import Conv2d, Linear, linear, ours

CENTRES = ((9, 11), (21, 10), (10, 21), (20, 21))
"""(row, column) of eyes and mouth corners, in pixels: the fixed set that stands in for landmarks."""

PATCH, HALF, SIDE = 7, 7, 28
DEPTHS = (2, 2, 10)
EPSILON = 1e-5


class HTNet(FlowNet):
    """(n, 3, 28, 28) to class scores (n, k).

    dim: channels of the first level, doubled from level to level; heads: of the first level, doubled
    likewise. dim 256 with 3 heads is the authors' net of 139,582,982 parameters, dim 32 with 2 heads has
    2,201,798 (k = 3).

    Notes
    -----
    Four crops of 14 x 14 pixels make a picture of 4 x 4 patches. The levels work within 16, 4 and 1 blocks
    of these; between them the map is convolved, normalised and halved, so that with 28 pixels **every block
    holds one token**: the softmax over it is 1, the queries and keys change nothing and have no gradient.
    What remains is a residual multilayer perceptron with convolutions between its levels. So only the values
    are computed, which changes no bit; the queries and keys stay among the weights, as in the authors' files.
    """

    def __init__(self, n_classes: int, *, dim: int = 256, heads: int = 3) -> None:
        super().__init__()
        self.embedding = Linear(3 * PATCH * PATCH, dim)
        self.levels = nn.ModuleList(
            Level(dim * 2**i, heads * 2**i, dim // heads, depth) for i, depth in enumerate(DEPTHS)
        )
        self.between = nn.ModuleList(Halving(dim * 2**i) for i in range(len(DEPTHS) - 1))
        last = dim * 2 ** (len(DEPTHS) - 1)
        self.norm = LayerNorm(last, eps=EPSILON)
        self.fc = Linear(last, n_classes)

    def forward(self, images: Tensor, *masks: Tensor) -> Tensor:
        """Class scores; nothing is dropped."""
        patches = F.pixel_unshuffle(crops(images), PATCH)
        x = self.embedding(patches.permute(0, 2, 3, 1))
        for i, level in enumerate(self.levels):
            x = level(x, blocks=2 ** (len(self.levels) - 1 - i))
            if i < len(self.between):
                x = self.between[i](x)
        scores: Tensor = self.fc(self.norm(x).mean(dim=(1, 2)))
        return scores


def crops(images: Tensor) -> Tensor:
    """(n, c, 28, 28) as 14 x 14 pixels around the four centres: the eyes above, the mouth corners below."""
    parts = [
        images[..., row - HALF : row + HALF, column - HALF : column + HALF]
        for row, column in (_clipped(row, column) for row, column in CENTRES)
    ]
    return torch.cat([torch.cat(parts[:2], dim=-1), torch.cat(parts[2:], dim=-1)], dim=-2)


def _clipped(row: int, column: int) -> tuple[int, int]:
    """A centre whose crop lies within the picture."""
    return min(max(row, HALF), SIDE - HALF), min(max(column, HALF), SIDE - HALF)


class Level(nn.Module):
    """Layers of attention and perceptron within square blocks of a map (n, side, side, dim)."""

    def __init__(self, dim: int, heads: int, dim_head: int, depth: int) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(1))
        self.attentions = nn.ModuleList(Attention(dim, heads, dim_head) for _ in range(depth))
        self.perceptrons = nn.ModuleList(perceptron(dim) for _ in range(depth))

    def forward(self, x: Tensor, blocks: int) -> Tensor:
        """The same shape; `blocks` by `blocks` of them lie side by side."""
        n, side, _, dim = x.shape
        size = side // blocks
        x = x.view(n, blocks, size, blocks, size, dim).transpose(2, 3).reshape(-1, size * size, dim)
        x = x + self.position
        for attention, hidden in zip(self.attentions, self.perceptrons, strict=True):
            x = x + attention(x)
            x = x + hidden(x)
        return x.view(n, blocks, blocks, size, size, dim).transpose(2, 3).reshape(n, side, side, dim)


class Attention(nn.Module):
    """Self-attention over the tokens of a block, (m, tokens, dim), normalised before."""

    def __init__(self, dim: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = LayerNorm(dim, eps=EPSILON)
        self.queries_keys_values = Linear(dim, 3 * heads * dim_head, bias=False)
        self.out = Linear(heads * dim_head, dim)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        found: Tensor = self.out(self.mixed(self.norm(x)) if x.shape[1] > 1 else self.alone(self.norm(x)))
        return found

    def mixed(self, x: Tensor) -> Tensor:
        """The values of all tokens, weighted by the softmax of queries and keys, (m, tokens, inner)."""
        m, tokens, _ = x.shape
        parts = self.queries_keys_values(x).view(m, tokens, 3, self.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(dim=-1)
        found: Tensor = (weights @ v).transpose(1, 2).reshape(m, tokens, -1)
        return found

    def alone(self, x: Tensor) -> Tensor:
        """What `mixed` gives where a block holds one token, whose weight is 1: its value."""
        weight = self.queries_keys_values.weight
        values = weight[len(weight) // 3 * 2 :]
        return linear(x, values, values.new_zeros(len(values))) if ours(x) else F.linear(x, values)


class Halving(nn.Module):
    """Convolution 3 x 3 to twice the channels, layer norm, maximum over 3 x 3 every second place."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.convolution = Conv2d(dim, 2 * dim, 3, padding=1)
        self.norm = LayerNorm(2 * dim, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(n, side, side, dim) to (n, side / 2, side / 2, 2 dim)."""
        x = self.norm(self.convolution(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return F.max_pool2d(x.permute(0, 3, 1, 2), 3, stride=2, padding=1).permute(0, 2, 3, 1)


def perceptron(dim: int) -> nn.Sequential:
    """Layer norm, four times the width, GELU, and back."""
    return nn.Sequential(LayerNorm(dim, eps=EPSILON), Linear(dim, 4 * dim), GELU(), Linear(4 * dim, dim))
