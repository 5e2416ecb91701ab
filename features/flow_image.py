"""The field's onset-apex picture: horizontal flow, vertical flow and optical strain, 28 x 28."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt

from features.optical_flow import ALGORITHMS, flow_from_first

Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Normalise = Literal["minmax", "symmetric", "none"]
Spotter = Literal["steady", "largest", "divide"]
Picture = npt.NDArray[np.uint8 | np.float32]


@dataclass(frozen=True)
class Recipe:
    """Every step of the way from two frames to a picture.

    Attributes
    ----------
    algorithm
        Of the flow, a name of `features.optical_flow.ALGORITHMS`, each with its parameters there.
    side
        Height and width of the picture in pixels.
    normalise
        Each channel of each picture by itself, "minmax" to 0..255 with fractions cut off, as the public sets
        are (the amplitude is lost and the zero moves), "symmetric" x / max|x| * 127 + 128 (the zero stays at
        128), "none" (float32, pixels a frame pair).
    spotter
        How the apex is found where none is annotated, see `spotted_apex`.
    """

    algorithm: str = "farneback"
    side: int = 28
    normalise: Normalise = "minmax"
    spotter: Spotter = "steady"

    def __post_init__(self) -> None:
        for value, allowed, what in (
            (self.algorithm, tuple(ALGORITHMS), "algorithm"),
            (self.normalise, get_args(Normalise), "normalise"),
            (self.spotter, get_args(Spotter), "spotter"),
        ):
            if value not in allowed:
                raise ValueError(f"{what} = {value!r} must be one of {', '.join(allowed)}")
        if not 2 <= self.side <= 256:
            raise ValueError(f"side = {self.side} must lie in 2..256 pixels")


def flow_image(frames: UInt8, apex: float, recipe: Recipe) -> Picture:
    """(side, side, 3) picture of a clip: u, v and strain from its first frame to its apex.

    An annotated apex at the first frame moves to the second, since nothing moves from a frame to itself.
    uint8, or float32 where nothing is normalised.

    Parameters
    ----------
    frames
        (T, H, W, 3) uint8 RGB or (T, H, W) grey.
    apex
        Where it is annotated, 0 (first frame) to 1 (last frame); nan to have it spotted.
    recipe
        How it is made.

    Raises
    ------
    ValueError
        For fewer than two frames or an apex outside 0..1.

    References
    ----------
    Liong, Gan, See, Khor & Huang, Shallow triple stream three-dimensional CNN (STSTNet) for micro-expression
    recognition, FG 2019: u, v and strain from onset to apex.

    Examples
    --------
    A bright patch that moves by a pixel to the right between the first frame and the second:

    >>> frames = np.zeros((2, 32, 32), np.uint8)
    >>> frames[0, 12:20, 12:20] = frames[1, 12:20, 13:21] = 200
    >>> picture = flow_image(frames, 1.0, Recipe(side=8, normalise="none"))
    >>> picture.shape, bool(picture[3:5, 3:5, 0].mean() > 0.5)
    ((8, 8, 3), True)
    """
    field = apex_field(frames, apex, recipe.algorithm, recipe.spotter)
    return normalised(reduced(with_strain(field), recipe.side), recipe.normalise)


def apex_field(frames: UInt8, apex: float, algorithm: str, spotter: Spotter = "steady") -> Float32:
    """(H, W, 2) flow in pixels from the first frame of a clip to its apex; see `flow_image`.

    Raises
    ------
    ValueError
        For fewer than two frames or an apex outside 0..1.
    """
    last = len(frames) - 1
    if last < 1:
        raise ValueError("a flow image needs at least two frames")
    if np.isnan(apex):
        flow = flow_from_first(frames, algorithm)
        return np.asarray(flow[spotted_apex(flow, spotter)])
    if not 0 <= apex <= 1:
        raise ValueError(f"apex = {apex} must lie in 0..1, from the first frame to the last")
    at = max(1, round(apex * last))
    return np.asarray(flow_from_first(frames[[0, at]], algorithm)[0])


def with_strain(field: Float32) -> Float32:
    """(H, W, 2) flow in pixels to (H, W, 3): u, v and optical strain.

    Strain is sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2), from central differences, one-sided at the border.
    """
    u_y, u_x = np.gradient(field[..., 0].astype(np.float64))
    v_y, v_x = np.gradient(field[..., 1].astype(np.float64))
    strain = np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2)
    return np.dstack([field, strain.astype(np.float32)])


def reduced(channels: Float32, side: int) -> Float32:
    """(H, W, c) float32 to (side, side, c), bilinear between pixel centres, without smoothing before."""
    return np.asarray(cv2.resize(channels, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def normalised(channels: Float32, how: Normalise) -> Picture:
    """Each channel of (h, w, c) scaled by itself; see `Recipe`. A constant channel becomes 0 (or 128)."""
    if how == "none":
        return channels
    flat = channels.reshape(-1, channels.shape[-1]).astype(np.float64)
    if how == "minmax":
        low, high = flat.min(axis=0), flat.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        scaled = (flat - low) / span * 255
    else:
        largest = np.abs(flat).max(axis=0)
        scaled = flat / np.where(largest > 0, largest, 1.0) * 127 + 128
    return np.asarray(scaled, np.uint8).reshape(channels.shape)


def spotted_apex(flow: Float32, spotter: Spotter = "steady") -> int:
    """Which field of (T-1, H, W, 2) flow from the first frame is the apex's, without an annotation.

    "steady": the one of the largest mean length beyond the median movement, which is the head's; the first
    of equals. "largest": the same with the head's movement in it. "divide": divide and conquer on those mean
    lengths (Liong et al. 2015): the half with the larger sum is kept until one field is left, the earlier
    half of equals.

    Notes
    -----
    Against the apex that the simulator knows ("small" size, 68 clips, TIM 32) the mean error is .04 of the
    clip's length for "steady", .27 for "largest" and .19 for "divide", which follow the drift of the head to
    the end of the clip; the middle frame has .11, a random one .27.
    """
    if spotter == "steady":
        flow = flow - np.median(flow, axis=(1, 2), keepdims=True)
    lengths = np.hypot(flow[..., 0], flow[..., 1]).mean(axis=(1, 2), dtype=np.float64)
    if spotter != "divide":
        return int(lengths.argmax())
    first, end = 0, len(lengths)
    while end - first > 1:
        middle = (first + end + 1) // 2
        if lengths[first:middle].sum() >= lengths[middle:end].sum():
            end = middle
        else:
            first = middle
    return first
