"""A torch module as a method: write `module`, the training is here, short enough to read."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from basis.files import write_atomically, write_json
from data_prep.clips import Clips
from methods.base import Curve, FrameSettings, Method, MethodError, Prediction
from methods.folds import inner_folds

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class ModuleSettings(FrameSettings):
    """How a module is trained: Adam on shuffled batches of whole clips.

    Attributes
    ----------
    epochs
        Passes over the training clips.
    keep
        How many of them are kept as candidates, evenly spaced, the last one among them.
    batch
        Clips.
    rate
        Adam's.
    difference
        The first frame is subtracted, which leaves the movement.
    inner_folds
        The share of the training clips that chooses among the candidates is one of so many (0: the last epoch
        is taken, and all clips train).
    """

    frame_size: tuple[int, int] = (64, 52)
    epochs: int = 20
    keep: int = 5
    batch: int = 16
    rate: float = 1e-3
    difference: bool = True
    inner_folds: int = 6


class ModuleMethod(Method):
    """A torch module that maps clips to class scores; kept epochs are the candidates.

    A subclass names itself (`name`, `title`) and writes `module`. Its input is (n, T, 3, H, W) float32,
    RGB / 255, less the first frame with `difference`; its output (n, classes). One part of the training
    clips, whole people where the protocol keeps them together, only chooses among the kept epochs. Every
    kept epoch is scored on the test clips too, which gives the best-on-test number beside the honest one.

    Notes
    -----
    Initial weights, order of the batches and dropout depend on the unit's seed alone. On a CPU the module
    runs through torch's own kernels, whose last bits depend on the processor.

    Examples
    --------
    >>> from torch import nn
    >>> class Small(ModuleMethod):
    ...     name, title = "small", "A small net"
    ...     def module(self, n_classes, shape):
    ...         return nn.Sequential(nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.Linear(16, n_classes))
    """

    Settings = ModuleSettings
    draws = True
    trial: ClassVar[Mapping[str, Any]] = {"frame_size": (32, 26), "epochs": 2, "keep": 2}
    curve_titles: ClassVar[Mapping[str, str]] = {"training": "Training"}

    @abstractmethod
    def module(self, n_classes: int, shape: tuple[int, int, int]) -> nn.Module:
        """A new module for clips of `shape` (T, H, W)."""

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Train on these clips; the global generators are left as they were."""
        self.require_clips(clips)
        self._shape, self._n_classes = clips.shape, len(clips.classes)
        train, validate = self._split(clips, seed)
        labels = torch.from_numpy(clips.labels)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = self._new()
            self.n_parameters = sum(each.numel() for each in module.parameters())
            self._kept = self._train(module, clips, labels, train)
        if len(validate):
            right = [
                int((self._logits(weights, clips, validate).argmax(1) == labels[validate]).sum())
                for _, weights in self._kept
            ]
            self._chosen = int(np.argmax(right))
        else:
            self._chosen = len(self._kept) - 1
            self.notes.append("no clips to choose among the epochs: the last one was taken")

    def _split(self, clips: Clips, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        folds = self.settings.inner_folds
        groups = clips.subjects if self.context.grouped else None
        splits = inner_folds(clips.labels, groups, folds, seed) if folds > 1 else []
        if splits:
            return np.asarray(splits[0][0]), np.asarray(splits[0][1])
        return np.arange(len(clips)), np.arange(0)

    def _train(
        self, module: nn.Module, clips: Clips, labels: Tensor, rows: np.ndarray[Any, Any]
    ) -> list[tuple[int, Weights]]:
        """(epoch, weights) of the kept epochs."""
        settings = self.settings
        optimiser = torch.optim.Adam(module.parameters(), settings.rate)
        wanted = set(np.linspace(settings.epochs, 0, settings.keep, endpoint=False).round().astype(int))
        kept, losses = [], []
        for epoch in range(1, settings.epochs + 1):
            module.train()
            order = rows[torch.randperm(len(rows)).numpy()]
            total = 0.0
            for batch in np.array_split(order, max(1, round(len(order) / settings.batch))):
                loss = nn.functional.cross_entropy(
                    module(self._input(clips, batch)), labels[batch].to(self.context.device)
                )
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                total += float(loss.detach()) * len(batch)
            losses.append(total / len(order))
            if epoch in wanted:
                kept.append((epoch, {k: v.detach().cpu().clone() for k, v in module.state_dict().items()}))
        self.curves["training loss"] = Curve(tuple(range(1, settings.epochs + 1)), tuple(losses))
        return kept

    def predict(self, clips: Clips) -> Prediction:
        """Class probabilities after every kept epoch."""
        self.require_fitted("_kept")
        if clips.shape != self._shape:
            raise MethodError(f"{self.name} was fitted on clips of shape {self._shape}, not {clips.shape}")
        rows = np.arange(len(clips))
        scores = [self._logits(weights, clips, rows).softmax(1).numpy() for _, weights in self._kept]
        return Prediction(tuple({"epoch": epoch} for epoch, _ in self._kept), np.stack(scores), self._chosen)

    def _logits(self, weights: Weights, clips: Clips, rows: np.ndarray[Any, Any]) -> Tensor:
        """(n, classes) on the CPU, batch by batch, so that memory does not grow with the clips."""
        with torch.random.fork_rng(), torch.no_grad():
            module = self._new()
            module.load_state_dict(weights)
            module.eval()
            size = self.settings.batch
            parts = [rows[at : at + size] for at in range(0, len(rows), size)]
            found = [module(self._input(clips, part)).cpu() for part in parts]
        return torch.cat(found) if found else torch.zeros(0, self._n_classes)

    def _new(self) -> nn.Module:
        module = self.module(self._n_classes, self._shape).to(self.context.device)
        frames, height, width = self._shape
        with torch.no_grad():  # lazy layers learn their sizes
            module.eval()(torch.zeros(1, frames, 3, height, width, device=self.context.device))
        return module

    def _input(self, clips: Clips, rows: np.ndarray[Any, Any]) -> Tensor:
        """(n, T, 3, H, W) float32 on the device."""
        frames = torch.from_numpy(np.stack([clips[int(row)] for row in rows]))
        batch = frames.to(self.context.device).permute(0, 1, 4, 2, 3).float() / 255
        return batch - batch[:, :1] if self.settings.difference else batch

    def save(self, folder: Path) -> None:
        """Write `module.safetensors` (weights of every kept epoch) and `module.json`."""
        self.require_fitted("_kept")
        tensors = {f"{e}/{k}": v.contiguous() for e, weights in self._kept for k, v in weights.items()}
        write_atomically(folder / "module.safetensors", save(tensors))
        about = {"epochs": [epoch for epoch, _ in self._kept], "chosen": self._chosen}
        about |= {"shape": list(self._shape), "n_classes": self._n_classes}
        write_json(folder / "module.json", about)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        about = json.loads((folder / "module.json").read_text(encoding="utf-8"))
        tensors = load_file(str(folder / "module.safetensors"))
        self._shape, self._n_classes = tuple(about["shape"]), about["n_classes"]
        self._chosen = about["chosen"]
        self._kept = [
            (epoch, {k.partition("/")[2]: v for k, v in tensors.items() if k.startswith(f"{epoch}/")})
            for epoch in about["epochs"]
        ]
