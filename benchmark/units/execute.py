"""Run one unit: open the prepared clips, fit on the training clips, predict the test clips, keep a record."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from basis.processor import arithmetic, capability, model
from benchmark.engines.memory import peak_memory_mb
from benchmark.protocols import PROTOCOLS, Fold
from benchmark.units.running import say_stage
from benchmark.units.sealed import Seal, sealed
from benchmark.units.unit import Job, Unit, seed_of
from data_prep.cache import believe
from data_prep.clips import Clips, Stills
from data_prep.opened import open_prepared, open_prepared_stills
from methods import load_method, make_settings
from methods.base import Context, Method, MethodError, Prediction, in_any_order
from results.records.store import Record, write_record


class UnitError(RuntimeError):
    """A unit that cannot be run, or a method that breaks its contract."""


def run_unit(payload: Mapping[str, Any]) -> None:
    """Entry point of a worker process: everything it needs is named in the payload, its record is a file.

    Parameters
    ----------
    payload
        A `Job` as JSON; the engine adds "device" and "threads".
    """
    job, began = Job.of(payload), time.perf_counter()
    unit = job.unit
    for each in (job.clips, *job.stills.values()):
        believe(each.verified)
    opened = partial(open_prepared, Path(job.clips.folder), expected=job.clips.digest, trust=job.trust)
    scratch = Path(job.run) / "scratch" / unit.key
    context = Context(
        device=payload["device"],
        deterministic=job.deterministic,
        threads=payload["threads"],
        cache=Path(job.cache),
        scratch=scratch,
        stills=_stills_opener(job),
        grouped=PROTOCOLS[unit.protocol].grouped,
        log=lambda line: print(
            f"{unit.method} tim {unit.tim} {unit.protocol} {unit.fold}: {line}", flush=True
        ),
        stage=partial(say_stage, Path(job.run), unit.key),
    )
    photographs = (Path(stills.folder) for stills in job.stills.values())
    seal = Seal(Path(job.cache), Path(job.run), (scratch, *photographs))
    record = execute(unit, opened, context, profile=job.profile, stamp=job.stamp, began=began, seal=seal)
    write_record(Path(job.run) / "units", record)
    _remove(scratch)


def execute(
    unit: Unit,
    opened: Callable[[], Clips],
    context: Context,
    *,
    profile: str,
    stamp: Mapping[str, Any],
    began: float,
    seal: Seal | None = None,
) -> Record:
    """Fit and predict one unit on all prepared clips of a run and return its record.

    The method is given the training clips, then the test clips without labels. Clips that it cannot
    handle are left out of both and named in the record. When none of the test clips is left, there is
    nothing to predict: the method is not fitted and the record, finished all the same, holds no clip.

    Parameters
    ----------
    unit, context
        What is computed, and with what.
    opened
        Opens all clips. It is asked again for what a method must not know, so that no other label is in the
        process while a method's code runs.
    profile, stamp, began
        For the record; seconds count from `began`.
    seal
        Files that are closed while a method's code runs.
    """
    method, everything = build(unit, context), partial(_of_unit, unit, opened)
    done = _computed(unit, method, everything, seal, began)
    return _record(unit, method, everything(), done, profile=profile, stamp={**stamp, **made_with(context)})


def _record(
    unit: Unit, method: Method, known: Clips, done: _Computed, *, profile: str, stamp: Mapping[str, Any]
) -> Record:
    """What is kept; `known` are all clips with their labels."""
    told, prediction = known.select(done.positions), done.prediction
    return Record(
        key=unit.key,
        unit=unit.as_json(),
        profile=profile,
        status="done",
        classes=known.classes,
        names=told.names,
        subjects=told.subjects,
        databases=told.databases,
        truth=tuple(told.labels.tolist()),
        n_train=done.n_train,
        candidates=prediction.candidates,
        scores=np.asarray(prediction.scores, np.float32),
        chosen=prediction.chosen,
        step_decisions=prediction.step_decisions,
        curves={
            name: {"steps": list(curve.steps), "values": list(curve.values)}
            for name, curve in method.curves.items()
        },
        seconds=done.seconds,
        peak_memory_mb=round(peak_memory_mb(), 1),
        n_parameters=method.n_parameters,
        set_aside=tuple(
            {"clip": known.names[i], "reason": reason} for i, reason in sorted(done.unusable.items())
        ),
        notes=tuple(method.notes),
        stamp=stamp,
    )


@dataclass(frozen=True)
class _Computed:
    """What the method's code gave; positions are those of the test clips among all clips."""

    prediction: Prediction
    positions: list[int]
    n_train: int
    unusable: Mapping[int, str]
    seconds: dict[str, float]


