"""An honest method that needs a millisecond, for cheats to derive from, and what the contract says of one."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clips import Clips
from methods.base import FrameSettings, Method, Prediction
from methods.contract import CHECKS, BrokenContract, Trial

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


def noise(n):
    """Clips that say nothing about their classes, ten of each."""
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (n, 4, *SIZE, 3)).astype(np.uint8)
    labels = random.permutation(np.arange(n) % 4)
    return Clips.from_arrays(pixels, np.zeros((n, 66, 2)), labels, subjects=[f"own/{i}" for i in range(n)])
