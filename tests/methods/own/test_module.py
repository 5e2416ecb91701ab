"""A torch module as a method: it keeps the contract, learns what can be learned, and chooses on training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from methods import make_settings
from methods.base import Context, MethodError
from methods.contract import CHECKS, Trial, toy_clips
from methods.own.module import ModuleMethod


class Small(ModuleMethod):
    name, title = "small", "Small"

    def module(self, n_classes, shape):
        pool = nn.AdaptiveAvgPool3d((3, 4, 4))
        return nn.Sequential(
            pool, nn.Flatten(), nn.LazyLinear(24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, n_classes)
        )


def clips_that_move(n=32):
    """A bright bar moves up, down, or not at all: three classes, eight people with textures of their own."""
    random = np.random.default_rng(0)
    frames = np.empty((n, 8, 32, 26, 3), np.uint8)
    for i in range(n):
        frames[i] = random.integers(60, 120, (1, 32, 26, 1))
        for t in range(8):
            at = 14 + (-1, 1, 0)[i % 3] * t
            frames[i, t, at : at + 3] = 230
    people = [f"toy/{i % 8}" for i in range(n)]
    return toy_clips(32, 26, n=3, frames=8).from_arrays(
        frames, np.zeros((n, 66, 2)), np.arange(n) % 3, subjects=people, classes=("up", "down", "still")
    )


def test_the_contract(tmp_path):
    trial = Trial(Small, toy_clips(32, 26), tmp_path)
    for check in CHECKS.values():
        check(trial)


def fitted(clips, seed=0, **settings):
    method = Small(make_settings(Small, {"frame_size": (32, 26), "epochs": 30, "rate": 0.01, **settings}))
    method.fit(clips, seed=seed)
    return method


def test_it_learns_movement_and_the_global_generator_is_left_alone():
    clips = clips_that_move()
    before = torch.random.get_rng_state()
    method = fitted(clips.select(range(24)))
    assert torch.equal(before, torch.random.get_rng_state())
    test = clips.select(range(24, 32))
    decided = method.predict(test.without_labels()).scores[method._chosen].argmax(axis=1)
    assert (decided == test.labels).mean() >= 0.75
    assert method.curves["training loss"].values[-1] < method.curves["training loss"].values[0]


def test_candidates_are_the_kept_epochs_and_the_last_is_among_them():
    method = fitted(clips_that_move(), epochs=7, keep=3)
    epochs = [each["epoch"] for each in method.predict(clips_that_move().without_labels()).candidates]
    assert len(epochs) == 3 and epochs == sorted(epochs) and epochs[-1] == 7


def test_without_clips_to_choose_the_last_epoch_is_taken_and_it_is_said():
    method = fitted(clips_that_move(), inner_folds=0, epochs=2, keep=2)
    assert method._chosen == 1 and "last one" in method.notes[0]


def test_clips_of_another_shape_are_refused():
    with pytest.raises(MethodError, match="shape"):
        fitted(clips_that_move(), epochs=1, keep=1).predict(toy_clips(32, 26).without_labels())
    with pytest.raises(MethodError, match="not fitted"):
        Small(context=Context()).predict(toy_clips(32, 26).without_labels())
