"""What most databases share: folders with clips, and one table with a row for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data_prep.clips import BY_DESIGN, UNLABELLED, Clip, Database
from data_prep.databases.action_units import action_units, objective_class
from data_prep.databases.alike import alike, hint
from data_prep.databases.corrections import FILE, corrected, read_corrections
from data_prep.databases.errors import DatabaseError, Refused, checked_name, shown
from data_prep.databases.gathering import Gathering
from data_prep.databases.named import choose_table
from data_prep.databases.places import (
    Places,
    apex_with_gaps,
    below_subjects,
    by_name,
    frames_with_gaps,
    homes_of,
)
from data_prep.databases.registry import DATABASES, source_of
from data_prep.databases.source import Source
from data_prep.databases.spans import apex_of, frames_at, in_order, subject_number
from data_prep.databases.tables import Columns, Row, Sheet, read_table
from data_prep.databases.trees import NOTHING, Survey, Tree, survey
from data_prep.frames.sources import FrameSource
from data_prep.frames.video import VIDEOS

COLUMNS: Columns = {
    "Subject": ("Subject",),
    "Filename": ("Filename",),
    "Onset": ("OnsetF", "OnsetFrame", "Onset"),
    "Apex": ("ApexF1", "ApexF", "ApexFrame", "Apex"),
    "Offset": ("OffsetF", "OffsetFrame", "Offset"),
    "Emotion": ("Emotion", "Estimated Emotion"),
    "Units": ("Action Units", "AU", "AUs"),
    "Objective": ("Objective Classes", "Objective class", "Objective"),
    "Fps": ("Fps",),
}
LONG = 3.0
"""Seconds above which a clip is remarked upon; the longest true ones of all tables last less than one."""

REQUIRED = ("Subject", "Filename", "Onset", "Offset", "Emotion")


def _emotion(row: Row) -> tuple[str, tuple[str, ...]]:
    return row.text("Emotion"), ()


def _file(row: Row) -> str:
    return row.text("Filename")


@dataclass(frozen=True, kw_only=True)
class Release(Source):
    """How one database was released.

    Attributes
    ----------
    fps
        Frames per second, where the table has no column Fps.
    subject_folder
        Pattern of a subject's folder with the number as group 1.
    clip_folder
        The same of clips whose own names tell the subject, where there are no subject folders.
    subject
        Number -> its name.
    others
        Pattern (lower case) of names of tables that are something else.
    sheet_name
        Of the sheet that is meant where it is there.
    not_in
        Of names of folders that hold another part of the release.
    objective
        Of a table of objective classes.
    onset_in_name
        Whether (subject, file name) repeats, so that the onset belongs to a clip's name.
    repeats
        Whether trees may hold the second clip of a name as `<name>2`.
    without_row
        (subject, file name) of clips that the release holds and its table does not.
    columns, required
        Of the table, beside or instead of COLUMNS and REQUIRED.
    folder_key
        A folder's name to what rows call it.
    any_case
        Whether the table is careless of capitals.
    inner
        The folder of the colour frames inside a clip's folder.
    gaps
        Whether the camera dropped frames.
    whole_folder
        Whether a folder ends with its clip.
    emotion_of
        A row to its emotion word and the labels it carries.
    file_of
        A row to the name of its folder.
    no_clip
        Rows that are none, such as sums.
    remarks
        What is known to be wrong in the release.
    known
        (subject, file name) -> what is known to be wrong with it, noted where the row is read.
    """

    fps: float
    subject_folder: re.Pattern[str] = NOTHING
    subject: Callable[[int], str]
    tables_hint: str
    tree_hint: str
    table: re.Pattern[str]
    clip_folder: re.Pattern[str] | None = None
    others: re.Pattern[str] = field(default=NOTHING)
    objective: re.Pattern[str] | None = None
    sheet_name: str | None = None
    not_in: re.Pattern[str] = field(default=NOTHING)
    onset_in_name: bool = False
    repeats: bool = False
    without_row: frozenset[tuple[int, str]] = frozenset()
    columns: Columns = field(default_factory=dict)
    required: tuple[str, ...] = REQUIRED
    inner: str = ""
    folder_key: Callable[[str], str] = str
    any_case: bool = False
    gaps: bool = False
    whole_folder: bool = False
    emotion_of: Callable[[Row], tuple[str, tuple[str, ...]]] = _emotion
    file_of: Callable[[Row], str] = _file
    no_clip: Callable[[Row], bool] = field(default=lambda row: False)
    remarks: tuple[str, ...] = ()
    known: Mapping[tuple[int, str, int | None], str] = field(default_factory=dict)

    def sheet(self, table: Path) -> Sheet:
        """The rows of a table file.

        Raises
        ------
        DatabaseError
            As `read_table`.
        """
        return read_table(table, {**COLUMNS, **self.columns}, required=self.required, sheet=self.sheet_name)

    def load(self, tree: Tree, table: Path | None) -> Database:
        """A row of the table becomes a clip or is set aside; so are frames without a row."""
        return _load(self, tree, table)


@dataclass(frozen=True)
class _Source:
    """What a row is looked up in; seen counts the rows of a key so far, for names that repeat."""

    release: Release
    tree: Tree
    places: Places
    objective: Mapping[tuple[int, str], int]
    seen: Counter[tuple[int, str]] = field(default_factory=Counter)


def _load(release: Release, tree: Tree, named: Path | None) -> Database:
    found = survey(tree, release.clip_folder or release.subject_folder)
    candidates = [path for path in found.tables if not release.others.fullmatch(Path(path).name.lower())]
    own = tree.corrections or _in_root(tree, FILE)
    table = named or _table(release, tree, [path for path in candidates if Path(path).name.lower() != FILE])
    sheet = release.sheet(table)
    sheet, left_out = corrected(sheet, read_corrections(own) if own else ())
    gathering = Gathering(release.name, warnings=[*release.remarks, *sheet.notes])
    source = _Source(
        release, tree, _places(release, tree, found.homes, gathering), _objective(release, found)
    )
    used: set[tuple[int, str]] = set()
    for row in sheet.rows:
        if release.no_clip(row):
            gathering.reject(f"{release.name}/row {row.number}", f"{row}: not a clip", stage=BY_DESIGN)
            continue
        key = _key(release, row)
        used.add(key)
        make = partial(_clip, source, row, gathering.note)
        gathering.take(_label(release, row, key), row, make)
    if several := sum(len(clip.marks) > 1 for clip in gathering.clips):
        gathering.note(f"{release.name}: {several} clips carry several labels; tasks of one label lack them")
    for row in left_out:
        key = _key(release, row)
        used.add(key)
        gathering.reject(_label(release, row, key), f"{row}: left out by {FILE}", stage=BY_DESIGN)
    _without_row(source, used, table, gathering)
    return gathering.finished(tree.root)


def _in_root(tree: Tree, name: str) -> Path | None:
    path = Path(tree.root) / name
    return path if path.is_file() else None


def _places(release: Release, tree: Tree, homes: tuple[str, ...], gathering: Gathering) -> Places:
    elsewhere = partial(_elsewhere, tree, release.not_in)
    if release.clip_folder:
        return by_name(tree, release.clip_folder, release.tree_hint, elsewhere)
    homes = tuple(home for home in homes if not elsewhere(home)) or homes
    return below_subjects(
        tree, homes_of(tree, homes, release.tree_hint), release.subject_folder, gathering, release.folder_key
    )


def _elsewhere(tree: Tree, not_in: re.Pattern[str], path: str) -> bool:
    """Whether a folder lies in a folder, below the root, of another part of the release."""
    return any(not_in.search(part.lower()) for part in Path(tree.relative(path)).parts[1:])


def _objective(release: Release, found: Survey) -> dict[tuple[int, str], int]:
    """Objective classes from a table of their own, where a release has one."""
    for path in found.tables:
        if release.objective and release.objective.fullmatch(Path(path).name.lower()):
            rows = read_table(Path(path), COLUMNS, required=("Subject", "Filename", "Objective")).rows
            classes = {_key(release, row): objective_class(row.get("Objective")) for row in rows}
            return {key: value for key, value in classes.items() if value is not None}
    return {}


def _without_row(source: _Source, used: Set[tuple[int, str]], table: Path, gathering: Gathering) -> None:
    """Set aside the frames on disk that no row speaks of."""
    release = source.release
    spoken_of = {(number, alike(file)) for number, file in used} if release.repeats else set()
    for subject, name in sorted(source.places.keys() - used):
        if release.repeats and (subject, alike(name.rstrip("0123456789"))) in spoken_of:
            continue
        known = (subject, name) in release.without_row
        gathering.reject(
            f"{release.name}/{release.subject(subject)}/{name}",
            f"{source.tree.relative(source.places[subject, name][0])}: frames on disk without a row in "
            f"{table.name}" + ("; the official table lacks it" if known else ""),
            stage=BY_DESIGN if known else "load",
        )


def _table(release: Release, tree: Tree, candidates: list[str]) -> Path:
    """The annotation table of this release; DatabaseError where it is another's."""
    table = choose_table(tree, candidates, release.table, release.tables_hint)
    if not release.table.fullmatch(table.name.lower()) and (owner := _owner(table)):
        wrong = f"{table.name} is a table of {owner}, not of {release.name}"
        raise DatabaseError(f"{tree.root}: {wrong}; give {owner}={tree.root}")
    return table


