"""FDM: facial dynamics map, principal flow directions of cuboids, with an RBF SVM."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from basis.files import write_json
from data_prep.clips import Clips, Float32, UInt8
from features.fdm import Encoding, align, encode, principal_vectors
from features.optical_flow import flow_between_neighbours
from methods.base import Context, MethodError
from methods.cached import per_clip
from methods.svm.last_view import LastView
from methods.svm.solver import Kernel, SVMMethod, SVMSettings, Variant

_LONG_CLIP = 48


@dataclass(frozen=True)
class Settings(SVMSettings):
    """The cuboids that are tried and the grid of the RBF kernel.

    Attributes
    ----------
    algorithm
        A name of `features.optical_flow.ALGORITHMS`.
    grids
        Rows and columns of cuboids.
    depths
        Fields per cuboid for clips of up to 48 frames, depths_long for longer ones (the paper's for TIM32 and
        TIM64).
    encoding, threshold
        See `features.fdm.fdm`.
    gammas
        Multiples of 1 / mean squared distance.
    """

    algorithm: str = "farneback"
    grids: tuple[int, ...] = (4, 6, 8, 12, 16)
    depths: tuple[int, ...] = (3, 6, 10)
    depths_long: tuple[int, ...] = (7, 10, 12)
    encoding: Encoding = "unit"
    threshold: float = 0.02
    gammas: tuple[float, ...] = (0.25, 1.0, 4.0)


class FDM(SVMMethod):
    """One candidate per grid and depth, with the C and gamma that inner cross-validation chooses for it.

    Notes
    -----
    The TLCNN paper took the best grid and depth of each training on the test fold; here all of them are in
    the record and the chosen one is chosen on the training clips. Depths that a short clip does not have
    are left out; if none is left, one cuboid spans the clip. The threshold is ours and lower than the
    function's default: a movement of 1 px that interpolation spreads over a dozen frames stays under
    0.05 px between neighbours, which would call nine of ten cuboids motionless.
    """

    name = "fdm"
    title = "FDM"
    reference = (
        "Xu, Zhang & Wang, Microexpression identification and categorization using a facial dynamics map, "
        "IEEE Transactions on Affective Computing 8 (2017) 254-267"
    )
    role = "paper"
    Settings = Settings
    one_candidate_per_variant = True
    trial: ClassVar[Mapping[str, Any]] = {
        "frame_size": (64, 52),
        "grids": (4, 6),
        "depths": (6, 10),
        "C": (1.0, 32.0),
        "inner_folds": 2,
    }

    def __init__(self, settings: Any = None, context: Context | None = None) -> None:
        super().__init__(settings, context)
        self._last = LastView()
        self._frames = 0

    def variants(self) -> Sequence[Variant]:
        """One per grid and depth that the clips it was fitted on can have."""
        return [{"grid": grid, "depth": depth} for grid, depth in product(self.settings.grids, self._depths)]

    def kernels(self) -> Sequence[Kernel]:
        """RBF kernels of several widths."""
        return [Kernel("rbf", gamma) for gamma in self.settings.gammas]

    def fit(self, clips: Clips, *, seed: int) -> None:
        """As every SVM method; the number of frames decides on the depths."""
        self._frames = clips.shape[0]
        super().fit(clips, seed=seed)

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """(n, d) float32: the encoded principal vectors of one grid and depth.

        Raises
        ------
        MethodError
            For clips of another length than those fitted on.
        """
        if clips.shape[0] != self._frames:
            raise MethodError(f"fdm was fitted on {self._frames} frames a clip, these have {clips.shape[0]}")
        rows, start = self._last.rows(clips, self._vectors), 0
        for other in self.variants():
            size = _values(other, self._frames)
            if other == variant:
                break
            start += size
        encoding, threshold = self.settings.encoding, self.settings.threshold
        return np.stack([encode(row, encoding, threshold=threshold) for row in rows[:, start : start + size]])

    def save(self, folder: Path) -> None:
        """As every SVM method, and the number of frames."""
        super().save(folder)
        write_json(folder / "fdm.json", {"frames": self._frames})

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._frames = int(json.loads((folder / "fdm.json").read_text(encoding="utf-8"))["frames"])
        super().load(folder)

    @property
    def _depths(self) -> tuple[int, ...]:
        fields = self._frames - 1
        wanted = self.settings.depths if self._frames <= _LONG_CLIP else self.settings.depths_long
        return tuple(depth for depth in wanted if depth <= fields) or (fields,)

    def _vectors(self, clips: Clips) -> Float32:
        """(n, d) float32, principal vectors of all variants one after the other, in pixels."""
        algorithm, variants = self.settings.algorithm, self.variants()

        def compute(clip: UInt8, landmarks: Float32) -> Float32:
            aligned = align(flow_between_neighbours(clip, algorithm))
            parts = [
                principal_vectors(aligned, grid=(v["grid"], v["grid"]), depth=v["depth"]) for v in variants
            ]
            return np.concatenate([part.ravel() for part in parts])

        return per_clip(
            clips,
            compute,
            name=self.name,
            parameters={"algorithm": algorithm, "variants": list(variants)},
            threads=self.context.threads,
        )


def _values(variant: Variant, frames: int) -> int:
    """How many values the principal vectors of a variant have."""
    return int(2 * variant["grid"] ** 2 * ((frames - 1) // variant["depth"]))
