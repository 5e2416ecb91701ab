"""SMIC (Li et al. 2013), the short clips: the folder says the emotion, there is no table and no apex.

Tree: `HS/s1/micro/negative/s1_ne_01/image000001.bmp` (raw) or `reg_image000001.bmp` (cropped), likewise
VIS and NIR; the sibling `non_micro` is not read. HS has 100 fps, VIS and NIR 25.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_prep.clips import UNLABELLED, Clip, Database
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.databases.gathering import Gathering
from data_prep.databases.named import choose_home
from data_prep.databases.source import Published, Source
from data_prep.databases.trees import Tree, survey

FPS: Mapping[str, float] = {"hs": 100.0, "vis": 25.0, "nir": 25.0}
SUBJECT_FOLDER = re.compile(r"s0*(\d{1,3})", re.IGNORECASE)
CLIP = re.compile(r"s0*(\d{1,3})_(ne|po|sur)_0*(\d{1,3})", re.IGNORECASE)
EMOTION_OF = {"ne": "negative", "po": "positive", "sur": "surprise"}


@dataclass(frozen=True)
class Short(Source):
    """The short clips of one camera: "hs", "vis" or "nir"."""

    camera: str

    def load(self, tree: Tree, table: Path | None) -> Database:
        """The folders below `micro`.

        Raises
        ------
        DatabaseError
            Where a table is named.
        """
        return _load(self.name, self.camera, tree, table)


def subject_name(number: int) -> str:
    """The subject of all SMIC recordings: one person in HS, VIS, NIR and the long clips is one subject."""
    return f"smic/s{number:02d}"


def homes_of(tree: Tree, homes: tuple[str, ...], camera: str) -> list[str]:
    """The homes whose folder names speak of this camera, or of none."""
    return [home for home in homes if _cameras(tree, home) in (set(), {camera})]


def parsed(clip: str) -> tuple[int, str, int]:
    """(subject, kind, number) of a clip name such as s1_ne_01.

    Raises
    ------
    Refused
        For a name of another form.
    """
    match = CLIP.fullmatch(clip)
    if not match:
        raise Refused(f"{shown(clip)} is not a SMIC clip name such as s1_ne_01")
    return int(match[1]), match[2].lower(), int(match[3])


def _load(name: str, camera: str, tree: Tree, table: Path | None) -> Database:
    if table:
        raise DatabaseError(f"{table}: SMIC's short clips have no table; give their folder")
    homes = [
        home for home in homes_of(tree, survey(tree, SUBJECT_FOLDER).homes, camera) if _short(tree, home)
    ]
    home = choose_home(tree, homes, f"{camera.upper()}/s1/micro/negative/s1_ne_01/image000001.bmp")
    gathering = Gathering(name)
    for folder, subject in _subjects(tree, home, gathering):
        for emotion, emotion_folder in tree.list(_below(tree, folder, "micro")).folders.items():
            for clip, path in tree.list(emotion_folder).folders.items():
                make = partial(_clip, name, camera, tree, path, subject, emotion, clip)
                gathering.take(f"{name}/s{subject:02d}/{clip}", tree.relative(path), make)
    return gathering.finished(tree.root)


def _subjects(tree: Tree, home: str, gathering: Gathering) -> list[tuple[str, int]]:
    """(folder, number) of the subjects that have micro-expressions."""
    found: list[tuple[str, int]] = []
    for name, reason in tree.list(home).refused.items():
        gathering.reject(
            f"{gathering.database}/{shown(name)}", f"{tree.relative(home)}: {shown(name)} {reason}"
        )
    for name, folder in tree.list(home).folders.items():
        match = SUBJECT_FOLDER.fullmatch(name)
        if match and "micro" in tree.list(folder).folders:
            found.append((folder, int(match[1])))
        elif match:
            gathering.reject(
                f"{gathering.database}/{name}", f"{tree.relative(folder)}: has no folder 'micro'"
            )
    return found


def _clip(
    name: str,
    camera: str,
    tree: Tree,
    path: str,
    subject: int,
    emotion: str,
    clip: str,
) -> Clip:
    where = tree.relative(path)
    if emotion.lower() not in EMOTION_OF.values():
        raise Refused(
            f"{where}: unknown emotion {shown(emotion)}; known are {', '.join(EMOTION_OF.values())}"
        )
    named_subject, kind, _ = parsed(clip)
    if named_subject != subject or EMOTION_OF[kind] != emotion.lower():
        raise Refused(f"{where}: the name {clip} belongs to subject {named_subject}, {EMOTION_OF[kind]}")
    numbers = tree.frames(path)
    if not numbers:
        raise Refused(f"{where}: has no numbered pictures")
    onset, offset = min(numbers), max(numbers)
    frames = tree.span(path, onset, offset)
    return Clip(
        database=name,
        subject=subject_name(subject),
        name=f"{name}/s{subject:02d}/{clip}",
        emotion=emotion,
        label=UNLABELLED,
        fps=FPS[camera],
        onset=onset,
        apex=None,
        offset=offset,
        frames=frames,
        annotations=tree.sidecar(path, frames.paths[0]),
        row=where,
    )


def _cameras(tree: Tree, home: str) -> set[str]:
    words = re.split(r"[^a-z0-9]+", tree.relative(home).lower())
    return set(words) & FPS.keys()


def _short(tree: Tree, home: str) -> bool:
    """Whether the subjects of a home have the folder `micro` of the short clips."""
    folders = tree.list(home).folders
    return any(
        "micro" in tree.list(path).folders for name, path in folders.items() if SUBJECT_FOLDER.fullmatch(name)
    )


def _below(tree: Tree, folder: str, name: str) -> str:
    return tree.list(folder).folders[name]


PEOPLE = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)
"""The sixteen people of SMIC-HS; all cameras and the long recordings show people of these."""

FILMED_BY_ALL = (*range(11, 16), 18, 19, 20)
"""The eight people whom the slow cameras (VIS, NIR) filmed as well."""

HS = Short(
    "smic",
    "hs",
    published=Published(
        source="the folders of SMIC-HS",
        total=164,
        people=PEOPLE,
        emotions={"negative": 70, "positive": 51, "surprise": 43},
        subjects={3: 39, 4: 19, 5: 2, 8: 13, 13: 10, 19: 2, 20: 22},
        paper="the paper kept 157 of 164",
    ),
)
"""Clips are named `smic/s01/s1_ne_01`."""

_SLOW = {"positive": 28, "negative": 23, "surprise": 20}
VIS = Short(
    "smic-vis",
    "vis",
    published=Published("the folders of SMIC-VIS", total=71, people=FILMED_BY_ALL, emotions=_SLOW),
)
"""Subjects carry the same names as in SMIC-HS."""

NIR = Short(
    "smic-nir",
    "nir",
    published=Published("the folders of SMIC-NIR", total=71, people=FILMED_BY_ALL, emotions=_SLOW),
)
"""Subjects carry the same names as in SMIC-HS."""
