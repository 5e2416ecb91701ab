"""Where a run's data come from: the user's databases, or the simulator's when none is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from basis.cores import cores
from basis.memory import give_back_freed_memory
from basis.names import one_of
from benchmark.log import Log
from benchmark.plan import MethodSpec, describe, told_apart
from benchmark.plugins import dies_at_import, threads_in_words
from benchmark.protocols import PROTOCOLS
from benchmark.settings import FLOW_IMAGES, Settings, SettingsError
from benchmark.tasks import counts_in_words, require_told_apart, task_of
from data_prep.cache import Journal
from data_prep.clips import Clips, Database, StillDatabase, Stills
from data_prep.databases import load, load_stills
from data_prep.databases.identity import suspicions
from data_prep.databases.named import places_of
from data_prep.flow_images import FlowDatabase, FlowPlan, plan_flow_images, prepared_flow_images
from data_prep.flow_images.report import KNOWN
from data_prep.frames.timeline import keep_timelines
from data_prep.plan import Place
from data_prep.prepare import DataPlan, Target, built, plan_data, prepared, prepared_stills
from data_prep.simulator import SimulatorSettings, simulate
from data_prep.simulator.write import MANIFEST
from data_prep.tasks import Task
from methods import METHODS
from methods.values import hints_of, typed


@dataclass(frozen=True)
class Sources:
    """Loaded databases, labelled by the run's task, and the landmark back end that fits them."""

    task: Task
    clips: tuple[Database, ...]
    stills: tuple[StillDatabase, ...]
    landmarks: str
    simulated: bool

    @property
    def name(self) -> str:
        """The databases' names, for titles."""
        return "+".join(database.name for database in self.clips)


def sources(settings: Settings, log: Log, *, stills: bool = True) -> Sources:
    """Load what the settings name; without `data` the simulator's databases, written first if need be.

    Raises
    ------
    TaskError
        For a named database on which the task is not defined; of the simulator's those are left out.
    """
    task, cache = task_of(settings), Path(settings.cache)
    simulated = not settings.data
    if simulated:
        knobs = simulator(settings.simulator, settings.simulator_settings)
        folder = cache / "simulated" / f"{knobs.size}-{knobs.digest[:12]}"
        written = simulate(folder, knobs, workers=n_workers(settings), log=log)
        still_roots = dict(written.still_roots)
        clip_roots = {name: str(root) for name, root in written.clip_roots.items() if task.admits(name)}
        if not clip_roots:
            task.require(written.clip_roots)
        if settings.expressions:
            still_roots = {name: Path(root) for name, root in settings.expressions.items()}
        log(f"data: none named, so simulated databases ({settings.simulator}) in {folder}")
    else:
        keep_timelines(Journal(cache / "videos.jsonl"))
        clip_roots = dict(settings.data)
        still_roots = {name: Path(root) for name, root in settings.expressions.items()}
        log("data: " + ", ".join(f"{name} in {root}" for name, root in clip_roots.items()))
    clips = tuple(load(name, root, task=task) for name, root in clip_roots.items())
    return Sources(
        task=task,
        clips=clips,
        stills=tuple(load_stills(name, root) for name, root in still_roots.items()) if stills else (),
        landmarks=_landmarks(settings, simulated),
        simulated=simulated or all(map(_of_simulator, clips, clip_roots.values())),
    )


def _landmarks(settings: Settings, simulated: bool) -> str:
    """The back end: as asked for, else the simulator's files or a detector; none for flow images."""
    if FLOW_IMAGES in settings.data:
        return "none"
    if settings.landmarks != "auto":
        return settings.landmarks
    return "file" if simulated else "face-alignment"


def _of_simulator(database: Database, given: Path | str) -> bool:
    return database.simulated if isinstance(database, FlowDatabase) else is_simulated(given)


def is_simulated(given: Path | str) -> bool:
    """Does this database lie in a folder that the simulator wrote?"""
    return any((folder / MANIFEST).is_file() for path in places_of(given) for folder in path.parents[:3])


def simulator(size: str, knobs: Mapping[str, Any]) -> SimulatorSettings:
    """The simulator's settings: a preset and the knobs that the user turned, checked.

    Raises
    ------
    SettingsError
        For a knob that there is not, or outside its bounds.
    """
    hints = hints_of(SimulatorSettings)
    known = [name for name in hints if name != "size"]
    for knob in knobs:
        one_of(knob, known, "knob of the simulator")
    turned = {knob: typed(value, hints[knob], f"simulator: {knob}") for knob, value in knobs.items()}
    try:
        return SimulatorSettings(size=size, **turned)
    except ValueError as error:
        raise SettingsError(f"simulator: {error}") from error


def n_workers(settings: Settings) -> int:
    """The workers asked for, or one per core (per GPU on CUDA, which the run decides)."""
    return settings.workers or cores()


def place_of(settings: Settings, log: Log) -> Place:
    """Where and how the data of these settings are prepared."""
    return Place(Path(settings.cache), n_workers(settings), log, settings.trust_cache)


