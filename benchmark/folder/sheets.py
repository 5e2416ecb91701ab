"""Contact sheets of a run's clips: what the methods get to see, one sheet per database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.log import Log
from benchmark.sources import Assembled
from data_prep.clips import Clip, Float32, UInt8
from data_prep.crop import crop, crop_landmarks
from data_prep.flow_images import FlowPlan
from data_prep.frames.reading import FrameError, read_frame
from data_prep.plan import DataPlan
from features.face_regions import region_polygons
from features.optical_flow import flow_from_first

if TYPE_CHECKING:
    from results.figures.clips import ClipPictures

SIZE = (163, 134)


def write_sheets(folder: Path, assembled: Assembled, log: Log) -> None:
    """One sheet per database into `folder/figures`, with the first clip of each class; existing ones stay.

    Flow images have no frames to show.
    """
    if isinstance(assembled.plan, FlowPlan):
        return
    names = dict.fromkeys(clip.database for clip in assembled.plan.clips)
    missing = [name for name in names if not (folder / "figures" / f"clips-{name}.svg").exists()]
    if not missing:
        return
    from results.figures import saved_beside  # drawing takes a second to import
    from results.figures.clips import contact_sheet

    source = "simulator" if assembled.sources.simulated else "the database's own frames"
    jobs = []
    for name in missing:
        rows = _one_per_class(assembled.plan.clips, name)
        try:
            pictures = [_pictures(assembled, row) for row in rows]
        except FrameError as error:
            log(f"no contact sheet of {name}: {error}")
            continue
        about = {"database": name, "source": source, "profile": assembled.settings.profile}
        jobs.append(partial(contact_sheet, pictures, **about))
    with saved_beside(jobs, folder / "figures") as saved:
        saved()


def _one_per_class(clips: Sequence[Clip], database: str) -> list[int]:
    first: dict[int, int] = {}
    for i, clip in enumerate(clips):
        if clip.database == database:
            first.setdefault(clip.label, i)
    return [first[label] for label in sorted(first)]


def _pictures(assembled: Assembled, row: int) -> ClipPictures:
    """Onset, apex and offset of one clip, cropped, with the flow and MDMO's regions on them."""
    from results.figures.clips import ClipPictures

    plan = assembled.plan
    clip, box = plan.clips[row], plan.boxes[row]
    last = len(clip.frames) - 1
    whole = read_frame(clip.frames, 0)
    onset = crop(whole, box, SIZE)
    apex, offset = (_later(plan, row, whole, i) for i in (_apex_index(clip), last))
    points = crop_landmarks(plan.landmarks[row], box, SIZE)
    return ClipPictures(
        name=clip.name,
        label=f"{clip.emotion} ({plan.classes[clip.label]})",
        onset=onset,
        apex=apex,
        offset=offset,
        whole=whole,
        landmarks=plan.landmarks[row],
        crop=(box.left - 0.5, box.top - 0.5, box.right - 0.5, box.bottom - 0.5),
        flow=_flow(onset, apex),
        regions=region_polygons(points),
    )


def _later(plan: DataPlan, row: int, first: UInt8, i: int) -> UInt8:
    """Frame i of a clip, cut to the face, its head laid on the first frame's where the run does so."""
    cut = plan.cut(row)
    frame, head = read_frame(plan.clips[row].frames, i), cut.head(first)
    return crop(*cut.face(frame, head), SIZE)


def _apex_index(clip: Clip) -> int:
    """Position of the annotated apex among the frames; the middle where there is none (SMIC)."""
    last = len(clip.frames) - 1
    if clip.apex is None or clip.offset == clip.onset:
        return last // 2
    return round(last * (clip.apex - clip.onset) / (clip.offset - clip.onset))


def _flow(onset: UInt8, apex: UInt8) -> Float32:
    flow: Float32 = flow_from_first(np.stack([onset, apex]))[0]
    return flow
