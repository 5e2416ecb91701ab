"""A baseline: always the most frequent class of the training clips."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clips import Clips
from methods.base import FrameSettings, Method, Prediction


@dataclass(frozen=True)
class Settings(FrameSettings):
    """Nothing to set; the frame size is the descriptors', so that no clips are prepared for it alone."""


class Majority(Method):
    """Scores are the class frequencies of the training clips; the lowest class index wins ties."""

    name = "majority"
    title = "Majority class"
    needs_frames = False
    role = "baseline"
    blind = True
    Settings = Settings

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Count the classes."""
        counts = np.bincount(clips.labels, minlength=len(clips.classes))
        self.frequencies = (counts / counts.sum()).astype(np.float32)

    def predict(self, clips: Clips) -> Prediction:
        """The same scores for every clip."""
        scores = np.broadcast_to(self.frequencies, (1, len(clips), len(self.frequencies)))
        return Prediction(({},), scores, chosen=0)

    def save(self, folder: Path) -> None:
        """Write the frequencies as JSON."""
        (folder / "majority.json").write_text(json.dumps(self.frequencies.tolist()))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.frequencies = np.array(json.loads((folder / "majority.json").read_text()), np.float32)
