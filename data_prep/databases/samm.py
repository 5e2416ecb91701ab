"""SAMM (Davison et al. 2018): 200 fps, grey, `006/006_1_2/006_05562.jpg` with frame numbers padded or not.

Table: SAMM_Micro_FACS_Codes_v2.xlsx, whose header stands below 13 rows of text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from data_prep.clips import Database
from data_prep.databases.tabled import Release, load_release

RELEASE = Release(
    name="samm",
    fps=200.0,
    subject_folder=re.compile(r"(\d{3})"),
    subject=lambda number: f"{number:03d}",
    tables_hint="SAMM_Micro_FACS_Codes_v2.xlsx",
    tree_hint="006, 007, ... with 006_1_2/006_05562.jpg",
    others=re.compile(r".*long.*"),
)


def load(root: Path, *, mapping: Mapping[str, str] | None = None) -> Database:
    """Read SAMM below `root`; clips are named `samm/006/006_1_2`.

    Raises DatabaseError where table or tree are missing or there are several.
    """
    return load_release(RELEASE, root, mapping)
