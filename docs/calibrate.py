"""Draw up docs/calibration.md: `python docs/calibrate.py`, and with `--pixels DIR` measure accuracies anew.

The statistics of labels are computed each time (seconds). Accuracies take a simulation and a run for each
kind of footage and each seed, some two hours of two cores; without `--pixels` the stored ones are printed.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.simulator import SimulatorSettings
from data_prep.simulator.likeness import REAL, likeness

DOCS = Path(__file__).parent
PAGE = DOCS / "calibration.md"
LABELS = DOCS / "results" / "calibration-labels.csv"
PIXELS = DOCS / "results" / "calibration-pixels.csv"

SEEDS = range(5)
PIXEL_SEED = 7
"""Not the README's seed: the default was chosen with seeds from 5 on."""

NEIGHBOURS: Sequence[Mapping[str, Any]] = (
    {},
    {"uneven": 0.0},
    {"uneven": 0.03},
    {"uneven": 0.2},
    {"uneven": 1.0},
    {"style": 0.0},
    {"ambiguity": 0.0},
)
"""Knobs beside the default whose casts are tabled."""

PROTOCOLS = {"clips": "over clips", "subject": "over people"}
FIELDS = ("variant", "seed", "method", "title", "protocol", "mean", "low", "high")
PRIORS = ("person-prior", "database-prior")
METHODS = ("lbp-top", "stlbp-ip", "mdmo", "fdm", "stclqp", "linear", "majority", *PRIORS)
TEXTURE = ("lbp-top", "stlbp-ip", "majority")
PUBLISHED_ALONE = ("lbp-top", "stlbp-ip", "mdmo", "fdm", "majority")
ALONE = "CASME II alone"


@dataclass(frozen=True)
class Footage:
    """What is simulated and run: knobs, methods, seeds; of all databases, or of CASME II as it is published.

    Attributes
    ----------
    knobs
        Beside the default of `medium`; `profile` is that of the run, where it is not `quick`.
    alone
        The five classes of CASME II, leave one subject out, instead of both protocols over all databases.
    """

    knobs: Mapping[str, Any]
    methods: Sequence[str]
    seeds: Sequence[int]
    alone: bool = False

    @property
    def words(self) -> str:
        """What the tables call it."""
        return f"{ALONE} {words(self.knobs)}" if self.alone else words(self.knobs)


FULL: Mapping[str, Any] = {"size": "full"}
PAPER: Mapping[str, Any] = {"size": "full", "profile": "paper"}
FOOTAGE: Sequence[Footage] = (
    Footage({}, METHODS, (PIXEL_SEED,)),
    Footage({}, TEXTURE, [seed for seed in range(10) if seed != PIXEL_SEED]),
    Footage({"habit": 0.0}, TEXTURE, (5, 6, 8)),
    Footage(FULL, TEXTURE, (5, PIXEL_SEED)),
    Footage(PAPER, [name for name in METHODS if name != "linear"], (PIXEL_SEED,)),
    Footage(PAPER, TEXTURE, (0,)),
    Footage(FULL, PUBLISHED_ALONE, (0, 1, 5), alone=True),
    Footage(PAPER, PUBLISHED_ALONE, (5,), alone=True),
)
"""All that is run."""

PUBLISHED: Mapping[str, tuple[str, str]] = {
    "lbp-top": ("66.6", "35-39"),
    "stlbp-ip": ("67.8", "37"),
    "mdmo": ("61.1", "67"),
    "fdm": ("47.5", "42-46"),
    "stclqp": ("69.6", ""),
}
"""Method to (the paper's Table 3; real CASME II, leave one subject out). `TEXT` says where they are from."""

BANDS: Mapping[str, Sequence[tuple[float, float]]] = {
    "lbp-top": ((58.6, 74.6), (27.0, 47.0)),
    "stlbp-ip": ((59.8, 75.8), (29.0, 45.0)),
}
"""Within 8 points of what is published, over clips and over people."""


