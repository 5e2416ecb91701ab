"""What every network lets a user set, and the whole schedule of TLCNN on one screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from methods.base import FrameSettings, MethodError
from methods.training.schedule import Round, Schedule
from methods.training.windows import View

CROPS = (1, 10)


@dataclass(frozen=True)
class NetSettings(FrameSettings):
    """Settings of every network; the defaults are those of the CNN of TLCNN.

    Attributes
    ----------
    frame_size
        (height, width) of the frames.
    crop
        Side of the square the net sees.
    width
        Factor on kernels and units.
    mirror
        Mirror half of the training windows.
    input
        "frames", or "difference": each frame minus the clip's first one, divided by `difference_scale` grey
        levels, so that the face itself is gone and only what moves is left (no published network of Table 3
        does so).
    crops
        Windows of a clip to be decided are its central crop, or with 10 the four corners and the centre, each
        mirrored as well.
    momentum, weight_decay
        Of SGD.
    clip_norm
        Largest norm of a batch's gradient, 0 for no limit.
    micro_batch
        Windows that go through the net at once.
    inner_share
        Of the training clips, kept apart to choose among candidates.
    averaged
        The chosen candidate is the mean of the probabilities of the last so many of the kept weights instead
        of the best on those clips, 0 for the best.
    evaluations
        Per round.
    scheduled_for
        The training clips that the schedule is meant for, see `Schedule.stretched`.

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
            raise MethodError(f"crops = {self.crops} must be 1 (centre) or 10 (corners, centre, mirrored)")
        if self.difference_scale <= 0:
            raise MethodError(f"difference_scale = {self.difference_scale} must be above 0 grey levels")

    def view(self, length: int, stride: int) -> View:
        """Windows of `length` frames as these settings cut them; `stride` is for decisions only."""
        scale = self.difference_scale if self.input == "difference" else 0.0
        return View(length, stride, self.crop, difference=scale, crops=self.crops)

    def schedule(self, rounds: tuple[Round, ...], *, batch: int, view: View, **others: Any) -> Schedule:
        """How one net is trained on windows of this view; others: fields of `Schedule`."""
        return Schedule(
            rounds=rounds,
            batch=batch,
            view=view,
            mirror=self.mirror,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            micro_batch=max(1, self.micro_batch // view.length),
            evaluations=self.evaluations,
            **others,
        )


@dataclass(frozen=True)
class StageSettings(NetSettings):
    """Settings of the CNN's stages E (photographs) and M (single frames); the defaults are the paper's.

    Each stage has a batch, and per round a learning rate and a number of iterations; the rate falls to a
    tenth every `drop_every` iterations (0: never). E sees no clips: `scheduled_for` is not for it.

    Attributes
    ----------
    groups
        Of the second, fourth and fifth convolution (AlexNet and LRCN have two, the paper does not say).
    e_settled
        E ends when its accuracy changed by no more than this over three evaluations above chance.

    Notes
    -----
    The paper gives the threshold of E no value and E no schedule: it has M's first round here. Without a
    limit the first gradients of M have norms of 140 to 200 at the paper's size and throw the loss to 5;
    the paper states no limit, here M and E have that of the joint stage.
    """

    frame_size: tuple[int, int] = (240, 320)
    groups: int = 1
    e_batch: int = 224
    e_rate: float = 0.001
    e_iterations: int = 10_000
    e_drop_every: int = 2_560
    e_settled: float = 0.001
    m_batch: int = 224
    m_rates: tuple[float, ...] = (0.001, 0.0005)
    m_iterations: tuple[int, ...] = (10_000, 10_000)
    m_drop_every: int = 2_560

    def schedule_e(self) -> Schedule:
        """Of stage E: one round, single photographs, which have no first frame to take away."""
        only = Round(self.e_rate, self.e_iterations, self.e_drop_every)
        view = View(1, 1, self.crop)
        return self.schedule((only,), batch=self.e_batch, view=view, settled=self.e_settled)

    def schedule_m(self) -> Schedule:
        """Of stage M: single frames."""
        rounds = rounds_of("m", self.m_rates, self.m_iterations, self.m_drop_every)
        return self.schedule(rounds, batch=self.m_batch, view=self.view(1, 1))


@dataclass(frozen=True)
class SequenceSettings(StageSettings):
    """Settings of all of TLCNN: the stages E and M, then CNN and LSTM jointly; the paper's by default.

    Attributes
    ----------
    joint_window, joint_batch
        Frames in a row that are drawn from each of so many clips.
    joint_stride
        Windows that decide a clip are so far apart.
    hidden
        Units of the LSTM.
    lstm_bound
        Its weights begin uniform within +-lstm_bound.
    forget_bias
        Of its forget gates at the beginning.
    dropout
        Shares of FC6 and of the LSTM's output that are dropped.
    candidates
        Weights kept per round, besides the best.

    Notes
    -----
    What the paper leaves open follows LRCN (Donahue et al., 2015), whose published nets for single RGB
    frames have exactly its numbers of kernels: 256 units, the mean over steps, a gradient's limit of 5 (15
    is that of LRCN's net for optical flow), LSTM weights within 0.01 (within 1/16, two thirds of the
    input gates would be saturated by FC6 at the start). It departs from LRCN where the paper speaks (FC6
    keeps its dropout of 0.5, LRCN has 0.9 before the LSTM) and in the forget gates' bias of 1 (LRCN: 0),
    without which an untrained LSTM forgets half of its cell at each of 16 steps. `lrcn.toml` has LRCN's.

    The paper fine-tunes "the LSTM" from the best joint model without a rate: the second round trains the
    LSTM and its FC8 alone at half the rate, as the second round of M has half of the first's.
    """

    hidden: int = 256
    lstm_bound: float = 0.01
    forget_bias: float = 1.0
    dropout: tuple[float, float] = (0.5, 0.5)
    joint_batch: int = 16
    joint_window: int = 16
    joint_stride: int = 8
    joint_rates: tuple[float, ...] = (0.01, 0.005)
    joint_iterations: tuple[int, ...] = (20_000, 20_000)
    joint_drop_every: int = 5_600
    candidates: int = 4

    def schedule_joint(self) -> Schedule:
        """Of the joint stage: windows of frames; all rounds but the first train the LSTM and FC8 alone."""
        rounds = rounds_of("joint", self.joint_rates, self.joint_iterations, self.joint_drop_every)
        rounds = rounds[:1] + tuple(replace(each, only=("lstm", "fc8")) for each in rounds[1:])
        view = self.view(self.joint_window, self.joint_stride)
        return self.schedule(
            rounds, batch=self.joint_batch, view=view, candidates=self.candidates, per_clip=True
        )


def rounds_of(
    stage: str, rates: tuple[float, ...], iterations: tuple[int, ...], drop_every: int
) -> tuple[Round, ...]:
    """One round per rate and number of iterations; MethodError names the stage where they do not pair."""
    if len(rates) != len(iterations) or not rates:
        raise MethodError(
            f"{stage}_rates has {len(rates)} values and {stage}_iterations {len(iterations)}; "
            "give both one value per round"
        )
    return tuple(Round(rate, n, drop_every) for rate, n in zip(rates, iterations, strict=True))
