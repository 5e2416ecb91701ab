"""Write the numbers of two pages, simulator.md and how-to/registration.md: `python docs/write_simulator.py`.

They stand between marks; nothing in them is typed. With `--measure DIR` the runs are made first (continued
where they were stopped), half an hour of two cores. The numbers are kept under docs/results, where a test
holds the pages against them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from calibrate import PROTOCOLS, words
from write_readme import ROOT, STORED, put

from data_prep.registration import NONE
from results.numbers.tables import accuracy_of_headline, tested
from results.records.runs import load_results

SIMULATOR, HELD = ROOT / "docs" / "simulator.md", ROOT / "docs" / "how-to" / "registration.md"
ROWS, GAINS = STORED / "simulator-variants.csv", STORED / "registration-gains.csv"
CASTS = STORED / "calibration-pixels.csv"

SMALL = ("majority", "linear", "lbp-top")
VARIANTS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "default": ({"seed": 0}, {"seed": 1}),
    "no personal style": ({"style": 0},),
    "no movement": ({"amplitude": 0},),
}
"""What a row of the simulator's page is called -> its knobs."""

MEDIUM = ("majority", "lbp-top", "stlbp-ip", "mdmo", "fdm", "linear")
HEADS: Sequence[Mapping[str, Any]] = ({"seed": 6}, {"seed": 6, "drift": 2, "turn": 0.25})
"""Of which heads the page on registration speaks; not the README's seed."""

RIGID = "rigid"
NO_FACE_MOVES: Mapping[str, Any] = {"amplitude": 0, "drift": 2, "turn": 0.25}
"""Heads alone move."""


@dataclass(frozen=True)
class Made:
    """A run that is made: where its numbers stand, and what is asked of it."""

    size: str
    methods: Sequence[str]
    knobs: Mapping[str, Any]
    registration: str = NONE

    @property
    def name(self) -> str:
        """Its folder."""
        return "_".join([self.size, self.registration, *words(self.knobs).split()])

    def command(self, folder: Path) -> list[str]:
        """What is typed."""
        run = [sys.executable, "-m", "benchmark", "run", "--profile", "quick", "--tim", "32", "--tables-only"]
        run += ["--methods", *self.methods, "--protocol", *PROTOCOLS, "--simulator", self.size]
        run += ["--set", *words(self.knobs).split(), "--registration", self.registration]
        return [*run, "--cache", str(folder / "cache"), "--out", str(folder / self.name)]


RUNS = (
    *(Made("small", SMALL, knobs) for several in VARIANTS.values() for knobs in several),
    *(Made("medium", MEDIUM, knobs, held) for knobs in HEADS for held in (NONE, RIGID)),
    Made("small", MEDIUM, NO_FACE_MOVES, RIGID),
)


def main() -> None:
    """Measure if that is asked for, and write both pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", type=Path, metavar="DIR", help="make the runs, in this folder")
    folder = parser.parse_args().measure
    if folder:
        for run in RUNS:
            subprocess.run(run.command(folder), check=True)
        measured(folder).to_csv(ROWS, index=False, float_format="%.2f")
        gained(folder).to_csv(GAINS, index=False, float_format="%.2f")
    for page, marks in ((SIMULATOR, ("variants", "casts", "full")), (HELD, ("held", "still"))):
        text = page.read_text(encoding="utf-8")
        for mark in marks:
            text = put(text, mark, "\n".join(WRITTEN[mark]()))
        page.write_text(text, encoding="utf-8")


def measured(folder: Path) -> pd.DataFrame:
    """The rows of all runs: accuracy in percent with its interval."""
    parts = []
    for run in RUNS:
        table = pd.read_csv(folder / run.name / "table3.csv")
        kept = table[["method", "title", "protocol", "mean", "low", "high"]]
        parts.append(kept.assign(size=run.size, knobs=words(run.knobs), registration=run.registration))
    return pd.concat(parts)


def gained(folder: Path) -> pd.DataFrame:
    """What registration adds on the same clips, in points, with its interval: people are the units."""
    rows = []
    for knobs in HEADS:
        both = (folder / Made("medium", MEDIUM, knobs, held).name for held in (NONE, RIGID))
        before, after = map(_estimates, both)
        for (method, protocol), one in after.items():
            gain = one.gain_over(before[method, protocol])
            low, high = gain.interval()
            found = {"gain": 100 * gain.value, "low": 100 * low, "high": 100 * high}
            rows.append({"method": method, "protocol": protocol, "knobs": words(knobs), **found})
    return pd.DataFrame(rows)


def _estimates(run: Path) -> dict[tuple[str, str], Any]:
    """(method, protocol) -> the honest accuracy and where its error comes from."""
    return {
        (cell.method, cell.split.name): accuracy_of_headline(cell, found, "honest")
        for cell, found in tested(load_results(run))
    }


def variants() -> Iterator[str]:
    """What simulated people, styles and movements are worth, on the default's small set."""
    rows = _stored("small").set_index(["knobs", "method", "protocol"])["mean"]
    over = "folds over clips | over people"
    yield f"| variant | `--set` | majority | LBP-TOP, {over} | linear on pooled flow, {over} |"
    yield "|:--|:--|--:|--:|--:|--:|--:|"
    for name, several in VARIANTS.items():
        for knobs in map(words, several):
            asked = [("majority", "clips"), *((m, p) for m in ("lbp-top", "linear") for p in PROTOCOLS)]
            numbers = " | ".join(f"{rows[knobs, method, protocol]:.1f}" for method, protocol in asked)
            yield f"| {name} | `{knobs}` | {numbers} |"


