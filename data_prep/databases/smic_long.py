"""SMIC-E, the long recordings around SMIC's clips, with their annotation table.

Tree: `HS_long/SMIC-HS-E/s03/s3_ne_03/image017581.jpg` (the subject's folder padded, the clip's name not).
Table: SMIC-HS-E_annotation.xlsx, one sheet per camera; a row may hold a second and a third expression
(Onset2F, Offset2F, ...). Each becomes a clip of its own, named with its onset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from data_prep.clips import UNLABELLED, Clip, Database
from data_prep.databases.errors import DatabaseError, Refused, shown
from data_prep.databases.gathering import Gathering
from data_prep.databases.named import choose_home, choose_table
from data_prep.databases.smic import (
    EMOTION_OF,
    FILMED_BY_ALL,
    FPS,
    PEOPLE,
    SUBJECT_FOLDER,
    homes_of,
    parsed,
    subject_name,
)
from data_prep.databases.source import Published, Source
from data_prep.databases.spans import apex_of, in_order, subject_number
from data_prep.databases.tables import Columns, Row, Sheet, read_table
from data_prep.databases.trees import Tree, survey

COLUMNS: Columns = {
    "Subject": ("Subject",),
    "Filename": ("Filename",),
    "Onset": ("OnsetF",),
    "Apex": ("ApexF",),
    "Offset": ("OffsetF",),
    "Onset2": ("Onset2F",),
    "Offset2": ("Offset2F",),
    "Onset3": ("Onset3F",),
    "Offset3": ("Offset3F",),
    "Emotion": ("Emotion",),
}
REQUIRED = ("Subject", "Filename", "Onset", "Offset", "Emotion")
_KNOWN = r"smic-{camera}-e_annotation[^/]*\.xlsx?"
REMARKS = ("smic-e: s1_ne_02 and s2_sur_05 of the short clips have no row in the official table",)
_ABSENT = ("", "/", "0")

Key = tuple[int, str, int]


@dataclass(frozen=True)
class Long(Source):
    """The long recordings of one camera: "hs", "vis" or "nir"."""

    camera: str

    def load(self, tree: Tree, table: Path | None) -> Database:
        """The expressions of the table.

        Raises
        ------
        DatabaseError
            Where table or recordings are missing.
        """
        return _load(self.name, self.camera, tree, table)


def _load(name: str, camera: str, tree: Tree, named: Path | None) -> Database:
    found = survey(tree, SUBJECT_FOLDER)
    own = [
        path for path in found.tables if re.fullmatch(_KNOWN.format(camera=camera), Path(path).name.lower())
    ]
    known = re.compile(_KNOWN.format(camera="(?:hs|vis|nir)"))
    hint = f"SMIC-{camera.upper()}-E_annotation*.xlsx"
    table = named or choose_table(tree, own or found.tables, known, hint)
    sheet = read_table(table, COLUMNS, required=REQUIRED, sheet=camera)
    if sheet.name.lower() in FPS and sheet.name.lower() != camera:
        raise DatabaseError(f"{table}: has the sheet {sheet.name} but none for {camera.upper()}")
    home = choose_home(
        tree,
        [home for home in homes_of(tree, found.homes, camera) if _long(tree, home)],
        f"{camera.upper()}_long/SMIC-{camera.upper()}-E/s03/s3_ne_03/image000001.jpg",
    )
    gathering = Gathering(name, warnings=[*(REMARKS if camera == "hs" else ()), *sheet.notes])
    _gather(gathering, tree, camera, sheet, _places(tree, home))
    return gathering.finished(tree.root)


def _gather(
    gathering: Gathering,
    tree: Tree,
    camera: str,
    sheet: Sheet,
    places: Mapping[Key, str],
) -> None:
    used: set[Key] = set()
    for row in sheet.rows:
        file = row.get("Filename")
        label = f"{gathering.database}/{file or f'row {row.number}'}"
        try:
            used.add(parsed(file))
        except Refused as refused:
            gathering.reject(label, f"{row}, column Filename: {refused}")
            continue
        for which in ("", "2", "3"):
            if which and row.get(f"Onset{which}") in _ABSENT:
                continue
            make = partial(_clip, gathering.database, camera, tree, places, row, which, gathering.note)
            gathering.take(label + (f" (expression {which})" if which else ""), row, make)
    for key in sorted(places.keys() - used):
        folder = tree.relative(places[key])
        gathering.reject(f"{gathering.database}/{Path(folder).name}", f"{folder}: no row in {sheet.table}")


def _clip(
    name: str,
    camera: str,
    tree: Tree,
    places: Mapping[Key, str],
    row: Row,
    which: str,
    note: Callable[[str], None],
) -> Clip:
    subject, kind, number = parsed(row.get("Filename"))
    emotion = row.text("Emotion")
    if subject_number(row) != subject:
        raise row.refused("Subject", f"the subject of {row.get('Filename')}")
    if EMOTION_OF[kind] != emotion.lower():
        raise row.refused("Emotion", f"the emotion of {row.get('Filename')}")
    onset, offset = in_order(row, row.integer(f"Onset{which}"), row.integer(f"Offset{which}"))
    apex = None if which else apex_of(row, (onset, offset), note, absent=_ABSENT)
    folder = places.get((subject, kind, number))
    if folder is None:
        raise Refused(f"{row}: no folder {shown(row.get('Filename'))} below {tree.root}")
    try:
        frames = tree.span(folder, onset, offset)
    except Refused as refused:
        raise Refused(f"{row}: {refused}") from refused
    return Clip(
        database=name,
        subject=subject_name(subject),
        name=f"{name}/s{subject:02d}/{Path(folder).name}@{onset}",
        emotion=emotion,
        label=UNLABELLED,
        fps=FPS[camera],
        onset=onset,
        apex=apex,
        offset=offset,
        frames=frames,
        annotations=tree.sidecar(folder, frames.paths[0]),
        row=row.at("Emotion"),
    )


def _places(tree: Tree, home: str) -> dict[Key, str]:
    """Clip folders by what their names mean, so that s3_ne_03 and s03_ne_03 are one."""
    places: dict[Key, str] = {}
    for name, folder in tree.list(home).folders.items():
        if SUBJECT_FOLDER.fullmatch(name):
            for clip, path in tree.list(folder).folders.items():
                try:
                    places[parsed(clip)] = path
                except Refused:
                    continue
    return places


def _long(tree: Tree, home: str) -> bool:
    """Whether the subjects of a home hold clip folders directly, as the long recordings do."""
    for name, folder in tree.list(home).folders.items():
        if SUBJECT_FOLDER.fullmatch(name) and "micro" not in tree.list(folder).folders:
            return True
    return False


TABLE = re.compile(r"smic[^/]*annotation[^/]*\.(?:xlsx?|csv)")

HS = Long(
    "smic-e",
    "hs",
    table=TABLE,
    published=Published(
        "SMIC-HS-E_annotation_orig.xlsx: 162 rows, five of them with a second expression",
        total=167,
        people=PEOPLE,
    ),
)
"""Clips are named `smic-e/s20/s20_ne_06@<onset>`."""

_SLOW = Published("the sheet VIS of SMIC's annotation", total=71, people=FILMED_BY_ALL)
VIS = Long("smic-e-vis", "vis", table=TABLE, published=_SLOW)
"""From a table of its own, or the sheet VIS."""

NIR = Long("smic-e-nir", "nir", table=TABLE)
"""From a table of its own, or the sheet NIR."""
