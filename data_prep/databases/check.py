"""Checking a database before work starts: what is usable, what is not and why, and the counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from basis.packed import Packed
from data_prep.clips import (
    BY_DESIGN,
    CLASSES,
    EXPRESSIONS,
    UNLABELLED,
    Clip,
    Database,
    SetAside,
    Still,
    StillDatabase,
)
from data_prep.databases import DATABASES, STILLS, DatabaseError, load_stills, read
from data_prep.databases.emotions import CLASS_OF, EXPRESSION_OF, paper_task, with_known_words
from data_prep.databases.identity import suspicions
from data_prep.databases.registry import source_of, stills_of
from data_prep.databases.source import Published
from data_prep.frames.reading import FrameError, check_source, notes_of
from data_prep.frames.sources import FrameSource, ImageFrames
from data_prep.messages import one_line
from data_prep.notes import Note, note_lines
from data_prep.tasks import NotInTask, Task


@dataclass(frozen=True)
class Count:
    """How many usable clips there are of one class, emotion or subject, and how many were published."""

    name: str
    here: int
    published: int | None


@dataclass(frozen=True)
class CheckReport:
    """What a check found: `usable` clips or photographs, everything set aside, and the counts.

    Attributes
    ----------
    clips
        The usable ones.
    remarks
        What to know of the table, such as an apex that cannot be.
    suspicions
        Doubts about who is who, which make folds leak (see `identity`).
    """

    name: str
    root: str
    things: str
    usable: int
    set_aside: tuple[SetAside, ...]
    classes: tuple[Count, ...]
    emotions: tuple[Count, ...]
    subjects: tuple[Count, ...]
    published: Published | None
    decoded: bool
    clips: Sequence[Clip] = ()
    remarks: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """The report for a terminal, one printable line after the other."""
        return tuple(one_line(line) for line in self._lines())

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _lines(self) -> Iterator[str]:
        looked = "every frame decoded" if self.decoded else "frame files looked at, not decoded"
        yield f"{self.name}: {self.root}"
        yield f"  {self.usable} {self.things} usable, {len(self.set_aside)} set aside ({looked})"
        yield f"  subjects: {len(self.subjects_here)}"
        if self.published:
            people = f", {self.published.subject_count} subjects" if self.published.subject_count else ""
            paper = f"; {self.published.paper}" if self.published.paper else ""
            total = f"{self.published.total} {self.things}{people}"
            yield f"  published: {total} ({self.published.source}){paper}"
        told = any(count.name for count in self.emotions) or not self.usable
        by_emotion = (("class", self.classes), ("emotion", self.emotions)) if told else ()
        if not told:
            yield "  no emotions are annotated"
        for title, counts in (*by_emotion, ("subject", self.subjects)):
            yield ""
            yield from _table(title, counts)
        for title, notes in (("suspicious", self.suspicions), ("remarks", self.remarks)):
            if notes:
                yield ""
                yield f"  {title} ({len(notes)}):"
                yield from (f"    {note}" for note in notes)
        if self.set_aside:
            yield ""
            yield f"  set aside ({len(self.set_aside)}):"
            yield from (f"    {item.clip} [{item.stage}] {item.reason}" for item in self.set_aside)

    @property
    def faults(self) -> tuple[SetAside, ...]:
        """What was set aside because something is wrong with it."""
        return tuple(item for item in self.set_aside if item.stage != BY_DESIGN)

    @property
    def subjects_here(self) -> tuple[str, ...]:
        """Subjects with at least one usable clip."""
        return tuple(count.name for count in self.subjects if count.here)


def check(
    name: str,
    root: Path | str | Sequence[Path],
    *,
    decode: bool = False,
    mapping: Path | None = None,
    task: Task | None = None,
) -> CheckReport:
    """Read a database of clips or photographs and look at every frame file.

    By default the header and the end of each file are read; with `decode` every pixel. `mapping` is the CSV
    of `load_stills`, `task` a label set whose emotion words are known too.

    Raises
    ------
    DatabaseError
        Where nothing can be read at all.
    """
    if name in STILLS or mapping is not None:
        return report_stills(load_stills(name, _one(root), mapping=mapping), decode=decode)
    paper = paper_task()
    known = with_known_words(read(name, root), task or paper)
    return report(_with_classes(known, paper), decode=decode)


def _with_classes(database: Database, task: Task) -> Database:
    """Labels where the task places a clip; one without a class, such as one of two labels, is usable too."""

    def placed(clip: Clip) -> Clip:
        try:
            return replace(clip, label=task.classes.index(task.label(clip)))
        except NotInTask:
            return clip

    return replace(database, clips=Packed(map(placed, database.clips)))


def _one(root: Path | str | Sequence[Path]) -> Path:
    if isinstance(root, Path | str):
        return Path(root)
    if len(root) != 1:
        raise DatabaseError(f"photographs lie below one folder, {len(root)} are named")
    return root[0]


def report(database: Database, *, decode: bool = False) -> CheckReport:
    """Check every clip of a database that has been read."""
    broken = [(clip, reason) for clip in database.clips if (reason := _broken(clip.frames, decode))]
    bad = {clip.name for clip, _ in broken}
    found = [SetAside(clip.database, clip.name, "frames", reason) for clip, reason in broken]
    kept = Packed(clip for clip in database.clips if clip.name not in bad)
    set_aside = (*database.set_aside, *found)
    found_so_far = _report(database.name, database.root, "clips", kept, set_aside, CLASSES, CLASS_OF, decode)
    return replace(
        found_so_far,
        clips=kept,
        remarks=(*database.warnings, *_reading(kept)),
        suspicions=suspicions(kept),
    )


def _reading(clips: Sequence[Clip]) -> list[str]:
    """What the user should know of how these clips' frames are read."""
    notes = [Note(clip.name, *note) for clip in clips for note in notes_of(clip.frames)]
    return note_lines(notes, len(clips))


