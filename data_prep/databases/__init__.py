"""The databases that can be read: one file each, one line each in `registry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data_prep.clips import Database, StillDatabase
from data_prep.databases.emotions import paper_task, with_known_words
from data_prep.databases.errors import DatabaseError
from data_prep.databases.registry import DATABASES, STILLS, source_of, stills_of
from data_prep.tasks import Task

__all__ = ["DATABASES", "STILLS", "DatabaseError", "load", "load_stills", "read"]


def load(
    name: str,
    root: Path | str | Sequence[Path],
    *,
    mapping: Mapping[str, str] | None = None,
    task: Task | None = None,
) -> Database:
    """Read a database of clips from its folder (or its annotation table, or a manifest CSV).

    Clips that cannot be used are in `set_aside` of the result; frames are not opened here.

    Parameters
    ----------
    name
        Of the database, a key of `DATABASES`.
    root
        May also name several places: the table and the folders of frames, in a list or with commas between
        them ("TREE,TABLE"); a manifest and the folder that its paths are relative to.
    mapping
        Emotion word -> class name (one of CLASSES), asked before the paper's own mapping.
    task
        Gives the labels instead of the paper's four classes, and sets aside what is not in it.

    Raises
    ------
    DatabaseError
        For an unknown name, a folder without table or frames, or with several.
    TaskError
        Where the task is not defined on this database.
    """
    chosen = task or paper_task(mapping)
    return chosen.of(with_known_words(read(name, root), chosen))


def read(name: str, root: Path | str | Sequence[Path]) -> Database:
    """As `load`, but the clips keep their annotation only and have no class yet."""
    return source_of(name).read(root)


def load_stills(name: str, root: Path, *, mapping: Path | None = None) -> StillDatabase:
    """Read a database of expression photographs from its folder.

    Parameters
    ----------
    name
        Of the database.
    root
        Its folder.
    mapping
        CSV with path, subject, emotion for the databases that need one (default: root/mapping.csv).

    Raises
    ------
    DatabaseError
        For an unknown name or a folder without photographs.
    """
    source = stills_of(name)
    if mapping is not None and not source.mapped:
        takers = " and ".join(each for each in STILLS if stills_of(each).mapped)
        raise DatabaseError(f"{name} is read by its file names; only {takers} take a mapping")
    return source.load(Path(root), mapping)
