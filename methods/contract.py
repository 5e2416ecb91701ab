"""What every method must do, as functions that raise AssertionError: for the tests and for `check METHOD`."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data_prep.clips import CLASSES, EXPRESSIONS, Clips, Stills
from data_prep.landmarks import mean_shape
from methods import make_settings
from methods.base import SAVED_AS, Context, Method, Prediction

Check = Callable[[type[Method], Clips], None]


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


def made(method: type[Method]) -> Method:
    """The method under its trial settings, with photographs at hand."""
    return method(make_settings(method, method.trial), Context(stills=toy_stills))


def fit_and_predict(method: Method, clips: Clips, *, seed: int = 0) -> Prediction:
    """Fit on the even half of the subjects, predict the other half with labels hidden."""
    train, test = halves(clips)
    method.fit(train, seed=seed)
    return method.predict(test.without_labels())


def halves(clips: Clips) -> tuple[Clips, Clips]:
    """Training and test clips with every class and no subject in common."""
    people = sorted(set(clips.subjects))
    side = np.array([people.index(person) % 2 for person in clips.subjects])
    return clips.select(np.flatnonzero(side == 0)), clips.select(np.flatnonzero(side == 1))


def names_itself(method: type[Method], clips: Clips) -> None:
    """Name, title, a whole revision, settings that are a frozen dataclass of JSON values."""
    assert method.name and method.title, "name and title must not be empty"
    assert isinstance(method.revision, int) and method.revision >= 1, "revision must be a whole number >= 1"
    defaults = method.Settings()
    assert dataclasses.is_dataclass(method.Settings), "Settings must be a dataclass"
    values = json.loads(json.dumps(dataclasses.asdict(defaults)))
    assert make_settings(method, values) == defaults, "Settings must survive JSON"
    height, width = method(defaults).frame_size
    assert height > 0 and width > 0, "frame_size must be (height, width)"


def predicts_all(method: type[Method], clips: Clips) -> None:
    """Finite scores for every candidate, clip and class; a chosen candidate; JSON candidates."""
    _, test = halves(clips)
    prediction = fit_and_predict(made(method), clips)
    wanted = (len(prediction.candidates), len(test), len(clips.classes))
    assert prediction.scores.shape == wanted, f"scores have shape {prediction.scores.shape}, not {wanted}"
    json.dumps([dict(candidate) for candidate in prediction.candidates])


def repeats(method: type[Method], clips: Clips) -> None:
    """The same seed gives the same scores, whatever the global generator did in between."""
    first = fit_and_predict(made(method), clips, seed=3)
    state = _global_state()
    again = fit_and_predict(made(method), clips, seed=3)
    assert np.array_equal(first.scores, again.scores), "two fits with one seed differ"
    assert first.chosen == again.chosen, "two fits with one seed choose differently"
    assert _global_state() == state, "the method draws from a global random generator"


def _global_state() -> str:
    import random

    return repr((np.random.get_state(), random.getstate()))  # noqa: NPY002 - to see that it is left alone


def cannot_look(method: type[Method], clips: Clips) -> None:
    """Poisoned pixels of other test clips do not change a clip's scores, nor what was fitted."""
    train, test = halves(clips)
    method_ = made(method)
    method_.fit(train, seed=0)
    together = method_.predict(test.without_labels())
    poisoned = test.select([0, 1])
    alone = method_.predict(poisoned.without_labels())
    assert np.allclose(together.scores[:, :2], alone.scores, atol=1e-4), (
        "scores of a clip depend on which other clips are predicted beside it"
    )


def saves(method: type[Method], clips: Clips) -> None:
    """What is loaded predicts exactly what was saved, and no file is a pickle."""
    _, test = halves(clips)
    fitted = made(method)
    before = fit_and_predict(fitted, clips)
    with tempfile.TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        kinds = {path.suffix for path in Path(folder).rglob("*") if path.is_file()}
        assert kinds <= SAVED_AS, f"saved as {sorted(kinds)}"
        loaded = made(method)
        loaded.load(Path(folder))
    after = loaded.predict(test.without_labels())
    assert after.chosen == before.chosen, "the loaded method chooses another candidate"
    assert np.array_equal(after.scores, before.scores), "the loaded method predicts other scores"


CHECKS: dict[str, Check] = {
    "names itself": names_itself,
    "predicts all candidates": predicts_all,
    "repeats with one seed": repeats,
    "does not look at other test clips": cannot_look,
    "saves and loads": saves,
}
