"""What every method must do, as functions that raise `BrokenContract`: for the tests and for `check METHOD`.

Nothing here is an `assert`: the contract holds under `python -O` too.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_prep.cache import write_set
from data_prep.clips import CLASSES, EXPRESSIONS, Clips, Int64, Stills
from data_prep.landmarks import mean_shape
from data_prep.opened import open_prepared
from methods import make_settings
from methods.base import SAVED_AS, Context, Method, Prediction

Check = Callable[[type[Method], Clips], None]

ALIKE = 1e-4
"""How far scores of one clip may differ with the number of clips that are predicted beside it (rounding)."""


class BrokenContract(AssertionError):
    """A method does what no method may; the message says what."""


def require(kept: object, message: str) -> None:
    """Raise BrokenContract with this message unless `kept` is true."""
    if not kept:
        raise BrokenContract(message)


def toy_clips(height: int, width: int, *, n: int = 24, frames: int = 32, seed: int = 0) -> Clips:
    """Textured faces of six subjects whose brows move with the class: enough to exercise a method.

    (n, frames, height, width, 3) uint8 in memory, four classes in turn, landmarks of the mean face.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    clips = np.empty((n, frames, height, width, 3), np.uint8)
    for i in range(n):
        label, person = i % len(CLASSES), i // len(CLASSES)
        texture = np.random.default_rng([seed, person]).uniform(0.6, 1.4, 3)
        for t in range(frames):
            push = 0.02 * np.sin(np.pi * t / frames) * np.exp(-((y - 0.2 - 0.2 * label) ** 2) / 0.02)
            wave = np.sin(2 * np.pi * (texture[0] * 4 * x + 5 * (y + push)))
            wave += np.cos(2 * np.pi * (texture[1] * 6 * (y + push)))
            shade = 128 + 40 * texture[2] * wave + random.normal(0, 2, (height, width))
            clips[i, t] = np.clip(shade[..., None] + np.array([8, 0, -8]), 0, 255)
    return Clips.from_arrays(
        clips,
        np.repeat(mean_shape(height, width)[None], n, axis=0),
        np.arange(n) % len(CLASSES),
        subjects=[f"toy/{i // len(CLASSES)}" for i in range(n)],
        databases=["toy"] * n,
    )


def toy_stills(size: tuple[int, int], *, n: int = 36, seed: int = 0) -> Stills:
    """Photographs to pre-train on: noise with a class-dependent brightness, nine classes, four subjects."""
    labels = np.arange(n) % len(EXPRESSIONS)
    noise = np.random.default_rng(seed).integers(0, 60, (n, *size, 3))
    return Stills(
        frames=(noise + 20 * labels[:, None, None, None]).astype(np.uint8),
        labels=labels.astype(np.int64),
        subjects=tuple(f"toy/{i // len(EXPRESSIONS)}" for i in range(n)),
        names=tuple(f"toy/still{i}" for i in range(n)),
        digest=f"toy-{size[0]}x{size[1]}-{seed}",
    )


def made(method: type[Method], cache: Path | None = None) -> Method:
    """The method under its trial settings, with photographs at hand."""
    return method(make_settings(method, method.trial), Context(stills=toy_stills, cache=cache))


def fit_and_predict(method: Method, clips: Clips, *, seed: int = 0) -> Prediction:
    """Fit on the even half of the subjects, predict the other half with labels hidden."""
    train, test = halves(clips)
    method.fit(clips.select(train), seed=seed)
    return method.predict(clips.select(test).without_labels())


def halves(clips: Clips) -> tuple[Int64, Int64]:
    """Positions of training and test clips with every class and no subject in common."""
    people = sorted(set(clips.subjects))
    side = np.array([people.index(person) % 2 for person in clips.subjects])
    return np.flatnonzero(side == 0), np.flatnonzero(side == 1)


def prepared_beside(clips: Clips, cache: Path, *, pixels: Int64, labels: Int64) -> Clips:
    """The clips as a prepared set in a cache folder, poisoned where a method must not look.

    The set keeps its digest, as if nothing had happened.

    Parameters
    ----------
    clips
        Clips in memory.
    cache
        A folder.
    pixels, labels
        Positions whose pixels, landmarks and apex, and whose labels, stay what they are; all others become
        noise, moved points and the next class.
    """
    random = np.random.default_rng(0xBAD)
    n, shape = len(clips), (len(clips), *clips.shape, 3)
    frames, points = np.stack([clips[i] for i in range(n)]), clips.landmarks
    others, kept = np.setdiff1d(np.arange(n), pixels), set(pixels.tolist())
    frames[others] = random.integers(0, 256, (len(others), *shape[1:]), dtype=np.uint8)
    points[others] += random.uniform(-2, 2, (len(others), *points.shape[1:])).astype(np.float32)
    changed = np.setdiff1d(np.arange(n), labels)
    named = clips.labels
    named[changed] = (named[changed] + 1) % len(clips.classes)
    folder = cache / "toy" / clips.digest
    meta = {
        "digest": clips.digest,
        "landmarks": points.tolist(),
        "names": list(clips.names),
        "subjects": list(clips.subjects),
        "databases": list(clips.databases),
        "labels": named.tolist(),
        "classes": list(clips.classes),
        "fps": [200.0] * n,
        "holds": "frames",
        "apex": [0.5 if i in kept else random.uniform() for i in range(n)],
    }
    write_set(folder, shape, (clip.tobytes() for clip in frames), meta)
    return open_prepared(folder, expected=clips.digest)


