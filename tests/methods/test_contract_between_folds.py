"""What a fit leaves for the next fold, what a set says beside its clips, and their order, tell nothing."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from nearest import SIZE, Nearest, broken, noise

from benchmark.units.execute import execute
from benchmark.units.unit import Unit
from data_prep.clips import Clips, prepared_set, rows_of
from methods.base import Context, Prediction, in_any_order
from methods.cached import per_clip
from methods.contract import toy_clips


@pytest.fixture(scope="module")
def clips():
    return toy_clips(*SIZE)


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
