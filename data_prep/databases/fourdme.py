"""4DME (Li et al. 2022), the grey micro-expressions: 60 fps, a clip may carry several labels.

Tree: `gray_micro/<subject>/<fold_name>/<n>.jpg` (or gray_micro_crop). Table: 4DME_Labelling_Micro_release
v1.xlsx with five columns of 0 and 1; action units that stay through the clip are marked "(k)" and left out.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published
from data_prep.databases.tabled import COLUMNS, Release
from data_prep.databases.tables import Row

LABELS = ("Positive", "Negative", "Surprise", "Repression", "Others")


def labels_of(row: Row) -> tuple[str, tuple[str, ...]]:
    """(emotion, labels) of a row: the one label it has, or all of them joined by "+".

    Raises
    ------
    Refused
        For a row without a label.
    """
    marks = tuple(name.lower() for name in LABELS if row.get(name) in ("1", "1.0"))
    if not marks:
        words = re.split(r"[+,/]", row.text("Emotion"))
        marks = tuple(word.strip().lower() for word in words if word.strip())
    return "+".join(marks), marks


SOURCE = Release(
    name="4dme",
    fps=60.0,
    clip_folder=re.compile(r"S0*(\d{1,3})_.+", re.IGNORECASE),
    subject=lambda number: f"S{number:02d}",
    tables_hint="4DME_Labelling_Micro_release v1.xlsx",
    tree_hint="gray_micro with folders of subjects and S13_1st_001_01_1/1.jpg in them",
    table=re.compile(r"4dme[^/]*micro[^/]*\.(?:xlsx?|csv)"),
    others=re.compile(r".*macro.*"),
    columns={
        **COLUMNS,
        "Subject": ("sub_ID",),
        "Filename": ("fold_name",),
        **{name: (name,) for name in LABELS},
    },
    emotion_of=labels_of,
    no_clip=lambda row: not row.get("Filename"),
    without_row=frozenset({(13, "S13_1st_001_01_1")}),
    remarks=("4dme: the action units of two rows, counted from 0 the 144th and 145th, are exchanged",),
    published=Published(source="loaders of others", total=267),
)
"""Clips are named `4dme/S13/<fold_name>`; `Clip.marks` holds all labels."""