def names_itself(method: type[Method], clips: Clips) -> None:
    """Name, title, a whole revision, settings that are a frozen dataclass of JSON values."""
    require(method.name and method.title, "name and title must not be empty")
    require(isinstance(method.revision, int) and method.revision >= 1, "revision must be a whole number >= 1")
    require(dataclasses.is_dataclass(method.Settings), "Settings must be a dataclass")
    defaults = method.Settings()
    values = json.loads(json.dumps(dataclasses.asdict(defaults)))
    require(make_settings(method, values) == defaults, "Settings must survive JSON")
    height, width = method(defaults).frame_size
    require(height > 0 and width > 0, "frame_size must be (height, width)")


def predicts_all(method: type[Method], clips: Clips) -> None:
    """Finite scores for every candidate, clip and class; a chosen candidate; JSON candidates."""
    prediction = fit_and_predict(made(method), clips)
    wanted = (len(prediction.candidates), len(halves(clips)[1]), len(clips.classes))
    require(prediction.scores.shape == wanted, f"scores have shape {prediction.scores.shape}, not {wanted}")


def repeats(method: type[Method], clips: Clips) -> None:
    """The same seed gives the same scores, whatever the global generator did in between."""
    first = fit_and_predict(made(method), clips, seed=3)
    state = _global_state()
    again = fit_and_predict(made(method), clips, seed=3)
    require(np.array_equal(first.scores, again.scores), "two fits with one seed differ")
    require(first.chosen == again.chosen, "two fits with one seed choose differently")
    require(_global_state() == state, "the method draws from a global random generator")


def _global_state() -> str:
    import random

    return repr((np.random.get_state(), random.getstate()))  # noqa: NPY002 - to see that it is left alone


def learns_from_its_clips_alone(method: type[Method], clips: Clips) -> None:
    """With pixels, landmarks and labels of all other clips replaced, the fitted method is bit-equal.

    The clips lie in a real cache folder, so that a method that opens the files beside its view is found
    out as well.
    """
    train, test = halves(clips)
    everything = np.arange(len(clips))
    found: list[tuple[Prediction, dict[str, bytes]]] = []
    for kept in (everything, train):
        with tempfile.TemporaryDirectory() as folder:
            view = prepared_beside(clips, Path(folder), pixels=kept, labels=kept)
            fitted = made(method, cache=Path(folder))
            fitted.fit(view.select(train).at_revision(method.revision), seed=0)
            saved = _saved(fitted)
        found.append((fitted.predict(clips.select(test).without_labels()), saved))
    (clean, files), (spoilt, other_files) = found
    require(
        clean.candidates == spoilt.candidates
        and clean.chosen == spoilt.chosen
        and np.array_equal(clean.scores, spoilt.scores),
        "what was learned depends on clips that were not given: it changes with their pixels or labels",
    )
    different = sorted(name for name in files | other_files if files.get(name) != other_files.get(name))
    require(
        not different,
        f"the saved {', '.join(different)} depends on clips that were not given, or on the time or place",
    )


def _saved(method: Method) -> dict[str, bytes]:
    """What a fitted method saves, file by file."""
    with tempfile.TemporaryDirectory() as folder:
        method.save(Path(folder))
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def predicts_each_clip_alone(method: type[Method], clips: Clips) -> None:
    """With the other test clips' pixels and all test labels replaced, a clip's scores stay what they are."""
    train, test = halves(clips)
    asked = test[:2]
    everything = np.arange(len(clips))
    with tempfile.TemporaryDirectory() as clean, tempfile.TemporaryDirectory() as spoilt:
        method_ = made(method, cache=Path(clean))
        view = prepared_beside(clips, Path(clean), pixels=everything, labels=everything)
        method_.fit(view.select(train), seed=0)
        together = method_.predict(view.select(test).without_labels())
        method_.context = dataclasses.replace(method_.context, cache=Path(spoilt))
        view = prepared_beside(clips, Path(spoilt), pixels=np.union1d(train, asked), labels=train)
        alone = method_.predict(view.select(asked).without_labels())
    require(
        np.allclose(together.scores[:, :2], alone.scores, atol=ALIKE),
        "scores of a clip depend on the clips beside it, or on labels that were not given",
    )


def saves(method: type[Method], clips: Clips) -> None:
    """What is loaded predicts exactly what was saved, and no file is a pickle."""
    test = clips.select(halves(clips)[1])
    fitted = made(method)
    before = fit_and_predict(fitted, clips)
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        kinds = {path.suffix for path in Path(folder).rglob("*") if path.is_file()}
        require(kinds <= SAVED_AS, f"saved as {sorted(kinds)}, allowed are {sorted(SAVED_AS)}")
        loaded = made(method)
        loaded.load(Path(folder))
    after = loaded.predict(test.without_labels())
    require(after.chosen == before.chosen, "the loaded method chooses another candidate")
    require(np.array_equal(after.scores, before.scores), "the loaded method predicts other scores")


CHECKS: dict[str, Check] = {
    "names itself": names_itself,
    "predicts all candidates": predicts_all,
    "repeats with one seed": repeats,
    "learns from its own clips alone": learns_from_its_clips_alone,
    "predicts each clip alone": predicts_each_clip_alone,
    "saves and loads": saves,
}
