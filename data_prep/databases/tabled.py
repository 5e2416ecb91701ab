"""What CASME, CASME II and SAMM share: subject folders with clip folders, and one table of clips."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data_prep.clips import BY_DESIGN, UNLABELLED, Clip, Database, FrameSource, SetAside, VideoFrames
from data_prep.databases.alike import hint
from data_prep.databases.errors import DatabaseError, Refused, checked_name, one_line, shown
from data_prep.databases.registry import DATABASES, source_of
from data_prep.databases.source import Source
from data_prep.databases.tables import Columns, Row, read_table
from data_prep.databases.trees import Tree, choose_home, choose_table, survey
from data_prep.frame_files import FrameError
from data_prep.timeline import timeline
from data_prep.video import VIDEOS

_SECTION = re.compile(r"section ?[ab]", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:sub|s)?0*(\d{1,4})", re.IGNORECASE)

COLUMNS: Columns = {
    "Subject": ("Subject",),
    "Filename": ("Filename",),
    "Onset": ("OnsetF", "OnsetFrame", "Onset"),
    "Apex": ("ApexF1", "ApexF", "ApexFrame", "Apex"),
    "Offset": ("OffsetF", "OffsetFrame", "Offset"),
    "Emotion": ("Emotion", "Estimated Emotion"),
}
REQUIRED = ("Subject", "Filename", "Onset", "Offset", "Emotion")


@dataclass(frozen=True, kw_only=True)
class Release(Source):
    """How one database was released.

    subject_folder: pattern of a subject's folder with the number as group 1; subject: number -> its name;
    without_row: (subject, file name) of clips that the release holds and its table does not;
    others: pattern (lower case) of names of tables that are something else; onset_in_name: whether
    (subject, file name) repeats, so that the onset belongs to a clip's name.
    """

    fps: float
    subject_folder: re.Pattern[str]
    subject: Callable[[int], str]
    tables_hint: str
    tree_hint: str
    table: re.Pattern[str]
    others: re.Pattern[str] = field(default=re.compile("(?!)"))
    onset_in_name: bool = False
    without_row: frozenset[tuple[int, str]] = frozenset()

    def load(self, tree: Tree, table: Path | None) -> Database:
        """A row of the table becomes a clip or is set aside; so are frames without a row."""
        return _load(self, tree, table)


@dataclass
class Gathering:
    """Clips and what was set aside, as a loader collects them."""

    database: str
    clips: list[Clip] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def take(self, clip: str, where: object, make: Callable[[], Clip]) -> None:
        """Add what `make` gives; a Refused, or a name that was there before, sets the clip aside."""
        try:
            made = make()
            if made.name in self._names:
                raise Refused(f"{where}: repeats the clip {made.name}")
        except Refused as refused:
            self.reject(clip, str(refused))
        else:
            self._names.add(made.name)
            self.clips.append(made)

    def reject(self, clip: str, reason: str, stage: str = "load") -> None:
        """Set a clip aside."""
        self.set_aside.append(SetAside(self.database, one_line(clip, 150), stage, one_line(reason)))

    def note(self, warning: str) -> None:
        """Keep what a user should know although the clips are usable."""
        self.warnings.append(one_line(warning))

    def finished(self, root: str) -> Database:
        """The database, in the order of reading."""
        return Database(self.database, root, tuple(self.clips), tuple(self.set_aside), tuple(self.warnings))


Places = dict[tuple[int, str], list[str]]
"""(subject number, clip name) -> folders or video files with its frames."""


def _load(release: Release, tree: Tree, named: Path | None) -> Database:
    found = survey(tree, release.subject_folder)
    candidates = [path for path in found.tables if not release.others.fullmatch(Path(path).name.lower())]
    table = named or _table(release, tree, candidates)
    sheet = read_table(table, COLUMNS, required=REQUIRED)
    gathering = Gathering(release.name, warnings=list(sheet.notes))
    places = _places(tree, _homes(tree, found.homes, release.tree_hint), release, gathering)
    used: set[tuple[int, str]] = set()
    for row in sheet.rows:
        key = _key(row)
        used.add(key)
        make = partial(_clip, release, tree, places, row, gathering.note)
        gathering.take(_label(release, row, key), row, make)
    for subject, name in sorted(places.keys() - used):
        known = (subject, name) in release.without_row
        gathering.reject(
            f"{release.name}/{release.subject(subject)}/{name}",
            f"{tree.relative(places[subject, name][0])}: frames on disk without a row in {table.name}"
            + ("; the official table lacks it" if known else ""),
            stage=BY_DESIGN if known else "load",
        )
    return gathering.finished(tree.root)


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


def subject_number(row: Row) -> int:
    """The subject's number from cells such as 1, '01' or 'sub01'; raises Refused."""
    match = _SUBJECT.fullmatch(row.get("Subject"))
    if not match:
        raise row.refused("Subject", "a subject number")
    return int(match[1])


