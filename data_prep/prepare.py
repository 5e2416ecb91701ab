"""From annotated clips to prepared ones: landmarks, crop, TIM, cache.

`plan_data` looks at every clip once: hashes its files, decodes its frames, finds the landmarks of the first
one and the face rectangle. What cannot be used is set aside with a reason. `prepared` then gives the
memory-mapped frames of one length and size, built if the cache lacks them.

Notes
-----
Prepared sets are named by content: the files' bytes, annotations, landmark back end and version, crop
policy, TIM and size; never by where the files lie. A clip that was examined is recognised by the path,
length and time of change of its files, so the next run reads none of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from basis.canonical import digest_of
from data_prep import crop
from data_prep.cache import (
    CacheDamaged,
    CacheMissing,
    Journal,
    Log,
    Parts,
    locked,
    read_set,
    require_space,
    write_set,
)
from data_prep.clips import (
    CLASSES,
    EXPRESSIONS,
    Clip,
    Clips,
    Database,
    ImageFrames,
    SetAside,
    Still,
    StillDatabase,
    Stills,
)
from data_prep.examine import Examiner, PreparationError, Target, make_parts, part_key, signature
from data_prep.landmarks import Options, backend_named
from data_prep.side_by_side import side_by_side

REVISION = 1
Wanted = Sequence[tuple[int, tuple[int, int]]]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DataPlan:
    """Which clips a run uses and where their faces are; independent of TIM and size.

    clips: usable ones, by database and name; row i of every prepared set is clip i. set_aside: all others,
    with stage and reason. landmarks: (n, 66, 2) float32 in pixels of the raw first frame; boxes: face
    rectangle of each clip; contents: sha256 of each clip's files; signatures: paths, lengths and times of
    change of those files when they were examined. wanted: (TIM, (height, width)) of the sets that the run
    will ask for: each clip is decoded once for all of them.
    """

    name: str
    digest: str
    clips: tuple[Clip, ...]
    set_aside: tuple[SetAside, ...]
    landmarks: Float32
    boxes: tuple[crop.Box, ...]
    contents: tuple[str, ...]
    signatures: tuple[str, ...]
    backend: str
    wanted: tuple[tuple[int, tuple[int, int]], ...] = ()
    classes: tuple[str, ...] = CLASSES

    def set_digest(self, tim: int, size: tuple[int, int]) -> str:
        """Digest of the prepared set of this length and size: `Clips.digest`, and its folder's name."""
        return digest_of({"plan": self.digest, "tim": tim, "size": list(size), "revision": REVISION})

    def folder(self, cache: Path, tim: int, size: tuple[int, int]) -> Path:
        """Where that set lies in a cache."""
        return cache / self.name / self.set_digest(tim, size)


def plan_data(
    databases: Sequence[Database],
    *,
    landmarks: str,
    cache: Path,
    workers: int = 1,
    log: Log = print,
    wanted: Wanted = (),
    options: Options | None = None,
) -> DataPlan:
    """Examine all clips: contents, landmarks, face rectangles.

    Parameters
    ----------
    databases
        What the loaders gave; each name once.
    landmarks
        Landmark back end, a name of `data_prep.landmarks.BACKENDS`.
    cache
        Cache folder; finished clips of an interrupted call are not examined again.
    workers
        Clips side by side.
    log
        Takes one line for the user.
    wanted
        (TIM, (height, width)) of the sets that will be asked for: each clip is then decoded only once,
        here, for the examination and for all of them.
    options
        Device and weights folder of the landmark back end.

    Raises
    ------
    PreparationError
        If no clip can be used, or two have the same name.
    data_prep.landmarks.BackendError
        If the back end cannot work here.
    data_prep.cache.CacheError
        If the cache cannot be written.
    """
    clips = [clip for database in databases for clip in database.clips]
    aside = [each for database in databases for each in database.set_aside]
    name = _folder_name([database.name for database in databases])
    return _plan(name, clips, aside, CLASSES, landmarks, cache, workers, log, wanted, options)


