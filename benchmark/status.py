"""What a run folder holds, what is missing, and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmark.ledger import Survey, survey
from benchmark.log import Log
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


def status(run: Path, log: Log) -> int:
    """What a run folder holds; status 1 while anything is missing, failed or damaged."""
    plan, found = read_run_file(run), survey(run)
    state = Counter(found.statuses.get(unit.key, "missing") for unit in plan.units)
    log(f"{run}: profile {plan.profile}, data {plan.data.name}, {len(plan.units)} units")
    for name, count in sorted(state.items()):
        log(f"  {name}: {count}")
    for line in (*found.bad, *_troubles(run, plan, found)):
        log(f"  {line}")
    strangers = set(found.statuses) - {unit.key for unit in plan.units}
    if strangers:
        log(
            f"  {len(strangers)} records are not of this plan (other settings, revisions or an earlier plan) "
            "and are left out; a command that plans them takes them in"
        )
    if not (state.keys() - {"done"} or found.bad):
        log(f"all is done; tables and page anew: python -m benchmark report {run}")
        return 0
    log(f"go on with: {go_on(plan.command, run)}")
    return 1


def _troubles(run: Path, plan: RunFile, found: Survey) -> Iterator[str]:
    """Of each way to go wrong one unit by name, with its message, and what would help."""
    for name, helps in HELP.items():
        ended = [unit for unit in plan.units if found.statuses.get(unit.key) == name]
        if ended:
            first = ended[0]
            path = run / "units" / f"{first.key}.json"
            error = read_record(path).error or {}
            message = str(error.get("message", "")).partition("\n")[0]
            place = f"{first.method} tim {first.tim} {first.protocol} {first.fold} {first.place[4]}"
            yield f"{name}, for example {place}: {message} ({path})"
            yield f"  what helps: {helps.format(timeout=float(plan.settings.get('timeout', 0)))}"
