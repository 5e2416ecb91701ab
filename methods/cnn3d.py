"""3D-CNN: C3D's architecture-search net on whole clips, as the paper configured it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from methods.nets.c3d import C3D
from methods.nets.layers import Net
from methods.training.loop import derived_seed
from methods.training.net_method import NetMethod
from methods.training.schedule import Round, Schedule
from methods.training.settings import NetSettings


@dataclass(frozen=True)
class Settings(NetSettings):
    """The paper's schedule; rates and batches differ between TIM32 and TIM64.

    rate and batch: of clips with fewer than 64 frames; rate_long and batch_long: of the others. The rate
    falls to a tenth every drop_every iterations. micro_batch: frames that go through the net at once, rounded
    to whole clips.

    Attributes
    ----------
    candidates
        Weights kept besides the best.

    Notes
    -----
    The paper does not say when it stopped: 40,000 iterations are two of its steps of 20,000. Neither it
    nor C3D states a limit of the gradient's norm; the 15 here is ours (the first has a norm of 35).
    """

    frame_size: tuple[int, int] = (128, 171)
    crop: int = 112
    clip_norm: float = 15.0
    rate: float = 0.003
    rate_long: float = 0.001
    batch: int = 7
    batch_long: int = 4
    iterations: int = 40_000
    drop_every: int = 20_000
    candidates: int = 4


class CNN3D(NetMethod):
    """One decision per clip; see `methods.nets.c3d.C3D` for the net."""

    name = "3d-cnn"
    title = "3D-CNN"
    reference = (
        "Tran, Bourdev, Fergus, Torresani & Paluri, Learning spatiotemporal features with 3D convolutional "
        "networks, ICCV 2015"
    )
    revision = 2
    role = "paper"
    settings: Settings
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

    def schedule(self, length: int) -> Schedule:
        """The paper's training for this clip length."""
        settings = self.settings
        rate, batch = (
            (settings.rate, settings.batch) if length < 64 else (settings.rate_long, settings.batch_long)
        )
        return settings.schedule(
            (Round(rate, settings.iterations, settings.drop_every),),
            batch=batch,
            view=settings.view(length, length),
            candidates=settings.candidates,
            per_clip=True,
        )
