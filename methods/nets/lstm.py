"""A long short-term memory: on a CPU in a fixed order of additions, elsewhere torch's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from basis.compiled import compiled
from methods.nets import tiles
from methods.nets.elementary import logistic, tanh
from methods.nets.products import line, ours
from methods.nets.tiles import AnyFloat


class LSTM(nn.LSTM):
    """torch's layer (one layer, one direction, batch first, zero state before) in a fixed order on a CPU."""

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Any]:  # type: ignore[override]
        """(n, steps, in) to the states after each step (n, steps, hidden), and nothing on a CPU."""
        if hx is not None or not ours(x):
            return super().forward(x, hx)
        w_in, w_state, b_in, b_state = self.all_weights[0]
        states: Tensor = _LSTM.apply(x, w_in, w_state, b_in + b_state)  # type: ignore[no-untyped-call]
        return states, None


class _LSTM(torch.autograd.Function):
    """x (n, T, in), weights (4 H, in) and (4 H, H), bias (4 H,) to (n, T, H); gates i, f, g, o as in torch.

    Inside, a column is a window at a step, step by step, and rows are units, so that the weights are read
    where they lie and each step's states stand side by side.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w_in: Tensor, w_state: Tensor, bias: Tensor) -> Tensor:
        """All steps in turn from zero states; gates and states are kept."""
        n, steps, _ = x.shape
        hidden = w_state.shape[1]
        given = x.detach().transpose(0, 1).reshape(n * steps, -1)
        gates = bias.detach()[:, None].repeat(1, n * steps)
        states, cells = (gates.new_zeros((steps + 1, hidden, n)) for _ in range(2))
        sums, shown, inner, by_state = _arrays(gates, states, cells, w_state)
        _add(sums, w_in.detach().numpy(), given.numpy().T)
        for t in range(steps):
            if t:
                _add(sums, by_state, shown[t], first=t * n)
            _step(sums, inner[t], inner[t + 1], shown[t + 1], t * n)
        ctx.save_for_backward(given, w_in, w_state, gates, states, cells)
        ctx.shape = x.shape
        return states[1:].permute(2, 0, 1).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        """Back through time, last step first; then every weight's gradient in one product."""
        given, w_in, w_state, gates, states, cells = ctx.saved_tensors
        n, steps, _ = ctx.shape
        gates = gates.clone()
        back = gradient.permute(1, 2, 0).contiguous()
        before = states[:-1].permute(0, 2, 1).reshape(n * steps, -1)
        for_in, for_state = torch.zeros_like(w_in), torch.zeros_like(w_state)
        of_cell = torch.zeros_like(cells[0])
        sums, inner, of_state, of_inner, by_state = _arrays(gates, cells, back, of_cell, w_state)
        for t in reversed(range(steps)):
            _step_back(sums, inner[t], inner[t + 1], of_state[t], of_inner, t * n)
            if t:
                _add(of_state[t - 1], by_state.T, sums[:, t * n : (t + 1) * n])
        _add(for_in.numpy(), sums, given.numpy())
        _add(for_state.numpy(), sums, before.numpy())
        for_x = None
        if ctx.needs_input_grad[0]:
            flat = given.new_zeros((w_in.shape[1], n * steps))
            _add(flat.numpy(), w_in.detach().numpy().T, sums)
            for_x = flat.view(-1, steps, n).permute(2, 1, 0).contiguous()
        return for_x, for_in, for_state, torch.from_numpy(tiles.column_sums(gates.T.numpy()))


def _add(out: AnyFloat, a: AnyFloat, b: AnyFloat, *, first: int = 0) -> None:
    """Add a @ b to columns first .. of out, which is contiguous; a is, or its transpose is."""
    if not out.flags.c_contiguous:
        raise ValueError(f"the result must lie in one piece, and its strides are {out.strides}")
    steps = [stride // a.itemsize for stride in a.strides]
    tiles.product(
        a.ravel(order="K"),
        line(a.shape[0], steps[0]),
        line(a.shape[1], steps[1]),
        b,
        out.reshape(-1),
        line(len(out), out.shape[1], first),
        threads=torch.get_num_threads(),
    )


def _arrays(*tensors: Tensor) -> list[Any]:
    return [one.detach().numpy() for one in tensors]


@compiled
def _step(gates: Any, cell: Any, cell_after: Any, state_after: Any, first: Any) -> None:
    """One step: the gates' sums in columns first .. of `gates` become their values, cell and state follow."""
    hidden, n = cell.shape
    for unit in range(hidden):
        for i in range(n):
            at = first + i
            entry = logistic(np.float64(gates[unit, at]))
            keep = logistic(np.float64(gates[hidden + unit, at]))
            candidate = tanh(np.float64(gates[2 * hidden + unit, at]))
            out = logistic(np.float64(gates[3 * hidden + unit, at]))
            cell_after[unit, i] = keep * cell[unit, i] + entry * candidate
            state_after[unit, i] = out * tanh(np.float64(cell_after[unit, i]))
            gates[unit, at] = entry
            gates[hidden + unit, at] = keep
            gates[2 * hidden + unit, at] = candidate
            gates[3 * hidden + unit, at] = out


@compiled
def _step_back(gates: Any, cell: Any, cell_after: Any, back: Any, of_cell: Any, first: Any) -> None:
    """One step back: the gates' values become those of their sums' gradients, of_cell moves on."""
    hidden, n = cell.shape
    for unit in range(hidden):
        for i in range(n):
            at = first + i
            entry, keep = np.float64(gates[unit, at]), np.float64(gates[hidden + unit, at])
            candidate, out = (
                np.float64(gates[2 * hidden + unit, at]),
                np.float64(gates[3 * hidden + unit, at]),
            )
            shown = tanh(np.float64(cell_after[unit, i]))
            inner = of_cell[unit, i] + back[unit, i] * out * (1.0 - shown * shown)
            gates[unit, at] = inner * candidate * entry * (1.0 - entry)
            gates[hidden + unit, at] = inner * cell[unit, i] * keep * (1.0 - keep)
            gates[2 * hidden + unit, at] = inner * entry * (1.0 - candidate * candidate)
            gates[3 * hidden + unit, at] = back[unit, i] * shown * out * (1.0 - out)
            of_cell[unit, i] = inner * keep
