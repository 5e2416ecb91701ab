"""Progress of a run: a bar with counts and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from benchmark.engines.tasks import Outcome
from benchmark.log import Log, only_trouble
from benchmark.unit import Unit


def duration(seconds: float) -> str:
    """For people: "50 s", "12 min", "3.5 h"."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


SPEED = re.compile(r"(\d+) images/s")
"""How a network says how fast it trains; the last one that a unit printed is its speed."""


class Progress:
    """Counts finished units and says how long the others will take; a failure is a line of its own.

    Parameters
    ----------
    units
        Those that are to be run.
    workers
        How many of them run side by side.
    log
        Takes the plain lines, at most one a second but for failures; on a terminal a bar stands instead.
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        workers: int,
        log: Log,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.workers, self.log, self.clock = len(units), max(workers, 1), log, clock
        self.done = self.failed = 0
        self.waiting = Counter(unit.method for unit in units)
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.bar: Any = None
        self.said = -math.inf
        self.speed = ""

    def __enter__(self) -> Progress:
        if sys.stderr.isatty() and self.log is not only_trouble:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
            from rich.progress import Progress as Bar

            words = ("{task.description}", "{task.fields[left]}", "{task.fields[last]}")
            stage, left, last = (TextColumn(text, markup=False) for text in words)
            bar = (SpinnerColumn(), stage, BarColumn(), MofNCompleteColumn(), left, last)
            self.bar = Bar(*bar, console=Console(stderr=True))
            self.bar.start()
            self.task = self.bar.add_task("units", total=self.total, left="", last="")
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
        speeds = SPEED.findall(outcome.output)
        self.speed = f", {speeds[-1]} images/s" if speeds else ""
        what = f"{unit.method} tim {unit.tim} {unit.protocol} {unit.fold} seed {unit.seed}"
        if outcome.status != "done":
            self.failed += 1
            reason = (outcome.error or {}).get("message", "")
            self._line(f"{outcome.status}: {what}: {reason.splitlines()[0] if reason else ''}")
        left, last = f"about {duration(self.left)} left", f"{what}: {outcome.seconds:.1f} s{self.speed}"
        if self.bar is not None:
            words = f"units ({self.failed} failed)"
            self.bar.update(self.task, completed=self.done, description=words, left=left, last=last)
        elif outcome.status == "done" and (self.clock() - self.said >= 1 or self.done == self.total):
            self.said = self.clock()
            self.log(f"[{self.done}/{self.total}] {last}; {left}")

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
