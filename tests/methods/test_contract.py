"""The contract finds methods that look where they must not, with and without assertions switched off."""

from __future__ import annotations

import gc
import hashlib
import json
import subprocess
import sys
import tempfile
import types
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from benchmark.protocols import PROTOCOLS
from benchmark.units.execute import execute
from benchmark.units.unit import Unit
from data_prep.clips import Clips, prepared_set, rows_of
from methods.base import Context, FrameSettings, Method, Prediction, in_any_order
from methods.cached import per_clip
from methods.contract import CHECKS, BrokenContract, Trial, toy_clips

SIZE = (32, 28)


@dataclass(frozen=True)
class Small(FrameSettings):
    frame_size: tuple[int, int] = SIZE


class Nearest(Method):
    """Honest: the class of the training clip whose mean picture is nearest."""

    name, title, Settings = "nearest", "Nearest", Small

    def fit(self, clips, *, seed):
        self.k = len(clips.classes)
        self.known, self.labels = self.pictures(clips), clips.labels

    def pictures(self, clips):
        return np.stack([clips[i].mean(axis=(0, 3)) for i in range(len(clips))])

    def predict(self, clips):
        scores = np.zeros((1, len(clips), self.k), np.float32)
        for i, picture in enumerate(self.pictures(clips)):
            distance = ((self.known - picture) ** 2).mean((1, 2))
            scores[0, i, self.labels[distance.argmin()]] = 1
        return Prediction(({},), scores, 0)

    def save(self, folder):
        np.savez(folder / "nearest.npz", known=self.known, labels=self.labels, k=self.k)

    def load(self, folder):
        with np.load(folder / "nearest.npz") as file:
            self.known, self.labels, self.k = file["known"], file["labels"], int(file["k"])


class LooksAtLabels(Nearest):
    """Learns from all clips of the set, with whatever labels of them its view leads to."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        whole = prepared_set(clips).frames
        for one in _reachable(clips):
            if (
                isinstance(one, np.ndarray)
                and one.shape == (len(whole),)
                and 0 <= one.min() <= one.max() < self.k
            ):
                self.known, self.labels = whole.mean(axis=(1, 4)), one


def _reachable(start):
    seen, todo = {}, [start]
    while todo:
        one = todo.pop()
        if id(one) not in seen and not isinstance(one, type | types.ModuleType | types.FunctionType):
            seen[id(one)] = one
            todo += gc.get_referents(one)
    return list(seen.values())


class LooksAtPixels(Nearest):
    """Centres its pictures by the mean over all clips, test clips included."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.known = self.known - prepared_set(clips).frames.mean()

    def predict(self, clips):
        return super().predict(clips)


class LooksIntoFiles(Nearest):
    """Opens the prepared set that its clips lie in and learns from all labels there."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        for path in Path(self.context.cache or "nowhere").rglob("meta.json"):
            self.labels = np.array(json.loads(path.read_text())["labels"])
            self.known = np.load(path.with_name("frames.npy")).mean(axis=(1, 4))


class LooksWhenItPredicts(Nearest):
    """Fits honestly; reads the labels of what it predicts from the files."""

    def predict(self, clips):
        found = super().predict(clips)
        for path in Path(self.context.cache or "nowhere").rglob("meta.json"):
            meta = json.loads(path.read_text())
            scores = np.zeros_like(found.scores)
            for i, label in enumerate(np.array(meta["labels"])[clips._rows]):
                scores[0, i, label] = 1
            return Prediction(({},), scores, 0)
        return found


@pytest.fixture(scope="module")
def clips():
    return toy_clips(*SIZE)


def broken(method, clips):
    """Titles of the checks that a method does not pass."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(method, clips, Path(folder))
        for title, check in CHECKS.items():
            try:
                check(trial)
            except BrokenContract:
                found.append(title)
    return found


def test_an_honest_method_keeps_the_contract(clips):
    assert broken(Nearest, clips) == []


@pytest.mark.parametrize("method", [LooksAtPixels, LooksIntoFiles])
def test_learning_from_other_clips_is_found_out(method, clips):
    assert "learns from its own clips alone" in broken(method, clips)