@dataclass(frozen=True)
class Assembled:
    """Everything a plan is made from.

    Attributes
    ----------
    doubts
        Who may be there twice, in words.
    """

    settings: Settings
    sources: Sources
    plan: DataPlan
    specs: tuple[MethodSpec, ...]
    doubts: tuple[str, ...] = ()

    def fold_names(self) -> dict[tuple[str, int], list[str]]:
        """(protocol, seed) -> names of its folds on these clips."""
        clips = self.plan.clips
        labels = [clip.label for clip in clips]
        subjects = [clip.subject for clip in clips]
        databases = [clip.database for clip in clips]
        return {
            (protocol, seed): [
                fold.name for fold in PROTOCOLS[protocol].split(labels, subjects, databases, seed=seed)
            ]
            for protocol in self.settings.protocols
            for seed in self.settings.seeds
        }

    def folder(self, tim: int, size: tuple[int, int], log: Log) -> Path:
        """Where the clips lie at one TIM length and size, built if the cache lacks them; none is opened."""
        place = place_of(self.settings, log)
        if isinstance(self.plan, FlowPlan):
            prepared_flow_images(self.plan, place)
            return self.plan.folder(place.cache, tim, size)
        return built(self.plan, Target(tim, size), place)

    def clips(self, tim: int, size: tuple[int, int], log: Log) -> Clips:
        """The prepared clips at one TIM length and size, built if the cache lacks them."""
        place = place_of(self.settings, log)
        if isinstance(self.plan, FlowPlan):
            return prepared_flow_images(self.plan, place)
        return prepared(self.plan, place, tim=tim, size=size)

    def stills(self, size: tuple[int, int], log: Log) -> Stills | None:
        """The prepared photographs at one size, or None when there are none."""
        if not self.sources.stills:
            return None
        place = place_of(self.settings, log)
        return prepared_stills(self.sources.stills, place, size=size, landmarks=self.sources.landmarks)


def _described(settings: Settings, log: Log) -> Iterator[MethodSpec]:
    """The methods of a run; those of other packages are named, and tried elsewhere, before they are imported.

    Raises
    ------
    SettingsError
        For a method whose import ends the process.
    """
    for name in settings.methods:
        if METHODS.origin(name):
            log(f"method {name} is of {METHODS.origin(name)}")
        if end := dies_at_import(name):
            raise SettingsError(
                f"method {name!r} of {METHODS.origin(name)}: {end}; mend it, or leave it out with '!{name}'"
            )
        spec = describe(name, settings)
        if spec.threads:
            log(f"warning: {threads_in_words(name, spec.threads)}")
        yield spec


def _planned(settings: Settings, loaded: Sources, specs: tuple[MethodSpec, ...], log: Log) -> DataPlan:
    """The plan of the data, of flow images as they are, of frames after a look at every clip."""
    for database in loaded.clips:
        if isinstance(database, FlowDatabase):
            log(f"flow images: {database.form}, {KNOWN.get(database.sha256, 'no set that is known')}")
            return plan_flow_images(database, classes=loaded.task.classes)
    return plan_data(
        loaded.clips,
        place_of(settings, log),
        landmarks=loaded.landmarks,
        wanted=[(tim, size) for tim in settings.tim for size in sorted({spec.frame_size for spec in specs})],
        classes=loaded.task.classes,
        registration=settings.registration,
    )


def assemble(settings: Settings, log: Log, *, learn: bool = False) -> Assembled:
    """Load the databases, find faces, resolve the methods' settings; says how much was set aside.

    Parameters
    ----------
    settings, log
        What is asked for; takes one line for the user.
    learn
        The clips are learnt from, so they must be of more than one class; preparing needs no second one.

    Raises
    ------
    TaskError
        Where a database cannot serve the task, or all clips to learn from are of one class.
    """
    specs = told_apart(list(_described(settings, log)))
    loaded = sources(settings, log, stills=any(spec.stills for spec in specs))
    if learn:
        require_told_apart(loaded.task, loaded.clips)
    plan = _planned(settings, loaded, specs, log)
    if settings.left_out:
        log(f"left out, because they need frames: {', '.join(settings.left_out)}")
    people = len({clip.subject for clip in plan.clips})
    log(f"clips: {len(plan.clips)} of {people} subjects; set aside: {len(plan.set_aside)}")
    for line in counts_in_words(loaded.task, plan.clips):
        log(line)
    for database in loaded.clips:
        if database.warnings:
            told = "1 remark" if len(database.warnings) == 1 else f"{len(database.warnings)} remarks"
            log(f"{database.name}: {told} on its table, which check lists: {database.warnings[0]}")
    photographs = [still.as_clip() for database in loaded.stills for still in database.stills]
    # pictures have no files of frames to compare; their loader compares the pictures themselves
    filmed = () if isinstance(plan, FlowPlan) else plan.clips
    doubts = (*suspicions(filmed), *suspicions(photographs))
    give_back_freed_memory()
    for line in doubts:
        log(f"warning: {line}")
    return Assembled(settings, loaded, plan, specs, doubts)
