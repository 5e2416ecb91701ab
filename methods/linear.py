"""A baseline: logistic regression on coarsely pooled flow from onset to apex."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from basis.files import atomically, write_json
from data_prep.clips import Clips, Float32, UInt8
from features.optical_flow import flow_from_first
from methods.base import FrameSettings, Method, MethodError, Prediction
from methods.cached import per_clip
from methods.folds import inner_folds
from methods.logistic import logistic, on_raw, probabilities

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Settings(FrameSettings):
    """The flow, its pooling and the penalties.

    Attributes
    ----------
    algorithm
        Of the flow.
    cells
        Rows and columns of the pooling.
    C
        Inverse strengths of the penalty.
    """

    algorithm: str = "farneback"
    cells: int = 7
    C: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
    inner_folds: int = 5


class Linear(Method):
    """Mean u and v in 7 x 7 cells of the apex-minus-onset flow, standardised; one candidate per C.

    Notes
    -----
    Temporal interpolation leaves no annotated apex, and SMIC has none: the apex is taken to be the frame
    whose flow from the first frame has the largest mean length. Not in the TLCNN paper: a method that
    cannot beat this one has not earned its complexity.
    """

    name = "linear"
    title = "Linear on pooled flow"
    revision = 2
    role = "baseline"
    Settings = Settings
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "C": (0.01, 1.0), "inner_folds": 2}

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Standardise on these clips, fit every C, choose one by inner cross-validation."""
        labels = clips.labels
        self.require_clips(clips)
        self.n_classes = len(clips.classes)
        self.seconds["features"] = 0.0
        x = self._features(clips.without_labels(named=True))
        groups = clips.subjects if self.context.grouped else None
        splits = inner_folds(labels, groups, self.settings.inner_folds, seed)
        if not splits:
            self.notes.append("no inner folds possible: the first C was taken")
        correct = np.zeros(len(self.settings.C))
        for train, test in splits:
            fitted = self._fitted(x[train], labels[train])
            correct += (_scores(fitted, x[test]).argmax(axis=2) == labels[test]).sum(axis=1)
        self._chosen = int(correct.argmax())
        self._weights = self._fitted(x, labels)

    def predict(self, clips: Clips) -> Prediction:
        """Class probabilities of every C; a class that training lacked gets 0."""
        self.require_fitted("_weights")
        scores = _scores(self._weights, self._features(clips))
        return Prediction(tuple({"C": C} for C in self.settings.C), scores, self._chosen)

    def save(self, folder: Path) -> None:
        """Write `linear.npz` (weights on raw features) and `linear.json`."""
        with atomically(folder / "linear.npz") as file:
            np.savez(file, weights=self._weights)
        about = {"C": self.settings.C, "chosen": self._chosen, "n_classes": self.n_classes}
        write_json(folder / "linear.json", about)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        MethodError
            When it was written with other values of C.
        """
        about = json.loads((folder / "linear.json").read_text(encoding="utf-8"))
        if tuple(about["C"]) != self.settings.C:
            raise MethodError(f"{folder}: saved with C = {about['C']}, these settings have {self.settings.C}")
        self._chosen, self.n_classes = int(about["chosen"]), int(about["n_classes"])
        self._weights = np.load(folder / "linear.npz", allow_pickle=False)["weights"]

    def _features(self, clips: Clips) -> Float64:
        """(n, cells * cells * 2) float64 pooled flow."""
        algorithm, cells = self.settings.algorithm, self.settings.cells

        def compute(clip: UInt8, landmarks: Float32) -> Float32:
            return pooled_apex_flow(flow_from_first(clip, algorithm), cells)

        start = time.perf_counter()
        rows = per_clip(
            clips,
            compute,
            name=self.name,
            parameters={"algorithm": algorithm, "cells": cells},
            threads=self.context.threads,
        )
        self.seconds["features"] = self.seconds.get("features", 0.0) + time.perf_counter() - start
        return rows.astype(np.float64)

    def _fitted(self, x: Float64, labels: npt.NDArray[np.int64]) -> Float64:
        """Weights of every C, (len(C), n_classes, d + 1): the standardisation is folded into them."""
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        scale = np.where(deviation > 1e-12, 1 / np.maximum(deviation, 1e-12), 0.0)
        fits = [logistic((x - mean) * scale, labels, C, self.n_classes) for C in self.settings.C]
        return np.stack([on_raw(fitted, mean, scale) for fitted in fits])


def pooled_apex_flow(flow: Float32, cells: int) -> Float32:
    """Mean u and v in cells x cells blocks of the field with the largest mean length, (cells^2 * 2,) float32.

    Parameters
    ----------
    flow
        (T-1, H, W, 2) in pixels, from the first frame; the first field wins ties.
    cells
        Blocks along each side.
    """
    apex = flow[int(np.hypot(flow[..., 0], flow[..., 1]).mean(axis=(1, 2), dtype=np.float64).argmax())]
    rows = np.array_split(apex.astype(np.float64), cells)
    blocks = [block.mean(axis=(0, 1)) for row in rows for block in np.array_split(row, cells, axis=1)]
    return np.asarray(blocks, np.float32).ravel()


def _scores(weights: Float64, x: Float64) -> Float32:
    """(len(C), n, n_classes) probabilities."""
    return np.stack([probabilities(x, each) for each in weights]).astype(np.float32)
