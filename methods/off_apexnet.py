"""OFF-ApexNet: two streams on horizontal and vertical flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from methods.nets.flow_net import FlowNet
from methods.nets.off_apexnet import OFFApexNet
from methods.training.epochs import Epochs
from methods.training.flow_net_method import FlowNetMethod, FlowNetSettings


class OFFApexNetMethod(FlowNetMethod):
    """See `methods.nets.off_apexnet.OFFApexNet`; strain is not used.

    Notes
    -----
    The authors train for 3,000 epochs; quick is 20 at ten times their rate, so that a table of 68 folds takes
    minutes.
    """

    name = "off-apexnet"
    title = "OFF-ApexNet"
    reference = (
        "Gan, Liong, Yau, Huang & Tan, OFF-ApexNet on micro-expression recognition system, Signal "
        "Processing: Image Communication (2019), https://arxiv.org/abs/1805.08699"
    )
    Settings = FlowNetSettings
    presets: ClassVar[Mapping[str, Epochs]] = {
        "authors": Epochs(3000, 1e-4, 256, True, "adam", 40),
        "quick": Epochs(20, 1e-3, 256, True, "adam", 20),
    }
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "preset": "quick", "epochs": 3}

    def new_net(self, n_classes: int) -> FlowNet:
        """With torch's own initial weights."""
        return OFFApexNet(n_classes)
