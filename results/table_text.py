"""Tables as text: CSV, Markdown, LaTeX and the terminal, all from the same frame."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from results.numbers.tables import fold_columns
from results.records.run_file import RunFile
from results.records.runs import Results

MOST_FOLDS_SHOWN = 10
"""Tables for people leave the single folds out beyond this; the CSV has them all."""

LEFT_OUT = ("pooled", "uar", "uf1", "published", "optimism", "seed_sd")
"""What a narrow terminal does without, one after the other, the headline's number never."""

NUMBERS = ("mean", "pooled", "uf1", "uar")
"""The numbers of a row that have an interval."""
PERCENTS = (
    *NUMBERS,
    *(f"{name}{end}" for name in ("", *(f"{n}_" for n in NUMBERS[1:])) for end in ("low", "high")),
    *("seed_sd", "paper_style", "optimism", "floor", "published", "honest"),
)
HEADINGS = {"mean": "mean of folds", "pooled": "all clips", "uf1": "UF1", "uar": "UAR"}
ORDERS = {
    "mean": ("mean", "pooled", "uf1", "uar"),
    "pooled": ("pooled", "mean", "uf1", "uar"),
    "uar": ("uar", "uf1", "pooled", "mean"),
}
"""Which number stands first, by the headline of a table; the first one, and UF1 beside UAR, with interval."""
ROLE_HEADINGS = {"paper": "", "extra": "not in Table 3", "baseline": "baselines"}
NOT_THERE = "-"


def title(info: RunFile, mixed: Sequence[str] = ()) -> str:
    """What a table is of; it carries the profile, and says when conditions were mixed by force."""
    size = f", {info.data.n_clips} clips"
    control = info.settings.get("control", "none")
    labels = f", control: {control}" if control not in ("none", "", None) else ""
    forced = ", MIXED CONDITIONS" if mixed else ""
    task = "" if info.task.headline == "accuracy" else f", {info.task.title}"
    return f"Table 3, {info.profile} profile, {info.data.title}{size}{task}{labels}{forced}: in percent"


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
    numbers = {*fold_columns(frame), *PERCENTS}
    shown = {name: list(map(_number if name in numbers else _word, frame[name])) for name in frame}
    shown["mean"] = [
        folds if " of " in folds else mean for mean, folds in zip(shown["mean"], shown["folds"], strict=True)
    ]
    return pd.DataFrame(shown, index=frame.index, columns=frame.columns, dtype=object)


def _word(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2f}".replace("-0.00", "0.00")


def table3_csv(frame: pd.DataFrame) -> str:
    """table3.csv: the printed cells."""
    return printed(frame).to_csv(index=False, lineterminator="\n")


def headline_of(frame: pd.DataFrame) -> str:
    """The number by which the methods of one protocol's rows are judged."""
    return str(frame["headline"].mode().iloc[0])


def shown_columns(frame: pd.DataFrame) -> dict[str, str]:
    """The columns of a printed table for people, with headings; the headline first, then its interval."""
    folds = fold_columns(frame)
    first, *others = ORDERS[headline_of(frame)]
    folds = folds if first == "mean" and len(folds) <= MOST_FOLDS_SHOWN else []
    headings = {"title": "method", first: HEADINGS[first], "interval": "95 % interval"}
    if (frame["seeds"].astype(int) > 1).any():
        headings["seed_sd"] = "sd of seeds"
    if first == "uar":
        headings |= {"uf1": "UF1", "uf1_interval": "95 % interval"}
    headings |= {name: HEADINGS[name] for name in others}
    headings |= {"paper_style": "paper-style", "optimism": "optimism"}
    if (frame["published"] != "").any():
        headings["published"] = "paper"
    headings |= {name: name.replace("fold", "fold ") for name in folds}
    return {**headings, "note": "note"}


