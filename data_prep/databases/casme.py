"""CASME (Yan et al. 2013): 60 fps, Sections A and B, repeated file names told apart by the onset.

Trees: `Section A/sub01/EP01_5/EP01_5-4.jpg` (both sections together), or the selected and cropped trees
`sub01/EP01_5/EP01_5-4.jpg` and `reg_EP01_5-004.jpg`; frame numbers padded or not.
Table: CASME.xls or .xlsx with Subject, Filename, OnsetF, ApexF1, OffsetF, Emotion.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published, per_subject
from data_prep.databases.tabled import Release

SOURCE = Release(
    name="casme",
    fps=60.0,
    subject_folder=re.compile(r"sub0*(\d{1,3})", re.IGNORECASE),
    subject=lambda number: f"{number:02d}",
    tables_hint="CASME*.xls, CASME*.xlsx",
    tree_hint="'Section A' and 'Section B' with sub01, sub02, ..., or one tree of sub01, sub02, ...",
    table=re.compile(r"casme(?! ?(?:2|ii|\())[^/]*\.(?:xlsx?|csv)"),
    onset_in_name=True,
    remarks=("casme: others correct the frame numbers of five rows of CASME.xls; compare with the frames",),
    published=Published(
        source="the annotation table CASME.xls",
        total=189,
        emotions={
            "tense": 68,
            "disgust": 45,
            "repression": 39,
            "surprise": 20,
            "happiness": 7,
            "sadness": 6,
            "contempt": 2,
            "fear": 2,
        },
        subjects=per_subject(1, 38, 2, 5, 5, 2, 18, 26, 24, 7, 6, 1, 3, 9, 11, 3, 4, 10, 15),
        paper="the paper kept 167 of 195",
    ),
)
"""Clips are named `casme/01/EP01_12@73` (subject, file name, onset)."""
