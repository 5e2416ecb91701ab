"""report.html: one file that opens offline, made from the same texts as the CSV files."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from basis.files import write_atomically
from results.audit import audit
from results.beside import links
from results.clip_page import CLIP_PAGE, HARDEST, Group, hardest
from results.figures.style import INK, PAPER, QUIET, Figures, Picture
from results.inline import inline_json
from results.notes import in_few_lines
from results.numbers.findings import findings_of
from results.numbers.tables import fold_columns
from results.records.run_file import RunFile
from results.records.runs import Results, place_of
from results.table_text import LEGEND, as_text, blocks, headline_of, shown_columns, title, with_roles

MOST_BYTES = 2_900_000
"""Of the whole page; where figures would make it larger, the largest are shown from their files."""

MOST_BLOCKS = 4
"""Tables of one section that are shown together; of more the page opens with the first protocol and TIM."""

FILES = {
    "table3.csv": "Table 3",
    "table3.md": "Table 3, Markdown",
    "table3.tex": "Table 3, LaTeX",
    "per_fold.csv": "every unit",
    "metrics.csv": "metrics",
    "baselines.csv": "what each method adds to each baseline",
    "statistics.csv": "pairs of methods",
    "optimism.csv": "honest and paper-style",
    "costs.csv": "costs",
    "confusion.csv": "confusion counts",
    "predictions.parquet": "every prediction",
}


@dataclass(frozen=True)
class Table:
    """A table of the page: columns maps CSV column to heading, rows are CSV cells by column.

    Attributes
    ----------
    parts
        The same rows in groups, each with the heading above it.
    first
        The column of the headline.
    """

    name: str
    heading: str
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    parts: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] = ()
    first: str = ""
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def as_json(self) -> Markup:
        """What the page's script draws the table from once it is opened; it cannot end its element."""
        rows = [[row[column] for column in self.columns] for row in self.rows]
        value = {"name": self.name, "where": self.where, "columns": self.columns, "rows": rows}
        return inline_json(value)

    @property
    def bodies(self) -> Sequence[tuple[str, Sequence[Mapping[str, Any]]]]:
        """The rows under the headings that stand between them."""
        return self.parts or (("", self.rows),)


