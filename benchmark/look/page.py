"""What the page of a database says: one entry per clip, as JSON inside it, so that it needs no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files

import jinja2
import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from data_prep.clips import Clip, SetAside
from features.face_regions import region_polygons
from results.inline import inline_json


@dataclass(frozen=True)
class Entry:
    """A clip on the page.

    Attributes
    ----------
    files
        Kind of picture -> path of its animation beside the page.
    scales
        Kind -> what full colour means (grey levels, pixels).
    points
        (66) pairs and regions: polygons of MDMO, whole pixels of the prepared frame.
    milliseconds
        Of the movement from onset to offset, None where the rate is unknown.
    notes
        What the preparation noticed of this clip.
    """

    name: str
    database: str
    subject: str
    emotion: str
    label: str
    fps: float
    onset: int
    apex: int | None
    offset: int
    n_frames: int
    milliseconds: int | None
    files: Mapping[str, str]
    scales: Mapping[str, float]
    points: Sequence[Sequence[int]]
    regions: Sequence[Sequence[Sequence[int]]]
    notes: Sequence[str] = ()


def entry_of(
    clip: Clip,
    classes: Sequence[str],
    landmarks: npt.NDArray[np.float32],
    animations: Mapping[str, str],
    scales: Mapping[str, float],
    notes: Sequence[str] = (),
) -> Entry:
    """One clip's entry; its landmarks, (66, 2), are in pixels of the prepared frame."""
    rate_known = np.isfinite(clip.fps) and clip.fps > 0
    return Entry(
        name=clip.name,
        database=clip.database,
        subject=clip.subject,
        emotion=clip.emotion,
        label=classes[clip.label],
        fps=float(clip.fps) if rate_known else 0.0,
        onset=clip.onset,
        apex=clip.apex,
        offset=clip.offset,
        n_frames=len(clip.frames),
        milliseconds=round(1000 * len(clip.frames) / clip.fps) if rate_known else None,
        files=animations,
        scales={kind: round(scale, 2) for kind, scale in scales.items()},
        points=np.rint(landmarks).astype(int).tolist(),
        regions=[np.rint(polygon).astype(int).tolist() for polygon in region_polygons(landmarks)],
        notes=list(notes),
    )


def page(
    title: str,
    size: tuple[int, int],
    entries: Sequence[Entry],
    set_aside: Sequence[SetAside],
    *,
    mark: str,
    remarks: Sequence[str] = (),
) -> str:
    """The whole page.

    Parameters
    ----------
    title
        Names of the databases.
    size
        (height, width) of the animations.
    entries, set_aside
        Every clip of the tables, usable or not.
    mark
        What says that the page is ours.
    remarks
        What `check` says of the tables and of who is who.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(files("benchmark.look").joinpath("page.html").read_text("utf-8"))
    return template.render(
        mark=Markup(mark),
        title=title,
        height=size[0],
        width=size[1],
        kinds=[kind for kind in ("face", "difference", "flow") if any(kind in e.files for e in entries)],
        people=len({entry.subject for entry in entries}),
        entries=inline_json([asdict(entry) for entry in entries]),
        n_entries=len(entries),
        set_aside=[asdict(each) for each in set_aside],
        remarks=remarks,
        noted=sum(bool(entry.notes) for entry in entries),
    )
