"""A run: prepare what the cache lacks, plan, run each missing unit, keep every outcome, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from basis.files import remove_leftovers
from basis.processor import arithmetic
from benchmark.devices import choose_devices
from benchmark.engines import load_engine, run_tasks
from benchmark.engines.tasks import Limits, Options
from benchmark.folder.described import described
from benchmark.folder.ledger import Survey, survey
from benchmark.folder.lock import run_lock
from benchmark.folder.report import report
from benchmark.folder.sharing import (
    Here,
    held_before,
    made_otherwise,
    refuse_mixture,
    refuse_what_is_not_a_run,
    still_planned,
)
from benchmark.log import Log
from benchmark.plan import units
from benchmark.settings import Settings
from benchmark.sources import Assembled, assemble, n_workers
from benchmark.stamp import stamp
from benchmark.terminal.command import command_line
from benchmark.terminal.progress import Progress
from benchmark.units.jobs import tasks_of
from benchmark.units.outcomes import keep
from benchmark.units.packages import packages_of_data
from benchmark.units.unit import Unit
from methods import METHODS
from results.records.run_file import write_run_file


@dataclass(frozen=True)
class Planned:
    """A run folder with its plan: what `run`, `status` and `report` go by."""

    folder: Path
    assembled: Assembled
    units: tuple[Unit, ...]

    def missing(self, found: Survey) -> list[Unit]:
        """Units without a finished record, failed ones included: they are tried again."""
        return [unit for unit in self.units if not found.done(unit.key)]


def plan_run(settings: Settings, log: Log) -> Planned:
    """Load and plan; writes nothing in the run folder."""
    assembled = assemble(settings, log, learn=True)
    stills = None
    if assembled.sources.stills:
        stills = _stills_digest(assembled, log)
    planned = units(
        assembled.specs, settings, assembled.fold_names(), data=assembled.plan.digest, stills=stills
    )
    return Planned(settings.folder, assembled, tuple(planned))


def run(settings: Settings, log: Log) -> int:
    """The whole of it; returns the exit status.

    0: all units done; 1: some failed, or clips and people are doubtful; 130: interrupted.
    """
    devices, engine = _devices(settings), load_engine(settings.engine)
    if engine.cannot:
        log(f"engine {settings.engine}: {engine.cannot}")
    log(f"profile {settings.profile}, device {'+'.join(devices)}, run folder {settings.folder}")
    refuse_what_is_not_a_run(settings.folder)
    with run_lock(settings.folder):
        held_before(settings.folder, profile=settings.profile, control=settings.control)
        planned = plan_run(settings, log)
        missing = _start(planned, arithmetic(devices[0]), log)
        log(f"units: {len(planned.units)} planned, {len(planned.units) - len(missing)} already done")
        interrupted = False
        if missing:
            interrupted = not _run_missing(planned, missing, devices, log)
        found = survey(planned.folder)
        if not settings.tables_only:
            _sheets(planned, log)
        report(planned.folder, log, tables_only=settings.tables_only, faces=settings.faces)
    failed = [unit for unit in planned.units if found.statuses.get(unit.key, "done") != "done"]
    left = len(planned.missing(found))
    folder = planned.folder
    pages = "" if settings.tables_only else ", report.html, clips.html"
    log(f"results: {folder} (table3.csv{pages})")
    if left:
        log(f"{len(failed)} units failed, {left - len(failed)} were not run; go on with: {command_line()}")
    elif settings.tables_only:
        log(f"figures and pages: python -m benchmark report {folder}")
    else:
        log(f"open {folder / 'report.html'} in a browser")
    doubted = _doubted(planned, log)
    return 130 if interrupted else int(bool(left) or doubted)


def _doubted(planned: Planned, log: Log) -> bool:
    """Whether clips or people seem to be there twice and the user has not said that they may."""
    doubts = len(planned.assembled.doubts)
    if not doubts or planned.assembled.settings.allow_duplicates:
        return False
    log(
        f"{doubts} warnings about the identity of clips or people, so the numbers may be too good (exit "
        "status 1): mend the list, or say that it is meant with --allow-duplicates"
    )
    return True


def _start(planned: Planned, sums: str, log: Log) -> list[Unit]:
    """Make the folder ready: refuse what cannot share a table, write run.json; returns what is missing."""
    folder, settings = planned.folder, planned.assembled.settings
    before = held_before(folder, data=planned.assembled.plan.digest)
    found = survey(folder)
    kept = still_planned(before, planned.units, found, log)
    here = Here(sums, packages_of_data(planned.assembled.sources))
    odd = made_otherwise((*planned.units, *kept), found, here)
    if not settings.redo:
        refuse_mixture(folder, odd, here)
    again = {unit.key for unit in odd}
    kept = tuple(unit for unit in kept if unit.key not in again)
    for place in ("", "units", "figures"):
        remove_leftovers(folder / place)
    write_run_file(
        folder, described(folder, planned.assembled, planned.units, before, kept, command=command_line())
    )
    for line in found.bad:
        log(f"redone: {line}")
    for key in again:
        (folder / "units" / f"{key}.json").unlink(missing_ok=True)
    return [unit for unit in planned.units if unit.key in again or not found.done(unit.key)]


def _sheets(planned: Planned, log: Log) -> None:
    """Contact sheets and moving pictures of the clips, made once per run folder."""
    from benchmark.folder.sheets import write_sheets
    from benchmark.look.run_pictures import write_run_pictures

    write_sheets(planned.folder, planned.assembled, log)
    write_run_pictures(planned.folder, planned.assembled, log)


def _devices(settings: Settings) -> tuple[str, ...]:
    """The devices of this machine, or what is asked of other machines, which this one cannot check."""
    if load_engine(settings.engine).elsewhere or settings.scheduler:
        return ("cuda",) if settings.device.startswith("cuda") else ("cpu",)
    return choose_devices(settings.device)


def _side_by_side(settings: Settings, devices: tuple[str, ...]) -> int:
    """How many units run at a time: what is asked for, else one a GPU or core."""
    if load_engine(settings.engine).one_by_one:
        return 1
    return settings.workers or (len(devices) if devices[0] != "cpu" else n_workers(settings))


def _run_missing(planned: Planned, missing: Sequence[Unit], devices: tuple[str, ...], log: Log) -> bool:
    """Run the missing units; False when interrupted. Every failure becomes a record."""
    settings = planned.assembled.settings
    by_key = {unit.key: unit for unit in missing}
    limits = Limits(
        workers=_side_by_side(settings, devices),
        timeout=settings.timeout,
        memory_mb=settings.memory_limit or None,
        devices=devices,
        threads=settings.threads,
    )
    options = Options(
        preload=tuple(_modules(planned)),
        scheduler=settings.scheduler,
        folder=planned.folder / settings.engine,
        parameters=settings.slurm,
    )
    tasks = tasks_of(planned.folder, planned.assembled, missing, log)
    outcomes = run_tasks(settings.engine, "benchmark.units.execute:run_unit", tasks, limits, options)
    with Progress(missing, limits.workers, log, folder=planned.folder) as progress:
        try:
            for outcome in outcomes:
                unit = by_key[outcome.key]
                parts = keep(planned.folder / "units", unit, outcome, settings.profile, stamp())
                progress.advance(unit, outcome, parts)
        except KeyboardInterrupt:
            log("interrupted: finished units are kept")
            return False
    return True


def _stills_digest(assembled: Assembled, log: Log) -> str:
    """One name for the photographs at every size that a method of this run asks for."""
    sizes = sorted({spec.frame_size for spec in assembled.specs if spec.stills})
    prepared = [assembled.stills(size, log) for size in sizes]
    return "+".join(stills.digest[:16] for stills in prepared if stills is not None)


def _modules(planned: Planned) -> list[str]:
    """What units import, to be imported once before they are forked."""
    modules = [METHODS[spec.name].partition(":")[0] for spec in planned.assembled.specs]
    # inner folds and torch's first optimiser import these, for a second each
    late = {"methods.folds": "sklearn.model_selection", "torch": "torch._dynamo"}
    return ["benchmark.units.execute", *modules, *(late[name] for name in late if name in sys.modules)]
