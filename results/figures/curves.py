"""Training curves (Fig. 9 and 10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from results.figures.style import COLOURS, Drawing, Drawn, file_name, new_figure, subtitle, tidy
from results.figures.titles import in_lines
from results.numbers.cells import Cell
from results.records.run_file import RunFile

Curve = Mapping[str, list[float]]
KINDS = {"accuracy": ("training accuracy", "validation accuracy"), "loss": ("loss", "validation loss")}
"""What is drawn in one panel, training first."""

DASHES: tuple[Any, Any] = ("-", (0, (4, 1.6)))
MOST_LINES = 10


@dataclass(frozen=True)
class Stage:
    """A training that left curves: how their names begin, the heading, and a name for the file."""

    prefix: str
    heading: str
    name: str


def stages(cells: Sequence[Cell]) -> list[Stage]:
    """What was trained, in the words of the methods; a training without a title of its own is named too."""
    found: dict[tuple[str, str], Stage] = {}
    for cell in cells:
        for record in cell.records.values():
            for prefix in dict.fromkeys(map(_prefix, record.curves)):
                heading = cell.info.curves.get(prefix, f"Training of {cell.title}")
                taken = [key for key in found if key[0] == prefix and key[1] != heading]
                name = file_name("training", prefix, *([cell.method] if taken else []))
                found.setdefault((prefix, heading), Stage(prefix, heading, name))
    return list(found.values())


@cache
def _prefix(name: str) -> str:
    """How a curve's name begins: "joint" of "joint validation loss"."""
    kinds = sorted((kind for pair in KINDS.values() for kind in pair), key=len, reverse=True)
    kind = next((kind for kind in kinds if name.endswith(kind)), "")
    return name.removesuffix(kind).strip()


def curves(info: RunFile, cells: Sequence[Cell]) -> Iterator[Drawing]:
    """One figure per training stage, protocol and TIM that left curves: a row per method, a line per unit.

    A stage that is the same in several protocols and TIM settings is drawn once.
    """
    for stage in stages(cells):
        seen: list[dict[str, dict[str, list[Curve]]]] = []
        for protocol, tim in dict.fromkeys((cell.protocol, cell.tim) for cell in cells):
            group = [cell for cell in cells if (cell.protocol, cell.tim) == (protocol, tim)]
            rows = {
                cell.title: _stage_curves(cell, stage.prefix)
                for cell in group
                if cell.info.curves.get(stage.prefix, f"Training of {cell.title}") == stage.heading
            }
            rows = _distinct({title: found for title, found in rows.items() if found})
            if rows and rows not in seen:
                seen.append(rows)
                name = f"{stage.name}-{protocol}-tim{tim}"
                yield partial(_curve_figure, info, name, stage.heading, rows, protocol, tim)


def _stage_curves(cell: Cell, prefix: str) -> dict[str, list[Curve]]:
    """Kind ("loss", ...) to the curves of all units, equal ones once."""
    found: dict[str, dict[Any, Curve]] = {}
    for record in cell.records.values():
        for name, curve in record.curves.items():
            if _prefix(name) == prefix:
                same = tuple(curve["steps"]), tuple(curve["values"])
                found.setdefault(name.removeprefix(prefix).strip(), {}).setdefault(same, curve)
    return {kind: list(each.values()) for kind, each in found.items()}


def _distinct(rows: dict[str, dict[str, list[Curve]]]) -> dict[str, dict[str, list[Curve]]]:
    """Methods that share a stage, and so its curves, become one row."""
    shared: list[tuple[list[str], dict[str, list[Curve]]]] = []
    for title, found in rows.items():
        for titles, known in shared:
            if known == found:
                titles.append(title)
                break
        else:
            shared.append(([title], found))
    return {", ".join(titles): found for titles, found in shared}


def _curve_figure(
    info: RunFile, name: str, heading: str, rows: dict[str, dict[str, list[Curve]]], protocol: str, tim: int
) -> Drawn:
    more = f"thick: mean, thin: up to {MOST_LINES} units"
    figure = new_figure(7.2, 1.0 + 1.9 * len(rows), heading, subtitle(info, protocol, [tim], more))
    drawn = [
        what for what in KINDS if any(found.get(kind) for found in rows.values() for kind in KINDS[what])
    ]
    panels = figure.subplots(len(rows), max(len(drawn), 1), squeeze=False, sharex="row")
    ends = []
    for (title, found), line in zip(rows.items(), panels, strict=True):
        line[0].set_title(in_lines(title, 88))
        for axes, what in zip(line, drawn, strict=False):
            ends += _panel(axes, found, KINDS[what])
            axes.set_ylabel(what)
            axes.set_ylim(0, 1 if what == "accuracy" else None)
    for axes in panels[-1]:
        axes.set_xlabel("iteration, or epoch where they are counted")
    keys = {
        label: line
        for axes in panels.flat
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=2)
    words = f"{heading}: {', '.join(rows)}. " + " ".join(ends[:2])
    return Drawn(name, f"{heading}, protocol {protocol}, TIM {tim}", words, figure)


def _panel(axes: Axes, found: Mapping[str, list[Curve]], kinds: Sequence[str]) -> list[str]:
    ends = []
    for kind, colour, dashes in zip(kinds, COLOURS, DASHES, strict=False):
        lines = found.get(kind, [])
        for curve in lines if len(lines) <= MOST_LINES else ():
            axes.plot(
                curve["steps"], curve["values"], color=colour, linestyle=dashes, linewidth=0.6, alpha=0.5
            )
        label = "validation" if kind.startswith("validation") else "training"
        steps, mean = _mean(lines)
        if len(steps):
            axes.plot(steps, mean, color=colour, linestyle=dashes, linewidth=1.9, label=label)
            ends.append(f"The mean {kind} ends at {mean[-1]:.3f}.")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    tidy(axes, "y")
    return ends


def _mean(lines: Sequence[Curve]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean of the curves over the steps that all of them have."""
    if not lines:
        return np.zeros(0), np.zeros(0)
    common = sorted(set.intersection(*(set(curve["steps"]) for curve in lines)))
    values = [dict(zip(curve["steps"], curve["values"], strict=True)) for curve in lines]
    return np.array(common), np.array([np.mean([value[step] for value in values]) for step in common])
