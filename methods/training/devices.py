"""Where nets are trained and how: device, threads, precision, layout, compilation."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from methods.base import Context, MethodError


@dataclass(frozen=True)
class Execution:
    """How a net runs; nothing here changes what is computed beyond rounding.

    Attributes
    ----------
    autocast
        bfloat16 where torch thinks it safe (many a CPU computes it hundreds of times slower than float32).
    channels_last
        Layout of the weights (frames have it always).
    compiler
        A torch.compile back end or None.
    benchmark
        Let cuDNN try its algorithms.
    """

    device: torch.device
    threads: int = 1
    deterministic: bool = False
    autocast: bool = False
    channels_last: bool = False
    compiler: str | None = None
    benchmark: bool = False
    fused: bool = True


def execution_for(context: Context) -> Execution:
    """What fits the context's device; MethodError if the device is not there."""
    device = present(context.device)
    fast = device.type == "cuda"
    return Execution(
        device=device,
        threads=context.threads,
        deterministic=context.deterministic,
        autocast=fast and bfloat16_convolves(device),
        channels_last=fast,
        compiler="inductor" if fast else None,
        benchmark=fast and not context.deterministic,
    )


def present(name: str) -> torch.device:
    """The device of this name; MethodError says what there is if it is not there."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise MethodError(f"{name!r} is not a device; pass --device cpu, cuda or cuda:1") from error
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= found:
        raise MethodError(
            f"device {name!r} was asked for and this process sees {found} CUDA devices "
            f"(torch {torch.__version__}); pass --device cpu, or install a CUDA build of torch and its driver"
        )
    if device.type not in ("cpu", "cuda"):
        raise MethodError(f"device {name!r} is not supported; pass --device cpu or cuda")
    return device


@contextmanager
def running(execution: Execution) -> Iterator[None]:
    """Threads and determinism as asked for inside the block, and as they were after it."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    if execution.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(execution.threads)
    torch.use_deterministic_algorithms(execution.deterministic, warn_only=True)
    torch.backends.cudnn.benchmark = execution.benchmark
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark


def lay_out(model: nn.Module, execution: Execution) -> None:
    """Put the model on the device, its convolution weights with channels innermost if asked for."""
    model.to(execution.device)
    if execution.channels_last:
        volumes = any(isinstance(layer, nn.Conv3d) for layer in model.modules())
        layout = torch.channels_last_3d if volumes else torch.channels_last
        for parameter in model.parameters():
            if parameter.ndim == (5 if volumes else 4):
                parameter.data = parameter.data.contiguous(memory_format=layout)


def bfloat16_convolves(device: torch.device) -> bool:
    """Whether a small 3D convolution in bfloat16 agrees with float32; a cuDNN release got it wrong."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, 16, 8, 16, 16), generator=generator).to(device)
    weight = torch.randn((32, 16, 3, 3, 3), generator=generator).to(device) / 20.8
    exact = nn.functional.conv3d(x, weight, padding=1)
    rounded = nn.functional.conv3d(x.bfloat16(), weight.bfloat16(), padding=1).float()
    return bool((exact - rounded).abs().max() < 0.1)


@functools.cache
def matmul_rate(device: torch.device, autocast: bool, threads: int) -> float:
    """Floating-point operations a second of one large matrix product on this device, best of five."""
    side = 8192 if device.type == "cuda" else 512
    matrix = torch.ones((side, side), device=device, dtype=torch.bfloat16 if autocast else torch.float32)
    best = float("inf")
    for _ in range(6):
        _wait(device)
        start = time.perf_counter()
        torch.mm(matrix, matrix)
        _wait(device)
        best = min(best, time.perf_counter() - start)
    return 2.0 * side**3 / best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
