"""The contract finds methods that look where they must not, with and without assertions switched off."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import types
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from nearest import SIZE, Nearest, broken, noise

from benchmark.protocols import PROTOCOLS
from benchmark.units.execute import execute
from benchmark.units.unit import Unit
from data_prep.clips import Clips, prepared_set
from methods.base import Context, Prediction
from methods.contract import toy_clips


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


def test_an_honest_method_keeps_the_contract(clips):
    assert broken(Nearest, clips) == []


@pytest.mark.parametrize("method", [LooksAtPixels, LooksIntoFiles])
def test_learning_from_other_clips_is_found_out(method, clips):
    assert "learns from its own clips alone" in broken(method, clips)


def test_looking_at_labels_while_predicting_is_found_out(clips):
    assert "predicts each clip alone" in broken(LooksWhenItPredicts, clips)


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


CODE = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parent)!r}]
from nearest import SIZE, Nearest, broken
from test_contract import LooksAtPixels, LooksIntoFiles
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