def prepared(
    plan: DataPlan,
    *,
    tim: int,
    size: tuple[int, int],
    cache: Path,
    workers: int = 1,
    trust: bool = False,
    log: Log = print,
) -> Clips:
    """The plan's clips with `tim` frames of (height, width) each, from the cache or built into it.

    A set that is damaged, incomplete or of other data is built again, with a warning. `trust` skips the
    check of the frames' hash. Memory does not grow with the number of clips; while a set is built it
    needs its space on disk twice.

    Raises
    ------
    PreparationError
        If a clip's files changed since they were examined.
    data_prep.cache.CacheError
        If the cache cannot be written.
    """
    folder = _built(plan, tim, size, cache, workers, trust, log)
    return open_prepared(folder, expected=plan.set_digest(tim, size), trust=trust)


def open_prepared(folder: Path, *, expected: str, trust: bool = False) -> Clips:
    """Open a prepared set without building anything, for worker processes; writes nothing.

    Raises `CacheMissing` or `CacheDamaged` if the folder does not hold the set of digest `expected`.
    """
    frames, meta = read_set(folder, expected=expected, trust=trust)
    return Clips.from_arrays(
        frames,
        np.asarray(meta["landmarks"], np.float32).reshape(-1, 66, 2),
        meta["labels"],
        names=meta["names"],
        subjects=meta["subjects"],
        databases=meta["databases"],
        classes=tuple(meta["classes"]),
        fps=meta["fps"],
        digest=meta["digest"],
        folder=folder,
    )


def prepared_stills(
    databases: Sequence[StillDatabase],
    *,
    size: tuple[int, int],
    landmarks: str,
    cache: Path,
    workers: int = 1,
    log: Log = print,
    trust: bool = False,
    options: Options | None = None,
) -> Stills:
    """Expression photographs cut to their faces and resized to (height, width), through the same cache.

    A photograph without a face, or that cannot be read, is left out; how many and why is logged and stands
    in `meta.json`. Raises what `plan_data` and `prepared` raise.
    """
    clips = [_as_clip(still) for database in databases for still in database.stills]
    aside = [each for database in databases for each in database.set_aside]
    name = "stills-" + _folder_name([database.name for database in databases])
    wanted = [(1, size)]
    plan = _plan(name, clips, aside, EXPRESSIONS, landmarks, cache, workers, log, wanted, options)
    folder = _built(plan, 1, size, cache, workers, trust, log)
    return open_prepared_stills(folder, expected=plan.set_digest(1, size), trust=trust)


def open_prepared_stills(folder: Path, *, expected: str, trust: bool = False) -> Stills:
    """Open prepared photographs without building anything, as `open_prepared` does for clips."""
    frames, meta = read_set(folder, expected=expected, trust=trust)
    return Stills(
        frames=frames[:, 0],
        labels=np.asarray(meta["labels"], np.int64),
        subjects=tuple(meta["subjects"]),
        names=tuple(meta["names"]),
        digest=meta["digest"],
        folder=folder,
    )


def _plan(
    name: str,
    clips: Sequence[Clip],
    aside: Sequence[SetAside],
    classes: tuple[str, ...],
    landmarks: str,
    cache: Path,
    workers: int,
    log: Log,
    wanted: Wanted,
    options: Options | None,
) -> DataPlan:
    _refuse_duplicates(clips)
    backend = backend_named(landmarks)
    identity = backend.identity()
    ordered = sorted(clips, key=lambda clip: (clip.database, clip.name))
    stamps = {clip.name: signature(clip) for clip in ordered}
    keys = {clip.name: _journal_key(clip, stamps[clip.name], identity) for clip in ordered}
    journal = Journal(cache / "clips.jsonl")
    if any(journal.get(key) is None for key in keys.values()):
        with locked(cache / name / ".lock", log):
            journal.reload()
            missing = [clip for clip in ordered if journal.get(keys[clip.name]) is None]
            if missing:
                backend.ready(options or Options(), log)
            examiner = Examiner(landmarks, options or Options(), Parts(cache / name / "parts"), tuple(wanted))

            def examine(clip: Clip) -> None:
                journal.add(keys[clip.name], examiner.examine(clip, stamps[clip.name]))

            side_by_side(examine, missing, workers, log, f"{name}: clips examined")
    entries = {clip.name: journal.get(keys[clip.name]) for clip in ordered}
    return _assembled(name, ordered, entries, aside, classes, identity, stamps, wanted, log)


