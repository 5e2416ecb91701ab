"""Adam, on a CPU one compiled loop: torch takes its square root from MKL, which differs by processor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from basis.compiled import compiled

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8


class InOrderAdam(torch.optim.Optimizer):
    """Adam with torch's defaults for parameters in a CPU's memory.

    Notes
    -----
    The same as `torch.optim.Adam` to the rounding of float32; moments are kept in float32, a step is computed
    in float64.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"])

    def _update(self, parameter: Tensor, rate: float) -> None:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state |= {"step": 0, "first": np.zeros(parameter.numel(), np.float32)}
            state["second"] = np.zeros_like(state["first"])
        state["step"] += 1
        values, slopes = (_flat(each) for each in (parameter, parameter.grad))
        corrections = (1 - FIRST ** state["step"], 1 - SECOND ** state["step"])
        _adam(values, slopes, state["first"], state["second"], rate / corrections[0], corrections[1])
        if not parameter.is_contiguous():  # otherwise the values are the parameter's own memory
            parameter.copy_(torch.from_numpy(values).view(parameter.shape))


def _flat(tensor: Tensor | None) -> Any:
    assert tensor is not None
    return tensor.detach().contiguous().view(-1).numpy()


@compiled
def _adam(values: Any, slopes: Any, first: Any, second: Any, rate: Any, correction: Any) -> None:
    for i in range(len(values)):
        slope = np.float64(slopes[i])
        mean = FIRST * np.float64(first[i]) + (1.0 - FIRST) * slope
        square = SECOND * np.float64(second[i]) + (1.0 - SECOND) * slope * slope
        first[i], second[i] = mean, square
        values[i] -= rate * mean / (np.sqrt(square / correction) + EPSILON)
