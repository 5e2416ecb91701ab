"""What every method must do: functions of a `Trial` that raise `BrokenContract`, for tests and `check`.

Nothing here is an `assert`: the contract holds under `python -O` too.
"""

from __future__ import annotations

import dataclasses
import json
import random
import sys
import tempfile
from collections.abc import Callable
from copy import copy
from functools import cached_property
from pathlib import Path

import numpy as np

from data_prep.cache import write_set
from data_prep.clips import CLASSES, EXPRESSIONS, Clips, Int64, Stills, prepared_set
from data_prep.landmarks import mean_shape
from data_prep.opened import open_prepared
from methods import make_settings
from methods.base import SAVED_AS, Context, Method, Prediction, in_any_order

SEED = 3
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

    (n, frames, height, width, 3) uint8 in memory, four classes in turn, landmarks of the mean face, the
    apex half way.
    """
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    clips = np.empty((n, frames, height, width, 3), np.uint8)
    for i in range(n):
        label, person = i % len(CLASSES), i // len(CLASSES)
        texture = np.random.default_rng([seed, person]).uniform(0.6, 1.4, 3)
        for t in range(frames):
            push = 0.02 * np.sin(np.pi * t / frames) * np.exp(-((y - 0.2 - 0.2 * label) ** 2) / 0.02)
            wave = np.sin(2 * np.pi * (texture[0] * 4 * x + 5 * (y + push)))
            wave += np.cos(2 * np.pi * (texture[1] * 6 * (y + push)))
            shade = 128 + 40 * texture[2] * wave + draw.normal(0, 2, (height, width))
            clips[i, t] = np.clip(shade[..., None] + np.array([8, 0, -8]), 0, 255)
    return Clips.from_arrays(
        clips,
        np.repeat(mean_shape(height, width)[None], n, axis=0),
        np.arange(n) % len(CLASSES),
        subjects=[f"toy/{i // len(CLASSES)}" for i in range(n)],
        databases=["toy"] * n,
        apex=[0.5] * n,
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
    """The method under its trial settings, with photographs at hand, and scratch of its own as in a run."""
    scratch = cache and Path(tempfile.mkdtemp(prefix="scratch-", dir=cache))
    context = Context(stills=toy_stills, cache=cache, scratch=scratch)
    return method(make_settings(method, method.trial), context)


def halves(clips: Clips) -> tuple[Int64, Int64]:
    """Positions of training and test clips with every class and no subject in common."""
    people = sorted(set(clips.subjects))
    side = np.array([people.index(person) % 2 for person in clips.subjects])
    return np.flatnonzero(side == 0), np.flatnonzero(side == 1)


def prepared_beside(
    clips: Clips, cache: Path, *, pixels: Int64 | None = None, labels: Int64 | None = None
) -> Clips:
    """The clips as a prepared set in a cache folder, poisoned where a method must not look.

    Nothing else of a poisoned set is what it was: its digest and the order of its rows are others, since
    a class may be remembered by the one and read from the other (databases order their clips by class).
    Position i of the view is clip i all the same.

    Parameters
    ----------
    clips
        Clips in memory.
    cache
        A folder.
    pixels, labels
        Positions whose pixels, landmarks and apex, and whose labels, stay what they are; all others become
        noise, moved points and the next class. Without either nothing is poisoned.
    """
    if pixels is None or labels is None:
        everything = np.arange(len(clips))
        return _written(clips, cache, clips.digest, everything, everything, everything)
    order = np.random.default_rng(len(clips)).permutation(len(clips))
    return _written(clips, cache, f"{clips.digest[:-8]}poisoned", order, pixels, labels)


def _written(clips: Clips, cache: Path, digest: str, order: Int64, pixels: Int64, labels: Int64) -> Clips:
    """The set whose row j is clip order[j], and its view in the order of the clips."""
    noise = np.random.default_rng(0xBAD)
    n, shape = len(clips), (len(clips), *clips.shape, 3)
    frames, points = np.stack([clips[i] for i in range(n)]), clips.landmarks
    others, kept = np.setdiff1d(np.arange(n), pixels), set(pixels.tolist())
    frames[others] = noise.integers(0, 256, (len(others), *shape[1:]), dtype=np.uint8)
    points[others] += noise.uniform(-2, 2, (len(others), *points.shape[1:])).astype(np.float32)
    changed = np.setdiff1d(np.arange(n), labels)
    named = clips.labels
    named[changed] = (named[changed] + 1) % len(clips.classes)
    apex = [at if i in kept else noise.uniform() for i, at in enumerate(prepared_set(clips).apex.tolist())]
    folder = cache / "toy" / digest
    meta = {
        "digest": digest,
        "landmarks": points[order].tolist(),
        "names": [clips.names[i] for i in order],
        "subjects": [clips.subjects[i] for i in order],
        "databases": [clips.databases[i] for i in order],
        "labels": named[order].tolist(),
        "classes": list(clips.classes),
        "fps": [200.0] * n,
        "holds": "frames",
        "apex": [apex[i] for i in order],
    }
    write_set(folder, shape, (frames[i].tobytes() for i in order), meta)
    return open_prepared(folder, expected=digest).select(np.argsort(order))


class Trial:
    """A method on toy clips that lie in a real cache folder, fitted once, at first use, for all checks.

    A method that opens the files beside its view finds them there, and is found out.
    """

    def __init__(self, method: type[Method], clips: Clips, folder: Path) -> None:
        self.method, self.clips, self.folder = method, clips, folder
        self.train, self.test = halves(clips)

    @cached_property
    def view(self) -> Clips:
        """The clips as a prepared set, as they are."""
        return prepared_beside(self.clips, self.folder)

    @cached_property
    def fitted(self) -> Method:
        """The method fitted on the training half."""
        return self.fit(self.view, self.folder)

    @cached_property
    def saved(self) -> dict[str, bytes]:
        """What the fitted method saves once it has predicted (it may remember what), file by file."""
        _ = self.prediction
        return _saved(self.fitted)

    @cached_property
    def prediction(self) -> Prediction:
        """What the fitted method predicts of the other half, labels hidden."""
        return self.predict(self.fitted)

    def fit(self, clips: Clips, cache: Path | None) -> Method:
        """The method fitted anew on the training half of these clips; it is asked first which it can use."""
        made(self.method, cache).unusable(clips.at_revision(self.method.revision).without_labels())
        fitted = made(self.method, cache)
        fitted.fit(self.given(clips, self.train), seed=SEED)
        return fitted

    def given(self, clips: Clips, half: Int64) -> Clips:
        """The view of one half of these clips that a run gives to the method."""
        return clips.select(half).at_revision(self.method.revision)

    def predict(self, fitted: Method, clips: Clips | None = None) -> Prediction:
        """What a fitted method predicts of the other half of these clips (of the view), labels hidden."""
        return in_any_order(fitted, self.given(clips or self.view, self.test), seed=SEED)


def names_itself(trial: Trial) -> None:
    """Name, title, a whole revision, settings that are a frozen dataclass of JSON values."""
    method = trial.method
    require(method.name and method.title, "name and title must not be empty")
    require(isinstance(method.revision, int) and method.revision >= 1, "revision must be a whole number >= 1")
    require(dataclasses.is_dataclass(method.Settings), "Settings must be a dataclass")
    defaults = method.Settings()
    values = json.loads(json.dumps(dataclasses.asdict(defaults)))
    require(make_settings(method, values) == defaults, "Settings must survive JSON")
    height, width = method(defaults).frame_size
    require(height > 0 and width > 0, "frame_size must be (height, width)")


def predicts_all(trial: Trial) -> None:
    """Finite scores for every candidate, clip and class; a chosen candidate; JSON candidates."""
    found = trial.prediction
    wanted = (len(found.candidates), len(trial.test), len(trial.clips.classes))
    require(found.scores.shape == wanted, f"scores have shape {found.scores.shape}, not {wanted}")


def repeats(trial: Trial) -> None:
    """The same seed gives the same scores, and clips in memory the same as those of a cache folder.

    Before the second fit the method is fitted on the other half, as in another fold, in the same fresh cache
    folder: what that leaves behind, there or in the process, must not be found again. The global generators
    are left alone.
    """
    first, state = trial.prediction, _global_state()
    with tempfile.TemporaryDirectory() as folder:
        fresh = prepared_beside(trial.clips, Path(folder))
        made(trial.method, Path(folder)).fit(trial.given(fresh, trial.test), seed=SEED)
        again = trial.predict(trial.fit(fresh, Path(folder)), fresh)
    require(
        np.array_equal(first.scores, again.scores),
        "two fits with one seed differ: by chance, or by what a fit on other clips left in the cache or the "
        "process, such as features that were computed with their labels",
    )
    require(first.chosen == again.chosen, "two fits with one seed choose differently")
    in_memory = trial.predict(trial.fitted, trial.clips)
    require(
        np.array_equal(first.scores, in_memory.scores), "clips in memory get other scores than prepared ones"
    )
    require(_global_state() == state, "the method draws from a global random generator")


def _global_state() -> str:
    """Where the global generators stand: numpy's, Python's, and torch's if it is there."""
    torch = sys.modules.get("torch")
    drawn = torch.get_rng_state().numpy().tobytes() if torch else b""
    return repr((np.random.get_state(), random.getstate(), drawn))  # noqa: NPY002 - to see it left alone


