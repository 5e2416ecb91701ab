"""The one training loop: every net of every stage and method is trained by `train`.

Stochastic gradient descent with momentum and weight decay, a step schedule, restarts from the best
weights, evaluation along the way, checkpoints that survive a killed process.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from basis.canonical import digest_of
from methods.base import Curve, MethodError
from methods.nets.layers import Net
from methods.nets.losses import cross_entropy
from methods.nets.norms import limit_norm
from methods.training.checkpoints import BadCheckpoint, Weights, read_tensors, snapshot, write_tensors
from methods.training.devices import Execution, lay_out, matmul_rate, running
from methods.training.schedule import Plan
from methods.training.scoring import Scored, class_scores, forward_flops, score
from methods.training.windows import Footage, Sampler, on_device

Log = Callable[[str], None]

NOT_LEARNED = "at no evaluation better than always saying the inner validation's most frequent class"


@dataclass(frozen=True, eq=False)
class Candidate:
    """Weights after `iteration`, counted over all rounds, and how they did on the inner validation.

    spaced: kept in any case; otherwise kept only while it is the best.
    """

    iteration: int
    scored: Scored | None
    spaced: bool
    weights: Weights = field(repr=False)


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    candidates by iteration; best: the one chosen on the inner validation; rates: images a second between
    one evaluation and the next, evaluations not counted.
    """

    candidates: tuple[Candidate, ...]
    best: int
    curves: dict[str, Curve]
    seconds: float
    rates: tuple[float, ...]
    notes: tuple[str, ...]

    @property
    def weights(self) -> Weights:
        """Those of the chosen candidate."""
        return self.candidates[self.best].weights


def train(
    net: Net,
    footage: Footage,
    training: Sequence[int],
    validation: Sequence[int],
    plan: Plan,
    means: Execution,
    *,
    seed: int,
    folder: Path | None = None,
    log: Log = lambda line: None,
    checkpoint_seconds: float = 60.0,
) -> Trained:
    """Train `net` in place on the clips at `training` and return every candidate's weights.

    validation: positions of the clips that choose among the candidates; with none the last one is
    chosen. folder: where checkpoints are kept, at most every `checkpoint_seconds`; a call with the same
    net, clips, plan and seed goes on from the last one and ends, on a CPU, with the same bits as a
    call that was not interrupted. None keeps no checkpoints.

    Raises MethodError when the loss is no longer finite and when a single window does not fit into the
    device's memory.

    Notes
    -----
    Momentum multiplies the gradient before the learning rate does, as in torch; in Caffe it is the other
    way round, which differs for some iterations after the rate falls.
    """
    with running(means):
        loop = _Loop(net, footage, (training, validation), plan, means, seed, log)
        return loop.run(folder, checkpoint_seconds)