def write_page(
    folder: Path,
    results: Results,
    frames: Mapping[str, pd.DataFrame],
    clips: Sequence[Group],
    figures: Figures,
    *,
    faces: bool,
) -> Path:
    """Write `folder/report.html` and return its path."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("results", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    content = _content(results, frames, figures, faces) | {
        "hardest": _hardest(clips),
        "beside": links(folder),
    }
    template = environment.get_template("page.html")
    pictures = [*figures.pictures, *figures.sheets]
    without = template.render(**content, pictures=_pictures(pictures, 0))
    room = max(MOST_BYTES - len(without.encode()), 0)
    text = template.render(**content, pictures=_pictures(pictures, room))
    path = folder / "report.html"
    write_atomically(path, text.encode())
    return path


def _content(
    results: Results, frames: Mapping[str, pd.DataFrame], figures: Figures, faces: bool
) -> dict[str, Any]:
    info, table = results.info, frames["table3"]
    planned = len(info.units)
    return {
        "title": title(info, results.mixed),
        "info": info,
        "warnings": [*info.data.warnings, *results.warnings, *results.mixed],
        "hidden": [] if faces else info.data.private,
        "done": planned - len(_unfinished(frames["per_fold"])),
        "planned": planned,
        "legend": LEGEND,
        "main": _main_tables(table, info),
        "findings": findings_of(frames["baselines"], info),
        **_choices(table, info),
        "baselines": _baselines(frames["baselines"], info),
        "metrics": _metrics(frames["metrics"], results),
        "statistics": _statistics(frames["statistics"]),
        "optimism": _plain("optimism", frames["optimism"], _hidden_numbers(frames["optimism"], info)),
        "costs": _plain("costs", frames["costs"]),
        "audit": _plain("audit", audit().verdicts),
        "leaks": [(f"{each.title} ({each.name})", each.leaks) for each in info.protocols],
        "references": info.references,
        "counts": _class_counts(info.data.class_counts),
        "settings": json.dumps(dict(info.settings), indent=1, sort_keys=True),
        "stamp": json.dumps(dict(info.stamp), indent=1, sort_keys=True),
        "failures": _failures(results),
        "unfinished": _unfinished(frames["per_fold"]),
        "set_aside": [*info.set_aside, *_set_aside_by_methods(results)],
        "notes": _notes(results),
        "files": FILES,
        "clip_page": CLIP_PAGE,
    }


def _choices(table: pd.DataFrame, info: RunFile) -> dict[str, Any]:
    """What the choosers offer, and whether the page opens with the first of each."""
    protocols, tims = list(dict.fromkeys(table["protocol"])), list(dict.fromkeys(table["tim"]))
    return {
        "chosen_protocols": [(name, info.protocol(str(name)).title) for name in protocols],
        "chosen_tims": tims,
        "narrow": len(table.groupby(["protocol", "tim"])) > MOST_BLOCKS,
    }


def _where(protocol: Any, tim: Any, **more: Any) -> dict[str, str]:
    return {"protocol": str(protocol), "tim": str(tim), **{name: str(value) for name, value in more.items()}}


def _main_tables(frame: pd.DataFrame, info: RunFile) -> list[Table]:
    tables = []
    for heading, shown in blocks(frame, info):
        columns, folds = shown_columns(shown), fold_columns(shown)
        parts = [(role, _records(part)) for role, part in with_roles(shown)]
        rows = [row for _, part in parts for row in part]
        if len(folds) > 1 and not set(folds) & set(columns):
            for row in rows:
                row["strip"] = strip([row[name] for name in folds])
            note = columns.pop("note")
            columns |= {"strip": f"{len(folds)} folds", "note": note}
        where = _where(rows[0]["protocol"], rows[0]["tim"])
        tables.append(Table("table3", heading, columns, rows, parts, headline_of(shown), where))
    return tables


def strip(cells: Sequence[str]) -> Markup:
    """Many folds in a picture of a few pixels each: a bar per fold, as high as its percent, in one order.

    Parameters
    ----------
    cells
        Percent as text, empty where the fold has no result.
    """
    values = [float(cell) for cell in cells if cell]
    if not values:
        return Markup("")
    bars = "".join(f"M{i} 20V{20 - float(cell) / 5:.3g}h.8V20" for i, cell in enumerate(cells) if cell)
    lowest, middle, highest = min(values), statistics.median(values), max(values)
    words = f"{len(values)} folds: lowest {lowest:g}, median {middle:g}, highest {highest:g} %"
    return Markup(
        '<svg class="strip" role="img" aria-label="{}" viewBox="0 0 {} 20" preserveAspectRatio="none">'
        '<title>{}</title><path d="{}"/></svg>'
    ).format(words, len(cells), words, bars)


BASELINES = {
    "title": "method",
    "value": "method's",
    "baseline": "baseline",
    "baseline_value": "baseline's",
    "gain": "gain",
    "low": "low",
    "high": "high",
    "people": "people",
    "verdict": "verdict",
}
"""Columns of baselines.csv and their headings."""


def _baselines(frame: pd.DataFrame, info: RunFile) -> list[Table]:
    """What each method adds to each baseline, a table per protocol and TIM."""
    tables = []
    for (protocol, tim), part in frame.groupby(["protocol", "tim"], sort=False):
        heading = f"{info.protocol(str(protocol)).title} ({protocol}), TIM {tim}"
        rows = _records(as_text(part))
        tables.append(Table("baselines", heading, BASELINES, rows, where=_where(protocol, tim)))
    return tables


def _hardest(clips: Sequence[Group]) -> list[Table]:
    """The ten clips that most methods miss, a table per protocol and TIM."""
    tables = []
    for group in clips:
        heading = f"{group.protocol.title} ({group.protocol.name}), TIM {group.tim}"
        rows, where = _records(as_text(hardest([group]))), _where(group.protocol.name, group.tim)
        tables.append(Table("hardest", heading, HARDEST, rows, where=where))
    return tables


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(name: str, frame: pd.DataFrame, hidden: Sequence[str] = ("method",), heading: str = "") -> Table:
    columns = {str(column): str(column).replace("_", " ") for column in frame.columns if column not in hidden}
    return Table(name, heading, columns, _records(as_text(frame)))


def _hidden_numbers(frame: pd.DataFrame, info: RunFile) -> list[str]:
    """Columns of the optimism table that the page leaves to the CSV: those of the other kind of headline."""
    of_uf1 = [str(name) for name in frame.columns if str(name).startswith(("uf1_", "uar_"))]
    beside = [name.removeprefix("uf1_") for name in of_uf1 if name.startswith("uf1_")]
    return ["method", *(beside if info.task.headline == "uf1-uar" else of_uf1)]


def _metrics(frame: pd.DataFrame, results: Results) -> list[Table]:
    """Pooled metrics under honest selection, a table per protocol, TIM and database."""
    own = frame[(frame["selection"] == "honest") & (frame["scope"] == "pooled")]
    keep = ["accuracy", "accuracy_low", "accuracy_high", "uf1", "uf1_low", "uf1_high"]
    keep += ["uar", "uar_low", "uar_high", "macro_precision", *(f"recall_{c}" for c in results.classes)]
    tables = []
    columns = ["title", "folds", "clips", "subjects", *keep]
    headings = {name: name.replace("_", " ") for name in columns} | {"title": "method"}
    for (protocol, tim, database), part in own.groupby(["protocol", "tim", "database"], sort=False):
        titled = as_text(part)
        titled["title"] = [results.info.title(name) for name in part["method"]]
        whole = "all databases" if database == "all" else database
        heading = f"protocol {protocol}, TIM {tim}, {whole}"
        where = _where(protocol, tim, database=database)
        tables.append(Table("metrics", heading, headings, _records(titled), where=where))
    return tables


STATISTICS = {
    "a": "method a",
    "b": "method b",
    "verdict": "verdict",
    "difference": "a - b",
    "low": "low",
    "high": "high",
    "p_holm": "p (Holm)",
    "p": "p",
    "effect_size": "effect size",
    "wins": "wins",
    "ties": "ties",
    "losses": "losses",
    "p_sign_flip": "p sign flip",
    "p_paired_t": "p paired t",
    "p_corrected_t": "p corrected t",
    "p_paper_t": "p paper's test",
    "mean_a": "mean a",
    "mean_b": "mean b",
    "n": "n",
}
"""Columns of statistics.csv and their headings, the conclusion first."""


def _statistics(frame: pd.DataFrame) -> list[Table]:
    tables = []
    for (protocol, tim), part in frame.groupby(["protocol", "tim"], sort=False):
        heading = f"protocol {protocol}, TIM {tim}; units are {part['unit'].iloc[0]}s"
        rows = _records(as_text(part))
        tables.append(Table("statistics", heading, STATISTICS, rows, where=_where(protocol, tim)))
    return tables


def _class_counts(counts: Mapping[str, Mapping[str, int]]) -> Table:
    classes = list(dict.fromkeys(name for row in counts.values() for name in row))
    rows = [{"database": name, **{c: row.get(c, 0) for c in classes}} for name, row in counts.items()]
    frame = pd.DataFrame(rows, columns=["database", *classes])
    return _plain("counts", frame.assign(clips=frame[classes].sum(axis=1)))


def _unfinished(per_fold: pd.DataFrame) -> list[dict[str, Any]]:
    left = per_fold.loc[
        per_fold["status"] != "done", ["method", "tim", "protocol", "fold_name", "seed", "draw", "status"]
    ]
    return _records(left)


def _failures(results: Results) -> list[dict[str, str]]:
    found = []
    for record in results.failed:
        unit = record.unit
        where = f"{results.info.title(unit['method'])}, TIM {unit['tim']}, {unit['protocol']}, {unit['fold']}"
        error = record.error or {}
        found.append(
            {
                "where": f"{where}, {place_of(unit)[4]}",
                "status": record.status,
                "message": f"{error.get('type', '')}: {error.get('message', '')}".strip(": "),
                "traceback": error.get("traceback", "no traceback was left"),
            }
        )
    return found


def _set_aside_by_methods(results: Results) -> list[dict[str, str]]:
    """Clips that a method could not handle, once per method."""
    found = {
        (str(record.unit["method"]), item["clip"], item["reason"])
        for record in results.records.values()
        for item in record.set_aside
    }
    titles = results.info.title
    return [
        {"database": clip.partition("/")[0], "clip": clip, "stage": titles(method), "reason": reason}
        for method, clip, reason in sorted(found)
    ]


def _notes(results: Results) -> list[tuple[str, str, int]]:
    """What methods noted while they ran: method, note, how many units said so."""
    noted: dict[str, list[str]] = {}
    for record in results.records.values():
        noted.setdefault(results.info.title(str(record.unit["method"])), []).extend(record.notes)
    return [(method, *line) for method, notes in sorted(noted.items()) for line in in_few_lines(notes)]


def _pictures(pictures: Sequence[Picture], room: int) -> list[dict[str, Any]]:
    """Figures with their SVG made fit for the page, the largest left beside it when `room` bytes are full."""
    inline = {each.name: _inline(each.svg, i) if each.svg else "" for i, each in enumerate(pictures)}
    for name in sorted(inline, key=lambda key: len(inline[key]), reverse=True):
        if sum(len(text.encode()) for text in inline.values()) <= room:
            break
        inline[name] = ""
    return [
        {
            "name": picture.name,
            "title": picture.title,
            "words": picture.words,
            "svg": Markup(inline[picture.name]),
            "shape": _shape(picture.svg),
            "files": [f"figures/{path.name}" for path in picture.files],
        }
        for picture in pictures
    ]


def _shape(svg: str) -> str:
    """Width and height of a figure, so that its place is kept until it is drawn; empty where it is hidden."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    return f"{found[1]} / {found[2]}" if found else ""


def _inline(svg: str, number: int) -> str:
    """An SVG for the page: own ids, ink in the page's colour, no background, shorter numbers."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<title>.*?</title>", "", body, flags=re.DOTALL)
    body = re.sub(r'(width|height)="[\d.]+pt" ', "", body, count=2)
    body = re.sub(r'\bid="', f'id="f{number}-', body)
    body = re.sub(r'(url\(#|href="#)', rf"\1f{number}-", body)
    # shorter coordinates; digits of titles and axes, which stand between the tags, are left alone
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag.group()), body)
    body = body.replace(INK, "currentColor").replace(QUIET, "var(--quiet)")
    body = body.replace(f"fill: {PAPER}", "fill: none")
    return re.sub(r"\s*\n\s*", " ", body)
