"""TLCNN: a CNN trained on expression photographs (E), on single frames (M), then with an LSTM (joint)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from data_prep.clips import Clips
from methods.base import MethodError
from methods.nets.layers import Net
from methods.nets.recurrent import RecurrentCNN
from methods.training.loop import derived_seed
from methods.training.net_method import NetMethod
from methods.training.schedule import Plan
from methods.training.scoring import View
from methods.training.stages import STAGE_TITLES, Stage, StageSettings, report, rounds, stage_e, stage_m


@dataclass(frozen=True)
class Settings(StageSettings):
    """Settings of all stages; the defaults are the paper's where it gives them.

    hidden: units of the LSTM; joint_window frames in a row are drawn from each of joint_batch clips;
    a clip is decided by windows joint_stride apart; clip_norm: largest gradient norm of the joint stage;
    candidates: weights kept per round of it, besides the best.

    Notes
    -----
    The paper fine-tunes "the LSTM" from the best joint model without a rate: the second round trains the
    LSTM and its FC8 alone at half the rate, as the second round of M has half of the first's. LSTM width,
    the mean over steps and the gradient's limit of 15 are those of LRCN.
    """

    hidden: int = 256
    joint_batch: int = 16
    joint_window: int = 16
    joint_stride: int = 8
    joint_rates: tuple[float, ...] = (0.01, 0.005)
    joint_iterations: tuple[int, ...] = (20_000, 20_000)
    joint_drop_every: int = 5_600
    clip_norm: float = 15.0
    candidates: int = 4


class _Recurrent(NetMethod):
    """CNN + LSTM after whichever stages a subclass has.

    A clip's scores are the mean of the class probabilities over all steps of its windows; the decisions
    of single steps go beside them, because the paper seems to have counted those.
    """

    Settings = Settings
    role = "paper"
    curve_name = "joint"
    revision = 2
    curve_titles: ClassVar[Mapping[str, str]] = {**STAGE_TITLES, "joint": "Joint training of CNN and LSTM"}
    decides_per_step = True
    uses_e: ClassVar[bool]
    uses_m: ClassVar[bool]
    trial: ClassVar[Mapping[str, Any]] = {
        "frame_size": (60, 56),
        "crop": 49,
        "width": 0.05,
        "hidden": 8,
        "evaluations": 2,
        "candidates": 1,
        "e_iterations": 3,
        "m_iterations": (3, 2),
        "joint_iterations": (3, 2),
        "e_batch": 8,
        "m_batch": 8,
        "joint_batch": 2,
    }

    def new_net(self, n_classes: int, length: int, seed: int | None) -> Net:
        """The joint net with initial weights of this seed, or to be loaded."""
        if length < self.settings.joint_window:
            raise MethodError(
                f"{self.name} looks at {self.settings.joint_window} frames in a row and these clips have "
                f"{length}; interpolate them to more (--tim 32) or set joint_window"
            )
        generator = (
            None if seed is None else torch.Generator().manual_seed(derived_seed(seed, "joint weights"))
        )
        return RecurrentCNN(
            n_classes,
            crop=self.settings.crop,
            width=self.settings.width,
            hidden=self.settings.hidden,
            generator=generator,
        )

    def prepare_net(self, net: Net, clips: Clips, *, seed: int) -> None:
        """Run the stages before the joint one and take C1 to FC6 from the last of them."""
        start: Stage | None = None
        if self.uses_e:
            start = stage_e(self.settings, self.context)
            report(self, "E", start)
        if self.uses_m:
            start = stage_m(clips, self.settings, self.context, seed=seed, start=start)
            report(self, "M", start)
        if start is not None and isinstance(net, RecurrentCNN):
            net.start_from(start.weights)

    def plan(self, length: int) -> Plan:
        """The paper's joint training."""
        settings = self.settings
        return Plan(
            rounds=rounds(settings, "joint", only_later=("lstm", "fc8")),
            batch=settings.joint_batch,
            view=View(settings.joint_window, settings.joint_stride, settings.crop),
            mirror=settings.mirror,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            clip_norm=settings.clip_norm,
            micro_batch=max(1, settings.micro_batch // settings.joint_window),
            evaluations=settings.evaluations,
            candidates=settings.candidates,
            per_clip=True,
        )


class TLCNN(_Recurrent):
    """Photographs, single frames, sequences: the paper's method."""

    name = "tlcnn"
    title = "TLCNN"
    learns_from_stills = True
    uses_e = True
    uses_m = True


class TLCNNWithoutE(_Recurrent):
    """TLCNN without the expression photographs."""

    name = "tlcnn-e"
    title = "TLCNN(E)"
    uses_e = False
    uses_m = True


class TLCNNWithoutEM(_Recurrent):
    """TLCNN without photographs and without training on single frames."""

    name = "tlcnn-em"
    title = "TLCNN(EM)"
    uses_e = False
    uses_m = False