TEXT = """# Calibration of the simulator

Made by `python docs/calibrate.py`; the tables lie in `docs/results/calibration-*.csv`. The default was chosen
with seeds from 5 on, the first table of accuracies is of seed {seed}: neither is the README's seed 0.

## The default

{knobs}

## Labels

Real label tables first (CASME II: its CASME2-coding-20140508.xlsx, the paper's four classes; SMIC HS: the
folders of its clips; MEGC2019: the challenge's combined_3class_gt.csv), then the simulator at `full`, means
over the seeds 0 to 4, the default and one knob turned at a time. Priors are those of CASME II + SMIC. *Person
prior*: naming the class that a person's training clips show most, five folds over clips. *Database prior*:
each database's most frequent class. *Same units*: share of pairs of clips of one class with the same action
units, of one person and of two people. *Ceiling*: logistic regression on the true action units, folds over
people, of CASME II alone (real: .79 to .82) and of all databases; a cast's differs by .03 from their mean.
*Frames*: mean length at 200 and 100 fps. *Peak*: largest displacement at the apex, pixels on a face 230 px
wide; no published table says it.

{labels}

A test holds the default in stated bands for seeds 0 to 4 (`tests/data_prep/test_simulator_likeness.py`).

## Footage

`medium` (253 clips of 27 people; `full` has 560 of 60), profile `quick` (faces of 108 x 90; `paper`: 163 x
134 and larger grids), TIM 32, seed {seed}: accuracy in percent with its 95 % interval. *Published*: over
clips the paper's Table 3 (560 clips, settings chosen on the test folds), over people real CASME II, leave one
subject out (LBP-TOP and STLBP-IP: published feature files run again, majority 40; MDMO: its paper, chosen on
test; FDM: literature, unchecked).

{pixels}

Empty cells were not run. One run of 253 clips is uncertain by about ten points either way, and so is one
cast; means over seeds with their standard error, and the least and the most of a seed (seeds 0 to 4 had no
say in the default):

{seeds}

What is published over people is of CASME II alone, its five classes, leave one subject out. The same of the
simulator's CASME II (236 clips of 26 people at `full`, 228 of them in the five classes), all clips together,
settings chosen on the training clips:

{alone}

* **Where the question is the published one, so is the answer**: LBP-TOP and STLBP-IP are at the majority
  class, as real features are, FDM is near its figure at `quick`, MDMO at 43 to 60. With settings chosen on
  the test clips, as its paper's were, MDMO had 61, 69, 68 (seeds 0, 1, 5; its paper 67) and 80 at the paper's
  settings (not stored).
* Over people of all three databases who recognises the *database* is right in 50 % at full size, because SMIC
  has no "others" (the baseline `database-prior`); frame rates tell a database by its noise after TIM. LBP-TOP
  at the paper's settings (45.6 and 45.7) reads some of that.
* Means within 8 points of the published figures: all four at both sizes at profile `quick`, and at the
  paper's settings. Single casts of 253 clips leave the bands in five of forty values, STLBP-IP over clips by
  1.7 at most, over people by 3.2; of 560 clips in three of sixteen, LBP-TOP over clips by .8 and .6, STLBP-IP
  over people by 1.6.
* **Habits did it.** Sitting in one way under one lamp makes a person's clips alike and two people's not,
  which is what texture lives on: on the casts of seeds 5, 6 and 8 the default has LBP-TOP 66.8 / 39.8 and
  STLBP-IP 62.7 / 41.0, the same without habits (`habit=0`) 60.1 / 39.1 and 57.3 / 41.7. The population's
  drift, turn and light are as large either way.

The way from the default before (drift .45, turn .055, light .01, flicker .004, no habits), 253 clips, means
of the casts of seeds 5, 6 and 8 to 11, over clips / over people:

| knobs | LBP-TOP | STLBP-IP |
|:--|--:|--:|
| `flicker=0.002 light=0.006` | 65.3 / 41.8 | 59.8 / 42.7 |
| the same, people pickier in their action units | 66.4 / 42.8 | 59.4 / 43.5 |
| the first, `habit=0.6` | 66.9 / 42.1 | 61.8 / 41.5 |
| `flicker=0.001 drift=0.6 turn=0.07 habit=0.7` | 65.8 / 42.1 | 62.0 / 38.6 |
| the same, `habit=0.9` (seeds 6 and 11; with .7: 63.5 / 36.0, 58.9 / 35.6) | 65.7 / 35.1 | 60.7 / 37.2 |

The last step, drift .7, turn .08 and `habit=0.8`, keeps the mean of LBP-TOP at full size within its band.
CASME II was filmed under steady lamps so that light would not flicker; heads of .7 px are nearer to real ones
than those of .45. What real heads share within a person is not published; .8 is a choice.

What each step of the way to muscles of one's own gave (revision 6), the cast of `full` on faces 104 px
wide, seed {seed}, chi-square alone, over clips / over people (*turned*: degrees; *moved*: widths of a pull;
*wider*, *weights*: of the logarithm; deviations over people, cut off at twice that; *cosine*: with the
common field):

| muscles of one's own: turned, moved, wider, weights | head | LBP-TOP | STLBP-IP | cosine |
|:--|:--|--:|--:|--:|
| none (revision 5) | `drift=0.6 turn=0.07 flicker=0.005` | 66 / 46 | 67 / 50 | 1 |
| 30, .4, .25, .4 | the same | 64.6 / 38.3 | 61.6 / 44.8 | .79 |
| 45, .6, .35, .6 | the same | 61.8 / 37.8 | 58.4 / 41.3 | .61 |
| 38, .5, .3, .5 | `drift=0.5 turn=0.06 flicker=0.004` | 66.1 / 42.8 | 63.0 / 44.3 | .70 |
| 36, .6, .35, .6 (the default's) | `drift=0.45 turn=0.055 flicker=0.004` | | | .67 |

* What made STLBP-IP fit over people (51 at full size before) is that people have muscles of their own: a
  movement read on some people helps less on others, and as much as before within a person. Peaks and
  gradients of the fields are as before (largest gradient .4; skin is torn at 1), labels do not move, and with
  `style=0` the muscles are the common ones to the bit.
* At revision 6 that took 12 points from MDMO and 15 from FDM over people (68 and 71 before): FDM is nearer to
  its figure, MDMO below its own, which its authors chose on their test clips. Both stay clearly above the
  majority class. Over clips both lie above their published figures: exact directions and a
  chosen grid, not a knob.
* More drift and light alone did not do it: LBP-TOP leaves its band over clips before STLBP-IP comes into its
  own over people (with `uneven=0.085 drift=0.75 turn=0.085 light=0.0125` and pickier tastes LBP-TOP 59 / 44,
  STLBP-IP 64 / 48). Head motion of 2 px gave LBP-TOP 49 and STLBP-IP 51 over clips (faces of an older
  revision): the published figures over clips and head motion of 2 px were not met together, unless heads are
  registered before they are cut ([Hold the head still](how-to/registration.md): LBP-TOP 68 / 37, STLBP-IP
  70 / 54).
* With people who mix emotions as the real ones do, knowing the person is worth .50 over clips. What a
  texture method reaches beyond that it must read from movement, which it can only where heads keep fairly
  still.
"""


