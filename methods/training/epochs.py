"""Training of the small nets on flow pictures: epochs, whole data in memory, weights kept along the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from methods.base import MethodError
from methods.nets.flow_net import FlowNet
from methods.nets.losses import cross_entropy, probabilities
from methods.training.adam import InOrderAdam
from methods.training.checkpoints import Weights, snapshot

Optimiser = Literal["adam", "sgd"]


@dataclass(frozen=True)
class Epochs:
    """How a net is trained.

    Attributes
    ----------
    number
        Of epochs.
    rate
        Learning rate, times `fade` every `fade_every` epochs.
    batch
        Pictures an update.
    shuffle
        Anew in every epoch, or always in the order given.
    kept
        How many epochs keep their weights, equally spaced, the last among them.
    """

    number: int
    rate: float
    batch: int
    shuffle: bool
    optimiser: Optimiser
    kept: int
    momentum: float = 0.0
    fade: float = 1.0
    fade_every: int = 0

    def __post_init__(self) -> None:
        if min(self.number, self.batch, self.kept) < 1:
            raise MethodError(
                f"epochs = {self.number}, batch = {self.batch}, candidates = {self.kept}: each at least 1"
            )

    def keeps(self) -> tuple[int, ...]:
        """The epochs that keep their weights, counted from 1."""
        n = min(self.kept, self.number)
        return tuple(round(self.number * (k + 1) / n) for k in range(n))

    def rate_at(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        return self.rate * (self.fade ** (epoch // self.fade_every) if self.fade_every else 1.0)


@dataclass(frozen=True)
class TrainedEpochs:
    """(epoch, weights) of the kept epochs, and the mean training loss of every epoch."""

    kept: tuple[tuple[int, Weights], ...]
    losses: tuple[float, ...]


def train_epochs(
    net: FlowNet,
    images: Tensor,
    labels: Tensor,
    schedule: Epochs,
    *,
    seeds: tuple[int, int],
    stage: Callable[[str], None] = lambda words: None,
) -> TrainedEpochs:
    """Train in place on images (n, 3, h, w) and labels (n,) with cross-entropy.

    A batch of a single picture, which cannot be normalised in every net, joins the one before it.

    Parameters
    ----------
    net
        Trained in place.
    images, labels
        (n, 3, height, width) and (n,).
    schedule
        Epochs, rate, batch.
    seeds
        Of the order of the pictures and of what is dropped.
    stage
        Takes how far the training is and how fast, whenever weights are kept.

    Raises
    ------
    MethodError
        When the loss is no longer finite.
    """
    order = torch.Generator().manual_seed(seeds[0])
    dropout = torch.Generator(images.device).manual_seed(seeds[1])
    optimiser = _optimiser(net, schedule)
    kept: list[tuple[int, Weights]] = []
    losses: list[float] = []
    keeps = set(schedule.keeps())
    net.train()
    began = time.perf_counter()
    for epoch in range(schedule.number):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(epoch)
        losses.append(_epoch(net, optimiser, images, labels, batches(len(images), schedule, order), dropout))
        if not torch.isfinite(torch.tensor(losses[-1])):
            raise MethodError(f"the loss is {losses[-1]} after epoch {epoch + 1}: lower the rate")
        if epoch + 1 in keeps:
            kept.append((epoch + 1, snapshot(net)))
            speed = (epoch + 1) * len(images) / (time.perf_counter() - began)
            stage(f"{epoch + 1} of {schedule.number} epochs, {speed:.0f} images/s")
    return TrainedEpochs(tuple(kept), tuple(losses))


def _epoch(
    net: FlowNet,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    order: Iterator[Tensor],
    dropout: torch.Generator,
) -> float:
    """A step for each batch of `order`; the mean loss of all pictures."""
    total = 0.0
    for batch in order:
        chosen = batch.to(images.device)
        masks = net.draw_masks(len(chosen), dropout)
        optimiser.zero_grad(set_to_none=True)
        loss = cross_entropy(net(images[chosen], *masks), labels[chosen]) / len(chosen)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total += float(loss.detach()) * len(chosen)
    return total / len(images)


def batches(n: int, schedule: Epochs, generator: torch.Generator) -> Iterator[Tensor]:
    """Positions of each batch of one epoch."""
    positions = torch.randperm(n, generator=generator) if schedule.shuffle else torch.arange(n)
    starts = list(range(0, n, schedule.batch))
    if len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], n], strict=True):
        yield positions[start:end]


@torch.inference_mode()
def scores_of(net: FlowNet, images: Tensor, *, batch: int = 512) -> Tensor:
    """(n, k) class probabilities of images, on the CPU."""
    net.eval()
    starts = range(0, len(images), batch)
    parts = [probabilities(net(images[start : start + batch])) for start in starts]
    return torch.cat(parts).cpu() if parts else torch.zeros((0, 0))


def _optimiser(net: FlowNet, schedule: Epochs) -> torch.optim.Optimizer:
    on_cpu = all(parameter.device.type == "cpu" for parameter in net.parameters())
    adam: Callable[..., torch.optim.Optimizer] = InOrderAdam if on_cpu else torch.optim.Adam
    kinds: dict[Optimiser, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: adam(net.parameters(), lr=schedule.rate),
        "sgd": lambda: torch.optim.SGD(
            net.parameters(), lr=schedule.rate, momentum=schedule.momentum, foreach=False
        ),
    }
    return kinds[schedule.optimiser]()
