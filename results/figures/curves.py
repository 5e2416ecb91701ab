"""Training curves (Fig. 9 and 10) and the accuracy over one setting of a method (Fig. 11)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from results.audit.published_table import published_claims
from results.figures.style import COLOURS, INK, PAPER, Drawn, file_name, new_figure, subtitle, tidy
from results.numbers.cells import Cell
from results.records.run_file import MethodInfo, ProtocolInfo, RunFile

Curve = Mapping[str, list[float]]
KINDS = (("training accuracy", "validation accuracy"), ("loss", "validation loss"))
"""What is drawn in one panel, training first."""

DASHES: tuple[Any, Any] = ("-", (0, (4, 1.6)))
MOST_LINES = 10
LEAST_SWEEP = 10
"""Candidates that make a sweep of one setting worth a figure."""


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


def _prefix(name: str) -> str:
    """How a curve's name begins: "joint" of "joint validation loss"."""
    kinds = sorted((kind for pair in KINDS for kind in pair), key=len, reverse=True)
    kind = next((kind for kind in kinds if name.endswith(kind)), "")
    return name.removesuffix(kind).strip()


def curves(info: RunFile, cells: Sequence[Cell]) -> list[Drawn]:
    """One figure per training stage, protocol and TIM that left curves: a row per method, a line per unit.

    A stage that is the same in several protocols and TIM settings is drawn once.
    """
    drawn = []
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
                drawn.append(_curve_figure(info, name, stage.heading, rows, protocol, tim))
    return drawn


def _stage_curves(cell: Cell, prefix: str) -> dict[str, list[Curve]]:
    """Kind ("loss", ...) to the curves of all units, equal ones once."""
    found: dict[str, list[Curve]] = {}
    for record in cell.records.values():
        for name, curve in record.curves.items():
            kind = name.removeprefix(prefix).strip()
            if _prefix(name) == prefix and curve not in found.setdefault(kind, []):
                found[kind].append(curve)
    return found


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
    panels = figure.subplots(len(rows), 2, squeeze=False, sharex="row")
    ends = []
    for (title, found), pair in zip(rows.items(), panels, strict=True):
        for axes, kinds in zip(pair, KINDS, strict=True):
            ends += _panel(axes, found, kinds)
        pair[0].set_title(title)
        pair[0].set_ylim(0, 1)
        pair[0].set_ylabel("accuracy")
        pair[1].set_ylabel("loss")
        pair[1].set_ylim(bottom=0)
    for axes in panels[-1]:
        axes.set_xlabel("iteration")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
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
    tidy(axes, "y")
    return ends


def _mean(lines: Sequence[Curve]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean of the curves over the steps that all of them have."""
    if not lines:
        return np.zeros(0), np.zeros(0)
    common = sorted(set.intersection(*(set(curve["steps"]) for curve in lines)))
    values = [dict(zip(curve["steps"], curve["values"], strict=True)) for curve in lines]
    return np.array(common), np.array([np.mean([value[step] for value in values]) for step in common])


Sweep = tuple[str, npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def sweeps(info: RunFile, cells: Sequence[Cell], protocol: str) -> Iterator[Drawn]:
    """Fig. 11: accuracy over the one setting by which a method's candidates differ, where there are many."""
    for method in dict.fromkeys(cell.method for cell in cells):
        own = [c for c in cells if c.method == method and c.protocol == protocol and c.complete]
        found = {cell.tim: sweep for cell in own if (sweep := _sweep(cell)) is not None}
        if found:
            yield _sweep_figure(info, [cell for cell in own if cell.tim in found], found, protocol)


def _sweep_figure(info: RunFile, cells: Sequence[Cell], found: Mapping[int, Sweep], protocol: str) -> Drawn:
    setting, title = next(iter(found.values()))[0], cells[0].title
    heading = f"{title}: accuracy over {setting}"
    figure = new_figure(7.2, 3.9, heading, subtitle(info, protocol, list(found), "mean of the folds"))
    axes = figure.add_subplot()
    words = []
    for j, cell in enumerate(cells):
        words.append(_draw_sweep(axes, cell, found[cell.tim], COLOURS[j % len(COLOURS)], DASHES[j % 2]))
    best = published_best(cells[0].info, cells[0].split)
    if best is not None:
        axes.plot(*best, "x", color=INK, ms=7, mew=2, label="the paper's best, on its data", linestyle="none")
    axes.set_xlabel(setting)
    axes.set_ylabel("accuracy (%)")
    axes.margins(x=0.02)
    tidy(axes, "y")
    figure.legend(loc="outside lower center", ncols=2)
    name = file_name("sweep", cells[0].method, protocol)
    return Drawn(name, f"{heading}, protocol {protocol}", " ".join(words), figure)


def published_best(method: MethodInfo, split: ProtocolInfo) -> tuple[list[float], list[float]] | None:
    """Setting and accuracy that the paper's own figure 11 states, for the method and protocol it is of."""
    figure = published_claims()["figure_11"]
    own = method.role == "paper" and not method.origin and split.published
    if not own or method.title != figure["method"]:
        return None
    return [float(figure["weight"])], [float(figure["accuracy"])]


def _sweep(cell: Cell) -> Sweep | None:
    """The setting, its values (L,), accuracy in percent (units, L), and what each unit chose."""
    records = [record for record in cell.records.values() if len(record.truth)]
    tables = {tuple(json.dumps(c, sort_keys=True) for c in record.candidates) for record in records}
    if len(tables) != 1:
        return None
    candidates = records[0].candidates
    names = [name for name in candidates[0] if len({json.dumps(c.get(name)) for c in candidates}) > 1]
    if len(names) != 1 or len(candidates) < LEAST_SWEEP:
        return None
    values = [c.get(names[0]) for c in candidates]
    if not all(isinstance(value, int | float) for value in values):
        return None
    found = [100 * (record.decisions() == np.asarray(record.truth)).mean(axis=1) for record in records]
    chosen = [values[record.chosen] for record in records]
    return names[0], np.array(values, float), np.array(found), np.array(chosen, float)


def _draw_sweep(axes: Axes, cell: Cell, sweep: Sweep, colour: str, dashes: object) -> str:
    setting, weights, accuracies, chosen = sweep
    mean = accuracies.mean(axis=0)
    honest, best = 100 * cell.means("honest").mean(), 100 * cell.means("paper-style").mean()
    axes.plot(weights, mean, color=colour, linestyle=dashes, linewidth=1.6, label=f"TIM {cell.tim}")
    top = int(mean.argmax())
    axes.plot(
        weights[top],
        mean[top],
        "D",
        mfc=PAPER,
        mec=colour,
        mew=1.6,
        ms=6,
        label=f"TIM {cell.tim}: best single {setting}",
    )
    axes.axhline(honest, color=colour, linewidth=0.9, linestyle=":")
    axes.axhline(best, color=colour, linewidth=0.9, linestyle="-.")
    for level, text in ((honest, f"honest, TIM {cell.tim}"), (best, f"paper-style per fold, TIM {cell.tim}")):
        axes.annotate(text, (float(weights.min()), level), (2, 2), textcoords="offset points", fontsize=7)
    bottom = float(accuracies.mean(axis=0).min()) - 2.5
    axes.plot(
        chosen,
        np.full(len(chosen), bottom),
        "^",
        color=colour,
        ms=5,
        alpha=0.7,
        label=f"TIM {cell.tim}: chosen on training clips",
    )
    return (
        f"TIM {cell.tim}: the mean peaks at {setting} {weights[top]:g} with {mean[top]:.2f} %; "
        f"honest {honest:.2f} %, best on each test fold {best:.2f} %."
    )
