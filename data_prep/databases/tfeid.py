"""TFEID (Chen and Yen 2007): its file naming is not published, so a CSV says what is what."""

from __future__ import annotations

from data_prep.databases.photographs import ByMapping
from data_prep.databases.source import Published

SOURCE = ByMapping("tfeid", published=Published("the paper's count", total=619, n_subjects=40))
