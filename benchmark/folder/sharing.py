"""The run folder before its units run: is it ours, what can share a table, what stays planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from basis.canonical import digest_of
from benchmark.folder.ledger import Survey
from benchmark.log import Log
from benchmark.settings import SettingsError
from benchmark.stamp import conditions, unit_stamp
from benchmark.units.packages import Packages, packages_of
from benchmark.units.unit import Unit
from results.records.run_file import RUN_FILE, PlannedUnit, RunFile, read_run_file
from results.records.store import read_record

AnyUnit = Unit | PlannedUnit
NAMED = 3
"""So many records are named in a message; the others are counted."""


def refuse_what_is_not_a_run(folder: Path) -> None:
    """SettingsError for a folder that holds files of somebody else: a run rewrites files by their names."""
    if (
        not folder.is_dir()
        or (folder / RUN_FILE).exists()
        or any((folder / "units").glob("?" * 64 + ".json"))
    ):
        return
    theirs = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    if theirs:
        raise SettingsError(
            f"--out {folder} is no run folder and holds {', '.join(theirs[:NAMED])}"
            f"{' and more' if len(theirs) > NAMED else ''}: name a folder that is empty or new"
        )


def held_before(folder: Path, **conditions: str) -> RunFile | None:
    """What run.json holds, None without one; SettingsError if under another profile, control or data."""
    if not (folder / RUN_FILE).exists():
        return None
    before = read_run_file(folder)
    held = {**before.settings, "profile": before.profile, "data": before.data.digest}
    for what, new in conditions.items():
        old = str(held.get(what))
        if old != new:
            raise SettingsError(
                f"{folder} holds a run of {what} {old[:16]}, this one is of {new[:16]}: "
                f"numbers of both cannot stand in one table; give another --out, such as {_free(folder)}"
            )
    return before


def _free(folder: Path) -> Path:
    """A folder beside this one that is not there yet."""
    return next(p for n in count(2) if not (p := folder.with_name(f"{folder.name}-{n}")).exists())


@dataclass(frozen=True)
class Here:
    """The conditions under which units would run now.

    Attributes
    ----------
    arithmetic
        Of the devices that they would run on, as `basis.processor.arithmetic` says it.
    data
        The packages of the data.
    """

    arithmetic: str
    data: Packages

    def of(self, method: str, protocol: str) -> dict[str, str]:
        """Those of a unit of this method and protocol."""
        stamp = unit_stamp(packages_of(method, protocol, self.data))
        return conditions({**stamp, "arithmetic": self.arithmetic})


def made_otherwise(units: Sequence[AnyUnit], found: Survey, here: Here) -> list[AnyUnit]:
    """Finished units whose records were made with other versions or packages, or another arithmetic.

    Parameters
    ----------
    units
        What is planned.
    found
        What the folder holds.
    here
        Under which units would run now.
    """
    finished = [unit for unit in units if found.done(unit.key)]
    now = {pair: digest_of(here.of(*pair)) for pair in {(unit.method, unit.protocol) for unit in finished}}
    return [unit for unit in finished if found.made_with[unit.key] != now[unit.method, unit.protocol]]


def refuse_mixture(folder: Path, odd: Sequence[AnyUnit], here: Here) -> None:
    """SettingsError that names the records, before a unit is run whose number could not stand beside them."""
    if not odd:
        return
    paths = [folder / "units" / f"{unit.key}.json" for unit in odd]
    there, now = conditions(read_record(paths[0]).stamp), here.of(odd[0].method, odd[0].protocol)
    differing = [
        f"{name} {there.get(name, 'not stated')}, here it is {now.get(name, 'not there')}"
        for name in sorted(now.keys() | there.keys())
        if now.get(name) != there.get(name)
    ]
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    raise SettingsError(
        f"{len(odd)} finished records were made with {'; '.join(differing)}: their numbers and new ones "
        "cannot share a table. Add --redo to run those units again, go back to that version, or name another "
        f"--out. The records: {', '.join(map(str, paths[:NAMED]))}{more}"
    )


def still_planned(
    before: RunFile | None, units: Sequence[Unit], found: Survey, log: Log
) -> tuple[PlannedUnit, ...]:
    """What an earlier command planned in this folder and stays so beside the units that are asked for now.

    Units of one method, TIM, protocol, seed and draw stand or fall together. Those that are not asked for now
    and of which some were never run are planned no more, so that a smaller plan shows what it asked for;
    their records stay in the folder, and a command that asks for them again goes on with them.
    """
    asked = {group_of(unit) for unit in units}
    earlier: defaultdict[tuple[str, int, str, int, int], list[PlannedUnit]] = defaultdict(list)
    for planned in before.units if before else ():
        if group_of(planned) not in asked:
            earlier[group_of(planned)].append(planned)
    tried = {name for name, group in earlier.items() if all(each.key in found.statuses for each in group)}
    dropped = [each for name, group in earlier.items() if name not in tried for each in group]
    if dropped:
        done = sum(found.done(each.key) for each in dropped)
        methods = ", ".join(dict.fromkeys(each.method for each in dropped))
        log(
            f"no longer planned: {len(dropped)} units of {methods} that an earlier command asked for and did "
            f"not finish ({done} are done; their records stay). Ask for them again to go on with them"
        )
    return tuple(each for name in earlier if name in tried for each in earlier[name])


def group_of(unit: AnyUnit) -> tuple[str, int, str, int, int]:
    """Method, TIM, protocol, seed and draw."""
    return (unit.method, unit.tim, unit.protocol, unit.seed, unit.draw)
