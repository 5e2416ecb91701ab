"""HTNet, the hierarchical transformer that most repositories since 2023 begin from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from basis.names import one_of
from methods.nets.flow_net import FlowNet
from methods.nets.htnet import HTNet
from methods.training.epochs import Epochs
from methods.training.flow_net_method import FlowNetMethod, FlowNetSettings

Size = Literal["small", "full"]
SIZES: Mapping[Size, tuple[int, int]] = {"small": (32, 2), "full": (256, 3)}
"""Channels and heads of the first level."""


@dataclass(frozen=True)
class Settings(FlowNetSettings):
    """How large the net is and how it is trained.

    Attributes
    ----------
    size
        "small", 2.2 million parameters, or "full", 139.6 million, which wants a GPU.
    """

    size: Size = "small"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of(self.size, get_args(Size), "size")


class HTNetMethod(FlowNetMethod):
    """See `methods.nets.htnet.HTNet`, whose attention changes nothing.

    Notes
    -----
    The crops are around one fixed set of landmarks, as in a public re-implementation: the authors' own come
    from a photograph of 28 x 28 pixels and fall back to such a set. The authors' loader does not shuffle,
    and trains for 800 epochs of two updates each. Quick is 10 epochs of small, shuffled batches at twice
    their rate: at twenty times it, in their order, the net falls back to the most frequent class.
    """

    name = "htnet"
    title = "HTNet"
    reference = (
        "Wang, Zhang, Luo & Sankaranarayana, HTNet for micro-expression recognition, Neurocomputing 602 "
        "(2024), https://arxiv.org/abs/2307.14637"
    )
    revision = 4
    Settings = Settings
    presets: ClassVar[Mapping[str, Epochs]] = {
        "authors": Epochs(800, 5e-5, 256, False, "adam", 20),
        "quick": Epochs(10, 1e-4, 24, True, "adam", 10),
    }
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (64, 52), "preset": "quick", "epochs": 2}

    def new_net(self, n_classes: int) -> FlowNet:
        """With torch's own initial weights."""
        dim, heads = SIZES[self.settings.size]
        return HTNet(n_classes, dim=dim, heads=heads)
