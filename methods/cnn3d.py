"""3D-CNN: C3D's architecture-search net on whole clips, as the paper configured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from methods.base import FrameSettings
from methods.nets.c3d import C3D
from methods.nets.layers import Net
from methods.training.loop import derived_seed
from methods.training.net_method import NetMethod
from methods.training.schedule import Plan, Round
from methods.training.scoring import View


@dataclass(frozen=True)
class Settings(FrameSettings):
    """The paper's schedule; rates and batches differ between TIM32 and TIM64.

    frame_size: (height, width); crop: side of the square the net sees; width: factor on kernels and
    units. rate and batch: of clips with fewer than 64 frames; rate_long and batch_long: of the others.
    The rate falls to a tenth every drop_every iterations. micro_batch: clips that go through the net at
    once; inner_share: of the training clips, kept apart to choose among candidates; scheduled_for: the
    training clips that the schedule is meant for, see `Plan.stretched`.

    Notes
    -----
    The paper does not say when it stopped: 40,000 iterations are two of its steps of 20,000.
    """

    frame_size: tuple[int, int] = (128, 171)
    crop: int = 112
    width: float = 1.0
    mirror: bool = True
    momentum: float = 0.9
    weight_decay: float = 5e-4
    micro_batch: int = 8
    inner_share: float = 0.125
    rate: float = 0.003
    rate_long: float = 0.001
    batch: int = 7
    batch_long: int = 4
    iterations: int = 40_000
    drop_every: int = 20_000
    clip_norm: float = 15.0
    evaluations: int = 20
    scheduled_for: int = 0
    candidates: int = 4


class CNN3D(NetMethod):
    """One decision per clip; see `methods.nets.c3d.C3D` for the net."""

    name = "3d-cnn"
    title = "3D-CNN"
    revision = 2
    role = "paper"
    Settings = Settings
    curve_name = "training"
    curve_titles: ClassVar[Mapping[str, str]] = {"training": "Training of the 3D-CNN"}
    trial: ClassVar[Mapping[str, Any]] = {
        "frame_size": (36, 40),
        "crop": 32,
        "width": 0.05,
        "iterations": 4,
        "batch": 2,
        "evaluations": 2,
        "candidates": 2,
    }

    def new_net(self, n_classes: int, length: int, seed: int | None) -> Net:
        """The net for clips of this length."""
        generator = None if seed is None else torch.Generator().manual_seed(derived_seed(seed, "weights"))
        return C3D(
            n_classes, length=length, crop=self.settings.crop, width=self.settings.width, generator=generator
        )

    def plan(self, length: int) -> Plan:
        """The paper's training for this clip length."""
        settings = self.settings
        rate, batch = (
            (settings.rate, settings.batch) if length < 64 else (settings.rate_long, settings.batch_long)
        )
        return Plan(
            rounds=(Round(rate, settings.iterations, settings.drop_every),),
            batch=batch,
            view=View(length, length, settings.crop),
            mirror=settings.mirror,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            clip_norm=settings.clip_norm,
            micro_batch=settings.micro_batch,
            evaluations=settings.evaluations,
            candidates=settings.candidates,
            per_clip=True,
        )
