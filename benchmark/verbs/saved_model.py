"""A fitted method in a folder: its own files, and a card that says what it is and holds their hashes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basis.cores import cores
from basis.files import file_sha256
from benchmark.settings import Settings, checked
from benchmark.verbs import VerbError
from data_prep.registration import NONE
from methods import load_method, make_settings
from methods.base import SAVED_AS, Context, Method
from methods.values import typed

CARD = "model.json"
ENTRIES: Mapping[str, Any] = {
    "method": str,
    "revision": int,
    "settings": Mapping[str, Any],
    "tim": int,
    "classes": tuple[str, ...],
    "landmarks": str,
    "registration": str,
    "sha256": Mapping[str, str],
}
"""What the card must hold to be used."""
BEFORE: Mapping[str, Any] = {"registration": NONE}
"""What holds of a model that was saved before its card said so."""


def save(method: Method, card: dict[str, Any], out: Path) -> None:
    """Write a fitted method and its card; nothing is left half-written."""
    with unfinished(out) as folder:
        made = Path(folder) / "model"
        made.mkdir()
        method.save(made)
        card = {**card, "sha256": {path.name: file_sha256(path) for path in sorted(made.iterdir())}}
        (made / CARD).write_text(json.dumps(card, indent=1, sort_keys=True))
        made.replace(out)


def unfinished(out: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder to fill beside `out`; OSError where none can be made."""
    out.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.")


def load(folder: Path, *, device: str = "cpu") -> tuple[Method, dict[str, Any]]:
    """A saved method ready to predict, and its card; VerbError when the folder is not a whole model's."""
    card = _card(folder)
    stated = card["sha256"]
    for name in sorted({path.name for path in folder.iterdir() if path.suffix in SAVED_AS} - {CARD}):
        if name not in stated:
            raise VerbError(f"{folder / CARD} does not list {name}: copy the model again, or fit it again")
    for name, sha256 in stated.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != sha256:
            raise VerbError(f"{path} is missing or damaged: copy the model again, or fit it again")
    cls = load_method(card["method"])
    if cls.revision != card["revision"]:
        raise VerbError(
            f"{folder} was saved by revision {card['revision']} of {cls.name}, this is revision "
            f"{cls.revision}: fit it again"
        )
    threads = cores()
    method = cls(make_settings(cls, card["settings"]), Context(device=device, threads=threads))
    method.load(folder)
    return method, card


def _card(folder: Path) -> dict[str, Any]:
    """What `fit` wrote beside the method; VerbError names the entry that is missing or wrong."""
    try:
        body = {**BEFORE, **json.loads((folder / CARD).read_text())}
        missing = [name for name in ENTRIES if name not in body]
        if missing:
            raise ValueError(f"it has no entry {missing[0]!r}")
        card = {name: typed(body[name], hint, name) for name, hint in ENTRIES.items()}
        checked(Settings(tim=(card["tim"],), registration=card["registration"]))
        if len(set(card["classes"])) < 2 or not card["sha256"]:
            raise ValueError("classes must be two or more names, and sha256 must name the method's files")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise VerbError(f"{folder} is not a model: {CARD} cannot be read ({error})") from error
    return card
