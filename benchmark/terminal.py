"""The progress display of a terminal: one bar, and below it what runs now and what ended last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from benchmark.running import shortened

MOST = 4
"""So many units that run are shown; the others are counted."""


class Bar(Progress):
    """A bar over `total` units on stderr.

    Parameters
    ----------
    total
        How many units there are.
    running
        Gives a line for each unit that runs; asked at most once a second.
    console
        Where it is drawn.
    """

    def __init__(
        self, total: int, running: Callable[[], Sequence[str]], console: Console | None = None
    ) -> None:
        self.ask, self.asked, self.lines, self.last = running, 0.0, tuple[str, ...](), ""
        left = TextColumn("{task.fields[left]}", markup=False)
        columns = (SpinnerColumn(), TextColumn("units"), BarColumn(20), MofNCompleteColumn(), left)
        super().__init__(*columns, console=console or Console(stderr=True), refresh_per_second=4)
        self.task = self.add_task("units", total=total, left="")

    def show(self, done: int, left: str, last: str) -> None:
        """So many are done, so much is left, and this ended last."""
        self.last = last
        self.update(self.task, completed=done, left=left)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar and the lines, each cut at the terminal's edge."""
        yield self.make_tasks_table(self.tasks)
        if time.monotonic() - self.asked >= 1:
            self.asked, self.lines = time.monotonic(), tuple(self.ask())
        last = [f"ended: {self.last}"] if self.last else []
        for line in (*shortened(self.lines, MOST), *last):
            yield Text(f"  {line}", no_wrap=True, overflow="ellipsis")