def blocks(frame: pd.DataFrame, info: RunFile) -> list[tuple[str, pd.DataFrame]]:
    """The printed table cut by protocol and TIM, with the heading of each part; empty folds left away."""
    parts = []
    for (protocol, tim), part in frame.groupby(["protocol", "tim"], sort=False):
        lacking = [name for name in fold_columns(part) if part[name].isna().all()]
        used = part.drop(columns=lacking if len(lacking) < len(fold_columns(part)) else [])
        shown = printed(used)
        first = headline_of(part)
        if first != "mean":
            words = shown["mean"].str.contains(" of ")
            shown.loc[words, first], shown.loc[words, "mean"] = shown.loc[words, "mean"], ""
        shown["interval"] = _intervals(shown, "" if first == "mean" else f"{first}_")
        shown["uf1_interval"] = _intervals(shown, "uf1_")
        shown["best"] = _best(part[first])
        parts.append((f"{info.protocol(str(protocol)).title} ({protocol}), TIM {tim}", shown))
    return parts


def with_roles(shown: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of a printed part by role, each with the heading that stands above them."""
    return [(ROLE_HEADINGS[str(role)], part) for role, part in shown.groupby("role", sort=False)]


def _intervals(shown: pd.DataFrame, prefix: str) -> list[str]:
    pairs = zip(shown[f"{prefix}low"], shown[f"{prefix}high"], strict=True)
    return [f"{low}-{high}" if low and high else "" for low, high in pairs]


def _best(values: pd.Series[float]) -> list[bool]:
    """Whether a row has the highest headline; a baseline may have it, no method is praised for less."""
    rounded = values.round(2)
    return [bool(value) for value in rounded == rounded.max()]


def render_table3(frame: pd.DataFrame, info: RunFile, heading: str = "", *, width: int = 0) -> str:
    """Table 3 for a terminal: plain text, the best headline starred, then what the columns mean.

    Where `width` columns are too few, the single folds are left out, then notes stand below their rows,
    then other columns go; table3.csv has them all.
    """
    lines = [heading] if heading else []
    for name, shown in blocks(frame, info):
        lines += ["", name, *_within(width, shown, shown_columns(shown))]
    return "\n".join([*lines, "", *LEGEND])


def _within(width: int, shown: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """One part of the printed table in at most `width` columns of a terminal, if it can be (0: as is)."""
    made, folds, headline = _block(shown, columns), fold_columns(shown), headline_of(shown)
    for names in (folds, [], *([name, f"{name}_interval"] for name in LEFT_OUT if name != headline)):
        if 0 < width < _widest(made):
            columns = {name: words for name, words in columns.items() if name not in names}
            made = _block(shown, columns, notes_below=names != folds)
    return made


def _widest(lines: Iterable[str]) -> int:
    return max(map(columns_of, lines))


def _block(shown: pd.DataFrame, columns: Mapping[str, str], *, notes_below: bool = False) -> list[str]:
    """Heading, rule and rows of one part of the printed table; before them what role the rows have."""
    rows = [list(columns.values())]
    after: dict[int, list[str]] = {}
    roles = with_roles(shown)
    for role, part in roles:
        if role and len(roles) > 1:
            after.setdefault(len(rows) - 1, []).append(f"  {role}:")
        for _, row in part.iterrows():
            cells = _terminal_cells(row, columns)
            if notes_below and cells[-1]:
                after[len(rows)] = [f"    {cells[-1]}"]
            rows.append([*cells[:-1], ""] if notes_below else cells)
    if notes_below:
        rows[0][-1] = ""
    heading, *aligned = _aligned(rows)
    made = [heading, "-" * columns_of(heading), *after.get(0, [])]
    for place, line in enumerate(aligned, start=1):
        made += [line, *after.get(place, [])]
    return made


def _terminal_cells(row: pd.Series[str], columns: Mapping[str, str]) -> list[str]:
    cells = [one_line(str(row[column])) or NOT_THERE for column in columns]
    first = list(columns).index("interval") - 1
    cells[first] += " *" if row["best"] else ""
    cells[-1] = str(row["note"])
    return cells


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    made = []
    for row in rows:
        padded = [
            cell + " " * (width - columns_of(cell))
            if i in (0, last)
            else " " * (width - columns_of(cell)) + cell
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        made.append("  ".join(padded).rstrip())
    return made


def columns_of(text: str) -> int:
    """How wide a text is in columns or letters: two for a wide one (CJK), none for a combining mark."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def one_line(text: str) -> str:
    """The text with line feeds and other control characters as blanks."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def table3_markdown(frame: pd.DataFrame, results: Results) -> str:
    """Table 3 in Markdown, one table per protocol and TIM, best headline in bold."""
    info = results.info
    lines = [f"# {_md(title(info, results.mixed))}", ""]
    lines += [f"> {_md(line)}" for line in (*info.data.warnings, *results.warnings, *results.mixed)]
    for name, shown in blocks(frame, info):
        columns = shown_columns(shown)
        lines += ["", f"## {_md(name)}", "", _pipes(list(columns.values()))]
        lines.append(_pipes([":--", *["--:"] * (len(columns) - 2), ":--"]))
        roles = with_roles(shown)
        for role, part in roles:
            if role and len(roles) > 1:
                lines.append(_pipes([f"*{role}*", *[""] * (len(columns) - 1)]))
            for _, row in part.iterrows():
                cells = [_md(str(row[column])) for column in columns]
                place = list(columns).index("interval") - 1
                cells[place] = f"**{cells[place]}**" if row["best"] else cells[place]
                lines.append(_pipes(cells))
    return "\n".join([*lines, "", *(f"{line}  " for line in LEGEND), ""])


def _md(text: str) -> str:
    """A text that Markdown prints as it is, HTML included."""
    return re.sub(r"([\\`*_\[\]<>|$~#])", r"\\\1", one_line(text))


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


LEGEND = (
    "mean of folds, all clips: accuracy, each candidate chosen on the training clips alone (honest).",
    "The first number is the headline of the protocol, the 95 % interval beside it is its own: over people,",
    "with the part of the seeds where there are several; the highest is marked. UF1, UAR: over all clips.",
    "paper-style: accuracy with the best candidate on each test fold, as in the paper; optimism: its gain.",
    "paper: the mean that the paper prints, on its own data.",
    "note: what a method is not, or not clearly, above: the best of the majority of the other folds, one",
    "class for all clips, chance, and what knows the person or the database and sees no picture; and that it",
    "names one class for all clips of a fold.",
)
"""What the columns mean, for every place that prints the table."""


def table3_latex(frame: pd.DataFrame, results: Results) -> str:
    """Table 3 in LaTeX (booktabs), one tabular per protocol and TIM, best headline in bold."""
    heading = title(results.info, results.mixed)
    lines = [f"% {one_line(heading)}", "% needs \\usepackage{booktabs}"]
    for name, shown in blocks(frame, results.info):
        columns = shown_columns(shown)
        lines += ["\\begin{table}", "\\centering"]
        lines.append(f"\\caption{{{_tex(heading)}; {_tex(name)}.}}")
        lines += [f"\\begin{{tabular}}{{l{'r' * (len(columns) - 2)}l}}", "\\toprule"]
        lines += [_ampersands([_tex(text) for text in columns.values()]), "\\midrule"]
        for i, (_, part) in enumerate(with_roles(shown)):
            lines += ["\\midrule"] if i else []
            for _, row in part.iterrows():
                cells = [_tex(str(row[column])) for column in columns]
                place = list(columns).index("interval") - 1
                cells[place] = f"\\textbf{{{cells[place]}}}" if row["best"] else cells[place]
                lines.append(_ampersands(cells))
        lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
    return "\n".join(lines)


def _ampersands(cells: Sequence[str]) -> str:
    # a cell that begins with [ would be read as the optional length of the \\\\ before it
    protected = [f"{{}}{cell}" if cell.startswith(("[", "*")) else cell for cell in cells]
    return " & ".join(protected) + " \\\\"


TEX = {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
TEX |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
TEX |= {"<": "\\textless{}", ">": "\\textgreater{}", "|": "\\textbar{}"}


def _tex(text: str) -> str:
    return "".join(TEX.get(letter, letter) for letter in one_line(text))
