"""What every network lets a user set, whatever it is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from methods.base import FrameSettings, MethodError
from methods.training.windows import View

CROPS = (1, 10)


@dataclass(frozen=True)
class NetSettings(FrameSettings):
    """Settings of every network; the defaults are those of the CNN of TLCNN.

    frame_size: (height, width) of the frames; crop: side of the square the net sees; width: factor on
    kernels and units; mirror: mirror half of the training windows. input: "frames", or "difference": each
    frame minus the clip's first one, divided by `difference_scale` grey levels, so that the face itself is
    gone and only what moves is left (no published network of Table 3 does so). crops: windows of a clip to
    be decided are its central crop, or with 10 the four corners and the centre, each mirrored as well.

    momentum, weight_decay: of SGD; clip_norm: largest norm of a batch's gradient, 0 for no limit;
    micro_batch: windows that go through the net at once. inner_share: of the training clips, kept apart to
    choose among candidates; averaged: the chosen candidate is the mean of the probabilities of the last so
    many of the kept weights instead of the best on those clips, 0 for the best. evaluations: per round;
    scheduled_for: the training clips that the schedule is meant for, see `Schedule.stretched`.

    Notes
    -----
    A weight decay of 5e-4 and a momentum of 0.9 are those of Caffe's reference net; LRCN's examples have
    0.005. One central crop sees the inner 71 % of either side of a face at the paper's size; LRCN decides by
    ten crops, which cost ten times as much. The TLCNN paper states neither.
    """

    crop: int = 227
    width: float = 1.0
    mirror: bool = True
    input: Literal["frames", "difference"] = "frames"
    difference_scale: float = 4.0
    crops: int = 1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    clip_norm: float = 5.0
    micro_batch: int = 256
    inner_share: float = 0.125
    averaged: int = 0
    evaluations: int = 20
    scheduled_for: int = 0

    def __post_init__(self) -> None:
        if self.crops not in CROPS:
            raise MethodError(f"crops = {self.crops} must be 1 (the centre) or 10 (corners, centre, mirrored)")
        if self.difference_scale <= 0:
            raise MethodError(f"difference_scale = {self.difference_scale} must be above 0 grey levels")

    def view(self, length: int, stride: int) -> View:
        """Windows of `length` frames as these settings cut them; `stride` is for decisions only."""
        scale = self.difference_scale if self.input == "difference" else 0.0
        return View(length, stride, self.crop, difference=scale, crops=self.crops)
