"""From a plan to prepared clips: crop, TIM, cache.

`prepared` gives the memory-mapped frames of one length and size, built if the cache lacks them;
`prepared_stills` the same for photographs. What was looked at before stands in `data_prep.plan`; a set that
is there is opened by `data_prep.opened`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from basis.canonical import Listed, Spelled
from basis.memory import give_back_freed_memory
from basis.packed import Packed
from data_prep import crop
from data_prep.cache import (
    CacheDamaged,
    CacheMissing,
    Parts,
    locked,
    read_set,
    require_space,
    rows_elsewhere,
    write_set,
)
from data_prep.clips import EXPRESSIONS, Clip, Clips, StillDatabase, Stills
from data_prep.examine import PreparationError, Target, make_parts, part_key, signature
from data_prep.frames.sources import ImageFrames
from data_prep.landmarks import Options
from data_prep.opened import landmarks_as_text, open_prepared, open_prepared_stills
from data_prep.plan import Asked, DataPlan, Place, examined, folder_name, plan_data
from data_prep.registration import named
from data_prep.side_by_side import one_ahead, side_by_side


def prepared(plan: DataPlan, place: Place, *, tim: int, size: tuple[int, int]) -> Clips:
    """The plan's clips with `tim` frames of (height, width) each, from the cache or built into it.

    A set that is damaged, incomplete or of other data is built again, with a warning. Memory
    does not grow with the number of clips; while a set is built it needs its space on disk twice.

    Raises
    ------
    PreparationError
        If a clip's files changed since they were examined.
    data_prep.cache.CacheError
        If the cache cannot be written.
    """
    folder = built(plan, Target(tim, size), place)
    return open_prepared(folder, expected=plan.set_digest(tim, size), trust=place.trust)


def prepared_stills(
    databases: Sequence[StillDatabase],
    place: Place,
    *,
    size: tuple[int, int],
    landmarks: str,
    options: Options | None = None,
) -> Stills:
    """Expression photographs cut to their faces and resized to (height, width), through the same cache.

    A photograph without a face, or that cannot be read, is left out; how many and why is logged and stands
    in `meta.json`. Raises what `plan_data` and `prepared` raise.
    """
    clips = Packed(still.as_clip() for database in databases for still in database.stills)
    aside = [each for database in databases for each in database.set_aside]
    name = "stills-" + folder_name([database.name for database in databases])
    target = Target(1, size)
    asked = Asked(name, tuple(aside), EXPRESSIONS, (target,))
    plan = examined(clips, asked, landmarks, place, options or Options())
    folder = built(plan, target, place)
    return open_prepared_stills(folder, expected=plan.set_digest(1, size), trust=place.trust)


def built(plan: DataPlan, target: Target, place: Place) -> Path:
    """The folder of a set that is there and whole, built if need be; raises what `prepared` does."""
    folder, expected = plan.folder(place.cache, *target), plan.set_digest(*target)

    def whole(warn: bool) -> bool:
        try:
            read_set(folder, expected=expected, trust=place.trust, wanted=())
        except CacheMissing:
            return False
        except CacheDamaged as error:
            if warn:
                place.log(f"warning: {error}; it is built again")
            return False
        return True

    if not whole(warn=True):
        with locked(place.cache / plan.name / ".lock", place.log):
            if not whole(warn=False):
                _build(plan, target, place)
    return folder


def _build(plan: DataPlan, target: Target, place: Place) -> None:
    """Make the parts that are missing, of this set and of wanted ones that are not there, and join them."""
    parts = Parts(place.cache / plan.name / "parts")
    parts.sweep()
    others = [each for each in plan.wanted if not (plan.folder(place.cache, *each) / "meta.json").exists()]
    targets = tuple(dict.fromkeys([target, *(Target(*each) for each in others)]))
    _take_over(plan, targets, parts, place)
    todo = [(i, lacking) for i in range(len(plan.clips)) if (lacking := _lacking(plan, i, targets, parts))]
    n_bytes = target.n_bytes * len(plan.clips) + sum(t.n_bytes for _, lacking in todo for t in lacking)
    folder = plan.folder(place.cache, *target)
    require_space(folder, n_bytes)

    def make(item: tuple[int, tuple[Target, ...]]) -> None:
        i, lacking = item
        _check_unchanged(plan, i)
        make_parts(plan.clips[i], plan.contents[i], plan.cut(i), lacking, parts)

    side_by_side(make, todo, place.workers, place.log, f"{plan.name}: clips prepared")
    shape = (len(plan.clips), target.tim, *target.size, 3)
    write_set(folder, shape, one_ahead(_rows(plan, target, parts)), _meta(plan, target))
    for key in _keys(plan, target):
        parts.remove(key)
    give_back_freed_memory()


def _take_over(plan: DataPlan, targets: Sequence[Target], parts: Parts, place: Place) -> None:
    """Copy the clips that another prepared set of this cache holds already, so that none is decoded again."""
    for target in targets:
        lacking = {key for key in _keys(plan, target) if not parts.has(key, target.n_bytes)}
        if not lacking:
            continue
        require_space(parts.folder, len(lacking) * target.n_bytes)
        for key, row in rows_elsewhere(place.cache, lacking, (target.tim, *target.size, 3)):
            parts.write(key, row)


def _keys(plan: DataPlan, target: Target) -> Iterator[str]:
    """The name of each clip's part, in order."""
    return (part_key(content, plan.cut(i), target) for i, content in enumerate(plan.contents))


