"""Writing clips, photographs and tables: atomic, resumable, the same bytes from any number of workers."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from basis.errors import Mendable
from basis.files import atomically
from basis.locks import lock_of
from data_prep.side_by_side import side_by_side
from data_prep.simulator.casting import ClipPlan, plan_clips
from data_prep.simulator.layout_sheets import Place
from data_prep.simulator.layouts import PLACES, annotation_tables
from data_prep.simulator.looks import draw_looks
from data_prep.simulator.render import Neutral, draw_neutral, movement_of, render
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
PARTIAL = ".partial-"
LOCK = "simulator.lock"

Log = Callable[[str], None]


class SimulatorError(Mendable, RuntimeError):
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
    log: Log = lambda line: None,
) -> SimulatedData:
    """Write all databases of a simulation below `folder`; a finished folder is reused, a cut one continued.

    A finished folder in which a file is missing or has another size is mended, and the log says so.

    Raises
    ------
    SimulatorError
        If the folder holds a simulation with other settings.
    ValueError
        For workers < 1.
    """
    settings = settings or SimulatorSettings()
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    data = SimulatedData(
        clip_roots={name: folder / name for name in settings.preset.casts},
        still_roots={name: folder / name for name in ("kdef", "rafd")},
    )
    folder.mkdir(parents=True, exist_ok=True)
    with lock_of(folder / LOCK):
        damaged = [folder / name for name in _damaged(folder, settings)]
        if damaged:
            log(f"{len(damaged)} simulated files missing or damaged, written again; first {damaged[0]}")
            for path in damaged:
                _remove(path)
        if damaged or not (folder / MANIFEST).exists():
            _write_everything(folder, settings, workers, log)
    return data


def _write_everything(folder: Path, settings: SimulatorSettings, workers: int, log: Log) -> None:
    """Whatever is missing, the manifest last."""
    _write(folder / STARTED, _manifest(settings))
    _remove_leftovers(folder)
    side_by_side(lambda job: job(), _jobs(folder, settings), workers, log, "people simulated")
    for database, cast in settings.preset.casts.items():
        tables = annotation_tables(database, plan_clips(database, cast, settings), settings.seed)
        for name, content in tables.items():
            _write(folder / database / name, content)
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _written(folder)}
    _write(folder / MANIFEST, _manifest(settings, sizes))
    (folder / STARTED).unlink()


def _manifest(settings: SimulatorSettings, sizes: dict[str, int] | None = None) -> bytes:
    body = {"settings": settings.knobs(), "digest": settings.digest, "sizes": sizes or {}}
    return (json.dumps(body, indent=1, sort_keys=True) + "\n").encode()


def _written(folder: Path) -> Iterator[Path]:
    """Every file of the databases."""
    for database in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from sorted(path for path in database.rglob("*") if path.is_file())


def _damaged(folder: Path, settings: SimulatorSettings) -> list[str]:
    """Files that the manifest names and that are not as it says; SimulatorError for another simulation's."""
    sizes: dict[str, int] = {}
    for name in (STARTED, MANIFEST):
        path = folder / name
        if not path.exists():
            continue
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            held, sizes = body["digest"], dict(body.get("sizes", {}))
        except (ValueError, KeyError, TypeError) as error:
            raise SimulatorError(
                f"{path} is damaged ({error!r}): delete {folder} and simulate again"
            ) from error
        if held != settings.digest:
            raise SimulatorError(
                f"{folder} holds a simulation with other settings ({name}): name another folder or delete it"
            )
    return [name for name, size in sizes.items() if _size(folder / name) != size]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _remove(path: Path) -> None:
    """What is written in one go with this file: a clip's folder, or a photograph and its landmarks."""
    if (path.parent / TRUTH_FILE).exists() or path.name == TRUTH_FILE:
        shutil.rmtree(path.parent, ignore_errors=True)
    for other in path.parent.glob(f"{path.name.partition('.')[0]}.*"):
        other.unlink()


def _remove_leftovers(folder: Path) -> None:
    for path in folder.rglob(f"{PARTIAL}*"):
        shutil.rmtree(path)
    for path in folder.rglob(".*.tmp"):
        path.unlink()


