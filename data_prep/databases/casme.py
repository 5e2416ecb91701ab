"""CASME (Yan et al. 2013): 60 fps, Sections A and B, repeated file names told apart by the onset.

Trees: `Section A/sub01/EP01_5/EP01_5-4.jpg` (both sections together), or the selected and cropped trees
`sub01/EP01_5/EP01_5-4.jpg` and `reg_EP01_5-004.jpg`; frame numbers padded or not.
Table: CASME.xls or .xlsx with Subject, Filename, OnsetF, ApexF1, OffsetF, Emotion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from data_prep.clips import Database
from data_prep.databases.tabled import Release, load_release

RELEASE = Release(
    name="casme",
    fps=60.0,
    subject_folder=re.compile(r"sub0*(\d{1,3})", re.IGNORECASE),
    subject=lambda number: f"{number:02d}",
    tables_hint="CASME*.xls, CASME*.xlsx",
    tree_hint="'Section A' and 'Section B' with sub01, sub02, ..., or one tree of sub01, sub02, ...",
    onset_in_name=True,
)


def load(root: Path, *, mapping: Mapping[str, str] | None = None) -> Database:
    """Read CASME below `root`; clips are named `casme/01/EP01_12@73` (subject, file name, onset).

    Raises DatabaseError where table or tree are missing or there are several.
    """
    return load_release(RELEASE, root, mapping)
