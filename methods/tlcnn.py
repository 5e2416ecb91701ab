"""TLCNN: a CNN trained on expression photographs (E), on single frames (M), then with an LSTM (joint)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from data_prep.clips import Clips
from methods.base import MethodError, Role
from methods.nets.layers import Net
from methods.nets.recurrent import RecurrentCNN
from methods.training.loop import derived_seed
from methods.training.net_method import NetMethod
from methods.training.schedule import Schedule
from methods.training.settings import SequenceSettings
from methods.training.stages import REVISION, STAGE_TITLES, TLCNN_PAPER, Stage, report, stage_e, stage_m


class _Recurrent(NetMethod):
    """CNN + LSTM after whichever stages a subclass has.

    A clip's scores are the mean of the class probabilities over all steps of its windows; the decisions
    of single steps go beside them, because the paper seems to have counted those.

    Notes
    -----
    The candidates are the weights kept in the joint stage. The paper picked the stopping point of stage M on
    the test fold as well; here M stops by the inner clips, and to train a joint stage from each of its
    kept weights would multiply the time. The optimism beside these rows is therefore a lower bound.
    """

    settings: SequenceSettings
    Settings = SequenceSettings
    role: ClassVar[Role] = "paper"
    reference = TLCNN_PAPER
    curve_name = "joint"
    revision = REVISION
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
            lstm_bound=self.settings.lstm_bound,
            forget_bias=self.settings.forget_bias,
            dropout=self.settings.dropout,
            groups=self.settings.groups,
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

    def schedule(self, length: int) -> Schedule:
        """The paper's joint training."""
        return self.settings.schedule_joint()


class TLCNN(_Recurrent):
    """Photographs, single frames, sequences: the paper's method."""

    name = "tlcnn"
    title = "TLCNN"
    learns_from_stills = True
    uses_e = True
    uses_m = True


@dataclass(frozen=True)
class DifferenceSettings(SequenceSettings):
    """The settings of TLCNN, but the clips are seen as differences from their first frame."""

    input: Literal["frames", "difference"] = "difference"


class TLCNNOnDifferences(_Recurrent):
    """TLCNN, but what it sees of a clip is what changes: each frame minus the first one. Not the paper's.

    Notes
    -----
    Across people the paper's networks see mostly whose face it is: within a clip FC6 varies by a tenth of
    what it varies between clips. With the face taken away the same net on the same clips learns the
    movement. Photographs have no first frame; stage E sees them as they are.
    """

    name = "tlcnn-d"
    title = "TLCNN on differences (not the paper's)"
    role = "extra"
    settings: DifferenceSettings
    Settings = DifferenceSettings
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
