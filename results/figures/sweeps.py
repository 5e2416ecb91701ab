"""Numbers over the one setting by which a method's candidates differ: its accuracy (Fig. 11), UF1 of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from results.audit.published_table import published_claims
from results.figures.style import (
    COLOURS,
    INK,
    PAPER,
    QUIET,
    Drawing,
    Drawn,
    file_name,
    new_figure,
    over_powers,
    subtitle,
    tidy,
)
from results.figures.titles import shortened
from results.numbers.cells import SELECTIONS, Cell
from results.numbers.entries import Predictions, Tested, estimate
from results.numbers.over_candidates import Sweep, sweep_of
from results.records.run_file import MethodInfo, ProtocolInfo, RunFile

DASHES: tuple[object, object] = ("-", (0, (4, 1.6)))
LEAST_SWEEP = 10
"""Candidates that make a sweep of one setting worth a figure."""
DECADES = 100
"""From this ratio of the largest to the least value on, a setting is drawn over its logarithm."""


def _long_sweep(cell: Cell) -> Sweep | None:
    found = sweep_of(cell)
    return found if found is not None and len(found.values) >= LEAST_SWEEP else None


def sweeps(info: RunFile, cells: Sequence[Cell], protocol: str) -> Iterator[Drawing]:
    """Fig. 11: accuracy over the one setting by which a method's candidates differ, where there are many."""
    for method in dict.fromkeys(cell.method for cell in cells):
        own = [c for c in cells if c.method == method and c.protocol == protocol and c.complete]
        found = {cell.tim: sweep for cell in own if (sweep := _long_sweep(cell)) is not None}
        if found:
            yield partial(_sweep_figure, info, [cell for cell in own if cell.tim in found], found, protocol)


def _sweep_figure(info: RunFile, cells: Sequence[Cell], found: Mapping[int, Sweep], protocol: str) -> Drawn:
    setting, title = next(iter(found.values())).setting, cells[0].title
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
    _scale(axes, np.concatenate([sweep.values for sweep in found.values()]))
    tidy(axes, "y")
    figure.legend(loc="outside lower center", ncols=2)
    name = file_name("sweep", cells[0].method, protocol)
    return Drawn(name, f"{heading}, protocol {protocol}", " ".join(words), figure)


def _scale(axes: Axes, values: np.ndarray) -> None:
    """A setting that is tried over powers is drawn over its logarithm; one that counts has whole ticks."""
    if values.min() > 0 and values.max() / values.min() > DECADES:
        over_powers(axes, float(values.min()), float(values.max()))
    elif np.all(values == np.round(values)):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def published_best(method: MethodInfo, split: ProtocolInfo) -> tuple[list[float], list[float]] | None:
    """Setting and accuracy that the paper's own figure 11 states, for the method and protocol it is of."""
    figure = published_claims()["figure_11"]
    own = method.role == "paper" and not method.origin and split.published
    if not own or method.title != figure["method"]:
        return None
    return [float(figure["weight"])], [float(figure["accuracy"])]


def _draw_sweep(axes: Axes, cell: Cell, sweep: Sweep, colour: str, dashes: object) -> str:
    setting, weights, chosen = sweep.setting, sweep.values, sweep.chosen
    mean = 100 * sweep.right.mean(axis=0)
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
    # honest is never above paper-style: each writes on its own side of the line, so that equals can be read
    below, above = (honest, "honest", -2, "top"), (best, "paper-style per fold", 2, "baseline")
    for level, text, down, side in (below, above):
        words, place = f"{text}, TIM {cell.tim}", (float(weights.min()), level)
        axes.annotate(words, place, (7, down), textcoords="offset points", fontsize=7, va=side)
    bottom = float(mean.min()) - 2.5
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


def over_candidates(info: RunFile, cells_tested: Tested, protocol: str) -> Iterator[Drawing]:
    """UF1 of all clips over the one setting of the candidates, a panel per method, with both choices marked.

    It shows in one picture what taking the best candidate of each test fold adds to the same training.
    """
    found = [
        (cell, predictions, sweep)
        for cell, predictions in cells_tested
        if cell.protocol == protocol and cell.complete and (sweep := _long_sweep(cell)) is not None
    ]
    for tim, setting in dict.fromkeys((cell.tim, sweep.setting) for cell, _, sweep in found):
        panels = [each for each in found if (each[0].tim, each[2].setting) == (tim, setting)]
        beside = _best_baseline(cells_tested, protocol, tim)
        yield partial(_over_candidates, info, panels, beside, setting)


