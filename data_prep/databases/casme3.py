"""CAS(ME)^3 (Li et al. 2022): part A, labelled, and part C, which has action units and no emotions.

Part A: `part_A/spNO.1/b/color/175.jpg`; the camera dropped frames, so that numbers are missing. Trees in
which the clips were cut out hold the second clip of a video as `b2`. Table:
cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx, one row a clip; (subject, file name) repeats, with the onset the
key is unique. Part C: `part_C/01/a/color/<n>.jpg` and CAS(ME)3_part_C_ME.xlsx.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published
from data_prep.databases.tabled import COLUMNS, Release
from data_prep.databases.tables import Row

_NAME = r"cas ?\(?me\)?\^?3[^/]*part[ _-]?{part}[^/]*\.(?:xlsx?|csv)"

SOURCE = Release(
    name="casme3",
    fps=30.0,
    subject_folder=re.compile(r"spno\.0*(\d{1,3})", re.IGNORECASE),
    subject=lambda number: f"spNO.{number}",
    tables_hint="cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",
    tree_hint="part_A with spNO.1, spNO.2, ... and b/color/175.jpg in them",
    table=re.compile(_NAME.format(part="a")),
    others=re.compile(_NAME.format(part="c") + r"|cas ?\(?me\)?\^?3_part_a_v2\.xls|.*corrections.*"),
    not_in=re.compile(r"part[ _-]?[bc]"),
    sheet_name="label",
    onset_in_name=True,
    repeats=True,
    any_case=True,
    inner="color",
    gaps=True,
    known={
        (214, "c", 5): "the offset 3460 makes this clip 115 s long, a typing error; others use 34",
        (216, "e", 0): "the onset 0 lies before the first frame, which is 1",
        (149, "d", 112): "the apex 160 is disputed; others use 123 or 83",
        (40, "e", 1812): "the offset is 0 in some copies of the table; it is 1845",
        (40, "e", 2327): "the offset is 0 in some copies of the table; it is 2403",
    },
    published=Published(
        source="cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx",
        total=860,
        n_subjects=94,
        emotions={
            "disgust": 250,
            "surprise": 187,
            "others": 161,
            "fear": 86,
            "anger": 64,
            "sad": 57,
            "happy": 55,
        },
    ),
)
"""Clips are named `casme3/spNO.1/b@175`."""


def _video(row: Row) -> str:
    """Each person of part C is in one video, `a`; the table only counts the expressions in it."""
    del row
    return "a"


PART_C = Release(
    name="casme3-c",
    fps=30.0,
    subject_folder=re.compile(r"0*(\d{1,2})"),
    subject=lambda number: f"c{number:02d}",
    tables_hint="CAS(ME)3_part_C_ME.xlsx",
    tree_hint="part_C with 01, 02, ... and a/color/1.jpg in them",
    table=re.compile(_NAME.format(part="c")),
    others=re.compile(_NAME.format(part="a") + r"|.*corrections.*"),
    not_in=re.compile(r"part[ _-]?[ab]"),
    onset_in_name=True,
    inner="color",
    gaps=True,
    columns={
        **COLUMNS,
        "Subject": ("sub",),
        "Filename": ("count",),
        "Onset": ("onset",),
        "Offset": ("offset",),
    },
    required=("Subject", "Filename", "Onset", "Offset", "Units"),
    emotions=False,
    emotion_of=lambda row: ("", ()),
    file_of=_video,
    published=Published(source="the paper's count of part C", total=249, n_subjects=31),
)
"""Clips are named `casme3-c/c01/a@12`; they have action units and belong to no task of emotions."""
