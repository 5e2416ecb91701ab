"""Convolution and linear layer: on a CPU in a fixed order of additions, elsewhere torch's own.

Every product of the nets, forward and backward, is one call of `tiles.product`, so its bits depend
neither on the processor nor on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, product
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from methods.nets import tiles
from methods.nets.tiles import AnyFloat, Int64


def ours(x: Tensor) -> bool:
    """Whether the fixed order is used for this tensor: it lies in a CPU's memory, and nothing is compiled."""
    return x.device.type == "cpu" and not torch.compiler.is_compiling()


class Conv2d(nn.Conv2d):
    """torch's layer (one group, no dilation, zero padding) in a fixed order on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, in, h, w) to (n, out, h', w'); on a CPU the result has its channels innermost."""
        return convolution(x, self) if ours(x) else super().forward(x)


class Conv3d(nn.Conv3d):
    """torch's layer (one group, no dilation, zero padding) in a fixed order on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, in, t, h, w) to (n, out, t', h', w'); on a CPU the result has its channels innermost."""
        return convolution(x, self) if ours(x) else super().forward(x)


class Linear(nn.Linear):
    """torch's layer in a fixed order on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        if not ours(x):
            return super().forward(x)
        bias = self.weight.new_zeros(len(self.weight)) if self.bias is None else self.bias
        return linear(x, self.weight, bias)


def convolution(x: Tensor, layer: nn.Conv2d | nn.Conv3d) -> Tensor:
    """What the layer computes, see `_Convolution`."""
    stride, padding = layer.stride[0], layer.padding[0]
    assert isinstance(padding, int)
    out: Tensor = _Convolution.apply(x, layer.weight, layer.bias, stride, padding)  # type: ignore[no-untyped-call]
    return out


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(..., in) by weight (out, in) plus bias (out,) to (..., out)."""
    out: Tensor = _Linear.apply(x.flatten(0, -2), weight, bias)  # type: ignore[no-untyped-call]
    return out.view(*x.shape[:-1], -1)


class _Convolution(torch.autograd.Function):
    """Cross-correlation with the same stride and zero padding along every side.

    x (n, in, *sides), weight (out, in, *kernel), bias (out,); sides, kernel: two or three numbers.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        """One product of all windows with the kernel by taps; the padded input is kept."""
        kernel = weight.shape[2:]
        framed = _framed(x, (padding,) * len(kernel), (padding,) * len(kernel))
        sides = [(side - k) // stride + 1 for side, k in zip(framed.shape[1:-1], kernel, strict=True)]
        rows, steps = _windows(tuple(framed.shape), tuple(sides), tuple(kernel), stride)
        out = _copied(bias.repeat(prod(sides)).expand(len(x), -1)).view(len(rows), -1)
        _product(framed, rows, steps, _by_tap(weight), out)
        ctx.save_for_backward(framed, weight)
        ctx.stride, ctx.padding, ctx.sides, ctx.shape = stride, padding, sides, x.shape
        return _channels_second(out.view(len(x), *sides, -1))

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        """Gradients of what needs one: of the kernel by the same windows, of x by `_input_gradient`."""
        framed, weight = ctx.saved_tensors
        for_x = for_weight = for_bias = None
        flat = gradient.movedim(1, -1).reshape(-1, len(weight))
        if ctx.needs_input_grad[1]:
            kernel = weight.shape[2:]
            rows, steps = _windows(tuple(framed.shape), tuple(ctx.sides), tuple(kernel), ctx.stride)
            by_tap = flat.new_zeros((len(steps), len(weight)))
            _product(framed, steps, rows, flat, by_tap)
            for_weight = _channels_second(by_tap.T.reshape(len(weight), *kernel, -1))
            for_bias = torch.from_numpy(tiles.column_sums(flat.numpy()))
        if ctx.needs_input_grad[0]:
            for_x = _input_gradient(gradient, weight, ctx.shape, ctx.stride, ctx.padding)
        return for_x, for_weight, for_bias, None, None


def _input_gradient(
    gradient: Tensor, weight: Tensor, shape: Sequence[int], stride: int, padding: int
) -> Tensor:
    """The gradient of x: for each of the stride's phases a convolution with every stride-th tap, reversed."""
    before, after, phases = _phases(
        tuple(shape), tuple(gradient.shape), tuple(weight.shape[2:]), stride, padding
    )
    framed = _framed(gradient, before, after)
    out = gradient.new_zeros((shape[0], *shape[2:], shape[1]))
    by_tap = np.moveaxis(weight.detach().numpy(), (0, 1), (-2, -1))
    for taps, rows, steps, places in phases:
        reversed_ = torch.from_numpy(np.ascontiguousarray(by_tap[taps]).reshape(-1, shape[1]))
        _product(framed, rows, steps, reversed_, out, places)
    return _channels_second(out)


