"""A training that was killed goes on: everything that changes while a net learns, written and read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.nets.layers import Net
from methods.training.candidates import Candidate, Kept
from methods.training.checkpoints import BadCheckpoint, Weights, read_tensors, write_tensors
from methods.training.scoring import Scored
from methods.training.windows import Sampler

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class Progress:
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


@dataclass
class State:
    """Everything that changes during a training.

    Attributes
    ----------
    optimizer
        Of the current round.
    dropout
        The generator of the masks.
    sums
        Loss and accuracy of the windows since the last evaluation, (2,) float64 on the device.
    files
        sha256 of candidates on disk.
    """

    net: Net
    optimizer: torch.optim.SGD
    sampler: Sampler
    dropout: torch.Generator
    sums: Tensor
    progress: Progress
    kept: Kept
    files: dict[int, str] = field(default_factory=dict)


def save_state(state: State, job: str, folder: Path) -> None:
    """Write what is needed to go on, candidates first, each in a file of its own and only once.

    Nothing is written while the sums are not finite: the training is about to fail, and what lies in the
    folder is better.
    """
    if not bool(torch.isfinite(state.sums).all()):
        return
    kept = [_saved_candidate(state, folder, candidate) for candidate in state.kept.candidates]
    names = {id(parameter): name for name, parameter in state.net.named_parameters()}
    momentum = {
        names[id(parameter)]: values["momentum_buffer"] for parameter, values in state.optimizer.state.items()
    }
    tensors = {
        **{f"weights/{name}": tensor for name, tensor in state.net.state_dict().items()},
        **{f"momentum/{name}": tensor for name, tensor in momentum.items()},
        **{f"sampler/{name}": tensor for name, tensor in state.sampler.state().items()},
        "dropout": state.dropout.get_state(),
        "sums": state.sums,
    }
    best = None if state.kept.best is None else state.kept.candidates.index(state.kept.best)
    facts = {"job": job, "progress": asdict(state.progress), "candidates": kept, "best": best}
    write_tensors(folder / CHECKPOINT, tensors, facts)


def restore_state(
    state: State, job: str, folder: Path, start_round: Callable[[], None], log: Callable[[str], None]
) -> None:
    """Bring the state where the folder's checkpoint is, if it belongs to this very training.

    Parameters
    ----------
    state
        What is brought there.
    job
        Digest of what the training depends on.
    folder
        Of the checkpoints.
    start_round
        Makes the optimiser of `state.progress.round`, to be filled.
    log
        Takes one line for the user.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return
    try:
        tensors, facts = read_tensors(path)
        if facts["job"] != job:
            log(f"{path} belongs to another training; starting from the beginning")
            return
        candidates = [_read_candidate(folder, saved) for saved in facts["candidates"]]
    except BadCheckpoint as error:
        log(f"starting from the beginning: {error}")
        return
    state.kept.candidates = candidates
    state.kept.best = None if facts["best"] is None else candidates[facts["best"]]
    state.files = {saved["iteration"]: saved["sha256"] for saved in facts["candidates"]}
    state.progress = Progress(**facts["progress"])
    _fill(state, tensors, start_round)
    log(f"going on after iteration {state.progress.before + state.progress.iteration}")


def _fill(state: State, tensors: Weights, start_round: Callable[[], None]) -> None:
    state.net.load_state_dict(_below(tensors, "weights/"))
    start_round()
    momentum = _below(tensors, "momentum/")
    for name, parameter in state.net.named_parameters():
        if name in momentum:
            buffer = torch.empty_like(parameter).copy_(momentum[name])
            state.optimizer.state[parameter]["momentum_buffer"] = buffer
    state.sampler.restore(_below(tensors, "sampler/"))
    state.dropout.set_state(tensors["dropout"])
    state.sums = tensors["sums"].to(state.sums.device)


def _saved_candidate(state: State, folder: Path, candidate: Candidate) -> dict[str, Any]:
    if candidate.iteration not in state.files:
        path = folder / f"candidate-{candidate.iteration}.safetensors"
        state.files[candidate.iteration] = write_tensors(path, candidate.weights, {})
    return {
        "iteration": candidate.iteration,
        "scored": None if candidate.scored is None else asdict(candidate.scored),
        "spaced": candidate.spaced,
        "sha256": state.files[candidate.iteration],
    }


def _read_candidate(folder: Path, saved: dict[str, Any]) -> Candidate:
    path = folder / f"candidate-{saved['iteration']}.safetensors"
    weights, _ = read_tensors(path, sha256=saved["sha256"])
    scored = None if saved["scored"] is None else Scored(**saved["scored"])
    return Candidate(saved["iteration"], scored, saved["spaced"], weights)


def _below(tensors: Weights, prefix: str) -> Weights:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
