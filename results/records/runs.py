"""A run folder as the tables see it: its plan, the records that count, and what was left out and why."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from basis.processor import FIXED
from results.records.run_file import Place, Repetition, RunFile, read_run_file
from results.records.store import Record, ResultsError, read_records

PACKAGE = "package of "
"""How the name of a condition begins that only the records of one method, protocol or database have."""


class MixedRecords(ResultsError):
    """Records that were not made under the same conditions; their numbers must not share a table."""


@dataclass(frozen=True)
class Results:
    """The records that count, with everything that a reader must know about those that do not.

    Attributes
    ----------
    records
        By place, finished ones only.
    failed
        The others of the plan.
    warnings
        One line each.
    """

    info: RunFile
    records: Mapping[Place, Record]
    failed: tuple[Record, ...] = ()
    warnings: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, the same in all records."""
        return next((record.classes for record in self.records.values()), ())


def read_run(folder: Path) -> RunFile:
    """Read `folder/run.json`.

    Raises
    ------
    NotARun
        With what is wrong with it.
    """
    info = read_run_file(folder)
    return replace(info, command=go_on(info.command, folder)) if info.command else info


def go_on(command: str, folder: Path) -> str:
    """The command that made a run folder, for the folder where it lies now: it may be a copy."""
    words = iter(shlex.split(command))
    kept: list[str] = []
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return shlex.join([*kept, "--out", str(folder)])


def load_results(folder: Path, *, force: bool = False) -> Results:
    """Everything of a run folder.

    Raises
    ------
    NotARun
        For a folder that holds none.
    MixedRecords
        For records of different conditions, unless `force`.
    """
    records, bad = read_records(folder)
    return assemble(records, read_run(folder), bad=bad, force=force)


def assemble(
    records: Iterable[Record], info: RunFile, *, bad: Sequence[str] = (), force: bool = False
) -> Results:
    """The records of the plan by their places.

    A record outside the plan (of other settings, another revision, other data) is left out with a
    warning; with `force` it takes the place of a planned unit that has no record of its own, or a new one,
    and the tables say so.

    Raises
    ------
    MixedRecords
        For records of different versions, data or profile, unless forced.
    """
    planned = {unit.key for unit in info.units}
    own: list[Record] = []
    foreign: list[Record] = []
    for record in records:
        (own if record.key in planned else foreign).append(record)
    done = {place_of(record.unit): record for record in own if record.status == "done"}
    warnings = [f"unreadable record: {line}" for line in bad]
    if foreign:
        verb = "taken in by force" if force else "left out"
        warnings.append(f"{len(foreign)} records of units outside this run's plan: {verb}")
    if force:
        for record in foreign:
            if record.status == "done":
                done.setdefault(place_of(record.unit), record)
    warnings += _loose_bits(done.values())
    mixed = differences(done.values())
    if mixed and not force:
        raise MixedRecords(
            "these records were not made under the same conditions, so their numbers do not belong in one "
            "table:\n  "
            + "\n  ".join(mixed)
            + f"\nthe odd ones: {_named(odd_ones(done.values()))}; delete them "
            "and run again, or pass --force to mix them"
        )
    failed = tuple(record for record in own if record.status != "done" and place_of(record.unit) not in done)
    return Results(info, done, failed, tuple(warnings), tuple(mixed))


def _loose_bits(records: Iterable[Record]) -> list[str]:
    """One line for each arithmetic whose last bits another machine may not repeat."""
    stated = {str(record.stamp["arithmetic"]) for record in records if "arithmetic" in record.stamp}
    return [
        f"last bits, and with them these numbers, may differ on another machine: the arithmetic is {words}"
        for words in sorted(stated - {FIXED})
    ]


def place_of(unit: Mapping[str, Any]) -> Place:
    """Where a unit stands in the tables."""
    return (
        str(unit["method"]),
        int(unit["tim"]),
        str(unit["protocol"]),
        str(unit["fold"]),
        Repetition(int(unit["seed"]), int(unit.get("draw", 0))),
    )


def differences(records: Iterable[Record]) -> list[str]:
    """One line per condition (profile, data, classes, each version) that is not the same in all records.

    The package of a method or a protocol is a condition of the records of that one alone.
    """
    counts: dict[str, Counter[str]] = {}
    n = 0
    for record in records:
        n += 1
        for name, value in conditions(record).items():
            counts.setdefault(name, Counter())[value] += 1
    lines = []
    for name, counter in sorted(counts.items()):
        absent = n - counter.total()
        if absent and not name.startswith(PACKAGE):
            counter["not stated"] += absent
        if len(counter) > 1:
            lines.append(
                f"{name}: " + ", ".join(f"{value} ({k} records)" for value, k in sorted(counter.items()))
            )
    return lines


def odd_ones(records: Iterable[Record]) -> list[Record]:
    """The records whose conditions are not those of most of them."""
    stated = [(record, conditions(record)) for record in records]
    names = sorted({name for _, each in stated for name in each})
    unstated = {name: {None} if name.startswith(PACKAGE) else set() for name in names}
    apart = [name for name in names if len({each.get(name) for _, each in stated} - unstated[name]) > 1]
    by_conditions: dict[tuple[str | None, ...], list[Record]] = {}
    for record, each in stated:
        by_conditions.setdefault(tuple(map(each.get, apart)), []).append(record)
    groups = sorted(by_conditions.values(), key=len)
    return [record for group in groups[:-1] for record in group]


def _named(records: Sequence[Record]) -> str:
    """The files of the first few records, and how many more there are."""
    shown = " ".join(f"units/{record.key[:12]}*.json" for record in records[:5])
    return f"{shown} and {len(records) - 5} more" if len(records) > 5 else shown


def conditions(record: Record) -> dict[str, str]:
    """What must be equal for two records to share a table; hardware and command lines need not be."""
    versions = record.stamp.get("versions", {})
    return {
        "profile": record.profile,
        "data": str(record.unit.get("data", "")),
        "control": str(record.unit.get("control", "")),
        "classes": ", ".join(record.classes),
        "arithmetic": str(record.stamp.get("arithmetic", "not stated")),
        **{f"{PACKAGE}{what}": str(package) for what, package in record.stamp.get("packages", {}).items()},
        **{f"version of {name}": str(version) for name, version in versions.items()},
    }
