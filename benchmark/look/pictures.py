"""A clip as moving pictures: its frames, its magnified differences, its optical flow as colour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from basis.files import write_atomically
from features.optical_flow import flow_from_first, to_grey

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]

LEAST_DIFFERENCE = 6.0
"""Grey levels: differences are never magnified so far that the noise of a still clip fills the picture."""

LEAST_FLOW = 0.25
"""Pixels, likewise."""

BLUR = 0.8
"""Pixels, standard deviation: sensor noise of single pixels says nothing of movement."""

MILLISECONDS = 60
"""A frame is shown for that long: slow enough to follow a movement of a few frames."""

UP, DOWN, STILL = np.array([178, 24, 43]), np.array([33, 102, 172]), np.array([247, 247, 247])
"""Colours of brighter, darker and unchanged pixels."""


def difference_pictures(clip: UInt8) -> tuple[UInt8, float]:
    """What changed since the first frame, magnified: red where brighter, blue where darker.

    Parameters
    ----------
    clip
        (T, H, W, 3) uint8

    Returns
    -------
    (T, H, W, 3) uint8, and the grey levels that are shown in full colour.
    """
    grey = np.stack([cv2.GaussianBlur(each.astype(np.float32), (0, 0), BLUR) for each in to_grey(clip)])
    change = grey - grey[:1]
    full = max(float(np.percentile(np.abs(change), 99.5)), LEAST_DIFFERENCE)
    return _diverging(np.clip(change / full, -1, 1)), full


def _diverging(share: Float32) -> UInt8:
    strength = np.abs(share)[..., None]
    ends = np.where(share[..., None] > 0, UP, DOWN)
    pictures: UInt8 = np.rint(STILL + strength * (ends - STILL)).astype(np.uint8)
    return pictures


def flow_pictures(clip: UInt8) -> tuple[UInt8, float]:
    """Optical flow from the first frame as colour: hue is the direction, strength the length.

    Parameters
    ----------
    clip
        (T, H, W, 3) uint8

    Returns
    -------
    (T, H, W, 3) uint8, the first picture blank, and the pixels that are shown in full colour.
    """
    flow = flow_from_first(clip)
    full = max(float(np.percentile(np.linalg.norm(flow, axis=-1), 99.5)), LEAST_FLOW)
    pictures = _coloured(flow / np.float32(full))
    return np.concatenate([np.full_like(pictures[:1], 255), pictures]), full


def _coloured(flow: Float32) -> UInt8:
    """(..., 2) flow of length up to about 1 as (..., 3) colour on white."""
    length = np.clip(np.hypot(flow[..., 0], flow[..., 1]), 0, 1)[..., None]
    angle = np.arctan2(flow[..., 1], flow[..., 0])[..., None]
    hue = 0.5 + 0.5 * np.cos(angle - np.array([0.0, 2 * np.pi / 3, 4 * np.pi / 3]))
    pictures: UInt8 = np.rint(255 * (1 - length * (1 - hue))).astype(np.uint8)
    return pictures


def animation(pictures: UInt8, *, quality: int = 60) -> bytes:
    """(T, H, W, 3) uint8 as an animated WebP that plays for ever."""
    frames: Sequence[Image.Image] = [Image.fromarray(picture) for picture in pictures]
    held = io.BytesIO()
    frames[0].save(
        held,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=MILLISECONDS,
        loop=0,
        quality=quality,
        method=0,
    )
    return held.getvalue()


def write_animation(path: Path, pictures: UInt8) -> None:
    """Write `animation` of these pictures, whole or not at all."""
    write_atomically(path, animation(pictures))