def _assembled(
    name: str,
    clips: Sequence[Clip],
    entries: Mapping[str, Mapping[str, Any]],
    aside: Sequence[SetAside],
    classes: tuple[str, ...],
    identity: str,
    stamps: Mapping[str, str],
    wanted: Wanted,
    log: Log,
) -> DataPlan:
    usable = [clip for clip in clips if "reason" not in entries[clip.name]]
    refused = [
        SetAside(clip.database, clip.name, entries[clip.name]["stage"], entries[clip.name]["reason"])
        for clip in clips
        if "reason" in entries[clip.name]
    ]
    if refused:
        stages = Counter(each.stage for each in refused)
        log(f"{name}: {len(refused)} of {len(clips)} set aside ({_counts(stages)})")
    if not usable:
        examples = "".join(f"\n  {each.clip}: {each.reason}" for each in [*refused, *aside][:3])
        raise PreparationError(f"{name}: none of {len(clips)} clips can be used{examples}")
    found = [entries[clip.name] for clip in usable]
    return DataPlan(
        name=name,
        digest=_plan_digest(usable, found, identity, classes),
        clips=tuple(usable),
        set_aside=(*aside, *refused),
        landmarks=np.asarray([each["landmarks"] for each in found], np.float32),
        boxes=tuple(crop.Box(*each["box"]) for each in found),
        contents=tuple(each["content"] for each in found),
        signatures=tuple(stamps[clip.name] for clip in usable),
        backend=identity,
        wanted=tuple(wanted),
        classes=classes,
    )


def _plan_digest(
    clips: Sequence[Clip], entries: Sequence[Mapping[str, Any]], identity: str, classes: tuple[str, ...]
) -> str:
    """Everything that decides pixels, landmarks or labels, and nothing about places."""
    described = []
    for clip, entry in zip(clips, entries, strict=True):
        body = asdict(clip)
        del body["frames"], body["annotations"]
        described.append({**body, "content": entry["content"]})
    return digest_of({"backend": identity, "crop": crop.POLICY, "classes": list(classes), "clips": described})


def _built(
    plan: DataPlan, tim: int, size: tuple[int, int], cache: Path, workers: int, trust: bool, log: Log
) -> Path:
    """The folder of a set that is there and whole, after building it if need be."""
    folder, expected = plan.folder(cache, tim, size), plan.set_digest(tim, size)

    def whole(warn: bool) -> bool:
        try:
            read_set(folder, expected=expected, trust=trust)
        except CacheMissing:
            return False
        except CacheDamaged as error:
            if warn:
                log(f"warning: {error}; it is built again")
            return False
        return True

    if not whole(warn=True):
        with locked(cache / plan.name / ".lock", log):
            if not whole(warn=False):
                _build(plan, tim, size, cache, workers, log)
    return folder


