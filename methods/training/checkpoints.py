"""Tensors and JSON facts in one file, written at once, checked when read; never a pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from basis.files import file_sha256, write_atomically
from methods.base import MethodError

Weights = dict[str, Tensor]
"""Name to tensor in CPU memory."""


class BadCheckpoint(ValueError):
    """A file that cannot be used: damaged, or not what its sha256 says."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """Write a safetensors file with the facts in its header, atomically; returns its sha256.

    The folder is made if it is not there. Tensors may lie on any device and in any layout.
    """
    whole = {name: on_cpu(tensor) for name, tensor in tensors.items()}
    data = save(whole, metadata={"facts": json.dumps(facts, sort_keys=True)})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def read_tensors(path: Path, *, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and facts of a file; BadCheckpoint names the file and what is wrong with it."""
    if not path.is_file():
        raise BadCheckpoint(f"{path}: there is no such file")
    if sha256 is not None and file_sha256(path) != sha256:
        raise BadCheckpoint(f"{path}: its sha256 is not {sha256[:12]}..., it was damaged or replaced")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})["facts"])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise BadCheckpoint(f"{path}: not a whole file of tensors and facts ({error})") from error


def on_cpu(tensor: Tensor) -> Tensor:
    """A copy of its own in CPU memory, rows outermost."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def snapshot(module: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of the module's weights in CPU memory."""
    return {name: on_cpu(tensor) for name, tensor in module.state_dict().items()}


def require_fit(module: torch.nn.Module, weights: Weights, folder: Path) -> None:
    """Raise MethodError if the weights are not those of such a module: other names or shapes."""
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if wanted != found:
        names = sorted(name for name in wanted.keys() | found.keys() if found.get(name) != wanted.get(name))
        raise MethodError(
            f"{folder}: saved with other settings of the net ({', '.join(names[:3])} differ); load it with "
            "the settings it was fitted with"
        )