@lru_cache(256)
def _phases(
    shape: tuple[int, ...], produced: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int
) -> tuple[list[int], list[int], list[tuple[tuple[slice, ...], Int64, Int64, Int64]]]:
    """Zeros before and after each side of a gradient, and of each phase the taps and all positions.

    shape: of x, (n, in, *sides); produced: of the gradient, (n, out, *sides).
    """
    reach = [(k - 1) // stride for k in kernel]
    last = [(padding + side - 1) // stride for side in shape[2:]]
    beyond = [max(0, q + 1 - side) for q, side in zip(last, produced[2:], strict=True)]
    sides = [a + side + b for a, side, b in zip(reach, produced[2:], beyond, strict=True)]
    framed, out = (produced[0], *sides, produced[1]), (shape[0], *shape[2:], shape[1])
    phases = []
    for phase in product(*(range(min(stride, k)) for k in kernel)):
        counted = [(k - 1 - a) // stride for k, a in zip(kernel, phase, strict=True)]
        taps = tuple(slice(a + stride * n, None, -stride) for a, n in zip(phase, counted, strict=True))
        first = [-(-(padding - a) // stride) if padding > a else 0 for a in phase]
        counts = [
            max(0, (padding + side - 1 - a) // stride + 1 - q)
            for side, a, q in zip(shape[2:], phase, first, strict=True)
        ]
        from_ = [q - n + r for q, n, r in zip(first, counted, reach, strict=True)]
        to = [stride * q + a - padding for q, a in zip(first, phase, strict=True)]
        rows = _grid(framed, (shape[0], *counts), (1,) * len(kernel), tuple(from_))
        places = _grid(out, (shape[0], *counts), (stride,) * len(kernel), tuple(to))
        _, steps = _windows(framed, (1,) * len(kernel), tuple(n + 1 for n in counted), 1)
        phases.append((taps, rows, steps, places))
    return reach, beyond, phases


class _Linear(torch.autograd.Function):
    """x (m, in), weight (out, in), bias (out,) to (m, out); the larger operand is read where it lies.

    Which one is the rows of the product changes no bit: the terms of a sum keep their order.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The product of x and the weight, transposed, plus the bias."""
        ctx.save_for_backward(x, weight)
        n, k = weight.shape
        if len(x) >= n:
            out = _copied(bias.expand(len(x), -1))
            _product(x.contiguous(), line(len(x), k), line(k, 1), weight.T.contiguous(), out)
            return out
        out = _copied(bias[:, None].expand(-1, len(x)))
        _product(weight.detach().contiguous(), line(n, k), line(k, 1), x.detach().T.contiguous(), out)
        return out.T.contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Gradients of what needs one; the larger operand is again read where it lies."""
        x, weight = ctx.saved_tensors
        (n, k), gradient = weight.shape, gradient.contiguous()
        for_x = for_weight = for_bias = None
        if ctx.needs_input_grad[0] and len(x) >= n:
            for_x = gradient.new_zeros((len(x), k))
            _product(gradient, line(len(x), n), line(n, 1), weight.contiguous(), for_x)
        elif ctx.needs_input_grad[0]:
            out = gradient.new_zeros((k, len(x)))
            _product(weight.contiguous(), line(k, 1), line(n, k), gradient.T.contiguous(), out)
            for_x = out.T.contiguous()
        if ctx.needs_input_grad[1]:
            for_weight = gradient.new_zeros((n, k))
            _product(gradient, line(n, 1), line(len(x), n), x.contiguous(), for_weight)
            for_bias = torch.from_numpy(tiles.column_sums(gradient.numpy()))
        return for_x, for_weight, for_bias


def _product(
    x: Tensor, rows: Int64, steps: Int64, b: Tensor, out: Tensor, places: Int64 | None = None
) -> None:
    """`tiles.product` on contiguous tensors, into the rows of `out` one after the other unless places say."""
    flat: list[AnyFloat] = [one.detach().numpy().reshape(-1) for one in (x, out)]
    places = line(len(rows), b.shape[1]) if places is None else places
    tiles.product(flat[0], rows, steps, b.detach().numpy(), flat[1], places, threads=torch.get_num_threads())


def _copied(x: Tensor) -> Tensor:
    """The same numbers, contiguous and in memory of their own, where `contiguous` may return x itself."""
    return x.detach().clone(memory_format=torch.contiguous_format)


def _framed(x: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """(n, channels, *sides) to contiguous (n, *sides, channels) with zeros before and after each side."""
    inner = x.detach().movedim(1, -1)
    if not any((*before, *after)):
        return inner.contiguous()
    shape = [a + side + b for a, side, b in zip(before, x.shape[2:], after, strict=True)]
    out = x.new_zeros((len(x), *shape, x.shape[1]))
    out[(slice(None), *(slice(a, a + n) for a, n in zip(before, x.shape[2:], strict=True)))] = inner
    return out


def _channels_second(x: Tensor) -> Tensor:
    """(n, *sides, channels) seen as (n, channels, *sides)."""
    return x.movedim(-1, 1)


def _by_tap(weight: Tensor) -> Tensor:
    """(out, in, *kernel) to (kernel * in, out)."""
    return weight.detach().movedim((0, 1), (-1, -2)).reshape(-1, len(weight))


@lru_cache(256)
def _windows(
    shape: tuple[int, ...], sides: tuple[int, ...], kernel: tuple[int, ...], stride: int
) -> tuple[Int64, Int64]:
    """Where windows begin in (n, *sides, channels) of this shape, and the steps to what lies in one."""
    rows = _grid(shape, (shape[0], *sides), (stride,) * len(sides), (0,) * len(sides))
    weights = _strides(shape)
    steps = _sums(
        [np.arange(k) * weight for k, weight in zip((*kernel, shape[-1]), weights[1:], strict=True)]
    )
    return rows, steps


@lru_cache(256)
def _grid(
    shape: tuple[int, ...], counts: tuple[int, ...], every: tuple[int, ...], first: tuple[int, ...]
) -> Int64:
    """Positions in a tensor (n, *sides, channels): counts[1:] places along the sides, `every` apart."""
    axes = [np.arange(counts[0])] + [
        start + step * np.arange(n) for n, step, start in zip(counts[1:], every, first, strict=True)
    ]
    return _sums([axis * weight for axis, weight in zip(axes, _strides(shape)[:-1], strict=True)])


@lru_cache(256)
def line(n: int, step: int, first: int = 0) -> Int64:
    """So many positions from `first` on, `step` apart."""
    return first + np.arange(n, dtype=np.int64) * step


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of a contiguous array of this shape, in numbers."""
    return tuple(accumulate(reversed(shape[1:]), lambda a, b: a * b, initial=1))[::-1]


def _sums(axes: Sequence[Int64]) -> Int64:
    """Sums of one value of each axis, the last axis fastest."""
    total = np.zeros(1, np.int64)
    for axis in axes:
        total = (total[:, None] + axis).ravel()
    return total
