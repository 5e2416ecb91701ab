"""STLBP-IP on grey clips with a chi-square SVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from data_prep.clips import Clips, Float32, UInt8
from features.colour import grey
from features.stlbp_ip import stlbp_ip
from methods.cached import Descriptor, UnusableClip
from methods.svm.solver import Kernel, SVMMethod, SVMSettings, Variant


@dataclass(frozen=True)
class STLBPIPSettings(SVMSettings):
    """The paper's configuration: 8 x 9 blocks, 1D mask of 9, 2D LBP with radius 3 and 8 points."""

    blocks: tuple[int, int] = (8, 9)
    points: int = 8
    radius: int = 3
    mask: int = 9


class STLBPIP(SVMMethod):
    """Spatio-temporal LBP with integral projection, chi-square kernel.

    Source: Huang, Wang, Zhao & Pietikainen, ICCV workshops 2015; departures in `features.stlbp_ip`.
    """

    name = "stlbp-ip"
    title = "STLBP-IP"
    reference = (
        "Huang, Wang, Zhao & Pietikäinen, Facial micro-expression recognition using spatiotemporal local "
        "binary pattern with integral projection, ICCV workshops 2015, https://doi.org/10.1109/ICCVW.2015.10"
    )
    revision = 2
    role = "paper"
    Settings = STLBPIPSettings
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (108, 90), "C": (0.125, 8.0), "inner_folds": 2}

    def kernels(self) -> Sequence[Kernel]:
        """Chi-square, as the paper."""
        return (Kernel("chi2"),)

    def unusable(self, clips: Clips) -> dict[int, str]:
        """All clips, when the frames are too small or too few for mask, radius and blocks."""
        try:
            self._of_clip(np.zeros((*clips.shape, 3), np.uint8), np.zeros((66, 2), np.float32))
        except UnusableClip as reason:
            return dict.fromkeys(range(len(clips)), str(reason))
        return {}

    def descriptor(self, variant: Variant) -> Descriptor:
        """(rows * columns * 4 * 59,) float32."""
        return Descriptor(self._of_clip, self.name, self._parameters())

    def _parameters(self) -> dict[str, int | list[int]]:
        values = asdict(self.settings)
        return {name: _plain(values[name]) for name in ("blocks", "points", "radius", "mask")}

    def _of_clip(self, clip: UInt8, landmarks: Float32) -> Float32:
        settings = self.settings
        try:
            return stlbp_ip(
                grey(clip),
                blocks=tuple(settings.blocks),
                points=settings.points,
                radius=settings.radius,
                mask=settings.mask,
            )
        except ValueError as reason:
            raise UnusableClip(str(reason)) from reason


def _plain(value: int | Sequence[int]) -> int | list[int]:
    return value if isinstance(value, int) else list(value)