def test_looking_at_labels_while_predicting_is_found_out(clips):
    assert "predicts each clip alone" in broken(LooksWhenItPredicts, clips)


def noise(n):
    """Clips that say nothing about their classes, ten of each."""
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (n, 4, *SIZE, 3)).astype(np.uint8)
    labels = random.permutation(np.arange(n) % 4)
    return Clips.from_arrays(pixels, np.zeros((n, 66, 2)), labels, subjects=[f"own/{i}" for i in range(n)])


def test_whoever_wants_all_labels_finds_them_where_they_are():
    """The control of the next test: given a view of everything, the cheat knows everything."""
    whole, cheat = noise(40), LooksAtLabels()
    cheat.fit(whole, seed=0)
    assert cheat.predict(whole.without_labels()).scores[0].argmax(1).tolist() == whole.labels.tolist()


class LooksUpTheStack(Nearest):
    """Takes the labels of all clips from the frames of whoever called it, in every method of its own."""

    def unusable(self, clips):
        self.seek(clips, _callers())
        return {}

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.seek(clips, _callers())

    def seek(self, clips, found):
        for one in found:
            told = type(one) is Clips and one.digest == clips.digest and one._labels is not None
            if told and len(one) == len(prepared_set(clips).frames):
                self.stolen = self.pictures(one), one.labels

    def predict(self, clips):
        if hasattr(self, "stolen"):
            self.known, self.labels = self.stolen
        return super().predict(clips)


class LooksThroughTheHeap(LooksUpTheStack):
    """Asks the collector for them."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.seek(clips, gc.get_objects())


def _callers():
    frame, found = sys._getframe(2), []
    while frame:
        found += frame.f_locals.values()
        frame = frame.f_back
    return found


def folds_of_noise():
    whole = noise(40)
    split = PROTOCOLS["clips"].split(whole.labels.tolist(), whole.subjects, whole.databases, seed=0)
    return list(split)


@pytest.mark.parametrize("cheat", [Nearest, LooksAtLabels, LooksUpTheStack, LooksThroughTheHeap])
def test_in_a_run_whoever_wants_all_labels_gets_none(cheat, monkeypatch):
    """Three quarters of these clips are wrong by chance; 18 of 40 right would be one chance in 200."""
    monkeypatch.setattr("benchmark.units.execute.load_method", lambda name: cheat)
    hits = []
    for fold in folds_of_noise():
        unit = Unit("nearest", 1, 4, "clips", fold.name, 0, "none", "noise", None, {})
        record = execute(unit, partial(noise, 40), Context(), profile="quick", stamp={}, began=0.0)
        hits += (record.scores[0].argmax(1) == np.array(record.truth)).tolist()
    assert len(hits) == 40
    assert sum(hits) < 18


def test_whoever_looks_up_the_stack_finds_what_lies_there():
    """The control of the test before."""
    whole, cheat = noise(40), LooksThroughTheHeap()
    cheat.fit(whole.select(np.arange(30)), seed=0)
    rest = np.arange(30, 40)
    found = cheat.predict(whole.select(rest).without_labels()).scores[0].argmax(1)
    assert found.tolist() == whole.labels[rest].tolist()


class Remembers(Nearest):
    """Keeps the labels of what it was fitted on, by their pixels, for whichever fold comes next."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        known = {_digest(clips[i]): int(label) for i, label in enumerate(clips.labels)}
        self.keep(self.kept() | known)

    def predict(self, clips):
        found, kept = super().predict(clips), self.kept()
        for i in range(len(clips)):
            if (label := kept.get(_digest(clips[i]))) is not None:
                found.scores[0, i] = np.eye(self.k)[label]
        return found


class RemembersInTheCache(Remembers):
    def kept(self):
        path = Path(self.context.cache or "nowhere") / "kept.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def keep(self, kept):
        if self.context.cache:
            (Path(self.context.cache) / "kept.json").write_text(json.dumps(kept))


class RemembersInItsClass(Remembers):
    memory: ClassVar[dict[str, int]] = {}

    def kept(self):
        return self.memory

    def keep(self, kept):
        self.memory.update(kept)


