"""Figures of the tables: bars (Fig. 13), confusion matrices, heat map, dumbbells, cost, ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from results.figures.labels import place_labels
from results.figures.style import (
    COLOURS,
    INK,
    PAPER,
    QUIET,
    SCALE,
    Drawn,
    new_figure,
    over_powers,
    subtitle,
    tidy,
)
from results.figures.titles import ROW_WIDTH, in_lines, name_rows, shortened
from results.numbers.findings import signed
from results.numbers.statistics import Ranks
from results.numbers.tables import fold_columns
from results.records.run_file import RunFile
from results.table_text import headline_of

Float64 = npt.NDArray[np.float64]

MOST_DOTS = 10
"""Single folds are drawn as dots, and written into the heat map, up to this many."""
LIGHT_ABOVE = 0.55
FEW_CLASSES = 5
"""Of more, names stand in smaller type below a confusion matrix."""
TITLE_WIDTH = 26
"""Letters of a title in one line above one confusion matrix."""
HATCHES = ("", "////", "....")


def bars(info: RunFile, table: pd.DataFrame, protocol: str) -> Drawn:
    """Fig. 13: the headline per method and TIM, with its interval, folds as dots, the paper's as ticks."""
    part = table[table["protocol"] == protocol]
    tims, titles = list(dict.fromkeys(part["tim"])), list(dict.fromkeys(part["title"]))
    step = 0.8 / len(tims)
    first = headline_of(part)
    heading = f"{WORDS[first][0]} per method"
    figure = new_figure(
        7.2, 1.3 + 0.27 * len(titles) * max(len(tims), 1.4), heading, subtitle(info, protocol, tims)
    )
    axes = figure.add_subplot()
    for j, tim in enumerate(tims):
        rows = part[part["tim"] == tim]
        y = np.array([titles.index(title) for title in rows["title"]]) - 0.4 + step * (j + 0.5)
        _bars_of(axes, rows, first, y, 0.86 * step, COLOURS[j % len(COLOURS)], HATCHES[j % 3])
    baseline = part["floor"].max()
    if not np.isnan(baseline):
        axes.axvline(baseline, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    name_rows(axes, titles)
    axes.set_ylim(len(titles) - 0.45, -0.55)
    folds = [name for name in fold_columns(part) if part[name].notna().any()]
    dots = len(folds) <= MOST_DOTS
    seen = part[[first, _bound(first, "high"), "published", *(folds if dots else [])]].to_numpy(float)
    axes.set_xlim(0, min(101.5, float(np.nanmax(seen, initial=20.0)) + 3))
    axes.set_xlabel(f"{WORDS[first][1]}, candidates chosen on the training clips")
    tidy(axes, "x")
    figure.legend(handles=_bar_legend(tims, dots, part), loc="outside lower center", ncols=3)
    return Drawn(f"fig13-bars-{protocol}", f"{heading}, protocol {protocol}", _bar_words(part, first), figure)


WORDS = {
    "mean": ("Mean accuracy", "accuracy (%), mean of the folds"),
    "pooled": ("Accuracy over all clips", "accuracy (%) over all clips"),
    "uar": ("Unweighted average recall", "UAR (%) over all clips"),
}
"""How a headline is called in headings and at axes."""


def _bound(headline: str, end: str) -> str:
    """The column of the lower or upper end of a headline's interval."""
    return end if headline == "mean" else f"{headline}_{end}"


def _bars_of(
    axes: Axes, rows: pd.DataFrame, first: str, y: Float64, height: float, colour: str, hatch: str
) -> None:
    means = rows[first].to_numpy(float)
    alpha = [0.35 if role == "baseline" else 0.85 for role in rows["role"]]
    drawn = axes.barh(
        y, np.nan_to_num(means), height, color=colour, edgecolor=PAPER, linewidth=0, hatch=hatch
    )
    for bar, strength in zip(drawn, alpha, strict=True):
        bar.set_alpha(strength)
    low, high = (rows[_bound(first, end)].to_numpy(float) for end in ("low", "high"))
    axes.hlines(y, low, high, color=INK, linewidth=1.1)
    folds = [name for name in fold_columns(rows) if rows[name].notna().any()]
    if len(folds) <= MOST_DOTS:
        for name in folds:
            axes.plot(
                rows[name].to_numpy(float), y, "o", ms=2.6, mfc=PAPER, mec=INK, mew=0.6, linestyle="none"
            )
    axes.plot(
        rows["published"].to_numpy(float), y, marker="|", ms=9, mew=2.0, color="#D55E00", linestyle="none"
    )
    for place, mean, words in zip(y, means, rows["folds"], strict=True):
        if np.isnan(mean):
            axes.text(1, place, str(words), va="center", fontsize=7, color=QUIET)


def _bar_legend(tims: Sequence[int], dots: bool, part: pd.DataFrame) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Patch(facecolor=COLOURS[j % len(COLOURS)], edgecolor=PAPER, hatch=HATCHES[j % 3], label=f"TIM {tim}")
        for j, tim in enumerate(tims)
    ]
    handles.append(Line2D([], [], color=INK, lw=1.1, label="95 % interval over people"))
    if dots:
        handles.append(Line2D([], [], marker="o", ms=3.5, mfc=PAPER, mec=INK, lw=0, label="single folds"))
    handles.append(
        Line2D([], [], color=INK, lw=0.9, ls=(0, (4, 3)), label="best baseline that sees no picture")
    )
    if part["published"].notna().any():
        handles.append(
            Line2D([], [], marker="|", ms=9, mew=2, color="#D55E00", lw=0, label="the paper, on its data")
        )
    return handles


