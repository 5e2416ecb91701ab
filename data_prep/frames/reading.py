"""Frames of a clip, whether it is a folder of pictures or a part of a video, as RGB arrays.

Every failure is a `FrameError` that names the file.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from data_prep.clips import UInt8
from data_prep.frames.files import FrameError
from data_prep.frames.pictures import (
    PICTURES,
    Canvas,
    camera_bits,
    has_alpha,
    picture_size,
    read_image,
    read_picture,
)
from data_prep.frames.sources import FrameSource, ImageFrames
from data_prep.frames.timeline import READER, timeline
from data_prep.frames.video import VIDEOS, frame_times, video_frames
from data_prep.notes import Notes

MAX_FRAMES = 10_000

DEEP = "pictures of more than 8 bits, scaled by one rule for all frames of a clip"
ALPHA = "pictures with an alpha channel, which is not used"
UNEVEN = "a changing frame rate, interpolated by time stamps"
OBLONG = (
    "a video whose pixels are not square, used as they are stored: faces are narrower or wider than shown"
)


def iterate(
    source: FrameSource, hashes: list[str] | None = None, canvas: Canvas | None = None
) -> Iterator[UInt8]:
    """The frames of a source one by one, (H, W, 3) uint8 RGB, without holding them all in memory.

    The sha256 of each picture's file is appended to `hashes`, of the very bytes that were decoded. With a
    canvas a frame is good until the next one is asked for.
    """
    if isinstance(source, ImageFrames):
        bits = camera_bits(source.paths)
        for path in source.paths:
            yield read_picture(path, bits, hashes, canvas)
    else:
        yield from video_frames(source.path, source.first, source.last)


def read_frame(source: FrameSource, i: int) -> UInt8:
    """Frame i (0-based, negative counts from the end) of a source as (H, W, 3) uint8 RGB.

    Raises
    ------
    IndexError
        For a frame outside the source.
    FrameError
        For a frame that is missing or damaged.
    """
    n = len(source)
    if not -n <= i < n:
        raise IndexError(f"frame {i} of a source of {n} frames")
    i %= n
    if isinstance(source, ImageFrames):
        return read_picture(source.paths[i], camera_bits(source.paths))
    return next(video_frames(source.path, source.first + i, source.first + i))


def times_of(source: FrameSource) -> npt.NDArray[np.float64] | None:
    """(n,) rising times of the frames in any unit; None where they lie evenly, as pictures are taken to."""
    return None if isinstance(source, ImageFrames) else frame_times(source.path, source.first, source.last)


def reading_of(source: FrameSource) -> list[int | str] | None:
    """What beside the files' bytes decides the frames of a source; None for ordinary pictures."""
    if isinstance(source, ImageFrames):
        bits = camera_bits(source.paths)
        return None if bits is None else ["bits", bits]
    return [source.first, source.last, "reader", READER]


def notes_of(source: FrameSource) -> Notes:
    """What the user should know of how these frames are read."""
    if isinstance(source, ImageFrames):
        bits = camera_bits(source.paths)
        deep = [] if bits is None else [(DEEP, f"{bits} bits")]
        return [*deep, (ALPHA, source.paths[0])] if has_alpha(source.paths[0]) else deep
    wide, high = timeline(source.path).pixel
    oblong = [(OBLONG, f"{wide}:{high}, {source.path}")] if wide != high else []
    return oblong if times_of(source) is None else [(UNEVEN, source.path), *oblong]


def check_length(source: FrameSource) -> None:
    """Raise FrameError for a clip without frames, or of more than `MAX_FRAMES`."""
    if not 0 < len(source) <= MAX_FRAMES:
        name = (source.paths or ("a clip",))[0] if isinstance(source, ImageFrames) else source.path
        raise FrameError(f"{name}: {len(source)} frames; a clip has 1 to {MAX_FRAMES}")


def check_source(source: FrameSource, *, decode: bool = False) -> None:
    """Raise FrameError for the first frame that is missing, broken or of another size than the first.

    Of pictures, headers and end marks are read, and every pixel with `decode`. A video is always read as a
    whole, because its header cannot be believed.
    """
    check_length(source)
    if not isinstance(source, ImageFrames):
        timeline(source.path).check(source.path, source.first, source.last)
        if decode:
            for _ in iterate(source):
                pass
        return
    expected: tuple[int, int] | None = None
    bits = camera_bits(source.paths) if decode else None
    for path in source.paths:
        height, width = read_picture(path, bits).shape[:2] if decode else picture_size(path)
        expected = expected or (height, width)
        if (height, width) != expected:
            raise FrameError(
                f"{path}: {width}x{height} pixels, the first frame has {expected[1]}x{expected[0]}"
            )


__all__ = [
    "PICTURES",
    "VIDEOS",
    "Canvas",
    "FrameError",
    "check_length",
    "check_source",
    "iterate",
    "notes_of",
    "picture_size",
    "read_frame",
    "read_image",
    "reading_of",
    "times_of",
]
