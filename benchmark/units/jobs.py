"""From missing units to tasks: each unit with the prepared clips and photographs that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.engines.tasks import Task
from benchmark.log import Log
from benchmark.sources import Assembled
from benchmark.stamp import unit_stamp
from benchmark.units.packages import packages_of, packages_of_data
from benchmark.units.unit import Job, Prepared, Unit
from data_prep.cache import verified
from data_prep.clips import Clips, Stills, prepared_set

UNIT_SECONDS = {"cpu": 60.0, "cuda": 3600.0}
"""What a unit is expected to take, to decide how many share a SLURM job; units on a GPU get one each."""


def tasks_of(folder: Path, assembled: Assembled, missing: Iterable[Unit], log: Log) -> Iterator[Task]:
    """One task per unit of this run folder; a prepared set is built when the first unit needs it."""
    settings, sets = assembled.settings, _Sets(assembled, log)
    sizes = {spec.name: spec.frame_size for spec in assembled.specs}
    data = packages_of_data(assembled.sources)
    expected = UNIT_SECONDS["cuda" if "cuda" in settings.device else "cpu"]
    for unit in missing:
        size = sizes[unit.method]
        job = Job(
            unit=unit,
            run=str(folder.absolute()),
            clips=sets.clips(unit.tim, size),
            stills=sets.stills(size) if unit.stills else {},
            cache=str(Path(settings.cache).absolute()),
            profile=settings.profile,
            stamp=unit_stamp(packages_of(unit.method, unit.protocol, data)),
            trust=settings.trust_cache,
            deterministic=settings.deterministic,
        )
        yield Task(key=unit.key, expected_seconds=expected, payload=job.as_json())


class _Sets:
    """The prepared sets of a run, each built or opened once."""

    def __init__(self, assembled: Assembled, log: Log) -> None:
        self.assembled, self.log = assembled, log
        self.opened: dict[tuple[int, tuple[int, int]], Prepared] = {}
        self.photographs: dict[tuple[int, int], dict[str, Prepared]] = {}

    def clips(self, tim: int, size: tuple[int, int]) -> Prepared:
        """The clips at one TIM length and size."""
        if (tim, size) not in self.opened:
            self.opened[tim, size] = _named(self.assembled.clips(tim, size, self.log))
        return self.opened[tim, size]

    def stills(self, size: tuple[int, int]) -> dict[str, Prepared]:
        """The photographs at one size, by "HEIGHTxWIDTH"; empty where the run has none."""
        if size not in self.photographs:
            found = self.assembled.stills(size, self.log)
            self.photographs[size] = {f"{size[0]}x{size[1]}": _named(found)} if found is not None else {}
        return self.photographs[size]


def _named(made: Clips | Stills) -> Prepared:
    """Its folder as an absolute path: workers of other machines start in another directory."""
    folder = prepared_set(made).folder if isinstance(made, Clips) else made.folder
    if folder is None:
        return Prepared("", made.digest, {})
    absolute = folder.absolute()
    return Prepared(str(absolute), made.digest, verified(absolute))
