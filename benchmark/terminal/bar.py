"""The progress display of a terminal: one bar, and below it what runs now and what ended last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from benchmark.units.running import shortened

MOST = 4
"""So many units that run are shown; the others are counted."""


class Bar(Progress):
    """A bar over `total` units on stderr.

    Parameters
    ----------
    total
        How many units there are.
    left
        Says how much is left; asked, as `running`, at most once a second and after each unit.
    running
        Gives a line for each unit that runs.
    console
        Where it is drawn.
    """

    def __init__(
        self,
        total: int,
        left: Callable[[], str],
        running: Callable[[], Sequence[str]],
        console: Console | None = None,
    ) -> None:
        self.left, self.ask, self.asked = left, running, 0.0
        self.lines, self.last = tuple[str, ...](), ""
        words = TextColumn("{task.fields[left]}", markup=False)
        columns = (SpinnerColumn(), TextColumn("units"), BarColumn(20), MofNCompleteColumn(), words)
        super().__init__(*columns, console=console or Console(stderr=True), refresh_per_second=4)
        self.task = self.add_task("units", total=total, left="")

    def show(self, done: int, last: str) -> None:
        """So many are done, and this ended last."""
        self.last = last
        self.update(self.task, completed=done, left=self.left())

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar and the lines, each cut at the terminal's edge."""
        if time.monotonic() - self.asked >= 1:
            self.asked, self.lines = time.monotonic(), tuple(self.ask())
            for task in self.tasks:
                task.fields["left"] = self.left()
        yield self.make_tasks_table(self.tasks)
        last = [f"ended: {self.last}"] if self.last else []
        for line in (*shortened(self.lines, MOST), *last):
            yield Text(f"  {line}", no_wrap=True, overflow="ellipsis")
