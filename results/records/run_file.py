"""run.json, the plan of a run folder: one dataclass that writes it and reads it, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from basis.files import write_atomically
from results.records.from_json import WrongShape, made
from results.records.store import ResultsError

RUN_FILE = "run.json"
RUN_SCHEMA = 2


class Repetition(NamedTuple):
    """One of several fits on a fold of one name: `seed` dealt the folds, `draw` counts trainings from 0."""

    seed: int
    draw: int = 0

    def __str__(self) -> str:
        return f"seed {self.seed}, draw {self.draw}" if self.draw else f"seed {self.seed}"


Place = tuple[str, int, str, str, Repetition]
"""Where a unit stands in the tables: method, TIM, protocol, fold, repetition."""


class NotARun(ResultsError):
    """A folder without a readable run.json."""


@dataclass(frozen=True)
class MethodInfo:
    """A method as tables and figures name it.

    Attributes
    ----------
    role
        "paper" (a row of Table 3), "extra" (under a heading of its own) or "baseline" (what others are
        compared with).
    origin
        Package and version that brought it, "" for this project's own.
    blind
        It never looks at a frame, so what it reaches is what knowing person, database or label counts is
        worth.
    reference
        The publication to cite, "" for none.
    curves
        How the names of its training curves begin -> heading of their figure.
    """

    name: str
    title: str
    role: Literal["paper", "extra", "baseline"]
    revision: int
    origin: str = ""
    blind: bool = False
    reference: str = ""
    curves: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ProtocolInfo:
    """A protocol as tables and figures name it.

    Attributes
    ----------
    grouped
        People are kept on one side.
    unit
        What its statistics count.
    headline
        Its main number, the mean of the folds or the number over all clips pooled.
    leaks
        What is on both sides, in words.
    published
        Whether the numbers of Table 3 are of this protocol.
    """

    name: str
    title: str
    grouped: bool
    unit: Literal["fold", "subject"]
    headline: Literal["mean", "pooled"]
    leaks: str
    published: bool = False


@dataclass(frozen=True)
class TaskInfo:
    """What is told apart.

    Attributes
    ----------
    classes
        In the order of their numbers.
    headline
        What a method is judged by.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    headline: Literal["accuracy", "uf1-uar"] = "accuracy"


@dataclass(frozen=True)
class PlannedUnit:
    """A unit that the run should have: its key and its place.

    Attributes
    ----------
    variant
        Names its settings, revision and origin; units of two variants share no row.
    """

    key: str
    method: str
    tim: int
    protocol: str
    fold: str
    seed: int
    variant: str
    draw: int = 0

    @property
    def place(self) -> Place:
        """Where it stands in the tables."""
        return (self.method, self.tim, self.protocol, self.fold, Repetition(self.seed, self.draw))


@dataclass(frozen=True)
class SetAside:
    """A clip that no unit uses: at which stage it was left out, and why."""

    database: str
    clip: str
    stage: str
    reason: str


@dataclass(frozen=True)
class DataInfo:
    """The clips of a run: databases by name, digest, sizes.

    Attributes
    ----------
    class_counts
        Database -> class -> clips.
    registration
        How the head was held still in every clip, "none" where it was not.
    private
        Databases whose licence forbids publishing faces.
    warnings
        What is suspicious about the clips (one recording under two people), repeated by every table.
    """

    name: str
    digest: str
    n_clips: int
    class_counts: Mapping[str, Mapping[str, int]]
    subjects: int
    landmarks: str
    registration: str = "none"
    simulated: bool = False
    private: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The databases by name, whether the simulator wrote them, and whether heads were held still."""
        held = "" if self.registration == "none" else f", heads registered ({self.registration})"
        return f"{'simulated ' if self.simulated else ''}{self.name}{held}"


@dataclass(frozen=True)
class RunFile:
    """What a run is: its plan, and all that its tables must know of methods, protocols, task and data.

    methods and protocols stand in the order of the tables.

    Attributes
    ----------
    command
        The words that made the run.
    """

    name: str
    profile: str
    settings: Mapping[str, Any]
    stamp: Mapping[str, Any]
    methods: tuple[MethodInfo, ...]
    protocols: tuple[ProtocolInfo, ...]
    task: TaskInfo
    data: DataInfo
    units: tuple[PlannedUnit, ...]
    set_aside: tuple[SetAside, ...] = ()
    command: str = ""

    def method(self, name: str) -> MethodInfo:
        """A method of the run; one that it does not hold (a record taken in by force) is an extra."""
        for each in self.methods:
            if each.name == name:
                return each
        return MethodInfo(name, name, "extra", 0)

    def title(self, method: str) -> str:
        """The title of a method, its name where the run does not hold it."""
        return self.method(method).title

    def protocol(self, name: str) -> ProtocolInfo:
        """A protocol of the run; of one that it does not hold nothing is promised."""
        for each in self.protocols:
            if each.name == name:
                return each
        return ProtocolInfo(name, name, False, "fold", "mean", "")

    @property
    def references(self) -> list[tuple[str, str]]:
        """What to cite: the titles of the methods that share a publication, and the publication."""
        of: dict[str, list[str]] = {}
        for each in self.methods:
            if each.reference:
                of.setdefault(each.reference, []).append(each.title)
        return [(", ".join(titles), reference) for reference, titles in of.items()]


def run_file_bytes(run: RunFile) -> bytes:
    """The content of run.json."""
    body = {"schema": RUN_SCHEMA, **dataclasses.asdict(run)}
    return json.dumps(body, indent=1, sort_keys=True).encode()


def write_run_file(folder: Path, run: RunFile) -> None:
    """Write `folder/run.json` atomically."""
    write_atomically(folder / RUN_FILE, run_file_bytes(run))


def read_run_file(folder: Path) -> RunFile:
    """The content of `folder/run.json`.

    Raises
    ------
    NotARun
        With what is wrong with it.
    """
    path = folder / RUN_FILE
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotARun(f"{folder} is no run folder: it has no {RUN_FILE}; `run --out` makes one") from None
    except (ValueError, RecursionError) as error:
        raise NotARun(f"{path}: not a JSON file ({error}); delete it and run again") from error
    return run_file_of(body, str(path))


def run_file_of(body: Any, where: str = RUN_FILE) -> RunFile:
    """A RunFile from its JSON.

    Raises
    ------
    NotARun
        Naming the first entry that is missing or wrong.
    """
    if not isinstance(body, Mapping) or body.get("schema") != RUN_SCHEMA:
        raise NotARun(
            f"{where}: not a run description of schema {RUN_SCHEMA}; delete {RUN_FILE} and run again, "
            "finished units are kept"
        )
    try:
        return made(RunFile, {name: value for name, value in body.items() if name != "schema"}, where)
    except WrongShape as error:
        raise NotARun(f"{error}; delete {RUN_FILE} and run again") from error
