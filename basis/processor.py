"""What the processor can do, and how the libraries are kept from letting it change results.

The networks and our compiled loops add in a fixed order of their own. numpy and OpenBLAS choose their
code by the processor when they are loaded; `pin` has them choose what every x86-64 with AVX2 and FMA has.
"""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

PINS = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
NEEDED = ("avx2", "fma")
FIXED = "fixed order"
"""`arithmetic` of a computation that gives the same bits on every processor that has what is needed."""


def pin() -> None:
    """Pin this process and all that it starts; for a command, before it imports anything large.

    Where numpy is loaded already (by a .pth file, a debugger) the command is executed again, once, with
    the environment set. Nothing happens on a processor without AVX2 and FMA.
    """
    missing = {name: value for name, value in pins().items() if os.environ.get(name) != value}
    if missing:
        os.environ.update(missing)
        if "numpy" in sys.modules:
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def pins() -> dict[str, str]:
    """Environment variables for a process that is to give the same bits everywhere."""
    return PINS if set(NEEDED) <= _flags() else {}


def arithmetic(device: str) -> str:
    """`FIXED`, or what the last bits of results depend on."""
    if not device.startswith("cpu"):
        return f"of {device.partition(':')[0]}"
    lacking = sorted(set(NEEDED) - _flags())
    if lacking:
        return f"of this processor ({platform.machine()} without {' and '.join(lacking)})"
    unset = [name for name, value in PINS.items() if os.environ.get(name) != value]
    return f"of this processor ({', '.join(unset)} not set)" if unset else FIXED


def capability() -> str:
    """The instruction sets that matter here, e.g. "x86_64 avx2 fma avx512f"."""
    known = [name for name in (*NEEDED, "avx512f", "amx_tile") if name in _flags()]
    return " ".join([platform.machine(), *known])


def model() -> str:
    """The processor's name where the system tells it."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


@cache
def _flags() -> frozenset[str]:
    """Instruction sets by Linux's names; none where the system does not list them so."""
    for line in _cpuinfo():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


@cache
def _cpuinfo() -> tuple[str, ...]:
    path = Path("/proc/cpuinfo")
    return tuple(path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()
