"""Bi-WOOF: flow directions weighted twice, by length and by strain, with a linear SVM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from data_prep.clips import Clips, Float32, UInt8, WithApex
from features.bi_woof import bi_woof
from features.flow_image import Spotter, apex_field, with_strain
from methods.cached import UnusableClip, per_clip
from methods.flow_pictures import Pictures
from methods.svm.solver import SVMMethod, SVMSettings, Variant


@dataclass(frozen=True)
class Settings(SVMSettings):
    """The picture, its blocks and the SVM; see also `FlowSettings`.

    Attributes
    ----------
    C
        The authors' 10000 alone.
    blocks
        Rows and columns.
    bins
        Of the circle.
    """

    C: tuple[float, ...] = (10_000.0,)
    algorithm: str = "farneback"
    spotter: Spotter = "steady"
    blocks: tuple[int, int] = (5, 5)
    bins: int = 8


class BiWOOF(SVMMethod):
    """200 numbers of the onset-apex flow at the size of the frames; see `features.bi_woof.bi_woof`.

    Notes
    -----
    Pictures that were scaled to 0..255 each have lost where nothing moves and how far things move. There
    the median of a channel counts as still, and what is left is the shape of the movement.
    """

    name = "bi-woof"
    title = "Bi-WOOF"
    reference = (
        "Liong, See, Wong & Phan, Less is more: micro-expression recognition from video using apex frame, "
        "Signal Processing: Image Communication 62 (2018) 82-92, https://doi.org/10.1016/j.image.2017.11.006"
    )
    needs_frames = False
    Settings = Settings
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "inner_folds": 2}

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """(n, rows * columns * bins) float32.

        Raises
        ------
        UnusableClip
            For a clip without a second frame.
        """
        s = self.settings

        def of_frames(frames: UInt8, landmarks: Float32, apex: float) -> Float32:
            try:
                field = apex_field(frames, apex, s.algorithm, s.spotter)
            except ValueError as error:
                raise UnusableClip(str(error)) from error
            return bi_woof(with_strain(field), blocks=s.blocks, bins=s.bins)

        def of_picture(frames: UInt8, landmarks: Float32, apex: float) -> Float32:
            return bi_woof(unscaled(frames[0]), blocks=s.blocks, bins=s.bins)

        given = clips.holds == "flow"
        return per_clip(
            clips,
            WithApex(of_picture if given else of_frames),
            name=self.name,
            parameters={"algorithm": s.algorithm, "spotter": s.spotter, "blocks": s.blocks, "bins": s.bins},
            threads=self.context.threads,
        )


def unscaled(picture: Pictures) -> Float32:
    """(h, w, 3) bytes to flow and strain up to a factor a channel: u and v about their medians."""
    channels = np.asarray(picture, np.float32)
    still = np.median(channels[..., :2], axis=(0, 1)).astype(np.float32)
    return np.dstack([channels[..., :2] - still, channels[..., 2]])
