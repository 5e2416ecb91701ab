"""The base of the methods that train a net from end to end: fit, predict, save and load."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from data_prep.clips import Clips
from methods.base import Method, MethodError, Prediction
from methods.folds import kept_apart
from methods.nets.layers import Net, n_parameters
from methods.training.devices import execution_for
from methods.training.job import Desk
from methods.training.loop import train
from methods.training.saved import load_candidates, save_candidates
from methods.training.schedule import Schedule
from methods.training.scoring import predict
from methods.training.settings import NetSettings
from methods.training.windows import statistics_from, training_footage, unlabelled_footage


class NetMethod(Method):
    """Every kept checkpoint of the training is a candidate; inner validation clips choose among them.

    With `averaged` there is one more candidate, the mean of the last ones, and it is the chosen one.

    Attributes
    ----------
    curve_name
        How the curves of this training begin.
    decides_per_step
        Whether the net decides at every step of a window.
    """

    settings: NetSettings
    draws = True
    curve_name: ClassVar[str]
    decides_per_step: ClassVar[bool] = False

    @abstractmethod
    def new_net(self, n_classes: int, length: int, seed: int | None) -> Net:
        """A net for clips of `length` frames, with initial weights of this seed; None: to be loaded."""

    @abstractmethod
    def schedule(self, length: int) -> Schedule:
        """How to train on clips of `length` frames."""

    def prepare_net(self, net: Net, clips: Clips, *, seed: int) -> None:
        """What happens to the net before training."""

    def fit(self, clips: Clips, *, seed: int) -> None:
        """Train on these clips, some of which only choose among the candidates."""
        self.require_clips(clips)
        settings, execution = self.settings, execution_for(self.context)
        self.shape, self.n_classes = clips.shape, len(clips.classes)
        net = self.new_net(self.n_classes, self.shape[0], seed)
        schedule = self.schedule(self.shape[0]).stretched(len(clips), settings.scheduled_for)
        self.prepare_net(net, clips, seed=seed)
        self.n_parameters = n_parameters(net)
        split = kept_apart(clips, share=settings.inner_share, grouped=self.context.grouped, seed=seed)
        if not split[1] and not settings.averaged:
            self.notes.append("no clips to choose among the candidates: the last one was taken")
        footage = training_footage(clips, split[0], execution.device)
        folder = None if self.context.scratch is None else self.context.scratch / self.curve_name
        desk = Desk(folder, self.context.log, self.context.within(self.curve_name).stage)
        trained = train(net, footage, split, schedule, execution, seed=seed, desk=desk)
        self.candidates = [(one.iteration, one.weights) for one in trained.candidates]
        self.chosen = len(self.candidates) if settings.averaged else trained.best
        self.statistics = footage.statistics
        self.seconds[self.curve_name] = trained.seconds
        self.curves.update({f"{self.curve_name} {name}": curve for name, curve in trained.curves.items()})
        self.notes += [f"{self.curve_name}: {note}" for note in trained.notes]

    def predict(self, clips: Clips) -> Prediction:
        """Class probabilities of every candidate; see the class for how a clip is decided."""
        self._check(clips)
        execution, schedule = execution_for(self.context), self.schedule(self.shape[0])
        footage = unlabelled_footage(clips, self.statistics, execution.device)
        net = self.new_net(self.n_classes, self.shape[0], None).to(execution.device)
        found = []
        for _, weights in self.candidates:
            net.load_state_dict(weights)
            found.append(predict(net, footage, schedule.view, execution, batch=schedule.micro_batch))
        names: list[dict[str, Any]] = [{"iteration": iteration} for iteration, _ in self.candidates]
        if self.settings.averaged:
            last = self.settings.averaged
            names.append({"mean of": [iteration for iteration, _ in self.candidates[-last:]]})
            found.append(torch.stack(found[-last:]).mean(0))
        steps = torch.stack(found)
        decisions = steps.argmax(3).to(torch.int16).numpy() if self.decides_per_step else None
        return Prediction(tuple(names), steps.mean(2).numpy(), self.chosen, decisions)

    def _check(self, clips: Clips) -> None:
        self.require_fitted("candidates")
        if clips.shape != self.shape:
            raise MethodError(
                f"{self.name} was fitted on clips of shape {self.shape} (frames, height, width) and these "
                f"have {clips.shape}; prepare them with the same TIM length and frame size"
            )

    def save(self, folder: Path) -> None:
        """Write the weights of all candidates and what is needed to use them into `net.safetensors`."""
        self.require_fitted("candidates")
        facts = {
            "chosen": self.chosen,
            "statistics": self.statistics,
            "shape": self.shape,
            "n_classes": self.n_classes,
        }
        save_candidates(self, self.candidates, "iterations", facts, folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; MethodError if another method or other settings wrote it."""

        def new_net(facts: Mapping[str, Any]) -> Net:
            return self.new_net(facts["n_classes"], facts["shape"][0], None)

        self.candidates, facts, net = load_candidates(self, "iterations", folder, new_net)
        self.shape = tuple(facts["shape"])
        self.n_classes, self.chosen = facts["n_classes"], facts["chosen"]
        self.statistics = statistics_from(facts["statistics"])
        self.n_parameters = n_parameters(net)
