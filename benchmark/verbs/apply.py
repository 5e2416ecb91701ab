"""A method trained on all given clips, kept in a folder, and used on a new video."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from basis.cores import cores
from basis.files import file_sha256
from benchmark.devices import choose_devices
from benchmark.log import Log
from benchmark.look.one_clip import Seen, Watched, write_seen
from benchmark.settings import Settings, checked
from benchmark.sources import Assembled, assemble
from benchmark.stamp import stamp
from benchmark.verbs import VerbError
from data_prep.clips import Clips, Stills
from data_prep.crop import crop_landmarks
from data_prep.databases.errors import DatabaseError, Refused
from data_prep.databases.spans import frames_at, whole_span
from data_prep.databases.trees import Tree
from data_prep.examine import look
from data_prep.flow_images.pictures import decoded_bytes
from data_prep.frames.reading import PICTURES, VIDEOS, times_of
from data_prep.interpolation import resample
from data_prep.landmarks import Options
from data_prep.registration import NONE
from methods import load_method, make_settings
from methods.base import SAVED_AS, Context, Method
from methods.values import typed

CARD = "model.json"
ENTRIES: Mapping[str, Any] = {
    "method": str,
    "revision": int,
    "settings": Mapping[str, Any],
    "tim": int,
    "classes": tuple[str, ...],
    "landmarks": str,
    "registration": str,
    "sha256": Mapping[str, str],
}
"""What the card must hold to be used."""
BEFORE: Mapping[str, Any] = {"registration": NONE}
"""What holds of a model that was saved before its card said so."""


def fit(settings: Settings, method: str, out: Path, tim: int, seed: int, log: Log) -> int:
    """Train one method on all clips and save it as a folder; nothing is left half-written.

    Raises
    ------
    VerbError
        For a folder that is there already, and for several methods.
    """
    if out.exists():
        raise VerbError(f"{out} exists already; name a new folder for the model")
    settings = checked(replace(settings, methods=(method,), tim=(tim,), seeds=(seed,)))
    if len(settings.methods) != 1:
        raise VerbError(
            f"fit trains one method, {len(settings.methods)} are named: {', '.join(settings.methods)}"
        )
    _unfinished(out).cleanup()
    assembled = assemble(settings, log, learn=True)
    (spec,) = assembled.specs
    cls = load_method(spec.name)
    clips = assembled.clips(tim, spec.frame_size, log).at_revision(cls.revision)
    context = Context(
        device=choose_devices(settings.device)[0],
        deterministic=settings.deterministic,
        threads=settings.workers or cores(),
        cache=Path(settings.cache),
        stills=_stills_of(assembled, log),
        grouped=True,
        log=log,
    )
    fitted = cls(make_settings(cls, spec.settings), context)
    unusable = fitted.unusable(clips.without_labels())
    usable = clips.select([i for i in range(len(clips)) if i not in unusable])
    fitted.fit(usable, seed=seed)
    card = {
        "method": spec.name,
        "revision": spec.revision,
        "settings": spec.settings,
        "tim": tim,
        "seed": seed,
        "classes": list(clips.classes),
        "landmarks": assembled.sources.landmarks,
        "registration": settings.registration,
        "data": {"name": assembled.sources.name, "digest": assembled.plan.digest, "n_clips": len(usable)},
        "stamp": stamp(),
    }
    _save(fitted, card, out)
    log(f"{cls.title} trained on {len(usable)} clips, saved in {out}")
    log(f"label a video: python -m benchmark predict {out} VIDEO --page seen.html")
    return 0


def _stills_of(assembled: Assembled, log: Log) -> Callable[[tuple[int, int]], Stills] | None:
    if not assembled.sources.stills:
        return None

    def at(size: tuple[int, int]) -> Stills:
        stills = assembled.stills(size, log)
        assert stills is not None, "there are databases of photographs"
        return stills

    return at


def _save(method: Method, card: dict[str, Any], out: Path) -> None:
    with _unfinished(out) as folder:
        made = Path(folder) / "model"
        made.mkdir()
        method.save(made)
        card = {**card, "sha256": {path.name: file_sha256(path) for path in sorted(made.iterdir())}}
        (made / CARD).write_text(json.dumps(card, indent=1, sort_keys=True))
        made.replace(out)


def _unfinished(out: Path) -> tempfile.TemporaryDirectory[str]:
    """A folder to fill beside `out`; OSError where none can be made."""
    out.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.")


def load(folder: Path, *, device: str = "cpu") -> tuple[Method, dict[str, Any]]:
    """A saved method ready to predict, and its card; VerbError when the folder is not a whole model's."""
    card = _card(folder)
    stated = card["sha256"]
    for name in sorted({path.name for path in folder.iterdir() if path.suffix in SAVED_AS} - {CARD}):
        if name not in stated:
            raise VerbError(f"{folder / CARD} does not list {name}: copy the model again, or fit it again")
    for name, sha256 in stated.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != sha256:
            raise VerbError(f"{path} is missing or damaged: copy the model again, or fit it again")
    cls = load_method(card["method"])
    if cls.revision != card["revision"]:
        raise VerbError(
            f"{folder} was saved by revision {card['revision']} of {cls.name}, this is revision "
            f"{cls.revision}: fit it again"
        )
    threads = cores()
    method = cls(make_settings(cls, card["settings"]), Context(device=device, threads=threads))
    method.load(folder)
    return method, card


