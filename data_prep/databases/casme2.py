"""CASME II (Yan et al. 2014): 200 fps, one table of clips.

Trees: `sub01/EP02_01f/img46.jpg` (raw, selected) or `sub01/EP02_01f/reg_img46.jpg` (cropped).
A clip may also lie as `sub01/EP02_01f.avi`; frame 1 of the table is its first.
Tables: CASME2-coding-20140508.xlsx and its later versions, CASME2_label_Ver_2.xls; subjects are text '01',
an apex '/' means that there is none.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published, per_subject
from data_prep.databases.tabled import Release

SOURCE = Release(
    name="casme2",
    fps=200.0,
    subject_folder=re.compile(r"sub0*(\d{1,3})", re.IGNORECASE),
    subject=lambda number: f"{number:02d}",
    tables_hint="CASME2-coding-*.xlsx, CASME2_label_*.xls",
    tree_hint="sub01, sub02, ... with EP02_01f/img1.jpg, EP02_01f/reg_img1.jpg or EP02_01f.avi",
    table=re.compile(r"casme ?(?:2|ii)[ _-]*(?:coding|label)[^/]*\.(?:xlsx?|csv)"),
    others=re.compile(r".*objective.*"),
    objective=re.compile(r"casme ?(?:2|ii)[^/]*objective[^/]*\.(?:xlsx?|csv)"),
    known={
        (4, "EP12_01f", None): "has no apex (/); MEGC2019 leaves it out",
        (5, "EP09_05f", None): "the apex is the onset; MEGC2019 leaves it out",
    },
    without_row=frozenset({(9, "EP02_02f"), (24, "EP02_07")}),
    published=Published(
        source="CASME2-coding-20140508.xlsx",
        total=255,
        emotions={
            "others": 99,
            "disgust": 63,
            "happiness": 32,
            "repression": 27,
            "surprise": 25,
            "sadness": 7,
            "fear": 2,
        },
        subjects=per_subject(
            1, 9, 13, 7, 5, 19, 5, 9, 3, 14, 14, 10, 12, 8, 4, 3, 4, 36, 3, 16, 11, 2, 2, 12, 10, 7, 17
        ),
        paper="the paper kept 236 of 247",
    ),
)
"""Clips are named `casme2/01/EP02_01f`."""
