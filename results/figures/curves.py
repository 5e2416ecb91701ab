"""Training curves (Fig. 9 and 10) and MDMO's accuracy over its weight (Fig. 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from results.figures.style import COLOURS, INK, PAPER, Drawn, new_figure, subtitle, tidy
from results.numbers.cells import Cell
from results.records.run_file import RunFile

Curve = Mapping[str, list[float]]
KINDS = (("training accuracy", "validation accuracy"), ("loss", "validation loss"))
"""What is drawn in one panel, training first."""

STAGES = {
    "fig09-pretraining": ("stage E", "Pre-training on expression photographs"),
    "stage-m": ("stage M", "Fine-tuning on single frames"),
    "fig10-joint": ("joint", "Joint training of CNN and LSTM"),
    "training-3d-cnn": ("training", "Training of the 3D-CNN"),
}
"""File name to the beginning of the curves' names, and the heading."""

MOST_LINES = 10
PAPER_WEIGHT, PAPER_ACCURACY = 0.77, 60.11


def curves(info: RunFile, cells: Sequence[Cell]) -> list[Drawn]:
    """One figure per training stage, protocol and TIM that left curves: a row per method, a line per unit.

    A stage that is the same in several protocols and TIM settings is drawn once.
    """
    drawn = []
    for name, (prefix, heading) in STAGES.items():
        seen: list[dict[str, dict[str, list[Curve]]]] = []
        for protocol, tim in dict.fromkeys((cell.protocol, cell.tim) for cell in cells):
            group = [cell for cell in cells if (cell.protocol, cell.tim) == (protocol, tim)]
            rows = {cell.title: _stage_curves(cell, prefix) for cell in group}
            rows = _distinct({title: found for title, found in rows.items() if found})
            if rows and rows not in seen:
                seen.append(rows)
                file_name = f"{name}-{protocol}-tim{tim}"
                drawn.append(_curve_figure(info, file_name, heading, rows, protocol, tim))
    return drawn


def _stage_curves(cell: Cell, prefix: str) -> dict[str, list[Curve]]:
    """Kind ("loss", ...) to the curves of all units, equal ones once."""
    found: dict[str, list[Curve]] = {}
    for record in cell.records.values():
        for name, curve in record.curves.items():
            kind = name.removeprefix(prefix + " ")
            if kind != name and curve not in found.setdefault(kind, []):
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
    for kind, colour, dashes in zip(kinds, COLOURS, ("-", (0, (4, 1.6))), strict=False):
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


def weight_sweep(info: RunFile, cells: Sequence[Cell], protocol: str) -> Drawn | None:
    """Fig. 11: MDMO's mean accuracy over lambda, with what honest and paper-style selection give."""
    own = [c for c in cells if c.method == "mdmo" and c.protocol == protocol and c.complete]
    sweeps = {cell.tim: _sweep(cell) for cell in own}
    sweeps = {tim: sweep for tim, sweep in sweeps.items() if len(sweep[0]) > 2}
    if not sweeps:
        return None
    heading = "MDMO: accuracy over the weight of magnitude and direction"
    figure = new_figure(7.2, 3.9, heading, subtitle(info, protocol, list(sweeps), "mean of the folds"))
    axes = figure.add_subplot()
    words = []
    for j, cell in enumerate(cell for cell in own if cell.tim in sweeps):
        words.append(_draw_sweep(axes, cell, sweeps[cell.tim], COLOURS[j], ("-", (0, (4, 1.6)))[j % 2]))
    if protocol == "clips":
        axes.plot(
            [PAPER_WEIGHT],
            [PAPER_ACCURACY],
            "x",
            color=INK,
            ms=7,
            mew=2,
            label="the paper's best, on its data",
        )
    axes.set_xlabel("weight of the magnitudes (lambda)")
    axes.set_ylabel("accuracy (%)")
    axes.set_xlim(-0.02, 1.02)
    tidy(axes, "y")
    figure.legend(loc="outside lower center", ncols=2)
    return Drawn(f"fig11-mdmo-{protocol}", f"{heading}, protocol {protocol}", " ".join(words), figure)


Sweep = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _sweep(cell: Cell) -> Sweep:
    """Lambda (L,), accuracy in percent (units, L), and the chosen lambda of each unit."""
    records = [record for record in cell.records.values() if len(record.truth)]
    weights = [tuple(float(c.get("lambda", np.nan)) for c in record.candidates) for record in records]
    if not weights or len(set(weights)) != 1 or np.isnan(weights[0]).any():
        return np.zeros(0), np.zeros((0, 0)), np.zeros(0)
    found = [100 * (record.decisions() == np.asarray(record.truth)).mean(axis=1) for record in records]
    chosen = [weights[0][record.chosen] for record in records]
    return np.array(weights[0]), np.array(found), np.array(chosen)


def _draw_sweep(axes: Axes, cell: Cell, sweep: Sweep, colour: str, dashes: object) -> str:
    weights, accuracies, chosen = sweep
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
        label=f"TIM {cell.tim}: best single lambda",
    )
    axes.axhline(honest, color=colour, linewidth=0.9, linestyle=":")
    axes.axhline(best, color=colour, linewidth=0.9, linestyle="-.")
    for level, text in ((honest, f"honest, TIM {cell.tim}"), (best, f"paper-style per fold, TIM {cell.tim}")):
        axes.annotate(text, (0, level), (2, 2), textcoords="offset points", fontsize=7)
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
        f"TIM {cell.tim}: the mean peaks at lambda {weights[top]:.2f} with {mean[top]:.2f} %; "
        f"honest {honest:.2f} %, best on each test fold {best:.2f} %."
    )