def _digest(clip):
    return hashlib.sha256(np.ascontiguousarray(clip)).hexdigest()


class Templates(Nearest):
    """In good faith: likeness to its training classes, kept by `per_clip` as if it were no fold's."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.means = np.stack([self.known[self.labels == k].mean(0) for k in range(self.k)])
        self.likeness(clips)

    def likeness(self, clips):
        def compute(clip, landmarks):
            apart = self.means - clip.mean(axis=(0, 3))
            return -(apart**2).mean((1, 2)).astype(np.float32)

        return per_clip(clips, compute, name="templates", parameters={})

    def predict(self, clips):
        return Prediction(({},), self.likeness(clips)[None], 0)


@pytest.mark.parametrize("method", [RemembersInTheCache, RemembersInItsClass, Templates])
def test_what_a_fit_leaves_for_the_next_fold_is_found_out(method, clips):
    assert "repeats with one seed" in broken(method, clips)


class MeansOfAll(Nearest):
    """Centres its pictures by the mean over all clips that it is shown before the fold is."""

    def unusable(self, clips):
        type(self).mean = float(np.mean([clips[i].mean() for i in range(len(clips))]))
        return {}

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.known = self.known - self.mean


class OncePerSet(Nearest):
    """The same, computed once for each prepared set."""

    memory: ClassVar[dict[str, float]] = {}

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        mean = self.memory.setdefault(clips.digest, float(prepared_set(clips).frames.mean()))
        self.known = self.known - mean


class ByRow(Nearest):
    """The class of the training clip whose row in the set is nearest: databases are ordered by class."""

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.rows = rows_of(clips)

    def save(self, folder):
        super().save(folder)
        np.save(folder / "rows.npy", self.rows)

    def load(self, folder):
        super().load(folder)
        self.rows = np.load(folder / "rows.npy")

    def predict(self, clips):
        found = super().predict(clips)
        nearest = np.abs(self.rows - rows_of(clips)[:, None]).argmin(1)
        return Prediction(({},), np.eye(self.k, dtype=np.float32)[self.labels[nearest]][None], found.chosen)


@pytest.mark.parametrize("method", [MeansOfAll, OncePerSet, ByRow])
def test_learning_from_what_a_set_says_beside_its_clips_is_found_out(method, clips):
    assert "learns from its own clips alone" in broken(method, clips)


class InTheirOrder(Nearest):
    """Gives the clips of every person the classes in their order, as their names have them."""

    def predict(self, clips):
        scores = np.zeros((1, len(clips), self.k), np.float32)
        for person in set(clips.subjects):
            own = [i for i, subject in enumerate(clips.subjects) if subject == person]
            for place, i in enumerate(own):
                scores[0, i, place * self.k // len(own)] = 1
        return Prediction(({},), scores, 0)


def test_the_order_of_test_clips_tells_nothing(monkeypatch):
    """Clips of noise, in the order of their classes for each of ten people: a guess is right by chance."""
    monkeypatch.setattr("benchmark.units.execute.load_method", lambda name: InTheirOrder)
    n = 80
    pixels = np.random.default_rng(1).integers(0, 256, (n, 2, *SIZE, 3)).astype(np.uint8)
    people = [f"own/{i // 8}" for i in range(n)]
    whole = Clips.from_arrays(pixels, np.zeros((n, 66, 2)), np.arange(n) % 8 // 2, subjects=people)
    cheat, hits = InTheirOrder(), []
    cheat.fit(whole, seed=0)
    assert cheat.predict(whole.without_labels()).scores[0].argmax(1).tolist() == whole.labels.tolist()
    for person in sorted(set(people)):
        unit = Unit("nearest", 1, 2, "loso", person, 0, "none", "noise", None, {})
        record = execute(unit, lambda: whole, Context(), profile="quick", stamp={}, began=0.0)
        hits += (record.scores[0].argmax(1) == np.array(record.truth)).tolist()
    assert len(hits) == n
    assert sum(hits) < 33  # 20 by chance, 33 once in a thousand


class KeepsWhatItIsShown(Nearest):
    """Asked which clips it can use, it keeps them all, and centres its pictures by their mean."""

    shown = 0

    def unusable(self, clips):
        self.shown = len(clips)
        return {}

    def fit(self, clips, *, seed):
        super().fit(clips, seed=seed)
        self.notes.append(f"shown {self.shown}")


def test_what_a_method_keeps_of_the_clips_that_it_judges_is_gone_when_it_fits(monkeypatch):
    monkeypatch.setattr("benchmark.units.execute.load_method", lambda name: KeepsWhatItIsShown)
    unit = Unit("nearest", 1, 4, "clips", "fold1", 0, "none", "noise", None, {})
    record = execute(unit, partial(noise, 40), Context(), profile="quick", stamp={}, began=0.0)
    assert record.notes == ("shown 0",)


def test_what_is_predicted_in_any_order_is_given_in_the_order_of_the_clips():
    whole, honest = noise(40), Nearest()
    honest.fit(whole, seed=0)
    found = [in_any_order(honest, whole, seed=seed).scores for seed in range(3)]
    for scores in found:
        np.testing.assert_array_equal(scores, honest.predict(whole.without_labels()).scores)


class DrawsFromTorch(Nearest):
    """Moves torch's own generator."""

    def fit(self, clips, *, seed):
        import torch

        torch.rand(1)
        super().fit(clips, seed=seed)


