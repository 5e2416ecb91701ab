"""Which units a run folder already holds: every record is read once, then remembered by size and time."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from basis.canonical import digest_of
from basis.files import write_json
from benchmark.stamp import conditions
from results.records.store import STATUSES, BadRecord, read_record

INDEX = "index.json"
_CANNOT_WRITE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class Survey:
    """What a folder of units holds.

    Attributes
    ----------
    statuses
        Unit key -> status of its record.
    bad
        One line per file that cannot be trusted.
    made_with
        Unit key -> digest of the versions that made its record (`stamp.conditions`).
    """

    statuses: Mapping[str, str]
    bad: tuple[str, ...]
    made_with: Mapping[str, str] = field(default_factory=dict)

    def done(self, key: str) -> bool:
        """Is there a finished record of this unit?"""
        return self.statuses.get(key) == "done"


def survey(folder: Path) -> Survey:
    """What `folder/units` holds.

    A record is read and checked when it is new or its size or modification time changed; the outcome is
    remembered in `folder/index.json`, which is only a shortcut and may be deleted.
    """
    known = _read_index(folder / INDEX)
    seen: dict[str, list[Any]] = {}
    bad = []
    for entry in _record_files(folder / "units"):
        state = entry.stat()
        mark = [state.st_size, state.st_mtime_ns, state.st_ino]
        remembered = known.get(entry.name)
        if remembered is not None and remembered[:3] == mark:
            seen[entry.name] = remembered
            continue
        try:
            record = read_record(Path(entry.path))
            seen[entry.name] = [*mark, record.status, digest_of(conditions(record.stamp))]
        except BadRecord as error:
            bad.append(str(error))
    if seen != known:
        _write_index(folder / INDEX, seen)
    by_key = {name.removesuffix(".json"): mark[3:] for name, mark in seen.items()}
    return Survey(
        statuses={key: status for key, (status, _) in by_key.items()},
        bad=tuple(sorted(bad)),
        made_with={key: digest for key, (_, digest) in by_key.items()},
    )


def _record_files(units: Path) -> list[os.DirEntry[str]]:
    if not units.is_dir():
        return []
    with os.scandir(units) as entries:
        return [entry for entry in entries if entry.name.endswith(".json") and entry.name[0] != "."]


def _read_index(path: Path) -> dict[str, list[Any]]:
    """The remembered marks; an index that is missing or does not read as one is as good as empty."""
    try:
        index = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(index, dict):
        return {}
    return {name: mark for name, mark in index.items() if _is_mark(mark)}


def _is_mark(mark: Any) -> bool:
    return isinstance(mark, list) and len(mark) == 5 and mark[3] in STATUSES


def _write_index(path: Path, seen: Mapping[str, list[Any]]) -> None:
    """Best effort: a folder that cannot be written is surveyed without a shortcut."""
    try:
        write_json(path, seen)
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
