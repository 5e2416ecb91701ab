"""Writing clips, photographs and tables: atomic, resumable, the same bytes from any number of workers."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from data_prep.simulator.casting import ClipPlan, plan_clips
from data_prep.simulator.faces import draw_looks
from data_prep.simulator.layouts import PLACES, annotation_tables
from data_prep.simulator.render import draw_neutral, movement_of, render
from data_prep.simulator.settings import SimulatorSettings
from data_prep.simulator.shape import KEPT_66
from data_prep.simulator.stills import StillPlan, draw_still, plan_kdef, plan_rafd
from data_prep.simulator.truth import (
    LANDMARKS_FILE,
    TRUTH_FILE,
    Truth,
    landmarks_json,
    landmarks_over_time,
    truth_json,
)

MANIFEST = "simulator.json"
STARTED = "simulator.partial.json"


class SimulatorError(RuntimeError):
    """A folder that cannot be simulated into; the message says why and what to do."""


@dataclass(frozen=True)
class SimulatedData:
    """Roots of what was written: clip databases and photograph databases by the names of their loaders."""

    clip_roots: dict[str, Path]
    still_roots: dict[str, Path]


def simulate(
    folder: Path,
    settings: SimulatorSettings | None = None,
    *,
    workers: int = 1,
    log: Callable[[str], None] | None = None,
) -> SimulatedData:
    """Write all databases of a simulation below `folder`; a finished folder is reused, a cut one continued.

    Raises SimulatorError if the folder holds a simulation with other settings, and ValueError for
    workers < 1.
    """
    settings = settings or SimulatorSettings()
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    data = SimulatedData(
        clip_roots={name: folder / name for name in settings.preset.casts},
        still_roots={name: folder / name for name in ("kdef", "rafd")},
    )
    if _finished(folder, settings):
        return data
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / STARTED, _manifest(settings))
    _remove_leftovers(folder)
    jobs = _jobs(folder, settings)
    with ThreadPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(lambda job: job(), jobs), start=1):
            if log is not None:
                log(f"simulated {done} of {len(jobs)} people")
    for database, cast in settings.preset.casts.items():
        tables = annotation_tables(database, plan_clips(database, cast, settings), settings.seed)
        for name, content in tables.items():
            _write(folder / database / name, content)
    _write(folder / MANIFEST, _manifest(settings))
    (folder / STARTED).unlink()
    return data


def _manifest(settings: SimulatorSettings) -> bytes:
    return (json.dumps({"settings": settings.knobs(), "digest": settings.digest}, indent=1) + "\n").encode()


def _finished(folder: Path, settings: SimulatorSettings) -> bool:
    """Whether the folder holds this simulation complete; SimulatorError if it holds another one."""
    for name in (MANIFEST, STARTED):
        path = folder / name
        if not path.exists():
            continue
        try:
            held = json.loads(path.read_text(encoding="utf-8"))["digest"]
        except (ValueError, KeyError, TypeError) as error:
            raise SimulatorError(
                f"{path} is damaged ({error!r}): delete {folder} and simulate again"
            ) from error
        if held != settings.digest:
            raise SimulatorError(
                f"{folder} holds a simulation with other settings ({path}): choose another folder or delete it"
            )
        return name == MANIFEST
    return False


def _remove_leftovers(folder: Path) -> None:
    for path in folder.rglob(".partial-*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _jobs(folder: Path, settings: SimulatorSettings) -> list[Callable[[], None]]:
    """One job per person: its face is drawn once for all of its clips."""
    jobs: list[Callable[[], None]] = []
    for database, cast in settings.preset.casts.items():
        plans = plan_clips(database, cast, settings)
        for _, group in groupby(plans, key=lambda plan: plan.subject):
            jobs.append(_clip_job(folder / database, tuple(group), cast.frame, settings))
    stills = (*plan_kdef(*settings.preset.kdef), *plan_rafd(*settings.preset.rafd))
    for _, photos in groupby(stills, key=lambda plan: plan.person):
        jobs.append(_still_job(folder, tuple(photos), settings))
    return jobs


def _clip_job(
    root: Path, plans: Sequence[ClipPlan], frame: tuple[int, int], settings: SimulatorSettings
) -> Callable[[], None]:
    def run() -> None:
        missing = [p for p in plans if not (root / PLACES[p.database](p, settings.seed).folder).exists()]
        if not missing:
            return
        looks = draw_looks(settings.seed, plans[0].subject)
        neutral = draw_neutral(looks, frame, settings.preset.face_width)
        for plan in missing:
            place = PLACES[plan.database](plan, settings.seed)
            movement = movement_of(plan, neutral, settings)
            target = root / place.folder
            scratch = target.parent / f".partial-{uuid.uuid4().hex}"
            scratch.mkdir(parents=True)
            for name, picture in zip(place.files, render(plan, neutral, movement, settings), strict=True):
                (scratch / name).write_bytes(encode(picture, name, settings.jpeg))
            landmarks = neutral.landmarks[KEPT_66]
            (scratch / LANDMARKS_FILE).write_text(landmarks_json(landmarks, place.files[0]), encoding="utf-8")
            truth = Truth(
                place.files,
                plan.emotion,
                plan.combination,
                plan.apex,
                plan.fps,
                frame,
                movement,
                landmarks_over_time(movement, neutral.landmarks),
            )
            (scratch / TRUTH_FILE).write_text(truth_json(truth), encoding="utf-8")
            scratch.replace(target)

    return run


def _still_job(folder: Path, plans: Sequence[StillPlan], settings: SimulatorSettings) -> Callable[[], None]:
    def run() -> None:
        for plan in plans:
            path = folder / plan.database / plan.path
            if path.exists():
                continue
            picture, landmarks = draw_still(plan, settings)
            sidecar = path.with_name(f"{path.stem}.{LANDMARKS_FILE}")
            _write(sidecar, landmarks_json(landmarks[KEPT_66], path.name).encode())
            _write(path, encode(picture, path.name, settings.jpeg))

    return run


def encode(picture: npt.NDArray[np.uint8], name: str, quality: int) -> bytes:
    """An (H, W, 3) RGB picture as the bytes of a file with this name's extension."""
    extension = Path(name).suffix.lower()
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if extension == ".jpg" else []
    done, data = cv2.imencode(extension, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise SimulatorError(f"OpenCV cannot write {extension} files")
    return bytes(data.tobytes())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".partial-{uuid.uuid4().hex}")
    scratch.write_bytes(content)
    os.replace(scratch, path)


def tree_digest(folder: Path) -> str:
    """sha256 over the names and bytes of all files below a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.relative_to(folder).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
