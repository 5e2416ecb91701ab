"""The types that travel: an annotated clip, a database, and the prepared view that a method gets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

CLASSES = ("positive", "negative", "surprise", "others")
"""The paper's four classes; a label is an index into this tuple."""

EXPRESSIONS = ("neutral", "anger", "disgust", "fear", "happy", "sad", "surprise", "shame", "contempt")
"""The nine classes of the expression photographs; a still's label is an index into this tuple."""

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImageFrames:
    """Frames as image files, first to last."""

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True)
class VideoFrames:
    """Frames `first` to `last` (0-based, inclusive) of one video file."""

    path: str
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


FrameSource = ImageFrames | VideoFrames


UNLABELLED = -1
"""The label of a clip as a loader gives it, before a task gave it another."""


class ActionUnit(NamedTuple):
    """A facial action unit: its number, the side (L, R, T, B, A or nothing), the intensity (A to E)."""

    number: int
    side: str = ""
    intensity: str = ""

    def __str__(self) -> str:
        return f"{self.side}{self.number}{self.intensity}"


@dataclass(frozen=True)
class Clip:
    """One annotated clip as its database describes it.

    `subject` carries the database ("casme2/sub01"), because equal numbers are different people.
    `name` is unique within the whole run ("casme2/sub01/EP02_01f"; CASME adds the onset).
    `emotion` is the word of the annotation, `label` an index into the classes of the task, which
    `data_prep.tasks.Task.of` gives (`UNLABELLED` before).
    `onset`, `apex`, `offset` are frame numbers of the annotation; `apex` is None where there is none.
    `frames` holds onset to offset. `annotations` names a sidecar file with landmarks, if there is one.
    `row` says where the annotation stands, for messages. What only some databases tell: `action_units`;
    `objective`, the objective class 1..7; `marks`, the labels of a clip that may have several.
    """

    database: str
    subject: str
    name: str
    emotion: str
    label: int
    fps: float
    onset: int
    apex: int | None
    offset: int
    frames: FrameSource
    annotations: str | None = None
    row: str = ""
    objective: int | None = None
    action_units: tuple[ActionUnit, ...] = ()
    marks: tuple[str, ...] = ()


BY_DESIGN = "by design"
"""The stage of what a database holds and this suite does not use, such as profile views; nothing is wrong."""


@dataclass(frozen=True)
class SetAside:
    """A clip that is not used, at which stage ("load", "frames", "landmarks", BY_DESIGN) and why."""

    database: str
    clip: str
    stage: str
    reason: str


