"""TFEID (Chen and Yen 2007): its file naming is not published, so a CSV says what is what."""

from __future__ import annotations

from pathlib import Path

from data_prep.clips import StillDatabase
from data_prep.databases.photographs import load_by_mapping


def load(root: Path, *, mapping: Path | None = None) -> StillDatabase:
    """Read the pictures named in the CSV (path, subject, emotion), by default `root/mapping.csv`.

    Raises DatabaseError where the CSV is missing or unreadable.
    """
    return load_by_mapping("tfeid", root, mapping)
