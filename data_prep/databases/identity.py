"""Is everybody one person, and every recording there once? What a list of clips cannot know by itself.

Folds over people only keep people apart if each has one name, and each recording one person. Random labels
can be "recognised" above 90 % through a list that breaks this. Only equal bytes and spellings are compared:
a recording that was encoded anew is not found.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from basis.files import file_sha256
from data_prep.clips import Clip
from data_prep.databases.alike import alike
from data_prep.databases.errors import one_line, shown
from data_prep.frames.sources import ImageFrames

T = TypeVar("T")


def suspicions(clips: Sequence[Clip]) -> tuple[str, ...]:
    """One line for each thing that would make folds over people, or over clips, leak.

    Files are read only where two clips have as many frames of as many bytes; what cannot be read is not
    compared. Lines begin with "identity:".
    """
    lines = [*_spellings(clips), *_same_frames(clips), *_shared_files(clips), *_same_recordings(clips)]
    return tuple(one_line(f"identity: {line}", 400) for line in lines)


def _spellings(clips: Sequence[Clip]) -> list[str]:
    people = dict.fromkeys(clip.subject for clip in clips)
    return [
        f"{' and '.join(map(shown, group))} differ in spelling only and may be one person; "
        "folds over people take them for several"
        for group in _groups(people, _read_aloud)
    ]


def _read_aloud(person: str) -> str:
    """A name as `alike` has it, without what only separates or says "subject".

    sub_1 is sub1 and 1, and 1.0 of a spreadsheet is 1.
    """
    whole = re.sub(r"(?<![\w.])(\d+)\.0+$", r"\1", alike(person))
    joined = re.sub(r"(?<=[^\W\d_])[\s_.-]+(?=\w)", "", whole)
    return re.sub(r"(?<![^\W_])(?:subject|subj|sub|s)0*(?=\d+$)", "", joined)


def _same_frames(clips: Sequence[Clip]) -> list[str]:
    """Clips whose pictures are equal, byte by byte: under several people, or listed twice."""
    apart: list[tuple[int, ...]] = []
    twice: list[tuple[int, ...]] = []
    for sized in _places(_sizes(clip) for clip in clips):
        for begun in _groups(sized, lambda i: _hash(_files(clips[i])[:1])):
            for group in _groups(begun, lambda i: _hash(_files(clips[i]))):
                (apart if len({clips[i].subject for i in group}) > 1 else twice).append(group)
    lines = []
    if apart:
        lines.append(
            f"{len(apart)} recordings lie under two people with identical frames, for example "
            f"{_names(_those(clips, apart[0]))}: duplicates are on both sides of folds over people"
        )
    if twice:
        lines.append(
            f"{len(twice)} recordings are listed more than once with identical frames, for example "
            f"{_names(_those(clips, twice[0]))}: duplicates are on both sides of folds over clips"
        )
    return lines


def _shared_files(clips: Sequence[Clip]) -> list[str]:
    """One file that belongs to clips of two people, such as overlapping parts of one folder."""
    owner: dict[str, Clip] = {}
    found: dict[tuple[str, str], tuple[Clip, Clip]] = {}
    for first, clip in _overlapping(clips):
        found.setdefault((first.name, clip.name), (first, clip))
    for clip in _of_shared_folders(clips):
        for path in _files(clip):
            first = owner.setdefault(path, clip)
            if first.subject != clip.subject and first.frames != clip.frames:
                found.setdefault((first.name, clip.name), (first, clip))
    return [
        f"{_names(pair)} share the same frames and are of two people: duplicates" for pair in found.values()
    ][:10]


def _of_shared_folders(clips: Sequence[Clip]) -> Iterator[Clip]:
    """Clips of pictures in folders that hold pictures of several people: elsewhere no file is shared."""
    pairs = ((folder, _short(clip.subject)) for clip in clips for folder in _folders(clip))
    apart = np.unique(np.fromiter(pairs, np.dtype((np.int64, 2))), axis=0)[:, 0]
    shared = set(apart[1:][apart[1:] == apart[:-1]].tolist())
    return (clip for clip in clips if not shared.isdisjoint(_folders(clip)))


def _folders(clip: Clip) -> set[int]:
    paths = clip.frames.paths if isinstance(clip.frames, ImageFrames) else ()
    return {_short(folder) for folder in {path.rpartition(os.sep)[0] for path in paths}}


def _short(text: str) -> int:
    """What is kept of a text that is only compared with thousands of others: 8 bytes of its hash."""
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8], signed=True)


def _overlapping(clips: Sequence[Clip]) -> Iterator[tuple[Clip, Clip]]:
    """Unlike parts of one video that overlap, and belong to two people."""
    parts: dict[str, list[tuple[int, int, Clip]]] = {}
    for clip in clips:
        if not isinstance(clip.frames, ImageFrames):
            parts.setdefault(clip.frames.path, []).append((clip.frames.first, clip.frames.last, clip))
    for shared in parts.values():
        shared.sort(key=lambda part: part[:2])
        latest: dict[str, tuple[int, Clip]] = {}
        for begin, end, clip in shared:
            for person, (reached, first) in latest.items():
                if begin <= reached and person != clip.subject and first.frames != clip.frames:
                    yield first, clip
            if end >= latest.get(clip.subject, (0, clip))[0]:
                latest[clip.subject] = (end, clip)


def _same_recordings(clips: Sequence[Clip]) -> list[str]:
    """One expression of one person in two databases, such as SMIC's short clips beside its long ones."""

    def recording(clip: Clip) -> int:
        return _short(f"{clip.subject}\0{alike(clip.name.rpartition('/')[2].partition('@')[0])}")

    groups = _places(map(recording, clips))
    shared = [group for group in groups if len({clips[i].database for i in group}) > 1]
    if not shared:
        return []
    databases = " and ".join(sorted({clips[i].database for group in shared for i in group}))
    example = (
        f"for example {_names(_those(clips, shared[0]))}: duplicates are on both sides of folds over clips"
    )
    return [f"{len(shared)} recordings are there more than once, in {databases}, {example}"]