@dataclass
class _Progress:
    """How far a training is, in numbers and words; iteration counts within the round."""

    micro: int
    round: int = 0
    iteration: int = 0
    before: int = 0
    windows: int = 0
    seconds: float = 0.0
    rates: list[float] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    evaluated: list[int] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _Loop:
    """The state of one training and the steps that change it."""

    def __init__(
        self,
        net: Net,
        footage: Footage,
        split: tuple[Sequence[int], Sequence[int]],
        plan: Plan,
        means: Execution,
        seed: int,
        log: Log,
    ) -> None:
        self.net, self.footage, self.plan, self.means, self.log = net, footage, plan, means, log
        self.split = tuple(tuple(int(i) for i in part) for part in split)
        lay_out(net, means)
        self.constant = _constant_accuracy(footage, self.split[1])
        self.forward: Callable[..., Tensor] = (
            torch.compile(net, backend=means.compiler) if means.compiler else net
        )
        self.dropout = torch.Generator(means.device).manual_seed(derived_seed(seed, "dropout"))
        self.sampler = Sampler(
            footage,
            self.split[0],
            length=plan.view.length,
            crop=plan.view.crop,
            mirror=plan.mirror,
            generator=torch.Generator().manual_seed(derived_seed(seed, "windows")),
        )
        self.progress = _Progress(micro=min(plan.micro_batch, plan.batch))
        self.sums = torch.zeros(2, device=means.device, dtype=torch.float64)
        self.candidates: list[Candidate] = []
        self.best: Candidate | None = None
        self.files: dict[int, str] = {}
        self.since = self.said = time.perf_counter()
        self.flops = forward_flops(net, plan.view)
        self.job = _job(footage, self.split, plan, means, seed)
        self._start_round()

    def run(self, folder: Path | None, checkpoint_seconds: float) -> Trained:
        """All rounds that are not done yet, from the last checkpoint on if there is one."""
        if folder is not None:
            self._resume(folder)
        began, saved = time.perf_counter() - self.progress.seconds, time.perf_counter()
        while self.progress.round < len(self.plan.rounds):
            self._iterate()
            self.progress.seconds = time.perf_counter() - began
            if folder is not None and time.perf_counter() - saved >= checkpoint_seconds:
                self._save(folder)
                saved = time.perf_counter()
        if self.best is None:
            raise MethodError("the training plan has no iterations, so there are no weights to choose from")
        return self._result(self.best)

    def _result(self, best: Candidate) -> Trained:
        speed = self._speed()
        self.log(f"{self.progress.before} iterations in {self.progress.seconds:.1f} s, {speed}")
        learned = best.scored is None or self._accuracy(best.scored) > self.constant
        unlearned = () if learned else (NOT_LEARNED,)
        steps = tuple(float(step) for step in self.progress.evaluated)
        return Trained(
            candidates=tuple(self.candidates),
            best=self.candidates.index(best),
            curves={name: Curve(steps, tuple(values)) for name, values in self.progress.curves.items()},
            seconds=self.progress.seconds,
            rates=tuple(rate * self.plan.view.length for rate in self.progress.rates),
            notes=(*self.progress.notes, *unlearned, speed),
        )

    def _iterate(self) -> None:
        """One update, the evaluation that is due after it, and the change of round after that."""
        progress, current = self.progress, self.plan.rounds[self.progress.round]
        if progress.iteration < current.iterations:
            rate = current.rate_at(progress.iteration)
            self._update(rate)
            progress.iteration += 1
            points = self.plan.evaluated_at(current.iterations)
            if progress.iteration in points:
                number = points.index(progress.iteration) + 1
                self._evaluate(rate, spaced=self.plan.spaced(number, len(points)))
        if progress.iteration >= current.iterations or self._settled():
            self._next_round()

    def _update(self, rate: float) -> None:
        """One step down the gradient of one batch; nothing here waits for the device."""
        batch = self.plan.batch
        windows = on_device(self.sampler.draw(batch), self.means.device)
        masks = self.net.draw_masks(batch, self.plan.view.length, self.dropout)
        self.sums += self._gradients(windows, masks)
        if self.plan.clip_norm:
            limit_norm(self.net.parameters(), self.plan.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.windows += batch

    def _gradients(self, windows: Tensor, masks: Sequence[Tensor]) -> Tensor:
        """Gradients of the batch's mean loss; returns the windows' summed losses and accuracies, (2,).

        Where the device has too little memory the micro-batch is halved; the batch stays what it is.
        """
        while True:
            try:
                return self._accumulate(windows, masks)
            except torch.OutOfMemoryError as error:
                if self.progress.micro == 1:
                    raise MethodError(
                        f"{self.means.device}: not even one window of {self.plan.view.length} frames fits "
                        "into its memory; end other programs that use it, or lower width or crop"
                    ) from error
            self._halve()

    def _halve(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        if self.means.device.type == "cuda":
            torch.cuda.empty_cache()
        self.progress.micro = (self.progress.micro + 1) // 2
        note = (
            f"out of memory on {self.means.device}: from here on {self.progress.micro} windows at once, "
            f"their gradients added up to the same batch of {self.plan.batch}"
        )
        self.progress.notes.append(note)
        self.log(note)

    def _accumulate(self, windows: Tensor, masks: Sequence[Tensor]) -> Tensor:
        sums = torch.zeros_like(self.sums)
        n = windows.shape[1]
        for first in range(0, n, self.progress.micro):
            part = slice(first, first + self.progress.micro)
            scores = class_scores(
                self.forward,
                self.footage,
                windows[:, part],
                self.plan.view,
                self.means,
                [mask[part] for mask in masks],
            )
            steps = scores.shape[1]
            labels = self.footage.labels[windows[0, part]][:, None].expand(-1, steps)
            losses = cross_entropy(scores.flatten(0, 1), labels.flatten()) / steps
            torch.autograd.backward(losses / n)
            correct = (scores.detach().argmax(2) == labels).sum() / steps
            sums += torch.stack([losses.detach().double(), correct.double()])
        return sums

    def _evaluate(self, rate: float, *, spaced: bool) -> None:
        """Look at the inner validation, extend the curves, keep the weights if they deserve it."""
        progress = self.progress
        loss, accuracy = (self.sums / progress.windows).tolist()
        progress.rates.append(progress.windows / max(time.perf_counter() - self.since, 1e-9))
        done = progress.before + progress.iteration
        if not math.isfinite(loss):
            raise MethodError(
                f"the training loss is {loss} by iteration {done} at learning rate {rate:g}: the training "
                "diverged; lower the learning rate or set a smaller clip_norm"
            )
        values = {"loss": loss, "training accuracy": accuracy}
        scored = self._scored()
        if scored is not None:
            values["validation loss"] = scored.loss
            values["validation accuracy"] = self._accuracy(scored)
            progress.recent.append(values["validation accuracy"])
        progress.evaluated.append(done)
        for name, value in values.items():
            progress.curves.setdefault(name, []).append(value)
        self.sums.zero_()
        progress.windows = 0
        self._keep(Candidate(done, scored, spaced, snapshot(self.net)))
        self._say(f"iteration {done}: " + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))
        self.since = time.perf_counter()

    def _say(self, line: str) -> None:
        """Log at most every half a minute."""
        if time.perf_counter() - self.said > 30.0:
            self.log(f"{line}; {self._speed()}")
            self.said = time.perf_counter()

    def _speed(self) -> str:
        """Images a second and their arithmetic as a share of the measured matrix product."""
        windows = median(self.progress.rates)
        passes = 1 if all(current.only for current in self.plan.rounds) else 3
        peak = matmul_rate(self.means.device, self.means.autocast, self.means.threads)
        share = windows * self.flops * passes / peak
        return (
            f"{windows * self.plan.view.length:.0f} images/s, {share:.0%} of the measured "
            f"{peak / 1e9:.0f} GFLOP/s of a matrix product"
        )

    def _scored(self) -> Scored | None:
        if not self.split[1]:
            return None
        return score(
            self.net, self.footage, self.split[1], self.plan.view, self.means, batch=self.progress.micro
        )

    def _accuracy(self, scored: Scored) -> float:
        return scored.clips if self.plan.per_clip else scored.steps

    def _keep(self, candidate: Candidate) -> None:
        """Add the candidate if it is spaced or the best; an earlier best that is not spaced goes."""
        if self.best is None or self._quality(candidate) > self._quality(self.best):
            self.best = candidate
        kept = [*self.candidates, candidate]
        self.candidates = [one for one in kept if one.spaced or one is self.best]

    def _quality(self, candidate: Candidate) -> tuple[float, float]:
        """Accuracy, then likelihood, on the inner validation; without one, the later the better."""
        if candidate.scored is None:
            return float(candidate.iteration), 0.0
        return self._accuracy(candidate.scored), -candidate.scored.loss

    def _settled(self) -> bool:
        """A net that still gives every clip one class has a steady accuracy too, but has not begun."""
        recent, limit = self.progress.recent[-3:], self.plan.settled
        if limit is None or len(recent) < 3 or min(recent) <= self.constant + limit:
            return False
        return max(recent) - min(recent) <= limit

    def _next_round(self) -> None:
        progress = self.progress
        progress.before += progress.iteration
        progress.iteration, progress.recent = 0, []
        progress.round += 1
        if self.best is not None:
            self.net.load_state_dict(self.best.weights)
        if progress.round < len(self.plan.rounds):
            self._start_round()

    def _start_round(self) -> None:
        """A fresh optimiser over the parameters that learn in this round."""
        current = self.plan.rounds[self.progress.round]
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad_(current.learns(name))
        self.optimizer = torch.optim.SGD(
            [parameter for parameter in self.net.parameters() if parameter.requires_grad],
            lr=current.rate,
            momentum=self.plan.momentum,
            weight_decay=self.plan.weight_decay,
            fused=self.means.fused,
        )

    def _save(self, folder: Path) -> None:
        """Write what is needed to go on, candidates first, each in a file of its own and only once."""
        if not bool(torch.isfinite(self.sums).all()):
            return
        kept = [self._saved_candidate(folder, candidate) for candidate in self.candidates]
        names = {id(parameter): name for name, parameter in self.net.named_parameters()}
        momentum = {
            names[id(parameter)]: values["momentum_buffer"]
            for parameter, values in self.optimizer.state.items()
        }
        tensors = {
            **{f"weights/{name}": tensor for name, tensor in self.net.state_dict().items()},
            **{f"momentum/{name}": tensor for name, tensor in momentum.items()},
            **{f"sampler/{name}": tensor for name, tensor in self.sampler.state().items()},
            "dropout": self.dropout.get_state(),
            "sums": self.sums,
        }
        best = None if self.best is None else self.candidates.index(self.best)
        facts = {"job": self.job, "progress": asdict(self.progress), "candidates": kept, "best": best}
        write_tensors(folder / "checkpoint.safetensors", tensors, facts)

    def _saved_candidate(self, folder: Path, candidate: Candidate) -> dict[str, Any]:
        if candidate.iteration not in self.files:
            path = folder / f"candidate-{candidate.iteration}.safetensors"
            self.files[candidate.iteration] = write_tensors(path, candidate.weights, {})
        return {
            "iteration": candidate.iteration,
            "scored": None if candidate.scored is None else asdict(candidate.scored),
            "spaced": candidate.spaced,
            "sha256": self.files[candidate.iteration],
        }

    def _resume(self, folder: Path) -> None:
        """Go on from the folder's checkpoint if it belongs to this very training."""
        path = folder / "checkpoint.safetensors"
        if not path.exists():
            return
        try:
            tensors, facts = read_tensors(path)
            if facts["job"] != self.job:
                self.log(f"{path} belongs to another training; starting from the beginning")
                return
            candidates = [_read_candidate(folder, saved) for saved in facts["candidates"]]
        except BadCheckpoint as error:
            self.log(f"starting from the beginning: {error}")
            return
        self.candidates = candidates
        self.files = {saved["iteration"]: saved["sha256"] for saved in facts["candidates"]}
        self.best = None if facts["best"] is None else candidates[facts["best"]]
        self.progress = _Progress(**facts["progress"])
        self._restore(tensors)
        self.log(f"going on after iteration {self.progress.before + self.progress.iteration}")

    def _restore(self, tensors: Weights) -> None:
        self.net.load_state_dict(_below(tensors, "weights/"))
        if self.progress.round < len(self.plan.rounds):
            self._start_round()
        momentum = _below(tensors, "momentum/")
        for name, parameter in self.net.named_parameters():
            if name in momentum:
                buffer = torch.empty_like(parameter).copy_(momentum[name])
                self.optimizer.state[parameter]["momentum_buffer"] = buffer
        self.sampler.restore(_below(tensors, "sampler/"))
        self.dropout.set_state(tensors["dropout"])
        self.sums = tensors["sums"].to(self.means.device)


def derived_seed(seed: int, name: str) -> int:
    """A seed of its own for each use of randomness within one training."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{name}".encode()).digest()[:8], "big") >> 1


def _constant_accuracy(footage: Footage, positions: Sequence[int]) -> float:
    """Accuracy of always saying the most frequent class of these clips; 0 without any."""
    counts = footage.labels.cpu()[list(positions)].bincount()
    return float(counts.max()) / len(positions) if len(positions) else 0.0


def _below(tensors: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _read_candidate(folder: Path, saved: dict[str, Any]) -> Candidate:
    path = folder / f"candidate-{saved['iteration']}.safetensors"
    weights, _ = read_tensors(path, sha256=saved["sha256"])
    scored = None if saved["scored"] is None else Scored(**saved["scored"])
    return Candidate(saved["iteration"], scored, saved["spaced"], weights)


def _job(footage: Footage, split: Sequence[Sequence[int]], plan: Plan, means: Execution, seed: int) -> str:
    """What a checkpoint must agree with: plan, seed, device, clips with their labels and statistics."""
    return digest_of(
        {
            "plan": asdict(plan),
            "seed": seed,
            "device": means.device.type,
            "split": list(map(list, split)),
            "labels": footage.labels.tolist(),
            "statistics": list(map(list, footage.statistics)),
        }
    )
