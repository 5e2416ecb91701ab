"""Stages shared by several methods: the CNN trained on photographs (E) and on single frames (M).

A stage is made once, under a file lock, in the cache, and is named by everything it depends on. Only
training clips are ever given to it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from basis.canonical import digest_of
from data_prep.clips import EXPRESSIONS, Clips, Int64, Stills, prepared_set
from methods.base import Context, Curve, FrameSettings, Method, MethodError
from methods.cached import replacing
from methods.nets.cnn import FrameCNN
from methods.training.checkpoints import BadCheckpoint, Weights, read_tensors, write_tensors
from methods.training.devices import execution
from methods.training.loop import Log, derived_seed, train
from methods.training.schedule import Plan, Round
from methods.training.scoring import View
from methods.training.windows import Statistics, statistics_from, training_footage

REVISION = 3
E_VALIDATION_SHARE = 0.2
E_SEED = 20180331
STAGE_TITLES: Mapping[str, str] = {
    "stage E": "Pre-training on expression photographs",
    "stage M": "Fine-tuning on single frames",
}
"""How the names of a stage's curves begin, and the heading of their figure."""


@dataclass(frozen=True)
class StageSettings(FrameSettings):
    """Settings of the CNN and of the stages E and M; the defaults are the paper's.

    frame_size: (height, width) of the frames; crop: side of the square the net sees; width: factor on
    kernels and units; mirror: mirror half of the training windows. micro_batch: frames that go through
    the net at once. inner_share: of the training clips, kept apart to choose among candidates.
    evaluations: per round. Each stage has a batch, and per round a learning rate and a number of
    iterations; the rate falls to a tenth every `drop_every` iterations (0: never). e_settled: E ends
    when its accuracy changed by no more than this over three evaluations above chance. scheduled_for: the
    training clips that the schedule is meant for, see `Plan.stretched` (not E's, which sees no clips).

    Notes
    -----
    The paper gives the threshold of E no value and E no schedule: it has M's first round here.
    """

    frame_size: tuple[int, int] = (240, 320)
    crop: int = 227
    width: float = 1.0
    mirror: bool = True
    momentum: float = 0.9
    weight_decay: float = 5e-4
    micro_batch: int = 256
    inner_share: float = 0.125
    evaluations: int = 20
    scheduled_for: int = 0
    e_batch: int = 224
    e_rate: float = 0.001
    e_iterations: int = 10_000
    e_drop_every: int = 2_560
    e_settled: float = 0.001
    m_batch: int = 224
    m_rates: tuple[float, ...] = (0.001, 0.0005)
    m_iterations: tuple[int, ...] = (10_000, 10_000)
    m_drop_every: int = 2_560


@dataclass(frozen=True, eq=False)
class Stage:
    """A trained CNN: weights by name, statistics of the frames it was trained on, how training went.

    digest names everything it depends on.
    """

    digest: str
    weights: Weights
    statistics: Statistics
    curves: dict[str, Curve]
    seconds: float
    notes: tuple[str, ...]


def stage_e(settings: StageSettings, context: Context) -> Stage:
    """The CNN trained on expression photographs, nine classes; 4/5 of the subjects train, 1/5 validate.

    The same for every fold and seed. MethodError if there are no photographs.

    Notes
    -----
    The paper splits the photographs 4 to 1 without saying by what; here no subject is on both sides.
    """
    if context.stills is None:
        raise MethodError(
            "this method starts from expression photographs and none are given: pass --expressions "
            "kdef=DIR (or rafd, tfeid, mmi), or choose tlcnn-e, which does without"
        )
    stills = context.stills((settings.frame_size[0], settings.frame_size[1]))
    depends = {**_settings_of(settings, "e_"), "stage": "E", "data": stills.digest, **_place(context)}
    folder = stills.folder or context.cache

    def make(scratch: Path | None) -> Stage:
        split = inner_split(
            stills.labels, stills.subjects, share=E_VALIDATION_SHARE, grouped=True, seed=E_SEED
        )
        plan = _plan(
            settings,
            rounds=(Round(settings.e_rate, settings.e_iterations, settings.e_drop_every),),
            batch=settings.e_batch,
            settled=settings.e_settled,
        )
        net = new_cnn(settings, len(EXPRESSIONS), seed=E_SEED)
        return _train_stage(net, stills, split, plan, context, E_SEED, scratch, digest_of(depends))

    return made_once(folder, "E", depends, make, context)