def in_order(row: Row, onset: int, offset: int) -> tuple[int, int]:
    """(onset, offset) as they are; raises Refused where the onset lies after the offset."""
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

    Raises Refused for a video that is broken or too short.
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
    """The frames of a clip from its folder or video, and its landmark file if any; raises Refused."""
    if place.lower().endswith(VIDEOS):
        folder, stem = str(Path(place).parent), Path(place).stem
        return video_span(tree, place, onset, offset), tree.list(folder).files.get(f"{stem}.landmarks.json")
    frames = tree.span(place, onset, offset)
    return frames, tree.sidecar(place, frames.paths[0])


def whole_span(tree: Tree, place: str) -> tuple[int, int]:
    """The numbers of the first and the last frame of a folder or a video; raises Refused."""
    if place.lower().endswith(VIDEOS):
        try:
            return 1, timeline(place).frames
        except FrameError as error:
            raise Refused(str(error)) from error
    numbers = tree.frames(place)
    if not numbers:
        raise Refused(f"{tree.relative(place)} has no numbered pictures")
    return min(numbers), max(numbers)


def _clip(release: Release, tree: Tree, places: Places, row: Row, note: Callable[[str], None]) -> Clip:
    number, file = subject_number(row), checked_name(row.text("Filename"), f"{row}: Filename")
    emotion = row.text("Emotion")
    onset, offset = in_order(row, row.integer("Onset"), row.integer("Offset"))
    apex = apex_of(row, (onset, offset), note)
    subject = f"{release.name}/{release.subject(number)}"
    found = places.get((number, file), [])
    if len(found) != 1:
        have = f"{len(found)} times: {', '.join(map(tree.relative, found))}" if found else "not at all"
        near = "" if found else hint(file, [name for subject, name in places if subject == number])
        raise Refused(f"{row}: frames of subject {number}, {shown(file)} lie below {tree.root} {have}{near}")
    try:
        frames, annotations = frames_at(tree, found[0], onset, offset)
    except Refused as refused:
        raise Refused(f"{row}: {refused}") from refused
    name = f"{subject}/{file}" + (f"@{onset}" if release.onset_in_name else "")
    return Clip(
        database=release.name,
        subject=subject,
        name=name,
        emotion=emotion,
        label=UNLABELLED,
        fps=release.fps,
        onset=onset,
        apex=apex,
        offset=offset,
        frames=frames,
        annotations=annotations,
        row=row.at("Emotion"),
    )


def _homes(tree: Tree, homes: tuple[str, ...], hint: str) -> tuple[str, ...]:
    """The trees of frames: one below each folder that was given; Section A and Section B are one."""
    if len(tree.roots) > 1:
        return tuple(
            choose_home(Tree.at(Path(root)), [home for home in homes if _below(home, root)], hint)
            for root in tree.roots
        )
    if len(homes) == 2 and all(_SECTION.fullmatch(Path(home).name) for home in homes):
        return homes
    return (choose_home(tree, homes, hint),)


def _below(path: str, root: str) -> bool:
    return Path(path).is_relative_to(root)


def _places(tree: Tree, homes: tuple[str, ...], release: Release, gathering: Gathering) -> Places:
    places: Places = {}
    for home in homes:
        listing = tree.list(home)
        for name, reason in listing.refused.items():
            gathering.reject(
                f"{release.name}/{shown(name)}", f"{tree.relative(home)}: {shown(name)} {reason}"
            )
        for name, folder in listing.folders.items():
            if match := release.subject_folder.fullmatch(name):
                for clip, path in _clips_in(tree, folder, release, gathering):
                    places.setdefault((int(match[1]), clip), []).append(path)
    return places


def _clips_in(tree: Tree, folder: str, release: Release, gathering: Gathering) -> list[tuple[str, str]]:
    """(clip name, folder or video file) of one subject."""
    listing = tree.list(folder)
    for name, reason in listing.refused.items():
        gathering.reject(f"{release.name}/{shown(name)}", f"{tree.relative(folder)}: {shown(name)} {reason}")
    videos = [
        (Path(name).stem, path) for name, path in listing.files.items() if name.lower().endswith(VIDEOS)
    ]
    return [*listing.folders.items(), *videos]


def _key(row: Row) -> tuple[int, str]:
    try:
        return subject_number(row), row.get("Filename")
    except Refused:
        return -1, row.get("Filename")


def _label(release: Release, row: Row, key: tuple[int, str]) -> str:
    """How a row is called in the list of what was set aside, before it is known to be in order."""
    number, file = key
    if number < 0 or not file:
        return f"{release.name}/row {row.number}"
    onset = f"@{row.get('Onset')}" if release.onset_in_name else ""
    return f"{release.name}/{release.subject(number)}/{file}{onset}"
