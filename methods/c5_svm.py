"""C5+SVM: maps of the frame-trained CNN's last convolution, averaged over frames, into a linear SVM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from data_prep.clips import Clips, Float32, Int64
from methods.base import Context, MethodError
from methods.folds import kept_apart
from methods.nets.cnn import FrameCNN
from methods.nets.layers import n_parameters
from methods.svm.last_view import LastView
from methods.svm.solver import SVMMethod, SVMSettings, Variant
from methods.training.checkpoints import BadCheckpoint, read_tensors, require_fit, write_tensors
from methods.training.devices import Execution, execution_for, lay_out, running
from methods.training.settings import StageSettings
from methods.training.stages import REVISION, STAGE_TITLES, TLCNN_PAPER, new_cnn, report, stage_e, stage_m
from methods.training.windows import central_windows, frames_of, statistics_from, unlabelled_footage

MODEL = "cnn.safetensors"


@dataclass(frozen=True)
class Settings(StageSettings, SVMSettings):
    """Settings of the stages E and M and of the SVM's grid over C."""


class C5SVM(SVMMethod):
    """The CNN of TLCNN's stage M (after E), its C5 maps as the feature of a clip.

    Notes
    -----
    The paper gives neither the pooling over frames nor the kernel: here the maps, (384, 13, 13) at the
    paper's size, are averaged over all frames of the clip, flattened and scaled to length one, and the
    kernel is linear. C is chosen on the clips that the CNN was not trained on: on the others, whose
    classes the CNN has seen, every C does well.
    """

    name = "c5-svm"
    title = "C5+SVM"
    reference = TLCNN_PAPER
    revision = REVISION
    role = "paper"
    curve_titles = STAGE_TITLES
    Settings = Settings
    learns_from_stills = True
    draws = True
    trial: ClassVar[Mapping[str, Any]] = {
        "frame_size": (60, 56),
        "crop": 49,
        "width": 0.05,
        "evaluations": 2,
        "e_iterations": 3,
        "m_iterations": (3, 2),
        "e_batch": 8,
        "m_batch": 8,
    }

    def __init__(self, settings: Any = None, context: Context | None = None) -> None:
        super().__init__(settings, context)
        self._last = LastView()

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Train the CNN, or take it from the cache, then fit the SVMs on its maps."""
        self.require_clips(clips)
        before = stage_e(self.settings, self.context)
        stage = stage_m(clips, self.settings, self.context, seed=seed, start=before)
        report(self, "E", before)
        report(self, "M", stage)
        net = new_cnn(self.settings, len(clips.classes), seed=None)
        net.load_state_dict(stage.weights)
        self._use(net)
        self._statistics = stage.statistics
        super().fit(clips, seed=seed)

    def splits(self, clips: Clips, *, seed: int) -> list[tuple[Int64, Int64]]:
        """One inner fold: the clips that stage M learned from, and those that it did not."""
        settings = self.settings
        parts = kept_apart(clips, share=settings.inner_share, grouped=self.context.grouped, seed=seed)
        train, test = (np.array(part, np.int64) for part in parts)
        return [(train, test)] if len(test) and len(set(clips.labels[train].tolist())) > 1 else []

    def features(self, clips: Clips, variant: Variant) -> Float32:
        """(n, 384 * 13 * 13) float32 of length one."""
        return self._last.rows(clips, self._maps)

    def _maps(self, clips: Clips) -> Float32:
        execution = execution_for(self.context)
        with running(execution):
            footage = unlabelled_footage(clips, self._statistics, execution.device)
            view = self.settings.view(clips.shape[0], clips.shape[0])
            windows = central_windows(footage, range(len(clips)), view)
            lay_out(self._net, execution)
            batch = max(1, self.settings.micro_batch // view.length)
            maps = [
                _mean_maps(self._net, frames_of(footage, part, view), execution)
                for part in windows.tensor_split(tuple(range(batch, windows.shape[1], batch)), dim=1)
            ]
        features: Float32 = torch.cat(maps).view(len(clips), view.crops, -1).mean(1).cpu().numpy()
        features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        return features

    def _use(self, net: FrameCNN) -> None:
        """Take this net, and forget maps of another."""
        self._net, self._last = net, LastView()
        self.n_parameters = n_parameters(net)

    def save(self, folder: Path) -> None:
        """Write the SVMs' files and the CNN as `cnn.safetensors`."""
        super().save(folder)
        facts = {"statistics": self._statistics, "n_classes": self.n_classes}
        write_tensors(folder / MODEL, self._net.state_dict(), facts)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises
        ------
        MethodError
            For a file that is damaged.
        """
        super().load(folder)
        try:
            weights, facts = read_tensors(folder / MODEL)
        except BadCheckpoint as error:
            raise MethodError(str(error)) from error
        self._statistics = statistics_from(facts["statistics"])
        net = new_cnn(self.settings, facts["n_classes"], seed=None)
        require_fit(net, weights, folder)
        net.load_state_dict(weights)
        self._use(net)


@torch.inference_mode()
def _mean_maps(net: FrameCNN, frames: Tensor, execution: Execution) -> Tensor:
    """(n, T, 3, crop, crop) to the C5 maps' mean over frames, (n, d) float32."""
    with torch.autocast(execution.device.type, torch.bfloat16, enabled=execution.autocast):
        maps = net.c5_maps(frames.flatten(0, 1))
    return maps.float().reshape(*frames.shape[:2], -1).mean(1)
