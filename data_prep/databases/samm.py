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
    others=re.compile(r".*long.*"),
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