def _bar_words(part: pd.DataFrame, first: str) -> str:
    done = part[part[first].notna()]
    if done.empty:
        return "No method has all its folds."
    best = done.sort_values(first, kind="stable").iloc[-1]
    return f"{WORDS[first][0]}; highest: {best['title']} at TIM {best['tim']}, {best[first]:.2f} %."


def confusions(info: RunFile, counts: pd.DataFrame, titles: dict[str, str], protocol: str, tim: int) -> Drawn:
    """Confusion matrices of all methods: share of each true class, with counts."""
    part = counts[(counts["protocol"] == protocol) & (counts["tim"] == tim) & (counts["database"] == "all")]
    part = part[part["selection"] == "honest"]
    methods, classes = list(dict.fromkeys(part["method"])), list(dict.fromkeys(part["truth"]))
    columns = min(4, len(methods))
    rows = -(-len(methods) // columns)
    heading = "Confusion matrices"
    figure = new_figure(
        1.9 * columns + 0.9,
        1.75 * rows + 0.75,
        heading,
        subtitle(info, protocol, [tim], "shade: share of the true class; numbers: clips of all trainings"),
    )
    short = [name[:3] for name in classes]
    for i, method in enumerate(methods):
        own = part[part["method"] == method]
        matrix = own.pivot_table(index="truth", columns="predicted", values="count", sort=False).to_numpy(
            float
        )
        axes = figure.add_subplot(rows, columns, i + 1)
        share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        _cells(axes, share, [[f"{value:.0f}" for value in line] for line in matrix], 0.0, 1.0)
        folds = own["folds"].iloc[0]
        title = titles[method] + (f" ({folds})" if " of " in folds else "")
        axes.set_title(in_lines(title, TITLE_WIDTH), fontsize=8.5)
        axes.set_xticks(range(len(classes)), short if i >= len(methods) - columns else [])
        axes.set_yticks(range(len(classes)), short if i % columns == 0 else [])
        axes.tick_params(length=0, labelsize=7.5 if len(classes) <= FEW_CLASSES else 6)
        axes.set_aspect("equal")
    figure.supxlabel("predicted class", fontsize=8)
    figure.supylabel("true class", fontsize=8)
    words = f"Confusion matrices of {len(methods)} methods; rows are true classes {', '.join(classes)}."
    return Drawn(
        f"confusion-{protocol}-tim{tim}", f"{heading}, protocol {protocol}, TIM {tim}", words, figure
    )


def _cells(axes: Axes, values: Float64, texts: Sequence[Sequence[str]], low: float, high: float) -> None:
    """Coloured cells, (rows, columns), with a text each that stands out from its colour; nan is hatched."""
    rows, columns = values.shape
    axes.patch.set(hatch="xxxx", edgecolor="#c4c4ca")
    edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
    axes.pcolormesh(
        *edges, np.ma.masked_invalid(values), cmap=SCALE, vmin=low, vmax=high, edgecolor=PAPER, linewidth=0.6
    )
    axes.set_ylim(rows - 0.5, -0.5)
    for i, line in enumerate(texts):
        for j, text in enumerate(line):
            light = np.isnan(values[i, j]) or (values[i, j] - low) / max(high - low, 1e-9) > LIGHT_ABOVE
            axes.text(
                j, i, text, ha="center", va="center", fontsize=7, color="#000001" if light else "#fffffe"
            )
    for spine in axes.spines.values():
        spine.set_visible(False)


def heat_map(info: RunFile, table: pd.DataFrame, protocol: str, tim: int) -> Drawn:
    """Accuracy of every method on every fold."""
    part = table[(table["protocol"] == protocol) & (table["tim"] == tim)]
    names = [name for name in fold_columns(part) if part[name].notna().any()]
    values = part[names].to_numpy(float)
    few = len(names) <= MOST_DOTS
    each_one = info.protocol(protocol).unit == "subject"
    heading = "Accuracy of every method on every fold"
    width = 3.2 + 0.62 * len(names) if few else min(12.0, 3.2 + 0.13 * len(names))
    figure = new_figure(
        max(6.4, width),
        1.35 + 0.27 * len(part),
        heading,
        subtitle(info, protocol, [tim], "accuracy in percent"),
    )
    axes = figure.add_subplot()
    low, high = (
        (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (0.0, 1.0)
    )
    blank = [[""] * len(names) for _ in range(len(part))]
    lacking = ["missing" if " of " in folds else "no clip" for folds in part["folds"]]
    texts = (
        [
            [word if np.isnan(v) else f"{v:.1f}" for v in line]
            for word, line in zip(lacking, values, strict=True)
        ]
        if few
        else blank
    )
    _cells(axes, values, texts, low, high)
    name_rows(axes, list(part["title"]))
    axes.set_xticks(
        range(len(names)) if few else [], [name.replace("fold", "") for name in names] if few else []
    )
    axes.set_xlabel("fold" if few else f"{len(names)} folds" + (", one subject each" if each_one else ""))
    axes.tick_params(length=0)
    bar = figure.colorbar(axes.collections[0], ax=axes, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.set_label("accuracy (%)")
    words = f"Heat map of {len(part)} methods by {len(names)} folds, from {low:.1f} to {high:.1f} percent."
    return Drawn(f"heatmap-{protocol}-tim{tim}", f"{heading}, protocol {protocol}, TIM {tim}", words, figure)


def dumbbells(info: RunFile, optimism: pd.DataFrame, protocol: str) -> Drawn:
    """Honest against paper-style selection, joined per method."""
    part = optimism[(optimism["protocol"] == protocol) & (optimism["candidates"] > 1)]
    tims, titles = list(dict.fromkeys(part["tim"])), list(dict.fromkeys(part["title"]))
    heading = "What choosing on the test fold adds"
    figure = new_figure(
        7.2,
        1.55 + 0.3 * len(titles),
        heading,
        subtitle(info, protocol, tims, WORDS[str(part["headline"].iloc[0])][0].lower()),
    )
    panels = figure.subplots(1, len(tims), sharey=True, sharex=True, squeeze=False)[0]
    for axes, tim in zip(panels, tims, strict=True):
        _dumbbell_panel(axes, part[part["tim"] == tim], titles, tim)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    complete = part[part["optimism"].notna()].sort_values("optimism", kind="stable")
    words = "No method with candidates is complete."
    if len(complete):
        most = complete.iloc[-1]
        words = (
            f"The largest optimism is {most['optimism']:.2f} points, of {most['title']} at TIM {most['tim']}."
        )
    return Drawn(f"optimism-{protocol}", f"{heading}, protocol {protocol}", words, figure)


def _dumbbell_panel(axes: Axes, rows: pd.DataFrame, titles: Sequence[str], tim: int) -> None:
    y = [titles.index(title) for title in rows["title"]]
    axes.hlines(y, rows["honest"], rows["paper_style"], color=QUIET, linewidth=1.6, zorder=1)
    axes.plot(rows["honest"], y, "o", ms=6.5, color=COLOURS[0], label="honest: chosen on training clips")
    axes.plot(
        rows["paper_style"],
        y,
        "D",
        ms=5.5,
        mfc=PAPER,
        mec="#D55E00",
        mew=1.5,
        label="paper-style: best on the test fold",
    )
    for place, right, gain in zip(y, rows["paper_style"], rows["optimism"], strict=True):
        if not np.isnan(gain):
            axes.annotate(
                signed(gain),
                (right, place),
                (6, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
            )
    axes.set_title(f"TIM {tim}")
    name_rows(axes, titles)
    axes.set_ylim(len(titles) - 0.4, -0.6)
    axes.margins(x=0.13)
    axes.set_xlabel("accuracy (%)")
    tidy(axes, "x")


def cost_accuracy(info: RunFile, table: pd.DataFrame, costs: pd.DataFrame, protocol: str) -> Drawn:
    """Seconds of a unit (features, fit, predict) against the headline."""
    both = table.merge(costs, on=["method", "title", "tim", "protocol"])
    both = both[both["protocol"] == protocol]
    first = headline_of(both)
    both = both[both[first].notna()]
    tims = list(dict.fromkeys(both["tim"]))
    heading = "Cost against accuracy"
    figure = new_figure(
        7.2, 4.6, heading, subtitle(info, protocol, tims, "seconds on the machine of the run")
    )
    axes = figure.add_subplot()
    seconds = (both["features_seconds"] + both["fit_seconds"] + both["predict_seconds"]).clip(lower=1e-3)
    for j, tim in enumerate(tims):
        own = (both["tim"] == tim).to_numpy()
        axes.plot(
            seconds[own],
            both[first][own],
            "osD^v"[j % 5],
            ms=6.5,
            color=COLOURS[j % len(COLOURS)],
            mec=INK,
            mew=0.5,
            label=f"TIM {tim}",
        )
    over_powers(axes, float(seconds.min()), float(seconds.max()))
    axes.margins(0.14, 0.08)
    axes.set_xlabel("seconds per unit: features, fit and predict (log scale)")
    axes.set_ylabel(WORDS[first][1])
    axes.grid(True)
    tidy(axes)
    if len(tims) > 1:
        axes.legend(loc="best")
    figure.canvas.draw()
    names = [shortened(title, ROW_WIDTH) for title in both["title"]]
    without = place_labels(axes, seconds.to_numpy(float), both[first].to_numpy(float), names)
    words = f"Scatter of {len(both)} cells; seconds from {seconds.min():.2g} to {seconds.max():.2g}."
    if without:
        words += f" There is no room for the names of {without} of them, which costs.csv has."
    return Drawn(f"cost-{protocol}", f"{heading}, protocol {protocol}", words, figure)


def critical_difference(info: RunFile, titles: Sequence[str], ranks: Ranks, protocol: str, tim: int) -> Drawn:
    """Mean ranks over data sets; methods joined by a bar do not differ by Nemenyi's test at 5 %."""
    order = np.argsort(ranks.mean_ranks, kind="stable")
    heading = "Mean ranks over data sets"
    more = f"critical difference {ranks.critical_difference:.2f}, Friedman p = {ranks.friedman_p:.3g}"
    figure = new_figure(7.2, 1.3 + 0.25 * len(order), heading, subtitle(info, protocol, [tim], more))
    axes = figure.add_subplot()
    sorted_ranks = ranks.mean_ranks[order]
    axes.plot(sorted_ranks, range(len(order)), "o", color=COLOURS[0], ms=6)
    for i, rank in enumerate(sorted_ranks):
        reach = int(np.flatnonzero(sorted_ranks <= rank + ranks.critical_difference).max())
        if reach > i:
            axes.vlines(rank, i, reach, color=QUIET, linewidth=2.2, zorder=0)
    name_rows(axes, [titles[i] for i in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlabel("mean rank (1 is best); a line reaches down to the methods that do not differ")
    tidy(axes, "x")
    words = f"Best mean rank {sorted_ranks[0]:.2f}: {titles[order[0]]}."
    return Drawn(f"ranks-{protocol}-tim{tim}", f"{heading}, protocol {protocol}, TIM {tim}", words, figure)
