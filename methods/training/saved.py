"""The candidates of a trained net in one file, with who wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import nn

from methods.base import Method, MethodError
from methods.training.checkpoints import BadCheckpoint, Weights, read_tensors, require_fit, write_tensors

MODEL = "net.safetensors"
Moment = Literal["iterations", "epochs"]
Candidates = Sequence[tuple[int, Weights]]
"""(iteration or epoch, weights) of each candidate."""


def save_candidates(
    method: Method, candidates: Candidates, moment: Moment, facts: Mapping[str, Any], folder: Path
) -> None:
    """Write `net.safetensors`: the weights of all candidates and what is needed to use them.

    Parameters
    ----------
    method
        The one that was fitted.
    candidates, moment
        Weights and when they were; the word under which the whens are kept.
    facts
        What else is needed, plain JSON.
    folder
        An existing one.
    """
    tensors = {f"{when}/{name}": tensor for when, weights in candidates for name, tensor in weights.items()}
    whens = [when for when, _ in candidates]
    writer = {"method": method.name, "revision": method.revision}
    write_tensors(folder / MODEL, tensors, {**writer, moment: whens, **facts})


def load_candidates(
    method: Method, moment: Moment, folder: Path, new_net: Callable[[Mapping[str, Any]], nn.Module]
) -> tuple[list[tuple[int, Weights]], dict[str, Any], nn.Module]:
    """The candidates that `save_candidates` wrote, the other facts and a net that they fit.

    Parameters
    ----------
    method
        The one that shall use them.
    moment
        As they were saved.
    folder
        Where they were saved.
    new_net
        A net for these facts.

    Raises
    ------
    MethodError
        For a damaged file, and one of another method, revision or settings.
    """
    try:
        tensors, facts = read_tensors(folder / MODEL)
    except BadCheckpoint as error:
        raise MethodError(str(error)) from error
    if (facts["method"], facts["revision"]) != (method.name, method.revision):
        raise MethodError(
            f"{folder}: saved by {facts['method']} revision {facts['revision']}, this is {method.name} "
            f"revision {method.revision}"
        )
    candidates = [(when, _weights_of(tensors, when)) for when in facts[moment]]
    net = new_net(facts)
    for _, weights in candidates:
        require_fit(net, weights, folder)
    return candidates, facts, net


def _weights_of(tensors: Weights, when: int) -> Weights:
    prefix = f"{when}/"
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