def _jobs(folder: Path, settings: SimulatorSettings) -> list[Callable[[], None]]:
    """One job per person: its face is drawn once for all of its clips."""
    jobs: list[Callable[[], None]] = []
    for database, cast in settings.preset.casts.items():
        plans = plan_clips(database, cast, settings)
        for _, group in groupby(plans, key=lambda plan: plan.subject):
            jobs.append(partial(_write_clips, folder / database, tuple(group), settings))
    stills = (*plan_kdef(*settings.preset.kdef), *plan_rafd(*settings.preset.rafd))
    for _, photos in groupby(stills, key=lambda plan: (plan.person, plan.session)):
        jobs.append(partial(_write_stills, folder, tuple(photos), settings))
    return jobs


def _write_clips(root: Path, plans: Sequence[ClipPlan], settings: SimulatorSettings) -> None:
    """The clips of one person that are not there yet."""
    places = [(plan, PLACES[plan.database](plan, settings.seed)) for plan in plans]
    missing = [(plan, place) for plan, place in places if not _complete(root / place.folder, place)]
    if not missing:
        return
    looks = draw_looks(settings.seed, plans[0].subject)
    neutral = draw_neutral(looks, settings.preset.frame, settings.preset.face_width)
    for plan, place in missing:
        _write_clip(root / place.folder, plan, place, neutral, settings)


def _complete(folder: Path, place: Place) -> bool:
    return all((folder / name).is_file() for name in (*place.files, LANDMARKS_FILE, TRUTH_FILE))


def _write_clip(
    target: Path, plan: ClipPlan, place: Place, neutral: Neutral, settings: SimulatorSettings
) -> None:
    """Frames, landmarks and truth, under a temporary name until complete."""
    movement = movement_of(plan, neutral, settings)
    scratch = target.parent / f"{PARTIAL}{uuid.uuid4().hex}"
    scratch.mkdir(parents=True)
    for name, picture in zip(place.files, render(plan, neutral, movement, settings), strict=True):
        (scratch / name).write_bytes(encode(picture, name, settings.jpeg, grey=place.grey))
    sidecar = landmarks_json(neutral.landmarks[KEPT_66], place.files[0])
    (scratch / LANDMARKS_FILE).write_text(sidecar, encoding="utf-8")
    truth = Truth(
        files=place.files,
        emotion=plan.emotion,
        action_units=plan.combination,
        apex=plan.apex,
        fps=plan.fps,
        shape=neutral.shape,
        movement=movement,
        landmarks=landmarks_over_time(movement, neutral.landmarks),
    )
    (scratch / TRUTH_FILE).write_text(truth_json(truth), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    scratch.replace(target)


def _write_stills(folder: Path, plans: Sequence[StillPlan], settings: SimulatorSettings) -> None:
    """The photographs of one person that are not there yet; the picture is written after its landmarks."""
    for plan in plans:
        path = folder / plan.database / plan.path
        if path.exists():
            continue
        picture, landmarks = draw_still(plan, settings)
        sidecar = path.with_name(f"{path.stem}.{LANDMARKS_FILE}")
        _write(sidecar, landmarks_json(landmarks[KEPT_66], path.name).encode())
        _write(path, encode(picture, path.name, settings.jpeg))


def encode(picture: npt.NDArray[np.uint8], name: str, quality: int, *, grey: bool = False) -> bytes:
    """An (H, W, 3) RGB picture as the bytes of a file with this name's extension.

    Raises
    ------
    SimulatorError
        Where OpenCV cannot write this kind.
    """
    extension = Path(name).suffix.lower()
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if extension == ".jpg" else []
    colours = cv2.COLOR_RGB2GRAY if grey else cv2.COLOR_RGB2BGR
    done, data = cv2.imencode(extension, cv2.cvtColor(picture, colours), options)
    if not done:
        raise SimulatorError(f"OpenCV cannot write {extension} files")
    return bytes(data.tobytes())


def _write(path: Path, content: bytes) -> None:
    """A file at once; it can be made again, so the disk is not waited for."""
    with atomically(path, flushed=False) as file:
        file.write(content)