def _card(folder: Path) -> dict[str, Any]:
    """What `fit` wrote beside the method; VerbError names the entry that is missing or wrong."""
    try:
        body = {**BEFORE, **json.loads((folder / CARD).read_text())}
        missing = [name for name in ENTRIES if name not in body]
        if missing:
            raise ValueError(f"it has no entry {missing[0]!r}")
        card = {name: typed(body[name], hint, name) for name, hint in ENTRIES.items()}
        checked(Settings(tim=(card["tim"],), registration=card["registration"]))
        if len(set(card["classes"])) < 2 or not card["sha256"]:
            raise ValueError("classes must be two or more names, and sha256 must name the method's files")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise VerbError(f"{folder} is not a model: {CARD} cannot be read ({error})") from error
    return card


def predict(
    model: Path,
    video: Path,
    onset: int | None,
    offset: int | None,
    landmarks: str | None,
    device: str,
    page: Path | None,
    log: Log,
) -> int:
    """Label one video file, folder of frames or flow image and show the score of every class, with doubts.

    Parameters
    ----------
    model
        Folder that `fit` wrote.
    video
        A video file or a folder of numbered pictures.
    onset, offset
        Numbers of the first and the last frame, None for those that are there.
    landmarks
        Back end, None for the one that the model was prepared with.
    device
        "cpu" or "cuda", "auto" for a GPU where there is one.
    page
        Where to write what was seen, as one file for a browser.
    log
        Takes one line for the user.

    Raises
    ------
    VerbError
        For a clip that the method cannot handle, and for what is no model or no video.
    """
    method, card = load(model, device=choose_devices(device)[0])
    watched = None
    if video.is_file() and video.suffix.lower() in PICTURES:
        if any(given is not None for given in (page, onset, offset, landmarks)):
            raise VerbError(
                f"{video} is one picture of flow: --onset, --offset, --landmarks and --page are not"
            )
        clips = flow_image_clip(video, method)
    else:
        backend = _backend(landmarks, card["landmarks"], video)
        size, held = method.frame_size, card["registration"]
        watched = clip_of(video, backend, card["tim"], size, onset=onset, offset=offset, registration=held)
        clips = watched.clips
    _judge(method, card, dataclasses.replace(clips, classes=card["classes"]), watched, video, page, log)
    return 0


