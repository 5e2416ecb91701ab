"""One measured line, and the table that lines make."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from basis.files import write_atomically


@dataclass(frozen=True)
class Row:
    """One measured line.

    Attributes
    ----------
    part
        Name in `PARTS`.
    what
        The work, with its size.
    seconds
        Ours.
    baseline
        Name of the straightforward version, "" if there is none.
    baseline_seconds
        Its time for the same work.
    ratio
        baseline_seconds / seconds.
    note
        What a reader must know.
    limit_seconds
        Estimate of the least time this machine could need (its measured memory bandwidth or arithmetic rate).
    """

    part: str
    what: str
    seconds: float
    baseline: str = ""
    baseline_seconds: float | None = None
    ratio: float | None = None
    note: str = ""
    limit_seconds: float | None = None

    @classmethod
    def against(
        cls,
        part: str,
        what: str,
        seconds: float,
        baseline: str,
        baseline_seconds: float,
        *,
        note: str = "",
        limit_seconds: float | None = None,
    ) -> Row:
        """A row whose ratio is computed from the two times."""
        ratio = baseline_seconds / seconds
        return cls(part, what, seconds, baseline, baseline_seconds, ratio, note, limit_seconds)


def best_of(
    work: Callable[[], Any], repeats: int = 3, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Least seconds of `repeats` calls, after one call that compiles and warms up.

    Parameters
    ----------
    work
        What is timed.
    repeats
        How many calls count.
    clock
        Wall clock by default; `time.thread_time` (processor seconds of this thread) compares single-thread
        work fairly while the machine does other things too.
    """
    work()
    times = []
    for _ in range(max(1, repeats)):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def print_rows(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print rows as a table: times, ratio to the baseline, share of the machine's limit reached."""
    table = Table(title="Speed on this machine (least of several runs)")
    for heading in ("part", "what", "time", "baseline", "its time", "ratio", "of limit", "note"):
        right = heading in {"time", "its time", "ratio", "of limit"}
        table.add_column(heading, justify="right" if right else "left")
    for row in rows:
        table.add_row(
            row.part,
            row.what,
            _time(row.seconds),
            row.baseline,
            _time(row.baseline_seconds),
            "" if row.ratio is None else f"{row.ratio:.1f}x",
            "" if row.limit_seconds is None else f"{100 * row.limit_seconds / row.seconds:.0f}%",
            row.note,
        )
    (console or Console()).print(table)


def _time(seconds: float | None) -> str:
    """Seconds with a unit that suits them."""
    if seconds is None:
        return ""
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows with a header line, atomically; empty cells where there is no value."""
    text = io.StringIO()
    names = [field.name for field in fields(Row)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = [getattr(row, name) for name in names]
        writer.writerow(["" if value is None else value for value in values])
    write_atomically(path, text.getvalue().encode())