def stage_m(
    clips: Clips, settings: StageSettings, context: Context, *, seed: int, start: Stage | None
) -> Stage:
    """The CNN trained on single frames of these (training) clips, from the weights of E if it is given."""
    depends = {
        **_settings_of(settings, "m_"),
        "stage": "M",
        "data": clips.digest,
        "clips": list(clips.names),
        "labels": clips.labels.tolist(),
        "classes": list(clips.classes),
        "seed": seed,
        "grouped": context.grouped,
        "start": None if start is None else start.digest,
        **_place(context),
    }

    def make(scratch: Path | None) -> Stage:
        net = new_cnn(settings, len(clips.classes), seed=seed)
        if start is not None:
            lower = {name: tensor for name, tensor in start.weights.items() if not name.startswith("fc8")}
            net.load_state_dict({**net.state_dict(), **lower})
        split = validation_split(clips, settings, context, seed=seed)
        plan = _plan(settings, rounds=rounds(settings, "m"), batch=settings.m_batch)
        plan = plan.stretched(len(clips), settings.scheduled_for)
        return _train_stage(net, clips, split, plan, context, seed, scratch, digest_of(depends))

    return made_once(prepared_set(clips).folder, "M", depends, make, context)


def report(method: Method, name: str, stage: Stage) -> None:
    """Hand a stage's curves, seconds and notes to the method that starts from it.

    The seconds are those of the process that made the stage, which need not be this one.
    """
    method.seconds[f"stage {name}, once"] = stage.seconds
    method.curves.update({f"stage {name} {what}": curve for what, curve in stage.curves.items()})
    method.notes += [f"stage {name}: {note}" for note in stage.notes]


def rounds(settings: Any, stage: str, *, only_later: tuple[str, ...] = ()) -> tuple[Round, ...]:
    """The rounds of a stage's settings `<stage>_rates`, `_iterations` and `_drop_every`.

    only_later: beginnings of the names of the parameters that learn in all rounds but the first.
    """
    rates, iterations = getattr(settings, f"{stage}_rates"), getattr(settings, f"{stage}_iterations")
    if len(rates) != len(iterations) or not rates:
        raise MethodError(
            f"{stage}_rates has {len(rates)} values and {stage}_iterations {len(iterations)}; "
            "give both one value per round"
        )
    drop = getattr(settings, f"{stage}_drop_every")
    return tuple(
        Round(rate, n, drop, only_later if i else ())
        for i, (rate, n) in enumerate(zip(rates, iterations, strict=True))
    )


def new_cnn(settings: StageSettings, n_classes: int, *, seed: int) -> FrameCNN:
    """A CNN with initial weights drawn from the seed."""
    generator = torch.Generator().manual_seed(derived_seed(seed, "weights"))
    return FrameCNN(n_classes, crop=settings.crop, width=settings.width, generator=generator)


def validation_split(
    clips: Clips, settings: StageSettings, context: Context, *, seed: int
) -> tuple[list[int], list[int]]:
    """Positions that train and that choose among candidates: the same in all stages of one method."""
    return inner_split(
        clips.labels, clips.subjects, share=settings.inner_share, grouped=context.grouped, seed=seed
    )


def inner_split(
    labels: Sequence[int] | Int64, subjects: Sequence[str], *, share: float, grouped: bool, seed: int
) -> tuple[list[int], list[int]]:
    """Positions (training, validation); about `share` of them validate, by whole subjects if grouped.

    Not grouped: stratified over the classes. Nothing validates where the clips are of one subject
    (grouped) or fewer than two.
    """
    random = np.random.default_rng([seed, 0x1A7E])
    n = len(labels)
    wanted = max(1, round(share * n))
    if grouped:
        people = sorted(set(subjects))
        chosen: set[str] = set()
        for i in random.permutation(len(people))[:-1]:
            if sum(subject in chosen for subject in subjects) >= wanted:
                break
            chosen.add(people[i])
        validating = {i for i, subject in enumerate(subjects) if subject in chosen}
    else:
        shuffled = random.permutation(n)
        by_class = shuffled[np.argsort(np.asarray(labels)[shuffled], kind="stable")]
        places = (np.arange(wanted) + random.random()) * n / wanted
        validating = set(by_class[places.astype(int)].tolist()) if n > 1 else set()
    return [i for i in range(n) if i not in validating], sorted(validating)


