"""LBP-TOP, STLBP-IP and STCLQP as methods: they learn, cache, save, and refuse frames that are too small."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from data_prep.clips import Clips, prepared_set
from methods.base import Context
from methods.lbp_top import LBPTOP, LBPTOPSettings
from methods.stclqp import STCLQP, STCLQPSettings
from methods.stlbp_ip import STLBPIP, STLBPIPSettings

SMALL = {
    LBPTOP: LBPTOPSettings(blocks=(2, 2), C=(0.5, 32.0, 2048.0)),
    STLBPIP: STLBPIPSettings(blocks=(2, 2), C=(0.5, 32.0, 2048.0)),
    STCLQP: STCLQPSettings(blocks=(2, 2), n_centers=6, restarts=2, C=(0.5, 32.0, 2048.0)),
}
LABELS = np.arange(32) % 4


def moving_clips(labels, seed=0, folder=None):
    """Textured frames in which the quarter of the class shakes sideways."""
    rng = np.random.default_rng(seed)
    frames = np.empty((len(labels), 10, 24, 24, 3), np.uint8)
    for clip, label in zip(frames, labels, strict=True):
        still = rng.integers(40, 200, (24, 24, 3))
        top, left = 12 * (label // 2), 12 * (label % 2)
        for t in range(10):
            frame = still.copy()
            quarter = frame[top : top + 12, left : left + 12]
            frame[top : top + 12, left : left + 12] = np.roll(quarter, t % 3, axis=1)
            clip[t] = frame
    clips = Clips.from_arrays(frames, np.zeros((len(labels), 66, 2)), np.asarray(labels))
    return dataclasses.replace(clips, _set=dataclasses.replace(prepared_set(clips), folder=folder))


@pytest.mark.parametrize("kind", list(SMALL))
def test_movement_in_a_quarter_is_recognised_in_new_clips(kind, tmp_path):
    method = kind(SMALL[kind], Context())
    training, new = moving_clips(LABELS, folder=tmp_path), moving_clips(LABELS[:16], seed=1)
    assert method.unusable(training) == {}
    method.fit(training, seed=0)
    result = method.predict(new.without_labels())
    assert (result.scores[result.chosen].argmax(axis=1) == LABELS[:16]).mean() >= 0.75
    (tmp_path / "model").mkdir()
    method.save(tmp_path / "model")
    again = kind(SMALL[kind], Context())
    again.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(new.without_labels()).scores, result.scores)


@pytest.mark.parametrize("kind", list(SMALL))
def test_cache_and_threads_change_nothing(kind, tmp_path):
    new = moving_clips(LABELS[:8], seed=1).without_labels()
    results = []
    for folder, threads in ((None, 1), (tmp_path, 2), (tmp_path, 1)):
        method = kind(SMALL[kind], Context(threads=threads))
        method.fit(moving_clips(LABELS, folder=folder), seed=3)
        results.append(method.predict(new).scores)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


@pytest.mark.parametrize("kind", list(SMALL))
def test_frames_too_small_or_too_few_are_unusable_with_the_reason(kind):
    method = kind()
    for shape in ((2, 10, 11, 11, 3), (2, 3, 163, 134, 3)):
        clips = Clips.from_arrays(np.zeros(shape, np.uint8), np.zeros((2, 66, 2)), np.zeros(2))
        assert list(method.unusable(clips)) == [0, 1]
    fitting = Clips.from_arrays(np.zeros((2, 8, 163, 134, 3), np.uint8), np.zeros((2, 66, 2)), np.zeros(2))
    assert method.unusable(fitting) == {}


def test_stclqp_learns_from_training_clips_alone(tmp_path):
    """The codebooks of a view of a cached set equal those of the view's clips on their own."""
    whole = moving_clips(LABELS, folder=tmp_path)
    view = whole.select(np.arange(20))
    alone = moving_clips(LABELS[:20])
    method = STCLQP(SMALL[STCLQP])
    learnt = [method.learn(clips.without_labels(), seed=4) for clips in (view, alone)]
    np.testing.assert_array_equal(view[0], alone[0])
    np.testing.assert_array_equal(learnt[0]["centers"], learnt[1]["centers"])
    np.testing.assert_array_equal(learnt[0]["lookups"], learnt[1]["lookups"])


def test_stclqp_with_classes_of_one_clip():
    method = STCLQP(SMALL[STCLQP])
    for labels in ([0, 1, 2, 3], [0, 0, 1], [0, 0, 0, 2, 2, 2, 3], [1]):
        method.fit(moving_clips(labels), seed=0)
        result = method.predict(moving_clips([0, 1]).without_labels())
        assert set(result.scores[result.chosen].argmax(axis=1)) <= set(labels)