def _build(plan: DataPlan, tim: int, size: tuple[int, int], cache: Path, workers: int, log: Log) -> None:
    """Make the parts that are missing, of this set and of wanted ones that are not there, and join them."""
    parts = Parts(cache / plan.name / "parts")
    parts.sweep()
    folder = plan.folder(cache, tim, size)
    shape = (len(plan.clips), tim, *size, 3)
    others = [each for each in plan.wanted if not (plan.folder(cache, *each) / "meta.json").exists()]
    targets = tuple(dict.fromkeys(Target(*each) for each in [(tim, size), *others]))
    todo = []
    for i in range(len(plan.clips)):
        keys = {target: part_key(plan.contents[i], plan.boxes[i], target) for target in targets}
        lacking = tuple(t for t in targets if not parts.has(keys[t], t.n_bytes))
        if lacking:
            todo.append((i, lacking))
    require_space(folder, int(np.prod(shape)) + sum(t.n_bytes for _, lacking in todo for t in lacking))

    def make(item: tuple[int, tuple[Target, ...]]) -> None:
        i, lacking = item
        _check_unchanged(plan, i)
        make_parts(plan.clips[i], plan.contents[i], plan.boxes[i], lacking, parts)

    side_by_side(make, todo, workers, log, f"{plan.name}: clips prepared")
    write_set(folder, shape, _rows(plan, Target(tim, size), parts), _meta(plan, tim, size))
    for i in range(len(plan.clips)):
        parts.remove(part_key(plan.contents[i], plan.boxes[i], Target(tim, size)))


def _rows(plan: DataPlan, target: Target, parts: Parts) -> Iterator[bytes]:
    """The bytes of each clip in order; a part that was damaged on disk is made again."""
    for i, clip in enumerate(plan.clips):
        key = part_key(plan.contents[i], plan.boxes[i], target)
        data = parts.read(key)
        if data is None:
            _check_unchanged(plan, i)
            make_parts(clip, plan.contents[i], plan.boxes[i], (target,), parts)
            data = parts.read(key)
        if data is None or len(data) != target.n_bytes:
            raise PreparationError(f"{clip.name}: its frames cannot be read back from {parts.folder}")
        yield data


def _check_unchanged(plan: DataPlan, i: int) -> None:
    if signature(plan.clips[i]) != plan.signatures[i]:
        raise PreparationError(
            f"{plan.clips[i].name}: its files changed while they were being prepared; run again"
        )


def _meta(plan: DataPlan, tim: int, size: tuple[int, int]) -> dict[str, Any]:
    moved = [
        crop.crop_landmarks(points, box, size) for points, box in zip(plan.landmarks, plan.boxes, strict=True)
    ]
    return {
        "digest": plan.set_digest(tim, size),
        "plan": plan.digest,
        "data": plan.name,
        "tim": tim,
        "size": list(size),
        "classes": list(plan.classes),
        "names": [clip.name for clip in plan.clips],
        "subjects": [clip.subject for clip in plan.clips],
        "databases": [clip.database for clip in plan.clips],
        "emotions": [clip.emotion for clip in plan.clips],
        "labels": [clip.label for clip in plan.clips],
        "fps": [clip.fps for clip in plan.clips],
        "source_frames": [len(clip.frames) for clip in plan.clips],
        "landmarks": [points.tolist() for points in moved],
        "landmark_backend": plan.backend,
        "landmark_frames": "first frame only",
        "crop": crop.POLICY,
        "boxes": [list(box) for box in plan.boxes],
        "set_aside": [asdict(each) for each in plan.set_aside],
        "made_with": {"opencv": cv2.__version__, "numpy": np.__version__},
    }


def _journal_key(clip: Clip, stamp: str, identity: str) -> str:
    return digest_of({"files": stamp, "backend": identity, "crop": crop.POLICY, "revision": REVISION})


def _as_clip(still: Still) -> Clip:
    """A photograph as a clip of one frame."""
    return Clip(
        database=still.database,
        subject=still.subject,
        name=still.name,
        emotion=still.emotion,
        label=still.label,
        fps=0.0,
        onset=0,
        apex=None,
        offset=0,
        frames=ImageFrames((still.path,)),
        annotations=still.annotations,
    )


def _folder_name(names: Sequence[str]) -> str:
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


def _counts(stages: Counter[str]) -> str:
    return ", ".join(f"{stage}: {count}" for stage, count in sorted(stages.items()))


__all__ = [
    "DataPlan",
    "PreparationError",
    "open_prepared",
    "open_prepared_stills",
    "plan_data",
    "prepared",
    "prepared_stills",
]
