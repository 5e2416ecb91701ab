"""LBP-TOP on colour clips with an SVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from data_prep.clips import Clips, Float32, UInt8
from features.lbp_top import lbp_top
from methods.cached import Descriptor
from methods.svm.solver import Kernel, SVMMethod, SVMSettings, Variant


@dataclass(frozen=True)
class LBPTOPSettings(SVMSettings):
    """The paper's configuration: radius 3, 8 points, 6 x 6 blocks; kernels are candidates (not given)."""

    radius: int = 3
    points: int = 8
    blocks: tuple[int, int] = (6, 6)
    kernels: tuple[str, ...] = ("linear", "chi2")


class LBPTOP(SVMMethod):
    """Uniform LBP-TOP histograms of red, green and blue, one after the other.

    Source: Zhao & Pietikainen, PAMI 2007; radius, points, blocks and colour channels as the TLCNN paper
    configures it. Notes: the paper names no kernel, so linear and chi-square compete on the training
    clips.
    """

    name = "lbp-top"
    title = "LBP-TOP"
    reference = (
        "Zhao & Pietikäinen, Dynamic texture recognition using local binary patterns with an application to "
        "facial expressions, IEEE Transactions on Pattern Analysis and Machine Intelligence 29 (2007) 915-928"
    )
    revision = 2
    role = "paper"
    Settings = LBPTOPSettings
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (108, 90), "C": (0.125, 8.0), "inner_folds": 2}

    def kernels(self) -> Sequence[Kernel]:
        """The kernels named in the settings."""
        return tuple(Kernel(name) for name in self.settings.kernels)

    def unusable(self, clips: Clips) -> dict[int, str]:
        """All clips, when the frames are too small for the radius and the blocks."""
        frames, *size = clips.shape
        need = (2 * self.settings.radius + 1, *(2 * self.settings.radius + n for n in self.settings.blocks))
        if all(have >= least for have, least in zip((frames, *size), need, strict=True)):
            return {}
        reason = f"frames {clips.shape} (T, H, W) are smaller than the {need} that radius and blocks need"
        return dict.fromkeys(range(len(clips)), reason)

    def descriptor(self, variant: Variant) -> Descriptor:
        """(3 * rows * columns * 3 * 59,) float32."""
        settings = self.settings

        def describe(clip: UInt8, landmarks: Float32) -> Float32:
            channels = [
                lbp_top(
                    clip[..., channel],
                    radii=(settings.radius,) * 3,
                    points=(settings.points,) * 3,
                    blocks=tuple(settings.blocks),
                )
                for channel in range(3)
            ]
            return np.concatenate(channels)

        parameters = {
            "radius": settings.radius,
            "points": settings.points,
            "blocks": list(settings.blocks),
        }
        return Descriptor(describe, self.name, parameters)
