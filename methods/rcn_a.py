"""RCN-A: the recurrent convolutional network with attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from methods.nets.flow_net import FlowNet
from methods.nets.rcn import RCNA
from methods.training.epochs import Epochs
from methods.training.flow_net_method import SIDE, FlowNetMethod, FlowNetSettings


@dataclass(frozen=True)
class Settings(FlowNetSettings):
    """How large the net is and how it is trained; 64 channels and 7 are the larger net.

    Attributes
    ----------
    channels
        Of the maps.
    pooled
        Side of the grid that is classified.
    """

    channels: int = 32
    pooled: int = 5


class RCNAMethod(FlowNetMethod):
    """See `methods.nets.rcn.RCNA`; stochastic gradient descent, the rate halved every ten epochs.

    Notes
    -----
    Published between 20 and 100 epochs; "authors" is 100. Quick is 12 epochs of small
    batches at twenty times the rate.
    """

    name = "rcn-a"
    title = "RCN-A"
    reference = (
        "Xia, Peng, Khor, Feng & Zhao, Revealing the invisible with model and data shrinking for "
        "composite-database micro-expression recognition, IEEE Transactions on Image Processing 29 (2020) "
        "8590-8605, https://doi.org/10.1109/TIP.2020.3018222"
    )
    revision = 3
    Settings = Settings
    presets: ClassVar[Mapping[str, Epochs]] = {
        "authors": Epochs(100, 5e-4, 64, True, "sgd", 40, momentum=0.9, fade=0.5, fade_every=10),
        "quick": Epochs(12, 1e-2, 16, True, "sgd", 12, momentum=0.9, fade=0.5, fade_every=10),
    }
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "preset": "quick", "epochs": 3}

    def new_net(self, n_classes: int) -> FlowNet:
        """With the authors' initial weights."""
        net = RCNA(n_classes, channels=self.settings.channels, pooled=self.settings.pooled, side=SIDE)
        net.initialise(torch.default_generator)
        return net
