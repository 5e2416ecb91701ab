"""Where units run: on this machine, on dask workers or as SLURM jobs, with the same outcomes everywhere.

Every unit runs in a process of its own, so that one that raises, calls `os._exit`, is killed, hangs or
eats memory costs nothing but itself. Which process starts that child differs between the engines; what
watches it (`supervisor`) and what runs in it (`child`) is the same code.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["done", "failed", "crashed", "timeout", "memory"]


class EngineError(RuntimeError):
    """The engine itself cannot work; the message says what would help."""


@dataclass(frozen=True)
class Task:
    """One unit as an engine sees it: `payload` is plain JSON; `expected_seconds` groups short units."""

    key: str
    payload: Mapping[str, Any]
    expected_seconds: float = 60.0


@dataclass(frozen=True)
class Limits:
    """What units may use.

    workers: units at a time; timeout: seconds per unit or None; memory_mb: for the unit and all processes
    it starts, or None (memory that files map is not counted); devices: handed out one per unit, "cpu" to
    as many units as there are workers; threads: per unit, or None for one when several units run on this
    machine and all cores otherwise.
    """

    workers: int = 1
    timeout: float | None = None
    memory_mb: int | None = None
    devices: tuple[str, ...] = ("cpu",)
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers must be 1 or more, got {self.workers}")
        if not self.devices:
            raise ValueError("devices must name at least one device, such as 'cpu' or 'cuda:0'")
        for name, value in (
            ("timeout", self.timeout),
            ("memory_mb", self.memory_mb),
            ("threads", self.threads),
        ):
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be above 0 or None, got {value}")

    @property
    def slots(self) -> tuple[str, ...]:
        """The device of each unit that can run at the same time: every GPU once, the CPU for the rest."""
        cards = tuple(device for device in self.devices if device != "cpu")[: self.workers]
        rest = self.workers - len(cards) if "cpu" in self.devices else 0
        return cards + ("cpu",) * rest

    @property
    def threads_per_unit(self) -> int:
        """Threads of BLAS, OpenMP, torch, cv2 and numba in one unit."""
        if self.threads is not None:
            return self.threads
        return cores() if len(self.slots) == 1 else 1


@dataclass(frozen=True)
class Outcome:
    """How one unit ended.

    done: the function returned; failed: it raised; crashed: its process ended otherwise; timeout, memory:
    it was stopped at its limit (a MemoryError and a GPU's out-of-memory error count as memory).
    error: type, message, traceback; None when done. seconds: wall time of the unit's process.
    peak_memory_mb: largest resident memory. output: the end of what it printed.
    """

    key: str
    status: Status
    error: Mapping[str, str] | None
    seconds: float
    peak_memory_mb: float
    output: str = ""


ENGINES = ("local", "dask", "slurm")


def run_tasks(
    engine: str, function: str, tasks: Iterable[Task], limits: Limits, **engine_options: Any
) -> Iterator[Outcome]:
    """Run `function` ("module:function") once per task and yield each outcome as it arrives, in any order.

    The function is called in the unit's process with the task's payload and two more entries, "device"
    and "threads"; it stores its own results and returns nothing. Tasks are taken from the iterable as
    places become free. Closing the iterator, or Ctrl-C, ends all units and what they started.

    Options: local: preload (modules to import once, before units are forked). dask: scheduler (address;
    None starts workers on this machine, bound to 127.0.0.1), preload. slurm: folder (shared; required),
    preload, cluster ("slurm" or "local"), group_seconds, parameters (of submitit's AutoExecutor).

    Raises EngineError when the engine cannot start, ValueError for an unknown engine.
    """
    if engine == "local":
        from benchmark.engines.local import run_local

        return run_local(function, tasks, limits, **engine_options)
    if engine == "dask":
        from benchmark.engines.dask import run_dask

        return run_dask(function, tasks, limits, **engine_options)
    if engine == "slurm":
        from benchmark.engines.slurm import run_slurm

        return run_slurm(function, tasks, limits, **engine_options)
    near = difflib.get_close_matches(engine, ENGINES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{engine!r} is not an engine, must be one of {list(ENGINES)}{hint}")


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
