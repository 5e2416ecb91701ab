"""The databases that can be read: one file each, one literal table of names."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.clips import CLASSES, Database, StillDatabase
from data_prep.databases.errors import DatabaseError
from data_prep.tasks import Task

__all__ = ["DATABASES", "STILLS", "DatabaseError", "load", "load_stills"]

DATABASES: dict[str, str] = {
    "casme": "data_prep.databases.casme:load",
    "casme2": "data_prep.databases.casme2:load",
    "smic": "data_prep.databases.smic:load_hs",
    "smic-vis": "data_prep.databases.smic:load_vis",
    "smic-nir": "data_prep.databases.smic:load_nir",
    "smic-e": "data_prep.databases.smic_long:load_hs",
    "smic-e-vis": "data_prep.databases.smic_long:load_vis",
    "smic-e-nir": "data_prep.databases.smic_long:load_nir",
    "samm": "data_prep.databases.samm:load",
    "manifest": "data_prep.databases.manifest:load",
}
"""Databases of micro-expression clips."""

STILLS: dict[str, str] = {
    "kdef": "data_prep.databases.kdef:load",
    "rafd": "data_prep.databases.rafd:load",
    "tfeid": "data_prep.databases.tfeid:load",
    "mmi": "data_prep.databases.mmi:load",
}
"""Databases of expression photographs."""

MAPPED_STILLS = ("tfeid", "mmi")
"""Those that need a CSV to say what is on which photograph."""


def load(
    name: str, root: Path, *, mapping: Mapping[str, str] | None = None, task: Task | None = None
) -> Database:
    """Read a database of clips from its folder (or its annotation table, or a manifest CSV).

    mapping: emotion word -> class name (one of CLASSES), asked before the paper's own mapping.
    task: gives the labels instead of the paper's four classes, and sets aside what is not in it.
    Raises DatabaseError for an unknown name, a folder without table or frames, or with several. Clips
    that cannot be used are in `set_aside` of the result; frames are not opened here. Raises TaskError
    where the task is not defined on this database.
    """
    loader = _loader(name, DATABASES)
    if task is None:
        database: Database = loader(Path(root), mapping=mapping)
        return database
    # a word that only the task knows is no fault of the annotation; the task places it anyway
    admitted = dict.fromkeys(task.words, CLASSES[-1])
    return task.of(loader(Path(root), mapping={**admitted, **(mapping or {})}))


def load_stills(name: str, root: Path, *, mapping: Path | None = None) -> StillDatabase:
    """Read a database of expression photographs from its folder.

    mapping: CSV with path, subject, emotion for the databases that need one (default: root/mapping.csv).
    Raises DatabaseError for an unknown name or a folder without photographs.
    """
    loader = _loader(name, STILLS)
    if mapping is not None and name not in MAPPED_STILLS:
        raise DatabaseError(
            f"{name} is read by its file names; only {' and '.join(MAPPED_STILLS)} take a mapping"
        )
    database: StillDatabase = loader(Path(root)) if mapping is None else loader(Path(root), mapping=mapping)
    return database


def _loader(name: str, table: Mapping[str, str]) -> Any:
    for other, kind in ((DATABASES, "clips (--data)"), (STILLS, "photographs (--expressions)")):
        if name in other and name not in table:
            raise DatabaseError(f"{name} is a database of {kind}, and not one of {', '.join(table)}")
    if name not in table:
        near = difflib.get_close_matches(name, table, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DatabaseError(f"{name!r} is not one of {', '.join(table)}{hint}")
    module, function = table[name].split(":")
    return getattr(importlib.import_module(module), function)
