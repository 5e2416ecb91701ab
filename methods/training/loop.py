"""The one training loop: every net of every stage and method is trained by `train`.

Stochastic gradient descent with momentum and weight decay, a step schedule, restarts from the best
weights, evaluation along the way, checkpoints that survive a killed process.

Notes
-----
Momentum multiplies the gradient before the learning rate does, as in torch; in Caffe it is the other way
round, which differs for some iterations after the rate falls.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch import Tensor

from methods.base import Curve, MethodError
from methods.nets.layers import Net
from methods.nets.losses import cross_entropy
from methods.nets.norms import limit_norm
from methods.training.candidates import Candidate, Kept
from methods.training.checkpoints import Weights, snapshot
from methods.training.devices import Execution, lay_out, matmul_rate, running
from methods.training.job import QUIET, Desk, Job, Split
from methods.training.resume import Progress, State, restore_state, save_state
from methods.training.schedule import Schedule
from methods.training.scoring import class_scores, forward_flops, score
from methods.training.windows import Footage, Sampler, on_device

NOT_LEARNED = "at no evaluation better than always saying the inner validation's most frequent class"
COUNTED_FROM = 5.0
"""Seconds of training from which on its arithmetic is counted: that takes a tenth of one."""


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Attributes
    ----------
    candidates
        By iteration.
    best
        The one chosen on the inner validation.
    rates
        Images a second between one evaluation and the next, evaluations not counted.
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
    split: Split,
    schedule: Schedule,
    execution: Execution,
    *,
    seed: int,
    desk: Desk = QUIET,
) -> Trained:
    """Train `net` in place on the clips at `split[0]` and return every candidate's weights.

    Parameters
    ----------
    net, footage
        The net, and all clips, normalised.
    split
        Positions of the clips to learn from, and of those that choose among the candidates; without the
        latter the last candidate is chosen.
    schedule, execution, seed
        Rounds, rates and batches; device, layout and compiler; of the windows and of what is dropped.
    desk
        Where checkpoints are kept, and who is told how it goes. A call with the same net, clips, schedule and
        seed goes on from the last checkpoint and ends, on a CPU, with the same bits as one that was not
        interrupted.

    Raises
    ------
    MethodError
        When the loss is no longer finite and when a single window does not fit into the device's memory.
    """
    with running(execution):
        lay_out(net, execution)
        forward: Callable[..., Tensor] = (
            torch.compile(net, backend=execution.compiler) if execution.compiler else net
        )
        training, validation = (tuple(map(int, positions)) for positions in split)
        job = Job(net, forward, footage, training, validation, schedule, execution, seed, desk)
        return _Loop(job).run()


class _Loop:
    """One training: what stays (`job`), what changes (`state`), and when it last spoke."""

    def __init__(self, job: Job) -> None:
        self.job, self.state = job, _first_state(job)
        self.constant = job.constant
        self.since = self.said = time.perf_counter()

    def run(self) -> Trained:
        """All rounds that are not done yet, from the last checkpoint on if there is one."""
        name, desk, folder = self.job.name, self.job.desk, self.job.desk.folder
        if folder is not None:
            restore_state(self.state, name, folder, partial(_start_round, self.job, self.state), desk.log)
        self._say_stage()
        began, saved = time.perf_counter() - self.state.progress.seconds, time.perf_counter()
        while self.state.progress.round < len(self.job.schedule.rounds):
            self._iterate()
            self.state.progress.seconds = time.perf_counter() - began
            if folder is not None and time.perf_counter() - saved >= desk.checkpoint_seconds:
                save_state(self.state, name, folder)
                saved = time.perf_counter()
        if self.state.kept.best is None:
            raise MethodError("the schedule has no iterations, so there are no weights to choose from")
        return self._result(self.state.kept.best)

    def _result(self, best: Candidate) -> Trained:
        progress, kept, speed = self.state.progress, self.state.kept, self._speed()
        self.job.desk.log(f"{progress.before} iterations in {progress.seconds:.1f} s, {speed}")
        learned = best.scored is None or kept.accuracy(best.scored) > self.constant
        unlearned = () if learned else (NOT_LEARNED,)
        steps = tuple(float(step) for step in progress.evaluated)
        return Trained(
            candidates=tuple(kept.candidates),
            best=kept.candidates.index(best),
            curves={name: Curve(steps, tuple(values)) for name, values in progress.curves.items()},
            seconds=progress.seconds,
            rates=tuple(rate * self.job.schedule.view.length for rate in progress.rates),
            notes=(*progress.notes, *unlearned, speed),
        )

    def _iterate(self) -> None:
        """One update, the evaluation that is due after it, and the change of round after that."""
        progress, schedule = self.state.progress, self.job.schedule
        current = schedule.rounds[progress.round]
        if progress.iteration < current.iterations:
            rate = current.rate_at(progress.iteration)
            _update(self.job, self.state, rate)
            progress.iteration += 1
            points = schedule.evaluated_at(current.iterations)
            if progress.iteration in points:
                number = points.index(progress.iteration) + 1
                self._evaluate(rate, spaced=schedule.spaced(number, len(points)))
        if progress.iteration >= current.iterations or self._settled():
            _next_round(self.job, self.state)

    def _evaluate(self, rate: float, *, spaced: bool) -> None:
        """Evaluate on the inner validation, extend the curves, keep the weights if they deserve it."""
        state, progress = self.state, self.state.progress
        loss, accuracy = (state.sums / progress.windows).tolist()
        progress.rates.append(progress.windows / max(time.perf_counter() - self.since, 1e-9))
        done = progress.before + progress.iteration
        if not math.isfinite(loss):
            raise MethodError(
                f"the training loss is {loss} by iteration {done} at learning rate {rate:g}: the training "
                "diverged; lower the learning rate or set a smaller clip_norm"
            )
        values = {"loss": loss, "training accuracy": accuracy}
        job, scored = self.job, None
        if job.validation:
            micro = progress.micro
            scored = score(
                job.net, job.footage, job.validation, job.schedule.view, job.execution, batch=micro
            )
            values["validation loss"] = scored.loss
            values["validation accuracy"] = state.kept.accuracy(scored)
            progress.recent.append(values["validation accuracy"])
        progress.evaluated.append(done)
        for name, value in values.items():
            progress.curves.setdefault(name, []).append(value)
        self._say_stage()
        state.sums.zero_()
        progress.windows = 0
        state.kept.add(Candidate(done, scored, spaced, snapshot(job.net)))
        self._say(f"iteration {done}: " + ", ".join(f"{name} {value:.3f}" for name, value in values.items()))
        self.since = time.perf_counter()

    def _say_stage(self) -> None:
        """How far the training is; a round that settles early is shorter than planned."""
        progress, schedule = self.state.progress, self.job.schedule
        planned = progress.before + sum(each.iterations for each in schedule.rounds[progress.round :])
        speed = f", {progress.rates[-1] * schedule.view.length:.0f} images/s" if progress.rates else ""
        self.job.desk.stage(f"{progress.before + progress.iteration} of {planned} iterations{speed}")

    def _say(self, line: str) -> None:
        """Log at most every half a minute."""
        if time.perf_counter() - self.said > 30.0:
            self.job.desk.log(f"{line}; {self._speed()}")
            self.said = time.perf_counter()

    def _speed(self) -> str:
        """Images a second; of a long training their share of a measured matrix product too."""
        schedule, execution = self.job.schedule, self.job.execution
        windows = median(self.state.progress.rates)
        images = f"{windows * schedule.view.length:.0f} images/s"
        if self.state.progress.seconds < COUNTED_FROM:
            return images
        passes = 1 if all(current.only for current in schedule.rounds) else 3
        peak = matmul_rate(execution.device, execution.autocast, execution.threads)
        share = windows * forward_flops(self.job.net, schedule.view) * passes / peak
        return f"{images}, {share:.0%} of the measured {peak / 1e9:.0f} GFLOP/s of a matrix product"

    def _settled(self) -> bool:
        """A net that still gives every clip one class has a steady accuracy too, but has not begun."""
        recent, limit = self.state.progress.recent[-3:], self.job.schedule.settled
        if limit is None or len(recent) < 3 or min(recent) <= self.constant + limit:
            return False
        return max(recent) - min(recent) <= limit


def _first_state(job: Job) -> State:
    schedule, device = job.schedule, job.execution.device
    sampler = Sampler(
        job.footage,
        job.training,
        length=schedule.view.length,
        crop=schedule.view.crop,
        mirror=schedule.mirror,
        generator=torch.Generator().manual_seed(derived_seed(job.seed, "windows")),
    )
    return State(
        net=job.net,
        optimizer=_optimizer(job, 0),
        sampler=sampler,
        dropout=torch.Generator(device).manual_seed(derived_seed(job.seed, "dropout")),
        sums=torch.zeros(2, device=device, dtype=torch.float64),
        progress=Progress(micro=min(schedule.micro_batch, schedule.batch)),
        kept=Kept(schedule.per_clip),
    )


def _optimizer(job: Job, number: int) -> torch.optim.SGD:
    """A fresh optimiser over the parameters that learn in this round, which alone get gradients."""
    current = job.schedule.rounds[number]
    for name, parameter in job.net.named_parameters():
        parameter.requires_grad_(current.learns(name))
    return torch.optim.SGD(
        [parameter for parameter in job.net.parameters() if parameter.requires_grad],
        lr=current.rate,
        momentum=job.schedule.momentum,
        weight_decay=job.schedule.weight_decay,
        fused=job.execution.fused,
    )


def _start_round(job: Job, state: State) -> None:
    if state.progress.round < len(job.schedule.rounds):
        state.optimizer = _optimizer(job, state.progress.round)


def _next_round(job: Job, state: State) -> None:
    """On to the next round, from the best weights so far."""
    progress = state.progress
    progress.before += progress.iteration
    progress.iteration, progress.recent = 0, []
    progress.round += 1
    if state.kept.best is not None:
        state.net.load_state_dict(state.kept.best.weights)
    _start_round(job, state)


def _update(job: Job, state: State, rate: float) -> None:
    """One step down the gradient of one batch; nothing here waits for the device."""
    schedule = job.schedule
    windows = on_device(state.sampler.draw(schedule.batch), job.execution.device)
    masks = job.net.draw_masks(schedule.batch, schedule.view.length, state.dropout)
    state.sums += _gradients(job, state, windows, masks)
    if schedule.clip_norm:
        limit_norm(job.net.parameters(), schedule.clip_norm)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.progress.windows += schedule.batch


def _gradients(job: Job, state: State, windows: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Gradients of the batch's mean loss; returns the windows' summed losses and accuracies, (2,).

    Where the device has too little memory the micro-batch is halved; the batch stays what it is.
    """
    while True:
        try:
            return _accumulate(job, state.progress.micro, windows, masks)
        except torch.OutOfMemoryError as error:
            if state.progress.micro == 1:
                raise MethodError(
                    f"{job.execution.device}: not even one window of {job.schedule.view.length} frames fits "
                    "into its memory; end other programs that use it, or lower width or crop"
                ) from error
        _halve(job, state)


