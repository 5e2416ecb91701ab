"""Which clips can be used and where their faces are: every clip is looked at once.

`plan_data` hashes a clip's files, decodes its frames, finds the landmarks of the first one and the face
rectangle. What cannot be used is set aside with a reason; what the user should know of a usable clip is a
note.

Notes
-----
Prepared sets are named by content: the files' bytes, annotations, landmark back end and version, crop
policy, TIM and size; never by where the files lie. A clip that was examined is recognised by path, length,
times of change and inode of its files, so the next run reads none of them.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from basis.canonical import digest_of, digest_of_pieces
from basis.packed import Packed, on_disk
from data_prep import crop
from data_prep.cache import Journal, Log, Parts, full_disk, locked
from data_prep.clips import CLASSES, EXPRESSIONS, Clip, Database, SetAside
from data_prep.examine import Cut, Examiner, PreparationError, signature
from data_prep.landmarks import Options, backend_named
from data_prep.notes import Note, note_lines
from data_prep.registration import NONE, named
from data_prep.side_by_side import side_by_side

REVISION = 2
_DESCRIBED = ("database", "subject", "name", "emotion", "label", "fps", "onset", "apex", "offset")
"""What of a clip's annotation belongs to the digest of a plan."""
EXAMINED = 3
"""Raised when an examination finds more than it did; prepared sets keep their names."""
Wanted = Sequence[tuple[int, tuple[int, int]]]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """Where and how data are prepared.

    Attributes
    ----------
    cache
        Its folder.
    workers
        Clips side by side.
    log
        Takes one line for the user.
    trust
        Prepared sets are opened without a check of their hash.
    """

    cache: Path
    workers: int = 1
    log: Log = print
    trust: bool = False


@dataclass(frozen=True)
class Asked:
    """What a plan is asked for beside its clips.

    Attributes
    ----------
    name
        The data's folder in the cache.
    set_aside
        What the loaders refused.
    classes
        What labels index.
    wanted
        (TIM, (height, width)) of the sets that will be asked for.
    registration
        A name of `data_prep.registration.REGISTRATIONS`.
    """

    name: str
    set_aside: tuple[SetAside, ...]
    classes: tuple[str, ...]
    wanted: tuple[tuple[int, tuple[int, int]], ...]
    registration: str = NONE


@dataclass(frozen=True)
class DataPlan:
    """Which clips a run uses and where their faces are; independent of TIM and size.

    Attributes
    ----------
    clips
        Usable ones, by database and name; row i of every prepared set is clip i.
    set_aside
        All others, with stage and reason.
    landmarks
        (n, 66, 2) float32 in pixels of the raw first frame, on disk: see `basis.packed.on_disk`.
    boxes
        Face rectangle of each clip.
    contents
        sha256 of each clip's files.
    signatures
        Paths, lengths and times of change of those files when they were examined.
    wanted
        (TIM, (height, width)) of the sets that the run will ask for: each clip is decoded once for all of
        them.
    notes
        What the user should know of usable clips.
    """

    name: str
    digest: str
    clips: Sequence[Clip]
    set_aside: tuple[SetAside, ...]
    landmarks: Float32
    boxes: Sequence[crop.Box]
    contents: Sequence[str]
    signatures: Sequence[str]
    backend: str
    wanted: tuple[tuple[int, tuple[int, int]], ...] = ()
    classes: tuple[str, ...] = CLASSES
    notes: tuple[Note, ...] = ()
    registration: str = NONE

    def cut(self, i: int) -> Cut:
        """How the frames of clip i are cut."""
        return Cut(self.boxes[i], self.landmarks[i], self.registration)

    def set_digest(self, tim: int, size: tuple[int, int]) -> str:
        """Digest of the prepared set of this length and size: `Clips.digest`, and its folder's name."""
        return digest_of({"plan": self.digest, "tim": tim, "size": list(size), "revision": REVISION})

    def folder(self, cache: Path, tim: int, size: tuple[int, int]) -> Path:
        """Where that set lies in a cache."""
        return cache / self.name / self.set_digest(tim, size)


def plan_data(
    databases: Sequence[Database],
    place: Place,
    *,
    landmarks: str,
    wanted: Wanted = (),
    options: Options | None = None,
    classes: tuple[str, ...] = CLASSES,
    registration: str = NONE,
) -> DataPlan:
    """Examine all clips: contents, landmarks, face rectangles.

    Parameters
    ----------
    databases
        What the loaders gave; each name once.
    place
        The cache and how it is filled; finished clips of an interrupted call are not examined again.
    landmarks
        Landmark back end, a name of `data_prep.landmarks.BACKENDS`.
    wanted
        (TIM, (height, width)) of the sets that will be asked for: each clip is then decoded only once,
        here, for the examination and for all of them.
    options
        Device and weights folder of the landmark back end.
    classes
        What the clips' labels index: those of the task that labelled them.
    registration
        A name of `data_prep.registration.REGISTRATIONS`.

    Raises
    ------
    PreparationError
        If no clip can be used, or two have the same name.
    data_prep.landmarks.BackendError
        If the back end cannot work here.
    data_prep.cache.CacheError
        If the cache cannot be written.
    """
    clips = Packed(clip for database in databases for clip in database.clips)
    aside = [each for database in databases for each in database.set_aside]
    name = folder_name([database.name for database in databases])
    asked = Asked(name, tuple(aside), classes, tuple(wanted), registration)
    return examined(clips, asked, landmarks, place, options or Options())


