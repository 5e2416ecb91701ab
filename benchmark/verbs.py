"""The smaller verbs, one function each; every one returns its exit status."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from basis.errors import Mendable
from benchmark.answers import in_json
from benchmark.engines import ENGINES
from benchmark.flags import knobs_of
from benchmark.log import Log, silent
from benchmark.next_steps import next_steps
from benchmark.protocols import PROTOCOLS
from benchmark.settings import FLOW_IMAGES, PROFILES, Settings, at_home, checked
from methods import METHODS

if TYPE_CHECKING:
    from data_prep.databases.check import CheckReport
    from data_prep.tasks import Task
    from methods.contract import Trial


MEGC2019 = "megc2019"
"""Names what is published on the composite, where `audit` and `compare` take a file or a folder."""


OF_A_LOG = (
    "hold published numbers against this log: --uf1, --uar, --accuracy; its clips against those of a task: "
    "--expect megc2019"
)
OF_A_TABLE = (
    "a table of your own: python -m benchmark audit TABLE.csv --fold-size N; a log of predictions: the same "
    "with LOG; a run beside the paper: python -m benchmark compare RUN table3"
)
"""What can be done after an audit."""


class VerbError(Mendable, ValueError):
    """A verb called with what it cannot take; the message says what it can."""


def prepare(settings: Settings, log: Log) -> int:
    """Fill the cache with everything a run of these settings needs."""
    from benchmark.sources import assemble

    assembled = assemble(settings, log)
    for item in assembled.plan.set_aside:
        log(f"set aside ({item.stage}): {item.clip}: {item.reason}")
    for size in sorted({spec.frame_size for spec in assembled.specs}):
        for tim in settings.tim:
            folder = assembled.folder(tim, size, log)
            count = len(assembled.plan.clips)
            log(f"ready: {count} clips of {tim} frames, {size[0]}x{size[1]}: {folder}")
    for size in sorted({spec.frame_size for spec in assembled.specs if spec.stills}):
        stills = assembled.stills(size, log)
        if stills is not None:
            log(f"ready: {len(stills)} photographs, {size[0]}x{size[1]}: {stills.folder}")
    log(f"everything lies in {settings.cache}; run it: the same command with `run` for `prepare`")
    return 0


def compare(run: Path, other: str, atol: float, log: Log, as_json: bool = False) -> int:
    """Per-fold differences of two runs, or a run beside the paper's Table 3.

    Raises
    ------
    VerbError
        For a tolerance outside 0..1, or beside a printed table.
    """
    from results.compare import compare as compare_runs
    from results.compare import compare_with_paper

    if not 0 <= atol <= 1:
        raise VerbError(f"--atol {atol}: a difference of accuracies lies in 0..1")
    if other in ("table3", "paper"):
        if atol:
            raise VerbError("--atol is of two runs; the paper's folds are not these, so nothing must agree")
        beside = compare_with_paper(run)
        _say(_compared("table3", beside.table) if as_json else beside.text, _further(run), as_json, log)
        return 0
    if other == MEGC2019:
        from results.audit.megc2019 import compare_rows, compare_text

        text = _compared(MEGC2019, compare_rows(run)) if as_json else compare_text(run)
        _say(text, _further(run, f" {MEGC2019}"), as_json, log)
        return 0
    found = compare_runs(run, Path(other), atol=atol)
    text = _compared("runs", found.units, found.conditions, found.faults) if as_json else found.text
    pages = f"the runs' own pages: {run / 'report.html'}, {Path(other) / 'report.html'}"
    _say(text, f"{pages}; what a run lacks: python -m benchmark status {run}", as_json, log)
    return int(found.exit_status)


def _say(answer: str, further: str, as_json: bool, log: Log) -> None:
    """An answer, and for people what they can do next."""
    log(answer)
    if not as_json:
        log(further)


def _further(run: Path, published: str = "") -> str:
    page = f"the run's own tables and page: {run / 'table3.csv'}, {run / 'report.html'}"
    return f"{page}; what the published numbers are worth: python -m benchmark audit{published}"


def _compared(kind: str, rows: Any, conditions: Sequence[str] = (), faults: Sequence[str] = ()) -> str:
    told = {"kind": kind, "ok": not faults, "rows": rows, "conditions": conditions, "faults": faults}
    return in_json("compare", told)


def audit(
    table: Path | None,
    fold_size: int | None,
    uar: str | None,
    uf1: str | None,
    accuracy: str | None,
    expect: str | None,
    log: Log,
    as_json: bool = False,
) -> int:
    """Recompute the claims of a table, or re-score a log of predictions; VerbError for the other's flags.

    Status 1 when a claim or a published number is not reproduced, or the log is doubtful.
    """
    from results.audit import audit as audit_table
    from results.audit import audit_predictions, is_prediction_log

    if table == Path(MEGC2019):
        from results.audit.megc2019 import audit_rows, audit_text, doubtful

        text = _audited(MEGC2019, not doubtful(), audit_rows()) if as_json else audit_text()
        _say(text, f"a run of yours beside it: python -m benchmark compare RUN {MEGC2019}", as_json, log)
        return int(doubtful())
    stated = {"accuracy": accuracy, "uf1": uf1, "uar": uar}
    published = {name: value for name, value in stated.items() if value is not None}
    if fold_size is not None and fold_size < 1:
        raise VerbError(f"--fold-size {fold_size}: a test fold has at least one clip")
    if table is not None and is_prediction_log(table):
        if fold_size is not None:
            raise VerbError(f"--fold-size is of a table of accuracies; {table} is a log of predictions")
        found = audit_predictions(table, published, _counts(expect) if expect else None)
        fine = not found.exit_status
        told = (found.verdicts, found.metrics, found.doubts)
        text = _audited("predictions", fine, *told) if as_json else found.text
        _say(text, OF_A_LOG, as_json, log)
        return found.exit_status
    if published or expect:
        what = table or "the paper's Table 3"
        raise VerbError(
            f"--uar, --uf1, --accuracy and --expect are checked against a log of predictions; {what} is none"
        )
    report = audit_table(table, fold_size=fold_size)
    fine = bool((report.verdicts["verdict"] == "reproduced").all())
    _say(_audited("table", fine, report.verdicts) if as_json else report.text, OF_A_TABLE, as_json, log)
    return int(not fine)


def _audited(kind: str, fine: bool, verdicts: Any, metrics: Any = (), doubts: Sequence[str] = ()) -> str:
    told = {"kind": kind, "ok": fine, "verdicts": verdicts, "metrics": metrics, "doubts": doubts}
    return in_json("audit", told)


def _counts(name: str) -> dict[str, int]:
    """Database -> clips of a named task, as publications count them."""
    from data_prep.task_table import task_named

    task = task_named(name)
    if not task.published:
        raise VerbError(f"--expect {name}: nobody has published how many clips this task has")
    return {database: sum(counts.values()) for database, counts in task.published.items()}


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


def look(settings: Settings, out: Path, faces: bool | None, log: Log) -> int:
    """Write a page of databases; faces of licensed ones only where that is asked for."""
    from benchmark.look import look as write_page

    return write_page(settings, out, faces=faces, log=log)


def simulate(
    folder: Path, size: str, set: Sequence[str], layouts: Sequence[str], workers: int, log: Log
) -> int:
    """Write simulated databases in the official layouts, with ground truth."""
    from benchmark.sources import n_workers, simulator
    from data_prep.simulator import simulate as write

    asked = checked(Settings(workers=workers))
    knobs = simulator(size, {**knobs_of(set), **({"layouts": tuple(layouts)} if layouts else {})})
    made = write(folder, knobs, workers=n_workers(asked), log=log)
    log(f"written: {folder}")
    roots = {name: str(root) for name, root in {**made.clip_roots, **made.still_roots}.items()}
    for line in next_steps(roots, more="--landmarks file"):
        log(line)
    return 0


def speed(parts: Sequence[str], quick: bool, csv: Path | None, log: Log) -> int:
    """Measure the named parts, all if none is named."""
    from benchmark.speed import run_parts

    run_parts(parts, quick, csv)
    if csv is None:
        log("keep the rows with --csv FILE; docs/performance.md has what was measured elsewhere")
    return 0


def names(log: Log, as_json: bool = False) -> int:
    """All that can be named on the command line."""
    from data_prep.databases import DATABASES, STILLS
    from data_prep.task_table import TASKS

    tables = {
        "methods": METHODS,
        "protocols": PROTOCOLS,
        "tasks": TASKS,
        "databases": DATABASES,
        "expression photographs": STILLS,
        "profiles": PROFILES,
        "engines": ENGINES,
    }
    if as_json:
        log(in_json("list", {title: list(table) for title, table in tables.items()}))
        return 0
    for title, table in tables.items():
        log(f"{title}: {' '.join(table)}")
    log("use them: python -m benchmark run --methods NAME --protocol NAME --task NAME --data DATABASE=DIR")
    return 0
