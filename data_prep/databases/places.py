"""Where the frames of a clip lie: folders or videos by subject and file name, in all kinds of trees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.databases.gathering import Gathering
from data_prep.databases.named import choose_home
from data_prep.databases.trees import Listing, Tree, walk
from data_prep.frames.sources import ImageFrames
from data_prep.frames.video import VIDEOS

Places = dict[tuple[int, str], list[str]]
"""(subject number, clip name) -> folders or video files with its frames."""

NEAR = 2
"""How far from a missing onset, apex or offset a camera that drops frames may have taken the next one."""

_SECTION = re.compile(r"section ?[ab]", re.IGNORECASE)


def homes_of(tree: Tree, homes: tuple[str, ...], hint: str) -> tuple[str, ...]:
    """The trees of frames: one below each folder that was given; Section A and Section B are one."""
    if len(tree.roots) > 1:
        return tuple(
            choose_home(
                Tree.at(Path(root)), [home for home in homes if Path(home).is_relative_to(root)], hint
            )
            for root in tree.roots
        )
    if len(homes) == 2 and all(_SECTION.fullmatch(Path(home).name) for home in homes):
        return homes
    return (choose_home(tree, homes, hint),)


def below_subjects(
    tree: Tree,
    homes: tuple[str, ...],
    subject_folder: re.Pattern[str],
    gathering: Gathering,
    folder_key: Callable[[str], str] = str,
) -> Places:
    """Clips in the folders of their subjects; group 1 of the pattern is the subject's number.

    Parameters
    ----------
    tree
        The folders that the user named.
    homes
        Folders that hold the subjects.
    subject_folder
        Pattern of their names.
    gathering
        Takes what is refused.
    folder_key
        A folder's name to what the table calls it.
    """
    places: Places = {}
    for home in homes:
        listing = tree.list(home)
        _reject_links(tree, home, listing, gathering)
        for name, folder in listing.folders.items():
            if match := subject_folder.fullmatch(name):
                inside = tree.list(folder)
                _reject_links(tree, folder, inside, gathering)
                for clip, path in _clips_in(inside):
                    places.setdefault((int(match[1]), folder_key(clip)), []).append(path)
    return places


def by_name(tree: Tree, clip_folder: re.Pattern[str], hint: str, elsewhere: Callable[[str], bool]) -> Places:
    """Clips whose own names tell the subject (group 1), wherever they lie but in folders `elsewhere`.

    Raises
    ------
    DatabaseError
        Where there is none, or where clips lie in two trees, such as raw and cropped.
    """
    places: Places = {}
    for folder, listing in walk(tree, clip_folder):
        if elsewhere(folder):
            continue
        for name, path in _clips_in(listing):
            if match := clip_folder.fullmatch(name):
                places.setdefault((int(match[1]), name), []).append(path)
    if not places:
        raise DatabaseError(f"{tree.root}: no frames; looked for {hint}")
    twice = [paths for paths in places.values() if len(paths) > 1]
    if twice and len(twice) > len(places) // 2:
        trees = ", ".join(tree.relative(str(Path(path).parent)) for path in twice[0])
        raise DatabaseError(f"{tree.root}: 2 trees of frames: {trees}. Give the folder of the one to use")
    return places


def frames_with_gaps(
    tree: Tree, folder: str, onset: int, offset: int, note: Callable[[str], None]
) -> ImageFrames:
    """The frames that are there from onset to offset, for cameras that drop some; the end ones within `NEAR`.

    A gap is noted: the frames are then not evenly spaced, and nothing makes up for it.

    Raises
    ------
    Refused
        Where onset or offset has no frame near it, or a number lies there twice.
    """
    numbered = tree.frames(folder)
    first, last = (_nearest(tree, folder, wanted) for wanted in (onset, offset))
    numbers = sorted(number for number in numbered if first <= number <= last)
    for number in numbers:
        if len(numbered[number]) > 1:
            raise Refused(f"{tree.relative(folder)}: frame {number} lies there {len(numbered[number])} times")
    if (first, last) != (onset, offset):
        wanted = f"frames {onset} to {offset} are wanted"
        note(f"{tree.relative(folder)}: {wanted}, the nearest are {first} to {last}")
    if dropped := last - first + 1 - len(numbers):
        note(f"{tree.relative(folder)}: {dropped} of frames {first} to {last} are not there (dropped)")
    return ImageFrames(tuple(numbered[number][0] for number in numbers))


def apex_with_gaps(tree: Tree, folder: str, apex: int | None, note: Callable[[str], None]) -> int | None:
    """The apex, or the frame within `NEAR` of it that is there, or None; `note` is told of a change."""
    if apex is None or apex in tree.frames(folder):
        return apex
    try:
        near = _nearest(tree, folder, apex)
    except Refused as refused:
        note(f"the apex: {refused}; the clip is used without an apex")
        return None
    note(f"{tree.relative(folder)}: the apex {apex} is not there, the nearest frame is {near}")
    return near


def _nearest(tree: Tree, folder: str, wanted: int) -> int:
    numbered = tree.frames(folder)
    near = min(numbered, key=lambda number: (abs(number - wanted), number), default=None)
    if near is None:
        raise Refused(f"{tree.relative(folder)}: it has no numbered pictures")
    if abs(near - wanted) > NEAR:
        ends = f"it has {min(numbered)} to {max(numbered)}"
        raise Refused(f"{tree.relative(folder)}: no frame within {NEAR} of {wanted}; {ends}")
    return near


def _clips_in(listing: Listing) -> list[tuple[str, str]]:
    """(clip name, folder or video file) of what lies in one folder."""
    videos = [
        (Path(name).stem, path) for name, path in listing.files.items() if name.lower().endswith(VIDEOS)
    ]
    return [*listing.folders.items(), *videos]


def _reject_links(tree: Tree, folder: str, listing: Listing, gathering: Gathering) -> None:
    for name, reason in listing.refused.items():
        gathering.reject(
            f"{gathering.database}/{shown(name)}", f"{tree.relative(folder)}: {shown(name)} {reason}"
        )
