"""One clip: hash its files, decode its frames once, find the face, make what is wanted of it.

What was found and the user should know, of a clip that is used nevertheless, is a note: a kind, the same
words for every clip, and this clip's particulars.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from basis.canonical import digest_of
from basis.errors import Mendable
from basis.files import file_sha256, file_stamp
from data_prep import crop
from data_prep.cache import Parts
from data_prep.clips import Clip, UInt8
from data_prep.frames.reading import Canvas, FrameError, check_length, iterate, notes_of, reading_of, times_of
from data_prep.frames.sources import FrameSource, ImageFrames
from data_prep.interpolation import resample
from data_prep.landmarks import LandmarksNotFound, Options, Sidecar, backend_named, find_face
from data_prep.notes import Notes
from data_prep.registration import NONE, named

if TYPE_CHECKING:
    from data_prep.registration.head import Head

Float32 = npt.NDArray[np.float32]

REVISION = 1


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


SEVERAL_FACES = "several faces in the first frame, the largest is taken"
FACE_LOST = "the face is lost before the clip ends"
NO_MOVEMENT = "nothing moves, all frames are equal"
ONE_PICTURE = "the clip is a single picture"


@dataclass
class Examiner:
    """Examines clips with one landmark back end and keeps the parts that are wanted anyway.

    Attributes
    ----------
    stills
        The clips are photographs, of which nobody expects movement.
    registration
        A name of `data_prep.registration.REGISTRATIONS`.
    """

    backend: str
    options: Options
    parts: Parts
    wanted: tuple[tuple[int, tuple[int, int]], ...] = ()
    stills: bool = False
    registration: str = NONE
    _hashes: dict[str, str] = field(default_factory=dict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def examine(self, clip: Clip, stamp: str) -> dict[str, Any]:
        """What the journal keeps: content, landmarks and box, or the stage and the reason of a refusal.

        Raises
        ------
        PreparationError
            If a clip's files change meanwhile.
        """
        sizes = tuple(dict.fromkeys(size for _, size in self.wanted))
        try:
            hashes: list[str] = []
            seen = look(
                clip.frames,
                clip.annotations,
                self.backend,
                self.options,
                sizes,
                hashes,
                registration=self.registration,
            )
            content = self._content(clip, hashes)
        except FrameError as error:
            return {"stage": "frames", "reason": str(error)}
        except LandmarksNotFound as error:
            return {"stage": "landmarks", "reason": str(error)}
        except crop.CropError as error:
            return {"stage": "crop", "reason": str(error)}
        if signature(clip) != stamp:
            raise PreparationError(f"{clip.name}: its files changed while they were being read; run again")
        targets = tuple(dict.fromkeys(Target(*each) for each in self.wanted))
        cut = Cut(seen.box, seen.landmarks, self.registration)
        _write_parts(seen.stacks, content, cut, targets, self.parts, times_of(clip.frames))
        photograph = {ONE_PICTURE, NO_MOVEMENT} if self.stills else set()
        return {
            "content": content,
            "landmarks": seen.landmarks.tolist(),
            "box": list(seen.box),
            "notes": [note for note in seen.notes if note[0] not in photograph],
        }

    def _content(self, clip: Clip, pictures: list[str]) -> str:
        """sha256 over the bytes of all source files: pictures, known already, or a video, hashed once.

        Called for files that were decoded: those are regular and of bounded length.
        """
        video = [] if isinstance(clip.frames, ImageFrames) else [clip.frames.path]
        annotations = [clip.annotations] if clip.annotations and self.backend == "file" else []
        hashes = [*pictures, *map(self._hash_of_shared, video), *map(_file_hash, annotations)]
        return digest_of({"files": hashes, "part": reading_of(clip.frames)})

    def _hash_of_shared(self, path: str) -> str:
        """The hash of a file that many clips may be parts of; remembered."""
        with self._mutex:
            known = self._hashes.get(path)
        if known is None:
            known = _file_hash(path)
            with self._mutex:
                self._hashes[path] = known
        return known


def _file_hash(path: str) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror})") from error


@dataclass(frozen=True)
class Looked:
    """What one reading of a clip found.

    Attributes
    ----------
    landmarks
        (66, 2) float32 in pixels of the raw first frame.
    box
        The face rectangle.
    stacks
        Size -> (n, height, width, 3) uint8, all frames cut to it.
    notes
        What the user should know.
    """

    landmarks: Float32
    box: crop.Box
    stacks: dict[tuple[int, int], UInt8]
    notes: Notes


def look(
    source: FrameSource,
    annotations: str | None,
    backend: str,
    options: Options,
    sizes: Sequence[tuple[int, int]],
    hashes: list[str] | None = None,
    *,
    registration: str = NONE,
) -> Looked:
    """Read a clip once, one raw frame at a time: find the face in the first frame, cut all frames to it.

    `hashes` as of `frames.iterate`; `registration` is a name of `data_prep.registration.REGISTRATIONS`.

    Raises
    ------
    FrameError, LandmarksNotFound
    CropError
        For a clip that cannot be used.
    """
    check_length(source)
    frames = iterate(source, hashes, Canvas())
    first = _first(frames)
    face = find_face(backend, first, sidecar_of(source, annotations), options)
    box = crop.face_box(face.points, (first.shape[0], first.shape[1]))
    watch = Watch(backend, options, face.points, box, first, len(source))
    cut = Cut(box, face.points, registration)
    head = cut.head(first)
    stacks = _cropped(source, first, watch.over(frames), cut, head, sizes)
    several = [(SEVERAL_FACES, f"{face.others} more")] if face.others else []
    followed = head.notes() if head else []
    return Looked(face.points, box, stacks, [*notes_of(source), *several, *watch.notes(), *followed])


@dataclass
class Watch:
    """Looks at the later frames of a clip as they pass: is the face still there, does anything move?"""

    backend: str
    options: Options
    landmarks: Float32
    box: crop.Box
    first: UInt8
    n: int
    _moves: bool = False
    _lost: Notes = field(default_factory=list)

    def over(self, rest: Iterator[UInt8]) -> Iterator[UInt8]:
        """The frames after the first, as they are; the middle and the last one are looked at."""
        shows = backend_named(self.backend).shows
        for i, frame in enumerate(rest, start=1):
            if not self._moves and frame.shape == self.first.shape:
                self._moves = not np.array_equal(self._cut(frame), self._cut(self.first))
            if shows and i in {self.n // 2, self.n - 1} and not self._lost:
                there = shows(frame, self.landmarks, self.options)
                self._lost = [] if there else [(FACE_LOST, f"frame {i + 1} of {self.n}")]
            yield frame

    def notes(self) -> Notes:
        """What was seen of the frames that passed."""
        if self.n == 1:
            return [(ONE_PICTURE, "1 frame")]
        return self._lost if self._moves else [*self._lost, (NO_MOVEMENT, f"{self.n} frames")]

    def _cut(self, frame: UInt8) -> UInt8:
        return frame[self.box.top : self.box.bottom, self.box.left : self.box.right]


def sidecar_of(source: FrameSource, annotations: str | None) -> Sidecar | None:
    """The landmark file of a clip and what it calls the first frame, or None."""
    if annotations is None:
        return None
    if isinstance(source, ImageFrames):
        return Sidecar(annotations, source.paths[0].rpartition(os.sep)[2])
    return Sidecar(annotations, source.first + 1)


def files_of(source: FrameSource) -> tuple[str, ...]:
    """Paths of a source's files."""
    return source.paths if isinstance(source, ImageFrames) else (source.path,)


