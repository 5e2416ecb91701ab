"""Stages shared by several methods: the CNN trained on photographs (E) and on single frames (M).

A stage is made once, under a file lock, in the cache, and is named by everything it depends on. Only
training clips are ever given to it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch

from basis.canonical import digest_of
from basis.files import write_json
from basis.locks import held
from data_prep.clips import EXPRESSIONS, Clips, Stills, prepared_set
from methods.base import Context, Curve, Method, MethodError
from methods.folds import held_out, kept_apart
from methods.nets.cnn import FrameCNN
from methods.training.checkpoints import BadCheckpoint, Weights, read_tensors, write_tensors
from methods.training.devices import execution_for
from methods.training.job import Desk, Log
from methods.training.loop import Trained, derived_seed, train
from methods.training.schedule import Schedule
from methods.training.settings import StageSettings
from methods.training.windows import Statistics, statistics_from, training_footage

REVISION = 4
"""Of the stages and of every method that starts from one: raised when the numbers of one of them change."""

E_VALIDATION_SHARE = 0.2
E_SEED = 20180331
OF_DECISIONS = frozenset({"averaged", "crops"})
"""Settings that say how clips are decided: no stage depends on them."""

OF_CLIPS = frozenset({"inner_share", "scheduled_for", "input", "difference_scale"})
"""Settings of what is trained on clips: stage E does not depend on them."""

OF_E = frozenset({"e_batch", "e_rate", "e_iterations", "e_drop_every", "e_settled"})
OF_M = frozenset({"m_batch", "m_rates", "m_iterations", "m_drop_every"})
"""Settings of one stage alone."""

TLCNN_PAPER = (
    "Wang, Li, Liu, Yan, Ou, Huang, Xu & Fu, Micro-expression recognition with small sample size by "
    "transferring long-term convolutional neural network, Neurocomputing 312 (2018) 251-262, "
    "https://doi.org/10.1016/j.neucom.2018.05.107"
)
STAGE_TITLES: Mapping[str, str] = {
    "stage E": "Pre-training on expression photographs",
    "stage M": "Fine-tuning on single frames",
}
"""How the names of a stage's curves begin, and the heading of their figure."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A trained CNN: weights by name, statistics of the frames it was trained on, how training went.

    Attributes
    ----------
    digest
        Names everything it depends on.
    """

    digest: str
    weights: Weights
    statistics: Statistics
    curves: dict[str, Curve]
    seconds: float
    notes: tuple[str, ...]

    @classmethod
    def of(cls, digest: str, trained: Trained, statistics: Statistics) -> Stage:
        """The stage that a training ended with."""
        return cls(digest, trained.weights, statistics, trained.curves, trained.seconds, trained.notes)


Made = tuple[Trained, Statistics]
"""A training, and the statistics of the frames that it saw."""


def stage_e(settings: StageSettings, context: Context) -> Stage:
    """The CNN trained on expression photographs, nine classes; 4/5 of the subjects train, 1/5 validate.

    The same for every fold and seed.

    Raises
    ------
    MethodError
        If there are no photographs.

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
    depends = {
        **_depends_on(settings, without=OF_M | OF_CLIPS | OF_DECISIONS),
        "stage": "E",
        "data": stills.digest,
        **_place(context),
    }
    folder = stills.folder or context.cache

    def make(scratch: Path | None) -> Made:
        split = held_out(stills.labels, stills.subjects, share=E_VALIDATION_SHARE, grouped=True, seed=E_SEED)
        schedule = settings.schedule_e()
        net = new_cnn(settings, len(EXPRESSIONS), seed=E_SEED)
        return _train_stage(net, stills, split, schedule, context.within("stage E"), E_SEED, scratch)

    return made_once(folder, "E", depends, make, context)


