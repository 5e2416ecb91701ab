"""Square roots as IEEE 754 rounds them: torch takes its from MKL, whose last bit depends on the processor."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from methods.nets.products import ours


def root(x: Tensor) -> Tensor:
    """Square root of every entry, any shape; nothing is derived through it on a CPU."""
    return torch.from_numpy(np.sqrt(x.detach().numpy())) if ours(x) else x.sqrt()