def examined(clips: Packed[Clip], asked: Asked, landmarks: str, place: Place, options: Options) -> DataPlan:
    """The plan of these clips, those examined that the journal of the cache does not know.

    Raises
    ------
    PreparationError
        Where no clip can be used.
    """
    _refuse_duplicates(clips)
    backend = backend_named(landmarks)
    identity = backend.identity()
    ordered = clips.at(_order(clips))
    stamps = Packed(map(signature, ordered))
    key_of = partial(_journal_key, identity=identity, registration=asked.registration)
    journal = Journal(place.cache / "clips.jsonl")
    if any(key_of(stamp) not in journal for stamp in stamps):
        folder = place.cache / asked.name
        with locked(folder / ".lock", place.log):
            journal.reload()
            missing = [i for i, stamp in enumerate(stamps) if key_of(stamp) not in journal]
            if missing:
                backend.ready(options, place.log)
            parts, stills = Parts(folder / "parts"), asked.classes == EXPRESSIONS
            examiner = Examiner(
                landmarks, options, parts, asked.wanted, stills=stills, registration=asked.registration
            )

            def examine(i: int) -> None:
                stamp = stamps[i]
                journal.add(key_of(stamp), examiner.examine(ordered[i], stamp))

            side_by_side(examine, missing, place.workers, place.log, f"{asked.name}: clips examined")
    entries = (_found(journal, key_of(stamp)) for stamp in stamps)
    plan = _plan(ordered, stamps, entries, asked, identity, place.cache)
    refused = plan.set_aside[len(asked.set_aside) :]
    _say_what_was_refused(asked, refused, len(ordered), place.log)
    if not plan.clips:
        examples = "".join(f"\n  {each.clip}: {each.reason}" for each in [*refused, *asked.set_aside][:3])
        raise PreparationError(f"{asked.name}: none of {len(ordered)} clips can be used{examples}")
    for line in note_lines(plan.notes, len(plan.clips)):
        place.log(f"warning: {asked.name}: {line}")
    return plan


def _order(clips: Sequence[Clip]) -> list[int]:
    """The places of clips by database and name."""
    names = [(clip.database, clip.name) for clip in clips]
    return sorted(range(len(names)), key=names.__getitem__)


def _found(journal: Journal, key: str) -> Mapping[str, Any]:
    """What the journal holds of a clip."""
    entry: Mapping[str, Any] | None = journal.get(key)
    if entry is None:
        raise PreparationError(f"{journal.path}: altered or removed while clips were examined; run again")
    return entry


def _say_what_was_refused(asked: Asked, refused: Sequence[SetAside], n: int, log: Log) -> None:
    if refused:
        stages = Counter(each.stage for each in refused)
        counts = ", ".join(f"{stage}: {count}" for stage, count in sorted(stages.items()))
        log(f"{asked.name}: {len(refused)} of {n} set aside ({counts})")


def _plan(
    clips: Packed[Clip],
    stamps: Packed[str],
    entries: Iterable[Mapping[str, Any]],
    asked: Asked,
    identity: str,
    cache: Path,
) -> DataPlan:
    """The plan of clips whose entries of the journal come one by one; those refused are set aside."""
    usable, boxes, contents = array("L"), Packed[crop.Box](), Packed[str]()
    refused, notes = list[SetAside](), list[Note]()

    def points() -> Iterator[Float32]:
        for i, (clip, entry) in enumerate(zip(clips, entries, strict=True)):
            if "reason" in entry:
                refused.append(SetAside(clip.database, clip.name, entry["stage"], entry["reason"]))
                continue
            boxes.append(crop.Box(*entry["box"]))
            contents.append(entry["content"])
            notes.extend(Note(clip.name, *note) for note in entry["notes"])
            usable.append(i)
            yield np.asarray(entry["landmarks"], np.float32)

    with full_disk(cache):
        landmarks = on_disk(points(), (66, 2), cache)
    return DataPlan(
        name=asked.name,
        digest=_plan_digest(clips.at(usable), contents, identity, asked),
        clips=clips.at(usable),
        set_aside=(*asked.set_aside, *refused),
        landmarks=landmarks,
        boxes=boxes,
        contents=contents,
        signatures=stamps.at(usable),
        backend=identity,
        wanted=asked.wanted,
        classes=asked.classes,
        notes=tuple(notes),
        registration=asked.registration,
    )


def _plan_digest(clips: Sequence[Clip], contents: Sequence[str], identity: str, asked: Asked) -> str:
    """Everything that decides pixels, landmarks or labels, and nothing about places."""
    described = (
        {**{name: getattr(clip, name) for name in _DESCRIBED}, "content": content}
        for clip, content in zip(clips, contents, strict=True)
    )
    whole = {"backend": identity, "crop": crop.POLICY, "classes": list(asked.classes), "clips": described}
    return digest_of_pieces({**whole, **named(asked.registration)})


def _journal_key(stamp: str, identity: str, registration: str) -> str:
    seen = {"files": stamp, "backend": identity, "crop": crop.POLICY, "revision": EXAMINED}
    return digest_of({**seen, **named(registration)})


def folder_name(names: Sequence[str]) -> str:
    """The folder of these databases in a cache; PreparationError for none, or one that is given twice."""
    if not names:
        raise PreparationError("no database was given")
    if len(set(names)) < len(names):
        raise PreparationError(f"a database is given twice: {', '.join(sorted(names))}")
    name = "+".join(sorted(re.sub(r"[^A-Za-z0-9._-]", "-", name) for name in names))
    return name.lstrip(".")[:100] or "data"


def _refuse_duplicates(clips: Sequence[Clip]) -> None:
    twice = [name for name, count in Counter(clip.name for clip in clips).items() if count > 1]
    if twice:
        raise PreparationError(f"{len(twice)} clip names occur more than once, for example {twice[0]!r}")
