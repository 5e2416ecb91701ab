"""From a set of flow images to the view that methods get: no faces, no landmarks, no interpolation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from basis.canonical import digest_of
from data_prep.cache import CacheDamaged, CacheMissing, locked, read_set, write_set
from data_prep.clips import Clips, UInt8
from data_prep.examine import PreparationError
from data_prep.flow_images.loader import FlowDatabase
from data_prep.opened import landmarks_as_text, open_prepared
from data_prep.plan import DataPlan, Place

REVISION = 1


@dataclass(frozen=True)
class FlowPlan(DataPlan):
    """A plan whose clips are pictures already: `images` by clip name; there is one prepared set."""

    images: Mapping[str, UInt8] = field(default_factory=dict)

    def set_digest(self, tim: int, size: tuple[int, int]) -> str:
        """The same for any length and size: pictures are neither interpolated nor resized."""
        return digest_of({"plan": self.digest, "flow images": REVISION})


def plan_flow_images(database: FlowDatabase, *, classes: tuple[str, ...]) -> FlowPlan:
    """The plan of a set of flow images.

    Raises
    ------
    PreparationError
        For one without clips.
    """
    if not database.clips:
        raise PreparationError(f"{database.root}: none of its flow images is in this task")
    clips = tuple(sorted(database.clips, key=lambda clip: (clip.database, clip.name)))
    contents = tuple(hashlib.sha256(database.images[clip.name].tobytes()).hexdigest() for clip in clips)
    described: Sequence[object] = [
        [clip.name, clip.subject, clip.database, clip.label, content]
        for clip, content in zip(clips, contents, strict=True)
    ]
    return FlowPlan(
        name=database.name,
        digest=digest_of({"flow images": described, "classes": list(classes)}),
        clips=clips,
        set_aside=database.set_aside,
        landmarks=np.zeros((len(clips), 66, 2), np.float32),
        boxes=(),
        contents=contents,
        signatures=(),
        backend="none",
        classes=classes,
        images={clip.name: database.images[clip.name] for clip in clips},
    )


def prepared_flow_images(plan: FlowPlan, place: Place) -> Clips:
    """The pictures as clips of one frame, from the cache or written into it; `Clips.holds` is "flow"."""
    size = next(iter(plan.images.values())).shape[:2]
    folder, expected = plan.folder(place.cache, 1, size), plan.set_digest(1, size)
    try:
        read_set(folder, expected=expected, trust=place.trust, wanted=())
    except (CacheMissing, CacheDamaged) as error:
        if isinstance(error, CacheDamaged):
            place.log(f"warning: {error}; it is built again")
        with locked(place.cache / plan.name / ".lock", place.log):
            rows = (plan.images[clip.name].tobytes() for clip in plan.clips)
            write_set(folder, (len(plan.clips), 1, *size, 3), rows, _meta(plan, expected))
    return open_prepared(folder, expected=expected, trust=place.trust)


def _meta(plan: FlowPlan, digest: str) -> dict[str, Any]:
    return {
        "digest": digest,
        "plan": plan.digest,
        "data": plan.name,
        "holds": "flow",
        "classes": list(plan.classes),
        "names": [clip.name for clip in plan.clips],
        "subjects": [clip.subject for clip in plan.clips],
        "databases": [clip.database for clip in plan.clips],
        "labels": [clip.label for clip in plan.clips],
        "fps": [clip.fps for clip in plan.clips],
        "apex": [None] * len(plan.clips),
        "parts": [],
        "landmarks": landmarks_as_text(plan.landmarks),
    }
