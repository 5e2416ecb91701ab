"""Where an expression begins, peaks and ends, and which frames of a folder or a video those are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from data_prep.databases.errors import Refused
from data_prep.databases.tables import Row
from data_prep.databases.trees import Tree
from data_prep.frames.files import FrameError
from data_prep.frames.sources import FrameSource, VideoFrames
from data_prep.frames.timeline import timeline
from data_prep.frames.video import VIDEOS

_SUBJECT = re.compile(r"(?:sub|spno\.|s)?0*(\d{1,4})(?:\.0+)?", re.IGNORECASE)


def subject_number(row: Row) -> int:
    """The subject's number from cells such as 1, '01' or 'sub01'.

    Raises
    ------
    Refused
        For any other cell.
    """
    match = _SUBJECT.fullmatch(row.get("Subject"))
    if not match:
        raise row.refused("Subject", "a subject number")
    return int(match[1])


def in_order(row: Row, onset: int, offset: int) -> tuple[int, int]:
    """(onset, offset) as they are.

    Raises
    ------
    Refused
        Where the onset lies after the offset.
    """
    if onset > offset:
        raise Refused(f"{row}: onset {onset} lies after offset {offset}")
    return onset, offset


def apex_of(
    row: Row,
    span: tuple[int, int],
    note: Callable[[str], None],
    *,
    column: str = "Apex",
    absent: Sequence[str] = ("", "/"),
) -> int | None:
    """The apex of a row within (onset, offset), or None.

    Few methods need one, so an apex that cannot be costs the apex and not the clip; `note` is told of it.
    """
    onset, offset = span
    try:
        apex = row.optional_integer(column, absent)
    except Refused as refused:
        note(f"{refused}; the clip is used without an apex")
        return None
    if apex is not None and not onset <= apex <= offset:
        outside = f"apex {apex} lies outside onset {onset} to offset {offset}"
        note(f"{row.at(column)}: {outside}; the clip is used without an apex")
        return None
    return apex


def video_span(tree: Tree, path: str, onset: int, offset: int) -> VideoFrames:
    """Frames onset..offset (counted from 1) of a video, or all of it where it holds exactly that many.

    Raises
    ------
    Refused
        For a video that is broken or too short.
    """
    try:
        count = timeline(path).frames
    except FrameError as error:
        raise Refused(str(error)) from error
    if count == offset - onset + 1:
        return VideoFrames(path, 0, count - 1)
    if onset < 1 or count < offset:
        raise Refused(f"{tree.relative(path)}: has {count} frames; frames {onset} to {offset} are wanted")
    return VideoFrames(path, onset - 1, offset - 1)


def frames_at(tree: Tree, place: str, onset: int, offset: int) -> tuple[FrameSource, str | None]:
    """The frames of a clip from its folder or video, and its landmark file if any.

    Raises
    ------
    Refused
        For frames that are missing, doubled or damaged.
    """
    if place.lower().endswith(VIDEOS):
        folder, stem = str(Path(place).parent), Path(place).stem
        return video_span(tree, place, onset, offset), tree.list(folder).files.get(f"{stem}.landmarks.json")
    frames = tree.span(place, onset, offset)
    return frames, tree.sidecar(place, frames.paths[0])


def whole_span(tree: Tree, place: str) -> tuple[int, int]:
    """The numbers of the first and the last frame of a folder or a video.

    Raises
    ------
    Refused
        For a folder without numbered pictures, and a video that is broken.
    """
    if place.lower().endswith(VIDEOS):
        try:
            return 1, timeline(place).frames
        except FrameError as error:
            raise Refused(str(error)) from error
    numbers = tree.frames(place)
    if not numbers:
        raise Refused(f"{tree.relative(place)} has no numbered pictures")
    return min(numbers), max(numbers)
