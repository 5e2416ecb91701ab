"""What run.json says of a plan: its methods, protocols, task, data and units, in the words of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from benchmark.protocols import PROTOCOLS
from benchmark.settings import as_json
from benchmark.sources import Assembled
from benchmark.stamp import stamp
from benchmark.units.unit import Unit
from data_prep.plan import DataPlan
from methods import METHODS, load_method
from methods.base import Method
from results.numbers.variants import variant_of_unit
from results.records.run_file import (
    DataInfo,
    MethodInfo,
    PlannedUnit,
    ProtocolInfo,
    RunFile,
    SetAside,
    TaskInfo,
)

T = TypeVar("T")


def described(
    folder: Path,
    assembled: Assembled,
    units: Sequence[Unit],
    before: RunFile | None,
    kept: Sequence[PlannedUnit],
    *,
    command: str,
) -> RunFile:
    """The run file of a plan; of the earlier plan `before` the units `kept` stay beside it."""
    settings, plan, task = assembled.settings, assembled.plan, assembled.sources.task
    return RunFile(
        name=folder.absolute().name,
        profile=settings.profile,
        settings=as_json(settings),
        stamp={**stamp(), "threads of a unit": settings.threads},
        methods=_methods(assembled, before),
        protocols=_protocols(settings.protocols, before),
        task=TaskInfo(task.name, task.titled(_databases(plan)), task.classes, task.headline),
        data=_data(assembled),
        units=(*kept, *map(_planned, units)),
        set_aside=tuple(
            SetAside(each.database, each.clip, each.stage, each.reason) for each in plan.set_aside
        ),
        command=command,
    )


def _methods(assembled: Assembled, before: RunFile | None) -> tuple[MethodInfo, ...]:
    """The methods of both plans in the order of the registry."""
    found = {info.name: info for info in (before.methods if before else ())}
    for spec in assembled.specs:
        cls = load_method(spec.name)
        found[spec.name] = MethodInfo(
            name=spec.name,
            title=spec.title,
            role=told_by(cls, "role", "extra"),
            revision=spec.revision,
            origin=METHODS.origin(spec.name),
            blind=told_by(cls, "blind", False),
            reference=told_by(cls, "reference", ""),
            curves=dict(cls.curve_titles),
        )
    return tuple(found[name] for name in dict.fromkeys([*METHODS, *found]) if name in found)


def told_by(method: type[Method], name: str, default: T) -> T:
    """What a method's own package says of it.

    Somebody else's method that builds on one of ours is neither a row of Table 3 nor a baseline by that.
    """
    package = method.__module__.partition(".")[0]
    own = [each for each in method.__mro__ if each.__module__.partition(".")[0] == package]
    return next((vars(each)[name] for each in own if name in vars(each)), default)


def _protocols(names: Sequence[str], before: RunFile | None) -> tuple[ProtocolInfo, ...]:
    found = {info.name: info for info in (before.protocols if before else ())}
    for name in names:
        own = PROTOCOLS[name]
        found[name] = ProtocolInfo(
            own.name, own.title, own.grouped, own.unit, own.headline, own.leaks, own.published
        )
    return tuple(found.values())


def _databases(plan: DataPlan) -> set[str]:
    return {clip.database for clip in plan.clips}


def _planned(unit: Unit) -> PlannedUnit:
    variant = variant_of_unit(unit.as_json())
    return PlannedUnit(
        unit.key, unit.method, unit.tim, unit.protocol, unit.fold, unit.seed, variant, unit.draw
    )


def _data(assembled: Assembled) -> DataInfo:
    clips, task = assembled.plan.clips, assembled.sources.task
    return DataInfo(
        name=assembled.sources.name,
        digest=assembled.plan.digest,
        n_clips=len(clips),
        class_counts=task.counts(clips),
        subjects=len({clip.subject for clip in clips}),
        landmarks=assembled.sources.landmarks,
        registration=assembled.settings.registration,
        simulated=assembled.sources.simulated,
        private=() if assembled.sources.simulated else tuple(each.name for each in assembled.sources.clips),
        warnings=assembled.doubts,
    )
