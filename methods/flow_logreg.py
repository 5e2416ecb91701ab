"""The baseline of the field: logistic regression on 147 numbers of the onset-apex picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from basis.files import atomically, write_json
from data_prep.clips import Clips
from methods.base import Method, MethodError, Prediction, Role
from methods.flow_pictures import FlowSettings, Pictures, pictures_of
from methods.logistic import logistic, on_raw, probabilities

Float64 = npt.NDArray[np.float64]
MODEL = "flow-logreg.npz"


@dataclass(frozen=True)
class Settings(FlowSettings):
    """The pooling and the penalty.

    Attributes
    ----------
    cells
        Rows and columns of the grid of means.
    C
        Inverse strength of the L2 penalty.
    """

    cells: int = 7
    C: float = 0.01


class FlowLogreg(Method):
    """Means of u, v and strain in 7 x 7 cells, standardised on the training clips, classes weighed equally.

    Notes
    -----
    There is nothing to choose, so the honest number and the one that is best on the test clips are the
    same. On MEGC2019's public pictures it reaches UF1 .727, above most re-runs of published networks: what
    does not beat it has not earned its parameters.
    """

    name = "flow-logreg"
    title = "Logistic regression on flow"
    revision = 2
    role: ClassVar[Role] = "baseline"
    needs_frames = False
    Settings = Settings
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52)}

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Standardise and fit; the seed has no part."""
        labels = clips.labels
        self.require_clips(clips)
        x = self._features(clips.without_labels(named=True))
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        scale = np.where(deviation > 1e-12, 1 / np.maximum(deviation, 1e-12), 0.0)
        weights = logistic(
            (x - mean) * scale, labels, self.settings.C, len(clips.classes), balanced=True, max_iter=5000
        )
        self._weights = on_raw(weights, mean, scale)
        self.n_parameters = self._weights.size

    def predict(self, clips: Clips) -> Prediction:
        """Class probabilities; a class that training lacked gets 0."""
        self.require_fitted("_weights")
        scores: npt.NDArray[Any] = probabilities(self._features(clips), self._weights)[None]
        return Prediction(({},), scores, chosen=0)

    def save(self, folder: Path) -> None:
        """Write the weights on raw features as npz, and the cells as JSON."""
        with atomically(folder / MODEL) as file:
            np.savez(file, weights=self._weights)
        write_json(folder / "flow-logreg.json", {"cells": self.settings.cells})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        MethodError
            When it was written with another grid.
        """
        cells = json.loads((folder / "flow-logreg.json").read_text(encoding="utf-8"))["cells"]
        if cells != self.settings.cells:
            raise MethodError(
                f"{folder}: saved with cells = {cells}, these settings have {self.settings.cells}"
            )
        self._weights = np.load(folder / MODEL, allow_pickle=False)["weights"]
        self.n_parameters = self._weights.size

    def _features(self, clips: Clips) -> Float64:
        pictures = pictures_of(self, clips, recipe=self.settings.recipe)
        return cell_means(pictures, self.settings.cells)


def cell_means(pictures: Pictures, cells: int) -> Float64:
    """(n, cells * cells * 3) float64 means of each channel in cells x cells blocks of (n, h, w, 3)."""
    rows = np.array_split(pictures.astype(np.float64) / 255, cells, axis=1)
    blocks = [block.mean(axis=(1, 2)) for row in rows for block in np.array_split(row, cells, axis=2)]
    return np.concatenate(blocks, axis=1)
