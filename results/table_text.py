"""Tables as text: CSV, Markdown, LaTeX and the terminal, all from the same frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from results.numbers.tables import fold_columns
from results.records.run_file import RunFile
from results.records.runs import Results

MOST_FOLDS_SHOWN = 10
"""Tables for people leave the single folds out beyond this; the CSV has them all."""

PERCENTS = (
    *("mean", "seed_sd", "pooled", "low", "high", "uf1", "uar", "paper_style", "optimism", "floor"),
    *("published", "honest"),
)
NOT_THERE = "-"


def title(info: RunFile, mixed: Sequence[str] = ()) -> str:
    """What a table is of; it carries the profile, and says when conditions were mixed by force."""
    size = f", {info.data.n_clips} clips"
    control = info.settings.get("control", "none")
    labels = f", control: {control}" if control not in ("none", "", None) else ""
    forced = ", MIXED CONDITIONS" if mixed else ""
    return f"Table 3, {info.profile} profile, {info.data.title}{size}{labels}{forced}: accuracy in percent"


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV with unix line ends, its cells as `as_text` gives them."""
    return as_text(frame).to_csv(index=False, lineterminator="\n")


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Every cell as text, the same for CSV files and page: four decimals, p values with four digits."""
    made = {}
    for name in frame.columns:
        if pd.api.types.is_float_dtype(frame[name]):
            form = "{:.4g}" if name == "p" or str(name).startswith("p_") else "{:.4f}"
            made[name] = ["" if pd.isna(value) else form.format(value) for value in frame[name]]
        else:
            made[name] = ["" if pd.isna(value) else str(value) for value in frame[name]]
    return pd.DataFrame(made, columns=frame.columns, dtype=object)


def printed(frame: pd.DataFrame) -> pd.DataFrame:
    """Table 3 with every cell as it is printed: two decimals, and "4 of 5 folds" where a mean would be."""
    shown = frame.astype(object).copy()
    for name in (*fold_columns(frame), *PERCENTS):
        if name in shown:
            shown[name] = [_number(value) for value in frame[name]]
    shown["mean"] = [
        folds if " of " in folds else mean for mean, folds in zip(shown["mean"], shown["folds"], strict=True)
    ]
    return shown.astype(str)


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2f}".replace("-0.00", "0.00")


def table3_csv(frame: pd.DataFrame) -> str:
    """table3.csv: the printed cells."""
    return printed(frame).to_csv(index=False, lineterminator="\n")


def shown_columns(frame: pd.DataFrame) -> dict[str, str]:
    """The columns of a table for people, and their headings."""
    folds = fold_columns(frame)
    folds = folds if len(folds) <= MOST_FOLDS_SHOWN else []
    headings = {"title": "method", **{name: name.replace("fold", "fold ") for name in folds}, "mean": "mean"}
    if (frame["seeds"] > 1).any():
        headings["seed_sd"] = "sd of seeds"
    headings |= {"interval": "95 % interval", "uf1": "UF1", "uar": "UAR", "paper_style": "paper-style"}
    headings |= {"optimism": "optimism", "published": "paper", "note": "note"}
    return headings


def blocks(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The printed table cut by protocol and TIM, with the heading of each part; empty folds left away."""
    parts = []
    for (protocol, tim), part in frame.groupby(["protocol", "tim"], sort=False):
        lacking = [name for name in fold_columns(part) if part[name].isna().all()]
        used = part.drop(columns=lacking if len(lacking) < len(fold_columns(part)) else [])
        shown = printed(used)
        shown["interval"] = _intervals(shown)
        shown["best"] = _best(part)
        parts.append((f"protocol {protocol}, TIM {tim}", shown))
    return parts


def _intervals(shown: pd.DataFrame) -> list[str]:
    return [
        f"{low}-{high}" if low and high else "" for low, high in zip(shown["low"], shown["high"], strict=True)
    ]


