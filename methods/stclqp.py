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
from features.stclqp import COMPONENTS, component_codes, learn_codebook
from features.stclqp_blocks import block_tables, code_counts, quantised_histograms
from methods.cached import PerClipArrays, per_clip_arrays
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

    What is cached per clip is which codes each block holds and how often: codebooks and histograms of every
    fold follow from these whole numbers without a look at pixels.
    """

    name = "stclqp"
    title = "STCLQP"
    reference = (
        "Huang, Zhao, Hong, Zheng & Pietikäinen, Spontaneous facial micro-expression analysis using "
        "spatiotemporal completed local quantized patterns, Neurocomputing 175 (2016) 564-578, "
        "https://doi.org/10.1016/j.neucom.2015.10.096"
    )
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
        tables, blocks = self._tables(clips), self._blocks
        lookups, n_centers = self.learned["lookups"], self.settings.n_centers

        def one(i: int) -> Float32:
            return quantised_histograms(tables[i], lookups, n_centers=n_centers, blocks=blocks).reshape(-1)

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

    @property
    def _blocks(self) -> tuple[int, int]:
        rows, columns = self.settings.blocks
        return rows, columns

    def _tables(self, clips: Clips) -> PerClipArrays:
        """`features.stclqp_blocks.block_tables` of every clip."""
        circle = {"radius": self.settings.radius, "points": self.settings.points}
        blocks = self._blocks

        def compute(clip: UInt8, landmarks: Float32) -> npt.NDArray[np.uint32]:
            return block_tables(component_codes(grey(clip), **circle), blocks)

        return per_clip_arrays(
            clips,
            compute,
            name=f"{self.name}-blocks",
            parameters={**circle, "blocks": list(blocks)},
            threads=self.context.threads,
            ragged=True,
        )

    def _total_counts(self, clips: Clips) -> npt.NDArray[np.int64]:
        """(3, 3, 2^P) int64 counts of codes over all clips."""
        tables, leading, points = self._tables(clips), (len(COMPONENTS), _PLANES), self.settings.points
        total = np.zeros((*leading, 2**points), np.int64)
        for i in range(len(clips)):
            total += code_counts(tables[i], leading, self._blocks, points)
        return total
