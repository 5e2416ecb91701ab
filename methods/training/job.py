"""What a training is asked for: net, clips, schedule, and where it keeps and tells how it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import Tensor

from basis.canonical import digest_of
from methods.nets.layers import Net
from methods.training.devices import Execution
from methods.training.schedule import Schedule
from methods.training.windows import Footage

Log = Callable[[str], None]

Split = tuple[Sequence[int], Sequence[int]]
"""Positions of clips: those to learn from, those that choose among the candidates."""


@dataclass(frozen=True)
class Desk:
    """Where a training keeps what it has, and whom it tells.

    Attributes
    ----------
    folder
        Of the checkpoints; None keeps none.
    log
        Takes one line for the user.
    stage
        Takes how far the training is and how fast, at every evaluation.
    checkpoint_seconds
        At least so much time lies between two checkpoints.
    """

    folder: Path | None = None
    log: Log = lambda line: None
    stage: Log = lambda words: None
    checkpoint_seconds: float = 60.0


QUIET = Desk()
"""Keeps nothing and tells nobody."""


@dataclass(frozen=True)
class Job:
    """What stays as it is during a training.

    Attributes
    ----------
    forward
        The net, perhaps compiled.
    training, validation
        Positions of the clips to learn from, and of those that choose among the candidates.
    """

    net: Net
    forward: Callable[..., Tensor]
    footage: Footage
    training: tuple[int, ...]
    validation: tuple[int, ...]
    schedule: Schedule
    execution: Execution
    seed: int
    desk: Desk

    @property
    def name(self) -> str:
        """What a checkpoint must agree with: schedule, seed, device, clips with labels and statistics."""
        return digest_of(
            {
                "schedule": asdict(self.schedule),
                "seed": self.seed,
                "device": self.execution.device.type,
                "split": [list(self.training), list(self.validation)],
                "labels": self.footage.labels.tolist(),
                "statistics": list(map(list, self.footage.statistics)),
            }
        )

    @property
    def constant(self) -> float:
        """Accuracy of always saying the most frequent class of the inner validation; 0 without one."""
        counts = self.footage.labels.cpu()[list(self.validation)].bincount()
        return float(counts.max()) / len(self.validation) if self.validation else 0.0
