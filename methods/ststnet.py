"""STSTNet, trained here or with the weights that its authors released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, ClassVar

import numpy as np
import torch

from data_prep.clips import Clips
from data_prep.flow_images.names import person_of
from methods.base import MethodError, Prediction
from methods.nets.flow_net import FlowNet
from methods.nets.layers import n_parameters
from methods.nets.ststnet import STSTNet
from methods.training.checkpoints import Weights, require_fit
from methods.training.epochs import Epochs, scores_of
from methods.training.flow_net_method import ChannelOrder, FlowNetMethod, FlowNetSettings, Scale


@dataclass(frozen=True)
class Settings(FlowNetSettings):
    """How the net is trained, or where its weights are.

    Attributes
    ----------
    weights
        A folder with one released `<subject>.pth` each, to be used instead of training.
    """

    channel_order: ChannelOrder = "svu"
    scale: Scale = "bytes"
    weights: str = ""


class STSTNetMethod(FlowNetMethod):
    """The shallow triple stream network; see `methods.nets.ststnet.STSTNet`.

    Notes
    -----
    The authors' loader reads pictures with OpenCV, so their input is (strain, v, u) in bytes, and theirs is
    the default here; the released weights are worth nothing on any other. Each of these was trained without
    the subject whose name it bears: that subject's clips are predicted by it, whatever the fold trains on.
    Quick is 12 epochs of small, shuffled batches at twenty times the authors' rate.
    """

    name = "ststnet"
    title = "STSTNet"
    reference = (
        "Liong, Gan, See, Khor & Huang, Shallow triple stream three-dimensional CNN (STSTNet) for "
        "micro-expression recognition, FG 2019, https://arxiv.org/abs/1902.03634"
    )
    revision = 3
    Settings = Settings
    presets: ClassVar[Mapping[str, Epochs]] = {
        "authors": Epochs(800, 5e-5, 256, False, "adam", 40),
        "quick": Epochs(12, 1e-3, 16, True, "adam", 12),
    }
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "preset": "quick", "epochs": 3}

    def new_net(self, n_classes: int) -> FlowNet:
        """With torch's own initial weights, as the authors'."""
        return STSTNet(n_classes)

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Train, or read the released weights."""
        if not self.settings.weights:
            super().fit(clips, seed=seed)
            return
        self.n_classes = len(clips.classes)
        folder = Path(self.settings.weights)
        files = sorted(folder.glob("*.pth"))
        if not files:
            raise MethodError(f"{folder}: no released weights, files such as s01.pth, lie there")
        self.released = {path.stem: released(path) for path in files}
        net = self._seeded(0)
        for person, weights in self.released.items():
            require_fit(net, weights, folder / f"{person}.pth")
        self.n_parameters = n_parameters(net)
        self.candidates, self.chosen = [(0, next(iter(self.released.values())))], 0

    def predict(self, clips: Clips) -> Prediction:
        """Class probabilities; with released weights by those that were trained without the subject."""
        if not hasattr(self, "released"):
            return super().predict(clips)
        images, net = self._images(clips), self._seeded(0)
        scores = np.zeros((1, len(clips), self.n_classes), np.float32)
        people = [person_of(subject) for subject in clips.subjects]
        for person in sorted(set(people)):
            if person not in self.released:
                raise MethodError(
                    f"{self.settings.weights} holds no {person}.pth, no weights without {person}"
                )
            chosen = [i for i, each in enumerate(people) if each == person]
            net.load_state_dict(self.released[person])
            scores[0, chosen] = scores_of(net, images[chosen]).numpy()
        return Prediction(({"weights": "released"},), scores, 0)

    def save(self, folder: Path) -> None:
        """Write the weights of the kept epochs; MethodError for released ones, which are files already."""
        if hasattr(self, "released"):
            raise MethodError(f"{self.name}: the released weights lie in {self.settings.weights} already")
        super().save(folder)


def released(path: Path) -> Weights:
    """The tensors of one released file, on the CPU; MethodError if it holds anything else."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError) as error:
        raise MethodError(f"{path}: not a file of weights ({type(error).__name__})") from error
    if not isinstance(weights, dict) or not all(isinstance(v, torch.Tensor) for v in weights.values()):
        raise MethodError(f"{path}: holds {type(weights).__name__}, not named tensors")
    return dict(weights)
