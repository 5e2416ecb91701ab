"""What `--json` prints: one object per call, whose keys are fixed and listed here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from benchmark.log import Log

KEYS: Mapping[str, Mapping[str, str]] = {
    "list": {
        "methods": "names of methods, in the order of the table",
        "protocols": "names of protocols",
        "tasks": "names of tasks",
        "databases": "names of databases of clips",
        "expression photographs": "names of databases of photographs",
        "profiles": "names of profiles",
        "engines": "names of engines",
    },
    "status": {
        "run": "the run folder",
        "profile": "the run's profile",
        "data": "the data's name",
        "units": "number of planned units by state: done, missing, failed, timeout, memory, crashed",
        "planned": "number of planned units",
        "damaged": "records that cannot be read, one sentence each",
        "troubles": "per way to go wrong: status, unit, message, record (a file) and help",
        "not_of_this_plan": "number of finished records that no unit of the plan asks for",
        "complete": "whether nothing is missing, failed or damaged",
        "next": "the command that goes on, or that reports",
    },
    "check": {
        "ok": "whether nothing is wrong",
        "problems": "number of faults of databases and failed checks of methods",
        "databases": "per database: name, root, things, usable, set_aside (clip, stage, reason), classes, "
        "emotions, subjects (name, here, published), remarks, suspicions, decoded, task (lines on a label "
        "set that was asked for)",
        "flow_images": "per folder of flow images: root, faults, text, task",
        "methods": "per method: name and checks, a map from the check to null or what failed",
        "warnings": "doubts that arise from databases side by side",
    },
    "audit": {
        "kind": "table, predictions or megc2019",
        "ok": "whether every claim is reproduced and nothing is doubtful",
        "verdicts": "per claim or published number: what is claimed and what was found",
        "metrics": "of a log of predictions: its metrics, else empty",
        "doubts": "of a log of predictions: what makes it doubtful, else empty",
    },
    "compare": {
        "kind": "runs, table3 or megc2019",
        "ok": "whether two runs agree; true for a comparison with print, which has no verdict",
        "rows": "per unit (runs), or per method and setting: both numbers and their difference",
        "conditions": "of two runs: settings, data and versions that are not the same",
        "faults": "of two runs: why they are not the same",
    },
}
"""Verb -> key -> what it holds."""


def in_json(verb: str, value: Mapping[str, Any]) -> str:
    """The object as text: tables as lists of rows, numbers that are none as null.

    Raises
    ------
    KeyError
        Where the keys are not those of `KEYS`.
    """
    if set(value) != set(KEYS[verb]):
        raise KeyError(f"{verb} answers with {sorted(value)}, and must with {sorted(KEYS[verb])}")
    return json.dumps({key: plain(value[key]) for key in KEYS[verb]}, ensure_ascii=False, indent=1)


def plain(value: Any) -> Any:
    """A value as JSON knows it; what is missing or not finite is None."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if hasattr(value, "to_dict"):
        value = value.to_dict("records")
    if isinstance(value, Mapping):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(held) for held in value]
    return _atom(value.item() if hasattr(value, "item") else value)


def _atom(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    # pandas' own sign of what is missing
    return None if str(value) in ("<NA>", "NaT") else str(value)


def say(answer: str, further: str, as_json: bool, log: Log) -> None:
    """An answer, and for people what they can do next."""
    log(answer)
    if not as_json:
        log(further)
