"""What is kept of a unit that did not write its own record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.engines.tasks import Outcome
from benchmark.units.unit import Unit
from results.records.store import BadRecord, Record, read_record, write_record


def keep(
    units: Path, unit: Unit, outcome: Outcome, profile: str, stamp: Mapping[str, Any]
) -> Mapping[str, float]:
    """A unit that did not write its own record into the folder `units` leaves one that says what went wrong.

    A finished record stays, even if the worker that wrote it was lost before it could say so. Returns the
    seconds of its parts, nothing for another unit.
    """
    finished = _finished(units / f"{unit.key}.json")
    if finished is not None:
        return finished.seconds
    nothing = {"type": "NoRecord", "message": "the worker ended well but left no record", "traceback": ""}
    record = Record(
        key=unit.key,
        unit=unit.as_json(),
        profile=profile,
        status=outcome.status if outcome.status != "done" else "crashed",
        error=dict(outcome.error or nothing),
        seconds={"total": round(outcome.seconds, 4)},
        peak_memory_mb=round(outcome.peak_memory_mb, 1),
        stamp=stamp,
    )
    write_record(units, record)
    return {}


def _finished(path: Path) -> Record | None:
    try:
        record = read_record(path)
    except (BadRecord, FileNotFoundError):
        return None
    return record if record.status == "done" else None