def _judge(
    method: Method,
    card: Mapping[str, Any],
    clips: Clips,
    watched: Watched | None,
    video: Path,
    page: Path | None,
    log: Log,
) -> None:
    """Say what a fitted method makes of one clip, and show what was watched."""
    if unusable := method.unusable(clips):
        raise VerbError(f"{card['method']} cannot handle {video}: {unusable[0]}")
    prediction = method.predict(clips)
    scores = prediction.scores[prediction.chosen, 0].astype(np.float64)
    shares, kind = probabilities(scores)
    doubts = "".join(f"  (warning: {note}: {detail})" for note, detail in (watched.notes if watched else ()))
    log(f"{video}: {card['classes'][int(scores.argmax())]}{doubts}")
    for name, share in zip(card["classes"], shares, strict=True):
        log(f"  {name:<10} {share:.3f}")
    log(f"  ({kind})")
    if page is not None and watched is not None:
        steps = None if prediction.step_decisions is None else prediction.step_decisions[prediction.chosen, 0]
        write_seen(page, Seen(video.name, method.title, clips, watched, shares, kind, steps))
        log(f"what was seen: open {page} in a browser")
    elif watched is not None:
        log("see what it saw: the same command with --page seen.html")


def _backend(asked: str | None, of_model: str, video: Path) -> str:
    """The landmark back end for a video; VerbError for a model of flow images, which needed none."""
    if asked is None and of_model == "none":
        raise VerbError(
            f"this model was trained on flow images, without faces: to find the face on {video} name a back "
            "end, such as --landmarks facemesh, or give a flow image (a picture) instead"
        )
    return asked or of_model


def flow_image_clip(picture: Path, method: Method) -> Clips:
    """One flow image (RGB = u, v, strain) as the clip that a method on flow predicts.

    Raises
    ------
    VerbError
        For a method on frames, and for a picture of another form.
    """
    if method.needs_frames:
        raise VerbError(
            f"{picture} is one picture, and {method.name} needs frames: a folder of them or a video"
        )
    try:
        pixels = decoded_bytes(picture.read_bytes(), PurePosixPath(picture.name))
    except DatabaseError as error:
        raise VerbError(f"{picture}: no flow image: {error}") from error
    nowhere = np.zeros((1, 66, 2), np.float32)
    return Clips.from_arrays(pixels[None, None], nowhere, names=[picture.name], holds="flow")


def clip_of(
    video: Path,
    landmarks: str,
    tim: int,
    size: tuple[int, int],
    *,
    onset: int | None = None,
    offset: int | None = None,
    registration: str = NONE,
) -> Watched:
    """A video file or a folder of numbered pictures, none missing and none twice, as one prepared clip.

    Holds one raw frame at a time.

    Parameters
    ----------
    video, landmarks
        A video file or a folder; back end.
    tim, size
        Frames after interpolation, and (height, width) of each.
    onset, offset
        Numbers of the first and the last frame, as in the pictures' names or counted from 1 in a video; None
        for the first or last that is there.
    registration
        A name of `data_prep.registration.REGISTRATIONS`: the one that the method was fitted with.

    Raises
    ------
    VerbError
        For what is neither, frames that are missing or doubled, and a window outside them.
    """
    if not video.is_dir() and not (video.is_file() and video.suffix.lower() in VIDEOS):
        kinds = ", ".join(VIDEOS)
        raise VerbError(f"{video} must be a folder of numbered pictures or a video file ({kinds})")
    place = video.resolve()
    tree = Tree.at(place if place.is_dir() else place.parent)
    try:
        first, last = whole_span(tree, str(place))
        begin, end = first if onset is None else onset, last if offset is None else offset
        if not first <= begin <= end <= last:
            raise VerbError(f"--onset {begin} --offset {end}: {video} has frames {first} to {last}")
        source, annotations = frames_at(tree, str(place), begin, end)
    except Refused as refused:
        raise VerbError(str(refused)) from refused
    seen = look(source, annotations, landmarks, Options(), [size], registration=registration)
    clip = resample(seen.stacks[size], tim, times_of(source))
    points = crop_landmarks(seen.landmarks, seen.box, size)
    clips = Clips.from_arrays(clip[None], points[None], names=[video.name])
    return Watched(clips, (begin, end), source, seen.box, seen.landmarks, seen.notes, registration)


def probabilities(scores: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[Any, str]:
    """Scores as shares of one, and what they are."""
    if (scores >= 0).all() and abs(scores.sum() - 1) < 1e-3:
        return scores, "probabilities"
    exponents = np.exp(scores - scores.max())
    return exponents / exponents.sum(), "softmax of decision values: an order, not calibrated probabilities"
