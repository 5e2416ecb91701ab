"""CASME II (Yan et al. 2014): 200 fps, one table of clips.

Trees: `sub01/EP02_01f/img46.jpg` (raw, selected) or `sub01/EP02_01f/reg_img46.jpg` (cropped).
A clip may also lie as `sub01/EP02_01f.avi`; frame 1 of the table is its first.
Tables: CASME2-coding-20140508.xlsx and its later versions, CASME2_label_Ver_2.xls; subjects are text '01',
an apex '/' means that there is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from data_prep.clips import Database
from data_prep.databases.tabled import Release, load_release

RELEASE = Release(
    name="casme2",
    fps=200.0,
    subject_folder=re.compile(r"sub0*(\d{1,3})", re.IGNORECASE),
    subject=lambda number: f"{number:02d}",
    tables_hint="CASME2-coding-*.xlsx, CASME2_label_*.xls",
    tree_hint="sub01, sub02, ... with EP02_01f/img1.jpg, EP02_01f/reg_img1.jpg or EP02_01f.avi",
    others=re.compile(r".*objective.*"),
)


def load(root: Path, *, mapping: Mapping[str, str] | None = None) -> Database:
    """Read CASME II below `root`; clips are named `casme2/01/EP02_01f`.

    Raises DatabaseError where table or tree are missing or there are several.
    """
    return load_release(RELEASE, root, mapping)
