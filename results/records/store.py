"""Records: one small JSON file per unit, complete in itself, written atomically, checked when read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from basis.canonical import canonical, digest_of
from basis.errors import Mendable
from basis.files import write_atomically

SCHEMA = 1
Status = Literal["done", "failed", "crashed", "timeout", "memory"]
STATUSES: tuple[Status, ...] = ("done", "failed", "crashed", "timeout", "memory")


class ResultsError(Mendable, ValueError):
    """Records, tables or logs that cannot be used; the message says what would be right."""


class BadRecord(ResultsError):
    """A record file that cannot be trusted: cut short, edited, or of another schema."""


@dataclass(frozen=True)
class Record:
    """One unit on disk.

    All of it is plain JSON except the arrays.

    Attributes
    ----------
    unit
        Method, revision, tim, protocol, fold, seed, draw, settings, data (digest) - names and numbers only.
    names, subjects, databases, truth
        The n test clips.
    n_train
        Clips trained on.
    scores
        (candidates, n, classes) float32.
    chosen
        The candidate picked on the training clips.
    step_decisions
        (candidates, n, steps) int16 or None.
    curves
        Name -> {"steps": [...], "values": [...]}.
    seconds
        Prepare, features, fit, predict.
    set_aside
        {"clip", "reason"} of the clips this method could not handle.
    stamp
        What produced this (versions, git, hardware, argv).
    """

    key: str
    unit: Mapping[str, Any]
    profile: str
    status: Status
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    truth: tuple[int, ...] = ()
    n_train: int = 0
    candidates: tuple[Mapping[str, Any], ...] = ()
    scores: npt.NDArray[np.float32] | None = None
    chosen: int = 0
    step_decisions: npt.NDArray[np.int16] | None = None
    curves: Mapping[str, Mapping[str, list[float]]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    n_parameters: int | None = None
    set_aside: tuple[Mapping[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    error: Mapping[str, str] | None = None
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def decisions(self) -> npt.NDArray[np.int64]:
        """(candidates, clips) int64: the class with the highest score, the lowest index on ties.

        Raises
        ------
        ValueError
            For a unit that did not finish.
        """
        if self.scores is None:
            raise ValueError(f"unit {self.key[:12]} is {self.status}: it has no scores")
        return np.asarray(self.scores.argmax(axis=2), dtype=np.int64)

    @cached_property
    def honest(self) -> npt.NDArray[np.int64]:
        """(clips,) decisions of the candidate chosen on the training clips alone."""
        decisions: npt.NDArray[np.int64] = self.decisions()[self.chosen]
        return decisions

    @cached_property
    def paper_style_candidate(self) -> int:
        """The candidate with the most correct test clips; ties: the chosen, then the lowest."""
        correct = (self.decisions() == np.asarray(self.truth)).sum(axis=1)
        return self.chosen if correct[self.chosen] == correct.max() else int(correct.argmax())

    @cached_property
    def paper_style(self) -> npt.NDArray[np.int64]:
        """(clips,) decisions of the candidate that is best on the test fold: the paper's own selection."""
        decisions: npt.NDArray[np.int64] = self.decisions()[self.paper_style_candidate]
        return decisions


def write_record(folder: Path, record: Record) -> Path:
    """Save a record as `folder/<key>.json` and return the path."""
    body = {"schema": SCHEMA, **asdict(record)}
    for name in ("scores", "step_decisions"):
        body[name] = _pack(getattr(record, name))
    body["sha256"] = digest_of(body)
    path = folder / f"{record.key}.json"
    write_atomically(path, canonical(body))
    return path


def read_record(path: Path) -> Record:
    """Read one record; BadRecord names the file and what is wrong with it."""
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{path}: not a whole JSON file ({error}); delete it or run again") from error
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise BadRecord(f"{path}: not a record of schema {SCHEMA}")
    stated = body.pop("sha256", None)
    if stated != digest_of(body):
        raise BadRecord(f"{path}: its content does not match its sha256; it was edited or damaged")
    if body["key"] != path.stem:
        raise BadRecord(f"{path}: holds unit {body['key']}, its name says {path.stem}")
    del body["schema"]
    for name in ("scores", "step_decisions"):
        body[name] = _unpack(body[name])
    for name in ("classes", "names", "subjects", "databases", "truth", "candidates", "set_aside", "notes"):
        body[name] = tuple(body[name])
    return Record(**body)


def read_records(folder: Path) -> tuple[list[Record], list[str]]:
    """All records of `folder/units` sorted by key, and one line per file that cannot be trusted."""
    records: list[Record] = []
    bad: list[str] = []
    for path in record_paths(folder):
        try:
            records.append(read_record(path))
        except BadRecord as error:
            bad.append(str(error))
    return records, bad


def record_paths(folder: Path) -> Iterator[Path]:
    """The record files of a run folder, in the order of their keys."""
    yield from sorted((folder / "units").glob("[0-9a-f]*.json"))


def _pack(array: npt.NDArray[Any] | None) -> dict[str, Any] | None:
    if array is None:
        return None
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "dtype": str(array.dtype.newbyteorder("=")),
        "shape": list(array.shape),
        "base64": base64.b64encode(little.tobytes()).decode(),
    }


def _unpack(packed: Mapping[str, Any] | None) -> npt.NDArray[Any] | None:
    if packed is None:
        return None
    flat = np.frombuffer(
        base64.b64decode(packed["base64"]), dtype=np.dtype(packed["dtype"]).newbyteorder("<")
    )
    return flat.reshape(packed["shape"]).astype(packed["dtype"])