def test_drawing_from_a_global_generator_is_found_out(clips):
    assert broken(DrawsFromTorch, clips) == ["repeats with one seed"]


CODE = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parent)!r}]
from test_contract import SIZE, LooksAtPixels, LooksIntoFiles, Nearest, broken
from methods.contract import toy_clips
clips = toy_clips(*SIZE)
assert False, "assertions are switched off here"
print(len(broken(Nearest, clips)), len(broken(LooksAtPixels, clips)), len(broken(LooksIntoFiles, clips)))
"""


def test_python_without_assertions_finds_the_same():
    done = subprocess.run(
        [sys.executable, "-O", "-c", CODE], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    honest, *cheats = map(int, done.stdout.split())
    assert honest == 0
    assert all(cheats)


class TestPrediction:
    def test_numpy_numbers_are_as_good_as_pythons(self):
        scores = np.zeros((2, 3, 4))
        found = Prediction(({"k": np.int64(1)}, {"k": np.float32(0.5)}), scores, np.int64(1))
        assert (type(found.chosen), found.chosen) == (int, 1)
        assert json.dumps(found.candidates) == '[{"k": 1}, {"k": 0.5}]'
        assert found.scores.dtype == np.float32

    @pytest.mark.parametrize("chosen", [0.0, np.float64(1), None, "0", 2, -1])
    def test_what_is_no_candidate_is_refused(self, chosen):
        with pytest.raises(ValueError, match="chosen"):
            Prediction(({}, {}), np.zeros((2, 3, 4)), chosen)

    @pytest.mark.parametrize("value", [np.zeros(2), {1, 2}, float("nan"), np.complex64(1)])
    def test_candidates_that_json_does_not_know_are_refused(self, value):
        with pytest.raises(ValueError, match="JSON"):
            Prediction(({"k": value},), np.zeros((1, 3, 4)), 0)

    @pytest.mark.parametrize("scale", [1e-60, 1e-300, 1e300])
    def test_decisions_that_float32_cannot_hold_are_refused(self, scale):
        scores = np.array([[[0.2, 0.3, 0.1, 0.4]]])
        assert Prediction(({},), scores, 0).scores.argmax() == 3
        with pytest.raises(ValueError, match="float32"):
            Prediction(({},), scores * scale, 0)

    def test_close_scores_of_large_size_are_refused_where_they_tie(self):
        with pytest.raises(ValueError, match="float32"):
            Prediction(({},), np.array([[[-1e6, -1e6 + 1e-3]]]), 0)

    def test_no_clips_are_fine(self):
        assert Prediction(({},), np.zeros((1, 0, 4)), 0).scores.shape == (1, 0, 4)
