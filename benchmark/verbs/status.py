"""What a run folder holds, what is missing, and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.folder.ledger import Survey, survey
from benchmark.log import Log
from benchmark.terminal.answers import in_json
from results.records.run_file import RunFile, read_run_file
from results.records.runs import go_on
from results.records.store import read_record

HELP = {
    "timeout": "a longer --timeout, if they were making progress (it is {timeout:g} s)",
    "memory": "a larger --memory-limit (0 is none), or fewer --workers side by side",
    "crashed": "the traceback in the record; if the machine ran out of memory, fewer --workers",
    "failed": "what the message says; running again tries them again",
}
"""By the status of units, what would help."""


def status(run: Path, log: Log, as_json: bool = False) -> int:
    """What a run folder holds; status 1 while anything is missing, failed or damaged."""
    plan, found = read_run_file(run), survey(run)
    state = Counter(found.statuses.get(unit.key, "missing") for unit in plan.units)
    troubles = [*_troubles(run, plan, found)]
    strangers = len(set(found.statuses) - {unit.key for unit in plan.units})
    complete = not (state.keys() - {"done"} or found.bad)
    going = f"python -m benchmark report {run}" if complete else go_on(plan.command, run)
    if as_json:
        told = {"run": run, "profile": plan.profile, "data": plan.data.name, "units": state}
        told |= {"planned": len(plan.units), "damaged": found.bad, "troubles": troubles}
        told |= {"not_of_this_plan": strangers, "complete": complete, "next": going}
        log(in_json("status", told))
        return int(not complete)
    log(f"{run}: profile {plan.profile}, data {plan.data.name}, {len(plan.units)} units")
    for name, count in sorted(state.items()):
        log(f"  {name}: {count}")
    for line in found.bad:
        log(f"  {line}")
    for each in troubles:
        log(f"  {each['status']}, for example {each['unit']}: {each['message']} ({each['record']})")
        log(f"    what helps: {each['help']}")
    if strangers:
        log(
            f"  {strangers} records are not of this plan (other settings, revisions or an earlier plan) "
            "and are left out; a command that plans them takes them in"
        )
    log(f"all is done; tables and page anew: {going}" if complete else f"go on with: {going}")
    return int(not complete)


def _troubles(run: Path, plan: RunFile, found: Survey) -> Iterator[dict[str, Any]]:
    """Of each way to go wrong one unit by name, with its message, and what would help."""
    for name, helps in HELP.items():
        ended = [unit for unit in plan.units if found.statuses.get(unit.key) == name]
        if ended:
            first = ended[0]
            path = run / "units" / f"{first.key}.json"
            error = read_record(path).error or {}
            yield {
                "status": name,
                "unit": f"{first.method} tim {first.tim} {first.protocol} {first.fold} {first.place[4]}",
                "message": str(error.get("message", "")).partition("\n")[0],
                "record": path,
                "help": helps.format(timeout=float(plan.settings.get("timeout", 0))),
            }
