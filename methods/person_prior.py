"""A baseline that knows who somebody is and nothing else: what that person mostly showed in training."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clips import Clips
from methods.base import FrameSettings, Method, Prediction


@dataclass(frozen=True)
class Settings(FrameSettings):
    """Nothing to set; the frame size is the descriptors', so that no clips are prepared for it alone."""


class GroupPrior(Method):
    """Scores are the class counts of the training clips of one's own group.

    The class frequencies of all training clips are added: together they weigh one clip, so they decide ties
    and what is said of a group that training did not show.
    """

    role = "baseline"
    blind = True
    Settings = Settings

    @staticmethod
    @abstractmethod
    def groups(clips: Clips) -> Sequence[str]:
        """The group of each clip."""

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Count the classes of each group, and of all clips."""
        k = len(clips.classes)
        overall = np.bincount(clips.labels, minlength=k)
        self.overall = overall / max(overall.sum(), 1)
        self.counts: dict[str, list[int]] = {}
        for group, label in zip(self.groups(clips), clips.labels, strict=True):
            self.counts.setdefault(group, [0] * k)[int(label)] += 1

    def predict(self, clips: Clips) -> Prediction:
        """The share of each class in the clip's group."""
        nothing = [0] * len(self.overall)
        rows = [np.asarray(self.counts.get(group, nothing)) + self.overall for group in self.groups(clips)]
        scores = np.array(rows, np.float64).reshape(len(clips), len(self.overall))
        shares = scores / scores.sum(axis=1, keepdims=True)
        return Prediction(({},), shares.astype(np.float32)[None], chosen=0)

    def save(self, folder: Path) -> None:
        """Write the counts as JSON."""
        body = {"overall": self.overall.tolist(), "counts": self.counts}
        (folder / "prior.json").write_text(json.dumps(body), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        body = json.loads((folder / "prior.json").read_text(encoding="utf-8"))
        self.overall, self.counts = np.array(body["overall"]), body["counts"]


class PersonPrior(GroupPrior):
    """Names the class that this person's training clips show most; of a new person the most frequent."""

    name = "person-prior"
    title = "Person prior"

    @staticmethod
    def groups(clips: Clips) -> Sequence[str]:
        """The person of each clip."""
        return clips.subjects
