"""Progress of a run: a bar with counts and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from benchmark.engines.tasks import Outcome
from benchmark.log import Log
from benchmark.unit import Unit


def duration(seconds: float) -> str:
    """For people: "50 s", "12 min", "3.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


class Progress:
    """Counts finished units and says how long the others will take; a failure is a line of its own.

    units: those that are to be run; workers: how many of them run side by side.
    """

    def __init__(self, units: Sequence[Unit], workers: int, log: Log) -> None:
        self.total, self.workers, self.log = len(units), max(workers, 1), log
        self.done = self.failed = 0
        self.waiting = Counter(unit.method for unit in units)
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[left]}"),
                console=Console(stderr=True),
            )
            self.bar.start()
            self.task = self.bar.add_task("units", total=self.total, left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def advance(self, unit: Unit, outcome: Outcome) -> None:
        """Count one outcome."""
        self.done += 1
        self.waiting[unit.method] -= 1
        self.seconds[unit.method].append(outcome.seconds)
        left = f"about {duration(self.left)} left"
        what = f"{unit.method} tim {unit.tim} {unit.protocol} {unit.fold} seed {unit.seed}"
        what += f" draw {unit.draw}" if unit.draw else ""
        if outcome.status != "done":
            self.failed += 1
            reason = (outcome.error or {}).get("message", "")
            self._line(f"{outcome.status}: {what}: {reason.splitlines()[0] if reason else ''}")
        if self.bar is not None:
            words = f"units ({self.failed} failed)"
            self.bar.update(self.task, completed=self.done, description=words, left=left)
        elif outcome.status == "done":
            self.log(f"[{self.done}/{self.total}] {what}: {outcome.seconds:.1f} s; {left}")

    @property
    def left(self) -> float:
        """Seconds the other units will take: the median of their method so far, or of all methods.

        Not the mean: the first unit of a method computes the features that the others find in the cache.
        """
        medians = {method: statistics.median(seconds) for method, seconds in self.seconds.items()}
        unseen = statistics.median(medians.values()) if medians else 0.0
        each = [n * medians.get(method, unseen) for method, n in self.waiting.items()]
        return math.fsum(each) / min(self.workers, max(self.waiting.total(), 1))

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, markup=False, highlight=False)
        else:
            self.log(text)
