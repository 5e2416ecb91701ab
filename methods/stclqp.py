"""STCLQP on grey clips: codebooks and supervised LPP of the training clips, then a linear SVM."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from basis.canonical import digest_of
from data_prep.clips import Clips, Float32, Int64, UInt8
from features.colour import grey
from features.stclqp import (
    COMPONENTS,
    code_counts,
    component_codes,
    learn_codebook,
    magnitude_thresholds,
    quantised_histograms,
)
from methods.cached import PerClipArrays, per_clip, per_clip_arrays
from methods.svm.solver import Affine, SVMMethod, SVMSettings, Variant

_PLANES = 3


@dataclass(frozen=True)
class STCLQPSettings(SVMSettings):
    """The configuration of methods that are compared: 8 x 8 blocks, P = 16, R = 2, 20 codes, SLPP 0.98."""

    blocks: tuple[int, int] = (8, 8)
    points: int = 16
    radius: int = 2
    n_centers: int = 20
    restarts: int = 5
    pca_ratio: float = 0.98


class STCLQP(SVMMethod):
    """Spatio-temporal completed local quantised patterns.

    Source: Huang, Zhao, Hong, Zheng & Pietikainen, Neurocomputing 2016; departures in
    `features.stclqp`. Codebooks and supervised LPP see training clips alone. Inside the inner folds
    the supervised LPP is fitted again on each inner training part, the codebooks, which use no labels,
    are those of all training clips.

    What is cached per clip is the smaller one of its code volumes and its counts of distinct codes; where
    it is the counts, codes are computed again in each fold, a few hundredths of a second a clip.
    """

    name = "stclqp"
    title = "STCLQP"
    revision = 2
    role = "paper"
    Settings = STCLQPSettings
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (108, 90), "C": (0.125, 8.0), "inner_folds": 2}

    def unusable(self, clips: Clips) -> dict[int, str]:
        """All clips, when the frames are too small for radius and blocks, or too few."""
        reach = 2 * self.settings.radius
        need = (reach + 1, *(reach + n for n in self.settings.blocks))
        if all(have >= least for have, least in zip(clips.shape, need, strict=True)):
            return {}
        reason = f"frames {clips.shape} (T, H, W) are smaller than the {need} that radius and blocks need"
        return dict.fromkeys(range(len(clips)), reason)

    def learn(self, clips: Clips, *, seed: int) -> dict[str, npt.NDArray[Any]]:
        """A codebook for every component and plane: `lookups` (3, 3, 2^P) uint8 and `centers`."""
        settings = self.settings
        counts = self._total_counts(clips)

        def one(at: tuple[int, int]) -> tuple[UInt8, npt.NDArray[np.float64]]:
            codes = np.flatnonzero(counts[at])
            book = learn_codebook(
                codes,
                counts[at][codes],
                n_centers=settings.n_centers,
                seed=int(digest_of(["codebook", seed, *at])[:12], 16),
                points=settings.points,
                restarts=settings.restarts,
            )
            return book.lookup, book.centers

        with ThreadPoolExecutor(max(1, self.context.threads)) as pool:
            books = list(pool.map(one, product(range(len(COMPONENTS)), range(_PLANES))))
        shape = (len(COMPONENTS), _PLANES)
        return {
            "lookups": np.stack([lookup for lookup, _ in books]).reshape(*shape, -1),
            "centers": np.stack([centers for _, centers in books]).reshape(*shape, settings.n_centers, -1),
        }

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """(n, 3 components * 3 planes * blocks * n_centers) float32."""
        stored = self._stored(clips) if self._stores_codes(clips) else None
        thresholds = self._thresholds(clips) if stored is None else np.empty(0)
        lookups = self.learned["lookups"]

        def one(i: int) -> Float32:
            codes = self._codes(clips[i], thresholds[i]) if stored is None else stored[i]
            histograms = quantised_histograms(
                codes, lookups, n_centers=self.settings.n_centers, blocks=tuple(self.settings.blocks)
            )
            return histograms.reshape(-1)

        with ThreadPoolExecutor(max(1, self.context.threads)) as pool:
            return np.stack(list(pool.map(one, range(len(clips)))))

    def reduce(self, features: Float32, labels: Int64, variant: Variant) -> Affine | None:
        """Supervised LPP of each component's part, side by side; nothing is reduced without a pair."""
        width = features.shape[1] // len(COMPONENTS)
        mean = features.mean(axis=0, dtype=np.float64)
        if np.bincount(labels).max() < 2:
            return Affine(mean, np.ones(features.shape[1]))
        from features.slpp import SupervisedLPP  # brings scikit-learn: see methods.folds

        maps = []
        for c in range(len(COMPONENTS)):
            part = features[:, c * width : (c + 1) * width]
            maps.append(SupervisedLPP(pca_ratio=self.settings.pca_ratio).fit(part, labels).components_)
        matrix = np.zeros((features.shape[1], sum(len(components) for components in maps)))
        column = 0
        for c, components in enumerate(maps):
            matrix[c * width : (c + 1) * width, column : column + len(components)] = components.T
            column += len(components)
        return Affine(mean, matrix)

    def _codes(
        self, clip: UInt8, thresholds: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.uint16]:
        radius, points = self.settings.radius, self.settings.points
        return component_codes(grey(clip), radius=radius, points=points, thresholds=thresholds)

    def _thresholds(self, clips: Clips) -> npt.NDArray[np.float64]:
        """(n, 3) thresholds of the magnitude component, from the cache where codes are not."""
        parameters = {"radius": self.settings.radius, "points": self.settings.points}

        def compute(clip: UInt8, landmarks: Float32) -> npt.NDArray[np.float64]:
            return magnitude_thresholds(grey(clip), **parameters)

        name, threads = f"{self.name}-thresholds", self.context.threads
        return per_clip(clips, compute, name=name, parameters=parameters, threads=threads)

    def _stores_codes(self, clips: Clips) -> bool:
        """Whether code volumes (two bytes a centre) are smaller than tables of counts (four bytes a code)."""
        centres = int(np.prod([size - 2 * self.settings.radius for size in clips.shape]))
        return bool(2 * centres <= 4 * 2**self.settings.points)

    def _stored(self, clips: Clips) -> PerClipArrays:
        """What is cached per clip: (3, 3, T', H', W') uint16 codes or (3, 3, 2^P) uint32 counts."""
        volumes = self._stores_codes(clips)

        def compute(clip: UInt8, landmarks: Float32) -> npt.NDArray[Any]:
            codes = self._codes(clip)
            return codes if volumes else code_counts(codes, self.settings.points)

        parameters = {"radius": self.settings.radius, "points": self.settings.points}
        name = f"{self.name}-{'codes' if volumes else 'counts'}"
        return per_clip_arrays(clips, compute, name=name, parameters=parameters, threads=self.context.threads)

    def _total_counts(self, clips: Clips) -> npt.NDArray[np.int64]:
        """(3, 3, 2^P) int64 counts of codes over all clips."""
        stored = self._stored(clips)
        volumes = self._stores_codes(clips)
        total = np.zeros((len(COMPONENTS), _PLANES, 2**self.settings.points), np.int64)
        for i in range(len(clips)):
            total += code_counts(stored[i], self.settings.points) if volumes else stored[i]
        return total