def words(knobs: Mapping[str, Any]) -> str:
    """Knobs as the command line takes them; "default" for none."""
    return " ".join(f"{name}={value}" for name, value in knobs.items()) or "default"


def label_rows() -> list[dict[str, str]]:
    """Statistics of the default and its neighbours at full size, means over the seeds, and the real ones."""
    rows = [
        {"labels": name, **{key: f"{value:.3g}" for key, value in known.items()}}
        for name, known in REAL.items()
    ]
    for knobs in NEIGHBOURS:
        found = [likeness(replace(SimulatorSettings(size="full", seed=seed), **knobs)) for seed in SEEDS]
        means = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
        rows.append({"labels": words(knobs), **{key: f"{value:.3g}" for key, value in means.items()}})
    return rows


def command(footage: Footage, seed: int, folder: Path, out: Path) -> list[Any]:
    """The run of one seed; CASME II alone is simulated into a folder first."""
    knobs = footage.knobs
    size, profile = knobs.get("size", "medium"), knobs.get("profile", "quick")
    start = [sys.executable, "-m", "benchmark"]
    turned = [f"seed={seed}", *(f"{name}={knobs[name]}" for name in knobs if name not in ("size", "profile"))]
    run = [*start, "run", "--profile", profile, "--tim", "32", "--methods", *footage.methods]
    run += ["--tables-only", "--cache", folder / "cache", "--out", out]
    if not footage.alone:
        return [*run, "--protocol", *PROTOCOLS, "--simulator", size, "--set", *turned]
    data = folder / f"casme2-{size}-{seed}"
    simulate = [*start, "simulate", data, "--size", size, "--layout", "casme2", "--set", *turned]
    subprocess.run(simulate, check=True)
    run += ["--data", f"casme2={data / 'casme2'}", "--landmarks", "file"]
    return [*run, "--task", "casme2-5", "--protocol", "loso"]


def measured(footage: Footage, folder: Path) -> Iterable[dict[str, str]]:
    """Accuracies of each seed, from a run of its own (continued where it was stopped)."""
    for seed in footage.seeds:
        out = folder / f"{footage.words}_{seed}_{len(footage.methods)}".replace(" ", "_")
        subprocess.run(command(footage, seed, folder, out), check=True)
        yield from accuracies(out, footage, seed)


