"""SAMM (Davison et al. 2018): 200 fps, grey, `006/006_1_2/006_05562.jpg` with frame numbers padded or not.

Table: SAMM_Micro_FACS_Codes_v2.xlsx, whose header stands below 13 rows of text.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published
from data_prep.databases.tabled import Release

SOURCE = Release(
    name="samm",
    fps=200.0,
    subject_folder=re.compile(r"(\d{3})"),
    subject=lambda number: f"{number:03d}",
    tables_hint="SAMM_Micro_FACS_Codes_v2.xlsx",
    tree_hint="006, 007, ... with 006_1_2/006_05562.jpg",
    table=re.compile(r"samm[^/]*micro[^/]*\.(?:xlsx?|csv)"),
    sheet_name="MICRO_ONLY",
    others=re.compile(r".*long.*"),
    known={
        (28, "028_4_1", None): "the apex of this clip differs between copies of the table (1105, 1113, 1124)",
        (32, "032_3_1", None): "the apex of this clip differs between copies of the table (4930, 4945)",
        (32, "032_3_2", None): "the apex of this clip differs between copies of the table (5127, 5130)",
        (13, "013_1_9", None): "the offset of this clip differs between copies of the table (5739, 5793)",
    },
    published=Published(
        source="SAMM_Micro_FACS_Codes_v2.xlsx",
        total=159,
        people=(6, 7, *range(9, 27), 28, *range(30, 38)),
        emotions={
            "anger": 57,
            "other": 26,
            "happiness": 26,
            "surprise": 15,
            "contempt": 12,
            "disgust": 9,
            "fear": 8,
            "sadness": 6,
        },
    ),
)
"""Clips are named `samm/006/006_1_2`."""