@dataclass(frozen=True)
class Database:
    """All usable clips of one database and everything that was set aside while reading it.

    warnings: what a user should know before believing a number, such as an apex that cannot be.
    """

    name: str
    root: str
    clips: tuple[Clip, ...]
    set_aside: tuple[SetAside, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Still:
    """One expression photograph; `label` indexes `EXPRESSIONS`, `subject` carries the database."""

    database: str
    subject: str
    name: str
    emotion: str
    label: int
    path: str
    annotations: str | None = None


@dataclass(frozen=True)
class StillDatabase:
    """All usable photographs of one expression database and everything set aside."""

    name: str
    root: str
    stills: tuple[Still, ...]
    set_aside: tuple[SetAside, ...] = ()


class LabelsHidden(RuntimeError):
    """Raised when code that predicts asks for labels."""


@dataclass(frozen=True)
class Clips:
    """Prepared clips as a method sees them: read-only, equally long, equally large.

    frames: (N, T, H, W, 3) uint8, RGB, usually a read-only memory map of the whole prepared set;
    all_landmarks: (N, 66, 2) float32, x and y in pixels of the prepared first frame;
    all_labels: (N,) int64 or None when labels are hidden; indices: (n,) rows of this view.
    digest names the content (source, landmarks, crop, TIM, size); folder is the prepared set's own
    folder in the cache, or None for clips that live in memory only.
    """

    frames: UInt8
    all_landmarks: Float32
    all_names: tuple[str, ...]
    all_subjects: tuple[str, ...]
    all_databases: tuple[str, ...]
    all_labels: Ints | None
    indices: Ints
    digest: str
    folder: Path | None = None
    classes: tuple[str, ...] = CLASSES
    fps: tuple[float, ...] = field(default=())

    @classmethod
    def from_arrays(
        cls,
        frames: UInt8,
        landmarks: Float32,
        labels: Ints | None = None,
        *,
        subjects: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        databases: Sequence[str] | None = None,
        classes: Sequence[str] = CLASSES,
    ) -> Clips:
        """Clips in memory, for one video or for tests; the digest is that of the pixels."""
        n = len(frames)
        return cls(
            frames=frames,
            all_landmarks=np.asarray(landmarks, np.float32),
            all_names=tuple(names or (f"clip{i}" for i in range(n))),
            all_subjects=tuple(subjects or ("memory/unknown",) * n),
            all_databases=tuple(databases or ("memory",) * n),
            all_labels=None if labels is None else np.asarray(labels, np.int64),
            indices=np.arange(n, dtype=np.int64),
            digest=hashlib.sha256(np.ascontiguousarray(frames).view(np.uint8).tobytes()).hexdigest(),
            classes=tuple(classes),
        )

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, i: int) -> UInt8:
        """Clip i of this view, (T, H, W, 3) uint8."""
        clip: UInt8 = self.frames[self.indices[i]]
        return clip

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, H, W) of every clip."""
        _, t, h, w, _ = self.frames.shape
        return t, h, w

    @property
    def landmarks(self) -> Float32:
        """(n, 66, 2) float32, pixels of the prepared first frame."""
        return self.all_landmarks[self.indices]

    @property
    def labels(self) -> Ints:
        """(n,) int64 class indices; raises LabelsHidden in a view made for prediction."""
        if self.all_labels is None:
            raise LabelsHidden("these clips are for prediction: their labels are hidden from the method")
        return self.all_labels[self.indices]

    @property
    def names(self) -> tuple[str, ...]:
        """Unique clip names of this view."""
        return tuple(self.all_names[i] for i in self.indices)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject of each clip of this view, prefixed by its database."""
        return tuple(self.all_subjects[i] for i in self.indices)

    @property
    def databases(self) -> tuple[str, ...]:
        """Database of each clip of this view."""
        return tuple(self.all_databases[i] for i in self.indices)

    def select(self, indices: npt.ArrayLike) -> Clips:
        """The clips at these positions of this view, as a view of its own."""
        return _replace(self, indices=self.indices[np.asarray(indices, dtype=np.int64)])

    def without_labels(self) -> Clips:
        """The same clips for prediction: `labels` raises."""
        return _replace(self, all_labels=None)

    def with_labels(self, labels: Ints) -> Clips:
        """The same prepared set under other labels, shape (N,), for controls such as shuffled labels."""
        return _replace(self, all_labels=np.asarray(labels, np.int64))


def _replace(clips: Clips, **changes: Any) -> Clips:
    """dataclasses.replace without copying arrays."""
    values = {name: getattr(clips, name) for name in clips.__dataclass_fields__}
    return Clips(**{**values, **changes})


@dataclass(frozen=True)
class Stills:
    """Prepared expression photographs: frames (n, H, W, 3) uint8 RGB, labels (n,) int64 into EXPRESSIONS."""

    frames: UInt8
    labels: Ints
    subjects: tuple[str, ...]
    names: tuple[str, ...]
    digest: str
    folder: Path | None = None
    classes: tuple[str, ...] = EXPRESSIONS

    def __len__(self) -> int:
        return len(self.frames)


PerClip = Callable[[UInt8, Float32], npt.NDArray[Any]]
"""A fold-free computation: one clip (T, H, W, 3) and its landmarks (66, 2) to one array."""
