"""Speed of the networks: the paper's CNN as one would write it beside ours.

On a CPU: the normalisation, the optimiser's step and a whole update, in processor time of one thread, which
other programs on the machine disturb least. On a GPU: the training loop after each step that makes it
faster, from eager float32 on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.speed.rows import Row, best_of
from data_prep.clips import Clips
from methods.base import Context
from methods.nets.cnn import FrameCNN
from methods.nets.layers import Net, fill
from methods.nets.norms import local_response_norm
from methods.training.devices import Execution, execution_for, matmul_rate, running
from methods.training.loop import train
from methods.training.schedule import Round, Schedule
from methods.training.scoring import forward_flops
from methods.training.windows import Footage, View, training_footage

PART = "networks"
CROP = 227
FRAME = (240, 320)
PAPER_BATCH = 224


class PlainCNN(Net):
    """The paper's CNN as one would write it: torch's layers in the order of the paper's table."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(3, 96, 7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
            nn.LocalResponseNorm(5),
            *(nn.Conv2d(96, 384, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
            nn.LocalResponseNorm(5),
            *(nn.Conv2d(384, 512, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(512, 512, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(512, 384, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True)),
            nn.Flatten(),
            *(nn.Linear(384 * 6 * 6, 4096), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()),
        )
        self.fc8 = nn.Linear(4096, 4)
        fill(self, torch.Generator().manual_seed(0), last=self.fc8)

    def forward(self, windows: Tensor, *masks: Tensor) -> Tensor:
        """(n, 1, 3, 227, 227) to (n, 1, 4); torch's dropout draws its own masks."""
        scores: Tensor = self.fc8(self.layers(windows.flatten(0, 1)))
        return scores.unsqueeze(1)

    def draw_masks(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """None: see `forward`."""
        return ()


def our_cnn() -> Net:
    """`FrameCNN` at the paper's size."""
    return FrameCNN(4, crop=CROP, generator=torch.Generator().manual_seed(0))


def measure(quick: bool) -> list[Row]:
    """Rows for this machine's CPU and, where there is one, its GPU."""
    rows = [_normalisation(quick), _step(quick), _training_on_cpu(quick)]
    if torch.cuda.is_available():
        rows += _training_on_gpu(quick)
    return rows


def _normalisation(quick: bool) -> Row:
    """Local response normalisation after M1, forward and backward."""
    x = torch.randn((4 if quick else 16, 96, 55, 55), generator=torch.Generator().manual_seed(0))
    x.requires_grad_()

    def timed(normalise: Callable[[Tensor], Tensor]) -> float:
        def work() -> None:
            x.grad = None
            torch.autograd.backward(normalise(x).sum())

        return best_of(work, 5, time.thread_time)

    with running(Execution(torch.device("cpu"))):
        ours, torchs = timed(local_response_norm), timed(nn.LocalResponseNorm(5))
    return Row.against(PART, f"LRN of {len(x)} x 96 x 55 x 55, both ways, one thread", ours, "torch", torchs)


def _step(quick: bool) -> Row:
    """One step of SGD with momentum and weight decay over all 80 million parameters."""

    def timed(fused: bool) -> float:
        weights = [torch.zeros(size, requires_grad=True) for size in (56_627_200, 16_781_312, 6_852_228)]
        for weight in weights:
            weight.grad = torch.ones_like(weight)
        optimizer = torch.optim.SGD(weights, lr=0.01, momentum=0.9, weight_decay=5e-4, fused=fused)
        return best_of(optimizer.step, 2 if quick else 5, time.thread_time)

    with running(Execution(torch.device("cpu"))):
        ours, plain = timed(True), timed(False)
    return Row.against(PART, "SGD step, 80.3 M parameters, one thread", ours, "not fused", plain)


def _training_on_cpu(quick: bool) -> Row:
    """One update at 227 x 227: masks, forward, backward, step; processor time of one thread."""
    batch, repeats = (4, 2) if quick else (16, 3)
    with running(Execution(torch.device("cpu"))):
        product = best_of(partial(torch.mm, *(torch.ones((768, 768)),) * 2), 5, time.thread_time)
        ours = _update_seconds(our_cnn(), batch, repeats, fused=True)
        plain = _update_seconds(PlainCNN(), batch, repeats, fused=False)
    return Row.against(
        PART,
        f"CNN training at {CROP} x {CROP}, an image of a batch of {batch}, one thread",
        ours / batch,
        "torch's layers, SGD not fused",
        plain / batch,
        note=f"{batch / ours:.2f} images/s; the step weighs less at the paper's batch of {PAPER_BATCH}",
        limit_seconds=_arithmetic() * product / (2.0 * 768**3),
    )


def _update_seconds(net: Net, batch: int, repeats: int, *, fused: bool) -> float:
    """Processor seconds of one update on frames that are already cut out."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn((batch, 1, CROP, CROP, 3), generator=generator).permute(0, 1, 4, 2, 3)
    if isinstance(net, PlainCNN):
        frames = frames.contiguous()
    labels = torch.arange(batch) % 4
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4, fused=fused)

    def update() -> None:
        scores = net(frames, *net.draw_masks(batch, 1, generator))
        torch.autograd.backward(nn.functional.cross_entropy(scores.flatten(0, 1), labels))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    with torch.random.fork_rng():
        return best_of(update, repeats, time.process_time)


def _training_on_gpu(quick: bool) -> list[Row]:
    """Stage M at the paper's batch after each step that makes it faster."""
    full = execution_for(Context(device="cuda", threads=torch.get_num_threads()))
    eager = Execution(full.device, threads=full.threads, fused=False)
    footage = _frames(full.device)
    steps: list[tuple[str, Callable[[], Net], Execution]] = [
        ("eager float32", PlainCNN, eager),
        ("+ bfloat16", PlainCNN, replace(eager, autocast=full.autocast)),
        ("+ channels last", PlainCNN, replace(eager, autocast=full.autocast, channels_last=True)),
        (
            "+ cuDNN tries its algorithms",
            PlainCNN,
            replace(eager, autocast=full.autocast, channels_last=True, benchmark=True),
        ),
        ("+ own LRN, pool before ReLU", our_cnn, replace(full, compiler=None, fused=False)),
        ("+ fused SGD", our_cnn, replace(full, compiler=None)),
        ("+ torch.compile", our_cnn, full),
    ]
    rows: list[Row] = []
    for name, make, execution in steps:
        rate = _images_per_second(make(), execution, footage, PAPER_BATCH, 3 if quick else 10, updates=10)
        limit = _arithmetic() / matmul_rate(execution.device, full.autocast, execution.threads)
        first = rows[0].seconds if rows else 1 / rate
        rows.append(
            Row.against(
                PART,
                f"CNN training on the GPU, batch {PAPER_BATCH}, one image: {name}",
                1 / rate,
                steps[0][0],
                first,
                note=f"{rate:.0f} images/s on {torch.cuda.get_device_name(execution.device)}",
                limit_seconds=limit,
            )
        )
    return rows


def _images_per_second(
    net: Net, execution: Execution, footage: Footage, batch: int, times: int, *, updates: int = 1
) -> float:
    """The fastest of `times` measurements, each over `updates` updates, after the first (a warm-up)."""
    schedule = Schedule(
        rounds=(Round(1e-4, (times + 1) * updates),),
        batch=batch,
        view=View(length=1, stride=1, crop=CROP),
        micro_batch=batch,
        evaluations=times + 1,
    )
    with torch.random.fork_rng():
        trained = train(net, footage, (range(len(footage)), []), schedule, execution, seed=0)
    return max(trained.rates[1:])


def _frames(device: torch.device) -> Footage:
    """Clips of noise in the paper's size, on the device as in a run."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 32, *FRAME, 3), dtype=np.uint8)
    clips = Clips.from_arrays(pixels, np.zeros((8, 66, 2), np.float32), np.arange(8) % 4)
    return training_footage(clips, range(2), device)


def _arithmetic() -> float:
    """Floating-point operations of training on one image: forward and two products backward."""
    return 3.0 * forward_flops(FrameCNN(4, crop=CROP), View(1, 1, CROP))
