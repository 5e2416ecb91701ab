"""What is published on MEGC2019: which numbers can hold, how they were chosen, and a run beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from results.numbers.metrics_table import metrics_frame
from results.numbers.tables import tested
from results.records.runs import Results, load_results
from results.records.store import ResultsError

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

CLIPS = {"all": (250, 109, 83), "smic": (70, 51, 43), "casme2": (88, 32, 25), "samm": (92, 26, 15)}
"""Clips of negative, positive and surprise in the composite and in its parts."""

CLASSES = ("negative", "positive", "surprise")
IMPOSSIBLE = "cannot hold"
PRECISION = "is not the UAR"
PLAIN = "can hold"


@dataclass(frozen=True)
class Published:
    """One published pair of numbers, in shares of 1, and what its public log gives where there is one.

    Attributes
    ----------
    method
        Its name in this suite.
    part
        "all" or a database.
    digits
        Decimals in print.
    selection
        How the epoch was chosen.
    log
        (UF1, UAR, macro precision) of the log, or None.
    """

    method: str
    title: str
    part: str
    uf1: float
    uar: float
    digits: int
    selection: str
    source: str
    log: tuple[float, float, float] | None = None

    @property
    def verdict(self) -> str:
        """Whether UF1 and UAR can be of one set of predictions, and whether the log agrees."""
        if self.log is not None and abs(self.log[1] - self.uar) > self.rounding:
            return PRECISION
        low, high = uf1_range(self.part, self.uar, self.rounding)
        return PLAIN if low - self.rounding <= self.uf1 <= high + self.rounding else IMPOSSIBLE

    @property
    def rounding(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.digits + 1e-12

    @property
    def reason(self) -> str:
        """The verdict in one sentence; empty where nothing speaks against the numbers."""
        if self.verdict == PRECISION and self.log is not None:
            also = ", which is its macro precision" if abs(self.log[2] - self.uar) <= self.rounding else ""
            return f"the public log gives UAR {self.log[1]:.4f}; {self.uar:.4f} is printed{also}"
        if self.verdict == IMPOSSIBLE:
            low, high = uf1_range(self.part, self.uar, self.rounding)
            clips = "/".join(map(str, CLIPS[self.part]))
            return (
                f"with {clips} clips and UAR {self.uar:.4f} the UF1 of one set of predictions lies in "
                f"{low:.4f}..{high:.4f}"
            )
        return ""


@cache
def published() -> tuple[Published, ...]:
    """All published numbers that this suite knows, in the order of its table."""
    text = resources.files("results.audit.published").joinpath("megc2019.csv").read_text(encoding="utf-8")
    return tuple(_entry(row) for row in csv.DictReader(io.StringIO(text)))


def _entry(row: dict[str, str]) -> Published:
    logged = [row[name] for name in ("log_uf1", "log_uar", "log_precision")]
    digits = max(len(row[name].partition(".")[2]) for name in ("uf1", "uar"))
    return Published(
        row["method"],
        row["title"],
        row["part"],
        float(row["uf1"]),
        float(row["uar"]),
        digits,
        row["selection"],
        row["source"],
        (float(logged[0]), float(logged[1]), float(logged[2])) if all(logged) else None,
    )


@cache
def uf1_range(part: str, uar: float, rounding: float) -> tuple[float, float]:
    """Bounds of UF1 over all predictions on this part whose UAR rounds to `uar`.

    Every number of right clips per class that gives the UAR is looked at. The wrong ones are false positives
    of other classes: the least UF1 deals them out where each lowers it most (UF1 is convex in them), the
    largest gives them to as few classes as it can.

    Raises
    ------
    ResultsError
        Where no prediction has this UAR.
    """
    counts = np.array(CLIPS[part])
    grids = np.stack(np.meshgrid(*(np.arange(n + 1) for n in counts), indexing="ij"), axis=-1).reshape(-1, 3)
    fitting = grids[np.abs((grids / counts).mean(axis=1) - uar) <= rounding]
    if not len(fitting):
        raise ResultsError(f"no predictions on {part} have a UAR of {uar}")
    low = min(_least(counts, right) for right in fitting)
    return low, max(_largest(counts, right) for right in fitting)


def _least(counts: Int64, right: Int64) -> float:
    wrong = counts - right
    room = wrong.sum() - wrong
    false = np.zeros(3, np.int64)
    for _ in range(int(wrong.sum())):
        gains = np.where(false < room, _f1(counts, right, false) - _f1(counts, right, false + 1), -np.inf)
        false[int(gains.argmax())] += 1
    return float(_f1(counts, right, false).mean())


def _largest(counts: Int64, right: Int64) -> float:
    """A corner of what is possible: classes are filled one after the other, in every order."""
    wrong = counts - right
    room, total = wrong.sum() - wrong, int(wrong.sum())
    best = 0.0
    for order in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
        false, left = np.zeros(3, np.int64), total
        for i in (*order, 3 - sum(order)):
            false[i] = min(left, room[i])
            left -= int(false[i])
        best = max(best, float(_f1(counts, right, false).mean()))
    return best


def _f1(counts: Int64, right: Int64, false: Int64) -> Float64:
    return np.asarray(2 * right / np.maximum(counts + right + false, 1), np.float64)


def doubtful() -> bool:
    """Whether anything published cannot be what it is called."""
    return any(entry.verdict != PLAIN for entry in published())


def audit_text() -> str:
    """Every published number with its verdict, those that cannot hold explained below the table."""
    lines = ["published on MEGC2019: UF1 and UAR, how the epoch was chosen, whether both can hold", ""]
    lines += _table([(*_cells(entry), entry.verdict) for entry in published()])
    lines += [f"\n{e.title}, {e.part}: {e.reason}\n  source: {e.source}" for e in published() if e.reason]
    return "\n".join(lines)


def audit_rows() -> list[dict[str, object]]:
    """Every published number with its verdict, for scripts."""
    names = ("method", "title", "part", "uf1", "uar", "selection", "verdict", "reason", "source")
    return [{name: getattr(entry, name) for name in names} for entry in published()]


def compare_rows(folder: Path) -> list[dict[str, object]]:
    """A run's pooled UF1 and UAR, per protocol and selection, beside each published entry of its method.

    Raises
    ------
    ResultsError
        For a run without a finished unit.
    """
    pooled = _pooled(load_results(folder), folder)
    rows: list[dict[str, object]] = []
    for entry in published():
        own = pooled[(pooled["method"] == entry.method) & (pooled["database"] == entry.part)]
        shared = {"method": entry.method, "title": entry.title, "part": entry.part}
        for _, found in own.iterrows():
            here = {name: found[name] for name in ("protocol", "selection", "uf1", "uar")}
            printed = {"uf1": entry.uf1, "uar": entry.uar, "selection": entry.selection}
            rows.append(shared | here | {f"published_{name}": value for name, value in printed.items()})
    return rows


def _pooled(results: Results, folder: Path) -> pd.DataFrame:
    frame = metrics_frame(results, tested(results))
    if "scope" not in frame:
        raise ResultsError(f"{folder}: no finished unit to compare")
    return frame[frame["scope"] == "pooled"]


def compare_text(folder: Path) -> str:
    """A run's pooled UF1 and UAR beside what is published of the same methods; raises what reading raises.

    Raises
    ------
    ResultsError
        For a run without a finished unit.
    """
    results = load_results(folder)
    pooled = _pooled(results, folder)
    rows: list[tuple[str, ...]] = []
    for entry in published():
        rows.append((*_cells(entry), entry.verdict))
        own = pooled[(pooled["method"] == entry.method) & (pooled["database"] == entry.part)]
        for _, found in own.iterrows():
            how = "chosen on training clips" if found["selection"] == "honest" else "best on test, per fold"
            where = f"  this run, {found['protocol']}"
            rows.append((where, entry.part, f"{found['uf1']:.4f}", f"{found['uar']:.4f}", how, ""))
    title = f"{folder} ({results.info.task.title}) beside what is published on MEGC2019"
    other = sorted(results.classes) != sorted(CLASSES)
    note = [f"this run has other classes ({', '.join(results.classes)}): nothing here compares"] * other
    return "\n".join([title, *note, "", *_table(rows)])


def _cells(entry: Published) -> tuple[str, str, str, str, str]:
    uf1, uar = (f"{value:.{entry.digits}f}" for value in (entry.uf1, entry.uar))
    return entry.title, entry.part, uf1, uar, entry.selection


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    head = ("", "part", "UF1", "UAR", "selection", "both")
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
