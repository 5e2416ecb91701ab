"""Frames of a video by number; see `data_prep.frames.timeline` for what a number means."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_prep.frames.files import FrameError
from data_prep.frames.timeline import even, timeline
from data_prep.frames.video_files import Trace, decoded, opened, pixels

UInt8 = npt.NDArray[np.uint8]
Float64 = npt.NDArray[np.float64]

VIDEOS = (".avi", ".mp4", ".m4v", ".mov", ".mkv", ".webm")


def video_frames(path: str, first: int, last: int) -> Iterator[UInt8]:
    """Frames `first` to `last` (from 0, inclusive) as (height, width, 3) uint8 RGB, one at a time.

    A null frame gives the picture before it again. Earlier pictures are decoded and passed over, because
    later ones are built on them.

    Raises
    ------
    FrameError
        For what is no video, and for frames that are not there or damaged.
    """
    line = timeline(path)
    line.check(path, first, last)
    begins = chain.from_iterable(range(begin, begin + n) for begin, n in line.runs)
    spans = pairwise(chain(begins, [line.frames]))
    done = first
    with opened(Path(path)) as (container, stream):
        for picture, (begin, end) in zip(decoded(container, stream, Trace()), spans, strict=False):
            if begin > last:
                break
            if end > first:
                frame = pixels(Path(path), picture, (line.height, line.width))
                for _ in range(max(begin, first), min(end, last + 1)):
                    yield frame
                    done += 1
    if done <= last:
        raise FrameError(f"{path}: frame {done + 1} cannot be decoded, though it could be before")


def frame_times(path: str, first: int, last: int) -> Float64 | None:
    """(last - first + 1,) rising times of these frames in any unit; None where they lie evenly."""
    ticks = timeline(path).ticks[first : last + 1]
    return None if even(ticks) else np.asarray(ticks, np.float64)
