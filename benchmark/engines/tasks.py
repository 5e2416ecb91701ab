"""What every engine is given and gives back: tasks, limits, outcomes, and what an engine says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from basis.cores import cores
from basis.errors import Mendable

Status = Literal["done", "failed", "crashed", "timeout", "memory"]


class EngineError(Mendable, RuntimeError):
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

    Attributes
    ----------
    workers
        Units at a time.
    timeout
        Seconds per unit or None.
    memory_mb
        For the unit and all processes it starts, or None (memory that files map is not counted).
    devices
        Handed out one per unit, "cpu" to as many units as there are workers.
    threads
        Per unit, or None for one when several units run on this machine and all cores otherwise.
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
class Options:
    """What a run tells its engine besides units and limits; each engine reads what concerns it.

    Attributes
    ----------
    preload
        Modules that units import, to be imported once before units are forked.
    scheduler
        Address of a running dask scheduler, None to start workers on this machine, bound to 127.0.0.1.
    folder
        For an engine's own files, seen by all machines (slurm needs it).
    parameters
        Of the engine slurm: "cluster" ("slurm" or "local"), "group_seconds" (units expected to take no longer
        together share a job), and those of submitit's AutoExecutor.
    """

    preload: tuple[str, ...] = ()
    scheduler: str | None = None
    folder: Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How one unit ended.

    Attributes
    ----------
    status
        "done": the function returned; "failed": it raised; "crashed": its process ended otherwise; "timeout",
        "memory": it was stopped at its limit (a MemoryError and a GPU's out-of-memory error count as memory).
    error
        Type, message, traceback; None when done.
    seconds
        Wall time of the unit's process.
    peak_memory_mb
        Largest resident memory.
    output
        The end of what it printed.
    """

    key: str
    status: Status
    error: Mapping[str, str] | None
    seconds: float
    peak_memory_mb: float
    output: str = ""


def crash(key: str, message: str) -> Outcome:
    """The outcome of a unit whose process is gone, and nobody measured it."""
    return Outcome(key, "crashed", {"type": "Crash", "message": message, "traceback": ""}, 0.0, 0.0)


Runner = Callable[[str, Iterable[Task], Limits, Options], Iterator[Outcome]]


@dataclass(frozen=True)
class Engine:
    """A way to run units.

    Attributes
    ----------
    run
        Called with the function's name, tasks, limits and options, yields outcomes in any order; closing it
        ends all units.
    cannot
        What it cannot promise, in words for the user, or "".
    elsewhere
        Its units run on machines that cannot be asked from here which devices they have.
    one_by_one
        It runs one unit at a time, however many workers are asked for.
    """

    run: Runner
    cannot: str = ""
    elsewhere: bool = False
    one_by_one: bool = False