Panel = tuple[Cell, Predictions, Sweep]


def _best_baseline(cells_tested: Tested, protocol: str, tim: int) -> tuple[str, float] | None:
    """Title and UF1 of the best baseline beside these methods, None where no baseline is complete."""
    found = {
        cell.title: estimate(predictions, predictions.decided["honest"], "uf1").value
        for cell, predictions in cells_tested
        if (cell.protocol, cell.tim) == (protocol, tim)
        and cell.info.role == "baseline"
        and cell.complete
        and len(predictions.truth)
    }
    return max(found.items(), key=lambda item: item[1]) if found else None


def _over_candidates(
    info: RunFile, panels: Sequence[Panel], beside: tuple[str, float] | None, setting: str
) -> Drawn:
    protocol, tim = panels[0][0].protocol, panels[0][0].tim
    heading = f"UF1 over {setting}: what choosing it on the test data adds"
    columns = min(len(panels), 2)
    rows = -(-len(panels) // columns)
    more = "UF1 of all clips; band: 95 % over people"
    figure = new_figure(7.2, 1.3 + 2.3 * rows, heading, subtitle(info, protocol, [tim], more))
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for unused in grid.flat[len(panels) :]:
        unused.set_visible(False)
    words = []
    for axes, panel in zip(grid.flat, panels, strict=False):
        words.append(_draw_panel(axes, *panel, beside))
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    if beside is not None:
        words.append(f"The best baseline, {beside[0]}, has {beside[1]:.4f}.")
    name = file_name("uf1-over", setting, protocol, f"tim{tim}")
    return Drawn(name, f"{heading}, protocol {protocol}, TIM {tim}", " ".join(words), figure)


def _draw_panel(
    axes: Axes, cell: Cell, found: Predictions, sweep: Sweep, beside: tuple[str, float] | None
) -> str:
    numbers = [estimate(found, decided, "uf1") for decided in sweep.decided]
    mean = np.array([number.value for number in numbers])
    honest, best = (estimate(found, found.decided[each], "uf1").value for each in SELECTIONS)
    order, top = np.argsort(sweep.values), int(mean.argmax())
    band = np.array([number.interval() for number in numbers])[order]
    x, colour = sweep.values[order], COLOURS[0]
    axes.fill_between(x, band[:, 0], band[:, 1], color=colour, alpha=0.13, linewidth=0)
    axes.plot(x, mean[order], color=colour, linewidth=1.6, label=f"one {sweep.setting} for all folds")
    axes.axhline(best, color="#D55E00", linewidth=1.4, linestyle="-.", label="best on test, fold by fold")
    axes.axhline(honest, color=colour, linewidth=1.1, linestyle=":", label="honest")
    same = len(set(sweep.chosen)) == 1
    place, height = (sweep.chosen[:1], honest) if same else (sweep.chosen, float(band[:, 0].min()))
    axes.plot(
        place, np.full(len(place), height), "o", color=colour, ms=6, label="chosen without the test data"
    )
    axes.plot(
        sweep.values[top],
        mean[top],
        "D",
        mfc="none",
        mec="#D55E00",
        mew=1.5,
        ms=9,
        label=f"best single {sweep.setting}",
    )
    if beside is not None:
        axes.axhline(beside[1], color=QUIET, linewidth=1.0, label=f"baseline: {beside[0]}")
    axes.set_title(f"{shortened(cell.title, 24)}: honest {honest:.3f}, best on test {best:.3f}")
    axes.set_xlabel(sweep.setting)
    where = axes.get_subplotspec()
    if where is None or where.is_first_col():
        axes.set_ylabel("UF1")
    tidy(axes, "y")
    return (
        f"{cell.title}: honest {honest:.4f}, best on the test data fold by fold {best:.4f}, best single "
        f"{sweep.setting} {sweep.values[top]:g} with {mean[top]:.4f}."
    )
