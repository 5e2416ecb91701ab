"""One clip: hash its files, decode its frames once, find the face, make what is wanted of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from basis.canonical import digest_of
from basis.errors import Mendable
from basis.files import file_sha256
from data_prep import crop
from data_prep.cache import Parts
from data_prep.clips import Clip, FrameSource, ImageFrames, UInt8
from data_prep.frames import FrameError, iterate
from data_prep.interpolation import resample
from data_prep.landmarks import LandmarksNotFound, Options, find_landmarks

REVISION = 1
MAX_FRAMES = 10_000


class PreparationError(Mendable, RuntimeError):
    """Data that cannot be prepared; the message says which and why."""


class Target(NamedTuple):
    """What is wanted of a clip: its number of frames and their (height, width)."""

    tim: int
    size: tuple[int, int]

    @property
    def n_bytes(self) -> int:
        """Bytes of one clip."""
        return self.tim * self.size[0] * self.size[1] * 3


@dataclass
class Examiner:
    """Examines clips with one landmark back end and keeps the parts that are wanted anyway."""

    backend: str
    options: Options
    parts: Parts
    wanted: tuple[tuple[int, tuple[int, int]], ...] = ()
    _hashes: dict[str, str] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def examine(self, clip: Clip, stamp: str) -> dict[str, Any]:
        """What the journal keeps: content, landmarks and box, or the stage and the reason of a refusal."""
        targets = tuple(dict.fromkeys(Target(*each) for each in self.wanted))
        try:
            if len(clip.frames) > MAX_FRAMES:
                raise FrameError(f"{len(clip.frames)} frames; a clip has at most {MAX_FRAMES}")
            frames = iterate(clip.frames)
            first = _first(frames)
            points = find_landmarks(self.backend, first, clip.annotations, self.options)
            box = crop.face_box(points, (first.shape[0], first.shape[1]))
            stacks = _cropped(clip.frames, first, frames, box, targets)
            content = self._content(clip)
        except FrameError as error:
            return {"stage": "frames", "reason": str(error)}
        except LandmarksNotFound as error:
            return {"stage": "landmarks", "reason": str(error)}
        except crop.CropError as error:
            return {"stage": "crop", "reason": str(error)}
        if signature(clip) != stamp:
            raise PreparationError(f"{clip.name}: its files changed while they were being read; run again")
        _write_parts(stacks, content, box, targets, self.parts)
        return {"content": content, "landmarks": points.tolist(), "box": list(box)}

    def _content(self, clip: Clip) -> str:
        """sha256 over the bytes of all source files (a video's once, however many clips it holds).

        Called for files that were decoded: those are regular and of bounded length.
        """
        annotations = [clip.annotations] if clip.annotations and self.backend == "file" else []
        hashes = [self._file_hash(path) for path in [*files_of(clip.frames), *annotations]]
        part = None if isinstance(clip.frames, ImageFrames) else [clip.frames.first, clip.frames.last]
        return digest_of({"files": hashes, "part": part})

    def _file_hash(self, path: str) -> str:
        with self._mutex:
            known = self._hashes.get(path)
        if known is None:
            try:
                known = file_sha256(Path(path))
            except OSError as error:
                raise FrameError(f"{path}: cannot be read ({error.strerror})") from error
            with self._mutex:
                self._hashes[path] = known
        return known


def files_of(source: FrameSource) -> tuple[str, ...]:
    """Paths of a source's files."""
    return source.paths if isinstance(source, ImageFrames) else (source.path,)


def signature(clip: Clip) -> str:
    """Paths, lengths and times of change of a clip's files, as one digest; reads none of them."""
    paths = [*files_of(clip.frames), *([clip.annotations] if clip.annotations else [])]
    seen: list[list[Any]] = []
    for path in paths:
        try:
            status = Path(path).stat()
        except (OSError, ValueError):
            seen.append([path, None])
        else:
            seen.append([str(Path(path).absolute()), status.st_size, status.st_mtime_ns])
    part = None if isinstance(clip.frames, ImageFrames) else [clip.frames.first, clip.frames.last]
    return digest_of({"files": seen, "part": part})


def part_key(content: str, box: crop.Box, target: Target) -> str:
    """Name of a prepared clip: its content, its rectangle and what is made of them."""
    return digest_of(
        {"content": content, "box": list(box), "tim": target.tim, "size": list(target.size), "rev": REVISION}
    )


def make_parts(clip: Clip, content: str, box: crop.Box, targets: Sequence[Target], parts: Parts) -> None:
    """Decode a clip once and store what each target wants of it."""
    try:
        frames = iterate(clip.frames)
        first = _first(frames)
        stacks = _cropped(clip.frames, first, frames, box, targets)
    except FrameError as error:
        raise PreparationError(f"{clip.name}: readable when it was examined, but now: {error}") from error
    _write_parts(stacks, content, box, targets, parts)


def _first(frames: Iterator[UInt8]) -> UInt8:
    first = next(frames, None)
    if first is None:
        raise FrameError("a clip without frames")
    return first


def _cropped(
    source: FrameSource, first: UInt8, rest: Iterator[UInt8], box: crop.Box, targets: Sequence[Target]
) -> dict[tuple[int, int], UInt8]:
    """Size -> (n, height, width, 3) uint8: all frames cut and resized while only one raw frame is held."""
    sizes = dict.fromkeys(target.size for target in targets)
    stacks = {size: np.empty((len(source), *size, 3), np.uint8) for size in sizes}
    for size, stack in stacks.items():
        stack[0] = crop.crop(first, box, size)
    for i, frame in enumerate(rest, start=1):
        if frame.shape != first.shape:
            raise FrameError(
                f"frame {i + 1} of {files_of(source)[0]} and following: "
                f"{frame.shape[1]}x{frame.shape[0]} pixels, the first frame has "
                f"{first.shape[1]}x{first.shape[0]}"
            )
        for size, stack in stacks.items():
            stack[i] = crop.crop(frame, box, size)
    return stacks


def _write_parts(
    stacks: dict[tuple[int, int], UInt8],
    content: str,
    box: crop.Box,
    targets: Sequence[Target],
    parts: Parts,
) -> None:
    for target in targets:
        parts.write(part_key(content, box, target), resample(stacks[target.size], target.tim))
