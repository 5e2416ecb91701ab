"""What a net says about windows and clips: class scores, probabilities, accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from methods.nets.layers import Net
from methods.nets.losses import mean_log_loss, probabilities
from methods.training.devices import Execution, running
from methods.training.windows import Footage, View, central_windows, frames_of, on_device


@dataclass(frozen=True)
class Scored:
    """What an evaluation found: accuracy over steps and over clips, mean negative log-likelihood of steps."""

    steps: float
    clips: float
    loss: float


def class_scores(
    forward: Callable[..., Tensor],
    footage: Footage,
    windows: Tensor,
    view: View,
    execution: Execution,
    masks: Sequence[Tensor] = (),
) -> Tensor:
    """Class scores of windows on the device, (n, steps, n_classes) float32."""
    frames = frames_of(footage, windows, view)
    with torch.autocast(execution.device.type, torch.bfloat16, enabled=execution.autocast):
        scores: Tensor = forward(frames, *masks)
    return scores.float()


@torch.inference_mode()
def step_probabilities(
    net: Net, footage: Footage, positions: Sequence[int], view: View, execution: Execution, *, batch: int
) -> Tensor:
    """Probabilities of every step of every window of clips, (clips, windows * steps, n_classes) float32.

    The crops of a window are averaged. The result lies on the device.

    Parameters
    ----------
    net, footage
        The net, and all clips, normalised.
    positions
        Of the clips to be decided.
    view
        The windows that it is given.
    execution
        Device, layout and compiler.
    batch
        Windows that go through the net at once.
    """
    windows = on_device(central_windows(footage, positions, view), execution.device)
    parts = [windows[:, first : first + batch] for first in range(0, windows.shape[1], batch)]
    scores = [class_scores(net, footage, part, view, execution) for part in parts]
    found = probabilities(torch.cat(scores))
    steps, classes = found.shape[1:]
    if view.crops > 1:
        found = found.reshape(-1, view.crops, steps, classes).mean(1)
    return found.reshape(len(positions), -1, classes)


def score(
    net: Net, footage: Footage, positions: Sequence[int], view: View, execution: Execution, *, batch: int
) -> Scored:
    """How well the net does on labelled clips; a clip's class is that of the mean of its steps."""
    probabilities = step_probabilities(net, footage, positions, view, execution, batch=batch)
    chosen = torch.as_tensor(positions, dtype=torch.int64, device=execution.device)
    labels = footage.labels[chosen]
    steps = (probabilities.argmax(2) == labels[:, None]).double().mean()
    clips = (probabilities.mean(1).argmax(1) == labels).double().mean()
    given = probabilities.gather(2, labels[:, None, None].expand(-1, probabilities.shape[1], 1))
    loss = mean_log_loss(given)
    return Scored(*torch.stack([steps, clips, loss]).tolist())


def predict(net: Net, footage: Footage, view: View, execution: Execution, *, batch: int) -> Tensor:
    """Probabilities of every step of all clips, (clips, steps, n_classes) float32 in CPU memory."""
    with running(execution):
        return step_probabilities(net, footage, range(len(footage)), view, execution, batch=batch).cpu()


def forward_flops(net: Net, view: View) -> int:
    """Floating-point operations of one window's forward pass, counted on tensors without memory."""
    weights = {name: torch.empty_like(tensor, device="meta") for name, tensor in net.state_dict().items()}
    window = torch.empty((1, view.length, 3, view.crop, view.crop), device="meta")
    with FlopCounterMode(display=False) as counter:
        torch.func.functional_call(net, weights, (window,))
    return int(counter.get_total_flops())