def learns_from_its_clips_alone(trial: Trial) -> None:
    """With pixels, landmarks and labels of all other clips replaced, the fitted method is bit-equal."""
    with tempfile.TemporaryDirectory() as folder:
        kept = trial.train
        poisoned = prepared_beside(trial.clips, Path(folder), pixels=kept, labels=kept)
        fitted = trial.fit(poisoned, Path(folder))
        spoilt, other_files = trial.predict(fitted), _saved(fitted)
    files, clean = trial.saved, trial.prediction
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


def predicts_each_clip_alone(trial: Trial) -> None:
    """With the other test clips' pixels and all test labels replaced, a clip's scores stay what they are."""
    asked, together, elsewhere = trial.test[:2], trial.prediction, copy(trial.fitted)
    with tempfile.TemporaryDirectory() as spoilt:
        kept = np.union1d(trial.train, asked)
        view = prepared_beside(trial.clips, Path(spoilt), pixels=kept, labels=trial.train)
        elsewhere.context = dataclasses.replace(elsewhere.context, cache=Path(spoilt))
        alone = elsewhere.predict(trial.given(view, asked).without_labels())
    require(
        np.allclose(together.scores[:, :2], alone.scores, atol=ALIKE),
        "scores of a clip depend on the clips beside it, or on labels that were not given",
    )


def saves(trial: Trial) -> None:
    """What is loaded predicts exactly what was saved, and no file is a pickle."""
    before = trial.prediction
    with tempfile.TemporaryDirectory() as folder:
        trial.fitted.save(Path(folder))
        kinds = {path.suffix for path in Path(folder).rglob("*") if path.is_file()}
        require(kinds <= SAVED_AS, f"saved as {sorted(kinds)}, allowed are {sorted(SAVED_AS)}")
        loaded = made(trial.method)
        loaded.load(Path(folder))
    after = trial.predict(loaded)
    require(after.chosen == before.chosen, "the loaded method chooses another candidate")
    require(np.array_equal(after.scores, before.scores), "the loaded method predicts other scores")


CHECKS: dict[str, Callable[[Trial], None]] = {
    "names itself": names_itself,
    "predicts all candidates": predicts_all,
    "repeats with one seed": repeats,
    "learns from its own clips alone": learns_from_its_clips_alone,
    "predicts each clip alone": predicts_each_clip_alone,
    "saves and loads": saves,
}