def _groups(items: Iterable[T], key: Callable[[T], Hashable]) -> list[tuple[T, ...]]:
    """The items that share a key with another; a key of None is shared with nobody."""
    first: dict[Hashable, T] = {}
    more: dict[Hashable, list[T]] = {}
    for item in items:
        shared = key(item)
        if shared in first:
            more.setdefault(shared, [first[shared]]).append(item)
        elif shared is not None:
            first[shared] = item
    return [tuple(more[shared]) for shared in first if shared in more]


def _places(keys: Iterable[int | None]) -> list[tuple[int, ...]]:
    """As `_groups`, the places of thousands of keys of `_short`, which take 8 bytes each."""
    numbers = np.fromiter((_short(f"{i}") if key is None else key for i, key in enumerate(keys)), np.int64)
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1, append=-1))
    return sorted(tuple(order[a:b].tolist()) for a, b in pairwise(starts.tolist()) if b - a > 1)


def _files(clip: Clip) -> tuple[str, ...]:
    return clip.frames.paths if isinstance(clip.frames, ImageFrames) else (clip.frames.path,)


def _span(clip: Clip) -> tuple[int, int]:
    return (0, 0) if isinstance(clip.frames, ImageFrames) else (clip.frames.first, clip.frames.last)


def _sizes(clip: Clip) -> int | None:
    try:
        sizes = [os.stat(path).st_size for path in _files(clip)]  # noqa: PTH116 - of every frame
    except OSError:
        return None
    return _short(f"{_span(clip)} {sizes}")


def _hash(paths: Sequence[str]) -> bytes | None:
    try:
        return hashlib.sha256("".join(file_sha256(path) for path in paths).encode()).digest()
    except OSError:
        return None


def _those(clips: Sequence[Clip], places: Sequence[int]) -> list[Clip]:
    return [clips[i] for i in places]


def _names(clips: Sequence[Clip]) -> str:
    return " and ".join(shown(clip.name) for clip in clips[:3])
