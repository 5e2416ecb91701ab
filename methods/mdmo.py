"""MDMO: main directional mean optical flow of 36 face regions, with a polynomial SVM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from data_prep.clips import Clips, Float32, UInt8
from features.face_regions import require_regions
from features.mdmo import Pooling, mdmo
from features.optical_flow import flow_from_first
from methods.base import Context
from methods.cached import UnusableClip, per_clip
from methods.svm.last_view import LastView
from methods.svm.solver import Kernel, SVMMethod, SVMSettings, Variant


@dataclass(frozen=True)
class Settings(SVMSettings):
    """The sweep of lambda and the grid of the polynomial kernel.

    Attributes
    ----------
    algorithm
        A name of `features.optical_flow.ALGORITHMS`.
    pooling
        See `features.mdmo.mdmo`.
    lambda_step
        lambda runs from 0 (angles alone) to 1 (magnitudes alone).
    gammas, coefs, degrees
        Of (gamma <x, y> + coef) ** degree.
    """

    algorithm: str = "farneback"
    pooling: Pooling = "per_frame"
    lambda_step: float = 0.01
    gammas: tuple[float, ...] = (0.01, 0.1, 1.0)
    coefs: tuple[float, ...] = (0.0, 1.0)
    degrees: tuple[int, ...] = (1, 2, 3, 4)
    C: tuple[float, ...] = (1.0,)
    max_iterations: int = 5_000


class MDMO(SVMMethod):
    """One candidate per lambda, with the kernel that inner cross-validation chooses for it.

    Notes
    -----
    The feature of a clip is (lambda rho, (1 - lambda) theta), 72 values, as in the TLCNN paper and its
    Fig. 11. Neither paper gives the C of the SVM: it is 1 here, because gamma scales the kernel anyway.
    At degree 1 `coef` changes nothing (a constant added to a kernel moves only the bias), so only the first
    is tried. The number of solver steps is bounded lower than elsewhere: products of unscaled angles to the
    fourth power take very long to separate exactly.
    """

    name = "mdmo"
    revision = 2
    title = "MDMO"
    reference = (
        "Liu, Zhang, Yan, Wang, Zhao & Fu, A main directional mean optical flow feature for spontaneous "
        "micro-expression recognition, IEEE Transactions on Affective Computing 7 (2016) 299-310, "
        "https://doi.org/10.1109/TAFFC.2015.2485205"
    )
    role = "paper"
    Settings = Settings
    one_candidate_per_variant = True
    trial: ClassVar[Mapping[str, Any]] = {
        "frame_size": (64, 52),
        "lambda_step": 0.25,
        "degrees": (1, 2),
        "inner_folds": 2,
    }

    def __init__(self, settings: Any = None, context: Context | None = None) -> None:
        super().__init__(settings, context)
        self._last = LastView()

    def variants(self) -> Sequence[Variant]:
        """One per lambda, rounded to six digits."""
        steps = round(1 / self.settings.lambda_step)
        return [{"lambda": round(i / steps, 6)} for i in range(steps + 1)]

    def kernels(self) -> Sequence[Kernel]:
        """Polynomial kernels, cheapest first."""
        s = self.settings
        grid = product(s.degrees, s.coefs, s.gammas)
        return [Kernel("poly", gamma, coef, d) for d, coef, gamma in grid if d > 1 or coef == s.coefs[0]]

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """(n, 72) float32: weighted rho of the 36 regions, then weighted theta."""
        polar = self._last.rows(clips, self._polar)
        weight = variant["lambda"]
        return np.concatenate([weight * polar[..., 0], (1 - weight) * polar[..., 1]], axis=1)

    def unusable(self, clips: Clips) -> dict[int, str]:
        """Clips without finite landmarks or with a region that holds no pixel."""
        reasons = {}
        for i, landmarks in enumerate(clips.landmarks):
            try:
                require_regions(landmarks, clips.shape[1:])
            except ValueError as error:
                reasons[i] = str(error)
        return reasons

    def _polar(self, clips: Clips) -> Float32:
        """(n, 36, 2) float32, rho and theta of every clip."""
        algorithm, pooling = self.settings.algorithm, self.settings.pooling

        def compute(clip: UInt8, landmarks: Float32) -> Float32:
            try:
                require_regions(landmarks, clip.shape[1:3])
            except ValueError as error:
                raise UnusableClip(str(error)) from error
            return mdmo(flow_from_first(clip, algorithm), landmarks, pooling=pooling)

        return per_clip(
            clips,
            compute,
            name=self.name,
            parameters={"algorithm": algorithm, "pooling": pooling},
            threads=self.context.threads,
        )