def casts() -> Iterator[str]:
    """Means over the casts of 253 clips."""
    yield from _bullets("default", "253 clips of 27 people (`medium`)")


def full() -> Iterator[str]:
    """Means over the casts of 560 clips, under both profiles."""
    yield from _bullets("size=full", "560 clips of 60 people (`full`), profile `quick`")
    yield from _bullets("size=full profile=paper", "the same, profile `paper`, faces of 163 x 134")


def _bullets(variant: str, title: str) -> Iterator[str]:
    """A line of accuracies over clips / over people; over several casts their mean and its error."""
    rows = pd.read_csv(CASTS)
    rows = rows[rows["variant"] == variant]
    parts = []
    for name, own in rows.groupby("title", sort=False):
        both = [own[own["protocol"] == protocol]["mean"] for protocol in PROTOCOLS]
        alone = "" if len(both[0]) == rows["seed"].nunique() else f" ({_seeds(own)})"
        parts.append(f"{name} {' / '.join(map(_mean, both))}{alone}")
    yield f"* {title}, over clips / over people, {_seeds(rows)}: {'; '.join(parts)}."


def _seeds(rows: pd.DataFrame) -> str:
    """Which casts these are of."""
    numbers = sorted(rows["seed"].unique())
    return f"seed{'s' * (len(numbers) > 1)} {' '.join(map(str, numbers))}"


def _mean(values: pd.Series) -> str:
    error = f" ± {values.std(ddof=1) / len(values) ** 0.5:.1f}" if len(values) > 1 else ""
    return f"{values.mean():.1f}{error}"


def held() -> Iterator[str]:
    """What registration brings, each row's two kinds of heads side by side."""
    rows = _stored("medium").set_index(["knobs", "registration", "method", "protocol"])
    gains = pd.read_csv(GAINS).set_index(["knobs", "method", "protocol"])
    default, moving = map(words, HEADS)
    yield f"| method | default heads, `{default}` | registered | gain | `{moving}` | registered | gain |"
    yield "|:--|--:|--:|--:|--:|--:|--:|"
    for method in (*MEDIUM[1:], MEDIUM[0]):
        for protocol, over in PROTOCOLS.items():
            cells = []
            for knobs in (default, moving):
                cells += [_cell(rows.loc[knobs, way, method, protocol]) for way in (NONE, RIGID)]
                gain = gains.loc[knobs, method, protocol]
                low, high = (round(gain[end]) for end in ("low", "high"))
                cells.append(f"{gain['gain']:+.1f} ({low} to {high})")
            title = rows.loc[default, NONE, method, protocol]["title"]
            yield f"| {title}, {over} | {' | '.join(cells)} |"


def still() -> Iterator[str]:
    """That nothing is learned from registered heads whose faces do not move."""
    rows = _stored("small")
    rows = rows[rows["registration"] == RIGID]
    parts = []
    for name, own in rows.groupby("title", sort=False):
        clips, people = (own[own["protocol"] == protocol]["mean"].item() for protocol in PROTOCOLS)
        parts.append(f"{name} {clips:.1f} / {people:.1f}")
    yield f"`small`, `{words(NO_FACE_MOVES)}`, registered, over clips / over people: {', '.join(parts)}."


def _cell(row: pd.Series) -> str:
    return f"{row['mean']:.1f} ({row['low']:.0f}-{row['high']:.0f})"


def _stored(size: str) -> pd.DataFrame:
    rows = pd.read_csv(ROWS)
    return rows[rows["size"] == size]


WRITTEN = {"variants": variants, "casts": casts, "full": full, "held": held, "still": still}
"""Mark -> the lines between it and its end."""

if __name__ == "__main__":
    main()
