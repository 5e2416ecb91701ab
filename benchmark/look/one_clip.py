"""What a saved model saw in one video, as one file: face and crop, movement, flow, decision, doubts."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import cv2
import jinja2
import numpy as np
import numpy.typing as npt

from basis.files import write_atomically
from benchmark.look.pictures import UInt8, animation, difference_pictures, flow_pictures
from data_prep.clips import Clips, Float32
from data_prep.crop import Box
from data_prep.frames.reading import read_frame
from data_prep.frames.sources import FrameSource
from data_prep.notes import Notes
from data_prep.registration import NONE
from features.optical_flow import flow_from_first

WIDEST = 640
"""Pixels of the whole first frame on the page."""

ARROWS = 12
"""Arrows across the face."""


@dataclass(frozen=True)
class Watched:
    """A video as a method gets it, and where it was found in the video.

    Attributes
    ----------
    clips
        One prepared clip.
    window
        Numbers of its first and last frame.
    source
        The raw frames.
    box, landmarks
        Face rectangle and (66, 2) points in pixels of the raw first frame.
    notes
        What makes a label of this clip doubtful.
    registration
        How the head was held still.
    """

    clips: Clips
    window: tuple[int, int]
    source: FrameSource
    box: Box
    landmarks: Float32
    notes: Notes
    registration: str = NONE


@dataclass(frozen=True)
class Seen:
    """A labelled video.

    Attributes
    ----------
    clips
        Its one prepared clip with the model's classes.
    shares
        (classes,) scores as shares of one and `kind`, what they are.
    steps
        (T,) class decided at each frame by methods that do so, else None.
    """

    video: str
    method: str
    clips: Clips
    watched: Watched
    shares: npt.NDArray[np.float64]
    kind: str
    steps: npt.NDArray[np.int16] | None


def write_seen(path: Path, seen: Seen) -> None:
    """Write the page of one labelled video."""
    clip, watched = seen.clips[0], seen.watched
    whole = read_frame(watched.source, 0)
    difference, levels = difference_pictures(clip)
    flow, pixels = flow_pictures(clip)
    apex, arrows = _arrows(clip)
    held = "" if watched.registration == NONE else f"the head held still ({watched.registration}), "
    template = files("benchmark.look").joinpath("one_clip.html").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(template).render(
        seen=seen,
        decision=seen.clips.classes[int(seen.shares.argmax())],
        shares=list(zip(seen.clips.classes, seen.shares.tolist(), strict=True)),
        window=watched.window,
        notes=watched.notes,
        size=whole.shape[:2],
        box=watched.box,
        points=np.round(watched.landmarks, 1).tolist(),
        whole=_jpeg(whole),
        clip_size=clip.shape[1:3],
        animations=[
            (f"What the method gets: {held}cut to the face, one length, played slowly", _webp(clip)),
            (
                f"What changed since the first frame; full colour is {levels:.1f} grey levels",
                _webp(difference),
            ),
            (f"Movement since the first frame; full colour is {pixels:.2f} pixels", _webp(flow)),
        ],
        apex=apex + 1,
        apex_frame=_jpeg(clip[apex]),
        arrows=arrows,
        steps=_runs(seen.steps, seen.clips.classes),
    )
    write_atomically(path, text.encode())


def _arrows(clip: UInt8) -> tuple[int, list[tuple[float, float, float, float]]]:
    """The frame that has moved most, and arrows (x, y, dx, dy) on it, the longest a tenth of the width."""
    flow = flow_from_first(clip)
    most = int(np.hypot(flow[..., 0], flow[..., 1]).mean(axis=(1, 2), dtype=np.float64).argmax())
    height, width = clip.shape[1:3]
    rows = round(ARROWS * height / width)
    cells = cv2.resize(flow[most], (ARROWS, rows), interpolation=cv2.INTER_AREA)
    longest = max(float(np.hypot(cells[..., 0], cells[..., 1]).max()), 1e-6)
    scale = width / 10 / longest
    arrows = [
        ((column + 0.5) * width / ARROWS, (row + 0.5) * height / rows, float(u) * scale, float(v) * scale)
        for (row, column), u, v in zip(
            np.ndindex(rows, ARROWS), cells[..., 0].ravel(), cells[..., 1].ravel(), strict=True
        )
    ]
    return most + 1, [(round(x, 1), round(y, 1), round(u, 2), round(v, 2)) for x, y, u, v in arrows]


def _runs(steps: npt.NDArray[np.int16] | None, classes: Sequence[str]) -> list[tuple[str, int, int]]:
    """(class, first frame, last frame) of equal decisions in a row, frames counted from 1."""
    if steps is None:
        return []
    starts = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    return [(classes[int(steps[begin])], begin + 1, end) for begin, end in pairwise(starts)]


def _jpeg(picture: UInt8) -> str:
    scale = min(1.0, WIDEST / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, held = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded")
    return _data("image/jpeg", held.tobytes())


def _webp(pictures: UInt8) -> str:
    return _data("image/webp", animation(pictures))


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
