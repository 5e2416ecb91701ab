"""From a folder of records to everything a reader sees: tables, figures and the page."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from basis.files import write_atomically
from results.numbers import tables, unit_tables
from results.numbers.baselines import baselines_frame
from results.numbers.metrics_table import metrics_frame, optimism_frame
from results.numbers.statistics_table import statistics_frame
from results.records.run_file import read_run_file, run_file_bytes
from results.records.runs import Results, load_results
from results.records.store import record_paths
from results.table_text import csv_text, render_table3, table3_csv, table3_latex, table3_markdown, title

DIGEST = ".report.json"
"""What the last report was made from; another report of the same records is not made again."""


@dataclass(frozen=True)
class ReportPaths:
    """What a report wrote; text is the table for the terminal, rebuilt says whether anything was new."""

    folder: Path
    files: tuple[Path, ...]
    text: str
    rebuilt: bool

    @property
    def page(self) -> Path:
        """The page of this run."""
        return self.folder / "report.html"


def report(run_folder: Path, *, force: bool = False) -> ReportPaths:
    """Write all tables, figures and report.html of a run folder, atomically, from its records alone.

    The same records give the same bytes. When nothing changed since the last report, nothing is redone.
    `force` mixes records of different conditions and says so in the tables. Raises NotARun, MixedRecords.
    """
    from results.clip_page import write_clip_page
    from results.figures import write_figures
    from results.page import write_page

    digest = _digest(run_folder, force)
    if (made := _up_to_date(run_folder, digest)) is not None:
        return made
    results = load_results(run_folder, force=force)
    frames = all_frames(results)
    written = _write_tables(run_folder, results, frames)
    figures = write_figures(run_folder / "figures", results, frames)
    written += list(figures.files)
    predictions = unit_tables.predictions_frame(results, tables.tested(results))
    written.append(write_clip_page(run_folder, results, predictions, faces=not results.info.data.private))
    written.append(write_page(run_folder, results, frames, figures))
    text = _text(results, frames)
    names = [str(path.relative_to(run_folder)) for path in written]
    body = {"digest": digest, "files": names, "text": text}
    write_atomically(run_folder / DIGEST, json.dumps(body, indent=1).encode())
    return ReportPaths(run_folder, tuple(written), text, rebuilt=True)


def write_tables(run_folder: Path, *, force: bool = False) -> ReportPaths:
    """The tables alone, without figures and page; see `report`."""
    results = load_results(run_folder, force=force)
    frames = all_frames(results)
    written = _write_tables(run_folder, results, frames)
    return ReportPaths(run_folder, tuple(written), _text(results, frames), rebuilt=True)


def all_frames(results: Results) -> dict[str, pd.DataFrame]:
    """Every table of a run by the name of its file; each number is computed here and nowhere else."""
    tested = tables.tested(results)
    return {
        "table3": tables.table3_frame(tested, results.info.task),
        "per_fold": unit_tables.per_fold_frame(results, tested),
        "metrics": metrics_frame(results, tested),
        "baselines": baselines_frame(tested, results.info.task),
        "statistics": statistics_frame(tested),
        "optimism": optimism_frame(tested),
        "costs": unit_tables.costs_frame(tested),
        "confusion": unit_tables.confusion_frame(results, tested),
    }


def _write_tables(folder: Path, results: Results, frames: Mapping[str, pd.DataFrame]) -> list[Path]:
    texts = {f"{name}.csv": csv_text(frame) for name, frame in frames.items()}
    texts["table3.csv"] = table3_csv(frames["table3"])
    texts["table3.md"] = table3_markdown(frames["table3"], results)
    texts["table3.tex"] = table3_latex(frames["table3"], results)
    contents: dict[str, bytes] = {name: text.encode() for name, text in texts.items()}
    parquet = io.BytesIO()
    unit_tables.predictions_frame(results, tables.tested(results)).to_parquet(parquet, index=False)
    contents["predictions.parquet"] = parquet.getvalue()
    for name, data in contents.items():
        _write_if_changed(folder / name, data)
    return [folder / name for name in contents]


def _write_if_changed(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        write_atomically(path, data)


def _text(results: Results, frames: Mapping[str, pd.DataFrame]) -> str:
    table = render_table3(frames["table3"], results.info, title(results.info, results.mixed))
    failures = [f"{len(results.failed)} units failed: see the page"] if results.failed else []
    lines = [table, "", *results.info.data.warnings, *results.warnings, *results.mixed, *failures]
    return "\n".join(lines).rstrip()


def _digest(folder: Path, force: bool) -> str:
    """Of the records, of the plan and of this package's own code; not of the command that was typed."""
    run = read_run_file(folder)
    plan = run_file_bytes(replace(run, stamp={**run.stamp, "argv": None}, command=""))
    whole = hashlib.sha256(f"{force}\n".encode() + plan)
    sources = sorted(p for p in Path(__file__).parent.rglob("*") if p.suffix in (".py", ".html", ".csv"))
    sheets = sorted((folder / "figures").glob("clips-*.svg"))
    for file in (*sources, *sheets, *record_paths(folder)):
        whole.update(f"{file.name}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


def _up_to_date(folder: Path, digest: str) -> ReportPaths | None:
    try:
        body = json.loads((folder / DIGEST).read_bytes())
        files = tuple(folder / name for name in body["files"])
        text, made_from = str(body["text"]), body["digest"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    if made_from != digest or not all(file.exists() for file in files):
        return None
    return ReportPaths(folder, files, text, rebuilt=False)