def _computed(
    unit: Unit, method: Method, everything: Callable[[], Clips], seal: Seal | None, began: float
) -> _Computed:
    """All that runs the method's code. No frame of the stack, nor any other object, holds other labels."""
    hidden = everything().without_labels()
    with sealed(seal):
        unusable = build(unit, method.context).unusable(hidden)  # what it keeps of test clips goes with it
    del hidden
    train, test, positions = _usable(unit, everything, unusable)
    ready = time.perf_counter()
    with sealed(seal):
        method.context.stage("fit")
        if len(test):
            method.fit(train, seed=seed_of(unit))
        fitted = time.perf_counter()
        method.context.stage("predict")
        prediction = in_any_order(method, test, seed=seed_of(unit)) if len(test) else _nothing(test)
    prediction = checked(prediction, test, unit.method)
    seconds = _seconds(method, ready - began, fitted - ready, time.perf_counter() - fitted)
    return _Computed(prediction, positions, len(train), unusable, seconds)


def made_with(context: Context) -> dict[str, Any]:
    """What the process that computes a unit runs on, which need not be the machine that planned it."""
    return {
        "arithmetic": arithmetic(context.device),
        "computed on": {"processor": model(), "capability": capability(), "threads": context.threads},
    }


def build(unit: Unit, context: Context) -> Method:
    """The unit's method with the unit's settings.

    Raises
    ------
    UnitError
        Where the method is at another revision than the plan.
    """
    cls = load_method(unit.method)
    if cls.revision != unit.revision:
        raise UnitError(
            f"{unit.method} is at revision {cls.revision} here, the plan was made with {unit.revision}: "
            "this worker runs other code than the run was planned with"
        )
    return cls(make_settings(cls, unit.settings), context)


def _of_unit(unit: Unit, opened: Callable[[], Clips]) -> Clips:
    """All clips as the unit has them: its control's labels, its method's revision."""
    return under_control(opened(), unit.control, unit.seed).at_revision(unit.revision)


def under_control(clips: Clips, control: str, seed: int) -> Clips:
    """The clips as they are, or with the labels of all clips permuted among them."""
    if control != "shuffled-labels":
        return clips
    shuffled = np.random.default_rng([seed, 0x5AFE]).permutation(clips.labels)
    return clips.with_labels(shuffled)


def checked(prediction: Prediction, test: Clips, method: str) -> Prediction:
    """The prediction if it fits the test clips; UnitError tells a method's author what does not."""
    wanted = (len(prediction.candidates), len(test), len(test.classes))
    if prediction.scores.shape != wanted:
        raise UnitError(f"{method}: scores have shape {prediction.scores.shape}, they must have {wanted}")
    return prediction


def _nothing(test: Clips) -> Prediction:
    """The prediction for a fold without a clip."""
    return Prediction(({},), np.zeros((1, 0, len(test.classes)), np.float32), chosen=0)


def _usable(
    unit: Unit, everything: Callable[[], Clips], unusable: Mapping[int, str]
) -> tuple[Clips, Clips, list[int]]:
    """Training clips and test clips without labels that a method can handle, and positions of the latter."""
    clips = everything()
    fold = _fold(unit, clips)
    train = [i for i in fold.train if i not in unusable]
    test = [i for i in fold.test if i not in unusable]
    if not train:
        reason = next(iter(unusable.values()), "the fold is empty")
        raise UnitError(
            f"{unit.method} can use none of the {len(fold.train)} training clips of {unit.fold}; "
            f"first reason: {reason}"
        )
    return clips.select(train), clips.select(test).without_labels(), test


def _fold(unit: Unit, clips: Clips) -> Fold:
    split = PROTOCOLS[unit.protocol].split
    for fold in split(clips.labels.tolist(), clips.subjects, clips.databases, seed=unit.seed):
        if fold.name == unit.fold:
            return fold
    raise UnitError(f"protocol {unit.protocol!r} has no fold {unit.fold!r} on these clips")


def _seconds(method: Method, prepare: float, fit: float, predict: float) -> dict[str, float]:
    """Seconds by stage; what a method counted as computing features is taken out of its fit."""
    features = method.seconds.get("features", 0.0)
    parts = {
        **method.seconds,
        "prepare": prepare,
        "features": features,
        "fit": max(fit - features, 0.0),
        "predict": predict,
    }
    return {name: round(value, 4) for name, value in parts.items()}


def _stills_opener(job: Job) -> Callable[[tuple[int, int]], Stills] | None:
    if not job.stills:
        return None

    def opener(size: tuple[int, int]) -> Stills:
        name = f"{size[0]}x{size[1]}"
        if name not in job.stills:
            raise MethodError(f"expression photographs were prepared at {sorted(job.stills)}, not at {name}")
        stills = job.stills[name]
        return open_prepared_stills(Path(stills.folder), expected=stills.digest, trust=job.trust)

    return opener


def _remove(folder: Path) -> None:
    """A finished unit's checkpoints are of no more use."""
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
