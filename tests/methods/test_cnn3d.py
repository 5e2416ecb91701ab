"""3D-CNN as a method: the paper's schedule for both clip lengths, clip scores."""

import numpy as np
import pytest

from data_prep.clips import Clips
from methods import make_settings
from methods.base import Context, MethodError
from methods.cnn3d import CNN3D


def toy(n=8, frames=32):
    pixels = np.random.default_rng(0).integers(0, 256, (n, frames, 36, 40, 3)).astype(np.uint8)
    return Clips.from_arrays(pixels, np.zeros((n, 66, 2)), np.arange(n) % 4)


def made():
    return CNN3D(make_settings(CNN3D, CNN3D.trial), Context())


@pytest.mark.parametrize(("length", "rate", "batch"), [(32, 0.003, 7), (64, 0.001, 4)])
def test_the_papers_schedule(length, rate, batch):
    schedule = CNN3D().schedule(length)
    (current,) = schedule.rounds
    assert (current.rate, current.drop_every, schedule.batch, schedule.view.length) == (
        rate,
        20_000,
        batch,
        length,
    )
    assert current.rate_at(20_000) == pytest.approx(rate / 10)
    assert schedule.view.crop == 112 and CNN3D().frame_size == (128, 171)


def test_a_schedule_for_fewer_clips_is_trained_longer():
    settings = make_settings(CNN3D, {**CNN3D.trial, "scheduled_for": 3})
    method = CNN3D(settings, Context())
    method.fit(toy().select(range(6)), seed=0)
    once = made()
    once.fit(toy().select(range(6)), seed=0)
    assert max(i for i, _ in once.candidates) == CNN3D.trial["iterations"]
    assert max(i for i, _ in method.candidates) == 2 * CNN3D.trial["iterations"]


def test_one_decision_per_clip_for_every_candidate():
    method = made()
    clips = toy()
    method.fit(clips.select(range(6)), seed=0)
    found = method.predict(clips.select([6, 7]).without_labels())
    assert found.scores.shape == (len(method.candidates), 2, 4) and found.step_decisions is None
    np.testing.assert_allclose(found.scores.sum(2), 1, rtol=1e-5)
    assert {"training loss", "training validation accuracy"} <= set(method.curves)


def test_other_lengths_are_refused():
    method = made()
    method.fit(toy(), seed=0)
    with pytest.raises(MethodError, match="same TIM length"):
        method.predict(toy(frames=48))


def test_short_clips_are_taken():
    method, clips = made(), toy(frames=8)
    method.fit(clips.select(range(6)), seed=0)
    assert method.predict(clips.select([6, 7]).without_labels()).scores.shape[1:] == (2, 4)


def test_the_mean_of_the_last_kept_weights_is_a_candidate_and_chosen():
    settings = make_settings(CNN3D, {**CNN3D.trial, "averaged": 2, "inner_share": 0.0})
    method, clips = CNN3D(settings, Context()), toy()
    method.fit(clips.select(range(6)), seed=0)
    found = method.predict(clips.select([6, 7]).without_labels())
    *single, mean = found.candidates
    assert mean == {"mean of": [each["iteration"] for each in single[-2:]]}
    assert found.chosen == len(single)
    np.testing.assert_allclose(found.scores[-1], found.scores[-3:-1].mean(0), atol=1e-6)
    assert "training validation accuracy" not in method.curves
    assert not any("last one was taken" in note for note in method.notes)
