"""The types that travel: an annotated clip, a database, and the prepared view that a method gets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from data_prep.frames.sources import FrameSource, ImageFrames

CLASSES = ("positive", "negative", "surprise", "others")
"""The paper's four classes; a label is an index into this tuple."""

EXPRESSIONS = ("neutral", "anger", "disgust", "fear", "happy", "sad", "surprise", "shame", "contempt")
"""The nine classes of the expression photographs; a still's label is an index into this tuple."""

UInt8 = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


UNLABELLED = -1
"""The label of a clip as a loader gives it, before a task gave it another."""


class ActionUnit(NamedTuple):
    """A facial action unit: its number, the side (L, R, T, B, A or nothing), the intensity (A to E).

    It is not `certain` where the annotation names it with an alternative or a question mark.
    """

    number: int
    side: str = ""
    intensity: str = ""
    certain: bool = True

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

    Its `warnings` are what to know before believing a number, such as an apex that cannot be.
    """

    name: str
    root: str
    clips: Sequence[Clip]
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

    def as_clip(self) -> Clip:
        """The photograph as a clip of one frame."""
        return Clip(
            database=self.database,
            subject=self.subject,
            name=self.name,
            emotion=self.emotion,
            label=self.label,
            fps=0.0,
            onset=0,
            apex=None,
            offset=0,
            frames=ImageFrames((self.path,)),
            annotations=self.annotations,
        )


@dataclass(frozen=True)
class StillDatabase:
    """All usable photographs of one expression database and everything set aside."""

    name: str
    root: str
    stills: tuple[Still, ...]
    set_aside: tuple[SetAside, ...] = ()


class LabelsHidden(RuntimeError):
    """Raised when code that predicts asks for labels."""


Holds = Literal["frames", "flow"]
"""What a prepared set is made of."""


@dataclass(frozen=True)
class PreparedSet:
    """Pixels and landmarks of all clips that were prepared together, and no label.

    For what computes once per clip and for the windows of networks, which need the memory map itself;
    methods are given `Clips`.

    Attributes
    ----------
    frames, landmarks
        (N, T, H, W, 3) uint8 RGB, usually a read-only memory map, and (N, 66, 2) float32.
    digest
        Names the content (source, landmarks, crop, TIM, size).
    folder
        The set's own folder in the cache, None for clips that live in memory only.
    holds
        "frames", or "flow" where each clip is one onset-apex picture (N, 1, H, W, 3) of u, v and strain.
    apex
        (N,) float32, where the apex is annotated between the first frame (0) and the last (1), nan where it
        is not.
    """

    frames: UInt8
    landmarks: Float32
    digest: str
    folder: Path | None = None
    holds: Holds = "frames"
    apex: Float32 = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        if not len(self.apex):
            object.__setattr__(self, "apex", np.full(len(self.frames), np.nan, np.float32))


@dataclass(frozen=True)
class Clips:
    """Prepared clips as a method sees them: read-only, equally long, equally large.

    A view holds what belongs to its own clips and nothing of others: `clips[i]` is a copy, names, subjects,
    databases, landmarks and labels are those of this view. A view for prediction holds no label, and its
    names are numbers, because databases write the class into the names of their clips.

    Attributes
    ----------
    classes
        The words of the labels.
    fps
        Frames a second as filmed.
    """

    _set: PreparedSet = field(repr=False)
    _rows: Int64 = field(repr=False)
    _labels: Int64 | None = field(repr=False)
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    databases: tuple[str, ...]
    classes: tuple[str, ...] = CLASSES
    fps: tuple[float, ...] = ()
    revision: int = 0

    @classmethod
    def from_arrays(
        cls,
        frames: UInt8,
        landmarks: npt.ArrayLike,
        labels: npt.ArrayLike | None = None,
        *,
        subjects: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        databases: Sequence[str] | None = None,
        classes: Sequence[str] = CLASSES,
        fps: Sequence[float] = (),
        digest: str | None = None,
        folder: Path | None = None,
        holds: Holds = "frames",
        apex: npt.ArrayLike = (),
    ) -> Clips:
        """All clips of a prepared set.

        Parameters
        ----------
        frames, landmarks
            (n, T, H, W, 3) uint8, and (n, 66, 2) x, y in pixels of the first frame.
        labels, classes
            (n,) indices into the words of the classes, None for clips to predict.
        subjects, names, databases, fps
            One entry per clip.
        digest, folder, holds, apex
            As in `PreparedSet`; by default the digest is that of the pixels, and nothing is cached.
        """
        n = len(frames)
        if digest is None:
            digest = hashlib.sha256(np.ascontiguousarray(frames).view(np.uint8).tobytes()).hexdigest()
        return cls(
            PreparedSet(
                frames,
                np.asarray(landmarks, np.float32),
                digest,
                folder,
                holds,
                np.asarray(apex, np.float32),
            ),
            np.arange(n, dtype=np.int64),
            None if labels is None else np.array(labels, np.int64),
            names=tuple(names or (f"clip{i}" for i in range(n))),
            subjects=tuple(subjects or ("memory/unknown",) * n),
            databases=tuple(databases or ("memory",) * n),
            classes=tuple(classes),
            fps=tuple(fps),
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: int) -> UInt8:
        """Clip i of this view, (T, H, W, 3) uint8, a copy."""
        return np.array(self._set.frames[self._rows[i]])

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, H, W) of every clip."""
        _, t, h, w, _ = self._set.frames.shape
        return t, h, w

    @property
    def holds(self) -> Holds:
        """What these clips are: "frames", or "flow", one onset-apex picture each."""
        return self._set.holds

    @property
    def landmarks(self) -> Float32:
        """(n, 66, 2) float32, x and y in pixels of the prepared first frame."""
        return self._set.landmarks[self._rows]

    @property
    def labels(self) -> Int64:
        """(n,) int64 class indices; LabelsHidden in a view made for prediction."""
        if self._labels is None:
            raise LabelsHidden("these clips are for prediction: their labels are hidden from the method")
        return self._labels.copy()

    @property
    def digest(self) -> str:
        """Names the content of the prepared set that these clips are of."""
        return self._set.digest

    @property
    def key(self) -> str:
        """Names these very clips: equal for two views of the same clips in the same order, labels apart."""
        parts = (self.digest.encode(), self._rows.tobytes(), self.landmarks.tobytes())
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def select(self, indices: npt.ArrayLike) -> Clips:
        """The clips at these positions of this view, as a view of its own."""
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        return replace(
            self,
            _rows=self._rows[chosen],
            _labels=None if self._labels is None else self._labels[chosen],
            names=tuple(self.names[i] for i in chosen),
            subjects=tuple(self.subjects[i] for i in chosen),
            databases=tuple(self.databases[i] for i in chosen),
            fps=tuple(self.fps[i] for i in chosen) if self.fps else (),
        )

    def without_labels(self, *, named: bool = False) -> Clips:
        """The same clips for prediction: `labels` raises, names are the subject and a number.

        Those of training clips, whose labels the method knows, stay as they are (`named`).
        """
        numbered = tuple(f"{subject}/#{i + 1}" for i, subject in enumerate(self.subjects))
        return replace(self, _labels=None, names=self.names if named else numbered)

    def with_labels(self, labels: npt.ArrayLike) -> Clips:
        """The same clips under other labels, shape (n,), for controls such as shuffled labels.

        Raises
        ------
        ValueError
            For another shape.
        """
        given = np.array(labels, np.int64)
        if given.shape != (len(self),):
            raise ValueError(f"{len(self)} clips need labels of shape ({len(self)},), got {given.shape}")
        return replace(self, _labels=given)

    def at_revision(self, revision: int) -> Clips:
        """The same clips for a method of this revision: what it caches per clip is kept under it."""
        return replace(self, revision=revision)


def prepared_set(clips: Clips) -> PreparedSet:
    """The whole set that a view is of, for the cache and the windows of networks, never for a method.

    The contract of methods is checked with the other clips' pixels, landmarks and labels replaced: what
    was fitted must be the same.
    """
    return clips._set


def rows_of(clips: Clips) -> Int64:
    """(n,) rows of a view's clips in `prepared_set(clips)`."""
    return clips._rows.copy()


@dataclass(frozen=True)
class Stills:
    """Prepared expression photographs: frames (n, H, W, 3) uint8 RGB, labels (n,) int64 into EXPRESSIONS."""

    frames: UInt8
    labels: Int64
    subjects: tuple[str, ...]
    names: tuple[str, ...]
    digest: str
    folder: Path | None = None
    classes: tuple[str, ...] = EXPRESSIONS

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class WithApex:
    """A fold-free computation that is also told where the apex is annotated, 0 to 1, nan where it is not."""

    compute: Callable[[UInt8, Float32, float], npt.NDArray[Any]]


PerClip = Callable[[UInt8, Float32], npt.NDArray[Any]] | WithApex
"""A fold-free computation: one clip (T, H, W, 3) and its landmarks (66, 2) to one array."""