def _halve(job: Job, state: State) -> None:
    state.optimizer.zero_grad(set_to_none=True)
    if job.execution.device.type == "cuda":
        torch.cuda.empty_cache()
    state.progress.micro = (state.progress.micro + 1) // 2
    note = (
        f"out of memory on {job.execution.device}: from here on {state.progress.micro} windows at once, "
        f"their gradients added up to the same batch of {job.schedule.batch}"
    )
    state.progress.notes.append(note)
    job.desk.log(note)


def _accumulate(job: Job, micro: int, windows: Tensor, masks: Sequence[Tensor]) -> Tensor:
    sums = torch.zeros(2, device=job.execution.device, dtype=torch.float64)
    n = windows.shape[1]
    for first in range(0, n, micro):
        part = slice(first, first + micro)
        seen, dropped = windows[:, part], [mask[part] for mask in masks]
        scores = class_scores(job.forward, job.footage, seen, job.schedule.view, job.execution, dropped)
        steps = scores.shape[1]
        labels = job.footage.labels[windows[0, part]][:, None].expand(-1, steps)
        losses = cross_entropy(scores.flatten(0, 1), labels.flatten()) / steps
        torch.autograd.backward(losses / n)
        correct = (scores.detach().argmax(2) == labels).sum() / steps
        sums += torch.stack([losses.detach().double(), correct.double()])
    return sums


def derived_seed(seed: int, name: str) -> int:
    """A seed of its own for each use of randomness within one training."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{name}".encode()).digest()[:8], "big") >> 1