def _best(part: pd.DataFrame) -> list[bool]:
    """Whether a row has the highest mean; a floor may have it, no method is praised for less."""
    means = part["mean"].round(2)
    return [bool(value) for value in means == means.max()]


def render_table3(frame: pd.DataFrame, heading: str = "") -> str:
    """Table 3 for a terminal: plain text, the best mean marked with a star, then what the columns mean."""
    lines = [heading] if heading else []
    for name, shown in blocks(frame):
        columns = shown_columns(shown.assign(seeds=shown["seeds"].astype(int)))
        rows = [list(columns.values())]
        for _, row in shown.iterrows():
            cells = [str(row[column]) or NOT_THERE for column in columns]
            cells[list(columns).index("mean")] += " *" if row["best"] else ""
            cells[-1] = str(row["note"])
            rows.append(cells)
        lines += ["", name, *_aligned(rows)]
    return "\n".join([*lines, "", *LEGEND])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    align: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 2), str.ljust]
    made = ["  ".join(f(cell, w) for f, cell, w in zip(align, row, widths, strict=True)) for row in rows]
    return [made[0].rstrip(), "-" * len(made[0].rstrip()), *(line.rstrip() for line in made[1:])]


def table3_markdown(frame: pd.DataFrame, results: Results) -> str:
    """Table 3 in Markdown, one table per protocol and TIM, best mean in bold."""
    lines = [f"# {title(results.info, results.mixed)}", ""]
    lines += [f"> {line}" for line in (*results.warnings, *results.mixed)]
    for name, shown in blocks(frame):
        columns = shown_columns(shown.assign(seeds=shown["seeds"].astype(int)))
        lines += ["", f"## {name}", "", _pipes(list(columns.values()))]
        lines.append(_pipes([":--", *["--:"] * (len(columns) - 2), ":--"]))
        for _, row in shown.iterrows():
            cells = [str(row[column]).replace("|", "\\|") for column in columns]
            place = list(columns).index("mean")
            cells[place] = f"**{cells[place]}**" if row["best"] else cells[place]
            lines.append(_pipes(cells))
    return "\n".join([*lines, "", *(f"{line}  " for line in LEGEND), ""])


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


LEGEND = (
    "mean: of the folds, each candidate chosen on the training clips alone (honest); the highest is marked.",
    "95 % interval: of the accuracy over all clips, bootstrap over subjects.",
    "UF1 and UAR: in percent, over all clips.",
    "paper-style: the mean with the best candidate on each test fold, as in the paper; optimism: its gain.",
    "paper: the mean that the paper prints, on its own data.",
    "note: a method is compared with always naming the majority class of the other folds.",
)
"""What the columns mean, for every place that prints the table."""


def table3_latex(frame: pd.DataFrame, results: Results) -> str:
    """Table 3 in LaTeX (booktabs), one tabular per protocol and TIM, best mean in bold."""
    lines = [f"% {title(results.info, results.mixed)}", "% needs \\usepackage{booktabs}"]
    for name, shown in blocks(frame):
        columns = shown_columns(shown.assign(seeds=shown["seeds"].astype(int)))
        lines += ["\\begin{table}", "\\centering"]
        lines.append(f"\\caption{{{_tex(title(results.info, results.mixed))}; {_tex(name)}.}}")
        lines += [f"\\begin{{tabular}}{{l{'r' * (len(columns) - 2)}l}}", "\\toprule"]
        lines += [_ampersands([_tex(text) for text in columns.values()]), "\\midrule"]
        for _, row in shown.iterrows():
            cells = [_tex(str(row[column])) for column in columns]
            place = list(columns).index("mean")
            cells[place] = f"\\textbf{{{cells[place]}}}" if row["best"] else cells[place]
            lines.append(_ampersands(cells))
        lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
    return "\n".join(lines)


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\"


TEX = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}


def _tex(text: str) -> str:
    return "".join(TEX.get(letter, f"\\{letter}" if letter in "&%$#_{}" else letter) for letter in text)