def signature(clip: Clip) -> str:
    """Paths, lengths, times of change and inodes of a clip's files, as one digest; reads none of them.

    See `basis.files.file_stamp`.
    """
    paths = [*files_of(clip.frames), *([clip.annotations] if clip.annotations else [])]
    seen = [file_stamp(path) or [path, None] for path in paths]
    part = None if isinstance(clip.frames, ImageFrames) else [clip.frames.first, clip.frames.last]
    return digest_of({"files": seen, "part": part})


@dataclass(frozen=True)
class Cut:
    """How frames are cut to a face: its rectangle and (66, 2) landmarks in the first one; registration."""

    box: crop.Box
    landmarks: Float32
    registration: str = NONE

    def head(self, first: UInt8) -> Head | None:
        """What lays later frames on the first one; None where they are cut as they are."""
        if self.registration == NONE:
            return None
        from data_prep.registration.head import Head  # brings numba, which frames as they are do not need

        return Head(first, self.landmarks, self.box)

    def face(self, frame: UInt8, head: Head | None) -> tuple[UInt8, crop.Box]:
        """A later frame as it is, or as the head lays it, and where the face lies in it."""
        if head is None:
            return frame, self.box
        return head.laid(frame), crop.Box(0, 0, self.box.width, self.box.height)

    def named(self) -> dict[str, Any]:
        """What a digest holds of it; landmarks only where frames depend on more than the rectangle."""
        registered = named(self.registration)
        points = {"landmarks": self.landmarks.tolist()} if registered else {}
        return {"box": list(self.box), **registered, **points}


