"""What the methods on flow look at: onset-apex pictures, given as such or made of the frames."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data_prep.clips import Clips, Float32, UInt8, WithApex
from features.flow_image import Normalise, Recipe, Spotter, flow_image
from methods.base import FrameSettings, Method
from methods.cached import UnusableClip, per_clip

Pictures = npt.NDArray[Any]


@dataclass(frozen=True)
class FlowSettings(FrameSettings):
    """How pictures are made of frames, see `features.flow_image.Recipe`; pictures that are given stay.

    frame_size: of the frames between which the flow is measured. The apex is the annotated one, rounded to
    the frames after temporal interpolation; where there is none, as in SMIC, it is spotted.
    """

    algorithm: str = "farneback"
    normalise: Normalise = "minmax"
    spotter: Spotter = "steady"

    @property
    def recipe(self) -> Recipe:
        """The recipe with these settings and the field's 28 pixels."""
        return Recipe(algorithm=self.algorithm, normalise=self.normalise, spotter=self.spotter)


def pictures_of(method: Method, clips: Clips, *, recipe: Recipe) -> Pictures:
    """What `made_pictures` gives for a method; the time it takes counts as features of the method."""
    began = time.perf_counter()
    rows = made_pictures(clips, recipe, threads=method.context.threads)
    method.seconds["features"] = method.seconds.get("features", 0.0) + time.perf_counter() - began
    return rows


def made_pictures(clips: Clips, recipe: Recipe, *, threads: int = 1) -> Pictures:
    """(n, side, side, 3) u, v and strain of each clip, from the cache where it was made before.

    Clips that are pictures already are returned as they are, (n, height, width, 3) uint8.

    Raises
    ------
    UnusableClip
        For a clip without a second frame.
    """
    if clips.holds == "flow":
        return np.stack([clips[i][0] for i in range(len(clips))]) if len(clips) else _none(clips)

    def compute(frames: UInt8, landmarks: Float32, apex: float) -> Pictures:
        try:
            return flow_image(frames, apex, recipe)
        except ValueError as error:
            raise UnusableClip(str(error)) from error

    parameters = asdict(recipe)
    return per_clip(clips, WithApex(compute), name="flow-image", parameters=parameters, threads=threads)


def _none(clips: Clips) -> Pictures:
    _, height, width = clips.shape
    return np.zeros((0, height, width, 3), np.uint8)