def _owner(table: Path) -> str | None:
    """The database whose table has a name like this; plug-ins that do not load own none."""
    for name in DATABASES:
        with suppress(DatabaseError):
            pattern = source_of(name).table
            if pattern and pattern.fullmatch(table.name.lower()):
                return name
    return None


def _clip(source: _Source, row: Row, note: Callable[[str], None]) -> Clip:
    release = source.release
    number, file = subject_number(row), checked_name(release.file_of(row), f"{row}: Filename")
    emotion, marks = release.emotion_of(row)
    onset, offset = in_order(row, row.integer("Onset"), row.integer("Offset"))
    apex = apex_of(row, (onset, offset), note)
    for key in ((number, file, onset), (number, file, None)):
        if key in release.known:
            note(f"{row}: {release.known[key]}")
    if (offset - onset) / _fps(release, row) > LONG:
        seconds = (offset - onset + 1) / _fps(release, row)
        note(f"{row}: the clip is {seconds:.1f} s long, a micro-expression is not; a number is mistyped?")
    place = _place(source, row, (number, file))
    try:
        frames, annotations, apex = _frames(source, row, place, (onset, apex, offset), note)
    except Refused as refused:
        raise Refused(f"{row}: {refused}") from refused
    subject = f"{release.name}/{release.subject(number)}"
    objective = source.objective.get((number, file), objective_class(row.get("Objective")))
    return Clip(
        database=release.name,
        subject=subject,
        name=f"{subject}/{file}" + (f"@{onset}" if release.onset_in_name else ""),
        emotion=emotion,
        label=UNLABELLED,
        fps=_fps(release, row),
        onset=onset,
        apex=apex,
        offset=offset,
        frames=frames,
        annotations=annotations,
        row=row.at("Emotion"),
        objective=objective,
        action_units=action_units(row.get("Units")),
        marks=marks,
    )


