"""The verb `check`: are databases and methods what they should be."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmark.log import Log, silent
from benchmark.settings import FLOW_IMAGES, at_home
from benchmark.terminal.answers import in_json
from benchmark.terminal.next_steps import next_steps
from benchmark.verbs import VerbError
from methods import METHODS

if TYPE_CHECKING:
    from data_prep.databases.check import CheckReport
    from data_prep.tasks import Task
    from methods.contract import Trial


def check(
    what: Sequence[str],
    decode: bool,
    log: Log,
    task: str | None = None,
    mapping: str | None = None,
    as_json: bool = False,
) -> int:
    """Check databases named NAME=DIR and methods named by their names; status 1 if anything is wrong.

    With a label set, by name or by CSV, it is said too which of the databases' clips are in it.

    Raises
    ------
    VerbError
        For a NAME= without a folder, or a method that ends the process when it is imported.
    TaskError
        For a database that cannot serve the label set.
    """
    from benchmark.tasks import asked_task

    say, wanted = silent if as_json else log, asked_task(task, mapping)
    reports: list[CheckReport] = []
    told: dict[str, list[dict[str, Any]]] = {"databases": [], "flow_images": [], "methods": []}
    for item in what:
        name, equals, folder = item.partition("=")
        if not equals:
            told["methods"].append(_check_method(item, say))
        elif not folder:
            raise VerbError(f"{item} must be NAME=DIR, and names no folder")
        elif name == FLOW_IMAGES:
            told["flow_images"].append(_check_flow_images(Path(at_home(folder)), wanted, say))
        else:
            reports.append(_check_database(name, at_home(folder), decode, wanted, say))
            told["databases"].append(_told(reports[-1], wanted))
    failed = [end for each in told["methods"] for end in each["checks"].values() if end is not None]
    problems = len(failed) + sum(each["faults"] for each in told["flow_images"])
    problems += sum(len(each.faults) + (not each.usable) for each in reports)
    warnings = _together(reports)
    for line in warnings:
        say(f"warning: {line}")
    if as_json:
        log(in_json("check", {"ok": not problems, "problems": problems, "warnings": warnings, **told}))
    named = ("--mapping", mapping) if mapping else ("--task", task) if task else ()
    for line in [] if as_json else _after_check(what, problems, [str(word) for word in named]):
        say(line)
    return int(problems > 0)


def _after_check(what: Sequence[str], problems: int, task: Sequence[str]) -> list[str]:
    """What holds of what was checked, and what can be done next."""
    named = dict(item.split("=", 1) for item in what if "=" in item)
    if named:
        held = "what is set aside is left out by every command" if problems else "all is usable"
        return [held, *next_steps(named, task=task)]
    methods = " ".join(what)
    return [
        "mend what failed, then check again"
        if problems
        else f"run: python -m benchmark run --methods {methods}"
    ]


def _told(report: CheckReport, task: Task | None) -> dict[str, Any]:
    """A report without its clips, for scripts."""
    names = ("name", "root", "things", "usable", "classes", "emotions", "subjects", "remarks", "suspicions")
    aside = [{"clip": e.clip, "stage": e.stage, "reason": e.reason} for e in report.set_aside]
    shown = {name: getattr(report, name) for name in names}
    return shown | {"set_aside": aside, "decoded": report.decoded, "task": _members(task, report)}


def _check_database(name: str, places: str, decode: bool, task: Task | None, log: Log) -> CheckReport:
    from data_prep.databases.check import check as check_database

    if task is not None:
        task.require([name])
    report = check_database(name, places, decode=decode, task=task)
    log(str(report))
    for line in _members(task, report):
        log(line)
    return report


def _members(task: Task | None, report: CheckReport) -> list[str]:
    """Which of a database's clips are in the label set, in words."""
    from benchmark.tasks import membership
    from data_prep.clips import Database

    if task is None:
        return []
    return list(membership(task, Database(report.name, report.root, report.clips)))


def _check_flow_images(place: Path, task: Task | None, log: Log) -> dict[str, Any]:
    from benchmark.tasks import membership
    from data_prep.flow_images import report

    found = report(place)
    log(str(found))
    members = [] if task is None else list(membership(task, found.database))
    for line in members:
        log(line)
    return {"root": place, "faults": found.faults, "text": str(found), "task": members}


def _together(reports: Sequence[CheckReport]) -> list[str]:
    """What is suspicious only because of two databases side by side, such as one recording in both."""
    from data_prep.databases.identity import suspicions

    if len(reports) < 2:
        return []
    alone = {line for report in reports for line in report.suspicions}
    together = suspicions([clip for each in reports for clip in each.clips])
    return [line for line in together if line not in alone]


def _check_method(name: str, log: Log) -> dict[str, Any]:
    """The contract's checks of one method: per check None, or what failed."""
    from benchmark.plugins import dies_at_import, loaded, threads_in_words
    from methods.contract import Trial, toy_clips

    end = dies_at_import(name) if name in METHODS else None
    if end:
        raise VerbError(f"method {name!r} of {METHODS.origin(name)}: {end}")
    method, threads = loaded(name)
    found: dict[str, str | None] = {}
    for thread in threads:
        found[f"import: {thread}"] = threads_in_words(name, (thread,))
    if threads:
        log(f"{name}: import: FAILED: {threads_in_words(name, threads)}")
    with TemporaryDirectory() as folder:
        found |= _kept(Trial(method, toy_clips(*method().frame_size), Path(folder)), name, log)
    return {"name": name, "checks": found}


def _kept(trial: Trial, name: str, log: Log) -> dict[str, str | None]:
    """Per check of the contract None, or what failed."""
    from methods.contract import CHECKS

    found: dict[str, str | None] = {}
    for title, function in CHECKS.items():
        try:
            function(trial)
        except AssertionError as error:
            found[title] = str(error)
            log(f"{name}: {title}: FAILED: {error}")
        except Exception as error:  # whatever a method of somebody else's raises
            found[title] = f"{type(error).__name__}: {error}"
            log(f"{name}: {title}: FAILED: {type(error).__name__}: {error}\n{traceback.format_exc()}")
        else:
            found[title] = None
            log(f"{name}: {title}: ok")
    return found
