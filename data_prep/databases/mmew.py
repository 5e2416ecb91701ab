"""MMEW (Ben et al. 2021): 90 fps, `Micro_Expression/<emotion>/S13-07-001/1.jpg` and MMEW_Micro_Exp.xlsx.

A clip's name is person, emotion and sample, so it may lie in folders of emotions (as shipped) or of subjects.
The photographs below `Macro_Expression` are of the same people and are not read.
"""

from __future__ import annotations

import re

from data_prep.databases.source import Published
from data_prep.databases.tabled import Release

SOURCE = Release(
    name="mmew",
    fps=90.0,
    clip_folder=re.compile(r"S0*(\d{1,2})-\d{1,2}-\d{1,3}", re.IGNORECASE),
    subject=lambda number: f"S{number:02d}",
    tables_hint="MMEW_Micro_Exp.xlsx",
    tree_hint="Micro_Expression with folders of emotions (or subjects) and S13-07-001/1.jpg in them",
    table=re.compile(r"mmew[^/]*\.(?:xlsx?|csv)"),
    whole_folder=True,
    remarks=("mmew: apex and offset of 16 rows of the official table do not fit the frames",),
    published=Published(
        source="the paper's table",
        total=300,
        n_subjects=30,
        emotions={
            "surprise": 89,
            "disgust": 72,
            "others": 66,
            "happiness": 36,
            "fear": 16,
            "sadness": 13,
            "anger": 8,
        },
    ),
)
"""Clips are named `mmew/S13/S13-07-001`."""
