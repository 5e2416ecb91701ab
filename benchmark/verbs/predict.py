"""The verb `predict`: a saved method used on a new video."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from benchmark.devices import choose_devices
from benchmark.log import Log
from benchmark.look.one_clip import Seen, Watched, write_seen
from benchmark.verbs import VerbError
from benchmark.verbs.saved_model import load
from data_prep.clips import Clips
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
from methods.base import Method


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
