"""Own data: one CSV with a line per clip, read as a stream so that its length costs no memory.

Columns: database, subject, clip, emotion, fps, onset, apex, offset, frames and, if wanted, root, action units
and objective class. `frames` is a folder of numbered pictures or a video file, relative to the folder of the
CSV and not outside it; where the CSV lies elsewhere, the column `root`, or `manifest=FILE,ROOT`, names the
folder instead. Onset, apex and offset are the numbers in the picture names (for a video: the frame, counted
from 1); an empty offset is the last frame that is there, empty onset and offset mean all frames, an empty
apex means that it is not known.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_prep.clips import UNLABELLED, Clip, Database
from data_prep.databases.action_units import action_units, objective_class
from data_prep.databases.errors import DatabaseError, Refused, checked_name, shown
from data_prep.databases.gathering import Gathering
from data_prep.databases.source import Source
from data_prep.databases.spans import apex_of, frames_at, in_order, whole_span
from data_prep.databases.tables import Columns, Row, stream_csv
from data_prep.databases.trees import Tree
from data_prep.frames.reading import VIDEOS

MAX_CLIPS = 100_000
_NAMED = ("database", "subject", "clip", "emotion", "fps", "onset", "apex", "offset", "frames", "root")
COLUMNS: Columns = {
    **{name: (name,) for name in _NAMED},
    "units": ("action units", "au", "aus"),
    "objective": ("objective class", "objective classes", "objective"),
}
REQUIRED = ("database", "subject", "clip", "emotion", "fps", "frames")
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,6})?")


@dataclass(frozen=True)
class Manifest(Source):
    """Clips that the user lists: `manifest=FILE.csv`, or a folder with manifest.csv in it."""

    def load(self, tree: Tree, table: Path | None) -> Database:
        """Every line is a clip or set aside.

        Raises
        ------
        DatabaseError
            For a missing or unreadable CSV and one of more than `MAX_CLIPS` lines.
        """
        path = table or Path(tree.root) / "manifest.csv"
        if path.suffix.lower() != ".csv":
            raise DatabaseError(f"{path}: a manifest is a CSV file or a folder with manifest.csv")
        return _load(path, tree)


def _load(path: Path, tree: Tree) -> Database:
    gathering = Gathering("manifest")
    trees = {"": tree}
    for row in stream_csv(path, COLUMNS, required=REQUIRED, at_most=MAX_CLIPS):
        make = partial(_clip, path, trees, row, gathering.note)
        gathering.take(f"manifest/row {row.number}", row, make)
    return gathering.finished(tree.root)


def _clip(path: Path, trees: dict[str, Tree], row: Row, note: Callable[[str], None]) -> Clip:
    database, person, clip = (
        checked_name(row.get(name), f"{row}: {name}") for name in ("database", "subject", "clip")
    )
    emotion = row.text("emotion")
    tree = _tree(path, trees, row)
    place = _place(tree, row)
    onset, offset = _span(tree, row, place)
    onset, offset = in_order(row, onset, offset)
    apex = apex_of(row, (onset, offset), note, column="apex")
    try:
        frames, annotations = frames_at(tree, place, onset, offset)
    except Refused as refused:
        raise Refused(f"{row}: {refused}") from refused
    return Clip(
        database=database,
        subject=f"{database}/{person}",
        name=f"{database}/{person}/{clip}",
        emotion=emotion,
        label=UNLABELLED,
        fps=_fps(row),
        onset=onset,
        apex=apex,
        offset=offset,
        frames=frames,
        annotations=annotations,
        row=f"{row}, column emotion",
        objective=objective_class(row.get("objective")),
        action_units=action_units(row.get("units")),
    )


def _fps(row: Row) -> float:
    value = row.get("fps")
    if not _NUMBER.fullmatch(value) or float(value) == 0:
        raise row.refused("fps", "a number of frames per second above 0")
    return float(value)


def _tree(path: Path, trees: dict[str, Tree], row: Row) -> Tree:
    """The tree below which the frames of a row lie; the root of a row is relative to the CSV's folder."""
    named = row.get("root")
    if named not in trees:
        try:
            trees[named] = Tree.at(path.parent / Path(named).expanduser())
        except DatabaseError as error:
            raise Refused(f"{row}, column root: {error}") from error
    return trees[named]


def _place(tree: Tree, row: Row) -> str:
    """The folder of pictures or the video file of a row, below the folder of the manifest."""
    named = row.text("frames")
    try:
        place = tree.inside(named)
    except Refused as refused:
        raise Refused(f"{row}, column frames: {refused}") from refused
    if os.path.isdir(place) or place.lower().endswith(VIDEOS):  # noqa: PTH112
        return place
    raise Refused(
        f"{row}, column frames: {shown(row.get('frames'))} is neither a folder nor {', '.join(VIDEOS)}"
    )


def _span(tree: Tree, row: Row, place: str) -> tuple[int, int]:
    """Onset and offset as given; without an offset to the last frame, without both all frames."""
    if row.get("offset"):
        return row.integer("onset"), row.integer("offset")
    try:
        first, last = whole_span(tree, place)
    except Refused as refused:
        raise Refused(f"{row}, column frames: {refused}") from refused
    return (row.integer("onset") if row.get("onset") else first), last


SOURCE = Manifest("manifest")