def made_once(
    folder: Path | None,
    name: str,
    depends: Mapping[str, Any],
    make: Callable[[Path | None], Stage],
    context: Context,
) -> Stage:
    """The stage of these dependencies from `folder / "stages"`, or `make(scratch)` and keep it there.

    One process makes it, others wait for it. scratch is where its checkpoints go, so that any process
    can go on after the one that made it was killed. A file that is damaged is made again. Without a
    folder the stage is made on the spot.
    """
    digest = digest_of(depends)
    if folder is None:
        return make(None if context.scratch is None else context.scratch / f"stage-{name}")
    place = folder / "stages"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}-{digest[:20]}"
    with _locked(path.with_suffix(".lock"), name, context.log):
        found = _read(path, digest, context.log)
        if found is None:
            found = make(path.with_suffix(".partial"))
            _write(path, found)
            shutil.rmtree(path.with_suffix(".partial"), ignore_errors=True)
    return found


def _train_stage(
    net: FrameCNN,
    data: Clips | Stills,
    split: tuple[list[int], list[int]],
    plan: Plan,
    context: Context,
    seed: int,
    scratch: Path | None,
    digest: str,
) -> Stage:
    means = execution(context)
    footage = training_footage(data, split[0], means.device)
    trained = train(net, footage, *split, plan, means, seed=seed, folder=scratch, log=context.log)
    return Stage(digest, trained.weights, footage.statistics, trained.curves, trained.seconds, trained.notes)


def _plan(
    settings: StageSettings, *, rounds: tuple[Round, ...], batch: int, settled: float | None = None
) -> Plan:
    return Plan(
        rounds=rounds,
        batch=batch,
        view=View(length=1, stride=1, crop=settings.crop),
        mirror=settings.mirror,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        micro_batch=settings.micro_batch,
        evaluations=settings.evaluations,
        settled=settled,
    )


def _settings_of(settings: StageSettings, stage: str) -> dict[str, Any]:
    """What a stage depends on: the settings of the CNN and those that begin with the stage's letter."""
    other = {"e_": ("m_", "scheduled_for"), "m_": ("e_",)}[stage]
    names = [field.name for field in fields(StageSettings) if not field.name.startswith(other)]
    return {name: getattr(settings, name) for name in names}


def _place(context: Context) -> dict[str, Any]:
    """What decides the last bits of the weights besides data and settings."""
    device = torch.device(context.device).type
    return {"device": device, "deterministic": context.deterministic, "revision": REVISION}


@contextmanager
def _locked(path: Path, name: str, log: Log) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log(f"waiting for another process that makes stage {name} ({path})")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _read(path: Path, digest: str, log: Log) -> Stage | None:
    manifest = path.with_suffix(".json")
    if not manifest.exists():
        return None
    try:
        stated = json.loads(manifest.read_text(encoding="utf-8"))
        weights, facts = read_tensors(path.with_suffix(".safetensors"), sha256=stated["sha256"])
        if stated["digest"] != digest:
            raise BadCheckpoint(f"{manifest}: it belongs to another stage")
    except (BadCheckpoint, ValueError, KeyError, TypeError) as error:
        log(f"a stage in the cache cannot be used and is made again: {error}")
        return None
    return Stage(
        digest,
        weights,
        statistics_from(facts["statistics"]),
        {name: Curve(tuple(steps), tuple(values)) for name, (steps, values) in facts["curves"].items()},
        facts["seconds"],
        tuple(facts["notes"]),
    )


def _write(path: Path, stage: Stage) -> None:
    """Weights and facts first, then the manifest with their sha256, each at once."""
    facts = {
        "statistics": stage.statistics,
        "curves": {name: (curve.steps, curve.values) for name, curve in stage.curves.items()},
        "seconds": stage.seconds,
        "notes": stage.notes,
    }
    sha256 = write_tensors(path.with_suffix(".safetensors"), stage.weights, facts)
    with replacing(path.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps({"digest": stage.digest, "sha256": sha256}), encoding="utf-8")
