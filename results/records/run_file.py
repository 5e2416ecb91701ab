"""run.json, the plan of a run folder: as its writer left it, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results.records.store import ResultsError

RUN_FILE = "run.json"
RUN_SCHEMA = 1
_ENTRIES: Mapping[str, type] = {
    "name": str,
    "profile": str,
    "methods": list,
    "titles": dict,
    "settings": dict,
    "stamp": dict,
    "units": list,
    "set_aside": list,
    "data": dict,
    "folds": dict,
    "continue": str,
}
_OF_A_UNIT: Mapping[str, type] = {
    "key": str,
    "method": str,
    "tim": int,
    "protocol": str,
    "fold": str,
    "seed": int,
}
_OF_THE_DATA: Mapping[str, type] = {"name": str, "digest": str, "n_clips": int, "class_counts": dict}
_WORDS = {str: "a text", int: "a whole number", list: "a list", dict: "a table"}


class NotARun(ResultsError):
    """A folder without a readable run.json."""


def read_run_file(folder: Path) -> dict[str, Any]:
    """The content of `folder/run.json`; raises NotARun with what is wrong with it."""
    path = folder / RUN_FILE
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotARun(f"{folder} is no run folder: it has no {RUN_FILE}; `run --out` makes one") from None
    except (ValueError, RecursionError) as error:
        raise NotARun(f"{path}: not a JSON file ({error}); delete it and run again") from error
    return checked_run_file(body, str(path))


def checked_run_file(body: Any, where: str = RUN_FILE) -> dict[str, Any]:
    """The content if it is whole; raises NotARun naming the first entry that is missing or wrong."""
    if not isinstance(body, dict) or body.get("schema") != RUN_SCHEMA:
        raise NotARun(f"{where}: not a run description of schema {RUN_SCHEMA}")
    _require(body, _ENTRIES, where)
    _require(body["data"], _OF_THE_DATA, f"{where}: data")
    for i, unit in enumerate(body["units"]):
        _require(unit, _OF_A_UNIT, f"{where}: units[{i}]")
    return body


def _require(body: Any, entries: Mapping[str, type], where: str) -> None:
    for name, kind in entries.items():
        if not isinstance(body, dict) or name not in body:
            fault = f"it has no entry {name!r}"
        elif not isinstance(body[name], kind):
            fault = f"{name} is not {_WORDS[kind]}"
        else:
            continue
        raise NotARun(f"{where}: {fault}; delete {RUN_FILE} and run again")