def _lacking(plan: DataPlan, i: int, targets: Sequence[Target], parts: Parts) -> tuple[Target, ...]:
    content, cut = plan.contents[i], plan.cut(i)
    return tuple(t for t in targets if not parts.has(part_key(content, cut, t), t.n_bytes))


def _rows(plan: DataPlan, target: Target, parts: Parts) -> Iterator[memoryview]:
    """The bytes of each clip in order; a part that was damaged on disk is made again."""
    for i, clip in enumerate(plan.clips):
        key = part_key(plan.contents[i], plan.cut(i), target)
        data = parts.read(key)
        if data is None:
            _check_unchanged(plan, i)
            make_parts(clip, plan.contents[i], plan.cut(i), (target,), parts)
            data = parts.read(key)
        if data is None or len(data) != target.n_bytes:
            raise PreparationError(f"{clip.name}: its frames cannot be read back from {parts.folder}")
        yield data


def _check_unchanged(plan: DataPlan, i: int) -> None:
    if signature(plan.clips[i]) != plan.signatures[i]:
        raise PreparationError(
            f"{plan.clips[i].name}: its files changed while they were being prepared; run again"
        )


def _meta(plan: DataPlan, target: Target) -> dict[str, Any]:
    """What `meta.json` says of a set; what is long for each clip is made when it is written."""

    def landmarks() -> Iterator[str]:  # 528 bytes each, a multiple of 3: their texts make one
        for points, box in zip(plan.landmarks, plan.boxes, strict=True):
            yield landmarks_as_text(crop.crop_landmarks(points, box, target.size))

    columns: list[list[Any]] = [[], [], [], [], []]
    for clip in plan.clips:
        words = map(sys.intern, (clip.subject, clip.database, clip.emotion))
        for column, value in zip(columns, (*words, clip.label, clip.fps), strict=True):
            column.append(value)
    subjects, databases, emotions, labels, fps = columns
    return {
        "digest": plan.set_digest(*target),
        "plan": plan.digest,
        "data": plan.name,
        "tim": target.tim,
        "size": list(target.size),
        "classes": list(plan.classes),
        "names": Listed(lambda: (clip.name for clip in plan.clips)),
        "subjects": subjects,
        "databases": databases,
        "emotions": emotions,
        "labels": labels,
        "fps": fps,
        "holds": "frames",
        "apex": Listed(lambda: map(_place_of_apex, plan.clips)),
        "source_frames": Listed(lambda: (len(clip.frames) for clip in plan.clips)),
        "landmarks": Spelled(landmarks),
        "landmark_backend": plan.backend,
        "landmark_frames": "first frame only",
        "crop": crop.POLICY,
        **named(plan.registration),
        "boxes": Listed(lambda: map(list, plan.boxes)),
        "parts": Listed(lambda: _keys(plan, target)),
        "notes": [asdict(each) for each in plan.notes],
        "set_aside": [asdict(each) for each in plan.set_aside],
        "made_with": {"opencv": cv2.__version__, "numpy": np.__version__},
    }


def _place_of_apex(clip: Clip) -> float | None:
    """Where the annotated apex lies between the first frame (0) and the last (1); None without one.

    Of a clip from which the camera dropped frames it is the place among those that are there.
    """
    if clip.apex is None or clip.offset == clip.onset or len(clip.frames) < 2:
        return None
    if isinstance(clip.frames, ImageFrames) and len(clip.frames) != clip.offset - clip.onset + 1:
        numbers = [_number(path) for path in clip.frames.paths]
        return min(sum(number < clip.apex for number in numbers) / (len(numbers) - 1), 1.0)
    return (clip.apex - clip.onset) / (clip.offset - clip.onset)


def _number(path: str) -> int:
    """The number of a frame, the last one in its file name."""
    digits = re.findall(r"\d+", Path(path).stem)
    return int(digits[-1]) if digits else 0


__all__ = [
    "DataPlan",
    "Place",
    "PreparationError",
    "Target",
    "built",
    "open_prepared",
    "open_prepared_stills",
    "plan_data",
    "prepared",
    "prepared_stills",
]
