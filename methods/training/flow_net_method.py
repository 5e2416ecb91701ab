"""The base of the networks on onset-apex pictures: their epochs are the candidates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from basis.names import one_of
from data_prep.clips import Clips
from methods.base import Curve, Method, MethodError, Prediction
from methods.flow_pictures import FlowSettings, Pictures, pictures_of
from methods.folds import kept_apart
from methods.nets.flow_net import FlowNet
from methods.nets.layers import n_parameters
from methods.training.devices import execution_for, running
from methods.training.epochs import Epochs, scores_of, train_epochs
from methods.training.loop import derived_seed
from methods.training.saved import load_candidates, save_candidates

SIDE = 28
Preset = Literal["authors", "quick"]
ChannelOrder = Literal["uvs", "svu"]
Scale = Literal["unit", "bytes"]
Select = Literal["last", "inner"]


@dataclass(frozen=True)
class FlowNetSettings(FlowSettings):
    """How a net on pictures is trained.

    Attributes
    ----------
    preset
        "authors", their published training, or "quick", fewer epochs at a higher rate.
    epochs, rate, batch, shuffle
        Instead of the preset's.
    channel_order
        (u, v, strain) or reversed.
    scale
        "unit" divides bytes by 255, "bytes" does not.
    select
        The epoch that decides is the "last", or the best on "inner" people, inner_share of the training
        clips, which are then not trained on.
    candidates
        How many epochs are kept to be looked at, equally spaced.

    Notes
    -----
    Without shuffling the pictures come class by class, as from the class folders that the authors' loaders
    list one after the other: batch normalisation and momentum then see sorted batches.
    """

    preset: Preset = "authors"
    epochs: int | None = None
    rate: float | None = None
    batch: int | None = None
    shuffle: bool | None = None
    channel_order: ChannelOrder = "uvs"
    scale: Scale = "unit"
    select: Select = "last"
    inner_share: float = 0.125
    candidates: int = 40

    def __post_init__(self) -> None:
        for name, kind in (
            ("preset", Preset),
            ("channel_order", ChannelOrder),
            ("scale", Scale),
            ("select", Select),
        ):
            one_of(getattr(self, name), get_args(kind), name)


class FlowNetMethod(Method):
    """Every kept epoch is a candidate; the last one decides, or the best on inner people.

    What the literature mostly reports is the best epoch on the test subject itself: that number stands
    beside the honest one, from the same training.
    """

    settings: Any
    revision = 2
    needs_frames = False
    draws = True
    curve_titles: ClassVar[Mapping[str, str]] = {"training": "Training"}
    presets: ClassVar[Mapping[str, Epochs]]

    @abstractmethod
    def new_net(self, n_classes: int) -> FlowNet:
        """The net; its weights are drawn from torch's global generator, which the caller seeds."""

    def schedule(self) -> Epochs:
        """The preset, with what the settings put in its place."""
        s = self.settings
        given = {"number": s.epochs, "rate": s.rate, "batch": s.batch, "shuffle": s.shuffle}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return replace(self.presets[s.preset], kept=s.candidates, **changes)

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Train on these clips, or on most of them where the others choose the epoch."""
        self.require_clips(clips)
        self.n_classes = len(clips.classes)
        training, validating = self._split(clips, seed)
        execution = execution_for(self.context)
        images = self._images(clips.without_labels(named=True)).to(execution.device)
        labels = torch.as_tensor(clips.labels, device=execution.device)
        net = self._seeded(derived_seed(seed, "weights")).to(execution.device)
        self.n_parameters = n_parameters(net)
        order = _by_class(clips.labels, training)
        seeds = (derived_seed(seed, "order"), derived_seed(seed, "dropout"))
        with running(execution):
            stage = self.context.stage
            trained = train_epochs(
                net, images[order], labels[order], self.schedule(), seeds=seeds, stage=stage
            )
            self.candidates = list(trained.kept)
            self.chosen = self._choose(net, images, labels, validating)
        steps = tuple(float(epoch + 1) for epoch in range(len(trained.losses)))
        self.curves["training loss"] = Curve(steps, trained.losses)

    def predict(self, clips: Clips) -> Prediction:
        """Class probabilities of every kept epoch."""
        self.require_fitted("candidates")
        execution = execution_for(self.context)
        images = self._images(clips).to(execution.device)
        net = self._seeded(0).to(execution.device)
        scores = np.zeros((len(self.candidates), len(clips), self.n_classes), np.float32)
        with running(execution):
            for i, (_, weights) in enumerate(self.candidates):
                if len(clips):
                    net.load_state_dict(weights)
                    scores[i] = scores_of(net, images).numpy()
        return Prediction(tuple({"epoch": epoch} for epoch, _ in self.candidates), scores, self.chosen)

    def save(self, folder: Path) -> None:
        """Write the weights of all kept epochs into `net.safetensors`."""
        self.require_fitted("candidates")
        save_candidates(
            self, self.candidates, "epochs", {"chosen": self.chosen, "n_classes": self.n_classes}, folder
        )

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; MethodError if another method or other settings wrote it."""

        def new_net(facts: Mapping[str, Any]) -> FlowNet:
            self.n_classes, self.chosen = facts["n_classes"], facts["chosen"]
            return self._seeded(0)

        self.candidates, _, net = load_candidates(self, "epochs", folder, new_net)
        self.n_parameters = n_parameters(net)

    def _seeded(self, seed: int) -> FlowNet:
        """A new net whose weights come from this seed; torch's global generator is left as it was."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.new_net(self.n_classes)

    def _images(self, clips: Clips) -> Tensor:
        """(n, 3, 28, 28) float32 in the order and scale of the settings."""
        pictures = pictures_of(self, clips, recipe=self.settings.recipe)
        if pictures.shape[1:3] != (SIDE, SIDE):
            height, width = pictures.shape[1:3]
            raise MethodError(
                f"{self.name} looks at pictures of {SIDE}x{SIDE} pixels, these have {width}x{height}"
            )
        return as_input(pictures, self.settings.channel_order, self.settings.scale)

    def _split(self, clips: Clips, seed: int) -> tuple[list[int], list[int]]:
        """Positions that train and that choose the epoch; the latter none for the last epoch."""
        if self.settings.select == "last":
            return list(range(len(clips))), []
        share, grouped = self.settings.inner_share, self.context.grouped
        split = kept_apart(clips, share=share, grouped=grouped, seed=seed)
        if not split[1]:
            self.notes.append("no clips to choose the epoch: the last one was taken")
        return split

    def _choose(self, net: FlowNet, images: Tensor, labels: Tensor, validating: list[int]) -> int:
        """The last candidate, or the one of the highest mean recall on inner clips; the later of equals."""
        if not validating:
            return len(self.candidates) - 1
        truth = labels[validating].cpu()
        recalls = []
        for _, weights in self.candidates:
            net.load_state_dict(weights)
            right = scores_of(net, images[validating]).argmax(dim=1) == truth
            shares = [float(right[truth == c].double().mean()) for c in sorted(set(truth.tolist()))]
            recalls.append(sum(shares) / len(shares))
        return max(range(len(recalls)), key=lambda i: (recalls[i], i))


def as_input(pictures: Pictures, order: ChannelOrder, scale: Scale) -> Tensor:
    """(n, h, w, 3) pictures to (n, 3, h, w) float32."""
    channels = pictures[..., ::-1] if order == "svu" else pictures
    images = torch.from_numpy(np.ascontiguousarray(channels.transpose(0, 3, 1, 2), np.float32))
    return images / 255 if scale == "unit" and pictures.dtype == np.uint8 else images


def _by_class(labels: np.ndarray[Any, np.dtype[np.int64]], positions: list[int]) -> list[int]:
    """Positions class by class, within a class as they were."""
    return sorted(positions, key=lambda i: int(labels[i]))
