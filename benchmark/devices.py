"""Which device the networks run on: a GPU where there is one."""

from __future__ import annotations

import ctypes

from basis.errors import Mendable


class DeviceError(Mendable, ValueError):
    """A device that is asked for and is not there; the message says what would be right."""


def choose_devices(wanted: str) -> tuple[str, ...]:
    """("cpu",) or one name per GPU; "auto" takes every GPU that torch can use.

    Raises
    ------
    DeviceError
        When CUDA is asked for and is not there.
    """
    if wanted == "cpu" or (wanted == "auto" and not _has_driver()):
        return ("cpu",)
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return tuple(f"cuda:{i}" for i in range(count)) or ("cpu",)
    kind, _, index = wanted.partition(":")
    if kind != "cuda" or not (index == "" or index.isdecimal()):
        raise DeviceError(f"device {wanted!r} must be auto, cpu, cuda or cuda:<number>")
    if count == 0:
        raise DeviceError(
            f"device {wanted!r} was asked for, but torch {torch.__version__} sees no GPU; use --device cpu, "
            "or install a CUDA build of torch and check nvidia-smi"
        )
    if index and int(index) >= count:
        raise DeviceError(f"device {wanted!r} was asked for; there are cuda:0 .. cuda:{count - 1}")
    return (wanted,) if index else tuple(f"cuda:{i}" for i in range(count))


def _has_driver() -> bool:
    """Does the CUDA driver see a device? Asked without importing torch, which takes seconds."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return False
    return count.value > 0