def _frames(
    source: _Source,
    row: Row,
    place: str,
    numbers: tuple[int, int | None, int],
    note: Callable[[str], None],
) -> tuple[FrameSource, str | None, int | None]:
    """(frames, landmark file, apex) of a row's (onset, apex, offset) in its place; raises Refused."""
    release, tree, (onset, apex, offset) = source.release, source.tree, numbers
    if place.lower().endswith(VIDEOS):
        return *frames_at(tree, place, onset, offset), apex
    if release.gaps:
        frames = frames_with_gaps(tree, place, onset, offset, lambda what: note(f"{row}: {what}"))
        apex = apex_with_gaps(tree, place, apex, lambda what: note(f"{row}: {what}"))
        return frames, tree.sidecar(place, frames.paths[0]), apex
    found = frames_at(tree, place, onset, offset)
    if release.whole_folder and (last := max(tree.frames(place))) != offset:
        note(
            f"{row}: the offset is {offset} and the last frame of its folder {last}, which should be the same"
        )
    return *found, apex


def _place(source: _Source, row: Row, key: tuple[int, str]) -> str:
    """The folder or video of a row; raises Refused unless there is exactly one."""
    release, tree, places = source.release, source.tree, source.places
    number, file = key
    source.seen[key] += 1
    numbered = f"{file}{source.seen[key]}"
    if release.repeats and source.seen[key] > 1 and (number, numbered) in places:
        file = numbered
    found = places.get((number, file), [])
    if release.any_case and not found:
        wanted = (number, file.lower())
        near_ones = [paths for (subject, name), paths in places.items() if (subject, name.lower()) == wanted]
        found = near_ones[0] if len(near_ones) == 1 else []
    if len(found) != 1:
        have = f"{len(found)} times: {', '.join(map(tree.relative, found))}" if found else "not at all"
        near = "" if found else hint(file, [name for subject, name in places if subject == number])
        raise Refused(f"{row}: frames of subject {number}, {shown(file)} lie below {tree.root} {have}{near}")
    inside = tree.list(found[0]).folders if release.inner and Path(found[0]).is_dir() else {}
    return inside.get(release.inner, found[0])


def _fps(release: Release, row: Row) -> float:
    if not row.get("Fps"):
        return release.fps
    fps = row.integer("Fps")
    if not 1 <= fps <= 10_000:
        raise row.refused("Fps", "a number of frames per second")
    return float(fps)


def _key(release: Release, row: Row) -> tuple[int, str]:
    try:
        return subject_number(row), release.file_of(row)
    except Refused:
        return -1, row.get("Filename")


def _label(release: Release, row: Row, key: tuple[int, str]) -> str:
    """How a row is called in the list of what was set aside, before it is known to be in order."""
    number, file = key
    if number < 0 or not file:
        return f"{release.name}/row {row.number}"
    onset = f"@{row.get('Onset')}" if release.onset_in_name else ""
    return f"{release.name}/{release.subject(number)}/{file}{onset}"
