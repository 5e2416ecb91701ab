"""Progress of a run: a bar with counts and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from benchmark.engines import Outcome
from benchmark.plan import Unit
from benchmark.sources import Log


class Progress:
    """Counts finished units; a failure is always a line of its own."""

    def __init__(self, total: int, log: Log) -> None:
        self.total, self.log = total, log
        self.done = self.failed = 0
        self.began = time.monotonic()
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self.bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self.bar.start()
            self.task = self.bar.add_task("units", total=self.total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def advance(self, unit: Unit, outcome: Outcome) -> None:
        """Count one outcome."""
        self.done += 1
        what = f"{unit.method} tim {unit.tim} {unit.protocol} {unit.fold} seed {unit.seed}"
        if outcome.status != "done":
            self.failed += 1
            reason = (outcome.error or {}).get("message", "")
            self._line(f"{outcome.status}: {what}: {reason.splitlines()[0] if reason else ''}")
        if self.bar is not None:
            self.bar.update(self.task, completed=self.done, description=f"units ({self.failed} failed)")
        elif outcome.status == "done":
            elapsed = time.monotonic() - self.began
            left = elapsed / self.done * (self.total - self.done)
            self.log(f"[{self.done}/{self.total}] {what}: {outcome.seconds:.1f} s; about {left:.0f} s left")

    def _line(self, text: str) -> None:
        if self.bar is not None:
            self.bar.console.print(text, markup=False, highlight=False)
        else:
            self.log(text)