def accuracies(out: Path, footage: Footage, seed: int) -> Iterable[dict[str, str]]:
    """The accuracies of a finished run in percent: means of folds; of CASME II alone, all its clips."""
    pooled = {"mean": "pooled", "low": "pooled_low", "high": "pooled_high"}
    columns = pooled if footage.alone else {}
    with (out / "table3.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kept = {key: row[columns.get(key, key)] for key in FIELDS[2:]}
            yield {"variant": footage.words, "seed": str(seed), **kept}


def stored(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def store(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows as CSV; the columns are those of all rows in the order of their appearance."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; numbers stand on the right."""
    lines = ["| " + " | ".join(head) + " |", "|:--" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def label_table(rows: Sequence[Mapping[str, str]]) -> str:
    """The statistics of labels, real ones first."""
    names = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "labels"]
    return table(["labels", *names], [[row["labels"], *(row.get(key, "") for key in names)] for row in rows])


def pixel_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Accuracies, one line a method and a protocol, one column a variant."""
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    cells = {(row["method"], row["protocol"], row["variant"]): row for row in rows}
    titles = {row["method"]: row["title"] for row in rows}
    lines = []
    for method in (name for name in METHODS if name in titles):
        for column, protocol in enumerate(PROTOCOLS):
            known = PUBLISHED.get(method, ("", ""))[column]
            found = [cells.get((method, protocol, variant)) for variant in variants]
            shown = ["" if row is None else f"{row['mean']} ({row['low']}-{row['high']})" for row in found]
            lines.append([f"{titles[method]}, {PROTOCOLS[protocol]}", known, *shown])
    return table(["method", "published", *variants], lines)


def seeds_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Means over seeds with their standard error and the least and the most of a seed, and the bands."""
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    titles = {row["method"]: row["title"] for row in rows if row["method"] in BANDS}
    lines = []
    for method, bands in BANDS.items():
        for protocol, (low, high) in zip(PROTOCOLS, bands, strict=True):
            found = [of_seeds(rows, variant, method, protocol) for variant in variants]
            words = f"{titles[method]}, {PROTOCOLS[protocol]}"
            lines.append([words, f"{low}-{high}", *map(spread, found)])
    heads = [headed(name, of_seeds(rows, name, "majority", "clips")) for name in variants]
    return table(["method", "within 8 points", *heads], lines)


def alone_table(rows: Sequence[Mapping[str, str]]) -> str:
    """CASME II alone beside the figures published for just that."""
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    titles = {row["method"]: row["title"] for row in rows}
    known = {**{method: figures[1] for method, figures in PUBLISHED.items()}, "majority": "40"}
    lines = []
    for method in (name for name in METHODS if name in titles):
        found = [of_seeds(rows, variant, method, "loso") for variant in variants]
        lines.append([titles[method], known[method], *map(spread, found)])
    heads = [headed(name, of_seeds(rows, name, "majority", "loso")) for name in variants]
    return table(["method", "published", *heads], lines)


def of_seeds(rows: Sequence[Mapping[str, str]], variant: str, method: str, protocol: str) -> list[float]:
    """The accuracies of one line of a table, one a seed."""
    key = (variant, method, protocol)
    return [float(row["mean"]) for row in rows if (row["variant"], row["method"], row["protocol"]) == key]


def headed(variant: str, values: Sequence[float]) -> str:
    """A column's head: what was run, and with how many seeds."""
    return f"{variant}, {len(values)} seed" + "s" * (len(values) > 1)


def spread(values: Sequence[float]) -> str:
    """Mean, standard error, least and most; of one seed its number."""
    if len(values) == 1:
        return f"{values[0]:.1f}"
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    return f"{np.mean(values):.1f} ± {error:.1f} ({min(values):.1f} to {max(values):.1f})"


def knob_table() -> str:
    """Every knob and its default."""
    default = SimulatorSettings()
    return table(["knob", "default"], [[f.name, str(getattr(default, f.name))] for f in fields(default)])


def page(labels: Sequence[Mapping[str, str]], pixels: Sequence[Mapping[str, str]]) -> str:
    """The page."""
    alone = [row for row in pixels if row["variant"].startswith(ALONE)]
    mixed = [row for row in pixels if row not in alone]
    return TEXT.format(
        labels=label_table(labels),
        pixels=pixel_table([row for row in mixed if row["seed"] == str(PIXEL_SEED)]),
        seeds=seeds_table(mixed),
        alone=alone_table(alone),
        knobs=knob_table(),
        seed=PIXEL_SEED,
    )


def main() -> None:
    """Write the page and the tables beside it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pixels", type=Path, metavar="DIR", help="run every variant, with its files in DIR")
    folder: Path | None = parser.parse_args().pixels
    if folder is not None:
        store(PIXELS, [row for footage in FOOTAGE for row in measured(footage, folder.resolve())])
    labels = label_rows()
    store(LABELS, labels)
    PAGE.write_text(page(labels, stored(PIXELS)), encoding="utf-8")


if __name__ == "__main__":
    main()