def part_key(content: str, cut: Cut, target: Target) -> str:
    """Name of a prepared clip: its content, how it is cut and what is made of it."""
    return digest_of(
        {"content": content, **cut.named(), "tim": target.tim, "size": list(target.size), "rev": REVISION}
    )


def make_parts(clip: Clip, content: str, cut: Cut, targets: Sequence[Target], parts: Parts) -> None:
    """Decode a clip once and store what each target wants of it.

    Raises
    ------
    PreparationError
        If a clip can be read no more.
    """
    sizes = tuple(dict.fromkeys(target.size for target in targets))
    try:
        frames = iterate(clip.frames, canvas=Canvas())
        first = _first(frames)
        stacks = _cropped(clip.frames, first, frames, cut, cut.head(first), sizes)
        times = times_of(clip.frames)
    except FrameError as error:
        raise PreparationError(f"{clip.name}: readable when it was examined, but now: {error}") from error
    _write_parts(stacks, content, cut, targets, parts, times)


def _first(frames: Iterator[UInt8]) -> UInt8:
    """A copy of the first frame, which outlives the next one."""
    first = next(frames, None)
    if first is None:
        raise FrameError("a clip without frames")
    return first.copy()


def _cropped(
    source: FrameSource,
    first: UInt8,
    rest: Iterator[UInt8],
    cut: Cut,
    head: Head | None,
    sizes: Sequence[tuple[int, int]],
) -> dict[tuple[int, int], UInt8]:
    """Size -> (n, height, width, 3) uint8: all frames cut and resized while only one raw frame is held."""
    stacks = {size: np.empty((len(source), *size, 3), np.uint8) for size in sizes}
    for size, stack in stacks.items():
        crop.crop(first, cut.box, size, stack[0])
    for i, frame in enumerate(rest, start=1):
        if frame.shape != first.shape:
            raise FrameError(
                f"frame {i + 1} of {files_of(source)[0]} and following: "
                f"{frame.shape[1]}x{frame.shape[0]} pixels, the first frame has "
                f"{first.shape[1]}x{first.shape[0]}"
            )
        face, box = cut.face(frame, head)
        for size, stack in stacks.items():
            crop.crop(face, box, size, stack[i])
    return stacks


def _write_parts(
    stacks: dict[tuple[int, int], UInt8],
    content: str,
    cut: Cut,
    targets: Sequence[Target],
    parts: Parts,
    times: npt.NDArray[np.float64] | None,
) -> None:
    for target in targets:
        parts.write(part_key(content, cut, target), resample(stacks[target.size], target.tim, times))
