"""The run folder before its units run: is it ours, what can share a table, what stays planned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from basis.canonical import digest_of
from benchmark.ledger import Survey
from benchmark.log import Log
from benchmark.settings import SettingsError
from benchmark.stamp import conditions, unit_stamp
from benchmark.unit import Unit
from methods import METHODS
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
                "numbers of both cannot stand in one table; give another --out"
            )
    return before


def made_otherwise(units: Sequence[AnyUnit], found: Survey, arithmetic: str) -> list[AnyUnit]:
    """Finished units whose records were made with other versions, or another arithmetic, than here.

    Parameters
    ----------
    units
        What is planned.
    found
        What the folder holds.
    arithmetic
        Of the devices that units run on now, as `basis.processor.arithmetic` says it.
    """
    methods = {unit.method for unit in units}
    here = {name: digest_of(_here(name, arithmetic)) for name in methods}
    return [unit for unit in units if found.done(unit.key) and found.made_with[unit.key] != here[unit.method]]


def refuse_mixture(folder: Path, odd: Sequence[AnyUnit], arithmetic: str) -> None:
    """SettingsError that names the records, before a unit is run whose number could not stand beside them."""
    if not odd:
        return
    paths = [folder / "units" / f"{unit.key}.json" for unit in odd]
    there, here = conditions(read_record(paths[0]).stamp), _here(odd[0].method, arithmetic)
    differing = [
        f"{name} {there.get(name, 'not stated')}, here it is {here.get(name, 'not there')}"
        for name in sorted(here.keys() | there.keys())
        if here.get(name) != there.get(name)
    ]
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    raise SettingsError(
        f"{len(odd)} finished records were made with {'; '.join(differing)}: their numbers and new ones "
        "cannot share a table. Add --redo to run those units again, go back to that version, or name another "
        f"--out. The records: {', '.join(map(str, paths[:NAMED]))}{more}"
    )


def _here(method: str, arithmetic: str) -> dict[str, str]:
    """The conditions under which a unit of this method would run now."""
    return conditions({**unit_stamp(METHODS.origin(method)), "arithmetic": arithmetic})


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