def report_stills(database: StillDatabase, *, decode: bool = False) -> CheckReport:
    """Check every photograph of a database that has been read."""
    reasons = {still.name: _broken(ImageFrames((still.path,)), decode) for still in database.stills}
    found = [SetAside(database.name, name, "frames", reason) for name, reason in reasons.items() if reason]
    kept = [still for still in database.stills if not reasons[still.name]]
    set_aside = (*database.set_aside, *found)
    things = "photographs"
    found_so_far = _report(
        database.name, database.root, things, kept, set_aside, EXPRESSIONS, EXPRESSION_OF, decode
    )
    return replace(found_so_far, suspicions=suspicions([still.as_clip() for still in kept]))


def published_of(name: str) -> Published | None:
    """What was published about a database of clips or photographs, or None."""
    if name in DATABASES:
        return source_of(name).published
    return stills_of(name).published if name in STILLS else None


def _broken(source: FrameSource, decode: bool) -> str:
    try:
        check_source(source, decode=decode)
    except FrameError as error:
        return str(error)
    return ""


def _report(
    name: str,
    root: str,
    things: str,
    kept: Sequence[Clip] | Sequence[Still],
    set_aside: tuple[SetAside, ...],
    classes: Sequence[str],
    class_of: Mapping[str, str],
    decoded: bool,
) -> CheckReport:
    published = published_of(name)
    emotions = published.emotions if published else {}
    per_class: Counter[str] = Counter()
    for emotion, count in emotions.items():
        per_class[class_of[emotion]] += count
    here = Counter(classes[item.label] for item in kept if item.label != UNLABELLED)
    return CheckReport(
        name=name,
        root=root,
        things=things,
        usable=len(kept),
        set_aside=set_aside,
        classes=_counts(classes, here, per_class),
        emotions=_counts((), Counter(item.emotion.lower() for item in kept), emotions),
        subjects=_subjects(kept, published),
        published=published,
        decoded=decoded,
    )


def _counts(order: Iterable[str], here: Mapping[str, int], published: Mapping[str, int]) -> tuple[Count, ...]:
    """Counts in the given order, then by falling published and found number."""
    names = sorted({*here, *published}, key=lambda name: (-published.get(name, 0), -here.get(name, 0), name))
    every = dict.fromkeys([*order, *names])
    known = bool(published)
    return tuple(Count(name, here.get(name, 0), published.get(name, 0) if known else None) for name in every)


def _subjects(kept: Sequence[Clip] | Sequence[Still], published: Published | None) -> tuple[Count, ...]:
    """Counts by subject; a published subject that has no usable clip appears with 0."""
    here = Counter(item.subject for item in kept)
    expected = {**dict.fromkeys(published.people), **published.subjects} if published else {}
    counts = [
        Count(subject, number, expected.pop(_number(subject), None)) for subject, number in here.items()
    ]
    absent = [Count(f"number {number}", 0, count) for number, count in sorted(expected.items())]
    return (*sorted(counts, key=lambda count: count.name), *absent)


def _number(subject: str) -> int:
    digits = re.search(r"(\d+)$", subject)
    return int(digits[1]) if digits else -1


def _table(title: str, counts: Sequence[Count]) -> Iterator[str]:
    width = max([len(title), *(len(count.name) for count in counts)])
    with_published = any(count.published is not None for count in counts)
    yield f"  {title:<{width}}  {'here':>6}" + ("  published" if with_published else "")
    for count in counts:
        known = "" if count.published is None else f"  {count.published:>9}"
        yield f"  {count.name:<{width}}  {count.here:>6}{known}"