def stage_m(
    clips: Clips, settings: StageSettings, context: Context, *, seed: int, start: Stage | None
) -> Stage:
    """The CNN trained on single frames of these (training) clips, from the weights of E if it is given."""
    depends = {
        **_depends_on(settings, without=OF_E | OF_DECISIONS),
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

    def make(scratch: Path | None) -> Made:
        net = new_cnn(settings, len(clips.classes), seed=seed)
        if start is not None:
            lower = {name: tensor for name, tensor in start.weights.items() if not name.startswith("fc8")}
            net.load_state_dict({**net.state_dict(), **lower})
        split = kept_apart(clips, share=settings.inner_share, grouped=context.grouped, seed=seed)
        schedule = settings.schedule_m().stretched(len(clips), settings.scheduled_for)
        return _train_stage(net, clips, split, schedule, context.within("stage M"), seed, scratch)

    return made_once(prepared_set(clips).folder, "M", depends, make, context)


def report(method: Method, name: str, stage: Stage) -> None:
    """Hand a stage's curves, seconds and notes to the method that starts from it.

    The seconds are those of the process that made the stage, which need not be this one.
    """
    method.seconds[f"stage {name}, once"] = stage.seconds
    method.curves.update({f"stage {name} {what}": curve for what, curve in stage.curves.items()})
    method.notes += [f"stage {name}: {note}" for note in stage.notes]


def new_cnn(settings: StageSettings, n_classes: int, *, seed: int | None) -> FrameCNN:
    """A CNN with initial weights drawn from the seed; None: to be loaded."""
    generator = None if seed is None else torch.Generator().manual_seed(derived_seed(seed, "weights"))
    return FrameCNN(
        n_classes,
        crop=settings.crop,
        width=settings.width,
        groups=settings.groups,
        generator=generator,
    )


def made_once(
    folder: Path | None,
    name: str,
    depends: Mapping[str, Any],
    make: Callable[[Path | None], Made],
    context: Context,
) -> Stage:
    """The stage of these dependencies from `folder / "stages"`, or `make(scratch)` and keep it there.

    One process makes it, others wait for it. scratch is where its checkpoints go, so that any process
    can go on after the one that made it was killed. A file that is damaged is made again. Without a
    folder the stage is made on the spot.
    """
    digest = digest_of(depends)
    if folder is None:
        scratch = None if context.scratch is None else context.scratch / f"stage-{name}"
        return Stage.of(digest, *make(scratch))
    place = folder / "stages"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}-{digest[:20]}"
    with held(path.with_suffix(".lock"), partial(_waits, path, name, context)):
        found = _read(path, digest, context.log)
        if found is None:
            found = Stage.of(digest, *make(path.with_suffix(".partial")))
            _write(path, found)
            shutil.rmtree(path.with_suffix(".partial"), ignore_errors=True)
    return found


def _train_stage(
    net: FrameCNN,
    data: Clips | Stills,
    split: tuple[list[int], list[int]],
    schedule: Schedule,
    context: Context,
    seed: int,
    scratch: Path | None,
) -> Made:
    execution = execution_for(context)
    footage = training_footage(data, split[0], execution.device)
    desk = Desk(scratch, context.log, context.stage)
    trained = train(net, footage, split, schedule, execution, seed=seed, desk=desk)
    return trained, footage.statistics


def _depends_on(settings: StageSettings, *, without: frozenset[str]) -> dict[str, Any]:
    """The settings that a stage depends on: all that stages have but those named."""
    values = asdict(settings)
    return {field.name: values[field.name] for field in fields(StageSettings) if field.name not in without}


def _place(context: Context) -> dict[str, Any]:
    """What decides the last bits of the weights besides data and settings."""
    device = torch.device(context.device).type
    return {"device": device, "deterministic": context.deterministic, "revision": REVISION}


def _waits(path: Path, name: str, context: Context) -> None:
    context.stage(f"waits for stage {name}")
    context.log(f"waiting for another process that makes stage {name} ({path.with_suffix('.lock')})")


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
    write_json(path.with_suffix(".json"), {"digest": stage.digest, "sha256": sha256})
